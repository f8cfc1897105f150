/* What must hold when everything is settled: journal, processor, tickets, limits. */
#include "sim/lost.h"
#include "sim/world.h"

#include <string.h>

static void
settle_entry(struct world *w, const struct entry *e)
{
	const struct payment *p = mem_journal_find(w->journal, e->key);
	bool captured = e->state == ENTRY_CAPTURED;

	if (lost_has_key(w->lost, e->key))
		return; /* books.c looks what is said of it, also of another amount */
	if (e->is_refund)
		refunds_settled(w, e);
	else if (p == NULL)
		world_broken(w, INV_PAID "the journal knows nothing of a payment of %s",
			     e->ticket);
	else if (payment_is_open(p->state))
		world_broken(w, INV_DOUBT "a payment of %s rests in %s", e->ticket,
			     payment_state_name(p->state));
	else if (captured != (p->state == PAYMENT_CONFIRMED) &&
		 p->state != PAYMENT_UNDO_FAILED)
		world_broken(w, INV_PAID "%s: processor %s, journal %s", e->ticket,
			     captured ? "captured" : "not captured",
			     payment_state_name(p->state));
	else if (captured && e->captured > e->amount)
		world_broken(w, INV_TOTAL "%s: captured %lld, asked %lld", e->ticket,
			     (long long)e->captured, (long long)e->amount);
	else if (captured && !e->confirmed)
		world_broken(w, INV_PAID "%s is captured, and the POS never took it",
			     e->ticket);
}

static void
settle_ticket(struct world *w, const struct ticket *t)
{
	uint32_t captured = 0;

	for (uint32_t i = 0; i < w->ledger_count; i++) {
		const struct entry *e = &w->ledger[i];

		if (e->state == ENTRY_CAPTURED && !e->is_refund &&
		    strcmp(e->ticket, t->name) == 0 && (e->captured >= e->amount))
			captured++;
	}
	if (lost_has_paid(w->lost, t->name))
		w->res->forgotten++; /* the books must say when it is paid by no capture */
	else if (captured != (t->end == TICKET_TOKEN))
		world_broken(w, INV_PAID "ticket %s ended as %d with %u captures",
			     t->name, t->end, captured);
	w->res->paid_token += t->end == TICKET_TOKEN;
	w->res->paid_other += t->end == TICKET_OTHER;
	w->res->cancelled += t->end == TICKET_VOID;
}

static void
settle_use(struct world *w, int who, const struct lane_use *u)
{
	if (strcmp(u->rule, limited_rules[RULE_TWICE]) == 0 && u->member_used > 2)
		world_broken(w, INV_LIMITS "member %d used an offer %lld times", who,
			     (long long)u->member_used);
	if (strcmp(u->rule, limited_rules[RULE_DAILY]) == 0 && u->member_day_used > 1)
		world_broken(w, INV_LIMITS "member %d used an offer %lld times a day",
			     who, (long long)u->member_day_used);
	if (strcmp(u->rule, limited_rules[RULE_FIRST_TWO]) == 0 && u->total_used > 2)
		world_broken(w, INV_LIMITS "an offer was used %lld times in all",
			     (long long)u->total_used);
}

/* What it was sold with: a token took the offer that it was charged by, whatever was offered since. */
static const struct limited *
sold_with(const struct ticket *t)
{
	if (t->end == TICKET_TOKEN)
		return &t->paid_limited;
	return t->end == TICKET_OTHER ? &t->limited : NULL;
}

/* The same by the POS's own tickets: what the shoppers paid, whatever the journal says. */
static void
settle_sold(struct world *w)
{
	uint32_t twice[MEMBERS] = { 0 }, in_all = 0, again = 0, lost = lost_uses(w->lost);

	for (uint32_t i = 0; i < w->tickets_count; i++) {
		const struct limited *x = sold_with(&w->tickets[i]);

		if (x == NULL)
			continue;
		in_all += x->rules >> RULE_FIRST_TWO & 1u;
		if (x->whose < 0)
			continue;
		twice[x->whose] += x->rules >> RULE_TWICE & 1u;
		for (uint32_t k = 0; k < i; k++) {
			const struct limited *y = sold_with(&w->tickets[k]);

			if (y != NULL && y->whose == x->whose && y->day == x->day &&
			    (y->rules & x->rules & 1u << RULE_DAILY) != 0)
				again++;
			if (again > lost)
				world_broken(w,
					     INV_LIMITS
					     "tickets %s and %s sold the offer of a day",
					     w->tickets[k].name, w->tickets[i].name);
		}
		if (twice[x->whose] > 2 + lost)
			world_broken(w, INV_LIMITS "member %d bought an offer thrice",
				     x->whose);
	}
	if (in_all > 2 + lost)
		world_broken(w, INV_LIMITS "an offer for two was sold %u times", in_all);
}

/* A limited offer is used as often as it may be, over all checkouts, swaps and crashes. */
static void
settle_limits(struct world *w)
{
	for (int who = 0; who < (int)MEMBERS; who++) {
		struct lane_member m;

		world_member(w, who, &m);
		for (uint32_t i = 0; i < m.uses_count; i++)
			settle_use(w, who, &m.uses[i]);
	}
	for (uint32_t i = 0; i < mem_journal_checkouts_count(w->journal); i++) {
		if (mem_journal_checkout(w->journal, i)->reserved_count > 0)
			world_broken(w, INV_LIMITS
				     "an ended checkout still reserves offers");
	}
}

/*
 * Nobody can say what of it stands: an undo that failed, a refund that a human was called for, and what
 * a disk has lost. The books name each of them; of all others every minor unit is here.
 */
static bool
is_set_aside(const struct world *w, struct key128 key)
{
	const struct payment *p = mem_journal_find(w->journal, key);

	if (lost_has_key(w->lost, key))
		return true;
	return p != NULL &&
	       (p->state == PAYMENT_UNDO_FAILED ||
		(p->kind == PAYMENT_REFUND && lost_has_key(w->alarmed, key)));
}

/* Journal and processor, key by key: what was charged and kept, and what went back. */
static void
settle_sums(struct world *w)
{
	int64_t journal = 0, processor = 0;

	for (uint32_t i = 0; i < mem_journal_payments_count(w->journal); i++) {
		const struct payment *p = mem_journal_payment(w->journal, i);

		if (is_set_aside(w, p->key))
			continue;
		if (p->state == PAYMENT_CONFIRMED)
			journal += p->answered_minor;
		else if (p->state == PAYMENT_REFUNDED)
			journal -= p->answered_minor;
	}
	for (uint32_t i = 0; i < w->ledger_count; i++) {
		const struct entry *e = &w->ledger[i];

		if (e->state == ENTRY_CAPTURED && !is_set_aside(w, e->key))
			processor += e->is_refund ? -e->captured : e->captured;
	}
	if (journal != processor)
		world_broken(w, INV_SUMS "journal %lld, processor %lld",
			     (long long)journal, (long long)processor);
}

/* Processor and POS, ticket by ticket; tickets may have the same name on another day. */
static void
settle_taken(struct world *w, const struct ticket *t)
{
	int64_t processor = 0, pos = 0;

	if (lost_has_paid(w->lost, t->name))
		return; /* as settle_ticket */
	for (uint32_t i = 0; i < w->ledger_count; i++) {
		const struct entry *e = &w->ledger[i];

		if (e->state == ENTRY_CAPTURED && !e->is_refund &&
		    strcmp(e->ticket, t->name) == 0)
			processor += e->captured - e->refunded;
	}
	for (uint32_t i = 0; i < w->tickets_count; i++)
		if (strcmp(w->tickets[i].name, t->name) == 0)
			pos += w->tickets[i].token_minor - w->tickets[i].refunded_minor;
	if (processor != pos)
		world_broken(w, INV_SUMS "%s: processor %lld, POS %lld", t->name,
			     (long long)processor, (long long)pos);
}

/* What the processor has kept is of a ticket that the POS knows. */
static void
settle_names(struct world *w)
{
	for (uint32_t i = 0; i < w->ledger_count; i++) {
		const struct entry *e = &w->ledger[i];
		uint32_t n = 0;

		while (n < w->tickets_count && strcmp(w->tickets[n].name, e->ticket) != 0)
			n++;
		if (n == w->tickets_count && e->state == ENTRY_CAPTURED)
			world_broken(w, INV_SUMS "%s is no ticket of the POS", e->ticket);
	}
}

/*
 * Paid and saved is what the goods of a ticket cost. A laned that cannot read its journal does not know
 * that a payment is under way, and may make the ticket another offer: the till then sells at the one
 * that it was charged by (docs/adapter-drop.md).
 */
static void
settle_totals(struct world *w)
{
	for (uint32_t i = 0; i < w->tickets_count; i++) {
		const struct ticket *t = &w->tickets[i];
		int64_t off = t->blind ? t->paid_discount_minor : t->discount_minor;

		if (t->end == TICKET_TOKEN && t->offered &&
		    !lost_has_ticket(w->lost, t->name) && t->paid_rev == t->rev &&
		    t->token_minor + off != t->gross_minor)
			world_broken(w, INV_TOTAL "%s: %lld paid and %lld off for %lld",
				     t->name, (long long)t->token_minor, (long long)off,
				     (long long)t->gross_minor);
	}
}

void
peers_settled(struct world *w)
{
	for (uint32_t i = 0; i < w->ledger_count && !w->res->broken; i++)
		settle_entry(w, &w->ledger[i]);
	for (uint32_t i = 0; i < w->tickets_count && !w->res->broken; i++)
		settle_ticket(w, &w->tickets[i]);
	for (uint32_t i = 0; i < mem_journal_payments_count(w->journal); i++) {
		const struct payment *p = mem_journal_payment(w->journal, i);

		/* Who could tell of it has told before, and that is lost: then an alarm. */
		if (payment_is_open(p->state) &&
		    !(p->alarmed && lost_has_key(w->lost, p->key)))
			world_broken(w, INV_DOUBT "a payment of %s rests in %s",
				     p->ticket, payment_state_name(p->state));
	}
	settle_sums(w);
	settle_names(w);
	for (uint32_t i = 0; i < w->tickets_count; i++)
		settle_taken(w, &w->tickets[i]);
	settle_totals(w);
	settle_limits(w);
	/* Only a full disk and a crash together may lose a count. */
	if (w->res->failed_commits == 0 || w->res->crashes == 0)
		settle_sold(w);
	for (uint32_t i = 0; i < mem_journal_checkouts_count(w->journal); i++) {
		enum checkout_phase phase = mem_journal_checkout(w->journal, i)->phase;

		if (phase != PHASE_DONE && phase != PHASE_CANCELLED)
			world_broken(w, INV_ALIVE "a checkout rests in %s",
				     checkout_phase_name(phase));
	}
	if (!w->res->broken)
		books_settled(w);
}
