#include "oracle/ip.h"
#include "pricing_cases.h"

#include <inttypes.h>

/*
 * The budget of a search that explodes: an adversary makes the baskets, and still the nodes are
 * kept, stop() is heard, and what is said about the gap is true.
 */
#define CASES_DEFAULT 160
#define LINES 24
#define RULES 30

/* Between two looks at the clock. */
#define NODES_A_LOOK 256u
/* A search that the clock has ended looks no more, and nothing that would follow it does. */
#define LOOKS_AFTER 1u

static struct oracle_case *
new_case(void)
{
	struct oracle_case *c = malloc(sizeof(*c));

	ck_assert_ptr_nonnull(c);
	return c;
}

/* Every other one with budgets of money as well: they are searched, too. */
static void
hard(struct oracle_case *c, uint64_t seed)
{
	oracle_hard(c, seed, LINES, RULES, cases_kinds());
	if (seed % 2 == 1)
		oracle_tight_budgets(c, seed);
}

/* Hints and the comparison with a stranger included: there is one budget for all of it. */
static bool
overspends(const struct oracle_case *c, void *ctx)
{
	struct pricing_budget budget = { .nodes_max = *(const uint64_t *)ctx };
	struct cases_answer a;
	bool bad;

	if (!cases_price(&a, c, 0, &budget))
		return false;
	bad = a.r->nodes > budget.nodes_max || a.r->total_minor > a.r->gross_minor ||
	      a.r->optimal != (a.r->gap_minor == 0);
	if (bad)
		cases_note("%" PRIu64 " nodes of %" PRIu64 ", gap %" PRId64, a.r->nodes,
			   budget.nodes_max, a.r->gap_minor);
	cases_free(&a);
	return bad;
}

START_TEST(nodes_never_exceed_the_budget)
{
	static const uint64_t budgets[] = { 1, 100, 2000, 20000 };
	uint64_t first = cases_first_seed(), count = cases_count(CASES_DEFAULT);
	struct oracle_case *c = new_case();

	for (uint64_t seed = first; seed < first + count; seed++) {
		uint64_t nodes = budgets[seed / 2 % 4];

		hard(c, seed);
		if (overspends(c, &nodes))
			cases_fail("the budget of nodes", c, seed, overspends, &nodes);
	}
	free(c);
}
END_TEST

/* A clock that strikes after so many looks at it. */
struct clock {
	uint64_t looks, strikes_after;
};

static bool
look(void *ctx)
{
	struct clock *clock = ctx;

	return ++clock->looks > clock->strikes_after;
}

START_TEST(a_clock_that_strikes_ends_the_search)
{
	uint64_t first = cases_first_seed(), count = cases_count(CASES_DEFAULT) / 2,
		 cut = 0;
	struct oracle_case *c = new_case();

	for (uint64_t seed = first; seed < first + count; seed++) {
		struct clock clock = { 0, seed / 2 % 5 };
		struct pricing_budget budget = { .stop = look,
						 .ctx = &clock,
						 .price_only = seed % 3 == 0 };
		struct cases_answer a;

		hard(c, seed);
		ck_assert(cases_price(&a, c, 0, &budget));
		ck_assert_uint_le(clock.looks, clock.strikes_after + LOOKS_AFTER);
		if (!a.r->optimal)
			ck_assert_uint_le(a.r->nodes,
					  NODES_A_LOOK * (clock.strikes_after + 2));
		ck_assert_int_le(a.r->total_minor, a.r->gross_minor);
		cut += !a.r->optimal;
		cases_free(&a);
	}
	ck_assert_uint_gt(cut, 0);
	free(c);
}
END_TEST

/* The best price, wherever it is found out, lies within the gap. */
static bool
gap_lies(const struct oracle_case *c, void *ctx)
{
	struct pricing_budget budget = { .nodes_max = *(const uint64_t *)ctx,
					 .price_only = true };
	struct cases_answer a;
	int64_t best;
	bool bad;

	if (!oracle_best(c, &best) || !cases_price(&a, c, 0, &budget))
		return false;
	bad = best > a.r->total_minor || best < a.r->total_minor - a.r->gap_minor;
	if (bad)
		cases_note("best %" PRId64 ", said %" PRId64 " with a gap of %" PRId64,
			   best, a.r->total_minor, a.r->gap_minor);
	cases_free(&a);
	return bad;
}

START_TEST(the_gap_of_a_hard_basket_is_true)
{
	static const uint64_t budgets[] = { 1, 20, 100, 500 };
	uint64_t first = cases_first_seed(), count = cases_count(CASES_DEFAULT) * 4;
	struct oracle_case *c = new_case();

	for (uint64_t seed = first; seed < first + count; seed++) {
		uint64_t nodes = budgets[seed / 2 % 4];

		oracle_hard(c, seed, 4 + (int)(seed % 3), 4 + (int)(seed / 2 % 4),
			    cases_kinds());
		if (seed % 2 == 1)
			oracle_tight_budgets(c, seed);
		if (gap_lies(c, &nodes))
			cases_fail("the gap of a hard basket", c, seed, gap_lies, &nodes);
	}
	free(c);
}
END_TEST

/* Prices three bundles of a and b at 6.00 each, of which the rule may take off budget_minor. */
static void
price_bundles(struct cases_answer *a, int64_t budget_minor,
	      const struct pricing_budget *budget)
{
	char rule[512];

	kit_init(&a->kit);
	(void)snprintf(
		rule, sizeof(rule),
		"{\"id\":\"both\",\"kind\":\"bundle\",\"scope\":{\"all\":true},"
		"\"params\":{\"price_minor\":600,\"components\":[{\"sku\":[\"a\"]},"
		"{\"sku\":[\"b\"]}]},\"limits\":{\"budget_minor\":%" PRId64 "}}",
		budget_minor);
	ck_assert_int_eq(kit_rule_list(&a->kit, rule), 0);
	ck_assert_int_eq(
		kit_basket(
			&a->kit,
			"{\"lines\":[{\"code\":\"a\",\"unit_price_minor\":401,\"qty\":2},"
			"{\"code\":\"b\",\"unit_price_minor\":408,\"qty\":2},"
			"{\"code\":\"a\",\"unit_price_minor\":415},"
			"{\"code\":\"b\",\"unit_price_minor\":422}]}"),
		0);
	ck_assert_int_eq(pricing_price(a->kit.rules, &a->kit.basket, NULL, &a->kit.at,
				       budget, &a->r),
			 0);
}

/*
 * Whether a rule's own budget suffices is found out with the nodes of the one who asks. Without
 * them it is not applied, and the gap says what that may cost.
 */
START_TEST(a_rule_that_cannot_be_told_is_left_out)
{
	static const int64_t off = 2 * 401 + 2 * 408 + 415 + 422 - 3 * 600;
	static const struct {
		int64_t left;
		uint64_t nodes_max;
		enum pricing_reason reason;
		bool optimal;
	} rows[] = {
		{ off, 0, PRICING_APPLIED, true },
		{ off, 3, PRICING_LIMIT, false },
		{ off - 1, 0, PRICING_LIMIT, true },
		{ off - 1, 3, PRICING_LIMIT, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pricing_budget budget = { .nodes_max = rows[i].nodes_max };
		struct cases_answer a;

		price_bundles(&a, rows[i].left, &budget);
		ck_assert_int_eq(a.r->rules[0].reason, rows[i].reason);
		ck_assert_int_eq(a.r->optimal, rows[i].optimal);
		ck_assert_int_eq(a.r->gap_minor, rows[i].optimal ? 0 : rows[i].left);
		ck_assert_int_eq(a.r->saving_minor,
				 rows[i].reason == PRICING_APPLIED ? off : 0);
		cases_free(&a);
	}
}
END_TEST

#define ALL "\"scope\":{\"all\":true},"
#define BUNDLE                                                                           \
	ALL "\"kind\":\"bundle\",\"params\":{\"components\":[{\"sku\":[\"a\"]},"         \
	    "{\"sku\":[\"b\"]}],\"price_minor\":"

/* Rules by the thousands: what stands before a number from 300 to 799, and behind it. */
static const struct {
	const char *before, *behind;
	bool grouped; /* 2 000 groups */
} thousands[] = {
	{ BUNDLE, "},\"combine\":{\"exclusive\":\"best\"", false },
	{ BUNDLE, "},\"combine\":{\"exclusive\":\"always\"", false },
	{ BUNDLE, "},\"limits\":{\"budget_minor\":700", false },
	{ BUNDLE, "},\"combine\":{", true },
	{ ALL "\"kind\":\"n_for_price\",\"params\":{\"units\":2,\"price_minor\":",
	  "},\"combine\":{", true },
	{ ALL
	  "\"kind\":\"buy_get_cheapest\",\"params\":{\"buy\":1,\"get\":1,\"percent_bp\":",
	  "", false },
	{ ALL "\"kind\":\"percent\",\"params\":{\"percent_bp\":",
	  "},\"combine\":{\"stack\":true,", true },
	{ ALL "\"kind\":\"basket_amount\",\"params\":{\"amount_minor\":1,\"min_spend_"
	      "minor\":",
	  "", false },
	{ ALL "\"kind\":\"basket_amount\",\"params\":{\"amount_minor\":1,\"min_spend_"
	      "minor\":",
	  "},\"combine\":{", true },
};

/* Neither time nor memory grows with the square of the rules, and something is found. */
START_TEST(thousands_of_rules_are_within_budget_and_memory)
{
	size_t bytes = (size_t)4 << 20;
	char *text = malloc(bytes);
	struct pricing_budget budget = { .nodes_max = 20000 };
	struct cases_answer a;
	size_t n = 0;

	ck_assert_ptr_nonnull(text);
	for (int k = 0; k < 15000; k++) {
		n += (size_t)snprintf(text + n, bytes - n, "%s{\"id\":\"%d\",%s%d%s",
				      k > 0 ? "," : "", k, thousands[_i].before,
				      300 + k % 500, thousands[_i].behind);
		if (thousands[_i].grouped)
			n += (size_t)snprintf(text + n, bytes - n, "\"group\":\"g%d\"",
					      k % 2000);
		n += (size_t)snprintf(text + n, bytes - n, "}}");
	}
	kit_init(&a.kit);
	ck_assert_int_eq(kit_rule_list(&a.kit, text), 0);
	free(text);
	ck_assert_int_eq(
		kit_basket(
			&a.kit,
			"{\"lines\":[{\"code\":\"a\",\"qty\":3,\"unit_price_minor\":401},"
			"{\"code\":\"b\",\"qty\":3,\"unit_price_minor\":408}]}"),
		0);
	ck_assert_int_eq(
		pricing_price(a.kit.rules, &a.kit.basket, NULL, &a.kit.at, &budget, &a.r),
		0);
	ck_assert_uint_le(a.r->nodes, budget.nodes_max);
	ck_assert_int_lt(a.r->total_minor, a.r->gross_minor);
	cases_free(&a);
}
END_TEST

START_TEST(hard_baskets_exhaust_a_budget)
{
	struct pricing_budget budget = { .nodes_max = 2000, .price_only = true };
	uint64_t first = cases_first_seed(), unproven = 0;
	struct oracle_case *c = new_case();

	for (uint64_t seed = first; seed < first + 40; seed++) {
		struct cases_answer a;

		hard(c, seed);
		ck_assert(cases_price(&a, c, 0, &budget));
		unproven += !a.r->optimal;
		cases_free(&a);
	}
	ck_assert_uint_ge(unproven, 10);
	free(c);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pricing_budget");
	TCase *tc = tcase_create("random");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 36000);
	tcase_add_test(tc, nodes_never_exceed_the_budget);
	tcase_add_test(tc, a_clock_that_strikes_ends_the_search);
	tcase_add_test(tc, the_gap_of_a_hard_basket_is_true);
	tcase_add_test(tc, a_rule_that_cannot_be_told_is_left_out);
	tcase_add_loop_test(tc, thousands_of_rules_are_within_budget_and_memory, 0,
			    sizeof(thousands) / sizeof(thousands[0]));
	tcase_add_test(tc, hard_baskets_exhaust_a_budget);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
