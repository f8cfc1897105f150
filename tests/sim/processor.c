/* The processor, which is also the till's ledger: what it is asked, does and answers. */
#include "sim/drop.h"
#include "sim/lost.h"

#include <string.h>

struct entry *
ledger_find(struct world *w, struct key128 key)
{
	for (uint32_t i = 0; i < w->ledger_count; i++) {
		if (key128_eq(w->ledger[i].key, key))
			return &w->ledger[i];
	}
	return NULL;
}

static struct entry *
ledger_add(struct world *w, struct key128 key, const char *ticket)
{
	struct entry *e;

	if (w->ledger_count == LEDGER_MAX) {
		world_broken(w, INV_ALIVE "too many payments");
		w->ledger_count--;
	}
	e = &w->ledger[w->ledger_count++];
	memset(e, 0, sizeof(*e));
	e->key = key;
	e->day = w->now.business_day;
	(void)snprintf(e->ticket, sizeof(e->ticket), "%s", ticket);
	return e;
}

struct ticket *
ticket_find(struct world *w, const char *name)
{
	for (uint32_t i = 0; i < w->tickets_count; i++) {
		if (strcmp(w->tickets[i].name, name) == 0)
			return &w->tickets[i];
	}
	return NULL;
}

static void
capture(struct world *w, struct entry *e, int64_t amount)
{
	for (uint32_t i = 0; i < w->ledger_count; i++) {
		const struct entry *o = &w->ledger[i];

		/* After a part that the POS has taken, the rest is another payment. */
		if (o != e && o->day == e->day && o->state == ENTRY_CAPTURED &&
		    !o->is_refund && (!o->confirmed || o->captured >= o->amount) &&
		    strcmp(o->ticket, e->ticket) == 0 &&
		    /* Of a lost one laned cannot know; the books find it. */
		    !lost_has_key(w->lost, o->key) && !lost_has_key(w->lost, e->key))
			world_broken(w, INV_ONCE "two captures for ticket %s", e->ticket);
	}
	e->state = ENTRY_CAPTURED;
	e->captured = amount;
	e->captures++;
	w->res->captures++;
	if (e->captures > 1)
		world_broken(w, INV_ONCE "two captures under one key");
}

static void
processor_pay(struct world *w, struct entry *e, struct message *answer)
{
	if (e->state == ENTRY_SEEN) {
		if (world_chance(w, 8))
			e->state = ENTRY_DECLINED;
		else if (world_fault(w, SIM_FAULT_AMOUNT, 30))
			capture(w, e, e->amount > 1 ? e->amount / 2 : e->amount);
		else if (world_fault(w, SIM_FAULT_AMOUNT, 40))
			capture(w, e, e->amount + 1);
		else
			capture(w, e, e->amount);
		w->res->declined += e->state == ENTRY_DECLINED;
		e->pending =
			e->state == ENTRY_CAPTURED && world_fault(w, SIM_FAULT_LATE, 20);
	}
	answer->outcome = OUTCOME_DECLINED;
	if (e->state == ENTRY_CAPTURED) {
		answer->outcome = e->pending                ? OUTCOME_IN_PROGRESS
				  : e->captured < e->amount ? OUTCOME_PARTIAL
							    : OUTCOME_APPROVED;
		answer->amount = e->captured;
		answer->has_amount = true;
	}
}

static void
processor_query(struct world *w, struct entry *e, struct message *answer)
{
	if (e == NULL) {
		answer->outcome = OUTCOME_NOT_FOUND;
		return;
	}
	if (e->pending)
		e->pending = world_chance(w, 2);
	if (e->is_refund)
		refunds_asked(w, e, answer, answer);
	else if (e->state == ENTRY_UNDONE)
		answer->outcome = OUTCOME_UNDONE;
	else
		processor_pay(w, e, answer);
}

/* The second phase at a payer beside the POS: only what the POS has taken is for good. */
static void
payer_confirms(struct world *w, struct entry *e, struct message *answer)
{
	answer->outcome = e->state == ENTRY_UNDONE ? OUTCOME_UNDONE : OUTCOME_UNKNOWN;
	if (e->state != ENTRY_CAPTURED)
		return;
	if (!terminal_has_taken(w, e->key) && !lost_has_key(w->lost, e->key))
		world_broken(w, INV_PAID "confirmed before the POS has taken it");
	e->confirmed = true;
	answer->outcome = OUTCOME_CONFIRMED;
}

/* The POS takes the approval, unless it has gone on with another tender. */
static void
pos_confirm(struct world *w, struct entry *e, struct message *answer)
{
	struct ticket *t = ticket_find(w, e != NULL ? e->ticket : "");

	answer->outcome = OUTCOME_NOT_FOUND;
	if (e == NULL || t == NULL)
		return;
	if (w->terminal) {
		payer_confirms(w, e, answer);
		return;
	}
	answer->outcome = e->state == ENTRY_UNDONE ? OUTCOME_UNDONE : OUTCOME_UNKNOWN;
	if (e->state != ENTRY_CAPTURED)
		return;
	/* Of another basket than it sells now, it takes nothing, either. */
	if (!e->confirmed && t->end == TICKET_OPEN && e->rev != w->rev &&
	    t == &w->tickets[w->tickets_count - 1]) {
		e->state = ENTRY_UNDONE;
		w->res->undone++;
		answer->outcome = OUTCOME_UNDONE;
		return;
	}
	if (!e->confirmed && t->end != TICKET_OPEN && world_random(w) % 2 == 0) {
		e->state = ENTRY_UNDONE; /* given back at once, and the answer says so */
		w->res->undone++;
		answer->outcome = OUTCOME_UNDONE;
		return;
	}
	if (!e->confirmed && t->end != TICKET_OPEN) {
		world_post(w, MSG_POS_UNDO, world_delay(w, 5, 500))->key = e->key;
		return;
	}
	if (!e->confirmed) {
		t->token_minor += e->captured;
		t->paid_rev = e->rev;
		t->paid_discount_minor = e->discount_minor;
		t->paid_limited = e->limited;
	}
	e->confirmed = true;
	if (e->captured >= e->amount)
		t->end = TICKET_TOKEN;
	answer->outcome = OUTCOME_CONFIRMED;
}

static void
processor_undo(struct world *w, struct entry *e, const struct message *m,
	       struct message *answer)
{
	if (e == NULL) {
		ledger_add(w, m->key, m->ticket)->state = ENTRY_UNDONE;
		answer->outcome = OUTCOME_NOT_FOUND;
		return;
	}
	if (e->confirmed && lost_has_key(w->lost, e->key)) {
		answer->outcome = OUTCOME_CONFIRMED; /* the sale has it, and keeps it */
		return;
	}
	if (e->confirmed)
		world_broken(w, INV_PAID "undo of a payment that the POS has taken");
	answer->outcome = e->state == ENTRY_DECLINED ? OUTCOME_NOT_FOUND : OUTCOME_UNDONE;
	if (e->state == ENTRY_CAPTURED)
		w->res->undone++;
	if (e->state != ENTRY_DECLINED)
		e->state = ENTRY_UNDONE;
}

bool
line_is_down(const struct world *w)
{
	return !w->quiet && w->now.mono_ms < w->line_down_ms;
}

static void
answer_message(struct world *w, const struct message *copy, int64_t in_ms)
{
	struct message *m = world_post(w, MSG_COMPLETE, in_ms);
	int64_t at = m->at_ms;
	uint64_t order = m->order;

	*m = *copy;
	m->kind = MSG_COMPLETE;
	m->at_ms = at;
	m->order = order;
	m->epoch = w->adapter_epoch;
}

/* The answer may be lost, late, doubled or a shrug. */
static void
answer_home(struct world *w, const struct message *answer)
{
	struct message copy = *answer;
	int64_t in_ms = world_delay(w, 5, 900);

	if (world_fault(w, SIM_FAULT_DROPPED, 20) || line_is_down(w))
		return;
	if (world_fault(w, SIM_FAULT_LATE, 20))
		in_ms = world_delay(w, 1000, 1200000);
	if (world_fault(w, SIM_FAULT_MUTE, 25))
		copy.outcome = OUTCOME_UNKNOWN;
	if (world_fault(w, SIM_FAULT_MUTE, 40))
		copy.has_amount = false;
	if (w->opt.bug == SIM_BUG_UNKNOWN_IS_NO && copy.outcome == OUTCOME_UNKNOWN)
		copy.outcome = OUTCOME_DECLINED;
	for (int n = world_fault(w, SIM_FAULT_DOUBLED, 15) ? 2 : 1; n > 0; n--) {
		if (w->drop != NULL)
			drop_answer(w->drop, &copy, in_ms);
		else
			answer_message(w, &copy, in_ms);
		in_ms += world_delay(w, 0, 60000);
	}
}

void
till_reads_offer(struct world *w, const char *ticket, uint32_t rev, int64_t total_minor,
		 int64_t discounts_minor)
{
	struct ticket *t = ticket_find(w, ticket);
	int64_t gross = 0;

	/* A till that has gone on looks at no offer of the past. */
	if (t == NULL || t->end != TICKET_OPEN ||
	    t != &w->tickets[w->tickets_count - 1] || rev != w->rev)
		return;
	for (uint32_t i = 0; i < w->lines_count; i++)
		gross += w->lines[i].amount_minor;
	world_trace(w, "the till reads %s: %lld", ticket, (long long)total_minor);
	t->offered = true;
	t->rev = rev;
	t->gross_minor = gross;
	t->discount_minor = discounts_minor;
	if (gross - discounts_minor != total_minor)
		world_broken(w,
			     INV_TOTAL "%s: goods of %lld, %lld off, and a total of %lld",
			     ticket, (long long)gross, (long long)discounts_minor,
			     (long long)total_minor);
}

void
till_checks_amount(struct world *w, const char *ticket, uint32_t rev,
		   int64_t amount_minor)
{
	const struct ticket *t = ticket_find(w, ticket);

	if (t == NULL || !t->offered || t->rev != rev || t->end != TICKET_OPEN ||
	    lost_has_ticket(w->lost, ticket))
		return;
	if (amount_minor != t->gross_minor - t->discount_minor - t->token_minor)
		world_broken(w,
			     INV_TOTAL "%s: goods of %lld, %lld off, %lld paid, and %lld "
				       "are asked for",
			     ticket, (long long)t->gross_minor,
			     (long long)t->discount_minor, (long long)t->token_minor,
			     (long long)amount_minor);
}

/* What the till takes off a ticket by the last offer that it read. */
static int64_t
till_discount(struct world *w, const char *ticket)
{
	const struct ticket *t = ticket_find(w, ticket);

	return t != NULL && t->offered ? t->discount_minor : 0;
}

static struct limited
till_limited(struct world *w, const char *name)
{
	const struct ticket *t = ticket_find(w, name);

	return t != NULL && t->offered ? t->limited : (struct limited){ .whose = -1 };
}

/* What is asked for was durable before it left, and for this amount. */
static void
check_asked(struct world *w, const struct message *m)
{
	const struct payment *kept = mem_journal_find(w->journal, m->key);

	if (lost_has_key(w->lost, m->key))
		return; /* it was when it left */
	if (kept == NULL || kept->state == PAYMENT_CREATED)
		world_broken(w,
			     INV_DURABLE "a payment left that was not durable as sent");
	else if (kept->asked_minor != m->amount)
		world_broken(w,
			     INV_TOTAL "the till is asked for %lld, the journal has %lld",
			     (long long)m->amount, (long long)kept->asked_minor);
}

void
till_asked(struct world *w, const struct message *m)
{
	struct entry *e = ledger_find(w, m->key);
	struct message answer = *m;

	if (m->op == LANE_OP_PAY || m->op == LANE_OP_REFUND) {
		check_asked(w, m);
		if (e == NULL && m->op == LANE_OP_PAY)
			till_checks_amount(w, m->ticket, m->rev, m->amount);
	}
	answer.has_amount = false;
	if (m->op == LANE_OP_PAY) {
		if (e == NULL) {
			e = ledger_add(w, m->key, m->ticket);
			e->amount = m->amount;
			e->rev = m->rev;
			e->discount_minor = till_discount(w, m->ticket);
			e->limited = till_limited(w, m->ticket);
		}
		processor_pay(w, e, &answer);
	} else if (m->op == LANE_OP_REFUND) {
		if (e == NULL) {
			e = ledger_add(w, m->key, m->ticket);
			e->is_refund = true;
			e->original = m->original;
			e->amount = m->amount;
		}
		refunds_asked(w, e, m, &answer);
	} else if (m->op == LANE_OP_QUERY) {
		processor_query(w, e, &answer);
	} else if (m->op == LANE_OP_CONFIRM) {
		pos_confirm(w, e, &answer);
	} else {
		processor_undo(w, e, m, &answer);
	}
	world_trace(w, "processor %s -> %s", lane_op_name(m->op),
		    lane_outcome_name(answer.outcome));
	answer_home(w, &answer);
}
