#include "oracle/value.h"
#include "pricing_cases.h"

#include <inttypes.h>

/*
 * What must hold of every answer of the price engine, without knowing the best price. Each claim
 * is a function that says whether a case breaks it; what breaks one is made minimal and printed.
 */
#define CASES_DEFAULT 3000 /* LANED_PRICING_SUMS: of the sums alone */

static struct oracle_case *
copy_of(const struct oracle_case *c)
{
	struct oracle_case *copy = malloc(sizeof(*copy));

	ck_assert_ptr_nonnull(copy);
	oracle_copy(copy, c);
	return copy;
}

/* ---- sums ---- */

static bool
line_breaks(const struct pricing_result *r, const struct pricing_line *l, size_t index)
{
	int64_t floor =
		l->floor_minor < l->amount_minor ? l->floor_minor : l->amount_minor;
	int64_t net = r->line_net_minor[index], shares = 0;

	for (size_t i = 0; i < r->shares_count; i++) {
		const struct pricing_share *s = &r->shares[i];

		if (s->line_index != index)
			continue;
		shares += s->discount_minor;
		if (s->discount_minor <= 0 || s->qty_milli <= 0 ||
		    s->qty_milli > l->qty_milli)
			return cases_note("line %u: a share of %" PRId64 " on %" PRId64,
					  l->line, s->discount_minor, s->qty_milli);
	}
	if (net < floor || net < 0 || net > l->amount_minor ||
	    (l->excluded && shares > 0) || l->amount_minor - shares != net)
		return cases_note("line %u: net %" PRId64 ", shares %" PRId64, l->line,
				  net, shares);
	return false;
}

static bool
rule_breaks(const struct pricing_result *r, size_t index)
{
	const struct pricing_rule_result *rule = &r->rules[index];
	int64_t shares = 0;

	for (size_t i = 0; i < r->shares_count; i++)
		if (r->shares[i].rule == index)
			shares += r->shares[i].discount_minor;
	if (shares != rule->discount_minor || shares < 0 ||
	    (rule->discount_minor > 0 || rule->points > 0) !=
		    (rule->reason == PRICING_APPLIED) ||
	    (rule->discount_minor > 0) != (rule->applications > 0 && shares > 0))
		return cases_note("rule %zu: %s, %" PRId64 " off, shares %" PRId64
				  ", %u times",
				  index, pricing_reason_name(rule->reason),
				  rule->discount_minor, shares, rule->applications);
	return false;
}

/* Lines, rules and the whole agree, in all and at every rate of tax. */
static bool
sums_break(const struct oracle_case *c, void *ctx)
{
	int64_t total = 0, shares = 0, rate_net = 0, rate_amount = 0, rate_shares = 0;
	struct cases_answer a;
	bool bad = false;

	(void)ctx;
	if (!cases_price(&a, c, 0, NULL))
		return false;
	for (size_t i = 0; i < a.kit.basket.lines_count; i++) {
		const struct pricing_line *l = &a.kit.basket.lines[i];

		bad = bad || line_breaks(a.r, l, i);
		total += a.r->line_net_minor[i];
		if (l->vat_bp == a.kit.basket.lines[0].vat_bp) {
			rate_net += a.r->line_net_minor[i];
			rate_amount += l->amount_minor;
		}
	}
	for (size_t i = 0; i < a.r->rules_count; i++)
		bad = bad || rule_breaks(a.r, i);
	for (size_t i = 0; i < a.r->shares_count; i++) {
		const struct pricing_line *l =
			&a.kit.basket.lines[a.r->shares[i].line_index];

		shares += a.r->shares[i].discount_minor;
		if (l->vat_bp == a.kit.basket.lines[0].vat_bp)
			rate_shares += a.r->shares[i].discount_minor;
	}
	if (total != a.r->total_minor || shares != a.r->saving_minor ||
	    a.r->gross_minor - a.r->saving_minor != total ||
	    rate_amount - rate_shares != rate_net || a.r->gap_minor < 0 ||
	    a.r->optimal != (a.r->gap_minor == 0))
		bad = cases_note("lines %" PRId64 ", total %" PRId64 ", shares %" PRId64
				 ", saving %" PRId64,
				 total, a.r->total_minor, shares, a.r->saving_minor);
	cases_free(&a);
	return bad;
}

START_TEST(lines_rules_and_tax_rates_sum_to_the_total)
{
	uint64_t count = cases_count(CASES_DEFAULT);

	cases_hold("sums", cases_setting("LANED_PRICING_SUMS", count), sums_break);
}
END_TEST

/* ---- what applies may ---- */

/* Two rules that may not be in one basket. */
static bool
exclude_each_other(const struct oracle_rule *a, const struct oracle_rule *b)
{
	return (a->group > 0 && a->group == b->group) || a->best || a->always ||
	       b->best || b->always;
}

static bool
application_breaks(const struct oracle_parts *p, const struct pricing_result *r,
		   int index)
{
	const struct oracle_rule *rule = &p->c->rules[index];
	const struct pricing_rule_result *told = &r->rules[index];

	if (!oracle_may_apply(p, rule))
		return cases_note("rule %d applies and may not", rule->id);
	if (told->applications > (uint32_t)oracle_uses_left(rule))
		return cases_note("rule %d applies %u times", rule->id,
				  told->applications);
	if (rule->budget > 0 && told->discount_minor > oracle_budget_left(rule))
		return cases_note("rule %d takes %" PRId64 " of its budget", rule->id,
				  told->discount_minor);
	for (int k = 0; k < index; k++)
		if (r->rules[k].discount_minor > 0 && told->discount_minor > 0 &&
		    exclude_each_other(rule, &p->c->rules[k]))
			return cases_note("rules %d and %d together", p->c->rules[k].id,
					  rule->id);
	return false;
}

/* Conditions, coupons, limits, budgets, groups and exclusive rules are kept. */
static bool
an_offer_breaks_its_terms(const struct oracle_case *c, void *ctx)
{
	struct oracle_parts p;
	struct cases_answer a;
	bool bad = false;

	(void)ctx;
	if (!cases_price(&a, c, 0, NULL))
		return false;
	oracle_parts(c, &p);
	for (int i = 0; i < c->rules_count && !bad; i++)
		bad = a.r->rules[i].reason == PRICING_APPLIED &&
		      application_breaks(&p, a.r, i);
	for (size_t i = 0; i < a.r->shares_count && !bad; i++) {
		const struct pricing_share *s = &a.r->shares[i];

		if (!oracle_covers(c, &c->rules[s->rule], (int)s->line_index))
			bad = cases_note("rule %d on line %d", c->rules[s->rule].id,
					 c->lines[s->line_index].id);
	}
	cases_free(&a);
	return bad;
}

START_TEST(what_applies_keeps_its_terms)
{
	cases_hold("terms", cases_count(CASES_DEFAULT), an_offer_breaks_its_terms);
}
END_TEST

/* ---- more offers, more rights ---- */

static bool
any_always(const struct oracle_case *c)
{
	for (int i = 0; i < c->rules_count; i++)
		if (c->rules[i].always)
			return true;
	return false;
}

static bool
removing_helps(const struct oracle_case *c, void *ctx)
{
	struct oracle_case *less = copy_of(c);
	struct cases_answer a;
	int64_t with = -1;
	bool bad = false;

	(void)ctx;
	if (cases_price(&a, c, 0, NULL)) {
		with = a.r->optimal ? a.r->total_minor : -1;
		cases_free(&a);
	}
	for (int i = 0; i < c->rules_count && with >= 0 && !any_always(c) && !bad; i++) {
		int64_t without;

		oracle_copy(less, c);
		less->rules[i] = less->rules[--less->rules_count];
		without = cases_total(less);
		bad = without >= 0 && without < with;
		if (bad)
			cases_note("%" PRId64 " with, %" PRId64 " without rule %d", with,
				   without, c->rules[i].id);
	}
	free(less);
	return bad;
}

START_TEST(removing_an_offer_never_lowers_the_price)
{
	cases_hold("removing an offer", cases_count(CASES_DEFAULT), removing_helps);
}
END_TEST

static bool
rights_hurt(const struct oracle_case *c, void *ctx)
{
	struct oracle_case *other = copy_of(c);
	int64_t without, with;
	bool bad;

	(void)ctx;
	other->known = false;
	other->coupons = 0;
	without = cases_total(other);
	other->known = true;
	other->coupons = 6;
	with = cases_total(other);
	free(other);
	bad = !any_always(c) && without >= 0 && with > without;
	if (bad)
		cases_note("%" PRId64 " with card and coupons, %" PRId64 " without", with,
			   without);
	return bad;
}

START_TEST(a_card_or_coupon_never_raises_the_price)
{
	cases_hold("card and coupons", cases_count(CASES_DEFAULT), rights_hurt);
}
END_TEST

/* What the card saved is what the same coupons without the card would have cost more. */
static bool
saving_by_card_lies(const struct oracle_case *c, void *ctx)
{
	struct oracle_case *other = copy_of(c);
	struct cases_answer a, b;
	bool bad = false;

	(void)ctx;
	other->known = false;
	if (!cases_price(&a, c, 0, NULL))
		goto out;
	if (cases_price(&b, other, 0, NULL)) {
		int64_t saved = b.r->total_minor - a.r->total_minor;

		bad = a.r->optimal && b.r->optimal &&
		      a.r->saving_versus_stranger_minor != saved;
		if (bad)
			cases_note("%" PRId64 " said, %" PRId64 " found",
				   a.r->saving_versus_stranger_minor, saved);
		cases_free(&b);
	}
	cases_free(&a);
out:
	free(other);
	return bad;
}

START_TEST(the_saving_by_the_card_is_true)
{
	cases_hold("saving by the card", cases_count(CASES_DEFAULT), saving_by_card_lies);
}
END_TEST

/* ---- one answer ---- */

static bool
same_rule(const struct pricing_rule_result *a, const struct pricing_rule_result *b)
{
	return a->discount_minor == b->discount_minor && a->reason == b->reason &&
	       a->applications == b->applications &&
	       a->missed_by_one == b->missed_by_one &&
	       a->hint_saving_minor == b->hint_saving_minor;
}

/* What rule takes off the line of this number. */
static int64_t
share_of(const struct cases_answer *a, uint32_t rule, size_t line)
{
	int64_t sum = 0;

	for (size_t i = 0; i < a->r->shares_count; i++)
		if (a->r->shares[i].rule == rule && a->r->shares[i].line_index == line)
			sum += a->r->shares[i].discount_minor;
	return sum;
}

/* The lines of c and all rules have the same answer in a and b. */
static bool
same_answer(const struct oracle_case *c, const struct cases_answer *a,
	    const struct cases_answer *b)
{
	if (a->r->rules_count != b->r->rules_count)
		return false;
	for (int l = 0; l < c->lines_count; l++) {
		size_t i = cases_line(a, c->lines[l].id),
		       j = cases_line(b, c->lines[l].id);

		if (a->r->line_net_minor[i] != b->r->line_net_minor[j])
			return !cases_note("line %d: %" PRId64 " or %" PRId64,
					   c->lines[l].id, a->r->line_net_minor[i],
					   b->r->line_net_minor[j]);
		for (uint32_t k = 0; k < a->r->rules_count; k++)
			if (share_of(a, k, i) != share_of(b, k, j))
				return !cases_note("line %d: shares of rule %u differ",
						   c->lines[l].id, k);
	}
	for (size_t i = 0; i < a->r->rules_count; i++)
		if (!same_rule(&a->r->rules[i], &b->r->rules[i]))
			return !cases_note("rule %zu: %s or %s", i,
					   pricing_reason_name(a->r->rules[i].reason),
					   pricing_reason_name(b->r->rules[i].reason));
	return true;
}

static bool
order_matters(const struct oracle_case *c, void *ctx)
{
	struct cases_answer a, b;
	bool bad;

	(void)ctx;
	if (!cases_price(&a, c, 0, NULL))
		return false;
	ck_assert(cases_price(&b, c, 0x5eed + (uint64_t)c->lines[0].price, NULL));
	bad = !same_answer(c, &a, &b) || a.r->total_minor != b.r->total_minor ||
	      a.r->gap_minor != b.r->gap_minor;
	cases_free(&a);
	cases_free(&b);
	return bad;
}

START_TEST(order_of_rules_and_lines_changes_nothing)
{
	cases_hold("order", cases_count(CASES_DEFAULT), order_matters);
}
END_TEST

static bool
second_time_differs(const struct oracle_case *c, void *ctx)
{
	struct cases_answer a, b;
	bool bad;

	(void)ctx;
	if (!cases_price(&a, c, 0, NULL))
		return false;
	ck_assert(cases_price(&b, c, 0, NULL));
	bad = !same_answer(c, &a, &b) || a.r->nodes != b.r->nodes ||
	      a.r->shares_count != b.r->shares_count;
	cases_free(&a);
	cases_free(&b);
	return bad;
}

START_TEST(the_same_basket_has_the_same_answer)
{
	cases_hold("determinism", cases_count(CASES_DEFAULT) / 4, second_time_differs);
}
END_TEST

static bool
any_open_scope(const struct oracle_case *c)
{
	for (int i = 0; i < c->rules_count; i++)
		if (oracle_scope_is_all(&c->rules[i].scope))
			return true;
	return false;
}

static bool
stranger_line_matters(const struct oracle_case *c, void *ctx)
{
	struct oracle_case *more = copy_of(c);
	struct cases_answer a, b;
	bool bad;

	(void)ctx;
	more->lines[more->lines_count++] =
		(struct oracle_line){ .id = 990,
				      .units = 2,
				      .price = 333,
				      .amount = 666,
				      .category = 9,
				      .code = 63,
				      .excluded = any_open_scope(c) };
	if (!cases_price(&a, c, 0, NULL)) {
		free(more);
		return false;
	}
	ck_assert(cases_price(&b, more, 0, NULL));
	bad = !same_answer(c, &a, &b) || a.r->total_minor + 666 != b.r->total_minor;
	cases_free(&a);
	cases_free(&b);
	free(more);
	return bad;
}

START_TEST(a_line_in_no_scope_changes_nothing_else)
{
	cases_hold("a line in no scope", cases_count(CASES_DEFAULT),
		   stranger_line_matters);
}
END_TEST

/* ---- one line as two ---- */

/* Nothing is rounded or chosen line by line, and no line has a floor. */
static bool
knows_no_lines(const struct oracle_case *c)
{
	for (int l = 0; l < c->lines_count; l++)
		if (c->lines[l].floor > 0)
			return false;
	for (int i = 0; i < c->rules_count; i++) {
		const struct oracle_rule *r = &c->rules[i];

		if (r->kind == ORACLE_PERCENT || r->kind == ORACLE_FIRST_NEXT ||
		    r->stack || r->kind == ORACLE_CHEAPEST_UNIT || r->cheapest_first)
			return false;
	}
	return true;
}

static bool
spends_after(const struct oracle_case *c)
{
	for (int i = 0; i < c->rules_count; i++)
		if (oracle_is_upper(&c->rules[i]) && !c->rules[i].gross)
			return true;
	return false;
}

/* A rule may take units of a line; of a bundle it is its components that do. */
static bool
takes_from(const struct oracle_case *c, const struct oracle_rule *r, int line)
{
	bool any = r->kind != ORACLE_BUNDLE;

	for (int i = 0; i < r->components_count && !any; i++)
		any = oracle_component_covers(c, r, i, line);
	return any && oracle_covers(c, r, line);
}

/* basket has some of the lines that shared may take units of, and not all. */
static bool
cuts(const struct oracle_case *c, const struct oracle_rule *basket,
     const struct oracle_rule *shared)
{
	bool in = false, out = false;

	for (int l = 0; l < c->lines_count; l++) {
		if (!takes_from(c, shared, l))
			continue;
		in = in || oracle_covers(c, basket, l);
		out = out || !oracle_covers(c, basket, l);
	}
	return in && out;
}

/*
 * An offer shared over several lines, the one to be split among them, of which a basket rule has
 * some and not others in its scope: which of equal units is the reduced one, and who gets the odd
 * minor unit, goes by lines (docs/promotions.md, "What exactly is worked out"), and so does what
 * the basket rule then finds there.
 */
static bool
shares_across(const struct oracle_case *c)
{
	for (int i = 0; i < c->rules_count; i++) {
		const struct oracle_rule *shared = &c->rules[i];

		if (shared->kind <= ORACLE_FIXED || oracle_is_points(shared) ||
		    !takes_from(c, shared, 0))
			continue;
		for (int k = 0; k < c->rules_count; k++)
			if (k != i && oracle_is_upper(&c->rules[k]) &&
			    cuts(c, &c->rules[k], shared))
				return true;
	}
	return false;
}

static bool
splitting_matters(const struct oracle_case *c, void *ctx)
{
	struct oracle_case *split;
	struct oracle_line *half;
	int64_t one = cases_total(c), two;
	bool bad;

	(void)ctx;
	if (!knows_no_lines(c) || c->lines[0].units < 2 || c->lines[0].less > 0 ||
	    shares_across(c))
		return false;
	split = copy_of(c);
	half = &split->lines[split->lines_count++];
	*half = split->lines[0];
	half->id = 991;
	half->units = 1;
	split->lines[0].units--;
	oracle_settle(half);
	oracle_settle(&split->lines[0]);
	two = cases_total(split);
	free(split);
	/* Two lines may take two offers, and so stay above a spend after offers. */
	bad = one >= 0 && (two > one || (two < one && !spends_after(c)));
	if (bad)
		cases_note("%" PRId64 " as one line, %" PRId64 " as two", one, two);
	return bad;
}

START_TEST(a_line_given_as_two_costs_the_same)
{
	cases_hold("splitting a line", cases_count(CASES_DEFAULT), splitting_matters);
}
END_TEST

/* ---- hints ---- */

/* "One more, and it applies": with one more it does, and saves what was said. */
static bool
hint_lies(const struct oracle_case *c, void *ctx)
{
	struct oracle_case *more = copy_of(c);
	struct cases_answer a, b;
	bool bad = false;

	(void)ctx;
	if (!cases_price(&a, c, 0, NULL))
		goto out;
	for (size_t i = 0; i < a.r->rules_count && !bad; i++) {
		const struct pricing_rule_result *rule = &a.r->rules[i];
		struct oracle_line *l;

		if (!rule->missed_by_one)
			continue;
		oracle_copy(more, c);
		l = &more->lines[rule->hint_line_index];
		if (l->less > 0 || l->grams > 0)
			continue;
		l->units++;
		oracle_settle(l);
		if (!cases_price(&b, more, 0, NULL))
			continue;
		bad = b.r->rules[i].reason != PRICING_APPLIED ||
		      b.r->saving_minor - a.r->saving_minor != rule->hint_saving_minor ||
		      rule->hint_saving_minor <= 0;
		if (bad)
			cases_note("rule %zu: hint of %" PRId64 ", it is %s, %" PRId64, i,
				   rule->hint_saving_minor,
				   pricing_reason_name(b.r->rules[i].reason),
				   b.r->saving_minor - a.r->saving_minor);
		cases_free(&b);
	}
	cases_free(&a);
out:
	free(more);
	return bad;
}

START_TEST(a_hint_keeps_its_promise)
{
	cases_hold("hints", cases_count(CASES_DEFAULT), hint_lies);
}
END_TEST

CASES_MAIN("pricing_property", lines_rules_and_tax_rates_sum_to_the_total,
	   what_applies_keeps_its_terms, removing_an_offer_never_lowers_the_price,
	   a_card_or_coupon_never_raises_the_price, the_saving_by_the_card_is_true,
	   order_of_rules_and_lines_changes_nothing, the_same_basket_has_the_same_answer,
	   a_line_in_no_scope_changes_nothing_else, a_line_given_as_two_costs_the_same,
	   a_hint_keeps_its_promise)
