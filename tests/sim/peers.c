#include "sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the processor ------------------------------------------------------- */

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
		world_broken(w, "too many payments");
		w->ledger_count--;
	}
	e = &w->ledger[w->ledger_count++];
	memset(e, 0, sizeof(*e));
	e->key = key;
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

		if (o != e && o->state == ENTRY_CAPTURED &&
		    strcmp(o->ticket, e->ticket) == 0)
			world_broken(w, "two captures for ticket %s", e->ticket);
	}
	e->state = ENTRY_CAPTURED;
	e->captured = amount;
	e->captures++;
	w->res->captures++;
	if (e->captures > 1)
		world_broken(w, "two captures under one key");
}

static void
processor_pay(struct world *w, struct entry *e, struct message *answer)
{
	if (e->state == ENTRY_SEEN) {
		if (world_fault(w, 8))
			e->state = ENTRY_DECLINED;
		else if (world_fault(w, 30))
			capture(w, e, e->amount > 1 ? e->amount / 2 : e->amount);
		else if (world_fault(w, 40))
			capture(w, e, e->amount + 1);
		else
			capture(w, e, e->amount);
		w->res->declined += e->state == ENTRY_DECLINED;
		e->pending = e->state == ENTRY_CAPTURED && world_fault(w, 20);
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
		e->pending = world_fault(w, 2);
	if (e->state == ENTRY_UNDONE)
		answer->outcome = OUTCOME_UNDONE;
	else
		processor_pay(w, e, answer);
}

/* The POS takes the approval, unless it has gone on with another tender. */
static void
pos_confirm(struct world *w, struct entry *e, struct message *answer)
{
	struct ticket *t = ticket_find(w, e != NULL ? e->ticket : "");

	answer->outcome = OUTCOME_NOT_FOUND;
	if (e == NULL || t == NULL)
		return;
	answer->outcome = e->state == ENTRY_UNDONE ? OUTCOME_UNDONE : OUTCOME_UNKNOWN;
	if (e->state != ENTRY_CAPTURED)
		return;
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
	if (e->confirmed)
		world_broken(w, "undo of a payment that the POS has taken");
	answer->outcome = e->state == ENTRY_DECLINED ? OUTCOME_NOT_FOUND : OUTCOME_UNDONE;
	if (e->state == ENTRY_CAPTURED)
		w->res->undone++;
	if (e->state != ENTRY_DECLINED)
		e->state = ENTRY_UNDONE;
}

static bool
line_is_down(const struct world *w)
{
	return !w->quiet && w->now.mono_ms < w->line_down_ms;
}

/* The answer may be lost, late, doubled or a shrug. */
static void
answer_home(struct world *w, const struct message *answer)
{
	struct message copy = *answer;
	int64_t in_ms = world_delay(w, 5, 900);

	if (world_fault(w, 20) || line_is_down(w))
		return;
	if (world_fault(w, 20))
		in_ms = world_delay(w, 1000, 1200000);
	if (world_fault(w, 25))
		copy.outcome = OUTCOME_UNKNOWN;
	if (world_fault(w, 40))
		copy.has_amount = false;
	if (w->opt.bug == SIM_BUG_UNKNOWN_IS_NO && copy.outcome == OUTCOME_UNKNOWN)
		copy.outcome = OUTCOME_DECLINED;
	for (int n = world_fault(w, 15) ? 2 : 1; n > 0; n--) {
		struct message *m = world_post(w, MSG_COMPLETE, in_ms);
		int64_t at = m->at_ms;
		uint64_t order = m->order;

		*m = copy;
		m->kind = MSG_COMPLETE;
		m->at_ms = at;
		m->order = order;
		m->epoch = w->adapter_epoch;
		in_ms += world_delay(w, 0, 60000);
	}
}

static void
at_processor(struct world *w, const struct message *m)
{
	struct entry *e = ledger_find(w, m->key);
	struct message answer = *m;

	answer.has_amount = false;
	if (m->op == LANE_OP_PAY) {
		if (e == NULL) {
			e = ledger_add(w, m->key, m->ticket);
			e->amount = m->amount;
		}
		processor_pay(w, e, &answer);
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

/* ---- the adapter --------------------------------------------------------- */

/* Over the one line to the processor: in order, or lost. */
static void
to_processor(struct world *w, const struct payment *p, enum lane_op op)
{
	int64_t in_ms = world_delay(w, 2, 300);
	struct message *m;

	if (world_fault(w, 60))
		w->line_down_ms = w->now.mono_ms + world_delay(w, 60000, 1500000);
	if (world_fault(w, 30) || line_is_down(w)) {
		world_trace(w, "lost on the line: %s", lane_op_name(op));
		return;
	}
	if (w->now.mono_ms + in_ms <= w->peer_last_ms)
		in_ms = w->peer_last_ms + 1 - w->now.mono_ms;
	m = world_post(w, MSG_PEER, in_ms);
	w->peer_last_ms = m->at_ms;
	m->key = p->key;
	m->op = op;
	m->amount = p->asked_minor;
	memcpy(m->ticket, p->ticket, sizeof(m->ticket));
}

void
adapter_restart(struct world *w)
{
	struct lane_event gone = { .kind = LANE_EV_ADAPTER, .up = false };

	w->adapter_epoch++;
	w->res->adapter_restarts++;
	world_trace(w, "adapter dies");
	(void)world_step(w, &gone); /* nobody to tell when the lane is down too */
	world_post(w, MSG_ADAPTER_UP, world_delay(w, 500, 20000))->epoch = w->lane_epoch;
}

/* The finger came down while this amount was shown; a member's first touch may make it less. */
static void
check_consent(struct world *w, const struct payment *p)
{
	const struct came *k = &w->consent;

	if ((k->phase != PHASE_TOTALLED && k->phase != PHASE_CONFIRMING) ||
	    !ulid_eq(k->checkout, p->checkout) || k->rev != p->rev ||
	    (k->known ? k->due != p->asked_minor : k->due < p->asked_minor))
		world_broken(w, "a finger that came for %lld, %s, pays %lld",
			     (long long)k->due, checkout_phase_name(k->phase),
			     (long long)p->asked_minor);
}

static void
check_pay(struct world *w, const struct lane_effect *fx)
{
	const struct payment *p = fx->pay.payment;
	const struct payment *kept = mem_journal_find(w->journal, p->key);
	char token[LANE_TOKEN_BYTES];

	if (kept == NULL || kept->state != PAYMENT_CREATED)
		world_broken(w, "pay submitted before its key was durable");
	(void)snprintf(token, sizeof(token), "tok_%d", w->accepted);
	if (strcmp(token, fx->pay.token) != 0)
		world_broken(w, "finger %d pays with %s", w->accepted, fx->pay.token);
	if (w->lying)
		world_broken(w, "finger %d pays without a touch", w->accepted);
	bio_checks_payment(w);
	check_consent(w, p);
	for (uint32_t i = 0; i < mem_journal_payments_count(w->journal); i++) {
		const struct payment *o = mem_journal_payment(w->journal, i);

		if (key128_eq(o->key, p->key) || strcmp(o->ticket, p->ticket) != 0)
			continue;
		if (payment_is_open(o->state) || payment_is_paid(o->state))
			world_broken(w, "a second key while the first is %s",
				     payment_state_name(o->state));
	}
}

/* The amount asked is what the prices give, and never less than they allow. */
static void
check_amount(struct world *w, const struct payment *p)
{
	const struct pricing_result *r = lane_core_priced(w->core);

	if (r == NULL || r->total_minor != p->asked_minor)
		world_broken(w, "asked %lld, the price is %lld",
			     (long long)p->asked_minor,
			     (long long)(r != NULL ? r->total_minor : -1));
	else if (r->saving_minor >
		 60 + r->gross_minor / 10 + lane_core_display(w->core)->lines_count)
		world_broken(w, "the saving exceeds the rules");
}

static void
check_durable(struct world *w, const struct payment *p, enum lane_effect_kind kind)
{
	const struct payment *kept = mem_journal_find(w->journal, p->key);

	if (kept == NULL)
		world_broken(w, "%s of a payment that is not durable",
			     lane_effect_name(kind));
	else if (kind == FX_UNDO && kept->state != PAYMENT_UNDO_QUEUED)
		world_broken(w, "undo sent, journal says %s",
			     payment_state_name(kept->state));
	else if (kind == FX_CONFIRM && (!kept->told || !payment_is_paid(kept->state)))
		world_broken(w, "confirm sent, journal says %s",
			     payment_state_name(kept->state));
}

static int
op_adapter(void *ctx, const struct lane_effect *fx)
{
	struct world *w = ctx;
	const struct payment *p = fx->kind == FX_PAY ? fx->pay.payment : fx->payment;

	world_crash_point(w);
	if (w->crashed || fx->kind == FX_OFFER)
		return 0;
	world_trace(w, "submit %s", lane_effect_name(fx->kind));
	if (world_fault(w, 50))
		return -EBUSY;
	if (fx->kind == FX_PAY) {
		struct message *m;

		check_pay(w, fx);
		check_amount(w, p);
		if (w->opt.bug == SIM_BUG_SEND_WITHOUT_ASK)
			to_processor(w, p, LANE_OP_PAY);
		m = world_post(w, MSG_JOURNAL, world_delay(w, 1, 30));
		m->key = p->key;
		m->epoch = w->adapter_epoch;
		return 0;
	}
	check_durable(w, p, fx->kind);
	to_processor(w, p,
		     fx->kind == FX_QUERY     ? LANE_OP_QUERY
		     : fx->kind == FX_CONFIRM ? LANE_OP_CONFIRM
					      : LANE_OP_UNDO);
	return 0;
}

static void
op_journal_answer(void *ctx, const char *req, bool ok)
{
	struct world *w = ctx;
	const struct payment *kept;
	struct key128 key;
	struct message *m;

	world_crash_point(w);
	if (w->crashed || key128_parse(str_of(req), &key) < 0)
		return;
	world_trace(w, "journal answer %d", ok);
	if (ok && world_fault(w, 40)) {
		(void)world_post(w, MSG_ADAPTER_DIES, 0); /* between journal and send */
		return;
	}
	kept = mem_journal_find(w->journal, key);
	if (ok && (kept == NULL || kept->state != PAYMENT_SENDING)) {
		world_broken(w, "the adapter may send, but sending is not durable");
		return;
	}
	if (ok) {
		if (w->opt.bug != SIM_BUG_SEND_WITHOUT_ASK)
			to_processor(w, kept, LANE_OP_PAY);
		return;
	}
	m = world_post(w, MSG_COMPLETE, world_delay(w, 1, 10));
	m->key = key;
	m->op = LANE_OP_PAY;
	m->outcome = OUTCOME_NOT_SENT;
	m->epoch = w->adapter_epoch;
}

static int
op_bio(void *ctx, const struct lane_effect *fx)
{
	struct world *w = ctx;

	world_crash_point(w);
	return w->crashed ? 0 : bio_told(w, fx);
}

static int
op_fresh(void *ctx, const struct timepoint *now, struct lane_fresh *ret)
{
	struct world *w = ctx;
	uint64_t a = world_random(w), b = world_random(w);
	uint8_t random[10];

	memcpy(random, &a, 8);
	memcpy(random + 8, &b, 2);
	ret->checkout = ulid_make(now->wall_ms, random);
	memcpy(ret->key.b, &a, 8);
	memcpy(ret->key.b + 8, &b, 8);
	ret->key.b[0] |= 1;
	return 0;
}

static int
op_resolve(void *ctx, const struct lane_effect *fx, struct lane_event *ev)
{
	struct world *w = ctx;
	int64_t who = -1;

	world_crash_point(w);
	if (w->crashed || world_fault(w, 30))
		return -EIO;
	if (str_to_i64(fx->claim.value, &who) < 0 || who < 0 || who >= MEMBERS)
		return 0;
	world_member(w, (int)who, &w->member_memory);
	ev->found.count = 1;
	ev->found.member = &w->member_memory;
	ev->found.subjects = w->member_memory.subjects;
	ev->found.subjects_count = w->member_memory.subjects_count;
	return 0;
}

static void
op_show(void *ctx, const struct lane_display *d)
{
	world_trace(ctx, "show %s", display_row_name(d->row));
}

static void
op_alarm(void *ctx, const struct lane_audit *a)
{
	struct world *w = ctx;

	w->res->alarms++;
	world_trace(w, "alarm %s", a->text);
}

static void
op_journal_error(void *ctx, int error)
{
	world_trace(ctx, "journal %d", error);
}

const struct effects_ops world_ops = {
	.fresh = op_fresh,
	.bio = op_bio,
	.adapter = op_adapter,
	.journal_answer = op_journal_answer,
	.resolve = op_resolve,
	.show = op_show,
	.alarm = op_alarm,
	.journal_error = op_journal_error,
};

/* ---- the POS and its shoppers -------------------------------------------- */

static struct ticket *
ticket_now(struct world *w)
{
	return &w->tickets[w->tickets_count - 1];
}

static void
send_basket(struct world *w, bool closed)
{
	struct lane_event ev = { .kind = LANE_EV_BASKET };

	if (w->rev == 0)
		return;
	ev.basket.ticket = str_of(ticket_now(w)->name);
	ev.basket.rev = w->rev;
	ev.basket.currency = STR("EUR");
	ev.basket.lines = w->lines;
	ev.basket.lines_count = w->lines_count;
	ev.basket.final = w->act >= POS_WAIT;
	ev.basket.closed = closed;
	(void)world_step(w, &ev); /* an old revision, or the lane is down: sent again */
}

/* What laned-bio says of its readers: a finger on one, dirt, and now and then a fault. */
static void
tell_readers(struct world *w)
{
	struct lane_event ev = { .kind = LANE_EV_READERS };
	struct lane_glass list[GLASSES] = { { .reader = "r0" }, { .reader = "r1" } };
	bool any = false;

	for (uint32_t i = 0; i < GLASSES; i++) {
		list[i].finger = w->fingers[i] && w->opt.bug != SIM_BUG_FINGER_UNTOLD;
		any = any || w->fingers[i];
	}
	ev.readers.health = READERS_OK;
	if (!any && world_fault(w, 10))
		ev.readers.health = (enum readers_health)(world_random(w) % READERS_AWAY);
	ev.readers.list = list;
	ev.readers.count = GLASSES;
	ev.readers.dirty = world_fault(w, 10);
	ev.readers.rests = any && world_fault(w, 10);
	if (!w->bio_up)
		return;           /* hello tells it */
	(void)world_step(w, &ev); /* cannot be refused */
}

static void
put_finger(struct world *w, uint32_t at, bool down)
{
	if (w->fingers[at] == down)
		return;
	w->fingers[at] = down;
	tell_readers(w);
}

/* A finger comes; its image is complete in a moment, or in many, or never (too short). */
static void
touch(struct world *w, int who)
{
	uint32_t at = (uint32_t)(world_random(w) % GLASSES);
	struct message *m;
	bool lying;

	if (!sensor_lit(w) || w->under_way[at])
		return; /* a finger on a glass that does not look */
	sensor_sees(w);
	put_finger(w, at, false); /* the last one has gone by now */
	w->came[++w->probes % CAME_MAX] = (struct came){ .phase = PHASE_IDLE };
	if (!w->down) {
		const struct lane_display *d = lane_core_display(w->core);

		w->came[w->probes % CAME_MAX] =
			(struct came){ d->checkout, d->phase, d->member == MEMBER_KNOWN,
				       d->rev, d->due_minor };
	}
	put_finger(w, at, true);
	if (world_fault(w, 15)) {
		put_finger(w, at, false);
		return;
	}
	lying = world_fault(w, 12);
	w->under_way[at] = true;
	m = world_post(w, MSG_TOUCH,
		       world_fault(w, 3) ? world_delay(w, 600, 7000)
					 : world_delay(w, 130, 600));
	bio_name_probe(w, who, lying, m->probe);
	m->serial = at;
}

/* Its image is complete. It goes before or after that, or rests until the next one comes. */
static void
touched(struct world *w, const struct message *m)
{
	struct lane_event ev = { .kind = LANE_EV_TOUCH };

	w->under_way[m->serial] = false;
	if (world_fault(w, 4))
		put_finger(w, m->serial, false);
	if (!w->bio_up)
		return; /* nobody to tell */
	ev.touch.probe = str_of(m->probe);
	ev.touch.at_start = bio_is_lying(m->probe);
	ev.touch.reader = world_fault(w, 20) ? STR("")
			  : m->serial == 0   ? STR("r0")
					     : STR("r1");
	(void)world_step(w, &ev); /* as above */
	if (!world_fault(w, 3))
		put_finger(w, m->serial, false);
}

static void
claim(struct world *w, int who)
{
	struct lane_event ev = { .kind = LANE_EV_CLAIM };
	char value[16];

	sensor_claimed(w, who);
	(void)snprintf(value, sizeof(value), "%d", who);
	ev.claim.kind = world_random(w) % 2 ? CLAIM_CARD : CLAIM_DIGITS;
	ev.claim.value = str_of(value);
	(void)world_step(w, &ev); /* as above */
}

static void
add_line(struct world *w)
{
	struct basket_line *l = &w->lines[w->lines_count++];

	memset(l, 0, sizeof(*l));
	l->line = w->lines_count;
	(void)snprintf(l->code, sizeof(l->code), "40000%u",
		       (unsigned)(world_random(w) % 20));
	l->qty_milli = 1000;
	l->unit_price_minor = world_delay(w, 10, 900);
	l->amount_minor = l->unit_price_minor;
	w->rev++;
}

void
pos_begin(struct world *w)
{
	struct ticket *t = &w->tickets[w->tickets_count++];

	(void)snprintf(t->name, sizeof(t->name), "T%u", w->tickets_count);
	t->end = TICKET_OPEN;
	t->claims = w->check_ins;
	w->check_ins = 0;
	w->act = POS_CHECK_IN;
	w->rev = w->lines_count = w->waits = 0;
	w->lines_wanted = 1 + (uint32_t)(world_random(w) % 6);
	w->shopper = (int)(world_random(w) % (MEMBERS + 1)) - 1;
	w->res->checkouts++;
	(void)world_post(w, MSG_POS, world_delay(w, 100, 20000));
}

/* Whose finger: the shopper's own, seldom somebody else's. */
static void
maybe_touch(struct world *w, uint32_t one_in)
{
	if (world_random(w) % one_in != 0)
		return;
	if (w->claim_first && w->shopper >= 0 && world_random(w) % 3 == 0) {
		claim(w, w->shopper);
		return;
	}
	if (world_fault(w, 8))
		touch(w, (int)(world_random(w) % (MEMBERS + 1)) - 1);
	else if (world_fault(w, 4) && w->shopper >= 0)
		claim(w, w->shopper);
	else
		touch(w, w->shopper);
}

static void
end_ticket(struct world *w, enum ticket_end end)
{
	struct ticket *t = ticket_now(w);
	struct lane_event ev = { .kind = LANE_EV_OTHER_TENDER };

	t->end = end;
	world_trace(w, "POS ends %s: %d", t->name, end);
	if (end == TICKET_VOID) {
		ev.kind = LANE_EV_CANCEL;
		ev.ticket = str_of(t->name);
		(void)world_step(w, &ev); /* down: the next ticket tells it */
	} else if (end == TICKET_OTHER && world_random(w) % 2) {
		(void)world_step(w, &ev); /* as above */
	}
	w->rev++;
	w->act = POS_NEXT;
	if (end != TICKET_VOID && world_random(w) % 2)
		send_basket(w, true);
}

static void
pos_wait(struct world *w)
{
	enum lane_event_kind none = LANE_EV_REMOVE_MEMBER;
	struct lane_event ev = { .kind = none };

	if (ticket_now(w)->end == TICKET_TOKEN) {
		end_ticket(w, TICKET_TOKEN);
		return;
	}
	send_basket(w, false); /* a folder keeps it: harmless when it is known */
	w->waits++;
	if (w->waits > 14 || world_random(w) % 16 == 0)
		end_ticket(w, TICKET_OTHER);
	else if (world_fault(w, 25))
		end_ticket(w, TICKET_VOID);
	else if (world_fault(w, 20) && w->lines_count < 30) {
		add_line(w);
		send_basket(w, false);
	} else if (world_fault(w, 40))
		(void)world_step(w, &ev); /* nobody to remove: fine */
	else
		maybe_touch(w, 2);
}

static void
pos_act(struct world *w)
{
	if (world_fault(w, 60))
		adapter_restart(w);
	switch (w->act) {
	case POS_CHECK_IN:
		maybe_touch(w, 2);
		w->act = POS_ITEM;
		break;
	case POS_ITEM:
		add_line(w);
		send_basket(w, false);
		maybe_touch(w, 4);
		if (w->lines_count >= w->lines_wanted)
			w->act = POS_TOTAL;
		break;
	case POS_TOTAL:
		w->rev++;
		w->act = POS_WAIT;
		send_basket(w, false);
		break;
	case POS_WAIT:
		pos_wait(w);
		break;
	case POS_NEXT:
		if (w->tickets_count < w->opt.checkouts) {
			pos_begin(w);
			return;
		}
		w->quiet = true; /* everything heals: all must be settled now */
		return;
	}
	/* Seldom everybody waits for the bank for a long time. */
	(void)world_post(w, MSG_POS,
			 w->act == POS_WAIT && world_fault(w, 12)
				 ? world_delay(w, 60000, 1500000)
				 : world_delay(w, 300, 6000));
}

/* ---- messages that arrive ------------------------------------------------ */

static void
from_adapter(struct world *w, const struct message *m)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };
	char req[KEY128_TEXT_BYTES];

	if (m->epoch != w->adapter_epoch || w->down)
		return; /* the process that would tell, or be told, is gone */
	if (m->kind == MSG_JOURNAL) {
		ev.kind = LANE_EV_JOURNAL_WANTED;
		key128_text(req, m->key);
		ev.journal.key = m->key;
		ev.journal.req = str_of(req);
		ev.journal.blob = (const uint8_t *)"ref";
		ev.journal.blob_bytes = 3;
	} else {
		ev.completion.key = m->key;
		ev.completion.op = m->op;
		ev.completion.outcome = m->outcome;
		ev.completion.has_amount = m->has_amount;
		ev.completion.amount_minor = m->amount;
		w->res->unknowns += m->outcome == OUTCOME_UNKNOWN;
		world_trace(w, "complete %s %s", lane_op_name(m->op),
			    lane_outcome_name(m->outcome));
	}
	(void)world_step(w, &ev); /* a repeat is harmless */
	/* What laned could not store, its adapter keeps and tells again. */
	if (m->kind == MSG_COMPLETE && !w->down && !effects_stored(w->effects)) {
		struct message again = *m;
		struct message *to = world_post(w, MSG_COMPLETE, 1000);

		again.at_ms = to->at_ms;
		again.order = to->order;
		*to = again;
	}
}

void
peers_message(struct world *w, const struct message *m)
{
	struct lane_event ev = { .kind = LANE_EV_ADAPTER, .up = true };

	if (m->kind == MSG_PEER) {
		at_processor(w, m);
	} else if (m->kind == MSG_POS) {
		pos_act(w);
	} else if (m->kind == MSG_COMPLETE || m->kind == MSG_JOURNAL) {
		from_adapter(w, m);
	} else if (m->kind == MSG_TOUCH) {
		touched(w, m);
	} else if (m->kind == MSG_SENSOR) {
		sensor_answers(w, m);
	} else if (m->kind == MSG_ADAPTER_DIES) {
		adapter_restart(w);
	} else if (m->kind == MSG_POS_UNDO) {
		ev.kind = LANE_EV_POS_UNDO;
		ev.key = m->key;
		(void)world_step(w, &ev); /* a lost one comes with the next confirm */
	} else if (m->kind == MSG_ADAPTER_UP || m->kind == MSG_BIO_UP) {
		if (m->kind == MSG_BIO_UP)
			ev.kind = LANE_EV_BIO;
		if (m->epoch != w->lane_epoch)
			return;
		(void)world_step(w, &ev); /* cannot be refused */
		if (m->kind == MSG_BIO_UP) {
			w->bio_up = !w->down;
			tell_readers(w);
		}
	} else {
		bio_answers(w, m);
	}
}

/* ---- the reckoning ------------------------------------------------------- */

static void
settle_entry(struct world *w, const struct entry *e)
{
	const struct payment *p = mem_journal_find(w->journal, e->key);
	bool captured = e->state == ENTRY_CAPTURED;

	if (p == NULL)
		world_broken(w, "the journal knows nothing of a payment of %s",
			     e->ticket);
	else if (payment_is_open(p->state))
		world_broken(w, "a payment of %s rests in %s", e->ticket,
			     payment_state_name(p->state));
	else if (captured != (p->state == PAYMENT_CONFIRMED) &&
		 p->state != PAYMENT_UNDO_FAILED)
		world_broken(w, "%s: processor %s, journal %s", e->ticket,
			     captured ? "captured" : "not captured",
			     payment_state_name(p->state));
	else if (captured && e->captured > e->amount)
		world_broken(w, "%s: captured %lld, asked %lld", e->ticket,
			     (long long)e->captured, (long long)e->amount);
	else if (captured && !e->confirmed)
		world_broken(w, "%s is captured, and the POS never took it", e->ticket);
}

static void
settle_ticket(struct world *w, const struct ticket *t)
{
	uint32_t captured = 0;

	for (uint32_t i = 0; i < w->ledger_count; i++) {
		const struct entry *e = &w->ledger[i];

		if (e->state == ENTRY_CAPTURED && strcmp(e->ticket, t->name) == 0 &&
		    (e->captured >= e->amount))
			captured++;
	}
	if (captured != (t->end == TICKET_TOKEN))
		world_broken(w, "ticket %s ended as %d with %u captures", t->name, t->end,
			     captured);
	w->res->paid_token += t->end == TICKET_TOKEN;
	w->res->paid_other += t->end == TICKET_OTHER;
	w->res->cancelled += t->end == TICKET_VOID;
}

/* A limited offer is used as often as it may be, over all checkouts and crashes. */
static void
settle_limits(struct world *w)
{
	for (int who = 0; who < (int)MEMBERS; who++) {
		struct lane_member m;

		world_member(w, who, &m);
		for (uint32_t i = 0; i < m.uses_count; i++) {
			if (strcmp(m.uses[i].rule, "twice") == 0 &&
			    m.uses[i].member_used > 2)
				world_broken(w, "member %d used an offer %lld times", who,
					     (long long)m.uses[i].member_used);
		}
	}
	for (uint32_t i = 0; i < mem_journal_checkouts_count(w->journal); i++) {
		if (mem_journal_checkout(w->journal, i)->reserved_count > 0)
			world_broken(w, "an ended checkout still reserves offers");
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

		if (payment_is_open(p->state))
			world_broken(w, "a payment of %s rests in %s", p->ticket,
				     payment_state_name(p->state));
	}
	if (w->res->failed_commits == 0) /* a full disk and a crash may lose a count */
		settle_limits(w);
	for (uint32_t i = 0; i < mem_journal_checkouts_count(w->journal); i++) {
		enum checkout_phase phase = mem_journal_checkout(w->journal, i)->phase;

		if (phase != PHASE_DONE && phase != PHASE_CANCELLED)
			world_broken(w, "a checkout rests in %s",
				     checkout_phase_name(phase));
	}
}
