#ifndef LANED_ADAPTER_VHOST_CONNS_H
#define LANED_ADAPTER_VHOST_CONNS_H

#include "adapter/vhost.h"

/*
 * The connections of a host in virtual time. The other side of each is the caller's: it takes what the
 * plug-in has sent, and says what arrives there, when and in what pieces. To corrupt bytes, corrupt
 * them before they are fed. Nothing happens but in vhost_step.
 *
 * Conns are those of the plug-in by their ids; limits and answers to misuse are those of the real
 * host (adapter/host_conns.h).
 */
#define VHOST_FEEDS_MAX 65536u /* events that wait to happen */

struct vhost_conn {
	uint64_t id;
	const char *option; /* or the endpoint's name; as long as the connection */
	bool accepted;      /* came to a listener, else opened by the plug-in */
	bool open;          /* opened was told */
	size_t sent;        /* bytes that wait to be taken */
};

/*
 * What becomes of each conn_open of option from now on: opened (status LANED_OK) or closed(status) after
 * delay_ms; VHOST_NEVER: neither. At first all open after 0 ms.
 */
void vhost_conns_answer(struct vhost *v, const char *option, int64_t delay_ms,
			int status);
/* A peer connects to what the plug-in listens on. 0; -ENOENT it does not; -EMFILE; -ENOMEM. */
int vhost_conns_connect(struct vhost *v, const char *option, int64_t delay_ms,
			uint64_t *ret_conn);

/* The i-th connection that the plug-in holds, by age; false: no more. */
bool vhost_conns_at(struct vhost *v, size_t i, struct vhost_conn *ret_conn);
/* The youngest one of option; 0: none. */
uint64_t vhost_conns_of(struct vhost *v, const char *option);
/* Does the plug-in listen on option? */
bool vhost_conns_listens(struct vhost *v, const char *option);

/* Takes what the plug-in has sent, at most n bytes; how many. Also for a while after its conn_close. */
size_t vhost_conns_take(struct vhost *v, uint64_t conn, uint8_t *buf, size_t n);
/* So many bytes may be sent and not taken, as if the line were slow; LANED_CONN_BYTES_MAX at first. */
void vhost_conns_window(struct vhost *v, uint64_t conn, size_t bytes);
/* The same of every connection that is made from now on. */
void vhost_conns_windows(struct vhost *v, size_t bytes);

struct vhost_feed {
	int64_t delay_ms; /* until the first piece */
	size_t piece;     /* bytes of one data event; 0: all at once */
	int64_t gap_ms;   /* between two pieces */
};

/*
 * Bytes arrive at the plug-in, behind what was fed before. how NULL: as vhost_conns_shape says, at first at
 * once and in one piece. 0; -ENOENT
 * no such connection; -ENOMEM, -ENOSPC.
 */
int vhost_conns_feed(struct vhost *v, uint64_t conn, const void *data, size_t n,
		     const struct vhost_feed *how);
/* What holds for feeds without a `how` from now on, of all connections. */
void vhost_conns_shape(struct vhost *v, const struct vhost_feed *how);
/* The connection that is fed the (bytes + 1)-th byte from now on ends before it. Once. */
void vhost_conns_cut(struct vhost *v, size_t bytes);
/* The peer ends it, or it breaks, after all that was fed: closed(status). Errors as above. */
int vhost_conns_end(struct vhost *v, uint64_t conn, int64_t delay_ms, int status);
/* The lines of a serial port are these now. Errors as above. */
int vhost_conns_lines(struct vhost *v, uint64_t conn, uint32_t lines);
/* What the plug-in has set by conn_modem. */
uint32_t vhost_conns_lines_set(struct vhost *v, uint64_t conn);

/* What the option's secret is; at first 16 fixed bytes. n 0: it is missing. 0 or -ENOENT, -E2BIG. */
int vhost_set_secret(struct vhost *v, const char *option, const void *data, size_t n);

/* What the plug-in holds, how often it has opened, and what it did wrong. */
uint64_t vhost_conns_opens(const struct vhost *v);
unsigned vhost_conns_count(const struct vhost *v);
unsigned vhost_conns_listeners(const struct vhost *v);
uint64_t vhost_conns_misuse(const struct vhost *v); /* calls with an id that is none */

/* ---- for the twins of splice and tunnel ---- */

enum vhost_conn_event {
	VHOST_CONN_OPENED,
	VHOST_CONN_DATA,
	VHOST_CONN_DRAINED,
	VHOST_CONN_CLOSED
};
typedef void (*vhost_conn_fn)(void *ctx, uint64_t conn, enum vhost_conn_event event,
			      const uint8_t *data, size_t n);

/*
 * From now on fn gets what happens on the connection, and the plug-in nothing: its sends are
 * LANED_GONE. fn NULL: it is the plug-in's again. 0; -ENOENT. After VHOST_CONN_CLOSED it is gone.
 */
int vhost_conns_park(struct vhost *v, uint64_t conn, vhost_conn_fn fn, void *ctx);
/* Bytes that were delivered already come again, before what is still fed. Errors as vhost_conns_feed. */
int vhost_conns_unread(struct vhost *v, uint64_t conn, const void *data, size_t n);
/*
 * Bytes go out as if the plug-in had sent them. 0; -EAGAIN the window is full, and VHOST_CONN_DRAINED comes
 * when at most half of it is (more than the window goes out when at most half of it is used); -ENOENT; -ENOMEM.
 */
int vhost_conns_put(struct vhost *v, uint64_t conn, const void *data, size_t n);
/* What is fed waits, and an end behind it, until this is undone. On a connection that is gone: nothing. */
void vhost_conns_pause(struct vhost *v, uint64_t conn, bool pause);
/* It is gone, and the plug-in is not told; what was sent can still be taken. */
void vhost_conns_drop(struct vhost *v, uint64_t conn);

#endif
