#ifndef LANED_TESTS_UNIT_SDK_HOST_H
#define LANED_TESTS_UNIT_SDK_HOST_H

/*
 * A host for the library of the plug-ins: timers that go off when told, one connection of which the test
 * is the peer, a laned that does as it is told. What is wrong by itself (a call with a connection
 * that is gone, a second completion) ends the program. For one program each: also of the fuzz targets.
 */
#include "laned/sdk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SDK_TIMERS_MAX 128u
#define SDK_DONE_MAX 512u
#define SDK_OUT_MAX 262144u
#define SDK_ACKS_MAX 64u

struct sdk_timer {
	uint64_t id;
	int64_t due_ms;
	laned_timer_fn fn;
	void *user;
};

struct sdk_done {
	uint64_t req;
	uint32_t outcome, flags;
	int64_t amount;
	struct laned_key key;
	void *acked; /* whom the ack tells; NULL: nobody, or it was told */
};

struct laned_host {
	int64_t now_ms;
	struct sdk_timer timers[SDK_TIMERS_MAX];
	size_t timers_count, allocated;
	unsigned fail_alloc_in, fail_timer_in; /* the n-th from now fails; 0 none */
	uint64_t next;
	/* The connection. */
	const struct laned_conn_events *events;
	void *user;
	uint64_t conn;
	unsigned opens, closes;
	int open_rc, send_rc;
	char out[SDK_OUT_MAX];
	size_t out_n;
	/* laned. */
	int journal_rc, complete_rc, pos_rc, find_rc;
	unsigned journals, baskets, claims, cancels, logs;
	size_t out_n_at_journal;
	char blob[LANED_BLOB_BYTES_MAX];
	size_t blob_n;
	struct laned_key find_key;
	struct sdk_done done[SDK_DONE_MAX];
	size_t done_count;
	struct {
		laned_ack_fn fn;
		void *user;
		int completes; /* one of done[], which is not yet stored */
	} acks[SDK_ACKS_MAX];
	size_t acks_count;
	int64_t answer_ms;
};

static struct laned_host sdk_host;

static void
sdk_log(struct laned_host *h, uint32_t level, struct laned_str text)
{
	assert(level >= LANED_LOG_ERR && text.n > 0);
	h->logs++;
}

static void *
sdk_alloc(struct laned_host *h, size_t bytes)
{
	if (h->fail_alloc_in > 0 && --h->fail_alloc_in == 0)
		return NULL;
	h->allocated++;
	return calloc(1, bytes);
}

static void
sdk_free(struct laned_host *h, void *p)
{
	if (p != NULL)
		h->allocated--;
	free(p);
}

static int
sdk_timer_set(struct laned_host *h, uint32_t delay_ms, laned_timer_fn fn, void *user,
	      uint64_t *ret_timer)
{
	if (h->fail_timer_in > 0 && --h->fail_timer_in == 0)
		return LANED_AGAIN;
	assert(h->timers_count < SDK_TIMERS_MAX);
	*ret_timer = ++h->next;
	h->timers[h->timers_count++] =
		(struct sdk_timer){ *ret_timer, h->now_ms + delay_ms, fn, user };
	return LANED_OK;
}

static void
sdk_timer_cancel(struct laned_host *h, uint64_t timer)
{
	for (size_t i = 0; i < h->timers_count; i++)
		if (h->timers[i].id == timer) {
			h->timers[i] = h->timers[--h->timers_count];
			return;
		}
}

static int
sdk_option_int(struct laned_host *h, const char *name, int64_t *ret_value)
{
	if (strcmp(name, "answer_timeout") != 0)
		return LANED_MISSING;
	*ret_value = h->answer_ms;
	return LANED_OK;
}

static int
sdk_conn_open(struct laned_host *h, const char *option, const struct laned_conn_events *e,
	      void *user, uint64_t *ret_conn)
{
	assert(strcmp(option, "peer") == 0);
	assert(h->conn == 0);
	h->opens++;
	if (h->open_rc != LANED_OK)
		return h->open_rc;
	h->events = e;
	h->user = user;
	h->conn = *ret_conn = ++h->next;
	return LANED_OK;
}

static int
sdk_conn_send(struct laned_host *h, uint64_t conn, const uint8_t *data, size_t n)
{
	assert(conn != 0 && conn == h->conn);
	if (h->send_rc != LANED_OK)
		return h->send_rc;
	assert(n <= sizeof(h->out) - h->out_n);
	memcpy(h->out + h->out_n, data, n);
	h->out_n += n;
	return LANED_OK;
}

static void
sdk_conn_close(struct laned_host *h, uint64_t conn)
{
	assert(conn != 0 && conn == h->conn);
	h->conn = 0;
	h->closes++;
}

static int
sdk_journal(struct laned_host *h, uint64_t req, const struct laned_key *key,
	    uint32_t state, struct laned_str blob)
{
	assert(req != 0 && !laned_key_is_zero(key) && state == LANED_J_SENDING);
	h->journals++;
	h->out_n_at_journal = h->out_n;
	h->blob_n = blob.n;
	if (blob.n > 0)
		memcpy(h->blob, blob.p, blob.n);
	return h->journal_rc;
}

static int
sdk_journal_find(struct laned_host *h, struct laned_str ref,
		 struct laned_entry *ret_entry)
{
	assert(ref.n > 0);
	ret_entry->key = h->find_key;
	return h->find_rc;
}

static int
sdk_ack_later(struct laned_host *h, int rc, laned_ack_fn fn, void *user, int completes)
{
	if (rc == LANED_OK && fn != NULL) {
		assert(h->acks_count < SDK_ACKS_MAX);
		h->acks[h->acks_count].fn = fn;
		h->acks[h->acks_count].completes = completes;
		h->acks[h->acks_count++].user = user;
	}
	return rc;
}

static int
sdk_pos_basket(struct laned_host *h, const struct laned_basket *b, laned_ack_fn ack,
	       void *user)
{
	assert(b->size == sizeof(*b));
	h->baskets++;
	return sdk_ack_later(h, h->pos_rc, ack, user, 0);
}

static int
sdk_pos_claim(struct laned_host *h, struct laned_str ticket, uint32_t kind,
	      struct laned_str value, laned_ack_fn ack, void *user)
{
	(void)ticket; /* only counted, as the next */
	(void)kind;
	(void)value;
	h->claims++;
	return sdk_ack_later(h, h->pos_rc, ack, user, 0);
}

static int
sdk_pos_cancel(struct laned_host *h, struct laned_str ticket, laned_ack_fn ack,
	       void *user)
{
	(void)ticket;
	h->cancels++;
	return sdk_ack_later(h, h->pos_rc, ack, user, 0);
}

/* One completion that laned has taken for good; another one of the same request is a mistake. */
static int
sdk_complete(struct laned_host *h, const struct laned_result *r, laned_ack_fn ack,
	     void *user)
{
	int late = (r->flags & LANED_RESULT_LATE) != 0;

	assert(r->size == sizeof(*r) && (r->req == 0) == late);
	if (h->complete_rc != LANED_OK)
		return h->complete_rc;
	assert(h->done_count < SDK_DONE_MAX);
	for (size_t i = 0; i < h->done_count; i++)
		assert(late || h->done[i].req != r->req);
	h->done[h->done_count++] =
		(struct sdk_done){ r->req,    r->outcome, r->flags,
				   r->amount, r->key,     ack == NULL ? NULL : user };
	return sdk_ack_later(h, LANED_OK, ack, user, 1);
}

static const struct laned_host_api sdk_api = {
	.size = sizeof(struct laned_host_api),
	.abi_major = LANED_ABI_MAJOR,
	.abi_minor = LANED_ABI_MINOR,
	.log = sdk_log,
	.alloc = sdk_alloc,
	.free = sdk_free,
	.timer_set = sdk_timer_set,
	.timer_cancel = sdk_timer_cancel,
	.option_int = sdk_option_int,
	.conn_open = sdk_conn_open,
	.conn_send = sdk_conn_send,
	.conn_close = sdk_conn_close,
	.journal = sdk_journal,
	.journal_find = sdk_journal_find,
	.pos_basket = sdk_pos_basket,
	.pos_claim = sdk_pos_claim,
	.pos_cancel = sdk_pos_cancel,
	.complete = sdk_complete,
};

static void
sdk_host_begin(void)
{
	memset(&sdk_host, 0, sizeof(sdk_host));
	sdk_host.answer_ms = 10000;
}

/* Time goes by; what falls due meanwhile goes off, in its order. */
static void
sdk_pass_ms(int64_t ms)
{
	struct laned_host *h = &sdk_host;
	int64_t end = h->now_ms + ms;

	for (;;) {
		struct sdk_timer first = { .due_ms = end + 1 };

		for (size_t i = 0; i < h->timers_count; i++)
			if (h->timers[i].due_ms < first.due_ms ||
			    (h->timers[i].due_ms == first.due_ms &&
			     h->timers[i].id < first.id))
				first = h->timers[i];
		if (first.due_ms > end)
			break;
		h->now_ms = first.due_ms;
		sdk_timer_cancel(h, first.id);
		first.fn(first.user);
	}
	h->now_ms = end;
}

/* The peer. */
static void
sdk_peer_opens(void)
{
	assert(sdk_host.conn != 0);
	sdk_host.events->opened(sdk_host.user, sdk_host.conn);
}

static void
sdk_peer_says(const char *bytes, size_t n)
{
	if (sdk_host.conn != 0)
		sdk_host.events->data(sdk_host.user, sdk_host.conn,
				      (const uint8_t *)bytes, n);
}

static void
sdk_peer_closes(void)
{
	uint64_t conn = sdk_host.conn;

	assert(conn != 0);
	sdk_host.conn = 0;
	sdk_host.events->closed(sdk_host.user, conn, LANED_GONE);
}

/* laned's answer to the oldest call that waits for one. */
static void
sdk_laned_answers(int status)
{
	struct laned_host *h = &sdk_host;
	laned_ack_fn fn = h->acks[0].fn;
	void *user = h->acks[0].user;
	size_t i = 0;

	assert(h->acks_count > 0);
	while (h->acks[0].completes && h->done[i].acked != user)
		assert(++i < h->done_count);
	if (h->acks[0].completes)
		h->done[i].acked = NULL;
	if (h->acks[0].completes && (status == LANED_AGAIN || status == LANED_GONE))
		/* It was not taken: the same comes again. */
		memmove(&h->done[i], &h->done[i + 1],
			(--h->done_count - i) * sizeof(h->done[0]));
	memmove(&h->acks[0], &h->acks[1], --h->acks_count * sizeof(h->acks[0]));
	fn(user, status);
}

#endif
