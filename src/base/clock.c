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

int
clock_now(const char *tz, int32_t day_start_min, struct timepoint *ret_now)
{
	struct timepoint now = { .mono_ms = clock_mono_ms(), .wall_ms = clock_wall_ms() };
	int rc = clock_zone_offset(tz, now.wall_ms, &now.local_offset_s);

	now.business_day =
		civil_yyyymmdd(now.wall_ms, now.local_offset_s - 60 * day_start_min);
	*ret_now = now;
	return rc;
}

bool
clock_is_before(int64_t not_before_ms)
{
	return clock_wall_ms() < not_before_ms;
}

bool
clock_is_synchronised(void)
{
	struct timex tx = { .modes = 0 };
	int state = adjtimex(&tx);

	return state >= 0 && state != TIME_ERROR && (tx.status & STA_UNSYNC) == 0;
}
