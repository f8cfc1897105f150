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

struct oracle_scope {
	int category;          /* "c<category>", -1: any */
	uint64_t codes;        /* bit n: "s<n>"; 0 and no category: everything */
	uint64_t except_codes; /* taken out again */
};

struct oracle_line {
	int id, units, grams; /* grams > 0: a measured line, its thousandths */
	int64_t price, less, amount, floor; /* amount = price x quantity - less */
	bool weighed, excluded, reduced;    /* weighed: a measured line says so */
	int category, code, vat_bp;         /* code -1: none */
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
	int components_count, tiers_count;
	int64_t points, per_minor, most_points, least_points, most_bp;
};

struct oracle_case {
	int lines_count, rules_count, rounding;
	int coupons; /* bit n: "C<n>" was presented */
	bool known;  /* a member */
	int64_t points;
	struct oracle_line lines[ORACLE_LINES_MAX];
	struct oracle_rule rules[ORACLE_RULES_MAX];
};

/* A random small case of these kinds from a seed; the same seed makes the same case. */
void oracle_random(struct oracle_case *c, uint64_t seed, uint32_t kinds);

/*
 * A random medium case, made so that an integer program states it exactly: no floors under basket
 * rules, percentages of these in steps of 5 %, half up.
 */
void oracle_medium(struct oracle_case *c, uint64_t seed, int lines, int rules,
		   uint32_t kinds);

/* A case that is meant to be hard to prove: offers tangled over the same units, near misses. */
void oracle_hard(struct oracle_case *c, uint64_t seed, int lines, int rules,
		 uint32_t kinds);

/* The lowest price of all; false when the case is too large to try everything. */
bool oracle_best(const struct oracle_case *c, int64_t *ret_total);

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
