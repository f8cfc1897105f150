/*
 * A lane whose POS asks a terminal for its money: the POS and its adapter, scripted, beside the payer
 * of the other files. A request, its answer and what the POS makes of it may be lost, late or doubled;
 * the adapter dies and is back; the POS asks again, gives up, and tells in the end what it has taken.
 */
#include "sim/lost.h"
#include "sim/laned.h"
#include "sim/relay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define POS_ADAPTER "pos"
#define WAITS_MS 90000 /* so long a POS waits for an answer */

static struct request *
request_of(struct world *w, struct key128 key)
{
	for (uint32_t i = 0; i < w->requests_count; i++)
		if (w->requests[i].has_key && key128_eq(w->requests[i].key, key))
			return &w->requests[i];
	return NULL;
}

/* The one that the POS waits for; NULL none. */
static struct request *
waiting(struct world *w)
{
	struct request *r =
		w->requests_count == 0 ? NULL : &w->requests[w->requests_count - 1];

	return r != NULL && r->state == REQUEST_WAITS ? r : NULL;
}

static struct message *
post(struct world *w, enum message_kind kind, struct key128 key, int64_t in_ms)
{
	struct message *m = world_post(w, kind, in_ms);

	m->key = key;
	m->epoch = w->pos_epoch;
	return m;
}

/* ---- the adapter's process --------------------------------------------------------------- */

static void
tell_link(struct world *w, bool up)
{
	struct lane_event ev = { .kind = LANE_EV_POS_LINK };

	ev.pos.adapter = STR(POS_ADAPTER);
	ev.pos.up = up;
	ev.pos.partial = w->opt.seed % 3 == 0;
	(void)world_step(w, &ev); /* nobody to tell when the lane is down */
}

void
terminal_forgets(struct world *w)
{
	for (uint32_t i = 0; i < w->requests_count; i++)
		w->requests[i].seen = false;
}

void
terminal_die(struct world *w)
{
	if (w->relay != NULL) {
		relay_die(w);
		return;
	}
	world_trace(w, "the POS's adapter dies");
	terminal_forgets(w);
	w->res->adapter_restarts++;
	w->pos_epoch++;
	if (w->pos_up)
		tell_link(w, false);
	w->pos_up = false;
	(void)post(w, MSG_TERM_UP, (struct key128){ { 0 } }, world_delay(w, 500, 8000));
}

void
terminal_lane_died(struct world *w)
{
	w->pos_up = false;
	w->pos_epoch++;
}

/* What becomes of an answer that does not leave: certainly not taken, unless the POS may have an earlier one. */
static enum lane_outcome
not_left(const struct request *r)
{
	return r != NULL && r->answered ? OUTCOME_UNKNOWN : OUTCOME_CANCELLED;
}

/* Its host has lived since the request came, and knows whether an answer was ever let go. */
static bool
is_unsent(const struct world *w, const struct request *r)
{
	return r != NULL && r->seen && !r->answered && w->opt.seed % 4 != 0;
}

/*
 * laned, or the adapter, is there again: what the POS may have, this process does not know. But one that
 * has seen the request, and that the POS let it go, knows that none has left; it said so, or would have.
 */
static void
comes_up(struct world *w)
{
	const struct request *r;
	struct key128 open[LANE_PAYMENTS_MAX];
	uint32_t count = 0;

	if (w->down || w->pos_up)
		return;
	w->pos_up = true;
	for (uint32_t i = 0; i < lane_core_payments_count(w->core); i++) {
		const struct payment *p = lane_core_payment(w->core, i);

		if (p->pos_adapter[0] == '\0' || p->state != PAYMENT_ANSWER_SENDING)
			continue;
		if (is_unsent(w, request_of(w, p->key)))
			lane_core_answer_unsent(w->core, p->key);
		else
			open[count++] = p->key;
	}
	tell_link(w, true);
	for (uint32_t i = 0; i < count; i++) {
		r = request_of(w, open[i]);
		post(w, MSG_TERM_DONE, open[i], 1)->outcome =
			r != NULL && r->seen && r->state == REQUEST_FORGOTTEN
				? not_left(r)
				: OUTCOME_UNKNOWN;
	}
}

/* laned's answer to a request arrives at the adapter: an approval leaves when it is journalled. */
static void
answer_arrives(struct world *w, const struct message *m)
{
	bool yes = m->outcome == OUTCOME_APPROVED || m->outcome == OUTCOME_PARTIAL;
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };
	char text[KEY128_TEXT_BYTES];
	struct request *r;
	struct message *out;

	if (m->epoch != w->pos_epoch || w->down)
		return;
	r = request_of(w, m->key);
	if (yes && r != NULL && r->state == REQUEST_FORGOTTEN) {
		/* Nobody waits for it: nothing is sent. */
		post(w, MSG_TERM_DONE, m->key, 1)->outcome = not_left(r);
		return;
	}
	if (yes) {
		key128_text(text, m->key);
		ev.journal.key = m->key;
		ev.journal.req = str_of(text);
		ev.journal.answer = true;
		ev.journal.from = STR(POS_ADAPTER);
		w->pos_said = -1;
		(void)world_step(w, &ev); /* its answer says how it went */
		if (m->epoch != w->pos_epoch)
			return; /* laned died; it knows what it has written */
		if (world_fault(w, SIM_FAULT_ADAPTER_DIES, 40)) {
			terminal_die(w); /* between journal and send */
			return;
		}
		r = request_of(w, m->key);
		if (w->pos_said != 1) {
			post(w, MSG_TERM_DONE, m->key, 1)->outcome = not_left(r);
			return;
		}
		if (r != NULL)
			r->answered = true;
	}
	if (!yes)
		post(w, MSG_TERM_DONE, m->key, 1)->outcome = OUTCOME_DONE;
	if (world_fault(w, SIM_FAULT_DROPPED, 40)) {
		if (yes) /* the line broke: nobody knows */
			post(w, MSG_TERM_DONE, m->key, world_delay(w, 10, 3000))
				->outcome = OUTCOME_UNKNOWN;
		return;
	}
	for (int n = world_fault(w, SIM_FAULT_DOUBLED, 40) ? 2 : 1; n > 0; n--) {
		out = post(w, MSG_TERM_RESULT, m->key,
			   world_fault(w, SIM_FAULT_LATE, 30)
				   ? world_delay(w, 1000, 200000)
				   : world_delay(w, 1, 200));
		out->outcome = m->outcome;
		out->amount = m->amount;
	}
}

/* What has become of an answer, to laned; again until it is stored. */
static void
answer_done(struct world *w, const struct message *m)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };

	if (m->epoch != w->pos_epoch || w->down)
		return;
	ev.completion.key = m->key;
	ev.completion.op = LANE_OP_ANSWER;
	ev.completion.outcome = m->outcome;
	ev.completion.from = STR(POS_ADAPTER);
	world_trace(w, "answer %s", lane_outcome_name(m->outcome));
	(void)world_step(w, &ev); /* one nobody waits for is harmless */
	if (!w->down && m->epoch == w->pos_epoch && !effects_stored(w->effects))
		post(w, MSG_TERM_DONE, m->key, 1000)->outcome = m->outcome;
}

/* The real terminal gets a ticket's request: nothing of ours is in doubt beside it. */
static void
check_passed(struct world *w, const char *ticket)
{
	for (uint32_t i = 0; i < w->requests_count; i++) {
		const struct request *r = &w->requests[i];
		const struct payment *p =
			r->has_key ? mem_journal_find(w->journal, r->key) : NULL;

		if (p != NULL && !w->journal_gone && strcmp(p->ticket, ticket) == 0 &&
		    (p->state == PAYMENT_SENDING || p->state == PAYMENT_UNKNOWN))
			world_broken(w, INV_ONCE "%s goes to the terminal while %s is %s",
				     ticket, r->id, payment_state_name(p->state));
	}
}

int
terminal_told(struct world *w, const struct lane_effect *fx)
{
	const struct payment *p = fx->tell.payment;
	const struct entry *e = ledger_find(w, p->key);
	const struct payment *kept = mem_journal_find(w->journal, p->key);
	struct message *m;

	world_trace(w, "answer to the POS: %s", lane_outcome_name(fx->tell.outcome));
	if (lost_has_key(w->lost, p->key))
		e = NULL; /* it is told what is known here */
	if (e != NULL && e->state == ENTRY_CAPTURED && fx->tell.outcome == OUTCOME_PASS)
		world_broken(w, INV_ONCE "passed to the terminal, and captured");
	/* It may go on while an undo that is durable is under way. */
	if (e != NULL && e->state == ENTRY_CAPTURED &&
	    (fx->tell.outcome == OUTCOME_DECLINED ||
	     (fx->tell.outcome == OUTCOME_CANCELLED &&
	      (kept == NULL || kept->state != PAYMENT_UNDO_QUEUED))))
		world_broken(w, INV_DECLINED "the POS is told %s of what is captured",
			     lane_outcome_name(fx->tell.outcome));
	if (w->relay != NULL)
		return laned_adapter(w->laned, fx);
	if (fx->tell.outcome == OUTCOME_PASS)
		check_passed(w, p->ticket);
	if (!w->pos_up)
		return -ENOTCONN;
	m = post(w, MSG_TERM_ANSWER, p->key, world_delay(w, 1, 30));
	m->outcome = fx->tell.outcome;
	m->amount = p->answered_minor;
	return 0;
}

void
terminal_replied(struct world *w, const struct lane_effect *fx, bool ok)
{
	const struct payment *kept;

	if (w->crashed)
		return;
	if (w->relay != NULL)
		laned_tender_reply(w->laned, fx, ok);
	w->pos_said = ok;
	if (!ok || !fx->reply.ok)
		return;
	w->pos_key = fx->reply.key;
	kept = mem_journal_find(w->journal, fx->reply.key);
	if (kept == NULL)
		world_broken(w, INV_DURABLE "the POS has a key that is not durable");
}

/* ---- the POS ----------------------------------------------------------------------------- */

/* It tells what it knows until that is stored: what it has taken, or could not use. */
static void
tell_end(struct world *w, struct key128 key, int64_t in_ms)
{
	(void)post(w, MSG_TERM_TELL, key, in_ms);
}

static void
tells(struct world *w, const struct message *m)
{
	struct request *r = request_of(w, m->key);
	struct lane_event ev = { .kind = LANE_EV_TENDER_CONFIRMED, .key = m->key };

	if (r == NULL || r->state == REQUEST_WAITS || r->state == REQUEST_FORGOTTEN)
		return;
	if (!w->pos_up || w->down || world_fault(w, SIM_FAULT_DROPPED, 30)) {
		tell_end(w, m->key, world_delay(w, 500, 4000));
		return;
	}
	if (r->state == REQUEST_LEFT)
		ev.kind = LANE_EV_POS_UNDO;
	(void)world_step(w, &ev); /* a key that is over is harmless */
	if (w->down || !effects_stored(w->effects)) {
		tell_end(w, m->key, world_delay(w, 500, 4000));
		return;
	}
	if (r->state == REQUEST_TAKEN)
		post(w, MSG_TERM_DONE, m->key, 1)->outcome = OUTCOME_CONFIRMED;
}

/* A result at the POS. */
static void
result_comes(struct world *w, const struct message *m)
{
	struct request *r = request_of(w, m->key);
	struct ticket *t = r == NULL ? NULL : ticket_find(w, r->ticket);
	const struct entry *e = ledger_find(w, m->key);
	bool yes = m->outcome == OUTCOME_APPROVED || m->outcome == OUTCOME_PARTIAL;

	if (r == NULL || t == NULL || r->state == REQUEST_TAKEN ||
	    r->state == REQUEST_FORGOTTEN)
		return;
	if (r->state == REQUEST_LEFT || t->end != TICKET_OPEN) {
		r->state = REQUEST_LEFT;
		if (yes)
			tell_end(w, r->key, world_delay(w, 5, 500));
		return;
	}
	world_trace(w, "the POS has %s", lane_outcome_name(m->outcome));
	if (!yes) {
		r->state = REQUEST_OVER;
		/* The real terminal is asked, and pays. */
		if (m->outcome == OUTCOME_PASS)
			w->waits = 100;
		return;
	}
	r->state = REQUEST_TAKEN;
	r->taken_minor = m->amount;
	t->token_minor += m->amount;
	t->paid_rev = r->rev;
	t->paid_discount_minor = r->discount_minor;
	/* Another offer of the same total may have come since it asked. */
	t->paid_limited = e != NULL ? e->limited : r->limited;
	if (m->amount == r->amount)
		t->end = TICKET_TOKEN;
	tell_end(w, r->key, world_delay(w, 5, 500));
}

/* It does not wait any longer: whatever comes is given back. */
void
terminal_give_up(struct world *w)
{
	struct request *r = waiting(w);
	struct lane_event ev = { .kind = LANE_EV_TENDER_ABORT };

	if (w->relay != NULL) {
		relay_give_up(w);
		return;
	}
	if (r == NULL)
		return;
	r->state = REQUEST_LEFT;
	if (!r->has_key)
		return;
	ev.key = r->key;
	if (w->pos_up && world_random(w) % 2 == 0)
		(void)world_step(w, &ev); /* a lost one is a late answer, given back */
	tell_end(w, r->key, world_delay(w, 5, 2000));
}

/* Asks, or asks again by the same number. */
static void
ask(struct world *w, struct request *r)
{
	struct lane_event ev = { .kind = LANE_EV_TENDER_WANTED };
	const struct payment *old;

	ev.tender.adapter = STR(POS_ADAPTER);
	ev.tender.ticket = str_of(r->ticket);
	ev.tender.currency = STR("EUR");
	ev.tender.ref = str_of(r->id);
	ev.tender.amount_minor = r->amount;
	ev.tender.rev = r->rev;
	w->pos_said = -1;
	if (w->pos_up && !w->down)
		(void)world_step(w, &ev); /* the reply says it */
	if (w->pos_said == 1) {
		old = r->has_key ? mem_journal_find(w->journal, r->key) : NULL;
		if (old != NULL && !key128_eq(r->key, w->pos_key) &&
		    payment_is_open(old->state) && !lost_has_key(w->lost, r->key))
			world_broken(w, INV_ONCE "two keys for one request of the POS");
		r->seen = r->has_key ? r->seen : true;
		r->has_key = true;
		r->key = w->pos_key;
		world_trace(w, "%s waits for %lld", r->id, (long long)r->amount);
		return;
	}
	if (w->pos_said == 0 && !w->down && effects_stored(w->effects))
		check_passed(w, r->ticket);
	/* A stranger, or nobody there: the request goes through to the real terminal. */
	world_trace(w, "%s goes to the terminal", r->id);
	terminal_give_up(w);
	if (r->state == REQUEST_WAITS)
		r->state = REQUEST_OVER;
	if (world_random(w) % 3 == 0)
		w->waits = 100; /* and is paid there */
}

/* What is still to be paid of a ticket, by a number of its own; NULL nothing. */
static struct request *
request_new(struct world *w, const struct ticket *t)
{
	struct request *r = &w->requests[w->requests_count];

	if (w->requests_count == REQUESTS_MAX)
		return NULL;
	memset(r, 0, sizeof(*r));
	(void)snprintf(r->id, sizeof(r->id), "q%u", w->requests_count + 1); /* fits */
	memcpy(r->ticket, t->name, sizeof(r->ticket));
	r->rev = w->rev;
	for (uint32_t i = 0; i < w->lines_count; i++)
		r->amount += w->lines[i].amount_minor;
	r->limited.whose = -1;
	if (t->offered && t->rev == w->rev) {
		r->discount_minor = t->discount_minor;
		r->limited = t->limited;
	}
	r->amount -= r->discount_minor + t->token_minor;
	r->asked_ms = w->now.mono_ms;
	r->day = w->now.business_day;
	if (r->amount <= 0)
		return NULL;
	w->requests_count++;
	return r;
}

/* A POS that starts again: it asks by another number, and never says a word of the one before. */
static void
ask_anew(struct world *w, struct request *old, const struct ticket *t)
{
	struct request *r = request_new(w, t);
	bool heard;

	if (r == NULL)
		return;
	world_trace(w, "%s is forgotten", old->id);
	old->state = REQUEST_FORGOTTEN;
	ask(w, r);
	/* That of another day is another sale: an earlier one is no business of it. */
	heard = w->pos_said >= 0 && !w->down && effects_stored(w->effects) &&
		old->day == w->now.business_day;
	if (heard || !old->has_key)
		return;
	old->state =
		REQUEST_LEFT; /* it remembers, as laned does not know of the other one */
	tell_end(w, old->key, world_delay(w, 5, 2000));
}

/* The till at the total: what to pay, and who. True: it has done something. */
bool
terminal_waits(struct world *w, const struct ticket *t)
{
	struct request *r = waiting(w);

	if (w->relay != NULL)
		return relay_waits(w, t);
	if (r != NULL) {
		if (w->now.mono_ms - r->asked_ms > WAITS_MS)
			terminal_give_up(w);
		else if (world_chance(w, 6))
			ask(w, r); /* the same once more */
		else if (world_chance(w, 12)) {
			ask_anew(w, r, t);
			return true;
		}
		return r->state == REQUEST_WAITS && world_random(w) % 3 == 0;
	}
	if (world_random(w) % 2 == 0)
		return false;
	r = request_new(w, t);
	if (r == NULL)
		return false;
	ask(w, r);
	return true;
}

bool
terminal_has_taken(struct world *w, struct key128 key)
{
	const struct request *r = request_of(w, key);

	if (w->relay != NULL)
		return relay_has_taken(w, key);
	return r != NULL && r->state == REQUEST_TAKEN;
}

void
terminal_message(struct world *w, const struct message *m)
{
	if (m->kind == MSG_TERM_UP)
		comes_up(w);
	else if (m->kind == MSG_TERM_ANSWER)
		answer_arrives(w, m);
	else if (m->kind == MSG_TERM_RESULT)
		result_comes(w, m);
	else if (m->kind == MSG_TERM_DONE)
		answer_done(w, m);
	else
		tells(w, m);
}
