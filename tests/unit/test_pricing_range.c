#include "pricing_cases.h"

#include <errno.h>
#include <inttypes.h>

/*
 * Values near the limits: what is in range is priced to the cent, what is not is refused, and
 * nothing wraps (the undefined behaviour sanitizer runs this, too).
 */
#define CASES_DEFAULT 1500

/* ---- large but allowed: a random case in much dearer goods ---- */

static void
scale_reward(struct oracle_reward *r, int64_t by)
{
	if (r->form == ORACLE_BY_AMOUNT || r->form == ORACLE_BY_PRICE)
		r->value *= by;
}

static void
scale_rule(struct oracle_rule *r, int64_t by)
{
	scale_reward(&r->reward, by);
	scale_reward(&r->first, by);
	if (r->kind == ORACLE_BURN)
		r->reward.value *= by;
	r->cap *= by;
	r->spend *= by;
	r->budget *= by;
	r->budget_used *= by;
	r->per_minor *= by;
	for (int i = 0; r->kind == ORACLE_BASKET_TIERS && i < r->tiers_count; i++) {
		if (!r->tiers_of_units)
			r->tiers[i].from *= by;
		if (r->reward.form == ORACLE_BY_AMOUNT)
			r->tiers[i].value *= by;
	}
}

/* Makes the basket worth nearly the most that is allowed. */
static void
enlarge(struct oracle_case *c)
{
	int64_t gross = 2000, by; /* (or a rule's amount would be beyond its range) */

	for (int i = 0; i < c->lines_count; i++)
		gross += c->lines[i].amount + 3;
	by = PRICING_GROSS_MINOR_MAX / gross;
	for (int i = 0; i < c->lines_count; i++) {
		struct oracle_line *l = &c->lines[i];

		l->price = l->price * by + i;
		l->floor *= by;
		oracle_settle(l);
	}
	for (int i = 0; i < c->rules_count; i++)
		scale_rule(&c->rules[i], by);
}

static bool
large_differs(const struct oracle_case *c, void *ctx)
{
	struct oracle_case *large = malloc(sizeof(*large));
	int64_t best, total;
	bool bad = false;

	(void)ctx;
	ck_assert_ptr_nonnull(large);
	oracle_copy(large, c);
	enlarge(large);
	if (oracle_best(large, &best)) {
		total = cases_total(large);
		bad = total != best;
		if (bad)
			cases_note("dear goods: engine %" PRId64 ", oracle %" PRId64,
				   total, best);
	}
	free(large);
	return bad;
}

START_TEST(baskets_at_the_limit_equal_brute_force)
{
	cases_hold("dear goods", cases_count(CASES_DEFAULT), large_differs);
}
END_TEST

/* ---- rules at the ends of their ranges, over as many units as a line may have ---- */

#define UNITS_MAX 1000000

static void
to_the_limit(struct oracle_reward *r, uint64_t *s)
{
	if (r->form == ORACLE_BY_PERCENT)
		r->value = 10000;
	else if (r->form != ORACLE_NONE)
		r->value = oracle_chance(s, 50) ? MONEY_MINOR_MAX : 1;
}

static void
stretch_rule(struct oracle_rule *r, uint64_t *s)
{
	to_the_limit(&r->reward, s);
	to_the_limit(&r->first, s);
	if (r->kind == ORACLE_BURN)
		r->reward.value = MONEY_MINOR_MAX;
	if (r->cap > 0)
		r->cap = MONEY_MINOR_MAX;
	if (r->spend > 0)
		r->spend = oracle_chance(s, 50) ? MONEY_MINOR_MAX : 1;
	if (r->budget > 0)
		r->budget = MONEY_MINOR_MAX;
	if (r->max_units > 1)
		r->max_units = UNITS_MAX;
	if (r->n > 1)
		r->n = oracle_chance(s, 50) ? 1000 : 2;
	if (r->kind == ORACLE_WEIGHT)
		r->buy = UNITS_MAX;
	if (r->kind == ORACLE_EARN)
		r->points = UNITS_MAX;
	for (int i = 0; r->kind == ORACLE_BASKET_TIERS && i < r->tiers_count; i++)
		if (r->reward.form == ORACLE_BY_AMOUNT)
			r->tiers[i].value = MONEY_MINOR_MAX - r->tiers_count + i;
}

static void
stretch(struct oracle_case *c, uint64_t seed)
{
	uint64_t s = seed;

	for (int i = 0; i < c->lines_count; i++) {
		struct oracle_line *l = &c->lines[i];

		if (l->grams > 0)
			l->grams = UNITS_MAX * 1000;
		else
			l->units = oracle_chance(&s, 70) ? UNITS_MAX : l->units;
		l->price = 1 + oracle_pick(&s, 1600);
		oracle_settle(l);
	}
	for (int i = 0; i < c->rules_count; i++)
		stretch_rule(&c->rules[i], &s);
}

/* ctx: the seed that stretches. The sums must hold, and the sanitizer sees what wraps. */
static bool
stretched_breaks(const struct oracle_case *c, void *ctx)
{
	struct oracle_case *wide = malloc(sizeof(*wide));
	struct pricing_budget budget = { .nodes_max = 2000, .price_only = true };
	int64_t total = 0, shares = 0;
	struct cases_answer a;
	bool bad;

	ck_assert_ptr_nonnull(wide);
	oracle_copy(wide, c);
	stretch(wide, *(const uint64_t *)ctx);
	bad = !cases_price(&a, wide, 0, &budget);
	free(wide);
	if (bad)
		return cases_note("refused");
	for (size_t i = 0; i < a.kit.basket.lines_count; i++) {
		bad = bad || a.r->line_net_minor[i] < 0 ||
		      a.r->line_net_minor[i] > a.kit.basket.lines[i].amount_minor;
		total += a.r->line_net_minor[i];
	}
	for (size_t i = 0; i < a.r->shares_count; i++)
		shares += a.r->shares[i].discount_minor;
	bad = bad || total != a.r->total_minor || shares != a.r->saving_minor ||
	      a.r->gross_minor - shares != total || a.r->points_earned < 0 ||
	      a.r->burn.worth_minor < 0 || a.r->gap_minor < 0;
	if (bad)
		cases_note("total %" PRId64 ", lines %" PRId64 ", shares %" PRId64,
			   a.r->total_minor, total, shares);
	cases_free(&a);
	return bad;
}

START_TEST(rules_and_quantities_at_their_limits_never_wrap)
{
	uint64_t first = cases_first_seed(), count = cases_count(CASES_DEFAULT) / 15;
	struct oracle_case *c = malloc(sizeof(*c));

	ck_assert_ptr_nonnull(c);
	for (uint64_t seed = first; seed < first + count; seed++) {
		cases_random(c, seed);
		if (stretched_breaks(c, &seed))
			cases_fail("limits", c, seed, stretched_breaks, &seed);
	}
	free(c);
}
END_TEST

/* ---- beyond ---- */

static int
price(struct pricing_line *lines, size_t count)
{
	struct pricing_result *r = NULL;
	struct kit k;
	int rc;

	kit_init(&k);
	ck_assert_int_eq(
		kit_rule_list(&k, "{\"id\":\"p\",\"kind\":\"percent\",\"scope\":"
				  "{\"all\":true},\"params\":{\"percent_bp\":3333}},"
				  "{\"id\":\"b\",\"kind\":\"basket_percent\",\"scope\":"
				  "{\"all\":true},\"params\":{\"percent_bp\":100}}"),
		0);
	k.basket.lines = lines;
	k.basket.lines_count = count;
	rc = pricing_price(k.rules, &k.basket, NULL, &k.at, NULL, &r);
	if (rc == 0) {
		ck_assert_int_ge(r->total_minor, 0);
		ck_assert_int_le(r->total_minor, r->gross_minor);
		ck_assert_int_le(r->gross_minor, PRICING_GROSS_MINOR_MAX);
	}
	pricing_result_free(r);
	kit_free(&k);
	return rc;
}

static const int64_t edges[] = { INT64_MIN,
				 INT64_MIN + 1,
				 -PRICING_GROSS_MINOR_MAX,
				 -1,
				 0,
				 1,
				 999,
				 1000,
				 PRICING_GROSS_MINOR_MAX - 1,
				 PRICING_GROSS_MINOR_MAX,
				 PRICING_GROSS_MINOR_MAX + 1,
				 INT64_C(1) << 53,
				 INT64_MAX - 1,
				 INT64_MAX };
#define EDGES (sizeof(edges) / sizeof(edges[0]))

/* Every number of a line at every edge, and two at a time: an answer or a refusal. */
START_TEST(a_line_at_any_edge_is_priced_or_refused)
{
	unsigned priced = 0, refused = 0;

	for (size_t i = 0; i < EDGES * EDGES * EDGES; i++) {
		struct pricing_line l = { .line = 1,
					  .qty_milli = edges[i % EDGES],
					  .unit_price_minor = edges[i / EDGES % EDGES],
					  .amount_minor = edges[i / EDGES / EDGES],
					  .floor_minor = edges[(i + 3) % EDGES],
					  .weighed = i % 2 == 0 };
		int rc = price(&l, 1);

		ck_assert_msg(rc == 0 || rc == -EINVAL || rc == -ERANGE,
			      "%" PRId64 " x %" PRId64 " = %" PRId64 ": %d", l.qty_milli,
			      l.unit_price_minor, l.amount_minor, rc);
		/* No line of negative money or more than a basket may be worth is sold. */
		ck_assert(rc != 0 || (l.qty_milli > 0 && l.amount_minor >= 0 &&
				      l.amount_minor <= PRICING_GROSS_MINOR_MAX));
		priced += rc == 0;
		refused += rc != 0;
	}
	ck_assert_uint_gt(priced, 0);
	ck_assert_uint_gt(refused, 0);
}
END_TEST

/* Lines that are in range one by one, and together are not. */
START_TEST(a_basket_worth_too_much_is_refused)
{
	static struct pricing_line lines[PRICING_LINES_MAX + 1];
	const int64_t most = PRICING_GROSS_MINOR_MAX;

	for (uint32_t i = 0; i <= PRICING_LINES_MAX; i++)
		lines[i] = (struct pricing_line){ .line = i + 1,
						  .qty_milli = 1000,
						  .unit_price_minor = most / 1000,
						  .amount_minor = most / 1000 };
	ck_assert_int_eq(price(lines, 1000), 0);
	ck_assert_int_eq(price(lines, PRICING_LINES_MAX + 1), -EINVAL);
	lines[17].amount_minor++;
	ck_assert_int_eq(price(lines, 1000), -ERANGE);
	lines[17].amount_minor = most;
	ck_assert_int_eq(price(lines, 1000), -ERANGE);
	for (uint32_t i = 0; i < 1000; i++)
		lines[i].amount_minor = most;
	ck_assert_int_eq(price(lines, 1000), -ERANGE);
}
END_TEST

/* Every number of every kind beyond its range: refused with the rule's name, never taken. */
START_TEST(a_rule_beyond_its_range_is_refused)
{
	static const char *const rules[] = {
		"\"percent\",\"params\":{\"percent_bp\":%s}",
		"\"amount\",\"params\":{\"amount_minor\":%s}",
		"\"fixed_price\",\"params\":{\"price_minor\":%s}",
		"\"percent\",\"params\":{\"percent_bp\":100,\"max_units\":%s}",
		"\"percent\",\"params\":{\"percent_bp\":100,\"min_units\":%s}",
		"\"percent\",\"params\":{\"percent_bp\":100,\"min_spend_minor\":%s}",
		"\"percent\",\"params\":{\"percent_bp\":100},\"limits\":{\"per_basket\":%"
		"s}",
		"\"percent\",\"params\":{\"percent_bp\":100},\"limits\":{\"budget_"
		"minor\":%s}",
		"\"percent\",\"params\":{\"percent_bp\":100,\"contains\":{\"sku\":[\"a\"]"
		",\"units\":%s}}",
		"\"n_for_price\",\"params\":{\"units\":%s,\"price_minor\":100}",
		"\"n_for_price\",\"params\":{\"units\":2,\"price_minor\":%s}",
		"\"buy_get\",\"params\":{\"buy\":%s,\"get\":1,\"percent_bp\":100}",
		"\"buy_get\",\"params\":{\"buy\":1,\"get\":%s,\"percent_bp\":100}",
		"\"buy_get_cheapest\",\"params\":{\"buy\":1,\"get\":1,\"percent_bp\":%s}",
		"\"every_n\",\"params\":{\"units\":%s,\"percent_bp\":100}",
		"\"full_groups\",\"params\":{\"units\":2,\"amount_minor\":%s}",
		"\"first_and_next\",\"params\":{\"next_percent_bp\":%s}",
		"\"first_and_next\",\"params\":{\"next_price_minor\":%s}",
		"\"cheapest_percent\",\"params\":{\"percent_bp\":%s}",
		"\"bundle\",\"params\":{\"price_minor\":%s,\"components\":[{\"sku\":["
		"\"a\"]},{\"sku\":[\"b\"]}]}",
		"\"bundle\",\"params\":{\"price_minor\":1,\"components\":[{\"sku\":["
		"\"a\"],\"units\":%s},{\"sku\":[\"b\"]}]}",
		"\"distinct_set\",\"params\":{\"table\":[{\"units\":%s,\"percent_bp\":"
		"100}]}",
		"\"distinct_set\",\"params\":{\"table\":[{\"units\":2,\"percent_bp\":%s}]"
		"}",
		"\"pack\",\"params\":{\"units\":%s,\"price_minor\":100}",
		"\"buy_weight_get_weight\",\"params\":{\"buy_g\":%s,\"get_g\":1,"
		"\"percent_bp\":100}",
		"\"buy_weight_get_weight\",\"params\":{\"buy_g\":1,\"get_g\":%s,"
		"\"percent_bp\":100}",
		"\"basket_percent\",\"params\":{\"percent_bp\":%s}",
		"\"basket_percent\",\"params\":{\"percent_bp\":100,\"cap_minor\":%s}",
		"\"basket_amount\",\"params\":{\"amount_minor\":%s}",
		"\"basket_tiers\",\"params\":{\"tiers\":[{\"min_spend_minor\":%s,"
		"\"percent_bp\":100}]}",
		"\"basket_tiers\",\"params\":{\"tiers\":[{\"min_units\":1,\"amount_"
		"minor\":%s}]}",
		"\"points_earn\",\"params\":{\"points\":%s},\"who\":{\"member\":true}",
		"\"points_earn\",\"params\":{\"points\":1,\"per_minor\":%s},\"who\":{"
		"\"member\":true}",
		"\"points_burn\",\"params\":{\"points\":1,\"value_minor\":%s},\"who\":{"
		"\"member\":true}",
		"\"points_burn\",\"params\":{\"points\":1,\"value_minor\":1,\"max_bp\":%"
		"s},\"who\":{\"member\":true}",
	};
	/* (Fractions, and more than 2^53, are refused before: they are no JSON of ours.) */
	static const char *const values[] = { "-1", "9007199254740991",
					      "-9007199254740991", "1000000000000000",
					      "\"5\"" };
	char body[512], rule[640];

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		for (size_t v = 0; v <= sizeof(values) / sizeof(values[0]); v++) {
			bool good = v == sizeof(values) / sizeof(values[0]);
			const char *at = strstr(rules[i], "%s");
			struct kit k;

			(void)snprintf(body, sizeof(body), "%.*s%s%s",
				       (int)(at - rules[i]), rules[i],
				       good ? "2" : values[v], at + 2); /* fits */
			(void)snprintf(
				rule, sizeof(rule),
				"{\"id\":\"x\",\"scope\":{\"all\":true},\"kind\":%s}",
				body); /* fits */
			kit_init(&k);
			ck_assert_msg(kit_rule_list(&k, rule) == (good ? 0 : -EBADMSG),
				      "%s: %s", rule, k.errors.list[0].what);
			ck_assert(good || k.errors.count > 0);
			kit_free(&k);
		}
}
END_TEST

CASES_MAIN("pricing_range", baskets_at_the_limit_equal_brute_force,
	   rules_and_quantities_at_their_limits_never_wrap,
	   a_line_at_any_edge_is_priced_or_refused, a_basket_worth_too_much_is_refused,
	   a_rule_beyond_its_range_is_refused)
