#ifndef LANED_BIO_KEYRING_H
#define LANED_BIO_KEYRING_H

#include "base/crypto.h"

#include <stdbool.h>

/*
 * Data keys of subjects that a claim has just opened, in locked memory, until it is over. The store
 * puts them in; whoever reads the store asks here first. Any thread may ask at any time.
 */
#define KEYRING_MAX 16u
struct keyring;

/* NULL: no memory. */
struct keyring *keyring_new(void);
struct keyring *keyring_free(struct keyring *k);

/* In place of an earlier one of this subject, or of the oldest when there is no room. */
void keyring_put(struct keyring *k, struct ulid subject,
		 const uint8_t key[CRYPTO_KEY_BYTES]);
/* False: there is none, and ret_key is as it was. To be zeroised by the caller. */
bool keyring_get(struct keyring *k, struct ulid subject,
		 uint8_t ret_key[CRYPTO_KEY_BYTES]);
/* Forgets all. */
void keyring_clear(struct keyring *k);

#endif
