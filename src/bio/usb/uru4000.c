/* The U.are.U 4000 driver's outside: what the port reports, and what the owner asks for. */
#include "bio/usb/uru4000.h"

#include "base/log.h"
#include "bio/usb/uru4000_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_POWERED 0x56aau
#define MESSAGE_FINGER_ON 0x0101u
#define MESSAGE_FINGER_OFF 0x0200u
#define MESSAGE_WILL_FAIL 0x0800u
#define UNEXPECTED_IN_A_ROW 3u
#define SAY_AGAIN_MAX 10u

static void
drained(struct uru4000 *u)
{
	if (u->stopping)
		uru4000_switch_off_when_free(u);
	else if (!u->busy[USB_CONTROL] && !u->busy[USB_BULK])
		uru4000_set_timer(u, STATE_RESTART_PAUSE, RESTART_MS);
}

/* Those in which a reader that is to be dark looks for a finger, or at one. */
static bool
is_looking(enum uru4000_state s)
{
	return s == STATE_STILL_POWERED || s == STATE_SET_FINGER_ON ||
	       s == STATE_SET_CAPTURE || s == STATE_KEY_WRITE || s == STATE_KEY_READ ||
	       s == STATE_SET_FINGER_OFF || s == STATE_WAIT_FINGER_ON ||
	       s == STATE_WAIT_IMAGE || s == STATE_WAIT_FINGER_OFF;
}

static void
control_done(struct uru4000 *u, enum usb_status s, size_t actual)
{
	if (u->state == STATE_SET_OFF) {
		uru4000_switched_off(
			u); /* also when it went wrong: nothing more can be done */
		return;
	}
	if (u->state == STATE_DRAIN) {
		drained(u);
		return;
	}
	assert(u->state < STATE_STEPS);
	if (u->stopping) {
		uru4000_switch_off_when_free(u);
	} else if (s == USB_DONE && u->dark && is_looking(u->state)) {
		uru4000_go_dark(u);
	} else if (s == USB_DONE && actual == uru4000_step_of(u->state)->bytes) {
		uru4000_step_of(u->state)->next(u);
	} else if (s == USB_STALLED && !u->retried) {
		u->retried = true;
		uru4000_submit_step(u);
	} else if (s == USB_DONE) {
		uru4000_trouble(u, "a register has another length");
	} else {
		uru4000_restart(u, "a register cannot be reached");
	}
}

static void
bulk_done(struct uru4000 *u, enum usb_status s, size_t actual)
{
	u->image_status = s;
	u->image_bytes =
		actual < URU4000_TRANSFER_BYTES ? actual : URU4000_TRANSFER_BYTES;
	if (u->state != STATE_SET_CAPTURE && u->state != STATE_WAIT_IMAGE)
		uru4000_forget_picture(u); /* it came too late */
	if (u->state == STATE_DRAIN)
		drained(u);
	else if (u->stopping)
		return; /* cancelled by that */
	else if (s == USB_STALLED)
		uru4000_broken(u, false, "the image endpoint has stalled");
	else if (u->state == STATE_WAIT_IMAGE)
		uru4000_image_arrived(u);
}

/* A row of messages that nobody waited for: ours may have been lost among them. */
static void
unexpected_message(struct uru4000 *u, unsigned type)
{
	u->counters.unexpected++;
	log_debug("%s: message %04x was not expected", u->label, type);
	if (++u->unexpected < UNEXPECTED_IN_A_ROW)
		return;
	u->unexpected = 0;
	if (u->state != STATE_WAIT_FINGER_ON && u->state != STATE_WAIT_FINGER_OFF)
		return; /* these are guarded by times of their own */
	if (++u->said_again > SAY_AGAIN_MAX) {
		u->said_again = 0;
		uru4000_trouble(u, "nothing but unexpected messages");
	} else if (u->state == STATE_WAIT_FINGER_ON) {
		uru4000_set_finger_on(u);
	} else {
		uru4000_set_finger_off(u);
	}
}

/* Where the message that is waited for can come before it is waited for. */
static bool
may_be_early(const struct uru4000 *u)
{
	return u->state == STATE_STILL_POWERED || u->state == STATE_SET_FINGER_ON ||
	       u->state == STATE_SET_FINGER_OFF;
}

static void
message(struct uru4000 *u, unsigned type)
{
	unsigned awaited = u->presenting ? MESSAGE_FINGER_OFF : MESSAGE_FINGER_ON;

	if (type == MESSAGE_POWERED) {
		u->powered = true; /* it may come thrice, and early */
		if (u->state == STATE_WAIT_POWERED)
			uru4000_enter(u, STATE_VERSION);
	} else if (type == MESSAGE_FINGER_ON && u->state == STATE_WAIT_FINGER_ON) {
		uru4000_touched(u);
	} else if (type == MESSAGE_FINGER_OFF && u->state == STATE_WAIT_FINGER_OFF) {
		uru4000_lifted(u);
	} else if (type == awaited && may_be_early(u)) {
		u->early_message = true;
	} else if (type == MESSAGE_WILL_FAIL) {
		log_debug("%s: says that the next image will fail", u->label);
	} else {
		unexpected_message(u, type);
	}
}

static void
interrupt_done(struct uru4000 *u, enum usb_status s, size_t actual)
{
	unsigned type = actual < 2 ? 0 : (unsigned)u->message[0] << 8 | u->message[1];

	if (s == USB_STALLED) {
		uru4000_broken(u, false, "the message endpoint has stalled");
	} else if (s != USB_DONE) {
		/* A restart listens again; one that is under way does so by itself. */
		if (u->state != STATE_DRAIN && u->state != STATE_RESTART_PAUSE &&
		    !u->stopping)
			uru4000_restart(u, "messages cannot be read");
	} else if (actual == 0 && u->state != STATE_DRAIN &&
		   u->state != STATE_RESTART_PAUSE && !u->stopping) {
		/* No reader says nothing: the kernel has ended the read, after a suspend. */
		uru4000_trouble(u, "was suspended or reset");
	} else if (uru4000_listen_for_messages(u) && !u->stopping) {
		message(u, type);
	}
}

static void
uru4000_done(void *device, enum usb_pipe pipe, enum usb_status s, size_t actual)
{
	struct uru4000 *u = device;

	assert(u->busy[pipe]);
	u->busy[pipe] = false;
	if (s != USB_DONE && s != USB_CANCELLED && s != USB_GONE)
		u->counters.errors++;
	if (u->state == STATE_CLOSING)
		uru4000_stopped_when_quiet(u);
	else if (u->state == STATE_BROKEN)
		return;
	else if (s == USB_GONE)
		uru4000_broken(u, true, "unplugged");
	else if (pipe == USB_CONTROL)
		control_done(u, s, actual);
	else if (pipe == USB_BULK)
		bulk_done(u, s, actual);
	else
		interrupt_done(u, s, actual);
}

static void
uru4000_timeout(void *device)
{
	struct uru4000 *u = device;

	if (u->state == STATE_RECOVER_PAUSE) {
		uru4000_enter(u, STATE_RECOVER_CHECK);
	} else if (u->state == STATE_POWER_PAUSE) {
		if ((u->model->quirks & URU4000_WANTS_ANSWER) != 0)
			uru4000_enter(u, STATE_CHALLENGE);
		else
			uru4000_power_up(u);
	} else if (u->state == STATE_WAIT_POWERED) {
		uru4000_not_powered(u);
	} else if (u->state == STATE_WAIT_FINGER_ON) {
		uru4000_look_at_power(u);
	} else if (u->state == STATE_WAIT_FINGER_OFF) {
		uru4000_finger_rests(u);
	} else if (u->state == STATE_RESTART_PAUSE) {
		uru4000_bring_up(u);
	}
}

static void
uru4000_start(void *device)
{
	struct uru4000 *u = device;

	assert(u->state == STATE_NEW);
	uru4000_bring_up(u);
}

static void
uru4000_arm(void *device, bool on)
{
	struct uru4000 *u = device;

	u->dark = !on;
	if (u->stopping || u->busy[USB_CONTROL])
		return; /* seen when that is done */
	if (on && u->state == STATE_DARK)
		uru4000_bring_up(u);
	else if (!on && is_looking(u->state))
		uru4000_go_dark(u);
}

static void
uru4000_stop(void *device)
{
	struct uru4000 *u = device;
	bool untouched = u->state == STATE_NEW || u->state == STATE_BROKEN;

	if (u->stopping)
		return;
	u->stopping = true;
	u->port.ops->timer_cancel(u->port.ctx);
	if (untouched)
		uru4000_switched_off(u);
	else if (u->state != STATE_DRAIN)
		uru4000_switch_off_when_free(u);
}

static void *
uru4000_free(void *device)
{
	struct uru4000 *u = device;

	if (u == NULL)
		return NULL;
	for (size_t i = 0; i < USB_PIPES; i++)
		assert(!u->busy[i]);
	secret_free(u->secret);
	free(u);
	return NULL;
}

static bool
setting(enum reader_setting s, bool by_default)
{
	return s == READER_DEFAULT ? by_default : s == READER_YES;
}

static int
uru4000_new(const struct usb_model *m, const struct usb_device_options *o,
	    struct usb_port port, const struct usb_device_events *e, void **ret_device)
{
	uint32_t dpi = o->dpi == 0 ? URU4000_DPI : o->dpi;
	struct uru4000 *u;

	if (dpi < SAMPLE_DPI_MIN || dpi > SAMPLE_DPI_MAX)
		return -EINVAL;
	u = calloc(1, sizeof(*u));
	if (u == NULL)
		return -ENOMEM;
	*u = (struct uru4000){ .port = port,
			       .events = *e,
			       .model = m,
			       .dpi = dpi,
			       .invert = setting(o->invert, true),
			       .rotate = setting(o->rotate,
						 (m->quirks & URU4000_UPSIDE_DOWN) != 0),
			       .label = o->label,
			       .state = STATE_NEW };
	if (secret_new(sizeof(*u->picture), &u->secret) < 0) {
		free(u);
		return -ENOMEM;
	}
	u->picture = (void *)secret_bytes(u->secret);
	*ret_device = u;
	return 0;
}

static const struct usb_counters *
uru4000_counters(const void *device)
{
	return &((const struct uru4000 *)device)->counters;
}

static const struct usb_model models[] = {
	{ 0x045e, 0x00bb, 0, "Microsoft keyboard with fingerprint reader" },
	{ 0x045e, 0x00bc, 0, "Microsoft IntelliMouse Explorer with fingerprint reader" },
	{ 0x045e, 0x00bd, 0, "Microsoft Fingerprint Reader" },
	{ 0x045e, 0x00ca, URU4000_WANTS_ANSWER, "Microsoft Fingerprint Reader v2" },
	{ 0x05ba, 0x0007, 0, "U.are.U 4000" },
	{ 0x05ba, 0x0008, 0, "U.are.U fingerprint keyboard" },
	{ 0x05ba, 0x000a, URU4000_UPSIDE_DOWN, "U.are.U 4000B or 4500" },
};

const struct usb_device_driver uru4000_driver = {
	.name = "uru4000",
	.models = models,
	.models_count = sizeof(models) / sizeof(models[0]),
	.bulk_in = 0x82,
	.interrupt_in = 0x81,
	.new = uru4000_new,
	.start = uru4000_start,
	.arm = uru4000_arm,
	.stop = uru4000_stop,
	.done = uru4000_done,
	.timeout = uru4000_timeout,
	.counters = uru4000_counters,
	.free = uru4000_free,
};
