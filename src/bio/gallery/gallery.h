#ifndef LANED_BIO_GALLERY_GALLERY_H
#define LANED_BIO_GALLERY_GALLERY_H

#include "base/plain/ids.h"
#include "bio/finger/finger.h"
#include "bio/gallery/reference.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The gallery: what a search needs of every reference of this lane, in locked memory, searched one
 * to many. The packed references stay where they come from; those on the short list are fetched.
 * Scores are calibrated: 1/100 dB of -10 log10(FMR), so 4000 means one impostor comparison in
 * 10 000 reaches it. All of it is integer arithmetic and the same on every CPU.
 */
struct gallery;

#define GALLERY_SCORE_MAX 9000 /* 90.00 dB */
#define GALLERY_CANDIDATES_MAX 16u

struct gallery_candidate {
	struct ulid subject;
	uint32_t finger; /* the caller's tag of the reference: finger position 1..10 */
	int32_t score;   /* 1/100 dB, 0..GALLERY_SCORE_MAX */
	bool foreign;    /* the reference is one of reference_is_foreign */
};

/* One reference: whose finger it is, and under which key its source keeps it. */
struct gallery_name {
	struct ulid subject;
	uint32_t finger;
	uint64_t key;
};

#define GALLERY_FINGERS_MAX 10u /* of a subject */

/* Where the packed references are. Both are called during a search only. */
struct gallery_source {
	/*
	 * The reference under name->key, if it is that of this subject and finger: a key alone
	 * proves nothing. Called by both workers at a time, each with a number of its own below
	 * WORKERS_MAX. 0; -ENOENT it is no more, as while it is being erased: it is passed over; any
	 * other error: it is counted, too.
	 */
	int (*fetch)(void *ctx, unsigned worker, const struct gallery_name *name,
		     uint8_t buf[REFERENCE_BYTES_MAX], size_t *ret_bytes);
	/*
	 * The names of all references of a subject, be they in the gallery or not. How many, or a
	 * negative errno. NULL: the gallery itself has them all. Called by worker 0.
	 */
	int (*list)(void *ctx, struct ulid subject,
		    struct gallery_name ret_names[GALLERY_FINGERS_MAX]);
	void *ctx;
};

struct gallery_stats {
	uint64_t references, subjects;
	uint64_t bytes;    /* of memory, all in */
	uint64_t left_out; /* of gallery_add: for which there was no room */
	uint64_t lost;     /* fetches that failed, but for those of what is no more */
	uint64_t foreign;  /* of the references: those of reference_is_foreign */
};

/*
 * A gallery for at most references_max references; *source is copied, its ctx borrowed. NULL: no
 * memory.
 */
struct gallery *gallery_new(uint64_t references_max, const struct gallery_source *source);
struct gallery *gallery_free(struct gallery *g);

/* How many references fit into so much memory, about. */
uint64_t gallery_room(uint64_t bytes);

/*
 * Adds what a search needs of the packed reference that the source has under this name; an existing
 * one of the same subject and finger is replaced. 0; -EBADMSG, -ENOTSUP as reference_unpack;
 * -ENOSPC the gallery is full, -ENOMEM: it is counted as left out, and found only by a search that
 * names its subject.
 */
int gallery_add(struct gallery *g, const struct gallery_name *name,
		const uint8_t *reference, size_t bytes);

/*
 * Takes many in at once: both workers call pull, each with an intake of its own, and pull stages
 * references of rising keys into it. Then all are added in the order of their keys, except where
 * the gallery holds one of the same subject and finger with a greater key. 0; -ENOSPC or -ENOMEM:
 * *ret_key is the first one that was not taken in, and those after it were not either.
 */
#define GALLERY_INTAKE_MAX 512u
struct gallery_intake;
typedef void (*gallery_pull_fn)(void *ctx, unsigned worker, struct gallery_intake *in);
int gallery_take_in(struct gallery *g, gallery_pull_fn pull, void *ctx,
		    uint64_t *ret_key);
/*
 * 0; 1 as reference_scan: it is staged, too; it is not staged: -EBADMSG, -ENOTSUP as reference_unpack, and where the key is not greater than
 * the one before; -ENOSPC there are GALLERY_INTAKE_MAX.
 */
int gallery_stage(struct gallery_intake *in, const struct gallery_name *name,
		  const uint8_t *reference, size_t bytes);
/* The least key that gallery_add left out since this was asked last; UINT64_MAX: none. */
uint64_t gallery_left_out(struct gallery *g);
/* Frees what gallery_take_in kept for the next time. */
void gallery_taken_in(struct gallery *g);

/* Removes all references of a subject. The number removed. */
unsigned gallery_remove(struct gallery *g, struct ulid subject);

/* May be called from any thread at any time. */
struct gallery_stats gallery_stats(const struct gallery *g);

/* What one search wants. subjects NULL = everybody, else only these (claim, digits, 1:1). */
struct gallery_query {
	const struct finger_features *probe;
	const struct ulid *subjects;
	size_t subjects_count;
	const atomic_bool *cancel; /* may be NULL; true ends the search with -ECANCELED */
	/*
	 * Only with subjects: a candidate for each reference instead of one for each subject, those
	 * too that score 0.
	 */
	bool each;
};

/*
 * Searches: all references by the cheap sum of best local similarities, the best few hundred by
 * relaxation. Fills ret_candidates (best first, one per subject: its best finger) and
 * *ret_count <= GALLERY_CANDIDATES_MAX. 0; -ENODATA the probe has too few minutiae; -ECANCELED.
 * May use two worker threads; the result does not depend on them. Blocks, also on the source.
 * Allocates nothing. One call at a time on a gallery, be it search, add or remove: the caller
 * serialises.
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

/*
 * How far the middle of a's minutiae lies in b from where it lies in a, in pixels at 500 dpi. 0;
 * -ENODATA too few minutiae on either side, or not surely one finger; -ENOMEM.
 */
int finger_shift(const struct finger_features *a, const struct finger_features *b,
		 uint32_t *ret_px);

#endif
