#ifndef LANED_BIO_STORE_PRIVATE_H
#define LANED_BIO_STORE_PRIVATE_H

/* What store.c (subjects, consents, references) and store_record.c (decisions) share. */
#include "base/crypto.h"
#include "base/db.h"
#include "bio/store.h"

/* Plain text on its way in or out: locked memory. */
struct scratch {
	uint8_t key[CRYPTO_KEY_BYTES];
	uint8_t plain[REFERENCE_BYTES_MAX];
};

struct store {
	struct db *db;
	struct scratch *scratch;
	const uint8_t *key;
	struct ulid id; /* of this gallery: bound into every sealed row */
	uint64_t rows;  /* decisions written since it was opened */
};

/* The subject's data key, to be zeroised. 0; -ENOENT no such subject; -EBADMSG cannot be opened. */
int store_subject_key(struct store *s, struct ulid subject,
		      uint8_t ret_key[CRYPTO_KEY_BYTES]);

#endif
