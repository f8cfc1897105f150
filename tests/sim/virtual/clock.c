/* base/clock.h: the clocks of the simulated machine. */
#include "base/clock.h"

#include "sim/virtual/virtual.h"

static const struct timepoint epoch = { .mono_ms = 1000, .wall_ms = 1790000000000 };
static const struct timepoint *the_clock = &epoch;
static bool is_doubted;

void
virtual_clock(const struct timepoint *now)
{
	the_clock = now == NULL ? &epoch : now;
}

void
virtual_clock_doubt(bool doubted)
{
	is_doubted = doubted;
}

int64_t
virtual_now_ms(void)
{
	return the_clock->mono_ms;
}

int64_t
clock_mono_ms(void)
{
	return the_clock->mono_ms;
}

int64_t
clock_wall_ms(void)
{
	return the_clock->wall_ms;
}

int64_t
clock_mono_us(void)
{
	return the_clock->mono_ms * 1000;
}

/* The store lies in UTC, and its business day is the world's. */
int
clock_now(const char *tz, int32_t day_start_min, struct timepoint *ret_now)
{
	(void)tz;
	(void)day_start_min;
	*ret_now = *the_clock;
	return 0;
}

int
clock_at(const char *tz, int32_t day_start_min, int64_t wall_ms, struct timepoint *ret_at)
{
	(void)tz;
	*ret_at = (struct timepoint){ .wall_ms = wall_ms,
				      .business_day = civil_yyyymmdd(
					      wall_ms, -60 * day_start_min) };
	return 0;
}

int
clock_zone_offset(const char *tz, int64_t wall_ms, int32_t *ret_offset_s)
{
	(void)tz;
	(void)wall_ms;
	*ret_offset_s = 0;
	return 0;
}

bool
clock_is_synchronised(void)
{
	return !is_doubted;
}
