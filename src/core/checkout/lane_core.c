#include "core/checkout/lane_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How long after the change of day a basket may still be a late one of the day before. */
#define LATE_BASKET_MS (INT64_C(3600) * 1000)
/* For so long a ticket may be asked for anew whose end is forgotten; a night is longer. */
#define ASKED_ANEW_MS (INT64_C(4) * 3600 * 1000)

bool
lane_is_active(const struct lane_core *c)
{
	switch (c->cur.phase) {
	case PHASE_OPEN:
	case PHASE_TOTALLED:
	case PHASE_CONFIRMING:
	case PHASE_PAYING:
	case PHASE_CHECKING:
		return true;
	case PHASE_IDLE:
	case PHASE_DONE:
	case PHASE_CANCELLED:
	case PHASES:
		break;
	}
	return false;
}

bool
lane_is_scanning(const struct lane_core *c)
{
	const struct checkout *k = &c->cur;

	if (k->wait != WAIT_NONE || c->readers.finger_until_ms == 0)
		return k->wait == WAIT_VERIFY;
	return lane_wants_touch(c);
}

void
lane_touch_time(struct lane_core *c, const struct timepoint *now)
{
	c->cur.changed_mono_ms = now->mono_ms;
	c->cur.changed_wall_ms = now->wall_ms;
}

void
lane_idle(struct lane_core *c)
{
	struct checkout *k = &c->cur;

	lane_out_keep_ended(c);
	lane_price_forget(c); /* with all that it knew of the member */
	lane_basket_clear(k);
	lane_member_clear(k);
	free(k->few);
	memset(k, 0, sizeof(*k));
	k->phase = PHASE_IDLE;
	c->cur_dirty = false;
}

void
lane_begin(struct lane_core *c, struct ulid id, const struct timepoint *now)
{
	struct checkout *k = &c->cur;

	assert(!lane_is_active(c));
	lane_idle(c);
	k->id = id;
	k->phase = PHASE_OPEN;
	k->training = c->faults.training;
	k->business_day = now->business_day;
	k->opened_wall_ms = now->wall_ms;
	lane_touch_time(c, now);
	c->cur_dirty = true;
	lane_audit(c, "checkout-opened", NULL, NULL);
}

static void
remember_ended(struct lane_core *c, const struct ended_ticket *e, const char *ticket)
{
	uint32_t at = c->ended_tickets_next;

	if (ticket[0] == '\0')
		return;
	for (uint32_t i = 0; i < LANE_ENDED_TICKETS; i++) {
		if (strcmp(c->ended_tickets[i].ticket, ticket) == 0)
			at = i;
	}
	if (at == c->ended_tickets_next)
		c->ended_tickets_next = (at + 1) % LANE_ENDED_TICKETS;
	c->ended_tickets[at] = *e;
	memcpy(c->ended_tickets[at].ticket, ticket, LANE_TICKET_BYTES);
}

/*
 * Many a POS counts its tickets from 1 again every day. The day alone is not believed: somebody may
 * have set the clock. Time went by when this process saw it, or when the revision is an early one.
 */
static bool
is_of_another_day(const struct ended_ticket *e, uint32_t rev, const struct timepoint *now)
{
	if (e->business_day == now->business_day)
		return false;
	if (e->mono_ms != LANE_NEVER)
		return now->mono_ms - e->mono_ms > LATE_BASKET_MS;
	return now->wall_ms - e->wall_ms > LATE_BASKET_MS && rev < e->rev;
}

static const struct ended_ticket *
find_ended(const struct lane_core *c, struct str ticket, uint32_t rev,
	   const struct timepoint *now)
{
	for (uint32_t i = 0; i < LANE_ENDED_TICKETS; i++) {
		const struct ended_ticket *e = &c->ended_tickets[i];

		if (e->ticket[0] != '\0' && str_is(ticket, e->ticket))
			return is_of_another_day(e, rev, now) ? NULL : e;
	}
	return NULL;
}

bool
lane_is_ended_ticket(const struct lane_core *c, struct str ticket, uint32_t rev,
		     const struct timepoint *now)
{
	const struct ended_ticket *e = find_ended(c, ticket, rev, now);

	return e != NULL && (e->for_good || rev <= e->rev);
}

bool
lane_is_done_ticket(const struct lane_core *c, struct str ticket,
		    const struct timepoint *now)
{
	const struct ended_ticket *e = find_ended(c, ticket, 0, now);

	return e != NULL && e->for_good;
}

bool
lane_is_blocked_ticket(const struct lane_core *c, struct str ticket, uint32_t rev,
		       const struct timepoint *now)
{
	const struct ended_ticket *e = find_ended(c, ticket, rev, now);

	return e != NULL && e->pay_blocked;
}

const struct ended_ticket *
lane_ended_of(const struct lane_core *c, struct ulid checkout)
{
	for (uint32_t i = 0; i < LANE_ENDED_TICKETS; i++) {
		const struct ended_ticket *e = &c->ended_tickets[i];

		if (e->ticket[0] != '\0' && ulid_eq(e->checkout, checkout))
			return e;
	}
	return NULL;
}

bool
lane_is_earlier_sale(const struct lane_core *c, const struct payment *p,
		     const struct timepoint *now)
{
	const struct ended_ticket *e;

	if (lane_is_active(c) && ulid_eq(p->checkout, c->cur.id))
		return false;
	e = lane_ended_of(c, p->checkout);
	if (e != NULL)
		return is_of_another_day(e, 0, now);
	return now->mono_ms - p->state_mono_ms > ASKED_ANEW_MS;
}

const struct ended_ticket *
lane_ended_paid(const struct lane_core *c, struct str ticket, const struct timepoint *now)
{
	const struct ended_ticket *e = find_ended(c, ticket, 0, now);

	return e != NULL && e->paid_minor > 0 ? e : NULL;
}

void
lane_ended_seen_to(struct lane_core *c, struct str ticket)
{
	for (uint32_t i = 0; i < LANE_ENDED_TICKETS; i++) {
		if (str_is(ticket, c->ended_tickets[i].ticket))
			c->ended_tickets[i].paid_minor = 0;
	}
}

void
lane_core_ended_returned(struct lane_core *c, struct ulid checkout)
{
	for (uint32_t i = 0; i < LANE_ENDED_TICKETS; i++) {
		struct ended_ticket *e = &c->ended_tickets[i];

		if (e->ticket[0] != '\0' && ulid_eq(e->checkout, checkout))
			e->returned = true;
	}
}

void
lane_ended_grows(struct lane_core *c, struct str ticket, uint32_t rev)
{
	for (uint32_t i = 0; i < LANE_ENDED_TICKETS; i++) {
		struct ended_ticket *e = &c->ended_tickets[i];

		if (e->ticket[0] != '\0' && str_is(ticket, e->ticket) && rev > e->rev)
			e->rest_known = false;
	}
}

uint32_t
lane_core_ended_parts(const struct lane_core *c, struct str ticket,
		      const struct timepoint *now, struct key128 ret_keys[LANE_PARTS_MAX])
{
	const struct ended_ticket *e = lane_ended_paid(c, ticket, now);

	if (e == NULL)
		return 0;
	memcpy(ret_keys, e->parts, e->parts_count * sizeof(e->parts[0]));
	return e->parts_count;
}

bool
lane_core_ended_unknown(const struct lane_core *c, struct str ticket,
			const struct timepoint *now, struct ulid *ret_checkout)
{
	const struct ended_ticket *e = lane_ended_paid(c, ticket, now);

	if (e == NULL || e->parts_count > 0)
		return false;
	*ret_checkout = e->checkout;
	return true;
}

bool
lane_is_priced_here(const struct lane_core *c)
{
	return c->cur.rev != 0 && !c->cur.tender.total_only && !c->env.price_pos;
}

static void
note_parts(const struct lane_core *c, struct ended_ticket *e)
{
	for (uint32_t i = 0; i < c->slots_count; i++) {
		const struct slot *s = &c->slots[i];

		if (s->counted_minor > 0 && e->parts_count < LANE_PARTS_MAX &&
		    ulid_eq(s->payment.checkout, e->checkout))
			e->parts[e->parts_count++] = s->payment.key;
	}
}

void
lane_end(struct lane_core *c, enum checkout_phase phase, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct ended_ticket ended = { .rev = k->rev,
				      .for_good =
					      phase == PHASE_DONE || k->paid_minor > 0,
				      .pay_blocked = k->pay_blocked,
				      .business_day = now->business_day,
				      .mono_ms = now->mono_ms,
				      .wall_ms = now->wall_ms,
				      .checkout = k->id,
				      .paid_minor = k->paid_minor,
				      .whole = phase == PHASE_DONE && !k->tender_outside,
				      .total_minor = k->total_minor,
				      .rest_minor = lane_rest(c),
				      .rest_known = lane_is_priced_here(c) };

	assert(phase == PHASE_DONE || phase == PHASE_CANCELLED);
	lane_probe_drop(c);
	k->wait = WAIT_NONE;
	k->consent.given = false;
	if (k->member_state == MEMBER_IDENTIFYING || k->member_state == MEMBER_AMBIGUOUS)
		k->member_state = MEMBER_NONE;
	k->phase = phase;
	if (phase == PHASE_DONE)
		lane_reserved_sold(k);
	k->uses_counted = phase == PHASE_DONE && !k->training;
	k->ended_mono_ms = now->mono_ms;
	lane_touch_time(c, now);
	c->cur_dirty = true;
	note_parts(c, &ended);
	remember_ended(c, &ended, k->ticket);
	lane_audit_end(c, phase == PHASE_CANCELLED ? "checkout-cancelled"
			  : k->tender_outside      ? "checkout-done-outside"
						   : "checkout-done");
}

void
lane_end_outside(struct lane_core *c, const struct timepoint *now)
{
	c->cur.tender_outside = true;
	c->cur.note = NOTE_PAY_OTHER;
	lane_end(c, PHASE_DONE, now);
}

/* ---- time ---------------------------------------------------------------- */

/* How long nothing may happen. Where no basket comes, no next one tells of the end either. */
static int64_t
patience_ms(const struct lane_core *c)
{
	const struct checkout *k = &c->cur;
	bool pays = k->phase == PHASE_PAYING || k->phase == PHASE_CHECKING;

	return k->rev == 0 || (k->tender.total_only && !pays)
		       ? c->env.limits.check_in_ms
		       : c->env.limits.idle_checkout_ms;
}

/* When the present checkout wants to be looked at. */
static int64_t
checkout_deadline(const struct lane_core *c)
{
	const struct checkout *k = &c->cur;
	const struct lane_limits *l = &c->env.limits;
	int64_t at;

	if (k->phase == PHASE_IDLE)
		return LANE_NEVER;
	if (!lane_is_active(c))
		return k->ended_mono_ms + l->done_show_ms;
	at = k->changed_mono_ms + patience_ms(c);
	if (k->wait != WAIT_NONE && k->wait_until_ms < at)
		at = k->wait_until_ms;
	if (k->member_state == MEMBER_AMBIGUOUS && k->probe[0] != '\0' &&
	    k->wait == WAIT_NONE && k->probe_until_ms < at)
		at = k->probe_until_ms;
	if (k->untold && k->offer_again_ms < at)
		at = k->offer_again_ms;
	return at;
}

/* Nobody came back to it: what is pending is undone, the rest is let go. */
static void
checkout_expired(struct lane_core *c, const struct timepoint *now)
{
	lane_pay_leave(c, PAYMENT_IN_OTHER_TENDER, now);
	if (!lane_is_active(c))
		return;
	c->cur.note = NOTE_NONE;
	lane_end(c, PHASE_CANCELLED, now);
	if (c->cur.rev == 0)
		lane_idle(c); /* a check-in that nobody used: nothing to show */
}

static void
checkout_time(struct lane_core *c, const struct timepoint *now)
{
	const struct checkout *k = &c->cur;

	if (checkout_deadline(c) > now->mono_ms)
		return;
	if (!lane_is_active(c)) {
		lane_idle(c);
		return;
	}
	if (k->wait != WAIT_NONE && k->wait_until_ms <= now->mono_ms)
		lane_wait_over(c, NOTE_NOT_READ);
	else if (k->member_state == MEMBER_AMBIGUOUS && k->probe_until_ms <= now->mono_ms)
		lane_wait_over(c, NOTE_USE_CLAIM);
	if (k->changed_mono_ms + patience_ms(c) <= now->mono_ms)
		checkout_expired(c, now);
}

int64_t
lane_core_deadline(const struct lane_core *c)
{
	int64_t at = checkout_deadline(c), payments = lane_pay_deadline(c);

	if (payments < at)
		at = payments;
	if (lane_tender_deadline(c) < at)
		at = lane_tender_deadline(c);
	if (lane_sensor_deadline(c) < at)
		at = lane_sensor_deadline(c);
	if (lane_budget_deadline(c) < at)
		at = lane_budget_deadline(c);
	if (c->readers.finger_until_ms != 0 && c->readers.finger_until_ms < at)
		at = c->readers.finger_until_ms;
	if (c->faults.journal_failed) {
		/* Stores that nobody reported as failed are believed by the next step. */
		int64_t retry = c->stores_pending ? INT64_MIN : c->journal_retry_at_ms;

		if (retry < at)
			at = retry;
	}
	return at;
}

/* What the adapter did not take is offered again: until then the POS sells without it. */
static void
offer_time(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;

	if (!lane_is_active(c) || !k->untold || now->mono_ms < k->offer_again_ms)
		return;
	k->offer_again_ms = LANE_NEVER;
	lane_offer_again(c, now);
}

static void
on_tick(struct lane_core *c, const struct timepoint *now)
{
	if (c->readers.finger_until_ms <= now->mono_ms)
		c->readers.finger_until_ms = 0; /* a bag on the reader, dirt: no touch */
	checkout_time(c, now);
	offer_time(c, now);
	lane_tender_time(c, now);
	lane_pay_time(c, now);
	if (!c->faults.journal_failed) {
		lane_tender_owed(c, now); /* an answer that a failed commit held back */
		return;
	}
	if (now->mono_ms < c->journal_retry_at_ms)
		return;
	c->journal_retry_at_ms = now->mono_ms + c->env.limits.journal_retry_ms;
	if (c->audits_count == 0)
		lane_audit(c, "journal-retry", NULL, NULL);
	lane_tender_owed(c, now);
}

/* ---- faults and switches ------------------------------------------------- */

/* The phase after the total follows what is possible now; nothing is stored where it stays. */
static void
refresh_total(struct lane_core *c)
{
	enum checkout_phase before = c->cur.phase;
	enum checkout_note note = c->cur.note;
	bool dirty = c->cur_dirty;

	if (before == PHASE_CONFIRMING || (before == PHASE_TOTALLED && note == NOTE_NONE))
		lane_total_phase(c);
	if (c->cur.phase == before && c->cur.note == note)
		c->cur_dirty = dirty;
}

/* New offers, new limits: a total that was told, and what was consented to, stand. */
static void
on_rules(struct lane_core *c, const struct timepoint *now)
{
	if (c->cur.phase == PHASE_OPEN)
		lane_reprice(c, now);
	refresh_total(c);
}

static void
on_adapter(struct lane_core *c, bool up, const struct timepoint *now)
{
	bool was_up = !c->faults.adapter_down;

	c->faults.adapter_down = !up;
	if (up == was_up)
		return;
	lane_pay_all(c, up ? PAYMENT_IN_ADAPTER_BACK : PAYMENT_IN_ADAPTER_GONE, now);
	if (up)
		lane_offer_again(c, now);
}

static void
refresh_bio(struct lane_core *c)
{
	c->faults.bio_down = c->readers.bio_away || c->readers.health != READERS_OK;
}

static void
on_bio_link(struct lane_core *c, bool up)
{
	enum wait wait = c->cur.wait;

	if (!up) /* what it said of its readers is of no more use */
		c->readers = (struct readers){ .health = c->readers.health };
	c->readers.bio_away = !up;
	c->sensor_on =
		c->sensor_on && up; /* without us it puts the sensor out by itself */
	refresh_bio(c);
	if (up || !lane_is_active(c))
		return;
	c->cur.probe[0] = c->cur.first[0] = '\0'; /* gone with its process */
	c->cur.other_finger = false;
	if (wait == WAIT_IDENTIFY || wait == WAIT_VERIFY || wait == WAIT_DECIDE ||
	    (c->cur.member_state == MEMBER_AMBIGUOUS && wait == WAIT_NONE))
		lane_wait_over(c, NOTE_USE_CLAIM);
}

/* A reader that goes takes no touch with it: laned-bio has the image and answers. */
static void
on_readers(struct lane_core *c, const struct lane_event *ev, const struct timepoint *now)
{
	struct readers *r = &c->readers;

	lane_finger_follow(c, ev, now);
	r->health = ev->readers.health;
	r->dirty = ev->readers.dirty;
	r->rests = ev->readers.rests;
	refresh_bio(c);
}

static int
on_switch(struct lane_core *c, const struct lane_event *ev, const struct timepoint *now)
{
	bool up = ev->kind != LANE_EV_READERS && ev->up;

	if (ev->kind == LANE_EV_BIO)
		on_bio_link(c, up);
	else if (ev->kind == LANE_EV_READERS)
		on_readers(c, ev, now);
	else if (ev->kind == LANE_EV_ADAPTER)
		on_adapter(c, up, now);
	else if (ev->kind == LANE_EV_CLOCK)
		c->faults.clock_doubted = !up;
	else if (ev->kind == LANE_EV_ENVIRONMENT)
		c->faults.environment = !up;
	else if (ev->kind == LANE_EV_TRAINING)
		c->faults.training = up;
	refresh_total(c);
	return 0;
}

static void
on_journal_failed(struct lane_core *c, const struct timepoint *now)
{
	c->faults.journal_failed = true;
	c->journal_retry_at_ms = now->mono_ms + c->env.limits.journal_retry_ms;
	lane_pay_unsaved(c, now);
	refresh_total(c);
}

/* ---- steps --------------------------------------------------------------- */

static int
dispatch(struct lane_core *c, const struct lane_event *ev, const struct timepoint *now)
{
	switch (ev->kind) {
	case LANE_EV_TICK:
		on_tick(c, now);
		return 0;
	case LANE_EV_TOUCH:
		return lane_on_touch(c, ev, now);
	case LANE_EV_IDENTIFIED:
	case LANE_EV_VERIFIED:
	case LANE_EV_DECIDED:
		return lane_on_bio(c, ev, now);
	case LANE_EV_CLAIM:
		return lane_on_claim(c, ev, now);
	case LANE_EV_CLAIM_RESOLVED:
		return lane_on_found(c, ev, now);
	case LANE_EV_BASKET:
		return lane_on_basket(c, ev, now);
	case LANE_EV_CANCEL:
		return lane_on_cancel(c, ev, now);
	case LANE_EV_OTHER_TENDER:
		return lane_on_other_tender(c, now);
	case LANE_EV_REMOVE_MEMBER:
		return lane_on_remove(c, now);
	case LANE_EV_SUBMIT_REFUSED:
		return lane_on_submit_refused(c, ev, now);
	case LANE_EV_JOURNAL_WANTED:
		return lane_on_journal(c, ev, now);
	case LANE_EV_COMPLETION:
		return lane_on_completion(c, ev, now);
	case LANE_EV_TENDER_WANTED:
		return lane_on_tender_wanted(c, ev, now);
	case LANE_EV_POS_UNDO:
	case LANE_EV_TENDER_ABORT:
	case LANE_EV_TENDER_CONFIRMED:
	case LANE_EV_REPEAT_WANTED:
		return lane_on_tender_key(c, ev, now);
	case LANE_EV_POS_LINK:
		return lane_on_pos_link(c, ev, now);
	case LANE_EV_REFUND:
		return lane_on_refund(c, ev->refund, now);
	case LANE_EV_BIO:
	case LANE_EV_READERS:
	case LANE_EV_ADAPTER:
	case LANE_EV_CLOCK:
	case LANE_EV_ENVIRONMENT:
	case LANE_EV_TRAINING:
		return on_switch(c, ev, now);
	case LANE_EV_SENSOR:
		return lane_on_sensor(c, ev);
	case LANE_EV_RULES:
		on_rules(c, now);
		return 0;
	case LANE_EV_JOURNAL_FAILED:
		on_journal_failed(c, now);
		return 0;
	case LANE_EVENTS:
		break;
	}
	return -EINVAL;
}

/*
 * A checkout that was restored in mid-payment has offered nothing in this life, and what the POS was told
 * last may be another price: the journal was away then, or is an older one. So has one whose offer had to
 * wait for the journal. No money is asked for again but for what was offered.
 */
static void
offer_restored(struct lane_core *c, const struct timepoint *now)
{
	if (c->cur.offer == 0 && c->cur.rev > 0)
		lane_offer_again(c, now); /* not while the payment is under way */
}

int
lane_core_step(struct lane_core *c, const struct lane_event *ev,
	       const struct timepoint *now, struct lane_effects *out)
{
	bool failed = ev->kind == LANE_EV_JOURNAL_FAILED;
	bool could_not = c->faults.journal_failed;
	int rc;

	if (!failed) {
		lane_committed(c);
		lane_pay_sweep(c);
		lane_settle_reserved(c);
	}
	c->stores_nothing = failed;
	lane_budget_step(c, ev, now);
	rc = dispatch(c, ev, now);
	if (could_not && !c->faults.journal_failed)
		lane_tender_owed(c, now); /* answers that a failed commit held back */
	if (!failed)
		offer_restored(c, now);
	lane_tender_follow(c, now);
	lane_sensor_follow(c, now);
	lane_out(c, !failed, out);
	return rc;
}

/* ---- life ---------------------------------------------------------------- */

static bool
env_ok(const struct lane_env *env)
{
	const struct lane_limits *l = &env->limits;
	const struct payment_rules *p = &env->payment;

	return l->digits_hour > 0 && l->digits_hour <= LANE_DIGITS_HOUR_MAX &&
	       memchr(env->currency, 0, sizeof(env->currency)) != NULL &&
	       strlen(env->currency) == 3 && l->touch_checkout_minor >= 0 &&
	       l->touch_day_minor >= 0 && l->check_in_ms > 0 && l->idle_checkout_ms > 0 &&
	       l->scan_ms > 0 && l->probe_ms > 0 && l->done_show_ms >= 0 &&
	       l->journal_retry_ms > 0 && l->sensor_ms > 0 && l->tender_wait_ms > 0 &&
	       p->sending_ms > 0 && p->query_first_ms > 0 &&
	       p->query_max_ms >= p->query_first_ms && p->unknown_max_ms > 0 &&
	       p->not_taken_ms > 0 && p->undo_alarm_ms > 0 && p->undo_alarm_tries > 0;
}

int
lane_core_new(const struct lane_env *env, struct lane_core **ret_core)
{
	struct lane_core *c;

	if (!env_ok(env))
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->env = *env;
	c->faults.adapter_down = true;
	c->readers.bio_away = true;
	c->faults.bio_down = true;
	lane_display_fill(c, &c->display);
	*ret_core = c;
	return 0;
}

struct lane_core *
lane_core_free(struct lane_core *c)
{
	if (c == NULL)
		return NULL;
	c->cur_dirty = false;
	lane_idle(c);
	lane_out_drop_ended(c);
	free(c->totals);
	free(c);
	return NULL;
}

int
lane_core_set_env(struct lane_core *c, const struct lane_env *env)
{
	if (!env_ok(env))
		return -EINVAL;
	/* A priced result names rules of the old set by pointer: it goes with them. */
	if (env->rules != c->env.rules || !str_eq(env->store, c->env.store) ||
	    !str_eq(env->lane, c->env.lane))
		lane_price_forget(c);
	c->env = *env;
	return 0;
}

int
lane_core_set_totals(struct lane_core *c, const struct lane_use *totals, uint32_t count,
		     bool unknown)
{
	struct lane_use *copy = calloc(count + 1u, sizeof(*copy));

	free(c->totals);
	c->totals = copy;
	c->totals_count = copy != NULL ? count : 0;
	c->totals_unknown = unknown || copy == NULL;
	if (copy == NULL)
		return -ENOMEM;
	if (count > 0)
		memcpy(copy, totals, count * sizeof(*copy));
	return 0;
}

static int
restore_checkout(struct lane_core *c, const struct lane_restore *held,
		 const struct timepoint *now)
{
	const struct checkout_record *r = held->checkout;
	struct checkout *k = &c->cur;

	if (r->phase == PHASE_IDLE || r->phase == PHASE_DONE ||
	    r->phase == PHASE_CANCELLED || r->training)
		return 0;
	k->lines = calloc(r->lines_count + 1u, sizeof(*k->lines));
	k->reserved = calloc(r->reserved_count + 1u, sizeof(*k->reserved));
	if (k->lines == NULL || k->reserved == NULL) {
		lane_basket_clear(k);
		return -ENOMEM;
	}
	if (r->lines_count > 0)
		memcpy(k->lines, r->lines, r->lines_count * sizeof(*k->lines));
	if (r->reserved_count > 0)
		memcpy(k->reserved, r->reserved,
		       r->reserved_count * sizeof(*k->reserved));
	k->lines_count = r->lines_count;
	k->reserved_count = r->reserved_count;
	k->id = r->checkout;
	k->phase = r->phase;
	k->priced_for = r->member;
	k->tender.total_only = r->rev > 0 && r->lines_count == 0 && r->total_minor > 0;
	k->rev = r->rev;
	k->final = r->final;
	k->pay_blocked = r->pay_blocked;
	k->gross_minor = r->gross_minor;
	k->total_minor = r->total_minor;
	k->saving_minor = r->saving_minor;
	k->price.points_earned = r->points;
	k->paid_minor = r->paid_minor;
	k->business_day = r->business_day;
	k->opened_wall_ms = r->opened_wall_ms;
	memcpy(k->ticket, r->ticket, sizeof(k->ticket));
	if (r->member_state == MEMBER_REMOVED)
		k->member_state = MEMBER_REMOVED;
	if (r->member_state == MEMBER_KNOWN && held->member != NULL &&
	    lane_member_set(c, held->member) == 0) {
		k->claimed = r->claimed;
		k->touched = r->touched;
		k->claim_to_pay = r->claim_to_pay;
	}
	lane_touch_time(c, now);
	return 0;
}

int
lane_core_restore(struct lane_core *c, const struct lane_restore *held,
		  const struct timepoint *now, struct lane_effects *out)
{
	int rc = 0;

	assert(c->cur.phase == PHASE_IDLE && c->slots_count == 0);
	for (uint32_t i = held->ended_count; i-- > 0;) {
		const struct checkout_record *r = &held->ended[i];
		struct ended_ticket e = {
			.rev = r->rev,
			.for_good = r->phase == PHASE_DONE || r->paid_minor > 0,
			.pay_blocked = r->pay_blocked,
			.business_day = r->business_day,
			.mono_ms = LANE_NEVER,
			.wall_ms = r->changed_wall_ms,
			.checkout = r->checkout,
			.paid_minor = r->paid_minor,
			.whole = r->phase == PHASE_DONE && !r->tender_outside,
			/* What came of the ticket since, and whether it had lines, is not known. */
			.total_minor = r->total_minor
		};

		remember_ended(c, &e, r->ticket);
	}
	if (held->checkout != NULL)
		rc = restore_checkout(c, held, now);
	c->payments_lost = held->incomplete;
	for (uint32_t i = 0; i < held->payments_count; i++) {
		if (c->slots_count == LANE_PAYMENTS_MAX) {
			c->payments_lost = true;
			rc = -E2BIG;
			break;
		}
		memset(&c->slots[c->slots_count], 0, sizeof(c->slots[0]));
		c->slots[c->slots_count++].payment = held->payments[i];
	}
	lane_pay_restored(c, now);
	/* In one commit: that a request waited for an earlier payment, no later start would know. */
	lane_tender_follow(c, now);
	/* What was consented to stands: while money is asked for, only that total counts. */
	if (lane_is_active(c) && c->cur.phase != PHASE_PAYING &&
	    c->cur.phase != PHASE_CHECKING) {
		lane_reprice(c, now);
		refresh_total(c);
	}
	lane_out(c, true, out);
	return rc;
}

int
lane_core_adopt(struct lane_core *c, const struct payment *p)
{
	struct slot *s = lane_slot(c, p->key);

	if (s != NULL) {
		s->adopted = true;
		return -EEXIST;
	}
	if (c->slots_count == LANE_PAYMENTS_MAX)
		return -ENOSPC;
	s = &c->slots[c->slots_count++];
	memset(s, 0, sizeof(*s));
	s->payment = *p;
	s->payment.due_mono_ms = PAYMENT_NEVER;
	s->adopted = true;
	return 0;
}

void
lane_core_answer_unsent(struct lane_core *c, struct key128 key)
{
	struct slot *s = lane_slot(c, key);

	if (s != NULL)
		payment_answer_unsent(&s->payment);
}

/* ---- what stands --------------------------------------------------------- */

const struct lane_display *
lane_core_display(const struct lane_core *c)
{
	return &c->display;
}

const struct lane_member *
lane_core_member(const struct lane_core *c)
{
	return c->cur.member_state == MEMBER_KNOWN ? &c->cur.member : NULL;
}

bool
lane_core_has_all(const struct lane_core *c)
{
	return !c->payments_lost;
}

uint32_t
lane_core_payments_count(const struct lane_core *c)
{
	return c->slots_count;
}

const struct payment *
lane_core_payment(const struct lane_core *c, uint32_t index)
{
	assert(index < c->slots_count);
	return &c->slots[index].payment;
}

const struct pricing_rules *
lane_core_rules(const struct lane_core *c)
{
	return c->env.rules;
}

const struct pricing_result *
lane_core_priced(const struct lane_core *c)
{
	return c->cur.price.priced;
}

void
lane_core_lines(const struct lane_core *c, struct lane_lines *ret_lines)
{
	const struct checkout *k = &c->cur;

	*ret_lines = (struct lane_lines){ .lines = k->lines,
					  .count = k->lines_count,
					  .discounts = k->price.discounts,
					  .discounts_count = k->price.discounts_count };
}
