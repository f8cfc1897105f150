#ifndef LANED_BASE_PLAIN_CALTIME_H
#define LANED_BASE_PLAIN_CALTIME_H

#include "base/plain/str.h"

#include <stdint.h>

/*
 * Time as the pure code knows it. mono_ms is for durations, wall_ms (UTC, Unix epoch) for
 * records; the store's local time and the business day are worked out by the shell and handed in.
 */
struct timepoint {
	int64_t mono_ms;
	int64_t wall_ms;
	int32_t local_offset_s; /* local = UTC + this */
	int32_t business_day;   /* yyyymmdd, 0 unknown */
};

/* A civil date and time; weekday 0 = Monday. */
struct civil {
	int32_t year;
	uint8_t month, day, hour, minute, second, weekday;
};

/* The civil time of wall_ms shifted by offset_s. Any int64 within years 1..9999; else clamped. */
struct civil civil_of(int64_t wall_ms, int32_t offset_s);

/* yyyymmdd of the same. */
int32_t civil_yyyymmdd(int64_t wall_ms, int32_t offset_s);

#define RFC3339_BYTES 25 /* "2026-11-21T20:15:03.123Z" and a NUL */
void rfc3339_text(char buf[RFC3339_BYTES], int64_t wall_ms);

/*
 * Parses "YYYY-MM-DD", "YYYY-MM-DDTHH:MM[:SS[.mmm]]" with an optional "Z" or "+hh:mm"; without a
 * zone it is local time and *ret_has_zone (may be NULL) is 0: the value is then as if UTC.
 * 0 or -EINVAL.
 */
int rfc3339_parse(struct str text, int64_t *ret_wall_ms, int *ret_has_zone);

#endif
