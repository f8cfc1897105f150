#include "base/loop_private.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdlib.h>

/* The longest delay a timer takes: 30 days; more is a bug or nonsense from a configuration. */
#define LOOP_DELAY_MS_MAX (INT64_C(30) * 24 * 3600 * 1000)

struct deferred {
	void (*fn)(void *ctx);
	void *ctx;
	struct deferred *next;
};

struct signal_watch {
	int signo;
	void (*fn)(void *ctx, int signo);
	void *ctx;
	struct event *event;
	struct signal_watch *next;
};

struct loop {
	struct event_base *base;
	struct event *once_timeout; /* ends the wait of loop_once */
	struct deferred *deferred, **deferred_end;
	struct signal_watch *signals;
	uint64_t wakeups;
	bool stop;
};

struct loop_timer {
	struct event *event;
	void (*fn)(void *ctx);
	void *ctx;
};

struct loop_io {
	struct loop *loop;
	struct event *event;
	int fd;
	unsigned events;
	void (*fn)(void *ctx, unsigned events);
	void *ctx;
};

/* libevent would write to standard error by itself; its failures come back as errors. */
static void
no_log(int severity, const char *text)
{
	(void)severity;
	(void)text;
}

static void
nothing_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->ctx); /* may free t */
}

static void
io_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop_io *io = arg;
	unsigned events = 0;

	(void)fd;
	if (what & EV_READ)
		events |= LOOP_READ;
	if (what & EV_WRITE)
		events |= LOOP_WRITE;
	io->fn(io->ctx, events); /* may free io */
}

static void
signal_cb(evutil_socket_t fd, short what, void *arg)
{
	struct signal_watch *w = arg;

	(void)fd;
	(void)what;
	w->fn(w->ctx, w->signo); /* may free w */
}

static struct timeval
timeval_of(int64_t delay_ms)
{
	if (delay_ms < 0)
		delay_ms = 0;
	if (delay_ms > LOOP_DELAY_MS_MAX)
		delay_ms = LOOP_DELAY_MS_MAX;
	return (struct timeval){ .tv_sec = (time_t)(delay_ms / 1000),
				 .tv_usec = (suseconds_t)(delay_ms % 1000 * 1000) };
}

/* Runs what is deferred now; what these calls defer waits for the next round. */
static void
run_deferred(struct loop *l)
{
	struct deferred *list = l->deferred;

	l->deferred = NULL;
	l->deferred_end = &l->deferred;
	while (list != NULL) {
		struct deferred *d = list;

		list = d->next;
		d->fn(d->ctx);
		free(d);
	}
}

static int
round_of_events(struct loop *l, int flags)
{
	int rc = event_base_loop(l->base, flags | EVLOOP_NO_EXIT_ON_EMPTY);

	if (rc < 0)
		return -EIO;
	l->wakeups++;
	run_deferred(l);
	return 0;
}

static void
signal_watch_free(struct signal_watch *w)
{
	if (w == NULL)
		return;
	if (w->event != NULL)
		event_free(w->event);
	free(w);
}

static void
signal_remove(struct loop *l, int signo)
{
	for (struct signal_watch **p = &l->signals; *p != NULL; p = &(*p)->next) {
		struct signal_watch *w = *p;

		if (w->signo != signo)
			continue;
		*p = w->next;
		signal_watch_free(w);
		return;
	}
}

int
loop_new(struct loop **ret_loop)
{
	struct event_config *config = event_config_new();
	struct loop *l = calloc(1, sizeof(*l));
	int rc = -ENOMEM;

	event_set_log_callback(no_log);
	if (config == NULL || l == NULL)
		goto out;
	l->deferred_end = &l->deferred;
	/* A cached time would let a timer set after long work fire too early. */
	(void)event_config_set_flag(config,
				    EVENT_BASE_FLAG_NO_CACHE_TIME); /* only tuning */
	l->base = event_base_new_with_config(config);
	if (l->base == NULL)
		goto out;
	l->once_timeout = event_new(l->base, -1, 0, nothing_cb, NULL);
	if (l->once_timeout == NULL)
		goto out;
	*ret_loop = l;
	l = NULL;
	rc = 0;
out:
	loop_free(l);
	if (config != NULL)
		event_config_free(config);
	return rc;
}

struct loop *
loop_free(struct loop *l)
{
	if (l == NULL)
		return NULL;
	while (l->signals != NULL)
		signal_remove(l, l->signals->signo);
	while (l->deferred != NULL) {
		struct deferred *d = l->deferred;

		l->deferred = d->next;
		free(d);
	}
	if (l->once_timeout != NULL)
		event_free(l->once_timeout);
	if (l->base != NULL)
		event_base_free(l->base);
	free(l);
	return NULL;
}

int
loop_run(struct loop *l)
{
	int rc = 0;

	while (!l->stop && rc == 0)
		rc = round_of_events(l, l->deferred ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
	l->stop = false;
	return rc;
}

int
loop_once(struct loop *l, int timeout_ms)
{
	struct timeval tv = timeval_of(timeout_ms);
	int rc;

	if (l->deferred != NULL || timeout_ms == 0)
		return round_of_events(l, EVLOOP_NONBLOCK);
	if (timeout_ms > 0 && event_add(l->once_timeout, &tv) < 0)
		return -ENOMEM;
	rc = round_of_events(l, EVLOOP_ONCE);
	if (timeout_ms > 0)
		(void)event_del(l->once_timeout); /* fails only for a bad event */
	return rc;
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

	assert(fn != NULL);
	if (t == NULL)
		return -ENOMEM;
	t->fn = fn;
	t->ctx = ctx;
	t->event = event_new(l->base, -1, 0, timer_cb, t);
	if (t->event == NULL) {
		free(t);
		return -ENOMEM;
	}
	*ret_timer = t;
	return 0;
}

int
loop_timer_set(struct loop_timer *t, int64_t delay_ms)
{
	struct timeval tv = timeval_of(delay_ms);

	return event_add(t->event, &tv) < 0 ? -ENOMEM : 0;
}

void
loop_timer_cancel(struct loop_timer *t)
{
	(void)event_del(t->event); /* fails only for a bad event */
}

struct loop_timer *
loop_timer_free(struct loop_timer *t)
{
	if (t == NULL)
		return NULL;
	event_free(t->event);
	free(t);
	return NULL;
}

static short
event_flags(unsigned events)
{
	int flags = EV_PERSIST;

	if (events & LOOP_READ)
		flags |= EV_READ;
	if (events & LOOP_WRITE)
		flags |= EV_WRITE;
	return (short)flags;
}

int
loop_io_new(struct loop *l, int fd, unsigned events,
	    void (*fn)(void *ctx, unsigned events), void *ctx, struct loop_io **ret_io)
{
	struct loop_io *io = calloc(1, sizeof(*io));
	int rc;

	assert(fd >= 0 && fn != NULL);
	if (io == NULL)
		return -ENOMEM;
	*io = (struct loop_io){ .loop = l, .fd = fd, .fn = fn, .ctx = ctx };
	io->event = event_new(l->base, fd, EV_PERSIST, io_cb, io);
	if (io->event == NULL) {
		free(io);
		return -ENOMEM;
	}
	rc = loop_io_set(io, events);
	if (rc < 0) {
		loop_io_free(io);
		return rc;
	}
	*ret_io = io;
	return 0;
}

int
loop_io_set(struct loop_io *io, unsigned events)
{
	if (io->events == events)
		return 0;
	(void)event_del(io->event); /* fails only for a bad event */
	io->events = 0;
	if (events == 0)
		return 0;
	errno = 0;
	if (event_assign(io->event, io->loop->base, io->fd, event_flags(events), io_cb,
			 io) < 0 ||
	    event_add(io->event, NULL) < 0)
		return errno != 0 ? -errno : -ENOMEM;
	io->events = events;
	return 0;
}

struct loop_io *
loop_io_free(struct loop_io *io)
{
	if (io == NULL)
		return NULL;
	event_free(io->event);
	free(io);
	return NULL;
}

int
loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx)
{
	struct signal_watch *w;

	signal_remove(l, signo);
	if (fn == NULL)
		return 0;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	*w = (struct signal_watch){ .signo = signo, .fn = fn, .ctx = ctx };
	w->event = evsignal_new(l->base, signo, signal_cb, w);
	if (w->event == NULL || event_add(w->event, NULL) < 0) {
		signal_watch_free(w);
		return -ENOMEM;
	}
	w->next = l->signals;
	l->signals = w;
	return 0;
}

int
loop_defer(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
	struct deferred *d = calloc(1, sizeof(*d));

	assert(fn != NULL);
	if (d == NULL)
		return -ENOMEM;
	d->fn = fn;
	d->ctx = ctx;
	*l->deferred_end = d;
	l->deferred_end = &d->next;
	return 0;
}

uint64_t
loop_wakeups(const struct loop *l)
{
	return l->wakeups;
}

struct event_base *
loop_event_base(struct loop *l)
{
	return l->base;
}
