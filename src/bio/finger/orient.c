#include "bio/finger/trig.h"
#include "bio/finger/work.h"

/*
 * The orientation field by structure tensors (Bigun and Granlund 1987), summed over blocks,
 * smoothed at several widths and combined so that a width counts as much as its directions agree:
 * wide where the print is noisy, narrow where it bends.
 */
#define UNIT 4096 /* 1.0 of a coherence */

_Static_assert(2 * (8 * WAVE_LIMIT) * (8 * WAVE_LIMIT) <
		       INT32_MAX / (BLOCK_PX * BLOCK_PX),
	       "a block's tensor fits in 32 bits");

static struct tensor
block_tensor(const struct finger_extractor *x, const int16_t *plane, int bx, int by)
{
	struct tensor t = { 0, 0, 0 };
	int s = x->stride;

	for (int y = by * BLOCK_PX; y < (by + 1) * BLOCK_PX; y++) {
		const int16_t *p = plane + plane_at(x, bx * BLOCK_PX, y);

		for (int k = 0; k < BLOCK_PX; k++, p++) {
			int32_t left = p[-s - 1] + 2 * p[-1] + p[s - 1];
			int32_t right = p[-s + 1] + 2 * p[1] + p[s + 1];
			int32_t up = p[-s - 1] + 2 * p[-s] + p[-s + 1];
			int32_t down = p[s - 1] + 2 * p[s] + p[s + 1];
			int32_t gx = right - left, gy = up - down;

			t.a += gx * gx - gy * gy;
			t.b += 2 * gx * gy;
			t.e += gx * gx + gy * gy;
		}
	}
	return t;
}

/* out = in blurred binomially over 3 x 3 pixels, inside the image. */
static void
blur(const struct finger_extractor *x, const int16_t *in, int16_t *out)
{
	int s = x->stride;

	for (int y = 0; y < x->height; y++) {
		const int16_t *p = in + plane_at(x, 0, y);
		int16_t *q = out + plane_at(x, 0, y);

		for (int k = 0; k < x->width; k++, p++)
			q[k] = (int16_t)((p[-s - 1] + p[-s + 1] + p[s - 1] + p[s + 1] +
					  2 * (p[-s] + p[s] + p[-1] + p[1]) + 4 * p[0]) /
					 16);
	}
}

static void
tensors_of(struct finger_extractor *x, const int16_t *plane)
{
	static const struct tensor none = { 0, 0, 0 };

	for (int by = 0; by < x->blocks_y; by++) {
		for (int bx = 0; bx < x->blocks_x; bx++) {
			size_t at = block_at(x, bx, by);

			x->tensor[0][at] =
				x->active[at] ? block_tensor(x, plane, bx, by) : none;
		}
	}
}

static void
tensor_add(struct tensor *sum, const struct tensor *t, int32_t weight)
{
	sum->a += t->a / 16 * weight;
	sum->b += t->b / 16 * weight;
	sum->e += t->e / 16 * weight;
}

/* out = in averaged over 3 x 3 blocks, binomially; blocks outside the image count as nothing. */
static void
tensors_smooth(const struct finger_extractor *x, const struct tensor *in,
	       struct tensor *out)
{
	static const int32_t weight[3][3] = { { 1, 2, 1 }, { 2, 4, 2 }, { 1, 2, 1 } };

	for (int by = 0; by < x->blocks_y; by++) {
		for (int bx = 0; bx < x->blocks_x; bx++) {
			struct tensor sum = { 0, 0, 0 };

			for (int dy = -1; dy <= 1; dy++) {
				for (int dx = -1; dx <= 1; dx++) {
					if (bx + dx < 0 || bx + dx >= x->blocks_x ||
					    by + dy < 0 || by + dy >= x->blocks_y)
						continue;
					tensor_add(&sum,
						   &in[block_at(x, bx + dx, by + dy)],
						   weight[dy + 1][dx + 1]);
				}
			}
			out[block_at(x, bx, by)] = sum;
		}
	}
}

/* From the direction across the ridges, doubled, to that along them. */
static uint16_t
ridge_angle(int64_t a, int64_t b)
{
	return (uint16_t)(((trig_atan2(b, a) >> 1) + 0x4000u) & 0x7fff);
}

/*
 * a / e in 1/UNIT, towards zero. In doubles, as lane PCs take long to divide 64 bits: the quotient
 * is at least 2^-31 away from the next whole number unless it is one, so no rounding gets there.
 */
static int64_t
share_of(int32_t a, int32_t e)
{
	return (int64_t)((double)((int64_t)a * UNIT) / e);
}

/* Averages a block's directions at `widths` widths; each counts by its own coherence. */
static void
block_direction(struct finger_extractor *x, size_t at, int widths)
{
	int64_t a = 0, b = 0, length;

	for (int k = 1; k <= widths; k++) {
		const struct tensor *t = &x->tensor[k][at];

		if (t->e <= 0)
			continue;
		a += share_of(t->a, t->e);
		b += share_of(t->b, t->e);
	}
	x->angle[at] = ridge_angle(a, b);
	length = trig_sqrt((uint64_t)(a * a + b * b)) / (uint32_t)widths;
	x->coherence[at] = (uint8_t)clamp_int((int)(length * 255 / UNIT), 0, 255);
}

/* Directions from tensor[0], smoothed over 24, 40, 56 ... px. */
static void
directions(struct finger_extractor *x, int widths)
{
	for (int k = 0; k < widths; k++)
		tensors_smooth(x, x->tensor[k], x->tensor[k + 1]);
	for (int i = 0; i < x->blocks_x * x->blocks_y; i++) {
		if (x->active[i]) {
			block_direction(x, (size_t)i, widths);
		} else {
			x->angle[i] = 0;
			x->coherence[i] = 0;
		}
	}
}

void
orient_from_norm(struct finger_extractor *x)
{
	plane_clear(x, x->flow);
	blur(x, x->norm, x->flow);
	tensors_of(x, x->flow);
	directions(x, TENSOR_WIDTHS);
}

void
orient_from_wave(struct finger_extractor *x)
{
	tensors_of(x, x->wave);
	directions(x, TENSOR_WIDTHS - 1);
}
