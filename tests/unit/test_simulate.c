/* The parts of a simulation that count: tables, spreads, limits that go on over baskets. */
#include "base/json.h"
#include "ctl/keyed.h"
#include "ctl/ledger.h"
#include "ctl/spread.h"

#include "unit.h"

#define KEYS 20000u

static struct str
key_of(char buf[16], unsigned i)
{
	return (struct str){ buf, (size_t)snprintf(buf, 16, "k%u", i) };
}

START_TEST(a_table_finds_what_was_put_and_nothing_else)
{
	struct keyed *k = keyed_new(sizeof(uint32_t), KEYS);
	char buf[16];
	struct str key;

	ck_assert_ptr_nonnull(k);
	ck_assert_ptr_null(keyed_find(k, STR("")));
	for (unsigned i = 0; i < KEYS; i++) {
		uint32_t *v = keyed_get(k, key_of(buf, i));

		ck_assert_ptr_nonnull(v);
		ck_assert_uint_eq(*v, 0);
		*v = i + 1;
	}
	ck_assert_uint_eq(keyed_count(k), KEYS);
	ck_assert_ptr_null(keyed_get(k, STR("one too many")));
	ck_assert_ptr_null(keyed_find(k, STR("k")));
	for (unsigned i = 0; i < KEYS; i++) {
		ck_assert_uint_eq(*(uint32_t *)keyed_find(k, key_of(buf, i)), i + 1);
		ck_assert_ptr_eq(keyed_at(k, i, &key), keyed_get(k, key_of(buf, i)));
		ck_assert(str_eq(key, key_of(buf, i)));
	}
	keyed_free(k);
}
END_TEST

START_TEST(quantiles_are_exact_below_and_close_above)
{
	struct spread *s = spread_new();

	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(spread_quantile(s, 500), 0);
	for (int64_t i = 1000; i > 0; i--)
		spread_add(s, i);
	for (unsigned q = 1; q <= 1000; q++)
		ck_assert_int_eq(spread_quantile(s, q), q);
	ck_assert_int_eq(spread_quantile(s, 0), 1);
	spread_free(s);
	for (int64_t amount = 1; amount > 0 && amount < INT64_MAX / 3;
	     amount = amount * 3 + 1) {
		int64_t got;

		s = spread_new();
		ck_assert_ptr_nonnull(s);
		spread_add(s, amount);
		got = spread_quantile(s, 500);
		ck_assert(got <= amount && amount - got <= amount / 256);
		ck_assert(amount >= SPREAD_EXACT_MAX || got == amount);
		spread_free(s);
	}
	s = spread_new();
	ck_assert_ptr_nonnull(s);
	spread_add(s, INT64_MAX);
	ck_assert_int_gt(spread_quantile(s, 950), INT64_MAX / 256 * 255);
	spread_free(s);
}
END_TEST

/* Every quantile is what sorting would give. */
START_TEST(quantiles_are_those_of_the_sorted_list)
{
	static const int64_t list[] = { 5, 5, 7, 100, 100, 100, 3000, 65535 };
	size_t n = sizeof(list) / sizeof(list[0]);
	struct spread *s = spread_new();

	ck_assert_ptr_nonnull(s);
	for (size_t i = 0; i < n; i++)
		spread_add(s, list[(i * 5) % n]);
	for (unsigned q = 1; q <= 1000; q++)
		ck_assert_int_eq(spread_quantile(s, q), list[(q * n + 999) / 1000 - 1]);
	spread_free(s);
}
END_TEST

static const char rules_text[] =
	"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":["
	"{\"id\":\"all\",\"kind\":\"percent\",\"scope\":{\"all\":true},\"params\":"
	"{\"percent_bp\":1},\"limits\":{\"total\":9}},"
	"{\"id\":\"day\",\"kind\":\"percent\",\"scope\":{\"all\":true},\"params\":"
	"{\"percent_bp\":1},\"who\":{\"member\":true},\"limits\":{\"per_day\":2}},"
	"{\"id\":\"free\",\"kind\":\"percent\",\"scope\":{\"all\":true},\"params\":"
	"{\"percent_bp\":1},\"limits\":{\"per_basket\":2}}]}";

/* What a basket of a member on a day applied: each rule so often. */
static void
count(struct ledger *l, const char *number, int32_t day, uint32_t all, uint32_t on_day)
{
	struct pricing_rule_result list[] = {
		{ .reason = PRICING_APPLIED, .applications = all },
		{ .reason = PRICING_APPLIED, .applications = on_day },
		{ .reason = PRICING_APPLIED, .applications = 5 },
	};
	struct pricing_result result = { .rules = list, .rules_count = 3 };
	struct past_basket b = { .member_number = str_of(number),
				 .at = { .business_day = day } };

	ck_assert_int_eq(ledger_count(l, &b, &result), 0);
}

static void
expect(struct ledger *l, const char *number, int32_t day, const char *want)
{
	struct past_basket b = { .member_number = str_of(number),
				 .at = { .business_day = day } };
	const struct pricing_use *uses = NULL;
	size_t n = 0;
	char text[256] = "";
	struct strbuf out;

	strbuf_init(&out, text, sizeof(text));
	ledger_uses(l, &b, &uses, &n);
	for (size_t i = 0; i < n; i++)
		strbuf_addf(&out, "%.*s %lld %lld %lld;", (int)uses[i].rule.n,
			    uses[i].rule.p, (long long)uses[i].member_used,
			    (long long)uses[i].member_day_used,
			    (long long)uses[i].total_used);
	ck_assert_str_eq(text, want);
}

START_TEST(uses_are_counted_by_rule_member_and_day)
{
	struct rulefile f = { .arena = arena_new(1u << 20) };
	const struct value *list[3], *rules = NULL;
	struct ledger *l;
	uint32_t n = 0;

	ck_assert_ptr_nonnull(f.arena);
	ck_assert_int_eq(json_parse(f.arena, str_of(rules_text), 0, &f.set, NULL), 0);
	ck_assert_int_eq(value_get_array(f.set, "rules", &rules), 0);
	for (const struct value *v = rules->first; v != NULL; v = v->next)
		list[n++] = v;
	f.list = list;
	f.count = n;
	l = ledger_new(&f);
	ck_assert_ptr_nonnull(l);
	expect(l, "a", 1, "");
	count(l, "a", 1, 2, 1);
	expect(l, "a", 1, "all 0 0 2;day 1 1 1;");
	expect(l, "b", 1, "all 0 0 2;day 0 0 1;");
	count(l, "b", 1, 1, 2);
	expect(l, "a", 2, "all 0 0 3;day 1 0 3;"); /* another day */
	count(l, "a", 2, 0, 1);
	expect(l, "a", 2, "all 0 0 3;day 2 1 4;");
	count(l, "", 2, 1, 1); /* nobody's number: only in all */
	expect(l, "", 2, "all 0 0 4;day 0 0 5;");
	ledger_free(l);
	arena_free(f.arena);
}
END_TEST

UNIT_MAIN("simulate", a_table_finds_what_was_put_and_nothing_else,
	  quantiles_are_exact_below_and_close_above,
	  quantiles_are_those_of_the_sorted_list, uses_are_counted_by_rule_member_and_day)
