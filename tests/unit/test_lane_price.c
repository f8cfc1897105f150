#include "lane_stage.h"
#include "unit.h"

/*
 * Prices in the running lane: what offers do to each line, and other rules under a checkout that
 * goes on.
 */

static const char languages[] =
	RULES("{\"id\":\"tea-20\",\"kind\":\"percent\",\"scope\":{\"sku\":[\"tea\"]},"
	      "\"params\":{\"percent_bp\":2000},"
	      "\"text\":{\"en\":\"20 % off tea\",\"de\":\"20 % auf Tee\","
	      "\"fr\":\"20 % sur le thé\"}},"
	      "{\"id\":\"jam-10\",\"kind\":\"percent\",\"scope\":{\"sku\":[\"jam\"]},"
	      "\"params\":{\"percent_bp\":1000},\"text\":{\"en\":\"10 % off jam\"}},"
	      "{\"id\":\"salt-5\",\"kind\":\"amount\",\"scope\":{\"sku\":[\"salt\"]},"
	      "\"params\":{\"amount_minor\":5}}");

static const char three_for_two[] =
	RULES("{\"id\":\"3-for-2\",\"kind\":\"buy_get\",\"scope\":{\"sku\":[\"soap\"]},"
	      "\"params\":{\"buy\":2,\"get\":1,\"percent_bp\":10000},"
	      "\"text\":{\"en\":\"3 for 2\"}}");

static const char half_off[] =
	RULES("{\"id\":\"half\",\"kind\":\"percent\",\"scope\":{\"all\":true,"
	      "\"exclude_reduced\":true},\"params\":{\"percent_bp\":5000}}");

static const char limited[] =
	RULES("{\"id\":\"once\",\"kind\":\"basket_amount\",\"scope\":{\"all\":true},"
	      "\"params\":{\"amount_minor\":100},\"who\":{\"member\":true},"
	      "\"limits\":{\"per_member\":1}},"
	      "{\"id\":\"daily\",\"kind\":\"basket_amount\",\"scope\":{\"all\":true},"
	      "\"params\":{\"amount_minor\":10},\"who\":{\"member\":true},"
	      "\"limits\":{\"per_day\":1}},"
	      "{\"id\":\"free\",\"kind\":\"basket_amount\",\"scope\":{\"all\":true},"
	      "\"params\":{\"amount_minor\":1}}");

static const struct ware tea = { "tea", 1000, 1 };

/* ---- lines ------------------------------------------------------------------ */

START_TEST(each_line_says_what_it_costs_and_why_in_the_shopper_s_language)
{
	static const struct {
		const char *member, *tea, *jam, *salt;
	} cases[] = {
		{ "en", "20 % off tea", "10 % off jam", "salt-5" },
		{ "de", "20 % auf Tee", "10 % off jam", "salt-5" },
		{ "fr", "20 % sur le thé", "10 % off jam", "salt-5" },
		{ "de-AT", "20 % auf Tee", "10 % off jam", "salt-5" },
		{ "et", "20 % auf Tee", "10 % off jam", "salt-5" }, /* the lane's: de */
		{ "", "20 % auf Tee", "10 % off jam", "salt-5" },
	};
	const struct ware wares[] = { { "salt", 50, 2 },
				      { "tea", 250, 2 },
				      { "jam", 300, 1 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *want[] = { cases[i].salt, cases[i].tea, cases[i].jam };
		const int64_t nets[] = { 90, 400, 270 };
		struct basket_line lines[3];
		struct lane_lines all;
		struct stage s;

		stage_setup(&s, languages);
		s.language = cases[i].member;
		for (uint32_t k = 0; k < 3;
		     k++) /* 9, 5, 1: not in the order of their numbers */
			lines[k] = stage_line_of(9 - 4 * k, &wares[k]);
		stage_basket(&s, "T1", lines, 3, false);
		stage_claim(&s, "a");
		lane_core_lines(s.core, &all);
		ck_assert_uint_eq(all.count, 3);
		ck_assert_uint_eq(all.discounts_count, 3);
		for (uint32_t k = 0; k < 3; k++) {
			ck_assert(all.lines[k].has_net);
			ck_assert_int_eq(all.lines[k].net_minor, nets[k]);
			for (uint32_t d = 0; d < 3; d++)
				if (all.discounts[d].line == all.lines[k].line)
					ck_assert_msg(
						str_is(all.discounts[d].text, want[k]),
						"%s: %.*s", cases[i].member,
						(int)all.discounts[d].text.n,
						all.discounts[d].text.p);
		}
		ck_assert_int_eq(stage_total(&s), 760);
		ck_assert_int_eq(s.offered_total, 760);
		ck_assert_int_eq(s.discount_sum, 140);
		stage_teardown(&s);
	}
}
END_TEST

START_TEST(one_more_is_told_with_its_line_and_what_it_saves)
{
	const struct ware two = { "soap", 300, 2 }, three = { "soap", 300, 3 };
	struct stage s;
	const struct lane_display *d;

	stage_setup(&s, three_for_two);
	d = lane_core_display(s.core);
	stage_one(&s, "T1", &two, false);
	ck_assert_str_eq(d->hint_rule, "3-for-2");
	ck_assert_str_eq(d->hint_text, "3 for 2");
	ck_assert_uint_eq(d->hint_line, 1);
	ck_assert_int_eq(d->hint_saving_minor, 300);
	stage_one(&s, "T1", &three, false);
	ck_assert_str_eq(d->hint_rule, "");
	ck_assert_int_eq(d->total_minor, 600); /* the hint was true */
	stage_teardown(&s);
}
END_TEST

START_TEST(a_stranger_s_total_says_what_joining_now_would_save)
{
	struct stage s;
	const struct lane_display *d;
	int64_t would_save;

	stage_setup(&s, limited);
	d = lane_core_display(s.core);
	stage_one(&s, "T1", &tea, false);
	ck_assert_int_eq(d->join_saving_minor, 0); /* not before the total */
	stage_one(&s, "T1", &tea, true);
	ck_assert_int_eq(d->total_minor, 999);
	ck_assert_int_eq(d->join_saving_minor, 110);
	would_save = d->join_saving_minor;
	stage_claim(&s, "a"); /* and it is true */
	ck_assert_int_eq(d->total_minor, 999 - would_save);
	ck_assert_int_eq(d->member_saving_minor, would_save);
	ck_assert_int_eq(d->join_saving_minor, 0);
	stage_teardown(&s);
}
END_TEST

START_TEST(what_the_pos_says_of_a_line_reaches_the_engine)
{
	const struct ware w = { "x", 1000, 1 };
	struct basket_line lines[5];
	const int64_t nets[5] = { 500, 800, 1000, 1000, 365 };
	struct lane_lines all;
	struct stage s;

	stage_setup(&s, half_off);
	for (uint32_t i = 0; i < 5; i++)
		lines[i] = stage_line_of(i + 1, &w);
	lines[1].floor_minor = 800;
	lines[2].excluded = true;
	lines[3].reduced = true;
	lines[4].weighed = true;
	lines[4].qty_milli = 730;
	lines[4].amount_minor = 730;
	stage_basket(&s, "T1", lines, 5, false);
	lane_core_lines(s.core, &all);
	for (uint32_t i = 0; i < 5; i++)
		ck_assert_int_eq(all.lines[i].net_minor, nets[i]);
	stage_kill_and_restart(&s); /* and the journal keeps it */
	lane_core_lines(s.core, &all);
	ck_assert_uint_eq(all.count, 5);
	for (uint32_t i = 0; i < 5; i++)
		ck_assert_int_eq(all.lines[i].net_minor, nets[i]);
	stage_teardown(&s);
}
END_TEST

START_TEST(the_nets_add_up_to_the_total_with_voids_and_returns)
{
	const struct ware w = { "x", 333, 3 }, bottle = { "b", -25, 2 };

	for (int pos = 0; pos < 2; pos++) {
		struct basket_line lines[3];
		struct lane_lines all;
		struct stage s;
		int64_t sum = 0;

		stage_setup(&s, half_off);
		s.price_pos = pos == 1;
		stage_stop(&s);
		stage_start(&s);
		lines[0] = stage_line_of(3, &w);
		lines[1] = stage_line_of(2, &w);
		lines[1].is_void = true;
		lines[2] = stage_line_of(1, &bottle);
		stage_basket(&s, "T1", lines, 3, true);
		lane_core_lines(s.core, &all);
		for (uint32_t i = 0; i < all.count; i++)
			sum += all.lines[i].net_minor;
		ck_assert_int_eq(all.lines[1].net_minor, 0);
		ck_assert_int_eq(sum, stage_total(&s));
		ck_assert_int_eq(stage_total(&s), pos == 1 ? 949 : 449);
		stage_teardown(&s);
	}
}
END_TEST

/* ---- other rules under a checkout -------------------------------------------- */

START_TEST(an_open_basket_is_priced_by_the_new_rules_at_once)
{
	struct stage s;

	stage_setup(&s, languages);
	stage_one(&s, "T1", &tea, false);
	ck_assert_int_eq(stage_total(&s), 800);
	stage_swap_rules(&s, half_off);
	ck_assert_int_eq(stage_total(&s), 500);
	ck_assert_int_eq(s.offered_total, 500); /* and the POS knows */
	ck_assert_str_eq(s.text, "half");
	stage_teardown(&s);
}
END_TEST

START_TEST(a_total_that_was_told_stands_until_basket_or_member_change)
{
	struct stage s;
	struct lane_lines all;
	uint32_t offers;

	stage_setup(&s, languages);
	stage_one(&s, "T1", &tea, true);
	ck_assert_int_eq(stage_total(&s), 800);
	offers = s.offers;
	stage_swap_rules(&s, half_off);
	ck_assert_int_eq(stage_total(&s), 800);
	ck_assert_uint_eq(s.offers, offers);
	/* The rule is gone, its name and text are not. */
	lane_core_lines(s.core, &all);
	ck_assert_uint_eq(all.discounts_count, 1);
	ck_assert(str_is(all.discounts[0].text, "20 % auf Tee"));
	ck_assert(str_is(all.discounts[0].rule, "tea-20"));
	ck_assert_int_eq(all.lines[0].net_minor, 800);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 500);
	stage_teardown(&s);
}
END_TEST

START_TEST(a_payment_under_way_keeps_its_price_and_its_uses)
{
	struct lane_event ev = { .kind = LANE_EV_TOUCH };
	struct stage s;

	stage_setup(&s, limited);
	stage_one(&s, "T1", &tea, true);
	stage_claim(&s, "a");
	ck_assert_int_eq(stage_total(&s), 889);
	ev.touch.probe = STR("p1");
	ev.touch.reader = STR("r1");
	stage_give(&s, &ev, 0);
	ev = (struct lane_event){ .kind = LANE_EV_VERIFIED };
	ev.bio.probe = STR("p1");
	ev.bio.outcome = BIO_ACCEPT;
	stage_give(&s, &ev, 0);
	ck_assert_uint_eq(s.asked, 1);
	ev = (struct lane_event){ .kind = LANE_EV_JOURNAL_WANTED };
	ev.journal.key = s.key;
	ev.journal.req = STR("1");
	stage_give(&s, &ev, 0); /* it may have left */
	stage_swap_rules(&s, half_off);
	ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_PAYING);
	ck_assert_int_eq(stage_total(&s), 889);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	stage_kill_and_restart(&s); /* also where other rules are there then */
	ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_CHECKING);
	ck_assert_int_eq(stage_total(&s), 889);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1);
	ev = (struct lane_event){ .kind = LANE_EV_COMPLETION };
	ev.completion.key = s.key;
	ev.completion.op = LANE_OP_QUERY;
	ev.completion.outcome = OUTCOME_APPROVED;
	ev.completion.has_amount = true;
	ev.completion.amount_minor = 889;
	stage_give(&s, &ev, 0);
	ck_assert_int_eq(lane_core_display(s.core)->phase, PHASE_DONE);
	stage_kill_and_restart(&s);
	ck_assert_int_eq(stage_used(&s, "a", "once"), 1); /* counted, once */
	stage_teardown(&s);
}
END_TEST

START_TEST(without_rules_what_was_priced_is_the_pos_s_own_again)
{
	struct lane_event ev = { .kind = LANE_EV_RULES };
	struct lane_env env;
	struct stage s;

	stage_setup(&s, limited);
	stage_one(&s, "T1", &tea, false);
	stage_claim(&s, "a");
	env = stage_environment(&s);
	env.rules = NULL;
	ck_assert_int_eq(lane_core_set_env(s.core, &env), 0);
	stage_give(&s, &ev, 0);
	ck_assert_int_eq(stage_total(&s), 1000);
	ck_assert_uint_eq(s.discounts, 0);
	stage_links_up(&s); /* the POS knows: with the next step it is let go */
	ck_assert_int_eq(stage_used(&s, "a", "once"), 0);
	stage_teardown(&s);
}
END_TEST

/* Our clock says 21 September 2026, 16:53 there. */
START_TEST(by_a_doubted_clock_offers_go_by_the_date_of_the_pos)
{
	static const char dated[] = RULES(
		"{\"id\":\"may\",\"kind\":\"basket_amount\",\"scope\":{\"all\":true},"
		"\"params\":{\"amount_minor\":50},\"when\":{\"from\":\"2031-05-01\","
		"\"to\":\"2031-05-31\"}}");
	static const struct {
		const char *date;
		bool doubted;
		int64_t total;
	} cases[] = {
		{ NULL, true, 1000 },
		{ "2031-05-17", true, 950 },
		{ "2031-05-31T23:59", true, 950 },
		{ "2031-06-01T00:00", true, 1000 },
		{ "2031-05-17", false, 1000 },
	};
	struct basket_line line = stage_line_of(1, &tea);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lane_event clock = { .kind = LANE_EV_CLOCK,
					    .up = !cases[i].doubted };
		struct lane_event basket = { .kind = LANE_EV_BASKET };
		struct stage s;

		stage_setup(&s, dated);
		stage_give(&s, &clock, 0);
		basket.basket = (struct lane_basket){ .ticket = STR("7"),
						      .rev = ++s.rev,
						      .currency = STR("EUR"),
						      .lines = &line,
						      .lines_count = 1,
						      .final = true };
		if (cases[i].date != NULL)
			ck_assert_int_eq(rfc3339_parse(str_of(cases[i].date),
						       &basket.basket.pos_local_ms, NULL),
					 0);
		stage_give(&s, &basket, 0);
		ck_assert_msg(stage_total(&s) == cases[i].total, "case %zu: %lld", i,
			      (long long)stage_total(&s));
		stage_teardown(&s);
	}
}
END_TEST

UNIT_MAIN("lane_price", each_line_says_what_it_costs_and_why_in_the_shopper_s_language,
	  one_more_is_told_with_its_line_and_what_it_saves,
	  a_stranger_s_total_says_what_joining_now_would_save,
	  what_the_pos_says_of_a_line_reaches_the_engine,
	  the_nets_add_up_to_the_total_with_voids_and_returns,
	  an_open_basket_is_priced_by_the_new_rules_at_once,
	  a_total_that_was_told_stands_until_basket_or_member_change,
	  a_payment_under_way_keeps_its_price_and_its_uses,
	  without_rules_what_was_priced_is_the_pos_s_own_again,
	  by_a_doubted_clock_offers_go_by_the_date_of_the_pos)
