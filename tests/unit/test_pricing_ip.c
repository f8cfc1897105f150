#include "oracle/ip.h"
#include "pricing_cases.h"
#include "unit.h"

#include <inttypes.h>

/*
 * The engine beside an integer program solved by GLPK: random baskets too large to try. The
 * program itself is first held against brute force on baskets of its own kind that are small.
 * LANED_PRICING_IP sets how many medium baskets, LANED_PRICING_IP_LINES of how many lines at most,
 * LANED_PRICING_IP_MS how much processor time GLPK may take for one.
 */
#define SMALL_DEFAULT 400
#define MEDIUM_DEFAULT 60
#define MEDIUM_LINES_DEFAULT 20
#define FORKS 2

static int
limit_ms(void)
{
	return (int)cases_setting("LANED_PRICING_IP_MS", 1500);
}

static struct oracle_case *
new_case(void)
{
	struct oracle_case *c = malloc(sizeof(*c));

	ck_assert_ptr_nonnull(c);
	return c;
}

static bool
program_differs(const struct oracle_case *c, void *ctx)
{
	int64_t best, other;

	(void)ctx;
	if (!oracle_best(c, &best) ||
	    oracle_ip_best(c, limit_ms(), &other) != ORACLE_IP_OPTIMAL || best == other)
		return false;
	return cases_note("brute force %" PRId64 ", integer program %" PRId64, best,
			  other);
}

START_TEST(the_program_equals_brute_force)
{
	uint64_t count = cases_setting("LANED_PRICING_IP", SMALL_DEFAULT);
	uint64_t first = cases_first_seed();
	struct oracle_case *c = new_case();

	for (uint64_t seed = first; seed < first + count; seed++) {
		oracle_medium(c, seed, 2 + (int)(seed % 4), ORACLE_SMALL_RULES,
			      cases_kinds());
		if (program_differs(c, NULL))
			cases_fail("program and brute force", c, seed, program_differs,
				   NULL);
	}
	free(c);
}
END_TEST

/* Small ones more often than large ones; up to 60 lines and 300 rules when asked for. */
static void
medium(struct oracle_case *c, uint64_t seed)
{
	int most = (int)cases_setting("LANED_PRICING_IP_LINES", MEDIUM_LINES_DEFAULT);
	uint64_t s = ~seed;
	int lines = 6 + oracle_pick(&s, oracle_chance(&s, 50) ? 15 : most - 5);
	int rules = lines * (1 + oracle_pick(&s, 5));

	oracle_medium(c, seed, lines, rules < ORACLE_RULES_MAX ? rules : ORACLE_RULES_MAX,
		      cases_kinds());
}

struct tally {
	uint64_t nodes_max; /* 0: the engine's own budget */
	uint64_t equal, unsolved, unproven, kinds;
};

/* ctx: a tally. */
static bool
engine_differs(const struct oracle_case *c, void *ctx)
{
	struct tally *tally = ctx;
	struct pricing_budget budget = { .nodes_max = tally->nodes_max };
	struct cases_answer a;
	int64_t best;
	bool bad;

	if (oracle_ip_best(c, limit_ms(), &best) != ORACLE_IP_OPTIMAL) {
		tally->unsolved++;
		return false;
	}
	if (!cases_price(&a, c, 0, &budget))
		return false;
	bad = a.r->optimal ? a.r->total_minor != best
			   : best > a.r->total_minor ||
				     best < a.r->total_minor - a.r->gap_minor;
	tally->unproven += !a.r->optimal;
	tally->equal += !bad && a.r->total_minor == best;
	for (int k = 0; k < c->rules_count; k++)
		if (a.r->rules[k].reason == PRICING_APPLIED)
			tally->kinds |= UINT64_C(1) << c->rules[k].kind;
	if (bad)
		cases_note("engine %" PRId64 " (%s, gap %" PRId64 "), program %" PRId64,
			   a.r->total_minor, a.r->optimal ? "optimal" : "not proven",
			   a.r->gap_minor, best);
	cases_free(&a);
	return bad;
}

static void
compare(const char *claim, uint64_t count, uint64_t start, struct tally *tally)
{
	struct oracle_case *c = new_case();

	for (uint64_t i = 0; i - tally->unsolved < count; i++) {
		uint64_t seed = cases_first_seed() + i * FORKS + start;

		medium(c, seed);
		if (cases_total(c) < 0)
			cases_refused(claim, c, seed);
		if (engine_differs(c, tally))
			cases_fail(claim, c, seed, engine_differs, tally);
		ck_assert_msg(tally->unsolved <= 30 + i / 3,
			      "GLPK solves too few baskets");
	}
	free(c);
}

START_TEST(medium_baskets_equal_an_integer_program)
{
	uint64_t count = cases_setting("LANED_PRICING_IP", MEDIUM_DEFAULT) / FORKS;
	struct tally t = { .nodes_max = 0 };

	compare("engine and integer program", count, (uint64_t)_i, &t);
	printf("pricing: %" PRIu64 " of %" PRIu64 " medium baskets have the total of the "
	       "integer program, %" PRIu64 " not proven by us; %" PRIu64
	       " more not solved by GLPK; kinds applied %#" PRIx64 "\n",
	       t.equal, count, t.unproven, t.unsolved, t.kinds);
}
END_TEST

/* With a budget that is soon spent, what is told of the gap is true. */
START_TEST(the_program_lies_within_the_proven_gap)
{
	uint64_t count = cases_setting("LANED_PRICING_IP", MEDIUM_DEFAULT) / 4;
	struct tally t = { .nodes_max = 100 };

	compare("the gap of a medium basket", count, 7777, &t);
	ck_assert_uint_gt(t.unproven, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pricing_ip");
	TCase *tc = tcase_create("random");
	struct oracle_case *c = calloc(1, sizeof(*c));
	SRunner *runner;
	int64_t total;
	int failed;

	if (c != NULL && oracle_ip_best(c, 1000, &total) == ORACLE_IP_MISSING) {
		puts("built without GLPK (Debian: libglpk-dev)");
		free(c);
		return 77;
	}
	free(c);
	tcase_set_timeout(tc, 36000);
	tcase_add_test(tc, the_program_equals_brute_force);
	tcase_add_test(tc, the_program_lies_within_the_proven_gap);
	tcase_add_loop_test(tc, medium_baskets_equal_an_integer_program, 0, FORKS);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
