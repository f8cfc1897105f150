#ifndef LANED_CORE_PRICING_RELAX_BUNDLE_H
#define LANED_CORE_PRICING_RELAX_BUNDLE_H

#include "core/pricing/relax.h"

/*
 * Bundles in the relaxation. Their state is how many units of each component are taken. At given
 * prices of units the components are independent of each other but for the number of
 * applications, in which what they gain is concave: no table is needed.
 */

/* Fills r for a live bundle; r->bundle stays NULL when it can never be full. 0 or -ENOMEM. */
int relax_bundle_add(struct relax *x, const struct live *l, struct relax_rule *r);

/* As relax_gain() and relax_programme(). */
int64_t relax_bundle_gain(const struct relax *x, const struct relax_rule *r, uint32_t q,
			  uint64_t state, uint32_t units);
int64_t relax_bundle_programme(const struct relax *x, struct relax_rule *r);

#endif
