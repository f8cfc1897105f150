#ifndef LANED_TESTS_BENCH_REPORT_ITEMS_H
#define LANED_TESTS_BENCH_REPORT_ITEMS_H

#include "figures.h"
#include "results.h"

/* The table of what has to be reached: one item a line, judged by what was measured. */
enum verdict { NOT_MEASURED, NOT_MET, CANNOT_BE_SHOWN, MET, MET_SURELY };

/* A figure that is the better the lower it is; in units of the item, such as percent or ms. */
struct measured {
	bool known;
	bool too_few; /* not known, for there were not enough comparisons */
	double value;
	bool bounded; /* the following are meant */
	double low, high;
	double least; /* less than this the data cannot show */
};

struct item {
	const char *label;
	const char *unit;
	double must, goal; /* limits; goal 0: none */
	/* The figure is a share of 100 whose rest is measured: recognised, not missed. */
	bool rest;
};

/*
 * NOT_MET above the limit. At it or below: MET_SURELY where its upper bound is as well;
 * CANNOT_BE_SHOWN where the same data without any error would leave the limit open; else MET.
 */
enum verdict item_verdict(const struct measured *m, double limit);

const char *verdict_name(enum verdict v);

/* An error rate as a percentage with its bounds. */
struct measured measured_rate(double rate, struct bounds b, double least);

/* A row of the products' figures, by its key without .errors and .trials. */
struct measured measured_touches(const struct figures *f, const char *key);

/* A plain figure without bounds. */
struct measured measured_figure(const struct figures *f, const char *key);

#endif
