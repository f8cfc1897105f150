#include "unit.h"

#include "sim/sim.h"

#include <unistd.h>

/* The simulator itself: it replays, it holds, and it sees each planted bug. */

/* The drop adapter that was built with this program: BUILD/tests/test_sim, BUILD/plugins. */
static const char *
plugin(void)
{
	static char path[600];
	ssize_t n = readlink("/proc/self/exe", path, 512);

	ck_assert_int_gt(n, 0);
	path[n] = '\0';
	(void)snprintf(strrchr(path, '/'), 64, "/../plugins/drop.so"); /* fits */
	return path;
}

static unsigned
broken(enum sim_bug bug, uint64_t first, unsigned runs, char what[200])
{
	unsigned count = 0;

	for (unsigned i = 0; i < runs; i++) {
		struct sim_options o = {
			.seed = first + i, .checkouts = 4, .bug = bug, .plugin = plugin()
		};
		struct sim_result r;

		sim_run(&o, &r);
		if (r.broken && count++ == 0)
			memcpy(what, r.what, 200);
	}
	return count;
}

START_TEST(a_seed_replays_bit_for_bit)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim_options o = { .seed = seed,
					 .checkouts = 5,
					 .plugin = plugin() };
		struct sim_result a, b;

		sim_run(&o, &a);
		sim_run(&o, &b);
		ck_assert_uint_eq(a.trace_hash, b.trace_hash);
		ck_assert_uint_eq(a.steps, b.steps);
		o.seed += 1000;
		sim_run(&o, &b);
		ck_assert_uint_ne(a.trace_hash, b.trace_hash);
	}
}
END_TEST

START_TEST(no_invariant_breaks_in_400_runs)
{
	char what[200] = "";

	ck_assert_msg(broken(SIM_BUG_NONE, 5000, 400, what) == 0, "%s", what);
}
END_TEST

START_TEST(two_fingers_pay_together_and_never_two_people_s)
{
	uint32_t greys = 0, paid = 0;

	/* That nobody else's pay is an invariant of every run. */
	for (uint64_t seed = 1; seed <= 800; seed++) {
		struct sim_options o = { .seed = seed,
					 .checkouts = 6,
					 .profile = SIM_TOUCH_FIRST,
					 .plugin = plugin() };
		struct sim_result r;

		sim_run(&o, &r);
		ck_assert_msg(!r.broken, "%s", r.what);
		greys += r.greys;
		paid += r.paid_by_two;
	}
	ck_assert_uint_gt(greys, 100);
	ck_assert_uint_gt(paid, 5);
}
END_TEST

START_TEST(a_calm_day_has_no_crash_and_no_alarm)
{
	uint32_t paid = 0;

	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct sim_options o = {
			.seed = seed, .checkouts = 6, .calm = true, .plugin = plugin()
		};
		struct sim_result r;

		sim_run(&o, &r);
		ck_assert_msg(!r.broken, "%s", r.what);
		ck_assert_uint_eq(r.crashes + r.failed_commits + r.alarms, 0);
		paid += r.paid_token;
	}
	ck_assert_uint_gt(paid, 100);
}
END_TEST

START_TEST(laned_may_die_at_every_commit_and_send)
{
	uint64_t crashes = 0;

	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct sim_options o = {
			.seed = seed, .checkouts = 3, .calm = true, .plugin = plugin()
		};
		struct sim_result r;
		uint64_t points;

		sim_run(&o, &r);
		points = r.crash_points;
		ck_assert_uint_gt(points, 20);
		for (uint64_t n = 1; n <= points; n++) {
			o.crash_at = n;
			sim_run(&o, &r);
			ck_assert_msg(!r.broken, "seed %u, point %u: %s", (unsigned)seed,
				      (unsigned)n, r.what);
			ck_assert_uint_eq(r.crashes, 1);
			crashes += r.crashes;
		}
	}
	ck_assert_uint_gt(crashes, 500);
}
END_TEST

START_TEST(the_sqlite_journal_says_what_the_one_in_memory_says)
{
	unsigned differ = 0;

	for (uint64_t seed = 1; seed <= 90; seed++) {
		struct sim_options o = {
			.seed = seed, .checkouts = 4, .sqlite = true, .plugin = plugin()
		};
		struct sim_result r;

		sim_run(&o, &r);
		ck_assert_msg(!r.broken, "seed %u: %s", (unsigned)seed, r.what);
		/* One that forgets at a restart is not the other's twin any more. */
		o.bug = SIM_BUG_UNDO_FORGOTTEN;
		sim_run(&o, &r);
		differ += r.broken && strstr(r.what, "differ") != NULL;
	}
	ck_assert_uint_gt(differ, 0);
}
END_TEST

START_TEST(every_planted_bug_is_seen)
{
	char what[200] = "";

	ck_assert_msg(broken((enum sim_bug)_i, 1, 600, what) > 0, "%s",
		      sim_bug_name((enum sim_bug)_i));
	ck_assert_str_ne(what, "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim");
	TCase *tc = tcase_create("sim");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_seed_replays_bit_for_bit);
	tcase_add_test(tc, laned_may_die_at_every_commit_and_send);
	tcase_add_test(tc, no_invariant_breaks_in_400_runs);
	tcase_add_test(tc, the_sqlite_journal_says_what_the_one_in_memory_says);
	tcase_add_test(tc, a_calm_day_has_no_crash_and_no_alarm);
	tcase_add_test(tc, two_fingers_pay_together_and_never_two_people_s);
	tcase_add_loop_test(tc, every_planted_bug_is_seen, SIM_BUG_NONE + 1, SIM_BUGS);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
