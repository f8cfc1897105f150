#include "base/serial_port.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static char path[64];
static int master;

static void
setup(void)
{
	int slave;

	ck_assert_int_eq(openpty(&master, &slave, path, NULL, NULL), 0);
	(void)close(slave); /* opened again by its name */
}

static const struct serial_format usual = {
	.baud = 9600, .data_bits = 8, .stop_bits = 1, .parity = 'N'
};

static const struct {
	struct serial_format f;
	tcflag_t cflag, iflag;
	speed_t speed;
} formats[] = {
	{ { 9600, 8, 1, 'N', false, false }, CS8, 0, B9600 },
	{ { 300, 7, 2, 'E', false, true },
	  CS7 | CSTOPB | PARENB,
	  PARMRK | INPCK | ISTRIP,
	  B300 },
	{ { 19200, 8, 1, 'O', false, true },
	  CS8 | PARENB | PARODD,
	  PARMRK | INPCK,
	  B19200 },
	{ { 115200, 8, 1, 'N', true, true }, CS8 | CRTSCTS, PARMRK, B115200 },
	{ { 230400, 8, 2, 'N', false, false }, CS8 | CSTOPB, 0, B230400 },
};

#define CFLAGS (CSIZE | CSTOPB | PARENB | PARODD | CRTSCTS)
#define IFLAGS (PARMRK | INPCK | ISTRIP | IGNBRK | BRKINT | IGNPAR | IXON | ICRNL)

/* Each over what the one before has left; a pseudo terminal itself always says 8 bits, no parity. */
START_TEST(a_port_is_set_up_as_its_format_says)
{
	int fd = -1;

	setup();
	ck_assert_int_eq(serial_port_open(path, &usual, &fd), 0);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct termios t;
		const tcflag_t fixed = CSIZE | PARENB;

		ck_assert_int_eq(serial_port_set(fd, &formats[i].f), 0);
		ck_assert_int_eq(tcgetattr(fd, &t), 0);
		ck_assert_uint_eq(t.c_cflag & CFLAGS & ~fixed, formats[i].cflag & ~fixed);
		ck_assert_uint_eq(t.c_iflag & IFLAGS, formats[i].iflag);
		ck_assert_uint_eq(t.c_lflag & (ICANON | ECHO | ISIG), 0);
		ck_assert_uint_eq(t.c_oflag & OPOST, 0);
		ck_assert_uint_eq(cfgetospeed(&t), formats[i].speed);
		ck_assert_uint_eq(cfgetispeed(&t), formats[i].speed);
	}
	(void)close(fd);
	(void)close(master);
}
END_TEST

START_TEST(an_odd_rate_is_refused_and_nothing_is_changed)
{
	struct serial_format odd = usual;
	struct termios t;
	int fd = -1;

	setup();
	odd.baud = 9601;
	ck_assert_int_eq(serial_port_open(path, &odd, &fd), -EINVAL);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(serial_port_open(path, &usual, &fd), 0);
	ck_assert_int_eq(serial_port_set(fd, &odd), -EINVAL);
	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B9600);
	(void)close(fd);
	(void)close(master);
}
END_TEST

START_TEST(who_comes_second_is_told_that_it_is_busy)
{
	int fd = -1, second = -1;

	setup();
	ck_assert_int_eq(serial_port_open(path, &usual, &fd), 0);
	ck_assert_int_eq(serial_port_open(path, &usual, &second), -EBUSY);
	ck_assert_int_eq(second, -1);
	(void)close(fd);
	ck_assert_int_eq(serial_port_open(path, &usual, &second), 0);
	(void)close(second);
	(void)close(master);
}
END_TEST

/* A copy of the descriptor keeps the port open; without the mark others may have it again. */
START_TEST(a_port_that_was_left_is_not_exclusive_any_more)
{
	int fd = -1, exclusive = -1;

	setup();
	ck_assert_int_eq(serial_port_open(path, &usual, &fd), 0);
	ck_assert_int_eq(ioctl(fd, TIOCGEXCL, &exclusive), 0);
	ck_assert_int_eq(exclusive, 1);
	serial_port_leave(fd);
	ck_assert_int_eq(ioctl(fd, TIOCGEXCL, &exclusive), 0);
	ck_assert_int_eq(exclusive, 0);
	(void)close(fd);
	(void)close(master);
}
END_TEST

START_TEST(what_is_no_port_is_refused)
{
	int fd = -1;

	ck_assert_int_eq(serial_port_open("/dev/null", &usual, &fd), -ENOTTY);
	ck_assert_int_eq(serial_port_open("/dev/does-not-exist", &usual, &fd), -ENOENT);
	ck_assert_int_eq(fd, -1);
}
END_TEST

UNIT_MAIN("serial_port", a_port_is_set_up_as_its_format_says,
	  an_odd_rate_is_refused_and_nothing_is_changed,
	  who_comes_second_is_told_that_it_is_busy,
	  a_port_that_was_left_is_not_exclusive_any_more, what_is_no_port_is_refused)
