/* What laned asks of an adapter: adapter.submit, and what becomes of that at once. */
#include "lane/lane_private.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define SUBMIT_TIMEOUT_MS 10000

/* An answer goes out again: what becomes of the one before says nothing certain any more. */
static void
mark_stale(struct adapter_link *a, struct key128 key)
{
	for (size_t i = 0; i < PENDING_MAX; i++) {
		struct pending *p = &a->pending[i];

		if (p->op == LANE_OP_ANSWER && key128_eq(p->key, key))
			p->stale = true;
	}
}

void
adapter_put_payment(struct json_out *o, const struct payment *p)
{
	char hex[2 * PAYMENT_BLOB_BYTES_MAX + 1];

	put_key(o, "key", p->key);
	json_cstr(o, "ticket", p->ticket);
	json_int(o, "rev", p->rev);
	json_int(o, "amount", p->asked_minor);
	json_cstr(o, "currency", p->currency);
	if (p->ref[0] != '\0')
		json_cstr(o, "ref", p->ref);
	if (p->blob_bytes > 0 &&
	    hex_encode(hex, sizeof(hex), p->blob, p->blob_bytes) == 0)
		json_cstr(o, "blob", hex);
}

/* One adapter.submit until it is accepted or refused. */
struct submit {
	struct lane *lane;
	enum lane_op op;
	struct key128 key;
	uint32_t offer;
};

static void
on_submitted(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct submit *s = ctx;
	struct lane_event ev = { .kind = LANE_EV_SUBMIT_REFUSED };

	(void)result;
	/* Only the adapter's own "no" is certain; a lost link or silence says nothing. */
	if (error != NULL && error->code != RPC_GONE && error->code != RPC_TIMEOUT) {
		log_warn("adapter refused %s: %s", lane_op_name(s->op), error->message);
		ev.submit.op = s->op;
		ev.submit.key = s->key;
		ev.submit.offer = s->offer;
		(void)lane_step(s->lane, &ev); /* a payment that is over by now */
	}
	free(s);
}

static void
put_offer(struct lane *l, struct json_out *o, const struct lane_effect *fx)
{
	json_cstr(o, "ticket", fx->offer.ticket);
	json_int(o, "rev", fx->offer.rev);
	if (fx->offer.member_no != NULL && fx->offer.member_no[0] != '\0')
		json_cstr(o, "member_no", fx->offer.member_no);
	json_open_array(o, "discounts");
	for (uint32_t i = 0; i < fx->offer.discounts_count; i++) {
		const struct lane_discount *d = &fx->offer.discounts[i];

		json_open_object(o, NULL);
		json_int(o, "line", d->line);
		json_int(o, "amount", d->amount_minor);
		json_str(o, "text", d->text);
		json_close(o);
	}
	json_close(o);
	json_int(o, "total", fx->offer.total_minor);
	json_int(o, "saving", fx->offer.saving_minor);
	json_cstr(o, "currency", l->env.currency);
}

static void
put_pay(struct json_out *o, const struct lane_effect *fx)
{
	assert(fx->pay.payment != NULL); /* the core asks for a payment it has */
	adapter_put_payment(o, fx->pay.payment);
	json_cstr(o, "token", fx->pay.token);
	json_int(o, "timeout_ms", fx->pay.timeout_ms);
}

static void
put_refund(struct json_out *o, const struct lane_effect *fx)
{
	const struct payment *p = fx->pay.payment;

	assert(p != NULL);
	put_key(o, "key", p->key);
	if (!key128_is_zero(p->original))
		put_key(o, "original", p->original);
	if (p->original_ref[0] != '\0')
		json_cstr(o, "ref", p->original_ref);
	json_cstr(o, "ticket", p->ticket);
	json_int(o, "amount", p->asked_minor);
	json_cstr(o, "currency", p->currency);
	json_int(o, "timeout_ms", fx->pay.timeout_ms);
}

static enum lane_op
op_of(const struct lane_effect *fx, const struct payment **ret_payment)
{
	switch ((int)fx->kind) {
	case FX_OFFER:
		return LANE_OP_OFFER;
	case FX_PAY:
		*ret_payment = fx->pay.payment;
		return LANE_OP_PAY;
	case FX_REFUND:
		*ret_payment = fx->pay.payment;
		return LANE_OP_REFUND;
	case FX_QUERY:
		*ret_payment = fx->payment;
		return LANE_OP_QUERY;
	case FX_CONFIRM:
		*ret_payment = fx->payment;
		return LANE_OP_CONFIRM;
	case FX_UNDO:
		*ret_payment = fx->payment;
		return LANE_OP_UNDO;
	case FX_ANSWER:
		*ret_payment = fx->tell.payment;
		return LANE_OP_ANSWER;
	default:
		return LANE_OP_OTHER;
	}
}

/* The members of a request by its kind. */
static void
put_request(struct lane *l, struct json_out *o, const struct lane_effect *fx,
	    enum lane_op op, const struct payment *p)
{
	if (op == LANE_OP_OFFER)
		put_offer(l, o, fx);
	else if (op == LANE_OP_PAY)
		put_pay(o, fx);
	else if (op == LANE_OP_REFUND)
		put_refund(o, fx);
	else if (op == LANE_OP_ANSWER)
		adapter_put_answer(o, fx);
	else if (p != NULL)
		adapter_put_payment(o, p);
	if (op == LANE_OP_CONFIRM && p != NULL)
		(void)receipt_codes_put(l, o, p->checkout, p); /* without, if need be */
}

int
adapter_link_perform(struct lane *l, const struct lane_effect *fx)
{
	const struct payment *p = NULL;
	enum lane_op op = op_of(fx, &p);
	struct adapter_link *a = adapter_of(l, op, p);
	struct pending *pending;
	struct submit *s;
	struct json_out *o;
	int rc;

	/*
	 * A payment of an adapter that is not configured any more is nobody else's: another one, whose
	 * peer never heard of it, would say so, and that would be no answer.
	 */
	if (a == NULL || !a->greeted)
		return a == NULL && p != NULL ? -ENODEV : -ENOTCONN;
	if (op == LANE_OP_OFFER && !a->can_offer && l->adapters_count > 1)
		return 0; /* its POS has no use for one */
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->lane = l;
	s->op = op;
	if (p != NULL)
		s->key = p->key;
	if (op == LANE_OP_ANSWER)
		mark_stale(a, s->key);
	pending = adapter_pending_add(a, s->op, s->key);
	if (op == LANE_OP_OFFER)
		pending->offer = s->offer = fx->offer.serial;
	o = lane_message(l);
	json_int(o, "req", pending->req);
	json_cstr(o, "type", lane_op_name(s->op));
	put_request(l, o, fx, op, p);
	json_close(o);
	a->submits++;
	rc = rpc_request(a->peer, "adapter.submit", o, SUBMIT_TIMEOUT_MS, on_submitted,
			 s);
	if (rc < 0)
		free(s);
	return rc;
}

/* Whether it was taken is nobody's concern: the journal has the codes. */
static void
on_receipt_submitted(void *ctx, const struct value *result, const struct rpc_error *error)
{
	(void)ctx;
	(void)result;
	if (error != NULL)
		log_info("the adapter did not take a receipt: %s", error->message);
}

void
adapter_link_receipt(struct lane *l, const struct lane_display *d)
{
	struct adapter_link *a = adapter_offers(l);
	struct key128 none = { { 0 } };
	struct json_out *o;
	/* Where the POS asked for the money, no confirm takes the codes to it. */
	bool paid = d->row == ROW_APPROVED && l->env.pos_asks;

	if (a == NULL || !a->can_receipt || d->phase != PHASE_DONE ||
	    (d->row != ROW_DONE && !paid) || ulid_eq(l->receipt_told, d->checkout))
		return;
	o = lane_message(l);
	json_cstr(o, "type", "receipt");
	json_cstr(o, "ticket", d->ticket);
	json_int(o, "rev", d->rev);
	if (!receipt_codes_put(l, o, d->checkout, NULL)) {
		if (!paid) /* else when its payment is confirmed */
			l->receipt_told = d->checkout;
		return;
	}
	l->receipt_told = d->checkout;
	/* Completed as an offer is: there is nothing to be done about it. */
	json_int(o, "req", adapter_pending_add(a, LANE_OP_OFFER, none)->req);
	json_close(o);
	if (rpc_request(a->peer, "adapter.submit", o, SUBMIT_TIMEOUT_MS,
			on_receipt_submitted, NULL) < 0)
		log_info("the adapter did not take a receipt");
}
