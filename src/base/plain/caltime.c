#include "base/plain/caltime.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#define DAY_S INT64_C(86400)
#define DAYS_TO_EPOCH INT64_C(719468)    /* from 0000-03-01 to 1970-01-01 */
#define DAYS_OF_ERA INT64_C(146097)      /* 400 Gregorian years */
#define YEAR1_S INT64_C(-62135596800)    /* 0001-01-01T00:00:00Z */
#define YEAR9999_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/*
 * Days since the epoch of a civil date and back: Howard Hinnant, "chrono-Compatible Low-Level
 * Date Algorithms": eras of 400 years that begin on 1 March.
 */
static int64_t
days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = floor_div(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t month_from_march = month > 2 ? month - 3 : month + 9;
	int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
	int64_t day_of_era =
		year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * DAYS_OF_ERA + day_of_era - DAYS_TO_EPOCH;
}

static void
date_of(int64_t days, struct civil *c)
{
	int64_t z = days + DAYS_TO_EPOCH;
	int64_t era = floor_div(z, DAYS_OF_ERA);
	int64_t day_of_era = z - era * DAYS_OF_ERA;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
			       day_of_era / 146096) /
			      365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;

	c->day = (uint8_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
	c->month = (uint8_t)(month_from_march < 10 ? month_from_march + 3
						   : month_from_march - 9);
	c->year = (int32_t)(year_of_era + era * 400 + (c->month <= 2));
}

static unsigned
days_in_month(unsigned year, unsigned month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

/* A reader over the text: every take_ fails once something did not fit. */
struct reader {
	struct str rest;
	bool bad;
};

static bool
peek(const struct reader *r, char c)
{
	return !r->bad && r->rest.n > 0 && r->rest.p[0] == c;
}

static void
take_char(struct reader *r, char c)
{
	if (!peek(r, c)) {
		r->bad = true;
		return;
	}
	r->rest = (struct str){ r->rest.p + 1, r->rest.n - 1 };
}

/* Exactly n digits with a value of min..max. */
static unsigned
take_number(struct reader *r, size_t n, unsigned min, unsigned max)
{
	unsigned value = 0;

	if (r->bad || r->rest.n < n || !str_digits_ok((struct str){ r->rest.p, n }, n)) {
		r->bad = true;
		return min;
	}
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (unsigned)(r->rest.p[i] - '0');
	r->rest = (struct str){ r->rest.p + n, r->rest.n - n };
	if (value < min || value > max) {
		r->bad = true;
		return min;
	}
	return value;
}

/* "T" HH:MM[:SS[.mmm]] in milliseconds of the day. */
static int64_t
take_time(struct reader *r)
{
	int64_t ms;

	take_char(r, 'T');
	ms = INT64_C(3600000) * take_number(r, 2, 0, 23);
	take_char(r, ':');
	ms += INT64_C(60000) * take_number(r, 2, 0, 59);
	if (!peek(r, ':'))
		return ms;
	take_char(r, ':');
	ms += INT64_C(1000) * take_number(r, 2, 0, 59);
	if (!peek(r, '.'))
		return ms;
	take_char(r, '.');
	return ms + take_number(r, 3, 0, 999);
}

/* "Z", "+hh:mm", "-hh:mm" or nothing: milliseconds east of UTC. */
static int64_t
take_zone(struct reader *r, int *ret_has_zone)
{
	int64_t ms, sign = peek(r, '-') ? -1 : 1;

	*ret_has_zone = 1;
	if (peek(r, 'Z')) {
		take_char(r, 'Z');
		return 0;
	}
	if (!peek(r, '+') && !peek(r, '-')) {
		*ret_has_zone = 0;
		return 0;
	}
	take_char(r, sign < 0 ? '-' : '+');
	ms = INT64_C(3600000) * take_number(r, 2, 0, 23);
	take_char(r, ':');
	ms += INT64_C(60000) * take_number(r, 2, 0, 59);
	return sign * ms;
}

struct civil
civil_of(int64_t wall_ms, int32_t offset_s)
{
	int64_t seconds = floor_div(wall_ms, 1000) + offset_s;
	int64_t days, second_of_day;
	struct civil c;

	if (seconds < YEAR1_S)
		seconds = YEAR1_S;
	if (seconds > YEAR9999_S)
		seconds = YEAR9999_S;
	days = floor_div(seconds, DAY_S);
	second_of_day = seconds - days * DAY_S;
	date_of(days, &c);
	c.hour = (uint8_t)(second_of_day / 3600);
	c.minute = (uint8_t)(second_of_day / 60 % 60);
	c.second = (uint8_t)(second_of_day % 60);
	/* The epoch was a Thursday. */
	c.weekday = (uint8_t)(days + 3 - floor_div(days + 3, 7) * 7);
	return c;
}

int32_t
civil_yyyymmdd(int64_t wall_ms, int32_t offset_s)
{
	struct civil c = civil_of(wall_ms, offset_s);

	return c.year * 10000 + c.month * 100 + c.day;
}

void
rfc3339_text(char buf[RFC3339_BYTES], int64_t wall_ms)
{
	struct civil c;
	unsigned ms;

	if (wall_ms < YEAR1_S * 1000)
		wall_ms = YEAR1_S * 1000;
	if (wall_ms > YEAR9999_S * 1000 + 999)
		wall_ms = YEAR9999_S * 1000 + 999;
	c = civil_of(wall_ms, 0);
	ms = (unsigned)(wall_ms - floor_div(wall_ms, 1000) * 1000);
	/* The moduli change nothing; they show the compiler that all of it fits. */
	(void)snprintf(buf, RFC3339_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		       (unsigned)c.year % 10000u, c.month % 100u, c.day % 100u,
		       c.hour % 100u, c.minute % 100u, c.second % 100u, ms % 1000u);
}

int
rfc3339_parse(struct str text, int64_t *ret_wall_ms, int *ret_has_zone)
{
	struct reader r = { text, false };
	unsigned year, month, day;
	int64_t wall_ms;
	int has_zone = 0;

	year = take_number(&r, 4, 1, 9999);
	take_char(&r, '-');
	month = take_number(&r, 2, 1, 12);
	take_char(&r, '-');
	day = take_number(&r, 2, 1, days_in_month(year, month));
	wall_ms = days_of(year, month, day) * DAY_S * 1000;
	if (r.rest.n > 0) {
		wall_ms += take_time(&r);
		wall_ms -= take_zone(&r, &has_zone);
	}
	if (r.bad || r.rest.n > 0)
		return -EINVAL;
	*ret_wall_ms = wall_ms;
	if (ret_has_zone != NULL)
		*ret_has_zone = has_zone;
	return 0;
}
