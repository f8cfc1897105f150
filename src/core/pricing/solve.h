#ifndef LANED_CORE_PRICING_SOLVE_H
#define LANED_CORE_PRICING_SOLVE_H

#include "core/pricing/known.h"

/* The best price of a problem with some of its live rules. */
struct solution {
	int64_t total_minor;
	int64_t bound_minor; /* no way is cheaper than this */
	struct take *takes;  /* sorted for layers_unit */
	uint32_t takes_count;
	struct plan plan;
};

struct solve_job {
	const struct problem *p;
	const bool *allowed; /* of each live rule */
	struct effort *effort;
	struct known
		*known; /* what was found before, or NULL: changes nothing but the time */
	bool as_stranger; /* with the live rules of a stranger, to tell them apart in it */
};

/*
 * Finds the lowest amount payable over all layers together with the live rules in allowed. The
 * solution lies in the problem's arena. 0; -ENOMEM.
 */
int solve(const struct solve_job *job, struct solution *ret_solution);

#endif
