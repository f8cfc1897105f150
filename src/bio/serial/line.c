#include "bio/serial/line.h"

#include "base/plain/str.h"
#include "base/serial_port.h"
#include "bio/sysfs_text.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

/* The USB device is so many folders above the line's: the interface, a port of a bridge with it. */
#define USB_LEVELS_MAX 3u

static struct serial_format
format_at(uint32_t baud)
{
	return (struct serial_format){
		.baud = baud, .data_bits = 8, .stop_bits = 1, .parity = 'N'
	};
}

int
line_open(const char *path, uint32_t baud, int *ret_fd)
{
	const struct serial_format format = format_at(baud);
	int rc = serial_port_open(path, &format, ret_fd);

	if (rc == 0)
		(void)tcflush(
			*ret_fd,
			TCIOFLUSH); /* what was there before is passed over anyway */
	return rc;
}

int
line_set_rate(int fd, uint32_t baud)
{
	const struct serial_format format = format_at(baud);
	int rc = serial_port_set(fd, &format);

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
	serial_port_leave(fd);
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
