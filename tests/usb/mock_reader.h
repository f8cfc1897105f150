#ifndef LANED_TESTS_USB_MOCK_READER_H
#define LANED_TESTS_USB_MOCK_READER_H

#include "usb/mock_port.h"
#include "usb/uru_device.h"

/*
 * The model of a reader behind a mock port: what the driver starts goes to the device, what the
 * device ends goes to the driver, and time is a number. Transfers that the test ends itself are taken
 * from the device.
 */
struct mock_reader {
	struct mock_port m;
	struct uru_device d;
	struct uru_urb urb[USB_PIPES];
	bool carried[USB_PIPES];   /* the device has it */
	unsigned taken[USB_PIPES]; /* m.started, when it was taken */
	int64_t now_us, timer_us, limit_us[USB_PIPES];
	unsigned timers_seen; /* m.timers, when timer_us was made */
	/* The bus itself fails: transfer number fault_at ends with fault. 0 none. */
	unsigned fault_at;
	enum usb_status fault;
	unsigned ended;
};

/* A timer of at least this is waiting for somebody, and does not fire by itself. */
#define MOCK_PATIENCE_MS 5000u

/* A model that is plugged; the driver's device is not there yet. */
void mock_reader_init(struct mock_reader *r, uint16_t vendor, uint16_t product);

/* One thing happens; false when everybody waits for a finger, or for nothing at all. */
bool mock_reader_step(struct mock_reader *r);

/* Until nothing happens any more; false after a number of steps that no conversation takes. */
bool mock_reader_run(struct mock_reader *r);

void mock_reader_finger(struct mock_reader *r, bool on);

#endif
