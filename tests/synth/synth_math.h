#ifndef LANED_TESTS_SYNTH_SYNTH_MATH_H
#define LANED_TESTS_SYNTH_SYNTH_MATH_H

#include <stdint.h>

/*
 * Integer mathematics of the synthetic fingers. Nothing here or above uses floating point, so a
 * seed gives the same bytes with every compiler, optimisation level and CPU. Angles are 1/65536
 * turns and wrap; "Q15" means a value scaled by 32768. All functions are pure.
 */
#define SYNTH_HALF_TURN 32768
#define SYNTH_DEGREES(d) ((int32_t)((d)*65536 / 360))

/* sin and cos in Q15, error below 2. */
int32_t synth_sin(uint16_t angle);
int32_t synth_cos(uint16_t angle);

/* The direction of (x, y), error below 3 units; 0 for (0, 0). |x|, |y| < 2^30. */
uint16_t synth_atan2(int32_t y, int32_t x);

/* exp(-x) in Q16 for x in Q16; 0 from x = 16 on. */
uint32_t synth_exp_neg(uint32_t x);

/* The integer square root, rounded down. */
uint32_t synth_sqrt(uint64_t x);

int32_t synth_clamp(int32_t v, int32_t low, int32_t high);

/* SplitMix64 (Steele, Lea and Flood, 2014): a generator and its mixing function as a hash. */
struct synth_rng {
	uint64_t state;
};

uint64_t synth_mix(uint64_t x);
struct synth_rng synth_rng_new(uint64_t seed, uint64_t stream);
uint64_t synth_rng_next(struct synth_rng *r);
/* Uniform in low..high, both possible; low <= high. */
int32_t synth_rng_range(struct synth_rng *r, int32_t low, int32_t high);
/* Nearly normal (sum of eight uniforms) with mean 0 and the given sigma. */
int32_t synth_rng_normal(struct synth_rng *r, int32_t sigma);

/*
 * Smooth random surface (value noise): -1024..1024 at a place given in 1/256 px, features of
 * about cell_px pixels. The same (seed, place) is always the same value.
 */
int32_t synth_noise(uint64_t seed, int32_t x_q8, int32_t y_q8, int32_t cell_px);

/* The same kind of surface for every pixel of a plane, much faster, row-major. */
void synth_noise_fill(uint64_t seed, int32_t cell_px, int32_t width, int32_t height,
		      int16_t *out);

#endif
