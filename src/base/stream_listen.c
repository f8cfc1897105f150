/* Streams: waiting for peers. */
#include "base/stream_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections taken in one turn of the loop. */
#define ACCEPTS_MAX 16u
#define BACKLOG 64
/* Without descriptors or memory accept() fails at once and for ever: pause. */
#define PAUSE_MS 1000
/* How often a serial line that is not there is looked for. */
#define LOOK_MS 1000

struct stream_listener {
	struct streams *ss;
	struct address address;
	struct tls_context *tls;
	int fd;
	struct loop_io *io;
	struct loop_timer *timer;
	struct stream_peers *peers;
	unsigned peers_max, busy;
	void (*accepted)(void *ctx, struct stream *s);
	void (*tell_refused)(void *ctx, const char *peer, bool many);
	void *ctx;
	uint64_t refused;
	dev_t dev; /* of a Unix socket's file, so that only our own is removed */
	ino_t ino;
	bool bound, freed;
};

static void
destroy_if_idle(struct stream_listener *l)
{
	if (l->freed && l->busy == 0)
		free(l);
}

static int
watch(struct stream_listener *l)
{
	if (l->io == NULL)
		return 0;
	return loop_io_set(l->io, l->accepted != NULL ? LOOP_READ : 0);
}

/* The stream is counted as a peer of l, and handed over. */
static void
hand_over(struct stream_listener *l, struct stream *s)
{
	s->peers = l->peers;
	s->peers->refs++;
	s->peers->live++;
	l->accepted(l->ctx, s);
}

/* ---- sockets ----------------------------------------------------------------------------- */

/* Closes it at once, unless it may come; true: it may. */
static bool
may_come(struct stream_listener *l, int fd, const struct sockaddr *peer, socklen_t bytes)
{
	bool many = l->peers->live >= l->peers_max;
	char text[STREAM_PEER_BYTES];

	if (!many &&
	    (l->address.kind == ADDRESS_UNIX || address_allows(&l->address, peer)))
		return true;
	l->refused++;
	(void)close(fd); /* nothing was said */
	(void)str_copy(text, sizeof(text), str_of(l->address.path)); /* fits */
	stream_words(peer, bytes, text);
	if (l->tell_refused != NULL)
		l->tell_refused(l->ctx, text, many);
	return false;
}

static void
admit(struct stream_listener *l, int fd, const struct sockaddr *peer, socklen_t bytes)
{
	static const struct stream_events none = { .opened = NULL };
	struct stream *s = NULL;

	if (!may_come(l, fd, peer, bytes))
		return;
	if (stream_adopt(l->ss, fd, &none, NULL, &s) < 0)
		return; /* closed there */
	if (l->address.kind == ADDRESS_UNIX)
		(void)str_copy(s->peer, sizeof(s->peer),
			       str_of(l->address.path)); /* fits */
	stream_words(peer, bytes, s->peer);
	if (l->tls != NULL && tls_new(l->tls, &s->tls) < 0) {
		stream_free(s);
		return;
	}
	hand_over(l, s);
}

static void
listen_cb(void *ctx, unsigned events)
{
	struct stream_listener *l = ctx;
	unsigned failed = 0;

	(void)events;
	l->busy++;
	for (unsigned i = 0; i < ACCEPTS_MAX && !l->freed && l->accepted != NULL; i++) {
		struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
		socklen_t bytes = sizeof(peer);
		int fd = accept4(l->fd, (struct sockaddr *)&peer, &bytes,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			admit(l, fd, (const struct sockaddr *)&peer, bytes);
			continue;
		}
		if (errno == EAGAIN)
			break;
		/* Most likely that one connection failed; not when each one does. */
		if (errno != EMFILE && errno != ENFILE && errno != ENOMEM &&
		    errno != ENOBUFS && ++failed < ACCEPTS_MAX)
			continue;
		if (loop_timer_set(l->timer, PAUSE_MS) == 0)
			(void)loop_io_set(l->io, 0); /* no events: cannot fail */
		break;
	}
	l->busy--;
	destroy_if_idle(l);
}

/* ---- serial lines ------------------------------------------------------------------------ */

static void
look_for_line(struct stream_listener *l)
{
	struct stream *s = NULL;
	int fd;

	if (l->accepted == NULL || l->peers->live > 0)
		return;
	fd = stream_serial_open(&l->address);
	if (fd < 0 || stream_new(l->ss, &s) < 0) {
		if (fd >= 0)
			(void)close(fd);                 /* nothing was written */
		(void)loop_timer_set(l->timer, LOOK_MS); /* nothing else to try */
		return;
	}
	s->serial = true;
	(void)str_copy(s->peer, sizeof(s->peer), str_of(l->address.path)); /* fits */
	if (stream_take_fd(s, fd) < 0) {
		stream_free(s);
		(void)loop_timer_set(l->timer, LOOK_MS); /* as above */
		return;
	}
	hand_over(l, s);
}

static void
timer_cb(void *ctx)
{
	struct stream_listener *l = ctx;

	l->busy++;
	if (l->address.kind == ADDRESS_SERIAL)
		look_for_line(l);
	else if (watch(l) < 0)
		(void)loop_timer_set(l->timer, PAUSE_MS); /* nothing else to try */
	l->busy--;
	destroy_if_idle(l);
}

void
stream_listener_wake(struct stream_listener *l)
{
	if (l != NULL && l->address.kind == ADDRESS_SERIAL)
		(void)loop_timer_set(l->timer, LOOK_MS); /* as above */
}

/* ---- making ------------------------------------------------------------------------------ */

/* Removes a socket's file that nobody listens on. 0; -EADDRINUSE; an errno. */
static int
remove_stale(const struct sockaddr_un *a)
{
	struct stat st;
	int fd, rc;

	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE; /* somebody's file: not ours to remove */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 ? -errno : 0;
	(void)close(fd); /* only a question */
	if (rc != -ECONNREFUSED && rc != -ENOENT)
		return -EADDRINUSE; /* a full queue is a listener, too */
	return unlink(a->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int
bind_unix(struct stream_listener *l)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	int rc;

	memcpy(a.sun_path, l->address.path, sizeof(a.sun_path));
	rc = remove_stale(&a);
	if (rc < 0)
		return rc;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* Before bind(): the file never has a wider mode. After it: the umask does not matter. */
	if (l->fd < 0 || fchmod(l->fd, l->address.mode) < 0 ||
	    bind(l->fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
	    lstat(a.sun_path, &st) < 0)
		return -errno;
	l->bound = true;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	if (chmod(a.sun_path, l->address.mode) < 0 || listen(l->fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

static int
bind_inet(struct stream_listener *l)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(l->address.port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(l->address.port) };
	bool v6 = inet_pton(AF_INET, l->address.host, &in.sin_addr) != 1;
	const struct sockaddr *a =
		v6 ? (const struct sockaddr *)&in6 : (const struct sockaddr *)&in;
	int yes = 1;

	if (v6 && inet_pton(AF_INET6, l->address.host, &in6.sin6_addr) != 1)
		return -EADDRNOTAVAIL;
	l->fd = socket(v6 ? AF_INET6 : AF_INET,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	/* Or a restart would wait for the kernel to forget the connections of before. */
	(void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(l->fd, a, v6 ? sizeof(in6) : sizeof(in)) < 0 ||
	    listen(l->fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

/* One of somebody else may be anything; it may block, and then accept would. */
static int
take_given(int fd)
{
	int flags = fcntl(fd, F_GETFL), type = 0, listens = 0;
	socklen_t type_bytes = sizeof(type), listens_bytes = sizeof(listens);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_bytes) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_bytes) < 0)
		return -errno;
	if (type != SOCK_STREAM || !listens)
		return -EINVAL;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static int
begin(struct stream_listener *l)
{
	int rc = 0;

	if (l->address.kind == ADDRESS_SERIAL)
		return loop_timer_set(l->timer, 0);
	if (l->fd < 0)
		rc = l->address.kind == ADDRESS_UNIX ? bind_unix(l) : bind_inet(l);
	else
		rc = take_given(l->fd);
	if (rc == 0)
		rc = loop_io_new(l->ss->loop, l->fd, 0, listen_cb, l, &l->io);
	return rc == 0 ? watch(l) : rc;
}

static int
make(struct stream_listener *l, char *why)
{
	int rc = address_check(&l->address, true, why);

	l->peers = calloc(1, sizeof(*l->peers));
	if (l->peers == NULL)
		return -ENOMEM;
	l->peers->refs = 1;
	l->peers->listener = l;
	if (rc == 0 && l->address.kind == ADDRESS_TLS)
		rc = tls_context_new(l->ss->credentials, &l->address, true, &l->tls, why);
	if (rc == 0)
		rc = loop_timer_new(l->ss->loop, timer_cb, l, &l->timer);
	if (rc == 0)
		rc = begin(l);
	if (rc < 0 && why[0] == '\0')
		(void)snprintf(why, STREAM_WHY_BYTES, "%s", strerror(-rc)); /* fits */
	return rc;
}

int
stream_listen(struct streams *ss, const struct stream_listen_options *o,
	      struct stream_listener **ret_listener, char why[STREAM_WHY_BYTES])
{
	struct stream_listener *l = calloc(1, sizeof(*l));
	char own_why[STREAM_WHY_BYTES] = "";
	int rc = -ENOMEM;

	if (l == NULL) {
		if (o->fd >= 0)
			(void)close(o->fd); /* nobody was accepted */
		return rc;
	}
	*l = (struct stream_listener){ .ss = ss,
				       .address = *o->address,
				       .fd = o->fd,
				       .peers_max = o->peers_max,
				       .accepted = o->accepted,
				       .tell_refused = o->refused,
				       .ctx = o->ctx };
	rc = make(l, own_why);
	if (why != NULL)
		memcpy(why, own_why, sizeof(own_why));
	if (rc < 0) {
		stream_listener_free(l);
		return rc;
	}
	*ret_listener = l;
	return 0;
}

struct stream_listener *
stream_listener_free(struct stream_listener *l)
{
	struct stat st;

	if (l == NULL || l->freed)
		return NULL;
	l->freed = true;
	l->io = loop_io_free(l->io);
	l->timer = loop_timer_free(l->timer);
	if (l->bound && lstat(l->address.path, &st) == 0 && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		(void)unlink(l->address.path); /* left over, it is replaced at the next
						  start */
	if (l->fd >= 0)
		(void)close(l->fd); /* a socket: there is nothing to lose */
	l->tls = tls_context_free(l->tls);
	if (l->peers != NULL) {
		l->peers->listener = NULL;
		stream_peers_left(l->peers);
	}
	destroy_if_idle(l);
	return NULL;
}

void
stream_listener_set(struct stream_listener *l,
		    void (*accepted)(void *ctx, struct stream *s), void *ctx)
{
	l->accepted = accepted;
	l->ctx = ctx;
	if (l->address.kind == ADDRESS_SERIAL || watch(l) < 0)
		(void)loop_timer_set(l->timer, 0); /* it looks, or tries again */
}

uint64_t
stream_listener_refused(const struct stream_listener *l)
{
	return l->refused;
}

uint16_t
stream_listener_port(const struct stream_listener *l)
{
	struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
	socklen_t bytes = sizeof(a);
	struct sockaddr_in in;

	if (l->fd < 0 || getsockname(l->fd, (struct sockaddr *)&a, &bytes) < 0 ||
	    (a.ss_family != AF_INET && a.ss_family != AF_INET6))
		return 0;
	memcpy(&in, &a, sizeof(in)); /* both have the port at the same place */
	return ntohs(in.sin_port);
}
