#include "core/pricing/solve.h"
#include "core/pricing/components.h"
#include "core/pricing/frontier.h"
#include "core/pricing/portion.h"
#include "core/pricing/relax.h"
#include "core/pricing/upper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_NODES 4u /* what a plan counts */
#define PLAN_PARTS                                                                       \
	4u /* and at most, while others wait: one of so many parts of what is left */

struct solver {
	const struct problem *p;
	const bool *allowed;
	struct effort *effort;
	struct known *known; /* may be NULL */
	bool as_stranger;
	struct component *components;
	uint32_t components_count;
	struct point *plain; /* the cheapest way of each component under no plan at all */
	bool *plain_known;
	int64_t *plain_bound;

	struct upper upper;
	struct frontier_job job; /* the present plan */
	bool *disabled;
	int64_t *weight;
	uint32_t *dims, *stack_first, *stacks;
	uint32_t *stacked, *basket;

	bool *in_component; /* of each line */
	int64_t *net, *off;
	int64_t saving_max; /* of layer 1 alone, over all */
	struct solution best;
	int64_t bound;
};

static int
solver_init(struct solver *s)
{
	const struct problem *p = s->p;
	size_t live = p->live_count, lines = p->lines_count;
	int rc = components_find(p, s->allowed, &s->components, &s->components_count);

	if (rc < 0)
		return rc;
	s->plain = arena_array(p->arena, s->components_count, sizeof(*s->plain));
	s->plain_known = arena_array(p->arena, s->components_count, sizeof(bool));
	s->plain_bound = arena_array(p->arena, s->components_count, sizeof(int64_t));
	s->disabled = arena_array(p->arena, live, sizeof(*s->disabled));
	s->weight = arena_array(p->arena, lines, sizeof(*s->weight));
	s->dims = arena_array(p->arena, lines, sizeof(*s->dims));
	s->stack_first = arena_array(p->arena, lines + 1, sizeof(*s->stack_first));
	s->stacked = arena_array(p->arena, live, sizeof(*s->stacked));
	s->basket = arena_array(p->arena, live, sizeof(*s->basket));
	s->in_component = arena_array(p->arena, lines, sizeof(*s->in_component));
	s->net = arena_array(p->arena, lines, sizeof(*s->net));
	s->off = arena_array(p->arena, lines, sizeof(*s->off));
	if (s->plain == NULL || s->plain_known == NULL || s->plain_bound == NULL ||
	    s->disabled == NULL || s->weight == NULL || s->dims == NULL ||
	    s->stack_first == NULL || s->stacked == NULL || s->basket == NULL ||
	    s->net == NULL || s->off == NULL || s->in_component == NULL)
		return -ENOMEM;
	for (uint32_t c = 0; c < s->components_count; c++)
		for (uint32_t i = 0; i < s->components[c].lines_count; i++)
			s->in_component[s->components[c].lines[i]] = true;
	return 0;
}

/* Puts one rule of the upper layers into the plan; false when its group is taken. */
static bool
plan_rule(struct solver *s, uint32_t live)
{
	const struct rule *r = s->p->live[live].rule;
	struct plan *plan = &s->job.plan;

	if (s->disabled[live])
		return false;
	if (r->layer == LAYER_STACK)
		s->stacked[plan->stacked_count++] = live;
	else
		s->basket[plan->basket_count++] = live;
	for (uint32_t j = 0; j < s->p->live_count && r->group_index != NO_GROUP; j++)
		if (j != live && s->p->live[j].rule->group_index == r->group_index)
			s->disabled[j] = true;
	return true;
}

/* The lists of stacked rules of each line, and what is paid of each line's net in the end. */
static void
plan_lines(struct solver *s)
{
	const struct problem *p = s->p;
	const struct plan *plan = &s->job.plan;
	uint32_t n = 0;

	for (uint32_t line = 0; line < p->lines_count; line++) {
		s->weight[line] = BP_ONE;
		s->dims[line] = 0;
		s->stack_first[line] = n;
		for (uint32_t i = 0; i < plan->stacked_count; i++) {
			const struct live *l = &p->live[plan->stacked[i]];

			for (uint32_t k = 0; k < l->items_count; k++)
				if (l->items[k] == p->line_items[line])
					s->stacks[n++] = plan->stacked[i];
		}
	}
	s->stack_first[p->lines_count] = n;
	for (uint32_t d = 0; d < plan->basket_count; d++) {
		const struct live *l = &p->live[plan->basket[d]];

		for (uint32_t k = 0; k < l->items_count; k++) {
			uint32_t line = p->items[l->items[k]].line;

			if (d < SEARCH_DIMS_MAX)
				s->dims[line] |= 1u << d;
			if (p->line_items[line] == l->items[k])
				s->weight[line] -= s->job.percent_bp[d];
		}
	}
	/* Beyond 100 % a line's net would pay for others: that much less is certain. */
	s->job.slack_cost = 0;
	for (uint32_t line = 0; line < p->lines_count; line++) {
		if (s->weight[line] >= 0)
			continue;
		s->job.slack_cost -= s->weight[line] * s->net[line];
		s->weight[line] = 0;
	}
}

/*
 * How much a basket rule takes: an amount, or a percentage. A percentage whose cap is reached
 * whatever layer 1 does is an amount. False: the spend cannot be reached.
 */
static bool
plan_baskets(struct solver *s)
{
	struct frontier_job *j = &s->job;

	j->percents = 0;
	j->amounts = 0;
	j->capped = false;
	for (uint32_t d = 0; d < j->plan.basket_count; d++) {
		const struct live *l = &s->p->live[j->plan.basket[d]];
		int64_t most = layers_base(s->p, l, s->net), least = most - s->saving_max;

		if (!layers_spend_ok(l, most))
			return false;
		j->percent_bp[d] = 0;
		if (l->rule->kind == KIND_BASKET_PERCENT &&
		    (l->rule->cap_minor == 0 || least < 0 ||
		     layers_basket_off(s->p, l, least) < l->rule->cap_minor)) {
			j->percent_bp[d] = l->rule->percent_bp;
			j->percents++;
			j->capped = j->capped || l->rule->cap_minor > 0;
		} else {
			j->amounts += layers_basket_off(s->p, l, most);
		}
	}
	return true;
}

/* How the scopes of basket rules lie to the lines that layer 1 changes, and to each other. */
static void
plan_facts(struct solver *s)
{
	struct frontier_job *j = &s->job;
	int64_t off = 0, room_least = INT64_MAX;
	bool first = true;
	uint32_t dims = 0;

	j->aligned = true;
	for (uint32_t c = 0; c < s->components_count; c++)
		for (uint32_t i = 0; i < s->components[c].lines_count; i++) {
			uint32_t line = s->components[c].lines[i];

			if (first)
				dims = s->dims[line];
			first = false;
			j->aligned = j->aligned && s->dims[line] == dims &&
				     s->weight[line] > 0;
		}
	for (uint32_t d = 0; d < j->plan.basket_count; d++) {
		const struct live *l = &s->p->live[j->plan.basket[d]];
		int64_t most = layers_base(s->p, l, s->net);
		int64_t room = most - s->saving_max - layers_floor(s->p, l);

		off += layers_basket_off(s->p, l, most);
		room_least = room < room_least ? room : room_least;
	}
	j->crowded = j->plan.basket_count > 1 && off > room_least;
	j->base = (struct point){ 0 };
	for (uint32_t line = 0; line < s->p->lines_count; line++) {
		if (s->in_component[line])
			continue;
		j->base.cost += s->net[line] * s->weight[line];
		j->base.nets[j->cost.dims_count] += s->net[line];
		for (uint32_t d = 0; d < j->cost.dims_count; d++)
			if ((s->dims[line] & 1u << d) != 0)
				j->base.nets[d] += s->net[line];
	}
}

/* Sets up a plan by its number; false when it is none. */
static bool
plan_set(struct solver *s, uint32_t number)
{
	struct plan *plan = &s->job.plan;
	int64_t total;
	struct plan stacks_only;

	memset(s->disabled, 0, s->p->live_count * sizeof(*s->disabled));
	for (uint32_t j = 0; j < s->p->live_count; j++)
		s->disabled[j] = !s->allowed[j];
	*plan = (struct plan){ .stacked = s->stacked, .basket = s->basket };
	for (uint32_t i = 0; i < s->upper.count; i++)
		if (upper_in(&s->upper, i, number) && !plan_rule(s, s->upper.live[i]))
			return false;
	/* What layers 2 and 3 leave of a basket without layer 1. */
	for (uint32_t line = 0; line < s->p->lines_count; line++)
		s->net[line] = s->p->lines[line]->amount_minor;
	stacks_only = *plan;
	stacks_only.basket_count = 0;
	if (layers_rest(s->p, &stacks_only, s->net, NULL, &total) < 0)
		return false;
	if (!plan_baskets(s))
		return false;
	s->job.cost.dims_count = plan->basket_count < SEARCH_DIMS_MAX ? plan->basket_count
								      : SEARCH_DIMS_MAX;
	plan_lines(s);
	plan_facts(s);
	return true;
}

/* Without any other line or any coupled rule the cheapest way is the dearest saving. */
static bool
quick_component(struct solver *s, const struct search_job *job, struct point *ret_point)
{
	const struct component *c = job->component;
	const struct problem *p = s->p;
	struct take *take;
	int64_t best = 0;

	if (c->items_count != 1)
		return false;
	for (uint32_t j = 0; j < c->live_count; j++)
		if (p->live[c->live[j]].coupled ||
		    (job->disabled[c->live[j]] == false &&
		     p->live[c->live[j]].rule->group_index != NO_GROUP))
			return false;
	take = arena_alloc(p->arena, sizeof(*take));
	if (take == NULL)
		return false;
	for (uint32_t j = 0; j < c->live_count; j++) {
		const struct item *item = &p->items[c->items[0]];
		int64_t off;

		if (job->disabled[c->live[j]])
			continue;
		off = portion_units(p->live[c->live[j]].rule, item, item->units,
				    p->rules->rounding);
		if (off <= best)
			continue;
		best = off;
		*take = (struct take){ c->live[j], c->items[0], item->units, 0 };
	}
	return search_evaluate(job, take, best > 0, s->off, ret_point) == 0;
}

/* Whether a component's cheapest way is the same as under no plan at all. */
static bool
is_plain(const struct solver *s, const struct component *c)
{
	for (uint32_t j = 0; j < c->live_count; j++)
		if (s->disabled[c->live[j]])
			return false;
	for (uint32_t i = 0; i < c->lines_count; i++) {
		uint32_t line = c->lines[i];

		if (s->weight[line] != s->weight[c->lines[0]] || s->weight[line] == 0 ||
		    s->stack_first[line] != s->stack_first[line + 1])
			return false;
	}
	return true;
}

/* Everything that the search for a component's cheapest way looks at. */
static void
write_key(struct solver *s, const struct component *c)
{
	const struct problem *p = s->p;
	struct known *k = s->known;

	known_begin(k);
	known_word(k, (uint64_t)c->lines_count << 32 | c->live_count);
	known_word(k, (uint64_t)s->as_stranger << 1 | (p->units_total > RELAX_EPS_UNITS));
	for (uint32_t j = 0; j < c->live_count; j++)
		known_word(k, (uint64_t)p->live[c->live[j]].index << 32 |
				      (uint64_t)p->live[c->live[j]].variant << 1 |
				      s->disabled[c->live[j]]);
	for (uint32_t i = 0; i < c->lines_count; i++) {
		uint32_t line = c->lines[i];

		known_word(k, p->versions[line]);
		known_word(k, (uint64_t)s->weight[line] << 32 |
				      (s->stack_first[line + 1] - s->stack_first[line]));
		for (uint32_t n = s->stack_first[line]; n < s->stack_first[line + 1]; n++)
			known_word(k, p->live[s->stacks[n]].index);
	}
}

static void
remember(struct solver *s, const struct component *c, const struct known_way *found)
{
	struct take *takes = arena_array(s->p->arena, found->takes_count, sizeof(*takes));
	struct known_way way = *found;

	if (takes == NULL)
		return; /* it is searched again */
	for (uint32_t t = 0; t < way.takes_count; t++) {
		takes[t] = found->takes[t];
		for (uint32_t j = 0; j < c->live_count; j++)
			if (c->live[j] == found->takes[t].live)
				takes[t].live = j;
		for (uint32_t i = 0; i < c->items_count; i++)
			if (c->items[i] == found->takes[t].item)
				takes[t].item = i;
	}
	way.takes = takes;
	known_add(s->known, &way);
}

/* A way found before, if the effort would have been enough to find it. *ret_rc: 0 or -ENOMEM. */
static bool
recall(struct solver *s, const struct search_job *job, struct point *ret_point,
       int64_t *ret_bound, int *ret_rc)
{
	const struct component *c = job->component;
	struct effort *e = s->effort;
	struct known_way way;
	struct take *takes;

	write_key(s, c);
	if (!known_find(s->known, &way) || e->stopped ||
	    way.nodes > e->nodes_max - e->nodes)
		return false;
	takes = arena_array(s->p->arena, way.takes_count, sizeof(*takes));
	*ret_rc = -ENOMEM;
	if (takes == NULL)
		return true;
	for (uint32_t t = 0; t < way.takes_count; t++) {
		takes[t] = way.takes[t];
		takes[t].live = c->live[way.takes[t].live];
		takes[t].item = c->items[way.takes[t].item];
	}
	(void)effort_spend(e, way.nodes); /* the next to spend notices a stop */
	*ret_rc = search_evaluate(job, takes, way.takes_count, s->off, ret_point);
	*ret_bound = ret_point->cost - way.open;
	return true;
}

/* Searches a component, unless that was done before. */
static int
search_known(struct solver *s, const struct search_job *job, struct point *ret_point,
	     int64_t *ret_bound)
{
	uint64_t before = s->effort->nodes;
	struct points points;
	bool complete;
	int rc = 0;

	if (s->known != NULL && recall(s, job, ret_point, ret_bound, &rc))
		return rc;
	s->effort->scarce = false;
	rc = search_component(job, &points, ret_bound, &complete);
	if (rc < 0)
		return rc;
	*ret_point = points.at[0];
	/* With less effort than it wanted, another time it is another search. */
	if (s->known != NULL && !s->effort->stopped && !s->effort->scarce)
		remember(s, job->component,
			 &(struct known_way){ s->effort->nodes - before,
					      ret_point->cost - *ret_bound,
					      ret_point->takes, ret_point->takes_count });
	return 0;
}

/* The cheapest way of one component under the present plan. */
static int
cheapest(struct solver *s, uint32_t index)
{
	struct search_job job = {
		.p = s->p,
		.arena = s->p->arena,
		.component = &s->components[index],
		.disabled = s->disabled,
		.cost = &s->job.cost,
		.effort = s->effort,
		.want = SEARCH_CHEAPEST,
	};
	struct point *point = &s->job.cheapest[index];
	bool plain = is_plain(s, job.component);
	int rc;

	if (plain && s->plain_known[index]) {
		const struct point *known = &s->plain[index];
		int64_t open = (known->cost - s->plain_bound[index]) / BP_ONE;

		rc = search_evaluate(&job, known->takes, known->takes_count, s->off,
				     point);
		s->job.bounds[index] =
			point->cost - open * s->weight[job.component->lines[0]];
		return rc;
	}
	if (quick_component(s, &job, point)) {
		s->job.bounds[index] = point->cost;
	} else {
		rc = search_known(s, &job, point, &s->job.bounds[index]);
		if (rc < 0)
			return rc;
	}
	if (plain) {
		s->plain_known[index] = true;
		s->plain[index] = *point;
		s->plain_bound[index] = s->job.bounds[index];
	}
	return 0;
}

/* Whether a stands behind b among the takes of one rule: they lie as the rule's items do. */
static bool
take_behind(const struct problem *p, const struct take *a, const struct take *b)
{
	const struct item *x = &p->items[a->item], *y = &p->items[b->item];

	return x->value != y->value ? x->value < y->value : a->item > b->item;
}

/* The takes of a way through all components, those of one rule together. NULL: no memory. */
static struct take *
gather_takes(const struct problem *p, const struct point *const *points, uint32_t count,
	     uint32_t *ret_count)
{
	/* Where each rule's takes end; counted one further on, so that placing them moves it. */
	uint32_t *end = arena_array(p->arena, (size_t)p->live_count + 2, sizeof(*end));
	struct take *takes;
	uint32_t n = 0;

	if (end == NULL)
		return NULL;
	for (uint32_t c = 0; c < count; c++) {
		n += points[c]->takes_count;
		for (uint32_t i = 0; i < points[c]->takes_count; i++)
			end[points[c]->takes[i].live + 2]++;
	}
	for (uint32_t j = 0; j < p->live_count; j++)
		end[j + 2] += end[j + 1];
	takes = arena_array(p->arena, n, sizeof(*takes));
	for (uint32_t c = 0; takes != NULL && c < count; c++)
		for (uint32_t i = 0; i < points[c]->takes_count; i++) {
			struct take t = points[c]->takes[i];
			uint32_t k = end[t.live + 1]++;

			while (k > 0 && takes[k - 1].live == t.live &&
			       take_behind(p, &takes[k - 1], &t)) {
				takes[k] = takes[k - 1];
				k--;
			}
			takes[k] = t;
		}
	*ret_count = n;
	return takes;
}

/* What a way through all components really costs; kept when it is the best so far. */
static int
try_points(void *ctx, const struct point *const *points, int64_t *ret_total)
{
	struct solver *s = ctx;
	uint32_t n, *stacked, *basket;
	struct take *takes = gather_takes(s->p, points, s->components_count, &n);
	int64_t total = 0;
	int rc;

	if (takes == NULL)
		return -ENOMEM;
	memset(s->off, 0, s->p->lines_count * sizeof(*s->off));
	rc = layers_unit(s->p, takes, n, s->off, NULL, NULL);
	for (uint32_t line = 0; line < s->p->lines_count; line++) {
		s->net[line] = s->p->lines[line]->amount_minor - s->off[line];
		s->off[line] = 0;
	}
	if (rc == 0)
		rc = layers_total(s->p, &s->job.plan, s->net, &total);
	if (rc < 0)
		return rc;
	*ret_total = total;
	if (total >= s->best.total_minor)
		return 0;
	s->best.total_minor = total;
	s->best.takes = takes;
	s->best.takes_count = n;
	s->best.plan = s->job.plan;
	stacked = arena_array(s->p->arena, s->job.plan.stacked_count, sizeof(*stacked));
	basket = arena_array(s->p->arena, s->job.plan.basket_count, sizeof(*basket));
	if (stacked == NULL || basket == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->job.plan.stacked_count; i++)
		stacked[i] = s->stacked[i];
	for (uint32_t i = 0; i < s->job.plan.basket_count; i++)
		basket[i] = s->basket[i];
	s->best.plan.stacked = stacked;
	s->best.plan.basket = basket;
	return 0;
}

/*
 * The cheapest ways of all components under the present plan. *ret_open: the plan is not settled
 * by them; nothing of it is below *ret_bound.
 */
static int
solve_cheapest(struct solver *s, bool *ret_open, int64_t *ret_bound)
{
	const struct point **points;
	int64_t total;
	int rc = 0;

	for (uint32_t c = 0; rc == 0 && c < s->components_count; c++)
		rc = cheapest(s, c);
	if (rc < 0)
		return rc;
	points = arena_array(s->p->arena, s->components_count, sizeof(struct point *));
	if (points == NULL)
		return -ENOMEM;
	for (uint32_t c = 0; c < s->components_count; c++)
		points[c] = &s->job.cheapest[c];
	rc = try_points(s, points, &total);
	if (rc < 0)
		return rc;
	*ret_open = !frontier_settled(&s->job, total);
	*ret_bound = frontier_bound(&s->job);
	return 0;
}

/* The most that layer 1 can take off, for what follows to know how low a spend can be. */
static int
saving_bound(struct solver *s)
{
	int64_t saving = 0;

	for (uint32_t c = 0; c < s->components_count; c++) {
		const struct component *k = &s->components[c];
		int64_t gross = 0;
		int rc = cheapest(s, c);

		if (rc < 0)
			return rc;
		for (uint32_t i = 0; i < k->lines_count; i++)
			gross += s->p->lines[k->lines[i]]->amount_minor;
		/* Costs are in basis points of minor units here. */
		saving += gross - s->job.bounds[c] / BP_ONE;
	}
	s->saving_max = saving;
	return 0;
}

static int
job_init(struct solver *s)
{
	struct frontier_job *j = &s->job;

	*j = (struct frontier_job){
		.p = s->p,
		.effort = s->effort,
		.components = s->components,
		.components_count = s->components_count,
		.disabled = s->disabled,
		.evaluate = try_points,
		.ctx = s,
		.cost = { .plan = &s->job.plan,
			  .weight_bp = s->weight,
			  .dims = s->dims,
			  .stack_first = s->stack_first },
	};
	s->stacks = arena_array(s->p->arena, s->upper.stacked_items, sizeof(*s->stacks));
	if (s->stacks == NULL)
		return -ENOMEM;
	j->cost.stacks = s->stacks;
	j->cheapest = arena_array(s->p->arena, s->components_count, sizeof(*j->cheapest));
	j->bounds = arena_array(s->p->arena, s->components_count, sizeof(*j->bounds));
	j->percent_bp =
		arena_array(s->p->arena, s->p->live_count, sizeof(*j->percent_bp));
	return j->cheapest == NULL || j->bounds == NULL || j->percent_bp == NULL ? -ENOMEM
										 : 0;
}

/* Layer 1 alone: its cheapest ways serve every plan that does not interfere. */
static int
solve_unit_layer(struct solver *s)
{
	bool shared = s->upper.plans > 1 && !s->effort->stopped;
	uint64_t nodes_max = shared ? effort_narrow(s->effort, 1, PLAN_PARTS) : 0;
	int rc;

	for (uint32_t j = 0; j < s->p->live_count; j++)
		s->disabled[j] = !s->allowed[j];
	s->job.plan = (struct plan){ .stacked = s->stacked, .basket = s->basket };
	s->job.cost.dims_count = 0;
	for (uint32_t line = 0; line < s->p->lines_count; line++)
		s->weight[line] = BP_ONE;
	rc = saving_bound(s);
	if (shared)
		effort_widen(s->effort, nodes_max);
	return rc;
}

/* What nothing goes below when not every plan was tried: all rules at once, at their best. */
static int64_t
bound_untried(const struct solver *s)
{
	int64_t bound = s->p->gross_minor - s->saving_max, floors = 0;

	for (uint32_t i = 0; i < s->upper.count; i++)
		bound -= upper_most(s->p, s->upper.live[i]);
	for (uint32_t line = 0; line < s->p->lines_count; line++)
		floors += s->p->floors[line];
	bound -= s->upper.left_out < bound ? s->upper.left_out : bound;
	return bound > floors ? bound : floors;
}

struct open_plan {
	uint32_t number;
	int64_t bound;
};

static int
open_order(const void *a, const void *b)
{
	const struct open_plan *x = a, *y = b;

	if (x->bound != y->bound)
		return x->bound < y->bound ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* The same, leaving something to the plans that follow. */
static int
solve_shared(struct solver *s, bool *ret_open, int64_t *ret_bound)
{
	bool shared = s->upper.plans > 1 && !s->effort->stopped;
	uint64_t nodes_max = shared ? effort_narrow(s->effort, 1, PLAN_PARTS) : 0;
	int rc = solve_cheapest(s, ret_open, ret_bound);

	if (shared)
		effort_widen(s->effort, nodes_max);
	return rc;
}

/* Every plan by the cheapest ways of its components; those not settled are listed. */
static int
solve_plans(struct solver *s, struct open_plan *open, uint32_t *ret_count)
{
	uint32_t count = 0;

	for (uint32_t number = 0; number < s->upper.plans; number++) {
		bool is_open;
		int64_t bound;
		int rc;

		/* The plan without any of them is always allowed: it is tried in any case. */
		if (number > 0 && !effort_spend(s->effort, PLAN_NODES)) {
			s->upper.all_tried = false;
			if (s->best.total_minor < INT64_MAX)
				break;
			number = s->upper.plans - 1;
		}
		if (!plan_set(s, number))
			continue;
		rc = solve_shared(s, &is_open, &bound);
		if (rc < 0)
			return rc;
		if (is_open)
			open[count++] = (struct open_plan){ number, bound };
	}
	*ret_count = count;
	return 0;
}

/* The plans that may hide something cheaper, the most promising first. */
static int
solve_open(struct solver *s, struct open_plan *open, uint32_t count)
{
	int rc = 0;

	qsort(open, count, sizeof(*open), open_order);
	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		int64_t bound = open[i].bound;
		bool is_open = true;

		if (bound >= s->best.total_minor)
			break;
		if (!s->effort->stopped && plan_set(s, open[i].number)) {
			rc = solve_cheapest(s, &is_open, &bound);
			if (rc == 0 && is_open && bound < s->best.total_minor)
				rc = frontier_search(&s->job, s->best.total_minor,
						     &bound);
		}
		if (is_open && bound < s->bound)
			s->bound = bound;
	}
	return rc;
}

int
solve(const struct solve_job *job, struct solution *ret_solution)
{
	struct solver s = { .p = job->p,
			    .allowed = job->allowed,
			    .effort = job->effort,
			    .known = job->known,
			    .as_stranger = job->as_stranger };
	struct open_plan *open = NULL;
	uint32_t count;
	int rc = solver_init(&s);

	if (rc == 0)
		rc = upper_find(s.p, s.allowed, &s.upper);
	if (rc == 0)
		rc = job_init(&s);
	s.best.total_minor = s.bound = INT64_MAX;
	if (rc == 0)
		rc = solve_unit_layer(&s);
	if (rc < 0)
		return rc;
	open = arena_array(s.p->arena, s.upper.plans, sizeof(*open));
	if (open == NULL)
		return -ENOMEM;
	rc = solve_plans(&s, open, &count);
	if (rc == 0)
		rc = solve_open(&s, open, count);
	if (rc < 0)
		return rc;
	if (s.bound > s.best.total_minor)
		s.bound = s.best.total_minor;
	if (!s.upper.all_tried)
		s.bound = bound_untried(&s);
	s.best.bound_minor = s.bound;
	*ret_solution = s.best;
	return 0;
}
