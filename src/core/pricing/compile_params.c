#include "core/pricing/compile_params.h"
#include "core/pricing/compile_fields.h"

#include <inttypes.h>

#define BIT(kind) (1u << (kind))
#define ALL (BIT(KINDS_COUNT) - 1)
#define POINTS (BIT(KIND_POINTS_EARN) | BIT(KIND_POINTS_BURN))
/* Exactly one of percent_bp, amount_minor and price_minor. */
#define ANY_REWARD                                                                       \
	(BIT(KIND_EVERY_N) | BIT(KIND_FULL_GROUPS) | BIT(KIND_BUNDLE) | BIT(KIND_PACK))
#define PERCENT                                                                          \
	(BIT(KIND_PERCENT) | BIT(KIND_BUY_GET) | BIT(KIND_BUY_GET_CHEAPEST) |            \
	 BIT(KIND_BASKET_PERCENT) | BIT(KIND_CHEAPEST_PERCENT) | BIT(KIND_BUY_WEIGHT))
#define AMOUNT (BIT(KIND_AMOUNT) | BIT(KIND_BASKET_AMOUNT))
#define PRICE (BIT(KIND_FIXED_PRICE) | BIT(KIND_N_FOR_PRICE))
#define LINE (BIT(KIND_PERCENT) | BIT(KIND_AMOUNT) | BIT(KIND_FIXED_PRICE))
#define GET (BIT(KIND_BUY_GET) | BIT(KIND_BUY_GET_CHEAPEST))
#define NEXT BIT(KIND_FIRST_AND_NEXT)
#define BASKET                                                                           \
	(BIT(KIND_BASKET_PERCENT) | BIT(KIND_BASKET_AMOUNT) | BIT(KIND_BASKET_TIERS))

struct kind_name {
	const char *name;
	enum rule_kind kind;
	enum rule_layer layer;
	enum rule_shape shape;
	bool unweighed, weighed_only;
};

static const struct kind_name kinds[] = {
	{ "percent", KIND_PERCENT, LAYER_UNIT, SHAPE_UNITS, false, false },
	{ "amount", KIND_AMOUNT, LAYER_UNIT, SHAPE_UNITS, false, false },
	{ "fixed_price", KIND_FIXED_PRICE, LAYER_UNIT, SHAPE_UNITS, false, false },
	{ "n_for_price", KIND_N_FOR_PRICE, LAYER_UNIT, SHAPE_GROUP, true, false },
	{ "buy_get", KIND_BUY_GET, LAYER_UNIT, SHAPE_GROUP, true, false },
	{ "buy_get_cheapest", KIND_BUY_GET_CHEAPEST, LAYER_UNIT, SHAPE_WHOLE, true,
	  false },
	{ "basket_percent", KIND_BASKET_PERCENT, LAYER_BASKET, SHAPE_UNITS, false,
	  false },
	{ "basket_amount", KIND_BASKET_AMOUNT, LAYER_BASKET, SHAPE_UNITS, false, false },
	{ "every_n", KIND_EVERY_N, LAYER_UNIT, SHAPE_GROUP, true, false },
	{ "full_groups", KIND_FULL_GROUPS, LAYER_UNIT, SHAPE_GROUP, true, false },
	{ "first_and_next", KIND_FIRST_AND_NEXT, LAYER_UNIT, SHAPE_NEXT, true, false },
	{ "cheapest_percent", KIND_CHEAPEST_PERCENT, LAYER_UNIT, SHAPE_UNITS, true,
	  false },
	{ "bundle", KIND_BUNDLE, LAYER_UNIT, SHAPE_BUNDLE, true, false },
	{ "distinct_set", KIND_DISTINCT_SET, LAYER_UNIT, SHAPE_SET, true, false },
	{ "pack", KIND_PACK, LAYER_UNIT, SHAPE_GROUP, false, true },
	{ "buy_weight_get_weight", KIND_BUY_WEIGHT, LAYER_UNIT, SHAPE_WHOLE, false,
	  true },
	{ "basket_tiers", KIND_BASKET_TIERS, LAYER_BASKET, SHAPE_UNITS, false, false },
	{ "points_earn", KIND_POINTS_EARN, LAYER_POINTS, SHAPE_UNITS, false, false },
	{ "points_burn", KIND_POINTS_BURN, LAYER_POINTS, SHAPE_UNITS, false, false },
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == KINDS_COUNT, "every kind has a name");

/* A tier or an entry of a table; what it does not have is 0. */
struct entry {
	int64_t units, min_units, min_spend_minor, percent_bp, amount_minor;
};

/* ---- parameters that are not plain numbers ---- */

static void
read_take(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	bool *cheapest = field_at(base, f);

	if (v->kind == VALUE_STRING && str_is(v->s, "cheapest"))
		*cheapest = true;
	else if (v->kind != VALUE_STRING || !str_is(v->s, "best"))
		compile_fault(c, v, "take must be \"best\" or \"cheapest\"");
}

static void
read_spend_of(struct compiler *c, const struct value *v, const struct field *f,
	      void *base)
{
	bool *gross = field_at(base, f);

	if (v->kind == VALUE_STRING && str_is(v->s, "gross"))
		*gross = true;
	else if (v->kind != VALUE_STRING || !str_is(v->s, "net"))
		compile_fault(c, v,
			      "spend_of must be \"net\" (after item offers) or "
			      "\"gross\" (before them)");
}

/* Goods named by lists, and how many of them. */
static void
read_goods_of(struct compiler *c, const struct value *v, const char *name,
	      int64_t units_max, struct goods *goods)
{
	const struct field fields[] = {
		{ "sku", fields_strs, offsetof(struct goods, sku), 0, 0, 0, ALL },
		{ "category", fields_strs, offsetof(struct goods, category), 0, 0, 0,
		  ALL },
		{ "brand", fields_strs, offsetof(struct goods, brand), 0, 0, 0, ALL },
		{ "units", fields_int, offsetof(struct goods, units), 1, units_max, 0,
		  ALL },
		{ 0 },
	};

	if (!fields_is_kind(c, v, VALUE_OBJECT, name))
		return;
	goods->units = 1;
	fields_read(c, v, fields, ALL, goods);
	if (value_member(v, "sku") == NULL && value_member(v, "category") == NULL &&
	    value_member(v, "brand") == NULL)
		compile_fault(c, v, "%s names no goods; give sku, category or brand",
			      name);
}

static void
read_contains(struct compiler *c, const struct value *v, const struct field *f,
	      void *base)
{
	read_goods_of(c, v, f->name, f->max, field_at(base, f));
}

static void
read_components(struct compiler *c, const struct value *v, const struct field *f,
		void *base)
{
	struct rule *rule = base;

	if (!fields_is_kind(c, v, VALUE_ARRAY, f->name))
		return;
	if (v->count < 2 || v->count > BUNDLE_PARTS_MAX) {
		compile_fault(c, v, "components has %u entries; it must have 2 to %u",
			      v->count, BUNDLE_PARTS_MAX);
		return;
	}
	rule->parts = arena_array(c->arena, v->count, sizeof(*rule->parts));
	if (rule->parts == NULL) {
		c->out_of_memory = true;
		return;
	}
	for (const struct value *e = v->first; e != NULL; e = e->next)
		read_goods_of(c, e, "a component", BUNDLE_UNITS_MAX,
			      &rule->parts[rule->parts_count++]);
}

/* ---- tables: each entry becomes a form of the rule ---- */

static const struct field set_fields[] = {
	{ "units", fields_int, offsetof(struct entry, units), 2, RULE_UNITS_MAX, ALL, 0 },
	{ "percent_bp", fields_int, offsetof(struct entry, percent_bp), 1, BP_ONE, ALL,
	  0 },
	{ 0 },
};

static const struct field tier_fields[] = {
	{ "min_units", fields_int, offsetof(struct entry, min_units), 1, 1000000, 0,
	  ALL },
	{ "min_spend_minor", fields_int, offsetof(struct entry, min_spend_minor), 1,
	  MONEY_MINOR_MAX, 0, ALL },
	{ "percent_bp", fields_int, offsetof(struct entry, percent_bp), 1, BP_ONE, 0,
	  ALL },
	{ "amount_minor", fields_int, offsetof(struct entry, amount_minor), 1,
	  MONEY_MINOR_MAX, 0, ALL },
	{ 0 },
};

/* Exactly one of two members, by what was read of them. */
static bool
one_of(struct compiler *c, const struct value *v, const char *a, const char *b)
{
	bool has_a = value_member(v, a) != NULL, has_b = value_member(v, b) != NULL;

	if (has_a && has_b)
		compile_fault(c, v, "%s and %s exclude each other", a, b);
	else if (!has_a && !has_b)
		compile_fault(c, v, "\"%s\" or \"%s\" is missing", a, b);
	return has_a != has_b;
}

/* Whether b, which follows a, asks for more and gives more of the same. */
static void
check_ascending(struct compiler *c, const struct value *at, const struct entry *a,
		const struct entry *b)
{
	if ((a->min_units > 0) != (b->min_units > 0) ||
	    (a->percent_bp > 0) != (b->percent_bp > 0)) {
		compile_fault(c, at,
			      "this tier has other members than the one before; use "
			      "the same in all");
		return;
	}
	if (b->units < a->units || b->min_units < a->min_units ||
	    b->min_spend_minor < a->min_spend_minor ||
	    b->units + b->min_units + b->min_spend_minor ==
		    a->units + a->min_units + a->min_spend_minor)
		compile_fault(c, at,
			      "it asks for no more than the entry before; sort them "
			      "ascending");
	else if (b->percent_bp < a->percent_bp || b->amount_minor < a->amount_minor ||
		 b->percent_bp + b->amount_minor == a->percent_bp + a->amount_minor)
		compile_fault(c, at,
			      "it gives no more than the entry before; sort them "
			      "ascending");
}

/* The form of a rule that an entry makes; the rest is copied when all was read. */
static struct rule
form_of(const struct entry *e)
{
	return (struct rule){ .units = e->units,
			      .min_units = e->min_units,
			      .min_spend_minor = e->min_spend_minor,
			      .percent_bp = e->percent_bp,
			      .amount_minor = e->amount_minor };
}

/* A list of tiers or of a set's entries; f->max is how many there may be. */
static void
read_table(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	struct rule *rule = base, *forms;
	struct entry before = { 0 };
	bool tiers = rule->kind == KIND_BASKET_TIERS;
	uint32_t n = 0, faults = c->errors->total;

	if (!fields_is_kind(c, v, VALUE_ARRAY, f->name))
		return;
	if (v->count == 0 || v->count > f->max) {
		compile_fault(c, v, "%s has %u entries; it must have 1 to %" PRId64,
			      f->name, v->count, f->max);
		return;
	}
	forms = arena_array(c->arena, v->count, sizeof(*forms));
	if (forms == NULL) {
		c->out_of_memory = true;
		return;
	}
	for (const struct value *e = v->first; e != NULL; e = e->next) {
		struct entry entry = { 0 };

		if (!fields_is_kind(c, e, VALUE_OBJECT, tiers ? "a tier" : "an entry"))
			continue;
		fields_read(c, e, tiers ? tier_fields : set_fields, ALL, &entry);
		if (tiers && one_of(c, e, "min_units", "min_spend_minor"))
			(void)one_of(c, e, "percent_bp", "amount_minor"); /* noted */
		if (n > 0 && c->errors->total == faults)
			check_ascending(c, e, &before, &entry);
		forms[n++] = form_of(&entry);
		before = entry;
	}
	rule->variants = forms;
	rule->variants_count = n;
}

/* ---- the table of parameters ---- */

#define AT(member) offsetof(struct rule, member)

static const struct field param_fields[] = {
	{ "percent_bp", fields_int, AT(percent_bp), 1, BP_ONE, PERCENT, ANY_REWARD },
	{ "amount_minor", fields_int, AT(amount_minor), 1, MONEY_MINOR_MAX, AMOUNT,
	  ANY_REWARD },
	{ "price_minor", fields_int, AT(price_minor), 0, MONEY_MINOR_MAX, PRICE,
	  ANY_REWARD },
	{ "units", fields_int, AT(units), 2, RULE_UNITS_MAX,
	  BIT(KIND_N_FOR_PRICE) | BIT(KIND_EVERY_N) | BIT(KIND_FULL_GROUPS), 0 },
	{ "units", fields_int, AT(units), 1, RULE_UNITS_MAX, BIT(KIND_PACK), 0 },
	{ "buy", fields_int, AT(buy), 1, RULE_UNITS_MAX / 2, GET, 0 },
	{ "get", fields_int, AT(get), 1, RULE_UNITS_MAX / 2, GET, 0 },
	{ "max_units", fields_int, AT(max_units), 1, 1000000, 0, LINE | NEXT },
	{ "take", read_take, AT(cheapest_first), 0, 0, 0, LINE },
	{ "cap_minor", fields_int, AT(cap_minor), 1, MONEY_MINOR_MAX, 0,
	  BIT(KIND_BASKET_PERCENT) | BIT(KIND_BASKET_TIERS) },
	{ "first_percent_bp", fields_int, AT(first.x), 1, BP_ONE, 0, NEXT },
	{ "first_amount_minor", fields_int, AT(first.x), 1, MONEY_MINOR_MAX, 0, NEXT },
	{ "first_price_minor", fields_int, AT(first.x), 0, MONEY_MINOR_MAX, 0, NEXT },
	{ "next_percent_bp", fields_int, AT(reward.x), 1, BP_ONE, 0, NEXT },
	{ "next_amount_minor", fields_int, AT(reward.x), 1, MONEY_MINOR_MAX, 0, NEXT },
	{ "next_price_minor", fields_int, AT(reward.x), 0, MONEY_MINOR_MAX, 0, NEXT },
	{ "components", read_components, 0, 0, 0, BIT(KIND_BUNDLE), 0 },
	{ "table", read_table, 0, 0, SET_ENTRIES_MAX, BIT(KIND_DISTINCT_SET), 0 },
	{ "tiers", read_table, 0, 0, TIERS_MAX, BIT(KIND_BASKET_TIERS), 0 },
	{ "buy_g", fields_int, AT(buy_g), 1, WEIGHT_G_MAX, BIT(KIND_BUY_WEIGHT), 0 },
	{ "get_g", fields_int, AT(get_g), 1, WEIGHT_G_MAX, BIT(KIND_BUY_WEIGHT), 0 },
	{ "points", fields_int, AT(points), 1, POINTS_MAX, POINTS, 0 },
	{ "per_minor", fields_int, AT(per_minor), 1, MONEY_MINOR_MAX, 0,
	  BIT(KIND_POINTS_EARN) },
	{ "max_points", fields_int, AT(max_points), 1, MONEY_MINOR_MAX, 0,
	  BIT(KIND_POINTS_EARN) },
	{ "value_minor", fields_int, AT(value_minor), 1, MONEY_MINOR_MAX,
	  BIT(KIND_POINTS_BURN), 0 },
	{ "min_points", fields_int, AT(min_points), 1, MONEY_MINOR_MAX, 0,
	  BIT(KIND_POINTS_BURN) },
	{ "max_bp", fields_int, AT(max_bp), 1, BP_ONE, 0, BIT(KIND_POINTS_BURN) },
	{ "min_units", fields_int, AT(min_units), 1, 1000000, 0, ALL },
	{ "min_spend_minor", fields_int, AT(min_spend_minor), 1, MONEY_MINOR_MAX, 0,
	  ALL },
	{ "over_spend_minor", fields_int, AT(over_spend_minor), 1, MONEY_MINOR_MAX, 0,
	  ALL },
	{ "spend_of", read_spend_of, AT(spend_gross), 0, 0, 0, BASKET },
	{ "contains", read_contains, AT(contains), 0, 1000000, 0, ALL },
	{ 0 },
};

/* The three names that a reward may have in a rule, by its form. */
struct reward_names {
	const char *name[REWARD_PRICE + 1];
};

static const struct reward_names plain_reward = { { NULL, "percent_bp", "amount_minor",
						    "price_minor" } };
static const struct reward_names first_reward = {
	{ NULL, "first_percent_bp", "first_amount_minor", "first_price_minor" }
};
static const struct reward_names next_reward = {
	{ NULL, "next_percent_bp", "next_amount_minor", "next_price_minor" }
};

/* At most one of the three, and one if it is needed. */
static enum reward_form
find_reward(struct compiler *c, const struct value *params,
	    const struct reward_names *names, bool needed)
{
	enum reward_form found = REWARD_NONE;

	for (int form = REWARD_PERCENT; form <= REWARD_PRICE; form++) {
		const struct value *m = value_member(params, names->name[form]);

		if (m == NULL)
			continue;
		if (found != REWARD_NONE)
			compile_fault(c, m, "%s and %s exclude each other; keep one",
				      names->name[found], names->name[form]);
		else
			found = (enum reward_form)form;
	}
	if (found == REWARD_NONE && needed)
		compile_fault(c, params, "one of %s, %s and %s is missing",
			      names->name[REWARD_PERCENT], names->name[REWARD_AMOUNT],
			      names->name[REWARD_PRICE]);
	return found;
}

static void
read_rewards(struct compiler *c, const struct value *params, struct rule *rule)
{
	const int64_t x[] = { [REWARD_PERCENT] = rule->percent_bp,
			      [REWARD_AMOUNT] = rule->amount_minor,
			      [REWARD_PRICE] = rule->price_minor };

	if (rule->kind == KIND_FIRST_AND_NEXT) {
		rule->first.form = find_reward(c, params, &first_reward, false);
		rule->reward.form = find_reward(c, params, &next_reward, true);
		return;
	}
	if ((BIT(rule->kind) & ANY_REWARD) != 0)
		rule->reward.form = find_reward(c, params, &plain_reward, true);
	else if ((BIT(rule->kind) & PERCENT) != 0)
		rule->reward.form = REWARD_PERCENT;
	else if ((BIT(rule->kind) & AMOUNT) != 0)
		rule->reward.form = REWARD_AMOUNT;
	else if ((BIT(rule->kind) & PRICE) != 0)
		rule->reward.form = REWARD_PRICE;
	rule->reward.x = x[rule->reward.form];
}

static bool
has_spend(const struct rule *r)
{
	return r->min_spend_minor > 0 || r->over_spend_minor > 0;
}

/* ---- what is exported ---- */

bool
params_kind(struct compiler *c, const struct value *rule_value, struct rule *rule)
{
	const struct value *k = value_member(rule_value, "kind");

	if (k == NULL) {
		compile_fault(c, rule_value, "\"kind\" is missing");
		return false;
	}
	if (!fields_is_kind(c, k, VALUE_STRING, "kind"))
		return false;
	for (size_t i = 0; i < KINDS_COUNT; i++) {
		if (!str_is(k->s, kinds[i].name))
			continue;
		rule->kind = kinds[i].kind;
		rule->layer = kinds[i].layer;
		rule->shape = kinds[i].shape;
		rule->unweighed = kinds[i].unweighed;
		rule->weighed_only = kinds[i].weighed_only;
		return true;
	}
	compile_fault(c, k,
		      "unknown kind \"%.40s\"; it must be percent, amount, "
		      "fixed_price, n_for_price or another one of the handbook's list",
		      k->s.p);
	return false;
}

void
params_read(struct compiler *c, const struct value *rule_value, struct rule *rule)
{
	const struct value *params = value_member(rule_value, "params");

	if (params == NULL) {
		compile_fault(c, rule_value, "\"params\" is missing");
		return;
	}
	if (!fields_is_kind(c, params, VALUE_OBJECT, "params"))
		return;
	rule->max_bp = BP_ONE;
	fields_read(c, params, param_fields, BIT(rule->kind), rule);
	read_rewards(c, params, rule);
}

void
params_check(struct compiler *c, const struct value *v, const struct rule *r)
{
	bool points = r->layer == LAYER_POINTS, spend = has_spend(r);

	for (uint32_t i = 0; i < r->variants_count; i++)
		spend = spend || r->variants[i].min_spend_minor > 0;
	if (r->stack && r->kind != KIND_PERCENT && r->kind != KIND_AMOUNT)
		compile_fault(c, v, "\"stack\" is for the kinds percent and amount only");
	if (r->stack && (r->max_units > 0 || r->cheapest_first))
		compile_fault(c, v,
			      "a stacked rule takes whole lines: leave max_units "
			      "and take out");
	if (r->cheapest_first && r->max_units == 0)
		compile_fault(c, v, "take \"cheapest\" needs max_units");
	if (r->min_spend_minor > 0 && r->over_spend_minor > 0)
		compile_fault(c, v,
			      "min_spend_minor (at least) and over_spend_minor "
			      "(more than) exclude each other");
	if (r->spend_gross && !spend)
		compile_fault(c, v, "spend_of needs min_spend_minor or over_spend_minor");
	if (points && r->exclusive != EXCLUSIVE_NO)
		compile_fault(c, v, "points change no price: leave \"exclusive\" out");
	if (points && r->budget_minor > 0)
		compile_fault(c, v, "points take no money off: leave budget_minor out");
	if (r->kind == KIND_FIRST_AND_NEXT && r->max_units == 1 &&
	    r->first.form == REWARD_NONE)
		compile_fault(c, v,
			      "with max_units 1 there is no next unit; give 2 or more");
}

/* More than any basket is worth changes nothing, and would not fit the search's numbers. */
static void
clamp(struct reward *w)
{
	if (w->form != REWARD_PERCENT && w->x > PRICING_GROSS_MINOR_MAX)
		w->x = PRICING_GROSS_MINOR_MAX;
}

/* The forms of a rule: the rule itself but for what an entry says. */
static void
derive_forms(struct compiler *c, struct rule *rule)
{
	struct rule *forms = arena_array(c->arena, rule->variants_count, sizeof(*forms));

	if (forms == NULL) {
		c->out_of_memory = true;
		return;
	}
	for (uint32_t i = 0; i < rule->variants_count; i++) {
		const struct rule *entry = &rule->variants[i];
		struct rule *f = &forms[i];

		*f = *rule;
		f->variants_count = 0;
		f->percent_bp = entry->percent_bp;
		f->amount_minor = entry->amount_minor;
		f->reward =
			entry->percent_bp > 0
				? (struct reward){ REWARD_PERCENT, entry->percent_bp }
				: (struct reward){ REWARD_AMOUNT, entry->amount_minor };
		if (rule->kind == KIND_BASKET_TIERS)
			f->kind = entry->percent_bp > 0 ? KIND_BASKET_PERCENT
							: KIND_BASKET_AMOUNT;
		f->units = entry->units;
		if (entry->min_units > f->min_units)
			f->min_units = entry->min_units;
		if (entry->min_spend_minor > f->min_spend_minor)
			f->min_spend_minor = entry->min_spend_minor;
		if (i + 1 < rule->variants_count)
			f->set_units_max = rule->variants[i + 1].units - 1;
		else
			f->set_units_max = INT64_MAX;
	}
	rule->variants = forms;
}

void
params_derive(struct compiler *c, struct rule *rule)
{
	switch (rule->kind) {
	case KIND_N_FOR_PRICE:
	case KIND_PACK:
		rule->size = (uint32_t)rule->units;
		break;
	case KIND_FULL_GROUPS:
		rule->size = (uint32_t)rule->units;
		rule->each = rule->reward.form != REWARD_PERCENT;
		break;
	case KIND_EVERY_N:
		rule->size = (uint32_t)rule->units;
		rule->skip = rule->size - 1;
		rule->each = true;
		break;
	case KIND_BUY_GET:
	case KIND_BUY_GET_CHEAPEST:
		rule->size = (uint32_t)(rule->buy + rule->get);
		rule->skip = (uint32_t)rule->buy;
		break;
	case KIND_CHEAPEST_PERCENT:
		/* The rule percent with other words, but for weighed lines. */
		rule->kind = KIND_PERCENT;
		rule->max_units = 1;
		rule->cheapest_first = true;
		break;
	case KIND_POINTS_EARN:
	case KIND_POINTS_BURN:
		rule->member = true;
		break;
	case KIND_PERCENT:
	case KIND_AMOUNT:
	case KIND_FIXED_PRICE:
	case KIND_BASKET_PERCENT:
	case KIND_BASKET_AMOUNT:
	case KIND_FIRST_AND_NEXT:
	case KIND_BUNDLE:
	case KIND_DISTINCT_SET:
	case KIND_BUY_WEIGHT:
	case KIND_BASKET_TIERS:
	case KINDS_COUNT:
		break;
	}
	if (rule->shape != SHAPE_UNITS) {
		clamp(&rule->reward);
		clamp(&rule->first);
	}
	if (rule->stack)
		rule->layer = LAYER_STACK;
	if (rule->variants_count > 0)
		derive_forms(c, rule);
}
