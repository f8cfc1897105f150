#include "bio/store_fetch.h"

#include "base/crypto.h"

#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#define SUBJECTS 40u
#define FINGERS 2u
#define BYTES 900u

static char dir[TEMPDIR_BYTES], why[256];
static const uint8_t key[CRYPTO_KEY_BYTES] = { 1, 2, 3 };
static const struct store_consent consent = { .text_version = "v1",
					      .language = "en",
					      .purposes = PURPOSE_IDENTIFY,
					      .retention_days = 365,
					      .time_ms = 1000 };

static struct store *store;
static struct store_readers *readers;
static struct gallery_source source;
static struct gallery_name names[SUBJECTS][FINGERS];
static uint8_t buf[REFERENCE_BYTES_MAX];

static struct ulid
subject_of(unsigned n)
{
	return (struct ulid){ { (uint8_t)(n + 1), 1 } };
}

static void
fill(uint8_t *data, unsigned subject, unsigned finger)
{
	for (size_t i = 0; i < BYTES; i++)
		data[i] = (uint8_t)(i * 7 + subject * 31 + finger * 101);
}

static void
enrol(unsigned n)
{
	static uint8_t data[FINGERS][BYTES];
	struct store_reference refs[FINGERS];

	for (unsigned f = 0; f < FINGERS; f++) {
		fill(data[f], n, f);
		refs[f] = (struct store_reference){ f == 0 ? 2 : 7, data[f], BYTES, 0 };
	}
	ck_assert_int_eq(store_enrol(store, subject_of(n), &consent, refs, FINGERS), 0);
	for (unsigned f = 0; f < FINGERS; f++)
		names[n][f] = (struct gallery_name){ subject_of(n), refs[f].finger,
						     refs[f].key };
}

static void
start(void)
{
	struct store_options o = { dir, "test", key };

	tempdir_make(dir);
	ck_assert_int_eq(store_open(&o, &store, why), 0);
	for (unsigned n = 0; n < SUBJECTS; n++)
		enrol(n);
	ck_assert_int_eq(store_readers_new(store, &readers), 0);
	source = store_readers_source(readers);
}

static void
finish(void)
{
	readers = store_readers_free(readers);
	store = store_close(store);
	tempdir_remove(dir);
}

static int
fetch(unsigned worker, const struct gallery_name *name)
{
	size_t bytes = 0;
	int rc = source.fetch(source.ctx, worker, name, buf, &bytes);

	ck_assert(rc < 0 || bytes == BYTES);
	return rc;
}

static bool
is_right(unsigned n, unsigned f)
{
	uint8_t want[BYTES];

	fill(want, n, f);
	return memcmp(buf, want, BYTES) == 0;
}

/* The file under the readers' feet. */
static void
raw(const char *sql)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(tempdir_path(dir, "gallery.db"), &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
		      sqlite3_errmsg(db));
	(void)sqlite3_close(db); /* nothing is under way */
}

START_TEST(each_worker_fetches_what_was_enrolled)
{
	start();
	for (unsigned n = 0; n < SUBJECTS; n++)
		for (unsigned f = 0; f < FINGERS; f++)
			for (unsigned w = 0; w < WORKERS_MAX; w++) {
				ck_assert_int_eq(fetch(w, &names[n][f]), 0);
				ck_assert(is_right(n, f));
			}
	enrol(0); /* anew, under new keys: the readers see it at once */
	ck_assert_int_eq(fetch(1, &names[0][1]), 0);
	finish();
}
END_TEST

START_TEST(a_key_gives_nothing_for_another_name)
{
	struct gallery_name n;

	start();
	n = names[3][0];
	n.subject = subject_of(4);
	ck_assert_int_eq(fetch(0, &n), -EBADMSG);
	n = names[3][0];
	n.finger = 7;
	ck_assert_int_eq(fetch(0, &n), -EBADMSG);
	n = names[3][0];
	n.key = names[3][1].key;
	ck_assert_int_eq(fetch(0, &n), -EBADMSG);
	n.key = names[5][0].key;
	ck_assert_int_eq(fetch(0, &n), -EBADMSG);
	n.key = 4711;
	ck_assert_int_eq(fetch(0, &n), -ENOENT);
	n.key = UINT64_MAX;
	ck_assert_int_eq(fetch(0, &n), -ENOENT);
	ck_assert_int_eq(fetch(0, &names[3][0]), 0); /* none of it did harm */
	finish();
}
END_TEST

START_TEST(what_vanished_or_was_altered_is_an_error)
{
	static const struct {
		const char *what, *sql;
		int error;
	} rows[] = {
		{ "erased", "PRAGMA foreign_keys=ON; DELETE FROM subjects", -ENOENT },
		{ "its row gone", "DELETE FROM refs WHERE reference_id = 1", -ENOENT },
		{ "its key gone", "DELETE FROM subjects", -ENOENT },
		{ "cut", "UPDATE refs SET sealed = substr(sealed, 1, 20)", -EBADMSG },
		{ "grown", "UPDATE refs SET sealed = zeroblob(9000)", -EBADMSG },
		{ "no bytes", "UPDATE refs SET sealed = x''", -EBADMSG },
		{ "another key",
		  "UPDATE subjects SET wrapped_key = (SELECT wrapped_key FROM subjects"
		  " ORDER BY subject DESC LIMIT 1)",
		  -EBADMSG },
		{ "a short key", "UPDATE subjects SET wrapped_key = x'0101'", -EBADMSG },
		{ "two rows exchanged",
		  "UPDATE refs SET reference_id = -1 WHERE reference_id = 1;"
		  "UPDATE refs SET reference_id = 1 WHERE reference_id = 3",
		  -EBADMSG },
		{ "no table", "DROP TABLE refs", -EINVAL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc;

		start();
		ck_assert_int_eq(names[0][0].key, 1);
		ck_assert_int_eq(fetch(0, &names[0][0]), 0); /* it is in the cache */
		raw("PRAGMA foreign_keys=OFF; DROP TRIGGER refs_are_not_changed;"
		    "DROP TRIGGER refs_need_consent");
		raw(rows[i].sql);
		rc = fetch(0, &names[0][0]);
		ck_assert_msg(rc == rows[i].error, "%s: %d", rows[i].what, rc);
		ck_assert_int_eq(fetch(1, &names[0][0]), rows[i].error);
		finish();
	}
}
END_TEST

/* Whatever byte of the file changes: an answer comes back, and a right one or none. */
START_TEST(a_damaged_file_is_no_end_of_the_world)
{
	size_t bytes = 0;
	uint8_t *good;

	start();
	finish();
	start(); /* all of it out of the log */
	(void)store_close(store);
	store = NULL;
	readers = store_readers_free(readers);
	good = tempdir_read(dir, "gallery.db", &bytes);
	for (size_t at = 100; at < bytes; at += 509) {
		struct store_options o = { dir, "test", key };
		uint8_t kept = good[at];
		int rc;

		good[at] ^= 0x5a;
		tempdir_write(dir, "gallery.db", good, bytes);
		good[at] = kept;
		if (store_open(&o, &store, why) < 0)
			continue;
		rc = store_readers_new(store, &readers);
		source = store_readers_source(readers);
		for (unsigned n = 0; rc == 0 && n < SUBJECTS; n += 5)
			ck_assert(fetch(n % 2, &names[n][0]) < 0 || is_right(n, 0));
		readers = store_readers_free(readers);
		store = store_close(store);
	}
	free(good);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_list_names_all_fingers_of_a_subject)
{
	struct gallery_name list[GALLERY_FINGERS_MAX];

	start();
	for (unsigned n = 0; n < SUBJECTS; n++) {
		ck_assert_int_eq(source.list(source.ctx, subject_of(n), list), FINGERS);
		for (unsigned f = 0; f < FINGERS; f++) {
			ck_assert_uint_eq(list[f].key, names[n][f].key);
			ck_assert_uint_eq(list[f].finger, names[n][f].finger);
			ck_assert(ulid_eq(list[f].subject, subject_of(n)));
		}
	}
	ck_assert_int_eq(source.list(source.ctx, subject_of(SUBJECTS), list), 0);
	finish();
}
END_TEST

struct seen {
	uint64_t last, count, right;
};

static void
see(void *ctx, const struct gallery_name *name, const uint8_t *data, size_t bytes)
{
	struct seen *s = ctx;
	unsigned n = name->subject.b[0] - 1u;

	ck_assert_uint_gt(name->key, s->last);
	s->last = name->key;
	s->count++;
	ck_assert_uint_eq(bytes, BYTES);
	memcpy(buf, data, bytes);
	s->right += is_right(n, name->finger == 2 ? 0 : 1);
}

START_TEST(ranges_are_read_in_the_order_of_keys)
{
	static const uint64_t steps[] = { 1, 3, 32, 1000 };
	uint64_t damaged = 0, next = 0, count = 0;

	start();
	ck_assert_int_eq(store_readers_count(readers, 0, &count), 0);
	ck_assert_uint_eq(count, SUBJECTS * FINGERS);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct seen s = { 0, 0, 0 };

		for (uint64_t first = 0; first <= SUBJECTS * FINGERS; first += steps[i]) {
			struct store_range r = { first, steps[i], see, &s };
			uint64_t before = s.count;
			int rc = store_readers_range(readers, i % 2, &r, &damaged);

			ck_assert_int_eq(rc, (int)(s.count - before));
		}
		ck_assert_uint_eq(s.right, SUBJECTS * FINGERS);
	}
	ck_assert_uint_eq(damaged, 0);
	ck_assert_int_eq(store_readers_next(readers, 0, 0, &next), 0);
	ck_assert_uint_eq(next, 1);
	raw("PRAGMA foreign_keys=OFF; DROP TRIGGER refs_are_not_changed;"
	    "DELETE FROM refs WHERE reference_id BETWEEN 10 AND 39;"
	    "UPDATE refs SET sealed = x'00' WHERE reference_id = 40");
	ck_assert_int_eq(store_readers_next(readers, 1, 10, &next), 0);
	ck_assert_uint_eq(next, 40);
	ck_assert_int_eq(store_readers_next(readers, 1, SUBJECTS * FINGERS + 1, &next),
			 -ENOENT);
	{
		struct seen s = { 0, 0, 0 };
		struct store_range r = { 1, 64, see, &s };

		ck_assert_int_eq(store_readers_range(readers, 0, &r, &damaged), 64 - 30);
		ck_assert_uint_eq(damaged, 1);
		ck_assert_uint_eq(s.right, 64 - 30 - 1);
	}
	finish();
}
END_TEST

/* A worker that reads and reads, while others are erased. */
struct busy {
	pthread_t thread;
	unsigned worker;
	struct seen seen;
	uint64_t wrong;
};
static atomic_bool stop;

static void
count_row(void *ctx, const struct gallery_name *name, const uint8_t *data, size_t bytes)
{
	struct busy *b = ctx;

	(void)name;
	(void)data;
	b->wrong += bytes != BYTES;
}

static void *
read_on(void *arg)
{
	uint8_t plain[REFERENCE_BYTES_MAX];
	struct busy *b = arg;
	uint64_t damaged = 0;
	size_t bytes;

	for (unsigned i = 0; !atomic_load(&stop); i++) {
		const struct gallery_name *n = &names[i % SUBJECTS][i % FINGERS];
		struct store_range r = { 1, 32, count_row, b };
		int rc = source.fetch(source.ctx, b->worker, n, plain, &bytes);

		b->wrong += rc != 0 && rc != -ENOENT;
		b->wrong += store_readers_range(readers, b->worker, &r, &damaged) < 0;
	}
	b->wrong += damaged;
	return NULL;
}

/* The sealed bytes of a reference as they lie in the file. */
static size_t
sealed_of(const struct gallery_name *name, uint8_t *ret_sealed)
{
	sqlite3_stmt *q = NULL;
	sqlite3 *db = NULL;
	size_t n;

	ck_assert_int_eq(sqlite3_open(tempdir_path(dir, "gallery.db"), &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db,
					    "SELECT sealed FROM refs WHERE"
					    " reference_id = ?1",
					    -1, &q, NULL),
			 SQLITE_OK);
	(void)sqlite3_bind_int64(q, 1, (int64_t)name->key);
	ck_assert_int_eq(sqlite3_step(q), SQLITE_ROW);
	n = (size_t)sqlite3_column_bytes(q, 0);
	memcpy(ret_sealed, sqlite3_column_blob(q, 0), n);
	(void)sqlite3_finalize(q);
	(void)sqlite3_close(db);
	return n;
}

START_TEST(erased_leaves_the_disk_while_workers_read)
{
	static uint8_t sealed[REFERENCE_BYTES_MAX * 2];
	struct busy busy[WORKERS_MAX];
	unsigned references = 0;

	start();
	atomic_store(&stop, false);
	for (unsigned w = 0; w < WORKERS_MAX; w++) {
		busy[w] = (struct busy){ .worker = w };
		ck_assert_int_eq(pthread_create(&busy[w].thread, NULL, read_on, &busy[w]),
				 0);
	}
	for (unsigned n = 0; n < SUBJECTS; n += 4) {
		size_t bytes = sealed_of(&names[n][0], sealed);

		ck_assert(tempdir_holds(dir, sealed, bytes));
		ck_assert_int_eq(store_erase(store, subject_of(n), &references), 0);
		ck_assert_uint_eq(references, FINGERS);
		for (size_t i = 0; i + 16 <= bytes; i += 16)
			ck_assert(!tempdir_holds(dir, sealed + i, 16));
	}
	atomic_store(&stop, true);
	for (unsigned w = 0; w < WORKERS_MAX; w++) {
		ck_assert_int_eq(pthread_join(busy[w].thread, NULL), 0);
		ck_assert_uint_eq(busy[w].wrong, 0);
	}
	ck_assert_int_eq(fetch(0, &names[0][0]), -ENOENT);
	finish();
}
END_TEST

/* Somebody else's reader, as a shell left open: erased all the same, and the log emptied later. */
START_TEST(a_foreign_reader_delays_the_cleaning_only)
{
	static uint8_t sealed[REFERENCE_BYTES_MAX * 2];
	unsigned references = 0;
	sqlite3 *db = NULL;
	size_t bytes;

	start();
	bytes = sealed_of(&names[1][0], sealed);
	ck_assert_int_eq(sqlite3_open(tempdir_path(dir, "gallery.db"), &db), SQLITE_OK);
	ck_assert_int_eq(
		sqlite3_exec(db, "BEGIN; SELECT count(*) FROM refs", NULL, NULL, NULL),
		SQLITE_OK);
	ck_assert_int_eq(store_erase(store, subject_of(1), &references), -EBUSY);
	ck_assert_uint_eq(references, FINGERS);
	ck_assert_int_eq(fetch(0, &names[1][0]), -ENOENT);
	(void)sqlite3_close_v2(db);
	ck_assert_int_eq(store_erase(store, subject_of(1), &references), -ENOENT);
	ck_assert(!tempdir_holds(dir, sealed, bytes));
	finish();
}
END_TEST

UNIT_MAIN("store_fetch", each_worker_fetches_what_was_enrolled,
	  a_key_gives_nothing_for_another_name, what_vanished_or_was_altered_is_an_error,
	  a_damaged_file_is_no_end_of_the_world, a_list_names_all_fingers_of_a_subject,
	  ranges_are_read_in_the_order_of_keys, erased_leaves_the_disk_while_workers_read,
	  a_foreign_reader_delays_the_cleaning_only)
