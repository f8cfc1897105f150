#include "bio/usb/usb_port.h"

const char *
usb_status_name(enum usb_status s)
{
	static const char *const names[] = { "done",      "timed out",  "stalled",
					     "cancelled", "overflowed", "failed",
					     "gone" };

	return names[s];
}
