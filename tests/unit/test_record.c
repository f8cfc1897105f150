#include "unit.h"

#include "bio/record.h"

#include <math.h>

#define CLOSE(a, b) ck_assert_msg(fabs((a) - (b)) < 1e-3 * fabs(b), "%g, not %g", a, b)

START_TEST(wilson_intervals_are_those_of_the_books)
{
	static const struct {
		uint64_t count, of;
		double low, high;
	} rows[] = {
		{ 0, 10, 0.0, 0.277533 },        { 10, 10, 0.722467, 1.0 },
		{ 5, 10, 0.236593, 0.763407 },   { 1, 1000, 0.000177, 0.005643 },
		{ 50, 100, 0.403832, 0.596168 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record_rate r = record_rate(rows[i].count, rows[i].of);

		ck_assert_double_le(fabs(r.low - rows[i].low), 1e-6);
		ck_assert_double_le(fabs(r.high - rows[i].high), 1e-6);
	}
	ck_assert_double_eq(record_rate(0, 0).high, 1.0);
	ck_assert_double_eq(record_rate(0, 0).low, 0.0);
}
END_TEST

START_TEST(poisson_bounds_are_those_of_the_books)
{
	CLOSE(record_most(0, 0.05), 2.99573); /* the rule of three */
	CLOSE(record_most(1, 0.05), 4.74386);
	CLOSE(record_most(10, 0.05), 16.9622);
	CLOSE(record_most(200, 0.05), 224.87);
	CLOSE(record_most(201, 0.05), 225.92); /* where the approximation begins */
	CLOSE(record_most(1000, 0.05), 1053.6);
	ck_assert_double_eq(record_least(0, 0.05), 0.0);
	CLOSE(record_least(1, 0.05), 0.0512933);
	CLOSE(record_least(10, 0.05), 5.42541);
	CLOSE(record_least(1, 0.01), 0.0100503);
}
END_TEST

/* n searches whose best others follow the calibration exactly, at factor times its rate. */
static void
fill(uint64_t bins[RECORD_BINS], double n, double factor)
{
	memset(bins, 0, RECORD_BINS * sizeof(bins[0]));
	if (factor < 1.0)
		bins[0] = (uint64_t)llround(n) - (uint64_t)llround(n * factor);
	for (unsigned db = 0; db < RECORD_BINS; db++) {
		double above = fmin(1.0, factor * pow(10.0, -(double)db / 10.0));
		double next = fmin(1.0, factor * pow(10.0, -(double)(db + 1) / 10.0));

		bins[db] += (uint64_t)llround(n * above) - (uint64_t)llround(n * next);
	}
}

START_TEST(nothing_is_known_without_searches)
{
	static const uint64_t none[RECORD_BINS];
	struct record_fpir f = record_fpir(none, 1e-3);

	ck_assert_uint_eq(f.searches, 0);
	ck_assert_double_eq(f.bound, 1.0);
	ck_assert(!f.refuted && !f.extrapolated);
}
END_TEST

START_TEST(what_agrees_with_the_calibration_is_never_refuted)
{
	static const double counts[] = { 10, 100, 1000, 10000, 100000, 1000000 };
	uint64_t bins[RECORD_BINS];
	double bound = 1.0;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct record_fpir f;

		fill(bins, counts[i], 1.0);
		f = record_fpir(bins, 1e-3);
		ck_assert_msg(!f.refuted, "%g searches", counts[i]);
		ck_assert_double_lt(f.bound, bound); /* the more searches the better */
		ck_assert_double_ge(f.bound, 1e-3);
		bound = f.bound;
		ck_assert_uint_eq(f.reached, (uint64_t)llround(counts[i] * 1e-3));
		ck_assert(f.extrapolated == (counts[i] == 100));
	}
	CLOSE(bound, 1.0528e-3); /* a thousand of a million */
}
END_TEST

START_TEST(few_searches_are_extrapolated_and_that_is_said)
{
	uint64_t bins[RECORD_BINS];
	struct record_fpir f;

	fill(bins, 1000, 0.1);
	f = record_fpir(bins, 1e-3);
	ck_assert_uint_eq(f.reached, 0);
	ck_assert(f.extrapolated);
	ck_assert_double_lt(f.bound, 2.99573 / 1000);
	ck_assert_double_gt(f.bound, 1e-4);
}
END_TEST

START_TEST(a_heavier_tail_refutes_the_calibration_once_it_is_seen)
{
	static const struct {
		double searches, factor;
		bool refuted;
	} rows[] = {
		{ 100, 1.5, false },     { 100000, 1.5, true }, { 3000, 4.0, true },
		{ 1000, 10.0, true },    { 100, 100.0, true },  { 10, 4.0, false },
		{ 1000000, 0.9, false },
	};
	uint64_t bins[RECORD_BINS];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fill(bins, rows[i].searches, rows[i].factor);
		ck_assert_msg(record_fpir(bins, 1e-3).refuted == rows[i].refuted,
			      "row %zu", i);
	}
	/* Two twins among a few searches: the target is missed. */
	memset(bins, 0, sizeof(bins));
	bins[0] = 100;
	bins[45] = 2;
	ck_assert(record_fpir(bins, 1e-3).refuted);
	bins[0] = 1000;
	ck_assert(!record_fpir(bins, 1e-3).refuted);
}
END_TEST

START_TEST(a_search_adds_what_was_not_the_mate)
{
	static const struct gallery_candidate c[3] = { { .score = 7550 },
						       { .score = 3599 },
						       { .score = 1200 } };
	struct record_counts a = { { { 0 } } };

	record_search(&a, WHY_ABOVE, 1000, c, 3);
	ck_assert_uint_eq(a.bins[RECORD_BEST][75], 1);
	ck_assert_uint_eq(a.bins[RECORD_IMPOSTOR][35], 1);
	ck_assert_uint_eq(a.bins[RECORD_IMPOSTOR][12], 1);
	ck_assert_uint_eq(a.bins[RECORD_IMPOSTOR][75], 0);
	ck_assert_uint_eq(a.bins[RECORD_SEARCH][5], 1); /* 35.99 - 30 */
	record_search(&a, WHY_MARGIN, 10, c, 2);
	ck_assert_uint_eq(a.bins[RECORD_SEARCH][25], 1);
	/* Who that was is not known: it may have been the mate. */
	record_search(&a, WHY_GREY, 1000, c, 3);
	record_search(&a, WHY_BELOW, 1000, &c[1], 2);
	record_search(&a, WHY_QUALITY, 1000, NULL, 0);
	ck_assert_uint_eq(a.bins[RECORD_SEARCH][5], 1);
	ck_assert_uint_eq(a.bins[RECORD_BEST][0], 1);
	ck_assert_uint_eq(a.bins[RECORD_BEST][35], 1);
	/* Found, and nobody else came near. */
	record_search(&a, WHY_ABOVE, UINT64_MAX, c, 1);
	ck_assert_uint_eq(a.bins[RECORD_SEARCH][0], 1);
}
END_TEST

UNIT_MAIN("record", wilson_intervals_are_those_of_the_books,
	  poisson_bounds_are_those_of_the_books, nothing_is_known_without_searches,
	  what_agrees_with_the_calibration_is_never_refuted,
	  few_searches_are_extrapolated_and_that_is_said,
	  a_heavier_tail_refutes_the_calibration_once_it_is_seen,
	  a_search_adds_what_was_not_the_mate)
