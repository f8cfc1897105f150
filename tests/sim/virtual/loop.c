/* base/loop.h in virtual time. */
#include "sim/virtual/virtual.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define DELAY_MS_MAX (INT64_C(30) * 24 * 3600 * 1000)
#define NEVER INT64_MAX

struct deferred {
	void (*fn)(void *ctx);
	void *ctx;
	struct deferred *next;
};

struct loop_timer {
	struct loop *loop;
	struct loop_timer *prev, *next;
	int64_t at_ms;
	uint64_t order; /* of two at one time the one that was set first */
	void (*fn)(void *ctx);
	void *ctx;
};

struct loop_io {
	struct loop *loop;
	struct loop_io *prev, *next;
	int fd;
	unsigned events;
	void (*fn)(void *ctx, unsigned events);
	void *ctx;
};

struct loop {
	struct loop_timer *timers;
	struct loop_io *ios;
	struct deferred *deferred, **deferred_end;
	uint64_t order, wakeups;
	bool stop;
};

int
loop_new(struct loop **ret_loop)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	l->deferred_end = &l->deferred;
	*ret_loop = l;
	return 0;
}

struct loop *
loop_free(struct loop *l)
{
	if (l == NULL)
		return NULL;
	assert(l->timers == NULL && l->ios == NULL);
	while (l->deferred != NULL) {
		struct deferred *d = l->deferred;

		l->deferred = d->next;
		free(d);
	}
	free(l);
	return NULL;
}

static struct loop_timer *
first_timer(const struct loop *l)
{
	struct loop_timer *first = NULL;

	for (struct loop_timer *t = l->timers; t != NULL; t = t->next)
		if (t->at_ms != NEVER &&
		    (first == NULL || t->at_ms < first->at_ms ||
		     (t->at_ms == first->at_ms && t->order < first->order)))
			first = t;
	return first;
}

static int64_t
io_due(const struct loop_io *io)
{
	int64_t at_ms = NEVER, ms;

	if ((io->events & LOOP_READ) != 0)
		at_ms = virtual_readable_ms(io->fd);
	if ((io->events & LOOP_WRITE) != 0) {
		ms = virtual_writable_ms(io->fd);
		at_ms = ms < at_ms ? ms : at_ms;
	}
	return at_ms;
}

static struct loop_io *
first_io(const struct loop *l, int64_t *ret_ms)
{
	struct loop_io *first = NULL;

	*ret_ms = NEVER;
	for (struct loop_io *io = l->ios; io != NULL; io = io->next) {
		int64_t at_ms = io_due(io);

		if (at_ms < *ret_ms) {
			*ret_ms = at_ms;
			first = io;
		}
	}
	return first;
}

int64_t
virtual_loop_due(const struct loop *l)
{
	const struct loop_timer *t;
	int64_t at_ms;

	if (l->deferred != NULL)
		return virtual_now_ms();
	t = first_timer(l);
	(void)first_io(l, &at_ms); /* only when */
	return t != NULL && t->at_ms < at_ms ? t->at_ms : at_ms;
}

static void
run_deferred(struct loop *l)
{
	struct deferred *d = l->deferred;

	l->deferred = d->next;
	if (l->deferred == NULL)
		l->deferred_end = &l->deferred;
	d->fn(d->ctx);
	free(d);
}

void
virtual_loop_work(struct loop *l)
{
	struct loop_timer *t;
	struct loop_io *io;
	unsigned events = 0;
	int64_t now_ms = virtual_now_ms(), io_ms;

	l->wakeups++;
	if (l->deferred != NULL) {
		run_deferred(l);
		return;
	}
	t = first_timer(l);
	io = first_io(l, &io_ms);
	if (t != NULL && t->at_ms <= now_ms && (io == NULL || t->at_ms <= io_ms)) {
		t->at_ms = NEVER;
		t->fn(t->ctx); /* may free t */
	} else if (io != NULL && io_ms <= now_ms) {
		if ((io->events & LOOP_READ) != 0 &&
		    virtual_readable_ms(io->fd) <= now_ms)
			events |= LOOP_READ;
		if ((io->events & LOOP_WRITE) != 0 &&
		    virtual_writable_ms(io->fd) <= now_ms)
			events |= LOOP_WRITE;
		io->fn(io->ctx, events); /* may free io */
	}
}

/* Nobody runs a loop but the world, by the two above. */
int
loop_run(struct loop *l)
{
	(void)l;
	return -ENOTSUP;
}

int
loop_once(struct loop *l, int timeout_ms)
{
	(void)timeout_ms;
	if (virtual_loop_due(l) <= virtual_now_ms())
		virtual_loop_work(l);
	return 0;
}

void
loop_stop(struct loop *l)
{
	l->stop = true;
}

int
loop_timer_new(struct loop *l, void (*fn)(void *ctx), void *ctx,
	       struct loop_timer **ret_timer)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	*t = (struct loop_timer){
		.loop = l, .next = l->timers, .at_ms = NEVER, .fn = fn, .ctx = ctx
	};
	if (l->timers != NULL)
		l->timers->prev = t;
	l->timers = t;
	*ret_timer = t;
	return 0;
}

int
loop_timer_set(struct loop_timer *t, int64_t delay_ms)
{
	if (delay_ms < 0)
		delay_ms = 0;
	if (delay_ms > DELAY_MS_MAX)
		delay_ms = DELAY_MS_MAX;
	t->at_ms = virtual_now_ms() + delay_ms;
	t->order = ++t->loop->order;
	return 0;
}

void
loop_timer_cancel(struct loop_timer *t)
{
	t->at_ms = NEVER;
}

struct loop_timer *
loop_timer_free(struct loop_timer *t)
{
	if (t == NULL)
		return NULL;
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		t->loop->timers = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	free(t);
	return NULL;
}

int
loop_io_new(struct loop *l, int fd, unsigned events,
	    void (*fn)(void *ctx, unsigned events), void *ctx, struct loop_io **ret_io)
{
	struct loop_io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return -ENOMEM;
	*io = (struct loop_io){ .loop = l,
				.next = l->ios,
				.fd = fd,
				.events = events,
				.fn = fn,
				.ctx = ctx };
	if (l->ios != NULL)
		l->ios->prev = io;
	l->ios = io;
	*ret_io = io;
	return 0;
}

int
loop_io_set(struct loop_io *io, unsigned events)
{
	io->events = events;
	return 0;
}

struct loop_io *
loop_io_free(struct loop_io *io)
{
	if (io == NULL)
		return NULL;
	if (io->prev != NULL)
		io->prev->next = io->next;
	else
		io->loop->ios = io->next;
	if (io->next != NULL)
		io->next->prev = io->prev;
	free(io);
	return NULL;
}

int
loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx)
{
	(void)l;
	(void)signo;
	(void)fn;
	(void)ctx;
	return 0; /* nobody sends one */
}

int
loop_defer(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
	struct deferred *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return -ENOMEM;
	d->fn = fn;
	d->ctx = ctx;
	*l->deferred_end = d;
	l->deferred_end = &d->next;
	return 0;
}

/* For streams that no simulation opens. */
struct event_base *loop_event_base(struct loop *l);

struct event_base *
loop_event_base(struct loop *l)
{
	(void)l;
	return NULL;
}

uint64_t
loop_wakeups(const struct loop *l)
{
	return l->wakeups;
}
