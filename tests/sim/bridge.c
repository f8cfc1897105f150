/*
 * The adapter's process with the real bridge: bridge.c, bridge_out.c, wire.c, host_requests.c and rpc
 * in virtual time, over a socket that delays and cuts, around the real adapter on a virtual host. It
 * dies at any call of its host and before any byte that it sends: from then on what its code still
 * does has no effect outside, and it is put away when that has come back.
 */
#include "sim/drop_private.h"
#include "sim/relay.h"
#include "sim/virtual/virtual.h"

#include "adapter/bridge.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 10000u
#define DEATH_ONE_IN 1500u /* sends */

/* ---- host.h, of which the bridge knows five functions (--wrap) ------------------------------- */

void __wrap_host_set_link(struct laned_host *h, const struct host_link *link);
const struct laned_host_api *__wrap_host_api(void);
bool __wrap_host_guard(struct laned_host *h, struct laned_str s);
uint64_t __wrap_host_pans_refused(const struct laned_host *h);
uint64_t __wrap_host_refused(const struct laned_host *h);

void
__wrap_host_set_link(struct laned_host *h, const struct host_link *link)
{
	vhost_set_link((struct vhost *)(void *)h, link);
}

/* Its process is known from here to the end of the run. */
static struct drop_side *now_running;

const struct laned_host_api *
__wrap_host_api(void)
{
	return now_running->is->api != NULL ? now_running->is->api(now_running)
					    : vhost_api();
}

bool
__wrap_host_guard(struct laned_host *h, struct laned_str s)
{
	return vhost_api()->guard(h, s) != LANED_OK;
}

uint64_t
__wrap_host_pans_refused(const struct laned_host *h)
{
	return vhost_pans_refused((const struct vhost *)(const void *)h);
}

uint64_t
__wrap_host_refused(const struct laned_host *h)
{
	(void)h;
	return 0; /* nothing is flooded here */
}

/* ---- dying ------------------------------------------------------------------------------- */

/* Its code may still be under way; it does not know. */
static void
dies(struct drop_side *d)
{
	if (d->dying)
		return;
	d->dying = true;
	if (d->w->relay == NULL)
		d->w->adapter_epoch++; /* else the payer's */
	d->w->res->adapter_restarts++;
	world_trace(d->w, "adapter dies");
	virtual_kill(VIRTUAL_ADAPTER);
	if (d->w->relay != NULL)
		relay_killed(d->w);
}

void
bridge_side_dies_here(struct drop_side *d)
{
	dies(d);
}

static void
on_ended(void *ctx, int err)
{
	struct drop_side *d = ctx;

	world_trace(d->w, "the bridge ends: %d", err);
	dies(d);
}

/* What is left of a process that died. */
static void
put_away(struct drop_side *d)
{
	enum virtual_process before = virtual_enter(VIRTUAL_ADAPTER);

	d->bridge = bridge_free(d->bridge);
	if (d->is->gone != NULL)
		d->is->gone(d);
	d->loop = loop_free(d->loop);
	vhost_forget_deferred(d->host);
	(void)virtual_enter(before);
	(void)world_post(d->w, d->is->starts, world_delay(d->w, 500, 20000));
}

/* A part of the process's code has come back. */
static void
leave(struct drop_side *d, enum virtual_process before)
{
	d->inside = false;
	(void)virtual_enter(before);
	if (d->dying && d->loop != NULL)
		put_away(d);
}

static enum virtual_process
enter(struct drop_side *d)
{
	d->inside = true;
	return virtual_enter(VIRTUAL_ADAPTER);
}

void
bridge_side_die(struct drop_side *d)
{
	if (d->loop == NULL)
		return;
	dies(d);
	if (!d->inside)
		put_away(d);
}

int
bridge_side_called(struct drop_side *d, const char *function)
{
	static const char *const outside[] = {
		"dir_list",      "dir_read",   "dir_put",  "dir_remove",
		"dir_set_aside", "journal",    "event",    "pos_basket",
		"pos_claim",     "pos_cancel", "complete", "conn_open",
		"conn_listen",   "conn_send",  "splice",   "tunnel",
	};

	if (d->inside && !d->dying && drop_dies(d, DEATH_ONE_IN)) {
		world_trace(d->w, "in %s", function);
		dies(d);
	}
	for (size_t i = 0; d->dying && i < sizeof(outside) / sizeof(outside[0]); i++)
		if (strcmp(function, outside[i]) == 0)
			return LANED_IO;
	return LANED_OK;
}

/* ---- the socket's hooks ------------------------------------------------------------------ */

static int64_t
on_delay(void *ctx, enum virtual_process from, size_t n)
{
	struct world *w = ctx;

	(void)from;
	w->res->sent_bytes += n;
	if (world_fault(w, SIM_FAULT_LATE, 200))
		return world_delay(w, 100, 3500);
	return world_chance(w, 4) ? world_delay(w, 0, 20) : 0;
}

static size_t
on_piece(void *ctx, enum virtual_process p, bool sends, size_t n)
{
	struct world *w = ctx;

	(void)p;
	if (sends && world_fault(w, SIM_FAULT_PEER_SLOW, 300))
		return 0;
	if (n > 1 && world_fault(w, SIM_FAULT_PARTIAL, 25))
		return 1 + (size_t)(world_random(w) % (n - 1));
	return n;
}

static void
on_seen(void *ctx, enum virtual_process from, const char *bytes, size_t n)
{
	struct world *w = ctx;

	(void)from;
	if (w->relay != NULL)
		relay_looks(w, bytes, n);
}

static void
on_sends(void *ctx, enum virtual_process p)
{
	struct world *w = ctx;

	if (p == VIRTUAL_LANED) {
		world_crash_point(w);
	} else if (drop_dies(now_running, DEATH_ONE_IN)) {
		world_trace(w, "at a send");
		dies(now_running);
	} else if (world_fault(w, SIM_FAULT_LINK_CUT, 500)) {
		world_trace(w, "the link breaks");
		(void)virtual_cut(); /* with or without something under way */
	}
}

/* The process waits in poll(): the world goes on around it. */
static void
on_waits(void *ctx, enum virtual_process p, int fd, int64_t at_ms)
{
	struct world *w = ctx;
	struct drop_side *d = now_running;
	enum virtual_process before;

	if (p != VIRTUAL_ADAPTER)
		return;
	d->waiting = true;
	before = virtual_enter(VIRTUAL_LANED);
	while (!virtual_ready(fd) && !d->dying && !w->res->broken &&
	       world_happen(w, at_ms))
		;
	/* Nothing happens in a broken run any more, not even the time that this waits for. */
	if (w->res->broken)
		(void)virtual_cut(); /* whether something was under way or not */
	(void)virtual_enter(before);
	d->waiting = false;
}

static uint64_t
on_random(void *ctx)
{
	return world_random(ctx);
}

void
bridge_side_begin(struct world *w)
{
	const struct virtual_hooks hooks = { .ctx = w,
					     .delay_ms = on_delay,
					     .piece = on_piece,
					     .seen = on_seen,
					     .sends = on_sends,
					     .waits = on_waits,
					     .random = on_random };

	log_set_level(w->opt.trace != NULL ? LOG_DEBUG : LOG_EMERG);
	virtual_begin(&hooks);
	virtual_clock(&w->now);
}

void
bridge_side_end(void)
{
	virtual_begin(NULL);
}

/* ---- life -------------------------------------------------------------------------------- */

void
bridge_side_start(struct drop_side *d)
{
	enum virtual_process before;
	struct bridge_options o = { .host = vhost_handle(d->host),
				    .plugin = d->plugin,
				    .name = d->is->name,
				    .environment = "test",
				    .socket = d->is->socket,
				    .fd = -1,
				    .sole = true,
				    .ended = on_ended,
				    .laned = d->is->laned,
				    .ctx = d };
	int rc;

	now_running = d;
	virtual_born(VIRTUAL_ADAPTER);
	d->dying = false;
	before = enter(d);
	if (loop_new(&d->loop) < 0)
		abort();
	o.loop = d->loop;
	if (d->is->born != NULL)
		d->is->born(d);
	rc = bridge_new(&o, &d->bridge);
	if (rc < 0 && !d->dying)
		world_broken(d->w, INV_ALIVE "the adapter does not start: %d", rc);
	if (rc == 0 && !d->dying && d->is->runs != NULL)
		d->is->runs(d);
	world_trace(d->w, "adapter up %d", rc == 0);
	leave(d, before);
}

int64_t
bridge_side_due(const struct drop_side *d)
{
	int64_t plugin_ms, loop_ms;

	if (d->loop == NULL || d->inside)
		return VHOST_NEVER;
	plugin_ms = vhost_due(d->host);
	loop_ms = virtual_loop_due(d->loop);
	return plugin_ms < loop_ms ? plugin_ms : loop_ms;
}

void
bridge_side_work(struct drop_side *d)
{
	int64_t now_ms = d->w->now.mono_ms;
	enum virtual_process before = enter(d);

	if (virtual_loop_due(d->loop) <= now_ms)
		virtual_loop_work(d->loop);
	else if (!vhost_run(d->host, now_ms, STEPS_MAX) && !d->dying)
		world_broken(d->w, INV_ALIVE "the adapter does not come to rest");
	leave(d, before);
}

/* It is told to stop, and everything that it had is given back. */
void
bridge_side_stop(struct drop_side *d)
{
	enum virtual_process before;

	if (d->loop == NULL)
		return;
	before = virtual_enter(VIRTUAL_ADAPTER);
	d->bridge = bridge_free(d->bridge);
	if (d->is->gone != NULL)
		d->is->gone(d);
	d->loop = loop_free(d->loop);
	(void)virtual_enter(before);
}
