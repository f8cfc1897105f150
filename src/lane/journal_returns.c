#include "lane/journal_returns.h"

#include "base/plain/pan.h"
#include "lane/journal_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 1000u
#define RETURN_LINES_MAX 1000u /* more than a receipt has */
#define AUDIT_WORD "goods-returned"
#define LINE_TEXT_BYTES 160u
/* The return's id, a blank, a digest in hex. */
#define SEAL_BYTES (ULID_TEXT_BYTES + 2u * CRYPTO_SHA256_BYTES + 1u)

/* ---- the seal in the audit chain ------------------------------------------- */

/* The digest of the lines so far, over the one before: a chain of its own. */
static int
seal_line(uint8_t digest[CRYPTO_SHA256_BYTES], const struct journal_return_line *l)
{
	char buf[LINE_TEXT_BYTES + 2 * CRYPTO_SHA256_BYTES];
	char hex[2 * CRYPTO_SHA256_BYTES + 1];
	struct strbuf b;

	(void)hex_encode(hex, sizeof(hex), digest, CRYPTO_SHA256_BYTES); /* fits */
	strbuf_init(&b, buf, sizeof(buf));
	strbuf_addf(&b, "%s\n%u %u %d %lld %lld %lld\n", hex, (unsigned)l->line,
		    (unsigned)l->vat_bp, (int)l->measured, (long long)l->before,
		    (long long)l->take, (long long)l->refund_minor);
	assert(!b.truncated);
	return crypto_sha256(buf, b.used, digest);
}

static int
seal_head(uint8_t digest[CRYPTO_SHA256_BYTES], const struct journal_return *r)
{
	char buf[256], checkout[ULID_TEXT_BYTES];
	struct strbuf b;

	ulid_text(checkout, r->checkout);
	strbuf_init(&b, buf, sizeof(buf));
	strbuf_addf(&b, "%s %lld %lld %d %s %lld\n%s\n%s\n", checkout,
		    (long long)r->wall_ms, (long long)r->sold_wall_ms,
		    (int)r->business_day, r->currency, (long long)r->refund_minor,
		    r->store, r->lane);
	assert(!b.truncated);
	return crypto_sha256(buf, b.used, digest);
}

static void
seal_text(char text[SEAL_BYTES], struct ulid id,
	  const uint8_t digest[CRYPTO_SHA256_BYTES])
{
	ulid_text(text, id);
	text[ULID_TEXT_BYTES - 1] = ' ';
	/* In letters: digits in a row may look like a card number, which no record may hold. */
	for (size_t i = 0; i < CRYPTO_SHA256_BYTES; i++) {
		text[ULID_TEXT_BYTES + 2 * i] = (char)('a' + (digest[i] >> 4));
		text[ULID_TEXT_BYTES + 2 * i + 1] = (char)('a' + (digest[i] & 15));
	}
	text[ULID_TEXT_BYTES + 2 * CRYPTO_SHA256_BYTES] = '\0';
}

static int
audit(struct journal *j, const struct journal_return *r)
{
	char text[SEAL_BYTES];
	uint8_t digest[CRYPTO_SHA256_BYTES] = { 0 };
	struct lane_audit a = { .what = AUDIT_WORD,
				.checkout = r->checkout,
				.amount_minor = r->refund_minor,
				.text = text };
	int rc = seal_head(digest, r);

	for (uint32_t i = 0; i < r->lines_count && rc == 0; i++)
		rc = seal_line(digest, &r->lines[i]);
	seal_text(text, r->id, digest);
	return rc == 0 ? journal_audit_append(j, &a, r->wall_ms) : rc;
}

/* ---- put ------------------------------------------------------------------- */

static int
put_head(struct journal *j, const struct journal_return *r)
{
	sqlite3_stmt *s = db_stmt(
		j->db,
		"INSERT INTO returns (id, checkout, wall_ms, sold_ms, business_day,"
		" currency, store, lane, refund_minor)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");

	db_bind_blob(s, 1, r->id.b, sizeof(r->id.b));
	db_bind_blob(s, 2, r->checkout.b, sizeof(r->checkout.b));
	db_bind_int(s, 3, r->wall_ms);
	db_bind_int(s, 4, r->sold_wall_ms);
	db_bind_int(s, 5, r->business_day);
	db_bind_cstr(s, 6, r->currency);
	db_bind_cstr(s, 7, r->store);
	db_bind_cstr(s, 8, r->lane);
	db_bind_int(s, 9, r->refund_minor);
	return db_run(j->db, s);
}

/* Up to where the line's parts are returned. */
static int
parts_returned(struct journal *j, struct ulid checkout, uint32_t line, int64_t *ret_parts)
{
	sqlite3_stmt *s =
		db_stmt(j->db, "SELECT coalesce(max(parts_to), 0) FROM return_lines"
			       " WHERE checkout = ? AND line = ?");
	int rc;

	db_bind_blob(s, 1, checkout.b, sizeof(checkout.b));
	db_bind_int(s, 2, line);
	rc = db_step(j->db, s);
	if (rc == 1)
		*ret_parts = sqlite3_column_int64(s, 0);
	db_done(s);
	return rc < 0 ? rc : 0;
}

static int
put_line(struct journal *j, const struct journal_return *r, int64_t seq,
	 const struct journal_return_line *l)
{
	int64_t returned = 0;
	sqlite3_stmt *s;
	int rc = parts_returned(j, r->checkout, l->line, &returned);

	if (rc < 0)
		return rc;
	if (returned != l->before || l->take <= 0)
		return -EEXIST;
	s = db_stmt(j->db, "INSERT INTO return_lines (checkout, line, parts_from,"
			   " parts_to, return_seq, measured, vat_bp, refund_minor)"
			   " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	db_bind_blob(s, 1, r->checkout.b, sizeof(r->checkout.b));
	db_bind_int(s, 2, l->line);
	db_bind_int(s, 3, l->before);
	db_bind_int(s, 4, l->before + l->take);
	db_bind_int(s, 5, seq);
	db_bind_int(s, 6, l->measured);
	db_bind_int(s, 7, l->vat_bp);
	db_bind_int(s, 8, l->refund_minor);
	return db_run(j->db, s);
}

int
journal_refunded(struct journal *j, const struct payment *refund, int64_t *ret_minor)
{
	sqlite3_stmt *s =
		db_stmt(j->db, "SELECT coalesce(sum(max(asked_minor, answered_minor)), 0)"
			       " FROM refunds WHERE checkout = ?1 AND state NOT IN"
			       " ('not-sent', 'cancelled', 'declined') AND"
			       " ((original = ?2 AND original <> zeroblob(16)) OR"
			       " (original_ref = ?3 AND original_ref <> ''))");
	int rc;

	db_bind_blob(s, 1, refund->checkout.b, sizeof(refund->checkout.b));
	db_bind_blob(s, 2, refund->original.b, sizeof(refund->original.b));
	db_bind_cstr(s, 3, refund->original_ref);
	rc = db_step(j->db, s);
	if (rc == 1)
		*ret_minor = sqlite3_column_int64(s, 0);
	db_done(s);
	return rc < 0 ? rc : 0;
}

static int
put_refund(struct journal *j, const struct journal_return *r)
{
	const struct payment *p = r->refund;
	struct lane_audit a = { .what = "refund-created",
				.checkout = p->checkout,
				.key = p->key,
				.amount_minor = p->asked_minor };
	int64_t gone = 0;
	int rc = journal_refunded(j, p, &gone);

	assert(p->kind == PAYMENT_REFUND && p->asked_minor <= r->refund_minor);
	if (rc == 0 && p->asked_minor > r->captured_minor - gone)
		rc = -EDQUOT;
	if (rc == 0)
		rc = journal_payment_put(j, p);
	return rc == 0 ? journal_audit_append(j, &a, r->wall_ms) : rc;
}

static int
audit_unknown_sale(struct journal *j, const struct journal_return *r)
{
	struct lane_audit a = { .what = "return-of-unknown-sale",
				.checkout = r->checkout,
				.amount_minor = r->refund_minor,
				.text = "by an operator's decision: the journal does not "
					"know this sale" };

	return journal_audit_append(j, &a, r->wall_ms);
}

static int
put_all(struct journal *j, const struct journal_return *r)
{
	int64_t seq;
	int rc = put_head(j, r);

	seq = sqlite3_last_insert_rowid(db_handle(j->db));
	for (uint32_t i = 0; i < r->lines_count && rc == 0; i++)
		rc = put_line(j, r, seq, &r->lines[i]);
	if (rc == 0)
		rc = audit(j, r);
	if (rc == 0 && r->unknown_sale)
		rc = audit_unknown_sale(j, r);
	return rc == 0 && r->refund != NULL ? put_refund(j, r) : rc;
}

int
journal_return_put(struct journal *j, const struct journal_return *r)
{
	int rc;

	assert(r->lines_count > 0);
	if (pan_find(str_of(r->store), NULL, NULL) ||
	    pan_find(str_of(r->lane), NULL, NULL))
		return -EPERM;
	rc = journal_begin(j, true);
	if (rc < 0)
		return rc;
	rc = put_all(j, r);
	if (rc < 0) {
		journal_rollback(j);
		return rc;
	}
	return journal_commit(j);
}

/* ---- lists ----------------------------------------------------------------- */

struct returned_told {
	int (*each)(void *ctx, const struct journal_returned *r);
	void *ctx;
};

static int
tell_returned(void *ctx, sqlite3_stmt *s)
{
	const struct returned_told *t = ctx;
	struct journal_returned r = {
		.line = (uint32_t)sqlite3_column_int64(s, 0),
		.parts = sqlite3_column_int64(s, 1),
		.refund_minor = sqlite3_column_int64(s, 2),
		.last_wall_ms = sqlite3_column_int64(s, 3),
	};
	int rc = journal_col_ulid(s, 4, &r.last);

	return rc == 0 ? t->each(t->ctx, &r) : rc;
}

int
journal_returned(struct journal *j, struct ulid checkout,
		 int (*each)(void *ctx, const struct journal_returned *r), void *ctx)
{
	struct returned_told t = { each, ctx };
	/* A bare column beside max() is of the row that has the maximum. */
	sqlite3_stmt *s = db_stmt(
		j->db, "SELECT l.line, max(l.parts_to), sum(l.refund_minor), r.wall_ms,"
		       " r.id FROM return_lines l JOIN returns r ON r.seq = l.return_seq"
		       " WHERE l.checkout = ? GROUP BY l.line ORDER BY l.line");

	if (s == NULL)
		return db_last_error(j->db);
	db_bind_blob(s, 1, checkout.b, sizeof(checkout.b));
	return journal_each(j, s, tell_returned, &t);
}

#define RETURN_COLUMNS                                                                   \
	"id, checkout, wall_ms, sold_ms, business_day, currency, store, lane,"           \
	" refund_minor, seq"

/* line, vat_bp, measured, parts_from, parts_to, refund_minor. */
static void
return_line(sqlite3_stmt *s, struct journal_return_line *l)
{
	*l = (struct journal_return_line){
		.line = (uint32_t)sqlite3_column_int64(s, 0),
		.vat_bp = (uint32_t)sqlite3_column_int64(s, 1),
		.measured = sqlite3_column_int64(s, 2) != 0,
		.before = sqlite3_column_int64(s, 3),
		.take = sqlite3_column_int64(s, 4) - sqlite3_column_int64(s, 3),
		.refund_minor = sqlite3_column_int64(s, 5),
	};
}

static int
return_row(sqlite3_stmt *s, struct journal_return *r)
{
	memset(r, 0, sizeof(*r));
	r->wall_ms = sqlite3_column_int64(s, 2);
	r->sold_wall_ms = sqlite3_column_int64(s, 3);
	r->business_day = (int32_t)sqlite3_column_int64(s, 4);
	r->refund_minor = sqlite3_column_int64(s, 8);
	if (journal_col_ulid(s, 0, &r->id) < 0 ||
	    journal_col_ulid(s, 1, &r->checkout) < 0 ||
	    str_copy(r->currency, sizeof(r->currency), db_col_str(s, 5)) < 0 ||
	    str_copy(r->store, sizeof(r->store), db_col_str(s, 6)) < 0 ||
	    str_copy(r->lane, sizeof(r->lane), db_col_str(s, 7)) < 0)
		return -EUCLEAN;
	return 0;
}

struct returns_told {
	int (*each)(void *ctx, const struct journal_return *r);
	void *ctx;
};

static int
tell_return(void *ctx, sqlite3_stmt *s)
{
	const struct returns_told *t = ctx;
	struct journal_return r;
	int rc = return_row(s, &r);

	return rc == 0 ? t->each(t->ctx, &r) : rc;
}

int
journal_returns(struct journal *j, uint32_t limit,
		int (*each)(void *ctx, const struct journal_return *r), void *ctx)
{
	struct returns_told t = { each, ctx };
	sqlite3_stmt *s;

	if (limit < 1 || limit > LIST_MAX)
		return -EINVAL;
	s = db_stmt(j->db,
		    "SELECT " RETURN_COLUMNS " FROM returns ORDER BY seq DESC LIMIT ?");
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_int(s, 1, limit);
	return journal_each(j, s, tell_return, &t);
}

static int
read_lines(struct journal *j, int64_t seq, struct journal_return_line **ret_lines,
	   uint32_t *ret_count)
{
	sqlite3_stmt *s = db_stmt(
		j->db, "SELECT line, vat_bp, measured, parts_from, parts_to, refund_minor"
		       " FROM return_lines WHERE return_seq = ? ORDER BY line LIMIT ?");
	struct journal_return_line *lines = calloc(RETURN_LINES_MAX, sizeof(*lines));
	uint32_t count = 0;
	int rc = -ENOMEM;

	db_bind_int(s, 1, seq);
	db_bind_int(s, 2, RETURN_LINES_MAX);
	while (lines != NULL && (rc = db_step(j->db, s)) == 1)
		return_line(s, &lines[count++]);
	db_done(s);
	if (rc < 0) {
		free(lines);
		return rc;
	}
	*ret_lines = lines;
	*ret_count = count;
	return 0;
}

int
journal_return_get(struct journal *j, struct ulid id, struct journal_return *ret,
		   struct journal_return_line **ret_lines)
{
	sqlite3_stmt *s =
		db_stmt(j->db, "SELECT " RETURN_COLUMNS " FROM returns WHERE id = ?");
	struct journal_return r = { .lines = NULL };
	struct journal_return_line *lines = NULL;
	int64_t seq = 0;
	int rc;

	db_bind_blob(s, 1, id.b, sizeof(id.b));
	rc = db_step(j->db, s);
	if (rc == 1) {
		rc = return_row(s, &r);
		seq = sqlite3_column_int64(s, 9);
	} else if (rc == 0) {
		rc = -ENOENT;
	}
	db_done(s);
	if (rc == 0)
		rc = read_lines(j, seq, &lines, &r.lines_count);
	if (rc < 0)
		return rc;
	r.lines = lines;
	*ret = r;
	*ret_lines = lines;
	return 0;
}

int
journal_return_refund(struct journal *j, struct ulid return_id, struct payment *ret)
{
	sqlite3_stmt *s = db_stmt(j->db, "SELECT " REFUND_COLUMNS
					 " FROM refunds p WHERE return_id = ?");
	int rc;

	if (ulid_is_zero(return_id))
		return -ENOENT;
	db_bind_blob(s, 1, return_id.b, sizeof(return_id.b));
	rc = db_step(j->db, s);
	if (rc == 1)
		rc = journal_row_payment(s, ret);
	else if (rc == 0)
		rc = -ENOENT;
	db_done(s);
	return rc;
}

/* ---- the sweep ------------------------------------------------------------- */

int
journal_returns_since(struct journal *j, int64_t *ret_sold_wall_ms)
{
	sqlite3_stmt *s = db_stmt(j->db, "SELECT coalesce(max(sold_ms), 0)"
					 " FROM returns_swept");
	int rc = db_step(j->db, s);

	if (rc == 1)
		*ret_sold_wall_ms = sqlite3_column_int64(s, 0);
	db_done(s);
	return rc < 0 ? rc : 0;
}

int
journal_returns_sweep(struct journal *j, int64_t before_wall_ms, int64_t *deleted)
{
	sqlite3_stmt *s;
	int rc;

	assert(j->in_tx);
	s = db_stmt(j->db, "INSERT INTO returns_swept (one, sold_ms) VALUES (1, ?)"
			   " ON CONFLICT (one) DO UPDATE"
			   " SET sold_ms = max(sold_ms, excluded.sold_ms)");
	db_bind_int(s, 1, before_wall_ms);
	rc = db_run(j->db, s);
	if (rc < 0)
		return rc;
	s = db_stmt(j->db, "DELETE FROM returns WHERE sold_ms < ?");
	db_bind_int(s, 1, before_wall_ms);
	rc = db_run(j->db, s);
	if (rc == 0)
		*deleted += sqlite3_changes(db_handle(j->db));
	return rc;
}

/* ---- the check ------------------------------------------------------------- */

static int
digest_lines(struct journal *j, int64_t seq, uint8_t digest[CRYPTO_SHA256_BYTES])
{
	sqlite3_stmt *s = db_stmt(
		j->db, "SELECT line, vat_bp, measured, parts_from, parts_to, refund_minor"
		       " FROM return_lines WHERE return_seq = ? ORDER BY line");
	int rc;

	db_bind_int(s, 1, seq);
	while ((rc = db_step(j->db, s)) == 1) {
		struct journal_return_line l;

		return_line(s, &l);
		rc = seal_line(digest, &l);
		if (rc < 0)
			break;
	}
	db_done(s);
	return rc;
}

/* 0 the chain has a record like this one; -EBADMSG it has not. */
static int
find_seal(struct journal *j, const struct journal_return *r, const char *text)
{
	sqlite3_stmt *s = db_stmt(
		j->db, "SELECT 1 FROM audit WHERE checkout = ? AND what = '" AUDIT_WORD
		       "' AND text = ? AND amount_minor = ?");
	int rc;

	db_bind_blob(s, 1, r->checkout.b, sizeof(r->checkout.b));
	db_bind_cstr(s, 2, text);
	db_bind_int(s, 3, r->refund_minor);
	rc = db_step(j->db, s);
	db_done(s);
	if (rc < 0)
		return rc;
	return rc == 1 ? 0 : -EBADMSG;
}

int
journal_returns_check(struct journal *j, int64_t *ret_seq)
{
	sqlite3_stmt *s =
		db_stmt(j->db, "SELECT " RETURN_COLUMNS " FROM returns ORDER BY seq");
	uint8_t digest[CRYPTO_SHA256_BYTES] = { 0 };
	char text[SEAL_BYTES];
	struct journal_return r;
	int rc;

	while ((rc = db_step(j->db, s)) == 1) {
		int64_t seq = sqlite3_column_int64(s, 9);

		rc = return_row(s, &r);
		if (rc == 0)
			rc = seal_head(digest, &r);
		if (rc == 0)
			rc = digest_lines(j, seq, digest);
		seal_text(text, r.id, digest);
		if (rc == 0)
			rc = find_seal(j, &r, text);
		if (rc == -EBADMSG)
			*ret_seq = seq;
		if (rc < 0)
			break;
	}
	db_done(s);
	return rc;
}
