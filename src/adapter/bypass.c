#include "adapter/bypass.h"

#include <assert.h>

/*
 * Columns: laned here, lost, silent, grace over, plug-in ready, gone, quiet. A lost laned is waited for
 * in grace; a silent one is not, for the silence was the wait.
 */
#define START BYPASS_START
#define SERVE BYPASS_SERVE
#define GRACE BYPASS_GRACE
#define LANED BYPASS_LANED
#define PLUGIN BYPASS_PLUGIN
#define BOTH BYPASS_BOTH
#define LEAVING BYPASS_LEAVING
/* clang-format off */
static const enum bypass_state table[BYPASS_STATES][BYPASS_EVENTS] = {
	[BYPASS_START]   = { PLUGIN,  START, START, BOTH,    GRACE,   BOTH,   START },
	[BYPASS_SERVE]   = { SERVE,   GRACE, LANED, SERVE,   SERVE,   PLUGIN, SERVE },
	[BYPASS_GRACE]   = { SERVE,   GRACE, LANED, LANED,   GRACE,   BOTH,   GRACE },
	[BYPASS_LANED]   = { LEAVING, LANED, LANED, LANED,   LANED,   BOTH,   LANED },
	[BYPASS_PLUGIN]  = { PLUGIN,  BOTH,  BOTH,  PLUGIN,  LEAVING, PLUGIN, PLUGIN },
	[BYPASS_BOTH]    = { PLUGIN,  BOTH,  BOTH,  BOTH,    LANED,   BOTH,   BOTH },
	[BYPASS_LEAVING] = { LEAVING, LANED, LANED, LEAVING, LEAVING, PLUGIN, SERVE },
};
/* clang-format on */

static const struct {
	const char *name, *why;
	enum bypass_route route;
} states[BYPASS_STATES] = {
	[BYPASS_START] = { "start", "none", BYPASS_ROUTE_WAIT },
	[BYPASS_SERVE] = { "serve", "none", BYPASS_ROUTE_PLUGIN },
	[BYPASS_GRACE] = { "grace", "none", BYPASS_ROUTE_WAIT },
	[BYPASS_LANED] = { "laned", "laned does not answer", BYPASS_ROUTE_TERMINAL },
	[BYPASS_PLUGIN] = { "plugin", "the plug-in does not run", BYPASS_ROUTE_TERMINAL },
	[BYPASS_BOTH] = { "both", "the plug-in does not run", BYPASS_ROUTE_TERMINAL },
	[BYPASS_LEAVING] = { "leaving", "a transaction is still running",
			     BYPASS_ROUTE_TERMINAL },
};

static bool
is_waiting(enum bypass_state s)
{
	return s == BYPASS_START || s == BYPASS_GRACE;
}

static void
move(struct bypass *b, enum bypass_state next, int64_t now_ms)
{
	if (states[next].route != states[b->state].route)
		b->since_ms = now_ms;
	if (!is_waiting(next))
		b->grace_until_ms = INT64_MAX;
	else if (next != b->state)
		b->grace_until_ms = now_ms + BYPASS_GRACE_MS;
	b->state = next;
}

void
bypass_init(struct bypass *b, int64_t now_ms)
{
	*b = (struct bypass){ .state = BYPASS_START,
			      .since_ms = now_ms,
			      .grace_until_ms = now_ms + BYPASS_GRACE_MS };
}

bool
bypass_event(struct bypass *b, enum bypass_event event, int64_t now_ms)
{
	enum bypass_state was = b->state;

	move(b, bypass_next(was, event), now_ms);
	if (b->state == BYPASS_LEAVING && b->relayed == 0)
		move(b, bypass_next(b->state, BYPASS_QUIET), now_ms);
	return b->state != was;
}

bool
bypass_relayed(struct bypass *b, int by, int64_t now_ms)
{
	assert(by == 1 || by == -1);
	assert(by == 1 || b->relayed > 0);
	b->relayed += (unsigned)by;
	return b->relayed == 0 && bypass_event(b, BYPASS_QUIET, now_ms);
}

bool
bypass_tick(struct bypass *b, int64_t now_ms)
{
	return now_ms >= b->grace_until_ms && bypass_event(b, BYPASS_GRACE_OVER, now_ms);
}

enum bypass_route
bypass_route(const struct bypass *b)
{
	return states[b->state].route;
}

bool
bypass_is_on(const struct bypass *b)
{
	return bypass_route(b) == BYPASS_ROUTE_TERMINAL;
}

const char *
bypass_why(const struct bypass *b)
{
	return states[b->state].why;
}

enum bypass_state
bypass_next(enum bypass_state state, enum bypass_event event)
{
	assert(state < BYPASS_STATES);
	assert(event < BYPASS_EVENTS);
	return table[state][event];
}

const char *
bypass_state_name(enum bypass_state state)
{
	assert(state < BYPASS_STATES);
	return states[state].name;
}
