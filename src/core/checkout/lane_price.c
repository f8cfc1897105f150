#include "core/checkout/lane_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FNV_START UINT64_C(14695981039346656037)

/* Everything that one call of the price engine borrows. */
struct priceable {
	struct pricing_line
		*lines; /* by ascending number, as the engine numbers its answer */
	uint32_t *from; /* of each: its index among the checkout's lines */
	size_t lines_count;
	int64_t rest_minor; /* lines that no offer may see: returns and deposits below zero */
	struct lane_use *used;
	struct pricing_use *uses;
	struct str groups[LANE_GROUPS_MAX], coupons[LANE_COUPONS_MAX];
	struct pricing_member member;
};

static void
price_clear(struct price *p)
{
	free(p->told);
	free(p->discounts);
	memset(p, 0, sizeof(*p));
}

void
lane_lines_set(struct checkout *k, struct basket_line *lines, uint32_t count)
{
	price_clear(&k->price);
	free(k->lines);
	k->lines = lines;
	k->lines_count = count;
}

void
lane_basket_clear(struct checkout *k)
{
	lane_lines_set(k, NULL, 0);
	lane_reserved_clear(k);
}

void
lane_price_forget(struct lane_core *c)
{
	c->cur.price.priced = NULL;
	c->session = pricing_session_free(c->session);
}

int64_t
lane_rest(const struct lane_core *c)
{
	int64_t rest = c->cur.total_minor - c->cur.paid_minor;

	return rest > 0 ? rest : 0;
}

int64_t
lane_due(const struct lane_core *c)
{
	return c->cur.tender.asked ? c->cur.tender.amount_minor : lane_rest(c);
}

/* ---- uses of limited rules ------------------------------------------------- */

static void
use_for_pricing(struct pricing_use *to, const struct lane_use *from)
{
	to->rule = str_of(from->rule);
	to->member_used = from->member_used;
	to->member_day_used = from->member_day_used;
	to->total_used = from->total_used;
	to->budget_used_minor = from->budget_used_minor;
}

/* A member's were told with the member; strangers have the totals and what is not stored yet. */
static int
priceable_uses(const struct lane_core *c, struct priceable *p)
{
	bool known = p->member.known;
	const struct lane_use *from = known ? c->cur.uses : c->totals;
	uint32_t count = known ? c->cur.member.uses_count : c->totals_count;
	uint32_t room = count + (known ? 0 : lane_unsaved_count(c)) + 1u;

	p->used = calloc(room, sizeof(*p->used));
	p->uses = calloc(room, sizeof(*p->uses));
	if (p->used == NULL || p->uses == NULL)
		return -ENOMEM;
	if (count > 0)
		memcpy(p->used, from, count * sizeof(*p->used));
	if (!known)
		lane_add_unsaved(c, NULL, p->used, &count);
	for (uint32_t i = 0; i < count; i++)
		use_for_pricing(&p->uses[i], &p->used[i]);
	p->member.uses = p->uses;
	p->member.uses_count = count;
	/* Where the list of what waits for the journal is full, no use could be kept either. */
	p->member.uses_unknown =
		(known ? c->cur.member.uses_unknown : c->totals_unknown) ||
		c->ended_count == LANE_ENDED_MAX;
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
		p->member.points = m->points;
	}
	return priceable_uses(c, p);
}

/* ---- lines ----------------------------------------------------------------- */

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
	to->floor_minor = from->floor_minor;
	to->vat_bp = from->vat_bp;
	to->weighed = from->weighed;
	to->excluded = from->excluded;
	to->reduced = from->reduced;
}

static bool
is_priceable(const struct basket_line *l)
{
	return !l->is_void && l->amount_minor >= 0 && l->unit_price_minor >= 0;
}

/* A line and its place in the basket, to be put in order. */
struct placed {
	uint32_t line, index;
};

static int
compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return x->line < y->line ? -1 : x->line > y->line;
}

static int
priceable_lines(const struct checkout *k, struct priceable *p)
{
	struct placed *order = calloc(k->lines_count + 1u, sizeof(*order));
	bool sorted = true;
	uint32_t n = 0;
	int rc = -ENOMEM;

	p->lines = calloc(k->lines_count + 1u, sizeof(*p->lines));
	p->from = calloc(k->lines_count + 1u, sizeof(*p->from));
	if (order == NULL || p->lines == NULL || p->from == NULL)
		goto out;
	for (uint32_t i = 0; i < k->lines_count; i++) {
		const struct basket_line *l = &k->lines[i];

		if (is_priceable(l)) {
			sorted = sorted && (n == 0 || order[n - 1].line < l->line);
			order[n++] = (struct placed){ l->line, i };
		} else if (!l->is_void) {
			p->rest_minor += l->amount_minor;
		}
	}
	if (!sorted)
		qsort(order, n, sizeof(order[0]), compare_placed);
	for (uint32_t i = 0; i < n; i++) {
		p->from[i] = order[i].index;
		priceable_line(&p->lines[i], &k->lines[order[i].index]);
	}
	p->lines_count = n;
	rc = 0;
out:
	free(order);
	return rc;
}

/* ---- what is told ---------------------------------------------------------- */

/* "de" of "de-AT"; empty where there is no such part. */
static struct str
first_subtag(struct str language)
{
	const char *dash = language.n > 0 ? memchr(language.p, '-', language.n) : NULL;

	return (struct str){ language.p, dash != NULL ? (size_t)(dash - language.p) : 0 };
}

/* In the member's language, else the lane's, else English; without any text the rule's id. */
static struct str
text_for(const struct lane_core *c, struct str rule)
{
	const struct checkout *k = &c->cur;
	struct str member =
		str_of(k->member_state == MEMBER_KNOWN ? k->member.language : "");
	const struct str wanted[] = { member, first_subtag(member), c->env.language,
				      first_subtag(c->env.language) };
	struct str text;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (wanted[i].n > 0 &&
		    pricing_rule_text_in(c->env.rules, rule, wanted[i], &text) == 0)
			return text;
	}
	return pricing_rule_text(c->env.rules, rule, STR("en"));
}

static void
tell(const struct lane_core *c, struct str rule, struct told_rule *to)
{
	/* The compiler of rules refuses longer ones: an empty text is the worst of it. */
	(void)str_copy(to->id, sizeof(to->id), rule);
	(void)str_copy(to->text, sizeof(to->text), text_for(c, rule));
}

/* The rules that the shares name, each once; told_of[rule] is its place plus one. */
static int
keep_told(struct lane_core *c, uint32_t *told_of)
{
	struct price *p = &c->cur.price;
	const struct pricing_result *r = p->priced;
	uint32_t count = 0;

	for (size_t i = 0; i < r->shares_count; i++) {
		if (told_of[r->shares[i].rule] == 0)
			told_of[r->shares[i].rule] = ++count;
	}
	p->told = calloc(count + 1u, sizeof(*p->told));
	if (p->told == NULL)
		return -ENOMEM;
	p->told_count = count;
	for (size_t i = 0; i < r->rules_count; i++) {
		if (told_of[i] > 0)
			tell(c, r->rules[i].id, &p->told[told_of[i] - 1]);
	}
	return 0;
}

/* The discounts so far of one line, newest first; 0 ends. */
struct chains {
	uint32_t *last_of; /* by line: its newest discount plus one */
	uint32_t *before;  /* by discount: the line's one before it plus one */
};

/* The line's discount by this rule; a new one where there is none. */
static struct lane_discount *
find_discount(struct price *p, const struct chains *chains, uint32_t line,
	      const struct told_rule *told)
{
	struct lane_discount *d;
	uint32_t i = chains->last_of[line];

	while (i > 0 && p->discounts[i - 1].rule.p != told->id)
		i = chains->before[i - 1];
	if (i > 0)
		return &p->discounts[i - 1];
	d = &p->discounts[p->discounts_count];
	d->rule = str_of(told->id);
	d->text = str_of(told->text);
	chains->before[p->discounts_count++] = chains->last_of[line];
	chains->last_of[line] = p->discounts_count;
	return d;
}

/* One discount line a rule and basket line. */
static int
keep_discounts(struct lane_core *c, const struct priceable *from)
{
	struct checkout *k = &c->cur;
	struct price *p = &k->price;
	const struct pricing_result *r = p->priced;
	uint32_t *told_of = calloc(r->rules_count + 1u, sizeof(*told_of));
	struct chains chains = {
		.last_of = calloc(from->lines_count + 1u, sizeof(uint32_t)),
		.before = calloc(r->shares_count + 1u, sizeof(uint32_t)),
	};
	int rc = -ENOMEM;

	p->discounts = calloc(r->shares_count + 1u, sizeof(*p->discounts));
	if (told_of == NULL || p->discounts == NULL || chains.last_of == NULL ||
	    chains.before == NULL)
		goto out;
	rc = keep_told(c, told_of);
	for (size_t i = 0; rc == 0 && i < r->shares_count; i++) {
		const struct pricing_share *s = &r->shares[i];
		struct lane_discount *d = find_discount(p, &chains, s->line_index,
							&p->told[told_of[s->rule] - 1]);

		d->line = k->lines[from->from[s->line_index]].line;
		d->amount_minor += s->discount_minor;
	}
out:
	free(told_of);
	free(chains.last_of);
	free(chains.before);
	return rc;
}

/* ---- the result ---------------------------------------------------------------- */

/* "1 more = ...": the hint that saves most. */
static void
keep_hint(struct lane_core *c, const struct priceable *from)
{
	struct checkout *k = &c->cur;
	const struct pricing_result *r = k->price.priced;
	const struct pricing_rule_result *best = NULL;

	for (size_t i = 0; i < r->rules_count; i++) {
		if (r->rules[i].missed_by_one &&
		    (best == NULL ||
		     r->rules[i].hint_saving_minor > best->hint_saving_minor))
			best = &r->rules[i];
	}
	if (best == NULL)
		return;
	tell(c, best->id, &k->price.hint);
	k->price.hint_line = k->lines[from->from[best->hint_line_index]].line;
	k->price.hint_saving_minor = best->hint_saving_minor;
}

static int
keep_result(struct lane_core *c, const struct priceable *from)
{
	struct price *p = &c->cur.price;
	int rc = keep_discounts(c, from);

	if (rc < 0)
		return rc;
	keep_hint(c, from);
	p->unproven = !p->priced->optimal;
	p->gap_minor = p->priced->gap_minor;
	p->member_saving_minor = p->priced->saving_versus_stranger_minor;
	p->points_earned = p->priced->points_earned;
	p->burn_points = p->priced->burn.points;
	p->burn_minor = p->priced->burn.worth_minor;
	return 0;
}

/* ---- the session ------------------------------------------------------------- */

/* FNV-1a, of eight bytes at a time; nobody outside of this process sees it. */
static uint64_t
fnv(uint64_t h, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < n; i += sizeof(h)) {
		uint64_t word = 0;

		memcpy(&word, b + i, n - i < sizeof(word) ? n - i : sizeof(word));
		h = (h ^ word) * UINT64_C(1099511628211);
		h ^= h >> 32; /* what is high must reach what is low, too */
	}
	return h ^ n;
}

/* One session for a checkout: what a change leaves alone is not searched again. */
static int
follow_member(struct lane_core *c, const struct priceable *p, const struct timepoint *now)
{
	if (c->session != NULL)
		return pricing_session_set_member(c->session, &p->member);
	return pricing_session_new(c->env.rules, &p->member, now, c->env.store,
				   c->env.lane, &c->session);
}

static int
run_pricing(struct lane_core *c, struct priceable *p, const struct timepoint *now)
{
	int rc;

	if (c->env.rules == NULL || p->lines_count == 0)
		return 0;
	rc = follow_member(c, p, now);
	if (rc < 0)
		return rc;
	pricing_session_set_time(c->session, now);
	rc = pricing_session_set_lines(c->session, p->lines, p->lines_count);
	if (rc == 0)
		rc = pricing_session_price(c->session, &c->env.budget,
					   &c->cur.price.priced);
	return rc == 0 ? keep_result(c, p) : rc;
}

/*
 * At a stranger's total: what somebody who joins now would pay less, as a member of no group who
 * has used nothing yet and never bought.
 */
static void
keep_join(struct lane_core *c, const struct priceable *p, const struct timepoint *now)
{
	struct price *price = &c->cur.price;
	struct pricing_basket basket = { p->lines, p->lines_count, c->env.store,
					 c->env.lane };
	struct pricing_member joined = p->member;
	struct pricing_budget budget = c->env.budget;
	struct pricing_result *r = NULL;

	if (price->priced == NULL || p->member.known || !c->cur.final)
		return;
	joined.known = joined.first_purchase = true;
	budget.price_only = true;
	if (pricing_price(c->env.rules, &basket, &joined, now, &budget, &r) < 0)
		return; /* it is only shown */
	if (r->total_minor < price->priced->total_minor)
		price->join_saving_minor = price->priced->total_minor - r->total_minor;
	(void)pricing_result_free(r); /* gives NULL */
}

static void
set_net(struct checkout *k, uint32_t line, int64_t net)
{
	struct basket_line *l = &k->lines[line];

	k->basket_changed = k->basket_changed || !l->has_net || l->net_minor != net;
	l->net_minor = net;
	l->has_net = true;
}

/* What each line costs after all offers; the journal keeps it with the line. */
static void
keep_nets(struct lane_core *c, const struct priceable *p)
{
	struct checkout *k = &c->cur;
	const struct pricing_result *r = c->env.price_pos ? NULL : k->price.priced;

	for (uint32_t i = 0; i < k->lines_count; i++) {
		const struct basket_line *l = &k->lines[i];

		if (r == NULL || !is_priceable(l))
			set_net(k, i, l->is_void ? 0 : l->amount_minor);
	}
	for (uint32_t n = 0; r != NULL && n < p->lines_count; n++)
		set_net(k, p->from[n], r->line_net_minor[n]);
}

static uint64_t
hash_of_prices(const struct checkout *k)
{
	uint64_t h = FNV_START;

	for (uint32_t i = 0; i < k->lines_count; i++)
		h = fnv(h, &k->lines[i].net_minor, sizeof(k->lines[i].net_minor));
	for (uint32_t i = 0; i < k->price.discounts_count; i++) {
		const struct lane_discount *d = &k->price.discounts[i];

		h = fnv(h, &d->line, sizeof(d->line));
		h = fnv(h, &d->amount_minor, sizeof(d->amount_minor));
		h = fnv(h, d->rule.p, d->rule.n);
		h = fnv(h, d->text.p, d->text.n);
	}
	return h;
}

/* Totals from the price engine or, without it, as the POS has them. */
static void
keep_totals(struct lane_core *c, const struct priceable *p)
{
	struct checkout *k = &c->cur;
	const struct pricing_result *r = k->price.priced;

	k->gross_minor = 0;
	for (uint32_t i = 0; i < k->lines_count; i++) {
		if (!k->lines[i].is_void)
			k->gross_minor += k->lines[i].amount_minor;
	}
	k->saving_minor = r != NULL ? r->saving_minor : 0;
	k->total_minor = r != NULL ? r->total_minor + p->rest_minor : k->gross_minor;
	if (c->env.price_pos)
		k->total_minor = k->gross_minor;
	keep_nets(c, p);
	k->price.hash = hash_of_prices(k);
}

void
lane_offer(struct lane_core *c)
{
	struct checkout *k = &c->cur;
	struct lane_effect *fx;

	if (k->training || k->ticket[0] == '\0' || k->rev == 0 || k->tender.total_only ||
	    (c->faults.adapter_down && !c->env.pos_asks) || c->faults.environment)
		return;
	/* A POS must not have been told another price since, when the ticket is paid after all. */
	if (lane_pay_is_unstored(c)) {
		k->offer = 0; /* lane_core_step offers it when the journal is back */
		return;
	}
	if (k->untold) {
		/* The price stands, and is told once more; not without memory for what it uses. */
		if (lane_reserve_again(k) < 0)
			return;
		c->cur_dirty = true;
	}
	fx = lane_send(c, FX_OFFER);
	k->told = true;
	k->offer = fx->offer.serial = ++c->serial;
	k->offers++;
	k->offered_rev = k->rev;
	fx->offer.ticket = k->ticket;
	fx->offer.rev = k->rev;
	fx->offer.member_no = k->member_state == MEMBER_KNOWN ? k->member.number : "";
	fx->offer.total_minor = k->total_minor;
	if (c->env.price_pos)
		return;
	fx->offer.discounts = k->price.discounts;
	fx->offer.discounts_count = k->price.discounts_count;
	fx->offer.saving_minor = k->saving_minor;
}

/* By which time offers hold: our clock's, or, while that is doubted, the POS's where it tells. */
static void
offers_time(const struct lane_core *c, const struct timepoint *now,
	    struct timepoint *ret_at)
{
	*ret_at = *now;
	if (!c->faults.clock_doubted || c->cur.pos_local_ms == 0)
		return;
	ret_at->wall_ms = c->cur.pos_local_ms - INT64_C(1000) * now->local_offset_s;
	ret_at->business_day = civil_yyyymmdd(c->cur.pos_local_ms, 0);
}

void
lane_reprice(struct lane_core *c, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	struct timepoint at;
	struct priceable p;
	int rc;

	if (k->tender.total_only)
		return; /* there is nothing to price, and nobody to tell */
	/* A part is paid: what was told stands for whoever pays the rest. */
	if (k->paid_minor > 0 && !k->basket_changed &&
	    (k->saving_minor == 0 || k->price.discounts_count > 0)) {
		if (k->offered_rev != k->rev)
			lane_offer(c);
		return;
	}
	offers_time(c, now, &at);
	memset(&p, 0, sizeof(p));
	k->priced_for = k->member.member;
	k->offer_tries = 0;
	price_clear(&k->price);
	rc = priceable_lines(k, &p);
	if (rc == 0)
		rc = priceable_member(c, &p);
	if (rc == 0)
		rc = run_pricing(c, &p, &at);
	if (rc < 0) {
		price_clear(&k->price);
		c->session = pricing_session_free(c->session);
		lane_audit(c, "pricing-failed", NULL, "sold at the POS's own prices");
	}
	keep_join(c, &p, &at);
	keep_totals(c, &p);
	(void)lane_keep_reserved(c); /* without memory what was reserved stays so */
	free(p.lines);
	free(p.from);
	free(p.used);
	free(p.uses);
	c->cur_dirty = true;
	lane_offer(c);
}

void
lane_offer_again(struct lane_core *c, const struct timepoint *now)
{
	const struct checkout *k = &c->cur;

	if (!lane_is_active(c) || k->phase == PHASE_PAYING || k->phase == PHASE_CHECKING)
		return;
	/* A payment that outlived a restart kept its total, and nobody kept what makes it up. */
	if (k->saving_minor > 0 && k->price.discounts_count == 0)
		lane_reprice(c, now);
	lane_offer(c);
}
