#ifndef LANED_CORE_PRICING_BUDGETS_H
#define LANED_CORE_PRICING_BUDGETS_H

#include "core/pricing/alone.h"

/* What could not be told. */
struct budgets_open {
	int64_t minor; /* what rules that were barred for that might have saved, together */
	bool always;   /* one of them would have had to stand alone */
};

/*
 * Finds the rules whose discount could be more than their budgets have left, and bars them: what a
 * rule could take off standing alone counts, which is no less than in any combination.
 *
 * Most are told by a glance; the others are searched with the job's effort, of which half is left
 * for the basket itself at least. A rule of which it could not be told is barred as well: *ret_open.
 * barred has an entry for each live rule. 0 or -ENOMEM.
 */
int budgets_check(struct alone *a, bool *barred, struct budgets_open *ret_open);

#endif
