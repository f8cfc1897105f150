/* The link to laned: hello, recovery, what laned asks for, limits of time. */
#include "adapter/bridge_private.h"

#include "adapter/plugin_describe.h"
#include "adapter/watch.h"
#include "adapter/wire.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/daemon.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HELLO_MS 5000
#define HELLO_AGAIN_MS 5000
#define OVERDUE_AGAIN_MS 30000
#define RECOVER_MAX HOST_REQUESTS_MAX
#define REQUEST_MS_MAX (11 * 60 * 1000) /* of requests without a limit of their own */

/* A question whose only content is that it is answered. */
struct bridge_ping {
	void (*done)(void *ctx, bool alive);
	void *ctx;
	struct bridge *bridge; /* NULL: gone */
};

void
bridge_tell_laned(struct bridge *b, enum bridge_laned what)
{
	if (b->o.laned != NULL)
		b->o.laned(b->o.ctx, what);
}

/* The plug-in did not end a request in time: "unknown" in its place, never more. */
static void
on_deadline(void *ctx)
{
	struct bridge *b = ctx;
	struct host_request *r;

	while (b->up &&
	       (r = host_requests_expired(b->requests, clock_mono_ms())) != NULL) {
		struct laned_result result = {
			.size = sizeof(result),
			.outcome = LANED_OUT_UNKNOWN,
			.req = r->id,
			.key = r->key,
			.amount = -1,
		};

		log_event(LOG_ERR, "adapter-overdue", NULL,
			  "the plug-in did not end a request in time; it is unknown");
		r->deadline_ms =
			clock_mono_ms() + OVERDUE_AGAIN_MS; /* if this fails, again */
		if (bridge_complete(b, &result, NULL, NULL) == LANED_OK)
			r->by_host = true;
	}
	bridge_arm_deadline(b);
}

void
bridge_arm_deadline(struct bridge *b)
{
	int64_t at = host_requests_deadline(b->requests), ms;

	if (at == INT64_MAX) {
		loop_timer_cancel(b->deadline);
		return;
	}
	ms = at - clock_mono_ms();
	if (loop_timer_set(b->deadline, ms < 0 ? 0 : ms) < 0)
		log_err("no timer for requests; laned's own limit ends them");
}

/* ---- what laned asks for ----------------------------------------------------------------- */

static int64_t
deadline_of(const struct bridge *b, uint32_t timeout_ms)
{
	int64_t ms = REQUEST_MS_MAX;

	if (timeout_ms > 0)
		ms = (int64_t)timeout_ms + b->o.grace_ms;
	return clock_mono_ms() + ms;
}

/* Free texts on their way out are guarded, too. True: one holds a card number. */
static bool
holds_pan(struct bridge *b, const struct laned_request *q)
{
	if (host_guard(b->o.host, q->token) || host_guard(b->o.host, q->blob) ||
	    host_guard(b->o.host, q->auth) || host_guard(b->o.host, q->text))
		return true;
	for (uint32_t i = 0; i < q->discounts_count; i++)
		if (host_guard(b->o.host, q->discounts[i].text))
			return true;
	for (uint32_t i = 0; i < q->receipts_count; i++)
		if (host_guard(b->o.host, q->receipts[i]))
			return true;
	return false;
}

static int
submit(struct bridge *b, const struct host_wire_req *wire, struct laned_request *q)
{
	struct host_request r = { .wire = *wire,
				  .key = q->key,
				  .type = q->type,
				  .deadline_ms = deadline_of(b, q->timeout_ms) };
	int rc = host_requests_add(b->requests, &r, &q->req);
	unsigned was;

	if (rc < 0)
		return LANED_AGAIN;
	b->submitting = true;
	crash_point("host.submit");
	was = watch_enter(CRASH_SUBMIT, q->type);
	rc = b->adapter->submit(b->instance, q);
	watch_leave(was);
	b->submitting = false;
	if (rc != LANED_OK) {
		/* Not accepted, so nothing is open and no completion counts. */
		if (host_requests_complete(b->requests, q->req) == 0 ||
		    host_requests_find(b->requests, q->req) != NULL)
			host_requests_settle(b->requests, q->req, true);
		bridge_drop_held_of(b, q->req);
	}
	bridge_arm_deadline(b);
	return rc;
}

static void
on_submit(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct bridge *b = ctx;
	struct arena *arena = arena_new(BRIDGE_ARENA_BYTES_MAX);
	struct host_wire_req wire;
	struct laned_request q;
	const char *what = "";
	int rc = arena == NULL ? -ENOMEM
			       : wire_read_submit(arena, params, &wire, &q, &what);

	(void)peer;
	if (rc == -EPROTO) {
		rpc_fail(call, RPC_PARAMS, "member \"%s\" is missing or wrong", what);
	} else if (rc < 0) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
	} else if (!b->up) {
		rpc_fail(call, RPC_REFUSED, "hello was not answered yet");
	} else if (holds_pan(b, &q)) {
		rpc_fail(call, RPC_REFUSED, "it holds a payment card number");
	} else {
		rc = submit(b, &wire, &q);
		if (rc == LANED_OK)
			rpc_reply(call, NULL);
		else
			rpc_fail(call,
				 rc == LANED_UNSUPPORTED ? RPC_NO_METHOD : RPC_REFUSED,
				 "the plug-in does not take it (%d)", rc);
		crash_point("host.submit answered");
		bridge_send_held(b);
	}
	arena_free(arena);
}

static void
on_health(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct bridge *b = ctx;
	struct laned_health h = { .size = sizeof(h) };
	struct json_out *o = bridge_params_new();
	const char *state;
	unsigned was;

	(void)peer;
	(void)params;
	was = watch_enter(CRASH_HEALTH, 0);
	b->adapter->health(b->instance, &h);
	watch_leave(was);
	h.note[LANED_NOTE_BYTES - 1] = '\0';
	state = wire_health_name(h.state);
	if (o == NULL) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		return;
	}
	json_cstr(o, "state", state == NULL ? "degraded" : state);
	json_int(o, "pending", (int64_t)h.pending);
	json_int(o, "received", (int64_t)h.received);
	json_int(o, "sent", (int64_t)h.sent);
	json_int(o, "errors", (int64_t)h.errors);
	json_int(o, "ignored", (int64_t)host_requests_ignored(b->requests));
	json_int(o, "pans_refused", (int64_t)host_pans_refused(b->o.host));
	json_int(o, "refused", (int64_t)host_refused(b->o.host));
	if (h.note[0] != '\0')
		json_cstr(o, "note", h.note);
	json_close(o);
	rpc_reply(call, o);
	json_out_free(o);
}

static void
on_selftest(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	    const struct value *params)
{
	struct bridge *b = ctx;
	char text[LANED_NOTE_BYTES] = "";
	struct json_out *o;
	int64_t level;
	unsigned was;
	int rc;

	(void)peer;
	if (value_get_int(params, "level", 0, 2, &level) < 0) {
		rpc_fail(call, RPC_PARAMS, "level must be 0, 1 or 2");
		return;
	}
	was = watch_enter(CRASH_SELFTEST, 0);
	rc = b->adapter->selftest(b->instance, (uint32_t)level, text);
	watch_leave(was);
	text[LANED_NOTE_BYTES - 1] = '\0';
	if (rc == LANED_UNSUPPORTED) {
		rpc_fail(call, RPC_REFUSED, "this adapter has no such self-test: %s",
			 text);
		return;
	}
	o = bridge_params_new();
	if (o == NULL) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		return;
	}
	json_bool(o, "passed", rc == LANED_OK);
	if (text[0] != '\0')
		json_cstr(o, "text", text);
	json_close(o);
	rpc_reply(call, o);
	json_out_free(o);
}

static const struct rpc_method methods[] = {
	{ "adapter.submit", 1, 0, on_submit },
	{ "adapter.health", 1, 0, on_health },
	{ "adapter.selftest", 1, 0, on_selftest },
};

/* ---- the link ---------------------------------------------------------------------------- */

static void
link_down(struct bridge *b)
{
	bool was_up = b->up;
	unsigned was;

	b->up = false;
	b->epoch++;
	host_requests_clear(b->requests);
	bridge_drop_held(b);
	bridge_arm_deadline(b);
	if (!was_up)
		return;
	log_event(LOG_WARNING, "adapter-link", NULL,
		  "laned is gone; nothing is taken in until it is back");
	daemon_status("laned is gone");
	bridge_tell_laned(b, BRIDGE_LANED_LOST);
	crash_point("host.link down");
	was = watch_enter(CRASH_LINK, 0);
	b->adapter->link(b->instance, 0);
	watch_leave(was);
}

static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	struct bridge *b = ctx;

	(void)peer;
	(void)err;
	link_down(b);
}

/* Reads the list of open payments and makes each a request. */
static int
read_recover(struct bridge *b, struct arena *arena, const struct value *list,
	     struct laned_entry **ret_entries)
{
	struct laned_entry *entries = arena_array(arena, list->count, sizeof(*entries));
	int n = 0, rc;

	if (entries == NULL)
		return -ENOMEM;
	for (const struct value *v = list->first; v != NULL; v = v->next) {
		struct host_request r = { .deadline_ms = deadline_of(b, 0) };

		rc = wire_read_entry(arena, v, &r.wire, &entries[n]);
		if (rc < 0)
			return rc;
		r.key = entries[n].key;
		rc = host_requests_add(b->requests, &r, &entries[n].req);
		if (rc < 0)
			return rc;
		n++;
	}
	*ret_entries = entries;
	return n;
}

static int
link_up(struct bridge *b, const struct value *result)
{
	struct arena *arena = arena_new(BRIDGE_ARENA_BYTES_MAX);
	struct laned_entry *entries = NULL;
	const struct value *list;
	struct str lane = { "", 0 };
	unsigned was;
	int n = 0;

	if (arena == NULL)
		return -ENOMEM;
	(void)value_get_str(result, "lane", 64, &lane); /* for the log */
	if (value_get_array(result, "recover", &list) == 0)
		n = list->count > RECOVER_MAX ? -E2BIG
					      : read_recover(b, arena, list, &entries);
	if (n < 0) {
		host_requests_clear(b->requests);
		arena_free(arena);
		return n;
	}
	b->up = true;
	answered_hello(&b->answered, result);
	bridge_arm_deadline(b);
	log_event(LOG_NOTICE, "adapter-link", NULL, "%s serves %.*s; %d to recover",
		  b->o.name, (int)lane.n, lane.p, n);
	daemon_status("serving");
	crash_point("host.recover");
	was = watch_enter(CRASH_RECOVER, 0);
	b->adapter->recover(b->instance, entries, (size_t)n);
	watch_leave(was);
	crash_point("host.link up");
	was = watch_enter(CRASH_LINK, 1);
	if (b->up)
		b->adapter->link(b->instance, 1);
	watch_leave(was);
	if (b->up)
		bridge_tell_laned(b, BRIDGE_LANED_HERE);
	bridge_words_go(b);
	arena_free(arena);
	return 0;
}

static void
hello_later(struct bridge *b)
{
	if (loop_timer_set(b->hello_again, HELLO_AGAIN_MS) < 0)
		log_err("no timer for another hello");
}

/*
 * laned may have taken the hello: a second one on this connection is refused, and the payments that
 * it has handed over are not known here. The supervisor begins anew.
 */
static void
hello_lost(struct bridge *b, int err)
{
	log_event(LOG_ERR, "adapter-hello", NULL, "no use of laned's answer: %s; ending",
		  strerror(-err));
	b->o.ended(b->o.ctx, err);
}

static void
on_hello(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct bridge *b = ctx;
	int rc;

	if (error != NULL && error->code == RPC_GONE)
		return;
	if (error != NULL && error->code == RPC_TIMEOUT) {
		hello_lost(b, -ETIMEDOUT);
		return;
	}
	if (error != NULL) {
		log_event(LOG_ERR, "adapter-hello", NULL, "laned refuses us: %s",
			  error->message);
		hello_later(b);
		return;
	}
	rc = link_up(b, result);
	if (rc < 0) {
		log_event(LOG_ERR, "adapter-hello", NULL,
			  "laned's list of open payments cannot be used: %s",
			  strerror(-rc));
		hello_lost(b, rc);
	}
}

static void
send_hello(void *ctx)
{
	struct bridge *b = ctx;
	struct rpc_peer *peer = bridge_peer(b);
	const struct plugin_elf *elf = plugin_elf(b->o.plugin);
	struct json_out *o = peer == NULL || b->up ? NULL : bridge_params_new();

	if (o == NULL)
		return;
	json_cstr(o, "name", b->o.name);
	json_cstr(o, "plugin", b->adapter->name);
	json_cstr(o, "version", b->adapter->version);
	json_int(o, "abi", b->adapter->abi_major);
	json_open_array(o, "caps");
	plugin_caps_write(o, b->adapter->caps);
	json_close(o);
	if (elf->build_id[0] != '\0')
		json_cstr(o, "build_id", elf->build_id);
	json_cstr(o, "environment", b->o.environment);
	if (b->o.place != NULL && b->o.place[0] != '\0')
		json_cstr(o, "place", b->o.place);
	if (b->o.sole)
		answered_write(&b->answered, o);
	if (b->o.report != NULL) {
		json_open_object(o, "report");
		report_write(b->o.report, o);
		json_close(o);
	}
	json_close(o);
	crash_point("host.hello");
	if (rpc_request(peer, "adapter.hello", o, HELLO_MS, on_hello, b) < 0)
		hello_later(b);
	json_out_free(o);
}

static void
on_connected(void *ctx, struct rpc_peer *peer)
{
	(void)peer;
	send_hello(ctx);
}

static void
on_gone(void *ctx, int err)
{
	struct bridge *b = ctx;

	b->o.ended(b->o.ctx, err);
}

static int
start_instance(struct bridge *b)
{
	unsigned was = watch_enter(CRASH_CREATE, 0);
	int rc = b->adapter->create(b->o.host, host_api(), &b->instance);

	watch_leave(was);
	if (rc != LANED_OK) {
		b->instance = NULL;
		log_err("the plug-in refuses its configuration (%d)", rc);
		return -EPROTO;
	}
	was = watch_enter(CRASH_START, 0);
	rc = b->adapter->start(b->instance);
	watch_leave(was);
	if (rc != LANED_OK) {
		log_err("the plug-in cannot start (%d)", rc);
		return -EPROTO;
	}
	return 0;
}

static int
connect_client(struct bridge *b)
{
	struct rpc_client_options options = {
		.path = b->o.socket,
		.fd_first = b->o.fd,
		.role = 1,
		.hooks = &b->hooks,
		.connected = on_connected,
		.gone = on_gone,
	};

	b->hooks =
		(struct rpc_hooks){ .methods = methods,
				    .methods_count = sizeof(methods) / sizeof(methods[0]),
				    .ctx = b,
				    .closed = on_closed };
	return rpc_client_new(b->o.loop, &options, &b->client);
}

int
bridge_new(const struct bridge_options *o, struct bridge **ret_bridge)
{
	struct bridge *b = calloc(1, sizeof(*b));
	int rc = -ENOMEM;

	if (b == NULL)
		return rc;
	b->o = *o;
	if (b->o.grace_ms == 0)
		b->o.grace_ms = BRIDGE_GRACE_MS;
	b->adapter = plugin_table(o->plugin);
	b->link = bridge_link(b);
	b->requests = host_requests_new();
	b->found = arena_new(BRIDGE_ARENA_BYTES_MAX);
	if (b->requests == NULL || b->found == NULL)
		goto out;
	rc = loop_timer_new(o->loop, on_deadline, b, &b->deadline);
	if (rc == 0)
		rc = loop_timer_new(o->loop, send_hello, b, &b->hello_again);
	if (rc == 0)
		rc = loop_timer_new(o->loop, bridge_words_go, b, &b->words_again);
	if (rc < 0)
		goto out;
	host_set_link(o->host, &b->link);
	rc = start_instance(b);
	if (rc == 0)
		rc = connect_client(b);
	if (rc < 0)
		goto out;
	*ret_bridge = b;
	b = NULL;
out:
	bridge_free(b);
	return rc;
}

struct bridge *
bridge_free(struct bridge *b)
{
	unsigned was;

	if (b == NULL)
		return NULL;
	was = watch_enter(CRASH_STOP, 0);
	if (b->instance != NULL)
		b->adapter->stop(b->instance);
	watch_leave(was);
	b->up = false;
	b->epoch++;
	if (b->ping != NULL)
		b->ping->bridge = NULL; /* it ends with its connection */
	b->client = rpc_client_free(b->client);
	bridge_drop_held(b);
	was = watch_enter(CRASH_DESTROY, 0);
	if (b->instance != NULL)
		b->adapter->destroy(b->instance);
	watch_leave(was);
	host_set_link(b->o.host, NULL);
	loop_timer_free(b->deadline);
	loop_timer_free(b->hello_again);
	loop_timer_free(b->words_again);
	bridge_words_free(b);
	host_requests_free(b->requests);
	arena_free(b->found);
	free(b);
	return NULL;
}

void
bridge_notify(struct bridge *b, const char *method, struct json_out *params)
{
	struct rpc_peer *peer = bridge_peer(b);

	if (b->up && peer != NULL)
		(void)rpc_notify(peer, method,
				 params); /* the next hello tells it again */
}

static void
on_pong(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct bridge_ping p = *(struct bridge_ping *)ctx;

	(void)result;
	free(ctx);
	if (p.bridge == NULL)
		return;
	p.bridge->ping = NULL;
	p.done(p.ctx,
	       error == NULL || (error->code != RPC_GONE && error->code != RPC_TIMEOUT));
}

int
bridge_ping(struct bridge *b, int64_t timeout_ms, void (*done)(void *ctx, bool alive),
	    void *ctx)
{
	struct rpc_peer *peer = b->up ? bridge_peer(b) : NULL;
	struct bridge_ping *p;
	int rc;

	if (peer == NULL)
		return -EPIPE;
	if (b->ping != NULL)
		return -EAGAIN;
	p = malloc(sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	*p = (struct bridge_ping){ done, ctx, b };
	rc = rpc_request(peer, "adapter.ping", NULL, timeout_ms, on_pong, p);
	if (rc < 0)
		free(p);
	else
		b->ping = p;
	return rc;
}

bool
bridge_is_up(const struct bridge *b)
{
	return b->up;
}
