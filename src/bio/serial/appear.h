#ifndef LANED_BIO_SERIAL_APPEAR_H
#define LANED_BIO_SERIAL_APPEAR_H

#include "base/loop.h"

/*
 * Waits for a path to appear, to change its target or its permissions, without polling: watches the
 * nearest folder that exists, of the path and of each link that it goes through.
 */
struct appear;

/*
 * fn is called from the loop, once for any number of changes that come together; the watch goes on,
 * and appear_again must be called after it. It may free the watch. path: absolute; borrowed.
 * 0; -EINVAL; -ENOMEM; the errno of inotify (-EMFILE, -ENOSPC: limits).
 */
int appear_new(struct loop *l, const char *path, void (*fn)(void *ctx), void *ctx,
	       struct appear **ret_appear);
/* Looks anew which folders exist. What happened before this call is not told any more. */
int appear_again(struct appear *a);
/* NULL is fine; returns NULL. */
struct appear *appear_free(struct appear *a);

#endif
