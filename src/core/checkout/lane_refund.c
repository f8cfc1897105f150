#include "core/checkout/lane_private.h"

#include <errno.h>
#include <string.h>

/*
 * Money back to the token that paid. The shell commits the refund together with the return of goods
 * that it is for, and hands it over then; from there on it lives in a slot beside the payments.
 */

static uint32_t
open_refunds(const struct lane_core *c)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < c->slots_count; i++)
		count += c->slots[i].payment.kind == PAYMENT_REFUND;
	return count;
}

const char *
lane_core_refund_refused(const struct lane_core *c, const char *adapter)
{
	if (c->faults.environment)
		return "this lane is not who it should be (a cloned disk?)";
	if (c->faults.training)
		return "the lane is in training";
	if (c->faults.journal_failed)
		return "the journal cannot be written";
	if (c->faults.clock_doubted)
		return "the clock is doubted";
	if (c->faults.adapter_down)
		return "the payment adapter is not there";
	if (!c->env.can_refund)
		return "the payment adapter cannot give money back";
	if (!c->env.payment.can_query)
		return "the payment adapter cannot be asked what became of a refund";
	if (adapter[0] != '\0' && !str_is(c->env.adapter, adapter))
		return "another adapter took the payment";
	if (c->payments_lost || c->slots_count == LANE_PAYMENTS_MAX ||
	    open_refunds(c) >= LANE_REFUNDS_MAX)
		return "too many payments or refunds are open";
	return NULL;
}

bool
lane_refund_begin(struct lane_core *c, const struct payment *original,
		  int64_t amount_minor, struct key128 fresh, const struct timepoint *now)
{
	struct payment_start start = {
		.kind = PAYMENT_REFUND,
		.key = fresh,
		.checkout = original->checkout,
		.ticket = str_of(original->ticket),
		.currency = str_of(original->currency),
		.adapter = str_of(original->adapter),
		.place = str_of(original->place),
		.amount_minor = amount_minor,
		.original = original->key,
		.original_ref = str_of(original->ref),
	};
	struct slot *s = &c->slots[c->slots_count];
	unsigned actions;

	if (lane_core_refund_refused(c, original->adapter) != NULL)
		return false;
	memset(s, 0, sizeof(*s));
	if (payment_begin(&s->payment, &start, now, &actions) < 0)
		return false;
	c->slots_count++;
	s->dirty = s->fresh = true;
	lane_audit(c, "refund-created", &s->payment, NULL);
	lane_pay_step(c, s, PAYMENT_IN_ADAPTER_BACK, now);
	return true;
}

/*
 * It is durable whatever happens here: without room for it now, it is taken up by the next start, as
 * one that certainly was not sent.
 */
int
lane_on_refund(struct lane_core *c, const struct payment *p, const struct timepoint *now)
{
	struct slot *s, *of;

	if (p->kind != PAYMENT_REFUND || p->state != PAYMENT_CREATED)
		return -EINVAL;
	if (lane_slot(c, p->key) != NULL)
		return -EALREADY;
	of = lane_slot(c, p->original);
	if (of != NULL)
		of->returned_minor += p->asked_minor;
	lane_core_ended_returned(c, p->checkout);
	if (c->slots_count == LANE_PAYMENTS_MAX) {
		c->payments_lost = true;
		return -ENOSPC;
	}
	s = &c->slots[c->slots_count++];
	memset(s, 0, sizeof(*s));
	s->payment = *p;
	lane_pay_step(c, s, PAYMENT_IN_ADAPTER_BACK, now);
	return 0;
}
