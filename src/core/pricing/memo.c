#include "core/pricing/memo.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 65536u
#define WORDS_MAX (1u << 20)

bool
memo_start(struct memo *m, uint32_t key_words)
{
	if (m->slots == NULL) {
		m->slots = calloc(SLOTS, sizeof(*m->slots));
		m->words = malloc(WORDS_MAX * sizeof(*m->words));
	} else {
		memset(m->slots, 0, SLOTS * sizeof(*m->slots));
	}
	free(m->key);
	m->key = calloc(key_words, sizeof(*m->key));
	m->key_words = key_words;
	m->used = m->words_used = 0;
	return m->slots != NULL && m->words != NULL && m->key != NULL;
}

void
memo_end(struct memo *m)
{
	free(m->slots);
	free(m->words);
	free(m->key);
}

static uint64_t
hash_key(const struct memo *m)
{
	uint64_t hash = m->key_words;

	for (uint32_t i = 0; i < m->key_words; i++) {
		hash = (hash ^ (uint64_t)m->key[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return hash;
}

bool
memo_seen(struct memo *m, int64_t gain, bool whatever)
{
	uint64_t hash = hash_key(m);
	size_t bytes = m->key_words * sizeof(*m->key);
	uint32_t at = hash & (SLOTS - 1);

	for (; m->slots[at].key != 0; at = (at + 1) & (SLOTS - 1)) {
		struct memo_slot *slot = &m->slots[at];

		if (slot->hash != hash ||
		    memcmp(m->words + slot->key - 1, m->key, bytes) != 0)
			continue;
		if (whatever || gain <= slot->gain)
			return true;
		slot->gain = gain;
		return false;
	}
	if (m->used >= SLOTS / 2 || m->words_used + m->key_words > WORDS_MAX)
		return false;
	memcpy(m->words + m->words_used, m->key, bytes);
	m->slots[at] = (struct memo_slot){ hash, m->words_used + 1, gain };
	m->words_used += m->key_words;
	m->used++;
	return false;
}
