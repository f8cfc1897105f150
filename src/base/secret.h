#ifndef LANED_BASE_SECRET_H
#define LANED_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes that must not leak: templates, images, keys. Memory of its own pages, locked where the
 * limit allows, never in a core dump, not inherited by fork, zeroised when freed. There is no way
 * to print one.
 */
struct secret;

/* bytes > 0, zeroed. 0 or -ENOMEM. A refused mlock is no error: secret_unlocked_bytes tells. */
int secret_new(size_t bytes, struct secret **ret_secret);
/* Zeroises, unlocks, unmaps. NULL is fine; returns NULL. */
struct secret *secret_free(struct secret *s);
uint8_t *secret_bytes(struct secret *s);
const uint8_t *secret_bytes_const(const struct secret *s);
size_t secret_size(const struct secret *s);

/*
 * Reads a whole file of 1..bytes_max bytes. 0; negative errno of open/read; -EFBIG too long;
 * -ENODATA empty; -EPERM the file is readable by group or others and private_only is set.
 */
int secret_read_file(const char *path, size_t bytes_max, bool private_only,
		     struct secret **ret_secret);

/* Compares in constant time; false when sizes differ. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Zeroes n bytes; the compiler cannot drop it. */
void secret_zero(void *p, size_t n);

/*
 * A bare zeroed region with the same protection, for large arrays (galleries, working memory).
 * NULL: no memory. secret_region_free needs the same size; NULL is fine.
 */
void *secret_region_new(size_t bytes);
void secret_region_free(void *region, size_t bytes);

/* Bytes of live secrets that could not be locked (0 = all are). For `doctor`. */
size_t secret_unlocked_bytes(void);

#endif
