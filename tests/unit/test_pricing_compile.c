#include "pricing_kit.h"
#include "unit.h"

#include <errno.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SCOPE "\"scope\":{\"all\":true},"
#define GOOD                                                                             \
	"{\"id\":\"g\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1000}}"

/* A rule and a part of the one error that it must give. */
struct bad_rule {
	const char *rule, *what;
};

static const struct bad_rule bad_rules[] = {
	{ "7", "a rule is a number; it must be an object" },
	{ "{\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1}}",
	  "\"id\" is missing" },
	{ "{\"id\":\"\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1}}",
	  "id has 0 bytes" },
	{ "{\"id\":\"x\"," SCOPE "\"params\":{}}", "\"kind\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"gift\"," SCOPE "\"params\":{}}",
	  "unknown kind \"gift\"; it must be percent" },
	{ "{\"id\":\"x\",\"kind\":\"percent\",\"params\":{\"percent_bp\":1}}",
	  "\"scope\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"limits\":{}}",
	  "\"params\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{}}",
	  "\"percent_bp\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":10001}}",
	  "percent_bp is 10001; it must be 1 to 10000" },
	{ "{\"id\":\"x\",\"kind\":\"amount\"," SCOPE "\"params\":{\"amount_minor\":-5}}",
	  "amount_minor is -5; it must be 1 to" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":\"5\"}}",
	  "percent_bp is a text; it must be a number" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1,"
	  "\"price_minor\":5}}",
	  "this kind of rule takes no \"price_minor\"" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1,"
	  "\"percentage\":5}}",
	  "unknown member \"percentage\"" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1},"
	  "\"wehn\":{}}",
	  "unknown member \"wehn\"" },
	{ "{\"id\":\"x\",\"kind\":\"percent\",\"scope\":{},\"params\":{\"percent_bp\":1}"
	  "}",
	  "the scope is empty" },
	{ "{\"id\":\"x\",\"kind\":\"percent\",\"scope\":{\"all\":true,\"sku\":[\"a\"]},"
	  "\"params\":{\"percent_bp\":1}}",
	  "\"all\" and lists" },
	{ "{\"id\":\"x\",\"kind\":\"percent\",\"scope\":{\"sku\":[]},"
	  "\"params\":{\"percent_bp\":1}}",
	  "sku has 0 entries" },
	{ "{\"id\":\"x\",\"kind\":\"percent\",\"scope\":{\"sku\":[\"a\"],\"exclude\":"
	  "{\"sku\":[\"a\"]}},\"params\":{\"percent_bp\":1}}",
	  "\"a\" is in the scope and in exclude" },
	{ "{\"id\":\"x\",\"kind\":\"percent\",\"scope\":{\"all\":true,\"price_min\":5,"
	  "\"price_max\":4},\"params\":{\"percent_bp\":1}}",
	  "price_min is above price_max" },
	{ "{\"id\":\"x\",\"kind\":\"n_for_price\"," SCOPE "\"params\":{\"units\":1,"
	  "\"price_minor\":1}}",
	  "units is 1; it must be 2 to" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1},"
	  "\"when\":{\"from\":\"2026-12-02\",\"to\":\"2026-12-01\"}}",
	  "it ends before it begins" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1},"
	  "\"when\":{\"from\":\"2026-02-30\"}}",
	  "from is no time" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1},"
	  "\"when\":{\"days\":[\"monday\"]}}",
	  "no day; it must be mon" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1},"
	  "\"when\":{\"hours\":[\"8-12\"]}}",
	  "no span of hours" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1},"
	  "\"when\":{\"hours\":[\"08:00-24:01\"]}}",
	  "no span of hours" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1},"
	  "\"limits\":{\"per_member\":1}}",
	  "needs \"who\"" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1},"
	  "\"limits\":{\"total\":0}}",
	  "total is 0; it must be 1 to" },
	{ "{\"id\":\"x\",\"kind\":\"fixed_price\"," SCOPE
	  "\"params\":{\"price_minor\":1},"
	  "\"combine\":{\"stack\":true}}",
	  "\"stack\" is for the kinds percent and amount only" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1,"
	  "\"max_units\":2},\"combine\":{\"stack\":true}}",
	  "a stacked rule takes whole lines" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1,"
	  "\"take\":\"cheapest\"}}",
	  "take \"cheapest\" needs max_units" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1},"
	  "\"combine\":{\"exclusive\":\"yes\"}}",
	  "exclusive must be \"best\" or \"always\"" },
	{ "{\"id\":\"x\",\"kind\":\"basket_amount\"," SCOPE
	  "\"params\":{\"amount_minor\":1,"
	  "\"min_spend_minor\":1,\"over_spend_minor\":1}}",
	  "exclude each other" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE "\"params\":{\"percent_bp\":1},"
	  "\"text\":{\"english\":1}}",
	  "text is a number; it must be a text" },
	{ "{\"id\":\"x\",\"kind\":\"every_n\"," SCOPE "\"params\":{\"units\":3}}",
	  "one of percent_bp, amount_minor and price_minor is missing" },
	{ "{\"id\":\"x\",\"kind\":\"every_n\"," SCOPE
	  "\"params\":{\"units\":3,\"percent_bp\":1,\"price_minor\":1}}",
	  "percent_bp and price_minor exclude each other" },
	{ "{\"id\":\"x\",\"kind\":\"every_n\"," SCOPE
	  "\"params\":{\"units\":1,\"percent_bp\":1}}",
	  "units is 1; it must be 2 to 1000" },
	{ "{\"id\":\"x\",\"kind\":\"full_groups\"," SCOPE
	  "\"params\":{\"units\":1001,\"amount_minor\":1}}",
	  "units is 1001; it must be 2 to 1000" },
	{ "{\"id\":\"x\",\"kind\":\"full_groups\"," SCOPE
	  "\"params\":{\"units\":2,\"amount_minor\":1,\"percent_bp\":5}}",
	  "percent_bp and amount_minor exclude each other" },
	{ "{\"id\":\"x\",\"kind\":\"full_groups\"," SCOPE
	  "\"params\":{\"percent_bp\":5}}",
	  "\"units\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"pack\"," SCOPE
	  "\"params\":{\"units\":0,\"price_minor\":1}}",
	  "units is 0; it must be 1 to 1000" },
	{ "{\"id\":\"x\",\"kind\":\"pack\"," SCOPE
	  "\"params\":{\"units\":1,\"price_minor\":-1}}",
	  "price_minor is -1; it must be 0 to" },
	{ "{\"id\":\"x\",\"kind\":\"first_and_next\"," SCOPE
	  "\"params\":{\"first_percent_bp\":5}}",
	  "one of next_percent_bp, next_amount_minor and next_price_minor is missing" },
	{ "{\"id\":\"x\",\"kind\":\"first_and_next\"," SCOPE
	  "\"params\":{\"next_percent_bp\":5,\"next_price_minor\":5}}",
	  "next_percent_bp and next_price_minor exclude each other" },
	{ "{\"id\":\"x\",\"kind\":\"first_and_next\"," SCOPE
	  "\"params\":{\"next_percent_bp\":5,\"first_amount_minor\":1,\"first_price_"
	  "minor\":5}}",
	  "first_amount_minor and first_price_minor exclude each other" },
	{ "{\"id\":\"x\",\"kind\":\"first_and_next\"," SCOPE
	  "\"params\":{\"next_percent_bp\":5,\"max_units\":1}}",
	  "there is no next unit" },
	{ "{\"id\":\"x\",\"kind\":\"first_and_next\"," SCOPE
	  "\"params\":{\"percent_bp\":5,\"next_percent_bp\":5}}",
	  "this kind of rule takes no \"percent_bp\"" },
	{ "{\"id\":\"x\",\"kind\":\"cheapest_percent\"," SCOPE "\"params\":{}}",
	  "\"percent_bp\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"cheapest_percent\"," SCOPE
	  "\"params\":{\"percent_bp\":5,\"max_units\":2}}",
	  "this kind of rule takes no \"max_units\"" },
	{ "{\"id\":\"x\",\"kind\":\"bundle\"," SCOPE "\"params\":{\"price_minor\":5}}",
	  "\"components\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"bundle\"," SCOPE
	  "\"params\":{\"price_minor\":5,\"components\":[{\"sku\":[\"a\"]}]}}",
	  "components has 1 entries; it must have 2 to 8" },
	{ "{\"id\":\"x\",\"kind\":\"bundle\"," SCOPE
	  "\"params\":{\"price_minor\":5,\"components\":{}}}",
	  "components is an object; it must be a list" },
	{ "{\"id\":\"x\",\"kind\":\"bundle\"," SCOPE
	  "\"params\":{\"price_minor\":5,\"components\":[{\"sku\":[\"a\"]},{\"units\":2}]"
	  "}}",
	  "a component names no goods; give sku, category or brand" },
	{ "{\"id\":\"x\",\"kind\":\"bundle\"," SCOPE
	  "\"params\":{\"price_minor\":5,\"components\":[{\"sku\":[\"a\"]},{\"sku\":["
	  "\"b\"],\"units\":21}]}}",
	  "units is 21; it must be 1 to 20" },
	{ "{\"id\":\"x\",\"kind\":\"bundle\"," SCOPE
	  "\"params\":{\"price_minor\":5,\"components\":[{\"sku\":[\"a\"]},{\"sku\":["
	  "\"b\"],\"scope\":1}]}}",
	  "unknown member \"scope\"" },
	{ "{\"id\":\"x\",\"kind\":\"bundle\"," SCOPE
	  "\"params\":{\"price_minor\":5,\"percent_bp\":5,\"components\":[{\"sku\":["
	  "\"a\"]},{\"sku\":[\"b\"]}]}}",
	  "percent_bp and price_minor exclude each other" },
	{ "{\"id\":\"x\",\"kind\":\"bundle\"," SCOPE
	  "\"params\":{\"components\":[{\"sku\":[\"a\"]},{\"sku\":[\"b\"]}]}}",
	  "one of percent_bp, amount_minor and price_minor is missing" },
	{ "{\"id\":\"x\",\"kind\":\"distinct_set\"," SCOPE "\"params\":{}}",
	  "\"table\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"distinct_set\"," SCOPE "\"params\":{\"table\":[]}}",
	  "table has 0 entries; it must have 1 to 20" },
	{ "{\"id\":\"x\",\"kind\":\"distinct_set\"," SCOPE
	  "\"params\":{\"table\":[{\"units\":1,\"percent_bp\":5}]}}",
	  "units is 1; it must be 2 to" },
	{ "{\"id\":\"x\",\"kind\":\"distinct_set\"," SCOPE
	  "\"params\":{\"table\":[{\"units\":3}]}}",
	  "\"percent_bp\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"distinct_set\"," SCOPE
	  "\"params\":{\"table\":[{\"units\":3,\"percent_bp\":5},{\"units\":3,\"percent_"
	  "bp\":6}]}}",
	  "it asks for no more than the entry before" },
	{ "{\"id\":\"x\",\"kind\":\"distinct_set\"," SCOPE
	  "\"params\":{\"table\":[{\"units\":3,\"percent_bp\":5},{\"units\":4,\"percent_"
	  "bp\":5}]}}",
	  "it gives no more than the entry before" },
	{ "{\"id\":\"x\",\"kind\":\"distinct_set\"," SCOPE
	  "\"params\":{\"table\":[{\"units\":3,\"percent_bp\":5,\"amount_minor\":1}]}}",
	  "unknown member \"amount_minor\"" },
	{ "{\"id\":\"x\",\"kind\":\"buy_weight_get_weight\"," SCOPE
	  "\"params\":{\"buy_g\":1,\"percent_bp\":1}}",
	  "\"get_g\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"buy_weight_get_weight\"," SCOPE
	  "\"params\":{\"buy_g\":1,\"get_g\":1000001,\"percent_bp\":1}}",
	  "get_g is 1000001; it must be 1 to 1000000" },
	{ "{\"id\":\"x\",\"kind\":\"basket_tiers\"," SCOPE
	  "\"params\":{\"tiers\":[{\"percent_bp\":5}]}}",
	  "\"min_units\" or \"min_spend_minor\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"basket_tiers\"," SCOPE
	  "\"params\":{\"tiers\":[{\"min_units\":1,\"min_spend_minor\":2,\"percent_bp\":"
	  "5}]}}",
	  "min_units and min_spend_minor exclude each other" },
	{ "{\"id\":\"x\",\"kind\":\"basket_tiers\"," SCOPE
	  "\"params\":{\"tiers\":[{\"min_units\":1,\"percent_bp\":5,\"amount_minor\":1}]}"
	  "}",
	  "percent_bp and amount_minor exclude each other" },
	{ "{\"id\":\"x\",\"kind\":\"basket_tiers\"," SCOPE
	  "\"params\":{\"tiers\":[{\"min_units\":1,\"percent_bp\":5},{\"min_spend_"
	  "minor\":2,\"percent_bp\":6}]}}",
	  "this tier has other members than the one before" },
	{ "{\"id\":\"x\",\"kind\":\"basket_tiers\"," SCOPE
	  "\"params\":{\"tiers\":[{\"min_units\":2,\"percent_bp\":5},{\"min_units\":1,"
	  "\"percent_bp\":6}]}}",
	  "it asks for no more than the entry before" },
	{ "{\"id\":\"x\",\"kind\":\"basket_tiers\"," SCOPE
	  "\"params\":{\"tiers\":[{\"min_units\":1,\"amount_minor\":5},{\"min_units\":2,"
	  "\"amount_minor\":4}]}}",
	  "it gives no more than the entry before" },
	{ "{\"id\":\"x\",\"kind\":\"basket_tiers\"," SCOPE "\"params\":{\"tiers\":[7]}}",
	  "a tier is a number; it must be an object" },
	{ "{\"id\":\"x\",\"kind\":\"basket_tiers\"," SCOPE
	  "\"params\":{\"tiers\":[{\"min_units\":1,\"percent_bp\":5}],\"percent_bp\":5}}",
	  "this kind of rule takes no \"percent_bp\"" },
	{ "{\"id\":\"x\",\"kind\":\"basket_tiers\"," SCOPE
	  "\"params\":{\"tiers\":[{\"min_units\":1,\"percent_bp\":5}],\"spend_of\":"
	  "\"gross\"}}",
	  "spend_of needs min_spend_minor" },
	{ "{\"id\":\"x\",\"kind\":\"points_earn\"," SCOPE
	  "\"params\":{\"per_minor\":100}}",
	  "\"points\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"points_earn\"," SCOPE "\"params\":{\"points\":0}}",
	  "points is 0; it must be 1 to 1000000" },
	{ "{\"id\":\"x\",\"kind\":\"points_burn\"," SCOPE "\"params\":{\"points\":1}}",
	  "\"value_minor\" is missing" },
	{ "{\"id\":\"x\",\"kind\":\"points_burn\"," SCOPE
	  "\"params\":{\"points\":1,\"value_minor\":1,\"max_bp\":10001}}",
	  "max_bp is 10001; it must be 1 to 10000" },
	{ "{\"id\":\"x\",\"kind\":\"points_burn\"," SCOPE
	  "\"params\":{\"points\":1,\"value_minor\":1,\"per_minor\":1}}",
	  "this kind of rule takes no \"per_minor\"" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":1,\"contains\":{}}}",
	  "contains names no goods" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":1,\"contains\":{\"sku\":[\"a\"],\"units\":0}}}",
	  "units is 0; it must be 1 to 1000000" },
	{ "{\"id\":\"x\",\"kind\":\"points_earn\"," SCOPE
	  "\"params\":{\"points\":1},\"combine\":{\"exclusive\":\"best\"}}",
	  "points change no price" },
	{ "{\"id\":\"x\",\"kind\":\"points_earn\"," SCOPE
	  "\"params\":{\"points\":1},\"limits\":{\"budget_minor\":5}}",
	  "points take no money off" },
	{ "{\"id\":\"x\",\"kind\":\"points_earn\"," SCOPE
	  "\"params\":{\"points\":1},\"combine\":{\"stack\":true}}",
	  "\"stack\" is for the kinds percent and amount only" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":1},\"limits\":{\"budget_minor\":0}}",
	  "budget_minor is 0; it must be 1 to" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":1},\"when\":{\"to\":\"9999-12-31\"}}",
	  "to is the year 9999; it must be 2000 to 2199" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":1},\"when\":{\"from\":\"1999-12-31\"}}",
	  "from is the year 1999" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":1},\"combine\":{\"group\":\"a\\u0007b\"}}",
	  "group has a control character" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":1},\"combine\":{\"group\":[\"y\",\"x\"]}}",
	  "group is a list; it must be a text" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":1},\"combine\":{\"group\":\"\"}}",
	  "group has 0 bytes" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":1},\"combine\":{\"with\":[\"y\"]}}",
	  "unknown member \"with\"" },
	{ "{\"id\":\"x\",\"kind\":\"percent\"," SCOPE
	  "\"params\":{\"percent_bp\":1},\"text\":{\"en\":\"a\\u001bb\"}}",
	  "text has a control character" },
};

START_TEST(bad_rules_are_named_with_what_would_be_right)
{
	for (size_t i = 0; i < COUNT(bad_rules); i++) {
		struct kit k;

		kit_init(&k);
		ck_assert_int_eq(kit_rule_list(&k, bad_rules[i].rule), -EBADMSG);
		ck_assert_msg(strstr(k.errors.list[0].what, bad_rules[i].what) != NULL,
			      "%s: %s", bad_rules[i].rule, k.errors.list[0].what);
		ck_assert_uint_eq(k.errors.total, 1);
		ck_assert_uint_eq(k.errors.list[0].line, 2); /* below the head */
		ck_assert_ptr_null(k.rules);
		kit_free(&k);
	}
}
END_TEST

struct bad_set {
	const char *set, *what;
};

START_TEST(bad_heads_are_refused)
{
	static const struct bad_set sets[] = {
		{ "[]", "a rule set is an object" },
		{ "{\"currency\":\"EUR\",\"rules\":[]}", "\"laned_rules\" must be 1" },
		{ "{\"laned_rules\":2,\"currency\":\"EUR\",\"rules\":[]}",
		  "\"laned_rules\" must be 1" },
		{ "{\"laned_rules\":1,\"rules\":[]}", "currency must be" },
		{ "{\"laned_rules\":1,\"currency\":\"EURO\",\"rules\":[]}",
		  "currency must be" },
		{ "{\"laned_rules\":1,\"currency\":\"EUR\"}",
		  "\"rules\" must be a list" },
		{ "{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":[],\"rounding\":"
		  "\"up\"}",
		  "rounding must be half_up" },
		{ "{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":[],\"x\":1}",
		  "unknown member \"x\"" },
	};

	for (size_t i = 0; i < COUNT(sets); i++) {
		struct kit k;

		kit_init(&k);
		ck_assert_int_eq(kit_rules(&k, sets[i].set), -EBADMSG);
		ck_assert_msg(strstr(k.errors.list[0].what, sets[i].what) != NULL,
			      "%s: %s", sets[i].set, k.errors.list[0].what);
		kit_free(&k);
	}
}
END_TEST

START_TEST(double_ids_are_refused_at_the_second)
{
	struct kit k;

	kit_init(&k);
	ck_assert_int_eq(kit_rule_list(&k, GOOD ",\n" GOOD), -EBADMSG);
	ck_assert_uint_eq(k.errors.total, 1);
	ck_assert_uint_eq(k.errors.list[0].line, 3);
	ck_assert_str_eq(k.errors.list[0].rule, "g");
	ck_assert_ptr_nonnull(
		strstr(k.errors.list[0].what, "taken by the rule at line 2"));
	kit_free(&k);
}
END_TEST

/*
 * What would go round in circles, were groups rules: they are names, at most one rule of each name
 * in a basket, and nothing can be named that could name it back.
 */
START_TEST(groups_named_after_each_other_s_rules_are_only_names)
{
#define OFF(id, minor, group)                                                            \
	"{\"id\":\"" id "\",\"kind\":\"basket_amount\"," SCOPE                           \
	"\"params\":{\"amount_minor\":" #minor "},\"combine\":{\"group\":\"" group       \
	"\"}}"
	struct pricing_result *r;
	struct kit k;

	kit_init(&k);
	ck_assert_int_eq(kit_rule_list(&k, OFF("a", 1, "b") "," OFF("b", 10, "c") "," OFF(
						   "c", 100, "a") "," OFF("d", 200, "a")),
			 0);
	ck_assert_int_eq(kit_basket(&k, "{\"lines\":[{\"unit_price_minor\":1000}]}"), 0);
	r = kit_price(&k);
	ck_assert_int_eq(r->saving_minor,
			 211); /* d, which shares its name with c's only */
	ck_assert_int_eq(kit_rule(r, "c")->reason, PRICING_BEATEN);
	ck_assert(r->optimal);
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

START_TEST(a_hundred_errors_are_listed_and_all_are_counted)
{
	static char text[16384];
	struct kit k;
	size_t n = 0;

	for (int i = 0; i < 150; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "%s{\"id\":\"r%d\",\"kind\":\"tombola\"," SCOPE
				      "\"params\":{}}",
				      i > 0 ? ",\n" : "", i);
	kit_init(&k);
	ck_assert_int_eq(kit_rule_list(&k, text), -EBADMSG);
	ck_assert_uint_eq(k.errors.total, 150);
	ck_assert_uint_eq(k.errors.count, PRICING_ERRORS_MAX);
	for (uint32_t i = 0; i < PRICING_ERRORS_MAX; i++) {
		ck_assert_uint_eq(k.errors.list[i].line, i + 2);
		ck_assert_uint_gt(k.errors.list[i].column, 1);
	}
	kit_free(&k);
}
END_TEST

START_TEST(text_may_have_a_hundred_characters_not_bytes)
{
	for (size_t chars = 100; chars <= 101; chars++) {
		char text[1024];
		size_t n;
		struct kit k;

		n = (size_t)snprintf(text, sizeof(text),
				     "{\"id\":\"t\",\"kind\":\"percent\"," SCOPE
				     "\"params\":{\"percent_bp\":1},\"text\":{\"de\":\"");
		for (size_t i = 0; i < chars; i++) {
			text[n++] = (char)0xc3; /* a two-byte letter */
			text[n++] = (char)0xa4;
		}
		(void)snprintf(text + n, sizeof(text) - n, "\"}}");
		kit_init(&k);
		ck_assert_int_eq(kit_rule_list(&k, text), chars == 100 ? 0 : -EBADMSG);
		kit_free(&k);
	}
}
END_TEST

struct bad_value {
	const char *text, *what;
};

START_TEST(bad_baskets_and_members_are_named)
{
	static const struct bad_value baskets[] = {
		{ "[]", "this must be an object" },
		{ "{}", "\"lines\" is missing" },
		{ "{\"lines\":{}}", "lines must be a list" },
		{ "{\"lines\":[],\"line\":[]}", "unknown member \"line\"" },
		{ "{\"lines\":[{}]}", "\"unit_price_minor\" is missing" },
		{ "{\"lines\":[{\"unit_price_minor\":-1}]}",
		  "unit_price_minor must be a whole number, 0 to" },
		{ "{\"lines\":[{\"unit_price_minor\":1,\"qty\":1,\"qty_milli\":5}]}",
		  "keep one of them" },
		{ "{\"lines\":[{\"unit_price_minor\":1,\"line\":2},"
		  "{\"unit_price_minor\":1}]}",
		  "line 2 is there twice" },
		{ "{\"lines\":[{\"unit_price_minor\":1,\"brand\":7}]}",
		  "brand must be a text" },
		{ "{\"lines\":[{\"unit_price_minor\":1,\"weighed\":1}]}",
		  "weighed must be true or false" },
	};
	static const struct bad_value members[] = {
		{ "7", "this must be an object" },
		{ "{\"group\":[]}", "unknown member \"group\"" },
		{ "{\"groups\":\"gold\"}", "groups must be a list" },
		{ "{\"coupons\":[1]}", "coupons must hold texts only" },
		{ "{\"uses\":[{\"rule\":\"r\",\"day\":-1}]}",
		  "day must be a whole number" },
	};

	for (size_t i = 0; i < COUNT(baskets) + COUNT(members); i++) {
		bool basket = i < COUNT(baskets);
		const struct bad_value *bad =
			basket ? &baskets[i] : &members[i - COUNT(baskets)];
		struct kit k;
		int rc;

		kit_init(&k);
		rc = basket ? kit_basket(&k, bad->text) : kit_member(&k, bad->text);
		ck_assert_int_eq(rc, -EBADMSG);
		ck_assert_msg(strstr(k.value_error.what, bad->what) != NULL, "%s: %s",
			      bad->text, k.value_error.what);
		kit_free(&k);
	}
}
END_TEST

UNIT_MAIN("pricing_compile", bad_rules_are_named_with_what_would_be_right,
	  bad_heads_are_refused, double_ids_are_refused_at_the_second,
	  groups_named_after_each_other_s_rules_are_only_names,
	  a_hundred_errors_are_listed_and_all_are_counted,
	  text_may_have_a_hundred_characters_not_bytes, bad_baskets_and_members_are_named)
