#include "usb/mock_reader.h"

#include <errno.h>

#define STEPS_MAX 2000u

static void
on_ended(void *ctx, struct uru_urb *u)
{
	struct mock_reader *r = ctx;
	enum usb_pipe p = (enum usb_pipe)(u - r->urb);
	enum usb_status s = u->status == 0            ? USB_DONE
			    : u->status == -EPIPE     ? USB_STALLED
			    : u->status == -EOVERFLOW ? USB_OVERFLOWED
			    : u->status == -ENOENT    ? USB_CANCELLED
			    : u->status == -ESHUTDOWN ? USB_GONE
						      : USB_FAILED;
	size_t actual = u->actual;

	r->carried[p] = false;
	if (s != USB_CANCELLED && s != USB_GONE && ++r->ended == r->fault_at) {
		s = r->fault;
		actual = s == USB_DONE ? actual / 2 : 0;
	}
	/* The bytes lie in the driver's buffer already. */
	mock_end(&r->m, p, s, NULL, actual);
}

static void
on_told(void *ctx, enum uru_event e, unsigned number)
{
	(void)ctx;
	(void)e;
	(void)number;
}

void
mock_reader_init(struct mock_reader *r, uint16_t vendor, uint16_t product)
{
	const struct uru_listener l = { on_ended, on_told, r };

	memset(r, 0, sizeof(*r));
	uru_device_init(&r->d, uru_model_find(vendor, product), "{MODEL}", &l);
	uru_device_plug(&r->d, 0);
	uru_picture_stripes(1, r->d.raster);
}

static void
carry(struct mock_reader *r, enum usb_pipe p)
{
	static const uint8_t endpoints[USB_PIPES] = {
		[USB_CONTROL] = 0, [USB_BULK] = URU_IMAGES, [USB_INTERRUPT] = URU_MESSAGES
	};
	const struct mock_transfer *t = &r->m.pipe[p];
	const uint8_t setup[8] = { t->q.type,
				   t->q.request,
				   (uint8_t)t->q.value,
				   (uint8_t)(t->q.value >> 8),
				   0,
				   0,
				   (uint8_t)t->bytes,
				   (uint8_t)(t->bytes >> 8) };

	r->urb[p] = (struct uru_urb){ .endpoint = endpoints[p],
				      .data = t->data,
				      .bytes = t->bytes };
	if (p == USB_CONTROL)
		memcpy(r->urb[p].setup, setup, sizeof(setup));
	r->carried[p] = true;
	r->taken[p] = r->m.started[p];
	r->limit_us[p] = t->timeout_ms == 0 ? URU_NEVER
					    : r->now_us + (int64_t)t->timeout_ms * 1000;
	uru_device_submit(&r->d, &r->urb[p], r->now_us);
}

/* Brings the device what the driver has started, and takes what the test has ended. */
static void
exchange(struct mock_reader *r)
{
	for (unsigned i = 0; i < USB_PIPES; i++) {
		enum usb_pipe p = (enum usb_pipe)i;

		if (r->carried[p] &&
		    (!r->m.pipe[p].busy || r->taken[p] != r->m.started[p])) {
			uru_device_forget(&r->d, &r->urb[p]);
			r->carried[p] = false;
		}
		if (r->m.pipe[p].busy && !r->carried[p])
			carry(r, p);
	}
	if (!r->m.timer_set)
		r->timer_us = URU_NEVER;
	else if (r->timers_seen != r->m.timers)
		r->timer_us = r->now_us + (int64_t)r->m.timer_ms * 1000;
	r->timers_seen = r->m.timers;
}

/* Ends one transfer that the driver has cancelled. */
static bool
reap(struct mock_reader *r)
{
	for (unsigned p = 0; p < USB_PIPES; p++)
		if (r->m.pipe[p].busy && r->m.pipe[p].cancelled)
			return uru_device_cancel(&r->d, &r->urb[p]);
	return false;
}

/* The pipe whose transfer is too late first. */
static enum usb_pipe
first_limit(const struct mock_reader *r, int64_t *ret_at)
{
	enum usb_pipe first = USB_PIPES;

	*ret_at = URU_NEVER;
	for (unsigned p = 0; p < USB_PIPES; p++)
		if (r->carried[p] && r->limit_us[p] < *ret_at) {
			first = (enum usb_pipe)p;
			*ret_at = r->limit_us[p];
		}
	return first;
}

static void
pass_time(struct mock_reader *r, int64_t to_us)
{
	if (to_us > r->now_us)
		r->now_us = to_us;
}

bool
mock_reader_step(struct mock_reader *r)
{
	int64_t device_us, limit_us;
	enum usb_pipe late;

	exchange(r);
	if (reap(r))
		return true;
	if (r->d.gone && r->d.plugged) {
		uru_device_unplug(&r->d); /* a fault has pulled the cable */
		return true;
	}
	device_us = uru_device_next(&r->d);
	late = first_limit(r, &limit_us);
	if (device_us <= limit_us && device_us <= r->timer_us && device_us != URU_NEVER) {
		pass_time(r, device_us);
		return uru_device_step(&r->d, r->now_us);
	}
	if (limit_us <= r->timer_us && late != USB_PIPES) {
		pass_time(r, limit_us);
		uru_device_forget(&r->d, &r->urb[late]);
		r->carried[late] = false;
		r->ended++;
		mock_end(&r->m, late, USB_TIMED_OUT, NULL, 0);
		return true;
	}
	if (r->m.timer_set && r->m.timer_ms < MOCK_PATIENCE_MS) {
		pass_time(r, r->timer_us);
		mock_fire(&r->m);
		return true;
	}
	return false;
}

bool
mock_reader_run(struct mock_reader *r)
{
	for (unsigned i = 0; i < STEPS_MAX; i++)
		if (!mock_reader_step(r))
			return true;
	return false;
}

void
mock_reader_finger(struct mock_reader *r, bool on)
{
	if (on)
		uru_device_finger(&r->d, r->d.raster, r->now_us);
	else
		uru_device_lift(&r->d, r->now_us);
}
