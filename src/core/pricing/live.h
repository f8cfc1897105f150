#ifndef LANED_CORE_PRICING_LIVE_H
#define LANED_CORE_PRICING_LIVE_H

#include "core/pricing/model.h"

/* What a rule (or one form of it) finds in a basket, when its items were collected. */

/*
 * Whether units, spend and goods of the basket let it apply. Notes what one unit more would
 * change in p->missed.
 */
bool live_conditions(struct problem *p, const struct live *l);

/* Fills what the search must know of it. left: applications that its limits allow. 0 or -ENOMEM. */
int live_finish(struct problem *p, struct live *l, int64_t left);

#endif
