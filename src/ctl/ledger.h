#ifndef LANED_CTL_LEDGER_H
#define LANED_CTL_LEDGER_H

#include "ctl/past.h"
#include "ctl/rulefile.h"

/*
 * How often limited rules were used so far, by whom and on which day: what a lane's journal would
 * have counted, for baskets in the order in which they come.
 */
struct ledger;

/* file must outlive it. NULL: no memory. */
struct ledger *ledger_new(const struct rulefile *file);
/*
 * What pricing needs to know before this basket; borrowed until the next call. A member without a
 * number has no past.
 */
void ledger_uses(struct ledger *l, const struct past_basket *b,
		 const struct pricing_use **ret_uses, size_t *ret_count);
/* Counts what applied. 0; -ENOMEM, also when more members were seen than are kept. */
int ledger_count(struct ledger *l, const struct past_basket *b,
		 const struct pricing_result *result);
struct ledger *ledger_free(struct ledger *l);

#endif
