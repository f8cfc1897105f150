#include "core/pricing/layers.h"
#include "core/pricing/portion.h"

#include <errno.h>
#include <stdlib.h>

#define PARTS_ON_STACK 32u

struct unit_layer {
	const struct problem *p;
	const struct live *live;
	uint32_t live_index;
	int64_t *off;
	struct recorder *recorder;
	bool *idle;
};

static void
give(const struct unit_layer *u, uint32_t item, uint32_t units, int64_t off)
{
	const struct item *it = &u->p->items[item];

	if (off == 0)
		return;
	u->off[it->line] += off;
	if (u->recorder != NULL)
		u->recorder->share(u->recorder, u->live_index, it->line,
				   it->measured ? it->qty_milli : INT64_C(1000) * units,
				   off);
}

static void
applied(const struct unit_layer *u, uint32_t times)
{
	if (u->recorder != NULL && times > 0)
		u->recorder->applied(u->recorder, u->live_index, times);
}

/* Units of one item fill whole groups by themselves: all groups are alike. */
static void
pure_groups(const struct unit_layer *u, uint32_t item, uint32_t groups)
{
	const struct rule *r = u->live->rule;
	const struct item *it = &u->p->items[item];
	int64_t units, off;

	if (r->kind == KIND_N_FOR_PRICE) {
		units = r->units;
		off = it->value * units - r->price_minor;
	} else {
		units = r->get;
		off = portion_percent(it->value * units, r->percent_bp,
				      u->p->rules->rounding);
	}
	if (off > it->room * units)
		off = it->room * units;
	if (off <= 0) {
		*u->idle = true;
		return;
	}
	give(u, item, (uint32_t)units * groups, off * groups);
	applied(u, groups);
}

/* One group over several items, dearest first. */
static void
mixed_group(const struct unit_layer *u, struct portion *parts, uint32_t count)
{
	const struct rule *r = u->live->rule;
	int64_t value = 0, off, skip = r->kind == KIND_N_FOR_PRICE ? 0 : r->buy;
	struct portion *got = parts;
	uint32_t got_count = count;

	while (skip > 0 && got->units <= skip) {
		skip -= got->units;
		got++;
		got_count--;
	}
	got->units -= (uint32_t)skip;
	for (uint32_t i = 0; i < got_count; i++) {
		const struct item *it = &u->p->items[got[i].item];

		got[i].weight = it->value * got[i].units;
		got[i].room = it->room * got[i].units;
		value += got[i].weight;
	}
	off = r->kind == KIND_N_FOR_PRICE
		      ? value - r->price_minor
		      : portion_percent(value, r->percent_bp, u->p->rules->rounding);
	off = off > 0 ? portion_share(off, got, got_count) : 0;
	if (off == 0) {
		*u->idle = true;
		return;
	}
	for (uint32_t i = 0; i < got_count; i++)
		give(u, got[i].item, got[i].units, got[i].share);
	applied(u, 1);
}

/* n for a price, buy and get: the units of all takes, dearest first, in groups. */
static void
grouped(const struct unit_layer *u, const struct take *takes, uint32_t count,
	struct portion *parts)
{
	const struct rule *r = u->live->rule;
	uint32_t size =
		(uint32_t)(r->kind == KIND_N_FOR_PRICE ? r->units : r->buy + r->get);
	uint32_t filled = 0, parts_count = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t left = takes[i].units;

		while (left > 0) {
			uint32_t part = size - filled < left ? size - filled : left;

			if (filled == 0 && left >= size) {
				pure_groups(u, takes[i].item, left / size);
				left %= size;
				continue;
			}
			parts[parts_count++] =
				(struct portion){ .item = takes[i].item, .units = part };
			filled += part;
			left -= part;
			if (filled == size) {
				mixed_group(u, parts, parts_count);
				filled = parts_count = 0;
			}
		}
	}
}

/* The cheapest of the whole scope: as many as there are groups, times what one gets. */
static void
cheapest_of_all(const struct unit_layer *u, const struct take *takes, uint32_t count,
		struct portion *parts)
{
	const struct rule *r = u->live->rule;
	int64_t units = 0, groups, left, value = 0, off;
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++)
		units += takes[i].units;
	if (units > u->live->units_cap)
		units = u->live->units_cap;
	groups = units / (r->buy + r->get);
	left = groups * r->get;
	for (uint32_t i = count; i-- > 0 && left > 0;) {
		const struct item *it = &u->p->items[takes[i].item];
		uint32_t part = takes[i].units < left ? takes[i].units : (uint32_t)left;

		parts[n++] = (struct portion){ .item = takes[i].item,
					       .units = part,
					       .weight = it->value * part,
					       .room = it->room * part };
		value += it->value * part;
		left -= part;
	}
	off = portion_share(portion_percent(value, r->percent_bp, u->p->rules->rounding),
			    parts, n);
	if (off == 0) {
		*u->idle = true;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		give(u, parts[i].item, parts[i].units, parts[i].share);
	applied(u, (uint32_t)groups);
}

static void
unit_rule(const struct unit_layer *u, const struct take *takes, uint32_t count,
	  struct portion *parts)
{
	bool any = false;

	if (u->live->rule->kind == KIND_BUY_GET_CHEAPEST) {
		cheapest_of_all(u, takes, count, parts);
		return;
	}
	if (u->live->rule->kind == KIND_N_FOR_PRICE ||
	    u->live->rule->kind == KIND_BUY_GET) {
		grouped(u, takes, count, parts);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		int64_t off = portion_units(u->live->rule, &u->p->items[takes[i].item],
					    takes[i].units, u->p->rules->rounding);

		give(u, takes[i].item, takes[i].units, off);
		any |= off > 0;
		*u->idle |= off == 0;
	}
	applied(u, any);
}

int
layers_unit(const struct problem *p, const struct take *takes, uint32_t count,
	    int64_t *off, struct recorder *recorder, bool *ret_idle)
{
	struct portion small[PARTS_ON_STACK], *parts = small;
	bool idle = false;

	/* A group has at most two parts of an item more than there are takes. */
	if (count + 2 > PARTS_ON_STACK) {
		parts = malloc((count + 2) * sizeof(*parts));
		if (parts == NULL)
			return -ENOMEM;
	}
	for (uint32_t i = 0, end; i < count; i = end) {
		struct unit_layer u = {
			p, &p->live[takes[i].live], takes[i].live, off, recorder, &idle
		};

		for (end = i; end < count && takes[end].live == takes[i].live;)
			end++;
		unit_rule(&u, takes + i, end - i, parts);
	}
	if (parts != small)
		free(parts);
	if (ret_idle != NULL)
		*ret_idle = idle;
	return 0;
}

int64_t
layers_stacked(const struct problem *p, const struct live *l, uint32_t line, int64_t net)
{
	int64_t off = 0, room = net - p->floors[line];

	if (l->rule->kind == KIND_PERCENT)
		off = portion_percent(net, l->rule->percent_bp, p->rules->rounding);
	for (uint32_t i = p->line_items[line];
	     l->rule->kind == KIND_AMOUNT && i < p->line_items[line + 1]; i++)
		off += portion_units(l->rule, &p->items[i], p->items[i].units,
				     p->rules->rounding);
	return net - (off < room ? off : room);
}

int64_t
layers_basket_off(const struct problem *p, const struct live *l, int64_t base)
{
	const struct rule *r = l->rule;
	int64_t off = r->amount_minor;

	if (r->kind == KIND_BASKET_PERCENT)
		off = portion_percent(base, r->percent_bp, p->rules->rounding);
	return r->cap_minor > 0 && off > r->cap_minor ? r->cap_minor : off;
}

bool
layers_spend_ok(const struct live *l, int64_t base)
{
	const struct rule *r = l->rule;

	if (r->spend_gross)
		return true; /* was checked when the rule became live */
	return base >= r->min_spend_minor &&
	       (r->over_spend_minor == 0 || base > r->over_spend_minor);
}

/* Whether the i-th item of a rule is the first of its line: items of a line may be two. */
static bool
first_of_line(const struct problem *p, const struct live *l, uint32_t i)
{
	uint32_t item = l->items[i];

	return p->line_items[p->items[item].line] == item;
}

int64_t
layers_base(const struct problem *p, const struct live *l, const int64_t *net)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < l->items_count; i++)
		if (first_of_line(p, l, i))
			sum += net[p->items[l->items[i]].line];
	return sum;
}

int64_t
layers_floor(const struct problem *p, const struct live *l)
{
	return layers_base(p, l, p->floors);
}

/* Takes a basket rule's amount off the lines of its scope, in the order of the lines. */
static int
take_off(const struct problem *p, uint32_t live, int64_t off, int64_t *net,
	 struct recorder *recorder)
{
	const struct live *l = &p->live[live];
	struct portion *parts = calloc(p->lines_count, sizeof(*parts));

	if (parts == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->items_count; i++) {
		uint32_t line = p->items[l->items[i]].line;

		parts[line].weight = net[line];
		parts[line].room = net[line] - p->floors[line];
	}
	off = portion_share(off, parts, p->lines_count);
	for (uint32_t line = 0; line < p->lines_count; line++) {
		net[line] -= parts[line].share;
		if (parts[line].share > 0 && recorder != NULL)
			recorder->share(recorder, live, line, p->lines[line]->qty_milli,
					parts[line].share);
	}
	if (off > 0 && recorder != NULL)
		recorder->applied(recorder, live, 1);
	free(parts);
	return 0;
}

static void
stack_rule(const struct problem *p, uint32_t live, int64_t *net,
	   struct recorder *recorder)
{
	const struct live *l = &p->live[live];
	bool any = false;

	for (uint32_t i = 0; i < l->items_count; i++) {
		uint32_t line = p->items[l->items[i]].line;
		int64_t before = net[line];

		if (!first_of_line(p, l, i))
			continue;
		net[line] = layers_stacked(p, l, line, before);
		any |= net[line] < before;
		if (net[line] < before && recorder != NULL)
			recorder->share(recorder, live, line, p->lines[line]->qty_milli,
					before - net[line]);
	}
	if (any && recorder != NULL)
		recorder->applied(recorder, live, 1);
}

int
layers_rest(const struct problem *p, const struct plan *plan, int64_t *net,
	    struct recorder *recorder, int64_t *ret_total)
{
	int64_t *off, total = 0;
	int rc = 0;

	for (uint32_t i = 0; i < plan->stacked_count; i++)
		stack_rule(p, plan->stacked[i], net, recorder);
	off = calloc((size_t)plan->basket_count + 1, sizeof(*off));
	if (off == NULL)
		return -ENOMEM;
	/* Every basket rule looks at the net of layers 1 and 2, not at another one's work. */
	for (uint32_t i = 0; i < plan->basket_count; i++) {
		const struct live *l = &p->live[plan->basket[i]];
		int64_t base = layers_base(p, l, net);

		if (!layers_spend_ok(l, base)) {
			*ret_total = INT64_MAX;
			goto out;
		}
		off[i] = layers_basket_off(p, l, base);
	}
	for (uint32_t i = 0; rc == 0 && i < plan->basket_count; i++)
		rc = take_off(p, plan->basket[i], off[i], net, recorder);
	for (uint32_t i = 0; i < p->lines_count; i++)
		total += net[i];
	if (rc == 0)
		*ret_total = total;
out:
	free(off);
	return rc;
}
