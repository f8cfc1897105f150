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
	int unusable;         /* logged last */
	bool broken, closing; /* broken: the device needs a reset */
	bool dark;            /* the sensor is off until arm */
	bool seen;            /* there has been a device, at this place of the bus: */
	uint8_t bus, address;
	uint64_t errors_before; /* of the devices before this one */
};

/* Brings the reader's counters up to date; said with each event, and so not in between. */
static void
count(struct usb_reader *u)
{
	const struct usb_transport_counters *bus = usb_transport_counters(u->transport);

	u->base.resets = bus->resets;
	u->base.errors = u->errors_before + bus->open_failures;
	if (u->driver != NULL) {
		const struct usb_counters *c = u->driver->counters(u->device);

		u->base.errors += c->errors + c->bad_images;
	}
}

/* why is of reader.h's words, and NULL where there is nothing to say. */
static void
state(struct usb_reader *u, enum reader_state s, const char *why)
{
	if (u->closing)
		return;
	count(u);
	u->base.why = why;
	reader_set_state(&u->base, s);
}

static void
nothing_attached(struct usb_reader *u)
{
	memset(&u->base.device, 0, sizeof(u->base.device));
	state(u, READER_ABSENT, "not-found");
}

/* ---- what the device's driver tells -------------------------------------------------------- */

static void
on_ready(void *ctx)
{
	struct usb_reader *u = ctx;

	u->unusable = 0;
	usb_transport_ready(u->transport);
	state(u, READER_READY, NULL);
}

static void
on_touched(void *ctx)
{
	struct usb_reader *u = ctx;

	if (u->closing)
		return;
	state(u, READER_CAPTURING, NULL);
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
	usb_transport_works(u->transport);
	u->base.captures++;
	count(u);
	return u->base.events.sample(u->base.events.ctx, &u->base, s);
}

static void
on_failed(void *ctx, const char *why)
{
	struct usb_reader *u = ctx;

	if (u->closing)
		return;
	count(u);
	u->base.events.failed(u->base.events.ctx, &u->base, why);
}

static void
on_lifted(void *ctx)
{
	struct usb_reader *u = ctx;

	if (u->closing)
		return;
	u->base.events.lifted(u->base.events.ctx, &u->base);
	state(u, READER_READY, NULL);
}

static void
on_broken(void *ctx, bool gone, const char *why)
{
	struct usb_reader *u = ctx;

	u->broken = !gone;
	if (gone) {
		log_notice(
			"reader %s: %s is gone, unplugged or suspended; waiting for it",
			u->base.options->name, u->label);
		nothing_attached(u);
	} else {
		log_warn("reader %s: %s: %s; resetting it", u->base.options->name,
			 u->label, why);
		state(u, READER_FAULTY, "no-answer");
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
	if (u->dark && u->driver->arm != NULL)
		u->driver->arm(u->device, false);
	u->broken = false;
	usb_find_describe(found, &u->base.device);
	if (u->base.state == READER_ABSENT)
		u->base.why = NULL; /* it is found, and being brought up */
	/* A suspended or a reset device comes back with the address that it had. */
	u->base.replugs +=
		u->seen && (u->bus != found->bus || u->address != found->address);
	u->seen = true;
	u->bus = found->bus;
	u->address = found->address;
	log_info("reader %s: %s at port %s", u->base.options->name, found->model->name,
		 found->path);
	*ret_device = u->device;
	return 0;
}

static void
on_detached(void *ctx, void *device)
{
	struct usb_reader *u = ctx;
	const struct usb_counters *c = u->driver->counters(device);

	u->errors_before += c->errors + c->bad_images;
	u->device = u->driver->free(device);
	u->driver = NULL;
	if (u->broken)
		count(u);
	else
		nothing_attached(u);
}

static const struct reader_refusal refusals[] = {
	{ -EACCES, "denied", "no permission to open it; is the udev rule installed?" },
	{ -EBUSY, "busy", "another program or reader uses it" },
	{ -ENXIO, "no-answer", "it has no interface for a reader" },
	{ -ENODEV, "no-answer", "the bus says that it is not there" },
	{ -ENOMEM, "no-answer", "no memory" },
	{ 0, "no-answer", "it cannot be opened" },
};

static void
on_unusable(void *ctx, const struct usb_found *found, int error)
{
	struct usb_reader *u = ctx;
	const struct reader_refusal *r = reader_refusal(refusals, error);

	if (u->unusable != error)
		log_warn("reader %s: %s at port %s: %s; trying on", u->base.options->name,
			 found->model->name, found->path, r->text);
	u->unusable = error;
	usb_find_describe(found, &u->base.device);
	state(u, READER_FAULTY, r->why);
}

static void
on_nothing(void *ctx)
{
	struct usb_reader *u = ctx;

	u->unusable = 0;
	nothing_attached(u);
}

/* A driver that cannot switch off is not listened to. */
static void
usb_arm(struct reader *r, bool on)
{
	struct usb_reader *u = (struct usb_reader *)r;

	u->dark = !on;
	if (u->device != NULL && u->driver->arm != NULL)
		u->driver->arm(u->device, on);
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
	if (o->dpi != 0 && (o->dpi < SAMPLE_DPI_MIN || o->dpi > SAMPLE_DPI_MAX)) {
		log_err("[reader:%s] dpi: %u is neither 0 nor %u to %u", o->name, o->dpi,
			SAMPLE_DPI_MIN, SAMPLE_DPI_MAX);
		free(u);
		return -EINVAL;
	}
	u->base.driver = &reader_usb;
	u->base.options = o;
	u->base.events = *events;
	u->dark = o->dark;
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
	nothing_attached(u);
	*ret_reader = &u->base;
	return 0;
}

static int
usb_open(struct loop *l, const struct reader_options *o,
	 const struct reader_events *events, struct reader **ret_reader)
{
	return reader_usb_open(l, o, NULL, events, ret_reader);
}

static size_t
usb_attached(struct reader_device *found, size_t max)
{
	return usb_find_attached(usb_drivers, usb_drivers_count, found, max);
}

const struct reader_driver reader_usb = {
	.name = "usb",
	.test_only = false,
	.open = usb_open,
	.close = usb_close,
	.present = NULL,
	.arm = usb_arm,
	.attached = usb_attached,
};
