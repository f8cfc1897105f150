#ifndef LANED_BIO_GALLERY_RELAX_H
#define LANED_BIO_GALLERY_RELAX_H

#include "bio/gallery/fine.h"

#define RELAX_PAIRS_MAX 48u
#define RELAX_BEST_MAX 12u
#define RELAX_GAMMA_ONE 1024u

struct relax_pair {
	uint8_t a, b;   /* cylinders of probe and reference */
	int32_t gamma;  /* local similarity, 0..1024 */
	int32_t lambda; /* relaxed similarity, 0..2^20 */
};

/* One pair supports another, this well, 0..4096. */
struct relax_support {
	uint8_t to, from;
	uint16_t rho;
};

/*
 * Pairs of cylinders and their relaxation: every pair is strengthened by the other pairs that lie
 * to it in the same distance and direction in both fingers (LSS-R).
 */
struct relax_work {
	uint32_t candidates[MCC_CYLINDERS_MAX * MCC_CYLINDERS_MAX];
	/* gamma << 16 | a << 8 | b, by falling gamma */
	uint32_t sorted[MCC_CYLINDERS_MAX * MCC_CYLINDERS_MAX];
	uint16_t place[RELAX_GAMMA_ONE + 1]; /* of the next candidate of this gamma */
	uint16_t gamma[MCC_CYLINDERS_MAX][MCC_CYLINDERS_MAX]; /* of all pairs, 0..1024 */
	struct relax_support supports[RELAX_PAIRS_MAX * RELAX_PAIRS_MAX];
	unsigned supports_count;
	struct kernel_counts counts;
	struct kernel_pairs places; /* of the pairs */
	struct relax_pair pairs[RELAX_PAIRS_MAX];
	struct relax_pair
		best[RELAX_BEST_MAX]; /* the most consistent pairs, best first */
	unsigned best_count;
	unsigned pairs_count;
	unsigned sorted_count;
};

/*
 * Fills what work says of all pairs, and returns the mean relaxed similarity of the most
 * consistent ones, 0..2^20.
 */
int32_t relax_sides(struct relax_work *work, const struct kernel *kernel,
		    const struct mcc_set *a, const struct mcc_set *b);

#endif
