#include "lane/clock_watch.h"

#include "unit.h"

#include <string.h>

#define HOUR INT64_C(3600000)
#define NOW INT64_C(1800000000000)

START_TEST(a_clock_is_doubted_for_what_it_shows)
{
	static const struct {
		const char *what;
		struct clock_facts f;
		enum clock_doubt doubt;
	} cases[] = {
		{ "all is well",
		  { NOW, HOUR, NOW - 1, NOW - HOUR, true, NOW, HOUR },
		  CLOCK_TRUSTED },
		{ "a first start", { NOW, HOUR, 0, 0, true, 0, HOUR }, CLOCK_TRUSTED },
		{ "before the last record",
		  { NOW, HOUR, NOW + 1, 0, true, NOW, HOUR },
		  CLOCK_BEFORE_RECORD },
		{ "at the last record",
		  { NOW, HOUR, NOW, 0, true, NOW, HOUR },
		  CLOCK_TRUSTED },
		{ "before it was built",
		  { NOW, HOUR, 0, NOW + 1, true, NOW, HOUR },
		  CLOCK_BEFORE_BUILD },
		{ "both: the record says it",
		  { NOW, HOUR, NOW + 1, NOW + 1, true, NOW, HOUR },
		  CLOCK_BEFORE_RECORD },
		{ "a day without",
		  { NOW, 25 * HOUR, 0, 0, false, NOW - 24 * HOUR, HOUR },
		  CLOCK_TRUSTED },
		{ "more than a day by the monotonic clock",
		  { NOW, 25 * HOUR + 1, 0, 0, false, NOW, HOUR },
		  CLOCK_UNSYNCHRONISED },
		{ "more than a day, over a restart",
		  { NOW, HOUR, 0, 0, false, NOW - 24 * HOUR - 1, HOUR },
		  CLOCK_UNSYNCHRONISED },
		{ "but synchronised now",
		  { NOW, 90 * HOUR, 0, 0, true, NOW - 90 * HOUR, HOUR },
		  CLOCK_TRUSTED },
		{ "never before, since a day",
		  { NOW, 25 * HOUR + 1, 0, 0, false, 0, HOUR },
		  CLOCK_UNSYNCHRONISED },
		{ "never before, since an hour",
		  { NOW, 2 * HOUR, 0, 0, false, 0, HOUR },
		  CLOCK_TRUSTED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(clock_watch_judge(&cases[i].f) == cases[i].doubt, "%s",
			      cases[i].what);
}
END_TEST

START_TEST(each_doubt_has_its_words)
{
	for (int d = CLOCK_TRUSTED; d <= CLOCK_UNSYNCHRONISED; d++) {
		bool trusted = d == CLOCK_TRUSTED;

		ck_assert_int_eq(clock_watch_text((enum clock_doubt)d)[0] == '\0',
				 trusted);
		ck_assert_int_eq(clock_watch_cure((enum clock_doubt)d)[0] == '\0',
				 trusted);
	}
}
END_TEST

UNIT_MAIN("clock_watch", a_clock_is_doubted_for_what_it_shows, each_doubt_has_its_words)
