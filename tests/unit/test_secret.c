#include "unit.h"

#include "base/secret.h"
#include "base/secret_thread.h"

#include <errno.h>
#include <stdbool.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The address and thread sanitizers make mlock do nothing and say that it worked. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MLOCK_WORKS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MLOCK_WORKS false
#endif
#endif
#ifndef MLOCK_WORKS
#define MLOCK_WORKS true
#endif

static char dir[] = "/tmp/laned-secret-XXXXXX";
static char path[64];

static void
make_file(const void *data, size_t n, mode_t mode)
{
	FILE *f;

	if (path[0] == '\0') {
		ck_assert_ptr_nonnull(mkdtemp(dir));
		(void)snprintf(path, sizeof(path), "%s/file", dir);
	}
	(void)unlink(path);
	f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void
remove_files(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
}

START_TEST(secret_is_zeroed_and_writable_in_any_size)
{
	static const size_t sizes[] = { 1, 15, 16, 17, 4095, 4096, 4097, 100000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct secret *s = NULL;

		ck_assert_int_eq(secret_new(sizes[i], &s), 0);
		ck_assert_uint_eq(secret_size(s), sizes[i]);
		ck_assert_uint_eq((uintptr_t)secret_bytes(s) % 16, 0);
		ck_assert_ptr_eq(secret_bytes(s), secret_bytes_const(s));
		for (size_t k = 0; k < sizes[i]; k++)
			ck_assert_uint_eq(secret_bytes(s)[k], 0);
		memset(secret_bytes(s), 0xff, sizes[i]);
		ck_assert_ptr_null(secret_free(s));
	}
	ck_assert_ptr_null(secret_free(NULL));
}
END_TEST

START_TEST(impossible_sizes_are_no_memory)
{
	struct secret *s = NULL;

	ck_assert_int_eq(secret_new(SIZE_MAX, &s), -ENOMEM);
	ck_assert_int_eq(secret_new(SIZE_MAX - 20000, &s), -ENOMEM);
	ck_assert_int_eq(secret_new(SIZE_MAX / 2, &s), -ENOMEM);
	ck_assert_ptr_null(s);
	ck_assert_ptr_null(secret_region_new(SIZE_MAX));
	ck_assert_ptr_null(secret_region_new(0));
	secret_region_free(NULL, 5);
}
END_TEST

/* The kernel's flags of the mapping with p, as " rd wr ... ", from smaps. */
static void
mapping_flags(const void *p, char flags[256])
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	bool inside = false;

	flags[0] = '\0';
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = (uintptr_t)p >= start && (uintptr_t)p < end;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			(void)snprintf(flags, 256, "%.255s", line + 8);
	}
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(kernel_is_told_not_to_dump_nor_copy)
{
	char flags[256];
	size_t before = secret_unlocked_bytes();
	uint8_t *region = secret_region_new(10000);

	ck_assert_ptr_nonnull(region);
	mapping_flags(region, flags);
	ck_assert_msg(strstr(flags, " dd") != NULL, "%s", flags);
	ck_assert_msg(strstr(flags, " dc") != NULL, "%s", flags);
	if (MLOCK_WORKS && secret_unlocked_bytes() == before)
		ck_assert_msg(strstr(flags, " lo") != NULL, "%s", flags);
	secret_region_free(region, 10000);
	ck_assert_uint_eq(secret_unlocked_bytes(), before);
}
END_TEST

struct thread_view {
	char flags[256]; /* of the mapping of its stack */
	sigset_t blocked;
};

static void *
look_around(void *arg)
{
	struct thread_view *v = arg;
	char here = 0;

	mapping_flags(&here, v->flags);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &v->blocked), 0);
	return NULL;
}

START_TEST(a_thread_has_a_stack_of_its_own_pages_and_takes_no_signals)
{
	size_t before = secret_unlocked_bytes();
	struct secret_thread thread;
	struct thread_view v = { .flags = "" };
	sigset_t mine;

	ck_assert_int_eq(secret_thread_start(&thread, look_around, &v), 0);
	secret_thread_join(&thread);
	ck_assert_msg(strstr(v.flags, " dd") != NULL, "%s", v.flags);
	if (MLOCK_WORKS && secret_unlocked_bytes() == before)
		ck_assert_msg(strstr(v.flags, " lo") != NULL, "%s", v.flags);
	ck_assert_int_eq(sigismember(&v.blocked, SIGTERM), 1);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mine), 0);
	ck_assert_int_eq(sigismember(&mine, SIGTERM), 0);
	ck_assert_uint_eq(secret_unlocked_bytes(), before);
}
END_TEST

/*
 * Runs fn in a child that must reach its end only as far as it writes to the pipe: gives the number
 * of bytes written, and the child must have died before _exit(0) when dies is set.
 */
static size_t
run_child(void (*fn)(int fd, uint8_t *parents), uint8_t *parents, bool dies)
{
	char buf[16];
	int fds[2], status = 0;
	size_t total = 0;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct rlimit none = { 0, 0 };

		(void)setrlimit(RLIMIT_CORE, &none);
		/* A sanitizer's or valgrind's report of the wanted fault is only noise. */
		(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		fn(fds[1], parents);
		_exit(0);
	}
	(void)close(fds[1]);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		total += (size_t)n;
	(void)close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WIFEXITED(status) && WEXITSTATUS(status) == 0, !dies);
	return total;
}

static void
step(int fd)
{
	if (write(fd, "x", 1) != 1)
		_exit(3);
}

static void
overrun(int fd, uint8_t *parents)
{
	struct secret *s = NULL;
	volatile uint8_t *p;

	(void)parents;
	if (secret_new(32, &s) < 0)
		_exit(3);
	p = secret_bytes(s);
	p[31] = 1;
	step(fd);
	p[32] = 1;
	step(fd);
}

static void
underrun(int fd, uint8_t *parents)
{
	volatile uint8_t *p = secret_region_new(32);

	(void)parents;
	p[0] = 1;
	step(fd);
	p[-1] = 1;
	step(fd);
}

static void
use_after_free(int fd, uint8_t *parents)
{
	volatile uint8_t *p = secret_region_new(32);

	(void)parents;
	p[0] = 1;
	step(fd);
	secret_region_free((void *)(uintptr_t)p, 32);
	step(fd);
	p[0] = 1;
	step(fd);
}

static void
read_parents(int fd, uint8_t *parents)
{
	volatile uint8_t *p = parents;

	step(fd);
	if (p[0] != 0)
		step(fd);
	step(fd);
}

START_TEST(guard_pages_stop_runaway_writes)
{
	ck_assert_uint_eq(run_child(overrun, NULL, true), 1);
	ck_assert_uint_eq(run_child(underrun, NULL, true), 1);
	ck_assert_uint_eq(run_child(use_after_free, NULL, true), 2);
}
END_TEST

START_TEST(a_forked_child_has_no_copy)
{
	struct secret *s = NULL;

	ck_assert_int_eq(secret_new(32, &s), 0);
	memset(secret_bytes(s), 0x55, 32);
	ck_assert_uint_eq(run_child(read_parents, secret_bytes(s), true), 1);
	secret_free(s);
}
END_TEST

static void
lock_nothing(int fd, uint8_t *parents)
{
	struct rlimit none = { 0, 0 };
	struct secret *s = NULL;

	(void)parents;
	if (setrlimit(RLIMIT_MEMLOCK, &none) != 0)
		_exit(3);
	/* root may lock beyond the limit */
	if (geteuid() == 0 && setuid(65534) != 0)
		_exit(3);
	if (secret_unlocked_bytes() != 0 || secret_new(100, &s) < 0)
		_exit(4);
	step(fd);
	if (!MLOCK_WORKS || secret_unlocked_bytes() >= 100)
		step(fd);
	secret_bytes(s)[99] = 1;
	secret_free(s);
	if (secret_unlocked_bytes() == 0)
		step(fd);
}

START_TEST(a_refused_lock_is_counted_and_no_error)
{
	ck_assert_uint_eq(run_child(lock_nothing, NULL, false), 3);
}
END_TEST

START_TEST(file_is_read_whole)
{
	struct secret *s = NULL;

	make_file("0123456789", 10, 0600);
	ck_assert_int_eq(secret_read_file(path, 10, true, &s), 0);
	ck_assert_uint_eq(secret_size(s), 10);
	ck_assert_mem_eq(secret_bytes(s), "0123456789", 10);
	secret_free(s);
	remove_files();
}
END_TEST

START_TEST(files_that_are_no_secret_are_refused)
{
	struct secret *s = NULL;

	make_file("0123456789", 10, 0600);
	ck_assert_int_eq(secret_read_file(path, 9, true, &s), -EFBIG);
	make_file("", 0, 0600);
	ck_assert_int_eq(secret_read_file(path, 9, true, &s), -ENODATA);
	ck_assert_int_eq(secret_read_file("/nonexistent/x", 9, true, &s), -ENOENT);
	ck_assert_int_eq(secret_read_file(dir, 9, false, &s), -EINVAL);
	(void)unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(secret_read_file(path, 9, true, &s), -EINVAL);
	ck_assert_ptr_null(s);
	remove_files();
}
END_TEST

START_TEST(mode_matters_only_when_asked_for)
{
	static const mode_t open_modes[] = { 0640, 0604, 0620, 0602, 0610, 0601 };

	for (size_t i = 0; i < sizeof(open_modes) / sizeof(open_modes[0]); i++) {
		struct secret *s = NULL;

		make_file("x", 1, open_modes[i]);
		ck_assert_msg(secret_read_file(path, 9, true, &s) == -EPERM, "%o",
			      open_modes[i]);
		ck_assert_int_eq(secret_read_file(path, 9, false, &s), 0);
		secret_free(s);
	}
	remove_files();
}
END_TEST

/* Entries of an access control list: tag, permissions, id; as in linux/posix_acl_xattr.h. */
#define ACL(group_perm, user_id)                                                         \
	{                                                                                \
		2, 0, 0, 0, 0x01, 0, 6, 0, 255, 255, 255, 255, 0x02, 0, 4, 0, (user_id), \
			0, 0, 0, 0x04, 0, (group_perm), 0, 255, 255, 255, 255, 0x10, 0,  \
			4, 0, 255, 255, 255, 255, 0x20, 0, 0, 0, 255, 255, 255, 255      \
	}

START_TEST(an_acl_for_this_user_alone_is_private)
{
	uint8_t own[] = ACL(0, 0), group[] = ACL(4, 0), other[] = ACL(0, 0);
	uint32_t uid = geteuid();
	struct secret *s = NULL;

	memcpy(own + 16, &uid, 4);
	memcpy(group + 16, &uid, 4);
	uid++;
	memcpy(other + 16, &uid, 4);
	make_file("x", 1, 0600);
	if (setxattr(path, "system.posix_acl_access", own, sizeof(own), 0) == 0) {
		struct stat st;

		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(st.st_mode & 0777, 0640); /* only its mask */
		ck_assert_int_eq(secret_read_file(path, 9, true, &s), 0);
		s = secret_free(s);
		ck_assert_int_eq(setxattr(path, "system.posix_acl_access", group,
					  sizeof(group), 0),
				 0);
		ck_assert_int_eq(secret_read_file(path, 9, true, &s), -EPERM);
		ck_assert_int_eq(setxattr(path, "system.posix_acl_access", other,
					  sizeof(other), 0),
				 0);
		ck_assert_int_eq(secret_read_file(path, 9, true, &s), -EPERM);
	} else {
		ck_assert_int_eq(errno, ENOTSUP); /* this file system has no lists */
	}
	remove_files();
}
END_TEST

START_TEST(comparison_looks_at_size_and_every_byte)
{
	struct secret *a = NULL, *b = NULL, *c = NULL;

	ck_assert_int_eq(secret_new(40, &a), 0);
	ck_assert_int_eq(secret_new(40, &b), 0);
	ck_assert_int_eq(secret_new(41, &c), 0);
	ck_assert(secret_equal(a, b));
	ck_assert(!secret_equal(a, c));
	for (size_t i = 0; i < 40; i++) {
		secret_bytes(b)[i] = 1;
		ck_assert(!secret_equal(a, b));
		secret_bytes(b)[i] = 0;
	}
	secret_free(a);
	secret_free(b);
	secret_free(c);
}
END_TEST

START_TEST(zeroing_takes_exactly_its_bytes)
{
	char text[] = "abcdef";

	secret_zero(text + 1, 3);
	ck_assert_mem_eq(text, "a\0\0\0ef", 7);
	secret_zero(NULL, 0);
}
END_TEST

UNIT_MAIN("secret", secret_is_zeroed_and_writable_in_any_size,
	  impossible_sizes_are_no_memory, kernel_is_told_not_to_dump_nor_copy,
	  a_thread_has_a_stack_of_its_own_pages_and_takes_no_signals,
	  guard_pages_stop_runaway_writes, a_forked_child_has_no_copy,
	  a_refused_lock_is_counted_and_no_error, file_is_read_whole,
	  files_that_are_no_secret_are_refused, mode_matters_only_when_asked_for,
	  an_acl_for_this_user_alone_is_private, comparison_looks_at_size_and_every_byte,
	  zeroing_takes_exactly_its_bytes)
