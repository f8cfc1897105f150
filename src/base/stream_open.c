/* Streams: opening by an address. */
#include "base/stream_private.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* So long for one of several addresses of a name, then the next is tried. */
#define TARGET_MS 3000

/* A socket that connects: 0 and *ret_fd, it may still be on its way; negative errno. */
static int
begin_connect(const struct resolve_address *t, int *ret_fd)
{
	const struct sockaddr *a = (const struct sockaddr *)&t->address;
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (a->sa_family != AF_UNIX)
		stream_tune(fd);
	if (connect(fd, a, t->bytes) < 0 && errno != EINPROGRESS)
		rc = errno == EAGAIN ? -ECONNREFUSED : -errno; /* its queue is full */
	if (rc < 0)
		(void)close(fd); /* nothing was sent */
	else
		*ret_fd = fd;
	return rc;
}

void
stream_next_target(struct stream *s, int err)
{
	int fd = -1, rc;

	s->io = loop_io_free(s->io);
	if (s->fd >= 0)
		(void)close(s->fd); /* nothing was sent */
	s->fd = -1;
	while (s->target < s->targets_count) {
		const struct resolve_address *t = &s->targets[s->target++];

		rc = begin_connect(t, &fd);
		if (rc == 0) {
			stream_words((const struct sockaddr *)&t->address, t->bytes,
				     s->peer);
			rc = stream_take_fd(s, fd);
			if (rc < 0)
				stream_fail(s, rc);
			else if (s->target < s->targets_count)
				(void)loop_timer_set(s->kick, TARGET_MS); /* else the
						whole limit ends it */
			return;
		}
		err = rc;
	}
	stream_fail(s, err);
}

static void
named_cb(void *ctx, const struct resolve_address *list, size_t count, const char *why)
{
	struct stream *s = ctx;

	memcpy(s->targets, list, count * sizeof(*list));
	s->targets_count = count;
	s->resolve = resolve_free(s->resolve);
	if (count == 0) {
		stream_say(s, "name %s: %s", s->peer, why);
		stream_fail(s, -EHOSTUNREACH);
		return;
	}
	s->state = STREAM_CONNECTING;
	stream_next_target(s, 0);
}

/* What a numeric address or a path is to connect(). */
static void
set_target(struct stream *s, const struct address *a)
{
	struct resolve_address *t = &s->targets[0];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	const void *from = &un;

	s->targets_count = 1;
	t->bytes = sizeof(un);
	if (a->kind == ADDRESS_UNIX) {
		memcpy(un.sun_path, a->path, sizeof(un.sun_path));
	} else if (inet_pton(AF_INET, a->host, &in.sin_addr) == 1) {
		in.sin_port = htons(a->port);
		t->bytes = sizeof(in);
		from = &in;
	} else {
		/* The parser has seen that it is one. */
		(void)inet_pton(AF_INET6, a->host, &in6.sin6_addr);
		in6.sin6_port = htons(a->port);
		t->bytes = sizeof(in6);
		from = &in6;
	}
	memcpy(&t->address, from, t->bytes);
}

static int
begin_tls(struct stream *s, const struct address *a)
{
	struct tls_context *c = NULL;
	int rc = tls_context_new(s->ss->credentials, a, false, &c, s->why);

	if (rc == 0)
		rc = tls_new(c, &s->tls);
	tls_context_free(c); /* the connection keeps what it needs */
	return rc;
}

/* What cannot be opened now is told as closed: the caller has one way for it. */
static int
begin(struct stream *s, const struct address *a)
{
	int fd;

	(void)str_copy(s->peer, sizeof(s->peer),
		       str_of(a->kind == ADDRESS_SERIAL || a->kind == ADDRESS_UNIX
				      ? a->path
				      : a->host)); /* fits */
	if (a->kind == ADDRESS_SERIAL) {
		s->serial = true;
		fd = stream_serial_open(a);
		if (fd < 0)
			stream_fail(s, fd);
		return fd < 0 ? 0 : stream_take_fd(s, fd);
	}
	if (a->kind == ADDRESS_UNIX || a->numeric) {
		set_target(s, a);
		stream_next_target(s, 0);
		return 0;
	}
	s->state = STREAM_NAMING;
	return resolve_new(s->ss->loop,
			   &(struct resolve_question){ .name = a->host,
						       .port = a->port,
						       .server = s->ss->name_server,
						       .fn = named_cb,
						       .ctx = s },
			   &s->resolve);
}

/* Reasons are handed through. */
_Static_assert(STREAM_WHY_BYTES >= ADDRESS_WHY_BYTES, "of an address");
_Static_assert(STREAM_WHY_BYTES >= TLS_WHY_BYTES, "of TLS");

int
stream_open(struct streams *ss, const struct address *a, const struct stream_events *e,
	    void *ctx, struct stream **ret_stream, char why[STREAM_WHY_BYTES])
{
	char own_why[STREAM_WHY_BYTES] = "";
	struct stream *s = NULL;
	int rc = address_check(a, false, own_why);

	if (rc == 0)
		rc = stream_new(ss, &s);
	if (rc == 0 && a->kind == ADDRESS_TLS)
		rc = begin_tls(s, a);
	if (rc == 0) {
		stream_set_events(s, e, ctx);
		rc = begin(s, a);
	}
	if (rc < 0 && s != NULL)
		(void)str_copy(own_why, sizeof(own_why), str_of(s->why)); /* same size */
	if (why != NULL)
		memcpy(why, own_why, sizeof(own_why));
	if (rc < 0) {
		stream_free(s);
		return rc;
	}
	*ret_stream = s;
	return 0;
}
