#include "pricing_cases.h"
#include "unit.h"

#include <inttypes.h>

/* The engine beside an oracle that tries everything: random small baskets of all kinds. */
#define CASES_DEFAULT 20000
#define FORKS 4

static struct oracle_case *
new_case(void)
{
	struct oracle_case *c = malloc(sizeof(*c));

	ck_assert_ptr_nonnull(c);
	return c;
}

/* The engine's total is not the lowest there is, or not what it says of its proof. */
static bool
differs(const struct oracle_case *c, void *ctx)
{
	struct cases_answer a;
	int64_t best;
	bool bad;

	(void)ctx;
	if (!oracle_best(c, &best) || !cases_price(&a, c, 0, NULL))
		return false;
	bad = a.r->total_minor != best || a.r->optimal != (a.r->gap_minor == 0);
	if (bad)
		cases_note("engine %" PRId64 " (%s, gap %" PRId64 "), oracle %" PRId64,
			   a.r->total_minor, a.r->optimal ? "optimal" : "not proven",
			   a.r->gap_minor, best);
	cases_free(&a);
	return bad;
}

/* Split so that both processors work and one case's time limit holds a long run. */
START_TEST(equals_brute_force)
{
	uint64_t first = cases_first_seed(), count = cases_count(CASES_DEFAULT) / FORKS;
	uint64_t done = 0, unproven = 0, kinds = 0;
	struct oracle_case *c = new_case();

	for (uint64_t i = 0; done < count; i++) {
		uint64_t seed = first + i * FORKS + (uint64_t)_i;
		struct cases_answer a;
		int64_t best;

		cases_random(c, seed);
		if (!oracle_best(c, &best))
			continue;
		if (!cases_price(&a, c, 0, NULL))
			cases_refused("brute force", c, seed);
		unproven += !a.r->optimal;
		for (int k = 0; k < c->rules_count; k++)
			if (a.r->rules[k].reason == PRICING_APPLIED)
				kinds |= UINT64_C(1) << c->rules[k].kind;
		cases_free(&a);
		if (differs(c, NULL))
			cases_fail("engine and brute force", c, seed, differs, NULL);
		done++;
	}
	printf("pricing: %" PRIu64 " baskets equal to brute force, %" PRIu64
	       " not proven, kinds applied %#" PRIx64 "\n",
	       done, unproven, kinds);
	free(c);
}
END_TEST

/* Many combinations of rules that exclude each other: few are tried, and none is missed. */
START_TEST(rules_that_exclude_each_other_equal_brute_force)
{
	uint64_t first = cases_first_seed(), count = cases_count(CASES_DEFAULT) / 10;
	struct oracle_case *c = new_case();
	uint64_t done = 0;

	for (uint64_t seed = first; done < count; seed++) {
		int64_t best;

		oracle_grouped(c, seed, cases_kinds());
		if (!oracle_best(c, &best))
			continue;
		if (cases_total(c) < 0)
			cases_refused("rules in groups", c, seed);
		if (differs(c, NULL))
			cases_fail("rules in groups", c, seed, differs, NULL);
		done++;
	}
	free(c);
}
END_TEST

/* Whatever the budget, the best price lies between the answer and its proven gap. */
static bool
escapes_the_gap(const struct oracle_case *c, void *ctx)
{
	struct pricing_budget budget = { .nodes_max = *(const uint64_t *)ctx };
	struct cases_answer a;
	int64_t best;
	bool bad;

	if (!oracle_best(c, &best) || !cases_price(&a, c, 0, &budget))
		return false;
	bad = best > a.r->total_minor || best < a.r->total_minor - a.r->gap_minor ||
	      a.r->optimal != (a.r->gap_minor == 0);
	cases_free(&a);
	return bad;
}

START_TEST(a_spent_budget_still_brackets_the_best_price)
{
	uint64_t first = cases_first_seed(), count = cases_count(CASES_DEFAULT) / FORKS;
	struct oracle_case *c = new_case();

	for (uint64_t i = 0; i < count; i++) {
		uint64_t nodes = 1 + (first + i) % 60;

		cases_random(c, first + i);
		if (escapes_the_gap(c, &nodes))
			cases_fail("the gap after a spent budget", c, first + i,
				   escapes_the_gap, &nodes);
	}
	free(c);
}
END_TEST

/* ---- the shrinker itself ---- */

/* A wrong oracle: it believes that buy one get one takes the dearer unit off. */
static bool
wrong_oracle_differs(const struct oracle_case *c, void *ctx)
{
	struct oracle_case *wrong;
	int64_t right, other;
	bool differ;

	(*(unsigned *)ctx)++;
	if (!oracle_best(c, &right))
		return false;
	wrong = new_case();
	oracle_copy(wrong, c);
	for (int i = 0; i < wrong->rules_count; i++)
		if (wrong->rules[i].kind == ORACLE_BUY_GET) {
			wrong->rules[i].get += wrong->rules[i].buy;
			wrong->rules[i].buy = 0;
		}
	differ = oracle_best(wrong, &other) && other != right;
	free(wrong);
	return differ;
}

START_TEST(a_wrong_answer_shrinks_to_a_minimal_basket)
{
	struct oracle_case *c = new_case();
	unsigned asked = 0, shrunk = 0;

	for (uint64_t seed = 1; shrunk < 5; seed++) {
		int units = 0;

		ck_assert_uint_lt(seed, 5000);
		oracle_random(c, seed, ORACLE_ALL_KINDS);
		if (c->rules_count < 4 || !wrong_oracle_differs(c, &asked))
			continue;
		oracle_shrink(c, wrong_oracle_differs, &asked, 5000);
		for (int l = 0; l < c->lines_count; l++)
			units += c->lines[l].units;
		/* One rule, two units of one minor unit each, and nothing else said. */
		ck_assert_int_eq(c->rules_count, 1);
		ck_assert_int_eq(c->rules[0].kind, ORACLE_BUY_GET);
		ck_assert_int_eq(c->rules[0].buy, 1);
		ck_assert_int_eq(c->rules[0].get, 1);
		ck_assert_int_eq(units, 2);
		ck_assert_int_eq(c->rules[0].spend + c->rules[0].min_units +
					 c->rules[0].group + c->rules[0].uses,
				 0);
		ck_assert_int_eq(c->rounding + c->coupons, 0);
		shrunk++;
	}
	free(c);
}
END_TEST

START_TEST(a_minimal_case_is_printed_as_a_command)
{
	struct oracle_case *c = new_case();
	char *command;

	oracle_random(c, 1, ORACLE_ALL_KINDS);
	command = oracle_command(c);
	ck_assert_ptr_nonnull(strstr(command, "lanectl price --rules <(echo '{"));
	ck_assert_ptr_nonnull(strstr(command, " --basket <(echo '{\"lines\":["));
	ck_assert_ptr_nonnull(strstr(command, " --member <(echo '{\"known\":"));
	free(command);
	free(c);
}
END_TEST

static Suite *
oracle_suite(void)
{
	Suite *suite = suite_create("pricing_oracle");
	TCase *tc = tcase_create("random");

	tcase_set_timeout(tc, 3600);
	tcase_add_loop_test(tc, equals_brute_force, 0, FORKS);
	tcase_add_test(tc, rules_that_exclude_each_other_equal_brute_force);
	tcase_add_test(tc, a_spent_budget_still_brackets_the_best_price);
	tcase_add_test(tc, a_wrong_answer_shrinks_to_a_minimal_basket);
	tcase_add_test(tc, a_minimal_case_is_printed_as_a_command);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(oracle_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
