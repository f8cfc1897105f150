#include "core/pricing/alone.h"
#include "core/pricing/portion.h"

#include <errno.h>
#include <string.h>

/* What solving counts whatever comes of it: it looks at all live rules. */
#define ALONE_NODES 4u
#define RULES_A_NODE 64u

int
alone_init(struct alone *a, const struct solve_job *job, struct arena *scratch)
{
	const struct problem *p = job->p;

	*a = (struct alone){ .p = *p, .job = *job };
	a->allowed = arena_array(p->arena, p->live_count, sizeof(*a->allowed));
	a->p.arena = scratch;
	a->job.p = &a->p;
	a->job.allowed = a->allowed;
	return a->allowed == NULL ? -ENOMEM : 0;
}

/* What a stacked rule takes off the basket as it came. */
static int64_t
off_stacked(const struct problem *p, const struct live *l)
{
	int64_t off = 0;

	for (uint32_t i = 0; i < l->items_count; i++) {
		uint32_t line = p->items[l->items[i]].line;
		int64_t amount = p->lines[line]->amount_minor;

		if (p->line_items[line] == l->items[i]) /* the line's first */
			off += amount - layers_stacked(p, l, line, amount);
	}
	return off;
}

/* What is taken off units of one item, or in one group over several. */
struct group {
	int64_t value, each; /* of the units that are reduced */
	uint32_t filled;
};

static int64_t
off_group(const struct problem *p, const struct rule *r, const struct group *g)
{
	int64_t off = r->each ? g->each
			      : portion_reward(&r->reward, g->value, p->rules->rounding);

	return off > 0 ? off : 0;
}

/* Units behind those of the group before: the first ones of a group are only bought. */
static void
fill(const struct problem *p, const struct rule *r, struct group *g,
     const struct item *it, uint32_t units)
{
	uint32_t bought = g->filled < r->skip ? r->skip - g->filled : 0, got = 0;

	if (units > bought)
		got = units - bought;
	g->value += it->value * got;
	g->each += portion_each(&r->reward, it, got, p->rules->rounding);
	g->filled += units;
}

/*
 * All units in groups, dearest first. Those of any other choice of units are no dearer, one by one,
 * and so do not save more.
 */
static int64_t
off_groups(const struct problem *p, const struct live *l)
{
	const struct rule *r = l->rule;
	uint32_t groups = l->units_cap / r->size;
	struct group g = { 0 };
	int64_t off = 0;

	for (uint32_t i = 0; i < l->items_count; i++) {
		const struct item *it = &p->items[l->items[i]];
		uint32_t left = it->units;

		while (left > 0 && groups > 0) {
			uint32_t alike = g.filled == 0 ? left / r->size : 0;
			uint32_t part = r->size - g.filled;

			if (alike > 0) {
				struct group one = { 0 };

				alike = alike < groups ? alike : groups;
				fill(p, r, &one, it, r->size);
				off += off_group(p, r, &one) * alike;
				groups -= alike;
				left -= alike * r->size;
				continue;
			}
			part = part < left ? part : left;
			fill(p, r, &g, it, part);
			left -= part;
			if (g.filled < r->size)
				continue;
			off += off_group(p, r, &g);
			groups--;
			g = (struct group){ 0 };
		}
	}
	return off;
}

/* The first unit as the first of whatever item, and every unit as a next one. */
static int64_t
off_next(const struct problem *p, const struct live *l)
{
	int64_t first = 0, off = 0;

	for (uint32_t i = 0; i < l->items_count; i++) {
		const struct item *it = &p->items[l->items[i]];
		int64_t one = portion_each(&l->rule->first, it, 1, p->rules->rounding);

		first = one > first ? one : first;
		off += portion_each(&l->rule->reward, it, it->units, p->rules->rounding);
	}
	return first + off;
}

/* One unit of each of the dearest items, as if no two were of one code. */
static int64_t
off_set(const struct problem *p, const struct live *l)
{
	int64_t value = 0;

	for (uint32_t i = 0; i < l->items_count && i < l->rule->set_units_max; i++)
		value += p->items[l->items[i]].value;
	return portion_reward(&l->rule->reward, value, p->rules->rounding);
}

/* As many bundles as its scarcest component has units for, each with the dearest ones of all. */
static int64_t
off_bundles(const struct problem *p, const struct live *l)
{
	const struct rule *r = l->rule;
	int64_t value = 0, times = l->units_cap, off;

	for (uint32_t c = 0; c < r->parts_count; c++) {
		int64_t units = 0, dearest = 0;

		for (uint32_t i = 0; i < l->items_count; i++) {
			const struct item *it = &p->items[l->items[i]];

			if ((l->parts[i] & 1u << c) == 0)
				continue;
			units += it->units;
			dearest = it->value > dearest ? it->value : dearest;
		}
		value += dearest * r->parts[c].units;
		if (units / r->parts[c].units < times)
			times = units / r->parts[c].units;
	}
	off = portion_reward(&r->reward, value, p->rules->rounding);
	if (off <= 0)
		return 0;
	return __builtin_mul_overflow(off, times, &off) ? PROBLEM_GROSS_MAX : off;
}

static int64_t
off_units(const struct problem *p, const struct live *l)
{
	int64_t off = 0;

	for (uint32_t i = 0; i < l->items_count; i++) {
		const struct item *it = &p->items[l->items[i]];

		off += portion_units(l->rule, it, it->units, p->rules->rounding);
	}
	return off;
}

/* The most that a rule of layer 1 takes off, but for floors; *ret_exact: it does. */
static int64_t
off_item(const struct problem *p, const struct live *l, int64_t worth, int64_t units,
	 bool *ret_exact)
{
	const struct reward *reward = &l->rule->reward;

	*ret_exact = false;
	switch (l->rule->shape) {
	case SHAPE_UNITS:
		*ret_exact = l->rule->max_units == 0;
		return off_units(p, l);
	case SHAPE_GROUP:
		*ret_exact = true;
		return off_groups(p, l);
	case SHAPE_NEXT:
		return off_next(p, l);
	case SHAPE_SET:
		return off_set(p, l);
	case SHAPE_BUNDLE:
		return off_bundles(p, l);
	case SHAPE_WHOLE:
		break;
	}
	/* Rounded up for every unit at worst. */
	return reward->form == REWARD_PERCENT ? worth * reward->x / BP_ONE + units
					      : worth;
}

int64_t
alone_most(const struct problem *p, uint32_t live, int64_t *ret_least)
{
	const struct live *l = &p->live[live];
	int64_t worth = 0, room = 0, off, units = 0;
	bool exact = true;

	for (uint32_t i = 0; i < l->items_count; i++) {
		const struct item *it = &p->items[l->items[i]];

		worth += it->value * it->units;
		room += it->room * it->units;
		units += it->units;
	}
	if (l->rule->layer == LAYER_STACK) {
		off = off_stacked(p, l);
		room = worth; /* of a line, not of its units: off keeps to it */
	} else if (l->rule->layer == LAYER_BASKET) {
		off = layers_basket_off(p, l, worth);
		room = worth - layers_floor(p, l);
	} else {
		off = off_item(p, l, worth, units, &exact);
		exact = exact && (room == worth || l->rule->shape == SHAPE_UNITS);
	}
	off = off < room ? off : room;
	*ret_least = exact ? off : 0;
	return off;
}

bool
alone_solve(struct alone *a, uint32_t from, uint32_t end, uint64_t parts,
	    struct solution *ret_solution, int *ret_rc)
{
	struct effort *effort = a->job.effort;
	uint64_t nodes_max;

	*ret_rc = 0;
	if (!effort_spend(effort, ALONE_NODES + a->p.live_count / RULES_A_NODE))
		return false;
	nodes_max = effort_narrow(effort, 1, parts);
	for (uint32_t j = from; j < end; j++)
		a->allowed[j] = true;
	*ret_rc = solve(&a->job, ret_solution);
	for (uint32_t j = from; j < end; j++)
		a->allowed[j] = false;
	effort_widen(effort, nodes_max);
	return true;
}

void
alone_reset(struct alone *a)
{
	arena_reset(a->p.arena);
}

static void *
copy(struct arena *arena, const void *from, size_t count, size_t bytes)
{
	void *to = arena_array(arena, count, bytes);

	if (to != NULL && count > 0)
		memcpy(to, from, count * bytes);
	return to;
}

int
alone_keep(const struct problem *p, struct solution *s)
{
	struct plan *plan = &s->plan;

	s->takes = copy(p->arena, s->takes, s->takes_count, sizeof(*s->takes));
	plan->stacked = copy(p->arena, plan->stacked, plan->stacked_count,
			     sizeof(*plan->stacked));
	plan->basket =
		copy(p->arena, plan->basket, plan->basket_count, sizeof(*plan->basket));
	return s->takes == NULL || plan->stacked == NULL || plan->basket == NULL ? -ENOMEM
										 : 0;
}
