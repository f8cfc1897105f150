#include "lane/journal_private.h"

#include "base/plain/pan.h"
#include "lane/journal_returns.h"

#include <errno.h>
#include <string.h>

#define LIST_MAX 1000u

/* A statement of one row and one column. */
static int
one_int(struct journal *j, sqlite3_stmt *s, int64_t *ret_value)
{
	int rc;

	if (s == NULL)
		return db_last_error(j->db);
	rc = db_step(j->db, s);
	if (rc == 1) {
		*ret_value = sqlite3_column_int64(s, 0);
		rc = 0;
	}
	db_done(s);
	return rc;
}

int
journal_last_wall_ms(struct journal *j, int64_t *ret_wall_ms)
{
	return one_int(j,
		       db_stmt(j->db, "SELECT max("
				      " coalesce((SELECT changed_ms FROM checkouts ORDER "
				      "BY seq DESC LIMIT 1),"
				      "  0),"
				      " coalesce((SELECT wall_ms FROM audit ORDER BY seq "
				      "DESC LIMIT 1), 0),"
				      " coalesce((SELECT state_ms FROM payments ORDER BY "
				      "seq DESC LIMIT 1),"
				      "  0),"
				      " coalesce((SELECT state_ms FROM refunds ORDER BY "
				      "seq DESC LIMIT 1),"
				      "  0))"),
		       ret_wall_ms);
}

int
journal_counts(struct journal *j, struct journal_counts *ret)
{
	struct journal_counts c = { 0 };
	int rc;

	rc = one_int(j, db_stmt(j->db, "SELECT count(*) FROM checkouts"), &c.checkouts);
	if (rc == 0)
		rc = one_int(j, db_stmt(j->db, "SELECT count(*) FROM payments"),
			     &c.payments);
	if (rc == 0)
		rc = one_int(j, db_stmt(j->db, "SELECT count(*) FROM refunds"),
			     &c.refunds);
	if (rc == 0)
		rc = one_int(
			j,
			db_stmt(j->db,
				"SELECT (SELECT count(*) FROM payments WHERE state IN"
				" ('created', 'sending', 'unknown', 'approved',"
				" 'partial', 'answer-sending', 'undo-queued')) +"
				" (SELECT count(*) FROM refunds WHERE state IN"
				" ('created', 'sending', 'unknown'))"),
			&c.payments_open);
	if (rc == 0)
		rc = one_int(j, db_stmt(j->db, "SELECT count(*) FROM audit"), &c.audit);
	if (rc == 0)
		rc = one_int(j, db_stmt(j->db, "SELECT count(*) FROM outbox"), &c.outbox);
	if (rc == 0)
		rc = one_int(j, db_stmt(j->db, "SELECT count(*) FROM members_born"),
			     &c.born);
	if (rc == 0)
		*ret = c;
	return rc;
}

/* ---- lists --------------------------------------------------------------- */

struct checkouts_told {
	int (*each)(void *ctx, const struct checkout_record *r);
	void *ctx;
};

static int
tell_checkout(void *ctx, sqlite3_stmt *s)
{
	const struct checkouts_told *t = ctx;
	struct checkout_record r;
	int rc = journal_row_checkout(s, &r);

	return rc == 0 ? t->each(t->ctx, &r) : rc;
}

static int
each_checkout(struct journal *j, sqlite3_stmt *s,
	      int (*each)(void *ctx, const struct checkout_record *r), void *ctx)
{
	struct checkouts_told t = { each, ctx };

	return journal_each(j, s, tell_checkout, &t);
}

static int
check_list(const struct journal_list *q)
{
	return q->limit >= 1 && q->limit <= LIST_MAX ? 0 : -EINVAL;
}

int
journal_checkouts(struct journal *j, const struct journal_list *q,
		  int (*each)(void *ctx, const struct checkout_record *r), void *ctx)
{
	sqlite3_stmt *s;

	if (check_list(q) < 0)
		return -EINVAL;
	s = db_stmt(j->db,
		    "SELECT " CHECKOUT_COLUMNS " FROM checkouts c WHERE ?1 = zeroblob(16)"
		    " OR seq < (SELECT seq FROM checkouts WHERE id = ?1)"
		    " ORDER BY seq DESC LIMIT ?2");
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, q->after.b, sizeof(q->after.b));
	db_bind_int(s, 2, q->limit);
	return each_checkout(j, s, each, ctx);
}

int
journal_member_checkouts(struct journal *j, struct ulid member,
			 int (*each)(void *ctx, const struct checkout_record *r),
			 void *ctx)
{
	sqlite3_stmt *s;

	if (ulid_is_zero(member))
		return -EINVAL;
	s = db_stmt(j->db, "SELECT " CHECKOUT_COLUMNS
			   " FROM checkouts c WHERE member = ? ORDER BY seq");
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, member.b, sizeof(member.b));
	return each_checkout(j, s, each, ctx);
}

int
journal_payments(struct journal *j, const struct journal_list *q,
		 int (*each)(void *ctx, const struct payment *p), void *ctx)
{
	sqlite3_stmt *s;

	if (check_list(q) < 0)
		return -EINVAL;
	/* Each list by its own newest, then both by the time of their making. */
	s = db_stmt(
		j->db,
		"SELECT * FROM (SELECT * FROM (SELECT " PAYMENT_COLUMNS
		", p.seq AS seq FROM payments p WHERE (?1 = zeroblob(16) OR checkout = "
		"?1)"
		" AND (?2 = 0 OR state IN ('created', 'sending', 'unknown', 'approved',"
		" 'partial', 'answer-sending', 'undo-queued'))"
		" ORDER BY seq DESC LIMIT ?3)"
		" UNION ALL SELECT * FROM (SELECT " REFUND_COLUMNS
		", p.seq FROM refunds p WHERE (?1 = zeroblob(16) OR checkout = ?1)"
		" AND (?2 = 0 OR state IN ('created', 'sending', 'unknown'))"
		" ORDER BY seq DESC LIMIT ?3)) "
		"ORDER BY created_ms DESC, seq DESC LIMIT ?3");
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, q->checkout.b, sizeof(q->checkout.b));
	db_bind_int(s, 2, q->open_only);
	db_bind_int(s, 3, q->limit);
	return journal_each_payment(j, s, each, ctx);
}

int
journal_find_of(struct journal *j, const char *adapter, struct str ref,
		struct key128 before, struct payment *ret)
{
	sqlite3_stmt *s;
	int rc;

	if (ref.n == 0)
		return -ENOENT;
	/*
	 * A version before did not write whose a payment is: then it is the only adapter's. The plus keeps
	 * SQLite by the indexes of the references.
	 */
	s = db_stmt(j->db, "SELECT " PAYMENT_COLUMNS " FROM payments p WHERE seq ="
			   " (SELECT max(seq) FROM payments WHERE"
			   " (?4 = zeroblob(16) OR"
			   "  +seq < (SELECT seq FROM payments WHERE key = ?4)) AND"
			   " ((adapter IN (?3, '') AND (ref = ?1 OR blob = ?2)) OR"
			   " (pos_adapter = ?3 AND pos_adapter <> '' AND"
			   " ((pos_ref = ?1 AND pos_ref <> '') OR"
			   " (pos_blob = ?2 AND pos_blob <> x'')))))");
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_str(s, 1, ref);
	db_bind_blob(s, 2, ref.p, ref.n);
	db_bind_cstr(s, 3, adapter);
	db_bind_blob(s, 4, before.b, sizeof(before.b));
	rc = db_step(j->db, s);
	if (rc == 1)
		rc = journal_row_payment(s, ret);
	else if (rc == 0)
		rc = -ENOENT;
	db_done(s);
	return rc;
}

struct timeline_told {
	int (*each)(void *ctx, const struct journal_audit_row *r);
	void *ctx;
};

static int
tell_audit(void *ctx, sqlite3_stmt *s)
{
	const struct timeline_told *t = ctx;
	struct journal_audit_row r;
	int rc;

	memset(&r, 0, sizeof(r));
	r.seq = sqlite3_column_int64(s, 0);
	r.wall_ms = sqlite3_column_int64(s, 1);
	r.what = db_col_str(s, 2);
	r.amount_minor = sqlite3_column_int64(s, 5);
	r.text = db_col_str(s, 6);
	rc = journal_col_ulid(s, 3, &r.checkout);
	if (rc == 0)
		rc = journal_col_key(s, 4, &r.key);
	return rc == 0 ? t->each(t->ctx, &r) : rc;
}

int
journal_timeline(struct journal *j, const struct journal_list *q,
		 int (*each)(void *ctx, const struct journal_audit_row *r), void *ctx)
{
	struct timeline_told t = { each, ctx };
	sqlite3_stmt *s;

	if (check_list(q) < 0 || ulid_is_zero(q->checkout))
		return -EINVAL;
	s = db_stmt(j->db, "SELECT seq, wall_ms, what, checkout, key, amount_minor, text"
			   " FROM audit WHERE checkout = ? ORDER BY seq LIMIT ?");
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, q->checkout.b, sizeof(q->checkout.b));
	db_bind_int(s, 2, q->limit);
	return journal_each(j, s, tell_audit, &t);
}

/* ---- single durable writes ----------------------------------------------- */

/* Ends the transaction of one statement's result. */
static int
finish(struct journal *j, int rc)
{
	if (rc < 0) {
		journal_rollback(j);
		return rc;
	}
	return journal_commit(j);
}

int
journal_audit(struct journal *j, const struct lane_audit *a, int64_t wall_ms,
	      bool durable)
{
	int rc = journal_begin(j, durable);

	return rc < 0 ? rc : finish(j, journal_audit_append(j, a, wall_ms));
}

static int
run(struct journal *j, sqlite3_stmt *s)
{
	return db_run(j->db, s);
}

int
journal_consent_put(struct journal *j, const struct journal_consent *c)
{
	sqlite3_stmt *s;
	int rc;

	if (pan_find(c->purpose, NULL, NULL) || pan_find(c->text_version, NULL, NULL) ||
	    pan_find(c->language, NULL, NULL))
		return -EPERM;
	rc = journal_begin(j, true);
	if (rc < 0)
		return rc;
	s = db_stmt(
		j->db,
		"INSERT INTO consents (consent, member, purpose, text_version, language,"
		" given_ms, withdrawn_ms) VALUES (?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (consent) DO UPDATE SET withdrawn_ms = "
		"excluded.withdrawn_ms");
	if (s == NULL)
		return finish(j, db_last_error(j->db));
	db_bind_blob(s, 1, c->consent.b, sizeof(c->consent.b));
	db_bind_blob(s, 2, c->member.b, sizeof(c->member.b));
	db_bind_str(s, 3, c->purpose);
	db_bind_str(s, 4, c->text_version);
	db_bind_str(s, 5, c->language);
	db_bind_int(s, 6, c->given_wall_ms);
	db_bind_int(s, 7, c->withdrawn_wall_ms);
	return finish(j, run(j, s));
}

struct consents_told {
	int (*each)(void *ctx, const struct journal_consent *c);
	void *ctx;
};

static int
tell_consent(void *ctx, sqlite3_stmt *s)
{
	const struct consents_told *t = ctx;
	struct journal_consent c;
	int rc;

	memset(&c, 0, sizeof(c));
	c.purpose = db_col_str(s, 2);
	c.text_version = db_col_str(s, 3);
	c.language = db_col_str(s, 4);
	c.given_wall_ms = sqlite3_column_int64(s, 5);
	c.withdrawn_wall_ms = sqlite3_column_int64(s, 6);
	rc = journal_col_ulid(s, 0, &c.consent);
	if (rc == 0)
		rc = journal_col_ulid(s, 1, &c.member);
	return rc == 0 ? t->each(t->ctx, &c) : rc;
}

int
journal_consents(struct journal *j, struct ulid member,
		 int (*each)(void *ctx, const struct journal_consent *c), void *ctx)
{
	struct consents_told t = { each, ctx };
	sqlite3_stmt *s =
		db_stmt(j->db, "SELECT consent, member, purpose, text_version, language,"
			       " given_ms, withdrawn_ms FROM consents WHERE member = ?"
			       " ORDER BY given_ms, consent");

	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, member.b, sizeof(member.b));
	return journal_each(j, s, tell_consent, &t);
}

int
journal_born_put(struct journal *j, struct ulid member, struct str json, int64_t wall_ms)
{
	sqlite3_stmt *s;
	int rc;

	rc = journal_begin(j, true);
	if (rc < 0)
		return rc;
	s = db_stmt(j->db, "INSERT INTO members_born (member, json, wall_ms)"
			   " VALUES (?, ?, ?) ON CONFLICT (member) DO UPDATE SET"
			   " json = excluded.json, wall_ms = excluded.wall_ms");
	if (s == NULL)
		return finish(j, db_last_error(j->db));
	db_bind_blob(s, 1, member.b, sizeof(member.b));
	db_bind_str(s, 2, json);
	db_bind_int(s, 3, wall_ms);
	return finish(j, run(j, s));
}

int
journal_born_ack(struct journal *j, struct ulid member)
{
	sqlite3_stmt *s;
	int rc = journal_begin(j, true);

	if (rc < 0)
		return rc;
	s = db_stmt(j->db, "DELETE FROM members_born WHERE member = ?");
	if (s == NULL)
		return finish(j, db_last_error(j->db));
	db_bind_blob(s, 1, member.b, sizeof(member.b));
	return finish(j, run(j, s));
}

struct born_told {
	int (*each)(void *ctx, struct ulid member, struct str json);
	void *ctx;
};

static int
tell_born(void *ctx, sqlite3_stmt *s)
{
	const struct born_told *t = ctx;
	struct ulid member;
	int rc = journal_col_ulid(s, 0, &member);

	return rc == 0 ? t->each(t->ctx, member, db_col_str(s, 1)) : rc;
}

int
journal_born(struct journal *j,
	     int (*each)(void *ctx, struct ulid member, struct str json), void *ctx)
{
	struct born_told t = { each, ctx };

	return journal_each(j,
			    db_stmt(j->db, "SELECT member, json FROM members_born"
					   " ORDER BY wall_ms, member"),
			    tell_born, &t);
}

int
journal_outbox_put(struct journal *j, const char *kind, struct str json, int64_t wall_ms)
{
	sqlite3_stmt *s;
	int rc;

	if (pan_find(json, NULL, NULL))
		return -EPERM;
	rc = journal_begin(j, true);
	if (rc < 0)
		return rc;
	s = db_stmt(j->db, "INSERT INTO outbox (kind, json, wall_ms) VALUES (?, ?, ?)");
	if (s == NULL)
		return finish(j, db_last_error(j->db));
	db_bind_cstr(s, 1, kind);
	db_bind_str(s, 2, json);
	db_bind_int(s, 3, wall_ms);
	return finish(j, run(j, s));
}

struct outbox_told {
	int (*each)(void *ctx, int64_t seq, struct str kind, struct str json);
	void *ctx;
};

static int
tell_outbox(void *ctx, sqlite3_stmt *s)
{
	const struct outbox_told *t = ctx;

	return t->each(t->ctx, sqlite3_column_int64(s, 0), db_col_str(s, 1),
		       db_col_str(s, 2));
}

int
journal_outbox(struct journal *j, uint32_t limit,
	       int (*each)(void *ctx, int64_t seq, struct str kind, struct str json),
	       void *ctx)
{
	struct outbox_told t = { each, ctx };
	sqlite3_stmt *s =
		db_stmt(j->db, "SELECT seq, kind, json FROM outbox ORDER BY seq LIMIT ?");

	if (s == NULL)
		return db_last_error(j->db);
	db_bind_int(s, 1, limit);
	return journal_each(j, s, tell_outbox, &t);
}

int
journal_outbox_ack(struct journal *j, int64_t seq_to)
{
	sqlite3_stmt *s;
	int rc = journal_begin(j, true);

	if (rc < 0)
		return rc;
	s = db_stmt(j->db, "DELETE FROM outbox WHERE seq <= ?");
	if (s == NULL)
		return finish(j, db_last_error(j->db));
	db_bind_int(s, 1, seq_to);
	return finish(j, run(j, s));
}

static int
sweep_rows(struct journal *j, int64_t before_wall_ms, int64_t *deleted)
{
	sqlite3_stmt *s;
	int rc;

	s = db_stmt(j->db, "DELETE FROM payments WHERE state_ms < ? AND state IN"
			   " ('not-sent', 'cancelled', 'declined', 'confirmed', 'undone',"
			   " 'undo-failed')");
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_int(s, 1, before_wall_ms);
	rc = run(j, s);
	if (rc < 0)
		return rc;
	*deleted += sqlite3_changes(db_handle(j->db));
	/* Not before its sale: what went back of a payment is known as long as goods are taken back. */
	s = db_stmt(j->db, "DELETE FROM refunds WHERE state_ms < ? AND state NOT IN"
			   " ('created', 'sending', 'unknown')");
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_int(s, 1, before_wall_ms);
	rc = run(j, s);
	if (rc < 0)
		return rc;
	*deleted += sqlite3_changes(db_handle(j->db));
	s = db_stmt(j->db, "DELETE FROM checkouts WHERE changed_ms < ?"
			   " AND phase IN ('done', 'cancelled')"
			   " AND id NOT IN (SELECT checkout FROM payments)");
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_int(s, 1, before_wall_ms);
	rc = run(j, s);
	if (rc < 0)
		return rc;
	*deleted += sqlite3_changes(db_handle(j->db));
	return journal_returns_sweep(j, before_wall_ms, deleted);
}

int
journal_sweep(struct journal *j, int64_t before_wall_ms, int64_t *ret_deleted)
{
	int64_t deleted = 0;
	int rc = journal_begin(j, false);

	if (rc < 0)
		return rc;
	rc = finish(j, sweep_rows(j, before_wall_ms, &deleted));
	if (rc == 0)
		*ret_deleted = deleted;
	return rc;
}
