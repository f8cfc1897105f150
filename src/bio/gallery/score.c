#include "bio/gallery/score.h"

#include "bio/gallery/fixed.h"
#include "bio/gallery/gallery.h"

#include <assert.h>
#include <stddef.h>

#define COMMON_MIN 96 /* minutiae in the common area, 1/16: fewer are no evidence */
#define COMMON_EXTRA 32
#define CYLINDERS_FEW 26
#define KNOTS_MAX 17u

/* A raw score and -10 log10 of the share of impostors that reach it, in 1/100 dB. */
struct knot {
	int32_t raw, score;
};

/*
 * How comparisons of one kind are weighed, in 1/100 of a logit, and calibrated. All kinds have
 * the same terms, so this table is all that a fit has to bring.
 */
struct scale {
	int32_t relaxed;  /* of the root of the relaxed similarity */
	int32_t share;    /* of the similarity of minutiae that meet, per one in common */
	int32_t number;   /* of the square of those that meet, per one in common */
	int32_t flow;     /* of the agreement of orientations */
	int32_t flow_min; /* fewer cells or directions are no evidence */
	int32_t common;   /* tenths, against: each minutia in common may meet by chance */
	int32_t handicap; /* for each cylinder less: small prints look alike too easily */
	/* That many minutiae must meet to bear the relaxed similarity out; fewer bear a part. */
	uint16_t bearing;
	unsigned knots_count;
	struct knot knots[KNOTS_MAX];
};

/*
 * Orientations on both sides: weights by logistic regression (class-balanced, ridge 1e-3) over
 * all pairs of two sets of real prints, one optical, one inked; a third set was kept to check.
 * Of sparse prints lonely minutiae match perfectly: hence the bearing, without which 14 of 10^7 pairs
 * of synthetic fingers reached 70 dB.
 * Knots: up to 30 dB quantiles of the 152 980 impostor pairs of three sets of real prints, within
 * the sets and across (bio_tail DIR...). Beyond, scores thin out as those of 100 million pairs of
 * synthetic fingers do, times 1.177, the ratio of the slopes of real and synthetic excesses over
 * 30 dB. Synthetic pairs reach what real ones do at 20, 30 and 40 dB 1.01, 1.19 and 0.73 times as
 * often. From SCORE_OBSERVED on few are left to count: 308 a decade, the largest upper 95 % bound
 * of the slope of an exponential tail at 30 to 60 dB, times the same ratio.
 */
#define SCALE_BOTH                                                                       \
	{                                                                                \
		.relaxed = 4520, .share = 1480, .number = 41, .flow = 1240,              \
		.flow_min = 1500, .common = 36, .handicap = 7, .bearing = 4,             \
		.knots_count = 17,                                                       \
		.knots = {                                                               \
			{ 593, 0 },     { 890, 46 },    { 1248, 301 },  { 1431, 602 },   \
			{ 1577, 1000 }, { 1699, 1523 }, { 1787, 2000 }, { 1875, 2523 },  \
			{ 1940, 3000 }, { 2019, 3500 }, { 2093, 4000 }, { 2165, 4500 },  \
			{ 2238, 5000 }, { 2317, 5500 }, { 2401, 6000 }, { 2511, 6500 },  \
			{ 3280, 9000 },                                                  \
		},                                                                       \
	}

/*
 * Orientations on one side only: minutiae of another system against a finger of ours. Weights as
 * above; that of the directions of minutiae against the other side's orientations was chosen on two
 * of the sets. Knots: quantiles of 653 480 impostor pairs of these two sets, images against what
 * ISO, ANSI and both card formats keep of the others (bio_scores --foreign); the third set reaches
 * 10, 20 and 30 dB 0.3 to 0.8 times as often as they say, and less often where minutiae are moved,
 * lost and added as another extractor may. Beyond 30 dB 158 a decade, the upper 95 % bound of the
 * slope as above, each pair of images counted for an eighth; 6.2 million pairs of synthetic fingers
 * reach 10 to 60 dB 0.2 to 0.7 times as often.
 */
#define SCALE_ONE                                                                        \
	{                                                                                \
		.relaxed = 4520, .share = 1480, .number = 41, .flow = 300,               \
		.flow_min = 1500, .common = 36, .handicap = 7, .bearing = 4,             \
		.knots_count = 10,                                                       \
		.knots = {                                                               \
			{ 300, 0 },     { 592, 46 },    { 752, 301 },   { 841, 602 },    \
			{ 927, 1000 },  { 1017, 1523 }, { 1085, 2000 }, { 1150, 2523 },  \
			{ 1206, 3000 }, { 2158, 9000 },                                  \
		},                                                                       \
	}

/*
 * On no side: records of other systems among themselves, when duplicates are sought or views
 * merged. Fitted in the same way, 140 a decade beyond 30 dB.
 */
#define SCALE_NONE                                                                       \
	{                                                                                \
		.relaxed = 4520, .share = 1480, .number = 41, .flow_min = 1,             \
		.common = 36, .handicap = 7, .bearing = 4, .knots_count = 10,            \
		.knots = {                                                               \
			{ 250, 0 },    { 492, 46 },    { 602, 301 },  { 668, 602 },      \
			{ 735, 1000 }, { 811, 1523 },  { 869, 2000 }, { 933, 2523 },     \
			{ 991, 3000 }, { 1831, 9000 },                                   \
		},                                                                       \
	}

static const struct scale scales[] = {
	[FINE_MAPS_NONE] = SCALE_NONE,
	[FINE_MAPS_ONE] = SCALE_ONE,
	[FINE_MAPS_BOTH] = SCALE_BOTH,
};

/* All but the orientations. */
static int64_t
raw_of_minutiae(const struct scale *s, const struct fine_evidence *e)
{
	uint32_t common = fixed_root((uint64_t)e->in_probe * e->in_reference * 256u);
	int32_t n = (int32_t)(common < COMMON_MIN ? COMMON_MIN : common) + COMMON_EXTRA;
	int64_t matched = e->matched, raw;

	raw = s->relaxed * (int64_t)fixed_root((uint64_t)e->relaxed) / 1024;
	if (e->met < s->bearing)
		raw = raw * e->met / s->bearing;
	raw += s->share * (int64_t)e->similar / (n * 64);
	raw += s->number * matched * matched / (n * 4096);
	raw -= s->common * (int64_t)common / 160;
	if (e->cylinders < CYLINDERS_FEW)
		raw -= s->handicap * (CYLINDERS_FEW - (int64_t)e->cylinders);
	return raw;
}

static const struct scale *
scale_of(enum fine_maps maps)
{
	assert(maps <= FINE_MAPS_BOTH);
	return &scales[maps];
}

int32_t
score_raw(const struct fine_evidence *e)
{
	const struct scale *s = scale_of(e->maps);
	int64_t cells = e->common_cells < s->flow_min ? s->flow_min : e->common_cells;

	return (int32_t)(raw_of_minutiae(s, e) + s->flow * e->agreement / cells);
}

int32_t
score_raw_most(const struct fine_evidence *e)
{
	const struct scale *s = scale_of(e->maps);

	return (int32_t)(raw_of_minutiae(s, e) + s->flow);
}

int32_t
score_calibrate(enum fine_maps maps, int32_t raw)
{
	const struct scale *s = scale_of(maps);
	const struct knot *k = s->knots, *last = &s->knots[s->knots_count - 1];

	if (raw <= k->raw)
		return k->score;
	if (raw >= last->raw)
		return last->score;
	while (raw >= k[1].raw)
		k++;
	return k->score + (raw - k->raw) * (k[1].score - k->score) / (k[1].raw - k->raw);
}

int32_t
score_of(const struct fine_evidence *evidence)
{
	return score_calibrate(evidence->maps, score_raw(evidence));
}
