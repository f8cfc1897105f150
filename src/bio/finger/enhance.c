#include "bio/finger/trig.h"
#include "bio/finger/work.h"

#include <assert.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <string.h>

/*
 * Contextual enhancement in two oriented one-dimensional filters a block: smoothing along the
 * ridges, then a band-pass tuned to the local period across them (after Hong, Wan and Jain 1998,
 * whose Gabor filter is the product of both). Because the second filter runs over the result of
 * the first, smoothing follows bent ridges. Weights are integers; lines step one pixel along
 * their longer axis.
 */
#define ONE_SHIFT 12
#define ALONG_HALF 9          /* px */
#define ACROSS_PERIODS_8TH 10 /* half length of the band-pass, 1/8 periods */

/* 1/TRIG_ONE of (1 - (d / half)^2)^2, a bell without a tail; d and half in the same units. */
static int32_t
bell(int32_t d, int32_t half)
{
	int64_t u;

	if (d < 0)
		d = -d;
	if (d >= half)
		return 0;
	u = TRIG_ONE - (int64_t)d * d * TRIG_ONE / ((int64_t)half * half);
	return (int32_t)(u * u / TRIG_ONE);
}

static int32_t
rounded(int32_t v)
{
	return v >= 0 ? (v + TRIG_ONE / 2) / TRIG_ONE : -((TRIG_ONE / 2 - v) / TRIG_ONE);
}

/*
 * The pixels of a line through the origin in a direction, steps -reach..reach of its longer axis.
 * The length of one step in 1/256 px.
 */
static int32_t
line_set(struct line *l, uint16_t angle, int reach)
{
	int32_t c = trig_cos(angle), s = -trig_sin(angle); /* rows run downward */
	int32_t longer = max_int(c < 0 ? -c : c, s < 0 ? -s : s);

	assert(2 * reach + 1 <= TAPS_MAX);
	l->count = 2 * reach + 1;
	for (int i = -reach; i <= reach; i++) {
		l->dx[i + reach] =
			(int16_t)rounded((int32_t)((int64_t)i * c * TRIG_ONE / longer));
		l->dy[i + reach] =
			(int16_t)rounded((int32_t)((int64_t)i * s * TRIG_ONE / longer));
	}
	return (int32_t)((int64_t)TRIG_ONE * 256 / longer);
}

static void
along_set(struct line *l, uint16_t angle)
{
	int32_t step = line_set(l, angle, ALONG_HALF), total = 0;
	int32_t raw[TAPS_MAX];

	for (int i = 0; i < l->count; i++) {
		raw[i] = bell((i - ALONG_HALF) * step, (ALONG_HALF + 1) * 256);
		total += raw[i];
	}
	assert(total > 0);
	for (int i = 0; i < l->count; i++)
		l->weight[i] = (int16_t)(((int64_t)raw[i] << ONE_SHIFT) / total);
}

/* Even band-pass without a mean, of gain one at its period. */
static void
across_set(struct line *l, uint16_t angle, int period_half)
{
	int32_t half = period_half * 128 * ACROSS_PERIODS_8TH / 8; /* 1/256 px */
	int32_t step = line_set(l, angle, min_int(half / 256, TAPS_MAX / 2));
	int32_t window[TAPS_MAX], cosine[TAPS_MAX];
	int64_t sum = 0, windows = 0, gain = 0, most = 0;

	for (int i = 0; i < l->count; i++) {
		int32_t d = (i - l->count / 2) * step;

		window[i] = bell(d, half + 128);
		cosine[i] =
			trig_cos((uint16_t)((int64_t)d * 65536 / (period_half * 128)));
		sum += (int64_t)window[i] * cosine[i];
		windows += window[i];
	}
	assert(windows > 0);
	for (int i = 0; i < l->count; i++)
		gain += window[i] * (cosine[i] - sum / windows) / TRIG_ONE * cosine[i] /
			TRIG_ONE;
	assert(gain > 0);
	for (int i = 0; i < l->count; i++) {
		l->weight[i] = (int16_t)(window[i] * (cosine[i] - sum / windows) /
					 TRIG_ONE * (1 << ONE_SHIFT) / gain);
		most += l->weight[i] < 0 ? -l->weight[i] : l->weight[i];
	}
	assert(most * NORM_LIMIT <= (int64_t)WAVE_LIMIT << ONE_SHIFT);
}

void
enhance_init(struct kernels *k)
{
	for (int o = 0; o < ORIENTATIONS; o++) {
		uint16_t ridge = (uint16_t)(o * (0x8000 / ORIENTATIONS));
		uint16_t normal = (uint16_t)(ridge + 0x4000);

		along_set(&k->along[o], ridge);
		for (int p = 0; p < PERIODS; p++)
			across_set(&k->across[p][o], normal, p + PERIOD_HALF_MIN);
		for (int n = 0; n < LAG_MAX; n++) {
			k->lag_dx[o][n] = (int8_t)rounded(n * trig_cos(normal));
			k->lag_dy[o][n] = (int8_t)rounded(-n * trig_sin(normal));
		}
	}
}

#ifdef __SSE2__
/* Two taps at a time for one row of a block: 16-bit products summed in pairs, as SSE2 has them. */
static void
row_filter(const struct line *l, const int *offset, const int16_t *in, int16_t *out)
{
	__m128i low = _mm_setzero_si128(), high = low;

	for (int i = 0; i < l->count; i += 2) {
		bool pair = i + 1 < l->count;
		__m128i w = _mm_set1_epi32(
			(uint16_t)l->weight[i] |
			(int32_t)((uint32_t)(pair ? l->weight[i + 1] : 0) << 16));
		__m128i a = _mm_loadu_si128((const void *)(in + offset[i]));
		__m128i b = _mm_loadu_si128((const void *)(in + offset[i + pair]));

		low = _mm_add_epi32(low, _mm_madd_epi16(_mm_unpacklo_epi16(a, b), w));
		high = _mm_add_epi32(high, _mm_madd_epi16(_mm_unpackhi_epi16(a, b), w));
	}
	_mm_storeu_si128((void *)out, _mm_packs_epi32(_mm_srai_epi32(low, ONE_SHIFT),
						      _mm_srai_epi32(high, ONE_SHIFT)));
}
#else
static void
row_filter(const struct line *l, const int *offset, const int16_t *in, int16_t *out)
{
	int32_t sum[BLOCK_PX] = { 0 };

	for (int i = 0; i < l->count; i++) {
		const int16_t *p = in + offset[i];
		int16_t w = l->weight[i];

		for (int k = 0; k < BLOCK_PX; k++)
			sum[k] += p[k] * w;
	}
	for (int k = 0; k < BLOCK_PX; k++)
		out[k] = (int16_t)(sum[k] >> ONE_SHIFT);
}
#endif

/* One block: out = the sum over the line of in, for BLOCK_PX rows. */
static void
block_filter(const struct line *l, int stride, const int16_t *in, int16_t *out)
{
	int offset[TAPS_MAX];

	for (int i = 0; i < l->count; i++)
		offset[i] = l->dy[i] * stride + l->dx[i];
	for (int y = 0; y < BLOCK_PX; y++)
		row_filter(l, offset, in + y * stride, out + y * stride);
}

static void
block_clear(int stride, int16_t *out)
{
	for (int y = 0; y < BLOCK_PX; y++)
		memset(out + y * stride, 0, BLOCK_PX * sizeof(*out));
}

/* Planes hold whole blocks: the margin takes what lies beyond the right and lower edge. */
void
enhance_along(struct finger_extractor *x)
{
	plane_clear(x, x->flow);
	for (int by = 0; by < x->blocks_y; by++) {
		for (int bx = 0; bx < x->blocks_x; bx++) {
			size_t at = block_at(x, bx, by);
			size_t px = plane_at(x, bx * BLOCK_PX, by * BLOCK_PX);

			if (x->active[at])
				block_filter(
					&x->kernels
						 .along[orientation_index(x->angle[at])],
					x->stride, x->norm + px, x->flow + px);
		}
	}
}

static int
period_index(uint16_t period_16th)
{
	return clamp_int((period_16th + 4) / 8, PERIOD_HALF_MIN, PERIOD_HALF_MAX) -
	       PERIOD_HALF_MIN;
}

void
enhance_across(struct finger_extractor *x)
{
	plane_clear(x, x->wave);
	for (int by = 0; by < x->blocks_y; by++) {
		for (int bx = 0; bx < x->blocks_x; bx++) {
			size_t at = block_at(x, bx, by);
			size_t px = plane_at(x, bx * BLOCK_PX, by * BLOCK_PX);
			int p = period_index(x->period_16th[at]);

			if (x->active[at])
				block_filter(&x->kernels.across[p][orientation_index(
						     x->angle[at])],
					     x->stride, x->flow + px, x->wave + px);
			else
				block_clear(x->stride, x->wave + px);
		}
	}
}
