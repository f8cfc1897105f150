#include "core/returns.h"
#include "pricing_cases.h"
#include "unit.h"

#include <inttypes.h>

/*
 * Sell and return: whatever is bought under whatever offers, and given back in whatever pieces and
 * order, what is refunded in the end is what was paid.
 */
#define CASES_DEFAULT 3000

/* A line that was sold, and how much of it came back. */
struct sold {
	int64_t net, parts, back, refunded;
};

/* Some parts of a line come back; false: the refund is wrong already. */
static bool
bring_back(struct sold *l, int64_t take)
{
	struct returns_step step = { l->net, l->parts, l->back, take };
	int64_t refund, share;

	if (returns_refund(&step, &refund) != 0 || refund < 0)
		return !cases_note("no refund for %" PRId64 " of %" PRId64, take,
				   l->parts);
	l->back += take;
	l->refunded += refund;
	if (returns_share(l->net, l->parts, l->back, &share) != 0 ||
	    share != l->refunded || l->refunded > l->net)
		return !cases_note("%" PRId64 " refunded for %" PRId64 " parts",
				   l->refunded, l->back);
	return true;
}

/* Gives back random pieces of random lines until nothing is left. */
static bool
return_all(struct sold *lines, size_t count, uint64_t seed)
{
	size_t open = count;
	uint64_t s = seed;

	while (open > 0) {
		struct sold *l = &lines[oracle_next(&s) % count];
		int64_t left = l->parts - l->back, take;

		if (left == 0)
			continue;
		take = oracle_chance(&s, 20)
			       ? left
			       : 1 + (int64_t)(oracle_next(&s) % (uint64_t)left);
		if (!bring_back(l, take))
			return false;
		open -= l->back == l->parts;
	}
	return true;
}

/* ctx: the seed of the order. */
static bool
refunds_differ(const struct oracle_case *c, void *ctx)
{
	uint64_t seed = ctx != NULL ? *(const uint64_t *)ctx
				    : (uint64_t)c->lines[0].price * 31 + 7;
	struct sold lines[ORACLE_LINES_MAX];
	struct cases_answer a;
	int64_t refunded = 0, total;
	bool good;

	if (!cases_price(&a, c, 0, NULL))
		return false;
	for (size_t i = 0; i < a.kit.basket.lines_count; i++) {
		const struct pricing_line *l = &a.kit.basket.lines[i];
		bool measured;

		lines[i] = (struct sold){ .net = a.r->line_net_minor[i] };
		lines[i].parts = returns_parts(l->qty_milli, l->weighed, &measured);
	}
	total = a.r->total_minor;
	good = return_all(lines, a.kit.basket.lines_count, seed);
	for (size_t i = 0; i < a.kit.basket.lines_count; i++)
		refunded += lines[i].refunded;
	cases_free(&a);
	if (good && refunded != total)
		cases_note("paid %" PRId64 ", refunded %" PRId64, total, refunded);
	return !good || refunded != total;
}

START_TEST(whatever_comes_back_in_whatever_order_refunds_what_was_paid)
{
	cases_hold("sell and return", cases_count(CASES_DEFAULT), refunds_differ);
}
END_TEST

/* Two customers with the same receipt who end with the same goods have the same money. */
static bool
order_of_returns_matters(const struct oracle_case *c, void *ctx)
{
	struct cases_answer a;
	bool bad = false;

	(void)ctx;
	if (!cases_price(&a, c, 0, NULL))
		return false;
	for (size_t i = 0; i < a.kit.basket.lines_count && !bad; i++) {
		const struct pricing_line *l = &a.kit.basket.lines[i];
		int64_t net = a.r->line_net_minor[i], parts;
		struct sold once = { .net = net }, piecewise = { .net = net };
		bool measured;

		parts = returns_parts(l->qty_milli, l->weighed, &measured);
		once.parts = piecewise.parts = parts;
		bad = !bring_back(&once, parts / 2 + 1);
		for (int64_t k = 0; k < parts / 2 + 1 && !bad && parts < 100; k++)
			bad = !bring_back(&piecewise, 1);
		if (!bad && parts < 100 && once.refunded != piecewise.refunded)
			bad = cases_note("%" PRId64 " at once, %" PRId64
					 " piece by piece",
					 once.refunded, piecewise.refunded);
	}
	cases_free(&a);
	return bad;
}

START_TEST(pieces_refund_what_they_do_together)
{
	cases_hold("returns in pieces", cases_count(CASES_DEFAULT),
		   order_of_returns_matters);
}
END_TEST

CASES_MAIN("pricing_returns", whatever_comes_back_in_whatever_order_refunds_what_was_paid,
	   pieces_refund_what_they_do_together)
