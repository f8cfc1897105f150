#ifndef LANED_BIO_GALLERY_RELAX_H
#define LANED_BIO_GALLERY_RELAX_H

#include "bio/gallery/fine.h"

#define RELAX_PAIRS_MAX 48u

struct relax_pair {
	uint8_t a, b;   /* cylinders of probe and reference */
	int32_t gamma;  /* local similarity, 0..1024 */
	int32_t lambda; /* relaxed similarity, 0..2^20 */
};

/*
 * Pairs of cylinders and their relaxation: every pair is strengthened by the other pairs that lie
 * to it in the same distance and direction in both fingers (LSS-R).
 */
struct relax_work {
	uint32_t candidates[MCC_CYLINDERS_MAX * MCC_CYLINDERS_MAX];
	/* gamma << 16 | a << 8 | b, by falling gamma */
	uint32_t sorted[MCC_CYLINDERS_MAX * MCC_CYLINDERS_MAX];
	uint16_t gamma[MCC_CYLINDERS_MAX][MCC_CYLINDERS_MAX]; /* of all pairs, 0..1024 */
	uint16_t rho[RELAX_PAIRS_MAX][RELAX_PAIRS_MAX];
	struct kernel_counts counts;
	struct relax_pair pairs[RELAX_PAIRS_MAX];
	unsigned pairs_count;
	unsigned sorted_count;
};

/*
 * Fills work->pairs, the most consistent first, and returns the mean relaxed similarity of the
 * best of them, 0..2^20.
 */
int32_t relax_sides(struct relax_work *work, const struct kernel *kernel,
		    const struct mcc_set *a, const struct mcc_set *b);

/* How many of the best pairs count, by the cylinders of the side that has fewer. */
unsigned relax_best_pairs(unsigned cylinders);

#endif
