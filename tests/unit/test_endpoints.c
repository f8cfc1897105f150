/* Whose a connection of the POS is, when the plug-in is no help. */
#include "unit.h"

#include "adapter/endpoints.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS_MAX 20000
#define PEERS_MAX 128u

/* The real terminal: it counts who came, and what was said to it. */
static struct stream_listener *terminal;
static struct stream *at_terminal[PEERS_MAX];
static unsigned came, told;

static struct loop *loop;
static struct streams *streams;
static struct host_conns *conns;
static struct endpoints *endpoints;
static unsigned given, pings;
static bool pings_fail;

static void
terminal_data(void *ctx, const uint8_t *data, size_t n)
{
	(void)ctx;
	(void)data;
	told += (unsigned)n;
}

static void
terminal_accepted(void *ctx, struct stream *s)
{
	static const struct stream_events e = { .data = terminal_data };

	(void)ctx;
	ck_assert_uint_lt(came, PEERS_MAX);
	at_terminal[came++] = s;
	stream_set_events(s, &e, NULL);
}

static void
plugin_opened(void *user, uint64_t conn)
{
	(void)user;
	(void)conn;
	given++;
}

static const struct laned_conn_events events = { .size = sizeof(events),
						 .opened = plugin_opened };

static int
no_address(void *ctx, const char *option, struct str *ret_text)
{
	(void)ctx;
	(void)option;
	(void)ret_text;
	return -ENOENT;
}

static bool
reached(const unsigned *what, unsigned n)
{
	for (int i = 0; i < ROUNDS_MAX && *what < n; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	return *what >= n;
}

static uint16_t
free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t bytes = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &bytes), 0);
	ck_assert_int_eq(close(fd), 0);
	return ntohs(in.sin_port);
}

static void (*pong)(void *ctx, bool alive);
static void *pong_ctx;

static int
ping(void *ctx, int64_t timeout_ms, void (*done)(void *ctx, bool alive), void *done_ctx)
{
	(void)ctx;
	ck_assert_int_eq(timeout_ms, ENDPOINTS_PING_MS);
	pings++;
	if (pings_fail)
		return -EAGAIN;
	pong = done;
	pong_ctx = done_ctx;
	return 0;
}

static uint16_t pos_port;

static void
listen_as_terminal(struct adapter_endpoints *where)
{
	char why[ADDRESS_WHY_BYTES];
	struct address a;
	const struct stream_listen_options o = { .address = &a,
						 .fd = -1,
						 .peers_max = PEERS_MAX,
						 .accepted = terminal_accepted };

	ck_assert_int_eq(address_parse(str_of("tcp://127.0.0.1:0"), &a, why), 0);
	ck_assert_int_eq(stream_listen(streams, &o, &terminal, NULL), 0);
	pos_port = free_port();
	(void)snprintf(where->pos, sizeof(where->pos), "tcp://127.0.0.1:%u",
		       (unsigned)pos_port);
	(void)snprintf(where->terminal, sizeof(where->terminal), "tcp://127.0.0.1:%u",
		       (unsigned)stream_listener_port(terminal));
	(void)snprintf(where->framing, sizeof(where->framing), "length4");
}

/* A plug-in that listens on pos, beside a laned that is there. */
static void
setup(bool with_ping)
{
	struct host_conns_options co = { .address = no_address, .name = "test" };
	struct adapter_endpoints where = { .pos = "" };
	struct endpoints_options eo = { .where = &where };
	char why[STREAM_WHY_BYTES] = "";
	uint64_t listener;

	came = told = given = pings = 0;
	pings_fail = false;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(streams_new(loop, NULL, &streams), 0);
	co.loop = eo.loop = loop;
	co.streams = eo.streams = streams;
	eo.ping = with_ping ? ping : NULL;
	ck_assert_int_eq(host_conns_new(&co, &conns), 0);
	listen_as_terminal(&where);
	ck_assert_msg(endpoints_new(&eo, &endpoints, why) == 0, "%s", why);
	endpoints_set_conns(endpoints, conns);
	ck_assert_int_eq(
		host_conns_listen(conns, LANED_ENDPOINT_POS, &events, NULL, &listener),
		LANED_OK);
	endpoints_event(endpoints, BYPASS_PLUGIN_READY);
	endpoints_event(endpoints, BYPASS_LANED_HERE);
	ck_assert(!bypass_is_on(endpoints_bypass(endpoints)));
}

static void
teardown(void)
{
	endpoints_free(endpoints);
	host_conns_free(conns);
	for (unsigned i = 0; i < came; i++)
		stream_free(at_terminal[i]);
	stream_listener_free(terminal);
	streams_free(streams);
	loop_free(loop);
}

/* A POS that says a request of four bytes. */
static int
pos_asks(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(pos_port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(write(fd, "\0\0\0\4abcd", 8), 8);
	return fd;
}

START_TEST(a_plugin_that_listens_gets_the_pos)
{
	int fd;

	setup(false);
	fd = pos_asks();
	ck_assert(reached(&given, 1));
	ck_assert_uint_eq(came, 0);
	ck_assert_int_eq(close(fd), 0);
	teardown();
}
END_TEST

START_TEST(a_plugin_without_room_costs_the_pos_nothing)
{
	uint64_t conn;
	int fd;

	setup(false);
	for (unsigned i = 0; i < HOST_CONNS_MAX; i++)
		ck_assert_int_eq(host_conns_open(conns, LANED_ENDPOINT_TERMINAL, &events,
						 NULL, &conn),
				 LANED_OK);
	ck_assert(reached(&came, HOST_CONNS_MAX));
	fd = pos_asks();
	ck_assert(reached(&told, 8));
	ck_assert_uint_eq(endpoints_relays(endpoints), 1);
	ck_assert_int_eq(close(fd), 0);
	teardown();
}
END_TEST

START_TEST(a_silent_laned_is_asked_again_when_the_question_cannot_leave)
{
	int fd;

	setup(true);
	fd = pos_asks();
	ck_assert(reached(&pings, 1));
	pings_fail = true;
	pong(pong_ctx, false);
	ck_assert(bypass_is_on(endpoints_bypass(endpoints)));
	ck_assert(reached(&told, 8));
	ck_assert(reached(&pings, 3));
	pings_fail = false;
	ck_assert(reached(&pings, 4));
	pong(pong_ctx, true);
	ck_assert_int_eq(close(fd), 0);
	for (int i = 0; i < ROUNDS_MAX && bypass_is_on(endpoints_bypass(endpoints)); i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	ck_assert(!bypass_is_on(endpoints_bypass(endpoints)));
	teardown();
}
END_TEST

/* The bypass is over, and a stranger still pays by a connection of his own. */
static int
leave_with_one_under_way(void)
{
	int fd;

	setup(false);
	endpoints_event(endpoints, BYPASS_LANED_SILENT);
	ck_assert(bypass_is_on(endpoints_bypass(endpoints)));
	fd = pos_asks();
	ck_assert(reached(&told, 8));
	ck_assert(!endpoints_are_quiet(endpoints));
	endpoints_event(endpoints, BYPASS_LANED_HERE);
	ck_assert_int_eq(endpoints_bypass(endpoints)->state, BYPASS_LEAVING);
	return fd;
}

/* A POS that connects anew before it hangs up would never have the plug-in again. */
START_TEST(a_connection_that_overlaps_waits_for_the_end_of_the_bypass)
{
	int before = leave_with_one_under_way(), fd = pos_asks();

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(loop_once(loop, 1), 0);
	ck_assert_uint_eq(came, 1);
	ck_assert_int_eq(close(before), 0);
	ck_assert(reached(&given, 1));
	ck_assert(!bypass_is_on(endpoints_bypass(endpoints)));
	ck_assert_uint_eq(came, 1);
	ck_assert_int_eq(close(fd), 0);
	teardown();
}
END_TEST

START_TEST(it_does_not_wait_for_long)
{
	int before = leave_with_one_under_way(), fd = pos_asks();

	ck_assert(reached(&came, 2));
	ck_assert(reached(&told, 16));
	ck_assert_uint_eq(given, 0);
	ck_assert_int_eq(close(before), 0);
	ck_assert_int_eq(close(fd), 0);
	teardown();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("endpoints");
	TCase *c = tcase_create("endpoints");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(c, 10);
	tcase_add_test(c, a_plugin_that_listens_gets_the_pos);
	tcase_add_test(c, a_plugin_without_room_costs_the_pos_nothing);
	tcase_add_test(c, a_silent_laned_is_asked_again_when_the_question_cannot_leave);
	tcase_add_test(c, a_connection_that_overlaps_waits_for_the_end_of_the_bypass);
	tcase_add_test(c, it_does_not_wait_for_long);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
