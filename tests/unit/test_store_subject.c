#include "bio/store_subject.h"

#include "base/crypto.h"
#include "base/db.h"
#include "tempdir.h"
#include "unit.h"

#include <errno.h>

static char dir[TEMPDIR_BYTES], why[256];
static const uint8_t key[CRYPTO_KEY_BYTES] = { 1, 2, 3 };
static const struct store_consent consent = { .text_version = "v1",
					      .language = "en",
					      .purposes = PURPOSE_IDENTIFY,
					      .retention_days = 365,
					      .lane = "lane-1" };
static const struct ulid anna = { { 1 } }, berta = { { 2 } }, nobody = { { 3 } };

struct seen {
	unsigned count, fingers[8];
	uint8_t first[8];
};

static void
see(void *ctx, struct ulid subject, uint32_t finger, const uint8_t *data, size_t bytes)
{
	struct seen *s = ctx;

	ck_assert(ulid_eq(subject, anna));
	ck_assert_uint_eq(bytes, 50);
	ck_assert_uint_lt(s->count, 8);
	s->fingers[s->count] = finger;
	s->first[s->count++] = data[0];
}

static void
put(struct store *s, struct ulid subject, uint32_t finger, uint8_t fill)
{
	uint8_t data[50];
	struct store_reference r = { finger, data, sizeof(data), 0 };

	memset(data, fill, sizeof(data));
	ck_assert_int_eq(store_enrol(s, subject, &consent, &r, 1), 0);
}

static struct store *
opened(void)
{
	struct store_options o = { dir, "test", key };
	struct store *s = NULL;

	ck_assert_msg(store_open(&o, &s, why) == 0, "%s", why);
	return s;
}

/* Two people; Anna's fingers in this order of storing: 7, 2, and 7 once more. */
static struct store *
two_people(void)
{
	struct store *s;

	tempdir_make(dir);
	s = opened();
	put(s, anna, 7, 70);
	put(s, berta, 2, 99);
	put(s, anna, 2, 20);
	put(s, anna, 7, 71);
	return s;
}

START_TEST(references_come_in_the_order_of_their_storing)
{
	struct store *s = two_people();
	struct seen seen = { 0 };
	unsigned damaged = 9;

	ck_assert_int_eq(store_references(s, anna, see, &seen, &damaged), 0);
	ck_assert_uint_eq(damaged, 0);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_uint_eq(seen.fingers[0], 2);
	ck_assert_uint_eq(seen.first[0], 20);
	ck_assert_uint_eq(seen.fingers[1], 7);
	ck_assert_uint_eq(seen.first[1], 71);
	ck_assert_int_eq(store_references(s, nobody, see, &seen, &damaged), -ENOENT);
	(void)store_close(s);
	tempdir_remove(dir);
}
END_TEST

/* Runs SQL on the file past the store. */
static void
tamper(const char *sql)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(tempdir_path(dir, "gallery.db"), &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db,
				      "DROP TRIGGER refs_are_not_changed;"
				      "PRAGMA foreign_keys = OFF",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db); /* nothing is under way */
}

START_TEST(altered_rows_are_counted_and_passed_over)
{
	struct store *s = two_people();
	struct seen seen = { 0 };
	unsigned damaged = 0;

	(void)store_close(s);
	tamper("UPDATE refs SET finger = 3 WHERE finger = 2 AND subject = "
	       "X'01000000000000000000000000000000'");
	s = opened();
	ck_assert_int_eq(store_references(s, anna, see, &seen, &damaged), 0);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(seen.fingers[0], 7);
	ck_assert_uint_eq(damaged, 1);
	(void)store_close(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(subject_whose_key_was_exchanged_cannot_be_read)
{
	struct store *s = two_people();
	struct seen seen = { 0 };
	unsigned damaged = 7;

	(void)store_close(s);
	tamper("UPDATE subjects SET wrapped_key = (SELECT wrapped_key FROM subjects "
	       "WHERE "
	       "subject = X'02000000000000000000000000000000')");
	s = opened();
	ck_assert_int_eq(store_references(s, anna, see, &seen, &damaged), -EBADMSG);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_uint_eq(damaged, 7);
	(void)store_close(s);
	tempdir_remove(dir);
}
END_TEST

UNIT_MAIN("store_subject", references_come_in_the_order_of_their_storing,
	  altered_rows_are_counted_and_passed_over,
	  subject_whose_key_was_exchanged_cannot_be_read)
