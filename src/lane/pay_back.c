#include "lane/pay_back.h"

#include "base/crypto.h"

#include <errno.h>
#include <string.h>

#define LIST_MAX 1000u /* payments and refunds of one checkout */

static int
add_standing(void *ctx, const struct payment *p)
{
	int64_t *sum = ctx, more;

	if (p->kind == PAYMENT_PAY && p->state == PAYMENT_CONFIRMED)
		*sum += p->answered_minor;
	if (p->kind != PAYMENT_REFUND || !ulid_is_zero(p->return_id) ||
	    payment_is_refused(p->state))
		return 0;
	more = p->answered_minor > p->asked_minor ? p->answered_minor : p->asked_minor;
	*sum -= more;
	return 0;
}

int
pay_back_standing(struct lane *l, struct ulid checkout, int64_t *ret_minor)
{
	struct journal_list q = { .checkout = checkout, .limit = LIST_MAX };

	*ret_minor = 0;
	return journal_payments(l->journal, &q, add_standing, ret_minor);
}

/* The payment that a receipt names, as our journal has it. */
struct finding {
	const struct receipt_head *head;
	bool found;
	bool void_here; /* ours, and not confirmed: taken back, or not certain yet */
	struct payment payment;
};

static int
find_paid(void *ctx, const struct payment *p)
{
	struct finding *f = ctx;
	const struct receipt_head *h = f->head;

	if (p->kind != PAYMENT_PAY)
		return 0;
	if (h->tender == RECEIPT_TENDER_KEY ? !key128_eq(p->key, h->key)
					    : strcmp(p->ref, h->ref) != 0)
		return 0;
	f->void_here = p->state != PAYMENT_CONFIRMED;
	if (f->void_here)
		return 0; /* another one may have the same reference */
	f->payment = *p;
	f->found = true;
	return 1;
}

/* Names and amount of the payment: from the journal, or as the signed receipt has them. */
static int
read_original(struct lane *l, const struct receipt_head *h, struct payment_start *start,
	      struct finding *f, int64_t *ret_captured)
{
	struct journal_list q = { .checkout = h->checkout, .limit = LIST_MAX };
	int rc = journal_payments(l->journal, &q, find_paid, f);

	if (rc < 0)
		return rc;
	if (f->found) {
		start->original = f->payment.key;
		start->original_ref = str_of(f->payment.ref);
		*ret_captured = f->payment.answered_minor;
		return 0;
	}
	if (f->void_here)
		return 0;
	if (h->tender == RECEIPT_TENDER_KEY)
		start->original = h->key;
	else
		start->original_ref = str_of(h->ref);
	*ret_captured = h->token_minor;
	return 0;
}

/* The refund for as much as is left of the payment. */
static int
begin(struct lane *l, const struct payment_start *start, int64_t wanted_minor,
      struct pay_back *b)
{
	struct payment_start s = *start;
	struct timepoint now;
	int64_t gone = 0, left;
	unsigned actions;
	int rc;

	lane_now(l, &now);
	s.amount_minor = wanted_minor; /* so that there is something to ask for */
	rc = payment_begin(&b->refund, &s, &now, &actions);
	if (rc == 0)
		rc = journal_refunded(l->journal, &b->refund, &gone);
	if (rc < 0)
		return rc;
	left = b->captured_minor - gone;
	if (left <= 0) {
		b->why = "all that was paid by token went back already";
		return 0;
	}
	b->token_minor = left < wanted_minor ? left : wanted_minor;
	b->refund.asked_minor = b->token_minor;
	if (left < wanted_minor)
		b->why = "only a part of it was paid by token and is not back yet";
	return 0;
}

int
pay_back_plan(struct lane *l, const struct refund *f, struct ulid id,
	      struct pay_back *ret)
{
	const struct receipt_head *h = &f->head;
	struct finding found = { .head = h };
	char ticket[ULID_TEXT_BYTES];
	struct payment_start start = {
		.kind = PAYMENT_REFUND,
		.checkout = h->checkout,
		.return_id = id,
		.ticket = { ticket, sizeof(ticket) - 1 },
		.currency = str_of(h->currency),
		.adapter = l->env.adapter,
	};
	struct pay_back b = { .token_minor = 0 };
	int rc = 0;

	ulid_text(ticket, id);
	if (f->refund_minor == 0) {
		*ret = b;
		return 0;
	}
	if (h->tender == RECEIPT_TENDER_OUTSIDE)
		b.why = "it was not paid by token";
	else
		rc = read_original(l, h, &start, &found, &b.captured_minor);
	if (rc == 0 && found.void_here && !found.found)
		b.why = "the payment that the receipt names was taken back";
	if (rc == 0 && b.why == NULL)
		b.why = lane_core_refund_refused(
			l->core, found.found ? found.payment.adapter : "");
	if (rc == 0 && b.why == NULL)
		rc = crypto_key128(&start.key);
	if (rc == 0 && b.why == NULL)
		rc = begin(l, &start, f->refund_minor, &b);
	if (rc == 0)
		*ret = b;
	return rc;
}

int
pay_back_read(struct lane *l, struct ulid id, int64_t refund_minor, struct pay_back *ret)
{
	struct pay_back b = { .read = true };
	int rc = journal_return_refund(l->journal, id, &b.refund);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc == 0)
		b.token_minor = b.refund.asked_minor;
	if (rc == 0 && b.token_minor < refund_minor)
		b.why = "only a part of it was paid by token";
	*ret = b;
	return 0;
}

void
pay_back_put(struct json_out *o, const struct pay_back *b, int64_t refund_minor)
{
	const struct payment *p = &b->refund;
	bool refused = b->token_minor > 0 && payment_is_refused(p->state);

	json_open_object(o, "pay_back");
	json_int(o, "token", refused ? 0 : b->token_minor);
	json_int(o, "other", refused ? refund_minor : refund_minor - b->token_minor);
	if (b->why != NULL)
		json_cstr(o, "why", b->why);
	if (b->token_minor > 0) {
		put_key(o, "key", p->key);
		json_cstr(o, "state", payment_state_name(p->state));
		json_bool(o, "certain", !payment_is_open(p->state));
		json_int(o, "refunded", p->answered_minor);
		if (p->ref[0] != '\0')
			json_cstr(o, "ref", p->ref);
	}
	json_close(o);
}
