#include "core/pricing/components.h"

#include <errno.h>
#include <stdlib.h>

#define NOWHERE UINT32_MAX
#define SORT_SMALL 64u

struct splitting {
	const struct problem *p;
	const bool *allowed;
	uint32_t *parent;  /* union-find over items */
	uint32_t *touched; /* 1 when a rule wants the item */
	uint32_t *where;   /* component of a root */
	struct component *list;
	uint32_t count;
};

static uint32_t
root_of(struct splitting *s, uint32_t item)
{
	while (s->parent[item] != item) {
		s->parent[item] = s->parent[s->parent[item]];
		item = s->parent[item];
	}
	return item;
}

static void
unite(struct splitting *s, uint32_t a, uint32_t b)
{
	a = root_of(s, a);
	b = root_of(s, b);
	if (a < b)
		s->parent[b] = a;
	else
		s->parent[a] = b;
}

static bool
is_unit_rule(const struct splitting *s, uint32_t live)
{
	return s->allowed[live] && s->p->live[live].rule->layer == LAYER_UNIT;
}

static int
unite_all(struct splitting *s)
{
	uint32_t *group_item = NULL; /* plus one */

	for (uint32_t i = 0; i < s->p->items_count; i++)
		s->parent[i] = i;
	for (uint32_t i = 1; i < s->p->items_count; i++)
		if (s->p->items[i].line == s->p->items[i - 1].line)
			unite(s, i, i - 1);
	for (uint32_t j = 0; j < s->p->live_count; j++) {
		const struct live *l = &s->p->live[j];
		uint32_t group = l->rule->group_index;

		if (!is_unit_rule(s, j))
			continue;
		for (uint32_t i = 0; i < l->items_count; i++) {
			s->touched[l->items[i]] = 1;
			if (l->coupled || group != NO_GROUP)
				unite(s, l->items[i], l->items[0]);
		}
		if (group == NO_GROUP)
			continue;
		if (group_item == NULL)
			group_item = arena_array(s->p->arena, s->p->rules->groups_count,
						 sizeof(*group_item));
		if (group_item == NULL)
			return -ENOMEM;
		if (group_item[group] != 0)
			unite(s, group_item[group] - 1, l->items[0]);
		group_item[group] = l->items[0] + 1;
	}
	return 0;
}

/* Counts what each component will hold. Items of a touched line all belong to it. */
static int
count_parts(struct splitting *s)
{
	for (uint32_t i = 0; i < s->p->items_count; i++)
		s->where[i] = NOWHERE;
	for (uint32_t i = 0; i < s->p->items_count; i++) {
		uint32_t root = root_of(s, i);

		if (s->touched[i] != 0 && s->where[root] == NOWHERE)
			s->where[root] = s->count++;
	}
	s->list = arena_array(s->p->arena, s->count, sizeof(*s->list));
	if (s->list == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->p->items_count; i++) {
		uint32_t where = s->where[root_of(s, i)];

		if (where == NOWHERE)
			continue;
		s->list[where].items_count++;
		if (i == s->p->line_items[s->p->items[i].line])
			s->list[where].lines_count++;
	}
	for (uint32_t j = 0; j < s->p->live_count; j++)
		for (uint32_t i = 0, last = NOWHERE;
		     is_unit_rule(s, j) && i < s->p->live[j].items_count; i++) {
			uint32_t where = s->where[root_of(s, s->p->live[j].items[i])];

			/* Counted too often at worst, when its items lie apart. */
			if (where != last)
				s->list[where].live_count++;
			last = where;
		}
	return 0;
}

static int
make_room(struct splitting *s)
{
	for (uint32_t c = 0; c < s->count; c++) {
		struct component *k = &s->list[c];

		k->items = arena_array(s->p->arena, k->items_count, sizeof(*k->items));
		k->lines = arena_array(s->p->arena, k->lines_count, sizeof(*k->lines));
		k->live = arena_array(s->p->arena, k->live_count, sizeof(*k->live));
		if (k->items == NULL || k->lines == NULL || k->live == NULL)
			return -ENOMEM;
		k->items_count = k->lines_count = k->live_count = 0;
	}
	return 0;
}

/* A live rule goes in by priority, then id. */
static void
insert_live(const struct problem *p, struct component *c, uint32_t live)
{
	uint32_t i = c->live_count;

	for (uint32_t k = 0; k < c->live_count; k++)
		if (c->live[k] == live)
			return;
	while (i > 0 &&
	       p->live[c->live[i - 1]].rule->priority < p->live[live].rule->priority) {
		c->live[i] = c->live[i - 1];
		i--;
	}
	c->live[i] = live;
	c->live_count++;
}

/* Dearest first, ties by line. */
static void
insert_item(const struct problem *p, struct component *c, uint32_t item)
{
	uint32_t i = c->items_count++;

	while (i > 0 && p->items[c->items[i - 1]].value < p->items[item].value) {
		c->items[i] = c->items[i - 1];
		i--;
	}
	c->items[i] = item;
}

static void
fill(struct splitting *s)
{
	for (uint32_t i = 0; i < s->p->items_count; i++) {
		uint32_t where = s->where[root_of(s, i)], line = s->p->items[i].line;
		struct component *c;

		if (where == NOWHERE)
			continue;
		c = &s->list[where];
		insert_item(s->p, c, i);
		if (i == s->p->line_items[line])
			c->lines[c->lines_count++] = line;
	}
	for (uint32_t j = 0; j < s->p->live_count; j++)
		for (uint32_t i = 0; is_unit_rule(s, j) && i < s->p->live[j].items_count;
		     i++) {
			uint32_t where = s->where[root_of(s, s->p->live[j].items[i])];

			insert_live(s->p, &s->list[where], j);
			if (s->p->live[j].coupled)
				break; /* all its items are here */
		}
}

static int
component_order(const void *a, const void *b)
{
	const struct component *x = a, *y = b;
	uint64_t m = (uint64_t)x->items_count * x->live_count;
	uint64_t n = (uint64_t)y->items_count * y->live_count;

	if (m != n)
		return m < n ? -1 : 1;
	return x->items[0] < y->items[0] ? -1 : x->items[0] > y->items[0];
}

/* The usual handful needs no qsort(), which would ask for memory. */
static void
sort_components(struct splitting *s)
{
	if (s->count > SORT_SMALL) {
		qsort(s->list, s->count, sizeof(*s->list), component_order);
		return;
	}
	for (uint32_t c = 1; c < s->count; c++) {
		struct component moved = s->list[c];
		uint32_t at = c;

		while (at > 0 && component_order(&s->list[at - 1], &moved) > 0) {
			s->list[at] = s->list[at - 1];
			at--;
		}
		s->list[at] = moved;
	}
}

int
components_find(const struct problem *p, const bool *allowed,
		struct component **ret_components, uint32_t *ret_count)
{
	struct splitting s = { .p = p, .allowed = allowed };
	uint32_t n = p->items_count;
	int rc = -ENOMEM;

	s.parent = arena_array(p->arena, n, sizeof(*s.parent));
	s.touched = arena_array(p->arena, n, sizeof(*s.touched));
	s.where = arena_array(p->arena, n, sizeof(*s.where));
	if (s.parent == NULL || s.touched == NULL || s.where == NULL)
		return rc;
	rc = unite_all(&s);
	if (rc == 0)
		rc = count_parts(&s);
	if (rc == 0)
		rc = make_room(&s);
	if (rc < 0)
		return rc;
	fill(&s);
	sort_components(&s);
	*ret_components = s.list;
	*ret_count = s.count;
	return 0;
}
