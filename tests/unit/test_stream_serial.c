/*
 * Serial lines, on pseudo terminals. What a pty lacks of a port, modem lines and breaks, is played by
 * wrappers of ioctl and read (see the Makefile).
 */
#include "unit.h"

#include "base/stream.h"
#include "port_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ROUNDS_MAX 20000
#define LINK_BYTES 96u

static struct loop *loop;
static struct streams *streams;
static struct stream_listener *listener;
static struct stream *port;
static unsigned opened, closed, modem;
static int closed_err;
static uint8_t data_in[4096];
static size_t bytes_in;
static char
	link_path[LINK_BYTES]; /* below /dev, to a pty: as a USB device comes and goes */

/* ---- a port's lines ---------------------------------------------------------------------- */

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, ...);
ssize_t __real_read(int fd, void *buf, size_t n);
ssize_t __wrap_read(int fd, void *buf, size_t n);

static struct port_kit port_lines;
static const uint8_t *marked; /* what the next read gives, as PARMRK makes it */
static size_t marked_bytes;

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

ssize_t
__wrap_read(int fd, void *buf, size_t n)
{
	ssize_t got = __real_read(fd, buf, n);

	if (got <= 0 || marked == NULL)
		return got;
	ck_assert_uint_le(marked_bytes, n);
	memcpy(buf, marked, marked_bytes);
	marked = NULL;
	return (ssize_t)marked_bytes;
}

/* ------------------------------------------------------------------------------------------ */

static unsigned lines_told; /* the last word of modem */
static char order[16];      /* d(ata), b(reak) */

static void
on_opened(void *ctx)
{
	(void)ctx;
	opened++;
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	(void)ctx;
	if (strlen(order) + 1 < sizeof(order))
		order[strlen(order)] = 'd';
	ck_assert_uint_le(n, sizeof(data_in) - bytes_in);
	memcpy(data_in + bytes_in, data, n);
	bytes_in += n;
}

static void
on_modem(void *ctx, unsigned now)
{
	(void)ctx;
	lines_told = now;
	modem++;
	if ((now & STREAM_BREAK) != 0 && strlen(order) + 1 < sizeof(order))
		order[strlen(order)] = 'b';
}

static void
on_closed(void *ctx, int err)
{
	(void)ctx;
	closed++;
	closed_err = err;
	port = stream_free(port);
}

static const struct stream_events events = {
	.opened = on_opened, .data = on_data, .modem = on_modem, .closed = on_closed
};

static void
on_accepted(void *ctx, struct stream *s)
{
	(void)ctx;
	ck_assert_ptr_null(port);
	port = s;
	stream_set_events(s, &events, NULL);
}

static bool
reached(const unsigned *what, unsigned n)
{
	for (int i = 0; i < ROUNDS_MAX && *what < n; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	return *what >= n;
}

static bool
arrived(size_t n)
{
	for (int i = 0; i < ROUNDS_MAX && bytes_in < n; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	return bytes_in == n;
}

/* A new pty: its master, raw, and the link leads to its other side. */
static int
plug_in(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[64];

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	ck_assert_int_eq(ptsname_r(master, name, sizeof(name)), 0);
	(void)unlink(link_path); /* the one before */
	ck_assert_int_eq(symlink(name, link_path), 0);
	return master;
}

static struct address
address(const char *parameters)
{
	char text[LINK_BYTES + 64], why[ADDRESS_WHY_BYTES];
	struct address a;

	(void)snprintf(text, sizeof(text), "serial://%s%s", link_path, parameters);
	ck_assert_msg(address_parse(str_of(text), &a, why) == 0, "%s", why);
	return a;
}

static void
open_port(const char *parameters)
{
	struct address a = address(parameters);

	ck_assert_int_eq(stream_open(streams, &a, &events, NULL, &port, NULL), 0);
}

static void
setup(void)
{
	opened = closed = modem = 0;
	bytes_in = 0;
	memset(order, 0, sizeof(order));
	port_lines = (struct port_kit){ .has_lines = false };
	marked = NULL;
	port = NULL;
	listener = NULL;
	(void)snprintf(link_path, sizeof(link_path), "/dev/shm/laned-test-%d",
		       (int)getpid());
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(streams_new(loop, NULL, &streams), 0);
}

static void
teardown(void)
{
	stream_free(port);
	stream_listener_free(listener);
	streams_free(streams);
	loop_free(loop);
	(void)unlink(link_path); /* may be gone */
}

START_TEST(every_byte_goes_both_ways)
{
	uint8_t all[512], back[512];
	size_t got = 0;
	int master;

	setup();
	master = plug_in();
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(i < 256 ? i : 511 - i);
	open_port("?115200,8N1");
	ck_assert(reached(&opened, 1));
	ck_assert_int_eq(write(master, all, sizeof(all)), (ssize_t)sizeof(all));
	ck_assert(arrived(sizeof(all)));
	ck_assert_mem_eq(data_in, all, sizeof(all));
	ck_assert_int_eq(stream_send(port, all, sizeof(all)), 0);
	while (got < sizeof(back)) {
		ssize_t n = read(master, back + got, sizeof(back) - got);

		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
	ck_assert_mem_eq(back, all, sizeof(all));
	ck_assert_str_eq(stream_peer(port), link_path);
	ck_assert_uint_eq(modem, 0);
	ck_assert_int_eq(close(master), 0);
	teardown();
}
END_TEST

START_TEST(the_address_sets_the_line_up)
{
	struct termios t;
	int master, fd;

	setup();
	master = plug_in();
	open_port("?2400,7E2,rtscts");
	ck_assert(reached(&opened, 1));
	fd = master; /* termios of a pty are those of its other side */
	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B2400);
	ck_assert_uint_eq(t.c_cflag & (CSTOPB | CREAD | CLOCAL), CSTOPB | CREAD | CLOCAL);
	ck_assert_uint_eq(t.c_lflag & (ICANON | ECHO | ISIG), 0);
	ck_assert_int_eq(close(master), 0);
	teardown();
}
END_TEST

START_TEST(a_line_has_one_owner)
{
	struct stream *first;
	int master;

	setup();
	master = plug_in();
	open_port("");
	ck_assert(reached(&opened, 1));
	first = port;
	open_port("");
	ck_assert(reached(&closed, 1));
	ck_assert_int_eq(closed_err, -EBUSY);
	stream_free(first);
	open_port("");
	ck_assert(reached(&opened, 2));
	ck_assert_int_eq(close(master), 0);
	teardown();
}
END_TEST

START_TEST(what_is_no_serial_line_is_refused)
{
	setup();
	ck_assert_int_eq(symlink("/dev/null", link_path), 0);
	open_port("");
	ck_assert(reached(&closed, 1));
	ck_assert_int_eq(closed_err, -ENOTTY);
	ck_assert_int_eq(unlink(link_path), 0);
	open_port("");
	ck_assert(reached(&closed, 2));
	ck_assert_int_eq(closed_err, -ENOENT);
	teardown();
}
END_TEST

START_TEST(lines_that_a_port_lacks_are_errors)
{
	int master;

	setup();
	master = plug_in();
	open_port("");
	ck_assert_int_eq(stream_modem(port, STREAM_DTR, STREAM_DTR), -ENOTCONN);
	ck_assert(reached(&opened, 1));
	ck_assert_int_eq(stream_modem(port, STREAM_CTS, STREAM_CTS), -EINVAL);
	ck_assert_int_lt(stream_modem(port, STREAM_DTR, STREAM_DTR), 0);
	ck_assert_int_lt(stream_modem(port, STREAM_RTS, 0), 0);
	ck_assert_int_eq(stream_modem(port, 0, 0), 0);
	ck_assert_int_eq(close(master), 0);
	teardown();
}
END_TEST

START_TEST(a_listener_takes_the_line_when_it_comes_and_comes_back)
{
	struct address a;
	struct stream_listen_options o = {
		.address = &a, .fd = -1, .peers_max = 1, .accepted = on_accepted
	};
	int master;

	setup();
	a = address("?9600");
	ck_assert_int_eq(stream_listen(streams, &o, &listener, NULL), 0);
	ck_assert_int_eq(loop_once(loop, 1000), 0);
	ck_assert_uint_eq(opened, 0);
	for (unsigned i = 1; i <= 2; i++) {
		master = plug_in();
		ck_assert(reached(&opened, i));
		ck_assert_int_eq(write(master, "x", 1), 1);
		ck_assert(arrived(i));
		ck_assert_int_eq(close(master), 0);
		ck_assert(reached(&closed, i));
		ck_assert_int_eq(closed_err, -ENODEV);
		ck_assert_int_eq(unlink(link_path), 0);
	}
	teardown();
}
END_TEST

START_TEST(close_waits_until_the_port_is_empty)
{
	char buf[8] = "";
	int master;

	setup();
	master = plug_in();
	open_port("");
	ck_assert(reached(&opened, 1));
	ck_assert_int_eq(stream_send(port, (const uint8_t *)"last", 4), 0);
	stream_close(port);
	port = NULL;
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_int_eq(read(master, buf, sizeof(buf)), 4);
	ck_assert_str_eq(buf, "last");
	/* Then it is let go: somebody else may have it. */
	for (int i = 0; i < ROUNDS_MAX && opened < 2; i++) {
		if (port == NULL)
			open_port("");
		ck_assert_int_eq(loop_once(loop, 50), 0);
	}
	ck_assert_uint_eq(opened, 2);
	ck_assert_int_eq(close(master), 0);
	teardown();
}
END_TEST

START_TEST(lines_are_told_when_they_change)
{
	int master;

	setup();
	master = plug_in();
	port_lines.has_lines = true;
	port_lines.lines = TIOCM_CTS | TIOCM_DTR;
	open_port("");
	ck_assert(reached(&modem, 1));
	ck_assert_uint_eq(opened, 1);
	ck_assert_uint_eq(lines_told, STREAM_CTS | STREAM_DTR);
	port_lines.lines = TIOCM_DSR | TIOCM_CAR | TIOCM_DTR;
	ck_assert(reached(&modem, 2));
	ck_assert_uint_eq(lines_told, STREAM_DSR | STREAM_DCD | STREAM_DTR);
	/* Those that go out are ours: no news. */
	ck_assert_int_eq(stream_modem(port, STREAM_DTR | STREAM_RTS, STREAM_RTS), 0);
	ck_assert_int_eq(port_lines.lines, TIOCM_DSR | TIOCM_CAR | TIOCM_RTS);
	port_lines.lines |= TIOCM_CTS;
	ck_assert(reached(&modem, 3));
	ck_assert_uint_eq(lines_told, STREAM_DSR | STREAM_DCD | STREAM_CTS | STREAM_RTS);
	ck_assert_int_eq(close(master), 0);
	teardown();
}
END_TEST

START_TEST(a_break_is_sent_and_ends)
{
	int master;

	setup();
	master = plug_in();
	port_lines.has_lines = true;
	open_port("");
	ck_assert(reached(&opened, 1));
	ck_assert_int_eq(stream_modem(port, STREAM_BREAK, STREAM_BREAK), 0);
	ck_assert_int_eq(stream_modem(port, STREAM_BREAK, STREAM_BREAK),
			 0); /* it lasts */
	ck_assert(port_lines.broken);
	for (int i = 0; i < ROUNDS_MAX && port_lines.broken; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
	ck_assert_int_eq(port_lines.breaks_begun, 1);
	/* One that is closed meanwhile does not leave the line broken. */
	ck_assert_int_eq(stream_modem(port, STREAM_BREAK, STREAM_BREAK), 0);
	port = stream_free(port);
	ck_assert(!port_lines.broken);
	ck_assert_int_eq(port_lines.breaks_ended, 2);
	ck_assert_int_eq(close(master), 0);
	teardown();
}
END_TEST

START_TEST(breaks_and_bytes_come_in_their_order)
{
	/* "a", 0xff, a break, "b", a byte of a wrong parity, and half a mark ... */
	static const uint8_t first[] = { 'a', 0xff, 0xff, 0xff, 0,   0,
					 'b', 0xff, 0,    'c',  0xff };
	/* ... whose other half comes later. */
	static const uint8_t second[] = { 0, 0, 'd' };
	int master;

	setup();
	master = plug_in();
	open_port("");
	ck_assert(reached(&opened, 1));
	marked = first;
	marked_bytes = sizeof(first);
	ck_assert_int_eq(write(master, "x", 1), 1);
	ck_assert(arrived(4));
	marked = second;
	marked_bytes = sizeof(second);
	ck_assert_int_eq(write(master, "x", 1), 1);
	ck_assert(arrived(5));
	ck_assert_mem_eq(data_in,
			 "a\xff"
			 "bcd",
			 5);
	ck_assert_str_eq(order, "dbdbd");
	ck_assert_int_eq(close(master), 0);
	teardown();
}
END_TEST

static unsigned taken_by_pausing;

static void
takes_and_pauses(void *ctx, const uint8_t *data, size_t n)
{
	taken_by_pausing++;
	on_data(ctx, data, n);
	stream_pause(port, true);
}

/* One reading brings all of it. */
START_TEST(who_pauses_at_a_break_gets_the_rest_later)
{
	static const struct stream_events pausing = { .data = takes_and_pauses };
	static const uint8_t read_at_once[] = { 'a', 0xff, 0, 0, 'b', 0xff, 0, 0, 'c' };
	int master;

	setup();
	taken_by_pausing = 0;
	master = plug_in();
	open_port("");
	ck_assert(reached(&opened, 1));
	stream_set_events(port, &pausing, NULL);
	marked = read_at_once;
	marked_bytes = sizeof(read_at_once);
	ck_assert_int_eq(write(master, "x", 1), 1);
	ck_assert(reached(&taken_by_pausing, 1));
	ck_assert_uint_eq(taken_by_pausing, 1);
	ck_assert_uint_eq(bytes_in, 1);
	stream_pause(port, false);
	ck_assert(arrived(3));
	ck_assert_mem_eq(data_in, "abc", 3);
	ck_assert_int_eq(close(master), 0);
	teardown();
}
END_TEST

UNIT_MAIN("stream_serial", lines_are_told_when_they_change, a_break_is_sent_and_ends,
	  breaks_and_bytes_come_in_their_order, who_pauses_at_a_break_gets_the_rest_later,
	  every_byte_goes_both_ways, the_address_sets_the_line_up, a_line_has_one_owner,
	  what_is_no_serial_line_is_refused, lines_that_a_port_lacks_are_errors,
	  a_listener_takes_the_line_when_it_comes_and_comes_back,
	  close_waits_until_the_port_is_empty)
