#include "oracle/value.h"

#include <string.h>

/* Random small cases: every kind, condition and limit, in baskets that can be tried whole. */
uint64_t
oracle_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

int
oracle_pick(uint64_t *state, int count)
{
	return (int)(oracle_next(state) % (uint64_t)count);
}

bool
oracle_chance(uint64_t *state, int percent)
{
	return oracle_pick(state, 100) < percent;
}

#define pick oracle_pick
#define chance oracle_chance

static int64_t
random_percent(uint64_t *s)
{
	static const int64_t percents[] = { 500,  1000, 1500, 2000, 2500,
					    3333, 5000, 7500, 10000 };

	return percents[pick(s, 9)];
}

/* A measured line: most are weighed, some are a broken number of pieces. */
static void
make_measured(struct oracle_line *l, uint64_t *s)
{
	static const int grams[] = { 250, 500, 1000, 1500 };

	l->units = 1;
	l->weighed = chance(s, 80);
	l->grams = chance(s, 50) ? grams[pick(s, 4)] : 100 + pick(s, 2000);
	if (!l->weighed && l->grams % 1000 == 0)
		l->grams += 500;
}

static void
random_line(struct oracle_line *l, uint64_t *s, int id, int units, bool coarse,
	    int measured)
{
	static const int rates[] = { 700, 1900, 0 };

	*l = (struct oracle_line){ .id = id, .units = units, .category = pick(s, 3) };
	l->code = chance(s, 4) ? -1 : chance(s, 10) ? 0 : id / 10 - 1;
	l->vat_bp = rates[pick(s, 3)];
	l->price = coarse ? 50 * (1 + pick(s, 8)) : 1 + pick(s, 600);
	if (chance(s, measured))
		make_measured(l, s);
	else if (chance(s, 10) && l->price * l->units > 3)
		l->less = 1 + pick(s, 3);
	oracle_settle(l);
	if (chance(s, 10))
		l->floor = pick(s, (int)l->amount + 2);
	l->excluded = chance(s, 5);
	l->reduced = chance(s, 10);
}

/* Most baskets have few units on several lines; some have many units on one or two. */
static void
random_lines(struct oracle_case *c, uint64_t *s)
{
	int form = pick(s, 10), most = 3, budget = 3 + pick(s, 10);
	int measured = chance(s, 20) ? 70 : 8;
	bool coarse = chance(s, 50);

	c->lines_count = 1 + pick(s, ORACLE_SMALL_LINES);
	if (form >= 7) {
		c->lines_count = 1 + pick(s, 2);
		most = budget = form == 9 ? 90 : 10;
	}
	for (int i = 0; i < c->lines_count; i++) {
		int units = 1 + pick(s, i == 0 || most < 90 ? most : 3);

		if (units > budget)
			units = budget > 0 ? budget : 1;
		random_line(&c->lines[i], s, 10 * (i + 1), units, coarse, measured);
		budget -= c->lines[i].units;
	}
}

static struct oracle_scope
random_scope(const struct oracle_case *c, uint64_t *s, int all)
{
	struct oracle_scope scope = { .category = -1 };

	if (chance(s, all))
		scope.except_codes = chance(s, 8) ? UINT64_C(1) << pick(s, 5) : 0;
	else if (chance(s, 40))
		scope.category = pick(s, 3);
	else
		scope.codes = 1 + (uint64_t)pick(s, (1 << c->lines_count) - 1);
	return scope;
}

static struct oracle_reward
random_reward(uint64_t *s, int64_t most_amount, int64_t most_price)
{
	struct oracle_reward r = { ORACLE_BY_PERCENT, random_percent(s) };

	if (chance(s, 30))
		r = (struct oracle_reward){ ORACLE_BY_AMOUNT,
					    1 + pick(s, (int)most_amount) };
	else if (chance(s, 40))
		r = (struct oracle_reward){ ORACLE_BY_PRICE, pick(s, (int)most_price) };
	return r;
}

static void
random_tiers(struct oracle_rule *r, uint64_t *s)
{
	int64_t from = 0, value = 0;

	r->tiers_count = 1 + pick(s, ORACLE_TIERS_MAX - 1);
	r->tiers_of_units = chance(s, 30);
	r->reward.form = chance(s, 50) ? ORACLE_BY_PERCENT : ORACLE_BY_AMOUNT;
	r->cap = chance(s, 20) ? 1 + pick(s, 200) : 0;
	for (int i = 0; i < r->tiers_count; i++) {
		from += r->tiers_of_units ? 1 + pick(s, 3) : 1 + pick(s, 800);
		value += r->reward.form == ORACLE_BY_PERCENT ? 500 * (1 + pick(s, 4))
							     : 1 + pick(s, 150);
		r->tiers[i] = (struct oracle_tier){ from, value };
	}
}

static void
random_table(struct oracle_rule *r, uint64_t *s)
{
	int64_t from = 1, value = 0;

	r->tiers_count = 1 + pick(s, 3);
	r->reward.form = ORACLE_BY_PERCENT;
	for (int i = 0; i < r->tiers_count; i++) {
		from += 1 + pick(s, 100) / 70;
		value += 500 * (1 + pick(s, 6));
		r->tiers[i] = (struct oracle_tier){ from, value };
	}
}

static void
random_bundle(const struct oracle_case *c, struct oracle_rule *r, uint64_t *s)
{
	r->components_count = 2 + (chance(s, 25) ? 1 : 0);
	r->reward = random_reward(s, 400, 900);
	for (int i = 0; i < r->components_count; i++) {
		r->components[i].scope = random_scope(c, s, 0);
		r->components[i].units = 1 + (chance(s, 20) ? 1 : 0);
	}
}

static void
random_points(struct oracle_rule *r, uint64_t *s)
{
	r->points = 1 + pick(s, 20);
	if (r->kind == ORACLE_EARN) {
		r->per_minor = chance(s, 60) ? 1 + pick(s, 300) : 0;
		r->most_points = chance(s, 25) ? 1 + pick(s, 60) : 0;
	} else {
		r->reward.value = 1 + pick(s, 100);
		r->least_points = chance(s, 30) ? 1 + pick(s, 60) : 0;
		r->most_bp = chance(s, 40) ? random_percent(s) : 0;
	}
}

static void
random_group_kind(struct oracle_rule *r, uint64_t *s)
{
	r->n = 2 + pick(s, 2);
	switch ((int)r->kind) {
	case ORACLE_N_FOR:
		r->reward = (struct oracle_reward){ ORACLE_BY_PRICE, 1 + pick(s, 900) };
		break;
	case ORACLE_PACK:
		r->n = 1 + pick(s, 3);
		r->reward = random_reward(s, 300, 900);
		break;
	case ORACLE_BUY_GET:
	case ORACLE_BUY_GET_CHEAPEST:
		r->n = 0;
		r->buy = 1 + pick(s, 2);
		r->get = 1 + pick(s, 4) / 3;
		r->reward.value = chance(s, 50) ? 10000 : r->reward.value;
		break;
	case ORACLE_WEIGHT:
		r->n = 0;
		r->buy = 1 + pick(s, 1200);
		r->get = 1 + pick(s, 1200);
		break;
	default:
		r->reward = random_reward(s, 200, 400);
		break;
	}
}

static void
random_kind(const struct oracle_case *c, struct oracle_rule *r, uint64_t *s)
{
	r->reward = (struct oracle_reward){ ORACLE_BY_PERCENT, random_percent(s) };
	switch ((int)r->kind) {
	case ORACLE_AMOUNT:
		r->reward = (struct oracle_reward){ ORACLE_BY_AMOUNT, 1 + pick(s, 150) };
		break;
	case ORACLE_FIXED:
		r->reward = (struct oracle_reward){ ORACLE_BY_PRICE, pick(s, 400) };
		break;
	case ORACLE_BUNDLE:
		random_bundle(c, r, s);
		break;
	case ORACLE_DISTINCT:
		random_table(r, s);
		break;
	case ORACLE_FIRST_NEXT:
		r->reward = random_reward(s, 200, 400);
		if (chance(s, 50))
			r->first = random_reward(s, 200, 400);
		r->max_units = chance(s, 50) ? 2 + pick(s, 3) : 0;
		if (r->first.form != ORACLE_NONE && chance(s, 10))
			r->max_units = 1;
		break;
	case ORACLE_BASKET_PERCENT:
		r->reward.value = 500 * (1 + pick(s, 5));
		r->cap = chance(s, 30) ? 1 + pick(s, 200) : 0;
		break;
	case ORACLE_BASKET_AMOUNT:
		r->reward = (struct oracle_reward){ ORACLE_BY_AMOUNT, 1 + pick(s, 400) };
		break;
	case ORACLE_BASKET_TIERS:
		random_tiers(r, s);
		break;
	case ORACLE_EARN:
	case ORACLE_BURN:
		random_points(r, s);
		break;
	default:
		if (r->kind >= ORACLE_N_FOR && r->kind != ORACLE_CHEAPEST_UNIT)
			random_group_kind(r, s);
		break;
	}
	if (r->kind == ORACLE_PERCENT || r->kind == ORACLE_AMOUNT)
		r->stack = chance(s, 30);
}

static void
random_conditions(const struct oracle_case *c, struct oracle_rule *r, uint64_t *s)
{
	bool basket = r->kind == ORACLE_BASKET_PERCENT || r->kind == ORACLE_BASKET_AMOUNT;

	if (r->kind <= ORACLE_FIXED && !r->stack && chance(s, 40)) {
		r->max_units = 1 + pick(s, chance(s, 20) ? 80 : 3);
		r->cheapest_first = chance(s, 30);
	}
	r->min_units = chance(s, 12) ? 1 + pick(s, 4) : 0;
	if (chance(s, basket ? 70 : 12)) {
		r->spend = 1 + pick(s, 1800);
		r->over = chance(s, 30);
	}
	if (r->kind == ORACLE_BASKET_TIERS ? !r->tiers_of_units : basket && r->spend > 0)
		r->gross = chance(s, 30);
	if (chance(s, 8)) {
		r->contains = random_scope(c, s, 0);
		r->contains_units = 1 + pick(s, 3);
	}
	r->member = r->kind >= ORACLE_EARN || chance(s, 8);
	r->coupon = chance(s, 12) ? 1 + pick(s, 2) : 0;
}

static void
random_limits(struct oracle_rule *r, uint64_t *s)
{
	r->uses = chance(s, 22) ? 1 + pick(s, chance(s, 20) ? 30 : 2) : 0;
	if (chance(s, r->coupon > 0 ? 60 : 8)) {
		r->total = 1 + pick(s, 3);
		r->total_used = pick(s, r->total + 1);
	}
	if (r->kind < ORACLE_EARN && chance(s, 12)) {
		r->budget = 1 + pick(s, 600);
		r->budget_used = chance(s, 50) ? pick(s, (int)r->budget + 1) : 0;
	}
}

static void
random_rules(struct oracle_case *c, uint64_t *s, uint32_t kinds)
{
	int most = c->lines[0].units > 10 ? 2 : ORACLE_SMALL_RULES - 1;

	c->rules_count = 1 + pick(s, most);
	if (chance(s, 50))
		c->rules_count = most; /* competition */
	c->rounding = chance(s, 70) ? 0 : pick(s, 4);
	for (int i = 0; i < c->rules_count; i++) {
		struct oracle_rule *r = &c->rules[i];

		*r = (struct oracle_rule){ .id = i };
		do
			r->kind = (enum oracle_kind)pick(s, ORACLE_KINDS);
		while ((kinds >> r->kind & 1) == 0);
		r->scope = random_scope(c, s, r->kind == ORACLE_BUNDLE ? 90 : 45);
		random_kind(c, r, s);
		random_conditions(c, r, s);
		random_limits(r, s);
		r->group = !chance(s, 25)           ? 0
			   : r->kind >= ORACLE_EARN ? 3
						    : 1 + pick(s, 2);
		if (r->kind < ORACLE_EARN) {
			r->best = chance(s, 7);
			r->always = !r->best && chance(s, 3);
		}
		r->no_reduced = chance(s, 20);
	}
}

/* A list of brands in place of some other lists. */
static void
brand_scope(struct oracle_scope *scope, uint64_t *s, int percent)
{
	if (oracle_scope_is_all(scope) || !chance(s, percent))
		return;
	if (chance(s, 60)) {
		scope->category = -1;
		scope->codes = 0;
	}
	scope->brands = UINT64_C(2) << pick(s, 3);
}

static void
price_band(struct oracle_scope *scope, uint64_t *s)
{
	scope->price_min = chance(s, 60) ? 1 + pick(s, 300) : 0;
	scope->price_max = chance(s, 60) ? scope->price_min + 1 + pick(s, 300) : 0;
}

/* Brands, bands of prices, and times, of lines and rules that are there. */
static void
random_brands_and_times(struct oracle_case *c, uint64_t *s)
{
	c->now = (struct oracle_moment){ 17 + pick(s, 10), 30 * pick(s, 48) };
	if (chance(s, 30))
		c->now.minute += 29;
	for (int i = 0; i < c->lines_count; i++)
		c->lines[i].brand = chance(s, 70) ? 1 + pick(s, 3) : 0;
	for (int i = 0; i < c->rules_count; i++) {
		struct oracle_rule *r = &c->rules[i];

		brand_scope(&r->scope, s, 30);
		brand_scope(&r->contains, s, 30);
		for (int k = 0; k < r->components_count; k++)
			brand_scope(&r->components[k].scope, s, 20);
		if (oracle_scope_is_all(&r->scope) && chance(s, 8))
			r->scope.except_brands = UINT64_C(2) << pick(s, 3);
		if (chance(s, 8))
			price_band(&r->scope, s);
		if (chance(s, 15))
			oracle_random_when(&r->when, s);
	}
}

void
oracle_random(struct oracle_case *c, uint64_t seed, uint32_t kinds)
{
	uint64_t s = seed;

	c->coupons = 0;
	random_lines(c, &s);
	random_rules(c, &s, kinds);
	c->coupons = 2 * pick(&s, 4);
	c->known = chance(&s, 80);
	c->points = pick(&s, 500);
	random_brands_and_times(c, &s);
}

void
oracle_grouped(struct oracle_case *c, uint64_t seed, uint32_t kinds)
{
	uint64_t s = ~seed;
	int groups = 2 + pick(&s, 2), rules = 8 + pick(&s, ORACLE_GROUPED_RULES - 7);

	oracle_random(c, seed, kinds);
	if (c->lines[0].units > 10) {
		c->lines[0].units = 3;
		oracle_settle(&c->lines[0]);
	}
	while (c->rules_count < rules) {
		struct oracle_rule *r = &c->rules[c->rules_count];

		do
			r->kind = (enum oracle_kind)pick(&s, ORACLE_EARN);
		while ((kinds >> r->kind & 1) == 0);
		*r = (struct oracle_rule){ .id = c->rules_count++, .kind = r->kind };
		r->scope = random_scope(c, &s, 50);
		random_kind(c, r, &s);
		random_conditions(c, r, &s);
		r->coupon = 0;
	}
	for (int i = 0; i < c->rules_count; i++)
		if (!oracle_is_points(&c->rules[i])) {
			c->rules[i].group = 1 + i % groups;
			c->rules[i].best = c->rules[i].always = false;
		}
}

void
oracle_copy(struct oracle_case *to, const struct oracle_case *from)
{
	size_t head = offsetof(struct oracle_case, lines);

	memcpy(to, from, head);
	memcpy(to->lines, from->lines, (size_t)from->lines_count * sizeof(to->lines[0]));
	memcpy(to->rules, from->rules, (size_t)from->rules_count * sizeof(to->rules[0]));
}
