/* A damaged or hostile gallery.db: opened, read and erased from; no template comes out altered. */
#include "bio/store.h"

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
	if (rc == 0) /* any answer will do; it must come back */
		(void)store_erase(s, (struct ulid){ { 1 } }, &references);
	store_close(s);
	return 0;
}
