#ifndef LANED_ADAPTER_GUARD_H
#define LANED_ADAPTER_GUARD_H

#include "laned/adapter.h"

#include <stdbool.h>

/* Which of the texts that pass a host may hold no payment card number. Pure; counting is the host's. */
bool guard_text(struct laned_str s); /* true: it holds one */
bool guard_blob(struct laned_str s); /* the same of bytes that only the plug-in knows */
/* A free text of a line holds one: the basket is refused. */
bool guard_basket(const struct laned_basket *b);
/* The text of what a POS says, or the bytes that go with it, hold one. */
bool guard_event(const struct laned_event *ev);
/* Those bytes are more than laned keeps: they would be missing after a restart. */
bool guard_event_size(const struct laned_event *ev);
/* An outcome is never refused: texts that hold one are left out. How many. */
unsigned guard_result(struct laned_result *r);

#endif
