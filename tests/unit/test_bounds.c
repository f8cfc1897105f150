#include "unit.h"

#include "bench/bounds.h"

#include <math.h>

static void
near(double have, double want, double most)
{
	ck_assert_msg(fabs(have - want) <= most, "have %.9g, want %.9g", have, want);
}

/* From the tables of the binomial distribution. */
START_TEST(exact_bounds_are_those_of_the_tables)
{
	static const struct {
		double errors, trials, low, high;
	} table[] = {
		{ 0, 10, 0.0, 0.30850 },       { 1, 10, 0.00253, 0.44502 },
		{ 3, 10, 0.06674, 0.65245 },   { 5, 10, 0.18709, 0.81291 },
		{ 10, 10, 0.69150, 1.0 },      { 0, 100, 0.0, 0.03622 },
		{ 10, 100, 0.04900, 0.17622 }, { 0, 0, 0.0, 1.0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct bounds b = bounds_exact(table[i].errors, table[i].trials);

		near(b.low, table[i].low, 1e-5);
		near(b.high, table[i].high, 1e-5);
	}
}
END_TEST

START_TEST(wilson_bounds_hold_the_rate)
{
	struct bounds b = bounds_wilson(3, 10);

	near(b.low, 0.10779, 1e-4);
	near(b.high, 0.60322, 1e-4);
	b = bounds_wilson(0, 50);
	near(b.low, 0.0, 1e-12);
	ck_assert(b.high > 0.0 && b.high < 0.1);
}
END_TEST

/* Each set is what its name says; the same 40 errors in 400. */
START_TEST(errors_of_few_fingers_widen_the_bounds)
{
	struct scores_cluster even[40], one[40] = { { 0, 0 } };
	double effective;
	struct bounds together, apart;

	for (int i = 0; i < 40; i++) {
		even[i] = (struct scores_cluster){ 1, 10 };
		one[i] = (struct scores_cluster){ i < 4 ? 10 : 0, 10 };
	}
	apart = bounds_clustered(even, 40, &effective);
	near(effective, 400, 1e-6); /* never more than were made */
	near(apart.high, bounds_exact(40, 400).high, 1e-9);
	together = bounds_clustered(one, 40, &effective);
	ck_assert(effective < 45 && effective > 25);
	ck_assert(together.high > apart.high && together.low < apart.low);
}
END_TEST

START_TEST(no_error_leaves_the_rule_of_three)
{
	struct scores_cluster c[] = { { 0, 200 }, { 0, 197 } };
	double effective;

	near(bounds_least(397), 0.0075, 0.00005);
	near(bounds_least(0), 1.0, 0.0);
	near(bounds_clustered(c, 2, &effective).low, 0.0, 0.0);
	near(effective, 397, 0.0);
	ck_assert(bounds_clustered(c, 0, &effective).high == 1.0);
}
END_TEST

/* 95 %: of a thousand samples of a known rate about so many intervals hold it. */
START_TEST(intervals_hold_the_rate_as_often_as_they_say)
{
	uint64_t state = 1;
	unsigned held = 0;

	for (int sample = 0; sample < 1000; sample++) {
		unsigned errors = 0;
		struct bounds b;

		for (int i = 0; i < 200; i++) {
			state = state * UINT64_C(6364136223846793005) +
				1442695040888963407u;
			errors += state >> 33 < (UINT64_C(1) << 31) / 20;
		}
		b = bounds_exact(errors, 200);
		held += b.low <= 0.05 && b.high >= 0.05;
	}
	ck_assert_uint_ge(held, 940);
}
END_TEST

UNIT_MAIN("bounds", exact_bounds_are_those_of_the_tables, wilson_bounds_hold_the_rate,
	  errors_of_few_fingers_widen_the_bounds, no_error_leaves_the_rule_of_three,
	  intervals_hold_the_rate_as_often_as_they_say)
