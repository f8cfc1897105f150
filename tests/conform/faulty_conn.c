/*
 * A faulty adapter that speaks over a connection, for the tests of the conformance kit only: the
 * template behind a shim that makes one mistake with its connection, chosen by option "fault".
 * tests/integration/conform.py has the check that each must fail.
 */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_BYTES 4096u

const struct laned_adapter *template_adapter_v0(uint32_t host_minor);

/* The order is that of option "fault". */
enum fault {
	NONE,
	SENDS_TO_THE_DEAD,
	CLOSES_TWICE,
	KEEPS_CONNECTION,
	OPENS_MORE,
	STORMS,
	WAITS_FOREVER,
	SILENCE_IS_NO,
	GIVES_UP,
	WHOLE_LINES_ONLY,
	CUT_IS_NO,
	CHARGES_AGAIN,
	DIES_OF_CLOSED
};

struct shim {
	struct shim_base base;
	struct laned_conn_events events; /* the template's */
	void *user;
	unsigned opens, cuts;
	int open;
	size_t paid_bytes; /* the last line that asks for money */
	uint8_t paid[MESSAGE_BYTES];
};

static struct shim *
of(struct laned_host *h)
{
	return (struct shim *)(void *)h;
}

/* ---- the connection ---------------------------------------------------------------------- */

/* The same payment under another key: what nobody may do. */
static void
charge_again(struct shim *s, uint64_t conn)
{
	static const char word[] = "\"key\":\"";
	char *at;

	if (s->paid_bytes == 0)
		return;
	s->paid[s->paid_bytes] = '\0';
	at = strstr((char *)s->paid, word);
	if (at == NULL)
		return;
	at += strlen(word);
	at[0] = at[0] == 'f' ? '0' : 'f';
	(void)s->base.api->conn_send(s->base.real, conn, s->paid,
				     s->paid_bytes); /* the mistake */
	s->paid_bytes = 0;
}

static void
on_opened(void *user, uint64_t conn)
{
	struct shim *s = user;

	s->open = 1;
	s->events.opened(s->user, conn);
	if (s->base.fault == CHARGES_AGAIN && s->cuts > 0)
		charge_again(s, conn);
}

static void
on_data(void *user, uint64_t conn, const uint8_t *data, size_t n)
{
	struct shim *s = user;

	if (s->base.fault == WHOLE_LINES_ONLY && (n < 2 || data[n - 1] != '\n'))
		return; /* the mistake */
	s->events.data(s->user, conn, data, n);
}

static void
on_closed(void *user, uint64_t conn, int status)
{
	struct shim *s = user;

	s->open = 0;
	s->cuts++;
	if (s->base.fault == SENDS_TO_THE_DEAD)
		(void)s->base.api->conn_send(s->base.real, conn, (const uint8_t *)"\n",
					     1); /* the mistake */
	if (s->base.fault == DIES_OF_CLOSED)
		abort();
	s->events.closed(s->user, conn, status);
}

static const struct laned_conn_events shim_events = {
	.size = sizeof(struct laned_conn_events),
	.opened = on_opened,
	.data = on_data,
	.closed = on_closed,
};

static int
shim_conn_open(struct laned_host *h, const char *option,
	       const struct laned_conn_events *events, void *user, uint64_t *ret_conn)
{
	struct shim *s = of(h);
	uint64_t more;

	s->events = *events;
	s->user = user;
	s->opens++;
	if (s->base.fault == GIVES_UP && s->cuts > 0)
		return LANED_REFUSED; /* the mistake */
	if (s->base.fault == OPENS_MORE && s->opens > 1)
		(void)s->base.api->conn_open(s->base.real, option, &shim_events, s,
					     &more); /* as above */
	return s->base.api->conn_open(s->base.real, option, &shim_events, s, ret_conn);
}

static int
shim_conn_send(struct laned_host *h, uint64_t conn, const uint8_t *data, size_t n)
{
	static const char word[] = "{\"do\":\"pay\"";
	struct shim *s = of(h);

	if (n < MESSAGE_BYTES && n > sizeof(word) &&
	    memcmp(data, word, sizeof(word) - 1) == 0) {
		memcpy(s->paid, data, n);
		s->paid_bytes = n;
		s->cuts = 0;
	}
	return s->base.api->conn_send(s->base.real, conn, data, n);
}

static void
shim_conn_close(struct laned_host *h, uint64_t conn)
{
	struct shim *s = of(h);

	if (s->base.fault == KEEPS_CONNECTION)
		return; /* the mistake */
	s->base.api->conn_close(s->base.real, conn);
	if (s->base.fault == CLOSES_TWICE)
		s->base.api->conn_close(s->base.real, conn); /* as above */
}

/* ---- the rest of the shim's host table ---------------------------------------------------- */

static int64_t
shim_mono_ms(struct laned_host *h)
{
	return of(h)->base.api->mono_ms(of(h)->base.real);
}

static void *
shim_alloc(struct laned_host *h, size_t bytes)
{
	return of(h)->base.api->alloc(of(h)->base.real, bytes);
}

static int
shim_timer_set(struct laned_host *h, uint32_t delay_ms, laned_timer_fn fn, void *user,
	       uint64_t *ret_timer)
{
	struct shim *s = of(h);

	if (s->base.fault == STORMS && !s->open && delay_ms >= 1000)
		delay_ms = 20; /* the mistake: no patience */
	return s->base.api->timer_set(s->base.real, delay_ms, fn, user, ret_timer);
}

static int
shim_journal(struct laned_host *h, uint64_t req, const struct laned_key *key,
	     uint32_t state, struct laned_str blob)
{
	return of(h)->base.api->journal(of(h)->base.real, req, key, state, blob);
}

static int
shim_pos_basket(struct laned_host *h, const struct laned_basket *b, laned_ack_fn ack,
		void *user)
{
	return of(h)->base.api->pos_basket(of(h)->base.real, b, ack, user);
}

static int
shim_complete(struct laned_host *h, const struct laned_result *r, laned_ack_fn ack,
	      void *user)
{
	struct shim *s = of(h);
	struct laned_result copy = *r;

	if (s->base.fault == WAITS_FOREVER && copy.outcome == LANED_OUT_UNKNOWN)
		return LANED_OK; /* the mistake */
	if (s->base.fault == SILENCE_IS_NO && s->open &&
	    copy.outcome == LANED_OUT_UNKNOWN)
		copy.outcome = LANED_OUT_DECLINED;
	if (s->base.fault == CUT_IS_NO && !s->open && copy.outcome == LANED_OUT_UNKNOWN)
		copy.outcome = LANED_OUT_NOT_SENT;
	return s->base.api->complete(s->base.real, &copy, ack, user);
}

static const struct laned_host_api shim_api = {
	.size = sizeof(struct laned_host_api),
	.abi_major = LANED_ABI_MAJOR,
	.abi_minor = LANED_ABI_MINOR,
	.log = shim_log,
	.mono_ms = shim_mono_ms,
	.alloc = shim_alloc,
	.free = shim_free,
	.timer_set = shim_timer_set,
	.timer_cancel = shim_timer_cancel,
	.option_str = shim_option_str,
	.option_int = shim_option_int,
	.conn_open = shim_conn_open,
	.conn_send = shim_conn_send,
	.conn_close = shim_conn_close,
	.journal = shim_journal,
	.pos_basket = shim_pos_basket,
	.pos_claim = shim_pos_claim,
	.pos_cancel = shim_pos_cancel,
	.complete = shim_complete,
};

/* ---- the shim's adapter ------------------------------------------------------------------ */

#define FAULT_WORDS                                                                      \
	"none|sends-to-the-dead|closes-twice|keeps-connection|opens-more|storms|"        \
	"waits-forever|silence-is-no|gives-up|whole-lines-only|cut-is-no|charges-again|" \
	"dies-of-closed"

static int
create(struct laned_host *h, const struct laned_host_api *api, void **ret_instance)
{
	return shim_create(h, api, sizeof(struct shim),
			   template_adapter_v0(LANED_ABI_MINOR), &shim_api, FAULT_WORDS,
			   ret_instance);
}

static int
start(void *instance)
{
	struct shim *s = instance;

	return s->base.adapter->start(s->base.inner);
}

static void
recover(void *instance, const struct laned_entry *entries, size_t count)
{
	struct shim *s = instance;

	s->base.adapter->recover(s->base.inner, entries, count);
}

static int
submit(void *instance, const struct laned_request *r)
{
	struct shim *s = instance;

	return s->base.adapter->submit(s->base.inner, r);
}

static void
health(void *instance, struct laned_health *h)
{
	struct shim *s = instance;

	s->base.adapter->health(s->base.inner, h);
}

static int
selftest(void *instance, uint32_t level, char text[LANED_NOTE_BYTES])
{
	struct shim *s = instance;

	return s->base.adapter->selftest(s->base.inner, level, text);
}

static void
destroy(void *instance)
{
	struct shim *s = instance;

	s->base.adapter->destroy(s->base.inner);
	s->base.api->free(s->base.real, s);
}

static const struct laned_option options[] = {
	{ sizeof(struct laned_option), LANED_OPT_ADDRESS, "peer", NULL, NULL,
	  "As the template.", 1, 500 },
	{ sizeof(struct laned_option), LANED_OPT_DURATION, "answer_timeout", "10s", NULL,
	  "As the template.", 1000, 600000 },
	{ sizeof(struct laned_option), LANED_OPT_ENUM, "fault", "none", FAULT_WORDS,
	  "The mistake to make.", 0, 0 },
};

static const struct laned_adapter adapter = {
	.size = sizeof(struct laned_adapter),
	.abi_major = LANED_ABI_MAJOR,
	.abi_minor = LANED_ABI_MINOR,
	.host_minor_min = 3,
	.name = "template",
	.version = "0",
	.license = "Apache-2.0",
	.protocol = "the template's lines, with a mistake",
	.evidence = "none",
	.caps = LANED_CAP_BASKET_LIVE | LANED_CAP_TOTAL | LANED_CAP_DISCOUNT_LINES |
		LANED_CAP_PAY | LANED_CAP_QUERY | LANED_CAP_CONFIRM | LANED_CAP_UNDO,
	.options = options,
	.options_count = sizeof(options) / sizeof(options[0]),
	.create = create,
	.start = start,
	.recover = recover,
	.link = shim_link,
	.submit = submit,
	.health = health,
	.selftest = selftest,
	.stop = shim_stop,
	.destroy = destroy,
};

const struct laned_adapter *
laned_adapter_v0(uint32_t host_minor)
{
	(void)host_minor;
	return &adapter;
}
