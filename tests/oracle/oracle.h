#ifndef LANED_TESTS_ORACLE_ORACLE_H
#define LANED_TESTS_ORACLE_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An independent statement of what the price engine must find: random cases, and the lowest price
 * of the small ones by trying every assignment of every unit. Written from docs/promotions.md; it
 * shares no code with the engine.
 */
#define ORACLE_LINES_MAX 60
#define ORACLE_RULES_MAX 300
#define ORACLE_COMPONENTS_MAX 3
#define ORACLE_TIERS_MAX 4
#define ORACLE_SMALL_LINES 6 /* oracle_random() and oracle_best() */
#define ORACLE_SMALL_RULES 8
#define ORACLE_GROUPED_RULES 12 /* oracle_grouped() and oracle_best() */

/* First those that take units, then those over whole baskets, then points. */
enum oracle_kind {
	ORACLE_PERCENT,
	ORACLE_AMOUNT,
	ORACLE_FIXED,
	ORACLE_N_FOR,
	ORACLE_BUY_GET,
	ORACLE_EVERY_N,
	ORACLE_FULL_GROUPS,
	ORACLE_PACK,
	ORACLE_BUNDLE,
	ORACLE_DISTINCT,
	ORACLE_FIRST_NEXT,
	ORACLE_CHEAPEST_UNIT,
	ORACLE_BUY_GET_CHEAPEST,
	ORACLE_WEIGHT,
	ORACLE_BASKET_PERCENT,
	ORACLE_BASKET_AMOUNT,
	ORACLE_BASKET_TIERS,
	ORACLE_EARN,
	ORACLE_BURN,
	ORACLE_KINDS
};
#define ORACLE_ALL_KINDS ((UINT32_C(1) << ORACLE_KINDS) - 1)

enum oracle_form { ORACLE_NONE, ORACLE_BY_PERCENT, ORACLE_BY_AMOUNT, ORACLE_BY_PRICE };

/* No category, code or brand: everything. */
struct oracle_scope {
	int category;                         /* "c<category>", -1: none */
	uint64_t codes, brands;               /* bit n: "s<n>", "b<n>" */
	uint64_t except_codes, except_brands; /* taken out again */
	int64_t price_min, price_max;         /* of a unit, both included; 0: none */
};

/* A moment of November 2026 in the store's time, which is an hour ahead of UTC. */
struct oracle_moment {
	int day, minute; /* of the month; of the day, -1: the whole day is meant */
};

/* When a rule holds; zeroed: always. */
struct oracle_when {
	struct oracle_moment from, to; /* day 0: none */
	int days;                      /* bit 0: Monday; 0: all */
	struct {
		int from, to; /* minutes of the day; over midnight unless from < to */
	} hours[2];
	int hours_count;
};

struct oracle_line {
	int id, units, grams; /* grams > 0: a measured line, its thousandths */
	int64_t price, less, amount, floor; /* amount = price x quantity - less */
	bool weighed, excluded, reduced;    /* weighed: a measured line says so */
	int category, code, vat_bp;         /* code -1: none */
	int brand;                          /* 0: none */
};

struct oracle_reward {
	enum oracle_form form;
	int64_t value; /* basis points or minor units */
};

struct oracle_tier {
	int64_t from,
		value; /* spend, units or number of different codes; what it gives */
};

struct oracle_rule {
	int id; /* "r<id>" */
	enum oracle_kind kind;
	struct oracle_scope scope, contains;
	struct oracle_reward reward, first;
	int64_t cap, spend, budget, budget_used; /* 0: none */
	int n, buy, get; /* get and buy are grams of ORACLE_WEIGHT */
	int max_units, min_units, contains_units;
	int uses, total, total_used; /* limits: of this basket, of all */
	int group, coupon;           /* 0: none */
	bool cheapest_first, stack, gross, over, best, always, no_reduced, member;
	bool tiers_of_units;
	struct {
		struct oracle_scope scope;
		int units;
	} components[ORACLE_COMPONENTS_MAX];
	struct oracle_tier tiers[ORACLE_TIERS_MAX];
	struct oracle_when when;
	int components_count, tiers_count;
	int64_t points, per_minor, most_points, least_points, most_bp;
};

struct oracle_case {
	int lines_count, rules_count, rounding;
	int coupons; /* bit n: "C<n>" was presented */
	bool known;  /* a member */
	int64_t points;
	struct oracle_moment now;
	struct oracle_line lines[ORACLE_LINES_MAX];
	struct oracle_rule rules[ORACLE_RULES_MAX];
};

/* A random small case of these kinds from a seed; the same seed makes the same case. */
void oracle_random(struct oracle_case *c, uint64_t seed, uint32_t kinds);

/* The same with more rules, all of them in a few groups: at most one of each may be used. */
void oracle_grouped(struct oracle_case *c, uint64_t seed, uint32_t kinds);

/*
 * A random medium case, made so that an integer program states it exactly: no floors under basket
 * rules, percentages of these in steps of 5 %, half up.
 */
void oracle_medium(struct oracle_case *c, uint64_t seed, int lines, int rules,
		   uint32_t kinds);

/* A case that is meant to be hard to prove: offers tangled over the same units, near misses. */
void oracle_hard(struct oracle_case *c, uint64_t seed, int lines, int rules,
		 uint32_t kinds);

/*
 * Gives many rules of a case a budget of which little is left: about what they could take off, so
 * that whether they may apply is as hard to tell as the price.
 */
void oracle_tight_budgets(struct oracle_case *c, uint64_t seed);

/* The lowest price of all; false when the case is too large to try everything. */
bool oracle_best(const struct oracle_case *c, int64_t *ret_total);

/* The moment when most cases are priced: Saturday the 21st, 11:00. Milliseconds of UTC. */
#define ORACLE_NOW ((struct oracle_moment){ 21, 660 })
int64_t oracle_wall_ms(struct oracle_moment m);
/* 0: Monday. */
int oracle_weekday(int day);
/* Some of everything that tells when a rule holds. */
void oracle_random_when(struct oracle_when *w, uint64_t *state);

/* A line's amount after its price, quantity or less changed. */
void oracle_settle(struct oracle_line *l);

/* Copies what is in use; the structure is large. */
void oracle_copy(struct oracle_case *to, const struct oracle_case *from);

/* The case as the engine's JSON; order shuffles rules and lines (0: as they stand). */
struct oracle_text {
	char *rules, *basket, *member;
};
void oracle_json(const struct oracle_case *c, uint64_t order, struct oracle_text *ret);
void oracle_text_free(struct oracle_text *t);

/* As a command line that prices it, for a shell that knows <(..). The caller frees it. */
char *oracle_command(const struct oracle_case *c);

/* A small generator of numbers (splitmix64); 0..count-1; true in percent of 100. */
uint64_t oracle_next(uint64_t *state);
int oracle_pick(uint64_t *state, int count);
bool oracle_chance(uint64_t *state, int percent);

#endif
