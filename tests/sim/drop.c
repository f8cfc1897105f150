#include "sim/drop_private.h"

#include "adapter/plugin_load.h"
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_MS 5000
#define REQUEST_MS_MAX (11 * 60 * 1000)
#define OPS 16 /* more than enum lane_op has; above it an offer's serial */
#define STEPS_MAX 10000u
#define DEATH_ONE_IN 1500u /* calls of the host */

struct submit {
	struct body body;
	enum lane_op op;
	uint32_t offer; /* its serial */
	struct key128 key, original;
	char ticket[LANE_TICKET_BYTES], currency[PAYMENT_CURRENCY_BYTES];
	char token[LANE_TOKEN_BYTES], member_no[LANE_TOKEN_BYTES], ref[PAYMENT_REF_BYTES];
	int64_t rev, amount, total, saving;
	uint32_t timeout_ms, discounts_count;
	struct laned_discount discounts[];
};

struct basket {
	struct body body;
	char ticket[LANE_TICKET_BYTES];
	struct lane_basket basket;
	struct basket_line lines[];
};

struct claim {
	struct body body;
	char ticket[LANE_TICKET_BYTES], value[LANE_TOKEN_BYTES];
	enum claim_kind kind;
};

void *
drop_body_new(struct drop_side *d, size_t bytes)
{
	struct body *b = calloc(1, bytes);

	if (b == NULL)
		abort();
	b->next = d->bodies;
	if (b->next != NULL)
		b->next->prev = b;
	d->bodies = b;
	return b;
}

void
drop_body_free(struct drop_side *d, void *body)
{
	struct body *b = body;

	if (b->next != NULL)
		b->next->prev = b->prev;
	if (b->prev != NULL)
		b->prev->next = b->next;
	else
		d->bodies = b->next;
	free(b);
}

void
drop_copy_text(char *buf, size_t bytes, struct str s)
{
	if (str_copy(buf, bytes, s) < 0)
		buf[0] = '\0'; /* too long to be one of ours */
}

static struct str
str_in(struct laned_str s)
{
	return (struct str){ s.p, s.n };
}

static struct laned_str
text_of(const char *text)
{
	return (struct laned_str){ text, strlen(text) };
}

static struct key128
key_in(const struct laned_key *k)
{
	struct key128 key;

	memcpy(key.b, k->b, sizeof(key.b));
	return key;
}

static struct laned_key
key_out(struct key128 k)
{
	struct laned_key key;

	memcpy(key.b, k.b, sizeof(key.b));
	return key;
}
/* ---- the process ------------------------------------------------------------------------- */

bool
drop_dies(struct drop_side *d, uint32_t one_in)
{
	struct world *w = d->w;

	if (++w->res->adapter_points == w->opt.adapter_at) {
		world_hit(w, SIM_FAULT_ADAPTER_DIES);
		return true;
	}
	return w->opt.adapter_at == 0 && world_fault(w, SIM_FAULT_ADAPTER_DIES, one_in);
}

/* Every call of the host is a place to die at; the till hears of what is put into its folder. */
static int
on_called(void *ctx, const char *function)
{
	struct drop_side *d = ctx;
	struct world *w = d->w;
	bool put = strcmp(function, "dir_put") == 0;
	int64_t in_ms;
	int rc;

	if (w->bridged) {
		rc = bridge_side_called(d, function);
		if (rc != LANED_OK || d->dying)
			return rc;
	} else if (d->inside && drop_dies(d, DEATH_ONE_IN)) {
		world_trace(w, "adapter dies in %s", function);
		longjmp(d->death, 1);
	}
	if (put && world_fault(w, SIM_FAULT_IO, 150))
		return LANED_IO;
	if (!put)
		return LANED_OK;
	in_ms = world_delay(w, 2, 300);
	if (!w->quiet && w->now.mono_ms + in_ms < w->line_down_ms)
		in_ms = w->line_down_ms - w->now.mono_ms;
	(void)world_post(w, MSG_TILL_LOOK, in_ms);
	return LANED_OK;
}

static void
link_down(struct drop_side *d)
{
	d->lost = false;
	host_requests_clear(d->requests);
	vhost_forget_deferred(d->host);
	if (d->instance != NULL)
		d->table->link(d->instance, 0);
}

/* Runs a part of the adapter; what happened to the link meanwhile is told at its end. */
static void
enter(struct drop_side *d, void (*part)(struct drop_side *d, const void *arg),
      const void *arg)
{
	if (setjmp(d->death) == 0) {
		d->inside = true;
		part(d, arg);
		while (d->lost)
			link_down(d);
		d->inside = false;
		return;
	}
	d->inside = false;
	drop_die(d);
}

static void
tell_lane(struct world *w, bool up)
{
	struct lane_event ev = { .kind = LANE_EV_ADAPTER, .up = up };

	(void)world_step(w, &ev); /* nobody to tell when the lane is down too */
}

void
drop_die(struct drop_side *d)
{
	struct world *w = d->w;
	bool was_up = d->up;

	if (w->bridged) {
		bridge_side_die(d);
		return;
	}
	if (d->instance == NULL)
		return;
	d->instance = NULL;
	d->up = d->lost = false;
	d->link_epoch++;
	host_requests_clear(d->requests);
	w->adapter_epoch++;
	w->res->adapter_restarts++;
	world_trace(w, "adapter dies");
	if (was_up)
		tell_lane(w, false);
	(void)world_post(w, MSG_DROP_STARTS, world_delay(w, 500, 20000));
}

void
drop_power_loss(struct drop_side *d)
{
	bool inside = d->inside && !d->w->bridged;

	if (!inside)
		drop_die(d);
	drop_files_lose_power(d);
	if (inside)
		longjmp(d->death,
			1); /* its own call brought laned to where the power went */
}

static void
part_start(struct drop_side *d, const void *arg)
{
	(void)arg;
	if (d->table->create(vhost_handle(d->host), vhost_api(), &d->instance) !=
	    LANED_OK) {
		d->instance = NULL;
		return;
	}
	if (d->table->start(d->instance) != LANED_OK)
		world_broken(d->w, INV_ALIVE "the adapter does not start");
}

void
drop_starts(struct drop_side *d)
{
	const struct vhost_hooks hooks = { .ctx = d, .called = on_called };
	struct vhost *before = d->host;
	struct world *w = d->w;

	if (d->instance != NULL || d->loop != NULL)
		return;
	if (vhost_new(d->table, world_random(w), &hooks, &d->host) < 0)
		abort();
	if (before != NULL)
		vhost_take_files(d->host, before);
	vhost_free(before);
	(void)vhost_step(d->host,
			 w->now.mono_ms); /* nothing is due: only the time moves */
	if (w->bridged) {
		bridge_side_start(d);
		return;
	}
	vhost_set_link(d->host, &d->link);
	enter(d, part_start, NULL);
	world_trace(w, "adapter up %d", d->instance != NULL);
	if (d->instance == NULL) {
		(void)world_post(w, MSG_DROP_STARTS, world_delay(w, 500, 20000));
		return;
	}
	if (!w->down)
		world_post(w, MSG_ADAPTER_UP, world_delay(w, 5, 500))->epoch =
			w->lane_epoch;
}

int64_t
drop_due(struct drop_side *d)
{
	if (d->w->bridged)
		return bridge_side_due(d);
	return d->instance == NULL ? VHOST_NEVER : vhost_due(d->host);
}

static void
part_work(struct drop_side *d, const void *arg)
{
	(void)arg;
	if (!vhost_run(d->host, d->w->now.mono_ms, STEPS_MAX))
		world_broken(d->w, INV_ALIVE "the adapter does not come to rest");
}

void
drop_work(struct drop_side *d)
{
	if (d->w->bridged) {
		bridge_side_work(d);
		return;
	}
	enter(d, part_work, NULL);
}

/* ---- the link to laned ------------------------------------------------------------------- */

struct recovery {
	struct laned_entry entries[LANE_PAYMENTS_MAX];
	size_t count;
};

static void
part_link_up(struct drop_side *d, const void *arg)
{
	const struct recovery *r = arg;

	d->table->recover(d->instance, r->entries, r->count);
	if (d->up)
		d->table->link(d->instance, 1);
}

static uint32_t
state_out(enum payment_state s)
{
	if (s == PAYMENT_SENDING)
		return LANED_J_SENDING;
	if (s == PAYMENT_APPROVED || s == PAYMENT_PARTIAL)
		return LANED_J_APPROVED;
	if (s == PAYMENT_ANSWER_SENDING)
		return LANED_J_ANSWER_SENDING;
	return s == PAYMENT_UNDO_QUEUED ? LANED_J_UNDO_QUEUED : LANED_J_UNKNOWN;
}

static void
overdue_in(struct drop_side *d, uint64_t req, int64_t in_ms)
{
	struct message *m = world_post(d->w, MSG_OVERDUE, in_ms);

	m->req = req;
	m->link_epoch = d->link_epoch;
}

static void
add_entry(struct drop_side *d, struct recovery *r, const struct payment *p)
{
	struct host_request request = { .key = key_out(p->key),
					.wire.i = LANE_OP_OTHER,
					.deadline_ms = INT64_MAX };
	struct laned_entry *e = &r->entries[r->count];

	*e = (struct laned_entry){ .size = sizeof(*e),
				   .state = state_out(p->state),
				   .key = request.key,
				   .ticket = text_of(p->ticket),
				   .amount = p->asked_minor,
				   .currency = text_of(p->currency),
				   .ref = text_of(p->ref) };
	if (host_requests_add(d->requests, &request, &e->req) < 0)
		return; /* laned asks by a query of its own */
	overdue_in(d, e->req, REQUEST_MS_MAX);
	r->count++;
}

void
drop_hello(struct drop_side *d)
{
	struct world *w = d->w;
	struct recovery r = { .count = 0 };

	if (d->instance == NULL || d->up || w->down)
		return;
	d->up = true;
	d->link_epoch++;
	for (uint32_t i = 0; i < lane_core_payments_count(w->core); i++) {
		const struct payment *p = lane_core_payment(w->core, i);

		if (payment_is_open(p->state) && p->state != PAYMENT_CREATED)
			add_entry(d, &r, p);
	}
	tell_lane(w, true);
	if (d->up)
		enter(d, part_link_up, &r);
}

static void
part_lost(struct drop_side *d, const void *arg)
{
	(void)arg;
	link_down(d);
}

void
drop_lane_died(struct drop_side *d)
{
	if (!d->up)
		return;
	d->up = false;
	d->link_epoch++;
	if (d->inside)
		d->lost = true; /* it hears of it when its call is over */
	else
		enter(d, part_lost, NULL);
}

/* ---- from the adapter -------------------------------------------------------------------- */

void
drop_journal_said(struct drop_side *d, bool ok)
{
	d->said = ok;
}

static int
on_journal(void *ctx, uint64_t req, const struct laned_key *key, uint32_t state,
	   struct laned_str blob)
{
	struct drop_side *d = ctx;
	struct world *w = d->w;
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };
	char text[KEY128_TEXT_BYTES];

	(void)req;
	if (w->opt.bug == SIM_BUG_SEND_WITHOUT_ASK)
		return LANED_OK;
	if (!d->up)
		return LANED_NOT_DURABLE;
	ev.journal.key = key_in(key);
	key128_text(text, ev.journal.key);
	ev.journal.req = str_of(text);
	ev.journal.answer = state == LANED_J_ANSWER_SENDING;
	ev.journal.blob = (const uint8_t *)blob.p;
	ev.journal.blob_bytes = (uint32_t)blob.n;
	d->said = -1;
	(void)world_step(w, &ev); /* its answer says how it went */
	if (world_fault(w, SIM_FAULT_LATE, 100)) {
		world_trace(w, "the journal's answer is late");
		return LANED_NOT_DURABLE;
	}
	if (d->inside && drop_dies(d, 60)) {
		world_trace(w, "adapter dies between journal and send");
		longjmp(d->death, 1);
	}
	return d->up && d->said == 1 ? LANED_OK : LANED_NOT_DURABLE;
}

static int
on_journal_find(void *ctx, struct laned_str ref, struct laned_entry *ret_entry)
{
	(void)ctx;
	(void)ref;
	(void)ret_entry;
	return LANED_MISSING;
}

static int
on_event(void *ctx, struct laned_event *ev)
{
	(void)ctx;
	return ev->type == LANED_EV_TENDER_WANTED ? LANED_NOT_DURABLE : LANED_OK;
}

/* A message to laned over the socket, which keeps its order. */
static struct message *
to_lane(struct drop_side *d, enum message_kind kind, laned_ack_fn ack, void *user)
{
	struct message *m = world_post(d->w, kind, 0);

	m->link_epoch = d->link_epoch;
	m->epoch = d->w->adapter_epoch;
	m->ack = ack;
	m->user = user;
	return m;
}

static void
basket_line(struct basket_line *to, const struct laned_line *from)
{
	memset(to, 0, sizeof(*to));
	to->line = (uint32_t)from->line;
	drop_copy_text(to->code, sizeof(to->code),
		       str_in(from->gtin.n > 0 ? from->gtin : from->plu));
	drop_copy_text(to->text, sizeof(to->text), str_in(from->text));
	drop_copy_text(to->category, sizeof(to->category), str_in(from->category));
	drop_copy_text(to->brand, sizeof(to->brand), str_in(from->brand));
	to->qty_milli = from->qty_milli;
	to->unit_price_minor = from->unit_price;
	to->amount_minor = from->amount;
	to->vat_bp = from->vat_bp < 0 ? 0 : (uint32_t)from->vat_bp;
	to->is_void = (from->flags & LANED_LINE_VOID) != 0;
	to->weighed = (from->flags & LANED_LINE_WEIGHED) != 0;
}

static int
on_basket(void *ctx, const struct laned_basket *from, laned_ack_fn ack, void *user)
{
	struct drop_side *d = ctx;
	struct basket *b;

	if (!d->up)
		return LANED_GONE;
	if (from->lines_count > WORLD_LINES_MAX) {
		world_broken(d->w, INV_ALIVE "a basket of %u lines", from->lines_count);
		return LANED_TOO_LARGE;
	}
	b = drop_body_new(d, sizeof(*b) + from->lines_count * sizeof(b->lines[0]));
	drop_copy_text(b->ticket, sizeof(b->ticket), str_in(from->ticket));
	for (uint32_t i = 0; i < from->lines_count; i++)
		basket_line(&b->lines[i], &from->lines[i]);
	b->basket = (struct lane_basket){
		.ticket = str_of(b->ticket),
		.rev = (uint32_t)from->rev,
		.currency = STR("EUR"),
		.lines = b->lines,
		.lines_count = from->lines_count,
		.final = (from->flags & LANED_BASKET_FINAL) != 0,
		.closed = (from->flags & LANED_BASKET_CLOSED) != 0,
		.training = (from->flags & LANED_BASKET_TRAINING) != 0,
	};
	to_lane(d, MSG_POS_BASKET, ack, user)->body = b;
	return LANED_OK;
}

static int
on_claim(void *ctx, struct laned_str ticket, uint32_t kind, struct laned_str value,
	 laned_ack_fn ack, void *user)
{
	struct drop_side *d = ctx;
	struct claim *c;

	if (!d->up)
		return LANED_GONE;
	c = drop_body_new(d, sizeof(*c));
	drop_copy_text(c->ticket, sizeof(c->ticket), str_in(ticket));
	drop_copy_text(c->value, sizeof(c->value), str_in(value));
	c->kind = kind == LANED_CLAIM_CARD    ? CLAIM_CARD
		  : kind == LANED_CLAIM_PHONE ? CLAIM_PHONE
		  : kind == LANED_CLAIM_QR    ? CLAIM_QR
					      : CLAIM_DIGITS;
	to_lane(d, MSG_POS_CLAIM, ack, user)->body = c;
	return LANED_OK;
}

static int
on_cancel(void *ctx, struct laned_str ticket, laned_ack_fn ack, void *user)
{
	struct drop_side *d = ctx;
	struct claim *c;

	if (!d->up)
		return LANED_GONE;
	c = drop_body_new(d, sizeof(*c));
	drop_copy_text(c->ticket, sizeof(c->ticket), str_in(ticket));
	to_lane(d, MSG_POS_CANCEL, ack, user)->body = c;
	return LANED_OK;
}

static enum lane_outcome
outcome_in(const struct world *w, uint32_t outcome)
{
	switch (outcome) {
	case LANED_OUT_APPROVED:
		return OUTCOME_APPROVED;
	case LANED_OUT_PARTIAL:
		return OUTCOME_PARTIAL;
	case LANED_OUT_CONFIRMED:
		return OUTCOME_CONFIRMED;
	case LANED_OUT_UNDONE:
		return OUTCOME_UNDONE;
	case LANED_OUT_DONE:
		return OUTCOME_DONE;
	case LANED_OUT_DECLINED:
		return OUTCOME_DECLINED;
	case LANED_OUT_CANCELLED:
		return OUTCOME_CANCELLED;
	case LANED_OUT_NOT_SENT:
		return OUTCOME_NOT_SENT;
	case LANED_OUT_NOT_FOUND:
		return OUTCOME_NOT_FOUND;
	case LANED_OUT_IN_PROGRESS:
		return OUTCOME_IN_PROGRESS;
	default:
		return w->opt.bug == SIM_BUG_UNKNOWN_IS_NO ? OUTCOME_DECLINED
							   : OUTCOME_UNKNOWN;
	}
}

static void
send_completion(struct drop_side *d, const struct laned_result *r,
		const struct host_request *open, laned_ack_fn ack, void *user)
{
	struct message *m = to_lane(d, MSG_COMPLETE, ack, user);

	m->req = open == NULL ? 0 : open->id;
	m->key = key_in(&r->key);
	m->op = open == NULL ? LANE_OP_OTHER : (enum lane_op)(open->wire.i % OPS);
	m->offer = open == NULL ? 0 : (uint32_t)(open->wire.i / OPS);
	m->outcome = outcome_in(d->w, r->outcome);
	m->amount = r->amount;
	m->has_amount = r->amount >= 0;
}

static int
on_complete(void *ctx, const struct laned_result *r, laned_ack_fn ack, void *user)
{
	struct drop_side *d = ctx;
	const struct host_request *open;
	int rc;

	if (!d->up)
		return LANED_GONE;
	if ((r->flags & LANED_RESULT_LATE) != 0) {
		send_completion(d, r, NULL, ack, user);
		return LANED_OK;
	}
	rc = host_requests_complete(d->requests, r->req);
	if (rc == -ESTALE) {
		send_completion(d, r, NULL, ack, user);
		return LANED_OK;
	}
	if (rc < 0) {
		world_broken(d->w, INV_ALIVE "a second completion of request %llu",
			     (unsigned long long)r->req);
		return LANED_REFUSED;
	}
	open = host_requests_find(d->requests, r->req);
	if (open != NULL)
		send_completion(d, r, open, ack, user);
	return LANED_OK;
}

void
drop_taken(struct drop_side *d, const struct message *m, int rc, bool stored)
{
	int status = !stored ? LANED_AGAIN : rc == -ENOENT ? LANED_REFUSED : LANED_OK;

	if (m->link_epoch != d->link_epoch || !d->up)
		return;
	if (m->req != 0)
		host_requests_settle(d->requests, m->req, status != LANED_AGAIN);
	if (m->ack != NULL && vhost_defer(d->host, m->ack, m->user, status) < 0)
		abort();
}

/* ---- to the adapter ---------------------------------------------------------------------- */

/* The texts of its discounts, which may outlive the prices, stand behind them. */
static void
copy_offer(struct submit *s, const struct lane_effect *fx)
{
	char *text = (char *)&s->discounts[fx->offer.discounts_count];

	s->op = LANE_OP_OFFER;
	s->offer = fx->offer.serial;
	drop_copy_text(s->ticket, sizeof(s->ticket), str_of(fx->offer.ticket));
	drop_copy_text(s->member_no, sizeof(s->member_no), str_of(fx->offer.member_no));
	s->rev = fx->offer.rev;
	s->total = fx->offer.total_minor;
	s->saving = fx->offer.saving_minor;
	for (uint32_t i = 0; i < fx->offer.discounts_count; i++) {
		const struct lane_discount *from = &fx->offer.discounts[i];

		if (from->text.n > 0)
			memcpy(text, from->text.p, from->text.n);
		s->discounts[s->discounts_count++] = (struct laned_discount){
			.size = sizeof(struct laned_discount),
			.line = from->line,
			.amount = from->amount_minor,
			.text = { text, from->text.n },
		};
		text += from->text.n;
	}
}

static void
copy_payment(struct submit *s, const struct lane_effect *fx)
{
	const struct payment *p = fx->kind == FX_PAY || fx->kind == FX_REFUND
					  ? fx->pay.payment
					  : fx->payment;

	s->op = fx->kind == FX_PAY       ? LANE_OP_PAY
		: fx->kind == FX_REFUND  ? LANE_OP_REFUND
		: fx->kind == FX_QUERY   ? LANE_OP_QUERY
		: fx->kind == FX_CONFIRM ? LANE_OP_CONFIRM
					 : LANE_OP_UNDO;
	s->key = p->key;
	s->rev = p->rev;
	s->amount = p->asked_minor;
	memcpy(s->ticket, p->ticket, sizeof(s->ticket));
	memcpy(s->currency, p->currency, sizeof(s->currency));
	memcpy(s->ref, p->ref, sizeof(s->ref));
	s->original = p->original;
	if (p->kind == PAYMENT_REFUND && s->ref[0] == '\0')
		memcpy(s->ref, p->original_ref, sizeof(s->ref));
	if (fx->kind != FX_PAY && fx->kind != FX_REFUND)
		return;
	drop_copy_text(s->token, sizeof(s->token), str_of(fx->pay.token));
	s->timeout_ms = (uint32_t)fx->pay.timeout_ms;
}

int
drop_submit(struct drop_side *d, const struct lane_effect *fx)
{
	struct submit *s;
	struct message *m;
	size_t bytes = 0;

	if (!d->up)
		return -ENOTCONN;
	for (uint32_t i = 0; fx->kind == FX_OFFER && i < fx->offer.discounts_count; i++)
		bytes += sizeof(s->discounts[0]) + fx->offer.discounts[i].text.n;
	s = drop_body_new(d, sizeof(*s) + bytes);
	if (fx->kind == FX_OFFER)
		copy_offer(s, fx);
	else
		copy_payment(s, fx);
	m = world_post(d->w, MSG_SUBMIT, 0);
	m->body = s;
	m->link_epoch = d->link_epoch;
	return 0;
}

static uint32_t
type_out(enum lane_op op)
{
	static const uint32_t types[] = {
		[LANE_OP_OTHER] = 0,
		[LANE_OP_OFFER] = LANED_REQ_OFFER,
		[LANE_OP_PAY] = LANED_REQ_PAY,
		[LANE_OP_QUERY] = LANED_REQ_QUERY,
		[LANE_OP_CONFIRM] = LANED_REQ_CONFIRM,
		[LANE_OP_UNDO] = LANED_REQ_UNDO,
		[LANE_OP_REFUND] = LANED_REQ_REFUND,
	};

	return types[op];
}

static void
refused(struct drop_side *d, const struct submit *s)
{
	struct message *m = world_post(d->w, MSG_REFUSED, 0);

	m->op = s->op;
	m->key = s->key;
	m->offer = s->offer;
	m->link_epoch = d->link_epoch;
}

static void
part_submit(struct drop_side *d, const void *arg)
{
	const struct submit *s = arg;
	struct host_request request = { .key = key_out(s->key),
					.type = type_out(s->op),
					.wire.i = s->op + OPS * (int64_t)s->offer,
					.deadline_ms = INT64_MAX };
	struct laned_request q = {
		.size = sizeof(q),
		.type = request.type,
		.key = request.key,
		.ticket = text_of(s->ticket),
		.rev = s->rev,
		.amount = s->amount,
		.currency = text_of(s->currency),
		.token = text_of(s->token),
		.timeout_ms = s->timeout_ms,
		.discounts = s->discounts,
		.discounts_count = s->discounts_count,
		.member_no = text_of(s->member_no),
		.total = s->total,
		.saving = s->saving,
		.ref = text_of(s->ref),
		.original = key_out(s->original),
	};

	if (host_requests_add(d->requests, &request, &q.req) < 0) {
		refused(d, s);
		return;
	}
	overdue_in(d, q.req,
		   s->timeout_ms > 0 ? (int64_t)s->timeout_ms + GRACE_MS
				     : REQUEST_MS_MAX);
	if (d->table->submit(d->instance, &q) == LANED_OK)
		return;
	if (host_requests_complete(d->requests, q.req) == 0)
		host_requests_settle(d->requests, q.req, true);
	refused(d, s);
}

/* The host ends what the adapter did not. */
static void
overdue(struct drop_side *d, const struct message *m)
{
	struct host_request *r = host_requests_find(d->requests, m->req);
	struct laned_result result = { .size = sizeof(result),
				       .outcome = LANED_OUT_UNKNOWN,
				       .req = m->req,
				       .amount = -1 };

	if (r == NULL || r->completing)
		return;
	world_trace(d->w, "the host ends a request");
	result.key = r->key;
	if (on_complete(d, &result, NULL, NULL) == LANED_OK)
		r->by_host = true;
}

/* A basket, claim or cancel arrives at laned; the acknowledgement goes back. */
static void
at_lane(struct drop_side *d, const struct message *m)
{
	const struct basket *b = m->body;
	const struct claim *c = m->body;
	struct lane_event ev = { .kind = LANE_EV_BASKET };
	int rc, status;

	if (m->kind == MSG_POS_BASKET) {
		ev.basket = b->basket;
	} else if (m->kind == MSG_POS_CLAIM) {
		ev.kind = LANE_EV_CLAIM;
		ev.claim.ticket = str_of(c->ticket);
		ev.claim.kind = c->kind;
		ev.claim.value = str_of(c->value);
	} else {
		ev.kind = LANE_EV_CANCEL;
		ev.ticket = str_of(c->ticket);
	}
	rc = world_step(d->w, &ev);
	if (!d->up || m->link_epoch != d->link_epoch)
		return; /* nobody to acknowledge to, or by */
	status = rc == 0 || rc == -EALREADY ? LANED_OK
		 : rc == -EINVAL            ? LANED_INVALID
					    : LANED_REFUSED;
	if (!effects_stored(d->w->effects))
		status = LANED_AGAIN;
	if (m->ack != NULL && vhost_defer(d->host, m->ack, m->user, status) < 0)
		abort();
}

void
drop_message(struct drop_side *d, const struct message *m)
{
	struct lane_event ev = { .kind = LANE_EV_SUBMIT_REFUSED };

	if (!d->up || m->link_epoch != d->link_epoch)
		return; /* it went with the connection */
	if (m->kind == MSG_SUBMIT) {
		/* Its timers count from now on; nothing is due before. */
		(void)vhost_step(d->host, d->w->now.mono_ms);
		enter(d, part_submit, m->body);
		drop_body_free(d, m->body);
	} else if (m->kind == MSG_OVERDUE) {
		overdue(d, m);
	} else if (m->kind == MSG_REFUSED) {
		ev.submit.op = m->op;
		ev.submit.key = m->key;
		ev.submit.offer = m->offer;
		(void)world_step(d->w, &ev); /* a payment that is over by now */
	} else {
		at_lane(d, m);
		drop_body_free(d, m->body);
	}
}

/* ---- life -------------------------------------------------------------------------------- */

/* It has no writable data, so every run may use the same one. */
static const struct plugin *
load_once(const char *path)
{
	static struct plugin *plugin;
	char why[PLUGIN_WHY_BYTES] = "";

	if (plugin == NULL && plugin_load(path, &plugin, why) < 0) {
		(void)fprintf(stderr, "sim: %s: %s\n", path, why);
		abort();
	}
	return plugin;
}

static const struct process the_process = { .name = "drop",
					    .socket = "/sim/adapter-drop.sock",
					    .starts = MSG_DROP_STARTS };

struct drop_side *
drop_new(struct world *w, const char *plugin)
{
	struct drop_side *d = calloc(1, sizeof(*d));

	if (d == NULL)
		abort();
	d->w = w;
	d->is = &the_process;
	d->plugin = load_once(plugin);
	d->table = plugin_table(d->plugin);
	d->requests = host_requests_new();
	if (d->requests == NULL)
		abort();
	d->link = (struct host_link){ d,         on_journal,  on_journal_find,
				      on_event,  on_basket,   on_claim,
				      on_cancel, on_complete, NULL };
	w->drop = d;
	drop_starts(d);
	return d;
}

struct drop_side *
drop_free(struct drop_side *d)
{
	if (d == NULL)
		return NULL;
	d->inside = false;
	d->up = false;
	if (d->instance != NULL || d->loop != NULL) {
		if (d->w->bridged)
			bridge_side_stop(d);
		else
			d->table->stop(d->instance);
		vhost_forget_deferred(d->host);
		if (!d->w->bridged)
			d->table->destroy(d->instance);
		if (vhost_allocated(d->host) > 0 || vhost_timers(d->host) > 0)
			world_broken(d->w,
				     INV_ALIVE
				     "the adapter leaves %zu bytes and %u timers",
				     vhost_allocated(d->host), vhost_timers(d->host));
	}
	(void)vhost_free(d->host); /* gives NULL */
	while (d->bodies != NULL) {
		struct body *b = d->bodies;

		d->bodies = b->next;
		free(b);
	}
	(void)json_out_free(d->out); /* gives NULL */
	(void)arena_free(d->tree);   /* gives NULL */
	free(d->written);
	(void)host_requests_free(d->requests); /* gives NULL */
	free(d);
	return NULL;
}
