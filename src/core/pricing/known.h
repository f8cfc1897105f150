#ifndef LANED_CORE_PRICING_KNOWN_H
#define LANED_CORE_PRICING_KNOWN_H

#include "core/pricing/search.h"

/*
 * The cheapest ways of components that were searched before, found again by everything that the
 * search looks at. Bounded: what was not asked for in a while is forgotten.
 */
struct known;

/* At most about bytes_max bytes. NULL: no memory. */
struct known *known_new(size_t bytes_max);
struct known *known_free(struct known *k);
void known_forget(struct known *k);

/* What a search found, in terms of the component: live and item are positions in its lists. */
struct known_way {
	uint64_t nodes; /* that the search spent */
	int64_t open;   /* cost less the bound */
	const struct take *takes;
	uint32_t takes_count;
};

/* The key is written word by word between known_begin() and the question. */
void known_begin(struct known *k);
void known_word(struct known *k, uint64_t word);
/* false: not known. *ret_way is valid until the next known_begin(). */
bool known_find(struct known *k, struct known_way *ret_way);
/* Notes a way under the key that was asked for last; does nothing when memory is short. */
void known_add(struct known *k, const struct known_way *way);

#endif
