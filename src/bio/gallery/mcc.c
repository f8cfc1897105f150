#include "bio/gallery/mcc.h"

#include "bio/gallery/fixed.h"

#include <assert.h>
#include <string.h>

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
static const uint16_t spatial_q12[99] = {
	4003, 3823, 3652, 3488, 3331, 3182, 3039, 2903, 2772, 2648, 2529, 2416, 2307,
	2204, 2105, 2010, 1920, 1834, 1752, 1673, 1598, 1526, 1458, 1392, 1330, 1270,
	1213, 1159, 1107, 1057, 1010, 964,  921,  880,  840,  802,  766,  732,  699,
	668,  638,  609,  582,  556,  531,  507,  484,  462,  442,  422,  403,  385,
	368,  351,  335,  320,  306,  292,  279,  267,  255,  243,  232,  222,  212,
	202,  193,  185,  176,  168,  161,  154,  147,  140,  134,  128,  122,  117,
	111,  106,  102,  97,   93,   89,   85,   81,   77,   74,   70,   67,   64,
	61,   59,   56,   53,   51,   49,   47,   44,
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

/* First and last row whose centres lie within reach of the coordinate. */
static void
cell_range(int32_t at, int *first, int *last)
{
	int32_t low = at - REACH_Q2 - FIRST_Q2, high = at + REACH_Q2 - FIRST_Q2;

	*first = low <= 0 ? 0 : (low + PITCH_Q2 - 1) / PITCH_Q2;
	*last = high < 0 ? -1 : high / PITCH_Q2;
	if (*last > SIDE - 1)
		*last = SIDE - 1;
}

/* Adds what one neighbour at (u, v) contributes. */
static void
contribute(int32_t u, int32_t v, const int16_t section[SECTIONS],
	   int32_t sum[MCC_CELLS][SECTIONS])
{
	int row_first, row_last, col_first, col_last;

	cell_range(u, &row_first, &row_last);
	cell_range(v, &col_first, &col_last);
	assert(row_first >= 0 && row_last < SIDE && col_first >= 0 && col_last < SIDE);
	for (int row = row_first; row <= row_last; row++) {
		for (int col = col_first; col <= col_last; col++) {
			int32_t du = u - (FIRST_Q2 + row * PITCH_Q2);
			int32_t dv = v - (FIRST_Q2 + col * PITCH_Q2);
			int32_t apart = du * du + dv * dv;
			int cell = cell_index[row][col];
			int16_t weight;

			if (cell < 0 || apart > REACH_Q2 * REACH_Q2)
				continue;
			weight = (int16_t)spatial_q12[apart / (8 * Q2 * Q2)];
			for (unsigned k = 0; k < SECTIONS; k++)
				sum[cell][k] += weight * section[k];
		}
	}
}

/* Sums the contributions of all neighbours; the number of them within reach. */
static unsigned
accumulate(const struct minutia *m, unsigned count, const struct frame *f,
	   int32_t sum[MCC_CELLS][SECTIONS])
{
	unsigned neighbours = 0;

	for (unsigned i = 0; i < count; i++) {
		int32_t dx = m[i].x - f->centre->x, dy = m[i].y - f->centre->y;
		int16_t section[SECTIONS] = { 0 };
		uint16_t turn = (uint16_t)(f->centre->angle - m[i].angle);

		if (&m[i] == f->centre || dx > NEAR_PX || dx < -NEAR_PX || dy > NEAR_PX ||
		    dy < -NEAR_PX || dx * dx + dy * dy > NEAR_PX * NEAR_PX)
			continue;
		neighbours++;
		for (unsigned k = 0; k < MCC_PLANES; k++) {
			uint16_t middle = (uint16_t)(32768u + k * SECTION + SECTION / 2);

			section[k] =
				direction_q12[(fixed_apart(middle, turn) + 128) >> 8];
		}
		contribute((dx * f->cos - dy * f->sin + HALF_Q2) >> Q2_SHIFT,
			   (-dx * f->sin - dy * f->cos + HALF_Q2) >> Q2_SHIFT, section,
			   sum);
	}
	return neighbours;
}

static unsigned
bits_of(uint64_t w)
{
	return (unsigned)__builtin_popcountll(w);
}

static void
append(struct mcc_set *set, const struct minutia *at, uint64_t valid,
       int32_t sum[MCC_CELLS][SECTIONS])
{
	unsigned slot = set->count++, ones = 0;

	for (unsigned k = 0; k < MCC_PLANES; k++) {
		uint64_t w = 0;

		for (unsigned cell = 0; cell < MCC_CELLS; cell++)
			w |= (uint64_t)(sum[cell][k] >= ON_Q24) << cell;
		set->plane[k][slot] = w & valid;
		ones += bits_of(w & valid);
	}
	set->valid[slot] = valid;
	set->at[slot] = *at;
	set->ones[slot] = (uint16_t)ones;
}

void
mcc_build(const struct minutia *minutiae, unsigned count, struct mcc_set *ret_set)
{
	struct hull hull;

	assert(count <= FINGER_MINUTIAE_MAX);
	memset(ret_set, 0, sizeof(*ret_set));
	memset(ret_set->cylinder_of, (int)MCC_NONE, sizeof(ret_set->cylinder_of));
	if (count < NEIGHBOURS_MIN + 1)
		return;
	hull_of(minutiae, count, &hull);
	for (unsigned i = 0; i < count && ret_set->count < MCC_CYLINDERS_MAX; i++) {
		int32_t sum[MCC_CELLS][SECTIONS] = { { 0 } };
		struct frame f = { &minutiae[i], fixed_sin(minutiae[i].angle),
				   fixed_cos(minutiae[i].angle) };
		uint64_t valid = valid_cells(&hull, &f);

		if (bits_of(valid) < CELLS_VALID_MIN)
			continue;
		if (accumulate(minutiae, count, &f, sum) < NEIGHBOURS_MIN)
			continue;
		ret_set->cylinder_of[i] = (uint8_t)ret_set->count;
		append(ret_set, &minutiae[i], valid, sum);
	}
}
