/* Bytes of a hostile peer: cut as the first byte says, through a socket, into a method table. */
#include "base/rpc.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROLE 1u
#define ROUNDS_MAX 100000
#define HELD_MAX 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
	struct rpc_peer *peer;
	struct rpc_call *held[HELD_MAX];
	unsigned held_count;
	unsigned answers;
};

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static void
on_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct state *s = ctx;

	require((result == NULL) != (error == NULL));
	s->answers++;
}

static void
on_echo(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct json_out *out = json_out_new(65536);

	(void)ctx;
	(void)peer;
	require(out != NULL);
	json_value(out, NULL, params);
	rpc_reply(call, out);
	json_out_free(out);
}

static void
on_hold(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct state *s = ctx;

	(void)peer;
	(void)params;
	if (call == NULL)
		return;
	if (s->held_count == HELD_MAX)
		rpc_fail(call, RPC_REFUSED, "%u are held", HELD_MAX);
	else
		s->held[s->held_count++] = call;
}

static void
on_ask(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
       const struct value *params)
{
	(void)params;
	/* May fail: the peer may be full or gone. */
	(void)rpc_request(peer, "back", NULL, 0, on_answer, ctx);
	rpc_reply(call, NULL);
}

static void
on_quit(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct state *s = ctx;

	(void)params;
	s->peer = rpc_peer_free(peer);
	rpc_reply(call, NULL);
}

static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	struct state *s = ctx;

	(void)err;
	require(s->peer == peer);
	s->peer = NULL;
}

static void
drain(int fd)
{
	char sink[4096];

	while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
}

static void
feed(struct loop *loop, struct state *s, int fd, const uint8_t *data, size_t size)
{
	size_t step = size > 0 && data[0] > 0 ? data[0] * (size_t)32 : size;

	for (size_t at = 0; at < size && s->peer != NULL;) {
		size_t n = size - at < step ? size - at : step;
		ssize_t sent = send(fd, data + at, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0)
			at += (size_t)sent;
		require(loop_once(loop, 0) == 0);
		drain(fd);
	}
	(void)shutdown(fd, SHUT_WR); /* fails when the peer is gone */
	for (int i = 0; s->peer != NULL; i++) {
		require(i < ROUNDS_MAX);
		require(loop_once(loop, 0) == 0);
		drain(fd);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rpc_method methods[] = { { "echo", ROLE, 0, on_echo },
						     { "hold", ROLE, 0, on_hold },
						     { "ask", ROLE, 0, on_ask },
						     { "quit", ROLE, 0, on_quit } };
	struct state s = { 0 };
	struct rpc_hooks hooks = { methods, 4, &s, NULL, on_closed };
	struct loop *loop;
	int fds[2];

	require(loop_new(&loop) == 0);
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	require(rpc_peer_new(loop, fds[0], ROLE, &hooks, &s.peer) == 0);
	require(rpc_request(s.peer, "back", NULL, 0, on_answer, &s) == 0);
	feed(loop, &s, fds[1], data, size);
	require(s.answers >= 1); /* each question ends, one way or the other */
	for (unsigned i = 0; i < s.held_count; i++)
		rpc_reply(s.held[i], NULL);
	(void)close(fds[1]); /* a socket */
	loop_free(loop);
	return 0;
}
