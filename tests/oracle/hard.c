#include "oracle/value.h"

/*
 * Cases that are meant to be hard to prove: many offers that all want the same units, prices that
 * no two combinations share, and spends that are reached or missed by cents.
 */
#define pick oracle_pick
#define chance oracle_chance

static struct oracle_scope
half_of(uint64_t *s, int lines)
{
	struct oracle_scope scope = { .category = -1 };

	for (int l = 0; l < lines; l++)
		if (chance(s, 50))
			scope.codes |= UINT64_C(1) << l;
	if (scope.codes == 0)
		scope.codes = 1;
	return scope;
}

/* Groups over one another: a group's price is a little below what its units are worth. */
static void
tangled_group(struct oracle_rule *r, uint64_t *s)
{
	static const enum oracle_kind kinds[] = { ORACLE_N_FOR, ORACLE_BUY_GET,
						  ORACLE_EVERY_N, ORACLE_FULL_GROUPS };

	r->kind = kinds[pick(s, 4)];
	r->n = 2 + pick(s, 3);
	r->reward = (struct oracle_reward){ ORACLE_BY_PRICE, 380 * r->n + pick(s, 150) };
	if (r->kind == ORACLE_N_FOR)
		return;
	r->reward = (struct oracle_reward){ ORACLE_BY_PERCENT, 700 + 100 * pick(s, 40) };
	if (r->kind != ORACLE_BUY_GET)
		return;
	r->buy = r->n - 1;
	r->get = 1;
	r->n = 0;
}

static void
tangled_bundle(struct oracle_rule *r, uint64_t *s, int lines)
{
	r->kind = ORACLE_BUNDLE;
	r->scope = (struct oracle_scope){ .category = -1 };
	r->components_count = 2 + pick(s, 2);
	r->reward = (struct oracle_reward){ ORACLE_BY_PERCENT, 500 + 100 * pick(s, 30) };
	for (int i = 0; i < r->components_count; i++) {
		r->components[i].scope = half_of(s, lines);
		r->components[i].units = 1;
	}
}

/* Something small that counts against the spends of the basket rules. */
static void
small_offer(struct oracle_rule *r, uint64_t *s)
{
	r->kind = chance(s, 50) ? ORACLE_PERCENT : ORACLE_AMOUNT;
	r->reward = (struct oracle_reward){ ORACLE_BY_PERCENT, 300 + pick(s, 2500) };
	if (r->kind == ORACLE_AMOUNT)
		r->reward = (struct oracle_reward){ ORACLE_BY_AMOUNT, 5 + pick(s, 90) };
	r->max_units = chance(s, 60) ? 1 + pick(s, 3) : 0;
}

static void
spend_rule(struct oracle_rule *r, uint64_t *s, int64_t gross)
{
	r->kind = ORACLE_BASKET_AMOUNT;
	r->n = r->buy = r->get = r->max_units = 0;
	r->scope.codes |= 1;
	r->spend = gross * (35 + pick(s, 60)) / 100;
	r->reward = (struct oracle_reward){ ORACLE_BY_AMOUNT, 40 + pick(s, 400) };
}

void
oracle_hard(struct oracle_case *c, uint64_t seed, int lines, int rules, uint32_t kinds)
{
	uint64_t s = seed;
	int form = pick(&s, 4), spends = 1 + pick(&s, 3);
	int64_t gross = 0;

	c->lines_count = lines;
	c->rules_count = rules;
	c->rounding = c->coupons = 0;
	c->known = true;
	c->points = 0;
	c->now = ORACLE_NOW;
	for (int i = 0; i < lines; i++) {
		struct oracle_line *l = &c->lines[i];

		*l = (struct oracle_line){ .id = 10 * (i + 1), .code = i, .units = 1 };
		l->units += chance(&s, 40) ? pick(&s, 3) : 0;
		l->price = 331 + 2 * pick(&s, 140);
		oracle_settle(l);
		gross += l->amount;
	}
	for (int i = 0; i < rules; i++) {
		struct oracle_rule *r = &c->rules[i];

		*r = (struct oracle_rule){ .id = i };
		r->scope = half_of(&s, lines);
		if (form == 1 || (form == 3 && i % 2 == 0))
			small_offer(r, &s);
		else if (form == 2 && (kinds >> ORACLE_BUNDLE & 1) != 0)
			tangled_bundle(r, &s, lines);
		else
			do
				tangled_group(r, &s);
			while ((kinds >> r->kind & 1) == 0);
		if (form % 2 == 1 && i >= rules - spends)
			spend_rule(r, &s, gross);
	}
}

void
oracle_tight_budgets(struct oracle_case *c, uint64_t seed)
{
	uint64_t s = ~seed;
	int64_t gross = 0;

	for (int l = 0; l < c->lines_count; l++)
		gross += c->lines[l].amount;
	for (int i = 0; i < c->rules_count; i++) {
		struct oracle_rule *r = &c->rules[i];

		if (!chance(&s, 60) || oracle_is_points(r))
			continue;
		r->budget = 1 + gross * pick(&s, 400) / 1000;
		r->budget_used = chance(&s, 30) ? r->budget / 3 : 0;
		r->always = chance(&s, 3);
	}
}
