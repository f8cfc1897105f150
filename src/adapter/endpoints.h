#ifndef LANED_ADAPTER_ENDPOINTS_H
#define LANED_ADAPTER_ENDPOINTS_H

#include "adapter/adapter_conf.h"
#include "adapter/bypass.h"
#include "adapter/framer.h"
#include "adapter/host_conns.h"

/*
 * The endpoints of an adapter that poses as a terminal. The host listens where the POS connects, not the
 * plug-in, so that a stranger's payment gets through to the real terminal without one. Each connection
 * goes to the plug-in, or is joined to the terminal, as the bypass says; one that lasts goes from one to
 * the other between two transactions, where the framer sees such a place.
 */
#define ENDPOINTS_PEERS_MAX 32u
#define ENDPOINTS_PING_MS                                                                \
	BYPASS_GRACE_MS              /* for laned, before a connection is the plug-in's */
#define ENDPOINTS_PING_AGAIN_MS 1000 /* while laned is silent */
#define ENDPOINTS_STATUS_BYTES 96u

struct endpoints;

struct endpoints_options {
	struct loop *loop;
	struct streams *streams;
	const struct adapter_endpoints *where; /* copied */
	bool off; /* there is no plug-in on purpose: the bypass is no fault, and is not reported as one */
	/*
	 * Asks laned for a sign of life; done comes once, from the loop, within timeout_ms. 0; negative
	 * errno: there is no link to ask over. NULL: laned is never asked.
	 */
	int (*ping)(void *ctx, int64_t timeout_ms, void (*done)(void *ctx, bool alive),
		    void *done_ctx);
	/* The bypass began, ended, or goes on for another reason; or what is relayed now ended. */
	void (*changed)(void *ctx);
	void *ctx;
};

/*
 * Listens, on the socket that systemd hands over when there is one, and takes connections in as soon as
 * endpoints_event has told of the plug-in. 0; -EINVAL an address; errors of stream_listen. why: words.
 */
int endpoints_new(const struct endpoints_options *o, struct endpoints **ret_endpoints,
		  char why[STREAM_WHY_BYTES]);
/* Ends all connections. NULL is fine; returns NULL. */
struct endpoints *endpoints_free(struct endpoints *e);

/* The plug-in's connections, while there is a plug-in; NULL: no more. */
void endpoints_set_conns(struct endpoints *e, struct host_conns *conns);
void endpoints_event(struct endpoints *e, enum bypass_event event);
/* No stranger's transaction is under way, which the death of a plug-in would take along. */
bool endpoints_are_quiet(const struct endpoints *e);
const struct bypass *endpoints_bypass(const struct endpoints *e);
/* What the service manager is told: "bypass: ..." and its like. */
void endpoints_status(const struct endpoints *e, char text[ENDPOINTS_STATUS_BYTES]);

/* Connections of the POS that were relayed from their beginning or later; for status and tests. */
uint64_t endpoints_relays(const struct endpoints *e);
/*
 * Is conn a connection of the POS that the plug-in has? Then its framer, which sees what flows: a tunnel
 * goes on with it, and leaves it as it is in the end.
 */
struct framer *endpoints_framer(struct endpoints *e, uint64_t conn);
/* It is not the plug-in's any more, and nobody's. */
void endpoints_forget(struct endpoints *e, uint64_t conn);
enum framing endpoints_framing(const struct endpoints *e);

/* The socket that systemd hands over for the POS, as a copy; -1: none. */
int endpoints_activated(void);

#endif
