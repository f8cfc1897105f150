#include "bio/finger/trig.h"
#include "bio/finger/work.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define CELL_BLOCKS ((int)FINGER_CELL_PX / BLOCK_PX)
#define CELLS_FAIR 160 /* 41 000 px, 106 square millimetres: more does not help */
#define CELLS_SMALL 80
#define CELLS_MIN 24       /* less is not a print */
#define CONTRAST_LOW 10    /* grey */
#define EXPECTED_FAIR 1500 /* sum of the qualities of minutiae */
#define MINUTIAE_FEW 12
#define STRENGTH_WORST 45 /* of 255, mean of the foreground; noise has 30 */
#define STRENGTH_BEST 130
#define STRENGTH_DRY 80
#define STRENGTH_WET 95
#define DARK_DRY 75 /* of 256 */
#define DARK_WET 150
/*
 * No print of three sets (558 pictures) has more than 9 places about which the ridges turn, woven
 * cloth, halftones and noise of the ridges' period more than 24.
 */
#define WHIRLS_MAX 16
/*
 * Nor do the ridges of one that shows so much of a finger run more than 0.83 in one direction; the
 * beats of two gratings do. With few minutiae they are like nobody's.
 */
#define CELLS_BENT 200
#define STRAIGHT_100TH 95
#define STRAIGHT_MINUTIAE 24

_Static_assert((int)FINGER_CELL_PX % BLOCK_PX == 0, "cells are whole blocks");

/* Sums over the foreground. */
struct survey {
	int64_t blocks, strength, coherence, contrast;
};

static void
cell_fill(const struct finger_extractor *x, struct finger_features *f, int cx, int cy)
{
	int64_t c = 0, s = 0;
	int inside = 0, coherence = 0;
	size_t cell = (size_t)cy * f->cells_x + (size_t)cx;

	for (int i = 0; i < CELL_BLOCKS * CELL_BLOCKS; i++) {
		int bx = cx * CELL_BLOCKS + i % CELL_BLOCKS;
		int by = cy * CELL_BLOCKS + i / CELL_BLOCKS;
		size_t at;

		if (bx >= x->blocks_x || by >= x->blocks_y)
			continue;
		at = block_at(x, bx, by);
		if (x->mask[at] == 0)
			continue;
		inside++;
		coherence += x->coherence[at];
		c += (int64_t)x->coherence[at] * trig_cos((uint16_t)(x->angle[at] * 2));
		s += (int64_t)x->coherence[at] * trig_sin((uint16_t)(x->angle[at] * 2));
	}
	if (inside * 2 < CELL_BLOCKS * CELL_BLOCKS)
		return;
	f->orientation[cell] = (uint8_t)((trig_atan2(s, c) + 0x80u) >> 8);
	f->coherence[cell] = (uint8_t)max_int(coherence / inside, 1);
	f->foreground_cells++;
}

/* Counts the grey values of the foreground. */
static void
histogram_of(const struct finger_extractor *x, int32_t count[256])
{
	memset(count, 0, 256 * sizeof(count[0]));
	for (int y = 0; y < x->height; y++) {
		const uint8_t *grey = x->grey + plane_at(x, 0, y);
		const uint8_t *mask = x->mask + block_at(x, 0, y / BLOCK_PX);

		for (int k = 0; k < x->width; k++)
			count[grey[k]] += mask[k / BLOCK_PX];
	}
}

/* The grey value that `share` of 256 of the foreground does not reach. */
static int
percentile(const int32_t count[256], int64_t share)
{
	int64_t total = 0, seen = 0;
	int level = 0;

	for (int i = 0; i < 256; i++)
		total += count[i];
	while (level < 255 && (seen += count[level]) * 256 <= total * share)
		level++;
	return level;
}

/* How much of the foreground is darker than half way from black to white there, of 256. */
static int
dark_share(const struct finger_extractor *x)
{
	int32_t count[256];
	int64_t total = 1, dark = 0;
	int middle;

	histogram_of(x, count);
	middle = (percentile(count, 5) + percentile(count, 251)) / 2;
	for (int i = 0; i < 256; i++) {
		total += count[i];
		dark += i < middle ? count[i] : 0;
	}
	return (int)(dark * 256 / total);
}

static struct survey
survey_of(const struct finger_extractor *x)
{
	struct survey s = { 0, 0, 0, 0 };

	for (int by = 0; by < x->blocks_y; by++) {
		for (int bx = 0; bx < x->blocks_x; bx++) {
			size_t at = block_at(x, bx, by);

			if (x->mask[at] == 0)
				continue;
			s.blocks++;
			s.strength += x->strength[at];
			s.coherence += x->coherence[at];
			s.contrast += x->contrast[at];
		}
	}
	return s;
}

static uint16_t
hints_of(const struct finger_extractor *x, const struct finger_features *f,
	 const struct survey *s)
{
	int64_t strength = s->strength / s->blocks, contrast = s->contrast / s->blocks;
	int dark = dark_share(x);
	unsigned hints = 0;

	if (strength < STRENGTH_DRY && dark < DARK_DRY)
		hints |= HINT_TOO_DRY;
	if (strength < STRENGTH_WET && dark > DARK_WET)
		hints |= HINT_TOO_WET;
	if (f->foreground_cells < CELLS_SMALL)
		hints |= HINT_TOO_SMALL;
	if (contrast < CONTRAST_LOW)
		hints |= HINT_LOW_CONTRAST;
	if (f->count < MINUTIAE_FEW)
		hints |= HINT_FEW_MINUTIAE;
	return (uint16_t)hints;
}

/*
 * Quality is the product of three shares: how much of the foreground's energy is ridges (the best
 * single predictor of both the scores of a finger's own pairs and NIST's grades), how much finger
 * there is, and how many minutiae can be relied upon.
 */
static uint8_t
quality_of(const struct finger_features *f, const struct survey *s)
{
	int64_t strength = s->strength / s->blocks, expected = 0;
	int64_t q =
		clamp_int((int)strength, STRENGTH_WORST, STRENGTH_BEST) - STRENGTH_WORST;

	for (int i = 0; i < f->count; i++)
		expected += f->minutiae[i].quality;
	q = q * 100 / (STRENGTH_BEST - STRENGTH_WORST);
	q = q * min_int(f->foreground_cells, CELLS_FAIR) / CELLS_FAIR;
	q = q * min_int((int)expected, EXPECTED_FAIR) / EXPECTED_FAIR;
	return (uint8_t)q;
}

/* Whether the orientation makes half a turn or more around four cells (Poincare index). */
static bool
is_whirl(const struct finger_features *f, size_t at)
{
	const size_t corner[5] = { at, at + 1, at + 1 + f->cells_x, at + f->cells_x, at };
	int turn = 0;

	for (int i = 0; i < 4; i++) {
		if (f->coherence[corner[i]] == 0)
			return false;
		turn += (int8_t)(f->orientation[corner[i + 1]] -
				 f->orientation[corner[i]]);
	}
	return turn != 0;
}

static int
whirls_of(const struct finger_features *f)
{
	int n = 0;

	for (int cy = 0; cy + 1 < f->cells_y; cy++)
		for (int cx = 0; cx + 1 < f->cells_x; cx++)
			n += is_whirl(f, (size_t)cy * f->cells_x + (size_t)cx);
	return n;
}

/* How much the ridges of all cells run in one direction, in hundredths. */
static int
straightness_of(const struct finger_features *f)
{
	int64_t c = 0, s = 0, most = 1;

	for (size_t i = 0; i < (size_t)f->cells_x * f->cells_y; i++) {
		uint16_t doubled = (uint16_t)(f->orientation[i] << 8);

		if (f->coherence[i] == 0)
			continue;
		c += trig_cos(doubled);
		s += trig_sin(doubled);
		most += trig_cos(0);
	}
	return (int)((int64_t)trig_sqrt((uint64_t)(c * c + s * s)) * 100 / most);
}

/* Whether the ridges flow as no finger's do: cloth, halftones, gratings, noise. */
static bool
is_no_print(const struct finger_features *f)
{
	return whirls_of(f) > WHIRLS_MAX ||
	       (f->foreground_cells >= CELLS_BENT && f->count > STRAIGHT_MINUTIAE &&
		straightness_of(f) >= STRAIGHT_100TH);
}

int
quality_rate(struct finger_extractor *x, struct finger_features *f)
{
	struct survey s = survey_of(x);

	f->cells_x = (uint8_t)((x->blocks_x + CELL_BLOCKS - 1) / CELL_BLOCKS);
	f->cells_y = (uint8_t)((x->blocks_y + CELL_BLOCKS - 1) / CELL_BLOCKS);
	for (int cy = 0; cy < f->cells_y; cy++)
		for (int cx = 0; cx < f->cells_x; cx++)
			cell_fill(x, f, cx, cy);
	if (s.blocks == 0) {
		f->hints = HINT_BLANK;
		return -ENODATA;
	}
	f->quality = quality_of(f, &s);
	f->hints = hints_of(x, f, &s);
	if (s.strength / s.blocks < STRENGTH_WORST || is_no_print(f))
		f->hints |= HINT_BLANK;
	if ((f->hints & HINT_BLANK) != 0 || f->foreground_cells < CELLS_MIN ||
	    f->count == 0)
		return -ENODATA;
	return 0;
}
