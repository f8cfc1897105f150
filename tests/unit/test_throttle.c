/* When a plug-in that died may be loaded again. */
#include "unit.h"

#include "adapter/throttle.h"

#define NOW 1000000

struct row {
	const char *what;
	struct throttle_death deaths[8];
	size_t n;
	int64_t wait_ms; /* from the newest death; -1: none at all */
	bool bypass;
	unsigned series;
};

#define EARLY(ms)                                                                        \
	{                                                                                \
		.at_ms = NOW - (ms), .early = true, .own = true                          \
	}
#define LATE(ms)                                                                         \
	{                                                                                \
		.at_ms = NOW - (ms), .early = false, .own = true                         \
	}
#define KILLED(ms)                                                                       \
	{                                                                                \
		.at_ms = NOW - (ms), .early = true, .own = false                         \
	}

static const struct row rows[] = {
	{ "no death", { { 0 } }, 0, -1, false, 0 },
	{ "one at load", { EARLY(0) }, 1, 1000, false, 1 },
	{ "two", { EARLY(0), EARLY(61000) }, 2, 2000, false, 2 },
	{ "three, apart", { EARLY(0), EARLY(61000), EARLY(122000) }, 3, 4000, false, 3 },
	{ "three in a minute",
	  { EARLY(0), EARLY(29000), EARLY(59999) },
	  3,
	  60000,
	  true,
	  3 },
	{ "the third a minute before",
	  { EARLY(0), EARLY(29000), EARLY(60000) },
	  3,
	  4000,
	  false,
	  3 },
	{ "eight in a row wait no longer than the most",
	  { EARLY(0), EARLY(100000), EARLY(200000), EARLY(300000), EARLY(400000),
	    EARLY(500000), EARLY(600000), EARLY(700000) },
	  8,
	  60000,
	  false,
	  8 },
	{ "after work it is loaded at once", { LATE(0) }, 1, 0, false, 0 },
	{ "three after work in a minute",
	  { LATE(0), LATE(10000), LATE(20000) },
	  3,
	  60000,
	  true,
	  0 },
	{ "work ends a series",
	  { EARLY(0), LATE(61000), EARLY(62000) },
	  3,
	  1000,
	  false,
	  1 },
	{ "so does a long quiet",
	  { EARLY(0), EARLY(300001), EARLY(300002) },
	  3,
	  1000,
	  false,
	  1 },
	{ "a kill from outside says nothing", { KILLED(0) }, 1, -1, false, 0 },
	{ "nor do three", { KILLED(0), KILLED(1), KILLED(2) }, 3, -1, false, 0 },
	{ "nor does one end a series",
	  { EARLY(0), KILLED(1), EARLY(2) },
	  3,
	  2000,
	  false,
	  2 },
	{ "another boot's",
	  { { .at_ms = -1, .early = true, .own = true } },
	  1,
	  -1,
	  false,
	  0 },
	{ "another boot's before one of this",
	  { EARLY(0), { .at_ms = -1, .early = true, .own = true } },
	  2,
	  1000,
	  false,
	  1 },
};

static void
check_row(const struct row *r)
{
	struct throttle_verdict v = { .load_at_ms = 77, .bypass = true, .series = 77 };

	throttle_judge(r->deaths, r->n, &v);
	if (r->wait_ms < 0)
		ck_assert_msg(v.load_at_ms <= 0, "%s: waits", r->what);
	else
		ck_assert_msg(v.load_at_ms == r->deaths[0].at_ms + r->wait_ms,
			      "%s: waits %lld ms", r->what,
			      (long long)(v.load_at_ms - r->deaths[0].at_ms));
	ck_assert_msg(v.bypass == r->bypass, "%s: bypass %d", r->what, v.bypass);
	ck_assert_msg(v.series == r->series, "%s: %u in a row", r->what, v.series);
}

START_TEST(waits_as_the_table_says)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}
END_TEST

/* Whatever was noted: the wait is bounded, and counted from the newest death of its own. */
START_TEST(no_history_waits_longer_than_the_most)
{
	struct throttle_death deaths[8];
	struct throttle_verdict v;
	uint32_t seed = 7;

	for (unsigned round = 0; round < 20000; round++) {
		int64_t at = NOW, newest = 0;
		size_t n = round % 9;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525u + 1013904223u;
			at -= (int64_t)(seed >> 8) % 400000;
			deaths[i] = (struct throttle_death){ .at_ms = at,
							     .early = (seed & 64) != 0,
							     .own = (seed & 128) != 0 };
			if (newest == 0 && deaths[i].own)
				newest = at < 0 ? -1 : at;
		}
		throttle_judge(deaths, n, &v);
		if (newest <= 0)
			ck_assert_int_le(v.load_at_ms, 0);
		else
			ck_assert(v.load_at_ms >= newest &&
				  v.load_at_ms - newest <= THROTTLE_MOST_MS);
	}
}
END_TEST

UNIT_MAIN("throttle", waits_as_the_table_says, no_history_waits_longer_than_the_most)
