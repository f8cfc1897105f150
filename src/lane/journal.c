#include "lane/journal_private.h"

#include "base/plain/pan.h"
#include "lane/journal_anchor.h"
#include "lane/journal_returns.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOURNAL_APPLICATION_ID 0x6c4a726e /* "lJrn" */

/* ---- transactions -------------------------------------------------------- */

static void
audit_reset(struct journal *j)
{
	j->audit_seq = j->audit_seq_committed;
	memcpy(j->audit_hash, j->audit_hash_committed, sizeof(j->audit_hash));
}

int
journal_begin(struct journal *j, bool durable)
{
	int rc;

	assert(!j->in_tx);
	if (j->full != durable) {
		rc = db_exec(j->db, durable ? "PRAGMA synchronous = FULL"
					    : "PRAGMA synchronous = NORMAL");
		if (rc < 0)
			return rc;
		j->full = durable;
	}
	rc = db_begin(j->db);
	if (rc < 0)
		return rc;
	j->in_tx = true;
	j->pos_readers_put = false;
	audit_reset(j);
	return 0;
}

int
journal_commit(struct journal *j)
{
	int rc;

	assert(j->in_tx);
	j->in_tx = false;
	rc = db_commit(j->db);
	if (rc < 0) {
		audit_reset(j);
		return rc;
	}
	j->pos_readers = j->pos_readers || j->pos_readers_put;
	j->audit_seq_committed = j->audit_seq;
	memcpy(j->audit_hash_committed, j->audit_hash, sizeof(j->audit_hash));
	if (j->full) {
		j->audit_seq_durable = j->audit_seq;
		memcpy(j->audit_hash_durable, j->audit_hash, sizeof(j->audit_hash));
	}
	return 0;
}

void
journal_rollback(struct journal *j)
{
	assert(j->in_tx);
	j->in_tx = false;
	db_rollback(j->db);
	audit_reset(j);
}

static int
op_begin(void *impl, bool durable)
{
	return journal_begin(impl, durable);
}

static int
op_commit(void *impl)
{
	return journal_commit(impl);
}

static void
op_rollback(void *impl)
{
	journal_rollback(impl);
}

/* ---- puts ---------------------------------------------------------------- */

/* Runs a statement whose only parameter is a blob of 16 bytes. */
static int
run_id(struct journal *j, sqlite3_stmt *s, const uint8_t id[16])
{
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, id, 16);
	return db_run(j->db, s);
}

static int
put_basket(struct journal *j, const struct checkout_record *r)
{
	struct str text;
	sqlite3_stmt *s;
	int rc = journal_lines_text(j->json, r->lines, r->lines_count, &text);

	if (rc < 0)
		return rc;
	s = db_stmt(j->db, "INSERT INTO baskets (checkout, rev, lines) VALUES (?, ?, ?)"
			   " ON CONFLICT (checkout) DO UPDATE SET rev = excluded.rev,"
			   " lines = excluded.lines");
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, r->checkout.b, sizeof(r->checkout.b));
	db_bind_int(s, 2, r->rev);
	db_bind_str(s, 3, text);
	return db_run(j->db, s);
}

static int
release(struct journal *j, const struct checkout_record *r)
{
	return run_id(j, db_stmt(j->db, "DELETE FROM reservations WHERE checkout = ?"),
		      r->checkout.b);
}

/* Whose a row of "reservations" is; of several members' rows of a rule one is sold. */
#define RESERVED_MEMBER "iif(r.member = zeroblob(16), c.member, r.member)"

static int
reserve(struct journal *j, const struct checkout_record *r)
{
	int rc = release(j, r);

	for (uint32_t i = 0; i < r->reserved_count && rc == 0; i++) {
		sqlite3_stmt *s = db_stmt(
			j->db, "INSERT INTO reservations (checkout, rule, applications,"
			       " discount_minor, member) VALUES (?, ?, ?, ?, ?)");

		if (s == NULL)
			return db_last_error(j->db);
		db_bind_blob(s, 1, r->checkout.b, sizeof(r->checkout.b));
		db_bind_cstr(s, 2, r->reserved[i].rule);
		db_bind_int(s, 3, r->reserved[i].applications);
		db_bind_int(s, 4, r->reserved[i].discount_minor);
		db_bind_blob(s, 5, r->reserved[i].member.b,
			     sizeof(r->reserved[i].member.b));
		rc = db_run(j->db, s);
	}
	return rc;
}

/* What was reserved is used now: once, however often the record is written again. */
static int
count_uses(struct journal *j, const struct checkout_record *r)
{
	int rc;

	rc = run_id(j,
		    db_stmt(j->db,
			    "INSERT INTO limit_uses (member, rule, business_day, "
			    "applications)"
			    " SELECT " RESERVED_MEMBER ", r.rule, c.business_day,"
			    " r.applications"
			    " FROM reservations r JOIN checkouts c ON c.id = r.checkout"
			    " WHERE c.id = ? AND c.uses_counted = 0"
			    " ON CONFLICT (member, rule, business_day) DO UPDATE"
			    " SET applications = applications + excluded.applications"),
		    r->checkout.b);
	if (rc == 0)
		rc = run_id(j,
			    db_stmt(j->db,
				    "INSERT INTO limit_totals (rule, applications,"
				    " discount_minor) SELECT r.rule,"
				    " max(r.applications), max(r.discount_minor)"
				    " FROM reservations r"
				    " JOIN checkouts c ON c.id = r.checkout"
				    " WHERE c.id = ? AND c.uses_counted = 0"
				    " GROUP BY r.rule"
				    " ON CONFLICT (rule) DO UPDATE SET applications ="
				    " applications + excluded.applications,"
				    " discount_minor = discount_minor +"
				    " excluded.discount_minor"),
			    r->checkout.b);
	if (rc == 0)
		rc = run_id(j,
			    db_stmt(j->db,
				    "UPDATE checkouts SET uses_counted = 1 WHERE id = ?"),
			    r->checkout.b);
	return rc == 0 ? release(j, r) : rc;
}

static int
put_checkout(void *impl, const struct checkout_record *r)
{
	struct journal *j = impl;
	sqlite3_stmt *s;
	int rc = journal_guard_checkout(r);

	assert(j->in_tx);
	if (rc < 0)
		return rc;
	s = db_stmt(
		j->db,
		"INSERT INTO checkouts (id, phase, member_state, member, flags, ticket,"
		" currency, rev, gross_minor, total_minor, saving_minor, paid_minor,"
		" business_day, opened_ms, changed_ms, points)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (id) DO UPDATE SET phase = excluded.phase,"
		" member_state = excluded.member_state, member = excluded.member,"
		" flags = excluded.flags, ticket = excluded.ticket,"
		" currency = excluded.currency, rev = excluded.rev,"
		" gross_minor = excluded.gross_minor, total_minor = excluded.total_minor,"
		" saving_minor = excluded.saving_minor, paid_minor = excluded.paid_minor,"
		" business_day = excluded.business_day, opened_ms = excluded.opened_ms,"
		" changed_ms = excluded.changed_ms, points = excluded.points");
	if (s == NULL)
		return db_last_error(j->db);
	journal_bind_checkout(s, r);
	rc = db_run(j->db, s);
	if (rc == 0 && r->basket_changed)
		rc = put_basket(j, r);
	if (rc == 0 && r->reserved != NULL)
		rc = reserve(j, r);
	if (rc == 0 && r->uses_count_now)
		rc = count_uses(j, r);
	else if (rc == 0 && r->phase == PHASE_CANCELLED)
		rc = release(j, r);
	return rc;
}

static int
put_refund(struct journal *j, const struct payment *p)
{
	sqlite3_stmt *s = db_stmt(
		j->db,
		"INSERT INTO refunds (key, checkout, state, ticket, currency, rev,"
		" asked_minor, answered_minor, flags, tries, created_ms, state_ms, ref,"
		" auth, blob, adapter, return_id, original, original_ref, place)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (key) DO UPDATE SET state = excluded.state,"
		" answered_minor = excluded.answered_minor, flags = excluded.flags,"
		" tries = excluded.tries, state_ms = excluded.state_ms,"
		" ref = excluded.ref, auth = excluded.auth, blob = excluded.blob");

	if (s == NULL)
		return db_last_error(j->db);
	journal_bind_payment(s, p);
	return db_run(j->db, s);
}

int
journal_payment_put(struct journal *j, const struct payment *p)
{
	sqlite3_stmt *s;
	int rc = journal_guard_payment(p);

	assert(j->in_tx);
	if (rc < 0)
		return rc;
	if (p->kind == PAYMENT_REFUND)
		return put_refund(j, p);
	if (payment_is_for_pos(p)) {
		rc = journal_readers_pos(j);
		if (rc < 0)
			return rc;
	}
	s = db_stmt(
		j->db,
		"INSERT INTO payments (key, checkout, state, ticket, currency, rev,"
		" asked_minor, answered_minor, flags, tries, created_ms, state_ms, ref,"
		" auth, blob, adapter, pos_adapter, pos_ref, pos_blob, member,"
		" place, pos_place)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
		"?)"
		" ON CONFLICT (key) DO UPDATE SET state = excluded.state,"
		" answered_minor = excluded.answered_minor, flags = excluded.flags,"
		" tries = excluded.tries, state_ms = excluded.state_ms,"
		" ref = excluded.ref, auth = excluded.auth, blob = excluded.blob,"
		" pos_blob = excluded.pos_blob, member = excluded.member");
	if (s == NULL)
		return db_last_error(j->db);
	journal_bind_payment(s, p);
	return db_run(j->db, s);
}

static int
put_payment(void *impl, const struct payment *p)
{
	struct journal *j = impl;
	/* A refund that the core begins is owed: a full disk keeps no such record out. */
	bool begins = p->kind == PAYMENT_PAY && p->state == PAYMENT_CREATED;
	int rc = begins ? journal_reserve_keep(&j->reserve) : 0;

	return rc < 0 ? rc : journal_payment_put(j, p);
}

static int
make_room(void *impl)
{
	struct journal *j = impl;

	assert(!j->in_tx);
	return journal_reserve_spend(&j->reserve);
}

/* ---- the audit chain ----------------------------------------------------- */

/*
 * Each row's hash covers the one before it (a hash chain as of Haber and Stornetta's time stamps),
 * so that a row changed or taken out later shows.
 */
static int
chain_hash(const uint8_t before[CRYPTO_SHA256_BYTES], const struct journal_audit_row *r,
	   uint8_t ret[CRYPTO_SHA256_BYTES])
{
	char buf[1024];
	struct strbuf b;
	uint8_t sum[2 * CRYPTO_SHA256_BYTES];
	char id[ULID_TEXT_BYTES], key[KEY128_TEXT_BYTES];
	int rc;

	ulid_text(id, r->checkout);
	key128_text(key, r->key);
	strbuf_init(&b, buf, sizeof(buf));
	strbuf_addf(&b, "%lld\n%lld\n%.*s\n%s\n%s\n%lld\n%.*s\n", (long long)r->seq,
		    (long long)r->wall_ms, (int)r->what.n, r->what.p, id, key,
		    (long long)r->amount_minor, (int)r->text.n, r->text.p);
	if (b.truncated)
		return -EMSGSIZE;
	memcpy(sum, before, CRYPTO_SHA256_BYTES);
	rc = crypto_sha256(buf, b.used, sum + CRYPTO_SHA256_BYTES);
	return rc < 0 ? rc : crypto_sha256(sum, sizeof(sum), ret);
}

static void
bind_audit(sqlite3_stmt *s, const struct journal_audit_row *r, const uint8_t *hash)
{
	db_bind_int(s, 1, r->seq);
	db_bind_int(s, 2, r->wall_ms);
	db_bind_str(s, 3, r->what);
	db_bind_blob(s, 4, r->checkout.b, sizeof(r->checkout.b));
	db_bind_blob(s, 5, r->key.b, sizeof(r->key.b));
	db_bind_int(s, 6, r->amount_minor);
	db_bind_str(s, 7, r->text);
	db_bind_blob(s, 8, hash, CRYPTO_SHA256_BYTES);
}

int
journal_audit_append(struct journal *j, const struct lane_audit *a, int64_t wall_ms)
{
	struct journal_audit_row r = {
		.seq = j->audit_seq + 1,
		.wall_ms = wall_ms,
		.amount_minor = a->amount_minor,
		.checkout = a->checkout,
		.key = a->key,
		.what = str_of(a->what),
		.text = str_of(a->text != NULL ? a->text : ""),
	};
	uint8_t hash[CRYPTO_SHA256_BYTES];
	sqlite3_stmt *s;
	int rc;

	assert(j->in_tx);
	if (pan_find(r.what, NULL, NULL) || pan_find(r.text, NULL, NULL))
		return -EPERM;
	rc = chain_hash(j->audit_hash, &r, hash);
	if (rc < 0)
		return rc;
	s = db_stmt(j->db, "INSERT INTO audit (seq, wall_ms, what, checkout, key,"
			   " amount_minor, text, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	if (s == NULL)
		return db_last_error(j->db);
	bind_audit(s, &r, hash);
	rc = db_run(j->db, s);
	if (rc < 0)
		return rc;
	j->audit_seq = r.seq;
	memcpy(j->audit_hash, hash, sizeof(hash));
	return 0;
}

static int
put_audit(void *impl, const struct lane_audit *a, int64_t wall_ms)
{
	return journal_audit_append(impl, a, wall_ms);
}

static int
audit_row(sqlite3_stmt *s, struct journal_audit_row *r)
{
	r->seq = sqlite3_column_int64(s, 0);
	r->wall_ms = sqlite3_column_int64(s, 1);
	r->what = db_col_str(s, 2);
	r->amount_minor = sqlite3_column_int64(s, 5);
	r->text = db_col_str(s, 6);
	if (journal_col_ulid(s, 3, &r->checkout) < 0 ||
	    journal_col_key(s, 4, &r->key) < 0 ||
	    db_col_blob(s, 7).n != CRYPTO_SHA256_BYTES)
		return -EUCLEAN;
	return 0;
}

/* The head of the chain, at open. */
static int
audit_head(struct journal *j)
{
	sqlite3_stmt *s =
		db_stmt(j->db, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1");
	struct str hash;
	int rc;

	if (s == NULL)
		return db_last_error(j->db);
	rc = db_step(j->db, s);
	if (rc == 1) {
		hash = db_col_blob(s, 1);
		j->audit_seq_committed = sqlite3_column_int64(s, 0);
		if (hash.n == CRYPTO_SHA256_BYTES)
			memcpy(j->audit_hash_committed, hash.p, hash.n);
		rc = hash.n == CRYPTO_SHA256_BYTES ? 0 : -EUCLEAN;
	}
	db_done(s);
	audit_reset(j);
	return rc;
}

/* The hash of the record before the first that is looked at; zeros before the first of all. */
static int
hash_at(struct journal *j, int64_t seq, uint8_t ret[CRYPTO_SHA256_BYTES])
{
	sqlite3_stmt *s;
	struct str hash;
	int rc;

	memset(ret, 0, CRYPTO_SHA256_BYTES);
	if (seq == 0)
		return 0;
	s = db_stmt(j->db, "SELECT hash FROM audit WHERE seq = ?");
	db_bind_int(s, 1, seq);
	rc = db_step(j->db, s);
	if (rc == 1) {
		hash = db_col_blob(s, 0);
		rc = hash.n == CRYPTO_SHA256_BYTES ? 0 : -EBADMSG;
		if (rc == 0)
			memcpy(ret, hash.p, hash.n);
	} else if (rc == 0) {
		rc = -EBADMSG;
	}
	db_done(s);
	return rc;
}

int
journal_chain_check(struct journal *j, int64_t from_seq, int64_t *ret_seq)
{
	uint8_t before[CRYPTO_SHA256_BYTES], hash[CRYPTO_SHA256_BYTES];
	struct journal_audit_row r;
	int64_t seq = from_seq;
	sqlite3_stmt *s;
	int rc = hash_at(j, from_seq, before);

	if (rc < 0) {
		*ret_seq = from_seq;
		return rc;
	}
	s = db_stmt(j->db, "SELECT seq, wall_ms, what, checkout, key, amount_minor, text,"
			   " hash FROM audit WHERE seq > ? ORDER BY seq");
	db_bind_int(s, 1, from_seq);
	while ((rc = db_step(j->db, s)) == 1) {
		rc = audit_row(s, &r);
		if (rc == 0)
			rc = chain_hash(before, &r, hash);
		if (rc < 0)
			break;
		if (r.seq != ++seq ||
		    memcmp(hash, db_col_blob(s, 7).p, sizeof(hash)) != 0) {
			*ret_seq = r.seq;
			rc = -EBADMSG;
			break;
		}
		memcpy(before, hash, sizeof(before));
	}
	db_done(s);
	return rc;
}

int
journal_check(struct journal *j, int64_t *ret_seq)
{
	int rc = db_check(j->db);

	if (rc == 0)
		rc = journal_chain_check(j, 0, ret_seq);
	return rc == 0 ? journal_returns_check(j, ret_seq) : rc;
}

/* ---- gets ---------------------------------------------------------------- */

void
journal_checkout_clear(struct journal_checkout *c)
{
	free(c->lines);
	free(c->reserved);
	memset(c, 0, sizeof(*c));
}

static int
get_basket(struct journal *j, struct journal_checkout *c)
{
	sqlite3_stmt *s = db_stmt(j->db, "SELECT lines FROM baskets WHERE checkout = ?");
	int rc;

	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, c->record.checkout.b, sizeof(c->record.checkout.b));
	rc = db_step(j->db, s);
	if (rc == 1)
		rc = journal_lines_parse(db_col_str(s, 0), &c->lines,
					 &c->record.lines_count);
	db_done(s);
	c->record.lines = c->lines;
	return rc;
}

static int
get_reserved(struct journal *j, struct journal_checkout *c)
{
	sqlite3_stmt *s = db_stmt(j->db, "SELECT rule, applications, discount_minor,"
					 " member FROM reservations WHERE checkout = ?"
					 " ORDER BY rule, member");
	int rc;

	if (s == NULL)
		return db_last_error(j->db);
	c->reserved = calloc(LANE_USES_MAX, sizeof(*c->reserved));
	db_bind_blob(s, 1, c->record.checkout.b, sizeof(c->record.checkout.b));
	rc = c->reserved == NULL ? -ENOMEM : 1;
	while (rc == 1 && (rc = db_step(j->db, s)) == 1) {
		struct lane_reserved *to = &c->reserved[c->record.reserved_count];

		if (c->record.reserved_count == LANE_USES_MAX ||
		    str_copy(to->rule, sizeof(to->rule), db_col_str(s, 0)) < 0 ||
		    journal_col_ulid(s, 3, &to->member) < 0) {
			rc = -EUCLEAN;
			break;
		}
		to->applications = (uint32_t)sqlite3_column_int64(s, 1);
		to->discount_minor = sqlite3_column_int64(s, 2);
		c->record.reserved_count++;
	}
	db_done(s);
	c->record.reserved = c->reserved;
	return rc;
}

static int
get_checkout(void *impl, struct ulid id, struct journal_checkout *ret)
{
	struct journal *j = impl;
	struct journal_checkout c;
	sqlite3_stmt *s;
	int rc;

	memset(&c, 0, sizeof(c));
	if (ulid_is_zero(id))
		s = db_stmt(j->db, "SELECT " CHECKOUT_COLUMNS
				   " FROM checkouts c ORDER BY seq DESC LIMIT 1");
	else
		s = db_stmt(j->db,
			    "SELECT " CHECKOUT_COLUMNS " FROM checkouts c WHERE id = ?");
	if (s == NULL)
		return db_last_error(j->db);
	if (!ulid_is_zero(id))
		db_bind_blob(s, 1, id.b, sizeof(id.b));
	rc = db_step(j->db, s);
	if (rc == 1)
		rc = journal_row_checkout(s, &c.record);
	else if (rc == 0)
		rc = -ENOENT;
	db_done(s);
	if (rc == 0)
		rc = get_basket(j, &c);
	if (rc == 0)
		rc = get_reserved(j, &c);
	if (rc < 0) {
		journal_checkout_clear(&c);
		return rc;
	}
	*ret = c;
	return 0;
}

static int
get_ended(void *impl, struct checkout_record *list, uint32_t max, uint32_t *ret_count)
{
	struct journal *j = impl;
	sqlite3_stmt *s = db_stmt(j->db, "SELECT " CHECKOUT_COLUMNS " FROM checkouts c"
					 " WHERE ticket <> '' AND phase IN ('done',"
					 " 'cancelled') ORDER BY seq DESC LIMIT ?");
	uint32_t count = 0;
	int rc;

	if (s == NULL)
		return db_last_error(j->db);
	db_bind_int(s, 1, max);
	while ((rc = db_step(j->db, s)) == 1) {
		rc = journal_row_checkout(s, &list[count]);
		if (rc < 0)
			break;
		count++;
	}
	db_done(s);
	if (rc == 0)
		*ret_count = count;
	return rc;
}

static int
one_payment(struct journal *j, sqlite3_stmt *s, struct payment *ret)
{
	int rc = db_step(j->db, s);

	if (rc == 1)
		rc = journal_row_payment(s, ret);
	else if (rc == 0)
		rc = -ENOENT;
	db_done(s);
	return rc;
}

static int
get_payment(void *impl, struct key128 key, struct payment *ret)
{
	struct journal *j = impl;
	sqlite3_stmt *s =
		db_stmt(j->db, "SELECT " PAYMENT_COLUMNS " FROM payments p WHERE key = ?1"
			       " UNION ALL SELECT " REFUND_COLUMNS
			       " FROM refunds p WHERE key = ?1");

	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, key.b, sizeof(key.b));
	return one_payment(j, s, ret);
}

static int
find_payment(void *impl, struct str ref, struct payment *ret)
{
	struct journal *j = impl;
	sqlite3_stmt *s;

	if (ref.n == 0)
		return -ENOENT;
	s = db_stmt(j->db, "SELECT " PAYMENT_COLUMNS " FROM payments p WHERE seq ="
			   " (SELECT max(seq) FROM payments WHERE ref = ?1 OR blob = ?2"
			   " OR (pos_ref = ?1 AND pos_ref <> '')"
			   " OR (pos_blob = ?2 AND pos_blob <> x''))");
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_str(s, 1, ref);
	db_bind_blob(s, 2, ref.p, ref.n);
	return one_payment(j, s, ret);
}

static int
open_payments(void *impl, int (*each)(void *ctx, const struct payment *p), void *ctx)
{
	struct journal *j = impl;
	int rc = journal_each_payment(
		j,
		db_stmt(j->db, "SELECT " PAYMENT_COLUMNS " FROM payments p"
			       " WHERE state IN ('created', 'sending', 'unknown',"
			       " 'approved', 'partial', 'answer-sending',"
			       " 'undo-queued') ORDER BY seq"),
		each, ctx);

	if (rc != 0)
		return rc;
	return journal_each_payment(
		j,
		db_stmt(j->db, "SELECT " REFUND_COLUMNS " FROM refunds p"
			       " WHERE state IN ('created', 'sending', 'unknown')"
			       " ORDER BY seq"),
		each, ctx);
}

static int
paid_parts(void *impl, struct ulid checkout,
	   int (*each)(void *ctx, const struct payment *p), void *ctx)
{
	struct journal *j = impl;
	sqlite3_stmt *s = db_stmt(j->db, "SELECT " PAYMENT_COLUMNS " FROM payments p"
					 " WHERE checkout = ? AND state = 'confirmed'"
					 " ORDER BY seq");

	if (s != NULL)
		db_bind_blob(s, 1, checkout.b, sizeof(checkout.b));
	return journal_each_payment(j, s, each, ctx);
}

static int
returned(void *impl, struct ulid checkout, int64_t *ret_minor)
{
	struct journal *j = impl;
	sqlite3_stmt *s = db_stmt(j->db, "SELECT ifnull(sum(refund_minor), 0)"
					 " FROM return_lines WHERE checkout = ?");
	int rc;

	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, checkout.b, sizeof(checkout.b));
	rc = db_step(j->db, s);
	if (rc == 1)
		*ret_minor = sqlite3_column_int64(s, 0);
	db_done(s);
	return rc < 0 ? rc : 0;
}

static int
use_row(sqlite3_stmt *s, struct lane_use *u)
{
	memset(u, 0, sizeof(*u));
	if (str_copy(u->rule, sizeof(u->rule), db_col_str(s, 0)) < 0)
		return -EUCLEAN;
	u->member_used = sqlite3_column_int64(s, 1);
	u->member_day_used = sqlite3_column_int64(s, 2);
	u->total_used = sqlite3_column_int64(s, 3);
	u->budget_used_minor = sqlite3_column_int64(s, 4);
	return 0;
}

static int
uses(void *impl, const struct journal_uses_query *q, struct lane_use *list, uint32_t max,
     uint32_t *ret_count)
{
	struct journal *j = impl;
	uint32_t count = 0;
	int rc;
	sqlite3_stmt *s = db_stmt(
		j->db,
		"WITH u (rule, member, business_day, applications) AS ("
		" SELECT rule, member, business_day, applications FROM limit_uses"
		"  WHERE member = ?1 AND member <> zeroblob(16)"
		" UNION ALL SELECT r.rule, " RESERVED_MEMBER " AS m, c.business_day,"
		"  r.applications"
		"  FROM reservations r JOIN checkouts c ON c.id = r.checkout"
		"  WHERE c.id <> ?3 AND m = ?1 AND m <> zeroblob(16)),"
		" t (rule, applications, discount_minor) AS ("
		" SELECT rule, applications, discount_minor FROM limit_totals"
		" UNION ALL SELECT rule, max(applications), max(discount_minor)"
		"  FROM reservations WHERE checkout <> ?3 GROUP BY checkout, rule)"
		" SELECT rule, sum(m), sum(d), sum(t), sum(b) FROM ("
		"  SELECT rule, applications AS m,"
		"   iif(business_day = ?2, applications, 0) AS d, 0 AS t, 0 AS b FROM u"
		"  UNION ALL SELECT rule, 0, 0, applications, discount_minor FROM t)"
		" GROUP BY rule ORDER BY rule");

	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, q->member.b, sizeof(q->member.b));
	db_bind_int(s, 2, q->business_day);
	db_bind_blob(s, 3, q->except.b, sizeof(q->except.b));
	while ((rc = db_step(j->db, s)) == 1) {
		if (q->rules != NULL &&
		    !pricing_rule_is_limited(q->rules, db_col_str(s, 0)))
			continue;
		rc = count < max ? use_row(s, &list[count]) : -E2BIG;
		if (rc < 0)
			break;
		count++;
	}
	db_done(s);
	if (rc == 0)
		*ret_count = count;
	return rc;
}

static int
bought(void *impl, struct ulid member, struct ulid except, bool *ret_bought)
{
	struct journal *j = impl;
	sqlite3_stmt *s = db_stmt(
		j->db, "SELECT 1 FROM checkouts WHERE member = ? AND phase = 'done'"
		       " AND id <> ? AND member <> zeroblob(16) LIMIT 1");
	int rc;

	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, member.b, sizeof(member.b));
	db_bind_blob(s, 2, except.b, sizeof(except.b));
	rc = db_step(j->db, s);
	if (rc >= 0)
		*ret_bought = rc == 1;
	db_done(s);
	return rc < 0 ? rc : 0;
}

static int
touch_sum(void *impl, struct ulid member, int32_t business_day, int64_t *ret_minor)
{
	struct journal *j = impl;
	sqlite3_stmt *s = db_stmt(
		j->db,
		"WITH m (asked_minor, flags, state, checkout) AS ("
		" SELECT asked_minor, flags, state, checkout FROM payments"
		"  WHERE member = ?1 AND member <> x''"
		/* A version before this one did not write whose token it was. */
		" UNION ALL SELECT p.asked_minor, p.flags, p.state, p.checkout"
		"  FROM checkouts c JOIN payments p ON p.checkout = c.id"
		"  WHERE c.member = ?1 AND c.business_day = ?2 AND p.member = x'')"
		" SELECT coalesce(sum(m.asked_minor), 0) FROM m"
		" JOIN checkouts c ON c.id = m.checkout"
		" WHERE c.business_day = ?2 AND m.flags & 1"
		" AND m.state NOT IN ('not-sent', 'cancelled', 'declined', 'undone')");
	int rc;

	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, member.b, sizeof(member.b));
	db_bind_int(s, 2, business_day);
	rc = db_step(j->db, s);
	if (rc == 1) {
		*ret_minor = sqlite3_column_int64(s, 0);
		rc = 0;
	}
	db_done(s);
	return rc;
}

static const struct journal_ops sqlite_ops = {
	.begin = op_begin,
	.put_checkout = put_checkout,
	.put_payment = put_payment,
	.make_room = make_room,
	.put_audit = put_audit,
	.commit = op_commit,
	.rollback = op_rollback,
	.get_checkout = get_checkout,
	.get_ended = get_ended,
	.get_payment = get_payment,
	.find_payment = find_payment,
	.open_payments = open_payments,
	.paid_parts = paid_parts,
	.returned = returned,
	.uses = uses,
	.bought = bought,
	.touch_sum = touch_sum,
};

struct journal_ref
journal_ref(struct journal *j)
{
	return (struct journal_ref){ &sqlite_ops, j };
}

/* ---- life ---------------------------------------------------------------- */

static int
stamp(struct journal *j, const struct journal_spec *spec)
{
	sqlite3_stmt *s = db_stmt(
		j->db, "INSERT INTO lane (one, lane, environment) VALUES (1, ?, ?)");

	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, spec->lane.b, sizeof(spec->lane.b));
	db_bind_cstr(s, 2, spec->environment);
	return db_run(j->db, s);
}

/* The file says whose it is: another environment's or lane's is not touched. */
static int
check_stamp(struct journal *j, const struct journal_spec *spec, char why[256])
{
	sqlite3_stmt *s = db_stmt(j->db, "SELECT lane, environment FROM lane");
	struct ulid lane;
	int rc;

	if (s == NULL)
		return db_last_error(j->db);
	rc = db_step(j->db, s);
	if (rc == 1) {
		rc = journal_col_ulid(s, 0, &lane);
		if (rc == 0 && !str_is(db_col_str(s, 1), spec->environment)) {
			(void)snprintf(why, 256,
				       "the journal is of environment '%s', this"
				       " lane is '%s': it needs its own journal",
				       db_col_str(s, 1).p, spec->environment);
			rc = -EXDEV;
		} else if (rc == 0 && !ulid_eq(lane, spec->lane)) {
			(void)snprintf(why, 256,
				       "the journal is another lane's: a cloned disk?");
			rc = -EXDEV;
		}
		db_done(s);
		return rc;
	}
	db_done(s);
	return rc < 0 ? rc : stamp(j, spec);
}

/* A journal whose last records do not hang together is not written on. */
static int
check_tail(struct journal *j, char why[256])
{
	int64_t seq = 0;
	int rc = journal_anchor_tail(j, &seq);

	if (rc != -EBADMSG)
		return rc;
	(void)snprintf(
		why, 256,
		"the audit chain is broken at record %lld: the file was changed, or"
		" the disk has lost a part of it",
		(long long)seq); /* fits */
	return -EUCLEAN;
}

int
journal_open(const struct journal_spec *spec, struct journal **ret_journal, char why[256])
{
	const struct db_spec db = {
		.path = spec->path,
		.application_id = JOURNAL_APPLICATION_ID,
		.migrations = journal_migrations,
		.migrations_count = journal_migrations_count,
		.full_sync = true,
		.vfs = spec->vfs,
	};
	struct journal *j = calloc(1, sizeof(*j));
	int rc;

	why[0] = '\0';
	if (j == NULL)
		return -ENOMEM;
	j->full = true;
	j->json = json_out_new(JOURNAL_LINES_BYTES_MAX);
	rc = j->json == NULL ? -ENOMEM : db_open(&db, &j->db, why);
	if (rc == 0)
		rc = check_stamp(j, spec, why);
	if (rc == 0)
		rc = audit_head(j);
	if (rc == 0)
		rc = check_tail(j, why);
	if (rc == 0)
		rc = journal_readers_open(j);
	if (rc < 0 &&
	    why[0] == '\0') /* a part of the file that the opening did not look at */
		(void)snprintf(why, 256, "%s: %s", spec->path,
			       strerror(-rc)); /* a cut text is one */
	if (rc < 0) {
		(void)journal_close(j); /* gives NULL */
		return rc;
	}
	if (spec->reserve != NULL && strlen(spec->reserve) < sizeof(j->reserve.path))
		memcpy(j->reserve.path, spec->reserve, strlen(spec->reserve) + 1);
	(void)journal_reserve_keep(&j->reserve); /* else no payment begins */
	*ret_journal = j;
	return 0;
}

struct journal *
journal_close(struct journal *j)
{
	if (j == NULL)
		return NULL;
	if (j->in_tx)
		journal_rollback(j);
	if (j->pos_readers)
		(void)journal_readers_open(j); /* else the next opening does it */
	(void)json_out_free(j->json);          /* gives NULL */
	(void)db_close(j->db);                 /* gives NULL */
	free(j);
	return NULL;
}

const char *
journal_message(struct journal *j)
{
	return db_message(j->db);
}
