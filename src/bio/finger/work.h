#ifndef LANED_BIO_FINGER_WORK_H
#define LANED_BIO_FINGER_WORK_H

#include "bio/finger/finger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The extractor's working memory and the order of its stages; private to src/bio/finger. All
 * arithmetic is integer, or in doubles that give the same numbers, so features are the same on
 * every CPU. Pixel planes carry a margin of FINGER_PAD on each side, so that filters need no bounds
 * checks; blocks are BLOCK_PX squares.
 */
#define BLOCK_PX 8
#define BLOCKS_SIDE_MAX 128
#define BLOCKS_MAX (BLOCKS_SIDE_MAX * BLOCKS_SIDE_MAX)
#define FINGER_SIDE_MAX (BLOCK_PX * BLOCKS_SIDE_MAX)
#define FINGER_PIXELS_MAX 640000
#define FINGER_PAD 32
#define PLANE_PIXELS_MAX 790000

#define ORIENTATIONS 32 /* filter directions in a half turn */
#define PERIOD_HALF_MIN 8
#define PERIOD_HALF_MAX 32 /* ridge periods of 4 to 16 px in half pixels */
#define PERIODS (PERIOD_HALF_MAX - PERIOD_HALF_MIN + 1)
#define PERIOD_DEFAULT_16TH (9 * 16)
#define TAPS_MAX 49
#define LAG_MAX 18

#define NORM_SPREAD 64 /* standard deviation after normalisation */
#define NORM_LIMIT 160 /* largest value of norm and flow */
#define WAVE_LIMIT 400 /* of wave: its filter's weights are less than 2.5 together */
#define BITS_ROW_WORDS (FINGER_SIDE_MAX / 64)

_Static_assert(FINGER_SIDE_MAX == FINGER_CELL_PX * FINGER_CELLS_SIDE_MAX,
	       "cells cover it");

/* A structure tensor in double-angle form: (gx^2 - gy^2, 2 gx gy, gx^2 + gy^2), y upward. */
struct tensor {
	int32_t a, b, e;
};

#define TENSOR_WIDTHS 5

/* Filter along a line: offsets into a plane and weights. */
struct line {
	int count;
	int16_t dx[TAPS_MAX], dy[TAPS_MAX];
	int16_t weight[TAPS_MAX];
};

/* One output pixel of a resampled row: input pixels first.. with their weights. */
#define RESAMPLE_TAPS_MAX 8
struct resample_tap {
	int first, count;
	int weight[RESAMPLE_TAPS_MAX]; /* 1/256, together 1 */
};

struct kernels {
	struct line along[ORIENTATIONS];
	struct line across[PERIODS][ORIENTATIONS];
	int8_t lag_dx[ORIENTATIONS][LAG_MAX], lag_dy[ORIENTATIONS][LAG_MAX];
};

/* A binary image, a row of words a pixel row; one empty row above and below. */
struct bits {
	int words;
	uint64_t word[(FINGER_SIDE_MAX + 2) * BITS_ROW_WORDS];
};

/* A minutia while it is still in doubt. */
#define CANDIDATES_MAX 2048
struct candidate {
	int16_t x, y;
	uint16_t angle;
	uint8_t type, quality, crowd;
	bool dead;
};

struct finger_extractor {
	struct kernels kernels;

	int width, height; /* pixels at 500 dpi */
	int stride;        /* of a plane row */
	int blocks_x, blocks_y;

	uint8_t grey[PLANE_PIXELS_MAX];
	uint8_t blank[PLANE_PIXELS_MAX]; /* 1 where the sensor saw nothing at all */
	int16_t norm[PLANE_PIXELS_MAX];  /* local mean 0, local spread NORM_SPREAD */
	int16_t flow[PLANE_PIXELS_MAX];  /* norm smoothed along the ridges */
	int16_t wave[PLANE_PIXELS_MAX];  /* flow after the band-pass across the ridges */

	struct resample_tap tap[FINGER_SIDE_MAX];
	int32_t row_in[SAMPLE_SIDE_MAX];
	uint8_t patch[BLOCKS_MAX * 4];

	/* By block, blocks_x to a row. */
	int32_t mean_16th[BLOCKS_MAX]; /* local mean, 1/16 grey */
	int32_t gain[BLOCKS_MAX];
	uint8_t contrast[BLOCKS_MAX]; /* local standard deviation, grey */
	uint8_t valid[BLOCKS_MAX];    /* pixels of the block that are not blank */
	struct tensor tensor[TENSOR_WIDTHS + 1][BLOCKS_MAX]; /* [0] not smoothed */
	uint16_t angle[BLOCKS_MAX]; /* ridge direction, 0..0x7fff */
	uint8_t coherence[BLOCKS_MAX];
	uint16_t period_16th[BLOCKS_MAX];
	int32_t energy[BLOCKS_MAX];   /* of wave, mean of a block and its neighbours */
	uint8_t strength[BLOCKS_MAX]; /* share of the energy that is ridges, 0..255 */
	uint8_t active[BLOCKS_MAX];   /* worth filtering */
	uint8_t mask[BLOCKS_MAX];     /* foreground */
	int32_t scratch[2][BLOCKS_MAX];
	uint8_t label_filled[BLOCKS_MAX + 1]; /* by area, while segmenting */

	int candidates;
	struct candidate candidate[CANDIDATES_MAX];
	struct bits skeleton[2]; /* of ridges and of valleys */
};

static inline size_t
plane_at(const struct finger_extractor *x, int px, int py)
{
	return (size_t)(py + FINGER_PAD) * (size_t)x->stride + (size_t)(px + FINGER_PAD);
}

/* Elements of a plane that the present image uses. */
static inline size_t
plane_elements(const struct finger_extractor *x)
{
	return (size_t)x->stride * (size_t)(x->height + 2 * FINGER_PAD);
}

static inline void
plane_clear(const struct finger_extractor *x, int16_t *plane)
{
	memset(plane, 0, plane_elements(x) * sizeof(*plane));
}

static inline bool
bits_get(const struct bits *b, int px, int py)
{
	size_t word = (size_t)(py + 1) * (size_t)b->words + (size_t)px / 64;

	return (b->word[word] >> (px % 64) & 1) != 0;
}

static inline void
bits_clear(struct bits *b, int px, int py)
{
	size_t word = (size_t)(py + 1) * (size_t)b->words + (size_t)px / 64;

	b->word[word] &= ~(UINT64_C(1) << (px % 64));
}

static inline size_t
block_at(const struct finger_extractor *x, int bx, int by)
{
	return (size_t)by * (size_t)x->blocks_x + (size_t)bx;
}

static inline int
min_int(int a, int b)
{
	return a < b ? a : b;
}

static inline int
max_int(int a, int b)
{
	return a > b ? a : b;
}

static inline int
clamp_int(int v, int low, int high)
{
	return v < low ? low : v > high ? high : v;
}

/* Filter direction nearest to a ridge direction. */
static inline int
orientation_index(uint16_t angle)
{
	return ((angle & 0x7fff) + 0x8000 / ORIENTATIONS / 2) / (0x8000 / ORIENTATIONS) %
	       ORIENTATIONS;
}

/*
 * The stages, in order. plane_load: resamples to 500 dpi; -EINVAL too large or too small.
 * plane_normalise: fills blank, norm, contrast, valid and active.
 */
int plane_load(struct finger_extractor *x, const struct sample *s);
void plane_normalise(struct finger_extractor *x);

/* Zeroises what is left of the image; features do not depend on it any more. */
void plane_wipe(struct finger_extractor *x);

/* Ridge directions from the gradients of norm (wide) or, once there is one, of wave. */
void orient_from_norm(struct finger_extractor *x);
void orient_from_wave(struct finger_extractor *x);

/* Kernels are made once. flow, then the periods from it, then wave. */
void enhance_init(struct kernels *k);
void enhance_along(struct finger_extractor *x);
void period_estimate(struct finger_extractor *x);
void enhance_across(struct finger_extractor *x);

/* Foreground from strength and contrast; all of mask is 0 when there is none. */
void segment_mask(struct finger_extractor *x);

/* Binarises wave inside the mask and thins ridges and valleys. */
void skeleton_make(struct finger_extractor *x);

/* Of 64 skeleton pixels of a row those with at most one stroke leaving them. */
uint64_t skeleton_ends(const struct bits *b, int y, int word);

/* Minutiae of both skeletons, filtered, by falling quality. */
void minutiae_find(struct finger_extractor *x, struct finger_features *f);

/* Quality, hints and cells. -ENODATA: no usable finger; hints say why. */
int quality_rate(struct finger_extractor *x, struct finger_features *f);

#endif
