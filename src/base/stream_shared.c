/* Streams: what those of a process share, and small things about sockets. */
#include "base/stream_private.h"

#include "base/secret.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A peer that vanished is noticed within a minute and a half. */
#define KEEPALIVE_IDLE_S 45
#define KEEPALIVE_EVERY_S 10
#define KEEPALIVE_TRIES 4
#define UNACKED_MS 60000

int
streams_new(struct loop *l, const char *credentials, struct streams **ret_streams)
{
	struct streams *ss = calloc(1, sizeof(*ss));

	if (ss == NULL)
		return -ENOMEM;
	ss->loop = l;
	ss->open_limit_ms = STREAM_OPEN_LIMIT_MS;
	ss->close_limit_ms = STREAM_CLOSE_LIMIT_MS;
	ss->half_limit_ms = STREAM_HALF_LIMIT_MS;
	ss->wire = secret_region_new(STREAM_RECEIVE_BYTES);
	ss->plain = secret_region_new(STREAM_RECEIVE_BYTES);
	if (credentials != NULL)
		ss->credentials = strdup(credentials);
	if (ss->wire == NULL || ss->plain == NULL ||
	    (credentials != NULL && ss->credentials == NULL)) {
		streams_free(ss);
		return -ENOMEM;
	}
	*ret_streams = ss;
	return 0;
}

struct streams *
streams_free(struct streams *ss)
{
	if (ss == NULL)
		return NULL;
	while (ss->closing != NULL)
		stream_free(ss->closing); /* leaves the list */
	secret_region_free(ss->wire, STREAM_RECEIVE_BYTES);
	secret_region_free(ss->plain, STREAM_RECEIVE_BYTES);
	free(ss->credentials);
	free(ss->name_server);
	free(ss);
	return NULL;
}

void
streams_set_limits(struct streams *ss, int64_t open_ms, int64_t close_ms)
{
	ss->open_limit_ms = open_ms;
	ss->close_limit_ms = close_ms;
}

void
streams_set_half_limit(struct streams *ss, int64_t half_ms)
{
	ss->half_limit_ms = half_ms;
}

int
streams_set_name_server(struct streams *ss, const char *server)
{
	char *copy = strdup(server);

	if (copy == NULL)
		return -ENOMEM;
	free(ss->name_server);
	ss->name_server = copy;
	return 0;
}

void
stream_say(struct stream *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s->why, sizeof(s->why), fmt, ap); /* for people: may be cut */
	va_end(ap);
}

void
stream_tune(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TRIES },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS },
	};

	/* A socket that is none of TCP refuses some: it needs none of them. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
				 sizeof(options[i].value));
}

void
stream_words(const struct sockaddr *a, socklen_t bytes, char text[STREAM_PEER_BYTES])
{
	char host[64], port[16];

	if ((a->sa_family != AF_INET && a->sa_family != AF_INET6) ||
	    getnameinfo(a, bytes, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	(void)snprintf(text, STREAM_PEER_BYTES,
		       a->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
		       port); /* fits */
}
