#include "ctl/keyed.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 1024u
#define FNV_OFFSET UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

struct entry {
	uint64_t hash;
	size_t key_bytes;
	max_align_t value[]; /* and behind it the key */
};

struct keyed {
	size_t value_bytes; /* a multiple of the alignment */
	uint32_t count, count_max, slots_count;
	struct entry **entries; /* slots_count / 2 of room */
	uint32_t *slots;        /* index of an entry + 1; 0 is free */
};

/* FNV-1a: the keys are the store's own, not an attacker's choice of hash. */
static uint64_t
hash_of(struct str key)
{
	uint64_t h = FNV_OFFSET;

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * FNV_PRIME;
	return h ^ h >> 29;
}

static char *
key_of(const struct keyed *k, struct entry *e)
{
	return (char *)e->value + k->value_bytes;
}

static uint32_t
slot_of(const struct keyed *k, struct str key, uint64_t hash)
{
	uint32_t mask = k->slots_count - 1, at = (uint32_t)hash & mask;

	while (k->slots[at] != 0) {
		struct entry *e = k->entries[k->slots[at] - 1];

		if (e->hash == hash && e->key_bytes == key.n &&
		    (key.n == 0 || memcmp(key_of(k, e), key.p, key.n) == 0))
			break;
		at = (at + 1) & mask;
	}
	return at;
}

static bool
grow(struct keyed *k)
{
	uint32_t slots_count = k->slots_count == 0 ? SLOTS_FIRST : k->slots_count * 2;
	uint32_t *slots = calloc(slots_count, sizeof(*slots));
	struct entry **entries =
		realloc(k->entries, (size_t)slots_count / 2 * sizeof(struct entry *));

	if (entries != NULL)
		k->entries = entries;
	if (slots == NULL || entries == NULL) {
		free(slots);
		return false;
	}
	free(k->slots);
	k->slots = slots;
	k->slots_count = slots_count;
	for (uint32_t i = 0; i < k->count; i++) {
		uint32_t at = (uint32_t)k->entries[i]->hash & (slots_count - 1);

		while (slots[at] != 0)
			at = (at + 1) & (slots_count - 1);
		slots[at] = i + 1;
	}
	return true;
}

struct keyed *
keyed_new(size_t value_bytes, uint32_t count_max)
{
	struct keyed *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->value_bytes = (value_bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) *
			 sizeof(max_align_t);
	k->count_max = count_max < UINT32_MAX / 4 ? count_max : UINT32_MAX / 4;
	if (!grow(k))
		return keyed_free(k);
	return k;
}

void *
keyed_find(const struct keyed *k, struct str key)
{
	uint32_t at = slot_of(k, key, hash_of(key));

	return k->slots[at] == 0 ? NULL : k->entries[k->slots[at] - 1]->value;
}

void *
keyed_get(struct keyed *k, struct str key)
{
	uint64_t hash = hash_of(key);
	uint32_t at = slot_of(k, key, hash);
	struct entry *e;

	if (k->slots[at] != 0)
		return k->entries[k->slots[at] - 1]->value;
	if (k->count == k->count_max || (k->count == k->slots_count / 2 && !grow(k)))
		return NULL;
	e = calloc(1, sizeof(*e) + k->value_bytes + key.n + 1);
	if (e == NULL)
		return NULL;
	e->hash = hash;
	e->key_bytes = key.n;
	if (key.n > 0)
		memcpy(key_of(k, e), key.p, key.n);
	k->entries[k->count++] = e;
	k->slots[slot_of(k, key, hash)] = k->count;
	return e->value;
}

uint32_t
keyed_count(const struct keyed *k)
{
	return k->count;
}

void *
keyed_at(const struct keyed *k, uint32_t i, struct str *ret_key)
{
	struct entry *e = k->entries[i];

	if (ret_key != NULL)
		*ret_key = (struct str){ key_of(k, e), e->key_bytes };
	return e->value;
}

struct keyed *
keyed_free(struct keyed *k)
{
	if (k != NULL) {
		for (uint32_t i = 0; i < k->count; i++)
			free(k->entries[i]);
		free(k->entries);
		free(k->slots);
	}
	free(k);
	return NULL;
}
