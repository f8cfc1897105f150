#ifndef LANED_BIO_STORE_PRIVATE_H
#define LANED_BIO_STORE_PRIVATE_H

/* What store.c (subjects, consents, references) and store_record.c (decisions) share. */
#include "base/crypto.h"
#include "base/db.h"
#include "bio/keyring.h"
#include "bio/store.h"

#include <pthread.h>

/* Plain text on its way in or out: locked memory. */
struct scratch {
	uint8_t key[CRYPTO_KEY_BYTES];
	uint8_t plain[REFERENCE_BYTES_MAX];
};

#define STORE_SEALED_BYTES_MAX (REFERENCE_BYTES_MAX + CRYPTO_SEAL_OVERHEAD)
#define STORE_AAD_BYTES 64u
#define STORE_PATH_BYTES 512u

struct store {
	char path[STORE_PATH_BYTES];
	struct db *db;
	struct scratch *scratch;
	const uint8_t *key;
	struct keyring *ring; /* subjects' keys that a claim opened */
	struct ulid id;       /* of this gallery: bound into every sealed row */
	uint64_t rows;        /* decisions written since it was opened */
	bool unclean;         /* what was erased may still lie in the log */
	/* Held by readers of ours while they read: whoever empties the log comes before new ones. */
	pthread_rwlock_t gate;
};

/* What binds a wrapped key to its subject, and a sealed reference to its subject and finger. */
struct crypto_aad store_key_aad(uint8_t buf[STORE_AAD_BYTES], struct ulid gallery,
				struct ulid subject);
struct crypto_aad store_reference_aad(uint8_t buf[STORE_AAD_BYTES], struct ulid gallery,
				      struct ulid subject, uint32_t finger);

/*
 * The subject's data key, to be zeroised. 0; -ENOENT no such subject; -EBADMSG cannot be opened;
 * -ENOTSUP it wants a claim, and none has opened it.
 */
int store_subject_key(struct store *s, struct ulid subject,
		      uint8_t ret_key[CRYPTO_KEY_BYTES]);

/* store_claim.c: the claims of a subject in place of those before, and which key they open. */
int store_claims_put(struct store *s, struct ulid subject,
		     const struct store_claims *claims,
		     const uint8_t key[CRYPTO_KEY_BYTES]);
/*
 * The key that one of the claims opens. 0; -ENOENT there is none to be opened by a claim;
 * -EKEYREJECTED none of these does.
 */
int store_claims_open(struct store *s, struct ulid subject,
		      const struct store_claims *claims,
		      uint8_t ret_key[CRYPTO_KEY_BYTES]);

#endif
