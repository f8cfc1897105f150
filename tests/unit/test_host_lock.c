/* One host an adapter: a lock that ends with its process, and a name for who has it. */
#include "adapter/host_lock.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], path[128];

static void
setup(void)
{
	strcpy(folder, "/tmp/laned-unit.XXXXXX"); /* fits */
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/adapter-x.lock", folder);
}

static void
teardown(void)
{
	(void)unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* A process that takes the lock and keeps it until it is killed. */
static pid_t
start_holder(void)
{
	int up[2], fd = -1;
	pid_t pid, holder = 0;
	char c;

	ck_assert_int_eq(pipe(up), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		c = host_lock_take(path, &fd, &holder) == 0 ? '1' : '0';
		(void)!write(up[1], &c, 1);
		for (;;)
			(void)pause();
	}
	(void)close(up[1]);
	ck_assert_int_eq(read(up[0], &c, 1), 1);
	ck_assert_int_eq(c, '1');
	(void)close(up[0]);
	return pid;
}

START_TEST(a_second_one_is_told_who_has_it)
{
	pid_t other, holder = 0;
	int fd = -1, status;

	setup();
	other = start_holder();
	ck_assert_int_eq(host_lock_take(path, &fd, &holder), -EBUSY);
	ck_assert_int_eq(holder, other);
	ck_assert_int_eq(fd, -1);
	holder = 0;
	ck_assert_int_eq(host_lock_ask(path, &holder), -EBUSY);
	ck_assert_int_eq(holder, other);
	/* Killed: the kernel takes the lock back. */
	ck_assert_int_eq(kill(other, SIGKILL), 0);
	ck_assert_int_eq(waitpid(other, &status, 0), other);
	ck_assert_int_eq(host_lock_ask(path, &holder), 0);
	ck_assert_int_eq(host_lock_take(path, &fd, &holder), 0);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	teardown();
}
END_TEST

START_TEST(what_is_no_file_is_no_lock)
{
	pid_t holder = 0;
	int fd = -1;

	setup();
	ck_assert_int_eq(host_lock_ask(path, &holder), 0); /* none is there */
	ck_assert_int_eq(host_lock_ask("/dev/null", &holder), 0);
	ck_assert_int_eq(host_lock_take("/dev/null", &fd, &holder), -EINVAL);
	ck_assert_int_eq(host_lock_take("/nonexistent/x", &fd, &holder), -ENOENT);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	ck_assert_int_eq(host_lock_take(path, &fd, &holder), -ELOOP);
	ck_assert_int_eq(host_lock_ask(path, &holder), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600),
			 0); /* opening it must not wait for a reader */
	ck_assert_int_eq(host_lock_take(path, &fd, &holder), -EINVAL);
	ck_assert_int_eq(fd, -1);
	teardown();
}
END_TEST

UNIT_MAIN("host_lock", a_second_one_is_told_who_has_it, what_is_no_file_is_no_lock)
