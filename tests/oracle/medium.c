#include "oracle/oracle.h"

/*
 * Random medium cases: aisles of some lines, offers inside them, basket rules over them. Made so
 * that an integer program can state them exactly: see the flavours.
 */
#define pick oracle_pick
#define chance oracle_chance

/*
 * FLOORS: any floors and roundings, offers on units only. BASKETS: basket rules, bundles and sets,
 * no floors. STACKED: stacked and basket rules, and offers whose shares of a line are known.
 */
enum flavour { FLOORS, BASKETS, STACKED };

struct maker {
	struct oracle_case *c;
	uint64_t s;
	enum flavour flavour;
	int aisles;
	uint32_t kinds;
};

static void
make_line(struct maker *m, int index, int measured)
{
	struct oracle_line *l = &m->c->lines[index];
	uint64_t *s = &m->s;

	*l = (struct oracle_line){ .id = 10 * (index + 1), .code = index };
	l->category = index % m->aisles;
	l->brand = 1 + 2 * l->category + pick(s, 2);
	l->units = 1 + (chance(s, 40) ? pick(s, 4) : 0);
	l->price = chance(s, 50) ? 10 * (6 + pick(s, 60)) : 50 + pick(s, 800);
	l->vat_bp = chance(s, 50) ? 700 : 1900;
	if (chance(s, measured)) {
		l->units = 1;
		l->weighed = true;
		l->grams = 200 + pick(s, 1800);
	} else if (chance(s, 4)) {
		l->less = 1;
	}
	oracle_settle(l);
	if (m->flavour == FLOORS && chance(s, 15))
		l->floor = pick(s, (int)l->amount);
	l->excluded = chance(s, 2);
	l->reduced = chance(s, 8);
}

/* One to four goods of an aisle, or the whole aisle. */
static struct oracle_scope
make_scope(struct maker *m, int aisle, int whole)
{
	struct oracle_scope scope = { .category = -1 };
	int goods = 1 + pick(&m->s, 4), in_aisle = 0;

	for (int l = aisle; l < m->c->lines_count; l += m->aisles)
		in_aisle++;
	if (chance(&m->s, whole) && in_aisle <= 8) {
		scope.category = aisle;
		if (chance(&m->s, 30)) {
			scope.category = -1;
			scope.brands = UINT64_C(2) << (2 * aisle + pick(&m->s, 2));
		}
		return scope;
	}
	for (int i = 0; i < goods; i++)
		scope.codes |= UINT64_C(1) << (aisle + m->aisles * pick(&m->s, in_aisle));
	return scope;
}

static struct oracle_reward
make_reward(uint64_t *s)
{
	switch (pick(s, 3)) {
	case 0:
		return (struct oracle_reward){ ORACLE_BY_AMOUNT, 1 + pick(s, 120) };
	case 1:
		return (struct oracle_reward){ ORACLE_BY_PRICE, 40 + pick(s, 300) };
	default:
		return (struct oracle_reward){ ORACLE_BY_PERCENT,
					       100 * (1 + pick(s, 50)) };
	}
}

static void
make_table(struct oracle_rule *r, uint64_t *s)
{
	int64_t from = 2, value = 500 * (1 + pick(s, 4));

	r->reward.form = ORACLE_BY_PERCENT;
	r->tiers_count = 1 + pick(s, 3);
	for (int i = 0; i < r->tiers_count; i++) {
		r->tiers[i] = (struct oracle_tier){ from, value };
		from += 1 + pick(s, 2);
		value += 500 * (1 + pick(s, 4));
	}
}

/* A price under, or an amount within, what any such bundle is worth (goods cost 50 and more). */
static void
make_bundle(struct maker *m, struct oracle_rule *r, int aisle)
{
	r->components_count = 2 + chance(&m->s, 20);
	r->scope = (struct oracle_scope){ .category = -1 };
	for (int i = 0; i < r->components_count; i++) {
		r->components[i].units = 1;
		r->components[i].scope = make_scope(m, aisle, 10);
	}
	if (chance(&m->s, 50))
		r->reward =
			(struct oracle_reward){ ORACLE_BY_PRICE, 40 + pick(&m->s, 55) };
	else
		r->reward =
			(struct oracle_reward){ ORACLE_BY_AMOUNT, 10 + pick(&m->s, 80) };
}

static void
make_offer_params(struct maker *m, struct oracle_rule *r, int aisle)
{
	uint64_t *s = &m->s;

	r->reward = make_reward(s);
	switch ((int)r->kind) {
	case ORACLE_PERCENT:
	case ORACLE_CHEAPEST_UNIT:
		r->reward = (struct oracle_reward){ ORACLE_BY_PERCENT,
						    100 * (5 + pick(s, 60)) };
		break;
	case ORACLE_AMOUNT:
		r->reward.form = ORACLE_BY_AMOUNT;
		break;
	case ORACLE_FIXED:
		r->reward = (struct oracle_reward){ ORACLE_BY_PRICE, 60 + pick(s, 400) };
		break;
	case ORACLE_N_FOR:
		r->n = 2 + chance(s, 40);
		r->reward = (struct oracle_reward){ ORACLE_BY_PRICE, 100 + pick(s, 900) };
		break;
	case ORACLE_BUY_GET:
	case ORACLE_BUY_GET_CHEAPEST:
		r->buy = 1 + chance(s, 40);
		r->get = 1;
		r->reward = (struct oracle_reward){ ORACLE_BY_PERCENT,
						    chance(s, 60) ? 10000 : 5000 };
		break;
	case ORACLE_EVERY_N:
	case ORACLE_FULL_GROUPS:
		r->n = 2 + chance(s, 40);
		break;
	case ORACLE_PACK:
		r->n = 1 + pick(s, 2);
		break;
	case ORACLE_WEIGHT:
		r->buy = 100 + pick(s, 1200);
		r->get = 100 + pick(s, 900);
		r->reward = (struct oracle_reward){ ORACLE_BY_PERCENT, 5000 };
		break;
	case ORACLE_FIRST_NEXT:
		if (chance(s, 50))
			r->first = make_reward(s);
		r->max_units = chance(s, 60) ? 2 + pick(s, 3) : 0;
		break;
	case ORACLE_DISTINCT:
		make_table(r, s);
		break;
	case ORACLE_BUNDLE:
		make_bundle(m, r, aisle);
		break;
	default:
		break;
	}
}

static void
make_offer(struct maker *m, struct oracle_rule *r)
{
	int aisle = pick(&m->s, m->aisles);
	uint64_t *s = &m->s;

	do
		r->kind = (enum oracle_kind)pick(s, ORACLE_BASKET_PERCENT);
	while ((m->kinds >> r->kind & 1) == 0 ||
	       (m->flavour != BASKETS &&
		(r->kind == ORACLE_BUNDLE || r->kind == ORACLE_DISTINCT)));
	r->scope = make_scope(m, aisle, 30);
	make_offer_params(m, r, aisle);
	if (r->kind <= ORACLE_FIXED && chance(s, 50)) {
		r->max_units = 1 + pick(s, 3);
		r->cheapest_first = chance(s, 20);
	}
	r->min_units = chance(s, 8) ? 1 + pick(s, 3) : 0;
	r->spend = chance(s, 6) ? 100 + pick(s, 900) : 0;
	r->uses = chance(s, 20) ? 1 + pick(s, 2) : 0;
	r->group = chance(s, 12) ? 1 + pick(s, 12) : 0;
	r->coupon = chance(s, 8) ? 1 + pick(s, 3) : 0;
	r->budget = chance(s, 3) ? 1 + pick(s, 400) : 0;
	r->no_reduced = chance(s, 10);
	r->best = chance(s, 1);
	if (chance(s, 6))
		oracle_random_when(&r->when, s);
	if (chance(s, 5)) {
		r->contains = make_scope(m, pick(s, m->aisles), 30);
		r->contains_units = 1 + pick(s, 2);
	}
}

/* Together at most half of any scope: nothing runs into the floor of nought. */
static void
make_basket_rule(struct maker *m, struct oracle_rule *r)
{
	uint64_t *s = &m->s;
	int64_t spend = 300 + pick(s, 900 * m->c->lines_count / m->aisles + 600);

	r->scope.category = chance(s, 50) ? -1 : pick(s, m->aisles);
	if (r->scope.category < 0)
		spend = 500 + pick(s, 350 * m->c->lines_count);
	do
		r->kind = (enum oracle_kind)(ORACLE_BASKET_PERCENT + pick(s, 3));
	while ((m->kinds >> r->kind & 1) == 0);
	r->reward.form = chance(s, 50) ? ORACLE_BY_AMOUNT : ORACLE_BY_PERCENT;
	if (r->kind != ORACLE_BASKET_TIERS)
		r->reward.form = r->kind == ORACLE_BASKET_PERCENT ? ORACLE_BY_PERCENT
								  : ORACLE_BY_AMOUNT;
	r->spend = spend;
	r->over = chance(s, 30);
	r->reward.value = r->reward.form == ORACLE_BY_PERCENT
				  ? 500 * (1 + pick(s, 3))
				  : 1 + pick(s, (int)spend / 7);
	r->cap = r->kind != ORACLE_BASKET_AMOUNT && chance(s, 30) ? 1 + pick(s, 300) : 0;
	r->group = chance(s, 30) ? 1 + pick(s, 3) : 0;
	if (r->kind != ORACLE_BASKET_TIERS)
		return;
	r->spend = 0;
	r->over = false;
	r->tiers_count = 1 + pick(s, 3);
	for (int i = 0; i < r->tiers_count; i++)
		r->tiers[i] = (struct oracle_tier){ spend * (i + 2) / 2,
						    r->reward.form == ORACLE_BY_PERCENT
							    ? 500 * (i + 1)
							    : spend / 12 * (i + 1) };
}

static void
make_stacked(struct maker *m, struct oracle_rule *r)
{
	r->kind = ORACLE_PERCENT;
	r->stack = true;
	r->scope.category = pick(&m->s, m->aisles);
	r->reward =
		(struct oracle_reward){ ORACLE_BY_PERCENT, 500 * (1 + pick(&m->s, 6)) };
	r->group = chance(&m->s, 20) ? 1 + pick(&m->s, 3) : 0;
}

void
oracle_medium(struct oracle_case *c, uint64_t seed, int lines, int rules, uint32_t kinds)
{
	struct maker m = { .c = c, .s = seed, .kinds = kinds };
	int upper, stacked, measured;

	m.flavour = (enum flavour)pick(&m.s, 3);
	m.aisles = 1 + lines / (3 + pick(&m.s, 6));
	measured = chance(&m.s, 25) ? 40 : 6;
	c->lines_count = lines;
	c->rules_count = rules;
	c->rounding = m.flavour == FLOORS ? pick(&m.s, 4) : 0;
	c->coupons = 2 * pick(&m.s, 8);
	c->known = true;
	c->points = 0;
	c->now = (struct oracle_moment){ 17 + pick(&m.s, 10), 30 * pick(&m.s, 48) };
	upper = m.flavour == FLOORS ? 0 : pick(&m.s, 4);
	stacked = m.flavour == STACKED ? 1 + pick(&m.s, 2) : 0;
	for (int i = 0; i < lines; i++)
		make_line(&m, i, measured);
	for (int i = 0; i < rules; i++) {
		struct oracle_rule *r = &c->rules[i];

		*r = (struct oracle_rule){ .id = i, .scope = { .category = -1 } };
		if (i < upper)
			make_basket_rule(&m, r);
		else if (i < upper + stacked)
			make_stacked(&m, r);
		else
			make_offer(&m, r);
	}
}
