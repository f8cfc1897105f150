#include "unit.h"

#include "bio/keyring.h"
#include "bio/store_fetch.h"
#include "bio/store_record.h"

#include "base/db.h"
#include "store_kit.h"
#include "tempdir.h"

#include <errno.h>

/* Subjects whose keys are wrapped under the store's key and a claim (profile eu). */
#define BYTES 300u

static char dir[TEMPDIR_BYTES], why[256];
static const uint8_t key[CRYPTO_KEY_BYTES] = { 1, 2, 3 };
static const struct ulid subject = { { 1 } }, other = { { 2 } };
static const struct store_consent consent = { .text_version = "v1",
					      .language = "en",
					      .purposes = PURPOSE_IDENTIFY,
					      .retention_days = 365,
					      .time_ms = 1 };
static const struct store_claims card = { { { 10 } }, 1 }, phone = { { { 20 } }, 1 };
static const struct store_claims both = { { { 10 }, { 20 } }, 2 };
static uint8_t data[BYTES];

static struct store *
open_ok(void)
{
	struct store_options o = { dir, "test", key };
	struct store *s = NULL;
	int rc = store_open(&o, &s, why);

	ck_assert_msg(rc == 0, "%d %s", rc, why);
	return s;
}

static struct store *
fresh(void)
{
	tempdir_make(dir);
	for (unsigned i = 0; i < BYTES; i++)
		data[i] = (uint8_t)(i * 7);
	return open_ok();
}

static void
close_all(struct store *s)
{
	store_close(s);
	tempdir_remove(dir);
}

static int
enrol(struct store *s, struct ulid who, const struct store_claims *claims,
      uint32_t finger)
{
	struct store_reference r = { finger, data, BYTES, 0 };
	const struct store_enrolled list = { &r, 1 };

	return store_enrol_claimed(s, who, &consent, claims, &list);
}

static void
see(void *ctx, struct ulid who, uint32_t finger, const uint8_t *plain, size_t bytes)
{
	unsigned *count = ctx;

	(void)who;
	(void)finger;
	*count += bytes == BYTES && memcmp(plain, data, BYTES) == 0;
}

/* How many references can be read now, through the store and through a worker's reader. */
static unsigned
readable(struct store *s)
{
	struct store_cursor cursor = { 0, 0 };
	struct store_readers *readers = NULL;
	struct gallery_source source;
	struct gallery_name names[GALLERY_FINGERS_MAX];
	unsigned count = 0, fetched = 0;

	ck_assert_int_eq(store_readers_new(s, &readers), 0);
	source = store_readers_source(readers);
	for (uint8_t who = 1; who <= 2; who++) {
		int n = source.list(source.ctx, (struct ulid){ { who } }, names);

		for (int i = 0; i < n; i++) {
			uint8_t buf[REFERENCE_BYTES_MAX];
			size_t bytes = 0;

			fetched += source.fetch(source.ctx, (unsigned)i % 2, &names[i],
						buf, &bytes) == 0 &&
				   bytes == BYTES && memcmp(buf, data, BYTES) == 0;
		}
	}
	store_readers_free(readers);
	ck_assert_int_eq(store_read(s, &cursor, 100, see, &count), 0);
	ck_assert_uint_le(count, fetched); /* store_read asks for no claim at all */
	return fetched;
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

/* The only subject's key as it lies in the file, while nobody has it open. */
static void
raw_key(uint8_t ret_wrapped[CRYPTO_WRAPPED_BYTES])
{
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;

	ck_assert_int_eq(sqlite3_open(tempdir_path(dir, "gallery.db"), &db), SQLITE_OK);
	ck_assert_int_eq(
		sqlite3_prepare_v2(db, "SELECT wrapped_key FROM subjects", -1, &q, NULL),
		SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(q), SQLITE_ROW);
	ck_assert_int_eq(sqlite3_column_bytes(q, 0), CRYPTO_WRAPPED_BYTES);
	memcpy(ret_wrapped, sqlite3_column_blob(q, 0), CRYPTO_WRAPPED_BYTES);
	(void)sqlite3_finalize(q); /* repeats what the step said */
	(void)sqlite3_close(db);   /* nothing is under way */
}

START_TEST(only_a_claim_opens_what_is_stored)
{
	struct finger_features f = { .count = 12 };
	struct store *s = fresh();
	int evidence = 0;

	ck_assert_int_eq(enrol(s, subject, &both, 2), 0);
	ck_assert_uint_eq(readable(s), 1); /* it stays open until store_lock */
	store_lock(s);
	ck_assert_uint_eq(readable(s), 0);
	ck_assert_int_lt(store_replay(s, subject, &f, &evidence), 0);
	ck_assert_int_lt(store_capture(s, subject, &f), 0);
	ck_assert_int_eq(
		store_unlock(s, subject, (const uint8_t[STORE_CLAIM_BYTES]){ 11 }),
		-EKEYREJECTED);
	ck_assert_uint_eq(readable(s), 0);
	ck_assert_int_eq(store_unlock(s, other, card.claim[0]), -ENOENT);
	for (unsigned i = 0; i < 2; i++) {
		store_close(s);
		s = open_ok();
		ck_assert_uint_eq(readable(s), 0);
		ck_assert_int_eq(store_unlock(s, subject, both.claim[i]), 0);
		ck_assert_uint_eq(readable(s), 1);
		ck_assert_int_eq(store_capture(s, subject, &f), 0);
		store_lock(s);
	}
	close_all(s);
}
END_TEST

START_TEST(the_claims_of_the_last_enrolment_stand)
{
	struct store *s = fresh();

	ck_assert_int_eq(enrol(s, subject, &card, 2), 0);
	store_lock(s);
	/* By none of its claims: nothing changes. */
	ck_assert_int_eq(enrol(s, subject, &phone, 7), -EKEYREJECTED);
	ck_assert_int_eq(enrol(s, subject, NULL, 7), -ENOTSUP);
	ck_assert_int_eq(store_unlock(s, subject, card.claim[0]), 0);
	ck_assert_uint_eq(readable(s), 1);
	store_lock(s);
	/* Both are told: what is there is kept, and opened by either. */
	ck_assert_int_eq(enrol(s, subject, &both, 7), 0);
	store_lock(s);
	ck_assert_int_eq(store_unlock(s, subject, phone.claim[0]), 0);
	ck_assert_uint_eq(readable(s), 2);
	store_lock(s);
	ck_assert_int_eq(enrol(s, subject, &phone, 7), 0);
	store_lock(s);
	ck_assert_int_eq(store_unlock(s, subject, card.claim[0]), -EKEYREJECTED);
	ck_assert_int_eq(store_unlock(s, subject, phone.claim[0]), 0);
	store_close(s);
	ck_assert_int_eq(raw("SELECT count(*) FROM claim_keys"), 1);
	s = open_ok();
	close_all(s);
}
END_TEST

START_TEST(what_the_store_alone_opened_is_sealed_by_a_claim)
{
	struct store *s = fresh();
	uint8_t wrapped[CRYPTO_WRAPPED_BYTES];

	ck_assert_int_eq(enrol(s, subject, NULL, 2), 0);
	ck_assert_uint_eq(readable(s), 1);
	store_close(s);
	raw_key(wrapped);
	s = open_ok();
	ck_assert(tempdir_holds(dir, wrapped, sizeof(wrapped)));
	ck_assert_int_eq(store_unlock(s, subject, card.claim[0]), -EKEYREJECTED);
	ck_assert_int_eq(enrol(s, subject, &card, 7), 0);
	ck_assert(!tempdir_holds(dir, wrapped, sizeof(wrapped))); /* nowhere any more */
	store_lock(s);
	ck_assert_uint_eq(readable(s), 0);
	ck_assert_int_eq(store_unlock(s, subject, card.claim[0]), 0);
	ck_assert_uint_eq(readable(s), 2);
	close_all(s);
}
END_TEST

START_TEST(erased_means_that_no_claim_opens_it)
{
	struct store *s = fresh();
	unsigned count = 0;

	ck_assert_int_eq(enrol(s, subject, &both, 2), 0);
	ck_assert_int_eq(store_erase(s, subject, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(store_unlock(s, subject, card.claim[0]), -ENOENT);
	store_close(s);
	ck_assert_int_eq(raw("SELECT count(*) FROM claim_keys"), 0);
	s = open_ok();
	close_all(s);
}
END_TEST

START_TEST(claims_are_one_to_four)
{
	struct store_claims none = { .count = 0 },
			    many = { .count = STORE_CLAIMS_MAX + 1 };
	struct store *s = fresh();

	ck_assert_int_eq(enrol(s, subject, &none, 2), -EINVAL);
	ck_assert_int_eq(enrol(s, subject, &many, 2), -EINVAL);
	store_close(s);
	ck_assert_int_eq(raw("SELECT count(*) FROM subjects"), 0);
	s = open_ok();
	close_all(s);
}
END_TEST

START_TEST(one_person_s_claim_opens_nobody_else)
{
	struct store *s = fresh();

	/* The same claim of two people makes two keys: salted by whose it is. */
	ck_assert_int_eq(enrol(s, subject, &card, 2), 0);
	ck_assert_int_eq(enrol(s, other, &card, 2), 0);
	store_lock(s);
	ck_assert_int_eq(store_unlock(s, subject, card.claim[0]), 0);
	ck_assert_uint_eq(readable(s), 1);
	store_lock(s);
	store_close(s);
	/* Exchanged in the file, neither opens. */
	(void)raw("UPDATE claim_keys SET wrapped_key = (SELECT wrapped_key FROM "
		  "claim_keys o"
		  " WHERE o.subject <> claim_keys.subject)");
	s = open_ok();
	ck_assert_int_eq(store_unlock(s, subject, card.claim[0]), -EKEYREJECTED);
	close_all(s);
}
END_TEST

START_TEST(a_key_ring_holds_so_many_and_forgets_all)
{
	struct keyring *k = keyring_new();
	uint8_t got[CRYPTO_KEY_BYTES] = { 0xee }, put[CRYPTO_KEY_BYTES] = { 0 };

	ck_assert(!keyring_get(k, subject, got));
	ck_assert_uint_eq(got[0], 0xee);
	ck_assert(!keyring_get(k, (struct ulid){ { 0 } }, got));
	for (uint8_t i = 1; i <= KEYRING_MAX + 1; i++) {
		put[0] = i;
		keyring_put(k, (struct ulid){ { i } }, put);
	}
	ck_assert(!keyring_get(k, (struct ulid){ { 1 } }, got)); /* gave way */
	for (uint8_t i = 2; i <= KEYRING_MAX + 1; i++) {
		ck_assert(keyring_get(k, (struct ulid){ { i } }, got));
		ck_assert_uint_eq(got[0], i);
	}
	put[0] = 99;
	keyring_put(k, (struct ulid){ { 5 } }, put);
	ck_assert(keyring_get(k, (struct ulid){ { 5 } }, got));
	ck_assert_uint_eq(got[0], 99);
	keyring_clear(k);
	for (uint8_t i = 1; i <= KEYRING_MAX + 1; i++)
		ck_assert(!keyring_get(k, (struct ulid){ { i } }, got));
	ck_assert_ptr_null(keyring_free(k));
	ck_assert_ptr_null(keyring_free(NULL));
}
END_TEST

UNIT_MAIN("store_claim", only_a_claim_opens_what_is_stored,
	  the_claims_of_the_last_enrolment_stand,
	  what_the_store_alone_opened_is_sealed_by_a_claim,
	  erased_means_that_no_claim_opens_it, claims_are_one_to_four,
	  one_person_s_claim_opens_nobody_else, a_key_ring_holds_so_many_and_forgets_all)
