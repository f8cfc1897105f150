#include "lane/journal_reserve.h"

#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[TEMPDIR_BYTES];

static void
start(struct journal_reserve *r)
{
	tempdir_make(dir);
	*r = (struct journal_reserve){ .kept = false };
	(void)snprintf(r->path, sizeof(r->path), "%s",
		       tempdir_path(dir, "reserve")); /* fits */
}

START_TEST(space_is_kept_and_given_up_once)
{
	struct journal_reserve r;
	struct stat st;

	start(&r);
	ck_assert_int_eq(journal_reserve_spend(&r), -ENOENT);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(journal_reserve_keep(&r), 0);
		ck_assert_int_eq(journal_reserve_keep(&r), 0);
		ck_assert_int_eq(stat(r.path, &st), 0);
		ck_assert_int_eq(st.st_size, JOURNAL_RESERVE_BYTES);
		ck_assert_int_ge(st.st_blocks * 512, JOURNAL_RESERVE_BYTES);
		ck_assert_int_eq(journal_reserve_spend(&r), 0);
		ck_assert_int_eq(stat(r.path, &st), -1);
		ck_assert_int_eq(journal_reserve_spend(&r), -ENOENT);
	}
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_reserve_that_was_there_is_taken_over)
{
	struct journal_reserve r, again;

	start(&r);
	ck_assert_int_eq(journal_reserve_keep(&r), 0);
	again = r;
	again.kept = false; /* a new process */
	ck_assert_int_eq(journal_reserve_keep(&again), 0);
	ck_assert_int_eq(journal_reserve_spend(&again), 0);
	tempdir_remove(dir);
}
END_TEST

START_TEST(where_nothing_is_wanted_nothing_is_kept_or_refused)
{
	struct journal_reserve r = { .path = "" };

	ck_assert_int_eq(journal_reserve_keep(&r), 0);
	ck_assert_int_eq(journal_reserve_spend(&r), -ENOENT);
}
END_TEST

START_TEST(a_folder_that_is_gone_is_an_error)
{
	struct journal_reserve r;

	start(&r);
	tempdir_remove(dir);
	ck_assert_int_eq(journal_reserve_keep(&r), -ENOENT);
	ck_assert(!r.kept);
}
END_TEST

UNIT_MAIN("journal_reserve", space_is_kept_and_given_up_once,
	  a_reserve_that_was_there_is_taken_over,
	  where_nothing_is_wanted_nothing_is_kept_or_refused,
	  a_folder_that_is_gone_is_an_error)
