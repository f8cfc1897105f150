/*
 * A damaged or hostile gallery.db: opened, read, written on and erased from; no template comes out
 * altered.
 */
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
	static const struct finger_features f = { .count = REPLAY_MARKS_MIN };
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
	static const struct finger_features f = { .count = REPLAY_MARKS_MIN };
	struct record_counts counts;
	struct store_summary sum;
	struct guard guard;
	unsigned percent = 0;

	if (store_guard(s, &guard) == 0)
		require(guard.level <= GUARD_LEVEL_MAX);
	if (store_counts(s, RECORD_PERIOD_MS, &counts) == 0)
		(void)record_fpir(counts.bins[RECORD_SEARCH], 1e-3); /* it must end */
	(void)store_summary(s, 0, &sum); /* any answer will do; it must come back */
	(void)store_replay(s, (struct ulid){ { 1 } }, &f, &percent); /* the same */
	require(percent <= 100);
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
		struct store_reference r = { 2, plain, sizeof(plain) };

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
see(void *ctx, struct ulid subject, uint32_t finger, const uint8_t *data, size_t bytes)
{
	(void)ctx;
	require(subject.b[0] >= 1 && subject.b[0] <= SUBJECTS && finger == 2);
	require(bytes == BYTES);
	for (size_t i = 0; i < bytes; i++)
		require(data[i] == subject.b[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_cursor cursor = { 0, 0 };
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
	for (unsigned i = 0; rc == 0 && i < 100; i++)
		if (store_read(s, &cursor, 2, see, NULL) != 1)
			break;
	if (rc == 0)
		read_record(s);
	if (rc == 0) /* any answer will do; it must come back */
		(void)store_erase(s, (struct ulid){ { 1 } }, &references);
	store_close(s);
	return 0;
}
