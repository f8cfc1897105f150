#include "oracle/shrink.h"
#include "oracle/value.h"

#include <stdlib.h>
#include <string.h>

/* A number of a case: where it stands, and the smallest that makes sense. */
enum type { BOOL, INT, INT64, U64 };

struct field {
	size_t offset;
	enum type type;
	int64_t least;
};

#define FIELD(structure, member, type, least)                                            \
	{                                                                                \
		offsetof(struct structure, member), type, least                          \
	}

static const struct field case_fields[] = {
	FIELD(oracle_case, rounding, INT, 0),
	FIELD(oracle_case, coupons, INT, 0),
	FIELD(oracle_case, points, INT64, 0),
	FIELD(oracle_case, known, BOOL, 0),
};

static const struct field line_fields[] = {
	FIELD(oracle_line, excluded, BOOL, 0), FIELD(oracle_line, reduced, BOOL, 0),
	FIELD(oracle_line, floor, INT64, 0),   FIELD(oracle_line, less, INT64, 0),
	FIELD(oracle_line, units, INT, 1),     FIELD(oracle_line, price, INT64, 1),
	FIELD(oracle_line, vat_bp, INT, 0),    FIELD(oracle_line, category, INT, 0),
	FIELD(oracle_line, code, INT, 0),      FIELD(oracle_line, brand, INT, 0),
};

static const struct field rule_fields[] = {
	FIELD(oracle_rule, best, BOOL, 0),
	FIELD(oracle_rule, always, BOOL, 0),
	FIELD(oracle_rule, stack, BOOL, 0),
	FIELD(oracle_rule, over, BOOL, 0),
	FIELD(oracle_rule, gross, BOOL, 0),
	FIELD(oracle_rule, member, BOOL, 0),
	FIELD(oracle_rule, cheapest_first, BOOL, 0),
	FIELD(oracle_rule, no_reduced, BOOL, 0),
	FIELD(oracle_rule, group, INT, 0),
	FIELD(oracle_rule, coupon, INT, 0),
	FIELD(oracle_rule, contains_units, INT, 0),
	FIELD(oracle_rule, min_units, INT, 0),
	FIELD(oracle_rule, max_units, INT, 0),
	FIELD(oracle_rule, uses, INT, 0),
	FIELD(oracle_rule, total_used, INT, 0),
	FIELD(oracle_rule, total, INT, 0),
	FIELD(oracle_rule, budget_used, INT64, 0),
	FIELD(oracle_rule, budget, INT64, 0),
	FIELD(oracle_rule, spend, INT64, 0),
	FIELD(oracle_rule, cap, INT64, 0),
	FIELD(oracle_rule, tiers_count, INT, 0),
	FIELD(oracle_rule, n, INT, 0),
	FIELD(oracle_rule, buy, INT, 0),
	FIELD(oracle_rule, get, INT, 0),
	FIELD(oracle_rule, reward.value, INT64, 0),
	FIELD(oracle_rule, first.value, INT64, 0),
	FIELD(oracle_rule, scope.except_codes, U64, 0),
	FIELD(oracle_rule, scope.except_brands, U64, 0),
	FIELD(oracle_rule, scope.price_min, INT64, 0),
	FIELD(oracle_rule, scope.price_max, INT64, 0),
	FIELD(oracle_rule, scope.codes, U64, 0),
	FIELD(oracle_rule, scope.brands, U64, 0),
	FIELD(oracle_rule, when.from.day, INT, 0),
	FIELD(oracle_rule, when.to.day, INT, 0),
	FIELD(oracle_rule, when.days, INT, 0),
	FIELD(oracle_rule, when.hours_count, INT, 0),
	FIELD(oracle_rule, components[0].units, INT, 1),
	FIELD(oracle_rule, components[1].units, INT, 1),
	FIELD(oracle_rule, components[2].units, INT, 1),
	FIELD(oracle_rule, components[0].scope.codes, U64, 0),
	FIELD(oracle_rule, components[1].scope.codes, U64, 0),
	FIELD(oracle_rule, components[2].scope.codes, U64, 0),
	FIELD(oracle_rule, tiers[0].from, INT64, 1),
	FIELD(oracle_rule, tiers[1].from, INT64, 1),
	FIELD(oracle_rule, tiers[2].from, INT64, 1),
	FIELD(oracle_rule, tiers[0].value, INT64, 1),
	FIELD(oracle_rule, tiers[1].value, INT64, 1),
	FIELD(oracle_rule, tiers[2].value, INT64, 1),
	FIELD(oracle_rule, points, INT64, 1),
	FIELD(oracle_rule, per_minor, INT64, 0),
	FIELD(oracle_rule, most_points, INT64, 0),
	FIELD(oracle_rule, least_points, INT64, 0),
	FIELD(oracle_rule, most_bp, INT64, 0),
};

static bool
scope_lists(const struct oracle_scope *s)
{
	return !oracle_scope_is_all(s);
}

static bool
tiers_sensible(const struct oracle_rule *r)
{
	int64_t from = r->kind == ORACLE_DISTINCT ? 1 : 0, value = 0;

	for (int i = 0; i < r->tiers_count; i++) {
		if (r->tiers[i].from <= from || r->tiers[i].value <= value)
			return false;
		from = r->tiers[i].from;
		value = r->tiers[i].value;
	}
	return r->tiers_count > 0;
}

static bool
reward_sensible(const struct oracle_reward *r)
{
	return r->value > 0 || r->form == ORACLE_BY_PRICE || r->form == ORACLE_NONE;
}

static bool
kind_sensible(const struct oracle_rule *r)
{
	switch ((int)r->kind) {
	case ORACLE_N_FOR:
	case ORACLE_EVERY_N:
	case ORACLE_FULL_GROUPS:
		return r->n >= 2;
	case ORACLE_FIRST_NEXT:
		return r->max_units != 1 || r->first.form != ORACLE_NONE;
	case ORACLE_PACK:
		return r->n >= 1;
	case ORACLE_BUY_GET:
	case ORACLE_BUY_GET_CHEAPEST:
	case ORACLE_WEIGHT:
		return r->buy >= 1 && r->get >= 1;
	case ORACLE_DISTINCT:
	case ORACLE_BASKET_TIERS:
		return tiers_sensible(r);
	default:
		return true;
	}
}

/* What the format refuses is no smaller example of anything. */
static bool
rule_sensible(const struct oracle_rule *r)
{
	bool sensible = kind_sensible(r) && reward_sensible(&r->first) &&
			r->total_used <= r->total && r->budget_used <= r->budget;

	if (r->tiers_count == 0 && !reward_sensible(&r->reward))
		return false;
	if (r->contains_units > 0 && !scope_lists(&r->contains))
		return false;
	if (r->scope.price_max > 0 && r->scope.price_max < r->scope.price_min)
		return false;
	if (r->when.to.day > 0 && r->when.to.day <= r->when.from.day)
		return false;
	for (int i = 0; i < r->components_count; i++)
		sensible = sensible && scope_lists(&r->components[i].scope);
	return sensible && (!r->cheapest_first || r->max_units > 0);
}

static bool
sensible(const struct oracle_case *c)
{
	for (int i = 0; i < c->rules_count; i++)
		if (!rule_sensible(&c->rules[i]))
			return false;
	/* A whole number of pieces is no broken one. */
	for (int i = 0; i < c->lines_count; i++)
		if (c->lines[i].grams > 0 && !c->lines[i].weighed &&
		    c->lines[i].grams % 1000 == 0)
			return false;
	return true;
}

struct shrinker {
	struct oracle_case *best, *next; /* the smallest that fails; one to try */
	oracle_fails fails;
	void *ctx;
	unsigned tries, tries_max;
};

static bool
try_next(struct shrinker *s)
{
	if (s->tries >= s->tries_max || !sensible(s->next))
		return false;
	s->tries++;
	if (!s->fails(s->next, s->ctx))
		return false;
	oracle_copy(s->best, s->next);
	return true;
}

static int64_t
get(const void *base, const struct field *f)
{
	const char *at = (const char *)base + f->offset;
	bool b;
	int i;
	int64_t n;

	switch (f->type) {
	case BOOL:
		memcpy(&b, at, sizeof(b));
		return b;
	case INT:
		memcpy(&i, at, sizeof(i));
		return i;
	case INT64:
	case U64:
		break;
	}
	memcpy(&n, at, sizeof(n));
	return n;
}

static void
set(void *base, const struct field *f, int64_t n)
{
	char *at = (char *)base + f->offset;
	bool b = n != 0;
	int i = (int)n;

	if (f->type == BOOL)
		memcpy(at, &b, sizeof(b));
	else if (f->type == INT)
		memcpy(at, &i, sizeof(i));
	else
		memcpy(at, &n, sizeof(n));
}

/* Simpler values of a number, the simplest first; false: there is none any more. */
static bool
simpler(const struct field *f, int64_t now, int step, int64_t *ret)
{
	static const int64_t rounds[] = { 1000, 100, 10, 1 };

	if (f->type == U64) { /* one bit less */
		if (step >= 64)
			return false;
		*ret = (int64_t)((uint64_t)now & ~(UINT64_C(1) << step));
		return true;
	}
	if (step == 0)
		*ret = f->least;
	else if (step == 1)
		*ret = f->least + (now - f->least) / 2;
	else if (step < 6)
		*ret = (now - 1) / rounds[step - 2] * rounds[step - 2];
	else
		return false;
	if (*ret < f->least)
		*ret = f->least;
	return true;
}

/* base is inside s->next; lowers one number of it as far as it goes. */
static bool
lower(struct shrinker *s, void *base, const struct field *f, struct oracle_line *line)
{
	bool any = false;
	int64_t to;

	for (int step = 0;; step++) {
		int64_t now;

		oracle_copy(s->next, s->best);
		now = get(base, f);
		if (!simpler(f, now, step, &to))
			return any;
		if (to == now || (f->type != U64 && to > now))
			continue;
		set(base, f, to);
		if (line != NULL)
			oracle_settle(line);
		if (try_next(s)) {
			any = true;
			step = f->type == U64 ? step : 0;
		}
	}
}

static bool
lower_all(struct shrinker *s, void *base, const struct field *fields, size_t count,
	  struct oracle_line *line)
{
	bool any = false;

	for (size_t i = 0; i < count; i++)
		any = lower(s, base, &fields[i], line) || any;
	return any;
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool
drop_rules(struct shrinker *s)
{
	bool any = false;

	for (int i = s->best->rules_count - 1; i >= 0; i--) {
		oracle_copy(s->next, s->best);
		s->next->rules_count--;
		memmove(&s->next->rules[i], &s->next->rules[i + 1],
			(size_t)(s->next->rules_count - i) * sizeof(s->next->rules[0]));
		any = try_next(s) || any;
	}
	return any;
}

static bool
drop_lines(struct shrinker *s)
{
	bool any = false;

	for (int i = s->best->lines_count - 1; i >= 0 && s->best->lines_count > 1; i--) {
		oracle_copy(s->next, s->best);
		s->next->lines_count--;
		memmove(&s->next->lines[i], &s->next->lines[i + 1],
			(size_t)(s->next->lines_count - i) * sizeof(s->next->lines[0]));
		any = try_next(s) || any;
	}
	return any;
}

/* A scope of a category or of goods becomes one of everything; a bundle loses a component. */
static bool
widen(struct shrinker *s, int rule)
{
	struct oracle_rule *r = &s->next->rules[rule];
	bool any = false;

	oracle_copy(s->next, s->best);
	if (scope_lists(&r->scope)) {
		r->scope.category = -1;
		r->scope.codes = r->scope.brands = 0;
		any = try_next(s);
	}
	oracle_copy(s->next, s->best);
	if (r->components_count > 2) {
		r->components_count--;
		any = try_next(s) || any;
	}
	oracle_copy(s->next, s->best);
	if (r->first.form != ORACLE_NONE) {
		r->first = (struct oracle_reward){ ORACLE_NONE, 0 };
		any = try_next(s) || any;
	}
	return any;
}

/* A weighed line becomes one of pieces, then of rounder weight. */
static bool
lighten(struct shrinker *s, int line)
{
	static const struct field grams = FIELD(oracle_line, grams, INT, 1);
	struct oracle_line *l = &s->next->lines[line];

	oracle_copy(s->next, s->best);
	if (l->grams == 0)
		return false;
	l->grams = 0;
	l->weighed = false;
	oracle_settle(l);
	if (try_next(s))
		return true;
	oracle_copy(s->next, s->best);
	l->weighed = true;
	return (!s->best->lines[line].weighed && try_next(s)) || lower(s, l, &grams, l);
}

static bool
shrink_round(struct shrinker *s)
{
	bool any = drop_rules(s);

	any = drop_lines(s) || any;
	for (int i = 0; i < s->best->rules_count; i++) {
		any = widen(s, i) || any;
		any = lower_all(s, &s->next->rules[i], rule_fields, COUNT(rule_fields),
				NULL) ||
		      any;
	}
	for (int i = 0; i < s->best->lines_count; i++) {
		struct oracle_line *l = &s->next->lines[i];

		any = lighten(s, i) || any;
		any = lower_all(s, l, line_fields, COUNT(line_fields), l) || any;
	}
	return lower_all(s, s->next, case_fields, COUNT(case_fields), NULL) || any;
}

unsigned
oracle_shrink(struct oracle_case *c, oracle_fails fails, void *ctx, unsigned tries_max)
{
	struct shrinker s = { .best = c,
			      .next = malloc(sizeof(*c)),
			      .fails = fails,
			      .ctx = ctx,
			      .tries_max = tries_max };

	if (s.next == NULL)
		abort();
	while (s.tries < tries_max && shrink_round(&s))
		continue;
	free(s.next);
	return s.tries;
}
