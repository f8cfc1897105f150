#include "base/clock.h"

#include "base/plain/str.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define ZONE_BYTES_MAX 64u
#define ZONEINFO_DIR "/usr/share/zoneinfo"
/* So long after clocks were set back a local time may come a second time. */
#define BACK_MS_MAX (INT64_C(3) * 3600 * 1000)

/*
 * libc knows one zone per process, that of TZ. It is set when the first clock_now asks for a zone
 * and again only when another name is asked for, which a daemon does at most on a reload, from its
 * one thread. ISO C and POSIX give no way to convert by a zone of one's own.
 */
static struct {
	bool set;
	char name[ZONE_BYTES_MAX];
	int rc;              /* what clock_now answers for name */
	bool original_saved; /* TZ as the process found it, for the name "" */
	char *original;
} zone;

static int64_t
read_ms(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(id, &ts); /* cannot fail for the clocks named here */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A relative path of zone name characters that never leads upwards. */
static bool
zone_name_ok(const char *name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789_+-/";

	return name[0] != '/' && strlen(name) < ZONE_BYTES_MAX &&
	       strspn(name, allowed) == strlen(name);
}

/* 0 when the system has a compiled file for the zone; libc itself would silently take UTC. */
static int
zone_file_check(const char *name)
{
	char path[PATH_MAX];
	char magic[4];
	const char *dir = getenv("TZDIR");
	FILE *f;
	size_t n;

	if (!zone_name_ok(name))
		return -EINVAL;
	if (dir == NULL || dir[0] == '\0')
		dir = ZONEINFO_DIR;
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -EINVAL;
	f = fopen(path, "rbe");
	if (f == NULL)
		return -EINVAL;
	n = fread(magic, 1, sizeof(magic), f);
	(void)fclose(f); /* read only: nothing to lose */
	return n == sizeof(magic) && memcmp(magic, "TZif", 4) == 0 ? 0 : -EINVAL;
}

static int
zone_apply(const char *name)
{
	int rc;

	if (name[0] == '\0' && zone.original != NULL)
		rc = setenv("TZ", zone.original, 1);
	else if (name[0] == '\0')
		rc = unsetenv("TZ");
	else if (zone_file_check(name) == 0)
		rc = setenv("TZ", name, 1);
	else
		return setenv("TZ", "UTC0", 1) == 0 ? -EINVAL : -ENOMEM;
	return rc == 0 ? 0 : -ENOMEM;
}

static int
zone_use(const char *name)
{
	const char *tz;

	if (zone.set && strcmp(zone.name, name) == 0)
		return zone.rc;
	if (!zone.original_saved) {
		tz = getenv("TZ");
		zone.original = tz == NULL ? NULL : strdup(tz);
		zone.original_saved = true;
	}
	zone.rc = zone_apply(name);
	tzset();
	/* A name that does not fit is no zone's name; it is looked at anew each time. */
	zone.set = str_copy(zone.name, sizeof(zone.name), str_of(name)) == 0 &&
		   zone.rc != -ENOMEM;
	return zone.rc == -ENOMEM ? -EINVAL : zone.rc;
}

int64_t
clock_mono_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

int64_t
clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t
clock_mono_us(void)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int
clock_zone_offset(const char *tz, int64_t wall_ms, int32_t *ret_offset_s)
{
	int64_t floor_s = wall_ms / 1000 - (wall_ms % 1000 < 0);
	time_t seconds = (time_t)floor_s;
	struct tm local;
	int rc = zone_use(tz);

	*ret_offset_s = 0;
	if (rc == 0 && localtime_r(&seconds, &local) != NULL)
		*ret_offset_s = (int32_t)local.tm_gmtoff;
	return rc;
}

static int32_t
offset_at(const char *tz, int64_t wall_ms)
{
	int32_t offset_s;

	(void)clock_zone_offset(tz, wall_ms,
				&offset_s); /* unknown: UTC, and the caller knows */
	return offset_s;
}

/*
 * Were the clocks set back lately, so that this local time comes a second time? Then the last
 * moment before; else 0.
 */
static int64_t
set_back_at(const char *tz, int64_t wall_ms, int32_t offset_s)
{
	int64_t low = wall_ms - BACK_MS_MAX, high = wall_ms;
	int32_t before_s = offset_at(tz, low);

	if (before_s <= offset_s)
		return 0;
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (offset_at(tz, middle) == before_s)
			low = middle;
		else
			high = middle;
	}
	return wall_ms - low <= INT64_C(1000) * (before_s - offset_s) ? low : 0;
}

int
clock_at(const char *tz, int32_t day_start_min, int64_t wall_ms, struct timepoint *ret_at)
{
	struct timepoint at = { .wall_ms = wall_ms };
	int rc = clock_zone_offset(tz, wall_ms, &at.local_offset_s);
	int64_t before_ms = set_back_at(tz, wall_ms, at.local_offset_s);
	int32_t start_s = 60 * day_start_min, reached;

	at.business_day = civil_yyyymmdd(wall_ms, at.local_offset_s - start_s);
	if (before_ms != 0) {
		reached = civil_yyyymmdd(before_ms, offset_at(tz, before_ms) - start_s);
		at.business_day = reached > at.business_day ? reached : at.business_day;
	}
	*ret_at = at;
	return rc;
}

int
clock_now(const char *tz, int32_t day_start_min, struct timepoint *ret_now)
{
	int64_t mono_ms = clock_mono_ms();
	int rc = clock_at(tz, day_start_min, clock_wall_ms(), ret_now);

	ret_now->mono_ms = mono_ms;
	return rc;
}

bool
clock_is_synchronised(void)
{
	struct timex tx = { .modes = 0 };
	int state = adjtimex(&tx);

	return state >= 0 && state != TIME_ERROR && (tx.status & STA_UNSYNC) == 0;
}
