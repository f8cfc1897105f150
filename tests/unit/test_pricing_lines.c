#include "core/pricing/pricing_lines.h"

#include "unit.h"

#include <errno.h>

#define HEAD "{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":["

START_TEST(lines_become_one_set)
{
	static const struct {
		const char *lines, *want;
	} rows[] = {
		{ "", "]}" },
		{ "\n", "\n]}" },
		{ "{}", "{} \n]}" },
		{ "{}\n", "{} \n]}" },
		{ "{}\r\n", "{} \n]}" },
		{ "{}\n[]", "{},\n[] \n]}" },
		{ "{}\r\n\r\n\n[]\n", "{},\n\n\n[] \n]}" },
		{ "\n\n{}\n", "\n\n{} \n]}" },
		{ "\r\n\r", "\n\n]}" },
		{ "a\nb\nc", "a,\nb,\nc \n]}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL, want[256];
		size_t n = 0;

		(void)snprintf(want, sizeof(want), HEAD "%s", rows[i].want);
		ck_assert_int_eq(
			pricing_wrap_lines(str_of(rows[i].lines), "EUR", &text, &n), 0);
		ck_assert_uint_eq(n, strlen(want));
		ck_assert_msg(memcmp(text, want, n) == 0, "row %zu: %.*s", i, (int)n,
			      text);
		free(text);
	}
	ck_assert_uint_eq(strlen(HEAD), PRICING_WRAP_COLUMNS);
}
END_TEST

/* What stands on line n, column m stands there afterwards, but for the head on line 1. */
START_TEST(places_are_kept)
{
	static const char lines[] = "\r\n{\"a\":1}\n\n{\"b\":2}\r\nX";
	const char *in = lines;
	char *text = NULL;
	const char *out;
	size_t n = 0;

	ck_assert_int_eq(pricing_wrap_lines(STR("\r\n{\"a\":1}\n\n{\"b\":2}\r\nX"), "EUR",
					    &text, &n),
			 0);
	out = text + PRICING_WRAP_COLUMNS;
	while (in != NULL) {
		size_t len = strcspn(in, "\r\n");

		ck_assert_int_eq(memcmp(in, out, len), 0);
		in = strchr(in, '\n');
		in = in == NULL ? NULL : in + 1;
		out = (const char *)memchr(out, '\n', n - (size_t)(out - text)) + 1;
	}
	free(text);
}
END_TEST

START_TEST(only_lines_of_one_byte_need_the_most_room)
{
	char *lines = malloc(20000), *text = NULL;
	size_t n = 0;

	ck_assert_ptr_nonnull(lines);
	for (size_t i = 0; i < 20000; i++)
		lines[i] = i % 2 == 0 ? 'x' : '\n';
	for (size_t k = 0; k < 20000; k += 997) {
		ck_assert_int_eq(
			pricing_wrap_lines((struct str){ lines, k }, "EUR", &text, &n),
			0);
		free(text);
	}
	free(lines);
}
END_TEST

START_TEST(a_currency_has_three_letters)
{
	char *text = NULL;
	size_t n = 0;

	ck_assert_int_eq(pricing_wrap_lines(STR("{}"), "", &text, &n), -EINVAL);
	ck_assert_int_eq(pricing_wrap_lines(STR("{}"), "EU", &text, &n), -EINVAL);
	ck_assert_int_eq(pricing_wrap_lines(STR("{}"), "EURO", &text, &n), -EINVAL);
	ck_assert_ptr_null(text);
}
END_TEST

UNIT_MAIN("pricing_lines", lines_become_one_set, places_are_kept,
	  only_lines_of_one_byte_need_the_most_room, a_currency_has_three_letters)
