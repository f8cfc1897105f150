/*
 * The POS before the adapter: it tells of baskets, asks a terminal for money, and never knows whether a
 * member pays or a card. What it was not told it asks for again; what it has taken or left it says until
 * laned has heard it.
 */
#include "sim/lost.h"
#include "sim/relay_private.h"

#include "base/plain/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAITS_MS 90000   /* so long for a request for money */
#define ANSWER_MS 200000 /* and for anything else */
#define CALM_MS 100000   /* so long after a fault nothing of it is left */
#define BODY_MAX 8192u

/* ---- its lines --------------------------------------------------------------------------- */

static struct far *
line_now(struct relay_side *r)
{
	return r->now < FARS_MAX ? &r->fars[r->now] : NULL;
}

bool
relay_is_idle(const struct far *f)
{
	for (uint32_t i = 0; i < f->asked_count; i++)
		if (!f->asked[i].answered)
			return false;
	return !f->waits_ack;
}

static bool
is_serial(const struct relay_side *r)
{
	return r->framing == FRAMING_ZVT_SERIAL;
}

bool
relay_is_zvt(const struct relay_side *r)
{
	return r->framing == FRAMING_ZVT || is_serial(r);
}

/* Nobody can hang up a cable: what is asked there is forgotten. */
static void
hang_up(struct relay_side *r, struct far *f)
{
	if (!is_serial(r)) {
		relay_far_end(r, f, 0);
		return;
	}
	for (uint32_t i = 0; i < f->asked_count; i++)
		f->asked[i].answered = true;
	f->waits_ack = false;
}

static void
hang_up_quietly(struct relay_side *r, struct far *f)
{
	r->hanging_up = true;
	hang_up(r, f);
	r->hanging_up = false;
}

/* One on which something can be asked now, or NULL. */
static struct far *
free_line(struct relay_side *r)
{
	struct far *f = line_now(r);
	uint64_t line;
	bool full;

	if (f != NULL && !relay_is_idle(f))
		return NULL;
	full = f != NULL &&
	       (f->asked_count + 2 >= ASKED_MAX || f->noisy ||
		f->units_count + UNITS_OF_ONE >= UNITS_MAX || f->said_n > SAID_MAX / 2);
	if (f != NULL && !is_serial(r) && !full &&
	    (r->framing == FRAMING_CONNECTION ? f->asked_count > 0
					      : world_random(r->side.w) % 8 == 0))
		full = true;
	if (f != NULL && !full)
		return f;
	if (f != NULL)
		relay_far_end(r, f, 0);
	line = virtual_line_connect(r->activated);
	if (line == 0)
		return NULL;
	f = relay_far_new(r, line, false);
	r->now = (uint32_t)(f - r->fars);
	return f;
}

/* Has nothing gone wrong for so long that nothing of it can be left? */
static bool
is_calm(struct relay_side *r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SIM_FAULTS; i++)
		sum += r->side.w->res->faults[i];
	if (sum != r->faults_seen) {
		r->faults_seen = sum;
		r->fault_ms = r->side.w->now.mono_ms;
	}
	/* What a serial line has lost is not there later, either. */
	return sum == 0 ||
	       (!is_serial(r) && r->side.w->now.mono_ms - r->fault_ms > CALM_MS);
}

/* Whoever has no answer to a request does not know whether it is paid. */
void
relay_note_doubt(struct relay_side *r, const struct asked *a)
{
	if (!a->answered && (a->kind == ASKED_PAY || a->kind == ASKED_REPEAT))
		r->requests[a->request].doubt = true;
}

/* What it waited for does not come any more; the ticket goes on. */
void
relay_pos_over(struct relay_side *r, struct far *f)
{
	bool waited = !relay_is_idle(f) && !f->noisy;

	for (uint32_t i = 0; i < f->asked_count; i++) {
		relay_note_doubt(r, &f->asked[i]);
		f->asked[i].answered = true;
	}
	if (line_now(r) == f)
		r->now = FARS_MAX;
	if (waited && is_calm(r) && !r->hanging_up)
		world_broken(r->side.w, INV_PASS "hung up without a fault");
}

/* ---- asking ------------------------------------------------------------------------------ */

void
relay_tick_later(struct relay_side *r)
{
	if (r->ticking)
		return;
	r->ticking = true;
	(void)world_post(r->side.w, MSG_RELAY_POS, world_delay(r->side.w, 300, 3000));
}

static void
ask(struct relay_side *r, struct far *f, enum asked_kind kind, uint32_t request,
    const char *body, size_t n)
{
	uint32_t asks = f->asked_count;

	if (asks == ASKED_MAX)
		return;
	f->asked[f->asked_count++] = (struct asked){ kind, request, false };
	f->asked_ms = r->side.w->now.mono_ms;
	relay_say(r, f, FRAMES_ZVT_ASK, body, n, asks);
}

static void
ask_text(struct relay_side *r, struct far *f, enum asked_kind kind, uint32_t request,
	 const char *type)
{
	const struct request *q = &r->side.w->requests[request];
	char body[300];
	int n;

	if (kind == ASKED_PAY)
		n = snprintf(
			body, sizeof(body),
			"{\"type\":\"pay\",\"id\":\"%s\",\"ticket\":\"%s\",\"rev\":%u,"
			"\"amount\":%lld,\"currency\":\"EUR\",\"card\":\"" RELAY_SECRET
			"%llu\"}",
			q->id, q->ticket, q->rev, (long long)q->amount,
			(unsigned long long)world_random(r->side.w));
	else
		n = snprintf(body, sizeof(body), "{\"type\":\"%s\",\"id\":\"%s\"}", type,
			     q->id);
	world_trace(r->side.w, "the POS says %s %s", type, q->id);
	ask(r, f, kind, request, body, (size_t)n);
}

/* The request for money, or whether there is an answer to it. */
static void
ask_money(struct relay_side *r, uint32_t request)
{
	struct pos_request *p = &r->requests[request];
	struct far *f = free_line(r);

	if (f == NULL)
		return; /* nobody is there: later */
	if (p->asked_once && !p->unknown) {
		ask_text(r, f, ASKED_REPEAT, request, "repeat");
		return;
	}
	p->asked_once = true;
	p->unknown = false;
	ask_text(r, f, ASKED_PAY, request, "pay");
	if (!f->over && !is_serial(r) && r->framing != FRAMING_CONNECTION &&
	    !relay_is_zvt(r) && world_fault(r->side.w, SIM_FAULT_DOUBLED, 12))
		ask_text(r, f, ASKED_PAY, request, "pay");
}

/* What only a terminal understands, and now and then nobody. */
static void
ask_card(struct relay_side *r)
{
	struct world *w = r->side.w;
	struct far *f = free_line(r);
	char body[700];
	size_t n = 12 + (size_t)(world_random(w) % (sizeof(body) - 12));

	if (f == NULL)
		return;
	for (size_t i = 0; i < n; i += 8) {
		uint64_t bits = world_random(w);

		memcpy(body + i, &bits, n - i < 8 ? n - i : 8);
	}
	memcpy(body, RELAY_SECRET, sizeof(RELAY_SECRET) - 1);
	if (!is_serial(r) && f->units_count == 0 &&
	    world_fault(w, SIM_FAULT_CORRUPTED, 6)) {
		/* No frame at all: the line is the terminal's until it ends. */
		f->noisy = true;
		f->asked[f->asked_count++] = (struct asked){ ASKED_CARD, 0, false };
		f->asked_ms = w->now.mono_ms;
		memset(body, 0xff, 4);
		relay_say_raw(r, f, (const uint8_t *)body, n, 0);
		return;
	}
	ask(r, f, ASKED_CARD, 0, body, n);
	if (!f->over &&
	    (r->framing == FRAMING_LENGTH2 || r->framing == FRAMING_LENGTH4) &&
	    world_random(w) % 3 == 0)
		ask(r, f, ASKED_CARD, 0, body, n / 2 + 12); /* the next at once */
}

static void
ask_basket(struct relay_side *r)
{
	struct far *f = free_line(r);

	if (f == NULL)
		return;
	ask(r, f, ASKED_BASKET, 0, r->basket, r->basket_n);
	r->basket_n = 0;
}

/* Where a connection is a transaction, it ends with the answer. */
void
relay_pos_heard(struct relay_side *r, struct far *f)
{
	if (r->framing == FRAMING_CONNECTION && f->asked_count > 0 && relay_is_idle(f))
		relay_far_end(r, f, 0);
}

/* ---- what it does ------------------------------------------------------------------------ */

static bool
has_word(const struct world *w, uint32_t i)
{
	const struct request *q = &w->requests[i];
	const struct pos_request *p = &w->relay->requests[i];

	return (q->state == REQUEST_TAKEN || q->state == REQUEST_LEFT) && p->asked_once &&
	       !p->told;
}

/* Something is under way; what nobody answers any more is given up. */
static bool
is_busy(struct relay_side *r)
{
	struct far *f = line_now(r);

	if (f == NULL || relay_is_idle(f))
		return false;
	if (r->side.w->now.mono_ms - f->asked_ms <
	    (is_serial(r) ? 3 * ANSWER_MS : ANSWER_MS))
		return true;
	if (is_calm(r))
		world_broken(r->side.w, INV_ALIVE "nobody answers the POS");
	hang_up_quietly(r, f);
	return false;
}

static void
say_word(struct relay_side *r, uint32_t i)
{
	struct world *w = r->side.w;
	bool left = w->requests[i].state == REQUEST_LEFT;
	struct far *f = free_line(r);

	if (f == NULL)
		return;
	if (left && !r->requests[i].aborted && world_random(w) % 2 == 0) {
		r->requests[i].aborted = true;
		ask_text(r, f, ASKED_BASKET, i, "abort"); /* told only by the undo */
		return;
	}
	ask_text(r, f, ASKED_WORD, i, left ? "undo" : "done");
}

void
relay_pos_tick(struct relay_side *r)
{
	struct world *w = r->side.w;
	bool more = false;

	r->ticking = false;
	/* What it has cancelled since it tells nobody of; the cancel has not waited for the line. */
	if (r->basket_n > 0 && w->tickets[r->basket_of].end == TICKET_VOID)
		r->basket_n = 0;
	if (r->basket_n > 0 && !is_busy(r))
		ask_basket(r);
	for (uint32_t i = 0; i < w->requests_count; i++) {
		if (!has_word(w, i))
			continue;
		more = true;
		if (!is_busy(r))
			say_word(r, i);
		break;
	}
	if (more || r->basket_n > 0)
		relay_tick_later(r);
}

/* Without a format: most of what this POS says are lines. */
static void
add_line(struct strbuf *s, uint32_t i, const struct basket_line *l)
{
	strbuf_add(s, i == 0 ? STR("{\"line\":") : STR(",{\"line\":"));
	strbuf_int(s, l->line);
	strbuf_add(s, STR(",\"plu\":\""));
	strbuf_add(s, str_of(l->code));
	strbuf_add(s, STR("\",\"qty_milli\":"));
	strbuf_int(s, l->qty_milli);
	strbuf_add(s, STR(",\"unit_price\":"));
	strbuf_int(s, l->unit_price_minor);
	strbuf_add(s, STR(",\"amount\":"));
	strbuf_int(s, l->amount_minor);
	strbuf_add(s, STR("}"));
}

void
relay_basket(struct world *w, const struct lane_basket *b)
{
	struct relay_side *r = w->relay;
	struct strbuf s;

	if (r->basket == NULL)
		r->basket = malloc(BODY_MAX);
	if (r->basket == NULL)
		abort();
	strbuf_init(&s, r->basket, BODY_MAX);
	strbuf_addf(&s,
		    "{\"type\":\"basket\",\"ticket\":\"%.*s\",\"rev\":%u,"
		    "\"currency\":\"EUR\",\"final\":%s,\"closed\":%s,\"lines\":[",
		    (int)b->ticket.n, b->ticket.p, b->rev, b->final ? "true" : "false",
		    b->closed ? "true" : "false");
	for (uint32_t i = 0; i < b->lines_count; i++)
		add_line(&s, i, &b->lines[i]);
	strbuf_addf(&s, "]}");
	r->basket_n = strlen(r->basket);
	r->basket_of = w->tickets_count - 1;
	ask_basket(r);
	if (r->basket_n > 0)
		relay_tick_later(r);
}

static uint32_t
waiting(const struct world *w)
{
	uint32_t last = w->requests_count - 1;

	return w->requests_count > 0 && w->requests[last].state == REQUEST_WAITS
		       ? last
		       : REQUESTS_MAX;
}

void
relay_give_up(struct world *w)
{
	struct relay_side *r = w->relay;
	uint32_t i = waiting(w);
	struct far *f = line_now(r);

	if (i == REQUESTS_MAX)
		return;
	w->requests[i].state = REQUEST_LEFT;
	world_trace(w, "the POS gives %s up", w->requests[i].id);
	/* At a cable the command that runs ends first. */
	if (f != NULL && !relay_is_idle(f) && !is_serial(r))
		hang_up_quietly(r, f);
	relay_tick_later(r);
}

static void
new_request(struct world *w, const struct ticket *t)
{
	struct request *q = &w->requests[w->requests_count++];

	memset(q, 0, sizeof(*q));
	(void)snprintf(q->id, sizeof(q->id), "q%u", w->requests_count); /* fits */
	memcpy(q->ticket, t->name, sizeof(q->ticket));
	q->rev = w->rev;
	for (uint32_t i = 0; i < w->lines_count; i++)
		q->amount += w->lines[i].amount_minor;
	q->limited.whose = -1;
	if (t->offered && t->rev == w->rev) {
		q->discount_minor = t->discount_minor;
		q->limited = t->limited;
	}
	q->amount -= q->discount_minor + t->token_minor;
	q->asked_ms = w->now.mono_ms;
	if (q->amount <= 0) {
		w->requests_count--;
		return;
	}
	memset(&w->relay->requests[w->requests_count - 1], 0,
	       sizeof(w->relay->requests[0]));
	ask_money(w->relay, w->requests_count - 1);
}

static void
waits_longer(struct world *w, uint32_t i)
{
	struct relay_side *r = w->relay;
	struct far *f = line_now(r);

	if (w->now.mono_ms - w->requests[i].asked_ms > WAITS_MS) {
		if (f != NULL && !relay_is_idle(f) &&
		    w->now.mono_ms - f->asked_ms > WAITS_MS && is_calm(r))
			world_broken(w, INV_ALIVE "a payment has no answer from anybody");
		relay_give_up(w);
	} else if (f == NULL || relay_is_idle(f)) {
		ask_money(r, i);
	}
}

/* The till at the total: what to pay, and who. True: it has done something. */
bool
relay_waits(struct world *w, const struct ticket *t)
{
	struct relay_side *r = w->relay;
	uint32_t i = waiting(w);
	struct far *f = line_now(r);

	if (f != NULL && world_fault(w, SIM_FAULT_LINK_CUT, 40)) {
		world_trace(w, "a line breaks");
		relay_far_end(r, f, -ECONNRESET);
	}
	if (i != REQUESTS_MAX) {
		waits_longer(w, i);
		return w->requests[i].state == REQUEST_WAITS && world_random(w) % 3 == 0;
	}
	if (r->basket_n > 0 || w->requests_count == REQUESTS_MAX || is_busy(r))
		return false; /* first what it has to say */
	if (world_random(w) % 6 == 0) {
		ask_card(r);
		return true;
	}
	if (world_random(w) % 2 == 0)
		return false;
	new_request(w, t);
	return true;
}

bool
relay_has_taken(struct world *w, struct key128 key)
{
	const struct payment *p = mem_journal_find(w->journal, key);

	for (uint32_t i = 0; p != NULL && i < w->requests_count; i++)
		if (strcmp(w->requests[i].id, p->pos_ref) == 0)
			return w->requests[i].state == REQUEST_TAKEN;
	return false;
}

/* Money that is the token's now is no terminal's, too. */
void
relay_settled(struct world *w)
{
	for (uint32_t i = 0; i < w->ledger_count; i++) {
		const struct entry *e = &w->ledger[i];
		const struct payment *p = mem_journal_find(w->journal, e->key);

		if (e->is_refund || e->state != ENTRY_CAPTURED || p == NULL ||
		    lost_has_key(w->lost, e->key))
			continue; /* what is lost the books name */
		for (uint32_t k = 0; k < w->requests_count; k++)
			if (strcmp(w->requests[k].id, p->pos_ref) == 0 &&
			    w->relay->requests[k].paid_there)
				world_broken(w,
					     INV_ONCE
					     "%s is paid by token and at the terminal",
					     w->requests[k].id);
	}
}
