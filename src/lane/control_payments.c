/*
 * control.sock: payment.report, what the books want of the journal; and payment.settle, what somebody
 * has seen at the POS.
 */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "lane/journal_report.h"

#include <errno.h>
#include <string.h>

#define PAGE_DEFAULT 500
#define PAGE_MAX 1000
#define DAY_MAX 99991231

struct page {
	struct json_out *o;
	int64_t count, last_seq;
};

static int
put_row(void *ctx, const struct journal_report_row *r)
{
	const struct payment *p = &r->payment;
	struct page *page = ctx;
	struct json_out *o = page->o;

	json_open_object(o, NULL);
	json_int(o, "business_day", r->business_day);
	put_kind(o, p);
	put_key(o, "key", p->key);
	put_ulid(o, "checkout", p->checkout);
	json_cstr(o, "ticket", p->ticket);
	json_cstr(o, "state", payment_state_name(p->state));
	json_int(o, "amount", p->asked_minor);
	json_int(o, "approved", p->answered_minor);
	json_int(o, "returned", r->returned_minor);
	json_cstr(o, "currency", p->currency);
	json_cstr(o, "ref", p->ref);
	json_cstr(o, "auth", p->auth);
	put_asked_by(o, p);
	json_int(o, "tries", p->tries);
	json_bool(o, "alarm", p->alarmed);
	put_time(o, "created", p->created_wall_ms);
	put_time(o, "since", p->state_wall_ms);
	json_close(o);
	page->count++;
	page->last_seq = r->seq;
	return 0;
}

/* Days, page and limit; a day that is missing is the present business day. NULL, or what is wrong. */
static const char *
read_query(const struct lane *l, const struct value *params,
	   struct journal_report_query *q)
{
	int64_t from = 0, to = 0, limit = PAGE_DEFAULT;
	struct timepoint now;
	int rc;

	lane_now(l, &now);
	from = now.business_day;
	rc = value_get_int(params, "from", 0, DAY_MAX, &from);
	if (rc < 0 && rc != -ENOENT)
		return "from: a day as 20261122 is wanted";
	to = rc == -ENOENT ? now.business_day : from;
	rc = value_get_int(params, "to", 0, DAY_MAX, &to);
	if ((rc < 0 && rc != -ENOENT) || to < from)
		return "to: a day not before the first is wanted";
	rc = value_get_int(params, "after", 0, INT64_C(1) << 52, &q->after_seq);
	if (rc < 0 && rc != -ENOENT)
		return "after: the next of the page before is wanted";
	rc = value_get_int(params, "limit", 1, PAGE_MAX, &limit);
	if (rc < 0 && rc != -ENOENT)
		return "limit: 1..1000";
	rc = value_get_bool(params, "refunds", &q->refunds);
	if (rc < 0 && rc != -ENOENT)
		return "refunds: true or false";
	q->from_day = (int32_t)from;
	q->to_day = (int32_t)to;
	q->limit = (uint32_t)limit;
	return NULL;
}

static int
put_report(struct lane *l, struct json_out *o, const struct journal_report_query *q)
{
	struct page page = { .o = o };
	int64_t count = 0, refund = 0;
	int rc = journal_report_returns(l->journal, q, &count, &refund);

	json_int(o, "from", q->from_day);
	json_int(o, "to", q->to_day);
	json_cstr(o, "store", l->store);
	json_cstr(o, "lane", l->name);
	json_cstr(o, "currency", l->env.currency);
	json_open_object(o, "returns");
	json_int(o, "count", count);
	json_int(o, "refund", refund);
	json_close(o);
	json_open_array(o, "payments");
	if (rc == 0)
		rc = journal_report(l->journal, q, put_row, &page);
	json_close(o);
	if (page.count == q->limit)
		json_int(o, "next", page.last_seq);
	return rc;
}

static void
on_report(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct journal_report_query q = { .after_seq = 0 };
	struct lane *l = ctx;
	const char *wrong = read_query(l, params, &q);
	struct json_out *o;
	int rc;

	(void)peer;
	if (wrong != NULL) {
		rpc_fail(call, RPC_PARAMS, "%s", wrong);
		return;
	}
	if (l->journal == NULL) {
		rpc_fail(call, RPC_REFUSED, "journal.db could not be opened: %s",
			 l->journal_note);
		return;
	}
	o = lane_message(l);
	rc = put_report(l, o, &q);
	json_close(o);
	if (rc < 0)
		rpc_fail(call, RPC_INTERNAL, "journal.db: %s",
			 journal_message(l->journal));
	else
		rpc_reply(call, o);
}

/* Only of these nobody but a person can say more: the POS may have the answer. NULL: it is none. */
static const struct payment *
unsettled(const struct lane *l, struct key128 key)
{
	for (uint32_t i = 0; i < lane_core_payments_count(l->core); i++) {
		const struct payment *p = lane_core_payment(l->core, i);

		if (key128_eq(p->key, key) && p->kind == PAYMENT_PAY &&
		    payment_is_for_pos(p) && p->state == PAYMENT_ANSWER_SENDING &&
		    p->told && !p->taken)
			return p;
	}
	return NULL;
}

/*
 * An operator has looked: the POS has the ticket as paid, or it has not. What its adapter would say is
 * said in its place, and laned confirms, or takes the money back.
 */
static void
on_settle(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct lane *l = ctx;
	struct lane_event ev = { .kind = LANE_EV_TENDER_CONFIRMED };
	struct lane_audit a = { .what = "payment-settled" };
	const struct payment *p;
	bool taken = false;

	(void)peer;
	if (get_key(params, "key", &ev.key) < 0 ||
	    value_get_bool(params, "taken", &taken) < 0) {
		rpc_fail(call, RPC_PARAMS,
			 "key (32 hex digits) and taken (true or false) are wanted");
		return;
	}
	p = unsettled(l, ev.key);
	if (p == NULL || l->journal == NULL) {
		rpc_fail(call, RPC_REFUSED,
			 "no payment in answer-sending, of which the POS may have the "
			 "answer, has this key");
		return;
	}
	if (!taken)
		ev.kind = LANE_EV_POS_UNDO;
	a.checkout = p->checkout;
	a.key = p->key;
	a.amount_minor = p->answered_minor;
	a.text = taken ? "an operator says that the POS has it as paid"
		       : "an operator says that the POS has it not";
	if (journal_audit(l->journal, &a, clock_wall_ms(), true) < 0 ||
	    lane_step(l, &ev) < 0 || !effects_stored(l->effects))
		rpc_fail(call, RPC_INTERNAL, "not stored: to be told again");
	else
		rpc_reply(call, NULL);
}

const struct rpc_method control_payment_methods[] = {
	{ "payment.report", ROLES_VIEW, 0, on_report },
	{ "payment.settle", ROLES_OPERATE, 0, on_settle },
};
const size_t control_payment_methods_count =
	sizeof(control_payment_methods) / sizeof(control_payment_methods[0]);
