#include "unit.h"

#include "sim/sim.h"

#include <unistd.h>

/* The address sanitizer takes six times as long: every fourth point to die at. */
#ifdef __SANITIZE_ADDRESS__
#define STEP 4u
#else
#define STEP 1u
#endif

/* The simulator itself: it replays, it holds, and it sees each planted bug. */

/* An adapter that was built with this program: BUILD/tests/test_sim. */
static const char *
beside(char path[600], const char *name)
{
	ssize_t n = readlink("/proc/self/exe", path, 512);

	ck_assert_int_gt(n, 0);
	path[n] = '\0';
	(void)snprintf(strrchr(path, '/'), 64, "/../%s", name); /* fits */
	return path;
}

static const char *
plugin(void)
{
	static char path[600];

	return beside(path, "plugins/drop.so");
}

static const char *
relay(void)
{
	static char path[600];

	return beside(path, "terminal/relay.so");
}

static unsigned
broken(enum sim_bug bug, uint64_t first, unsigned runs, char what[200])
{
	unsigned count = 0;

	for (unsigned i = 0; i < runs && (bug == SIM_BUG_NONE || count == 0); i++) {
		struct sim_options o = { .seed = first + i,
					 .checkouts = 4,
					 .bug = bug,
					 .plugin = plugin(),
					 .relay = relay() };
		struct sim_result r;

		sim_run(&o, &r);
		if (r.broken && count++ == 0)
			memcpy(what, r.what, 200);
	}
	return count;
}

/* Every adapter, with and without the SQLite journal on its disk. */
static const struct way {
	enum sim_adapter adapter;
	bool sqlite;
} ways[] = {
	{ SIM_ADAPTER_TERMINAL, false }, { SIM_ADAPTER_DROP, false },
	{ SIM_ADAPTER_BRIDGE, false },   { SIM_ADAPTER_SCRIPTED, true },
	{ SIM_ADAPTER_TERMINAL, true },  { SIM_ADAPTER_BRIDGE, true },
	{ SIM_ADAPTER_RELAY, false },    { SIM_ADAPTER_RELAY, true },
};
#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

START_TEST(a_seed_replays_bit_for_bit)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct sim_options o = { .seed = seed,
					 .checkouts = 5,
					 .rates = SIM_ABSURD,
					 .adapter = ways[_i].adapter,
					 .sqlite = ways[_i].sqlite,
					 .plugin = plugin(),
					 .relay = relay() };
		struct sim_result a, b;

		sim_run(&o, &a);
		sim_run(&o, &b);
		ck_assert_uint_eq(a.trace_hash, b.trace_hash);
		ck_assert_uint_eq(a.steps, b.steps);
		ck_assert_mem_eq(a.faults, b.faults, sizeof(a.faults));
		o.seed += 1000;
		sim_run(&o, &b);
		ck_assert_uint_ne(a.trace_hash, b.trace_hash);
	}
}
END_TEST

START_TEST(every_kind_of_fault_happens_and_is_counted)
{
	uint64_t sum[SIM_FAULTS] = { 0 }, pushed = 0;

	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct sim_options o = { .seed = seed,
					 .checkouts = 4,
					 .rates = SIM_ABSURD,
					 .adapter = ways[seed % WAYS].adapter,
					 .plugin = plugin(),
					 .relay = relay() };
		struct sim_result r;

		sim_run(&o, &r);
		ck_assert_msg(!r.broken, "seed %u: %s", (unsigned)seed, r.what);
		for (unsigned f = 0; f < SIM_FAULTS; f++)
			sum[f] += r.faults[f];
		pushed += r.pushed_back;
	}
	ck_assert_uint_gt(pushed, 0);
	for (unsigned f = 0; f < SIM_FAULTS; f++)
		ck_assert_msg(sum[f] > 0, "%s", sim_fault_name((enum sim_fault)f));
}
END_TEST

START_TEST(three_realistic_checkouts_in_ten_see_a_fault)
{
	uint32_t hit = 0, checkouts = 0, lines = 0;

	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct sim_options o = { .seed = seed,
					 .checkouts = 4,
					 .rates = SIM_REALISTIC,
					 .plugin = plugin(),
					 .relay = relay() };
		struct sim_result r;

		sim_run(&o, &r);
		ck_assert_msg(!r.broken, "seed %u: %s", (unsigned)seed, r.what);
		hit += r.hit;
		checkouts += r.checkouts;
		lines += r.lines;
	}
	ck_assert_uint_gt(hit * 100, checkouts * 25);
	ck_assert_uint_lt(hit * 100, checkouts * 37);
	ck_assert_uint_gt(lines, checkouts * 11);
}
END_TEST

START_TEST(no_invariant_breaks_in_200_runs)
{
	char what[200] = "";

	ck_assert_msg(broken(SIM_BUG_NONE, 5000, 200, what) == 0, "%s", what);
}
END_TEST

START_TEST(two_fingers_pay_together_and_never_two_people_s)
{
	uint32_t greys = 0, paid = 0;

	/* That nobody else's pay is an invariant of every run. */
	for (uint64_t seed = 1; seed <= 400; seed++) {
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
	ck_assert_uint_gt(greys, 60);
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

/* Of one framing each: the seed's rest divided by five. */
START_TEST(members_and_strangers_pay_at_one_terminal)
{
	uint32_t paid = 0, passed = 0, checkouts = 0;

	for (uint64_t seed = (uint64_t)_i; seed < 150; seed += 5) {
		struct sim_options o = { .seed = seed,
					 .checkouts = 4,
					 .rates = seed % 2 == 0 ? SIM_REALISTIC
								: SIM_ABSURD,
					 .calm = seed % 4 == 0,
					 .adapter = SIM_ADAPTER_RELAY,
					 .relay = relay() };
		struct sim_result r;

		sim_run(&o, &r);
		ck_assert_msg(!r.broken, "seed %u: %s", (unsigned)seed, r.what);
		ck_assert(!o.calm || r.crashes + r.adapter_restarts == 0);
		paid += r.relay_paid;
		passed += r.passed;
		checkouts += r.relayed;
	}
	ck_assert_uint_gt(paid * 10, checkouts);
	ck_assert_uint_gt(passed, checkouts);
}
END_TEST

START_TEST(the_adapter_may_die_at_every_call_and_send)
{
	enum sim_adapter adapters[] = { SIM_ADAPTER_DROP, SIM_ADAPTER_BRIDGE,
					SIM_ADAPTER_RELAY };
	uint64_t deaths = 0;

	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct sim_options o = { .seed = seed,
					 .checkouts = 2,
					 .calm = true,
					 .adapter = adapters[seed % 3],
					 .plugin = plugin(),
					 .relay = relay() };
		struct sim_result r;
		uint64_t points;

		sim_run(&o, &r);
		points = r.adapter_points;
		ck_assert_uint_gt(points, 50);
		for (uint64_t n = 1; n <= points; n += 7 * STEP) {
			o.adapter_at = n;
			sim_run(&o, &r);
			ck_assert_msg(!r.broken, "seed %u, call %u: %s", (unsigned)seed,
				      (unsigned)n, r.what);
			ck_assert_uint_eq(r.faults[SIM_FAULT_ADAPTER_DIES], 1);
			deaths++;
		}
	}
	ck_assert_uint_gt(deaths, 100 / STEP);
}
END_TEST

START_TEST(laned_may_die_at_every_commit_and_send)
{
	enum sim_adapter adapters[] = { SIM_ADAPTER_TERMINAL, SIM_ADAPTER_DROP,
					SIM_ADAPTER_BRIDGE, SIM_ADAPTER_RELAY };
	uint64_t crashes = 0;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct sim_options o = { .seed = seed,
					 .checkouts = seed % 4 == 3 ? 1 : 2,
					 .calm = true,
					 .adapter = adapters[seed % 4],
					 .plugin = plugin(),
					 .relay = relay() };
		struct sim_result r;
		uint64_t points;

		sim_run(&o, &r);
		points = r.crash_points;
		ck_assert_uint_gt(points, 15);
		for (uint64_t n = 1; n <= points; n += STEP) {
			o.crash_at = n;
			sim_run(&o, &r);
			ck_assert_msg(!r.broken, "seed %u, point %u: %s", (unsigned)seed,
				      (unsigned)n, r.what);
			ck_assert_uint_eq(r.crashes, 1);
			crashes += r.crashes;
		}
	}
	ck_assert_uint_gt(crashes, 300 / STEP);
}
END_TEST

START_TEST(the_sqlite_journal_says_what_the_one_in_memory_says)
{
	unsigned differ = 0;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct sim_options o = { .seed = seed,
					 .checkouts = 4,
					 .sqlite = true,
					 .rates = SIM_ABSURD,
					 .plugin = plugin() };
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
	tcase_add_loop_test(tc, a_seed_replays_bit_for_bit, 0, WAYS);
	tcase_add_test(tc, every_kind_of_fault_happens_and_is_counted);
	tcase_add_test(tc, three_realistic_checkouts_in_ten_see_a_fault);
	tcase_add_loop_test(tc, members_and_strangers_pay_at_one_terminal, 0, 5);
	tcase_add_test(tc, laned_may_die_at_every_commit_and_send);
	tcase_add_test(tc, the_adapter_may_die_at_every_call_and_send);
	tcase_add_test(tc, no_invariant_breaks_in_200_runs);
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
