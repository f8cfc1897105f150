/* Streams: bytes on their way out. */
#include "base/stream_private.h"

#include "base/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK_BYTES 16384u

void
stream_chunk_free(struct stream_chunk *c)
{
	secret_region_free(c, sizeof(*c) + c->room);
}

void
stream_drop_chunks(struct stream *s)
{
	while (s->first != NULL) {
		struct stream_chunk *c = s->first;

		s->first = c->next;
		stream_chunk_free(c);
	}
	s->tail = NULL;
	s->unsent = 0;
	if (s->unread != NULL)
		stream_chunk_free(s->unread);
	s->unread = NULL;
}

/* Small pieces share a chunk: a plug-in that sends byte by byte costs no more than its bytes. */
int
stream_queue(struct stream *s, const uint8_t *data, size_t n)
{
	struct stream_chunk *tail = s->tail, *c = NULL;
	size_t part = tail == NULL ? 0 : tail->room - tail->to;
	size_t room = CHUNK_BYTES - sizeof(*c);

	if (part > n)
		part = n;
	if (room < n - part)
		room = n - part;
	if (part < n) {
		c = secret_region_new(sizeof(*c) + room);
		if (c == NULL)
			return -ENOMEM;
		c->room = room;
		c->to = n - part;
		memcpy(c->data, data + part, n - part);
	}
	if (part > 0) {
		memcpy(tail->data + tail->to, data, part);
		tail->to += part;
	}
	if (c != NULL && tail != NULL)
		tail->next = c;
	else if (c != NULL)
		s->first = c;
	if (c != NULL)
		s->tail = c;
	s->unsent += n;
	return 0;
}

/* What goes out next; how many bytes. */
static size_t
front(struct stream *s, const uint8_t **ret_data)
{
	const struct stream_chunk *c = s->first;

	if (s->tls != NULL)
		return tls_pending(s->tls, ret_data);
	if (c == NULL)
		return 0;
	*ret_data = c->data + c->from;
	return c->to - c->from;
}

/* n bytes of the front went. */
static void
sent(struct stream *s, size_t n)
{
	struct stream_chunk *c = s->first;

	if (s->tls != NULL) {
		tls_sent(s->tls, n);
		return;
	}
	secret_zero(c->data + c->from, n);
	c->from += n;
	s->unsent -= n;
	if (c->from < c->to)
		return;
	s->first = c->next;
	if (s->first == NULL)
		s->tail = NULL;
	stream_chunk_free(c);
}

size_t
stream_unsent(const struct stream *s)
{
	const uint8_t *data;

	return s->tls != NULL ? tls_pending(s->tls, &data) : s->unsent;
}

/* Bytes the system took of these; -errno. */
ssize_t
stream_put_out(const struct stream *s, const uint8_t *data, size_t n)
{
	ssize_t done;

	do
		done = s->serial ? write(s->fd, data, n)
				 : send(s->fd, data, n, MSG_NOSIGNAL);
	while (done < 0 && errno == EINTR);
	return done < 0 ? -errno : done;
}

/* 0 when nothing is left or the system takes no more; -errno. */
int
stream_flush(struct stream *s)
{
	const uint8_t *data = NULL;
	size_t n;

	while ((n = front(s, &data)) > 0) {
		ssize_t done = stream_put_out(s, data, n);

		if (done == -EAGAIN)
			return 0;
		if (done < 0)
			return (int)done;
		sent(s, (size_t)done);
	}
	return 0;
}
