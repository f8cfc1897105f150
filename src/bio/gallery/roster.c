#include "bio/gallery/roster.h"

#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 16u

int
roster_init(struct roster *r, uint64_t count_max)
{
	memset(r, 0, sizeof(*r));
	if (count_max >= ROSTER_NONE)
		return -ENOMEM;
	r->count_max = (uint32_t)count_max;
	r->buckets = BUCKETS_MIN;
	while (r->buckets < r->count_max && r->buckets < 1u << 30)
		r->buckets *= 2;
	r->chunks_max = r->count_max / ROSTER_CHUNK + 1;
	r->bucket = malloc(r->buckets * sizeof(*r->bucket));
	r->chunk = calloc(r->chunks_max, sizeof(struct roster_chunk *));
	if (r->bucket == NULL || r->chunk == NULL)
		return -ENOMEM;
	memset(r->bucket, 0xff, r->buckets * sizeof(*r->bucket));
	return 0;
}

void
roster_clear(struct roster *r)
{
	for (uint32_t i = 0; i < r->chunks; i++)
		secret_region_free(r->chunk[i], sizeof(struct roster_chunk));
	free(r->chunk);
	free(r->bucket);
	memset(r, 0, sizeof(*r));
}

struct roster_slot *
roster_slot(const struct roster *r, uint32_t slot)
{
	assert(slot < r->count);
	return &r->chunk[slot / ROSTER_CHUNK]->slot[slot % ROSTER_CHUNK];
}

struct scan_reference *
roster_scan(const struct roster *r, uint32_t slot)
{
	assert(slot < r->count);
	return &r->chunk[slot / ROSTER_CHUNK]->scan[slot % ROSTER_CHUNK];
}

/* The random part of a ULID is hash enough; FNV-1a guards against ids that are not random. */
static uint32_t *
bucket_of(const struct roster *r, struct ulid subject)
{
	uint64_t h = 14695981039346656037u;

	for (unsigned i = 0; i < sizeof(subject.b); i++)
		h = (h ^ subject.b[i]) * 1099511628211u;
	return &r->bucket[(uint32_t)(h ^ h >> 32) & (r->buckets - 1)];
}

static uint32_t
same_subject(const struct roster *r, uint32_t slot, struct ulid subject)
{
	while (slot != ROSTER_NONE && !ulid_eq(roster_slot(r, slot)->subject, subject))
		slot = roster_slot(r, slot)->next;
	return slot;
}

uint32_t
roster_first(const struct roster *r, struct ulid subject)
{
	return same_subject(r, *bucket_of(r, subject), subject);
}

uint32_t
roster_next(const struct roster *r, uint32_t slot)
{
	const struct roster_slot *s = roster_slot(r, slot);

	return same_subject(r, s->next, s->subject);
}

uint32_t
roster_find(const struct roster *r, struct ulid subject, uint32_t finger)
{
	uint32_t slot = roster_first(r, subject);

	while (slot != ROSTER_NONE && roster_slot(r, slot)->finger != finger)
		slot = roster_next(r, slot);
	return slot;
}

int
roster_append(struct roster *r, struct ulid subject, uint32_t finger, uint32_t *ret_slot)
{
	uint32_t *bucket = bucket_of(r, subject), slot = r->count;
	struct roster_slot *s;

	if (r->count == r->count_max)
		return -ENOSPC;
	if (slot / ROSTER_CHUNK == r->chunks) {
		struct roster_chunk *chunk = secret_region_new(sizeof(*chunk));

		if (chunk == NULL)
			return -ENOMEM;
		r->chunk[r->chunks++] = chunk;
	}
	r->count++;
	s = roster_slot(r, slot);
	memset(s, 0, sizeof(*s));
	s->subject = subject;
	s->finger = finger;
	s->next = *bucket;
	*bucket = slot;
	*ret_slot = slot;
	return 0;
}

/* Whatever points at a slot in the chain of its bucket. */
static uint32_t *
link_to(const struct roster *r, uint32_t slot)
{
	uint32_t *link = bucket_of(r, roster_slot(r, slot)->subject);

	while (*link != slot) {
		assert(*link != ROSTER_NONE);
		link = &roster_slot(r, *link)->next;
	}
	return link;
}

void
roster_remove(struct roster *r, uint32_t slot)
{
	uint32_t last = r->count - 1;

	*link_to(r, slot) = roster_slot(r, slot)->next;
	if (slot != last) {
		*link_to(r, last) = slot;
		*roster_slot(r, slot) = *roster_slot(r, last);
		*roster_scan(r, slot) = *roster_scan(r, last);
	}
	secret_zero(roster_slot(r, last), sizeof(struct roster_slot));
	secret_zero(roster_scan(r, last), sizeof(struct scan_reference));
	r->count--;
}
