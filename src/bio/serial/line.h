#ifndef LANED_BIO_SERIAL_LINE_H
#define LANED_BIO_SERIAL_LINE_H

#include "bio/reader.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens a serial line raw, 8N1, without flow control, for us alone: nobody else may open it while we
 * have it. Does not wait for a carrier. Gives a non-blocking descriptor. -EBUSY: somebody else has
 * it; -ENOTTY: no serial line; -EINVAL: a rate that termios does not know; else the errno of open
 * or of the line.
 */
int line_open(const char *path, uint32_t baud, int *ret_fd);
/* Changes the rate and drops what has arrived. 0; -EINVAL; a negative errno. */
int line_set_rate(int fd, uint32_t baud);
/* All bytes or none. 0; -ENODEV: unplugged; -EAGAIN: they cannot be taken now. */
int line_write(int fd, const uint8_t *bytes, size_t n);
/*
 * What has arrived. Bytes > 0; -EAGAIN: nothing; -ENODEV: unplugged.
 */
ssize_t line_read(int fd, uint8_t *bytes, size_t n);
/* Without waiting for what was not sent yet. */
void line_close(int fd);

/*
 * What sysfs knows of the USB device behind the line: ret_device's id and serial; empty where there
 * is none.
 */
void line_describe(int fd, struct reader_device *ret_device);

#endif
