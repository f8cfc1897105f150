#include "synth_math.h"

#include <assert.h>

/*
 * sin(pi/2 x) for x in 0..1 as x (c0 - c1 x^2 + c2 x^4 - c3 x^6): the odd polynomial of degree 7
 * of Hastings, Approximations for Digital Computers (1955), in Q30.
 */
static int64_t
sin_quarter(int64_t x)
{
	int64_t x2 = x * x >> 30, s;

	s = INT64_C(85349228) - (INT64_C(4684173) * x2 >> 30);
	s = INT64_C(693552369) - (s * x2 >> 30);
	return x * (INT64_C(1686628130) - (s * x2 >> 30)) >> 30;
}

int32_t
synth_sin(uint16_t angle)
{
	uint32_t part = angle & 0x3fffu;
	int64_t s;

	if (angle & 0x4000u)
		part = 0x4000u - part;
	s = (sin_quarter((int64_t)part << 16) + (1 << 14)) >> 15;
	return (int32_t)(angle & 0x8000u ? -s : s);
}

int32_t
synth_cos(uint16_t angle)
{
	return synth_sin((uint16_t)(angle + 0x4000u));
}

/* atan(t) for t in 0..1, Q16, in 1/65536 turns; polynomial of degree 9 of Hastings. */
static int32_t
atan_octant(int64_t t)
{
	static const int64_t c[] = { 65527, -21646, 11806, -5579, 1365 };
	int64_t t2 = t * t >> 16, s = 0;

	for (int i = 4; i >= 0; i--)
		s = (s * t2 >> 16) + c[i];
	/* Radians in Q16 to turns: divide by 2 pi. */
	return (int32_t)((s * t >> 16) * 10430 >> 16);
}

uint16_t
synth_atan2(int32_t y, int32_t x)
{
	int64_t ax = x < 0 ? -(int64_t)x : x, ay = y < 0 ? -(int64_t)y : y;
	int32_t a;

	if (ax == 0 && ay == 0)
		return 0;
	assert(ax > 0 || ay > 0);
	if (ay <= ax)
		a = atan_octant((ay << 16) / ax);
	else
		a = 0x4000 - atan_octant((ax << 16) / ay);
	if (x < 0)
		a = 0x8000 - a;
	return (uint16_t)(y < 0 ? -a : a);
}

uint32_t
synth_exp_neg(uint32_t x)
{
	uint64_t two = (uint64_t)x * 94548 >> 16; /* times log2(e) */
	uint32_t whole = (uint32_t)(two >> 16);
	int64_t f = (int64_t)(two & 0xffff), p;

	if (x >= UINT32_C(16) << 16 || whole > 31)
		return 0;
	/* 2^-f by its Taylor polynomial. */
	p = 630 - (f * 87 >> 16);
	p = 3638 - (f * p >> 16);
	p = 15743 - (f * p >> 16);
	p = 45426 - (f * p >> 16);
	p = 65536 - (f * p >> 16);
	return (uint32_t)p >> whole;
}

uint32_t
synth_sqrt(uint64_t x)
{
	uint64_t r = 0, bit = UINT64_C(1) << 62;

	while (bit > x)
		bit >>= 2;
	for (; bit != 0; bit >>= 2) {
		if (x >= r + bit) {
			x -= r + bit;
			r = (r >> 1) + bit;
		} else {
			r >>= 1;
		}
	}
	return (uint32_t)r;
}

int32_t
synth_clamp(int32_t v, int32_t low, int32_t high)
{
	return v < low ? low : v > high ? high : v;
}

uint64_t
synth_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

struct synth_rng
synth_rng_new(uint64_t seed, uint64_t stream)
{
	struct synth_rng r = { synth_mix(seed + synth_mix(stream + 1)) };

	return r;
}

uint64_t
synth_rng_next(struct synth_rng *r)
{
	r->state += UINT64_C(0x9e3779b97f4a7c15);
	return synth_mix(r->state);
}

int32_t
synth_rng_range(struct synth_rng *r, int32_t low, int32_t high)
{
	uint64_t span;

	assert(low <= high);
	span = (uint64_t)((int64_t)high - low) + 1;
	return (int32_t)(low + (int64_t)((synth_rng_next(r) >> 32) * span >> 32));
}

int32_t
synth_rng_normal(struct synth_rng *r, int32_t sigma)
{
	uint64_t a = synth_rng_next(r), b = synth_rng_next(r);
	int64_t sum = -4 * 65536;

	for (int i = 0; i < 4; i++) {
		sum += (int64_t)(a & 0xffff) + (int64_t)(b & 0xffff);
		a >>= 16;
		b >>= 16;
	}
	return (int32_t)(sum * sigma / 53510); /* 65536 sqrt(8/12) */
}

/* 3 t^2 - 2 t^3 for t in Q8. */
static int32_t
smoothstep(int32_t t)
{
	return t * t * (3 * 256 - 2 * t) >> 16;
}

static int32_t
lattice(uint64_t seed, int32_t i, int32_t j)
{
	uint64_t key = (uint64_t)(uint32_t)i << 32 | (uint32_t)j;

	return (int32_t)(synth_mix(seed ^ synth_mix(key)) % 2049) - 1024;
}

static int32_t
floor_div(int32_t a, int32_t b)
{
	int32_t q = a / b;

	return a % b < 0 ? q - 1 : q;
}

int32_t
synth_noise(uint64_t seed, int32_t x_q8, int32_t y_q8, int32_t cell_px)
{
	int32_t i, j, tx, ty, top, bottom;

	assert(cell_px > 0);
	i = floor_div(x_q8, cell_px * 256);
	j = floor_div(y_q8, cell_px * 256);
	tx = smoothstep((x_q8 - i * cell_px * 256) / cell_px);
	ty = smoothstep((y_q8 - j * cell_px * 256) / cell_px);
	top = lattice(seed, i, j) * (256 - tx) + lattice(seed, i + 1, j) * tx;
	bottom = lattice(seed, i, j + 1) * (256 - tx) + lattice(seed, i + 1, j + 1) * tx;
	return (top / 256 * (256 - ty) + bottom / 256 * ty) / 256;
}

/* One row of pixels inside one row of lattice cells; ty in Q8. */
static void
noise_row(uint64_t seed, int32_t cell, int32_t j, int32_t ty, int32_t width, int16_t *out)
{
	int32_t left, right = 0, x = 0;

	for (int32_t i = -1; x < width; i++) {
		left = right;
		right = (lattice(seed, i + 1, j) * (256 - ty) +
			 lattice(seed, i + 1, j + 1) * ty) /
			256;
		for (int32_t k = 0; i >= 0 && k < cell && x < width; k++, x++) {
			int32_t tx = smoothstep(k * 256 / cell);

			out[x] = (int16_t)((left * (256 - tx) + right * tx) / 256);
		}
	}
}

void
synth_noise_fill(uint64_t seed, int32_t cell_px, int32_t width, int32_t height,
		 int16_t *out)
{
	assert(cell_px > 0);
	for (int32_t y = 0; y < height; y++) {
		int32_t ty = smoothstep(y % cell_px * 256 / cell_px);

		noise_row(seed, cell_px, y / cell_px, ty, width,
			  out + (int64_t)y * width);
	}
}
