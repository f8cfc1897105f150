/* The U.are.U 4000 driver's transfers: how they begin, fail, start over and end. */
#include "bio/usb/uru4000_private.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>

#define TYPE_WRITE 0x40u
#define TYPE_READ 0xc0u
#define REQUEST_REGISTER 0x04u
#define CONTROL_MS 1000u
#define FAILURES_MAX 3u

void
uru4000_cancel(struct uru4000 *u, enum usb_pipe pipe)
{
	if (u->busy[pipe])
		u->port.ops->cancel(u->port.ctx, pipe);
}

void
uru4000_stopped_when_quiet(struct uru4000 *u)
{
	if (u->busy[USB_CONTROL] || u->busy[USB_BULK] || u->busy[USB_INTERRUPT])
		return;
	u->state = STATE_STOPPED;
	u->events.stopped(u->events.ctx);
}

void
uru4000_switched_off(struct uru4000 *u)
{
	u->state = STATE_CLOSING;
	uru4000_cancel(u, USB_CONTROL);
	uru4000_cancel(u, USB_BULK);
	uru4000_cancel(u, USB_INTERRUPT);
	uru4000_stopped_when_quiet(u);
}

void
uru4000_broken(struct uru4000 *u, bool gone, const char *why)
{
	u->port.ops->timer_cancel(u->port.ctx);
	if (u->stopping) {
		uru4000_switched_off(u);
		return;
	}
	u->state = STATE_BROKEN;
	u->events.broken(u->events.ctx, gone, why);
}

void
uru4000_set_timer(struct uru4000 *u, enum uru4000_state state, unsigned delay_ms)
{
	u->state = state;
	if (u->port.ops->timer(u->port.ctx, delay_ms) < 0) {
		u->counters.errors++;
		uru4000_broken(u, false, "no timer");
	}
}

/* Nothing of a shopper's picture stays; while more of it may arrive, its end does this. */
void
uru4000_forget_picture(struct uru4000 *u)
{
	if (u->busy[USB_BULK])
		return;
	secret_zero(u->picture, sizeof(*u->picture));
	u->seed = 0;
}

/*
 * The presentation ends, and nobody has seen the finger leave: no lift is told, and ready, gone or
 * broken is what comes next.
 */
static void
abandon_presentation(struct uru4000 *u, const char *why)
{
	if (!u->presenting)
		return;
	u->presenting = false;
	if (u->frames == 0 && u->bad_frames < URU4000_TRIES)
		u->events.failed(u->events.ctx, why);
}

/*
 * Starts over with the bring-up, or gives up when that has not helped before. A finger that still
 * lies there then is a new presentation.
 */
void
uru4000_restart(struct uru4000 *u, const char *why)
{
	u->counters.restarts++;
	uru4000_forget_picture(u);
	if (++u->failures > FAILURES_MAX) {
		uru4000_broken(u, false, why);
		return;
	}
	log_debug("%s: %s, starting it again", u->label, why);
	u->state = STATE_DRAIN;
	uru4000_cancel(u, USB_CONTROL);
	uru4000_cancel(u, USB_BULK);
	if (!u->busy[USB_CONTROL] && !u->busy[USB_BULK])
		uru4000_set_timer(u, STATE_RESTART_PAUSE, RESTART_MS);
	if (u->state != STATE_BROKEN)
		abandon_presentation(u, why);
}

/* As restart, where no transfer has failed by itself. */
void
uru4000_trouble(struct uru4000 *u, const char *why)
{
	u->counters.errors++;
	uru4000_restart(u, why);
}

/* A transfer could not even be started. */
void
uru4000_refused(struct uru4000 *u, int rc)
{
	if (rc == -ENODEV) {
		uru4000_broken(u, true, "unplugged");
	} else {
		u->counters.errors++;
		uru4000_broken(u, false, "a transfer cannot be started");
	}
}

bool
uru4000_listen_for_messages(struct uru4000 *u)
{
	int rc;

	if (u->busy[USB_INTERRUPT])
		return true;
	rc = u->port.ops->interrupt_in(u->port.ctx, u->message, sizeof(u->message));
	if (rc < 0) {
		uru4000_refused(u, rc);
		return false;
	}
	u->busy[USB_INTERRUPT] = true;
	return true;
}

const struct uru4000_step *
uru4000_step_of(enum uru4000_state s)
{
	const struct uru4000_step *steps =
		s < STATE_STILL_POWERED ? uru4000_power_steps : uru4000_touch_steps;

	assert(s > STATE_NEW && s < STATE_STEPS);
	return &steps[s];
}

/* Starts a step's control transfer; what is written already stands in u->control. */
void
uru4000_submit_step(struct uru4000 *u)
{
	const struct uru4000_step *s = uru4000_step_of(u->state);
	const struct usb_request q = { s->write ? TYPE_WRITE : TYPE_READ,
				       REQUEST_REGISTER, s->address };
	int rc = u->port.ops->control(u->port.ctx, q, u->control, s->bytes, CONTROL_MS);

	if (rc < 0)
		uru4000_refused(u, rc);
	else
		u->busy[USB_CONTROL] = true;
}

void
uru4000_enter(struct uru4000 *u, enum uru4000_state state)
{
	assert(!u->busy[USB_CONTROL]);
	u->port.ops->timer_cancel(u->port.ctx);
	u->state = state;
	u->retried = false;
	uru4000_submit_step(u);
}

void
uru4000_enter_byte(struct uru4000 *u, enum uru4000_state state, unsigned byte)
{
	u->control[0] = (uint8_t)byte;
	uru4000_enter(u, state);
}

/* Stopping waits only for the control transfer that is under way. */
void
uru4000_switch_off_when_free(struct uru4000 *u)
{
	if (u->busy[USB_CONTROL] || u->state >= STATE_CLOSING)
		return;
	uru4000_cancel(u, USB_BULK);
	uru4000_enter_byte(u, STATE_SET_OFF, MODE_OFF);
}
