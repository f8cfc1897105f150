#include "bio/load.h"

#include "base/crypto.h"
#include "synth/drawer.h"
#include "synth/synth.h"

#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <sqlite3.h>

#define FINGERS GALLERY_FINGERS_MAX
#define SUBJECTS 130u /* their references take more than one slice */
#define REFERENCES (SUBJECTS * FINGERS)
#define SLICE (WORKERS_MAX * GALLERY_INTAKE_MAX)
_Static_assert(REFERENCES > SLICE, "more than one slice");

/* Of each subject the first finger is its own; the others are one stranger's, again and again. */
struct packed {
	uint8_t data[REFERENCE_BYTES_MAX];
	size_t bytes;
};
static struct packed own[SUBJECTS + 2], strangers[FINGERS];
static struct finger_features features;

static char dir[TEMPDIR_BYTES], why[256];
static const uint8_t key[CRYPTO_KEY_BYTES] = { 5 };
static const struct store_consent consent = { .text_version = "v1",
					      .language = "en",
					      .purposes = PURPOSE_IDENTIFY,
					      .retention_days = 365,
					      .time_ms = 1000 };

static struct store *store;
static struct store_readers *readers;
static struct gallery *gallery;
static struct load *load;
static struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
static size_t found_count;

static struct ulid
subject_of(unsigned n)
{
	return (struct ulid){ { (uint8_t)(n + 1), 1, (uint8_t)(n >> 8) } };
}

static uint64_t
seed_of(unsigned n)
{
	return 31000u + n;
}

static void
pack(uint64_t seed, struct packed *p)
{
	const struct finger_features *one[] = { &features };

	if (synth_features(seed, 0, NULL, &features) < 0 ||
	    reference_make(one, 1, p->data, &p->bytes) < 0)
		abort();
}

static void
make_all(void)
{
	for (unsigned n = 0; n < SUBJECTS + 2; n++)
		pack(seed_of(n), &own[n]);
	for (unsigned f = 0; f < FINGERS; f++)
		pack(77000u + f, &strangers[f]);
}

/* Enrols subject n, its own finger being that of seed_of(like). */
static void
enrol(unsigned n, unsigned like, struct store_reference refs[FINGERS])
{
	for (unsigned f = 0; f < FINGERS; f++) {
		const struct packed *p = f == 0 ? &own[like] : &strangers[f];

		refs[f] = (struct store_reference){ f + 1, p->data, p->bytes, 0 };
	}
	ck_assert_int_eq(store_enrol(store, subject_of(n), &consent, refs, FINGERS), 0);
}

static void
open_gallery(uint64_t max)
{
	struct gallery_source source;

	ck_assert_int_eq(store_readers_new(store, &readers), 0);
	source = store_readers_source(readers);
	gallery = gallery_new(max, &source);
	load = load_new(readers, gallery);
	ck_assert_ptr_nonnull(gallery);
	ck_assert_ptr_nonnull(load);
}

static void
start(unsigned subjects, uint64_t max)
{
	struct store_options o = { dir, "test", key };
	struct store_reference refs[FINGERS];

	tempdir_make(dir);
	ck_assert_int_eq(store_open(&o, &store, why), 0);
	for (unsigned n = 0; n < subjects; n++)
		enrol(n, n, refs);
	open_gallery(max);
}

static void
finish(void)
{
	load = load_free(load);
	gallery = gallery_free(gallery);
	readers = store_readers_free(readers);
	store = store_close(store);
	tempdir_remove(dir);
}

/* Loads what is left: the last answer. */
static int
load_all(void)
{
	int rc;

	do {
		rc = load_slice(load);
	} while (rc > 0);
	return rc;
}

/* Whether the own finger of seed_of(like), touched again, is that of subject n. */
static bool
finds(unsigned like, unsigned n, const struct ulid *only)
{
	struct gallery_query q = { .probe = &features,
				   .subjects = only,
				   .subjects_count = 1 };

	ck_assert_int_eq(synth_features(seed_of(like), 1, NULL, &features), 0);
	ck_assert_int_eq(gallery_search(gallery, &q, found, &found_count), 0);
	return found_count > 0 && ulid_eq(found[0].subject, subject_of(n)) &&
	       found[0].finger == 1 && found[0].score >= 4000;
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

START_TEST(all_are_loaded_and_found)
{
	start(SUBJECTS, 10000);
	ck_assert_int_eq(load_all(), 0);
	ck_assert_uint_eq(gallery_stats(gallery).references, REFERENCES);
	ck_assert_uint_eq(gallery_stats(gallery).subjects, SUBJECTS);
	ck_assert_uint_eq(load_counts(load).stored, REFERENCES);
	ck_assert_uint_eq(load_counts(load).damaged, 0);
	for (unsigned n = 0; n < SUBJECTS; n += 9)
		ck_assert(finds(n, n, NULL));
	ck_assert_int_eq(load_slice(load), 0); /* and nothing comes twice */
	ck_assert_uint_eq(gallery_stats(gallery).references, REFERENCES);
	ck_assert_uint_eq(gallery_stats(gallery).lost, 0);
	finish();
}
END_TEST

START_TEST(nothing_is_loaded_from_an_empty_file)
{
	start(0, 10);
	ck_assert_int_eq(load_slice(load), 0);
	ck_assert_uint_eq(gallery_stats(gallery).references, 0);
	finish();
}
END_TEST

START_TEST(what_is_loaded_so_far_is_found)
{
	start(SUBJECTS, 10000);
	ck_assert_int_eq(load_slice(load), 1);
	ck_assert_uint_gt(gallery_stats(gallery).references, GALLERY_INTAKE_MAX / 2);
	ck_assert_uint_lt(gallery_stats(gallery).references, REFERENCES);
	ck_assert(finds(0, 0, NULL));
	ck_assert(!finds(SUBJECTS - 1, SUBJECTS - 1, NULL));
	/* But who says who they are is found in the file. */
	ck_assert(finds(SUBJECTS - 1, SUBJECTS - 1,
			&(struct ulid[]){ subject_of(129) }[0]));
	ck_assert_int_eq(load_all(), 0);
	ck_assert(finds(SUBJECTS - 1, SUBJECTS - 1, NULL));
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

START_TEST(the_loaded_gallery_answers_like_one_filled_by_hand)
{
	struct gallery_candidate by_hand[GALLERY_CANDIDATES_MAX];
	struct gallery *other;
	struct drawer *d = drawer_new();
	struct gallery_query q = { .probe = &features };
	size_t count = 0;

	start(SUBJECTS, 10000);
	other = gallery_new(10000, drawer_source(d));
	for (unsigned n = SUBJECTS; n-- > 0;)
		for (unsigned f = 0; f < FINGERS; f++) {
			const struct packed *p = f == 0 ? &own[n] : &strangers[f];
			const struct gallery_name name = { subject_of(n), f + 1, 0 };

			ck_assert_int_eq(drawer_add(d, other, &name, p->data, p->bytes),
					 0);
		}
	ck_assert_int_eq(load_all(), 0);
	for (unsigned n = 0; n < SUBJECTS; n += 20) {
		(void)finds(n, n, NULL);
		ck_assert_int_eq(gallery_search(other, &q, by_hand, &count), 0);
		ck_assert_uint_eq(count, found_count);
		ck_assert(same(found, by_hand, count));
	}
	gallery_free(other);
	drawer_free(d);
	finish();
}
END_TEST

static void
enrol_and_add(unsigned n, unsigned like)
{
	struct store_reference refs[FINGERS];

	enrol(n, like, refs);
	for (unsigned f = 0; f < FINGERS; f++) {
		const struct gallery_name name = { subject_of(n), refs[f].finger,
						   refs[f].key };

		ck_assert_int_eq(gallery_add(gallery, &name, refs[f].data, refs[f].bytes),
				 0);
	}
}

START_TEST(who_enrols_while_it_loads_is_there_once)
{
	start(SUBJECTS, 10000);
	ck_assert_int_eq(load_slice(load), 1);
	enrol_and_add(SUBJECTS, SUBJECTS);         /* somebody new */
	enrol_and_add(0, SUBJECTS + 1);            /* who is loaded, with other fingers */
	enrol_and_add(SUBJECTS - 1, SUBJECTS - 1); /* who is not */
	ck_assert_int_eq(load_all(), 0);
	ck_assert_uint_eq(gallery_stats(gallery).references, REFERENCES + FINGERS);
	ck_assert_uint_eq(gallery_stats(gallery).subjects, SUBJECTS + 1);
	ck_assert(finds(SUBJECTS, SUBJECTS, NULL));
	ck_assert(finds(SUBJECTS + 1, 0, NULL));
	ck_assert(!finds(0, 0, NULL));
	ck_assert(finds(SUBJECTS - 1, SUBJECTS - 1, NULL));
	ck_assert(finds(SUBJECTS - 2, SUBJECTS - 2, NULL));
	finish();
}
END_TEST

START_TEST(who_is_erased_while_it_loads_does_not_come_back)
{
	static const unsigned gone[] = { 0, 1, SUBJECTS - 1 };
	unsigned references = 0;

	start(SUBJECTS, 10000);
	ck_assert_int_eq(load_slice(load), 1);
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		ck_assert_int_eq(store_erase(store, subject_of(gone[i]), &references), 0);
		(void)gallery_remove(gallery, subject_of(gone[i])); /* loaded or not */
	}
	ck_assert_int_eq(load_all(), 0);
	ck_assert_uint_eq(gallery_stats(gallery).references, REFERENCES - 3 * FINGERS);
	ck_assert_uint_eq(gallery_stats(gallery).subjects, SUBJECTS - 3);
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		ck_assert(!finds(gone[i], gone[i], NULL));
	ck_assert(finds(2, 2, NULL));
	finish();
}
END_TEST

/* Erased from the file, and still in memory, as for a moment during every erasure. */
START_TEST(who_is_erased_from_the_file_is_not_found_in_memory)
{
	unsigned references = 0;

	start(3, 100);
	ck_assert_int_eq(load_all(), 0);
	ck_assert(finds(1, 1, NULL));
	ck_assert_int_eq(store_erase(store, subject_of(1), &references), 0);
	ck_assert(!finds(1, 1, NULL));
	ck_assert(!finds(1, 1, &(struct ulid[]){ subject_of(1) }[0]));
	ck_assert_uint_eq(gallery_stats(gallery).lost, 0); /* which is no damage */
	finish();
}
END_TEST

START_TEST(without_room_for_all_the_first_are_in_memory_and_the_others_by_name)
{
	const unsigned room = 500, inside = room / FINGERS;

	start(SUBJECTS, room);
	ck_assert_int_eq(load_all(), -ENOSPC);
	ck_assert_uint_eq(gallery_stats(gallery).references, room);
	ck_assert_uint_eq(load_counts(load).stored, REFERENCES);
	ck_assert(finds(inside - 1, inside - 1, NULL));
	ck_assert(!finds(inside, inside, NULL));
	ck_assert(finds(inside, inside, &(struct ulid[]){ subject_of(inside) }[0]));
	ck_assert_int_eq(load_slice(load), -ENOSPC); /* it stays so */
	ck_assert_uint_eq(gallery_stats(gallery).references, room);
	/* Somebody leaves, and the next one takes the room. */
	ck_assert_int_eq(store_erase(store, subject_of(3), &(unsigned){ 0 }), 0);
	ck_assert_uint_eq(gallery_remove(gallery, subject_of(3)), FINGERS);
	ck_assert_int_eq(load_all(), -ENOSPC);
	ck_assert_uint_eq(gallery_stats(gallery).references, room);
	ck_assert(finds(inside, inside, NULL));
	ck_assert(!finds(inside + 1, inside + 1, NULL));
	finish();
}
END_TEST

START_TEST(who_finds_no_room_when_enrolling_is_loaded_when_there_is_some)
{
	struct store_reference refs[FINGERS];

	start(3, 3 * FINGERS);
	ck_assert_int_eq(load_all(), 0);
	enrol(7, 7, refs);
	for (unsigned f = 0; f < FINGERS; f++) {
		const struct gallery_name name = { subject_of(7), refs[f].finger,
						   refs[f].key };

		ck_assert_int_eq(gallery_add(gallery, &name, refs[f].data, refs[f].bytes),
				 -ENOSPC);
	}
	ck_assert_uint_eq(gallery_stats(gallery).left_out, FINGERS);
	ck_assert(!finds(7, 7, NULL));
	ck_assert(finds(7, 7, &(struct ulid[]){ subject_of(7) }[0]));
	ck_assert_int_eq(load_slice(load), -ENOSPC);
	ck_assert_uint_eq(load_counts(load).stored, 4 * FINGERS);
	ck_assert_int_eq(store_erase(store, subject_of(0), &(unsigned){ 0 }), 0);
	ck_assert_uint_eq(gallery_remove(gallery, subject_of(0)), FINGERS);
	ck_assert_int_eq(load_all(), 0);
	ck_assert_uint_eq(gallery_stats(gallery).references, 3 * FINGERS);
	ck_assert_uint_eq(gallery_stats(gallery).left_out, 0);
	ck_assert(finds(7, 7, NULL));
	finish();
}
END_TEST

START_TEST(gaps_between_keys_are_stepped_over)
{
	start(SUBJECTS, 10000);
	raw("PRAGMA foreign_keys=OFF; DROP TRIGGER refs_are_not_changed;"
	    "DELETE FROM refs WHERE reference_id BETWEEN 11 AND 1290;"
	    "UPDATE refs SET reference_id = reference_id + 1000000000000"
	    " WHERE reference_id > 1290;"
	    "UPDATE refs SET reference_id = 9223372036854775806"
	    " WHERE reference_id = 1000000001300;"
	    "UPDATE refs SET reference_id = -5 WHERE reference_id = 5");
	ck_assert_int_eq(load_all(), 0);
	/* But for a key that nobody counts up to, and one below the first. */
	ck_assert_uint_eq(gallery_stats(gallery).references, 20 - 2);
	ck_assert(finds(SUBJECTS - 1, SUBJECTS - 1, NULL));
	finish();
}
END_TEST

START_TEST(damaged_rows_are_counted_and_passed_over)
{
	start(SUBJECTS, 10000);
	raw("DROP TRIGGER refs_are_not_changed;"
	    "UPDATE refs SET sealed = zeroblob(100) WHERE reference_id % 13 = 1");
	ck_assert_int_eq(load_all(), 0);
	ck_assert_uint_eq(load_counts(load).damaged, REFERENCES / 13);
	ck_assert_uint_eq(gallery_stats(gallery).references,
			  REFERENCES - REFERENCES / 13);
	ck_assert(!finds(0, 0, NULL));
	ck_assert(finds(1, 1, NULL));
	finish();
}
END_TEST

/* Well sealed, and no reference. */
START_TEST(what_is_no_reference_is_damaged)
{
	static const uint8_t junk[50] = { 1, 0xff };
	struct store_reference r = { 1, junk, sizeof(junk), 0 };

	start(2, 100);
	ck_assert_int_eq(store_enrol(store, subject_of(5), &consent, &r, 1), 0);
	ck_assert_int_eq(load_all(), 0);
	ck_assert_uint_eq(load_counts(load).damaged, 1);
	ck_assert_uint_eq(gallery_stats(gallery).references, 2 * FINGERS);
	finish();
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_an_error)
{
	start(SUBJECTS, 10000);
	ck_assert_int_eq(load_slice(load), 1);
	raw("PRAGMA foreign_keys=OFF; ALTER TABLE refs RENAME TO gone");
	ck_assert_int_lt(load_slice(load), 0);
	raw("ALTER TABLE gone RENAME TO refs");
	ck_assert_int_eq(load_all(), 0); /* goes on where it stopped */
	ck_assert_uint_eq(gallery_stats(gallery).references, REFERENCES);
	finish();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		all_are_loaded_and_found,
		nothing_is_loaded_from_an_empty_file,
		what_is_loaded_so_far_is_found,
		the_loaded_gallery_answers_like_one_filled_by_hand,
		who_enrols_while_it_loads_is_there_once,
		who_is_erased_while_it_loads_does_not_come_back,
		who_is_erased_from_the_file_is_not_found_in_memory,
		without_room_for_all_the_first_are_in_memory_and_the_others_by_name,
		who_finds_no_room_when_enrolling_is_loaded_when_there_is_some,
		gaps_between_keys_are_stepped_over,
		damaged_rows_are_counted_and_passed_over,
		what_is_no_reference_is_damaged,
		a_file_that_cannot_be_read_is_an_error,
	};

	make_all();
	return unit_run("load", tests, sizeof(tests) / sizeof(tests[0]));
}
