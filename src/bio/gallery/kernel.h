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
#define KERNEL_LANES 8u    /* counts of cylinders are multiples of this */
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
	uint64_t worth[2];
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
	int32_t a[KERNEL_PAIRS], b[KERNEL_PAIRS]; /* move_point */
	int32_t turn[KERNEL_PAIRS];               /* 0..65535, from b to a */
};
/* Two pairs are at odds when their turns differ by this, or their lengths by this in px / 4. */
#define KERNEL_KIN_TURN 5056
#define KERNEL_KIN_Q2 40

/*
 * Minutiae among which near ones are sought, by strips of rows: below says how many lie in strips
 * two and more before each one, so that those in a strip and its neighbours are below[strip] to
 * below[strip + 3] - 1. Kernels read beyond the last.
 */
#define KERNEL_STRIPS 64u
#define KERNEL_STRIP_SHIFT 4 /* 16 px; the first and last take what lies outside */
struct kernel_crowd {
	int16_t x[KERNEL_POINTS + 32u], y[KERNEL_POINTS + 32u];
	uint16_t angle[KERNEL_POINTS + 32u];
	uint8_t below[KERNEL_STRIPS + 3u];
	unsigned count;
};

/* The strip of a coordinate. */
static inline unsigned
kernel_strip(int32_t y)
{
	int32_t strip = y >> KERNEL_STRIP_SHIFT;

	if (__builtin_expect((uint32_t)strip < KERNEL_STRIPS, 1))
		return (unsigned)strip;
	return strip < 0 ? 0 : KERNEL_STRIPS - 1;
}

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
#define KERNEL_NEAR_PX 15
#define KERNEL_NEAR_TURN 4096 /* 22.5 degrees */

/* A field of cells of 16 px in which points come to lie. */
#define KERNEL_FIELD_SHIFT 4
#define KERNEL_FIELD_ROW_SHIFT 6 /* 64 cells a row */
#define KERNEL_OUTSIDE 4096      /* index of points outside the limits */

/*
 * Folded cylinders, as the scan compares them: those of the probe by rising angle, twice round and
 * then zeros, so that those of about one direction lie together. share is what a common bit weighs
 * by the bits set of the other, so that all bits common makes 255 << 8.
 */
#define KERNEL_CODE_WORDS 9u
#define KERNEL_CODE_ONES_MAX 63u
#define KERNEL_CODES 48u
#define KERNEL_CODE_LANES 128u
#define KERNEL_CODE_LIST 64u /* codes of a reference */
struct kernel_codes {
	uint16_t word[KERNEL_CODE_WORDS][KERNEL_CODE_LANES];
	uint16_t share[KERNEL_CODE_ONES_MAX + 1][KERNEL_CODE_LANES];
	uint16_t angle[KERNEL_CODE_LANES]; /* 1/256 turns */
	uint8_t below[256];  /* the first within KERNEL_ALIKE_TURN of an angle, */
	uint8_t within[256]; /* and how many are */
	unsigned count;
};
struct kernel_code_list {
	const uint16_t (*code)[KERNEL_CODE_WORDS];
	const uint8_t *ones; /* bits set, at most KERNEL_CODE_ONES_MAX */
	const uint8_t *angle;
	unsigned count;
};
/* Fingers turned by more than 59 degrees are not found; a comparison with named ones takes 90. */
#define KERNEL_ALIKE_TURN 42u
#define KERNEL_ALIKE_SHIFT 7

/* Pairs of folded cylinders that vote for a movement. Those up to KERNEL_CODES weigh nothing. */
struct kernel_ballot {
	int32_t a[KERNEL_CODES], b[KERNEL_CODES]; /* move_point, below 8192 either way */
	int32_t turn[KERNEL_CODES];               /* 1/256 turns from a to b, 0..255 */
	int32_t weight[KERNEL_CODES];
	unsigned count;
};
/* Two agree: near each other well, far off skin stretches and a turn is not that sure. */
#define KERNEL_SUPPORT_TURN 9  /* 12.7 degrees */
#define KERNEL_SUPPORT_PX 6    /* and this many pixels, */
#define KERNEL_SUPPORT_SLACK 4 /* and a sixteenth of how far they lie apart */

struct kernel {
	const char *name;
	/*
	 * Compares cylinder i of one with the cylinders from..to - 1 of many. Adds to worth, and
	 * fills the rest for those; up to whole eights around them it may fill more.
	 */
	void (*counts)(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
		       const unsigned range[2], struct kernel_counts *counts);
	/*
	 * The code of the list most like each of the probe's, of those within KERNEL_ALIKE_TURN:
	 * the share of bits in common (255 all) << KERNEL_ALIKE_SHIFT | which, the last of equals.
	 */
	void (*alike)(const struct kernel_codes *codes,
		      const struct kernel_code_list *list,
		      int16_t ret_best[KERNEL_CODES]);
	/*
	 * The weights of the votes that agree with the movement of one, 0 for the others; their
	 * sum. turned: sine and cosine of the turn of that one, 1/16384.
	 */
	uint32_t (*support)(const struct kernel_ballot *ballot, unsigned seed,
			    const int16_t turned[2], int32_t ret_agreed[KERNEL_CODES]);
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
	 * in rising order. How many; one more may be overwritten. Distances are taken modulo
	 * 65536: points that far off may look near, and not to every kernel.
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
	/*
	 * The cylinder of minutia i, whose direction is unit (cosine below sine, 1/16384): bits of
	 * the cells of its square, row by row, for each section. How many neighbours it has.
	 */
	unsigned (*surround)(const struct kernel_crowd *crowd, unsigned i, int32_t unit,
			     uint64_t ret_square[MCC_PLANES]);
};

/* The fastest kernel this CPU runs. */
const struct kernel *kernel_best(void);

/* The i-th kernel this CPU runs, the plainest first; NULL past the last. For tests and benches. */
const struct kernel *kernel_at(unsigned i);

#endif
