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
threshold(uint32_t per_million, uint64_t n)
{
	int32_t t;

	if (per_million == 0)
		return GALLERY_SCORE_MAX;
	t = MILLION_DB_100 - db_100(per_million) + db_100(n > 0 ? n : 1);
	return t < 0 ? 0 : t > GALLERY_SCORE_MAX ? GALLERY_SCORE_MAX : t;
}

int32_t
decide_threshold(const struct decide_policy *p, uint64_t references)
{
	return threshold(p->fpir_per_million, references);
}

static enum decision
turn_away(const struct decide_policy *p, uint8_t quality)
{
	return quality < p->quality_min ? DECISION_RETRY : DECISION_REJECT;
}

enum decision
decide_identify(const struct decide_policy *p, uint64_t references, uint8_t quality,
		const struct gallery_candidate *candidates, size_t count)
{
	int32_t best, second;

	if (count == 0)
		return turn_away(p, quality);
	best = candidates[0].score;
	second = count > 1 ? candidates[1].score : 0;
	assert(best >= second);
	if (best >= decide_threshold(p, references))
		return best - second >= p->margin ? DECISION_ACCEPT : DECISION_AMBIGUOUS;
	if (best >= decide_threshold(p, GREY_REFERENCES))
		return DECISION_AMBIGUOUS;
	return turn_away(p, quality);
}

enum decision
decide_verify(const struct decide_policy *p, uint8_t quality,
	      const struct gallery_candidate *candidates, size_t count)
{
	assert(count <= 1);
	if (count == 1 && candidates[0].score >= threshold(p->verify_fmr_per_million, 1))
		return DECISION_ACCEPT;
	return turn_away(p, quality);
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
