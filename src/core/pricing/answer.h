#ifndef LANED_CORE_PRICING_ANSWER_H
#define LANED_CORE_PRICING_ANSWER_H

#include "core/pricing/result.h"

/*
 * Prices what is asked into an empty result: the price with its trace, and what else could be (the
 * saving that membership makes, the offers that one unit more would bring), which prices again
 * with an effort of its own. 0; -ERANGE the basket is worth too much; -ENOMEM.
 */
int answer(const struct request *q, const struct pricing_budget *budget,
	   struct result *result);

#endif
