#ifndef LANED_ADAPTER_BYPASS_H
#define LANED_ADAPTER_BYPASS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether connections of the POS go to the plug-in, or straight to the real terminal. Pure: events
 * and the time are handed in, and one table answers each event in each state.
 */
#define BYPASS_GRACE_MS 300 /* laned may be away so long before the bypass begins */

enum bypass_state {
	BYPASS_START,  /* nothing is known yet */
	BYPASS_SERVE,  /* plug-in and laned are well */
	BYPASS_GRACE,  /* laned is away, for less than BYPASS_GRACE_MS */
	BYPASS_LANED,  /* bypass: laned is away or silent */
	BYPASS_PLUGIN, /* bypass: there is no plug-in */
	BYPASS_BOTH,   /* bypass: neither is there */
	BYPASS_LEAVING /* both are well; what is relayed ends first */
};
#define BYPASS_STATES 7u

enum bypass_event {
	BYPASS_LANED_HERE,   /* hello was answered, or anything after a silence */
	BYPASS_LANED_LOST,   /* the link ended */
	BYPASS_LANED_SILENT, /* no answer in time on a link that stands */
	BYPASS_GRACE_OVER,
	BYPASS_PLUGIN_READY, /* loaded, created, started */
	BYPASS_PLUGIN_GONE,  /* or throttled, or not loadable */
	BYPASS_QUIET         /* no transaction is relayed (any more) */
};
#define BYPASS_EVENTS 7u

/* What a connection that comes from the POS is to do. */
enum bypass_route {
	BYPASS_ROUTE_WAIT, /* stay in the system's queue */
	BYPASS_ROUTE_PLUGIN,
	BYPASS_ROUTE_TERMINAL
};

struct bypass {
	enum bypass_state state;
	int64_t since_ms;       /* monotonic: the route is what it is since */
	int64_t grace_until_ms; /* BYPASS_START, BYPASS_GRACE; else INT64_MAX */
	unsigned relayed;       /* transactions that are relayed now */
};

void bypass_init(struct bypass *b, int64_t now_ms);
/* True: the state is another one now. */
bool bypass_event(struct bypass *b, enum bypass_event event, int64_t now_ms);
/* A relayed transaction begins (1) or has ended (-1). True as above. */
bool bypass_relayed(struct bypass *b, int by, int64_t now_ms);
/* To be called at grace_until_ms. True as above. */
bool bypass_tick(struct bypass *b, int64_t now_ms);
enum bypass_route bypass_route(const struct bypass *b);
/* The bypass is on: what status shows. */
bool bypass_is_on(const struct bypass *b);
/* A few fixed words: why, or "none". */
const char *bypass_why(const struct bypass *b);

/* The table itself, for its test. */
enum bypass_state bypass_next(enum bypass_state state, enum bypass_event event);
const char *bypass_state_name(enum bypass_state state);

#endif
