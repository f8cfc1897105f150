/* From the plug-in to laned: events, baskets, the journal, completions. */
#include "adapter/bridge_private.h"

#include "adapter/report.h"
#include "adapter/watch.h"
#include "adapter/wire.h"
#include "base/crash.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 5000
#define COMPLETE_MS 30000
#define OUT_BYTES_MAX (768u * 1024u)
#define WORDS_MAX 64u
#define WORD_AGAIN_MS 1000

struct rpc_peer *
bridge_peer(const struct bridge *b)
{
	return b->client == NULL ? NULL : rpc_client_peer(b->client);
}

/* ---- asking ------------------------------------------------------------------------------ */

static int
status_of(const struct rpc_error *error)
{
	if (error == NULL)
		return LANED_OK;
	switch (error->code) {
	case RPC_TIMEOUT:
	case RPC_INTERNAL:
		return LANED_AGAIN;
	case RPC_GONE:
		return LANED_GONE;
	case RPC_REFUSED:
	case RPC_DENIED:
	case RPC_NOT_FOUND:
		return LANED_REFUSED;
	default:
		return LANED_INVALID;
	}
}

static void
on_acked(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct ack *a = ctx;
	struct bridge *b = a->bridge;
	int status = status_of(error);
	bool current = b->up && a->epoch == b->epoch && status != LANED_GONE;

	(void)result; /* {} */
	if (error != NULL && status != LANED_GONE)
		log_event(LOG_WARNING, "adapter-refused", NULL, "%s: laned says %d: %s",
			  a->method, error->code, error->message);
	if (current && a->request != 0) {
		const struct host_request *r =
			host_requests_find(b->requests, a->request);

		if (a->confirmed && status == LANED_OK && r != NULL)
			answered_over(&b->answered, &r->key);
		host_requests_settle(b->requests, a->request, status != LANED_AGAIN);
		bridge_arm_deadline(b);
	}
	if (current && a->fn != NULL) {
		unsigned was = watch_enter(CRASH_ACK, 0);

		crash_point("host.ack");
		a->fn(a->user, status);
		watch_leave(was);
	}
	free(a);
}

static struct ack *
ack_new(struct bridge *b, laned_ack_fn fn, void *user)
{
	struct ack *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->bridge = b;
	a->epoch = b->epoch;
	a->fn = fn;
	a->user = user;
	return a;
}

/* Asks laned; takes a and params over in any case. enum laned_status. */
static int
ask(struct bridge *b, const char *method, struct json_out *params, struct ack *a)
{
	struct rpc_peer *peer = bridge_peer(b);
	int64_t timeout_ms = a->request != 0 ? COMPLETE_MS : ASK_MS;
	int rc;

	a->method = method;
	rc = peer == NULL ? -EPIPE
			  : rpc_request(peer, method, params, timeout_ms, on_acked, a);
	json_out_free(params);
	if (rc == 0)
		return LANED_OK;
	free(a);
	return rc == -EPIPE ? LANED_GONE : rc == -EAGAIN ? LANED_AGAIN : LANED_INVALID;
}

/* A new object for params, or NULL. */
struct json_out *
bridge_params_new(void)
{
	struct json_out *o = json_out_new(OUT_BYTES_MAX);

	if (o != NULL)
		json_open_object(o, NULL);
	return o;
}

/*
 * Asks and waits. 0 and *ret_result in arena; -ECONNREFUSED laned does not want it; -ENOENT it knows of
 * no such thing; another negative errno.
 */
static int
ask_and_wait(struct bridge *b, const char *method, struct json_out *params,
	     struct arena *arena, const struct value **ret_result)
{
	struct rpc_ask q = { method, params, BRIDGE_JOURNAL_MS };
	struct rpc_peer *peer = bridge_peer(b);
	struct rpc_error error = { 0, "" };
	int rc = -EPIPE;

	if (peer != NULL && b->up)
		rc = rpc_request_wait(peer, &q, arena, ret_result, &error);
	if (rc == -EREMOTEIO && error.code == RPC_REFUSED)
		rc = -ECONNREFUSED;
	else if (rc == -EREMOTEIO && error.code == RPC_NOT_FOUND)
		rc = -ENOENT;
	if (rc == -ECONNREFUSED || rc == -ENOENT)
		log_debug("%s: laned does not want it: %s", method, error.message);
	else if (rc == -EREMOTEIO)
		log_event(LOG_WARNING, "adapter-refused", NULL, "%s: laned says %d: %s",
			  method, error.code, error.message);
	else if (rc < 0)
		log_event(LOG_ERR, "adapter-no-journal", NULL, "%s: %s", method,
			  strerror(-rc));
	if (rc == -ETIMEDOUT)
		bridge_tell_laned(b, BRIDGE_LANED_SILENT);
	return rc;
}

/* ---- what the plug-in asks for ----------------------------------------------------------- */

/* A plug-in that mixes up its requests must not move another payment. */
static bool
is_key_of(const struct host_request *r, const struct laned_key *key)
{
	return memcmp(r->key.b, key->b, sizeof(key->b)) == 0;
}

static int
link_journal(void *ctx, uint64_t req, const struct laned_key *key, uint32_t state,
	     struct laned_str blob)
{
	struct bridge *b = ctx;
	const struct host_request *r = host_requests_find(b->requests, req);
	struct arena *arena = arena_new(BRIDGE_ARENA_BYTES_MAX);
	struct json_out *o = bridge_params_new();
	const struct value *result = NULL;
	int rc = LANED_NOT_DURABLE;

	if (r == NULL || r->completing || !is_key_of(r, key) || o == NULL ||
	    arena == NULL ||
	    (state != LANED_J_SENDING && state != LANED_J_ANSWER_SENDING))
		goto out;
	wire_write_req(o, &r->wire);
	wire_write_key(o, key);
	json_cstr(o, "state", wire_journal_state_name(state));
	wire_write_blob(o, blob);
	json_close(o);
	if (ask_and_wait(b, "adapter.journal", o, arena, &result) == 0)
		rc = LANED_OK;
	/* Whatever laned has written down: without this it does not leave. */
	if (rc == LANED_OK && state == LANED_J_ANSWER_SENDING)
		answered_let_go(&b->answered, key);
	crash_point("host.journalled");
out:
	json_out_free(o);
	arena_free(arena);
	return rc;
}

static int
link_journal_find(void *ctx, struct laned_str ref, struct laned_entry *ret_entry)
{
	struct bridge *b = ctx;
	struct json_out *o = bridge_params_new();
	const struct value *result = NULL, *entry;
	int rc = LANED_GONE;

	arena_reset(b->found);
	if (o == NULL)
		return LANED_NO_MEMORY;
	json_str(o, "ref", (struct str){ ref.p, ref.n });
	json_close(o);
	if (ask_and_wait(b, "adapter.journal_find", o, b->found, &result) == 0) {
		rc = LANED_MISSING;
		if (value_get_object(result, "entry", &entry) == 0)
			rc = wire_read_entry(b->found, entry, NULL, ret_entry) == 0
				     ? LANED_OK
				     : LANED_INTERNAL;
	}
	json_out_free(o);
	return rc;
}

/* ---- what a POS says of its tenders ------------------------------------------------------- */

static void
word_end(struct word *w)
{
	struct bridge *b = w->bridge;
	struct word **at = &b->words;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	b->words_count--;
	json_out_free(w->params);
	free(w);
}

static void
on_word(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct word *w = ctx;
	struct bridge *b = w->bridge;
	int status = status_of(error);

	(void)result; /* {} */
	w->asked = false;
	if (status == LANED_GONE)
		return; /* the next link takes it */
	if (status != LANED_AGAIN) {
		if (error != NULL)
			log_event(LOG_WARNING, "adapter-refused", NULL,
				  "adapter.event: laned says %d: %s", error->code,
				  error->message);
		word_end(w);
	} else if (loop_timer_set(b->words_again, WORD_AGAIN_MS) < 0) {
		log_err("no timer for what the POS said; the next link takes it");
	}
}

void
bridge_words_go(void *ctx)
{
	struct bridge *b = ctx;
	struct rpc_peer *peer = bridge_peer(b);
	int rc = 0;

	for (struct word *w = b->words; b->up && peer != NULL && w != NULL; w = w->next) {
		if (w->asked)
			continue;
		w->asked = true;
		rc = rpc_request(peer, "adapter.event", w->params, ASK_MS, on_word, w);
		w->asked = rc == 0;
		if (rc < 0)
			break; /* those after it do not overtake it */
	}
	/* The link's end brings the next one; too much under way is over soon. */
	if (rc < 0 && rc != -EPIPE && loop_timer_set(b->words_again, WORD_AGAIN_MS) < 0)
		log_err("no timer for what the POS said; the next link takes it");
}

void
bridge_words_free(struct bridge *b)
{
	struct word *w;

	while ((w = b->words) != NULL) {
		b->words = w->next;
		json_out_free(w->params);
		free(w);
	}
	b->words_count = 0;
}

/*
 * Kept until laned has stored it, over its restarts, too; this process is all that it may not outlive:
 * aborts only, which nobody waits for.
 */
static int
keep_word(struct bridge *b, struct json_out *o)
{
	struct word *w = b->words_count < WORDS_MAX ? calloc(1, sizeof(*w)) : NULL;
	struct word **at = &b->words;

	if (w == NULL) {
		json_out_free(o);
		return b->words_count < WORDS_MAX ? LANED_NO_MEMORY : LANED_AGAIN;
	}
	w->bridge = b;
	w->params = o;
	while (*at != NULL)
		at = &(*at)->next;
	*at = w;
	b->words_count++;
	bridge_words_go(b);
	return LANED_OK;
}

/*
 * laned may have taken what it did not answer in time. The POS goes to the real terminal with it, so
 * nobody may be asked for a touch: it is told so as soon as it listens.
 */
static void
abort_unheard(struct bridge *b, const struct laned_event *ev)
{
	const struct laned_event gone = { .size = sizeof(gone),
					  .type = LANED_EV_TENDER_ABORT,
					  .ticket = ev->ticket,
					  .amount = -1,
					  .ref = ev->ref };
	struct json_out *o = ev->ref.n > 0 ? bridge_params_new() : NULL;

	if (o == NULL)
		return;
	wire_write_event(o, &gone);
	json_close(o);
	(void)keep_word(b, o); /* else its limit ends it: a payment waits 20 s */
}

static int
wait_for_key(struct bridge *b, struct json_out *o, struct laned_event *ev)
{
	struct arena *arena = arena_new(BRIDGE_ARENA_BYTES_MAX);
	const struct value *result = NULL;
	int rc = LANED_NOT_DURABLE, asked = -ENOMEM;

	if (arena != NULL)
		asked = ask_and_wait(b, "adapter.event", o, arena, &result);
	if (asked == 0 && result != NULL && wire_read_key(result, &ev->key) == 0)
		rc = LANED_OK;
	else if (asked == -ECONNREFUSED)
		rc = LANED_REFUSED;
	else if (asked == -ETIMEDOUT)
		abort_unheard(b, ev);
	json_out_free(o);
	arena_free(arena);
	return rc;
}

/* A POS waits for it, and of what laned does not know no answer would ever come. */
static int
wait_for_repeat(struct bridge *b, struct json_out *o)
{
	struct arena *arena = arena_new(BRIDGE_ARENA_BYTES_MAX);
	const struct value *result = NULL; /* {} */
	int asked = b->up ? -ENOMEM : -EPIPE;

	if (arena != NULL && b->up)
		asked = ask_and_wait(b, "adapter.event", o, arena, &result);
	json_out_free(o);
	arena_free(arena);
	switch (asked) {
	case 0:
		return LANED_OK;
	case -ENOENT:
		return LANED_MISSING;
	case -ECONNREFUSED:
		return LANED_REFUSED;
	case -EPIPE:
		return LANED_GONE;
	default:
		return LANED_AGAIN;
	}
}

static bool
is_word(uint32_t type)
{
	return type == LANED_EV_TENDER_ABORT || type == LANED_EV_TENDER_CONFIRMED ||
	       type == LANED_EV_TENDER_UNDO;
}

/*
 * A word of the POS is taken in when laned has committed it, and not before: a word that only this
 * process knew would be lost with it, after the POS was told that it is heard. An abort takes nothing
 * back and nobody is charged for it; it is told on as well as it goes.
 */
static int
wait_for_word(struct bridge *b, struct json_out *o, uint32_t type)
{
	struct arena *arena = arena_new(BRIDGE_ARENA_BYTES_MAX);
	const struct value *result = NULL; /* {} */
	bool here = b->up && bridge_peer(b) != NULL;
	int asked = here ? -ENOMEM : -EPIPE;

	if (arena != NULL && here)
		asked = ask_and_wait(b, "adapter.event", o, arena, &result);
	arena_free(arena);
	crash_point("host.event stored");
	if (type == LANED_EV_TENDER_ABORT && here && asked < 0 && asked != -ENOENT &&
	    asked != -ECONNREFUSED)
		(void)keep_word(b, o); /* else the limit of its payment ends it */
	else
		json_out_free(o);
	switch (asked) {
	case 0:
		return LANED_OK;
	case -ENOENT:
		return LANED_MISSING;
	case -ECONNREFUSED:
		return LANED_REFUSED;
	default:
		return here ? LANED_NOT_DURABLE : LANED_GONE;
	}
}

static int
link_event(void *ctx, struct laned_event *ev)
{
	struct bridge *b = ctx;
	struct json_out *o = bridge_params_new();
	struct ack *a;

	if (o == NULL)
		return LANED_NO_MEMORY;
	wire_write_event(o, ev);
	json_close(o);
	if (ev->type == LANED_EV_TENDER_WANTED)
		return wait_for_key(b, o, ev);
	if (ev->type == LANED_EV_REPEAT_WANTED)
		return wait_for_repeat(b, o);
	if (is_word(ev->type))
		return wait_for_word(b, o, ev->type);
	a = ack_new(b, NULL, NULL);
	if (a == NULL || !b->up) {
		free(a);
		json_out_free(o);
		return b->up ? LANED_NO_MEMORY : LANED_GONE;
	}
	return ask(b, "adapter.event", o, a);
}

/* Closes params and asks, or gives everything back. */
static int
ask_pos(struct bridge *b, const char *method, struct json_out *o, struct ack *a)
{
	if (o == NULL || a == NULL || !b->up) {
		json_out_free(o);
		free(a);
		return b->up ? LANED_NO_MEMORY : LANED_GONE;
	}
	json_close(o);
	return ask(b, method, o, a);
}

static int
link_pos_basket(void *ctx, const struct laned_basket *basket, laned_ack_fn fn, void *user)
{
	struct bridge *b = ctx;
	struct json_out *o = bridge_params_new();

	if (o != NULL)
		wire_write_basket(o, basket);
	return ask_pos(b, "pos.basket", o, ack_new(b, fn, user));
}

static int
link_pos_claim(void *ctx, struct laned_str ticket, uint32_t kind, struct laned_str value,
	       laned_ack_fn fn, void *user)
{
	struct bridge *b = ctx;
	struct json_out *o = bridge_params_new();

	if (o != NULL)
		wire_write_claim(o, ticket, kind, value);
	return ask_pos(b, "pos.claim", o, ack_new(b, fn, user));
}

static int
link_pos_cancel(void *ctx, struct laned_str ticket, laned_ack_fn fn, void *user)
{
	struct bridge *b = ctx;
	struct json_out *o = bridge_params_new();

	if (o != NULL)
		json_str(o, "ticket", (struct str){ ticket.p, ticket.n });
	return ask_pos(b, "pos.cancel", o, ack_new(b, fn, user));
}

/* ---- completions ------------------------------------------------------------------------- */

/* The params of adapter.complete; wire NULL: laned never named a request for it. */
static struct json_out *
completion(const struct laned_result *r, const struct host_wire_req *wire, bool late)
{
	struct json_out *o = bridge_params_new();

	if (o == NULL)
		return NULL;
	if (wire != NULL)
		wire_write_req(o, wire);
	wire_write_result(o, r);
	if (late)
		json_bool(o, "late", true);
	json_close(o);
	return o;
}

static int
send_completion(struct bridge *b, struct json_out *o, struct ack *a)
{
	uint64_t request = a->request;
	int rc;

	if (b->submitting) {
		a->params = o;
		a->next = b->held;
		b->held = a;
		return LANED_OK;
	}
	crash_point("host.send completion");
	rc = ask(b, "adapter.complete", o, a);
	if (rc != LANED_OK && request != 0)
		host_requests_settle(b->requests, request, false);
	return rc;
}

/* How laned named the request that an answer belongs to, or NULL. */
static const struct host_wire_req *
wire_of(struct bridge *b, const struct laned_result *r)
{
	const struct host_request *open = host_requests_find(b->requests, r->req);

	if (open == NULL)
		open = host_requests_closed(b->requests, &r->key);
	return open == NULL ? NULL : &open->wire;
}

/* An answer after the completion, or to a request of an earlier life. */
static int
complete_late(struct bridge *b, const struct laned_result *r, laned_ack_fn fn, void *user)
{
	const char *outcome = wire_outcome_name(r->outcome);
	struct ack *a = ack_new(b, fn, user);
	struct json_out *o = completion(r, wire_of(b, r), true);

	if (a == NULL || o == NULL) {
		free(a);
		json_out_free(o);
		return LANED_NO_MEMORY;
	}
	log_event(LOG_WARNING, "adapter-late", NULL, "a late answer: %s",
		  outcome == NULL ? "unknown" : outcome);
	return send_completion(b, o, a);
}

/* Without one, laned knows it by the request. */
static bool
has_key(const struct laned_result *r)
{
	static const struct laned_key none;

	return memcmp(r->key.b, none.b, sizeof(none.b)) != 0;
}

/* As the host's link; lanectl status shows it. */
static void
link_odd(void *ctx, const char *what)
{
	struct bridge *b = ctx;

	if (b->o.report != NULL)
		report_odd(b->o.report, what);
}

int
bridge_complete(void *ctx, const struct laned_result *r, laned_ack_fn fn, void *user)
{
	struct bridge *b = ctx;
	struct host_request *open;
	struct json_out *o;
	struct ack *a;
	int rc;

	if (!b->up)
		return LANED_GONE;
	if ((r->flags & LANED_RESULT_LATE) != 0)
		return complete_late(b, r, fn, user);
	open = host_requests_find(b->requests, r->req);
	if (open != NULL && has_key(r) && !is_key_of(open, &r->key)) {
		log_event(LOG_ERR, "adapter-key", NULL,
			  "a completion under another request's key is refused");
		link_odd(b, "completes under another request's key");
		return LANED_INVALID;
	}
	rc = host_requests_complete(b->requests, r->req);
	if (rc == -ESTALE)
		return complete_late(b, r, fn, user);
	if (rc < 0) {
		log_event(
			LOG_WARNING, "adapter-second", NULL,
			"a second completion, or of no request, is ignored (%llu so far)",
			(unsigned long long)host_requests_ignored(b->requests));
		link_odd(b, "completes twice, or what nobody asked for");
		return LANED_REFUSED;
	}
	open = host_requests_find(b->requests, r->req);
	assert(open != NULL);
	a = ack_new(b, fn, user);
	o = completion(r, &open->wire, false);
	if (a == NULL || o == NULL) {
		free(a);
		json_out_free(o);
		host_requests_settle(b->requests, r->req, false);
		return LANED_NO_MEMORY;
	}
	a->request = r->req;
	a->confirmed = r->outcome == LANED_OUT_CONFIRMED;
	rc = send_completion(b, o, a);
	bridge_arm_deadline(b);
	return rc;
}

void
bridge_send_held(struct bridge *b)
{
	struct ack *a;

	while ((a = b->held) != NULL) {
		struct json_out *o = a->params;

		b->held = a->next;
		a->params = NULL;
		/* An error is the link's end; recovery follows. */
		(void)send_completion(b, o, a);
	}
}

void
bridge_drop_held(struct bridge *b)
{
	struct ack *a;

	while ((a = b->held) != NULL) {
		b->held = a->next;
		json_out_free(a->params);
		free(a);
	}
}

void
bridge_drop_held_of(struct bridge *b, uint64_t request)
{
	struct ack **at = &b->held;

	while (*at != NULL) {
		struct ack *a = *at;

		if (a->request != request) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		json_out_free(a->params);
		free(a);
	}
}

struct host_link
bridge_link(struct bridge *b)
{
	return (struct host_link){ b,
				   link_journal,
				   link_journal_find,
				   link_event,
				   link_pos_basket,
				   link_pos_claim,
				   link_pos_cancel,
				   bridge_complete,
				   link_odd };
}
