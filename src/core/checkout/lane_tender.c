/*
 * Payments that the POS asks for. A member who can pay by token is here: the payment is created
 * (lane_ask.c), and waits for the shopper's consent; else the real terminal has it at once. What the POS
 * asks for is what is paid, or nothing is. Its answer goes back under the key that it was given.
 */
#include "core/checkout/lane_private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* ---- adapters of the POS --------------------------------------------------- */

static struct pos_link *
find_link(struct lane_core *c, struct str adapter)
{
	for (uint32_t i = 0; i < c->pos_count; i++) {
		if (str_is(adapter, c->pos[i].adapter))
			return &c->pos[i];
	}
	return NULL;
}

bool
lane_pos_is_up(const struct lane_core *c, const char *adapter)
{
	for (uint32_t i = 0; i < c->pos_count; i++) {
		if (strcmp(c->pos[i].adapter, adapter) == 0)
			return c->pos[i].up;
	}
	return false;
}

bool
lane_pos_takes_part(const struct lane_core *c, const char *adapter)
{
	for (uint32_t i = 0; i < c->pos_count; i++) {
		if (strcmp(c->pos[i].adapter, adapter) == 0)
			return c->pos[i].partial;
	}
	return false;
}

struct slot *
lane_tender_waiting(struct lane_core *c)
{
	return c->cur.tender.waits ? lane_slot(c, c->cur.paying) : NULL;
}

/* ---- answers --------------------------------------------------------------- */

static enum lane_outcome
outcome_of(enum payment_answer a)
{
	static const enum lane_outcome outcomes[] = {
		[PAYMENT_ANSWER_NONE] = OUTCOME_IN_PROGRESS,
		[PAYMENT_ANSWER_APPROVED] = OUTCOME_APPROVED,
		[PAYMENT_ANSWER_PARTIAL] = OUTCOME_PARTIAL,
		[PAYMENT_ANSWER_DECLINED] = OUTCOME_DECLINED,
		[PAYMENT_ANSWER_CANCELLED] = OUTCOME_CANCELLED,
		[PAYMENT_ANSWER_PASS] = OUTCOME_PASS,
	};

	return outcomes[a];
}

/* Another payment of its ticket is not certain: nothing is to stand beside that. */
static bool
is_beside_pending(const struct lane_core *c, const struct payment *p)
{
	for (uint32_t i = 0; i < c->slots_count; i++) {
		const struct payment *o = &c->slots[i].payment;

		if (o != p && o->kind == PAYMENT_PAY && payment_is_pending(o->state) &&
		    strcmp(o->ticket, p->ticket) == 0)
			return true;
	}
	return false;
}

/* What the POS that asked is to be told. */
static enum payment_answer
answer_now(const struct lane_core *c, const struct payment *p)
{
	enum payment_answer a = payment_answer(p);

	return a == PAYMENT_ANSWER_PASS && is_beside_pending(c, p)
		       ? PAYMENT_ANSWER_CANCELLED
		       : a;
}

void
lane_tender_tell(struct lane_core *c, struct slot *s, const struct timepoint *now)
{
	enum payment_answer a = answer_now(c, &s->payment);
	struct lane_effect *fx;

	(void)now;
	if (s->unheard || a == PAYMENT_ANSWER_NONE)
		return;
	fx = lane_send(c, FX_ANSWER);
	fx->tell.payment = &s->payment;
	fx->tell.outcome = outcome_of(a);
	s->answering = true;
	s->owed = false;
	s->answer = a;
	s->doubtful = s->payment.told;
}

void
lane_tender_owe(struct lane_core *c, struct slot *s, const struct timepoint *now)
{
	if (s->unheard)
		return;
	s->owed = true;
	s->owed_until_ms = now->mono_ms + c->env.payment.not_taken_ms;
}

void
lane_tender_owed(struct lane_core *c, const struct timepoint *now)
{
	for (uint32_t i = 0; i < c->slots_count; i++) {
		struct slot *s = &c->slots[i];

		if (s->owed && lane_payment_rules(c, &s->payment).pos_up)
			lane_tender_tell(c, s, now);
	}
}

void
lane_tender_renewed(struct lane_core *c, const struct payment *p)
{
	for (uint32_t i = 0; i < c->slots_count; i++) {
		struct slot *s = &c->slots[i];
		struct payment *o = &s->payment;

		if (!s->owed || !payment_is_refused(o->state) ||
		    strcmp(o->pos_adapter, p->pos_adapter) != 0 ||
		    strcmp(o->ticket, p->ticket) != 0)
			continue;
		s->owed = p->pos_ref[0] == '\0' || strcmp(o->pos_ref, p->pos_ref) != 0;
		o->passed = false;
		s->dirty = true;
	}
}

static bool
is_approval(enum payment_answer a)
{
	return a == PAYMENT_ANSWER_APPROVED || a == PAYMENT_ANSWER_PARTIAL;
}

/* What a completion of an answer says of the payment. */
static enum payment_input_kind
meaning(const struct slot *s, const struct lane_event *ev)
{
	switch (ev->completion.outcome) {
	case OUTCOME_CONFIRMED:
		/* It has taken a "no": nothing follows from that. */
		return !ev->completion.stale && s->answer != PAYMENT_ANSWER_NONE &&
				       !is_approval(s->answer)
			       ? PAYMENT_IN_ANSWER_UNSURE
			       : PAYMENT_IN_TAKEN;
	case OUTCOME_DECLINED:
	case OUTCOME_CANCELLED:
	case OUTCOME_NOT_SENT:
	case OUTCOME_NOT_FOUND:
		/* That this one did not arrive says nothing of one that went out before it. */
		return ev->completion.stale || s->doubtful ? PAYMENT_IN_ANSWER_UNSURE
							   : PAYMENT_IN_NOT_TAKEN;
	case OUTCOME_APPROVED:
	case OUTCOME_PARTIAL:
	case OUTCOME_UNDONE:
	case OUTCOME_DONE:
	case OUTCOME_UNKNOWN:
	case OUTCOME_IN_PROGRESS:
	case OUTCOME_PASS:
		break;
	}
	return PAYMENT_IN_ANSWER_UNSURE;
}

int
lane_tender_completed(struct lane_core *c, struct slot *s, const struct lane_event *ev,
		      const struct timepoint *now)
{
	enum payment_input_kind kind = meaning(s, ev);
	const struct payment *p = &s->payment;

	lane_pay_step(c, s, kind, now);
	if (kind == PAYMENT_IN_ANSWER_UNSURE && p->told && c->cur.tender.behind &&
	    !ev->completion.stale && key128_eq(c->cur.tender.first, p->key))
		c->cur.tender.unsure = true; /* there will be no more of it */
	/* The POS may have it: the sale goes on as paid, and it is kept for the POS's repeat. */
	if (kind == PAYMENT_IN_ANSWER_UNSURE && p->told && payment_is_paid(p->state) &&
	    lane_is_active(c) && c->cur.has_paying && key128_eq(c->cur.paying, p->key))
		lane_paid(c, p, now);
	return 0;
}

/* ---- money back ------------------------------------------------------------ */

void
lane_tender_alarm(struct lane_core *c, const struct payment *p, const char *text)
{
	struct lane_effect *fx = lane_send(c, FX_ALARM);

	fx->audit.what = "payment-alarm";
	fx->audit.checkout = p != NULL ? p->checkout : c->cur.id;
	if (p != NULL) {
		fx->audit.key = p->key;
		fx->audit.amount_minor = p->answered_minor;
	}
	fx->audit.text = text;
	lane_audit_odd(c, "payment-alarm", p, text);
}

/* It is confirmed, and the ticket has no use for it: back by a refund under a key of its own, once. */
static void
give_back(struct lane_core *c, struct slot *s, struct key128 fresh,
	  const struct timepoint *now)
{
	struct payment *p = &s->payment;

	if (p->given_back || p->answered_minor <= s->returned_minor)
		return;
	if (!lane_refund_begin(c, p, p->answered_minor - s->returned_minor, fresh, now)) {
		lane_tender_alarm(
			c, p,
			"paid, and the ticket is void: give the money back by hand");
		return;
	}
	p->given_back = true;
	s->dirty = true;
	lane_audit(c, "payment-given-back", p, NULL);
}

void
lane_tender_void(struct lane_core *c, struct key128 fresh, const struct timepoint *now)
{
	int64_t known = 0;
	uint8_t n = 0;

	for (uint32_t i = 0, count = c->slots_count; i < count; i++) {
		struct slot *s = &c->slots[i];
		struct key128 key = fresh;

		known += s->counted_minor;
		if (s->counted_minor == 0 || s->payment.state != PAYMENT_CONFIRMED ||
		    !ulid_eq(s->payment.checkout, c->cur.id))
			continue;
		key.b[sizeof(key.b) - 1] ^= n++; /* random, and each another one */
		give_back(c, s, key, now);
	}
	if (c->cur.paid_minor > known)
		lane_tender_alarm(
			c, NULL,
			"the ticket is void, and a part of it was paid before a restart: "
			"give that back by hand");
}

void
lane_tender_void_ended(struct lane_core *c, const struct ended_ticket *e,
		       struct key128 fresh, const struct timepoint *now)
{
	int64_t known = 0;
	uint8_t n = 0;

	for (uint32_t i = 0, count = c->slots_count; i < count; i++) {
		struct slot *s = &c->slots[i];
		struct key128 key = fresh;

		if (s->payment.kind != PAYMENT_PAY ||
		    !ulid_eq(s->payment.checkout, e->checkout))
			continue;
		/* Of one that is not confirmed its own machine takes care. */
		known += s->payment.answered_minor;
		if (s->payment.state != PAYMENT_CONFIRMED)
			continue;
		key.b[sizeof(key.b) - 1] ^= n++; /* as above */
		if (!e->whole && !e->returned)
			give_back(c, s, key, now);
		else if (!s->payment.given_back)
			lane_tender_alarm(
				c, &s->payment,
				"a ticket was cancelled after it was paid, and the "
				"payment "
				"was not: look whether its money is to go back");
	}
	if (e->paid_minor > known && !e->whole)
		lane_tender_alarm(
			c, NULL,
			"a ticket was cancelled after it had ended, and a part of it is "
			"paid: look whether that went back");
}

/* ---- later word ------------------------------------------------------------ */

int
lane_on_tender_key(struct lane_core *c, const struct lane_event *ev,
		   const struct timepoint *now)
{
	struct slot *s = lane_slot(c, ev->key);

	if (s == NULL)
		return -ENOENT;
	if (ev->kind == LANE_EV_TENDER_ABORT)
		lane_pay_step(c, s, PAYMENT_IN_ABORT, now);
	else if (ev->kind == LANE_EV_TENDER_CONFIRMED)
		lane_pay_step(c, s, PAYMENT_IN_TAKEN, now);
	else if (ev->kind == LANE_EV_REPEAT_WANTED)
		lane_pay_step(c, s, PAYMENT_IN_REPEAT, now);
	else if (payment_is_for_pos(&s->payment) && s->payment.state == PAYMENT_CONFIRMED)
		give_back(c, s, ev->fresh.key, now);
	else
		lane_pay_step(c, s, PAYMENT_IN_POS_UNDO, now);
	return 0;
}

int
lane_on_pos_link(struct lane_core *c, const struct lane_event *ev,
		 const struct timepoint *now)
{
	struct pos_link *link = find_link(c, ev->pos.adapter);
	struct slot *s;
	bool was_up;

	if (link == NULL) {
		if (c->pos_count == LANE_POS_MAX)
			return -ENOSPC;
		link = &c->pos[c->pos_count];
		if (str_copy(link->adapter, sizeof(link->adapter), ev->pos.adapter) < 0)
			return -EINVAL;
		c->pos_count++;
	}
	was_up = link->up;
	link->up = ev->pos.up;
	link->partial = ev->pos.partial;
	for (uint32_t i = 0; link->up && !was_up && i < c->slots_count; i++) {
		s = &c->slots[i];
		if (strcmp(s->payment.pos_adapter, link->adapter) == 0)
			lane_pay_step(c, s, PAYMENT_IN_POS_BACK, now);
	}
	if (link->up && !was_up) {
		lane_tender_owed(c, now);
		lane_offer_again(c, now);
	}
	/* Nobody waits for it any more; when the POS does, its adapter asks for the answer. */
	s = lane_tender_waiting(c);
	if (!link->up && s != NULL && strcmp(s->payment.pos_adapter, link->adapter) == 0)
		lane_pay_step(c, s, PAYMENT_IN_OTHER_TENDER, now);
	return 0;
}

/* ---- consent --------------------------------------------------------------- */

void
lane_tender_consent(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct slot *s = lane_tender_waiting(c);

	lane_touch_time(c, now);
	if (s == NULL &&
	    k->tender.total_only) /* nobody says that it is the next sale's total */
		return;
	if (s == NULL) { /* the POS is still to ask for it */
		k->tender.agreed = (struct consent){ true, k->rev, lane_due(c) };
		lane_audit(c, "tender-agreed", NULL, NULL);
		lane_total_phase(c);
		return;
	}
	k->tender.waits = k->tender.agreed.given = false;
	s->payment.by_touch = !k->claimed; /* both are stored with "sending" */
	s->payment.member = k->member.member;
	k->pay_tries++;
	k->phase = PHASE_PAYING;
	c->cur_dirty = true;
	lane_pay_step(c, s, PAYMENT_IN_CONSENT, now);
}

/* An answer tells what its payment has come to by the end of the step. */
static void
settle_answers(struct lane_core *c)
{
	for (uint32_t i = 0; i < c->sends_count; i++) {
		struct lane_effect *fx = &c->sends[i];
		struct slot *s = fx->kind == FX_ANSWER
					 ? lane_slot(c, fx->tell.payment->key)
					 : NULL;

		if (s == NULL || payment_answer(&s->payment) == PAYMENT_ANSWER_NONE)
			continue;
		s->answer = answer_now(c, &s->payment);
		fx->tell.outcome = outcome_of(s->answer);
	}
}

/*
 * How an earlier payment of the ticket has ended could not be stored: after a crash it is in doubt again,
 * and the real terminal must not have been asked beside it.
 */
static bool
is_beside_unstored(const struct lane_core *c, const struct slot *s)
{
	for (uint32_t i = 0; c->faults.journal_failed && i < c->slots_count; i++) {
		const struct slot *other = &c->slots[i];

		if (other != s && other->dirty && other->payment.kind == PAYMENT_PAY &&
		    ulid_eq(other->payment.checkout, s->payment.checkout))
			return true;
	}
	return false;
}

static void
follow_tender(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct slot *s;

	if (lane_ask_follow(c, now))
		return;
	s = lane_tender_waiting(c);
	if (s == NULL) {
		k->tender.waits = false;
		return;
	}
	if (!k->final || lane_rest(c) != k->tender.rest_minor) {
		lane_audit(c, "basket-changed-under-payment", NULL, NULL);
		lane_pay_step(c, s, PAYMENT_IN_ABORT, now);
	} else if (!lane_ask_may_consent(c) && !is_beside_unstored(c, s)) {
		lane_pay_step(c, s, PAYMENT_IN_OTHER_TENDER, now);
	}
}

void
lane_tender_follow(struct lane_core *c, const struct timepoint *now)
{
	follow_tender(c, now);
	settle_answers(c);
}

/* ---- time ------------------------------------------------------------------ */

/* A touch that is being looked at is waited for. */
static int64_t
wait_end(const struct lane_core *c)
{
	const struct checkout *k = &c->cur;

	if (!k->tender.waits)
		return LANE_NEVER;
	return k->wait != WAIT_NONE && k->wait_until_ms > k->tender.until_ms
		       ? k->wait_until_ms
		       : k->tender.until_ms;
}

void
lane_tender_time(struct lane_core *c, const struct timepoint *now)
{
	struct slot *s = lane_tender_waiting(c);

	if (s != NULL && wait_end(c) <= now->mono_ms)
		lane_pay_step(c, s, PAYMENT_IN_OTHER_TENDER, now);
	for (uint32_t i = 0; i < c->slots_count; i++) {
		s = &c->slots[i];
		s->owed = s->owed && s->owed_until_ms > now->mono_ms;
	}
}

int64_t
lane_tender_deadline(const struct lane_core *c)
{
	int64_t at = wait_end(c);

	for (uint32_t i = 0; i < c->slots_count; i++) {
		const struct slot *s = &c->slots[i];

		if (s->owed && s->owed_until_ms < at)
			at = s->owed_until_ms;
	}
	return at;
}
