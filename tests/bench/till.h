#ifndef LANED_TESTS_BENCH_TILL_H
#define LANED_TESTS_BENCH_TILL_H

#include "bio/decide.h"
#include "bio/gallery/gallery.h"

/*
 * What laned-bio makes of a touch, without its processes: the same searches, thresholds and
 * decisions with the defaults of every key. See service_judge.c and service_search.c.
 */
#define TILL_NEAREST_MAX 8u /* as many as are remembered of a touch for the next one */

struct till {
	struct gallery *gallery; /* borrowed */
	struct decide_policy policy;
	uint8_t enrol_quality_min;
};

/* The policy of a store that has changed nothing. */
void till_defaults(struct till *t);

struct till_touch {
	const struct finger_features *features; /* borrowed; NULL: not acquired */
	bool accepted;
	struct ulid subject; /* who was accepted */
	bool ambiguous;      /* another finger is asked for */
	struct ulid nearest[TILL_NEAREST_MAX];
	size_t nearest_count;
};

/* One to many. features NULL: a failure to acquire, which nobody is identified by. */
void till_identify(const struct till *t, const struct finger_features *features,
		   struct till_touch *ret);

/* One to one, after a claim. */
bool till_verify(const struct till *t, const struct finger_features *features,
		 struct ulid subject);

/*
 * Two touches, neither of which was enough alone, by two fingers: whether both together are. False
 * also where the first touch does not make the lane ask for another finger.
 */
bool till_both(const struct till *t, const struct till_touch *first,
	       const struct till_touch *second, struct ulid *ret_subject);

#endif
