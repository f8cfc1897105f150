#include "core/checkout/lane_private.h"

#include "base/plain/pan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A quantity beyond this is a mistake of the POS: a thousand tonnes, a million units. */
#define QTY_MILLI_MAX INT64_C(1000000000)

static int
compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool
line_ok(const struct basket_line *l)
{
	return l->qty_milli > 0 && l->qty_milli <= QTY_MILLI_MAX &&
	       l->amount_minor >= -MONEY_MINOR_MAX &&
	       l->amount_minor <= MONEY_MINOR_MAX &&
	       l->unit_price_minor >= -MONEY_MINOR_MAX &&
	       l->unit_price_minor <= MONEY_MINOR_MAX && l->floor_minor >= 0 &&
	       l->floor_minor <= MONEY_MINOR_MAX && l->vat_bp <= BP_ONE * 10 &&
	       memchr(l->code, 0, sizeof(l->code)) != NULL &&
	       memchr(l->text, 0, sizeof(l->text)) != NULL &&
	       memchr(l->category, 0, sizeof(l->category)) != NULL &&
	       memchr(l->brand, 0, sizeof(l->brand)) != NULL;
}

static int
basket_check(const struct lane_core *c, const struct lane_basket *b)
{
	uint32_t numbers[LANE_LINES_MAX];

	if (b->ticket.n == 0 || b->ticket.n >= LANE_TICKET_BYTES ||
	    !str_utf8_ok(b->ticket) || pan_find(b->ticket, NULL, NULL) ||
	    b->lines_count > LANE_LINES_MAX)
		return -EINVAL;
	if (b->currency.n > 0 && !str_is(b->currency, c->env.currency))
		return -EINVAL;
	for (uint32_t i = 0; i < b->lines_count; i++) {
		if (!line_ok(&b->lines[i]))
			return -EINVAL;
		numbers[i] = b->lines[i].line;
	}
	if (b->lines_count > 1)
		qsort(numbers, b->lines_count, sizeof(numbers[0]), compare_u32);
	for (uint32_t i = 1; i < b->lines_count; i++) {
		if (numbers[i] == numbers[i - 1])
			return -EINVAL;
	}
	return 0;
}

/* Card numbers typed as an article's text never get into the journal or on a display. */
static unsigned
guard_line(struct basket_line *l)
{
	return pan_mask(l->text, strlen(l->text)) +
	       pan_mask(l->category, strlen(l->category)) +
	       pan_mask(l->brand, strlen(l->brand));
}

/* Two lines as the POS tells them. */
static bool
line_is_same(const struct basket_line *a, const struct basket_line *b)
{
	return a->line == b->line && strcmp(a->code, b->code) == 0 &&
	       strcmp(a->text, b->text) == 0 && strcmp(a->category, b->category) == 0 &&
	       strcmp(a->brand, b->brand) == 0 && a->qty_milli == b->qty_milli &&
	       a->unit_price_minor == b->unit_price_minor &&
	       a->amount_minor == b->amount_minor && a->floor_minor == b->floor_minor &&
	       a->vat_bp == b->vat_bp && a->is_void == b->is_void &&
	       a->weighed == b->weighed && a->excluded == b->excluded &&
	       a->reduced == b->reduced;
}

static bool
has_same_lines(const struct checkout *k, const struct basket_line *lines, uint32_t count)
{
	bool same = k->rev > 0 && !k->tender.total_only && k->lines_count == count;

	for (uint32_t i = 0; same && i < count; i++)
		same = line_is_same(&k->lines[i], &lines[i]);
	return same;
}

/* Takes the lines over; the old basket stays when there is no memory. */
static int
basket_take(struct lane_core *c, const struct lane_basket *b)
{
	struct checkout *k = &c->cur;
	struct basket_line *lines = calloc(b->lines_count + 1u, sizeof(*lines));
	unsigned masked = 0;

	if (lines == NULL)
		return -ENOMEM;
	if (b->lines_count > 0)
		memcpy(lines, b->lines, b->lines_count * sizeof(*lines));
	for (uint32_t i = 0; i < b->lines_count; i++)
		masked += guard_line(&lines[i]);
	if (masked > 0)
		lane_audit(c, "pan-masked", NULL, "in the texts of a basket");
	/* The same lines keep their prices: another revision of them changes nothing. */
	if (has_same_lines(k, lines, b->lines_count)) {
		free(lines);
	} else {
		lane_lines_set(k, lines, b->lines_count);
		k->basket_changed = true;
	}
	k->tender.total_only = false;
	k->rev = b->rev;
	k->final = b->final;
	k->pos_local_ms = b->pos_local_ms;
	(void)str_copy(k->ticket, sizeof(k->ticket),
		       b->ticket); /* basket_check saw to it */
	c->cur_dirty = true;
	return 0;
}

/* The whole ticket, by tokens. */
static bool
is_paid_by_us(const struct lane_core *c)
{
	const struct checkout *k = &c->cur;

	return k->paid_minor > 0 && (k->paid_minor == k->total_minor ||
				     c->env.price_pos || k->tender.total_only);
}

/* The POS has gone on to another ticket: the old one ended without telling. */
static void
leave_old_ticket(struct lane_core *c, const struct timepoint *now)
{
	bool totalled = c->cur.phase != PHASE_OPEN;

	if (!lane_is_active(c))
		return;
	lane_pay_leave(c, PAYMENT_IN_OTHER_TENDER, now);
	(void)lane_ask_follow(c, now); /* what waited is over, and forgotten below */
	c->cur.tender_outside = totalled && !is_paid_by_us(c);
	if (c->cur.tender_outside)
		c->cur.note = NOTE_PAY_OTHER;
	lane_end(c, totalled ? PHASE_DONE : PHASE_CANCELLED, now);
}

static void
end_outside(struct lane_core *c, const struct timepoint *now)
{
	lane_pay_leave(c, PAYMENT_IN_OTHER_TENDER, now);
	if (c->cur.phase == PHASE_DONE)
		return; /* it was paid by us after all */
	c->cur.pos_closed = true;
	c->cur.tender_outside = !is_paid_by_us(c);
	c->cur.note = c->cur.tender_outside ? NOTE_PAY_OTHER : NOTE_NONE;
	lane_end(c, PHASE_DONE, now);
}

/* A new revision while money is asked for: only one that changes no amount leaves it alone. */
static void
basket_under_payment(struct lane_core *c, int64_t rest_before,
		     const struct timepoint *now)
{
	if (c->cur.final && lane_rest(c) == rest_before)
		return;
	lane_pay_leave(c, PAYMENT_IN_OTHER_TENDER, now);
	lane_audit(c, "basket-changed-under-payment", NULL, NULL);
}

static int
basket_newer(struct lane_core *c, const struct lane_basket *b,
	     const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	bool paying = k->phase == PHASE_PAYING || k->phase == PHASE_CHECKING;
	int64_t rest = lane_rest(c);
	bool untold = k->untold;
	struct ulid whose = k->priced_for;
	int rc;

	rc = basket_take(c, b);
	if (rc < 0)
		return rc;
	lane_touch_time(c, now);
	lane_reprice(c, now);
	/* It has sold at the last price that it was told, whoever has come since. */
	if (b->closed && k->paid_minor > 0) {
		if (!ulid_eq(k->priced_for, whose))
			lane_reserved_as_before(k);
		k->priced_for = whose;
	}
	if (paying)
		basket_under_payment(c, rest, now);
	if (b->closed) {
		if (untold) /* nor will it hear of this price before it has sold */
			lane_offer_refused(c, k->offer, now);
		end_outside(c, now);
		return 0;
	}
	if (k->phase == PHASE_PAYING || k->phase == PHASE_CHECKING || !lane_is_active(c))
		return 0;
	if (k->consent.given || k->note == NOTE_OTHER_FINGER ||
	    k->note == NOTE_NEED_CLAIM)
		k->note = NOTE_NONE;
	if (!b->final)
		k->phase = PHASE_OPEN;
	else
		lane_total_phase(c);
	return 0;
}

/* The revision that says something new. Of a total without lines, the lines of that revision do. */
static uint32_t
first_newer(const struct lane_core *c)
{
	const struct checkout *k = &c->cur;
	bool pays = k->phase == PHASE_PAYING || k->phase == PHASE_CHECKING;

	return k->tender.total_only && !pays ? k->rev : k->rev + 1;
}

int
lane_on_basket(struct lane_core *c, const struct lane_event *ev,
	       const struct timepoint *now)
{
	const struct lane_basket *b = &ev->basket;
	bool same;
	int rc = basket_check(c, b);

	if (rc < 0)
		return rc;
	same = lane_is_active(c) &&
	       (c->cur.ticket[0] == '\0' || str_is(b->ticket, c->cur.ticket));
	if ((!same && b->closed) || ((!same || c->cur.rev == 0) &&
				     lane_is_ended_ticket(c, b->ticket, b->rev, now))) {
		lane_ended_grows(c, b->ticket, b->rev);
		return -EALREADY; /* late word of a ticket that has ended */
	}
	if (same && c->cur.rev > 0 && b->rev < first_newer(c))
		return -EALREADY;
	if (b->rev == 0)
		return -EINVAL;
	if (!same) {
		leave_old_ticket(c, now);
		if (!lane_budget_begin(c))
			return -EAGAIN; /* the POS sells it without us */
		lane_begin(c, ev->fresh.checkout, now);
	}
	if (c->cur.rev == 0 && lane_is_blocked_ticket(c, b->ticket, b->rev, now))
		c->cur.pay_blocked = true;
	if (b->training)
		c->cur.training = true;
	return basket_newer(c, b, now);
}
