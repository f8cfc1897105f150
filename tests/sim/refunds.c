/*
 * Goods come back, and their money with them: a refund under a key of its own, begun as laned's
 * returns begin one, and what the processor makes of it.
 */
#include "sim/lost.h"
#include "sim/world.h"

#include <string.h>

/* What of a payment may still go back; what is in doubt has gone. */
static int64_t
left_of(const struct world *w, const struct payment *original)
{
	int64_t left = original->answered_minor;

	for (uint32_t i = 0; i < mem_journal_payments_count(w->journal); i++) {
		const struct payment *p = mem_journal_payment(w->journal, i);

		if (p->kind == PAYMENT_REFUND && key128_eq(p->original, original->key) &&
		    p->state != PAYMENT_NOT_SENT && p->state != PAYMENT_CANCELLED &&
		    p->state != PAYMENT_DECLINED)
			left -= p->asked_minor;
	}
	return left;
}

/* The newest payment that stands and that something is left of; NULL none. */
static const struct payment *
returnable(const struct world *w)
{
	for (uint32_t i = mem_journal_payments_count(w->journal); i-- > 0;) {
		const struct payment *p = mem_journal_payment(w->journal, i);

		if (p->kind == PAYMENT_PAY && p->state == PAYMENT_CONFIRMED &&
		    left_of(w, p) > 0)
			return p;
	}
	return NULL;
}

/* Durable together with its return, before anybody hears of it. */
static int
put_refund(struct world *w, const struct payment *p)
{
	const struct journal_ref *j = &w->store;
	int rc = j->ops->begin(j->impl, true);

	if (rc < 0)
		return rc;
	rc = j->ops->put_payment(j->impl, p);
	if (rc < 0) {
		j->ops->rollback(j->impl);
		return rc;
	}
	return j->ops->commit(j->impl);
}

void
refunds_return_goods(struct world *w)
{
	const struct payment *original = returnable(w);
	struct lane_event ev = { .kind = LANE_EV_REFUND };
	struct payment_start start = { .kind = PAYMENT_REFUND };
	struct lane_fresh fresh;
	struct payment p;
	unsigned actions;

	if (w->down || w->journal_gone || original == NULL ||
	    lane_core_refund_refused(w->core, original->adapter) != NULL ||
	    world_ops.fresh(w, &w->now, &fresh) < 0)
		return;
	start.key = fresh.key;
	start.return_id = fresh.checkout;
	start.checkout = original->checkout;
	start.original = original->key;
	start.original_ref = str_of(original->ref);
	start.ticket = str_of(original->ticket);
	start.currency = str_of(original->currency);
	start.adapter = str_of(original->adapter);
	start.amount_minor = world_delay(w, 1, left_of(w, original));
	if (payment_begin(&p, &start, &w->now, &actions) < 0) {
		world_broken(w, INV_REFUND "a refund cannot begin");
		return;
	}
	world_trace(w, "goods of %s come back: %lld", p.ticket, (long long)p.asked_minor);
	w->res->returns++;
	if (put_refund(w, &p) == 0 && !w->crashed) {
		ev.refund = &p;
		(void)world_step(w,
				 &ev); /* durable: what is not sent now is sent later */
	}
	world_look_at_laned(w);
}

/* ---- the processor ----------------------------------------------------------------------- */

/* It gives back what it has, once a key, and never more than it took. */
void
refunds_asked(struct world *w, struct entry *e, const struct message *m,
	      struct message *answer)
{
	struct entry *o = ledger_find(w, e->original);
	struct ticket *t = ticket_find(w, e->ticket);

	if (e->state == ENTRY_SEEN) {
		if (o != NULL && o->refunded + m->amount > o->captured &&
		    !lost_has_key(w->lost, o->key))
			world_broken(w,
				     INV_REFUND
				     "%s: %lld of %lld given back, and %lld more",
				     e->ticket, (long long)o->refunded,
				     (long long)o->captured, (long long)m->amount);
		if (o == NULL || o->state != ENTRY_CAPTURED || !o->confirmed ||
		    o->refunded + m->amount > o->captured || world_chance(w, 8)) {
			e->state = ENTRY_DECLINED;
		} else {
			e->state = ENTRY_CAPTURED;
			e->captured = m->amount;
			o->refunded += m->amount;
			if (t != NULL)
				t->refunded_minor += m->amount;
			w->res->refunded++;
		}
		e->pending =
			e->state == ENTRY_CAPTURED && world_fault(w, SIM_FAULT_LATE, 20);
	}
	answer->outcome = OUTCOME_DECLINED;
	if (e->state == ENTRY_CAPTURED) {
		answer->outcome = e->pending ? OUTCOME_IN_PROGRESS : OUTCOME_APPROVED;
		answer->amount = e->captured;
		answer->has_amount = true;
	}
}

/* ---- when all is settled ----------------------------------------------------------------- */

void
refunds_settled(struct world *w, const struct entry *e)
{
	const struct payment *p = mem_journal_find(w->journal, e->key);
	bool credited = e->state == ENTRY_CAPTURED;

	if (lost_has_key(w->lost, e->key))
		return; /* books.c looks what is said of it */
	if (p == NULL || p->kind != PAYMENT_REFUND)
		world_broken(w, INV_REFUND "the journal knows nothing of a refund of %s",
			     e->ticket);
	else if (credited != (p->state == PAYMENT_REFUNDED) &&
		 !lost_has_key(w->alarmed, e->key))
		world_broken(w, INV_REFUND "%s: processor %s, journal %s", e->ticket,
			     credited ? "credited" : "not credited",
			     payment_state_name(p->state));
}
