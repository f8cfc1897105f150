#ifndef LANED_LANE_RECEIPT_KEYS_H
#define LANED_LANE_RECEIPT_KEYS_H

#include "lane/receipts.h"

/*
 * The lists of public keys that receipt codes are believed by: the configured one, this lane's former
 * keys (<state>/receipt.former), and those that it distrusts (<state>/receipt.distrusted), which are
 * believed nowhere, whatever list they stand in. Each file is kept in memory and read again when it
 * has changed. Blocks on small files.
 */
struct receipt_keys;

/* 0; -ENAMETOOLONG; -ENOMEM. */
int receipt_keys_new(const char *folder, const char *list,
		     struct receipt_keys **ret_keys);
struct receipt_keys *receipt_keys_free(struct receipt_keys *k);

/*
 * Calls each for the former keys and those of the list; nonzero stops. 0; what each said; -EBADMSG a
 * file has an error: *why names file and line, and the keys before it were told; -ENOMEM, errno: why
 * says which file. When the distrusted ones cannot be read, no key is told.
 */
int receipt_keys_each(struct receipt_keys *k,
		      int (*each)(void *ctx, const struct receipts_key *key), void *ctx,
		      char why[RECEIPTS_WHY_BYTES]);
/* A key of this lane's that is not used any more has this id. */
bool receipt_keys_was_own(struct receipt_keys *k, const uint8_t id[RECEIPT_KEY_ID_BYTES]);
/* Adds a key of this lane's to the former ones or to the distrusted ones; durable. 0 or errno. */
int receipt_keys_add(struct receipt_keys *k, const struct receipts_key *own,
		     bool distrusted);
/* How often a file was read. */
uint64_t receipt_keys_reads(const struct receipt_keys *k);

/* The id of a public key. 0 or -ENOMEM. */
int receipt_keys_id(const uint8_t public_key[CRYPTO_PUBLIC_BYTES],
		    uint8_t id[RECEIPT_KEY_ID_BYTES]);

#endif
