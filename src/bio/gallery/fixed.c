#include "bio/gallery/fixed.h"

#include <assert.h>
#include <math.h>

#define QUARTER 16384u /* turn / 4 */
#define STEP_BITS 8    /* a quarter has 64 steps of 256 */
#define OCTANT_STEPS 64u
#define SHORT_MAX (UINT32_MAX / OCTANT_STEPS >> STEP_BITS)

/* round(65536 atan(i / 64) / 2 pi) */
static const uint16_t octant_atan[65] = {
	0,    163,  326,  489,  651,  813,  975,  1136, 1297, 1457, 1617, 1775, 1933,
	2090, 2246, 2401, 2555, 2708, 2860, 3010, 3159, 3307, 3453, 3599, 3742, 3884,
	4025, 4164, 4302, 4438, 4572, 4705, 4836, 4966, 5094, 5220, 5344, 5467, 5589,
	5708, 5826, 5943, 6058, 6171, 6282, 6392, 6500, 6607, 6712, 6815, 6917, 7018,
	7117, 7214, 7310, 7405, 7498, 7589, 7679, 7768, 7856, 7942, 8026, 8110, 8192,
};

/* round(16384 sin), all the way round and a quarter more, by 1/256 turns. */
const int16_t fixed_sine_256[256 + 64] = {
	0,      402,    804,    1205,   1606,   2006,   2404,   2801,   3196,   3590,
	3981,   4370,   4756,   5139,   5520,   5897,   6270,   6639,   7005,   7366,
	7723,   8076,   8423,   8765,   9102,   9434,   9760,   10080,  10394,  10702,
	11003,  11297,  11585,  11866,  12140,  12406,  12665,  12916,  13160,  13395,
	13623,  13842,  14053,  14256,  14449,  14635,  14811,  14978,  15137,  15286,
	15426,  15557,  15679,  15791,  15893,  15986,  16069,  16143,  16207,  16261,
	16305,  16340,  16364,  16379,  16384,  16379,  16364,  16340,  16305,  16261,
	16207,  16143,  16069,  15986,  15893,  15791,  15679,  15557,  15426,  15286,
	15137,  14978,  14811,  14635,  14449,  14256,  14053,  13842,  13623,  13395,
	13160,  12916,  12665,  12406,  12140,  11866,  11585,  11297,  11003,  10702,
	10394,  10080,  9760,   9434,   9102,   8765,   8423,   8076,   7723,   7366,
	7005,   6639,   6270,   5897,   5520,   5139,   4756,   4370,   3981,   3590,
	3196,   2801,   2404,   2006,   1606,   1205,   804,    402,    0,      -402,
	-804,   -1205,  -1606,  -2006,  -2404,  -2801,  -3196,  -3590,  -3981,  -4370,
	-4756,  -5139,  -5520,  -5897,  -6270,  -6639,  -7005,  -7366,  -7723,  -8076,
	-8423,  -8765,  -9102,  -9434,  -9760,  -10080, -10394, -10702, -11003, -11297,
	-11585, -11866, -12140, -12406, -12665, -12916, -13160, -13395, -13623, -13842,
	-14053, -14256, -14449, -14635, -14811, -14978, -15137, -15286, -15426, -15557,
	-15679, -15791, -15893, -15986, -16069, -16143, -16207, -16261, -16305, -16340,
	-16364, -16379, -16384, -16379, -16364, -16340, -16305, -16261, -16207, -16143,
	-16069, -15986, -15893, -15791, -15679, -15557, -15426, -15286, -15137, -14978,
	-14811, -14635, -14449, -14256, -14053, -13842, -13623, -13395, -13160, -12916,
	-12665, -12406, -12140, -11866, -11585, -11297, -11003, -10702, -10394, -10080,
	-9760,  -9434,  -9102,  -8765,  -8423,  -8076,  -7723,  -7366,  -7005,  -6639,
	-6270,  -5897,  -5520,  -5139,  -4756,  -4370,  -3981,  -3590,  -3196,  -2801,
	-2404,  -2006,  -1606,  -1205,  -804,   -402,   0,      402,    804,    1205,
	1606,   2006,   2404,   2801,   3196,   3590,   3981,   4370,   4756,   5139,
	5520,   5897,   6270,   6639,   7005,   7366,   7723,   8076,   8423,   8765,
	9102,   9434,   9760,   10080,  10394,  10702,  11003,  11297,  11585,  11866,
	12140,  12406,  12665,  12916,  13160,  13395,  13623,  13842,  14053,  14256,
	14449,  14635,  14811,  14978,  15137,  15286,  15426,  15557,  15679,  15791,
	15893,  15986,  16069,  16143,  16207,  16261,  16305,  16340,  16364,  16379,
};

static int32_t
sine_of_quarter(uint32_t a)
{
	uint32_t i = a >> STEP_BITS, rest = a & ((1u << STEP_BITS) - 1u);
	int32_t low, high;

	assert(a <= QUARTER);
	low = fixed_sine_256[i];
	high = rest == 0 ? low : fixed_sine_256[i + 1];
	return low +
	       (((high - low) * (int32_t)rest + (1 << (STEP_BITS - 1))) >> STEP_BITS);
}

int32_t
fixed_sin(uint16_t angle)
{
	uint32_t a = angle & (2 * QUARTER - 1);
	int32_t s = sine_of_quarter(a <= QUARTER ? a : 2 * QUARTER - a);

	return angle < 2 * QUARTER ? s : -s;
}

int32_t
fixed_cos(uint16_t angle)
{
	return fixed_sin((uint16_t)(angle + QUARTER));
}

/* Direction of (large, small) with 0 <= small <= large, an eighth of a turn at most. */
static uint32_t
octant_direction(uint32_t large, uint32_t small)
{
	uint32_t ratio, i, rest, low, high;

	/* A division of 64 bits is slow on many a CPU. */
	if (large < SHORT_MAX)
		ratio = (small * OCTANT_STEPS << STEP_BITS) / large;
	else
		ratio = (uint32_t)(((uint64_t)small * OCTANT_STEPS << STEP_BITS) / large);
	i = ratio >> STEP_BITS;
	rest = ratio & ((1u << STEP_BITS) - 1u);
	assert(i <= OCTANT_STEPS);
	low = octant_atan[i];
	high = rest == 0 ? low : octant_atan[i + 1];
	return low + (((high - low) * rest + (1u << (STEP_BITS - 1))) >> STEP_BITS);
}

uint16_t
fixed_direction(int32_t x, int32_t y)
{
	uint32_t ax = (uint32_t)(x < 0 ? -x : x), ay = (uint32_t)(y < 0 ? -y : y), a;

	if (ax == 0 && ay == 0)
		return 0;
	a = ax >= ay ? octant_direction(ax, ay) : QUARTER - octant_direction(ay, ax);
	if (x < 0)
		a = 2 * QUARTER - a;
	return (uint16_t)(y > 0 ? 0u - a : a); /* y is downward */
}

uint32_t
fixed_root(uint64_t n)
{
	uint64_t root = 0, bit;

	/*
	 * Here a double holds n itself, and the root of k * k - 1 is still less than k: rounding
	 * as IEEE 754 has it and cutting off is exact.
	 */
	if (n < (uint64_t)1 << 52)
		return (uint32_t)sqrt((double)(int64_t)n);
	bit = (uint64_t)1 << ((63 - __builtin_clzll(n)) & ~1);
	while (bit != 0) {
		if (n >= root + bit) {
			n -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
		bit >>= 2;
	}
	return (uint32_t)root;
}

int64_t
fixed_divide(int64_t n, int64_t d)
{
	assert(d > 0);
	return n >= 0 ? (n + d / 2) / d : -((-n + d / 2) / d);
}
