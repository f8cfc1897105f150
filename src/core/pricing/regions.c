#include "core/pricing/regions.h"

#include <errno.h>

static uint32_t
root_of(struct regions *g, uint32_t line)
{
	while (g->root[line] != line) {
		g->root[line] = g->root[g->root[line]];
		line = g->root[line];
	}
	return line;
}

static void
unite(struct regions *g, uint32_t a, uint32_t b)
{
	a = root_of(g, a);
	b = root_of(g, b);
	if (a < b)
		g->root[b] = a;
	else
		g->root[a] = b;
}

/* What it takes off a line hangs on nothing but that line and the other rules on it. */
static bool
line_by_line(const struct rule *r)
{
	return (r->kind == KIND_PERCENT || r->kind == KIND_AMOUNT ||
		r->kind == KIND_FIXED_PRICE) &&
	       r->max_units == 0 && r->min_units == 0 && r->min_spend_minor == 0 &&
	       r->over_spend_minor == 0 && r->group_index == NO_GROUP;
}

/* A rule for this shopper, here and now, whether or not its conditions are met. */
static bool
may_count(const struct met *met, const struct rule *r)
{
	if (r->layer == LAYER_POINTS)
		return false; /* no price */
	/* One unit more may put a rule out that its budget now allows, and the other way round. */
	return met->reason == PRICING_CONDITION || met->reason == PRICING_BEATEN ||
	       (met->reason == PRICING_LIMIT && r->budget_minor > 0);
}

bool
regions_whole_basket(const struct rule *r)
{
	return r->layer == LAYER_BASKET || r->exclusive != EXCLUSIVE_NO ||
	       r->contains.units > 0 || r->budget_minor > 0 ||
	       (r->shape == SHAPE_BUNDLE &&
		(r->min_units > 0 || r->min_spend_minor > 0 || r->over_spend_minor > 0));
}

int
regions_find(const struct problem *p, struct regions *ret_regions)
{
	struct regions g = { 0 };
	uint32_t *group_line = NULL; /* plus one */

	g.root = arena_array(p->arena, p->lines_count, sizeof(*g.root));
	if (g.root == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->lines_count; i++)
		g.root[i] = i;
	for (uint32_t i = 0; i < p->met_count && !g.whole; i++) {
		const struct met *met = &p->met[i];
		const struct rule *r = &p->rules->rules[met->rule];

		if (!may_count(met, r))
			continue;
		g.whole = regions_whole_basket(r);
		for (uint32_t k = 1; k < met->lines_count && !line_by_line(r); k++)
			unite(&g, met->lines[k], met->lines[0]);
		if (r->group_index == NO_GROUP)
			continue;
		if (group_line == NULL)
			group_line = arena_array(p->arena, p->rules->groups_count,
						 sizeof(*group_line));
		if (group_line == NULL)
			return -ENOMEM;
		if (group_line[r->group_index] != 0)
			unite(&g, group_line[r->group_index] - 1, met->lines[0]);
		group_line[r->group_index] = met->lines[0] + 1;
	}
	for (uint32_t i = 0; i < p->lines_count; i++)
		g.root[i] = root_of(&g, i);
	*ret_regions = g;
	return 0;
}
