#include "unit.h"

#include "base/plain/caltime.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#define DAY_MS INT64_C(86400000)

static const struct {
	int64_t wall_ms;
	int32_t offset_s;
	struct civil civil;
} civil_cases[] = {
	{ 0, 0, { 1970, 1, 1, 0, 0, 0, 3 } },
	{ -1, 0, { 1969, 12, 31, 23, 59, 59, 2 } },
	{ 0, -1, { 1969, 12, 31, 23, 59, 59, 2 } },
	{ INT64_C(951782400000), 0, { 2000, 2, 29, 0, 0, 0, 1 } },
	{ INT64_C(951868800000), 0, { 2000, 3, 1, 0, 0, 0, 2 } },
	{ INT64_C(1795292103123), 7200, { 2026, 11, 21, 22, 15, 3, 5 } },
	{ INT64_C(1795298399999), 7200, { 2026, 11, 21, 23, 59, 59, 5 } },
	{ INT64_C(1795298400000), 7200, { 2026, 11, 22, 0, 0, 0, 6 } },
	{ INT64_C(4107542400000), 0, { 2100, 3, 1, 0, 0, 0, 0 } },
	{ INT64_C(-62135596800000), 0, { 1, 1, 1, 0, 0, 0, 0 } },
	{ INT64_C(253402300799999), 0, { 9999, 12, 31, 23, 59, 59, 4 } },
	/* outside the years 1..9999: the nearest moment inside */
	{ INT64_C(-62135596800001), 0, { 1, 1, 1, 0, 0, 0, 0 } },
	{ INT64_C(253402300800000), 0, { 9999, 12, 31, 23, 59, 59, 4 } },
	{ INT64_C(253402300799999), 1, { 9999, 12, 31, 23, 59, 59, 4 } },
	{ INT64_MIN, INT32_MIN, { 1, 1, 1, 0, 0, 0, 0 } },
	{ INT64_MAX, INT32_MAX, { 9999, 12, 31, 23, 59, 59, 4 } },
};

static bool
same(struct civil a, struct civil b)
{
	return a.year == b.year && a.month == b.month && a.day == b.day &&
	       a.hour == b.hour && a.minute == b.minute && a.second == b.second &&
	       a.weekday == b.weekday;
}

START_TEST(civil_time_is_right_at_the_edges)
{
	for (size_t i = 0; i < sizeof(civil_cases) / sizeof(civil_cases[0]); i++)
		ck_assert_msg(
			same(civil_of(civil_cases[i].wall_ms, civil_cases[i].offset_s),
			     civil_cases[i].civil),
			"case %zu", i);
}
END_TEST

/* libc's gmtime_r as the judge, each day of eight hundred years and a moment in it. */
START_TEST(civil_time_agrees_with_libc)
{
	for (int64_t day = -146097; day <= 146097; day++) {
		int64_t second = (day * 7919 % 86400 + 86400) % 86400;
		time_t t = (time_t)(day * 86400 + second);
		struct civil want;
		struct tm tm;

		if (gmtime_r(&t, &tm) == NULL)
			ck_abort();
		want = (struct civil){ tm.tm_year + 1900,
				       (uint8_t)(tm.tm_mon + 1),
				       (uint8_t)tm.tm_mday,
				       (uint8_t)tm.tm_hour,
				       (uint8_t)tm.tm_min,
				       (uint8_t)tm.tm_sec,
				       (uint8_t)((tm.tm_wday + 6) % 7) };
		if (!same(civil_of((int64_t)t * 1000 + 999, 0), want))
			ck_abort_msg("%lld", (long long)t);
	}
}
END_TEST

START_TEST(the_day_is_that_of_the_offset)
{
	int64_t midnight_utc = INT64_C(1795219200000); /* 2026-11-21 */

	ck_assert_int_eq(civil_yyyymmdd(midnight_utc, 0), 20261121);
	ck_assert_int_eq(civil_yyyymmdd(midnight_utc - 1, 0), 20261120);
	ck_assert_int_eq(civil_yyyymmdd(midnight_utc - 1, 1), 20261121);
	ck_assert_int_eq(civil_yyyymmdd(midnight_utc, -5 * 3600), 20261120);
	ck_assert_int_eq(civil_yyyymmdd(midnight_utc + DAY_MS - 1, 0), 20261121);
}
END_TEST

START_TEST(text_is_utc_with_milliseconds)
{
	char buf[RFC3339_BYTES];

	rfc3339_text(buf, INT64_C(1795292103123));
	ck_assert_str_eq(buf, "2026-11-21T20:15:03.123Z");
	rfc3339_text(buf, 0);
	ck_assert_str_eq(buf, "1970-01-01T00:00:00.000Z");
	rfc3339_text(buf, -1);
	ck_assert_str_eq(buf, "1969-12-31T23:59:59.999Z");
	rfc3339_text(buf, INT64_MIN);
	ck_assert_str_eq(buf, "0001-01-01T00:00:00.000Z");
	rfc3339_text(buf, INT64_MAX);
	ck_assert_str_eq(buf, "9999-12-31T23:59:59.999Z");
}
END_TEST

static const struct {
	const char *text;
	int64_t wall_ms;
	int has_zone;
} good[] = {
	{ "1970-01-01", 0, 0 },
	{ "1970-01-02T00:00", DAY_MS, 0 },
	{ "1970-01-01T00:00:00", 0, 0 },
	{ "1970-01-01T00:00:00.007", 7, 0 },
	{ "1970-01-01T00:00Z", 0, 1 },
	{ "1970-01-01T00:00:01Z", 1000, 1 },
	{ "2026-11-21T20:15:03.123Z", INT64_C(1795292103123), 1 },
	{ "2026-11-21T22:15:03.123+02:00", INT64_C(1795292103123), 1 },
	{ "2026-11-21T14:45:03.123-05:30", INT64_C(1795292103123), 1 },
	{ "2026-11-21T20:15:03.123", INT64_C(1795292103123), 0 },
	{ "2000-02-29T12:00+00:00", INT64_C(951825600000), 1 },
	{ "0001-01-01", INT64_C(-62135596800000), 0 },
	{ "9999-12-31T23:59:59.999Z", INT64_C(253402300799999), 1 },
};

START_TEST(every_form_of_date_and_time_is_read)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int64_t wall_ms = 77;
		int has_zone = 77;

		ck_assert_msg(rfc3339_parse(str_of(good[i].text), &wall_ms, &has_zone) ==
				      0,
			      "%s", good[i].text);
		ck_assert_msg(wall_ms == good[i].wall_ms, "%s: %lld", good[i].text,
			      (long long)wall_ms);
		ck_assert_int_eq(has_zone, good[i].has_zone);
		ck_assert_int_eq(rfc3339_parse(str_of(good[i].text), &wall_ms, NULL), 0);
	}
}
END_TEST

static const char *const bad[] = {
	"",
	"2026",
	"2026-11",
	"2026-11-",
	"2026-11-2",
	"2026-11-211",
	"26-11-21",
	"0000-01-01",
	"2026-00-21",
	"2026-13-21",
	"2026-11-00",
	"2026-11-31",
	"2026-02-29",
	"2100-02-29",
	"2026/11/21",
	"2026-11-21Z",
	"2026-11-21T",
	"2026-11-21T20",
	"2026-11-21T20:",
	"2026-11-21T24:00",
	"2026-11-21T20:60",
	"2026-11-21T20:15:60",
	"2026-11-21T20:15:03.",
	"2026-11-21T20:15:03.1",
	"2026-11-21T20:15:03.1234",
	"2026-11-21T20:15.123",
	"2026-11-21 20:15",
	"2026-11-21t20:15",
	"2026-11-21T20:15z",
	"2026-11-21T20:15+",
	"2026-11-21T20:15+02",
	"2026-11-21T20:15+0200",
	"2026-11-21T20:15+24:00",
	"2026-11-21T20:15+02:60",
	"2026-11-21T20:15ZZ",
	"2026-11-21T20:15Z ",
	" 2026-11-21",
	"+026-11-21",
	"2026-11-21T-1:15",
};

START_TEST(anything_else_is_refused_and_nothing_is_written)
{
	int64_t wall_ms = 77;
	int has_zone = 77;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(rfc3339_parse(str_of(bad[i]), &wall_ms, &has_zone) ==
				      -EINVAL,
			      "%s", bad[i]);
	ck_assert_int_eq(rfc3339_parse(STR("2026-11-21\0"), &wall_ms, NULL), -EINVAL);
	ck_assert_int_eq(wall_ms, 77);
	ck_assert_int_eq(has_zone, 77);
}
END_TEST

START_TEST(text_and_parser_are_inverse)
{
	for (int64_t wall = -INT64_C(62135596800000); wall < INT64_C(253402300800000);
	     wall += INT64_C(86398765432) / 7) {
		char buf[RFC3339_BYTES];
		int64_t back = 0;

		rfc3339_text(buf, wall);
		ck_assert_int_eq(rfc3339_parse(str_of(buf), &back, NULL), 0);
		ck_assert_int_eq(back, wall);
	}
}
END_TEST

UNIT_MAIN("caltime", civil_time_is_right_at_the_edges, civil_time_agrees_with_libc,
	  the_day_is_that_of_the_offset, text_is_utc_with_milliseconds,
	  every_form_of_date_and_time_is_read,
	  anything_else_is_refused_and_nothing_is_written, text_and_parser_are_inverse)
