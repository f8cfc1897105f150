#include "bio/gallery/kernel_square.h"

#include "bio/gallery/fixed.h"

#include <assert.h>
#include <string.h>

/*
 * round(4096 exp(-d^2 / (2 sigma^2))), sigma = 28/3 px, by d^2 in steps of 8 px^2 (middle of the
 * step), up to 3 sigma; zeros follow.
 */
const uint16_t square_spatial_q12[SQUARE_TABLE] = {
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
const uint16_t square_direction_q12[129] = {
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

static bool
is_neighbour(const struct kernel_crowd *c, unsigned i, unsigned j)
{
	int32_t dx = c->x[j] - c->x[i], dy = c->y[j] - c->y[i];

	/* The sum cannot overflow where the sides are short. */
	return i != j && dx <= SQUARE_NEAR_PX && dx >= -SQUARE_NEAR_PX &&
	       dy <= SQUARE_NEAR_PX && dy >= -SQUARE_NEAR_PX &&
	       dx * dx + dy * dy <= SQUARE_NEAR_PX * SQUARE_NEAR_PX;
}

static int32_t
weight_of(int32_t apart)
{
	int32_t step = apart >> SQUARE_STEP_SHIFT;

	return apart > SQUARE_REACH_Q2 * SQUARE_REACH_Q2 ? 0 : square_spatial_q12[step];
}

/* Adds what one neighbour contributes to the cells of its window. */
static void
contribute(const struct square_place *p,
	   int32_t sum[SQUARE_SIDE * SQUARE_SIDE][MCC_PLANES])
{
	int32_t section[MCC_PLANES];

	for (unsigned k = 0; k < MCC_PLANES; k++)
		section[k] = square_direction_q12
			[(fixed_apart(SQUARE_MIDDLE(k), p->turn) + 128) >> 8];
	for (unsigned r = 0; r < SQUARE_WINDOW; r++) {
		for (unsigned c = 0; c < SQUARE_WINDOW; c++) {
			int32_t du = p->u - (int32_t)r * SQUARE_PITCH_Q2;
			int32_t dv = p->v - (int32_t)c * SQUARE_PITCH_Q2;
			int32_t w = weight_of(du * du + dv * dv);

			for (unsigned k = 0; k < MCC_PLANES; k++)
				sum[(p->row + r) * SQUARE_SIDE + p->col + c][k] +=
					w * section[k];
		}
	}
}

unsigned
square_plain(const struct kernel_crowd *crowd, unsigned i, int32_t unit,
	     uint64_t ret_square[MCC_PLANES])
{
	int32_t sum[SQUARE_SIDE * SQUARE_SIDE][MCC_PLANES] = { 0 };
	unsigned n = 0;

	assert(i < crowd->count && crowd->count <= KERNEL_POINTS);
	for (unsigned j = 0; j < crowd->count; j++) {
		struct square_place p;

		if (!is_neighbour(crowd, i, j))
			continue;
		p = square_place(crowd, i, j, unit);
		contribute(&p, sum);
		n++;
	}
	memset(ret_square, 0, MCC_PLANES * sizeof(ret_square[0]));
	for (unsigned cell = 0; cell < SQUARE_SIDE * SQUARE_SIDE; cell++) {
		for (unsigned k = 0; k < MCC_PLANES; k++)
			ret_square[k] |= (uint64_t)(sum[cell][k] >= SQUARE_ON_Q24)
					 << cell;
	}
	return n;
}
