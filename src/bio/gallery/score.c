#include "bio/gallery/score.h"

#include "bio/gallery/fixed.h"
#include "bio/gallery/gallery.h"

#include <stddef.h>

/*
 * Weights of the evidence in 1/100 of a logit: logistic regression (class-balanced, ridge 1e-3)
 * over all pairs of two sets of real prints, one optical, one inked; a third set was kept to check.
 */
#define WEIGHT_RELAXED 4520 /* of the root of the relaxed similarity */
#define WEIGHT_SHARE 1480 /* of the similarity of minutiae that meet, per one in common */
#define WEIGHT_NUMBER 41  /* of the square of those that meet, per one in common */
#define WEIGHT_FLOW 1240  /* of the agreement of orientations */
#define FLOW_UNKNOWN 930  /* where a side has no map: what strangers show */
#define WEIGHT_COMMON 36  /* tenths, against: each minutia in common may meet by chance */
#define COMMON_MIN 96     /* minutiae in the common area, 1/16: fewer are no evidence */
#define COMMON_EXTRA 32
#define CYLINDERS_FEW 26
#define HANDICAP 7     /* for each cylinder less: small prints look alike too easily */
#define CELLS_MIN 1500 /* nor are fewer cells, about twelve clear ones */

/* All but the orientations. */
static int64_t
raw_of_minutiae(const struct fine_evidence *e)
{
	uint32_t common = fixed_root((uint64_t)e->in_probe * e->in_reference * 256u);
	int32_t n = (int32_t)(common < COMMON_MIN ? COMMON_MIN : common) + COMMON_EXTRA;
	int64_t matched = e->matched, raw;

	raw = WEIGHT_RELAXED * (int64_t)fixed_root((uint64_t)e->relaxed) / 1024;
	raw += WEIGHT_SHARE * (int64_t)e->similar / (n * 64);
	raw += WEIGHT_NUMBER * matched * matched / (n * 4096);
	raw -= WEIGHT_COMMON * (int64_t)common / 160;
	if (e->cylinders < CYLINDERS_FEW)
		raw -= HANDICAP * (CYLINDERS_FEW - (int64_t)e->cylinders);
	return raw;
}

int32_t
score_raw(const struct fine_evidence *e)
{
	int64_t cells = e->common_cells < CELLS_MIN ? CELLS_MIN : e->common_cells;

	return (int32_t)(raw_of_minutiae(e) +
			 (e->has_map ? WEIGHT_FLOW * e->agreement / cells
				     : FLOW_UNKNOWN));
}

int32_t
score_raw_most(const struct fine_evidence *e)
{
	return (int32_t)(raw_of_minutiae(e) + (e->has_map ? WEIGHT_FLOW : FLOW_UNKNOWN));
}

/*
 * Raw score and -10 log10 of the share of impostors that reach it, in 1/100 dB: quantiles of the
 * 84 565 impostor pairs of three sets of real prints (bio_scores --raw DIR, pooled). Beyond 30 dB
 * log-linear with 186 a decade, the upper 95 % bound of the slope of the excesses over 20 and over
 * 30 dB (exponential tail, decade = ln 10 x mean excess); the end of the scale is extrapolated.
 * Pairs of synthetic fingers reach 3 to 40 dB 0.7 to 2.1 times as often.
 */
struct knot {
	int32_t raw, score;
};

static const struct knot knots[] = {
	{ 473, 0 },     { 914, 46 },    { 1258, 301 },  { 1438, 602 },  { 1583, 1000 },
	{ 1707, 1523 }, { 1790, 2000 }, { 1869, 2523 }, { 1926, 3000 }, { 3042, 9000 },
};
#define KNOTS (sizeof(knots) / sizeof(knots[0]))

int32_t
score_calibrate(int32_t raw)
{
	const struct knot *k = knots;

	if (raw <= knots[0].raw)
		return knots[0].score;
	if (raw >= knots[KNOTS - 1].raw)
		return knots[KNOTS - 1].score;
	while (raw >= k[1].raw)
		k++;
	return k->score + (raw - k->raw) * (k[1].score - k->score) / (k[1].raw - k->raw);
}

int32_t
score_of(const struct fine_evidence *evidence)
{
	return score_calibrate(score_raw(evidence));
}
