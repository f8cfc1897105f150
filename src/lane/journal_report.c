#include "lane/journal_report.h"

#include "lane/journal_private.h"

#include <errno.h>
#include <string.h>

#define LIMIT_MAX 1000u
#define DAY_MAX 99991231
/* The last columns, behind PAYMENT_COLUMNS: counted from the end. */
enum { FROM_END_SEQ = 3, FROM_END_DAY = 2, FROM_END_RETURNED = 1 };

/*
 * Of several payments of one checkout the last is the one that its receipt names: what came back
 * otherwise stands beside that one alone, or it would explain as much of each.
 */
static const char payments_sql[] =
	"SELECT " PAYMENT_COLUMNS ", p.seq, c.business_day,"
	" iif(p.seq IS NOT (SELECT max(o.seq) FROM payments o"
	"  WHERE o.checkout = p.checkout AND o.state = 'confirmed'), 0,"
	" (SELECT coalesce(sum(r.refund_minor), 0) FROM returns r"
	"  WHERE r.checkout = p.checkout)"
	" - (SELECT coalesce(sum(f.asked_minor), 0) FROM refunds f"
	"  WHERE f.checkout = p.checkout AND f.return_id <> zeroblob(16)"
	"  AND f.state NOT IN ('not-sent', 'cancelled', 'declined')))"
	" FROM payments p JOIN checkouts c ON c.id = p.checkout"
	" WHERE p.seq > ? AND c.business_day BETWEEN ? AND ?"
	" ORDER BY p.seq LIMIT ?";
/* A refund without goods is of its checkout's day. */
static const char refunds_sql[] =
	"SELECT " REFUND_COLUMNS ", p.seq,"
	" coalesce(r.business_day, c.business_day, 0) AS day, 0"
	" FROM refunds p LEFT JOIN returns r ON r.id = p.return_id"
	" LEFT JOIN checkouts c ON c.id = p.checkout"
	" WHERE p.seq > ? AND day BETWEEN ? AND ? ORDER BY p.seq LIMIT ?";

static bool
query_ok(const struct journal_report_query *q)
{
	return q->limit >= 1 && q->limit <= LIMIT_MAX && q->from_day >= 0 &&
	       q->to_day >= q->from_day && q->to_day <= DAY_MAX && q->after_seq >= 0;
}

static int
report_row(sqlite3_stmt *s, struct journal_report_row *r)
{
	int columns = sqlite3_column_count(s);

	r->seq = sqlite3_column_int64(s, columns - FROM_END_SEQ);
	r->business_day = (int32_t)sqlite3_column_int64(s, columns - FROM_END_DAY);
	r->returned_minor = sqlite3_column_int64(s, columns - FROM_END_RETURNED);
	return journal_row_payment(s, &r->payment);
}

struct report_told {
	int (*each)(void *ctx, const struct journal_report_row *r);
	void *ctx;
};

static int
tell_row(void *ctx, sqlite3_stmt *s)
{
	const struct report_told *t = ctx;
	struct journal_report_row r;
	int rc = report_row(s, &r);

	return rc == 0 ? t->each(t->ctx, &r) : rc;
}

int
journal_report(struct journal *j, const struct journal_report_query *q,
	       int (*each)(void *ctx, const struct journal_report_row *r), void *ctx)
{
	struct report_told t = { each, ctx };
	sqlite3_stmt *s;

	if (!query_ok(q))
		return -EINVAL;
	s = db_stmt(j->db, q->refunds ? refunds_sql : payments_sql);
	if (s == NULL)
		return db_last_error(j->db);
	db_bind_int(s, 1, q->after_seq);
	db_bind_int(s, 2, q->from_day);
	db_bind_int(s, 3, q->to_day);
	db_bind_int(s, 4, q->limit);
	return journal_each(j, s, tell_row, &t);
}

int
journal_report_returns(struct journal *j, const struct journal_report_query *q,
		       int64_t *ret_count, int64_t *ret_refund_minor)
{
	sqlite3_stmt *s;
	int rc;

	if (!query_ok(q))
		return -EINVAL;
	s = db_stmt(j->db, "SELECT count(*), coalesce(sum(refund_minor), 0) FROM returns"
			   " WHERE business_day BETWEEN ? AND ?");
	db_bind_int(s, 1, q->from_day);
	db_bind_int(s, 2, q->to_day);
	rc = db_step(j->db, s);
	if (rc == 1) {
		*ret_count = sqlite3_column_int64(s, 0);
		*ret_refund_minor = sqlite3_column_int64(s, 1);
		rc = 0;
	}
	db_done(s);
	return rc;
}
