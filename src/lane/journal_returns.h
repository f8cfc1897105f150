#ifndef LANED_LANE_JOURNAL_RETURNS_H
#define LANED_LANE_JOURNAL_RETURNS_H

#include "lane/journal.h"

/*
 * Goods taken back at this lane, of whatever lane's receipt. A line's parts are given back in order:
 * a row covers those from `before` on, and none is covered twice (the schema sees to it).
 */
struct journal_return_line {
	uint32_t line, vat_bp;
	bool measured;
	int64_t before, take; /* parts; take > 0 */
	int64_t refund_minor; /* >= 0 */
};

struct journal_return {
	struct ulid id;       /* of the return */
	struct ulid checkout; /* of the sale, as its receipt has it */
	int64_t wall_ms;      /* now */
	int64_t sold_wall_ms;
	int32_t business_day; /* of the return */
	char currency[4];
	char store[33], lane[33]; /* where it was sold */
	int64_t refund_minor;
	const struct journal_return_line *lines;
	uint32_t lines_count;
	/* Only to be put: */
	bool unknown_sale; /* its sale should be in this journal and is not: an operator took it */
	/* What of it goes back to the token that paid, NULL nothing; and how much of that payment there
	 * is to go back in all. */
	const struct payment *refund;
	int64_t captured_minor;
};

/*
 * One durable commit with its audit records and its refund. 0; -EEXIST: parts of it are returned
 * already, or there is a gap before them, or the id is there already; -EDQUOT more would go back than
 * the payment took; -EPERM a text looks like a card number; errors of base/db.h. Nothing is there
 * after an error.
 */
int journal_return_put(struct journal *j, const struct journal_return *r);

/* One return by its id, with its lines (ascending), which the caller frees. 0; -ENOENT. */
int journal_return_get(struct journal *j, struct ulid id, struct journal_return *ret,
		       struct journal_return_line **ret_lines);

/* The refund of a return. 0; -ENOENT: nothing of it went to a token. */
int journal_return_refund(struct journal *j, struct ulid return_id, struct payment *ret);

/*
 * What has gone back of a payment to its token, or may have: all its refunds but those that certainly
 * did not. original zero, or ref empty: not known.
 */
int journal_refunded(struct journal *j, const struct payment *refund, int64_t *ret_minor);

/* What of a sale is returned, by ascending line. each: nonzero stops. */
struct journal_returned {
	uint32_t line;
	int64_t parts, refund_minor;
	int64_t last_wall_ms; /* and the id of the last return of it */
	struct ulid last;
};
int journal_returned(struct journal *j, struct ulid checkout,
		     int (*each)(void *ctx, const struct journal_returned *r), void *ctx);

/* The last returns, newest first, without lines; limit 1..1000. */
int journal_returns(struct journal *j, uint32_t limit,
		    int (*each)(void *ctx, const struct journal_return *r), void *ctx);

/* Sales before this time have no records of returns any more; 0: all have. */
int journal_returns_since(struct journal *j, int64_t *ret_sold_wall_ms);
/* Forgets the returns of sales before that time. Needs an open transaction. */
int journal_returns_sweep(struct journal *j, int64_t before_wall_ms, int64_t *deleted);

/* Is each return as the audit chain has it? 0; -EBADMSG: not that of *ret_seq. */
int journal_returns_check(struct journal *j, int64_t *ret_seq);

#endif
