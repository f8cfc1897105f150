#include "port_kit.h"

#include <sys/ioctl.h>

bool
port_kit_ioctl(struct port_kit *port, unsigned long request, void *arg)
{
	if (!port->has_lines)
		return false;
	switch (request) {
	case TIOCMGET:
		*(int *)arg = port->lines;
		return true;
	case TIOCMBIS:
		port->lines |= *(int *)arg;
		return true;
	case TIOCMBIC:
		port->lines &= ~*(int *)arg;
		return true;
	case TIOCSBRK:
	case TIOCCBRK:
		port->broken = request == TIOCSBRK;
		port->breaks_begun += port->broken;
		port->breaks_ended += !port->broken;
		return true;
	default:
		return false;
	}
}
