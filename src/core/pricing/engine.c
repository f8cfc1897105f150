#include "core/pricing/engine.h"

#include <errno.h>
#include <string.h>

#define PROBLEM_BYTES_MAX ((size_t)512 << 20)

int
workspace_init(struct workspace *w, const struct pricing_rules *rules, size_t bytes)
{
	int rc = marks_init(&w->marks, rules);

	w->arena = arena_new(PROBLEM_BYTES_MAX);
	w->other = arena_new(PROBLEM_BYTES_MAX);
	if (rc < 0 || w->arena == NULL || w->other == NULL ||
	    !arena_reserve(w->arena, bytes) || !arena_reserve(w->other, bytes))
		return -ENOMEM;
	return 0;
}

void
workspace_free(struct workspace *w)
{
	marks_free(&w->marks);
	arena_free(w->arena);
	arena_free(w->other);
	known_free(w->known);
}

/* One exclusive rule by itself; kept when it is cheaper, or the first that applies at all. */
static int
try_alone(struct priced *x, uint32_t live, const struct solve_job *job, bool *ret_applies)
{
	struct solution alone;
	int rc;

	memset(x->allowed, 0, x->problem.live_count * sizeof(*x->allowed));
	x->allowed[live] = true;
	rc = solve(job, &alone);
	if (rc < 0)
		return rc;
	/* Without the effort to tell, it may apply. */
	*ret_applies = alone.bound_minor < x->problem.gross_minor;
	if (alone.total_minor < x->solution.total_minor) {
		int64_t bound = x->solution.bound_minor;

		x->solution = alone;
		if (bound < alone.bound_minor)
			x->solution.bound_minor = bound;
	} else if (alone.bound_minor < x->solution.bound_minor) {
		x->solution.bound_minor = alone.bound_minor;
	}
	return 0;
}

static int
solve_exclusive(struct priced *x, enum rule_exclusive which, const struct solve_job *job,
		bool *ret_any)
{
	int rc = 0;

	*ret_any = false;
	for (uint32_t j = 0; rc == 0 && j < x->problem.live_count; j++) {
		bool applies = false;

		if (x->barred[j] || x->problem.live[j].rule->exclusive != which)
			continue;
		rc = try_alone(x, j, job, &applies);
		*ret_any = *ret_any || applies;
	}
	return rc;
}

/*
 * Keeps a rule out whose discount would be more than its budget has left: what it could take off
 * standing alone counts, which is no less than in any combination. What is not proven is said in
 * *ret_open: how much more a rule that was left out might have saved. The effort is not the
 * caller's, so that what a rule may do does not depend on how long he waits.
 */
static int
check_budget(struct priced *x, uint32_t live, const struct solve_job *job,
	     int64_t *ret_open)
{
	struct problem *p = &x->problem;
	uint32_t rule = p->live[live].index, end = live;
	int64_t left = p->live[live].budget_left, found;
	struct solution alone;
	int rc;

	memset(x->allowed, 0, p->live_count * sizeof(*x->allowed));
	while (end < p->live_count && p->live[end].index == rule)
		x->allowed[end++] = true;
	rc = solve(job, &alone);
	if (rc < 0)
		return rc;
	found = p->gross_minor - alone.total_minor;
	if (p->gross_minor - alone.bound_minor <= left)
		return 0;
	if (found <= left)
		*ret_open += left; /* perhaps it did not have to be left out */
	for (uint32_t j = live; j < end; j++)
		x->barred[j] = true;
	for (uint32_t i = 0; i < p->met_count; i++)
		if (p->met[i].rule == rule)
			p->met[i].reason = PRICING_LIMIT;
	return 0;
}

static int
check_budgets(struct priced *x, const struct solve_job *job, int64_t *ret_open)
{
	const struct problem *p = &x->problem;
	struct effort effort = { .nodes_max = PRICING_NODES_DEFAULT };
	struct solve_job alone = *job;
	int rc = 0;

	alone.effort = &effort;
	alone.known = NULL;
	*ret_open = 0;
	for (uint32_t j = 0; rc == 0 && j < p->live_count; j++)
		if (p->live[j].budget_left < p->gross_minor &&
		    (j == 0 || p->live[j - 1].index != p->live[j].index))
			rc = check_budget(x, j, &alone, ret_open);
	return rc;
}

/* Rules that always stand alone, else all others together or a better one alone. */
static int
solve_allowed(struct priced *x, const struct solve_job *job)
{
	struct problem *p = &x->problem;
	bool any;
	int rc;

	x->solution.total_minor = x->solution.bound_minor = INT64_MAX;
	rc = solve_exclusive(x, EXCLUSIVE_ALWAYS, job, &any);
	if (rc < 0 || any)
		return rc;
	for (uint32_t j = 0; j < p->live_count; j++)
		x->allowed[j] =
			!x->barred[j] && p->live[j].rule->exclusive == EXCLUSIVE_NO;
	rc = solve(job, &x->solution);
	return rc < 0 ? rc : solve_exclusive(x, EXCLUSIVE_BEST, job, &any);
}

static int
solve_all(struct priced *x, const struct request *q, struct effort *effort)
{
	struct problem *p = &x->problem;
	struct solve_job job = { .p = p,
				 .effort = effort,
				 .known = q->work->known,
				 .as_stranger = q->as_stranger };
	int64_t open, floors = 0;
	int rc;

	x->allowed = arena_array(p->arena, p->live_count, sizeof(*x->allowed));
	x->barred = arena_array(p->arena, p->live_count, sizeof(*x->barred));
	if (x->allowed == NULL || x->barred == NULL)
		return -ENOMEM;
	job.allowed = x->allowed;
	rc = check_budgets(x, &job, &open);
	if (rc == 0)
		rc = solve_allowed(x, &job);
	if (rc < 0 || open == 0)
		return rc;
	for (uint32_t line = 0; line < p->lines_count; line++)
		floors += p->floors[line];
	x->solution.bound_minor = x->solution.bound_minor - floors > open
					  ? x->solution.bound_minor - open
					  : floors;
	return 0;
}

int
engine_price(struct priced *x, const struct request *q, struct arena *arena,
	     struct effort *effort)
{
	int rc;

	*x = (struct priced){ .member = q->who.member,
			      .problem = { .rules = q->rules,
					   .arena = arena,
					   .units_total = q->units_elsewhere } };
	rc = problem_build(&x->problem, q->lines, q->lines_count, &q->who,
			   &q->work->marks);
	return rc < 0 ? rc : solve_all(x, q, effort);
}
