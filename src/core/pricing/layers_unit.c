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

static enum rounding
mode_of(const struct unit_layer *u)
{
	return u->p->rules->rounding;
}

static void
give(const struct unit_layer *u, uint32_t item, uint32_t units, int64_t off)
{
	const struct item *it = &u->p->items[item];
	struct recorder *r = u->recorder;

	if (off == 0)
		return;
	u->off[it->line] += off;
	if (r == NULL)
		return;
	r->share(r, u->live_index, it->line,
		 it->measured ? it->qty_milli : INT64_C(1000) * units, off);
	if (r->freed != NULL && off == it->value * units)
		r->freed(r, item, units);
}

static void
applied(const struct unit_layer *u, uint32_t times)
{
	if (u->recorder != NULL && times > 0)
		u->recorder->applied(u->recorder, u->live_index, times);
}

/* ---- groups ---- */

/* Units of one item fill whole groups by themselves: all groups are alike. */
static void
pure_groups(const struct unit_layer *u, uint32_t item, uint32_t groups)
{
	const struct rule *r = u->live->rule;
	const struct item *it = &u->p->items[item];
	uint32_t units = r->size - r->skip;
	int64_t off = r->each ? portion_each(&r->reward, it, units, mode_of(u))
			      : portion_reward(&r->reward, it->value * units, mode_of(u));

	if (off > it->room * units)
		off = it->room * units;
	if (off <= 0) {
		*u->idle = true;
		return;
	}
	give(u, item, units * groups, off * groups);
	applied(u, groups);
}

/* What the parts of one group are worth together; sets how they share. */
static int64_t
weigh(const struct unit_layer *u, struct portion *parts, uint32_t count)
{
	int64_t value = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct item *it = &u->p->items[parts[i].item];

		parts[i].weight = it->value * parts[i].units;
		parts[i].room = it->room * parts[i].units;
		value += parts[i].weight;
	}
	return value;
}

/* Each unit for itself: what they save together. */
static int64_t
each_of(const struct unit_layer *u, struct portion *parts, uint32_t count)
{
	int64_t off = 0;

	for (uint32_t i = 0; i < count; i++) {
		parts[i].share =
			portion_each(&u->live->rule->reward, &u->p->items[parts[i].item],
				     parts[i].units, mode_of(u));
		off += parts[i].share;
	}
	return off;
}

/* One group over several items, dearest first. */
static void
mixed_group(const struct unit_layer *u, struct portion *parts, uint32_t count)
{
	const struct rule *r = u->live->rule;
	uint32_t skip = r->skip, got_count = count;
	struct portion *got = parts;
	int64_t off;

	while (skip > 0 && got->units <= skip) {
		skip -= got->units;
		got++;
		got_count--;
	}
	got->units -= skip;
	if (r->each) {
		off = each_of(u, got, got_count);
	} else {
		off = portion_reward(&r->reward, weigh(u, got, got_count), mode_of(u));
		off = off > 0 ? portion_share(off, got, got_count) : 0;
	}
	if (off == 0) {
		*u->idle = true;
		return;
	}
	for (uint32_t i = 0; i < got_count; i++)
		give(u, got[i].item, got[i].units, got[i].share);
	applied(u, 1);
}

/* The units of all takes, dearest first, in groups. */
static void
grouped(const struct unit_layer *u, const struct take *takes, uint32_t count,
	struct portion *parts)
{
	uint32_t size = u->live->rule->size, filled = 0, parts_count = 0;

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

/* ---- first and next, sets ---- */

/* The dearest unit as the first, all others as next ones; one application. */
static void
first_and_next(const struct unit_layer *u, const struct take *takes, uint32_t count,
	       struct portion *parts)
{
	const struct rule *r = u->live->rule;
	uint32_t n = 0;
	int64_t off = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct item *it = &u->p->items[takes[i].item];
		uint32_t units = takes[i].units;

		if (i == 0) {
			parts[n++] = (struct portion){
				.item = takes[i].item,
				.units = 1,
				.share = portion_each(&r->first, it, 1, mode_of(u)),
			};
			off += parts[0].share;
			units--;
		}
		parts[n] = (struct portion){
			.item = takes[i].item,
			.units = units,
			.share = portion_each(&r->reward, it, units, mode_of(u)),
		};
		*u->idle = *u->idle || (units > 0 && parts[n].share == 0);
		off += parts[n++].share;
	}
	*u->idle = *u->idle || off == 0;
	for (uint32_t i = 0; i < n; i++)
		give(u, parts[i].item, parts[i].units, parts[i].share);
	applied(u, off > 0);
}

/* One unit of each of several codes; the search sees to it that the codes differ. */
static void
distinct_set(const struct unit_layer *u, const struct take *takes, uint32_t count,
	     struct portion *parts)
{
	const struct rule *r = u->live->rule;
	int64_t off;

	if (count < r->units || count > r->set_units_max) {
		*u->idle = true; /* another form of the rule, or none */
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		parts[i] = (struct portion){ .item = takes[i].item, .units = 1 };
	off = portion_reward(&r->reward, weigh(u, parts, count), mode_of(u));
	off = portion_share(off, parts, count);
	*u->idle = *u->idle || off == 0;
	for (uint32_t i = 0; i < count; i++)
		give(u, parts[i].item, 1, parts[i].share);
	applied(u, off > 0);
}

/* ---- bundles ---- */

/* Where the next application of a bundle takes the units of one component. */
struct run {
	uint32_t take, left;
};

/* The first take of a component from i on. */
static uint32_t
take_of(const struct take *takes, uint32_t count, uint32_t i, uint32_t part)
{
	while (i < count && takes[i].part != part)
		i++;
	return i;
}

/* Puts a piece where it belongs: dearest first, then by line, once for each item. */
static uint32_t
add_piece(const struct problem *p, struct portion *parts, uint32_t n, uint32_t item,
	  uint32_t units)
{
	int64_t value = p->items[item].value;
	uint32_t i = n;

	for (uint32_t k = 0; k < n; k++)
		if (parts[k].item == item) {
			parts[k].units += units;
			return n;
		}
	while (i > 0 && (p->items[parts[i - 1].item].value < value ||
			 (p->items[parts[i - 1].item].value == value &&
			  parts[i - 1].item > item))) {
		parts[i] = parts[i - 1];
		i--;
	}
	parts[i] = (struct portion){ .item = item, .units = units };
	return n + 1;
}

/* The units of the next application; the runs move on. */
static uint32_t
next_bundle(const struct unit_layer *u, const struct take *takes, uint32_t count,
	    struct run *at, struct portion *parts)
{
	const struct rule *r = u->live->rule;
	uint32_t n = 0;

	for (uint32_t c = 0; c < r->parts_count; c++) {
		uint32_t need = (uint32_t)r->parts[c].units;

		while (need > 0) {
			uint32_t k = at[c].left < need ? at[c].left : need;

			if (k > 0)
				n = add_piece(u->p, parts, n, takes[at[c].take].item, k);
			need -= k;
			at[c].left -= k;
			if (at[c].left == 0 && need > 0) {
				at[c].take = take_of(takes, count, at[c].take + 1, c);
				at[c].left = takes[at[c].take].units;
			}
		}
	}
	return n;
}

/* So many applications alike: each saves and shares the same. */
static void
give_bundles(const struct unit_layer *u, struct portion *parts, uint32_t n,
	     uint32_t times)
{
	int64_t off =
		portion_reward(&u->live->rule->reward, weigh(u, parts, n), mode_of(u));

	if (off > 0)
		off = portion_share(off, parts, n);
	if (off <= 0) {
		*u->idle = true;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		give(u, parts[i].item, parts[i].units * times, parts[i].share * times);
	applied(u, times);
}

/* The j-th application takes the j-th run of units of each component, dearest first. */
static void
bundle(const struct unit_layer *u, const struct take *takes, uint32_t count,
       struct portion *parts)
{
	const struct rule *r = u->live->rule;
	struct run at[BUNDLE_PARTS_MAX] = { 0 };
	uint64_t units[BUNDLE_PARTS_MAX] = { 0 };
	uint64_t left = u->live->units_cap;

	for (uint32_t i = 0; i < count; i++)
		units[takes[i].part] += takes[i].units;
	for (uint32_t c = 0; c < r->parts_count; c++) {
		uint32_t first = take_of(takes, count, 0, c);

		at[c] = (struct run){ first, first < count ? takes[first].units : 0 };
		if (units[c] / (uint64_t)r->parts[c].units < left)
			left = units[c] / (uint64_t)r->parts[c].units;
	}
	while (left > 0) {
		uint64_t times = left;
		uint32_t n;

		for (uint32_t c = 0; c < r->parts_count; c++)
			if (at[c].left / (uint64_t)r->parts[c].units < times)
				times = at[c].left / (uint64_t)r->parts[c].units;
		if (times == 0)
			times = 1; /* of several items */
		n = next_bundle(u, takes, count, at, parts);
		for (uint32_t c = 0; c < r->parts_count; c++)
			at[c].left -=
				(uint32_t)((times - 1) * (uint64_t)r->parts[c].units);
		give_bundles(u, parts, n, (uint32_t)times);
		left -= times;
	}
}

/* ---- whole scopes ---- */

/* The cheapest of the whole scope: as many as there are groups, times what one gets. */
static void
cheapest_of_all(const struct unit_layer *u, const struct take *takes, uint32_t count,
		struct portion *parts)
{
	const struct rule *r = u->live->rule;
	int64_t units = 0, groups, left, off;
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++)
		units += takes[i].units;
	if (units > u->live->units_cap)
		units = u->live->units_cap;
	groups = units / (r->buy + r->get);
	left = groups * r->get;
	for (uint32_t i = count; i-- > 0 && left > 0;) {
		uint32_t part = takes[i].units < left ? takes[i].units : (uint32_t)left;

		parts[n++] = (struct portion){ .item = takes[i].item, .units = part };
		left -= part;
	}
	off = portion_reward(&r->reward, weigh(u, parts, n), mode_of(u));
	off = portion_share(off, parts, n);
	if (off == 0) {
		*u->idle = true;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		give(u, parts[i].item, parts[i].units, parts[i].share);
	applied(u, (uint32_t)groups);
}

/* The dearest by the kilogram first, then by line. */
static int
weight_order(const void *a, const void *b)
{
	const struct portion *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

/* How many of the first g grams are reduced ones. */
static int64_t
grams_got(const struct rule *r, int64_t g)
{
	int64_t group = r->buy_g + r->get_g, rest = g % group - r->buy_g;

	return g / group * r->get_g + (rest > 0 ? rest : 0);
}

/* amount * part * bp / (whole * BP_ONE), rounded once as a discount. part <= whole. */
static int64_t
part_percent(int64_t amount, int64_t part, int64_t whole, int64_t bp, enum rounding mode)
{
	bool net = mode == ROUND_NET_HALF_UP;
	int64_t num = net ? whole * BP_ONE - part * bp : part * bp, answer = 0;

	/* Quantities are up to 10^9 and amounts 10^10: it cannot overflow. */
	if (money_muldiv(amount, num, whole * BP_ONE, net ? ROUND_HALF_UP : mode,
			 &answer) < 0)
		return 0;
	return net ? amount - answer : answer;
}

/* All weights end to end, the dearest first; the last grams of every full group are reduced. */
static void
by_weight(const struct unit_layer *u, const struct take *takes, uint32_t count,
	  struct portion *parts)
{
	const struct rule *r = u->live->rule;
	int64_t group = r->buy_g + r->get_g, grams = 0, groups, from = 0, off = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct item *it = &u->p->items[takes[i].item];

		parts[i] = (struct portion){
			.item = takes[i].item,
			.units = 1,
			.weight = u->p->lines[it->line]->unit_price_minor,
		};
		grams += it->qty_milli;
	}
	qsort(parts, count, sizeof(*parts), weight_order);
	groups = grams / group;
	if (groups > u->live->units_cap)
		groups = u->live->units_cap;
	for (uint32_t i = 0; i < count; i++) {
		const struct item *it = &u->p->items[parts[i].item];
		int64_t to = from + it->qty_milli, end = groups * group, got;

		got = grams_got(r, to < end ? to : end) -
		      grams_got(r, from < end ? from : end);
		parts[i].share = part_percent(it->value, got, it->qty_milli,
					      r->percent_bp, mode_of(u));
		if (parts[i].share > it->room)
			parts[i].share = it->room;
		off += parts[i].share;
		from = to;
	}
	for (uint32_t i = 0; i < count; i++)
		give(u, parts[i].item, 1, parts[i].share);
	if (off > 0)
		applied(u, (uint32_t)groups);
	else
		*u->idle = true;
}

/* ---- all shapes ---- */

static void
single_units(const struct unit_layer *u, const struct take *takes, uint32_t count)
{
	bool any = false;

	for (uint32_t i = 0; i < count; i++) {
		int64_t off = portion_units(u->live->rule, &u->p->items[takes[i].item],
					    takes[i].units, mode_of(u));

		give(u, takes[i].item, takes[i].units, off);
		any |= off > 0;
		*u->idle |= off == 0;
	}
	applied(u, any);
}

static void
unit_rule(const struct unit_layer *u, const struct take *takes, uint32_t count,
	  struct portion *parts)
{
	switch (u->live->rule->shape) {
	case SHAPE_UNITS:
		single_units(u, takes, count);
		break;
	case SHAPE_GROUP:
		grouped(u, takes, count, parts);
		break;
	case SHAPE_NEXT:
		first_and_next(u, takes, count, parts);
		break;
	case SHAPE_SET:
		distinct_set(u, takes, count, parts);
		break;
	case SHAPE_BUNDLE:
		bundle(u, takes, count, parts);
		break;
	case SHAPE_WHOLE:
		if (u->live->rule->weighed_only)
			by_weight(u, takes, count, parts);
		else
			cheapest_of_all(u, takes, count, parts);
		break;
	}
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

/* Units of an item that the first application of a bundle takes, for every component. */
static uint32_t
first_parts(const struct problem *p, uint32_t live, uint32_t i, int64_t *needs,
	    struct take *takes)
{
	const struct live *l = &p->live[live];
	uint32_t units = p->items[l->items[i]].units, n = 0;

	for (uint32_t c = 0; c < l->rule->parts_count && units > 0; c++) {
		uint32_t k = units < needs[c] ? units : (uint32_t)needs[c];

		if ((l->parts[i] & 1u << c) == 0 || k == 0)
			continue;
		takes[n++] = (struct take){ live, l->items[i], k, c };
		needs[c] -= k;
		units -= k;
	}
	return n;
}

/* The first units that a rule alone would take: of one group, of each code, of a bundle. */
static uint32_t
first_takes(const struct problem *p, uint32_t live, struct take *takes)
{
	const struct live *l = &p->live[live];
	const struct rule *r = l->rule;
	int64_t left = r->shape == SHAPE_GROUP ? r->size : INT64_MAX;
	int64_t needs[BUNDLE_PARTS_MAX] = { 0 };
	uint32_t n = 0;

	for (uint32_t c = 0; c < r->parts_count; c++)
		needs[c] = r->parts[c].units;
	if (r->shape == SHAPE_SET)
		left = r->set_units_max;
	for (uint32_t i = 0; i < l->items_count && left > 0; i++) {
		uint32_t units = p->items[l->items[i]].units;

		if (r->shape == SHAPE_BUNDLE) {
			n += first_parts(p, live, i, needs, takes + n);
			continue;
		}
		if (r->shape == SHAPE_SET && l->same[i] != NO_ITEM)
			continue;
		if (r->shape == SHAPE_SET)
			units = 1;
		if (units > left)
			units = (uint32_t)left;
		left -= units;
		takes[n++] = (struct take){ live, l->items[i], units, 0 };
	}
	return n;
}

int
layers_saves_alone(const struct problem *p, uint32_t live,
		   const struct layers_scratch *scratch, bool *ret_saves)
{
	const struct live *l = &p->live[live];
	uint32_t n = first_takes(p, live, scratch->takes);
	int rc = layers_unit(p, scratch->takes, n, scratch->off, NULL, NULL);
	bool saves = false;

	for (uint32_t i = 0; i < l->items_count; i++) {
		int64_t *off = &scratch->off[p->items[l->items[i]].line];

		saves = saves || *off > 0;
		*off = 0;
	}
	if (rc == 0)
		*ret_saves = saves;
	return rc;
}
