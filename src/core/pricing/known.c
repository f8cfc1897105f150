#include "core/pricing/known.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 1024u     /* of each generation; chains are short below its bytes */
#define KEY_WORDS 4096u /* a component with a longer key is searched each time */

struct entry {
	struct entry *next;
	uint64_t hash;
	uint32_t key_words, takes_count;
	uint64_t nodes;
	int64_t open;
	uint64_t key[]; /* and the takes behind it */
};

/* What is found in the older generation is kept in the younger as well; a full one grows old. */
struct generation {
	struct arena *arena;
	struct entry *slots[SLOTS];
	uint32_t count;
};

struct known {
	struct generation two[2], *young, *old;
	uint64_t hash;
	uint32_t key_words;
	uint64_t key[KEY_WORDS];
};

static void
clear(struct generation *g)
{
	if (g->count > 0)
		memset(g->slots, 0, sizeof(g->slots));
	g->count = 0;
	arena_reset(g->arena);
}

struct known *
known_new(size_t bytes_max)
{
	struct known *k = malloc(sizeof(*k));

	if (k == NULL)
		return NULL;
	memset(k, 0, offsetof(struct known, key)); /* of which key_words count */
	k->young = &k->two[0];
	k->old = &k->two[1];
	k->young->arena = arena_new(bytes_max / 2);
	k->old->arena = arena_new(bytes_max / 2);
	return k->young->arena == NULL || k->old->arena == NULL ? known_free(k) : k;
}

struct known *
known_free(struct known *k)
{
	if (k != NULL) {
		arena_free(k->young->arena);
		arena_free(k->old->arena);
	}
	free(k);
	return NULL;
}

void
known_forget(struct known *k)
{
	clear(k->young);
	clear(k->old);
}

void
known_begin(struct known *k)
{
	k->key_words = 0;
	k->hash = 0;
}

void
known_word(struct known *k, uint64_t word)
{
	k->hash = (k->hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	k->hash ^= k->hash >> 29;
	if (k->key_words < KEY_WORDS)
		k->key[k->key_words] = word;
	k->key_words++;
}

static struct entry **
slot_of(struct known *k, struct generation *g)
{
	struct entry **at = &g->slots[k->hash % SLOTS];

	while (*at != NULL &&
	       ((*at)->hash != k->hash || (*at)->key_words != k->key_words ||
		memcmp((*at)->key, k->key, k->key_words * sizeof(*k->key)) != 0))
		at = &(*at)->next;
	return at;
}

static const struct take *
takes_of(const struct entry *e)
{
	return (const struct take *)(const void *)(e->key + e->key_words);
}

/* false: the younger generation is full. */
static bool
put(struct known *k, const struct known_way *way)
{
	size_t key_bytes = k->key_words * sizeof(*k->key);
	size_t takes_bytes = way->takes_count * sizeof(*way->takes);
	struct entry **at = slot_of(k, k->young);
	struct entry *e =
		arena_alloc(k->young->arena, sizeof(*e) + key_bytes + takes_bytes);

	if (e == NULL)
		return false;
	*e = (struct entry){ .hash = k->hash,
			     .key_words = k->key_words,
			     .takes_count = way->takes_count,
			     .nodes = way->nodes,
			     .open = way->open };
	memcpy(e->key, k->key, key_bytes);
	if (takes_bytes > 0)
		memcpy(e->key + k->key_words, way->takes, takes_bytes);
	*at = e;
	k->young->count++;
	return true;
}

void
known_add(struct known *k, const struct known_way *way)
{
	struct generation *full = k->young;

	if (k->key_words > KEY_WORDS || put(k, way))
		return;
	clear(k->old);
	k->young = k->old;
	k->old = full;
	(void)put(k, way); /* too large for any generation: searched each time */
}

bool
known_find(struct known *k, struct known_way *ret_way)
{
	const struct entry *e;
	bool young = true;

	if (k->key_words > KEY_WORDS)
		return false;
	e = *slot_of(k, k->young);
	if (e == NULL && k->old->count > 0) {
		e = *slot_of(k, k->old);
		young = false;
	}
	if (e == NULL)
		return false;
	*ret_way = (struct known_way){ e->nodes, e->open, takes_of(e), e->takes_count };
	if (!young)
		(void)put(k, ret_way); /* else it goes when the older ones go */
	return true;
}
