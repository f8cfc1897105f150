#include "bio/finger/work.h"

#include <stdbool.h>
#include <string.h>

/*
 * Foreground: blocks where most of the energy is ridges (noise passes the oriented filters only
 * to a tenth or so) and whose contrast is not far below that of the print as a whole (ghosts of
 * the finger before). Then gaps are closed, specks dropped, and the largest area kept.
 */
#define STRENGTH_MIN 30 /* of 255 */
#define WAVE_MIN 12     /* root mean square; a clean print has 45 */
#define ENERGY_MIN (BLOCK_PX * BLOCK_PX * WAVE_MIN * WAVE_MIN)
#define CONTRAST_MIN 4 /* grey */
#define CONTRAST_SHARE_8TH 2
#define VALID_MIN 48 /* pixels of a block that are not blank */
#define BLOCKS_MIN 12
#define HOLE_BLOCKS_MAX 24

static int64_t
block_energy(const struct finger_extractor *x, const int16_t *plane, int bx, int by)
{
	int64_t sum = 0;

	for (int y = 0; y < BLOCK_PX; y++) {
		const int16_t *p = plane + plane_at(x, bx * BLOCK_PX, by * BLOCK_PX + y);
		int32_t row = 0;

		for (int k = 0; k < BLOCK_PX; k++)
			row += p[k] * p[k];
		sum += row;
	}
	return sum;
}

/* strength: energy of wave as a share of that of norm, over 3 x 3 blocks. */
static void
measure_strength(struct finger_extractor *x)
{
	for (int by = 0; by < x->blocks_y; by++) {
		for (int bx = 0; bx < x->blocks_x; bx++) {
			size_t at = block_at(x, bx, by);

			x->scratch[0][at] = (int32_t)block_energy(x, x->wave, bx, by);
			x->scratch[1][at] = (int32_t)block_energy(x, x->norm, bx, by);
		}
	}
	for (int by = 0; by < x->blocks_y; by++) {
		for (int bx = 0; bx < x->blocks_x; bx++) {
			int64_t wave = 0, norm = 1;

			for (int y = max_int(by - 1, 0);
			     y <= min_int(by + 1, x->blocks_y - 1); y++) {
				for (int k = max_int(bx - 1, 0);
				     k <= min_int(bx + 1, x->blocks_x - 1); k++) {
					wave += x->scratch[0][block_at(x, k, y)];
					norm += x->scratch[1][block_at(x, k, y)];
				}
			}
			x->strength[block_at(x, bx, by)] =
				(uint8_t)min_int((int)(wave * 255 / norm), 255);
			x->energy[block_at(x, bx, by)] = (int32_t)(wave / 9);
		}
	}
}

/* The contrast that three quarters of the strong blocks stay below. */
static int
contrast_typical(const struct finger_extractor *x)
{
	int histogram[256] = { 0 }, total = 0, seen = 0, level = 0;

	for (int i = 0; i < x->blocks_x * x->blocks_y; i++) {
		if (x->active[i] && x->strength[i] >= STRENGTH_MIN) {
			histogram[x->contrast[i]]++;
			total++;
		}
	}
	while (level < 255 && (seen += histogram[level]) < total * 3 / 4)
		level++;
	return level;
}

static int
neighbours_set(const struct finger_extractor *x, int bx, int by)
{
	int n = 0;

	for (int y = by - 1; y <= by + 1; y++)
		for (int k = bx - 1; k <= bx + 1; k++)
			if (k >= 0 && k < x->blocks_x && y >= 0 && y < x->blocks_y)
				n += x->mask[block_at(x, k, y)];
	return n;
}

/* A block is set where at least `least` of the 3 x 3 blocks around it are. */
static void
vote(struct finger_extractor *x, int least)
{
	for (int by = 0; by < x->blocks_y; by++)
		for (int bx = 0; bx < x->blocks_x; bx++)
			x->scratch[0][block_at(x, bx, by)] =
				neighbours_set(x, bx, by) >= least;
	for (int i = 0; i < x->blocks_x * x->blocks_y; i++)
		x->mask[i] = (uint8_t)x->scratch[0][i];
}

struct area {
	int size;
	bool at_edge; /* of the image */
};

/* Paints the area of equal value around a block with `label`. scratch[1] is the stack. */
static struct area
flood(struct finger_extractor *x, int32_t *labels, int start, int32_t label)
{
	int32_t *stack = x->scratch[1];
	struct area a = { 0, false };
	uint8_t value = x->mask[start];
	int depth = 0;

	labels[start] = label;
	stack[depth++] = start;
	while (depth > 0) {
		int at = stack[--depth], bx = at % x->blocks_x, by = at / x->blocks_x;
		const int next[4] = { bx > 0 ? at - 1 : -1,
				      bx + 1 < x->blocks_x ? at + 1 : -1,
				      by > 0 ? at - x->blocks_x : -1,
				      by + 1 < x->blocks_y ? at + x->blocks_x : -1 };

		a.size++;
		for (int i = 0; i < 4; i++) {
			if (next[i] < 0) {
				a.at_edge = true;
				continue;
			}
			if (labels[next[i]] != 0 || x->mask[next[i]] != value)
				continue;
			labels[next[i]] = label;
			stack[depth++] = next[i];
		}
	}
	return a;
}

/* Keeps the largest foreground area and fills its small holes. The size of it before that. */
static int
keep_largest(struct finger_extractor *x)
{
	int32_t *labels = x->scratch[0];
	int blocks = x->blocks_x * x->blocks_y, best = 0, best_label = 0, label = 0;

	memset(labels, 0, (size_t)blocks * sizeof(*labels));
	for (int i = 0; i < blocks; i++) {
		struct area a;

		if (labels[i] != 0)
			continue;
		a = flood(x, labels, i, ++label);
		x->label_filled[label] =
			!x->mask[i] && !a.at_edge && a.size <= HOLE_BLOCKS_MAX;
		if (x->mask[i] && a.size > best) {
			best = a.size;
			best_label = label;
		}
	}
	for (int i = 0; i < blocks; i++)
		x->mask[i] = (labels[i] == best_label || x->label_filled[labels[i]]) &&
			     x->valid[i] >= VALID_MIN;
	return best;
}

/*
 * The windows above reach beyond the print: takes off blocks of the rim that show next to nothing
 * themselves. (Inside, a weak block is where a minutia disturbs the wave, and stays.)
 */
static void
peel_rim(struct finger_extractor *x)
{
	for (int by = 0; by < x->blocks_y; by++) {
		for (int bx = 0; bx < x->blocks_x; bx++) {
			size_t at = block_at(x, bx, by);

			x->scratch[0][at] =
				x->mask[at] &&
				(neighbours_set(x, bx, by) == 9 ||
				 block_energy(x, x->wave, bx, by) >= ENERGY_MIN);
		}
	}
	for (int i = 0; i < x->blocks_x * x->blocks_y; i++)
		x->mask[i] = (uint8_t)x->scratch[0][i];
}

void
segment_mask(struct finger_extractor *x)
{
	int blocks = x->blocks_x * x->blocks_y, floor;

	measure_strength(x);
	floor = max_int(contrast_typical(x) * CONTRAST_SHARE_8TH / 8, CONTRAST_MIN);
	for (int i = 0; i < blocks; i++)
		x->mask[i] = x->active[i] && x->strength[i] >= STRENGTH_MIN &&
			     x->contrast[i] >= floor && x->energy[i] >= ENERGY_MIN;
	vote(x, 5);
	vote(x, 4);
	vote(x, 6);
	peel_rim(x);
	if (keep_largest(x) < BLOCKS_MIN)
		memset(x->mask, 0, sizeof(x->mask));
}
