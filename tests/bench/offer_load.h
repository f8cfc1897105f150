#ifndef LANED_TESTS_BENCH_OFFER_LOAD_H
#define LANED_TESTS_BENCH_OFFER_LOAD_H

#include "core/pricing/pricing.h"

/*
 * Baskets and offers to measure with, in a form that every engine compared here can read: a line
 * belongs to one class of goods, an offer is for one class.
 */
#define LOAD_LINES_MAX 500
#define LOAD_OFFERS_MAX 20000
#define LOAD_CLASSES_MAX 1000

enum load_kind { LOAD_PERCENT, LOAD_AMOUNT, LOAD_FIXED, LOAD_N_FOR, LOAD_BUY_GET };

struct load_line {
	int class;
	bool measured; /* by weight: one unit, whatever is weighed */
	int64_t units; /* 1 when measured */
	int64_t qty_milli;
	int64_t price, amount;
};

struct load_offer {
	enum load_kind kind;
	int class;
	int64_t bp, minor; /* percent; amount or price, of a unit or a group */
	int64_t buy, get;  /* get 0: a group of buy units for the price */
	int64_t max_units; /* 0: all */
};

struct load_case {
	int lines_count, offers_count;
	struct load_line lines[LOAD_LINES_MAX];
	struct load_offer offers[LOAD_OFFERS_MAX];
};

/* What is drawn. */
struct load_shape {
	int lines, offers, classes;
	bool aimed;    /* every offer is for a class that is in the basket */
	int64_t units; /* of a line at most; most have one */
};

uint64_t load_next(uint64_t *state);
int load_pick(uint64_t *state, int count);

/* A random basket; random offers for it, of a supermarket's mix. */
void load_basket(struct load_case *c, const struct load_shape *shape, uint64_t *state);
void load_offers(struct load_case *c, const struct load_shape *shape, uint64_t *state);

/* The offers compiled by the engine; ends the program when it refuses them. */
struct pricing_rules *load_rules(const struct load_case *c);
/* A line as the engine takes it; text holds its class, of LOAD_TEXT_BYTES. */
#define LOAD_TEXT_BYTES 16
struct pricing_line load_line(const struct load_case *c, int line, char *text);

#endif
