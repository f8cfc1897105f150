/* control.sock: members, imports, offers, enrolment. */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "lane/offers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 500
#define BIO_TIMEOUT_MS 10000
#define NAME_BYTES_MAX 128u
#define OFFERS_LIST_MAX 2000u

/* ---- members ---------------------------------------------------------------------- */

static const char *
why_text(int rc)
{
	switch (rc) {
	case -EEXIST:
		return "the number or id belongs to another member";
	case -ENOSPC:
		return "the disk is full";
	case -EBUSY:
		return "an import is under way";
	case -EPERM:
		return "something in it looks like a payment card number";
	default:
		return strerror(-rc);
	}
}

/* The member named by params (a member number or a ulid); answers the call itself when not found. */
int
control_named_member(struct lane *l, struct rpc_call *call, const struct value *params,
		     struct member_record *ret_record)
{
	struct ulid id;
	struct str name;
	int rc;

	if (value_get_str(params, "member", 64, &name) < 0) {
		rpc_fail(call, RPC_PARAMS, "member: a member number or id is wanted");
		return -EINVAL;
	}
	rc = members_get_number(l->cache, name, ret_record);
	if (rc == -ENOENT && ulid_parse(name, &id) == 0)
		rc = members_get(l->cache, id, ret_record);
	if (rc < 0)
		rpc_fail(call, rc == -ENOENT ? RPC_NOT_FOUND : RPC_INTERNAL, "member: %s",
			 rc == -ENOENT ? "no such member" : why_text(rc));
	return rc;
}

/*
 * A member changed at this lane goes into the journal first (it outlives the cache), then into
 * the cache.
 */
static int
store_born(struct lane *l, const struct member_record *r)
{
	struct member_record copy = *r;
	enum members_change change;
	struct json_out *o;
	struct str text;
	int rc;

	if (l->journal == NULL)
		return -EROFS;
	o = lane_message(l);
	member_record_write(o, r, true);
	json_close(o);
	rc = json_out_text(o, &text);
	if (rc == 0)
		rc = journal_born_put(l->journal, r->member, text, clock_wall_ms());
	if (rc == 0)
		rc = db_begin(l->cache);
	if (rc < 0)
		return rc;
	rc = members_put(l->cache, &copy, r->member, &change);
	if (rc == 0)
		return db_commit(l->cache);
	db_rollback(l->cache);
	return rc;
}

void
control_audit(struct lane *l, const char *what)
{
	struct lane_audit a = { .what = what };

	if (l->journal != NULL &&
	    journal_audit(l->journal, &a, clock_wall_ms(), true) < 0)
		log_err("audit: %s could not be recorded", what);
}

static void
reply_member(struct lane *l, struct rpc_call *call, const struct member_record *r)
{
	struct json_out *o = lane_message(l);

	json_open_object(o, "member");
	member_record_write(o, r, false);
	json_close(o);
	json_close(o);
	rpc_reply(call, o);
}

static void
on_add(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
       const struct value *params)
{
	struct lane *l = ctx;
	struct member_record r, old;
	char what[RECORD_WHAT_BYTES];
	int rc;

	(void)peer;
	rc = member_record_read(value_member(params, "member"), false, &r, what, NULL);
	if (rc < 0) {
		l->pans_refused += rc == -EPERM ? 1 : 0;
		rpc_fail(call, RPC_PARAMS, "%s", what);
		return;
	}
	if (l->control.import != NULL) {
		rpc_fail(call, RPC_REFUSED, "an import is under way");
		return;
	}
	rc = members_get_number(l->cache, str_of(r.number), &old);
	if (rc == 0) {
		rpc_fail(call, RPC_REFUSED, "number: there is such a member already");
		return;
	}
	rc = rc == -ENOENT ? crypto_ulid(clock_wall_ms(), &r.member) : rc;
	if (rc == 0)
		rc = store_born(l, &r);
	if (rc < 0) {
		rpc_fail(call, RPC_REFUSED, "member: %s", why_text(rc));
		return;
	}
	control_audit(l, "member-added");
	reply_member(l, call, &r);
}

static void
on_show(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct member_record r;

	(void)peer;
	if (control_named_member(ctx, call, params, &r) == 0) {
		control_audit(ctx, "member-read");
		reply_member(ctx, call, &r);
	}
}

struct lister {
	struct json_out *o;
	char last_number[RECORD_NUMBER_BYTES];
	uint32_t count;
};

static int
list_one(void *ctx, const struct member_record *r)
{
	struct lister *x = ctx;

	json_open_object(x->o, NULL);
	put_ulid(x->o, "member", r->member);
	json_cstr(x->o, "number", r->number);
	json_cstr(x->o, "account", r->account);
	json_cstr(x->o, "language", r->language);
	json_bool(x->o, "finger", r->subjects_count > 0);
	json_int(x->o, "tenders", r->tenders_count);
	json_close(x->o);
	(void)str_copy(x->last_number, sizeof(x->last_number), str_of(r->number));
	x->count++;
	return 0;
}

static void
on_list(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	const struct value *params)
{
	struct lane *l = ctx;
	struct lister x = { .count = 0 };
	char after[RECORD_NUMBER_BYTES] = "";
	struct str s = { NULL, 0 };
	int64_t limit = LIST_MAX, total = 0;
	int rc;

	(void)peer;
	rc = value_get_int(params, "limit", 1, LIST_MAX, &limit);
	if (rc < 0 && rc != -ENOENT) {
		rpc_fail(call, RPC_PARAMS, "limit: 1..%d", LIST_MAX);
		return;
	}
	rc = value_get_str(params, "after", sizeof(after) - 1, &s);
	if (rc < 0 && rc != -ENOENT) {
		rpc_fail(call, RPC_PARAMS, "after: a member number is wanted");
		return;
	}
	if (rc == 0)
		(void)str_copy(after, sizeof(after), s); /* length is checked */
	x.o = lane_message(l);
	json_open_array(x.o, "members");
	rc = members_list(l->cache, after, (uint32_t)limit, list_one, &x);
	json_close(x.o);
	if (rc == 0)
		rc = members_count(l->cache, &total);
	if (rc < 0) {
		rpc_fail(call, RPC_INTERNAL, "members: %s", why_text(rc));
		return;
	}
	json_int(x.o, "total", total);
	if (x.count == (uint32_t)limit)
		json_cstr(x.o, "next", x.last_number);
	json_close(x.o);
	rpc_reply(call, x.o);
	control_audit(l, "members-listed");
}

static int
export_checkout(void *ctx, const struct checkout_record *r)
{
	struct json_out *o = ctx;

	json_open_object(o, NULL);
	put_ulid(o, "checkout", r->checkout);
	json_cstr(o, "phase", checkout_phase_name(r->phase));
	put_time(o, "opened", r->opened_wall_ms);
	json_int(o, "total", r->total_minor);
	json_int(o, "saving", r->saving_minor);
	json_close(o);
	return 0;
}

static int
export_consent(void *ctx, const struct journal_consent *c)
{
	struct json_out *o = ctx;

	json_open_object(o, NULL);
	put_ulid(o, "consent", c->consent);
	json_str(o, "purpose", c->purpose);
	json_str(o, "text_version", c->text_version);
	json_str(o, "language", c->language);
	put_time(o, "given", c->given_wall_ms);
	put_time(o, "withdrawn", c->withdrawn_wall_ms);
	json_close(o);
	return 0;
}

static void
on_export(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct lane *l = ctx;
	struct member_record r;
	struct json_out *o;
	int rc = 0;

	(void)peer;
	if (control_named_member(l, call, params, &r) < 0)
		return;
	o = lane_message(l);
	json_open_object(o, "member");
	member_record_write(o, &r, false);
	json_close(o);
	json_open_array(o, "consents");
	if (l->journal != NULL)
		rc = journal_consents(l->journal, r.member, export_consent, o);
	json_close(o);
	json_open_array(o, "checkouts");
	if (rc == 0 && l->journal != NULL)
		rc = journal_member_checkouts(l->journal, r.member, export_checkout, o);
	json_close(o);
	json_close(o);
	if (rc < 0) {
		rpc_fail(call, RPC_INTERNAL, "journal: %s", why_text(rc));
		return;
	}
	rpc_reply(call, o);
	control_audit(l, "member-exported");
}

/* ---- imports ------------------------------------------------------------------------ */

static int
parse_import(const struct value *params, struct import_options *o)
{
	static const char *const formats[] = { "jsonl", "csv", "json" };
	struct str kind, format;

	if (value_get_str(params, "kind", 16, &kind) < 0 ||
	    value_get_str(params, "format", 16, &format) < 0)
		return -EINVAL;
	if (str_is(kind, "members"))
		o->kind = IMPORT_MEMBERS;
	else if (str_is(kind, "offers"))
		o->kind = IMPORT_OFFERS;
	else
		return -EINVAL;
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (str_is(format, formats[i])) {
			o->format = (enum import_format)i;
			return 0;
		}
	return -EINVAL;
}

static void
on_import_begin(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params)
{
	struct lane *l = ctx;
	struct import_options o = { .folder = conf_str(l->conf, "paths", "state"),
				    .currency = l->env.currency };
	char name[NAME_BYTES_MAX] = "";
	struct json_out *answer;
	struct str s;
	int rc;

	if (parse_import(params, &o) < 0) {
		rpc_fail(call, RPC_PARAMS,
			 "kind: members or offers; format: jsonl, csv, json");
		return;
	}
	if (l->control.import != NULL) {
		rpc_fail(call, RPC_REFUSED, "an import is under way");
		return;
	}
	if (value_get_str(params, "name", sizeof(name) - 1, &s) == 0)
		(void)str_copy(name, sizeof(name), s); /* length is checked */
	if (pos_guard(l, str_of(name))) {
		rpc_fail(call, RPC_PARAMS, "name: looks like a payment card number");
		return;
	}
	o.name = name;
	rc = crypto_ulid(clock_wall_ms(), &l->control.import_id);
	if (rc == 0)
		rc = import_begin(&o, &l->control.import);
	if (rc < 0) {
		rpc_fail(call, rc == -EINVAL ? RPC_PARAMS : RPC_REFUSED, "import: %s",
			 rc == -EINVAL ? "members are jsonl or csv" : why_text(rc));
		return;
	}
	l->control.import_peer = peer;
	answer = lane_message(l);
	put_ulid(answer, "import", l->control.import_id);
	json_close(answer);
	rpc_reply(call, answer);
}

static void
end_import(struct lane *l)
{
	l->control.import = import_free(l->control.import);
	l->control.import_peer = NULL;
}

/* The import under way, if peer began it and names it or none; answers the call itself otherwise. */
static bool
is_import_of(struct lane *l, struct rpc_call *call, const struct rpc_peer *peer,
	     const struct value *params)
{
	struct ulid id = l->control.import_id;
	int rc = get_ulid(params, "import", &id);

	if (l->control.import == NULL || l->control.import_peer != peer) {
		rpc_fail(call, RPC_REFUSED, "no import was begun");
		return false;
	}
	if ((rc < 0 && rc != -ENOENT) || !ulid_eq(id, l->control.import_id)) {
		rpc_fail(call, RPC_NOT_FOUND, "import: no such import");
		return false;
	}
	return true;
}

static void
on_import_chunk(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params)
{
	struct lane *l = ctx;
	struct str text;
	int rc;

	if (!is_import_of(l, call, peer, params))
		return;
	if (value_get_str(params, "text", RPC_LINE_BYTES_MAX, &text) < 0) {
		rpc_fail(call, RPC_PARAMS, "text: missing");
		return;
	}
	rc = import_chunk(l->control.import, text);
	if (rc == 0) {
		rpc_reply(call, NULL);
		return;
	}
	end_import(l);
	rpc_fail(call, RPC_REFUSED, "import: %s; nothing was changed",
		 rc == -EFBIG ? "the file is too large" : why_text(rc));
}

static void
put_result(struct json_out *o, const struct import_result *r)
{
	json_int(o, "added", (int64_t)r->added);
	json_int(o, "changed", (int64_t)r->changed);
	json_int(o, "unchanged", (int64_t)r->unchanged);
	json_int(o, "errors_total", (int64_t)r->errors_total);
	json_open_array(o, "errors");
	for (uint32_t i = 0; i < r->errors_count; i++) {
		json_open_object(o, NULL);
		json_int(o, "line", r->errors[i].line);
		json_int(o, "column", r->errors[i].column);
		json_cstr(o, "what", r->errors[i].what);
		json_close(o);
	}
	json_close(o);
}

static void
on_import_commit(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		 const struct value *params)
{
	struct lane *l = ctx;
	const struct import_result *result = NULL;
	bool check = false, offers;
	struct json_out *o;
	int rc;

	if (!is_import_of(l, call, peer, params))
		return;
	(void)value_get_bool(params, "check", &check); /* missing is false */
	offers = import_kind(l->control.import) == IMPORT_OFFERS;
	rc = import_commit(l->control.import, check, &result);
	if (rc < 0 && rc != -EBADMSG) {
		end_import(l);
		rpc_fail(call, RPC_REFUSED, "import: %s; nothing was changed",
			 why_text(rc));
		return;
	}
	l->pans_refused += result->pans_refused;
	o = lane_message(l);
	json_bool(o, "committed", rc == 0 && !check);
	put_result(o, result);
	json_close(o);
	rpc_reply(call, o);
	end_import(l);
	if (rc == 0 && !check) {
		control_audit(l, offers ? "offers-imported" : "members-imported");
		if (offers)
			lane_rules_changed(l);
	}
}

static void
on_offers_list(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	       const struct value *params)
{
	struct lane *l = ctx;
	int64_t from = 0, limit = OFFERS_LIST_MAX;
	uint32_t next = 0;
	struct json_out *o;
	int rc;

	(void)peer;
	rc = value_get_int(params, "from", 0, UINT32_MAX, &from);
	if (rc == 0 || rc == -ENOENT)
		rc = value_get_int(params, "limit", 1, OFFERS_LIST_MAX, &limit);
	if (rc < 0 && rc != -ENOENT) {
		rpc_fail(call, RPC_PARAMS, "from >= 0, limit 1 to %u are wanted",
			 OFFERS_LIST_MAX);
		return;
	}
	o = lane_message(l);
	json_int(o, "count", l->rules == NULL ? 0 : pricing_rules_count(l->rules));
	if (l->rules != NULL)
		json_cstr(o, "currency", pricing_rules_currency(l->rules));
	json_open_array(o, "offers");
	rc = offers_list(l->cache, (uint32_t)from, (uint32_t)limit, o, &next);
	json_close(o);
	if (next > 0)
		json_int(o, "next", next);
	json_close(o);
	if (rc < 0 && rc != -ENOENT)
		rpc_fail(call, RPC_INTERNAL, "offers: %s", why_text(rc));
	else
		rpc_reply(call, o);
}

/* ---- enrolment --------------------------------------------------------------------------- */

/*
 * laned-bio forgets the open enrolment: else every touch would go on going to a session that
 * nobody drives.
 */
static void
cancel_at_bio(struct lane *l, struct ulid session)
{
	struct json_out *o = lane_message(l);

	put_ulid(o, "session", session);
	json_close(o);
	if (l->bio.peer != NULL && rpc_notify(l->bio.peer, "enrol.cancel", o) < 0)
		log_warn("enrol.cancel could not be sent");
}

void
control_enrol_drop(struct lane *l)
{
	bool open = l->control.enrol.open;

	l->control.enrol.open = false;
	l->control.enrol.peer = NULL;
	if (!open)
		return;
	log_notice("the client of an enrolment went away: cancelled");
	cancel_at_bio(l, l->control.enrol.session);
}

/* What an enrol request waits for. */
struct enrol_ask {
	struct lane *lane;
	struct rpc_call *call;
	bool begin;
};

/* The fingers that will be asked for, and how often each. */
static void
put_asked(struct json_out *o, const struct value *result)
{
	const struct value *fingers;
	int64_t impressions;

	if (value_get_array(result, "fingers", &fingers) == 0)
		json_value(o, "fingers", fingers);
	if (value_get_int(result, "impressions", 1, 100, &impressions) == 0)
		json_int(o, "impressions", impressions);
}

static void
on_enrol_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct enrol_ask *ask = ctx;
	struct lane *l = ask->lane;
	struct json_out *o;
	int64_t references = 0;

	if (error != NULL) {
		if (ask->begin || error->code == RPC_GONE)
			l->control.enrol.open = false;
		if (ask->begin && error->code == RPC_TIMEOUT) /* it may be open there */
			cancel_at_bio(l, l->control.enrol.session);
		rpc_fail(ask->call, error->code == RPC_GONE ? RPC_REFUSED : error->code,
			 "%s",
			 error->code == RPC_GONE ? "laned-bio went away"
						 : error->message);
		free(ask);
		return;
	}
	o = lane_message(l);
	if (ask->begin) {
		put_ulid(o, "session", l->control.enrol.session);
		put_asked(o, result);
	} else {
		(void)value_get_int(result, "references", 0, 100,
				    &references); /* cancel: none */
		json_int(o, "references", references);
		l->control.enrol.open = false;
	}
	json_close(o);
	rpc_reply(ask->call, o);
	free(ask);
}

static int
ask_bio(struct lane *l, struct rpc_call *call, const char *method, struct json_out *o)
{
	struct enrol_ask *ask = calloc(1, sizeof(*ask));
	int rc;

	if (ask == NULL)
		return -ENOMEM;
	ask->lane = l;
	ask->call = call;
	ask->begin = strcmp(method, "enrol.begin") == 0;
	rc = rpc_request(l->bio.peer, method, o, BIO_TIMEOUT_MS, on_enrol_answer, ask);
	if (rc < 0)
		free(ask);
	return rc;
}

int
control_subject(struct lane *l, struct member_record *r)
{
	int rc;

	if (r->subjects_count > 0)
		return 0;
	rc = crypto_ulid(clock_wall_ms(), &r->subjects[0]);
	r->subjects_count = 1;
	return rc < 0 ? rc : store_born(l, r);
}

static int
enrol_subject(struct lane *l, struct member_record *r)
{
	int rc = control_subject(l, r);

	if (rc == 0) {
		l->control.enrol.subject = r->subjects[0];
		l->control.enrol.member = r->member;
		rc = crypto_ulid(clock_wall_ms(), &l->control.enrol.session);
	}
	return rc;
}

int
control_consent(struct lane *l, struct ulid id, struct ulid member,
		const struct value *consent)
{
	struct journal_consent c = { .consent = id,
				     .member = member,
				     .purpose = STR("discounts"),
				     .given_wall_ms = clock_wall_ms() };

	if (value_get_str(consent, "text_version", 64, &c.text_version) < 0 ||
	    value_get_str(consent, "language", 16, &c.language) < 0)
		return -EINVAL;
	return journal_consent_put(l->journal, &c);
}

static void
on_enrol_begin(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	       const struct value *params)
{
	struct lane *l = ctx;
	const struct value *consent, *fingers;
	struct member_record r;
	struct json_out *o;
	int rc;

	if (value_get_object(params, "consent", &consent) < 0) {
		rpc_fail(call, RPC_PARAMS,
			 "consent: missing; nothing is enrolled without one");
		return;
	}
	if (l->bio.peer == NULL || l->journal == NULL || l->control.import != NULL) {
		rpc_fail(call, RPC_REFUSED, "%s",
			 l->bio.peer == NULL  ? "laned-bio is not running"
			 : l->journal == NULL ? "journal.db is not writable"
					      : "an import is under way");
		return;
	}
	if (l->control.enrol.open) {
		rpc_fail(call, RPC_REFUSED, "another enrolment is under way");
		return;
	}
	if (control_named_member(l, call, params, &r) < 0)
		return;
	rc = enrol_subject(l, &r);
	if (rc == 0)
		rc = control_consent(l, l->control.enrol.session, l->control.enrol.member,
				     consent);
	if (rc < 0) {
		rpc_fail(call, rc == -EINVAL ? RPC_PARAMS : RPC_REFUSED, "enrol: %s",
			 rc == -EINVAL ? "consent: text_version and language are wanted"
				       : why_text(rc));
		return;
	}
	l->control.enrol.open = true;
	l->control.enrol.peer = peer;
	o = lane_message(l);
	put_ulid(o, "session", l->control.enrol.session);
	put_ulid(o, "subject", l->control.enrol.subject);
	json_value(o, "consent", consent);
	if (value_get_array(params, "fingers", &fingers) == 0)
		json_value(o, "fingers", fingers);
	if (claims_are_wanted(l))
		rc = claims_put_enrolled(o, &r);
	json_close(o);
	if (rc < 0) {
		l->control.enrol.open = false;
		rpc_fail(call, RPC_REFUSED,
			 "enrol: the profile seals templates under a claim, and this "
			 "member has none");
		return;
	}
	if (ask_bio(l, call, "enrol.begin", o) < 0) {
		l->control.enrol.open = false;
		rpc_fail(call, RPC_REFUSED, "laned-bio does not take more requests now");
	}
}

static void
pass_enrol(struct lane *l, struct rpc_call *call, const struct value *params,
	   const char *method)
{
	struct ulid session;
	struct json_out *o;

	if (!l->control.enrol.open || get_ulid(params, "session", &session) < 0 ||
	    !ulid_eq(session, l->control.enrol.session)) {
		rpc_fail(call, RPC_NOT_FOUND, "session: no such enrolment");
		return;
	}
	o = lane_message(l);
	put_ulid(o, "session", session);
	json_close(o);
	if (l->bio.peer == NULL || ask_bio(l, call, method, o) < 0)
		rpc_fail(call, RPC_REFUSED, "laned-bio is not running");
}

static void
on_enrol_commit(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params)
{
	(void)peer;
	pass_enrol(ctx, call, params, "enrol.commit");
}

static void
on_enrol_cancel(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params)
{
	(void)peer;
	pass_enrol(ctx, call, params, "enrol.cancel");
}

const struct rpc_method control_member_methods[] = {
	{ "members.add", ROLES_ADMIN, 0, on_add },
	{ "members.show", ROLES_OPERATE, 0, on_show },
	{ "members.list", ROLES_OPERATE, 0, on_list },
	{ "members.export", ROLES_ADMIN, 0, on_export },
	{ "import.begin", ROLES_ADMIN, 0, on_import_begin },
	{ "import.chunk", ROLES_ADMIN, 0, on_import_chunk },
	{ "import.commit", ROLES_ADMIN, 0, on_import_commit },
	{ "offers.list", ROLES_VIEW, 0, on_offers_list },
	{ "enrol.begin", ROLES_OPERATE, 0, on_enrol_begin },
	{ "enrol.commit", ROLES_OPERATE, 0, on_enrol_commit },
	{ "enrol.cancel", ROLES_OPERATE, 0, on_enrol_cancel },
};
const size_t control_member_methods_count =
	sizeof(control_member_methods) / sizeof(control_member_methods[0]);
