/* What the sandbox lets through, tried in a process of its own. */
#include "unit.h"

#include "adapter/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELD = 0, NOT_ENTERED = 10, LET_THROUGH = 20, TOO_STRICT = 30, NO_LIMIT = 40 };

/* Enters the sandbox in a child, runs fn there, and gives back what it returned. */
static int
in_sandbox(enum adapter_seccomp mode, int (*fn)(void))
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(sandbox_enter(mode) < 0 ? NOT_ENTERED : fn());
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static bool
is_filtered(void)
{
	return strcmp(sandbox_words(ADAPTER_SECCOMP_ENFORCE), "seccomp enforced") == 0;
}

static int
forbidden_calls(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	if (execv("/bin/true", argv) == 0 || errno != EPERM)
		return LET_THROUGH;
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
		return LET_THROUGH + 1;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) >= 0 || errno != EPERM)
		return LET_THROUGH + 2;
	if (kill(1, 0) == 0 || errno != EPERM)
		return LET_THROUGH + 3;
	if (fork() >= 0 || (errno != EPERM && errno != EAGAIN))
		return LET_THROUGH + 4;
	if (chown("/nowhere", 0, 0) == 0 || errno != EPERM)
		return LET_THROUGH + 5;
	return HELD;
}

static int
needed_calls(void)
{
	struct rlimit r;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0)
		return TOO_STRICT;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || close(fd) < 0)
		return TOO_STRICT + 1;
	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return TOO_STRICT + 2;
	return r.rlim_max <= SANDBOX_FILES_MAX ? HELD : NO_LIMIT;
}

START_TEST(calls_that_no_adapter_needs_are_refused)
{
	if (!is_filtered())
		return; /* a sanitizer's build, or one without seccomp: nothing to try */
	ck_assert_int_eq(in_sandbox(ADAPTER_SECCOMP_ENFORCE, forbidden_calls), HELD);
}
END_TEST

START_TEST(what_the_host_needs_goes_through_in_every_mode)
{
	ck_assert_int_eq(in_sandbox(ADAPTER_SECCOMP_ENFORCE, needed_calls), HELD);
	ck_assert_int_eq(in_sandbox(ADAPTER_SECCOMP_LOG, needed_calls), HELD);
	ck_assert_int_eq(in_sandbox(ADAPTER_SECCOMP_OFF, needed_calls), HELD);
}
END_TEST

START_TEST(each_mode_says_what_it_is)
{
	ck_assert_ptr_nonnull(strstr(sandbox_words(ADAPTER_SECCOMP_ENFORCE), "seccomp"));
	ck_assert_ptr_nonnull(strstr(sandbox_words(ADAPTER_SECCOMP_LOG), "seccomp"));
	ck_assert_ptr_nonnull(strstr(sandbox_words(ADAPTER_SECCOMP_OFF), "seccomp"));
}
END_TEST

UNIT_MAIN("adapter_sandbox", calls_that_no_adapter_needs_are_refused,
	  what_the_host_needs_goes_through_in_every_mode, each_mode_says_what_it_is)
