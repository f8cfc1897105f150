#include "core/pricing/pricing_value.h"
#include "core/pricing/portion.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define TEXT_BYTES_MAX 200u
#define LIST_MAX 10000u
#define QTY_MAX INT64_C(1000000)

enum member_type { TYPE_INT, TYPE_BOOL, TYPE_STR, TYPE_U32 };

/* One member of an object that is a number, a truth or a text. */
struct member {
	const char *name;
	enum member_type type;
	size_t offset;
	int64_t min, max;
};

struct line_in {
	struct pricing_line line;
	int64_t qty, amount_minor;
};

#define LINE(member) offsetof(struct line_in, line.member)

static const struct member line_members[] = {
	{ "line", TYPE_U32, LINE(line), 0, UINT32_MAX },
	{ "code", TYPE_STR, LINE(code), 0, 0 },
	{ "category", TYPE_STR, LINE(category), 0, 0 },
	{ "brand", TYPE_STR, LINE(brand), 0, 0 },
	{ "qty", TYPE_INT, offsetof(struct line_in, qty), 1, QTY_MAX },
	{ "qty_milli", TYPE_INT, LINE(qty_milli), 1, 1000 * QTY_MAX },
	{ "unit_price_minor", TYPE_INT, LINE(unit_price_minor), 0, PROBLEM_GROSS_MAX },
	{ "amount_minor", TYPE_INT, offsetof(struct line_in, amount_minor), 0,
	  PROBLEM_GROSS_MAX },
	{ "floor_minor", TYPE_INT, LINE(floor_minor), 0, PROBLEM_GROSS_MAX },
	{ "vat_bp", TYPE_U32, LINE(vat_bp), 0, BP_ONE },
	{ "weighed", TYPE_BOOL, LINE(weighed), 0, 0 },
	{ "excluded", TYPE_BOOL, LINE(excluded), 0, 0 },
	{ "reduced", TYPE_BOOL, LINE(reduced), 0, 0 },
	{ 0 },
};

static const struct member use_members[] = {
	{ "rule", TYPE_STR, offsetof(struct pricing_use, rule), 0, 0 },
	{ "member", TYPE_INT, offsetof(struct pricing_use, member_used), 0,
	  MONEY_MINOR_MAX },
	{ "day", TYPE_INT, offsetof(struct pricing_use, member_day_used), 0,
	  MONEY_MINOR_MAX },
	{ "total", TYPE_INT, offsetof(struct pricing_use, total_used), 0,
	  MONEY_MINOR_MAX },
	{ "budget_minor", TYPE_INT, offsetof(struct pricing_use, budget_used_minor), 0,
	  MONEY_MINOR_MAX },
	{ 0 },
};

static const struct member basket_members[] = {
	{ "store", TYPE_STR, offsetof(struct pricing_basket, store), 0, 0 },
	{ "lane", TYPE_STR, offsetof(struct pricing_basket, lane), 0, 0 },
	{ 0 },
};

static const struct member member_members[] = {
	{ "known", TYPE_BOOL, offsetof(struct pricing_member, known), 0, 0 },
	{ "first_purchase", TYPE_BOOL, offsetof(struct pricing_member, first_purchase), 0,
	  0 },
	{ "points", TYPE_INT, offsetof(struct pricing_member, points), 0,
	  MONEY_MINOR_MAX },
	{ 0 },
};

__attribute__((format(printf, 3, 4))) static int
refuse(struct pricing_error *error, const struct value *at, const char *fmt, ...)
{
	va_list ap;

	*error = (struct pricing_error){ .line = at != NULL ? at->line : 0,
					 .column = at != NULL ? at->column : 0 };
	va_start(ap, fmt);
	(void)vsnprintf(error->what, sizeof(error->what), fmt, ap); /* cut is fine */
	va_end(ap);
	return -EBADMSG;
}

static int
read_number(const struct value *v, const struct member *m, char *at,
	    struct pricing_error *error)
{
	if (v->kind != VALUE_INT || v->i < m->min || v->i > m->max)
		return refuse(error, v, "%s must be a whole number, %lld to %lld",
			      m->name, (long long)m->min, (long long)m->max);
	if (m->type == TYPE_U32)
		*(uint32_t *)(void *)at = (uint32_t)v->i;
	else
		*(int64_t *)(void *)at = v->i;
	return 0;
}

static int
read_member(const struct value *v, const struct member *m, void *base,
	    struct pricing_error *error)
{
	char *at = (char *)base + m->offset;

	switch (m->type) {
	case TYPE_INT:
	case TYPE_U32:
		return read_number(v, m, at, error);
	case TYPE_BOOL:
		if (v->kind != VALUE_BOOL)
			return refuse(error, v, "%s must be true or false", m->name);
		*(bool *)(void *)at = v->i != 0;
		return 0;
	case TYPE_STR:
		break;
	}
	if (v->kind != VALUE_STRING || v->s.n > TEXT_BYTES_MAX)
		return refuse(error, v, "%s must be a text of at most %u bytes", m->name,
			      TEXT_BYTES_MAX);
	*(struct str *)(void *)at = v->s;
	return 0;
}

/* Reads an object's plain members; lists are the caller's and named in lists[]. */
static int
read_object(const struct value *v, const struct member *members, const char *const *lists,
	    void *base, struct pricing_error *error)
{
	if (v == NULL || v->kind != VALUE_OBJECT)
		return refuse(error, v, "this must be an object");
	for (const struct value *e = v->first; e != NULL; e = e->next) {
		const struct member *m = members;
		const char *const *list = lists;
		int rc;

		while (m->name != NULL && !str_is(e->name, m->name))
			m++;
		while (*list != NULL && !str_is(e->name, *list))
			list++;
		if (m->name == NULL && *list == NULL)
			return refuse(error, e, "unknown member \"%.40s\"; leave it out",
				      e->name.p);
		rc = m->name != NULL ? read_member(e, m, base, error) : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
check_list(const struct value *list, const char *name, uint32_t max,
	   struct pricing_error *error)
{
	if (list->kind != VALUE_ARRAY || list->count > max)
		return refuse(error, list, "%s must be a list of at most %u entries",
			      name, max);
	return 0;
}

static int
read_line(const struct value *v, uint32_t number, struct pricing_line *ret_line,
	  struct pricing_error *error)
{
	static const char *const no_lists[] = { NULL };
	struct line_in in = { .line = { .line = number }, .amount_minor = -1 };
	int rc = read_object(v, line_members, no_lists, &in, error);

	if (rc < 0)
		return rc;
	if (in.qty > 0 && in.line.qty_milli > 0)
		return refuse(error, v, "qty and qty_milli: keep one of them");
	if (in.line.qty_milli == 0)
		in.line.qty_milli = 1000 * (in.qty > 0 ? in.qty : 1);
	if (value_member(v, "unit_price_minor") == NULL)
		return refuse(error, v, "\"unit_price_minor\" is missing");
	if (in.amount_minor < 0 &&
	    money_muldiv(in.line.unit_price_minor, in.line.qty_milli, 1000, ROUND_HALF_UP,
			 &in.amount_minor) < 0)
		return refuse(error, v, "the line is worth too much");
	in.line.amount_minor = in.amount_minor;
	*ret_line = in.line;
	return 0;
}

int
pricing_basket_from_value(const struct value *v, struct arena *arena,
			  struct pricing_basket *ret_basket, struct pricing_error *error)
{
	/* What a basket of the past tells beside itself is its reader's. */
	static const char *const lists[] = { "lines",       "id",        "at",
					     "currency",    "member",    "member_number",
					     "paid_minor",  "tax_minor", "apart_minor",
					     "given_minor", NULL };
	struct pricing_basket basket = { 0 };
	const struct value *list = value_member(v, "lines");
	struct pricing_line *lines;
	int rc = read_object(v, basket_members, lists, &basket, error);

	if (rc < 0)
		return rc;
	if (list == NULL)
		return refuse(error, v, "\"lines\" is missing");
	rc = check_list(list, "lines", PRICING_LINES_MAX, error);
	if (rc < 0)
		return rc;
	lines = arena_array(arena, list->count, sizeof(*lines));
	if (lines == NULL)
		return -ENOMEM;
	for (const struct value *e = list->first; e != NULL; e = e->next) {
		size_t n = basket.lines_count;

		rc = read_line(e, (uint32_t)n + 1, &lines[n], error);
		if (rc < 0)
			return rc;
		for (size_t i = 0; i < n; i++)
			if (lines[i].line == lines[n].line)
				return refuse(error, e,
					      "line %u is there twice; number the lines",
					      lines[n].line);
		basket.lines_count++;
	}
	basket.lines = lines;
	*ret_basket = basket;
	return 0;
}

static int
read_strs(const struct value *v, const char *name, struct arena *arena,
	  const struct str **ret_list, size_t *ret_count, struct pricing_error *error)
{
	const struct value *list = value_member(v, name);
	struct str *strs;
	size_t n = 0;
	int rc;

	if (list == NULL)
		return 0;
	rc = check_list(list, name, LIST_MAX, error);
	if (rc < 0)
		return rc;
	strs = arena_array(arena, list->count, sizeof(*strs));
	if (strs == NULL)
		return -ENOMEM;
	for (const struct value *e = list->first; e != NULL; e = e->next) {
		if (e->kind != VALUE_STRING)
			return refuse(error, e, "%s must hold texts only", name);
		strs[n++] = e->s;
	}
	*ret_list = strs;
	*ret_count = n;
	return 0;
}

static int
read_uses(const struct value *v, struct arena *arena, struct pricing_member *member,
	  struct pricing_error *error)
{
	static const char *const no_lists[] = { NULL };
	const struct value *list = value_member(v, "uses");
	struct pricing_use *uses;
	int rc;

	if (list == NULL)
		return 0;
	rc = check_list(list, "uses", LIST_MAX, error);
	if (rc < 0)
		return rc;
	uses = arena_array(arena, list->count, sizeof(*uses));
	if (uses == NULL)
		return -ENOMEM;
	for (const struct value *e = list->first; e != NULL; e = e->next) {
		rc = read_object(e, use_members, no_lists, &uses[member->uses_count],
				 error);
		if (rc < 0)
			return rc;
		member->uses_count++;
	}
	member->uses = uses;
	return 0;
}

int
pricing_member_from_value(const struct value *v, struct arena *arena,
			  struct pricing_member *ret_member, struct pricing_error *error)
{
	static const char *const lists[] = { "groups", "coupons", "uses", NULL };
	struct pricing_member member = { .known = true };
	int rc = read_object(v, member_members, lists, &member, error);

	if (rc == 0)
		rc = read_strs(v, "groups", arena, &member.groups, &member.groups_count,
			       error);
	if (rc == 0)
		rc = read_strs(v, "coupons", arena, &member.coupons,
			       &member.coupons_count, error);
	if (rc == 0)
		rc = read_uses(v, arena, &member, error);
	if (rc == 0)
		*ret_member = member;
	return rc;
}
