#include "oracle/value.h"

#include <string.h>

/* Layers 2 and 3 of docs/promotions.md: whole lines, then whole baskets. */
static int64_t
line_room(const struct oracle_line *l, int64_t net)
{
	return net > l->floor ? net - l->floor : 0;
}

static int64_t
stacked_off(const struct oracle_parts *p, const struct oracle_rule *r, int line,
	    int64_t net)
{
	int64_t off = 0, room = line_room(&p->c->lines[line], net);

	if (r->reward.form == ORACLE_BY_PERCENT)
		off = oracle_rounded(net, r->reward.value, p->c->rounding);
	for (int i = 0; r->reward.form == ORACLE_BY_AMOUNT && i < p->count; i++)
		if (p->at[i].line == line)
			off += oracle_reward_off(p, r->reward, i, p->at[i].units);
	return off < room ? off : room;
}

static bool
reached(const struct oracle_rule *r, int64_t sum, int64_t spend)
{
	return r->over ? sum > spend : sum >= spend;
}

static bool
spend_ok(const struct oracle_parts *p, const struct oracle_rule *r, int64_t net,
	 const struct oracle_tier *tier)
{
	int64_t gross = 0, units = 0;

	for (int l = 0; l < p->c->lines_count; l++)
		if (oracle_covers(p->c, r, l)) {
			gross += p->c->lines[l].amount;
			units += p->c->lines[l].units;
		}
	if (r->spend > 0 && !reached(r, r->gross ? gross : net, r->spend))
		return false;
	if (tier == NULL)
		return true;
	return (r->tiers_of_units ? units : r->gross ? gross : net) >= tier->from;
}

static int64_t
basket_wants(const struct oracle_parts *p, const struct oracle_rule *r, int64_t sum,
	     const struct oracle_tier *tier)
{
	int64_t value = tier != NULL ? tier->value : r->reward.value;

	if (r->reward.form == ORACLE_BY_PERCENT)
		value = oracle_rounded(sum, value, p->c->rounding);
	return r->cap > 0 && value > r->cap ? r->cap : value;
}

/* base: the net after layer 2, that percentages and spends look at. */
static bool
basket_off(const struct oracle_parts *p, const struct oracle_rule *r, int choice,
	   const int64_t *base, int64_t *net)
{
	const struct oracle_case *c = p->c;
	const struct oracle_tier *tier =
		r->kind == ORACLE_BASKET_TIERS ? &r->tiers[choice - 1] : NULL;
	int64_t weight[ORACLE_LINES_MAX], room[ORACLE_LINES_MAX], out[ORACLE_LINES_MAX];
	int64_t sum = 0;

	for (int l = 0; l < c->lines_count; l++) {
		bool in = oracle_covers(c, r, l);

		sum += in ? base[l] : 0;
		weight[l] = in ? net[l] : 0;
		room[l] = in ? line_room(&c->lines[l], net[l]) : 0;
	}
	if (!spend_ok(p, r, sum, tier))
		return false;
	(void)oracle_share(basket_wants(p, r, sum, tier), weight, room, c->lines_count,
			   out);
	for (int l = 0; l < c->lines_count; l++)
		net[l] -= out[l];
	return true;
}

bool
oracle_upper_off(const struct oracle_parts *p, const int *choice, int64_t *net)
{
	const struct oracle_case *c = p->c;
	int64_t base[ORACLE_LINES_MAX];

	for (int i = 0; i < c->rules_count; i++) {
		if (choice[i] == 0 || !c->rules[i].stack)
			continue;
		for (int l = 0; l < c->lines_count; l++)
			if (oracle_covers(c, &c->rules[i], l))
				net[l] -= stacked_off(p, &c->rules[i], l, net[l]);
	}
	memcpy(base, net, (size_t)c->lines_count * sizeof(base[0]));
	for (int i = 0; i < c->rules_count; i++)
		if (choice[i] != 0 && !c->rules[i].stack &&
		    !basket_off(p, &c->rules[i], choice[i], base, net))
			return false;
	return true;
}
