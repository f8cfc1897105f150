#include "ctl/ruletext.h"

#include "base/plain/money.h"

#include <stdio.h>

#define MONEY_BUFFERS 8u
#define MONEY_BYTES 32u
#define SHOWN_MAX 5u /* entries of a list */

const char *
ruletext_money(const struct ruletext *t, int64_t minor)
{
	static char buffers[MONEY_BUFFERS][MONEY_BYTES];
	static unsigned next;
	char *buf = buffers[next++ % MONEY_BUFFERS];

	if (money_format(buf, MONEY_BYTES, minor, t->digits) < 0)
		return "";
	return buf;
}

static void
divide(struct strbuf *b, size_t start)
{
	if (b->used > start)
		strbuf_add(b, STR(", "));
}

/* Control characters would play with a terminal. */
static void
put_text(struct strbuf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f)
			strbuf_add(b, (struct str){ s.p + i, 1 });
}

/* The first entries of a list of texts; count: how many there are, where the list was cut. */
static void
put_list(struct strbuf *b, const struct value *list, int64_t count)
{
	size_t start = b->used;
	uint32_t n = 0;

	if (list == NULL || list->kind != VALUE_ARRAY)
		return;
	for (const struct value *e = list->first; e != NULL && n < SHOWN_MAX;
	     e = e->next, n++) {
		divide(b, start);
		if (e->kind == VALUE_STRING)
			put_text(b, e->s);
	}
	if (count < (int64_t)list->count)
		count = list->count;
	if (count > (int64_t)n)
		strbuf_addf(b, ", +%lld", (long long)(count - n));
}

/* sku, category and brand of an object, one after the other. */
static void
put_goods(struct strbuf *b, const struct value *v)
{
	static const char *const names[] = { "category", "brand", "sku" };
	static const char *const counts[] = { "category_count", "brand_count",
					      "sku_count" };
	size_t start = b->used;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct value *list = value_member(v, names[i]);
		int64_t count = 0;

		if (list == NULL)
			continue;
		(void)value_get_int(v, counts[i], 0, INT64_MAX,
				    &count); /* else it is 0 */
		divide(b, start);
		put_list(b, list, count);
	}
}

/* A phrase with one value, behind a comma. */
static void
put(struct strbuf *b, size_t start, const char *phrase, const char *value)
{
	const char *const values[] = { value };

	divide(b, start);
	phrase_put(b, phrase, values);
}

static void
put_number(struct strbuf *b, size_t start, const char *phrase, const struct value *part,
	   const char *name)
{
	char text[32];
	int64_t i = 0;

	if (value_get_int(part, name, 0, INT64_MAX, &i) < 0)
		return;
	(void)snprintf(text, sizeof(text), "%lld", (long long)i); /* fits */
	put(b, start, phrase, text);
}

static void
put_money(const struct ruletext *t, struct strbuf *b, size_t start, const char *phrase,
	  const struct value *part, const char *name)
{
	int64_t i = 0;

	if (value_get_int(part, name, 0, INT64_MAX, &i) == 0)
		put(b, start, phrase, ruletext_money(t, i));
}

static void
put_part(struct strbuf *b, size_t start, const char *phrase, const struct value *part,
	 const char *name)
{
	const struct value *v = value_member(part, name);
	char text[256];
	struct strbuf s;

	if (v == NULL)
		return;
	strbuf_init(&s, text, sizeof(text));
	if (v->kind == VALUE_STRING)
		put_text(&s, v->s);
	else if (v->kind == VALUE_OBJECT)
		put_goods(&s, v);
	else
		put_list(&s, v, 0);
	put(b, start, phrase, text);
}

/* Two whole numbers of params that belong together. */
static void
put_pair(struct strbuf *b, size_t start, const struct value *params, const char *one,
	 const char *other, const char *unit)
{
	int64_t x = 0, y = 0;

	if (value_get_int(params, one, 0, INT64_MAX, &x) < 0 ||
	    value_get_int(params, other, 0, INT64_MAX, &y) < 0)
		return;
	divide(b, start);
	strbuf_addf(b, "%lld%s + %lld%s", (long long)x, unit, (long long)y, unit);
}

static void
put_percent(struct strbuf *b, size_t start, const struct value *params)
{
	int64_t bp = 0;

	if (value_get_int(params, "percent_bp", 0, INT32_MAX, &bp) < 0)
		return;
	divide(b, start);
	strbuf_addf(b, "-%lld", (long long)(bp / 100));
	if (bp % 100 != 0)
		strbuf_addf(b, ".%02lld", (long long)(bp % 100));
	strbuf_add(b, STR(" %"));
}

void
ruletext_gives(const struct ruletext *t, const struct value *rule, struct strbuf *b)
{
	const struct value *params = value_member(rule, "params");
	size_t start = b->used;

	put_pair(b, start, params, "buy", "get", "");
	put_pair(b, start, params, "buy_g", "get_g", " g");
	put_number(b, start, "{} x", params, "units");
	put_percent(b, start, params);
	put_money(t, b, start, "-{}", params, "amount_minor");
	put_money(t, b, start, "= {}", params, "price_minor");
	put_money(t, b, start, "<= {}", params, "cap_minor");
	put_number(b, start, "{} P", params, "points");
	put_money(t, b, start, "/ {}", params, "per_minor");
	put_money(t, b, start, "= {}", params, "value_minor");
}

void
ruletext_scope(const struct ruletext *t, const struct value *rule, struct strbuf *b)
{
	const struct value *scope = value_member(rule, "scope");
	const struct value *exclude = value_member(scope, "exclude");
	size_t start = b->used;
	bool flag = false;

	if (value_get_bool(scope, "all", &flag) == 0 && flag)
		strbuf_add(b, str_of(t->phrases->all_goods));
	put_goods(b, scope);
	if (exclude != NULL) {
		strbuf_add(b, STR(" ("));
		strbuf_add(b, str_of(t->phrases->excluding));
		strbuf_add(b, STR(" "));
		put_goods(b, exclude);
		strbuf_add(b, STR(")"));
	}
	put_money(t, b, start, ">= {}", scope, "price_min");
	put_money(t, b, start, "<= {}", scope, "price_max");
	flag = false;
	if (value_get_bool(scope, "exclude_reduced", &flag) == 0 && flag)
		put(b, start, t->phrases->not_reduced, "");
}

static unsigned
day_of(struct str name)
{
	static const char *const names[7] = { "mon", "tue", "wed", "thu",
					      "fri", "sat", "sun" };
	unsigned day = 0;

	while (day < 7 && !str_is(name, names[day]))
		day++;
	return day;
}

void
ruletext_when(const struct ruletext *t, const struct value *rule, struct strbuf *b)
{
	const struct value *when = value_member(rule, "when");
	const struct value *days = value_member(when, "days");
	size_t start = b->used;

	put_part(b, start, t->phrases->from, when, "from");
	put_part(b, start, t->phrases->to, when, "to");
	for (const struct value *e = days == NULL ? NULL : days->first; e != NULL;
	     e = e->next) {
		unsigned day = e->kind == VALUE_STRING ? day_of(e->s) : 7;

		if (day < 7)
			put(b, start, t->phrases->days[day], "");
	}
	put_part(b, start, "{}", when, "hours");
	put_part(b, start, t->phrases->stores, when, "stores");
	put_part(b, start, t->phrases->lanes, when, "lanes");
}

void
ruletext_who(const struct ruletext *t, const struct value *rule, struct strbuf *b)
{
	const struct value *who = value_member(rule, "who");
	size_t start = b->used;
	bool flag = false;

	if (value_member(who, "groups") != NULL)
		put_part(b, start, t->phrases->groups, who, "groups");
	else if (value_get_bool(who, "member", &flag) == 0 && flag)
		put(b, start, t->phrases->members, "");
	flag = false;
	if (value_get_bool(who, "first_purchase", &flag) == 0 && flag)
		put(b, start, t->phrases->first_purchase, "");
	put_part(b, start, t->phrases->coupon, who, "coupon");
}

/* The units of one group: what must be there for the offer to apply at all. */
static void
put_group(struct strbuf *b, size_t start, const char *phrase, const struct value *params)
{
	int64_t buy = 0, get = 0;
	char text[32];

	if (value_get_int(params, "buy", 0, INT32_MAX, &buy) == 0 &&
	    value_get_int(params, "get", 0, INT32_MAX, &get) == 0) {
		get += buy;
		(void)snprintf(text, sizeof(text), "%lld", (long long)get); /* fits */
		put(b, start, phrase, text);
	} else {
		put_number(b, start, phrase, params, "units");
	}
}

/* The first entry of a list of params, which asks for least; the parts of a bundle. */
static void
put_lists(const struct ruletext *t, struct strbuf *b, size_t start,
	  const struct value *params)
{
	const struct value *table = value_member(params, "table");
	const struct value *tiers = value_member(params, "tiers");
	const struct value *parts = value_member(params, "components");
	int64_t units = 0;

	if (table != NULL)
		put_number(b, start, t->phrases->at_least_units, table->first, "units");
	if (tiers != NULL) {
		put_number(b, start, t->phrases->at_least_units, tiers->first,
			   "min_units");
		put_money(t, b, start, t->phrases->at_least_spend, tiers->first,
			  "min_spend_minor");
	}
	for (const struct value *e = parts == NULL ? NULL : parts->first; e != NULL;
	     e = e->next) {
		if (e != parts->first)
			strbuf_add(b, STR(" + "));
		if (value_get_int(e, "units", 2, INT32_MAX, &units) == 0)
			strbuf_addf(b, "%lld ", (long long)units);
		put_goods(b, e);
	}
}

void
ruletext_condition(const struct ruletext *t, const struct value *rule, struct strbuf *b)
{
	const struct value *params = value_member(rule, "params");
	size_t start = b->used;

	if (value_member(params, "min_units") != NULL)
		put_number(b, start, t->phrases->at_least_units, params, "min_units");
	else
		put_group(b, start, t->phrases->at_least_units, params);
	put_money(t, b, start, t->phrases->at_least_spend, params, "min_spend_minor");
	put_money(t, b, start, t->phrases->over_spend, params, "over_spend_minor");
	put_lists(t, b, start, params);
	put_part(b, start, t->phrases->contains, params, "contains");
}

void
ruletext_limits(const struct ruletext *t, const struct value *rule, struct strbuf *b)
{
	const struct value *limits = value_member(rule, "limits");
	size_t start = b->used;

	put_number(b, start, t->phrases->per_basket, limits, "per_basket");
	put_number(b, start, t->phrases->per_member, limits, "per_member");
	put_number(b, start, t->phrases->per_day, limits, "per_day");
	put_number(b, start, t->phrases->total, limits, "total");
	put_money(t, b, start, t->phrases->budget, limits, "budget_minor");
}
