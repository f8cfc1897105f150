/*
 * The POS asks for money: may it be a member's? And what becomes of an earlier payment of the same
 * ticket that is still open: a POS that asks anew has not got that one, as far as it knows. Nothing that
 * is not certain of it may stand beside another payment of the ticket. So the new request waits until
 * the earlier one is certain, for as long as it would for a touch; then it goes to the real terminal, and
 * the earlier one is undone.
 */
#include "core/checkout/lane_private.h"

#include "base/plain/pan.h"

#include <errno.h>
#include <string.h>

#define ASKS_MAX 50u /* for one checkout; more is no cashier */

static void
reply(struct lane_core *c, const struct payment *p, const char *why, bool stranger)
{
	struct lane_effect *fx = lane_send(c, FX_TENDER_REPLY);

	fx->reply.ok = p != NULL;
	if (p != NULL)
		fx->reply.key = p->key;
	fx->reply.why = why;
	fx->reply.stranger = stranger;
}

static bool
text_ok(struct str s, size_t bytes)
{
	return s.n < bytes && str_utf8_ok(s) && memchr(s.p, 0, s.n) == NULL &&
	       !pan_find(s, NULL, NULL);
}

static bool
event_ok(const struct lane_core *c, const struct lane_event *ev)
{
	struct str blob = { (const char *)ev->tender.blob, ev->tender.blob_bytes };

	return ev->tender.amount_minor > 0 &&
	       ev->tender.amount_minor <= MONEY_MINOR_MAX &&
	       ev->tender.blob_bytes <= PAYMENT_BLOB_BYTES_MAX &&
	       ev->tender.adapter.n > 0 &&
	       text_ok(ev->tender.ticket, LANE_TICKET_BYTES) &&
	       text_ok(ev->tender.ref, PAYMENT_REF_BYTES) &&
	       (blob.n == 0 || !pan_find_blob(blob)) &&
	       (ev->tender.currency.n == 0 ||
		str_is(ev->tender.currency, c->env.currency));
}

/* The same request once more: it has its key. */
static struct slot *
asked_before(struct lane_core *c, const struct lane_event *ev)
{
	for (uint32_t i = 0; ev->tender.ref.n > 0 && i < c->slots_count; i++) {
		struct slot *s = &c->slots[i];
		const struct payment *p = &s->payment;

		if (!s->unheard && payment_is_open(p->state) &&
		    p->state != PAYMENT_UNDO_QUEUED &&
		    p->asked_minor == ev->tender.amount_minor &&
		    str_is(ev->tender.adapter, p->pos_adapter) &&
		    (p->pos_place[0] == '\0' || str_is(ev->tender.place, p->pos_place)) &&
		    str_is(ev->tender.ref, p->pos_ref) &&
		    (ev->tender.ticket.n == 0 || str_is(ev->tender.ticket, p->ticket)))
			return s;
	}
	return NULL;
}

/*
 * Is it what the basket costs? The saving must be in the POS's own record: an amount without it, or
 * of another revision, is not ours to pay. NULL, or why not.
 */
static const char *
amount_wrong(const struct lane_core *c, int64_t asked, uint32_t rev)
{
	const struct checkout *k = &c->cur;
	int64_t rest = lane_rest(c);

	if (!lane_is_priced_here(c))
		return NULL;
	if (rev != 0 && rev != k->rev)
		return "another revision of the basket is to be paid";
	if (asked == rest)
		return NULL;
	if (asked < rest && (k->saving_minor == 0 || k->paid_minor > 0))
		return NULL; /* a part; another tender pays the rest */
	return "the POS asks for another amount than the basket costs";
}

/* Before anything is taken over of what the POS says. NULL, or why not; *stranger: nobody is here. */
static const char *
refused_at_once(const struct lane_core *c, const struct lane_event *ev, bool *stranger,
		const struct timepoint *now)
{
	const struct checkout *k = &c->cur;
	struct str ticket = ev->tender.ticket;
	bool other = ticket.n > 0 && k->ticket[0] != '\0' && !str_is(ticket, k->ticket);

	*stranger = !lane_is_active(c) || k->member_state != MEMBER_KNOWN || other;
	if (*stranger)
		return "no member is here for this ticket";
	if (k->training)
		return "training";
	if (ticket.n > 0 && k->rev == 0 && lane_is_done_ticket(c, ticket, now))
		return "this ticket is paid";
	if (c->pos_count == 0)
		return "no adapter is known to take the answer";
	if (k->phase == PHASE_PAYING || k->phase == PHASE_CHECKING || k->tender.waits)
		return "a payment of this ticket is open";
	if (k->asks >= ASKS_MAX)
		return "the POS has asked too often for this ticket";
	return amount_wrong(c, ev->tender.amount_minor, ev->tender.rev);
}

/* What the POS says is what is due now. */
static void
take_terms(struct lane_core *c, struct str ticket, int64_t asked, uint32_t rev)
{
	struct checkout *k = &c->cur;
	char id[ULID_TEXT_BYTES];

	ulid_text(id, k->id);
	if (k->ticket[0] == '\0')
		(void)str_copy(k->ticket, sizeof(k->ticket),
			       ticket.n > 0 ? ticket : str_of(id)); /* fits */
	if (k->rev == 0 || k->tender.total_only) {
		k->tender.total_only = true;
		k->rev = rev > 0 ? rev : 1;
		k->gross_minor = k->total_minor = k->paid_minor + asked;
		k->saving_minor = 0;
	}
	k->final = true;
	k->tender.asked = true;
	k->tender.amount_minor = asked;
	k->tender.rest_minor = lane_rest(c);
	c->cur_dirty = true;
}

bool
lane_ask_may_consent(const struct lane_core *c)
{
	enum checkout_note why = lane_payable(c);

	return (why == NOTE_NONE || why == NOTE_NEED_CLAIM) &&
	       c->cur.member_state == MEMBER_KNOWN && c->cur.member.subjects_count > 0 &&
	       !c->faults.bio_down;
}

/* The shopper has consented to just that. */
static bool
is_agreed(const struct checkout *k)
{
	const struct consent *a = &k->tender.agreed;

	return a->given && a->rev == k->rev && a->due_minor == k->tender.amount_minor;
}

/* The payment that the POS asks for, created, and its key given out. False: there is no key for it. */
static bool
begin(struct lane_core *c, const struct lane_event *ev, uint32_t rev,
      const struct timepoint *now)
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
		.rev = rev,
		.amount_minor = ev->tender.amount_minor,
		.pos_adapter = ev->tender.adapter,
		.pos_place = ev->tender.place,
		.pos_ref = ev->tender.ref,
		.pos_blob = ev->tender.blob,
		.pos_blob_bytes = ev->tender.blob_bytes,
		.two_phase = c->env.two_phase,
		.member = k->member.member,
	};
	unsigned actions;

	memset(s, 0, sizeof(*s));
	if (payment_begin(&s->payment, &start, now, &actions) < 0)
		return false;
	k->asks++;
	lane_pay_begun(c, s, now);
	lane_tender_renewed(c, &s->payment);
	k->tender.waits = true;
	k->tender.until_ms = now->mono_ms + c->env.limits.tender_wait_ms;
	reply(c, &s->payment, NULL, false);
	return true;
}

/* It is ours. NULL, or why not. */
static const char *
create(struct lane_core *c, const struct lane_event *ev, const struct timepoint *now)
{
	bool agreed = is_agreed(&c->cur) && lane_payable(c) == NOTE_NONE;

	if (!agreed && !lane_ask_may_consent(c))
		return "this member cannot pay by token now";
	if (!begin(c, ev, c->cur.rev, now))
		return "there is no key for it";
	c->cur.note = NOTE_NONE;
	if (agreed)
		lane_tender_consent(c, now);
	else
		lane_total_phase(c);
	return NULL;
}

/* ---- an earlier payment of the ticket ---------------------------------------- */

/* Of the ticket that the POS asks for; without a number, of the present one. */
static bool
is_of_ticket(const struct lane_core *c, const struct payment *p, struct str ticket,
	     const struct timepoint *now)
{
	if (p->kind != PAYMENT_PAY || !payment_is_open(p->state))
		return false;
	return ticket.n > 0
		       ? str_is(ticket, p->ticket) && !lane_is_earlier_sale(c, p, now)
		       : lane_is_active(c) && ulid_eq(p->checkout, c->cur.id);
}

/* An approval that its POS may have, and has not said to have taken. */
static bool
is_unsure(const struct payment *p)
{
	return payment_is_paid(p->state) && p->state != PAYMENT_CONFIRMED && !p->taken;
}

static struct asked_for
asked_now(const struct lane_core *c, const struct lane_event *ev)
{
	return (struct asked_for){ ev->tender.amount_minor, c->cur.total_minor,
				   ev->tender.rev };
}

/*
 * The same of a ticket that has ended here. What was left of it is known, unless it has grown since; where it
 * is not, the very total of what tokens have paid is asked for as a whole, and else the smaller amount may
 * be a rest.
 */
static bool
fits_beside_ended(const struct lane_core *c, const struct payment *p,
		  struct asked_for asked)
{
	const struct ended_ticket *e = lane_ended_of(c, p->checkout);

	if (e != NULL && e->rest_known && asked.rev <= e->rev)
		return asked.minor <= e->rest_minor;
	if (e != NULL && e->whole && !c->env.price_pos && asked.minor == e->total_minor)
		return false;
	return asked.minor < p->asked_minor;
}

/* Would a POS that has this approval ask for so much more of its ticket? */
static bool
fits_beside(const struct lane_core *c, const struct payment *p, struct asked_for asked)
{
	const struct checkout *k = &c->cur;

	if (!lane_is_active(c) || !ulid_eq(k->id, p->checkout))
		return fits_beside_ended(c, p, asked);
	if (!lane_is_priced_here(c))
		return asked.minor < p->asked_minor;
	/* What has grown since makes no rest of the whole. */
	return asked.minor <= lane_rest(c) &&
	       asked.minor <= asked.total_minor - k->paid_minor;
}

/* The POS goes on without it, and so does the lane: the shopper pays once. */
static void
go_without(struct lane_core *c, struct slot *s, struct asked_for asked,
	   const struct timepoint *now)
{
	struct payment *p = &s->payment;

	if (payment_is_pending(p->state)) {
		lane_pay_step(c, s, PAYMENT_IN_OTHER_TENDER, now);
	} else if (is_unsure(p) && !fits_beside(c, p, asked)) {
		bool told = p->told;

		lane_pay_step(c, s, PAYMENT_IN_POS_UNDO, now);
		if (told)
			lane_tender_alarm(c, p,
					  "the POS asks anew for a ticket whose approval "
					  "it may have: that is being undone");
	}
	if (p->state == PAYMENT_UNDO_QUEUED && lane_is_active(c) &&
	    ulid_eq(p->checkout, c->cur.id)) {
		c->cur.pay_blocked = true;
		c->cur.note =
			NOTE_PAY_OTHER; /* never "not charged": that is not certain yet */
		c->cur_dirty = true;
	}
}

/* What the adapter of the POS still has to say of its answer. */
static bool
is_being_told(const struct lane_core *c, const struct payment *p)
{
	const struct checkout *k = &c->cur;
	bool here = lane_is_active(c) && k->has_paying;

	return here && (key128_eq(k->paying, p->key) ||
			(k->tender.behind && key128_eq(k->tender.first, p->key) &&
			 !k->tender.unsure));
}

/*
 * What earlier requests for this ticket came to is seen to, as far as that goes at once. The one whose
 * end is to be waited for; NULL none.
 */
static struct slot *
earlier(struct lane_core *c, const struct lane_event *ev, const struct timepoint *now)
{
	struct slot *open = NULL;

	for (uint32_t i = 0; i < c->slots_count; i++) {
		struct slot *s = &c->slots[i];

		if (!is_of_ticket(c, &s->payment, ev->tender.ticket, now))
			continue;
		lane_pay_step(c, s, PAYMENT_IN_ASKED_ANEW, now);
		if (payment_is_pending(s->payment.state) ||
		    (is_unsure(&s->payment) && is_being_told(c, &s->payment)))
			open = s;
		else
			go_without(c, s, asked_now(c, ev), now);
	}
	return open;
}

/* The new request waits for the end of s. False: it cannot. */
static bool
hold(struct lane_core *c, const struct lane_event *ev, const struct slot *s,
     const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct key128 first = s->payment.key;

	if (!lane_is_active(c) || !ulid_eq(s->payment.checkout, k->id) ||
	    c->pos_count == 0 || c->slots_count == LANE_PAYMENTS_MAX ||
	    k->asks >= ASKS_MAX ||
	    !begin(c, ev, ev->tender.rev != 0 ? ev->tender.rev : k->rev, now))
		return false;
	k->tender.behind = true;
	k->tender.unsure = false;
	k->tender.nameless = ev->tender.ticket.n == 0;
	k->tender.first = first;
	k->tender.held = asked_now(c, ev);
	lane_audit(c, "tender-held", NULL, "an earlier payment of the ticket is open");
	return true;
}

/* The earlier one has come to nothing: it is as if the POS asked now. */
static void
release(struct lane_core *c, struct slot *s, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct payment *p = &s->payment;

	k->tender.behind = false;
	if (amount_wrong(c, p->asked_minor, p->rev) != NULL) {
		lane_pay_step(c, s, PAYMENT_IN_OTHER_TENDER, now);
		return;
	}
	take_terms(c, str_of(p->ticket), p->asked_minor, p->rev);
	k->tender.until_ms = now->mono_ms + c->env.limits.tender_wait_ms;
	k->note = NOTE_NONE;
	lane_total_phase(c);
}

/* The POS has the earlier one after all. Is the request for the rest, for the same, or the next sale's? */
static void
earlier_is_taken(struct lane_core *c, struct slot *s, const struct payment *first,
		 const struct timepoint *now)
{
	struct checkout *k = &c->cur;

	if (!k->tender.nameless && fits_beside(c, first, k->tender.held)) {
		if (first->answered_minor < first->asked_minor)
			k->paid_in_part = k->member.member;
		release(c, s, now);
		return;
	}
	k->tender.behind = false;
	lane_pay_step(c, s,
		      k->tender.nameless ? PAYMENT_IN_OTHER_TENDER : PAYMENT_IN_ABORT,
		      now);
	if (lane_is_active(c))
		lane_paid(c, first, now);
}

/* The request that was held is over before the earlier one: the checkout has that one alone again. */
static void
held_has_ended(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct slot *first = lane_slot(c, k->tender.first);

	k->tender.behind = false;
	if (first == NULL)
		return;
	/*
	 * A POS that asked once more has shown that it has no approval, and waits for none. One that comes
	 * now would find nobody; and who could tell that may be gone by then, here and there.
	 */
	go_without(c, first, k->tender.held, now);
	if (!lane_is_active(c) || !is_unsure(&first->payment))
		return;
	k->has_paying = true;
	k->paying = first->payment.key;
	k->phase = PHASE_PAYING;
	c->cur_dirty = true;
}

bool
lane_ask_follow(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct slot *s = lane_tender_waiting(c), *first;
	enum checkout_phase phase = k->phase;

	if (!k->tender.behind)
		return false;
	first = lane_slot(c, k->tender.first);
	if (s == NULL) {
		if (!c->stores_nothing) /* an undo is stored before it is sent */
			held_has_ended(c, now);
		else if (first != NULL && !payment_is_refused(first->payment.state) &&
			 k->note == NOTE_NOT_CHARGED)
			k->note = NOTE_PAY_OTHER; /* as there */
		return false;
	}
	if (first != NULL && is_unsure(&first->payment) && k->tender.unsure)
		go_without(c, first, k->tender.held, now);
	if (first == NULL || payment_is_refused(first->payment.state)) {
		release(c, s, now);
	} else if (payment_is_pending(first->payment.state) ||
		   (is_unsure(&first->payment) && !k->tender.unsure)) {
		k->phase = first->payment.state == PAYMENT_UNKNOWN ? PHASE_CHECKING
								   : PHASE_PAYING;
		c->cur_dirty = c->cur_dirty || k->phase != phase;
		return true;
	} else if (payment_is_paid(first->payment.state)) {
		earlier_is_taken(c, s, &first->payment, now);
	} else { /* it is being given back */
		k->pay_blocked = true;
		lane_pay_step(c, s, PAYMENT_IN_OTHER_TENDER, now);
		k->tender.behind = false;
	}
	return false;
}

/* ---- the request ------------------------------------------------------------- */

/* Where totals alone are told, another ticket's number says that the sale before has ended. */
static void
next_sale(struct lane_core *c, const struct lane_event *ev, const struct timepoint *now)
{
	struct checkout *k = &c->cur;

	if (!lane_is_active(c) || !k->tender.total_only || ev->tender.ticket.n == 0 ||
	    str_is(ev->tender.ticket, k->ticket))
		return;
	lane_pay_leave(c, PAYMENT_IN_OTHER_TENDER, now);
	if (lane_is_active(c))
		lane_end_outside(c, now);
}

/* Nobody of ours pays it: the real terminal has it. */
static void
refuse(struct lane_core *c, const char *why, bool stranger)
{
	if (!stranger)
		lane_audit(c, "tender-refused", NULL, why);
	reply(c, NULL, why, stranger);
}

int
lane_on_tender_wanted(struct lane_core *c, const struct lane_event *ev,
		      const struct timepoint *now)
{
	struct checkout before;
	const char *why;
	struct slot *s;
	bool stranger = false, dirty;

	if (!event_ok(c, ev)) {
		reply(c, NULL, "outside its ranges, or a payment card number", false);
		return -EINVAL;
	}
	s = asked_before(c, ev);
	if (s != NULL) {
		reply(c, &s->payment, NULL, false);
		lane_pay_step(c, s, PAYMENT_IN_REPEAT, now);
		return 0;
	}
	next_sale(c, ev, now);
	s = earlier(c, ev, now);
	if (s != NULL) {
		if (hold(c, ev, s, now))
			return 0;
		go_without(c, s, asked_now(c, ev), now);
		refuse(c, "a payment of this ticket is open", false);
		return 0;
	}
	before = c->cur;
	dirty = c->cur_dirty;
	why = refused_at_once(c, ev, &stranger, now);
	if (why == NULL) {
		take_terms(c, ev->tender.ticket, ev->tender.amount_minor, ev->tender.rev);
		why = create(c, ev, now);
		if (why != NULL) {
			c->cur = before; /* nothing of it was taken over */
			c->cur_dirty = dirty;
		}
	}
	if (why != NULL)
		refuse(c, why, stranger);
	return 0;
}
