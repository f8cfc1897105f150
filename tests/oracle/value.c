#include "oracle/value.h"

#include <limits.h>

static int64_t
low(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void
oracle_settle(struct oracle_line *l)
{
	l->amount =
		l->grams > 0 ? (l->price * l->grams + 500) / 1000 : l->price * l->units;
	l->amount -= low(l->less, l->amount);
}

void
oracle_parts(const struct oracle_case *c, struct oracle_parts *ret)
{
	ret->c = c;
	ret->count = 0;
	for (int l = 0; l < c->lines_count; l++) {
		const struct oracle_line *line = &c->lines[l];
		int more = (int)(line->amount % line->units);
		int64_t base = line->amount / line->units;
		int64_t floor =
			(low(line->floor, line->amount) + line->units - 1) / line->units;
		bool measured = line->grams > 0;

		if (more > 0)
			ret->at[ret->count++] =
				(struct oracle_part){ l, more, base + 1, base + 1 - floor,
						      measured };
		ret->at[ret->count++] =
			(struct oracle_part){ l, line->units - more, base,
					      base > floor ? base - floor : 0, measured };
	}
}

/* ---- scopes ---- */

bool
oracle_scope_is_all(const struct oracle_scope *s)
{
	return s->category < 0 && s->codes == 0 && s->brands == 0;
}

bool
oracle_scope_has(const struct oracle_scope *s, const struct oracle_line *l)
{
	uint64_t code = l->code >= 0 ? UINT64_C(1) << l->code : 0;
	uint64_t brand = l->brand > 0 ? UINT64_C(1) << l->brand : 0;

	if ((s->except_codes & code) != 0 || (s->except_brands & brand) != 0 ||
	    l->price < s->price_min || (s->price_max > 0 && l->price > s->price_max))
		return false;
	return oracle_scope_is_all(s) ||
	       (s->category >= 0 && l->category == s->category) ||
	       (s->codes & code) != 0 || (s->brands & brand) != 0;
}

static bool
only_measured(enum oracle_kind kind)
{
	return kind == ORACLE_PACK || kind == ORACLE_WEIGHT;
}

static bool
only_counted(enum oracle_kind kind)
{
	return kind >= ORACLE_N_FOR && kind <= ORACLE_BUY_GET_CHEAPEST &&
	       !only_measured(kind);
}

bool
oracle_covers(const struct oracle_case *c, const struct oracle_rule *r, int line)
{
	const struct oracle_line *l = &c->lines[line];
	bool measured = l->grams > 0;

	if (l->excluded || (r->no_reduced && l->reduced))
		return false;
	if (measured ? only_counted(r->kind) : only_measured(r->kind))
		return false;
	if (r->kind == ORACLE_DISTINCT && l->code < 0)
		return false;
	return oracle_scope_has(&r->scope, l);
}

bool
oracle_component_covers(const struct oracle_case *c, const struct oracle_rule *r,
			int component, int line)
{
	return oracle_covers(c, r, line) &&
	       (r->kind != ORACLE_BUNDLE ||
		oracle_scope_has(&r->components[component].scope, &c->lines[line]));
}

/* ---- kinds of kinds ---- */

bool
oracle_is_points(const struct oracle_rule *r)
{
	return r->kind >= ORACLE_EARN;
}

bool
oracle_is_upper(const struct oracle_rule *r)
{
	return r->stack ||
	       (r->kind >= ORACLE_BASKET_PERCENT && r->kind <= ORACLE_BASKET_TIERS);
}

bool
oracle_is_free(const struct oracle_rule *r)
{
	return r->kind <= ORACLE_FIXED && !r->stack && r->max_units == 0;
}

bool
oracle_is_whole(const struct oracle_rule *r)
{
	return r->kind == ORACLE_BUY_GET_CHEAPEST || r->kind == ORACLE_WEIGHT;
}

int
oracle_group_size(const struct oracle_rule *r)
{
	switch (r->kind) {
	case ORACLE_N_FOR:
	case ORACLE_EVERY_N:
	case ORACLE_FULL_GROUPS:
	case ORACLE_PACK:
		return r->n;
	case ORACLE_BUY_GET:
		return r->buy + r->get;
	case ORACLE_PERCENT:
	case ORACLE_AMOUNT:
	case ORACLE_FIXED:
	case ORACLE_BUNDLE:
	case ORACLE_DISTINCT:
	case ORACLE_FIRST_NEXT:
	case ORACLE_CHEAPEST_UNIT:
	case ORACLE_BUY_GET_CHEAPEST:
	case ORACLE_WEIGHT:
	case ORACLE_BASKET_PERCENT:
	case ORACLE_BASKET_AMOUNT:
	case ORACLE_BASKET_TIERS:
	case ORACLE_EARN:
	case ORACLE_BURN:
	case ORACLE_KINDS:
		break;
	}
	return 0;
}

int
oracle_choices(const struct oracle_rule *r)
{
	return r->kind == ORACLE_BASKET_TIERS ? r->tiers_count : 1;
}

int
oracle_uses_left(const struct oracle_rule *r)
{
	int left = r->uses > 0 ? r->uses : INT_MAX;

	if (r->total > 0 && r->total - r->total_used < left)
		left = r->total - r->total_used;
	return left;
}

int64_t
oracle_budget_left(const struct oracle_rule *r)
{
	return r->budget > 0 ? r->budget - r->budget_used : INT64_MAX;
}

/* ---- conditions ---- */

static bool
contents_ok(const struct oracle_case *c, const struct oracle_rule *r)
{
	int units = 0;

	for (int l = 0; l < c->lines_count; l++)
		if (!c->lines[l].excluded && oracle_scope_has(&r->contains, &c->lines[l]))
			units += c->lines[l].units;
	return units >= r->contains_units;
}

bool
oracle_may_apply(const struct oracle_parts *p, const struct oracle_rule *r)
{
	const struct oracle_case *c = p->c;
	int units = 0;
	int64_t gross = 0;

	for (int l = 0; l < c->lines_count; l++)
		if (oracle_covers(c, r, l)) {
			units += c->lines[l].units;
			gross += c->lines[l].amount;
		}
	if (units == 0 || units < r->min_units || !oracle_holds(&r->when, c->now))
		return false;
	if (r->spend > 0 && (r->over ? gross <= r->spend : gross < r->spend))
		return false;
	if ((r->coupon > 0 && (c->coupons >> r->coupon & 1) == 0) ||
	    (r->member && !c->known))
		return false;
	return oracle_uses_left(r) > 0 && oracle_budget_left(r) > 0 &&
	       (r->contains_units == 0 || contents_ok(c, r));
}

/* Of a rule for the cheapest units: those of a part that are among them. */
static int
among_cheapest(const struct oracle_parts *p, const struct oracle_rule *r, int part,
	       int most)
{
	const struct oracle_part *at = &p->at[part];
	int before = 0;

	for (int i = 0; i < p->count; i++)
		if (oracle_covers(p->c, r, p->at[i].line) &&
		    (p->at[i].value < at->value ||
		     (p->at[i].value == at->value && i > part)))
			before += p->at[i].units;
	return before >= most ? 0 : most - before;
}

int
oracle_part_cap(const struct oracle_parts *p, const struct oracle_rule *r, int part,
		int left)
{
	int cap = left;

	if (r->kind == ORACLE_CHEAPEST_UNIT)
		cap = among_cheapest(p, r, part, 1);
	else if (r->cheapest_first)
		cap = among_cheapest(p, r, part, r->max_units);
	else if (r->kind == ORACLE_DISTINCT)
		cap = 1;
	else if (r->max_units > 0)
		cap = r->max_units;
	return cap < left ? cap : left;
}

/* ---- a rule on its own units ---- */

int64_t
oracle_fraction(int64_t numerator, int64_t denominator, int mode)
{
	int64_t up = (2 * numerator + denominator) / (2 * denominator);

	switch (mode) {
	case 1: /* half even */
		return (2 * numerator + denominator) % (2 * denominator) == 0 &&
				       up % 2 != 0
			       ? up - 1
			       : up;
	case 2: /* down */
		return numerator / denominator;
	case 3: /* what is left is rounded half up, so the discount half down */
		return (2 * numerator + denominator - 1) / (2 * denominator);
	default:
		return up;
	}
}

int64_t
oracle_rounded(int64_t value, int64_t bp, int mode)
{
	return oracle_fraction(value * bp, 10000, mode);
}

/* Per unit rewards on a run of equal units. */
int64_t
oracle_reward_off(const struct oracle_parts *p, struct oracle_reward reward, int part,
		  int units)
{
	const struct oracle_part *at = &p->at[part];
	int64_t value = at->value * units, off = reward.value * units;

	if (at->measured)
		off = (reward.value * p->c->lines[at->line].grams + 500) / 1000;
	if (reward.form == ORACLE_NONE)
		off = 0;
	else if (reward.form == ORACLE_BY_PERCENT)
		off = oracle_rounded(value, reward.value, p->c->rounding);
	else if (reward.form == ORACLE_BY_PRICE)
		off = value > off ? value - off : 0;
	return low(off, at->room * units);
}
