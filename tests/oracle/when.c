#include "oracle/value.h"

/* When offers hold, by trying the spans that may have begun: today's, and yesterday's. */
#define DAY_MINUTES 1440
#define HOUR_MS INT64_C(3600000)
#define FIRST_MS INT64_C(1793491200000) /* 2026-11-01T00:00Z */

int64_t
oracle_wall_ms(struct oracle_moment m)
{
	return FIRST_MS - HOUR_MS + (m.day - 1) * 24 * HOUR_MS + m.minute * HOUR_MS / 60;
}

int
oracle_weekday(int day)
{
	return (day + 5) % 7; /* the first was a Sunday */
}

/* A span that began on a day: validity by dates is that day's, by times that of now. */
static bool
begun_validly(const struct oracle_when *w, int day, struct oracle_moment now)
{
	int minute = now.day * DAY_MINUTES + now.minute;

	if (w->days != 0 && (w->days >> oracle_weekday(day) & 1) == 0)
		return false;
	if (w->from.day > 0 &&
	    (w->from.minute < 0 ? day < w->from.day
				: minute < w->from.day * DAY_MINUTES + w->from.minute))
		return false;
	return w->to.day == 0 ||
	       (w->to.minute < 0 ? day <= w->to.day
				 : minute < w->to.day * DAY_MINUTES + w->to.minute);
}

bool
oracle_holds(const struct oracle_when *w, struct oracle_moment now)
{
	if (w->hours_count == 0)
		return begun_validly(w, now.day, now);
	for (int i = 0; i < w->hours_count; i++) {
		int from = w->hours[i].from, to = w->hours[i].to;

		if (to <= from)
			to += DAY_MINUTES;
		for (int ago = 0; ago < 2; ago++) {
			int minute = now.minute + ago * DAY_MINUTES;

			if (minute >= from && minute < to &&
			    begun_validly(w, now.day - ago, now))
				return true;
		}
	}
	return false;
}

/* Half hours, so that a moment is often just at the edge. */
static int
half_hour(uint64_t *s)
{
	return 30 * oracle_pick(s, 48);
}

static struct oracle_moment
random_moment(uint64_t *s, int first, int days)
{
	return (struct oracle_moment){ first + oracle_pick(s, days),
				       oracle_chance(s, 50) ? -1 : half_hour(s) };
}

void
oracle_random_when(struct oracle_when *w, uint64_t *s)
{
	*w = (struct oracle_when){ 0 };
	if (oracle_chance(s, 40))
		w->from = random_moment(s, 17, 6);
	if (oracle_chance(s, 40))
		w->to = random_moment(s, w->from.day > 0 ? w->from.day + 1 : 19, 6);
	if (oracle_chance(s, 40))
		w->days = 1 + oracle_pick(s, 127);
	if (oracle_chance(s, 60))
		w->hours_count = 1 + oracle_pick(s, 2);
	for (int i = 0; i < w->hours_count; i++) {
		w->hours[i].from = half_hour(s);
		w->hours[i].to =
			(w->hours[i].from + 30 + 30 * oracle_pick(s, 47)) % DAY_MINUTES;
	}
}
