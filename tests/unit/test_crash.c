/* The module as a build for fault tests has it, whatever this build is. */
#ifndef LANED_CRASH_POINTS
#define LANED_CRASH_POINTS 1
#endif
#include "base/crash.c"

#include "unit.h"

#include <sys/wait.h>

#define POINTS 5ul

/*
 * Run again by run_child, this program is no test: it passes POINTS crash points and ends. After
 * crash.c's own constructor, which stands above.
 */
__attribute__((constructor)) static void
child(void)
{
	if (getenv("LANED_TEST_CHILD") == NULL)
		return;
	for (unsigned long i = 0; i < POINTS; i++) {
		crash_point("a point of the test");
		if (plan != NULL)
			crash_point("another");
	}
	exit(0);
}

struct setting {
	const char *at, *in;
	bool count;
};

static char count_file[] = "/tmp/laned-crash-XXXXXX";

/* The wait status of the child; *ret_count is what it wrote, -1 nothing. */
static int
run_child(struct setting s, long *ret_count)
{
	int fd = mkstemp(count_file), status = 0;
	char text[32] = "";
	pid_t pid;

	ck_assert_int_ge(fd, 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)setenv("LANED_TEST_CHILD", "1", 1);
		if (s.at != NULL)
			(void)setenv("LANED_CRASH_AT", s.at, 1);
		if (s.in != NULL)
			(void)setenv("LANED_CRASH_IN", s.in, 1);
		if (s.count)
			(void)setenv("LANED_CRASH_COUNT", count_file, 1);
		(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		(void)execl(program_invocation_name, program_invocation_name,
			    (char *)NULL);
		_exit(9);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_ge(read(fd, text, sizeof(text) - 1), 0);
	*ret_count = text[0] == '\0' ? -1 : strtol(text, NULL, 10);
	(void)close(fd);
	(void)unlink(count_file);
	memcpy(count_file + sizeof(count_file) - 7, "XXXXXX", 6);
	return status;
}

START_TEST(every_point_asked_for_kills_there)
{
	for (unsigned long n = 0; n <= POINTS + 1; n++) {
		char at[24];
		long count = 0;
		int status;

		(void)snprintf(at, sizeof(at), "%lu", n);
		status = run_child((struct setting){ at, NULL, true }, &count);
		if (n >= 1 && n <= POINTS) {
			ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
			ck_assert_int_eq(count, (long)n);
		} else {
			ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
			ck_assert_int_eq(count, (long)POINTS);
		}
	}
}
END_TEST

START_TEST(without_settings_nothing_happens)
{
	long count = 0;

	ck_assert_int_eq(run_child((struct setting){ NULL, NULL, false }, &count), 0);
	ck_assert_int_eq(count, -1);
	ck_assert_int_eq(run_child((struct setting){ NULL, NULL, true }, &count), 0);
	ck_assert_int_eq(count, (long)POINTS);
}
END_TEST

START_TEST(only_the_program_named_is_counted_and_killed)
{
	const char *self = program_invocation_short_name;
	long count = 0;
	int status;

	ck_assert_int_eq(run_child((struct setting){ "2", "another", true }, &count), 0);
	ck_assert_int_eq(count, -1);
	status = run_child((struct setting){ "2", self, true }, &count);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(count, 2);
}
END_TEST

/* The wait status of a child with this order; the plan it left behind. */
static int
run_plan(const char *name, uint32_t n, struct plan_row rows[PLAN_ROWS])
{
	char path[] = "/tmp/laned-crash-XXXXXX";
	int fd = mkstemp(path), status;
	long count;

	ck_assert_int_ge(fd, 0);
	memset(rows, 0, PLAN_ROWS * sizeof(*rows));
	(void)snprintf(rows[0].name, sizeof(rows[0].name), "%s", name);
	rows[0].n = n;
	ck_assert_int_eq(pwrite(fd, rows, PLAN_ROWS * sizeof(*rows), 0),
			 PLAN_ROWS * sizeof(*rows));
	(void)setenv("LANED_CRASH_PLAN", path, 1);
	status = run_child((struct setting){ NULL, NULL, false }, &count);
	(void)unsetenv("LANED_CRASH_PLAN");
	ck_assert_int_eq(pread(fd, rows, PLAN_ROWS * sizeof(*rows), 0),
			 PLAN_ROWS * sizeof(*rows));
	(void)close(fd);
	(void)unlink(path);
	return status;
}

START_TEST(a_plan_kills_at_the_nth_pass_of_a_name)
{
	static const struct {
		const char *name;
		uint32_t n, left, first, second; /* passes of the two points */
		bool dies;
	} cases[] = {
		{ "", 0, 0, POINTS, POINTS, false },
		{ "", 4, 0, 2, 2, true },
		{ "another", 3, 0, 3, 3, true },
		{ "a point of the test", 1, 0, 1, 0, true },
		{ "another", 9, 9 - POINTS, POINTS, POINTS, false },
		{ "nowhere", 1, 1, POINTS, POINTS, false },
	};
	struct plan_row rows[PLAN_ROWS];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = run_plan(cases[i].name, cases[i].n, rows);

		ck_assert_int_eq(WIFSIGNALED(status), cases[i].dies);
		ck_assert_uint_eq(rows[0].n, cases[i].left);
		ck_assert_str_eq(rows[1].name, "a point of the test");
		ck_assert_uint_eq(rows[1].n, cases[i].first);
		ck_assert_uint_eq(rows[2].n, cases[i].second);
	}
}
END_TEST

UNIT_MAIN("crash", every_point_asked_for_kills_there, without_settings_nothing_happens,
	  only_the_program_named_is_counted_and_killed,
	  a_plan_kills_at_the_nth_pass_of_a_name)
