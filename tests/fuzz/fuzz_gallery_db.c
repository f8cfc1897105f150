/*
 * A damaged or hostile gallery.db: opened, read as the gallery's workers do, written on and erased
 * from; no template comes out altered.
 */
#include "bio/store_fetch.h"
#include "bio/store_record.h"

#include "base/crypto.h"

#include "fuzz/db_file.h"

#define SUBJECTS 3u
#define BYTES 200u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[CRYPTO_KEY_BYTES] = { 1 };

static struct store_options
options(void)
{
	return (struct store_options){ db_file_dir, "test", key };
}

/* One decision with all that is kept of it. */
static int
decide(struct store *s)
{
	static const struct finger_features f = { .count = REPLAY_POINTS_MIN };
	static const struct guard guard = { 3, 1, 1 };
	static const struct record_counts add = { .bins = { { 1 } } };
	struct store_decision d = { .row = { .time_ms = RECORD_PERIOD_MS,
					     .why = WHY_ABOVE,
					     .subject = { { 1 } } },
				    .add = &add,
				    .guard = &guard,
				    .capture = &f };

	return store_decision(s, &d);
}

/* Whatever is in the record: what comes out of it is within its limits. */
static void
read_record(struct store *s)
{
	static const struct finger_features f = { .count = REPLAY_POINTS_MIN };
	struct record_counts counts;
	struct store_summary sum;
	struct guard guard;
	int evidence = 0;

	if (store_guard(s, &guard) == 0)
		require(guard.level <= GUARD_LEVEL_MAX);
	if (store_counts(s, RECORD_PERIOD_MS, &counts) == 0)
		(void)record_fpir(counts.bins[RECORD_SEARCH], 1e-3); /* it must end */
	(void)store_summary(s, 0, &sum); /* any answer will do; it must come back */
	(void)store_replay(s, (struct ulid){ { 1 } }, &f, &evidence); /* the same */
	require(evidence <= (int)REPLAY_POINTS * REPLAY_EVIDENCE_MET);
	(void)decide(s); /* the same */
}

static void
prepare(void)
{
	static const struct store_consent consent = { .text_version = "v",
						      .language = "en",
						      .purposes = PURPOSE_IDENTIFY,
						      .retention_days = 1 };
	struct store_options o;
	struct store *s = NULL;
	uint8_t plain[BYTES];
	char why[256];

	db_file_start("gallery.db");
	o = options();
	require(store_open(&o, &s, why) == 0);
	for (unsigned n = 0; n < SUBJECTS; n++) {
		struct store_reference r = { 2, plain, sizeof(plain), 0 };

		memset(plain, (int)n + 1, sizeof(plain));
		require(store_enrol(s, (struct ulid){ { (uint8_t)(n + 1) } }, &consent,
				    &r, 1) == 0);
	}
	require(decide(s) == 0);
	store_close(s);
	db_file_keep();
}

/* Whatever happened to the file: what opens is what was sealed for this subject and finger. */
static void
see(void *ctx, const struct gallery_name *name, const uint8_t *data, size_t bytes)
{
	(void)ctx;
	require(name->subject.b[0] >= 1 && name->subject.b[0] <= SUBJECTS);
	require(name->finger == 2 && bytes == BYTES);
	for (size_t i = 0; i < bytes; i++)
		require(data[i] == name->subject.b[0]);
}

/* As the gallery's workers read it; how many rows there are may be wrong, but never endless. */
static void
read_as_workers(struct store *s)
{
	struct store_range range = { 0, 64, see, NULL };
	struct store_readers *r = NULL;
	uint64_t damaged = 0, number = 0;
	struct gallery_source source;

	if (store_readers_new(s, &r) < 0)
		return;
	source = store_readers_source(r);
	(void)store_readers_count(r, 0,
				  &number); /* any answer will do; it must come back */
	(void)store_readers_range(r, 1, &range, &damaged);
	(void)store_readers_next(r, 1, 1, &number);
	for (unsigned n = 1; n <= SUBJECTS; n++) {
		struct gallery_name names[GALLERY_FINGERS_MAX];
		uint8_t plain[REFERENCE_BYTES_MAX];
		int count =
			source.list(source.ctx, (struct ulid){ { (uint8_t)n } }, names);

		for (int i = 0; i < count; i++) {
			size_t bytes = 0;

			if (source.fetch(source.ctx, n % WORKERS_MAX, &names[i], plain,
					 &bytes) == 0)
				see(NULL, &names[i], plain, bytes);
		}
	}
	store_readers_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_options o;
	struct store *s = NULL;
	unsigned references = 0;
	char why[256] = "";
	int rc;

	if (db_file_good_bytes == 0)
		prepare();
	o = options();
	db_file_damage(data, size);
	rc = store_open(&o, &s, why);
	require((rc == 0) == (s != NULL));
	require(rc == 0 || why[0] != '\0');
	if (rc == 0)
		read_record(s);
	if (rc == 0)
		read_as_workers(s);
	if (rc == 0) /* any answer will do; it must come back */
		(void)store_erase(s, (struct ulid){ { 1 } }, &references);
	store_close(s);
	return 0;
}
