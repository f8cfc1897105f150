#include "pricing_cases.h"

#include <inttypes.h>
#include <stdarg.h>

#define SHRINK_TRIES_MAX 5000

static char last_note[256];

bool
cases_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(last_note, sizeof(last_note), fmt, ap); /* cut when too long */
	va_end(ap);
	return true;
}

uint64_t
cases_setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

uint64_t
cases_count(uint64_t otherwise)
{
	uint64_t n = cases_setting("LANED_PRICING_CASES", otherwise);

	return n > 0 ? n : 1;
}

uint64_t
cases_first_seed(void)
{
	return cases_setting("LANED_PRICING_SEED", 1);
}

uint32_t
cases_kinds(void)
{
	return (uint32_t)cases_setting("LANED_PRICING_KINDS", ORACLE_ALL_KINDS);
}

void
cases_random(struct oracle_case *c, uint64_t seed)
{
	oracle_random(c, seed, cases_kinds());
}

static int
load(struct kit *k, const struct oracle_text *t)
{
	int rc = kit_rules(k, t->rules);

	if (rc == 0)
		rc = kit_basket(k, t->basket);
	if (rc == 0)
		rc = kit_member(k, t->member);
	return rc;
}

bool
cases_price(struct cases_answer *a, const struct oracle_case *c, uint64_t order,
	    const struct pricing_budget *budget)
{
	struct oracle_text t;
	int rc;

	oracle_json(c, order, &t);
	a->r = NULL;
	kit_init(&a->kit);
	a->kit.at.wall_ms = oracle_wall_ms(c->now);
	a->kit.at.business_day = 20261100 + c->now.day;
	rc = load(&a->kit, &t);
	oracle_text_free(&t);
	if (rc == 0)
		rc = pricing_price(a->kit.rules, &a->kit.basket, &a->kit.member,
				   &a->kit.at, budget, &a->r);
	if (rc < 0)
		kit_free(&a->kit);
	return rc == 0;
}

void
cases_free(struct cases_answer *a)
{
	a->r = pricing_result_free(a->r);
	kit_free(&a->kit);
}

size_t
cases_line(const struct cases_answer *a, int id)
{
	for (size_t i = 0; i < a->kit.basket.lines_count; i++)
		if (a->kit.basket.lines[i].line == (uint32_t)id)
			return i;
	ck_abort_msg("line %d is not in the basket", id);
}

int64_t
cases_total(const struct oracle_case *c)
{
	struct cases_answer a;
	int64_t total;

	if (!cases_price(&a, c, 0, NULL))
		return -1;
	total = a.r->total_minor;
	cases_free(&a);
	return total;
}

_Noreturn void
cases_fail(const char *claim, const struct oracle_case *c, uint64_t seed,
	   oracle_fails fails, void *ctx)
{
	struct oracle_case *small = malloc(sizeof(*small));
	unsigned tries;
	char *command;

	ck_assert_ptr_nonnull(small);
	oracle_copy(small, c);
	tries = oracle_shrink(small, fails, ctx, SHRINK_TRIES_MAX);
	command = oracle_command(small);
	fprintf(stderr,
		"%s: seed %" PRIu64 " fails; after %u tries the smallest is\n%s\n", claim,
		seed, tries, command);
	(void)fails(small, ctx); /* once more, for its note */
	fprintf(stderr, "%s\n", last_note);
	free(command);
	free(small);
	ck_abort_msg("%s: seed %" PRIu64, claim, seed);
}

/* A case of the generator that the engine does not take is a fault of one of the two. */
void
cases_refused(const char *claim, const struct oracle_case *c, uint64_t seed)
{
	struct oracle_text t;
	struct kit k;
	int rc;

	oracle_json(c, 0, &t);
	kit_init(&k);
	rc = load(&k, &t);
	fprintf(stderr, "%s\n%s\n%s\n", t.rules, t.basket, t.member);
	ck_abort_msg("%s: seed %" PRIu64 " is refused (%d): %s %s, %s", claim, seed, rc,
		     k.errors.count > 0 ? k.errors.list[0].rule : "",
		     k.errors.count > 0 ? k.errors.list[0].what : "", k.value_error.what);
}

void
cases_hold(const char *claim, uint64_t count, oracle_fails fails)
{
	uint64_t first = cases_first_seed();
	struct oracle_case *c = malloc(sizeof(*c));

	ck_assert_ptr_nonnull(c);
	for (uint64_t seed = first; seed < first + count; seed++) {
		cases_random(c, seed);
		if (cases_total(c) < 0)
			cases_refused(claim, c, seed);
		if (fails(c, NULL))
			cases_fail(claim, c, seed, fails, NULL);
	}
	free(c);
}

int
cases_run(const char *name, const TTest *const tests[], size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create("random");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 36000);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
