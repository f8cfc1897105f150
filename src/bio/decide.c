#include "bio/decide.h"

#include <assert.h>

#define MILLION_DB_100 6000 /* a million in 1/100 dB */
#define DECADE_DB_100 1000
#define PPM 1000000
#define LN10_1E7                                                                         \
	23025851 /* ln(10) in 1e-7: t of a score in 1/100 dB is s LN10_1E7 / 1e10 */
#define GREY_REFERENCES 10u /* about as many are left when digits are known */
#define FIXED_BITS 28
#define LOG_BITS 20

/*
 * 1000 log10(n) rounded, n > 0, that is n in 1/100 dB. Whole decades are split off; of the rest,
 * 1 <= x < 10, the next binary digit of the logarithm is whether the square reaches ten.
 */
static int32_t
db_100(uint64_t n)
{
	const uint64_t ten = (uint64_t)10 << FIXED_BITS;
	uint64_t power = 1, x, fraction = 0;
	int32_t decades = 0;

	assert(n > 0);
	for (; n / power >= 10; power *= 10)
		decades++;
	for (; n > UINT32_MAX; n >>= 1)
		power >>= 1;
	x = (n << FIXED_BITS) / power;
	for (int i = 0; i < LOG_BITS; i++) {
		x = x * x >> FIXED_BITS;
		fraction <<= 1;
		if (x >= ten) {
			x /= 10;
			fraction |= 1;
		}
	}
	fraction = (fraction * DECADE_DB_100 + (1u << (LOG_BITS - 1))) >> LOG_BITS;
	return decades * DECADE_DB_100 + (int32_t)fraction;
}

/* The score that a share of per_million impostor comparisons reaches, n of them being made. */
static int32_t
wanted(uint32_t per_million, uint64_t n)
{
	return MILLION_DB_100 - db_100(per_million) + db_100(n > 0 ? n : 1);
}

static int32_t
threshold(uint32_t per_million, uint64_t n)
{
	int32_t t;

	if (per_million == 0)
		return GALLERY_SCORE_MAX;
	t = wanted(per_million, n);
	return t < 0 ? 0 : t > GALLERY_SCORE_MAX ? GALLERY_SCORE_MAX : t;
}

int32_t
decide_threshold(const struct decide_policy *p, uint64_t references)
{
	return threshold(p->fpir_per_million, references);
}

bool
decide_target_met(const struct decide_policy *p, uint64_t references)
{
	return p->fpir_per_million > 0 &&
	       wanted(p->fpir_per_million, references) <= GALLERY_SCORE_MAX;
}

int32_t
decide_verify_threshold(const struct decide_policy *p, uint64_t references)
{
	return threshold(p->verify_fmr_per_million, references);
}

static enum decide_why
turn_away(const struct decide_policy *p, uint8_t quality)
{
	return quality < p->quality_min ? WHY_QUALITY : WHY_BELOW;
}

enum decide_why
decide_few_why(const struct decide_policy *p, uint64_t references, uint8_t quality,
	       const struct gallery_candidate *candidates, size_t count)
{
	int32_t best, second;

	if (count == 0)
		return turn_away(p, quality);
	best = candidates[0].score;
	second = count > 1 ? candidates[1].score : 0;
	assert(best >= second);
	if (best < decide_threshold(p, references))
		return turn_away(p, quality);
	return best - second >= p->margin ? WHY_ABOVE : WHY_MARGIN;
}

enum decide_why
decide_identify_why(const struct decide_policy *p, uint64_t references, uint8_t quality,
		    const struct gallery_candidate *candidates, size_t count)
{
	enum decide_why why = decide_few_why(p, references, quality, candidates, count);

	if ((why == WHY_BELOW || why == WHY_QUALITY) && count > 0 &&
	    candidates[0].score >= decide_threshold(p, GREY_REFERENCES))
		return WHY_GREY;
	return why;
}

enum decision
decide_identify(const struct decide_policy *p, uint64_t references, uint8_t quality,
		const struct gallery_candidate *candidates, size_t count)
{
	return decide_outcome(
		decide_identify_why(p, references, quality, candidates, count));
}

enum decide_why
decide_verify_why(const struct decide_policy *p, uint64_t references, uint8_t quality,
		  const struct gallery_candidate *best)
{
	if (best != NULL && best->score >= decide_verify_threshold(p, references))
		return WHY_ABOVE;
	return turn_away(p, quality);
}

enum decision
decide_verify(const struct decide_policy *p, uint64_t references, uint8_t quality,
	      const struct gallery_candidate *best)
{
	return decide_outcome(decide_verify_why(p, references, quality, best));
}

/* ---- two touches ---------------------------------------------------------- */

int32_t
decide_pair_score(int32_t first, int32_t second)
{
	int64_t sum = (int64_t)first + second;
	uint64_t t_ppm;

	assert(first >= 0 && second >= 0 && sum <= 2 * (int64_t)GALLERY_SCORE_MAX);
	t_ppm = ((uint64_t)sum * LN10_1E7 + 5000) / 10000;
	return (int32_t)sum - (db_100(PPM + t_ppm) - MILLION_DB_100);
}

static uint64_t
count_references(const struct decide_view *views, size_t count, struct ulid subject)
{
	uint64_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += ulid_eq(views[i].subject, subject);
	return n;
}

/* The best pair of a view's subject with the view as the first touch; less than 0: there is none. */
static int32_t
best_pair_of(const struct decide_view *views, size_t count, const struct decide_view *v,
	     int32_t least)
{
	uint64_t f = count_references(views, count, v->subject);
	int32_t best = -1;

	if (f < 2 || v->score[0] < least)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct decide_view *o = &views[i];

		if (ulid_eq(o->subject, v->subject) && o->finger != v->finger &&
		    o->score[1] >= least && o->score[1] > best)
			best = o->score[1];
	}
	if (best < 0)
		return -1;
	best = decide_pair_score(v->score[0], best) - db_100(f * (f - 1));
	return best > 0 ? best : 0;
}

/* The best that speaks for anybody but this subject: pairs, and either touch alone. */
static int32_t
best_rival(const struct decide_view *views, size_t count, struct ulid subject)
{
	int32_t best = 0;

	for (size_t i = 0; i < count; i++) {
		const struct decide_view *v = &views[i];
		int32_t pair = best_pair_of(views, count, v, 0);

		if (ulid_eq(v->subject, subject))
			continue;
		best = pair > best ? pair : best;
		best = v->score[0] > best ? v->score[0] : best;
		best = v->score[1] > best ? v->score[1] : best;
	}
	return best;
}

/*
 * Were it two people who touched in turn: what either touch has with its best other person, beyond
 * what the best of so many strangers has by chance.
 */
static int32_t
two_people(const struct decide_view *views, size_t count, uint64_t subjects,
	   struct ulid subject)
{
	int32_t chance = db_100(subjects > 0 ? subjects : 1), best[2] = { 0, 0 };

	for (size_t i = 0; i < count; i++)
		for (unsigned touch = 0; touch < 2; touch++)
			if (!ulid_eq(views[i].subject, subject) &&
			    views[i].score[touch] - chance > best[touch])
				best[touch] = views[i].score[touch] - chance;
	return decide_pair_score(best[0], best[1]) + chance;
}

enum decide_why
decide_two_why(const struct decide_policy *p, uint64_t subjects,
	       const struct decide_view *views, size_t count, struct ulid *ret_subject)
{
	int32_t least = decide_verify_threshold(p, 1), best = -1;
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		int32_t pair = best_pair_of(views, count, &views[i], least);

		if (pair > best) {
			best = pair;
			at = i;
		}
	}
	if (best < 0 || p->fpir_per_million == 0 ||
	    best < wanted(p->fpir_per_million, subjects))
		return WHY_BELOW;
	if (best - best_rival(views, count, views[at].subject) < p->margin ||
	    best - two_people(views, count, subjects, views[at].subject) < p->margin)
		return WHY_MARGIN;
	*ret_subject = views[at].subject;
	return WHY_TWO_FINGERS;
}

/* ---- names ---------------------------------------------------------------- */

static const struct {
	enum decision decision;
	const char *name;
} whys[DECIDE_WHYS] = {
	[WHY_ABOVE] = { DECISION_ACCEPT, "above-threshold" },
	[WHY_TWO_FINGERS] = { DECISION_ACCEPT, "two-fingers" },
	[WHY_MARGIN] = { DECISION_AMBIGUOUS, "margin" },
	[WHY_GREY] = { DECISION_AMBIGUOUS, "grey-zone" },
	[WHY_INCOMPLETE] = { DECISION_AMBIGUOUS, "incomplete" },
	[WHY_LOCKED_OUT] = { DECISION_AMBIGUOUS, "locked-out" },
	[WHY_BELOW] = { DECISION_REJECT, "below-threshold" },
	[WHY_REPLAY] = { DECISION_REJECT, "replay" },
	[WHY_QUALITY] = { DECISION_RETRY, "quality" },
	[WHY_NOT_ACQUIRED] = { DECISION_RETRY, "not-acquired" },
	[WHY_EXPIRED] = { DECISION_RETRY, "expired" },
	[WHY_BACK_OFF] = { DECISION_RETRY, "back-off" },
};

enum decision
decide_outcome(enum decide_why why)
{
	assert((unsigned)why < DECIDE_WHYS);
	return whys[why].decision;
}

const char *
decide_why_name(enum decide_why why)
{
	assert((unsigned)why < DECIDE_WHYS);
	return whys[why].name;
}

const char *
decision_name(enum decision d)
{
	static const char *const names[] = {
		[DECISION_ACCEPT] = "accept",
		[DECISION_AMBIGUOUS] = "ambiguous",
		[DECISION_REJECT] = "reject",
		[DECISION_RETRY] = "retry",
	};

	assert((unsigned)d < sizeof(names) / sizeof(names[0]));
	return names[d];
}
