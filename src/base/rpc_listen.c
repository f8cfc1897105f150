/* Listening for peers at a path. */
#include "base/rpc_private.h"

#include "base/crash.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Connections taken in one turn of the loop. */
#define ACCEPTS_MAX 16u
#define BACKLOG 64
/* Without descriptors or memory accept() fails at once and for ever: pause. */
#define ACCEPT_PAUSE_MS 1000

struct rpc_listener {
	struct loop *loop;
	struct loop_io *io;
	struct loop_timer *pause;
	struct rpc_listen_options options;
	char *path;
	int fd;
	dev_t dev; /* of the socket file, so that only our own is removed */
	ino_t ino;
	bool bound;
	struct rpc_peer *peers;
	unsigned peers_count;
	unsigned busy;
	bool freed;
};

static void
listener_destroy_if_idle(struct rpc_listener *l)
{
	if (!l->freed || l->busy > 0)
		return;
	free(l->path);
	free(l);
}

/* A peer of ours has ended. */
static void
peer_left(void *owner, struct rpc_peer *p, int err)
{
	struct rpc_listener *l = owner;

	(void)err; /* the program heard it by its hook */
	for (struct rpc_peer **q = &l->peers; *q != NULL; q = &(*q)->owner_next) {
		if (*q != p)
			continue;
		*q = p->owner_next;
		l->peers_count--;
		return;
	}
}

static void
admit(struct rpc_listener *l, int fd)
{
	const struct rpc_listen_options *o = &l->options;
	struct ucred cred;
	socklen_t n = sizeof(cred);
	struct rpc_peer *p;
	uint32_t role = 0;

	if (l->peers_count >= o->peers_max) {
		rpc_refuse(fd, RPC_REFUSED, "too many connections");
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0) {
		crash_point("rpc.dispatch");
		role = o->accept(o->hooks->ctx, cred.pid, cred.uid, cred.gid);
	}
	if (role == 0) {
		rpc_refuse(fd, RPC_DENIED, "this user may not connect here");
		return;
	}
	if (l->freed) {
		rpc_refuse(fd, RPC_REFUSED, "closing");
		return;
	}
	if (rpc_peer_new(l->loop, fd, role, o->hooks, &p) < 0)
		return; /* closed there */
	p->left = peer_left;
	p->owner = l;
	p->owner_next = l->peers;
	l->peers = p;
	l->peers_count++;
	if (o->opened != NULL) {
		crash_point("rpc.dispatch");
		o->opened(o->hooks->ctx, p);
	}
}

static void
listen_cb(void *ctx, unsigned events)
{
	struct rpc_listener *l = ctx;

	(void)events;
	l->busy++;
	for (unsigned i = 0; i < ACCEPTS_MAX && !l->freed; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			admit(l, fd);
			continue;
		}
		if (errno == EAGAIN)
			break;
		if (errno != EMFILE && errno != ENFILE && errno != ENOMEM &&
		    errno != ENOBUFS)
			continue; /* that one connection failed */
		if (loop_timer_set(l->pause, ACCEPT_PAUSE_MS) == 0)
			(void)loop_io_set(l->io, 0); /* no events: cannot fail */
		break;
	}
	l->busy--;
	listener_destroy_if_idle(l);
}

static void
pause_cb(void *ctx)
{
	struct rpc_listener *l = ctx;

	if (loop_io_set(l->io, LOOP_READ) < 0)
		(void)loop_timer_set(l->pause, ACCEPT_PAUSE_MS); /* nothing else to try */
}

/* Removes a socket file nobody listens on. 0; -EADDRINUSE; an errno. */
static int
stale_remove(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE; /* somebody's file: not ours to remove */
	fd = rpc_connect(path);
	if (fd >= 0) {
		(void)close(fd); /* only a question */
		return -EADDRINUSE;
	}
	if (fd != -ECONNREFUSED && fd != -ENOENT)
		return -EADDRINUSE; /* a full queue is a listener, too */
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int
listener_bind(struct rpc_listener *l)
{
	struct sockaddr_un address;
	struct stat st;
	int rc = stale_remove(l->path);

	if (rc < 0)
		return rc;
	l->fd = rpc_socket(l->path, &address);
	if (l->fd < 0)
		return l->fd;
	/* Before bind(): the file never has a wider mode. After it: the umask does not matter. */
	if (fchmod(l->fd, l->options.mode) < 0 ||
	    bind(l->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	l->bound = true;
	if (lstat(l->path, &st) < 0)
		return -errno;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	if (chmod(l->path, l->options.mode) < 0 || listen(l->fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

void
rpc_refuse(int fd, enum rpc_code code, const char *why)
{
	char line[256];
	struct strbuf b;

	strbuf_init(&b, line, sizeof(line));
	strbuf_addf(&b,
		    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":%d,"
		    "\"message\":\"%s\"}}\n",
		    code, why);
	assert(!b.truncated);
	/* Both are a courtesy: the connection ends whatever happens. */
	(void)send(fd, line, b.used, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(fd);
}

int
rpc_listen(struct loop *loop, const struct rpc_listen_options *o,
	   struct rpc_listener **ret_listener)
{
	struct rpc_listener *l = calloc(1, sizeof(*l));
	int rc = -ENOMEM;

	assert(o->hooks != NULL && o->accept != NULL && o->peers_max > 0);
	if (l == NULL)
		return rc;
	*l = (struct rpc_listener){ .loop = loop, .options = *o, .fd = -1 };
	l->path = strdup(o->path);
	if (l->path == NULL)
		goto out;
	rc = listener_bind(l);
	if (rc < 0) {
		log_err("%s: %s%s", l->path, strerror(-rc),
			rc == -EADDRINUSE ? "; does another laned run here?" : "");
		goto out;
	}
	rc = loop_timer_new(loop, pause_cb, l, &l->pause);
	if (rc < 0)
		goto out;
	rc = loop_io_new(loop, l->fd, LOOP_READ, listen_cb, l, &l->io);
	if (rc < 0)
		goto out;
	*ret_listener = l;
	l = NULL;
out:
	rpc_listener_free(l);
	return rc;
}

struct rpc_listener *
rpc_listener_free(struct rpc_listener *l)
{
	struct stat st;

	if (l == NULL || l->freed)
		return NULL;
	l->freed = true;
	l->busy++;
	l->io = loop_io_free(l->io);
	l->pause = loop_timer_free(l->pause);
	while (l->peers != NULL)
		rpc_peer_free(l->peers); /* peer_left takes it off the list */
	if (l->bound && lstat(l->path, &st) == 0 && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		(void)unlink(l->path); /* left over, it is replaced at the next start */
	if (l->fd >= 0)
		(void)close(l->fd); /* a socket: there is nothing to lose */
	l->fd = -1;
	l->busy--;
	listener_destroy_if_idle(l);
	return NULL;
}

void
rpc_listener_each(struct rpc_listener *l, void (*fn)(void *ctx, struct rpc_peer *p),
		  void *ctx)
{
	for (struct rpc_peer *p = l->peers, *next; p != NULL; p = next) {
		next = p->owner_next; /* fn may free p, though no other peer */
		fn(ctx, p);
	}
}
