#include "core/pricing/answer.h"
#include "core/pricing/portion.h"
#include "core/pricing/regions.h"

#include <errno.h>
#include <string.h>

/* What is being compared. */
struct answering {
	const struct request *q;
	const struct priced *x;
	struct result *result;
	struct effort *effort; /* what pricing the basket left of it */
	struct regions regions;
};

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

/* What total saves against another price; where that is not proven, what it saves at least. */
static int64_t
saving_against(const struct solution *other, int64_t total)
{
	if (other->bound_minor < other->total_minor && other->bound_minor < total)
		return 0;
	return other->bound_minor - total;
}

/* The saving that membership makes; coupons, and limits in all, are anybody's. */
static int
compare_stranger(struct answering *a)
{
	const struct pricing_member *member = a->q->who.member;
	struct pricing_member stranger = { .coupons = member->coupons,
					   .coupons_count = member->coupons_count,
					   .uses = member->uses,
					   .uses_count = member->uses_count,
					   .uses_unknown = member->uses_unknown };
	struct request as_stranger = *a->q;
	struct priced other;
	int rc;

	if (!member->known || !needs_membership(&a->x->problem))
		return 0;
	as_stranger.who.member = &stranger;
	as_stranger.as_stranger = true;
	rc = engine_price(&other, &as_stranger, a->q->work->other, a->effort);
	if (rc == 0)
		a->result->shown.saving_versus_stranger_minor =
			saving_against(&other.solution, a->result->shown.total_minor);
	arena_reset(a->q->work->other);
	return rc;
}

/* Told of every discount: whether one is of the rule, in the form that was missed. */
struct watcher {
	struct recorder recorder;
	const struct problem *p;
	const struct missed *missed;
	bool applies;
};

static void
watch_share(struct recorder *r, uint32_t live, uint32_t line, int64_t qty_milli,
	    int64_t off)
{
	struct watcher *w = (struct watcher *)r;
	const struct live *l = &w->p->live[live];

	(void)line;
	(void)qty_milli;
	w->applies = w->applies || (off > 0 && l->index == w->missed->rule &&
				    l->variant == w->missed->variant);
}

static void
watch_applied(struct recorder *r, uint32_t live, uint32_t times)
{
	(void)r;
	(void)live;
	(void)times;
}

/* Whether what was missed takes anything off in a solved problem. 0 or -ENOMEM. */
static int
applies_in(const struct priced *x, const struct missed *missed, bool *ret_applies)
{
	const struct problem *p = &x->problem;
	const struct solution *s = &x->solution;
	struct watcher w = { .recorder = { watch_share, watch_applied, NULL },
			     .p = p,
			     .missed = missed };
	int64_t *net = arena_array(p->arena, p->lines_count, sizeof(*net)), total;
	int rc;

	if (net == NULL)
		return -ENOMEM;
	rc = layers_unit(p, s->takes, s->takes_count, net, &w.recorder, NULL);
	for (uint32_t line = 0; line < p->lines_count; line++)
		net[line] = p->lines[line]->amount_minor - net[line];
	if (rc == 0)
		rc = layers_rest(p, &s->plan, net, &w.recorder, &total);
	if (rc == 0)
		*ret_applies = w.applies;
	return rc;
}

/*
 * What is priced again for a hint: the lines of one region, one of them with a unit more. Where
 * regions are independent of each other the rest of the basket costs what it did.
 */
struct more {
	struct matched *lines;
	uint32_t lines_count;
	struct pricing_line line;
	int64_t before_minor; /* what these lines cost now */
	uint64_t units_elsewhere;
};

static int
more_of(const struct answering *a, uint32_t line, struct more *ret_more)
{
	const struct request *q = a->q;
	const struct problem *p = &a->x->problem;
	struct more m = { .line = *q->lines[line].line,
			  .units_elsewhere = p->units_total };

	m.lines = arena_array(q->work->other, q->lines_count, sizeof(*m.lines));
	if (m.lines == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < q->lines_count; i++) {
		if (!a->regions.whole && a->regions.root[i] != a->regions.root[line])
			continue;
		m.lines[m.lines_count] = q->lines[i];
		if (i == line)
			m.lines[m.lines_count].version |= VERSION_MORE;
		m.lines_count++;
		m.before_minor += a->result->line_net[q->lines[i].original];
		for (uint32_t k = p->line_items[i]; k < p->line_items[i + 1]; k++)
			m.units_elsewhere -= p->items[k].units;
	}
	m.line.qty_milli += 1000;
	m.line.amount_minor += m.line.unit_price_minor;
	*ret_more = m;
	return 0;
}

/*
 * Prices again with one unit more; a hint is given only when that makes the unit cheaper, and is
 * proven, so that it is what anybody would find who bought it.
 */
static int
check_hint(struct answering *a, const struct missed *missed)
{
	const struct request *q = a->q;
	struct request with = *q;
	struct more more;
	struct priced other;
	bool applies = false;
	int64_t saving;
	int rc = more_of(a, missed->line, &more);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < more.lines_count; i++)
		if (more.lines[i].version & VERSION_MORE)
			more.lines[i].line = &more.line;
	with.lines = more.lines;
	with.lines_count = more.lines_count;
	with.units_elsewhere = more.units_elsewhere;
	if (problem_check_line(&more.line) < 0 ||
	    a->result->shown.gross_minor + more.line.unit_price_minor > PROBLEM_GROSS_MAX)
		return 0; /* one more unit is outside the ranges: no hint */
	rc = engine_price(&other, &with, q->work->other, a->effort);
	if (rc < 0)
		return rc;
	saving = more.before_minor + more.line.unit_price_minor -
		 other.solution.total_minor;
	if (saving > 0 && other.solution.total_minor <= other.solution.bound_minor)
		rc = applies_in(&other, missed, &applies);
	if (rc == 0 && applies) {
		struct pricing_rule_result *rule = &a->result->rules[missed->rule];

		rule->missed_by_one = true;
		rule->hint_line_index = q->lines[missed->line].original;
		rule->hint_saving_minor = saving;
	}
	return rc;
}

/* The comparisons that are not part of the price, with the effort that it left. */
static int
compare(struct answering *a)
{
	const struct problem *p = &a->x->problem;
	int rc = compare_stranger(a);

	if (rc < 0 || p->missed_count == 0 || !a->result->shown.optimal)
		return rc;
	rc = regions_find(p, &a->regions);
	for (uint32_t i = 0; rc == 0 && !a->effort->stopped && i < p->missed_count; i++) {
		rc = check_hint(a, &p->missed[i]);
		arena_reset(a->q->work->other);
	}
	return rc;
}

int
answer(const struct request *q, const struct pricing_budget *budget,
       struct result *result)
{
	struct effort effort = { .nodes_max = PRICING_NODES_DEFAULT };
	struct priced x;
	int rc;

	if (budget != NULL) {
		if (budget->nodes_max > 0)
			effort.nodes_max = budget->nodes_max;
		effort.stop = budget->stop;
		effort.ctx = budget->ctx;
	}
	rc = engine_price(&x, q, q->work->arena, &effort);
	if (rc == 0)
		rc = result_write(&x, result);
	if (rc == 0 && !effort.stopped && (budget == NULL || !budget->price_only))
		rc = compare(&(struct answering){ q, &x, result, &effort, { 0 } });
	result->shown.nodes = effort.nodes;
	return rc;
}
