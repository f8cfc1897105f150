#ifndef LANED_TESTS_USB_MOCK_PORT_H
#define LANED_TESTS_USB_MOCK_PORT_H

/*
 * A USB port that a test plays by hand: what the driver starts lies here until the test ends it.
 * In a header, since unit tests and fuzz targets are linked from different things.
 */
#include "bio/usb/usb_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct mock_transfer {
	bool busy, cancelled;
	struct usb_request q;
	uint8_t *data;
	size_t bytes;
	unsigned timeout_ms;
};

struct mock_port {
	const struct usb_device_driver *driver;
	void *device;
	struct mock_transfer pipe[USB_PIPES];
	unsigned started[USB_PIPES];
	int refuse; /* errno that every starter gives */
	bool timer_set;
	unsigned timers; /* how many were set */
	unsigned timer_ms;
	uint32_t seed;
	/* What the driver told. */
	unsigned ready, touched, samples, failed, lifted, broken, gone, stopped;
	const char *why;
	struct sample *last;
	unsigned frames_wanted; /* more of one presentation */
	bool stop_when_lifted, stop_when_sampled, stop_when_ready, stop_when_failed;
};

static inline int
mock_begin(struct mock_port *m, enum usb_pipe p, struct mock_transfer t)
{
	if (m->refuse != 0)
		return -m->refuse;
	if (m->pipe[p].busy)
		abort(); /* one at a time, says the contract */
	t.busy = true;
	m->pipe[p] = t;
	m->started[p]++;
	return 0;
}

static inline int
mock_control(void *port, struct usb_request q, uint8_t *data, size_t bytes,
	     unsigned timeout_ms)
{
	if (bytes > USB_CONTROL_BYTES_MAX || timeout_ms == 0)
		abort();
	return mock_begin(
		port, USB_CONTROL,
		(struct mock_transfer){
			.q = q, .data = data, .bytes = bytes, .timeout_ms = timeout_ms });
}

static inline int
mock_bulk(void *port, uint8_t *data, size_t bytes, unsigned timeout_ms)
{
	if (timeout_ms == 0)
		abort();
	return mock_begin(port, USB_BULK,
			  (struct mock_transfer){ .data = data,
						  .bytes = bytes,
						  .timeout_ms = timeout_ms });
}

static inline int
mock_interrupt(void *port, uint8_t *data, size_t bytes)
{
	return mock_begin(port, USB_INTERRUPT,
			  (struct mock_transfer){ .data = data, .bytes = bytes });
}

static inline void
mock_cancel(void *port, enum usb_pipe p)
{
	struct mock_port *m = port;

	m->pipe[p].cancelled = m->pipe[p].busy;
}

static inline int
mock_timer(void *port, unsigned delay_ms)
{
	struct mock_port *m = port;

	m->timer_set = true;
	m->timers++;
	m->timer_ms = delay_ms;
	return 0;
}

static inline void
mock_timer_cancel(void *port)
{
	((struct mock_port *)port)->timer_set = false;
}

static inline uint32_t
mock_random(void *port)
{
	return ((struct mock_port *)port)->seed;
}

static inline void
mock_ready(void *ctx)
{
	struct mock_port *m = ctx;

	m->ready++;
	if (m->stop_when_ready)
		m->driver->stop(m->device);
}

static inline void
mock_touched(void *ctx)
{
	((struct mock_port *)ctx)->touched++;
}

static inline bool
mock_sample(void *ctx, struct sample *s)
{
	struct mock_port *m = ctx;

	m->samples++;
	sample_free(m->last);
	m->last = s;
	if (m->stop_when_sampled)
		m->driver->stop(m->device);
	if (m->frames_wanted == 0)
		return false;
	m->frames_wanted--;
	return true;
}

static inline void
mock_failed(void *ctx, const char *why)
{
	struct mock_port *m = ctx;

	m->failed++;
	m->why = why;
	if (m->stop_when_failed)
		m->driver->stop(m->device);
}

static inline void
mock_lifted(void *ctx)
{
	struct mock_port *m = ctx;

	m->lifted++;
	if (m->stop_when_lifted)
		m->driver->stop(m->device);
}

static inline void
mock_broken(void *ctx, bool gone, const char *why)
{
	struct mock_port *m = ctx;

	m->broken++;
	m->gone += gone;
	m->why = why;
}

static inline void
mock_stopped(void *ctx)
{
	((struct mock_port *)ctx)->stopped++;
}

/* Makes the driver's device for the id, or NULL. */
static inline void *
mock_open(struct mock_port *m, const struct usb_device_driver *driver, uint16_t vendor,
	  uint16_t product, const struct usb_device_options *o)
{
	static const struct usb_port_ops ops = { mock_control,   mock_bulk,
						 mock_interrupt, mock_cancel,
						 mock_timer,     mock_timer_cancel,
						 mock_random };
	const struct usb_device_events e = { mock_ready,   mock_touched,
					     mock_sample,  mock_failed,
					     mock_lifted,  mock_broken,
					     mock_stopped, m };
	const struct usb_model *model = NULL;

	for (size_t i = 0; i < driver->models_count; i++)
		if (driver->models[i].vendor == vendor &&
		    driver->models[i].product == product)
			model = &driver->models[i];
	m->driver = driver;
	if (model == NULL ||
	    driver->new (model, o, (struct usb_port){ &ops, m }, &e, &m->device) < 0)
		return NULL;
	return m->device;
}

/* Ends a transfer; data goes into the driver's buffer, never more than it asked for. */
static inline void
mock_end(struct mock_port *m, enum usb_pipe p, enum usb_status s, const void *data,
	 size_t bytes)
{
	struct mock_transfer *t = &m->pipe[p];

	if (!t->busy)
		abort();
	if (bytes > t->bytes)
		bytes = t->bytes;
	if (data != NULL && bytes > 0)
		memcpy(t->data, data, bytes);
	t->busy = false;
	t->cancelled = false;
	m->driver->done(m->device, p, s, bytes);
}

static inline void
mock_fire(struct mock_port *m)
{
	if (!m->timer_set)
		abort();
	m->timer_set = false;
	m->driver->timeout(m->device);
}

/* Ends one transfer that was cancelled; false when there is none. */
static inline bool
mock_reap(struct mock_port *m)
{
	for (unsigned p = 0; p < USB_PIPES; p++)
		if (m->pipe[p].busy && m->pipe[p].cancelled) {
			mock_end(m, (enum usb_pipe)p, USB_CANCELLED, NULL, 0);
			return true;
		}
	return false;
}

/* Stops the device, ends all transfers, frees it; false when it did not say that it stopped. */
static inline bool
mock_close(struct mock_port *m)
{
	unsigned before = m->stopped;
	bool ok;

	m->driver->stop(m->device);
	for (unsigned i = 0; i < 8 && m->stopped == 0; i++)
		if (!mock_reap(m) && m->pipe[USB_CONTROL].busy)
			mock_end(m, USB_CONTROL, USB_DONE, NULL,
				 m->pipe[USB_CONTROL].bytes);
	ok = m->stopped == 1 && before <= 1 && !m->timer_set;
	for (unsigned p = 0; p < USB_PIPES; p++)
		ok = ok && !m->pipe[p].busy;
	if (ok)
		m->device = m->driver->free(m->device);
	m->last = sample_free(m->last);
	return ok;
}

#endif
