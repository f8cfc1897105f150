#ifndef LANED_CTL_KEYED_H
#define LANED_CTL_KEYED_H

#include "base/plain/str.h"

/*
 * A table from texts to values of one size, all zero at first, with a limit. Values stay where they
 * are until it is freed.
 */
struct keyed;

/* NULL: no memory. */
struct keyed *keyed_new(size_t value_bytes, uint32_t count_max);
/* The value of a key, or NULL when it is not there. */
void *keyed_find(const struct keyed *k, struct str key);
/* The same; made when it is not there. NULL: no memory, or count_max are there. */
void *keyed_get(struct keyed *k, struct str key);
/* In the order in which they were made. */
uint32_t keyed_count(const struct keyed *k);
void *keyed_at(const struct keyed *k, uint32_t i, struct str *ret_key);
struct keyed *keyed_free(struct keyed *k);

#endif
