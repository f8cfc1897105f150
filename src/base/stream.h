#ifndef LANED_BASE_STREAM_H
#define LANED_BASE_STREAM_H

#include "base/address.h"
#include "base/loop.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Streams of bytes to other machines and devices: tcp, tls, serial lines, Unix sockets; opened,
 * or waited for by a listener. Nothing blocks. What flows is never logged, is zeroised once it is
 * used, and lies in memory that no dump holds.
 *
 * All callbacks come from the loop, never from inside a call of these functions. Any of these
 * functions may be called from inside a callback, also those that free what called.
 */
#define STREAM_UNSENT_MAX 1048576u  /* bytes taken by stream_send and not yet sent */
#define STREAM_OPEN_LIMIT_MS 10000  /* names, connecting, handshake; together */
#define STREAM_CLOSE_LIMIT_MS 10000 /* sending what is left, after stream_close */
#define STREAM_HALF_LIMIT_MS                                                             \
	(10 * 60 * 1000) /* nothing sent, after ended: nobody is there */
#define STREAM_WHY_BYTES 160u
#define STREAM_PEER_BYTES 256u

struct streams;         /* what the streams of a process share */
struct stream;          /* one connection */
struct stream_listener; /* waits for connections */

/*
 * credentials: the folder with certificates and keys ($CREDENTIALS_DIRECTORY); NULL: there are
 * none. Copied. 0 or negative errno. Freed after everything made from it and before the loop.
 */
int streams_new(struct loop *l, const char *credentials, struct streams **ret_streams);
struct streams *streams_free(struct streams *ss);
/* For tests: other limits than STREAM_OPEN_LIMIT_MS and STREAM_CLOSE_LIMIT_MS. */
void streams_set_limits(struct streams *ss, int64_t open_ms, int64_t close_ms);
/* As well, than STREAM_HALF_LIMIT_MS. */
void streams_set_half_limit(struct streams *ss, int64_t half_ms);
/* For tests: names are asked for at "127.0.0.1:5353" and nowhere else. 0 or -ENOMEM. */
int streams_set_name_server(struct streams *ss, const char *server);

/* The lines of a serial port; the same numbers as enum laned_modem_lines. */
enum stream_lines {
	STREAM_DTR = 1,
	STREAM_RTS = 2,
	STREAM_CTS = 4,
	STREAM_DSR = 8,
	STREAM_DCD = 16,
	STREAM_BREAK = 32
};

/* Each may be NULL. */
struct stream_events {
	/* Once, when bytes can flow (of tls: after the handshake and all its checks). */
	void (*opened)(void *ctx);
	/* Borrowed for the call, zeroised after it. Not before opened. */
	void (*data)(void *ctx, const uint8_t *data, size_t n);
	/* After stream_send said -EAGAIN: at most half of STREAM_UNSENT_MAX is unsent. */
	void (*drained)(void *ctx);
	/*
	 * The lines of a serial port as they are now: after opened, and when one of those that
	 * come in has changed; STREAM_BREAK: a break came. Polled 20 times a second, only
	 * when this is set.
	 */
	void (*modem)(void *ctx, unsigned lines);
	/*
	 * The peer sends no more, but what stream_send takes still goes out: closed follows after
	 * stream_shutdown, or -ETIMEDOUT when nothing was sent for STREAM_HALF_LIMIT_MS, for a peer that
	 * has gone altogether looks the same. NULL: closed comes instead, once what was taken is sent
	 * (at most STREAM_CLOSE_LIMIT_MS).
	 */
	void (*ended)(void *ctx);
	/*
	 * The last one: 0 the peer has ended it, else the negative errno of what went wrong
	 * (-ETIMEDOUT no connection within the limit; -EPROTO, -EKEYREJECTED tls); stream_why says
	 * it in words. The stream is still to be freed.
	 */
	void (*closed)(void *ctx, int err);
};

/*
 * Opens. 0 and *ret_stream: opened or closed comes later, at most STREAM_OPEN_LIMIT_MS later;
 * -EINVAL address_check refuses it; -ENOENT, -EKEYREJECTED a credential is missing, is none;
 * -ENOMEM. why may be NULL. e is copied.
 */
int stream_open(struct streams *ss, const struct address *a,
		const struct stream_events *e, void *ctx, struct stream **ret_stream,
		char why[STREAM_WHY_BYTES]);
/* Takes ownership of a connected socket, also on failure. opened comes later. 0 or negative errno. */
int stream_adopt(struct streams *ss, int fd, const struct stream_events *e, void *ctx,
		 struct stream **ret_stream);

/*
 * All or nothing; goes out at once as far as the system takes it. 0; -EAGAIN more than
 * STREAM_UNSENT_MAX would be unsent (drained comes); -EMSGSIZE n alone is more than that; -ENOTCONN not
 * yet opened, or closed or shut down; -ENOMEM. What goes wrong on the line comes as closed.
 */
int stream_send(struct stream *s, const uint8_t *data, size_t n);
size_t stream_unsent(const struct stream *s);
/*
 * Bytes that were read already come (again) by data, from the loop and before anything that is read
 * from now on. Several calls are appended. 0; -ENOTCONN not open; -EMSGSIZE more than
 * STREAM_UNSENT_MAX; -ENOMEM.
 */
int stream_unread(struct stream *s, const uint8_t *data, size_t n);
/* Stops reading, and goes on; counts not: the last call is what holds. */
void stream_pause(struct stream *s, bool pause);
/* Nothing more will be sent; what was taken goes out first. Then the peer sees the end. */
void stream_shutdown(struct stream *s);
/*
 * Sends what was taken, at most STREAM_CLOSE_LIMIT_MS long, then ends. No callback comes any more, and s
 * is gone for the caller. Not yet opened: as stream_free.
 */
void stream_close(struct stream *s);
/* Ends at once; no callback comes any more. NULL is fine; returns NULL. */
struct stream *stream_free(struct stream *s);

/*
 * Another owner: from now on these callbacks are called, with that ctx. When s is open already,
 * opened is not called again; ended is (or closed, where it is NULL), after what was given back by
 * stream_unread. e is copied.
 */
void stream_set_events(struct stream *s, const struct stream_events *e, void *ctx);
/*
 * Gives the descriptor away (non-blocking, close-on-exec) and frees s. -EBUSY: bytes are unsent, it
 * is not open, or it is tls or serial; then s is as it was.
 */
int stream_release(struct stream *s, int *ret_fd);

/*
 * Sets those outgoing lines of mask (DTR, RTS) as lines says; STREAM_BREAK in both sends a break of
 * 250 ms. 0; -ENOTTY no serial line; -EINVAL other lines; -ENOTCONN; other negative errno.
 */
int stream_modem(struct stream *s, unsigned mask, unsigned lines);

bool stream_is_open(const struct stream *s);
/* Who is on the other side, for logs: "10.1.2.3:20007", "/dev/ttyS0". Never empty. */
const char *stream_peer(const struct stream *s);
/* What went wrong; empty: nothing. Nothing of what flowed. */
const char *stream_why(const struct stream *s);

/* ---- listening --------------------------------------------------------------------------- */

struct stream_listen_options {
	const struct address *address; /* copied */
	/*
	 * A socket that listens already (socket activation; any other is -EINVAL or -ENOTSOCK); -1: it is
	 * made. Taken over, also on failure. A Unix socket's file is then not removed at the end.
	 */
	int fd;
	unsigned
		peers_max; /* at one time; what is beyond is closed at once and counted */
	/*
	 * A peer is there; the stream is the callee's, who gives it its callbacks by
	 * stream_set_events and frees it. opened follows later. A serial line comes once it is
	 * there, and again when it was unplugged and is back (looked for once a second).
	 */
	void (*accepted)(void *ctx, struct stream *s);
	/* A peer was turned away: it is not allowed, or (many) one too many. NULL: only counted. */
	void (*refused)(void *ctx, const char *peer, bool many);
	void *ctx;
};

/* 0; errors as stream_open and of bind (-EADDRINUSE ...); -EADDRNOTAVAIL a name does not listen. */
int stream_listen(struct streams *ss, const struct stream_listen_options *o,
		  struct stream_listener **ret_listener, char why[STREAM_WHY_BYTES]);
/* Its connections stay. NULL is fine; returns NULL. */
struct stream_listener *stream_listener_free(struct stream_listener *l);
/*
 * Another owner: accepted(ctx) is called from now on, and refused with that ctx, too. NULL: nobody; peers
 * wait in the system's queue.
 */
void stream_listener_set(struct stream_listener *l,
			 void (*accepted)(void *ctx, struct stream *s), void *ctx);
/* Peers that were turned away: not allowed, or too many. */
uint64_t stream_listener_refused(const struct stream_listener *l);
/* The port that a listener of port 0 got, for tests; 0: none. */
uint16_t stream_listener_port(const struct stream_listener *l);

#endif
