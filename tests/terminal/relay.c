/*
 * A TEST ADAPTER, never installed: poses as a terminal that speaks the simplest protocol there is, so
 * that the tests have an adapter with a POS in front and a real terminal behind. A message is one JSON
 * object, in frames as option "frames" says: four bytes of big-endian length before it, or two, or an APDU
 * of ZVT (06 01 asks, 06 0F answers), over TCP or a serial line. One request, one answer:
 *
 *	basket {ticket, rev, currency, final, closed, lines[{line, gtin, text, qty_milli, unit_price, amount}]} -> ok
 *	pay {id, ticket, rev, amount, currency} -> result {id, outcome, amount, auth, ref, text, key}, when a
 *	  member pays; else the request goes to the terminal as it is, and its answer comes back as it is
 *	abort {id}, done {id} (the POS has taken the result), undo {id} -> ok; repeat {id} -> result
 *
 * Everything else goes to the terminal, too. Option "fault" makes it die of its first job.
 */
#include "relay.h"

#include <string.h>

static const struct laned_option options[] = {
	{ sizeof(struct laned_option), LANED_OPT_BOOL, "answer_done", "no", NULL,
	  "Whether a result counts as taken as soon as it is sent.", 0, 0 },
	{ sizeof(struct laned_option), LANED_OPT_ENUM, "fault", "none",
	  "none|crash_create|crash_pay|hang_pay|says_done", "What goes wrong, for tests.",
	  0, 0 },
	{ sizeof(struct laned_option), LANED_OPT_ENUM, "frames", "length4", FRAMES_WORDS,
	  "How the POS and the terminal speak; key framing says it to the host.", 0, 0 },
	{ sizeof(struct laned_option), LANED_OPT_BOOL, "half", "no", NULL,
	  "Whether a POS may end its own direction and still read its answer.", 0, 0 },
};

#ifdef RELAY_CRASH_LOAD
/* Dies before anybody could ask it anything. */
__attribute__((constructor)) static void
die(void)
{
	__builtin_trap();
}
#endif

static int
create(struct laned_host *h, const struct laned_host_api *api, void **ret_instance)
{
	struct laned_str frames;
	struct relay *r;

	if (api->size < sizeof(*api))
		return LANED_UNSUPPORTED;
	r = api->alloc(h, sizeof(*r));
	if (r == NULL)
		return LANED_NO_MEMORY;
	r->h = h;
	r->api = api;
	if (api->option_str(h, "fault", &r->fault) != LANED_OK ||
	    api->option_str(h, "frames", &frames) != LANED_OK ||
	    api->option_int(h, "answer_done", &r->answer_done) != LANED_OK) {
		api->free(h, r);
		return LANED_INVALID;
	}
	if (api->option_int(h, "half", &r->half) != LANED_OK)
		r->half =
			0; /* a host in virtual time may know no more than it was told */
	r->frames = frames_kind_of(frames.p, frames.n);
	if (laned_str_is(r->fault, "crash_create"))
		__builtin_trap();
	*ret_instance = r;
	return LANED_OK;
}

static int
start(void *instance)
{
	struct relay *r = instance;

	r->api->log(r->h, LANED_LOG_WARNING,
		    laned_str_of("this is a test adapter and no product"));
	return r->api->conn_listen(r->h, LANED_ENDPOINT_POS, &relay_pos_events, r,
				   &r->listener);
}

static struct peer *
of_key(struct relay *r, const struct laned_key *key)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (r->peers[i].state == ANSWERED && laned_key_eq(&r->peers[i].key, key))
			return &r->peers[i];
	return NULL;
}

/* What the POS may have and has not confirmed is uncertain, unless it is still there to say so. */
static void
recover(void *instance, const struct laned_entry *entries, size_t count)
{
	struct relay *r = instance;

	for (size_t i = 0; i < count; i++) {
		struct peer *p = of_key(r, &entries[i].key);
		struct peer gone = { .r = r, .key = entries[i].key };

		if (p == NULL)
			p = &gone;
		p->req = entries[i].req;
		if (p == &gone || entries[i].state != LANED_J_ANSWER_SENDING)
			relay_complete(p, LANED_OUT_UNKNOWN);
	}
}

/*
 * Asks for the answer that p waits for by the new link. What laned no longer knows may have gone to the
 * payer nevertheless: that is not the terminal's now, and the POS has to ask.
 */
static void
ask_again(struct relay *r, struct peer *p)
{
	struct laned_event ev = { .size = sizeof(ev),
				  .type = LANED_EV_REPEAT_WANTED,
				  .key = p->key,
				  .amount = -1,
				  .ref = laned_str_of(p->id) };
	int rc = r->api->event(r->h, &ev);

	if (rc == LANED_OK || rc == LANED_GONE) /* or by the next link */
		return;
	p->state = READING;
	relay_status(p, rc);
	relay_work(p);
}

/* Requests of the old link are void; who still waits asks again by the new one. */
static void
link_changed(void *instance, int up)
{
	struct relay *r = instance;

	for (size_t i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &r->peers[i];

		if (!up)
			p->req = 0;
		if (!up && p->state == BASKET) /* nobody tells any more */
			relay_basket_stored(p, LANED_GONE);
		else if (!up)
			continue;
		else if (p->state == ASKED)
			ask_again(r, p);
	}
}

/* The answer to a POS that is away, under q->key: nothing reaches it now, and something may have. */
static uint32_t
unreachable(struct relay *r, const struct laned_request *q)
{
	struct laned_entry known = { .size = sizeof(known) };
	int rc;

	if (q->outcome != LANED_OUT_APPROVED && q->outcome != LANED_OUT_PARTIAL)
		return LANED_OUT_DONE;
	rc = r->api->journal_find(r->h, q->blob, &known);
	/* Without an answer it is not known that none has left. */
	return rc == LANED_OK && known.state != LANED_J_ANSWER_SENDING
		       ? LANED_OUT_CANCELLED
		       : LANED_OUT_UNKNOWN;
}

static const char *
outcome_name(uint32_t outcome)
{
	switch (outcome) {
	case LANED_OUT_APPROVED:
		return "approved";
	case LANED_OUT_PARTIAL:
		return "partial";
	case LANED_OUT_DECLINED:
		return "declined";
	default:
		return "cancelled";
	}
}

static int
send_result(struct peer *p, const struct laned_request *q, uint32_t outcome)
{
	char buf[ANSWER_BYTES], key[LANED_KEY_HEX_BYTES];
	struct laned_json_out o;

	laned_key_hex(key, &q->key);
	laned_json_out_init(&o, buf, sizeof(buf));
	laned_json_open(&o, NULL, '{');
	laned_json_str(&o, "type", laned_str_of("result"));
	laned_json_str(&o, "id", laned_str_of(p->id));
	laned_json_str(&o, "outcome", laned_str_of(outcome_name(outcome)));
	laned_json_int(&o, "amount", q->amount);
	laned_json_str(&o, "auth", q->auth);
	laned_json_str(&o, "ref", q->ref);
	laned_json_str(&o, "text", q->text);
	laned_json_str(&o, "key", laned_str_of(key));
	return relay_answer(p, &o);
}

/*
 * The approval goes out only when it is written down that it may have. When it cannot, that is a
 * "cancelled" only where no earlier one under this key has left; and the POS hears it from laned, by its
 * repeat: laned may have written it down and died, and knows of no "cancelled" yet.
 */
static void
answer_yes(struct peer *p, const struct laned_request *q)
{
	uint32_t otherwise = unreachable(p->r, q);
	int rc = p->r->api->journal(p->r->h, q->req, &q->key, LANED_J_ANSWER_SENDING,
				    laned_str_of(NULL));

	if (rc != LANED_OK || send_result(p, q, q->outcome) != LANED_OK) {
		p->state = READING;
		relay_complete(p, otherwise);
		relay_status(p, LANED_GONE); /* it asks again, or is gone */
		return;
	}
	p->state = ANSWERED;
	if (p->r->answer_done)
		relay_complete(p, LANED_OUT_CONFIRMED);
}

static int
submit(void *instance, const struct laned_request *q)
{
	struct relay *r = instance;
	struct peer gone = { .r = r, .key = q->key, .req = q->req };
	int yes = q->outcome == LANED_OUT_APPROVED || q->outcome == LANED_OUT_PARTIAL;
	struct peer *p = NULL;

	if (q->type != LANED_REQ_ANSWER)
		return LANED_UNSUPPORTED;
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (r->peers[i].state == ASKED &&
		    (laned_key_eq(&r->peers[i].key, &q->key) ||
		     laned_str_is(q->blob, r->peers[i].id)))
			p = &r->peers[i];
	if (p == NULL) {
		relay_complete(&gone, unreachable(r, q));
		return LANED_OK;
	}
	p->key = q->key;
	p->req = q->req;
	if (yes) {
		answer_yes(p, q);
	} else {
		relay_complete(p, LANED_OUT_DONE);
		p->state = READING;
		if (q->outcome == LANED_OUT_PASS) {
			relay_pass(p);
			return LANED_OK;
		}
		(void)send_result(p, q, q->outcome); /* or it is gone */
		memcpy(p->refused, p->id, sizeof(p->refused));
	}
	relay_work(p);
	return LANED_OK;
}

static void
health(void *instance, struct laned_health *h)
{
	const struct relay *r = instance;

	h->state = LANED_HEALTH_UP;
	h->received = r->asked;
	h->sent = r->passed;
}

static int
selftest(void *instance, uint32_t level, char text[LANED_NOTE_BYTES])
{
	(void)instance;
	(void)level;
	text[0] = '\0';
	return LANED_UNSUPPORTED;
}

static void
stop(void *instance)
{
	struct relay *r = instance;

	for (size_t i = 0; i < PEERS_MAX; i++)
		if (r->peers[i].state != FREE)
			relay_peer_free(&r->peers[i]);
	r->api->conn_close(r->h, r->listener);
}

static void
destroy(void *instance)
{
	struct relay *r = instance;

	r->api->free(r->h, r);
}

static const struct laned_adapter adapter = {
	.size = sizeof(adapter),
	.abi_major = LANED_ABI_MAJOR,
	.abi_minor = LANED_ABI_MINOR,
	.host_minor_min = 3,
	.name = "relay",
	.version = "1",
	.license = "as laned",
	.protocol = "JSON in frames, for tests only",
	.evidence = "simulated",
	.caps = LANED_CAP_TERMINAL | LANED_CAP_PASS_THROUGH | LANED_CAP_TOTAL |
		LANED_CAP_PARTIAL | LANED_CAP_BASKET_AT_TENDER,
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
	return host_minor < adapter.host_minor_min ? NULL : &adapter;
}
