#ifndef LANED_CORE_PRICING_SEARCH_H
#define LANED_CORE_PRICING_SEARCH_H

#include "core/pricing/effort.h"
#include "core/pricing/layers.h"

#define SEARCH_DIMS_MAX 24u     /* basket rules told apart */
#define SEARCH_POINTS_MAX 2048u /* kept of one component */

/*
 * What a decision in layer 1 is worth under a plan: weight_bp[line] of every net minor unit is
 * paid in the end (basket percentages take the rest), stacks[line] are the stacked rules of a
 * line, and dims[line] says in which of the plan's basket scopes it lies.
 */
struct cost_model {
	const struct plan *plan;
	const int64_t *weight_bp;
	const uint32_t *dims;
	uint32_t dims_count;
	const uint32_t *stack_first; /* lines_count + 1 */
	const uint32_t *stacks;      /* indices into problem.live */
};

/* Lines whose units compete for the same rules, or whose rules exclude each other. */
struct component {
	uint32_t *items, items_count; /* dearest first */
	uint32_t *live, live_count;   /* rules of layer 1, by priority, then id */
	uint32_t *lines, lines_count;
};

/* One admissible way to use layer 1 in a component. */
struct point {
	int64_t cost; /* sum of weight_bp * net, after layers 1 and 2 */
	int64_t nets[SEARCH_DIMS_MAX +
		     1]; /* by scope; after the last one: of all lines */
	const struct take *takes;
	uint32_t takes_count;
	bool idle;                /* some take saves nothing: not a way of its own */
	const int64_t *line_nets; /* with SEARCH_ALL: of each line of the component */
	uint64_t hash;
};

struct points {
	struct point *at;
	uint32_t count;
};

/* Which ways are wanted. */
enum search_want {
	SEARCH_CHEAPEST, /* one */
	SEARCH_UNDOMINATED, /* those of which no other costs no more and leaves no less anywhere */
	SEARCH_DISTINCT, /* those that differ in cost or nets */
	SEARCH_ALL       /* those that differ in the net of any line */
};

struct search_job {
	const struct problem *p;
	struct arena *arena; /* answers live here */
	const struct component *component;
	const bool *disabled; /* of each live rule */
	const struct cost_model *cost;
	struct effort *effort;
	enum search_want want;
	int64_t cost_limit; /* unless SEARCH_CHEAPEST: ways that cost more are not wanted */
};

/*
 * Branch and bound over the units of a component, dearest first. The bound is a Lagrangian
 * relaxation (Fisher, "The Lagrangian relaxation method for solving integer programming
 * problems", 1981): each unit gets a price, each rule buys on its own the units that pay most,
 * by an exact dynamic programme over how full its current group is.
 *
 * 0 with *ret_points (at least one unless enumerating) and *ret_bound, a cost that no way goes
 * below; it equals the cheapest cost when that is proven. *ret_complete: nothing was left out.
 */
int search_component(const struct search_job *job, struct points *ret_points,
		     int64_t *ret_bound, bool *ret_complete);

/* The cost and nets of takes in a component, exactly. off: zeroed scratch, one a line. */
int search_evaluate(const struct search_job *job, const struct take *takes,
		    uint32_t count, int64_t *off, struct point *ret_point);

#endif
