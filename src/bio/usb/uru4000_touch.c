/* The U.are.U 4000 driver's presentations: from a finger laid down to a finger lifted. */
#include "bio/usb/uru4000_private.h"

#include "base/log.h"

#include <assert.h>

#define MODE_FINGER_ON 0x10u
#define MODE_FINGER_OFF 0x12u
#define MODE_CAPTURE 0x20u
#define IMAGE_MS 2000u
/* A lost message would leave the reader waiting for good, so what it waits for is said again. */
#define SAY_AGAIN_ON_MS 60000u
#define SAY_AGAIN_OFF_MS 5000u
/* Under a finger that rests, instead of saying it again: the power is looked at every minute. */
#define POWER_LOOK_EVERY 12u
#define EMPTY_PRESENTATIONS_MAX 5u
#define KEY_REQUEST_BYTES 5u

void
uru4000_set_finger_on(struct uru4000 *u)
{
	u->early_message = false;
	uru4000_enter_byte(u, STATE_SET_FINGER_ON, MODE_FINGER_ON);
}

void
uru4000_set_finger_off(struct uru4000 *u)
{
	u->early_message = false;
	uru4000_enter_byte(u, STATE_SET_FINGER_OFF, MODE_FINGER_OFF);
}

/*
 * The sensor off, and its presentation over, which is no lift; what is under way of an image is
 * dropped.
 */
void
uru4000_go_dark(struct uru4000 *u)
{
	bool presenting = u->presenting;

	u->presenting = false;
	uru4000_cancel(u, USB_BULK);
	uru4000_forget_picture(u);
	uru4000_enter_byte(u, STATE_SET_DARK, MODE_OFF);
	if (presenting && u->state == STATE_SET_DARK)
		u->events.ready(u->events.ctx);
}

/* As a new bring-up, which is how a reader that is off is known to come back. */
static void
dark_set(struct uru4000 *u)
{
	if (u->dark)
		u->state = STATE_DARK;
	else
		uru4000_bring_up(u);
}

/* The read waits before the image is asked for, or its beginning could be lost. */
static void
capture(struct uru4000 *u)
{
	int rc;

	if (u->busy[USB_BULK]) {
		uru4000_trouble(u, "the image before is still under way");
		return;
	}
	u->image_bytes = 0;
	u->keys_known = 0;
	rc = u->port.ops->bulk_in(u->port.ctx, u->picture->transfer,
				  URU4000_TRANSFER_BYTES, IMAGE_MS);
	if (rc < 0) {
		uru4000_refused(u, rc);
		return;
	}
	u->busy[USB_BULK] = true;
	uru4000_enter_byte(u, STATE_SET_CAPTURE, MODE_CAPTURE);
}

void
uru4000_touched(struct uru4000 *u)
{
	u->unexpected = 0;
	u->said_again = 0;
	u->rests = 0;
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
	uru4000_forget_picture(u);
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
		uru4000_broken(u, false,
			       "one presentation after the other without an image");
	else
		uru4000_set_finger_off(u);
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
	uru4000_image_decode(&u->image, u->picture->keys, s->grey);
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
	uru4000_forget_picture(u);
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
		uru4000_set_finger_off(u);
}

/* The seed hides the key on the wire; any will do. */
static void
ask_key(struct uru4000 *u)
{
	u->seed = u->port.ops->random(u->port.ctx);
	u->control[0] = (uint8_t)(u->image.key_index + u->keys_known);
	for (size_t i = 0; i < 4; i++)
		u->control[1 + i] = (uint8_t)(u->seed >> 8 * i);
	uru4000_enter(u, STATE_KEY_WRITE);
}

static void
key_asked(struct uru4000 *u)
{
	uru4000_enter(u, STATE_KEY_READ);
}

static void
got_key(struct uru4000 *u)
{
	uint32_t masked = 0;

	assert(u->keys_known < KEYS_MAX);
	for (size_t i = 0; i < 4; i++)
		masked |= (uint32_t)u->control[i] << 8 * i;
	u->picture->keys[u->keys_known++] = masked ^ u->seed;
	if (u->keys_known < u->image.keys)
		ask_key(u);
	else
		image_whole(u);
}

void
uru4000_image_arrived(struct uru4000 *u)
{
	const char *why = "image: none in time";
	bool late = u->image_status == USB_TIMED_OUT;

	if (u->image_status == USB_OVERFLOWED) {
		bad_image(u, "image: longer than asked for");
	} else if (u->image_status != USB_DONE && !late) {
		uru4000_restart(u, "image: the transfer failed");
	} else if ((late && u->image_bytes == 0) ||
		   uru4000_image_parse(u->picture->transfer, u->image_bytes, &u->image,
				       &why) < 0) {
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
		uru4000_image_arrived(u);
}

static void
finger_on_set(struct uru4000 *u)
{
	if (u->early_message)
		uru4000_touched(u);
	else
		uru4000_set_timer(u, STATE_WAIT_FINGER_ON, SAY_AGAIN_ON_MS);
}

void
uru4000_lifted(struct uru4000 *u)
{
	u->unexpected = 0;
	u->said_again = 0;
	u->presenting = false;
	u->events.lifted(u->events.ctx);
	if (!u->stopping)
		uru4000_set_finger_on(u);
}

static void
finger_off_set(struct uru4000 *u)
{
	if (u->early_message)
		uru4000_lifted(u);
	else
		uru4000_set_timer(u, STATE_WAIT_FINGER_OFF, SAY_AGAIN_OFF_MS);
}

/*
 * A reader that lost its power and its registers acknowledges every mode, and sees no finger come or
 * go.
 */
void
uru4000_look_at_power(struct uru4000 *u)
{
	u->failures = 0; /* a quiet minute */
	u->early_message = false;
	uru4000_enter(u, STATE_STILL_POWERED);
}

static void
got_still_powered(struct uru4000 *u)
{
	if ((u->control[0] & STATUS_LOW_POWER) != 0)
		uru4000_trouble(u, "has lost its power");
	else if (u->presenting && u->early_message)
		uru4000_lifted(u);
	else if (u->presenting)
		uru4000_set_finger_off(u);
	else if (u->early_message)
		uru4000_touched(u);
	else
		uru4000_set_finger_on(u);
}

void
uru4000_finger_rests(struct uru4000 *u)
{
	if (++u->rests % POWER_LOOK_EVERY == 0)
		uru4000_look_at_power(u);
	else
		uru4000_set_finger_off(u);
}

const struct uru4000_step uru4000_touch_steps[STATE_STEPS] = {
	[STATE_STILL_POWERED] = { 0x0007, 1, false, got_still_powered },
	[STATE_SET_FINGER_ON] = { 0x004e, 1, true, finger_on_set },
	[STATE_SET_CAPTURE] = { 0x004e, 1, true, capture_set },
	[STATE_KEY_WRITE] = { 0x0033, KEY_REQUEST_BYTES, true, key_asked },
	[STATE_KEY_READ] = { 0x0034, 4, false, got_key },
	[STATE_SET_FINGER_OFF] = { 0x004e, 1, true, finger_off_set },
	[STATE_SET_DARK] = { 0x004e, 1, true, dark_set },
	[STATE_SET_OFF] = { 0x004e, 1, true, uru4000_switched_off },
};
