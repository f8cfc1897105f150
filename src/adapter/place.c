#include "adapter/place.h"

#include "base/crypto.h"
#include "laned/adapter.h"

#include <string.h>

/* The digest goes on with one more text. 0 or a negative errno. */
static int
add(uint8_t digest[CRYPTO_SHA256_BYTES], const char *text)
{
	uint8_t both[2][CRYPTO_SHA256_BYTES];
	struct str s = str_of(text);
	int rc = crypto_sha256(s.p, s.n, both[1]);

	memcpy(both[0], digest, sizeof(both[0]));
	return rc < 0 ? rc : crypto_sha256(both, sizeof(both), digest);
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
