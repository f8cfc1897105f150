/* The schemas of journal.db, one after the other: those that were released are never changed. */
#include "lane/journal_private.h"

const struct db_migration journal_migrations[] = {
	{ 1, 1,
	  "CREATE TABLE lane ("
	  " one INTEGER PRIMARY KEY CHECK (one = 1),"
	  " lane BLOB NOT NULL, environment TEXT NOT NULL) STRICT;"
	  "CREATE TABLE checkouts ("
	  " seq INTEGER PRIMARY KEY,"
	  " id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),"
	  " phase TEXT NOT NULL, member_state TEXT NOT NULL, member BLOB NOT NULL,"
	  " flags INTEGER NOT NULL, ticket TEXT NOT NULL, currency TEXT NOT NULL,"
	  " rev INTEGER NOT NULL, gross_minor INTEGER NOT NULL,"
	  " total_minor INTEGER NOT NULL, saving_minor INTEGER NOT NULL,"
	  " paid_minor INTEGER NOT NULL, business_day INTEGER NOT NULL,"
	  " opened_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,"
	  " uses_counted INTEGER NOT NULL DEFAULT 0) STRICT;"
	  "CREATE INDEX checkouts_member ON checkouts (member, business_day);"
	  "CREATE TABLE baskets ("
	  " checkout BLOB PRIMARY KEY REFERENCES checkouts (id) ON DELETE CASCADE,"
	  " rev INTEGER NOT NULL, lines TEXT NOT NULL) STRICT;"
	  "CREATE TABLE payments ("
	  " seq INTEGER PRIMARY KEY,"
	  " key BLOB NOT NULL UNIQUE CHECK (length(key) = 16),"
	  " checkout BLOB NOT NULL, state TEXT NOT NULL, ticket TEXT NOT NULL,"
	  " currency TEXT NOT NULL, rev INTEGER NOT NULL, asked_minor INTEGER NOT NULL,"
	  " answered_minor INTEGER NOT NULL, flags INTEGER NOT NULL,"
	  " tries INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
	  " state_ms INTEGER NOT NULL, ref TEXT NOT NULL, auth TEXT NOT NULL,"
	  " blob BLOB NOT NULL) STRICT;"
	  "CREATE INDEX payments_open ON payments (seq) WHERE state IN ('created',"
	  " 'sending', 'unknown', 'approved', 'partial', 'answer-sending', "
	  "'undo-queued');"
	  "CREATE INDEX payments_checkout ON payments (checkout);"
	  "CREATE INDEX payments_ref ON payments (ref);"
	  "CREATE INDEX payments_blob ON payments (blob);"
	  "CREATE TABLE reservations ("
	  " checkout BLOB NOT NULL REFERENCES checkouts (id) ON DELETE CASCADE,"
	  " rule TEXT NOT NULL, applications INTEGER NOT NULL,"
	  " PRIMARY KEY (checkout, rule)) STRICT, WITHOUT ROWID;"
	  "CREATE TABLE limit_uses ("
	  " member BLOB NOT NULL, rule TEXT NOT NULL, business_day INTEGER NOT NULL,"
	  " applications INTEGER NOT NULL,"
	  " PRIMARY KEY (member, rule, business_day)) STRICT, WITHOUT ROWID;"
	  "CREATE TABLE limit_totals ("
	  " rule TEXT PRIMARY KEY, applications INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	  "CREATE TABLE consents ("
	  " consent BLOB PRIMARY KEY, member BLOB NOT NULL, purpose TEXT NOT NULL,"
	  " text_version TEXT NOT NULL, language TEXT NOT NULL,"
	  " given_ms INTEGER NOT NULL, withdrawn_ms INTEGER NOT NULL) STRICT;"
	  "CREATE INDEX consents_member ON consents (member);"
	  "CREATE TABLE audit ("
	  " seq INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL, what TEXT NOT NULL,"
	  " checkout BLOB NOT NULL, key BLOB NOT NULL, amount_minor INTEGER NOT NULL,"
	  " text TEXT NOT NULL, hash BLOB NOT NULL) STRICT;"
	  "CREATE INDEX audit_checkout ON audit (checkout, seq);"
	  "CREATE TABLE members_born ("
	  " member BLOB PRIMARY KEY, json TEXT NOT NULL, wall_ms INTEGER NOT NULL) "
	  "STRICT;"
	  "CREATE TABLE outbox ("
	  " seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,"
	  " json TEXT NOT NULL, wall_ms INTEGER NOT NULL) STRICT;" },
	/* Campaign budgets, points, whose a payment is. The version before writes neither and reads past them. */
	{ 2, 1,
	  "ALTER TABLE reservations ADD COLUMN discount_minor INTEGER NOT NULL DEFAULT 0;"
	  "ALTER TABLE limit_totals ADD COLUMN discount_minor INTEGER NOT NULL DEFAULT 0;"
	  "ALTER TABLE checkouts ADD COLUMN points INTEGER NOT NULL DEFAULT 0;"
	  "ALTER TABLE payments ADD COLUMN adapter TEXT NOT NULL DEFAULT '';" },
	/* Goods taken back: journal_returns.c. The versions before take none. */
	{ 3, 1,
	  "CREATE TABLE returns ("
	  " seq INTEGER PRIMARY KEY,"
	  " id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),"
	  " checkout BLOB NOT NULL, wall_ms INTEGER NOT NULL,"
	  " sold_ms INTEGER NOT NULL, business_day INTEGER NOT NULL,"
	  " currency TEXT NOT NULL, store TEXT NOT NULL, lane TEXT NOT NULL,"
	  " refund_minor INTEGER NOT NULL CHECK (refund_minor >= 0)) STRICT;"
	  "CREATE TABLE return_lines ("
	  " checkout BLOB NOT NULL, line INTEGER NOT NULL,"
	  " parts_from INTEGER NOT NULL CHECK (parts_from >= 0),"
	  " parts_to INTEGER NOT NULL CHECK (parts_to > parts_from),"
	  " return_seq INTEGER NOT NULL REFERENCES returns (seq) ON DELETE CASCADE,"
	  " measured INTEGER NOT NULL, vat_bp INTEGER NOT NULL,"
	  " refund_minor INTEGER NOT NULL CHECK (refund_minor >= 0),"
	  " PRIMARY KEY (checkout, line, parts_from)) STRICT, WITHOUT ROWID;"
	  "CREATE INDEX return_lines_return ON return_lines (return_seq);"
	  "CREATE INDEX returns_checkout ON returns (checkout);"
	  "CREATE TABLE returns_swept ("
	  " one INTEGER PRIMARY KEY CHECK (one = 1), sold_ms INTEGER NOT NULL) STRICT;" },
	/*
	 * Money back to tokens. A table of their own: a version before, which knows no refunds, would take
	 * one for a payment, and undo it.
	 */
	{ 4, 1,
	  "CREATE TABLE refunds ("
	  " seq INTEGER PRIMARY KEY,"
	  " key BLOB NOT NULL UNIQUE CHECK (length(key) = 16),"
	  " checkout BLOB NOT NULL, state TEXT NOT NULL, ticket TEXT NOT NULL,"
	  " currency TEXT NOT NULL, rev INTEGER NOT NULL, asked_minor INTEGER NOT NULL,"
	  " answered_minor INTEGER NOT NULL, flags INTEGER NOT NULL,"
	  " tries INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
	  " state_ms INTEGER NOT NULL, ref TEXT NOT NULL, auth TEXT NOT NULL,"
	  " blob BLOB NOT NULL, adapter TEXT NOT NULL, return_id BLOB NOT NULL,"
	  " original BLOB NOT NULL, original_ref TEXT NOT NULL) STRICT;"
	  "CREATE INDEX refunds_open ON refunds (seq) WHERE state IN ('created',"
	  " 'sending', 'unknown');"
	  "CREATE INDEX refunds_checkout ON refunds (checkout);"
	  "CREATE INDEX refunds_return ON refunds (return_id);"
	  /* Which POS asked for a payment. The version before answers none. */
	  "ALTER TABLE payments ADD COLUMN pos_adapter TEXT NOT NULL DEFAULT '';"
	  "ALTER TABLE payments ADD COLUMN pos_ref TEXT NOT NULL DEFAULT '';"
	  "ALTER TABLE payments ADD COLUMN pos_blob BLOB NOT NULL DEFAULT x'';"
	  "ALTER TABLE payments ADD COLUMN member BLOB NOT NULL DEFAULT x'';"
	  "CREATE INDEX payments_member ON payments (member) WHERE member <> x'';"
	  "CREATE INDEX payments_pos_ref ON payments (pos_ref) WHERE pos_ref <> '';"
	  "CREATE INDEX payments_pos_blob ON payments (pos_blob) WHERE pos_blob <> "
	  "x'';" },
	/* What stood behind an adapter's name. The version before writes none, and reads past it. */
	{ 5, 1,
	  "ALTER TABLE payments ADD COLUMN place TEXT NOT NULL DEFAULT '';"
	  "ALTER TABLE payments ADD COLUMN pos_place TEXT NOT NULL DEFAULT '';"
	  "ALTER TABLE refunds ADD COLUMN place TEXT NOT NULL DEFAULT '';" },
	/*
	 * Whose a reservation is, while the POS may still sell at the price of the member before; zero:
	 * of whom the checkout is. The version before writes that, and counts all of a checkout so. The
	 * key's columns come first, in its order: some quick_checks of SQLite take others for damaged.
	 */
	{ 6, 1,
	  "CREATE TABLE reservations_6 ("
	  " checkout BLOB NOT NULL REFERENCES checkouts (id) ON DELETE CASCADE,"
	  " rule TEXT NOT NULL,"
	  " member BLOB NOT NULL DEFAULT x'00000000000000000000000000000000'"
	  " CHECK (length(member) = 16),"
	  " applications INTEGER NOT NULL, discount_minor INTEGER NOT NULL DEFAULT 0,"
	  " PRIMARY KEY (checkout, rule, member)) STRICT, WITHOUT ROWID;"
	  "INSERT INTO reservations_6 (checkout, rule, applications, discount_minor)"
	  " SELECT checkout, rule, applications, discount_minor FROM reservations;"
	  "DROP TABLE reservations;"
	  "ALTER TABLE reservations_6 RENAME TO reservations;" },
};
const size_t journal_migrations_count =
	sizeof(journal_migrations) / sizeof(journal_migrations[0]);
