#include "oracle/value.h"
#include "pricing_cases.h"

#include <inttypes.h>

/*
 * Points: what a member earns on what is left to pay, and what points could pay. Worked out here
 * from docs/promotions.md and the prices of the answer.
 */
#define CASES_DEFAULT 6000

static int64_t
low(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* A line of the case in the answer: what it costs, and what was taken off. */
static int64_t
net_of(const struct oracle_case *c, const struct cases_answer *a, int line)
{
	return a->r->line_net_minor[cases_line(a, c->lines[line].id)];
}

static int64_t
scope_net(const struct oracle_case *c, const struct cases_answer *a,
	  const struct oracle_rule *r)
{
	int64_t sum = 0;

	for (int l = 0; l < c->lines_count; l++)
		sum += oracle_covers(c, r, l) ? net_of(c, a, l) : 0;
	return sum;
}

/* A discount applied in the rule's group: then its points do not. */
static bool
group_taken(const struct oracle_case *c, const struct cases_answer *a, int rule)
{
	for (int i = 0; i < c->rules_count; i++)
		if (c->rules[rule].group > 0 &&
		    c->rules[i].group == c->rules[rule].group &&
		    !oracle_is_points(&c->rules[i]) && a->r->rules[i].discount_minor > 0)
			return true;
	return false;
}

static bool
may_count(const struct oracle_parts *p, const struct cases_answer *a, int rule)
{
	return p->c->known && oracle_may_apply(p, &p->c->rules[rule]) &&
	       !group_taken(p->c, a, rule);
}

/* The fewest and the most points a rule may earn: how many units are free is not always told. */
static void
earned(const struct oracle_case *c, const struct cases_answer *a,
       const struct oracle_rule *r, int64_t *ret_least, int64_t *ret_most)
{
	int64_t least = 0, most = 0;

	if (r->per_minor > 0)
		least = most = scope_net(c, a, r) / r->per_minor;
	for (int l = 0; r->per_minor == 0 && l < c->lines_count; l++) {
		int64_t net = oracle_covers(c, r, l) ? net_of(c, a, l) : 0;

		if (net == 0)
			continue;
		most += c->lines[l].units;
		least += net == c->lines[l].amount ? c->lines[l].units : 0;
	}
	*ret_least = least * r->points;
	*ret_most = most * r->points;
	if (r->most_points > 0) {
		*ret_least = low(*ret_least, r->most_points);
		*ret_most = low(*ret_most, r->most_points);
	}
}

static bool
earning_differs(const struct oracle_parts *p, const struct cases_answer *a)
{
	const struct oracle_case *c = p->c;
	int64_t all = 0;

	for (int i = 0; i < c->rules_count; i++) {
		int64_t told = a->r->rules[i].points, least, most;
		bool beaten = false;

		if (c->rules[i].kind != ORACLE_EARN)
			continue;
		earned(c, a, &c->rules[i], &least, &most);
		if (!may_count(p, a, i))
			least = most = 0;
		/* Of a group only the rule with the most points counts. */
		for (int k = 0; k < c->rules_count; k++)
			beaten = beaten || (k != i && c->rules[i].group > 0 &&
					    c->rules[k].kind == ORACLE_EARN &&
					    c->rules[k].group == c->rules[i].group &&
					    a->r->rules[k].points > 0 &&
					    a->r->rules[k].points >= least);
		all += told;
		if (told > most || (told < least && !(told == 0 && beaten)) ||
		    (told > 0 && beaten && a->r->rules[i].reason != PRICING_APPLIED))
			return cases_note("rule %d earns %" PRId64 ", not %" PRId64
					  "..%" PRId64,
					  c->rules[i].id, told, least, most);
	}
	if (all != a->r->points_earned)
		return cases_note("%" PRId64 " points, rules say %" PRId64,
				  a->r->points_earned, all);
	return false;
}

/* One rule of a group earns, at most. */
static bool
two_of_a_group(const struct oracle_case *c, const struct cases_answer *a)
{
	for (int i = 0; i < c->rules_count; i++)
		for (int k = 0; k < i; k++)
			if (c->rules[i].kind == ORACLE_EARN && c->rules[i].group > 0 &&
			    c->rules[k].kind == ORACLE_EARN &&
			    c->rules[i].group == c->rules[k].group &&
			    a->r->rules[i].points > 0 && a->r->rules[k].points > 0)
				return cases_note("rules %d and %d of a group", k, i);
	return false;
}

static bool
burning_differs(const struct oracle_parts *p, const struct cases_answer *a)
{
	const struct oracle_case *c = p->c;
	int64_t best = 0, points = 0;

	for (int i = 0; i < c->rules_count; i++) {
		const struct oracle_rule *r = &c->rules[i];
		int64_t most, k;

		if (r->kind != ORACLE_BURN || !may_count(p, a, i))
			continue;
		most = scope_net(c, a, r) * (r->most_bp > 0 ? r->most_bp : 10000) / 10000;
		k = low(c->points / r->points, most / r->reward.value);
		if (k * r->points < r->least_points || k * r->reward.value <= best)
			continue;
		best = k * r->reward.value;
		points = k * r->points;
	}
	if (a->r->burn.worth_minor != best || a->r->burn.points != points)
		return cases_note("%" PRId64 " points worth %" PRId64 ", not %" PRId64
				  " worth %" PRId64,
				  a->r->burn.points, a->r->burn.worth_minor, points,
				  best);
	return false;
}

static bool
points_differ(const struct oracle_case *c, void *ctx)
{
	struct oracle_parts p;
	struct cases_answer a;
	bool bad;

	(void)ctx;
	if (!cases_price(&a, c, 0, NULL))
		return false;
	oracle_parts(c, &p);
	bad = earning_differs(&p, &a) || burning_differs(&p, &a) || two_of_a_group(c, &a);
	cases_free(&a);
	return bad;
}

START_TEST(points_are_what_the_rules_say)
{
	cases_hold("points", cases_count(CASES_DEFAULT), points_differ);
}
END_TEST

/* Points never change what is paid. */
static bool
points_change_the_price(const struct oracle_case *c, void *ctx)
{
	struct oracle_case *without = malloc(sizeof(*without));
	int64_t a = cases_total(c), b;

	(void)ctx;
	ck_assert_ptr_nonnull(without);
	oracle_copy(without, c);
	without->rules_count = 0;
	for (int i = 0; i < c->rules_count; i++)
		if (!oracle_is_points(&c->rules[i]))
			without->rules[without->rules_count++] = c->rules[i];
	b = cases_total(without);
	free(without);
	return a >= 0 && b >= 0 && a != b &&
	       cases_note("%" PRId64 " with points rules, %" PRId64 " without", a, b);
}

START_TEST(points_never_change_the_price)
{
	cases_hold("points and price", cases_count(CASES_DEFAULT) / 4,
		   points_change_the_price);
}
END_TEST

CASES_MAIN("pricing_points", points_are_what_the_rules_say, points_never_change_the_price)
