#include "unit.h"

#include "base/plain/str.h"

#include <errno.h>

START_TEST(compares_by_length_and_bytes)
{
	ck_assert(str_is(STR("abc"), "abc"));
	ck_assert(!str_is(STR("abc"), "abcd"));
	ck_assert(!str_is(STR("abc"), "ab"));
	ck_assert(!str_is(STR("abc"), "abd"));
	ck_assert(!str_is(STR("a\0c"), "a"));
	ck_assert(str_eq(STR("a\0c"), STR("a\0c")));
	ck_assert(!str_eq(STR("a\0c"), STR("a\0d")));
	ck_assert(str_is(str_of(NULL), ""));
	ck_assert(str_eq((struct str){ NULL, 0 }, STR("")));
}
END_TEST

/* Texts from the Unicode Standard's table of well-formed sequences and just beside it. */
static const struct {
	struct str text;
	bool ok;
} utf8_cases[] = {
#define U(literal, ok)                                                                   \
	{                                                                                \
		{ (literal), sizeof(literal) - 1 }, (ok)                                 \
	}
	U("", true),
	U("plain", true),
	U("\x7f", true),
	U("\xc2\x80", true),
	U("\xdf\xbf", true),
	U("\xe0\xa0\x80", true),
	U("\xed\x9f\xbf", true),
	U("\xee\x80\x80", true),
	U("\xef\xbf\xbf", true),
	U("\xf0\x90\x80\x80", true),
	U("\xf4\x8f\xbf\xbf", true),
	U("a\xc3\xa4"
	  "b",
	  true),
	U("\0", false),
	U("a\0b", false),
	U("\x80", false),
	U("\xbf", false),
	U("\xc0\x80", false),
	U("\xc1\xbf", false),
	U("\xc2", false),
	U("\xc2\x7f", false),
	U("\xc2\xc0", false),
	U("\xe0\x9f\xbf", false),
	U("\xe1\x80", false),
	U("\xe1\x80\x7f", false),
	U("\xed\xa0\x80", false),
	U("\xed\xbf\xbf", false),
	U("\xf0\x8f\xbf\xbf", false),
	U("\xf0\x90\x80", false),
	U("\xf0\x90\x80\xc0", false),
	U("\xf4\x90\x80\x80", false),
	U("\xf5\x80\x80\x80", false),
	U("\xff", false),
#undef U
};

START_TEST(utf8_is_judged_as_the_standard_says)
{
	for (size_t i = 0; i < sizeof(utf8_cases) / sizeof(utf8_cases[0]); i++)
		ck_assert_msg(str_utf8_ok(utf8_cases[i].text) == utf8_cases[i].ok,
			      "case %zu", i);
}
END_TEST

/* An encoder of the test's own. */
static size_t
encode(uint32_t c, char b[4])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };

	b[0] = (char)(lead[n] | c >> 6 * (n - 1));
	for (size_t i = 1; i < n; i++)
		b[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
	return n;
}

START_TEST(utf8_takes_every_character_and_no_surrogate)
{
	uint32_t wrong = 0;

	for (uint32_t c = 1; c <= 0x10ffff && wrong == 0; c++) {
		char b[4];
		size_t n = encode(c, b);

		if (str_utf8_ok((struct str){ b, n }) == (c >= 0xd800 && c <= 0xdfff) ||
		    (n > 1 && str_utf8_ok((struct str){ b, n - 1 })))
			wrong = c;
	}
	ck_assert_msg(wrong == 0, "U+%04X", wrong);
}
END_TEST

START_TEST(digits_are_counted)
{
	ck_assert(str_digits_ok(STR("0"), 1));
	ck_assert(str_digits_ok(STR("0123456789"), 10));
	ck_assert(!str_digits_ok(STR("0123456789"), 9));
	ck_assert(!str_digits_ok(STR(""), 9));
	ck_assert(!str_digits_ok(STR("12a"), 9));
	ck_assert(!str_digits_ok(STR("-1"), 9));
	ck_assert(!str_digits_ok(STR(" 1"), 9));
	ck_assert(!str_digits_ok(STR("1/"), 9));
	ck_assert(!str_digits_ok(STR("1:"), 9));
}
END_TEST

START_TEST(copy_fits_or_leaves_the_empty_string)
{
	char buf[4] = "xyz";

	ck_assert_int_eq(str_copy(buf, sizeof(buf), STR("abc")), 0);
	ck_assert_str_eq(buf, "abc");
	ck_assert_int_eq(str_copy(buf, sizeof(buf), STR("abcd")), -ENOSPC);
	ck_assert_str_eq(buf, "");
	ck_assert_int_eq(str_copy(buf, sizeof(buf), STR("a\0c")), -EINVAL);
	ck_assert_str_eq(buf, "");
	ck_assert_int_eq(str_copy(buf, sizeof(buf), str_of(NULL)), 0);
	buf[0] = 'x';
	ck_assert_int_eq(str_copy(buf, 0, STR("")), -ENOSPC);
	ck_assert_int_eq(buf[0], 'x');
}
END_TEST

static const struct {
	const char *text;
	int rc;
	int64_t value;
} i64_cases[] = {
	{ "0", 0, 0 },
	{ "-0", 0, 0 },
	{ "007", 0, 7 },
	{ "42", 0, 42 },
	{ "-42", 0, -42 },
	{ "9223372036854775807", 0, INT64_MAX },
	{ "-9223372036854775808", 0, INT64_MIN },
	{ "9223372036854775808", -ERANGE, 0 },
	{ "-9223372036854775809", -ERANGE, 0 },
	{ "9223372036854775817", -ERANGE, 0 },
	{ "99999999999999999999999", -ERANGE, 0 },
	{ "00000000000000000000000000000001", 0, 1 },
	{ "", -EINVAL, 0 },
	{ "-", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ " 1", -EINVAL, 0 },
	{ "1 ", -EINVAL, 0 },
	{ "1.0", -EINVAL, 0 },
	{ "0x10", -EINVAL, 0 },
	{ "--1", -EINVAL, 0 },
};

START_TEST(integers_are_read_to_the_last_bit)
{
	for (size_t i = 0; i < sizeof(i64_cases) / sizeof(i64_cases[0]); i++) {
		int64_t value = 77;
		int rc = str_to_i64(str_of(i64_cases[i].text), &value);

		ck_assert_msg(rc == i64_cases[i].rc, "'%s' gives %d", i64_cases[i].text,
			      rc);
		ck_assert_int_eq(value, rc == 0 ? i64_cases[i].value : 77);
	}
}
END_TEST

START_TEST(hex_goes_there_and_back)
{
	static const uint8_t data[] = { 0x00, 0x01, 0x9a, 0xff };
	uint8_t back[4] = { 7, 7, 7, 7 };
	char buf[9];

	ck_assert_int_eq(hex_encode(buf, sizeof(buf), data, 4), 0);
	ck_assert_str_eq(buf, "00019aff");
	ck_assert_int_eq(hex_encode(buf, 8, data, 4), -ENOSPC);
	ck_assert_int_eq(hex_encode(buf, 0, data, 0), -ENOSPC);
	ck_assert_int_eq(hex_encode(buf, 1, data, 0), 0);
	ck_assert_str_eq(buf, "");
	ck_assert_int_eq(hex_decode(back, 4, STR("00019AfF")), 0);
	ck_assert_mem_eq(back, data, 4);
	back[0] = 7;
	ck_assert_int_eq(hex_decode(back, 4, STR("00019Af")), -EINVAL);
	ck_assert_int_eq(hex_decode(back, 4, STR("00019Aff0")), -EINVAL);
	ck_assert_int_eq(hex_decode(back, 4, STR("00019Aff00")), -EINVAL);
	ck_assert_int_eq(hex_decode(back, 4, STR("00019Afg")), -EINVAL);
	ck_assert_int_eq(hex_decode(back, 4, STR("0001 9af")), -EINVAL);
	ck_assert_int_eq(back[0], 7);
}
END_TEST

START_TEST(builder_stops_at_the_first_piece_that_does_not_fit)
{
	char buf[8];
	struct strbuf b;

	strbuf_init(&b, buf, sizeof(buf));
	ck_assert_str_eq(buf, "");
	strbuf_add(&b, STR("abc"));
	strbuf_addf(&b, "%d", 1234);
	ck_assert_str_eq(buf, "abc1234");
	ck_assert(!b.truncated);
	strbuf_add(&b, STR("x"));
	ck_assert(b.truncated);
	ck_assert_str_eq(buf, "abc1234");

	strbuf_init(&b, buf, sizeof(buf));
	strbuf_addf(&b, "%s", "ab");
	strbuf_addf(&b, "%s", "123456");
	ck_assert(b.truncated);
	ck_assert_str_eq(buf, "ab");
	strbuf_add(&b, STR("c")); /* would fit, but something is missing before it */
	strbuf_addf(&b, "%d", 1);
	ck_assert_str_eq(buf, "ab");
	ck_assert_uint_eq(b.used, 2);
}
END_TEST

/* What is wrong is seen at every distance from the beginning, and so is what is right. */
START_TEST(utf8_is_judged_behind_any_run_of_ascii)
{
	static const struct {
		struct str text;
		bool ok;
	} ends[] = {
		{ { "\0", 1 }, false },         { { "\x01", 1 }, true },
		{ { "\x7f", 1 }, true },        { { "\x80", 1 }, false },
		{ { "\xc3\xa4", 2 }, true },    { { "\xff", 1 }, false },
		{ { "\0\x80", 2 }, false },     { { "\xc3", 1 }, false },
		{ { "\x01\x02\0", 3 }, false },
	};
	char text[40];

	for (size_t before = 0; before < 24; before++)
		for (size_t after = 0; after < 10; after++)
			for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
				size_t n = before + ends[i].text.n;

				memset(text, 'a', sizeof(text));
				memcpy(text + before, ends[i].text.p, ends[i].text.n);
				ck_assert(str_utf8_ok((struct str){ text, n + after }) ==
					  ends[i].ok);
			}
}
END_TEST

START_TEST(integers_are_written_in_decimal)
{
	static const struct {
		int64_t value;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ -1, "-1" },
		{ 10, "10" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};
	char buf[24], small[3];
	struct strbuf b;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strbuf_init(&b, buf, sizeof(buf));
		strbuf_int(&b, cases[i].value);
		ck_assert_str_eq(buf, cases[i].text);
	}
	strbuf_init(&b, small, sizeof(small));
	strbuf_int(&b, 100);
	ck_assert(b.truncated);
	ck_assert_str_eq(small, "");
}
END_TEST

UNIT_MAIN("str", compares_by_length_and_bytes, utf8_is_judged_as_the_standard_says,
	  utf8_is_judged_behind_any_run_of_ascii, integers_are_written_in_decimal,
	  utf8_takes_every_character_and_no_surrogate, digits_are_counted,
	  copy_fits_or_leaves_the_empty_string, integers_are_read_to_the_last_bit,
	  hex_goes_there_and_back, builder_stops_at_the_first_piece_that_does_not_fit)
