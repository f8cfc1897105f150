#include "unit.h"

#include "bio/decide.h"

#include <math.h>

static const struct decide_policy policy = {
	.fpir_per_million = 1000,
	.verify_fmr_per_million = 100,
	.margin = 1000,
	.quality_min = 30,
};

START_TEST(threshold_follows_the_table_of_powers)
{
	static const struct {
		uint64_t references;
		uint32_t fpir_per_million;
		int32_t threshold;
	} rows[] = {
		{ 1, 1000, 3000 },
		{ 10, 1000, 4000 },
		{ 100, 1000, 5000 },
		{ 1000, 1000, 6000 },
		{ 10000, 1000, 7000 },
		{ 100000, 1000, 8000 },
		{ 1000000, 1000, 9000 },
		{ 10000000, 1000, 9000 },
		{ UINT64_MAX, 1000, 9000 },
		{ 0, 1000, 3000 },
		{ 1, 10000, 2000 },
		{ 10, 100, 5000 },
		{ 1, 1, 6000 },
		{ 1, 1000000, 0 },
		{ 1, 4000000, 0 },
		{ 1, 0, 9000 },
		{ 2, 1000, 3301 },
		{ 3, 1000, 3477 },
		{ 1, 500, 3301 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct decide_policy p = { .fpir_per_million = rows[i].fpir_per_million };

		ck_assert_int_eq(decide_threshold(&p, rows[i].references),
				 rows[i].threshold);
	}
}
END_TEST

START_TEST(threshold_is_within_a_hundredth_of_a_decibel_of_the_logarithm)
{
	for (uint64_t n = 1; n < 1000000; n = n * 21 / 20 + 1) {
		double exact = 3000.0 + 1000.0 * log10((double)n);

		ck_assert_int_le(labs(decide_threshold(&policy, n) - lround(exact)), 1);
	}
}
END_TEST

struct identification {
	uint64_t references;
	size_t count;
	int32_t best, second;
	enum decision decision;
	uint8_t quality;
};

START_TEST(identification_follows_score_margin_and_quality)
{
	static const struct identification rows[] = {
		{ 1000, 1, 6000, 0, DECISION_ACCEPT, 80 },
		{ 1000, 1, 5999, 0, DECISION_AMBIGUOUS, 80 },
		{ 1000, 1, 4000, 0, DECISION_AMBIGUOUS, 80 },
		{ 1000, 1, 3999, 0, DECISION_REJECT, 80 },
		{ 1000, 1, 3999, 0, DECISION_RETRY, 29 },
		{ 1000, 1, 3999, 0, DECISION_REJECT, 30 },
		{ 1000, 1, 6000, 0, DECISION_ACCEPT, 0 },
		{ 1000, 2, 7000, 6000, DECISION_ACCEPT, 80 },
		{ 1000, 2, 7000, 6001, DECISION_AMBIGUOUS, 80 },
		{ 1000, 2, 9000, 9000, DECISION_AMBIGUOUS, 80 },
		{ 1000, 0, 0, 0, DECISION_REJECT, 80 },
		{ 1000, 0, 0, 0, DECISION_RETRY, 10 },
		{ 4, 1, 3602, 0, DECISION_ACCEPT, 80 },
		{ 4, 1, 3601, 0, DECISION_REJECT, 80 },
		{ 0, 0, 0, 0, DECISION_REJECT, 80 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gallery_candidate c[2] = { { .score = rows[i].best },
						  { .score = rows[i].second } };

		ck_assert_int_eq(decide_identify(&policy, rows[i].references,
						 rows[i].quality, c, rows[i].count),
				 rows[i].decision);
	}
}
END_TEST

START_TEST(among_the_claimed_few_there_is_no_grey_zone)
{
	static const struct {
		uint64_t references;
		int32_t best, second;
		uint8_t quality;
		enum decide_why few, all;
	} rows[] = {
		{ 1000, 6000, 0, 80, WHY_ABOVE, WHY_ABOVE },
		{ 1000, 5999, 0, 80, WHY_BELOW, WHY_GREY },
		{ 1000, 4000, 0, 80, WHY_BELOW, WHY_GREY },
		{ 1000, 4000, 0, 20, WHY_QUALITY, WHY_GREY },
		{ 1000, 3999, 0, 80, WHY_BELOW, WHY_BELOW },
		{ 1000, 3999, 0, 20, WHY_QUALITY, WHY_QUALITY },
		{ 1000, 7000, 6001, 80, WHY_MARGIN, WHY_MARGIN },
		{ 20, 4301, 0, 80, WHY_ABOVE, WHY_ABOVE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gallery_candidate c[2] = { { .score = rows[i].best },
						  { .score = rows[i].second } };

		ck_assert_int_eq(decide_few_why(&policy, rows[i].references,
						rows[i].quality, c, 2),
				 rows[i].few);
		ck_assert_int_eq(decide_identify_why(&policy, rows[i].references,
						     rows[i].quality, c, 2),
				 rows[i].all);
	}
	ck_assert_int_eq(decide_few_why(&policy, 2, 80, NULL, 0), WHY_BELOW);
}
END_TEST

START_TEST(target_is_kept_up_to_the_end_of_the_scale)
{
	struct decide_policy p = { .fpir_per_million = 1000 };

	ck_assert(decide_target_met(&p, 0));
	ck_assert(decide_target_met(&p, 1000000));
	ck_assert(!decide_target_met(&p, 1003000));
	p.fpir_per_million = 1;
	ck_assert(decide_target_met(&p, 1000));
	ck_assert(!decide_target_met(&p, 1003));
	p.fpir_per_million = 0;
	ck_assert(!decide_target_met(&p, 1));
}
END_TEST

START_TEST(every_reason_has_its_decision_and_name)
{
	static const struct {
		enum decide_why why;
		enum decision decision;
		const char *name;
	} rows[] = {
		{ WHY_ABOVE, DECISION_ACCEPT, "above-threshold" },
		{ WHY_MARGIN, DECISION_AMBIGUOUS, "margin" },
		{ WHY_GREY, DECISION_AMBIGUOUS, "grey-zone" },
		{ WHY_LOCKED_OUT, DECISION_AMBIGUOUS, "locked-out" },
		{ WHY_BELOW, DECISION_REJECT, "below-threshold" },
		{ WHY_REPLAY, DECISION_REJECT, "replay" },
		{ WHY_QUALITY, DECISION_RETRY, "quality" },
		{ WHY_NOT_ACQUIRED, DECISION_RETRY, "not-acquired" },
		{ WHY_EXPIRED, DECISION_RETRY, "expired" },
		{ WHY_BACK_OFF, DECISION_RETRY, "back-off" },
	};

	ck_assert_uint_eq(sizeof(rows) / sizeof(rows[0]), DECIDE_WHYS);
	for (size_t i = 0; i < DECIDE_WHYS; i++) {
		ck_assert_int_eq(decide_outcome(rows[i].why), rows[i].decision);
		ck_assert_str_eq(decide_why_name(rows[i].why), rows[i].name);
	}
}
END_TEST

START_TEST(verification_takes_the_threshold_of_its_own_rate)
{
	struct gallery_candidate c = { .score = 4000 };

	ck_assert_int_eq(decide_verify(&policy, 80, &c, 1), DECISION_ACCEPT);
	c.score = 3999;
	ck_assert_int_eq(decide_verify(&policy, 80, &c, 1), DECISION_REJECT);
	ck_assert_int_eq(decide_verify(&policy, 29, &c, 1), DECISION_RETRY);
	ck_assert_int_eq(decide_verify(&policy, 80, NULL, 0), DECISION_REJECT);
	ck_assert_int_eq(decide_verify(&policy, 0, NULL, 0), DECISION_RETRY);
}
END_TEST

START_TEST(decisions_have_the_names_of_the_protocol)
{
	ck_assert_str_eq(decision_name(DECISION_ACCEPT), "accept");
	ck_assert_str_eq(decision_name(DECISION_AMBIGUOUS), "ambiguous");
	ck_assert_str_eq(decision_name(DECISION_REJECT), "reject");
	ck_assert_str_eq(decision_name(DECISION_RETRY), "retry");
}
END_TEST

UNIT_MAIN("decide", threshold_follows_the_table_of_powers,
	  threshold_is_within_a_hundredth_of_a_decibel_of_the_logarithm,
	  identification_follows_score_margin_and_quality,
	  among_the_claimed_few_there_is_no_grey_zone,
	  target_is_kept_up_to_the_end_of_the_scale,
	  every_reason_has_its_decision_and_name,
	  verification_takes_the_threshold_of_its_own_rate,
	  decisions_have_the_names_of_the_protocol)
