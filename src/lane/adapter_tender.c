/*
 * Who is who among the adapters, and what the adapter of a POS says of the money that its POS asks
 * for. One adapter is the payer: it charges tokens. Another one, or the same, speaks for the POS.
 */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "lane/journal_returns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- who is who ---------------------------------------------------------------- */

struct adapter_link *
adapter_payer(struct lane *l)
{
	bool all_known = true;

	for (size_t i = 0; i < l->adapters_count; i++) {
		struct adapter_link *a = &l->adapters[i];

		if (a->can_pay)
			return a;
		all_known = all_known && a->known;
	}
	/* One that has not been here yet may be it. */
	return l->adapters_count == 1 || (l->adapters_count > 1 && all_known)
		       ? &l->adapters[0]
		       : NULL;
}

static struct adapter_link *
named(struct lane *l, const char *name)
{
	for (size_t i = 0; i < l->adapters_count; i++) {
		if (strcmp(l->adapters[i].name, name) == 0)
			return &l->adapters[i];
	}
	return NULL;
}

struct adapter_link *
adapter_offers(struct lane *l)
{
	if (l->offers_to != NULL && l->offers_to->greeted)
		return l->offers_to;
	for (size_t i = 0; i < l->adapters_count; i++) {
		if (l->adapters[i].greeted && l->adapters[i].can_offer)
			return &l->adapters[i];
	}
	return l->adapters_count > 0 && l->adapters[0].greeted ? &l->adapters[0] : NULL;
}

struct adapter_link *
adapter_of(struct lane *l, enum lane_op op, const struct payment *p)
{
	struct adapter_link *a;

	if (p == NULL)
		return adapter_offers(l);
	if (op == LANE_OP_ANSWER) {
		a = named(l, p->pos_adapter);
		return a != NULL && adapter_place_fits(a, p->pos_place) ? a : NULL;
	}
	a = p->adapter[0] == '\0' ? adapter_payer(l) : named(l, p->adapter);
	return a != NULL && adapter_place_fits(a, p->place) ? a : NULL;
}

bool
adapter_is_payer_of(struct adapter_link *a, const struct payment *p)
{
	if (adapter_of(a->lane, LANE_OP_PAY, p) != a || p->state == PAYMENT_CREATED ||
	    !payment_is_open(p->state))
		return false;
	/* An approval that its POS has not taken yet is nothing for the payer to do. */
	return !payment_is_for_pos(p) || !payment_is_paid(p->state) || p->taken;
}

bool
adapter_is_pos_of(struct adapter_link *a, const struct payment *p)
{
	return payment_is_for_pos(p) && strcmp(p->pos_adapter, a->name) == 0 &&
	       adapter_place_fits(a, p->pos_place) &&
	       p->state == PAYMENT_ANSWER_SENDING && p->told && !p->taken;
}

bool
adapter_pos_asks(const struct lane *l)
{
	for (size_t i = 0; i < l->adapters_count; i++) {
		const struct adapter_link *a = &l->adapters[i];

		if (a->can_terminal || (l->adapters_count > 1 && !a->known))
			return true;
	}
	return false;
}

void
put_asked_by(struct json_out *o, const struct payment *p)
{
	if (!payment_is_for_pos(p))
		return;
	json_cstr(o, "asked_by", p->pos_adapter);
	if (p->pos_ref[0] != '\0')
		json_cstr(o, "pos_ref", p->pos_ref);
	if (p->passed)
		json_bool(o, "passed", true);
	if (p->given_back)
		json_bool(o, "given_back", true);
}

/* ---- to the adapter of the POS -------------------------------------------------- */

void
adapter_put_for_pos(struct json_out *o, const struct payment *p)
{
	char hex[2 * PAYMENT_BLOB_BYTES_MAX + 1];

	put_key(o, "key", p->key);
	json_cstr(o, "ticket", p->ticket);
	json_int(o, "rev", p->rev);
	json_cstr(o, "currency", p->currency);
	if (p->pos_blob_bytes > 0 &&
	    hex_encode(hex, sizeof(hex), p->pos_blob, p->pos_blob_bytes) == 0)
		json_cstr(o, "blob", hex);
}

/* Words for the POS's display or receipt; nothing personal. */
static const char *
text_of(const struct lane_effect *fx)
{
	if (fx->tell.payment->state == PAYMENT_UNDO_QUEUED)
		return "not paid; what may have been taken is being given back";
	switch ((int)fx->tell.outcome) {
	case OUTCOME_APPROVED:
		return "paid by member token";
	case OUTCOME_PARTIAL:
		return "paid in part by member token";
	case OUTCOME_DECLINED:
		return "declined";
	default:
		return "";
	}
}

void
adapter_put_answer(struct json_out *o, const struct lane_effect *fx)
{
	const struct payment *p = fx->tell.payment;
	bool paid = payment_is_paid(p->state);

	adapter_put_for_pos(o, p);
	json_cstr(o, "outcome", lane_outcome_name(fx->tell.outcome));
	json_int(o, "amount", paid ? p->answered_minor : p->asked_minor);
	if (paid && p->auth[0] != '\0')
		json_cstr(o, "auth", p->auth);
	if (paid && p->ref[0] != '\0')
		json_cstr(o, "ref", p->ref);
	if (text_of(fx)[0] != '\0')
		json_cstr(o, "text", text_of(fx));
}

/* ---- from it -------------------------------------------------------------------- */

/* The optional members of what the POS asks for. NULL, or the name of the one at fault. */
static const char *
read_tender(const struct value *params, struct lane_event *ev,
	    uint8_t blob[PAYMENT_BLOB_BYTES_MAX])
{
	struct str hex = { "", 0 };
	int64_t rev = 0;
	int rc;

	if (value_get_int(params, "amount", 1, MONEY_MINOR_MAX,
			  &ev->tender.amount_minor) < 0)
		return "amount";
	rc = value_get_str(params, "ticket", LANE_TICKET_BYTES - 1, &ev->tender.ticket);
	if (rc < 0 && rc != -ENOENT)
		return "ticket";
	rc = value_get_str(params, "currency", 3, &ev->tender.currency);
	if (rc < 0 && rc != -ENOENT)
		return "currency";
	rc = value_get_str(params, "ref", PAYMENT_REF_BYTES - 1, &ev->tender.ref);
	if (rc < 0 && rc != -ENOENT)
		return "ref";
	rc = value_get_int(params, "rev", 0, UINT32_MAX, &rev);
	if (rc < 0 && rc != -ENOENT)
		return "rev";
	ev->tender.rev = (uint32_t)rev;
	rc = value_get_str(params, "blob", 2 * PAYMENT_BLOB_BYTES_MAX, &hex);
	if ((rc < 0 && rc != -ENOENT) || hex.n % 2 != 0 ||
	    hex_decode(blob, hex.n / 2, hex) < 0)
		return "blob";
	ev->tender.blob = blob;
	ev->tender.blob_bytes = (uint32_t)(hex.n / 2);
	return NULL;
}

static void
tender_wanted(struct adapter_link *a, struct rpc_call *call, const struct value *params)
{
	struct lane *l = a->lane;
	struct lane_event ev = { .kind = LANE_EV_TENDER_WANTED };
	uint8_t blob[PAYMENT_BLOB_BYTES_MAX];
	const char *wrong;

	if (!a->can_terminal) {
		rpc_fail(call, RPC_REFUSED, "this adapter has not the cap \"terminal\"");
		return;
	}
	ev.tender.adapter = str_of(a->name);
	ev.tender.place = str_of(a->place);
	ev.tender.ticket = ev.tender.currency = ev.tender.ref = STR("");
	wrong = read_tender(params, &ev, blob);
	if (wrong != NULL) {
		rpc_fail(call, RPC_PARAMS, "%s: missing or outside its range", wrong);
		return;
	}
	if (pos_guard(l, ev.tender.ticket) || pos_guard(l, ev.tender.ref)) {
		rpc_fail(call, RPC_PARAMS, "it looks like a payment card number");
		return;
	}
	l->tender_call = call;
	(void)lane_step(l, &ev); /* the reply says how it went */
	if (l->tender_call != NULL) {
		l->tender_call = NULL;
		rpc_fail(call, RPC_INTERNAL, "not durable: pass it through");
	}
}

void
adapter_tender_reply(struct lane *l, const struct lane_effect *fx, bool ok)
{
	struct rpc_call *call = l->tender_call;
	struct json_out *o;

	l->tender_call = NULL;
	if (call == NULL)
		return;
	if (!fx->reply.ok)
		l->tenders_passed++;
	if (!fx->reply.ok) {
		rpc_fail(call, RPC_REFUSED, "pass it through: %s", fx->reply.why);
	} else if (!ok) {
		rpc_fail(call, RPC_INTERNAL, "not durable: pass it through");
	} else {
		o = lane_message(l);
		put_key(o, "key", fx->reply.key);
		json_close(o);
		rpc_reply(call, o);
	}
}

/* The payment that a later word is about, by key or by the POS's own reference, if it asked for it. */
static int
payment_meant(struct adapter_link *a, const struct value *params, struct key128 *ret_key)
{
	struct lane *l = a->lane;
	struct payment *p = calloc(1, sizeof(*p));
	struct journal_ref j;
	struct str ref;
	int rc = -ENOENT;

	if (p == NULL)
		return -ENOMEM;
	if (get_key(params, "key", ret_key) == 0) {
		for (uint32_t i = 0; i < lane_core_payments_count(l->core); i++) {
			const struct payment *open = lane_core_payment(l->core, i);

			if (key128_eq(open->key, *ret_key)) {
				*p = *open;
				rc = 0;
			}
		}
	}
	if (rc < 0 && l->journal != NULL) {
		j = journal_ref(l->journal);
		if (get_key(params, "key", ret_key) == 0)
			rc = j.ops->get_payment(j.impl, *ret_key, p);
		else if (value_get_str(params, "ref", PAYMENT_REF_BYTES - 1, &ref) == 0)
			rc = adapter_find_told(a, ref, p);
	}
	if (rc == 0 && (!adapter_speaks_of(a, p) || !adapter_place_is_of(a, p)))
		rc = -ENOENT;
	if (rc == 0)
		*ret_key = p->key;
	free(p);
	return rc;
}

static int
kind_of(struct str type, enum lane_event_kind *ret_kind)
{
	static const struct {
		const char *name;
		enum lane_event_kind kind;
	} types[] = {
		{ "tender-undo", LANE_EV_POS_UNDO },
		{ "tender-abort", LANE_EV_TENDER_ABORT },
		{ "tender-confirmed", LANE_EV_TENDER_CONFIRMED },
		{ "repeat-wanted", LANE_EV_REPEAT_WANTED },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!str_is(type, types[i].name))
			continue;
		*ret_kind = types[i].kind;
		return 0;
	}
	return -ENOENT;
}

static int
add_returned(void *ctx, const struct journal_returned *r)
{
	int64_t *minor = ctx;

	*minor += r->refund_minor;
	return 0;
}

/*
 * The goods of the payment were taken back here, and the shopper has money for them: none goes back a
 * second time because the POS says undo. -EALREADY; 0: no such goods.
 */
static int
refuse_returned(struct adapter_link *a, struct key128 key)
{
	static const char text[] = "the POS takes back a payment whose goods were "
				   "returned: look what the shopper was given";
	struct lane *l = a->lane;
	struct lane_audit alarm = { .what = "payment-alarm", .key = key, .text = text };
	struct payment *p = calloc(1, sizeof(*p));
	struct timepoint now;
	int64_t returned = 0;
	int rc = p == NULL ? -ENOMEM : l->journal == NULL ? -EROFS : 0;

	if (rc == 0)
		rc = journal_ref(l->journal).ops->get_payment(l->journal, key, p);
	if (rc == -ENOENT) /* known here, and never committed: nothing was sold for it */
		rc = 0;
	else if (rc == 0 && p->kind == PAYMENT_PAY && payment_is_paid(p->state) &&
		 !p->given_back)
		rc = journal_returned(l->journal, p->checkout, add_returned, &returned);
	if (rc == 0 && returned > 0) {
		alarm.checkout = p->checkout;
		alarm.amount_minor = p->answered_minor;
		log_event(LOG_ERR, "payment-alarm", NULL, "adapter %s: %s", a->name,
			  text);
		lane_now(l, &now);
		if (lane_core_audit_spend(l->core, str_of(a->name), alarm.what, &now))
			rc = journal_audit(l->journal, &alarm, clock_wall_ms(), true);
		rc = rc < 0 ? rc : -EALREADY;
	}
	free(p);
	return rc;
}

/* A later word; it is taken when what it changes is durable. */
static void
later_word(struct adapter_link *a, struct rpc_call *call, const struct value *params,
	   enum lane_event_kind kind)
{
	struct lane_event ev = { .kind = kind };
	int rc = payment_meant(a, params, &ev.key);

	if (rc == 0 && kind == LANE_EV_POS_UNDO)
		rc = refuse_returned(a, ev.key);
	if (rc == -EALREADY) {
		rpc_fail(call, RPC_REFUSED, "its goods were returned: ask at the lane");
		return;
	}
	if (rc == 0)
		rc = lane_step(a->lane, &ev);
	if (rc == -ENOENT)
		rpc_fail(call, RPC_NOT_FOUND, "no payment of this adapter is meant");
	else if (rc < 0 || !effects_stored(a->lane->effects))
		rpc_fail(call, RPC_INTERNAL, "not stored: to be told again");
	else
		rpc_reply(call, NULL);
}

void
adapter_event_method(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		     const struct value *params)
{
	struct adapter_link *a = ctx;
	enum lane_event_kind kind;
	struct str type = { "", 0 };

	(void)peer;
	if (value_get_str(params, "type", 32, &type) < 0) {
		rpc_fail(call, RPC_PARAMS, "type: missing");
	} else if (str_is(type, "tender-wanted")) {
		tender_wanted(a, call, params);
	} else if (kind_of(type, &kind) == 0) {
		later_word(a, call, params, kind);
	} else {
		log_info("adapter %s: %.*s", a->name, (int)type.n, type.p);
		rpc_reply(call, NULL);
	}
}

void
adapter_tell_pos_link(struct adapter_link *a, bool up)
{
	struct lane_event ev = { .kind = LANE_EV_POS_LINK };

	if (!a->can_terminal)
		return;
	ev.pos.adapter = str_of(a->name);
	ev.pos.up = up;
	ev.pos.partial = a->can_partial;
	(void)lane_step(a->lane, &ev); /* there is room for every adapter */
}
