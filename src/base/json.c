#include "base/json.h"

#include "base/json_private.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SORT_COUNT_MIN 12u

/* A value with what only the parser needs. */
struct node {
	struct value v;
	struct node *after;  /* the next one in the order of the text */
	const char *name_at; /* where the member's name begins in the text */
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
	char open[JSON_DEPTH_MAX]; /* '{' or '[' */
	const char *name_at;       /* of the member whose value comes next */
	struct node *first, *last;
	const char *wrong; /* set with -EBADMSG, for the byte at wrong_at */
	size_t wrong_at;
};

/* ---- places and errors ------------------------------------------------------------------- */

/* Lines end by LF; columns count characters, not bytes. */
static void
cursor_move(struct cursor *c, struct str text, size_t to)
{
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

static struct node *
node_new(struct scan *s)
{
	struct node *n = arena_alloc(s->arena, sizeof(*n));

	if (n == NULL)
		return NULL;
	cursor_move(&s->cursor, s->text, s->at);
	n->v.line = s->cursor.line;
	n->v.column = s->cursor.column;
	n->name_at = s->name_at;
	s->name_at = NULL;
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
scan_string(struct scan *s)
{
	size_t start = s->at++;
	int rc;

	while (s->at < s->text.n && s->text.p[s->at] != '"') {
		if ((unsigned char)s->text.p[s->at] < 0x20)
			return wrong(s, s->at, "a control character in a string");
		if (s->text.p[s->at] != '\\') {
			s->at++;
			continue;
		}
		rc = scan_escape(s);
		if (rc < 0)
			return rc;
	}
	if (s->at >= s->text.n)
		return ends_early(s);
	if (!str_utf8_ok((struct str){ s->text.p + start, s->at - start }))
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
	s->open[s->depth++] = bracket;
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
		rc = scan_string(s);
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
	s->name_at = s->text.p + s->at;
	rc = scan_string(s);
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

/* Takes the bracket that closes the innermost array or object if it stands here. */
static bool
scan_close(struct scan *s)
{
	char closing;

	assert(s->depth > 0);
	closing = s->open[s->depth - 1] == '{' ? '}' : ']';
	if (look(s, 0) != closing)
		return false;
	s->at++;
	s->depth--;
	value_complete(s);
	return true;
}

static int
scan_comma(struct scan *s)
{
	bool object = s->open[s->depth - 1] == '{';

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

/* ---- from cJSON's tree to ours ----------------------------------------------------------- */

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
		order = (x->name_at > y->name_at) - (x->name_at < y->name_at);
	return order;
}

static int
duplicate(struct scan *s, const struct value *v)
{
	return wrong(s, (size_t)(node_of(v)->name_at - s->text.p),
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
	if (object->kind != VALUE_OBJECT)
		return 0;
	if (object->count >= SORT_COUNT_MIN)
		return check_names_sorted(s, object);
	for (const struct value *m = object->first; m != NULL; m = m->next)
		for (const struct value *e = object->first; e != m; e = e->next)
			if (str_eq(e->name, m->name))
				return duplicate(s, m);
	return 0;
}

static int
copy_text(struct arena *arena, const char *text, size_t n, struct str *ret_copy)
{
	const char *copy = arena_strndup(arena, text, n);

	if (copy == NULL)
		return -ENOMEM;
	*ret_copy = (struct str){ copy, n };
	return 0;
}

/* Strings come from cJSON, which has resolved the escapes; all else is known from the scan. */
static int
fill(struct arena *arena, struct value *v, const cJSON *item)
{
	int rc = 0;

	if (item->string != NULL)
		rc = copy_text(arena, item->string, strlen(item->string), &v->name);
	if (rc < 0)
		return rc;
	if (v->kind == VALUE_STRING)
		return copy_text(arena, item->valuestring, strlen(item->valuestring),
				 &v->s);
	if (v->kind == VALUE_DECIMAL)
		return copy_text(arena, v->s.p, v->s.n, &v->s);
	v->s = str_of(NULL);
	return 0;
}

/* An array or object whose children are being converted. */
struct level {
	const cJSON *item;
	struct value *parent, *last;
};

static void
append_child(struct level *l, struct value *v)
{
	if (l->last == NULL)
		l->parent->first = v;
	else
		l->last->next = v;
	l->last = v;
	l->parent->count++;
}

/* Walks cJSON's tree and the nodes of the scan, which stand in the same order. */
static int
convert(struct scan *s, const cJSON *root)
{
	struct level levels[JSON_DEPTH_MAX];
	const cJSON *item = root;
	unsigned depth = 0;

	for (struct node *n = s->first;; n = n->after) {
		int rc;

		assert(n != NULL); /* both have seen the same text */
		rc = fill(s->arena, &n->v, item);
		if (rc < 0)
			return rc;
		if (depth > 0)
			append_child(&levels[depth - 1], &n->v);
		if (item->child != NULL) {
			assert(depth < JSON_DEPTH_MAX);
			levels[depth++] = (struct level){ item, &n->v, NULL };
			item = item->child;
			continue;
		}
		while (depth > 0 && item->next == NULL) {
			item = levels[--depth].item;
			rc = check_names(s, levels[depth].parent);
			if (rc < 0)
				return rc;
		}
		if (depth == 0)
			return 0;
		item = item->next;
	}
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
	cJSON *root = NULL;
	int rc;

	if (text.n == 0)
		s.text.p = "";
	rc = scan_text(&s);
	if (rc < 0)
		goto out;
	root = cJSON_ParseWithLengthOpts(s.text.p, s.text.n, NULL, 0);
	if (root == NULL) {
		rc = -ENOMEM; /* the text is known to be right */
		goto out;
	}
	rc = convert(&s, root);
	if (rc < 0)
		goto out;
	*ret_value = &s.first->v;
out:
	if (rc == -EBADMSG)
		error_fill(&s, error);
	cJSON_Delete(root);
	return rc;
}

int
json_parse(struct arena *arena, struct str text, unsigned flags,
	   const struct value **ret_value, struct json_error *error)
{
	return json_parse_from(arena, text, flags, 1, ret_value, error);
}
