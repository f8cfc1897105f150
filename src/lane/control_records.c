/* control.sock: the journal's records, for people. */
#include "lane/lane_private.h"

#include <errno.h>
#include <string.h>

#define LIST_DEFAULT 50
#define LIST_MAX 500

static void
write_checkout(struct json_out *o, const char *name, const struct checkout_record *r)
{
	json_open_object(o, name);
	put_ulid(o, "checkout", r->checkout);
	json_cstr(o, "phase", checkout_phase_name(r->phase));
	json_cstr(o, "member_state", member_state_name(r->member_state));
	put_ulid(o, "member", r->member);
	json_cstr(o, "ticket", r->ticket);
	json_cstr(o, "currency", r->currency);
	json_int(o, "rev", r->rev);
	json_int(o, "gross", r->gross_minor);
	json_int(o, "total", r->total_minor);
	json_int(o, "saving", r->saving_minor);
	json_int(o, "paid", r->paid_minor);
	if (r->points > 0)
		json_int(o, "points", r->points);
	json_bool(o, "tender_outside", r->tender_outside);
	json_bool(o, "training", r->training);
	put_time(o, "opened", r->opened_wall_ms);
	put_time(o, "changed", r->changed_wall_ms);
	json_close(o);
}

static int
put_checkout(void *ctx, const struct checkout_record *r)
{
	write_checkout(ctx, NULL, r);
	return 0;
}

static int
put_payment(void *ctx, const struct payment *p)
{
	struct json_out *o = ctx;

	json_open_object(o, NULL);
	put_kind(o, p);
	put_key(o, "key", p->key);
	put_ulid(o, "checkout", p->checkout);
	json_cstr(o, "state", payment_state_name(p->state));
	json_cstr(o, "ticket", p->ticket);
	json_int(o, "amount", p->asked_minor);
	json_int(o, "approved", p->answered_minor);
	json_cstr(o, "currency", p->currency);
	if (p->ref[0] != '\0')
		json_cstr(o, "ref", p->ref);
	if (p->auth[0] != '\0')
		json_cstr(o, "auth", p->auth);
	if (p->adapter[0] != '\0')
		json_cstr(o, "adapter", p->adapter);
	put_asked_by(o, p);
	json_int(o, "tries", p->tries);
	json_bool(o, "alarm", p->alarmed);
	put_time(o, "created", p->created_wall_ms);
	put_time(o, "since", p->state_wall_ms);
	json_close(o);
	return 0;
}

/* limit and after, as all lists have them; answers the call itself when they are wrong. */
static int
read_query(struct lane *l, struct rpc_call *call, const struct value *params,
	   struct journal_list *q)
{
	int64_t limit = LIST_DEFAULT;
	int rc = value_get_int(params, "limit", 1, LIST_MAX, &limit);

	if (rc < 0 && rc != -ENOENT) {
		rpc_fail(call, RPC_PARAMS, "limit: 1..%d", LIST_MAX);
		return -EINVAL;
	}
	rc = get_ulid(params, "after", &q->after);
	if (rc < 0 && rc != -ENOENT) {
		rpc_fail(call, RPC_PARAMS, "after: a checkout id is wanted");
		return -EINVAL;
	}
	q->limit = (uint32_t)limit;
	if (l->journal != NULL)
		return 0;
	rpc_fail(call, RPC_REFUSED, "journal.db could not be opened: %s",
		 l->journal_note);
	return -EROFS;
}

static void
finish(struct lane *l, struct rpc_call *call, struct json_out *o, int rc)
{
	json_close(o);
	if (rc < 0)
		rpc_fail(call, RPC_INTERNAL, "journal.db: %s",
			 l->journal == NULL ? strerror(-rc)
					    : journal_message(l->journal));
	else
		rpc_reply(call, o);
}

static void
on_checkout_list(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		 const struct value *params)
{
	struct lane *l = ctx;
	struct journal_list q = { .limit = 0 };
	struct json_out *o;
	int rc;

	(void)peer;
	if (read_query(l, call, params, &q) < 0)
		return;
	o = lane_message(l);
	json_open_array(o, "checkouts");
	rc = journal_checkouts(l->journal, &q, put_checkout, o);
	json_close(o);
	finish(l, call, o, rc);
}

static void
put_line(struct json_out *o, const struct basket_line *b)
{
	json_open_object(o, NULL);
	json_int(o, "line", b->line);
	json_cstr(o, "code", b->code);
	json_cstr(o, "text", b->text);
	json_int(o, "qty_milli", b->qty_milli);
	json_int(o, "unit_price", b->unit_price_minor);
	json_int(o, "amount", b->amount_minor);
	if (b->has_net)
		json_int(o, "net", b->net_minor);
	if (b->is_void)
		json_bool(o, "void", true);
	json_close(o);
}

static int
put_audit(void *ctx, const struct journal_audit_row *r)
{
	struct json_out *o = ctx;

	json_open_object(o, NULL);
	put_time(o, "time", r->wall_ms);
	json_str(o, "what", r->what);
	if (!key128_is_zero(r->key))
		put_key(o, "key", r->key);
	if (r->amount_minor != 0)
		json_int(o, "amount", r->amount_minor);
	if (r->text.n > 0)
		json_str(o, "text", r->text);
	json_close(o);
	return 0;
}

static void
show_checkout(struct lane *l, struct rpc_call *call, const struct journal_checkout *c,
	      bool receipt)
{
	struct journal_list q = { .checkout = c->record.checkout, .limit = LIST_MAX };
	struct json_out *o = lane_message(l);
	int rc;

	write_checkout(o, "checkout", &c->record);
	json_open_array(o, "lines");
	for (uint32_t i = 0; i < c->record.lines_count; i++)
		put_line(o, &c->lines[i]);
	json_close(o);
	json_open_array(o, "payments");
	rc = journal_payments(l->journal, &q, put_payment, o);
	json_close(o);
	json_open_array(o, "timeline");
	if (rc == 0)
		rc = journal_timeline(l->journal, &q, put_audit, o);
	json_close(o);
	if (receipt)
		(void)receipt_codes_put(l, o, c->record.checkout,
					NULL); /* there may be none */
	finish(l, call, o, rc);
}

static void
on_checkout_show(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		 const struct value *params)
{
	struct lane *l = ctx;
	struct journal_list q = { .limit = 0 };
	struct journal_checkout c = { .lines = NULL };
	struct journal_ref j;
	struct ulid id;
	int rc;

	if (get_ulid(params, "checkout", &id) < 0) {
		rpc_fail(call, RPC_PARAMS, "checkout: a checkout id is wanted");
		return;
	}
	if (read_query(l, call, params, &q) < 0)
		return;
	j = journal_ref(l->journal);
	rc = j.ops->get_checkout(j.impl, id, &c);
	if (rc == -ENOENT) {
		rpc_fail(call, RPC_NOT_FOUND, "checkout: no such checkout on this lane");
		return;
	}
	if (rc < 0) {
		rpc_fail(call, RPC_INTERNAL, "journal.db: %s",
			 journal_message(l->journal));
		return;
	}
	show_checkout(l, call, &c, control_sees_receipts(peer));
	journal_checkout_clear(&c);
}

static void
on_payment_list(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params)
{
	struct lane *l = ctx;
	struct journal_list q = { .limit = 0 };
	struct json_out *o;
	int rc;

	(void)peer;
	if (read_query(l, call, params, &q) < 0)
		return;
	(void)value_get_bool(params, "open", &q.open_only); /* missing is false */
	o = lane_message(l);
	json_open_array(o, "payments");
	rc = journal_payments(l->journal, &q, put_payment, o);
	json_close(o);
	finish(l, call, o, rc);
}

const struct rpc_method control_record_methods[] = {
	{ "checkout.list", ROLES_VIEW, 0, on_checkout_list },
	{ "checkout.show", ROLES_VIEW, 0, on_checkout_show },
	{ "payment.list", ROLES_VIEW, 0, on_payment_list },
};
const size_t control_record_methods_count =
	sizeof(control_record_methods) / sizeof(control_record_methods[0]);
