#ifndef LANED_TESTS_UNIT_PRICING_ORACLE_H
#define LANED_TESTS_UNIT_PRICING_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An independent statement of what the price engine must find: random small cases, and their
 * lowest price by trying every assignment of every unit. It shares no code with the engine.
 */
#define ORACLE_LINES_MAX 5
#define ORACLE_RULES_MAX 7
#define ORACLE_PARTS_MAX (2 * ORACLE_LINES_MAX)

enum oracle_kind {
	ORACLE_PERCENT,
	ORACLE_AMOUNT,
	ORACLE_FIXED,
	ORACLE_N_FOR,
	ORACLE_BUY_GET,
	ORACLE_CHEAPEST,
	ORACLE_BASKET_PERCENT,
	ORACLE_BASKET_AMOUNT,
	ORACLE_KINDS
};

struct oracle_line {
	int id, units, grams; /* grams > 0: a weighed line */
	int64_t price, amount, floor;
	bool excluded, reduced;
	int category; /* "c<category>" */
};

struct oracle_rule {
	int id; /* "r<id>" */
	enum oracle_kind kind;
	int64_t percent, amount, cap;
	int n, buy, get, max_units, min_units, uses;
	bool cheapest_first, stack, gross, over, best, always, no_reduced;
	int64_t spend;
	int scope; /* -1: all; 0..: a category; 100 + bits: lines by position */
	int group; /* 0: none */
};

struct oracle_case {
	struct oracle_line lines[ORACLE_LINES_MAX];
	struct oracle_rule rules[ORACLE_RULES_MAX];
	int lines_count, rules_count, rounding;
};

/* A random case from a seed; the same seed makes the same case. */
void oracle_random(struct oracle_case *c, uint64_t seed);

/* The lowest price of all; false when the case is too large to try everything. */
bool oracle_best(const struct oracle_case *c, int64_t *ret_total);

/* The case as the engine's JSON; order shuffles rules and lines. */
void oracle_json(const struct oracle_case *c, uint64_t order, char *rules, char *basket,
		 size_t bytes);

/* A small generator of numbers (splitmix64). */
uint64_t oracle_next(uint64_t *state);

#endif
