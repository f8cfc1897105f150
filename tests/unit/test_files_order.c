/*
 * Drop format v1: a file is written as ".name.tmp", made durable, renamed, and then the folder is made
 * durable. The calls are watched, and fail one after the other (see the Makefile: --wrap).
 */
#include "base/files.h"

#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* f: a file is made durable, d: a folder is, r: the rename. */
static char calls[16];
static unsigned failing; /* the n-th of them fails; 0 none */
static char from[64], to[64];
static off_t bytes_at_rename;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int a, const char *old, int b, const char *new);
int __wrap_renameat(int a, const char *old, int b, const char *new);

static bool
fails(char call)
{
	size_t n = strlen(calls);

	if (n + 1 < sizeof(calls))
		calls[n] = call;
	if (failing != n + 1)
		return false;
	errno = EIO;
	return true;
}

int
__wrap_fsync(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return fails(S_ISDIR(st.st_mode) ? 'd' : 'f') ? -1 : __real_fsync(fd);
}

int
__wrap_renameat(int a, const char *old, int b, const char *new)
{
	struct stat st;

	(void)snprintf(from, sizeof(from), "%s", old);
	(void)snprintf(to, sizeof(to), "%s", new);
	bytes_at_rename = fstatat(a, old, &st, 0) == 0 ? st.st_size : -1;
	return fails('r') ? -1 : __real_renameat(a, old, b, new);
}

struct folder {
	char dir[TEMPDIR_BYTES];
	int fd;
};

static int
put(struct folder *f, unsigned fail_at, const char *text)
{
	memset(calls, 0, sizeof(calls));
	failing = fail_at;
	return files_put(f->fd, "K.pay.json", str_of(text), 0640);
}

static void
holds(const struct folder *f, const char *text)
{
	char got[64] = "";
	int fd = openat(f->fd, "K.pay.json", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	n = read(fd, got, sizeof(got) - 1);
	ck_assert_int_eq(n, (ssize_t)strlen(text));
	ck_assert_str_eq(got, text);
	(void)close(fd); /* read only */
}

static void
make(struct folder *f)
{
	tempdir_make(f->dir);
	f->fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(f->fd, 0);
}

static void
drop(struct folder *f)
{
	(void)close(f->fd); /* a folder */
	tempdir_remove(f->dir);
}

START_TEST(a_file_is_durable_before_its_name_and_the_name_after_it)
{
	struct folder f;

	make(&f);
	ck_assert_int_eq(put(&f, 0, "hundred"), 0);
	ck_assert_str_eq(calls, "frd");
	ck_assert_str_eq(from, ".K.pay.json.tmp");
	ck_assert_str_eq(to, "K.pay.json");
	ck_assert_int_eq(bytes_at_rename, 7); /* it is whole before it has its name */
	holds(&f, "hundred");
	drop(&f);
}
END_TEST

/* Which calls are made when the n-th one fails, and what the reader then sees. */
static const struct {
	const char *calls, *seen;
} failures[] = { { "f", "old" }, { "fr", "old" }, { "frd", "new" } };

START_TEST(whatever_fails_is_told_and_no_half_file_is_seen)
{
	for (unsigned i = 0; i < 3; i++) {
		struct folder f;

		make(&f);
		ck_assert_int_eq(put(&f, 0, "old"), 0);
		ck_assert_int_eq(put(&f, i + 1, "new"), -EIO);
		ck_assert_str_eq(calls, failures[i].calls);
		holds(&f, failures[i].seen);
		ck_assert_int_eq(put(&f, 0, "next"), 0);
		holds(&f, "next");
		drop(&f);
	}
}
END_TEST

UNIT_MAIN("files_order", a_file_is_durable_before_its_name_and_the_name_after_it,
	  whatever_fails_is_told_and_no_half_file_is_seen)
