#include "unit.h"

#include "base/clock.h"
#include "base/json.h"
#include "core/pricing/pricing.h"

#include <stdbool.h>

/* When offers hold: store time, spans over midnight, and both switches of the clocks. */

static int64_t
moment(const char *text)
{
	int64_t wall_ms = 0;

	ck_assert_int_eq(rfc3339_parse(str_of(text), &wall_ms, NULL), 0);
	return wall_ms;
}

/* Does an offer with this "when" hold in a zone at a moment? */
static bool
holds(const char *when, const char *zone, const char *text)
{
	char set[512];
	struct arena *arena = arena_new(1u << 20);
	struct pricing_errors errors;
	struct pricing_rules *rules = NULL;
	struct pricing_result *result = NULL;
	const struct pricing_line line = { .line = 1,
					   .code = STR("x"),
					   .qty_milli = 1000,
					   .unit_price_minor = 100,
					   .amount_minor = 100 };
	const struct pricing_basket basket = { .lines = &line, .lines_count = 1 };
	const struct value *v = NULL;
	struct timepoint at;
	bool saved;

	ck_assert_int_lt(
		snprintf(set, sizeof(set),
			 "{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":["
			 "{\"id\":\"r\",\"kind\":\"percent\",\"scope\":{\"all\":"
			 "true},\"params\":{\"percent_bp\":1000},\"when\":{%s}}]}",
			 when),
		(int)sizeof(set));
	ck_assert_int_eq(json_parse(arena, str_of(set), 0, &v, NULL), 0);
	ck_assert_msg(pricing_rules_compile(v, &errors, &rules) == 0, "%s: %s", when,
		      errors.list[0].what);
	ck_assert_int_eq(clock_at(zone, 0, moment(text), &at), 0);
	ck_assert_int_eq(pricing_price(rules, &basket, NULL, &at, NULL, &result), 0);
	saved = result->saving_minor == 10;
	ck_assert_int_eq(result->rules[0].reason, saved ? PRICING_APPLIED : PRICING_TIME);
	result = pricing_result_free(result);
	rules = pricing_rules_free(rules);
	(void)arena_free(arena); /* gives NULL */
	return saved;
}

#define BERLIN "Europe/Berlin"
#define YORK "America/New_York"
#define NIGHT "\"hours\":[\"22:00-02:00\"]"

static const struct {
	const char *when, *zone, *moment; /* UTC */
	bool holds;
} cases[] = {
	/* The night of Saturday, 2026-11-21 (winter: UTC+1), is Saturday's until two. */
	{ "\"days\":[\"sat\"]," NIGHT, BERLIN, "2026-11-20T23:30:00Z",
	  false }, /* Sat 00:30 */
	{ "\"days\":[\"sat\"]," NIGHT, BERLIN, "2026-11-21T20:59:59Z", false },
	{ "\"days\":[\"sat\"]," NIGHT, BERLIN, "2026-11-21T21:00:00Z", true },
	{ "\"days\":[\"sat\"]," NIGHT, BERLIN, "2026-11-21T22:59:59Z", true },
	{ "\"days\":[\"sat\"]," NIGHT, BERLIN, "2026-11-21T23:00:00Z",
	  true }, /* Sun 00:00 */
	{ "\"days\":[\"sat\"]," NIGHT, BERLIN, "2026-11-22T00:59:59Z", true },
	{ "\"days\":[\"sat\"]," NIGHT, BERLIN, "2026-11-22T01:00:00Z", false },
	{ "\"days\":[\"sat\"]," NIGHT, BERLIN, "2026-11-22T21:00:00Z", false },
	{ "\"days\":[\"sun\"]," NIGHT, BERLIN, "2026-11-22T00:30:00Z",
	  false }, /* Saturday's */
	{ "\"days\":[\"sun\"]," NIGHT, BERLIN, "2026-11-23T00:30:00Z", true },
	{ "\"days\":[\"mon\"],\"hours\":[\"22:00-02:00\",\"01:00-03:00\"]", BERLIN,
	  "2026-11-23T00:30:00Z", true }, /* Mon 01:30 by the second span */
	/* Without hours a day is a calendar day. */
	{ "\"days\":[\"sat\"]", BERLIN, "2026-11-21T22:59:59Z", true },
	{ "\"days\":[\"sat\"]", BERLIN, "2026-11-21T23:00:00Z", false },
	/* Dates with a span over midnight: from the first evening to the last small hours. */
	{ "\"from\":\"2026-10-30\",\"to\":\"2026-10-31\"," NIGHT, BERLIN,
	  "2026-10-29T23:30:00Z", false }, /* Fri 00:30: Thursday's night */
	{ "\"from\":\"2026-10-30\",\"to\":\"2026-10-31\"," NIGHT, BERLIN,
	  "2026-10-30T21:30:00Z", true },
	{ "\"from\":\"2026-10-30\",\"to\":\"2026-10-31\"," NIGHT, BERLIN,
	  "2026-11-01T00:59:59Z", true }, /* Sun 01:59 */
	{ "\"from\":\"2026-10-30\",\"to\":\"2026-10-31\"," NIGHT, BERLIN,
	  "2026-11-01T21:30:00Z", false },
	/* A moment is a moment, also inside a span. */
	{ "\"to\":\"2026-11-01T00:00\"," NIGHT, BERLIN, "2026-10-31T22:59:59Z", true },
	{ "\"to\":\"2026-11-01T00:00\"," NIGHT, BERLIN, "2026-10-31T23:00:00Z", false },
	/* Spring, Berlin: 2026-03-29, 02:00 becomes 03:00 (01:00 UTC). */
	{ "\"days\":[\"sat\"]," NIGHT, BERLIN, "2026-03-29T00:59:59Z", true },
	{ "\"days\":[\"sat\"]," NIGHT, BERLIN, "2026-03-29T01:00:00Z",
	  false }, /* 03:00 */
	{ "\"hours\":[\"02:00-03:00\"]", BERLIN, "2026-03-29T00:59:59Z", false },
	{ "\"hours\":[\"02:00-03:00\"]", BERLIN, "2026-03-29T01:00:00Z", false },
	{ "\"hours\":[\"01:30-03:30\"]", BERLIN, "2026-03-29T01:29:59Z", true },
	{ "\"hours\":[\"01:30-03:30\"]", BERLIN, "2026-03-29T01:30:00Z", false },
	{ "\"from\":\"2026-03-29\"", BERLIN, "2026-03-28T22:59:59Z", false },
	{ "\"from\":\"2026-03-29\"", BERLIN, "2026-03-28T23:00:00Z", true },
	{ "\"to\":\"2026-03-29\"", BERLIN, "2026-03-29T21:59:59Z",
	  true }, /* a day of 23 h */
	{ "\"to\":\"2026-03-29\"", BERLIN, "2026-03-29T22:00:00Z", false },
	{ "\"from\":\"2026-03-29T02:30\"", BERLIN, "2026-03-29T00:59:59Z", false },
	{ "\"from\":\"2026-03-29T02:30\"", BERLIN, "2026-03-29T01:00:00Z", true },
	{ "\"from\":\"2026-03-29T02:30+01:00\"", BERLIN, "2026-03-29T01:29:59Z", false },
	{ "\"from\":\"2026-03-29T02:30+01:00\"", BERLIN, "2026-03-29T01:30:00Z", true },
	/* Autumn, Berlin: 2026-10-25, 03:00 becomes 02:00 (01:00 UTC); two o'clock comes twice. */
	{ "\"days\":[\"sat\"],\"hours\":[\"22:00-02:30\"]", BERLIN,
	  "2026-10-25T00:29:59Z", true },
	{ "\"days\":[\"sat\"],\"hours\":[\"22:00-02:30\"]", BERLIN,
	  "2026-10-25T00:30:00Z", false },
	{ "\"days\":[\"sat\"],\"hours\":[\"22:00-02:30\"]", BERLIN,
	  "2026-10-25T01:00:00Z", true },
	{ "\"days\":[\"sat\"],\"hours\":[\"22:00-02:30\"]", BERLIN,
	  "2026-10-25T01:30:00Z", false },
	{ "\"hours\":[\"02:00-03:00\"]", BERLIN, "2026-10-25T00:30:00Z", true },
	{ "\"hours\":[\"02:00-03:00\"]", BERLIN, "2026-10-25T01:30:00Z", true },
	{ "\"hours\":[\"02:00-03:00\"]", BERLIN, "2026-10-25T02:00:00Z", false },
	{ "\"to\":\"2026-10-25\"", BERLIN, "2026-10-25T22:59:59Z",
	  true }, /* a day of 25 h */
	{ "\"to\":\"2026-10-25\"", BERLIN, "2026-10-25T23:00:00Z", false },
	{ "\"to\":\"2026-10-25T02:30\"", BERLIN, "2026-10-25T00:30:00Z", false },
	{ "\"to\":\"2026-10-25T02:30\"", BERLIN, "2026-10-25T01:00:00Z",
	  true }, /* 02:00 again */
	{ "\"to\":\"2026-10-25T02:30+02:00\"", BERLIN, "2026-10-25T00:29:59Z", true },
	{ "\"to\":\"2026-10-25T02:30+02:00\"", BERLIN, "2026-10-25T01:00:00Z", false },
	/* New York: 2026-03-08 02:00 -> 03:00 (07:00 UTC), 2026-11-01 02:00 -> 01:00 (06:00 UTC). */
	{ "\"days\":[\"sat\"]," NIGHT, YORK, "2026-03-08T06:59:59Z", true },
	{ "\"days\":[\"sat\"]," NIGHT, YORK, "2026-03-08T07:00:00Z", false },
	{ "\"from\":\"2026-03-08T02:30\"", YORK, "2026-03-08T07:00:00Z", true },
	{ "\"to\":\"2026-03-08\"", YORK, "2026-03-09T03:59:59Z", true },
	{ "\"to\":\"2026-03-08\"", YORK, "2026-03-09T04:00:00Z", false },
	{ "\"days\":[\"sat\"]," NIGHT, YORK, "2026-11-01T05:59:59Z",
	  true }, /* 01:59 summer */
	{ "\"days\":[\"sat\"]," NIGHT, YORK, "2026-11-01T06:59:59Z",
	  true }, /* 01:59 winter */
	{ "\"days\":[\"sat\"]," NIGHT, YORK, "2026-11-01T07:00:00Z", false },
	{ "\"to\":\"2026-11-01\"", YORK, "2026-11-02T04:59:59Z", true },
	{ "\"to\":\"2026-11-01\"", YORK, "2026-11-02T05:00:00Z", false },
	{ "\"from\":\"2026-11-01T01:30Z\"", YORK, "2026-11-01T01:29:59Z", false },
	{ "\"from\":\"2026-11-01T01:30Z\"", YORK, "2026-11-01T01:30:00Z", true },
};

START_TEST(an_offer_holds_by_the_clock_on_the_store_s_wall)
{
	bool held = holds(cases[_i].when, cases[_i].zone, cases[_i].moment);

	ck_assert_msg(held == cases[_i].holds, "%s in %s at %s", cases[_i].when,
		      cases[_i].zone, cases[_i].moment);
}
END_TEST

START_TEST(a_night_of_every_week_is_four_hours_but_for_the_switches)
{
	/* Minutes in which a Saturday's night offer holds, from Saturday noon UTC on, a day long. */
	static const struct {
		const char *zone, *noon;
		int minutes;
	} nights[] = {
		{ BERLIN, "2026-03-21T12:00:00Z", 240 },
		{ BERLIN, "2026-03-28T12:00:00Z", 240 }, /* ends as two becomes three */
		{ BERLIN, "2026-10-24T12:00:00Z",
		  240 }, /* ends before three becomes two */
		{ BERLIN, "2026-10-31T12:00:00Z", 240 },
		{ YORK, "2026-03-07T12:00:00Z", 240 },
		{ YORK, "2026-10-31T12:00:00Z", 300 }, /* one to two comes twice */
	};

	for (size_t i = 0; i < sizeof(nights) / sizeof(nights[0]); i++) {
		int64_t from = moment(nights[i].noon);
		int minutes = 0;

		for (int m = 0; m < 24 * 60; m += 10) {
			char text[RFC3339_BYTES];

			rfc3339_text(text, from + INT64_C(60000) * m);
			minutes += 10 * holds("\"days\":[\"sat\"]," NIGHT, nights[i].zone,
					      text);
		}
		ck_assert_msg(minutes == nights[i].minutes, "%s %s: %d", nights[i].zone,
			      nights[i].noon, minutes);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pricing_time");
	TCase *tc = tcase_create("pricing_time");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, an_offer_holds_by_the_clock_on_the_store_s_wall, 0,
			    sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, a_night_of_every_week_is_four_hours_but_for_the_switches);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
