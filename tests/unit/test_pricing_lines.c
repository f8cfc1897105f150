#include "base/json.h"
#include "core/pricing/pricing_csv.h"
#include "core/pricing/pricing_lines.h"

#include "unit.h"

#include <errno.h>

#define RULE(id)                                                                         \
	"{\"id\":\"" id "\",\"kind\":\"percent\",\"scope\":{\"all\":true},"              \
	"\"params\":{\"percent_bp\":1000}}"

/* What reads rules of the two formats, as the programs do. */
struct reading {
	struct arena *arena;
	struct pricing_errors errors;
	struct json_lines_errors lines;
	struct pricing_rules *rules;
};

static int
read_lines(struct reading *r, const char *text)
{
	const struct value *list = NULL, *set = NULL;

	ck_assert_int_eq(json_parse_lines(r->arena, str_of(text), 0, &list, &r->lines),
			 0);
	memset(&r->errors, 0, sizeof(r->errors));
	for (uint32_t i = 0; i < r->lines.count; i++) {
		struct pricing_error *e = &r->errors.list[r->errors.count++];

		e->line = r->lines.list[i].line;
		e->column = r->lines.list[i].column;
		(void)str_copy(e->what, sizeof(e->what), str_of(r->lines.list[i].what));
	}
	r->errors.total = r->lines.total;
	ck_assert_int_eq(pricing_set_of(r->arena, list, "EUR", &set), 0);
	return pricing_rules_compile_read(set, &r->errors, &r->rules);
}

static int
read_csv(struct reading *r, const char *text)
{
	const struct value *set = NULL;
	int rc = pricing_csv_read(str_of(text), "EUR", r->arena, &r->errors, &set);

	ck_assert_int_eq(rc, 0);
	return pricing_rules_compile_read(set, &r->errors, &r->rules);
}

static struct reading *
begin(void)
{
	struct reading *r = calloc(1, sizeof(*r));

	ck_assert_ptr_nonnull(r);
	r->arena = arena_new(16u << 20);
	ck_assert_ptr_nonnull(r->arena);
	return r;
}

static void
finish(struct reading *r)
{
	pricing_rules_free(r->rules);
	arena_free(r->arena);
	free(r);
}

START_TEST(a_rule_a_line_is_a_set)
{
	static const struct {
		const char *text;
		uint32_t count;
	} rows[] = {
		{ "", 0 },
		{ "\n \r\n\t\n", 0 },
		{ RULE("a"), 1 },
		{ RULE("a") "\r\n\r\n" RULE("b") "\n", 2 },
		{ "\xef\xbb\xbf" RULE("a") "\n" RULE("b"), 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reading *r = begin();

		ck_assert_int_eq(read_lines(r, rows[i].text), 0);
		ck_assert_uint_eq(pricing_rules_count(r->rules), rows[i].count);
		ck_assert_str_eq(pricing_rules_currency(r->rules), "EUR");
		finish(r);
	}
}
END_TEST

/* Every bad line is told, whether it is no JSON or no rule, in the order of the file. */
START_TEST(all_bad_lines_are_listed_with_their_places)
{
	static const struct {
		uint32_t line, column;
	} want[] = { { 1, 1 }, { 3, 18 }, { 5, 1 }, { 6, 9 } };
	struct reading *r = begin();

	ck_assert_int_eq(
		read_lines(
			r,
			"x\n" RULE(
				"a") "\n"
				     "{\"id\":\"b\",\"kind\":\"magic\","
				     "\"scope\":{\"all\":true},\"params\":{}}\n\n" RULE(
					     "a") "\n{\"id\":1,]\n"),
		-EBADMSG);
	ck_assert_uint_eq(r->errors.total, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(r->errors.list[i].line, want[i].line);
		ck_assert_uint_eq(r->errors.list[i].column, want[i].column);
	}
	ck_assert_ptr_null(r->rules);
	finish(r);
}
END_TEST

START_TEST(a_hundred_bad_lines_are_kept_and_all_counted)
{
	struct reading *r = begin();
	char text[2 * 150 + 1];

	for (size_t i = 0; i < 150; i++)
		memcpy(text + 2 * i, "x\n", 2);
	text[300] = '\0';
	ck_assert_int_eq(read_lines(r, text), -EBADMSG);
	ck_assert_uint_eq(r->errors.total, 150);
	ck_assert_uint_eq(r->errors.count, PRICING_ERRORS_MAX);
	ck_assert_uint_eq(r->errors.list[99].line, 100);
	finish(r);
}
END_TEST

START_TEST(memory_that_runs_out_is_an_error)
{
	struct arena *small = arena_new(4096);
	struct json_lines_errors *errors = calloc(1, sizeof(*errors));
	struct pricing_errors *faults = calloc(1, sizeof(*faults));
	const struct value *v = NULL;
	char text[4096];

	ck_assert(small != NULL && errors != NULL && faults != NULL);
	memset(text, '\n', sizeof(text));
	for (size_t i = 0; i + 4 < sizeof(text); i += 4)
		memcpy(text + i, "[1]", 3);
	ck_assert_int_eq(json_parse_lines(small, (struct str){ text, sizeof(text) }, 0,
					  &v, errors),
			 -ENOMEM);
	arena_reset(small);
	memcpy(text, "id\n", 3);
	ck_assert_int_eq(pricing_csv_read((struct str){ text, sizeof(text) }, "EUR",
					  small, faults, &v),
			 -ENOMEM);
	arena_free(small);
	free(errors);
	free(faults);
}
END_TEST

/* Prices one unit each of a (dairy, 2.00) and b (bread, 1.00) by a set; the total. */
static int64_t
price(const struct pricing_rules *rules)
{
	static const struct pricing_line lines[] = {
		{ .line = 1,
		  .code = { "a", 1 },
		  .category = { "food/dairy", 10 },
		  .qty_milli = 3000,
		  .unit_price_minor = 200,
		  .amount_minor = 600 },
		{ .line = 2,
		  .code = { "b", 1 },
		  .category = { "food/bread", 10 },
		  .brand = { "own", 3 },
		  .qty_milli = 1000,
		  .unit_price_minor = 100,
		  .amount_minor = 100 },
	};
	static const struct pricing_basket basket = { .lines = lines, .lines_count = 2 };
	static const struct str groups[] = { { "gold", 4 } };
	static const struct pricing_member member = { .known = true,
						      .groups = groups,
						      .groups_count = 1 };
	/* A Saturday, 2026-11-21T12:00Z. */
	static const struct timepoint at = { .wall_ms = INT64_C(1795262400000) };
	struct pricing_result *result = NULL;
	int64_t total;

	ck_assert_int_eq(pricing_price(rules, &basket, &member, &at, NULL, &result), 0);
	total = result->total_minor;
	pricing_result_free(result);
	return total;
}

START_TEST(every_column_of_a_table_does_what_it_says)
{
	static const struct {
		const char *text;
		int64_t total; /* of 7.00 */
	} rows[] = {
		{ "id,kind,all,percent\nx,percent,yes,10\n", 630 },
		{ "id,kind,all,percent\nx,percent,1,12.5\n", 612 },
		{ "id,kind,sku,amount\nx,amount,a,0.50\n", 550 },
		{ "id,kind,sku,amount\r\n\"x\",amount,\"b;c\",.1\r\n", 690 },
		{ "id,kind,category,price\nx,fixed_price,food/dairy,1.5\n", 550 },
		{ "id,kind,category,price,units\nx,n_for_price,food,5,3\n", 600 },
		{ "id,kind,all,buy,get,percent\nx,buy_get,true,2,1,100\n", 500 },
		{ "id,kind,all,buy,get,percent\nx,buy_get_cheapest,yes,2,1,100\n", 600 },
		{ "id,kind,all,percent,cap\nx,basket_percent,yes,50,1.25\n", 575 },
		{ "id,kind,all,amount,min_spend,spend_of\n"
		  "x,basket_amount,yes,1,7.00,gross\n",
		  600 },
		{ "id,kind,all,amount,over_spend\nx,basket_amount,yes,1,7\n", 700 },
		{ "id,kind,all,exclude_sku,percent\nx,percent,yes,a,50\n", 650 },
		{ "id,kind,all,exclude_category,percent\nx,percent,yes,food/dairy,50\n",
		  650 },
		{ "id,kind,all,exclude_brand,percent\nx,percent,yes,own,50\n", 400 },
		{ "id,kind,brand,percent\nx,percent,own,100\n", 600 },
		{ "id,kind,all,price_min,percent\nx,percent,yes,1.50,50\n", 400 },
		{ "id,kind,all,price_max,percent\nx,percent,yes,1.50,50\n", 650 },
		{ "id,kind,all,percent,max_units,take\nx,percent,yes,100,1,cheapest\n",
		  600 },
		{ "id,kind,all,percent,min_units\nx,percent,yes,10,5\n", 700 },
		{ "id,kind,all,percent,from,to\nx,percent,yes,10,2026-11-21,2026-11-21\n",
		  630 },
		{ "id,kind,all,percent,to\nx,percent,yes,10,2026-11-20\n", 700 },
		{ "id,kind,all,percent,days\nx,percent,yes,10,sat;sun\n", 630 },
		{ "id,kind,all,percent,days\nx,percent,yes,10,mon\n", 700 },
		{ "id,kind,all,percent,hours\nx,percent,yes,10,08:00-12:30\n", 630 },
		{ "id,kind,all,percent,stores\nx,percent,yes,10,9\n", 700 },
		{ "id,kind,all,percent,lanes\nx,percent,yes,10,9\n", 700 },
		{ "id,kind,all,percent,member,groups\nx,percent,yes,10,yes,gold\n", 630 },
		{ "id,kind,all,percent,groups\nx,percent,yes,10,silver\n", 700 },
		{ "id,kind,all,percent,coupon\nx,percent,yes,10,C1\n", 700 },
		{ "id,kind,all,percent,member,first_purchase\nx,percent,yes,10,yes,yes\n",
		  700 },
		{ "id,kind,all,percent,member,per_basket,per_member,per_day,total\n"
		  "x,percent,yes,10,yes,5,9,3,1000\n",
		  630 },
		{ "id,kind,all,percent,stack,priority\nx,percent,yes,10,no,5\n"
		  "y,percent,yes,10,yes,\n",
		  567 },
		{ "id,kind,all,percent,group\nx,percent,yes,10,g\ny,percent,yes,20,g\n",
		  560 },
		{ "id,kind,all,percent,exclusive\nx,percent,yes,10,best\n", 630 },
		{ "id,kind,all,exclude_reduced,percent\nx,percent,yes,yes,10\n", 630 },
		{ "\xef\xbb\xbfid,kind,all,percent,text_en,text_de\n"
		  "x,percent,yes,10,\"A, \"\"b\"\"\",\"zehn, Prozent\"\n",
		  630 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reading *r = begin();
		int rc = read_csv(r, rows[i].text);

		ck_assert_msg(rc == 0, "%s: %u:%u: %s", rows[i].text,
			      r->errors.list[0].line, r->errors.list[0].column,
			      r->errors.list[0].what);
		ck_assert_msg(price(r->rules) == rows[i].total, "%s: %lld", rows[i].text,
			      (long long)price(r->rules));
		finish(r);
	}
}
END_TEST

START_TEST(texts_of_a_table_are_the_receipts)
{
	struct reading *r = begin();

	ck_assert_int_eq(read_csv(r, "id,kind,all,percent,text_en,text_de\n"
				     "x,percent,yes,10,\"Ten, \"\"off\"\"\",Zehn\n"),
			 0);
	ck_assert(
		str_is(pricing_rule_text(r->rules, STR("x"), STR("en")), "Ten, \"off\""));
	ck_assert(str_is(pricing_rule_text(r->rules, STR("x"), STR("de")), "Zehn"));
	finish(r);
}
END_TEST

START_TEST(faults_of_a_table_have_places)
{
	static const struct {
		const char *text;
		uint32_t line, column;
		const char *what;
	} rows[] = {
		{ "", 1, 1, "no header" },
		{ "id,kind,al\nx,percent,yes\n", 1, 9, "unknown column \"al\"" },
		{ "id,kind,id\n", 1, 9, "twice" },
		{ "id,kind,text_\xe5\n", 1, 9, "UTF-8" },
		{ "id,kind,all,percent\nx,percent,yes\n", 2, 1, "3 fields" },
		{ "id,kind,all,percent\nx,percent,maybe,10\n", 2, 11, "yes or no" },
		{ "id,kind,all,percent\nx,percent,yes,ten\n", 2, 15, "percentage" },
		{ "id,kind,all,percent\nx,percent,yes,1.255\n", 2, 15, "more digits" },
		{ "id,kind,all,percent\nx,percent,yes,\"12,5\"\n", 2, 16, "percentage" },
		{ "id,kind,all,percent\nx,percent,yes,-5\n", 2, 15, "-500" },
		{ "id,kind,all,amount\nx,amount,yes,1e3\n", 2, 14, "amount" },
		{ "id,kind,all,amount\nx,amount,yes,9999999999999999999\n", 2, 14,
		  "too large" },
		{ "id,kind,all,percent,max_units\nx,percent,yes,10,1.5\n", 2, 18,
		  "more digits" },
		{ "id,kind,all,percent\n\xc3\xa4\xc3\xa4,percent,yes,x\n", 2, 16,
		  "percentage" },
		{ "id,kind,all,percent\n\xff,percent,yes,10\n", 2, 1, "UTF-8" },
		{ "id,kind,all,percent\nx,bundle,yes,10\n", 2, 3, "use JSON" },
		{ "id,kind,all,percent\nx,magic,yes,10\n", 2, 3, "unknown kind" },
		{ "id,kind,all,percent\nx,\"per\"cent,yes,10\n", 2, 1, "quote" },
		{ "id,kind,all,percent\nx,\"percent,yes,10\n", 2, 1, "quote" },
		{ "id,kind,percent\nx,percent,10\n", 2, 1, "scope" },
		{ "id,kind,all,percent\n\"x\ny\",magic,yes,10\n", 2, 2, "control" },
		{ "id,sku,kind,percent\nx,\"1\n2\",magic,10\n", 3, 4, "kind" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reading *r = begin();
		const struct pricing_error *e = &r->errors.list[0];

		ck_assert_int_eq(read_csv(r, rows[i].text), -EBADMSG);
		ck_assert_msg(r->errors.total > 0 && e->line == rows[i].line &&
				      e->column == rows[i].column &&
				      strstr(e->what, rows[i].what) != NULL,
			      "%s: %u:%u: %s", rows[i].text, e->line, e->column, e->what);
		ck_assert_ptr_null(r->rules);
		finish(r);
	}
}
END_TEST

/* A bad record hides neither the records after it nor what compiling would find in them. */
START_TEST(all_faults_of_a_table_are_listed)
{
	static const uint32_t lines[] = { 2, 3, 5, 6 };
	struct reading *r = begin();

	ck_assert_int_eq(read_csv(r, "id,kind,all,percent\n"
				     "a,percent,yes,x\n"
				     "b,\"percent,yes,10\n"
				     "c,percent,yes,10\n"
				     "c,percent,yes,10\n"
				     "d,percent,yes,200\n"),
			 -EBADMSG);
	ck_assert_uint_eq(r->errors.total, 4);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_eq(r->errors.list[i].line, lines[i]);
	finish(r);
}
END_TEST

/* The largest set there may be, of the shortest rules, fits into the arena that callers make. */
START_TEST(twenty_thousand_rules_fit_and_one_more_is_refused)
{
	for (unsigned count = 20000; count <= 20001; count++) {
		struct pricing_errors *errors = calloc(1, sizeof(*errors));
		char *text = malloc((size_t)count * 32 + 64);
		struct pricing_rules *rules = NULL;
		const struct value *set = NULL;
		struct arena *arena;
		struct strbuf b;
		int rc;

		ck_assert(errors != NULL && text != NULL);
		strbuf_init(&b, text, (size_t)count * 32 + 64);
		strbuf_addf(&b, "id,kind,all,percent\n");
		for (unsigned i = 0; i < count; i++)
			strbuf_addf(&b, "%u,percent,1,1\n", i);
		arena = arena_new(b.used * PRICING_CSV_ARENA_FACTOR + 65536);
		ck_assert_ptr_nonnull(arena);
		ck_assert_int_eq(pricing_csv_read((struct str){ text, b.used }, "EUR",
						  arena, errors, &set),
				 0);
		rc = pricing_rules_compile_read(set, errors, &rules);
		ck_assert_int_eq(rc, count == 20000 ? 0 : -EBADMSG);
		ck_assert_uint_eq(errors->total, count == 20000 ? 0 : 1);
		ck_assert_uint_eq(errors->list[0].line, count == 20000 ? 0 : 20002);
		pricing_rules_free(rules);
		arena_free(arena);
		free(text);
		free(errors);
	}
}
END_TEST

START_TEST(an_unknown_currency_is_refused)
{
	struct reading *r = begin();
	const struct value *set = NULL;

	ck_assert_int_eq(pricing_csv_read(STR("id\n"), "XXX", r->arena, &r->errors, &set),
			 -EINVAL);
	finish(r);
}
END_TEST

UNIT_MAIN("pricing_lines", a_rule_a_line_is_a_set,
	  all_bad_lines_are_listed_with_their_places,
	  a_hundred_bad_lines_are_kept_and_all_counted, memory_that_runs_out_is_an_error,
	  every_column_of_a_table_does_what_it_says, texts_of_a_table_are_the_receipts,
	  faults_of_a_table_have_places, all_faults_of_a_table_are_listed,
	  twenty_thousand_rules_fit_and_one_more_is_refused,
	  an_unknown_currency_is_refused)
