/* control.sock: goods taken back by a receipt's codes, and the keys of those. */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "lane/refund.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 50
#define LIST_MAX 500
#define TENDERS_MAX 64u

/* A return that is asked for. */
struct asked {
	struct lane *lane;
	struct rpc_call *call;
	struct refund *refund;
	int64_t now_ms;
	bool all, dry_run, chosen;
};

/* ---- reading what is asked ------------------------------------------------------- */

/* Each of these answers the call itself when something is wrong, and returns false. */
static bool
read_code(struct asked *a, const struct value *v, struct receipt *r)
{
	char why[RECEIPTS_WHY_BYTES] = "a text is wanted";
	int rc = -EINVAL;

	if (v->kind == VALUE_STRING)
		rc = receipts_read(a->lane->receipts, v->s, r, why);
	if (rc == 0)
		rc = refund_add(a->refund, r);
	if (rc == -ENOKEY)
		rpc_fail(a->call, RPC_REFUSED, "%s", why);
	else if (rc == -EEXIST)
		rpc_fail(a->call, RPC_PARAMS, "the same code twice");
	else if (rc == -EXDEV && a->refund->parts_read != 0)
		rpc_fail(a->call, RPC_PARAMS, "these codes are of different receipts");
	else if (rc < 0)
		rpc_fail(a->call, RPC_PARAMS, "%s", why);
	return rc == 0;
}

static bool
read_codes(struct asked *a, const struct value *params)
{
	const struct value *list = NULL;
	struct receipt *r;
	bool ok = true;

	if (value_get_array(params, "codes", &list) < 0 || list->count < 1 ||
	    list->count > RECEIPT_PARTS_MAX) {
		rpc_fail(a->call, RPC_PARAMS, "codes: 1 to %u are wanted",
			 RECEIPT_PARTS_MAX);
		return false;
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL) {
		rpc_fail(a->call, RPC_INTERNAL, "out of memory");
		return false;
	}
	for (const struct value *v = list->first; v != NULL && ok; v = v->next)
		ok = read_code(a, v, r);
	free(r);
	return ok;
}

static bool
fail_journal(struct asked *a)
{
	rpc_fail(a->call, RPC_INTERNAL, "journal.db: %s",
		 journal_message(a->lane->journal));
	return false;
}

static int
find_standing(void *ctx, const struct payment *p)
{
	bool *stands = ctx;

	*stands = *stands || p->state == PAYMENT_CONFIRMED;
	return 0;
}

/* Sold here, and paid by token: is that payment still good? */
static bool
check_payment(struct asked *a)
{
	const struct receipt_head *h = &a->refund->head;
	struct journal_list q = { .checkout = h->checkout, .limit = TENDERS_MAX };
	struct journal_checkout c = { .lines = NULL };
	struct journal_ref j = journal_ref(a->lane->journal);
	bool stands = h->tender == RECEIPT_TENDER_OUTSIDE;
	int rc = j.ops->get_checkout(j.impl, h->checkout, &c);

	if (rc == -ENOENT)
		return true; /* another lane's, or swept */
	journal_checkout_clear(&c);
	if (rc == 0 && !stands)
		rc = journal_payments(a->lane->journal, &q, find_standing, &stands);
	if (rc < 0)
		return fail_journal(a);
	if (!stands)
		rpc_fail(a->call, RPC_REFUSED,
			 "the payment of this checkout was taken back: there is nothing "
			 "to refund");
	return stands;
}

/*
 * Returns are remembered as long as the journal keeps things; of a sale before that time it is not
 * known any more what was returned.
 */
static bool
check_age(struct asked *a)
{
	int64_t sold = ulid_wall_ms(a->refund->head.checkout), since = 0;
	int64_t oldest = a->now_ms - conf_int(a->lane->live, "payment", "journal_keep");
	char text[RFC3339_BYTES];

	if (journal_returns_since(a->lane->journal, &since) < 0)
		return fail_journal(a);
	if (sold >= oldest && sold >= since)
		return true;
	rfc3339_text(text, since > oldest ? since : oldest);
	rpc_fail(a->call, RPC_REFUSED,
		 "sold before %s: so far back this lane does not know what was returned",
		 text);
	return false;
}

static bool
check_receipt(struct asked *a)
{
	const struct receipt_head *h = &a->refund->head;

	if (strcmp(h->currency, a->lane->env.currency) != 0) {
		rpc_fail(a->call, RPC_REFUSED, "a receipt in %s; this lane has %s",
			 h->currency, a->lane->env.currency);
		return false;
	}
	if (!check_age(a) || !check_payment(a))
		return false;
	if (journal_returned(a->lane->journal, h->checkout, refund_returned, a->refund) <
	    0)
		return fail_journal(a);
	return true;
}

static bool
take_line(struct asked *a, const struct value *v)
{
	char why[REFUND_WHY_BYTES];
	int64_t line = 0, parts = 0;
	int rc = value_get_int(v, "parts", 1, INT64_C(1) << 40, &parts);

	if ((rc < 0 && rc != -ENOENT) ||
	    value_get_int(v, "line", 0, UINT32_MAX, &line) < 0) {
		rpc_fail(a->call, RPC_PARAMS, "lines: {line, parts?} are wanted");
		return false;
	}
	rc = refund_take(a->refund, (uint32_t)line, parts, why);
	if (rc < 0)
		rpc_fail(a->call, rc == -EALREADY ? RPC_REFUSED : RPC_NOT_FOUND, "%s",
			 why);
	return rc == 0;
}

static bool
take_lines(struct asked *a, const struct value *params)
{
	const struct value *list = NULL;
	char why[REFUND_WHY_BYTES];

	if (value_member(params, "lines") != NULL &&
	    value_get_array(params, "lines", &list) < 0) {
		rpc_fail(a->call, RPC_PARAMS, "lines: a list is wanted");
		return false;
	}
	if (a->all && list != NULL && list->count > 0) {
		rpc_fail(a->call, RPC_PARAMS, "either all or lines");
		return false;
	}
	a->chosen = a->all || (list != NULL && list->count > 0);
	if (a->all && refund_take_all(a->refund, why) < 0) {
		rpc_fail(a->call, RPC_REFUSED, "%s", why);
		return false;
	}
	for (const struct value *v = list == NULL ? NULL : list->first; v != NULL;
	     v = v->next)
		if (!take_line(a, v))
			return false;
	return true;
}

/* ---- keeping it ------------------------------------------------------------------ */

static uint32_t
taken_lines(const struct refund *f, struct journal_return_line *lines)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->lines_count; i++) {
		const struct refund_line *l = &f->lines[i];

		if (l->take == 0)
			continue;
		lines[n++] = (struct journal_return_line){
			.line = l->sold.line,
			.vat_bp = l->sold.vat_bp,
			.measured = l->sold.measured,
			.before = l->returned,
			.take = l->take,
			.refund_minor = l->refund_minor,
		};
	}
	return n;
}

static int
put_return(struct asked *a, struct ulid *ret_id)
{
	const struct receipt_head *h = &a->refund->head;
	struct journal_return_line *lines =
		calloc(a->refund->lines_count + 1u, sizeof(*lines));
	struct timepoint now;
	struct journal_return r = {
		.checkout = h->checkout,
		.wall_ms = a->now_ms,
		.sold_wall_ms = ulid_wall_ms(h->checkout),
		.refund_minor = a->refund->refund_minor,
		.lines = lines,
	};
	int rc = lines == NULL ? -ENOMEM : crypto_ulid(a->now_ms, &r.id);

	lane_now(a->lane, &now);
	r.business_day = now.business_day;
	memcpy(r.currency, h->currency, sizeof(r.currency));
	memcpy(r.store, h->store, sizeof(r.store));
	memcpy(r.lane, h->lane, sizeof(r.lane));
	if (rc == 0) {
		r.lines_count = taken_lines(a->refund, lines);
		rc = journal_return_put(a->lane->journal, &r);
	}
	if (rc == 0)
		*ret_id = r.id;
	free(lines);
	return rc;
}

/* ---- answering ------------------------------------------------------------------- */

static void
put_tender(struct json_out *o, const struct receipt_head *h)
{
	json_open_object(o, "tender");
	json_cstr(o, "kind", h->tender == RECEIPT_TENDER_OUTSIDE ? "outside" : "token");
	if (h->tender == RECEIPT_TENDER_KEY)
		put_key(o, "key", h->key);
	else if (h->tender == RECEIPT_TENDER_REF)
		json_cstr(o, "ref", h->ref);
	if (h->tender != RECEIPT_TENDER_OUTSIDE)
		json_int(o, "amount", h->token_minor);
	json_close(o);
}

static void
put_line(struct json_out *o, const struct refund_line *l)
{
	json_open_object(o, NULL);
	json_int(o, "line", l->sold.line);
	json_bool(o, "measured", l->sold.measured);
	json_int(o, "parts", l->sold.parts);
	json_int(o, "paid", l->sold.net_minor);
	json_int(o, "vat_bp", l->sold.vat_bp);
	json_int(o, "returned", l->returned);
	json_int(o, "refunded", l->refunded_minor);
	if (l->last_wall_ms != 0) {
		put_ulid(o, "last_return", l->last);
		put_time(o, "last_time", l->last_wall_ms);
	}
	json_int(o, "take", l->take);
	json_int(o, "refund", l->refund_minor);
	json_close(o);
}

/* Sums by rate, lowest rate first. */
static void
put_rates(struct json_out *o, const struct refund *f)
{
	int64_t last = -1;

	json_open_array(o, "rates");
	for (;;) {
		int64_t rate = INT64_MAX, sum = 0;

		for (uint32_t i = 0; i < f->lines_count; i++) {
			const struct refund_line *l = &f->lines[i];

			if (l->take == 0 || l->sold.vat_bp <= last ||
			    l->sold.vat_bp > rate)
				continue;
			if (l->sold.vat_bp < rate)
				sum = 0;
			rate = l->sold.vat_bp;
			sum += l->refund_minor;
		}
		if (rate == INT64_MAX)
			break;
		json_open_object(o, NULL);
		json_int(o, "vat_bp", rate);
		json_int(o, "refund", sum);
		json_close(o);
		last = rate;
	}
	json_close(o);
}

static void
answer(const struct asked *a, struct ulid id)
{
	const struct refund *f = a->refund;
	const struct receipt_head *h = &f->head;
	struct json_out *o = lane_message(a->lane);
	uint32_t read = 0;

	for (uint32_t i = 0; i < RECEIPT_PARTS_MAX; i++)
		read += (f->parts_read >> i & 1) != 0;
	json_bool(o, "recorded", !ulid_is_zero(id));
	put_ulid(o, "return", id);
	put_ulid(o, "checkout", h->checkout);
	put_time(o, "sold", ulid_wall_ms(h->checkout));
	json_int(o, "business_day", h->business_day);
	json_cstr(o, "store", h->store);
	json_cstr(o, "lane", h->lane);
	json_cstr(o, "currency", h->currency);
	json_int(o, "total", h->total_minor);
	put_tender(o, h);
	json_int(o, "codes", h->parts);
	json_int(o, "codes_read", read);
	json_open_array(o, "lines");
	for (uint32_t i = 0; i < f->lines_count; i++)
		put_line(o, &f->lines[i]);
	json_close(o);
	put_rates(o, f);
	json_int(o, "refund", f->refund_minor);
	json_close(o);
	rpc_reply(a->call, o);
}

static bool
check_ready(struct asked *a)
{
	const struct lane *l = a->lane;

	if (l->receipts == NULL)
		rpc_fail(a->call, RPC_REFUSED, "%s", l->receipts_note);
	else if (l->journal == NULL)
		rpc_fail(a->call, RPC_REFUSED,
			 "journal.db could not be opened, so no return can be kept: %s",
			 l->journal_note);
	else
		return true;
	return false;
}

static void
keep_and_answer(struct asked *a)
{
	struct ulid id = { { 0 } };
	int rc = 0;

	if (a->chosen && !a->dry_run) {
		if (lane_core_display(a->lane->core)->faults.training) {
			rpc_fail(a->call, RPC_REFUSED,
				 "the lane is in training: only a dry run");
			return;
		}
		rc = put_return(a, &id);
	}
	if (rc == -EEXIST)
		rpc_fail(a->call, RPC_REFUSED, "a part of it was returned meanwhile");
	else if (rc < 0)
		rpc_fail(a->call, RPC_INTERNAL, "not kept, so nothing is returned: %s",
			 strerror(-rc));
	else
		answer(a, id);
	if (rc == 0 && !ulid_is_zero(id))
		log_event(LOG_INFO, "goods-returned", NULL,
			  "goods were taken back by a receipt of %s",
			  a->refund->head.lane);
}

static void
on_make(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct asked a = { .lane = ctx, .call = call, .now_ms = clock_wall_ms() };

	(void)peer;
	(void)value_get_bool(params, "all", &a.all); /* missing is false */
	(void)value_get_bool(params, "dry_run", &a.dry_run);
	if (call == NULL || !check_ready(&a))
		return; /* nobody would be told, or was told why */
	a.refund = calloc(1, sizeof(*a.refund));
	if (a.refund == NULL)
		rpc_fail(call, RPC_INTERNAL, "out of memory");
	else if (read_codes(&a, params) && check_receipt(&a) && take_lines(&a, params))
		keep_and_answer(&a);
	free(a.refund);
}

bool
control_sees_receipts(const struct rpc_peer *peer)
{
	return (rpc_peer_role(peer) & (ROLES_OPERATE | ROLE_POS)) != 0;
}

/* ---- the list, and the keys -------------------------------------------------------- */

static int
put_listed(void *ctx, const struct journal_return *r)
{
	struct json_out *o = ctx;

	json_open_object(o, NULL);
	put_ulid(o, "return", r->id);
	put_time(o, "time", r->wall_ms);
	json_int(o, "business_day", r->business_day);
	put_ulid(o, "checkout", r->checkout);
	put_time(o, "sold", r->sold_wall_ms);
	json_cstr(o, "store", r->store);
	json_cstr(o, "lane", r->lane);
	json_cstr(o, "currency", r->currency);
	json_int(o, "refund", r->refund_minor);
	json_close(o);
	return 0;
}

static void
on_list(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct lane *l = ctx;
	int64_t limit = LIST_DEFAULT;
	struct asked a = { .lane = l, .call = call };
	struct json_out *o;
	int rc = value_get_int(params, "limit", 1, LIST_MAX, &limit);

	(void)peer;
	if (rc < 0 && rc != -ENOENT) {
		rpc_fail(call, RPC_PARAMS, "limit: 1..%d", LIST_MAX);
		return;
	}
	if (!check_ready(&a))
		return;
	o = lane_message(l);
	json_open_array(o, "returns");
	rc = journal_returns(l->journal, (uint32_t)limit, put_listed, o);
	json_close(o);
	json_close(o);
	if (rc < 0)
		(void)fail_journal(&a); /* false: it is answered */
	else
		rpc_reply(call, o);
}

static const char *const origins[] = {
	[RECEIPTS_OWN] = "own",
	[RECEIPTS_FORMER] = "former",
	[RECEIPTS_LISTED] = "listed",
};

static int
put_receipt_key(void *ctx, const struct receipts_key *k)
{
	char hex[2 * CRYPTO_PUBLIC_BYTES + 1], id[2 * RECEIPT_KEY_ID_BYTES + 1];
	struct json_out *o = ctx;

	(void)hex_encode(hex, sizeof(hex), k->public_key, sizeof(k->public_key));
	(void)hex_encode(id, sizeof(id), k->id, sizeof(k->id)); /* both fit */
	json_open_object(o, NULL);
	json_cstr(o, "origin", origins[k->origin]);
	json_cstr(o, "environment", k->live ? "live" : "test");
	json_cstr(o, "key", hex);
	json_cstr(o, "id", id);
	json_cstr(o, "name", k->name);
	json_close(o);
	return 0;
}

static void
reply_keys(struct lane *l, struct rpc_call *call)
{
	char why[RECEIPTS_WHY_BYTES];
	struct json_out *o;

	if (l->receipts == NULL) {
		rpc_fail(call, RPC_REFUSED, "%s", l->receipts_note);
		return;
	}
	o = lane_message(l);
	json_open_array(o, "keys");
	/* A list with an error is told up to it, and what is wrong. */
	(void)receipts_keys(l->receipts, put_receipt_key, o, why);
	json_close(o);
	if (why[0] != '\0')
		json_cstr(o, "fault", why);
	json_close(o);
	rpc_reply(call, o);
}

static void
on_keys(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	(void)peer;
	(void)params;
	reply_keys(ctx, call);
}

static void
on_rotate(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct lane *l = ctx;
	char why[RECEIPTS_WHY_BYTES];
	bool distrust = false;

	(void)peer;
	(void)value_get_bool(params, "distrust", &distrust); /* missing is false */
	if (l->receipts != NULL && receipts_rotate(l->receipts, distrust, why) < 0) {
		rpc_fail(call, RPC_REFUSED, "%s", why);
		return;
	}
	if (l->receipts != NULL) {
		control_audit(l, distrust ? "receipt-key-distrusted"
					  : "receipt-key-rotated");
		log_event(LOG_NOTICE, "receipt-key", NULL,
			  "a new key signs the receipts; the other lanes want its public "
			  "part");
	}
	reply_keys(l, call);
}

const struct rpc_method control_return_methods[] = {
	{ "return.make", ROLES_OPERATE | ROLE_POS, 0, on_make },
	{ "return.list", ROLES_OPERATE, 0, on_list },
	{ "receipt.keys", ROLES_VIEW, 0, on_keys },
	{ "receipt.rotate", ROLES_ADMIN, 0, on_rotate },
};
const size_t control_return_methods_count =
	sizeof(control_return_methods) / sizeof(control_return_methods[0]);
