#include "bio/gallery/scan_private.h"

#include "base/secret.h"
#include "bio/gallery/fixed.h"
#include "bio/gallery/mcc.h"

#include <stdbool.h>
#include <string.h>

#define LIKE_MIN 40u   /* of 255: less alike cylinders do not vote */
#define LIKE_PLUS 200u /* the weight of a vote grows slowly with likeness */
#define VOTES_FEW 30u  /* few cylinders cannot win many votes */
#define GRAINS (SCAN_CELL_PX / FINGER_CELL_PX) /* cells of features a side of ours */
#define COHERENCE_MIN 20u

_Static_assert(SCAN_CYLINDERS_MAX <= KERNEL_CODE_LIST, "kernels take them");
_Static_assert(SCAN_CYLINDERS_MAX <= SCAN_MINUTIAE_MAX, "all with cylinders are kept");

/* ---- cylinders ----------------------------------------------------------- */

/*
 * Cells of two rows at a time together: a neighbour near the border of two rows of one cylinder
 * is as often beyond it in another. 28 cells for each section of direction; 140 bits.
 */
#define FOLDED 28u
static uint64_t
fold(uint64_t w)
{
	uint64_t top = (w >> 4 & 0x3f) | (w & 0xf) << 1;
	uint64_t bottom = (w >> 42 & 0x3f) | (w >> 48 & 0xf) << 1;

	return top | ((w >> 10 | w >> 18) & 0xff) << 6 |
	       ((w >> 26 | w >> 34) & 0xff) << 14 | bottom << 22;
}

_Static_assert(FOLDED *MCC_PLANES <= 16 * KERNEL_CODE_WORDS, "all bits fit");

/* The folded code of a cylinder; the number of bits set. */
static unsigned
encode(const struct mcc_cylinder *c, uint16_t code[KERNEL_CODE_WORDS])
{
	uint64_t pending = 0;
	unsigned bits = 0, word = 0, ones = 0;

	for (unsigned k = 0; k < MCC_PLANES; k++) {
		uint64_t folded = fold(c->plane[k]);

		ones += mcc_bits(folded);
		pending |= folded << bits;
		for (bits += FOLDED; bits >= 16; bits -= 16) {
			code[word++] = (uint16_t)pending;
			pending >>= 16;
		}
	}
	code[word] = (uint16_t)pending;
	return ones;
}

/* ---- what is kept of a finger --------------------------------------------- */

struct window {
	int32_t x, y; /* of its corner, a multiple of the cell */
};

/* A range of pixels. */
struct span {
	int32_t least, most;
};

static void
widen(struct span *s, int32_t v)
{
	s->least = v < s->least ? v : s->least;
	s->most = v > s->most ? v : s->most;
}

/* Where the window begins: with the finger, or in the middle of one that is larger. */
static int32_t
corner(struct span s)
{
	const int32_t cell = (int32_t)SCAN_CELL_PX,
		      side = cell * (int32_t)SCAN_CELLS_SIDE;

	if (s.most < s.least)
		return 0;
	if (s.most - s.least >= side - cell)
		s.least += (s.most - s.least - side + cell) / 2;
	return (s.least & ~(cell - 1)); /* also below 0 */
}

static struct window
window_of(const struct finger_features *f)
{
	struct span x = { INT16_MAX, INT16_MIN }, y = x;

	for (unsigned i = 0; i < f->count; i++) {
		widen(&x, f->minutiae[i].x);
		widen(&y, f->minutiae[i].y);
	}
	for (unsigned cy = 0; cy < f->cells_y; cy++) {
		const uint8_t *row = &f->coherence[cy * f->cells_x];
		unsigned first = 0, last = f->cells_x;

		while (first < last && row[first] < COHERENCE_MIN)
			first++;
		if (first == last)
			continue;
		while (row[last - 1] < COHERENCE_MIN)
			last--;
		widen(&x, (int32_t)(first * FINGER_CELL_PX));
		widen(&x, (int32_t)((last - 1) * FINGER_CELL_PX));
		widen(&y, (int32_t)(cy * FINGER_CELL_PX));
	}
	return (struct window){ corner(x), corner(y) };
}

/* Minutiae as the scan takes them up, those outside the window left out. */
struct taken {
	struct minutia m[FINGER_MINUTIAE_MAX];
	unsigned count;
};

static int32_t
square_apart(const struct minutia *a, const struct minutia *b)
{
	int32_t dx = a->x - b->x, dy = a->y - b->y;

	return dx * dx + dy * dy;
}

/*
 * Where no minutia is known to be better than another, as in records of other systems, the order
 * means nothing or is one of place. Then each next one is the farthest from all before it, so that
 * however few are kept are spread over the whole finger.
 */
static void
spread_out(struct taken *t)
{
	int32_t apart[FINGER_MINUTIAE_MAX];

	for (unsigned i = 0; i < t->count; i++)
		apart[i] = INT32_MAX;
	for (unsigned n = 0; n + 1 < t->count; n++) {
		unsigned farthest = n + 1;
		struct minutia next;

		for (unsigned i = n + 1; i < t->count; i++) {
			int32_t d = square_apart(&t->m[i], &t->m[n]);

			apart[i] = d < apart[i] ? d : apart[i];
			farthest = apart[i] > apart[farthest] ? i : farthest;
		}
		next = t->m[farthest];
		t->m[farthest] = t->m[n + 1];
		apart[farthest] = apart[n + 1];
		t->m[n + 1] = next;
	}
}

static void
take(struct taken *t, const struct finger_features *f, struct window w)
{
	t->count = 0;
	for (unsigned i = 0; i < f->count; i++) {
		struct minutia m = f->minutiae[i];

		m.x = (int16_t)(m.x - w.x);
		m.y = (int16_t)(m.y - w.y);
		if (m.x >= 0 && m.y >= 0 &&
		    m.x < (int16_t)(SCAN_SIDE_UNITS * SCAN_UNIT_PX) &&
		    m.y < (int16_t)(SCAN_SIDE_UNITS * SCAN_UNIT_PX))
			t->m[t->count++] = m;
	}
	if (t->count > 0 && t->m[0].quality == t->m[t->count - 1].quality)
		spread_out(t);
}

/* Cells of features: from the first up to before the last. */
struct block {
	int32_t left, right, top, bottom;
};

/* Flow of the cells of features that make up one of ours; coherence 0: no finger. */
static uint16_t
flow_of(const struct finger_features *f, struct block b)
{
	int32_t x = 0, y = 0, coherence = 0;

	for (int32_t cy = b.top; cy < b.bottom; cy++) {
		for (int32_t cx = b.left; cx < b.right; cx++) {
			int32_t at = cy * f->cells_x + cx, weight = f->coherence[at];
			const int16_t *sine = &fixed_sine_256[f->orientation[at]];

			coherence += weight;
			x += weight * (sine[FIXED_QUARTER_256] / 64);
			y += weight * (sine[0] / 64);
		}
	}
	if (coherence < (int32_t)(GRAINS * GRAINS * COHERENCE_MIN))
		return 0;
	/* Sines point up where y points down. */
	return (uint16_t)((fixed_direction(x, -y) + 128u) >> 8 & 255u) | SCAN_FLOW_KNOWN;
}

/* Where no flow was recorded there is finger around minutiae. */
static void
map_around(const struct taken *t, uint16_t map[SCAN_CELLS])
{
	for (unsigned i = 0; i < t->count; i++) {
		int32_t cx = t->m[i].x / (int32_t)SCAN_CELL_PX;
		int32_t cy = t->m[i].y / (int32_t)SCAN_CELL_PX;

		for (int32_t y = cy - 1; y <= cy + 1; y++) {
			for (int32_t x = cx - 1; x <= cx + 1; x++) {
				if (x >= 0 && y >= 0 && x < (int32_t)SCAN_CELLS_SIDE &&
				    y < (int32_t)SCAN_CELLS_SIDE)
					map[y * (int32_t)SCAN_CELLS_SIDE + x] =
						SCAN_ON_FINGER;
			}
		}
	}
}

static int32_t
within(int32_t v, int32_t limit)
{
	return v < 0 ? 0 : v > limit ? limit : v;
}

static void
map_of(const struct finger_features *f, struct window w, const struct taken *t,
       uint16_t map[SCAN_CELLS])
{
	const int32_t grain = (int32_t)FINGER_CELL_PX, grains = (int32_t)GRAINS;

	memset(map, 0, SCAN_CELLS * sizeof(map[0]));
	if (f->cells_x == 0) {
		map_around(t, map);
		return;
	}
	for (int32_t i = 0; i < (int32_t)SCAN_CELLS; i++) {
		int32_t left = w.x / grain + i % (int32_t)SCAN_CELLS_SIDE * grains;
		int32_t top = w.y / grain + i / (int32_t)SCAN_CELLS_SIDE * grains;
		struct block b = { within(left, f->cells_x),
				   within(left + grains, f->cells_x),
				   within(top, f->cells_y),
				   within(top + grains, f->cells_y) };

		if (b.left < b.right && b.top < b.bottom)
			map[i] = flow_of(f, b);
	}
}

static uint8_t
rounded_flow(uint16_t flow)
{
	if (flow <= SCAN_ON_FINGER)
		return (uint8_t)(flow * SCAN_FLOW_UNKNOWN);
	return (uint8_t)(1 + ((flow & 255u) * SCAN_FLOWS + 128) / 256 % SCAN_FLOWS);
}

/* What of a finger both sides keep; cylinders are of the first minutiae that have any. */
struct kept {
	struct taken taken;
	struct mcc_cylinder cylinder[KERNEL_CODES];
	unsigned cylinders;
	uint16_t map[SCAN_CELLS];
};

static void
keep(struct kept *k, const struct kernel *kernel, const struct finger_features *f,
     unsigned cylinders_max)
{
	struct window w = window_of(f);

	take(&k->taken, f, w);
	map_of(f, w, &k->taken, k->map);
	k->cylinders = mcc_build_best(kernel, k->taken.m, k->taken.count, cylinders_max,
				      k->cylinder);
}

static uint8_t
angle_of(const struct minutia *m)
{
	return (uint8_t)((m->angle + 128u) >> 8);
}

static void
put(struct scan_reference *r, const struct minutia *m)
{
	r->x[r->count] = (uint8_t)(m->x / SCAN_UNIT_PX);
	r->y[r->count] = (uint8_t)(m->y / SCAN_UNIT_PX);
	r->angle[r->count++] = angle_of(m);
}

void
scan_reference_fill(struct scan_reference *r, const struct kernel *kernel,
		    const struct finger_features *features)
{
	bool used[FINGER_MINUTIAE_MAX] = { false };
	struct kept k;

	memset(r, 0, sizeof(*r));
	keep(&k, kernel, features, SCAN_CYLINDERS_MAX);
	for (unsigned i = 0; i < k.cylinders; i++) {
		unsigned ones = encode(&k.cylinder[i], r->code[r->cylinders]);

		if (ones > KERNEL_CODE_ONES_MAX)
			continue; /* no finger is so crowded */
		r->ones[r->cylinders++] = (uint8_t)ones;
		put(r, &k.taken.m[k.cylinder[i].minutia]);
		used[k.cylinder[i].minutia] = true;
	}
	if (r->cylinders < SCAN_CYLINDERS_MAX)
		memset(r->code[r->cylinders], 0, sizeof(r->code[0]));
	for (unsigned i = 0; i < k.taken.count && r->count < SCAN_MINUTIAE_MAX; i++) {
		if (!used[i])
			put(r, &k.taken.m[i]);
	}
	for (unsigned i = 0; i < SCAN_CELLS; i += 2)
		r->flow[i / 2] = (uint8_t)(rounded_flow(k.map[i]) |
					   rounded_flow(k.map[i + 1]) << 4);
	secret_zero(&k, sizeof(k));
}

/* ---- the probe ------------------------------------------------------------ */

/* Code n goes to a place of the first and of the second round. */
static void
lay_code(struct scan_probe *p, const uint16_t code[KERNEL_CODE_WORDS], unsigned ones,
	 unsigned place)
{
	struct kernel_codes *c = &p->codes;

	for (unsigned i = place; i < KERNEL_CODE_LANES; i += c->count) {
		if (i >= 2 * c->count)
			break;
		for (unsigned k = 0; k < KERNEL_CODE_WORDS; k++)
			c->word[k][i] = code[k];
		c->angle[i] = p->angle[place];
		for (unsigned other = 0; other <= KERNEL_CODE_ONES_MAX; other++) {
			uint32_t share = (2 * 255 * 256) / (ones + other + 1);

			c->share[other][i] =
				(uint16_t)(share < UINT16_MAX ? share : UINT16_MAX);
		}
	}
}

/* Which codes lie within the turn of each angle. */
static void
find_ranges(struct kernel_codes *c, const uint8_t *angle)
{
	for (unsigned a = 0; a < 256; a++) {
		uint8_t from = (uint8_t)(a - KERNEL_ALIKE_TURN);
		unsigned first = 0, n = 0;

		while (first < c->count && angle[first] < from)
			first++;
		for (unsigned i = 0; i < c->count; i++)
			n += (uint8_t)(angle[i] - from) <= 2 * KERNEL_ALIKE_TURN;
		c->below[a] = (uint8_t)(first == c->count ? 0 : first);
		c->within[a] = (uint8_t)n;
	}
}

static void
fill_codes(struct scan_probe *p, const struct kept *k)
{
	uint16_t code[KERNEL_CODES][KERNEL_CODE_WORDS];
	uint8_t ones[KERNEL_CODES], order[KERNEL_CODES], from[KERNEL_CODES];
	unsigned n = 0;

	for (unsigned i = 0; i < k->cylinders; i++) {
		unsigned bits = encode(&k->cylinder[i], code[n]);
		uint8_t angle = angle_of(&k->taken.m[k->cylinder[i].minutia]);
		unsigned j = n;

		if (bits > KERNEL_CODE_ONES_MAX)
			continue;
		ones[n] = (uint8_t)bits;
		from[n] = (uint8_t)k->cylinder[i].minutia;
		for (; j > 0 && angle_of(&k->taken.m[from[order[j - 1]]]) > angle; j--)
			order[j] = order[j - 1];
		order[j] = (uint8_t)n++;
	}
	p->codes.count = n;
	for (unsigned i = 0; i < n; i++) {
		const struct minutia *m = &k->taken.m[from[order[i]]];

		p->minutiae[i] = *m;
		p->at[i] = move_point(m->x, m->y);
		p->angle[i] = angle_of(m);
	}
	for (unsigned i = 0; i < n; i++)
		lay_code(p, code[order[i]], ones[order[i]], i);
	find_ranges(&p->codes, p->angle);
}

static void
fill_tables(struct scan_probe *p)
{
	for (unsigned like = LIKE_MIN; like < 256; like++)
		p->weight[like] =
			(uint8_t)((like + LIKE_PLUS) * (like + LIKE_PLUS) >> 10);
	for (unsigned n = 0; n <= SCAN_CYLINDERS_MAX; n++)
		p->handicap[n] = (uint16_t)(VOTES_FEW * 256 / (VOTES_FEW + n));
	for (unsigned t = 0; t < 256; t++) {
		p->sin[t] = (int16_t)fixed_sin((uint16_t)(t << 8));
		p->cos[t] = (int16_t)fixed_cos((uint16_t)(t << 8));
	}
}

static void
fill_points(struct scan_probe *p, const struct taken *t)
{
	unsigned n = t->count < SCAN_MINUTIAE_MAX ? t->count : SCAN_MINUTIAE_MAX;

	for (unsigned i = 0; i < n; i++) {
		p->points.at[i] = move_point(t->m[i].x, t->m[i].y);
		p->points.angle[i] = t->m[i].angle;
		p->half.at[i] = scan_half_point(&t->m[i]);
	}
	p->points.count = p->half.count = n;
}

/* The middle of a cell of the window, 2 px. */
static int32_t
middle_of(unsigned cell)
{
	const unsigned side = SCAN_CELL_PX / SCAN_UNIT_PX;

	return move_point((int32_t)(cell % SCAN_CELLS_SIDE * side + side / 2),
			  (int32_t)(cell / SCAN_CELLS_SIDE * side + side / 2));
}

void
scan_probe_fill(struct scan_probe *p, const struct kernel *kernel,
		const struct finger_features *features)
{
	struct kept k;

	memset(p, 0, sizeof(*p));
	keep(&k, kernel, features, KERNEL_CODES);
	fill_tables(p);
	fill_codes(p, &k);
	fill_points(p, &k.taken);
	memcpy(p->map, k.map, sizeof(k.map));
	for (unsigned i = 0; i < SCAN_CELLS; i++) {
		if (k.map[i] <= SCAN_ON_FINGER)
			continue;
		p->cells[p->cells_count] = middle_of(i);
		p->flow[p->cells_count++] = k.map[i];
	}
	secret_zero(&k, sizeof(k));
}
