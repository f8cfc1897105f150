#ifndef LANED_CORE_PRICING_ALONE_H
#define LANED_CORE_PRICING_ALONE_H

#include "core/pricing/solve.h"

/*
 * What one rule (or one form of it) does by itself: asked of rules with budgets and of exclusive ones.
 * There may be thousands of them, so that each is looked at in an arena of its own, after a glance.
 */
struct alone {
	struct problem p; /* the problem with that arena */
	struct solve_job job;
	bool *allowed;
};

/* job->allowed is not looked at; scratch is empty. 0 or -ENOMEM. */
int alone_init(struct alone *a, const struct solve_job *job, struct arena *scratch);

/* No less than what live rule takes off alone; *ret_least: no more than that. */
int64_t alone_most(const struct problem *p, uint32_t live, int64_t *ret_least);

/*
 * Solves the problem with the live rules from..end - 1 alone, with at most one of so many parts of
 * what is left of the effort. false: nothing is left, and *ret_rc is 0. The solution lies in the
 * arena of its own until alone_reset(). *ret_rc: 0 or -ENOMEM.
 */
bool alone_solve(struct alone *a, uint32_t from, uint32_t end, uint64_t parts,
		 struct solution *ret_solution, int *ret_rc);
void alone_reset(struct alone *a);

/* Moves a solution out of there, into the problem's arena. 0 or -ENOMEM. */
int alone_keep(const struct problem *p, struct solution *solution);

#endif
