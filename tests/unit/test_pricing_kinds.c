#include "pricing_kit.h"
#include "unit.h"

/* What each kind of rule does to the cent, where it could be misunderstood. */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ALL "\"scope\":{\"all\":true},"
/* Lines: code, category, units, price. */
#define L(code, qty, price)                                                              \
	"{\"code\":\"" code "\",\"qty\":" #qty ",\"unit_price_minor\":" #price "}"
#define W(code, grams, price)                                                            \
	"{\"code\":\"" code "\",\"weighed\":true,\"qty_milli\":" #grams                  \
	",\"unit_price_minor\":" #price "}"
#define RULE(kind, params)                                                               \
	"{\"id\":\"r\",\"kind\":\"" kind "\"," ALL "\"params\":" params "}"
#define LIMITED(kind, params, limits)                                                    \
	"{\"id\":\"r\",\"kind\":\"" kind "\"," ALL "\"params\":" params                  \
	",\"limits\":" limits "}"

/* One rule "r" (and perhaps others), one basket: what is payable, how often r applied. */
struct kind_case {
	const char *rules, *lines;
	int64_t total;
	uint32_t applications;
	enum pricing_reason reason;
};

static const struct kind_case cases[] = {
	/* every_n: the third unit only, and never more than it costs. */
	{ RULE("every_n", "{\"units\":3,\"amount_minor\":500}"), L("a", 3, 300), 600, 1,
	  PRICING_APPLIED },
	{ RULE("every_n", "{\"units\":2,\"price_minor\":100}"),
	  L("a", 2, 300) "," L("b", 2, 90), 580, 1, PRICING_APPLIED },
	{ RULE("every_n", "{\"units\":2,\"price_minor\":300}"), L("a", 4, 300), 1200, 0,
	  PRICING_NO_SAVING },
	{ LIMITED("every_n", "{\"units\":2,\"percent_bp\":5000}", "{\"per_basket\":1}"),
	  L("a", 2, 300) "," L("b", 2, 100), 650, 1, PRICING_APPLIED },

	/* full_groups: a percentage is rounded once for the group, 33 % of 2.99 is 0.99. */
	{ RULE("full_groups", "{\"units\":3,\"percent_bp\":3300}"),
	  L("a", 1, 100) "," L("b", 1, 100) "," L("c", 1, 99), 200, 1, PRICING_APPLIED },
	{ RULE("full_groups", "{\"units\":2,\"amount_minor\":150}"),
	  L("a", 1, 200) "," L("b", 1, 100), 50, 1, PRICING_APPLIED },
	{ RULE("full_groups", "{\"units\":2,\"price_minor\":150}"),
	  L("a", 1, 200) "," L("b", 1, 100), 250, 1, PRICING_APPLIED },
	{ RULE("full_groups", "{\"units\":4,\"percent_bp\":5000}"), L("a", 3, 200), 600,
	  0, PRICING_CONDITION },

	/* first_and_next */
	{ RULE("first_and_next", "{\"next_percent_bp\":5000}"), L("a", 1, 200), 200, 0,
	  PRICING_CONDITION },
	{ RULE("first_and_next", "{\"first_percent_bp\":1000,\"next_percent_bp\":5000}"),
	  L("a", 1, 200), 180, 1, PRICING_APPLIED },
	{ RULE("first_and_next", "{\"next_price_minor\":100,\"max_units\":3}"),
	  L("a", 5, 200), 800, 1, PRICING_APPLIED },
	/* Two next units of 0.55 are one run: half of 1.10 is 0.55. */
	{ RULE("first_and_next", "{\"next_percent_bp\":5000}"), L("a", 3, 55), 110, 1,
	  PRICING_APPLIED },
	/* The dear one as the first, so that the other is the next one. */
	{ RULE("first_and_next", "{\"next_amount_minor\":100}"),
	  L("a", 1, 500) "," L("b", 1, 80), 500, 1, PRICING_APPLIED },

	/* cheapest_percent */
	{ RULE("cheapest_percent", "{\"percent_bp\":5000}"),
	  L("a", 2, 300) "," L("b", 3, 100), 850, 1, PRICING_APPLIED },
	{ RULE("cheapest_percent", "{\"percent_bp\":5000}"),
	  L("a", 1, 300) "," W("b", 100, 1000), 250, 1, PRICING_APPLIED },

	/* bundle */
	{ RULE("bundle", "{\"price_minor\":300,\"components\":[{\"sku\":[\"a\"]},"
			 "{\"sku\":[\"b\"],\"units\":2}]}"),
	  L("a", 2, 200) "," L("b", 3, 100), 600, 1, PRICING_APPLIED },
	/* The first bundle is of the dearest; the second would cost more than its goods. */
	{ RULE("bundle", "{\"price_minor\":300,\"components\":[{\"sku\":[\"a\",\"c\"]},"
			 "{\"sku\":[\"b\"]}]}"),
	  L("a", 1, 300) "," L("c", 1, 100) "," L("b", 2, 150), 550, 1, PRICING_APPLIED },
	{ RULE("bundle", "{\"percent_bp\":1000,\"components\":[{\"sku\":[\"a\"]},"
			 "{\"sku\":[\"b\"]}]}"),
	  L("a", 1, 105) "," L("b", 1, 100), 184, 1, PRICING_APPLIED },
	{ LIMITED("bundle",
		  "{\"amount_minor\":50,\"components\":[{\"sku\":[\"a\"]},"
		  "{\"sku\":[\"b\"]}]}",
		  "{\"per_basket\":2}"),
	  L("a", 5, 200) "," L("b", 5, 100), 1400, 2, PRICING_APPLIED },
	/* What fits both components serves one of them. */
	{ RULE("bundle", "{\"amount_minor\":50,\"components\":[{\"sku\":[\"a\"]},"
			 "{\"sku\":[\"a\",\"b\"]}]}"),
	  L("a", 1, 200), 200, 0, PRICING_CONDITION },
	{ RULE("bundle", "{\"amount_minor\":50,\"components\":[{\"sku\":[\"a\"]},"
			 "{\"sku\":[\"a\",\"b\"]}]}"),
	  L("a", 3, 200) "," L("b", 1, 100), 600, 2, PRICING_APPLIED },
	{ RULE("bundle", "{\"price_minor\":100,\"components\":[{\"sku\":[\"a\"]},"
			 "{\"sku\":[\"b\"]}]}"),
	  L("a", 1, 200) "," W("b", 500, 400), 400, 0, PRICING_CONDITION },

	/* distinct_set: codes, not lines and not units. */
	{ RULE("distinct_set", "{\"table\":[{\"units\":2,\"percent_bp\":1000}]}"),
	  L("a", 5, 100) "," L("a", 1, 100), 600, 0, PRICING_CONDITION },
	{ RULE("distinct_set", "{\"table\":[{\"units\":2,\"percent_bp\":1000},"
			       "{\"units\":3,\"percent_bp\":2000}]}"),
	  L("a", 2, 100) "," L("b", 1, 100) "," L("a", 1, 120) "," L("c", 1, 50), 416, 1,
	  PRICING_APPLIED },
	{ RULE("distinct_set", "{\"table\":[{\"units\":2,\"percent_bp\":1000}]}"),
	  L("a", 1, 100) ",{\"unit_price_minor\":100}", 200, 0, PRICING_CONDITION },

	/* pack */
	{ RULE("pack", "{\"units\":2,\"percent_bp\":1000}"),
	  W("a", 1000, 300) "," W("a", 500, 300) "," L("b", 2, 100), 605, 1,
	  PRICING_APPLIED },
	{ RULE("pack", "{\"units\":1,\"amount_minor\":100}"),
	  W("a", 1000, 300) "," W("a", 100, 300), 200, 2, PRICING_APPLIED },
	{ RULE("pack", "{\"units\":1,\"price_minor\":100}"), L("a", 2, 300), 600, 0,
	  PRICING_NOT_IN_SCOPE },

	/* buy_weight_get_weight: 3.00 * 200 / 700 * 50 % = 0.43 (0.4286), 2.10 for 700 g. */
	{ RULE("buy_weight_get_weight",
	       "{\"buy_g\":500,\"get_g\":200,\"percent_bp\":5000}"),
	  W("a", 700, 300), 180, 1, PRICING_APPLIED },
	{ LIMITED("buy_weight_get_weight",
		  "{\"buy_g\":100,\"get_g\":100,\"percent_bp\":10000}",
		  "{\"per_basket\":2}"),
	  W("a", 1000, 1000), 800, 2, PRICING_APPLIED },
	{ RULE("buy_weight_get_weight",
	       "{\"buy_g\":500,\"get_g\":501,\"percent_bp\":5000}"),
	  W("a", 1000, 300), 300, 0, PRICING_NO_SAVING },

	/* basket_tiers */
	{ RULE("basket_tiers", "{\"tiers\":[{\"min_units\":2,\"amount_minor\":100},"
			       "{\"min_units\":4,\"amount_minor\":300}]}"),
	  L("a", 3, 200), 500, 1, PRICING_APPLIED },
	{ RULE("basket_tiers",
	       "{\"cap_minor\":150,\"tiers\":[{\"min_spend_minor\":500,"
	       "\"percent_bp\":1000},{\"min_spend_minor\":1000,\"percent_bp\":2000}]}"),
	  L("a", 5, 200), 850, 1, PRICING_APPLIED },
	{ RULE("basket_tiers",
	       "{\"tiers\":[{\"min_spend_minor\":500,\"percent_bp\":1000}]}"),
	  L("a", 2, 200), 400, 0, PRICING_CONDITION },
	/* A small item offer is given up for the next tier: 10.00 less 20 %. */
	{ RULE("basket_tiers",
	       "{\"tiers\":[{\"min_spend_minor\":500,\"percent_bp\":1000},"
	       "{\"min_spend_minor\":1000,\"percent_bp\":2000}]}") ",{\"id\":\"s\","
								   "\"kind\":"
								   "\"amount\"," ALL
								   "\"params\":{\"amount_"
								   "minor\":10}}",
	  L("a", 5, 200), 800, 1, PRICING_APPLIED },

	/* contains: anywhere in the basket, before offers. */
	{ "{\"id\":\"r\",\"kind\":\"percent\",\"scope\":{\"sku\":[\"a\"]},\"params\":"
	  "{\"percent_bp\":5000,\"contains\":{\"sku\":[\"b\"],\"units\":2}}}",
	  L("a", 1, 200) "," L("b", 2, 100), 300, 1, PRICING_APPLIED },
	{ "{\"id\":\"r\",\"kind\":\"percent\",\"scope\":{\"sku\":[\"a\"]},\"params\":"
	  "{\"percent_bp\":5000,\"contains\":{\"sku\":[\"b\"],\"units\":2}}}",
	  L("a", 1, 200) "," L("b", 1, 100) ",{\"code\":\"b\",\"excluded\":true,"
					    "\"unit_price_minor\":100}",
	  400, 0, PRICING_CONDITION },

	/* A budget: 3.00 would be taken off. */
	{ LIMITED("percent", "{\"percent_bp\":5000}", "{\"budget_minor\":300}"),
	  L("a", 3, 200), 300, 1, PRICING_APPLIED },
	{ LIMITED("percent", "{\"percent_bp\":5000}", "{\"budget_minor\":299}"),
	  L("a", 3, 200), 600, 0, PRICING_LIMIT },
};

START_TEST(kinds_do_what_the_handbook_says)
{
	const struct kind_case *e = &cases[_i];
	const struct pricing_rule_result *rule;
	struct pricing_result *r;
	char basket[1024];
	struct kit k;

	(void)snprintf(basket, sizeof(basket), "{\"lines\":[%s]}", e->lines);
	kit_init(&k);
	ck_assert_msg(kit_rule_list(&k, e->rules) == 0, "%s: %s", e->rules,
		      k.errors.list[0].what);
	ck_assert_int_eq(kit_basket(&k, basket), 0);
	r = kit_price(&k);
	rule = kit_rule(r, "r");
	ck_assert_msg(r->total_minor == e->total && r->optimal &&
			      rule->applications == e->applications &&
			      rule->reason == e->reason,
		      "%s %s: %lld, %u times, %s", e->rules, e->lines,
		      (long long)r->total_minor, rule->applications,
		      pricing_reason_name(rule->reason));
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

/* Points: what is earned in all, and how much of the balance may be burnt. */
struct points_case {
	const char *rules, *lines, *member;
	int64_t earned, burn_points, worth;
};

#define EARN(id, params, more)                                                           \
	"{\"id\":\"" id "\",\"kind\":\"points_earn\"," ALL "\"params\":" params more "}"
#define BURN(id, params)                                                                 \
	"{\"id\":\"" id "\",\"kind\":\"points_burn\"," ALL "\"params\":" params "}"
#define FREE_ONE                                                                         \
	"{\"id\":\"f\",\"kind\":\"buy_get\"," ALL                                        \
	"\"params\":{\"buy\":2,\"get\":1,\"percent_bp\":10000}}"
#define MEMBER "{\"known\":true,\"points\":250}"

static const struct points_case points_cases[] = {
	{ EARN("e", "{\"points\":2,\"per_minor\":100}", ""), L("a", 3, 133), MEMBER, 6, 0,
	  0 },
	{ EARN("e", "{\"points\":2,\"per_minor\":100}", ""), L("a", 3, 133),
	  "{\"known\":false}", 0, 0, 0 },
	{ EARN("e", "{\"points\":2,\"max_points\":5}", ""), L("a", 3, 100), MEMBER, 5, 0,
	  0 },
	/* A free unit earns nothing, a weighed line is one unit. */
	{ EARN("e", "{\"points\":2}", "") "," FREE_ONE,
	  L("a", 3, 100) "," W("w", 700, 100), MEMBER, 6, 0, 0 },
	{ EARN("e", "{\"points\":2}", ""), "{\"qty\":3,\"unit_price_minor\":0}", MEMBER,
	  0, 0, 0 },
	/* One of a group: the most, then the lower id; none when a discount has it. */
	{ EARN("e1", "{\"points\":2}", ",\"combine\":{\"group\":\"g\"}") "," EARN(
		  "e2", "{\"points\":3}", ",\"combine\":{\"group\":\"g\"}"),
	  L("a", 1, 100), MEMBER, 3, 0, 0 },
	{ EARN("e", "{\"points\":2}",
	       ",\"combine\":{\"group\":\"g\"}") ",{\"id\":\"d\","
						 "\"kind\":\"percent\"," ALL
						 "\"params\":{\"percent_bp\":1000},"
						 "\"combine\":"
						 "{\"group\":\"g\"}}",
	  L("a", 1, 100), MEMBER, 0, 0, 0 },
	{ BURN("b", "{\"points\":100,\"value_minor\":50}"), L("a", 3, 100), MEMBER, 0,
	  200, 100 },
	{ BURN("b", "{\"points\":100,\"value_minor\":50,\"max_bp\":3000}"),
	  L("a", 3, 100), MEMBER, 0, 100, 50 },
	{ BURN("b", "{\"points\":100,\"value_minor\":50,\"min_points\":201}"),
	  L("a", 9, 100), MEMBER, 0, 0, 0 },
	{ BURN("b1", "{\"points\":100,\"value_minor\":50}") "," BURN(
		  "b2", "{\"points\":10,\"value_minor\":6}"),
	  L("a", 9, 100), MEMBER, 0, 250, 150 },
};

START_TEST(points_are_told_and_change_no_price)
{
	const struct points_case *e = &points_cases[_i];
	struct pricing_result *r;
	char basket[1024];
	struct kit k;

	(void)snprintf(basket, sizeof(basket), "{\"lines\":[%s]}", e->lines);
	kit_init(&k);
	ck_assert_msg(kit_rule_list(&k, e->rules) == 0, "%s: %s", e->rules,
		      k.errors.list[0].what);
	ck_assert_int_eq(kit_basket(&k, basket), 0);
	ck_assert_int_eq(kit_member(&k, e->member), 0);
	r = kit_price(&k);
	ck_assert_msg(r->points_earned == e->earned && r->burn.points == e->burn_points &&
			      r->burn.worth_minor == e->worth,
		      "%s: %lld earned, %lld worth %lld", e->rules,
		      (long long)r->points_earned, (long long)r->burn.points,
		      (long long)r->burn.worth_minor);
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

/* What one more unit of which line (its position) would bring. */
struct hint_case {
	const char *rules, *lines;
	bool missed;
	uint32_t line;
	int64_t saving;
};

static const struct hint_case hints[] = {
	{ RULE("bundle", "{\"price_minor\":250,\"components\":[{\"sku\":[\"a\"]},"
			 "{\"sku\":[\"b\"],\"units\":2}]}"),
	  L("a", 1, 200) "," L("b", 1, 100), true, 1, 150 },
	{ RULE("bundle", "{\"price_minor\":250,\"components\":[{\"sku\":[\"a\"]},"
			 "{\"sku\":[\"b\"],\"units\":3}]}"),
	  L("a", 1, 200) "," L("b", 1, 100), false, 0, 0 },
	{ RULE("every_n", "{\"units\":3,\"percent_bp\":10000}"), L("a", 2, 100), true, 0,
	  100 },
	{ RULE("basket_tiers", "{\"tiers\":[{\"min_units\":3,\"amount_minor\":250}]}"),
	  L("a", 2, 200), true, 0, 250 },
	{ RULE("pack", "{\"units\":2,\"percent_bp\":5000}"), W("a", 500, 100), false, 0,
	  0 },
	/* On the eggs alone the budget of the other rule would suffice; with all it does not. */
	{ RULE("buy_get",
	       "{\"buy\":1,\"get\":1,\"percent_bp\":22}") ","
							  "{\"id\":\"s\",\"kind\":"
							  "\"basket_percent\",\"scope\":{"
							  "\"all\":true},"
							  "\"params\":{\"percent_bp\":35}"
							  ",\"limits\":{\"budget_minor\":"
							  "2}}",
	  W("ham", 2032, 238) "," L("eggs", 1, 231), true, 1, 1 },
};

START_TEST(hints_name_the_line_of_which_one_more_would_do)
{
	const struct hint_case *e = &hints[_i];
	const struct pricing_rule_result *rule;
	struct pricing_result *r;
	char basket[1024];
	struct kit k;

	(void)snprintf(basket, sizeof(basket), "{\"lines\":[%s]}", e->lines);
	kit_init(&k);
	ck_assert_int_eq(kit_rule_list(&k, e->rules), 0);
	ck_assert_int_eq(kit_basket(&k, basket), 0);
	r = kit_price(&k);
	rule = kit_rule(r, "r");
	ck_assert_msg(rule->missed_by_one == e->missed &&
			      rule->hint_line_index == e->line &&
			      rule->hint_saving_minor == e->saving,
		      "%s: %d line %u saves %lld", e->rules, rule->missed_by_one,
		      rule->hint_line_index, (long long)rule->hint_saving_minor);
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

START_TEST(a_budget_counts_what_was_taken_off_before)
{
	for (int used = 0; used <= 1; used++) {
		char member[128];
		struct pricing_result *r;
		struct kit k;

		(void)snprintf(member, sizeof(member),
			       "{\"uses\":[{\"rule\":\"r\",\"budget_minor\":%d}]}",
			       700 + used);
		kit_init(&k);
		ck_assert_int_eq(
			kit_rule_list(&k, LIMITED("amount", "{\"amount_minor\":100}",
						  "{\"budget_minor\":1000}")),
			0);
		ck_assert_int_eq(kit_basket(&k, "{\"lines\":[" L("a", 3, 200) "]}"), 0);
		ck_assert_int_eq(kit_member(&k, member), 0);
		r = kit_price(&k);
		ck_assert_int_eq(r->total_minor, used == 0 ? 300 : 600);
		ck_assert_int_eq(kit_rule(r, "r")->reason,
				 used == 0 ? PRICING_APPLIED : PRICING_LIMIT);
		pricing_result_free(r);
		kit_free(&k);
	}
}
END_TEST

/* Every unit of a bundle keeps its share; a unit too many is nobody's. */
START_TEST(a_bundle_shares_by_value_over_its_units)
{
	struct pricing_result *r;
	struct kit k;

	kit_init(&k);
	ck_assert_int_eq(kit_rule_list(&k, RULE("bundle",
						"{\"price_minor\":400,\"components\":["
						"{\"sku\":[\"a\"]},{\"sku\":[\"b\"]}]}")),
			 0);
	ck_assert_int_eq(
		kit_basket(&k, "{\"lines\":[" L("b", 2, 200) "," L("a", 1, 300) "]}"), 0);
	r = kit_price(&k);
	ck_assert_int_eq(r->total_minor, 600);
	ck_assert_uint_eq(r->shares_count, 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(r->shares[i].qty_milli, 1000);
		ck_assert_int_eq(r->shares[i].discount_minor,
				 r->shares[i].line_index == 1 ? 60 : 40);
	}
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

/* Thousands of everything cost what a few of everything cost: nothing is counted through. */
START_TEST(large_quantities_of_bundles_are_proven)
{
	struct pricing_result *r;
	struct kit k;

	kit_init(&k);
	ck_assert_int_eq(
		kit_rule_list(&k,
			      RULE("bundle",
				   "{\"price_minor\":400,\"components\":["
				   "{\"sku\":[\"a\"]},"
				   "{\"sku\":[\"b\",\"c\"]}]}") ",{\"id\":\"s\",\"kind\":"
								"\"percent\"," ALL
								"\"params\":{\"percent_"
								"bp\":500}}"),
		0);
	ck_assert_int_eq(
		kit_basket(&k, "{\"lines\":[" L("a", 5000, 300) "," L(
				       "b", 5000, 200) "," L("c", 5000, 250) "]}"),
		0);
	r = kit_price(&k);
	ck_assert(r->optimal);
	/* All of a with all of c for 4.00, 5 % off b. */
	ck_assert_int_eq(r->total_minor, 5000 * 400 + 5000 * 190);
	ck_assert_uint_le(r->nodes, 20000);
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

/*
 * A first unit that nothing follows saves nothing: the way that takes it must not stand for the
 * one that takes no unit, which alone reaches the spend.
 */
START_TEST(a_lone_first_unit_hides_no_other_way)
{
	struct pricing_result *r;
	struct kit k;

	kit_init(&k);
	ck_assert_int_eq(kit_rule_list(&k,
				       "{\"id\":\"r1\",\"kind\":\"first_and_next\"," ALL
				       "\"params\":{\"next_price_minor\":0}},"
				       "{\"id\":\"r2\",\"kind\":\"percent\"," ALL
				       "\"params\":{\"percent_bp\":1,\"max_units\":1}},"
				       "{\"id\":\"r3\",\"kind\":\"basket_tiers\"," ALL
				       "\"params\":{\"tiers\":[{\"min_spend_minor\":7,"
				       "\"amount_minor\":7}]}}"),
			 0);
	ck_assert_int_eq(
		kit_basket(&k,
			   "{\"lines\":[" L("a", 3, 3) ","
						       "{\"qty_milli\":1,\"weighed\":"
						       "true,\"unit_price_minor\":1},"
						       "{\"qty_milli\":1,\"weighed\":"
						       "true,\"unit_price_minor\":1}]}"),
		0);
	r = kit_price(&k);
	ck_assert(r->optimal);
	ck_assert_int_eq(r->total_minor, 2);
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

/*
 * Where a basket rule weighs some lines only, many units of one line must not be held to be all
 * alike: a limit on a rule never makes the basket cheaper.
 */
START_TEST(many_units_under_a_basket_rule_on_some_lines_are_proven)
{
	static const char *const limits[] = { "", ",\"limits\":{\"per_basket\":1}" };
	int64_t totals[2];

	for (int i = 0; i < 2; i++) {
		char rules[1000];
		struct pricing_result *r;
		struct kit k;

		(void)snprintf(
			rules, sizeof(rules),
			"{\"id\":\"b\",\"kind\":\"n_for_price\"," ALL
			"\"params\":{\"units\":2,\"price_minor\":150}%s},"
			"{\"id\":\"j\",\"kind\":\"n_for_price\",\"scope\":{\"sku\":"
			"[\"a\"]},\"params\":{\"units\":2,\"price_minor\":150}},"
			"{\"id\":\"w\",\"kind\":\"basket_percent\",\"scope\":{\"sku\":"
			"[\"a\"]},\"params\":{\"percent_bp\":2000}}",
			limits[i]);
		kit_init(&k);
		ck_assert_int_eq(kit_rule_list(&k, rules), 0);
		ck_assert_int_eq(
			kit_basket(&k, "{\"lines\":[" L("c", 1, 300) "," L(
					       "d", 1, 100) "," L("a", 40, 120) "]}"),
			0);
		r = kit_price(&k);
		totals[i] = r->total_minor;
		ck_assert_int_le(r->total_minor - r->gap_minor, 2550);
		pricing_result_free(r);
		kit_free(&k);
	}
	ck_assert_int_le(totals[0], totals[1]);
	ck_assert_int_eq(totals[1], 2550);
}
END_TEST

static Suite *
kinds_suite(void)
{
	Suite *suite = suite_create("pricing_kinds");
	TCase *tc = tcase_create("kinds");

	tcase_add_loop_test(tc, kinds_do_what_the_handbook_says, 0, COUNT(cases));
	tcase_add_loop_test(tc, points_are_told_and_change_no_price, 0,
			    COUNT(points_cases));
	tcase_add_loop_test(tc, hints_name_the_line_of_which_one_more_would_do, 0,
			    COUNT(hints));
	tcase_add_test(tc, a_budget_counts_what_was_taken_off_before);
	tcase_add_test(tc, a_bundle_shares_by_value_over_its_units);
	tcase_add_test(tc, large_quantities_of_bundles_are_proven);
	tcase_add_test(tc, a_lone_first_unit_hides_no_other_way);
	tcase_add_test(tc, many_units_under_a_basket_rule_on_some_lines_are_proven);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(kinds_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
