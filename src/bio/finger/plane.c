#include "base/secret.h"
#include "bio/finger/trig.h"
#include "bio/finger/work.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define DPI 500
#define SIDE_MIN 48
#define WEIGHT_ONE 256

/* Pixels at both ends of the scale that a finger does not make over large areas. */
#define SATURATED_WHITE 250
#define SATURATED_BLACK 3
#define PATCH_PX 4

#define CONTRAST_FLOOR 4 /* grey; added to the spread, so that flat areas stay flat */
#define CONTRAST_ACTIVE 3
#define GAIN_SHIFT 12
#define GAIN_MAX ((NORM_SPREAD << GAIN_SHIFT) / CONTRAST_FLOOR)
_Static_assert(255 * 16 * GAIN_MAX < INT32_MAX, "a normalised pixel is made in 32 bits");

/*
 * A triangle of the width of the coarser grid: bilinear when enlarging, area-like when
 * reducing. Positions in 1/256 px.
 */
static void
resample_tap_set(struct resample_tap *t, int out, int dpi, int limit)
{
	int64_t scale = (int64_t)dpi * 256 / DPI;
	int64_t radius = scale > 256 ? scale : 256;
	int64_t centre = ((int64_t)(2 * out + 1) * scale) / 2 - 128;
	int64_t first = (centre - radius) / 256, total = 0;
	int64_t raw[RESAMPLE_TAPS_MAX] = { 0 };
	int given = 0;

	if (first < 0)
		first = 0;
	t->first = min_int((int)first, limit - 1);
	t->count = min_int(RESAMPLE_TAPS_MAX, limit - t->first);
	for (int i = 0; i < t->count; i++) {
		int64_t d = (int64_t)(t->first + i) * 256 - centre;

		raw[i] = radius - (d < 0 ? -d : d);
		if (raw[i] < 0)
			raw[i] = 0;
		total += raw[i];
	}
	if (total == 0) {
		raw[0] = 1;
		total = 1;
	}
	for (int i = 0; i < t->count; i++) {
		t->weight[i] = (int)(raw[i] * WEIGHT_ONE / total);
		given += t->weight[i];
	}
	while (t->count > 1 && t->weight[t->count - 1] == 0)
		t->count--;
	t->weight[t->count / 2] += WEIGHT_ONE - given;
}

/* One output row: input rows blended into x->row_in, then columns. */
static void
resample_row(struct finger_extractor *x, const struct sample *s, int y)
{
	uint8_t *out = x->grey + plane_at(x, 0, y);
	struct resample_tap ty;

	resample_tap_set(&ty, y, (int)s->dpi, (int)s->height);
	memset(x->row_in, 0, s->width * sizeof(x->row_in[0]));
	for (int i = 0; i < ty.count; i++) {
		const uint8_t *in = s->grey + (size_t)(ty.first + i) * s->width;

		for (uint32_t k = 0; k < s->width; k++)
			x->row_in[k] += ty.weight[i] * in[k];
	}
	for (int k = 0; k < x->width; k++) {
		const struct resample_tap *tx = &x->tap[k];
		int32_t v = WEIGHT_ONE * WEIGHT_ONE / 2;

		for (int i = 0; i < tx->count; i++)
			v += tx->weight[i] * x->row_in[tx->first + i];
		out[k] = (uint8_t)clamp_int(v / (WEIGHT_ONE * WEIGHT_ONE), 0, 255);
	}
}

int
plane_load(struct finger_extractor *x, const struct sample *s)
{
	uint64_t width = ((uint64_t)s->width * DPI + s->dpi / 2) / s->dpi;
	uint64_t height = ((uint64_t)s->height * DPI + s->dpi / 2) / s->dpi;

	if (width < SIDE_MIN || height < SIDE_MIN || width > FINGER_SIDE_MAX ||
	    height > FINGER_SIDE_MAX || width * height > FINGER_PIXELS_MAX)
		return -EINVAL;
	x->width = (int)width;
	x->height = (int)height;
	x->stride = (x->width + 2 * FINGER_PAD + 15) / 16 * 16;
	x->blocks_x = (x->width + BLOCK_PX - 1) / BLOCK_PX;
	x->blocks_y = (x->height + BLOCK_PX - 1) / BLOCK_PX;
	assert(plane_elements(x) <= PLANE_PIXELS_MAX);
	for (int i = 0; i < x->width; i++)
		resample_tap_set(&x->tap[i], i, (int)s->dpi, (int)s->width);
	for (int y = 0; y < x->height; y++)
		resample_row(x, s, y);
	return 0;
}

/*
 * Saturated patches that lie in an area of three patches a side or more: where the sensor has no
 * finger at all, such as white corners. Valleys are too narrow to be taken for one.
 */
static bool
patch_saturated(const struct finger_extractor *x, int cx, int cy)
{
	bool white = true, black = true;

	for (int y = cy * PATCH_PX; y < min_int((cy + 1) * PATCH_PX, x->height); y++) {
		const uint8_t *row = x->grey + plane_at(x, 0, y);

		for (int k = cx * PATCH_PX; k < min_int((cx + 1) * PATCH_PX, x->width);
		     k++) {
			white = white && row[k] >= SATURATED_WHITE;
			black = black && row[k] <= SATURATED_BLACK;
		}
	}
	return white || black;
}

/* Patch states: saturated, then a core of it, then next to a core. */
enum { PATCH_SATURATED = 1, PATCH_CORE = 2, PATCH_NEAR = 4 };

static void
patch_spread(struct finger_extractor *x, int cx, int cy, int nx, int ny)
{
	for (int y = max_int(cy - 2, 0); y <= min_int(cy + 2, ny - 1); y++)
		for (int k = max_int(cx - 2, 0); k <= min_int(cx + 2, nx - 1); k++)
			x->patch[y * nx + k] |= PATCH_NEAR;
}

static bool
patch_is_core(const struct finger_extractor *x, int cx, int cy, int nx, int ny)
{
	for (int y = max_int(cy - 1, 0); y <= min_int(cy + 1, ny - 1); y++)
		for (int k = max_int(cx - 1, 0); k <= min_int(cx + 1, nx - 1); k++)
			if ((x->patch[y * nx + k] & PATCH_SATURATED) == 0)
				return false;
	return true;
}

/* Marks the saturated pixels near a core, one pixel wider, since resampling blurs the edge. */
static void
blank_mark(struct finger_extractor *x, int nx)
{
	for (int y = 0; y < x->height; y++) {
		const uint8_t *patch = x->patch + (y / PATCH_PX) * nx;
		const uint8_t *row = x->grey + plane_at(x, 0, y);
		uint8_t *blank = x->blank + plane_at(x, 0, y);

		for (int k = 0; k < x->width; k++) {
			if ((patch[k / PATCH_PX] & PATCH_NEAR) == 0 ||
			    (row[k] < SATURATED_WHITE && row[k] > SATURATED_BLACK))
				continue;
			for (int d = -1; d <= 1; d++)
				memset(blank + k + d * x->stride - 2, 1, 5);
		}
	}
}

static void
blank_find(struct finger_extractor *x)
{
	int nx = (x->width + PATCH_PX - 1) / PATCH_PX;
	int ny = (x->height + PATCH_PX - 1) / PATCH_PX;
	bool any = false;

	memset(x->blank, 0, plane_elements(x));
	for (int cy = 0; cy < ny; cy++)
		for (int cx = 0; cx < nx; cx++)
			x->patch[cy * nx + cx] =
				patch_saturated(x, cx, cy) ? PATCH_SATURATED : 0;
	for (int cy = 0; cy < ny; cy++) {
		for (int cx = 0; cx < nx; cx++) {
			if (!patch_is_core(x, cx, cy, nx, ny))
				continue;
			patch_spread(x, cx, cy, nx, ny);
			any = true;
		}
	}
	if (any)
		blank_mark(x, nx);
}

struct block_sum {
	int64_t count, sum, square;
};

static struct block_sum
block_sum_of(const struct finger_extractor *x, int bx, int by)
{
	struct block_sum b = { 0, 0, 0 };
	int right = min_int((bx + 1) * BLOCK_PX, x->width);

	for (int y = by * BLOCK_PX; y < min_int((by + 1) * BLOCK_PX, x->height); y++) {
		const uint8_t *row = x->grey + plane_at(x, 0, y);
		const uint8_t *blank = x->blank + plane_at(x, 0, y);

		for (int k = bx * BLOCK_PX; k < right; k++) {
			int32_t seen = 1 - blank[k], v = row[k] * seen;

			b.count += seen;
			b.sum += v;
			b.square += v * v;
		}
	}
	return b;
}

/* Mean and spread of a block from it and its neighbours, weighted binomially. */
static void
block_level(struct finger_extractor *x, int bx, int by)
{
	static const int weight[5] = { 1, 4, 6, 4, 1 };
	struct block_sum t = { 0, 0, 0 };
	size_t at = block_at(x, bx, by);
	int64_t variance;
	uint32_t spread_16th;

	for (int dy = -2; dy <= 2; dy++) {
		for (int dx = -2; dx <= 2; dx++) {
			int w = weight[dx + 2] * weight[dy + 2];
			size_t i;

			if (bx + dx < 0 || bx + dx >= x->blocks_x || by + dy < 0 ||
			    by + dy >= x->blocks_y)
				continue;
			i = block_at(x, bx + dx, by + dy);
			t.count += (int64_t)w * x->valid[i];
			t.sum += (int64_t)w * x->scratch[0][i];
			t.square += (int64_t)w * x->scratch[1][i];
		}
	}
	if (t.count == 0) {
		x->mean_16th[at] = 128 * 16;
		x->gain[at] = 0;
		x->contrast[at] = 0;
		return;
	}
	x->mean_16th[at] = (int32_t)(t.sum * 16 / t.count);
	variance = t.square * 256 / t.count -
		   (t.sum * 16 / t.count) * (t.sum * 16 / t.count);
	spread_16th = trig_sqrt((uint64_t)(variance > 0 ? variance : 0));
	x->gain[at] = (NORM_SPREAD * 16 << GAIN_SHIFT) /
		      ((int32_t)spread_16th + CONTRAST_FLOOR * 16);
	x->contrast[at] = (uint8_t)min_int((int)(spread_16th + 8) / 16, 255);
}

/* Value of a block grid half way between centres, in 1/256 of a block, for one pixel row. */
static void
row_level(const struct finger_extractor *x, const int32_t *grid, int y, int32_t *out)
{
	int pos = 2 * y + 1 - BLOCK_PX; /* in half pixels from the first centre */
	int by = pos < 0 ? 0 : pos / (2 * BLOCK_PX);
	int part = pos < 0 ? 0 : pos % (2 * BLOCK_PX);
	const int32_t *upper, *lower;

	if (by >= x->blocks_y - 1) {
		by = x->blocks_y - 1;
		part = 0;
	}
	upper = grid + block_at(x, 0, by);
	lower = part == 0 ? upper : upper + x->blocks_x;
	for (int bx = 0; bx < x->blocks_x; bx++)
		out[bx] = upper[bx] + (lower[bx] - upper[bx]) / (2 * BLOCK_PX) * part;
}

/* Pixels first..first + count - 1 of a row between two block centres. */
struct stretch {
	int first, count;
	int part; /* of the way between the centres at `first`, in half pixels */
	int32_t mean, mean_next, gain, gain_next;
};

static void
normalise_stretch(struct finger_extractor *x, int y, const struct stretch *s)
{
	const uint8_t *grey = x->grey + plane_at(x, s->first, y);
	int16_t *norm = x->norm + plane_at(x, s->first, y);
	int32_t mean_step = s->mean_next - s->mean;
	int32_t gain_step = (s->gain_next - s->gain) / (2 * BLOCK_PX);

	for (int k = 0; k < s->count; k++) {
		int32_t part = s->part + 2 * k;
		int32_t m = s->mean + mean_step * part / (2 * BLOCK_PX);
		int32_t v = (grey[k] * 16 - m) * (s->gain + gain_step * part) /
			    (16 << GAIN_SHIFT);

		norm[k] = (int16_t)clamp_int(v, -NORM_LIMIT, NORM_LIMIT);
	}
}

static void
normalise_row(struct finger_extractor *x, int y, const int32_t *mean, const int32_t *gain)
{
	const uint8_t *blank = x->blank + plane_at(x, 0, y);
	int16_t *norm = x->norm + plane_at(x, 0, y);
	int last = x->blocks_x - 1;
	struct stretch s = { 0, BLOCK_PX / 2, 0, mean[0], mean[0], gain[0], gain[0] };

	for (int bx = 0; s.first < x->width; bx++) {
		s.count = min_int(s.count, x->width - s.first);
		normalise_stretch(x, y, &s);
		s = (struct stretch){ .first = s.first + s.count,
				      .count = BLOCK_PX,
				      .part = 1,
				      .mean = mean[min_int(bx, last)],
				      .mean_next = mean[min_int(bx + 1, last)],
				      .gain = gain[min_int(bx, last)],
				      .gain_next = gain[min_int(bx + 1, last)] };
	}
	for (int k = 0; k < x->width; k++)
		norm[k] = (int16_t)(norm[k] * (1 - blank[k]));
}

void
plane_normalise(struct finger_extractor *x)
{
	int32_t mean[BLOCKS_SIDE_MAX] = { 0 }, gain[BLOCKS_SIDE_MAX] = { 0 };

	blank_find(x);
	for (int by = 0; by < x->blocks_y; by++) {
		for (int bx = 0; bx < x->blocks_x; bx++) {
			struct block_sum b = block_sum_of(x, bx, by);
			size_t at = block_at(x, bx, by);

			x->valid[at] = (uint8_t)b.count;
			x->scratch[0][at] = (int32_t)b.sum;
			x->scratch[1][at] = (int32_t)b.square;
		}
	}
	for (int by = 0; by < x->blocks_y; by++) {
		for (int bx = 0; bx < x->blocks_x; bx++) {
			size_t at = block_at(x, bx, by);

			block_level(x, bx, by);
			x->active[at] =
				x->valid[at] > 0 && x->contrast[at] >= CONTRAST_ACTIVE;
		}
	}
	plane_clear(x, x->norm);
	for (int y = 0; y < x->height; y++) {
		row_level(x, x->mean_16th, y, mean);
		row_level(x, x->gain, y, gain);
		normalise_row(x, y, mean, gain);
	}
}

void
plane_wipe(struct finger_extractor *x)
{
	size_t n = plane_elements(x);

	secret_zero(x->grey, n);
	secret_zero(x->norm, n * sizeof(x->norm[0]));
	secret_zero(x->flow, n * sizeof(x->flow[0]));
	secret_zero(x->wave, n * sizeof(x->wave[0]));
	secret_zero(x->skeleton, sizeof(x->skeleton));
	secret_zero(x->row_in, sizeof(x->row_in));
}
