#ifndef LANED_BIO_USB_READER_USB_H
#define LANED_BIO_USB_READER_USB_H

#include "bio/reader.h"
#include "bio/usb/usb_transport.h"

/* The driver `usb` of the service: every reader that one of usb_drivers knows. */
extern const struct reader_driver reader_usb;

extern const struct usb_device_driver *const usb_drivers[];
extern const size_t usb_drivers_count;

/* As reader_usb.open; random replaces the system's numbers (for replays), or is NULL. */
int reader_usb_open(struct loop *l, const struct reader_options *o,
		    uint32_t (*random)(void), const struct reader_events *events,
		    struct reader **ret_reader);

#endif
