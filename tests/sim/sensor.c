/*
 * The sensor of a lane where the claim comes first, and what the world knows of claims by itself: no
 * frame is taken but while somebody with a release on file has claimed in the checkout that is open.
 */
#include "sim/lost.h"
#include "sim/world.h"

#include <errno.h>

/* One of the members never signed. */
static bool
has_release(int who)
{
	return who >= 0 && who != (int)MEMBERS - 1;
}

bool
sensor_lit(const struct world *w)
{
	if (!w->claim_first)
		return true;
	/* It disarms by itself, also when laned does not tell it to. */
	return w->lit_for >= 0 && (w->now.mono_ms < w->lit_until_ms ||
				   w->opt.bug == SIM_BUG_SENSOR_STAYS_LIT);
}

void
sensor_connection_lost(struct world *w)
{
	if (w->opt.bug != SIM_BUG_SENSOR_STAYS_LIT)
		w->lit_for = -1;
}

/* The shopper claims, at whatever ticket the POS and laned are. */
void
sensor_claimed(struct world *w, int who)
{
	const struct lane_display *d = w->down ? NULL : lane_core_display(w->core);
	struct ticket *t = NULL;

	if (who < 0)
		return;
	if (d != NULL && d->phase != PHASE_DONE && d->phase != PHASE_CANCELLED)
		t = ticket_find(w, d->ticket);
	if (t != NULL)
		t->claims |= 1u << who;
	else
		w->check_ins |= 1u << who; /* a check-in for the next one */
	w->tickets[w->tickets_count - 1].claims |= 1u << who;
}

static bool
has_claimed(struct world *w, int who)
{
	const struct ticket *t = ticket_find(w, lane_core_display(w->core)->ticket);

	if (t != NULL && who >= 0 && (t->claims & 1u << who) != 0)
		return true;
	/* An older state of the journal may have brought an earlier customer's check-in back. */
	for (uint32_t i = 0; who >= 0 && i < w->tickets_count; i++)
		if (lost_has_ticket(w->lost, w->tickets[i].name) &&
		    (w->tickets[i].claims & 1u << who) != 0)
			return true;
	return false;
}

/* A finger is seen: was it to be? */
void
sensor_sees(struct world *w)
{
	const struct lane_display *d;

	if (!w->claim_first)
		return;
	w->res->frames++;
	if (w->down) {
		world_broken(w, INV_SENSOR "a frame while laned is away");
		return;
	}
	d = lane_core_display(w->core);
	if (!has_claimed(w, w->lit_for) ||
	    (d->phase != PHASE_TOTALLED && d->phase != PHASE_CONFIRMING))
		world_broken(w, INV_SENSOR "a frame without a claim of member %d, %s",
			     w->lit_for, checkout_phase_name(d->phase));
	else if (!has_release(w->lit_for))
		world_broken(w, INV_SENSOR "a frame without a release of member %d",
			     w->lit_for);
}

void
sensor_compares(struct world *w, const struct lane_effect *fx)
{
	if (!w->claim_first)
		return;
	if (fx->kind != FX_VERIFY)
		world_broken(w, INV_SENSOR "%s where only one to one is allowed",
			     lane_effect_name(fx->kind));
	for (uint32_t i = 0; fx->kind == FX_VERIFY && i < fx->bio.subjects_count; i++)
		if (!has_claimed(w, fx->bio.subjects[i].b[15] - 1))
			world_broken(w, INV_SENSOR
				     "compared with somebody who did not claim");
}

int
sensor_told(struct world *w, const struct lane_effect *fx)
{
	struct message *m;
	int who;

	if (fx->kind == FX_DISARM) {
		world_trace(w, "disarm");
		if (w->opt.bug != SIM_BUG_SENSOR_STAYS_LIT)
			w->lit_for = -1;
		return 0;
	}
	who = fx->arm.subjects[0].b[15] - 1;
	if (!w->claim_first || fx->arm.subjects_count == 0 || fx->arm.timeout_ms <= 0)
		world_broken(w, INV_SENSOR "armed without a reason");
	if (world_fault(w, SIM_FAULT_BIO, 40))
		return -EPIPE;
	w->lit_for = has_release(who) ? who : -1;
	w->lit_until_ms = w->now.mono_ms + fx->arm.timeout_ms;
	world_trace(w, "arm for %d: %s", who, w->lit_for < 0 ? "refused" : "lit");
	if (world_fault(w, SIM_FAULT_BIO, 30))
		return 0; /* it never answers */
	m = world_post(w, MSG_SENSOR, world_delay(w, 1, 50));
	m->epoch = w->lane_epoch;
	m->serial = fx->arm.serial;
	m->who = w->lit_for;
	return 0;
}

void
sensor_answers(struct world *w, const struct message *m)
{
	struct lane_event ev = { .kind = LANE_EV_SENSOR };

	if (m->epoch != w->lane_epoch)
		return;
	ev.sensor.serial = m->serial;
	ev.sensor.lit = m->who >= 0;
	(void)world_step(w, &ev); /* late: the claim is another by now */
}
