#include "bio/finger/work.h"

#include <string.h>

/*
 * Thinning after Guo and Hall (1989, their first algorithm), 64 pixels at a time: each condition
 * on the eight neighbours is a boolean function of eight shifted words.
 */
#define THIN_ROUNDS_MAX 24 /* half the widest stroke that is still a ridge, with room */

/* The eight neighbours of 64 pixels, from north clockwise. */
struct around {
	uint64_t n, ne, e, se, s, sw, w, nw;
};

/* Bit k is pixel x = k: the western neighbour of all pixels is the word shifted up. */
static uint64_t
west_of(const uint64_t *row, int i)
{
	return row[i] << 1 | (i > 0 ? row[i - 1] >> 63 : 0);
}

static uint64_t
east_of(const uint64_t *row, int i, int words)
{
	return row[i] >> 1 | (i + 1 < words ? row[i + 1] << 63 : 0);
}

static struct around
around_of(const uint64_t *above, const uint64_t *row, const uint64_t *below, int i,
	  int words)
{
	struct around a = {
		.n = above[i],
		.ne = east_of(above, i, words),
		.e = east_of(row, i, words),
		.se = east_of(below, i, words),
		.s = below[i],
		.sw = west_of(below, i),
		.w = west_of(row, i),
		.nw = west_of(above, i),
	};
	return a;
}

/* Bits where exactly one of four is set. */
static uint64_t
exactly_one(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t odd = a ^ b ^ c ^ d;
	uint64_t pairs = (a & b) | (c & d);

	return odd & ~pairs;
}

static uint64_t
two_or_more(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return (a & b) | (c & d) | ((a | b) & (c | d));
}

/* The pixels of a word that a half round deletes. */
static uint64_t
deletable(const struct around *p, int half)
{
	uint64_t one = exactly_one(~p->n & (p->ne | p->e), ~p->e & (p->se | p->s),
				   ~p->s & (p->sw | p->w), ~p->w & (p->nw | p->n));
	uint64_t a1 = p->nw | p->n, a2 = p->ne | p->e, a3 = p->se | p->s,
		 a4 = p->sw | p->w;
	uint64_t b1 = p->n | p->ne, b2 = p->e | p->se, b3 = p->s | p->sw,
		 b4 = p->w | p->nw;
	uint64_t enough = two_or_more(a1, a2, a3, a4) & two_or_more(b1, b2, b3, b4);
	uint64_t few = ~(a1 & a2 & a3 & a4) | ~(b1 & b2 & b3 & b4);
	uint64_t keep = half == 0 ? (p->s | p->sw | ~p->nw) & p->w
				  : (p->n | p->ne | ~p->se) & p->e;

	return one & enough & few & ~keep;
}

/* One half round over the whole image; true when it deleted something. */
static bool
thin_half(struct bits *b, int height, int half)
{
	uint64_t old[2][BITS_ROW_WORDS] = { { 0 } };
	uint64_t changed = 0;

	for (int y = 0; y < height; y++) {
		uint64_t *row = b->word + (size_t)(y + 1) * (size_t)b->words;
		const uint64_t *below = row + b->words;
		const uint64_t *above = old[y & 1];
		uint64_t *kept = old[(y & 1) ^ 1];

		memcpy(kept, row, (size_t)b->words * sizeof(*row));
		for (int i = 0; i < b->words; i++) {
			struct around a;
			uint64_t gone;

			if (kept[i] == 0)
				continue;
			a = around_of(above, kept, below, i, b->words);
			gone = kept[i] & deletable(&a, half);
			row[i] = kept[i] & ~gone;
			changed |= gone;
		}
	}
	return changed != 0;
}

static void
thin(struct bits *b, int height)
{
	for (int round = 0; round < THIN_ROUNDS_MAX; round++) {
		bool first = thin_half(b, height, 0);
		bool second = thin_half(b, height, 1);

		if (!first && !second)
			return;
	}
}

uint64_t
skeleton_ends(const struct bits *b, int y, int word)
{
	const uint64_t *row = b->word + (size_t)(y + 1) * (size_t)b->words;
	uint64_t once = 0, twice = 0;

	if (row[word] == 0)
		return 0;
	struct around p = around_of(row - b->words, row, row + b->words, word, b->words);
	const uint64_t ring[9] = { p.n, p.ne, p.e, p.se, p.s, p.sw, p.w, p.nw, p.n };

	for (int i = 0; i < 8; i++) {
		uint64_t starts = ~ring[i] & ring[i + 1];

		twice |= once & starts;
		once |= starts;
	}
	return row[word] & ~twice;
}

static void
binarise(struct finger_extractor *x)
{
	struct bits *ridge = &x->skeleton[0], *valley = &x->skeleton[1];
	size_t rows_bytes;

	ridge->words = valley->words = (x->width + 63) / 64;
	rows_bytes =
		(size_t)(x->height + 2) * (size_t)ridge->words * sizeof(ridge->word[0]);
	memset(ridge->word, 0, rows_bytes);
	memset(valley->word, 0, rows_bytes);
	for (int y = 0; y < x->height; y++) {
		const int16_t *wave = x->wave + plane_at(x, 0, y);
		const uint8_t *mask = x->mask + block_at(x, 0, y / BLOCK_PX);
		size_t row = (size_t)(y + 1) * (size_t)ridge->words;

		for (int k = 0; k < x->width; k++) {
			uint64_t in = mask[k / BLOCK_PX];

			ridge->word[row + (size_t)k / 64] |= (in & (wave[k] < 0))
							     << (k % 64);
			valley->word[row + (size_t)k / 64] |= (in & (wave[k] >= 0))
							      << (k % 64);
		}
	}
}

void
skeleton_make(struct finger_extractor *x)
{
	binarise(x);
	thin(&x->skeleton[0], x->height);
	thin(&x->skeleton[1], x->height);
}
