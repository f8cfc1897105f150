/*
 * The PAN guard on any text: once masked it holds no card number any more, and masking changes
 * nothing but digits. In the input the letters a-j stand for digits, so that no card number stands
 * in the corpus; '#' becomes the check digit of the digits before it.
 */
#include "base/plain/pan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RUN_DIGITS_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool fact)
{
	if (!fact)
		abort();
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits of the run that ends before text[n], at most RUN_DIGITS_MAX of them, in order. */
static size_t
run_before(const char *text, size_t n, char digits[RUN_DIGITS_MAX + 1])
{
	size_t count = 0;

	for (size_t i = n; i > 0 && count < RUN_DIGITS_MAX; i--) {
		if (is_digit(text[i - 1]))
			digits[RUN_DIGITS_MAX - 1 - count++] = text[i - 1];
		else if ((text[i - 1] != ' ' && text[i - 1] != '-') || i == n || i == 1 ||
			 !is_digit(text[i - 2]))
			break;
	}
	memmove(digits, digits + RUN_DIGITS_MAX - count, count);
	return count;
}

static void
translate(char *text, size_t n)
{
	char digits[RUN_DIGITS_MAX + 1];

	for (size_t i = 0; i < n; i++) {
		if (text[i] >= 'a' && text[i] <= 'j')
			text[i] = (char)(text[i] - 'a' + '0');
		if (text[i] == '#') {
			size_t count = run_before(text, i, digits);

			for (char c = '0'; count > 0 && c <= '9'; c++) {
				digits[count] = c;
				if (luhn_ok((struct str){ digits, count + 1 }))
					text[i] = c;
			}
		}
	}
}

/* The plainest case, told without the guard's own table: a run of 16 digits that begins with 4. */
static bool
has_plain_card(const char *text, size_t n)
{
	char digits[RUN_DIGITS_MAX + 1];

	for (size_t i = 1; i <= n; i++) {
		if (!is_digit(text[i - 1]) || (i < n && is_digit(text[i])))
			continue;
		if (run_before(text, i, digits) == 16 && digits[0] == '4' &&
		    luhn_ok((struct str){ digits, 16 }))
			return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *masked = malloc(size + 1);
	size_t start = 0, end = 0;
	bool found;

	must(text != NULL && masked != NULL);
	if (size > 0)
		memcpy(text, data, size);
	translate(text, size);
	memcpy(masked, text, size);
	found = pan_find((struct str){ text, size }, &start, &end);
	must(!found || (start < end && end <= size && is_digit(text[start]) &&
			is_digit(text[end - 1])));
	must(found || !has_plain_card(text, size));
	must((pan_mask(masked, size) > 0) == found);
	must(!pan_find((struct str){ masked, size }, NULL, NULL));
	for (size_t i = 0; i < size; i++)
		must(masked[i] == text[i] || (is_digit(text[i]) && masked[i] == '*'));
	free(text);
	free(masked);
	return 0;
}
