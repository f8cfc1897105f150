#ifndef LANED_BASE_CLOCK_H
#define LANED_BASE_CLOCK_H

#include "base/plain/caltime.h"

#include <stdbool.h>

/*
 * The one clock of a process. mono_ms counts also while suspended (CLOCK_BOOTTIME).
 */
int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void);

/*
 * The time as core wants it: store zone from tz ("Europe/Tallinn"; "" = the system's), business
 * day = local date, shifted by day_start_min minutes after midnight. 0; -EINVAL an unknown zone
 * (UTC is used then).
 */
int clock_now(const char *tz, int32_t day_start_min, struct timepoint *ret_now);

/*
 * The same for any moment; mono_ms is 0. The business day never goes back: where clocks are set
 * back over its beginning, it begins the first time that they show that.
 */
int clock_at(const char *tz, int32_t day_start_min, int64_t wall_ms,
	     struct timepoint *ret_at);

/*
 * Seconds east of UTC in zone tz at wall_ms, daylight saving included. 0; -EINVAL an unknown zone
 * (then 0 s). Sets TZ of the process when tz differs from the last call's: one thread only.
 */
int clock_zone_offset(const char *tz, int64_t wall_ms, int32_t *ret_offset_s);

/* Microseconds of CLOCK_MONOTONIC, for measurements in status and bench only. */
int64_t clock_mono_us(void);

/* The kernel's adjtimex state: true when synchronised; unknown counts as false. */
bool clock_is_synchronised(void);

#endif
