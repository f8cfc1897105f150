#include "adapter/throttle.h"

#define SHIFT_MAX 6u /* 64 s are more than the most */

/* Early deaths without a pause between them, the newest among them. */
static unsigned
series_of(const struct throttle_death *deaths, size_t n)
{
	unsigned series = 0;
	int64_t next_ms = n == 0 ? 0 : deaths[0].at_ms;

	for (size_t i = 0; i < n; i++) {
		if (!deaths[i].own)
			continue; /* says nothing about the plug-in */
		if (!deaths[i].early || deaths[i].at_ms < 0 ||
		    next_ms - deaths[i].at_ms > THROTTLE_FORGET_MS)
			break;
		next_ms = deaths[i].at_ms;
		series++;
	}
	return series;
}

/* The newest of its own deaths; NULL none of this boot. */
static const struct throttle_death *
newest_of(const struct throttle_death *deaths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (deaths[i].own)
			return deaths[i].at_ms < 0 ? NULL : &deaths[i];
	return NULL;
}

void
throttle_judge(const struct throttle_death *deaths, size_t n,
	       struct throttle_verdict *ret_verdict)
{
	const struct throttle_death *newest = newest_of(deaths, n);
	struct throttle_verdict v = { .load_at_ms = 0 };
	int64_t wait_ms = 0;
	unsigned close = 0;

	*ret_verdict = v;
	if (newest == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		if (deaths[i].own && deaths[i].at_ms >= 0 &&
		    newest->at_ms - deaths[i].at_ms < THROTTLE_SPAN_MS)
			close++;
	v.series = series_of(deaths, n);
	if (v.series > 0)
		wait_ms = (int64_t)THROTTLE_FIRST_MS
			  << (v.series > SHIFT_MAX ? SHIFT_MAX : v.series - 1);
	v.bypass = close >= THROTTLE_DEATHS;
	if (wait_ms > THROTTLE_MOST_MS || v.bypass)
		wait_ms = THROTTLE_MOST_MS;
	v.load_at_ms = newest->at_ms + wait_ms;
	*ret_verdict = v;
}
