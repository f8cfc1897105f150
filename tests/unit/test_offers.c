#include "lane/offers.h"

#include "lane_kit.h"
#include "tempdir.h"
#include "unit.h"

#include <errno.h>

#define RULE(id)                                                                         \
	"{\"id\":\"" id "\",\"kind\":\"percent\",\"scope\":{\"all\":true},\"params\":"   \
	"{\"percent_bp\":1000},\"text\":{\"en\":\"x\"}}"
#define RULES(list) "{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":[" list "]}"

static char dir[TEMPDIR_BYTES];

START_TEST(what_does_not_compile_says_where)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
		{ RULES(RULE("a")), 0 },
		{ RULES(""), 0 },
		{ "", -EBADMSG },
		{ "{", -EBADMSG },
		{ "[]", -EBADMSG },
		{ "{}", -EBADMSG },
		{ RULES(RULE("a")) " x", -EBADMSG },
		{ "{\"laned_rules\":2,\"currency\":\"EUR\",\"rules\":[]}", -EBADMSG },
		{ "{\"laned_rules\":1,\"currency\":\"EU\",\"rules\":[]}", -EBADMSG },
		{ RULES(RULE("a") "," RULE("a")), -EBADMSG },
	};
	static struct pricing_errors errors;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pricing_rules *rules = NULL;
		int rc = offers_compile(str_of(rows[i].text), &errors, &rules);

		ck_assert_msg(rc == rows[i].rc, "%s: %d", rows[i].text, rc);
		ck_assert_int_eq(errors.total > 0, rc < 0);
		ck_assert_int_eq(rules != NULL, rc == 0);
		if (rc < 0) {
			ck_assert_uint_gt(errors.list[0].line, 0);
			ck_assert_str_ne(errors.list[0].what, "");
		}
		pricing_rules_free(rules);
	}
}
END_TEST

START_TEST(a_text_of_nothing_but_values_is_an_error_not_a_failure)
{
	static struct pricing_errors errors;
	size_t n = (size_t)4 << 20, at = 0;
	char *text = malloc(n);
	struct pricing_rules *rules = NULL;

	ck_assert_ptr_nonnull(text);
	text[at++] = '[';
	while (at + 3 < n) {
		text[at++] = '1';
		text[at++] = ',';
	}
	text[at++] = '1';
	text[at++] = ']';
	ck_assert_int_eq(offers_compile((struct str){ text, at }, &errors, &rules),
			 -EBADMSG);
	ck_assert_uint_eq(errors.total, 1);
	ck_assert_int_eq(offers_compile((struct str){ text, OFFERS_BYTES_MAX + 1 },
					&errors, &rules),
			 -EFBIG);
	free(text);
}
END_TEST

START_TEST(the_stored_set_is_the_last_one)
{
	struct pricing_rules *rules = NULL;
	struct db *cache;

	tempdir_make(dir);
	cache = kit_cache(dir);
	ck_assert_int_eq(offers_load(cache, &rules), -ENOENT);
	ck_assert_int_eq(offers_put(cache, STR(RULES(RULE("a"))), "one"), 0);
	ck_assert_int_eq(offers_put(cache, STR(RULES(RULE("b") "," RULE("c"))), "two"),
			 0);
	ck_assert_int_eq(offers_load(cache, &rules), 0);
	ck_assert_uint_eq(pricing_rules_count(rules), 2);
	rules = pricing_rules_free(rules);
	ck_assert_int_eq(offers_put(cache, STR("not rules any more"), "three"), 0);
	ck_assert_int_eq(offers_load(cache, &rules), -EBADMSG);
	ck_assert_ptr_null(rules);
	(void)db_close(cache);
	tempdir_remove(dir);
}
END_TEST

START_TEST(the_list_has_what_people_want_to_see)
{
	struct json_out *o = json_out_new(65536);
	uint32_t next = 99;
	struct db *cache;
	struct str text;

	tempdir_make(dir);
	cache = kit_cache(dir);
	json_open_array(o, NULL);
	ck_assert_int_eq(offers_list(cache, 0, 10, o, &next), -ENOENT);
	ck_assert_int_eq(
		offers_put(cache, STR(RULES(RULE("a") "," RULE("b") "," RULE("c"))), "n"),
		0);
	ck_assert_int_eq(offers_list(cache, 1, 1, o, &next), 0);
	ck_assert_uint_eq(next, 2);
	ck_assert_int_eq(offers_list(cache, 2, 5, o, &next), 0);
	ck_assert_uint_eq(next, 0);
	json_close(o);
	ck_assert_int_eq(json_out_text(o, &text), 0);
	ck_assert_str_eq(text.p, "[" RULE("b") "," RULE("c") "]");
	json_out_free(o);
	(void)db_close(cache);
	tempdir_remove(dir);
}
END_TEST

/* Lists of many goods are cut, so that a page of offers always fits into a message. */
START_TEST(long_lists_are_cut_and_counted)
{
	static const char head[] =
		"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":["
		"{\"id\":\"a\",\"kind\":\"percent\",\"scope\":{\"sku\":[";
	static const char tail[] = "],\"exclude\":{\"brand\":[\"b\"]},\"price_max\":900},"
				   "\"params\":{\"percent_bp\":1}}]}";
	struct json_out *o = json_out_new(1u << 20);
	static char set[65536];
	uint32_t next = 99;
	struct strbuf b;
	struct db *cache;
	struct str text;

	strbuf_init(&b, set, sizeof(set));
	strbuf_add(&b, str_of(head));
	for (unsigned i = 0; i < 5000; i++)
		strbuf_addf(&b, "%s\"%u\"", i > 0 ? "," : "", i);
	strbuf_add(&b, str_of(tail));
	ck_assert(!b.truncated);
	tempdir_make(dir);
	cache = kit_cache(dir);
	ck_assert_int_eq(offers_put(cache, (struct str){ set, b.used }, "n"), 0);
	json_open_array(o, NULL);
	ck_assert_int_eq(offers_list(cache, 0, 5, o, &next), 0);
	json_close(o);
	ck_assert_int_eq(json_out_text(o, &text), 0);
	ck_assert_ptr_nonnull(strstr(text.p, "\"19\"],\"sku_count\":5000,"));
	ck_assert_ptr_nonnull(strstr(text.p, "\"exclude\":{\"brand\":[\"b\"]}"));
	ck_assert_ptr_nonnull(strstr(text.p, "\"price_max\":900"));
	json_out_free(o);
	(void)db_close(cache);
	tempdir_remove(dir);
}
END_TEST

/* Whatever it came as, what is stored is a set as JSON that compiles again. */
START_TEST(every_format_is_read_and_kept_as_json)
{
	static const struct {
		enum offers_format format;
		const char *text;
		int rc;
	} rows[] = {
		{ OFFERS_JSON, RULES(RULE("a")), 0 },
		{ OFFERS_JSONL, RULE("a") "\n" RULE("b") "\n", 0 },
		{ OFFERS_CSV, "id,kind,all,percent\na,percent,yes,10\n", 0 },
		{ OFFERS_JSON, "x", -EBADMSG },
		{ OFFERS_JSONL, RULE("a") "\nx\ny\n", -EBADMSG },
		{ OFFERS_CSV, "id,kind,all,percent\na,percent,yes,x\n", -EBADMSG },
		{ OFFERS_CSV, "", -EBADMSG },
	};
	static struct pricing_errors errors;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_out *o = json_out_new(65536);
		struct pricing_rules *rules = NULL;
		struct str text;
		int rc = offers_read(str_of(rows[i].text), rows[i].format, "EUR", &errors,
				     o, &rules);

		ck_assert_msg(rc == rows[i].rc, "row %zu: %d", i, rc);
		ck_assert_int_eq(errors.total > 0, rc < 0);
		rules = pricing_rules_free(rules);
		if (rc == 0) {
			ck_assert_int_eq(json_out_text(o, &text), 0);
			ck_assert_int_eq(offers_compile(text, &errors, &rules), 0);
		}
		pricing_rules_free(rules);
		json_out_free(o);
	}
}
END_TEST

UNIT_MAIN("offers", what_does_not_compile_says_where,
	  a_text_of_nothing_but_values_is_an_error_not_a_failure,
	  the_stored_set_is_the_last_one, the_list_has_what_people_want_to_see,
	  long_lists_are_cut_and_counted, every_format_is_read_and_kept_as_json)
