#include "base/stream_private.h"

#include "base/crash.h"
#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_MAX 4        /* in one turn of the loop */
#define CLOSE_WAIT_MS 2000 /* for the peer's end, once all is sent */
#define PORT_DRAIN_MS 20   /* how often a serial port is asked whether it is empty */
#define ENDED 1            /* in failed: the peer has ended it */

/* ---- life -------------------------------------------------------------------------------- */

static void
unlink_closing(struct stream *s)
{
	if (s->prev == NULL)
		return;
	*s->prev = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	s->prev = NULL;
	s->next = NULL;
	s->ss->closing_count--;
}

void
stream_peers_left(struct stream_peers *p)
{
	if (p != NULL && --p->refs == 0)
		free(p);
}

/* What was taken is not all sent: the peer must not take it for the end (a reset, of TCP). */
static void
reset_peer(int fd)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	/* A socket that knows none ends as it can. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

/* The descriptor and all that hangs on it. */
static void
drop_line(struct stream *s)
{
	s->io = loop_io_free(s->io);
	s->poll = loop_timer_free(s->poll);
	s->resolve = resolve_free(s->resolve);
	if (s->fd < 0)
		return;
	if (s->serial)
		stream_serial_leave(s);
	else if (stream_unsent(s) > 0)
		reset_peer(s->fd);
	(void)close(s->fd); /* what could be lost was waited for before */
	s->fd = -1;
}

void
stream_enter(struct stream *s)
{
	s->busy++;
}

bool
stream_leave(struct stream *s)
{
	s->busy--;
	if (!s->freed)
		return false;
	if (s->busy == 0)
		free(s);
	return true;
}

struct stream *
stream_free(struct stream *s)
{
	if (s == NULL || s->freed)
		return NULL;
	s->freed = true;
	unlink_closing(s);
	drop_line(s);
	stream_drop_chunks(s);
	s->kick = loop_timer_free(s->kick);
	s->limit = loop_timer_free(s->limit);
	s->tls = tls_free(s->tls);
	if (s->peers != NULL) {
		struct stream_peers *p = s->peers;

		s->peers = NULL;
		p->live--;
		stream_listener_wake(p->listener);
		stream_peers_left(p);
	}
	stream_enter(s);
	(void)stream_leave(s); /* frees, unless one of its callbacks runs */
	return NULL;
}

void
stream_fail(struct stream *s, int err)
{
	if (s->state == STREAM_OVER)
		return;
	/* A peer that ended TLS in order is waiting for our end of it. */
	if (err == 0 && s->tls != NULL && s->state == STREAM_OPEN && !s->shut) {
		s->shut = true;
		tls_end(s->tls);
		(void)stream_flush(s); /* it is the last word either way */
	}
	s->state = STREAM_OVER;
	s->failed = err == 0 ? ENDED : err;
	if (err != 0 && s->why[0] == '\0')
		stream_say(s, "%s", strerror(-err));
	s->io = loop_io_free(s->io);
	(void)loop_timer_set(s->kick, 0); /* made with the stream: adds to a heap that
					     only no memory can stop */
}

/* The last callback of all. The descriptor is closed before it: who opens again finds it free. */
static void
tell_closed(struct stream *s)
{
	int err = s->failed == ENDED ? 0 : s->failed;
	void (*closed)(void *ctx, int err) = s->e.closed;

	drop_line(s);
	stream_drop_chunks(s);
	loop_timer_cancel(s->limit);
	s->e = (struct stream_events){ .closed = NULL };
	if (closed == NULL)
		return;
	crash_point("stream.closed");
	closed(s->ctx, err);
}

void
stream_watch(struct stream *s)
{
	unsigned events = 0;
	int rc;

	if (s->io == NULL)
		return;
	if (s->state == STREAM_CONNECTING || stream_unsent(s) > 0)
		events |= LOOP_WRITE;
	if (s->state == STREAM_SHAKING || s->state == STREAM_WAITING ||
	    (s->state == STREAM_OPEN && !s->paused && !s->peer_ended))
		events |= LOOP_READ;
	rc = loop_io_set(s->io, events);
	if (rc < 0)
		stream_fail(s, rc);
}

/* ---- callbacks --------------------------------------------------------------------------- */

static bool
can_tell(const struct stream *s)
{
	return !s->freed && s->state == STREAM_OPEN;
}

static void
tell_opened(struct stream *s)
{
	s->state = STREAM_OPEN;
	loop_timer_cancel(s->limit);
	loop_timer_cancel(s->kick);
	if (s->serial)
		stream_serial_watch(s);
	crash_point("stream.opened");
	if (s->e.opened != NULL)
		s->e.opened(s->ctx);
}

static void
tell_drained(struct stream *s)
{
	if (!s->wants_drained || !can_tell(s) || stream_unsent(s) > STREAM_UNSENT_MAX / 2)
		return;
	s->wants_drained = false;
	if (s->e.drained != NULL)
		s->e.drained(s->ctx);
}

/* The peer sends no more. */
static void
take_end(struct stream *s)
{
	s->peer_ended = true;
	if (s->shut ? s->end_sent : s->e.ended == NULL && stream_unsent(s) == 0) {
		stream_fail(s, 0);
	} else if (s->shut) {
		return; /* finish() sees it, once all is sent */
	} else if (s->e.ended == NULL) {
		/* It may read still what is on its way to it. */
		(void)loop_timer_set(s->limit,
				     s->ss->close_limit_ms); /* as in stream_fail */
		stream_shutdown(s);
	} else {
		(void)loop_timer_set(s->limit,
				     s->ss->half_limit_ms); /* as in stream_fail */
		s->e.ended(s->ctx);
	}
}

/* The next owner hears of an end that the last one heard of. */
static void
take_end_again(struct stream *s)
{
	if (!s->tell_end || !can_tell(s) || s->paused || s->unread != NULL)
		return;
	s->tell_end = false;
	take_end(s);
}

/* ---- receiving --------------------------------------------------------------------------- */

static void
tell_data(struct stream *s, uint8_t *data, size_t n)
{
	crash_point("stream.data");
	if (s->serial)
		stream_serial_data(s, data, n);
	else if (s->e.data != NULL)
		s->e.data(s->ctx, data, n);
}

/* What somebody has given back, before anything else. */
static void
take_unread(struct stream *s)
{
	struct stream_chunk *c = s->unread;

	if (c == NULL || !can_tell(s) || s->paused)
		return;
	s->unread = NULL;
	/* Marks of a serial line were taken out when it was read. */
	if (s->e.data != NULL)
		s->e.data(s->ctx, c->data, c->to);
	stream_chunk_free(c); /* zeroises */
}

/* What TLS has made of the bytes so far. */
static void
take_plain(struct stream *s)
{
	/* What a callback gives back comes before what is next: kick_cb goes on. */
	while (can_tell(s) && !s->paused && !s->peer_ended && s->unread == NULL) {
		ssize_t n = tls_read(s->tls, s->ss->plain, STREAM_RECEIVE_BYTES);

		if (n == -EAGAIN)
			return;
		if (n < 0) {
			stream_say(s, "%s", tls_why(s->tls));
			stream_fail(s, (int)n);
			return;
		}
		if (n == 0) {
			take_end(s);
			return;
		}
		tell_data(s, s->ss->plain, (size_t)n);
		secret_zero(s->ss->plain, (size_t)n);
	}
}

static void
shake_hands(struct stream *s)
{
	int rc = tls_handshake(s->tls), flushed = stream_flush(s);

	if (rc == -EAGAIN && flushed == 0)
		return;
	if (rc == 0 && flushed < 0)
		rc = flushed;
	if (rc < 0) {
		if (rc != flushed)
			stream_say(s, "%s", tls_why(s->tls));
		stream_fail(s, rc == -EAGAIN ? flushed : rc);
		return;
	}
	tell_opened(s);
}

static void
take_wire(struct stream *s, size_t n)
{
	uint8_t *wire = s->ss->wire;
	int rc = 0;

	if (s->tls == NULL && s->state == STREAM_OPEN)
		tell_data(s, wire, n);
	else if (s->state != STREAM_WAITING)
		rc = tls_take(s->tls, wire, n);
	secret_zero(wire, n);
	if (s->freed || s->tls == NULL)
		return;
	if (rc < 0) {
		stream_fail(s, rc);
		return;
	}
	if (s->state == STREAM_SHAKING)
		shake_hands(s);
	if (can_tell(s))
		take_plain(s);
}

/* The line has no more bytes; of TLS that is no end, but a cut. */
static void
take_eof(struct stream *s)
{
	if (s->state == STREAM_WAITING) {
		stream_fail(s, 0);
	} else if (s->serial) {
		stream_say(s, "the device is gone");
		stream_fail(s, -ENODEV);
	} else if (s->tls != NULL) {
		stream_say(s, s->state == STREAM_SHAKING
				      ? "the peer ended the connection in the handshake"
				      : "the peer cut the connection without ending TLS");
		stream_fail(s, -ECONNRESET);
	} else {
		take_end(s);
	}
}

static void
receive(struct stream *s)
{
	take_unread(s);
	if (s->tls != NULL && can_tell(s))
		take_plain(s); /* what was left when it was paused comes first */
	for (int i = 0;
	     i < READS_MAX && !s->freed && !s->peer_ended && s->unread == NULL &&
	     (s->state == STREAM_SHAKING || s->state == STREAM_WAITING ||
	      (s->state == STREAM_OPEN && !s->paused));
	     i++) {
		ssize_t n = read(s->fd, s->ss->wire, STREAM_RECEIVE_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && s->serial && errno == EIO)
			n = 0; /* hung up */
		if (n < 0)
			stream_fail(s, -errno);
		else if (n == 0)
			take_eof(s);
		else
			take_wire(s, (size_t)n);
		if (n < (ssize_t)STREAM_RECEIVE_BYTES)
			return; /* most likely nothing more is there */
	}
}

/* ---- connected, and the end -------------------------------------------------------------- */

/*
 * A connect to a port of this machine on which nobody listens may, when the system gives it that very
 * port, meet itself (RFC 9293, simultaneous open): a peer that repeats what it is told.
 */
static bool
met_itself(const struct stream *s)
{
	struct sockaddr_storage own = { .ss_family = AF_UNSPEC };
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	socklen_t own_bytes = sizeof(own), peer_bytes = sizeof(peer);

	return getsockname(s->fd, (struct sockaddr *)&own, &own_bytes) == 0 &&
	       getpeername(s->fd, (struct sockaddr *)&peer, &peer_bytes) == 0 &&
	       (own.ss_family == AF_INET || own.ss_family == AF_INET6) &&
	       own_bytes == peer_bytes && memcmp(&own, &peer, own_bytes) == 0;
}

static void
connected(struct stream *s)
{
	int err = 0;
	socklen_t n = sizeof(err);

	if (!s->serial && getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &n) == 0 &&
	    err != 0) {
		stream_next_target(s, -err);
		return;
	}
	if (!s->serial && met_itself(s)) {
		stream_next_target(s, -ECONNREFUSED);
		return;
	}
	loop_timer_cancel(s->kick);
	if (s->tls == NULL) {
		tell_opened(s);
		return;
	}
	s->state = STREAM_SHAKING;
	shake_hands(s);
}

/* All is sent: the end is told, and the peer's awaited, so that it can take all before. */
static void
finish(struct stream *s)
{
	if (s->state == STREAM_OVER || stream_unsent(s) > 0)
		return;
	if (s->serial && s->state == STREAM_SENDING) {
		if (stream_serial_unsent(s) > 0)
			(void)loop_timer_set(s->kick, PORT_DRAIN_MS); /* else the limit
									 ends it */
		else
			stream_fail(s, 0);
		return;
	}
	if (!s->shut || s->end_sent)
		return;
	s->end_sent = true;
	(void)shutdown(s->fd, SHUT_WR); /* else the peer sees the end when it is closed */
	if (s->peer_ended) {
		stream_fail(s, 0);
	} else if (s->state == STREAM_SENDING) {
		s->state = STREAM_WAITING;
		(void)loop_timer_set(s->limit, CLOSE_WAIT_MS); /* else the old limit */
	}
}

static void
io_cb(void *ctx, unsigned events)
{
	struct stream *s = ctx;
	int rc;

	stream_enter(s);
	if (s->state == STREAM_CONNECTING && (events & LOOP_WRITE) != 0) {
		connected(s);
	} else {
		if ((events & LOOP_READ) != 0)
			receive(s);
		if ((events & LOOP_WRITE) != 0 && !s->freed && s->state != STREAM_OVER) {
			rc = stream_flush(s);
			if (rc < 0)
				stream_fail(s, rc);
			tell_drained(s);
		}
		if (!s->freed)
			finish(s);
	}
	if (!stream_leave(s))
		stream_watch(s);
}

static void
kick_cb(void *ctx)
{
	struct stream *s = ctx;

	if (s->state == STREAM_OVER && s->prev != NULL) {
		stream_free(s); /* nobody owns it any more */
		return;
	}
	stream_enter(s);
	if (s->state == STREAM_OVER) {
		tell_closed(s);
	} else if (s->state == STREAM_CONNECTING) {
		stream_next_target(s, -ETIMEDOUT);
	} else if (s->state == STREAM_OPEN) {
		take_unread(s);
		if (s->tls != NULL)
			take_plain(s);
		take_end_again(s);
	} else if (s->state == STREAM_SENDING) {
		finish(s);
	}
	if (!stream_leave(s))
		stream_watch(s);
}

static void
limit_cb(void *ctx)
{
	struct stream *s = ctx;

	if (s->state == STREAM_SENDING || s->state == STREAM_WAITING) {
		stream_free(s);
		return;
	}
	if (s->state == STREAM_OPEN) {
		stream_say(s, "the peer sends no more, and nothing is sent to it");
		stream_fail(s, -ETIMEDOUT);
		return;
	}
	stream_say(s, s->state == STREAM_NAMING    ? "no answer about its name in time"
		      : s->state == STREAM_SHAKING ? "no TLS in time"
						   : "no connection in time");
	stream_fail(s, -ETIMEDOUT);
}

/* ---- making ------------------------------------------------------------------------------ */

int
stream_new(struct streams *ss, struct stream **ret_stream)
{
	struct stream *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->ss = ss;
	s->fd = -1;
	s->state = STREAM_CONNECTING;
	(void)snprintf(s->peer, sizeof(s->peer), "a peer"); /* fits */
	rc = loop_timer_new(ss->loop, kick_cb, s, &s->kick);
	if (rc == 0)
		rc = loop_timer_new(ss->loop, limit_cb, s, &s->limit);
	if (rc == 0)
		rc = loop_timer_set(s->limit, ss->open_limit_ms);
	if (rc < 0) {
		stream_free(s);
		return rc;
	}
	*ret_stream = s;
	return 0;
}

int
stream_take_fd(struct stream *s, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	assert(s->fd < 0);
	s->fd = fd;
	s->state = STREAM_CONNECTING;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return loop_io_new(s->ss->loop, fd, LOOP_WRITE, io_cb, s, &s->io);
}

int
stream_adopt(struct streams *ss, int fd, const struct stream_events *e, void *ctx,
	     struct stream **ret_stream)
{
	struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
	socklen_t bytes = sizeof(a);
	struct stream *s;
	int rc = stream_new(ss, &s);

	if (rc < 0) {
		(void)close(fd); /* nothing was sent */
		return rc;
	}
	stream_set_events(s, e, ctx);
	stream_tune(fd);
	if (getpeername(fd, (struct sockaddr *)&a, &bytes) == 0)
		stream_words((const struct sockaddr *)&a, bytes, s->peer);
	rc = stream_take_fd(s, fd);
	if (rc < 0) {
		stream_free(s);
		return rc;
	}
	*ret_stream = s;
	return 0;
}

/* ---- used by the owner ------------------------------------------------------------------- */

/* What the system takes at once goes out at once; what it leaves is queued. */
static int
send_plain(struct stream *s, const uint8_t *data, size_t n)
{
	ssize_t done = 0;
	int rc;

	if (s->unsent == 0) {
		done = stream_put_out(s, data, n);
		if (done < 0 && done != -EAGAIN) {
			stream_fail(s, (int)done);
			return 0; /* told by closed */
		}
		if (done < 0)
			done = 0;
	}
	if ((size_t)done == n)
		return 0;
	rc = stream_queue(s, data + done, n - (size_t)done);
	if (rc < 0 && done > 0) {
		stream_fail(s, rc); /* a part of it went: this connection is lost */
		return 0;
	}
	return rc;
}

static int
send_tls(struct stream *s, const uint8_t *data, size_t n)
{
	int rc = tls_write(s->tls, data, n);

	if (rc < 0)
		stream_say(s, "%s", tls_why(s->tls));
	if (rc == 0)
		rc = stream_flush(s);
	if (rc < 0)
		stream_fail(s, rc); /* told by closed */
	return 0;
}

int
stream_send(struct stream *s, const uint8_t *data, size_t n)
{
	int rc;

	if (s->state != STREAM_OPEN || s->shut)
		return -ENOTCONN;
	if (n > STREAM_UNSENT_MAX)
		return -EMSGSIZE;
	if (n == 0)
		return 0;
	if (stream_unsent(s) + n > STREAM_UNSENT_MAX) {
		s->wants_drained = true;
		return -EAGAIN;
	}
	if (s->peer_ended)
		(void)loop_timer_set(s->limit,
				     s->ss->half_limit_ms); /* as in stream_fail */
	crash_point("stream.send");
	rc = s->tls != NULL ? send_tls(s, data, n) : send_plain(s, data, n);
	stream_watch(s);
	return rc;
}

int
stream_unread(struct stream *s, const uint8_t *data, size_t n)
{
	struct stream_chunk *c, *old = s->unread;
	size_t before = old == NULL ? 0 : old->to;

	if (s->state != STREAM_OPEN)
		return -ENOTCONN;
	if (n == 0)
		return 0;
	if (n > STREAM_UNSENT_MAX - before)
		return -EMSGSIZE;
	c = secret_region_new(sizeof(*c) + before + n);
	if (c == NULL)
		return -ENOMEM;
	c->room = c->to = before + n;
	if (old != NULL) {
		memcpy(c->data, old->data, before);
		stream_chunk_free(old);
	}
	memcpy(c->data + before, data, n);
	s->unread = c;
	return loop_timer_set(s->kick, 0);
}

void
stream_pause(struct stream *s, bool pause)
{
	bool goes_on = s->paused && !pause;

	s->paused = pause;
	if (goes_on && s->state == STREAM_OPEN &&
	    (s->tls != NULL || s->unread != NULL || s->tell_end))
		(void)loop_timer_set(s->kick, 0); /* as in stream_fail: what was read
						     already is not on the line */
	stream_watch(s);
}

void
stream_shutdown(struct stream *s)
{
	if (s->state != STREAM_OPEN || s->shut)
		return;
	s->shut = true;
	if (s->tls != NULL) {
		tls_end(s->tls);
		(void)stream_flush(
			s); /* what is wrong shows again when the loop writes */
	}
	finish(s);
	stream_watch(s);
}

/* Nobody owns it from now on, but the list of those that still send; the oldest is cut. */
static void
leave_to_itself(struct stream *s)
{
	struct streams *ss = s->ss;
	struct stream *oldest = s;

	s->next = ss->closing;
	s->prev = &ss->closing;
	if (s->next != NULL)
		s->next->prev = &s->next;
	ss->closing = s;
	if (ss->closing_count++ < STREAM_CLOSING_MAX)
		return;
	while (oldest->next != NULL)
		oldest = oldest->next;
	assert(oldest != s); /* there are others */
	stream_free(oldest);
}

void
stream_close(struct stream *s)
{
	if (s->state != STREAM_OPEN) {
		stream_free(s);
		return;
	}
	s->e = (struct stream_events){ .closed = NULL };
	leave_to_itself(s);
	if (!s->shut && s->tls != NULL) {
		tls_end(s->tls);
		(void)stream_flush(s); /* as in stream_shutdown */
	}
	s->shut = true;
	if (s->end_sent && !s->peer_ended) {
		s->state = STREAM_WAITING;
		(void)loop_timer_set(s->limit, CLOSE_WAIT_MS); /* as in stream_fail */
	} else {
		s->state = STREAM_SENDING;
		(void)loop_timer_set(s->limit, s->ss->close_limit_ms); /* as above */
		finish(s);
	}
	stream_watch(s);
}

void
stream_set_events(struct stream *s, const struct stream_events *e, void *ctx)
{
	s->e = *e;
	s->ctx = ctx;
	s->lines_told = false;
	if (s->peer_ended && !s->shut && s->state == STREAM_OPEN) {
		s->tell_end = true;
		(void)loop_timer_set(s->kick, 0); /* as in stream_fail */
	}
	if (s->serial && s->state == STREAM_OPEN)
		stream_serial_watch(s);
}

int
stream_release(struct stream *s, int *ret_fd)
{
	if (s->state != STREAM_OPEN || s->tls != NULL || s->serial || s->unsent > 0 ||
	    s->unread != NULL || s->shut)
		return -EBUSY;
	*ret_fd = s->fd;
	s->io = loop_io_free(s->io);
	s->fd = -1;
	stream_free(s);
	return 0;
}

bool
stream_is_open(const struct stream *s)
{
	return s->state == STREAM_OPEN;
}

const char *
stream_peer(const struct stream *s)
{
	return s->peer;
}

const char *
stream_why(const struct stream *s)
{
	return s->why;
}
