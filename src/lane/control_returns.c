/* control.sock: goods taken back by a receipt's codes. */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/crash.h"
#include "base/crypto.h"
#include "base/log.h"
#include "lane/pay_back.h"
#include "lane/refund.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 50
#define LIST_MAX 500

/* A return that is asked for. */
struct asked {
	struct lane *lane;
	struct rpc_call *call;
	struct refund *refund;
	int64_t now_ms;
	/*
	 * The asker's own name for it, zero none: asked again under the same one, after a lost connection,
	 * the answer is the same, and nothing is taken back twice.
	 */
	struct ulid id;
	bool all, dry_run, chosen;
	bool to_token; /* the money goes back to the token that paid */
	bool unknown_sale; /* an operator takes it, though this lane lost what it knew of it */
	bool is_unknown; /* and so it is */
	bool repeated;   /* recorded before, under the same name */
	struct pay_back back;
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

/*
 * The journal does not know the sale. That is as it should be of another lane's receipt. Of our own it
 * says that the journal was lost, or put back as it was earlier; with the sale went what was
 * returned of it.
 */
static bool
check_unknown(struct asked *a)
{
	a->is_unknown = receipts_is_own(a->lane->receipts, a->refund->head.key_id);
	if (!a->is_unknown || a->unknown_sale)
		return true;
	rpc_fail(a->call, RPC_REFUSED,
		 "this lane signed the receipt, but its journal does not know the sale: "
		 "it "
		 "was lost or put back as it was earlier, and with it what was returned "
		 "before. An operator can take it back all the same (unknown_sale)");
	return false;
}

/* Sold here, and paid by token: is that payment still good? */
static bool
check_payment(struct asked *a)
{
	const struct receipt_head *h = &a->refund->head;
	struct journal_checkout c = { .lines = NULL };
	struct journal_ref j = journal_ref(a->lane->journal);
	bool stands = h->tender == RECEIPT_TENDER_OUTSIDE;
	int64_t left = 0;
	int rc = j.ops->get_checkout(j.impl, h->checkout, &c);

	if (rc == -ENOENT)
		return check_unknown(a); /* another lane's, or lost */
	journal_checkout_clear(&c);
	if (rc == 0 && !stands)
		rc = pay_back_standing(a->lane, h->checkout, &left);
	if (rc < 0)
		return fail_journal(a);
	stands = stands || left > 0;
	if (!stands)
		rpc_fail(a->call, RPC_REFUSED,
			 "the payment of this checkout was taken back, or is not certain "
			 "yet: there is nothing to refund (lanectl payments)");
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

/* The id of the return: the asker's own, or a new one. */
static int
name_return(struct asked *a)
{
	return ulid_is_zero(a->id) ? crypto_ulid(a->now_ms, &a->id) : 0;
}

static int
put_return(struct asked *a)
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
	int rc = lines == NULL ? -ENOMEM : 0;

	r.id = a->id;
	r.unknown_sale = a->is_unknown;
	if (a->back.token_minor > 0) {
		r.refund = &a->back.refund;
		r.captured_minor = a->back.captured_minor;
	}
	lane_now(a->lane, &now);
	r.business_day = now.business_day;
	memcpy(r.currency, h->currency, sizeof(r.currency));
	memcpy(r.store, h->store, sizeof(r.store));
	memcpy(r.lane, h->lane, sizeof(r.lane));
	if (rc == 0) {
		r.lines_count = taken_lines(a->refund, lines);
		rc = journal_return_put(a->lane->journal, &r);
	}
	free(lines);
	return rc;
}

/* What is durable now is sent; should it get lost here, the next start sends it. */
static void
send_refund(struct asked *a)
{
	struct lane_event ev = { .kind = LANE_EV_REFUND, .refund = &a->back.refund };

	crash_point("return-stored");
	if (a->back.token_minor > 0 && lane_step(a->lane, &ev) < 0)
		log_warn("a refund waits for the next start of laned");
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
answer(const struct asked *a, bool recorded)
{
	const struct refund *f = a->refund;
	const struct receipt_head *h = &f->head;
	struct json_out *o = lane_message(a->lane);
	uint32_t read = 0;

	for (uint32_t i = 0; i < RECEIPT_PARTS_MAX; i++)
		read += (f->parts_read >> i & 1) != 0;
	json_bool(o, "recorded", recorded);
	if (recorded) {
		json_bool(o, "repeated", a->repeated);
		put_ulid(o, "return", a->id);
	}
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
	pay_back_put(o, &a->back, f->refund_minor);
	json_close(o);
	rpc_reply(a->call, o);
}

/* ---- asked again ----------------------------------------------------------------- */

/* The parts of a line that are asked for are those that were taken; 0: whatever was left. */
static bool
same_line(const struct value *list, const struct journal_return_line *l)
{
	for (const struct value *v = list->first; v != NULL; v = v->next) {
		int64_t line = -1, parts = 0;

		(void)value_get_int(v, "parts", 1, INT64_C(1) << 40, &parts);
		if (value_get_int(v, "line", 0, UINT32_MAX, &line) == 0 &&
		    line == (int64_t)l->line)
			return parts == 0 || parts == l->take;
	}
	return false;
}

/* What is asked is what was recorded under this name. */
static bool
is_same_return(const struct asked *a, const struct value *params,
	       const struct journal_return *r)
{
	const struct value *list = NULL;

	if (!ulid_eq(r->checkout, a->refund->head.checkout))
		return false;
	if (a->all)
		return true;
	if (value_get_array(params, "lines", &list) < 0 || list->count != r->lines_count)
		return false;
	for (uint32_t i = 0; i < r->lines_count; i++)
		if (!same_line(list, &r->lines[i]))
			return false;
	return true;
}

/* True: this return is recorded already, or the question failed; it is answered. */
static bool
answer_again(struct asked *a, const struct value *params)
{
	struct journal_return_line *lines = NULL;
	struct journal_return r;
	int rc = -ENOENT;

	if (!ulid_is_zero(a->id))
		rc = journal_return_get(a->lane->journal, a->id, &r, &lines);
	if (rc == -ENOENT)
		return false;
	if (rc < 0) {
		(void)fail_journal(a); /* false: it is answered */
		return true;
	}
	if (!is_same_return(a, params, &r) ||
	    refund_recorded(a->refund, r.lines, r.lines_count) < 0) {
		rpc_fail(a->call, RPC_REFUSED, "another return has this id");
	} else if (pay_back_read(a->lane, a->id, a->refund->refund_minor, &a->back) < 0) {
		(void)fail_journal(a);
	} else {
		a->repeated = true;
		answer(a, true);
	}
	free(lines);
	return true;
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
	bool keep = a->chosen && !a->dry_run;
	int rc = 0;

	if (keep && lane_core_display(a->lane->core)->faults.training) {
		rpc_fail(a->call, RPC_REFUSED, "the lane is in training: only a dry run");
		return;
	}
	if (a->chosen)
		rc = name_return(a);
	if (rc == 0 && a->chosen && a->to_token)
		rc = pay_back_plan(a->lane, a->refund, a->id, &a->back);
	if (rc == 0 && keep)
		rc = put_return(a);
	if (rc == -EEXIST)
		rpc_fail(a->call, RPC_REFUSED, "a part of it was returned meanwhile");
	else if (rc < 0)
		rpc_fail(a->call, RPC_INTERNAL, "not kept, so nothing is returned: %s",
			 strerror(-rc));
	if (rc < 0)
		return;
	if (keep) {
		log_event(LOG_INFO, "goods-returned", NULL,
			  "goods were taken back by a receipt of %s",
			  a->refund->head.lane);
		send_refund(a);
	}
	answer(a, keep);
}

/* False, answered: something of it is not as it should be. */
static bool
read_options(struct asked *a, struct rpc_peer *peer, const struct value *params)
{
	int rc = get_ulid(params, "id", &a->id);

	(void)value_get_bool(params, "all", &a->all); /* missing is false */
	(void)value_get_bool(params, "dry_run", &a->dry_run);
	(void)value_get_bool(params, "to_token", &a->to_token);
	(void)value_get_bool(params, "unknown_sale", &a->unknown_sale);
	if (rc < 0 && rc != -ENOENT)
		rpc_fail(a->call, RPC_PARAMS, "id: 26 characters of a ULID are wanted");
	else if (a->unknown_sale && (rpc_peer_role(peer) & ROLES_OPERATE) == 0)
		rpc_fail(a->call, RPC_DENIED, "unknown_sale is for operators");
	else
		return true;
	return false;
}

static void
on_make(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct asked a = { .lane = ctx, .call = call, .now_ms = clock_wall_ms() };

	if (call == NULL || !check_ready(&a) || !read_options(&a, peer, params))
		return; /* nobody would be told, or was told why */
	a.refund = calloc(1, sizeof(*a.refund));
	if (a.refund == NULL)
		rpc_fail(call, RPC_INTERNAL, "out of memory");
	else if (read_codes(&a, params) && !answer_again(&a, params) &&
		 check_receipt(&a) && take_lines(&a, params))
		keep_and_answer(&a);
	free(a.refund);
}

bool
control_sees_receipts(const struct rpc_peer *peer)
{
	return (rpc_peer_role(peer) & (ROLES_OPERATE | ROLE_POS)) != 0;
}

/* ---- what was recorded -------------------------------------------------------------- */

static void
put_recorded(struct json_out *o, const struct journal_return *r)
{
	put_ulid(o, "return", r->id);
	put_time(o, "time", r->wall_ms);
	json_int(o, "business_day", r->business_day);
	put_ulid(o, "checkout", r->checkout);
	put_time(o, "sold", r->sold_wall_ms);
	json_cstr(o, "store", r->store);
	json_cstr(o, "lane", r->lane);
	json_cstr(o, "currency", r->currency);
	json_int(o, "refund", r->refund_minor);
}

static int
put_listed(void *ctx, const struct journal_return *r)
{
	struct json_out *o = ctx;

	json_open_object(o, NULL);
	put_recorded(o, r);
	json_close(o);
	return 0;
}

/* One return, and what has become of the money. */
static void
on_show(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct asked a = { .lane = ctx, .call = call };
	struct journal_return_line *lines = NULL;
	struct journal_return r;
	struct json_out *o;
	int rc;

	(void)peer;
	if (get_ulid(params, "return", &a.id) < 0) {
		rpc_fail(call, RPC_PARAMS, "return: the id of one is wanted");
		return;
	}
	if (!check_ready(&a))
		return;
	rc = journal_return_get(a.lane->journal, a.id, &r, &lines);
	if (rc == -ENOENT)
		rpc_fail(call, RPC_NOT_FOUND, "this lane has no such return");
	else if (rc < 0 || pay_back_read(a.lane, a.id, r.refund_minor, &a.back) < 0)
		(void)fail_journal(&a); /* false: it is answered */
	else {
		o = lane_message(a.lane);
		json_bool(o, "recorded", true);
		put_recorded(o, &r);
		json_open_array(o, "lines");
		for (uint32_t i = 0; i < r.lines_count; i++) {
			json_open_object(o, NULL);
			json_int(o, "line", lines[i].line);
			json_bool(o, "measured", lines[i].measured);
			json_int(o, "take", lines[i].take);
			json_int(o, "refund", lines[i].refund_minor);
			json_close(o);
		}
		json_close(o);
		pay_back_put(o, &a.back, r.refund_minor);
		json_close(o);
		rpc_reply(call, o);
	}
	free(lines);
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

const struct rpc_method control_return_methods[] = {
	{ "return.make", ROLES_OPERATE | ROLE_POS, 0, on_make },
	{ "return.list", ROLES_OPERATE, 0, on_list },
	{ "return.show", ROLES_OPERATE | ROLE_POS, 0, on_show },
};
const size_t control_return_methods_count =
	sizeof(control_return_methods) / sizeof(control_return_methods[0]);
