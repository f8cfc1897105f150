/* The PAN guard for packed digits, two a byte, as payment protocols write numbers. */
#include "base/plain/pan.h"

#define DIGITS_MIN 14u
#define DIGITS_MAX 19u
#define FIELD_BYTES_MAX 10u /* of a card number, filled up */
#define FILL 0xfu
#define SEPARATOR 0xdu /* in track 2, ISO/IEC 7813; '=' there */
#define SERVICE_DIGITS 3u

/* A card number that begins in the byte at first, maybe behind a filling 0. */
struct found {
	size_t first, used; /* bytes; the last one's second half may be filled */
	size_t end;         /* the half byte behind it */
	unsigned digits;
};

static unsigned
byte_at(struct str s, size_t i)
{
	return (unsigned char)s.p[i];
}

static unsigned
half(struct str s, size_t k)
{
	return k % 2 == 0 ? byte_at(s, k / 2) >> 4 : byte_at(s, k / 2) & 15u;
}

static bool
is_digit_at(struct str s, size_t k)
{
	return k < 2 * s.n && half(s, k) < 10;
}

static bool
is_printable(struct str s, size_t from, size_t n)
{
	if (from + n > s.n)
		return false;
	for (size_t i = from; i < from + n; i++)
		if (byte_at(s, i) != '\t' && (byte_at(s, i) < ' ' || byte_at(s, i) > '~'))
			return false;
	return true;
}

/* Letters are packed digits by their look: what is a text is looked at as one only. */
static bool
is_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (byte_at(s, i) < ' ' && byte_at(s, i) != '\t' &&
		    byte_at(s, i) != '\n' && byte_at(s, i) != '\r')
			return false;
	return str_utf8_ok(s);
}

/*
 * As many half bytes are digits, 10 in 16, as in what was drawn by lot, to within 3.5 standard deviations
 * (of n draws with p = 5/8: sqrt(n * 15/64)). Few bytes say nothing about that.
 */
static bool
looks_random(struct str s)
{
	int64_t n = 2 * (int64_t)s.n, digits = 0, off;

	if (s.n < 12)
		return false;
	for (size_t k = 0; k < 2 * s.n; k++)
		digits += half(s, k) < 10;
	off = 8 * digits - 5 * n;
	return off * off <= 184 * n;
}

/* ---- what stands around a number, so that it is no chance ---------------------------------- */

/* A length of so many bytes, of which the number does not use the last ones. */
static bool
is_length(struct str s, const struct found *f, unsigned bytes)
{
	if (bytes < f->used || bytes > FIELD_BYTES_MAX || f->first + bytes > s.n)
		return false;
	for (size_t i = f->first + f->used; i < f->first + bytes; i++)
		if (byte_at(s, i) != 0xff)
			return false;
	return true;
}

/* EMV's tag 5A with its length; the length in two bytes Fx Fy of ZVT. */
static bool
has_length(struct str s, const struct found *f)
{
	unsigned a, b;

	if (f->first < 2)
		return false;
	a = byte_at(s, f->first - 2);
	b = byte_at(s, f->first - 1);
	/* 'Z', the last letter of one text, and the length of another one. */
	if (a == 0x5a && f->first > 2 && is_printable(s, f->first - 3, 1) &&
	    is_printable(s, f->first, f->used))
		return false;
	return (a == 0x5a && is_length(s, f, b)) ||
	       (a >> 4 == FILL && b >> 4 == FILL && (a & 15) < 10 && (b & 15) < 10 &&
		is_length(s, f, (a & 15) * 10 + (b & 15)));
}

/* Track 2: the separator, YYMM, the service code. */
static bool
is_track(struct str s, const struct found *f)
{
	size_t k = f->end;
	unsigned month;

	if (k >= 2 * s.n || half(s, k) != SEPARATOR)
		return false;
	/* Letters, the last of them an M or its like. */
	if (k % 2 == 1 && is_printable(s, f->first, f->used))
		return false;
	for (size_t i = 1; i <= 4 + SERVICE_DIGITS; i++)
		if (!is_digit_at(s, k + i))
			return false;
	month = half(s, k + 3) * 10 + half(s, k + 4);
	return month >= 1 && month <= 12;
}

/* A field that is longer, filled up. */
static bool
is_filled(struct str s, const struct found *f)
{
	size_t i = f->first + f->used;

	return i + 2 <= s.n && byte_at(s, i) == 0xff && byte_at(s, i + 1) == 0xff;
}

/* The byte before it. */
static unsigned
byte_before(struct str s, const struct found *f)
{
	return f->first == 0 ? 0 : byte_at(s, f->first - 1);
}

/* The count of its digits, packed or binary, is in the byte before it; not that of letters. */
static bool
has_digit_count(struct str s, const struct found *f)
{
	unsigned n = byte_before(s, f);

	return (n == f->digits || n == f->digits / 10 * 16 + f->digits % 10) &&
	       !is_printable(s, f->first, f->digits);
}

/* The same, or the count of its bytes. */
static bool
has_count(struct str s, const struct found *f)
{
	return has_digit_count(s, f) ||
	       (byte_before(s, f) == f->used && !is_printable(s, f->first, f->used));
}

/*
 * Behind a 0 that fills it up. Packed commands, tags and amounts begin with 0, too (the 06 01 and 04 of ZVT),
 * and what follows them would be a card number of 17 or 19 digits one time in ten.
 */
static bool
may_be_an_amount(const struct found *f)
{
	return (f->end - f->digits) % 2 == 1 && f->digits != 15;
}

/* The type of a message of ISO 8583, packed or in letters, just before at. */
static bool
is_type(struct str s, size_t at)
{
	if (at < 2)
		return false;
	if (half(s, 2 * at - 4) <= 2 && half(s, 2 * at - 3) >= 1 &&
	    half(s, 2 * at - 3) <= 8 && half(s, 2 * at - 2) <= 9 &&
	    half(s, 2 * at - 1) <= 5)
		return true;
	for (size_t i = 1; i <= 4; i++)
		if (at < 4 || byte_at(s, at - i) < '0' || byte_at(s, at - i) > '9')
			return false;
	return true;
}

/* Field 2 of ISO 8583: behind the type, a map of 8 or 16 bytes that has it, and its count. */
static bool
is_field_2(struct str s, const struct found *f)
{
	if (!has_count(s, f))
		return false;
	for (size_t map = 8; map <= 16 && f->first > map + 2; map += 8) {
		size_t at = f->first - 1 - map;

		if ((byte_at(s, at) & 0xc0) == (map == 8 ? 0x40 : 0xc0) && is_type(s, at))
			return true;
	}
	return false;
}

/* No digit ends before the byte at i, nor a letter that looks like two. */
static bool
begins_at(struct str s, size_t i)
{
	return i == 0 || ((byte_at(s, i - 1) & 15) >= 10 && !is_printable(s, i - 1, 1));
}

/* No digit before it, but for its count, and none behind it. */
static bool
stands_alone(struct str s, const struct found *f)
{
	bool counted = may_be_an_amount(f) ? has_digit_count(s, f) : has_count(s, f);

	return ((begins_at(s, f->first) && !may_be_an_amount(f)) ||
		(counted && begins_at(s, f->first - 1))) &&
	       !is_digit_at(s, f->end) && !is_printable(s, f->first, f->used);
}

/* ---- looking ----------------------------------------------------------------------------- */

/* How it lies in its bytes: whole ones, or with a half to fill. A track may end anywhere. */
static bool
is_packed(struct str s, const struct found *f)
{
	return f->end % 2 == 0 || half(s, f->end) == FILL;
}

static bool
is_framed(struct str s, const struct found *f, bool random)
{
	if (is_track(s, f))
		return true;
	if (!is_packed(s, f))
		return false;
	return has_length(s, f) || is_field_2(s, f) || is_filled(s, f) ||
	       (!random && stands_alone(s, f));
}

/* Numbers whose digits begin with the half byte k. */
static bool
find_at(struct str s, size_t k, bool random)
{
	char digits[DIGITS_MAX];
	unsigned n = 0;

	while (n < DIGITS_MAX && is_digit_at(s, k + n)) {
		digits[n] = (char)('0' + half(s, k + n));
		n++;
	}
	for (; n >= DIGITS_MIN; n--) {
		const struct found f = { .first = k / 2,
					 .end = k + n,
					 .used = (k + n + 1) / 2 - k / 2,
					 .digits = n };

		if (pan_is_card((struct str){ digits, n }) && is_framed(s, &f, random))
			return true;
	}
	return false;
}

bool
pan_find_packed(struct str s)
{
	bool random;

	if (s.n < DIGITS_MIN / 2 || is_text(s))
		return false;
	random = looks_random(s);
	for (size_t i = 0; i + DIGITS_MIN / 2 <= s.n; i++)
		if (find_at(s, 2 * i, random) ||
		    (half(s, 2 * i) == 0 && find_at(s, 2 * i + 1, random)))
			return true;
	return false;
}

bool
pan_find_blob(struct str s)
{
	return pan_find(s, NULL, NULL) || pan_find_packed(s);
}
