#ifndef LANED_TESTS_UNIT_PORT_KIT_H
#define LANED_TESTS_UNIT_PORT_KIT_H

#include <stdbool.h>

/*
 * What a pseudo terminal lacks of a serial port: modem lines and breaks. For a test that wraps ioctl (see
 * the Makefile), which asks here first.
 */
struct port_kit {
	bool has_lines; /* else nothing is played */
	bool broken;    /* a break is being sent */
	int lines;      /* TIOCM_* */
	int breaks_begun, breaks_ended;
};

/* True: played, the ioctl gives 0. */
bool port_kit_ioctl(struct port_kit *port, unsigned long request, void *arg);

#endif
