#ifndef LANED_BIO_ERRANDS_H
#define LANED_BIO_ERRANDS_H

#include "base/loop.h"

#include <stdatomic.h>
#include <stdbool.h>

/*
 * Work that would hold up the loop, done one after another by one background thread that takes no
 * signals. Whatever only this thread touches (the gallery) needs no lock: the order of errands is
 * enough.
 */
enum errand_class {
	ERRAND_URGENT, /* somebody waits: searches, additions, removals */
	ERRAND_LATER,  /* loading: one slice at a time, so that it gives way */
	ERRAND_CLASSES
};

enum errand_state { ERRAND_IDLE, ERRAND_QUEUED, ERRAND_RUNNING, ERRAND_FINISHED };

/* Zeroed and filled by the poster, who keeps it where it is until done was called. */
struct errand {
	void (*work)(struct errand *e); /* on the background thread */
	void (*done)(
		struct errand *e); /* on the loop's thread; may post and free errands */
	enum errand_class class;
	/* Set by errands_cancel; work looks at it and ends early, done sees it too. */
	atomic_bool cancel;
	bool worked; /* for done: work was called */
	/* Of errands.c. */
	enum errand_state state;
	struct errand *next;
};

struct errands;

/* 0; -ENOMEM; -EAGAIN no thread is to be had; errno of eventfd. */
int errands_new(struct loop *l, struct errands **ret_errands);

/*
 * Cancels what runs, waits for its end and calls no done any more: what was posted belongs to its
 * poster again. NULL is fine; returns NULL. Not from inside a done.
 */
struct errands *errands_free(struct errands *s);

/*
 * On the loop's thread, from inside a done too. Urgent ones go first; within a class, first come
 * first served. Cannot fail; how many there may be is the posters' business. done is called exactly
 * once, never from inside errands_post or errands_cancel.
 */
void errands_post(struct errands *s, struct errand *e);

/*
 * On the loop's thread: e is not wanted any more. Its work is never called when it has not begun;
 * done is called as ever. Fine for one that is not posted or has ended.
 */
void errands_cancel(struct errands *s, struct errand *e);

/* Whether e is posted and its done was not called yet. On the loop's thread. */
bool errands_has(struct errands *s, const struct errand *e);

#endif
