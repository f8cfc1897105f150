#ifndef LANED_CORE_PRICING_POINTS_H
#define LANED_CORE_PRICING_POINTS_H

#include "core/pricing/result.h"

/*
 * What a member's points rules make of a priced basket: written into the result, whose rules tell
 * already which discounts applied. net: payable of each line; free_units: of each line, made
 * free by item offers. Never changes a price. 0 or -ENOMEM.
 */
int points_write(const struct problem *p, const struct pricing_member *member,
		 const int64_t *net, const int64_t *free_units, struct result *result);

#endif
