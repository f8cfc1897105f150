/* The test adapter's connections of the POS: what it asks for, and what goes past laned. */
#include "relay.h"

#include <string.h>

/* ---- small things ------------------------------------------------------------------------ */

void
relay_peer_free(struct peer *p)
{
	struct relay *r = p->r;

	if (p->conn != 0)
		r->api->conn_close(r->h, p->conn);
	if (p->terminal != 0)
		r->api->conn_close(r->h, p->terminal);
	r->api->free(r->h, p->buf);
	r->api->free(r->h, p->held);
	memset(p, 0, sizeof(*p));
}

void
relay_complete(struct peer *p, uint32_t outcome)
{
	const struct laned_result result = { .size = sizeof(result),
					     .outcome = outcome,
					     .req = p->req,
					     .key = p->key,
					     .amount = -1 };

	if (p->req != 0) /* an error: laned asks again by recover() */
		(void)p->r->api->complete(p->r->h, &result, NULL, NULL);
	p->req = 0;
}

int
relay_answer(struct peer *p, struct laned_json_out *o)
{
	struct laned_str text = { "", 0 };

	laned_json_close(o);
	if (laned_json_done(o, &text) != LANED_OK || text.n > ANSWER_BYTES)
		return LANED_INVALID;
	p->last_n = frames_put(p->r->frames, FRAMES_ZVT_RESULT, text.p, text.n, p->last);
	return p->r->api->conn_send(p->r->h, p->conn, p->last, p->last_n);
}

void
relay_status(struct peer *p, int status)
{
	char buf[ANSWER_BYTES];
	struct laned_json_out o;

	laned_json_out_init(&o, buf, sizeof(buf));
	laned_json_open(&o, NULL, '{');
	laned_json_str(&o, "type", laned_str_of(status == LANED_OK ? "ok" : "error"));
	laned_json_int(&o, "status", status);
	(void)relay_answer(p, &o); /* a POS that is gone says so */
}

static struct laned_str
str_member(const struct laned_json *j, const struct laned_json_node *at, const char *name)
{
	const struct laned_json_node *n = laned_json_member(j, at, name);

	return n == NULL || n->kind != LANED_JSON_STRING ? laned_str_of(NULL) : n->text;
}

static int64_t
int_member(const struct laned_json *j, const struct laned_json_node *at, const char *name)
{
	const struct laned_json_node *n = laned_json_member(j, at, name);

	return n == NULL || n->kind != LANED_JSON_INT ? -1 : n->i;
}

/* ---- past laned -------------------------------------------------------------------------- */

static void
on_passed(void *user, int status)
{
	struct peer *p = user;

	if (status == LANED_OK) {
		p->state = READING;
		relay_work(p);
		return;
	}
	p->conn = p->terminal = 0; /* both are closed */
	relay_peer_free(p);
}

/* What the POS has sent behind the frame goes with it: the rest of it will not come by here. */
static int
join_held(struct peer *p)
{
	const struct laned_host_api *api = p->r->api;
	uint8_t *all = p->n == 0 ? p->held : api->alloc(p->r->h, p->held_n + p->n);

	if (all == NULL)
		return LANED_NO_MEMORY;
	if (p->n == 0)
		return LANED_OK;
	memcpy(all, p->held, p->held_n);
	memcpy(all + p->held_n, p->buf, p->n);
	api->free(p->r->h, p->held);
	p->held = all;
	p->held_n += p->n;
	p->n = 0;
	return LANED_OK;
}

/* The frame goes to the terminal first, and what the host then does is not seen. */
static void
tie(struct peer *p)
{
	struct relay *r = p->r;
	const struct laned_tunnel t = { .size = sizeof(t),
					.a = p->conn,
					.b = p->terminal,
					.first = p->held,
					.n = p->held_n,
					.done = on_passed,
					.user = p };
	int rc;

	p->state = PASSING;
	r->passed++;
	rc = r->api->tunnel(r->h, &t);
	if (rc == LANED_OK) {
		r->api->free(r->h, p->held);
		p->held = NULL;
		return;
	}
	/* No framing tells where a transaction ends: for good, then. */
	if (rc == LANED_UNSUPPORTED &&
	    r->api->conn_send(r->h, p->terminal, p->held, p->held_n) == LANED_OK &&
	    r->api->splice(r->h, p->conn, p->terminal, NULL, 0) == LANED_OK)
		p->conn = p->terminal = 0;
	relay_peer_free(p);
}

/* The terminal is there. */
static void
pass_now(struct peer *p)
{
	if (join_held(p) == LANED_OK)
		tie(p);
	else
		relay_peer_free(p);
}

static void
terminal_opened(void *user, uint64_t conn)
{
	struct peer *p = user;

	(void)conn;
	if (p->state == OPENING)
		pass_now(p);
}

static void
terminal_data(void *user, uint64_t conn, const uint8_t *data, size_t n)
{
	(void)user; /* nothing is expected outside a transaction */
	(void)conn;
	(void)data;
	(void)n;
}

static void
terminal_closed(void *user, uint64_t conn, int status)
{
	struct peer *p = user;

	(void)conn;
	(void)status;
	p->terminal = 0;
	if (p->state == OPENING) /* the POS sees what it would without us */
		relay_peer_free(p);
}

void
relay_pass(struct peer *p)
{
	static const struct laned_conn_events events = { .size = sizeof(events),
							 .opened = terminal_opened,
							 .data = terminal_data,
							 .closed = terminal_closed };
	struct relay *r = p->r;

	p->state = OPENING;
	if (p->terminal != 0)
		pass_now(p);
	else if (r->api->conn_open(r->h, LANED_ENDPOINT_TERMINAL, &events, p,
				   &p->terminal) != LANED_OK)
		relay_peer_free(p);
}

/* ---- what the POS asks ------------------------------------------------------------------- */

static void
fault_of_pay(struct relay *r)
{
	if (laned_str_is(r->fault, "crash_pay"))
		__builtin_trap();
	while (laned_str_is(r->fault, "hang_pay"))
		__asm__ volatile("" ::: "memory");
}

static void
pay(struct peer *p, const struct laned_json *j)
{
	struct laned_str id = str_member(j, j->nodes, "id");
	struct laned_event ev = { .size = sizeof(ev),
				  .type = LANED_EV_TENDER_WANTED,
				  .ticket = str_member(j, j->nodes, "ticket"),
				  .amount = int_member(j, j->nodes, "amount"),
				  .currency = str_member(j, j->nodes, "currency"),
				  .rev = int_member(j, j->nodes, "rev"),
				  .ref = id,
				  .blob = id };

	fault_of_pay(p->r);
	/* A "no" is no other one when it is asked for again: the POS has not heard it. */
	if (laned_str_is(id, p->refused) && id.n > 0) {
		(void)p->r->api->conn_send(p->r->h, p->conn, p->last, p->last_n);
		return;
	}
	p->refused[0] = '\0';
	p->r->asked++;
	relay_complete(p, LANED_OUT_UNKNOWN); /* of a result that nobody has confirmed */
	if (id.n == 0 || id.n >= ID_BYTES || p->r->api->event(p->r->h, &ev) != LANED_OK) {
		relay_pass(p);
		return;
	}
	p->state = ASKED;
	p->key = ev.key;
	memcpy(p->id, id.p, id.n);
	p->id[id.n] = '\0';
}

/* The last answer again. What laned never heard of is the terminal's, if it is anybody's. */
static void
repeat(struct peer *p, struct laned_event *ev)
{
	int rc;

	if (ev->ref.n == 0 || ev->ref.n >= ID_BYTES) {
		relay_pass(p);
		return;
	}
	memcpy(p->id, ev->ref.p, ev->ref.n);
	p->id[ev->ref.n] = '\0';
	p->state = ASKED;
	rc = p->r->api->event(p->r->h, ev);
	if (rc == LANED_OK)
		return;
	p->state = READING;
	if (rc == LANED_MISSING)
		relay_pass(p);
	else
		relay_status(p, rc);
}

/* abort, done, undo, repeat: about the tender of this id, of this connection or another. */
static void
about_tender(struct peer *p, uint32_t type, struct laned_str id)
{
	struct relay *r = p->r;
	struct laned_event ev = {
		.size = sizeof(ev), .type = type, .amount = -1, .ref = id
	};
	struct peer *whose = p;
	int rc;

	for (size_t i = 0; i < PEERS_MAX; i++)
		if (r->peers[i].state != FREE && id.n > 0 &&
		    laned_str_is(id, r->peers[i].id))
			whose = &r->peers[i];
	if (laned_str_is(id, whose->id))
		ev.key = whose->key;
	if (whose->state == ANSWERED)
		whose->state = READING;
	if (type == LANED_EV_TENDER_CONFIRMED)
		relay_complete(whose, LANED_OUT_CONFIRMED);
	if (type == LANED_EV_REPEAT_WANTED) {
		repeat(p, &ev);
		return;
	}
	rc = r->api->event(r->h, &ev);
	if (laned_str_is(r->fault, "says_done"))
		rc = LANED_OK; /* the mistake */
	if (rc == LANED_MISSING)
		relay_pass(p); /* it may be of the terminal's own */
	else
		relay_status(p, rc);      /* "ok" when it is stored, and not before */
	if (type == LANED_EV_TENDER_UNDO) /* it had left: only the event takes it back */
		relay_complete(whose, LANED_OUT_UNKNOWN);
}

void
relay_basket_stored(void *user, int status)
{
	struct peer *p = user;

	if (p->state != BASKET)
		return;
	p->state = READING;
	relay_status(p, status);
	relay_work(p);
}

static void
basket(struct peer *p, const struct laned_json *j)
{
	struct relay *r = p->r;
	const struct laned_json_node *list = laned_json_member(j, j->nodes, "lines");
	const struct laned_json_node *final = laned_json_member(j, j->nodes, "final");
	const struct laned_json_node *closed = laned_json_member(j, j->nodes, "closed");
	struct laned_basket b = { .size = sizeof(b),
				  .ticket = str_member(j, j->nodes, "ticket"),
				  .rev = int_member(j, j->nodes, "rev"),
				  .currency = str_member(j, j->nodes, "currency"),
				  .lines = r->lines };
	int rc;

	if (final != NULL && final->kind == LANED_JSON_BOOL && final->i)
		b.flags = LANED_BASKET_FINAL;
	if (closed != NULL && closed->kind == LANED_JSON_BOOL && closed->i)
		b.flags |= LANED_BASKET_CLOSED;
	for (const struct laned_json_node *n = list == NULL ? NULL
							    : laned_json_first(j, list);
	     n != NULL && b.lines_count < LINES_MAX; n = laned_json_next(j, n))
		r->lines[b.lines_count++] =
			(struct laned_line){ .size = sizeof(struct laned_line),
					     .line = int_member(j, n, "line"),
					     .gtin = str_member(j, n, "gtin"),
					     .plu = str_member(j, n, "plu"),
					     .text = str_member(j, n, "text"),
					     .qty_milli = int_member(j, n, "qty_milli"),
					     .unit_price = int_member(j, n, "unit_price"),
					     .amount = int_member(j, n, "amount"),
					     .vat_bp = -1 };
	p->state = BASKET;
	rc = r->api->pos_basket(r->h, &b, relay_basket_stored, p);
	if (rc != LANED_OK)
		relay_basket_stored(p, rc);
}

/* One frame: in held, and as text that was parsed. */
static void
take(struct peer *p)
{
	static const struct {
		const char *type;
		uint32_t event;
	} events[] = {
		{ "abort", LANED_EV_TENDER_ABORT },
		{ "done", LANED_EV_TENDER_CONFIRMED },
		{ "undo", LANED_EV_TENDER_UNDO },
		{ "repeat", LANED_EV_REPEAT_WANTED },
	};
	struct relay *r = p->r;
	struct laned_json j = { .nodes = r->nodes, .nodes_max = NODES_MAX };
	struct laned_str type = { "", 0 };
	size_t n = frames_body(r->frames, p->held, p->held_n, (uint8_t *)r->text);

	if (laned_json_parse(&j, r->text, n) == LANED_OK)
		type = str_member(&j, j.nodes, "type");
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (laned_str_is(type, events[i].type)) {
			about_tender(p, events[i].event, str_member(&j, j.nodes, "id"));
			return;
		}
	if (laned_str_is(type, "pay"))
		pay(p, &j);
	else if (laned_str_is(type, "basket"))
		basket(p, &j);
	else
		relay_pass(p);
}

static void
drop_front(struct peer *p, size_t n)
{
	memmove(p->buf, p->buf + n, p->n - n);
	p->n -= n;
}

/* What is no message: acknowledgements and noise; a serial line's checks. */
static void
side_word(struct peer *p, const struct frames_found *f)
{
	static const uint8_t nak = FRAMES_NAK;
	struct relay *r = p->r;

	/* A POS that is gone says so. */
	if (f->what == FRAMES_BROKEN)
		(void)r->api->conn_send(r->h, p->conn, &nak, 1);
	else if (f->what == FRAMES_BYTE && p->buf[0] == FRAMES_NAK && p->last_n > 0)
		(void)r->api->conn_send(r->h, p->conn, p->last, p->last_n);
	drop_front(p, f->n);
}

/* A whole frame has come: on a serial line it is acknowledged, whoever answers it. */
static void
acknowledge(struct peer *p)
{
	static const uint8_t ack = FRAMES_ACK;

	if (p->r->frames == FRAMES_ZVT_SERIAL) /* a POS that is gone says so */
		(void)p->r->api->conn_send(p->r->h, p->conn, &ack, 1);
}

/* The POS's "80 00" to what we have sent wants nothing of anybody. */
static int
is_answer(const struct relay *r, unsigned head)
{
	return (r->frames == FRAMES_ZVT || r->frames == FRAMES_ZVT_SERIAL) &&
	       (head >> 8 == 0x80 || head >> 8 == 0x84);
}

/* The next whole frame of buf into held. False: there is none, or no use of it. */
static int
next_frame(struct peer *p)
{
	struct relay *r = p->r;
	struct frames_found f;

	for (;;) {
		frames_find(r->frames, p->buf, p->n, &f);
		if (f.what == FRAMES_NONE)
			return 0;
		if (f.what == FRAMES_MESSAGE)
			acknowledge(p);
		if (f.what == FRAMES_STRANGE ||
		    (f.what == FRAMES_MESSAGE && !is_answer(r, f.head)))
			break; /* nonsense: as it is to the terminal */
		side_word(p, &f);
	}
	r->api->free(r->h, p->held);
	p->held = r->api->alloc(r->h, f.n);
	if (p->held == NULL) {
		relay_peer_free(p);
		return 0;
	}
	memcpy(p->held, p->buf, f.n);
	p->held_n = f.n;
	drop_front(p, f.n);
	return 1;
}

void
relay_work(struct peer *p)
{
	while ((p->state == READING || p->state == ANSWERED) && next_frame(p))
		take(p);
	if (!p->ended || (p->state != READING && p->state != ANSWERED))
		return;
	if (p->state == ANSWERED)
		relay_complete(p, LANED_OUT_UNKNOWN); /* nobody can say any more */
	relay_peer_free(p); /* what it asked has its answer, which goes out first */
}

/* A connection of the POS by its number, or NULL. */
static struct peer *
find(struct relay *r, uint64_t conn)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (r->peers[i].state != FREE && r->peers[i].conn == conn)
			return &r->peers[i];
	return NULL;
}

static void
pos_opened(void *user, uint64_t conn)
{
	struct relay *r = user;
	struct peer *p = NULL;

	for (size_t i = 0; p == NULL && i < PEERS_MAX; i++)
		if (r->peers[i].state == FREE)
			p = &r->peers[i];
	if (p == NULL) {
		r->api->conn_close(r->h, conn);
		return;
	}
	*p = (struct peer){ .r = r, .state = READING, .conn = conn };
	p->buf = r->api->alloc(r->h, FRAME_BYTES_MAX);
	if (p->buf == NULL)
		relay_peer_free(p);
}

static void
pos_data(void *user, uint64_t conn, const uint8_t *data, size_t n)
{
	struct peer *p = find(user, conn);

	if (p == NULL)
		return;
	if (n > FRAME_BYTES_MAX - p->n) {
		relay_peer_free(p);
		return;
	}
	memcpy(p->buf + p->n, data, n);
	p->n += n;
	relay_work(p);
}

static void
pos_closed(void *user, uint64_t conn, int status)
{
	struct peer *p = find(user, conn);

	(void)status;
	if (p == NULL)
		return;
	p->conn = 0;
	if (p->state == ANSWERED)
		relay_complete(p, LANED_OUT_UNKNOWN); /* it may have it */
	relay_peer_free(p);
}

/* It may wait for the answer with its own direction ended; option half says whether it may. */
static void
pos_ended(void *user, uint64_t conn)
{
	struct relay *r = user;
	struct peer *p = find(r, conn);

	if (p == NULL)
		return;
	if (!r->half) {
		r->api->conn_close(r->h, conn);
		pos_closed(r, conn, LANED_OK);
		return;
	}
	p->ended = 1;
	relay_work(p);
}

const struct laned_conn_events relay_pos_events = {
	.size = sizeof(relay_pos_events),
	.opened = pos_opened,
	.data = pos_data,
	.closed = pos_closed,
	.ended = pos_ended,
};
