#include "base/serial_port.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const struct {
	uint32_t baud;
	speed_t speed;
} speeds[] = { { 300, B300 },       { 600, B600 },      { 1200, B1200 },
	       { 2400, B2400 },     { 4800, B4800 },    { 9600, B9600 },
	       { 19200, B19200 },   { 38400, B38400 },  { 57600, B57600 },
	       { 115200, B115200 }, { 230400, B230400 } };

static int
speed_of(uint32_t baud, speed_t *ret_speed)
{
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].baud == baud) {
			*ret_speed = speeds[i].speed;
			return 0;
		}
	return -EINVAL;
}

static void
set_format(struct termios *t, const struct serial_format *f)
{
	cfmakeraw(t);
	t->c_cflag &= ~(tcflag_t)(CSIZE | CSTOPB | PARENB | PARODD | CRTSCTS);
	t->c_cflag |= CLOCAL | CREAD | (tcflag_t)(f->data_bits == 7 ? CS7 : CS8);
	if (f->stop_bits == 2)
		t->c_cflag |= CSTOPB;
	if (f->parity != 'N')
		t->c_cflag |= f->parity == 'O' ? PARENB | PARODD : PARENB;
	if (f->rtscts)
		t->c_cflag |= CRTSCTS;
	t->c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | IGNPAR | INPCK | ISTRIP);
	if (f->marks)
		t->c_iflag |= PARMRK;
	if (f->parity != 'N')
		t->c_iflag |= INPCK;
	if (f->data_bits == 7)
		t->c_iflag |= ISTRIP;
	t->c_cc[VMIN] = 1;
	t->c_cc[VTIME] = 0;
}

int
serial_port_set(int fd, const struct serial_format *f)
{
	struct termios t;
	speed_t speed = B0;
	int rc = speed_of(f->baud, &speed);

	if (rc < 0)
		return rc;
	if (tcgetattr(fd, &t) < 0)
		return -errno;
	set_format(&t, f);
	(void)cfsetispeed(&t, speed); /* a speed of the table */
	(void)cfsetospeed(&t, speed);
	return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

/* TIOCEXCL keeps later openers out, but for root; the lock those that look for one. */
static int
claim(int fd)
{
	if (!isatty(fd))
		return -ENOTTY;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return ioctl(fd, TIOCEXCL) < 0 ? -errno : 0;
}

int
serial_port_open(const char *path, const struct serial_format *f, int *ret_fd)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	rc = claim(fd);
	if (rc == 0)
		rc = serial_port_set(fd, f);
	if (rc < 0) {
		(void)close(fd); /* nothing was written */
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

void
serial_port_leave(int fd)
{
	(void)ioctl(fd, TIOCNXCL); /* a port that is gone has no mark either */
}
