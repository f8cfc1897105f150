#ifndef LANED_CORE_PRICING_PRICING_VALUE_H
#define LANED_CORE_PRICING_PRICING_VALUE_H

#include "base/plain/arena.h"
#include "core/pricing/pricing.h"

/*
 * Baskets and members as values (docs/promotions.md has the format), for trying a campaign
 * without a lane. Lists are made in the arena; texts are borrowed from v. 0; -EBADMSG with
 * *error filled; -ENOMEM.
 */
int pricing_basket_from_value(const struct value *v, struct arena *arena,
			      struct pricing_basket *ret_basket,
			      struct pricing_error *error);
int pricing_member_from_value(const struct value *v, struct arena *arena,
			      struct pricing_member *ret_member,
			      struct pricing_error *error);

#endif
