#ifndef LANED_CORE_PRICING_PRICING_LINES_H
#define LANED_CORE_PRICING_PRICING_LINES_H

#include "base/plain/arena.h"
#include "core/pricing/pricing.h"

/*
 * Rules that come as a list (JSON Lines, CSV), with faults found while they were read.
 */

/*
 * A list of rules as a rule set in arena: {"laned_rules":1,..}. rules and currency are borrowed.
 * 0 or -ENOMEM.
 */
int pricing_set_of(struct arena *arena, const struct value *rules, const char *currency,
		   const struct value **ret_set);

/*
 * pricing_rules_compile for a set of which some rules could not even be read: *errors comes with
 * their faults and leaves with those of the others too, in the order of the text.
 */
int pricing_rules_compile_read(const struct value *set, struct pricing_errors *errors,
			       struct pricing_rules **ret_rules);

#endif
