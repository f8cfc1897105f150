#ifndef LANED_BIO_ENROL_H
#define LANED_BIO_ENROL_H

#include "bio/decide.h"
#include "bio/store.h"

#include <stdbool.h>

/*
 * One enrolment: fingers x impressions collected under a signed consent, gated by quality and by
 * agreement with each other, then consolidated into one reference a finger. Everything stays in
 * locked memory until enrol_commit; nothing of an abandoned session is kept.
 */
#define ENROL_FINGERS_MAX 4u

struct enrol_options {
	unsigned fingers, impressions; /* 1..4, 1..REFERENCE_IMPRESSIONS_MAX */
	uint8_t quality_min;
	const struct decide_policy *policy; /* borrowed; for the duplicate search */
};

struct enrol;

/* 0; -EINVAL options out of range; -ENOMEM. */
int enrol_new(const struct enrol_options *o, struct ulid session, struct ulid subject,
	      const struct store_consent *consent, struct enrol **ret_enrol);
struct enrol *enrol_free(struct enrol *e);
struct ulid enrol_session(const struct enrol *e);
struct ulid enrol_subject(const struct enrol *e);
/* Which impression of which finger is wanted next, from 0. */
void enrol_wanted(const struct enrol *e, unsigned *ret_finger, unsigned *ret_impression);

enum enrol_outcome { ENROL_TAKEN, ENROL_RETRY, ENROL_DUPLICATE, ENROL_COMPLETE };
const char *enrol_outcome_name(enum enrol_outcome o); /* "taken", "retry", ... */

struct enrol_progress {
	enum enrol_outcome outcome;
	unsigned finger, impression; /* from 0: the one just judged */
	uint8_t quality, hints;
	const char *why; /* static text when not taken, else NULL */
};

/*
 * Judges one impression. TAKEN: the next is wanted; RETRY: not good enough, another finger than
 * before, or the finger already enrolled; DUPLICATE: somebody in the gallery has this finger, the
 * session can only be cancelled; COMPLETE: all taken, commit may follow.
 */
void enrol_impression(struct enrol *e, struct gallery *g, const struct finger_features *f,
		      struct enrol_progress *ret_progress);
bool enrol_complete(const struct enrol *e);
/* The impressions of a complete session, from 0; NULL: there are no more. */
const struct finger_features *enrol_taken(const struct enrol *e, unsigned i);

/*
 * Consolidates, adds to the gallery and stores. 0 and the number of references; -EAGAIN not
 * complete; errors of reference_make, gallery_add and store_enrol: nothing was stored, and a
 * subject that was not in the gallery before is not in it afterwards.
 */
int enrol_commit(struct enrol *e, struct store *s, struct gallery *g,
		 unsigned *ret_references);

#endif
