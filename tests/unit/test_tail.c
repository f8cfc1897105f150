#include "unit.h"

#include "synth/tail.h"

#include <math.h>

/* Pairs with made-up scores: count of them with a raw score of raw. */
static void
put(struct tail *t, int32_t raw, uint64_t count)
{
	t->bins[raw - TAIL_RAW_MIN] += count;
	t->pairs += count;
}

static void
near(double have, double want, double margin)
{
	ck_assert_msg(fabs(have - want) <= margin, "have %.6g, want %.6g", have, want);
}

START_TEST(shares_and_quantiles_are_those_worked_out_by_hand)
{
	static const struct {
		double share;
		int32_t raw;
	} table[] = { { 1.0, TAIL_RAW_MIN }, { 0.5, 101 },   { 0.1, 1001 },
		      { 0.09, 2001 },        { 0.01, 2001 }, { 0.001, 2001 } };
	static struct tail t;

	put(&t, 100, 500);
	put(&t, 1000, 400);
	put(&t, 2000, 100);
	near(tail_share(&t, 100), 1.0, 0);
	near(tail_share(&t, 101), 0.5, 0);
	near(tail_share(&t, 2000), 0.1, 1e-12);
	near(tail_share(&t, 2001), 0, 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ck_assert_int_eq(tail_quantile(&t, table[i].share), table[i].raw);
}
END_TEST

START_TEST(scores_beyond_the_ends_are_counted_at_the_ends)
{
	static struct tail t;
	struct fine_evidence e = { .relaxed = 1 << 20, .similar = INT32_MAX / 2 };

	e.matched = 1 << 18;
	tail_add(&t, &e);
	ck_assert_uint_eq(t.pairs, 1);
	ck_assert_uint_eq(t.bins[TAIL_BINS - 1], 1);
	ck_assert_uint_eq(t.top_pairs, 1);
}
END_TEST

/* An exponential tail of 150 a decade: the slope is found, and lies below its bound. */
START_TEST(the_slope_of_an_exponential_tail_is_found)
{
	static struct tail t;
	struct tail_slope s;

	for (int32_t raw = 0; raw < 2000; raw++)
		put(&t, raw, (uint64_t)llround(1e8 * pow(10.0, -raw / 150.0)));
	s = tail_slope(&t, 300);
	near(s.decade, 150, 1);
	ck_assert(s.upper > s.decade && s.upper < s.decade * 1.01);
	near((double)s.pairs / (double)t.pairs, 0.01, 1e-5);
	ck_assert_uint_eq(tail_slope(&t, 5000).pairs, 0);
}
END_TEST

START_TEST(sums_are_those_of_their_parts)
{
	static struct tail a, b;

	put(&a, 10, 3);
	put(&b, 20, 1);
	a.top_pairs = 1;
	b.top_pairs = 2;
	b.traits[1][0] = 5;
	tail_sum(&a, &b);
	ck_assert_uint_eq(a.pairs, 4);
	ck_assert_uint_eq(a.top_pairs, 3);
	near(tail_share(&a, 20), 0.25, 0);
	near(a.traits[1][0], 5, 0);
}
END_TEST

START_TEST(a_ratio_of_tails_is_of_rates_at_the_others_threshold)
{
	static struct tail a, b;

	put(&b, 100, 900);
	put(&b, 200, 100);
	put(&a, 100, 800);
	put(&a, 200, 200);
	near(tail_ratio(&a, &b, 0.1), 2.0, 1e-12);
	near(tail_ratio(&b, &b, 0.1), 1.0, 1e-12);
}
END_TEST

UNIT_MAIN("tail", shares_and_quantiles_are_those_worked_out_by_hand,
	  scores_beyond_the_ends_are_counted_at_the_ends,
	  the_slope_of_an_exponential_tail_is_found, sums_are_those_of_their_parts,
	  a_ratio_of_tails_is_of_rates_at_the_others_threshold)
