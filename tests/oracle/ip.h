#ifndef LANED_TESTS_ORACLE_IP_H
#define LANED_TESTS_ORACLE_IP_H

#include "oracle/value.h"

/*
 * The best price of a basket as an integer program, solved by GLPK: a column for each way to apply
 * an offer (a group of units, a run of units of a line), a row for each run of equal units, and
 * integers for what is rounded later. Exact for the kinds that oracle_medium() makes. milliseconds:
 * of processor time.
 */
enum oracle_ip {
	ORACLE_IP_OPTIMAL,   /* proven, and checked in whole numbers */
	ORACLE_IP_UNSOLVED,  /* out of time, or its arithmetic was not good enough */
	ORACLE_IP_TOO_LARGE, /* too many columns */
	ORACLE_IP_MISSING    /* built without GLPK */
};
enum oracle_ip oracle_ip_best(const struct oracle_case *c, int milliseconds,
			      int64_t *ret_total);

/* ---- the model, without the solver ---- */

#define IP_COLUMNS_MAX 60000

struct ip_entry {
	int row, column;
	int64_t value;
};

struct ip_bounds {
	int64_t low, high, cost; /* cost: of columns */
};

struct ip {
	const struct oracle_case *c;
	struct oracle_parts parts;
	struct ip_entry *entries;
	struct ip_bounds *rows, *columns;
	int entries_count, rows_count, columns_count;
	int entries_room, rows_room, columns_room;
	bool too_large;

	bool allowed[ORACLE_RULES_MAX];
	int part_row[ORACLE_PARTS_MAX];     /* units taken of a part */
	int free_row[ORACLE_PARTS_MAX];     /* a free rule takes all that others left */
	int one_free_row[ORACLE_PARTS_MAX]; /* at most one free rule */
	int category_row[64], category_saving[64];
	int line_row[ORACLE_LINES_MAX],
		line_net[ORACLE_LINES_MAX]; /* -1: not asked for */
	int used_row[ORACLE_RULES_MAX];     /* -1: in no group */
	int64_t gross;
};

#define IP_FREE INT64_MAX /* no bound */

int ip_row(struct ip *m, int64_t low, int64_t high);
int ip_column(struct ip *m, int64_t low, int64_t high, int64_t cost);
void ip_entry(struct ip *m, int row, int column, int64_t value);

/* The rules of layer 1; those of layers 2 and 3. */
void ip_add_offers(struct ip *m);
void ip_add_upper(struct ip *m);

/* The whole model over the allowed rules; free it. */
void ip_build(struct ip *m, const struct oracle_case *c, const bool *allowed);
void ip_free(struct ip *m);

/* Maximises what is saved; *ret_saving in whole numbers. */
enum oracle_ip ip_solve(const struct ip *m, int milliseconds, int64_t *ret_saving);

#endif
