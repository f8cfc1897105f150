#ifndef LANED_CORE_PRICING_SEARCH_BULK_H
#define LANED_CORE_PRICING_SEARCH_BULK_H

#include "core/pricing/search_private.h"

/*
 * Narrows how many units of an item each step has to try, where an item has many: struct step's
 * most and spare. Only for the search of one cheapest way. 0 or -ENOMEM.
 */
void search_bulk(struct search *s);

#endif
