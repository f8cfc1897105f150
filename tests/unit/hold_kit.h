#ifndef LANED_TESTS_UNIT_HOLD_KIT_H
#define LANED_TESTS_UNIT_HOLD_KIT_H

/* A gallery's source that can be held where a search fetches a reference. One at a time. */
#include "bio/service_search.h"

enum hold_kit { HOLD_NOT, HOLD_UNTIL_TOLD, HOLD_UNTIL_CANCELLED };

/* The source, which goes through the one that can be held. */
struct gallery_source hold_kit_source(struct gallery_source source);
/* The next fetch is held when it has the reference; search: whose cancel is waited for. */
void hold_kit_next(enum hold_kit how, const struct service_search *search);
/* Waits until a fetch is held, or somebody calls hold_kit_tell_begun. */
void hold_kit_wait_begun(void);
/* The same without waiting: true once. */
bool hold_kit_has_begun(void);
void hold_kit_tell_begun(void);
/* One that is held until told, now or later, goes on. */
void hold_kit_let_go(void);

#endif
