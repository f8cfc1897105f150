/* Streams over sockets of this machine: tcp, Unix, names. Serial lines and TLS have their own tests. */
#include "unit.h"

#include "base/stream.h"
#include "tempdir.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ROUNDS_MAX 20000
#define BIG (20u * STREAM_UNSENT_MAX) /* more than the kernel keeps by itself */

/* One end of a connection, and what it was told. */
struct end {
	struct stream *s;
	unsigned opened, drained, ended, closed;
	int err;
	uint8_t *data;
	size_t bytes;
	char free_in; /* 'o', 'd', 'r', 'e', 'c': frees itself in that callback */
	bool half;    /* wants `ended` */
};

static struct loop *loop;
static struct streams *streams;
static struct stream_listener *listener;
static struct end client, server;
static unsigned accepted;
static uint8_t *big;

static void
maybe_free(struct end *e, char in)
{
	if (e->free_in == in)
		e->s = stream_free(e->s);
}

static void
on_opened(void *ctx)
{
	struct end *e = ctx;

	e->opened++;
	maybe_free(e, 'o');
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct end *e = ctx;

	ck_assert_uint_eq(e->opened, 1);
	e->data = realloc(e->data, e->bytes + n);
	ck_assert_ptr_nonnull(e->data);
	memcpy(e->data + e->bytes, data, n);
	e->bytes += n;
	maybe_free(e, 'd');
}

static void
on_drained(void *ctx)
{
	struct end *e = ctx;

	e->drained++;
	maybe_free(e, 'r');
}

static void
on_ended(void *ctx)
{
	struct end *e = ctx;

	e->ended++;
	maybe_free(e, 'e');
}

static void
on_closed(void *ctx, int err)
{
	struct end *e = ctx;

	ck_assert_uint_eq(e->closed, 0);
	e->closed++;
	e->err = err;
	maybe_free(e, 'c');
}

static struct stream_events
events(const struct end *e)
{
	return (struct stream_events){ .opened = on_opened,
				       .data = on_data,
				       .drained = on_drained,
				       .ended = e->half ? on_ended : NULL,
				       .closed = on_closed };
}

static void
on_accepted(void *ctx, struct stream *s)
{
	struct stream_events e = events(&server);

	(void)ctx;
	accepted++;
	if (server.s != NULL) { /* one is looked at; the others are only there */
		static const struct stream_events none = { .opened = NULL };

		stream_set_events(s, &none, NULL);
		return;
	}
	server.s = s;
	stream_set_events(s, &e, &server);
}

static unsigned strangers, many;

static void
on_refused(void *ctx, const char *peer, bool is_many)
{
	(void)ctx;
	ck_assert_ptr_nonnull(strstr(peer, "127.0.0.1:"));
	strangers += !is_many;
	many += is_many;
}

static bool
reached(const unsigned *what, unsigned n)
{
	for (int i = 0; i < ROUNDS_MAX && *what < n; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	return *what >= n;
}

static bool
arrived(const struct end *e, size_t bytes)
{
	for (int i = 0; i < ROUNDS_MAX && e->bytes < bytes; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	return e->bytes == bytes;
}

static struct address
address(const char *text)
{
	char why[ADDRESS_WHY_BYTES];
	struct address a;

	ck_assert_msg(address_parse(str_of(text), &a, why) == 0, "%s: %s", text, why);
	return a;
}

static int
listen_at(const char *text, unsigned peers_max)
{
	struct address a = address(text);
	const struct stream_listen_options o = { .address = &a,
						 .fd = -1,
						 .peers_max = peers_max,
						 .accepted = on_accepted,
						 .refused = on_refused };

	return stream_listen(streams, &o, &listener, NULL);
}

static void
open_to(const char *text, struct end *e)
{
	struct address a = address(text);
	struct stream_events ev = events(e);
	char why[STREAM_WHY_BYTES];

	ck_assert_msg(stream_open(streams, &a, &ev, e, &e->s, why) == 0, "%s: %s", text,
		      why);
	ck_assert_uint_eq(e->opened + e->closed, 0);
}

static void
open_port(const char *host, struct end *e)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "tcp://%s:%u", host,
		       (unsigned)stream_listener_port(listener));
	open_to(text, e);
}

static void
setup(void)
{
	memset(&client, 0, sizeof(client));
	memset(&server, 0, sizeof(server));
	accepted = strangers = many = 0;
	listener = NULL;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(streams_new(loop, NULL, &streams), 0);
}

static void
teardown(void)
{
	stream_free(client.s);
	stream_free(server.s);
	stream_listener_free(listener);
	(void)loop_once(loop, 0); /* what was put off */
	streams_free(streams);
	loop_free(loop);
	free(client.data);
	free(server.data);
	free(big);
	big = NULL;
}

static void
connect_both(void)
{
	ck_assert_int_eq(listen_at("tcp://127.0.0.1:0", 8), 0);
	open_port("127.0.0.1", &client);
	ck_assert(reached(&client.opened, 1));
	ck_assert(reached(&server.opened, 1));
}

static void
send_text(struct end *e, const char *text)
{
	ck_assert_int_eq(stream_send(e->s, (const uint8_t *)text, strlen(text)), 0);
}

static const uint8_t *
big_data(void)
{
	uint32_t x = 1;

	big = malloc(BIG);
	ck_assert_ptr_nonnull(big);
	for (size_t i = 0; i < BIG; i++) {
		x = x * 1664525u + 1013904223u;
		big[i] = (uint8_t)(x >> 24);
	}
	return big;
}

START_TEST(bytes_go_both_ways)
{
	static const char *const hosts[] = { "127.0.0.1", "[::1]" };
	char text[64];

	setup();
	(void)snprintf(text, sizeof(text), "tcp://%s:0", hosts[_i]);
	if (listen_at(text, 1) < 0) {
		teardown();
		return; /* a machine without IPv6 */
	}
	open_port(hosts[_i], &client);
	ck_assert(reached(&client.opened, 1) && reached(&server.opened, 1));
	send_text(&client, "hello");
	ck_assert(arrived(&server, 5));
	ck_assert_mem_eq(server.data, "hello", 5);
	send_text(&server, "you too");
	ck_assert(arrived(&client, 7));
	ck_assert_mem_eq(client.data, "you too", 7);
	ck_assert_ptr_nonnull(
		strstr(stream_peer(client.s), _i == 0 ? "127.0.0.1:" : "[::1]:"));
	ck_assert_ptr_nonnull(
		strstr(stream_peer(server.s), _i == 0 ? "127.0.0.1:" : "[::1]:"));
	teardown();
}
END_TEST

START_TEST(nobody_there_is_told_as_closed)
{
	setup();
	ck_assert_int_eq(listen_at("tcp://127.0.0.1:0", 1), 0);
	open_port("127.0.0.2", &client);
	ck_assert(reached(&client.closed, 1));
	ck_assert_int_eq(client.err, -ECONNREFUSED);
	ck_assert_uint_eq(client.opened, 0);
	ck_assert_str_ne(stream_why(client.s), "");
	ck_assert_int_eq(stream_send(client.s, (const uint8_t *)"x", 1), -ENOTCONN);
	teardown();
}
END_TEST

START_TEST(what_cannot_be_opened_is_said_at_once)
{
	static const struct stream_events none = { .opened = NULL };
	struct address a = address("tcp://127.0.0.1:1?allow=10.0.0.1");
	char why[STREAM_WHY_BYTES] = "";

	setup();
	ck_assert_int_eq(stream_open(streams, &a, &none, NULL, &client.s, why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "allow"));
	ck_assert_ptr_null(client.s);
	ck_assert_int_eq(listen_at("tcp://localhost:1", 1), -EINVAL);
	teardown();
}
END_TEST

START_TEST(a_slow_reader_holds_the_sender_back_and_loses_nothing)
{
	const uint8_t *data = big_data();
	size_t sent = 0, piece = 100000;
	unsigned drained = 0;

	setup();
	connect_both();
	stream_pause(server.s, true);
	while (sent < BIG) {
		size_t n = BIG - sent < piece ? BIG - sent : piece;
		int rc = stream_send(client.s, data + sent, n);

		ck_assert_uint_le(stream_unsent(client.s), STREAM_UNSENT_MAX);
		if (rc == 0) {
			sent += n;
			continue;
		}
		ck_assert_int_eq(rc, -EAGAIN);
		if (drained == 0)
			ck_assert_uint_eq(server.bytes, 0);
		stream_pause(server.s, false);
		ck_assert(reached(&client.drained, ++drained));
		ck_assert_uint_le(stream_unsent(client.s), STREAM_UNSENT_MAX / 2);
	}
	ck_assert_uint_gt(drained, 0);
	ck_assert(arrived(&server, BIG));
	ck_assert_mem_eq(server.data, data, BIG);
	ck_assert_int_eq(stream_send(client.s, data, STREAM_UNSENT_MAX + 1), -EMSGSIZE);
	teardown();
}
END_TEST

START_TEST(many_small_pieces_cost_no_more_than_their_bytes)
{
	const uint8_t *data = big_data();
	size_t sent = 0, until;

	setup();
	connect_both();
	stream_pause(server.s, true);
	while (stream_unsent(client.s) == 0) {
		ck_assert_int_eq(stream_send(client.s, data + sent, 100000), 0);
		sent += 100000;
	}
	until = sent + 200000; /* as many regions there could not be */
	for (; sent < until; sent++)
		ck_assert_int_eq(stream_send(client.s, data + sent, 1), 0);
	ck_assert_int_eq(stream_send(client.s, data + sent, 40000), 0);
	sent += 40000;
	stream_pause(server.s, false);
	ck_assert(arrived(&server, sent));
	ck_assert_mem_eq(server.data, data, sent);
	teardown();
}
END_TEST

START_TEST(close_sends_what_was_taken)
{
	const uint8_t *data = big_data();

	setup();
	connect_both();
	stream_pause(server.s, true);
	ck_assert_int_eq(stream_send(client.s, data, STREAM_UNSENT_MAX), 0);
	send_text(&server, "never read"); /* would make the kernel reset at once */
	stream_close(client.s);
	client.s = NULL;
	stream_pause(server.s, false);
	ck_assert(arrived(&server, STREAM_UNSENT_MAX));
	ck_assert_mem_eq(server.data, data, STREAM_UNSENT_MAX);
	ck_assert(reached(&server.closed, 1));
	ck_assert_int_eq(server.err, 0);
	ck_assert_uint_eq(client.closed + client.bytes, 0);
	teardown();
}
END_TEST

static void
on_later(void *ctx)
{
	++*(unsigned *)ctx;
}

START_TEST(close_does_not_wait_for_ever)
{
	const uint8_t *data = big_data();
	struct loop_timer *timer;
	unsigned later = 0;

	setup();
	streams_set_limits(streams, 1000, 50);
	connect_both();
	stream_pause(server.s, true);
	while (stream_unsent(client.s) == 0)
		ck_assert_int_eq(stream_send(client.s, data, STREAM_UNSENT_MAX), 0);
	stream_close(client.s);
	client.s = NULL;
	/* In one loop, the timer that was set for a later time goes off later. */
	ck_assert_int_eq(loop_timer_new(loop, on_later, &later, &timer), 0);
	ck_assert_int_eq(loop_timer_set(timer, 100), 0);
	ck_assert(reached(&later, 1));
	loop_timer_free(timer);
	/* Nobody read: it is gone, and the peer sees that not all came. */
	stream_pause(server.s, false);
	ck_assert(reached(&server.closed, 1));
	ck_assert_int_eq(server.err, -ECONNRESET);
	teardown();
}
END_TEST

START_TEST(many_that_close_are_bounded)
{
	const uint8_t *data = big_data();
	static const struct stream_events none = { .opened = NULL };
	struct stream *s;
	unsigned waiting = 0;
	int pair[2], others[40];

	setup();
	/* Peers that never read: each one that is closed waits; the oldest ones are cut. */
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
				 0);
		ck_assert_int_eq(stream_adopt(streams, pair[0], &none, NULL, &s), 0);
		while (!stream_is_open(s))
			ck_assert_int_eq(loop_once(loop, 1000), 0);
		ck_assert_int_eq(stream_send(s, data, STREAM_UNSENT_MAX), 0);
		stream_close(s);
		others[i] = pair[1];
	}
	for (int i = 0; i < 40; i++) {
		struct pollfd p = { .fd = others[i], .events = 0 };

		ck_assert_int_ge(poll(&p, 1, 0), 0);
		waiting += (p.revents & POLLHUP) == 0;
		ck_assert_int_eq(close(others[i]), 0);
	}
	ck_assert_uint_ge(waiting, 8);
	ck_assert_uint_le(waiting, 20);
	teardown(); /* frees what still closes */
}
END_TEST

/* The system gives a port of its own choice; here the choice is made by bind before connect. */
START_TEST(a_connection_does_not_meet_itself)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t bytes = sizeof(in);
	struct stream_events e = events(&client);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setup();
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &bytes), 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(stream_adopt(streams, fd, &e, &client, &client.s), 0);
	ck_assert(reached(&client.closed, 1));
	ck_assert_int_eq(client.err, -ECONNREFUSED);
	ck_assert_uint_eq(client.opened, 0);
	teardown();
}
END_TEST

START_TEST(half_an_end_lets_the_answer_through)
{
	setup();
	server.half = true;
	connect_both();
	send_text(&client, "question");
	stream_shutdown(client.s);
	ck_assert_int_eq(stream_send(client.s, (const uint8_t *)"x", 1), -ENOTCONN);
	ck_assert(reached(&server.ended, 1));
	ck_assert_uint_eq(server.closed, 0);
	send_text(&server, "answer");
	stream_shutdown(server.s);
	ck_assert(reached(&client.closed, 1) && reached(&server.closed, 1));
	ck_assert_mem_eq(client.data, "answer", 6);
	ck_assert_int_eq(client.err, 0);
	ck_assert_int_eq(server.err, 0);
	teardown();
}
END_TEST

/* Half an end that nobody uses is no connection for ever: the peer may have gone altogether. */
START_TEST(half_an_end_without_an_answer_is_bounded)
{
	setup();
	streams_set_half_limit(streams, 50);
	server.half = true;
	connect_both();
	stream_shutdown(client.s);
	ck_assert(reached(&server.ended, 1));
	ck_assert(reached(&server.closed, 1));
	ck_assert_int_eq(server.err, -ETIMEDOUT);
	ck_assert_str_ne(stream_why(server.s), "");
	teardown();
}
END_TEST

/* Who takes a connection over whose peer has ended hears of it, after what was given back. */
START_TEST(another_owner_hears_of_the_end_too)
{
	struct end next = { .half = _i == 0 };
	struct stream_events e;

	setup();
	server.half = true;
	connect_both();
	stream_shutdown(client.s);
	ck_assert(reached(&server.ended, 1));
	e = events(&next);
	next.opened = 1; /* as stream.h says */
	stream_pause(server.s, true);
	stream_set_events(server.s, &e, &next);
	ck_assert_int_eq(stream_unread(server.s, (const uint8_t *)"first", 5), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(loop_once(loop, 1), 0);
	ck_assert_uint_eq(next.ended + next.closed, 0); /* it is paused */
	stream_pause(server.s, false);
	ck_assert(reached(_i == 0 ? &next.ended : &next.closed, 1));
	ck_assert_uint_eq(next.bytes, 5);
	if (_i == 0) {
		send_text(&server, "answer");
		stream_shutdown(server.s);
		ck_assert(reached(&next.closed, 1) && reached(&client.closed, 1));
		ck_assert_mem_eq(client.data, "answer", 6);
	}
	ck_assert_int_eq(next.err, 0);
	free(next.data);
	teardown();
}
END_TEST

/* Also for an owner who takes half an end for the whole. */
START_TEST(what_was_taken_goes_out_before_an_end_closes)
{
	static const uint8_t chunk[65536];

	setup();
	connect_both();
	stream_pause(client.s, true);
	while (stream_unsent(server.s) < STREAM_UNSENT_MAX / 2)
		ck_assert_int_eq(stream_send(server.s, chunk, sizeof(chunk)), 0);
	stream_shutdown(client.s);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(loop_once(loop, 1), 0);
	ck_assert_uint_eq(server.closed, 0);
	stream_pause(client.s, false);
	ck_assert(reached(&server.closed, 1) && reached(&client.closed, 1));
	ck_assert_int_eq(server.err, 0);
	ck_assert_int_eq(client.err, 0);
	ck_assert_uint_ge(client.bytes, STREAM_UNSENT_MAX / 2);
	ck_assert_uint_eq(client.bytes % 65536, 0);
	teardown();
}
END_TEST

START_TEST(without_wish_for_halves_the_end_closes)
{
	setup();
	connect_both();
	stream_shutdown(client.s);
	ck_assert(reached(&server.closed, 1));
	ck_assert_int_eq(server.err, 0);
	teardown();
}
END_TEST

START_TEST(any_callback_may_free_its_stream)
{
	static const char where[] = { 'o', 'd', 'r', 'e', 'c' };
	const uint8_t *data = big_data();

	setup();
	server.free_in = where[_i];
	server.half = where[_i] == 'e';
	ck_assert_int_eq(listen_at("tcp://127.0.0.1:0", 8), 0);
	open_port("127.0.0.1", &client);
	ck_assert(reached(&client.opened, 1));
	if (where[_i] == 'r') {
		ck_assert(reached(&server.opened, 1));
		stream_pause(client.s, true);
		while (stream_send(server.s, data, STREAM_UNSENT_MAX / 2) == 0)
			;
		stream_pause(client.s, false);
	} else {
		send_text(&client, "x");
		if (where[_i] == 'e' || where[_i] == 'c')
			stream_shutdown(client.s);
	}
	for (int i = 0; i < ROUNDS_MAX && (accepted == 0 || server.s != NULL); i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	ck_assert_ptr_null(server.s);
	ck_assert(reached(&client.closed, 1));
	teardown();
}
END_TEST

START_TEST(too_many_and_strangers_are_turned_away)
{
	struct end more[3] = { { .s = NULL } };
	unsigned closed = 0;

	setup();
	ck_assert_int_eq(listen_at("tcp://127.0.0.1:0", 1), 0);
	open_port("127.0.0.1", &client);
	ck_assert(reached(&server.opened, 1));
	for (int i = 0; i < 3; i++)
		open_port("127.0.0.1", &more[i]);
	for (int i = 0; i < ROUNDS_MAX && closed < 3; i++) {
		ck_assert_int_eq(loop_once(loop, 1000), 0);
		closed = more[0].closed + more[1].closed + more[2].closed;
	}
	ck_assert_uint_eq(closed, 3);
	ck_assert_uint_eq(accepted, 1);
	ck_assert_uint_eq(stream_listener_refused(listener), 3);
	ck_assert_uint_eq(many, 3);
	ck_assert_uint_eq(strangers, 0);
	/* One that leaves makes room. */
	for (int i = 0; i < 3; i++)
		stream_free(more[i].s);
	server.s = stream_free(server.s);
	ck_assert(reached(&client.closed, 1));
	memset(&more[0], 0, sizeof(more[0]));
	open_port("127.0.0.1", &more[0]);
	ck_assert(reached(&accepted, 2));
	stream_free(more[0].s);
	stream_listener_free(listener);
	ck_assert_int_eq(listen_at("tcp://127.0.0.1:0?allow=10.1.2.3", 1), 0);
	memset(&more[1], 0, sizeof(more[1]));
	open_port("127.0.0.1", &more[1]);
	ck_assert(reached(&more[1].closed, 1));
	ck_assert_uint_eq(stream_listener_refused(listener), 1);
	ck_assert_uint_eq(strangers, 1);
	ck_assert_uint_eq(accepted, 2);
	stream_free(more[1].s);
	teardown();
}
END_TEST

START_TEST(a_listener_without_owner_lets_peers_wait)
{
	setup();
	ck_assert_int_eq(listen_at("tcp://127.0.0.1:0", 8), 0);
	stream_listener_set(listener, NULL, NULL);
	open_port("127.0.0.1", &client);
	ck_assert(reached(&client.opened, 1)); /* by the kernel */
	send_text(&client, "early");
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_uint_eq(accepted, 0);
	stream_listener_set(listener, on_accepted, NULL);
	ck_assert(arrived(&server, 5));
	teardown();
}
END_TEST

START_TEST(a_listening_descriptor_may_be_given)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct address a = address("tcp://127.0.0.1:0");
	struct stream_listen_options o = { .address = &a,
					   .peers_max = 2,
					   .accepted = on_accepted };

	setup();
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	o.fd = socket(AF_INET, SOCK_STREAM, 0); /* it would block */
	ck_assert_int_eq(bind(o.fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(o.fd, 4), 0);
	ck_assert_int_eq(stream_listen(streams, &o, &listener, NULL), 0);
	open_port("127.0.0.1", &client);
	ck_assert(reached(&client.opened, 1) && reached(&server.opened, 1));
	ck_assert_int_ne(fcntl(o.fd, F_GETFD) & FD_CLOEXEC, 0);
	teardown();
}
END_TEST

START_TEST(a_stream_changes_its_owner)
{
	struct end other = { .s = NULL };
	struct stream_events e = events(&other);

	setup();
	connect_both();
	send_text(&client, "one");
	ck_assert(arrived(&server, 3));
	other.opened = 1;
	stream_set_events(server.s, &e, &other);
	send_text(&client, "two");
	ck_assert(arrived(&other, 3));
	ck_assert_uint_eq(server.bytes, 3);
	ck_assert_uint_eq(other.opened, 1);
	free(other.data);
	teardown();
}
END_TEST

START_TEST(what_is_given_back_comes_first)
{
	setup();
	connect_both();
	ck_assert_int_eq(stream_unread(server.s, (const uint8_t *)"a", 1), 0);
	ck_assert_int_eq(stream_unread(server.s, (const uint8_t *)"bc", 2), 0);
	stream_pause(server.s, true);
	send_text(&client, "def");
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_uint_eq(server.bytes, 0);
	stream_pause(server.s, false);
	ck_assert(arrived(&server, 6));
	ck_assert_mem_eq(server.data, "abcdef", 6);
	teardown();
}
END_TEST

static size_t gives_back;

/* As a tunnel that ends in the middle of what was read. */
static void
on_data_gives_back(void *ctx, const uint8_t *data, size_t n)
{
	size_t back = n < gives_back ? 0 : gives_back;

	gives_back = 0;
	on_data(ctx, data, n - back);
	ck_assert_int_eq(stream_unread(server.s, data + n - back, back), 0);
}

START_TEST(what_is_given_back_in_data_comes_before_what_follows)
{
	struct stream_events e = events(&server);
	const size_t n = 100000;

	setup();
	connect_both();
	e.data = on_data_gives_back;
	gives_back = 100;
	stream_set_events(server.s, &e, &server);
	stream_pause(server.s, true);
	ck_assert_int_eq(stream_send(client.s, big_data(), n), 0);
	while (stream_unsent(client.s) > 0)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	stream_pause(server.s, false);
	ck_assert(arrived(&server, n));
	ck_assert_mem_eq(server.data, big, n);
	teardown();
}
END_TEST

START_TEST(a_descriptor_that_does_not_listen_is_refused)
{
	struct address a = address("tcp://127.0.0.1:0");
	struct stream_listen_options o = { .address = &a,
					   .peers_max = 2,
					   .accepted = on_accepted };

	setup();
	o.fd = socket(AF_INET, _i == 0 ? SOCK_STREAM : SOCK_DGRAM, 0);
	ck_assert_int_eq(stream_listen(streams, &o, &listener, NULL), -EINVAL);
	o.fd = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(stream_listen(streams, &o, &listener, NULL), -ENOTSOCK);
	teardown();
}
END_TEST

START_TEST(a_descriptor_is_taken_and_given)
{
	struct stream_events e = events(&client);
	char buf[8];
	int pair[2], fd = -1;

	setup();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(stream_adopt(streams, pair[0], &e, &client, &client.s), 0);
	ck_assert_int_eq(stream_release(client.s, &fd), -EBUSY); /* not yet opened */
	ck_assert(reached(&client.opened, 1));
	ck_assert_int_eq(write(pair[1], "in", 2), 2);
	ck_assert(arrived(&client, 2));
	send_text(&client, "out");
	ck_assert_int_eq(read(pair[1], buf, sizeof(buf)), 3);
	ck_assert_int_eq(stream_release(client.s, &fd), 0);
	client.s = NULL;
	ck_assert_int_eq(fd, pair[0]);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(close(pair[1]), 0);
	teardown();
}
END_TEST

START_TEST(unix_sockets_have_their_mode_and_are_tidied_up)
{
	char dir[TEMPDIR_BYTES], text[TEMPDIR_PATH_BYTES + 32];
	struct stat st;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int left;

	setup();
	tempdir_make(dir);
	(void)snprintf(text, sizeof(text), "unix:%s?mode=0660", tempdir_path(dir, "s"));
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", tempdir_path(dir, "s"));
	/* One that somebody has left is replaced. */
	left = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(left, (const struct sockaddr *)&un, sizeof(un)), 0);
	ck_assert_int_eq(close(left), 0);
	ck_assert_int_eq(listen_at(text, 4), 0);
	ck_assert_int_eq(stat(un.sun_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	(void)snprintf(text, sizeof(text), "unix:%s", un.sun_path);
	open_to(text, &client);
	ck_assert(reached(&client.opened, 1) && reached(&server.opened, 1));
	send_text(&client, "x");
	ck_assert(arrived(&server, 1));
	ck_assert_str_eq(stream_peer(server.s), un.sun_path);
	listener = stream_listener_free(listener);
	ck_assert_int_eq(stat(un.sun_path, &st), -1);
	/* A file of somebody else is left alone. */
	tempdir_write(dir, "s", "data", 4);
	ck_assert_int_eq(listen_at(text, 4), -EADDRINUSE);
	ck_assert_int_eq(stat(un.sun_path, &st), 0);
	tempdir_remove(dir);
	teardown();
}
END_TEST

/* ---- names ------------------------------------------------------------------------------- */

static int name_fd;
static struct loop_io *name_io;
static unsigned questions;
static bool mute;

/* Answers A questions by the addresses of the name, whose case libevent throws dice for: "two" has one that refuses before a good one. */
static void
answer_cb(void *ctx, unsigned ev)
{
	uint8_t q[512], a[600];
	struct sockaddr_storage from;
	socklen_t from_bytes = sizeof(from);
	ssize_t n =
		recvfrom(name_fd, q, sizeof(q), 0, (struct sockaddr *)&from, &from_bytes);
	unsigned count = 0;
	size_t at = (size_t)n;

	(void)ctx;
	(void)ev;
	ck_assert_int_gt(n, 16);
	questions++;
	if (mute)
		return;
	memcpy(a, q, (size_t)n);
	a[2] = 0x81;
	a[3] = 0x80;
	if (q[n - 3] == 1 && (strncasecmp((char *)q + 13, "two", 3) == 0 ||
			      strncasecmp((char *)q + 13, "one", 3) == 0)) {
		for (unsigned i = (q[13] | 32) == 't' ? 2 : 1; i > 0; i--) {
			const uint8_t record[] = {
				0xc0, 12, 0, 1, 0,   1, 0, 0,
				0,    60, 0, 4, 127, 0, 0, (uint8_t)i
			};

			memcpy(a + at, record, sizeof(record));
			at += sizeof(record);
			count++;
		}
	} else if ((q[13] | 32) == 'n') {
		a[3] = 0x83; /* there is no such name */
	}
	a[7] = (uint8_t)count;
	a[9] = a[11] = 0;
	ck_assert_int_eq(sendto(name_fd, a, at, 0, (struct sockaddr *)&from, from_bytes),
			 (ssize_t)at);
}

static void
serve_names(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t bytes = sizeof(in);
	char text[64];

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	name_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(name_fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(getsockname(name_fd, (struct sockaddr *)&in, &bytes), 0);
	ck_assert_int_eq(loop_io_new(loop, name_fd, LOOP_READ, answer_cb, NULL, &name_io),
			 0);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", (unsigned)ntohs(in.sin_port));
	ck_assert_int_eq(streams_set_name_server(streams, text), 0);
	mute = false;
	questions = 0;
}

static void
end_names(void)
{
	name_io = loop_io_free(name_io);
	ck_assert_int_eq(close(name_fd), 0);
}

START_TEST(names_are_asked_for)
{
	static const char *const names[] = { "one.example", "two.example" };

	setup();
	serve_names();
	ck_assert_int_eq(listen_at("tcp://127.0.0.1:0", 8), 0);
	open_port(names[_i], &client);
	ck_assert(reached(&client.opened, 1));
	ck_assert_uint_gt(questions, 0);
	ck_assert_ptr_nonnull(strstr(stream_peer(client.s), "127.0.0.1:"));
	end_names();
	teardown();
}
END_TEST

START_TEST(a_name_that_nobody_has_is_told)
{
	setup();
	serve_names();
	open_to("tcp://nobody.example:1", &client);
	ck_assert(reached(&client.closed, 1));
	ck_assert_int_eq(client.err, -EHOSTUNREACH);
	ck_assert_ptr_nonnull(strstr(stream_why(client.s), "nobody.example"));
	end_names();
	teardown();
}
END_TEST

START_TEST(a_name_server_that_is_silent_is_not_waited_for)
{
	setup();
	serve_names();
	mute = true;
	streams_set_limits(streams, 50, 50);
	open_to("tcp://one.example:1", &client);
	ck_assert(reached(&client.closed, 1));
	ck_assert_int_eq(client.err, -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(stream_why(client.s), "name"));
	client.s = stream_free(client.s);
	(void)loop_once(loop, 0); /* as below */
	end_names();
	teardown();
}
END_TEST

START_TEST(a_question_can_be_dropped)
{
	setup();
	serve_names();
	mute = true;
	open_to("tcp://one.example:1", &client);
	ck_assert(reached(&questions, 1));
	client.s = stream_free(client.s);
	(void)loop_once(loop, 0); /* libevent says so from its own loop */
	(void)loop_once(loop, 0); /* as above */
	ck_assert_uint_eq(client.closed + client.opened, 0);
	end_names();
	teardown();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stream");
	TCase *c = tcase_create("stream");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(c, 30);
	tcase_add_loop_test(c, bytes_go_both_ways, 0, 2);
	tcase_add_test(c, nobody_there_is_told_as_closed);
	tcase_add_test(c, what_cannot_be_opened_is_said_at_once);
	tcase_add_test(c, a_slow_reader_holds_the_sender_back_and_loses_nothing);
	tcase_add_test(c, many_small_pieces_cost_no_more_than_their_bytes);
	tcase_add_test(c, close_sends_what_was_taken);
	tcase_add_test(c, half_an_end_lets_the_answer_through);
	tcase_add_test(c, half_an_end_without_an_answer_is_bounded);
	tcase_add_loop_test(c, another_owner_hears_of_the_end_too, 0, 2);
	tcase_add_test(c, what_was_taken_goes_out_before_an_end_closes);
	tcase_add_test(c, without_wish_for_halves_the_end_closes);
	tcase_add_test(c, close_does_not_wait_for_ever);
	tcase_add_test(c, many_that_close_are_bounded);
	tcase_add_test(c, a_connection_does_not_meet_itself);
	tcase_add_loop_test(c, any_callback_may_free_its_stream, 0, 5);
	tcase_add_test(c, too_many_and_strangers_are_turned_away);
	tcase_add_test(c, a_listener_without_owner_lets_peers_wait);
	tcase_add_test(c, a_listening_descriptor_may_be_given);
	tcase_add_test(c, a_stream_changes_its_owner);
	tcase_add_test(c, what_is_given_back_comes_first);
	tcase_add_test(c, what_is_given_back_in_data_comes_before_what_follows);
	tcase_add_loop_test(c, a_descriptor_that_does_not_listen_is_refused, 0, 2);
	tcase_add_test(c, a_descriptor_is_taken_and_given);
	tcase_add_test(c, unix_sockets_have_their_mode_and_are_tidied_up);
	tcase_add_loop_test(c, names_are_asked_for, 0, 2);
	tcase_add_test(c, a_name_that_nobody_has_is_told);
	tcase_add_test(c, a_name_server_that_is_silent_is_not_waited_for);
	tcase_add_test(c, a_question_can_be_dropped);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
