#ifndef LANED_BASE_SERIAL_PORT_H
#define LANED_BASE_SERIAL_PORT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A serial port of this machine as a descriptor: raw, ours alone, in one format. What reads and
 * writes it is the caller's.
 */
struct serial_format {
	uint32_t baud;
	uint8_t data_bits, stop_bits; /* 7 or 8; 1 or 2 */
	char parity;                  /* N, E, O */
	bool rtscts;
	/* A break comes as 0xff 0 0, a byte of a wrong parity behind 0xff 0, and 0xff as 0xff 0xff. */
	bool marks;
};

/*
 * Opens it, non-blocking, for us alone: nobody else may open it while we have it. Does not wait for a
 * carrier. What came before stays to be flushed by the caller. -EBUSY: somebody else has it; -ENOTTY: no
 * serial port; -EINVAL: as serial_port_set; else the errno of open or of the port.
 */
int serial_port_open(const char *path, const struct serial_format *f, int *ret_fd);
/* 0; -EINVAL a rate that is none of the usual; else the errno of the port. */
int serial_port_set(int fd, const struct serial_format *f);
/* Before close: others may open it again, also while somebody still holds this descriptor. */
void serial_port_leave(int fd);

#endif
