#include "oracle/value.h"

#include <string.h>

/* Products of two amounts. */
__extension__ typedef __int128 wide;

static int64_t
low(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* One round of sharing among those not full; false: somebody got more than fits. */
static bool
share_round(int64_t amount, const int64_t *weight, const int64_t *room, int n, bool *full,
	    int64_t *out)
{
	int64_t weights = 0, given = 0, rests[ORACLE_PARTS_MAX] = { 0 };
	bool fits = true;

	for (int i = 0; i < n; i++)
		weights += full[i] ? 0 : weight[i];
	for (int i = 0; i < n; i++) {
		if (full[i] || weights == 0)
			continue;
		out[i] = (int64_t)((wide)amount * weight[i] / weights);
		rests[i] = (int64_t)((wide)amount * weight[i] % weights);
		given += out[i];
	}
	for (; given < amount; given++) {
		int at = -1;

		for (int i = 0; i < n; i++)
			if (!full[i] && rests[i] >= 0 && (at < 0 || rests[i] > rests[at]))
				at = i;
		if (at < 0)
			break; /* cannot be: fewer units are left than parts */
		out[at]++;
		rests[at] = -1;
	}
	for (int i = 0; i < n; i++)
		fits = fits && (full[i] || out[i] <= room[i]);
	return fits;
}

/* Who gets more than fits is filled, and the rest is shared anew among the others. */
int64_t
oracle_share(int64_t amount, const int64_t *weight, const int64_t *room, int n,
	     int64_t *out)
{
	bool full[ORACLE_PARTS_MAX] = { false };
	int64_t all = 0, left;

	for (int i = 0; i < n; i++) {
		out[i] = 0;
		full[i] = room[i] <= 0;
		all += room[i] > 0 ? room[i] : 0;
	}
	left = amount = low(amount, all);
	while (left > 0 && !share_round(left, weight, room, n, full, out))
		for (int i = 0; i < n; i++)
			if (!full[i] && out[i] >= room[i]) {
				full[i] = true;
				out[i] = room[i];
				left -= room[i];
			}
	return amount;
}

/* ---- one application of a rule on a group of units ---- */

static const struct oracle_tier *
tier_of(const struct oracle_rule *r, int count)
{
	const struct oracle_tier *best = NULL;

	for (int i = 0; i < r->tiers_count; i++)
		if (r->tiers[i].from <= count)
			best = &r->tiers[i];
	return best;
}

/* The last units of a group that are reduced: all but those that must only be bought. */
static int
reduced_from(const struct oracle_rule *r, int count)
{
	if (r->kind == ORACLE_BUY_GET)
		return r->buy;
	return r->kind == ORACLE_EVERY_N ? count - 1 : 0;
}

static int64_t
group_wants(const struct oracle_parts *p, const struct oracle_rule *r, int count,
	    int64_t value)
{
	struct oracle_reward reward = r->reward;

	if (r->kind == ORACLE_DISTINCT) {
		const struct oracle_tier *tier = tier_of(r, count);

		reward.value = tier != NULL ? tier->value : 0;
	}
	switch (reward.form) {
	case ORACLE_BY_PERCENT:
		return oracle_rounded(value, reward.value, p->c->rounding);
	case ORACLE_BY_AMOUNT:
		return reward.value;
	case ORACLE_BY_PRICE:
		return value > reward.value ? value - reward.value : 0;
	case ORACLE_NONE:
		break;
	}
	return 0;
}

/* "Amount off each unit", "each unit costs": every unit for itself. */
static int64_t
each_off(const struct oracle_parts *p, const struct oracle_rule *r, const int *units,
	 int count, int64_t *off)
{
	int64_t sum = 0;

	for (int i = 0; i < count; i++) {
		int64_t one = oracle_reward_off(p, r->reward, units[i], 1);

		off[p->at[units[i]].line] += one;
		sum += one;
	}
	return sum;
}

/* Those who share what an application takes off; equal units of one line are one share. */
struct sharers {
	int64_t weight[ORACLE_PARTS_MAX], room[ORACLE_PARTS_MAX], value;
	int part[ORACLE_PARTS_MAX], n;
};

static void
add_unit(struct sharers *s, const struct oracle_parts *p, int part)
{
	if (s->n == 0 || s->part[s->n - 1] != part)
		s->part[s->n++] = part;
	s->weight[s->n - 1] += p->at[part].value;
	s->room[s->n - 1] += p->at[part].room;
	s->value += p->at[part].value;
}

static int64_t
share_among(const struct sharers *s, const struct oracle_parts *p, int64_t amount,
	    int64_t *off)
{
	int64_t out[ORACLE_PARTS_MAX];
	int64_t sum = oracle_share(amount, s->weight, s->room, s->n, out);

	for (int i = 0; i < s->n; i++)
		off[p->at[s->part[i]].line] += out[i];
	return sum;
}

int64_t
oracle_group_off(const struct oracle_parts *p, const struct oracle_rule *r,
		 const int *units, int count, int64_t *off)
{
	struct sharers s = { .n = 0 };

	if (r->kind == ORACLE_FULL_GROUPS && r->reward.form != ORACLE_BY_PERCENT)
		return each_off(p, r, units, count, off);
	for (int i = reduced_from(r, count); i < count; i++)
		add_unit(&s, p, units[i]);
	return share_among(&s, p, group_wants(p, r, count, s.value), off);
}

/* Units as a list of parts, dearest first, then by line. */
static int
list_units(const struct oracle_parts *p, const int *taken, int *list)
{
	int count = 0;

	for (int i = 0; i < p->count; i++)
		for (int k = 0; k < taken[i] && count < ORACLE_UNITS_MAX; k++) {
			int at = count++;

			for (; at > 0 && p->at[list[at - 1]].value < p->at[i].value; at--)
				list[at] = list[at - 1];
			list[at] = i;
		}
	return count;
}

static int64_t
groups_off(const struct oracle_parts *p, const struct oracle_rule *r,
	   const struct oracle_take *take, int64_t *off)
{
	int list[ORACLE_UNITS_MAX], size = oracle_group_size(r);
	int count = list_units(p, take->units[0], list);
	int64_t sum = 0;

	if (count % size != 0 || count / size > oracle_uses_left(r))
		return -1;
	for (int i = 0; i < count; i += size) {
		int64_t one = oracle_group_off(p, r, list + i, size, off);

		if (one <= 0)
			return -1;
		sum += one;
	}
	return sum;
}

/* The j-th run of each component together is the j-th bundle. */
static int64_t
bundles_off(const struct oracle_parts *p, const struct oracle_rule *r,
	    const struct oracle_take *take, int64_t *off)
{
	int list[ORACLE_COMPONENTS_MAX][ORACLE_UNITS_MAX], bundles = -1;
	int64_t sum = 0;

	for (int k = 0; k < r->components_count; k++) {
		int size = r->components[k].units;
		int count = list_units(p, take->units[k], list[k]);

		if (count % size != 0 || (bundles >= 0 && count / size != bundles))
			return -1;
		bundles = count / size;
	}
	if (bundles > oracle_uses_left(r))
		return -1;
	for (int j = 0; j < bundles; j++) {
		int taken[ORACLE_PARTS_MAX] = { 0 }, all[ORACLE_UNITS_MAX];
		int64_t one;

		for (int k = 0; k < r->components_count; k++)
			for (int i = 0; i < r->components[k].units; i++)
				taken[list[k][j * r->components[k].units + i]]++;
		one = oracle_group_off(p, r, all, list_units(p, taken, all), off);
		if (one <= 0)
			return -1;
		sum += one;
	}
	return sum;
}

static int64_t
distinct_off(const struct oracle_parts *p, const struct oracle_rule *r,
	     const struct oracle_take *take, int64_t *off)
{
	int list[ORACLE_UNITS_MAX], count = list_units(p, take->units[0], list);
	uint64_t codes = 0;

	for (int i = 0; i < count; i++) {
		uint64_t code = UINT64_C(1) << p->c->lines[p->at[list[i]].line].code;

		if ((codes & code) != 0)
			return -1;
		codes |= code;
	}
	return tier_of(r, count) != NULL ? oracle_group_off(p, r, list, count, off) : -1;
}

/* The dearest unit is the first; a run of next units that saves nothing is not taken. */
static int64_t
first_next_off(const struct oracle_parts *p, const struct oracle_rule *r,
	       const struct oracle_take *take, int64_t *off)
{
	int list[ORACLE_UNITS_MAX], count = list_units(p, take->units[0], list);
	int64_t sum;

	if (r->max_units > 0 && count > r->max_units)
		return -1;
	sum = oracle_reward_off(p, r->first, list[0], 1);
	off[p->at[list[0]].line] += sum;
	for (int i = 0; i < p->count; i++) {
		int units = take->units[0][i] - (i == list[0]);
		int64_t one = units > 0 ? oracle_reward_off(p, r->reward, i, units) : 0;

		if (units > 0 && one == 0)
			return -1;
		off[p->at[i].line] += one;
		sum += one;
	}
	return sum;
}

/* Percent, amount and price for a number of units; the cheapest unit. */
static int64_t
some_units_off(const struct oracle_parts *p, const struct oracle_rule *r,
	       const struct oracle_take *take, int64_t *off)
{
	int64_t sum = 0;
	int units = 0;

	for (int i = 0; i < p->count; i++) {
		int64_t one = oracle_reward_off(p, r->reward, i, take->units[0][i]);

		if (take->units[0][i] > 0 && one == 0)
			return -1;
		units += take->units[0][i];
		off[p->at[i].line] += one;
		sum += one;
	}
	return units > (r->kind == ORACLE_CHEAPEST_UNIT ? 1 : r->max_units) ? -1 : sum;
}

/* ---- whole scopes ---- */

/* The cheapest of all units, ties the later line first. */
static int64_t
cheapest_off(const struct oracle_parts *p, const struct oracle_rule *r,
	     const struct oracle_take *take, int64_t *off)
{
	int list[ORACLE_UNITS_MAX], count = list_units(p, take->units[0], list);
	int got = count / (r->buy + r->get);
	struct sharers s = { .n = 0 };

	got = (int)low(got, oracle_uses_left(r)) * r->get;
	for (int i = count - 1; i >= count - got; i--)
		add_unit(&s, p, list[i]);
	return share_among(&s, p,
			   oracle_rounded(s.value, r->reward.value, p->c->rounding), off);
}

/* Grams of a span from..to that are the last `get` of one of the first groups. */
static int64_t
reduced_grams(const struct oracle_rule *r, int64_t from, int64_t to, int64_t groups)
{
	int64_t size = (int64_t)r->buy + r->get, sum = 0;

	for (int64_t g = from / size; g <= to / size && g < groups; g++) {
		int64_t a = g * size + r->buy, b = (g + 1) * size;

		a = a > from ? a : from;
		b = low(b, to);
		sum += b > a ? b - a : 0;
	}
	return sum;
}

static int64_t
weight_off(const struct oracle_parts *p, const struct oracle_rule *r,
	   const struct oracle_take *take, int64_t *off)
{
	const struct oracle_line *lines = p->c->lines;
	int order[ORACLE_PARTS_MAX], n = 0;
	int64_t grams = 0, groups, at = 0, sum = 0;

	for (int i = 0; i < p->count; i++) {
		int to = n;

		if (take->units[0][i] == 0)
			continue;
		for (; to > 0 && lines[p->at[order[to - 1]].line].price <
					 lines[p->at[i].line].price;
		     to--)
			order[to] = order[to - 1];
		order[to] = i;
		n++;
		grams += lines[p->at[i].line].grams;
	}
	groups = low(grams / ((int64_t)r->buy + r->get), oracle_uses_left(r));
	for (int i = 0; i < n; i++) {
		const struct oracle_part *part = &p->at[order[i]];
		int64_t all = lines[part->line].grams, one;

		one = part->value * reduced_grams(r, at, at + all, groups) *
		      r->reward.value;
		one = low(oracle_fraction(one, all * 10000, p->c->rounding), part->room);
		off[part->line] += one;
		sum += one;
		at += all;
	}
	return sum;
}

int64_t
oracle_take_off(const struct oracle_parts *p, const struct oracle_rule *r,
		const struct oracle_take *take, int64_t *off)
{
	int64_t sum;

	if (oracle_group_size(r) > 0)
		sum = groups_off(p, r, take, off);
	else if (r->kind == ORACLE_BUNDLE)
		sum = bundles_off(p, r, take, off);
	else if (r->kind == ORACLE_DISTINCT)
		sum = distinct_off(p, r, take, off);
	else if (r->kind == ORACLE_FIRST_NEXT)
		sum = first_next_off(p, r, take, off);
	else if (r->kind == ORACLE_BUY_GET_CHEAPEST)
		sum = cheapest_off(p, r, take, off);
	else if (r->kind == ORACLE_WEIGHT)
		sum = weight_off(p, r, take, off);
	else
		sum = some_units_off(p, r, take, off);
	return sum > 0 ? sum : -1;
}
