/* Connections in virtual time: the other side is played here. */
#include "unit.h"

#include "adapter/host_conns.h"
#include "adapter/vhost_conns.h"

#include <errno.h>

static const struct laned_option rows[] = {
	{ sizeof(struct laned_option), LANED_OPT_ADDRESS, "peer", "tcp://127.0.0.1:1",
	  NULL, "A peer.", 1, 200 },
	{ sizeof(struct laned_option), LANED_OPT_ADDRESS, "line", "serial:///dev/ttyS0",
	  NULL, "A line.", 1, 200 },
	{ sizeof(struct laned_option), LANED_OPT_ADDRESS, "none", "", NULL, "Nothing.", 0,
	  200 },
	{ sizeof(struct laned_option), LANED_OPT_ADDRESS, "bad", "nonsense", NULL, "Bad.",
	  0, 200 },
	{ sizeof(struct laned_option), LANED_OPT_SECRET, "key", "cred", NULL, "Key.", 1,
	  60 },
};
static const struct laned_adapter table = { .size = sizeof(table),
					    .options = rows,
					    .options_count =
						    sizeof(rows) / sizeof(rows[0]) };

static struct vhost *v;
static struct laned_host *h;
static const struct laned_host_api *api;

/* What one side was told, in order: o(pened), letters of the data, d(rained), m(odem), c(losed). */
struct seen {
	char text[256];
	uint64_t last, close;
	int status;
	int64_t at_ms;
};
static struct seen seen;

static void
tell(struct seen *s, const char *text, size_t n, uint64_t conn)
{
	size_t used = strlen(s->text);

	ck_assert_uint_lt(used + n, sizeof(s->text));
	memcpy(s->text + used, text, n);
	s->text[used + n] = '\0';
	s->last = conn;
	s->at_ms = vhost_now(v);
	if (s->close == conn)
		api->conn_close(h, conn);
}

static void
on_opened(void *user, uint64_t conn)
{
	tell(user, "<", 1, conn);
}

static void
on_data(void *user, uint64_t conn, const uint8_t *data, size_t n)
{
	tell(user, (const char *)data, n, conn);
	tell(user, ".", 1, conn);
}

static void
on_drained(void *user, uint64_t conn)
{
	tell(user, "!", 1, conn);
}

static void
on_modem(void *user, uint64_t conn, uint32_t lines)
{
	tell(user, lines == LANED_MODEM_CTS ? "C" : "?", 1, conn);
}

static void
on_closed(void *user, uint64_t conn, int status)
{
	tell(user, ">", 1, conn);
	((struct seen *)user)->status = status;
}

static const struct laned_conn_events events = { .size = sizeof(events),
						 .opened = on_opened,
						 .data = on_data,
						 .drained = on_drained,
						 .modem = on_modem,
						 .closed = on_closed };

static void
setup(void)
{
	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(vhost_new(&table, 1, NULL, &v), 0);
	h = vhost_handle(v);
	api = vhost_api();
}

static void
run(int64_t ms)
{
	ck_assert(vhost_run(v, vhost_now(v) + ms, 1000));
}

static uint64_t
opened(const char *option)
{
	uint64_t conn = 0;

	ck_assert_int_eq(api->conn_open(h, option, &events, &seen, &conn), LANED_OK);
	return conn;
}

static int
send_text(uint64_t conn, const char *text)
{
	return api->conn_send(h, conn, (const uint8_t *)text, strlen(text));
}

START_TEST(bytes_come_when_and_as_they_are_fed)
{
	static const struct vhost_feed slow = { .delay_ms = 100,
						.piece = 2,
						.gap_ms = 10 };
	uint64_t conn;
	uint8_t buf[16];

	setup();
	conn = opened("peer");
	ck_assert_str_eq(seen.text, ""); /* never from inside the call */
	ck_assert_int_eq(send_text(conn, "early"), LANED_REFUSED);
	ck_assert_int_eq(vhost_conns_feed(v, conn, "abcde", 5, &slow), 0);
	ck_assert_int_eq(vhost_conns_feed(v, conn, "f", 1, NULL), 0); /* behind it */
	ck_assert_int_eq(vhost_conns_end(v, conn, 0, LANED_OK), 0);
	run(99);
	ck_assert_str_eq(seen.text, "<");
	run(11);
	ck_assert_str_eq(seen.text, "<ab.cd.");
	ck_assert_int_eq(send_text(conn, "answer"), LANED_OK);
	run(1000);
	ck_assert_str_eq(seen.text, "<ab.cd.e.f.>");
	ck_assert_int_eq(seen.at_ms, 1000 + 120);
	ck_assert_uint_eq(vhost_conns_count(v), 0);
	ck_assert_uint_eq(vhost_conns_take(v, conn, buf, sizeof(buf)), 6);
	ck_assert_mem_eq(buf, "answer", 6);
	ck_assert_int_eq(vhost_conns_feed(v, conn, "x", 1, NULL), -ENOENT);
	vhost_free(v);
}
END_TEST

START_TEST(peers_refuse_and_never_answer_as_they_are_told)
{
	setup();
	vhost_conns_answer(v, "peer", 50, LANED_GONE);
	(void)opened("peer");
	run(1000);
	ck_assert_str_eq(seen.text, ">");
	ck_assert_int_eq(seen.status, LANED_GONE);
	ck_assert_int_eq(seen.at_ms, 1050);
	vhost_conns_answer(v, "peer", VHOST_NEVER, LANED_OK);
	(void)opened("peer");
	run(1000000);
	ck_assert_str_eq(seen.text, ">");
	ck_assert_uint_eq(vhost_conns_opens(v), 2);
	vhost_free(v);
}
END_TEST

START_TEST(listeners_get_their_peers)
{
	uint64_t listener, conn, other = 0;
	struct vhost_conn c;

	setup();
	ck_assert_int_eq(vhost_conns_connect(v, "pos", 0, &conn), -ENOENT);
	ck_assert_int_eq(api->conn_listen(h, "pos", &events, &seen, &listener), LANED_OK);
	ck_assert_int_eq(api->conn_listen(h, "pos", &events, &seen, &other),
			 LANED_REFUSED);
	ck_assert(vhost_conns_listens(v, "pos") && !vhost_conns_listens(v, "peer"));
	ck_assert_int_eq(vhost_conns_connect(v, "pos", 5, &conn), 0);
	run(10);
	ck_assert_str_eq(seen.text, "<");
	ck_assert_uint_eq(seen.last, conn);
	ck_assert(vhost_conns_at(v, 0, &c) && c.accepted && c.open && c.id == conn);
	ck_assert_str_eq(c.option, "pos");
	ck_assert(!vhost_conns_at(v, 1, &c));
	ck_assert_uint_eq(vhost_conns_of(v, "pos"), conn);
	api->conn_close(h, listener);
	ck_assert_uint_eq(vhost_conns_listeners(v), 0);
	ck_assert_int_eq(send_text(conn, "still"), LANED_OK);
	vhost_free(v);
}
END_TEST

START_TEST(misuse_is_answered_as_by_the_real_host)
{
	uint64_t conn, x = 0;

	setup();
	ck_assert_int_eq(api->conn_open(h, "none", &events, &seen, &x), LANED_MISSING);
	ck_assert_int_eq(api->conn_open(h, "bad", &events, &seen, &x), LANED_INVALID);
	ck_assert_int_eq(api->conn_open(h, "key", &events, &seen, &x), LANED_MISSING);
	ck_assert_int_eq(api->conn_open(h, "peer", NULL, &seen, &x), LANED_INVALID);
	ck_assert_int_eq(send_text(99, "x"), LANED_INVALID);
	conn = opened("peer");
	run(1);
	api->conn_close(h, conn);
	ck_assert_int_eq(send_text(conn, "x"), LANED_GONE);
	api->conn_close(h, conn);
	ck_assert_uint_eq(vhost_conns_misuse(v), 3);
	for (unsigned i = 0; i < HOST_CONNS_MAX; i++)
		(void)opened("peer");
	ck_assert_int_eq(api->conn_open(h, "peer", &events, &seen, &x), LANED_AGAIN);
	ck_assert_int_eq(vhost_conns_feed(v, conn, "x", 1, NULL), -ENOENT);
	vhost_free(v);
}
END_TEST

START_TEST(nothing_comes_after_conn_close)
{
	uint64_t conn;

	setup();
	conn = opened("peer");
	seen.close = conn; /* in its first callback */
	ck_assert_int_eq(vhost_conns_feed(v, conn, "x", 1, NULL), 0);
	ck_assert_int_eq(vhost_conns_end(v, conn, 0, LANED_OK), 0);
	run(100);
	ck_assert_str_eq(seen.text, "<");
	vhost_free(v);
}
END_TEST

START_TEST(a_slow_line_says_when_there_is_room)
{
	uint64_t conn;
	uint8_t buf[8];

	setup();
	conn = opened("peer");
	run(1);
	vhost_conns_window(v, conn, 8);
	ck_assert_int_eq(send_text(conn, "123456"), LANED_OK);
	ck_assert_int_eq(send_text(conn, "789"), LANED_AGAIN);
	ck_assert_uint_eq(vhost_conns_take(v, conn, buf, 1), 1);
	run(1);
	ck_assert_str_eq(seen.text, "<");
	ck_assert_uint_eq(vhost_conns_take(v, conn, buf, 3), 3);
	run(1);
	ck_assert_str_eq(seen.text, "<!");
	ck_assert_int_eq(send_text(conn, "789"), LANED_OK);
	ck_assert_uint_eq(vhost_conns_take(v, conn, buf, sizeof(buf)), 5);
	ck_assert_mem_eq(buf, "56789", 5);
	vhost_free(v);
}
END_TEST

START_TEST(feeds_have_a_shape_and_a_cut)
{
	static const struct vhost_feed bytes = { .piece = 1 };
	uint64_t conn;

	setup();
	conn = opened("peer");
	vhost_conns_shape(v, &bytes);
	vhost_conns_cut(v, 3);
	ck_assert_int_eq(vhost_conns_feed(v, conn, "ab", 2, NULL), 0);
	ck_assert_int_eq(vhost_conns_feed(v, conn, "cde", 3, NULL), 0);
	run(10);
	ck_assert_str_eq(seen.text, "<a.b.c.>");
	vhost_free(v);
}
END_TEST

START_TEST(serial_lines_have_signals)
{
	uint64_t conn, tcp;

	setup();
	conn = opened("line");
	tcp = opened("peer");
	run(1);
	ck_assert_int_eq(api->conn_modem(h, tcp, LANED_MODEM_DTR, 0), LANED_UNSUPPORTED);
	ck_assert_int_eq(api->conn_modem(h, conn, LANED_MODEM_CTS, 0), LANED_INVALID);
	ck_assert_int_eq(api->conn_modem(h, conn, LANED_MODEM_DTR | LANED_MODEM_RTS,
					 LANED_MODEM_RTS),
			 LANED_OK);
	ck_assert_uint_eq(vhost_conns_lines_set(v, conn), LANED_MODEM_RTS);
	ck_assert_int_eq(vhost_conns_lines(v, conn, LANED_MODEM_CTS), 0);
	run(1);
	ck_assert_str_eq(seen.text, "<<C");
	vhost_free(v);
}
END_TEST

START_TEST(secrets_are_as_they_were_set)
{
	uint8_t buf[32];
	size_t n = sizeof(buf);

	setup();
	ck_assert_int_eq(api->secret(h, "key", buf, &n), LANED_OK);
	ck_assert_uint_eq(n, 16);
	ck_assert_int_eq(vhost_set_secret(v, "key", "abc", 3), 0);
	n = 2;
	ck_assert_int_eq(api->secret(h, "key", buf, &n), LANED_TOO_LARGE);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(api->secret(h, "key", buf, &n), LANED_OK);
	ck_assert_mem_eq(buf, "abc", 3);
	ck_assert_int_eq(vhost_set_secret(v, "key", NULL, 0), 0);
	ck_assert_int_eq(api->secret(h, "key", buf, &n), LANED_MISSING);
	ck_assert_int_eq(api->secret(h, "peer", buf, &n), LANED_MISSING);
	ck_assert_int_eq(api->secret(h, NULL, buf, &n), LANED_INVALID);
	vhost_free(v);
}
END_TEST

static void
parked(void *ctx, uint64_t conn, enum vhost_conn_event event, const uint8_t *data,
       size_t n)
{
	if (event == VHOST_CONN_DATA)
		tell(ctx, (const char *)data, n, conn);
	else
		tell(ctx, event == VHOST_CONN_OPENED ? "{" : "}", 1, conn);
}

START_TEST(a_parked_connection_is_somebody_elses)
{
	struct seen other = { .text = "" };
	uint8_t buf[8];
	uint64_t conn;

	setup();
	conn = opened("peer");
	run(1);
	ck_assert_int_eq(vhost_conns_park(v, conn, parked, &other), 0);
	ck_assert_int_eq(vhost_conns_feed(v, conn, "ab", 2, NULL), 0);
	ck_assert_int_eq(send_text(conn, "x"), LANED_GONE);
	ck_assert_int_eq(vhost_conns_put(v, conn, "y", 1), 0);
	run(1);
	ck_assert_str_eq(other.text, "ab");
	ck_assert_uint_eq(vhost_conns_take(v, conn, buf, sizeof(buf)), 1);
	ck_assert_int_eq(vhost_conns_feed(v, conn, "d", 1, NULL), 0);
	ck_assert_int_eq(vhost_conns_unread(v, conn, "b", 1), 0);
	ck_assert_int_eq(vhost_conns_unread(v, conn, "c", 1), 0);
	ck_assert_int_eq(vhost_conns_park(v, conn, NULL, NULL), 0);
	run(1);
	ck_assert_str_eq(seen.text, "<b.c.d.");
	vhost_conns_drop(v, conn);
	run(10);
	ck_assert_str_eq(seen.text, "<b.c.d.");
	ck_assert_int_eq(vhost_conns_park(v, conn, NULL, NULL), -ENOENT);
	vhost_free(v);
}
END_TEST

UNIT_MAIN("vhost_conns", bytes_come_when_and_as_they_are_fed,
	  peers_refuse_and_never_answer_as_they_are_told, listeners_get_their_peers,
	  misuse_is_answered_as_by_the_real_host, nothing_comes_after_conn_close,
	  a_slow_line_says_when_there_is_room, feeds_have_a_shape_and_a_cut,
	  serial_lines_have_signals, secrets_are_as_they_were_set,
	  a_parked_connection_is_somebody_elses)
