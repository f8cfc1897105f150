#include "unit.h"

#include "base/plain/ids.h"

#include <errno.h>

#define WALL_MS_MAX ((INT64_C(1) << 48) - 1)

static const uint8_t random_bytes[10] = { 0xd6, 0x76, 0x4c, 0x61, 0xef,
					  0xb9, 0x93, 0x02, 0xbd, 0x5b };

/* The time part of the ULID specification's own example. */
START_TEST(ulid_text_is_crockford_base_32)
{
	static const uint8_t zeros[10] = { 0 };
	static const uint8_t ones[10] = {
		255, 255, 255, 255, 255, 255, 255, 255, 255, 255
	};
	char buf[ULID_TEXT_BYTES];

	ulid_text(buf, ulid_make(INT64_C(1469922850259), zeros));
	ck_assert_str_eq(buf, "01ARZ3NDEK0000000000000000");
	ulid_text(buf, ulid_make(0, zeros));
	ck_assert_str_eq(buf, "00000000000000000000000000");
	ulid_text(buf, ulid_make(WALL_MS_MAX, ones));
	ck_assert_str_eq(buf, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
}
END_TEST

START_TEST(ulid_goes_through_text_in_either_case)
{
	for (int64_t wall = 1; wall < WALL_MS_MAX; wall *= 7) {
		struct ulid id = ulid_make(wall, random_bytes), back = { { 0 } };
		char buf[ULID_TEXT_BYTES];

		ulid_text(buf, id);
		ck_assert_int_eq(ulid_parse(str_of(buf), &back), 0);
		ck_assert(ulid_eq(id, back));
		ck_assert_int_eq(ulid_wall_ms(back), wall);
		for (size_t i = 0; buf[i] != '\0'; i++)
			if (buf[i] >= 'A')
				buf[i] = (char)(buf[i] + 32);
		back = (struct ulid){ { 0 } };
		ck_assert_int_eq(ulid_parse(str_of(buf), &back), 0);
		ck_assert(ulid_eq(id, back));
	}
}
END_TEST

START_TEST(ulid_time_is_clamped)
{
	ck_assert_int_eq(ulid_wall_ms(ulid_make(-1, random_bytes)), 0);
	ck_assert_int_eq(ulid_wall_ms(ulid_make(INT64_MIN, random_bytes)), 0);
	ck_assert_int_eq(ulid_wall_ms(ulid_make(WALL_MS_MAX + 1, random_bytes)),
			 WALL_MS_MAX);
	ck_assert_int_eq(ulid_wall_ms(ulid_make(INT64_MAX, random_bytes)), WALL_MS_MAX);
}
END_TEST

START_TEST(ulid_texts_sort_as_their_times)
{
	char earlier[ULID_TEXT_BYTES], later[ULID_TEXT_BYTES];
	static const uint8_t high[10] = { 255, 255, 255, 255, 255 }, low[10] = { 0 };

	for (int64_t wall = 1; wall < WALL_MS_MAX / 3; wall *= 3) {
		ulid_text(earlier, ulid_make(wall, high));
		ulid_text(later, ulid_make(wall + 1, low));
		ck_assert_str_lt(earlier, later);
	}
}
END_TEST

START_TEST(ulid_refuses_what_is_none)
{
	static const char *const bad[] = {
		"",
		"01ARZ3NDEK000000000000000",
		"01ARZ3NDEK00000000000000000",
		"81ARZ3NDEK0000000000000000", /* over 128 bits */
		"Z1ARZ3NDEK0000000000000000",
		"01ARZ3NDEK000000000000000I",
		"01ARZ3NDEK000000000000000L",
		"01ARZ3NDEK000000000000000O",
		"01ARZ3NDEK000000000000000U",
		"01ARZ3NDEK000000000000000u",
		"01ARZ3NDEK000000000000000-",
		" 1ARZ3NDEK0000000000000000",
	};
	struct ulid id = { { 7 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(ulid_parse(str_of(bad[i]), &id) == -EINVAL, "%s", bad[i]);
	ck_assert_int_eq(ulid_parse(STR("01ARZ3NDEK00000000000000\0000"), &id), -EINVAL);
	ck_assert_uint_eq(id.b[0], 7);
}
END_TEST

START_TEST(zero_and_equality_look_at_all_bytes)
{
	struct ulid zero = { { 0 } };
	struct key128 no_key = { { 0 } };

	ck_assert(ulid_is_zero(zero));
	ck_assert(key128_is_zero(no_key));
	for (size_t i = 0; i < 16; i++) {
		struct ulid id = { { 0 } };
		struct key128 k = { { 0 } };

		id.b[i] = 1;
		k.b[i] = 0x80;
		ck_assert(!ulid_is_zero(id));
		ck_assert(!ulid_eq(id, zero));
		ck_assert(ulid_eq(id, id));
		ck_assert(!key128_is_zero(k));
		ck_assert(!key128_eq(k, no_key));
		ck_assert(key128_eq(k, k));
	}
}
END_TEST

START_TEST(key_goes_through_text)
{
	struct key128 k, back = { { 0 } };
	char buf[KEY128_TEXT_BYTES];

	for (uint8_t i = 0; i < 16; i++)
		k.b[i] = (uint8_t)(17 * i);
	key128_text(buf, k);
	ck_assert_str_eq(buf, "00112233445566778899aabbccddeeff");
	ck_assert_int_eq(key128_parse(str_of(buf), &back), 0);
	ck_assert(key128_eq(k, back));
	ck_assert_int_eq(key128_parse(STR("00112233445566778899aabbccddeef"), &back),
			 -EINVAL);
	ck_assert_int_eq(key128_parse(STR("00112233445566778899aabbccddeeffa"), &back),
			 -EINVAL);
	ck_assert_int_eq(key128_parse(STR("00112233445566778899aabbccddeefg"), &back),
			 -EINVAL);
	ck_assert(key128_eq(k, back));
}
END_TEST

UNIT_MAIN("ids", ulid_text_is_crockford_base_32, ulid_goes_through_text_in_either_case,
	  ulid_time_is_clamped, ulid_texts_sort_as_their_times, ulid_refuses_what_is_none,
	  zero_and_equality_look_at_all_bytes, key_goes_through_text)
