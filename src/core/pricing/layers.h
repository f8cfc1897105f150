#ifndef LANED_CORE_PRICING_LAYERS_H
#define LANED_CORE_PRICING_LAYERS_H

#include "core/pricing/model.h"

/*
 * What a set of decisions costs, exactly. The search only guesses with bounds; every price that
 * leaves the engine was worked out here.
 */

/* Told of every discount; applications is how often the rule applied with this share. */
struct recorder {
	void (*share)(struct recorder *r, uint32_t live, uint32_t line, int64_t qty_milli,
		      int64_t off);
	void (*applied)(struct recorder *r, uint32_t live, uint32_t times);
	/* Units of an item that an application made free; may be NULL. */
	void (*freed)(struct recorder *r, uint32_t item, uint32_t units);
};

/* Which rules of the layers 2 and 3 apply: indices into problem.live, ascending. */
struct plan {
	const uint32_t *stacked, *basket;
	uint32_t stacked_count, basket_count;
};

/*
 * Layer 1: adds to off[line] what the takes save. Takes of one rule stand together and are sorted
 * as the rule's items are. A group of units that would save nothing is not applied. Units of a
 * group that was not completed are not in it. recorder and ret_idle may be NULL; *ret_idle: some
 * take saves nothing, so that its units are not really taken. 0 or -ENOMEM.
 */
int layers_unit(const struct problem *p, const struct take *takes, uint32_t count,
		int64_t *off, struct recorder *recorder, bool *ret_idle);

/* Room for layers_saves_alone(): takes for LAYERS_ALONE_TAKES more than items, off zeroed. */
#define LAYERS_ALONE_TAKES (BUNDLE_PARTS_MAX * BUNDLE_UNITS_MAX)
struct layers_scratch {
	struct take *takes;
	int64_t *off; /* of each line; left zeroed */
};

/*
 * Whether a rule of layer 1 would take anything off if it stood alone, judged by its first and
 * dearest application. 0 or -ENOMEM.
 */
int layers_saves_alone(const struct problem *p, uint32_t live,
		       const struct layers_scratch *scratch, bool *ret_saves);

/* Layer 2: the net of a line after one stacked rule. */
int64_t layers_stacked(const struct problem *p, const struct live *l, uint32_t line,
		       int64_t net);

/* What a basket rule takes off at most when its scope is worth this after layers 1 and 2. */
int64_t layers_basket_off(const struct problem *p, const struct live *l, int64_t base);

/* Whether the spend of a basket rule is reached. */
bool layers_spend_ok(const struct live *l, int64_t base);

/* The net of the lines in a rule's scope; and what they cannot go below. */
int64_t layers_base(const struct problem *p, const struct live *l, const int64_t *net);
int64_t layers_floor(const struct problem *p, const struct live *l);

/*
 * Layers 2 and 3 over net[lines] (in: after layer 1; out: payable). *ret_total is the sum, or
 * INT64_MAX when the plan is not allowed because a spend is not reached. 0 or -ENOMEM.
 */
int layers_rest(const struct problem *p, const struct plan *plan, int64_t *net,
		struct recorder *recorder, int64_t *ret_total);
/* Only the total of it: net[] is scratch. Nothing is shared where all basket rules have room. */
int layers_total(const struct problem *p, const struct plan *plan, int64_t *net,
		 int64_t *ret_total);

#endif
