#include "lane_stage.h"
#include "base/clock.h"
#include "unit.h"

#include <errno.h>

/* Limits, budgets and points that outlive a checkout and a crash. */

static const char limited[] =
	RULES("{\"id\":\"once\",\"kind\":\"basket_amount\",\"scope\":{\"all\":true},"
	      "\"params\":{\"amount_minor\":100},\"who\":{\"member\":true},"
	      "\"limits\":{\"per_member\":1}},"
	      "{\"id\":\"daily\",\"kind\":\"basket_amount\",\"scope\":{\"all\":true},"
	      "\"params\":{\"amount_minor\":10},\"who\":{\"member\":true},"
	      "\"limits\":{\"per_day\":1}},"
	      "{\"id\":\"free\",\"kind\":\"basket_amount\",\"scope\":{\"all\":true},"
	      "\"params\":{\"amount_minor\":1}}");

static const char for_the_first[] =
	RULES("{\"id\":\"first\",\"kind\":\"basket_amount\",\"scope\":{\"all\":true},"
	      "\"params\":{\"amount_minor\":50},\"limits\":{\"total\":1}}");

static const char coupon[] =
	RULES("{\"id\":\"gift\",\"kind\":\"percent\",\"scope\":{\"sku\":[\"tea\"]},"
	      "\"params\":{\"percent_bp\":1000},\"who\":{\"member\":true,"
	      "\"coupon\":\"G1\"},\"limits\":{\"per_member\":1}},"
	      "{\"id\":\"tea-free\",\"kind\":\"percent\",\"scope\":{\"sku\":[\"tea\"]},"
	      "\"params\":{\"percent_bp\":10000},\"when\":{\"lanes\":[\"1\"]}}");

static const char welcome[] =
	RULES("{\"id\":\"welcome\",\"kind\":\"basket_amount\",\"scope\":{\"all\":true},"
	      "\"params\":{\"amount_minor\":30},\"who\":{\"first_purchase\":true}}");

static const char campaign[] =
	RULES("{\"id\":\"fund\",\"kind\":\"percent\",\"scope\":{\"all\":true},"
	      "\"params\":{\"percent_bp\":1000},\"limits\":{\"budget_minor\":250}}");

static const char points[] =
	RULES("{\"id\":\"earn\",\"kind\":\"points_earn\",\"scope\":{\"all\":true},"
	      "\"params\":{\"points\":1,\"per_minor\":100}},"
	      "{\"id\":\"ten\",\"kind\":\"percent\",\"scope\":{\"all\":true},"
	      "\"params\":{\"percent_bp\":1000}},"
	      "{\"id\":\"burn\",\"kind\":\"points_burn\",\"scope\":{\"all\":true},"
	      "\"params\":{\"points\":10,\"value_minor\":50}}");

static const struct ware tea = { "tea", 1000, 1 };

/* ---- limits ------------------------------------------------------------------ */

START_TEST(a_use_is_reserved_while_open_released_by_a_void_and_counted_once_when_paid)
{
	struct stage s;

	stage_setup(&s, limited);
	stage_one(&s, "T1", &tea, false);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 889);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1); /* reserved */
	ck_assert_int_eq(stage_used(&s, "a", "free"), 0); /* no limit: not kept */
	stage_cancel(&s, "T1");
	ck_assert_int_eq(stage_used(&s, "a", "once"), 0);
	stage_one(&s, "T2", &tea, false);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 889);
	stage_close_outside(&s, "T2", &tea);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_kill_and_restart(&s);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_one(&s, "T3", &tea, false);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 999); /* neither once nor daily */
	stage_claim(&s, "b");
	ck_assert_int_eq(stage_total(&s), 889);
	ck_assert_int_eq(stage_used(&s, "b", "once"), 1);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_teardown(&s);
}
END_TEST

START_TEST(after_a_crash_the_basket_is_priced_the_same_with_its_reservation)
{
	struct stage s;

	stage_setup(&s, limited);
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 889);
	for (int i = 0; i < 3; i++) {
		stage_kill_and_restart(&s);
		ck_assert_int_eq(stage_total(&s), 889);
		ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_CONFIRMING);
		ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
		ck_assert_int_eq(s.offered_total, 889);
	}
	stage_close_outside(&s, "T1", &tea);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	ck_assert_int_eq(stage_used(&s, "a", "daily"), 1);
	stage_teardown(&s);
}
END_TEST

START_TEST(a_suspended_ticket_and_the_next_one_share_the_limit)
{
	struct stage s;

	stage_setup(&s, limited);
	stage_one(&s, "T1", &tea, false);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 889);
	/* The POS suspends T1 and begins another: T1 is let go, with what it reserved. */
	stage_one(&s, "T2", &tea, false);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 0);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 889);
	/* T1 goes on: now T2 is let go. */
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 889);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_close_outside(&s, "T1", &tea);
	stage_one(&s, "T2", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 999);
	stage_close_outside(&s, "T2", &tea);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_teardown(&s);
}
END_TEST

START_TEST(a_ticket_left_behind_after_its_total_has_used_its_limit)
{
	struct stage s;

	stage_setup(&s, limited);
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	stage_one(&s, "T2", &tea, true); /* T1 was paid outside, and nobody told */
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 999);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_teardown(&s);
}
END_TEST

START_TEST(what_the_full_disk_did_not_take_still_counts)
{
	struct stage s;

	stage_setup(&s, limited);
	s.disk_full = true;
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 889);
	stage_close_outside(&s, "T1", &tea);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 0); /* not in the journal yet */
	stage_one(&s, "T2", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 999);
	s.disk_full = false;
	s.now.mono_ms += 6000;
	stage_close_outside(&s, "T2", &tea);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_one(&s, "T3", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 999);
	stage_teardown(&s);
}
END_TEST

START_TEST(where_no_more_can_be_kept_no_limited_offer_applies)
{
	char ticket[16];
	struct stage s;

	stage_setup(&s, for_the_first);
	s.disk_full = true;
	for (int i = 0; i < 8; i++) {
		(void)snprintf(ticket, sizeof(ticket), "T%d", i);
		stage_one(&s, ticket, &tea, true);
		ck_assert_int_eq(stage_total(&s), i == 0 ? 950 : 1000);
		stage_close_outside(&s, ticket, &tea);
	}
	stage_teardown(&s);
}
END_TEST

START_TEST(a_limit_in_all_holds_for_strangers_too)
{
	struct stage s;

	stage_setup(&s, for_the_first);
	stage_one(&s, "T1", &tea, false);
	ck_assert_int_eq(stage_total(&s), 950);
	stage_cancel(&s, "T1");
	stage_one(&s, "T2", &tea, true);
	ck_assert_int_eq(stage_total(&s), 950);
	stage_close_outside(&s, "T2", &tea);
	stage_one(&s, "T3", &tea, true);
	ck_assert_int_eq(stage_total(&s), 1000);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 1000);
	stage_kill_and_restart(&s);
	ck_assert_int_eq(stage_total(&s), 1000);
	stage_teardown(&s);
}
END_TEST

START_TEST(uses_that_cannot_be_read_switch_limited_offers_off)
{
	struct stage s;

	stage_setup(&s, limited);
	s.unreadable = true;
	stage_one(&s, "T1", &tea, false);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 999); /* the one without a limit */
	stage_teardown(&s);
}
END_TEST

START_TEST(a_day_is_the_business_day_on_which_the_checkout_began)
{
	struct stage s;

	stage_setup(&s, limited);
	stage_one(&s, "T1", &tea, false);
	stage_claim(&s, "a");
	stage_close_outside(&s, "T1", &tea);
	/* Begun on the same day, told who after the change of day: still that day's. */
	stage_one(&s, "T2", &tea, false);
	s.now.wall_ms += STAGE_DAY_MS;
	s.now.business_day++;
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 999);
	stage_cancel(&s, "T2");
	stage_one(&s, "T3", &tea, false);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 989); /* daily again; once is over */
	stage_teardown(&s);
}
END_TEST

static void
set_clock(struct stage *s, const char *zone, int32_t day_start, const char *moment)
{
	int64_t wall_ms = 0, mono_ms = s->now.mono_ms;

	ck_assert_int_eq(rfc3339_parse(str_of(moment), &wall_ms, NULL), 0);
	ck_assert_int_eq(clock_at(zone, day_start, wall_ms, &s->now), 0);
	s->now.mono_ms = mono_ms + 1000;
}

/* Two purchases of one member near a switch of the clocks; a day begins at so many minutes. */
START_TEST(once_a_day_is_once_a_business_day_also_when_the_clocks_change)
{
	static const struct {
		const char *zone, *first, *second;
		int32_t day_start;
		bool same;
	} rows[] = {
		/* Half past two comes twice: the first one begins the day. */
		{ "Europe/Berlin", "2026-10-25T00:10:00Z", "2026-10-25T01:10:00Z", 150,
		  false }, /* 02:10 and 02:10 again */
		{ "Europe/Berlin", "2026-10-25T00:35:00Z", "2026-10-25T01:10:00Z", 150,
		  true }, /* 02:35, then 02:10 */
		{ "Europe/Berlin", "2026-10-24T22:30:00Z", "2026-10-25T00:20:00Z", 150,
		  true }, /* over midnight is no new day */
		{ "Europe/Berlin", "2026-10-24T03:00:00Z", "2026-10-25T02:59:00Z", 240,
		  true }, /* a day of 25 hours */
		{ "Europe/Berlin", "2026-10-24T03:00:00Z", "2026-10-25T03:00:00Z", 240,
		  false },
		/* Half past two never comes: three begins the day. */
		{ "Europe/Berlin", "2027-03-28T00:59:00Z", "2027-03-28T01:00:00Z", 150,
		  false },
		{ "Europe/Berlin", "2027-03-27T03:00:00Z", "2027-03-28T01:59:00Z", 240,
		  true }, /* a day of 23 hours */
		{ "Europe/Berlin", "2027-03-27T03:00:00Z", "2027-03-28T02:00:00Z", 240,
		  false },
		{ "America/New_York", "2026-11-01T05:35:00Z", "2026-11-01T06:10:00Z", 90,
		  true }, /* 01:35, then 01:10 */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stage s;

		stage_setup(&s, limited);
		set_clock(&s, rows[i].zone, rows[i].day_start, rows[i].first);
		stage_one(&s, "T1", &tea, false);
		stage_claim(&s, "a");
		stage_close_outside(&s, "T1", &tea);
		set_clock(&s, rows[i].zone, rows[i].day_start, rows[i].second);
		stage_one(&s, "T2", &tea, false);
		stage_claim(&s, "a");
		ck_assert_msg(stage_total(&s) == (rows[i].same ? 999 : 989),
			      "%s, then %s: %lld", rows[i].first, rows[i].second,
			      (long long)stage_total(&s));
		stage_teardown(&s);
	}
}
END_TEST

START_TEST(a_single_coupon_is_not_used_up_where_it_saves_nothing)
{
	struct stage s;

	stage_setup(&s, coupon);
	stage_one(&s, "T1", &tea, false);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 900);
	ck_assert_int_eq(stage_used(&s, "a", "gift"), 1);
	stage_cancel(&s, "T1");
	s.lane = "1"; /* where the tea is free, the coupon takes nothing off */
	stage_stop(&s);
	stage_start(&s);
	stage_one(&s, "T2", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 0);
	ck_assert_int_eq(stage_used(&s, "a", "gift"), 0);
	stage_close_outside(&s, "T2", &tea);
	ck_assert_int_eq(stage_used(&s, "a", "gift"), 0);
	stage_teardown(&s);
}
END_TEST

START_TEST(the_second_purchase_is_not_the_first_whatever_the_cache_says)
{
	struct stage s;

	stage_setup(&s, welcome);
	s.first_purchase = true;
	stage_one(&s, "T1", &tea, false);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 970);
	stage_close_outside(&s, "T1", &tea);
	stage_one(&s, "T2", &tea, false);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 1000);
	stage_teardown(&s);
}
END_TEST

static int64_t
spent(struct stage *s, const char *rule)
{
	struct journal_uses_query q = { .business_day = s->now.business_day };
	struct lane_use list[8];
	uint32_t count = 0;

	ck_assert_int_eq(s->journal.ops->uses(s->journal.impl, &q, list, 8, &count), 0);
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(list[i].rule, rule) == 0)
			return list[i].budget_used_minor;
	}
	return 0;
}

START_TEST(a_campaign_spends_its_budget_and_not_a_cent_more)
{
	const struct ware dear = { "x", 1700, 1 }, last = { "y", 800, 1 };
	struct stage s;

	stage_setup(&s, campaign);
	stage_one(&s, "T1", &dear, true);
	ck_assert_int_eq(stage_total(&s), 1530);
	ck_assert_int_eq(spent(&s, "fund"), 170); /* reserved, in money */
	stage_kill_and_restart(&s);
	ck_assert_int_eq(stage_total(&s), 1530);
	stage_close_outside(&s, "T1", &dear);
	ck_assert_int_eq(spent(&s, "fund"), 170);
	stage_one(&s, "T2", &tea, true); /* would take 100, and 80 are left */
	ck_assert_int_eq(stage_total(&s), 1000);
	stage_cancel(&s, "T2");
	stage_one(&s, "T3", &last, true);
	ck_assert_int_eq(stage_total(&s), 720);
	stage_close_outside(&s, "T3", &last);
	ck_assert_int_eq(spent(&s, "fund"), 250);
	stage_one(&s, "T4", &last, true);
	ck_assert_int_eq(stage_total(&s), 800);
	stage_teardown(&s);
}
END_TEST

static int64_t
points_of(struct stage *s, uint32_t checkout)
{
	return mem_journal_checkout(s->memory, checkout)->points;
}

START_TEST(points_are_shown_and_kept_with_the_checkout_once)
{
	struct stage s;
	const struct lane_display *d;

	stage_setup(&s, points);
	d = lane_core_display(s.core);
	stage_one(&s, "T1", &tea, true);
	ck_assert_int_eq(d->points_earned, 0); /* of a stranger */
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 900);
	ck_assert_int_eq(d->points_balance, 47);
	ck_assert_int_eq(d->points_earned, 9); /* on what is paid */
	ck_assert_int_eq(d->burn_points, 40);
	ck_assert_int_eq(d->burn_minor, 200);
	ck_assert_int_eq(d->due_minor, 900); /* a tender of the POS, not ours */
	stage_kill_and_restart(&s);
	d = lane_core_display(s.core);
	ck_assert_int_eq(d->points_earned, 9);
	stage_close_outside(&s, "T1", &tea);
	stage_kill_and_restart(&s);
	ck_assert_uint_eq(mem_journal_checkouts_count(s.memory), 1);
	ck_assert_int_eq(mem_journal_checkout(s.memory, 0)->phase, PHASE_DONE);
	ck_assert_int_eq(points_of(&s, 0), 9);
	stage_one(&s, "T2", &tea, true);
	stage_claim(&s, "a");
	stage_cancel(&s, "T2");
	ck_assert_int_eq(points_of(&s, 1), 0); /* nothing was bought */
	stage_teardown(&s);
}
END_TEST

START_TEST(late_baskets_of_any_of_the_last_tickets_open_nothing_after_a_restart)
{
	char ticket[16];
	struct stage s;

	stage_setup(&s, limited);
	for (int i = 0; i < 12; i++) {
		(void)snprintf(ticket, sizeof(ticket), "T%d", i);
		stage_one(&s, ticket, &tea, true);
		stage_close_outside(&s, ticket, &tea);
	}
	stage_kill_and_restart(&s);
	for (int i = 0; i < 12; i++) {
		struct lane_event ev = { .kind = LANE_EV_BASKET };

		(void)snprintf(ticket, sizeof(ticket), "T%d", i);
		ev.basket.ticket = str_of(ticket);
		ev.basket.rev = ++s.rev;
		ev.basket.currency = STR("EUR");
		stage_give(&s, &ev, -EALREADY);
	}
	ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_IDLE);
	stage_teardown(&s);
}
END_TEST

/* ---- offers that the POS was not told ---------------------------------------- */

START_TEST(an_offer_that_the_adapter_does_not_take_uses_no_limit_up)
{
	struct stage s;

	stage_setup(&s, limited);
	s.offer_error = -ENOTCONN;
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 889); /* ours; the POS does not know it */
	ck_assert_int_eq(stage_used(&s, "a", "once"), 0);
	stage_close_outside(&s, "T1", &tea); /* it sold at its own price */
	ck_assert_int_eq(stage_used(&s, "a", "once"), 0);
	s.offer_error = 0;
	stage_one(&s, "T2", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 889);
	stage_close_outside(&s, "T2", &tea);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_teardown(&s);
}
END_TEST

/* The adapter's word comes after the step: by a refusal, or by a completion. */
static void
refuse_late(struct stage *s, bool completion, uint32_t offer)
{
	struct lane_event ev = { .kind = LANE_EV_SUBMIT_REFUSED };

	if (completion) {
		ev.kind = LANE_EV_COMPLETION;
		ev.completion.op = LANE_OP_OFFER;
		ev.completion.outcome = OUTCOME_NOT_SENT;
		ev.completion.offer = offer;
	} else {
		ev.submit.op = LANE_OP_OFFER;
		ev.submit.offer = offer;
	}
	stage_give(s, &ev, 0);
}

START_TEST(a_late_refusal_gives_back_what_its_offer_reserved)
{
	static const struct ware more = { "tea", 1000, 2 };

	for (int completion = 0; completion < 2; completion++) {
		struct stage s;
		uint32_t told;

		stage_setup(&s, limited);
		stage_one(&s, "T1", &tea, false);
		told = s.offer;
		stage_claim(&s, "a");
		refuse_late(&s, completion != 0, told); /* of an earlier one: no news */
		ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
		refuse_late(&s, completion != 0, s.offer);
		ck_assert_int_eq(stage_used(&s, "a", "once"), 0);
		stage_kill_and_restart(&s); /* told again, and taken */
		ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
		stage_one(&s, "T1", &more, true);
		ck_assert_int_eq(stage_total(&s), 1889);
		stage_close_outside(&s, "T1", &more);
		ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
		stage_teardown(&s);
	}
}
END_TEST

START_TEST(what_was_told_before_a_refused_offer_stays_reserved)
{
	static const struct ware none = { "tea", 5, 1 };
	struct stage s;

	stage_setup(&s, limited);
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	/* The next price uses less, and the POS was not told of it: it may sell at the old one. */
	s.offer_error = -ENOTCONN;
	stage_one(&s, "T1", &none, true);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_teardown(&s);
}
END_TEST

static void
set_link(struct stage *s, bool up)
{
	struct lane_event link = { .kind = LANE_EV_ADAPTER, .up = up };

	stage_give(s, &link, 0);
}

/* Other members claim, or the member is taken off, while the POS cannot be told of it. */
START_TEST(what_the_pos_sells_to_the_member_before_is_counted_to_that_one)
{
	struct lane_event off = { .kind = LANE_EV_REMOVE_MEMBER };

	for (int removed = 0; removed < 2; removed++) {
		struct stage s;

		stage_setup(&s, limited);
		stage_one(&s, "T1", &tea, true);
		stage_claim(&s, "a");
		ck_assert_int_eq(s.offered_total, 889);
		set_link(&s, false);
		if (removed) {
			stage_give(&s, &off, 0);
		} else {
			stage_claim(&s, "b");
			stage_claim(&s, "c");
			ck_assert_int_eq(stage_used(&s, "c", "once"), 1);
		}
		ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
		ck_assert_int_eq(stage_used(&s, "b", "once"), 0);
		stage_close_outside(&s, "T1", &tea);
		ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
		ck_assert_int_eq(stage_used(&s, "a", "daily"), 1);
		ck_assert_int_eq(stage_used(&s, "b", "once"), 0);
		ck_assert_int_eq(stage_used(&s, "c", "once"), 0);
		stage_teardown(&s);
	}
}
END_TEST

START_TEST(once_the_pos_is_told_of_the_next_member_nothing_is_left_with_the_one_before)
{
	struct stage s;

	stage_setup(&s, limited);
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	set_link(&s, false);
	stage_claim(&s, "b");
	set_link(&s, true);
	ck_assert_int_eq(s.offered_total, 889);
	stage_close_outside(&s, "T1", &tea);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 0);
	ck_assert_int_eq(stage_used(&s, "b", "once"), 1);
	stage_teardown(&s);
}
END_TEST

/* Nobody knows which of the two prices it sells at: it counts for both. */
START_TEST(a_crash_at_another_s_claim_loses_no_use)
{
	struct stage s;

	stage_setup(&s, limited);
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	set_link(&s, false);
	stage_claim(&s, "b");
	s.offer_error = -ENOTCONN;
	stage_kill_and_restart(&s);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	ck_assert_int_eq(stage_used(&s, "b", "once"), 1);
	stage_close_outside(&s, "T1", &tea);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	ck_assert_int_eq(stage_used(&s, "b", "once"), 1);
	stage_teardown(&s);
}
END_TEST

/* The adapter comes back: the same price is told once more, and now it is taken. */
START_TEST(a_refused_offer_that_is_told_again_reserves_again)
{
	struct lane_event link = { .kind = LANE_EV_ADAPTER, .up = false };
	struct stage s;

	stage_setup(&s, limited);
	s.offer_error = -ENOTCONN;
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_used(&s, "a", "once"), 0);
	s.offer_error = 0;
	stage_give(&s, &link, 0);
	link.up = true;
	stage_give(&s, &link, 0);
	ck_assert_int_eq(s.offered_total, 889);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_close_outside(&s, "T1", &tea);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_teardown(&s);
}
END_TEST

/* A folder that cannot be written for a while: the shopper is not stuck with it. */
START_TEST(a_refused_offer_is_made_again_after_a_while_and_not_in_a_hurry)
{
	struct lane_event tick = { .kind = LANE_EV_TICK };
	struct stage s;
	uint32_t wakeups = 0;

	stage_setup(&s, limited);
	s.offer_error = -ENOTCONN;
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	for (; s.now.mono_ms < 600000; wakeups++) {
		int64_t at = lane_core_deadline(s.core);

		ck_assert_int_gt(at, s.now.mono_ms);
		s.now.mono_ms = at;
		stage_give(&s, &tick, 0);
	}
	ck_assert_uint_ge(wakeups, 8);
	ck_assert_uint_le(wakeups, 16); /* 5, 10, 20, 40, 80, 80 ... s */
	ck_assert_int_eq(stage_used(&s, "a", "once"), 0);
	s.offer_error = 0;
	s.now.mono_ms = lane_core_deadline(s.core);
	stage_give(&s, &tick, 0);
	ck_assert_int_eq(s.offered_total, 889);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_teardown(&s);
}
END_TEST

START_TEST(where_the_pos_prices_our_offers_use_no_limit_up)
{
	struct stage s;

	stage_setup(&s, limited);
	s.price_pos = true;
	stage_stop(&s);
	stage_start(&s);
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 1000);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 0);
	stage_close_outside(&s, "T1", &tea);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 0);
	ck_assert_int_eq(stage_used(&s, "a", "daily"), 0);
	stage_teardown(&s);
}
END_TEST

/* Half of what the ticket costs is paid by the token of who stands there. */
static void
pay_a_part(struct stage *s)
{
	struct lane_event ev = { .kind = LANE_EV_TOUCH };
	struct lane_env env = stage_environment(s);

	env.payment.partial_ok = true;
	ck_assert_int_eq(lane_core_set_env(s->core, &env), 0);
	ev.touch.probe = STR("p1");
	ev.touch.reader = STR("r1");
	stage_give(s, &ev, 0);
	ev = (struct lane_event){ .kind = LANE_EV_VERIFIED };
	ev.bio.probe = STR("p1");
	ev.bio.outcome = BIO_ACCEPT;
	stage_give(s, &ev, 0);
	ck_assert_uint_eq(s->asked, 1);
	ev = (struct lane_event){ .kind = LANE_EV_JOURNAL_WANTED };
	ev.journal.key = s->key;
	ev.journal.req = STR("1");
	stage_give(s, &ev, 0);
	ev = (struct lane_event){ .kind = LANE_EV_COMPLETION };
	ev.completion.op = LANE_OP_PAY;
	ev.completion.key = s->key;
	ev.completion.outcome = OUTCOME_PARTIAL;
	ev.completion.has_amount = true;
	ev.completion.amount_minor = 400;
	stage_give(s, &ev, 0);
	ev.completion.op = LANE_OP_CONFIRM;
	ev.completion.outcome = OUTCOME_CONFIRMED;
	stage_give(s, &ev, 0);
}

START_TEST(who_claims_after_a_part_is_paid_does_not_get_the_uses_of_its_price)
{
	static const struct ware more = { "tea", 1100, 1 };
	const struct ware *const ends[] = { &tea, &more };

	for (size_t i = 0; i < 2; i++) {
		struct stage s;

		stage_setup(&s, limited);
		stage_one(&s, "T1", &tea, true);
		stage_claim(&s, "a");
		pay_a_part(&s);
		stage_claim(&s, "b");
		ck_assert_int_eq(stage_total(&s), 889);
		stage_close_outside(&s, "T1", ends[i]);
		ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
		ck_assert_int_eq(stage_used(&s, "b", "once"), 0);
		stage_teardown(&s);
	}
}
END_TEST

START_TEST(the_same_lines_again_after_a_part_keep_their_price_and_are_offered_once_more)
{
	struct stage s;

	stage_setup(&s, limited);
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	pay_a_part(&s);
	stage_claim(&s, "b");
	stage_swap_rules(&s, limited);
	stage_one(&s, "T1", &tea, true);
	ck_assert_int_eq(stage_total(&s), 889);
	ck_assert_int_eq(s.offered_total, 889);
	ck_assert_uint_eq(s.offered_rev, s.rev);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	ck_assert_int_eq(stage_used(&s, "b", "once"), 0);
	stage_teardown(&s);
}
END_TEST

UNIT_MAIN("lane_limits",
	  who_claims_after_a_part_is_paid_does_not_get_the_uses_of_its_price,
	  the_same_lines_again_after_a_part_keep_their_price_and_are_offered_once_more,
	  a_use_is_reserved_while_open_released_by_a_void_and_counted_once_when_paid,
	  after_a_crash_the_basket_is_priced_the_same_with_its_reservation,
	  a_suspended_ticket_and_the_next_one_share_the_limit,
	  a_ticket_left_behind_after_its_total_has_used_its_limit,
	  what_the_full_disk_did_not_take_still_counts,
	  where_no_more_can_be_kept_no_limited_offer_applies,
	  a_limit_in_all_holds_for_strangers_too,
	  uses_that_cannot_be_read_switch_limited_offers_off,
	  a_day_is_the_business_day_on_which_the_checkout_began,
	  once_a_day_is_once_a_business_day_also_when_the_clocks_change,
	  a_single_coupon_is_not_used_up_where_it_saves_nothing,
	  the_second_purchase_is_not_the_first_whatever_the_cache_says,
	  a_campaign_spends_its_budget_and_not_a_cent_more,
	  points_are_shown_and_kept_with_the_checkout_once,
	  late_baskets_of_any_of_the_last_tickets_open_nothing_after_a_restart,
	  an_offer_that_the_adapter_does_not_take_uses_no_limit_up,
	  a_late_refusal_gives_back_what_its_offer_reserved,
	  what_was_told_before_a_refused_offer_stays_reserved,
	  what_the_pos_sells_to_the_member_before_is_counted_to_that_one,
	  once_the_pos_is_told_of_the_next_member_nothing_is_left_with_the_one_before,
	  a_crash_at_another_s_claim_loses_no_use,
	  a_refused_offer_that_is_told_again_reserves_again,
	  a_refused_offer_is_made_again_after_a_while_and_not_in_a_hurry,
	  where_the_pos_prices_our_offers_use_no_limit_up)
