/*
 * What is joined flows on while a plug-in waits for laned. The other ends are a child's: laned's answer is
 * its last word, said only when the strangers' bytes have come through. So no time decides anything here.
 */
#include "unit.h"

#include "adapter/join.h"
#include "base/rpc.h"
#include "rpc_raw.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ASK_MS 20000 /* of a test that fails; none that passes waits so long */

/* The child's ends. */
struct far {
	int laned, pos, terminal, plugin;
};

static struct loop *loop;
static struct streams *streams;
static struct rpc_peer *laned;
static struct stream *lines[2];
static struct stream *plugin; /* a line of the plug-in's own */
static struct join *joined;
static pid_t child;
static int go; /* the child begins with what comes here */
static bool asking;
/* What the join's owner was told. */
static struct {
	unsigned ended, turned;
	enum join_end end;
	uint8_t rest[64];
	size_t rest_n;
	enum framer_side rest_side;
} told;

/* ---- the child's ------------------------------------------------------------------------- */

static void
must(bool right)
{
	if (!right)
		_exit(1);
}

static void
says(int fd, const char *data, size_t n)
{
	must(write(fd, data, n) == (ssize_t)n);
}

static void
hears(int fd, const char *data, size_t n)
{
	char got[64];
	size_t have = 0;

	while (have < n) {
		ssize_t more = read(fd, got + have, n - have);

		must(more > 0);
		have += (size_t)more;
	}
	must(memcmp(got, data, n) == 0);
}

static void
hears_the_end(int fd)
{
	char byte;

	must(read(fd, &byte, 1) == 0);
}

static void
is_asked(int fd)
{
	char byte = 0;

	while (byte != '\n')
		must(read(fd, &byte, 1) == 1);
}

static void
answers(int fd)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n";
	char byte;

	says(fd, line, sizeof(line) - 1);
	while (read(fd, &byte, 1) > 0) /* the link stands until it is ended */
		;
}

/* ---- the host's -------------------------------------------------------------------------- */

static void
on_ended(void *ctx, enum join_end end, struct stream *const ends[2],
	 const struct splice_rest *rest)
{
	(void)ctx;
	ck_assert(!asking);
	told.ended++;
	told.end = end;
	joined = NULL;
	lines[FRAMER_POS] = lines[FRAMER_TERMINAL] = NULL;
	if (end == JOIN_OVER)
		return;
	lines[FRAMER_POS] = ends[FRAMER_POS];
	lines[FRAMER_TERMINAL] = ends[FRAMER_TERMINAL];
	ck_assert_uint_le(rest->n, sizeof(told.rest));
	if (rest->n > 0)
		memcpy(told.rest, rest->data, rest->n);
	told.rest_n = rest->n;
	told.rest_side = rest->side;
}

static void
on_turned(void *ctx)
{
	(void)ctx;
	ck_assert(!asking);
	told.turned++;
}

static struct stream *
adopt(int fd, const struct stream_events *e)
{
	struct stream *s;

	ck_assert_int_eq(stream_adopt(streams, fd, e, NULL, &s), 0);
	for (int i = 0; i < ROUNDS_MAX && !stream_is_open(s); i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	ck_assert(stream_is_open(s));
	return s;
}

/* Four pairs of sockets; the far ends are those of a child that does what plays says. */
static void
start(void (*plays)(const struct far *far), const struct stream_events *of_plugin)
{
	static const struct rpc_hooks hooks = { .methods = NULL };
	static const struct stream_events none = { .opened = NULL };
	int fds[4][2], gate[2];

	memset(&told, 0, sizeof(told));
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate), 0);
	go = gate[0];
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		for (int i = 0; i < 4; i++)
			(void)close(fds[i][0]);
		(void)close(gate[0]);
		hears(gate[1], "g", 1);
		plays(&(struct far){ fds[0][1], fds[1][1], fds[2][1], fds[3][1] });
		_exit(0);
	}
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(close(fds[i][1]), 0);
	ck_assert_int_eq(close(gate[1]), 0);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(streams_new(loop, NULL, &streams), 0);
	ck_assert_int_eq(rpc_peer_new(loop, fds[0][0], 1, &hooks, &laned), 0);
	lines[FRAMER_POS] = adopt(fds[1][0], &none);
	lines[FRAMER_TERMINAL] = adopt(fds[2][0], &none);
	plugin = adopt(fds[3][0], of_plugin == NULL ? &none : of_plugin);
}

static void
join(bool framed, bool stop)
{
	struct framer framer;
	const struct join_options o = {
		.streams = { lines[FRAMER_POS], lines[FRAMER_TERMINAL] },
		.framer = framed ? &framer : NULL,
		.stop = stop,
		.ended = on_ended,
		.turned = framed ? on_turned : NULL,
	};

	framer_init(&framer, FRAMING_LENGTH4);
	ck_assert_int_eq(join_new(&o, NULL, 0, &joined), 0);
	ck_assert_int_eq(write(go, "g", 1), 1);
}

/* As the bridge does it, from inside a call of the plug-in. */
static void
ask(void)
{
	struct rpc_ask question = { "x", NULL, ASK_MS };
	struct arena *arena = arena_new(65536);
	const struct value *result = NULL;

	asking = true;
	ck_assert_int_eq(rpc_request_wait(laned, &question, arena, &result, NULL), 0);
	asking = false;
	arena_free(arena);
}

static void
finish(void)
{
	int status;

	ck_assert_int_eq(close(go), 0);
	if (joined != NULL)
		join_free(joined);
	else
		for (int i = 0; i < 2; i++)
			stream_free(lines[i]);
	joined = NULL;
	stream_free(plugin);
	rpc_peer_free(laned);
	streams_free(streams);
	loop_free(loop);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- bytes ------------------------------------------------------------------------------- */

static void
stranger_pays(const struct far *far)
{
	says(far->plugin, "plug-in's own", 13);
	is_asked(far->laned);
	says(far->pos, "a stranger", 10);
	hears(far->terminal, "a stranger", 10);
	says(far->terminal, "has paid", 8);
	hears(far->pos, "has paid", 8);
	answers(far->laned);
}

START_TEST(a_stranger_s_bytes_flow_while_laned_is_asked)
{
	start(stranger_pays, NULL);
	join(false, false);
	ask();
	ck_assert_uint_eq(told.ended, 0);
	ck_assert_uint_eq(join_bytes(joined, FRAMER_POS), 10);
	ck_assert_uint_eq(join_bytes(joined, FRAMER_TERMINAL), 8);
	finish();
}
END_TEST

static unsigned plugin_heard;

static void
plugin_asks(void *ctx, const uint8_t *data, size_t n)
{
	(void)ctx;
	plugin_heard++;
	ck_assert_uint_eq(n, 13);
	ask();
	ck_assert(memcmp(data, "plug-in's own", 13) == 0);
}

START_TEST(what_the_plug_in_works_on_stays_as_it_is)
{
	static const struct stream_events e = { .data = plugin_asks };

	plugin_heard = 0;
	start(stranger_pays, &e);
	join(false, false);
	RUN_UNTIL(plugin_heard > 0);
	ck_assert_uint_eq(join_bytes(joined, FRAMER_TERMINAL), 8);
	finish();
}
END_TEST

static void
plugin_is_spoken_to(const struct far *far)
{
	is_asked(far->laned);
	says(far->plugin, "plug-in's own", 13);
	says(far->pos, "a stranger", 10);
	hears(far->terminal, "a stranger", 10);
	answers(far->laned);
}

static void
plugin_hears(void *ctx, const uint8_t *data, size_t n)
{
	(void)ctx;
	(void)data;
	(void)n;
	ck_assert(!asking);
	plugin_heard++;
}

START_TEST(the_plug_in_is_not_called_meanwhile)
{
	static const struct stream_events e = { .data = plugin_hears };

	plugin_heard = 0;
	start(plugin_is_spoken_to, &e);
	join(false, false);
	ask();
	ck_assert_uint_eq(plugin_heard, 0);
	RUN_UNTIL(plugin_heard > 0);
	finish();
}
END_TEST

/* ---- ends -------------------------------------------------------------------------------- */

static void
one_transaction(const struct far *far)
{
	is_asked(far->laned);
	says(far->pos, "\0\0\0\3pay", 7);
	hears(far->terminal, "\0\0\0\3pay", 7);
	says(far->terminal, "\0\0\0\4paid\0\0\0\4more", 16);
	hears(far->pos, "\0\0\0\4paid", 8);
	answers(far->laned);
}

START_TEST(the_end_of_a_transaction_is_told_after_the_wait)
{
	start(one_transaction, NULL);
	join(true, true);
	ask();
	ck_assert_uint_eq(told.ended, 0);
	ck_assert(!join_is_idle(joined));
	RUN_UNTIL(told.ended > 0);
	ck_assert_int_eq(told.end, JOIN_TRANSACTION);
	ck_assert_int_eq(told.rest_side, FRAMER_TERMINAL);
	ck_assert_uint_eq(told.rest_n, 8);
	ck_assert(memcmp(told.rest, "\0\0\0\4more", 8) == 0);
	ck_assert(stream_is_open(lines[FRAMER_POS]));
	finish();
}
END_TEST

START_TEST(an_end_that_nobody_was_told_of_may_be_dropped)
{
	start(one_transaction, NULL);
	join(true, true);
	ask();
	joined = join_free(joined);
	lines[FRAMER_POS] = lines[FRAMER_TERMINAL] = NULL;
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_uint_eq(told.ended, 0);
	finish();
}
END_TEST

static void
a_transaction_and_a_half(const struct far *far)
{
	is_asked(far->laned);
	says(far->pos, "\0\0\0\3pay", 7);
	hears(far->terminal, "\0\0\0\3pay", 7);
	says(far->terminal, "\0\0\0\4paid", 8);
	hears(far->pos, "\0\0\0\4paid", 8);
	says(far->pos, "\0\0\0\3pay", 7);
	hears(far->terminal, "\0\0\0\3pay", 7);
	answers(far->laned);
}

START_TEST(a_turn_is_told_after_the_wait_as_it_is_then)
{
	start(a_transaction_and_a_half, NULL);
	join(true, false);
	ask();
	ck_assert_int_eq(join_state(joined), FRAMER_BUSY);
	ck_assert_uint_eq(told.turned, 0);
	RUN_UNTIL(told.turned > 0);
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_uint_eq(told.turned, 1);
	finish();
}
END_TEST

static void
busy_then_idle(const struct far *far)
{
	says(far->pos, "\0\0\0\3pay", 7);
	hears(far->terminal, "\0\0\0\3pay", 7);
	is_asked(far->laned);
	says(far->terminal, "\0\0\0\4paid", 8);
	hears(far->pos, "\0\0\0\4paid", 8);
	answers(far->laned);
}

/* Whoever takes the lines now would have counted a transaction that never ends. */
START_TEST(a_line_whose_turn_was_not_told_is_not_taken_away)
{
	start(busy_then_idle, NULL);
	join(true, false);
	RUN_UNTIL(told.turned == 1);
	ask();
	ck_assert_int_eq(join_state(joined), FRAMER_IDLE);
	ck_assert(!join_is_idle(joined));
	RUN_UNTIL(told.turned == 2);
	ck_assert(join_is_idle(joined));
	finish();
}
END_TEST

static void
both_hang_up(const struct far *far)
{
	is_asked(far->laned);
	says(far->pos, "bye", 3);
	must(shutdown(far->pos, SHUT_WR) == 0);
	hears(far->terminal, "bye", 3);
	hears_the_end(far->terminal);
	must(shutdown(far->terminal, SHUT_WR) == 0);
	hears_the_end(far->pos);
	must(close(far->pos) == 0);
	must(close(far->terminal) == 0);
	answers(far->laned);
}

START_TEST(the_end_of_a_line_goes_through_at_once)
{
	start(both_hang_up, NULL);
	join(false, false);
	ask();
	ck_assert_uint_eq(told.ended, 0);
	RUN_UNTIL(told.ended > 0);
	ck_assert_int_eq(told.end, JOIN_OVER);
	finish();
}
END_TEST

/* A line that is given up at once, as one that is reset: the other hears of it, not only when laned answers. */
static void
terminal_vanishes(const struct far *far)
{
	is_asked(far->laned);
	says(far->pos, "hello", 5);
	hears(far->terminal, "hello", 5);
	says(far->pos, "again", 5); /* what is not read when it closes resets */
	must(recv(far->terminal, &(char){ 0 }, 1, MSG_PEEK) == 1);
	must(close(far->terminal) == 0);
	for (char byte; read(far->pos, &byte, 1) > 0;)
		;
	answers(far->laned);
}

START_TEST(a_line_that_breaks_ends_the_other_at_once)
{
	start(terminal_vanishes, NULL);
	join(false, false);
	ask();
	ck_assert_uint_eq(told.ended, 0);
	RUN_UNTIL(told.ended > 0);
	ck_assert_int_eq(told.end, JOIN_OVER);
	finish();
}
END_TEST

UNIT_MAIN("carry", a_stranger_s_bytes_flow_while_laned_is_asked,
	  what_the_plug_in_works_on_stays_as_it_is, the_plug_in_is_not_called_meanwhile,
	  the_end_of_a_transaction_is_told_after_the_wait,
	  an_end_that_nobody_was_told_of_may_be_dropped,
	  a_turn_is_told_after_the_wait_as_it_is_then,
	  a_line_whose_turn_was_not_told_is_not_taken_away,
	  the_end_of_a_line_goes_through_at_once,
	  a_line_that_breaks_ends_the_other_at_once)
