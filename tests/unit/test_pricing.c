#include "pricing_kit.h"
#include "unit.h"

#include <errno.h>

/* The worked examples of docs/promotions.md, word for word. */
struct example {
	const char *rules, *basket, *member;
	int64_t total, points, burn;
};

#define SIX                                                                              \
	"{\"lines\":[{\"code\":\"soap\",\"qty\":3,\"unit_price_minor\":300},"            \
	"{\"code\":\"cloth\",\"qty\":3,\"unit_price_minor\":100}]}"
#define COLA_AND_MORE                                                                    \
	"{\"id\":\"cola-10\",\"kind\":\"basket_percent\",\"scope\":{\"sku\":"            \
	"[\"cola\"]},\"params\":{\"percent_bp\":1000}},\n"                               \
	"{\"id\":\"one-and-one\",\"kind\":\"buy_get\",\"scope\":{\"all\":true},"         \
	"\"params\":{\"buy\":1,\"get\":1,\"percent_bp\":10000}}"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct example examples[] = {
	{ "{\"id\":\"dairy-20\",\"kind\":\"percent\",\"scope\":{\"category\":"
	  "[\"food/dairy\"]},\"params\":{\"percent_bp\":2000}}",
	  "{\"lines\":[{\"code\":\"yoghurt\",\"category\":\"food/dairy/yoghurt\","
	  "\"qty\":2,\"unit_price_minor\":99}]}",
	  NULL, 158, 0, 0 },
	{ "{\"id\":\"coffee-30c\",\"kind\":\"amount\",\"scope\":{\"sku\":[\"coffee\"]},"
	  "\"params\":{\"amount_minor\":30}}",
	  "{\"lines\":[{\"code\":\"coffee\",\"qty\":3,\"unit_price_minor\":499}]}", NULL,
	  1407, 0, 0 },
	{ "{\"id\":\"butter-member\",\"kind\":\"fixed_price\",\"scope\":{\"sku\":"
	  "[\"butter\"]},\"params\":{\"price_minor\":149,\"max_units\":2},\"who\":"
	  "{\"member\":true}}",
	  "{\"lines\":[{\"code\":\"butter\",\"qty\":3,\"unit_price_minor\":199}]}",
	  "{\"known\":true}", 497, 0, 0 },
	{ "{\"id\":\"snack-2-for-3\",\"kind\":\"n_for_price\",\"scope\":{\"category\":"
	  "[\"snack\"]},\"params\":{\"units\":2,\"price_minor\":300}}",
	  "{\"lines\":[{\"code\":\"nuts\",\"category\":\"snack\",\"unit_price_minor\":"
	  "179},"
	  "{\"code\":\"crisps\",\"category\":\"snack\",\"unit_price_minor\":169},"
	  "{\"code\":\"sticks\",\"category\":\"snack\",\"unit_price_minor\":99}]}",
	  NULL, 399, 0, 0 },
	{ "{\"id\":\"clean-3-for-2\",\"kind\":\"buy_get\",\"scope\":{\"all\":true},"
	  "\"params\":{\"buy\":2,\"get\":1,\"percent_bp\":10000}}",
	  SIX, NULL, 800, 0, 0 },
	{ "{\"id\":\"clean-cheapest\",\"kind\":\"buy_get_cheapest\",\"scope\":"
	  "{\"all\":true},\"params\":{\"buy\":2,\"get\":1,\"percent_bp\":10000}}",
	  SIX, NULL, 1000, 0, 0 },
	{ "{\"id\":\"five-percent\",\"kind\":\"basket_percent\",\"scope\":{\"all\":true},"
	  "\"params\":{\"percent_bp\":500,\"min_spend_minor\":2000,\"cap_minor\":150}}",
	  "{\"lines\":[{\"code\":\"ham\",\"qty\":4,\"unit_price_minor\":1000}]}", NULL,
	  3850, 0, 0 },
	{ "{\"id\":\"cheese-30\",\"kind\":\"percent\",\"scope\":{\"sku\":[\"cheese\"]},"
	  "\"params\":{\"percent_bp\":3000}},\n"
	  "{\"id\":\"spend-40-save-5\",\"kind\":\"basket_amount\",\"scope\":"
	  "{\"all\":true},\"params\":{\"amount_minor\":500,\"min_spend_minor\":4000}}",
	  "{\"lines\":[{\"code\":\"wine\",\"unit_price_minor\":3800},"
	  "{\"code\":\"cheese\",\"unit_price_minor\":250}]}",
	  NULL, 3550, 0, 0 },
	{ "{\"id\":\"bread-25\",\"kind\":\"percent\",\"scope\":{\"sku\":[\"bread\"]},"
	  "\"params\":{\"percent_bp\":2500}},\n"
	  "{\"id\":\"staff-10\",\"kind\":\"percent\",\"scope\":{\"all\":true},"
	  "\"params\":{\"percent_bp\":1000},\"who\":{\"groups\":[\"staff\"]},"
	  "\"combine\":{\"stack\":true}}",
	  "{\"lines\":[{\"code\":\"bread\",\"unit_price_minor\":200}]}",
	  "{\"groups\":[\"staff\"]}", 135, 0, 0 },
	{ "{\"id\":\"third-half\",\"kind\":\"every_n\","
	  "\"scope\":{\"category\":[\"juice\"]},\"params\":{\"units\":3,"
	  "\"percent_bp\":5000}}",
	  "{\"lines\":[{\"code\":\"mango\",\"category\":\"juice\","
	  "\"qty\":3,\"unit_price_minor\":400},{\"code\":\"apple\","
	  "\"category\":\"juice\",\"unit_price_minor\":300}]}",
	  NULL, 1300, 0, 0 },
	{ "{\"id\":\"carton-10\",\"kind\":\"full_groups\","
	  "\"scope\":{\"sku\":[\"water\"]},\"params\":{\"units\":6,"
	  "\"percent_bp\":1000}}",
	  "{\"lines\":[{\"code\":\"water\",\"qty\":7,"
	  "\"unit_price_minor\":100}]}",
	  NULL, 640, 0, 0 },
	{ "{\"id\":\"jam-more\",\"kind\":\"first_and_next\","
	  "\"scope\":{\"sku\":[\"jam\"]},"
	  "\"params\":{\"first_price_minor\":399,"
	  "\"next_price_minor\":299}}",
	  "{\"lines\":[{\"code\":\"jam\",\"qty\":3,"
	  "\"unit_price_minor\":449}]}",
	  NULL, 997, 0, 0 },
	{ "{\"id\":\"cheapest-half\",\"kind\":\"cheapest_percent\","
	  "\"scope\":{\"category\":[\"clothes\"]},"
	  "\"params\":{\"percent_bp\":5000}}",
	  "{\"lines\":[{\"code\":\"shirt\",\"category\":\"clothes\","
	  "\"unit_price_minor\":2000},{\"code\":\"cap\","
	  "\"category\":\"clothes\",\"unit_price_minor\":900}]}",
	  NULL, 2450, 0, 0 },
	{ "{\"id\":\"lunch-499\",\"kind\":\"bundle\","
	  "\"scope\":{\"all\":true},"
	  "\"params\":{\"components\":[{\"category\":[\"sandwich\"]},"
	  "{\"category\":[\"snack\"]},{\"category\":[\"drink\"]}],"
	  "\"price_minor\":499}}",
	  "{\"lines\":[{\"code\":\"blt\",\"category\":\"sandwich\","
	  "\"unit_price_minor\":349},{\"code\":\"crisps\","
	  "\"category\":\"snack\",\"unit_price_minor\":129},"
	  "{\"code\":\"cola\",\"category\":\"drink\","
	  "\"unit_price_minor\":199},{\"code\":\"water\","
	  "\"category\":\"drink\",\"unit_price_minor\":149}]}",
	  NULL, 648, 0, 0 },
	{ "{\"id\":\"try-them-all\",\"kind\":\"distinct_set\","
	  "\"scope\":{\"category\":[\"yoghurt\"]},"
	  "\"params\":{\"table\":[{\"units\":3,\"percent_bp\":1000},"
	  "{\"units\":5,\"percent_bp\":2000}]}}",
	  "{\"lines\":[{\"code\":\"plain\",\"category\":\"yoghurt\","
	  "\"unit_price_minor\":99},{\"code\":\"peach\","
	  "\"category\":\"yoghurt\",\"unit_price_minor\":99},"
	  "{\"code\":\"fig\",\"category\":\"yoghurt\","
	  "\"unit_price_minor\":109},{\"code\":\"mango\","
	  "\"category\":\"yoghurt\",\"unit_price_minor\":119}]}",
	  NULL, 383, 0, 0 },
	{ "{\"id\":\"meat-3-for-10\",\"kind\":\"pack\","
	  "\"scope\":{\"category\":[\"meat\"]},\"params\":{\"units\":3,"
	  "\"price_minor\":1000}}",
	  "{\"lines\":[{\"code\":\"beef\",\"category\":\"meat\","
	  "\"weighed\":true,\"qty_milli\":420,"
	  "\"unit_price_minor\":1000},{\"code\":\"pork\","
	  "\"category\":\"meat\",\"weighed\":true,\"qty_milli\":500,"
	  "\"unit_price_minor\":780},{\"code\":\"turkey\","
	  "\"category\":\"meat\",\"weighed\":true,\"qty_milli\":310,"
	  "\"unit_price_minor\":1000},{\"code\":\"mince\","
	  "\"category\":\"meat\",\"weighed\":true,\"qty_milli\":400,"
	  "\"unit_price_minor\":700}]}",
	  NULL, 1280, 0, 0 },
	{ "{\"id\":\"fruit-kilo\",\"kind\":\"buy_weight_get_weight\","
	  "\"scope\":{\"category\":[\"fruit\"]},"
	  "\"params\":{\"buy_g\":1000,\"get_g\":500,"
	  "\"percent_bp\":10000}}",
	  "{\"lines\":[{\"code\":\"apples\",\"category\":\"fruit\","
	  "\"weighed\":true,\"qty_milli\":1200,"
	  "\"unit_price_minor\":200},{\"code\":\"pears\","
	  "\"category\":\"fruit\",\"weighed\":true,\"qty_milli\":600,"
	  "\"unit_price_minor\":300}]}",
	  NULL, 320, 0, 0 },
	{ "{\"id\":\"more-for-more\",\"kind\":\"basket_tiers\","
	  "\"scope\":{\"all\":true},"
	  "\"params\":{\"tiers\":[{\"min_spend_minor\":5000,"
	  "\"percent_bp\":500},{\"min_spend_minor\":10000,"
	  "\"percent_bp\":1000}]}}",
	  "{\"lines\":[{\"code\":\"wine\",\"qty\":4,"
	  "\"unit_price_minor\":2600}]}",
	  NULL, 9360, 0, 0 },
	{ "{\"id\":\"point-a-euro\",\"kind\":\"points_earn\","
	  "\"scope\":{\"all\":true},\"params\":{\"points\":1,"
	  "\"per_minor\":100}}",
	  "{\"lines\":[{\"code\":\"tea\",\"unit_price_minor\":1299}]}",
	  "{\"known\":true}", 1299, 12, 0 },
	{ "{\"id\":\"pay-by-points\",\"kind\":\"points_burn\","
	  "\"scope\":{\"all\":true},\"params\":{\"points\":100,"
	  "\"value_minor\":100,\"max_bp\":5000}}",
	  "{\"lines\":[{\"code\":\"ham\",\"qty\":4,"
	  "\"unit_price_minor\":1000}]}",
	  "{\"known\":true,\"points\":2350}", 4000, 0, 2000 },
	{ "{\"id\":\"with-machine\",\"kind\":\"percent\","
	  "\"scope\":{\"sku\":[\"capsules\"]},"
	  "\"params\":{\"percent_bp\":2000,"
	  "\"contains\":{\"sku\":[\"machine\"]}}}",
	  "{\"lines\":[{\"code\":\"machine\",\"unit_price_minor\":8900},"
	  "{\"code\":\"capsules\",\"qty\":2,\"unit_price_minor\":400}]}",
	  NULL, 9540, 0, 0 },
	{ COLA_AND_MORE,
	  "{\"lines\":[{\"code\":\"cola\",\"qty\":3,\"unit_price_minor\":100},"
	  "{\"code\":\"juice\",\"unit_price_minor\":100}]}",
	  NULL, 180, 0, 0 },
	{ COLA_AND_MORE,
	  "{\"lines\":[{\"code\":\"cola\",\"qty\":2,\"unit_price_minor\":100},"
	  "{\"code\":\"juice\",\"unit_price_minor\":100},"
	  "{\"code\":\"cola\",\"unit_price_minor\":100}]}",
	  NULL, 190, 0, 0 },
};

static void
setup_example(struct kit *k, const struct example *e)
{
	kit_init(k);
	ck_assert_msg(kit_rule_list(k, e->rules) == 0, "%s", k->errors.list[0].what);
	ck_assert_int_eq(kit_basket(k, e->basket), 0);
	if (e->member != NULL)
		ck_assert_int_eq(kit_member(k, e->member), 0);
}

START_TEST(worked_examples_cost_what_the_handbook_says)
{
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct kit k;
		struct pricing_result *r;

		setup_example(&k, &examples[i]);
		r = kit_price(&k);
		ck_assert_msg(r->total_minor == examples[i].total, "%s: %lld",
			      examples[i].rules, (long long)r->total_minor);
		ck_assert(r->optimal);
		ck_assert_int_eq(r->points_earned, examples[i].points);
		ck_assert_int_eq(r->burn.worth_minor, examples[i].burn);
		pricing_result_free(r);
		kit_free(&k);
	}
}
END_TEST

static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 17);

	if (f != NULL && text != NULL) {
		size_t n = fread(text, 1, (1 << 17) - 1, f);

		ck_assert_uint_gt(n, 0);
		(void)fclose(f);
	}
	return text;
}

START_TEST(handbook_holds_the_examples_word_for_word)
{
	const char *srcdir = getenv("SRCDIR");
	char path[1024], *text;

	(void)snprintf(path, sizeof(path), "%s/docs/promotions.md",
		       srcdir != NULL ? srcdir : ".");
	text = read_file(path);
	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < COUNT(examples); i++) {
		ck_assert_msg(strstr(text, examples[i].rules) != NULL, "%s",
			      examples[i].rules);
		ck_assert_msg(strstr(text, examples[i].basket) != NULL, "%s",
			      examples[i].basket);
	}
	free(text);
}
END_TEST

/* One rule of half price on one line of 10.00, with one member added; what becomes of it. */
struct condition {
	const char *extra;
	enum pricing_reason reason;
};

static const struct condition conditions[] = {
	{ "\"priority\":1", PRICING_APPLIED },
	/* The kit's moment: Saturday 2026-11-21, 11:00 in the store, 10:00 UTC. */
	{ "\"when\":{\"from\":\"2026-11-21\"}", PRICING_APPLIED },
	{ "\"when\":{\"from\":\"2026-11-22\"}", PRICING_TIME },
	{ "\"when\":{\"to\":\"2026-11-21\"}", PRICING_APPLIED },
	{ "\"when\":{\"to\":\"2026-11-20\"}", PRICING_TIME },
	{ "\"when\":{\"to\":\"2026-11-21T11:00\"}", PRICING_TIME },
	{ "\"when\":{\"to\":\"2026-11-21T11:01\"}", PRICING_APPLIED },
	{ "\"when\":{\"to\":\"2026-11-21T10:30Z\"}", PRICING_APPLIED },
	{ "\"when\":{\"days\":[\"sat\",\"sun\"]}", PRICING_APPLIED },
	{ "\"when\":{\"days\":[\"mon\"]}", PRICING_TIME },
	{ "\"when\":{\"hours\":[\"11:00-12:00\"]}", PRICING_APPLIED },
	{ "\"when\":{\"hours\":[\"10:00-11:00\"]}", PRICING_TIME },
	{ "\"when\":{\"hours\":[\"22:00-11:01\"]}", PRICING_APPLIED },
	{ "\"when\":{\"hours\":[\"22:00-06:00\"]}", PRICING_TIME },
	{ "\"when\":{\"stores\":[\"7\"]}", PRICING_APPLIED },
	{ "\"when\":{\"stores\":[\"8\"]}", PRICING_PLACE },
	{ "\"when\":{\"lanes\":[\"3\",\"4\"]}", PRICING_APPLIED },
	{ "\"when\":{\"lanes\":[\"5\"]}", PRICING_PLACE },
	{ "\"who\":{\"member\":true}", PRICING_APPLIED },
	{ "\"who\":{\"groups\":[\"gold\"]}", PRICING_APPLIED },
	{ "\"who\":{\"groups\":[\"silver\"]}", PRICING_NOT_GROUP },
	{ "\"who\":{\"first_purchase\":true}", PRICING_NOT_GROUP },
	{ "\"who\":{\"coupon\":\"C1\"}", PRICING_APPLIED },
	{ "\"who\":{\"coupon\":\"C2\"}", PRICING_NO_COUPON },
	{ "\"who\":{\"member\":true},\"limits\":{\"per_member\":3}", PRICING_APPLIED },
	{ "\"who\":{\"member\":true},\"limits\":{\"per_member\":2}", PRICING_LIMIT },
	{ "\"who\":{\"member\":true},\"limits\":{\"per_day\":1}", PRICING_LIMIT },
	{ "\"limits\":{\"total\":10}", PRICING_LIMIT },
	{ "\"limits\":{\"total\":11}", PRICING_APPLIED },
};

START_TEST(conditions_let_in_whom_they_say)
{
	for (size_t i = 0; i < COUNT(conditions); i++) {
		char rule[512];
		struct kit k;
		struct pricing_result *r;

		kit_init(&k);
		(void)snprintf(rule, sizeof(rule),
			       "{\"id\":\"half\",\"kind\":\"percent\",\"scope\":{\"all\":"
			       "true},\"params\":{\"percent_bp\":5000},%s}",
			       conditions[i].extra);
		ck_assert_msg(kit_rule_list(&k, rule) == 0, "%s: %s", rule,
			      k.errors.list[0].what);
		ck_assert_int_eq(kit_basket(&k, "{\"store\":\"7\",\"lane\":\"3\","
						"\"lines\":[{\"unit_price_minor\":1000}]"
						"}"),
				 0);
		ck_assert_int_eq(kit_member(&k, "{\"groups\":[\"gold\"],\"coupons\":"
						"[\"C1\"],\"uses\":[{\"rule\":\"half\","
						"\"member\":2,\"day\":1,\"total\":10}]}"),
				 0);
		r = kit_price(&k);
		ck_assert_msg(kit_rule(r, "half")->reason == conditions[i].reason,
			      "%s: %s", conditions[i].extra,
			      pricing_reason_name(kit_rule(r, "half")->reason));
		ck_assert_int_eq(r->total_minor,
				 conditions[i].reason == PRICING_APPLIED ? 500 : 1000);
		pricing_result_free(r);
		kit_free(&k);
	}
}
END_TEST

/* Scopes and parameters over one basket, and what is payable. */
#define SHELF                                                                            \
	"{\"lines\":[{\"code\":\"a\",\"category\":\"food/dairy/milk\",\"brand\":\"x\","  \
	"\"unit_price_minor\":100},{\"code\":\"b\",\"category\":\"food/dairyish\","      \
	"\"brand\":\"y\",\"unit_price_minor\":200},{\"code\":\"c\",\"category\":"        \
	"\"food\",\"brand\":\"x\",\"unit_price_minor\":400,\"reduced\":true},"           \
	"{\"code\":\"d\",\"category\":\"drink\",\"unit_price_minor\":800,"               \
	"\"excluded\":true},{\"code\":\"e\",\"category\":\"fruit\",\"weighed\":true,"    \
	"\"qty_milli\":1503,\"unit_price_minor\":199}]}"

struct scope_case {
	const char *scope;
	int64_t off; /* at half price; the lines are 100 200 400 (800) 299 */
};

static const struct scope_case scopes[] = {
	{ "\"all\":true", 50 + 100 + 200 + 150 },
	{ "\"sku\":[\"a\",\"a\",\"zzz\"]", 50 },
	{ "\"category\":[\"food\"]", 50 + 100 + 200 },
	{ "\"category\":[\"food/dairy\"]", 50 },
	{ "\"category\":[\"drink\"]", 0 },
	{ "\"brand\":[\"x\"]", 50 + 200 },
	{ "\"brand\":[\"x\"],\"sku\":[\"a\",\"b\"]", 50 + 100 + 200 },
	{ "\"all\":true,\"exclude\":{\"category\":[\"food\"]}", 150 },
	{ "\"all\":true,\"exclude\":{\"sku\":[\"a\"],\"brand\":[\"y\"]}", 200 + 150 },
	{ "\"all\":true,\"exclude_reduced\":true", 50 + 100 + 150 },
	{ "\"all\":true,\"price_min\":150,\"price_max\":200", 100 + 150 },
};

START_TEST(scopes_hold_what_they_name)
{
	for (size_t i = 0; i < COUNT(scopes); i++) {
		char rule[512];
		struct kit k;
		struct pricing_result *r;

		kit_init(&k);
		(void)snprintf(rule, sizeof(rule),
			       "{\"id\":\"half\",\"kind\":\"percent\",\"scope\":{%s},"
			       "\"params\":{\"percent_bp\":5000}}",
			       scopes[i].scope);
		ck_assert_msg(kit_rule_list(&k, rule) == 0, "%s: %s", rule,
			      k.errors.list[0].what);
		ck_assert_int_eq(kit_basket(&k, SHELF), 0);
		r = kit_price(&k);
		ck_assert_int_eq(r->gross_minor, 1799);
		ck_assert_msg(r->saving_minor == scopes[i].off, "%s: %lld",
			      scopes[i].scope, (long long)r->saving_minor);
		pricing_result_free(r);
		kit_free(&k);
	}
}
END_TEST

START_TEST(trace_names_rule_line_and_quantity)
{
	struct kit k;
	struct pricing_result *r;

	setup_example(&k, &examples[4]); /* 3 for 2 */
	r = kit_price(&k);
	ck_assert_uint_eq(r->shares_count, 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(r->shares[i].line_index, i);
		ck_assert_int_eq(r->shares[i].qty_milli, 1000);
		ck_assert_int_eq(r->shares[i].discount_minor, i == 0 ? 300 : 100);
	}
	ck_assert_int_eq(r->line_net_minor[0], 600);
	ck_assert_int_eq(r->line_net_minor[1], 200);
	ck_assert_uint_eq(r->rules[0].applications, 2);
	ck_assert_int_eq(r->rules[0].discount_minor, 400);
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

START_TEST(rules_that_do_not_apply_say_why)
{
	struct kit k;
	struct pricing_result *r;

	kit_init(&k);
	ck_assert_int_eq(
		kit_rule_list(
			&k,
			"{\"id\":\"a-half\",\"kind\":\"percent\",\"scope\":{\"all\":true}"
			","
			"\"params\":{\"percent_bp\":5000}},"
			"{\"id\":\"b-tenth\",\"kind\":\"percent\",\"scope\":{\"all\":"
			"true},"
			"\"params\":{\"percent_bp\":1000}},"
			"{\"id\":\"c-dear\",\"kind\":\"n_for_price\",\"scope\":"
			"{\"all\":true},\"params\":{\"units\":2,\"price_minor\":9000}},"
			"{\"id\":\"d-elsewhere\",\"kind\":\"percent\",\"scope\":"
			"{\"sku\":[\"none\"]},\"params\":{\"percent_bp\":1000}},"
			"{\"id\":\"e-many\",\"kind\":\"percent\",\"scope\":{\"all\":true}"
			","
			"\"params\":{\"percent_bp\":9000,\"min_units\":9}},"
			"{\"id\":\"f-spend\",\"kind\":\"basket_amount\",\"scope\":"
			"{\"all\":true},\"params\":{\"amount_minor\":1,"
			"\"min_spend_minor\":150}}"),
		0);
	ck_assert_int_eq(kit_basket(&k, "{\"lines\":[{\"qty\":2,"
					"\"unit_price_minor\":100}]}"),
			 0);
	r = kit_price(&k);
	ck_assert_int_eq(r->total_minor, 100);
	ck_assert_int_eq(kit_rule(r, "a-half")->reason, PRICING_APPLIED);
	ck_assert_int_eq(kit_rule(r, "b-tenth")->reason, PRICING_BEATEN);
	ck_assert_int_eq(kit_rule(r, "c-dear")->reason, PRICING_NO_SAVING);
	ck_assert_int_eq(kit_rule(r, "d-elsewhere")->reason, PRICING_NOT_IN_SCOPE);
	ck_assert_int_eq(kit_rule(r, "e-many")->reason, PRICING_CONDITION);
	ck_assert_int_eq(kit_rule(r, "f-spend")->reason, PRICING_CONDITION);
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

START_TEST(hint_is_given_only_when_one_more_unit_saves)
{
	static const char *const baskets[] = {
		"{\"lines\":[{\"code\":\"soap\",\"qty\":2,\"unit_price_minor\":300}]}",
		"{\"lines\":[{\"code\":\"soap\",\"qty\":1,\"unit_price_minor\":300}]}",
	};

	for (size_t i = 0; i < COUNT(baskets); i++) {
		struct kit k;
		struct pricing_result *r;

		kit_init(&k);
		ck_assert_int_eq(kit_rule_list(&k, examples[4].rules), 0);
		ck_assert_int_eq(kit_basket(&k, baskets[i]), 0);
		r = kit_price(&k);
		ck_assert_int_eq(r->rules[0].reason, PRICING_CONDITION);
		ck_assert(r->rules[0].missed_by_one == (i == 0));
		ck_assert_int_eq(r->rules[0].hint_saving_minor, i == 0 ? 300 : 0);
		pricing_result_free(r);
		kit_free(&k);
	}
}
END_TEST

START_TEST(saving_against_a_stranger_is_what_membership_brings)
{
	struct kit k;
	struct pricing_result *r;

	setup_example(&k, &examples[2]); /* 1.49 for members, two of three */
	r = kit_price(&k);
	ck_assert_int_eq(r->saving_versus_stranger_minor, 100);
	pricing_result_free(r);
	k.member = (struct pricing_member){ 0 };
	r = kit_price(&k);
	ck_assert_int_eq(r->total_minor, 597);
	ck_assert_int_eq(r->saving_versus_stranger_minor, 0);
	ck_assert_int_eq(r->rules[0].reason, PRICING_NOT_MEMBER);
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

/* A single-use coupon must not be spent where it saves nothing. */
START_TEST(coupon_is_not_wasted)
{
	struct kit k;
	struct pricing_result *r;

	kit_init(&k);
	ck_assert_int_eq(
		kit_rule_list(&k, "{\"id\":\"coupon\",\"kind\":\"percent\",\"scope\":"
				  "{\"all\":true},\"params\":{\"percent_bp\":1000},"
				  "\"who\":{\"coupon\":\"C\"},\"limits\":{\"total\":1}},"
				  "{\"id\":\"shelf\",\"kind\":\"percent\",\"scope\":"
				  "{\"all\":true},\"params\":{\"percent_bp\":1000}}"),
		0);
	ck_assert_int_eq(kit_basket(&k, "{\"lines\":[{\"unit_price_minor\":0},"
					"{\"unit_price_minor\":4}]}"),
			 0);
	ck_assert_int_eq(kit_member(&k, "{\"coupons\":[\"C\"]}"), 0);
	r = kit_price(&k);
	ck_assert_int_eq(r->total_minor, 4);
	ck_assert_uint_eq(r->shares_count, 0);
	ck_assert_int_eq(kit_rule(r, "coupon")->reason, PRICING_NO_SAVING);
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

struct rounding_case {
	const char *mode;
	int64_t off; /* 25 % of 0.10, and of 0.30 */
	int64_t off_30;
};

START_TEST(discounts_are_rounded_as_the_rule_set_says)
{
	static const struct rounding_case modes[] = {
		{ "half_up", 3, 8 },
		{ "half_even", 2, 8 },
		{ "down", 2, 7 },
		{ "net_half_up", 2, 7 },
	};

	for (size_t i = 0; i < COUNT(modes); i++) {
		char rules[512];
		struct kit k;
		struct pricing_result *r;

		kit_init(&k);
		(void)snprintf(rules, sizeof(rules),
			       "{\"laned_rules\":1,\"currency\":\"EUR\",\"rounding\":"
			       "\"%s\",\"rules\":[{\"id\":\"q\",\"kind\":\"percent\","
			       "\"scope\":{\"all\":true},\"params\":{\"percent_bp\":2500}"
			       "}]}",
			       modes[i].mode);
		ck_assert_int_eq(kit_rules(&k, rules), 0);
		ck_assert_int_eq(kit_basket(&k, "{\"lines\":[{\"unit_price_minor\":10},"
						"{\"unit_price_minor\":30}]}"),
				 0);
		r = kit_price(&k);
		ck_assert_int_eq(10 - r->line_net_minor[0], modes[i].off);
		ck_assert_int_eq(30 - r->line_net_minor[1], modes[i].off_30);
		pricing_result_free(r);
		kit_free(&k);
	}
}
END_TEST

/* 1.00 over 0.50, 0.30 and 0.20 with floors: the excess moves to lines with room. */
START_TEST(basket_amount_is_shared_by_value_and_keeps_floors)
{
	struct kit k;
	struct pricing_result *r;

	kit_init(&k);
	ck_assert_int_eq(kit_rule_list(&k, "{\"id\":\"s\",\"kind\":\"basket_amount\","
					   "\"scope\":{\"all\":true},\"params\":"
					   "{\"amount_minor\":100}}"),
			 0);
	ck_assert_int_eq(kit_basket(&k,
				    "{\"lines\":[{\"unit_price_minor\":100},"
				    "{\"unit_price_minor\":100},"
				    "{\"unit_price_minor\":100,\"floor_minor\":90}]}"),
			 0);
	r = kit_price(&k);
	ck_assert_int_eq(r->total_minor, 200);
	ck_assert_int_eq(r->line_net_minor[0], 55);
	ck_assert_int_eq(r->line_net_minor[1], 55);
	ck_assert_int_eq(r->line_net_minor[2], 90);
	pricing_result_free(r);
	ck_assert_int_eq(kit_basket(&k, "{\"lines\":[{\"unit_price_minor\":10},"
					"{\"unit_price_minor\":10}]}"),
			 0);
	r = kit_price(&k);
	ck_assert_int_eq(r->total_minor, 0); /* never below zero */
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

/* At most one rule of a group; exclusive rules alone. */
START_TEST(combination_rules_hold)
{
	static const struct {
		const char *combine;
		int64_t total;
	} cases[] = {
		{ "", 1000 - 300 - 70 },
		{ ",\"combine\":{\"group\":\"g\"}", 1000 - 300 },
		{ ",\"combine\":{\"exclusive\":\"best\"}", 1000 - 300 },
		{ ",\"combine\":{\"exclusive\":\"always\"}", 1000 - 300 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char rules[1024];
		struct kit k;
		struct pricing_result *r;

		kit_init(&k);
		(void)snprintf(rules, sizeof(rules),
			       "{\"id\":\"a\",\"kind\":\"percent\",\"scope\":{\"all\":"
			       "true},\"params\":{\"percent_bp\":3000}%s},"
			       "{\"id\":\"b\",\"kind\":\"basket_percent\",\"scope\":"
			       "{\"all\":true},\"params\":{\"percent_bp\":1000}%s}",
			       cases[i].combine, cases[i].combine);
		ck_assert_int_eq(kit_rule_list(&k, rules), 0);
		ck_assert_int_eq(
			kit_basket(&k, "{\"lines\":[{\"unit_price_minor\":1000}]}"), 0);
		r = kit_price(&k);
		ck_assert_int_eq(r->total_minor, cases[i].total);
		pricing_result_free(r);
		kit_free(&k);
	}
}
END_TEST

START_TEST(thousands_of_units_are_one_line)
{
	struct kit k;
	struct pricing_result *r;

	kit_init(&k);
	ck_assert_int_eq(kit_rule_list(&k, examples[4].rules), 0);
	ck_assert_int_eq(kit_basket(&k, "{\"lines\":[{\"qty\":5000,"
					"\"unit_price_minor\":300}]}"),
			 0);
	r = kit_price(&k);
	ck_assert_int_eq(r->total_minor, (5000 - 1666) * 300);
	ck_assert_uint_eq(r->rules[0].applications, 1666);
	ck_assert(r->optimal);
	ck_assert_uint_lt(r->nodes, 100);
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

static bool
stop_now(void *ctx)
{
	int *calls = ctx;

	return ++*calls > 1;
}

/* Thirty offers on the same thirty dear lines, no two alike: not to be proven in a few nodes. */
static void
setup_hard(struct kit *k)
{
	static char rules[16384], basket[8192];
	size_t n = 0, m = 0;

	kit_init(k);
	for (int i = 0; i < 30; i++)
		n += (size_t)snprintf(
			rules + n, sizeof(rules) - n,
			"%s{\"id\":\"r%02d\",\"kind\":\"buy_get\",\"scope\":"
			"{\"all\":true,\"price_min\":%d},\"params\":{"
			"\"buy\":%d,\"get\":2,\"percent_bp\":%d},"
			"\"limits\":{\"per_basket\":2}}",
			i > 0 ? "," : "", i, 90 + 7 * i, 1 + i % 4, 3100 + 170 * i);
	m = (size_t)snprintf(basket, sizeof(basket), "{\"lines\":[");
	for (int i = 0; i < 30; i++)
		m += (size_t)snprintf(basket + m, sizeof(basket) - m,
				      "%s{\"code\":\"s%d\",\"qty\":3,"
				      "\"unit_price_minor\":%d}",
				      i > 0 ? "," : "", i, 101 + 17 * i * (i % 5 + 1));
	(void)snprintf(basket + m, sizeof(basket) - m, "]}");
	ck_assert_int_eq(kit_rule_list(k, rules), 0);
	ck_assert_int_eq(kit_basket(k, basket), 0);
}

START_TEST(budget_ends_the_search_with_a_proven_gap)
{
	struct pricing_budget few = { .nodes_max = 1500 }, stopped = { 0 };
	struct pricing_result *a, *b;
	int calls = 0;
	struct kit k;

	setup_hard(&k);
	ck_assert_int_eq(pricing_price(k.rules, &k.basket, &k.member, &k.at, &few, &a),
			 0);
	ck_assert(!a->optimal);
	ck_assert_int_gt(a->gap_minor, 0);
	ck_assert_int_le(a->total_minor, a->gross_minor);
	ck_assert_uint_le(a->nodes, 1500);
	stopped.stop = stop_now;
	stopped.ctx = &calls;
	ck_assert_int_eq(
		pricing_price(k.rules, &k.basket, &k.member, &k.at, &stopped, &b), 0);
	ck_assert_int_eq(calls, 2);
	ck_assert(!b->optimal);
	ck_assert_uint_le(b->nodes, 3 * 256);
	/* What the shorter search left open contains what the longer one found. */
	ck_assert_int_ge(a->total_minor, b->total_minor - b->gap_minor);
	pricing_result_free(a);
	pricing_result_free(b);
	kit_free(&k);
}
END_TEST

struct bad_basket {
	struct pricing_line line;
	int rc;
};

START_TEST(baskets_outside_their_ranges_are_refused)
{
	static const struct bad_basket bad[] = {
		{ { .qty_milli = 0, .amount_minor = 1 }, -EINVAL },
		{ { .qty_milli = -1000, .amount_minor = 1 }, -EINVAL },
		{ { .qty_milli = 1000, .amount_minor = -1 }, -EINVAL },
		{ { .qty_milli = 1000, .floor_minor = -1 }, -EINVAL },
		{ { .qty_milli = 1000, .unit_price_minor = -1 }, -EINVAL },
		{ { .qty_milli = INT64_MAX, .amount_minor = 1 }, -EINVAL },
		{ { .qty_milli = 1000, .amount_minor = INT64_MAX }, -ERANGE },
	};
	struct pricing_line twice[2] = { { .line = 1, .qty_milli = 1000 },
					 { .line = 1, .qty_milli = 1000 } };
	struct pricing_result *r = NULL;
	struct kit k;

	kit_init(&k);
	ck_assert_int_eq(kit_rule_list(&k, examples[0].rules), 0);
	for (size_t i = 0; i < COUNT(bad); i++) {
		k.basket = (struct pricing_basket){ .lines = &bad[i].line,
						    .lines_count = 1 };
		ck_assert_int_eq(pricing_price(k.rules, &k.basket, NULL, &k.at, NULL, &r),
				 bad[i].rc);
	}
	k.basket = (struct pricing_basket){ .lines = twice, .lines_count = 2 };
	ck_assert_int_eq(pricing_price(k.rules, &k.basket, NULL, &k.at, NULL, &r),
			 -EINVAL);
	ck_assert_ptr_null(r);
	k.basket.lines_count = PRICING_LINES_MAX + 1;
	ck_assert_int_eq(pricing_price(k.rules, &k.basket, NULL, &k.at, NULL, &r),
			 -EINVAL);
	kit_free(&k);
}
END_TEST

START_TEST(an_empty_basket_costs_nothing)
{
	struct pricing_result *r;
	struct kit k;

	kit_init(&k);
	ck_assert_int_eq(kit_rule_list(&k, examples[0].rules), 0);
	ck_assert_int_eq(kit_basket(&k, "{\"lines\":[]}"), 0);
	r = kit_price(&k);
	ck_assert_int_eq(r->total_minor, 0);
	ck_assert(r->optimal);
	pricing_result_free(r);
	kit_free(&k);
}
END_TEST

START_TEST(texts_fall_back_to_english_and_then_to_the_id)
{
	struct kit k;

	kit_init(&k);
	ck_assert_int_eq(
		kit_rule_list(&k, "{\"id\":\"a\",\"kind\":\"percent\",\"scope\":{\"all\":"
				  "true},\"params\":{\"percent_bp\":1},\"text\":{\"en\":"
				  "\"milk\",\"de\":\"Milch\"}},{\"id\":\"b\",\"kind\":"
				  "\"percent\",\"scope\":{\"all\":true},\"params\":"
				  "{\"percent_bp\":1}}"),
		0);
	ck_assert(str_is(pricing_rule_text(k.rules, STR("a"), STR("de")), "Milch"));
	ck_assert(str_is(pricing_rule_text(k.rules, STR("a"), STR("fr")), "milk"));
	ck_assert(str_is(pricing_rule_text(k.rules, STR("b"), STR("de")), "b"));
	ck_assert(str_is(pricing_rule_text(k.rules, STR("zz"), STR("de")), "zz"));
	ck_assert_uint_eq(pricing_rules_count(k.rules), 2);
	ck_assert_str_eq(pricing_rules_currency(k.rules), "EUR");
	kit_free(&k);
}
END_TEST

UNIT_MAIN("pricing", worked_examples_cost_what_the_handbook_says,
	  handbook_holds_the_examples_word_for_word, conditions_let_in_whom_they_say,
	  scopes_hold_what_they_name, trace_names_rule_line_and_quantity,
	  rules_that_do_not_apply_say_why, hint_is_given_only_when_one_more_unit_saves,
	  saving_against_a_stranger_is_what_membership_brings, coupon_is_not_wasted,
	  discounts_are_rounded_as_the_rule_set_says,
	  basket_amount_is_shared_by_value_and_keeps_floors, combination_rules_hold,
	  thousands_of_units_are_one_line, budget_ends_the_search_with_a_proven_gap,
	  baskets_outside_their_ranges_are_refused, an_empty_basket_costs_nothing,
	  texts_fall_back_to_english_and_then_to_the_id)
