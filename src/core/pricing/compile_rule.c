#include "core/pricing/compile_fields.h"
#include "core/pricing/compile_params.h"

#define KINDS_ALL 1u /* these members are the same for all kinds */
#define DAY_MS INT64_C(86400000)
#define YEAR_2000_MS (INT64_C(10957) * DAY_MS)
#define YEAR_2200_MS (INT64_C(84006) * DAY_MS)

/* "2026-11-01" is the start of that day as a from and the end of it as a to (max 1). */
static void
read_time(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	int64_t *target = field_at(base, f), ms;
	struct rule *rule = base;
	int zoned = 0;

	if (!fields_is_kind(c, v, VALUE_STRING, f->name))
		return;
	if (rfc3339_parse(v->s, &ms, &zoned) < 0) {
		compile_fault(c, v, "%s is no time; write 2026-11-30 or 2026-11-30T18:00",
			      f->name);
		return;
	}
	bool is_day = v->s.n == sizeof("2026-11-30") - 1;

	if (ms < YEAR_2000_MS || ms >= YEAR_2200_MS) {
		compile_fault(c, v, "%s is the year %.4s; it must be 2000 to 2199",
			      f->name, v->s.p);
		return;
	}
	if (f->max == 1 && is_day)
		ms += DAY_MS;
	*target = ms;
	if (f->max == 1) {
		rule->has_to = true;
		rule->to_zoned = zoned != 0;
		rule->to_is_day = is_day;
	} else {
		rule->has_from = true;
		rule->from_zoned = zoned != 0;
		rule->from_is_day = is_day;
	}
}

static void
read_days(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	static const char *const names[7] = { "mon", "tue", "wed", "thu",
					      "fri", "sat", "sun" };
	uint8_t *days = field_at(base, f);

	if (!fields_is_kind(c, v, VALUE_ARRAY, f->name))
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

	if (!fields_is_kind(c, v, VALUE_ARRAY, f->name))
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
#define AT(member) offsetof(struct rule, member)

static const struct field exclude_fields[] = {
	{ "sku", fields_strs, AT(scope.not_sku), 0, 0, 0, KINDS_ALL },
	{ "category", fields_strs, AT(scope.not_category), 0, 0, 0, KINDS_ALL },
	{ "brand", fields_strs, AT(scope.not_brand), 0, 0, 0, KINDS_ALL },
	{ 0 },
};

static void
read_exclude(struct compiler *c, const struct value *v, const struct field *f, void *base)
{
	if (fields_is_kind(c, v, VALUE_OBJECT, f->name))
		fields_read(c, v, exclude_fields, KINDS_ALL, base);
}

static const struct field scope_fields[] = {
	{ "all", fields_bool, AT(scope.all), 0, 0, 0, KINDS_ALL },
	{ "sku", fields_strs, AT(scope.sku), 0, 0, 0, KINDS_ALL },
	{ "category", fields_strs, AT(scope.category), 0, 0, 0, KINDS_ALL },
	{ "brand", fields_strs, AT(scope.brand), 0, 0, 0, KINDS_ALL },
	{ "exclude", read_exclude, 0, 0, 0, 0, KINDS_ALL },
	{ "price_min", fields_int, AT(scope.price_min), 0, MONEY_MINOR_MAX, 0,
	  KINDS_ALL },
	{ "price_max", fields_int, AT(scope.price_max), 0, MONEY_MINOR_MAX, 0,
	  KINDS_ALL },
	{ "exclude_reduced", fields_bool, AT(scope.exclude_reduced), 0, 0, 0, KINDS_ALL },
	{ 0 },
};
static const struct field when_fields[] = {
	{ "from", read_time, AT(from_ms), 0, 0, 0, KINDS_ALL },
	{ "to", read_time, AT(to_ms), 0, 1, 0, KINDS_ALL },
	{ "days", read_days, AT(days), 0, 0, 0, KINDS_ALL },
	{ "hours", read_hours, 0, 0, 0, 0, KINDS_ALL },
	{ "stores", fields_strs, AT(stores), 0, 0, 0, KINDS_ALL },
	{ "lanes", fields_strs, AT(lanes), 0, 0, 0, KINDS_ALL },
	{ 0 },
};

static const struct field who_fields[] = {
	{ "member", fields_bool, AT(member), 0, 0, 0, KINDS_ALL },
	{ "groups", fields_strs, AT(groups), 0, 0, 0, KINDS_ALL },
	{ "coupon", fields_str, AT(coupon), 0, 0, 0, KINDS_ALL },
	{ "first_purchase", fields_bool, AT(first_purchase), 0, 0, 0, KINDS_ALL },
	{ 0 },
};

static const struct field limit_fields[] = {
	{ "per_basket", fields_int, AT(per_basket), 1, 1000000, 0, KINDS_ALL },
	{ "per_member", fields_int, AT(per_member), 1, 1000000, 0, KINDS_ALL },
	{ "per_day", fields_int, AT(per_day), 1, 1000000, 0, KINDS_ALL },
	{ "total", fields_int, AT(total), 1, INT64_C(1000000000000), 0, KINDS_ALL },
	{ "budget_minor", fields_int, AT(budget_minor), 1, MONEY_MINOR_MAX, 0,
	  KINDS_ALL },
	{ 0 },
};

static const struct field combine_fields[] = {
	{ "stack", fields_bool, AT(stack), 0, 0, 0, KINDS_ALL },
	{ "group", fields_str, AT(group), 0, 0, 0, KINDS_ALL },
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

	if (!fields_is_kind(c, v, VALUE_OBJECT, "text") || v->count == 0)
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
		if (!fields_is_kind(c, m, VALUE_STRING, "text") ||
		    !fields_is_plain(c, m, "text"))
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
check_limits(struct compiler *c, const struct value *v, const struct rule *r)
{
	if ((r->per_member > 0 || r->per_day > 0) && !r->member && r->groups.count == 0 &&
	    !r->first_purchase && r->layer != LAYER_POINTS)
		compile_fault(c, v,
			      "a limit per member or day needs \"who\": "
			      "{\"member\":true}");
	if (r->per_day > 0 && r->per_member > 0 && r->per_day > r->per_member)
		compile_fault(c, v, "per_day is above per_member; it could never count");
	if (r->has_from && r->has_to && r->from_ms >= r->to_ms)
		compile_fault(c, v, "it ends before it begins: from must be before to");
}

/* Reads the member that is an object of fields; a needed one may not be missing. */
static void
read_part(struct compiler *c, const struct value *v, const char *name,
	  const struct field *fields, struct rule *rule)
{
	const struct value *part = value_member(v, name);

	if (part == NULL) {
		if (fields == scope_fields)
			compile_fault(c, v, "\"%s\" is missing", name);
	} else if (fields_is_kind(c, part, VALUE_OBJECT, name)) {
		fields_read(c, part, fields, KINDS_ALL, rule);
	}
}

static void
read_head(struct compiler *c, const struct value *v, struct rule *rule)
{
	static const char *const known[] = { "id",   "kind",    "scope",  "params",
					     "when", "who",     "limits", "combine",
					     "text", "priority" };
	static const struct field priority = { "priority", fields_int, AT(priority),
					       -1000000,   1000000,    0,
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
	else if (fields_is_text(c, id, "id", RULE_ID_BYTES_MAX))
		rule->id = compile_copy(c, id->s);
	if (p != NULL)
		fields_int(c, p, &priority, rule);
}

void
compile_rule(struct compiler *c, const struct value *v, struct rule *rule)
{
	const struct value *text;
	bool known;

	*rule = (struct rule){ .line = v->line, .column = v->column };
	rule->scope.price_max = MONEY_MINOR_MAX;
	c->rule_id = (struct str){ "", 0 };
	if (!fields_is_kind(c, v, VALUE_OBJECT, "a rule"))
		return;
	text = value_member(v, "id");
	if (text != NULL && text->kind == VALUE_STRING)
		c->rule_id = text->s;
	read_head(c, v, rule);
	known = params_kind(c, v, rule);
	read_part(c, v, "scope", scope_fields, rule);
	if (known)
		params_read(c, v, rule);
	read_part(c, v, "when", when_fields, rule);
	read_part(c, v, "who", who_fields, rule);
	read_part(c, v, "limits", limit_fields, rule);
	read_part(c, v, "combine", combine_fields, rule);
	text = value_member(v, "text");
	if (text != NULL)
		read_texts(c, text, rule);
	check_scope(c, v, rule);
	if (!known)
		return;
	params_check(c, v, rule);
	check_limits(c, v, rule);
	params_derive(c, rule);
}
