#include "core/pricing/pricing_csv.h"

#include "base/plain/csv.h"
#include "core/pricing/model.h"
#include "core/pricing/pricing_lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERCENT_DIGITS 2
#define RECORD_BYTES_MAX 65536u
#define BOM "\xef\xbb\xbf"
#define TEXT_PREFIX "text_"

enum column_type {
	TYPE_TEXT,
	TYPE_LIST,
	TYPE_FLAG,
	TYPE_WHOLE,
	TYPE_MONEY,
	TYPE_PERCENT
};

/* Where the members of a rule stand; the order in which they are written. */
enum part {
	PART_RULE,
	PART_SCOPE,
	PART_EXCLUDE,
	PART_PARAMS,
	PART_WHEN,
	PART_WHO,
	PART_LIMITS,
	PART_COMBINE,
	PART_TEXT,
	PARTS
};

static const struct column {
	const char *name;
	enum part part;
	const char *member;
	enum column_type type;
} known[] = {
	{ "id", PART_RULE, "id", TYPE_TEXT },
	{ "kind", PART_RULE, "kind", TYPE_TEXT },
	{ "priority", PART_RULE, "priority", TYPE_WHOLE },
	{ "all", PART_SCOPE, "all", TYPE_FLAG },
	{ "sku", PART_SCOPE, "sku", TYPE_LIST },
	{ "category", PART_SCOPE, "category", TYPE_LIST },
	{ "brand", PART_SCOPE, "brand", TYPE_LIST },
	{ "price_min", PART_SCOPE, "price_min", TYPE_MONEY },
	{ "price_max", PART_SCOPE, "price_max", TYPE_MONEY },
	{ "exclude_reduced", PART_SCOPE, "exclude_reduced", TYPE_FLAG },
	{ "exclude_sku", PART_EXCLUDE, "sku", TYPE_LIST },
	{ "exclude_category", PART_EXCLUDE, "category", TYPE_LIST },
	{ "exclude_brand", PART_EXCLUDE, "brand", TYPE_LIST },
	{ "percent", PART_PARAMS, "percent_bp", TYPE_PERCENT },
	{ "amount", PART_PARAMS, "amount_minor", TYPE_MONEY },
	{ "price", PART_PARAMS, "price_minor", TYPE_MONEY },
	{ "units", PART_PARAMS, "units", TYPE_WHOLE },
	{ "buy", PART_PARAMS, "buy", TYPE_WHOLE },
	{ "get", PART_PARAMS, "get", TYPE_WHOLE },
	{ "buy_g", PART_PARAMS, "buy_g", TYPE_WHOLE },
	{ "get_g", PART_PARAMS, "get_g", TYPE_WHOLE },
	{ "max_units", PART_PARAMS, "max_units", TYPE_WHOLE },
	{ "take", PART_PARAMS, "take", TYPE_TEXT },
	{ "cap", PART_PARAMS, "cap_minor", TYPE_MONEY },
	{ "min_units", PART_PARAMS, "min_units", TYPE_WHOLE },
	{ "min_spend", PART_PARAMS, "min_spend_minor", TYPE_MONEY },
	{ "over_spend", PART_PARAMS, "over_spend_minor", TYPE_MONEY },
	{ "spend_of", PART_PARAMS, "spend_of", TYPE_TEXT },
	{ "from", PART_WHEN, "from", TYPE_TEXT },
	{ "to", PART_WHEN, "to", TYPE_TEXT },
	{ "days", PART_WHEN, "days", TYPE_LIST },
	{ "hours", PART_WHEN, "hours", TYPE_LIST },
	{ "stores", PART_WHEN, "stores", TYPE_LIST },
	{ "lanes", PART_WHEN, "lanes", TYPE_LIST },
	{ "member", PART_WHO, "member", TYPE_FLAG },
	{ "groups", PART_WHO, "groups", TYPE_LIST },
	{ "coupon", PART_WHO, "coupon", TYPE_TEXT },
	{ "first_purchase", PART_WHO, "first_purchase", TYPE_FLAG },
	{ "per_basket", PART_LIMITS, "per_basket", TYPE_WHOLE },
	{ "per_member", PART_LIMITS, "per_member", TYPE_WHOLE },
	{ "per_day", PART_LIMITS, "per_day", TYPE_WHOLE },
	{ "total", PART_LIMITS, "total", TYPE_WHOLE },
	{ "budget", PART_LIMITS, "budget_minor", TYPE_MONEY },
	{ "stack", PART_COMBINE, "stack", TYPE_FLAG },
	{ "group", PART_COMBINE, "group", TYPE_TEXT },
	{ "exclusive", PART_COMBINE, "exclusive", TYPE_TEXT },
};

/* A column of this file. */
struct header {
	enum part part;
	struct str member;
	enum column_type type;
};

/* A cell and where it begins. */
struct cell {
	struct str text;
	uint32_t line, column;
};

struct reader {
	struct arena *arena;
	struct arena *record; /* of the record being read */
	struct pricing_errors *errors;
	uint8_t digits; /* of the currency */
	struct header headers[CSV_FIELDS_MAX];
	size_t headers_count;
	struct str rule; /* its id, for the messages */
	bool stopped;    /* nothing below means anything */
	bool out_of_memory;
};

__attribute__((format(printf, 3, 4))) static void
complain(struct reader *r, const struct cell *at, const char *fmt, ...)
{
	struct pricing_error *e;
	va_list ap;

	r->errors->total++;
	if (r->errors->count == PRICING_ERRORS_MAX)
		return;
	e = &r->errors->list[r->errors->count++];
	*e = (struct pricing_error){ .line = at->line, .column = at->column };
	(void)str_copy(e->rule, sizeof(e->rule), r->rule); /* too long: without */
	va_start(ap, fmt);
	(void)vsnprintf(e->what, sizeof(e->what), fmt, ap); /* cut is fine */
	va_end(ap);
}

/* ---- cells to values ---------------------------------------------------------------------- */

static struct value *
value_new(struct reader *r, enum value_kind kind, const struct cell *at)
{
	struct value *v = arena_alloc(r->arena, sizeof(*v));

	if (v == NULL) {
		r->out_of_memory = true;
		return NULL;
	}
	v->kind = kind;
	v->line = at->line;
	v->column = at->column;
	return v;
}

static struct str
keep(struct reader *r, struct str s)
{
	const char *copy = arena_strndup(r->arena, s.p, s.n);

	if (copy == NULL)
		r->out_of_memory = true;
	return copy == NULL ? STR("") : (struct str){ copy, s.n };
}

static struct value *
text_value(struct reader *r, const struct cell *c)
{
	struct value *v = value_new(r, VALUE_STRING, c);

	if (v != NULL)
		v->s = keep(r, c->text);
	return v;
}

/* Entries divided by ';'. */
static struct value *
list_value(struct reader *r, const struct cell *c)
{
	struct value *list = value_new(r, VALUE_ARRAY, c), *last = NULL, *v;
	struct cell entry = *c;
	struct str rest = c->text;

	while (list != NULL) {
		const char *semi = memchr(rest.p, ';', rest.n);
		size_t n = semi == NULL ? rest.n : (size_t)(semi - rest.p);

		entry.text = (struct str){ rest.p, n };
		v = text_value(r, &entry);
		if (v == NULL)
			break;
		if (last == NULL)
			list->first = v;
		else
			last->next = v;
		last = v;
		list->count++;
		if (semi == NULL)
			break;
		rest.p += n + 1;
		rest.n -= n + 1;
	}
	return list;
}

static struct value *
flag_value(struct reader *r, const struct cell *c, struct str name)
{
	static const char *const words[] = { "no", "yes", "false", "true", "0", "1" };
	struct value *v;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!str_is(c->text, words[i]))
			continue;
		v = value_new(r, VALUE_BOOL, c);
		if (v != NULL)
			v->i = i % 2 == 1;
		return v;
	}
	complain(r, c, "%.*s is \"%.*s\"; it must be yes or no", (int)name.n, name.p,
		 (int)c->text.n, c->text.p);
	return NULL;
}

/* digits behind the decimal point at most; wanted: an example for people. */
static struct value *
number_value(struct reader *r, const struct cell *c, struct str name, uint8_t digits,
	     const char *wanted)
{
	struct value *v;
	bool exact = true;
	int64_t i = 0;
	int rc = money_parse(c->text, digits, &i, &exact);

	if (rc == 0 && digits == 0 && memchr(c->text.p, '.', c->text.n) != NULL)
		exact = false;
	if (rc < 0 || !exact) {
		complain(r, c, "%.*s is \"%.*s\"; %s", (int)name.n, name.p,
			 (int)(c->text.n < 40 ? c->text.n : 40), c->text.p,
			 rc == -ERANGE ? "that is too large"
			 : rc == 0     ? "it has more digits than there are"
				       : wanted);
		return NULL;
	}
	v = value_new(r, VALUE_INT, c);
	if (v != NULL)
		v->i = i;
	return v;
}

/* A cell that is not empty as the value of its member; NULL: said, or no memory. */
static struct value *
cell_value(struct reader *r, const struct cell *c, const struct header *h)
{
	switch (h->type) {
	case TYPE_TEXT:
		return text_value(r, c);
	case TYPE_LIST:
		return list_value(r, c);
	case TYPE_FLAG:
		return flag_value(r, c, h->member);
	case TYPE_WHOLE:
		return number_value(r, c, h->member, 0,
				    "write a whole number, such as 3");
	case TYPE_PERCENT:
		return number_value(r, c, h->member, PERCENT_DIGITS,
				    "write a percentage, such as 20 or 12.5");
	case TYPE_MONEY:
		break;
	}
	return number_value(r, c, h->member, r->digits, "write an amount, such as 2.99");
}

/* ---- records -------------------------------------------------------------------------------- */

/*
 * The cells of a record. A place is where the field stood in the text: quotes are taken away inside
 * a field only, and what stands before it keeps its bytes.
 */
static int
split(struct reader *r, struct str record, uint32_t line, struct cell *cells,
      size_t *ret_count)
{
	struct cell start = { .line = line, .column = 1 };
	struct str fields[CSV_FIELDS_MAX];
	char *copy = arena_strndup(r->record, record.p, record.n);
	size_t at = 0;
	int rc;

	if (copy == NULL) {
		r->out_of_memory = true;
		return -ENOMEM;
	}
	rc = csv_split(copy, record.n, fields, ret_count);
	if (rc < 0) {
		complain(r, &start,
			 rc == -E2BIG ? "more fields than columns there are"
				      : "no CSV record: a stray or unclosed quote");
		return -EBADMSG;
	}
	for (size_t i = 0; i < *ret_count; i++) {
		size_t to = (size_t)(fields[i].p - copy);

		for (; at < to; at++) {
			if (record.p[at] == '\n') {
				start.line++;
				start.column = 1;
			} else if (((unsigned char)record.p[at] & 0xc0) != 0x80) {
				start.column++;
			}
		}
		cells[i] = start;
		cells[i].text = fields[i];
	}
	return 0;
}

static bool
header_is_text(const struct cell *c)
{
	size_t n = strlen(TEXT_PREFIX);

	return c->text.n > n && memcmp(c->text.p, TEXT_PREFIX, n) == 0;
}

static bool
header_find(const struct cell *c, struct header *ret_header)
{
	size_t n = strlen(TEXT_PREFIX);

	if (header_is_text(c)) {
		*ret_header = (struct header){ PART_TEXT,
					       { c->text.p + n, c->text.n - n },
					       TYPE_TEXT };
		return true;
	}
	for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
		if (!str_is(c->text, known[k].name))
			continue;
		*ret_header = (struct header){ known[k].part, str_of(known[k].member),
					       known[k].type };
		return true;
	}
	return false;
}

static void
read_header(struct reader *r, const struct cell *cells, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct header *h = &r->headers[i];

		if (!str_utf8_ok(cells[i].text)) {
			complain(r, &cells[i], "the text is not UTF-8");
			continue;
		}
		if (!header_find(&cells[i], h)) {
			complain(r, &cells[i],
				 "unknown column \"%.*s\"; the names stand in the page "
				 "about promotions",
				 (int)(cells[i].text.n < 40 ? cells[i].text.n : 40),
				 cells[i].text.p);
			continue;
		}
		if (h->part == PART_TEXT)
			h->member = keep(r, h->member);
		for (size_t k = 0; k < i; k++)
			if (r->headers[k].part == h->part && h->member.n > 0 &&
			    str_eq(r->headers[k].member, h->member))
				complain(r, &cells[i],
					 "the column \"%.*s\" is there twice",
					 (int)cells[i].text.n, cells[i].text.p);
	}
	r->headers_count = count;
}

/* Appends a member, in the order in which they come. */
static void
append(struct value *object, struct value **last, struct value *v)
{
	if (*last == NULL)
		object->first = v;
	else
		(*last)->next = v;
	*last = v;
	object->count++;
}

/* Kinds whose params are lists have no place in a table. */
static bool
kind_fits(struct reader *r, const struct cell *c)
{
	static const char *const others[] = { "bundle",       "distinct_set",
					      "basket_tiers", "first_and_next",
					      "points_earn",  "points_burn" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (str_is(c->text, others[i])) {
			complain(r, c, "the kind %s cannot be written as CSV; use JSON",
				 others[i]);
			return false;
		}
	return true;
}

static const char *const part_names[PARTS] = {
	[PART_SCOPE] = "scope",     [PART_EXCLUDE] = "exclude", [PART_PARAMS] = "params",
	[PART_WHEN] = "when",       [PART_WHO] = "who",         [PART_LIMITS] = "limits",
	[PART_COMBINE] = "combine", [PART_TEXT] = "text",
};

/* A rule being built: its parts, each with its last member. */
struct rule_parts {
	struct value *parts[PARTS], *last[PARTS];
};

static bool
put_cell(struct reader *r, struct rule_parts *rule, const struct cell *c,
	 const struct header *h)
{
	struct value *v;

	if (!str_utf8_ok(c->text)) {
		complain(r, c, "the text is not UTF-8");
		return false;
	}
	v = cell_value(r, c, h);
	if (v == NULL ||
	    (h->part == PART_RULE && str_is(h->member, "kind") && !kind_fits(r, c)))
		return false;
	v->name = h->member;
	if (rule->parts[h->part] == NULL)
		rule->parts[h->part] = value_new(r, VALUE_OBJECT, c);
	if (rule->parts[h->part] == NULL)
		return false;
	append(rule->parts[h->part], &rule->last[h->part], v);
	return true;
}

/* Puts the parts into the rule, exclude into the scope. */
static struct value *
join(struct reader *r, struct rule_parts *rule, const struct cell *at)
{
	struct value *whole = rule->parts[PART_RULE];

	if (rule->parts[PART_SCOPE] == NULL)
		rule->parts[PART_SCOPE] = value_new(r, VALUE_OBJECT, at);
	if (rule->parts[PART_PARAMS] == NULL)
		rule->parts[PART_PARAMS] = value_new(r, VALUE_OBJECT, at);
	if (whole == NULL || rule->parts[PART_SCOPE] == NULL ||
	    rule->parts[PART_PARAMS] == NULL)
		return NULL;
	for (enum part p = PART_SCOPE; p < PARTS; p++)
		if (rule->parts[p] != NULL)
			rule->parts[p]->name = str_of(part_names[p]);
	if (rule->parts[PART_EXCLUDE] != NULL)
		append(rule->parts[PART_SCOPE], &rule->last[PART_SCOPE],
		       rule->parts[PART_EXCLUDE]);
	for (enum part p = PART_SCOPE; p < PARTS; p++)
		if (p != PART_EXCLUDE && rule->parts[p] != NULL)
			append(whole, &rule->last[PART_RULE], rule->parts[p]);
	return whole;
}

/* One rule, or NULL when the record has a fault. */
static struct value *
read_rule(struct reader *r, const struct cell *cells, size_t count)
{
	struct rule_parts rule = { { NULL }, { NULL } };
	bool fine = true;

	r->rule = (struct str){ "", 0 };
	if (count != r->headers_count) {
		complain(r, &cells[0], "%zu fields where the header has %zu", count,
			 r->headers_count);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		if (r->headers[i].part == PART_RULE && str_is(r->headers[i].member, "id"))
			r->rule = cells[i].text;
	rule.parts[PART_RULE] = value_new(r, VALUE_OBJECT, &cells[0]);
	for (size_t i = 0; i < count; i++)
		if (cells[i].text.n > 0 && !r->out_of_memory)
			fine = put_cell(r, &rule, &cells[i], &r->headers[i]) && fine;
	return fine && !r->out_of_memory ? join(r, &rule, &cells[0]) : NULL;
}

static uint32_t
lines_in(struct str s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

static void
read_record(struct reader *r, struct str record, uint32_t line, struct value *rules,
	    struct value **last)
{
	struct cell cells[CSV_FIELDS_MAX], start = { .line = line, .column = 1 };
	struct value *v;
	size_t count = 0;

	r->rule = (struct str){ "", 0 };
	if (record.n > RECORD_BYTES_MAX) {
		complain(r, &start, "longer than %u bytes", RECORD_BYTES_MAX);
		return;
	}
	if (split(r, record, line, cells, &count) < 0)
		return;
	if (r->headers_count == 0) {
		read_header(r, cells, count);
		r->stopped = r->errors->total > 0;
		return;
	}
	if (rules->count == RULES_MAX) {
		complain(r, &start, "more than %u rules; nothing from here on is read",
			 RULES_MAX);
		r->stopped = true;
		return;
	}
	v = read_rule(r, cells, count);
	if (v != NULL)
		append(rules, last, v);
}

int
pricing_csv_read(struct str text, const char *currency, struct arena *arena,
		 struct pricing_errors *errors, const struct value **ret_set)
{
	struct reader *r = calloc(1, sizeof(*r));
	struct cell start = { .line = 1, .column = 1 };
	struct value *rules = NULL, *last = NULL;
	uint32_t line = 1;
	uint16_t numeric;
	int rc = -ENOMEM;

	errors->total = errors->count = 0;
	if (r == NULL)
		return rc;
	r->arena = arena;
	r->errors = errors;
	r->record = arena_new((size_t)RECORD_BYTES_MAX * 2);
	if (r->record == NULL)
		goto out;
	if (currency_find(currency, &numeric, &r->digits) < 0) {
		rc = -EINVAL;
		goto out;
	}
	if (text.n >= strlen(BOM) && memcmp(text.p, BOM, strlen(BOM)) == 0) {
		text.p += strlen(BOM); /* spreadsheets write one */
		text.n -= strlen(BOM);
	}
	rules = value_new(r, VALUE_ARRAY, &start);
	while (text.n > 0 && !r->out_of_memory && !r->stopped) {
		struct str record = text;
		size_t next = 0;

		record.n = csv_take(text, &next);
		arena_reset(r->record);
		if (record.n > 0)
			read_record(r, record, line, rules, &last);
		line += lines_in((struct str){ text.p, next });
		text.p += next;
		text.n -= next;
	}
	if (r->headers_count == 0 && errors->total == 0)
		complain(r, &start, "there is no header: id,kind,..");
	rc = r->out_of_memory ? -ENOMEM : pricing_set_of(arena, rules, currency, ret_set);
out:
	arena_free(r->record);
	free(r);
	return rc;
}
