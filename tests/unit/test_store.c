#include "bio/store.h"

#include "base/crypto.h"
#include "base/db.h"

#include "store_kit.h"
#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <unistd.h>

#define SUBJECTS 3u
#define FINGERS 2u

static char dir[TEMPDIR_BYTES], why[256];
static const uint8_t key[CRYPTO_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t other_key[CRYPTO_KEY_BYTES] = { 9 };

static const struct store_consent consent = { .text_version = "v1",
					      .text_sha256 = { 7 },
					      .language = "en",
					      .purposes =
						      PURPOSE_IDENTIFY | PURPOSE_PAYMENT,
					      .retention_days = 365,
					      .time_ms = 1000,
					      .lane = "lane-1",
					      .method = "lanectl",
					      .staff = "s",
					      .profile = "us_other" };

static struct ulid
subject_of(unsigned n)
{
	return (struct ulid){ { (uint8_t)(n + 1), 1 } };
}

static int
open_as(const char *environment, const uint8_t *with, struct store **ret)
{
	struct store_options o = { dir, environment, with };

	return store_open(&o, ret, why);
}

static struct store *
open_ok(void)
{
	struct store *s = NULL;
	int rc = open_as("test", key, &s);

	ck_assert_msg(rc == 0, "%d %s", rc, why);
	return s;
}

/* What stands in for a template: any bytes will do for the store. */
static void
fill(uint8_t *data, size_t bytes, unsigned subject, unsigned finger)
{
	for (size_t i = 0; i < bytes; i++)
		data[i] = (uint8_t)(i * 7 + subject * 31 + finger * 101);
}

static int
enrol_with(struct store *s, unsigned n, const struct store_consent *c, size_t bytes)
{
	static uint8_t data[FINGERS][REFERENCE_BYTES_MAX + 1];
	struct store_reference refs[FINGERS];

	for (unsigned f = 0; f < FINGERS; f++) {
		fill(data[f], bytes, n, f);
		refs[f] = (struct store_reference){ f == 0 ? 2 : 7, data[f], bytes, 0 };
	}
	return store_enrol(s, subject_of(n), c, refs, FINGERS);
}

static void
enrol_all(struct store *s)
{
	for (unsigned n = 0; n < SUBJECTS; n++)
		ck_assert_int_eq(enrol_with(s, n, &consent, 100 + n), 0);
}

struct seen {
	unsigned count;
	unsigned right;
};

static void
see(void *ctx, struct ulid subject, uint32_t finger, const uint8_t *data, size_t bytes)
{
	struct seen *seen = ctx;
	uint8_t want[REFERENCE_BYTES_MAX];
	unsigned n = subject.b[0] - 1u;

	fill(want, bytes, n, finger == 2 ? 0 : 1);
	seen->count++;
	seen->right += bytes == 100 + n && memcmp(data, want, bytes) == 0;
}

/* Reads everything in steps of batch. */
static struct seen
read_all(struct store *s, unsigned batch, uint64_t *ret_damaged)
{
	struct store_cursor cursor = { 0, 0 };
	struct seen seen = { 0, 0 };
	int rc;

	do {
		rc = store_read(s, &cursor, batch, see, &seen);
		ck_assert_int_ge(rc, 0);
	} while (rc == 1);
	*ret_damaged = cursor.damaged;
	return seen;
}

/* The file under the store's feet, as somebody with a disk editor has it. */
static int
raw(const char *sql, bool foreign_keys)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open(tempdir_path(dir, "gallery.db"), &db);

	ck_assert_int_eq(rc, SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db,
				      foreign_keys ? "PRAGMA foreign_keys=ON"
						   : "PRAGMA foreign_keys=OFF",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	(void)sqlite3_close(db); /* nothing is under way */
	return rc;
}

START_TEST(enrolled_references_come_back_in_batches)
{
	static const unsigned batches[] = { 1, 2, 5, 6, 7, 1000 };
	uint64_t damaged = 0;
	struct store *s;

	tempdir_make(dir);
	s = open_ok();
	enrol_all(s);
	s = store_close(s);
	s = open_ok(); /* and after a restart */
	for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
		struct seen seen = read_all(s, batches[i], &damaged);

		ck_assert_uint_eq(seen.count, SUBJECTS * FINGERS);
		ck_assert_uint_eq(seen.right, SUBJECTS * FINGERS);
		ck_assert_uint_eq(damaged, 0);
	}
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(enrolling_again_replaces_the_same_finger)
{
	uint64_t damaged = 0;
	struct store *s;

	tempdir_make(dir);
	s = open_ok();
	enrol_all(s);
	ck_assert_int_eq(enrol_with(s, 1, &consent, 50), 0);
	ck_assert_uint_eq(read_all(s, 10, &damaged).count, SUBJECTS * FINGERS);
	ck_assert_int_eq(enrol_with(s, 1, &consent, 101), 0);
	ck_assert_uint_eq(read_all(s, 10, &damaged).right, SUBJECTS * FINGERS);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(the_schema_refuses_a_reference_without_valid_consent)
{
	static const struct {
		const char *what, *sql;
		bool accepted;
	} rows[] = {
		{ "no consent at all",
		  "INSERT INTO refs (subject, finger, version, sealed, created_ms) SELECT"
		  " subject, 5, 1, x'00', 1 FROM subjects LIMIT 1",
		  false },
		{ "an unknown consent",
		  "INSERT INTO refs (subject, consent_id, finger, version, sealed,"
		  " created_ms) SELECT subject, 99, 5, 1, x'00', 1 FROM subjects LIMIT 1",
		  false },
		{ "somebody else's consent",
		  "INSERT INTO refs (subject, consent_id, finger, version, sealed,"
		  " created_ms) SELECT s.subject, c.consent_id, 5, 1, x'00', 1 FROM"
		  " subjects s JOIN consents c ON c.subject <> s.subject LIMIT 1",
		  false },
		{ "a withdrawn consent",
		  "UPDATE consents SET withdrawn_ms = 5 WHERE consent_id = 1;"
		  "INSERT INTO refs (subject, consent_id, finger, version, sealed,"
		  " created_ms) SELECT subject, 1, 5, 1, x'00', 1 FROM consents WHERE"
		  " consent_id = 1",
		  false },
		{ "a consent to other purposes",
		  "UPDATE consents SET purposes = 30 WHERE consent_id = 2;"
		  "INSERT INTO refs (subject, consent_id, finger, version, sealed,"
		  " created_ms) SELECT subject, 2, 5, 1, x'00', 1 FROM consents WHERE"
		  " consent_id = 2",
		  false },
		{ "a changed reference",
		  "UPDATE refs SET finger = 9 WHERE reference_id = 1", false },
		{ "finger 11",
		  "INSERT INTO refs (subject, consent_id, finger, version, sealed,"
		  " created_ms) SELECT subject, 3, 11, 1, x'00', 1 FROM consents WHERE"
		  " consent_id = 3",
		  false },
		{ "a consent of nobody",
		  "INSERT INTO consents (subject, text_version, text_sha256, language,"
		  " purposes, retention_days, time_ms, lane, method, staff, profile) "
		  "VALUES"
		  " (zeroblob(16), 'v', zeroblob(32), 'en', 1, 1, 1, '', '', '', '')",
		  false },
		{ "a consent without a text",
		  "INSERT INTO consents (subject, text_version, text_sha256, language,"
		  " purposes, retention_days, time_ms, lane, method, staff, profile) "
		  "SELECT"
		  " subject, '', zeroblob(32), 'en', 1, 1, 1, '', '', '', '' FROM "
		  "subjects",
		  false },
		{ "a valid one",
		  "INSERT INTO refs (subject, consent_id, finger, version, sealed,"
		  " created_ms) SELECT subject, 3, 5, 1, x'00', 1 FROM consents WHERE"
		  " consent_id = 3",
		  true },
	};
	struct store *s;

	tempdir_make(dir);
	s = open_ok();
	enrol_all(s);
	store_close(s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg((raw(rows[i].sql, true) == SQLITE_OK) == rows[i].accepted,
			      "%s", rows[i].what);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_consent_that_does_not_allow_it_stores_nothing)
{
	struct store_consent c = consent;
	uint64_t damaged = 0;
	struct store *s;

	tempdir_make(dir);
	s = open_ok();
	c.purposes = PURPOSE_DISCOUNTS | PURPOSE_PAYMENT;
	ck_assert_int_eq(enrol_with(s, 0, &c, 100), -EINVAL);
	c = consent;
	c.retention_days = 0;
	ck_assert_int_lt(enrol_with(s, 0, &c, 100), 0);
	c = consent;
	c.text_version[0] = '\0';
	ck_assert_int_lt(enrol_with(s, 0, &c, 100), 0);
	ck_assert_int_eq(enrol_with(s, 0, &consent, 0), -EINVAL);
	ck_assert_int_eq(enrol_with(s, 0, &consent, REFERENCE_BYTES_MAX + 1), -EINVAL);
	ck_assert_uint_eq(read_all(s, 10, &damaged).count, 0);
	ck_assert_int_eq(store_erase(s, subject_of(0), &(unsigned){ 0 }), -ENOENT);
	ck_assert_int_eq(enrol_with(s, 0, &consent, REFERENCE_BYTES_MAX), 0);
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

/* References may not be updated, so the attacker drops the trigger first. */
#define NO_TRIGGER "DROP TRIGGER refs_are_not_changed;"
static const struct {
	const char *what, *sql;
	unsigned right, damaged;
} attacks[] = {
	{ "two sealed rows swapped",
	  NO_TRIGGER
	  "CREATE TEMP TABLE t AS SELECT reference_id i, sealed s FROM refs WHERE"
	  " reference_id IN (1, 3); UPDATE refs SET sealed = (SELECT s FROM t WHERE"
	  " i = 4 - reference_id) WHERE reference_id IN (1, 3)",
	  4, 2 },
	{ "the fingers of a subject swapped",
	  NO_TRIGGER "UPDATE refs SET finger = finger + 1 WHERE reference_id = 1;"
		     "UPDATE refs SET finger = 2 WHERE reference_id = 2;"
		     "UPDATE refs SET finger = 7 WHERE reference_id = 1",
	  4, 2 },
	{ "a reference moved to another subject",
	  NO_TRIGGER
	  "UPDATE refs SET finger = 9, subject = (SELECT max(subject) FROM subjects)"
	  " WHERE reference_id = 1",
	  5, 1 },
	{ "two wrapped keys swapped",
	  "CREATE TEMP TABLE t AS SELECT subject i, wrapped_key k FROM subjects LIMIT 2;"
	  "UPDATE subjects SET wrapped_key = (SELECT k FROM t WHERE i <> subject) WHERE "
	  "subject"
	  " IN (SELECT i FROM t)",
	  2, 4 },
	{ "a wrapped key cut",
	  "UPDATE subjects SET wrapped_key = substr(wrapped_key, 1, 61) WHERE subject ="
	  " (SELECT min(subject) FROM subjects)",
	  4, 2 },
	{ "a sealed row cut",
	  NO_TRIGGER "UPDATE refs SET sealed = x'01' WHERE finger = 2", 3, 3 },
	{ "a sealed row grown",
	  NO_TRIGGER "UPDATE refs SET sealed = zeroblob(9000) WHERE finger = 2", 3, 3 },
	{ "everything under another subject",
	  "PRAGMA foreign_keys=OFF;" NO_TRIGGER
	  "UPDATE subjects SET subject = x'ff010000000000000000000000000000' WHERE "
	  "subject ="
	  " (SELECT min(subject) FROM subjects);"
	  "UPDATE refs SET subject = x'ff010000000000000000000000000000' WHERE "
	  "reference_id < 3",
	  4, 2 },
	{ "another gallery's identity", "UPDATE gallery SET id = zeroblob(16)", 0, 0 },
};

START_TEST(tampering_is_detected)
{
	uint64_t damaged = 0;
	struct store *s;

	tempdir_make(dir);
	s = open_ok();
	enrol_all(s);
	store_close(s);
	ck_assert_msg(raw(attacks[_i].sql, false) == SQLITE_OK, "%s", attacks[_i].what);
	s = NULL;
	if (attacks[_i].right + attacks[_i].damaged == 0) {
		ck_assert_int_eq(open_as("test", key, &s), -EKEYREJECTED);
	} else {
		s = open_ok();
		ck_assert_msg(read_all(s, 2, &damaged).right == attacks[_i].right, "%s",
			      attacks[_i].what);
		ck_assert_msg(damaged == attacks[_i].damaged, "%s: %u", attacks[_i].what,
			      (unsigned)damaged);
	}
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

/* Every byte of a sealed row, one bit each: none of them can change unseen. */
START_TEST(no_bit_of_a_sealed_row_can_change)
{
	const size_t sealed_bytes = 100 + CRYPTO_SEAL_OVERHEAD;
	uint64_t damaged = 0;
	struct store *s;

	tempdir_make(dir);
	s = open_ok();
	ck_assert_int_eq(enrol_with(s, 0, &consent, 100), 0);
	store_close(s);
	ck_assert_int_eq(raw(NO_TRIGGER
			     "CREATE TABLE kept AS SELECT reference_id i, sealed s"
			     " FROM refs",
			     false),
			 SQLITE_OK);
	for (size_t i = 1; i <= sealed_bytes; i += 7) {
		char sql[400];

		(void)snprintf(
			sql, sizeof(sql),
			"UPDATE refs SET sealed = (SELECT s FROM kept WHERE i ="
			" reference_id); UPDATE refs SET sealed = unhexed FROM (SELECT"
			" reference_id r, CAST(substr(sealed, 1, %zu) || CASE WHEN"
			" substr(sealed, %zu, 1) = x'01' THEN x'02' ELSE x'01' END ||"
			" substr(sealed, %zu) AS BLOB) unhexed FROM refs) WHERE r ="
			" reference_id AND finger = 2",
			i - 1, i, i + 1); /* fits */
		ck_assert_int_eq(raw(sql, false), SQLITE_OK);
		s = open_ok();
		ck_assert_msg(read_all(s, 9, &damaged).right == 1, "byte %zu", i);
		ck_assert_uint_eq(damaged, 1);
		store_close(s);
	}
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_wrong_key_or_environment_opens_nothing)
{
	struct store *s;

	tempdir_make(dir);
	s = open_ok();
	enrol_all(s);
	s = store_close(s);
	ck_assert_int_eq(open_as("test", other_key, &s), -EKEYREJECTED);
	ck_assert_ptr_nonnull(strstr(why, "another key"));
	ck_assert_int_eq(open_as("live", key, &s), -EPERM);
	ck_assert_ptr_nonnull(strstr(why, "environment"));
	ck_assert_ptr_null(s);
	s = open_ok(); /* both left it as it was */
	store_close(s);
	tempdir_remove(dir);
}
END_TEST

/* The bytes of one column of the first row. */
static size_t
column(const char *sql, uint8_t *buf, size_t bytes)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	size_t n;

	ck_assert_int_eq(sqlite3_open(tempdir_path(dir, "gallery.db"), &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(q), SQLITE_ROW);
	n = (size_t)sqlite3_column_bytes(q, 0);
	ck_assert_uint_le(n, bytes);
	memcpy(buf, sqlite3_column_blob(q, 0), n);
	(void)sqlite3_finalize(q);
	(void)sqlite3_close(db);
	return n;
}

START_TEST(erased_means_not_on_the_disk_any_more)
{
	uint8_t wrapped[128], sealed[REFERENCE_BYTES_MAX * 2];
	uint64_t damaged = 0;
	unsigned references = 0;
	size_t wrapped_n, sealed_n;
	struct store *s;

	tempdir_make(dir);
	s = open_ok();
	enrol_all(s);
	wrapped_n = column("SELECT wrapped_key FROM subjects ORDER BY subject", wrapped,
			   sizeof(wrapped));
	sealed_n = column("SELECT sealed FROM refs ORDER BY reference_id", sealed,
			  sizeof(sealed));
	ck_assert(tempdir_holds(dir, wrapped, wrapped_n));
	ck_assert(tempdir_holds(dir, sealed, sealed_n));
	ck_assert_int_eq(store_erase(s, subject_of(0), &references), 0);
	ck_assert_uint_eq(references, FINGERS);
	/* In any piece of it, in the file or its log, while the store is open and afterwards. */
	for (size_t i = 0; i + 16 <= sealed_n; i += 16)
		ck_assert(!tempdir_holds(dir, sealed + i, 16));
	for (size_t i = 0; i + 15 <= wrapped_n; i += 15)
		ck_assert(!tempdir_holds(dir, wrapped + i, 15));
	ck_assert_int_eq(store_erase(s, subject_of(0), &references), -ENOENT);
	ck_assert_uint_eq(read_all(s, 3, &damaged).right, (SUBJECTS - 1) * FINGERS);
	store_close(s);
	ck_assert(!tempdir_holds(dir, sealed, 16));
	ck_assert_uint_eq(column("SELECT CAST(count(*) AS TEXT) FROM consents", wrapped,
				 sizeof(wrapped)),
			  1);
	ck_assert_int_eq(wrapped[0], '0' + SUBJECTS - 1);
	tempdir_remove(dir);
}
END_TEST

START_TEST(no_template_lies_in_the_file_as_it_is)
{
	uint8_t plain[100];
	struct store *s;

	tempdir_make(dir);
	s = open_ok();
	enrol_all(s);
	fill(plain, sizeof(plain), 0, 0);
	ck_assert(!tempdir_holds(dir, plain, 16));
	store_close(s);
	ck_assert(!tempdir_holds(dir, plain, 16));
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_damaged_file_is_refused_and_kept)
{
	static const char junk[] =
		"this is no database, whatever its name says, at all....";
	struct store *s = NULL;
	size_t n = 0;
	uint8_t *data;

	tempdir_make(dir);
	tempdir_write(dir, "gallery.db", junk, sizeof(junk));
	ck_assert_int_eq(open_as("test", key, &s), -EUCLEAN);
	ck_assert_ptr_null(s);
	data = tempdir_read(dir, "gallery.db", &n);
	ck_assert_uint_eq(n, sizeof(junk));
	ck_assert_int_eq(memcmp(data, junk, n), 0);
	free(data);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_folder_that_cannot_be_is_an_error)
{
	char far_away[700];
	struct store_options o = { "/nonexistent/laned", "test", key };
	struct store *s = NULL;

	ck_assert_int_eq(store_open(&o, &s, why), -ENOENT);
	memset(far_away, 'x', sizeof(far_away) - 1);
	far_away[sizeof(far_away) - 1] = '\0';
	o.folder = far_away;
	ck_assert_int_eq(store_open(&o, &s, why), -ENAMETOOLONG);
	ck_assert_ptr_null(store_close(NULL));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("store");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, enrolled_references_come_back_in_batches);
	tcase_add_test(tc, enrolling_again_replaces_the_same_finger);
	tcase_add_test(tc, the_schema_refuses_a_reference_without_valid_consent);
	tcase_add_test(tc, a_consent_that_does_not_allow_it_stores_nothing);
	tcase_add_loop_test(tc, tampering_is_detected, 0,
			    (int)(sizeof(attacks) / sizeof(attacks[0])));
	tcase_add_test(tc, no_bit_of_a_sealed_row_can_change);
	tcase_add_test(tc, a_wrong_key_or_environment_opens_nothing);
	tcase_add_test(tc, erased_means_not_on_the_disk_any_more);
	tcase_add_test(tc, no_template_lies_in_the_file_as_it_is);
	tcase_add_test(tc, a_damaged_file_is_refused_and_kept);
	tcase_add_test(tc, a_folder_that_cannot_be_is_an_error);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
