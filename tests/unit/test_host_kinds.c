/*
 * Each kind of connection that a plug-in may have, through the host: TCP with a list of who may connect,
 * TLS by credentials, a serial line with its modem lines and a break. The lines are played by a wrapper of
 * ioctl (see the Makefile), for a pseudo terminal has none.
 */
#include "unit.h"

#include "adapter/host_conns.h"
#include "base/tls.h"
#include "port_kit.h"
#include "tempdir.h"
#include "unit/cert_kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define ROUNDS_MAX 20000

struct seen {
	unsigned opened, closed, modem;
	int status;
	uint64_t last;
	uint32_t lines;
	char data[256];
	unsigned bytes;
};

static struct loop *loop;
static struct streams *streams;
static struct host_conns *conns;
static struct seen client, server;
static char dir[TEMPDIR_BYTES], link_path[96];
static char texts[2][256]; /* of the options "a0" and "a1" */

/* ---- a port's lines ---------------------------------------------------------------------- */

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, ...);

static struct port_kit port_lines;

int
__wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return port_kit_ioctl(&port_lines, request, arg) ? 0
							 : __real_ioctl(fd, request, arg);
}

/* ---- the plug-in ------------------------------------------------------------------------- */

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
	ck_assert_uint_lt(n, sizeof(s->data) - s->bytes);
	memcpy(s->data + s->bytes, data, n);
	s->bytes += (unsigned)n;
}

static void
on_modem(void *user, uint64_t conn, uint32_t now)
{
	struct seen *s = user;

	s->last = conn;
	s->modem++;
	s->lines = now;
}

static void
on_closed(void *user, uint64_t conn, int status)
{
	struct seen *s = user;

	s->closed++;
	s->last = conn;
	s->status = status;
}

static const struct laned_conn_events events = { .size = sizeof(events),
						 .opened = on_opened,
						 .data = on_data,
						 .modem = on_modem,
						 .closed = on_closed };

static int
address_of(void *ctx, const char *option, struct str *ret_text)
{
	(void)ctx;
	if (strcmp(option, "a0") != 0 && strcmp(option, "a1") != 0)
		return -ENOENT;
	*ret_text = str_of(texts[option[1] - '0']);
	return 0;
}

static bool
reached(const unsigned *what, unsigned n)
{
	for (int i = 0; i < ROUNDS_MAX && *what < n; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	return *what >= n;
}

static void
setup(void)
{
	struct host_conns_options o = { .address = address_of, .name = "test" };

	memset(&client, 0, sizeof(client));
	memset(&server, 0, sizeof(server));
	port_lines = (struct port_kit){ .has_lines = false };
	tempdir_make(dir);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(streams_new(loop, dir, &streams), 0);
	o.loop = loop;
	o.streams = streams;
	ck_assert_int_eq(host_conns_new(&o, &conns), 0);
}

static void
teardown(void)
{
	host_conns_free(conns);
	streams_free(streams);
	loop_free(loop);
	tempdir_remove(dir);
}

/* A port of this machine that nobody has. */
static unsigned
free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, n), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	(void)close(fd); /* it is free again */
	return ntohs(a.sin_port);
}

static int
send_text(uint64_t conn, const char *text)
{
	return host_conns_send(conns, conn, (const uint8_t *)text, strlen(text));
}

/* ---- TCP --------------------------------------------------------------------------------- */

static const struct {
	const char *allow;
	bool taken;
} lists[] = {
	{ "", true }, /* this machine may, where nobody is named */
	{ "?allow=127.0.0.0/8", true },
	{ "?allow=10.9.8.0/24+127.0.0.1", true },
	{ "?allow=10.9.8.0/24", false },
	{ "?allow=127.0.0.2", false },
};

START_TEST(only_who_is_on_the_list_may_connect)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		unsigned port = free_port();
		uint64_t listener, conn;

		setup();
		(void)snprintf(texts[0], sizeof(texts[0]), "tcp://127.0.0.1:%u%s", port,
			       lists[i].allow);
		(void)snprintf(texts[1], sizeof(texts[1]), "tcp://127.0.0.1:%u", port);
		ck_assert_int_eq(
			host_conns_listen(conns, "a0", &events, &server, &listener),
			LANED_OK);
		ck_assert_int_eq(host_conns_open(conns, "a1", &events, &client, &conn),
				 LANED_OK);
		if (lists[i].taken) {
			ck_assert(reached(&server.opened, 1));
			ck_assert_uint_eq(host_conns_refused(conns), 0);
		} else {
			ck_assert(reached(&client.closed, 1));
			ck_assert_uint_eq(server.opened, 0);
			ck_assert_uint_eq(host_conns_refused(conns), 1);
		}
		teardown();
	}
}
END_TEST

/* ---- TLS --------------------------------------------------------------------------------- */

static void
credentials(void)
{
	static const char *const keys[] = { "good.key", "foreign.key", "lane.key" };

	cert_kit_make(dir);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ck_assert_int_eq(chmod(tempdir_path(dir, keys[i]), 0400), 0);
}

START_TEST(tls_shows_the_peer_s_name_before_a_byte_flows)
{
	for (int foreign = 0; foreign < 2; foreign++) {
		unsigned port = free_port();
		uint64_t listener, conn;

		setup();
		credentials();
		(void)snprintf(texts[0], sizeof(texts[0]),
			       "tls://127.0.0.1:%u?cert=%s.crt&key=%s.key&clients=any",
			       port, foreign ? "foreign" : "good",
			       foreign ? "foreign" : "good");
		(void)snprintf(texts[1], sizeof(texts[1]), "tls://127.0.0.1:%u?ca=ca",
			       port);
		ck_assert_int_eq(
			host_conns_listen(conns, "a0", &events, &server, &listener),
			LANED_OK);
		ck_assert_int_eq(host_conns_open(conns, "a1", &events, &client, &conn),
				 LANED_OK);
		if (foreign) {
			ck_assert(reached(&client.closed, 1));
			ck_assert_uint_eq(client.opened, 0);
			ck_assert_int_ne(client.status, LANED_OK);
			ck_assert_uint_eq(server.bytes, 0);
		} else {
			ck_assert(reached(&client.opened, 1) &&
				  reached(&server.opened, 1));
			ck_assert_int_eq(send_text(conn, "secret"), LANED_OK);
			ck_assert(reached(&server.bytes, 6));
			ck_assert_mem_eq(server.data, "secret", 6);
			ck_assert_int_eq(
				host_conns_modem(conns, conn, LANED_MODEM_DTR, 0),
				LANED_UNSUPPORTED);
		}
		teardown();
	}
}
END_TEST

/* ---- serial ------------------------------------------------------------------------------ */

/* Below /dev, as an address wants it. */
static int
plug_in(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[64];

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	ck_assert_int_eq(ptsname_r(master, name, sizeof(name)), 0);
	(void)snprintf(link_path, sizeof(link_path), "%s", name);
	(void)snprintf(texts[0], sizeof(texts[0]), "serial://%s?9600,8N1", link_path);
	return master;
}

START_TEST(a_serial_line_has_bytes_lines_and_a_break)
{
	uint64_t conn;
	char buf[8] = "";
	int master;

	setup();
	master = plug_in();
	port_lines.has_lines = true;
	port_lines.lines = TIOCM_CTS;
	ck_assert_int_eq(host_conns_open(conns, "a0", &events, &client, &conn), LANED_OK);
	ck_assert(reached(&client.opened, 1) && reached(&client.modem, 1));
	ck_assert_uint_eq(client.lines & (LANED_MODEM_CTS | LANED_MODEM_DSR),
			  LANED_MODEM_CTS);
	ck_assert_int_eq(write(master, "\x02 in", 4), 4);
	ck_assert(reached(&client.bytes, 4));
	ck_assert_mem_eq(client.data, "\x02 in", 4);
	ck_assert_int_eq(send_text(conn, "out"), LANED_OK);
	ck_assert_int_eq(read(master, buf, sizeof(buf)), 3);
	ck_assert_str_eq(buf, "out");
	/* The peer's lines are told, ours are set. */
	port_lines.lines = (port_lines.lines & ~TIOCM_CTS) | TIOCM_DSR | TIOCM_CAR;
	ck_assert(reached(&client.modem, 2));
	ck_assert_uint_eq(client.lines &
				  (LANED_MODEM_CTS | LANED_MODEM_DSR | LANED_MODEM_DCD),
			  LANED_MODEM_DSR | LANED_MODEM_DCD);
	ck_assert_int_eq(host_conns_modem(conns, conn, LANED_MODEM_DTR | LANED_MODEM_RTS,
					  LANED_MODEM_RTS),
			 LANED_OK);
	ck_assert_int_eq(port_lines.lines & (TIOCM_DTR | TIOCM_RTS), TIOCM_RTS);
	ck_assert_int_eq(host_conns_modem(conns, conn, LANED_MODEM_CTS, LANED_MODEM_CTS),
			 LANED_INVALID);
	ck_assert_int_eq(
		host_conns_modem(conns, conn, LANED_MODEM_BREAK, LANED_MODEM_BREAK),
		LANED_OK);
	ck_assert(port_lines.broken);
	for (int i = 0; i < ROUNDS_MAX && port_lines.broken; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	ck_assert(!port_lines.broken);
	ck_assert_int_eq(close(master), 0);
	ck_assert(reached(&client.closed, 1));
	teardown();
}
END_TEST

UNIT_MAIN("host_kinds", only_who_is_on_the_list_may_connect,
	  tls_shows_the_peer_s_name_before_a_byte_flows,
	  a_serial_line_has_bytes_lines_and_a_break)
