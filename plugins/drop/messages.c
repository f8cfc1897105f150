#include "messages.h"

#include <string.h>

#define AMOUNT_MAX INT64_C(1000000000000)
#define QTY_MAX INT64_C(1000000000)
#define LINE_MAX INT64_C(1000000)
#define REV_MAX INT64_C(9007199254740991)
#define VAT_BP_MAX 10000
#define FLOOR_MAX INT64_C(4294967295)
#define TEXT_BYTES_MAX 200
#define WORD_BYTES_MAX 64
#define BRAND_BYTES_MAX 32
/* "1," is a value; a line has four members that must be there, and their names. */
#define VALUE_BYTES_MIN 2u
#define LINE_BYTES_MIN 32u
#define CODE_BYTES_MAX 18

enum field_type {
	FIELD_INT,
	FIELD_BOOL,
	FIELD_TEXT, /* free text: guarded */
	FIELD_CODE, /* digits, letters, . _ -; a JSON integer will do */
	FIELD_GTIN, /* 8, 12, 13 or 14 digits; a JSON integer will do */
	FIELD_REF,  /* visible ASCII */
	FIELD_WORD
};

/* One member of a JSON object: a struct laned_str or an int64_t at offset. */
struct field {
	struct laned_str name;
	enum field_type type;
	int required;
	size_t offset;
	int64_t min, max; /* of the number, or bytes */
};

struct basket_fields {
	struct laned_str ticket, currency, date;
	int64_t rev, final, closed, training;
};

struct line_fields {
	struct laned_str gtin, plu, text, category, brand;
	int64_t line, qty_milli, unit_price, amount, vat_bp, is_void, weighed;
	int64_t excluded, reduced, floor;
};

struct answer_fields {
	struct laned_str key, outcome, auth, ref;
	int64_t amount;
};

struct ticket_fields {
	struct laned_str ticket, kind, value;
};

#define AT(type, member) offsetof(struct type, member)
#define TEXT(literal)                                                                    \
	{                                                                                \
		literal, sizeof(literal) - 1                                             \
	}
#define FIELDS_MAX 16u

static const struct field basket_table[] = {
	{ TEXT("ticket"), FIELD_CODE, 1, AT(basket_fields, ticket), 1,
	  DROP_TICKET_BYTES_MAX },
	{ TEXT("rev"), FIELD_INT, 1, AT(basket_fields, rev), 0, REV_MAX },
	{ TEXT("currency"), FIELD_WORD, 1, AT(basket_fields, currency), 3, 3 },
	{ TEXT("final"), FIELD_BOOL, 0, AT(basket_fields, final), 0, 1 },
	{ TEXT("closed"), FIELD_BOOL, 0, AT(basket_fields, closed), 0, 1 },
	{ TEXT("training"), FIELD_BOOL, 0, AT(basket_fields, training), 0, 1 },
	{ TEXT("date"), FIELD_TEXT, 0, AT(basket_fields, date), 10, 23 },
};

static const struct field line_table[] = {
	{ TEXT("line"), FIELD_INT, 1, AT(line_fields, line), 1, LINE_MAX },
	{ TEXT("gtin"), FIELD_GTIN, 0, AT(line_fields, gtin), 8, 14 },
	{ TEXT("plu"), FIELD_CODE, 0, AT(line_fields, plu), 1, CODE_BYTES_MAX },
	{ TEXT("text"), FIELD_TEXT, 0, AT(line_fields, text), 0, TEXT_BYTES_MAX },
	{ TEXT("category"), FIELD_TEXT, 0, AT(line_fields, category), 0, WORD_BYTES_MAX },
	{ TEXT("brand"), FIELD_TEXT, 0, AT(line_fields, brand), 0, BRAND_BYTES_MAX },
	{ TEXT("qty_milli"), FIELD_INT, 1, AT(line_fields, qty_milli), 1, QTY_MAX },
	{ TEXT("unit_price"), FIELD_INT, 1, AT(line_fields, unit_price), -AMOUNT_MAX,
	  AMOUNT_MAX },
	{ TEXT("amount"), FIELD_INT, 1, AT(line_fields, amount), -AMOUNT_MAX,
	  AMOUNT_MAX },
	{ TEXT("vat_bp"), FIELD_INT, 0, AT(line_fields, vat_bp), 0, VAT_BP_MAX },
	{ TEXT("void"), FIELD_BOOL, 0, AT(line_fields, is_void), 0, 1 },
	{ TEXT("weighed"), FIELD_BOOL, 0, AT(line_fields, weighed), 0, 1 },
	{ TEXT("excluded"), FIELD_BOOL, 0, AT(line_fields, excluded), 0, 1 },
	{ TEXT("reduced"), FIELD_BOOL, 0, AT(line_fields, reduced), 0, 1 },
	{ TEXT("floor"), FIELD_INT, 0, AT(line_fields, floor), 0, FLOOR_MAX },
};

static const struct field result_table[] = {
	{ TEXT("key"), FIELD_WORD, 1, AT(answer_fields, key), 32, 32 },
	{ TEXT("outcome"), FIELD_WORD, 1, AT(answer_fields, outcome), 1, WORD_BYTES_MAX },
	{ TEXT("amount"), FIELD_INT, 0, AT(answer_fields, amount), 0, AMOUNT_MAX },
	{ TEXT("auth"), FIELD_TEXT, 0, AT(answer_fields, auth), 0, WORD_BYTES_MAX },
	{ TEXT("ref"), FIELD_REF, 0, AT(answer_fields, ref), 0, WORD_BYTES_MAX },
};

static const struct field done_table[] = {
	{ TEXT("key"), FIELD_WORD, 1, AT(answer_fields, key), 32, 32 },
	{ TEXT("state"), FIELD_WORD, 1, AT(answer_fields, outcome), 1, WORD_BYTES_MAX },
};

static const struct field claim_table[] = {
	{ TEXT("ticket"), FIELD_CODE, 1, AT(ticket_fields, ticket), 1,
	  DROP_TICKET_BYTES_MAX },
	{ TEXT("kind"), FIELD_WORD, 1, AT(ticket_fields, kind), 1, WORD_BYTES_MAX },
	{ TEXT("value"), FIELD_TEXT, 1, AT(ticket_fields, value), 1, TEXT_BYTES_MAX },
};

static const struct field cancel_table[] = {
	{ TEXT("ticket"), FIELD_CODE, 1, AT(ticket_fields, ticket), 1,
	  DROP_TICKET_BYTES_MAX },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
_Static_assert(COUNT(line_table) <= FIELDS_MAX, "the longest table");

/* Members whose own format is checked, so that the guard does not look at them. */
static const struct laned_str exempt[] = {
	TEXT("ticket"), TEXT("key"),    TEXT("ref"),        TEXT("rev"),
	TEXT("line"),   TEXT("amount"), TEXT("unit_price"), TEXT("qty_milli"),
};
/* Numbers of articles: up to a GTIN-14; a longer one is guarded as text. */
static const struct laned_str articles[] = { TEXT("gtin"), TEXT("plu") };
#define ARTICLE_BYTES_MAX 14u

static const struct {
	const char *suffix;
	enum drop_kind kind;
} suffixes[] = {
	{ ".result.json", DROP_RESULT }, { ".done.json", DROP_DONE },
	{ ".basket.json", DROP_BASKET }, { ".claim.json", DROP_CLAIM },
	{ ".cancel.json", DROP_CANCEL },
};

struct word {
	const char *word;
	uint32_t value;
};

static const struct word outcomes[] = {
	{ "approved", LANED_OUT_APPROVED },   { "partial", LANED_OUT_PARTIAL },
	{ "declined", LANED_OUT_DECLINED },   { "cancelled", LANED_OUT_CANCELLED },
	{ "unknown", LANED_OUT_UNKNOWN },     { "in-progress", LANED_OUT_IN_PROGRESS },
	{ "not-found", LANED_OUT_NOT_FOUND }, { NULL, 0 },
};

static const struct word done_states[] = {
	{ "confirmed", LANED_OUT_CONFIRMED },
	{ "undone", LANED_OUT_UNDONE },
	{ "not-found", LANED_OUT_NOT_FOUND },
	{ NULL, 0 },
};

static const struct word claim_kinds[] = {
	{ "card", LANED_CLAIM_CARD },
	{ "phone", LANED_CLAIM_PHONE },
	{ "digits", LANED_CLAIM_DIGITS },
	{ "qr", LANED_CLAIM_QR },
	{ NULL, 0 },
};

static int
is_code_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
}

static int
same_ignoring_case(struct laned_str a, struct laned_str b)
{
	for (size_t i = 0; a.n == b.n && i < a.n; i++) {
		char x = a.p[i], y = b.p[i];

		x = (char)(x >= 'A' && x <= 'Z' ? x - 'A' + 'a' : x);
		y = (char)(y >= 'A' && y <= 'Z' ? y - 'A' + 'a' : y);
		if (x != y)
			return 0;
	}
	return a.n == b.n;
}

static int
refuse(struct drop_reader *r, const struct laned_json_node *at, const char *member,
       const char *what)
{
	r->line = at->line;
	r->column = at->column;
	r->member = member;
	r->what = what;
	return LANED_REFUSED;
}

static int
is_string_type(enum field_type type)
{
	return type != FIELD_INT && type != FIELD_BOOL;
}

static int
is_visible(char c)
{
	return c >= 0x21 && c <= 0x7e;
}

/* What is wrong with a character in a field of this type, or NULL. */
static const char *
char_fault(enum field_type type, char c)
{
	switch (type) {
	case FIELD_CODE:
		return is_code_char(c) ? NULL : "only A-Z a-z 0-9 . _ - may stand here";
	case FIELD_GTIN:
		return c >= '0' && c <= '9' ? NULL : "only digits may stand here";
	case FIELD_REF:
		return is_visible(c) ? NULL : "only visible ASCII may stand here";
	case FIELD_WORD:
		return is_visible(c) ? NULL : "no word of this format";
	case FIELD_TEXT:
		return (unsigned char)c >= 0x20 && c != 0x7f ? NULL
							     : "a control character";
	case FIELD_INT:
	case FIELD_BOOL:
		break;
	}
	return NULL;
}

/* What is wrong with the text of a field, or NULL. */
static const char *
text_fault(const struct field *f, struct laned_str s)
{
	const char *fault = NULL;

	if ((int64_t)s.n < f->min || (int64_t)s.n > f->max)
		return "too short or too long";
	for (size_t i = 0; i < s.n && fault == NULL; i++)
		fault = char_fault(f->type, s.p[i]);
	if (fault == NULL && f->type == FIELD_GTIN && s.n != 8 && s.n < 12)
		fault = "a GTIN has 8, 12, 13 or 14 digits";
	return fault;
}

/* m: the member of that name, or NULL. */
static int
read_field(struct drop_reader *r, const struct laned_json_node *object,
	   const struct laned_json_node *m, const struct field *f, char *into)
{
	int code = f->type == FIELD_CODE || f->type == FIELD_GTIN;
	const char *name = f->name.p, *fault;

	if (m == NULL)
		return f->required ? refuse(r, object, name, "is missing") : LANED_OK;
	if (!is_string_type(f->type)) {
		uint32_t kind = f->type == FIELD_INT ? LANED_JSON_INT : LANED_JSON_BOOL;

		if (m->kind != kind)
			return refuse(r, m, name,
				      kind == LANED_JSON_INT ? "must be an integer"
							     : "must be true or false");
		if (m->i < f->min || m->i > f->max)
			return refuse(r, m, name, "is out of range");
		memcpy(into + f->offset, &m->i, sizeof(m->i));
		return LANED_OK;
	}
	if (m->kind != LANED_JSON_STRING && !(code && m->kind == LANED_JSON_INT))
		return refuse(r, m, name, "must be a string");
	fault = text_fault(f, m->text);
	if (fault != NULL)
		return refuse(r, m, name, fault);
	memcpy(into + f->offset, &m->text, sizeof(m->text));
	return LANED_OK;
}

/* The row of table with this name, or count; most come in the table's order, so first at guess. */
static size_t
field_find(const struct field *table, size_t count, size_t guess, struct laned_str name)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = guess + i < count ? guess + i : guess + i - count;

		if (name.n == table[at].name.n && laned_str_eq(table[at].name, name))
			return at;
	}
	return count;
}

static int
read_fields(struct drop_reader *r, const struct laned_json_node *object,
	    const struct field *table, size_t count, void *into)
{
	const struct laned_json_node *found[FIELDS_MAX] = { NULL };
	size_t guess = 0;
	int rc = LANED_OK;

	if (object->kind != LANED_JSON_OBJECT)
		return refuse(r, object, "", "must be an object");
	for (const struct laned_json_node *m = laned_json_first(&r->json, object);
	     m != NULL; m = laned_json_next(&r->json, m)) {
		size_t at = field_find(table, count, guess, m->name);

		if (at == count)
			continue;
		if (m->kind != LANED_JSON_NULL)
			found[at] = m;
		guess = at + 1;
	}
	for (size_t i = 0; i < count && rc == LANED_OK; i++)
		rc = read_field(r, object, found[i], &table[i], into);
	return rc;
}

static int
word_value(const struct word *words, struct laned_str s, uint32_t *ret_value)
{
	for (; words->word != NULL; words++) {
		if (!laned_str_is(s, words->word))
			continue;
		*ret_value = words->value;
		return 1;
	}
	return 0;
}

static int
read_line(struct drop_reader *r, const struct laned_json_node *at, struct laned_line *to)
{
	struct line_fields f = { .vat_bp = -1 };
	int rc = read_fields(r, at, line_table, COUNT(line_table), &f);

	if (rc != LANED_OK)
		return rc;
	*to = (struct laned_line){
		.size = sizeof(*to),
		.flags = (f.is_void ? LANED_LINE_VOID : 0u) |
			 (f.weighed ? LANED_LINE_WEIGHED : 0u) |
			 (f.excluded ? LANED_LINE_EXCLUDED : 0u) |
			 (f.reduced ? LANED_LINE_REDUCED : 0u),
		.line = f.line,
		.gtin = f.gtin,
		.plu = f.plu,
		.text = f.text,
		.category = f.category,
		.brand = f.brand,
		.qty_milli = f.qty_milli,
		.unit_price = f.unit_price,
		.amount = f.amount,
		.vat_bp = (int32_t)f.vat_bp,
		.floor = (uint32_t)f.floor,
	};
	return LANED_OK;
}

static int
read_basket(struct drop_reader *r, const struct laned_json_node *root,
	    struct laned_basket *to)
{
	const struct laned_json_node *lines = laned_json_member(&r->json, root, "lines");
	struct basket_fields f = { 0 };
	uint32_t count = 0;
	int rc = read_fields(r, root, basket_table, COUNT(basket_table), &f);

	if (rc != LANED_OK)
		return rc;
	if (lines == NULL || lines->kind != LANED_JSON_ARRAY)
		return refuse(r, lines == NULL ? root : lines, "lines",
			      "must be an array");
	if (lines->count > DROP_LINES_MAX)
		return refuse(r, lines, "lines", "too many lines");
	for (const struct laned_json_node *l = laned_json_first(&r->json, lines);
	     l != NULL && rc == LANED_OK; l = laned_json_next(&r->json, l)) {
		struct laned_line line;

		rc = read_line(r, l, &line);
		if (rc == LANED_OK && count == r->lines_max)
			rc = refuse(r, lines, "lines", "too many lines");
		if (rc == LANED_OK)
			r->lines[count++] = line;
	}
	*to = (struct laned_basket){
		.size = sizeof(*to),
		.flags = (f.final ? LANED_BASKET_FINAL : 0u) |
			 (f.closed ? LANED_BASKET_CLOSED : 0u) |
			 (f.training ? LANED_BASKET_TRAINING : 0u),
		.ticket = f.ticket,
		.rev = f.rev,
		.currency = f.currency,
		.lines = r->lines,
		.lines_count = count,
		.date = f.date,
	};
	return rc;
}

static int
read_answer(struct drop_reader *r, enum drop_kind kind,
	    const struct laned_json_node *root, struct drop_result *to)
{
	const struct field *table = kind == DROP_RESULT ? result_table : done_table;
	size_t count = kind == DROP_RESULT ? COUNT(result_table) : COUNT(done_table);
	struct answer_fields f = { .amount = -1 };
	int rc = read_fields(r, root, table, count, &f);

	if (rc != LANED_OK)
		return rc;
	*to = (struct drop_result){ .amount = f.amount, .auth = f.auth, .ref = f.ref };
	if (laned_key_parse(f.key, &to->key) != LANED_OK)
		return refuse(r, root, "key", "must be 32 hex digits");
	if (!word_value(kind == DROP_RESULT ? outcomes : done_states, f.outcome,
			&to->outcome))
		return refuse(r, root, kind == DROP_RESULT ? "outcome" : "state",
			      "no word of this format");
	return LANED_OK;
}

static int
read_claim(struct drop_reader *r, enum drop_kind kind, const struct laned_json_node *root,
	   struct drop_claim *to)
{
	struct ticket_fields f = { 0 };
	int rc = kind == DROP_CLAIM
			 ? read_fields(r, root, claim_table, COUNT(claim_table), &f)
			 : read_fields(r, root, cancel_table, COUNT(cancel_table), &f);

	if (rc != LANED_OK)
		return rc;
	*to = (struct drop_claim){ .ticket = f.ticket, .value = f.value };
	if (kind == DROP_CLAIM && !word_value(claim_kinds, f.kind, &to->kind))
		return refuse(r, root, "kind", "must be card, phone, digits or qr");
	return LANED_OK;
}

/* Most names differ from most others in their length, or at once. */
static int
is_one_of(const struct laned_str *names, size_t count, struct laned_str name)
{
	for (size_t i = 0; i < count; i++)
		if (name.n == names[i].n && name.p[0] == names[i].p[0] &&
		    laned_str_eq(name, names[i]))
			return 1;
	return 0;
}

static int
is_exempt(struct laned_str name, struct laned_str text)
{
	return is_one_of(exempt, COUNT(exempt), name) ||
	       (text.n <= ARTICLE_BYTES_MAX &&
		is_one_of(articles, COUNT(articles), name));
}

/* Unknown members are guarded, too: whatever the POS put there, we did not want it. */
static int
guard_all(struct drop_reader *r)
{
	for (uint32_t i = 0; r->guard != NULL && i < r->json.used; i++) {
		const struct laned_json_node *n = &r->json.nodes[i];

		if (r->guard(r->guard_ctx, n->name) != LANED_OK) {
			(void)refuse(r, n, "", "a payment card number"); /* its place */
			return LANED_PAN;
		}
		if (n->kind != LANED_JSON_STRING && n->kind != LANED_JSON_INT &&
		    n->kind != LANED_JSON_DECIMAL)
			continue;
		if (is_exempt(n->name, n->text) ||
		    r->guard(r->guard_ctx, n->text) == LANED_OK)
			continue;
		(void)refuse(r, n, "", "a payment card number"); /* its place */
		return LANED_PAN;
	}
	return LANED_OK;
}

static int
check_version(struct drop_reader *r)
{
	const struct laned_json_node *root = &r->json.nodes[0];
	const struct laned_json_node *v = laned_json_member(&r->json, root, "v");

	if (v == NULL || v->kind != LANED_JSON_INT || v->i != 1)
		return refuse(r, v == NULL ? root : v, "v", "must be 1");
	return LANED_OK;
}

static int
read_message(struct drop_reader *r, enum drop_kind kind, struct drop_message *m,
	     struct laned_str *ret_inside)
{
	const struct laned_json_node *root = &r->json.nodes[0];
	const struct laned_json_node *id;
	int rc;

	m->kind = kind;
	if (kind == DROP_RESULT || kind == DROP_DONE)
		rc = read_answer(r, kind, root, &m->result);
	else if (kind == DROP_BASKET)
		rc = read_basket(r, root, &m->basket);
	else
		rc = read_claim(r, kind, root, &m->claim);
	if (rc != LANED_OK)
		return rc;
	id = laned_json_member(&r->json, root,
			       kind == DROP_RESULT || kind == DROP_DONE ? "key"
									: "ticket");
	if (id != NULL)
		*ret_inside = id->text;
	return LANED_OK;
}

enum drop_kind
drop_name_kind(struct laned_str name, struct laned_str *ret_stem)
{
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		struct laned_str stem = { name.p, 0 };

		if (!laned_str_ends(name, suffixes[i].suffix))
			continue;
		stem.n = name.n - strlen(suffixes[i].suffix);
		if (!drop_ticket_ok(stem))
			return DROP_OTHER;
		*ret_stem = stem;
		return suffixes[i].kind;
	}
	return DROP_OTHER;
}

int
drop_ticket_ok(struct laned_str ticket)
{
	if (ticket.n < 1 || ticket.n > DROP_TICKET_BYTES_MAX || ticket.p[0] == '.')
		return 0;
	for (size_t i = 0; i < ticket.n; i++)
		if (!is_code_char(ticket.p[i]))
			return 0;
	return 1;
}

static uint32_t
most_of(size_t n, size_t bytes_min, uint32_t max)
{
	return n / bytes_min < max ? (uint32_t)(n / bytes_min) + 1 : max;
}

uint32_t
drop_nodes_max(size_t n)
{
	return most_of(n, VALUE_BYTES_MIN, DROP_NODES_MAX);
}

uint32_t
drop_lines_max(size_t n)
{
	return most_of(n, LINE_BYTES_MIN, DROP_LINES_MAX);
}

int
drop_read(struct drop_reader *r, enum drop_kind kind, struct laned_str stem, char *text,
	  size_t n, struct drop_message *ret_message)
{
	struct drop_message m = { 0 };
	struct laned_str inside = { NULL, 0 };
	int rc;

	r->member = "";
	rc = laned_json_parse(&r->json, text, n);
	if (rc != LANED_OK) {
		r->line = r->json.line;
		r->column = r->json.column;
		r->what = r->json.what;
		return rc;
	}
	rc = guard_all(r);
	if (rc == LANED_OK)
		rc = check_version(r);
	if (rc == LANED_OK)
		rc = read_message(r, kind, &m, &inside);
	if (rc == LANED_OK && !same_ignoring_case(stem, inside))
		rc = refuse(r, &r->json.nodes[0], "",
			    "the file's name and its content disagree");
	if (rc == LANED_OK)
		*ret_message = m;
	return rc;
}

int
drop_write_offer(char *buf, size_t bytes, const struct laned_request *q,
		 struct laned_str *ret_text)
{
	struct laned_json_out o;

	laned_json_out_init(&o, buf, bytes);
	laned_json_open(&o, NULL, '{');
	laned_json_int(&o, "v", 1);
	laned_json_str(&o, "ticket", q->ticket);
	laned_json_int(&o, "rev", q->rev);
	if (q->member_no.n > 0)
		laned_json_str(&o, "member_no", q->member_no);
	laned_json_open(&o, "discounts", '[');
	for (uint32_t i = 0; i < q->discounts_count; i++) {
		laned_json_open(&o, NULL, '{');
		laned_json_int(&o, "line", q->discounts[i].line);
		laned_json_int(&o, "amount", q->discounts[i].amount);
		laned_json_str(&o, "text", q->discounts[i].text);
		laned_json_close(&o);
	}
	laned_json_close(&o);
	laned_json_int(&o, "total", q->total);
	laned_json_close(&o);
	return laned_json_done(&o, ret_text);
}

/* Opens {v, key. */
static void
open_keyed(struct laned_json_out *o, const struct laned_key *key)
{
	char hex[LANED_KEY_HEX_BYTES];

	laned_key_hex(hex, key);
	laned_json_open(o, NULL, '{');
	laned_json_int(o, "v", 1);
	laned_json_str(o, "key", laned_str_of(hex));
}

int
drop_write_pay(char *buf, size_t bytes, const struct laned_request *q,
	       struct laned_str *ret_text)
{
	struct laned_json_out o;

	laned_json_out_init(&o, buf, bytes);
	open_keyed(&o, &q->key);
	laned_json_str(&o, "ticket", q->ticket);
	laned_json_int(&o, "rev", q->rev);
	laned_json_int(&o, "amount", q->amount);
	laned_json_str(&o, "currency", q->currency);
	laned_json_str(&o, "token", q->token);
	laned_json_close(&o);
	return laned_json_done(&o, ret_text);
}

int
drop_write_refund(char *buf, size_t bytes, const struct laned_request *q,
		  struct laned_str *ret_text)
{
	struct laned_json_out o;
	char hex[LANED_KEY_HEX_BYTES];

	laned_json_out_init(&o, buf, bytes);
	open_keyed(&o, &q->key);
	if (!laned_key_is_zero(&q->original)) {
		laned_key_hex(hex, &q->original);
		laned_json_str(&o, "original", laned_str_of(hex));
	}
	if (q->ref.n > 0)
		laned_json_str(&o, "ref", q->ref);
	laned_json_str(&o, "ticket", q->ticket);
	laned_json_int(&o, "amount", q->amount);
	laned_json_str(&o, "currency", q->currency);
	laned_json_close(&o);
	return laned_json_done(&o, ret_text);
}

int
drop_write_key(char *buf, size_t bytes, const struct laned_key *key,
	       struct laned_str *ret_text)
{
	struct laned_json_out o;

	laned_json_out_init(&o, buf, bytes);
	open_keyed(&o, key);
	laned_json_close(&o);
	return laned_json_done(&o, ret_text);
}

/* The codes, and the end of the message. */
static int
close_with_codes(struct laned_json_out *o, const struct laned_request *q,
		 struct laned_str *ret_text)
{
	laned_json_open(o, "receipt", '[');
	for (uint32_t i = 0; i < q->receipts_count; i++)
		laned_json_str(o, NULL, q->receipts[i]);
	laned_json_close(o);
	laned_json_close(o);
	return laned_json_done(o, ret_text);
}

int
drop_write_confirm(char *buf, size_t bytes, const struct laned_request *q,
		   struct laned_str *ret_text)
{
	struct laned_json_out o;

	laned_json_out_init(&o, buf, bytes);
	open_keyed(&o, &q->key);
	return close_with_codes(&o, q, ret_text);
}

int
drop_write_receipt(char *buf, size_t bytes, const struct laned_request *q,
		   struct laned_str *ret_text)
{
	struct laned_json_out o;

	laned_json_out_init(&o, buf, bytes);
	laned_json_open(&o, NULL, '{');
	laned_json_int(&o, "v", 1);
	laned_json_str(&o, "ticket", q->ticket);
	laned_json_int(&o, "rev", q->rev);
	return close_with_codes(&o, q, ret_text);
}

void
drop_key_name(char buf[DROP_NAME_BYTES], const struct laned_key *key, const char *what)
{
	char hex[LANED_KEY_HEX_BYTES];
	struct laned_text t;

	laned_key_hex(hex, key);
	laned_text_init(&t, buf, DROP_NAME_BYTES);
	laned_text_add(&t, hex);
	laned_text_add(&t, what);
}
