#include "core/pricing/budgets.h"

/* Of what is left of the effort, one of so many parts at most: */
#define ALL_PARTS 2u /* for all rules together */
#define ONE_PARTS 8u /* of that, for one of them */

static void
bar(struct alone *a, bool *barred, uint32_t live, uint32_t end)
{
	struct problem *p = &a->p;

	for (uint32_t j = live; j < end; j++)
		barred[j] = true;
	for (uint32_t i = 0; i < p->met_count; i++)
		if (p->met[i].rule == p->live[live].index)
			p->met[i].reason = PRICING_LIMIT;
}

/* One rule, in all its forms: live .. end - 1. */
static int
check(struct alone *a, bool *barred, uint32_t live, uint32_t end,
      struct budgets_open *open)
{
	const struct problem *p = &a->p;
	int64_t left = p->live[live].budget_left, most = 0, found = 0;
	struct solution s;
	int rc = 0;

	for (uint32_t j = live; j < end; j++) {
		int64_t least, off = alone_most(p, j, &least);

		most = off > most ? off : most;
		found = least > found ? least : found;
	}
	if (most > left && found <= left &&
	    alone_solve(a, live, end, ONE_PARTS, &s, &rc) && rc == 0) {
		found = p->gross_minor - s.total_minor;
		most = p->gross_minor - s.bound_minor;
	}
	alone_reset(a);
	if (rc < 0 || most <= left)
		return rc;
	bar(a, barred, live, end);
	if (found <= left) {
		open->minor += left;
		open->always |= p->live[live].rule->exclusive == EXCLUSIVE_ALWAYS;
	}
	return 0;
}

int
budgets_check(struct alone *a, bool *barred, struct budgets_open *ret_open)
{
	const struct problem *p = &a->p;
	struct effort *effort = a->job.effort;
	bool shared = !effort->stopped;
	uint64_t nodes_max = shared ? effort_narrow(effort, 1, ALL_PARTS) : 0;
	int rc = 0;

	*ret_open = (struct budgets_open){ 0 };
	for (uint32_t j = 0, end; rc == 0 && j < p->live_count; j = end) {
		for (end = j + 1;
		     end < p->live_count && p->live[end].index == p->live[j].index;)
			end++;
		if (p->live[j].budget_left < p->gross_minor)
			rc = check(a, barred, j, end, ret_open);
	}
	if (shared)
		effort_widen(effort, nodes_max);
	return rc;
}
