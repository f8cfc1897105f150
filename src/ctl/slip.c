/* From the lines of a sale, with voids, returns and discounts, to what was bought in the end. */
#include "ctl/slip.h"

#include <errno.h>

#define UNIT_MILLI 1000

int64_t
past_read_minor(const struct past_basket *b)
{
	int64_t sum = b->tax_minor + b->apart_minor + b->given_minor;

	for (size_t i = 0; i < b->basket.lines_count; i++)
		sum += b->basket.lines[i].amount_minor;
	return sum;
}

/* A line that is no more: its quantity is 0. */
static void
drop(struct slip_line *l)
{
	l->qty_milli = 0;
	l->amount_minor = 0;
}

/* The latest line before i that a void of that size may undo; exact: the whole of it. */
static struct slip_line *
undone_by(const struct slip *r, uint32_t i, bool exact)
{
	const struct slip_line *v = &r->lines[i];

	for (uint32_t k = i; k > 0; k--) {
		struct slip_line *l = &r->lines[k - 1];

		if (l->void_line || l->returned || l->qty_milli <= 0 ||
		    !str_eq(l->code, v->code))
			continue;
		if (exact ? l->qty_milli == -v->qty_milli &&
				    l->amount_minor == -v->amount_minor
			  : l->qty_milli > -v->qty_milli &&
				    l->amount_minor >= -v->amount_minor)
			return l;
	}
	return NULL;
}

/* A void with a minus undoes a line before it; one without is a line that was undone itself. */
static void
undo(struct slip *r, uint32_t i, int64_t *apart_minor)
{
	struct slip_line *v = &r->lines[i], *l;

	if (v->qty_milli < 0 || v->amount_minor < 0) {
		l = undone_by(r, i, true);
		if (l != NULL) {
			drop(l);
		} else if ((l = undone_by(r, i, false)) != NULL) {
			l->qty_milli += v->qty_milli;
			l->amount_minor += v->amount_minor;
		} else {
			*apart_minor += v->amount_minor;
		}
	}
	drop(v);
}

static void
settle_lines(struct slip *r, int64_t *apart_minor)
{
	for (uint32_t i = 0; i < r->lines_count; i++) {
		struct slip_line *l = &r->lines[i];

		if (l->void_line) {
			undo(r, i, apart_minor);
		} else if (l->returned || l->amount_minor < 0 || l->qty_milli <= 0) {
			*apart_minor += l->returned && l->amount_minor > 0
						? -l->amount_minor
						: l->amount_minor;
			drop(l);
		}
	}
}

/* A discount comes off its line, as far as that goes. */
static void
settle_discounts(struct slip *r, struct past_basket *b)
{
	for (uint32_t i = 0; i < r->discounts_count; i++) {
		const struct slip_discount *d = &r->discounts[i];
		struct slip_line *l = NULL;
		int64_t off = 0;

		if (r->before_discounts) {
			b->given_minor += d->amount_minor;
			continue;
		}
		for (uint32_t k = 0; k < r->lines_count && l == NULL; k++)
			if (d->ref.n > 0 && r->lines[k].qty_milli > 0 &&
			    str_eq(r->lines[k].ref, d->ref))
				l = &r->lines[k];
		if (l != NULL && d->amount_minor < 0) {
			off = -d->amount_minor < l->amount_minor ? -d->amount_minor
								 : l->amount_minor;
			l->amount_minor -= off;
			l->reduced = l->reduced || off > 0;
		}
		b->apart_minor += d->amount_minor + off;
	}
}

/*
 * The price of a unit. Logs give the price of a bundle ("2 for 6.00") or of a pound where ounces
 * were counted: what was charged is the truth then, unless a discount explains the difference.
 */
static int64_t
unit_price(const struct slip_line *l)
{
	int64_t price = l->unit_minor, product = 0;

	if (l->weighed && price > 0)
		return price; /* scales know the weight better than the log does */
	if (money_muldiv(price, l->qty_milli, UNIT_MILLI, ROUND_HALF_UP, &product) == 0 &&
	    price > 0 && product == l->amount_minor)
		return price;
	if (money_muldiv(l->amount_minor, UNIT_MILLI, l->qty_milli, ROUND_HALF_UP,
			 &price) < 0)
		return l->unit_minor;
	return price;
}

static void
write_line(const struct slip *r, const struct slip_line *l, struct pricing_line *out)
{
	out->code = l->code;
	out->category = l->category;
	out->brand = l->brand;
	out->qty_milli = l->qty_milli;
	out->amount_minor = l->amount_minor;
	out->unit_price_minor =
		l->reduced && l->unit_minor > 0 ? l->unit_minor : unit_price(l);
	out->weighed = l->weighed;
	out->reduced = l->reduced;
	out->vat_bp = l->vat_bp;
	for (uint32_t t = 0; t < SLIP_TAXES_MAX; t++)
		if ((l->taxes & (1u << t)) != 0)
			out->vat_bp += r->tax_bp[t];
	if (out->vat_bp > BP_ONE)
		out->vat_bp = BP_ONE;
}

int
slip_basket(struct slip *r, struct arena *arena, struct past_basket *b)
{
	struct pricing_line *lines;
	uint32_t n = 0;

	b->apart_minor = 0;
	b->given_minor = 0;
	b->tax_minor = r->tax_minor;
	settle_lines(r, &b->apart_minor);
	settle_discounts(r, b);
	for (uint32_t i = 0; i < r->lines_count; i++)
		n += r->lines[i].qty_milli > 0;
	if (n > PRICING_LINES_MAX)
		return -E2BIG;
	lines = arena_array(arena, n, sizeof(*lines));
	if (lines == NULL)
		return -ENOMEM;
	n = 0;
	for (uint32_t i = 0; i < r->lines_count; i++) {
		const struct slip_line *l = &r->lines[i];

		if (l->qty_milli <= 0)
			continue;
		write_line(r, l, &lines[n]);
		lines[n].line = n + 1;
		n++;
	}
	b->basket.lines = lines;
	b->basket.lines_count = n;
	return 0;
}
