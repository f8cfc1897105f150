/* The connections of a plug-in: what it may do, what it may not, and who may look on. */
#include "unit.h"

#include "adapter/host_conns.h"
#include "adapter/host_secret.h"
#include "tempdir.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS_MAX 20000

/* One plug-in's view of its connections; they share the callbacks. */
struct seen {
	unsigned opened, drained, closed, ended;
	int status;
	uint64_t last; /* the connection that was told of last */
	uint8_t data[4096];
	size_t bytes;
	uint64_t close_in_data; /* closes this one in the callback */
};

static struct loop *loop;
static struct streams *streams;
static struct host_conns *conns;
static struct seen client, server;
static char dir[TEMPDIR_BYTES];
static char option_text[8][192]; /* of "a0", "a1" ... */

static void
on_opened(void *user, uint64_t conn)
{
	struct seen *s = user;

	s->opened++;
	s->last = conn;
}

static void
on_data(void *user, uint64_t conn, const uint8_t *data, size_t n)
{
	struct seen *s = user;

	s->last = conn;
	ck_assert_uint_le(n, sizeof(s->data) - s->bytes);
	memcpy(s->data + s->bytes, data, n);
	s->bytes += n;
	if (s->close_in_data == conn)
		host_conns_close(conns, conn);
}

static void
on_drained(void *user, uint64_t conn)
{
	(void)conn;
	((struct seen *)user)->drained++;
}

static void
on_closed(void *user, uint64_t conn, int status)
{
	struct seen *s = user;

	s->closed++;
	s->last = conn;
	s->status = status;
	/* It is gone already: nothing can be done with it. */
	ck_assert_int_eq(host_conns_send(conns, conn, (const uint8_t *)"x", 1),
			 LANED_GONE);
}

static const struct laned_conn_events events = { .size = sizeof(events),
						 .opened = on_opened,
						 .data = on_data,
						 .drained = on_drained,
						 .closed = on_closed };

static void
on_ended(void *user, uint64_t conn)
{
	struct seen *s = user;

	ck_assert_uint_ge(s->opened, 1); /* that comes first */
	s->ended++;
	s->last = conn;
	if (s->close_in_data == conn)
		host_conns_close(conns, conn);
}

/* Of a plug-in that wants to know half an end from a whole one. */
static const struct laned_conn_events half_events = { .size = sizeof(half_events),
						      .opened = on_opened,
						      .data = on_data,
						      .drained = on_drained,
						      .closed = on_closed,
						      .ended = on_ended };

static int
address_of(void *ctx, const char *option, struct str *ret_text)
{
	(void)ctx;
	if (option[0] != 'a' || option[1] < '0' || option[1] > '7')
		return -ENOENT;
	*ret_text = str_of(option_text[option[1] - '0']);
	return 0;
}

static bool
reached(const unsigned *what, unsigned n)
{
	for (int i = 0; i < ROUNDS_MAX && *what < n; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	return *what >= n;
}

static bool
arrived(const struct seen *s, size_t n)
{
	for (int i = 0; i < ROUNDS_MAX && s->bytes < n; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	return s->bytes == n;
}

static void
setup(void)
{
	struct host_conns_options o = { .address = address_of, .name = "test" };

	memset(&client, 0, sizeof(client));
	memset(&server, 0, sizeof(server));
	memset(option_text, 0, sizeof(option_text));
	tempdir_make(dir);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(streams_new(loop, NULL, &streams), 0);
	o.loop = loop;
	o.streams = streams;
	ck_assert_int_eq(host_conns_new(&o, &conns), 0);
	(void)snprintf(option_text[0], sizeof(option_text[0]), "unix:%s",
		       tempdir_path(dir, "sock"));
}

static void
teardown(void)
{
	host_conns_free(conns);
	streams_free(streams);
	loop_free(loop);
	tempdir_remove(dir);
}

/* A listener on a0 and a connection to it; *ret_conn the opening side, *ret_peer the other. */
static void
connect_both(uint64_t *ret_listener, uint64_t *ret_conn, uint64_t *ret_peer)
{
	ck_assert_int_eq(host_conns_listen(conns, "a0", &events, &server, ret_listener),
			 LANED_OK);
	ck_assert_int_eq(host_conns_open(conns, "a0", &events, &client, ret_conn),
			 LANED_OK);
	ck_assert(reached(&client.opened, 1) && reached(&server.opened, 1));
	ck_assert_uint_eq(client.last, *ret_conn);
	*ret_peer = server.last;
}

static int
send_text(uint64_t conn, const char *text)
{
	return host_conns_send(conns, conn, (const uint8_t *)text, strlen(text));
}

START_TEST(bytes_and_events_have_their_ids)
{
	uint64_t listener, conn, peer;

	setup();
	connect_both(&listener, &conn, &peer);
	ck_assert(listener != conn && conn != peer && listener != peer);
	ck_assert_int_eq(send_text(conn, "question"), LANED_OK);
	ck_assert(arrived(&server, 8));
	ck_assert_uint_eq(server.last, peer);
	ck_assert_int_eq(send_text(peer, "answer"), LANED_OK);
	ck_assert(arrived(&client, 6));
	host_conns_close(conns, conn);
	ck_assert(reached(&server.closed, 1));
	ck_assert_int_eq(server.status, LANED_OK);
	ck_assert_uint_eq(client.closed, 0);
	ck_assert_uint_eq(host_conns_count(conns), 0);
	ck_assert_uint_eq(host_conns_listeners(conns), 1);
	host_conns_close(conns, listener);
	ck_assert_uint_eq(host_conns_listeners(conns), 0);
	ck_assert_uint_eq(host_conns_misuse(conns), 1); /* by on_closed */
	teardown();
}
END_TEST

START_TEST(what_a_plugin_passes_is_checked)
{
	struct laned_conn_events small = events;
	uint64_t conn = 0, listener, peer, x = 77;
	static uint8_t big[LANED_CONN_BYTES_MAX + 1];

	setup();
	small.size = offsetof(struct laned_conn_events, ended) - 1;
	(void)snprintf(option_text[1], sizeof(option_text[1]), "nonsense");
	(void)snprintf(option_text[2], sizeof(option_text[2]), "tls://127.0.0.1:1?ca=ca");
	ck_assert_int_eq(host_conns_open(conns, NULL, &events, NULL, &x), LANED_INVALID);
	ck_assert_int_eq(host_conns_open(conns, "a0", NULL, NULL, &x), LANED_INVALID);
	ck_assert_int_eq(host_conns_open(conns, "a0", &small, NULL, &x), LANED_INVALID);
	ck_assert_int_eq(host_conns_open(conns, "a0", &events, NULL, NULL),
			 LANED_INVALID);
	ck_assert_int_eq(host_conns_open(conns, "other", &events, NULL, &x),
			 LANED_MISSING);
	ck_assert_int_eq(host_conns_open(conns, "a1", &events, NULL, &x), LANED_INVALID);
	ck_assert_int_eq(host_conns_open(conns, "a2", &events, NULL, &x), LANED_MISSING);
	ck_assert_int_eq(host_conns_open(conns, "a3", &events, NULL, &x), LANED_MISSING);
	ck_assert_int_eq(host_conns_listen(conns, NULL, &events, NULL, &x),
			 LANED_INVALID);
	ck_assert_int_eq(host_conns_listen(conns, "a1", &events, NULL, &x),
			 LANED_INVALID);
	ck_assert_int_eq(host_conns_listen(conns, "pos", &events, NULL, &x),
			 LANED_MISSING);
	ck_assert_uint_eq(x, 77);
	ck_assert_uint_eq(host_conns_count(conns), 0);
	ck_assert_uint_eq(host_conns_listeners(conns), 0);

	ck_assert_int_eq(send_text(0, "x"), LANED_INVALID);
	ck_assert_int_eq(send_text(UINT64_MAX, "x"), LANED_INVALID);
	host_conns_close(conns, 12345);
	ck_assert_int_eq(host_conns_modem(conns, 12345, 0, 0), LANED_INVALID);
	ck_assert_uint_eq(host_conns_misuse(conns), 4);
	connect_both(&listener, &conn, &peer);
	ck_assert_int_eq(host_conns_listen(conns, "a0", &events, NULL, &x),
			 LANED_REFUSED);
	ck_assert_int_eq(send_text(listener, "x"), LANED_INVALID);
	ck_assert_int_eq(host_conns_send(conns, conn, NULL, 1), LANED_INVALID);
	ck_assert_int_eq(host_conns_send(conns, conn, NULL, 0), LANED_OK);
	ck_assert_int_eq(host_conns_send(conns, conn, big, sizeof(big)), LANED_TOO_LARGE);
	ck_assert_int_eq(host_conns_modem(conns, conn, LANED_MODEM_DTR, 0),
			 LANED_UNSUPPORTED);
	host_conns_close(conns, conn);
	host_conns_close(conns, conn);
	ck_assert_int_eq(send_text(conn, "x"), LANED_GONE);
	teardown();
}
END_TEST

START_TEST(nothing_is_sent_before_it_is_open)
{
	uint64_t listener, conn;

	setup();
	ck_assert_int_eq(host_conns_listen(conns, "a0", &events, &server, &listener),
			 LANED_OK);
	ck_assert_int_eq(host_conns_open(conns, "a0", &events, &client, &conn), LANED_OK);
	ck_assert_int_eq(send_text(conn, "early"), LANED_REFUSED);
	ck_assert_uint_eq(client.opened + server.opened,
			  0); /* never from inside a call */
	ck_assert(reached(&client.opened, 1));
	ck_assert_int_eq(send_text(conn, "now"), LANED_OK);
	ck_assert(arrived(&server, 3));
	teardown();
}
END_TEST

START_TEST(nobody_there_is_told_once)
{
	uint64_t conn;

	setup();
	ck_assert_int_eq(host_conns_open(conns, "a0", &events, &client, &conn), LANED_OK);
	ck_assert_uint_eq(client.closed, 0);
	ck_assert(reached(&client.closed, 1));
	ck_assert_int_eq(client.status, LANED_GONE);
	ck_assert_uint_eq(client.opened, 0);
	ck_assert_uint_eq(host_conns_count(conns), 0);
	teardown();
}
END_TEST

START_TEST(a_plugin_that_floods_is_bounded)
{
	static uint8_t chunk[65536];
	uint64_t listener, conn, peer, more;
	unsigned opened = 0, listeners = 1;
	size_t sent = 0;
	int rc;

	setup();
	connect_both(&listener, &conn, &peer);
	while ((rc = host_conns_send(conns, conn, chunk, sizeof(chunk))) == LANED_OK)
		sent += sizeof(chunk);
	ck_assert_int_eq(rc, LANED_AGAIN);
	ck_assert_uint_le(sent, 2 * LANED_CONN_BYTES_MAX); /* and what the kernel took */
	while ((rc = host_conns_open(conns, "a0", &events, &client, &more)) == LANED_OK)
		opened++;
	ck_assert_int_eq(rc, LANED_AGAIN);
	ck_assert_uint_eq(opened, HOST_CONNS_MAX - 2);
	for (int i = 1; i < 8; i++)
		(void)snprintf(option_text[i], sizeof(option_text[i]),
			       "tcp://127.0.0.1:0");
	for (char name[] = "a1"; name[1] <= '7'; name[1]++)
		listeners += host_conns_listen(conns, name, &events, &server, &more) ==
			     LANED_OK;
	ck_assert_uint_eq(listeners, HOST_LISTENERS_MAX);
	teardown();
}
END_TEST

START_TEST(a_connection_may_be_closed_in_its_own_callback)
{
	uint64_t listener, conn, peer;

	setup();
	connect_both(&listener, &conn, &peer);
	server.close_in_data = peer;
	ck_assert_int_eq(send_text(conn, "x"), LANED_OK);
	ck_assert(reached(&client.closed, 1));
	ck_assert_uint_eq(server.closed, 0);
	ck_assert_uint_eq(host_conns_count(conns), 0);
	teardown();
}
END_TEST

/* ---- those who take over ----------------------------------------------------------------- */

struct looked {
	unsigned received, sent, ended;
	bool take;
	struct stream *stream;
	unsigned taken_bytes;
};

static void
on_taken_data(void *ctx, const uint8_t *data, size_t n)
{
	(void)data;
	((struct looked *)ctx)->taken_bytes += (unsigned)n;
}

static const struct stream_events taken_events = { .data = on_taken_data };

static bool
on_received(void *ctx, uint64_t conn, const uint8_t *data, size_t n)
{
	struct looked *t = ctx;

	(void)data;
	t->received += (unsigned)n;
	if (!t->take)
		return false;
	t->stream = host_conns_take(conns, conn);
	stream_set_events(t->stream, &taken_events, t);
	return true;
}

static void
on_sent(void *ctx, uint64_t conn, const uint8_t *data, size_t n)
{
	(void)conn;
	(void)data;
	((struct looked *)ctx)->sent += (unsigned)n;
}

static void
on_tap_ended(void *ctx, uint64_t conn)
{
	(void)conn;
	((struct looked *)ctx)->ended++;
}

static const struct host_conns_tap tap = { .received = on_received,
					   .sent = on_sent,
					   .ended = on_tap_ended };

START_TEST(a_connection_is_taken_and_given_back)
{
	struct looked t = { .take = false };
	uint64_t listener, conn, peer;

	setup();
	connect_both(&listener, &conn, &peer);
	ck_assert_int_eq(host_conns_tap(conns, peer, &tap, &t), 0);
	ck_assert_int_eq(host_conns_tap(conns, 4711, &tap, &t), -ENOENT);
	ck_assert_int_eq(send_text(conn, "one"), LANED_OK);
	ck_assert(arrived(&server, 3));
	ck_assert_int_eq(send_text(peer, "1"), LANED_OK);
	ck_assert_uint_eq(t.received, 3);
	ck_assert_uint_eq(t.sent, 1);
	t.take = true;
	ck_assert_int_eq(send_text(conn, "two"), LANED_OK);
	ck_assert(reached(&t.received, 6));
	ck_assert_uint_eq(server.bytes, 3);
	ck_assert_ptr_nonnull(t.stream);
	ck_assert_ptr_null(host_conns_take(conns, peer));
	ck_assert_int_eq(send_text(peer, "x"), LANED_GONE);
	ck_assert_int_eq(send_text(conn, "three"), LANED_OK);
	ck_assert(reached(&t.taken_bytes, 5));
	t.take = false;
	ck_assert_int_eq(stream_unread(t.stream, (const uint8_t *)"4", 1), 0);
	host_conns_give_back(conns, peer, t.stream);
	ck_assert(arrived(&server, 4));
	ck_assert_int_eq(send_text(peer, "x"), LANED_OK);
	ck_assert_uint_eq(server.opened, 1); /* not again */
	host_conns_close(conns, peer);
	ck_assert_uint_eq(t.ended, 1);
	teardown();
}
END_TEST

START_TEST(a_parked_connection_ends_in_its_ways)
{
	struct looked t = { .take = true };
	uint64_t listener, conn, peer;

	setup();
	connect_both(&listener, &conn, &peer);
	ck_assert_int_eq(host_conns_tap(conns, peer, &tap, &t), 0);
	t.stream = host_conns_take(conns, peer);
	stream_set_events(t.stream, &taken_events, &t);
	/* Closed by the plug-in: the stream, given back, is closed, too; only then it has ended. */
	host_conns_close(conns, peer);
	ck_assert_uint_eq(t.ended, 0);
	host_conns_give_back(conns, peer, t.stream);
	ck_assert_uint_eq(t.ended, 1);
	ck_assert(reached(&client.closed, 1));
	/* Revoked, and told. */
	ck_assert_int_eq(host_conns_open(conns, "a0", &events, &client, &conn), LANED_OK);
	ck_assert(reached(&server.opened, 2));
	peer = server.last;
	t.stream = host_conns_take(conns, peer);
	host_conns_revoke(conns, peer, true, LANED_GONE);
	ck_assert_uint_eq(server.closed, 0);
	ck_assert(reached(&server.closed, 1));
	ck_assert_int_eq(server.status, LANED_GONE);
	stream_free(t.stream);
	ck_assert(reached(&client.closed, 2));
	/* Revoked in silence. */
	ck_assert_int_eq(host_conns_open(conns, "a0", &events, &client, &conn), LANED_OK);
	ck_assert(reached(&server.opened, 3));
	t.stream = host_conns_take(conns, server.last);
	host_conns_revoke(conns, server.last, false, LANED_OK);
	stream_free(t.stream);
	ck_assert(reached(&client.closed, 3));
	ck_assert_uint_eq(server.closed, 1);
	ck_assert_uint_eq(host_conns_count(conns), 0);
	teardown();
}
END_TEST

static unsigned unlistened;
static struct stream *endpoint_stream;

static int
endpoint_open(void *ctx, const char *name, struct stream **ret_stream)
{
	(void)ctx;
	if (strcmp(name, LANED_ENDPOINT_TERMINAL) != 0)
		return LANED_MISSING;
	*ret_stream = endpoint_stream;
	return LANED_OK;
}

static int
endpoint_listen(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, LANED_ENDPOINT_POS) == 0 ? LANED_OK : LANED_MISSING;
}

static void
endpoint_unlisten(void *ctx, const char *name)
{
	(void)ctx;
	ck_assert_str_eq(name, LANED_ENDPOINT_POS);
	unlistened++;
}

static const struct host_conns_endpoints endpoints = { endpoint_open, endpoint_listen,
						       endpoint_unlisten };

static struct stream *
half_of_pair(int *ret_fd, bool open)
{
	static const struct stream_events none = { .opened = NULL };
	struct stream *s;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(stream_adopt(streams, pair[0], &none, NULL, &s), 0);
	while (open && !stream_is_open(s))
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	*ret_fd = pair[1];
	return s;
}

START_TEST(endpoints_are_the_hosts)
{
	uint64_t conn, listener, peer = 0;
	int pos, terminal;

	setup();
	unlistened = 0;
	host_conns_set_endpoints(conns, &endpoints, NULL);
	endpoint_stream = half_of_pair(&terminal, _i == 1);
	ck_assert_int_eq(host_conns_open(conns, "terminal", &events, &client, &conn),
			 LANED_OK);
	ck_assert_uint_eq(client.opened, 0);
	ck_assert(reached(&client.opened, 1));
	ck_assert_int_eq(send_text(conn, "x"), LANED_OK);
	ck_assert_int_eq(
		host_conns_accepted(conns, "pos", half_of_pair(&pos, true), &peer),
		-ENOENT);
	ck_assert_int_eq(close(pos), 0);
	ck_assert_int_eq(host_conns_listen(conns, "pos", &events, &server, &listener),
			 LANED_OK);
	ck_assert_int_eq(
		host_conns_accepted(conns, "pos", half_of_pair(&pos, _i == 1), &peer), 0);
	ck_assert_int_eq(write(pos, "early", 5), 5);
	ck_assert(arrived(&server, 5)); /* opened comes before it */
	ck_assert_uint_eq(server.opened, 1);
	ck_assert_uint_eq(server.last, peer);
	host_conns_close(conns, listener);
	ck_assert_uint_eq(unlistened, 1);
	ck_assert_int_eq(send_text(peer, "still"), LANED_OK);
	ck_assert_int_eq(close(pos), 0);
	ck_assert_int_eq(close(terminal), 0);
	ck_assert(reached(&client.closed, 1) && reached(&server.closed, 1));
	teardown();
}
END_TEST

/* The POS asks, ends its own direction, and reads: its answer still gets to it. */
START_TEST(half_an_end_is_told_and_answered)
{
	uint64_t listener, peer;
	char got[16];
	int pos;

	setup();
	unlistened = 0;
	host_conns_set_endpoints(conns, &endpoints, NULL);
	ck_assert_int_eq(
		host_conns_listen(conns, "pos", &half_events, &server, &listener),
		LANED_OK);
	ck_assert_int_eq(
		host_conns_accepted(conns, "pos", half_of_pair(&pos, true), &peer), 0);
	if (_i == 0)
		ck_assert_int_eq(write(pos, "question", 8), 8);
	ck_assert_int_eq(shutdown(pos, SHUT_WR), 0);
	server.close_in_data = _i == 1 ? peer : 0;
	ck_assert(reached(&server.ended, 1));
	ck_assert_uint_eq(server.opened, 1);
	if (_i == 0) {
		ck_assert_uint_eq(server.bytes, 8);
		ck_assert_uint_eq(server.closed, 0);
		ck_assert_int_eq(send_text(peer, "answer"), LANED_OK);
		host_conns_close(conns, peer);
	}
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(loop_once(loop, 1), 0);
	ck_assert_int_eq(read(pos, got, sizeof(got)), _i == 0 ? 6 : 0);
	ck_assert_uint_eq(server.closed, 0); /* it has closed it itself */
	ck_assert_uint_eq(server.ended, 1);
	ck_assert_uint_eq(host_conns_count(conns), 0);
	ck_assert_int_eq(close(pos), 0);
	teardown();
}
END_TEST

/* One of minor 3 does not know of halves: nothing behind its struct is read, and an end is the end. */
START_TEST(events_of_minor_3_end_with_half_an_end)
{
	const size_t bytes = offsetof(struct laned_conn_events, ended);
	struct laned_conn_events all = half_events;
	void *old = malloc(bytes);
	uint64_t listener, peer;
	int pos;

	ck_assert_ptr_nonnull(old);
	all.size = (uint32_t)bytes;
	memcpy(old, &all, bytes);
	setup();
	unlistened = 0;
	host_conns_set_endpoints(conns, &endpoints, NULL);
	ck_assert_int_eq(host_conns_listen(conns, "pos", old, &server, &listener),
			 LANED_OK);
	free(old);
	ck_assert_int_eq(
		host_conns_accepted(conns, "pos", half_of_pair(&pos, true), &peer), 0);
	ck_assert_int_eq(shutdown(pos, SHUT_WR), 0);
	ck_assert(reached(&server.closed, 1));
	ck_assert_int_eq(server.status, LANED_OK);
	ck_assert_uint_eq(server.ended, 0);
	ck_assert_int_eq(close(pos), 0);
	teardown();
}
END_TEST

/* ---- secrets ----------------------------------------------------------------------------- */

START_TEST(a_secret_is_a_credential)
{
	uint8_t buf[8];
	size_t n = sizeof(buf);

	tempdir_make(dir);
	tempdir_write(dir, "pin", "4711", 4);
	tempdir_write(dir, "open", "4711", 4);
	ck_assert_int_eq(chmod(tempdir_path(dir, "pin"), 0400), 0);
	ck_assert_int_eq(chmod(tempdir_path(dir, "open"), 0644), 0);
	ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	ck_assert_int_eq(host_secret_read("test", "key", "pin", buf, &n), LANED_MISSING);
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	ck_assert_int_eq(host_secret_read("test", "key", "pin", buf, &n), LANED_OK);
	ck_assert_uint_eq(n, 4);
	ck_assert_mem_eq(buf, "4711", 4);
	n = 3;
	ck_assert_int_eq(host_secret_read("test", "key", "pin", buf, &n),
			 LANED_TOO_LARGE);
	ck_assert_uint_eq(n, 4);
	ck_assert_int_eq(host_secret_read("test", "key", "other", buf, &n),
			 LANED_MISSING);
	ck_assert_int_eq(host_secret_read("test", "key", "../pin", buf, &n),
			 LANED_INVALID);
	ck_assert_int_eq(host_secret_read("test", "key", "", buf, &n), LANED_INVALID);
	ck_assert_int_eq(host_secret_read("test", "key", "open", buf, &n), LANED_IO);
	tempdir_remove(dir);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("host_conns");
	TCase *c = tcase_create("host_conns");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, bytes_and_events_have_their_ids);
	tcase_add_test(c, what_a_plugin_passes_is_checked);
	tcase_add_test(c, nothing_is_sent_before_it_is_open);
	tcase_add_test(c, nobody_there_is_told_once);
	tcase_add_test(c, a_plugin_that_floods_is_bounded);
	tcase_add_test(c, a_connection_may_be_closed_in_its_own_callback);
	tcase_add_loop_test(c, half_an_end_is_told_and_answered, 0, 2);
	tcase_add_test(c, events_of_minor_3_end_with_half_an_end);
	tcase_add_test(c, a_connection_is_taken_and_given_back);
	tcase_add_test(c, a_parked_connection_ends_in_its_ways);
	tcase_add_loop_test(c, endpoints_are_the_hosts, 0, 2);
	tcase_add_test(c, a_secret_is_a_credential);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
