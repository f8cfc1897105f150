#include "core/pricing/points.h"

#include <errno.h>

/* Whether a discount rule of the same group applied: then no other rule of it may. */
static bool
group_taken(const struct problem *p, const struct live *l, const struct result *result)
{
	for (uint32_t j = 0; j < p->live_count && l->rule->group_index != NO_GROUP; j++)
		if (p->live[j].rule->group_index == l->rule->group_index &&
		    result->rules[p->live[j].index].reason == PRICING_APPLIED)
			return true;
	return false;
}

/* Units in scope that are paid for: of lines that cost something, less those made free. */
static int64_t
paid_units(const struct problem *p, const struct live *l, const int64_t *net,
	   const int64_t *free_units)
{
	int64_t units = 0;

	for (uint32_t i = 0; i < l->items_count; i++) {
		const struct item *it = &p->items[l->items[i]];

		if (net[it->line] == 0)
			continue;
		units += it->units;
		if (l->items[i] == p->line_items[it->line])
			units -= free_units[it->line];
	}
	return units > 0 ? units : 0;
}

static int64_t
earned(const struct problem *p, const struct live *l, const int64_t *net,
       const int64_t *free_units)
{
	const struct rule *r = l->rule;
	int64_t times = r->per_minor > 0 ? layers_base(p, l, net) / r->per_minor
					 : paid_units(p, l, net, free_units);
	int64_t points = times * r->points; /* at most 10^10 times 10^6 */
	int64_t most = r->max_points > 0 ? r->max_points : MONEY_MINOR_MAX;

	return points < most ? points : most;
}

/* How many points may be burnt, in whole lots; 0: fewer than the rule asks for. */
static int64_t
burnable(const struct problem *p, const struct live *l, const int64_t *net,
	 int64_t balance)
{
	const struct rule *r = l->rule;
	int64_t most = layers_base(p, l, net) * r->max_bp / BP_ONE;
	int64_t lots = balance / r->points;

	if (lots > most / r->value_minor)
		lots = most / r->value_minor;
	return lots * r->points >= r->min_points ? lots * r->points : 0;
}

static void
found(struct result *result, const struct live *l, int64_t points)
{
	struct pricing_rule_result *rule = &result->rules[l->index];

	rule->reason = PRICING_APPLIED;
	rule->applications = 1;
	rule->points = points;
}

/* Whether another rule has the group: the most points, then the lower id. */
static bool
better_in_group(const struct problem *p, const int64_t *points, uint32_t i)
{
	uint32_t group = p->points[i].rule->group_index;

	if (group == NO_GROUP)
		return false;
	for (uint32_t k = 0; k < p->points_count; k++)
		if (k != i && p->points[k].rule->group_index == group &&
		    p->points[k].rule->kind == KIND_POINTS_EARN &&
		    (points[k] > points[i] || (k < i && points[k] == points[i])))
			return true;
	return false;
}

static void
write_earned(const struct problem *p, const int64_t *points, struct result *result)
{
	for (uint32_t i = 0; i < p->points_count; i++) {
		const struct live *l = &p->points[i];

		if (l->rule->kind != KIND_POINTS_EARN)
			continue;
		if (points[i] == 0 && !group_taken(p, l, result))
			result->rules[l->index].reason = PRICING_NO_SAVING;
		if (points[i] == 0 || better_in_group(p, points, i))
			continue;
		found(result, l, points[i]);
		result->shown.points_earned += points[i];
	}
}

static void
write_burn(const struct problem *p, const int64_t *points, struct result *result)
{
	struct pricing_burn *burn = &result->shown.burn;
	const struct live *best = NULL;

	for (uint32_t i = 0; i < p->points_count; i++) {
		const struct live *l = &p->points[i];
		int64_t worth = points[i] / l->rule->points * l->rule->value_minor;

		if (l->rule->kind != KIND_POINTS_BURN)
			continue;
		if (points[i] == 0)
			result->rules[l->index].reason = PRICING_NO_SAVING;
		if (worth <= burn->worth_minor)
			continue;
		*burn = (struct pricing_burn){ l->index, points[i], worth };
		best = l;
	}
	if (best != NULL)
		found(result, best, burn->points);
}

int
points_write(const struct problem *p, const struct pricing_member *member,
	     const int64_t *net, const int64_t *free_units, struct result *result)
{
	int64_t *points;

	if (p->points_count == 0)
		return 0;
	points = arena_array(p->arena, p->points_count, sizeof(*points));
	if (points == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->points_count; i++) {
		const struct live *l = &p->points[i];

		if (group_taken(p, l, result))
			continue;
		points[i] = l->rule->kind == KIND_POINTS_EARN
				    ? earned(p, l, net, free_units)
				    : burnable(p, l, net, member->points);
	}
	write_earned(p, points, result);
	write_burn(p, points, result);
	return 0;
}
