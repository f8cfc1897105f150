#include "bio/gallery/relax.h"

#include "bio/gallery/fixed.h"

#include <assert.h>
#include <string.h>

/* Constants of the cylinder code paper where not said otherwise. */
#define TURN_MAX 16384u /* cylinders more than a quarter turn apart are not compared */
#define CELLS_MIN 31u   /* 0.6 of the cells valid in both */
#define GAMMA_ONE 1024u
#define GAMMA_MIN 256u /* ours: pairs less alike than this never help */
#define ROUNDS 5
#define BEST_MIN 4u
#define RELAX_USES 1u   /* ours: a cylinder takes part in one pair only */
#define LAMBDA_SHIFT 10 /* gamma in 1/2^10, lambda in 1/2^20 */
#define RHO_SHIFT 12

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
static const uint16_t length_q12[LENGTH_STEPS] = {
	4095, 4094, 4093, 4091, 4089, 4086, 4081, 4074, 4063, 4046,
	4022, 3987, 3936, 3861, 3755, 3608, 3408, 3148, 2826, 2452,
	2048, 1644, 1270, 948,  688,  488,  341,  235,  160,  109,
	74,   50,   33,   22,   15,   10,   7,    5,    3,    2,
};

/* round(4096 / (1 + exp(30 (d - pi / 12)))), by 1/512 turns. */
#define ANGLE_STEPS 40u
static const uint16_t angle_q12[ANGLE_STEPS] = {
	4094, 4094, 4093, 4091, 4089, 4086, 4082, 4075, 4066, 4053,
	4034, 4007, 3968, 3914, 3838, 3733, 3592, 3405, 3168, 2877,
	2541, 2174, 1798, 1439, 1116, 843,  623,  452,  324,  230,
	162,  113,  79,   55,   38,   27,   18,   13,   9,    6,
};

/* round(8 / (1 + exp(-0.4 (n - 20)))): how many more than four of the best pairs count. */
#define MORE_STEPS 32u
static const uint8_t more_pairs[MORE_STEPS] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1,
	1, 2, 2, 3, 4, 5, 6, 6, 7, 7, 7, 8, 8, 8, 8, 8,
};

unsigned
relax_best_pairs(unsigned cylinders)
{
	return BEST_MIN + more_pairs[cylinders < MORE_STEPS ? cylinders : MORE_STEPS - 1];
}

/* 1 - ||a - b|| / (||a|| + ||b||) over the cells valid in both, 0..1024. */
static uint32_t
similarity(const struct kernel_counts *c, unsigned j)
{
	uint32_t apart = (uint32_t)c->left[j] + c->right[j] - 2u * c->both[j];
	uint32_t sum = (uint32_t)root_q6[c->left[j]] + root_q6[c->right[j]];

	assert(apart <= MCC_BITS_MAX);
	if (sum == 0)
		return 0;
	return GAMMA_ONE - (root_q6[apart] * GAMMA_ONE + sum / 2) / sum;
}

/* All pairs alike enough, as gamma << 16 | a << 8 | b. */
static unsigned
collect(struct relax_work *w, const struct kernel *kernel, const struct mcc_set *a,
	const struct mcc_set *b)
{
	unsigned lanes = (b->count + KERNEL_LANES - 1) / KERNEL_LANES * KERNEL_LANES,
		 n = 0;

	for (unsigned i = 0; i < a->count; i++) {
		kernel->counts(a, i, b, lanes, &w->counts);
		for (unsigned j = 0; j < b->count; j++) {
			uint32_t gamma;

			w->gamma[i][j] = 0;
			if (w->counts.cells[j] < CELLS_MIN ||
			    fixed_apart(a->at[i].angle, b->at[j].angle) > TURN_MAX)
				continue;
			gamma = similarity(&w->counts, j);
			w->gamma[i][j] = (uint16_t)gamma;
			if (gamma >= GAMMA_MIN)
				w->candidates[n++] = gamma << 16 | i << 8 | j;
		}
	}
	return n;
}

/* Sorts candidates by falling gamma; stable, so that the order never depends on anything else. */
static void
sort_by_gamma(struct relax_work *w, unsigned count)
{
	uint32_t start[GAMMA_ONE + 2] = { 0 };

	for (unsigned i = 0; i < count; i++)
		start[GAMMA_ONE - (w->candidates[i] >> 16) + 1]++;
	for (unsigned g = 0; g <= GAMMA_ONE; g++)
		start[g + 1] += start[g];
	for (unsigned i = 0; i < count; i++)
		w->sorted[start[GAMMA_ONE - (w->candidates[i] >> 16)]++] =
			w->candidates[i];
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

		if (used_a[a] >= RELAX_USES || used_b[b] >= RELAX_USES)
			continue;
		used_a[a]++;
		used_b[b]++;
		w->pairs[w->pairs_count++] =
			(struct relax_pair){ a, b, (int32_t)(v >> 16),
					     (int32_t)(v >> 16) << LAMBDA_SHIFT };
	}
}

static uint32_t
angle_weight(uint32_t apart)
{
	uint32_t step = (apart + 64) >> 7;

	return step < ANGLE_STEPS ? angle_q12[step] : 0;
}

/* The way from one minutia to another. */
struct way {
	int32_t x, y, bound; /* |x| + |y|, no less than the length */
	int64_t square;
};

static struct way
way_between(const struct minutia *from, const struct minutia *to)
{
	int32_t x = to->x - from->x, y = to->y - from->y;

	return (struct way){ x, y, (x < 0 ? -x : x) + (y < 0 ? -y : y),
			     (int64_t)x * x + (int64_t)y * y };
}

/*
 * By the difference of the lengths. |a - b| = |a^2 - b^2| / (a + b) tells most of the hopeless
 * ones without a root.
 */
static uint32_t
length_weight(const struct way *a, const struct way *b)
{
	int64_t d = a->square - b->square;
	uint32_t la, lb;

	if ((d < 0 ? -d : d) * 4 >= (int64_t)LENGTH_STEPS * (a->bound + b->bound))
		return 0;
	la = fixed_root((uint64_t)a->square * 16);
	lb = fixed_root((uint64_t)b->square * 16);
	la = la > lb ? la - lb : lb - la;
	return la < LENGTH_STEPS ? length_q12[la] : 0;
}

/* How well two pairs support each other, both ways round, 0..4096. */
static void
support(struct relax_work *w, const struct mcc_set *a, const struct mcc_set *b,
	unsigned t, unsigned k)
{
	const struct minutia *at = &a->at[w->pairs[t].a], *ak = &a->at[w->pairs[k].a];
	const struct minutia *bt = &b->at[w->pairs[t].b], *bk = &b->at[w->pairs[k].b];
	uint16_t turn_t = (uint16_t)(at->angle - bt->angle), direction;
	uint16_t turn_k = (uint16_t)(ak->angle - bk->angle);
	uint32_t rho = angle_weight(fixed_apart(turn_t, turn_k));
	struct way wa, wb;

	w->rho[t][k] = w->rho[k][t] = 0;
	if (rho == 0)
		return;
	wa = way_between(at, ak);
	wb = way_between(bt, bk);
	rho = rho * length_weight(&wa, &wb) >> RHO_SHIFT;
	if (rho == 0)
		return;
	direction = (uint16_t)(fixed_direction(wa.x, wa.y) - fixed_direction(wb.x, wb.y));
	w->rho[t][k] = (uint16_t)(rho * angle_weight(fixed_apart(turn_t, direction)) >>
				  RHO_SHIFT);
	w->rho[k][t] = (uint16_t)(rho * angle_weight(fixed_apart(turn_k, direction)) >>
				  RHO_SHIFT);
}

static void
fill_rho(struct relax_work *w, const struct mcc_set *a, const struct mcc_set *b)
{
	for (unsigned t = 0; t < w->pairs_count; t++) {
		w->rho[t][t] = 0;
		for (unsigned k = 0; k < t; k++)
			support(w, a, b, t, k);
	}
}

static void
relax_once(struct relax_work *w)
{
	int32_t next[RELAX_PAIRS_MAX];
	unsigned n = w->pairs_count;

	assert(n >= 2);
	for (unsigned t = 0; t < n; t++) {
		int64_t sum = 0;

		for (unsigned k = 0; k < n; k++)
			sum += (int64_t)w->rho[t][k] * w->pairs[k].lambda;
		next[t] = (w->pairs[t].lambda + (int32_t)((sum >> RHO_SHIFT) / (n - 1))) /
			  2;
	}
	for (unsigned t = 0; t < n; t++)
		w->pairs[t].lambda = next[t];
}

/* Does x come before y: is its efficiency, relaxed by initial similarity, the greater? */
static bool
more_efficient(const struct relax_pair *x, const struct relax_pair *y)
{
	return (int64_t)x->lambda * y->gamma > (int64_t)y->lambda * x->gamma;
}

static void
sort_by_efficiency(struct relax_work *w)
{
	for (unsigned i = 1; i < w->pairs_count; i++) {
		struct relax_pair v = w->pairs[i];
		unsigned j = i;

		for (; j > 0 && more_efficient(&v, &w->pairs[j - 1]); j--)
			w->pairs[j] = w->pairs[j - 1];
		w->pairs[j] = v;
	}
}

int32_t
relax_sides(struct relax_work *w, const struct kernel *kernel, const struct mcc_set *a,
	    const struct mcc_set *b)
{
	unsigned fewer = a->count < b->count ? a->count : b->count, best, found;
	int64_t sum = 0;

	found = collect(w, kernel, a, b);
	w->sorted_count = found;
	sort_by_gamma(w, found);
	choose(w, found, fewer < RELAX_PAIRS_MAX ? fewer : RELAX_PAIRS_MAX);
	if (w->pairs_count < 2)
		return 0;
	fill_rho(w, a, b);
	for (int round = 0; round < ROUNDS; round++)
		relax_once(w);
	sort_by_efficiency(w);
	best = relax_best_pairs(fewer);
	for (unsigned i = 0; i < best && i < w->pairs_count; i++)
		sum += w->pairs[i].lambda;
	return (int32_t)(sum / best);
}
