/* A client that keeps itself connected. */
#include "base/rpc_private.h"

#include "base/clock.h"
#include "base/crash.h"
#include "base/crypto.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKOFF_MS_FIRST 50
#define BACKOFF_MS_MAX 2000
/* A connection that lived shorter is a failure, too: the back-off goes on growing. */
#define GOOD_MS 2000

struct rpc_client {
	struct loop *loop;
	struct rpc_client_options options;
	char *path; /* NULL: only fd_first */
	int fd_first;
	struct loop_timer *timer;
	struct rpc_peer *peer;
	int64_t backoff_ms;
	bool said;            /* that nobody is there */
	int64_t connected_ms; /* monotonic */
	unsigned busy;
	bool freed;
};

static void
client_destroy_if_idle(struct rpc_client *c)
{
	if (!c->freed || c->busy > 0)
		return;
	free(c->path);
	free(c);
}

/* ms shifted by up to a fifth either way, so that clients do not come in step. */
static int64_t
with_jitter(int64_t ms)
{
	uint16_t random;

	if (crypto_random(&random, sizeof(random)) < 0)
		return ms; /* only the spreading is lost */
	return ms - ms / 5 + (2 * (ms / 5) * random) / UINT16_MAX;
}

static void
try_later(struct rpc_client *c)
{
	/* It was armed before, so that it needs no new memory. */
	(void)loop_timer_set(c->timer, with_jitter(c->backoff_ms));
	c->backoff_ms =
		c->backoff_ms * 2 < BACKOFF_MS_MAX ? c->backoff_ms * 2 : BACKOFF_MS_MAX;
}

static void
peer_left(void *owner, struct rpc_peer *p, int err)
{
	struct rpc_client *c = owner;

	assert(c->peer == p);
	(void)p;
	c->peer = NULL;
	if (c->freed)
		return;
	if (c->path != NULL) {
		if (clock_mono_ms() - c->connected_ms >= GOOD_MS)
			c->backoff_ms = BACKOFF_MS_FIRST;
		try_later(c);
	} else if (c->options.gone != NULL) {
		crash_point("rpc.dispatch");
		c->options.gone(c->options.hooks->ctx, err);
	}
}

/* Once, and not when the other side is only started again. */
static void
say_nobody_is_there(struct rpc_client *c, int err)
{
	if (!c->said && c->backoff_ms == BACKOFF_MS_MAX)
		log_notice("%s: %s; does the program run that waits there? It is tried "
			   "again and again",
			   c->path, strerror(-err));
	c->said = c->said || c->backoff_ms == BACKOFF_MS_MAX;
}

static void
client_try(struct rpc_client *c)
{
	const struct rpc_client_options *o = &c->options;
	int fd = c->fd_first;

	c->fd_first = -1;
	if (fd < 0)
		fd = rpc_connect(c->path);
	if (fd < 0 || rpc_peer_new(c->loop, fd, o->role, o->hooks, &c->peer) < 0) {
		if (c->path != NULL) {
			if (fd < 0)
				say_nobody_is_there(c, fd);
			try_later(c);
		} else if (o->gone != NULL) {
			crash_point("rpc.dispatch");
			o->gone(o->hooks->ctx, -EPIPE);
		}
		return;
	}
	c->peer->left = peer_left;
	c->peer->owner = c;
	c->connected_ms = clock_mono_ms();
	c->said = false;
	if (o->connected != NULL) {
		crash_point("rpc.dispatch");
		o->connected(o->hooks->ctx, c->peer);
	}
}

static void
try_cb(void *ctx)
{
	struct rpc_client *c = ctx;

	c->busy++;
	client_try(c);
	c->busy--;
	client_destroy_if_idle(c);
}

int
rpc_socket(const char *path, struct sockaddr_un *ret_address)
{
	size_t n = strlen(path);
	int fd;

	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n == 0 || n >= sizeof(ret_address->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret_address->sun_path, path, n + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

int
rpc_connect(const char *path)
{
	struct sockaddr_un address;
	int fd = rpc_socket(path, &address), err;

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err = errno;
	(void)close(fd); /* never used */
	return -err;
}

int
rpc_client_new(struct loop *l, const struct rpc_client_options *o,
	       struct rpc_client **ret_client)
{
	struct rpc_client *c = calloc(1, sizeof(*c));
	int rc = -ENOMEM;

	assert(o->hooks != NULL && (o->path != NULL || o->fd_first >= 0));
	if (c == NULL)
		return rc;
	*c = (struct rpc_client){ .loop = l,
				  .options = *o,
				  .fd_first = o->fd_first,
				  .backoff_ms = BACKOFF_MS_FIRST };
	if (o->path != NULL) {
		c->path = strdup(o->path);
		if (c->path == NULL)
			goto out;
	}
	rc = loop_timer_new(l, try_cb, c, &c->timer);
	if (rc < 0)
		goto out;
	rc = loop_timer_set(c->timer, 0);
	if (rc < 0)
		goto out;
	*ret_client = c;
	c = NULL;
out:
	rpc_client_free(c);
	return rc;
}

struct rpc_client *
rpc_client_free(struct rpc_client *c)
{
	if (c == NULL || c->freed)
		return NULL;
	c->freed = true;
	c->busy++;
	c->timer = loop_timer_free(c->timer);
	rpc_peer_free(c->peer);
	if (c->fd_first >= 0)
		(void)close(c->fd_first); /* never used */
	c->fd_first = -1;
	c->busy--;
	client_destroy_if_idle(c);
	return NULL;
}

struct rpc_peer *
rpc_client_peer(struct rpc_client *c)
{
	return c->peer;
}
