#include "core/pricing/upper.h"
#include "core/pricing/layers.h"

#include <errno.h>

static bool
counts_net_spend(const struct rule *r)
{
	return r->layer == LAYER_BASKET && !r->spend_gross &&
	       (r->min_spend_minor > 0 || r->over_spend_minor > 0);
}

int64_t
upper_most(const struct problem *p, uint32_t live)
{
	const struct live *l = &p->live[live];
	int64_t sum = 0;

	for (uint32_t i = 0; i < l->items_count; i++)
		sum += p->items[l->items[i]].value * p->items[l->items[i]].units;
	if (l->rule->layer == LAYER_BASKET) {
		int64_t off = layers_basket_off(p, l, sum);

		return off < sum ? off : sum;
	}
	return sum;
}

/* Which choice a rule belongs to: that of its group, or one of its own. */
static uint32_t
choice_of(const struct problem *p, const struct upper *u, uint32_t i)
{
	uint32_t group = p->live[u->live[i]].rule->group_index;

	for (uint32_t k = 0; k < i && group != NO_GROUP; k++)
		if (u->choice[k] != UPPER_ALWAYS &&
		    p->live[u->live[k]].rule->group_index == group)
			return u->choice[k];
	return u->choices_count;
}

/* Numbers the choices and what can be chosen; how many plans that makes. */
static uint64_t
number_choices(const struct problem *p, struct upper *u)
{
	uint64_t plans = 1;

	u->choices_count = 0;
	for (uint32_t i = 0; i < u->count; i++) {
		uint32_t c;

		if (u->choice[i] == UPPER_ALWAYS)
			continue;
		c = choice_of(p, u, i);
		if (c == u->choices_count) {
			u->choices_count++;
			u->radix[c] = 1; /* none of them */
		}
		u->choice[i] = c;
		u->number[i] = u->radix[c] - 1;
		u->radix[c]++;
	}
	for (uint32_t c = 0; c < u->choices_count && plans <= UPPER_PLANS_MAX; c++) {
		u->stride[c] = (uint32_t)plans;
		plans *= u->radix[c];
	}
	return plans;
}

/* Leaves out the rule that takes least of those that are tried. */
static void
leave_out(const struct problem *p, struct upper *u)
{
	uint32_t worst = u->count;
	int64_t least = INT64_MAX;

	for (uint32_t i = u->count; i-- > 0;) {
		int64_t off = upper_most(p, u->live[i]);

		if (u->choice[i] == UPPER_ALWAYS || off >= least)
			continue;
		least = off;
		worst = i;
	}
	u->left_out += least;
	u->count--;
	for (uint32_t i = worst; i < u->count; i++) {
		u->live[i] = u->live[i + 1];
		u->choice[i] = u->choice[i + 1];
	}
	u->all_tried = false;
}

static int
upper_init(const struct problem *p, struct upper *u)
{
	size_t n = p->live_count;

	*u = (struct upper){ .all_tried = true };
	u->live = arena_array(p->arena, n, sizeof(*u->live));
	u->choice = arena_array(p->arena, n, sizeof(*u->choice));
	u->number = arena_array(p->arena, n, sizeof(*u->number));
	u->radix = arena_array(p->arena, n, sizeof(*u->radix));
	u->stride = arena_array(p->arena, n, sizeof(*u->stride));
	return u->live == NULL || u->choice == NULL || u->number == NULL ||
			       u->radix == NULL || u->stride == NULL
		       ? -ENOMEM
		       : 0;
}

/*
 * A rule of the upper layers can only make the basket dearer by reaching less of a spend that is
 * counted after it, by its group, by taking the room of another, or by rounding beside another
 * one: only then is it worth trying without it.
 */
int
upper_find(const struct problem *p, const bool *allowed, struct upper *ret_upper)
{
	struct upper u;
	uint32_t baskets = 0;
	bool net_spend = false;
	uint64_t plans;
	int rc = upper_init(p, &u);

	if (rc < 0)
		return rc;
	for (uint32_t j = 0; j < p->live_count; j++) {
		const struct rule *r = p->live[j].rule;

		if (!allowed[j] || r->layer == LAYER_UNIT)
			continue;
		u.live[u.count++] = j;
		if (r->layer == LAYER_STACK)
			u.stacked_items += p->live[j].items_count;
		baskets += r->layer == LAYER_BASKET;
		net_spend = net_spend || counts_net_spend(r);
	}
	for (uint32_t i = 0; i < u.count; i++)
		if (p->live[u.live[i]].rule->group_index == NO_GROUP && baskets <= 1 &&
		    !net_spend)
			u.choice[i] = UPPER_ALWAYS;
	for (plans = number_choices(p, &u); plans > UPPER_PLANS_MAX;
	     plans = number_choices(p, &u))
		leave_out(p, &u);
	u.plans = (uint32_t)plans;
	*ret_upper = u;
	return 0;
}
