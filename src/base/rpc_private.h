#ifndef LANED_BASE_RPC_PRIVATE_H
#define LANED_BASE_RPC_PRIVATE_H

/* What the files rpc*.c share; nobody else includes this. */

#include "base/rpc.h"

#include <stddef.h>
#include <sys/un.h>

/* Bytes read at once from a socket. */
#define RPC_READ_BYTES (64u * 1024u)
/* A request's id as the peer wrote it. */
#define RPC_ID_BYTES_MAX 64u
/* The envelope of a message without its result or params. */
#define RPC_HEAD_BYTES_MAX 4096u
/* Memory of one parsed message: a line of nothing but small numbers is refused by this. */
#define RPC_ARENA_BYTES_MAX (16u * 1024u * 1024u)
/* Messages kept while rpc_request_wait waits for its own. */
#define RPC_KEPT_BYTES_MAX (4u * 1024u * 1024u)

/* Bytes in a growing buffer: [start, end) of bytes. Zeroised when freed or moved. */
struct rpc_buf {
	char *p;
	size_t start, end, bytes;
	size_t scanned; /* no newline before start + scanned */
};

void rpc_buf_free(struct rpc_buf *b);
size_t rpc_buf_used(const struct rpc_buf *b);
/* Appends all parts or none. 0; -ENOBUFS over bytes_max in use; -ENOMEM. */
int rpc_buf_add(struct rpc_buf *b, const struct str *parts, size_t count,
		size_t bytes_max);
/*
 * Reads once from the socket fd. The number of bytes; 0 at the end; -EAGAIN nothing now; else the
 * errno.
 */
int rpc_buf_recv(struct rpc_buf *b, int fd);
/* Takes the next whole line (without its end), borrowed until b changes. 1; 0 none; -EMSGSIZE. */
int rpc_buf_line(struct rpc_buf *b, struct str *ret_line);
/* Sends what is there. 0 all; -EAGAIN some is left; else the errno. */
int rpc_buf_send(struct rpc_buf *b, int fd);

/* A line that came while somebody waited for another. */
struct rpc_kept {
	struct rpc_kept *next;
	size_t n;
	char text[];
};

/* A question of ours that waits for its answer. */
struct rpc_pending {
	int64_t id;
	int64_t deadline_ms; /* monotonic; INT64_MAX = none */
	rpc_done_fn done;
	void *ctx;
	struct rpc_pending *next;
};

/* A question of theirs that waits for ours. */
struct rpc_call {
	struct rpc_peer *peer; /* NULL once the peer is gone */
	bool id_is_text;
	int64_t id;
	char id_text[RPC_ID_BYTES_MAX + 1];
	struct rpc_call *prev, *next;
};

struct rpc_peer {
	struct loop *loop;
	struct loop_io *io;
	struct loop_timer *resume; /* goes on with kept messages and a pending end */
	struct loop_timer *timeouts;
	int fd;
	uint32_t role;
	const struct rpc_hooks *hooks;
	void *data;
	pid_t pid;
	uid_t uid;
	gid_t gid;
	struct json_out *out; /* the envelope under construction */
	struct arena *spare;  /* for the next message; empty, or NULL */
	struct rpc_buf in, unsent;
	struct rpc_kept *kept, **kept_end;
	size_t kept_bytes;
	struct rpc_pending *pending;
	unsigned pending_count;
	struct rpc_call *calls;
	unsigned calls_count;
	int64_t id_last;
	uint64_t ignored;
	bool at_end; /* no more is sent; err says why; what came before is still dispatched */
	int err;
	bool deaf;     /* what still comes is not wanted */
	bool ended;    /* shut, callbacks told */
	bool freed;    /* memory goes as soon as busy is 0 */
	unsigned busy; /* callbacks under way */
	/* The listener or client that holds this peer; told once when it ends. */
	void (*left)(void *owner, struct rpc_peer *p, int err);
	void *owner;
	struct rpc_peer *owner_next; /* the listener's list */
};

/*
 * The peer is lost: nothing more is sent, and what waits is dispatched before the end is told,
 * later and from the loop. err 0: the other side closed.
 */
void rpc_peer_lose(struct rpc_peer *p, int err);
/* The peer talks nonsense: as rpc_peer_lose, and what waits is thrown away. */
void rpc_peer_reject(struct rpc_peer *p, int err);
/* Sends what can be sent now and watches for the rest. */
void rpc_peer_flush(struct rpc_peer *p);
/* Reads once. The number of bytes; 0 nothing now or never. */
int rpc_peer_read(struct rpc_peer *p);
/* Arms the timer for the first deadline. */
void rpc_pending_arm(struct rpc_peer *p);
/* Goes on with p from the loop, soon. */
void rpc_peer_resume(struct rpc_peer *p);

/* An error message that belongs to no request or to the one of a call (may be NULL). */
void rpc_send_error(struct rpc_peer *p, const struct rpc_call *call, int code,
		    const char *message);
/* Unlinks call from its peer and frees it. */
void rpc_call_free(struct rpc_call *call);
/* result or error of an answer, as callbacks get it. NULL result: *error is filled. */
const struct value *rpc_answer(const struct value *message, struct rpc_error *error);

/* A fresh socket and the address of path. The descriptor; -ENAMETOOLONG; the errno. */
int rpc_socket(const char *path, struct sockaddr_un *ret_address);
/* Tells a connection that never becomes a peer why, if that goes at once. */
void rpc_refuse(int fd, enum rpc_code code, const char *why);

#endif
