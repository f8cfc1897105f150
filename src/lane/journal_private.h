#ifndef LANED_LANE_JOURNAL_PRIVATE_H
#define LANED_LANE_JOURNAL_PRIVATE_H

#include "lane/journal.h"
#include "lane/journal_reserve.h"

#include "base/plain/arena.h"
#include "base/crypto.h"
#include "base/db.h"
#include "base/json.h"

/* Shared by journal.c (transactions), journal_row.c (rows and structs), journal_lists.c. */
struct journal {
	struct db *db;
	struct json_out *json;
	struct journal_reserve reserve;
	bool full; /* what PRAGMA synchronous stands at */
	bool in_tx;
	bool pos_readers;     /* only readers that know of a POS which asks are let in */
	bool pos_readers_put; /* ... with the transaction that is open */
	int64_t audit_seq;    /* the last row of the chain, inside the transaction */
	uint8_t audit_hash[CRYPTO_SHA256_BYTES];
	int64_t audit_seq_committed;
	uint8_t audit_hash_committed[CRYPTO_SHA256_BYTES];
	/* As far as no power cut takes it back; 0 this process made nothing durable yet. */
	int64_t audit_seq_durable;
	uint8_t audit_hash_durable[CRYPTO_SHA256_BYTES];
};

/* journal_schema.c */
extern const struct db_migration journal_migrations[];
extern const size_t journal_migrations_count;

#define JOURNAL_LINES_BYTES_MAX (4u * 1024u * 1024u)
#define JOURNAL_LINES_ARENA_MAX (16u * 1024u * 1024u)

/* The columns that journal_row_* read, in order. */
#define CHECKOUT_COLUMNS                                                                 \
	"c.id, c.phase, c.member_state, c.member, c.flags, c.ticket, c.currency, c.rev," \
	" c.gross_minor, c.total_minor, c.saving_minor, c.paid_minor, c.business_day,"   \
	" c.opened_ms, c.changed_ms, c.points"
#define PAYMENT_COLUMNS_OWN                                                              \
	"p.key, p.checkout, p.state, p.ticket, p.currency, p.rev, p.asked_minor,"        \
	" p.answered_minor, p.flags, p.tries, p.created_ms, p.state_ms, p.ref, p.auth,"  \
	" p.blob, p.adapter"
/* What only a refund has; both lists have the same columns. */
#define PAYMENT_COLUMNS                                                                  \
	PAYMENT_COLUMNS_OWN ", 0, zeroblob(16), zeroblob(16), '',"                       \
			    " p.pos_adapter, p.pos_ref, p.pos_blob, p.member,"           \
			    " p.place, p.pos_place"
#define REFUND_COLUMNS                                                                   \
	PAYMENT_COLUMNS_OWN                                                              \
	", 1, p.return_id, p.original, p.original_ref, '', '', x'', x'', p.place, ''"

/* Binds the columns above from parameter 1 on; those that only a refund has last. */
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

/* Of either kind; needs an open transaction. */
int journal_payment_put(struct journal *j, const struct payment *p);
/*
 * Ends a statement, NULL one that could not be prepared: calls row for each of its rows; nonzero stops.
 * 0; what row said; errors.
 */
int journal_each(struct journal *j, sqlite3_stmt *s,
		 int (*row)(void *ctx, sqlite3_stmt *s), void *ctx);
/*
 * Ends a statement of the columns above, NULL one that could not be prepared: calls each for every
 * row. 0; what each said; errors.
 */
int journal_each_payment(struct journal *j, sqlite3_stmt *s,
			 int (*each)(void *ctx, const struct payment *p), void *ctx);

/* The records of the audit chain after this one: 0; -EBADMSG, and the first that does not fit. */
int journal_chain_check(struct journal *j, int64_t from_seq, int64_t *ret_seq);

/*
 * journal_readers.c. A version before schema 4 takes an open payment that a POS asked for for its own:
 * while there is one, the file asks for a reader that knows it (needs an open transaction), and without
 * one, at the next opening, for none.
 */
int journal_readers_pos(struct journal *j);
int journal_readers_open(struct journal *j);

/* Appends to the audit chain; needs an open transaction. */
int journal_audit_append(struct journal *j, const struct lane_audit *a, int64_t wall_ms);
int journal_begin(struct journal *j, bool durable);
int journal_commit(struct journal *j);
void journal_rollback(struct journal *j);

#endif
