#ifndef LANED_TESTS_SIM_LANED_H
#define LANED_TESTS_SIM_LANED_H

#include "sim/world.h"

/*
 * laned around the core and the effects of a world: the real lane.c, adapter_link.c, pos.c and rpc on
 * a loop in virtual time. Members, offers and laned-bio stay the world's.
 */

/* After the world's core and effects were made. Aborts without memory. */
struct laned_side *laned_new(struct world *w);
/* Listens for the adapter, once what the journal holds was taken up. */
void laned_open(struct laned_side *s);
/* NULL is fine; returns NULL. The core and the effects stay. */
struct laned_side *laned_free(struct laned_side *s);
/* As effects_step. */
int laned_step(struct laned_side *s, struct lane_event *ev);
/* Offers or configuration have changed. */
void laned_environment(struct laned_side *s, struct lane_env *env);
/* When it does something next, INT64_MAX never; and lets it do that. */
int64_t laned_due(const struct laned_side *s);
void laned_work(struct laned_side *s);
/* As laned's own transports. */
int laned_adapter(struct laned_side *s, const struct lane_effect *fx);
void laned_tender_reply(struct laned_side *s, const struct lane_effect *fx, bool ok);
/* Is it an adapter.journal over the socket that is being answered? */
bool laned_is_asked(const struct laned_side *s);
/* The scripted payer beside the real adapter is there, or away; before the core is told. */
void laned_payer(struct laned_side *s, bool up);
void laned_journal_answer(struct laned_side *s, const char *req, bool ok);

#endif
