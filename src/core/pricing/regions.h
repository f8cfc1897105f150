#ifndef LANED_CORE_PRICING_REGIONS_H
#define LANED_CORE_PRICING_REGIONS_H

#include "core/pricing/model.h"

/*
 * Lines whose prices hang together, whatever their quantities: those that rules for this shopper
 * tie, whether or not their conditions are met now. What another unit of a line changes stays in
 * the line's region, unless some rule looks at the whole basket.
 */
struct regions {
	uint32_t *root; /* of each line; lines of one region have the same */
	bool whole;     /* the basket hangs together */
};

/* Whether what a rule does hangs on more of the basket than the lines that it met. */
bool regions_whole_basket(const struct rule *r);

/* Made in the problem's arena. 0 or -ENOMEM. */
int regions_find(const struct problem *p, struct regions *ret_regions);

#endif
