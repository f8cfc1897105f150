#include "unit.h"

#include "base/plain/money.h"

#include <errno.h>
#include <stdbool.h>

START_TEST(sums_and_products_refuse_overflow_and_keep_the_target)
{
	int64_t v = 77;

	ck_assert_int_eq(money_add(2, 3, &v), 0);
	ck_assert_int_eq(v, 5);
	ck_assert_int_eq(money_sub(2, 3, &v), 0);
	ck_assert_int_eq(v, -1);
	ck_assert_int_eq(money_mul(-2, 3, &v), 0);
	ck_assert_int_eq(v, -6);
	ck_assert_int_eq(money_add(INT64_MAX, 1, &v), -ERANGE);
	ck_assert_int_eq(money_add(INT64_MIN, -1, &v), -ERANGE);
	ck_assert_int_eq(money_sub(INT64_MIN, 1, &v), -ERANGE);
	ck_assert_int_eq(money_sub(0, INT64_MIN, &v), -ERANGE);
	ck_assert_int_eq(money_mul(INT64_MIN, -1, &v), -ERANGE);
	ck_assert_int_eq(money_mul(INT64_C(1) << 32, INT64_C(1) << 31, &v), -ERANGE);
	ck_assert_int_eq(v, -6);
	ck_assert_int_eq(money_add(INT64_MAX, 0, &v), 0);
	ck_assert_int_eq(v, INT64_MAX);
}
END_TEST

static const struct {
	int64_t a, num, den;
	int64_t half_up, half_even, down;
} muldiv_cases[] = {
	{ 0, 5, 3, 0, 0, 0 },
	{ 10, 1, 4, 3, 2, 2 },     /* 2.5 */
	{ 14, 1, 4, 4, 4, 3 },     /* 3.5 */
	{ -10, 1, 4, -3, -2, -2 }, /* -2.5 */
	{ -14, 1, 4, -4, -4, -3 },
	{ 10, -1, 4, -3, -2, -2 },
	{ 9, 1, 4, 2, 2, 2 },  /* 2.25 */
	{ 11, 1, 4, 3, 3, 2 }, /* 2.75 */
	{ -11, 1, 4, -3, -3, -2 },
	{ 1, 1, 3, 0, 0, 0 },
	{ 2, 1, 3, 1, 1, 0 },
	{ 1, 1, 2, 1, 0, 0 },
	{ 3, 1, 2, 2, 2, 1 },
	{ 999, 1500, BP_ONE, 150, 150, 149 }, /* 149.85 */
	{ 1250, 1000, BP_ONE, 125, 125, 125 },
	{ INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX },
	{ INT64_MIN, INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN, INT64_MIN },
	{ INT64_MIN, 1, 1, INT64_MIN, INT64_MIN, INT64_MIN },
	{ INT64_MAX, 1, 2, INT64_C(4611686018427387904), INT64_C(4611686018427387904),
	  INT64_C(4611686018427387903) },
};

START_TEST(muldiv_rounds_once_by_the_mode_asked_for)
{
	for (size_t i = 0; i < sizeof(muldiv_cases) / sizeof(muldiv_cases[0]); i++) {
		int64_t a = muldiv_cases[i].a, num = muldiv_cases[i].num;
		int64_t den = muldiv_cases[i].den, v = 0;

		ck_assert_int_eq(money_muldiv(a, num, den, ROUND_HALF_UP, &v), 0);
		ck_assert_int_eq(v, muldiv_cases[i].half_up);
		ck_assert_int_eq(money_muldiv(a, num, den, ROUND_NET_HALF_UP, &v), 0);
		ck_assert_int_eq(v, muldiv_cases[i].half_up);
		ck_assert_int_eq(money_muldiv(a, num, den, ROUND_HALF_EVEN, &v), 0);
		ck_assert_int_eq(v, muldiv_cases[i].half_even);
		ck_assert_int_eq(money_muldiv(a, num, den, ROUND_DOWN, &v), 0);
		ck_assert_int_eq(v, muldiv_cases[i].down);
	}
}
END_TEST

/* Against the definition, in small numbers: |result * den - a * num| <= den / 2. */
START_TEST(muldiv_is_never_further_than_half_a_unit)
{
	for (int64_t a = -60; a <= 60; a++) {
		for (int64_t den = 1; den <= 60; den++) {
			int64_t up = 0, even = 0, down = 0, exact = a * 7;

			ck_assert_int_eq(money_muldiv(a, 7, den, ROUND_HALF_UP, &up), 0);
			ck_assert_int_eq(money_muldiv(a, 7, den, ROUND_HALF_EVEN, &even),
					 0);
			ck_assert_int_eq(money_muldiv(a, 7, den, ROUND_DOWN, &down), 0);
			ck_assert_int_le(2 * llabs(up * den - exact), den);
			ck_assert_int_le(2 * llabs(even * den - exact), den);
			ck_assert_int_eq(down, exact / den);
			if (2 * llabs(even * den - exact) == den)
				ck_assert_int_eq(even % 2, 0);
			else
				ck_assert_int_eq(even, up);
		}
	}
}
END_TEST

START_TEST(muldiv_refuses_what_does_not_fit)
{
	int64_t v = 77;

	ck_assert_int_eq(money_muldiv(INT64_MAX, 2, 1, ROUND_DOWN, &v), -ERANGE);
	ck_assert_int_eq(money_muldiv(INT64_MIN, -1, 1, ROUND_DOWN, &v), -ERANGE);
	ck_assert_int_eq(money_muldiv(INT64_MIN, INT64_MIN, 1, ROUND_DOWN, &v), -ERANGE);
	ck_assert_int_eq(v, 77);
}
END_TEST

static const struct {
	const char *alpha3;
	uint16_t numeric;
	uint8_t exponent;
} currency_cases[] = {
	{ "EUR", 978, 2 }, { "USD", 840, 2 }, { "JPY", 392, 0 }, { "KWD", 414, 3 },
	{ "CLF", 990, 4 }, { "ALL", 8, 2 },   { "AED", 784, 2 }, { "ZWG", 924, 2 },
	{ "TND", 788, 3 }, { "ISK", 352, 0 }, { "HUF", 348, 2 }, { "XOF", 952, 0 },
};

START_TEST(currencies_have_code_and_exponent)
{
	uint16_t numeric;
	uint8_t exponent;

	for (size_t i = 0; i < sizeof(currency_cases) / sizeof(currency_cases[0]); i++) {
		ck_assert_int_eq(
			currency_find(currency_cases[i].alpha3, &numeric, &exponent), 0);
		ck_assert_uint_eq(numeric, currency_cases[i].numeric);
		ck_assert_uint_eq(exponent, currency_cases[i].exponent);
	}
	numeric = 7;
	ck_assert_int_eq(currency_find("eur", &numeric, &exponent), -ENOENT);
	ck_assert_int_eq(currency_find("EU", &numeric, &exponent), -ENOENT);
	ck_assert_int_eq(currency_find("EURO", &numeric, &exponent), -ENOENT);
	ck_assert_int_eq(currency_find("XXX", &numeric, &exponent), -ENOENT);
	ck_assert_int_eq(currency_find("XAU", &numeric, &exponent), -ENOENT);
	ck_assert_int_eq(currency_find("", &numeric, &exponent), -ENOENT);
	ck_assert_uint_eq(numeric, 7);
}
END_TEST

START_TEST(no_two_currencies_share_a_number)
{
	bool seen[1000] = { false };
	unsigned count = 0;

	for (int i = 0; i < 26 * 26 * 26; i++) {
		char alpha3[4] = { (char)('A' + i / 676), (char)('A' + i / 26 % 26),
				   (char)('A' + i % 26), '\0' };
		uint16_t numeric = 0;
		uint8_t exponent = 0;

		if (currency_find(alpha3, &numeric, &exponent) < 0)
			continue;
		count++;
		ck_assert_uint_lt(numeric, 1000);
		ck_assert_msg(!seen[numeric], "%s", alpha3);
		ck_assert_uint_le(exponent, 4);
		seen[numeric] = true;
	}
	ck_assert_uint_ge(count, 150);
}
END_TEST

static const struct {
	int64_t amount;
	uint8_t exponent;
	const char *text;
} format_cases[] = {
	{ 0, 2, "0.00" },
	{ 5, 2, "0.05" },
	{ -5, 2, "-0.05" },
	{ 1205, 2, "12.05" },
	{ -1205, 2, "-12.05" },
	{ 1205, 0, "1205" },
	{ 1205, 3, "1.205" },
	{ 1205, 4, "0.1205" },
	{ 100000, 2, "1000.00" },
	{ INT64_MAX, 2, "92233720368547758.07" },
	{ INT64_MIN, 0, "-9223372036854775808" },
	{ INT64_MIN, 4, "-922337203685477.5808" },
};

START_TEST(amounts_are_written_with_their_minor_digits)
{
	for (size_t i = 0; i < sizeof(format_cases) / sizeof(format_cases[0]); i++) {
		const char *text = format_cases[i].text;
		char buf[24];

		ck_assert_int_eq(money_format(buf, sizeof(buf), format_cases[i].amount,
					      format_cases[i].exponent),
				 0);
		ck_assert_str_eq(buf, text);
		ck_assert_int_eq(money_format(buf, strlen(text) + 1,
					      format_cases[i].amount,
					      format_cases[i].exponent),
				 0);
		ck_assert_int_eq(money_format(buf, strlen(text), format_cases[i].amount,
					      format_cases[i].exponent),
				 -ENOSPC);
	}
}
END_TEST

START_TEST(numbers_are_read_exactly_or_said_to_be_rounded)
{
	static const struct {
		const char *text;
		uint8_t digits;
		int rc;
		int64_t value;
		bool exact;
	} rows[] = {
		{ "0", 2, 0, 0, true },
		{ "12", 2, 0, 1200, true },
		{ "12.05", 2, 0, 1205, true },
		{ "-12.05", 2, 0, -1205, true },
		{ "+.5", 2, 0, 50, true },
		{ "5.", 2, 0, 500, true },
		{ "1.500", 2, 0, 150, true },
		{ "1.504", 2, 0, 150, false },
		{ "1.505", 2, 0, 151, false },
		{ "-1.505", 2, 0, -151, false },
		{ "0.999", 2, 0, 100, false },
		{ "7", 0, 0, 7, true },
		{ "7.5", 0, 0, 8, false },
		{ "0.420", 3, 0, 420, true },
		{ "0007", 1, 0, 70, true },
		{ "10000000000", 2, 0, INT64_C(1000000000000), true },
		{ "10000000000.00", 2, 0, INT64_C(1000000000000), true },
		{ "10000000000.005", 2, -ERANGE, 0, true },
		{ "10000000000.01", 2, -ERANGE, 0, true },
		{ "99999999999999999999999999", 2, -ERANGE, 0, true },
		{ "", 2, -EINVAL, 0, true },
		{ ".", 2, -EINVAL, 0, true },
		{ "-", 2, -EINVAL, 0, true },
		{ "--1", 2, -EINVAL, 0, true },
		{ "1,5", 2, -EINVAL, 0, true },
		{ "1.5.5", 2, -EINVAL, 0, true },
		{ "1e3", 2, -EINVAL, 0, true },
		{ " 1", 2, -EINVAL, 0, true },
		{ "1 ", 2, -EINVAL, 0, true },
		{ "1.x", 0, -EINVAL, 0, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t value = 77;
		bool exact = false;
		int rc =
			money_parse(str_of(rows[i].text), rows[i].digits, &value, &exact);

		ck_assert_msg(rc == rows[i].rc, "\"%s\": %d", rows[i].text, rc);
		ck_assert_msg(value == (rc == 0 ? rows[i].value : 77), "\"%s\": %lld",
			      rows[i].text, (long long)value);
		ck_assert_msg(rc < 0 || exact == rows[i].exact, "\"%s\"", rows[i].text);
	}
}
END_TEST

/* What is written is read back. */
START_TEST(amounts_survive_writing_and_reading)
{
	for (int64_t a = -MONEY_MINOR_MAX; a <= MONEY_MINOR_MAX;
	     a += MONEY_MINOR_MAX / 977 + 1)
		for (uint8_t digits = 0; digits <= 4; digits++) {
			char text[32];
			int64_t value = 0;
			bool exact = false;

			ck_assert_int_eq(money_format(text, sizeof(text), a, digits), 0);
			ck_assert_int_eq(
				money_parse(str_of(text), digits, &value, &exact), 0);
			ck_assert(value == a && exact);
		}
}
END_TEST

UNIT_MAIN("money", sums_and_products_refuse_overflow_and_keep_the_target,
	  muldiv_rounds_once_by_the_mode_asked_for,
	  muldiv_is_never_further_than_half_a_unit, muldiv_refuses_what_does_not_fit,
	  currencies_have_code_and_exponent, no_two_currencies_share_a_number,
	  amounts_are_written_with_their_minor_digits,
	  numbers_are_read_exactly_or_said_to_be_rounded,
	  amounts_survive_writing_and_reading)
