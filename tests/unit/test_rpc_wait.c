#include "base/rpc.h"

#include "rpc_raw.h"
#include "unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROLE_A 1u

static struct loop *loop;

/* The peer under test, and what happened to it. */
static struct {
	struct rpc_peer *peer;
	unsigned calls, notes, closed;
	char last[64]; /* text of the last note */
} side;

static void
on_note(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct str text;

	(void)ctx;
	(void)peer;
	ck_assert_ptr_null(call);
	side.notes++;
	if (value_get_str(params, "text", sizeof(side.last) - 1, &text) == 0)
		ck_assert_int_eq(str_copy(side.last, sizeof(side.last), text), 0);
}

static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	(void)ctx;
	(void)err;
	ck_assert_ptr_eq(side.peer, peer);
	side.peer = NULL;
	side.closed++;
}

static const struct rpc_method methods[] = { { "note", ROLE_A, 0, on_note } };
static const struct rpc_hooks hooks = { methods, 1, NULL, NULL, on_closed };

/* The peer under test on fd. */
static void
start(int fd, const struct rpc_hooks *with)
{
	memset(&side, 0, sizeof(side));
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(rpc_peer_new(loop, fd, ROLE_A, with, &side.peer), 0);
}

static void
finish(void)
{
	side.peer = rpc_peer_free(side.peer);
	loop_free(loop);
}

/* A child that answers the other end of a pair with ready lines, then reads until the end. */
static pid_t
child_says(int *ret_fd, const char *text, bool then_close)
{
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		char byte;

		(void)close(fds[0]);
		/* Waits for the question first. */
		while (recv(fds[1], &byte, 1, 0) == 1 && byte != '\n')
			;
		(void)!write(fds[1], text, strlen(text));
		while (!then_close && recv(fds[1], &byte, 1, 0) == 1)
			;
		_exit(0);
	}
	(void)close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

struct wait_case {
	const char *text;
	bool then_close;
	int64_t timeout_ms;
	int rc;
	int64_t value;
	unsigned notes; /* dispatched by the loop afterwards */
};

static void
wait_one(const struct wait_case *w)
{
	struct rpc_ask question = { "x", NULL, w->timeout_ms };
	struct arena *arena = arena_new(65536);
	const struct value *result = NULL;
	struct rpc_error error = { 0 };
	int fd, status;
	pid_t pid = child_says(&fd, w->text, w->then_close);

	start(fd, &hooks);
	ck_assert_int_eq(rpc_request_wait(side.peer, &question, arena, &result, &error),
			 w->rc);
	ck_assert_uint_eq(side.notes, 0);
	ck_assert_uint_eq(side.closed, 0);
	if (w->rc == 0)
		ck_assert_int_eq(result->i, w->value);
	else
		ck_assert_ptr_null(result);
	if (w->rc == -EREMOTEIO)
		ck_assert_int_eq(error.code, w->value);
	RUN_UNTIL(side.notes == w->notes);
	if (w->then_close)
		RUN_UNTIL(side.closed == 1);
	arena_free(arena);
	finish();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

#define NOTE(text)                                                                       \
	"{\"jsonrpc\":\"2.0\",\"method\":\"note\",\"params\":{\"text\":\"" text "\"}}\n"

START_TEST(waiting_keeps_what_else_comes_for_the_loop)
{
	static const struct wait_case cases[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}\n", false, 10000, 0, 5,
		  0 },
		{ NOTE("a") NOTE(
			  "b") "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}\n" NOTE("c"),
		  false, 10000, 0, 5, 3 },
		{ NOTE("a") "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}\n", true, 0, 0,
		  5, 1 },
		{ NOTE("a") NOTE("b"), true, 10000, -EPIPE, 0, 2 },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":", true, 0, -EPIPE, 0, 0 },
		{ NOTE("a"), false, 30, -ETIMEDOUT, 0, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		wait_one(&cases[i]);
}
END_TEST

START_TEST(waiting_tells_the_error_of_the_other_side)
{
	static const struct wait_case w = {
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":1}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":9,\"message\":\"\"}}"
		"\n",
		false,
		0,
		-EREMOTEIO,
		9,
		0
	};

	wait_one(&w);
}
END_TEST

/* Asks the other side synchronously from inside a handler: what a host's journal call does. */
static void
on_nested(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct rpc_ask question = { "journal", NULL, 10000 };
	struct arena *arena = arena_new(4096);
	const struct value *result = NULL;
	int64_t n = 0;

	(void)ctx;
	side.calls++;
	ck_assert_int_eq(rpc_request_wait(peer, &question, arena, &result, NULL), 0);
	ck_assert_int_eq(result->i, 5);
	ck_assert_int_eq(value_get_int(params, "n", 0, 9, &n), 0); /* still there */
	ck_assert_int_eq(n, 4);
	ck_assert_uint_eq(side.notes, 0);
	arena_free(arena);
	rpc_reply(call, NULL);
}

START_TEST(a_handler_may_wait_and_the_order_of_messages_stays)
{
	static const struct rpc_method table[] = { { "nested", ROLE_A, 0, on_nested },
						   { "note", ROLE_A, 0, on_note } };
	static const struct rpc_hooks nested_hooks = { table, 2, NULL, NULL, on_closed };
	char line[256];
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	start(fds[0], &nested_hooks);
	raw_send(
		fds[1],
		"{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"nested\",\"params\":{\"n\":4}"
		"}\n" NOTE("first") "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}\n" NOTE(
			"last"));
	RUN_UNTIL(side.notes == 2);
	ck_assert_uint_eq(side.calls, 1);
	ck_assert_str_eq(side.last, "last");
	raw_line(loop, fds[1], line, sizeof(line));
	ck_assert_str_eq(
		line,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"journal\",\"params\":{}}");
	raw_line(loop, fds[1], line, sizeof(line));
	ck_assert_str_eq(line, "{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":{}}");
	(void)close(fds[1]);
	finish();
}
END_TEST

START_TEST(waiting_on_a_dead_peer_fails)
{
	struct rpc_ask question = { "x", NULL, 10000 };
	struct arena *arena = arena_new(4096);
	const struct value *result;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	start(fds[0], &hooks);
	(void)close(fds[1]);
	ck_assert_int_eq(rpc_request_wait(side.peer, &question, arena, &result, NULL),
			 -EPIPE);
	ck_assert_uint_eq(side.closed, 0);
	RUN_UNTIL(side.closed == 1);
	arena_free(arena);
	finish();
}
END_TEST

UNIT_MAIN("rpc_wait", waiting_keeps_what_else_comes_for_the_loop,
	  waiting_tells_the_error_of_the_other_side,
	  a_handler_may_wait_and_the_order_of_messages_stays,
	  waiting_on_a_dead_peer_fails)
