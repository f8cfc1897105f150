#include "unit.h"

#include "bio/decide.h"

#include <math.h>
#include <stdbool.h>

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
		{ WHY_TWO_FINGERS, DECISION_ACCEPT, "two-fingers" },
		{ WHY_MARGIN, DECISION_AMBIGUOUS, "margin" },
		{ WHY_GREY, DECISION_AMBIGUOUS, "grey-zone" },
		{ WHY_INCOMPLETE, DECISION_AMBIGUOUS, "incomplete" },
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

	ck_assert_int_eq(decide_verify(&policy, 1, 80, &c), DECISION_ACCEPT);
	c.score = 3999;
	ck_assert_int_eq(decide_verify(&policy, 1, 80, &c), DECISION_REJECT);
	ck_assert_int_eq(decide_verify(&policy, 1, 29, &c), DECISION_RETRY);
	ck_assert_int_eq(decide_verify(&policy, 0, 80, NULL), DECISION_REJECT);
	ck_assert_int_eq(decide_verify(&policy, 0, 0, NULL), DECISION_RETRY);
}
END_TEST

/* The best of two comparisons reaches a score twice as often as one does. */
START_TEST(verification_keeps_its_rate_whatever_the_number_of_references)
{
	static const struct {
		uint64_t references;
		int32_t threshold;
	} rows[] = { { 0, 4000 }, { 1, 4000 }, { 2, 4301 }, { 4, 4602 }, { 10, 5000 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gallery_candidate c = { .score = rows[i].threshold };

		ck_assert_int_eq(decide_verify_threshold(&policy, rows[i].references),
				 rows[i].threshold);
		ck_assert_int_eq(decide_verify_why(&policy, rows[i].references, 80, &c),
				 WHY_ABOVE);
		c.score--;
		ck_assert_int_eq(decide_verify_why(&policy, rows[i].references, 80, &c),
				 WHY_BELOW);
	}
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

START_TEST(a_pair_is_worth_the_chance_of_its_sum)
{
	static const struct {
		int32_t first, second, worth;
	} rows[] = {
		{ 0, 0, 0 },           { 4000, 0, 2991 },    { 0, 4000, 2991 },
		{ 4000, 4000, 6712 },  { 2000, 6000, 6712 }, { 5000, 4500, 8141 },
		{ 9000, 9000, 16372 }, { 1, 0, 1 - 1 },      { 3000, 3000, 4829 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_int_eq(decide_pair_score(rows[i].first, rows[i].second),
				 rows[i].worth);
	for (int32_t sum = 0; sum <= 2 * GALLERY_SCORE_MAX; sum++) {
		int32_t first = sum < GALLERY_SCORE_MAX ? sum / 3 : GALLERY_SCORE_MAX;
		double t = sum * log(10.0) / 1000.0;
		double exact = sum - 1000.0 * log10(1.0 + t);

		ck_assert_double_le(fabs(decide_pair_score(first, sum - first) - exact),
				    1.0);
	}
}
END_TEST

/* Strangers' scores: a share of 10^(-s/10) reaches s dB. */
static int32_t
stranger(uint64_t *state)
{
	double u;

	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	u = ((double)(*state >> 11) + 1.0) / 9007199254740993.0;
	u = -1000.0 * log10(u);
	return u > GALLERY_SCORE_MAX ? GALLERY_SCORE_MAX : (int32_t)u;
}

START_TEST(strangers_pairs_reach_a_score_as_often_as_it_says)
{
	static const int32_t at[] = { 500, 1000, 2000, 3000 };
	uint64_t state = 7;
	unsigned over[4] = { 0 }, n = 1000000;

	for (unsigned i = 0; i < n; i++) {
		int32_t s = decide_pair_score(stranger(&state), stranger(&state));

		for (unsigned k = 0; k < 4; k++)
			over[k] += s >= at[k];
	}
	for (unsigned k = 0; k < 4; k++) {
		double wanted = n * pow(10.0, -at[k] / 1000.0);

		ck_assert_double_le(fabs(over[k] - wanted),
				    5.0 * sqrt(wanted) + 0.01 * wanted);
	}
}
END_TEST

#define VIEWS_MAX 6u
/* Of the first and second touch with the fingers 2 and 7 of each of three persons. */
struct two_row {
	const char *name;
	uint64_t subjects;
	int32_t score[VIEWS_MAX][2];
	enum decide_why why;
	uint8_t who; /* 1..3 */
};

static size_t
views_of(const struct two_row *r, struct decide_view *views, bool one_finger)
{
	size_t count = 0;

	for (size_t i = 0; i < VIEWS_MAX; i++) {
		if (one_finger && i % 2 != 0)
			continue;
		memset(&views[count], 0, sizeof(views[count]));
		views[count].subject.b[15] = (uint8_t)(i / 2 + 1);
		views[count].finger = i % 2 == 0 ? 2 : 7;
		views[count].score[0] = r->score[i][0];
		views[count].score[1] = r->score[i][1];
		count++;
	}
	return count;
}

static const struct two_row two_rows[] = {
	{ "two fingers of one",
	  10000,
	  { { 5000, 300 }, { 200, 5200 } },
	  WHY_TWO_FINGERS,
	  1 },
	{ "the other way round",
	  10000,
	  { { 200, 5200 }, { 5000, 300 } },
	  WHY_TWO_FINGERS,
	  1 },
	{ "the same finger twice",
	  10000,
	  { { 8900, 8900 }, { 300, 300 } },
	  WHY_BELOW,
	  0 },
	{ "the same finger twice, and a little of another",
	  10000,
	  { { 8900, 8900 }, { 3999, 3999 } },
	  WHY_BELOW,
	  0 },
	{ "the second touch is anybody's",
	  10000,
	  { { 8900, 0 }, { 0, 3999 } },
	  WHY_BELOW,
	  0 },
	{ "the first touch was anybody's",
	  10000,
	  { { 3999, 0 }, { 0, 8900 } },
	  WHY_BELOW,
	  0 },
	{ "two people, one after the other",
	  10000,
	  { { 6000, 200 }, { 100, 300 }, { 200, 200 }, { 300, 6100 } },
	  WHY_BELOW,
	  0 },
	{ "two people, and a third whom both are a little like",
	  10000,
	  { { 6000, 200 },
	    { 100, 300 },
	    { 200, 200 },
	    { 300, 6100 },
	    { 3900, 0 },
	    { 0, 3900 } },
	  WHY_BELOW,
	  0 },
	{ "two people, and a third whom both are rather like",
	  10000,
	  { { 6500, 200 },
	    { 100, 300 },
	    { 200, 200 },
	    { 300, 6500 },
	    { 4700, 0 },
	    { 0, 4700 } },
	  WHY_MARGIN,
	  0 },
	{ "not enough among so many",
	  1000000,
	  { { 4500, 0 }, { 0, 4500 } },
	  WHY_BELOW,
	  0 },
	{ "enough among fewer", 10000, { { 4500, 0 }, { 0, 4500 } }, WHY_TWO_FINGERS, 1 },
	{ "somebody else nearly as well",
	  1000,
	  { { 5000, 0 }, { 0, 5000 }, { 4700, 0 }, { 0, 4700 } },
	  WHY_MARGIN,
	  0 },
	{ "somebody else by one touch alone",
	  1000,
	  { { 5000, 0 }, { 0, 5000 }, { 0, 0 }, { 0, 7400 } },
	  WHY_MARGIN,
	  0 },
	{ "the best is not the first",
	  1000,
	  { { 2000, 0 },
	    { 0, 2000 },
	    { 100, 200 },
	    { 0, 100 },
	    { 6000, 0 },
	    { 0, 6000 } },
	  WHY_TWO_FINGERS,
	  3 },
	{ "nothing at all", 1, { { 0, 0 } }, WHY_BELOW, 0 },
	{ "beyond the end of the scale of one",
	  UINT64_C(1000000000),
	  { { 9000, 0 }, { 0, 9000 } },
	  WHY_TWO_FINGERS,
	  1 },
};

START_TEST(two_touches_count_together_for_one_person_with_two_fingers)
{
	for (size_t i = 0; i < sizeof(two_rows) / sizeof(two_rows[0]); i++) {
		const struct two_row *r = &two_rows[i];
		struct decide_view views[VIEWS_MAX];
		struct ulid subject = { { 0 } };
		size_t count = views_of(r, views, false);
		enum decide_why why =
			decide_two_why(&policy, r->subjects, views, count, &subject);

		ck_assert_msg(why == r->why, "%s: %s", r->name, decide_why_name(why));
		ck_assert_msg(subject.b[15] == r->who, "%s: %d", r->name, subject.b[15]);
	}
}
END_TEST

START_TEST(one_enrolled_finger_is_never_two)
{
	for (size_t i = 0; i < sizeof(two_rows) / sizeof(two_rows[0]); i++) {
		struct decide_view views[VIEWS_MAX];
		struct ulid subject = { { 0 } };
		size_t count = views_of(&two_rows[i], views, true);

		ck_assert_int_eq(decide_two_why(&policy, 1, views, count, &subject),
				 WHY_BELOW);
	}
}
END_TEST

/*
 * The least that is accepted is the target's share of one of the pairs that there are: with two
 * fingers each, as many as references, so that the threshold is that of a single touch.
 */
START_TEST(the_threshold_of_pairs_is_that_of_as_many_references)
{
	for (uint64_t subjects = 1000; subjects <= 100000; subjects *= 10) {
		int32_t least = decide_threshold(&policy, 2 * subjects);

		for (int32_t second = 4000; second < 9000; second++) {
			struct decide_view v[2] = { { .finger = 2, .score = { 4000, 0 } },
						    { .finger = 7,
						      .score = { 0, second } } };
			struct ulid subject;
			bool enough = decide_pair_score(4000, second) >= least;
			enum decide_why why =
				decide_two_why(&policy, subjects, v, 2, &subject);

			if (labs(decide_pair_score(4000, second) - least) > 2)
				ck_assert_int_eq(why,
						 enough ? WHY_TWO_FINGERS : WHY_BELOW);
		}
	}
}
END_TEST

START_TEST(more_fingers_must_be_more_alike)
{
	struct decide_view v[4] = { { .finger = 2, .score = { 4500, 0 } },
				    { .finger = 7, .score = { 0, 4500 } },
				    { .finger = 3 },
				    { .finger = 8 } };
	struct decide_policy p = policy;
	struct ulid subject;
	uint64_t most[5] = { 0 };

	for (size_t f = 2; f <= 4; f++)
		for (uint64_t n = 1000; n < 100000; n += 100)
			if (decide_two_why(&p, n, v, f, &subject) == WHY_TWO_FINGERS)
				most[f] = n;
	/* 2, 6 and 12 ordered pairs. */
	ck_assert_uint_gt(most[2], 0);
	ck_assert_uint_le(most[3] * 3, most[2] + 1000);
	ck_assert_uint_le(most[4] * 6, most[2] + 1000);
	p.fpir_per_million = 0;
	ck_assert_int_eq(decide_two_why(&p, 1, v, 2, &subject), WHY_BELOW);
}
END_TEST

UNIT_MAIN("decide", a_pair_is_worth_the_chance_of_its_sum,
	  strangers_pairs_reach_a_score_as_often_as_it_says,
	  two_touches_count_together_for_one_person_with_two_fingers,
	  one_enrolled_finger_is_never_two,
	  the_threshold_of_pairs_is_that_of_as_many_references,
	  more_fingers_must_be_more_alike, threshold_follows_the_table_of_powers,
	  threshold_is_within_a_hundredth_of_a_decibel_of_the_logarithm,
	  identification_follows_score_margin_and_quality,
	  among_the_claimed_few_there_is_no_grey_zone,
	  target_is_kept_up_to_the_end_of_the_scale,
	  every_reason_has_its_decision_and_name,
	  verification_takes_the_threshold_of_its_own_rate,
	  verification_keeps_its_rate_whatever_the_number_of_references,
	  decisions_have_the_names_of_the_protocol)
