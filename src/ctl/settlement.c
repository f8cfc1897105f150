#include "ctl/settlement.h"

#include "base/plain/csv.h"
#include "base/plain/money.h"
#include "base/plain/pan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum column { KEY, REF, TICKET, AMOUNT, CURRENCY, TYPE, COLUMNS };
static const char *const column_names[COLUMNS] = { "key",    "ref",      "ticket",
						   "amount", "currency", "type" };
#define NO_COLUMN SIZE_MAX
#define NAME_BYTES 64u

struct reading {
	const struct settlement_options *o;
	struct settlement *s;
	size_t at[COLUMNS]; /* where each stands in a record */
	uint32_t line;
};

void
settlement_fault(struct settlement *s, uint32_t line, const char *what, struct str detail)
{
	struct settlement_fault *f = &s->faults[s->faults_count];

	s->faults_total++;
	if (s->faults_count == SETTLEMENT_FAULTS_MAX)
		return;
	s->faults_count++;
	f->line = line;
	(void)snprintf(f->what, sizeof(f->what), "%s%s%.*s", what,
		       detail.n > 0 ? ": " : "", (int)(detail.n < 60 ? detail.n : 60),
		       detail.p); /* a cut text is one */
}

static void
fault(struct reading *r, const char *what, struct str detail)
{
	settlement_fault(r->s, r->line, what, detail);
}

int
settlement_grow(struct settlement *s)
{
	uint32_t room = s->room == 0 ? 1024 : 2 * s->room;
	struct reconcile_theirs *rows;

	if (s->count < s->room)
		return 0;
	if (s->count >= SETTLEMENT_ROWS_MAX)
		return -EFBIG;
	rows = realloc(s->rows, room * sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	s->rows = rows;
	s->room = room;
	return 0;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
same_word(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

static struct str
trimmed(struct str s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Takes what stands before the next comma out of *list. False at its end. */
static bool
next_item(struct str *list, struct str *ret_item)
{
	const char *comma;

	if (list->n == 0)
		return false;
	comma = memchr(list->p, ',', list->n);
	*ret_item = (struct str){ list->p,
				  comma == NULL ? list->n : (size_t)(comma - list->p) };
	list->p += ret_item->n + (comma != NULL);
	list->n -= ret_item->n + (comma != NULL);
	return true;
}

static bool
is_in(struct str word, const char *list)
{
	struct str rest = str_of(list), item;

	while (next_item(&rest, &item))
		if (same_word(word, trimmed(item)))
			return true;
	return false;
}

/* ---- the line of names -------------------------------------------------------------- */

/* The file's name of one of our columns. */
static int
name_of(const struct settlement_options *o, const char *ours, struct str *ret_name)
{
	struct str rest = str_of(o->columns), item;

	*ret_name = str_of(ours);
	while (next_item(&rest, &item)) {
		const char *is = memchr(item.p, '=', item.n);
		struct str left;

		if (is == NULL)
			return -EINVAL;
		left = trimmed((struct str){ item.p, (size_t)(is - item.p) });
		if (str_is(left, ours))
			*ret_name = trimmed((struct str){
				is + 1, item.n - (size_t)(is - item.p) - 1 });
	}
	return 0;
}

/* Every name before a '=' is one of ours. */
static bool
columns_ok(const struct settlement_options *o)
{
	struct str rest = str_of(o->columns), item;

	while (next_item(&rest, &item)) {
		const char *is = memchr(item.p, '=', item.n);
		bool known = false;

		for (size_t k = 0; is != NULL && k < COLUMNS; k++)
			known = known || str_is(trimmed((struct str){
							item.p, (size_t)(is - item.p) }),
						column_names[k]);
		if (!known)
			return false;
	}
	return true;
}

static void
read_names(struct reading *r, const struct str *fields, size_t count)
{
	struct str name;

	if (!columns_ok(r->o)) {
		fault(r,
		      "columns: OURS=THEIRS is wanted, ours being key, ref, ticket, "
		      "amount, currency or type",
		      STR(""));
		return;
	}
	for (size_t k = 0; k < COLUMNS; k++) {
		r->at[k] = NO_COLUMN;
		if (name_of(r->o, column_names[k], &name) < 0)
			continue; /* looked at above */
		for (size_t i = 0; i < count; i++)
			if (same_word(trimmed(fields[i]), name))
				r->at[k] = i;
	}
	if (r->at[AMOUNT] == NO_COLUMN)
		fault(r, "no column is called amount", STR(""));
	if (r->at[KEY] == NO_COLUMN && r->at[REF] == NO_COLUMN &&
	    r->at[TICKET] == NO_COLUMN)
		fault(r, "no column is called key, ref or ticket", STR(""));
}

/* ---- the others ----------------------------------------------------------------------- */

static struct str
field(const struct reading *r, const struct str *fields, size_t count, enum column k)
{
	return r->at[k] < count ? trimmed(fields[r->at[k]]) : STR("");
}

static int
read_amount(const struct reading *r, struct str text, struct str currency,
	    int64_t *ret_minor)
{
	char alpha[4] = "";
	uint16_t numeric;
	uint8_t digits = 2;
	bool exact = true;
	int rc;

	if (r->o->minor)
		return str_to_i64(text, ret_minor);
	if (currency.n == 0)
		currency = str_of(r->o->currency);
	if (str_copy(alpha, sizeof(alpha), currency) == 0)
		(void)currency_find(alpha, &numeric, &digits); /* unknown: two decimals */
	rc = money_parse(text, digits, ret_minor, &exact);
	return rc == 0 && !exact ? -EINVAL : rc;
}

/* 1 a charge, -1 money back, 0 neither. */
static int
sign_of(const struct reading *r, struct str type)
{
	if (r->at[TYPE] == NO_COLUMN)
		return 1;
	if (is_in(type, r->o->credits))
		return -1;
	return is_in(type, r->o->charges);
}

static void
read_row(struct reading *r, const struct str *fields, size_t count)
{
	struct str type = field(r, fields, count, TYPE);
	struct str amount = field(r, fields, count, AMOUNT);
	struct reconcile_theirs *t = &r->s->rows[r->s->count];
	int sign = sign_of(r, type);

	if (sign == 0) {
		r->s->passed_over++;
		return;
	}
	memset(t, 0, sizeof(*t));
	t->line = r->line;
	t->ref = field(r, fields, count, REF);
	t->ticket = field(r, fields, count, TICKET);
	t->currency = field(r, fields, count, CURRENCY);
	/* A key of somebody else's has another shape: then the reference tells. */
	if (key128_parse(field(r, fields, count, KEY), &t->key) < 0)
		memset(&t->key, 0, sizeof(t->key));
	if (read_amount(r, amount, t->currency, &t->amount_minor) < 0 ||
	    t->amount_minor > MONEY_MINOR_MAX || t->amount_minor < -MONEY_MINOR_MAX) {
		fault(r, "no amount", amount);
		return;
	}
	if (sign < 0 && t->amount_minor > 0)
		t->amount_minor = -t->amount_minor;
	r->s->count++;
}

static uint32_t
lines_in(const char *p, size_t n)
{
	uint32_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

/*
 * Card numbers are overwritten, whatever column they stand in. A key of ours is known by its own format:
 * its digits may look like one.
 */
static void
mask_fields(const struct reading *r, char *text, const struct str *fields, size_t count)
{
	struct key128 key;

	for (size_t i = 0; i < count; i++) {
		if (i == r->at[KEY] && key128_parse(trimmed(fields[i]), &key) == 0)
			continue;
		/* How many does not matter: they are gone. */
		(void)pan_mask(text + (fields[i].p - text), fields[i].n);
	}
}

/* One record: the names, or a row; a blank one is nothing. */
static int
read_record(struct reading *r, char *text, size_t bytes, bool *named)
{
	struct str fields[CSV_FIELDS_MAX];
	bool was_named = *named;
	size_t count = 0;
	int rc = 0;

	if (trimmed((struct str){ text, bytes }).n == 0)
		return 0;
	*named = true;
	if (csv_split(text, bytes, fields, &count) < 0) {
		(void)pan_mask(text, bytes); /* as above */
		fault(r, "a quote is out of place, or there are too many fields",
		      STR(""));
		return 0;
	}
	mask_fields(r, text, fields, count);
	if (!was_named) {
		read_names(r, fields, count);
		return 0;
	}
	rc = settlement_grow(r->s);
	if (rc == 0)
		read_row(r, fields, count);
	return rc;
}

static int
read_records(struct reading *r, char *text, size_t n)
{
	bool named = false;
	size_t at = 0;
	int rc = 0;

	r->line = 1;
	while (at < n && rc == 0) {
		size_t next = 0;
		size_t bytes = csv_take((struct str){ text + at, n - at }, &next);
		uint32_t lines = lines_in(text + at, next);
		bool was_named = named;

		rc = read_record(r, text + at, bytes, &named);
		if (!was_named && named && r->s->faults_total > 0)
			return -EBADMSG;
		r->line += lines;
		at += next;
	}
	if (rc == 0 && !named)
		fault(r, "the file is empty: a line of column names is wanted", STR(""));
	return rc;
}

int
settlement_read(char *text, size_t n, const struct settlement_options *o,
		struct settlement *ret_settlement)
{
	struct reading r = { .o = o, .s = ret_settlement, .at = { NO_COLUMN } };
	size_t skip = 0;
	int rc;

	memset(ret_settlement, 0, sizeof(*ret_settlement));
	ret_settlement->text = text;
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		skip = 3; /* a byte order mark, as spreadsheets write it */
	rc = read_records(&r, text + skip, n - skip);
	return rc == 0 && ret_settlement->faults_total > 0 ? -EBADMSG : rc;
}

void
settlement_free(struct settlement *s)
{
	free(s->rows);
	free(s->text);
	(void)arena_free(s->arena); /* gives NULL */
	memset(s, 0, sizeof(*s));
}
