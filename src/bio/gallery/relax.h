#ifndef LANED_BIO_GALLERY_RELAX_H
#define LANED_BIO_GALLERY_RELAX_H

#include "bio/gallery/fine.h"

/*
 * Pairs of cylinders and their relaxation: every pair is strengthened by the other pairs that lie
 * to it in the same distance and direction in both fingers (LSS-R).
 */
struct relax_work {
	uint32_t candidates[MCC_CYLINDERS_MAX * MCC_CYLINDERS_MAX];
	uint32_t sorted[MCC_CYLINDERS_MAX * MCC_CYLINDERS_MAX];
	uint16_t gamma[MCC_CYLINDERS_MAX][MCC_CYLINDERS_MAX]; /* of all pairs, 0..1024 */
	uint16_t rho[FINE_PAIRS_MAX][FINE_PAIRS_MAX];
	struct kernel_counts counts;
	struct fine_pair pairs[FINE_PAIRS_MAX];
	unsigned pairs_count;
	unsigned
		sorted_count; /* candidates, gamma << 16 | a << 8 | b, by falling gamma */
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
