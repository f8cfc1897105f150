#include "laned/sdk.h"

#define ACK_BYTES 1024u

struct peer {
	struct laned_host *host;
	const struct laned_host_api *api;
	const struct laned_protocol *p;
	void *memory;
	int up;                    /* laned is there */
	struct laned_link *link;   /* the connection, and its frames */
	struct laned_calls *calls; /* what laned has asked for and has no answer yet */
	int64_t said;              /* the number of the frame in hand */
	uint64_t received, sent, errors;
};

/* ---- from laned to the peer --------------------------------------------------------------- */

static int
write_request(void *user, const struct laned_request *q, struct laned_writing *w)
{
	struct peer *t = user;

	return t->p->write(t->memory, q, w);
}

static int
send_text(void *user, struct laned_str text)
{
	struct peer *t = user;

	t->sent++;
	return laned_link_send(t->link, text);
}

int
laned_peer_submit(void *instance, const struct laned_request *q)
{
	struct peer *t = instance;

	return t->up ? laned_calls_submit(t->calls, q) : LANED_GONE;
}

/* What was open when we or laned died. */
void
laned_peer_recover(void *instance, const struct laned_entry *entries, size_t count)
{
	struct peer *t = instance;

	laned_calls_recover(t->calls, entries, count);
}

/* ---- from the peer to laned --------------------------------------------------------------- */

/* laned has it, or will never take it, or wants it again later. */
static void
stored(void *user, int status)
{
	struct peer *t = user;

	laned_link_done(t->link, status);
}

static int
take_answer(struct peer *t, struct laned_said *s)
{
	int rc = LANED_OK;

	if (laned_key_is_zero(&s->answer.key))
		rc = laned_calls_key(t->calls, s->ids, &s->answer.key);
	return rc == LANED_OK ? laned_calls_answer(t->calls, &s->answer) : rc;
}

/* Hands over what the peer says. LANED_OK: stored() is called. */
static int
take(struct peer *t, struct laned_said *s)
{
	const struct laned_host_api *api = t->api;

	switch (s->kind) {
	case LANED_SAID_BASKET:
		return api->pos_basket(t->host, &s->basket, stored, t);
	case LANED_SAID_CLAIM:
		return api->pos_claim(t->host, s->ticket, s->claim_kind, s->value, stored,
				      t);
	case LANED_SAID_CANCEL:
		return api->pos_cancel(t->host, s->ticket, stored, t);
	case LANED_SAID_ANSWER:
		return take_answer(t, s);
	case LANED_SAID_NOTHING:
		break;
	}
	return LANED_INTERNAL;
}

static int
on_frame(void *user, char *text, size_t n)
{
	struct peer *t = user;
	struct laned_said said = { .kind = LANED_SAID_NOTHING };
	int rc = t->p->read(t->memory, text, n, &said);

	t->said = said.id;
	if (rc == LANED_OK && said.kind == LANED_SAID_NOTHING)
		return LANED_OK;
	if (rc == LANED_OK) {
		rc = take(t, &said);
		return rc == LANED_OK ? LANED_LINK_WAIT : rc;
	}
	t->errors++;
	if (said.id <= 0) {
		t->api->log(t->host, LANED_LOG_WARNING,
			    laned_str_of("what the peer says is not of its protocol"));
		laned_link_hang_up(t->link);
	}
	return LANED_INVALID;
}

/* Only now the peer may forget what it has said. */
static void
on_taken(void *user, int status)
{
	struct peer *t = user;
	char buf[ACK_BYTES];
	struct laned_writing w = { .buf = buf, .bytes = sizeof(buf) };

	t->received++;
	if (t->p->acknowledge == NULL)
		return;
	if (t->p->acknowledge(t->memory, t->said, status, &w) != LANED_OK ||
	    laned_link_send(t->link, w.text) != LANED_OK)
		laned_link_hang_up(t->link);
}

static void
peer_is_there(void *user)
{
	struct peer *t = user;

	laned_calls_open(t->calls);
}

static void
peer_is_gone(void *user)
{
	struct peer *t = user;

	laned_calls_lost(t->calls);
}

/* ---- the adapter's life ------------------------------------------------------------------- */

int
laned_peer_start(void *instance)
{
	(void)instance; /* the peer is called when laned is there: without it we could store nothing */
	return LANED_OK;
}

/* Without laned everything under way is void. Not being connected says so to the peer. */
void
laned_peer_stop(void *instance)
{
	struct peer *t = instance;

	t->up = 0;
	laned_calls_forget(t->calls);
	laned_link_down(t->link);
}

void
laned_peer_link(void *instance, int up)
{
	struct peer *t = instance;

	if (!up) {
		laned_peer_stop(t);
		return;
	}
	t->up = 1;
	laned_link_up(t->link);
}

void
laned_peer_health(void *instance, struct laned_health *h)
{
	const struct peer *t = instance;
	int open = laned_link_is_open(t->link);
	struct laned_text text;

	h->state = !t->up ? LANED_HEALTH_DOWN
		   : open ? LANED_HEALTH_UP
			  : LANED_HEALTH_DEGRADED;
	h->pending = laned_calls_count(t->calls);
	h->received = t->received;
	h->sent = t->sent;
	h->errors = t->errors;
	laned_text_init(&text, h->note, sizeof(h->note));
	if (t->up && !open)
		laned_text_add(&text, "the peer is not there");
}

void *
laned_peer_memory(void *instance)
{
	const struct peer *t = instance;

	return t->memory;
}

void
laned_peer_destroy(void *instance)
{
	struct peer *t = instance;

	t->link = laned_link_free(t->link);
	t->calls = laned_calls_free(t->calls);
	t->api->free(t->host, t->memory);
	t->api->free(t->host, t);
}

static int
make(struct peer *t)
{
	const struct laned_link_config link = { .option = t->p->option,
						.framing = t->p->framing,
						.bytes_max = t->p->frame_bytes_max,
						.opened = peer_is_there,
						.closed = peer_is_gone,
						.frame = on_frame,
						.taken = on_taken,
						.user = t };
	struct laned_calls_config calls = { .calls_max = t->p->calls_max,
					    .text_bytes_max = t->p->frame_bytes_max,
					    .write = write_request,
					    .send = send_text,
					    .stored = stored,
					    .user = t };
	int64_t answer_ms = 0;
	int rc = t->api->option_int(t->host, t->p->answer_timeout, &answer_ms);

	calls.answer_ms = (uint32_t)answer_ms; /* the option's row limits it */
	if (rc == LANED_OK)
		rc = laned_calls_new(t->host, t->api, &calls, &t->calls);
	if (rc == LANED_OK)
		rc = laned_link_new(t->host, t->api, &link, &t->link);
	if (rc == LANED_OK && t->p->memory_bytes > 0) {
		t->memory = t->api->alloc(t->host, t->p->memory_bytes);
		rc = t->memory != NULL ? LANED_OK : LANED_NO_MEMORY;
	}
	return rc;
}

int
laned_peer_create(struct laned_host *h, const struct laned_host_api *api,
		  const struct laned_protocol *p, void **ret_instance)
{
	struct peer *t;
	int rc;

	if (api->size < sizeof(*api)) /* a host of an older minor version */
		return LANED_UNSUPPORTED;
	t = api->alloc(h, sizeof(*t));
	if (t == NULL)
		return LANED_NO_MEMORY;
	t->host = h;
	t->api = api;
	t->p = p;
	rc = make(t);
	if (rc == LANED_OK)
		*ret_instance = t;
	else
		laned_peer_destroy(t);
	return rc;
}
