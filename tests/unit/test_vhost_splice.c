/* splice and tunnel in virtual time: the same bytes in every cut, and the connections come back. */
#include "adapter/vhost_conns.h"
#include "adapter/vhost_splice.h"
#include "unit.h"

static const struct laned_option no_options[1];

/* What the plug-in of these tests has seen. */
struct seen {
	uint64_t pos, terminal;
	uint8_t data[4096];
	size_t n;
	int done, closed;
	unsigned dones;
};

static struct seen seen;
static struct vhost *v;
static const struct laned_host_api *api;

static void
opened(void *user, uint64_t conn)
{
	*(uint64_t *)user = conn;
}

static void
data(void *user, uint64_t conn, const uint8_t *bytes, size_t n)
{
	(void)user;
	(void)conn;
	ck_assert_uint_le(seen.n + n, sizeof(seen.data));
	memcpy(seen.data + seen.n, bytes, n);
	seen.n += n;
}

static void
closed(void *user, uint64_t conn, int status)
{
	(void)user;
	(void)conn;
	(void)status;
	seen.closed++;
}

static void
done(void *user, int status)
{
	(void)user;
	seen.done = status;
	seen.dones++;
}

static int
no_create(struct laned_host *h, const struct laned_host_api *a, void **ret_instance)
{
	(void)h;
	(void)a;
	(void)ret_instance;
	return LANED_UNSUPPORTED;
}

static const struct laned_adapter table = { .size = sizeof(table),
					    .abi_major = LANED_ABI_MAJOR,
					    .name = "none",
					    .options = no_options,
					    .create = no_create };

static void
set_up(enum framing framing)
{
	static const struct laned_conn_events events = {
		.size = sizeof(events), .opened = opened, .data = data, .closed = closed
	};
	uint64_t listener, conn;

	memset(&seen, 0, sizeof(seen));
	seen.done = 1;
	ck_assert_int_eq(vhost_new(&table, 1, NULL, &v), 0);
	api = vhost_api();
	vhost_set_framing(v, framing);
	ck_assert_int_eq(
		api->conn_listen(vhost_handle(v), "pos", &events, &seen.pos, &listener),
		LANED_OK);
	ck_assert_int_eq(api->conn_open(vhost_handle(v), "terminal", &events,
					&seen.terminal, &conn),
			 LANED_OK);
	ck_assert_int_eq(vhost_conns_connect(v, "pos", 0, &conn), 0);
	ck_assert(vhost_run(v, vhost_now(v) + 10, 1000));
	ck_assert(seen.pos != 0 && seen.terminal != 0);
}

static void
tear_down(void)
{
	vhost_free(v);
	v = NULL;
}

/* Feeds the connection; what then lies at the other one must be the same. */
static void
flows(uint64_t from, uint64_t to, const uint8_t *bytes, size_t n, size_t piece)
{
	const struct vhost_feed how = { .delay_ms = 1, .piece = piece, .gap_ms = 1 };
	uint8_t got[4096];

	ck_assert_int_eq(vhost_conns_feed(v, from, bytes, n, &how), 0);
	ck_assert(vhost_run(v, vhost_now(v) + 5000, 10000));
	ck_assert_uint_eq(vhost_conns_take(v, to, got, sizeof(got)), n);
	ck_assert_mem_eq(got, bytes, n);
}

static int
tunnel(uint64_t a, uint64_t b, const uint8_t *first, size_t n)
{
	const struct laned_tunnel t = {
		.size = sizeof(t), .a = a, .b = b, .first = first, .n = n, .done = done
	};

	return api->tunnel(vhost_handle(v), &t);
}

static const uint8_t request[] = { 0, 0, 0, 3, 'p', 'a', 'y' };
static const uint8_t answer[] = { 0, 0, 0, 2, 'o', 'k' };

START_TEST(a_splice_is_for_good)
{
	uint8_t got[16];

	for (size_t piece = 1; piece < 8; piece++) {
		set_up(FRAMING_LENGTH4);
		ck_assert_int_eq(api->splice(vhost_handle(v), seen.pos, seen.terminal,
					     request, sizeof(request)),
				 LANED_OK);
		ck_assert_uint_eq(vhost_conns_take(v, seen.terminal, got, sizeof(got)),
				  sizeof(request));
		ck_assert_int_eq(api->conn_send(vhost_handle(v), seen.pos, got, 1),
				 LANED_GONE);
		for (int i = 0; i < 3; i++) {
			flows(seen.terminal, seen.pos, answer, sizeof(answer), piece);
			flows(seen.pos, seen.terminal, request, sizeof(request), piece);
		}
		ck_assert_uint_eq(vhost_splices(v), 1);
		ck_assert_int_eq(vhost_conns_end(v, seen.pos, 0, LANED_GONE), 0);
		ck_assert(vhost_run(v, vhost_now(v) + 10, 100));
		ck_assert_uint_eq(vhost_splices(v), 0);
		ck_assert_uint_eq(vhost_conns_count(v), 0);
		ck_assert_int_eq(seen.closed, 0);
		ck_assert_uint_eq(seen.n, 0);
		tear_down();
	}
}
END_TEST

START_TEST(a_tunnel_ends_with_the_transaction)
{
	for (size_t piece = 1; piece < 8; piece++) {
		set_up(FRAMING_LENGTH4);
		for (int i = 0; i < 2; i++) {
			uint8_t got[16];

			ck_assert_int_eq(
				tunnel(seen.pos, seen.terminal, request, sizeof(request)),
				LANED_OK);
			ck_assert_uint_eq(
				vhost_conns_take(v, seen.terminal, got, sizeof(got)),
				sizeof(request));
			flows(seen.terminal, seen.pos, answer, sizeof(answer), piece);
			ck_assert_uint_eq(seen.dones, (unsigned)i + 1);
			ck_assert_int_eq(seen.done, LANED_OK);
			ck_assert_uint_eq(vhost_splices(v), 0);
		}
		/* Both are the plug-in's again. */
		ck_assert_int_eq(
			vhost_conns_feed(v, seen.pos, request, sizeof(request), NULL), 0);
		ck_assert(vhost_run(v, vhost_now(v) + 10, 100));
		ck_assert_uint_eq(seen.n, sizeof(request));
		tear_down();
	}
}
END_TEST

START_TEST(what_follows_the_end_is_the_plug_ins)
{
	uint8_t both[sizeof(answer) + 3], got[32];

	set_up(FRAMING_LENGTH4);
	memcpy(both, answer, sizeof(answer));
	memcpy(both + sizeof(answer), "abc", 3);
	ck_assert_int_eq(tunnel(seen.pos, seen.terminal, request, sizeof(request)),
			 LANED_OK);
	ck_assert_int_eq(vhost_conns_feed(v, seen.terminal, both, sizeof(both), NULL), 0);
	ck_assert(vhost_run(v, vhost_now(v) + 10, 100));
	ck_assert_uint_eq(vhost_conns_take(v, seen.pos, got, sizeof(got)),
			  sizeof(answer));
	ck_assert_uint_eq(seen.n, 3);
	ck_assert_mem_eq(seen.data, "abc", 3);
	tear_down();
}
END_TEST

START_TEST(an_end_in_the_middle_closes_both_and_says_so)
{
	set_up(FRAMING_LENGTH4);
	ck_assert_int_eq(tunnel(seen.pos, seen.terminal, request, sizeof(request)),
			 LANED_OK);
	ck_assert_int_eq(vhost_conns_end(v, seen.terminal, 0, LANED_GONE), 0);
	ck_assert(vhost_run(v, vhost_now(v) + 10, 100));
	ck_assert_uint_eq(seen.dones, 1);
	ck_assert_int_eq(seen.done, LANED_GONE);
	ck_assert_int_eq(seen.closed, 0);
	ck_assert_uint_eq(vhost_conns_count(v), 0);
	tear_down();
}
END_TEST

START_TEST(misuse_is_refused_and_changes_nothing)
{
	struct laned_tunnel undone = { .size = sizeof(undone) };
	struct laned_host *h;

	set_up(FRAMING_CONNECTION);
	undone.a = seen.pos;
	undone.b = seen.terminal;
	h = vhost_handle(v);
	ck_assert_int_eq(tunnel(seen.pos, seen.terminal, NULL, 0), LANED_UNSUPPORTED);
	vhost_set_framing(v, FRAMING_LENGTH4);
	ck_assert_int_eq(api->tunnel(h, &undone), LANED_INVALID);
	ck_assert_int_eq(api->tunnel(h, NULL), LANED_INVALID);
	ck_assert_int_eq(api->splice(h, seen.pos, seen.pos, NULL, 0), LANED_INVALID);
	ck_assert_int_eq(api->splice(h, seen.pos, seen.terminal, NULL, 1), LANED_INVALID);
	ck_assert_int_eq(api->splice(h, seen.pos, 999, NULL, 0), LANED_GONE);
	ck_assert_int_eq(api->splice(h, seen.pos, seen.terminal, NULL, 0), LANED_OK);
	ck_assert_int_eq(api->splice(h, seen.pos, seen.terminal, NULL, 0), LANED_GONE);
	ck_assert_uint_eq(vhost_splices(v), 1);
	tear_down();
}
END_TEST

/* What lies on the way to a reader that is slow. */
static size_t
on_the_way(uint64_t conn)
{
	struct vhost_conn c;

	for (size_t i = 0; vhost_conns_at(v, i, &c); i++)
		if (c.id == conn)
			return c.sent;
	return 0;
}

/* With this window, fed and taken in these pieces. */
static void
hold_back(size_t window, size_t fed, size_t taken)
{
	const struct vhost_feed how = { .piece = fed, .gap_ms = 1 };
	uint8_t sent[900] = { 0, 0, 3, 128 }, got[900];
	size_t n = 0, most = 0;

	for (size_t i = 4; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7);
	set_up(FRAMING_LENGTH4);
	vhost_conns_window(v, seen.terminal, window);
	vhost_conns_window(v, seen.pos, window);
	ck_assert_int_eq(tunnel(seen.pos, seen.terminal, request, sizeof(request)),
			 LANED_OK);
	ck_assert_uint_eq(vhost_conns_take(v, seen.terminal, got, sizeof(got)),
			  sizeof(request));
	ck_assert_int_eq(vhost_conns_feed(v, seen.terminal, sent, sizeof(sent), &how), 0);
	for (int turn = 0; turn < 2000 && n < sizeof(sent); turn++) {
		size_t rest = sizeof(sent) - n;

		ck_assert(vhost_run(v, vhost_now(v) + 5, 1000));
		most = on_the_way(seen.pos) > most ? on_the_way(seen.pos) : most;
		n += vhost_conns_take(v, seen.pos, got + n, rest < taken ? rest : taken);
	}
	ck_assert_uint_eq(n, sizeof(sent));
	ck_assert_mem_eq(got, sent, n);
	ck_assert_uint_le(most, window + fed);
	ck_assert(vhost_run(v, vhost_now(v) + 5, 1000));
	/* An end that comes while a line takes no more is passed over, and the next one counts. */
	if (seen.dones == 0) {
		flows(seen.pos, seen.terminal, request, sizeof(request), 0);
		flows(seen.terminal, seen.pos, answer, sizeof(answer), 0);
	}
	ck_assert_uint_eq(seen.dones, 1);
	ck_assert_int_eq(seen.done, LANED_OK);
	ck_assert_uint_eq(seen.n, 0);
	tear_down();
}

START_TEST(a_slow_reader_holds_the_other_side_back)
{
	hold_back(16, 7, 5);
	hold_back(64, 200, 3);
	hold_back(1, 1, 1);
	hold_back(100, 99, 100);
	hold_back(16, sizeof(seen.data), 1);
}
END_TEST

UNIT_MAIN("vhost_splice", a_splice_is_for_good, a_tunnel_ends_with_the_transaction,
	  what_follows_the_end_is_the_plug_ins,
	  an_end_in_the_middle_closes_both_and_says_so,
	  a_slow_reader_holds_the_other_side_back, misuse_is_refused_and_changes_nothing)
