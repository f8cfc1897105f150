#include "sim/drop.h"
#include "sim/laned.h"
#include "sim/relay.h"
#include "sim/lost.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const limited_rules[LIMITED] = { "twice", "daily", "first-two" };

/* ---- the adapter --------------------------------------------------------- */

/* Over the one line to the processor: in order, or lost. */
static void
to_processor(struct world *w, const struct payment *p, enum lane_op op)
{
	int64_t in_ms = world_delay(w, 2, 300);
	struct message *m;

	if (world_fault(w, SIM_FAULT_LINE_DOWN, 60))
		w->line_down_ms = w->now.mono_ms + world_delay(w, 60000, 1500000);
	if (world_fault(w, SIM_FAULT_DROPPED, 30) || line_is_down(w)) {
		world_trace(w, "lost on the line: %s", lane_op_name(op));
		return;
	}
	if (w->now.mono_ms + in_ms <= w->peer_last_ms)
		in_ms = w->peer_last_ms + 1 - w->now.mono_ms;
	for (int n = world_fault(w, SIM_FAULT_DOUBLED, 60) ? 2 : 1; n > 0; n--) {
		m = world_post(w, MSG_PEER, in_ms++);
		w->peer_last_ms = m->at_ms;
		m->key = p->key;
		m->op = op;
		m->amount = p->asked_minor;
		m->rev = p->rev;
		m->original = p->original;
		memcpy(m->ticket, p->ticket, sizeof(m->ticket));
	}
}

static enum lane_op
op_of_payment(const struct payment *p)
{
	return p->kind == PAYMENT_REFUND ? LANE_OP_REFUND : LANE_OP_PAY;
}

void
adapter_restart(struct world *w)
{
	struct lane_event gone = { .kind = LANE_EV_ADAPTER, .up = false };

	if (w->drop != NULL) {
		drop_die(w->drop);
		return;
	}
	w->adapter_epoch++;
	w->res->adapter_restarts++;
	world_trace(w, "adapter dies");
	if (w->laned != NULL)
		laned_payer(w->laned, false);
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
		world_broken(w, INV_WHO "a finger that came for %lld, %s, pays %lld",
			     (long long)k->due, checkout_phase_name(k->phase),
			     (long long)p->asked_minor);
}

/* The POS may ask after the shopper has touched, or before: it is the last finger accepted here. */
static void
check_agreed(struct world *w, const struct lane_effect *fx)
{
	const struct payment *p = fx->pay.payment;
	char token[LANE_TOKEN_BYTES];

	(void)snprintf(token, sizeof(token), "tok_%d", w->agreed.who);
	if (w->agreed.who < 0 || !ulid_eq(w->agreed.checkout, p->checkout) ||
	    strcmp(token, fx->pay.token) != 0)
		world_broken(w, INV_WHO "%s pays, member %d has agreed", fx->pay.token,
			     w->agreed.who);
}

static void
check_pay(struct world *w, const struct lane_effect *fx)
{
	const struct payment *p = fx->pay.payment;
	const struct payment *kept = mem_journal_find(w->journal, p->key);
	char token[LANE_TOKEN_BYTES];

	if (kept == NULL || kept->state != PAYMENT_CREATED)
		world_broken(w, INV_DURABLE "pay submitted before its key was durable");
	if (w->terminal) {
		check_agreed(w, fx);
		return;
	}
	(void)snprintf(token, sizeof(token), "tok_%d", w->accepted);
	if (strcmp(token, fx->pay.token) != 0)
		world_broken(w, INV_WHO "finger %d pays with %s", w->accepted,
			     fx->pay.token);
	if (w->lying)
		world_broken(w, INV_WHO "finger %d pays without a touch", w->accepted);
	bio_checks_payment(w);
	check_consent(w, p);
	for (uint32_t i = 0; i < mem_journal_payments_count(w->journal); i++) {
		const struct payment *o = mem_journal_payment(w->journal, i);

		const struct entry *e = ledger_find(w, o->key);

		if (o->kind != PAYMENT_PAY || key128_eq(o->key, p->key) ||
		    strcmp(o->ticket, p->ticket) != 0 ||
		    (e != NULL && e->day != w->now.business_day))
			continue;
		/* After a part of it, the rest may be asked for. */
		if (payment_is_open(o->state) ||
		    (payment_is_paid(o->state) && o->answered_minor >= o->asked_minor))
			world_broken(w, INV_ONCE "a second key while the first is %s",
				     payment_state_name(o->state));
	}
}

/* The checkout of a payment as the journal has it. */
static const struct checkout_record *
kept_checkout(const struct world *w, const struct payment *p)
{
	for (uint32_t i = 0; i < mem_journal_checkouts_count(w->journal); i++) {
		const struct checkout_record *r = mem_journal_checkout(w->journal, i);

		if (ulid_eq(r->checkout, p->checkout))
			return r;
	}
	return NULL;
}

/*
 * The amount asked is what the prices gave, stored before it is asked for, line by line; and never
 * less than the rules allow.
 */
static void
check_amount(struct world *w, const struct payment *p)
{
	const struct pricing_result *r = lane_core_priced(w->core);
	const struct checkout_record *k = kept_checkout(w, p);
	int64_t sum = 0;

	for (uint32_t i = 0; k != NULL && i < k->lines_count; i++)
		sum += k->lines[i].net_minor;
	if (k == NULL || k->total_minor - k->paid_minor != p->asked_minor ||
	    (k->lines_count > 0 && sum != k->total_minor))
		world_broken(
			w, INV_TOTAL "asked %lld, the journal has %lld, its lines %lld",
			(long long)p->asked_minor,
			(long long)(k != NULL ? k->total_minor : -1), (long long)sum);
	else if (r != NULL && r->total_minor - k->paid_minor != p->asked_minor)
		world_broken(w, INV_TOTAL "asked %lld, the price is %lld",
			     (long long)p->asked_minor, (long long)r->total_minor);
	else if (k->lines_count > 0 &&
		 k->gross_minor - sum > 67 + k->gross_minor / 10 + k->lines_count)
		world_broken(w, INV_TOTAL "the saving exceeds the rules");
}

static void
check_durable(struct world *w, const struct payment *p, enum lane_effect_kind kind)
{
	const struct payment *kept = mem_journal_find(w->journal, p->key);

	if (kept == NULL)
		world_broken(w, INV_DURABLE "%s of a payment that is not durable",
			     lane_effect_name(kind));
	else if (kind == FX_UNDO && kept->state != PAYMENT_UNDO_QUEUED)
		world_broken(w, INV_DURABLE "undo sent, journal says %s",
			     payment_state_name(kept->state));
	else if (kind == FX_CONFIRM && (!kept->told || !payment_is_paid(kept->state)))
		world_broken(w, INV_DURABLE "confirm sent, journal says %s",
			     payment_state_name(kept->state));
}

/* As the till would read it from a file. */
static void
till_sees_effect(struct world *w, const struct lane_effect *fx)
{
	int64_t off = 0;

	for (uint32_t i = 0; i < fx->offer.discounts_count; i++)
		off += fx->offer.discounts[i].amount_minor;
	till_reads_offer(w, fx->offer.ticket, fx->offer.rev, fx->offer.total_minor, off);
}

/* The POS sells at the last offer that it got. */
static void
pos_offered(struct world *w, const struct lane_effect *fx)
{
	struct ticket *t = ticket_find(w, fx->offer.ticket);
	int64_t number = 0;

	if (t == NULL || t->end != TICKET_OPEN)
		return;
	t->limited.rules = 0;
	t->limited.whose = str_to_i64(str_of(fx->offer.member_no), &number) == 0
				   ? (int)number - 1000
				   : -1;
	t->limited.day = lane_core_display(w->core)->business_day;
	for (uint32_t i = 0; i < fx->offer.discounts_count; i++) {
		for (uint32_t r = 0; r < LIMITED; r++)
			if (str_is(fx->offer.discounts[i].rule, limited_rules[r]))
				t->limited.rules |= 1u << r;
	}
	if (w->drop == NULL)
		till_sees_effect(w, fx);
	world_trace(w, "offer for %s: %lld, limited %x of %d", t->name,
		    (long long)fx->offer.total_minor, t->limited.rules, t->limited.whose);
}

static int
op_adapter(void *ctx, const struct lane_effect *fx)
{
	struct world *w = ctx;
	const struct payment *p = fx->kind == FX_PAY || fx->kind == FX_REFUND
					  ? fx->pay.payment
					  : fx->payment;

	world_crash_point(w);
	if (w->crashed)
		return 0;
	if (fx->kind == FX_OFFER) {
		pos_offered(w, fx);
		if (w->laned != NULL && w->relay == NULL)
			return laned_adapter(w->laned, fx);
		return w->drop != NULL ? drop_submit(w->drop, fx) : 0;
	}
	if (fx->kind == FX_ANSWER)
		return terminal_told(w, fx);
	world_trace(w, "submit %s", lane_effect_name(fx->kind));
	if (world_fault(w, SIM_FAULT_REFUSED, 50))
		return -EBUSY;
	if (fx->kind == FX_PAY) {
		check_pay(w, fx);
		check_amount(w, p);
	} else {
		check_durable(w, p, fx->kind);
	}
	if (w->laned != NULL && w->relay == NULL)
		return laned_adapter(w->laned, fx);
	if (w->drop != NULL)
		return drop_submit(w->drop, fx);
	if (fx->kind == FX_PAY || fx->kind == FX_REFUND) {
		struct message *m;

		if (w->opt.bug == SIM_BUG_SEND_WITHOUT_ASK)
			to_processor(w, p, op_of_payment(p));
		m = world_post(w, MSG_JOURNAL, world_delay(w, 1, 30));
		m->key = p->key;
		m->epoch = w->adapter_epoch;
		return 0;
	}
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
	bool over; /* the socket */

	world_crash_point(w);
	if (w->crashed)
		return;
	over = w->laned != NULL && laned_is_asked(w->laned);
	if (over)
		key = w->journal_asked;
	else if (key128_parse(str_of(req), &key) < 0)
		return;
	world_trace(w, "journal answer %d", ok);
	if (w->drop == NULL && ok && world_fault(w, SIM_FAULT_ADAPTER_DIES, 40)) {
		(void)world_post(w, MSG_ADAPTER_DIES, 0); /* between journal and send */
		return;
	}
	kept = mem_journal_find(w->journal, key);
	if (w->terminal && kept != NULL && kept->state != PAYMENT_SENDING &&
	    kept->state != PAYMENT_CREATED) {
		if (ok && kept->state != PAYMENT_ANSWER_SENDING &&
		    kept->state != PAYMENT_CONFIRMED)
			world_broken(w,
				     INV_DURABLE "the POS may be told, journal says %s",
				     payment_state_name(kept->state));
		w->pos_said = ok;
		if (over)
			laned_journal_answer(w->laned, req, ok);
		return;
	}
	if (ok && (kept == NULL || kept->state != PAYMENT_SENDING)) {
		world_broken(w, INV_DURABLE
			     "the adapter may send, but sending is not durable");
		return;
	}
	if (over) {
		laned_journal_answer(w->laned, req, ok);
		return;
	}
	if (w->drop != NULL) {
		drop_journal_said(w->drop, ok);
		return;
	}
	if (ok) {
		if (w->opt.bug != SIM_BUG_SEND_WITHOUT_ASK)
			to_processor(w, kept, op_of_payment(kept));
		return;
	}
	m = world_post(w, MSG_COMPLETE, world_delay(w, 1, 10));
	m->key = key;
	m->op = kept != NULL ? op_of_payment(kept) : LANE_OP_PAY;
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
	if (w->crashed || world_fault(w, SIM_FAULT_CACHE, 30))
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

/* "Declined" and "nothing charged" are said of what is certain. */
static void
check_shown(struct world *w, const struct lane_display *d)
{
	struct ticket *t = ticket_find(w, d->ticket);

	/* The lane waited half an hour: it holds no offer for the ticket any more. */
	if (t != NULL && t->end == TICKET_OPEN && d->phase == PHASE_CANCELLED)
		t->limited.rules = 0;
	if (d->row != ROW_DECLINED && d->row != ROW_CANCELLED)
		return;
	for (uint32_t i = 0; i < w->ledger_count; i++) {
		const struct entry *e = &w->ledger[i];
		const struct payment *p = mem_journal_find(w->journal, e->key);

		/* A part that the POS has taken is another payment of this checkout. */
		if (e->state == ENTRY_CAPTURED && !e->confirmed && !e->is_refund &&
		    p != NULL && !lost_has_key(w->lost, e->key) &&
		    ulid_eq(p->checkout, d->checkout))
			world_broken(w, INV_DECLINED "%s is shown, and %s is captured",
				     display_row_name(d->row), e->ticket);
	}
}

static void
op_show(void *ctx, const struct lane_display *d)
{
	world_trace(ctx, "show %s", display_row_name(d->row));
	check_shown(ctx, d);
}

static void
op_tender_reply(void *ctx, const struct lane_effect *fx, bool ok)
{
	struct world *w = ctx;

	world_crash_point(w);
	terminal_replied(w, fx, ok);
}

static void
op_alarm(void *ctx, const struct lane_audit *a)
{
	struct world *w = ctx;

	w->res->alarms++;
	if (w->alarmed == NULL)
		w->alarmed = lost_new();
	lost_add_key(w->alarmed, a->key);
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
	.tender_reply = op_tender_reply,
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
	if (w->drop != NULL)
		drop_write_basket(w->drop, &ev.basket);
	else if (w->relay != NULL)
		relay_basket(w, &ev.basket);
	else
		(void)world_step(w,
				 &ev); /* an old revision, or the lane is down: again */
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
	if (!any && world_fault(w, SIM_FAULT_READER, 10))
		ev.readers.health = (enum readers_health)(world_random(w) % READERS_AWAY);
	ev.readers.list = list;
	ev.readers.count = GLASSES;
	ev.readers.dirty = world_chance(w, 10);
	ev.readers.rests = any && world_chance(w, 10);
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
	if (world_chance(w, 15)) {
		put_finger(w, at, false);
		return;
	}
	lying = world_chance(w, 12);
	w->under_way[at] = true;
	m = world_post(w, MSG_TOUCH,
		       world_chance(w, 3) ? world_delay(w, 600, 7000)
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
	if (world_chance(w, 4))
		put_finger(w, m->serial, false);
	if (!w->bio_up)
		return; /* nobody to tell */
	ev.touch.probe = str_of(m->probe);
	ev.touch.at_start = bio_is_lying(m->probe);
	ev.touch.reader = world_chance(w, 20) ? STR("")
			  : m->serial == 0    ? STR("r0")
					      : STR("r1");
	(void)world_step(w, &ev); /* as above */
	if (!world_chance(w, 3))
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
	if (w->drop != NULL)
		drop_write_claim(w->drop, ticket_now(w)->name, ev.claim.kind, value);
	else
		(void)world_step(w, &ev); /* as above */
}

/* An offer for the one before is nothing any more. */
static void
next_revision(struct world *w)
{
	w->rev++;
	ticket_now(w)->offered = false;
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
	l->unit_price_minor = world_delay(w, 10, 500);
	l->amount_minor = l->unit_price_minor;
	next_revision(w);
}

/* Twenty shoppers' baskets; half of them have at most twelve lines. */
#define BASKET_SIZES 20u
static const uint32_t basket_sizes[BASKET_SIZES] = { 1,  2,  3,  4,  5,  6,  8,
						     9,  11, 12, 12, 13, 14, 16,
						     18, 20, 23, 27, 33, 44 };

void
pos_begin(struct world *w)
{
	struct ticket *t = &w->tickets[w->tickets_count++];

	w->hit = false;
	(void)snprintf(t->name, sizeof(t->name), "T%u", w->tickets_count);
	t->end = TICKET_OPEN;
	t->claims = w->check_ins;
	w->check_ins = 0;
	w->act = POS_CHECK_IN;
	w->rev = w->lines_count = w->waits = 0;
	w->lines_wanted = basket_sizes[world_random(w) % BASKET_SIZES];
	w->every =
		1u << world_random(w) % 5; /* lines: so seldom this till tells of them */
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
	if (world_chance(w, 8))
		touch(w, (int)(world_random(w) % (MEMBERS + 1)) - 1);
	else if (world_chance(w, 4) && w->shopper >= 0)
		claim(w, w->shopper);
	else
		touch(w, w->shopper);
}

/* The lane knows that the POS has ended it with its own tenders. */
static bool
has_heard_end(const struct world *w, const struct ticket *t)
{
	const struct lane_display *d = w->down ? NULL : lane_core_display(w->core);

	return d != NULL && strcmp(d->ticket, t->name) == 0 && d->phase == PHASE_DONE &&
	       (d->member == MEMBER_KNOWN) == (t->limited.whose >= 0);
}

static void
end_ticket(struct world *w, enum ticket_end end)
{
	struct ticket *t = ticket_now(w);
	struct lane_event ev = { .kind = LANE_EV_OTHER_TENDER };

	if (w->terminal && end != TICKET_TOKEN)
		terminal_give_up(w);
	t->end = end;
	w->res->lines += w->lines_count;
	w->res->without += w->journal_gone;
	world_trace(w, "POS ends %s: %d", t->name, end);
	if (end == TICKET_VOID) {
		ev.kind = LANE_EV_CANCEL;
		ev.ticket = str_of(t->name);
		if (w->drop != NULL)
			drop_write_cancel(w->drop, t->name);
		else
			(void)world_step(w, &ev); /* down: the next ticket tells it */
	} else if (end == TICKET_OTHER && world_random(w) % 2) {
		(void)world_step(w, &ev); /* as above */
	}
	w->rev++;
	w->act = POS_NEXT;
	if (end != TICKET_VOID && world_random(w) % 2)
		send_basket(w, true);
	/* Ended without a word, the next customer's claim may yet change whose it was. */
	if (end != TICKET_TOKEN && (!has_heard_end(w, t) || w->journal_gone))
		t->limited.rules = 0;
}

/* Who touches now is another's first touch again, also with a finger that is down already. */
static void
forget_member(struct world *w)
{
	for (uint32_t i = 0; i < CAME_MAX; i++)
		w->came[i].known = false;
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
	if (world_random(w) % 4 == 0)
		send_basket(w, false); /* again: harmless when it is known */
	w->waits++;
	if (w->terminal && w->waits <= 14 && terminal_waits(w, ticket_now(w)))
		return;
	if (w->waits > 14 || world_random(w) % 40 == 0)
		end_ticket(w, TICKET_OTHER);
	else if (world_chance(w, 60))
		end_ticket(w, TICKET_VOID);
	else if (world_chance(w, 20) && w->lines_count < WORLD_LINES_MAX) {
		add_line(w);
		send_basket(w, false);
	} else if (world_chance(w, 40)) {
		if (world_step(w, &ev) == 0) /* else nobody to remove: fine */
			forget_member(w);
	} else {
		maybe_touch(w, 2);
	}
}

/* The till's program, or the processor, starts again: its ledger is whole, what was under way is not. */
static void
peer_restarts(struct world *w)
{
	uint32_t kept = 0;

	world_trace(w, "the till starts again");
	if (w->relay != NULL && world_random(w) % 2 == 0) {
		relay_peers_restart(w);
		return;
	}
	for (uint32_t i = 0; i < w->messages_count; i++) {
		enum message_kind kind = w->messages[i].kind;

		if (kind == MSG_PEER || kind == MSG_TILL_WRITES ||
		    (kind == MSG_COMPLETE && w->drop == NULL))
			continue;
		w->messages[kept] = w->messages[i];
		w->due[kept++] = w->due[i];
	}
	w->messages_count = kept;
	w->line_down_ms = w->now.mono_ms + world_delay(w, 1000, 20000);
}

/* What happens to the machines meanwhile, whatever the POS does. */
static void
weather(struct world *w)
{
	if (world_fault(w, SIM_FAULT_ADAPTER_DIES, 60)) {
		if (w->terminal && world_random(w) % 2 == 0)
			terminal_die(w);
		else
			adapter_restart(w);
	}
	if (world_fault(w, SIM_FAULT_RULES, 25))
		world_swap_rules(w);
	if (world_fault(w, SIM_FAULT_RELOAD, 60))
		world_reload(w);
	if (world_fault(w, SIM_FAULT_PEER_DIES, 80))
		peer_restarts(w);
	if (world_fault(w, SIM_FAULT_CLOCK, 80))
		world_clock_jumps(w);
	if (world_fault(w, SIM_FAULT_POWER, 120))
		world_power_loss(w);
}

static void
pos_act(struct world *w)
{
	weather(w);
	switch (w->act) {
	case POS_CHECK_IN:
		if (world_chance(w, 6))
			refunds_return_goods(w);
		maybe_touch(w, 2);
		w->act = POS_ITEM;
		break;
	case POS_ITEM:
		add_line(w);
		if (w->lines_count % w->every == 0)
			send_basket(w, false);
		maybe_touch(w, 12);
		if (w->lines_count >= w->lines_wanted)
			w->act = POS_TOTAL;
		break;
	case POS_TOTAL:
		next_revision(w);
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
			 w->act == POS_WAIT && world_fault(w, SIM_FAULT_PEER_SLOW, 12)
				 ? world_delay(w, 60000, 1500000)
				 : world_delay(w, 300, 6000));
}

/* ---- messages that arrive ------------------------------------------------ */

static void
from_adapter(struct world *w, const struct message *m)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };
	char req[KEY128_TEXT_BYTES];
	uint32_t alarms;
	int rc;

	if (m->epoch != w->adapter_epoch || w->down)
		return; /* the process that would tell, or be told, is gone */
	if (m->kind == MSG_JOURNAL) {
		ev.kind = LANE_EV_JOURNAL_WANTED;
		key128_text(req, m->key);
		ev.journal.key = m->key;
		ev.journal.req = str_of(req);
		ev.journal.from = w->relay != NULL ? STR("payer") : STR("");
		ev.journal.blob = (const uint8_t *)"ref";
		ev.journal.blob_bytes = 3;
	} else {
		ev.completion.key = m->key;
		ev.completion.op = m->op;
		ev.completion.outcome = m->outcome;
		ev.completion.has_amount = m->has_amount;
		ev.completion.amount_minor = m->amount;
		ev.completion.offer = m->offer;
		ev.completion.from = w->relay != NULL ? STR("payer") : STR("");
		w->res->unknowns += m->outcome == OUTCOME_UNKNOWN;
		world_trace(w, "complete %s %s", lane_op_name(m->op),
			    lane_outcome_name(m->outcome));
	}
	alarms = w->res->alarms;
	rc = world_step(w, &ev);
	/* Nobody knows of it but the payer: that is told, and not passed over. */
	if (rc == -ENOENT && !w->down && effects_stored(w->effects) &&
	    ev.kind == LANE_EV_COMPLETION && m->op != LANE_OP_OFFER &&
	    (m->outcome == OUTCOME_APPROVED || m->outcome == OUTCOME_CONFIRMED) &&
	    mem_journal_find(w->journal, m->key) == NULL && alarms == w->res->alarms)
		world_broken(w, INV_DOUBT "an approval of a forgotten key is ignored");
	if (w->drop != NULL) {
		if (!w->down)
			drop_taken(w->drop, m, rc, effects_stored(w->effects));
		return;
	}
	/* What laned could not store, its adapter keeps and tells again. */
	if (m->kind == MSG_COMPLETE && !w->down && !effects_stored(w->effects)) {
		struct message again = *m;
		struct message *to = world_post(w, MSG_COMPLETE, 1000);

		again.at_ms = to->at_ms;
		again.order = to->order;
		*to = again;
	}
}

/* What the drop adapter and its till have under way. */
static bool
is_drop_message(enum message_kind kind)
{
	return kind == MSG_POS_BASKET || kind == MSG_POS_CLAIM ||
	       kind == MSG_POS_CANCEL || kind == MSG_REFUSED || kind == MSG_SUBMIT ||
	       kind == MSG_OVERDUE;
}

void
peers_message(struct world *w, const struct message *m)
{
	struct lane_event ev = { .kind = LANE_EV_ADAPTER, .up = true };

	if (m->kind >= MSG_TERM_UP && m->kind <= MSG_TERM_TELL) {
		terminal_message(w, m);
	} else if (m->kind >= MSG_RELAY_STARTS && m->kind <= MSG_RELAY_POS) {
		relay_message(w, m);
	} else if (is_drop_message(m->kind)) {
		drop_message(w->drop, m);
	} else if (m->kind == MSG_TILL_LOOK || m->kind == MSG_TILL_WRITES) {
		drop_till(w->drop, m);
	} else if (m->kind == MSG_DROP_STARTS) {
		drop_starts(w->drop);
	} else if (m->kind == MSG_PEER) {
		till_asked(w, m);
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
		if (w->drop != NULL && m->kind == MSG_ADAPTER_UP) {
			drop_hello(w->drop);
			return;
		}
		if (w->laned != NULL && m->kind == MSG_ADAPTER_UP)
			laned_payer(w->laned, true);
		(void)world_step(w, &ev); /* cannot be refused */
		if (m->kind == MSG_BIO_UP) {
			w->bio_up = !w->down;
			tell_readers(w);
		}
	} else {
		bio_answers(w, m);
	}
}
