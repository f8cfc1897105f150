/* The U.are.U 4000 driver's bring-up: off, on, and what it takes until a finger may come. */
#include "bio/usb/uru4000_private.h"

#include "base/log.h"
#include "base/plain/str.h"
#include "bio/usb/uru4000_answer.h"

#include <string.h>

#define STATUS_WRONG 0x04u
#define STATUS_HEALTHY 0x01u
#define STATUS_POWER_BITS 0x0fu
#define POWERED_MS 300u
#define PAUSE_MS 10u
#define POWER_TRIES_MAX 100u
#define POWER_ROUNDS_MAX 3u

void
uru4000_power_up(struct uru4000 *u)
{
	uru4000_enter_byte(u, STATE_POWER_UP, u->status & STATUS_POWER_BITS);
}

void
uru4000_bring_up(struct uru4000 *u)
{
	u->tries = 0;
	u->unexpected = 0;
	if (uru4000_listen_for_messages(u))
		uru4000_enter(u, STATE_READ_STATUS);
}

/* The scanner must be off before it can be switched on. */
static void
power_down_first(struct uru4000 *u)
{
	u->tries = 0;
	u->powered = false;
	if ((u->status & STATUS_LOW_POWER) != 0)
		uru4000_power_up(u);
	else
		uru4000_enter_byte(u, STATE_POWER_DOWN, u->status | STATUS_LOW_POWER);
}

static void
got_status(struct uru4000 *u)
{
	u->status = u->control[0];
	if ((u->status & (STATUS_LOW_POWER | STATUS_WRONG)) ==
	    (STATUS_LOW_POWER | STATUS_WRONG))
		uru4000_enter_byte(u, STATE_RECOVER, u->status & STATUS_POWER_BITS);
	else
		power_down_first(u);
}

static void
recover_pause(struct uru4000 *u)
{
	uru4000_set_timer(u, STATE_RECOVER_PAUSE, PAUSE_MS);
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
		uru4000_trouble(u, "does not recover from a bad state");
	}
}

static void
power_set(struct uru4000 *u)
{
	uru4000_enter(u, STATE_POWER_CHECK);
}

static void
wait_until_powered(struct uru4000 *u)
{
	if (u->powered)
		uru4000_enter(u, STATE_VERSION);
	else
		uru4000_set_timer(u, STATE_WAIT_POWERED, POWERED_MS);
}

static void
power_checked(struct uru4000 *u)
{
	if ((u->control[0] & STATUS_LOW_POWER) == 0)
		wait_until_powered(u);
	else if (++u->tries < POWER_TRIES_MAX)
		uru4000_set_timer(u, STATE_POWER_PAUSE, PAUSE_MS);
	else
		uru4000_trouble(u, "does not power up");
}

static void
got_challenge(struct uru4000 *u)
{
	uint8_t answer[URU4000_ANSWER_BYTES];

	if (uru4000_answer(u->control, answer) < 0) {
		uru4000_trouble(u, "no answer to its challenge can be made");
		return;
	}
	memcpy(u->control, answer, sizeof(answer));
	uru4000_enter(u, STATE_ANSWER);
}

void
uru4000_not_powered(struct uru4000 *u)
{
	u->counters.errors++;
	if (++u->rounds < POWER_ROUNDS_MAX)
		uru4000_bring_up(u);
	else
		uru4000_broken(u, false, "does not say that it has power");
}

static void
got_version(struct uru4000 *u)
{
	char hex[2 * 16 + 1];

	(void)hex_encode(hex, sizeof(hex), u->control, 16); /* fits */
	log_debug("%s: %s, version block %s", u->label, u->model->name, hex);
	u->rounds = 0;
	if (u->dark)
		uru4000_go_dark(u);
	else
		uru4000_set_finger_on(u);
	if (u->state == STATE_SET_FINGER_ON || u->state == STATE_SET_DARK)
		u->events.ready(u->events.ctx);
}

const struct uru4000_step uru4000_power_steps[STATE_STILL_POWERED] = {
	[STATE_READ_STATUS] = { 0x0007, 1, false, got_status },
	[STATE_RECOVER] = { 0x0007, 1, true, recover_pause },
	[STATE_RECOVER_CHECK] = { 0x0007, 1, false, recover_checked },
	[STATE_POWER_DOWN] = { 0x0007, 1, true, uru4000_power_up },
	[STATE_POWER_UP] = { 0x0007, 1, true, power_set },
	[STATE_POWER_CHECK] = { 0x0007, 1, false, power_checked },
	[STATE_CHALLENGE] = { 0x2010, URU4000_ANSWER_BYTES, false, got_challenge },
	[STATE_ANSWER] = { 0x2000, URU4000_ANSWER_BYTES, true, uru4000_power_up },
	[STATE_VERSION] = { 0x00f0, 16, false, got_version },
};
