#ifndef LANED_BASE_PLAIN_ARENA_H
#define LANED_BASE_PLAIN_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A bounded bump allocator: one request's memory, freed at once. Not thread-safe; one owner.
 */
struct arena;

/*
 * Makes an arena that hands out at most bytes_max bytes in all. NULL: no memory.
 */
struct arena *arena_new(size_t bytes_max);

/*
 * Makes room for so many bytes at once, which an empty arena keeps through arena_reset(): one that
 * is used again and again then asks for memory no more. false: no memory, nothing changed.
 */
bool arena_reserve(struct arena *a, size_t bytes);

/*
 * bytes of zeroed memory aligned for any type, valid until arena_reset or arena_free. NULL when
 * the limit is reached or memory ran out. bytes 0 gives a valid pointer.
 */
void *arena_alloc(struct arena *a, size_t bytes);

/* count * bytes with the product checked; otherwise as arena_alloc. */
void *arena_array(struct arena *a, size_t count, size_t bytes);

/* A NUL-terminated copy of n bytes at p (which may contain NUL). NULL as arena_alloc. */
char *arena_strndup(struct arena *a, const char *p, size_t n);

/* Bytes handed out since the last reset, padding included. */
size_t arena_used(const struct arena *a);

/* Forgets every allocation; zeroes what was used. */
void arena_reset(struct arena *a);

/* Zeroes and frees. arena_free(NULL) is fine; returns NULL. */
struct arena *arena_free(struct arena *a);

#endif
