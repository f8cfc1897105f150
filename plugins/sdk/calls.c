#include "laned/sdk.h"

#include <string.h>

#define PAY_TIMEOUT_MS 60000u /* when laned says nothing */

struct laned_call {
	struct laned_call *next;
	struct laned_calls *of;
	uint64_t req, timer;
	uint32_t type, timeout_ms;
	int sent, answered; /* answered: laned is storing its completion */
	struct laned_key key;
	size_t text_bytes, blob_bytes;
	char text[]; /* and the blob behind it */
};

struct laned_calls {
	struct laned_host *host;
	const struct laned_host_api *api;
	struct laned_calls_config c;
	int open;
	struct laned_call *first;
	uint32_t count;
};

static struct laned_str
blob_of(const struct laned_call *c)
{
	return (struct laned_str){ c->text + c->text_bytes, c->blob_bytes };
}

/* Journalled before it leaves; uncertain from then on. */
static int
moves_money(uint32_t type)
{
	return type == LANED_REQ_PAY || type == LANED_REQ_REFUND;
}

/* Said once, and nobody answers. */
static int
is_told(uint32_t type)
{
	return type == LANED_REQ_OFFER || type == LANED_REQ_RECEIPT;
}

static void
forget(struct laned_call *c)
{
	struct laned_calls *cs = c->of;
	struct laned_call **at = &cs->first;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	cs->count--;
	cs->api->timer_cancel(cs->host, c->timer);
	cs->api->free(cs->host, c); /* zeroes: there may be a token in it */
}

/* The one completion of a call that no answer of the peer ends. */
static void
end_call(struct laned_call *c, uint32_t outcome, const char *why)
{
	struct laned_result r = { .size = sizeof(r),
				  .outcome = outcome,
				  .req = c->req,
				  .key = c->key,
				  .amount = -1,
				  .text = laned_str_of(why) };

	/* LANED_GONE: the link is lost; recover() brings it again. */
	(void)c->of->api->complete(c->of->host, &r, NULL, NULL);
	forget(c);
}

static void
timed_out(void *user)
{
	struct laned_call *c = user;

	c->timer = 0;
	if (!c->answered)
		end_call(c, LANED_OUT_UNKNOWN, "the peer did not answer in time");
}

static int
arm(struct laned_call *c, uint32_t ms, laned_timer_fn fn)
{
	c->of->api->timer_cancel(c->of->host, c->timer);
	c->timer = 0;
	return c->of->api->timer_set(c->of->host, ms, fn, c, &c->timer);
}

/* ---- to the peer -------------------------------------------------------------------------- */

/*
 * The order of these steps is the heart of an adapter: what did not leave is NOT_SENT; before the
 * first byte of a payment leaves, the journal has it; and from then on, whatever happens here, only
 * the peer knows.
 */
static void
send_call(struct laned_call *c)
{
	struct laned_calls *cs = c->of;
	struct laned_str text = { c->text, c->text_bytes };

	if (moves_money(c->type) &&
	    cs->api->journal(cs->host, c->req, &c->key, LANED_J_SENDING, blob_of(c)) !=
		    LANED_OK) {
		end_call(c, LANED_OUT_NOT_SENT, "the journal did not take it");
		return;
	}
	if (cs->c.send(cs->c.user, text) != LANED_OK) {
		end_call(c, moves_money(c->type) ? LANED_OUT_UNKNOWN : LANED_OUT_NOT_SENT,
			 "it could not be sent");
		return;
	}
	c->sent = 1;
	if (is_told(c->type))
		end_call(c, LANED_OUT_DONE, "");
	else if (arm(c, c->timeout_ms, timed_out) != LANED_OK)
		end_call(c, LANED_OUT_UNKNOWN, "no timer");
}

/* What asks about a payment may wait for the peer a while; new things do not. */
static void
send_now(void *user)
{
	struct laned_call *c = user;

	c->timer = 0;
	if (c->of->open)
		send_call(c);
	else if (is_told(c->type) || moves_money(c->type) ||
		 arm(c, c->timeout_ms, timed_out) != LANED_OK)
		end_call(c, LANED_OUT_NOT_SENT, "the peer is not there");
}

/* ---- from laned --------------------------------------------------------------------------- */

static int
is_whole(const struct laned_request *q)
{
	if (is_told(q->type))
		return 1;
	if (laned_key_is_zero(&q->key) || (moves_money(q->type) && q->amount <= 0))
		return 0;
	if (q->type == LANED_REQ_REFUND)
		return !laned_key_is_zero(&q->original) || q->ref.n > 0;
	return q->type != LANED_REQ_PAY || q->token.n > 0;
}

static uint32_t
limit_of(const struct laned_calls *cs, const struct laned_request *q)
{
	if (!moves_money(q->type))
		return cs->c.answer_ms;
	return q->timeout_ms > 0 ? q->timeout_ms : PAY_TIMEOUT_MS;
}

static int
call_new(struct laned_calls *cs, const struct laned_request *q,
	 const struct laned_writing *w)
{
	struct laned_call **end = &cs->first;
	struct laned_call *c;
	int rc;

	if (w->blob.n > LANED_BLOB_BYTES_MAX)
		return LANED_TOO_LARGE;
	c = cs->api->alloc(cs->host, sizeof(*c) + w->text.n + w->blob.n);
	if (c == NULL)
		return LANED_NO_MEMORY;
	c->of = cs;
	c->req = q->req;
	c->type = q->type;
	c->key = q->key;
	c->timeout_ms = limit_of(cs, q);
	c->text_bytes = w->text.n;
	c->blob_bytes = w->blob.n;
	memcpy(c->text, w->text.p, w->text.n);
	if (w->blob.n > 0)
		memcpy(c->text + w->text.n, w->blob.p, w->blob.n);
	while (*end != NULL)
		end = &(*end)->next;
	*end = c;
	cs->count++;
	rc = arm(c, 0, send_now); /* not from here: laned first hears that it is taken */
	if (rc != LANED_OK)
		forget(c);
	return rc;
}

int
laned_calls_submit(struct laned_calls *cs, const struct laned_request *q)
{
	struct laned_writing w = { .bytes = cs->c.text_bytes_max };
	int rc;

	if (q->type == LANED_REQ_ANSWER)
		return LANED_UNSUPPORTED; /* the POS's, not the peer's */
	if (!is_whole(q))
		return LANED_INVALID;
	if (cs->count >= cs->c.calls_max)
		return LANED_AGAIN;
	w.buf = cs->api->alloc(cs->host, w.bytes);
	if (w.buf == NULL)
		return LANED_NO_MEMORY;
	rc = cs->c.write(cs->c.user, q, &w);
	if (rc == LANED_OK)
		rc = call_new(cs, q, &w);
	cs->api->free(cs->host, w.buf); /* zeroes, as above */
	return rc;
}

/* The peer's ledger knows what became of it: it is asked, or told to undo. */
void
laned_calls_recover(struct laned_calls *cs, const struct laned_entry *entries,
		    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct laned_entry *e = &entries[i];
		int undo = e->state == LANED_J_UNDO_QUEUED;
		struct laned_request q = { .size = sizeof(q),
					   .type = undo ? LANED_REQ_UNDO
							: LANED_REQ_QUERY,
					   .req = e->req,
					   .key = e->key,
					   .ticket = e->ticket,
					   .amount = e->amount,
					   .currency = e->currency,
					   .ref = e->ref,
					   .blob = e->blob };
		struct laned_result no = { .size = sizeof(no),
					   .outcome = LANED_OUT_UNKNOWN,
					   .req = e->req,
					   .key = e->key,
					   .amount = -1 };

		if (laned_calls_submit(cs, &q) != LANED_OK) /* laned will ask again */
			(void)cs->api->complete(cs->host, &no, NULL, NULL);
	}
}

/* ---- from the peer ------------------------------------------------------------------------ */

/* The words for money do not answer a confirm or an undo, and the other way round. */
static int
is_answered_by(const struct laned_call *c, const struct laned_result *r)
{
	int of_settling =
		r->outcome == LANED_OUT_CONFIRMED || r->outcome == LANED_OUT_UNDONE;
	int of_both =
		r->outcome == LANED_OUT_NOT_FOUND || r->outcome == LANED_OUT_UNKNOWN;
	int settles = c->type == LANED_REQ_CONFIRM || c->type == LANED_REQ_UNDO;

	return c->sent && !c->answered && laned_key_eq(&c->key, &r->key) &&
	       (of_both || of_settling == settles);
}

static void
acked(void *user, int status)
{
	struct laned_call *c = user;
	struct laned_calls *cs = c->of;

	if (status != LANED_AGAIN && status != LANED_GONE) {
		forget(c);
	} else {
		c->answered = 0;
		if (arm(c, c->timeout_ms, timed_out) != LANED_OK)
			end_call(c, LANED_OUT_UNKNOWN, "no timer");
	}
	cs->c.stored(cs->c.user, status);
}

int
laned_calls_answer(struct laned_calls *cs, struct laned_result *r)
{
	struct laned_call *c = cs->first;
	int rc;

	while (c != NULL && !is_answered_by(c, r))
		c = c->next;
	if (c == NULL) {
		/* Nobody waits for it, and laned must know all the same: it may be about money. */
		r->flags |= LANED_RESULT_LATE;
		r->req = 0;
		return cs->api->complete(cs->host, r, cs->c.stored, cs->c.user);
	}
	r->req = c->req;
	rc = cs->api->complete(cs->host, r, acked, c);
	if (rc == LANED_OK)
		c->answered = 1;
	else if (rc == LANED_REFUSED) /* it had its completion */
		forget(c);
	return rc;
}

int
laned_calls_key(const struct laned_calls *cs, struct laned_str blob,
		struct laned_key *ret_key)
{
	struct laned_entry e = { .size = sizeof(e) };
	int rc = LANED_MISSING;

	for (const struct laned_call *c = cs->first; c != NULL && blob.n > 0; c = c->next)
		if (laned_str_eq(blob_of(c), blob)) {
			*ret_key = c->key;
			return LANED_OK;
		}
	if (blob.n > 0)
		rc = cs->api->journal_find(cs->host, blob, &e);
	if (rc == LANED_OK)
		*ret_key = e.key;
	return rc;
}

/* ---- the peer comes and goes -------------------------------------------------------------- */

static struct laned_call *
first_unsent(const struct laned_calls *cs)
{
	struct laned_call *c = cs->first;

	while (c != NULL && (c->sent || c->answered))
		c = c->next;
	return c;
}

void
laned_calls_open(struct laned_calls *cs)
{
	struct laned_call *c;

	cs->open = 1;
	while ((c = first_unsent(cs)) != NULL)
		send_call(c); /* it is sent then, or gone */
}

void
laned_calls_lost(struct laned_calls *cs)
{
	struct laned_call *next;

	cs->open = 0;
	for (struct laned_call *c = cs->first; c != NULL; c = next) {
		next = c->next;
		if (c->sent && !c->answered)
			end_call(c, LANED_OUT_UNKNOWN, "the peer went away");
	}
}

void
laned_calls_forget(struct laned_calls *cs)
{
	cs->open = 0;
	while (cs->first != NULL)
		forget(cs->first);
}

uint32_t
laned_calls_count(const struct laned_calls *cs)
{
	return cs->count;
}

int
laned_calls_new(struct laned_host *h, const struct laned_host_api *api,
		const struct laned_calls_config *c, struct laned_calls **ret_calls)
{
	struct laned_calls *cs = api->alloc(h, sizeof(*cs));

	if (cs == NULL)
		return LANED_NO_MEMORY;
	cs->host = h;
	cs->api = api;
	cs->c = *c;
	*ret_calls = cs;
	return LANED_OK;
}

struct laned_calls *
laned_calls_free(struct laned_calls *cs)
{
	if (cs != NULL) {
		laned_calls_forget(cs);
		cs->api->free(cs->host, cs);
	}
	return NULL;
}
