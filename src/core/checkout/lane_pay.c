#include "core/checkout/lane_private.h"

#include <errno.h>
#include <string.h>

static const char *const audit_words[PAYMENT_STATES] = {
	[PAYMENT_CREATED] = "payment-created",
	[PAYMENT_SENDING] = "payment-sending",
	[PAYMENT_NOT_SENT] = "payment-not-sent",
	[PAYMENT_CANCELLED] = "payment-cancelled",
	[PAYMENT_APPROVED] = "payment-approved",
	[PAYMENT_PARTIAL] = "payment-partial",
	[PAYMENT_DECLINED] = "payment-declined",
	[PAYMENT_UNKNOWN] = "payment-unknown",
	[PAYMENT_ANSWER_SENDING] = "payment-answer-sending",
	[PAYMENT_CONFIRMED] = "payment-confirmed",
	[PAYMENT_UNDO_QUEUED] = "payment-undo-queued",
	[PAYMENT_UNDONE] = "payment-undone",
	[PAYMENT_UNDO_FAILED] = "payment-undo-failed",
	[PAYMENT_REFUNDED] = "payment-refunded", /* of refunds only */
};

/* The same words for refunds: "refund-" in place of "payment-". */
static const char *const refund_words[PAYMENT_STATES] = {
	[PAYMENT_CREATED] = "refund-created",   [PAYMENT_SENDING] = "refund-sending",
	[PAYMENT_NOT_SENT] = "refund-not-sent", [PAYMENT_CANCELLED] = "refund-cancelled",
	[PAYMENT_DECLINED] = "refund-declined", [PAYMENT_UNKNOWN] = "refund-unknown",
	[PAYMENT_REFUNDED] = "refund-refunded",
};

static const char *
audit_word(const struct payment *p)
{
	const char *word = p->kind == PAYMENT_REFUND ? refund_words[p->state] : NULL;

	return word != NULL ? word : audit_words[p->state];
}

struct payment_rules
lane_payment_rules(const struct lane_core *c, const struct payment *p)
{
	struct payment_rules rules = c->env.payment;

	rules.link_up = !c->faults.adapter_down && !c->faults.environment;
	rules.pos_up = !c->faults.environment && lane_pos_is_up(c, p->pos_adapter);
	if (payment_is_for_pos(p))
		rules.partial_ok =
			rules.partial_ok && lane_pos_takes_part(c, p->pos_adapter);
	return rules;
}

struct slot *
lane_slot(struct lane_core *c, struct key128 key)
{
	for (uint32_t i = 0; i < c->slots_count; i++) {
		if (key128_eq(c->slots[i].payment.key, key))
			return &c->slots[i];
	}
	return NULL;
}

static bool
is_current(const struct lane_core *c, const struct payment *p)
{
	return c->cur.phase != PHASE_IDLE && c->cur.has_paying &&
	       ulid_eq(c->cur.id, p->checkout) && key128_eq(c->cur.paying, p->key);
}

/* It is what the POS has asked for, and nobody consented to it yet. */
static bool
waits(const struct lane_core *c, const struct payment *p)
{
	return c->cur.tender.waits && is_current(c, p);
}

/* A payment of this checkout or ticket whose outcome is open. */
static bool
is_open_here(const struct lane_core *c, const struct payment *p, const char *ticket)
{
	return p->kind == PAYMENT_PAY && payment_is_open(p->state) && !waits(c, p) &&
	       (ulid_eq(p->checkout, c->cur.id) || strcmp(p->ticket, ticket) == 0);
}

/* No second one beside it. */
bool
lane_pay_has_open(const struct lane_core *c, const char *ticket)
{
	for (uint32_t i = 0; i < c->slots_count; i++) {
		if (is_open_here(c, &c->slots[i].payment, ticket))
			return true;
	}
	return false;
}

bool
lane_pay_is_unstored(const struct lane_core *c)
{
	for (uint32_t i = 0; i < c->slots_count; i++) {
		const struct slot *s = &c->slots[i];

		if (is_open_here(c, &s->payment, c->cur.ticket) &&
		    (c->faults.journal_failed || (s->dirty && c->cur.offer == 0)))
			return true;
	}
	return false;
}

bool
lane_pay_faults_allow(const struct lane_core *c)
{
	return !c->faults.adapter_down && !c->faults.journal_failed &&
	       !c->faults.clock_doubted && !c->faults.environment && !c->payments_lost;
}

/* The token cannot pay this, whoever touches. */
static bool
token_is_out(const struct lane_core *c, int64_t due)
{
	const struct checkout *k = &c->cur;
	const struct lane_member *m = &k->member;

	return !lane_pay_faults_allow(c) || !c->env.can_pay || k->pay_blocked ||
	       !m->has_tender || m->minor || k->pay_tries >= c->env.limits.pay_tries ||
	       (c->slots_count == LANE_PAYMENTS_MAX && !k->tender.waits) ||
	       lane_pay_has_open(c, k->ticket) ||
	       (k->paid_minor > 0 && ulid_eq(k->paid_in_part, m->member)) ||
	       (m->tender_limit_minor > 0 && due + k->paid_minor > m->tender_limit_minor);
}

enum checkout_note
lane_payable(const struct lane_core *c)
{
	const struct checkout *k = &c->cur;
	const struct lane_member *m = &k->member;
	int64_t due = lane_due(c);
	/* With the parts that are paid already: a price in pieces is one price. */
	int64_t all = due + k->paid_minor;
	int64_t today = m->touch_paid_today_minor;

	if (k->member_state != MEMBER_KNOWN || !k->final || due <= 0 || k->rev == 0)
		return NOTE_PAY_OTHER;
	if ((!k->training && token_is_out(c, due)) || k->claim_refused)
		return NOTE_PAY_OTHER;
	if (c->env.claim_first && (!k->claimed || k->claim_spent))
		return NOTE_NEED_CLAIM;
	if (k->training)
		return NOTE_NONE; /* nothing will be sent */
	if (!k->claimed && (k->claim_to_pay || all > c->env.limits.touch_checkout_minor ||
			    today > c->env.limits.touch_day_minor - all))
		return NOTE_NEED_CLAIM;
	return NOTE_NONE;
}

void
lane_total_phase(struct lane_core *c)
{
	struct checkout *k = &c->cur;
	const struct consent *agreed = &k->tender.agreed;
	bool finger = k->member.subjects_count > 0 && !c->faults.bio_down;
	bool done = agreed->given && agreed->rev == k->rev && !k->tender.waits &&
		    agreed->due_minor == lane_due(c);
	enum checkout_note why = lane_payable(c);

	if (k->tender.total_only && !k->tender.waits)
		done = true; /* nothing is asked for: a touch has nothing to consent to */
	k->phase =
		finger && why == NOTE_NONE && !done ? PHASE_CONFIRMING : PHASE_TOTALLED;
	if (k->note == NOTE_NEED_CLAIM || k->note == NOTE_NONE)
		k->note = why == NOTE_NEED_CLAIM ? why : NOTE_NONE;
	c->cur_dirty = true;
}

/* Back to the total after an attempt that ended without money. */
static void
back_to_total(struct lane_core *c, enum checkout_note note, bool blocked)
{
	struct checkout *k = &c->cur;

	k->phase = k->final ? PHASE_TOTALLED : PHASE_OPEN;
	k->note = note;
	k->pay_blocked = k->pay_blocked || blocked;
	k->has_paying = false;
	k->tender.asked = k->tender.waits = k->tender.agreed.given = false;
	c->cur_dirty = true;
}

/*
 * All of it ends the checkout; after a part of it another tender pays the rest. Where the POS has the
 * prices, what it asked for is all.
 */
void
lane_paid(struct lane_core *c, const struct payment *p, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	bool part = p->answered_minor < p->asked_minor;

	if (part)
		k->paid_in_part = k->member.member;
	back_to_total(c, part ? NOTE_PAY_OTHER : NOTE_NONE, false);
	if (!part && (lane_rest(c) == 0 || c->env.price_pos || k->tender.total_only))
		lane_end(c, PHASE_DONE, now);
	else if (!part)
		lane_total_phase(c);
}

/* What is paid of the checkout, by all its payments. */
static void
count_paid(struct lane_core *c, struct slot *s)
{
	const struct payment *p = &s->payment;
	int64_t paid = payment_is_paid(p->state) ? p->answered_minor : 0;

	if (!lane_is_active(c) || !ulid_eq(c->cur.id, p->checkout) ||
	    p->kind != PAYMENT_PAY || paid == s->counted_minor)
		return;
	c->cur.paid_minor += paid - s->counted_minor;
	s->counted_minor = paid;
	c->cur_dirty = true;
}

/* Nothing was charged; the POS asks the real terminal, or is told that it is cancelled. */
static enum checkout_note
note_of_nothing(const struct payment *p)
{
	return p->passed ? NOTE_PAY_OTHER : NOTE_NOT_CHARGED;
}

/* The checkout looks at what has become of its payment. */
static void
on_result(struct lane_core *c, const struct payment *p, enum payment_state before,
	  const struct timepoint *now)
{
	struct checkout *k = &c->cur;

	if (!is_current(c, p) || !lane_is_active(c))
		return;
	switch (p->state) {
	case PAYMENT_CREATED:
	case PAYMENT_SENDING:
		k->phase = PHASE_PAYING;
		break;
	case PAYMENT_UNKNOWN:
		k->phase = PHASE_CHECKING;
		break;
	case PAYMENT_APPROVED:
	case PAYMENT_PARTIAL:
	case PAYMENT_ANSWER_SENDING:
	case PAYMENT_CONFIRMED:
		/* Paid is what the POS that asked has taken. */
		if (!payment_is_for_pos(p) || p->taken || p->state == PAYMENT_CONFIRMED)
			lane_paid(c, p, now);
		else
			k->phase = PHASE_PAYING;
		break;
	case PAYMENT_DECLINED:
		back_to_total(c, NOTE_DECLINED, false);
		break;
	case PAYMENT_NOT_SENT:
	case PAYMENT_CANCELLED:
		/*
		 * Also after a doubt: the peer has said that it never heard of the key, so another one
		 * is no blind retry. What is cancelled after a doubt was not said to be that.
		 */
		back_to_total(c, note_of_nothing(p),
			      before == PAYMENT_UNKNOWN && p->state != PAYMENT_NOT_SENT);
		/* No basket will tell of the end: who comes next is not who was here. */
		if (p->passed && k->tender.total_only)
			lane_end_outside(c, now);
		break;
	case PAYMENT_UNDO_QUEUED:
	case PAYMENT_UNDONE:
	case PAYMENT_UNDO_FAILED:
		back_to_total(c, NOTE_PAY_OTHER, true);
		break;
	case PAYMENT_REFUNDED: /* of no checkout's own payment */
	case PAYMENT_STATES:
		break;
	}
	c->cur_dirty = true;
	lane_touch_time(c, now);
}

/* again: it is no new state, and may be told as often as a peer likes. */
static void
alarm(struct lane_core *c, const struct payment *p, bool again)
{
	struct lane_effect *fx = lane_send(c, FX_ALARM);
	const char *what = p->kind == PAYMENT_REFUND ? "refund-alarm" : "payment-alarm";

	fx->audit.what = what;
	fx->audit.checkout = p->checkout;
	fx->audit.key = p->key;
	fx->audit.amount_minor = p->asked_minor;
	fx->audit.text = payment_alarm_text(p);
	if (again)
		lane_audit_odd(c, what, p, fx->audit.text);
	else
		lane_audit(c, what, p, fx->audit.text);
}

static void
submit(struct lane_core *c, const struct payment *p, enum lane_effect_kind kind)
{
	lane_send(c, kind)->payment = p;
}

/* Of a refund, or of a payment by the member who is here. */
static void
submit_pay(struct lane_core *c, const struct payment *p)
{
	bool refund = p->kind == PAYMENT_REFUND;
	struct lane_effect *fx = lane_send(c, refund ? FX_REFUND : FX_PAY);

	fx->pay.payment = p;
	fx->pay.token = refund ? "" : c->cur.member.token;
	fx->pay.timeout_ms = c->env.payment.sending_ms;
}

/* To the POS that asked: what came of it, at once or when its adapter is back. */
static void
tell_pos(struct lane_core *c, struct slot *s, bool now_up, const struct timepoint *now)
{
	if (now_up)
		lane_tender_tell(c, s, now);
	else
		lane_tender_owe(c, s, now);
}

/* It has ended without an approval, and not by a word of the POS. */
static bool
ends_for_pos(const struct payment *p, enum payment_input_kind kind)
{
	return payment_is_for_pos(p) && kind != PAYMENT_IN_POS_UNDO &&
	       kind != PAYMENT_IN_NOT_TAKEN &&
	       (payment_is_refused(p->state) || p->state == PAYMENT_UNDO_QUEUED);
}

/* A refund that nobody waits for, as no goods came back for it: that it failed is told aloud. */
static bool
is_left(const struct payment *p, enum payment_state before)
{
	return p->kind == PAYMENT_REFUND && ulid_is_zero(p->return_id) &&
	       p->state != before && payment_is_refused(p->state);
}

unsigned
lane_pay_input(struct lane_core *c, struct slot *s, const struct payment_input *in,
	       const struct timepoint *now)
{
	struct payment_rules rules = lane_payment_rules(c, &s->payment);
	struct payment *p = &s->payment;
	enum payment_state before = p->state;
	unsigned actions = payment_step(p, in, &rules, now);

	if ((actions & PAYMENT_DO_STORE) != 0)
		s->dirty = true;
	if (p->state != before)
		lane_audit(c, audit_word(p), p, NULL);
	if ((actions & PAYMENT_DO_NOTE) != 0)
		lane_audit_odd(c,
			       p->kind == PAYMENT_REFUND ? "refund-odd-answer"
							 : "payment-odd-answer",
			       p, payment_input_name(in->kind));
	if ((actions & PAYMENT_DO_ALARM) != 0 || is_left(p, before))
		alarm(c, p, p->state == before);
	if ((actions & PAYMENT_DO_QUERY) != 0)
		submit(c, p, FX_QUERY);
	if ((actions & PAYMENT_DO_CONFIRM) != 0)
		submit(c, p, FX_CONFIRM);
	if ((actions & PAYMENT_DO_UNDO) != 0)
		submit(c, p, FX_UNDO);
	if ((actions & PAYMENT_DO_PAY) != 0)
		submit_pay(c, p);
	if ((actions & PAYMENT_DO_ANSWER) != 0)
		tell_pos(c, s, true, now);
	else if (p->state != before && !rules.pos_up && ends_for_pos(p, in->kind))
		tell_pos(c, s, false, now);
	if ((actions & PAYMENT_DO_RESULT) != 0) {
		count_paid(c, s);
		on_result(c, p, before, now);
	}
	return actions;
}

void
lane_pay_step(struct lane_core *c, struct slot *s, enum payment_input_kind kind,
	      const struct timepoint *now)
{
	struct payment_input in = { .kind = kind };

	(void)lane_pay_input(c, s, &in, now); /* all of it is performed */
}

/* A payment was created in the next free slot. */
void
lane_pay_begun(struct lane_core *c, struct slot *s, const struct timepoint *now)
{
	c->slots_count++;
	s->dirty = s->fresh = true;
	c->cur.has_paying = true;
	c->cur.paying = s->payment.key;
	c->cur_dirty = true;
	lane_touch_time(c, now);
	lane_audit(c, audit_words[PAYMENT_CREATED], &s->payment, NULL);
}

void
lane_pay(struct lane_core *c, const struct lane_event *ev, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct slot *s = &c->slots[c->slots_count];
	struct payment_start start = {
		.key = ev->fresh.key,
		.checkout = k->id,
		.ticket = str_of(k->ticket),
		.currency = str_of(c->env.currency),
		.adapter = c->env.adapter,
		.place = c->env.place,
		.rev = k->rev,
		.amount_minor = lane_due(c),
		.by_touch = !k->claimed,
		.member = k->member.member,
	};
	unsigned actions;

	k->note = NOTE_NONE;
	if (k->training) { /* as if paid; nothing is sent */
		lane_end(c, PHASE_DONE, now);
		return;
	}
	if (k->tender.waits || c->env.pos_asks) {
		lane_tender_consent(c, now);
		return;
	}
	memset(s, 0, sizeof(*s));
	if (payment_begin(&s->payment, &start, now, &actions) < 0) {
		k->note = NOTE_PAY_OTHER; /* no key: the shell had no random bytes */
		return;
	}
	k->pay_tries++;
	k->phase = PHASE_PAYING;
	lane_pay_begun(c, s, now);
	submit_pay(c, &s->payment);
}

void
lane_pay_leave(struct lane_core *c, enum payment_input_kind kind,
	       const struct timepoint *now)
{
	for (uint32_t i = 0; i < c->slots_count; i++) {
		struct slot *s = &c->slots[i];

		if (s->payment.kind == PAYMENT_PAY &&
		    ulid_eq(s->payment.checkout, c->cur.id) &&
		    payment_is_open(s->payment.state))
			lane_pay_step(c, s, kind, now);
	}
}

void
lane_pay_all(struct lane_core *c, enum payment_input_kind kind,
	     const struct timepoint *now)
{
	for (uint32_t i = 0; i < c->slots_count; i++)
		lane_pay_step(c, &c->slots[i], kind, now);
}

void
lane_pay_time(struct lane_core *c, const struct timepoint *now)
{
	for (uint32_t i = 0; i < c->slots_count; i++) {
		struct slot *s = &c->slots[i];
		struct payment_rules rules = lane_payment_rules(c, &s->payment);

		/* A limit and the retry after it; more comes with the next tick. */
		for (int n = 0; n < 2; n++) {
			if (payment_deadline(&s->payment, &rules) <= now->mono_ms)
				lane_pay_step(c, s, PAYMENT_IN_TIME, now);
		}
	}
}

int64_t
lane_pay_deadline(const struct lane_core *c)
{
	int64_t at = LANE_NEVER;

	for (uint32_t i = 0; i < c->slots_count; i++) {
		const struct payment *p = &c->slots[i].payment;
		struct payment_rules rules = lane_payment_rules(c, p);
		int64_t one = payment_deadline(p, &rules);

		if (one < at)
			at = one;
	}
	return at;
}

/*
 * The commit failed. A payment that is only created was never sent: it is given up. Everything
 * else stays dirty, so that the next list stores it again before its retry is sent.
 */
void
lane_pay_unsaved(struct lane_core *c, const struct timepoint *now)
{
	for (uint32_t i = 0; i < c->slots_count; i++) {
		struct slot *s = &c->slots[i];

		if (!s->dirty)
			continue;
		if (s->answering) /* it did not go out */
			lane_tender_owe(c, s, now);
		s->answering = false;
		/* What a POS asked for is refused to it: it never heard of the key. */
		s->unheard = s->unheard || s->fresh;
		if (s->fresh && s->payment.state == PAYMENT_CREATED &&
		    s->payment.kind == PAYMENT_PAY)
			lane_pay_step(c, s, PAYMENT_IN_SUBMIT_REFUSED, now);
		else if (s->payment.due_mono_ms != PAYMENT_NEVER ||
			 s->payment.state == PAYMENT_CREATED)
			s->payment.due_mono_ms =
				now->mono_ms + c->env.limits.journal_retry_ms;
	}
}

void
lane_pay_sweep(struct lane_core *c)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->slots_count; i++) {
		const struct slot *s = &c->slots[i];
		bool part = s->counted_minor > 0 && lane_is_active(c) &&
			    ulid_eq(s->payment.checkout, c->cur.id);
		bool stays = s->dirty || s->adopted || s->owed || part ||
			     payment_is_open(s->payment.state);

		c->slots[i].adopted = false;
		if (!stays)
			continue;
		if (kept != i)
			c->slots[kept] = c->slots[i];
		kept++;
	}
	c->slots_count = kept;
}

/* ---- events -------------------------------------------------------------- */

/* A ticket that is not the present one: only what its payments still are. */
static int
cancel_earlier(struct lane_core *c, const struct lane_event *ev,
	       const struct timepoint *now)
{
	const struct ended_ticket *e = lane_ended_paid(c, ev->ticket, now);
	struct str ticket = ev->ticket;
	bool found = e != NULL && !e->whole;

	for (uint32_t i = 0; i < c->slots_count; i++) {
		struct slot *s = &c->slots[i];

		if (s->payment.kind != PAYMENT_PAY ||
		    !str_is(ticket, s->payment.ticket) ||
		    !payment_is_open(s->payment.state))
			continue;
		lane_pay_step(c, s, PAYMENT_IN_VOID, now);
		found = true;
	}
	if (e != NULL) {
		lane_tender_void_ended(c, e, ev->fresh.key, now);
		lane_ended_seen_to(c, ticket);
	}
	return found ? 0 : -ENOENT;
}

int
lane_on_cancel(struct lane_core *c, const struct lane_event *ev,
	       const struct timepoint *now)
{
	struct str ticket = ev->ticket;

	if (ticket.n == 0 || ticket.n >= LANE_TICKET_BYTES)
		return -EINVAL;
	if (!lane_is_active(c) || !str_is(ticket, c->cur.ticket))
		return cancel_earlier(c, ev, now);
	lane_pay_leave(c, PAYMENT_IN_VOID, now);
	if (!lane_is_active(c))
		return 0;
	lane_tender_void(c, ev->fresh.key, now);
	c->cur.note = NOTE_NONE;
	lane_end(c, PHASE_CANCELLED, now);
	lane_ended_seen_to(c, ticket);
	return 0;
}

int
lane_on_other_tender(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;

	if (!lane_is_active(c) || k->rev == 0)
		return -EBUSY;
	lane_pay_leave(c, PAYMENT_IN_OTHER_TENDER, now);
	if (!lane_is_active(c))
		return 0;
	if (k->wait != WAIT_NONE)
		lane_wait_over(c, NOTE_NONE);
	k->pay_blocked = true;
	k->note = NOTE_PAY_OTHER;
	k->phase = k->final ? PHASE_TOTALLED : PHASE_OPEN;
	c->cur_dirty = true;
	lane_audit(c, "other-tender", NULL, NULL);
	lane_touch_time(c, now);
	return 0;
}

/* A payment of the checkout that goes on; of its parts that are confirmed nothing is to be done. */
static void
take_up(struct lane_core *c, struct slot *s, const struct timepoint *now)
{
	struct checkout *k = &c->cur;

	if (payment_is_paid(s->payment.state)) /* the record says so */
		s->counted_minor = s->payment.answered_minor;
	if (s->payment.state == PAYMENT_CONFIRMED)
		return;
	/* Nothing was sent of it; an earlier one that it waited for comes first. */
	if (s->payment.state == PAYMENT_CREATED && k->has_paying) {
		k->tender.behind = true;
		k->tender.first = k->paying;
		k->tender.held.minor = s->payment.asked_minor;
		k->tender.held.total_minor = k->total_minor;
		k->tender.held.rev = s->payment.rev;
		return;
	}
	k->has_paying = true;
	k->paying = s->payment.key;
	k->pay_tries++;
	on_result(c, &s->payment, s->payment.state, now);
}

/* After a restart: the checkout follows what its payment is now. */
void
lane_pay_restored(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;

	for (uint32_t i = 0; i < c->slots_count; i++) {
		struct slot *s = &c->slots[i];

		if (lane_is_active(c) && s->payment.kind == PAYMENT_PAY &&
		    ulid_eq(s->payment.checkout, k->id))
			take_up(c, s, now);
		lane_pay_step(c, s, PAYMENT_IN_RESTARTED, now);
	}
	if (lane_is_active(c) && !k->has_paying &&
	    (k->phase == PHASE_PAYING || k->phase == PHASE_CHECKING))
		back_to_total(c, NOTE_NONE, true);
}
