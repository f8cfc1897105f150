#ifndef LANED_BASE_DAEMON_H
#define LANED_BASE_DAEMON_H

#include "base/loop.h"

#include <stdbool.h>

/*
 * What every daemon of ours does at start: umask 0077, no core dumps, not traceable, SIGPIPE
 * ignored, standard input from /dev/null. Afterwards /proc/self belongs to root. Returns 0 or a negative errno.
 */
int daemon_harden(void);

/*
 * Ties a loop to its end and to systemd: SIGTERM and SIGINT stop the loop, SIGHUP calls reload
 * (NULL: stops the loop, too), the watchdog is fed at a third of WATCHDOG_USEC from the loop and never otherwise.
 */
struct daemon;
int daemon_new(struct loop *l, void (*reload)(void *ctx), void *ctx,
	       struct daemon **ret_daemon);
struct daemon *daemon_free(struct daemon *d);

/* sd_notify READY=1, STATUS=text, STOPPING=1, RELOADING=1; no-ops outside systemd. */
void daemon_ready(const char *status);
void daemon_status(const char *status);
void daemon_stopping(void);

/*
 * Work that blocks the loop on purpose (loading a gallery): feeds the watchdog if it is due.
 */
void daemon_still_alive(struct daemon *d);

#endif
