#include "laned/sdk.h"

#include <string.h>

/* A run of UTF-8: the lead byte's range, its length, and the range of the second byte. */
struct utf8_row {
	uint8_t lead_min, lead_max, length, second_min, second_max;
};

/* The Unicode Standard, table 3-7 "Well-Formed UTF-8 Byte Sequences", without U+0000. */
static const struct utf8_row utf8_rows[] = {
	{ 0x01, 0x7f, 1, 0x00, 0xff }, { 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf }, { 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static int
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static int
hex_value(char c)
{
	int l = lower(c);

	if (l >= '0' && l <= '9')
		return l - '0';
	return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

static size_t
utf8_length(const uint8_t *p, size_t n)
{
	for (size_t r = 0; r < sizeof(utf8_rows) / sizeof(utf8_rows[0]); r++) {
		const struct utf8_row *row = &utf8_rows[r];

		if (p[0] < row->lead_min || p[0] > row->lead_max)
			continue;
		if (row->length > n)
			return 0;
		if (row->length > 1 && (p[1] < row->second_min || p[1] > row->second_max))
			return 0;
		for (size_t i = 2; i < row->length; i++)
			if ((p[i] & 0xc0) != 0x80)
				return 0;
		return row->length;
	}
	return 0;
}

/* How many of the first bytes are ASCII but NUL; a multiple of 8, so perhaps there are more. */
static size_t
ascii_bytes(const char *p, size_t n)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
	size_t i = 0;

	for (; n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t bytes;

		memcpy(&bytes, p + i, sizeof(bytes));
		/* Of bytes below 0x80 only a NUL borrows. */
		if (((bytes | (bytes - ones)) & highs) != 0)
			break;
	}
	return i;
}

int
laned_utf8_ok(struct laned_str s)
{
	for (size_t i = ascii_bytes(s.p, s.n); i < s.n;) {
		size_t length = utf8_length((const uint8_t *)s.p + i, s.n - i);

		if (length == 0)
			return 0;
		i += length;
	}
	return 1;
}

struct laned_str
laned_str_of(const char *text)
{
	struct laned_str s = { text, 0 };

	if (text != NULL)
		s.n = strlen(text);
	return s;
}

int
laned_str_eq(struct laned_str a, struct laned_str b)
{
	if (a.n != b.n || a.n == 0)
		return a.n == b.n;
	return a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0;
}

int
laned_str_is(struct laned_str a, const char *text)
{
	return laned_str_eq(a, laned_str_of(text));
}

int
laned_str_ends(struct laned_str a, const char *suffix)
{
	size_t n = strlen(suffix);

	if (n > a.n)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (lower(a.p[a.n - n + i]) != lower(suffix[i]))
			return 0;
	return 1;
}

void
laned_key_hex(char buf[LANED_KEY_HEX_BYTES], const struct laned_key *key)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(key->b); i++) {
		buf[2 * i] = digits[key->b[i] >> 4];
		buf[2 * i + 1] = digits[key->b[i] & 15];
	}
	buf[LANED_KEY_HEX_BYTES - 1] = '\0';
}

int
laned_key_parse(struct laned_str hex, struct laned_key *ret_key)
{
	struct laned_key key;

	if (hex.n != LANED_KEY_HEX_BYTES - 1)
		return LANED_INVALID;
	for (size_t i = 0; i < sizeof(key.b); i++) {
		int high = hex_value(hex.p[2 * i]), low = hex_value(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return LANED_INVALID;
		key.b[i] = (uint8_t)(high << 4 | low);
	}
	*ret_key = key;
	return LANED_OK;
}

int
laned_key_eq(const struct laned_key *a, const struct laned_key *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int
laned_key_is_zero(const struct laned_key *k)
{
	static const struct laned_key zero;

	return laned_key_eq(k, &zero);
}

void
laned_text_init(struct laned_text *t, char *buf, size_t bytes)
{
	t->p = buf;
	t->bytes = bytes;
	t->used = 0;
	t->truncated = 0;
	buf[0] = '\0';
}

void
laned_text_str(struct laned_text *t, struct laned_str s)
{
	if (t->truncated || s.n >= t->bytes - t->used) {
		t->truncated = 1;
		return;
	}
	if (s.n > 0)
		memcpy(t->p + t->used, s.p, s.n);
	t->used += s.n;
	t->p[t->used] = '\0';
}

void
laned_text_add(struct laned_text *t, const char *s)
{
	laned_text_str(t, laned_str_of(s));
}

static size_t
decimal_digits(uint64_t value)
{
	size_t n = 1;

	for (; value >= 10; value /= 10)
		n++;
	return n;
}

void
laned_text_int(struct laned_text *t, int64_t value)
{
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	size_t n = decimal_digits(rest) + (value < 0);
	char *at;

	if (t->truncated || n >= t->bytes - t->used) {
		t->truncated = 1;
		return;
	}
	at = t->p + t->used + n;
	*at = '\0';
	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		*--at = '-';
	t->used += n;
}
