#ifndef LANED_LANE_JOURNAL_REPORT_H
#define LANED_LANE_JOURNAL_REPORT_H

#include "lane/journal.h"

/* What the books want of the journal: the payments of business days, and what was taken back. */
struct journal_report_query {
	int32_t from_day, to_day; /* yyyymmdd, both included */
	int64_t after_seq;        /* 0: from the first */
	uint32_t limit;           /* 1..1000 */
	bool refunds;             /* those in place of the payments */
};

struct journal_report_row {
	int64_t seq;
	int32_t business_day; /* of its checkout; of a refund: of the return */
	/* For goods of its checkout taken back here until now, and not by a refund to its token. */
	int64_t returned_minor;
	struct payment payment;
};

/* Oldest first. each: nonzero stops and is returned. -EINVAL a limit or days out of range. */
int journal_report(struct journal *j, const struct journal_report_query *q,
		   int (*each)(void *ctx, const struct journal_report_row *r), void *ctx);

/* The returns that were made on these days. */
int journal_report_returns(struct journal *j, const struct journal_report_query *q,
			   int64_t *ret_count, int64_t *ret_refund_minor);

#endif
