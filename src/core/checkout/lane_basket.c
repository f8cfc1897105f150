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
	       l->unit_price_minor <= MONEY_MINOR_MAX && l->vat_bp <= BP_ONE * 10 &&
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

/* ---- prices -------------------------------------------------------------- */

static void
priced_clear(struct checkout *k)
{
	k->priced = pricing_result_free(k->priced);
	free(k->priced_line);
	free(k->discounts);
	free(k->reserved);
	k->priced_line = NULL;
	k->discounts = NULL;
	k->reserved = NULL;
	k->discounts_count = k->reserved_count = 0;
}

void
lane_basket_clear(struct checkout *k)
{
	priced_clear(k);
	free(k->lines);
	k->lines = NULL;
	k->lines_count = 0;
}

void
lane_price_forget(struct lane_core *c)
{
	priced_clear(&c->cur);
}

int64_t
lane_due(const struct lane_core *c)
{
	int64_t due = c->cur.total_minor - c->cur.paid_minor;

	return due > 0 ? due : 0;
}

/* Everything that one call of the price engine borrows. */
struct priceable {
	struct pricing_line *lines;
	struct pricing_use *uses;
	struct str groups[LANE_GROUPS_MAX], coupons[LANE_COUPONS_MAX];
	size_t lines_count;
	int64_t rest_minor; /* lines that no offer may see: returns and deposits below zero */
	struct pricing_member member;
};

static void
priceable_line(struct pricing_line *to, const struct basket_line *from)
{
	memset(to, 0, sizeof(*to));
	to->line = from->line;
	to->code = str_of(from->code);
	to->category = str_of(from->category);
	to->brand = str_of(from->brand);
	to->qty_milli = from->qty_milli;
	to->unit_price_minor = from->unit_price_minor;
	to->amount_minor = from->amount_minor;
	to->vat_bp = from->vat_bp;
	to->weighed = from->weighed;
}

static int
priceable_lines(struct checkout *k, struct priceable *p)
{
	size_t count = k->lines_count > 0 ? k->lines_count : 1;

	p->lines = calloc(count, sizeof(*p->lines));
	k->priced_line = calloc(count, sizeof(*k->priced_line));
	if (p->lines == NULL || k->priced_line == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < k->lines_count; i++) {
		const struct basket_line *l = &k->lines[i];

		if (l->is_void)
			continue;
		if (l->amount_minor < 0 || l->unit_price_minor < 0) {
			p->rest_minor += l->amount_minor;
			continue;
		}
		k->priced_line[p->lines_count] = i;
		priceable_line(&p->lines[p->lines_count++], l);
	}
	return 0;
}

static int
priceable_uses(const struct lane_core *c, struct priceable *p)
{
	const struct lane_use *from = c->env.totals;
	uint32_t count = c->env.totals_count;

	if (p->member.known) {
		from = c->cur.uses;
		count = c->cur.member.uses_count;
	}
	if (count == 0)
		return 0;
	p->uses = calloc(count, sizeof(*p->uses));
	if (p->uses == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		p->uses[i].rule = str_of(from[i].rule);
		p->uses[i].member_used = from[i].member_used;
		p->uses[i].member_day_used = from[i].member_day_used;
		p->uses[i].total_used = from[i].total_used;
	}
	p->member.uses = p->uses;
	p->member.uses_count = count;
	return 0;
}

static int
priceable_member(const struct lane_core *c, struct priceable *p)
{
	const struct lane_member *m = &c->cur.member;

	p->member.known = c->cur.member_state == MEMBER_KNOWN;
	if (p->member.known) {
		for (uint32_t i = 0; i < m->groups_count; i++)
			p->groups[i] = str_of(m->groups[i]);
		for (uint32_t i = 0; i < m->coupons_count; i++)
			p->coupons[i] = str_of(m->coupons[i]);
		p->member.groups = p->groups;
		p->member.groups_count = m->groups_count;
		p->member.coupons = p->coupons;
		p->member.coupons_count = m->coupons_count;
		p->member.first_purchase = m->first_purchase;
	}
	return priceable_uses(c, p);
}

/* One discount line a rule and basket line. */
static int
keep_discounts(struct lane_core *c)
{
	struct checkout *k = &c->cur;
	const struct pricing_result *r = k->priced;
	struct str language =
		k->member_state == MEMBER_KNOWN && k->member.language[0] != '\0'
			? str_of(k->member.language)
			: c->env.language;

	k->discounts = calloc(r->shares_count + 1, sizeof(*k->discounts));
	if (k->discounts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < r->shares_count; i++) {
		const struct pricing_share *s = &r->shares[i];
		uint32_t line = k->lines[k->priced_line[s->line_index]].line;
		struct str rule = r->rules[s->rule].id;
		uint32_t d = 0;

		while (d < k->discounts_count && (k->discounts[d].line != line ||
						  !str_eq(k->discounts[d].rule, rule)))
			d++;
		if (d == k->discounts_count) {
			k->discounts_count++;
			k->discounts[d].line = line;
			k->discounts[d].rule = rule;
			k->discounts[d].text =
				pricing_rule_text(c->env.rules, rule, language);
		}
		k->discounts[d].amount_minor += s->discount_minor;
	}
	return 0;
}

static int
keep_reserved(struct checkout *k)
{
	const struct pricing_result *r = k->priced;

	k->reserved = calloc(r->rules_count + 1, sizeof(*k->reserved));
	if (k->reserved == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < r->rules_count; i++) {
		struct lane_reserved *to = &k->reserved[k->reserved_count];

		if (r->rules[i].applications == 0)
			continue;
		if (str_copy(to->rule, sizeof(to->rule), r->rules[i].id) < 0)
			continue; /* ids longer than this are refused by the compiler of rules */
		to->applications = r->rules[i].applications;
		k->reserved_count++;
	}
	return 0;
}

static int
run_pricing(struct lane_core *c, struct priceable *p, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct pricing_basket basket = {
		.lines = p->lines,
		.lines_count = p->lines_count,
		.store = c->env.store,
		.lane = c->env.lane,
	};
	int rc;

	if (c->env.rules == NULL || p->lines_count == 0)
		return 0;
	rc = pricing_price(c->env.rules, &basket, &p->member, now, &c->env.budget,
			   &k->priced);
	if (rc == 0)
		rc = keep_discounts(c);
	if (rc == 0)
		rc = keep_reserved(k);
	return rc;
}

/* Totals from the price engine or, without it, as the POS has them. */
static void
keep_totals(struct lane_core *c, int64_t rest_minor)
{
	struct checkout *k = &c->cur;

	k->gross_minor = 0;
	for (uint32_t i = 0; i < k->lines_count; i++) {
		if (!k->lines[i].is_void)
			k->gross_minor += k->lines[i].amount_minor;
	}
	k->saving_minor = k->priced != NULL ? k->priced->saving_minor : 0;
	k->total_minor =
		k->priced != NULL ? k->priced->total_minor + rest_minor : k->gross_minor;
	if (c->env.price_pos)
		k->total_minor = k->gross_minor;
}

/* The POS is told what each new revision costs. */
static void
offer(struct lane_core *c)
{
	struct checkout *k = &c->cur;
	struct lane_effect *fx;

	if (k->training || k->ticket[0] == '\0' || k->rev == 0 ||
	    c->faults.adapter_down || c->faults.environment)
		return;
	fx = lane_send(c, FX_OFFER);
	fx->offer.ticket = k->ticket;
	fx->offer.rev = k->rev;
	fx->offer.member_no = k->member_state == MEMBER_KNOWN ? k->member.number : "";
	fx->offer.total_minor = k->total_minor;
	if (c->env.price_pos)
		return;
	fx->offer.discounts = k->discounts;
	fx->offer.discounts_count = k->discounts_count;
	fx->offer.saving_minor = k->saving_minor;
}

void
lane_reprice(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct priceable p;
	int rc;

	memset(&p, 0, sizeof(p));
	priced_clear(k);
	rc = priceable_lines(k, &p);
	if (rc == 0)
		rc = priceable_member(c, &p);
	if (rc == 0)
		rc = run_pricing(c, &p, now);
	if (rc < 0) {
		priced_clear(k);
		lane_audit(c, "pricing-failed", NULL, "sold at the POS's own prices");
	}
	keep_totals(c, p.rest_minor);
	if (k->reserved ==
	    NULL) /* an empty set, not "unchanged"; without memory it is the latter */
		k->reserved = calloc(1, sizeof(*k->reserved));
	free(p.lines);
	free(p.uses);
	c->cur_dirty = true;
	offer(c);
}

/* ---- baskets ------------------------------------------------------------- */

/* Card numbers typed as an article's text never get into the journal or on a display. */
static unsigned
guard_line(struct basket_line *l)
{
	return pan_mask(l->text, strlen(l->text)) +
	       pan_mask(l->category, strlen(l->category)) +
	       pan_mask(l->brand, strlen(l->brand));
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
	lane_basket_clear(k);
	k->lines = lines;
	k->lines_count = b->lines_count;
	k->basket_changed = true;
	k->rev = b->rev;
	k->final = b->final;
	(void)str_copy(k->ticket, sizeof(k->ticket),
		       b->ticket); /* basket_check saw to it */
	c->cur_dirty = true;
	return 0;
}

/* The POS has gone on to another ticket: the old one ended without telling. */
static void
leave_old_ticket(struct lane_core *c, const struct timepoint *now)
{
	bool totalled = c->cur.phase != PHASE_OPEN;

	if (!lane_is_active(c))
		return;
	lane_pay_leave(c, PAYMENT_IN_OTHER_TENDER, now);
	c->cur.tender_outside = totalled;
	if (totalled)
		c->cur.note = NOTE_PAY_OTHER;
	lane_end(c, totalled ? PHASE_DONE : PHASE_CANCELLED, now);
}

static void
end_outside(struct lane_core *c, const struct timepoint *now)
{
	lane_pay_leave(c, PAYMENT_IN_OTHER_TENDER, now);
	if (c->cur.phase == PHASE_DONE)
		return; /* it was paid by us after all */
	c->cur.tender_outside = true;
	c->cur.note = NOTE_PAY_OTHER;
	lane_end(c, PHASE_DONE, now);
}

/* A new revision while money is asked for: only one that changes no amount leaves it alone. */
static void
basket_under_payment(struct lane_core *c, int64_t due_before, const struct timepoint *now)
{
	if (c->cur.final && lane_due(c) == due_before)
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
	int64_t due = lane_due(c);
	int rc;

	rc = basket_take(c, b);
	if (rc < 0)
		return rc;
	lane_touch_time(c, now);
	lane_reprice(c, now);
	if (paying)
		basket_under_payment(c, due, now);
	if (b->closed) {
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
	if ((!same && b->closed) || ((!same || c->cur.ticket[0] == '\0') &&
				     lane_is_ended_ticket(c, b->ticket, b->rev, now)))
		return -EALREADY; /* late word of a ticket that has ended */
	if (same && c->cur.rev > 0 && b->rev <= c->cur.rev)
		return -EALREADY;
	if (b->rev == 0)
		return -EINVAL;
	if (!same) {
		leave_old_ticket(c, now);
		lane_begin(c, ev->fresh.checkout, now);
	}
	if (c->cur.ticket[0] == '\0' && lane_is_blocked_ticket(c, b->ticket, b->rev, now))
		c->cur.pay_blocked = true;
	if (b->training)
		c->cur.training = true;
	return basket_newer(c, b, now);
}
