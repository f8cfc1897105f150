#ifndef LANED_CORE_PRICING_FRONTIER_H
#define LANED_CORE_PRICING_FRONTIER_H

#include "core/pricing/search.h"

/*
 * One plan (a choice of rules of the layers 2 and 3) over all components: a bound on what the
 * plan may cost, and, where the cheapest ways of the components do not settle it because a spend
 * must be reached, a search over all ways that matter.
 */
struct frontier_job {
	const struct problem *p;
	struct effort *effort;
	const struct component *components;
	uint32_t components_count;
	const bool *disabled;
	struct plan plan;
	struct cost_model cost;
	struct point base; /* the lines outside all components */

	struct point *cheapest; /* of each component */
	int64_t *bounds;        /* and a cost that none of its ways goes below */

	int64_t *percent_bp; /* of each basket rule; 0: it is an amount */
	uint32_t percents;
	int64_t amounts;    /* what the amounts take at most */
	int64_t slack_cost; /* percentages beyond 100 on one line */
	bool capped;        /* a percentage may or may not reach its cap */
	bool aligned;       /* every line of a component lies in the same scopes */
	bool crowded;       /* basket rules may take each other's room */

	/* The payable amount of a way through all components; INT64_MAX: not allowed. */
	int (*evaluate)(void *ctx, const struct point *const *points, int64_t *ret_total);
	void *ctx;
};

/* A total that no way of the plan goes below, from the bounds of the components. */
int64_t frontier_bound(const struct frontier_job *j);

/* Whether the components' cheapest ways, when allowed, are the cheapest of the plan. */
bool frontier_settled(const struct frontier_job *j, int64_t total);

/*
 * Looks for ways that cost less than best through all ways of the components that matter;
 * each one found is evaluated. *ret_bound: what is not below best was not found to be possible;
 * otherwise a total that nothing left out goes below. 0 or -ENOMEM.
 */
int frontier_search(const struct frontier_job *j, int64_t best, int64_t *ret_bound);

#endif
