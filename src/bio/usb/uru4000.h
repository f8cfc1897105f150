#ifndef LANED_BIO_USB_URU4000_H
#define LANED_BIO_USB_URU4000_H

#include "bio/usb/usb_port.h"

/*
 * U.are.U 4000, 4000B and 4500 and the Microsoft readers of the same make: bring-up, finger on and
 * off, capture, unscrambling, recovery. No libusb inside. docs/readers.md tells what it does when.
 */
extern const struct usb_device_driver uru4000_driver;

/* Quirks of a model. */
enum uru4000_quirks {
	URU4000_WANTS_ANSWER = 1u
			       << 0, /* powers up only after a challenge and its answer */
	URU4000_UPSIDE_DOWN = 1u << 1
};

#define URU4000_DPI 500u
/* Images of one presentation that may come out empty or broken before it counts as failed. */
#define URU4000_TRIES 3u
/* Images that one presentation may give when the service asks for more. */
#define URU4000_FRAMES_MAX 8u

#endif
