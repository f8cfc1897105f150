#include "core/pricing/live.h"
#include "core/pricing/meeting.h"

#include <errno.h>

/* Units that one application asks for at the very least, whichever they are. */
static int64_t
units_asked(const struct rule *r)
{
	int64_t asked = 0;

	switch (r->shape) {
	case SHAPE_UNITS:
		break;
	case SHAPE_GROUP:
	case SHAPE_WHOLE:
		asked = r->size;
		break;
	case SHAPE_NEXT:
		asked = r->first.form == REWARD_NONE ? 2 : 1;
		break;
	case SHAPE_SET:
		asked = r->units;
		break;
	case SHAPE_BUNDLE:
		for (uint32_t c = 0; c < r->parts_count; c++)
			asked += r->parts[c].units;
		break;
	}
	return r->min_units > asked ? r->min_units : asked;
}

/* The basket holds what params.contains asks for. Goods that no offer may touch do not count. */
static bool
contains(const struct problem *p, const struct goods *goods)
{
	int64_t units = 0;

	for (uint32_t i = 0; i < p->lines_count && units < goods->units; i++) {
		const struct pricing_line *line = p->lines[i];

		if (!line->excluded && goods_name(goods, line))
			units += line_measured(line) ? 1 : line->qty_milli / 1000;
	}
	return units >= goods->units;
}

/*
 * Whether every component has its units for itself (which of them it shares with others is the
 * search's to find). *ret_item: if just one unit is missing, an item of its component, else
 * NO_ITEM.
 */
static bool
parts_there(const struct problem *p, const struct live *l, uint32_t *ret_item)
{
	int64_t missing = 0;
	uint32_t wanted = NO_ITEM;

	for (uint32_t c = 0; c < l->rule->parts_count; c++) {
		const struct goods *part = &l->rule->parts[c];
		uint32_t last = NO_ITEM;
		int64_t units = 0;

		for (uint32_t i = 0; i < l->items_count; i++) {
			const struct item *it = &p->items[l->items[i]];

			if (!goods_name(part, p->lines[it->line]))
				continue;
			units += it->units;
			last = l->items[i];
		}
		if (units >= part->units)
			continue;
		missing += part->units - units;
		wanted = last;
	}
	*ret_item = missing == 1 ? wanted : NO_ITEM;
	return missing == 0;
}

/* Units and worth of what is in scope. A bundle's scope may be wider than its components. */
static void
sum_scope(const struct problem *p, const struct live *l, int64_t *ret_units,
	  int64_t *ret_spend)
{
	int64_t units = 0, spend = 0;

	for (uint32_t i = 0; l->rule->shape != SHAPE_BUNDLE && i < l->items_count; i++) {
		const struct item *it = &p->items[l->items[i]];

		units += it->units;
		spend += it->value * it->units;
	}
	for (uint32_t i = 0; l->rule->shape == SHAPE_BUNDLE && i < p->lines_count; i++) {
		if (!meeting_counts(l->rule, p->lines[i]))
			continue;
		units += p->lines[i]->qty_milli / 1000; /* weighed lines do not count */
		spend += p->lines[i]->amount_minor;
	}
	*ret_units = units;
	*ret_spend = spend;
}

/* How many different codes a set could take. */
static int64_t
count_codes(const struct problem *p, const struct live *l)
{
	int64_t codes = 0;

	for (uint32_t i = 0; i < l->items_count && codes < l->rule->units; i++) {
		struct str code = p->lines[p->items[l->items[i]].line]->code;
		uint32_t k = 0;

		while (k < i && !str_eq(p->lines[p->items[l->items[k]].line]->code, code))
			k++;
		codes += k == i;
	}
	return codes;
}

static void
note_missed(struct problem *p, const struct live *l, uint32_t item)
{
	if (p->missed_count == MISSED_MAX || p->items[item].measured)
		return; /* half a unit more is no unit more */
	p->missed[p->missed_count++] =
		(struct missed){ l->index, l->variant, p->items[item].line };
}

/*
 * Units and spend are those in scope, before any offer. What a spend counted after item offers
 * asks for must be there before them all the same.
 */
bool
live_conditions(struct problem *p, const struct live *l)
{
	const struct rule *r = l->rule;
	int64_t units, spend, asked = units_asked(r);
	uint32_t item = l->items[l->items_count - 1];
	bool there = true;

	sum_scope(p, l, &units, &spend);
	if (spend < r->min_spend_minor ||
	    (r->over_spend_minor > 0 && spend <= r->over_spend_minor) ||
	    (r->contains.units > 0 && !contains(p, &r->contains)))
		return false;
	if (r->shape == SHAPE_BUNDLE) {
		there = parts_there(p, l, &item);
		if (!there && item != NO_ITEM && units + 1 >= asked)
			note_missed(p, l, item);
	} else if (r->shape == SHAPE_SET) {
		there = count_codes(p, l) >= r->units;
	} else if (units + 1 == asked) {
		note_missed(p, l, item);
	}
	return there && units >= asked;
}

/* Takes units from the end: the cheapest, and of equals those of the later line. */
static int
cap_to_cheapest(struct problem *p, struct live *l)
{
	int64_t left = l->rule->max_units;

	l->caps = arena_array(p->arena, l->items_count, sizeof(*l->caps));
	if (l->caps == NULL)
		return -ENOMEM;
	for (uint32_t i = l->items_count; i-- > 0;) {
		uint32_t units = p->items[l->items[i]].units;

		l->caps[i] = left < units ? (uint32_t)left : units;
		left -= l->caps[i];
	}
	return 0;
}

/* Which components each item fits. */
static int
find_parts(struct problem *p, struct live *l)
{
	const struct rule *r = l->rule;

	l->parts = arena_array(p->arena, l->items_count, sizeof(*l->parts));
	if (l->parts == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->items_count; i++) {
		const struct pricing_line *line = p->lines[p->items[l->items[i]].line];

		for (uint32_t c = 0; c < r->parts_count; c++)
			if (goods_name(&r->parts[c], line))
				l->parts[i] = (uint8_t)(l->parts[i] | 1u << c);
	}
	return 0;
}

/* Which items are of a code that one before them has. */
static int
find_same(struct problem *p, struct live *l)
{
	l->same = arena_array(p->arena, l->items_count, sizeof(*l->same));
	if (l->same == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->items_count; i++) {
		struct str code = p->lines[p->items[l->items[i]].line]->code;
		uint32_t k = i;

		while (k > 0 &&
		       !str_eq(p->lines[p->items[l->items[k - 1]].line]->code, code))
			k--;
		l->same[i] = k > 0 ? k - 1 : NO_ITEM;
	}
	return 0;
}

int
live_finish(struct problem *p, struct live *l, int64_t left)
{
	const struct rule *r = l->rule;
	int64_t cap = UINT32_MAX;

	l->coupled =
		r->layer == LAYER_UNIT && (r->shape != SHAPE_UNITS || r->max_units > 0);
	if (r->shape == SHAPE_BUNDLE || r->weighed_only)
		cap = left < UINT32_MAX ? left : UINT32_MAX;
	if (r->size > 0)
		cap = left < UINT32_MAX / r->size ? left * r->size : UINT32_MAX;
	else if (r->max_units > 0)
		cap = r->max_units;
	else if (r->shape == SHAPE_SET && r->set_units_max < UINT32_MAX)
		cap = r->set_units_max;
	l->units_cap = (uint32_t)cap;
	if (r->shape == SHAPE_BUNDLE)
		return find_parts(p, l);
	if (r->shape == SHAPE_SET)
		return find_same(p, l);
	return r->cheapest_first ? cap_to_cheapest(p, l) : 0;
}
