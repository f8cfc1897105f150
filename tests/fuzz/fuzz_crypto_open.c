/*
 * Sealed and wrapped bytes from a damaged disk: no crash, nothing half open; and what is sealed
 * opens again, but not with a byte changed.
 */
#include "base/crypto.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct crypto_aad aad = { "fuzz", 4 };

static void
must(bool fact)
{
	if (!fact)
		abort();
}

static void
check_open(const uint8_t key[CRYPTO_KEY_BYTES], const uint8_t *data, size_t size)
{
	uint8_t *plain = malloc(size + 1);
	struct str sealed = { (const char *)data, size };
	int rc;

	must(plain != NULL);
	memset(plain, 0xa5, size + 1);
	rc = crypto_open(key, aad, sealed, plain, size);
	must(rc == 0 || rc == -EBADMSG || rc == -ENOTSUP);
	must(plain[size] == 0xa5);
	for (size_t i = 0; rc == -EBADMSG && i + CRYPTO_SEAL_OVERHEAD < size; i++)
		must(plain[i] == 0);
	free(plain);
}

static void
check_unwrap(const uint8_t key[CRYPTO_KEY_BYTES], const uint8_t *data, size_t size)
{
	uint8_t wrapped[CRYPTO_WRAPPED_BYTES] = { 0 }, unwrapped[CRYPTO_KEY_BYTES];
	int rc;

	memcpy(wrapped, data, size < sizeof(wrapped) ? size : sizeof(wrapped));
	rc = crypto_unwrap(key, aad, wrapped, unwrapped);
	must(rc == 0 || rc == -EBADMSG || rc == -ENOTSUP);
}

static void
check_seal(const uint8_t key[CRYPTO_KEY_BYTES], const uint8_t *data, size_t size)
{
	size_t n = size + CRYPTO_SEAL_OVERHEAD;
	uint8_t *sealed = malloc(n), *plain = malloc(size + 1);
	struct str text = { (const char *)sealed, n };

	must(sealed != NULL && plain != NULL);
	must(crypto_seal(key, aad, (struct str){ (const char *)data, size }, sealed, n) ==
	     0);
	must(crypto_open(key, aad, text, plain, size) == 0);
	must(size == 0 || memcmp(plain, data, size) == 0);
	sealed[size == 0 ? n - 1 : 1 + data[0] % (n - 1)] ^= 0x10;
	must(crypto_open(key, aad, text, plain, size) == -EBADMSG);
	free(sealed);
	free(plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t key[CRYPTO_KEY_BYTES];
	static const uint8_t none[1];

	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = i;
	if (size == 0)
		data = none;
	check_open(key, data, size);
	check_unwrap(key, data, size);
	check_seal(key, data, size);
	return 0;
}
