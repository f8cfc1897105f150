#include "bio/gallery/roster.h"

#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUCKETS_MIN 16u
#define SLOTS_A_BUCKET 2u
#define CHUNKS_MIN 4u

/* What a chunk takes of memory: whole pages, and the one before them (secret_region_new). */
static uint64_t
chunk_bytes(void)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (sizeof(struct roster_chunk) + page - 1) / page * page + page;
}

static void
fill_empty(uint32_t *bucket, size_t count)
{
	memset(bucket, 0xff, count * sizeof(*bucket)); /* ROSTER_NONE */
}

int
roster_init(struct roster *r, uint64_t count_max)
{
	memset(r, 0, sizeof(*r));
	if (count_max >= ROSTER_NONE)
		return -ENOMEM;
	r->count_max = (uint32_t)count_max;
	r->bucket = malloc(BUCKETS_MIN * sizeof(*r->bucket));
	r->chunk = calloc(CHUNKS_MIN, sizeof(struct roster_chunk *));
	if (r->bucket == NULL || r->chunk == NULL)
		return -ENOMEM;
	r->buckets = r->buckets_room = BUCKETS_MIN;
	r->chunks_room = CHUNKS_MIN;
	fill_empty(r->bucket, BUCKETS_MIN);
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

uint64_t
roster_bytes(const struct roster *r)
{
	return r->chunks * chunk_bytes() +
	       (uint64_t)r->chunks_room * sizeof(struct roster_chunk *) +
	       (uint64_t)r->buckets_room * sizeof(*r->bucket);
}

uint64_t
roster_room(uint64_t bytes)
{
	/* Tables double when they grow. */
	const uint64_t chunk = chunk_bytes() + 2 * sizeof(struct roster_chunk *) +
			       2 * ROSTER_CHUNK / SLOTS_A_BUCKET * sizeof(uint32_t);

	return bytes / chunk * ROSTER_CHUNK;
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
static uint32_t
hash_of(struct ulid subject)
{
	uint64_t h = 14695981039346656037u;

	for (unsigned i = 0; i < sizeof(subject.b); i++)
		h = (h ^ subject.b[i]) * 1099511628211u;
	return (uint32_t)(h ^ h >> 32);
}

/* The least power of two above half of the buckets: those from it on are split ones. */
static uint32_t
half_of(uint32_t buckets)
{
	return 1u << (31 - __builtin_clz(buckets));
}

/*
 * Linear hashing (Litwin, VLDB 1980): the bucket by one digit more of the hash where there is one
 * already.
 */
static uint32_t *
bucket_of(const struct roster *r, struct ulid subject)
{
	uint32_t half = half_of(r->buckets), h = hash_of(subject);
	uint32_t i = h & (2 * half - 1);

	return &r->bucket[i < r->buckets ? i : h & (half - 1)];
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

/* Room for one more bucket. */
static bool
has_bucket_room(struct roster *r)
{
	size_t room = 2 * (size_t)r->buckets_room;
	uint32_t *grown;

	if (r->buckets < r->buckets_room)
		return true;
	if (room > ROSTER_NONE)
		return false;
	grown = realloc(r->bucket, room * sizeof(*grown));
	if (grown == NULL)
		return false; /* longer chains do no harm */
	fill_empty(grown + r->buckets_room, room - r->buckets_room);
	r->bucket = grown;
	r->buckets_room = (uint32_t)room;
	return true;
}

/* One bucket more: those of another that belong into it move over. */
static void
split_bucket(struct roster *r)
{
	uint32_t fresh = r->buckets, from = fresh - half_of(fresh);
	uint32_t slot = r->bucket[from];

	r->buckets++;
	r->bucket[from] = ROSTER_NONE;
	while (slot != ROSTER_NONE) {
		struct roster_slot *s = roster_slot(r, slot);
		uint32_t *bucket = bucket_of(r, s->subject), next = s->next;

		assert(bucket == &r->bucket[from] || bucket == &r->bucket[fresh]);
		s->next = *bucket;
		*bucket = slot;
		slot = next;
	}
}

static int
add_chunk(struct roster *r)
{
	struct roster_chunk *chunk;

	if (r->chunks == r->chunks_room) {
		size_t room = 2 * (size_t)r->chunks_room;
		struct roster_chunk **grown =
			realloc(r->chunk, room * sizeof(struct roster_chunk *));

		if (grown == NULL)
			return -ENOMEM;
		r->chunk = grown;
		r->chunks_room = (uint32_t)room;
	}
	chunk = secret_region_new(sizeof(*chunk));
	if (chunk == NULL)
		return -ENOMEM;
	r->chunk[r->chunks++] = chunk;
	return 0;
}

int
roster_append(struct roster *r, const struct gallery_name *name, uint32_t *ret_slot)
{
	uint32_t slot = r->count, *bucket;
	int rc;

	if (r->count == r->count_max)
		return -ENOSPC;
	if (slot / ROSTER_CHUNK == r->chunks) {
		rc = add_chunk(r);
		if (rc < 0)
			return rc;
	}
	if (r->count / SLOTS_A_BUCKET >= r->buckets && has_bucket_room(r))
		split_bucket(r);
	r->count++;
	assert(name->finger <= ROSTER_FINGER_MAX);
	bucket = bucket_of(r, name->subject);
	*roster_slot(r, slot) = (struct roster_slot){ .subject = name->subject,
						      .key = name->key,
						      .next = *bucket,
						      .finger = (uint8_t)name->finger };
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
