#include "lane/refund.h"

#include "base/plain/caltime.h"
#include "core/returns.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
compare_lines(const void *a, const void *b)
{
	const struct refund_line *x = a, *y = b;

	return x->sold.line < y->sold.line ? -1 : x->sold.line > y->sold.line;
}

static struct refund_line *
find_line(struct refund *f, uint32_t line)
{
	for (uint32_t i = 0; i < f->lines_count; i++)
		if (f->lines[i].sold.line == line)
			return &f->lines[i];
	return NULL;
}

/* Parts of one receipt say the same of all but themselves. */
static bool
is_same_receipt(const struct receipt_head *a, const struct receipt_head *b)
{
	return ulid_eq(a->checkout, b->checkout) && a->parts == b->parts &&
	       memcmp(a->key_id, b->key_id, sizeof(a->key_id)) == 0 &&
	       a->total_minor == b->total_minor && strcmp(a->currency, b->currency) == 0;
}

int
refund_add(struct refund *f, const struct receipt *r)
{
	uint64_t bit;

	assert(r->head.part >= 1 && r->head.part <= RECEIPT_PARTS_MAX);
	bit = UINT64_C(1) << (r->head.part - 1);
	if (f->parts_read != 0 && !is_same_receipt(&f->head, &r->head))
		return -EXDEV;
	if ((f->parts_read & bit) != 0 ||
	    r->lines_count > RECEIPT_LINES_MAX - f->lines_count)
		return -EEXIST;
	for (uint32_t i = 0; i < r->lines_count; i++)
		if (find_line(f, r->lines[i].line) != NULL)
			return -EEXIST;
	for (uint32_t i = 0; i < r->lines_count; i++)
		f->lines[f->lines_count++] = (struct refund_line){ .sold = r->lines[i] };
	qsort(f->lines, f->lines_count, sizeof(f->lines[0]), compare_lines);
	f->head = r->head;
	f->parts_read |= bit;
	return 0;
}

int
refund_returned(void *ctx, const struct journal_returned *r)
{
	struct refund *f = ctx;
	struct refund_line *l = find_line(f, r->line);

	f->refunded_minor += r->refund_minor;
	if (l == NULL)
		return 0;
	l->returned = r->parts;
	l->refunded_minor = r->refund_minor;
	l->last_wall_ms = r->last_wall_ms;
	l->last = r->last;
	return 0;
}

static int
refuse_taken(const struct refund_line *l, char why[REFUND_WHY_BYTES])
{
	char when[RFC3339_BYTES], id[ULID_TEXT_BYTES];
	const char *what = l->sold.measured ? "thousandths" : "units";

	rfc3339_text(when, l->last_wall_ms);
	ulid_text(id, l->last);
	if (l->returned >= l->sold.parts)
		(void)snprintf(why, REFUND_WHY_BYTES,
			       "line %u was returned already, the last of it at %s "
			       "(return %s)",
			       (unsigned)l->sold.line, when, id);
	else if (l->returned > 0)
		(void)snprintf(why, REFUND_WHY_BYTES,
			       "line %u: of %lld %s %lld were returned, the last at %s "
			       "(return %s)",
			       (unsigned)l->sold.line, (long long)l->sold.parts, what,
			       (long long)l->returned, when, id);
	else
		(void)snprintf(why, REFUND_WHY_BYTES, "line %u has %lld %s",
			       (unsigned)l->sold.line, (long long)l->sold.parts, what);
	return -EALREADY;
}

static int
refuse_missing(const struct refund *f, uint32_t line, char why[REFUND_WHY_BYTES])
{
	bool whole = f->parts_read == UINT64_MAX >> (64 - f->head.parts);

	if (whole)
		(void)snprintf(why, REFUND_WHY_BYTES, "the receipt has no line %u",
			       (unsigned)line);
	else
		(void)snprintf(why, REFUND_WHY_BYTES,
			       "line %u is not in what was scanned: the receipt has %u "
			       "codes",
			       (unsigned)line, (unsigned)f->head.parts);
	return -ENOENT;
}

static int
refuse_more_than_paid(const struct refund *f, char why[REFUND_WHY_BYTES])
{
	int64_t gone = f->refunded_minor + f->refund_minor;

	(void)snprintf(why, REFUND_WHY_BYTES,
		       "the receipt paid %lld in all (minor units), and %lld of it went "
		       "back: the lines together are worth more than was paid",
		       (long long)f->head.total_minor, (long long)gone);
	return -EPERM;
}

int
refund_take(struct refund *f, uint32_t line, int64_t parts, char why[REFUND_WHY_BYTES])
{
	struct refund_line *l = find_line(f, line);
	struct returns_step s;
	int64_t rest, refund = 0;
	int rc;

	assert(f->parts_read != 0);
	if (l == NULL)
		return refuse_missing(f, line, why);
	if (l->sold.net_minor < 0) {
		(void)snprintf(why, REFUND_WHY_BYTES,
			       "line %u gave money back: there is nothing to refund",
			       (unsigned)line);
		return -EPERM;
	}
	rest = l->sold.parts - l->returned - l->take;
	if (parts < 0 || parts > rest || rest <= 0)
		return refuse_taken(l, why);
	s = (struct returns_step){ l->sold.net_minor, l->sold.parts, l->returned,
				   l->take + (parts == 0 ? rest : parts) };
	rc = returns_refund(&s, &refund);
	assert(rc == 0); /* the codec and this function saw to its ranges */
	if (refund > l->refund_minor &&
	    f->refunded_minor + f->refund_minor - l->refund_minor + refund >
		    f->head.total_minor)
		return refuse_more_than_paid(f, why);
	f->refund_minor += refund - l->refund_minor;
	l->refund_minor = refund;
	l->take = s.take;
	return rc;
}

int
refund_take_all(struct refund *f, char why[REFUND_WHY_BYTES])
{
	const struct refund_line *last = NULL;
	bool any = false;

	for (uint32_t i = 0; i < f->lines_count; i++) {
		const struct refund_line *l = &f->lines[i];

		if (l->sold.net_minor < 0)
			continue;
		if (l->returned < l->sold.parts) {
			int rc = refund_take(f, l->sold.line, 0, why);

			if (rc < 0)
				return rc;
			any = true;
		} else if (last == NULL || l->last_wall_ms > last->last_wall_ms) {
			last = l;
		}
	}
	if (any)
		return 0;
	if (last != NULL)
		return refuse_taken(last, why);
	(void)snprintf(why, REFUND_WHY_BYTES, "no line of it can be returned");
	return -EALREADY;
}

int
refund_recorded(struct refund *f, const struct journal_return_line *lines, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct refund_line *l = find_line(f, lines[i].line);

		if (l == NULL || lines[i].before + lines[i].take > l->sold.parts)
			return -ENOENT;
		l->returned = lines[i].before;
		if (returns_share(l->sold.net_minor, l->sold.parts, l->returned,
				  &l->refunded_minor) < 0)
			return -ENOENT;
		l->take = lines[i].take;
		l->refund_minor = lines[i].refund_minor;
		f->refund_minor += l->refund_minor;
	}
	return 0;
}
