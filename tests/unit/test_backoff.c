/* The pauses between attempts to reach a device. */
#include "bio/backoff.h"

#include "unit.h"

START_TEST(pauses_double_from_the_shortest_to_the_longest)
{
	static const int64_t around[] = {
		100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000
	};
	struct backoff b = { 0 };

	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		int64_t ms = backoff_ms(&b);

		ck_assert_int_ge(ms, around[i] * 3 / 4);
		ck_assert_int_lt(ms, around[i] * 5 / 4);
	}
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_ge(backoff_ms(&b), BACKOFF_MS_MAX * 3 / 4);
	backoff_reset(&b);
	ck_assert_int_lt(backoff_ms(&b), 125);
}
END_TEST

/* Of lanes that lose their readers together. */
START_TEST(pauses_after_the_same_failure_differ)
{
	struct backoff one = { 5 };
	int64_t first = backoff_ms(&one);
	unsigned others = 0;

	for (unsigned i = 0; i < 50; i++) {
		struct backoff b = { 5 };

		others += backoff_ms(&b) != first;
	}
	ck_assert_uint_gt(others, 25);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("backoff");
	TCase *c = tcase_create("backoff");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(c, pauses_double_from_the_shortest_to_the_longest);
	tcase_add_test(c, pauses_after_the_same_failure_differ);
	suite_add_tcase(s, c);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
