#ifndef LANED_CORE_PRICING_INDEX_H
#define LANED_CORE_PRICING_INDEX_H

#include "core/pricing/model.h"

/* A spread of bits of a text; not for adversaries, tables are probed with full keys. */
uint32_t index_hash(struct str s);

/* Builds the eligibility index of a sorted rule set in its arena. 0 or -ENOMEM. */
int index_build(struct pricing_rules *r);

/* The rules that name key under tag, ascending; NULL and 0 when none does. */
const uint32_t *index_find(const struct index *x, enum index_tag tag, struct str key,
			   uint32_t *ret_count);

#endif
