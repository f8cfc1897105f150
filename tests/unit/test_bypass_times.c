/*
 * The times and the counts of the bypass, to the millisecond and to the last transaction; and how long a
 * plug-in waits for the journal.
 */
#include "adapter/bridge.h"
#include "adapter/bypass.h"

#include "unit.h"

/* PAYMENTS.md: with laned unreachable for 300 ms. */
START_TEST(the_grace_is_300_ms)
{
	ck_assert_int_eq(BYPASS_GRACE_MS, 300);
}
END_TEST

/* PAYMENTS.md, Durability: limit 2 s. */
START_TEST(the_journal_has_2_s_to_answer)
{
	ck_assert_int_eq(BRIDGE_JOURNAL_MS, 2000);
}
END_TEST

START_TEST(a_start_waits_for_laned_as_long_and_no_longer)
{
	struct bypass b;

	bypass_init(&b, 5000);
	ck_assert_int_eq(b.grace_until_ms, 5300);
	ck_assert_int_eq(b.since_ms, 5000);
	ck_assert(!bypass_tick(&b, 5299));
	ck_assert_int_eq(bypass_route(&b), BYPASS_ROUTE_WAIT);
	ck_assert(bypass_tick(&b, 5300));
	ck_assert(bypass_is_on(&b));
	/* It has not been there at all: it is not waited for a second time. */
	ck_assert(!bypass_tick(&b, 6000));
	ck_assert_int_eq(b.grace_until_ms, INT64_MAX);
}
END_TEST

/* Ready first, laned a moment later: the wait began with the start's own clock. */
START_TEST(a_plug_in_that_is_ready_waits_for_laned_anew)
{
	struct bypass b;

	bypass_init(&b, 0);
	(void)bypass_event(&b, BYPASS_PLUGIN_READY, 200); /* the times tell */
	ck_assert_int_eq(b.grace_until_ms, 500);
	ck_assert(!bypass_tick(&b, 499));
	(void)bypass_event(&b, BYPASS_LANED_HERE, 499); /* as above */
	ck_assert_int_eq(bypass_route(&b), BYPASS_ROUTE_PLUGIN);
	ck_assert_int_eq(b.grace_until_ms, INT64_MAX);
	ck_assert(!bypass_tick(&b, 100000));
}
END_TEST

START_TEST(each_relayed_transaction_is_waited_for)
{
	struct bypass b;

	bypass_init(&b, 0);
	(void)bypass_event(&b, BYPASS_PLUGIN_GONE, 0);
	(void)bypass_event(&b, BYPASS_LANED_HERE, 0);
	for (unsigned n = 1; n <= 3; n++) {
		ck_assert(!bypass_relayed(&b, 1, 10));
		ck_assert_uint_eq(b.relayed, n);
	}
	(void)bypass_event(&b, BYPASS_PLUGIN_READY, 20);
	ck_assert_int_eq(b.state, BYPASS_LEAVING);
	ck_assert(!bypass_relayed(&b, -1, 30));
	ck_assert(!bypass_relayed(&b, -1, 40));
	ck_assert_int_eq(bypass_route(&b), BYPASS_ROUTE_TERMINAL);
	ck_assert(bypass_relayed(&b, -1, 50));
	ck_assert_int_eq(bypass_route(&b), BYPASS_ROUTE_PLUGIN);
	ck_assert_int_eq(b.since_ms, 50);
	ck_assert_uint_eq(b.relayed, 0);
}
END_TEST

UNIT_MAIN("bypass_times", the_grace_is_300_ms, the_journal_has_2_s_to_answer,
	  a_start_waits_for_laned_as_long_and_no_longer,
	  a_plug_in_that_is_ready_waits_for_laned_anew,
	  each_relayed_transaction_is_waited_for)
