#include "template.h"

#include <string.h>

#define REQUESTS_MAX 64u
#define RECONNECT_MS_MIN 1000u
#define RECONNECT_MS_MAX 30000u
#define PAY_TIMEOUT_MS 60000u
#define RETRY_MS 1000u /* what laned could not store is given to it again */

/* What laned asked for. To adapt: ids of the protocol's own belong here, and into the blob. */
struct request {
	struct request *next;
	struct mine *t;
	uint64_t req, timer;
	uint32_t type, timeout_ms, bytes;
	int sent, answered; /* answered: laned is storing its completion */
	struct laned_key key;
	char line[];
};

/* All state is here: a plug-in has no variable of its own. */
struct mine {
	struct laned_host *host;
	const struct laned_host_api *api;
	int64_t answer_ms;
	int up;               /* laned is there */
	int connected;        /* the peer is there */
	uint64_t conn, again; /* again: the timer of the next try to connect */
	uint32_t wait_ms;
	struct request *requests;
	uint32_t requests_count;
	/* What the peer says: the first line of in is with laned (busy), or to be given again. */
	int busy;
	uint64_t retry, busy_req, busy_conn;
	int64_t busy_id;
	size_t used, line_bytes;
	char in[LINE_BYTES_MAX], work[LINE_BYTES_MAX];
	struct reader reader;
	uint64_t received, sent, errors;
};

static const struct laned_option options[] = {
	{ sizeof(struct laned_option), LANED_OPT_ADDRESS, "peer", NULL, NULL,
	  "Where the peer listens, as tcp://192.0.2.7:4711.", 1, 500 },
	{ sizeof(struct laned_option), LANED_OPT_DURATION, "answer_timeout", "10s", NULL,
	  "How long the peer may take to answer a query, a confirm or an undo.", 1000,
	  600000 },
};

/* ---- requests of laned -------------------------------------------------------------------- */

static void
forget_request(struct request *r)
{
	struct mine *t = r->t;
	struct request **at = &t->requests;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	t->requests_count--;
	t->api->timer_cancel(t->host, r->timer);
	t->api->free(t->host, r);
}

/* The one completion of a request that no message of the peer ends. */
static void
end_request(struct request *r, uint32_t outcome, const char *why)
{
	struct laned_result result = { .size = sizeof(result),
				       .outcome = outcome,
				       .req = r->req,
				       .key = r->key,
				       .amount = -1,
				       .text = laned_str_of(why) };

	/* LANED_GONE: the link is lost; recover() brings it again. */
	(void)r->t->api->complete(r->t->host, &result, NULL, NULL);
	forget_request(r);
}

static void
timed_out(void *user)
{
	struct request *r = user;

	r->timer = 0;
	if (!r->answered)
		end_request(r, LANED_OUT_UNKNOWN, "the peer did not answer in time");
}

static int
arm(struct request *r, uint32_t ms, laned_timer_fn fn)
{
	r->t->api->timer_cancel(r->t->host, r->timer);
	r->timer = 0;
	return r->t->api->timer_set(r->t->host, ms, fn, r, &r->timer);
}

/*
 * The order of these steps is the heart of an adapter: what did not leave is NOT_SENT; before the
 * first byte of a payment leaves, the journal has it; and from then on, whatever happens here, only
 * the peer knows.
 */
static void
send_request(struct request *r)
{
	struct mine *t = r->t;
	struct laned_str no_blob = { NULL, 0 };

	if (r->type == LANED_REQ_PAY &&
	    t->api->journal(t->host, r->req, &r->key, LANED_J_SENDING, no_blob) !=
		    LANED_OK) {
		end_request(r, LANED_OUT_NOT_SENT, "the journal did not take it");
		return;
	}
	if (t->api->conn_send(t->host, t->conn, (const uint8_t *)r->line, r->bytes) !=
	    LANED_OK) {
		end_request(r,
			    r->type == LANED_REQ_PAY ? LANED_OUT_UNKNOWN
						     : LANED_OUT_NOT_SENT,
			    "it could not be sent");
		return;
	}
	r->sent = 1;
	t->sent++;
	if (r->type == LANED_REQ_OFFER)
		end_request(r, LANED_OUT_DONE, "");
	else if (arm(r, r->timeout_ms, timed_out) != LANED_OK)
		end_request(r, LANED_OUT_UNKNOWN, "no timer");
}

/* What asks about a payment may wait for the peer a while; new things do not. */
static void
send_now(void *user)
{
	struct request *r = user;
	int is_new = r->type == LANED_REQ_OFFER || r->type == LANED_REQ_PAY;

	r->timer = 0;
	if (r->t->connected)
		send_request(r);
	else if (is_new || arm(r, r->timeout_ms, timed_out) != LANED_OK)
		end_request(r, LANED_OUT_NOT_SENT, "the peer is not there");
}

/* LANED_OK: it will have one completion. Else nothing has happened, and nothing will. */
static int
take_request(struct mine *t, const struct laned_request *q)
{
	char *buf = t->api->alloc(t->host, LINE_BYTES_MAX);
	struct laned_str line = { NULL, 0 };
	struct request *r = NULL;
	int rc = LANED_NO_MEMORY;

	if (buf != NULL)
		rc = message_write(buf, LINE_BYTES_MAX, q, &line);
	if (rc == LANED_OK && t->requests_count >= REQUESTS_MAX)
		rc = LANED_AGAIN;
	if (rc == LANED_OK) {
		r = t->api->alloc(t->host, sizeof(*r) + line.n);
		rc = r != NULL ? LANED_OK : LANED_NO_MEMORY;
	}
	if (rc == LANED_OK) {
		r->t = t;
		r->req = q->req;
		r->type = q->type;
		r->key = q->key;
		r->timeout_ms = q->type != LANED_REQ_PAY ? (uint32_t)t->answer_ms
				: q->timeout_ms > 0      ? q->timeout_ms
							 : PAY_TIMEOUT_MS;
		r->bytes = (uint32_t)line.n;
		memcpy(r->line, line.p, line.n);
		r->next = t->requests;
		t->requests = r;
		t->requests_count++;
		rc = arm(
			r, 0,
			send_now); /* not from here: laned first hears that it is taken */
		if (rc != LANED_OK)
			forget_request(r);
	}
	t->api->free(t->host, buf); /* zeroes: there was a token in it */
	return rc;
}

static int
submit(void *instance, const struct laned_request *q)
{
	struct mine *t = instance;

	if (!t->up)
		return LANED_GONE;
	if (q->type == LANED_REQ_PAY && (q->amount <= 0 || q->token.n == 0))
		return LANED_INVALID;
	if (q->type != LANED_REQ_OFFER && laned_key_is_zero(&q->key))
		return LANED_INVALID;
	return take_request(t, q);
}

/* What was open when we or laned died: the peer's ledger knows, so it is asked, or told to undo. */
static void
recover(void *instance, const struct laned_entry *entries, size_t count)
{
	struct mine *t = instance;

	for (size_t i = 0; i < count; i++) {
		struct laned_request q = { .size = sizeof(q),
					   .type = entries[i].state == LANED_J_UNDO_QUEUED
							   ? LANED_REQ_UNDO
							   : LANED_REQ_QUERY,
					   .req = entries[i].req,
					   .key = entries[i].key };
		struct laned_result no = { .size = sizeof(no),
					   .outcome = LANED_OUT_UNKNOWN,
					   .req = q.req,
					   .key = q.key,
					   .amount = -1 };

		if (take_request(t, &q) != LANED_OK) /* laned will ask again */
			(void)t->api->complete(t->host, &no, NULL, NULL);
	}
}

/* ---- the connection ----------------------------------------------------------------------- */

static void connect_now(void *user);

/* The peer is gone: what became of what it was asked, nobody knows now. laned will ask again. */
static void
lost(struct mine *t)
{
	struct request *next;

	t->connected = 0;
	t->conn = 0;
	t->used = 0; /* the peer says again what was not acknowledged */
	t->api->timer_cancel(t->host, t->retry);
	t->retry = 0;
	for (struct request *r = t->requests; r != NULL; r = next) {
		next = r->next;
		if (r->sent && !r->answered)
			end_request(r, LANED_OUT_UNKNOWN, "the peer went away");
	}
	if (t->up && t->again == 0 &&
	    t->api->timer_set(t->host, t->wait_ms, connect_now, t, &t->again) != LANED_OK)
		t->errors++; /* health says that the peer is not there */
	t->wait_ms =
		2 * t->wait_ms < RECONNECT_MS_MAX ? 2 * t->wait_ms : RECONNECT_MS_MAX;
}

static void
hang_up(struct mine *t)
{
	if (t->conn != 0)
		t->api->conn_close(t->host, t->conn); /* no event of it comes any more */
	lost(t);
}

static void
acknowledge(struct mine *t, int64_t id, int status)
{
	char buf[96];
	struct laned_str line;

	if (t->connected &&
	    (message_write_ack(buf, sizeof(buf), id, status, &line) != LANED_OK ||
	     t->api->conn_send(t->host, t->conn, (const uint8_t *)line.p, line.n) !=
		     LANED_OK))
		hang_up(t);
}

/* ---- what the peer says ------------------------------------------------------------------- */

/* The words for money do not answer a confirm or an undo, and the other way round. */
static int
is_answered_by(const struct request *r, const struct laned_result *a)
{
	int of_settling =
		a->outcome == LANED_OUT_CONFIRMED || a->outcome == LANED_OUT_UNDONE;
	int of_both =
		a->outcome == LANED_OUT_NOT_FOUND || a->outcome == LANED_OUT_UNKNOWN;
	int settles = r->type == LANED_REQ_CONFIRM || r->type == LANED_REQ_UNDO;

	return r->sent && laned_key_eq(&r->key, &a->key) &&
	       (of_both || of_settling == settles);
}

static void stored(void *user, int status);

/* An answer that nobody waits for goes to laned all the same: it may be about money. */
static int
take_answer(struct mine *t, struct laned_result *a)
{
	struct request *r = t->requests;
	int rc;

	while (r != NULL && !is_answered_by(r, a))
		r = r->next;
	if (r == NULL)
		a->flags = LANED_RESULT_LATE;
	else
		a->req = t->busy_req = r->req;
	rc = t->api->complete(t->host, a, stored, t);
	if (rc == LANED_OK && r != NULL)
		r->answered = 1;
	return rc;
}

static int
take_message(struct mine *t, struct message *m)
{
	t->busy_id = m->id;
	t->busy_req = 0;
	t->busy_conn = t->conn;
	switch (m->kind) {
	case MSG_BASKET:
		return t->api->pos_basket(t->host, &m->basket, stored, t);
	case MSG_CLAIM:
		return t->api->pos_claim(t->host, m->ticket, m->claim_kind, m->value,
					 stored, t);
	case MSG_CANCEL:
		return t->api->pos_cancel(t->host, m->ticket, stored, t);
	case MSG_ANSWER:
		break;
	}
	return take_answer(t, &m->answer);
}

/* The first line is done with: laned has it, or it is nothing that laned could ever take. */
static void
end_line(struct mine *t, int64_t id, int status)
{
	t->used -= t->line_bytes;
	memmove(t->in, t->in + t->line_bytes, t->used);
	t->received++;
	acknowledge(t, id, status);
}

static void take_lines(void *user);

/* As its name says. What cannot be given again is forgotten with the connection. */
static void
retry_later(struct mine *t)
{
	if (t->retry == 0 &&
	    t->api->timer_set(t->host, RETRY_MS, take_lines, t, &t->retry) != LANED_OK)
		hang_up(t);
}

/* One line after the other, the next one when laned has the one before. */
static void
take_lines(void *user)
{
	struct mine *t = user;
	struct message m;
	const char *end;
	int rc;

	t->retry = 0;
	while (!t->busy && (end = memchr(t->in, '\n', t->used)) != NULL) {
		t->line_bytes = (size_t)(end - t->in) + 1;
		memcpy(t->work, t->in, t->line_bytes); /* reading changes the text */
		t->work[t->line_bytes - 1] = '\0';
		rc = message_read(&t->reader, t->work, t->line_bytes - 1, &m);
		if (rc == LANED_OK)
			rc = take_message(t, &m);
		else
			t->errors++;
		if (rc == LANED_OK) {
			t->busy = 1;
		} else if (rc == LANED_AGAIN || rc == LANED_GONE) {
			retry_later(t);
			return;
		} else if (m.id > 0) {
			end_line(t, m.id, rc);
		} else {
			t->api->log(t->host, LANED_LOG_WARNING,
				    laned_str_of("not a line of the protocol"));
			hang_up(t);
		}
	}
}

/* laned has it, or will never take it, or wants it again later: only then the peer may forget it. */
static void
stored(void *user, int status)
{
	struct mine *t = user;
	struct request *r = t->requests;
	int later = status == LANED_AGAIN || status == LANED_GONE;
	int here = t->conn != 0 && t->conn == t->busy_conn; /* else it comes again */

	t->busy = 0;
	while (r != NULL && r->req != t->busy_req)
		r = r->next;
	if (r != NULL && !later) {
		forget_request(r);
	} else if (r != NULL) {
		r->answered = 0;
		if (arm(r, r->timeout_ms, timed_out) != LANED_OK)
			end_request(r, LANED_OUT_UNKNOWN, "no timer");
	}
	if (here && later)
		retry_later(t);
	else if (here)
		end_line(t, t->busy_id, status);
	if (t->retry == 0)
		take_lines(t);
}

static void
on_data(void *user, uint64_t conn, const uint8_t *data, size_t n)
{
	struct mine *t = user;

	(void)conn; /* there is one */
	if (n > sizeof(t->in) - t->used) {
		t->errors++; /* more than any message, or than a peer says that waits for us */
		hang_up(t);
		return;
	}
	memcpy(t->in + t->used, data, n);
	t->used += n;
	if (t->retry == 0)
		take_lines(t);
}

static void
on_opened(void *user, uint64_t conn)
{
	struct mine *t = user;
	struct request *next;

	(void)conn; /* there is one */
	t->connected = 1;
	t->wait_ms = RECONNECT_MS_MIN;
	for (struct request *r = t->requests; r != NULL && t->connected; r = next) {
		next = r->next;
		if (!r->sent)
			send_request(r);
	}
}

static void
on_closed(void *user, uint64_t conn, int status)
{
	(void)conn;
	(void)status; /* the host has logged why */
	lost(user);
}

static const struct laned_conn_events events = {
	.size = sizeof(struct laned_conn_events),
	.opened = on_opened,
	.data = on_data,
	.closed = on_closed,
};

static void
connect_now(void *user)
{
	struct mine *t = user;

	t->again = 0;
	if (t->api->conn_open(t->host, "peer", &events, t, &t->conn) != LANED_OK)
		lost(t);
}

/* ---- the adapter's life ------------------------------------------------------------------- */

static int
create(struct laned_host *h, const struct laned_host_api *api, void **ret_instance)
{
	struct mine *t;
	int rc;

	if (api->size < sizeof(*api)) /* a host of an older minor version */
		return LANED_UNSUPPORTED;
	t = api->alloc(h, sizeof(*t));
	if (t == NULL)
		return LANED_NO_MEMORY;
	t->host = h;
	t->api = api;
	t->wait_ms = RECONNECT_MS_MIN;
	rc = api->option_int(h, "answer_timeout", &t->answer_ms);
	if (rc == LANED_OK)
		*ret_instance = t;
	else
		api->free(h, t);
	return rc;
}

static int
start(void *instance)
{
	(void)instance; /* the peer is called when laned is there: without it we could store nothing */
	return LANED_OK;
}

/* Without laned everything under way is void. Not being connected says so to the peer. */
static void
forget_all(struct mine *t)
{
	t->up = 0;
	while (t->requests != NULL)
		forget_request(t->requests);
	t->busy = 0;
	hang_up(t);
	t->api->timer_cancel(t->host, t->again);
	t->again = 0;
}

static void
link_changed(void *instance, int up)
{
	struct mine *t = instance;

	if (!up) {
		forget_all(t);
		return;
	}
	t->up = 1;
	t->wait_ms = RECONNECT_MS_MIN;
	if (t->conn == 0 && t->again == 0)
		connect_now(t);
}

static void
health(void *instance, struct laned_health *h)
{
	struct mine *t = instance;
	struct laned_text text;

	h->state = !t->up         ? LANED_HEALTH_DOWN
		   : t->connected ? LANED_HEALTH_UP
				  : LANED_HEALTH_DEGRADED;
	h->pending = t->requests_count;
	h->received = t->received;
	h->sent = t->sent;
	h->errors = t->errors;
	laned_text_init(&text, h->note, sizeof(h->note));
	if (t->up && !t->connected)
		laned_text_add(&text, "the peer is not there");
}

/* Level 0: lines, and whether they can be read. To adapt: messages of your protocol's own manual. */
static int
selftest(void *instance, uint32_t level, char text[LANED_NOTE_BYTES])
{
	static const struct {
		const char *line;
		int status;
	} vectors[] = {
		{ "{\"id\":1,\"do\":\"cancel\",\"ticket\":\"17\"}", LANED_OK },
		{ "{\"id\":1,\"do\":\"answer\",\"is\":\"approved\",\"amount\":781,"
		  "\"key\":\"000102030405060708090a0b0c0d0e0f\"}",
		  LANED_OK },
		{ "{\"id\":1,\"do\":\"answer\",\"is\":\"approved\"}", LANED_INVALID },
		{ "{\"id\":1,\"do\":\"dance\"}", LANED_INVALID },
		{ "{\"id\":1", LANED_INVALID },
	};
	struct mine *t = instance;
	struct message m;
	struct laned_text note;
	char line[160];

	laned_text_init(&note, text, LANED_NOTE_BYTES);
	if (level > 0)
		return LANED_UNSUPPORTED;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		memcpy(line, vectors[i].line, strlen(vectors[i].line));
		if (message_read(&t->reader, line, strlen(vectors[i].line), &m) !=
		    vectors[i].status) {
			laned_text_add(&note, vectors[i].line);
			return LANED_INTERNAL;
		}
	}
	laned_text_add(&note, "all lines are read as they should be");
	return LANED_OK;
}

static void
stop(void *instance)
{
	forget_all(
		instance); /* open payments are in laned's journal, and come back by recover */
}

static void
destroy(void *instance)
{
	struct mine *t = instance;

	t->api->free(t->host, t);
}

#ifndef ADAPTER_NAME
#define ADAPTER_NAME "template"
#endif

static const struct laned_adapter adapter = {
	.size = sizeof(struct laned_adapter),
	.abi_major = LANED_ABI_MAJOR,
	.abi_minor = LANED_ABI_MINOR,
	.host_minor_min = 3,
	.name = ADAPTER_NAME,
	.version = "1",
	.license = "Apache-2.0",
	.protocol = "lines of JSON, an example",
	.evidence = "simulated",
	.caps = LANED_CAP_BASKET_LIVE | LANED_CAP_TOTAL | LANED_CAP_MEMBER_OUT |
		LANED_CAP_DISCOUNT_LINES | LANED_CAP_CLAIM | LANED_CAP_TRAINING |
		LANED_CAP_PAY | LANED_CAP_PARTIAL | LANED_CAP_QUERY | LANED_CAP_CONFIRM |
		LANED_CAP_UNDO,
	.options = options,
	.options_count = sizeof(options) / sizeof(options[0]),
	.create = create,
	.start = start,
	.recover = recover,
	.link = link_changed,
	.submit = submit,
	.health = health,
	.selftest = selftest,
	.stop = stop,
	.destroy = destroy,
};

const struct laned_adapter *
laned_adapter_v0(uint32_t host_minor)
{
	return host_minor >= adapter.host_minor_min ? &adapter : NULL;
}
