#ifndef LANED_TESTS_UNIT_STORE_KIT_H
#define LANED_TESTS_UNIT_STORE_KIT_H

#include "bio/store.h"

/*
 * Reads the references in key order, at most count_max from the one after cursor->key (0 = the
 * first), and hands each to fn. A row that cannot be opened is counted in cursor->damaged and
 * passed over. 1 more to come, 0 the end, or a negative errno.
 */
struct store_cursor {
	uint64_t key;
	uint64_t damaged;
};
int store_read(struct store *s, struct store_cursor *cursor, unsigned count_max,
	       store_reference_fn fn, void *ctx);

#endif
