#include "base/json.h"

#include "base/json_private.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SORT_COUNT_MIN 12u

/* What stands between two quotes of the text. */
struct quoted {
	const char *p; /* behind the opening quote; NULL: there is none */
	size_t n;
	bool escaped; /* a backslash is in it */
};

/* A value with what only the parser needs. Until the scan is over, v points into the text. */
struct node {
	struct value v;
	struct node *after;  /* the next one in the order of the text */
	struct node *closed; /* of objects: the one that ended after this one */
	struct quoted name, string;
};

/* A place in the text that only moves forward. */
struct cursor {
	size_t at;
	uint32_t line, column;
};

enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END, /* just after '[' */
	EXPECT_NAME_OR_END,  /* just after '{' */
	EXPECT_NAME,         /* after ',' in an object */
	EXPECT_COMMA_OR_END,
	EXPECT_NOTHING /* the one value is complete */
};

struct scan {
	struct arena *arena;
	struct str text;
	unsigned flags;
	uint32_t first_line; /* the number of the text's first line */
	size_t at;
	struct cursor cursor;
	enum expect expect;
	unsigned depth;
	/* The arrays and objects that are open, and the last child of each. */
	struct {
		struct node *parent, *last;
	} open[JSON_DEPTH_MAX];
	struct quoted name; /* of the member whose value comes next */
	struct node *first, *last;
	struct node *closed_first, *closed_last;
	const char *wrong; /* set with -EBADMSG, for the byte at wrong_at */
	size_t wrong_at;
};

/* ---- places and errors ------------------------------------------------------------------- */

/* True when eight bytes are eight characters, none of them a line's end. */
static bool
are_characters(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
	uint64_t bytes, ends;

	memcpy(&bytes, p, sizeof(bytes));
	ends = bytes ^ (ones * '\n'); /* 0 where there is one */
	return ((bytes | (ends - ones)) & highs) == 0;
}

/* Lines end by LF; columns count characters, not bytes. */
static void
cursor_move(struct cursor *c, struct str text, size_t to)
{
	while (c->at < to && to - c->at >= 8 && are_characters(text.p + c->at)) {
		c->at += 8;
		c->column += 8;
	}
	for (; c->at < to; c->at++) {
		unsigned char byte = (unsigned char)text.p[c->at];

		if (byte == '\n') {
			c->line++;
			c->column = 1;
		} else if ((byte & 0xc0) != 0x80) {
			c->column++;
		}
	}
}

static int
wrong(struct scan *s, size_t at, const char *what)
{
	s->wrong = what;
	s->wrong_at = at;
	return -EBADMSG;
}

static int
ends_early(struct scan *s)
{
	return wrong(s, s->text.n, "the text ends too early");
}

static void
error_fill(const struct scan *s, struct json_error *error)
{
	struct cursor c = { 0, s->first_line, 1 };

	if (error == NULL)
		return;
	cursor_move(&c, s->text, s->wrong_at);
	error->line = c.line;
	error->column = c.column;
	/* Every message of ours is shorter. */
	(void)str_copy(error->what, sizeof(error->what), str_of(s->wrong));
}

/* ---- the scan: strict RFC 8259, without recursion ---------------------------------------- */

/* The byte at s->at + ahead, or NUL behind the end: NUL is wrong wherever it is looked for. */
static char
look(const struct scan *s, size_t ahead)
{
	return ahead < s->text.n - s->at ? s->text.p[s->at + ahead] : '\0';
}

/* Links n below the innermost array or object. */
static void
append_child(struct scan *s, struct node *n)
{
	struct node *parent, *last;

	if (s->depth == 0)
		return;
	parent = s->open[s->depth - 1].parent;
	last = s->open[s->depth - 1].last;
	if (last == NULL)
		parent->v.first = &n->v;
	else
		last->v.next = &n->v;
	s->open[s->depth - 1].last = n;
	parent->v.count++;
}

static struct node *
node_new(struct scan *s)
{
	struct node *n = arena_alloc(s->arena, sizeof(*n));

	if (n == NULL)
		return NULL;
	cursor_move(&s->cursor, s->text, s->at);
	n->v.line = s->cursor.line;
	n->v.column = s->cursor.column;
	n->name = s->name;
	s->name.p = NULL;
	append_child(s, n);
	if (s->last != NULL)
		s->last->after = n;
	else
		s->first = n;
	s->last = n;
	return n;
}

static int
scan_number(struct scan *s, struct node *n)
{
	struct str digits = { s->text.p + s->at, 0 };
	bool whole;

	digits.n = json_number_bytes(digits.p, s->text.n - s->at, &whole);
	if (digits.n == 0)
		return wrong(s, s->at, "this is no number");
	if (digits.n > JSON_NUMBER_BYTES_MAX)
		return wrong(s, s->at, "the number is too long");
	if (!whole && (s->flags & JSON_DECIMALS) == 0)
		return wrong(s, s->at, "only whole numbers are allowed here");
	if (whole && (str_to_i64(digits, &n->v.i) < 0 || n->v.i > JSON_INTEGER_MAX ||
		      n->v.i < -JSON_INTEGER_MAX))
		return wrong(s, s->at, "the number is beyond +-(2^53 - 1)");
	n->v.kind = whole ? VALUE_INT : VALUE_DECIMAL;
	n->v.s = digits;
	s->at += digits.n;
	return 0;
}

static int
scan_word(struct scan *s, struct node *n)
{
	static const struct {
		struct str word;
		enum value_kind kind;
		int64_t i;
	} words[] = {
		{ { "true", 4 }, VALUE_BOOL, 1 },
		{ { "false", 5 }, VALUE_BOOL, 0 },
		{ { "null", 4 }, VALUE_NULL, 0 },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct str word = words[i].word;

		if (s->text.n - s->at < word.n ||
		    memcmp(s->text.p + s->at, word.p, word.n) != 0)
			continue;
		n->v.kind = words[i].kind;
		n->v.i = words[i].i;
		s->at += word.n;
		return 0;
	}
	return wrong(s, s->at, "a value should stand here");
}

/* The four hex digits after "\u" at s->at + ahead, or -1. */
static int
hex4(const struct scan *s, size_t ahead)
{
	uint8_t b[2];

	if (s->text.n - s->at < ahead + 4 ||
	    hex_decode(b, 2, (struct str){ s->text.p + s->at + ahead, 4 }) < 0)
		return -1;
	return b[0] << 8 | b[1];
}

/* At "\u". */
static int
scan_unicode_escape(struct scan *s)
{
	int unit = hex4(s, 2), low;

	if (unit < 0)
		return wrong(s, s->at, "\\u needs four hex digits");
	if (unit == 0)
		return wrong(s, s->at, "NUL is not allowed in a string");
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return wrong(s, s->at, "half a surrogate pair");
	if (unit >= 0xd800 && unit <= 0xdbff) {
		low = look(s, 6) == '\\' && look(s, 7) == 'u' ? hex4(s, 8) : -1;
		if (low < 0xdc00 || low > 0xdfff)
			return wrong(s, s->at, "half a surrogate pair");
		s->at += 6;
	}
	s->at += 6;
	return 0;
}

/* At a backslash. */
static int
scan_escape(struct scan *s)
{
	char c = look(s, 1);

	if (c == 'u')
		return scan_unicode_escape(s);
	if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
		return wrong(s, s->at, "an unknown escape");
	s->at += 2;
	return 0;
}

/* At the opening quote; leaves s->at behind the closing one. */
static int
scan_string(struct scan *s, struct quoted *ret_quoted)
{
	const char *p = s->text.p;
	size_t start = s->at++;
	unsigned char high = 0;
	bool escaped = false;
	int rc;

	while (s->at < s->text.n && p[s->at] != '"') {
		unsigned char c = (unsigned char)p[s->at];

		if (c < 0x20)
			return wrong(s, s->at, "a control character in a string");
		high |= c;
		if (c != '\\') {
			s->at++;
			continue;
		}
		escaped = true;
		rc = scan_escape(s);
		if (rc < 0)
			return rc;
	}
	if (s->at >= s->text.n)
		return ends_early(s);
	*ret_quoted = (struct quoted){ p + start + 1, s->at - start - 1, escaped };
	if (high >= 0x80 && !str_utf8_ok((struct str){ ret_quoted->p, ret_quoted->n }))
		return wrong(s, start, "the string is not UTF-8");
	s->at++;
	return 0;
}

static void
value_complete(struct scan *s)
{
	s->expect = s->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static int
scan_open(struct scan *s, struct node *n, char bracket)
{
	if (s->depth == JSON_DEPTH_MAX)
		return wrong(s, s->at, "nested too deeply");
	n->v.kind = bracket == '{' ? VALUE_OBJECT : VALUE_ARRAY;
	s->open[s->depth].parent = n;
	s->open[s->depth++].last = NULL;
	s->expect = bracket == '{' ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
	s->at++;
	return 0;
}

static int
scan_value(struct scan *s)
{
	char c = look(s, 0);
	struct node *n = node_new(s);
	int rc;

	if (n == NULL)
		return -ENOMEM;
	if (c == '{' || c == '[')
		return scan_open(s, n, c);
	if (c == '"') {
		n->v.kind = VALUE_STRING;
		rc = scan_string(s, &n->string);
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		rc = scan_number(s, n);
	} else {
		rc = scan_word(s, n);
	}
	if (rc == 0)
		value_complete(s);
	return rc;
}

static void
skip_blanks(struct scan *s)
{
	while (s->at < s->text.n &&
	       (s->text.p[s->at] == ' ' || s->text.p[s->at] == '\t' ||
		s->text.p[s->at] == '\n' || s->text.p[s->at] == '\r'))
		s->at++;
}

/* A member's name and its colon. */
static int
scan_name(struct scan *s)
{
	int rc;

	if (look(s, 0) != '"')
		return wrong(s, s->at, "a member's name in quotes should stand here");
	rc = scan_string(s, &s->name);
	if (rc < 0)
		return rc;
	skip_blanks(s);
	if (s->at == s->text.n)
		return ends_early(s);
	if (look(s, 0) != ':')
		return wrong(s, s->at, "a colon should stand here");
	s->at++;
	s->expect = EXPECT_VALUE;
	return 0;
}

/* The names of an object can be compared when it is complete. */
static void
note_closed(struct scan *s, struct node *object)
{
	if (s->closed_last != NULL)
		s->closed_last->closed = object;
	else
		s->closed_first = object;
	s->closed_last = object;
}

static bool
in_object(const struct scan *s)
{
	assert(s->depth > 0);
	return s->open[s->depth - 1].parent->v.kind == VALUE_OBJECT;
}

/* Takes the bracket that closes the innermost array or object if it stands here. */
static bool
scan_close(struct scan *s)
{
	bool object = in_object(s);

	if (look(s, 0) != (object ? '}' : ']'))
		return false;
	s->at++;
	s->depth--;
	if (object)
		note_closed(s, s->open[s->depth].parent);
	value_complete(s);
	return true;
}

static int
scan_comma(struct scan *s)
{
	bool object = in_object(s);

	if (look(s, 0) != ',')
		return wrong(s, s->at,
			     object ? "a comma or '}' should stand here"
				    : "a comma or ']' should stand here");
	s->at++;
	s->expect = object ? EXPECT_NAME : EXPECT_VALUE;
	return 0;
}

static int
scan_step(struct scan *s)
{
	switch (s->expect) {
	case EXPECT_VALUE:
		return scan_value(s);
	case EXPECT_VALUE_OR_END:
		return scan_close(s) ? 0 : scan_value(s);
	case EXPECT_NAME_OR_END:
		return scan_close(s) ? 0 : scan_name(s);
	case EXPECT_NAME:
		return scan_name(s);
	case EXPECT_COMMA_OR_END:
		return scan_close(s) ? 0 : scan_comma(s);
	case EXPECT_NOTHING:
		break;
	}
	return wrong(s, s->at, "nothing may follow the value");
}

static int
scan_text(struct scan *s)
{
	for (;;) {
		int rc;

		skip_blanks(s);
		if (s->at == s->text.n)
			break;
		rc = scan_step(s);
		if (rc < 0)
			return rc;
	}
	return s->expect == EXPECT_NOTHING ? 0 : ends_early(s);
}

/* ---- what the values say ----------------------------------------------------------------- */

static const struct node *
node_of(const struct value *v)
{
	return (const struct node *)(const void *)v; /* v is its first member */
}

/* By name; equal names in the order of the text. */
static int
compare_names(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a;
	const struct node *y = *(const struct node *const *)b;
	size_t n = x->v.name.n < y->v.name.n ? x->v.name.n : y->v.name.n;
	int order = memcmp(x->v.name.p, y->v.name.p, n);

	if (order == 0 && x->v.name.n != y->v.name.n)
		order = x->v.name.n < y->v.name.n ? -1 : 1;
	if (order == 0)
		order = (x->name.p > y->name.p) - (x->name.p < y->name.p);
	return order;
}

static int
duplicate(struct scan *s, const struct value *v)
{
	return wrong(s, (size_t)(node_of(v)->name.p - 1 - s->text.p),
		     "a member of this name was there before");
}

/* Large objects are sorted, so that a hostile one costs no quadratic time. */
static int
check_names_sorted(struct scan *s, const struct value *object)
{
	const struct node **sorted = calloc(object->count, sizeof(struct node *));
	size_t n = 0;
	int rc = 0;

	if (sorted == NULL)
		return -ENOMEM;
	for (const struct value *m = object->first; m != NULL; m = m->next)
		sorted[n++] = node_of(m);
	qsort(sorted, n, sizeof(struct node *), compare_names);
	for (size_t i = 1; i < n && rc == 0; i++)
		if (str_eq(sorted[i - 1]->v.name, sorted[i]->v.name))
			rc = duplicate(s, &sorted[i]->v);
	free(sorted);
	return rc;
}

static int
check_names(struct scan *s, const struct value *object)
{
	if (object->count >= SORT_COUNT_MIN)
		return check_names_sorted(s, object);
	for (const struct value *m = object->first; m != NULL; m = m->next)
		for (const struct value *e = object->first; e != m; e = e->next)
			if (str_eq(e->name, m->name))
				return duplicate(s, m);
	return 0;
}

/*
 * A string with escapes: cJSON resolves them, into to, where there is room for the escapes
 * themselves. 0 or -ENOMEM.
 */
static int
unescape(char *to, const struct quoted *q, size_t *ret_n)
{
	cJSON *item = cJSON_ParseWithLengthOpts(q->p - 1, q->n + 2, NULL, 0);
	size_t n;

	if (item == NULL)
		return -ENOMEM; /* the text is known to be right */
	n = strlen(item->valuestring);
	assert(n <= q->n);
	memcpy(to, item->valuestring, n);
	cJSON_Delete(item);
	*ret_n = n;
	return 0;
}

/* What q says, in the copy of the text, where a NUL takes the place of its closing quote. */
static int
take_quoted(const struct scan *s, char *copy, const struct quoted *q, struct str *ret_str)
{
	char *to = copy + (q->p - s->text.p);
	size_t n = q->n;
	int rc = q->escaped ? unescape(to, q, &n) : 0;

	if (rc < 0)
		return rc;
	to[n] = '\0';
	*ret_str = (struct str){ to, n };
	return 0;
}

/* The values' texts come to lie in one copy of the whole: what stands behind each may go. */
static int
take_texts(struct scan *s)
{
	char *copy = arena_strndup(s->arena, s->text.p, s->text.n);
	int rc = 0;

	if (copy == NULL)
		return -ENOMEM;
	for (struct node *n = s->first; n != NULL && rc == 0; n = n->after) {
		if (n->name.p != NULL)
			rc = take_quoted(s, copy, &n->name, &n->v.name);
		if (rc == 0 && n->v.kind == VALUE_STRING) {
			rc = take_quoted(s, copy, &n->string, &n->v.s);
		} else if (n->v.kind == VALUE_DECIMAL) {
			n->v.s.p = copy + (n->v.s.p - s->text.p);
			copy[n->v.s.p + n->v.s.n - copy] = '\0';
		} else {
			n->v.s = str_of(NULL);
		}
	}
	return rc;
}

static int
check_objects(struct scan *s)
{
	int rc = 0;

	for (const struct node *n = s->closed_first; n != NULL && rc == 0; n = n->closed)
		rc = check_names(s, &n->v);
	return rc;
}

int
json_parse_from(struct arena *arena, struct str text, unsigned flags, uint32_t first_line,
		const struct value **ret_value, struct json_error *error)
{
	struct scan s = { .arena = arena,
			  .text = text,
			  .flags = flags,
			  .first_line = first_line,
			  .cursor = { 0, first_line, 1 },
			  .expect = EXPECT_VALUE };
	int rc;

	if (text.n == 0)
		s.text.p = "";
	rc = scan_text(&s);
	if (rc == 0)
		rc = take_texts(&s);
	if (rc == 0)
		rc = check_objects(&s);
	if (rc == 0)
		*ret_value = &s.first->v;
	else if (rc == -EBADMSG)
		error_fill(&s, error);
	return rc;
}

int
json_parse(struct arena *arena, struct str text, unsigned flags,
	   const struct value **ret_value, struct json_error *error)
{
	return json_parse_from(arena, text, flags, 1, ret_value, error);
}
