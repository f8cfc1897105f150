#include "core/checkout/lane_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct lane_effect *
lane_send(struct lane_core *c, enum lane_effect_kind kind)
{
	struct lane_effect *fx =
		c->sends_count < LANE_SENDS_MAX ? &c->sends[c->sends_count++] : &c->sink;

	memset(fx, 0, sizeof(*fx));
	fx->kind = kind;
	return fx;
}

void
lane_audit_put(struct lane_core *c, const struct lane_audit *a)
{
	if (c->audits_count == LANE_AUDITS_MAX)
		c->audits_lost++;
	else
		c->audits[c->audits_count++] = *a;
}

void
lane_record(const struct lane_core *c, struct checkout_record *r)
{
	static const struct lane_reserved nothing[1];
	const struct checkout *k = &c->cur;

	memset(r, 0, sizeof(*r));
	r->checkout = k->id;
	r->phase = k->phase;
	r->training = k->training;
	r->opened_wall_ms = k->opened_wall_ms;
	r->changed_wall_ms = k->changed_wall_ms;
	r->business_day = k->business_day;
	memcpy(r->currency, c->env.currency, sizeof(r->currency));
	if (k->training) {
		/* What was kept before the POS said "training" goes. */
		r->basket_changed = true;
		r->reserved = nothing;
		return;
	}
	r->member_state =
		k->member_state == MEMBER_KNOWN || k->member_state == MEMBER_REMOVED
			? k->member_state
			: MEMBER_NONE;
	/* Uses and points are theirs whose prices stand, whoever pays the rest. */
	r->member = k->paid_minor > 0 ? k->priced_for : k->member.member;
	r->claimed = k->claimed;
	r->touched = k->touched;
	r->claim_to_pay = k->claim_to_pay;
	r->pay_blocked = k->pay_blocked || (k->paid_minor > 0 && lane_is_active(c));
	r->tender_outside = k->tender_outside;
	r->pos_closed = k->pos_closed;
	r->final = k->final;
	r->rev = k->rev;
	memcpy(r->ticket, k->ticket, sizeof(r->ticket));
	r->lines = k->lines;
	r->lines_count = k->lines_count;
	r->basket_changed = k->basket_changed;
	r->gross_minor = k->gross_minor;
	r->total_minor = k->total_minor;
	r->saving_minor = k->saving_minor;
	r->paid_minor = k->paid_minor;
	r->reserved = k->reserved;
	r->reserved_count = k->reserved_count;
	r->uses_count_now = k->uses_counted;
	r->points = k->phase == PHASE_CANCELLED ? 0 : k->price.points_earned;
}

void
lane_out_keep_ended(struct lane_core *c)
{
	struct checkout_record *r;

	if (!c->cur_dirty || c->ended_count == LANE_ENDED_MAX)
		return;
	r = &c->ended[c->ended_count++];
	lane_record(c, r);
	/* Its basket goes away with it; what it used of limited offers is kept. */
	r->lines = NULL;
	r->lines_count = 0;
	r->basket_changed = false;
	r->reserved = NULL;
	r->reserved_count = 0;
	if (c->cur.training)
		return;
	c->ended_reserved[c->ended_count - 1] = c->cur.reserved;
	r->reserved = c->cur.reserved;
	r->reserved_count = c->cur.reserved_count;
	c->cur.reserved = NULL;
	c->cur.reserved_count = 0;
}

void
lane_out_drop_ended(struct lane_core *c)
{
	for (uint32_t i = 0; i < LANE_ENDED_MAX; i++) {
		free(c->ended_reserved[i]);
		c->ended_reserved[i] = NULL;
	}
	c->ended_count = 0;
}

/* What the price engine says beside the amounts. */
static void
fill_price(const struct lane_core *c, struct lane_display *d)
{
	const struct checkout *k = &c->cur;
	const struct price *p = &k->price;

	d->optimal = !p->unproven;
	d->gap_minor = p->gap_minor;
	d->member_saving_minor = p->member_saving_minor;
	d->join_saving_minor = p->join_saving_minor;
	d->prices = p->hash;
	d->points_earned = p->points_earned;
	d->burn_points = p->burn_points;
	d->burn_minor = p->burn_minor;
	if (k->member_state == MEMBER_KNOWN)
		d->points_balance = k->member.points;
	memcpy(d->hint_rule, p->hint.id, sizeof(d->hint_rule));
	memcpy(d->hint_text, p->hint.text, sizeof(d->hint_text));
	d->hint_line = p->hint_line;
	d->hint_saving_minor = p->hint_saving_minor;
}

/* A payment of the present checkout may have charged something, and none of it stays. */
static bool
is_in_doubt(const struct lane_core *c)
{
	for (uint32_t i = 0; i < c->slots_count; i++) {
		const struct payment *p = &c->slots[i].payment;

		if (p->kind == PAYMENT_PAY && ulid_eq(p->checkout, c->cur.id) &&
		    (payment_is_open(p->state) || p->state == PAYMENT_UNDO_FAILED))
			return true;
	}
	return false;
}

/* The row, and what stands beside it because of the readers. */
static void
fill_row(const struct lane_core *c, struct lane_display *d)
{
	const struct checkout *k = &c->cur;
	struct row_state state = {
		.phase = k->phase,
		.member = k->member_state,
		.note = k->note,
		.has_lines = k->lines_count > 0,
		.scanning = lane_is_scanning(c),
		.claim_first = c->env.claim_first,
		.in_doubt = is_in_doubt(c),
		.faults = c->faults,
	};

	d->row = checkout_row(&state);
	if (d->row == ROW_NOT_READ ||
	    (d->row == ROW_AMBIGUOUS && k->note == NOTE_NOT_READ))
		d->reason = k->reason;
	else if (c->readers.rests && lane_sensor_sees(c) &&
		 checkout_wants_touch(k->phase, k->member_state))
		d->reason = TOUCH_HINT_LIFT;
	d->readers = c->readers.bio_away ? READERS_AWAY : c->readers.health;
	d->clean_glass = c->readers.dirty;
	d->finger_rests = c->readers.rests;
	d->claim_first = c->env.claim_first;
	d->sensor_on = c->sensor_on;
	d->other_finger = d->row == ROW_AMBIGUOUS && k->other_finger;
}

void
lane_display_fill(const struct lane_core *c, struct lane_display *d)
{
	const struct checkout *k = &c->cur;

	memset(d, 0, sizeof(*d));
	fill_row(c, d);
	d->phase = k->phase;
	d->member = k->member_state;
	d->note = k->note;
	d->faults = c->faults;
	d->training = c->faults.training || k->training;
	memcpy(d->currency, c->env.currency, sizeof(d->currency));
	if (k->phase == PHASE_IDLE)
		return;
	d->checkout = k->id;
	memcpy(d->ticket, k->ticket, sizeof(d->ticket));
	d->rev = k->rev;
	d->lines_count = k->lines_count;
	d->gross_minor = k->gross_minor;
	d->total_minor = k->total_minor;
	d->saving_minor = k->saving_minor;
	d->due_minor = lane_due(c);
	d->business_day = k->business_day;
	d->can_pay = k->phase == PHASE_CONFIRMING;
	if (k->member_state == MEMBER_KNOWN) {
		memcpy(d->greeting, k->member.greeting, sizeof(d->greeting));
		memcpy(d->language, k->member.language, sizeof(d->language));
		memcpy(d->tender_label, k->member.tender_label, sizeof(d->tender_label));
		memcpy(d->last4, k->member.last4, sizeof(d->last4));
	}
	fill_price(c, d);
}

static struct lane_effect *
append(struct lane_effects *out, enum lane_effect_kind kind)
{
	struct lane_effect *fx = &out->list[out->count];

	assert(out->count < LANE_EFFECTS_MAX);
	out->count++;
	memset(fx, 0, sizeof(*fx));
	fx->kind = kind;
	return fx;
}

static bool
is_kept(const struct checkout *k)
{
	bool ended = k->phase == PHASE_DONE || k->phase == PHASE_CANCELLED;

	return k->phase != PHASE_IDLE && (!k->training || ended);
}

static void
put_stores(struct lane_core *c, struct lane_effects *out)
{
	for (uint32_t i = 0; i < c->ended_count; i++)
		append(out, FX_STORE_CHECKOUT)->checkout = c->ended[i];
	if (c->cur_dirty && is_kept(&c->cur))
		lane_record(c, &append(out, FX_STORE_CHECKOUT)->checkout);
	for (uint32_t i = 0; i < c->slots_count; i++) {
		if (c->slots[i].dirty)
			append(out, FX_STORE_PAYMENT)->payment = &c->slots[i].payment;
	}
	for (uint32_t i = 0; i < c->audits_count; i++)
		append(out, FX_AUDIT)->audit = c->audits[i];
	c->stores_pending = out->count > 0;
}

static bool
same_faults(const struct lane_faults *a, const struct lane_faults *b)
{
	return a->bio_down == b->bio_down && a->adapter_down == b->adapter_down &&
	       a->journal_failed == b->journal_failed &&
	       a->clock_doubted == b->clock_doubted && a->environment == b->environment &&
	       a->training == b->training;
}

static bool
same_texts(const struct lane_display *a, const struct lane_display *b)
{
	return strcmp(a->ticket, b->ticket) == 0 &&
	       strcmp(a->currency, b->currency) == 0 &&
	       strcmp(a->greeting, b->greeting) == 0 &&
	       strcmp(a->language, b->language) == 0 &&
	       strcmp(a->tender_label, b->tender_label) == 0 &&
	       strcmp(a->last4, b->last4) == 0 &&
	       strcmp(a->hint_rule, b->hint_rule) == 0 &&
	       strcmp(a->hint_text, b->hint_text) == 0;
}

static bool
same_readers(const struct lane_display *a, const struct lane_display *b)
{
	return a->reason == b->reason && a->readers == b->readers &&
	       a->clean_glass == b->clean_glass && a->finger_rests == b->finger_rests &&
	       a->claim_first == b->claim_first && a->sensor_on == b->sensor_on &&
	       a->other_finger == b->other_finger;
}

static bool
same_prices(const struct lane_display *a, const struct lane_display *b)
{
	return a->gross_minor == b->gross_minor && a->total_minor == b->total_minor &&
	       a->saving_minor == b->saving_minor && a->due_minor == b->due_minor &&
	       a->prices == b->prices && a->optimal == b->optimal &&
	       a->gap_minor == b->gap_minor &&
	       a->member_saving_minor == b->member_saving_minor &&
	       a->join_saving_minor == b->join_saving_minor &&
	       a->points_balance == b->points_balance &&
	       a->points_earned == b->points_earned && a->burn_points == b->burn_points &&
	       a->burn_minor == b->burn_minor && a->hint_line == b->hint_line &&
	       a->hint_saving_minor == b->hint_saving_minor;
}

static bool
same_display(const struct lane_display *a, const struct lane_display *b)
{
	return a->row == b->row && a->phase == b->phase && a->member == b->member &&
	       a->note == b->note && same_faults(&a->faults, &b->faults) &&
	       ulid_eq(a->checkout, b->checkout) && a->rev == b->rev &&
	       a->lines_count == b->lines_count && a->can_pay == b->can_pay &&
	       a->training == b->training && same_prices(a, b) && same_texts(a, b) &&
	       same_readers(a, b);
}

void
lane_out(struct lane_core *c, bool stores, struct lane_effects *out)
{
	out->count = 0;
	c->stores_pending = false;
	if (stores)
		put_stores(c, out);
	for (uint32_t i = 0; i < c->sends_count; i++)
		*append(out, c->sends[i].kind) = c->sends[i];
	c->sends_count = 0;
	lane_display_fill(c, &c->display);
	if (same_display(&c->display, &c->shown))
		return;
	c->shown = c->display;
	append(out, FX_SHOW)->show = &c->shown;
}

void
lane_committed(struct lane_core *c)
{
	if (!c->stores_pending)
		return;
	c->stores_pending = false;
	c->faults.journal_failed = false;
	lane_out_drop_ended(c);
	c->audits_count = 0;
	lane_budget_lost(c);
	c->cur_dirty = false;
	c->cur.basket_changed = false;
	for (uint32_t i = 0; i < c->slots_count; i++)
		c->slots[i].dirty = c->slots[i].fresh = c->slots[i].answering = false;
}
