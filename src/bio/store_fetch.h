#ifndef LANED_BIO_STORE_FETCH_H
#define LANED_BIO_STORE_FETCH_H

#include "bio/gallery/gallery.h"
#include "bio/gallery/workers.h"
#include "bio/store.h"

/*
 * gallery.db for the gallery's workers: a read-only connection for each of them, beside the one
 * that writes. Between two calls none of them holds a read transaction, so that what is erased can
 * leave the file at once. Memory is taken when they are made; reading allocates nothing, where
 * store_memory_keep was called. A worker's calls come from one thread at a time.
 */
struct store_readers;

/* The store stays open for their life. 0; -ENOMEM; otherwise as store_open. */
int store_readers_new(struct store *s, struct store_readers **ret_readers);
struct store_readers *store_readers_free(struct store_readers *r);

/*
 * As a source of the gallery; ctx is r. What it gives was sealed for the subject and the finger it
 * was asked for. -ENOENT no such row; -EBADMSG it cannot be opened; or a negative errno.
 */
struct gallery_source store_readers_source(struct store_readers *r);

/*
 * Opens the references whose keys lie in first..first + count - 1, in key order, and hands them to
 * fn (plain text valid during the call only). *ret_damaged is raised for each that cannot be
 * opened. How many rows there were, or a negative errno; then some may have been handed out.
 */
typedef void (*store_range_fn)(void *ctx, const struct gallery_name *name,
			       const uint8_t *data, size_t bytes);
struct store_range {
	uint64_t first, count;
	store_range_fn fn;
	void *ctx;
};
int store_readers_range(struct store_readers *r, unsigned worker,
			const struct store_range *range, uint64_t *ret_damaged);

/* The least key that is not below first. 0; -ENOENT there is none; or a negative errno. */
int store_readers_next(struct store_readers *r, unsigned worker, uint64_t first,
		       uint64_t *ret_key);

/* How many references there are. 0 or a negative errno. Walks an index: 50 ms for a million. */
int store_readers_count(struct store_readers *r, unsigned worker, uint64_t *ret_count);

#endif
