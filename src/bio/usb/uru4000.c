#include "bio/usb/uru4000.h"

#include "base/log.h"
#include "base/secret.h"
#include "bio/usb/uru4000_answer.h"
#include "bio/usb/uru4000_image.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_WRITE 0x40u
#define TYPE_READ 0xc0u
#define REQUEST_REGISTER 0x04u

#define STATUS_LOW_POWER 0x80u
#define STATUS_WRONG 0x04u
#define STATUS_HEALTHY 0x01u
#define STATUS_POWER_BITS 0x0fu

#define MODE_FINGER_ON 0x10u
#define MODE_FINGER_OFF 0x12u
#define MODE_CAPTURE 0x20u
#define MODE_OFF 0x70u

#define MESSAGE_BYTES 64u
#define MESSAGE_POWERED 0x56aau
#define MESSAGE_FINGER_ON 0x0101u
#define MESSAGE_FINGER_OFF 0x0200u
#define MESSAGE_WILL_FAIL 0x0800u

#define CONTROL_MS 1000u
#define IMAGE_MS 2000u
#define POWERED_MS 300u
#define PAUSE_MS 10u
#define RESTART_MS 100u
/* A lost message would leave the reader waiting for good, so what it waits for is said again. */
#define SAY_AGAIN_ON_MS 60000u
#define SAY_AGAIN_OFF_MS 5000u

#define POWER_TRIES_MAX 100u
#define POWER_ROUNDS_MAX 3u
#define FAILURES_MAX 3u
#define UNEXPECTED_IN_A_ROW 3u
#define SAY_AGAIN_MAX 10u
#define EMPTY_PRESENTATIONS_MAX 5u
#define KEYS_MAX (URU4000_BLOCKS_MAX + 1)
#define KEY_REQUEST_BYTES 5u

enum state {
	STATE_NEW,
	/* Those with a control transfer: see steps. */
	STATE_READ_STATUS,
	STATE_RECOVER,
	STATE_RECOVER_CHECK,
	STATE_POWER_DOWN,
	STATE_POWER_UP,
	STATE_POWER_CHECK,
	STATE_CHALLENGE,
	STATE_ANSWER,
	STATE_VERSION,
	STATE_STILL_POWERED,
	STATE_SET_FINGER_ON,
	STATE_SET_CAPTURE,
	STATE_KEY_WRITE,
	STATE_KEY_READ,
	STATE_SET_FINGER_OFF,
	STATE_SET_OFF,
	STATE_STEPS, /* how many of them */
	/* Those that wait for the reader or the time. */
	STATE_RECOVER_PAUSE = STATE_STEPS,
	STATE_POWER_PAUSE,
	STATE_WAIT_POWERED,
	STATE_WAIT_FINGER_ON,
	STATE_WAIT_IMAGE,
	STATE_WAIT_FINGER_OFF,
	STATE_DRAIN, /* restarting: for transfers that are cancelled */
	STATE_RESTART_PAUSE,
	STATE_CLOSING, /* switched off: for transfers that are cancelled */
	STATE_STOPPED,
	STATE_BROKEN
};

struct uru4000 {
	struct usb_port port;
	struct usb_device_events events;
	const struct usb_model *model;
	uint32_t dpi;
	bool invert, rotate;
	const char *label;
	enum state state;
	bool busy[USB_PIPES];
	bool stopping;
	bool retried;      /* the control transfer of this step */
	bool powered;      /* the reader said so since it was told to power up */
	bool early_finger; /* the message came before the mode was acknowledged */
	bool presenting;   /* touched was told, and its end was not */
	uint8_t status;
	unsigned tries, rounds, failures, unexpected, said_again;
	unsigned bad_frames, frames, empty_presentations;
	enum usb_status image_status;
	size_t image_bytes;
	struct uru4000_image image;
	uint32_t seed, keys[KEYS_MAX], keys_known;
	struct usb_counters counters;
	uint8_t control[USB_CONTROL_BYTES_MAX];
	uint8_t message[MESSAGE_BYTES];
	struct secret *raw; /* URU4000_TRANSFER_BYTES */
};

/* What each step with a control transfer asks, and where it goes on. */
struct step {
	uint16_t address;
	uint8_t bytes;
	bool write;
	void (*next)(struct uru4000 *u);
};
static const struct step
	steps[STATE_STEPS]; /* its functions need enter, and enter needs it */

static void
cancel(struct uru4000 *u, enum usb_pipe pipe)
{
	if (u->busy[pipe])
		u->port.ops->cancel(u->port.ctx, pipe);
}

static void
stopped_when_quiet(struct uru4000 *u)
{
	if (u->busy[USB_CONTROL] || u->busy[USB_BULK] || u->busy[USB_INTERRUPT])
		return;
	u->state = STATE_STOPPED;
	u->events.stopped(u->events.ctx);
}

static void
switched_off(struct uru4000 *u)
{
	u->state = STATE_CLOSING;
	cancel(u, USB_CONTROL);
	cancel(u, USB_BULK);
	cancel(u, USB_INTERRUPT);
	stopped_when_quiet(u);
}

static void
broken(struct uru4000 *u, bool gone, const char *why)
{
	u->port.ops->timer_cancel(u->port.ctx);
	if (u->stopping) {
		switched_off(u);
		return;
	}
	u->state = STATE_BROKEN;
	u->events.broken(u->events.ctx, gone, why);
}

static void
set_timer(struct uru4000 *u, enum state state, unsigned delay_ms)
{
	u->state = state;
	if (u->port.ops->timer(u->port.ctx, delay_ms) < 0)
		broken(u, false, "no timer");
}

/* Whatever becomes of the finger, its presentation ends here. */
static void
abandon_presentation(struct uru4000 *u, const char *why)
{
	if (!u->presenting)
		return;
	u->presenting = false;
	if (u->frames == 0 && u->bad_frames < URU4000_TRIES)
		u->events.failed(u->events.ctx, why);
	if (!u->stopping)
		u->events.lifted(u->events.ctx);
}

/*
 * Starts over with the bring-up, or gives up when that has not helped before. A finger that still
 * lies there then is a new presentation.
 */
static void
restart(struct uru4000 *u, const char *why)
{
	u->counters.restarts++;
	if (++u->failures > FAILURES_MAX) {
		broken(u, false, why);
		return;
	}
	log_debug("%s: %s, starting it again", u->label, why);
	u->state = STATE_DRAIN;
	cancel(u, USB_CONTROL);
	cancel(u, USB_BULK);
	if (!u->busy[USB_CONTROL] && !u->busy[USB_BULK])
		set_timer(u, STATE_RESTART_PAUSE, RESTART_MS);
	if (u->state != STATE_BROKEN)
		abandon_presentation(u, why);
}

/* As restart, where no transfer has failed by itself. */
static void
trouble(struct uru4000 *u, const char *why)
{
	u->counters.errors++;
	restart(u, why);
}

/* A transfer could not even be started. */
static void
refused(struct uru4000 *u, int rc)
{
	if (rc == -ENODEV) {
		broken(u, true, "unplugged");
	} else {
		u->counters.errors++;
		broken(u, false, "a transfer cannot be started");
	}
}

static bool
listen_for_messages(struct uru4000 *u)
{
	int rc;

	if (u->busy[USB_INTERRUPT])
		return true;
	rc = u->port.ops->interrupt_in(u->port.ctx, u->message, sizeof(u->message));
	if (rc < 0) {
		refused(u, rc);
		return false;
	}
	u->busy[USB_INTERRUPT] = true;
	return true;
}

/* Starts a step's control transfer; what is written already stands in u->control. */
static void
submit_step(struct uru4000 *u)
{
	const struct step *s = &steps[u->state];
	const struct usb_request q = { s->write ? TYPE_WRITE : TYPE_READ,
				       REQUEST_REGISTER, s->address };
	int rc = u->port.ops->control(u->port.ctx, q, u->control, s->bytes, CONTROL_MS);

	if (rc < 0)
		refused(u, rc);
	else
		u->busy[USB_CONTROL] = true;
}

static void
enter(struct uru4000 *u, enum state state)
{
	assert(state > STATE_NEW && state < STATE_STEPS);
	assert(!u->busy[USB_CONTROL]);
	u->port.ops->timer_cancel(u->port.ctx);
	u->state = state;
	u->retried = false;
	submit_step(u);
}

static void
enter_byte(struct uru4000 *u, enum state state, unsigned byte)
{
	u->control[0] = (uint8_t)byte;
	enter(u, state);
}

/* Stopping waits only for the control transfer that is under way. */
static void
switch_off_when_free(struct uru4000 *u)
{
	if (u->busy[USB_CONTROL] || u->state >= STATE_CLOSING)
		return;
	cancel(u, USB_BULK);
	enter_byte(u, STATE_SET_OFF, MODE_OFF);
}

/* ---- bring-up ------------------------------------------------------------------------------ */

static void
power_up(struct uru4000 *u)
{
	enter_byte(u, STATE_POWER_UP, u->status & STATUS_POWER_BITS);
}

static void
bring_up(struct uru4000 *u)
{
	u->tries = 0;
	u->unexpected = 0;
	if (listen_for_messages(u))
		enter(u, STATE_READ_STATUS);
}

/* The scanner must be off before it can be switched on. */
static void
power_down_first(struct uru4000 *u)
{
	u->tries = 0;
	u->powered = false;
	if ((u->status & STATUS_LOW_POWER) != 0)
		power_up(u);
	else
		enter_byte(u, STATE_POWER_DOWN, u->status | STATUS_LOW_POWER);
}

static void
got_status(struct uru4000 *u)
{
	u->status = u->control[0];
	if ((u->status & (STATUS_LOW_POWER | STATUS_WRONG)) ==
	    (STATUS_LOW_POWER | STATUS_WRONG))
		enter_byte(u, STATE_RECOVER, u->status & STATUS_POWER_BITS);
	else
		power_down_first(u);
}

static void
recover_pause(struct uru4000 *u)
{
	set_timer(u, STATE_RECOVER_PAUSE, PAUSE_MS);
}

static void
recover_checked(struct uru4000 *u)
{
	if ((u->control[0] & STATUS_HEALTHY) != 0) {
		u->status = u->control[0];
		power_down_first(u);
	} else if (++u->tries < POWER_TRIES_MAX) {
		recover_pause(u);
	} else {
		trouble(u, "does not recover from a bad state");
	}
}

static void
power_set(struct uru4000 *u)
{
	enter(u, STATE_POWER_CHECK);
}

static void
wait_until_powered(struct uru4000 *u)
{
	if (u->powered)
		enter(u, STATE_VERSION);
	else
		set_timer(u, STATE_WAIT_POWERED, POWERED_MS);
}

static void
power_checked(struct uru4000 *u)
{
	if ((u->control[0] & STATUS_LOW_POWER) == 0)
		wait_until_powered(u);
	else if (++u->tries < POWER_TRIES_MAX)
		set_timer(u, STATE_POWER_PAUSE, PAUSE_MS);
	else
		trouble(u, "does not power up");
}

static void
got_challenge(struct uru4000 *u)
{
	uint8_t answer[URU4000_ANSWER_BYTES];

	if (uru4000_answer(u->control, answer) < 0) {
		trouble(u, "no answer to its challenge can be made");
		return;
	}
	memcpy(u->control, answer, sizeof(answer));
	enter(u, STATE_ANSWER);
}

static void
not_powered(struct uru4000 *u)
{
	u->counters.errors++;
	if (++u->rounds < POWER_ROUNDS_MAX)
		bring_up(u);
	else
		broken(u, false, "does not say that it has power");
}

/* ---- presentations ------------------------------------------------------------------------- */

static void
set_finger_on(struct uru4000 *u)
{
	u->early_finger = false;
	enter_byte(u, STATE_SET_FINGER_ON, MODE_FINGER_ON);
}

static void
set_finger_off(struct uru4000 *u)
{
	u->early_finger = false;
	enter_byte(u, STATE_SET_FINGER_OFF, MODE_FINGER_OFF);
}

static void
got_version(struct uru4000 *u)
{
	char hex[2 * 16 + 1];

	(void)hex_encode(hex, sizeof(hex), u->control, 16); /* fits */
	log_debug("%s: %s, version block %s", u->label, u->model->name, hex);
	u->rounds = 0;
	set_finger_on(u);
	if (u->state == STATE_SET_FINGER_ON)
		u->events.ready(u->events.ctx);
}

/* The read waits before the image is asked for, or its beginning could be lost. */
static void
capture(struct uru4000 *u)
{
	int rc;

	if (u->busy[USB_BULK]) {
		trouble(u, "the image before is still under way");
		return;
	}
	u->image_bytes = 0;
	u->keys_known = 0;
	rc = u->port.ops->bulk_in(u->port.ctx, secret_bytes(u->raw),
				  URU4000_TRANSFER_BYTES, IMAGE_MS);
	if (rc < 0) {
		refused(u, rc);
		return;
	}
	u->busy[USB_BULK] = true;
	enter_byte(u, STATE_SET_CAPTURE, MODE_CAPTURE);
}

static void
touched(struct uru4000 *u)
{
	u->unexpected = 0;
	u->said_again = 0;
	u->bad_frames = 0;
	u->frames = 0;
	capture(u);
	if (u->state == STATE_SET_CAPTURE) {
		u->presenting = true;
		u->events.touched(u->events.ctx);
	}
}

static void
bad_image(struct uru4000 *u, const char *why)
{
	u->counters.bad_images += u->image_status == USB_DONE; /* else counted already */
	log_debug("%s: %s (%zu bytes, %s)", u->label, why, u->image_bytes,
		  usb_status_name(u->image_status));
	if (++u->bad_frames < URU4000_TRIES) {
		capture(u);
		return;
	}
	if (u->frames == 0) {
		u->empty_presentations++;
		u->events.failed(u->events.ctx, why);
	}
	if (u->stopping)
		return;
	if (u->empty_presentations >= EMPTY_PRESENTATIONS_MAX)
		broken(u, false, "one presentation after the other without an image");
	else
		set_finger_off(u);
}

/* NULL and why not. */
static struct sample *
decode(struct uru4000 *u, const char **ret_why)
{
	struct sample *s = NULL;

	if (sample_new(URU4000_COLUMNS, u->image.rows, u->dpi, &s) < 0) {
		*ret_why = "image: no memory";
		return NULL;
	}
	uru4000_image_decode(&u->image, u->keys, s->grey);
	if (uru4000_image_is_noise(&u->image, s->grey)) {
		*ret_why = "image: the key does not fit";
		return sample_free(s);
	}
	uru4000_image_orient(s->grey, (size_t)s->width * s->height, u->invert, u->rotate);
	(void)str_copy(s->device, sizeof(s->device), str_of(u->label)); /* may be cut */
	return s;
}

/* More frames of this presentation, as the service wants, or the end of it. */
static void
image_whole(struct uru4000 *u)
{
	const char *why = NULL;
	struct sample *s = decode(u, &why);
	bool more;

	if (s == NULL) {
		bad_image(u, why);
		return;
	}
	u->counters.images++;
	u->frames++;
	u->failures = 0;
	u->empty_presentations = 0;
	more = u->events.sample(u->events.ctx, s);
	if (u->stopping)
		return;
	if (more && u->frames < URU4000_FRAMES_MAX)
		capture(u);
	else
		set_finger_off(u);
}

/* The seed hides the key on the wire; any will do. */
static void
ask_key(struct uru4000 *u)
{
	u->seed = u->port.ops->random(u->port.ctx);
	u->control[0] = (uint8_t)(u->image.key_index + u->keys_known);
	for (size_t i = 0; i < 4; i++)
		u->control[1 + i] = (uint8_t)(u->seed >> 8 * i);
	enter(u, STATE_KEY_WRITE);
}

static void
key_asked(struct uru4000 *u)
{
	enter(u, STATE_KEY_READ);
}

static void
got_key(struct uru4000 *u)
{
	uint32_t masked = 0;

	assert(u->keys_known < KEYS_MAX);
	for (size_t i = 0; i < 4; i++)
		masked |= (uint32_t)u->control[i] << 8 * i;
	u->keys[u->keys_known++] = masked ^ u->seed;
	if (u->keys_known < u->image.keys)
		ask_key(u);
	else
		image_whole(u);
}

static void
image_arrived(struct uru4000 *u)
{
	const char *why = "image: none in time";
	bool late = u->image_status == USB_TIMED_OUT;

	if (u->image_status == USB_OVERFLOWED) {
		bad_image(u, "image: longer than asked for");
	} else if (u->image_status != USB_DONE && !late) {
		restart(u, "image: the transfer failed");
	} else if ((late && u->image_bytes == 0) ||
		   uru4000_image_parse(secret_bytes_const(u->raw), u->image_bytes,
				       &u->image, &why) < 0) {
		bad_image(u, why);
	} else if (u->image.keys > 0) {
		u->keys_known = 0;
		ask_key(u);
	} else {
		image_whole(u);
	}
}

static void
capture_set(struct uru4000 *u)
{
	u->state = STATE_WAIT_IMAGE;
	if (!u->busy[USB_BULK])
		image_arrived(u);
}

static void
finger_on_set(struct uru4000 *u)
{
	if (u->early_finger)
		touched(u);
	else
		set_timer(u, STATE_WAIT_FINGER_ON, SAY_AGAIN_ON_MS);
}

/* A reader that lost its power and its registers acknowledges every mode and sees no finger. */
static void
got_still_powered(struct uru4000 *u)
{
	if ((u->control[0] & STATUS_LOW_POWER) != 0)
		trouble(u, "has lost its power");
	else if (u->early_finger)
		touched(u);
	else
		set_finger_on(u);
}

static void
lifted(struct uru4000 *u)
{
	u->unexpected = 0;
	u->said_again = 0;
	u->presenting = false;
	u->events.lifted(u->events.ctx);
	if (!u->stopping)
		set_finger_on(u);
}

static void
finger_off_set(struct uru4000 *u)
{
	if (u->early_finger)
		lifted(u);
	else
		set_timer(u, STATE_WAIT_FINGER_OFF, SAY_AGAIN_OFF_MS);
}

static const struct step steps[STATE_STEPS] = {
	[STATE_READ_STATUS] = { 0x0007, 1, false, got_status },
	[STATE_RECOVER] = { 0x0007, 1, true, recover_pause },
	[STATE_RECOVER_CHECK] = { 0x0007, 1, false, recover_checked },
	[STATE_POWER_DOWN] = { 0x0007, 1, true, power_up },
	[STATE_POWER_UP] = { 0x0007, 1, true, power_set },
	[STATE_POWER_CHECK] = { 0x0007, 1, false, power_checked },
	[STATE_CHALLENGE] = { 0x2010, URU4000_ANSWER_BYTES, false, got_challenge },
	[STATE_ANSWER] = { 0x2000, URU4000_ANSWER_BYTES, true, power_up },
	[STATE_VERSION] = { 0x00f0, 16, false, got_version },
	[STATE_STILL_POWERED] = { 0x0007, 1, false, got_still_powered },
	[STATE_SET_FINGER_ON] = { 0x004e, 1, true, finger_on_set },
	[STATE_SET_CAPTURE] = { 0x004e, 1, true, capture_set },
	[STATE_KEY_WRITE] = { 0x0033, KEY_REQUEST_BYTES, true, key_asked },
	[STATE_KEY_READ] = { 0x0034, 4, false, got_key },
	[STATE_SET_FINGER_OFF] = { 0x004e, 1, true, finger_off_set },
	[STATE_SET_OFF] = { 0x004e, 1, true, switched_off },
};

/* ---- what the port reports ----------------------------------------------------------------- */

static void
drained(struct uru4000 *u)
{
	if (u->stopping)
		switch_off_when_free(u);
	else if (!u->busy[USB_CONTROL] && !u->busy[USB_BULK])
		set_timer(u, STATE_RESTART_PAUSE, RESTART_MS);
}

static void
control_done(struct uru4000 *u, enum usb_status s, size_t actual)
{
	if (u->state == STATE_SET_OFF) {
		switched_off(u); /* also when it went wrong: nothing more can be done */
		return;
	}
	if (u->state == STATE_DRAIN) {
		drained(u);
		return;
	}
	assert(u->state < STATE_STEPS);
	if (u->stopping) {
		switch_off_when_free(u);
	} else if (s == USB_DONE && actual == steps[u->state].bytes) {
		steps[u->state].next(u);
	} else if (s == USB_STALLED && !u->retried) {
		u->retried = true;
		submit_step(u);
	} else if (s == USB_DONE) {
		trouble(u, "a register has another length");
	} else {
		restart(u, "a register cannot be reached");
	}
}

static void
bulk_done(struct uru4000 *u, enum usb_status s, size_t actual)
{
	u->image_status = s;
	u->image_bytes =
		actual < URU4000_TRANSFER_BYTES ? actual : URU4000_TRANSFER_BYTES;
	if (u->state == STATE_DRAIN)
		drained(u);
	else if (u->stopping)
		return; /* cancelled by that */
	else if (s == USB_STALLED)
		broken(u, false, "the image endpoint has stalled");
	else if (u->state == STATE_WAIT_IMAGE)
		image_arrived(u);
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
		trouble(u, "nothing but unexpected messages");
	} else if (u->state == STATE_WAIT_FINGER_ON) {
		set_finger_on(u);
	} else {
		set_finger_off(u);
	}
}

static void
message(struct uru4000 *u, unsigned type)
{
	if (type == MESSAGE_POWERED) {
		u->powered = true; /* it may come thrice, and early */
		if (u->state == STATE_WAIT_POWERED)
			enter(u, STATE_VERSION);
	} else if (type == MESSAGE_FINGER_ON && u->state == STATE_WAIT_FINGER_ON) {
		touched(u);
	} else if (type == MESSAGE_FINGER_OFF && u->state == STATE_WAIT_FINGER_OFF) {
		lifted(u);
	} else if ((type == MESSAGE_FINGER_ON && (u->state == STATE_SET_FINGER_ON ||
						  u->state == STATE_STILL_POWERED)) ||
		   (type == MESSAGE_FINGER_OFF && u->state == STATE_SET_FINGER_OFF)) {
		u->early_finger = true;
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
		broken(u, false, "the message endpoint has stalled");
	} else if (s != USB_DONE) {
		/* A restart listens again; one that is under way does so by itself. */
		if (u->state != STATE_DRAIN && u->state != STATE_RESTART_PAUSE &&
		    !u->stopping)
			restart(u, "messages cannot be read");
	} else if (actual == 0 && u->state != STATE_DRAIN &&
		   u->state != STATE_RESTART_PAUSE && !u->stopping) {
		/* No reader says nothing: the kernel has ended the read, after a suspend. */
		trouble(u, "was suspended or reset");
	} else if (listen_for_messages(u) && !u->stopping) {
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
		stopped_when_quiet(u);
	else if (u->state == STATE_BROKEN)
		return;
	else if (s == USB_GONE)
		broken(u, true, "unplugged");
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
		enter(u, STATE_RECOVER_CHECK);
	} else if (u->state == STATE_POWER_PAUSE) {
		if ((u->model->quirks & URU4000_WANTS_ANSWER) != 0)
			enter(u, STATE_CHALLENGE);
		else
			power_up(u);
	} else if (u->state == STATE_WAIT_POWERED) {
		not_powered(u);
	} else if (u->state == STATE_WAIT_FINGER_ON) {
		u->failures = 0; /* a quiet minute */
		u->early_finger = false;
		enter(u, STATE_STILL_POWERED);
	} else if (u->state == STATE_WAIT_FINGER_OFF) {
		set_finger_off(u);
	} else if (u->state == STATE_RESTART_PAUSE) {
		bring_up(u);
	}
}

static void
uru4000_start(void *device)
{
	struct uru4000 *u = device;

	assert(u->state == STATE_NEW);
	bring_up(u);
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
		switched_off(u);
	else if (u->state != STATE_DRAIN)
		switch_off_when_free(u);
}

static void *
uru4000_free(void *device)
{
	struct uru4000 *u = device;

	if (u == NULL)
		return NULL;
	for (size_t i = 0; i < USB_PIPES; i++)
		assert(!u->busy[i]);
	secret_free(u->raw);
	secret_zero(u->keys, sizeof(u->keys));
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
	if (secret_new(URU4000_TRANSFER_BYTES, &u->raw) < 0) {
		free(u);
		return -ENOMEM;
	}
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
	.stop = uru4000_stop,
	.done = uru4000_done,
	.timeout = uru4000_timeout,
	.counters = uru4000_counters,
	.free = uru4000_free,
};
