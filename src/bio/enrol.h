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
	/* Of the fingers, ISO/IEC 19794-2: 1..5 right thumb to little, 6..10 left. All 0: the usual. */
	uint32_t positions[ENROL_FINGERS_MAX];
};

/* "right-index" and so on, for 1..10; "" for any other. */
const char *enrol_position_name(uint32_t position);
/* 1..10, or 0 when there is no such name. */
uint32_t enrol_position_parse(struct str name);
/*
 * NULL, or why these are no positions to be enrolled: all different, and where there are two or more
 * the first two of different hands, because one bandage takes away one hand.
 */
const char *enrol_positions_wrong(const uint32_t *positions, size_t count);

struct enrol;

/* 0; -EINVAL options out of range, or positions that are wrong; -ENOMEM. */
int enrol_new(const struct enrol_options *o, struct ulid session, struct ulid subject,
	      const struct store_consent *consent, struct enrol **ret_enrol);
struct enrol *enrol_free(struct enrol *e);
struct ulid enrol_session(const struct enrol *e);
struct ulid enrol_subject(const struct enrol *e);
/* Which impression of which finger is wanted next, from 0; while one is sought, the one after it. */
void enrol_wanted(const struct enrol *e, unsigned *ret_finger, unsigned *ret_impression);

enum enrol_outcome { ENROL_TAKEN, ENROL_RETRY, ENROL_DUPLICATE, ENROL_COMPLETE };
const char *enrol_outcome_name(enum enrol_outcome o); /* "taken", "retry", ... */

struct enrol_progress {
	enum enrol_outcome outcome;
	unsigned finger, impression; /* from 0: the one just judged */
	uint32_t position;           /* of the finger */
	uint8_t quality;
	uint16_t hints;
	const char *why; /* static text when not taken, else NULL */
};

/* The position of the finger from 0; 0 when there are no more. */
uint32_t enrol_position(const struct enrol *e, unsigned finger);

/*
 * Judges one impression. TAKEN: the next is wanted; RETRY: not good enough, another finger than
 * before, or the finger already enrolled. Of a finger the best that agree with each other are taken,
 * out of the last REFERENCE_IMPRESSIONS_MAX that were good enough: when the first one was the odd one,
 * the others make it up without it. DUPLICATE: somebody in the gallery has this finger, the
 * session can only be cancelled; COMPLETE: all taken, commit may follow.
 * True: *ret_progress is the answer. False: there is none yet. An impression that agrees with none
 * before it, as the first one of a finger, has to be looked for in the gallery (enrol_sought); one impression that comes meanwhile waits for that
 * (enrol_next), a further one is to be repeated.
 */
bool enrol_impression(struct enrol *e, const struct finger_features *f,
		      struct enrol_progress *ret_progress);
/* The impression that is to be looked for among all, until enrol_searched; or NULL. */
const struct finger_features *enrol_sought(const struct enrol *e);
/*
 * Whether the candidates of that search, of so many references, say that somebody else has this
 * finger. Pure.
 */
bool enrol_is_duplicate(const struct enrol *e, uint64_t references,
			const struct gallery_candidate *candidates, size_t count);
/* The same of a finger that came without a session: does somebody else than the subject have it? */
bool enrol_is_somebodys(const struct decide_policy *policy, struct ulid subject,
			uint64_t references, const struct gallery_candidate *candidates,
			size_t count);
/* What the search said: the answer to the impression that was sought. */
void enrol_searched(struct enrol *e, bool duplicate, struct enrol_progress *ret_progress);
/* Judges the impression that waited, as enrol_impression; false also when there is none. */
bool enrol_next(struct enrol *e, struct enrol_progress *ret_progress);
bool enrol_complete(const struct enrol *e);
/* The impressions of a complete session, from 0; NULL: there are no more. */
const struct finger_features *enrol_taken(const struct enrol *e, unsigned i);

/* The claims that what is enrolled is sealed under, before the commit. */
void enrol_claims(struct enrol *e, const struct store_claims *claims);

/*
 * Consolidates and stores; nothing is added to the gallery. 0; -EAGAIN not complete; errors of
 * reference_make and store_enrol: nothing was stored.
 */
int enrol_commit(struct enrol *e, struct store *s);
/* What was stored, with the keys it has there; 0 of them before enrol_commit gave 0. */
const struct store_reference *enrol_references(const struct enrol *e,
					       unsigned *ret_count);

#endif
