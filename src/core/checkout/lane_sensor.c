#include "core/checkout/lane_private.h"

#include <errno.h>

/*
 * Where the profile wants the claim first, the sensor is lit only while a touch of the member who
 * claimed would pay: after the total, for a limited time of each claim. Otherwise it is always lit,
 * and nothing here happens.
 */
static bool
is_wanted(const struct lane_core *c)
{
	const struct checkout *k = &c->cur;

	return c->env.claim_first && !c->readers.bio_away &&
	       (k->phase == PHASE_TOTALLED || k->phase == PHASE_CONFIRMING) &&
	       (k->wait == WAIT_NONE || k->wait == WAIT_VERIFY) &&
	       k->member.subjects_count > 0 && lane_payable(c) == NOTE_NONE;
}

/* What is told to the shopper gives way to "claim again", unless it is of a payment. */
static void
spend_claim(struct lane_core *c)
{
	struct checkout *k = &c->cur;

	k->claim_spent = true;
	if (k->note == NOTE_NOT_READ || k->note == NOTE_OTHER_FINGER ||
	    k->note == NOTE_CHANGED)
		k->note = NOTE_NONE;
	lane_total_phase(c);
	lane_audit(c, "claim-spent", NULL, NULL);
}

static void
arm(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct lane_effect *fx = lane_send(c, FX_ARM);

	if (k->lit_until_ms == 0)
		k->lit_until_ms = now->mono_ms + c->env.limits.sensor_ms;
	fx->arm.serial = ++c->sensor_serial;
	fx->arm.timeout_ms = k->lit_until_ms - now->mono_ms;
	fx->arm.subjects = k->member.subjects;
	fx->arm.subjects_count = k->member.subjects_count;
	c->sensor_on = true;
}

void
lane_sensor_follow(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;

	if (!c->env.claim_first)
		return;
	/* A touch that was taken in time is still answered. */
	if (k->lit_until_ms != 0 && k->lit_until_ms <= now->mono_ms && is_wanted(c) &&
	    k->wait != WAIT_VERIFY)
		spend_claim(c);
	if (!is_wanted(c)) {
		if (c->sensor_on)
			(void)lane_send(c, FX_DISARM);
		c->sensor_on = false;
	} else if (!c->sensor_on || k->lit_until_ms == 0) {
		arm(c, now);
	}
}

bool
lane_sensor_sees(const struct lane_core *c)
{
	return !c->env.claim_first || c->sensor_on;
}

int
lane_on_sensor(struct lane_core *c, const struct lane_event *ev)
{
	struct checkout *k = &c->cur;

	if (!c->sensor_on || ev->sensor.serial != c->sensor_serial)
		return -EALREADY;
	if (ev->sensor.lit)
		return 0;
	c->sensor_on = false;
	k->claim_refused = true;
	if (k->phase == PHASE_CONFIRMING)
		lane_total_phase(c);
	k->note = NOTE_PAY_OTHER;
	lane_audit(c, "sensor-refused", NULL, NULL);
	return 0;
}

int64_t
lane_sensor_deadline(const struct lane_core *c)
{
	const struct checkout *k = &c->cur;

	return c->sensor_on && k->wait != WAIT_VERIFY ? k->lit_until_ms : LANE_NEVER;
}
