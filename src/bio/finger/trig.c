#include "bio/finger/trig.h"

#include <math.h>

#define CORDIC_STEPS 16

/* atan(2^-i) in 1/2^32 turns. */
static const int64_t cordic_angle[CORDIC_STEPS] = {
	536870912, 316933406, 167458907, 85004756, 42667331, 21354465, 10679838, 5340245,
	2670163,   1335087,   667544,    333772,   166886,   83443,    41722,    20861,
};

#define QUARTER 64u

/* A quarter of the sine in 1/16384; between entries a straight line is 2 units off at most. */
static const int16_t quarter_sine[QUARTER + 1] = {
	0,     402,   804,   1205,  1606,  2006,  2404,  2801,  3196,  3590,  3981,
	4370,  4756,  5139,  5520,  5897,  6270,  6639,  7005,  7366,  7723,  8076,
	8423,  8765,  9102,  9434,  9760,  10080, 10394, 10702, 11003, 11297, 11585,
	11866, 12140, 12406, 12665, 12916, 13160, 13395, 13623, 13842, 14053, 14256,
	14449, 14635, 14811, 14978, 15137, 15286, 15426, 15557, 15679, 15791, 15893,
	15986, 16069, 16143, 16207, 16261, 16305, 16340, 16364, 16379, 16384
};

int32_t
trig_sin(uint16_t angle)
{
	uint32_t half = angle & 0x7fff;
	uint32_t in_quarter = half <= 0x4000 ? half : 0x8000 - half;
	uint32_t i = in_quarter >> 8, part = in_quarter & 0xff;
	int32_t v = quarter_sine[i];

	if (part != 0)
		v += ((quarter_sine[i + 1] - v) * (int32_t)part + 128) >> 8;
	return (angle & 0x8000) != 0 ? -v : v;
}

int32_t
trig_cos(uint16_t angle)
{
	return trig_sin((uint16_t)(angle + 0x4000u));
}

/* v / 2^i towards zero. */
static int64_t
halved(int64_t v, int i)
{
	return v >= 0 ? v >> i : -(-v >> i);
}

/* CORDIC in vectoring mode (Volder 1959). */
uint16_t
trig_atan2(int64_t y, int64_t x)
{
	int64_t angle = 0, t;

	if (x == 0 && y == 0)
		return 0;
	while (x > (INT64_C(1) << 40) || x < -(INT64_C(1) << 40) ||
	       y > (INT64_C(1) << 40) || y < -(INT64_C(1) << 40)) {
		x /= 2;
		y /= 2;
	}
	while (x < (1 << 24) && x > -(1 << 24) && y < (1 << 24) && y > -(1 << 24)) {
		x *= 2;
		y *= 2;
	}
	if (x < 0) {
		x = -x;
		y = -y;
		angle = INT64_C(1) << 31;
	}
	for (int i = 0; i < CORDIC_STEPS; i++) {
		t = x;
		if (y > 0) {
			x += halved(y, i);
			y -= halved(t, i);
			angle += cordic_angle[i];
		} else {
			x -= halved(y, i);
			y += halved(t, i);
			angle -= cordic_angle[i];
		}
	}
	return (uint16_t)(((uint64_t)angle + 0x8000u) >> 16);
}

/* The double is at most one off, which IEEE 754 says for every CPU; then it is mended. */
uint32_t
trig_sqrt(uint64_t v)
{
	uint64_t root = (uint64_t)sqrt((double)v);

	if (root > UINT32_MAX)
		root = UINT32_MAX;
	while (root * root > v)
		root--;
	while (root < UINT32_MAX && (root + 1) * (root + 1) <= v)
		root++;
	return (uint32_t)root;
}

int32_t
trig_diff(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b);
}
