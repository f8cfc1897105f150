#ifndef LANED_CTL_EXPLAIN_H
#define LANED_CTL_EXPLAIN_H

#include "ctl/rulefile.h"

/*
 * A priced basket in sentences, for a cashier: what was taken off and why, what was not and why
 * not, what one more article would bring, what membership brought, and whether anything else could
 * be cheaper. language: of the sentences (English where there are none) and of the rules' texts.
 */
void explain_print(FILE *out, const struct rulefile *file,
		   const struct pricing_basket *basket,
		   const struct pricing_result *result, struct str language);

#endif
