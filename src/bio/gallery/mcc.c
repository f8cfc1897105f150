#include "bio/gallery/mcc.h"

#include "bio/gallery/fixed.h"
#include "bio/gallery/move.h"

#include <assert.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Lengths inside a cylinder are quarter pixels: the cell pitch of 17.5 px is 70. */
#define Q2 4
#define Q2_SHIFT 12 /* from pixels times 1/16384 to quarter pixels */
#define HALF_Q2 (1 << (Q2_SHIFT - 1))
#define RADIUS_Q2 (70 * Q2)
#define PITCH_Q2 70
#define SIDE 8
#define FIRST_Q2 (-245)    /* centre of the first row and column of cells */
#define REACH_Q2 (28 * Q2) /* 3 sigma of the spatial contribution */
#define NEAR_PX 98         /* radius + reach: farther minutiae do not count */
#define HULL_MARGIN_PX 50  /* the hull of all minutiae is enlarged by this */
#define SECTION (65536u / MCC_PLANES)
#define SECTIONS 8          /* MCC_PLANES and idle ones, for the compiler's vectors */
#define CELLS_VALID_MIN 39u /* three quarters of the cells */
#define NEIGHBOURS_MIN 2u
#define HULL_MAX (2 * FINGER_MINUTIAE_MAX)
/* A bit is on from the published 0.01, times sigma sqrt(2 pi), in 1/2^24. */
#define ON_Q24 3925063

/*
 * round(4096 exp(-d^2 / (2 sigma^2))), sigma = 28/3 px, by d^2 in steps of 8 px^2 (middle of the
 * step), up to 3 sigma.
 */
#define SPATIAL_STEPS 99
#define STEP_SHIFT 7 /* 8 px^2, in quarter pixels */
static const uint16_t spatial_q12[SPATIAL_STEPS + 1] = {
	4003, 3823, 3652, 3488, 3331, 3182, 3039, 2903, 2772, 2648, 2529, 2416, 2307,
	2204, 2105, 2010, 1920, 1834, 1752, 1673, 1598, 1526, 1458, 1392, 1330, 1270,
	1213, 1159, 1107, 1057, 1010, 964,  921,  880,  840,  802,  766,  732,  699,
	668,  638,  609,  582,  556,  531,  507,  484,  462,  442,  422,  403,  385,
	368,  351,  335,  320,  306,  292,  279,  267,  255,  243,  232,  222,  212,
	202,  193,  185,  176,  168,  161,  154,  147,  140,  134,  128,  122,  117,
	111,  106,  102,  97,   93,   89,   85,   81,   77,   74,   70,   67,   64,
	61,   59,   56,   53,   51,   49,   47,   44,   0,
};

/*
 * round(4096 x the share of a normal density, sigma = 2 pi / 9, that falls into a section of
 * direction 2 pi / 5 wide), by distance from the middle of the section in 1/256 turns.
 */
static const uint16_t direction_q12[129] = {
	2588, 2587, 2583, 2577, 2569, 2558, 2545, 2529, 2512, 2492, 2470, 2445, 2419,
	2391, 2361, 2329, 2295, 2260, 2223, 2184, 2145, 2104, 2061, 2018, 1974, 1928,
	1882, 1836, 1788, 1741, 1693, 1644, 1596, 1547, 1498, 1450, 1401, 1353, 1306,
	1258, 1212, 1165, 1120, 1075, 1031, 987,  945,  903,  863,  823,  785,  747,
	711,  675,  641,  608,  576,  545,  515,  486,  459,  432,  407,  382,  359,
	337,  316,  296,  277,  258,  241,  225,  209,  195,  181,  168,  156,  144,
	133,  123,  114,  105,  97,   89,   82,   75,   69,   63,   58,   53,   48,
	44,   40,   36,   33,   30,   27,   25,   22,   20,   18,   16,   15,   13,
	12,   11,   10,   9,    8,    7,    6,    5,    5,    4,    4,    3,    3,
	3,    2,    2,    2,    2,    1,    1,    1,    1,    1,    1,    1,
};

struct point {
	int32_t x, y;
};

struct hull {
	struct point p[HULL_MAX];
	int32_t edge[HULL_MAX]; /* length of the edge from p[i], 1/16 px */
	unsigned count;
};

/* Twice the signed area of a, b, c; positive when c lies left of a to b (mathematical axes). */
static int64_t
cross(struct point a, struct point b, struct point c)
{
	return (int64_t)(b.x - a.x) * (c.y - a.y) - (int64_t)(b.y - a.y) * (c.x - a.x);
}

static void
sort_points(struct point *p, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		struct point v = p[i];
		unsigned j = i;

		for (; j > 0 &&
		       (p[j - 1].x > v.x || (p[j - 1].x == v.x && p[j - 1].y > v.y));
		     j--)
			p[j] = p[j - 1];
		p[j] = v;
	}
}

static unsigned
half_hull(const struct point *p, unsigned count, int step, struct point *out)
{
	unsigned n = 0;
	unsigned i = step > 0 ? 0 : count - 1;

	for (unsigned k = 0; k < count; k++, i += (unsigned)step) {
		while (n >= 2 && cross(out[n - 2], out[n - 1], p[i]) <= 0)
			n--;
		out[n++] = p[i];
	}
	return n - 1; /* the last point starts the other half */
}

/* Convex hull, counter-clockwise in mathematical axes (Andrew's monotone chain). */
static void
hull_of(const struct minutia *m, unsigned count, struct hull *h)
{
	struct point p[FINGER_MINUTIAE_MAX];

	for (unsigned i = 0; i < count; i++)
		p[i] = (struct point){ m[i].x, m[i].y };
	sort_points(p, count);
	h->count = half_hull(p, count, 1, h->p);
	h->count += half_hull(p, count, -1, h->p + h->count);
	for (unsigned i = 0; i < h->count; i++) {
		struct point a = h->p[i], b = h->p[(i + 1) % h->count];
		int64_t dx = b.x - a.x, dy = b.y - a.y;

		h->edge[i] = (int32_t)fixed_root((uint64_t)(dx * dx + dy * dy) * 256);
	}
}

/* Sums of contributions to the cells of the square, by section; beyond it they do not count. */
#define WINDOW 4u /* a neighbour reaches no more rows */
#define GRID (SIDE + WINDOW)
struct grid {
	int32_t sum[GRID][GRID][SECTIONS];
};

struct frame {
	const struct minutia *centre;
	int32_t sin, cos;
};

/* Index of a cell of the square, or -1 outside the disc. Rows of 4, 6, 8, 8, 8, 8, 6, 4 cells. */
static const int cell_index[SIDE][SIDE] = {
	{ -1, -1, 0, 1, 2, 3, -1, -1 },     { -1, 4, 5, 6, 7, 8, 9, -1 },
	{ 10, 11, 12, 13, 14, 15, 16, 17 }, { 18, 19, 20, 21, 22, 23, 24, 25 },
	{ 26, 27, 28, 29, 30, 31, 32, 33 }, { 34, 35, 36, 37, 38, 39, 40, 41 },
	{ -1, 42, 43, 44, 45, 46, 47, -1 }, { -1, -1, 48, 49, 50, 51, -1, -1 },
};

/* Bits of the cells at most the margin outside of one edge of the hull, out of those given. */
static uint64_t
cells_inside(const struct frame *f, struct point a, struct point b, int32_t edge,
	     uint64_t cells)
{
	struct point centre = { f->centre->x, f->centre->y };
	int64_t ex = b.x - a.x, ey = b.y - a.y, far = cross(a, b, centre) * 16;
	int64_t step_u = -(ex * f->sin + ey * f->cos), step_v = ey * f->sin - ex * f->cos;

	if (far >= (int64_t)(RADIUS_Q2 / Q2 - HULL_MARGIN_PX) * edge)
		return cells; /* the whole disc is */
	/* The distance from the edge grows evenly with u and v. */
	far = (far + (int64_t)HULL_MARGIN_PX * edge) * (Q2 * FIXED_ONE / 16);
	for (int row = 0; row < SIDE; row++) {
		for (int col = 0; col < SIDE; col++) {
			int64_t u = FIRST_Q2 + row * PITCH_Q2,
				v = FIRST_Q2 + col * PITCH_Q2;

			if (cell_index[row][col] >= 0 &&
			    far + u * step_u + v * step_v < 0)
				cells &= ~((uint64_t)1 << cell_index[row][col]);
		}
	}
	return cells;
}

/* Bits of the cells that lie in the enlarged hull. */
static uint64_t
valid_cells(const struct hull *h, const struct frame *f)
{
	uint64_t cells = ((uint64_t)1 << MCC_CELLS) - 1;

	for (unsigned i = 0; i < h->count; i++)
		cells = cells_inside(f, h->p[i], h->p[i + 1 == h->count ? 0 : i + 1],
				     h->edge[i], cells);
	return cells;
}

/* The first of the four rows that may lie within reach of the coordinate. */
static unsigned
first_within(int32_t at)
{
	int32_t low = at - REACH_Q2 - FIRST_Q2;

	return low <= 0 ? 0u : ((unsigned)low + PITCH_Q2 - 1) / PITCH_Q2;
}

/* Squares of the distances from a coordinate to four rows. */
static void
squares(int32_t at, unsigned first, int32_t ret[WINDOW])
{
	for (unsigned i = 0; i < WINDOW; i++) {
		int32_t d = at - (FIRST_Q2 + (int32_t)(first + i) * PITCH_Q2);

		ret[i] = d * d;
	}
}

/* Both are less than 2^15. */
static inline void
add_weighted(int32_t sum[SECTIONS], uint16_t weight, const int32_t section[SECTIONS])
{
#if defined(__SSE2__)
	/* The compiler does not know that the upper halves are empty. */
	const __m128i w = _mm_set1_epi32(weight);

	for (unsigned k = 0; k < SECTIONS; k += 4) {
		__m128i *to = (__m128i *)(void *)&sum[k];
		__m128i s = _mm_loadu_si128((const __m128i *)(const void *)&section[k]);

		_mm_storeu_si128(
			to, _mm_add_epi32(_mm_loadu_si128(to), _mm_madd_epi16(s, w)));
	}
#else
	for (unsigned k = 0; k < SECTIONS; k++)
		sum[k] += weight * section[k];
#endif
}

/*
 * Adds what one neighbour at (u, v) contributes. Cells beyond its reach get nothing and those
 * beyond the square do not count: so there is no branch to foresee.
 */
static void
contribute(int32_t u, int32_t v, const int32_t section[SECTIONS], struct grid *g)
{
	unsigned row = first_within(u), col = first_within(v);
	int32_t du2[WINDOW], dv2[WINDOW], step[WINDOW][WINDOW];

	assert(row + WINDOW <= GRID && col + WINDOW <= GRID);
	squares(u, row, du2);
	squares(v, col, dv2);
	for (unsigned r = 0; r < WINDOW; r++) {
		for (unsigned c = 0; c < WINDOW; c++) {
			int32_t apart = du2[r] + dv2[c];
			int32_t at =
				(apart >> STEP_SHIFT) + (apart > REACH_Q2 * REACH_Q2);

			step[r][c] = at < SPATIAL_STEPS ? at : SPATIAL_STEPS;
		}
	}
	for (unsigned r = 0; r < WINDOW; r++) {
		for (unsigned c = 0; c < WINDOW; c++)
			add_weighted(g->sum[row + r][col + c], spatial_q12[step[r][c]],
				     section);
	}
}

/* The neighbours of a minutia: which, and how many. */
static unsigned
neighbours_of(const struct minutia *m, unsigned count, unsigned centre,
	      uint8_t ret_list[FINGER_MINUTIAE_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		int32_t dx = m[i].x - m[centre].x, dy = m[i].y - m[centre].y;

		/* The sum cannot overflow where the sides are short. */
		ret_list[n] = (uint8_t)i;
		n += (i != centre) & (dx <= NEAR_PX) & (dx >= -NEAR_PX) &
		     (dy <= NEAR_PX) & (dy >= -NEAR_PX) &
		     ((uint32_t)dx * (uint32_t)dx + (uint32_t)dy * (uint32_t)dy <=
		      NEAR_PX * NEAR_PX);
	}
	return n;
}

/* Sums the contributions of all neighbours; the number of them within reach. */
static unsigned
accumulate(const struct minutia *m, unsigned count, const struct frame *f, struct grid *g)
{
	uint8_t list[FINGER_MINUTIAE_MAX];
	unsigned n = neighbours_of(m, count, (unsigned)(f->centre - m), list);

	memset(g, 0, sizeof(*g));
	for (unsigned i = 0; i < n; i++) {
		const struct minutia *t = &m[list[i]];
		int32_t dx = t->x - f->centre->x, dy = t->y - f->centre->y;
		int32_t section[SECTIONS] = { 0 };
		uint16_t turn = (uint16_t)(f->centre->angle - t->angle);

		for (unsigned k = 0; k < MCC_PLANES; k++) {
			uint16_t middle = (uint16_t)(32768u + k * SECTION + SECTION / 2);

			section[k] =
				direction_q12[(fixed_apart(middle, turn) + 128) >> 8];
		}
		contribute((dx * f->cos - dy * f->sin + HALF_Q2) >> Q2_SHIFT,
			   (-dx * f->sin - dy * f->cos + HALF_Q2) >> Q2_SHIFT, section,
			   g);
	}
	return n;
}

static unsigned
bits_of(uint64_t w)
{
	return (unsigned)__builtin_popcountll(w);
}

/* A cylinder on its way into a set. */
struct cylinder {
	uint64_t plane[MCC_PLANES], valid;
	unsigned minutia;
	int32_t unit;
};

/* Where a row of the disc begins, in the square and in the word of bits, and its cells. */
static const struct {
	uint8_t col, cells, bit;
} disc[SIDE] = {
	{ 2, 4, 0 },  { 1, 6, 4 },  { 0, 8, 10 }, { 0, 8, 18 },
	{ 0, 8, 26 }, { 0, 8, 34 }, { 1, 6, 42 }, { 2, 4, 48 },
};

static void
cut(struct cylinder *c, const struct grid *g)
{
	memset(c->plane, 0, sizeof(c->plane));
	for (unsigned row = 0; row < SIDE; row++) {
		uint32_t bits[SECTIONS] = { 0 };

		/* The last cell first: it moves up the farthest. */
		for (unsigned i = disc[row].cells; i-- > 0;) {
			const int32_t *sum = g->sum[row][disc[row].col + i];

			for (unsigned k = 0; k < SECTIONS; k++)
				bits[k] = bits[k] << 1 | (sum[k] >= ON_Q24);
		}
		for (unsigned k = 0; k < MCC_PLANES; k++)
			c->plane[k] |= (uint64_t)bits[k] << disc[row].bit;
	}
	for (unsigned k = 0; k < MCC_PLANES; k++)
		c->plane[k] &= c->valid;
}

/* Adds the planes of a cylinder up, cell by cell. */
static void
add_up(struct mcc_set *set, unsigned slot)
{
	uint64_t ones = 0, twos = 0, fours = 0;

	for (unsigned k = 0; k < MCC_PLANES; k++) {
		uint64_t carry = ones & set->plane[k][slot];

		ones ^= set->plane[k][slot];
		fours ^= twos & carry;
		twos ^= carry;
	}
	set->tally[0][slot] = ones;
	set->tally[1][slot] = twos;
	set->tally[2][slot] = fours;
	set->ones[slot] =
		(uint16_t)(bits_of(ones) + 2 * bits_of(twos) + 4 * bits_of(fours));
}

/* Fills a set with cylinders, the order being by angle; those of one angle as they come. */
static void
put_in_order(struct mcc_set *set, const struct cylinder *c, unsigned count,
	     const struct minutia *minutiae)
{
	uint8_t order[MCC_CYLINDERS_MAX];

	for (unsigned i = 0; i < count; i++) {
		uint16_t angle = minutiae[c[i].minutia].angle;
		unsigned j = i;

		for (; j > 0 && minutiae[c[order[j - 1]].minutia].angle > angle; j--)
			order[j] = order[j - 1];
		order[j] = (uint8_t)i;
	}
	for (unsigned slot = 0; slot < count; slot++) {
		const struct cylinder *from = &c[order[slot]];

		for (unsigned k = 0; k < MCC_PLANES; k++)
			set->plane[k][slot] = from->plane[k];
		add_up(set, slot);
		set->valid[slot] = from->valid;
		set->at[slot] = minutiae[from->minutia];
		set->angle[slot] = set->at[slot].angle;
		set->unit[slot] = from->unit;
		set->cylinder_of[from->minutia] = (uint8_t)slot;
		set->by_quality[order[slot]] = (uint8_t)slot;
	}
	set->count = (uint16_t)count;
	for (unsigned s = 0, i = 0; s < MCC_SECTORS; s++) {
		while (i < count && set->angle[i] >> MCC_SECTOR_SHIFT < s)
			i++;
		set->below[s] = (uint8_t)i;
		set->below[s + MCC_SECTORS] = (uint8_t)(i + count);
	}
}

void
mcc_build(const struct minutia *minutiae, unsigned count, struct mcc_set *ret_set)
{
	struct cylinder found[MCC_CYLINDERS_MAX];
	unsigned n = 0;
	struct grid grid;
	struct hull hull;

	assert(count <= FINGER_MINUTIAE_MAX);
	memset(ret_set, 0, sizeof(*ret_set));
	memset(ret_set->cylinder_of, (int)MCC_NONE, sizeof(ret_set->cylinder_of));
	if (count < NEIGHBOURS_MIN + 1)
		return;
	hull_of(minutiae, count, &hull);
	for (unsigned i = 0; i < count && n < MCC_CYLINDERS_MAX; i++) {
		struct frame f = { &minutiae[i], fixed_sin(minutiae[i].angle),
				   fixed_cos(minutiae[i].angle) };
		struct cylinder *c = &found[n];

		c->valid = valid_cells(&hull, &f);
		if (bits_of(c->valid) < CELLS_VALID_MIN)
			continue;
		if (accumulate(minutiae, count, &f, &grid) < NEIGHBOURS_MIN)
			continue;
		cut(c, &grid);
		c->minutia = i;
		c->unit = move_point(f.cos, f.sin);
		n++;
	}
	put_in_order(ret_set, found, n, minutiae);
}
