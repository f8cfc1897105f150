/*
 * A search allocates nothing, from the probe to the candidates: not the gallery, nor SQLite nor
 * OpenSSL while the short list is fetched. This program counts its own allocations and those of
 * the libraries. Under a sanitizer or valgrind it cannot: there the searches only run.
 */
#include "bio/load.h"
#include "bio/store_memory.h"

#include "base/crypto.h"
#include "synth/synth.h"

#include "tempdir.h"
#include "unit.h"

#include <sqlite3.h>
#include <stdatomic.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WRAPPED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||               \
	__has_feature(memory_sanitizer)
#define WRAPPED 0
#endif
#endif
#ifndef WRAPPED
#define WRAPPED 1
#endif

#define SUBJECTS 200u
#define FINGERS 2u /* more references than a short list takes, so that there is a scan */
#define SEARCHES 20u

static atomic_bool counting;
static atomic_long allocations;

#if WRAPPED
/* The libraries must find these, whatever visibility the build gives its own functions. */
#define SEEN __attribute__((visibility("default")))

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);

SEEN void *
malloc(size_t n)
{
	allocations += atomic_load(&counting);
	return __libc_malloc(n);
}

SEEN void *
calloc(size_t count, size_t n)
{
	allocations += atomic_load(&counting);
	return __libc_calloc(count, n);
}

SEEN void *
realloc(void *p, size_t n)
{
	allocations += atomic_load(&counting);
	return __libc_realloc(p, n);
}
#endif

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
static struct finger_features features;
static struct gallery_candidate found[GALLERY_CANDIDATES_MAX];

static struct ulid
subject_of(unsigned n)
{
	return (struct ulid){ { (uint8_t)(n + 1), 1 } };
}

static uint64_t
seed_of(unsigned n, unsigned finger)
{
	return 51000u + n * FINGERS + finger;
}

static void
enrol(unsigned n)
{
	static uint8_t packed[FINGERS][REFERENCE_BYTES_MAX];
	const struct finger_features *one[] = { &features };
	struct store_reference refs[FINGERS];

	for (unsigned f = 0; f < FINGERS; f++) {
		refs[f] = (struct store_reference){ f + 1, packed[f], 0, 0 };
		ck_assert_int_eq(synth_features(seed_of(n, f), 0, NULL, &features), 0);
		ck_assert_int_eq(reference_make(one, 1, packed[f], &refs[f].bytes), 0);
	}
	ck_assert_int_eq(store_enrol(store, subject_of(n), &consent, refs, FINGERS), 0);
}

/* The readers as a source that tells which worker has fetched. */
static struct gallery_source source;
static atomic_uint fetched[WORKERS_MAX];

static int
fetch(void *ctx, unsigned worker, const struct gallery_name *name,
      uint8_t buf[REFERENCE_BYTES_MAX], size_t *ret_bytes)
{
	atomic_fetch_add(&fetched[worker], 1);
	return source.fetch(ctx, worker, name, buf, ret_bytes);
}

/* Both connections read everything once: which worker does how much of a search is chance. */
static void
fill_caches(void)
{
	static uint8_t packed[REFERENCE_BYTES_MAX];
	struct gallery_name names[GALLERY_FINGERS_MAX];
	size_t bytes;

	for (unsigned worker = 0; worker < WORKERS_MAX; worker++) {
		for (unsigned n = 0; n < SUBJECTS; n++) {
			int count = source.list(source.ctx, subject_of(n), names);

			ck_assert_int_eq(count, FINGERS);
			for (int i = 0; i < count; i++)
				ck_assert_int_eq(source.fetch(source.ctx, worker,
							      &names[i], packed, &bytes),
						 0);
		}
	}
}

static void
start(void)
{
	struct store_options o = { dir, "test", key };
	struct gallery_source counted;
	struct load *load;
	int rc;

	tempdir_make(dir);
	ck_assert_int_eq(store_open(&o, &store, why), 0);
	for (unsigned n = 0; n < SUBJECTS; n++)
		enrol(n);
	ck_assert_int_eq(store_readers_new(store, &readers), 0);
	source = store_readers_source(readers);
	fill_caches();
	counted = source;
	counted.fetch = fetch;
	gallery = gallery_new(1000, &counted);
	load = load_new(readers, gallery);
	do {
		rc = load_slice(load);
	} while (rc > 0);
	ck_assert_int_eq(rc, 0);
	load_free(load);
}

static void
finish(void)
{
	gallery = gallery_free(gallery);
	readers = store_readers_free(readers);
	store = store_close(store);
	tempdir_remove(dir);
}

/* Searches for subject n among all, or for a claim; what it allocated. */
static long
search(unsigned n, const struct ulid *subjects, size_t subjects_count)
{
	struct gallery_query q = { .probe = &features,
				   .subjects = subjects,
				   .subjects_count = subjects_count };
	size_t count = 0;
	int rc;

	ck_assert_int_eq(synth_features(seed_of(n, n % FINGERS), 1, NULL, &features), 0);
	allocations = 0;
	counting = true;
	rc = gallery_search(gallery, &q, found, &count);
	counting = false;
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_ge(count, 1);
	ck_assert(ulid_eq(found[0].subject, subject_of(n)));
	return allocations;
}

/* The first call of a thread makes what OpenSSL keeps for it. */
static void
rouse_workers(void)
{
	for (unsigned worker = 0; worker < WORKERS_MAX; worker++) {
		atomic_store(&fetched[worker], 0);
		while (atomic_load(&fetched[worker]) == 0)
			(void)search(0, NULL, 0);
	}
}

START_TEST(the_counter_counts)
{
	void *p;

	allocations = 0;
	counting = true;
	p = sqlite3_malloc(100000);
	counting = false;
	sqlite3_free(p);
	ck_assert_int_eq(allocations > 0, WRAPPED);
}
END_TEST

START_TEST(a_search_allocates_nothing)
{
	struct ulid claim[3] = { subject_of(1), subject_of(2), subject_of(3) };

	start();
	rouse_workers();
	for (unsigned n = 0; n < SEARCHES; n++)
		ck_assert_int_eq(search(n, NULL, 0), 0);
	for (unsigned n = 1; n <= 3; n++)
		ck_assert_int_eq(search(n, claim, 3), 0);
	ck_assert_uint_eq(gallery_stats(gallery).lost, 0);
	finish();
}
END_TEST

START_TEST(nor_one_after_the_file_has_changed)
{
	start();
	rouse_workers();
	for (unsigned n = 2; n < SEARCHES; n++) {
		enrol(SUBJECTS + n);
		if (n % 5 == 0)
			ck_assert_int_eq(store_erase(store, subject_of(SUBJECTS + n),
						     &(unsigned){ 0 }),
					 0);
		ck_assert_int_eq(search(n, NULL, 0), 0);
	}
	ck_assert_uint_eq(gallery_stats(gallery).lost, 0);
	finish();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { the_counter_counts, a_search_allocates_nothing,
				       nor_one_after_the_file_has_changed };

	store_memory_keep();
	return unit_run("search_memory", tests, sizeof(tests) / sizeof(tests[0]));
}
