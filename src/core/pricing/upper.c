#include "core/pricing/upper.h"
#include "core/pricing/layers.h"

#include <errno.h>
#include <stdlib.h>

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

	for (uint32_t i = 0; i < l->items_count; i++) {
		const struct item *it = &p->items[l->items[i]];
		int64_t amount = p->lines[it->line]->amount_minor;

		if (p->line_items[it->line] != l->items[i])
			continue; /* not the line's first */
		if (l->rule->layer == LAYER_STACK)
			sum += amount - layers_stacked(p, l, it->line, amount);
		else
			sum += amount;
	}
	if (l->rule->layer == LAYER_BASKET) {
		int64_t off = layers_basket_off(p, l, sum);

		return off < sum ? off : sum;
	}
	return sum;
}

/* A rule that is tried, and what it takes off at most. */
struct rank {
	int64_t most;
	uint32_t at; /* into upper.live */
};

/* What takes least first; of equals the later rule. */
static int
rank_order(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->most != y->most)
		return x->most < y->most ? -1 : 1;
	return x->at > y->at ? -1 : x->at < y->at;
}

/* Gives every rule that is tried its choice: that of its group, or one of its own. 0 or -ENOMEM. */
static int
find_choices(const struct problem *p, struct upper *u)
{
	uint32_t *of_group = NULL; /* plus one */

	for (uint32_t i = 0; i < u->count; i++) {
		uint32_t group = p->live[u->live[i]].rule->group_index;

		if (u->choice[i] == UPPER_ALWAYS)
			continue;
		if (group == NO_GROUP) {
			u->choice[i] = u->choices_count++;
			continue;
		}
		if (of_group == NULL)
			of_group = arena_array(p->arena, p->rules->groups_count,
					       sizeof(*of_group));
		if (of_group == NULL)
			return -ENOMEM;
		if (of_group[group] == 0)
			of_group[group] = ++u->choices_count;
		u->choice[i] = of_group[group] - 1;
	}
	return 0;
}

/* How many plans there are without the first so many of ranks; more than UPPER_PLANS_MAX: many. */
static uint64_t
count_plans(struct upper *u, const struct rank *ranks, uint32_t count, uint32_t without)
{
	uint64_t plans = 1;

	for (uint32_t c = 0; c < u->choices_count; c++)
		u->radix[c] = 1; /* none of them */
	for (uint32_t i = without; i < count; i++)
		u->radix[u->choice[ranks[i].at]]++;
	for (uint32_t c = 0; c < u->choices_count && plans <= UPPER_PLANS_MAX; c++)
		plans *= u->radix[c];
	return plans;
}

/* Leaves out the rules that take least, until there are not too many plans. 0 or -ENOMEM. */
static int
leave_out(const struct problem *p, struct upper *u)
{
	struct rank *ranks = arena_array(p->arena, u->count, sizeof(*ranks));
	bool *out = arena_array(p->arena, u->count, sizeof(*out));
	uint32_t n = 0, least = 0, most, kept = 0;

	if (ranks == NULL || out == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < u->count; i++)
		if (u->choice[i] != UPPER_ALWAYS)
			ranks[n++] = (struct rank){ upper_most(p, u->live[i]), i };
	qsort(ranks, n, sizeof(*ranks), rank_order);
	for (most = n; least < most;) {
		uint32_t middle = least + (most - least) / 2;

		if (count_plans(u, ranks, n, middle) <= UPPER_PLANS_MAX)
			most = middle;
		else
			least = middle + 1;
	}
	for (uint32_t i = 0; i < least; i++) {
		u->left_out += ranks[i].most;
		out[ranks[i].at] = true;
	}
	u->all_tried = least == 0;
	for (uint32_t i = 0; i < u->count; i++) {
		if (out[i])
			continue;
		u->live[kept] = u->live[i];
		u->choice[kept++] = u->choice[i];
	}
	u->count = kept;
	return 0;
}

/* Numbers what can be chosen; how many plans that makes. */
static uint32_t
number_choices(struct upper *u)
{
	uint32_t plans = 1;

	for (uint32_t c = 0; c < u->choices_count; c++)
		u->radix[c] = 1; /* none of them */
	for (uint32_t i = 0; i < u->count; i++)
		if (u->choice[i] != UPPER_ALWAYS)
			u->number[i] = u->radix[u->choice[i]]++ - 1;
	for (uint32_t c = 0; c < u->choices_count; c++) {
		u->stride[c] = plans;
		plans *= u->radix[c];
	}
	return plans;
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
	rc = find_choices(p, &u);
	if (rc == 0)
		rc = leave_out(p, &u);
	if (rc < 0)
		return rc;
	u.plans = number_choices(&u);
	*ret_upper = u;
	return 0;
}
