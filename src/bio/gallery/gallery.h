#ifndef LANED_BIO_GALLERY_GALLERY_H
#define LANED_BIO_GALLERY_GALLERY_H

#include "base/plain/ids.h"
#include "bio/finger/finger.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The gallery: every reference of this lane in locked memory, searched one to many. Scores are
 * calibrated: 1/100 dB of -10 log10(FMR), so 4000 means one impostor comparison in 10 000 reaches
 * it. All of it is integer arithmetic and the same on every CPU.
 */
struct gallery;

#define GALLERY_SCORE_MAX 9000 /* 90.00 dB */
#define GALLERY_CANDIDATES_MAX 16u

struct gallery_candidate {
	struct ulid subject;
	uint32_t finger; /* the caller's tag of the reference: finger position 1..10 */
	int32_t score;   /* 1/100 dB, 0..GALLERY_SCORE_MAX */
};

struct gallery_stats {
	uint64_t references, subjects;
	uint64_t bytes;
};

/* A gallery for at most references_max references. NULL: no memory. */
struct gallery *gallery_new(uint64_t references_max);
struct gallery *gallery_free(struct gallery *g);

/*
 * Adds the packed reference of a subject's finger; an existing one with the same tag is replaced.
 * 0; -EBADMSG, -ENOTSUP as reference_unpack; -ENOSPC the gallery is full; -ENOMEM.
 */
int gallery_add(struct gallery *g, struct ulid subject, uint32_t finger,
		const uint8_t *reference, size_t bytes);

/* Removes all references of a subject. The number removed. */
unsigned gallery_remove(struct gallery *g, struct ulid subject);

struct gallery_stats gallery_stats(const struct gallery *g);

/* What one search wants. subjects NULL = everybody, else only these (claim, digits, 1:1). */
struct gallery_query {
	const struct finger_features *probe;
	const struct ulid *subjects;
	size_t subjects_count;
	const atomic_bool *cancel; /* may be NULL; true ends the search with -ECANCELED */
};

/*
 * Searches: all references by the cheap sum of best local similarities, the best few hundred by
 * relaxation. Fills ret_candidates (best first, one per subject: its best finger) and
 * *ret_count <= GALLERY_CANDIDATES_MAX. 0; -ENODATA the probe has too few minutiae; -ECANCELED.
 * May use two worker threads; the result does not depend on them. Blocks; no I/O. One call at a
 * time on a gallery, be it search, add or remove: the caller serialises.
 */
int gallery_search(struct gallery *g, const struct gallery_query *q,
		   struct gallery_candidate ret_candidates[GALLERY_CANDIDATES_MAX],
		   size_t *ret_count);

/*
 * Compares two feature sets one to one: the calibrated score. For bench programs, the quality
 * gate of enrolment and tests. 0; -ENODATA too few minutiae on either side; -ENOMEM.
 */
int finger_compare(const struct finger_features *probe,
		   const struct finger_features *reference, int32_t *ret_score);

#endif
