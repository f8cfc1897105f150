#ifndef LANED_TESTS_SYNTH_SCORES_H
#define LANED_TESTS_SYNTH_SCORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Error rates from comparison scores (higher is more alike), in the terms of ISO/IEC 19795-1.
 * Images are named FINGER_IMPRESSION; a pair of one finger is mated, an image with itself is left
 * out. Not thread safe; no I/O but scores_read and scores_print.
 */
struct scores;

#define SCORES_LINE_MAX 512u
#define SCORES_NAME_MAX 128u
#define SCORES_POINTS 3
#define SCORES_SEARCH_POINTS 3

/* A rate of errors at the lowest threshold that keeps the other rate at or below a limit. */
struct scores_point {
	double limit; /* of FMR or FPIR */
	double rate;  /* FNMR or FNIR */
	double threshold;
	bool known; /* false: too few comparisons to show so low a limit */
};

struct scores_verification {
	uint64_t mated, unmated;
	double eer, eer_threshold;
	struct scores_point points[SCORES_POINTS]; /* FMR 1e-2, 1e-3, 1e-4 */
	double zero_fmr;                           /* FNMR where no unmated pair passes */
	double zero_threshold;
};

struct scores_identification {
	uint64_t searches;  /* probes with a mate among their references */
	uint64_t strangers; /* probes with an unmated reference */
	double rank1;       /* fraction of searches with the mate strictly first */
	struct scores_point points[SCORES_SEARCH_POINTS]; /* FPIR 1e-1, 1e-2, 1e-3 */
};

/*
 * An empty set of scores. both_ways: for identification each pair counts as two searches, for
 * files that name each pair of images once. NULL: no memory.
 */
struct scores *scores_new(bool both_ways);
struct scores *scores_free(struct scores *s);

/*
 * Adds the score of a pair. Images of different sets are never the same finger and are never
 * compared; set keeps their names apart. 0; -EINVAL a name without _, too long, or a score that
 * is no number; -ENOMEM.
 */
int scores_add(struct scores *s, unsigned set, const char *probe, const char *reference,
	       double score);

/*
 * From now on only pairs of which keep(ctx, image) is true for both images are added. NULL: all.
 * ctx is borrowed for the life of s.
 */
typedef bool (*scores_keep_fn)(void *ctx, const char *image);
void scores_keep(struct scores *s, scores_keep_fn keep, void *ctx);

/* Reads lines "PROBE REFERENCE SCORE" to the end. 0; else as scores_add, *ret_line is the line. */
int scores_read(struct scores *s, unsigned set, FILE *f, uint64_t *ret_line);

/*
 * Verification over all pairs, or with first_only over all mated pairs and the unmated pairs of
 * first impressions (the FVC protocol). 0; -ENODATA mated or unmated pairs are missing; -ENOMEM.
 */
int scores_verification(const struct scores *s, bool first_only,
			struct scores_verification *ret);

/*
 * Identification: every probe is a search of all references it was compared with, by the best
 * score of each finger. 0; -ENODATA; -ENOMEM.
 */
int scores_identification(const struct scores *s, struct scores_identification *ret);

/* One point of a detection error trade-off curve: the rates at a threshold. */
struct scores_det {
	double threshold, fmr, fnmr;
};

/*
 * The curve from the lowest threshold upward, to the first where no unmated pair passes; without
 * points where the FNMR is that of the one before and the FMR nearly. 0 and an array for free();
 * -ENODATA; -ENOMEM.
 */
int scores_det(const struct scores *s, struct scores_det **ret, size_t *ret_count);

/* Trials that belong together, such as all mated pairs of one finger: they are dependent. */
struct scores_cluster {
	uint64_t errors, trials;
};

/*
 * How many mated pairs of each finger stay below a threshold. 0 and an array for free(); -ENODATA
 * no mated pairs; -ENOMEM.
 */
int scores_misses(const struct scores *s, double threshold, struct scores_cluster **ret,
		  size_t *ret_count);

/* Upper end of the 95 % interval (Wilson) of a rate seen in n independent trials. */
double scores_upper_bound(double rate, uint64_t n);

#endif
