#include "core/pricing/pricing.h"
#include "core/pricing/problem.h"
#include "core/pricing/solve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PROBLEM_BYTES_MAX ((size_t)512 << 20)

/* What is asked. */
struct request {
	const struct pricing_rules *rules;
	const struct pricing_basket *basket;
	const struct pricing_member *member;
	const struct timepoint *at;
};

/* A solved problem. */
struct priced {
	struct problem problem;
	struct solution solution;
	bool *allowed;
};

struct result {
	struct pricing_result shown; /* first: the caller frees through it */
	int64_t *line_net;
	struct pricing_share *shares;
	struct pricing_rule_result *rules;
};

/* Collects the shares of the chosen solution, in the caller's line numbers. */
struct collector {
	struct recorder recorder;
	const struct problem *p;
	struct result *result;
	size_t room;
	int error;
};

const char *
pricing_reason_name(enum pricing_reason r)
{
	static const char *const names[] = {
		[PRICING_APPLIED] = "applied",
		[PRICING_NOT_IN_SCOPE] = "not_in_scope",
		[PRICING_CONDITION] = "condition",
		[PRICING_NOT_MEMBER] = "not_member",
		[PRICING_NOT_GROUP] = "not_group",
		[PRICING_NO_COUPON] = "no_coupon",
		[PRICING_TIME] = "time",
		[PRICING_PLACE] = "place",
		[PRICING_LIMIT] = "limit",
		[PRICING_NO_SAVING] = "no_saving",
		[PRICING_BEATEN] = "beaten",
	};

	return (unsigned)r < sizeof(names) / sizeof(names[0]) ? names[r] : "unknown";
}

/* One exclusive rule by itself; kept when it is cheaper, or the first that applies at all. */
static int
try_alone(struct priced *x, uint32_t live, struct effort *effort, bool *ret_applies)
{
	struct solution alone;
	int rc;

	memset(x->allowed, 0, x->problem.live_count * sizeof(*x->allowed));
	x->allowed[live] = true;
	rc = solve(&x->problem, x->allowed, effort, &alone);
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
solve_exclusive(struct priced *x, enum rule_exclusive which, struct effort *effort,
		bool *ret_any)
{
	int rc = 0;

	*ret_any = false;
	for (uint32_t j = 0; rc == 0 && j < x->problem.live_count; j++) {
		bool applies = false;

		if (x->problem.live[j].rule->exclusive != which)
			continue;
		rc = try_alone(x, j, effort, &applies);
		*ret_any = *ret_any || applies;
	}
	return rc;
}

/* Rules that always stand alone, else all others together or a better one alone. */
static int
solve_all(struct priced *x, struct effort *effort)
{
	struct problem *p = &x->problem;
	bool any;
	int rc;

	x->allowed = arena_array(p->arena, p->live_count, sizeof(*x->allowed));
	if (x->allowed == NULL)
		return -ENOMEM;
	x->solution.total_minor = x->solution.bound_minor = INT64_MAX;
	rc = solve_exclusive(x, EXCLUSIVE_ALWAYS, effort, &any);
	if (rc < 0 || any)
		return rc;
	for (uint32_t j = 0; j < p->live_count; j++)
		x->allowed[j] = p->live[j].rule->exclusive == EXCLUSIVE_NO;
	rc = solve(p, x->allowed, effort, &x->solution);
	return rc < 0 ? rc : solve_exclusive(x, EXCLUSIVE_BEST, effort, &any);
}

/* Builds and solves; the arena is the caller's to free. */
static int
price(struct priced *x, const struct request *q, struct effort *effort)
{
	int rc;

	*x = (struct priced){ 0 };
	x->problem.arena = arena_new(PROBLEM_BYTES_MAX);
	if (x->problem.arena == NULL)
		return -ENOMEM;
	rc = problem_build(q->rules, q->basket, q->member, q->at, &x->problem);
	return rc < 0 ? rc : solve_all(x, effort);
}

/* ---- the trace ---- */

static void
on_share(struct recorder *r, uint32_t live, uint32_t line, int64_t qty_milli, int64_t off)
{
	struct collector *c = (struct collector *)r;
	struct result *result = c->result;
	uint32_t rule = c->p->live[live].index;

	for (size_t i = result->shown.shares_count; i-- > 0;) {
		struct pricing_share *s = &result->shares[i];

		if (s->rule != rule)
			break;
		if (s->line_index != c->p->original[line])
			continue;
		s->qty_milli += qty_milli;
		s->discount_minor += off;
		return;
	}
	if (result->shown.shares_count == c->room) {
		size_t room = c->room == 0 ? 16 : 2 * c->room;
		struct pricing_share *grown =
			realloc(result->shares, room * sizeof(*grown));

		if (grown == NULL) {
			c->error = -ENOMEM;
			return;
		}
		result->shares = grown;
		c->room = room;
	}
	result->shares[result->shown.shares_count++] =
		(struct pricing_share){ rule, c->p->original[line], qty_milli, off };
}

static void
on_applied(struct recorder *r, uint32_t live, uint32_t times)
{
	struct collector *c = (struct collector *)r;

	c->result->rules[c->p->live[live].index].applications += times;
}

/* Whether a basket rule's spend was reached after item offers. */
static bool
spend_reached(const struct priced *x, const struct live *l, const int64_t *net)
{
	return l->rule->layer != LAYER_BASKET ||
	       layers_spend_ok(l, layers_base(&x->problem, l, net));
}

/* Whether a rule would take anything off if it stood alone. */
static int
saves_alone(struct priced *x, uint32_t live, bool *ret_saves)
{
	const struct problem *p = &x->problem;
	const struct live *l = &p->live[live];
	bool group = l->rule->kind == KIND_N_FOR_PRICE || l->rule->kind == KIND_BUY_GET;
	int64_t left = l->rule->kind == KIND_N_FOR_PRICE ? l->rule->units
							 : l->rule->buy + l->rule->get;
	struct take *takes = calloc((size_t)l->items_count + 1, sizeof(*takes));
	int64_t *off = calloc((size_t)p->lines_count + 1, sizeof(*off));
	uint32_t n = 0;
	int rc = takes == NULL || off == NULL ? -ENOMEM : 0;

	*ret_saves = l->rule->layer != LAYER_UNIT;
	for (uint32_t i = 0; rc == 0 && i < l->items_count; i++) {
		uint32_t units = p->items[l->items[i]].units;

		if (group && left < units)
			units = (uint32_t)left;
		left -= units;
		if (units > 0)
			takes[n++] = (struct take){ live, l->items[i], units };
	}
	if (rc == 0 && l->rule->layer == LAYER_UNIT)
		rc = layers_unit(p, takes, n, off, NULL, NULL);
	for (uint32_t line = 0; rc == 0 && line < p->lines_count; line++)
		*ret_saves = *ret_saves || off[line] > 0;
	free(takes);
	free(off);
	return rc;
}

/* The reason of every rule, and what it took off. net: after layers 1 and 2. */
static int
explain(struct priced *x, struct result *result, const int64_t *net)
{
	const struct problem *p = &x->problem;

	for (uint32_t i = 0; i < p->rules->count; i++) {
		result->rules[i].id = p->rules->rules[i].id;
		result->rules[i].reason = (enum pricing_reason)p->reasons[i];
	}
	for (size_t i = 0; i < result->shown.shares_count; i++) {
		struct pricing_rule_result *r = &result->rules[result->shares[i].rule];

		r->reason = PRICING_APPLIED;
		r->discount_minor += result->shares[i].discount_minor;
	}
	for (uint32_t j = 0; j < p->live_count; j++) {
		struct pricing_rule_result *r = &result->rules[p->live[j].index];
		bool saves;
		int rc;

		if (r->reason == PRICING_APPLIED)
			continue;
		if (!spend_reached(x, &p->live[j], net)) {
			r->reason = PRICING_CONDITION;
			continue;
		}
		rc = saves_alone(x, j, &saves);
		if (rc < 0)
			return rc;
		if (!saves)
			r->reason = PRICING_NO_SAVING;
	}
	return 0;
}

static struct result *
result_free(struct result *r)
{
	if (r != NULL) {
		free(r->line_net);
		free(r->shares);
		free(r->rules);
	}
	free(r);
	return NULL;
}

/* Puts the solution into what the caller gets. */
static int
write_result(struct priced *x, struct result *result)
{
	const struct problem *p = &x->problem;
	const struct solution *sol = &x->solution;
	struct collector c = { .recorder = { on_share, on_applied },
			       .p = p,
			       .result = result };
	struct plan stacks = sol->plan;
	int64_t *net = calloc((size_t)p->lines_count * 2 + 1, sizeof(*net)), total;
	int64_t *off;
	int rc;

	if (net == NULL)
		return -ENOMEM;
	off = net + p->lines_count;
	rc = layers_unit(p, sol->takes, sol->takes_count, off, &c.recorder, NULL);
	for (uint32_t line = 0; line < p->lines_count; line++) {
		net[line] = p->lines[line]->amount_minor - off[line];
		off[line] = net[line];
	}
	stacks.basket_count = 0;
	if (rc == 0)
		rc = layers_rest(p, &stacks, off, NULL, &total);
	if (rc == 0)
		rc = layers_rest(p, &sol->plan, net, &c.recorder, &total);
	if (rc == 0)
		rc = c.error;
	if (rc == 0)
		rc = explain(x, result, off);
	for (uint32_t line = 0; rc == 0 && line < p->lines_count; line++)
		result->line_net[p->original[line]] = net[line];
	if (rc == 0) {
		result->shown.gross_minor = p->gross_minor;
		result->shown.total_minor = total;
		result->shown.saving_minor = p->gross_minor - total;
		result->shown.gap_minor = total - sol->bound_minor;
		result->shown.optimal = total <= sol->bound_minor;
	}
	free(net);
	return rc;
}

/* ---- what else could be ---- */

static bool
needs_membership(const struct problem *p)
{
	for (uint32_t j = 0; j < p->live_count; j++) {
		const struct rule *r = p->live[j].rule;

		if (r->member || r->groups.count > 0 || r->first_purchase)
			return true;
	}
	return false;
}

/* The saving that membership makes; coupons are anybody's. */
static int
compare_stranger(const struct priced *x, struct result *result, const struct request *q,
		 struct effort *effort)
{
	struct pricing_member stranger = { .coupons = q->member->coupons,
					   .coupons_count = q->member->coupons_count };
	struct request other_request = *q;
	struct priced other;
	int rc;

	if (!q->member->known || !needs_membership(&x->problem))
		return 0;
	other_request.member = &stranger;
	rc = price(&other, &other_request, effort);
	if (rc == 0)
		result->shown.saving_versus_stranger_minor =
			other.solution.total_minor - result->shown.total_minor;
	arena_free(other.problem.arena);
	return rc;
}

static bool
applies_in(const struct priced *x, uint32_t rule)
{
	for (uint32_t i = 0; i < x->solution.takes_count; i++)
		if (x->problem.live[x->solution.takes[i].live].index == rule)
			return true;
	return false;
}

/* Prices again with one unit more; a hint is given only when that makes the unit cheaper. */
static int
check_hint(const struct priced *x, struct result *result, const struct request *q,
	   struct effort *effort, const struct missed *missed)
{
	uint32_t index = x->problem.original[missed->line];
	struct pricing_line *lines = calloc(q->basket->lines_count, sizeof(*lines));
	struct pricing_basket more = *q->basket;
	struct request more_request = *q;
	struct pricing_rule_result *rule = &result->rules[missed->rule];
	struct priced other;
	int64_t price_minor, saving;
	int rc;

	if (lines == NULL)
		return -ENOMEM;
	memcpy(lines, q->basket->lines, q->basket->lines_count * sizeof(*lines));
	price_minor = lines[index].unit_price_minor;
	lines[index].qty_milli += 1000;
	lines[index].amount_minor += price_minor;
	more.lines = lines;
	more_request.basket = &more;
	rc = price(&other, &more_request, effort);
	if (rc == 0) {
		saving = result->shown.total_minor + price_minor -
			 other.solution.total_minor;
		rule->missed_by_one = applies_in(&other, missed->rule) && saving > 0;
		rule->hint_line_index = rule->missed_by_one ? index : 0;
		rule->hint_saving_minor = rule->missed_by_one ? saving : 0;
	} else if (rc != -ENOMEM) {
		rc = 0; /* one more unit is outside the ranges: no hint */
	}
	arena_free(other.problem.arena);
	free(lines);
	return rc;
}

/* The comparisons that are not part of the price, with an effort of their own. */
static int
compare(const struct priced *x, struct result *result, const struct request *q,
	struct effort *effort)
{
	int rc = compare_stranger(x, result, q, effort);

	for (uint32_t i = 0; rc == 0 && !effort->stopped && i < x->problem.missed_count;
	     i++)
		rc = check_hint(x, result, q, effort, &x->problem.missed[i]);
	return rc;
}

int
pricing_price(const struct pricing_rules *rules, const struct pricing_basket *basket,
	      const struct pricing_member *member, const struct timepoint *at,
	      const struct pricing_budget *budget, struct pricing_result **ret_result)
{
	static const struct pricing_member nobody;
	struct request q = { rules, basket, member != NULL ? member : &nobody, at };
	struct effort effort = { .nodes_max = PRICING_NODES_DEFAULT }, spare;
	struct result *result = calloc(1, sizeof(*result));
	struct priced x = { 0 };
	int rc = -ENOMEM;

	if (result == NULL)
		goto out;
	if (budget != NULL) {
		if (budget->nodes_max > 0)
			effort.nodes_max = budget->nodes_max;
		effort.stop = budget->stop;
		effort.ctx = budget->ctx;
	}
	spare = effort;
	result->line_net = calloc(basket->lines_count + 1, sizeof(*result->line_net));
	result->rules = calloc((size_t)rules->count + 1, sizeof(*result->rules));
	if (result->line_net == NULL || result->rules == NULL)
		goto out;
	rc = price(&x, &q, &effort);
	if (rc == 0)
		rc = write_result(&x, result);
	if (rc == 0 && !effort.stopped)
		rc = compare(&x, result, &q, &spare);
	if (rc < 0)
		goto out;
	result->shown.line_net_minor = result->line_net;
	result->shown.shares = result->shares;
	result->shown.rules = result->rules;
	result->shown.rules_count = rules->count;
	result->shown.nodes = effort.nodes;
	*ret_result = &result->shown;
	result = NULL;
out:
	arena_free(x.problem.arena);
	result_free(result);
	return rc;
}

struct pricing_result *
pricing_result_free(struct pricing_result *r)
{
	result_free((struct result *)r);
	return NULL;
}
