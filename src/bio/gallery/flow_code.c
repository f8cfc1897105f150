#include "bio/gallery/flow_code.h"

#include <assert.h>
#include <string.h>

#define COHERENCE_MASK 7u
#define ORIENTATIONS 32u
#define TURN_MAX 2u /* either way, what a half byte tells */
#define RISE_MAX 1u
#define RISES (2 * RISE_MAX + 1)
#define BY_ITSELF 15u

_Static_assert((2 * TURN_MAX + 1) * RISES == BY_ITSELF, "a half byte each");

/* How a half byte tells this cell after that one, or BY_ITSELF. */
static unsigned
likeness(uint8_t before, uint8_t cell)
{
	unsigned turn = ((cell >> 3) - (before >> 3) + TURN_MAX) % ORIENTATIONS;
	unsigned rise = (cell & COHERENCE_MASK) - (before & COHERENCE_MASK) + RISE_MAX;

	if (before == 0 || (cell & COHERENCE_MASK) == 0 || turn > 2 * TURN_MAX ||
	    rise > 2 * RISE_MAX)
		return BY_ITSELF;
	return turn * RISES + rise;
}

/* The cell that likeness tells so; 0: there is none. */
static uint8_t
like(uint8_t before, unsigned half)
{
	unsigned turn = half / RISES, rise = half % RISES;
	unsigned coherence = (before & COHERENCE_MASK) + rise - RISE_MAX;

	if (before == 0 || coherence < 1 || coherence > COHERENCE_MASK)
		return 0;
	turn = ((before >> 3) + turn - TURN_MAX) % ORIENTATIONS;
	return (uint8_t)(turn << 3 | coherence);
}

/* What stands before a cell of a row that begins at first. */
static uint8_t
before(const uint8_t *row, unsigned x, unsigned first, const uint8_t *above)
{
	uint8_t left = x > first ? row[x - 1] : 0;

	return left != 0 || above == NULL ? left : above[x];
}

/* ---- writing ---------------------------------------------------------------- */

struct writer {
	uint8_t *to;
	size_t halves, halves_max;
};

/* What has no room is counted only. */
static void
put(struct writer *w, unsigned half)
{
	if (w->halves < w->halves_max) {
		uint8_t *byte = &w->to[w->halves / 2];

		*byte = (uint8_t)(w->halves % 2 == 0 ? half << 4 : *byte | half);
	}
	w->halves++;
}

static void
put_byte(struct writer *w, unsigned byte)
{
	put(w, byte >> 4);
	put(w, byte & 15u);
}

static void
put_row(struct writer *w, const uint8_t *row, unsigned across, const uint8_t *above)
{
	unsigned first = 0, end = across;

	while (first < across && row[first] == 0)
		first++;
	while (end > first && row[end - 1] == 0)
		end--;
	put_byte(w, end == first ? 0 : first);
	put_byte(w, end - first);
	for (unsigned x = first; x < end; x++) {
		unsigned half = likeness(before(row, x, first, above), row[x]);

		put(w, half);
		if (half == BY_ITSELF)
			put_byte(w, row[x]);
	}
}

size_t
flow_code(const uint8_t *cells, unsigned across, unsigned down, uint8_t *to)
{
	struct writer w = { .to = to };
	size_t all = (size_t)across * down;

	assert(across <= FLOW_CODE_SIDE_MAX && down <= FLOW_CODE_SIDE_MAX);
	if (all < 2)
		return 0;
	w.halves_max = 2 * (all - 1);
	for (unsigned y = 0; y < down; y++) {
		const uint8_t *row = &cells[(size_t)y * across];

		put_row(&w, row, across, y > 0 ? row - across : NULL);
	}
	return w.halves <= w.halves_max ? (w.halves + 1) / 2 : 0;
}

/* ---- reading ---------------------------------------------------------------- */

struct reader {
	const uint8_t *data;
	size_t at, halves; /* at: may lie beyond them, then something was missing */
};

static unsigned
get(struct reader *r)
{
	size_t at = r->at++;

	if (at >= r->halves)
		return 0;
	return at % 2 == 0 ? r->data[at / 2] >> 4 : r->data[at / 2] & 15u;
}

static unsigned
get_byte(struct reader *r)
{
	unsigned high = get(r);

	return high << 4 | get(r);
}

static bool
get_cell(struct reader *r, uint8_t before, uint8_t *ret)
{
	unsigned half = get(r);

	if (half != BY_ITSELF) {
		*ret = like(before, half);
		return *ret != 0;
	}
	*ret = (uint8_t)get_byte(r);
	return likeness(before, *ret) == BY_ITSELF;
}

static bool
get_row(struct reader *r, uint8_t *row, unsigned across, const uint8_t *above)
{
	unsigned first = get_byte(r), count = get_byte(r), end = first + count;

	memset(row, 0, across);
	if (count == 0)
		return first == 0;
	if (end > across)
		return false;
	for (unsigned x = first; x < end; x++) {
		if (!get_cell(r, before(row, x, first, above), &row[x]))
			return false;
	}
	return row[first] != 0 && row[end - 1] != 0;
}

bool
flow_decode(const uint8_t *data, size_t bytes, unsigned across, unsigned down,
	    uint8_t *ret_cells)
{
	struct reader r = { .data = data, .halves = 2 * bytes };

	assert(across <= FLOW_CODE_SIDE_MAX && down <= FLOW_CODE_SIDE_MAX);
	if (bytes >= (size_t)across * down)
		return false;
	for (unsigned y = 0; y < down; y++) {
		uint8_t *row = &ret_cells[(size_t)y * across];

		if (!get_row(&r, row, across, y > 0 ? row - across : NULL))
			return false;
	}
	if (r.at + 1 == r.halves && get(&r) != 0)
		return false;
	return r.at == r.halves;
}
