#include "bio/serial/line.h"

#include "base/plain/str.h"
#include "bio/sysfs_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

/* The USB device is so many folders above the line's: the interface, a port of a bridge with it. */
#define USB_LEVELS_MAX 3u

static int
speed_of(uint32_t baud, speed_t *ret_speed)
{
	static const struct {
		uint32_t baud;
		speed_t speed;
	} speeds[] = { { 9600, B9600 },
		       { 19200, B19200 },
		       { 38400, B38400 },
		       { 57600, B57600 },
		       { 115200, B115200 } };

	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].baud == baud) {
			*ret_speed = speeds[i].speed;
			return 0;
		}
	return -EINVAL;
}

static int
set_raw(int fd, uint32_t baud)
{
	struct termios t;
	speed_t speed = 0;
	int rc = speed_of(baud, &speed);

	if (rc < 0)
		return rc;
	if (tcgetattr(fd, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	t.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS);
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
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
line_open(const char *path, uint32_t baud, int *ret_fd)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	rc = claim(fd);
	if (rc == 0)
		rc = set_raw(fd, baud);
	if (rc < 0) {
		(void)close(fd); /* nothing was written */
		return rc;
	}
	(void)tcflush(fd, TCIOFLUSH); /* what was there before is passed over anyway */
	*ret_fd = fd;
	return 0;
}

int
line_set_rate(int fd, uint32_t baud)
{
	int rc = set_raw(fd, baud);

	if (rc == 0)
		(void)tcflush(fd, TCIFLUSH); /* as above */
	return rc;
}

static bool
means_unplugged(int error)
{
	return error == EIO || error == ENXIO || error == ENODEV || error == EPIPE;
}

int
line_write(int fd, const uint8_t *bytes, size_t n)
{
	ssize_t done = write(fd, bytes, n);

	if (done < 0)
		return means_unplugged(errno) ? -ENODEV : -errno;
	return (size_t)done == n ? 0 : -EAGAIN;
}

ssize_t
line_read(int fd, uint8_t *bytes, size_t n)
{
	ssize_t done = read(fd, bytes, n);

	if (done > 0)
		return done;
	if (done == 0 || means_unplugged(errno))
		return -ENODEV;
	return errno == EINTR ? -EAGAIN : -errno;
}

void
line_close(int fd)
{
	/* Or close would wait for a line that takes nothing, up to half a minute. */
	(void)tcflush(fd, TCIOFLUSH);
	/* The mark would outlive us while somebody else still has the line. */
	(void)ioctl(fd, TIOCNXCL);
	(void)close(fd); /* nothing is kept for it to lose */
}

/* An attribute of the folder so many levels above the line's device. */
static bool
usb_attribute(dev_t dev, unsigned up, const char *name, char *buf, size_t bytes)
{
	char path[160];
	struct strbuf b;

	strbuf_init(&b, path, sizeof(path));
	strbuf_addf(&b, "/sys/dev/char/%u:%u/device", major(dev), minor(dev));
	for (unsigned i = 0; i < up; i++)
		strbuf_addf(&b, "/..");
	strbuf_addf(&b, "/%s", name);
	return sysfs_text(path, buf, bytes);
}

void
line_describe(int fd, struct reader_device *ret_device)
{
	char vendor[8] = "", product[8] = "";
	struct strbuf b;
	struct stat st;
	unsigned up = 1;

	ret_device->id[0] = '\0';
	ret_device->serial[0] = '\0';
	if (fstat(fd, &st) < 0)
		return;
	while (!usb_attribute(st.st_rdev, up, "idVendor", vendor, sizeof(vendor)))
		if (++up > USB_LEVELS_MAX)
			return;
	/* Without them they stay empty. */
	(void)usb_attribute(st.st_rdev, up, "idProduct", product, sizeof(product));
	(void)usb_attribute(st.st_rdev, up, "serial", ret_device->serial,
			    sizeof(ret_device->serial));
	strbuf_init(&b, ret_device->id, sizeof(ret_device->id));
	strbuf_addf(&b, "%s:%s", vendor, product);
}
