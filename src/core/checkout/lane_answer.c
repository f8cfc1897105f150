/*
 * What the adapters say of payments: whether they may send, what came of it, and what they would not take.
 * An answer means what was asked; words of a peer are cut, and card numbers in them masked.
 */
#include "core/checkout/lane_private.h"

#include "base/plain/pan.h"

#include <errno.h>
#include <string.h>

static void
answer_journal(struct lane_core *c, const struct lane_event *ev, bool yes)
{
	struct lane_effect *fx = lane_send(c, FX_JOURNAL_ANSWER);

	fx->answer.key = ev->journal.key;
	fx->answer.ok = yes;
	(void)str_copy(fx->answer.req, sizeof(fx->answer.req),
		       ev->journal.req); /* checked */
}

int
lane_on_submit_refused(struct lane_core *c, const struct lane_event *ev,
		       const struct timepoint *now)
{
	static const enum payment_input_kind refused[] = {
		[LANE_OP_OTHER] = PAYMENT_IN_QUERY_REFUSED,
		[LANE_OP_OFFER] = PAYMENT_IN_QUERY_REFUSED,
		[LANE_OP_PAY] = PAYMENT_IN_SUBMIT_REFUSED,
		[LANE_OP_QUERY] = PAYMENT_IN_QUERY_REFUSED,
		[LANE_OP_CONFIRM] = PAYMENT_IN_CONFIRM_UNSURE,
		[LANE_OP_UNDO] = PAYMENT_IN_UNDO_UNSURE,
		[LANE_OP_REFUND] = PAYMENT_IN_SUBMIT_REFUSED,
		[LANE_OP_ANSWER] = PAYMENT_IN_ANSWER_UNSURE,
	};
	struct slot *s;

	if (ev->submit.op == LANE_OP_OFFER) {
		lane_audit(c, "offer-refused", NULL, NULL);
		lane_offer_refused(c, ev->submit.offer, now);
		return 0;
	}
	s = lane_slot(c, ev->submit.key);
	if (s == NULL)
		return -ENOENT;
	lane_pay_step(c, s, refused[ev->submit.op], now);
	return 0;
}

/* Its adapter is there, and is the one whose turn it is: the payer's to send, the POS's to answer. */
static bool
may_journal(const struct lane_core *c, const struct payment *p,
	    const struct lane_event *ev)
{
	struct payment_rules rules = lane_payment_rules(c, p);
	bool pos = ev->journal.answer && payment_is_for_pos(p);
	const char *whose = pos ? p->pos_adapter : p->adapter;

	if (ev->journal.from.n > 0 && whose[0] != '\0' &&
	    !str_is(ev->journal.from, whose))
		return false;
	if (pos && p->given_back && payment_is_paid(p->state))
		return false; /* an approval of what goes back already */
	return pos ? rules.pos_up : rules.link_up;
}

int
lane_on_journal(struct lane_core *c, const struct lane_event *ev,
		const struct timepoint *now)
{
	struct payment_input in = {
		.kind = ev->journal.answer ? PAYMENT_IN_ANSWER_WANTED
					   : PAYMENT_IN_SENDING_WANTED,
		.blob = ev->journal.blob,
		.blob_bytes = ev->journal.blob_bytes,
	};
	struct slot *s = lane_slot(c, ev->journal.key);
	unsigned actions;

	if (ev->journal.blob_bytes > PAYMENT_BLOB_BYTES_MAX || ev->journal.req.n > 64)
		return -EINVAL;
	if (s == NULL || !may_journal(c, &s->payment, ev)) {
		answer_journal(c, ev, false);
		return s == NULL ? -ENOENT : -EBUSY;
	}
	if (in.blob != NULL &&
	    pan_find_blob((struct str){ (const char *)in.blob, in.blob_bytes })) {
		lane_audit_odd(c, "pan-refused", &s->payment, "in an adapter's blob");
		answer_journal(c, ev, false);
		return -EPERM;
	}
	actions = lane_pay_input(c, s, &in, now);
	answer_journal(c, ev, (actions & PAYMENT_DO_ALLOW) != 0);
	return 0;
}

/* What an outcome means depends on what was asked. */
static enum payment_input_kind
meaning(enum lane_op op, enum lane_outcome outcome)
{
	static const enum payment_input_kind asked[] = {
		[OUTCOME_APPROVED] = PAYMENT_IN_APPROVED,
		[OUTCOME_PARTIAL] = PAYMENT_IN_PARTIAL,
		[OUTCOME_CONFIRMED] = PAYMENT_IN_CONFIRMED,
		[OUTCOME_UNDONE] = PAYMENT_IN_UNDONE,
		[OUTCOME_DONE] = PAYMENT_IN_UNKNOWN,
		[OUTCOME_DECLINED] = PAYMENT_IN_DECLINED,
		[OUTCOME_CANCELLED] = PAYMENT_IN_CANCELLED,
		[OUTCOME_NOT_SENT] = PAYMENT_IN_NOT_SENT,
		[OUTCOME_NOT_FOUND] = PAYMENT_IN_NOT_FOUND,
		[OUTCOME_UNKNOWN] = PAYMENT_IN_UNKNOWN,
		[OUTCOME_IN_PROGRESS] = PAYMENT_IN_IN_PROGRESS,
		[OUTCOME_PASS] = PAYMENT_IN_UNKNOWN,
	};

	if (op == LANE_OP_UNDO && outcome == OUTCOME_CONFIRMED)
		return PAYMENT_IN_UNDO_REFUSED; /* the sale has it, and that stands */
	if (outcome == OUTCOME_UNDONE || outcome == OUTCOME_CONFIRMED)
		return asked[outcome];
	if (op == LANE_OP_QUERY && outcome == OUTCOME_NOT_SENT)
		return PAYMENT_IN_QUERY_REFUSED; /* the query was not sent, not the payment */
	if (op == LANE_OP_UNDO) {
		if (outcome == OUTCOME_NOT_FOUND)
			return PAYMENT_IN_UNDO_NOTHING;
		return outcome == OUTCOME_DECLINED ? PAYMENT_IN_UNDO_REFUSED
						   : PAYMENT_IN_UNDO_UNSURE;
	}
	if (op == LANE_OP_CONFIRM && outcome != OUTCOME_NOT_FOUND)
		return PAYMENT_IN_CONFIRM_UNSURE;
	return asked[outcome];
}

/* What was asked is not known any more: recovery, or an answer that came late. */
static enum payment_input_kind
meaning_of_recovery(const struct lane_core *c, const struct payment *p,
		    enum payment_input_kind kind)
{
	/* The peer knows nothing under this key, so there is nothing to undo. */
	if (p->state == PAYMENT_UNDO_QUEUED && kind == PAYMENT_IN_NOT_FOUND)
		return PAYMENT_IN_UNDO_NOTHING;
	/*
	 * The sale has it, says the peer. That may be a late answer to the confirm; but not any more when it
	 * was told to undo it so often and for so long: then it refuses. (What it said before its adapter went
	 * away may be read when that is back.)
	 */
	if (p->state == PAYMENT_UNDO_QUEUED && p->alarmed &&
	    p->tries >= c->env.payment.undo_alarm_tries && kind == PAYMENT_IN_CONFIRMED)
		return PAYMENT_IN_UNDO_REFUSED;
	/* A recovered payment is asked about: that question did not leave; the payment may have. */
	if (p->state == PAYMENT_UNKNOWN && kind == PAYMENT_IN_NOT_SENT)
		return PAYMENT_IN_QUERY_REFUSED;
	return kind;
}

/*
 * A text of the peer, cut to what is kept, card numbers masked: also one that the cut goes through,
 * so they are looked for first.
 */
static struct str
guarded(char *buf, size_t bytes, struct str s, unsigned *masked)
{
	size_t n = s.n < bytes - 1 ? s.n : bytes - 1, start, end;

	if (n > 0)
		memcpy(buf, s.p, n);
	buf[n] = '\0';
	for (size_t at = 0;
	     at < n && pan_find((struct str){ s.p + at, s.n - at }, &start, &end);
	     at += end) {
		for (size_t i = at + start; i < at + end && i < n; i++)
			buf[i] = '*';
		++*masked;
	}
	return (struct str){ buf, n };
}

/* The adapter is the payment's payer, or its POS asked for it. */
static bool
is_partner(const struct payment *p, struct str from)
{
	return from.n == 0 || p->adapter[0] == '\0' || str_is(from, p->adapter) ||
	       str_is(from, p->pos_adapter);
}

/* What it says is of the answer to the POS. */
static bool
is_of_pos(const struct payment *p, const struct lane_event *ev)
{
	if (ev->completion.op == LANE_OP_ANSWER)
		return true;
	return ev->completion.op == LANE_OP_OTHER && payment_is_for_pos(p) &&
	       str_is(ev->completion.from, p->pos_adapter) &&
	       !str_is(ev->completion.from, p->adapter);
}

/*
 * Money has moved under a key of ours that the journal has never heard of: the disk has lost what it
 * had said to be durable, or an older journal was put back. Nobody here knows what it was for.
 */
static void
stranger(struct lane_core *c, const struct lane_event *ev)
{
	enum lane_outcome outcome = ev->completion.outcome;
	struct lane_effect *fx;

	if (!ev->completion.stranger ||
	    (outcome != OUTCOME_APPROVED && outcome != OUTCOME_PARTIAL &&
	     outcome != OUTCOME_CONFIRMED))
		return;
	fx = lane_send(c, FX_ALARM);
	memset(&fx->audit, 0, sizeof(fx->audit));
	fx->audit.what = "payment-alarm";
	fx->audit.key = ev->completion.key;
	if (ev->completion.has_amount)
		fx->audit.amount_minor = ev->completion.amount_minor;
	fx->audit.text = "approved under a key that this journal does not know: it has "
			 "lost what it had; give the money back by hand, and reconcile "
			 "the day";
	if (lane_audit_spend(c, fx->audit.what))
		lane_audit_put(c, &fx->audit);
}

int
lane_on_completion(struct lane_core *c, const struct lane_event *ev,
		   const struct timepoint *now)
{
	struct slot *s;
	struct payment_input in = {
		.kind = PAYMENT_IN_UNKNOWN,
		.currency = ev->completion.currency,
	};
	char auth[PAYMENT_AUTH_BYTES], ref[PAYMENT_REF_BYTES];
	unsigned masked = 0;

	if (ev->completion.op == LANE_OP_OFFER) {
		if (ev->completion.outcome != OUTCOME_DONE)
			lane_audit(c, "offer-not-taken", NULL, NULL);
		if (ev->completion.outcome == OUTCOME_NOT_SENT ||
		    ev->completion.outcome == OUTCOME_DECLINED)
			lane_offer_refused(c, ev->completion.offer, now);
		return 0;
	}
	s = lane_slot(c, ev->completion.key);
	if (s == NULL)
		stranger(c, ev);
	if (s == NULL || !is_partner(&s->payment, ev->completion.from))
		return -ENOENT;
	if (is_of_pos(&s->payment, ev))
		return lane_tender_completed(c, s, ev, now);
	in.kind = meaning(ev->completion.op, ev->completion.outcome);
	if (ev->completion.op == LANE_OP_OTHER)
		in.kind = meaning_of_recovery(c, &s->payment, in.kind);
	in.auth = guarded(auth, sizeof(auth), ev->completion.auth, &masked);
	in.ref = guarded(ref, sizeof(ref), ev->completion.ref, &masked);
	if (masked > 0)
		lane_audit_odd(c, "pan-masked", &s->payment, "in an answer to a payment");
	/* Without an amount it can only repeat what was told before; it is never "as asked". */
	in.amount_minor = ev->completion.has_amount ? ev->completion.amount_minor
						    : s->payment.answered_minor;
	(void)lane_pay_input(c, s, &in, now); /* all of it is performed */
	return 0;
}
