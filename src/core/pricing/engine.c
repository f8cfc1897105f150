#include "core/pricing/engine.h"
#include "core/pricing/budgets.h"

#include <errno.h>
#include <string.h>

#define PROBLEM_BYTES_MAX ((size_t)512 << 20)
/* Of what is left of the effort, one of so many parts: */
#define ALONE_PARTS 4u    /* for one exclusive rule at most */
#define TOGETHER_PARTS 8u /* for all exclusive ones at least, if there are any */

int
workspace_init(struct workspace *w, const struct pricing_rules *rules, size_t bytes)
{
	int rc = marks_init(&w->marks, rules);

	w->arena = arena_new(PROBLEM_BYTES_MAX);
	w->other = arena_new(PROBLEM_BYTES_MAX);
	w->alone = arena_new(PROBLEM_BYTES_MAX);
	if (rc < 0 || w->arena == NULL || w->other == NULL || w->alone == NULL ||
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
	arena_free(w->alone);
	known_free(w->known);
}

/* Whether a rule takes anything off. */
enum applies { APPLIES_NOT, APPLIES_PERHAPS, APPLIES };

/* Nothing is cheaper than this, either. */
static void
lower_bound(struct priced *x, int64_t bound)
{
	if (bound < x->solution.bound_minor)
		x->solution.bound_minor = bound;
}

/*
 * One exclusive rule by itself; kept when it is cheaper, or the first that applies at all. When a
 * glance shows that it is no cheaper, or nothing is left of the effort, it is not solved.
 */
static int
try_alone(struct priced *x, uint32_t live, struct alone *a, enum applies *ret_applies)
{
	const struct problem *p = &x->problem;
	int64_t gross = p->gross_minor, least;
	int64_t bound = gross - alone_most(p, live, &least);
	struct solution alone;
	int rc = 0;

	*ret_applies = bound < gross ? APPLIES_PERHAPS : APPLIES_NOT;
	if (bound >= x->solution.total_minor || bound == gross)
		return 0;
	if (!alone_solve(a, live, live + 1, ALONE_PARTS, &alone, &rc)) {
		lower_bound(x, bound);
		return 0;
	}
	if (rc == 0) {
		*ret_applies = alone.total_minor < gross   ? APPLIES
			       : alone.bound_minor < gross ? APPLIES_PERHAPS
							   : APPLIES_NOT;
		if (alone.total_minor < x->solution.total_minor) {
			bound = x->solution.bound_minor;
			rc = alone_keep(p, &alone);
			x->solution = alone;
			lower_bound(x, bound);
		}
		lower_bound(x, alone.bound_minor);
	}
	alone_reset(a);
	return rc;
}

static int
solve_exclusive(struct priced *x, enum rule_exclusive which, struct alone *a,
		enum applies *ret_any)
{
	int rc = 0;

	*ret_any = APPLIES_NOT;
	for (uint32_t j = 0; rc == 0 && j < x->problem.live_count; j++) {
		enum applies applies = APPLIES_NOT;

		if (x->barred[j] || x->problem.live[j].rule->exclusive != which)
			continue;
		rc = try_alone(x, j, a, &applies);
		*ret_any = applies > *ret_any ? applies : *ret_any;
	}
	return rc;
}

/* The rules that are not exclusive together, leaving some effort to those that are. */
static int
solve_together(struct priced *x, const struct solve_job *job)
{
	const struct problem *p = &x->problem;
	struct effort *effort = job->effort;
	bool shared = false;
	uint64_t nodes_max = 0;
	int rc;

	for (uint32_t j = 0; j < p->live_count; j++) {
		enum rule_exclusive exclusive = p->live[j].rule->exclusive;

		x->allowed[j] = !x->barred[j] && exclusive == EXCLUSIVE_NO;
		shared = shared || (!x->barred[j] && exclusive == EXCLUSIVE_BEST);
	}
	shared = shared && !effort->stopped;
	if (shared)
		nodes_max = effort_narrow(effort, TOGETHER_PARTS - 1, TOGETHER_PARTS);
	rc = solve(job, &x->solution);
	if (shared)
		effort_widen(effort, nodes_max);
	return rc;
}

/*
 * Rules that always stand alone, else all others together or a better one alone. When it could not
 * be told whether one has to stand alone, only what is paid without any offer is certainly not too
 * little.
 */
static int
solve_allowed(struct priced *x, const struct solve_job *job, struct alone *a,
	      bool perhaps)
{
	enum applies always, best;
	int64_t bound;
	int rc;

	x->solution.total_minor = x->solution.bound_minor = INT64_MAX;
	rc = solve_exclusive(x, EXCLUSIVE_ALWAYS, a, &always);
	if (rc < 0 || always == APPLIES)
		return rc;
	bound = x->solution.bound_minor;
	rc = solve_together(x, job);
	if (rc == 0)
		rc = solve_exclusive(x, EXCLUSIVE_BEST, a, &best);
	if (rc < 0 || (always == APPLIES_NOT && !perhaps))
		return rc;
	bound = x->solution.bound_minor < bound ? x->solution.bound_minor : bound;
	memset(x->allowed, 0, x->problem.live_count * sizeof(*x->allowed));
	rc = solve(job, &x->solution);
	x->solution.bound_minor = bound;
	return rc;
}

static int
solve_all(struct priced *x, const struct request *q, struct effort *effort)
{
	struct problem *p = &x->problem;
	struct solve_job job = { .p = p,
				 .effort = effort,
				 .known = q->work->known,
				 .as_stranger = q->as_stranger };
	struct budgets_open open;
	struct alone alone;
	int64_t floors = 0, bound;
	int rc = alone_init(&alone, &job, q->work->alone);

	x->allowed = arena_array(p->arena, p->live_count, sizeof(*x->allowed));
	x->barred = arena_array(p->arena, p->live_count, sizeof(*x->barred));
	if (x->allowed == NULL || x->barred == NULL || rc < 0)
		return -ENOMEM;
	job.allowed = x->allowed;
	rc = budgets_check(&alone, x->barred, &open);
	if (rc == 0)
		rc = solve_allowed(x, &job, &alone, open.always);
	if (rc < 0 || open.minor == 0)
		return rc;
	for (uint32_t line = 0; line < p->lines_count; line++)
		floors += p->floors[line];
	bound = x->solution.bound_minor - open.minor;
	x->solution.bound_minor = bound > floors ? bound : floors;
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
