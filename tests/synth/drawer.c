#include "synth/drawer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64u

struct sheet {
	struct ulid subject;
	uint32_t finger;
	size_t bytes; /* 0: taken away */
	uint8_t *data;
};

struct drawer {
	struct gallery_source source;
	struct sheet *sheets; /* the one with key k is sheets[k - 1] */
	size_t count, room;
};

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static int
fetch(void *ctx, unsigned worker, const struct gallery_name *name,
      uint8_t buf[REFERENCE_BYTES_MAX], size_t *ret_bytes)
{
	const struct drawer *d = ctx;
	const struct sheet *s;

	(void)worker; /* reading needs nothing of one's own */
	if (name->key < 1 || name->key > d->count)
		return -ENOENT;
	s = &d->sheets[name->key - 1];
	if (s->bytes == 0)
		return -ENOENT;
	if (!ulid_eq(s->subject, name->subject) || s->finger != name->finger)
		return -EBADMSG;
	memcpy(buf, s->data, s->bytes);
	*ret_bytes = s->bytes;
	return 0;
}

struct drawer *
drawer_new(void)
{
	struct drawer *d = calloc(1, sizeof(*d));

	require(d != NULL);
	d->source = (struct gallery_source){ fetch, NULL, d };
	return d;
}

struct drawer *
drawer_free(struct drawer *d)
{
	if (d == NULL)
		return NULL;
	for (size_t i = 0; i < d->count; i++)
		free(d->sheets[i].data);
	free(d->sheets);
	free(d);
	return NULL;
}

const struct gallery_source *
drawer_source(struct drawer *d)
{
	return &d->source;
}

uint64_t
drawer_put(struct drawer *d, struct ulid subject, uint32_t finger,
	   const uint8_t *reference, size_t bytes)
{
	struct sheet s = { subject, finger, bytes, malloc(bytes) };

	require(s.data != NULL && bytes > 0 && bytes <= REFERENCE_BYTES_MAX);
	memcpy(s.data, reference, bytes);
	if (d->count == d->room) {
		d->room = d->room == 0 ? ROOM_FIRST : 2 * d->room;
		d->sheets = realloc(d->sheets, d->room * sizeof(*d->sheets));
		require(d->sheets != NULL);
	}
	d->sheets[d->count++] = s;
	return d->count;
}

int
drawer_add(struct drawer *d, struct gallery *g, const struct gallery_name *name,
	   const uint8_t *reference, size_t bytes)
{
	struct gallery_name n = *name;

	n.key = drawer_put(d, n.subject, n.finger, reference, bytes);
	return gallery_add(g, &n, reference, bytes);
}

void
drawer_take(struct drawer *d, uint64_t key)
{
	require(key >= 1 && key <= d->count);
	d->sheets[key - 1].bytes = 0;
}

void
drawer_spoil(struct drawer *d, uint64_t key, const uint8_t *reference, size_t bytes)
{
	struct sheet *s;

	require(key >= 1 && key <= d->count && bytes <= REFERENCE_BYTES_MAX);
	s = &d->sheets[key - 1];
	s->data = realloc(s->data, bytes);
	require(s->data != NULL);
	memcpy(s->data, reference, bytes);
	s->bytes = bytes;
}
