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
/* A search that the clock has ended looks no more; each of hints and comparisons looks once. */
#define LOOKS_AFTER 16u

static struct oracle_case *
new_case(void)
{
	struct oracle_case *c = malloc(sizeof(*c));

	ck_assert_ptr_nonnull(c);
	return c;
}

static void
hard(struct oracle_case *c, uint64_t seed)
{
	oracle_hard(c, seed, LINES, RULES, cases_kinds());
}

static bool
overspends(const struct oracle_case *c, void *ctx)
{
	struct pricing_budget budget = { .nodes_max = *(const uint64_t *)ctx,
					 .price_only = true };
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
		uint64_t nodes = budgets[seed % 4];

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
		struct clock clock = { 0, seed % 5 };
		struct pricing_budget budget = { .stop = look,
						 .ctx = &clock,
						 .price_only = seed % 2 == 0 };
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
		uint64_t nodes = budgets[seed % 4];

		oracle_hard(c, seed, 4 + (int)(seed % 3), 4 + (int)(seed % 4),
			    cases_kinds());
		if (gap_lies(c, &nodes))
			cases_fail("the gap of a hard basket", c, seed, gap_lies, &nodes);
	}
	free(c);
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

CASES_MAIN("pricing_budget", nodes_never_exceed_the_budget,
	   a_clock_that_strikes_ends_the_search, the_gap_of_a_hard_basket_is_true,
	   hard_baskets_exhaust_a_budget)
