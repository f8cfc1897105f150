#ifndef LANED_LANE_JOURNAL_H
#define LANED_LANE_JOURNAL_H

#include "core/checkout/checkout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * journal.db: what must never be lost. One program, one connection, one thread; every call may
 * block on disk for one small bounded transaction. The lane writes through struct journal_ops, so
 * that the simulator's journal in memory and the SQLite one pass the same contract tests. The
 * other kept things (consents, members born here, outbox, lists) are plain functions on the SQLite
 * journal. Errors are those of base/db.h: -ENOSPC, -EROFS, -EIO, -EUCLEAN ...; after one the
 * transaction is rolled back and nothing of it is there.
 */

/* A stored checkout, read back. Owns lines and reserved (journal_checkout_clear). */
struct journal_checkout {
	struct checkout_record
		record; /* lines and reserved point into this struct's memory */
	struct basket_line *lines;
	struct lane_reserved *reserved;
};
void journal_checkout_clear(struct journal_checkout *c);

struct journal_uses_query {
	struct ulid member;
	struct ulid except;
	int32_t business_day;
	/* Only rules that this set limits; NULL: all. What old campaigns counted is passed over. */
	const struct pricing_rules *rules;
};

struct journal_ops {
	/* One transaction at a time. durable: committed with synchronous=FULL, else NORMAL. */
	int (*begin)(void *impl, bool durable);
	/*
	 * The puts need an open transaction. A text, reference or blob that holds a PAN-shaped run
	 * is refused: -EPERM (the numbers of items, amounts and keys are exempt).
	 */
	int (*put_checkout)(void *impl, const struct checkout_record *r);
	int (*put_payment)(void *impl, const struct payment *p);
	int (*put_audit)(void *impl, const struct lane_audit *a, int64_t wall_ms);
	int (*commit)(void *impl);
	void (*rollback)(void *impl);
	/* The last checkout written (id zero) or that one. -ENOENT none. */
	int (*get_checkout)(void *impl, struct ulid id, struct journal_checkout *ret);
	/* The last ones that ended and had a ticket, newest first, without lines; at most max. */
	int (*get_ended)(void *impl, struct checkout_record *list, uint32_t max,
			 uint32_t *ret_count);
	int (*get_payment)(void *impl, struct key128 key, struct payment *ret);
	/* The newest payment whose reference, or whose blob as text, is ref. -ENOENT none. */
	int (*find_payment)(void *impl, struct str ref, struct payment *ret);
	/* Calls each() for every open payment (payment_is_open), oldest first; stops when it
	 * returns nonzero and returns that. mono_ms members are 0. */
	int (*open_payments)(void *impl, int (*each)(void *ctx, const struct payment *p),
			     void *ctx);
	/* As that, for the confirmed ones of a checkout, given back or not. NULL: none are told. */
	int (*paid_parts)(void *impl, struct ulid checkout,
			  int (*each)(void *ctx, const struct payment *p), void *ctx);
	/* What was given back for goods of a checkout, in any way. NULL: never anything. */
	int (*returned)(void *impl, struct ulid checkout, int64_t *ret_minor);
	/*
	 * Uses of limited rules by a member (zero: nobody, only totals), counted ones and those
	 * reserved by other checkouts than except; at most max into list, *ret_count how many.
	 * -E2BIG there are more.
	 */
	int (*uses)(void *impl, const struct journal_uses_query *q, struct lane_use *list,
		    uint32_t max, uint32_t *ret_count);
	/* Whether a checkout of this member was done before, except one: then no purchase is the
	 * first. */
	int (*bought)(void *impl, struct ulid member, struct ulid except,
		      bool *ret_bought);
	/* What a member has paid, or may yet turn out to have paid, by touch alone that day. */
	int (*touch_sum)(void *impl, struct ulid member, int32_t business_day,
			 int64_t *ret_minor);
	/*
	 * Gives up the space that is kept for what is owed, so that it can be written on a full disk;
	 * outside of a transaction. 0 try again; -ENOENT there is none. NULL: none is ever kept.
	 */
	int (*make_room)(void *impl);
};

/* Any journal: the ops and what they work on. */
struct journal_ref {
	const struct journal_ops *ops;
	void *impl;
};

/* ---- the SQLite journal -------------------------------------------------- */

struct journal;

struct journal_spec {
	const char *path;
	const char *vfs;         /* NULL = the default; tests inject faults */
	const char *environment; /* "live" or "test": stamped at creation */
	struct ulid lane;        /* stamped at creation */
	const char
		*reserve; /* the file that keeps space (journal_reserve.h); NULL none */
};

/*
 * Opens or creates. 0; -EXDEV the file is of the other environment or of another lane (nothing
 * touched); otherwise as db_open, with *why saying what is wrong and what to do.
 */
int journal_open(const struct journal_spec *spec, struct journal **ret_journal,
		 char why[256]);
struct journal *journal_close(struct journal *j);
/* Its ops, to be given to effects. */
struct journal_ref journal_ref(struct journal *j);
/* Text of the last error, for a log line. */
const char *journal_message(struct journal *j);
/* The newest wall time in the journal, 0 none: before it the clock is doubted. */
int journal_last_wall_ms(struct journal *j, int64_t *ret_wall_ms);
/*
 * quick_check, the audit chain, and the returns that it covers: 0; -EUCLEAN the file; -EBADMSG the
 * chain is broken, or a return is not as it was, at *ret_seq.
 */
int journal_check(struct journal *j, int64_t *ret_seq);

/* The lane's own lists, newest first, for the control API. each: nonzero stops. */
struct journal_list {
	struct ulid after;    /* checkouts older than this one; zero: from the newest */
	uint32_t limit;       /* 1..1000 */
	bool open_only;       /* payments: only open ones */
	struct ulid checkout; /* payments, audit: only of this one; zero: all */
};
/* Without lines. */
int journal_checkouts(struct journal *j, const struct journal_list *q,
		      int (*each)(void *ctx, const struct checkout_record *r), void *ctx);
int journal_payments(struct journal *j, const struct journal_list *q,
		     int (*each)(void *ctx, const struct payment *p), void *ctx);
/*
 * The newest payment that an adapter, as payer or as the one that speaks for the POS, knows by ref: its
 * reference or its blob; of those only that are older than the one of the key "before", zero: of all. Others'
 * are not looked at: two of them may count from 1. 0; -ENOENT.
 */
int journal_find_of(struct journal *j, const char *adapter, struct str ref,
		    struct key128 before, struct payment *ret);
/* The timeline of a checkout, oldest first (needs q->checkout). */
struct journal_audit_row {
	int64_t seq, wall_ms, amount_minor;
	struct ulid checkout;
	struct key128 key;
	struct str what, text;
};
int journal_timeline(struct journal *j, const struct journal_list *q,
		     int (*each)(void *ctx, const struct journal_audit_row *r),
		     void *ctx);
/* Everything held of a member, for export: the checkouts (with phase, times, totals). */
int journal_member_checkouts(struct journal *j, struct ulid member,
			     int (*each)(void *ctx, const struct checkout_record *r),
			     void *ctx);

/* Non-biometric consents, durable. json is an object of the caller's; PAN-guarded. */
struct journal_consent {
	struct ulid consent, member;
	struct str purpose, text_version, language;
	int64_t given_wall_ms, withdrawn_wall_ms; /* 0 not withdrawn */
};
int journal_consent_put(struct journal *j, const struct journal_consent *c);
int journal_consents(struct journal *j, struct ulid member,
		     int (*each)(void *ctx, const struct journal_consent *c), void *ctx);

/*
 * Members added or enrolled at this lane until the hub acknowledges: their record as JSON text. It
 * is not looked at here: the reader of members guards each of its texts, and the member number,
 * which may have the shape of a card's, is checked by its own format.
 */
int journal_born_put(struct journal *j, struct ulid member, struct str json,
		     int64_t wall_ms);
int journal_born_ack(struct journal *j, struct ulid member);
int journal_born(struct journal *j,
		 int (*each)(void *ctx, struct ulid member, struct str json), void *ctx);

/* The outbox: what the hub is to be sent, in order. kind is a short fixed word. */
int journal_outbox_put(struct journal *j, const char *kind, struct str json,
		       int64_t wall_ms);
int journal_outbox(struct journal *j, uint32_t limit,
		   int (*each)(void *ctx, int64_t seq, struct str kind, struct str json),
		   void *ctx);
int journal_outbox_ack(struct journal *j, int64_t seq_to); /* deletes up to and with it */

/* An audit entry outside a checkout's effects (control API); durable when asked. */
int journal_audit(struct journal *j, const struct lane_audit *a, int64_t wall_ms,
		  bool durable);

/* Rows, for status. */
struct journal_counts {
	int64_t checkouts, payments, refunds, audit, outbox, born;
	int64_t payments_open; /* and refunds */
};
int journal_counts(struct journal *j, struct journal_counts *ret);
/* Deletes what ended before wall_ms (checkouts, baskets, payments, returns of so old sales; never open ones). */
int journal_sweep(struct journal *j, int64_t before_wall_ms, int64_t *ret_deleted);

#endif
