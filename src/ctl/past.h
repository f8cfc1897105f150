#ifndef LANED_CTL_PAST_H
#define LANED_CTL_PAST_H

#include "base/plain/arena.h"
#include "core/pricing/pricing.h"

/* How a sale was paid, as the source tells it. */
struct past_tender {
	struct str kind, id; /* its type; its number or name there; either may be empty */
	int64_t amount_minor; /* below zero: money back */
};

/*
 * A basket of the past, as a log of a POS or a file of ours tells it. Everything it points to
 * belongs to the reader and is valid during the call that hands it over.
 */
struct past_basket {
	struct str id;     /* what the source calls it */
	struct str number; /* of the sale, as the POS counts; empty: not told */
	struct pricing_basket basket;
	struct pricing_member member;
	struct str member_number; /* empty: not told */
	bool has_at;
	bool zoned;          /* the source told the zone */
	struct timepoint at; /* without a zone: local time as if UTC, offset 0 */
	char currency[4];    /* empty: not told */
	/* What the source says was paid in all, and what was read; both in minor units. */
	bool has_total;
	int64_t total_minor;
	int64_t tax_minor;   /* charged on top of the lines */
	int64_t apart_minor; /* returns, deposits, discounts without a line: in no line */
	int64_t given_minor; /* discounts of the store left out of the lines, below 0 */
	const struct past_tender *tenders;
	uint32_t tenders_count;
};

/* What the lines, the tax and the rest come to: what should have been paid. */
int64_t past_read_minor(const struct past_basket *b);

/* Where something is wrong in a file. */
struct past_fault {
	uint32_t line, column; /* from 1 */
	char what[192];
};

/*
 * Takes baskets and what is wrong with those that are none, in the order of the file. Anything but
 * 0 ends the reading and is returned by it.
 */
struct past_sink {
	int (*basket)(void *ctx, const struct past_basket *b);
	int (*fault)(void *ctx, const struct past_fault *f);
	void *ctx;
};

#endif
