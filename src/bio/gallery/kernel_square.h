#ifndef LANED_BIO_GALLERY_KERNEL_SQUARE_H
#define LANED_BIO_GALLERY_KERNEL_SQUARE_H

#include "bio/gallery/kernel.h"

#include <stdbool.h>

/*
 * What the kernels that sum up a cylinder share. Lengths are quarter pixels: the cell pitch of
 * 17.5 px is 70.
 */
#define SQUARE_SIDE 8u
#define SQUARE_PITCH_Q2 70
#define SQUARE_FIRST_Q2 (-245) /* centre of the first row and column of cells */
#define SQUARE_REACH_Q2 112    /* 3 sigma of the spatial contribution, 28 px */
#define SQUARE_NEAR_PX 98      /* radius of the disc + reach: farther ones do not count */
#define SQUARE_Q2_SHIFT 12     /* from pixels times 1/16384 to quarter pixels */
#define SQUARE_STEP_SHIFT 7    /* distances by steps of 8 px^2, in quarter pixels */
#define SQUARE_STEPS 99
#define SQUARE_TABLE 260u /* zeros follow the steps, as far as words can tell */
#define SQUARE_WINDOW 4u  /* a neighbour reaches no more rows */
#define SQUARE_SECTION (65536u / MCC_PLANES)
#define SQUARE_MIDDLE(k) ((uint16_t)(32768u + (k)*SQUARE_SECTION + SQUARE_SECTION / 2))
/* A bit is on from the published 0.01, times sigma sqrt(2 pi), in 1/2^24. */
#define SQUARE_ON_Q24 3925063

_Static_assert(SQUARE_REACH_Q2 *SQUARE_REACH_Q2 >> SQUARE_STEP_SHIFT == SQUARE_STEPS - 1,
	       "the last step ends with the reach");

/* What a neighbour adds by its distance, and by its direction in 1/256 turns, both 1/4096. */
extern const uint16_t square_spatial_q12[SQUARE_TABLE];
extern const uint16_t square_direction_q12[129];

/* A neighbour in the frame of the minutia: where its window begins, and how far off that is. */
struct square_place {
	uint32_t row,
		col;  /* the first of the rows and columns that may lie within reach */
	int32_t u, v; /* from the centre of that cell */
	uint16_t turn;
};

/*
 * The first row that may lie within reach, but so that the whole window lies in the square: rows
 * too many contribute nothing.
 */
static inline uint32_t
square_first(int32_t at)
{
	int32_t low = at - SQUARE_REACH_Q2 - SQUARE_FIRST_Q2;
	uint32_t first =
		((uint32_t)(low > 0 ? low : 0) + SQUARE_PITCH_Q2 - 1) / SQUARE_PITCH_Q2;

	return first < SQUARE_SIDE - SQUARE_WINDOW ? first : SQUARE_SIDE - SQUARE_WINDOW;
}

static inline struct square_place
square_place(const struct kernel_crowd *c, unsigned i, unsigned j, int32_t unit)
{
	const int32_t half = 1 << (SQUARE_Q2_SHIFT - 1);
	int32_t cos = (int16_t)(uint32_t)unit, sin = unit >> 16;
	int32_t dx = c->x[j] - c->x[i], dy = c->y[j] - c->y[i];
	int32_t u = (dx * cos - dy * sin + half) >> SQUARE_Q2_SHIFT;
	int32_t v = (-dx * sin - dy * cos + half) >> SQUARE_Q2_SHIFT;
	uint32_t row = square_first(u), col = square_first(v);

	return (struct square_place){
		row,
		col,
		u - SQUARE_FIRST_Q2 - (int32_t)row * SQUARE_PITCH_Q2,
		v - SQUARE_FIRST_Q2 - (int32_t)col * SQUARE_PITCH_Q2,
		(uint16_t)(c->angle[i] - c->angle[j]),
	};
}

/* Kernels' member surround. */
unsigned square_plain(const struct kernel_crowd *crowd, unsigned i, int32_t unit,
		      uint64_t ret_square[MCC_PLANES]);
unsigned square_sse2(const struct kernel_crowd *crowd, unsigned i, int32_t unit,
		     uint64_t ret_square[MCC_PLANES]);
unsigned square_avx2(const struct kernel_crowd *crowd, unsigned i, int32_t unit,
		     uint64_t ret_square[MCC_PLANES]);
unsigned square_avx512(const struct kernel_crowd *crowd, unsigned i, int32_t unit,
		       uint64_t ret_square[MCC_PLANES]);

#endif
