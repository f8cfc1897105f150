#include "core/checkout/lane_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS (INT64_C(3600) * 1000)

void
lane_member_clear(struct checkout *k)
{
	free(k->uses);
	k->uses = NULL;
	memset(&k->member, 0, sizeof(k->member));
	k->claimed = k->touched = k->claim_to_pay = false;
	k->claim_spent = k->claim_refused = false;
	k->lit_until_ms = 0;
	k->tender.agreed.given = false;
}

/* Counts and texts that the shell filled in are ours to check: they index arrays. */
static bool
member_ok(const struct lane_member *m)
{
	return m->subjects_count <= LANE_SUBJECTS_MAX &&
	       m->groups_count <= LANE_GROUPS_MAX &&
	       m->coupons_count <= LANE_COUPONS_MAX && m->uses_count <= LANE_USES_MAX &&
	       (m->uses_count == 0 || m->uses != NULL);
}

int
lane_member_set(struct lane_core *c, const struct lane_member *m)
{
	struct checkout *k = &c->cur;
	struct lane_use *uses = NULL;
	bool same = ulid_eq(k->member.member, m->member) && !ulid_is_zero(m->member);
	bool claimed = same && k->claimed, touched = same && k->touched;
	uint32_t count = m->uses_count;

	assert(member_ok(m));
	uses = calloc(count + lane_unsaved_count(c) + 1u, sizeof(*uses));
	if (uses == NULL)
		return -ENOMEM;
	if (count > 0)
		memcpy(uses, m->uses, count * sizeof(*uses));
	lane_add_unsaved(c, &m->member, uses, &count);
	lane_member_clear(k);
	k->member = *m;
	k->uses = uses;
	k->member.uses = uses;
	k->member.uses_count = count;
	k->claimed = claimed;
	k->touched = touched;
	k->member_state = MEMBER_KNOWN;
	return 0;
}

static void
drop(struct lane_core *c, char probe[LANE_PROBE_BYTES])
{
	struct lane_effect *fx;

	if (probe[0] == '\0')
		return;
	fx = lane_send(c, FX_DROP_PROBE);
	memcpy(fx->bio.probe, probe, sizeof(fx->bio.probe));
	probe[0] = '\0';
}

void
lane_probe_drop(struct lane_core *c)
{
	drop(c, c->cur.probe);
	drop(c, c->cur.first);
	c->cur.other_finger = false;
}

/* A touch that nobody has use for now. */
static void
drop_other(struct lane_core *c, struct str probe)
{
	struct lane_effect *fx = lane_send(c, FX_DROP_PROBE);

	(void)str_copy(fx->bio.probe, sizeof(fx->bio.probe),
		       probe); /* length was checked */
}

static void
wait_for(struct lane_core *c, enum wait wait, const struct timepoint *now)
{
	c->cur.wait = wait;
	c->cur.wait_until_ms = now->mono_ms + c->env.limits.scan_ms;
}

static struct lane_effect *
ask_bio(struct lane_core *c, enum lane_effect_kind kind)
{
	struct lane_effect *fx = lane_send(c, kind);

	memcpy(fx->bio.probe, c->cur.probe, sizeof(fx->bio.probe));
	return fx;
}

/* Where the member state goes back to when a look-up found nobody. */
static void
nobody(struct lane_core *c, enum checkout_note note)
{
	struct checkout *k = &c->cur;

	k->wait = WAIT_NONE;
	k->note = note;
	k->reason = TOUCH_HINT_NONE;
	if (k->member_state != MEMBER_KNOWN)
		k->member_state = MEMBER_NONE;
}

void
lane_wait_over(struct lane_core *c, enum checkout_note note)
{
	enum wait wait = c->cur.wait;

	lane_probe_drop(c);
	c->cur.consent.given = false;
	nobody(c, wait == WAIT_CLAIM ? NOTE_USE_CLAIM : note);
}

static void
give_consent(struct lane_core *c)
{
	struct checkout *k = &c->cur;

	k->consent.given = k->phase == PHASE_TOTALLED || k->phase == PHASE_CONFIRMING;
	k->consent.rev = k->rev;
	k->consent.due_minor = lane_due(c);
}

/*
 * A touch with the member known: after the total it is the confirmation, 1:1. A finger that was
 * there before this amount was shown is early, and confirms nothing: it was not put there for it.
 */
static void
touch_known(struct lane_core *c, bool early, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	enum checkout_note why = lane_payable(c);
	struct lane_effect *fx;

	if (k->phase == PHASE_OPEN || why != NOTE_NONE) {
		if (k->phase != PHASE_OPEN)
			k->note = why;
		lane_probe_drop(c);
		return;
	}
	if (k->member.subjects_count == 0) {
		k->note =
			NOTE_OTHER_FINGER; /* a member without a finger: whose ever it is */
		lane_probe_drop(c);
		return;
	}
	if (early) {
		k->note = NOTE_NOT_READ;
		k->reason = TOUCH_HINT_LIFT;
		lane_probe_drop(c);
		return;
	}
	give_consent(c);
	k->note = NOTE_NONE;
	fx = ask_bio(c, FX_VERIFY);
	fx->bio.subjects = k->member.subjects;
	fx->bio.subjects_count = k->member.subjects_count;
	wait_for(c, WAIT_VERIFY, now);
}

/* The touch that was ambiguous makes room for the next one, which may be by another finger. */
static void
probe_aside(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;

	if (k->member_state != MEMBER_AMBIGUOUS || !k->other_finger ||
	    now->mono_ms >= k->probe_until_ms) {
		lane_probe_drop(c);
		return;
	}
	assert(k->probe[0] != '\0' && k->first[0] == '\0');
	memcpy(k->first, k->probe, sizeof(k->first));
	k->first_until_ms = k->probe_until_ms;
	k->probe[0] = '\0';
}

static void
touch_unknown(struct lane_core *c, bool early, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct lane_effect *fx;

	give_consent(c);
	k->consent.given = k->consent.given && !early;
	k->note = NOTE_NONE;
	k->member_state = MEMBER_IDENTIFYING;
	fx = ask_bio(c, FX_IDENTIFY);
	memcpy(fx->bio.with, k->first, sizeof(fx->bio.with));
	wait_for(c, WAIT_IDENTIFY, now);
}

int
lane_on_touch(struct lane_core *c, const struct lane_event *ev,
	      const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct str probe = ev->touch.probe;
	bool early;

	if (probe.n == 0 || probe.n >= LANE_PROBE_BYTES || memchr(probe.p, 0, probe.n))
		return -EINVAL;
	early = !lane_finger_touches(c, ev->touch.reader) || ev->touch.at_start;
	c->readers.finger_until_ms = 0; /* what comes of it is told from here on */
	if (!lane_sensor_sees(c)) {
		drop_other(c, probe); /* taken of a sensor that is dark by now */
		return 0;
	}
	if (k->phase == PHASE_PAYING || k->phase == PHASE_CHECKING ||
	    (lane_is_active(c) && k->wait != WAIT_NONE)) {
		drop_other(c, probe); /* one at a time */
		return 0;
	}
	if (!lane_is_active(c)) {
		if (!lane_budget_begin(c)) {
			drop_other(c, probe);
			return 0;
		}
		lane_begin(c, ev->fresh.checkout, now);
	}
	lane_touch_time(c, now);
	probe_aside(c, now);
	(void)str_copy(k->probe, sizeof(k->probe), probe); /* fits: checked above */
	k->probe_until_ms = now->mono_ms + c->env.limits.probe_ms;
	c->cur_dirty = true;
	if (k->member_state == MEMBER_KNOWN)
		touch_known(c, early, now);
	else
		touch_unknown(c, early, now);
	return 0;
}

/* The member is known now: prices, and the payment when the touch was consent to it. */
static void
recognised(struct lane_core *c, const struct lane_event *ev, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	enum checkout_note why;

	k->wait = WAIT_NONE;
	k->note = NOTE_NONE;
	lane_audit(c, "member-known", NULL,
		   k->touched ? (k->claimed ? "by touch and claim" : "by touch")
			      : "by claim");
	lane_touch_time(c, now);
	lane_reprice(c, now);
	if (k->phase == PHASE_OPEN)
		return;
	lane_total_phase(c);
	if (!k->touched || !k->consent.given)
		return;
	why = lane_payable(c);
	if (why != NOTE_NONE)
		k->note = why;
	else if (k->consent.rev != k->rev || lane_due(c) > k->consent.due_minor)
		k->note = NOTE_CHANGED;
	else
		lane_pay(c, ev, now);
	k->consent.given = false;
}

static void
audit_replay(struct lane_core *c, const struct lane_event *ev)
{
	if (ev->bio.outcome == BIO_REJECT && ev->bio.replayed)
		lane_audit(c, "touch-replayed", NULL, NULL);
}

static void
not_recognised(struct lane_core *c, const struct lane_event *ev)
{
	struct checkout *k = &c->cur;
	bool again = k->scan_tries < c->env.limits.scan_retries;

	audit_replay(c, ev);
	k->consent.given = false;
	lane_probe_drop(c);
	if (again) {
		k->scan_tries++;
		nobody(c, NOTE_NOT_READ);
		k->reason = touch_hint_of(ev->bio.hints);
		return;
	}
	nobody(c, ev->bio.outcome == BIO_REJECT ? NOTE_NOT_MEMBER : NOTE_USE_CLAIM);
}

/*
 * The second touch did no good: the first one still waits for digits, and while tries are left for
 * another finger.
 */
static void
back_to_first(struct lane_core *c, const struct lane_event *ev)
{
	struct checkout *k = &c->cur;

	audit_replay(c, ev);
	drop(c, k->probe);
	memcpy(k->probe, k->first, sizeof(k->probe));
	k->probe_until_ms = k->first_until_ms;
	k->first[0] = '\0';
	k->other_finger = k->scan_tries < c->env.limits.scan_retries;
	k->scan_tries += k->other_finger;
	k->consent.given = false;
	k->wait = WAIT_NONE;
	k->member_state = MEMBER_AMBIGUOUS;
	k->note = NOTE_NOT_READ;
	k->reason = touch_hint_of(ev->bio.hints);
}

/* An answer of laned-bio to an identify or a decide. */
static int
found_by_touch(struct lane_core *c, const struct lane_event *ev,
	       const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	bool decided = ev->kind == LANE_EV_DECIDED;

	if (ev->bio.outcome == BIO_AMBIGUOUS) {
		k->wait = WAIT_NONE;
		k->member_state = MEMBER_AMBIGUOUS; /* the probe waits for digits */
		k->other_finger = !decided && ev->bio.other_finger;
		drop(c, k->first);
		return 0;
	}
	if (ev->bio.outcome != BIO_ACCEPT && k->first[0] != '\0') {
		back_to_first(c, ev);
		return 0;
	}
	if (ev->bio.outcome != BIO_ACCEPT) {
		not_recognised(c, ev);
		return 0;
	}
	lane_probe_drop(c);
	if (ev->bio.member == NULL) {
		k->consent.given = false;
		nobody(c, NOTE_USE_CLAIM); /* a finger, but no member in the cache */
		return 0;
	}
	if (lane_member_set(c, ev->bio.member) < 0) {
		lane_wait_over(c, NOTE_USE_CLAIM);
		return -ENOMEM;
	}
	k->touched = true;
	k->claimed = k->claimed || decided;
	k->claim_to_pay = ev->bio.claim_to_pay && !decided;
	recognised(c, ev, now);
	return 0;
}

static int
verified(struct lane_core *c, const struct lane_event *ev, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	bool bound = k->consent.given && k->consent.rev == k->rev &&
		     k->consent.due_minor == lane_due(c);
	enum checkout_note why;

	k->wait = WAIT_NONE;
	k->consent.given = false;
	lane_probe_drop(c);
	lane_touch_time(c, now);
	if (ev->bio.outcome != BIO_ACCEPT) {
		audit_replay(c, ev);
		k->note =
			ev->bio.outcome == BIO_REJECT ? NOTE_OTHER_FINGER : NOTE_NOT_READ;
		k->reason = touch_hint_of(ev->bio.hints);
		return 0;
	}
	k->touched = true;
	why = lane_payable(c);
	if (why == NOTE_NONE && !bound)
		why = NOTE_CHANGED;
	if (k->phase == PHASE_OPEN)
		k->note = NOTE_NONE; /* items came meanwhile: no total to pay */
	else if (why != NOTE_NONE)
		k->note = why;
	else
		lane_pay(c, ev, now);
	return 0;
}

int
lane_on_bio(struct lane_core *c, const struct lane_event *ev, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	enum wait want = ev->kind == LANE_EV_IDENTIFIED ? WAIT_IDENTIFY
			 : ev->kind == LANE_EV_VERIFIED ? WAIT_VERIFY
							: WAIT_DECIDE;

	if (!lane_is_active(c) || k->wait != want || !str_is(ev->bio.probe, k->probe))
		return -EALREADY; /* of a checkout that went on without it */
	if (ev->bio.member != NULL && !member_ok(ev->bio.member))
		return -EINVAL;
	c->cur_dirty = true;
	return want == WAIT_VERIFY ? verified(c, ev, now) : found_by_touch(c, ev, now);
}

/* ---- claims -------------------------------------------------------------- */

/* So many digits a checkout, and so many an hour on this lane. */
static bool
digits_allowed(struct lane_core *c, const struct timepoint *now)
{
	uint32_t hour = c->env.limits.digits_hour;
	uint32_t slot = c->digits_count % hour;

	if (c->cur.digits_tries >= c->env.limits.digits_tries ||
	    (c->digits_count >= hour && now->mono_ms - c->digits_at_ms[slot] < HOUR_MS))
		return false;
	c->cur.digits_tries++;
	c->digits_at_ms[slot] = now->mono_ms;
	c->digits_count++;
	return true;
}

int
lane_on_claim(struct lane_core *c, const struct lane_event *ev,
	      const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct lane_effect *fx;

	if (ev->claim.value.n == 0 || ev->claim.value.n >= LANE_CLAIM_BYTES ||
	    ev->claim.ticket.n >= LANE_TICKET_BYTES || !str_utf8_ok(ev->claim.value) ||
	    !str_utf8_ok(ev->claim.ticket))
		return -EINVAL;
	if (k->phase == PHASE_PAYING || k->phase == PHASE_CHECKING)
		return -EBUSY;
	if (ev->claim.ticket.n > 0 && lane_is_done_ticket(c, ev->claim.ticket, now))
		return -EALREADY; /* late: it is not the next shopper's */
	if (!lane_is_active(c) && !lane_budget_begin(c))
		return -EAGAIN;
	if (!lane_is_active(c))
		lane_begin(c, ev->fresh.checkout, now);
	else if (ev->claim.ticket.n > 0 && k->ticket[0] != '\0' &&
		 !str_is(ev->claim.ticket, k->ticket))
		return -ENOENT;
	/* A check-in that names its ticket is for no other one. */
	if (k->ticket[0] == '\0')
		(void)str_copy(k->ticket, sizeof(k->ticket), ev->claim.ticket); /* fits */
	if (k->wait != WAIT_NONE && k->wait != WAIT_CLAIM)
		lane_wait_over(c, NOTE_NONE); /* the claim is newer than the touch */
	lane_touch_time(c, now);
	if (ev->claim.kind == CLAIM_DIGITS && !digits_allowed(c, now)) {
		lane_audit(c, "digits-refused", NULL, "too many tries");
		lane_wait_over(c, NOTE_USE_CLAIM);
		return -EBUSY;
	}
	if (k->probe[0] != '\0' && now->mono_ms >= k->probe_until_ms)
		lane_probe_drop(c);
	k->claim_serial = ++c->serial;
	k->claim_kind = ev->claim.kind;
	(void)str_copy(k->claim_value, sizeof(k->claim_value),
		       ev->claim.value); /* fits */
	if (k->member_state != MEMBER_KNOWN && k->member_state != MEMBER_AMBIGUOUS)
		k->member_state = MEMBER_IDENTIFYING;
	k->note = NOTE_NONE;
	wait_for(c, WAIT_CLAIM, now);
	fx = lane_send(c, FX_RESOLVE_CLAIM);
	fx->claim.serial = k->claim_serial;
	fx->claim.kind = k->claim_kind;
	fx->claim.value = str_of(k->claim_value);
	c->cur_dirty = true;
	return 0;
}

/* The touch is kept: decide it among the few that the claim fits. */
static int
decide_among(struct lane_core *c, const struct lane_event *ev,
	     const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct lane_effect *fx;
	uint32_t count = ev->found.subjects_count;

	free(k->few);
	k->few_count = 0;
	k->few = calloc(count, sizeof(*k->few));
	if (k->few == NULL) {
		lane_wait_over(c, NOTE_USE_CLAIM);
		return -ENOMEM;
	}
	memcpy(k->few, ev->found.subjects, count * sizeof(*k->few));
	k->few_count = count;
	fx = ask_bio(c, FX_DECIDE);
	fx->bio.subjects = k->few;
	fx->bio.subjects_count = count;
	k->member_state = MEMBER_IDENTIFYING;
	wait_for(c, WAIT_DECIDE, now);
	return 0;
}

static int
found_by_claim(struct lane_core *c, const struct lane_event *ev,
	       const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	bool other = k->member_state == MEMBER_KNOWN &&
		     !ulid_eq(k->member.member, ev->found.member->member);

	if (other)
		lane_audit(c, "member-changed", NULL, "another claim");
	lane_probe_drop(c);
	k->consent.given = false;
	if (lane_member_set(c, ev->found.member) < 0) {
		lane_wait_over(c, NOTE_USE_CLAIM);
		return -ENOMEM;
	}
	k->claimed = true;
	recognised(c, ev, now);
	return 0;
}

int
lane_on_found(struct lane_core *c, const struct lane_event *ev,
	      const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	/* Where the claim comes first nothing but one to one is asked for. */
	bool probe = k->probe[0] != '\0' && now->mono_ms < k->probe_until_ms &&
		     !c->env.claim_first;

	if (!lane_is_active(c) || k->wait != WAIT_CLAIM ||
	    ev->found.serial != k->claim_serial)
		return -EALREADY;
	if (ev->found.count > LANE_FOUND_MAX ||
	    ev->found.subjects_count > LANE_FOUND_MAX ||
	    (ev->found.subjects_count > 0 && ev->found.subjects == NULL) ||
	    (ev->found.count == 1 &&
	     (ev->found.member == NULL || !member_ok(ev->found.member))))
		return -EINVAL;
	memset(k->claim_value, 0, sizeof(k->claim_value));
	c->cur_dirty = true;
	if (ev->found.count > 0 && ev->found.subjects_count > 0 && probe)
		return decide_among(c, ev, now);
	if (ev->found.count == 1)
		return found_by_claim(c, ev, now);
	lane_wait_over(
		c, NOTE_USE_CLAIM); /* nobody, or many and no touch to tell them apart */
	return 0;
}

int
lane_on_remove(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;

	if (!lane_is_active(c) || k->phase == PHASE_PAYING || k->phase == PHASE_CHECKING)
		return -EBUSY;
	if (k->member_state == MEMBER_NONE || k->member_state == MEMBER_REMOVED)
		return -ENOENT;
	lane_probe_drop(c);
	k->wait = WAIT_NONE;
	k->consent.given = false;
	k->note = NOTE_NONE;
	lane_member_clear(k);
	k->member_state = MEMBER_REMOVED;
	lane_audit(c, "member-removed", NULL, NULL);
	lane_touch_time(c, now);
	lane_reprice(c, now);
	if (k->phase != PHASE_OPEN)
		lane_total_phase(c);
	return 0;
}
