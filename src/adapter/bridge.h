#ifndef LANED_ADAPTER_BRIDGE_H
#define LANED_ADAPTER_BRIDGE_H

#include "adapter/host.h"
#include "adapter/plugin_load.h"
#include "adapter/report.h"
#include "base/rpc.h"

/*
 * Between laned and the plug-in: JSON-RPC of docs/protocol.md on one side, the ABI on the other. It
 * keeps the rule of one completion, sees to limits of time, and hands the journal through: without
 * laned nothing leaves.
 */
#define BRIDGE_JOURNAL_MS 2000
/* So long past the plug-in's own limit the host says "unknown" in its place. */
#define BRIDGE_GRACE_MS 5000u

struct bridge;

enum bridge_laned { BRIDGE_LANED_HERE, BRIDGE_LANED_LOST, BRIDGE_LANED_SILENT };

struct bridge_options {
	struct loop *loop;
	struct laned_host *host;
	const struct plugin *plugin; /* loaded, not yet created */
	const char *name;
	const char *environment;
	const char *place;     /* of adapter_place(); NULL: not known */
	const char *socket;    /* NULL: only fd */
	int fd;                /* -1: none */
	uint32_t grace_ms;     /* past a request's limit; 0: BRIDGE_GRACE_MS */
	struct report *report; /* goes with hello; NULL: none */
	bool sole; /* no other process can have answered a POS under this name meanwhile */
	void (*ended)(void *ctx, int err); /* the plug-in cannot go on; or fd ended */
	/* laned's hello came, the link was lost, or a synchronous question had no answer in time. May
	 * come from inside a call of the plug-in. NULL: nobody asks. */
	void (*laned)(void *ctx, enum bridge_laned what);
	void *ctx;
};

/* Creates and starts the plug-in's instance and begins to connect. 0; -EPROTO the plug-in refuses. */
int bridge_new(const struct bridge_options *o, struct bridge **ret_bridge);
/* Stops and destroys the instance. NULL is fine; returns NULL. */
struct bridge *bridge_free(struct bridge *b);
/* laned said who it is and took us. */
bool bridge_is_up(const struct bridge *b);
/*
 * Asks laned for a sign of life, one at a time: done comes once, from the loop; alive: any answer within
 * timeout_ms. 0; -EPIPE there is no link; -EAGAIN one is under way; -ENOMEM. done is not called after bridge_free.
 */
int bridge_ping(struct bridge *b, int64_t timeout_ms, void (*done)(void *ctx, bool alive),
		void *ctx);
/* A notification for laned, when it is there; params is borrowed. */
void bridge_notify(struct bridge *b, const char *method, struct json_out *params);

#endif
