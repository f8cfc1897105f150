#include "unit.h"

#include "bio/transfer.h"
#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[TEMPDIR_BYTES], folder[TEMPDIR_PATH_BYTES];
static int dirfd;

static void
begin(void)
{
	tempdir_make(dir);
	(void)snprintf(folder, sizeof(folder), "%s/" TRANSFER_FOLDER, dir);
	ck_assert_int_eq(transfer_open(dir, &dirfd), 0);
}

static void
end(void)
{
	(void)close(dirfd);
	tempdir_remove(folder);
	tempdir_remove(dir);
}

START_TEST(what_is_read_is_removed)
{
	struct secret *s = NULL;

	begin();
	tempdir_write(folder, "a.fmr", "abc", 3);
	ck_assert_int_eq(transfer_take(dirfd, STR("a.fmr"), 3, &s), 0);
	ck_assert_uint_eq(secret_size(s), 3);
	ck_assert_mem_eq(secret_bytes(s), "abc", 3);
	secret_free(s);
	ck_assert_int_eq(faccessat(dirfd, "a.fmr", F_OK, 0), -1);
	ck_assert_int_eq(transfer_take(dirfd, STR("a.fmr"), 3, &s), -ENOENT);
	end();
}
END_TEST

START_TEST(what_is_refused_is_removed_too)
{
	struct secret *s = NULL;

	begin();
	tempdir_write(folder, "long", "abcd", 4);
	ck_assert_int_eq(transfer_take(dirfd, STR("long"), 3, &s), -EFBIG);
	ck_assert_int_eq(faccessat(dirfd, "long", F_OK, 0), -1);
	tempdir_write(folder, "empty", "", 0);
	ck_assert_int_eq(transfer_take(dirfd, STR("empty"), 3, &s), -ENODATA);
	ck_assert_int_eq(mkfifoat(dirfd, "pipe", 0600), 0);
	ck_assert_int_eq(transfer_take(dirfd, STR("pipe"), 3, &s), -EINVAL);
	ck_assert_int_eq(faccessat(dirfd, "pipe", F_OK, 0), -1);
	ck_assert_ptr_null(s);
	end();
}
END_TEST

START_TEST(names_lead_nowhere_else)
{
	static const char *const names[] = { "",     "..",          ".hidden",
					     "a/b",  "../x",        "a b",
					     "a\nb", "/etc/passwd", "\xc3\xa4" };
	struct secret *s = NULL;
	char longest[TRANSFER_NAME_MAX + 2];

	begin();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ck_assert_int_eq(transfer_take(dirfd, str_of(names[i]), 9, &s), -EINVAL);
		ck_assert_int_eq(
			transfer_put(dirfd, str_of(names[i]), (const uint8_t *)"x", 1),
			-EINVAL);
	}
	memset(longest, 'a', sizeof(longest));
	ck_assert_int_eq(transfer_put(dirfd, (struct str){ longest, sizeof(longest) - 1 },
				      (const uint8_t *)"x", 1),
			 -EINVAL);
	ck_assert_int_eq(transfer_put(dirfd, (struct str){ longest, TRANSFER_NAME_MAX },
				      (const uint8_t *)"x", 1),
			 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", dirfd, "link"), 0);
	ck_assert_int_eq(transfer_take(dirfd, STR("link"), 9, &s), -EINVAL);
	end();
}
END_TEST

START_TEST(what_is_written_is_for_its_owner_alone_and_new)
{
	struct stat st;

	begin();
	ck_assert_int_eq(transfer_put(dirfd, STR("out"), (const uint8_t *)"xy", 2), 0);
	ck_assert_int_eq(fstatat(dirfd, "out", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777u, 0600);
	ck_assert_int_eq(st.st_size, 2);
	ck_assert_int_eq(transfer_put(dirfd, STR("out"), (const uint8_t *)"z", 1),
			 -EEXIST);
	end();
}
END_TEST

START_TEST(start_empties_the_folder_and_closes_it_to_others)
{
	struct stat st;

	begin();
	tempdir_write(folder, "left", "abc", 3);
	ck_assert_int_eq(fchmod(dirfd, 0755), 0);
	(void)close(dirfd);
	ck_assert_int_eq(transfer_open(dir, &dirfd), 0);
	ck_assert_int_eq(faccessat(dirfd, "left", F_OK, 0), -1);
	ck_assert_int_eq(fstat(dirfd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777u, 0700);
	end();
}
END_TEST

UNIT_MAIN("transfer", what_is_read_is_removed, what_is_refused_is_removed_too,
	  names_lead_nowhere_else, what_is_written_is_for_its_owner_alone_and_new,
	  start_empties_the_folder_and_closes_it_to_others)
