#include "bio/decide.h"

#include <assert.h>

#define MILLION_DB_100 6000 /* a million in 1/100 dB */
#define DECADE_DB_100 1000
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
decide_verify_threshold(const struct decide_policy *p)
{
	return threshold(p->verify_fmr_per_million, 1);
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
decide_verify_why(const struct decide_policy *p, uint8_t quality,
		  const struct gallery_candidate *candidates, size_t count)
{
	assert(count <= 1);
	if (count == 1 && candidates[0].score >= decide_verify_threshold(p))
		return WHY_ABOVE;
	return turn_away(p, quality);
}

enum decision
decide_verify(const struct decide_policy *p, uint8_t quality,
	      const struct gallery_candidate *candidates, size_t count)
{
	return decide_outcome(decide_verify_why(p, quality, candidates, count));
}

static const struct {
	enum decision decision;
	const char *name;
} whys[DECIDE_WHYS] = {
	[WHY_ABOVE] = { DECISION_ACCEPT, "above-threshold" },
	[WHY_MARGIN] = { DECISION_AMBIGUOUS, "margin" },
	[WHY_GREY] = { DECISION_AMBIGUOUS, "grey-zone" },
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
