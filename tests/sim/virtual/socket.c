/*
 * The kernel's Unix stream sockets between two processes of the simulation, as rpc uses them. The
 * linker brings the calls here (--wrap); descriptors that are not of this kind go to the kernel.
 */
#include "sim/virtual/virtual.h"

#include "base/crypto.h"
#include "base/rpc_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FD_FIRST 1000000
#define ENDS_MAX 32
#define LISTENERS_MAX 8
#define BACKLOG_MAX 8u
/* As much as the kernel's socket holds. */
#define BUFFER_BYTES_MAX (208u * 1024u)
#define NEVER INT64_MAX

/* Bytes that become readable together. */
struct part {
	int64_t at_ms;
	size_t n;
};

struct end {
	bool is_open;
	bool dead; /* its process has died and only its code does not know yet */
	enum virtual_process owner;
	struct end *peer; /* NULL: closed */
	char *bytes;      /* what this end has yet to read */
	size_t used, room;
	struct part *parts;
	size_t parts_count, parts_room;
	int64_t last_ms; /* when the newest of them, or the end, comes */
	bool reset;
	int64_t blocked_ms; /* it cannot send before */
};

struct listener {
	bool is_open;
	struct rpc_listen_options options;
	char path[128];
	struct loop *loop;
	struct end *backlog[BACKLOG_MAX];
	size_t backlog_count;
	struct rpc_peer *peers;
	unsigned peers_count;
};

static struct {
	struct virtual_hooks hooks;
	bool begun;
	enum virtual_process now;
	bool dead[VIRTUAL_PROCESSES];
	struct end ends[ENDS_MAX];
	struct listener listeners[LISTENERS_MAX];
} net;

/* ---- ends -------------------------------------------------------------------------------- */

static struct end *
end_of(int fd)
{
	return fd < FD_FIRST || fd >= FD_FIRST + ENDS_MAX ? NULL
							  : &net.ends[fd - FD_FIRST];
}

static int
fd_of(const struct end *e)
{
	return FD_FIRST + (int)(e - net.ends);
}

static struct end *
end_new(enum virtual_process owner)
{
	for (size_t i = 0; i < ENDS_MAX; i++) {
		struct end *e = &net.ends[i];
		struct end old = *e;

		if (e->is_open)
			continue;
		*e = (struct end){ .is_open = true,
				   .dead = net.dead[owner],
				   .owner = owner,
				   .bytes = old.bytes,
				   .room = old.room,
				   .parts = old.parts,
				   .parts_room = old.parts_room };
		return e;
	}
	abort();
}

/* What the other side sees of a close: the rest, then the end; a reset when it was not heard out. */
static void
part_company(struct end *e)
{
	struct end *peer = e->peer;

	e->peer = NULL;
	if (peer == NULL)
		return;
	peer->peer = NULL;
	peer->reset = e->used > 0;
	if (peer->last_ms < virtual_now_ms())
		peer->last_ms = virtual_now_ms();
	e->used = e->parts_count = 0;
}

static size_t
readable(const struct end *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->parts_count; i++)
		n += e->parts[i].at_ms <= virtual_now_ms() ? e->parts[i].n : 0;
	return n;
}

static void
append(struct end *e, const char *bytes, size_t n, int64_t at_ms)
{
	if (e->used + n > e->room) {
		e->room = (e->used + n) * 2;
		e->bytes = realloc(e->bytes, e->room);
	}
	if (e->parts_count == e->parts_room) {
		e->parts_room = e->parts_room * 2 + 8;
		e->parts = realloc(e->parts, e->parts_room * sizeof(*e->parts));
	}
	if (e->bytes == NULL || e->parts == NULL)
		abort();
	memcpy(e->bytes + e->used, bytes, n);
	e->used += n;
	if (at_ms < e->last_ms)
		at_ms = e->last_ms; /* a stream keeps its order */
	e->last_ms = at_ms;
	e->parts[e->parts_count++] = (struct part){ at_ms, n };
}

static void
take(struct end *e, char *buf, size_t n)
{
	size_t left = n, gone = 0;

	memcpy(buf, e->bytes, n);
	e->used -= n;
	memmove(e->bytes, e->bytes + n, e->used);
	while (left > 0 && e->parts[gone].n <= left)
		left -= e->parts[gone++].n;
	if (left > 0)
		e->parts[gone].n -= left;
	e->parts_count -= gone;
	memmove(e->parts, e->parts + gone, e->parts_count * sizeof(*e->parts));
}

int64_t
virtual_readable_ms(int fd)
{
	const struct end *e = end_of(fd);

	if (e == NULL || !e->is_open || e->dead)
		return NEVER;
	if (e->parts_count > 0)
		return e->parts[0].at_ms;
	return e->peer == NULL ? e->last_ms : NEVER;
}

int64_t
virtual_writable_ms(int fd)
{
	const struct end *e = end_of(fd);

	if (e == NULL || !e->is_open || e->dead)
		return NEVER;
	if (e->peer != NULL && e->peer->used >= BUFFER_BYTES_MAX)
		return NEVER; /* the other side reads first */
	return e->blocked_ms;
}

bool
virtual_ready(int fd)
{
	const struct end *e = end_of(fd);

	return e == NULL || e->dead || virtual_readable_ms(fd) <= virtual_now_ms();
}

/* ---- processes --------------------------------------------------------------------------- */

void
virtual_begin(const struct virtual_hooks *hooks)
{
	for (size_t i = 0; i < ENDS_MAX; i++) {
		net.ends[i].is_open = false;
		net.ends[i].used = net.ends[i].parts_count = 0;
		if (hooks != NULL)
			continue;
		free(net.ends[i].bytes);
		free(net.ends[i].parts);
		net.ends[i] = (struct end){ .is_open = false };
	}
	memset(net.listeners, 0, sizeof(net.listeners));
	memset(net.dead, 0, sizeof(net.dead));
	net.now = VIRTUAL_LANED;
	net.begun = hooks != NULL;
	if (hooks != NULL)
		net.hooks = *hooks;
	virtual_clock(NULL);
	virtual_clock_doubt(false);
}

enum virtual_process
virtual_enter(enum virtual_process p)
{
	enum virtual_process before = net.now;

	net.now = p;
	return before;
}

void
virtual_kill(enum virtual_process p)
{
	net.dead[p] = true;
	for (size_t i = 0; i < ENDS_MAX; i++) {
		struct end *e = &net.ends[i];

		if (!e->is_open || e->owner != p || e->dead)
			continue;
		part_company(e);
		e->dead = true;
	}
	for (size_t i = 0; p == VIRTUAL_LANED && i < LISTENERS_MAX; i++)
		net.listeners[i].is_open = false;
}

void
virtual_born(enum virtual_process p)
{
	for (size_t i = 0; i < ENDS_MAX; i++)
		assert(!net.ends[i].is_open || net.ends[i].owner != p);
	net.dead[p] = false;
}

bool
virtual_is_dead(enum virtual_process p)
{
	return net.dead[p];
}

bool
virtual_cut(void)
{
	bool any = false;

	for (size_t i = 0; i < ENDS_MAX; i++) {
		struct end *e = &net.ends[i];

		if (!e->is_open || e->dead || e->peer == NULL)
			continue;
		any = true;
		e->peer->used = e->peer->parts_count = 0;
		e->peer->last_ms = e->last_ms = virtual_now_ms();
		e->used = e->parts_count = 0;
		e->reset = e->peer->reset = true;
		e->peer->peer = NULL;
		e->peer = NULL;
	}
	return any;
}

/* ---- connecting -------------------------------------------------------------------------- */

static void
peer_left(void *owner, struct rpc_peer *p, int err)
{
	struct listener *l = owner;

	(void)err; /* the program heard it by its hook */
	for (struct rpc_peer **q = &l->peers; *q != NULL; q = &(*q)->owner_next) {
		if (*q != p)
			continue;
		*q = p->owner_next;
		l->peers_count--;
		return;
	}
}

/* As rpc_listen.c does it. */
static void
admit(struct listener *l, int fd)
{
	const struct rpc_listen_options *o = &l->options;
	struct rpc_peer *p;
	uint32_t role = 0;

	if (l->peers_count >= o->peers_max) {
		rpc_refuse(fd, RPC_REFUSED, "too many connections");
		return;
	}
	role = o->accept(o->hooks->ctx, 1, geteuid(), getegid());
	if (role == 0) {
		rpc_refuse(fd, RPC_DENIED, "this user may not connect here");
		return;
	}
	if (rpc_peer_new(l->loop, fd, role, o->hooks, &p) < 0)
		return; /* closed there */
	p->left = peer_left;
	p->owner = l;
	p->owner_next = l->peers;
	l->peers = p;
	l->peers_count++;
	if (o->opened != NULL)
		o->opened(o->hooks->ctx, p);
}

static void
accept_cb(void *ctx)
{
	struct listener *l = ctx;

	while (l->backlog_count > 0) {
		struct end *e = l->backlog[0];

		l->backlog_count--;
		memmove(l->backlog, l->backlog + 1,
			l->backlog_count * sizeof(l->backlog[0]));
		admit(l, fd_of(e));
	}
}

int __wrap_rpc_listen(struct loop *loop, const struct rpc_listen_options *o,
		      struct rpc_listener **ret_listener);
struct rpc_listener *__wrap_rpc_listener_free(struct rpc_listener *rl);
int __wrap_socket(int family, int type, int protocol);
int __real_socket(int family, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *at, socklen_t n);
int __real_connect(int fd, const struct sockaddr *at, socklen_t n);
int __wrap_crypto_random(void *buf, size_t n);
int __real_crypto_random(void *buf, size_t n);
ssize_t __wrap_send(int fd, const void *buf, size_t n, int flags);
ssize_t __real_send(int fd, const void *buf, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t n, int flags);
ssize_t __real_recv(int fd, void *buf, size_t n, int flags);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int __wrap_close(int fd);
int __real_close(int fd);
int __wrap_fcntl(int fd, int cmd, ...);
int __real_fcntl(int fd, int cmd, ...);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *n);

int
__wrap_rpc_listen(struct loop *loop, const struct rpc_listen_options *o,
		  struct rpc_listener **ret_listener)
{
	assert(net.begun);
	for (size_t i = 0; i < LISTENERS_MAX; i++) {
		struct listener *l = &net.listeners[i];

		if (l->loop != NULL)
			continue;
		*l = (struct listener){ .is_open = true, .options = *o, .loop = loop };
		if (str_copy(l->path, sizeof(l->path), str_of(o->path)) < 0)
			return -ENAMETOOLONG;
		*ret_listener = (struct rpc_listener *)(void *)l;
		return 0;
	}
	return -EMFILE;
}

struct rpc_listener *
__wrap_rpc_listener_free(struct rpc_listener *rl)
{
	struct listener *l = (struct listener *)(void *)rl;

	if (l == NULL)
		return NULL;
	l->is_open = false;
	while (l->peers != NULL)
		rpc_peer_free(l->peers); /* peer_left takes it off the list */
	for (size_t i = 0; i < l->backlog_count; i++)
		(void)__wrap_close(fd_of(l->backlog[i])); /* cannot fail */
	*l = (struct listener){ .is_open = false };
	return NULL;
}

static ssize_t
fails(int err)
{
	errno = err;
	return -1;
}

int
__wrap_socket(int family, int type, int protocol)
{
	if (!net.begun || family != AF_UNIX)
		return __real_socket(family, type, protocol);
	return fd_of(end_new(net.now));
}

/* The listener at a path, or why there is none. */
static int
find_listener(const struct sockaddr_un *at, struct listener **ret_listener)
{
	for (size_t i = 0; i < LISTENERS_MAX; i++) {
		struct listener *l = &net.listeners[i];

		if (!l->is_open || strcmp(l->path, at->sun_path) != 0)
			continue;
		if (l->backlog_count == BACKLOG_MAX)
			return EAGAIN;
		*ret_listener = l;
		return 0;
	}
	return ECONNREFUSED;
}

int
__wrap_connect(int fd, const struct sockaddr *at, socklen_t n)
{
	struct end *mine = end_of(fd), *theirs;
	struct listener *l = NULL;
	int err;

	if (mine == NULL)
		return __real_connect(fd, at, n);
	err = mine->dead ? ECONNREFUSED : find_listener((const void *)at, &l);
	if (err != 0)
		return (int)fails(err);
	theirs = end_new(VIRTUAL_LANED);
	mine->peer = theirs;
	theirs->peer = mine;
	l->backlog[l->backlog_count++] = theirs;
	if (loop_defer(l->loop, accept_cb, l) < 0)
		abort();
	return 0;
}

/* ---- what rpc calls ---------------------------------------------------------------------- */

ssize_t
__wrap_send(int fd, const void *buf, size_t n, int flags)
{
	struct end *e = end_of(fd);
	size_t taken;

	if (e == NULL)
		return __real_send(fd, buf, n, flags);
	if (!e->dead && net.hooks.seen != NULL)
		net.hooks.seen(net.hooks.ctx, e->owner, buf, n);
	if (!e->dead)
		net.hooks.sends(net.hooks.ctx, e->owner);
	if (e->dead)
		return (ssize_t)n; /* nobody is there any more to hear it */
	if (e->peer == NULL)
		return fails(EPIPE);
	if (e->peer->used >= BUFFER_BYTES_MAX || e->blocked_ms > virtual_now_ms())
		return fails(EAGAIN);
	taken = net.hooks.piece(net.hooks.ctx, e->owner, true, n);
	if (taken == 0) {
		e->blocked_ms = virtual_now_ms() +
				net.hooks.delay_ms(net.hooks.ctx, e->owner, n) + 1;
		return fails(EAGAIN);
	}
	append(e->peer, buf, taken,
	       virtual_now_ms() + net.hooks.delay_ms(net.hooks.ctx, e->owner, taken));
	return (ssize_t)taken;
}

ssize_t
__wrap_recv(int fd, void *buf, size_t n, int flags)
{
	struct end *e = end_of(fd);
	size_t there;

	if (e == NULL)
		return __real_recv(fd, buf, n, flags);
	if (e->dead)
		return fails(ECONNRESET);
	there = readable(e);
	if (there == 0 &&
	    (e->parts_count > 0 || e->peer != NULL || e->last_ms > virtual_now_ms()))
		return fails(EAGAIN);
	if (there == 0 && e->reset) {
		e->reset = false;
		return fails(ECONNRESET);
	}
	if (there == 0)
		return 0;
	there = there < n ? there : n;
	n = net.hooks.piece(net.hooks.ctx, e->owner, false, there);
	take(e, buf, n == 0 ? there : n);
	return (ssize_t)(n == 0 ? there : n);
}

int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct end *e = n == 1 ? end_of(fds[0].fd) : NULL;

	if (e == NULL)
		return __real_poll(fds, n, timeout_ms);
	if (!virtual_ready(fds[0].fd))
		net.hooks.waits(net.hooks.ctx, e->owner, fds[0].fd,
				virtual_now_ms() + timeout_ms);
	fds[0].revents = 0;
	if (virtual_ready(fds[0].fd))
		fds[0].revents = (short)(fds[0].revents | (e->dead ? POLLHUP : POLLIN));
	if ((fds[0].events & POLLOUT) != 0 &&
	    virtual_writable_ms(fds[0].fd) <= virtual_now_ms())
		fds[0].revents = (short)(fds[0].revents | POLLOUT);
	return fds[0].revents != 0;
}

int
__wrap_close(int fd)
{
	struct end *e = end_of(fd);

	if (e == NULL)
		return __real_close(fd);
	assert(e->is_open);
	if (!e->dead)
		part_company(e);
	e->is_open = false;
	e->used = e->parts_count = 0;
	return 0;
}

int
__wrap_fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	if (end_of(fd) != NULL)
		return 0;
	va_start(ap, cmd);
	arg = va_arg(
		ap,
		long); /* an int or a pointer: a word on the machines of this project */
	va_end(ap);
	return __real_fcntl(fd, cmd, arg);
}

int
__wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n)
{
	struct ucred cred = { .pid = 1, .uid = geteuid(), .gid = getegid() };

	if (end_of(fd) == NULL)
		return __real_getsockopt(fd, level, name, value, n);
	assert(level == SOL_SOCKET && name == SO_PEERCRED && *n == sizeof(cred));
	memcpy(value, &cred, sizeof(cred));
	return 0;
}

int
__wrap_crypto_random(void *buf, size_t n)
{
	uint8_t *p = buf;

	if (!net.begun || net.hooks.random == NULL)
		return __real_crypto_random(buf, n);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)net.hooks.random(net.hooks.ctx);
	return 0;
}
