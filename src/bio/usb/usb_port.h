#ifndef LANED_BIO_USB_PORT_H
#define LANED_BIO_USB_PORT_H

#include "bio/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The seam between a device driver, which is a pure state machine, and what moves its bytes: libusb
 * in the service, a script in the tests. A port carries at most one transfer of each pipe at a time
 * and one timer. Everything is asynchronous and of one thread.
 */
enum usb_pipe { USB_CONTROL, USB_BULK, USB_INTERRUPT, USB_PIPES };

enum usb_status {
	USB_DONE,
	USB_TIMED_OUT, /* what arrived before counts */
	USB_STALLED,
	USB_CANCELLED,
	USB_OVERFLOWED, /* the device sent more than was asked for */
	USB_FAILED,
	USB_GONE
};
const char *usb_status_name(enum usb_status s); /* "done", "timed out", ... */

#define USB_CONTROL_BYTES_MAX 64u

/* A control request with wIndex 0; the direction is bit 7 of type. */
struct usb_request {
	uint8_t type, request;
	uint16_t value;
};

/*
 * The starters give 0, and then exactly one call of the driver's done follows, never from inside
 * the starter; or a negative errno (-ENODEV: unplugged), and then nothing follows. data is borrowed
 * until done. timeout_ms 0 means none.
 */
struct usb_port_ops {
	int (*control)(void *port, struct usb_request q, uint8_t *data, size_t bytes,
		       unsigned timeout_ms);
	int (*bulk_in)(void *port, uint8_t *data, size_t bytes, unsigned timeout_ms);
	int (*interrupt_in)(void *port, uint8_t *data, size_t bytes);
	/* Done follows, with USB_CANCELLED or with how it really ended; no-op when idle. */
	void (*cancel)(void *port, enum usb_pipe pipe);
	/* One shot; replaces an earlier time. Negative errno when it cannot be set. */
	int (*timer)(void *port, unsigned delay_ms);
	void (*timer_cancel)(void *port);
	/* An unpredictable number; replays give a recorded one. */
	uint32_t (*random)(void *port);
};

struct usb_port {
	const struct usb_port_ops *ops;
	void *ctx;
};

/*
 * What a device driver tells. The device may be stopped from inside each of them, and freed from
 * none. Texts are static and fit for a log or a display's table.
 */
struct usb_device_events {
	/*
	 * Brought up: a finger may come. Where a presentation was under way, that has ended without
	 * anybody seeing the finger leave.
	 */
	void (*ready)(void *ctx);
	void (*touched)(void *ctx); /* a finger is on the glass */
	/* Takes ownership of s. True asks for one more image of the same presentation. */
	bool (*sample)(void *ctx, struct sample *s);
	void (*failed)(void *ctx, const char *why); /* a presentation without an image */
	/* The finger was seen to leave; never because the driver had to start over or was put out. */
	void (*lifted)(void *ctx);
	/*
	 * The device does nothing any more, but its transfers may still run. gone: unplugged; else
	 * it needs a reset.
	 */
	void (*broken)(void *ctx, bool gone, const char *why);
	void (*stopped)(void *ctx); /* after stop, with no transfer left */
	void *ctx;
};

struct usb_device_options {
	uint32_t dpi; /* 0: the driver's own */
	enum reader_setting invert, rotate;
	const char *label; /* into sample.device; borrowed, may be cut there */
};

/* One line of a driver's id table; quirks are bits of that driver. */
struct usb_model {
	uint16_t vendor, product;
	unsigned quirks;
	const char *name;
};

struct usb_counters {
	uint64_t images;     /* whole ones */
	uint64_t bad_images; /* empty, short, malformed, though the transfer was well */
	/* Transfers that ended badly, and what else started it again or broke it; each once. */
	uint64_t errors;
	uint64_t restarts;   /* bring-ups after the first */
	uint64_t unexpected; /* messages nobody waited for */
};

/* A third family of readers is one file with one of these, and one line in usb_drivers. */
struct usb_device_driver {
	const char *name;
	const struct usb_model *models;
	size_t models_count;
	uint8_t bulk_in, interrupt_in; /* endpoint addresses */
	/* 0, -ENOMEM, -EINVAL (dpi outside SAMPLE_DPI_MIN..MAX). Nothing is sent yet. */
	int (*new)(const struct usb_model *m, const struct usb_device_options *o,
		   struct usb_port port, const struct usb_device_events *e,
		   void **ret_device);
	void (*start)(void *device);
	/*
	 * Lets it look for fingers (as it does from the start), or not, with the sensor off. At any
	 * time, not from inside an event. NULL: it cannot.
	 */
	void (*arm)(void *device, bool on);
	/* Switches the sensor off; events.stopped follows, perhaps from inside. */
	void (*stop)(void *device);
	void (*done)(void *device, enum usb_pipe pipe, enum usb_status s, size_t actual);
	void (*timeout)(void *device);
	const struct usb_counters *(*counters)(const void *device);
	void *(*free)(
		void *device); /* only with no transfer left; NULL is fine; returns NULL */
};

#endif
