#include "base/plain/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES_MIN ((size_t)4096)
#define CHUNK_BYTES_GROW_MAX ((size_t)1 << 20)
#define CHUNK_BYTES_KEPT_MAX                                                             \
	((size_t)64 << 10) /* by arena_reset, when there are larger ones */
#define ALIGN_BYTES alignof(max_align_t)

struct chunk {
	struct chunk *older;
	size_t bytes, used;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct chunk *newest;
	size_t used, bytes_max;
};

static struct chunk *
chunk_free(struct chunk *c)
{
	struct chunk *older = c->older;

	explicit_bzero(c->data, c->used);
	free(c);
	return older;
}

/* Adds a chunk of at least bytes; later chunks are larger, so that big trees need few. */
static struct chunk *
chunk_add(struct arena *a, size_t bytes)
{
	size_t size = CHUNK_BYTES_MIN;
	struct chunk *c;

	if (a->newest != NULL && a->newest->bytes < CHUNK_BYTES_GROW_MAX)
		size = 2 * a->newest->bytes;
	else if (a->newest != NULL)
		size = CHUNK_BYTES_GROW_MAX;
	if (size > a->bytes_max - a->used)
		size = a->bytes_max - a->used;
	if (size < bytes)
		size = bytes;
	if (size > SIZE_MAX - sizeof(*c))
		return NULL;
	c = calloc(1, sizeof(*c) + size);
	if (c == NULL)
		return NULL;
	c->older = a->newest;
	c->bytes = size;
	a->newest = c;
	return c;
}

struct arena *
arena_new(size_t bytes_max)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a != NULL)
		a->bytes_max = bytes_max;
	return a;
}

bool
arena_reserve(struct arena *a, size_t bytes)
{
	struct chunk *c = a->newest;

	if (c != NULL && bytes <= c->bytes - c->used)
		return true;
	return bytes <= a->bytes_max - a->used && chunk_add(a, bytes) != NULL;
}

void *
arena_alloc(struct arena *a, size_t bytes)
{
	struct chunk *c = a->newest;
	size_t padded = bytes == 0 ? ALIGN_BYTES : bytes;
	void *p;

	assert(a->used <= a->bytes_max);
	if (padded > SIZE_MAX - (ALIGN_BYTES - 1))
		return NULL;
	padded = (padded + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
	if (padded > a->bytes_max - a->used)
		return NULL;
	if (c == NULL || padded > c->bytes - c->used) {
		c = chunk_add(a, padded);
		if (c == NULL)
			return NULL;
	}
	p = c->data + c->used;
	c->used += padded;
	a->used += padded;
	return p;
}

void *
arena_array(struct arena *a, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total))
		return NULL;
	return arena_alloc(a, total);
}

char *
arena_strndup(struct arena *a, const char *p, size_t n)
{
	char *copy;

	if (n == SIZE_MAX)
		return NULL;
	copy = arena_alloc(a, n + 1);
	if (copy != NULL && n > 0)
		memcpy(copy, p, n);
	return copy;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}

/* What stays for the next request: the oldest chunk, or a larger one that is no burden. */
static struct chunk *
chunk_to_keep(const struct arena *a)
{
	struct chunk *keep = NULL;

	for (struct chunk *c = a->newest; c != NULL; c = c->older)
		if ((c->bytes <= CHUNK_BYTES_KEPT_MAX || c->older == NULL) &&
		    (keep == NULL || c->bytes > keep->bytes))
			keep = c;
	return keep;
}

void
arena_reset(struct arena *a)
{
	struct chunk *keep = chunk_to_keep(a);

	while (a->newest != keep)
		a->newest = chunk_free(a->newest);
	while (keep != NULL && keep->older != NULL)
		keep->older = chunk_free(keep->older);
	if (keep != NULL) {
		explicit_bzero(keep->data, keep->used);
		keep->used = 0;
	}
	a->used = 0;
}

struct arena *
arena_free(struct arena *a)
{
	if (a == NULL)
		return NULL;
	while (a->newest != NULL)
		a->newest = chunk_free(a->newest);
	free(a);
	return NULL;
}
