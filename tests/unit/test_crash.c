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
	for (unsigned long i = 0; i < POINTS; i++)
		crash_point("a point of the test");
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

UNIT_MAIN("crash", every_point_asked_for_kills_there, without_settings_nothing_happens,
	  only_the_program_named_is_counted_and_killed)
