/* What the POS hears, of the adapter or of the terminal, and what it makes of that. */
#include "sim/lost.h"
#include "sim/relay_private.h"

#include <string.h>

/* The text behind "name": in a message of the adapter; empty: none. */
static struct str
member(struct str s, const char *name)
{
	size_t n = strlen(name);
	struct str found = { "", 0 };

	for (size_t i = 0; i + n + 4 < s.n; i++) {
		const char *p = s.p + i + n + 3;

		if (s.p[i] != '"' || memcmp(s.p + i + 1, name, n) != 0 ||
		    s.p[i + n + 1] != '"' || s.p[i + n + 2] != ':')
			continue;
		found.p = *p == '"' ? p + 1 : p;
		while (found.p + found.n < s.p + s.n && found.p[found.n] != '"' &&
		       found.p[found.n] != ',' && found.p[found.n] != '}')
			found.n++;
		return found;
	}
	return found;
}

/* An approval that it has no use for. */
static void
gives_back(struct relay_side *r, uint32_t request)
{
	r->requests[request].approved = true;
	r->requests[request].told = false;
	relay_tick_later(r);
}

/* The offer that was charged by: another one of the same total may have come since the POS asked. */
static struct limited
charged_by(const struct world *w, const struct request *q)
{
	for (uint32_t i = w->ledger_count; i-- > 0;) {
		const struct entry *e = &w->ledger[i];
		const struct payment *p = mem_journal_find(w->journal, e->key);

		if (!e->is_refund && p != NULL && strcmp(p->pos_ref, q->id) == 0)
			return e->limited;
	}
	return q->limited; /* lost since */
}

static void
takes(struct relay_side *r, uint32_t request, int64_t amount)
{
	struct world *w = r->side.w;
	struct request *q = &w->requests[request];
	struct ticket *t = ticket_find(w, q->ticket);

	if (amount > q->amount)
		world_broken(w, INV_TOTAL "%s: %lld approved, %lld were asked for", q->id,
			     (long long)amount, (long long)q->amount);
	q->state = REQUEST_TAKEN;
	q->taken_minor = amount;
	t->token_minor += amount;
	t->paid_rev = q->rev;
	t->paid_discount_minor = q->discount_minor;
	t->paid_limited = charged_by(w, q);
	if (amount == q->amount)
		t->end = TICKET_TOKEN;
	r->requests[request].approved = true;
	r->requests[request].told = false;
	relay_tick_later(r);
}

/* The POS hears "no": that is so, or is durable to become so. */
static void
check_no(struct world *w, const struct request *q)
{
	for (uint32_t i = 0; i < w->ledger_count; i++) {
		const struct entry *e = &w->ledger[i];
		const struct payment *p = mem_journal_find(w->journal, e->key);

		/* Of what the disk has lost it is told what laned knows. */
		if (e->state == ENTRY_CAPTURED && !e->is_refund && p != NULL &&
		    !lost_has_key(w->lost, e->key) && strcmp(p->pos_ref, q->id) == 0 &&
		    p->state != PAYMENT_UNDO_QUEUED && p->state != PAYMENT_UNDO_FAILED)
			world_broken(w,
				     INV_DECLINED
				     "the POS hears no for %s, which is captured and %s",
				     q->id, payment_state_name(p->state));
	}
}

static void
result_comes(struct relay_side *r, uint32_t request, struct str outcome, int64_t amount)
{
	struct world *w = r->side.w;
	struct request *q = &w->requests[request];
	const struct ticket *t = ticket_find(w, q->ticket);
	bool yes = str_is(outcome, "approved") || str_is(outcome, "partial");

	world_trace(w, "the POS has %.*s for %s", (int)outcome.n, outcome.p, q->id);
	if (!yes)
		check_no(w, q);
	if (q->state == REQUEST_TAKEN)
		return;
	if (q->state == REQUEST_WAITS && t->end == TICKET_OPEN &&
	    !r->requests[request].paid_there) {
		if (yes)
			takes(r, request, amount);
		else
			q->state = REQUEST_OVER;
		return;
	}
	if (q->state != REQUEST_OVER || yes)
		q->state = REQUEST_LEFT;
	if (yes)
		gives_back(r, request);
}

/* The first thing that is still asked and may be answered so. */
static struct asked *
first_asked(struct far *f, bool about_money, uint32_t request)
{
	for (uint32_t i = 0; i < f->asked_count; i++) {
		struct asked *a = &f->asked[i];
		bool money = a->kind == ASKED_PAY || a->kind == ASKED_REPEAT;

		if (!a->answered && a->kind != ASKED_CARD &&
		    (!about_money || (money && a->request == request)))
			return a;
	}
	return NULL;
}

static void
ours_comes(struct relay_side *r, struct far *f, struct str body)
{
	struct world *w = r->side.w;
	struct str id = member(body, "id"), status = member(body, "status");
	int64_t request = 0, amount = 0, code = -1;
	struct asked *a;

	if (id.n > 1 && str_to_i64((struct str){ id.p + 1, id.n - 1 }, &request) == 0 &&
	    request >= 1 && request <= (int64_t)w->requests_count) {
		a = first_asked(f, true, (uint32_t)request - 1);
		if (a != NULL)
			a->answered = true;
		(void)str_to_i64(member(body, "amount"), &amount); /* 0: none */
		result_comes(r, (uint32_t)request - 1, member(body, "outcome"), amount);
		return;
	}
	a = first_asked(f, false, 0);
	if (a == NULL)
		return; /* the same once more */
	relay_note_doubt(r, a);
	a->answered = true;
	(void)str_to_i64(status, &code); /* it has one */
	world_trace(w, "the POS is told %lld", (long long)code);
	if (a->kind == ASKED_WORD && code == LANED_OK)
		r->requests[a->request].told = true;
}

/* Does laned still have something open for this request? */
static bool
is_open(const struct world *w, const struct request *q)
{
	for (uint32_t i = 0; i < mem_journal_payments_count(w->journal); i++) {
		const struct payment *p = mem_journal_payment(w->journal, i);

		if (strcmp(p->pos_ref, q->id) == 0 && payment_is_open(p->state))
			return true;
	}
	return false;
}

/* What the terminal says to a request, a repeat or a word. */
static void
theirs_comes(struct relay_side *r, struct asked *a)
{
	struct world *w = r->side.w;
	struct request *q = &w->requests[a->request];
	struct pos_request *p = &r->requests[a->request];

	a->answered = true;
	world_trace(w, "the POS has an answer of the terminal");
	/* A POS never knows whose that answer is; the world knows when there is nothing to tell. */
	if (a->kind == ASKED_WORD && w->quiet && !is_open(w, q))
		p->told = true;
	if ((a->kind != ASKED_PAY && a->kind != ASKED_REPEAT) ||
	    q->state != REQUEST_WAITS)
		return;
	if (p->paid_there || a->kind == ASKED_PAY) {
		/* One that had no answer before is reversed, to be sure. */
		q->state = p->doubt ? REQUEST_LEFT : REQUEST_OVER;
		if (p->paid_there)
			w->waits = 100; /* the ticket ends by that */
		relay_tick_later(r);
	} else {
		p->unknown = true; /* it has never had it */
	}
}

bool
relay_is_ours(const struct relay_side *r, const uint8_t *frame, size_t n)
{
	static const char begin[] = "{\"type\":\"";
	uint8_t body[FAR_IN_MAX];

	return frames_body(r->frames, frame, n, body) >= sizeof(begin) &&
	       memcmp(body, begin, sizeof(begin) - 1) == 0;
}

void
relay_pos_frame(struct relay_side *r, struct far *f, const uint8_t *frame, size_t n,
		unsigned head)
{
	uint8_t body[FAR_IN_MAX];
	struct far *terminal = NULL;
	const struct unit *u;
	bool ours = relay_is_ours(r, frame, n);

	if (relay_is_zvt(r) && head == FRAMES_ZVT_ACK)
		return;
	if (relay_is_zvt(r) && head >> 8 != 0x84)
		relay_say(r, f, FRAMES_ZVT_ACK, "", 0, ASKS_NOTHING);
	if (relay_is_zvt(r) && head == FRAMES_ZVT_STATUS)
		return;
	if (ours) {
		n = frames_body(r->frames, frame, n, body);
		ours_comes(r, f, (struct str){ (const char *)body, n });
		return;
	}
	u = relay_unit_of(r, f, &terminal);
	if (u != NULL && u->asks < f->asked_count && !f->asked[u->asks].answered)
		theirs_comes(r, &f->asked[u->asks]);
}
