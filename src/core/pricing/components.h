#ifndef LANED_CORE_PRICING_COMPONENTS_H
#define LANED_CORE_PRICING_COMPONENTS_H

#include "core/pricing/search.h"

/*
 * Splits the items that allowed rules of layer 1 touch into components, smaller ones first. Items
 * of one line, of one coupled rule, and of rules of one group stay together. 0 or -ENOMEM.
 */
int components_find(const struct problem *p, const bool *allowed,
		    struct component **ret_components, uint32_t *ret_count);

#endif
