#ifndef LANED_ADAPTER_HOST_CONNS_H
#define LANED_ADAPTER_HOST_CONNS_H

#include "base/stream.h"
#include "laned/adapter.h"

/*
 * The connections of one plug-in: ids over streams. All that comes from the plug-in is checked; what
 * flows is never logged.
 */
#define HOST_CONNS_MAX 64u       /* connections, at one time */
#define HOST_LISTENERS_MAX 8u    /* as above */
#define HOST_CONNS_PEERS_MAX 32u /* of one listener */

struct host_conns;

struct host_conns_options {
	struct loop *loop;
	struct streams *streams;
	/* What the configuration has for an option. 0; -ENOENT no such option of an address. */
	int (*address)(void *ctx, const char *option, struct str *ret_text);
	void *ctx;
	const char *name; /* of the adapter, for logs */
};

/* 0 or -ENOMEM. o is copied, the strings are borrowed. */
int host_conns_new(const struct host_conns_options *o, struct host_conns **ret_conns);
/* Ends all at once, without events. NULL is fine; returns NULL. */
struct host_conns *host_conns_free(struct host_conns *t);

/* ---- of the table; as laned/adapter.h says ---- */

int host_conns_open(struct host_conns *t, const char *option,
		    const struct laned_conn_events *events, void *user,
		    uint64_t *ret_conn);
int host_conns_listen(struct host_conns *t, const char *option,
		      const struct laned_conn_events *events, void *user,
		      uint64_t *ret_listener);
int host_conns_send(struct host_conns *t, uint64_t conn, const uint8_t *data, size_t n);
void host_conns_close(struct host_conns *t, uint64_t conn);
int host_conns_modem(struct host_conns *t, uint64_t conn, uint32_t mask, uint32_t lines);

/* ---- endpoints, which the host owns ---- */

struct host_conns_endpoints {
	/*
	 * What becomes of conn_open and conn_listen by this name. LANED_OK (open: the stream is
	 * taken over, opening or open); LANED_MISSING: it names no endpoint, but an option; other
	 * status: told to the plug-in.
	 */
	int (*open)(void *ctx, const char *name, struct stream **ret_stream);
	int (*listen)(void *ctx, const char *name);
	void (*unlisten)(void *ctx, const char *name); /* the plug-in listens no more */
};
/* e is borrowed; NULL: there are none. */
void host_conns_set_endpoints(struct host_conns *t, const struct host_conns_endpoints *e,
			      void *ctx);
/*
 * A peer came to an endpoint that the plug-in listens on: a connection of its own. Takes ownership of
 * s, also on failure. 0; -ENOENT it does not listen there; -EMFILE HOST_CONNS_MAX. opened comes from
 * the loop. ret_conn may be NULL.
 */
int host_conns_accepted(struct host_conns *t, const char *name, struct stream *s,
			uint64_t *ret_conn);

/*
 * Takes the stream out of a connection; NULL: there is none in it. The connection is parked: it gets no
 * events, its sends are LANED_GONE; conn_close forgets it. The stream keeps its old callbacks until
 * stream_set_events: call that at once.
 */
struct stream *host_conns_take(struct host_conns *t, uint64_t conn);
/* It lives again, with this stream, which is taken over. Of a connection that the plug-in has closed
 * meanwhile the stream is closed. */
void host_conns_give_back(struct host_conns *t, uint64_t conn, struct stream *s);
/* A parked one is forgotten: silently, or (tell) after closed(status) from the loop. */
void host_conns_revoke(struct host_conns *t, uint64_t conn, bool tell, int status);

/* Looks on at what flows over a connection; each may be NULL. */
struct host_conns_tap {
	/*
	 * Before the plug-in gets it. True: the callee has taken the connection (host_conns_take)
	 * and these bytes; the plug-in gets them not.
	 */
	bool (*received)(void *ctx, uint64_t conn, const uint8_t *data, size_t n);
	void (*sent)(void *ctx, uint64_t conn, const uint8_t *data, size_t n); /* taken */
	void (*ended)(void *ctx,
		      uint64_t conn); /* closed by either side; not when taken */
};
/* tap is borrowed; NULL: no more. 0 or -ENOENT. */
int host_conns_tap(struct host_conns *t, uint64_t conn, const struct host_conns_tap *tap,
		   void *ctx);

/* What the plug-in holds: connections (parked ones, too); listeners. For status and tests. */
unsigned host_conns_count(const struct host_conns *t);
unsigned host_conns_listeners(const struct host_conns *t);
/* Another connection may be made: by the plug-in, or for it. */
bool host_conns_has_room(const struct host_conns *t);
/* Calls with an id that is none; peers turned away. */
uint64_t host_conns_misuse(const struct host_conns *t);
uint64_t host_conns_refused(const struct host_conns *t);

#endif
