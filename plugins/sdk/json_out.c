#include "plain.h"

#include "laned/sdk.h"

#include <string.h>

static void
put(struct laned_json_out *o, const char *p, size_t n)
{
	if (o->status != LANED_OK)
		return;
	if (n > o->bytes - o->used) {
		o->status = LANED_TOO_LARGE;
		return;
	}
	if (n > 0)
		memcpy(o->p + o->used, p, n);
	o->used += n;
}

static void
put_escaped(struct laned_json_out *o, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	char escape[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };

	if (c == '"' || c == '\\')
		put(o, c == '"' ? "\\\"" : "\\\\", 2);
	else
		put(o, escape, sizeof(escape));
}

/* All of s in quotes, when it stands there as it is and there is room. 1 or 0. */
static int
put_plainly(struct laned_json_out *o, struct laned_str s)
{
	char *to = o->p + o->used;

	if (o->status != LANED_OK || o->bytes - o->used < 2 ||
	    s.n > o->bytes - o->used - 2 || plain_bytes(s.p, s.n) < s.n)
		return 0;
	to[0] = '"';
	if (s.n > 0)
		memcpy(to + 1, s.p, s.n);
	to[s.n + 1] = '"';
	o->used += s.n + 2;
	return 1;
}

static void
put_quoted(struct laned_json_out *o, struct laned_str s)
{
	size_t start = 0;

	if (put_plainly(o, s))
		return;
	if (!laned_utf8_ok(s)) {
		o->status = LANED_INVALID;
		return;
	}
	put(o, "\"", 1);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x20 && c != 0x7f && c != '"' && c != '\\')
			continue;
		put(o, s.p + start, i - start);
		put_escaped(o, c);
		start = i + 1;
	}
	if (s.n > start)
		put(o, s.p + start, s.n - start);
	put(o, "\"", 1);
}

/* The comma before a value and the name of a member. */
static void
begin(struct laned_json_out *o, const char *name)
{
	if (o->filled[o->depth])
		put(o, ",", 1);
	o->filled[o->depth] = 1;
	if (name == NULL)
		return;
	put_quoted(o, laned_str_of(name));
	put(o, ":", 1);
}

void
laned_json_out_init(struct laned_json_out *o, char *buf, size_t bytes)
{
	memset(o, 0, sizeof(*o));
	o->p = buf;
	o->bytes = bytes;
}

void
laned_json_open(struct laned_json_out *o, const char *name, char bracket)
{
	begin(o, name);
	if (o->depth >= LANED_JSON_DEPTH_MAX)
		o->status = LANED_INVALID;
	if (o->status != LANED_OK)
		return;
	put(o, &bracket, 1);
	o->close[o->depth++] = bracket == '{' ? '}' : ']';
	o->filled[o->depth] = 0;
}

void
laned_json_close(struct laned_json_out *o)
{
	if (o->depth == 0)
		o->status = LANED_INVALID;
	if (o->status != LANED_OK)
		return;
	o->depth--;
	put(o, &o->close[o->depth], 1);
}

void
laned_json_int(struct laned_json_out *o, const char *name, int64_t value)
{
	struct laned_text t;
	char buf[24];

	begin(o, name);
	if (o->status == LANED_OK && o->bytes - o->used >= sizeof(buf)) {
		laned_text_init(&t, o->p + o->used, sizeof(buf));
		laned_text_int(&t, value);
		o->used += t.used;
		return;
	}
	laned_text_init(&t, buf, sizeof(buf));
	laned_text_int(&t, value);
	put(o, buf, t.used);
}

void
laned_json_bool(struct laned_json_out *o, const char *name, int value)
{
	begin(o, name);
	put(o, value ? "true" : "false", value ? 4 : 5);
}

void
laned_json_str(struct laned_json_out *o, const char *name, struct laned_str value)
{
	begin(o, name);
	put_quoted(o, value);
}

int
laned_json_done(const struct laned_json_out *o, struct laned_str *ret_text)
{
	if (o->status != LANED_OK)
		return o->status;
	if (o->depth > 0)
		return LANED_INVALID;
	*ret_text = (struct laned_str){ o->p, o->used };
	return LANED_OK;
}

int
laned_json_line(const struct laned_json_out *o, struct laned_str *ret_line)
{
	struct laned_str text = { NULL, 0 };
	int rc = laned_json_done(o, &text);

	if (rc != LANED_OK)
		return rc;
	if (text.n >= o->bytes)
		return LANED_TOO_LARGE;
	o->p[text.n++] = '\n';
	*ret_line = text;
	return LANED_OK;
}
