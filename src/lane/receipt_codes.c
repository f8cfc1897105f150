/* The receipt of a checkout: what the journal has of it, as codes. */
#include "lane/lane_private.h"
#include "lane/pay_back.h"

#include "base/log.h"
#include "core/returns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAYMENTS_MAX 1000u /* of one checkout, with its refunds */

static int
compare_lines(const void *a, const void *b)
{
	const struct receipt_line *x = a, *y = b;

	return x->line < y->line ? -1 : x->line > y->line;
}

/* Lines that were not voided, with what each one cost. Their sum is what was to be paid. */
static int
take_lines(const struct journal_checkout *c, struct receipt_source *s,
	   struct receipt_line *lines)
{
	int64_t total = 0;

	for (uint32_t i = 0; i < c->record.lines_count; i++) {
		const struct basket_line *b = &c->lines[i];
		struct receipt_line *l = &lines[s->lines_count];

		if (b->is_void)
			continue;
		if (!b->has_net || b->qty_milli <= 0)
			return -ENODATA; /* sold by a version that did not keep it */
		l->line = b->line;
		l->vat_bp = b->vat_bp;
		l->parts = returns_parts(b->qty_milli, b->weighed, &l->measured);
		l->net_minor = b->net_minor;
		total += b->net_minor; /* some thousand amounts of 10^12 */
		s->lines_count++;
	}
	if (s->lines_count == 0 || total != c->record.total_minor)
		return -ENODATA;
	qsort(lines, s->lines_count, sizeof(*lines), compare_lines);
	s->lines = lines;
	s->head.total_minor = total;
	return 0;
}

static void
take_payment(struct receipt_head *h, const struct payment *p)
{
	h->token_minor = p->answered_minor;
	h->key = p->key;
	h->tender = RECEIPT_TENDER_KEY;
	if (p->ref[0] != '\0' && str_copy(h->ref, sizeof(h->ref), str_of(p->ref)) == 0)
		h->tender = RECEIPT_TENDER_REF;
}

struct finding {
	struct receipt_head *head;
	bool found;
};

static int
find_confirmed(void *ctx, const struct payment *p)
{
	struct finding *f = ctx;

	if (p->state != PAYMENT_CONFIRMED)
		return 0;
	take_payment(f->head, p);
	f->found = true;
	return 1;
}

/* Who paid. -EAGAIN: that is not certain yet, or was taken back. */
static int
take_tender(struct lane *l, const struct checkout_record *r,
	    const struct payment *confirming, struct receipt_head *h)
{
	struct journal_list q = { .checkout = r->checkout, .limit = PAYMENTS_MAX };
	struct finding f = { h, false };
	int64_t left = 0;
	int rc;

	if (confirming != NULL) {
		take_payment(h, confirming);
		return 0;
	}
	rc = journal_payments(l->journal, &q, find_confirmed, &f);
	if (rc >= 0)
		rc = pay_back_standing(l, r->checkout, &left);
	if (rc < 0)
		return rc;
	return (f.found && left > 0) || (r->pos_closed && r->paid_minor == 0) ? 0
									      : -EAGAIN;
}

static int
take_head(struct lane *l, const struct checkout_record *r, struct receipt_head *h)
{
	h->checkout = r->checkout;
	h->business_day = r->business_day;
	if (str_copy(h->currency, sizeof(h->currency), str_of(r->currency)) < 0 ||
	    str_copy(h->store, sizeof(h->store), str_of(l->store)) < 0 ||
	    str_copy(h->lane, sizeof(h->lane), str_of(l->name)) < 0)
		return -EINVAL;
	return 0;
}

/* Codes, one after the other in memory of their own. */
struct codes {
	char (*list)[RECEIPT_CODE_BYTES];
	uint32_t count;
};

static int
keep_code(void *ctx, const char *code)
{
	struct codes *k = ctx;
	char(*list)[RECEIPT_CODE_BYTES] =
		realloc(k->list, (k->count + 1u) * sizeof(*k->list));

	if (list == NULL)
		return -ENOMEM;
	k->list = list;
	return str_copy(list[k->count++], RECEIPT_CODE_BYTES, str_of(code));
}

static int
write_receipt(struct lane *l, const struct journal_checkout *c,
	      const struct payment *confirming, struct codes *codes)
{
	struct receipt_source s = { .lines_count = 0 };
	struct receipt_line *lines;
	int rc;

	if (c->record.phase != PHASE_DONE || c->record.training)
		return -EAGAIN;
	lines = calloc(c->record.lines_count + 1u, sizeof(*lines));
	rc = lines == NULL ? -ENOMEM : take_lines(c, &s, lines);
	if (rc == 0)
		rc = take_head(l, &c->record, &s.head);
	if (rc == 0)
		rc = take_tender(l, &c->record, confirming, &s.head);
	if (rc == 0)
		rc = receipts_write(l->receipts, &s, keep_code, codes);
	free(lines);
	return rc;
}

bool
receipt_codes_put(struct lane *l, struct json_out *o, struct ulid checkout,
		  const struct payment *confirming)
{
	struct journal_checkout c = { .lines = NULL };
	struct codes codes = { NULL, 0 };
	struct journal_ref j;
	int rc;

	if (l->journal == NULL || l->receipts == NULL || !l->identity.matches)
		return false;
	j = journal_ref(l->journal);
	rc = j.ops->get_checkout(j.impl, checkout, &c);
	if (rc == 0)
		rc = write_receipt(l, &c, confirming, &codes);
	if (rc == 0) {
		json_open_array(o, "receipt");
		for (uint32_t i = 0; i < codes.count; i++)
			json_cstr(o, NULL, codes.list[i]);
		json_close(o);
	} else if (rc != -EAGAIN) { /* no receipt is no reason to stop anything */
		log_debug("no receipt code: %s", strerror(-rc));
	}
	free(codes.list);
	journal_checkout_clear(&c);
	return rc == 0;
}
