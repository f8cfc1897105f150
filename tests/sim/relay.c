/*
 * Others' payments: the test adapter of tests/terminal, the very shared object, between a scripted POS
 * and a scripted terminal, on a host in virtual time. What is a stranger's goes through unchanged, both
 * ways, whatever breaks; what a member pays never reaches the terminal. laned is played here: the lane
 * with a POS that asks is simulated by terminal.c.
 */
#include "sim/relay.h"

#include "adapter/plugin_load.h"
#include "adapter/vhost_conns.h"
#include "adapter/vhost_splice.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define LINES 128u /* of one life of the process */
#define REQUESTS 256u
#define TERMINALS 64u
#define TENDERS 64u
#define FRAMES 12u
#define FRAME_MAX 700u
#define HEAD 4u
#define WAITS_MS 200000 /* so long a payment may take when nothing breaks */
#define STEPS_MAX 10000u
#define STEP_MS 400
#define REFUSES_MS 2000   /* so long a terminal that is away takes to say so */
#define DEATH_ONE_IN 150u /* calls of the host */
#define SECRET "zqsecret" /* of every frame that is not ours to see */

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t n;
};

/* A connection of the POS, with what it has sent and got. */
struct line {
	uint64_t conn; /* 0: none */
	struct frame sent[FRAMES];
	unsigned frames, passed, answered;
	uint64_t terminal; /* the connection that its frames went to */
	struct frame in;
	bool hit; /* something broke it */
};

struct terminal {
	uint64_t conn;
	struct line *line;
	struct frame in, sent[FRAMES];
	unsigned frames, taken;
	void *user; /* the plug-in's */
};

/* laned's: what the POS asked for. */
struct tender {
	char id[12];
	struct laned_key key;
	uint32_t outcome; /* of the answer */
	int64_t at_ms;    /* of the answer, INT64_MAX none */
	bool wanted, journalled, left, undone, paid, passed;
};

struct relay_side {
	struct world *w;
	const struct laned_adapter *table;
	struct vhost *host;
	void *instance; /* NULL: no process */
	struct laned_host_api api;
	struct host_link link;
	bool inside, up, draining;
	int64_t up_ms, start_ms, terminal_ms;
	int64_t away_ms; /* until then an attempt to reach the terminal may end */
	jmp_buf death;
	struct laned_conn_events pos, terminal;
	void *pos_user;
	struct line lines[LINES];
	unsigned lines_count;
	struct tender *open[REQUESTS]; /* requests, by their number */
	struct terminal terminals[TERMINALS];
	unsigned terminals_count;
	struct tender tenders[TENDERS];
	unsigned tenders_count;
	uint64_t reqs;
};

/* The plug-in's host table has no room for a context of ours: one run at a time. */
static struct relay_side *now_running;

/* ---- small things ------------------------------------------------------------------------ */

static bool
has_secret(const void *data, size_t n)
{
	const char *p = data;

	for (size_t i = 0; i + sizeof(SECRET) - 1 <= n; i++)
		if (memcmp(p + i, SECRET, sizeof(SECRET) - 1) == 0)
			return true;
	return false;
}

static void
never_secret(struct relay_side *r, const char *where, const void *data, size_t n)
{
	if (has_secret(data, n))
		world_broken(r->w, INV_PASS "a stranger's payment is seen in %s", where);
}

static struct tender *
tender_of_key(struct relay_side *r, const struct laned_key *key)
{
	for (unsigned i = 0; i < r->tenders_count; i++)
		if (r->tenders[i].wanted &&
		    memcmp(r->tenders[i].key.b, key->b, sizeof(key->b)) == 0)
			return &r->tenders[i];
	return NULL;
}

static struct tender *
tender_of_id(struct relay_side *r, struct laned_str id)
{
	for (unsigned i = 0; i < r->tenders_count; i++)
		if (strlen(r->tenders[i].id) == id.n &&
		    memcmp(r->tenders[i].id, id.p, id.n) == 0)
			return &r->tenders[i];
	return NULL;
}

static struct terminal *
terminal_of(struct relay_side *r, uint64_t conn)
{
	for (unsigned i = 0; i < r->terminals_count; i++)
		if (r->terminals[i].conn == conn)
			return &r->terminals[i];
	return NULL;
}

static bool
is_held(struct relay_side *r, uint64_t conn)
{
	struct vhost_conn c;

	for (size_t i = 0; r->host != NULL && vhost_conns_at(r->host, i, &c); i++)
		if (c.id == conn)
			return true;
	return false;
}

/* A whole frame's bytes; 0: there is none yet. */
static size_t
whole(const struct frame *f)
{
	size_t n;

	if (f->n < HEAD)
		return 0;
	n = HEAD + ((size_t)f->bytes[2] << 8 | f->bytes[3]);
	return f->n < n ? 0 : n;
}

static void
end_frame(struct frame *f, size_t body)
{
	memset(f->bytes, 0, HEAD);
	f->bytes[2] = (uint8_t)(body >> 8);
	f->bytes[3] = (uint8_t)body;
	f->n = HEAD + body;
}

static void
take_bytes(struct relay_side *r, uint64_t conn, struct frame *to)
{
	size_t room = sizeof(to->bytes) - to->n;

	if (room > 0 && !r->draining && world_fault(r->w, SIM_FAULT_PEER_SLOW, 20))
		room = 1;
	to->n += vhost_conns_take(r->host, conn, to->bytes + to->n, room);
}

static void
drop_front(struct frame *f, size_t n)
{
	memmove(f->bytes, f->bytes + n, f->n - n);
	f->n -= n;
}

/* ---- what the plug-in sees: its callbacks, and the calls that lead to them ---------------- */

static void
on_pos_opened(void *user, uint64_t conn)
{
	struct relay_side *r = user;

	r->pos.opened(r->pos_user, conn);
}

static void
on_pos_data(void *user, uint64_t conn, const uint8_t *data, size_t n)
{
	struct relay_side *r = user;

	r->pos.data(r->pos_user, conn, data, n);
}

static void
on_pos_closed(void *user, uint64_t conn, int status)
{
	struct relay_side *r = user;

	r->pos.closed(r->pos_user, conn, status);
}

static int
api_listen(struct laned_host *h, const char *option, const struct laned_conn_events *e,
	   void *user, uint64_t *ret_listener)
{
	static const struct laned_conn_events events = { .size = sizeof(events),
							 .opened = on_pos_opened,
							 .data = on_pos_data,
							 .closed = on_pos_closed };
	struct relay_side *r = now_running;

	r->pos = *e;
	r->pos_user = user;
	return vhost_api()->conn_listen(h, option, &events, r, ret_listener);
}

static void
on_terminal_opened(void *user, uint64_t conn)
{
	struct terminal *t = user;

	now_running->terminal.opened(t->user, conn);
}

/* Only a tunnel leads from the terminal to the POS, and the plug-in does not stand in it. */
static void
on_terminal_data(void *user, uint64_t conn, const uint8_t *data, size_t n)
{
	struct terminal *t = user;

	never_secret(now_running, "the plug-in", data, n);
	now_running->terminal.data(t->user, conn, data, n);
}

static void
on_terminal_closed(void *user, uint64_t conn, int status)
{
	struct terminal *t = user;

	now_running->terminal.closed(t->user, conn, status);
}

static int
api_open(struct laned_host *h, const char *option, const struct laned_conn_events *e,
	 void *user, uint64_t *ret_conn)
{
	static const struct laned_conn_events events = { .size = sizeof(events),
							 .opened = on_terminal_opened,
							 .data = on_terminal_data,
							 .closed = on_terminal_closed };
	struct relay_side *r = now_running;
	struct terminal *t = &r->terminals[r->terminals_count];
	int rc;

	if (r->terminals_count == TERMINALS)
		return LANED_AGAIN;
	*t = (struct terminal){ .user = user };
	r->terminal = *e;
	rc = vhost_api()->conn_open(h, option, &events, t, ret_conn);
	if (rc != LANED_OK)
		return rc;
	t->conn = *ret_conn;
	r->terminals_count++;
	return LANED_OK;
}

static bool
holds(const uint8_t *data, size_t n, const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i + length <= n; i++)
		if (memcmp(data + i, text, length) == 0)
			return true;
	return false;
}

/* An approval that leaves is on its way, whatever breaks now. */
static int
api_send(struct laned_host *h, uint64_t conn, const uint8_t *data, size_t n)
{
	struct relay_side *r = now_running;
	int rc = vhost_api()->conn_send(h, conn, data, n);
	char id[20];

	for (unsigned i = 0; rc == LANED_OK && i < r->tenders_count; i++) {
		struct tender *t = &r->tenders[i];

		(void)snprintf(id, sizeof(id), "\"%s\"", t->id); /* fits */
		if (!holds(data, n, id) || !holds(data, n, "\"approved\""))
			continue;
		t->left = true;
		if (!t->journalled)
			world_broken(r->w,
				     INV_DURABLE "an answer leaves that is not durable");
	}
	return rc;
}

/* ---- laned, played ----------------------------------------------------------------------- */

static int
on_journal(void *ctx, uint64_t req, const struct laned_key *key, uint32_t state,
	   struct laned_str blob)
{
	struct relay_side *r = ctx;
	struct tender *t = tender_of_key(r, key);

	(void)req;
	(void)state;
	never_secret(r, "the journal", blob.p, blob.n);
	if (!r->up || t == NULL || world_fault(r->w, SIM_FAULT_DISK_FULL, 30))
		return LANED_NOT_DURABLE;
	t->journalled = true;
	/* It is, and the answer that says so comes too late. */
	return world_fault(r->w, SIM_FAULT_LATE, 30) ? LANED_NOT_DURABLE : LANED_OK;
}

static int
on_journal_find(void *ctx, struct laned_str ref, struct laned_entry *ret)
{
	struct relay_side *r = ctx;
	const struct tender *t = tender_of_id(r, ref);

	if (!r->up)
		return LANED_GONE;
	if (t == NULL || !t->wanted)
		return LANED_MISSING;
	ret->key = t->key;
	ret->state = t->journalled ? LANED_J_ANSWER_SENDING : LANED_J_APPROVED;
	return LANED_OK;
}

static int
tender_wanted(struct relay_side *r, struct tender *t, struct laned_event *ev)
{
	static const uint32_t outcomes[] = { LANED_OUT_APPROVED, LANED_OUT_APPROVED,
					     LANED_OUT_DECLINED, LANED_OUT_CANCELLED,
					     LANED_OUT_PASS };
	struct world *w = r->w;

	if (!r->up || world_fault(w, SIM_FAULT_LATE, 60))
		return LANED_NOT_DURABLE;
	if (world_random(w) % 2 == 0)
		return LANED_REFUSED; /* a stranger */
	for (size_t i = 0; i < sizeof(t->key.b); i++)
		t->key.b[i] = (uint8_t)world_random(w);
	t->wanted = true;
	t->outcome = outcomes[world_random(w) % 5];
	t->at_ms = w->now.mono_ms + world_delay(w, 0, 20000);
	ev->key = t->key;
	return LANED_OK;
}

static int
on_event(void *ctx, struct laned_event *ev)
{
	struct relay_side *r = ctx;
	struct tender *t = tender_of_id(r, ev->ref);

	never_secret(r, "an event", ev->ref.p, ev->ref.n);
	never_secret(r, "an event", ev->blob.p, ev->blob.n);
	never_secret(r, "an event", ev->ticket.p, ev->ticket.n);
	if (ev->type == LANED_EV_TENDER_WANTED)
		return t == NULL ? LANED_REFUSED : tender_wanted(r, t, ev);
	if (ev->type == LANED_EV_REPEAT_WANTED) {
		if (!r->up)
			return LANED_GONE;
		if (t == NULL || !t->wanted)
			return LANED_MISSING;
		t->at_ms = r->w->now.mono_ms + world_delay(r->w, 0, 500);
	}
	if (ev->type == LANED_EV_TENDER_UNDO && t != NULL)
		t->undone = true;
	return LANED_OK;
}

static int
on_nothing(void *ctx, struct laned_str ticket, laned_ack_fn ack, void *user)
{
	(void)ctx;
	(void)ticket;
	(void)ack;
	(void)user;
	return LANED_GONE;
}

static int
on_basket(void *ctx, const struct laned_basket *b, laned_ack_fn ack, void *user)
{
	return on_nothing(ctx, b->ticket, ack, user);
}

static int
on_claim(void *ctx, struct laned_str ticket, uint32_t kind, struct laned_str value,
	 laned_ack_fn ack, void *user)
{
	(void)kind;
	(void)value;
	return on_nothing(ctx, ticket, ack, user);
}

/* "Cancelled" gives the money back: only what never left, or what the POS itself has undone. */
static int
on_complete(void *ctx, const struct laned_result *result, laned_ack_fn ack, void *user)
{
	struct relay_side *r = ctx;
	struct tender *t = NULL;

	(void)ack;
	(void)user;
	if (!r->up)
		return LANED_GONE;
	if (result->req < REQUESTS)
		t = r->open[result->req];
	if (t == NULL) {
		world_broken(r->w, INV_ALIVE "a second completion of request %llu",
			     (unsigned long long)result->req);
		return LANED_REFUSED;
	}
	r->open[result->req] = NULL;
	if (result->outcome == LANED_OUT_CANCELLED && t->left && !t->undone)
		world_broken(r->w, INV_DECLINED "%s is cancelled, and its approval left",
			     t->id);
	return LANED_OK;
}

/* ---- the process ------------------------------------------------------------------------- */

static int
on_called(void *ctx, const char *function)
{
	struct relay_side *r = ctx;

	if (r->inside && world_fault(r->w, SIM_FAULT_ADAPTER_DIES, DEATH_ONE_IN)) {
		world_trace(r->w, "adapter dies in %s", function);
		longjmp(r->death, 1);
	}
	return LANED_OK;
}

static void
on_log(void *ctx, uint32_t level, struct laned_str text)
{
	(void)level;
	never_secret(ctx, "the log", text.p, text.n);
}

static void read_all(struct relay_side *r);

static void
die(struct relay_side *r)
{
	struct world *w = r->w;

	r->inside = false;
	r->draining = true;
	read_all(r); /* what left has left */
	r->draining = false;
	for (unsigned i = 0; i < r->lines_count; i++)
		r->lines[i].hit = true;
	r->lines_count = r->terminals_count = 0;
	r->instance = NULL;
	r->host = vhost_free(r->host);
	r->up = false;
	w->res->adapter_restarts++;
	r->start_ms = w->now.mono_ms + world_delay(w, 100, 5000);
}

/* Runs a part of the plug-in; it may die in it. */
static void
enter(struct relay_side *r, void (*part)(struct relay_side *r, const void *arg),
      const void *arg)
{
	if (r->instance == NULL && r->host == NULL)
		return;
	if (setjmp(r->death) == 0) {
		r->inside = true;
		part(r, arg);
		r->inside = false;
		return;
	}
	die(r);
}

static void
part_start(struct relay_side *r, const void *arg)
{
	(void)arg;
	if (r->table->create(vhost_handle(r->host), &r->api, &r->instance) != LANED_OK)
		abort();
	if (r->table->start(r->instance) != LANED_OK)
		world_broken(r->w, INV_ALIVE "the adapter does not start");
}

static void
starts(struct relay_side *r)
{
	const struct vhost_hooks hooks = { r, on_called, on_log };

	if (vhost_new(r->table, world_random(r->w), &hooks, &r->host) < 0)
		abort();
	(void)vhost_step(r->host, r->w->now.mono_ms); /* only the time moves */
	vhost_set_framing(r->host, FRAMING_LENGTH4);
	vhost_set_link(r->host, &r->link);
	enter(r, part_start, NULL);
	if (r->instance != NULL)
		r->up_ms = r->w->now.mono_ms + world_delay(r->w, 0, 500);
}

static void
part_link(struct relay_side *r, const void *arg)
{
	struct laned_entry entries[TENDERS];
	size_t count = 0;
	bool up = *(const bool *)arg;

	for (unsigned i = 0; up && i < r->tenders_count; i++) {
		struct tender *t = &r->tenders[i];

		if (!t->journalled || t->undone || r->reqs + 1 >= REQUESTS)
			continue;
		r->open[++r->reqs] = t;
		entries[count++] =
			(struct laned_entry){ .size = sizeof(entries[0]),
					      .state = LANED_J_ANSWER_SENDING,
					      .req = r->reqs,
					      .key = t->key,
					      .ref = { t->id, strlen(t->id) } };
	}
	if (!up)
		memset(r->open, 0, sizeof(r->open));
	r->up = up;
	if (up)
		r->table->recover(r->instance, entries, count);
	r->table->link(r->instance, up);
}

static void
part_work(struct relay_side *r, const void *arg)
{
	(void)arg;
	if (!vhost_run(r->host, r->w->now.mono_ms, STEPS_MAX))
		world_broken(r->w, INV_ALIVE "the adapter does not come to rest");
}

static void
part_answer(struct relay_side *r, const void *arg)
{
	struct tender *t = &r->tenders[*(const unsigned *)arg];
	struct laned_request q = { .size = sizeof(q),
				   .type = LANED_REQ_ANSWER,
				   .req = r->reqs + 1,
				   .key = t->key,
				   .amount = 1000,
				   .blob = { t->id, strlen(t->id) },
				   .outcome = t->outcome };

	t->at_ms = INT64_MAX;
	if (q.req >= REQUESTS)
		return;
	r->open[++r->reqs] = t;
	if (r->table->submit(r->instance, &q) != LANED_OK)
		r->open[q.req] = NULL;
}

/* ---- the terminal ------------------------------------------------------------------------ */

/* It is one that the POS has sent, whole and unchanged, and not before those ahead of it. */
static bool
is_next_of(const struct line *l, const struct frame *f, size_t n, bool is_whole)
{
	for (unsigned i = l->passed; i < l->frames; i++)
		if ((is_whole ? l->sent[i].n == n : l->sent[i].n > n) &&
		    memcmp(l->sent[i].bytes, f->bytes, n) == 0)
			return true;
	return false;
}

static void
answer_frame(struct relay_side *r, struct terminal *t)
{
	struct world *w = r->w;
	struct frame *f = &t->sent[t->frames];
	size_t n = 20 + (size_t)(world_random(w) % (FRAME_MAX - HEAD - 20));
	const struct vhost_feed how = {
		.delay_ms = world_fault(w, SIM_FAULT_LATE, 20)
				    ? world_delay(w, 1000, 90000)
				    : world_delay(w, 5, 3000),
		.piece = world_random(w) % 3 == 0 ? 1 + world_random(w) % 40 : 0,
		.gap_ms = world_delay(w, 0, 30),
	};

	if (t->frames == FRAMES) {
		world_broken(w, INV_PASS "more than was asked");
		return;
	}
	for (size_t i = 0; i < n; i++)
		f->bytes[HEAD + i] = (uint8_t)world_random(w);
	f->bytes[HEAD] = 'T';
	memcpy(f->bytes + HEAD + 1, SECRET, sizeof(SECRET) - 1);
	end_frame(f, n);
	t->frames++;
	if (vhost_conns_feed(r->host, t->conn, f->bytes, f->n, &how) < 0)
		t->line->hit = true; /* it hung up meanwhile */
}

static struct line *
whose_frame(struct relay_side *r, const struct frame *f, size_t n, bool is_whole)
{
	for (unsigned i = 0; i < r->lines_count; i++)
		if (r->lines[i].terminal == 0 && is_next_of(&r->lines[i], f, n, is_whole))
			return &r->lines[i];
	return NULL;
}

static void
mark_passed(struct relay_side *r, struct line *l, const struct frame *f, size_t n)
{
	char id[20];

	while (l->sent[l->passed].n != n ||
	       memcmp(l->sent[l->passed].bytes, f->bytes, n) != 0)
		l->passed++;
	l->passed++;
	r->w->res->passed++;
	world_trace(r->w, "the terminal has %zu bytes", n);
	for (unsigned i = 0; i < r->tenders_count; i++) {
		(void)snprintf(id, sizeof(id), "\"%s\"", r->tenders[i].id); /* fits */
		if (holds(f->bytes, n, id) && holds(f->bytes, n, "\"pay\""))
			r->tenders[i].passed = true;
	}
}

static void
terminal_reads(struct relay_side *r, struct terminal *t)
{
	size_t n;

	take_bytes(r, t->conn, &t->in);
	while ((n = whole(&t->in)) > 0) {
		if (t->line == NULL)
			t->line = whose_frame(r, &t->in, n, true);
		if (t->line == NULL || !is_next_of(t->line, &t->in, n, true)) {
			world_broken(r->w, INV_PASS
				     "the terminal gets what no POS has sent it");
			return;
		}
		t->line->terminal = t->conn;
		mark_passed(r, t->line, &t->in, n);
		drop_front(&t->in, n);
		answer_frame(r, t);
	}
	if (t->in.n > 0 &&
	    !(t->line != NULL ? is_next_of(t->line, &t->in, t->in.n, false)
			      : whose_frame(r, &t->in, t->in.n, false) != NULL))
		world_broken(r->w, INV_PASS "the terminal gets other bytes");
}

/* ---- the POS ----------------------------------------------------------------------------- */

static void
pos_takes_ours(struct relay_side *r, struct line *l, size_t n)
{
	char id[20];

	l->answered++;
	world_trace(r->w, "the POS has %zu bytes of ours", n);
	if (!holds(l->in.bytes, n, "\"approved\""))
		return;
	for (unsigned i = 0; i < r->tenders_count; i++) {
		(void)snprintf(id, sizeof(id), "\"%s\"", r->tenders[i].id); /* fits */
		if (holds(l->in.bytes, n, id))
			r->tenders[i].paid = true;
	}
}

static void
pos_reads(struct relay_side *r, struct line *l)
{
	static const char ours[] = "{\"type\":\"";
	struct terminal *t = terminal_of(r, l->terminal);
	size_t n;

	take_bytes(r, l->conn, &l->in);
	while ((n = whole(&l->in)) > 0) {
		const struct frame *f =
			t == NULL || t->taken == t->frames ? NULL : &t->sent[t->taken];

		if (n > HEAD + sizeof(ours) &&
		    memcmp(l->in.bytes + HEAD, ours, sizeof(ours) - 1) == 0) {
			pos_takes_ours(r, l, n);
		} else if (f != NULL && f->n == n &&
			   memcmp(f->bytes, l->in.bytes, n) == 0) {
			t->taken++;
			l->answered++;
			world_trace(r->w, "the POS has %zu bytes of the terminal", n);
		} else {
			world_broken(r->w, INV_PASS
				     "the POS gets what the terminal has not sent");
			return;
		}
		drop_front(&l->in, n);
	}
	/* The begun one: of ours the head says nothing yet. */
	if (l->in.n > HEAD && l->in.bytes[HEAD] == 'T' &&
	    (t == NULL || t->taken == t->frames || t->sent[t->taken].n < l->in.n ||
	     memcmp(t->sent[t->taken].bytes, l->in.bytes, l->in.n) != 0))
		world_broken(r->w, INV_PASS "the POS gets other bytes");
}

static void
read_all(struct relay_side *r)
{
	for (unsigned i = 0; r->host != NULL && i < r->terminals_count; i++)
		terminal_reads(r, &r->terminals[i]);
	for (unsigned i = 0; r->host != NULL && i < r->lines_count; i++)
		pos_reads(r, &r->lines[i]);
}

static void
send_frame(struct relay_side *r, struct line *l)
{
	struct world *w = r->w;
	const struct frame *f = &l->sent[l->frames++];
	struct vhost_feed how = { .gap_ms = world_delay(w, 0, 20) };

	world_trace(w, "the POS sends %zu bytes", f->n);
	if (world_fault(w, SIM_FAULT_PARTIAL, 2))
		how.piece = 1 + world_random(w) % 60;
	if (vhost_conns_feed(r->host, l->conn, f->bytes, f->n, &how) < 0)
		l->hit = true;
}

/* A payment, of a member or of none; or what only a terminal understands. */
static void
make_frame(struct relay_side *r, struct line *l, const char *type)
{
	struct world *w = r->w;
	struct frame *f = &l->sent[l->frames];
	struct tender *t = &r->tenders[r->tenders_count];
	int n;

	if (type == NULL || r->tenders_count == TENDERS) {
		n = 12 + (int)(world_random(w) % (FRAME_MAX - HEAD - 12));
		for (int i = 0; i < n; i++)
			f->bytes[HEAD + i] = (uint8_t)world_random(w);
		memcpy(f->bytes + HEAD, SECRET, sizeof(SECRET) - 1);
	} else {
		r->tenders_count++;
		*t = (struct tender){ .at_ms = INT64_MAX };
		(void)snprintf(t->id, sizeof(t->id), "q%u", r->tenders_count); /* fits */
		n = snprintf((char *)f->bytes + HEAD, FRAME_MAX - HEAD,
			     "{\"type\":\"%s\",\"id\":\"%s\",\"ticket\":\"T1\",\"rev\":1,"
			     "\"amount\":1000,\"currency\":\"EUR\",\"card\":\"" SECRET
			     "%llu\"}",
			     type, t->id, (unsigned long long)world_random(w));
	}
	end_frame(f, (size_t)n);
}

/* About a tender whose answer it has: done, undo, or once more. */
static void
make_word(struct relay_side *r, struct line *l, const char *type)
{
	struct frame *f = &l->sent[l->frames];
	int n = snprintf((char *)f->bytes + HEAD, FRAME_MAX - HEAD,
			 "{\"type\":\"%s\",\"id\":\"q%u\"}", type, r->tenders_count);

	end_frame(f, (size_t)n);
}

/* An open connection with room, or NULL. */
static struct line *
open_line(struct relay_side *r)
{
	struct line *l = NULL;
	bool stays = world_random(r->w) % 3 != 0;

	if (r->instance == NULL || r->lines_count == LINES)
		return NULL;
	if (r->lines_count > 0)
		l = &r->lines[r->lines_count - 1];
	if (l != NULL && is_held(r, l->conn) && !l->hit && l->frames + 3 <= FRAMES &&
	    stays)
		return l;
	if (l != NULL && is_held(r, l->conn))
		(void)vhost_conns_end(r->host, l->conn, 0, LANED_OK); /* it is there */
	l = &r->lines[r->lines_count];
	*l = (struct line){ .hit = false };
	if (vhost_conns_connect(r->host, LANED_ENDPOINT_POS, 0, &l->conn) < 0)
		return NULL;
	r->lines_count++;
	return l;
}

/* ---- a run ------------------------------------------------------------------------------- */

static void
breaks(struct relay_side *r, struct line *l)
{
	struct world *w = r->w;
	static const bool down = false;

	if (world_fault(w, SIM_FAULT_LINK_CUT, 60)) {
		l->hit = true;
		if (world_random(w) % 2 == 0 || l->terminal == 0)
			(void)vhost_conns_end(r->host, l->conn, 0, LANED_GONE);
		else
			(void)vhost_conns_end(r->host, l->terminal, 0, LANED_GONE);
	}
	if (r->up && world_fault(w, SIM_FAULT_LANED_DIES, 60)) {
		enter(r, part_link, &down);
		r->up_ms = w->now.mono_ms + world_delay(w, 200, 20000);
	}
	if (r->host != NULL && world_fault(w, SIM_FAULT_LINE_DOWN, 60)) {
		r->terminal_ms = w->now.mono_ms + world_delay(w, 1000, 20000);
		r->away_ms = r->terminal_ms + REFUSES_MS + STEP_MS;
		vhost_conns_answer(r->host, LANED_ENDPOINT_TERMINAL,
				   world_delay(w, 0, REFUSES_MS), LANED_GONE);
	}
}

/* Time goes on, and all do what is due. */
static void
step(struct relay_side *r)
{
	static const bool up = true;
	struct world *w = r->w;

	w->now.mono_ms += world_delay(w, 1, STEP_MS);
	w->res->steps++;
	if (r->host == NULL && r->start_ms <= w->now.mono_ms)
		starts(r);
	enter(r, part_work, NULL);
	if (r->instance != NULL && !r->up && r->up_ms <= w->now.mono_ms)
		enter(r, part_link, &up);
	if (r->host != NULL && r->terminal_ms != 0 && r->terminal_ms <= w->now.mono_ms) {
		r->terminal_ms = 0;
		vhost_conns_answer(r->host, LANED_ENDPOINT_TERMINAL, 5, LANED_OK);
	}
	for (unsigned i = 0; i < r->tenders_count; i++)
		if (r->up && r->instance != NULL && r->tenders[i].at_ms <= w->now.mono_ms)
			enter(r, part_answer, &i);
	read_all(r);
}

/* Until everything that was sent has its answer, or it broke. */
static void
wait_for(struct relay_side *r, struct line *l)
{
	int64_t until_ms = r->w->now.mono_ms + WAITS_MS;

	while (!l->hit && l->answered < l->frames && !r->w->res->broken) {
		step(r);
		if (l->conn != 0 && !is_held(r, l->conn)) {
			read_all(r);
			if (r->w->now.mono_ms > r->away_ms && !l->hit &&
			    l->answered < l->frames && !r->w->hit)
				world_broken(r->w, INV_PASS "hung up without a fault");
			l->hit = true;
		} else if (r->w->now.mono_ms > until_ms) {
			world_broken(r->w,
				     INV_ALIVE "a payment has no answer from anybody");
		} else {
			breaks(r, l);
		}
	}
}

static void
checkout(struct relay_side *r)
{
	struct world *w = r->w;
	struct line *l;

	w->hit = false;
	w->res->checkouts++;
	while ((l = open_line(r)) == NULL)
		step(r);
	make_frame(r, l, world_random(w) % 3 == 0 ? NULL : "pay");
	send_frame(r, l);
	if (world_random(w) % 4 == 0) { /* the next one at once */
		make_frame(r, l, world_random(w) % 2 == 0 ? NULL : "card");
		send_frame(r, l);
	}
	wait_for(r, l);
	if (r->tenders_count > 0 && r->tenders[r->tenders_count - 1].paid) {
		static const char *const words[] = { "done", "done", "undo", "repeat" };
		const char *word = words[world_random(w) % 4];

		while ((l = open_line(r)) == NULL)
			step(r);
		make_word(r, l, word);
		send_frame(r, l);
		wait_for(r, l);
	}
	for (unsigned i = 0; i < r->tenders_count; i++)
		if (r->tenders[i].paid && r->tenders[i].passed)
			world_broken(w,
				     INV_ONCE "%s is paid by token and at the terminal",
				     r->tenders[i].id);
}

void
relay_run(struct world *w, const char *path)
{
	static struct plugin *plugin; /* it has no writable data */
	struct relay_side *r = calloc(1, sizeof(*r));
	char why[PLUGIN_WHY_BYTES] = "";

	if (plugin == NULL && plugin_load(path, &plugin, why) < 0) {
		(void)fprintf(stderr, "sim: %s: %s\n", path, why);
		abort();
	}
	if (r == NULL)
		abort();
	now_running = r;
	r->w = w;
	r->table = plugin_table(plugin);
	r->api = *vhost_api();
	r->api.conn_listen = api_listen;
	r->api.conn_open = api_open;
	r->api.conn_send = api_send;
	r->link =
		(struct host_link){ r,         on_journal, on_journal_find, on_event,
				    on_basket, on_claim,   on_nothing,      on_complete };
	starts(r);
	for (uint32_t i = 0; i < w->opt.checkouts && !w->res->broken; i++)
		checkout(r);
	w->quiet = true; /* what it still holds is given back without a fault */
	if (r->instance != NULL) {
		r->table->stop(r->instance);
		vhost_forget_deferred(r->host);
		r->table->destroy(r->instance);
		if (vhost_allocated(r->host) > 0)
			world_broken(w, INV_ALIVE "the adapter leaves %zu bytes",
				     vhost_allocated(r->host));
	}
	(void)vhost_free(r->host); /* gives NULL */
	free(r);
}
