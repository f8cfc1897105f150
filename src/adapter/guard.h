#ifndef LANED_ADAPTER_GUARD_H
#define LANED_ADAPTER_GUARD_H

#include "laned/adapter.h"

#include <stdbool.h>

/* Which of the texts that pass a host may hold no payment card number. Pure; counting is the host's. */
bool guard_text(struct laned_str s); /* true: it holds one */
/* A free text of a line holds one: the basket is refused. */
bool guard_basket(const struct laned_basket *b);
/* An outcome is never refused: texts that hold one are left out. How many. */
unsigned guard_result(struct laned_result *r);

#endif
