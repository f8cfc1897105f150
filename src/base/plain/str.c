#include "base/plain/str.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A run of UTF-8: the lead byte's range, its length, and the range of the second byte. */
struct utf8_class {
	uint8_t lead_min, lead_max, length, second_min, second_max;
};

/* The Unicode Standard, table 3-7 "Well-Formed UTF-8 Byte Sequences", but for U+0000. */
static const struct utf8_class utf8_classes[] = {
	{ 0x01, 0x7f, 1, 0x00, 0x00 }, { 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf }, { 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

/* The length of the well-formed character at p[0..n), or 0. */
static size_t
utf8_char_bytes(const unsigned char *p, size_t n)
{
	const struct utf8_class *c = NULL;

	for (size_t i = 0; i < sizeof(utf8_classes) / sizeof(utf8_classes[0]); i++) {
		if (p[0] >= utf8_classes[i].lead_min &&
		    p[0] <= utf8_classes[i].lead_max) {
			c = &utf8_classes[i];
			break;
		}
	}
	if (c == NULL || c->length > n)
		return 0;
	if (c->length > 1 && (p[1] < c->second_min || p[1] > c->second_max))
		return 0;
	for (size_t i = 2; i < c->length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return c->length;
}

/* How many of the first bytes are ASCII but NUL; a multiple of 8, so perhaps there are more. */
static size_t
ascii_bytes(const unsigned char *p, size_t n)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
	size_t i = 0;

	for (; n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t bytes;

		memcpy(&bytes, p + i, sizeof(bytes));
		/* Of bytes below 0x80 only a NUL borrows, and only the lowest of them needs to tell. */
		if (((bytes | (bytes - ones)) & highs) != 0)
			break;
	}
	return i;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static size_t
decimal_digits(uint64_t value)
{
	size_t n = 1;

	for (; value >= 10; value /= 10)
		n++;
	return n;
}

struct str
str_of(const char *s)
{
	if (s == NULL)
		return (struct str){ "", 0 };
	return (struct str){ s, strlen(s) };
}

bool
str_eq(struct str a, struct str b)
{
	if (a.n != b.n || a.n == 0)
		return a.n == b.n;
	return a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0;
}

bool
str_is(struct str a, const char *s)
{
	return str_eq(a, str_of(s));
}

bool
str_utf8_ok(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = ascii_bytes(p, s.n);

	while (i < s.n) {
		size_t length = utf8_char_bytes(p + i, s.n - i);

		if (length == 0)
			return false;
		i += length;
	}
	return true;
}

bool
str_digits_ok(struct str s, size_t n_max)
{
	if (s.n < 1 || s.n > n_max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

int
str_copy(char *buf, size_t bytes, struct str s)
{
	if (bytes > 0)
		buf[0] = '\0';
	if (s.n >= bytes)
		return -ENOSPC;
	if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL)
		return -EINVAL;
	if (s.n > 0)
		memcpy(buf, s.p, s.n);
	buf[s.n] = '\0';
	return 0;
}

int
str_to_i64(struct str s, int64_t *ret_value)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	struct str digits = s;
	int64_t value = 0;
	bool over = false;

	if (negative)
		digits = (struct str){ s.p + 1, s.n - 1 };
	if (!str_digits_ok(digits, digits.n))
		return -EINVAL;
	/* Counted downwards: the negative range is the longer one. */
	for (size_t i = 0; i < digits.n && !over; i++) {
		over = __builtin_mul_overflow(value, 10, &value) ||
		       __builtin_sub_overflow(value, digits.p[i] - '0', &value);
	}
	if (over || (!negative && value == INT64_MIN))
		return -ERANGE;
	*ret_value = negative ? value : -value;
	return 0;
}

int
hex_encode(char *buf, size_t buf_bytes, const void *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;

	if (buf_bytes == 0 || n > (buf_bytes - 1) / 2)
		return -ENOSPC;
	for (size_t i = 0; i < n; i++) {
		buf[2 * i] = digits[p[i] >> 4];
		buf[2 * i + 1] = digits[p[i] & 15];
	}
	buf[2 * n] = '\0';
	return 0;
}

int
hex_decode(void *data, size_t n, struct str hex)
{
	uint8_t *p = data;

	if (hex.n % 2 != 0 || hex.n / 2 != n)
		return -EINVAL;
	for (size_t i = 0; i < hex.n; i++)
		if (hex_digit(hex.p[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		unsigned high = (unsigned)hex_digit(hex.p[2 * i]);

		p[i] = (uint8_t)(high << 4 | (unsigned)hex_digit(hex.p[2 * i + 1]));
	}
	return 0;
}

void
strbuf_init(struct strbuf *b, char *buf, size_t bytes)
{
	assert(buf != NULL);
	assert(bytes > 0);
	*b = (struct strbuf){ buf, bytes, 0, false };
	buf[0] = '\0';
}

void
strbuf_add(struct strbuf *b, struct str s)
{
	assert(b->used < b->bytes);
	if (b->truncated)
		return;
	if (s.n >= b->bytes - b->used) {
		b->truncated = true;
		return;
	}
	if (s.n > 0)
		memcpy(b->p + b->used, s.p, s.n);
	b->used += s.n;
	b->p[b->used] = '\0';
}

void
strbuf_int(struct strbuf *b, int64_t value)
{
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	size_t n = decimal_digits(rest) + (value < 0);
	char *at;

	assert(b->used < b->bytes);
	if (b->truncated || n >= b->bytes - b->used) {
		b->truncated = true;
		return;
	}
	at = b->p + b->used + n;
	*at = '\0';
	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		*--at = '-';
	b->used += n;
}

void
strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	size_t room = b->bytes - b->used;
	va_list ap;
	int n;

	assert(b->used < b->bytes);
	if (b->truncated)
		return;
	va_start(ap, fmt);
	n = vsnprintf(b->p + b->used, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room) {
		b->p[b->used] = '\0';
		b->truncated = true;
		return;
	}
	b->used += (size_t)n;
}
