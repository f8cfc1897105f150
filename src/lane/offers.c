#include "lane/offers.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/plain/pan.h"
#include "core/pricing/pricing_csv.h"
#include "core/pricing/pricing_lines.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A parsed tree takes several times its text. */
#define TREE_FACTOR 24u
#define TREE_BYTES_MIN (1u << 20)
#define LIST_BYTES_MAX (256u << 10) /* of one answer, so that it fits into a message */
#define LIST_SHOWN_MAX 20u          /* entries of a scope's list */

static void
one_error(struct pricing_errors *errors, const struct json_error *e)
{
	struct pricing_error *slot = &errors->list[errors->count++];

	*slot = (struct pricing_error){ .line = e->line, .column = e->column };
	(void)str_copy(slot->what, sizeof(slot->what), str_of(e->what)); /* fits */
}

static int
parse_json(struct arena *arena, struct str text, struct pricing_errors *errors,
	   const struct value **ret_set)
{
	struct json_error e = { 0 };
	int rc = json_parse(arena, text, 0, ret_set, &e);

	if (rc == -EBADMSG) {
		one_error(errors, &e);
		errors->total = 1;
	}
	return rc;
}

static int
parse_lines(struct arena *arena, struct str text, const char *currency,
	    struct pricing_errors *errors, const struct value **ret_set)
{
	struct json_lines_errors *lines = calloc(1, sizeof(*lines));
	const struct value *list = NULL;
	int rc = lines == NULL ? -ENOMEM : json_parse_lines(arena, text, 0, &list, lines);

	for (uint32_t i = 0; rc == 0 && i < lines->count; i++)
		one_error(errors, &lines->list[i]);
	if (rc == 0) {
		errors->total = lines->total;
		rc = pricing_set_of(arena, list, currency, ret_set);
	}
	free(lines);
	return rc;
}

/* True for what the PAN guard does not want: a sku of digits is an article's number. */
static bool
holds_pan(const struct value *v, bool is_sku)
{
	if (pan_find(v->name, NULL, NULL))
		return true;
	if (v->kind != VALUE_STRING || !pan_find(v->s, NULL, NULL))
		return false;
	return !is_sku || !str_digits_ok(v->s, v->s.n);
}

/* The PAN guard over a whole set. 0; -EPERM with the places in errors. */
static int
guard_set(const struct value *set, struct pricing_errors *errors)
{
	static const struct json_error fault = {
		.what = "looks like a payment card number: it is not kept"
	};
	const struct value *parents[JSON_DEPTH_MAX + 2];
	const struct value *v = set;
	uint32_t depth = 0;

	memset(errors, 0, sizeof(*errors));
	while (v != NULL) {
		bool is_sku = depth > 0 && str_is(parents[depth - 1]->name, "sku");
		struct json_error e = fault;

		e.line = v->line;
		e.column = v->column;
		if (holds_pan(v, is_sku) && ++errors->total <= PRICING_ERRORS_MAX)
			one_error(errors, &e);
		if (v->first != NULL) {
			assert(depth < sizeof(parents) / sizeof(parents[0]));
			parents[depth++] = v;
			v = v->first;
			continue;
		}
		while (v->next == NULL && depth > 0)
			v = parents[--depth];
		v = depth > 0 || v != set ? v->next : NULL;
	}
	return errors->total == 0 ? 0 : -EPERM;
}

int
offers_read(struct str text, enum offers_format format, const char *currency,
	    struct pricing_errors *errors, struct json_out *whole,
	    struct pricing_rules **ret_rules)
{
	static const struct json_error too_many = {
		1, 1, "more values than rules of this size have"
	};
	const struct value *set = NULL;
	struct arena *arena;
	int rc = -ENOMEM;

	memset(errors, 0, sizeof(*errors));
	if (text.n > OFFERS_BYTES_MAX)
		return -EFBIG;
	arena = arena_new(TREE_BYTES_MIN + text.n * (format == OFFERS_CSV
							     ? PRICING_CSV_ARENA_FACTOR
							     : TREE_FACTOR));
	if (arena == NULL)
		return -ENOMEM;
	switch (format) {
	case OFFERS_JSON:
		rc = parse_json(arena, text, errors, &set);
		break;
	case OFFERS_JSONL:
		rc = parse_lines(arena, text, currency, errors, &set);
		break;
	case OFFERS_CSV:
		rc = pricing_csv_read(text, currency, arena, errors, &set);
		break;
	}
	if (rc == -ENOMEM) {
		memset(errors, 0, sizeof(*errors));
		one_error(errors, &too_many);
		errors->total = 1;
		rc = -EBADMSG;
	}
	/* Stored rules were looked at when they came in. */
	if (rc == 0 && whole != NULL && errors->total == 0)
		rc = guard_set(set, errors);
	if (rc == 0)
		rc = pricing_rules_compile_read(set, errors, ret_rules);
	if (rc == 0)
		json_value(whole, NULL, set);
	arena_free(arena);
	return rc;
}

int
offers_compile(struct str text, struct pricing_errors *errors,
	       struct pricing_rules **ret_rules)
{
	return offers_read(text, OFFERS_JSON, "", errors, NULL, ret_rules);
}

int
offers_load(struct db *cache, struct pricing_rules **ret_rules)
{
	sqlite3_stmt *q = db_stmt(cache, "SELECT rules FROM offers");
	struct pricing_errors *errors = calloc(1, sizeof(*errors));
	int rc = q == NULL ? db_last_error(cache) : -ENOMEM;

	if (q == NULL || errors == NULL)
		goto out;
	rc = db_step(cache, q);
	if (rc > 0)
		rc = offers_compile(db_col_str(q, 0), errors, ret_rules);
	else if (rc == 0)
		rc = -ENOENT;
out:
	if (q != NULL)
		db_done(q);
	free(errors);
	return rc;
}

/* The first entries of a list, and how many there are when that is more. */
static void
list_some(const struct value *v, const char *name, struct json_out *o)
{
	const struct value *list = value_member(v, name);
	char count[32];
	uint32_t n = 0;

	if (list == NULL)
		return;
	json_open_array(o, name);
	for (const struct value *e = list->first; e != NULL && n < LIST_SHOWN_MAX;
	     e = e->next, n++)
		json_value(o, NULL, e);
	json_close(o);
	if (list->count <= LIST_SHOWN_MAX)
		return;
	(void)snprintf(count, sizeof(count), "%s_count", name); /* names are short */
	json_int(o, count, list->count);
}

/* A scope with its lists cut; all else of it as it is. */
static void
list_scope(const struct value *scope, const char *name, struct json_out *o)
{
	static const char *const lists[] = { "sku", "category", "brand" };
	const struct value *exclude = value_member(scope, "exclude");

	json_open_object(o, name);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		list_some(scope, lists[i], o);
	for (const struct value *m = scope->first; m != NULL; m = m->next)
		if (m->kind == VALUE_INT || m->kind == VALUE_BOOL)
			json_value(o, m->name.p, m);
	if (exclude != NULL) {
		json_open_object(o, "exclude");
		for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
			list_some(exclude, lists[i], o);
		json_close(o);
	}
	json_close(o);
}

static void
list_rule(const struct value *rule, struct json_out *o)
{
	json_open_object(o, NULL);
	for (const struct value *m = rule->first; m != NULL; m = m->next) {
		if (str_is(m->name, "scope"))
			list_scope(m, "scope", o);
		else
			json_value(o, m->name.p, m);
	}
	json_close(o);
}

/* The bytes of a rule as it is listed, or more than any when it is too large to be. */
static size_t
rule_bytes(const struct value *rule, struct json_out *scratch)
{
	struct str text;

	json_out_reset(scratch);
	list_rule(rule, scratch);
	return json_out_text(scratch, &text) < 0 ? LIST_BYTES_MAX : text.n;
}

static void
list_rules(const struct value *rules, uint32_t from, uint32_t max,
	   struct json_out *scratch, struct json_out *o, uint32_t *ret_next)
{
	size_t bytes = 0;
	uint32_t i = 0, shown = 0;

	for (const struct value *v = rules->first; v != NULL; v = v->next, i++) {
		size_t n = i < from ? 0 : rule_bytes(v, scratch);

		if (i < from)
			continue;
		if (shown == max || (shown > 0 && bytes + n > LIST_BYTES_MAX)) {
			*ret_next = i;
			return;
		}
		if (n < LIST_BYTES_MAX) {
			list_rule(v, o);
		} else {
			json_open_object(o, NULL);
			json_value(o, "id", value_member(v, "id"));
			json_value(o, "kind", value_member(v, "kind"));
			json_close(o);
		}
		bytes += n;
		shown++;
	}
	*ret_next = 0;
}

int
offers_list(struct db *cache, uint32_t from, uint32_t max, struct json_out *o,
	    uint32_t *ret_next)
{
	sqlite3_stmt *q = db_stmt(cache, "SELECT rules FROM offers");
	struct json_out *scratch = json_out_new(LIST_BYTES_MAX);
	const struct value *set = NULL, *rules = NULL;
	struct arena *arena = NULL;
	struct str text;
	int rc = q == NULL ? db_last_error(cache) : -ENOMEM;

	if (q == NULL || scratch == NULL)
		goto out;
	rc = db_step(cache, q);
	if (rc <= 0) {
		rc = rc < 0 ? rc : -ENOENT;
		goto out;
	}
	text = db_col_str(q, 0);
	arena = arena_new(TREE_BYTES_MIN + text.n * TREE_FACTOR);
	rc = arena == NULL ? -ENOMEM : json_parse(arena, text, 0, &set, NULL);
	*ret_next = 0;
	if (rc == 0 && value_get_array(set, "rules", &rules) == 0)
		list_rules(rules, from, max, scratch, o, ret_next);
out:
	if (q != NULL)
		db_done(q);
	json_out_free(scratch);
	arena_free(arena);
	return rc;
}

int
offers_put(struct db *cache, struct str text, const char *name)
{
	sqlite3_stmt *q =
		db_stmt(cache, "INSERT INTO offers VALUES (1, ?1, ?2, ?3)"
			       " ON CONFLICT DO UPDATE SET rules = ?1, imported_ms = ?2,"
			       " name = ?3");

	if (q == NULL)
		return db_last_error(cache);
	db_bind_str(q, 1, text);
	db_bind_int(q, 2, clock_wall_ms());
	db_bind_cstr(q, 3, name);
	return db_run(cache, q);
}
