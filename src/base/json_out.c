#include "base/json.h"

#include "base/json_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OUT_BYTES_FIRST ((size_t)512)

struct json_out {
	char *p; /* NUL-terminated, or NULL */
	size_t used, bytes, bytes_max;
	int err;
	unsigned depth;
	struct {
		bool object, filled;
	} open[JSON_DEPTH_MAX];
	bool complete; /* the one value at the top has begun */
};

static void
out_fail(struct json_out *o, int err)
{
	if (o->err == 0)
		o->err = err;
}

/* The old buffer is wiped: a token may have stood in it. */
static int
out_grow(struct json_out *o, size_t n)
{
	size_t bytes = o->bytes == 0 ? OUT_BYTES_FIRST : o->bytes;
	char *p;

	if (n > o->bytes_max - o->used)
		return -EMSGSIZE;
	while (bytes - o->used <= n)
		bytes *= 2;
	p = malloc(bytes);
	if (p == NULL)
		return -ENOMEM;
	if (o->p != NULL) {
		memcpy(p, o->p, o->used);
		explicit_bzero(o->p, o->used);
		free(o->p);
	}
	o->p = p;
	o->bytes = bytes;
	return 0;
}

static bool
make_room(struct json_out *o, size_t n)
{
	int rc = o->err == 0 ? out_grow(o, n) : 0;

	if (rc < 0)
		out_fail(o, rc);
	return o->err == 0;
}

/* Room for n more bytes and a NUL. False when an error stands. */
static inline bool
reserve(struct json_out *o, size_t n)
{
	if (o->err == 0 && n <= o->bytes_max - o->used && n < o->bytes - o->used)
		return true;
	return make_room(o, n);
}

static void
put(struct json_out *o, struct str s)
{
	if (s.n == 0 || !reserve(o, s.n))
		return;
	memcpy(o->p + o->used, s.p, s.n);
	o->used += s.n;
	o->p[o->used] = '\0';
}

static void
put_char(struct json_out *o, char c)
{
	if (!reserve(o, 1))
		return;
	o->p[o->used++] = c;
	o->p[o->used] = '\0';
}

static void
put_escaped(struct json_out *o, unsigned char c)
{
	static const char short_from[] = "\"\\\b\f\n\r\t";
	static const char short_to[] = "\"\\bfnrt";
	const char *at = strchr(short_from, c);
	char text[8];
	struct strbuf b;

	strbuf_init(&b, text, sizeof(text));
	if (at != NULL)
		strbuf_addf(&b, "\\%c", short_to[at - short_from]);
	else
		strbuf_addf(&b, "\\u%04x", c);
	put(o, (struct str){ text, b.used });
}

/*
 * Writes s in quotes, for which there is room, as far as it stands in a string as it is; returns
 * whether that was all.
 */
static bool
put_plain(struct json_out *o, struct str s)
{
	char *to = o->p + o->used;
	size_t plain = json_plain_bytes(s.p, s.n), n = plain;

	*to++ = '"';
	if (n > 0)
		memcpy(to, s.p, n);
	if (n == s.n)
		to[n++] = '"';
	to[n] = '\0';
	o->used += n + 1;
	return plain == s.n;
}

/* What put_plain() left off at start, and the quote. */
static void
put_rest(struct json_out *o, struct str s, size_t start)
{
	if (!str_utf8_ok(s)) {
		out_fail(o, -EILSEQ);
		return;
	}
	for (size_t i = start; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		put(o, (struct str){ s.p + start, i - start });
		put_escaped(o, c);
		start = i + 1;
	}
	if (s.n > start)
		put(o, (struct str){ s.p + start, s.n - start });
	put_char(o, '"');
}

static void
put_string(struct json_out *o, struct str s)
{
	size_t began = o->used + 1;

	if (s.n > SIZE_MAX / 4) /* more than any writer takes */
		out_fail(o, -EMSGSIZE);
	else if (reserve(o, s.n + 2) && !put_plain(o, s))
		put_rest(o, s, o->used - began);
}

/* A comma perhaps, the name, which mostly stands as it is, and a colon. */
static void
put_name(struct json_out *o, const char *name, bool comma)
{
	size_t n = strlen(name);
	char *to;

	if (json_plain_bytes(name, n) < n || !reserve(o, n + 3 + comma)) {
		if (comma)
			put_char(o, ',');
		put_string(o, (struct str){ name, n });
		put_char(o, ':');
		return;
	}
	to = o->p + o->used;
	*to = ',';
	to += comma;
	*to++ = '"';
	memcpy(to, name, n);
	to += n;
	*to++ = '"';
	*to++ = ':';
	*to = 0;
	o->used = (size_t)(to - o->p);
}

/* Comma, name and colon before a value. False when an error stands. */
static bool
begin_value(struct json_out *o, const char *name)
{
	bool comma;

	if (o == NULL || o->err != 0)
		return false;
	if (o->depth == 0) {
		assert(name == NULL);
		assert(!o->complete); /* one value a text */
		o->complete = true;
		return true;
	}
	assert(o->open[o->depth - 1].object == (name != NULL));
	comma = o->open[o->depth - 1].filled;
	o->open[o->depth - 1].filled = true;
	if (name != NULL)
		put_name(o, name, comma);
	else if (comma)
		put_char(o, ',');
	return o->err == 0;
}

static void
open_bracket(struct json_out *o, const char *name, bool object)
{
	if (!begin_value(o, name))
		return;
	if (o->depth == JSON_DEPTH_MAX) {
		out_fail(o, -EMSGSIZE);
		return;
	}
	put_char(o, object ? '{' : '[');
	o->open[o->depth].object = object;
	o->open[o->depth].filled = false;
	o->depth++;
}

static void
write_scalar(struct json_out *o, const char *name, const struct value *v)
{
	switch (v->kind) {
	case VALUE_BOOL:
		json_bool(o, name, v->i != 0);
		break;
	case VALUE_INT:
		json_int(o, name, v->i);
		break;
	case VALUE_DECIMAL:
		json_decimal(o, name, v->s);
		break;
	case VALUE_STRING:
		json_str(o, name, v->s);
		break;
	case VALUE_NULL:
	case VALUE_ARRAY:
	case VALUE_OBJECT:
		json_null(o, name);
		break;
	}
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t
json_number_bytes(const char *p, size_t n, bool *ret_whole)
{
	size_t i = 0, start;

	*ret_whole = true;
	if (i < n && p[i] == '-')
		i++;
	start = i;
	while (i < n && is_digit(p[i]))
		i++;
	if (i == start || (p[start] == '0' && i > start + 1))
		return 0;
	if (i < n && p[i] == '.') {
		*ret_whole = false;
		start = ++i;
		while (i < n && is_digit(p[i]))
			i++;
		if (i == start)
			return 0;
	}
	if (i < n && (p[i] == 'e' || p[i] == 'E')) {
		*ret_whole = false;
		i++;
		if (i < n && (p[i] == '+' || p[i] == '-'))
			i++;
		start = i;
		while (i < n && is_digit(p[i]))
			i++;
		if (i == start)
			return 0;
	}
	return i;
}

struct json_out *
json_out_new(size_t bytes_max)
{
	struct json_out *o = calloc(1, sizeof(*o));

	if (o != NULL)
		o->bytes_max = bytes_max > SIZE_MAX / 4 ? SIZE_MAX / 4 : bytes_max;
	return o;
}

struct json_out *
json_out_free(struct json_out *o)
{
	if (o == NULL)
		return NULL;
	json_out_reset(o);
	free(o->p);
	free(o);
	return NULL;
}

void
json_out_reset(struct json_out *o)
{
	if (o == NULL)
		return;
	if (o->p != NULL)
		explicit_bzero(o->p, o->used);
	o->used = 0;
	o->err = 0;
	o->depth = 0;
	o->complete = false;
}

void
json_open_object(struct json_out *o, const char *name)
{
	open_bracket(o, name, true);
}

void
json_open_array(struct json_out *o, const char *name)
{
	open_bracket(o, name, false);
}

void
json_close(struct json_out *o)
{
	if (o == NULL || o->err != 0)
		return;
	assert(o->depth > 0);
	o->depth--;
	put_char(o, o->open[o->depth].object ? '}' : ']');
}

void
json_int(struct json_out *o, const char *name, int64_t value)
{
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char digits[24], *end = digits + sizeof(digits), *at = end;

	if (!begin_value(o, name))
		return;
	if (value > JSON_INTEGER_MAX || value < -JSON_INTEGER_MAX) {
		out_fail(o, -ERANGE);
		return;
	}
	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		*--at = '-';
	put(o, (struct str){ at, (size_t)(end - at) });
}

void
json_bool(struct json_out *o, const char *name, bool value)
{
	if (begin_value(o, name))
		put(o, value ? STR("true") : STR("false"));
}

void
json_null(struct json_out *o, const char *name)
{
	if (begin_value(o, name))
		put(o, STR("null"));
}

void
json_str(struct json_out *o, const char *name, struct str value)
{
	if (begin_value(o, name))
		put_string(o, value);
}

void
json_cstr(struct json_out *o, const char *name, const char *value)
{
	if (value == NULL)
		json_null(o, name);
	else
		json_str(o, name, str_of(value));
}

void
json_decimal(struct json_out *o, const char *name, struct str digits)
{
	bool whole;

	if (!begin_value(o, name))
		return;
	if (digits.n == 0 || digits.n > JSON_NUMBER_BYTES_MAX ||
	    json_number_bytes(digits.p, digits.n, &whole) != digits.n)
		out_fail(o, -EILSEQ);
	put(o, digits);
}

void
json_value(struct json_out *o, const char *name, const struct value *v)
{
	const struct value *parents[JSON_DEPTH_MAX];
	const struct value *at = v;
	unsigned depth = 0;

	while (o != NULL && o->err == 0) {
		const char *own = name;

		if (depth > 0)
			own = parents[depth - 1]->kind == VALUE_OBJECT ? at->name.p
								       : NULL;
		if (at->kind == VALUE_ARRAY || at->kind == VALUE_OBJECT)
			open_bracket(o, own, at->kind == VALUE_OBJECT);
		else
			write_scalar(o, own, at);
		if (at->first != NULL && o->err == 0) {
			assert(depth < JSON_DEPTH_MAX); /* the writer's own limit */
			parents[depth++] = at;
			at = at->first;
			continue;
		}
		if (at->kind == VALUE_ARRAY || at->kind == VALUE_OBJECT)
			json_close(o);
		while (depth > 0 && at->next == NULL) {
			at = parents[--depth];
			json_close(o);
		}
		if (depth == 0)
			return;
		at = at->next;
	}
}

int
json_out_text(struct json_out *o, struct str *ret_text)
{
	if (o == NULL)
		return -ENOMEM;
	if (o->err != 0)
		return o->err;
	if (o->depth > 0 || !o->complete)
		return -EINVAL;
	*ret_text = (struct str){ o->p, o->used };
	return 0;
}
