#include "drop.h"

#include <stddef.h>
#include <string.h>

#define PAY_TIMEOUT_MS 60000u

static struct drop_request *
request_new(struct drop *d, uint32_t type, uint64_t req, size_t text_bytes)
{
	struct drop_request *r;

	if (d->requests_count >= DROP_REQUESTS_MAX)
		return NULL;
	r = d->api->alloc(d->host, sizeof(*r) + text_bytes);
	if (r == NULL)
		return NULL;
	r->drop = d;
	r->type = type;
	r->req = req;
	r->to_send = 1;
	r->timeout_ms = (uint32_t)d->answer_ms;
	r->next = d->requests;
	d->requests = r;
	d->requests_count++;
	return r;
}

struct drop_request *
drop_request_free(struct drop_request *r)
{
	struct drop_request **at;
	struct drop *d;

	if (r == NULL)
		return NULL;
	d = r->drop;
	for (at = &d->requests; *at != NULL; at = &(*at)->next) {
		if (*at != r)
			continue;
		*at = r->next;
		d->requests_count--;
		break;
	}
	d->api->timer_cancel(d->host, r->timer);
	d->api->free(d->host, r);
	return NULL;
}

void
drop_requests_drop(struct drop *d)
{
	while (d->requests != NULL)
		(void)drop_request_free(d->requests); /* NULL */
	d->offer_missing = 0;                         /* laned tells it again */
}

/* Ends r with an outcome that no file told. */
static void
finish(struct drop_request *r, uint32_t outcome, const char *text)
{
	struct drop *d = r->drop;
	struct laned_result result = {
		.size = sizeof(result),
		.outcome = outcome,
		.req = r->req,
		.key = r->key,
		.amount = -1,
		.text = laned_str_of(text),
	};
	int rc = d->api->complete(d->host, &result, NULL, NULL);

	if (rc != LANED_OK && rc != LANED_GONE) {
		d->errors++;
		drop_log(d, LANED_LOG_WARNING, "a completion was not taken",
			 laned_str_of(text));
	}
	(void)drop_request_free(r); /* NULL */
}

static void
timed_out(void *user)
{
	struct drop_request *r = user;

	r->timer = 0;
	if (r->answered)
		return; /* the answer is on its way to laned, or this request goes with the link */
	finish(r, LANED_OUT_UNKNOWN, "no answer in the folder in time");
}

/* Removes K.what from the folder. 0 when it is certain that it is not there any more. */
static int
withdraw(struct drop *d, const struct laned_key *key, const char *what)
{
	char name[DROP_NAME_BYTES];
	int rc;

	drop_key_name(name, key, what);
	rc = d->api->dir_remove(d->host, DROP_OUT, laned_str_of(name), 0);
	return rc == LANED_OK || rc == LANED_MISSING ? LANED_OK : rc;
}

static int
put_key_file(struct drop *d, const struct laned_key *key, const char *what)
{
	char name[DROP_NAME_BYTES], buf[128];
	struct laned_str text;
	int rc = drop_write_key(buf, sizeof(buf), key, &text);

	drop_key_name(name, key, what);
	if (rc == LANED_OK)
		rc = d->api->dir_put(d->host, DROP_OUT, laned_str_of(name), text);
	return rc;
}

static int
wait_for_answer(struct drop_request *r)
{
	r->to_send = 0;
	r->drop->sent++;
	return r->drop->api->timer_set(r->drop->host, r->timeout_ms, timed_out, r,
				       &r->timer);
}

/* A file that nobody answers: written, it is done. */
static int
is_told_once(const struct drop_request *r)
{
	return r->type == LANED_REQ_OFFER || r->type == LANED_REQ_RECEIPT;
}

/* To be journalled before its file is there. */
static int
moves_money(uint32_t type)
{
	return type == LANED_REQ_PAY || type == LANED_REQ_REFUND;
}

static void
send_once(struct drop_request *r)
{
	struct drop *d = r->drop;
	struct laned_str text = { r->text, r->text_bytes };
	int rc = d->api->dir_put(d->host, DROP_OUT, laned_str_of(r->name), text);

	if (rc != LANED_OK)
		d->errors++;
	else
		d->sent++;
	if (r->type == LANED_REQ_OFFER)
		d->offer_missing = rc != LANED_OK;
	finish(r, rc == LANED_OK ? LANED_OUT_DONE : LANED_OUT_NOT_SENT,
	       rc == LANED_OK ? "" : "the folder cannot be written");
}

/*
 * SENDING is durable before the file exists. A put that failed may still have left the file there,
 * or the POS may have it: that is unknown, and a query will tell.
 */
static void
send_pay(struct drop_request *r)
{
	struct drop *d = r->drop;
	struct laned_str none = { NULL, 0 }, text = { r->text, r->text_bytes };
	int rc;

	if (r->type == LANED_REQ_PAY && d->offer_missing) {
		/* The POS would sell for another amount than is charged. */
		finish(r, LANED_OUT_NOT_SENT, "the POS does not have the offer");
		return;
	}
	rc = d->api->journal(d->host, r->req, &r->key, LANED_J_SENDING, none);
	if (rc != LANED_OK) {
		d->errors++;
		finish(r, LANED_OUT_NOT_SENT, "the journal did not take it");
		return;
	}
	rc = d->api->dir_put(d->host, DROP_OUT, laned_str_of(r->name), text);
	if (rc != LANED_OK) {
		d->errors++;
		finish(r, LANED_OUT_UNKNOWN, "the folder cannot be written");
		return;
	}
	if (wait_for_answer(r) != LANED_OK)
		finish(r, LANED_OUT_UNKNOWN, "no timer");
}

/*
 * A payment file that the POS has not yet taken is withdrawn before it is asked about it or told
 * to undo it. Otherwise the POS might say that it never heard of this key, and charge it then.
 */
static void
send_keyed(struct drop_request *r)
{
	struct drop *d = r->drop;
	int rc = LANED_OK;

	if (r->type != LANED_REQ_CONFIRM)
		rc = withdraw(d, &r->key, ".pay.json");
	if (rc == LANED_OK && r->type == LANED_REQ_QUERY)
		rc = withdraw(d, &r->key, ".refund.json");
	if (rc == LANED_OK && r->type == LANED_REQ_UNDO)
		rc = withdraw(d, &r->key, ".confirm.json");
	if (rc == LANED_OK && r->text_bytes > 0)
		rc = d->api->dir_put(d->host, DROP_OUT, laned_str_of(r->name),
				     (struct laned_str){ r->text, r->text_bytes });
	else if (rc == LANED_OK)
		rc = put_key_file(d, &r->key,
				  r->type == LANED_REQ_QUERY     ? ".query.json"
				  : r->type == LANED_REQ_CONFIRM ? ".confirm.json"
								 : ".undo.json");
	if (rc == LANED_OK)
		rc = wait_for_answer(r);
	if (rc == LANED_OK)
		return;
	d->errors++;
	finish(r, LANED_OUT_UNKNOWN, "the folder cannot be written");
}

static void
send_request(struct drop_request *r)
{
	if (is_told_once(r))
		send_once(r);
	else if (moves_money(r->type))
		send_pay(r);
	else
		send_keyed(r);
}

static void
send_now(void *user)
{
	struct drop_request *r = user;

	r->timer = 0;
	if (r->drop->up && r->to_send)
		send_request(r);
}

/* The next one that is due, never r twice: sending ends to_send or the request. */
static struct drop_request *
next_due(struct drop *d)
{
	for (struct drop_request *r = d->requests; r != NULL; r = r->next)
		if (r->to_send && !is_told_once(r) && !moves_money(r->type) &&
		    !r->answered)
			return r;
	return NULL;
}

void
drop_requests_due(struct drop *d)
{
	struct drop_request *r;

	while (d->up && (r = next_due(d)) != NULL) {
		d->api->timer_cancel(d->host, r->timer);
		r->timer = 0;
		send_request(r);
	}
}

/* A host of minor 1 knows nothing of receipts. */
static uint32_t
receipts_count(const struct laned_request *q)
{
	return q->size >= offsetof(struct laned_request, original) ? q->receipts_count
								   : 0;
}

/* More than the file of this request can have: a byte of text is at most six in JSON. */
static size_t
room_for(const struct laned_request *q)
{
	size_t texts =
		q->ticket.n + q->currency.n + q->token.n + q->member_no.n + q->ref.n;
	size_t rows = (size_t)q->discounts_count + receipts_count(q), room;

	for (uint32_t i = 0; i < q->discounts_count; i++)
		texts += q->discounts[i].text.n;
	for (uint32_t i = 0; i < receipts_count(q); i++)
		texts += q->receipts[i].n;
	room = 1024 + rows * 96 + texts * 6;
	return room < DROP_OUT_BYTES_MAX ? room : DROP_OUT_BYTES_MAX;
}

/* Writes the file of an offer, a receipt, a payment or a refund into a request made for it. */
static int
submit_file(struct drop *d, const struct laned_request *q)
{
	size_t room = room_for(q);
	char *buf = d->api->alloc(d->host, room);
	struct drop_request *r;
	struct laned_str text;
	struct laned_text name;
	int rc;

	if (buf == NULL)
		return LANED_NO_MEMORY;
	if (q->type == LANED_REQ_OFFER)
		rc = drop_write_offer(buf, room, q, &text);
	else if (q->type == LANED_REQ_RECEIPT)
		rc = drop_write_receipt(buf, room, q, &text);
	else if (q->type == LANED_REQ_REFUND)
		rc = drop_write_refund(buf, room, q, &text);
	else
		rc = drop_write_pay(buf, room, q, &text);
	if (rc != LANED_OK)
		goto out;
	rc = LANED_AGAIN;
	r = request_new(d, q->type, q->req, text.n);
	if (r == NULL)
		goto out;
	memcpy(r->text, text.p, text.n);
	r->text_bytes = text.n;
	r->key = q->key;
	if (moves_money(q->type)) {
		r->timeout_ms = q->timeout_ms > 0 ? q->timeout_ms : PAY_TIMEOUT_MS;
		drop_key_name(r->name, &q->key,
			      q->type == LANED_REQ_PAY ? ".pay.json" : ".refund.json");
	} else {
		laned_text_init(&name, r->name, sizeof(r->name));
		laned_text_str(&name, q->ticket);
		laned_text_add(&name, q->type == LANED_REQ_OFFER ? ".offer.json"
								 : ".receipt.json");
	}
	/* From the loop: laned first gets the answer that this request is accepted. */
	rc = d->api->timer_set(d->host, 0, send_now, r, &r->timer);
	if (rc != LANED_OK)
		(void)drop_request_free(r); /* NULL */
out:
	d->api->free(d->host, buf);
	return rc;
}

/*
 * A request with the content of K.confirm.json. NULL: there is no memory; then the sale is confirmed
 * without its receipt's codes.
 */
static struct drop_request *
confirm_new(struct drop *d, const struct laned_request *q)
{
	size_t room = room_for(q);
	char *buf = d->api->alloc(d->host, room);
	struct drop_request *r = NULL;
	struct laned_str text;

	if (buf == NULL)
		return NULL;
	if (drop_write_confirm(buf, room, q, &text) == LANED_OK)
		r = request_new(d, q->type, q->req, text.n);
	if (r != NULL) {
		memcpy(r->text, text.p, text.n);
		r->text_bytes = text.n;
		drop_key_name(r->name, &q->key, ".confirm.json");
	}
	d->api->free(d->host, buf);
	return r;
}

static int
submit_keyed(struct drop *d, const struct laned_request *q)
{
	struct drop_request *r = NULL;
	int rc;

	if (q->type == LANED_REQ_CONFIRM && receipts_count(q) > 0)
		r = confirm_new(d, q);
	if (r == NULL)
		r = request_new(d, q->type, q->req, 0);
	if (r == NULL)
		return LANED_AGAIN;
	r->key = q->key;
	rc = d->api->timer_set(d->host, 0, send_now, r, &r->timer);
	if (rc != LANED_OK)
		(void)drop_request_free(r); /* NULL */
	return rc;
}

/* A refund names what it is of; a payment what it is charged to. */
static int
money_ok(const struct laned_request *q)
{
	if (q->amount <= 0 || laned_key_is_zero(&q->key))
		return 0;
	if (q->type == LANED_REQ_PAY)
		return q->token.n > 0;
	return q->size >= offsetof(struct laned_request, auth) &&
	       (!laned_key_is_zero(&q->original) || q->ref.n > 0);
}

int
drop_submit(struct drop *d, const struct laned_request *q)
{
	if (!d->up || d->stopping)
		return LANED_GONE;
	if (q->size < offsetof(struct laned_request, receipts))
		return LANED_INVALID;
	if (q->type == LANED_REQ_OFFER || q->type == LANED_REQ_RECEIPT ||
	    moves_money(q->type)) {
		if (!drop_ticket_ok(q->ticket) || (moves_money(q->type) && !money_ok(q)))
			return LANED_INVALID;
		return submit_file(d, q);
	}
	if (q->type != LANED_REQ_QUERY && q->type != LANED_REQ_CONFIRM &&
	    q->type != LANED_REQ_UNDO)
		return LANED_UNSUPPORTED;
	return laned_key_is_zero(&q->key) ? LANED_INVALID : submit_keyed(d, q);
}

/*
 * After a restart the POS's ledger decides: what is to be undone is undone, all else is asked for.
 * Only when the folder has been looked through: the answer may lie there already.
 */
void
drop_recover(struct drop *d, const struct laned_entry *entries, size_t count)
{
	struct drop_request *r;

	drop_requests_drop(d);
	for (size_t i = 0; i < count; i++) {
		uint32_t type = entries[i].state == LANED_J_UNDO_QUEUED ? LANED_REQ_UNDO
									: LANED_REQ_QUERY;

		r = request_new(d, type, entries[i].req, 0);
		if (r == NULL) {
			/* laned asks again by a query of its own. */
			d->errors++;
			drop_log(d, LANED_LOG_ERR,
				 "too many payments to recover at once; some wait",
				 laned_str_of(NULL));
			return;
		}
		r->key = entries[i].key;
	}
}
