/*
 * The POS may replace a file at any moment, also between the host's look at it and its move: a wrapper of
 * renameat (see the Makefile) plays that moment. What is newer is never removed, nor set aside.
 */
#include "adapter/host_dirs.h"

#include "tempdir.h"
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_renameat(int a, const char *old, int b, const char *new);
int __wrap_renameat(int a, const char *old, int b, const char *new);

static char dir[TEMPDIR_BYTES];
static bool replace; /* before the next move */

int
__wrap_renameat(int a, const char *old, int b, const char *new)
{
	if (replace) {
		replace = false;
		tempdir_write(dir, "new", "two of them", 11);
		ck_assert_int_eq(__real_renameat(a, "new", a, old), 0);
	}
	return __real_renameat(a, old, b, new);
}

static void
must_hold(const char *text)
{
	size_t n = 0;
	uint8_t *data = tempdir_read(dir, "t.json", &n);

	ck_assert_uint_eq(n, strlen(text));
	ck_assert_mem_eq(data, text, n);
	free(data);
}

typedef int (*take_fn)(struct host_dirs *d, const char *option, struct str name,
		       uint64_t version);

static void
race(take_fn take)
{
	struct host_dirs *dirs = NULL;
	struct loop *loop = NULL;
	uint64_t bytes, version;
	int fd;

	tempdir_make(dir);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(host_dirs_new(loop, &dirs), 0);
	ck_assert_int_eq(host_dirs_add(dirs, "in", dir), 0);
	tempdir_write(dir, "t.json", "one", 3);
	ck_assert_int_eq(host_dirs_open(dirs, "in", STR("t.json"), &fd, &bytes, &version),
			 LANED_OK);
	(void)close(fd); /* read only */
	replace = true;
	ck_assert_int_eq(take(dirs, "in", STR("t.json"), version), LANED_AGAIN);
	ck_assert(!replace);
	must_hold("two of them");
	/* Read again, it goes. */
	ck_assert_int_eq(host_dirs_open(dirs, "in", STR("t.json"), &fd, &bytes, &version),
			 LANED_OK);
	(void)close(fd); /* as above */
	ck_assert_int_eq(host_dirs_remove(dirs, "in", STR("t.json"), version), LANED_OK);
	ck_assert_int_eq(host_dirs_open(dirs, "in", STR("t.json"), &fd, &bytes, &version),
			 LANED_MISSING);
	host_dirs_free(dirs);
	loop_free(loop);
	(void)rmdir(tempdir_path(dir, "bad")); /* there for one of them, and empty */
	tempdir_remove(dir);
}

START_TEST(what_comes_between_a_look_and_a_removal_stays)
{
	race(host_dirs_remove);
}
END_TEST

START_TEST(what_comes_between_a_look_and_the_folder_of_bad_ones_stays)
{
	race(host_dirs_set_aside);
}
END_TEST

UNIT_MAIN("dirs_race", what_comes_between_a_look_and_a_removal_stays,
	  what_comes_between_a_look_and_the_folder_of_bad_ones_stays)
