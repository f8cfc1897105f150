#ifndef LANED_LANE_JOURNAL_PRIVATE_H
#define LANED_LANE_JOURNAL_PRIVATE_H

#include "lane/journal.h"

#include "base/plain/arena.h"
#include "base/crypto.h"
#include "base/db.h"
#include "base/json.h"

/* Shared by journal.c (transactions), journal_row.c (rows and structs), journal_lists.c. */
struct journal {
	struct db *db;
	struct json_out *json;
	bool full; /* what PRAGMA synchronous stands at */
	bool in_tx;
	int64_t audit_seq; /* the last row of the chain, inside the transaction */
	uint8_t audit_hash[CRYPTO_SHA256_BYTES];
	int64_t audit_seq_committed;
	uint8_t audit_hash_committed[CRYPTO_SHA256_BYTES];
};

#define JOURNAL_LINES_BYTES_MAX (4u * 1024u * 1024u)
#define JOURNAL_LINES_ARENA_MAX (16u * 1024u * 1024u)

/* The columns that journal_row_* read, in order. */
#define CHECKOUT_COLUMNS                                                                 \
	"c.id, c.phase, c.member_state, c.member, c.flags, c.ticket, c.currency, c.rev," \
	" c.gross_minor, c.total_minor, c.saving_minor, c.paid_minor, c.business_day,"   \
	" c.opened_ms, c.changed_ms, c.points"
#define PAYMENT_COLUMNS                                                                  \
	"p.key, p.checkout, p.state, p.ticket, p.currency, p.rev, p.asked_minor,"        \
	" p.answered_minor, p.flags, p.tries, p.created_ms, p.state_ms, p.ref, p.auth,"  \
	" p.blob, p.adapter"

/* Binds the columns above from parameter 1 on. */
void journal_bind_checkout(sqlite3_stmt *s, const struct checkout_record *r);
void journal_bind_payment(sqlite3_stmt *s, const struct payment *p);
/* Reads them; -EUCLEAN when the row is not one of ours. */
int journal_row_checkout(sqlite3_stmt *s, struct checkout_record *ret);
int journal_row_payment(sqlite3_stmt *s, struct payment *ret);
int journal_col_ulid(sqlite3_stmt *s, int i, struct ulid *ret);
int journal_col_key(sqlite3_stmt *s, int i, struct key128 *ret);

/* A basket's lines as JSON text, borrowed until the next use of out; and back (calloc'd). */
int journal_lines_text(struct json_out *out, const struct basket_line *lines,
		       uint32_t count, struct str *ret_text);
int journal_lines_parse(struct str text, struct basket_line **ret_lines,
			uint32_t *ret_count);

/* -EPERM when a text of the record holds a card number. */
int journal_guard_checkout(const struct checkout_record *r);
int journal_guard_payment(const struct payment *p);

/* Appends to the audit chain; needs an open transaction. */
int journal_audit_append(struct journal *j, const struct lane_audit *a, int64_t wall_ms);
int journal_begin(struct journal *j, bool durable);
int journal_commit(struct journal *j);
void journal_rollback(struct journal *j);

#endif
