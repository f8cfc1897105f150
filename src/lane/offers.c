#include "lane/offers.h"

#include "base/clock.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A parsed tree takes several times its text. */
#define TREE_FACTOR 24u
#define TREE_BYTES_MIN (1u << 20)

static void
one_error(struct pricing_errors *errors, const struct json_error *e)
{
	memset(errors, 0, sizeof(*errors));
	errors->total = errors->count = 1;
	errors->list[0].line = e->line;
	errors->list[0].column = e->column;
	(void)snprintf(errors->list[0].what, sizeof(errors->list[0].what), "%s",
		       e->what); /* both hold 128 bytes and more */
}

int
offers_compile(struct str text, struct pricing_errors *errors,
	       struct pricing_rules **ret_rules)
{
	const struct value *set = NULL;
	struct json_error e = { 0 };
	struct arena *arena;
	int rc;

	memset(errors, 0, sizeof(*errors));
	if (text.n > OFFERS_BYTES_MAX)
		return -EFBIG;
	arena = arena_new(TREE_BYTES_MIN + text.n * TREE_FACTOR);
	rc = arena == NULL ? -ENOMEM : json_parse(arena, text, 0, &set, &e);
	if (rc == -ENOMEM && arena != NULL) {
		e = (struct json_error){ 1, 1,
					 "more values than rules of this size have" };
		rc = -EBADMSG;
	}
	if (rc == -EBADMSG)
		one_error(errors, &e);
	if (rc == 0)
		rc = pricing_rules_compile(set, errors, ret_rules);
	arena_free(arena);
	return rc;
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

static void
list_rule(const struct value *rule, struct json_out *o)
{
	static const char *const names[] = { "id", "kind", "text" };
	const struct value *v;

	json_open_object(o, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		v = value_member(rule, names[i]);
		if (v != NULL)
			json_value(o, names[i], v);
	}
	v = value_member(rule, "when");
	if (v != NULL)
		json_value(o, "when", v);
	json_close(o);
}

int
offers_list(struct db *cache, uint32_t max, struct json_out *o)
{
	sqlite3_stmt *q = db_stmt(cache, "SELECT rules FROM offers");
	const struct value *set = NULL, *rules = NULL;
	struct arena *arena = NULL;
	struct str text;
	uint32_t n = 0;
	int rc;

	if (q == NULL)
		return db_last_error(cache);
	rc = db_step(cache, q);
	if (rc <= 0) {
		rc = rc < 0 ? rc : -ENOENT;
		goto out;
	}
	text = db_col_str(q, 0);
	arena = arena_new(TREE_BYTES_MIN + text.n * TREE_FACTOR);
	rc = arena == NULL ? -ENOMEM : json_parse(arena, text, 0, &set, NULL);
	if (rc == 0 && value_get_array(set, "rules", &rules) == 0)
		for (const struct value *v = rules->first; v != NULL && n < max;
		     v = v->next, n++)
			list_rule(v, o);
out:
	db_done(q);
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
