/*
 * A reader on the bus, as the service sees it: the transport brings the device, its driver the
 * pictures, and this file the states and the log.
 */
#include "bio/usb/reader_usb.h"

#include "base/log.h"
#include "bio/usb/uru4000.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct usb_device_driver *const usb_drivers[] = { &uru4000_driver };
const size_t usb_drivers_count = sizeof(usb_drivers) / sizeof(usb_drivers[0]);

struct usb_reader {
	struct reader base;
	struct usb_transport_options transport_options;
	struct usb_transport *transport;
	const struct usb_device_driver
		*driver; /* of the device that is attached, or NULL */
	void *device;
	char label[USB_LABEL_BYTES];
	const char *unusable;       /* logged last */
	bool broken, closing;       /* broken: the device needs a reset */
	struct usb_counters before; /* of the devices before this one */
};

static void
state(struct usb_reader *u, enum reader_state s)
{
	if (!u->closing)
		reader_set_state(&u->base, s);
}

/* ---- what the device's driver tells -------------------------------------------------------- */

static void
on_ready(void *ctx)
{
	struct usb_reader *u = ctx;

	usb_transport_works(u->transport);
	u->unusable = NULL;
	state(u, READER_READY);
}

static void
on_touched(void *ctx)
{
	struct usb_reader *u = ctx;

	if (u->closing)
		return;
	state(u, READER_CAPTURING);
	u->base.events.touched(u->base.events.ctx, &u->base);
}

static bool
on_sample(void *ctx, struct sample *s)
{
	struct usb_reader *u = ctx;

	if (u->closing) {
		sample_free(s);
		return false;
	}
	u->base.captures++;
	return u->base.events.sample(u->base.events.ctx, &u->base, s);
}

static void
on_failed(void *ctx, const char *why)
{
	struct usb_reader *u = ctx;

	if (u->closing)
		return;
	u->base.errors++;
	u->base.events.failed(u->base.events.ctx, &u->base, why);
}

static void
on_lifted(void *ctx)
{
	struct usb_reader *u = ctx;

	if (u->closing)
		return;
	u->base.events.lifted(u->base.events.ctx, &u->base);
	state(u, READER_READY);
}

static void
on_broken(void *ctx, bool gone, const char *why)
{
	struct usb_reader *u = ctx;

	u->broken = !gone;
	if (gone) {
		log_notice("reader %s: %s was unplugged; waiting for it",
			   u->base.options->name, u->label);
		state(u, READER_ABSENT);
	} else {
		u->base.errors++;
		log_warn("reader %s: %s: %s; resetting it", u->base.options->name,
			 u->label, why);
		state(u, READER_FAULTY);
	}
	u->driver->stop(u->device);
}

static void
on_stopped(void *ctx)
{
	struct usb_reader *u = ctx;

	/* Stopped without having been broken: it left the bus while nothing was under way. */
	usb_transport_release(u->transport, u->broken);
}

/* ---- what the transport tells -------------------------------------------------------------- */

static int
on_attached(void *ctx, const struct usb_found *found, struct usb_port port,
	    void **ret_device)
{
	struct usb_reader *u = ctx;
	const struct usb_device_events e = { on_ready,  on_touched, on_sample,  on_failed,
					     on_lifted, on_broken,  on_stopped, u };
	const struct usb_device_options o = { .dpi = u->base.options->dpi,
					      .invert = u->base.options->invert,
					      .rotate = u->base.options->rotate,
					      .label = u->label };
	struct strbuf b;
	int rc;

	strbuf_init(&b, u->label, sizeof(u->label));
	strbuf_addf(&b, "%s %s", found->driver->name, found->path);
	rc = found->driver->new (found->model, &o, port, &e, &u->device);
	if (rc < 0)
		return rc;
	u->driver = found->driver;
	u->broken = false;
	log_info("reader %s: %s at port %s", u->base.options->name, found->model->name,
		 found->path);
	*ret_device = u->device;
	return 0;
}

static void
add_counters(struct usb_counters *sum, const struct usb_counters *c)
{
	sum->images += c->images;
	sum->bad_images += c->bad_images;
	sum->errors += c->errors;
	sum->restarts += c->restarts;
	sum->unexpected += c->unexpected;
}

static void
on_detached(void *ctx, void *device)
{
	struct usb_reader *u = ctx;

	add_counters(&u->before, u->driver->counters(device));
	u->device = u->driver->free(device);
	u->driver = NULL;
	if (!u->broken)
		state(u, READER_ABSENT);
}

static void
on_unusable(void *ctx, const char *why)
{
	struct usb_reader *u = ctx;

	if (u->unusable == NULL || strcmp(u->unusable, why) != 0)
		log_warn("reader %s: the device %s; trying on", u->base.options->name,
			 why);
	u->unusable = why;
	state(u, READER_FAULTY);
}

static void
on_nothing(void *ctx)
{
	state(ctx, READER_ABSENT);
}

static struct reader *
usb_close(struct reader *r)
{
	struct usb_reader *u = (struct usb_reader *)r;

	if (u == NULL)
		return NULL;
	u->closing = true;
	u->transport = usb_transport_free(u->transport);
	if (u->device != NULL)
		return NULL; /* a transfer does not end, and may still use it */
	free(u);
	return NULL;
}

int
reader_usb_open(struct loop *l, const struct reader_options *o, uint32_t (*random)(void),
		const struct reader_events *events, struct reader **ret_reader)
{
	struct usb_reader *u = calloc(1, sizeof(*u));
	const struct usb_transport_events e = { on_attached, on_detached, on_unusable,
						on_nothing, u };
	int rc;

	if (u == NULL)
		return -ENOMEM;
	u->base.driver = &reader_usb;
	u->base.options = o;
	u->base.events = *events;
	u->transport_options =
		(struct usb_transport_options){ .port = o->port,
						.serial = o->serial,
						.drivers = usb_drivers,
						.drivers_count = usb_drivers_count,
						.random = random };
	rc = usb_transport_new(l, &u->transport_options, &e, &u->transport);
	if (rc < 0) {
		free(u);
		return rc;
	}
	state(u, READER_ABSENT);
	*ret_reader = &u->base;
	return 0;
}

static int
usb_open(struct loop *l, const struct reader_options *o,
	 const struct reader_events *events, struct reader **ret_reader)
{
	return reader_usb_open(l, o, NULL, events, ret_reader);
}

void
reader_usb_counters(const struct reader *r, struct reader_usb_counters *ret_counters)
{
	const struct usb_reader *u = (const struct usb_reader *)r;

	ret_counters->bus = *usb_transport_counters(u->transport);
	ret_counters->device = u->before;
	if (u->device != NULL)
		add_counters(&ret_counters->device, u->driver->counters(u->device));
}

const struct reader_driver reader_usb = {
	.name = "usb",
	.test_only = false,
	.open = usb_open,
	.close = usb_close,
	.present = NULL,
};
