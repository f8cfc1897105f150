#include "bio/gallery/relax.h"

#include "bio/gallery/fixed.h"

#include <assert.h>
#include <string.h>

/* Constants of the cylinder code paper where not said otherwise. */
#define GAMMA_ONE RELAX_GAMMA_ONE
#define ROUNDS 5
#define BEST_MIN 4u
#define LAMBDA_SHIFT 10 /* gamma in 1/2^10, lambda in 1/2^20 */
#define RHO_SHIFT 12

_Static_assert(RELAX_PAIRS_MAX <= KERNEL_PAIRS, "the kernels take all pairs");
_Static_assert(MCC_CYLINDERS_MAX *MCC_CYLINDERS_MAX <= UINT16_MAX, "places fit");

/* round(64 sqrt(i)) */
static const uint16_t root_q6[261] = {
	0,    64,   91,   111,  128,  143,  157,  169,  181,  192,  202,  212,  222,
	231,  239,  248,  256,  264,  272,  279,  286,  293,  300,  307,  314,  320,
	326,  333,  339,  345,  351,  356,  362,  368,  373,  379,  384,  389,  395,
	400,  405,  410,  415,  420,  425,  429,  434,  439,  443,  448,  453,  457,
	462,  466,  470,  475,  479,  483,  487,  492,  496,  500,  504,  508,  512,
	516,  520,  524,  528,  532,  535,  539,  543,  547,  551,  554,  558,  562,
	565,  569,  572,  576,  580,  583,  587,  590,  594,  597,  600,  604,  607,
	611,  614,  617,  621,  624,  627,  630,  634,  637,  640,  643,  646,  650,
	653,  656,  659,  662,  665,  668,  671,  674,  677,  680,  683,  686,  689,
	692,  695,  698,  701,  704,  707,  710,  713,  716,  718,  721,  724,  727,
	730,  733,  735,  738,  741,  744,  746,  749,  752,  755,  757,  760,  763,
	765,  768,  771,  773,  776,  779,  781,  784,  786,  789,  792,  794,  797,
	799,  802,  804,  807,  810,  812,  815,  817,  820,  822,  825,  827,  830,
	832,  834,  837,  839,  842,  844,  847,  849,  851,  854,  856,  859,  861,
	863,  866,  868,  870,  873,  875,  878,  880,  882,  884,  887,  889,  891,
	894,  896,  898,  901,  903,  905,  907,  910,  912,  914,  916,  919,  921,
	923,  925,  927,  930,  932,  934,  936,  938,  941,  943,  945,  947,  949,
	951,  954,  956,  958,  960,  962,  964,  966,  968,  971,  973,  975,  977,
	979,  981,  983,  985,  987,  989,  991,  994,  996,  998,  1000, 1002, 1004,
	1006, 1008, 1010, 1012, 1014, 1016, 1018, 1020, 1022, 1024, 1026, 1028, 1030,
	1032,
};

/* round(4096 / (1 + exp(1.6 (d - 5)))), d px, by quarter pixels. */
#define LENGTH_STEPS 40u
static const uint16_t length_q12[LENGTH_STEPS + 1] = {
	4095, 4094, 4093, 4091, 4089, 4086, 4081, 4074, 4063, 4046, 4022,
	3987, 3936, 3861, 3755, 3608, 3408, 3148, 2826, 2452, 2048, 1644,
	1270, 948,  688,  488,  341,  235,  160,  109,  74,   50,   33,
	22,   15,   10,   7,    5,    3,    2,    0,
};

/* round(4096 / (1 + exp(30 (d - pi / 12)))), by 1/512 turns. */
#define ANGLE_STEPS 40u
static const uint16_t angle_q12[ANGLE_STEPS + 1] = {
	4094, 4094, 4093, 4091, 4089, 4086, 4082, 4075, 4066, 4053, 4034,
	4007, 3968, 3914, 3838, 3733, 3592, 3405, 3168, 2877, 2541, 2174,
	1798, 1439, 1116, 843,  623,  452,  324,  230,  162,  113,  79,
	55,   38,   27,   18,   13,   9,    6,    0,
};

/* round(8 / (1 + exp(-0.4 (n - 20)))): how many more than four of the best pairs count. */
#define MORE_STEPS 32u
static const uint8_t more_pairs[MORE_STEPS] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1,
	1, 2, 2, 3, 4, 5, 6, 6, 7, 7, 7, 8, 8, 8, 8, 8,
};

/* How many of the best pairs count, by the cylinders of the side that has fewer. */
static unsigned
best_pairs(unsigned cylinders)
{
	return BEST_MIN + more_pairs[cylinders < MORE_STEPS ? cylinders : MORE_STEPS - 1];
}

/*
 * 2^32 / n rounded up: what is less than 2^32 / n is divided by n exactly. As one table for the
 * sums of two roots, which are far from few.
 */
#define INVERSE(n) (uint32_t)(((uint64_t)1 << 32) / ((n) + ((n) == 0)) + 1)
#define INVERSE4(n) INVERSE(n), INVERSE((n) + 1), INVERSE((n) + 2), INVERSE((n) + 3)
#define INVERSE16(n) INVERSE4(n), INVERSE4((n) + 4), INVERSE4((n) + 8), INVERSE4((n) + 12)
#define INVERSE64(n)                                                                     \
	INVERSE16(n), INVERSE16((n) + 16), INVERSE16((n) + 32), INVERSE16((n) + 48)
#define INVERSE256(n)                                                                    \
	INVERSE64(n), INVERSE64((n) + 64), INVERSE64((n) + 128), INVERSE64((n) + 192)
#define INVERSE1024(n)                                                                   \
	INVERSE256(n), INVERSE256((n) + 256), INVERSE256((n) + 512), INVERSE256((n) + 768)
static const uint32_t inverse_q32[2112] = { INVERSE1024(0), INVERSE1024(1024),
					    INVERSE64(2048) };

/* 1 - ||a - b|| / (||a|| + ||b||) over the cells valid in both, 0..1024. */
static uint32_t
similarity(uint32_t left, uint32_t right, uint32_t both)
{
	uint32_t apart = left + right - 2u * both;
	uint32_t sum = (uint32_t)root_q6[left] + root_q6[right];
	uint64_t n = root_q6[apart] * GAMMA_ONE + sum / 2;

	return GAMMA_ONE - (uint32_t)(n * inverse_q32[sum] >> 32);
}

/*
 * The similarities of cylinder i of a with those of b worth it, as gamma << 16 | a << 8 | b, are
 * appended to the n candidates. How many there are now.
 */
static unsigned
collect_row(struct relax_work *w, unsigned i, unsigned n)
{
	const struct kernel_counts *c = &w->counts;

	for (unsigned part = 0; part < 2; part++) {
		for (uint64_t mask = c->worth[part]; mask != 0; mask &= mask - 1) {
			unsigned j = part * 64 + (unsigned)__builtin_ctzll(mask);
			uint32_t gamma = similarity(c->left[j], c->right[j], c->both[j]);

			w->gamma[i][j] = (uint16_t)gamma;
			w->place[gamma]++;
			w->candidates[n++] = gamma << 16 | i << 8 | j;
		}
	}
	return n;
}

/* One cylinder of a against those of b. */
struct row {
	const struct mcc_set *a, *b;
	unsigned i;
};

static void
count_range(struct relax_work *w, const struct kernel *kernel, const struct row *row,
	    unsigned from, unsigned to)
{
	if (from < to)
		kernel->counts(row->a, row->i, row->b, (unsigned[2]){ from, to },
			       &w->counts);
}

static unsigned
collect(struct relax_work *w, const struct kernel *kernel, const struct mcc_set *a,
	const struct mcc_set *b)
{
	unsigned n = 0;

	memset(w->place, 0, sizeof(w->place));
	memset(w->gamma, 0, a->count * sizeof(w->gamma[0]));
	for (unsigned i = 0; i < a->count; i++) {
		struct row row = { a, b, i };
		/* The sectors that hold everything at most a quarter turn off. */
		unsigned first =
			(uint16_t)(a->angle[i] - KERNEL_TURN_MAX) >> MCC_SECTOR_SHIFT;
		unsigned from = b->below[first],
			 to = b->below[first + MCC_SECTORS / 2 + 1];

		memset(w->counts.worth, 0, sizeof(w->counts.worth));
		count_range(w, kernel, &row, from, to < b->count ? to : b->count);
		if (to > b->count)
			count_range(w, kernel, &row, 0, to - b->count);
		n = collect_row(w, i, n);
	}
	return n;
}

/*
 * Sorts candidates by falling gamma; stable, so that the order never depends on anything else.
 * place: how many there are of each gamma.
 */
static void
sort_by_gamma(struct relax_work *w, unsigned count)
{
	unsigned sum = 0;

	for (uint32_t g = GAMMA_ONE + 1; sum < count;) {
		unsigned n = w->place[--g];

		w->place[g] = (uint16_t)sum;
		sum += n;
	}
	for (unsigned i = 0; i < count; i++)
		w->sorted[w->place[w->candidates[i] >> 16]++] = w->candidates[i];
}

/* The best pairs that use no cylinder twice (greedy assignment). */
static void
choose(struct relax_work *w, unsigned count, unsigned pairs_max)
{
	uint8_t used_a[MCC_CYLINDERS_MAX] = { 0 }, used_b[MCC_CYLINDERS_MAX] = { 0 };

	w->pairs_count = 0;
	for (unsigned i = 0; i < count && w->pairs_count < pairs_max; i++) {
		uint32_t v = w->sorted[i];
		uint8_t a = (uint8_t)(v >> 8), b = (uint8_t)v;

		if ((used_a[a] | used_b[b]) != 0)
			continue;
		used_a[a] = used_b[b] = 1;
		w->pairs[w->pairs_count++] =
			(struct relax_pair){ a, b, (int32_t)(v >> 16),
					     (int32_t)(v >> 16) << LAMBDA_SHIFT };
	}
}

static uint32_t
angle_weight(uint32_t apart)
{
	uint32_t step = (apart + 64) >> 7;

	return angle_q12[step < ANGLE_STEPS ? step : ANGLE_STEPS];
}

/* The way from one minutia to another. */
struct way {
	int32_t x, y;
};

static struct way
way_between(const struct minutia *from, const struct minutia *to)
{
	return (struct way){ to->x - from->x, to->y - from->y };
}

/* Its length in quarters of a pixel. */
static uint32_t
length_of(const struct way *w)
{
	return fixed_root(
		((uint64_t)((int64_t)w->x * w->x) + (uint64_t)((int64_t)w->y * w->y)) *
		16);
}

static uint32_t
length_weight(uint32_t a, uint32_t b)
{
	uint32_t apart = a > b ? a - b : b - a;

	return length_q12[apart < LENGTH_STEPS ? apart : LENGTH_STEPS];
}

/* Without branches: whether pairs support each other is hard to foresee. */
static void
add_support(struct relax_work *w, unsigned to, unsigned from, uint32_t rho)
{
	w->supports[w->supports_count] =
		(struct relax_support){ (uint8_t)to, (uint8_t)from, (uint16_t)rho };
	w->supports_count += rho != 0;
}

/* How well two pairs support each other, both ways round, 0..4096. */
static void
support(struct relax_work *w, const struct mcc_set *a, const struct mcc_set *b,
	unsigned t, unsigned k)
{
	uint16_t turn_t = (uint16_t)w->places.turn[t], direction;
	uint16_t turn_k = (uint16_t)w->places.turn[k];
	struct way wa = way_between(&a->at[w->pairs[t].a], &a->at[w->pairs[k].a]);
	struct way wb = way_between(&b->at[w->pairs[t].b], &b->at[w->pairs[k].b]);
	uint32_t rho = angle_weight(fixed_apart(turn_t, turn_k)) *
			       length_weight(length_of(&wa), length_of(&wb)) >>
		       RHO_SHIFT;

	direction = (uint16_t)(fixed_direction(wa.x, wa.y) - fixed_direction(wb.x, wb.y));
	add_support(w, t, k,
		    rho * angle_weight(fixed_apart(turn_t, direction)) >> RHO_SHIFT);
	add_support(w, k, t,
		    rho * angle_weight(fixed_apart(turn_k, direction)) >> RHO_SHIFT);
}

static void
fill_places(struct relax_work *w, const struct mcc_set *a, const struct mcc_set *b)
{
	struct kernel_pairs *p = &w->places;

	for (unsigned t = 0; t < w->pairs_count; t++) {
		const struct minutia *at = &a->at[w->pairs[t].a],
				     *bt = &b->at[w->pairs[t].b];

		p->a[t] = move_point(at->x, at->y);
		p->b[t] = move_point(bt->x, bt->y);
		p->turn[t] = (uint16_t)(at->angle - bt->angle);
	}
}

static void
fill_supports(struct relax_work *w, const struct kernel *kernel, const struct mcc_set *a,
	      const struct mcc_set *b)
{
	uint8_t t_of[RELAX_PAIRS_MAX * RELAX_PAIRS_MAX / 2 + 1];
	uint8_t k_of[RELAX_PAIRS_MAX * RELAX_PAIRS_MAX / 2 + 1];
	unsigned n = 0;

	for (unsigned t = 1; t < w->pairs_count; t++) {
		int32_t may[KERNEL_PAIRS];

		kernel->kin(&w->places, t, t, may);
		for (unsigned k = 0; k < t; k++) {
			t_of[n] = (uint8_t)t;
			k_of[n] = (uint8_t)k;
			n += may[k] != 0;
		}
	}
	w->supports_count = 0;
	for (unsigned i = 0; i < n; i++)
		support(w, a, b, t_of[i], k_of[i]);
}

static void
relax_once(struct relax_work *w)
{
	uint64_t sum[RELAX_PAIRS_MAX] = { 0 };
	unsigned n = w->pairs_count;
	/* Exact for sums below 2^32 / RELAX_PAIRS_MAX, which theirs are. */
	uint64_t inverse = ((uint64_t)1 << 32) / (n - 1) + 1;

	assert(n >= 2);
	for (unsigned i = 0; i < w->supports_count; i++) {
		struct relax_support s = w->supports[i];

		sum[s.to] += (uint64_t)s.rho * (uint32_t)w->pairs[s.from].lambda;
	}
	for (unsigned t = 0; t < n; t++)
		w->pairs[t].lambda = (w->pairs[t].lambda +
				      (int32_t)((sum[t] >> RHO_SHIFT) * inverse >> 32)) /
				     2;
}

/* Does x come before y: is its efficiency, relaxed by initial similarity, the greater? */
static bool
more_efficient(const struct relax_pair *x, const struct relax_pair *y)
{
	return (int64_t)x->lambda * y->gamma > (int64_t)y->lambda * x->gamma;
}

/* The most efficient pairs; among equals the earlier. How many there are. */
static unsigned
choose_best(struct relax_work *w, unsigned wanted)
{
	unsigned n = 0;

	assert(wanted <= RELAX_BEST_MAX);
	for (unsigned i = 0; i < w->pairs_count; i++) {
		const struct relax_pair *v = &w->pairs[i];
		unsigned j = n;

		if (n == wanted && !more_efficient(v, &w->best[n - 1]))
			continue;
		if (n < wanted)
			n++;
		else
			j--;
		for (; j > 0 && more_efficient(v, &w->best[j - 1]); j--)
			w->best[j] = w->best[j - 1];
		w->best[j] = *v;
	}
	return n;
}

int32_t
relax_sides(struct relax_work *w, const struct kernel *kernel, const struct mcc_set *a,
	    const struct mcc_set *b)
{
	unsigned fewer = a->count < b->count ? a->count : b->count, best, found, n;
	int64_t sum = 0;

	found = collect(w, kernel, a, b);
	w->sorted_count = found;
	sort_by_gamma(w, found);
	choose(w, found, fewer < RELAX_PAIRS_MAX ? fewer : RELAX_PAIRS_MAX);
	if (w->pairs_count < 2)
		return 0;
	fill_places(w, a, b);
	fill_supports(w, kernel, a, b);
	for (int round = 0; round < ROUNDS; round++)
		relax_once(w);
	best = best_pairs(fewer);
	n = choose_best(w, best);
	for (unsigned i = 0; i < n; i++)
		sum += w->best[i].lambda;
	return (int32_t)(sum / best);
}
