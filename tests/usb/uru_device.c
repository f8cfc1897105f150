#include "usb/uru_device.h"

#include "usb/uru_private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define STATUS_LOW_POWER 0x80u
#define STATUS_AFTER_A_BAD_CLOSE 0x85u
#define LATE_US 1000000

/* As recorded of a 4500. */
const struct uru_delays uru_delays_recorded = { 300, 2000, 8000, 1000, 130000 };
const struct uru_delays uru_delays_none = { 0, 0, 0, 0, 0 };

static const char *const fault_names[URU_FAULTS] = {
	[URU_STALL_CONTROL] = "stall-control",
	[URU_STALL_STANDARD] = "stall-standard",
	[URU_SHORT_REGISTER] = "short-register",
	[URU_LONG_REGISTER] = "long-register",
	[URU_EMPTY_REGISTER] = "empty-register",
	[URU_STALL_IMAGE] = "stall-image",
	[URU_EMPTY_IMAGE] = "empty-image",
	[URU_SHORT_IMAGE] = "short-image",
	[URU_LONG_IMAGE] = "long-image",
	[URU_NO_IMAGE] = "no-image",
	[URU_HEADERLESS_IMAGE] = "headerless-image",
	[URU_LYING_ROWS] = "lying-rows",
	[URU_LYING_BLOCKS] = "lying-blocks",
	[URU_CLEAR_IMAGE] = "clear-image",
	[URU_NEW_KEY_IMAGE] = "new-key",
	[URU_WRONG_KEY] = "wrong-key",
	[URU_STALL_MESSAGE] = "stall-message",
	[URU_LATE_MESSAGE] = "late-message",
	[URU_LOST_MESSAGE] = "lost-message",
	[URU_DOUBLE_MESSAGE] = "double-message",
	[URU_LONG_MESSAGE] = "long-message",
	[URU_SHORT_MESSAGE] = "short-message",
	[URU_STALE_MESSAGE] = "stale-message",
	[URU_NOISE_MESSAGE] = "noise-message",
	[URU_NO_POWER] = "no-power",
	[URU_REFUSE_ANSWER] = "refuse-answer",
	[URU_WRONG_STATE] = "wrong-state",
	[URU_SILENT] = "silent",
	[URU_DISCONNECT] = "disconnect",
	[URU_DISCONNECT_END] = "disconnect-end",
};

static const char *const event_names[URU_EVENTS] = {
	[URU_TOLD_POWERED] = "powered",   [URU_TOLD_WAITING] = "waiting",
	[URU_TOLD_TOUCHED] = "touched",   [URU_TOLD_CAPTURING] = "capturing",
	[URU_TOLD_CAPTURED] = "captured", [URU_TOLD_RESTING] = "resting",
	[URU_TOLD_LIFTED] = "lifted",     [URU_TOLD_OFF] = "off",
	[URU_TOLD_HIT] = "hit",           [URU_TOLD_DISCONNECTED] = "disconnected",
};

const char *
uru_fault_name(enum uru_fault f)
{
	return fault_names[f];
}

enum uru_fault
uru_fault_named(const char *name)
{
	for (unsigned f = 0; f < URU_FAULTS; f++)
		if (strcmp(fault_names[f], name) == 0)
			return (enum uru_fault)f;
	return URU_FAULTS;
}

const char *
uru_event_name(enum uru_event e)
{
	return event_names[e];
}

void
uru_tell(struct uru_device *d, enum uru_event e, unsigned number)
{
	if (d->listener.told != NULL)
		d->listener.told(d->listener.ctx, e, number);
}

bool
uru_hits(struct uru_device *d, enum uru_fault f, int reg)
{
	struct uru_armed *a = &d->armed[f];

	if (a->count == 0 || (a->reg >= 0 && a->reg != reg))
		return false;
	if (a->skip > 0) {
		a->skip--;
		return false;
	}
	a->count--;
	d->counters.faults++;
	uru_tell(d, URU_TOLD_HIT, f);
	return true;
}

/* ---- messages ------------------------------------------------------------------------------ */

void
uru_device_say(struct uru_device *d, unsigned type)
{
	if (d->queued < URU_QUEUE_MAX)
		d->queue[d->queued++] = type;
}

void
uru_schedule(struct uru_device *d, unsigned type, int64_t at_us)
{
	if (uru_hits(d, URU_LOST_MESSAGE, -1))
		return;
	if (uru_hits(d, URU_LATE_MESSAGE, -1))
		at_us += LATE_US;
	for (unsigned n = uru_hits(d, URU_DOUBLE_MESSAGE, -1) ? 2 : 1; n > 0; n--)
		if (d->scheduled_count < URU_SCHEDULED_MAX) {
			d->scheduled[d->scheduled_count].type = type;
			d->scheduled[d->scheduled_count++].at_us = at_us;
		}
}

static size_t
first_scheduled(const struct uru_device *d)
{
	size_t first = 0;

	for (size_t i = 1; i < d->scheduled_count; i++)
		if (d->scheduled[i].at_us < d->scheduled[first].at_us)
			first = i;
	return first;
}

/* A message's time has come. */
static void
speak(struct uru_device *d)
{
	size_t i = first_scheduled(d);

	uru_device_say(d, d->scheduled[i].type);
	d->scheduled_count--;
	memmove(&d->scheduled[i], &d->scheduled[i + 1],
		(d->scheduled_count - i) * sizeof(d->scheduled[0]));
}

static void
told_by_message(struct uru_device *d, unsigned type)
{
	d->counters.messages++;
	if (type == URU_SAYS_POWERED && !d->told_powered) {
		d->told_powered = true; /* it is said three times */
		uru_tell(d, URU_TOLD_POWERED, 0);
	} else if (type == URU_SAYS_FINGER_ON) {
		uru_tell(d, URU_TOLD_TOUCHED, 0);
	} else if (type == URU_SAYS_FINGER_OFF) {
		uru_tell(d, URU_TOLD_LIFTED, 0);
	}
}

/* ---- the ends of transfers ----------------------------------------------------------------- */

static struct uru_urb **
list_of(struct uru_device *d, const struct uru_urb *u)
{
	return u->endpoint == 0              ? &d->controls
	       : u->endpoint == URU_MESSAGES ? &d->messages
	       : u->endpoint == URU_IMAGES   ? &d->images
					     : &d->others;
}

static bool
take_out(struct uru_device *d, struct uru_urb *u)
{
	for (struct uru_urb **p = list_of(d, u); *p != NULL; p = &(*p)->next)
		if (*p == u) {
			*p = u->next;
			u->next = NULL;
			return true;
		}
	return false;
}

static void
disconnected(struct uru_device *d, const struct uru_urb *u)
{
	unsigned number = u->number;

	d->gone = true;
	uru_tell(d, URU_TOLD_DISCONNECTED, number);
}

static void
end(struct uru_device *d, struct uru_urb *u)
{
	(void)take_out(d, u); /* it is there */
	d->counters.ended++;
	d->listener.ended(d->listener.ctx, u);
}

/* The n-th end may be the one at which the cable is pulled; false then. */
static bool
may_end(struct uru_device *d, struct uru_urb *u)
{
	if (uru_hits(d, URU_DISCONNECT_END, -1)) {
		disconnected(d, u);
		return false;
	}
	return true;
}

static void
end_control(struct uru_device *d)
{
	struct uru_urb *u = d->controls;

	if (may_end(d, u))
		end(d, u);
}

static void
end_message(struct uru_device *d)
{
	struct uru_urb *u = d->messages;
	unsigned type = d->queue[0];

	if (!may_end(d, u))
		return;
	d->queued--;
	memmove(d->queue, d->queue + 1, d->queued * sizeof(d->queue[0]));
	u->status = 0;
	memset(u->data, 0x55, u->bytes); /* what lay in its memory */
	u->actual = u->bytes < 64 ? u->bytes : 64;
	if (u->actual >= 2) {
		u->data[0] = (uint8_t)(type >> 8);
		u->data[1] = (uint8_t)type;
	}
	if (uru_hits(d, URU_STALL_MESSAGE, -1)) {
		u->status = -EPIPE;
		u->actual = 0;
	} else if (uru_hits(d, URU_LONG_MESSAGE, -1)) {
		u->status = -EOVERFLOW;
		u->actual = u->bytes;
	} else if (uru_hits(d, URU_SHORT_MESSAGE, -1)) {
		u->actual = u->bytes < 1 ? u->bytes : 1;
	} else {
		told_by_message(d, type);
	}
	end(d, u);
}

/* ---- images -------------------------------------------------------------------------------- */

static void
build_wire(struct uru_device *d)
{
	static const uint8_t clear_blocks[URU_BLOCKS_MAX][2] = { { 0, 144 },
								 { 1, 1 },
								 { 0, 145 } };
	static const uint8_t new_keys[URU_BLOCKS_MAX][2] = { { 2, 72 },    { 0, 1 },
							     { 0x82, 48 }, { 1, 1 },
							     { 0, 1 },     { 0x82, 50 },
							     { 2, 117 } };
	const uint8_t(*blocks)[2] = (const uint8_t(*)[2])d->blocks;
	bool says_scrambled = uru_hits(d, URU_CLEAR_IMAGE, -1);

	if (says_scrambled)
		blocks = clear_blocks;
	else if (uru_hits(d, URU_NEW_KEY_IMAGE, -1))
		blocks = new_keys;
	d->wire_bytes =
		uru_picture_wire(d->exposed, blocks, d->key_index, d->wire, d->expected);
	for (size_t b = 0; says_scrambled && b < 3; b += 2)
		d->wire[URU_AT_BLOCKS + 2 * b] |= URU_SCRAMBLED;
	d->key_index++;
	if (uru_hits(d, URU_LYING_ROWS, -1))
		d->wire[URU_AT_ROWS] = 0xff;
	if (uru_hits(d, URU_LYING_BLOCKS, -1))
		d->wire[URU_AT_BLOCKS + 1] = 0xff;
}

/* Which part of the wire goes over it. */
static void
send_wire(struct uru_device *d, struct uru_urb *u)
{
	const uint8_t *from = d->wire;
	size_t n = d->wire_bytes;

	u->status = 0;
	if (uru_hits(d, URU_STALL_IMAGE, -1)) {
		u->status = -EPIPE;
		n = 0;
	} else if (uru_hits(d, URU_EMPTY_IMAGE, -1)) {
		n = 0;
	} else if (uru_hits(d, URU_SHORT_IMAGE, -1)) {
		n /= 2;
	} else if (uru_hits(d, URU_HEADERLESS_IMAGE, -1)) {
		from += URU_HEADER_BYTES;
		n -= URU_HEADER_BYTES;
	} else if (uru_hits(d, URU_LONG_IMAGE, -1)) {
		u->status = -EOVERFLOW;
	}
	if (n > u->bytes) {
		u->status = -EOVERFLOW;
		n = u->bytes;
	}
	memcpy(u->data, from, n);
	u->actual = n;
}

static void
end_image(struct uru_device *d)
{
	struct uru_urb *u = d->images;

	if (!may_end(d, u))
		return;
	d->image_us = URU_NEVER;
	d->mode = 0;
	if (uru_hits(d, URU_NO_IMAGE, -1))
		return;
	if (!d->wire_given)
		build_wire(d);
	send_wire(d, u);
	d->counters.images++;
	uru_tell(d, URU_TOLD_CAPTURED, (unsigned)u->actual);
	end(d, u);
}

/* ---- what the host does -------------------------------------------------------------------- */

static void
end_all(struct uru_device *d, struct uru_urb **list, int status)
{
	while (*list != NULL) {
		(*list)->status = status;
		(*list)->actual = 0;
		end(d, *list);
	}
}

static void
to_power_on(struct uru_device *d)
{
	d->status = d->model->idle_status;
	d->mode = URU_MODE_OFF;
	d->configuration = 0;
	d->answered = false;
	d->recovering = 0;
	d->queued = 0;
	d->scheduled_count = 0;
	d->image_us = URU_NEVER;
	if (uru_hits(d, URU_WRONG_STATE, -1))
		d->status = STATUS_AFTER_A_BAD_CLOSE;
	if (uru_hits(d, URU_STALE_MESSAGE, -1)) {
		uru_device_say(d, URU_SAYS_FINGER_ON);
		uru_device_say(d, URU_SAYS_FINGER_OFF);
	}
	if (uru_hits(d, URU_NOISE_MESSAGE, -1)) {
		uru_device_say(d, 0x4711);
		uru_device_say(d, URU_SAYS_WILL_FAIL);
	}
}

void
uru_device_init(struct uru_device *d, const struct uru_model *m, const char *serial,
		const struct uru_listener *l)
{
	memset(d, 0, sizeof(*d));
	d->model = m;
	d->serial = serial;
	d->listener = *l;
	memcpy(d->blocks, m->blocks, sizeof(d->blocks));
	d->image_us = URU_NEVER;
}

void
uru_device_plug(struct uru_device *d, int64_t now_us)
{
	(void)now_us; /* part of the contract: a device may take its time to come up */
	assert(!d->plugged);
	d->plugged = true;
	d->silent = false;
	d->gone = false;
	d->counters.submitted = 0;
	d->counters.ended = 0;
	d->counters.plugs++;
	to_power_on(d);
}

void
uru_device_unplug(struct uru_device *d)
{
	d->plugged = false;
	d->gone = true;
	end_all(d, &d->controls, -ESHUTDOWN);
	end_all(d, &d->images, -ESHUTDOWN);
	end_all(d, &d->messages, -ESHUTDOWN);
	end_all(d, &d->others, -ESHUTDOWN);
	d->queued = 0;
	d->scheduled_count = 0;
	d->image_us = URU_NEVER;
}

void
uru_device_suspend(struct uru_device *d, int status)
{
	end_all(d, &d->controls, status);
	end_all(d, &d->images, status);
	end_all(d, &d->messages, status);
	end_all(d, &d->others, status);
	to_power_on(d);
	d->status |= STATUS_LOW_POWER;
	d->mode = 0;
}

void
uru_device_reset(struct uru_device *d, int64_t now_us)
{
	(void)now_us; /* as above */
	to_power_on(d);
}

void
uru_device_submit(struct uru_device *d, struct uru_urb *u, int64_t now_us)
{
	struct uru_urb **p = list_of(d, u);

	u->next = NULL;
	u->status = 0;
	u->actual = 0;
	u->due_us = now_us;
	u->number = ++d->counters.submitted;
	while (*p != NULL)
		p = &(*p)->next;
	*p = u;
	if (uru_hits(d, URU_SILENT, -1))
		d->silent = true;
	if (uru_hits(d, URU_DISCONNECT, -1))
		disconnected(d, u);
	else if (u->endpoint == 0 && !d->silent && !d->gone)
		uru_control(d, u, now_us);
}

bool
uru_device_cancel(struct uru_device *d, struct uru_urb *u)
{
	if (!take_out(d, u))
		return false;
	u->status = -ENOENT;
	u->actual = 0;
	d->counters.ended++;
	d->listener.ended(d->listener.ctx, u);
	return true;
}

void
uru_device_forget(struct uru_device *d, struct uru_urb *u)
{
	(void)take_out(d, u); /* it may have ended */
}

/* ---- time ---------------------------------------------------------------------------------- */

enum next_thing { NOTHING, SPEAK, CONTROL, MESSAGE, IMAGE };

static enum next_thing
next_thing(const struct uru_device *d, int64_t *ret_at)
{
	enum next_thing thing = NOTHING;
	int64_t at = URU_NEVER;

	if (d->gone || d->silent || !d->plugged)
		return NOTHING;
	if (d->messages != NULL && d->queued > 0) {
		thing = MESSAGE;
		at = d->messages->due_us;
	}
	if (d->scheduled_count > 0 && d->scheduled[first_scheduled(d)].at_us < at) {
		thing = SPEAK;
		at = d->scheduled[first_scheduled(d)].at_us;
	}
	if (d->controls != NULL && d->controls->due_us < at) {
		thing = CONTROL;
		at = d->controls->due_us;
	}
	if (d->images != NULL && d->image_us < at) {
		thing = IMAGE;
		at = d->image_us;
	}
	*ret_at = at;
	return thing;
}

int64_t
uru_device_next(const struct uru_device *d)
{
	int64_t at = URU_NEVER;

	(void)next_thing(d, &at); /* only its time is wanted */
	return at;
}

bool
uru_device_step(struct uru_device *d, int64_t now_us)
{
	int64_t at = URU_NEVER;
	enum next_thing thing = next_thing(d, &at);

	if (thing == NOTHING || at > now_us)
		return false;
	switch (thing) {
	case SPEAK:
		speak(d);
		break;
	case CONTROL:
		end_control(d);
		break;
	case MESSAGE:
		end_message(d);
		break;
	case IMAGE:
		end_image(d);
		break;
	case NOTHING:
		break;
	}
	return true;
}

/* ---- the glass ----------------------------------------------------------------------------- */

void
uru_look(struct uru_device *d, int64_t now_us)
{
	if (d->finger && d->mode == URU_MODE_FINGER_ON) {
		/* Before an image that will fail the reader says so. */
		if (d->armed[URU_EMPTY_IMAGE].count > 0 &&
		    d->armed[URU_EMPTY_IMAGE].skip == 0)
			uru_schedule(d, URU_SAYS_WILL_FAIL,
				     now_us + d->delays.message_us);
		uru_schedule(d, URU_SAYS_FINGER_ON, now_us + d->delays.message_us);
	} else if (!d->finger && d->mode == URU_MODE_FINGER_OFF) {
		uru_schedule(d, URU_SAYS_FINGER_OFF, now_us + d->delays.message_us);
	}
}

void
uru_device_finger(struct uru_device *d, const uint8_t raster[URU_RASTER_BYTES],
		  int64_t now_us)
{
	memmove(d->raster, raster, URU_RASTER_BYTES); /* it may be the same */
	if (d->finger)
		return;
	d->finger = true;
	uru_look(d, now_us);
}

void
uru_device_lift(struct uru_device *d, int64_t now_us)
{
	if (!d->finger)
		return;
	d->finger = false;
	uru_look(d, now_us);
}

void
uru_device_arm(struct uru_device *d, enum uru_fault f, int reg, unsigned count,
	       unsigned skip)
{
	d->armed[f] = (struct uru_armed){ .skip = skip, .count = count, .reg = reg };
}

void
uru_device_disarm(struct uru_device *d)
{
	memset(d->armed, 0, sizeof(d->armed));
	d->silent = false;
}
