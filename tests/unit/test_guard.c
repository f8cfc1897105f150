#include "unit.h"

#include "bio/guard.h"

#define START_MS INT64_C(5000000)

static void
fail_at(struct guard *g, unsigned times, int64_t now_ms)
{
	for (unsigned i = 0; i < times; i++)
		guard_failed(g, now_ms);
}

START_TEST(a_few_failures_have_no_consequence)
{
	struct guard g = { 0 };

	ck_assert_int_eq(guard_wait_ms(&g, START_MS), 0);
	fail_at(&g, GUARD_FREE, START_MS);
	ck_assert_int_eq(guard_wait_ms(&g, START_MS), 0);
	ck_assert(!guard_wants_code(&g, START_MS));
	ck_assert_uint_eq(guard_level(&g, START_MS), GUARD_FREE);
}
END_TEST

START_TEST(each_further_failure_doubles_the_wait)
{
	static const int64_t waits[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
	struct guard g = { 0 };

	fail_at(&g, GUARD_FREE, START_MS);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		fail_at(&g, 1, START_MS);
		ck_assert_int_eq(guard_wait_ms(&g, START_MS), waits[i]);
		ck_assert_int_eq(guard_wait_ms(&g, START_MS + 300), waits[i] - 300);
	}
	ck_assert_int_eq(guard_wait_ms(&g, START_MS + 30000), 0);
}
END_TEST

START_TEST(many_failures_want_a_search_code_until_they_have_leaked_away)
{
	struct guard g = { 0 };
	int64_t later = START_MS + 2 * GUARD_LEAK_MS;

	fail_at(&g, GUARD_CODE, START_MS);
	ck_assert(!guard_wants_code(&g, START_MS));
	fail_at(&g, 2, START_MS);
	ck_assert(guard_wants_code(&g, START_MS));
	ck_assert(guard_wants_code(&g, later - 1));
	ck_assert(!guard_wants_code(&g, later));
	fail_at(&g, 1000, START_MS);
	ck_assert_uint_eq(guard_level(&g, START_MS), GUARD_LEVEL_MAX);
	ck_assert_uint_eq(
		guard_level(&g, START_MS + (int64_t)GUARD_LEVEL_MAX * GUARD_LEAK_MS), 0);
}
END_TEST

START_TEST(strangers_at_a_busy_lane_never_reach_the_back_off)
{
	struct guard g = { 0 };

	for (unsigned minute = 0; minute < 600; minute++) {
		int64_t now = START_MS + minute * INT64_C(60000);

		for (unsigned finger = 0; finger < 3; finger++) {
			ck_assert_int_eq(guard_wait_ms(&g, now + finger * 4000), 0);
			fail_at(&g, 1, now + finger * 4000);
		}
	}
}
END_TEST

START_TEST(leaking_in_pieces_is_leaking_at_once)
{
	struct guard g = { 0 };

	fail_at(&g, 10, START_MS);
	for (int64_t t = 0; t < 5; t++)
		fail_at(&g, 1, START_MS + t * (GUARD_LEAK_MS - 1000));
	/* 76 s: three drops have leaked, not the parts of drops in between. */
	ck_assert_uint_eq(guard_level(&g, START_MS + 4 * (GUARD_LEAK_MS - 1000)),
			  10 + 5 - 3);
}
END_TEST

START_TEST(a_restart_forgives_nothing)
{
	struct guard g = { 0 }, again;

	fail_at(&g, GUARD_CODE + 5, START_MS);
	/* Of the process: the clock goes on. */
	guard_restore(&again, &g, START_MS + 1000);
	ck_assert_int_eq(guard_wait_ms(&again, START_MS + 1000), 29000);
	ck_assert(guard_wants_code(&again, START_MS + 1000));
	/* Of the machine: the clock begins anew, and so does the time to wait. */
	guard_restore(&again, &g, 7000);
	ck_assert_int_eq(guard_wait_ms(&again, 7000), 30000);
	ck_assert_uint_eq(guard_level(&again, 7000), GUARD_CODE + 5);
	ck_assert_uint_eq(guard_level(&again, 7000 + GUARD_LEAK_MS), GUARD_CODE + 4);
}
END_TEST

START_TEST(what_was_altered_is_no_way_out)
{
	static const struct guard kept[] = {
		{ UINT32_MAX, 0, 0 },
		{ 20, INT64_MAX, INT64_MAX },
		{ 20, INT64_MIN, INT64_MIN },
		{ 20, -1, START_MS },
	};
	struct guard g;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		guard_restore(&g, &kept[i], START_MS);
		ck_assert_uint_le(guard_level(&g, START_MS), GUARD_LEVEL_MAX);
		ck_assert_int_le(guard_wait_ms(&g, START_MS), GUARD_WAIT_MAX_MS);
		ck_assert(i == 0 || guard_wants_code(&g, START_MS));
	}
}
END_TEST

UNIT_MAIN("guard", a_few_failures_have_no_consequence,
	  each_further_failure_doubles_the_wait,
	  many_failures_want_a_search_code_until_they_have_leaked_away,
	  strangers_at_a_busy_lane_never_reach_the_back_off,
	  leaking_in_pieces_is_leaking_at_once, a_restart_forgives_nothing,
	  what_was_altered_is_no_way_out)
