#include "lane/cache.h"

#include "lane_kit.h"
#include "tempdir.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[TEMPDIR_BYTES], why[256];

static unsigned
set_aside_files(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL)
		n += strncmp(e->d_name, "cache.db.damaged-", 17) == 0;
	ck_assert_int_eq(closedir(d), 0);
	return n;
}

START_TEST(a_new_cache_is_fresh_and_an_old_one_is_not)
{
	struct db *d = NULL;
	bool fresh = false;

	tempdir_make(dir);
	ck_assert_int_eq(cache_open(dir, &d, &fresh, why), 0);
	ck_assert(fresh);
	ck_assert_str_eq(why, "");
	(void)kit_put(d, "{\"number\":\"1\"}", 1);
	(void)db_close(d);
	ck_assert_int_eq(cache_open(dir, &d, &fresh, why), 0);
	ck_assert(!fresh);
	(void)db_close(d);
	ck_assert_uint_eq(set_aside_files(), 0);
	tempdir_remove(dir);
}
END_TEST

/* A cache with members, closed, as bytes. */
static uint8_t *
good_cache(size_t *ret_bytes)
{
	struct db *d = kit_cache(dir);
	char json[64];

	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(json, sizeof(json), "{\"number\":\"%u\"}", i);
		(void)kit_put(d, json, i);
	}
	(void)db_close(d);
	return tempdir_read(dir, "cache.db", ret_bytes);
}

START_TEST(a_damaged_cache_is_set_aside_and_made_anew)
{
	static const char *const damages[] = { "junk", "cut", "pages", "foreign" };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct member_record r;
		bool fresh = false;
		struct db *d = NULL;
		uint8_t *data;
		int rc;

		tempdir_make(dir);
		data = good_cache(&n);
		switch (i) {
		case 0:
			memset(data, 'x', n);
			break;
		case 1:
			n = n / 2 + 100;
			break;
		case 2:
			memset(data + n / 3, 0xa5, n / 3);
			break;
		default:
			memcpy(data + 68, "oops", 4); /* the application's id */
			break;
		}
		tempdir_write(dir, "cache.db", data, n);
		free(data);
		rc = cache_open(dir, &d, &fresh, why);
		ck_assert_msg(rc == 0, "%s: %d %s", damages[i], rc, why);
		ck_assert_msg(fresh, "%s", damages[i]);
		ck_assert_ptr_nonnull(strstr(why, "set aside"));
		ck_assert_uint_eq(set_aside_files(), 1);
		ck_assert_int_eq(members_get_number(d, STR("1"), &r), -ENOENT);
		(void)kit_put(d, "{\"number\":\"1\"}", 1);
		(void)db_close(d);
		ck_assert_int_eq(cache_open(dir, &d, &fresh, why), 0);
		ck_assert(!fresh);
		(void)db_close(d);
		tempdir_remove(dir);
	}
}
END_TEST

START_TEST(a_leftover_log_of_a_lost_file_does_no_harm)
{
	struct db *d = NULL;
	bool fresh = false;
	char junk[4096];

	tempdir_make(dir);
	memset(junk, 'w', sizeof(junk));
	tempdir_write(dir, "cache.db-wal", junk, sizeof(junk));
	ck_assert_int_eq(cache_open(dir, &d, &fresh, why), 0);
	ck_assert(fresh);
	(void)kit_put(d, "{\"number\":\"1\"}", 1);
	(void)db_close(d);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_missing_or_endless_folder_is_an_error)
{
	char folder[600];
	struct db *d = NULL;
	bool fresh = false;

	ck_assert_int_eq(cache_open("/nonexistent/laned", &d, &fresh, why), -ENOENT);
	memset(folder, 'x', sizeof(folder) - 1);
	folder[sizeof(folder) - 1] = '\0';
	ck_assert_int_eq(cache_open(folder, &d, &fresh, why), -ENAMETOOLONG);
	ck_assert_int_eq(cache_open_again(folder, &d, why), -ENAMETOOLONG);
	ck_assert_ptr_null(d);
}
END_TEST

START_TEST(two_connections_see_commits_only)
{
	struct member_record r;
	struct db *a, *b = NULL;

	tempdir_make(dir);
	a = kit_cache(dir);
	ck_assert_int_eq(cache_open_again(dir, &b, why), 0);
	ck_assert_int_eq(db_begin(b), 0);
	(void)kit_put(b, "{\"number\":\"1\"}", 1);
	ck_assert_int_eq(members_get_number(a, STR("1"), &r), -ENOENT);
	ck_assert_int_eq(db_commit(b), 0);
	ck_assert_int_eq(members_get_number(a, STR("1"), &r), 0);
	(void)db_close(b);
	(void)db_close(a);
	tempdir_remove(dir);
}
END_TEST

START_TEST(tokens_of_the_other_environment_are_set_aside)
{
	static const struct {
		const char *environment;
		bool fresh;
		unsigned aside;
	} opens[] = { { "test", true, 0 },
		      { "test", false, 0 },
		      { "live", true, 1 },
		      { "live", false, 1 } };
	struct db *d = NULL;

	tempdir_make(dir);
	for (size_t i = 0; i < sizeof(opens) / sizeof(opens[0]); i++) {
		bool fresh = false;

		ck_assert_int_eq(
			cache_open_in(dir, opens[i].environment, &d, &fresh, why), 0);
		ck_assert_int_eq(fresh, opens[i].fresh);
		if (fresh)
			(void)kit_put(d, "{\"number\":\"1\"}", 1);
		ck_assert_uint_eq(set_aside_files(), opens[i].aside);
		ck_assert_int_eq(why[0] != '\0', i == 2);
		(void)db_close(d);
	}
	tempdir_remove(dir);
}
END_TEST

UNIT_MAIN("cache", a_new_cache_is_fresh_and_an_old_one_is_not,
	  a_damaged_cache_is_set_aside_and_made_anew,
	  a_leftover_log_of_a_lost_file_does_no_harm,
	  a_missing_or_endless_folder_is_an_error, two_connections_see_commits_only,
	  tokens_of_the_other_environment_are_set_aside)
