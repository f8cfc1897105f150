#include "plain.h"

#include "laned/sdk.h"

#include <string.h>

#define INT_MAX_EXACT INT64_C(9007199254740991) /* 2^53 - 1 */

/*
 * The reader keeps a stack of open containers; "last" is the newest child of each, to which the
 * next one is linked.
 */
struct reader {
	char *p;
	size_t n, at;
	struct laned_json *j;
	uint32_t depth;
	uint32_t open[LANED_JSON_DEPTH_MAX], last[LANED_JSON_DEPTH_MAX];
	uint64_t names[LANED_JSON_DEPTH_MAX]; /* bit_of() each name that was there */
	/* Strings hold no raw newline, so lines are counted between values only. */
	uint32_t line;
	size_t line_at;
	int status;
};

static uint32_t
column_of(const struct reader *r, size_t at)
{
	return (uint32_t)(at - r->line_at) + 1;
}

static void
fail(struct reader *r, size_t where, const char *what)
{
	if (r->status != LANED_OK)
		return;
	r->status = LANED_INVALID;
	r->j->line = r->line;
	r->j->column = column_of(r, where);
	r->j->what = what;
}

static void
skip_space(struct reader *r)
{
	/* Everything up to the space is a blank, or wrong. */
	while (r->at < r->n && (unsigned char)r->p[r->at] <= ' ' &&
	       (r->p[r->at] == ' ' || r->p[r->at] == '\t' || r->p[r->at] == '\n' ||
		r->p[r->at] == '\r')) {
		if (r->p[r->at++] != '\n')
			continue;
		r->line++;
		r->line_at = r->at;
	}
}

/* The next byte, or NUL at the end (a NUL in the text is refused before). */
static char
peek(const struct reader *r)
{
	return r->at < r->n ? r->p[r->at] : '\0';
}

static int
hex4(const struct reader *r, size_t at, uint32_t *ret_value)
{
	uint32_t value = 0;

	if (r->n - at < 4)
		return 0;
	for (size_t i = 0; i < 4; i++) {
		char c = r->p[at + i];

		value <<= 4;
		if (c >= '0' && c <= '9')
			value |= (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value |= (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value |= (uint32_t)(c - 'A' + 10);
		else
			return 0;
	}
	*ret_value = value;
	return 1;
}

/* Writes a code point as UTF-8; never longer than the escape it came from. */
static size_t
put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 63));
		to[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 63));
	to[2] = (char)(0x80 | (c >> 6 & 63));
	to[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* The escape \uXXXX (and its second half) whose first digit is at r->at. */
static size_t
take_unicode(struct reader *r, char *to)
{
	uint32_t c, low;

	if (!hex4(r, r->at, &c)) {
		fail(r, r->at, "\\u needs four hex digits");
		return 0;
	}
	if (c == 0 || (c >= 0xdc00 && c <= 0xdfff)) {
		fail(r, r->at, c == 0 ? "NUL is refused" : "a lone surrogate");
		return 0;
	}
	r->at += 4;
	if (c < 0xd800 || c > 0xdbff)
		return put_utf8(to, c);
	if (r->n - r->at < 6 || r->p[r->at] != '\\' || r->p[r->at + 1] != 'u' ||
	    !hex4(r, r->at + 2, &low) || low < 0xdc00 || low > 0xdfff) {
		fail(r, r->at, "a lone surrogate");
		return 0;
	}
	r->at += 6;
	return put_utf8(to, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
}

static size_t
take_escape(struct reader *r, char *to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	char c = peek(r);
	const char *at;

	r->at++;
	if (c == 'u')
		return take_unicode(r, to);
	at = c == '\0' ? NULL : strchr(from, c);
	if (at == NULL) {
		fail(r, r->at - 1, "an unknown escape");
		return 0;
	}
	to[0] = into[at - from];
	return 1;
}

/* Moves what needs no thought from r->at to *to: up to a quote, a backslash, or a control character. */
static void
take_plain(struct reader *r, size_t *to)
{
	size_t begin = r->at, at = begin;

	/* After a wrong escape it may stand behind the end. */
	if (at < r->n)
		at += plain_bytes(r->p + at, r->n - at);
	while (at < r->n && r->p[at] != '"' && r->p[at] != '\\' &&
	       (unsigned char)r->p[at] >= 0x20) {
		at++; /* not ASCII, or DEL */
		at += plain_bytes(r->p + at, r->n - at);
	}
	if (*to != begin)
		memmove(r->p + *to, r->p + begin, at - begin);
	*to += at - begin;
	r->at = at;
}

/* The string whose opening quote is at r->at; decoded in place. */
static struct laned_str
take_string(struct reader *r)
{
	size_t begin = r->at + 1, to = begin;

	r->at = begin;
	take_plain(r, &to);
	while (r->status == LANED_OK && r->at < r->n && r->p[r->at] != '"') {
		if (r->p[r->at] != '\\') {
			fail(r, r->at, "a control character in a string");
			continue;
		}
		r->at++;
		to += take_escape(r, r->p + to);
		take_plain(r, &to);
	}
	if (r->at >= r->n)
		fail(r, begin - 1, "a string without end");
	else
		r->at++;
	return (struct laned_str){ r->p + begin, to - begin };
}

static size_t
take_digits(struct reader *r)
{
	size_t begin = r->at, at = begin;

	while (at < r->n && r->p[at] >= '0' && r->p[at] <= '9')
		at++;
	r->at = at;
	return at - begin;
}

static void
take_number(struct reader *r, struct laned_json_node *node)
{
	size_t begin = r->at, digits_at;
	int64_t value = 0;
	int exact = 1;

	if (peek(r) == '-')
		r->at++;
	digits_at = r->at;
	if (take_digits(r) == 0)
		fail(r, begin, "no JSON value");
	else if (r->p[digits_at] == '0' && r->at - digits_at > 1)
		fail(r, begin, "a number with leading zeros");
	for (size_t i = digits_at; i < r->at && exact; i++) {
		value = value * 10 + (r->p[i] - '0');
		exact = value <= INT_MAX_EXACT;
	}
	if (peek(r) == '.') {
		exact = 0;
		r->at++;
		if (take_digits(r) == 0)
			fail(r, begin, "a fraction without digits");
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		exact = 0;
		r->at++;
		if (peek(r) == '+' || peek(r) == '-')
			r->at++;
		if (take_digits(r) == 0)
			fail(r, begin, "an exponent without digits");
	}
	node->kind = exact ? LANED_JSON_INT : LANED_JSON_DECIMAL;
	node->i = exact ? (r->p[begin] == '-' ? -value : value) : 0;
	node->text = (struct laned_str){ r->p + begin, r->at - begin };
}

static void
take_word(struct reader *r, struct laned_json_node *node)
{
	static const struct {
		const char *word;
		uint32_t kind;
		int64_t i;
	} words[] = { { "null", LANED_JSON_NULL, 0 },
		      { "true", LANED_JSON_BOOL, 1 },
		      { "false", LANED_JSON_BOOL, 0 } };

	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
		size_t n = strlen(words[w].word);

		if (r->n - r->at < n || memcmp(r->p + r->at, words[w].word, n) != 0)
			continue;
		node->kind = words[w].kind;
		node->i = words[w].i;
		r->at += n;
		return;
	}
	fail(r, r->at, "no JSON value");
}

/* A new node, linked below the innermost container; NULL when there is no room. */
static struct laned_json_node *
add_node(struct reader *r, struct laned_str name)
{
	struct laned_json_node *node;
	uint32_t index = r->j->used;

	if (index >= r->j->nodes_max) {
		fail(r, r->at, "too many values");
		if (r->status == LANED_INVALID)
			r->status = LANED_TOO_LARGE;
		return NULL;
	}
	node = &r->j->nodes[index];
	memset(node, 0, sizeof(*node));
	node->name = name;
	node->line = r->line;
	node->column = column_of(r, r->at);
	r->j->used++;
	if (r->depth > 0) {
		struct laned_json_node *parent = &r->j->nodes[r->open[r->depth - 1]];

		if (parent->count++ == 0)
			parent->first = index;
		else
			r->j->nodes[r->last[r->depth - 1]].next = index;
		r->last[r->depth - 1] = index;
	}
	return node;
}

static void
open_container(struct reader *r, struct laned_json_node *node)
{
	if (r->depth >= LANED_JSON_DEPTH_MAX) {
		fail(r, r->at, "nested too deeply");
		return;
	}
	node->kind = peek(r) == '{' ? LANED_JSON_OBJECT : LANED_JSON_ARRAY;
	r->names[r->depth] = 0;
	r->open[r->depth++] = (uint32_t)(node - r->j->nodes);
	r->at++;
}

/* One value; a container is only opened. */
static void
take_value(struct reader *r, struct laned_str name)
{
	struct laned_json_node *node;
	char c = peek(r);

	node = add_node(r, name);
	if (node == NULL)
		return;
	if (c == '{' || c == '[') {
		open_container(r, node);
	} else if (c == '"') {
		node->kind = LANED_JSON_STRING;
		node->text = take_string(r);
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		take_number(r, node);
	} else {
		take_word(r, node);
	}
}

/* Names of which this bit is not the same are not the same. */
static uint64_t
bit_of(struct laned_str name)
{
	unsigned char first = name.n == 0 ? 0 : (unsigned char)name.p[0];

	return UINT64_C(1) << ((first + 11 * name.n) % 64);
}

static int
has_member(const struct laned_json *j, const struct laned_json_node *object,
	   struct laned_str name)
{
	for (const struct laned_json_node *m = laned_json_first(j, object); m != NULL;
	     m = laned_json_next(j, m))
		/* Most differ in their length, or at once. */
		if (m->name.n == name.n && (name.n == 0 || m->name.p[0] == name.p[0]) &&
		    laned_str_eq(m->name, name))
			return 1;
	return 0;
}

static void
take_member(struct reader *r)
{
	const struct laned_json_node *object = &r->j->nodes[r->open[r->depth - 1]];
	size_t begin = r->at;
	struct laned_str name;
	uint64_t bit;

	if (peek(r) != '"') {
		fail(r, r->at, "a member's name in quotes is missing");
		return;
	}
	if (object->count >= LANED_JSON_MEMBERS_MAX) {
		fail(r, r->at, "too many members in one object");
		return;
	}
	name = take_string(r);
	if (r->status != LANED_OK)
		return;
	bit = bit_of(name);
	if ((r->names[r->depth - 1] & bit) != 0 && has_member(r->j, object, name))
		fail(r, begin, "a member's name comes twice");
	r->names[r->depth - 1] |= bit;
	skip_space(r);
	if (peek(r) != ':')
		fail(r, r->at, "a colon is missing");
	r->at++;
	skip_space(r);
	if (r->status == LANED_OK)
		take_value(r, name);
}

/* What stands between two values: a comma or the end of containers. */
static void
take_separator(struct reader *r)
{
	const struct laned_json_node *box = &r->j->nodes[r->open[r->depth - 1]];
	int object = box->kind == LANED_JSON_OBJECT;
	char c = peek(r);

	if (c == (object ? '}' : ']')) {
		r->depth--;
		r->at++;
		return;
	}
	if (box->count > 0) {
		if (c != ',') {
			fail(r, r->at, "a comma or the end is missing");
			return;
		}
		r->at++;
		skip_space(r);
	}
	if (object)
		take_member(r);
	else
		take_value(r, (struct laned_str){ NULL, 0 });
}

/* Where the text stops being UTF-8, character by character. */
static void
find_bad_byte(struct reader *r)
{
	size_t good = 0;

	while (good < r->n) {
		size_t length = 1;

		while (length < 4 && length < r->n - good &&
		       !laned_utf8_ok((struct laned_str){ r->p + good, length }))
			length++;
		if (!laned_utf8_ok((struct laned_str){ r->p + good, length }))
			break;
		if (r->p[good] == '\n') {
			r->line++;
			r->line_at = good + 1;
		}
		good += length;
	}
	fail(r, good, "not UTF-8, or a NUL");
}

int
laned_json_parse(struct laned_json *j, char *text, size_t n)
{
	struct reader r = { .p = text, .n = n, .j = j, .line = 1 };

	j->used = 0;
	if (n > LANED_FILE_BYTES_MAX) {
		fail(&r, 0, "the text is too long");
		r.status = LANED_TOO_LARGE;
	} else if (!laned_utf8_ok((struct laned_str){ text, n })) {
		find_bad_byte(&r);
	} else {
		skip_space(&r);
		take_value(&r, (struct laned_str){ NULL, 0 });
	}
	while (r.status == LANED_OK && r.depth > 0) {
		skip_space(&r);
		take_separator(&r);
	}
	skip_space(&r);
	if (r.status == LANED_OK && r.at < n)
		fail(&r, r.at, "something follows the end");
	return r.status;
}

const struct laned_json_node *
laned_json_first(const struct laned_json *j, const struct laned_json_node *parent)
{
	return parent->first == 0 ? NULL : &j->nodes[parent->first];
}

const struct laned_json_node *
laned_json_next(const struct laned_json *j, const struct laned_json_node *node)
{
	return node->next == 0 ? NULL : &j->nodes[node->next];
}

const struct laned_json_node *
laned_json_member(const struct laned_json *j, const struct laned_json_node *object,
		  const char *name)
{
	struct laned_str wanted = laned_str_of(name);

	if (object->kind != LANED_JSON_OBJECT)
		return NULL;
	for (const struct laned_json_node *m = laned_json_first(j, object); m != NULL;
	     m = laned_json_next(j, m))
		/* Most differ in their length. */
		if (m->name.n == wanted.n && laned_str_eq(m->name, wanted))
			return m->kind == LANED_JSON_NULL ? NULL : m;
	return NULL;
}
