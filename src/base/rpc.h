#ifndef LANED_BASE_RPC_H
#define LANED_BASE_RPC_H

#include "base/json.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * JSON-RPC 2.0, one message a line, over Unix stream sockets. Both ends may ask. A message is
 * accepted by a table {method, roles, phases, handler}; everything else gets a JSON-RPC error and,
 * when it is no JSON-RPC at all, the connection is closed. Unknown members are ignored. Batches are
 * refused.
 */
#define RPC_LINE_BYTES_MAX (1024u * 1024u)
#define RPC_PENDING_MAX 256u /* requests under way in either direction, per peer */
#define RPC_OUT_BYTES_MAX                                                                \
	(4u * 1024u * 1024u) /* unsent bytes; over it the peer is dropped */

enum rpc_code {
	RPC_PARSE = -32700,
	RPC_INVALID = -32600,
	RPC_NO_METHOD = -32601,
	RPC_PARAMS = -32602,
	RPC_INTERNAL = -32603,
	RPC_DENIED = -32001,  /* the peer's role or the phase does not allow it */
	RPC_REFUSED = -32002, /* understood, and not now: message says why */
	RPC_NOT_FOUND = -32003,
	RPC_GONE = -32010,   /* made here: the peer went away before it answered */
	RPC_TIMEOUT = -32011 /* made here: no answer in time */
};

#define RPC_MESSAGE_BYTES 256u
struct rpc_error {
	int code;
	char message[RPC_MESSAGE_BYTES];
};

struct rpc_peer;
struct rpc_call; /* one request to be answered */

/* A handler answers its call now or later, exactly once; of a notification call is NULL. */
struct rpc_method {
	const char *name;
	uint32_t roles;  /* bit mask, defined by the program */
	uint32_t phases; /* bit mask; 0 = any */
	void (*handler)(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
			const struct value *params);
};

struct rpc_hooks {
	const struct rpc_method *methods;
	size_t methods_count;
	void *ctx; /* handed to handlers and hooks */
	/* The current phase bit for peer; NULL = no phases. */
	uint32_t (*phase)(void *ctx, struct rpc_peer *peer);
	/*
	 * The peer is gone and is freed afterwards. err: 0 it closed; -EPROTO it died in mid-line;
	 * -EMSGSIZE, -EBADMSG it talked nonsense; -ENOBUFS it did not read; else of the socket.
	 */
	void (*closed)(void *ctx, struct rpc_peer *peer, int err);
};

/*
 * Takes ownership of a connected socket, also when it fails. role goes to the method table; hooks
 * is borrowed for the peer's life. A peer may be freed from inside any handler, hook or callback.
 * 0; -ENOMEM; errno of the socket.
 */
int rpc_peer_new(struct loop *l, int fd, uint32_t role, const struct rpc_hooks *hooks,
		 struct rpc_peer **ret_peer);
/* Closes without calling hooks->closed; pending requests' callbacks get RPC_GONE. NULL is fine. */
struct rpc_peer *rpc_peer_free(struct rpc_peer *p);
uint32_t rpc_peer_role(const struct rpc_peer *p);
void rpc_peer_set_role(struct rpc_peer *p, uint32_t role);
void *rpc_peer_data(const struct rpc_peer *p);
void rpc_peer_set_data(struct rpc_peer *p, void *data);
/* The peer's credentials as the kernel told at connect; each target may be NULL. */
void rpc_peer_cred(const struct rpc_peer *p, pid_t *ret_pid, uid_t *ret_uid,
		   gid_t *ret_gid);

/* Messages of the peer nobody waited for or wanted: late answers, unknown notifications. */
uint64_t rpc_peer_ignored(const struct rpc_peer *p);

/*
 * Answers. Each frees call; fine when the peer is gone by now, and for NULL (a notification).
 * result is a borrowed writer holding one JSON value, or NULL for {}.
 */
void rpc_reply(struct rpc_call *call, struct json_out *result);
__attribute__((format(printf, 3, 4))) void rpc_fail(struct rpc_call *call, int code,
						    const char *fmt, ...);

/*
 * params: a borrowed writer holding one object, or NULL for {}. timeout_ms of 0 or less: no limit.
 * done is called exactly once when 0 was returned, never from inside rpc_request: *result, or
 * *error with result NULL. 0; -EAGAIN too many pending; -EPIPE the peer is gone or does not read;
 * -EMSGSIZE the message is too long; -ENOMEM; the sticky error of params.
 */
typedef void (*rpc_done_fn)(void *ctx, const struct value *result,
			    const struct rpc_error *error);
int rpc_request(struct rpc_peer *p, const char *method, struct json_out *params,
		int64_t timeout_ms, rpc_done_fn done, void *ctx);
int rpc_notify(struct rpc_peer *p, const char *method, struct json_out *params);

/*
 * Asks and waits without the loop: for the adapter host's synchronous journal and for lanectl.
 * Messages that arrive meanwhile are kept and dispatched by the loop afterwards. The result lives
 * in arena. 0; -EREMOTEIO the peer answered an error (*error, may be NULL); -ETIMEDOUT; -EPIPE;
 * -ENOMEM, also by arena's limit; -EMSGSIZE and the sticky errors of params as rpc_request.
 */
struct rpc_ask {
	const char *method;
	struct json_out *params;
	int64_t timeout_ms;
};
int rpc_request_wait(struct rpc_peer *p, const struct rpc_ask *ask, struct arena *arena,
		     const struct value **ret_result, struct rpc_error *error);

/* Connects to a Unix socket without waiting. The descriptor (close-on-exec) or a negative errno. */
int rpc_connect(const char *path);

/*
 * A listener on a Unix socket. An old socket file nobody listens on is replaced. accept() is asked
 * with the kernel's credentials before a byte is read and gives the role, or 0 to refuse.
 * mode: of the socket file. *o is copied, its strings and hooks are borrowed. 0; -EADDRINUSE
 * somebody listens there or it is no socket; -ENAMETOOLONG; -ENOMEM; other errno.
 */
struct rpc_listener;
struct rpc_listen_options {
	const char *path;
	mode_t mode;
	unsigned peers_max;
	const struct rpc_hooks *hooks;
	uint32_t (*accept)(void *ctx, pid_t pid, uid_t uid,
			   gid_t gid);                    /* ctx = hooks->ctx */
	void (*opened)(void *ctx, struct rpc_peer *peer); /* may be NULL */
};
int rpc_listen(struct loop *l, const struct rpc_listen_options *o,
	       struct rpc_listener **ret_listener);
/* Closes the listener and all its peers; removes the socket file. */
struct rpc_listener *rpc_listener_free(struct rpc_listener *l);
/* Walks the listener's peers. */
void rpc_listener_each(struct rpc_listener *l, void (*fn)(void *ctx, struct rpc_peer *p),
		       void *ctx);

/*
 * A client that keeps itself connected to path: tries at once, then with back-off from 50 ms
 * doubling to 2 s and +-20 % of jitter. fd_first >= 0 is a socket to use instead of the first
 * connect (--fd N), taken over; when that one ends and path is NULL, gone is called and nothing
 * more happens. Everything is called from the loop, nothing from inside rpc_client_new. The program
 * may free the peer (the client then reconnects) or the client from inside any callback.
 */
struct rpc_client;
struct rpc_client_options {
	const char *path;
	int fd_first; /* -1 = none */
	uint32_t role;
	const struct rpc_hooks *hooks;
	void (*connected)(void *ctx, struct rpc_peer *peer);
	void (*gone)(void *ctx, int err); /* may be NULL */
};
int rpc_client_new(struct loop *l, const struct rpc_client_options *o,
		   struct rpc_client **ret_client);
struct rpc_client *rpc_client_free(struct rpc_client *c);
/* The live connection, or NULL. */
struct rpc_peer *rpc_client_peer(struct rpc_client *c);

#endif
