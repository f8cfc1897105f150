#ifndef LANED_TESTS_UNIT_PRICING_CASES_H
#define LANED_TESTS_UNIT_PRICING_CASES_H

#include "oracle/oracle.h"
#include "oracle/shrink.h"
#include "pricing_kit.h"
#include "unit.h"

/*
 * Random cases through the engine. LANED_PRICING_CASES sets how many baskets a program tries,
 * LANED_PRICING_SEED the first seed, LANED_PRICING_KINDS (bits) which kinds.
 */
uint64_t cases_setting(const char *name, uint64_t otherwise);
uint64_t cases_count(uint64_t otherwise);
uint64_t cases_first_seed(void);
uint32_t cases_kinds(void);
void cases_random(struct oracle_case *c, uint64_t seed);

/* One case in the engine. */
struct cases_answer {
	struct kit kit;
	struct pricing_result *r;
};

/*
 * Prices a case; order shuffles rules and lines, budget may be NULL. False: the engine refuses it
 * (a shrunk case may make no sense). Free what was filled.
 */
bool cases_price(struct cases_answer *a, const struct oracle_case *c, uint64_t order,
		 const struct pricing_budget *budget);
void cases_free(struct cases_answer *a);

/* The position in the basket of the answer of a line of the case, by its number. */
size_t cases_line(const struct cases_answer *a, int id);

/* Total of a case, or -1 when it is refused. */
int64_t cases_total(const struct oracle_case *c);

/* What a case that fails saw; printed for the smallest one. Always true. */
__attribute__((format(printf, 1, 2))) bool cases_note(const char *fmt, ...);

/*
 * Tries that no random case fails: the first one that does is made minimal, printed as a command
 * that prices it, and fails the test. Cases that the engine refuses fail the test too.
 */
void cases_hold(const char *claim, uint64_t count, oracle_fails fails);

/* The same for one case that is known to fail: makes it minimal and fails the test. */
_Noreturn void cases_fail(const char *claim, const struct oracle_case *c, uint64_t seed,
			  oracle_fails fails, void *ctx);

/* Fails the test, and says why the engine refuses the case. */
void cases_refused(const char *claim, const struct oracle_case *c, uint64_t seed);

/* As UNIT_MAIN, with time for a campaign of hours. */
#define CASES_MAIN(name, ...)                                                            \
	int main(void)                                                                   \
	{                                                                                \
		const TTest *const list[] = { __VA_ARGS__ };                             \
                                                                                         \
		return cases_run(name, list, sizeof(list) / sizeof(list[0]));            \
	}
int cases_run(const char *name, const TTest *const tests[], size_t count);

#endif
