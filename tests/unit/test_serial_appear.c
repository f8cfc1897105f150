/* Waiting for a path, live, with folders and links that come and go. */
#include "bio/serial/appear.h"

#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS_MAX 50u

static struct loop *l;
static char dir[TEMPDIR_BYTES];

static void
begin(void)
{
	tempdir_make(dir);
	ck_assert_int_eq(loop_new(&l), 0);
}

static void
end(void)
{
	l = loop_free(l);
	tempdir_remove(dir);
}

static unsigned appeared;

static void
on_appeared(void *ctx)
{
	appeared++;
	ck_assert_int_eq(appear_again(*(struct appear **)ctx), 0);
}

static void
until(unsigned n)
{
	for (unsigned i = 0; i < ROUNDS_MAX && appeared < n; i++)
		ck_assert_int_eq(loop_once(l, 100), 0);
	ck_assert_uint_eq(appeared, n);
}

START_TEST(folders_and_links_on_the_way_may_come_one_by_one)
{
	char deep[TEMPDIR_PATH_BYTES], step[TEMPDIR_PATH_BYTES];
	struct appear *a = NULL;

	begin();
	(void)snprintf(deep, sizeof(deep), "%s/serial/by-id/finger", dir); /* fits */
	appeared = 0;
	ck_assert_int_eq(appear_new(l, deep, on_appeared, &a, &a), 0);
	(void)snprintf(step, sizeof(step), "%s/serial", dir);
	ck_assert_int_eq(mkdir(step, 0700), 0);
	until(1);
	(void)snprintf(step, sizeof(step), "%s/serial/by-id", dir);
	ck_assert_int_eq(mkdir(step, 0700), 0);
	until(2);
	ck_assert_int_eq(symlink("../../node", deep), 0);
	until(3);
	tempdir_write(dir, "node", "x", 1); /* the link's target comes after it */
	until(4);
	ck_assert_int_eq(chmod(deep, 0600), 0); /* through the link */
	until(5);
	ck_assert_int_eq(unlink(deep), 0);
	ck_assert_int_eq(rmdir(step), 0); /* what is watched goes away */
	until(6);
	ck_assert_int_eq(mkdir(step, 0700), 0);
	until(7);
	a = appear_free(a);
	ck_assert_int_eq(rmdir(step), 0);
	(void)snprintf(step, sizeof(step), "%s/serial", dir);
	ck_assert_int_eq(rmdir(step), 0);
	end();
}
END_TEST

START_TEST(a_path_that_cannot_be_watched_is_refused)
{
	struct appear *a = NULL;
	char loop_link[TEMPDIR_PATH_BYTES];

	begin();
	ck_assert_int_eq(appear_new(l, "relative", on_appeared, NULL, &a), -EINVAL);
	ck_assert_ptr_null(appear_free(NULL));
	/* Links in a circle end. */
	(void)snprintf(loop_link, sizeof(loop_link), "%s/circle", dir); /* fits */
	ck_assert_int_eq(symlink("circle", loop_link), 0);
	ck_assert_int_eq(appear_new(l, loop_link, on_appeared, &a, &a), 0);
	a = appear_free(a);
	end();
}
END_TEST

UNIT_MAIN("serial_appear", folders_and_links_on_the_way_may_come_one_by_one,
	  a_path_that_cannot_be_watched_is_refused)
