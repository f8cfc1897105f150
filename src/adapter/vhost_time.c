/* The time of a host in virtual time: timers, watched folders and deferred calls, in their order. */
#include "adapter/vhost_private.h"

#include <errno.h>
#include <stdlib.h>

int
vhost_timer_set(struct laned_host *h, uint32_t delay_ms, laned_timer_fn fn, void *user,
		uint64_t *ret_timer)
{
	struct vhost *v = vhost_of(h);
	int rc = vhost_called(v, "timer_set");

	if (rc != LANED_OK)
		return rc;
	if (v->timers_count == VHOST_TIMERS_MAX)
		return LANED_AGAIN;
	if (v->timers_count == v->timers_room) {
		void *list = v->timers;

		if (vhost_grow(&list, &v->timers_room, sizeof(v->timers[0])) < 0)
			return LANED_NO_MEMORY;
		v->timers = list;
	}
	*ret_timer = ++v->next;
	v->timers[v->timers_count++] =
		(struct vhost_timer){ v->next, v->now_ms + delay_ms, fn, user };
	return LANED_OK;
}

void
vhost_timer_cancel(struct laned_host *h, uint64_t timer)
{
	struct vhost *v = vhost_of(h);

	for (uint32_t i = 0; timer != 0 && i < v->timers_count; i++)
		if (v->timers[i].id == timer)
			v->timers[i] = v->timers[--v->timers_count];
}

int64_t
vhost_now(const struct vhost *v)
{
	return v->now_ms;
}

/* The timer that goes off first, those of one time in the order they were set. */
static const struct vhost_timer *
first_timer(const struct vhost *v)
{
	const struct vhost_timer *first = NULL;

	for (uint32_t i = 0; i < v->timers_count; i++) {
		const struct vhost_timer *t = &v->timers[i];

		if (first == NULL || t->at_ms < first->at_ms ||
		    (t->at_ms == first->at_ms && t->id < first->id))
			first = t;
	}
	return first;
}

/* The folder whose watcher is called first; *ret_ms when. */
static struct vhost_option *
first_folder(struct vhost *v, int64_t *ret_ms)
{
	struct vhost_option *first = NULL;

	*ret_ms = VHOST_NEVER;
	for (uint32_t i = 0; i < v->table->options_count; i++) {
		struct vhost_option *o = &v->options[i];
		int64_t at_ms = o->changed ? v->now_ms : o->poll_at_ms;

		if (o->fn == NULL || at_ms >= *ret_ms)
			continue;
		*ret_ms = at_ms;
		first = o;
	}
	return first;
}

int64_t
vhost_due(struct vhost *v)
{
	const struct vhost_timer *t = first_timer(v);
	int64_t at_ms;

	if (v->deferred != NULL)
		return v->now_ms;
	(void)first_folder(v, &at_ms); /* only when */
	if (vhost_conns_due(v) < at_ms)
		at_ms = vhost_conns_due(v);
	if (vhost_typing_due(v) < at_ms)
		at_ms = vhost_typing_due(v);
	return t != NULL && t->at_ms < at_ms ? t->at_ms : at_ms;
}

static void
run_deferred(struct vhost *v)
{
	struct vhost_deferred *d = v->deferred, now = *d;

	v->deferred = d->next;
	if (v->deferred == NULL)
		v->deferred_end = &v->deferred;
	free(d); /* first: the plug-in may die in the call */
	now.fn(now.user, now.status);
}

static void
run_folder(struct vhost *v, struct vhost_option *o)
{
	o->changed = false;
	if (o->poll_ms > 0)
		o->poll_at_ms = v->now_ms + o->poll_ms;
	o->fn(o->user);
}

bool
vhost_step(struct vhost *v, int64_t at_ms)
{
	int64_t due_ms = vhost_due(v), folder_ms;
	const struct vhost_timer *first;
	struct vhost_timer t;
	struct vhost_option *o;

	if (due_ms > at_ms) {
		v->now_ms = at_ms > v->now_ms ? at_ms : v->now_ms;
		return false;
	}
	v->now_ms = due_ms > v->now_ms ? due_ms : v->now_ms;
	if (v->deferred != NULL) {
		run_deferred(v);
		return true;
	}
	o = first_folder(v, &folder_ms);
	if (o != NULL && folder_ms <= v->now_ms) {
		run_folder(v, o);
		return true;
	}
	if (vhost_conns_due(v) <= v->now_ms) {
		vhost_conns_run(v);
		return true;
	}
	if (vhost_typing_due(v) <= v->now_ms) {
		vhost_typing_run(v);
		return true;
	}
	first = first_timer(v);
	if (first == NULL)
		return false; /* not: something is due */
	t = *first;
	vhost_timer_cancel(vhost_handle(v), t.id);
	t.fn(t.user);
	return true;
}

bool
vhost_run(struct vhost *v, int64_t at_ms, unsigned steps_max)
{
	while (vhost_step(v, at_ms))
		if (steps_max-- == 0)
			return false;
	return true;
}

int
vhost_defer(struct vhost *v, laned_ack_fn fn, void *user, int status)
{
	struct vhost_deferred *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return -ENOMEM;
	*d = (struct vhost_deferred){ NULL, fn, user, status };
	*v->deferred_end = d;
	v->deferred_end = &d->next;
	return 0;
}

void
vhost_forget_deferred(struct vhost *v)
{
	while (v->deferred != NULL) {
		struct vhost_deferred *d = v->deferred;

		v->deferred = d->next;
		free(d);
	}
	v->deferred_end = &v->deferred;
}

unsigned
vhost_timers(const struct vhost *v)
{
	return v->timers_count;
}
