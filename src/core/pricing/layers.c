#include "core/pricing/layers.h"
#include "core/pricing/portion.h"

#include <errno.h>
#include <stdlib.h>

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

/* Layer 3, on the net of layers 1 and 2. */
static int
basket_rules(const struct problem *p, const struct plan *plan, int64_t *net,
	     struct recorder *recorder, int64_t *ret_total)
{
	int64_t *off = calloc((size_t)plan->basket_count + 1, sizeof(*off)), total = 0;
	int rc = 0;

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

int
layers_rest(const struct problem *p, const struct plan *plan, int64_t *net,
	    struct recorder *recorder, int64_t *ret_total)
{
	for (uint32_t i = 0; i < plan->stacked_count; i++)
		stack_rule(p, plan->stacked[i], net, recorder);
	return basket_rules(p, plan, net, recorder, ret_total);
}

int
layers_total(const struct problem *p, const struct plan *plan, int64_t *net,
	     int64_t *ret_total)
{
	int64_t taken = 0, total = 0;

	for (uint32_t i = 0; i < plan->stacked_count; i++)
		stack_rule(p, plan->stacked[i], net, NULL);
	for (uint32_t i = 0; i < plan->basket_count; i++) {
		const struct live *l = &p->live[plan->basket[i]];
		int64_t base = layers_base(p, l, net);

		/* As if all that was taken before were taken here. */
		taken += layers_basket_off(p, l, base);
		if (!layers_spend_ok(l, base) || taken > base - layers_floor(p, l))
			return basket_rules(p, plan, net, NULL, ret_total);
	}
	for (uint32_t i = 0; i < p->lines_count; i++)
		total += net[i];
	*ret_total = total - taken;
	return 0;
}
