#ifndef LANED_BASE_STREAM_PRIVATE_H
#define LANED_BASE_STREAM_PRIVATE_H

/* What the files stream*.c share; nobody else includes this. */
#include "base/resolve.h"
#include "base/stream.h"
#include "base/tls.h"

#define STREAM_RECEIVE_BYTES 16384u
#define STREAM_CLOSING_MAX 16u /* that still send after stream_close */

/* Peers of one listener, counted; lives until both the listener and the last of them are gone. */
struct stream_peers {
	unsigned live, refs;
	struct stream_listener *listener; /* NULL: it is gone */
};

struct stream_chunk {
	struct stream_chunk *next;
	size_t room, from, to;
	uint8_t data[];
};

enum stream_state {
	STREAM_NAMING,
	STREAM_CONNECTING,
	STREAM_SHAKING, /* hands, of tls */
	STREAM_OPEN,
	STREAM_SENDING, /* after stream_close: what is left */
	STREAM_WAITING, /* ... then for the peer's end */
	STREAM_OVER     /* closed was told, or will be told by kick */
};

struct streams {
	struct loop *loop;
	char *credentials, *name_server;
	uint8_t *wire, *plain;  /* secret regions of STREAM_RECEIVE_BYTES */
	struct stream *closing; /* a list of those that their owners have left */
	unsigned closing_count;
	int64_t open_limit_ms, close_limit_ms, half_limit_ms;
};

struct stream {
	struct streams *ss;
	struct stream_events e;
	void *ctx;
	enum stream_state state;
	int fd;
	struct loop_io *io;
	struct loop_timer *kick;  /* things to do from the loop */
	struct loop_timer *limit; /* opening, closing */
	struct loop_timer *poll;  /* a serial port's lines; NULL: none */
	unsigned busy;
	bool freed, paused, wants_drained, shut, end_sent, peer_ended;
	bool tell_end; /* to another owner than the one that was told */
	int failed;    /* told as closed by kick; 1: the peer has ended it */
	char why[STREAM_WHY_BYTES], peer[STREAM_PEER_BYTES];
	/* Unsent. */
	struct stream_chunk *first, *tail;
	size_t unsent;
	struct stream_chunk *unread; /* NULL: nothing is */
	/* Opening. */
	struct resolve *resolve;
	struct resolve_address targets[RESOLVE_ADDRESSES_MAX];
	size_t targets_count, target;
	struct tls *tls;
	/* A serial line. */
	bool serial, breaking;
	unsigned mark, lines;
	bool lines_told;
	struct stream_peers *peers;
	struct stream *next, **prev; /* in closing */
};

__attribute__((format(printf, 2, 3))) void stream_say(struct stream *s, const char *fmt,
						      ...);
/* A stream without a descriptor. 0 or -ENOMEM. */
int stream_new(struct streams *ss, struct stream **ret_stream);
/* Takes a connected descriptor; opened follows from the loop. 0 or errno; fd is s's either way. */
int stream_take_fd(struct stream *s, int fd);
/* closed(err) comes from the loop; err 0: the peer has ended it. */
void stream_fail(struct stream *s, int err);
/* After a callback or when s may have been freed: true when s is gone. */
bool stream_leave(struct stream *s);
void stream_enter(struct stream *s);
/* Watches for what is wanted now. */
void stream_watch(struct stream *s);
void stream_peers_left(struct stream_peers *p);
/* stream_listen.c: a peer of a listener (NULL: it is gone) has ended. */
void stream_listener_wake(struct stream_listener *l);
/* A socket's options: no delay, and a dead peer is noticed. */
void stream_tune(int fd);
/* "10.1.2.3:4711"; what text holds stays when it is no address of the internet. */
void stream_words(const struct sockaddr *a, socklen_t bytes,
		  char text[STREAM_PEER_BYTES]);

/* stream_out.c. Zeroises. */
void stream_chunk_free(struct stream_chunk *c);
/* All that is unsent and unread. */
void stream_drop_chunks(struct stream *s);
/* 0 or -ENOMEM. */
int stream_queue(struct stream *s, const uint8_t *data, size_t n);
/* Bytes the system took of these; negative errno. */
ssize_t stream_put_out(const struct stream *s, const uint8_t *data, size_t n);
/* 0 when nothing is left or the system takes no more; negative errno. */
int stream_flush(struct stream *s);

/* stream_open.c: the next address, or the failure of all. */
void stream_next_target(struct stream *s, int err);
/* stream_serial.c. Opens the port. The descriptor or a negative errno. */
int stream_serial_open(const struct address *a);
/* Before the descriptor is closed. */
void stream_serial_leave(struct stream *s);
/* Bytes still in the port. */
size_t stream_serial_unsent(const struct stream *s);
/* Gives the n bytes that were read to the callbacks; may be left in between: check afterwards. */
void stream_serial_data(struct stream *s, uint8_t *data, size_t n);
/* Begins to look at the lines, when somebody wants to know. */
void stream_serial_watch(struct stream *s);

#endif
