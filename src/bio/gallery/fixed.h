#ifndef LANED_BIO_GALLERY_FIXED_H
#define LANED_BIO_GALLERY_FIXED_H

#include <stdint.h>

/*
 * Fixed-point geometry. Scores must come out the same on every CPU, so no result here depends on
 * how one rounds. Angles are 1/65536 turns counter-clockwise from +x with y downward, as in
 * finger.h.
 */
#define FIXED_ONE 16384 /* sine and cosine are in 1/16384 */

int32_t fixed_sin(uint16_t angle);
int32_t fixed_cos(uint16_t angle);

/* fixed_sin by 1/256 turns; fixed_cos is FIXED_QUARTER_256 farther on. */
#define FIXED_QUARTER_256 64u
extern const int16_t fixed_sine_256[256 + FIXED_QUARTER_256];

/* Direction of the vector (x right, y down); 0 for the zero vector. |x|, |y| < 2^24. */
uint16_t fixed_direction(int32_t x, int32_t y);

/* Largest r with r * r <= n. */
uint32_t fixed_root(uint64_t n);

/* |a - b| wrapped, 0..32768. */
static inline uint32_t
fixed_apart(uint16_t a, uint16_t b)
{
	int32_t d = (int16_t)(uint16_t)(a - b);

	return (uint32_t)(d < 0 ? -d : d);
}

/* n / d rounded to the nearest, halves away from zero. d > 0. */
int64_t fixed_divide(int64_t n, int64_t d);

#endif
