#ifndef LANED_CTL_POSLOG_H
#define LANED_CTL_POSLOG_H

#include "ctl/past.h"

/*
 * Reads POSLog, the XML log of a POS (ARTS/NRF IXRetail), as it comes: one retail transaction at a
 * time is held, so a log may be of any size. Elements are known by their local names, whatever
 * their namespace; unknown ones are passed over.
 *
 * Strict against hostile text: no document type (and so no entity but XML's own five), depth
 * POSLOG_DEPTH_MAX, a tag or text that is not done within POSLOG_TOKEN_BYTES_MAX, POSLOG_TEXT_MAX
 * bytes of a value, SLIP_LINES_MAX lines of a transaction.
 *
 * Transactions that are no sale (sign-ons, training, cancelled, suspended) are counted and passed
 * over; one with a value that cannot be read is a fault, with its place, and left out.
 */
#define POSLOG_DEPTH_MAX 64u
#define POSLOG_TOKEN_BYTES_MAX (1u << 20)
#define POSLOG_TEXT_MAX 200u

struct poslog_options {
	char currency
		[4]; /* of transactions that name none; empty: such a one is a fault */
	bool before_discounts; /* leave the store's own discounts out of the lines */
	bool strip_zeros;      /* codes without their leading zeros */
};

struct poslog_counts {
	uint64_t transactions, sales, passed_over, lines, voids, returns, discounts;
};

struct poslog;

/* NULL: no memory. The sink is called from poslog_feed only. */
struct poslog *poslog_new(const struct poslog_options *o, const struct past_sink *sink);
/*
 * Takes the next bytes, the last ones with last set. 0; -EBADMSG this is no POSLog or hostile,
 * with *ret_fault filled; -ENOMEM; what the sink answered. After an error it can only be freed.
 */
int poslog_feed(struct poslog *p, struct str bytes, bool last,
		struct past_fault *ret_fault);
const struct poslog_counts *poslog_counts(const struct poslog *p);
struct poslog *poslog_free(struct poslog *p);

#endif
