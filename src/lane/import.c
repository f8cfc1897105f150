#include "lane/import.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/plain/csv.h"
#include "base/plain/pan.h"
#include "lane/cache.h"
#include "lane/members.h"
#include "lane/offers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_ARENA_BYTES (4u << 20)
#define BOM "\xef\xbb\xbf"
#define NAME_BYTES 128u

struct import {
	enum import_kind kind;
	enum import_format format;
	char currency[4], name[NAME_BYTES];
	struct db *db;
	struct arena *arena; /* of one line */
	struct import_result result;
	uint32_t line;
	char *text; /* members: the unfinished line; offers: everything */
	size_t used, room;
	bool too_long; /* the unfinished line is over the limit */
	char columns[CSV_FIELDS_MAX][NAME_BYTES / 4]; /* CSV: names of the header */
	size_t columns_count;
};

__attribute__((format(printf, 4, 5))) static void
complain(struct import *i, uint32_t line, uint32_t column, const char *fmt, ...)
{
	struct import_error *e;
	va_list ap;

	i->result.errors_total++;
	if (i->result.errors_count == IMPORT_ERRORS_MAX)
		return;
	e = &i->result.errors[i->result.errors_count++];
	e->line = line;
	e->column = column;
	va_start(ap, fmt);
	(void)vsnprintf(e->what, sizeof(e->what), fmt,
			ap); /* a cut message is still one */
	va_end(ap);
	(void)pan_mask(e->what, strlen(e->what)); /* it may name what it found */
}

/* ---- members ---------------------------------------------------------------- */

static int
put_member(struct import *i, struct member_record *r)
{
	enum members_change change = MEMBERS_UNCHANGED;
	struct ulid fresh;
	int rc = crypto_ulid(clock_wall_ms(), &fresh);

	if (rc == 0)
		rc = members_put(i->db, r, fresh, &change);
	if (rc == -EEXIST || rc == -EINVAL) {
		complain(i, i->line, 1, "number or member id belongs to another member");
		return 0;
	}
	if (rc < 0)
		return rc;
	switch (change) {
	case MEMBERS_ADDED:
		i->result.added++;
		break;
	case MEMBERS_CHANGED:
		i->result.changed++;
		break;
	case MEMBERS_UNCHANGED:
		i->result.unchanged++;
		break;
	}
	return 0;
}

/* CSV is read by way of JSON: a column of that would name no place in the file. */
static uint32_t
column_in(const struct import *i, uint32_t json_column)
{
	return i->format == IMPORT_CSV ? 1 : json_column;
}

static int
json_line(struct import *i, struct str line)
{
	char what[RECORD_WHAT_BYTES];
	const struct value *v = NULL, *at = NULL;
	struct member_record record;
	struct json_error e;
	int rc;

	arena_reset(i->arena);
	rc = json_parse(i->arena, line, 0, &v, &e);
	if (rc == -ENOMEM) {
		complain(i, i->line, 1, "more values than a member can have");
		return 0;
	}
	if (rc == -EBADMSG) {
		complain(i, i->line, column_in(i, e.column), "%s", e.what);
		return 0;
	}
	if (rc < 0)
		return rc;
	rc = member_record_read(v, false, &record, what, &at);
	if (rc < 0) {
		i->result.pans_refused += rc == -EPERM ? 1 : 0;
		complain(i, i->line, column_in(i, at == NULL ? 1 : at->column), "%s",
			 what);
		return 0;
	}
	return put_member(i, &record);
}

/* Where a CSV column goes. Lists are divided by ';'. */
enum column_kind {
	COLUMN_TEXT,
	COLUMN_FLAG,
	COLUMN_NUMBER,
	COLUMN_LIST,
	COLUMN_CLAIM,
	COLUMN_TENDER
};
static const struct column {
	const char *name;
	enum column_kind kind;
} known_columns[] = {
	{ "number", COLUMN_TEXT },   { "account", COLUMN_TEXT },
	{ "language", COLUMN_TEXT }, { "greeting", COLUMN_TEXT },
	{ "minor", COLUMN_FLAG },    { "first_purchase", COLUMN_FLAG },
	{ "groups", COLUMN_LIST },   { "coupons", COLUMN_LIST },
	{ "card", COLUMN_CLAIM },    { "phone", COLUMN_CLAIM },
	{ "qr", COLUMN_CLAIM },      { "token", COLUMN_TENDER },
	{ "label", COLUMN_TENDER },  { "brand", COLUMN_TENDER },
	{ "last4", COLUMN_TENDER },  { "points", COLUMN_NUMBER },
};

static const struct column *
column_find(const char *name)
{
	for (size_t k = 0; k < sizeof(known_columns) / sizeof(known_columns[0]); k++)
		if (strcmp(known_columns[k].name, name) == 0)
			return &known_columns[k];
	return NULL;
}

static void
csv_header(struct import *i, const struct str *fields, size_t count)
{
	const struct column *c;
	bool number = false;

	for (size_t k = 0; k < count; k++) {
		if (str_copy(i->columns[k], sizeof(i->columns[k]), fields[k]) < 0 ||
		    column_find(i->columns[k]) == NULL)
			complain(i, i->line, (uint32_t)k + 1,
				 "column %zu: unknown name; known are number, account, "
				 "language, greeting, minor, first_purchase, groups, "
				 "coupons, "
				 "card, phone, qr, token, label, brand, last4, points",
				 k + 1);
		number = number || strcmp(i->columns[k], "number") == 0;
		c = column_find(i->columns[k]);
		for (size_t j = 0; j < k && c != NULL && c->kind != COLUMN_CLAIM; j++)
			if (strcmp(i->columns[j], i->columns[k]) == 0)
				complain(i, i->line, (uint32_t)k + 1,
					 "column %zu: \"%s\" is there twice", k + 1,
					 c->name);
	}
	if (!number)
		complain(i, i->line, 1, "the header has no column \"number\"");
	i->columns_count = count;
}

/* Anything but yes and no is handed on as it is: the reader of members refuses it. */
static void
csv_flag(struct json_out *o, const char *name, struct str value)
{
	static const char *const words[] = { "0", "1", "no", "yes", "false", "true" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_is(value, words[i])) {
			json_bool(o, name, i % 2 == 1);
			return;
		}
	json_str(o, name, value);
}

/* The same for what is no number. */
static void
csv_number(struct json_out *o, const char *name, struct str value)
{
	int64_t n = 0;

	if (str_to_i64(value, &n) == 0)
		json_int(o, name, n);
	else
		json_str(o, name, value);
}

/* Columns become the same JSON that JSON Lines have, so there is one reader of members. */
static void
csv_field(struct json_out *o, const struct column *c, struct str value)
{
	switch (c->kind) {
	case COLUMN_TEXT:
		json_str(o, c->name, value);
		break;
	case COLUMN_FLAG:
		csv_flag(o, c->name, value);
		break;
	case COLUMN_NUMBER:
		csv_number(o, c->name, value);
		break;
	case COLUMN_LIST:
		json_open_array(o, c->name);
		while (value.n > 0) {
			const char *semi = memchr(value.p, ';', value.n);
			size_t len = semi == NULL ? value.n : (size_t)(semi - value.p);

			json_str(o, NULL, (struct str){ value.p, len });
			value.p += semi == NULL ? len : len + 1;
			value.n -= semi == NULL ? len : len + 1;
		}
		json_close(o);
		break;
	case COLUMN_CLAIM:
		json_open_object(o, NULL);
		json_cstr(o, "kind", c->name);
		json_str(o, "value", value);
		json_close(o);
		break;
	case COLUMN_TENDER:
		json_str(o, c->name, value);
		break;
	}
}

/* The fields of one kind, in the order of the columns. */
static bool
csv_fields(const struct import *i, struct json_out *o, const struct str *fields,
	   enum column_kind kind)
{
	bool any = false;

	for (size_t k = 0; k < i->columns_count; k++) {
		const struct column *c = column_find(i->columns[k]);

		if (c == NULL || c->kind != kind || fields[k].n == 0)
			continue;
		csv_field(o, c, fields[k]);
		any = true;
	}
	return any;
}

static void
csv_record(const struct import *i, struct json_out *o, const struct str *fields)
{
	bool tender = false;

	json_open_object(o, NULL);
	(void)csv_fields(i, o, fields, COLUMN_TEXT); /* none is found out by the reader */
	(void)csv_fields(i, o, fields, COLUMN_FLAG);
	(void)csv_fields(i, o, fields, COLUMN_NUMBER);
	(void)csv_fields(i, o, fields, COLUMN_LIST);
	json_open_array(o, "claims");
	(void)csv_fields(i, o, fields, COLUMN_CLAIM);
	json_close(o);
	for (size_t k = 0; k < i->columns_count; k++)
		tender = tender ||
			 (strcmp(i->columns[k], "token") == 0 && fields[k].n > 0);
	json_open_array(o, "tenders");
	if (tender) {
		json_open_object(o, NULL);
		json_cstr(o, "kind", "card-token");
		(void)csv_fields(i, o, fields, COLUMN_TENDER);
		json_close(o);
	}
	json_close(o);
	json_close(o);
}

static int
csv_line(struct import *i, char *buf, size_t n)
{
	struct str fields[CSV_FIELDS_MAX], text;
	struct json_out *o;
	size_t count = 0;
	int rc;

	rc = csv_split(buf, n, fields, &count);
	if (rc < 0) {
		complain(i, i->line, 1, "not a CSV record: %s",
			 rc == -E2BIG ? "too many fields" : "a stray or unclosed quote");
		return 0;
	}
	if (i->columns_count == 0) {
		csv_header(i, fields, count);
		return 0;
	}
	if (count != i->columns_count) {
		complain(i, i->line, 1, "%zu fields where the header has %zu", count,
			 i->columns_count);
		return 0;
	}
	o = json_out_new(IMPORT_LINE_BYTES_MAX * 2);
	if (o == NULL)
		return -ENOMEM;
	csv_record(i, o, fields);
	rc = json_out_text(o, &text);
	if (rc == 0)
		rc = json_line(i, text);
	else if (rc == -EILSEQ) {
		complain(i, i->line, 1, "not UTF-8");
		rc = 0;
	}
	json_out_free(o);
	return rc;
}

/* One whole line of a members file, without its line break. */
static int
member_line(struct import *i, char *buf, size_t n)
{
	i->line++;
	if (i->too_long) {
		i->too_long = false;
		complain(i, i->line, 1, "longer than %u bytes", IMPORT_LINE_BYTES_MAX);
		return 0;
	}
	if (i->line == 1 && n >= strlen(BOM) && memcmp(buf, BOM, strlen(BOM)) == 0) {
		buf += strlen(BOM); /* spreadsheets write one */
		n -= strlen(BOM);
	}
	if (n > 0 && buf[n - 1] == '\r')
		n--;
	if (n == 0)
		return 0;
	if (i->format == IMPORT_CSV)
		return csv_line(i, buf, n);
	return json_line(i, (struct str){ buf, n });
}

/* ---- chunks ------------------------------------------------------------------ */

static int
keep(struct import *i, struct str s, size_t limit)
{
	char *p;

	if (s.n > limit - i->used)
		return -EFBIG;
	if (i->used + s.n > i->room) {
		size_t room = (i->used + s.n) * 2;

		p = realloc(i->text, room);
		if (p == NULL)
			return -ENOMEM;
		i->text = p;
		i->room = room;
	}
	if (s.n > 0)
		memcpy(i->text + i->used, s.p, s.n);
	i->used += s.n;
	return 0;
}

static int
members_chunk(struct import *i, struct str text)
{
	int rc = 0;

	while (rc == 0 && text.n > 0) {
		const char *nl = memchr(text.p, '\n', text.n);
		size_t len = nl == NULL ? text.n : (size_t)(nl - text.p);

		rc = i->too_long ? 0
				 : keep(i, (struct str){ text.p, len },
					IMPORT_LINE_BYTES_MAX);
		if (rc == -EFBIG) {
			i->too_long = true;
			i->used = 0;
			rc = 0;
		}
		if (rc == 0 && nl != NULL) {
			rc = member_line(i, i->text, i->used);
			i->used = 0;
		}
		text.p += nl == NULL ? len : len + 1;
		text.n -= nl == NULL ? len : len + 1;
	}
	return rc;
}

int
import_chunk(struct import *i, struct str text)
{
	if (i->kind == IMPORT_OFFERS)
		return keep(i, text, OFFERS_BYTES_MAX);
	return members_chunk(i, text);
}

/* ---- commit -------------------------------------------------------------------- */

static void
take_rule_errors(struct import *i, const struct pricing_errors *errors)
{
	for (uint32_t k = 0; k < errors->count; k++) {
		const struct pricing_error *e = &errors->list[k];

		complain(i, e->line, e->column, "%s%s%s", e->rule,
			 e->rule[0] == '\0' ? "" : ": ", e->what);
	}
	if (errors->total > errors->count)
		i->result.errors_total += errors->total - errors->count;
}

static int
finish_offers(struct import *i)
{
	static const enum offers_format formats[] = { [IMPORT_JSON] = OFFERS_JSON,
						      [IMPORT_JSONL] = OFFERS_JSONL,
						      [IMPORT_CSV] = OFFERS_CSV };
	struct pricing_errors *errors = calloc(1, sizeof(*errors));
	struct pricing_rules *rules = NULL;
	struct str text = { i->text == NULL ? "" : i->text, i->used };
	struct json_out *whole = json_out_new(OFFERS_BYTES_MAX);
	int rc = errors == NULL || whole == NULL
			 ? -ENOMEM
			 : offers_read(text, formats[i->format], i->currency, errors,
				       whole, &rules);

	if (rc == 0)
		rc = json_out_text(whole, &text);
	if (rc == -EBADMSG || rc == -EPERM) {
		i->result.pans_refused += rc == -EPERM ? errors->total : 0;
		take_rule_errors(i, errors);
		rc = 0;
	} else if (rc == 0 && strcmp(pricing_rules_currency(rules), i->currency) != 0) {
		complain(i, 1, 1, "currency %s; this lane sells in %s",
			 pricing_rules_currency(rules), i->currency);
	} else if (rc == 0) {
		i->result.added = pricing_rules_count(rules);
		rc = offers_put(i->db, text, i->name);
	}
	pricing_rules_free(rules);
	json_out_free(whole);
	free(errors);
	return rc;
}

int
import_commit(struct import *i, bool check_only, const struct import_result **ret_result)
{
	int rc;

	if (i->kind == IMPORT_OFFERS)
		rc = finish_offers(i);
	else
		rc = i->used > 0 || i->too_long ? member_line(i, i->text, i->used) : 0;
	if (rc == 0 && i->result.errors_total > 0)
		rc = -EBADMSG;
	if (rc == 0 && !check_only)
		rc = db_commit(i->db);
	else
		db_rollback(i->db);
	if (rc == 0 || rc == -EBADMSG)
		*ret_result = &i->result;
	i->db = db_close(i->db);
	return rc;
}

int
import_begin(const struct import_options *o, struct import **ret_import)
{
	struct import *i;
	char why[256];
	int rc;

	if (o->kind == IMPORT_MEMBERS && o->format == IMPORT_JSON)
		return -EINVAL;
	i = calloc(1, sizeof(*i));
	if (i == NULL)
		return -ENOMEM;
	i->kind = o->kind;
	i->format = o->format;
	(void)str_copy(i->currency, sizeof(i->currency), str_of(o->currency));
	(void)str_copy(i->name, sizeof(i->name), str_of(o->name)); /* too long: no name */
	i->arena = arena_new(LINE_ARENA_BYTES);
	rc = i->arena == NULL ? -ENOMEM : cache_open_again(o->folder, &i->db, why);
	if (rc == 0)
		rc = db_begin(i->db);
	if (rc < 0) {
		import_free(i);
		return rc;
	}
	*ret_import = i;
	return 0;
}

struct import *
import_free(struct import *i)
{
	if (i != NULL) {
		if (i->db != NULL) {
			db_rollback(i->db);
			(void)db_close(i->db);
		}
		arena_free(i->arena);
		free(i->text);
		free(i);
	}
	return NULL;
}

enum import_kind
import_kind(const struct import *i)
{
	return i->kind;
}
