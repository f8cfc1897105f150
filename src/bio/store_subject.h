#ifndef LANED_BIO_STORE_SUBJECT_H
#define LANED_BIO_STORE_SUBJECT_H

#include "bio/store.h"

/*
 * Opens the references of one subject in the order of their storing and hands them to fn (plain
 * text valid during the call only). *ret_damaged: how many could not be opened. 0; -ENOENT no such
 * subject; -EBADMSG its key cannot be opened; or a negative errno. Blocks on disk, for a few rows.
 */
int store_references(struct store *s, struct ulid subject, store_reference_fn fn,
		     void *ctx, unsigned *ret_damaged);

#endif
