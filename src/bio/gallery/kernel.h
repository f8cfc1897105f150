#ifndef LANED_BIO_GALLERY_KERNEL_H
#define LANED_BIO_GALLERY_KERNEL_H

#include "bio/gallery/mcc.h"
#include "bio/gallery/move.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The inner loops of the gallery, once per instruction set: bit counting between cylinders, and
 * geometry of many points at once. All give the same numbers; the CPU only decides how fast.
 */
#define KERNEL_LANES 8u /* counts of cylinders are multiples of this */
#define KERNEL_ALIKE_64TH 18u
#define KERNEL_STEP 16u    /* arrays of points are filled up to a multiple of this */
#define KERNEL_POINTS 128u /* minutiae a side */
#define KERNEL_CELLS 2048u
#define KERNEL_VOTERS 96u
#define KERNEL_PAIRS 48u

/* Bits that two cylinders share, and each one's bits where the other is valid. */
struct kernel_counts {
	uint16_t both[MCC_CYLINDERS_MAX];  /* common bits */
	uint16_t left[MCC_CYLINDERS_MAX];  /* bits of the one in cells valid in both */
	uint16_t right[MCC_CYLINDERS_MAX]; /* bits of the many in cells valid in both */
	uint16_t cells[MCC_CYLINDERS_MAX]; /* cells valid in both */
	/*
	 * A bit for each of the many worth a closer look: at most a quarter turn apart, at least
	 * KERNEL_CELLS_MIN common cells, and KERNEL_COMMON both > left + right.
	 */
	uint32_t worth[MCC_CYLINDERS_MAX / 32];
};
#define KERNEL_TURN_MAX 16384u
#define KERNEL_CELLS_MIN 31u /* 0.6 of all */
#define KERNEL_COMMON 32u

/* Pairs of minutiae that vote for a movement; those without weight are nobody. */
struct kernel_voters {
	int32_t a[KERNEL_VOTERS]; /* move_point */
	int32_t bx[KERNEL_VOTERS], by[KERNEL_VOTERS];
	int32_t turn[KERNEL_VOTERS]; /* 0..65535, from a to b */
	int32_t weight[KERNEL_VOTERS];
};
/* A voter agrees with a movement this near its own. */
#define KERNEL_VOTE_TURN 3641 /* 20 degrees */
#define KERNEL_VOTE_PX 20

/* Pairs of minutiae whose mutual positions are compared. */
struct kernel_pairs {
	int32_t ax[KERNEL_PAIRS], ay[KERNEL_PAIRS], bx[KERNEL_PAIRS], by[KERNEL_PAIRS];
	int32_t turn[KERNEL_PAIRS]; /* 0..65535, from b to a */
};
/* Two pairs are at odds when their turns differ by this, or their lengths by this in px / 4. */
#define KERNEL_KIN_TURN 5056
#define KERNEL_KIN_Q2 40

/* Minutiae among which near ones are sought. */
struct kernel_crowd {
	int16_t x[KERNEL_POINTS], y[KERNEL_POINTS];
	uint16_t angle[KERNEL_POINTS];
	unsigned count;
};
/* Points with a direction, before and after a movement. */
struct kernel_points {
	int32_t at[KERNEL_POINTS]; /* move_point */
	uint16_t angle[KERNEL_POINTS];
	unsigned count;
};
struct kernel_moved {
	int32_t x[KERNEL_POINTS], y[KERNEL_POINTS];
	uint16_t angle[KERNEL_POINTS];
	unsigned count;
};
#define KERNEL_NEAR_GROUP 64u
#define KERNEL_NEAR_PX 15
#define KERNEL_NEAR_TURN 4096 /* 22.5 degrees */

/* A field of cells of 16 px in which points come to lie. */
#define KERNEL_FIELD_SHIFT 4
#define KERNEL_FIELD_ROW_SHIFT 6 /* 64 cells a row */
#define KERNEL_OUTSIDE 4096      /* index of points outside the limits */

struct kernel {
	const char *name;
	/*
	 * Compares cylinder i of one with the cylinders from..to - 1 of many, both multiples of
	 * KERNEL_LANES. Adds to worth, and fills the rest for those.
	 */
	void (*counts)(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
		       const unsigned range[2], struct kernel_counts *counts);
	/*
	 * Common bits of the one with n (multiple of 8, at most 32) of many, whose planes are
	 * MCC_PLANES rows of n words and ones their bits set. Answers a bit for each of which at
	 * least the share KERNEL_ALIKE_64TH / 64 is common: 2 both >= share (ones + ones).
	 */
	uint32_t (*alike)(const uint64_t one[MCC_PLANES], unsigned one_ones,
			  const uint64_t *planes, const uint8_t *ones, unsigned n,
			  uint16_t *ret_both);
	/* Weights of the voters that agree with the movement, 0 for the others; their sum. */
	int32_t (*votes)(const struct kernel_voters *voters, const struct fine_move *move,
			 int32_t ret_weight[KERNEL_VOTERS]);
	/*
	 * Not 0 for each of the first n pairs that may support pair t. Exact for coordinates
	 * below 16384; beyond, some that could not are let through or stopped, the same ones by
	 * every kernel.
	 */
	void (*kin)(const struct kernel_pairs *pairs, unsigned t, unsigned n,
		    int32_t ret_may[KERNEL_PAIRS]);
	/*
	 * Moves n points (move_point) and says in which cell of a field they lie, or
	 * KERNEL_OUTSIDE for those not inside 0..limit - 1; limits at most 1024. Writes up to the
	 * next multiple of KERNEL_STEP.
	 */
	void (*lay)(const int32_t *points, unsigned n, const struct fine_move *move,
		    const int32_t limit[2], int32_t *ret_cell);
	/*
	 * Which of the crowd are near each of the moved points: point << 8 | one of the crowd,
	 * in rising order for each KERNEL_NEAR_GROUP of the crowd. How many; one more may be
	 * overwritten. Distances are taken modulo 65536: points that far off look near.
	 */
	unsigned (*near)(const struct kernel_crowd *crowd,
			 const struct kernel_moved *moved, uint16_t *ret_near);
	/* Moves points with their angles. Writes x and y up to a multiple of KERNEL_STEP. */
	void (*move)(const struct kernel_points *points, const struct fine_move *move,
		     struct kernel_moved *ret_moved);
	/*
	 * Weighs how n cells agree: each is orientation (1/256 half turns) | coherence << 8, and
	 * those up to a multiple of KERNEL_STEP are 0. a is turned first. ret_sum: of the lesser
	 * coherence, and of it times 64 - difference.
	 */
	void (*agree)(const int32_t *a, const int32_t *b, unsigned n, unsigned turned,
		      int32_t ret_sum[2]);
};

/* The fastest kernel this CPU runs. */
const struct kernel *kernel_best(void);

/* The i-th kernel this CPU runs, the plainest first; NULL past the last. For tests and benches. */
const struct kernel *kernel_at(unsigned i);

#endif
