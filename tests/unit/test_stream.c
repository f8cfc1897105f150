/* Streams over sockets of this machine: tcp, Unix. Names, serial lines and TLS have their own tests. */
#include "unit.h"

#include "stream_kit.h"
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

static uint8_t *big;

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

static void
teardown(void)
{
	stream_kit_teardown();
	free(big);
	big = NULL;
}

START_TEST(bytes_go_both_ways)
{
	static const char *const hosts[] = { "127.0.0.1", "[::1]" };
	char text[64];

	stream_kit_setup();
	(void)snprintf(text, sizeof(text), "tcp://%s:0", hosts[_i]);
	if (stream_kit_listen(text, 1) < 0) {
		teardown();
		return; /* a machine without IPv6 */
	}
	stream_kit_open_port(hosts[_i], &stream_kit.client);
	ck_assert(stream_kit_reached(&stream_kit.client.opened, 1) &&
		  stream_kit_reached(&stream_kit.server.opened, 1));
	stream_kit_send(&stream_kit.client, "hello");
	ck_assert(stream_kit_arrived(&stream_kit.server, 5));
	ck_assert_mem_eq(stream_kit.server.data, "hello", 5);
	stream_kit_send(&stream_kit.server, "you too");
	ck_assert(stream_kit_arrived(&stream_kit.client, 7));
	ck_assert_mem_eq(stream_kit.client.data, "you too", 7);
	ck_assert_ptr_nonnull(strstr(stream_peer(stream_kit.client.s),
				     _i == 0 ? "127.0.0.1:" : "[::1]:"));
	ck_assert_ptr_nonnull(strstr(stream_peer(stream_kit.server.s),
				     _i == 0 ? "127.0.0.1:" : "[::1]:"));
	teardown();
}
END_TEST

START_TEST(nobody_there_is_told_as_closed)
{
	stream_kit_setup();
	ck_assert_int_eq(stream_kit_listen("tcp://127.0.0.1:0", 1), 0);
	stream_kit_open_port("127.0.0.2", &stream_kit.client);
	ck_assert(stream_kit_reached(&stream_kit.client.closed, 1));
	ck_assert_int_eq(stream_kit.client.err, -ECONNREFUSED);
	ck_assert_uint_eq(stream_kit.client.opened, 0);
	ck_assert_str_ne(stream_why(stream_kit.client.s), "");
	ck_assert_int_eq(stream_send(stream_kit.client.s, (const uint8_t *)"x", 1),
			 -ENOTCONN);
	teardown();
}
END_TEST

START_TEST(what_cannot_be_opened_is_said_at_once)
{
	static const struct stream_events none = { .opened = NULL };
	struct address a = stream_kit_address("tcp://127.0.0.1:1?allow=10.0.0.1");
	char why[STREAM_WHY_BYTES] = "";

	stream_kit_setup();
	ck_assert_int_eq(stream_open(stream_kit.streams, &a, &none, NULL,
				     &stream_kit.client.s, why),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "allow"));
	ck_assert_ptr_null(stream_kit.client.s);
	ck_assert_int_eq(stream_kit_listen("tcp://localhost:1", 1), -EINVAL);
	teardown();
}
END_TEST

START_TEST(a_slow_reader_holds_the_sender_back_and_loses_nothing)
{
	const uint8_t *data = big_data();
	size_t sent = 0, piece = 100000;
	unsigned drained = 0;

	stream_kit_setup();
	stream_kit_connect();
	stream_pause(stream_kit.server.s, true);
	while (sent < BIG) {
		size_t n = BIG - sent < piece ? BIG - sent : piece;
		int rc = stream_send(stream_kit.client.s, data + sent, n);

		ck_assert_uint_le(stream_unsent(stream_kit.client.s), STREAM_UNSENT_MAX);
		if (rc == 0) {
			sent += n;
			continue;
		}
		ck_assert_int_eq(rc, -EAGAIN);
		if (drained == 0)
			ck_assert_uint_eq(stream_kit.server.bytes, 0);
		stream_pause(stream_kit.server.s, false);
		ck_assert(stream_kit_reached(&stream_kit.client.drained, ++drained));
		ck_assert_uint_le(stream_unsent(stream_kit.client.s),
				  STREAM_UNSENT_MAX / 2);
	}
	ck_assert_uint_gt(drained, 0);
	ck_assert(stream_kit_arrived(&stream_kit.server, BIG));
	ck_assert_mem_eq(stream_kit.server.data, data, BIG);
	ck_assert_int_eq(stream_send(stream_kit.client.s, data, STREAM_UNSENT_MAX + 1),
			 -EMSGSIZE);
	teardown();
}
END_TEST

START_TEST(many_small_pieces_cost_no_more_than_their_bytes)
{
	const uint8_t *data = big_data();
	size_t sent = 0, until;

	stream_kit_setup();
	stream_kit_connect();
	stream_pause(stream_kit.server.s, true);
	while (stream_unsent(stream_kit.client.s) == 0) {
		ck_assert_int_eq(stream_send(stream_kit.client.s, data + sent, 100000),
				 0);
		sent += 100000;
	}
	until = sent + 200000; /* as many regions there could not be */
	for (; sent < until; sent++)
		ck_assert_int_eq(stream_send(stream_kit.client.s, data + sent, 1), 0);
	ck_assert_int_eq(stream_send(stream_kit.client.s, data + sent, 40000), 0);
	sent += 40000;
	stream_pause(stream_kit.server.s, false);
	ck_assert(stream_kit_arrived(&stream_kit.server, sent));
	ck_assert_mem_eq(stream_kit.server.data, data, sent);
	teardown();
}
END_TEST

START_TEST(close_sends_what_was_taken)
{
	const uint8_t *data = big_data();

	stream_kit_setup();
	stream_kit_connect();
	stream_pause(stream_kit.server.s, true);
	ck_assert_int_eq(stream_send(stream_kit.client.s, data, STREAM_UNSENT_MAX), 0);
	stream_kit_send(&stream_kit.server,
			"never read"); /* would make the kernel reset at once */
	stream_close(stream_kit.client.s);
	stream_kit.client.s = NULL;
	stream_pause(stream_kit.server.s, false);
	ck_assert(stream_kit_arrived(&stream_kit.server, STREAM_UNSENT_MAX));
	ck_assert_mem_eq(stream_kit.server.data, data, STREAM_UNSENT_MAX);
	ck_assert(stream_kit_reached(&stream_kit.server.closed, 1));
	ck_assert_int_eq(stream_kit.server.err, 0);
	ck_assert_uint_eq(stream_kit.client.closed + stream_kit.client.bytes, 0);
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

	stream_kit_setup();
	streams_set_limits(stream_kit.streams, 1000, 50);
	stream_kit_connect();
	stream_pause(stream_kit.server.s, true);
	while (stream_unsent(stream_kit.client.s) == 0)
		ck_assert_int_eq(
			stream_send(stream_kit.client.s, data, STREAM_UNSENT_MAX), 0);
	stream_close(stream_kit.client.s);
	stream_kit.client.s = NULL;
	/* In one loop, the timer that was set for a later time goes off later. */
	ck_assert_int_eq(loop_timer_new(stream_kit.loop, on_later, &later, &timer), 0);
	ck_assert_int_eq(loop_timer_set(timer, 100), 0);
	ck_assert(stream_kit_reached(&later, 1));
	loop_timer_free(timer);
	/* Nobody read: it is gone, and the peer sees that not all came. */
	stream_pause(stream_kit.server.s, false);
	ck_assert(stream_kit_reached(&stream_kit.server.closed, 1));
	ck_assert_int_eq(stream_kit.server.err, -ECONNRESET);
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

	stream_kit_setup();
	/* Peers that never read: each one that is closed waits; the oldest ones are cut. */
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
				 0);
		ck_assert_int_eq(
			stream_adopt(stream_kit.streams, pair[0], &none, NULL, &s), 0);
		while (!stream_is_open(s))
			ck_assert_int_eq(loop_once(stream_kit.loop, 1000), 0);
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
	struct stream_events e = stream_kit_events(&stream_kit.client);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	stream_kit_setup();
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &bytes), 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(stream_adopt(stream_kit.streams, fd, &e, &stream_kit.client,
				      &stream_kit.client.s),
			 0);
	ck_assert(stream_kit_reached(&stream_kit.client.closed, 1));
	ck_assert_int_eq(stream_kit.client.err, -ECONNREFUSED);
	ck_assert_uint_eq(stream_kit.client.opened, 0);
	teardown();
}
END_TEST

START_TEST(half_an_end_lets_the_answer_through)
{
	stream_kit_setup();
	stream_kit.server.half = true;
	stream_kit_connect();
	stream_kit_send(&stream_kit.client, "question");
	stream_shutdown(stream_kit.client.s);
	ck_assert_int_eq(stream_send(stream_kit.client.s, (const uint8_t *)"x", 1),
			 -ENOTCONN);
	ck_assert(stream_kit_reached(&stream_kit.server.ended, 1));
	ck_assert_uint_eq(stream_kit.server.closed, 0);
	stream_kit_send(&stream_kit.server, "answer");
	stream_shutdown(stream_kit.server.s);
	ck_assert(stream_kit_reached(&stream_kit.client.closed, 1) &&
		  stream_kit_reached(&stream_kit.server.closed, 1));
	ck_assert_mem_eq(stream_kit.client.data, "answer", 6);
	ck_assert_int_eq(stream_kit.client.err, 0);
	ck_assert_int_eq(stream_kit.server.err, 0);
	teardown();
}
END_TEST

/* Half an end that nobody uses is no connection for ever: the peer may have gone altogether. */
START_TEST(half_an_end_without_an_answer_is_bounded)
{
	stream_kit_setup();
	streams_set_half_limit(stream_kit.streams, 50);
	stream_kit.server.half = true;
	stream_kit_connect();
	stream_shutdown(stream_kit.client.s);
	ck_assert(stream_kit_reached(&stream_kit.server.ended, 1));
	ck_assert(stream_kit_reached(&stream_kit.server.closed, 1));
	ck_assert_int_eq(stream_kit.server.err, -ETIMEDOUT);
	ck_assert_str_ne(stream_why(stream_kit.server.s), "");
	teardown();
}
END_TEST

/* Who takes a connection over whose peer has ended hears of it, after what was given back. */
START_TEST(another_owner_hears_of_the_end_too)
{
	struct stream_kit_end next = { .half = _i == 0 };
	struct stream_events e;

	stream_kit_setup();
	stream_kit.server.half = true;
	stream_kit_connect();
	stream_shutdown(stream_kit.client.s);
	ck_assert(stream_kit_reached(&stream_kit.server.ended, 1));
	e = stream_kit_events(&next);
	next.opened = 1; /* as stream.h says */
	stream_pause(stream_kit.server.s, true);
	stream_set_events(stream_kit.server.s, &e, &next);
	ck_assert_int_eq(stream_unread(stream_kit.server.s, (const uint8_t *)"first", 5),
			 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(loop_once(stream_kit.loop, 1), 0);
	ck_assert_uint_eq(next.ended + next.closed, 0); /* it is paused */
	stream_pause(stream_kit.server.s, false);
	ck_assert(stream_kit_reached(_i == 0 ? &next.ended : &next.closed, 1));
	ck_assert_uint_eq(next.bytes, 5);
	if (_i == 0) {
		stream_kit_send(&stream_kit.server, "answer");
		stream_shutdown(stream_kit.server.s);
		ck_assert(stream_kit_reached(&next.closed, 1) &&
			  stream_kit_reached(&stream_kit.client.closed, 1));
		ck_assert_mem_eq(stream_kit.client.data, "answer", 6);
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

	stream_kit_setup();
	stream_kit_connect();
	stream_pause(stream_kit.client.s, true);
	while (stream_unsent(stream_kit.server.s) < STREAM_UNSENT_MAX / 2)
		ck_assert_int_eq(stream_send(stream_kit.server.s, chunk, sizeof(chunk)),
				 0);
	stream_shutdown(stream_kit.client.s);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(loop_once(stream_kit.loop, 1), 0);
	ck_assert_uint_eq(stream_kit.server.closed, 0);
	stream_pause(stream_kit.client.s, false);
	ck_assert(stream_kit_reached(&stream_kit.server.closed, 1) &&
		  stream_kit_reached(&stream_kit.client.closed, 1));
	ck_assert_int_eq(stream_kit.server.err, 0);
	ck_assert_int_eq(stream_kit.client.err, 0);
	ck_assert_uint_ge(stream_kit.client.bytes, STREAM_UNSENT_MAX / 2);
	ck_assert_uint_eq(stream_kit.client.bytes % 65536, 0);
	teardown();
}
END_TEST

START_TEST(without_wish_for_halves_the_end_closes)
{
	stream_kit_setup();
	stream_kit_connect();
	stream_shutdown(stream_kit.client.s);
	ck_assert(stream_kit_reached(&stream_kit.server.closed, 1));
	ck_assert_int_eq(stream_kit.server.err, 0);
	teardown();
}
END_TEST

START_TEST(any_callback_may_free_its_stream)
{
	static const char where[] = { 'o', 'd', 'r', 'e', 'c' };
	const uint8_t *data = big_data();

	stream_kit_setup();
	stream_kit.server.free_in = where[_i];
	stream_kit.server.half = where[_i] == 'e';
	ck_assert_int_eq(stream_kit_listen("tcp://127.0.0.1:0", 8), 0);
	stream_kit_open_port("127.0.0.1", &stream_kit.client);
	ck_assert(stream_kit_reached(&stream_kit.client.opened, 1));
	if (where[_i] == 'r') {
		ck_assert(stream_kit_reached(&stream_kit.server.opened, 1));
		stream_pause(stream_kit.client.s, true);
		while (stream_send(stream_kit.server.s, data, STREAM_UNSENT_MAX / 2) == 0)
			;
		stream_pause(stream_kit.client.s, false);
	} else {
		stream_kit_send(&stream_kit.client, "x");
		if (where[_i] == 'e' || where[_i] == 'c')
			stream_shutdown(stream_kit.client.s);
	}
	for (int i = 0;
	     i < ROUNDS_MAX && (stream_kit.accepted == 0 || stream_kit.server.s != NULL);
	     i++)
		ck_assert_int_eq(loop_once(stream_kit.loop, 1000), 0);
	ck_assert_ptr_null(stream_kit.server.s);
	ck_assert(stream_kit_reached(&stream_kit.client.closed, 1));
	teardown();
}
END_TEST

START_TEST(too_many_and_strangers_are_turned_away)
{
	struct stream_kit_end more[3] = { { .s = NULL } };
	unsigned closed = 0;

	stream_kit_setup();
	ck_assert_int_eq(stream_kit_listen("tcp://127.0.0.1:0", 1), 0);
	stream_kit_open_port("127.0.0.1", &stream_kit.client);
	ck_assert(stream_kit_reached(&stream_kit.server.opened, 1));
	for (int i = 0; i < 3; i++)
		stream_kit_open_port("127.0.0.1", &more[i]);
	for (int i = 0; i < ROUNDS_MAX && closed < 3; i++) {
		ck_assert_int_eq(loop_once(stream_kit.loop, 1000), 0);
		closed = more[0].closed + more[1].closed + more[2].closed;
	}
	ck_assert_uint_eq(closed, 3);
	ck_assert_uint_eq(stream_kit.accepted, 1);
	ck_assert_uint_eq(stream_listener_refused(stream_kit.listener), 3);
	ck_assert_uint_eq(stream_kit.many, 3);
	ck_assert_uint_eq(stream_kit.strangers, 0);
	/* One that leaves makes room. */
	for (int i = 0; i < 3; i++)
		stream_free(more[i].s);
	stream_kit.server.s = stream_free(stream_kit.server.s);
	ck_assert(stream_kit_reached(&stream_kit.client.closed, 1));
	memset(&more[0], 0, sizeof(more[0]));
	stream_kit_open_port("127.0.0.1", &more[0]);
	ck_assert(stream_kit_reached(&stream_kit.accepted, 2));
	stream_free(more[0].s);
	stream_listener_free(stream_kit.listener);
	ck_assert_int_eq(stream_kit_listen("tcp://127.0.0.1:0?allow=10.1.2.3", 1), 0);
	memset(&more[1], 0, sizeof(more[1]));
	stream_kit_open_port("127.0.0.1", &more[1]);
	ck_assert(stream_kit_reached(&more[1].closed, 1));
	ck_assert_uint_eq(stream_listener_refused(stream_kit.listener), 1);
	ck_assert_uint_eq(stream_kit.strangers, 1);
	ck_assert_uint_eq(stream_kit.accepted, 2);
	stream_free(more[1].s);
	teardown();
}
END_TEST

START_TEST(a_listener_without_owner_lets_peers_wait)
{
	stream_kit_setup();
	ck_assert_int_eq(stream_kit_listen("tcp://127.0.0.1:0", 8), 0);
	stream_listener_set(stream_kit.listener, NULL, NULL);
	stream_kit_open_port("127.0.0.1", &stream_kit.client);
	ck_assert(stream_kit_reached(&stream_kit.client.opened, 1)); /* by the kernel */
	stream_kit_send(&stream_kit.client, "early");
	ck_assert_int_eq(loop_once(stream_kit.loop, 0), 0);
	ck_assert_uint_eq(stream_kit.accepted, 0);
	stream_listener_set(stream_kit.listener, stream_kit_accepted, NULL);
	ck_assert(stream_kit_arrived(&stream_kit.server, 5));
	teardown();
}
END_TEST

START_TEST(a_listening_descriptor_may_be_given)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct address a = stream_kit_address("tcp://127.0.0.1:0");
	struct stream_listen_options o = { .address = &a,
					   .peers_max = 2,
					   .accepted = stream_kit_accepted };

	stream_kit_setup();
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	o.fd = socket(AF_INET, SOCK_STREAM, 0); /* it would block */
	ck_assert_int_eq(bind(o.fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(o.fd, 4), 0);
	ck_assert_int_eq(
		stream_listen(stream_kit.streams, &o, &stream_kit.listener, NULL), 0);
	stream_kit_open_port("127.0.0.1", &stream_kit.client);
	ck_assert(stream_kit_reached(&stream_kit.client.opened, 1) &&
		  stream_kit_reached(&stream_kit.server.opened, 1));
	ck_assert_int_ne(fcntl(o.fd, F_GETFD) & FD_CLOEXEC, 0);
	teardown();
}
END_TEST

START_TEST(a_stream_changes_its_owner)
{
	struct stream_kit_end other = { .s = NULL };
	struct stream_events e = stream_kit_events(&other);

	stream_kit_setup();
	stream_kit_connect();
	stream_kit_send(&stream_kit.client, "one");
	ck_assert(stream_kit_arrived(&stream_kit.server, 3));
	other.opened = 1;
	stream_set_events(stream_kit.server.s, &e, &other);
	stream_kit_send(&stream_kit.client, "two");
	ck_assert(stream_kit_arrived(&other, 3));
	ck_assert_uint_eq(stream_kit.server.bytes, 3);
	ck_assert_uint_eq(other.opened, 1);
	free(other.data);
	teardown();
}
END_TEST

START_TEST(what_is_given_back_comes_first)
{
	stream_kit_setup();
	stream_kit_connect();
	ck_assert_int_eq(stream_unread(stream_kit.server.s, (const uint8_t *)"a", 1), 0);
	ck_assert_int_eq(stream_unread(stream_kit.server.s, (const uint8_t *)"bc", 2), 0);
	stream_pause(stream_kit.server.s, true);
	stream_kit_send(&stream_kit.client, "def");
	ck_assert_int_eq(loop_once(stream_kit.loop, 0), 0);
	ck_assert_int_eq(loop_once(stream_kit.loop, 0), 0);
	ck_assert_uint_eq(stream_kit.server.bytes, 0);
	stream_pause(stream_kit.server.s, false);
	ck_assert(stream_kit_arrived(&stream_kit.server, 6));
	ck_assert_mem_eq(stream_kit.server.data, "abcdef", 6);
	teardown();
}
END_TEST

static size_t gives_back;

/* As a tunnel that ends in the middle of what was read. */
static void
on_data_gives_back(void *ctx, const uint8_t *data, size_t n)
{
	const struct stream_events e = stream_kit_events(ctx);
	size_t back = n < gives_back ? 0 : gives_back;

	gives_back = 0;
	e.data(ctx, data, n - back);
	ck_assert_int_eq(stream_unread(stream_kit.server.s, data + n - back, back), 0);
}

START_TEST(what_is_given_back_in_data_comes_before_what_follows)
{
	struct stream_events e = stream_kit_events(&stream_kit.server);
	const size_t n = 100000;

	stream_kit_setup();
	stream_kit_connect();
	e.data = on_data_gives_back;
	gives_back = 100;
	stream_set_events(stream_kit.server.s, &e, &stream_kit.server);
	stream_pause(stream_kit.server.s, true);
	ck_assert_int_eq(stream_send(stream_kit.client.s, big_data(), n), 0);
	while (stream_unsent(stream_kit.client.s) > 0)
		ck_assert_int_eq(loop_once(stream_kit.loop, 1000), 0);
	stream_pause(stream_kit.server.s, false);
	ck_assert(stream_kit_arrived(&stream_kit.server, n));
	ck_assert_mem_eq(stream_kit.server.data, big, n);
	teardown();
}
END_TEST

START_TEST(a_descriptor_that_does_not_listen_is_refused)
{
	struct address a = stream_kit_address("tcp://127.0.0.1:0");
	struct stream_listen_options o = { .address = &a,
					   .peers_max = 2,
					   .accepted = stream_kit_accepted };

	stream_kit_setup();
	o.fd = socket(AF_INET, _i == 0 ? SOCK_STREAM : SOCK_DGRAM, 0);
	ck_assert_int_eq(
		stream_listen(stream_kit.streams, &o, &stream_kit.listener, NULL),
		-EINVAL);
	o.fd = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(
		stream_listen(stream_kit.streams, &o, &stream_kit.listener, NULL),
		-ENOTSOCK);
	teardown();
}
END_TEST

START_TEST(a_descriptor_is_taken_and_given)
{
	struct stream_events e = stream_kit_events(&stream_kit.client);
	char buf[8];
	int pair[2], fd = -1;

	stream_kit_setup();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(stream_adopt(stream_kit.streams, pair[0], &e, &stream_kit.client,
				      &stream_kit.client.s),
			 0);
	ck_assert_int_eq(stream_release(stream_kit.client.s, &fd),
			 -EBUSY); /* not yet opened */
	ck_assert(stream_kit_reached(&stream_kit.client.opened, 1));
	ck_assert_int_eq(write(pair[1], "in", 2), 2);
	ck_assert(stream_kit_arrived(&stream_kit.client, 2));
	stream_kit_send(&stream_kit.client, "out");
	ck_assert_int_eq(read(pair[1], buf, sizeof(buf)), 3);
	ck_assert_int_eq(stream_release(stream_kit.client.s, &fd), 0);
	stream_kit.client.s = NULL;
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

	stream_kit_setup();
	tempdir_make(dir);
	(void)snprintf(text, sizeof(text), "unix:%s?mode=0660", tempdir_path(dir, "s"));
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", tempdir_path(dir, "s"));
	/* One that somebody has left is replaced. */
	left = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(left, (const struct sockaddr *)&un, sizeof(un)), 0);
	ck_assert_int_eq(close(left), 0);
	ck_assert_int_eq(stream_kit_listen(text, 4), 0);
	ck_assert_int_eq(stat(un.sun_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	(void)snprintf(text, sizeof(text), "unix:%s", un.sun_path);
	stream_kit_open(text, &stream_kit.client);
	ck_assert(stream_kit_reached(&stream_kit.client.opened, 1) &&
		  stream_kit_reached(&stream_kit.server.opened, 1));
	stream_kit_send(&stream_kit.client, "x");
	ck_assert(stream_kit_arrived(&stream_kit.server, 1));
	ck_assert_str_eq(stream_peer(stream_kit.server.s), un.sun_path);
	stream_kit.listener = stream_listener_free(stream_kit.listener);
	ck_assert_int_eq(stat(un.sun_path, &st), -1);
	/* A file of somebody else is left alone. */
	tempdir_write(dir, "s", "data", 4);
	ck_assert_int_eq(stream_kit_listen(text, 4), -EADDRINUSE);
	ck_assert_int_eq(stat(un.sun_path, &st), 0);
	tempdir_remove(dir);
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
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
