#ifndef LANED_BIO_USB_USB_TRANSPORT_H
#define LANED_BIO_USB_USB_TRANSPORT_H

#include "base/loop.h"
#include "bio/usb/usb_find.h"

/*
 * One reader's way to the bus: finds the device, opens it, carries its transfers, and finds it again
 * after it was unplugged or broke. libusb-1.0, asynchronous, inside our loop. Each transport has a
 * libusb context of its own, so that readers do not wait for each other; which of them gets a device
 * that suits several is decided by the claim of its interface.
 *
 * Not to be made before the process forks: libusb starts a thread that listens to udev.
 */
struct usb_transport;

#define USB_LABEL_BYTES 64u

struct usb_transport_options {
	/* Which device, of those a driver knows, as in usb_found; NULL or "" is any. Borrowed. */
	const char *port, *serial;
	const struct usb_device_driver *const *drivers;
	size_t drivers_count;
	uint32_t (*random)(
		void); /* NULL: the system's; a replay gives what was recorded */
};

/* All of them come from the loop, never from inside a transfer. */
struct usb_transport_events {
	/*
	 * A device is open and its interface claimed. The callee makes the driver's device for it,
	 * to be started by the transport. A negative errno closes it again. A driver that breaks
	 * must be stopped by the callee, and one that has stopped released.
	 */
	int (*attached)(void *ctx, const struct usb_found *found, struct usb_port port,
			void **ret_device);
	/* The device is closed; the callee frees the driver's device, no transfer is left. */
	void (*detached)(void *ctx, void *device);
	/*
	 * There is a device that could not be opened a few times; tried on. error: -EACCES, -EBUSY
	 * (its interface is claimed), -ENXIO it has no such interface, -EPERM the loop cannot watch
	 * it, -ENODEV, -ENOMEM, -EIO or what attached gave.
	 */
	void (*unusable)(void *ctx, const struct usb_found *found, int error);
	/* Looked, and there is no device that suits. */
	void (*nothing)(void *ctx);
	void *ctx;
};

struct usb_transport_counters {
	uint64_t resets, open_failures;
};

/* 0; -ENOMEM; -EIO libusb does not start. o is borrowed for the transport's life. */
int usb_transport_new(struct loop *l, const struct usb_transport_options *o,
		      const struct usb_transport_events *e,
		      struct usb_transport **ret_transport);

/*
 * The device has come up: when it vanishes without leaving the bus, as in a suspend, it is tried
 * again soon. One that works has proved more: whatever fails next is tried again soon.
 */
void usb_transport_ready(struct usb_transport *t);
void usb_transport_works(struct usb_transport *t);

/*
 * From the driver's stopped event, after which no transfer may be started: the device is closed from
 * the loop, reset before that when asked for, and looked for again after a pause.
 */
void usb_transport_release(struct usb_transport *t, bool reset);

/*
 * Stops an open device, which may take up to a second, and closes everything. Not from inside one of
 * the driver's events. NULL is fine; returns NULL.
 */
struct usb_transport *usb_transport_free(struct usb_transport *t);

const struct usb_transport_counters *
usb_transport_counters(const struct usb_transport *t);

#endif
