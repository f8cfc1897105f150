#ifndef LANED_ADAPTER_HOST_TIMERS_H
#define LANED_ADAPTER_HOST_TIMERS_H

#include "base/loop.h"
#include "laned/adapter.h"

#define HOST_TIMERS_MAX 1024u

/* The timers of a plug-in: numbers that a stale use cannot turn against another timer. */
struct host_timers;

int host_timers_new(struct loop *l, struct host_timers **ret_timers);
struct host_timers *host_timers_free(struct host_timers *t);
/* LANED_OK; LANED_AGAIN all are taken; LANED_NO_MEMORY. */
int host_timers_set(struct host_timers *t, uint32_t delay_ms, laned_timer_fn fn,
		    void *user, uint64_t *ret_timer);
void host_timers_cancel(struct host_timers *t, uint64_t timer);
unsigned host_timers_armed(const struct host_timers *t);

#endif
