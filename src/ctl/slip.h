#ifndef LANED_CTL_SLIP_H
#define LANED_CTL_SLIP_H

#include "ctl/past.h"

/*
 * A sale as POS logs tell it: signed lines, voids that undo earlier lines, discounts that name
 * a line, taxes by number. slip_basket() makes of it what was bought in the end.
 */
#define SLIP_LINES_MAX 4000u
#define SLIP_TAXES_MAX 8u

struct slip_line {
	struct str code, category, brand;
	struct str ref;       /* what a discount calls it; may be empty */
	int64_t qty_milli;    /* signed */
	int64_t unit_minor;   /* regular price of a unit or a kilogram; 0 unknown */
	int64_t amount_minor; /* signed, after what it was reduced by */
	uint32_t vat_bp;
	uint32_t taxes; /* bit n: tax n is charged on it */
	bool has_unit, has_amount;
	bool weighed, reduced;
	bool void_line; /* undoes an earlier line (negative) or is undone itself */
	bool returned;  /* goods that came back, whatever the sign */
};

struct slip_discount {
	struct str ref;
	int64_t amount_minor; /* below 0: less to pay */
};

struct slip {
	struct slip_line *lines; /* SLIP_LINES_MAX */
	uint32_t lines_count;
	struct slip_discount *discounts; /* SLIP_LINES_MAX */
	uint32_t discounts_count;
	uint32_t tax_bp[SLIP_TAXES_MAX]; /* rate of tax n */
	int64_t tax_minor;
	bool before_discounts; /* leave the discounts out of the lines */
};

/*
 * The lines of the basket in arena, its tax and what is in no line; the rest of *b is the
 * caller's. The slip is changed. 0; -ENOMEM; -E2BIG more than PRICING_LINES_MAX lines.
 */
int slip_basket(struct slip *r, struct arena *arena, struct past_basket *b);

#endif
