#include "unit.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/timex.h>
#include <time.h>

static int64_t
moment(const char *text)
{
	int64_t wall_ms = 0;

	ck_assert_int_eq(rfc3339_parse(str_of(text), &wall_ms, NULL), 0);
	return wall_ms;
}

/* Laws of the past, which no later release of the zone data changes. */
static const struct {
	const char *zone, *moment;
	int32_t offset_s;
} zone_cases[] = {
	{ "Europe/Tallinn", "2024-01-15T12:00:00Z", 7200 },
	{ "Europe/Tallinn", "2024-07-15T12:00:00Z", 10800 },
	{ "Europe/Tallinn", "2024-03-31T00:59:59.999Z", 7200 },
	{ "Europe/Tallinn", "2024-03-31T01:00:00.000Z", 10800 },
	{ "Europe/Tallinn", "2024-10-27T00:59:59.999Z", 10800 },
	{ "Europe/Tallinn", "2024-10-27T01:00:00.000Z", 7200 },
	{ "America/New_York", "2024-01-15T12:00:00Z", -18000 },
	{ "America/New_York", "2024-07-15T12:00:00Z", -14400 },
	{ "Asia/Kolkata", "2024-07-15T12:00:00Z", 19800 },
	{ "UTC", "2024-07-15T12:00:00Z", 0 },
	{ "Europe/Tallinn", "1969-12-31T23:59:59.999Z", 10800 },
};

START_TEST(offsets_follow_the_zone_and_its_daylight_saving)
{
	for (size_t i = 0; i < sizeof(zone_cases) / sizeof(zone_cases[0]); i++) {
		int32_t offset_s = 77;

		ck_assert_msg(clock_zone_offset(zone_cases[i].zone,
						moment(zone_cases[i].moment),
						&offset_s) == 0,
			      "%s (is tzdata installed?)", zone_cases[i].zone);
		ck_assert_msg(offset_s == zone_cases[i].offset_s, "%s at %s: %d",
			      zone_cases[i].zone, zone_cases[i].moment, offset_s);
	}
}
END_TEST

START_TEST(unknown_zones_are_utc_and_said)
{
	static const char *const names[] = {
		"Mars/Olympus",
		"/etc/localtime",
		"../zoneinfo/UTC",
		"Europe/../UTC",
		"Europe",
		"EET-2EEST",
		":UTC",
		"tzdata.zi",
		"Europe/Tallinn ",
		"Europe/a-name-that-is-too-long-for-any-zone-in-the-database-of-zones",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct timepoint now = { .local_offset_s = 77 };

		for (int twice = 0; twice < 2; twice++)
			ck_assert_msg(clock_now(names[i], 0, &now) == -EINVAL, "%s",
				      names[i]);
		ck_assert_int_eq(now.local_offset_s, 0);
		ck_assert_int_eq(now.business_day, civil_yyyymmdd(now.wall_ms, 0));
		ck_assert_int_eq(clock_now("Asia/Kolkata", 0, &now), 0);
		ck_assert_int_eq(now.local_offset_s, 19800);
	}
}
END_TEST

START_TEST(empty_name_is_the_zone_the_process_found)
{
	int64_t when = moment("2024-07-15T12:00:00Z");
	int32_t offset_s = 0;

	ck_assert_int_eq(setenv("TZ", "America/New_York", 1), 0);
	ck_assert_int_eq(clock_zone_offset("", when, &offset_s), 0);
	ck_assert_int_eq(offset_s, -14400);
	ck_assert_int_eq(clock_zone_offset("Asia/Kolkata", when, &offset_s), 0);
	ck_assert_int_eq(offset_s, 19800);
	ck_assert_int_eq(clock_zone_offset("", when, &offset_s), 0);
	ck_assert_int_eq(offset_s, -14400);
}
END_TEST

START_TEST(business_day_begins_when_configured)
{
	for (int32_t start = -720; start <= 1440; start += 45) {
		struct timepoint now;

		ck_assert_int_eq(clock_now("Asia/Kolkata", start, &now), 0);
		ck_assert_int_eq(
			now.business_day,
			civil_yyyymmdd(now.wall_ms - INT64_C(60000) * start, 19800));
	}
}
END_TEST

/* Zone, start of the day in minutes, moment, business day. */
static const struct {
	const char *zone;
	int32_t start;
	const char *moment;
	int32_t day;
} day_cases[] = {
	{ "Europe/Berlin", 240, "2026-03-29T01:59:59Z", 20260328 }, /* 03:59:59 summer */
	{ "Europe/Berlin", 240, "2026-03-29T02:00:00Z", 20260329 },
	{ "Europe/Berlin", 150, "2026-03-29T00:59:59Z", 20260328 },
	{ "Europe/Berlin", 150, "2026-03-29T01:00:00Z",
	  20260329 }, /* 03:00: 02:30 never was */
	{ "Europe/Berlin", 240, "2026-10-25T02:59:59Z", 20261024 },
	{ "Europe/Berlin", 240, "2026-10-25T03:00:00Z", 20261025 },
	/* 02:30 comes twice: the first one begins the day, and it does not end again. */
	{ "Europe/Berlin", 150, "2026-10-25T00:29:59Z", 20261024 },
	{ "Europe/Berlin", 150, "2026-10-25T00:30:00Z", 20261025 },
	{ "Europe/Berlin", 150, "2026-10-25T01:00:00Z", 20261025 }, /* 02:00 again */
	{ "Europe/Berlin", 150, "2026-10-25T01:29:59Z", 20261025 },
	{ "Europe/Berlin", 150, "2026-10-25T02:00:00Z", 20261025 },
	{ "America/New_York", 90, "2026-11-01T05:29:59Z", 20261031 }, /* 01:30 twice */
	{ "America/New_York", 90, "2026-11-01T05:30:00Z", 20261101 },
	{ "America/New_York", 90, "2026-11-01T06:00:00Z", 20261101 },
	{ "America/New_York", 90, "2026-11-01T06:29:59Z", 20261101 },
	{ "America/New_York", 0, "2026-03-08T04:59:59Z", 20260307 },
	{ "America/New_York", 0, "2026-03-08T05:00:00Z", 20260308 },
	{ "Africa/Cairo", 0, "2024-10-31T20:59:59Z", 20241031 }, /* 23:00 twice */
	{ "Africa/Cairo", 0, "2024-10-31T21:00:00Z", 20241031 },
	{ "Africa/Cairo", 0, "2024-10-31T22:00:00Z", 20241101 },
};

START_TEST(a_business_day_never_goes_back_when_clocks_do)
{
	for (size_t i = 0; i < sizeof(day_cases) / sizeof(day_cases[0]); i++) {
		struct timepoint at;

		ck_assert_int_eq(clock_at(day_cases[i].zone, day_cases[i].start,
					  moment(day_cases[i].moment), &at),
				 0);
		ck_assert_msg(at.business_day == day_cases[i].day, "%s at %s: %d",
			      day_cases[i].zone, day_cases[i].moment, at.business_day);
	}
}
END_TEST

START_TEST(business_days_only_go_on_whenever_they_begin)
{
	static const char *const zones[] = { "Europe/Berlin", "America/New_York",
					     "Australia/Lord_Howe" };

	for (size_t z = 0; z < 3; z++) {
		for (int32_t start = 0; start < 300; start += 10) {
			int32_t last = 0;
			int64_t from = moment("2026-10-24T12:00:00Z");

			/* Nine days, every ten minutes, over each zone's switch of the year's end. */
			for (int64_t ms = from; ms < from + INT64_C(9) * 86400000;
			     ms += 600000) {
				struct timepoint at;

				ck_assert_int_eq(clock_at(zones[z], start, ms, &at), 0);
				ck_assert_int_ge(at.business_day, last);
				last = at.business_day;
			}
		}
	}
}
END_TEST

START_TEST(clocks_tell_the_systems_time)
{
	int64_t before = (int64_t)time(NULL) * 1000, mono = clock_mono_ms();
	int64_t us = clock_mono_us();
	struct timepoint now;

	ck_assert_int_eq(clock_now("UTC", 0, &now), 0);
	/* time() may lag the clock by a tick. */
	ck_assert_int_ge(now.wall_ms, before);
	ck_assert_int_le(now.wall_ms, ((int64_t)time(NULL) + 2) * 1000);
	ck_assert_int_ge(now.mono_ms, mono);
	ck_assert_int_ge(clock_mono_ms(), now.mono_ms);
	ck_assert_int_ge(clock_mono_us(), us);
	ck_assert_int_ge(clock_wall_ms(), before);
}
END_TEST

START_TEST(synchronised_is_what_the_kernel_says)
{
	struct ntptimeval tv;
	int state = ntp_gettime(&tv);

	if (state < 0 || state == TIME_ERROR)
		ck_assert(!clock_is_synchronised());
	else
		ck_assert(clock_is_synchronised());
}
END_TEST

UNIT_MAIN("clock", offsets_follow_the_zone_and_its_daylight_saving,
	  unknown_zones_are_utc_and_said, empty_name_is_the_zone_the_process_found,
	  business_day_begins_when_configured,
	  a_business_day_never_goes_back_when_clocks_do,
	  business_days_only_go_on_whenever_they_begin, clocks_tell_the_systems_time,
	  synchronised_is_what_the_kernel_says)
