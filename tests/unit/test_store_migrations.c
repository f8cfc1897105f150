#include "unit.h"

#include "bio/store_record.h"

#include "base/crypto.h"
#include "base/db.h"
#include "gallery_schemas.h"
#include "store_kit.h"
#include "tempdir.h"

#include <errno.h>

/*
 * gallery.db cannot be rebuilt: a file that an older program made loses nothing when this one opens
 * it, and one that wants a newer program is not touched.
 */
#define APPLICATION_ID 0x6c6e6762
#define OLD_MARKS_BYTES 1060u /* what schema 2 kept of captures at first */
#define SUBJECTS 3u
#define BYTES 200u
#define DAY_MS INT64_C(86400000)
#define SEALED_VERSION 1 /* of a sealed row, in every schema so far */
#define SCHEMAS_OLD 3u

static char dir[TEMPDIR_BYTES], why[256];
static const uint8_t key[CRYPTO_KEY_BYTES] = { 4, 5, 6 };
static const struct ulid gallery = { { 0x11, 0x22, 0x33 } };

static struct ulid
subject_of(unsigned n)
{
	return (struct ulid){ { (uint8_t)(n + 1), 9 } };
}

/* ---- a file as an older program wrote it ----------------------------------- */

static struct db *
open_old(size_t schema)
{
	struct db_spec spec = { .path = tempdir_path(dir, "gallery.db"),
				.application_id = APPLICATION_ID,
				.migrations = old_migrations,
				.migrations_count = schema,
				.full_sync = true,
				.secure_delete = true };
	struct db *db = NULL;
	int rc = db_open(&spec, &db, why);

	ck_assert_msg(rc == 0, "%d %s", rc, why);
	return db;
}

/* The associated data of old: purpose, gallery, subject, two more bytes. */
static struct crypto_aad
old_aad(uint8_t buf[42], const char *purpose, struct ulid subject, uint8_t a, uint8_t b)
{
	memset(buf, 0, 42);
	memcpy(buf, purpose, 7);
	memcpy(buf + 8, gallery.b, 16);
	memcpy(buf + 24, subject.b, 16);
	buf[40] = a;
	buf[41] = b;
	return (struct crypto_aad){ buf, 42 };
}

static void
must(struct db *db, sqlite3_stmt *q)
{
	ck_assert_int_eq(db_run(db, q), 0);
}

static void
put_stamp(struct db *db)
{
	static const uint8_t zero[CRYPTO_KEY_BYTES];
	uint8_t aad[42], check[CRYPTO_WRAPPED_BYTES];
	sqlite3_stmt *q = db_stmt(db, "INSERT INTO gallery VALUES (1, ?1, 'test', ?2)");

	ck_assert_int_eq(
		crypto_wrap(key, old_aad(aad, "lnd-key", (struct ulid){ { 0 } }, 0, 0),
			    zero, check),
		0);
	db_bind_blob(q, 1, gallery.b, sizeof(gallery.b));
	db_bind_blob(q, 2, check, sizeof(check));
	must(db, q);
}

static void
fill(uint8_t data[BYTES], unsigned n, uint32_t finger)
{
	for (unsigned i = 0; i < BYTES; i++)
		data[i] = (uint8_t)(i * 3 + n * 17 + finger * 59);
}

static void
put_reference(struct db *db, unsigned n, uint32_t finger, const uint8_t *subject_key)
{
	uint8_t aad[42], data[BYTES], sealed[BYTES + CRYPTO_SEAL_OVERHEAD];
	struct ulid subject = subject_of(n);
	sqlite3_stmt *q;

	fill(data, n, finger);
	ck_assert_int_eq(crypto_seal(subject_key,
				     old_aad(aad, "lnd-ref", subject, (uint8_t)finger,
					     SEALED_VERSION),
				     (struct str){ (const char *)data, BYTES }, sealed,
				     sizeof(sealed)),
			 0);
	q = db_stmt(db, "INSERT INTO refs (subject, consent_id, finger, version, sealed,"
			" created_ms) VALUES (?1, (SELECT consent_id FROM consents WHERE"
			" subject = ?1), ?2, ?3, ?4, 7)");
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_int(q, 2, finger);
	db_bind_int(q, 3, SEALED_VERSION);
	db_bind_blob(q, 4, sealed, sizeof(sealed));
	must(db, q);
}

static void
put_subject(struct db *db, unsigned n)
{
	uint8_t subject_key[CRYPTO_KEY_BYTES] = { (uint8_t)(n + 77) };
	uint8_t aad[42], wrapped[CRYPTO_WRAPPED_BYTES];
	struct ulid subject = subject_of(n);
	sqlite3_stmt *q = db_stmt(db, "INSERT INTO subjects VALUES (?1, ?2, 5)");

	ck_assert_int_eq(crypto_wrap(key, old_aad(aad, "lnd-key", subject, 0, 0),
				     subject_key, wrapped),
			 0);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_blob(q, 2, wrapped, sizeof(wrapped));
	must(db, q);
	q = db_stmt(db,
		    "INSERT INTO consents (subject, text_version, text_sha256, language,"
		    " purposes, retention_days, time_ms, lane, method, staff, profile)"
		    " VALUES (?1, 'v1', zeroblob(32), 'en', 1, 30, 1000, 'l', 'm', 's',"
		    " 'us_other')");
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	must(db, q);
	put_reference(db, n, 2, subject_key);
	put_reference(db, n, 7, subject_key);
}

/* What came with schema 2. */
static void
put_record(struct db *db)
{
	struct ulid subject = subject_of(0);
	uint8_t marks[OLD_MARKS_BYTES] = { 0, 1, 0, 1, 0, 30 };
	sqlite3_stmt *q;

	ck_assert_int_eq(
		db_exec(db,
			"INSERT INTO decisions (time_ms, kind, outcome, why, compared,"
			" threshold, quality, hints) VALUES (1000, 'identify',"
			" 'accept', 'above-threshold', 6, 3778, 80, 0),"
			" (1001, 'verify', 'reject', 'replay', 2, 4000, 70, 0)"),
		0);
	ck_assert_int_eq(db_exec(db, "INSERT INTO histograms VALUES (0, 0, 70, 5),"
				     " (0, 2, 3, 1)"),
			 0);
	ck_assert_int_eq(db_exec(db, "INSERT INTO guard VALUES (1, 9, 100, 200)"), 0);
	q = db_stmt(db, "INSERT INTO captures VALUES (?1, ?2)");
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_blob(q, 2, marks, sizeof(marks));
	must(db, q);
}

static void
make_old(size_t schema)
{
	struct db *db;

	tempdir_make(dir);
	db = open_old(schema);
	put_stamp(db);
	for (unsigned n = 0; n < SUBJECTS; n++)
		put_subject(db, n);
	if (schema >= 2)
		put_record(db);
	(void)db_close(db); /* gives NULL */
}

/* ---- what this program makes of it ------------------------------------------ */

static int
open_new(struct store **ret)
{
	struct store_options o = { dir, "test", key };

	return store_open(&o, ret, why);
}

static struct store *
open_ok(void)
{
	struct store *s = NULL;
	int rc = open_new(&s);

	ck_assert_msg(rc == 0, "%d %s", rc, why);
	return s;
}

struct seen {
	unsigned count, right;
};

static void
see(void *ctx, struct ulid subject, uint32_t finger, const uint8_t *data, size_t bytes)
{
	struct seen *seen = ctx;
	uint8_t want[BYTES];

	fill(want, subject.b[0] - 1u, finger);
	seen->count++;
	seen->right += bytes == BYTES && memcmp(data, want, BYTES) == 0;
}

static void
check_references(struct store *s, unsigned wanted)
{
	struct store_cursor cursor = { 0, 0 };
	struct seen seen = { 0, 0 };

	ck_assert_int_eq(store_read(s, &cursor, 100, see, &seen), 0);
	ck_assert_uint_eq(seen.count, wanted);
	ck_assert_uint_eq(seen.right, wanted);
	ck_assert_uint_eq(cursor.damaged, 0);
}

/* A number out of the file, while nobody has it open. */
static int64_t
raw(const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	int64_t n = -1;

	ck_assert_int_eq(sqlite3_open(tempdir_path(dir, "gallery.db"), &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	if (sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	(void)sqlite3_finalize(q); /* repeats what the step said */
	(void)sqlite3_close(db);   /* nothing is under way */
	return n;
}

START_TEST(a_file_of_an_older_schema_loses_nothing)
{
	size_t schema = (size_t)_i;
	struct store_claims claims = { .claim = { { 8 } }, .count = 1 };
	struct store *s;

	make_old(schema);
	ck_assert_int_eq(raw("PRAGMA user_version"), (int64_t)schema);
	s = open_ok();
	check_references(s, 2 * SUBJECTS);
	for (unsigned n = 0; n < SUBJECTS; n++) {
		ck_assert_int_eq(store_has_consent(s, subject_of(n), 1000 + 29 * DAY_MS),
				 0);
		ck_assert_int_eq(store_has_consent(s, subject_of(n), 1000 + 31 * DAY_MS),
				 -ENOENT);
		/* Enrolled without a claim: none opens it. */
		ck_assert_int_eq(store_unlock(s, subject_of(n), claims.claim[0]),
				 -EKEYREJECTED);
	}
	store_close(s);
	ck_assert_int_gt(raw("PRAGMA user_version"), 2);
	ck_assert_int_eq(raw("SELECT version FROM schema_info"),
			 raw("PRAGMA user_version"));

	ck_assert_int_eq(raw("SELECT count(*) FROM pragma_foreign_key_check"), 0);
	s = open_ok(); /* and once more: nothing is left to be done */
	check_references(s, 2 * SUBJECTS);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(the_record_of_schema_2_goes_on)
{
	struct finger_features f = { .count = 20 };
	struct record_counts counts;
	struct store_summary sum;
	struct guard guard;
	int evidence = 7;
	struct store *s;

	for (unsigned i = 0; i < f.count; i++)
		f.minutiae[i] = (struct minutia){ .x = (int16_t)(50 + i * 37 % 211),
						  .y = (int16_t)(50 + i * 53 % 197),
						  .angle = (uint16_t)(i * 9973) };
	make_old(2);
	s = open_ok();
	ck_assert_int_eq(store_summary(s, 0, &sum), 0);
	ck_assert_uint_eq(sum.decisions[RECORD_IDENTIFY][WHY_ABOVE], 1);
	ck_assert_uint_eq(sum.decisions[RECORD_VERIFY][WHY_REPLAY], 1);
	/* Scores were counted on another scale: they say nothing any more. */
	ck_assert_int_eq(store_counts(s, 1000, &counts), 0);
	for (unsigned kind = 0; kind < RECORD_HISTOGRAMS; kind++)
		for (unsigned db = 0; db < RECORD_BINS; db++)
			ck_assert_uint_eq(counts.bins[kind][db], 0);
	ck_assert_int_eq(store_guard(s, &guard), 0);
	ck_assert_uint_eq(guard.level, 9);
	/* Captures of another kind are none, and give way to new ones. */
	ck_assert_int_eq(store_replay(s, subject_of(0), &f, &evidence), 0);
	ck_assert_int_eq(evidence, 0);
	ck_assert_int_eq(store_capture(s, subject_of(0), &f), 0);
	ck_assert_int_eq(store_replay(s, subject_of(0), &f, &evidence), 0);
	ck_assert_int_ge(evidence, REPLAY_SAME);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

/* References of version 2 are nothing to them: they say so, and change nothing. */
START_TEST(predecessors_refuse_what_this_program_has_opened)
{
	for (size_t schema = 1; schema <= SCHEMAS_OLD; schema++) {
		struct db_spec spec = { .path = NULL,
					.application_id = APPLICATION_ID,
					.migrations = old_migrations,
					.migrations_count = schema,
					.full_sync = true,
					.secure_delete = true };
		uint8_t *before, *after;
		struct db *db = NULL;
		size_t bytes, now;

		make_old(1);
		store_close(open_ok());
		before = tempdir_read(dir, "gallery.db", &bytes);
		spec.path = tempdir_path(dir, "gallery.db");
		ck_assert_int_eq(db_open(&spec, &db, why), -ENOTSUP);
		ck_assert_ptr_null(db);
		ck_assert_msg(strstr(why, "newer program") != NULL, "%s", why);
		after = tempdir_read(dir, "gallery.db", &now);
		ck_assert_uint_eq(bytes, now);
		ck_assert_mem_eq(before, after, bytes);
		free(before);
		free(after);
		tempdir_remove(dir);
	}
}
END_TEST

START_TEST(a_file_that_wants_a_newer_program_is_not_touched)
{
	struct store *s = NULL;
	uint8_t *before, *after;
	size_t bytes, now;

	make_old(2);
	(void)raw("UPDATE schema_info SET version = 99, min_reader = 99");
	(void)raw("PRAGMA user_version = 99");
	(void)raw("PRAGMA wal_checkpoint(TRUNCATE)");
	before = tempdir_read(dir, "gallery.db", &bytes);
	ck_assert_int_lt(open_new(&s), 0);
	ck_assert_ptr_null(s);
	ck_assert_msg(strstr(why, "99") != NULL, "%s", why);
	after = tempdir_read(dir, "gallery.db", &now);
	ck_assert_uint_eq(bytes, now);
	ck_assert_mem_eq(before, after, bytes);
	free(before);
	free(after);
	/* A newer one that this program may read is read, and not made older. */
	(void)raw("UPDATE schema_info SET min_reader = 1");
	(void)raw("CREATE TABLE IF NOT EXISTS claim_keys (subject BLOB NOT NULL, number"
		  " INTEGER NOT NULL, wrapped_key BLOB NOT NULL)");
	s = open_ok();
	check_references(s, 2 * SUBJECTS);
	store_close(s);
	ck_assert_int_eq(raw("PRAGMA user_version"), 99);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_migration_that_fails_leaves_the_file_as_it_was)
{
	struct store *s = NULL;

	make_old(2);
	/* Somebody's own table is in the way. */
	(void)raw("CREATE TABLE claim_keys (mine TEXT)");
	ck_assert_int_lt(open_new(&s), 0);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(raw("PRAGMA user_version"), 2);
	ck_assert_int_eq(raw("SELECT count(*) FROM refs"), 2 * SUBJECTS);
	(void)raw("DROP TABLE claim_keys");
	s = open_ok();
	check_references(s, 2 * SUBJECTS);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_migrations");
	TCase *tc = tcase_create("store_migrations");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_file_of_an_older_schema_loses_nothing, 1,
			    SCHEMAS_OLD + 1);
	tcase_add_test(tc, the_record_of_schema_2_goes_on);
	tcase_add_test(tc, predecessors_refuse_what_this_program_has_opened);
	tcase_add_test(tc, a_file_that_wants_a_newer_program_is_not_touched);
	tcase_add_test(tc, a_migration_that_fails_leaves_the_file_as_it_was);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
