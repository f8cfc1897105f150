#include "adapter/place.h"

#include "base/crypto.h"
#include "laned/adapter.h"

#include <string.h>

#define PART_BYTES (CRYPTO_SHA256_BYTES + ADAPTER_PATH_BYTES)

/* The digest goes on with one more text. 0 or a negative errno. */
static int
add(uint8_t digest[CRYPTO_SHA256_BYTES], const char *text)
{
	uint8_t part[PART_BYTES];
	size_t n = strlen(text);

	if (n > ADAPTER_PATH_BYTES)
		n = ADAPTER_PATH_BYTES;
	memcpy(part, digest, CRYPTO_SHA256_BYTES);
	memcpy(part + CRYPTO_SHA256_BYTES, text, n);
	return crypto_sha256(part, CRYPTO_SHA256_BYTES + n, digest);
}

void
adapter_place(const struct adapter_conf *c, char ret_hex[ADAPTER_PLACE_BYTES])
{
	const struct adapter_endpoints *e = adapter_conf_endpoints(c);
	uint8_t digest[CRYPTO_SHA256_BYTES] = { 0 };
	struct adapter_option o;
	int rc = add(digest, e->pos);

	if (rc == 0)
		rc = add(digest, e->terminal);
	for (size_t i = 0; rc == 0 && adapter_conf_option_at(c, i, &o) == 0; i++) {
		if (o.type != LANED_OPT_DIR && o.type != LANED_OPT_ADDRESS)
			continue;
		rc = add(digest, o.name);
		if (rc == 0)
			rc = add(digest, o.text);
	}
	if (rc < 0 || hex_encode(ret_hex, ADAPTER_PLACE_BYTES, digest,
				 (ADAPTER_PLACE_BYTES - 1) / 2) < 0)
		ret_hex[0] = '\0';
}
