#include "adapter/host_timers.h"

#include "adapter/watch.h"
#include "base/crash.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define SLOT_BITS 16u

struct slot {
	struct host_timers *timers;
	struct loop_timer *timer; /* made at the first use and kept */
	laned_timer_fn fn;        /* NULL: free */
	void *user;
	uint64_t generation;
};

struct host_timers {
	struct loop *loop;
	unsigned armed, used; /* slots [0, used) were used at some time */
	struct slot slots[HOST_TIMERS_MAX];
};

_Static_assert(HOST_TIMERS_MAX <= 1u << SLOT_BITS, "a slot's index fits");

static void
fire(void *ctx)
{
	struct slot *s = ctx;
	laned_timer_fn fn = s->fn;
	unsigned was;

	assert(fn != NULL);
	s->fn = NULL;
	s->timers->armed--;
	crash_point("host.timer");
	was = watch_enter(CRASH_TIMER, 0);
	fn(s->user);
	watch_leave(was);
}

int
host_timers_new(struct loop *l, struct host_timers **ret_timers)
{
	struct host_timers *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->loop = l;
	*ret_timers = t;
	return 0;
}

struct host_timers *
host_timers_free(struct host_timers *t)
{
	if (t == NULL)
		return NULL;
	for (unsigned i = 0; i < t->used; i++)
		loop_timer_free(t->slots[i].timer);
	free(t);
	return NULL;
}

static struct slot *
free_slot(struct host_timers *t)
{
	for (unsigned i = 0; i < t->used; i++)
		if (t->slots[i].fn == NULL && t->slots[i].timer != NULL)
			return &t->slots[i];
	return t->used < HOST_TIMERS_MAX ? &t->slots[t->used] : NULL;
}

int
host_timers_set(struct host_timers *t, uint32_t delay_ms, laned_timer_fn fn, void *user,
		uint64_t *ret_timer)
{
	struct slot *s = free_slot(t);

	if (fn == NULL)
		return LANED_INVALID;
	if (s == NULL) {
		watch_used_up();
		return LANED_AGAIN;
	}
	s->timers = t;
	if (s->timer == NULL && loop_timer_new(t->loop, fire, s, &s->timer) < 0)
		return LANED_NO_MEMORY;
	if (s == &t->slots[t->used])
		t->used++;
	if (loop_timer_set(s->timer, delay_ms) < 0)
		return LANED_NO_MEMORY;
	s->fn = fn;
	s->user = user;
	s->generation++;
	t->armed++;
	*ret_timer = s->generation << SLOT_BITS | (uint64_t)(s - t->slots);
	return LANED_OK;
}

void
host_timers_cancel(struct host_timers *t, uint64_t timer)
{
	uint64_t index = timer & ((1u << SLOT_BITS) - 1);
	struct slot *s;

	if (timer == 0 || index >= t->used)
		return;
	s = &t->slots[index];
	if (s->fn == NULL || s->generation != timer >> SLOT_BITS)
		return;
	s->fn = NULL;
	t->armed--;
	loop_timer_cancel(s->timer);
}

unsigned
host_timers_armed(const struct host_timers *t)
{
	return t->armed;
}
