#ifndef LANED_CORE_PRICING_MEMO_H
#define LANED_CORE_PRICING_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The states that a search has been in, by full key, each with the best gain that it was reached
 * with. Bounded: what does not fit is not remembered, which costs time only.
 */
struct memo_slot {
	uint64_t hash;
	uint32_t key; /* into words, plus one */
	int64_t gain;
};

struct memo {
	struct memo_slot *slots;
	int64_t *words;
	int64_t *key; /* the caller writes the state here: key_words words */
	uint32_t key_words, words_used, used;
};

/* Makes room for keys of so many words, or empties the memo. false: no memory. */
bool memo_start(struct memo *m, uint32_t key_words);
void memo_end(struct memo *m);

/*
 * Whether the state in m->key was seen with a gain of at least gain (any gain with whatever);
 * notes it if not.
 */
bool memo_seen(struct memo *m, int64_t gain, bool whatever);

#endif
