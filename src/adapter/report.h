#ifndef LANED_ADAPTER_REPORT_H
#define LANED_ADAPTER_REPORT_H

#include "adapter/crash_record.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/rpc.h"

/*
 * What laned is told of this host beside the plug-in's own hello: whether the plug-in is loaded, what
 * it died of last, whether its endpoints are bypassed. It goes with adapter.hello, and at each
 * change as the notification adapter.report; while there is no plug-in, and so no hello, over a
 * connection that the report keeps itself.
 */
#define REPORT_WHY_BYTES 160u
/* A plug-in that has worked for so long is not reproached with what it died of before. */
#define REPORT_WELL_MS (INT64_C(30) * 60 * 1000)
#define REPORT_ODD_BYTES 65u
#define REPORT_ODD_MS 1000

struct report;

struct report_options {
	struct loop *loop;
	const struct crash_record *record;
	const char *name, *environment;
	const char *socket; /* NULL: none but fd */
	int fd;             /* a socket to laned, borrowed; -1 none */
};

/* Everything of *o is borrowed for the report's life. 0 or -ENOMEM. */
int report_new(const struct report_options *o, struct report **ret_report);
struct report *report_free(struct report *r);

/*
 * The plug-in is ("loaded"), or is not there and why: "waiting", "bypass", "unloadable" with a
 * sentence. state is kept as it is (a constant), why is copied.
 */
void report_set_state(struct report *r, const char *state, const char *why);
/* The endpoints are joined without the plug-in; why: some words. Copied. */
void report_set_bypass(struct report *r, bool on, const char *why);

/*
 * send: tells laned over the connection of a bridge; the own one is closed before this returns, as
 * laned takes one at a time. NULL: there is no bridge, and the own one is opened.
 */
void report_set_way(struct report *r,
		    void (*send)(void *ctx, const char *method, struct json_out *params),
		    void *ctx);

/*
 * The plug-in did what none should (flooded, completed twice) and lives on. what is copied. laned is told at
 * once, but no more often than once a second: a flood makes no flood of words about it.
 */
void report_odd(struct report *r, const char *what);

/* The members of an adapter.report into the open object o. */
void report_write(const struct report *r, struct json_out *o);

#endif
