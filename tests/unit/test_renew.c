/* A gallery.db of references of an older form: loaded as it is, and renewed meanwhile. */
#include "bio/renew.h"

#include "base/crypto.h"
#include "base/keys.h"
#include "bio/load.h"
#include "bio/service.h"
#include "bio/storekey.h"
#include "old_reference.h"
#include "synth/synth.h"
#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>

#define SUBJECTS 45u /* several batches */
#define FINGERS 2u
#define REFERENCES (SUBJECTS * FINGERS)
/* Rounds that are waited at most; each waits for an event, so that none is a time limit. */
#define ROUNDS_MAX 5000

struct packed {
	uint8_t data[REFERENCE_BYTES_MAX];
	size_t bytes;
};
static struct packed present[REFERENCES], old[REFERENCES];
static struct finger_features features;

static char dir[TEMPDIR_BYTES], why[256];
static const struct store_consent consent = { .text_version = "v1",
					      .language = "en",
					      .purposes = PURPOSE_IDENTIFY,
					      .retention_days = 365,
					      .time_ms = 1000 };
static struct secret *key;
static struct store *store;
static struct store_readers *readers;
static struct gallery *gallery;
static struct load *load;
static struct renew *renew;

static struct ulid
subject_of(unsigned n)
{
	return (struct ulid){ { (uint8_t)(n + 1), 3 } };
}

static void
make_all(void)
{
	const struct finger_features *one[] = { &features };

	for (unsigned i = 0; i < REFERENCES; i++) {
		if (synth_features(52000u + i, 0, NULL, &features) < 0 ||
		    reference_make(one, 1, present[i].data, &present[i].bytes) < 0)
			abort();
		old[i].bytes =
			old_reference(present[i].data, present[i].bytes, old[i].data);
	}
}

static void
enrol(unsigned n, const struct packed *from)
{
	struct store_reference refs[FINGERS];

	for (unsigned f = 0; f < FINGERS; f++)
		refs[f] = (struct store_reference){ 1 + f, from[n * FINGERS + f].data,
						    from[n * FINGERS + f].bytes, 0 };
	ck_assert_int_eq(store_enrol(store, subject_of(n), &consent, refs, FINGERS), 0);
}

static void
open_store(void)
{
	struct store_options o = { dir, "test", NULL };

	ck_assert_int_eq(storekey_load(dir, &key), 0);
	o.key = secret_bytes_const(key);
	ck_assert_int_eq(store_open(&o, &store, why), 0);
}

static void
close_store(void)
{
	store = store_close(store);
	key = secret_free(key);
}

static void
open_gallery(void)
{
	struct gallery_source source;

	ck_assert_int_eq(store_readers_new(store, &readers), 0);
	source = store_readers_source(readers);
	gallery = gallery_new(1000, &source);
	load = load_new(readers, gallery);
	renew = renew_new(readers, store);
	ck_assert(gallery != NULL && load != NULL && renew != NULL);
}

static void
close_gallery(void)
{
	renew = renew_free(renew);
	load = load_free(load);
	gallery = gallery_free(gallery);
	readers = store_readers_free(readers);
}

static void
start(const struct packed *from)
{
	tempdir_make(dir);
	open_store();
	for (unsigned n = 0; n < SUBJECTS; n++)
		enrol(n, from);
	open_gallery();
}

static void
finish(void)
{
	close_gallery();
	close_store();
	tempdir_remove(dir);
}

static void
load_all(void)
{
	int rc;

	do {
		rc = load_slice(load);
	} while (rc > 0);
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(load_counts(load).damaged, 0);
}

/* Renews what there is: how many; between finding and writing of the first batch calls meanwhile. */
static uint64_t
renew_all(void (*meanwhile)(void))
{
	uint64_t count = 0;
	int rc;

	do {
		rc = renew_find(renew);
		ck_assert_int_ge(rc, 0);
		if (meanwhile != NULL)
			meanwhile();
		meanwhile = NULL;
		ck_assert_int_eq(renew_write(renew, &count), 0);
	} while (rc > 0);
	return count;
}

struct seen {
	unsigned present, old, other;
	uint64_t keys; /* a sum */
};

static void
see(void *ctx, const struct gallery_name *name, const uint8_t *data, size_t bytes)
{
	struct seen *s = ctx;
	unsigned i = (name->subject.b[0] - 1u) * FINGERS + name->finger - 1u;

	ck_assert_uint_lt(i, REFERENCES);
	s->keys += name->key * name->key;
	if (bytes == present[i].bytes && memcmp(data, present[i].data, bytes) == 0)
		s->present++;
	else if (bytes == old[i].bytes && memcmp(data, old[i].data, bytes) == 0)
		s->old++;
	else
		s->other++;
}

/* What is in the file. */
static struct seen
look(void)
{
	struct seen seen = { 0 };
	const struct store_range all = { 0, 1u << 20, see, &seen };
	uint64_t damaged = 0;

	ck_assert_int_ge(store_readers_range(readers, 1, &all, &damaged), 0);
	ck_assert_uint_eq(damaged, 0);
	return seen;
}

static void
raw(const char *sql)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(tempdir_path(dir, "gallery.db"), &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
		      sqlite3_errmsg(db));
	(void)sqlite3_close(db); /* nothing is under way */
}

START_TEST(present_references_are_left_alone)
{
	start(present);
	load_all();
	ck_assert_uint_eq(load_counts(load).outdated, 0);
	ck_assert_uint_eq(renew_all(NULL), 0);
	ck_assert_uint_eq(look().present, REFERENCES);
	finish();
}
END_TEST

START_TEST(old_ones_are_loaded_and_renewed_under_their_keys)
{
	struct seen before, after;

	start(old);
	load_all();
	ck_assert_uint_eq(load_counts(load).outdated, REFERENCES);
	ck_assert_uint_eq(gallery_stats(gallery).references, REFERENCES);
	before = look();
	ck_assert_uint_eq(before.old, REFERENCES);
	ck_assert_uint_eq(renew_all(NULL), REFERENCES);
	after = look();
	ck_assert_uint_eq(after.present, REFERENCES);
	ck_assert_uint_eq(after.keys, before.keys);
	ck_assert_uint_eq(renew_all(NULL), 0);
	close_gallery();
	open_gallery();
	load_all();
	ck_assert_uint_eq(load_counts(load).outdated, 0);
	ck_assert_uint_eq(gallery_stats(gallery).references, REFERENCES);
	finish();
}
END_TEST

/* Field by field: between them there may be anything. */
static bool
same(const struct gallery_candidate *a, const struct gallery_candidate *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!ulid_eq(a[i].subject, b[i].subject) || a[i].finger != b[i].finger ||
		    a[i].score != b[i].score || a[i].foreign != b[i].foreign)
			return false;
	return true;
}

/* Whoever is loaded, from old references and from renewed ones, is found with the same score. */
START_TEST(searches_answer_the_same_before_and_after)
{
	struct gallery_candidate first[SUBJECTS / 7 + 1][GALLERY_CANDIDATES_MAX],
		second[GALLERY_CANDIDATES_MAX];
	struct gallery_query q = { .probe = &features };
	size_t count, first_count[SUBJECTS / 7 + 1];

	start(old);
	for (unsigned pass = 0; pass < 2; pass++) {
		load_all();
		for (unsigned n = 0; n < SUBJECTS; n += 7) {
			ck_assert_int_eq(
				synth_features(52000u + n * FINGERS, 1, NULL, &features),
				0);
			ck_assert_int_eq(gallery_search(gallery, &q,
							pass == 0 ? first[n / 7] : second,
							&count),
					 0);
			ck_assert_uint_gt(count, 0);
			if (pass == 0) {
				first_count[n / 7] = count;
				continue;
			}
			ck_assert_uint_eq(count, first_count[n / 7]);
			ck_assert(same(first[n / 7], second, count));
			ck_assert(ulid_eq(second[0].subject, subject_of(n)));
		}
		if (pass == 0)
			ck_assert_uint_eq(renew_all(NULL), REFERENCES);
		close_gallery();
		open_gallery();
	}
	finish();
}
END_TEST

static void
erase_first(void)
{
	unsigned references = 0;

	ck_assert_int_eq(store_erase(store, subject_of(0), &references), 0);
}

static void
enrol_first_again(void)
{
	enrol(0, present);
}

static void
withdraw_first(void)
{
	raw("UPDATE consents SET withdrawn_ms = 5 WHERE consent_id = 1");
}

START_TEST(what_changes_meanwhile_stays_changed)
{
	struct seen seen;

	start(old);
	ck_assert_uint_eq(renew_all(erase_first), REFERENCES - FINGERS);
	seen = look();
	ck_assert_uint_eq(seen.present, REFERENCES - FINGERS);
	ck_assert_uint_eq(seen.old + seen.other, 0);
	finish();
	start(old);
	ck_assert_uint_eq(renew_all(enrol_first_again), REFERENCES - FINGERS);
	ck_assert_uint_eq(look().present, REFERENCES);
	finish();
	start(old);
	ck_assert_uint_eq(renew_all(withdraw_first), REFERENCES - FINGERS);
	seen = look();
	ck_assert_uint_eq(seen.present, REFERENCES - FINGERS);
	ck_assert_uint_eq(seen.old, FINGERS);
	finish();
}
END_TEST

START_TEST(gaps_and_damaged_rows_are_passed_over)
{
	struct seen seen = { 0 };

	start(old);
	raw("PRAGMA foreign_keys=OFF; DROP TRIGGER refs_are_not_changed;"
	    "UPDATE refs SET sealed = zeroblob(100) WHERE reference_id = 3;"
	    "DELETE FROM refs WHERE reference_id BETWEEN 10 AND 60;"
	    "UPDATE refs SET reference_id = reference_id + 1000000000"
	    " WHERE reference_id > 90");
	ck_assert_uint_eq(renew_all(NULL), REFERENCES - 51 - 1);
	raw("UPDATE refs SET reference_id = reference_id - 1000000000"
	    " WHERE reference_id > 90; DELETE FROM refs WHERE reference_id = 3");
	seen = look();
	ck_assert_uint_eq(seen.present, REFERENCES - 51 - 1);
	finish();
}
END_TEST

START_TEST(what_cannot_be_written_stays_as_it_was)
{
	uint64_t count = 0;

	start(old);
	ck_assert_int_eq(renew_find(renew), 1);
	raw("CREATE TRIGGER no BEFORE INSERT ON refs WHEN NEW.reference_id = 4"
	    " BEGIN SELECT RAISE(ABORT, 'no'); END");
	ck_assert_int_lt(renew_write(renew, &count), 0);
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(look().old, REFERENCES);
	finish();
}
END_TEST

/* ---- in the service ----------------------------------------------------------------- */

/* How many references in the file are of the present form. */
static unsigned
count_present(void)
{
	struct seen seen;

	open_store();
	ck_assert_int_eq(store_readers_new(store, &readers), 0);
	seen = look();
	readers = store_readers_free(readers);
	close_store();
	ck_assert_uint_eq(seen.present + seen.old, REFERENCES);
	return seen.present;
}

static struct loop *loop;
static struct conf *conf;
static struct service *service;
static int fds[2];

static void
start_service(const char *profile)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "[paths]\nbio_state = %s\n[privacy]\nprofile = %s\n", dir,
		       profile); /* fits */
	tempdir_write(dir, "laned.conf", text, strlen(text));
	ck_assert_int_eq(keys_load(tempdir_path(dir, "laned.conf"), &conf), 0);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
		0);
	ck_assert_int_eq(service_new(loop, conf, fds[0], &service), 0);
}

static void
stop_service(void)
{
	service = service_free(service);
	loop_free(loop);
	conf_free(conf);
	(void)close(fds[1]);
	(void)rmdir(tempdir_path(dir, "transfer")); /* it is empty, or not there */
}

START_TEST(a_service_renews_while_it_runs)
{
	unsigned n = 0;

	start(old);
	close_gallery();
	close_store();
	start_service("us_other");
	for (int i = 0; i < ROUNDS_MAX && n < REFERENCES; i++) {
		ck_assert_int_eq(loop_once(loop, 100), 0);
		n = count_present();
	}
	ck_assert_uint_eq(n, REFERENCES);
	stop_service();
	start_service("us_other"); /* and may be stopped at any time */
	stop_service();
	tempdir_remove(dir);
}
END_TEST

/* It is stopped after each number of rounds, between any two steps of it. */
START_TEST(a_service_that_stops_meanwhile_goes_on_at_the_next_start)
{
	unsigned before = 0, starts = 0;

	start(old);
	close_gallery();
	close_store();
	while (before < REFERENCES && starts < 200) {
		unsigned now;

		start_service("us_other");
		for (unsigned i = 0; i < starts % 12; i++)
			ck_assert_int_eq(loop_once(loop, 100), 0);
		stop_service();
		now = count_present();
		ck_assert_uint_ge(now, before);
		before = now;
		starts++;
	}
	ck_assert_uint_eq(before, REFERENCES);
	tempdir_remove(dir);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		present_references_are_left_alone,
		old_ones_are_loaded_and_renewed_under_their_keys,
		searches_answer_the_same_before_and_after,
		what_changes_meanwhile_stays_changed,
		gaps_and_damaged_rows_are_passed_over,
		what_cannot_be_written_stays_as_it_was,
		a_service_renews_while_it_runs,
		a_service_that_stops_meanwhile_goes_on_at_the_next_start,
	};

	make_all();
	return unit_run("renew", tests, sizeof(tests) / sizeof(tests[0]));
}
