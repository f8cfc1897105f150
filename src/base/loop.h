#ifndef LANED_BASE_LOOP_H
#define LANED_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The event loop of a process, over libevent. One thread. Everything made from a loop is freed
 * before it. Each *_new and *_set gives 0, -ENOMEM or the errno of epoll; timers, watches and the
 * like may be freed from inside their own callback.
 */
struct loop;
struct loop_timer;
struct loop_io;

int loop_new(struct loop **ret_loop);
/* NULL is fine; returns NULL. What was deferred and has not run is dropped. */
struct loop *loop_free(struct loop *l);
/* Runs until loop_stop, also when that came before. 0, or a negative errno when the loop itself failed. */
int loop_run(struct loop *l);
/* One round: waits at most timeout_ms (-1 = until something happens) and dispatches. */
int loop_once(struct loop *l, int timeout_ms);
void loop_stop(struct loop *l);

/*
 * A one-shot timer; armed by loop_timer_set, which replaces an earlier time. Less than 0 counts as
 * 0, more than 30 days as 30 days.
 */
int loop_timer_new(struct loop *l, void (*fn)(void *ctx), void *ctx,
		   struct loop_timer **ret_timer);
int loop_timer_set(struct loop_timer *t, int64_t delay_ms);
void loop_timer_cancel(struct loop_timer *t);
struct loop_timer *loop_timer_free(struct loop_timer *t);

enum loop_io_events { LOOP_READ = 1, LOOP_WRITE = 2 };
/* Watches fd (not owned; closed only after loop_io_free) persistently; 0 events pauses. */
int loop_io_new(struct loop *l, int fd, unsigned events,
		void (*fn)(void *ctx, unsigned events), void *ctx,
		struct loop_io **ret_io);
int loop_io_set(struct loop_io *io, unsigned events);
struct loop_io *loop_io_free(struct loop_io *io);

/* Calls fn in the loop when the signal comes; replaces the earlier fn; NULL ends the watch. */
int loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx);

/* Runs fn once from the loop, after the current callback. */
int loop_defer(struct loop *l, void (*fn)(void *ctx), void *ctx);

/* Times the loop woke up, for status and tests. */
uint64_t loop_wakeups(const struct loop *l);

#endif
