#ifndef LANED_CORE_PRICING_PROBLEM_H
#define LANED_CORE_PRICING_PROBLEM_H

#include "core/pricing/model.h"

#define PROBLEM_UNITS_MAX 1000000u /* of one line */

/*
 * Checks a basket and finds the rules that this member may use on it at this time; everything is
 * made in the arena. Rules without a reason of their own are PRICING_BEATEN until they apply.
 * 0; -EINVAL the basket is outside its ranges; -ERANGE its worth is; -ENOMEM.
 */
int problem_build(const struct pricing_rules *rules, const struct pricing_basket *basket,
		  const struct pricing_member *member, const struct timepoint *at,
		  struct problem *p);

#endif
