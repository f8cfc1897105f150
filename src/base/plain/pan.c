#include "base/plain/pan.h"

#define PAN_DIGITS_MIN 14u
#define PAN_DIGITS_MAX 19u

/* Issuer ranges by their first four digits, with the lengths used there. */
static const struct issuer {
	unsigned first4_min, first4_max, digits_min, digits_max;
} issuers[] = {
	{ 3000, 3099, 14, 14 }, { 3600, 3699, 14, 14 }, { 3800, 3899, 14, 14 },
	{ 3400, 3499, 15, 15 }, { 3700, 3799, 15, 15 }, { 2221, 2720, 16, 16 },
	{ 3500, 3599, 16, 16 }, { 5100, 5599, 16, 16 }, { 8100, 8199, 16, 16 },
	{ 4000, 4999, 16, 19 }, { 5000, 5099, 16, 19 }, { 5600, 6999, 16, 19 },
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* True when a run of digits goes on at s.p[i] after one space or hyphen. */
static bool
joins(struct str s, size_t i)
{
	return i + 1 < s.n && (s.p[i] == ' ' || s.p[i] == '-') && is_digit(s.p[i + 1]);
}

bool
luhn_ok(struct str digits)
{
	unsigned sum = 0;

	if (digits.n < 2)
		return false;
	for (size_t i = 0; i < digits.n; i++) {
		char c = digits.p[digits.n - 1 - i];
		unsigned value = (unsigned)(c - '0');

		if (!is_digit(c))
			return false;
		if (i % 2 == 1)
			value = value < 5 ? 2 * value : 2 * value - 9;
		sum += value;
	}
	return sum % 10 == 0;
}

bool
pan_is_card(struct str digits)
{
	unsigned first4 = 0;

	if (digits.n < PAN_DIGITS_MIN || digits.n > PAN_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < 4; i++)
		first4 = first4 * 10 + (unsigned)(digits.p[i] - '0');
	for (size_t i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++) {
		const struct issuer *r = &issuers[i];

		if (first4 >= r->first4_min && first4 <= r->first4_max &&
		    digits.n >= r->digits_min && digits.n <= r->digits_max)
			return luhn_ok(digits);
	}
	return false;
}

/*
 * The end of the longest card number that begins with the group of digits at start and ends with
 * a group, or 0. Looking at the maximal run alone would miss a number with an expiry date or a
 * lane number beside it; so every sequence of whole groups of a run is looked at.
 */
static size_t
card_end(struct str s, size_t start)
{
	char digits[PAN_DIGITS_MAX];
	size_t n = 0, end = 0, i = start;

	while (i < s.n && n < PAN_DIGITS_MAX) {
		digits[n++] = s.p[i++];
		if (i < s.n && is_digit(s.p[i]))
			continue;
		if (pan_is_card((struct str){ digits, n }))
			end = i;
		if (!joins(s, i))
			break;
		i++;
	}
	return end;
}

bool
pan_find(struct str s, size_t *ret_start, size_t *ret_end)
{
	if (s.n < PAN_DIGITS_MIN)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		size_t end;

		if (!is_digit(s.p[i]) || (i > 0 && is_digit(s.p[i - 1])))
			continue;
		end = card_end(s, i);
		if (end == 0)
			continue;
		if (ret_start != NULL)
			*ret_start = i;
		if (ret_end != NULL)
			*ret_end = end;
		return true;
	}
	return false;
}

bool
pan_find_article(struct str s)
{
	return s.n > PAN_ARTICLE_BYTES_MAX && pan_find(s, NULL, NULL);
}

unsigned
pan_mask(char *buf, size_t n)
{
	size_t at = 0, start, end;
	unsigned runs = 0;

	while (pan_find((struct str){ buf + at, n - at }, &start, &end)) {
		for (size_t i = at + start; i < at + end; i++)
			if (is_digit(buf[i]))
				buf[i] = '*';
		at += end;
		runs++;
	}
	return runs;
}
