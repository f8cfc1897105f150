#ifndef LANED_LANE_REFUND_H
#define LANED_LANE_REFUND_H

#include "core/receipt.h"
#include "lane/journal_returns.h"

/*
 * One return while it is worked out: the lines of a receipt whose codes were believed, what of them
 * is returned already, and what is taken back now. Pure; the journal's rows are handed in.
 */
struct refund_line {
	struct receipt_line sold;
	int64_t returned, refunded_minor; /* before, at this lane */
	int64_t last_wall_ms;             /* when, 0 never; and by which return */
	struct ulid last;
	int64_t take, refund_minor; /* now */
};

struct refund {
	struct receipt_head head;
	uint64_t parts_read; /* bit n: part n + 1 */
	uint32_t lines_count;
	int64_t refund_minor;
	int64_t refunded_minor; /* of all its lines, those of other codes too; before */
	struct refund_line lines[RECEIPT_LINES_MAX];
};

#define REFUND_WHY_BYTES 200u

/*
 * Adds the lines of one code; begin with zeros. 0; -EXDEV it is of another receipt; -EEXIST that part
 * is there already, or a line is in two of them.
 */
int refund_add(struct refund *f, const struct receipt *r);
/* A journal_returned callback, of the receipt's checkout. Lines that are not here are passed over. */
int refund_returned(void *ctx, const struct journal_returned *r);
/*
 * Takes parts of a line back, 0: all that is left. 0; -ENOENT no such line; -EPERM it gave money
 * back, or more would be refunded than the receipt paid in all (a POS may book vouchers as lines
 * below zero); -EALREADY there is not so much left. *why has it in words.
 */
int refund_take(struct refund *f, uint32_t line, int64_t parts,
		char why[REFUND_WHY_BYTES]);
/* All that is left of all lines. 0; -EALREADY nothing is. */
int refund_take_all(struct refund *f, char why[REFUND_WHY_BYTES]);
/*
 * What was recorded of a return as what is taken back now, when the same is asked again. -ENOENT: a
 * line of it is not here.
 */
int refund_recorded(struct refund *f, const struct journal_return_line *lines,
		    uint32_t count);

#endif
