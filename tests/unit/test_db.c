#include "base/db.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION 0x6c616e31
#define WHY_BYTES 256

static char dir[32], path[64];
static char why[WHY_BYTES];

static const struct db_migration migrations[] = {
	{ 1, 1,
	  "CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
	  "points INTEGER CHECK (points >= 0)) STRICT;"
	  "CREATE TABLE member (id INTEGER PRIMARY KEY, account INTEGER NOT NULL "
	  "REFERENCES "
	  "account (id)) STRICT" },
	{ 2, 1, "ALTER TABLE account ADD COLUMN tier TEXT" },
	{ 3, 3, "CREATE TABLE offer (id INTEGER PRIMARY KEY) STRICT" },
	{ 4, 3, "CREATE TABLE broken (id INTEGER PRIMARY KEY) STRICT; SELECT no_such" },
};

static struct db_spec
spec_of(size_t migrations_count)
{
	return (struct db_spec){ .path = path,
				 .application_id = APPLICATION,
				 .migrations = migrations,
				 .migrations_count = migrations_count };
}

static void
start(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/test_db.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/x.db", dir);
}

static void
remove_file(const char *suffix)
{
	char name[96];

	(void)snprintf(name, sizeof(name), "%s%s", path, suffix);
	ck_assert(unlink(name) == 0 || errno == ENOENT);
}

static void
finish(void)
{
	remove_file("");
	remove_file("-wal");
	remove_file("-shm");
	remove_file(".bak");
	ck_assert_int_eq(rmdir(dir), 0);
}

static struct db *
open_ok(size_t migrations_count)
{
	struct db_spec spec = spec_of(migrations_count);
	struct db *d = NULL;
	int rc = db_open(&spec, &d, why);

	ck_assert_msg(rc == 0, "%d %s", rc, why);
	ck_assert_ptr_nonnull(d);
	return d;
}

static int
open_fails(const struct db_spec *spec)
{
	struct db *d = NULL;
	int rc = db_open(spec, &d, why);

	ck_assert_int_lt(rc, 0);
	ck_assert_ptr_null(d);
	ck_assert_str_ne(why, "");
	return rc;
}

static int64_t
query_int(struct db *d, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n;

	ck_assert_int_eq(sqlite3_prepare_v2(db_handle(d), sql, -1, &s, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	ck_assert_int_eq(sqlite3_finalize(s), SQLITE_OK);
	return n;
}

/* The whole file as one string for comparison; the caller frees. */
static char *
slurp(const char *suffix, size_t *ret_n)
{
	char name[96], *p = malloc(1u << 20);
	ssize_t n;
	int fd;

	(void)snprintf(name, sizeof(name), "%s%s", path, suffix);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	n = read(fd, p, 1u << 20);
	ck_assert_int_ge(n, 0);
	(void)close(fd);
	*ret_n = (size_t)n;
	return p;
}

static void
put(const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
	(void)close(fd);
}

START_TEST(a_new_file_is_migrated_and_says_so)
{
	struct db *d;

	start();
	d = open_ok(3);
	ck_assert(db_created(d));
	ck_assert_int_eq(query_int(d, "PRAGMA user_version"), 3);
	ck_assert_int_eq(query_int(d, "PRAGMA application_id"), APPLICATION);
	ck_assert_int_eq(query_int(d, "SELECT version FROM schema_info"), 3);
	ck_assert_int_eq(query_int(d, "SELECT min_reader FROM schema_info"), 3);
	ck_assert_int_eq(db_check(d), 0);
	db_close(d);
	d = open_ok(3);
	ck_assert(!db_created(d));
	ck_assert_ptr_null(db_close(d));
	ck_assert_ptr_null(db_close(NULL));
	finish();
}
END_TEST

START_TEST(every_connection_is_set_up_the_same)
{
	static const struct {
		const char *pragma;
		int64_t plain, secure;
	} cases[] = {
		{ "PRAGMA foreign_keys", 1, 1 },
		{ "PRAGMA trusted_schema", 0, 0 },
		{ "PRAGMA cell_size_check", 1, 1 },
		{ "PRAGMA synchronous", 1, 2 },
		{ "PRAGMA secure_delete", 0, 1 },
		{ "PRAGMA auto_vacuum", 0, 1 },
		{ "PRAGMA journal_size_limit", 4194304, 0 },
		{ "PRAGMA busy_timeout", 2000, 2000 },
		{ "PRAGMA temp_store", 2, 2 },
		{ "SELECT journal_mode = 'wal' FROM pragma_journal_mode", 1, 1 },
	};

	for (int secure = 0; secure < 2; secure++) {
		struct db_spec spec;
		struct db *d;

		start();
		spec = spec_of(3);
		spec.secure_delete = spec.full_sync = secure == 1;
		for (int again = 0; again < 2; again++) {
			ck_assert_int_eq(db_open(&spec, &d, why), 0);
			for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
				ck_assert_msg(query_int(d, cases[i].pragma) ==
						      (secure ? cases[i].secure
							      : cases[i].plain),
					      "%s", cases[i].pragma);
			db_close(d);
		}
		finish();
	}
}
END_TEST

START_TEST(an_older_file_is_migrated_step_by_step)
{
	struct db *d;

	start();
	d = open_ok(1);
	ck_assert_int_eq(db_exec(d, "INSERT INTO account VALUES (1, 'a', 5)"), 0);
	db_close(d);
	d = open_ok(3);
	ck_assert(!db_created(d));
	ck_assert_int_eq(query_int(d, "SELECT points FROM account WHERE tier IS NULL"),
			 5);
	ck_assert_int_eq(query_int(d, "SELECT count(*) FROM schema_info"), 1);
	db_close(d);
	finish();
}
END_TEST

START_TEST(a_newer_file_is_read_when_it_allows_it)
{
	struct db *d;

	start();
	db_close(open_ok(2));
	d = open_ok(1); /* min_reader of schema 2 is 1 */
	ck_assert_int_eq(query_int(d, "PRAGMA user_version"), 2);
	db_close(d);
	finish();
}
END_TEST

START_TEST(a_file_for_a_newer_reader_is_refused_and_not_touched)
{
	struct db_spec spec;
	char *before, *after;
	size_t before_n, after_n;

	start();
	spec = spec_of(2);
	db_close(open_ok(3));
	before = slurp("", &before_n);
	ck_assert_int_eq(open_fails(&spec), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(why, "newer program"));
	after = slurp("", &after_n);
	ck_assert_uint_eq(before_n, after_n);
	ck_assert_mem_eq(before, after, after_n);
	free(before);
	free(after);
	finish();
}
END_TEST

START_TEST(a_refused_files_log_is_not_touched_either)
{
	struct db_spec spec;
	struct db *d, *keep;
	char *before[2], *after[2];
	size_t n[2], m[2];

	start();
	spec = spec_of(2);
	d = open_ok(3);
	ck_assert_int_eq(db_exec(d, "INSERT INTO offer VALUES (1)"), 0);
	keep = open_ok(3); /* with two, closing the first leaves the log */
	(void)sqlite3_db_config(db_handle(keep), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
				NULL);
	db_close(d);
	db_close(keep);
	before[0] = slurp("", &n[0]);
	before[1] = slurp("-wal", &n[1]);
	ck_assert_uint_gt(n[1], 0);
	ck_assert_int_eq(open_fails(&spec), -ENOTSUP);
	after[0] = slurp("", &m[0]);
	after[1] = slurp("-wal", &m[1]);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(n[i], m[i]);
		ck_assert_mem_eq(before[i], after[i], n[i]);
		free(before[i]);
		free(after[i]);
	}
	d = open_ok(3);
	ck_assert_int_eq(query_int(d, "SELECT count(*) FROM offer"), 1);
	db_close(d);
	finish();
}
END_TEST

START_TEST(another_programs_file_is_refused)
{
	struct db_spec spec;
	sqlite3 *other;

	start();
	spec = spec_of(3);
	db_close(open_ok(3));
	spec.application_id = APPLICATION + 1;
	ck_assert_int_eq(open_fails(&spec), -EMEDIUMTYPE);
	spec.application_id = APPLICATION;
	remove_file("");
	ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(other, "CREATE TABLE t (x)", NULL, NULL, NULL),
			 SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(other), SQLITE_OK);
	ck_assert_int_eq(open_fails(&spec), -EMEDIUMTYPE);
	finish();
}
END_TEST

START_TEST(a_failing_migration_leaves_the_version_before)
{
	struct db_spec spec;
	struct db *d;

	start();
	spec = spec_of(4);
	db_close(open_ok(3));
	ck_assert_int_eq(open_fails(&spec), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "migration to schema 4"));
	d = open_ok(3);
	ck_assert_int_eq(query_int(d, "PRAGMA user_version"), 3);
	ck_assert_int_eq(query_int(d, "SELECT count(*) FROM sqlite_schema WHERE name = "
				      "'broken'"),
			 0);
	db_close(d);
	finish();
}
END_TEST

START_TEST(garbage_and_damage_are_told_and_not_touched)
{
	static char garbage[8192];
	struct db_spec spec;
	char *file, *after;
	size_t n, m;

	start();
	spec = spec_of(3);
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (char)(i * 7 + 1);
	put(garbage, sizeof(garbage));
	ck_assert_int_eq(open_fails(&spec), -EUCLEAN);
	after = slurp("", &m);
	ck_assert_uint_eq(m, sizeof(garbage));
	ck_assert_mem_eq(after, garbage, m);
	free(after);
	remove_file("");
	db_close(open_ok(3));
	file = slurp("", &n);
	/*
	 * Cut at every page and in the middle of pages. A cut inside the last page is no damage
	 * yet: a power cut while the file grew leaves one, and the log still holds that page.
	 */
	for (size_t cut = 512; cut <= n - 4096; cut += 512) {
		put(file, cut);
		ck_assert_int_eq(open_fails(&spec), -EUCLEAN);
	}
	free(file);
	finish();
}
END_TEST

START_TEST(a_flipped_byte_is_found_by_the_check)
{
	struct db *d;
	char *file;
	size_t n;
	unsigned found = 0;

	start();
	d = open_ok(3);
	for (int i = 0; i < 400; i++) {
		sqlite3_stmt *s =
			db_stmt(d, "INSERT INTO account VALUES (?1, ?2, 0, NULL)");
		char name[32];

		(void)snprintf(name, sizeof(name), "account number %d", i);
		db_bind_int(s, 1, i + 1);
		db_bind_cstr(s, 2, name);
		ck_assert_int_eq(db_run(d, s), 0);
	}
	db_close(d);
	file = slurp("", &n);
	/* The headers of the tree's pages. */
	for (size_t page = 4096; page + 8 < n; page += 4096) {
		struct db_spec spec = spec_of(3);
		int rc;

		file[page] ^= 0x5a;
		put(file, n);
		rc = db_open(&spec, &d, why);
		if (rc == 0) {
			rc = db_check(d);
			db_close(d);
		}
		ck_assert(rc == 0 || rc == -EUCLEAN);
		found += rc == -EUCLEAN;
		file[page] ^= 0x5a;
	}
	ck_assert_uint_ge(found, 3);
	free(file);
	finish();
}
END_TEST

START_TEST(places_that_cannot_be_used_are_told_apart)
{
	struct db_spec spec;
	char inside[80];

	start();
	spec = spec_of(3);
	(void)snprintf(inside, sizeof(inside), "%s/none/x.db", dir);
	spec.path = inside;
	ck_assert_int_eq(open_fails(&spec), -ENOENT);
	spec.path = dir;
	ck_assert_int_eq(open_fails(&spec), -EIO);
	if (geteuid() != 0) { /* root may write everywhere */
		spec.path = "/x.db";
		ck_assert_int_eq(open_fails(&spec), -EACCES);
	}
	spec.path = path;
	spec.vfs = "no such";
	ck_assert_int_eq(open_fails(&spec), -EINVAL);
	finish();
}
END_TEST

START_TEST(an_empty_file_is_a_new_one)
{
	struct db *d;

	start();
	put("", 0); /* the process died right after creating it */
	d = open_ok(3);
	ck_assert(db_created(d));
	db_close(d);
	finish();
}
END_TEST

START_TEST(conflicts_and_broken_rules_are_told_apart)
{
	static const struct {
		const char *sql;
		int rc;
	} cases[] = {
		{ "INSERT INTO account VALUES (2, 'a', 0, NULL)", -EEXIST },
		{ "INSERT INTO account VALUES (1, 'b', 0, NULL)", -EEXIST },
		{ "INSERT INTO account VALUES (2, NULL, 0, NULL)", -EINVAL },
		{ "INSERT INTO account VALUES (2, 'b', -1, NULL)", -EINVAL },
		{ "INSERT INTO account VALUES (2, 'b', 'text', NULL)", -EINVAL },
		{ "INSERT INTO member VALUES (3, 99)", -EINVAL },
		{ "DELETE FROM account WHERE id = 1", -EINVAL },
		{ "INSERT INTO account VALUES (2, \"b\", 0, NULL)", -EINVAL },
		{ "no sql", -EINVAL },
		{ "INSERT INTO member VALUES (2, 1)", 0 },
	};
	struct db *d;

	start();
	d = open_ok(3);
	ck_assert_int_eq(db_exec(d, "INSERT INTO account VALUES (1, 'a', 0, NULL);"
				    "INSERT INTO member VALUES (1, 1)"),
			 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(db_run(d, db_stmt(d, cases[i].sql)) == cases[i].rc,
			      "%s: %s", cases[i].sql, db_message(d));
		if (cases[i].rc < 0)
			ck_assert_int_eq(db_last_error(d), cases[i].rc);
	}
	ck_assert_int_eq(query_int(d, "SELECT count(*) FROM account"), 1);
	db_close(d);
	finish();
}
END_TEST

START_TEST(values_come_back_as_they_went_in)
{
	static const char insert[] = "INSERT INTO t VALUES (?1, ?2, ?3, ?4)";
	static const char select[] = "SELECT i, s, c, b FROM t ORDER BY i";
	static const uint8_t blob[] = { 0, 1, 0xff };
	sqlite3_stmt *s;
	struct db *d;

	start();
	d = open_ok(3);
	ck_assert_int_eq(db_exec(d, "CREATE TABLE t (i INTEGER, s TEXT, c TEXT, b BLOB) "
				    "STRICT"),
			 0);
	s = db_stmt(d, insert);
	db_bind_int(s, 1, INT64_MIN);
	db_bind_str(s, 2, (struct str){ "h\xc3\xa9llo!", 6 });
	db_bind_cstr(s, 3, NULL);
	db_bind_blob(s, 4, blob, sizeof(blob));
	ck_assert_int_eq(db_run(d, s), 0);
	s = db_stmt(d, insert);
	ck_assert_ptr_eq(s, db_stmt(d, insert)); /* from the cache */
	db_bind_int(s, 1, INT64_MAX);
	db_bind_str(s, 2, (struct str){ NULL, 0 });
	db_bind_cstr(s, 3, "c");
	db_bind_blob(s, 4, NULL, 0);
	ck_assert_int_eq(db_run(d, s), 0);
	s = db_stmt(d, select);
	ck_assert_int_eq(db_step(d, s), 1);
	ck_assert_int_eq(sqlite3_column_int64(s, 0), INT64_MIN);
	ck_assert(str_is(db_col_str(s, 1), "h\xc3\xa9llo"));
	ck_assert_uint_eq(db_col_str(s, 2).n, 0);
	ck_assert_uint_eq(db_col_blob(s, 3).n, 3);
	ck_assert_mem_eq(db_col_blob(s, 3).p, blob, 3);
	ck_assert_int_eq(db_step(d, s), 1);
	ck_assert_int_eq(sqlite3_column_type(s, 1), SQLITE_TEXT);
	ck_assert_int_eq(sqlite3_column_type(s, 3), SQLITE_BLOB);
	ck_assert(str_is(db_col_str(s, 2), "c"));
	ck_assert_int_eq(db_step(d, s), 0);
	db_done(s);
	db_done(NULL);
	db_close(d);
	finish();
}
END_TEST

START_TEST(a_statement_from_the_cache_has_no_old_bindings)
{
	static const char select[] = "SELECT ?1 IS NULL";
	sqlite3_stmt *s;
	struct db *d;

	start();
	d = open_ok(1);
	for (int i = 0; i < 2; i++) {
		s = db_stmt(d, select);
		ck_assert_int_eq(db_step(d, s), 1); /* left in mid-step on purpose */
		ck_assert_int_eq(sqlite3_column_int(s, 0), 1);
		db_bind_int(db_stmt(d, select), 1, 5);
	}
	db_close(d);
	finish();
}
END_TEST

START_TEST(many_statements_are_cached_and_the_number_is_bounded)
{
	static char sql[1200][24];
	struct db *d;
	sqlite3_stmt *first;
	int i, refused = 0;

	start();
	d = open_ok(1);
	for (i = 0; i < 1200; i++)
		(void)snprintf(sql[i], sizeof(sql[i]), "SELECT %d", i);
	first = db_stmt(d, sql[0]);
	for (i = 0; i < 1200; i++) {
		sqlite3_stmt *s = db_stmt(d, sql[i]);

		if (s == NULL) {
			refused++;
			ck_assert_int_eq(db_step(d, s), -ENFILE);
			continue;
		}
		ck_assert_int_eq(db_step(d, s), 1);
		ck_assert_int_eq(sqlite3_column_int(s, 0), i);
		db_done(s);
	}
	ck_assert_int_eq(refused, 1200 - 1024);
	ck_assert_ptr_eq(db_stmt(d, sql[0]), first);
	db_close(d);
	finish();
}
END_TEST

START_TEST(a_failed_statement_needs_no_check_before_its_run)
{
	sqlite3_stmt *s;
	struct db *d;

	start();
	d = open_ok(1);
	s = db_stmt(d, "INSERT INTO no_such VALUES (?1)");
	ck_assert_ptr_null(s);
	db_bind_int(s, 1, 1);
	db_bind_cstr(s, 1, "x");
	db_bind_blob(s, 1, "x", 1);
	ck_assert_int_eq(db_run(d, s), -EINVAL);
	ck_assert_int_eq(db_step(d, s), -EINVAL);
	db_close(d);
	finish();
}
END_TEST

START_TEST(a_binding_that_failed_fails_the_step)
{
	static const char insert[] = "INSERT INTO account VALUES (1, ?1, 0)";
	sqlite3_stmt *s;
	struct db *d;

	start();
	d = open_ok(1);
	(void)sqlite3_limit(db_handle(d), SQLITE_LIMIT_LENGTH, 100);
	s = db_stmt(d, insert);
	db_bind_str(s, 1, (struct str){ why, 101 });
	ck_assert_int_eq(db_run(d, s), -EFBIG);
	ck_assert_int_eq(query_int(d, "SELECT count(*) FROM account"), 0);
	s = db_stmt(d, insert);
	db_bind_cstr(s, 1, "a");
	ck_assert_int_eq(db_run(d, s), 0);
	db_close(d);
	finish();
}
END_TEST

START_TEST(transactions_commit_or_leave_nothing)
{
	struct db *d;

	start();
	d = open_ok(3);
	ck_assert_int_eq(db_begin(d), 0);
	ck_assert_int_eq(db_exec(d, "INSERT INTO offer VALUES (1)"), 0);
	db_rollback(d);
	db_rollback(d); /* harmless */
	ck_assert_int_eq(query_int(d, "SELECT count(*) FROM offer"), 0);
	ck_assert_int_eq(db_begin(d), 0);
	ck_assert_int_eq(db_begin(d), -EINVAL);
	ck_assert_int_eq(db_exec(d, "INSERT INTO offer VALUES (1)"), 0);
	ck_assert_int_eq(db_commit(d), 0);
	ck_assert_int_eq(query_int(d, "SELECT count(*) FROM offer"), 1);
	ck_assert_int_eq(db_commit(d), -EINVAL); /* nothing to commit */
	db_close(d);
	finish();
}
END_TEST

START_TEST(a_full_disk_rolls_back_and_is_told)
{
	struct db *d;
	int rc = 0;

	start();
	d = open_ok(3);
	ck_assert_int_eq(db_exec(d, "CREATE TABLE t (b BLOB) STRICT"), 0);
	(void)query_int(d, "PRAGMA max_page_count = 12");
	ck_assert_int_eq(db_begin(d), 0);
	for (int i = 0; i < 100 && rc == 0; i++)
		rc = db_exec(d, "INSERT INTO t VALUES (zeroblob(4000))");
	ck_assert_int_eq(rc, -ENOSPC);
	rc = db_commit(d);
	db_rollback(d);
	ck_assert_int_eq(query_int(d, "SELECT count(*) FROM t") > 0, rc == 0);
	ck_assert_int_eq(db_check(d), 0);
	db_close(d);
	finish();
}
END_TEST

START_TEST(a_second_writer_is_busy)
{
	struct db *a, *b;

	start();
	a = open_ok(3);
	b = open_ok(3);
	(void)sqlite3_busy_timeout(db_handle(b), 1);
	ck_assert_int_eq(db_begin(a), 0);
	ck_assert_int_eq(db_begin(b), -EBUSY);
	ck_assert_int_eq(db_commit(a), 0);
	ck_assert_int_eq(db_begin(b), 0);
	db_rollback(b);
	db_close(a);
	db_close(b);
	finish();
}
END_TEST

START_TEST(a_backup_is_a_whole_file_of_its_own)
{
	struct db_spec spec;
	char backup[80];
	struct db *d;

	start();
	(void)snprintf(backup, sizeof(backup), "%s.bak", path);
	d = open_ok(3);
	ck_assert_int_eq(db_exec(d, "INSERT INTO offer VALUES (7)"), 0);
	ck_assert_int_eq(db_backup(d, backup), 0);
	ck_assert_int_eq(db_backup(d, backup), -EEXIST);
	ck_assert_int_lt(db_backup(d, "/nonexistent/x"), 0);
	db_close(d);
	spec = spec_of(3);
	spec.path = backup;
	ck_assert_int_eq(db_open(&spec, &d, why), 0);
	ck_assert(!db_created(d));
	ck_assert_int_eq(query_int(d, "SELECT id FROM offer"), 7);
	db_close(d);
	finish();
}
END_TEST

START_TEST(what_was_deleted_is_gone_from_the_disk)
{
	static const char needle[] = "needle-needle-needle";
	struct db_spec spec;
	struct db *d;
	char *file;
	size_t n;

	start();
	spec = spec_of(3);
	spec.secure_delete = true;
	ck_assert_int_eq(db_open(&spec, &d, why), 0);
	ck_assert_int_eq(db_exec(d,
				 "INSERT INTO account VALUES (1, 'needle-needle-needle', "
				 "0, NULL)"),
			 0);
	ck_assert_int_eq(db_checkpoint(d), 0);
	file = slurp("", &n);
	ck_assert_ptr_nonnull(memmem(file, n, needle, sizeof(needle) - 1));
	free(file);
	ck_assert_int_eq(db_exec(d, "DELETE FROM account"), 0);
	ck_assert_int_eq(db_checkpoint(d), 0);
	file = slurp("", &n);
	ck_assert_ptr_null(memmem(file, n, needle, sizeof(needle) - 1));
	free(file);
	file = slurp("-wal", &n);
	ck_assert_uint_eq(n, 0);
	free(file);
	db_close(d);
	finish();
}
END_TEST

START_TEST(result_codes_become_errors)
{
	static const struct {
		int code, err;
	} cases[] = {
		{ SQLITE_OK, 0 },
		{ SQLITE_ROW, 0 },
		{ SQLITE_DONE, 0 },
		{ SQLITE_FULL, -ENOSPC },
		{ SQLITE_CORRUPT_INDEX, -EUCLEAN },
		{ SQLITE_NOTADB, -EUCLEAN },
		{ SQLITE_READONLY_DBMOVED, -EROFS },
		{ SQLITE_BUSY_SNAPSHOT, -EBUSY },
		{ SQLITE_CONSTRAINT_UNIQUE, -EEXIST },
		{ SQLITE_CONSTRAINT_FOREIGNKEY, -EINVAL },
		{ SQLITE_IOERR_FSYNC, -EIO },
		{ SQLITE_IOERR_NOMEM, -ENOMEM },
		{ SQLITE_NOMEM, -ENOMEM },
		{ SQLITE_PERM, -EACCES },
		{ SQLITE_ERROR, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(db_errno(cases[i].code), cases[i].err);
}
END_TEST

UNIT_MAIN("db", a_new_file_is_migrated_and_says_so, every_connection_is_set_up_the_same,
	  an_older_file_is_migrated_step_by_step, a_newer_file_is_read_when_it_allows_it,
	  a_file_for_a_newer_reader_is_refused_and_not_touched,
	  a_refused_files_log_is_not_touched_either, another_programs_file_is_refused,
	  a_failing_migration_leaves_the_version_before,
	  garbage_and_damage_are_told_and_not_touched,
	  a_flipped_byte_is_found_by_the_check, places_that_cannot_be_used_are_told_apart,
	  an_empty_file_is_a_new_one, conflicts_and_broken_rules_are_told_apart,
	  values_come_back_as_they_went_in,
	  a_statement_from_the_cache_has_no_old_bindings,
	  many_statements_are_cached_and_the_number_is_bounded,
	  a_failed_statement_needs_no_check_before_its_run,
	  a_binding_that_failed_fails_the_step, transactions_commit_or_leave_nothing,
	  a_full_disk_rolls_back_and_is_told, a_second_writer_is_busy,
	  a_backup_is_a_whole_file_of_its_own, what_was_deleted_is_gone_from_the_disk,
	  result_codes_become_errors)
