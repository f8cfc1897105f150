/* adapter-NAME.sock: the conversation with the adapter processes. */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/plain/pan.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES_MAX 512u
#define USER_PREFIX "laned-a-"
#define REQ_STEP_MS                                                                      \
	1000 /* request numbers of a start begin above those of the last one */

/* ---- requests under way -------------------------------------------------------- */

static int64_t
next_req(struct lane *l)
{
	int64_t least = clock_wall_ms() * REQ_STEP_MS % (INT64_C(1) << 52);

	if (l->last_req == 0)
		l->last_req = least;
	return ++l->last_req;
}

struct pending *
adapter_pending_add(struct adapter_link *a, enum lane_op op, struct key128 key)
{
	struct pending *p = &a->pending[a->pending_next];

	a->pending_next = (a->pending_next + 1) % PENDING_MAX;
	*p = (struct pending){ .req = next_req(a->lane), .op = op, .key = key };
	return p;
}

static struct pending *
pending_find(struct adapter_link *a, int64_t req)
{
	for (size_t i = 0; i < PENDING_MAX; i++)
		if (req != 0 && a->pending[i].req == req)
			return &a->pending[i];
	return NULL;
}

/* ---- from the adapter ------------------------------------------------------------ */

static bool
has_cap(const struct value *params, const char *name)
{
	const struct value *list = NULL;

	if (value_get_array(params, "caps", &list) < 0)
		return false;
	for (const struct value *v = list->first; v != NULL; v = v->next)
		if (v->kind == VALUE_STRING && str_is(v->s, name))
			return true;
	return false;
}

/* One entry of the recover list, or the answer to journal_find, as that adapter knows it. */
static void
put_entry(struct json_out *o, const char *name, const struct payment *p, int64_t req,
	  bool for_pos)
{
	json_open_object(o, name);
	json_int(o, "req", req);
	/* "answer-sending" says that its adapter was allowed to send one, and not only asked to. */
	json_cstr(o, "state",
		  payment_state_name(for_pos && p->state == PAYMENT_ANSWER_SENDING &&
						     !p->told
					     ? PAYMENT_APPROVED
					     : p->state));
	if (for_pos) {
		adapter_put_for_pos(o, p);
		json_int(o, "amount", p->asked_minor);
		if (p->pos_ref[0] != '\0')
			json_cstr(o, "ref", p->pos_ref);
	} else {
		adapter_put_payment(o, p);
	}
	if (p->kind == PAYMENT_REFUND)
		put_kind(o, p);
	json_close(o);
}

static void
tell_core(struct lane *l)
{
	struct adapter_link *a = adapter_link_active(l), *payer = adapter_payer(l);
	struct lane_event ev = { .kind = LANE_EV_ADAPTER, .up = a != NULL };

	l->env.can_pay = a != NULL && a->can_pay;
	l->env.adapter = str_of(payer != NULL ? payer->name : "");
	l->env.place = str_of(payer != NULL ? payer->place : "");
	l->env.two_phase = payer != NULL && payer->can_confirm;
	l->env.pos_asks = adapter_pos_asks(l);
	l->env.can_refund = a != NULL && a->can_refund;
	l->env.payment.can_query = a == NULL || a->can_query;
	l->env.payment.partial_ok = a != NULL && a->can_partial;
	if (lane_core_set_env(l->core, &l->env) < 0)
		log_err("the adapter's abilities could not be taken over");
	(void)lane_step(l, &ev); /* a fault flag: the core takes it in every state */
}

/* Of a list with something else in it nobody knows what that was to say. */
static bool
are_keys(const struct value *list)
{
	struct key128 k;

	for (const struct value *v = list->first; v != NULL; v = v->next)
		if (v->kind != VALUE_STRING || key128_parse(v->s, &k) < 0)
			return false;
	return true;
}

static bool
holds_key(const struct value *list, struct key128 key)
{
	struct key128 k;

	for (const struct value *v = list->first; v != NULL; v = v->next)
		if (key128_parse(v->s, &k) == 0 && key128_eq(k, key))
			return true;
	return false;
}

/*
 * Is what the core has all that is open? Not without its journal, nor with an older one: what is not there
 * now may be there again tomorrow.
 */
static bool
knows_all(const struct lane *l)
{
	return l->journal != NULL && l->journal_behind[0] == '\0' &&
	       lane_core_has_all(l->core);
}

/*
 * A restart of ours took every answer for one that may be out. A host that has lived on knows which it has
 * let go: all others are handed over again or taken back, as any that the POS has not got. Not by a
 * journal that is older than it was, whose open payments may have been answered and confirmed long ago.
 */
static void
take_answered(struct adapter_link *a, const struct value *params)
{
	struct lane_core *core = a->lane->core;
	const struct value *list;

	if (!knows_all(a->lane) || value_get_array(params, "answered", &list) < 0 ||
	    !are_keys(list))
		return;
	for (uint32_t i = 0; i < lane_core_payments_count(core); i++) {
		const struct payment *p = lane_core_payment(core, i);

		if (adapter_is_pos_of(a, p) && !holds_key(list, p->key))
			lane_core_answer_unsent(core, p->key);
	}
}

/* What its host may not take for begun in its own time. */
static void
put_open(struct json_out *o, const struct adapter_link *a)
{
	const struct lane_core *core = a->lane->core;
	char hex[KEY128_TEXT_BYTES];

	if (!knows_all(a->lane))
		return;
	state_anchor(a->lane); /* an older journal than this one will be told */
	json_open_array(o, "open");
	for (uint32_t i = 0; i < lane_core_payments_count(core); i++) {
		const struct payment *p = lane_core_payment(core, i);

		if (strcmp(p->pos_adapter, a->name) != 0 || !payment_is_open(p->state))
			continue;
		key128_text(hex, p->key);
		json_cstr(o, NULL, hex);
	}
	json_close(o);
}

static void
reply_hello(struct adapter_link *a, struct rpc_call *call)
{
	struct lane *l = a->lane;
	struct json_out *o = lane_message(l);
	uint8_t exponent = 2;
	uint16_t numeric;

	(void)currency_find(l->env.currency, &numeric, &exponent); /* checked at start */
	json_cstr(o, "lane", l->name);
	json_cstr(o, "store", l->store);
	json_cstr(o, "environment", conf_str(l->conf, "lane", "environment"));
	json_cstr(o, "currency", l->env.currency);
	json_int(o, "exponent", exponent);
	json_open_array(o, "recover");
	for (uint32_t i = 0; i < lane_core_payments_count(l->core); i++) {
		const struct payment *p = lane_core_payment(l->core, i);

		if (adapter_is_payer_of(a, p))
			put_entry(o, NULL, p,
				  adapter_pending_add(a, LANE_OP_OTHER, p->key)->req,
				  false);
		else if (adapter_is_pos_of(a, p))
			put_entry(o, NULL, p,
				  adapter_pending_add(a, LANE_OP_ANSWER, p->key)->req,
				  true);
	}
	json_close(o);
	if (a->can_terminal)
		put_open(o, a);
	json_close(o);
	rpc_reply(call, o);
}

static void
on_hello(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	 const struct value *params)
{
	struct adapter_link *a = ctx;
	const struct value *report;
	struct str s;
	bool known;

	if (value_get_str(params, "environment", 8, &s) < 0 ||
	    !str_is(s, conf_str(a->lane->conf, "lane", "environment"))) {
		log_err("adapter %s belongs to another environment; refused", a->name);
		rpc_fail(call, RPC_REFUSED, "environment: this lane is %s",
			 conf_str(a->lane->conf, "lane", "environment"));
		return;
	}
	if (value_get_str(params, "plugin", sizeof(a->plugin) - 1, &s) == 0 &&
	    !pos_guard(a->lane, s))
		(void)str_copy(a->plugin, sizeof(a->plugin), s);
	if (value_get_str(params, "version", sizeof(a->version) - 1, &s) == 0 &&
	    !pos_guard(a->lane, s))
		(void)str_copy(a->version, sizeof(a->version), s);
	known = !adapter_place_take(a, params) && a->known;
	a->can_pay = has_cap(params, "pay");
	a->can_query = has_cap(params, "query");
	a->can_partial = has_cap(params, "partial");
	a->can_receipt = has_cap(params, "receipt");
	a->can_refund = has_cap(params, "refund");
	a->can_confirm = has_cap(params, "confirm");
	a->can_terminal = has_cap(params, "terminal");
	a->can_offer = has_cap(params, "discount-lines") ||
		       has_cap(params, "discount-amount") ||
		       has_cap(params, "member-out") || has_cap(params, "coupon-out");
	a->known = true;
	a->peer = peer;
	a->greeted = true;
	a->connects++;
	memset(a->pending, 0, sizeof(a->pending));
	if (value_get_object(params, "report", &report) == 0)
		adapter_report_take(a, report);
	log_notice("adapter %s is here (%s %s)", a->name, a->plugin, a->version);
	take_answered(a, params);
	reply_hello(a, call);
	if (!known)
		adapter_place_check(a->lane);
	tell_core(a->lane);
	adapter_tell_pos_link(a, true);
}

/* The host asks whether anybody answers, before it lets a POS's connection come to us. */
static void
on_ping(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	(void)ctx;
	(void)peer;
	(void)params;
	rpc_reply(call, NULL);
}

static void
on_journal(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	   const struct value *params)
{
	struct adapter_link *a = ctx;
	struct lane *l = a->lane;
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };
	uint8_t blob[PAYMENT_BLOB_BYTES_MAX];
	struct str state, hex = { "", 0 };
	int rc;

	(void)peer;
	if (get_key(params, "key", &ev.journal.key) < 0 ||
	    value_get_str(params, "state", 16, &state) < 0 ||
	    (!str_is(state, "sending") && !str_is(state, "answer-sending"))) {
		rpc_fail(call, RPC_PARAMS,
			 "key and state (sending, answer-sending) are wanted");
		return;
	}
	ev.journal.answer = str_is(state, "answer-sending");
	rc = value_get_str(params, "blob", 2 * sizeof(blob), &hex);
	if ((rc < 0 && rc != -ENOENT) || hex.n % 2 != 0 ||
	    hex_decode(blob, hex.n / 2, hex) < 0) {
		rpc_fail(call, RPC_PARAMS, "blob: hex of at most 4096 bytes is wanted");
		return;
	}
	ev.journal.blob = hex.n > 0 ? blob : NULL;
	ev.journal.blob_bytes = (uint32_t)(hex.n / 2);
	ev.journal.req = STR("");
	ev.journal.from = str_of(a->name);
	l->journal_call = call;
	(void)lane_step(l, &ev); /* the answer says how it went */
	if (l->journal_call != NULL) {
		l->journal_call = NULL;
		rpc_fail(call, RPC_REFUSED, "not durable: no such payment, do not send");
	}
}

/* Of an open payment the core knows whether its answer may be out; it has no commit of its own. */
static void
take_live(const struct lane *l, struct payment *p)
{
	for (uint32_t i = 0; i < lane_core_payments_count(l->core); i++) {
		const struct payment *open = lane_core_payment(l->core, i);

		if (key128_eq(open->key, p->key))
			*p = *open;
	}
}

static void
on_journal_find(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params)
{
	struct adapter_link *a = ctx;
	struct lane *l = a->lane;
	struct payment *p = calloc(1, sizeof(*p));
	struct str ref;
	int rc;

	(void)peer;
	if (p == NULL || value_get_str(params, "ref", 128, &ref) < 0) {
		rpc_fail(call, RPC_PARAMS, "ref: a text is wanted");
		free(p);
		return;
	}
	rc = adapter_find(a, ref, p);
	if (rc == 0)
		take_live(l, p);
	if (rc < 0 && rc != -ENOENT) {
		rpc_fail(call, RPC_INTERNAL, "journal: %s", strerror(-rc));
	} else {
		struct json_out *o = lane_message(l);

		if (rc == 0)
			put_entry(o, "entry", p, 0,
				  payment_is_for_pos(p) &&
					  strcmp(p->pos_adapter, a->name) == 0);
		json_close(o);
		rpc_reply(call, o);
	}
	free(p);
}

/* The answered amount and currency; either may be missing. -EBADMSG one cannot be read. */
static int
read_answered(const struct value *params, struct lane_event *ev)
{
	int amount = value_get_int(params, "amount", 0, MONEY_MINOR_MAX,
				   &ev->completion.amount_minor);
	int currency;

	ev->completion.currency = STR("");
	currency = value_get_str(params, "currency", 3, &ev->completion.currency);
	ev->completion.has_amount = amount == 0;
	return (amount < 0 && amount != -ENOENT) || (currency < 0 && currency != -ENOENT)
		       ? -EBADMSG
		       : 0;
}

/* The request that is completed; NULL: none that we know under this key. */
static struct pending *
completed(struct adapter_link *a, const struct value *params, struct lane_event *ev)
{
	struct pending *p;
	int64_t req = 0;

	(void)value_get_int(params, "req", 0, INT64_C(1) << 53,
			    &req); /* a late one has none */
	p = pending_find(a, req);
	if (get_key(params, "key", &ev->completion.key) < 0) {
		if (p != NULL)
			ev->completion.key = p->key;
	} else if (p != NULL && !key128_eq(p->key, ev->completion.key)) {
		p = NULL;
	}
	ev->completion.op = p == NULL ? LANE_OP_OTHER : p->op;
	ev->completion.from = str_of(a->name);
	ev->completion.stale = p != NULL && p->stale;
	return p;
}

/*
 * A text of the peer, cut to what is kept of it; empty when there is none. A part of a card number
 * is not told from other digits any more: with one in it nothing is kept.
 */
static struct str
text_cut(const struct value *params, const char *name, size_t bytes_max)
{
	struct str s = STR("");

	if (value_get_str(params, name, MESSAGE_BYTES_MAX, &s) < 0)
		return STR("");
	if (s.n > bytes_max) {
		if (pan_find(s, NULL, NULL))
			return STR("");
		s.n = bytes_max;
		while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0u) == 0x80u)
			s.n--; /* not within a character */
	}
	return s;
}

static void
read_completion(const struct value *params, struct lane_event *ev)
{
	struct str outcome = { "", 0 };

	(void)value_get_str(params, "outcome", 32, &outcome); /* missing: unknown */
	if (read_answered(params, ev) < 0) /* an amount that cannot be read is no yes */
		outcome = STR("unknown");
	ev->completion.outcome = lane_outcome_parse(outcome);
	ev->completion.auth = text_cut(params, "auth", PAYMENT_AUTH_BYTES - 1);
	ev->completion.ref = text_cut(params, "ref", PAYMENT_REF_BYTES - 1);
}

/* An answer about money, into the core; what became of it. */
static void
take_completion(struct adapter_link *a, struct rpc_call *call, struct lane_event *ev,
		struct pending *p)
{
	enum lane_outcome outcome = ev->completion.outcome;
	int rc = lane_step(a->lane, ev);

	if (!effects_stored(a->lane->effects)) {
		rpc_fail(call, RPC_INTERNAL, "not stored: to be told again");
		return;
	}
	if (p != NULL)
		p->req = 0;
	if (ev->completion.op == LANE_OP_CONFIRM ||
	    ev->completion.op == LANE_OP_ANSWER) { /* now there is a receipt */
		adapter_link_receipt(a->lane, lane_core_display(a->lane->core));
		control_changed(a->lane);
	}
	if (rc != -ENOENT) {
		rpc_reply(call, NULL); /* one nobody waits for is harmless */
		return;
	}
	if (outcome == OUTCOME_APPROVED || outcome == OUTCOME_PARTIAL)
		log_event(
			LOG_ERR, "payment-alarm", NULL,
			"adapter %s tells of an approval under a key that this lane does "
			"not know",
			a->name);
	rpc_fail(call, RPC_NOT_FOUND, "no payment of this adapter has this key");
}

static void
on_complete(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	    const struct value *params)
{
	struct adapter_link *a = ctx;
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };
	struct pending *p = completed(a, params, &ev);

	(void)peer;
	read_completion(params, &ev);
	a->completions++;
	if (ev.completion.op != LANE_OP_OFFER) {
		take_completion(a, call, &ev, p);
		return;
	}
	p->req = 0;
	ev.completion.offer = p->offer;
	if (p->offer != 0)
		(void)lane_step(a->lane, &ev); /* of a price that is over by now */
	rpc_reply(call, NULL);
}

static void
on_pos_basket(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	      const struct value *params)
{
	struct adapter_link *a = ctx;
	struct adapter_link *before = a->lane->offers_to;

	(void)peer;
	a->lane->offers_to = a; /* what it costs is told while it is taken */
	/* One that is not taken turns no offers away from the POS that has the ticket. */
	if (pos_basket_take(a->lane, call, params) < 0 && before != NULL)
		a->lane->offers_to = before;
}

static void
on_pos_claim(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	     const struct value *params)
{
	pos_claim(((struct adapter_link *)ctx)->lane, peer, call, params);
}

static void
on_pos_cancel(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	      const struct value *params)
{
	pos_cancel(((struct adapter_link *)ctx)->lane, peer, call, params);
}

static const struct rpc_method methods[] = {
	{ "adapter.hello", ROLE_ADAPTER, PEER_NEW, on_hello },
	{ "adapter.ping", ROLE_ADAPTER, PEER_GREETED, on_ping },
	{ "adapter.report", ROLE_ADAPTER, PEER_NEW | PEER_GREETED,
	  adapter_report_method },
	{ "adapter.journal", ROLE_ADAPTER, PEER_GREETED, on_journal },
	{ "adapter.journal_find", ROLE_ADAPTER, PEER_GREETED, on_journal_find },
	{ "adapter.complete", ROLE_ADAPTER, PEER_GREETED, on_complete },
	{ "adapter.event", ROLE_ADAPTER, PEER_GREETED, adapter_event_method },
	{ "pos.basket", ROLE_ADAPTER, PEER_GREETED, on_pos_basket },
	{ "pos.claim", ROLE_ADAPTER, PEER_GREETED, on_pos_claim },
	{ "pos.cancel", ROLE_ADAPTER, PEER_GREETED, on_pos_cancel },
};

/* Who was refused, or has not said yet of which environment it is, is not listened to. */
static uint32_t
peer_phase(void *ctx, struct rpc_peer *peer)
{
	const struct adapter_link *a = ctx;

	return peer == a->peer ? PEER_GREETED : PEER_NEW;
}

/* ---- the sockets --------------------------------------------------------------------- */

struct adapter_link *
adapter_link_active(struct lane *l)
{
	struct adapter_link *a = adapter_payer(l);

	return a != NULL && a->greeted ? a : NULL;
}

static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	struct adapter_link *a = ctx;

	(void)err;
	adapter_report_gone(a);
	if (peer == a->given)
		a->given = NULL;
	if (peer != a->peer)
		return;
	a->peer = NULL;
	a->greeted = false;
	log_warn("adapter %s went away", a->name);
	tell_core(a->lane);
	adapter_tell_pos_link(a, false);
}

static uint32_t
on_accept(void *ctx, pid_t pid, uid_t uid, gid_t gid)
{
	const struct adapter_link *a = ctx;
	const struct passwd *pw;
	char user[64];

	(void)pid;
	(void)gid;
	if (uid == geteuid())
		return ROLE_ADAPTER;
	(void)snprintf(user, sizeof(user), USER_PREFIX "%s",
		       a->name); /* names are short */
	pw = getpwnam(user);
	return pw != NULL && pw->pw_uid == uid ? ROLE_ADAPTER : 0;
}

static int
open_adapter(struct lane *l, const char *name, int fd)
{
	struct adapter_link *a = &l->adapters[l->adapters_count];
	char path[PATH_BYTES_MAX];
	struct rpc_listen_options o = { .path = path,
					.mode = 0666,
					.peers_max = 1,
					.hooks = &a->hooks,
					.accept = on_accept };
	int rc;

	a->lane = l;
	(void)str_copy(a->name, sizeof(a->name),
		       str_of(name)); /* checked by the conf reader */
	a->hooks =
		(struct rpc_hooks){ .methods = methods,
				    .methods_count = sizeof(methods) / sizeof(methods[0]),
				    .ctx = a,
				    .phase = peer_phase,
				    .closed = on_closed };
	if (fd >= 0) {
		rc = rpc_peer_new(l->loop, fd, ROLE_ADAPTER, &a->hooks, &a->given);
	} else {
		if (snprintf(path, sizeof(path), "%s/adapter-%s.sock",
			     conf_str(l->conf, "paths", "run"),
			     name) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		rc = rpc_listen(l->loop, &o, &a->listener);
	}
	if (rc == 0)
		l->adapters_count++;
	return rc;
}

int
adapter_links_open(struct lane *l, int fd)
{
	char section[64];
	const char *name;
	int rc = 0;

	for (size_t i = 0; rc == 0 && l->adapters_count < ADAPTERS_MAX; i++) {
		name = conf_instance(l->conf, "adapter:*", i);
		if (name == NULL)
			break;
		(void)snprintf(section, sizeof(section), "adapter:%s", name);
		if (strcmp(conf_str(l->conf, section, "enabled"), "no") == 0)
			continue;
		rc = open_adapter(l, name, fd);
		fd = -1; /* a given socket is the first adapter's */
	}
	if (rc == 0 && l->adapters_count > 1)
		log_notice("several adapters: the first that can charge a token is the "
			   "payer; offers go where the basket comes from");
	return rc;
}

void
adapter_links_close(struct lane *l)
{
	for (size_t i = 0; i < l->adapters_count; i++) {
		struct adapter_link *a = &l->adapters[i];

		a->given = rpc_peer_free(a->given);
		a->peer = NULL;
		a->listener = rpc_listener_free(a->listener);
	}
	l->adapters_count = 0;
}
