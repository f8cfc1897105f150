#include "pricing_kit.h"
#include "pricing_oracle.h"
#include "unit.h"

#include <inttypes.h>

#define TEXT_BYTES 8192
#define CASES_DEFAULT 12000
#define FORKS 4

/* LANED_PRICING_CASES sets the number of random baskets, LANED_PRICING_SEED the first one. */
static uint64_t
setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t
cases(void)
{
	uint64_t n = setting("LANED_PRICING_CASES", CASES_DEFAULT) / FORKS;

	return n > 0 ? n : 1;
}

static void
describe(uint64_t seed, const char *rules, const char *basket)
{
	fprintf(stderr, "seed %" PRIu64 "\n%s\n%s\n", seed, rules, basket);
}

static void
load_case(struct kit *k, const struct oracle_case *c, uint64_t order)
{
	char rules[TEXT_BYTES], basket[TEXT_BYTES];
	int rc;

	oracle_json(c, order, rules, basket, sizeof(rules));
	rc = kit_rules(k, rules);
	if (rc < 0)
		ck_abort_msg("%s: %s: %s", k->errors.list[0].rule, k->errors.list[0].what,
			     rules);
	ck_assert_int_eq(kit_basket(k, basket), 0);
}

static struct pricing_result *
price_case(struct kit *k, const struct oracle_case *c, uint64_t order)
{
	load_case(k, c, order);
	return kit_price(k);
}

/* Prices a case in a kit of its own. */
static int64_t
total_of(const struct oracle_case *c, uint64_t order, bool *ret_optimal)
{
	struct kit k;
	struct pricing_result *r;
	int64_t total;

	kit_init(&k);
	r = price_case(&k, c, order);
	total = r->total_minor;
	*ret_optimal = r->optimal;
	pricing_result_free(r);
	kit_free(&k);
	return total;
}

static bool
same_as_oracle(uint64_t seed, uint64_t *ret_unproven)
{
	char rules[TEXT_BYTES], basket[TEXT_BYTES];
	struct oracle_case c;
	int64_t best, total;
	bool optimal;

	oracle_random(&c, seed);
	if (!oracle_best(&c, &best))
		return false;
	total = total_of(&c, 0, &optimal);
	*ret_unproven += !optimal;
	if (total != best) {
		oracle_json(&c, 0, rules, basket, sizeof(rules));
		describe(seed, rules, basket);
		ck_abort_msg("seed %" PRIu64 ": engine %" PRId64 "%s, oracle %" PRId64,
			     seed, total, optimal ? " (optimal)" : "", best);
	}
	return true;
}

/* Split in four so that one case's time limit holds a long run. */
START_TEST(equals_brute_force)
{
	uint64_t first = setting("LANED_PRICING_SEED", 1), unproven = 0, done = 0;

	for (uint64_t i = 0; done < cases(); i++)
		done += same_as_oracle(first + i * FORKS + (uint64_t)_i, &unproven);
	printf("pricing: %" PRIu64 " baskets equal to brute force, %" PRIu64
	       " not proven\n",
	       done, unproven);
}
END_TEST

/* Whatever the budget, the best price lies between the answer and its proven gap. */
START_TEST(a_spent_budget_still_brackets_the_best_price)
{
	uint64_t first = setting("LANED_PRICING_SEED", 1), unproven = 0;

	for (uint64_t i = 0; i < cases(); i++) {
		struct pricing_budget budget = { .nodes_max = 1 + (first + i) % 60 };
		struct pricing_result *r;
		struct oracle_case c;
		struct kit k;
		int64_t best;

		oracle_random(&c, first + i);
		if (!oracle_best(&c, &best))
			continue;
		kit_init(&k);
		load_case(&k, &c, 0);
		ck_assert_int_eq(
			pricing_price(k.rules, &k.basket, &k.member, &k.at, &budget, &r),
			0);
		if (best > r->total_minor || best < r->total_minor - r->gap_minor)
			ck_abort_msg("seed %" PRIu64 ": best %" PRId64 ", said %" PRId64
				     " less at most %" PRId64,
				     first + i, best, r->total_minor, r->gap_minor);
		unproven += !r->optimal;
		pricing_result_free(r);
		kit_free(&k);
	}
	ck_assert_uint_gt(unproven, 0);
}
END_TEST

static void
check_sums(const struct kit *k, const struct pricing_result *r, uint64_t seed)
{
	int64_t total = 0, shares = 0, floor;

	for (size_t i = 0; i < k->basket.lines_count; i++) {
		const struct pricing_line *l = &k->basket.lines[i];

		floor = l->floor_minor < l->amount_minor ? l->floor_minor
							 : l->amount_minor;
		total += r->line_net_minor[i];
		if (r->line_net_minor[i] < floor ||
		    r->line_net_minor[i] > l->amount_minor ||
		    (l->excluded && r->line_net_minor[i] != l->amount_minor))
			ck_abort_msg("seed %" PRIu64 ": line %u at %" PRId64, seed,
				     l->line, r->line_net_minor[i]);
	}
	for (size_t i = 0; i < r->shares_count; i++) {
		const struct pricing_share *s = &r->shares[i];

		ck_assert_int_gt(s->discount_minor, 0);
		ck_assert_int_le(s->qty_milli, k->basket.lines[s->line_index].qty_milli);
		shares += s->discount_minor;
	}
	ck_assert_int_eq(total, r->total_minor);
	ck_assert_int_eq(r->gross_minor - shares, r->total_minor);
	ck_assert_int_eq(r->gross_minor - r->saving_minor, r->total_minor);
	ck_assert_int_ge(r->gap_minor, 0);
	ck_assert(r->optimal == (r->gap_minor == 0));
}

START_TEST(lines_sum_to_the_total_and_nothing_is_negative)
{
	uint64_t first = setting("LANED_PRICING_SEED", 1);

	for (uint64_t i = 0; i < cases(); i++) {
		struct oracle_case c;
		struct pricing_result *r;
		struct kit k;

		oracle_random(&c, first + i);
		kit_init(&k);
		r = price_case(&k, &c, 0);
		check_sums(&k, r, first + i);
		pricing_result_free(r);
		kit_free(&k);
	}
}
END_TEST

static bool
any_always(const struct oracle_case *c)
{
	for (int i = 0; i < c->rules_count; i++)
		if (c->rules[i].always)
			return true;
	return false;
}

START_TEST(removing_an_offer_never_lowers_the_price)
{
	uint64_t first = setting("LANED_PRICING_SEED", 1);

	for (uint64_t i = 0; i < cases(); i++) {
		struct oracle_case c;
		int64_t with, without;
		bool optimal;

		oracle_random(&c, first + i);
		if (any_always(&c))
			continue;
		with = total_of(&c, 0, &optimal);
		c.rules[(first + i) % (uint64_t)c.rules_count] =
			c.rules[c.rules_count - 1];
		c.rules_count--;
		without = total_of(&c, 0, &optimal);
		if (without < with)
			ck_abort_msg("seed %" PRIu64 ": %" PRId64 " with, %" PRId64
				     " without",
				     first + i, with, without);
	}
}
END_TEST

/* The whole answer, line by line and rule by rule, must not depend on the order given. */
static void
same_answer(const struct kit *k, const struct pricing_result *a, const struct kit *m,
	    const struct pricing_result *b, uint64_t seed)
{
	bool same = a->total_minor == b->total_minor;

	for (size_t i = 0; same && i < k->basket.lines_count; i++)
		for (size_t j = 0; j < m->basket.lines_count; j++)
			if (k->basket.lines[i].line == m->basket.lines[j].line)
				same = same &&
				       a->line_net_minor[i] == b->line_net_minor[j];
	for (size_t i = 0; same && i < a->rules_count; i++)
		same = a->rules[i].discount_minor == b->rules[i].discount_minor &&
		       a->rules[i].reason == b->rules[i].reason &&
		       a->rules[i].applications == b->rules[i].applications;
	if (!same)
		ck_abort_msg("seed %" PRIu64 ": order matters", seed);
}

START_TEST(order_of_rules_and_lines_changes_nothing)
{
	uint64_t first = setting("LANED_PRICING_SEED", 1);

	for (uint64_t i = 0; i < cases(); i++) {
		struct pricing_result *a, *b;
		struct oracle_case c;
		struct kit k, m;

		oracle_random(&c, first + i);
		kit_init(&k);
		kit_init(&m);
		a = price_case(&k, &c, 0);
		b = price_case(&m, &c, first + i + 1);
		same_answer(&k, a, &m, b, first + i);
		pricing_result_free(a);
		pricing_result_free(b);
		kit_free(&k);
		kit_free(&m);
	}
}
END_TEST

START_TEST(a_line_in_no_scope_changes_nothing_else)
{
	uint64_t first = setting("LANED_PRICING_SEED", 1);

	for (uint64_t i = 0; i < cases(); i++) {
		struct oracle_case c;
		int64_t before, after;
		bool optimal;

		oracle_random(&c, first + i);
		if (c.lines_count == ORACLE_LINES_MAX)
			continue;
		before = total_of(&c, 0, &optimal);
		c.lines[c.lines_count] = (struct oracle_line){
			.id = 5, .units = 1, .price = 333, .amount = 333, .excluded = true
		};
		c.lines_count++;
		after = total_of(&c, 0, &optimal);
		if (after != before + 333)
			ck_abort_msg("seed %" PRIu64 ": %" PRId64 " became %" PRId64,
				     first + i, before, after);
	}
}
END_TEST

static Suite *
oracle_suite(void)
{
	Suite *suite = suite_create("pricing_oracle");
	TCase *tc = tcase_create("random");

	tcase_set_timeout(tc, 600);
	tcase_add_loop_test(tc, equals_brute_force, 0, FORKS);
	tcase_add_test(tc, a_spent_budget_still_brackets_the_best_price);
	tcase_add_test(tc, lines_sum_to_the_total_and_nothing_is_negative);
	tcase_add_test(tc, removing_an_offer_never_lowers_the_price);
	tcase_add_test(tc, order_of_rules_and_lines_changes_nothing);
	tcase_add_test(tc, a_line_in_no_scope_changes_nothing_else);
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
