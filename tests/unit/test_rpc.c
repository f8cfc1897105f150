#include "base/rpc.h"

#include "base/clock.h"
#include "rpc_raw.h"
#include "unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROLE_A 1u
#define ROLE_B 2u
#define PHASE_OPEN 1u
#define PHASE_SHUT 2u

/* One side of a conversation: the peer, and what happened to it. */
struct side {
	struct rpc_peer *peer;
	unsigned calls, notes, closed;
	int closed_err;
	struct rpc_call *held, *held_before;
	char last[64]; /* text of the last note */
};

/* The answers a test got. */
struct answer {
	unsigned count;
	int64_t value;
	struct rpc_error error;
};

static struct loop *loop;
static uint32_t phase = PHASE_OPEN;

static void
on_double(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct json_out *out = json_out_new(64);
	struct side *s = ctx;
	int64_t n;

	ck_assert_ptr_nonnull(call);
	ck_assert_ptr_nonnull(peer);
	s->calls++;
	if (value_get_int(params, "n", 0, 1000, &n) < 0) {
		rpc_fail(call, RPC_PARAMS, "n must be 0 to %d", 1000);
	} else {
		json_int(out, NULL, 2 * n);
		rpc_reply(call, out);
	}
	json_out_free(out);
}

static void
on_note(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct side *s = ctx;
	struct str text;

	(void)peer;
	ck_assert_ptr_null(call);
	s->notes++;
	if (value_get_str(params, "text", sizeof(s->last) - 1, &text) == 0)
		ck_assert_int_eq(str_copy(s->last, sizeof(s->last), text), 0);
}

static void
on_hold(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct side *s = ctx;

	(void)peer;
	(void)params;
	s->calls++;
	s->held_before = s->held;
	s->held = call;
}

/* Answers what is held. */
static void
release(struct side *s)
{
	rpc_reply(s->held, NULL);
	rpc_reply(s->held_before, NULL);
	s->held = s->held_before = NULL;
}

static void
on_drop(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct side *s = ctx;
	const struct value *deep = value_member(params, "deep");

	s->calls++;
	s->peer = rpc_peer_free(peer);
	/* The message outlives its peer until the handler returns. */
	ck_assert_ptr_nonnull(deep);
	ck_assert_int_eq(deep->i, 7);
	rpc_reply(call, NULL);
}

static void
on_ok(void *ctx, struct rpc_peer *peer, struct rpc_call *call, const struct value *params)
{
	(void)ctx;
	(void)peer;
	(void)params;
	rpc_reply(call, NULL);
}

static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	struct side *s = ctx;

	ck_assert_ptr_eq(s->peer, peer);
	s->peer = NULL;
	s->closed++;
	s->closed_err = err;
}

static uint32_t
phase_now(void *ctx, struct rpc_peer *peer)
{
	(void)ctx;
	(void)peer;
	return phase;
}

static const struct rpc_method methods[] = {
	{ "double", ROLE_A | ROLE_B, 0, on_double },
	{ "note", ROLE_A | ROLE_B, 0, on_note },
	{ "hold", ROLE_A | ROLE_B, 0, on_hold },
	{ "drop", ROLE_A | ROLE_B, 0, on_drop },
	{ "only.b", ROLE_B, 0, on_ok },
	{ "only.shut", ROLE_A | ROLE_B, PHASE_SHUT, on_ok },
};

static struct side left, right;
static struct rpc_hooks left_hooks = { methods, 6, &left, phase_now, on_closed };
static struct rpc_hooks right_hooks = { methods, 6, &right, phase_now, on_closed };

static void
on_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct answer *a = ctx;

	ck_assert((result == NULL) != (error == NULL));
	a->count++;
	if (result != NULL)
		a->value = result->i;
	else
		a->error = *error;
}

/* left and, when raw_fd is NULL, right are peers of each other; else *raw_fd is the other end. */
static void
start(int *raw_fd)
{
	int fds[2];

	memset(&left, 0, sizeof(left));
	memset(&right, 0, sizeof(right));
	phase = PHASE_OPEN;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(rpc_peer_new(loop, fds[0], ROLE_A, &left_hooks, &left.peer), 0);
	if (raw_fd != NULL)
		*raw_fd = fds[1];
	else
		ck_assert_int_eq(
			rpc_peer_new(loop, fds[1], ROLE_A, &right_hooks, &right.peer), 0);
}

static void
finish(void)
{
	left.peer = rpc_peer_free(left.peer);
	right.peer = rpc_peer_free(right.peer);
	loop_free(loop);
}

static struct json_out *
params_int(const char *name, int64_t n)
{
	struct json_out *out = json_out_new(256);

	ck_assert_ptr_nonnull(out);
	json_open_object(out, NULL);
	json_int(out, name, n);
	json_close(out);
	return out;
}

static int
ask(struct side *s, const char *method, int64_t n, int64_t timeout_ms, struct answer *a)
{
	struct json_out *params = params_int("n", n);
	int rc = rpc_request(s->peer, method, params, timeout_ms, on_answer, a);

	json_out_free(params);
	return rc;
}

START_TEST(both_ends_ask_and_answer)
{
	struct answer a = { 0 }, b = { 0 };

	start(NULL);
	ck_assert_int_eq(ask(&left, "double", 21, 1000, &a), 0);
	ck_assert_int_eq(ask(&right, "double", 4, 1000, &b), 0);
	ck_assert_uint_eq(a.count, 0);
	RUN_UNTIL(a.count == 1 && b.count == 1);
	ck_assert_int_eq(a.value, 42);
	ck_assert_int_eq(b.value, 8);
	finish();
}
END_TEST

START_TEST(many_questions_get_their_own_answers)
{
	struct answer a[RPC_PENDING_MAX] = { { 0 } }, extra = { 0 };

	start(NULL);
	for (unsigned i = 0; i < RPC_PENDING_MAX; i++)
		ck_assert_int_eq(ask(&left, "double", i, 60000, &a[i]), 0);
	ck_assert_int_eq(ask(&left, "double", 1, 60000, &extra), -EAGAIN);
	for (unsigned i = 0; i < RPC_PENDING_MAX; i++) {
		RUN_UNTIL(a[i].count == 1);
		ck_assert_int_eq(a[i].value, 2 * i);
	}
	ck_assert_uint_eq(extra.count, 0);
	finish();
}
END_TEST

START_TEST(errors_name_their_reason)
{
	static const struct {
		const char *method;
		int64_t n;
		int code;
		const char *message;
	} cases[] = {
		{ "double", 1001, RPC_PARAMS, "n must be 0 to 1000" },
		{ "triple", 1, RPC_NO_METHOD, "unknown method" },
		{ "only.b", 1, RPC_DENIED, "this peer may not call this method" },
		{ "only.shut", 1, RPC_DENIED, "not in this phase" },
	};

	start(NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a = { 0 };

		ck_assert_int_eq(ask(&left, cases[i].method, cases[i].n, 1000, &a), 0);
		RUN_UNTIL(a.count == 1);
		ck_assert_int_eq(a.error.code, cases[i].code);
		ck_assert_str_eq(a.error.message, cases[i].message);
	}
	ck_assert_uint_eq(right.closed, 0);
	finish();
}
END_TEST

START_TEST(role_and_phase_decide_at_the_moment_of_the_call)
{
	struct answer a = { 0 };

	start(NULL);
	rpc_peer_set_role(right.peer, ROLE_B);
	ck_assert_uint_eq(rpc_peer_role(right.peer), ROLE_B);
	phase = PHASE_SHUT;
	ck_assert_int_eq(ask(&left, "only.b", 1, 1000, &a), 0);
	ck_assert_int_eq(ask(&left, "only.shut", 1, 1000, &a), 0);
	RUN_UNTIL(a.count == 2);
	ck_assert_int_eq(a.error.code, 0);
	finish();
}
END_TEST

START_TEST(a_late_answer_is_ignored_and_counted)
{
	struct answer a = { 0 }, b = { 0 };

	start(NULL);
	ck_assert_int_eq(ask(&left, "hold", 1, 5, &a), 0);
	RUN_UNTIL(a.count == 1);
	ck_assert_int_eq(a.error.code, RPC_TIMEOUT);
	RUN_UNTIL(right.held != NULL);
	rpc_reply(right.held, NULL);
	ck_assert_int_eq(ask(&left, "double", 1, 1000, &b), 0);
	RUN_UNTIL(b.count == 1);
	ck_assert_uint_eq(a.count, 1);
	ck_assert_uint_eq(rpc_peer_ignored(left.peer), 1);
	finish();
}
END_TEST

START_TEST(a_dead_peer_answers_every_question)
{
	struct answer a = { 0 }, b = { 0 };

	start(NULL);
	ck_assert_int_eq(ask(&left, "hold", 1, 0, &a), 0);
	ck_assert_int_eq(ask(&left, "hold", 1, 60000, &b), 0);
	RUN_UNTIL(right.calls == 2);
	right.peer = rpc_peer_free(right.peer);
	release(&right); /* their peer is gone: only freed */
	RUN_UNTIL(left.closed == 1);
	ck_assert_int_eq(left.closed_err, 0);
	ck_assert_uint_eq(a.count, 1);
	ck_assert_uint_eq(b.count, 1);
	ck_assert_int_eq(a.error.code, RPC_GONE);
	finish();
}
END_TEST

START_TEST(what_was_said_before_dying_is_heard)
{
	int fd;

	start(&fd);
	raw_send(fd,
		 "{\"jsonrpc\":\"2.0\",\"method\":\"note\",\"params\":{\"text\":\"a\"}}\n"
		 "{\"jsonrpc\":\"2.0\",\"method\":\"note\",\"params\":{\"text\":\"bye\"}}"
		 "\n");
	(void)close(fd);
	RUN_UNTIL(left.closed == 1);
	ck_assert_uint_eq(left.notes, 2);
	ck_assert_str_eq(left.last, "bye");
	ck_assert_int_eq(left.closed_err, 0);
	finish();
}
END_TEST

START_TEST(a_peer_dying_in_mid_line_is_an_error)
{
	int fd;

	start(&fd);
	raw_send(fd,
		 "{\"jsonrpc\":\"2.0\",\"method\":\"note\"}\n{\"jsonrpc\":\"2.0\",\"me");
	(void)close(fd);
	RUN_UNTIL(left.closed == 1);
	ck_assert_uint_eq(left.notes, 1);
	ck_assert_int_eq(left.closed_err, -EPROTO);
	finish();
}
END_TEST

START_TEST(nonsense_is_told_and_ends_the_connection)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n\r\n", RPC_PARSE },
		{ "\n", RPC_PARSE },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"note\"}\n",
		  RPC_PARSE },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"note\xff\"}\n", RPC_PARSE },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"note\"}\n", RPC_INVALID },
		{ "{\"id\":1,\"method\":\"note\"}\n", RPC_INVALID },
		{ "\"hello\"\n", RPC_INVALID },
		{ "17\n", RPC_INVALID },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[512], code[32];
		int fd;

		start(&fd);
		raw_send(fd, cases[i].text);
		raw_send(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"note\"}\n");
		raw_line(loop, fd, line, sizeof(line));
		(void)snprintf(code, sizeof(code), "\"code\":%d", cases[i].code);
		ck_assert_msg(strstr(line, code) != NULL, "%s: %s", cases[i].text, line);
		ck_assert_ptr_nonnull(strstr(line, "\"id\":null"));
		RUN_UNTIL(left.closed == 1);
		ck_assert_int_eq(left.closed_err, -EBADMSG);
		ck_assert_uint_eq(left.notes, 0); /* what follows is not believed */
		raw_line(loop, fd, line, sizeof(line));
		ck_assert_str_eq(line, "");
		(void)close(fd);
		finish();
	}
}
END_TEST

START_TEST(wrong_requests_are_told_and_the_connection_stays)
{
	static const struct {
		const char *text;
		const char *answer;
	} cases[] = {
		{ "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"double\"}]", "-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"double\"}", "-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"double\"}", "-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"" /* 65 characters */
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "\",\"method\":\"double\"}",
		  "-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"double\",\"params\":[1]}",
		  "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":"
		  "\"params must be an object\"}}" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":17}", "-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", "-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"q\\\"\\u0001\",\"method\":\"double\","
		  "\"params\":{\"n\":2,\"more\":{}},\"extra\":[null]}",
		  "{\"jsonrpc\":\"2.0\",\"id\":\"q\\\"\\u0001\",\"result\":4}" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":-9007199254740991,\"method\":\"double\","
		  "\"params\":{\"n\":0}}",
		  "{\"jsonrpc\":\"2.0\",\"id\":-9007199254740991,\"result\":0}" },
	};
	int fd;

	start(&fd);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[512];

		raw_send(fd, cases[i].text);
		raw_send(fd, "\r\n");
		raw_line(loop, fd, line, sizeof(line));
		ck_assert_msg(strstr(line, cases[i].answer) != NULL, "%s: %s",
			      cases[i].text, line);
	}
	ck_assert_uint_eq(left.closed, 0);
	(void)close(fd);
	finish();
}
END_TEST

START_TEST(notifications_and_answers_nobody_wants_are_counted)
{
	static const char *const lines[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"unknown\"}\n",
		"{\"jsonrpc\":\"2.0\",\"method\":\"only.b\"}\n",
		"{\"jsonrpc\":\"2.0\",\"method\":\"note\",\"params\":[]}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":1}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":1}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}\n",
		"{\"jsonrpc\":\"2.0\",\"result\":1}\n",
	};
	size_t count = sizeof(lines) / sizeof(lines[0]);
	struct answer a = { 0 };
	int fd;

	start(&fd);
	ck_assert_int_eq(ask(&left, "x", 1, 0, &a), 0); /* id 1 is under way */
	for (size_t i = 0; i < count; i++)
		raw_send(fd, lines[i]);
	RUN_UNTIL(rpc_peer_ignored(left.peer) == count);
	ck_assert_uint_eq(left.notes, 0);
	ck_assert_uint_eq(a.count, 0);
	(void)close(fd);
	finish();
	ck_assert_int_eq(a.error.code, RPC_GONE);
}
END_TEST

START_TEST(odd_answers_become_errors)
{
	static const struct {
		const char *rest;
		int code;
		const char *message;
	} cases[] = {
		{ "\"error\":{\"code\":5,\"message\":\"no\"}", 5, "no" },
		{ "\"error\":{\"code\":5,\"message\":\"no\"},\"result\":1", 5, "no" },
		{ "\"error\":{}", RPC_INTERNAL, "" },
		{ "\"error\":\"boom\"", RPC_INTERNAL, "" },
		{ "\"error\":null", RPC_INTERNAL, "" },
		{ "\"error\":{\"code\":99999999999,\"message\":7}", RPC_INTERNAL, "" },
	};
	int fd;

	start(&fd);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a = { 0 };
		char line[256];

		ck_assert_int_eq(ask(&left, "x", 1, 0, &a), 0);
		(void)snprintf(line, sizeof(line),
			       "{\"jsonrpc\":\"2.0\",\"id\":%zu,%s}\n", i + 1,
			       cases[i].rest);
		raw_send(fd, line);
		RUN_UNTIL(a.count == 1);
		ck_assert_int_eq(a.error.code, cases[i].code);
		ck_assert_str_eq(a.error.message, cases[i].message);
	}
	(void)close(fd);
	finish();
}
END_TEST

/* Sends all n bytes while the loop reads them. */
static void
raw_send_all(int fd, const char *p, size_t n)
{
	for (int rounds = 0; n > 0; rounds++) {
		ssize_t sent = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		ck_assert_int_lt(rounds, ROUNDS_MAX);
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET)
			return;
		ck_assert_int_eq(loop_once(loop, 100), 0);
	}
}

/* A notification of exactly n bytes with its newline. */
static char *
long_line(size_t n)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",\"method\":\"note\",\"x\":\"";
	char *p = malloc(n + 1);

	ck_assert_ptr_nonnull(p);
	memset(p, 'x', n);
	memcpy(p, head, sizeof(head) - 1);
	memcpy(p + n - 3, "\"}\n", 4);
	return p;
}

START_TEST(a_line_may_have_one_mebibyte_and_no_byte_more)
{
	char *line;
	int fd;

	start(&fd);
	line = long_line(RPC_LINE_BYTES_MAX);
	raw_send_all(fd, line, RPC_LINE_BYTES_MAX);
	RUN_UNTIL(left.notes == 1);
	free(line);
	line = long_line(RPC_LINE_BYTES_MAX + 1);
	raw_send_all(fd, line, RPC_LINE_BYTES_MAX + 1);
	RUN_UNTIL(left.closed == 1);
	ck_assert_uint_eq(left.notes, 1);
	ck_assert_int_eq(left.closed_err, -EMSGSIZE);
	free(line);
	(void)close(fd);
	finish();
}
END_TEST

START_TEST(an_endless_line_is_cut_off)
{
	static char block[65536];
	size_t sent = 0;
	int fd;

	memset(block, ' ', sizeof(block));
	start(&fd);
	while (left.closed == 0 && sent < 4u * RPC_LINE_BYTES_MAX) {
		raw_send_all(fd, block, sizeof(block));
		sent += sizeof(block);
		ck_assert_int_eq(loop_once(loop, 0), 0);
	}
	ck_assert_uint_eq(left.closed, 1);
	ck_assert_int_eq(left.closed_err, -EMSGSIZE);
	(void)close(fd);
	finish();
}
END_TEST

START_TEST(a_message_of_nothing_but_numbers_does_not_eat_the_memory)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",\"method\":\"note\",\"x\":[";
	size_t n = RPC_LINE_BYTES_MAX - 4;
	char *line = malloc(n + 1);
	int fd;

	ck_assert_ptr_nonnull(line);
	memcpy(line, head, sizeof(head) - 1);
	for (size_t i = sizeof(head) - 1; i < n; i++)
		line[i] = i % 2 ? '0' : ',';
	n = n / 2 * 2 - 1;
	memcpy(line + n - 3, "0]}\n", 4);
	if (line[n - 4] == '0')
		line[n - 4] = ',';
	start(&fd);
	raw_send_all(fd, line, n + 1);
	RUN_UNTIL(left.closed == 1 || left.notes == 1);
	ck_assert_uint_eq(left.notes, 0);
	free(line);
	(void)close(fd);
	finish();
}
END_TEST

START_TEST(every_cut_of_a_message_gives_the_same)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"double\","
				   "\"params\":{\"n\":3}}\n";
	int fd;

	start(&fd);
	for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
		char line[128];

		ck_assert_int_eq(send(fd, text, cut, 0), (ssize_t)cut);
		ck_assert_int_eq(loop_once(loop, 0), 0);
		ck_assert_int_eq(loop_once(loop, 0), 0);
		raw_send(fd, text + cut);
		raw_line(loop, fd, line, sizeof(line));
		ck_assert_str_eq(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":6}");
	}
	(void)close(fd);
	finish();
}
END_TEST

START_TEST(a_peer_may_be_freed_by_its_own_handler)
{
	struct json_out *params = params_int("deep", 7);
	struct answer a = { 0 };

	start(NULL);
	ck_assert_int_eq(rpc_notify(left.peer, "drop", params), 0);
	ck_assert_int_eq(rpc_request(left.peer, "drop", params, 0, on_answer, &a), 0);
	json_out_free(params);
	RUN_UNTIL(left.closed == 1);
	ck_assert_uint_eq(right.calls, 1); /* the second message died with the peer */
	ck_assert_uint_eq(right.closed, 0);
	ck_assert_int_eq(a.error.code, RPC_GONE);
	finish();
}
END_TEST

static void
free_on_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct side *s = ctx;

	(void)result;
	ck_assert(error == NULL || error->code == RPC_TIMEOUT);
	s->notes++;
	s->peer = rpc_peer_free(s->peer);
}

START_TEST(a_peer_may_be_freed_by_an_answer_or_a_time_out)
{
	static const struct {
		const char *method;
		int64_t timeout_ms;
	} cases[] = { { "only.shut", 0 }, { "hold", 1 } };

	for (size_t i = 0; i < 2; i++) {
		struct answer a = { 0 };

		start(NULL);
		phase = PHASE_SHUT;
		ck_assert_int_eq(ask(&left, "hold", 1, 0, &a), 0);
		ck_assert_int_eq(rpc_request(left.peer, cases[i].method, NULL,
					     cases[i].timeout_ms, free_on_answer, &left),
				 0);
		RUN_UNTIL(left.notes == 1);
		ck_assert_uint_eq(a.count, 1);
		ck_assert_int_eq(a.error.code, RPC_GONE);
		ck_assert_uint_eq(left.closed, 0);
		RUN_UNTIL(right.closed == 1);
		release(&right);
		finish();
	}
}
END_TEST

static void
ask_again(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct side *s = ctx;
	struct answer unused;

	ck_assert_ptr_null(result);
	ck_assert_int_eq(error->code, RPC_GONE);
	s->notes++;
	ck_assert_int_eq(ask(s, "double", 1, 0, &unused), -EPIPE);
	ck_assert_int_eq(rpc_notify(s->peer, "note", NULL), -EPIPE);
	rpc_peer_free(s->peer);
}

START_TEST(nothing_can_be_sent_while_a_peer_ends)
{
	start(NULL);
	ck_assert_int_eq(rpc_request(left.peer, "hold", NULL, 0, ask_again, &left), 0);
	left.peer = rpc_peer_free(left.peer);
	ck_assert_uint_eq(left.notes, 1);
	finish();
}
END_TEST

START_TEST(a_peer_that_does_not_read_is_dropped)
{
	struct json_out *params = json_out_new(RPC_LINE_BYTES_MAX);
	int fd, rc = 0;
	unsigned sent = 0;

	start(&fd);
	json_open_object(params, NULL);
	for (int i = 0; i < 1000; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n%d", i);
		json_cstr(params, name, "0123456789012345678901234567890123456789");
	}
	json_close(params);
	while (rc == 0 && sent < 1000) {
		rc = rpc_notify(left.peer, "note", params);
		sent++;
	}
	ck_assert_int_eq(rc, -EPIPE);
	ck_assert_uint_gt(sent, RPC_OUT_BYTES_MAX / 60000);
	ck_assert_uint_eq(left.closed, 0); /* never from inside a call */
	RUN_UNTIL(left.closed == 1);
	ck_assert_int_eq(left.closed_err, -ENOBUFS);
	json_out_free(params);
	(void)close(fd);
	finish();
}
END_TEST

START_TEST(a_slow_reader_gets_every_byte_in_order)
{
	struct json_out *params = json_out_new(RPC_LINE_BYTES_MAX);
	char *text = malloc(300001);
	struct answer a = { 0 };

	start(NULL);
	memset(text, 'z', 300000);
	text[300000] = '\0';
	json_open_object(params, NULL);
	json_cstr(params, "fill", text);
	json_cstr(params, "text", "end");
	json_close(params);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(rpc_notify(left.peer, "note", params), 0);
	ck_assert_int_eq(ask(&left, "double", 5, 0, &a), 0);
	RUN_UNTIL(a.count == 1);
	ck_assert_uint_eq(right.notes, 10);
	ck_assert_str_eq(right.last, "end");
	json_out_free(params);
	free(text);
	finish();
}
END_TEST

START_TEST(what_cannot_be_said_is_an_error_of_the_caller)
{
	struct json_out *out = json_out_new(64);
	struct answer a = { 0 };

	start(NULL);
	json_open_object(out, NULL);
	ck_assert_int_eq(rpc_notify(left.peer, "note", out), -EINVAL); /* still open */
	ck_assert_int_eq(rpc_request(left.peer, "note", out, 0, on_answer, &a), -EINVAL);
	ck_assert_int_eq(ask(&left, "hold", 1, 0, &a), 0);
	RUN_UNTIL(right.held != NULL);
	rpc_reply(right.held, out);
	RUN_UNTIL(a.count == 1);
	ck_assert_int_eq(a.error.code, RPC_INTERNAL);
	json_out_free(out);
	finish();
}
END_TEST

START_TEST(error_messages_are_cut_and_made_readable)
{
	char longer[600];
	struct answer a = { 0 };

	start(NULL);
	memset(longer, 'e', sizeof(longer));
	memcpy(longer + 253, "\xe2\x82\xac", 3);
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_int_eq(ask(&left, "hold", 1, 0, &a), 0);
	RUN_UNTIL(right.held != NULL);
	rpc_fail(right.held, RPC_REFUSED, "%s", longer);
	RUN_UNTIL(a.count == 1);
	ck_assert_int_eq(a.error.code, RPC_REFUSED);
	ck_assert_uint_eq(strlen(a.error.message), RPC_MESSAGE_BYTES - 1);
	ck_assert_str_eq(a.error.message + 252, "e??");
	rpc_fail(NULL, RPC_REFUSED, "nobody");
	rpc_reply(NULL, NULL);
	finish();
}
END_TEST

START_TEST(requests_beyond_the_limit_are_refused)
{
	struct rpc_call *held[RPC_PENDING_MAX];
	char line[256];
	int fd;

	start(&fd);
	for (unsigned i = 0; i < RPC_PENDING_MAX; i++) {
		raw_send(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\"}\n");
		RUN_UNTIL(left.calls == i + 1);
		held[i] = left.held;
	}
	raw_send(fd, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"hold\"}\n");
	raw_line(loop, fd, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "-32002"));
	/* From the middle, the end and the start of the list. */
	for (unsigned i = 0; i < RPC_PENDING_MAX; i++)
		rpc_reply(held[(i + 77) % RPC_PENDING_MAX], NULL);
	raw_line(loop, fd, line, sizeof(line));
	ck_assert_str_eq(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	raw_send(fd, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"hold\"}\n");
	RUN_UNTIL(left.calls == RPC_PENDING_MAX + 1);
	rpc_fail(left.held, RPC_REFUSED, "done");
	(void)close(fd);
	finish();
}
END_TEST

START_TEST(credentials_are_the_kernels)
{
	pid_t pid;
	uid_t uid;
	gid_t gid;

	start(NULL);
	rpc_peer_cred(left.peer, &pid, &uid, &gid);
	ck_assert_int_eq(pid, getpid());
	ck_assert_uint_eq(uid, geteuid());
	ck_assert_uint_eq(gid, getegid());
	rpc_peer_cred(left.peer, NULL, NULL, NULL);
	rpc_peer_set_data(left.peer, &pid);
	ck_assert_ptr_eq(rpc_peer_data(left.peer), &pid);
	finish();
}
END_TEST

START_TEST(an_idle_connection_wakes_nobody)
{
	struct answer a = { 0 };
	uint64_t before;

	start(NULL);
	ck_assert_int_eq(ask(&left, "double", 1, 60000, &a), 0);
	RUN_UNTIL(a.count == 1);
	ck_assert_int_eq(loop_once(loop, 0), 0);
	before = loop_wakeups(loop);
	ck_assert_int_eq(loop_once(loop, 50), 0);
	ck_assert_uint_eq(loop_wakeups(loop) - before, 1); /* its own time-out only */
	finish();
}
END_TEST

UNIT_MAIN("rpc", both_ends_ask_and_answer, many_questions_get_their_own_answers,
	  errors_name_their_reason, role_and_phase_decide_at_the_moment_of_the_call,
	  a_late_answer_is_ignored_and_counted, a_dead_peer_answers_every_question,
	  what_was_said_before_dying_is_heard, a_peer_dying_in_mid_line_is_an_error,
	  nonsense_is_told_and_ends_the_connection,
	  wrong_requests_are_told_and_the_connection_stays,
	  notifications_and_answers_nobody_wants_are_counted, odd_answers_become_errors,
	  a_line_may_have_one_mebibyte_and_no_byte_more, an_endless_line_is_cut_off,
	  a_message_of_nothing_but_numbers_does_not_eat_the_memory,
	  every_cut_of_a_message_gives_the_same, a_peer_may_be_freed_by_its_own_handler,
	  a_peer_may_be_freed_by_an_answer_or_a_time_out,
	  nothing_can_be_sent_while_a_peer_ends, a_peer_that_does_not_read_is_dropped,
	  a_slow_reader_gets_every_byte_in_order,
	  what_cannot_be_said_is_an_error_of_the_caller,
	  error_messages_are_cut_and_made_readable, requests_beyond_the_limit_are_refused,
	  credentials_are_the_kernels, an_idle_connection_wakes_nobody)
