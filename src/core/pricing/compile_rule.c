#include "core/pricing/compile.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BIT(kind) (1u << (kind))
#define KINDS_ALL 0xffu
#define KINDS_PERCENT                                                                    \
	(BIT(KIND_PERCENT) | BIT(KIND_BUY_GET) | BIT(KIND_BUY_GET_CHEAPEST) |            \
	 BIT(KIND_BASKET_PERCENT))
#define KINDS_AMOUNT (BIT(KIND_AMOUNT) | BIT(KIND_BASKET_AMOUNT))
#define KINDS_PRICE (BIT(KIND_FIXED_PRICE) | BIT(KIND_N_FOR_PRICE))
#define KINDS_LINE (BIT(KIND_PERCENT) | BIT(KIND_AMOUNT) | BIT(KIND_FIXED_PRICE))
#define KINDS_GET (BIT(KIND_BUY_GET) | BIT(KIND_BUY_GET_CHEAPEST))
#define KINDS_BASKET (BIT(KIND_BASKET_PERCENT) | BIT(KIND_BASKET_AMOUNT))
#define STRING_BYTES_MAX 200u
#define DAY_MS INT64_C(86400000)

struct kind_name {
	const char *name;
	enum rule_kind kind;
	enum rule_layer layer;
};

static const struct kind_name kinds[] = {
	{ "percent", KIND_PERCENT, LAYER_UNIT },
	{ "amount", KIND_AMOUNT, LAYER_UNIT },
	{ "fixed_price", KIND_FIXED_PRICE, LAYER_UNIT },
	{ "n_for_price", KIND_N_FOR_PRICE, LAYER_UNIT },
	{ "buy_get", KIND_BUY_GET, LAYER_UNIT },
	{ "buy_get_cheapest", KIND_BUY_GET_CHEAPEST, LAYER_UNIT },
	{ "basket_percent", KIND_BASKET_PERCENT, LAYER_BASKET },
	{ "basket_amount", KIND_BASKET_AMOUNT, LAYER_BASKET },
};

/* Kinds of the rule format that this version does not price. They are refused by name. */
static const char *const later_kinds[] = {
	"basket_tiers",     "bundle",      "distinct_set",          "every_n",
	"first_and_next",   "full_groups", "buy_weight_get_weight", "pack",
	"cheapest_percent", "points_earn", "points_burn",
};

/* One member of an object: how it is read, and which kinds need or may have it. */
struct field {
	const char *name;
	void (*read)(struct compiler *c, const struct value *v, const struct field *f,
		     void *base);
	size_t offset;
	int64_t min, max;
	unsigned need, may;
};

static void *
field_at(void *base, const struct field *f)
{
	return (char *)base + f->offset;
}

static const char *
value_kind_name(const struct value *v)
{
	static const char *const names[] = {
		[VALUE_NULL] = "null",        [VALUE_BOOL] = "true or false",
		[VALUE_INT] = "a number",     [VALUE_DECIMAL] = "a decimal number",
		[VALUE_STRING] = "a text",    [VALUE_ARRAY] = "a list",
		[VALUE_OBJECT] = "an object",
	};

	return names[v->kind];
}

/* Whether v has the kind wanted; notes a fault if not. */
static bool
is_kind(struct compiler *c, const struct value *v, enum value_kind want, const char *what)
{
	if (v->kind == want)
		return true;
	compile_fault(c, v, "%s is %s; it must be %s", what, value_kind_name(v),
		      value_kind_name(&(struct value){ .kind = want }));
	return false;
}

static void
read_int(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	int64_t *target = field_at(base, f);

	if (!is_kind(c, v, VALUE_INT, f->name))
		return;
	if (v->i < f->min || v->i > f->max) {
		compile_fault(c, v,
			      "%s is %" PRId64 "; it must be %" PRId64 " to %" PRId64,
			      f->name, v->i, f->min, f->max);
		return;
	}
	*target = v->i;
}

static void
read_bool(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	bool *target = field_at(base, f);

	if (is_kind(c, v, VALUE_BOOL, f->name))
		*target = v->i != 0;
}

static bool
string_ok(struct compiler *c, const struct value *v, const char *what, size_t n_max)
{
	if (!is_kind(c, v, VALUE_STRING, what))
		return false;
	if (v->s.n == 0 || v->s.n > n_max) {
		compile_fault(c, v, "%s has %zu bytes; it must have 1 to %zu", what,
			      v->s.n, n_max);
		return false;
	}
	return true;
}

static void
read_str(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	struct str *target = field_at(base, f);

	if (string_ok(c, v, f->name, STRING_BYTES_MAX))
		*target = compile_copy(c, v->s);
}

static void
read_strs(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	struct strs *target = field_at(base, f);
	struct str *list;
	uint32_t n = 0;

	if (!is_kind(c, v, VALUE_ARRAY, f->name))
		return;
	if (v->count == 0 || v->count > RULE_LIST_MAX) {
		compile_fault(c, v, "%s has %u entries; it must have 1 to %u", f->name,
			      v->count, RULE_LIST_MAX);
		return;
	}
	list = arena_array(c->arena, v->count, sizeof(*list));
	if (list == NULL) {
		c->out_of_memory = true;
		return;
	}
	for (const struct value *e = v->first; e != NULL; e = e->next)
		if (string_ok(c, e, f->name, STRING_BYTES_MAX))
			list[n++] = compile_copy(c, e->s);
	*target = (struct strs){ list, n };
}

/* "2026-11-01" is the start of that day as a from and the end of it as a to (max 1). */
static void
read_time(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	int64_t *target = field_at(base, f), ms;
	struct rule *rule = base;
	int zoned = 0;

	if (!is_kind(c, v, VALUE_STRING, f->name))
		return;
	if (rfc3339_parse(v->s, &ms, &zoned) < 0) {
		compile_fault(c, v, "%s is no time; write 2026-11-30 or 2026-11-30T18:00",
			      f->name);
		return;
	}
	if (f->max == 1 && v->s.n == sizeof("2026-11-30") - 1)
		ms += DAY_MS;
	*target = ms;
	if (f->max == 1) {
		rule->has_to = true;
		rule->to_zoned = zoned != 0;
	} else {
		rule->has_from = true;
		rule->from_zoned = zoned != 0;
	}
}

static void
read_days(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	static const char *const names[7] = { "mon", "tue", "wed", "thu",
					      "fri", "sat", "sun" };
	uint8_t *days = field_at(base, f);

	if (!is_kind(c, v, VALUE_ARRAY, f->name))
		return;
	if (v->count == 0)
		compile_fault(c, v, "days is empty; leave it out for every day");
	for (const struct value *e = v->first; e != NULL; e = e->next) {
		unsigned day = 0;

		while (day < 7 && !(e->kind == VALUE_STRING && str_is(e->s, names[day])))
			day++;
		if (day == 7)
			compile_fault(c, e,
				      "no day; it must be mon, tue, wed, thu, fri, sat "
				      "or sun");
		else if ((*days & (1u << day)) != 0)
			compile_fault(c, e, "the day %s is named twice", names[day]);
		else
			*days = (uint8_t)(*days | 1u << day);
	}
}

/* "HH:MM" as minutes of the day, 24:00 being the end; -1 when it is none. */
static int
minutes_of(const char *p)
{
	for (int i = 0; i < 5; i++)
		if (i == 2 ? p[i] != ':' : (p[i] < '0' || p[i] > '9'))
			return -1;
	int hour = (p[0] - '0') * 10 + (p[1] - '0');
	int minute = (p[3] - '0') * 10 + (p[4] - '0');

	if (minute > 59 || hour * 60 + minute > 24 * 60)
		return -1;
	return hour * 60 + minute;
}

static void
read_hours(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	struct rule *rule = base;

	if (!is_kind(c, v, VALUE_ARRAY, f->name))
		return;
	if (v->count == 0 || v->count > RULE_HOURS_MAX) {
		compile_fault(c, v, "hours has %u entries; it must have 1 to %u",
			      v->count, RULE_HOURS_MAX);
		return;
	}
	for (const struct value *e = v->first; e != NULL; e = e->next) {
		int from = -1, to = -1;

		if (e->kind == VALUE_STRING && e->s.n == 11 && e->s.p[5] == '-') {
			from = minutes_of(e->s.p);
			to = minutes_of(e->s.p + 6);
		}
		if (from < 0 || to < 0 || from == to || from == 24 * 60) {
			compile_fault(c, e, "no span of hours; write \"08:00-12:30\"");
			continue;
		}
		rule->hours[rule->hours_count++] =
			(struct span){ (uint16_t)from, (uint16_t)to };
	}
}

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

static void
read_exclusive(struct compiler *c, const struct value *v, const struct field *f,
	       void *base)
{
	enum rule_exclusive *e = field_at(base, f);

	if (v->kind == VALUE_STRING && str_is(v->s, "best"))
		*e = EXCLUSIVE_BEST;
	else if (v->kind == VALUE_STRING && str_is(v->s, "always"))
		*e = EXCLUSIVE_ALWAYS;
	else
		compile_fault(c, v, "exclusive must be \"best\" or \"always\"");
}

static const struct field *
field_find(const struct field *fields, struct str name)
{
	for (const struct field *f = fields; f->name != NULL; f++)
		if (str_is(name, f->name))
			return f;
	return NULL;
}

/* Reads every member of an object by the table; unknown, unfit and missing ones are faults. */
static void
read_fields(struct compiler *c, const struct value *v, const struct field *fields,
	    unsigned kind_bit, void *base)
{
	for (const struct value *m = v->first; m != NULL; m = m->next) {
		const struct field *f = field_find(fields, m->name);

		if (f == NULL)
			compile_fault(c, m, "unknown member \"%.40s\"; leave it out",
				      m->name.p);
		else if (((f->need | f->may) & kind_bit) == 0)
			compile_fault(c, m, "this kind of rule takes no \"%s\"", f->name);
		else
			f->read(c, m, f, base);
	}
	for (const struct field *f = fields; f->name != NULL; f++)
		if ((f->need & kind_bit) != 0 && value_member(v, f->name) == NULL)
			compile_fault(c, v, "\"%s\" is missing", f->name);
}

#define AT(member) offsetof(struct rule, member)

static const struct field exclude_fields[] = {
	{ "sku", read_strs, AT(scope.not_sku), 0, 0, 0, KINDS_ALL },
	{ "category", read_strs, AT(scope.not_category), 0, 0, 0, KINDS_ALL },
	{ "brand", read_strs, AT(scope.not_brand), 0, 0, 0, KINDS_ALL },
	{ 0 },
};

static void
read_exclude(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	if (is_kind(c, v, VALUE_OBJECT, f->name))
		read_fields(c, v, exclude_fields, KINDS_ALL, base);
}

static const struct field scope_fields[] = {
	{ "all", read_bool, AT(scope.all), 0, 0, 0, KINDS_ALL },
	{ "sku", read_strs, AT(scope.sku), 0, 0, 0, KINDS_ALL },
	{ "category", read_strs, AT(scope.category), 0, 0, 0, KINDS_ALL },
	{ "brand", read_strs, AT(scope.brand), 0, 0, 0, KINDS_ALL },
	{ "exclude", read_exclude, 0, 0, 0, 0, KINDS_ALL },
	{ "price_min", read_int, AT(scope.price_min), 0, MONEY_MINOR_MAX, 0, KINDS_ALL },
	{ "price_max", read_int, AT(scope.price_max), 0, MONEY_MINOR_MAX, 0, KINDS_ALL },
	{ "exclude_reduced", read_bool, AT(scope.exclude_reduced), 0, 0, 0, KINDS_ALL },
	{ 0 },
};

static const struct field param_fields[] = {
	{ "percent_bp", read_int, AT(percent_bp), 1, BP_ONE, KINDS_PERCENT, 0 },
	{ "amount_minor", read_int, AT(amount_minor), 1, MONEY_MINOR_MAX, KINDS_AMOUNT,
	  0 },
	{ "price_minor", read_int, AT(price_minor), 0, MONEY_MINOR_MAX, KINDS_PRICE, 0 },
	{ "units", read_int, AT(units), 2, RULE_UNITS_MAX, BIT(KIND_N_FOR_PRICE), 0 },
	{ "buy", read_int, AT(buy), 1, RULE_UNITS_MAX / 2, KINDS_GET, 0 },
	{ "get", read_int, AT(get), 1, RULE_UNITS_MAX / 2, KINDS_GET, 0 },
	{ "max_units", read_int, AT(max_units), 1, 1000000, 0, KINDS_LINE },
	{ "take", read_take, AT(cheapest_first), 0, 0, 0, KINDS_LINE },
	{ "cap_minor", read_int, AT(cap_minor), 1, MONEY_MINOR_MAX, 0,
	  BIT(KIND_BASKET_PERCENT) },
	{ "min_units", read_int, AT(min_units), 1, 1000000, 0, KINDS_ALL },
	{ "min_spend_minor", read_int, AT(min_spend_minor), 1, MONEY_MINOR_MAX, 0,
	  KINDS_ALL },
	{ "over_spend_minor", read_int, AT(over_spend_minor), 1, MONEY_MINOR_MAX, 0,
	  KINDS_ALL },
	{ "spend_of", read_spend_of, AT(spend_gross), 0, 0, 0, KINDS_BASKET },
	{ 0 },
};

static const struct field when_fields[] = {
	{ "from", read_time, AT(from_ms), 0, 0, 0, KINDS_ALL },
	{ "to", read_time, AT(to_ms), 0, 1, 0, KINDS_ALL },
	{ "days", read_days, AT(days), 0, 0, 0, KINDS_ALL },
	{ "hours", read_hours, 0, 0, 0, 0, KINDS_ALL },
	{ "stores", read_strs, AT(stores), 0, 0, 0, KINDS_ALL },
	{ "lanes", read_strs, AT(lanes), 0, 0, 0, KINDS_ALL },
	{ 0 },
};

static const struct field who_fields[] = {
	{ "member", read_bool, AT(member), 0, 0, 0, KINDS_ALL },
	{ "groups", read_strs, AT(groups), 0, 0, 0, KINDS_ALL },
	{ "coupon", read_str, AT(coupon), 0, 0, 0, KINDS_ALL },
	{ "first_purchase", read_bool, AT(first_purchase), 0, 0, 0, KINDS_ALL },
	{ 0 },
};

static const struct field limit_fields[] = {
	{ "per_basket", read_int, AT(per_basket), 1, 1000000, 0, KINDS_ALL },
	{ "per_member", read_int, AT(per_member), 1, 1000000, 0, KINDS_ALL },
	{ "per_day", read_int, AT(per_day), 1, 1000000, 0, KINDS_ALL },
	{ "total", read_int, AT(total), 1, INT64_C(1000000000000), 0, KINDS_ALL },
	{ 0 },
};

static const struct field combine_fields[] = {
	{ "stack", read_bool, AT(stack), 0, 0, 0, KINDS_ALL },
	{ "group", read_str, AT(group), 0, 0, 0, KINDS_ALL },
	{ "exclusive", read_exclusive, AT(exclusive), 0, 0, 0, KINDS_ALL },
	{ 0 },
};

/* Characters of well-formed UTF-8. */
static size_t
utf8_chars(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void
read_texts(struct compiler *c, const struct value *v, struct rule *rule)
{
	struct rule_text *texts;
	uint32_t n = 0;

	if (!is_kind(c, v, VALUE_OBJECT, "text") || v->count == 0)
		return;
	texts = arena_array(c->arena, v->count, sizeof(*texts));
	if (texts == NULL) {
		c->out_of_memory = true;
		return;
	}
	for (const struct value *m = v->first; m != NULL; m = m->next) {
		if (m->name.n < 2 || m->name.n > 35) {
			compile_fault(c, m, "\"%.40s\" is no language; write en or de-AT",
				      m->name.p);
			continue;
		}
		if (!is_kind(c, m, VALUE_STRING, "text"))
			continue;
		if (utf8_chars(m->s) > RULE_TEXT_CHARS_MAX) {
			compile_fault(c, m, "the text has %zu characters; at most %u fit",
				      utf8_chars(m->s), RULE_TEXT_CHARS_MAX);
			continue;
		}
		texts[n++] = (struct rule_text){ compile_copy(c, m->name),
						 compile_copy(c, m->s) };
	}
	rule->texts = texts;
	rule->texts_count = n;
}

static bool
strs_share(struct strs a, struct strs b, struct str *ret_common)
{
	if ((uint64_t)a.count * b.count > 4000000)
		return false; /* a check for slips of the pen, not worth seconds */
	for (uint32_t i = 0; i < a.count; i++)
		for (uint32_t j = 0; j < b.count; j++)
			if (str_eq(a.at[i], b.at[j])) {
				*ret_common = a.at[i];
				return true;
			}
	return false;
}

static void
check_scope(struct compiler *c, const struct value *v, const struct rule *r)
{
	const struct scope *s = &r->scope;
	const struct value *at = value_member(v, "scope");
	bool lists = value_member(at, "sku") != NULL ||
		     value_member(at, "category") != NULL ||
		     value_member(at, "brand") != NULL;
	struct str common;

	if (at == NULL || at->kind != VALUE_OBJECT)
		return; /* said already */
	if (!s->all && !lists)
		compile_fault(c, at,
			      "the scope is empty; give \"all\":true, sku, "
			      "category or brand");
	if (s->all && lists)
		compile_fault(c, at, "the scope has \"all\" and lists; keep one of them");
	if (s->price_min > s->price_max)
		compile_fault(c, at, "price_min is above price_max; exchange them");
	if (strs_share(s->sku, s->not_sku, &common) ||
	    strs_share(s->category, s->not_category, &common) ||
	    strs_share(s->brand, s->not_brand, &common))
		compile_fault(c, at, "\"%.60s\" is in the scope and in exclude",
			      common.p);
}

static void
check_combination(struct compiler *c, const struct value *v, const struct rule *r)
{
	if (r->stack && r->kind != KIND_PERCENT && r->kind != KIND_AMOUNT)
		compile_fault(c, v, "\"stack\" is for the kinds percent and amount only");
	if (r->stack && (r->max_units > 0 || r->cheapest_first))
		compile_fault(c, v,
			      "a stacked rule takes whole lines: leave max_units "
			      "and take out");
	if (r->cheapest_first && r->max_units == 0)
		compile_fault(c, v, "take \"cheapest\" needs max_units");
	if ((r->per_member > 0 || r->per_day > 0) && !r->member && r->groups.count == 0 &&
	    !r->first_purchase)
		compile_fault(c, v,
			      "a limit per member or day needs \"who\": "
			      "{\"member\":true}");
	if (r->per_day > 0 && r->per_member > 0 && r->per_day > r->per_member)
		compile_fault(c, v, "per_day is above per_member; it could never count");
	if (r->min_spend_minor > 0 && r->over_spend_minor > 0)
		compile_fault(c, v,
			      "min_spend_minor (at least) and over_spend_minor "
			      "(more than) exclude each other");
	if (r->spend_gross && r->min_spend_minor == 0 && r->over_spend_minor == 0)
		compile_fault(c, v, "spend_of needs min_spend_minor or over_spend_minor");
	if (r->has_from && r->has_to && r->from_ms >= r->to_ms)
		compile_fault(c, v, "it ends before it begins: from must be before to");
}

static void
read_kind(struct compiler *c, const struct value *v, struct rule *rule, unsigned *ret_bit)
{
	const struct value *k = value_member(v, "kind");

	if (k == NULL) {
		compile_fault(c, v, "\"kind\" is missing");
		return;
	}
	if (!is_kind(c, k, VALUE_STRING, "kind"))
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!str_is(k->s, kinds[i].name))
			continue;
		rule->kind = kinds[i].kind;
		rule->layer = kinds[i].layer;
		*ret_bit = BIT(kinds[i].kind);
		return;
	}
	for (size_t i = 0; i < sizeof(later_kinds) / sizeof(later_kinds[0]); i++) {
		if (!str_is(k->s, later_kinds[i]))
			continue;
		compile_fault(c, k, "the kind \"%s\" is not supported by this version",
			      later_kinds[i]);
		return;
	}
	compile_fault(c, k,
		      "unknown kind \"%.40s\"; it must be percent, amount, "
		      "fixed_price, n_for_price, buy_get, buy_get_cheapest, "
		      "basket_percent or basket_amount",
		      k->s.p);
}

/* Reads the member that is an object of fields; a needed one may not be missing. */
static void
read_part(struct compiler *c, const struct value *v, const char *name,
	  const struct field *fields, unsigned kind_bit, struct rule *rule)
{
	const struct value *part = value_member(v, name);

	if (part == NULL) {
		if (fields == scope_fields || fields == param_fields)
			compile_fault(c, v, "\"%s\" is missing", name);
	} else if (is_kind(c, part, VALUE_OBJECT, name)) {
		read_fields(c, part, fields, kind_bit, rule);
	}
}

static void
read_head(struct compiler *c, const struct value *v, struct rule *rule)
{
	static const char *const known[] = { "id",   "kind",    "scope",  "params",
					     "when", "who",     "limits", "combine",
					     "text", "priority" };
	static const struct field priority = { "priority", read_int, AT(priority),
					       -1000000,   1000000,  0,
					       KINDS_ALL };
	const struct value *id = value_member(v, "id"), *p = value_member(v, "priority");

	for (const struct value *m = v->first; m != NULL; m = m->next) {
		size_t i = 0;

		while (i < sizeof(known) / sizeof(known[0]) && !str_is(m->name, known[i]))
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			compile_fault(c, m, "unknown member \"%.40s\"; leave it out",
				      m->name.p);
	}
	if (id == NULL)
		compile_fault(c, v, "\"id\" is missing");
	else if (string_ok(c, id, "id", RULE_ID_BYTES_MAX))
		rule->id = compile_copy(c, id->s);
	if (p != NULL)
		read_int(c, p, &priority, rule);
}

void
compile_rule(struct compiler *c, const struct value *v, struct rule *rule)
{
	const struct value *text;
	unsigned bit = 0;

	*rule = (struct rule){ .line = v->line, .column = v->column };
	rule->scope.price_max = MONEY_MINOR_MAX;
	c->rule_id = (struct str){ "", 0 };
	if (!is_kind(c, v, VALUE_OBJECT, "a rule"))
		return;
	text = value_member(v, "id");
	if (text != NULL && text->kind == VALUE_STRING)
		c->rule_id = text->s;
	read_head(c, v, rule);
	read_kind(c, v, rule, &bit);
	read_part(c, v, "scope", scope_fields, KINDS_ALL, rule);
	if (bit != 0)
		read_part(c, v, "params", param_fields, bit, rule);
	read_part(c, v, "when", when_fields, KINDS_ALL, rule);
	read_part(c, v, "who", who_fields, KINDS_ALL, rule);
	read_part(c, v, "limits", limit_fields, KINDS_ALL, rule);
	read_part(c, v, "combine", combine_fields, KINDS_ALL, rule);
	text = value_member(v, "text");
	if (text != NULL)
		read_texts(c, text, rule);
	check_scope(c, v, rule);
	if (bit != 0)
		check_combination(c, v, rule);
	if (rule->stack)
		rule->layer = LAYER_STACK;
}
