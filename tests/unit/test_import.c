#include "lane/import.h"

#include "lane/cache.h"
#include "lane/offers.h"

#include "lane_kit.h"
#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <malloc.h>

static char dir[TEMPDIR_BYTES];

/* What came of one import. */
struct outcome {
	int rc;
	struct import_result result;
};

static struct import_options
options_of(enum import_kind kind, enum import_format format)
{
	return (struct import_options){ kind, format, dir, "EUR", "test" };
}

/* The whole text in pieces of step bytes. */
static struct outcome
import_in(struct import_options o, struct str text, size_t step, bool check_only)
{
	const struct import_result *result = NULL;
	struct outcome out = { .rc = 0 };
	struct import *i = NULL;

	ck_assert_int_eq(import_begin(&o, &i), 0);
	for (size_t at = 0; at < text.n && out.rc == 0; at += step)
		out.rc = import_chunk(i, (struct str){ text.p + at, text.n - at < step
									    ? text.n - at
									    : step });
	if (out.rc == 0) {
		out.rc = import_commit(i, check_only, &result);
		if (result != NULL)
			out.result = *result;
	}
	import_free(i);
	return out;
}

static struct outcome
import_text(enum import_kind kind, enum import_format format, const char *text)
{
	return import_in(options_of(kind, format), str_of(text), SIZE_MAX / 2, false);
}

static int64_t
members_in(void)
{
	struct db *cache = kit_cache(dir);
	int64_t count = -1;

	ck_assert_int_eq(members_count(cache, &count), 0);
	(void)db_close(cache);
	return count;
}

static void
start(void)
{
	tempdir_make(dir);
	(void)db_close(kit_cache(dir));
}

#define GOOD_JSONL                                                                       \
	"{\"number\":\"1\",\"greeting\":\"\xc3\xa4\"}\r\n\n"                             \
	"{\"number\":\"2\",\"claims\":[{\"kind\":\"card\",\"value\":\"c,2\"}]}\n"        \
	"{\"number\":\"3\"}"
#define GOOD_CSV                                                                         \
	"number,greeting,minor,groups,card,card,phone,token,last4\r\n"                   \
	"1,\"\xc3\xa4, \"\"x\"\"\",no,a;b,c1,c11,+372 5550101,tok,4242\r\n"              \
	"2,,1,,,,,,\n\n3,,,,,,,,"

START_TEST(every_border_between_chunks_gives_the_same)
{
	static const struct {
		enum import_format format;
		const char *text;
	} files[] = { { IMPORT_JSONL, GOOD_JSONL }, { IMPORT_CSV, GOOD_CSV } };

	start();
	for (size_t f = 0; f < 2; f++)
		for (size_t step = 1; step <= strlen(files[f].text); step++) {
			struct outcome o =
				import_in(options_of(IMPORT_MEMBERS, files[f].format),
					  str_of(files[f].text), step, true);

			ck_assert_msg(o.rc == 0, "step %zu: %d %s", step, o.rc,
				      o.result.errors[0].what);
			ck_assert_uint_eq(o.result.added, 3);
			ck_assert_uint_eq(o.result.errors_total, 0);
		}
	ck_assert_int_eq(members_in(), 0);
	tempdir_remove(dir);
}
END_TEST

START_TEST(csv_columns_become_a_member)
{
	struct member_record r;
	struct outcome o;
	struct db *cache;

	start();
	o = import_text(IMPORT_MEMBERS, IMPORT_CSV, GOOD_CSV);
	ck_assert_msg(o.rc == 0, "%s", o.result.errors[0].what);
	cache = kit_cache(dir);
	ck_assert_int_eq(members_get_number(cache, STR("1"), &r), 0);
	ck_assert_str_eq(r.greeting, "\xc3\xa4, \"x\"");
	ck_assert_uint_eq(r.groups_count, 2);
	ck_assert_str_eq(r.groups[1], "b");
	ck_assert_uint_eq(r.claims_count, 3);
	ck_assert_str_eq(r.claims[2].value, "3725550101");
	ck_assert_uint_eq(r.tenders_count, 1);
	ck_assert_str_eq(r.tenders[0].token, "tok");
	ck_assert(!r.minor);
	ck_assert_int_eq(members_get_number(cache, STR("2"), &r), 0);
	ck_assert(r.minor);
	ck_assert_uint_eq(r.claims_count + r.tenders_count, 0);
	(void)db_close(cache);
	tempdir_remove(dir);
}
END_TEST

START_TEST(an_import_again_changes_nothing)
{
	struct outcome o;

	start();
	ck_assert_int_eq(import_text(IMPORT_MEMBERS, IMPORT_CSV, GOOD_CSV).rc, 0);
	o = import_text(IMPORT_MEMBERS, IMPORT_CSV, GOOD_CSV);
	ck_assert_uint_eq(o.result.unchanged, 3);
	ck_assert_uint_eq(o.result.added + o.result.changed, 0);
	o = import_text(IMPORT_MEMBERS, IMPORT_JSONL,
			"{\"number\":\"2\",\"language\":\"et\"}");
	ck_assert_uint_eq(o.result.changed, 1);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_byte_order_mark_at_the_start_is_skipped)
{
	struct outcome o;

	start();
	o = import_text(IMPORT_MEMBERS, IMPORT_CSV, "\xef\xbb\xbfnumber\r\n1\r\n");
	ck_assert_msg(o.rc == 0, "%s", o.result.errors[0].what);
	o = import_text(IMPORT_MEMBERS, IMPORT_JSONL, "\xef\xbb\xbf{\"number\":\"2\"}\n");
	ck_assert_int_eq(o.rc, 0);
	o = import_text(IMPORT_MEMBERS, IMPORT_JSONL,
			"{\"number\":\"3\"}\n\xef\xbb\xbf{\"number\":\"4\"}\n");
	ck_assert_int_eq(o.rc, -EBADMSG);
	ck_assert_uint_eq(o.result.errors[0].line, 2);
	ck_assert_int_eq(members_in(), 2);
	tempdir_remove(dir);
}
END_TEST

static const struct {
	enum import_format format;
	const char *text; /* '$' stands for a payment card number */
	uint32_t line, column;
	const char *what;
} bad[] = {
	{ IMPORT_JSONL, "{\"number\":\"1\"}\nnonsense\n", 2, 1, "" },
	{ IMPORT_JSONL, "{\"number\":\"1\"}\n\r\n{\"number\":\"2\"", 3, 14, "" },
	{ IMPORT_JSONL, "{\"number\":\"1\"} {\"number\":\"2\"}", 1, 16, "" },
	{ IMPORT_JSONL, "{\"number\":\"1\",\"number\":\"2\"}", 1, 15, "before" },
	{ IMPORT_JSONL, "{\"number\":\"1\",\"greeting\":\"\xff\"}", 1, 26, "UTF-8" },
	{ IMPORT_JSONL, "\n\n{\"number\":1}", 3, 11, "number" },
	{ IMPORT_JSONL, "{\"number\":\"1\",\"greeting\":\"$\"}", 1, 26, "payment card" },
	{ IMPORT_JSONL,
	  "{\"number\":\"1\",\"tenders\":[{\"kind\":\"card-token\",\"token\":\"$\"}]}", 1,
	  0, "payment card" },
	{ IMPORT_CSV, "name\n1\n", 1, 1, "unknown name" },
	{ IMPORT_CSV, "language\nen\n", 1, 1, "no column" },
	{ IMPORT_CSV, "number,number\n1,1\n", 1, 2, "twice" },
	{ IMPORT_CSV, "number,language\n1\n", 2, 1, "1 fields where the header has 2" },
	{ IMPORT_CSV, "number\n1,2\n", 2, 1, "2 fields where the header has 1" },
	{ IMPORT_CSV, "number,greeting\n1,\"a\nb\"\n", 2, 1, "quote" },
	{ IMPORT_CSV, "number,minor\n1,maybe\n", 2, 1, "minor: true or false" },
	{ IMPORT_CSV, "number,greeting\n1,$\n", 2, 1, "payment card" },
	{ IMPORT_CSV, "number,card\n1,$\n", 2, 1, "payment card" },
	{ IMPORT_CSV, "number,token\n1,$\n", 2, 1, "payment card" },
	{ IMPORT_CSV, "number,greeting\n1,\xff\n", 2, 1, "UTF-8" },
	{ IMPORT_CSV, "number,last4,token\n1,12,tok\n", 2, 1, "last4" },
	{ IMPORT_CSV, "number,groups\n1,a;;b\n", 2, 1, "groups" },
	{ IMPORT_CSV, "\xef\xbb\xbf\xef\xbb\xbfnumber\n1\n", 1, 1, "unknown name" },
};

START_TEST(a_bad_line_is_named_and_nothing_is_changed)
{
	char all[1024];
	struct outcome o;

	start();
	ck_assert_int_eq(
		import_text(IMPORT_MEMBERS, IMPORT_JSONL, "{\"number\":\"kept\"}").rc, 0);
	(void)snprintf(all, sizeof(all), "%s", kit_with_pan(bad[_i].text));
	o = import_text(IMPORT_MEMBERS, bad[_i].format, all);
	ck_assert_msg(o.rc == -EBADMSG, "%s: %d", all, o.rc);
	ck_assert_uint_ge(o.result.errors_total, 1);
	ck_assert_msg(o.result.errors[0].line == bad[_i].line, "%s: line %u: %s", all,
		      o.result.errors[0].line, o.result.errors[0].what);
	ck_assert_msg(bad[_i].column == 0 || o.result.errors[0].column == bad[_i].column,
		      "%s: column %u: %s", all, o.result.errors[0].column,
		      o.result.errors[0].what);
	ck_assert_msg(strstr(o.result.errors[0].what, bad[_i].what) != NULL, "%s: %s",
		      all, o.result.errors[0].what);
	ck_assert_ptr_null(strstr(o.result.errors[0].what, kit_with_pan("$")));
	ck_assert_int_eq(members_in(), 1);
	ck_assert(!tempdir_holds(dir, kit_with_pan("$"), KIT_PAN_BYTES - 1));
	tempdir_remove(dir);
}
END_TEST

START_TEST(the_first_hundred_errors_are_kept_and_all_are_counted)
{
	static char text[1000 * 32];
	struct strbuf b;
	struct outcome o;

	start();
	strbuf_init(&b, text, sizeof(text));
	for (unsigned i = 0; i < 250; i++)
		strbuf_addf(&b, i % 2 == 0 ? "{\"number\":\"%u\"}\n" : "bad %u\n", i);
	o = import_text(IMPORT_MEMBERS, IMPORT_JSONL, text);
	ck_assert_int_eq(o.rc, -EBADMSG);
	ck_assert_uint_eq(o.result.errors_total, 125);
	ck_assert_uint_eq(o.result.errors_count, IMPORT_ERRORS_MAX);
	ck_assert_uint_eq(o.result.errors[99].line, 200);
	ck_assert_uint_eq(o.result.added, 125);
	ck_assert_int_eq(members_in(), 0);
	tempdir_remove(dir);
}
END_TEST

/* A line of n bytes that is a member. */
static void
add_line(struct strbuf *b, unsigned number, size_t n)
{
	size_t before = b->used;

	strbuf_addf(b, "{\"number\":\"%u\"", number);
	while (b->used - before < n - 1)
		strbuf_add(b, STR(" "));
	strbuf_add(b, STR("}\n"));
}

START_TEST(a_line_over_the_limit_is_one_error)
{
	static char text[6 * IMPORT_LINE_BYTES_MAX];
	static const size_t steps[] = { 1000, 65535, 65536, 65537, sizeof(text) };
	struct strbuf b;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct outcome o;

		start();
		strbuf_init(&b, text, sizeof(text));
		add_line(&b, 1, IMPORT_LINE_BYTES_MAX);
		add_line(&b, 2, IMPORT_LINE_BYTES_MAX + 1);
		add_line(&b, 3, 20);
		add_line(&b, 4, 3 * IMPORT_LINE_BYTES_MAX);
		ck_assert(!b.truncated);
		o = import_in(options_of(IMPORT_MEMBERS, IMPORT_JSONL),
			      (struct str){ text, b.used }, steps[i], false);
		ck_assert_int_eq(o.rc, -EBADMSG);
		ck_assert_uint_eq(o.result.errors_total, 2);
		ck_assert_uint_eq(o.result.errors[0].line, 2);
		ck_assert_uint_eq(o.result.errors[1].line, 4);
		ck_assert_uint_eq(o.result.added, 2);
		tempdir_remove(dir);
	}
}
END_TEST

START_TEST(a_long_line_without_an_end_is_an_error_too)
{
	static char text[IMPORT_LINE_BYTES_MAX + 10];
	struct outcome o;

	start();
	memset(text, ' ', sizeof(text));
	o = import_in(options_of(IMPORT_MEMBERS, IMPORT_JSONL),
		      (struct str){ text, sizeof(text) }, 4096, false);
	ck_assert_int_eq(o.rc, -EBADMSG);
	ck_assert_uint_eq(o.result.errors_total, 1);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_line_of_endless_values_is_an_error_of_that_line)
{
	static char text[IMPORT_LINE_BYTES_MAX];
	struct outcome o;
	size_t n;

	start();
	n = (size_t)snprintf(text, sizeof(text), "{\"number\":\"1\",\"x\":[1");
	while (n + 4 < sizeof(text)) {
		memcpy(text + n, ",1", 2);
		n += 2;
	}
	memcpy(text + n, "]}", 2);
	o = import_in(options_of(IMPORT_MEMBERS, IMPORT_JSONL),
		      (struct str){ text, n + 2 }, 1 << 20, false);
	ck_assert(o.rc == 0 || (o.rc == -EBADMSG && o.result.errors[0].line == 1));
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_check_changes_nothing)
{
	struct outcome o;

	start();
	o = import_in(options_of(IMPORT_MEMBERS, IMPORT_JSONL), str_of(GOOD_JSONL),
		      1 << 20, true);
	ck_assert_int_eq(o.rc, 0);
	ck_assert_uint_eq(o.result.added, 3);
	ck_assert_int_eq(members_in(), 0);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_freed_import_is_rolled_back)
{
	struct import_options o;
	struct import *i = NULL;

	start();
	o = options_of(IMPORT_MEMBERS, IMPORT_JSONL);
	ck_assert_int_eq(import_begin(&o, &i), 0);
	ck_assert_int_eq(import_chunk(i, str_of(GOOD_JSONL)), 0);
	ck_assert_int_eq(import_kind(i), IMPORT_MEMBERS);
	ck_assert_ptr_null(import_free(i));
	ck_assert_int_eq(members_in(), 0);
	ck_assert_ptr_null(import_free(NULL));
	tempdir_remove(dir);
}
END_TEST

START_TEST(kind_and_format_must_go_together)
{
	static const struct {
		enum import_kind kind;
		enum import_format format;
		int rc;
	} rows[] = {
		{ IMPORT_MEMBERS, IMPORT_JSON, -EINVAL },
		{ IMPORT_OFFERS, IMPORT_CSV, 0 },
		{ IMPORT_MEMBERS, IMPORT_JSONL, 0 },
		{ IMPORT_MEMBERS, IMPORT_CSV, 0 },
		{ IMPORT_OFFERS, IMPORT_JSON, 0 },
		{ IMPORT_OFFERS, IMPORT_JSONL, 0 },
	};

	start();
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct import_options o = options_of(rows[k].kind, rows[k].format);
		struct import *i = NULL;

		ck_assert_int_eq(import_begin(&o, &i), rows[k].rc);
		import_free(i);
	}
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_member_id_of_another_number_is_an_error)
{
	struct outcome o;

	start();
	o = import_text(IMPORT_MEMBERS, IMPORT_JSONL,
			"{\"number\":\"1\",\"member\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"}\n"
			"{\"number\":\"2\"}\n");
	ck_assert_int_eq(o.rc, 0);
	o = import_text(IMPORT_MEMBERS, IMPORT_JSONL,
			"{\"number\":\"2\",\"member\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"}\n");
	ck_assert_int_eq(o.rc, -EBADMSG);
	ck_assert_ptr_nonnull(strstr(o.result.errors[0].what, "another member"));
	tempdir_remove(dir);
}
END_TEST

#define RULE(id)                                                                         \
	"{\"id\":\"" id "\",\"kind\":\"percent\",\"scope\":{\"all\":true},\"params\":"   \
	"{\"percent_bp\":1000},\"text\":{\"en\":\"x\"}}"
#define RULES(list) "{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":[" list "]}"

static int
offers_there(void)
{
	struct pricing_rules *rules = NULL;
	struct db *cache = kit_cache(dir);
	int rc = offers_load(cache, &rules);
	int count = rc == 0 ? (int)pricing_rules_count(rules) : rc;

	pricing_rules_free(rules);
	(void)db_close(cache);
	return count;
}

#define SCOPED(id, scope)                                                                \
	"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":[{\"id\":\"" id               \
	"\",\"kind\":\"percent\",\"scope\":" scope                                       \
	",\"params\":{\"percent_bp\":1000}}]}"

START_TEST(offers_with_a_card_number_are_refused_and_it_is_not_repeated)
{
	static const struct {
		const char *json; /* $ is a card number */
		uint64_t pans;
	} rows[] = {
		{ SCOPED("$", "{\"all\":true}"), 1 },
		{ SCOPED("a", "{\"category\":[\"x\",\"$\"]}"), 1 },
		{ SCOPED("a", "{\"sku\":[\"no $\"]}"), 1 },
		{ SCOPED("a $", "{\"brand\":[\"$\"],\"$\":5}"), 3 },
		{ SCOPED("a", "{\"sku\":[\"$\"]}"), 0 }, /* an article's number */
	};

	start();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outcome o = import_text(IMPORT_OFFERS, IMPORT_JSON,
					       kit_with_pan(rows[i].json));

		ck_assert_int_eq(o.rc, rows[i].pans > 0 ? -EBADMSG : 0);
		ck_assert_uint_eq(o.result.pans_refused, rows[i].pans);
		ck_assert_uint_eq(o.result.errors_total, rows[i].pans);
		for (uint32_t k = 0; k < o.result.errors_count; k++) {
			ck_assert(strstr(o.result.errors[k].what, "payment card") !=
				  NULL);
			ck_assert_uint_gt(o.result.errors[k].column, 1);
		}
	}
	tempdir_remove(dir);
}
END_TEST

START_TEST(offers_are_swapped_whole_or_not_at_all)
{
	static const struct {
		enum import_format format;
		const char *text;
		int rc, there;
		uint32_t line, column;
	} steps[] = {
		{ IMPORT_JSON, RULES(RULE("a") "," RULE("b")), 0, 2, 0, 0 },
		{ IMPORT_JSON, "nonsense", -EBADMSG, 2, 1, 1 },
		{ IMPORT_JSON, "", -EBADMSG, 2, 1, 1 },
		{ IMPORT_JSON, RULES(RULE("a") "," RULE("a")), -EBADMSG, 2, 1, 0 },
		{ IMPORT_JSON, RULES("{\"id\":\"x\"}"), -EBADMSG, 2, 1, 0 },
		{ IMPORT_JSON, "{\"laned_rules\":1,\"currency\":\"USD\",\"rules\":[]}",
		  -EBADMSG, 2, 1, 1 },
		{ IMPORT_JSONL, RULE("c") "\n" RULE("d") "\r\n\n" RULE("e"), 0, 3, 0, 0 },
		{ IMPORT_JSONL, RULE("c") "\nnonsense\n", -EBADMSG, 3, 2, 1 },
		{ IMPORT_JSONL, "\nnonsense\n", -EBADMSG, 3, 2, 1 },
		{ IMPORT_JSONL, "nonsense\n", -EBADMSG, 3, 1, 1 },
		{ IMPORT_JSONL, RULE("c") "\n\n{\"id\":\"x\",\"kind\":\"magic\"}\n",
		  -EBADMSG, 3, 3, 0 },
		{ IMPORT_JSONL, "", 0, 0, 0, 0 },
	};

	start();
	ck_assert_int_eq(offers_there(), -ENOENT);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct outcome o =
			import_text(IMPORT_OFFERS, steps[i].format, steps[i].text);

		ck_assert_msg(o.rc == steps[i].rc, "step %zu: %d %s", i, o.rc,
			      o.result.errors[0].what);
		ck_assert_int_eq(offers_there(), steps[i].there);
		if (o.rc == 0)
			continue;
		ck_assert_msg(o.result.errors[0].line == steps[i].line,
			      "step %zu: line %u", i, o.result.errors[0].line);
		ck_assert_msg(steps[i].column == 0 ||
				      o.result.errors[0].column == steps[i].column,
			      "step %zu: column %u", i, o.result.errors[0].column);
	}
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_rule_file_over_the_limit_is_refused)
{
	size_t n = OFFERS_BYTES_MAX + 1u;
	char *text = malloc(n);
	struct outcome o;

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', n);
	start();
	o = import_in(options_of(IMPORT_OFFERS, IMPORT_JSON), (struct str){ text, n },
		      1 << 20, false);
	ck_assert_int_eq(o.rc, -EFBIG);
	ck_assert_int_eq(offers_there(), -ENOENT);
	free(text);
	tempdir_remove(dir);
}
END_TEST

/* What the process holds on the heap, SQLite included. */
static size_t
heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

START_TEST(a_hundred_thousand_members_take_bounded_memory)
{
	static char text[128 * 1024];
	struct import_options o;
	const struct import_result *result = NULL;
	struct import *i = NULL;
	size_t before, most = 0, now;

	start();
	o = options_of(IMPORT_MEMBERS, IMPORT_JSONL);
	before = heap_bytes();
	ck_assert_int_eq(import_begin(&o, &i), 0);
	for (unsigned n = 0; n < 100000;) {
		struct strbuf b;

		strbuf_init(&b, text, sizeof(text));
		for (unsigned k = 0; k < 1000; k++, n++)
			strbuf_addf(&b,
				    "{\"number\":\"%u\",\"claims\":[{\"kind\":\"card\","
				    "\"value\":"
				    "\"C%u\"}]}\n",
				    n, n);
		ck_assert(!b.truncated);
		ck_assert_int_eq(import_chunk(i, (struct str){ text, b.used }), 0);
		now = heap_bytes();
		most = now > most ? now : most;
	}
	ck_assert_int_eq(import_commit(i, false, &result), 0);
	ck_assert_uint_eq(result->added, 100000);
	import_free(i);
	ck_assert_uint_lt(most - before, (size_t)16 << 20);
	ck_assert_int_eq(members_in(), 100000);
	tempdir_remove(dir);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("import");
	TCase *tc = tcase_create("import");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, every_border_between_chunks_gives_the_same);
	tcase_add_test(tc, csv_columns_become_a_member);
	tcase_add_test(tc, an_import_again_changes_nothing);
	tcase_add_test(tc, a_byte_order_mark_at_the_start_is_skipped);
	tcase_add_loop_test(tc, a_bad_line_is_named_and_nothing_is_changed, 0,
			    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, the_first_hundred_errors_are_kept_and_all_are_counted);
	tcase_add_test(tc, a_line_over_the_limit_is_one_error);
	tcase_add_test(tc, a_long_line_without_an_end_is_an_error_too);
	tcase_add_test(tc, a_line_of_endless_values_is_an_error_of_that_line);
	tcase_add_test(tc, a_check_changes_nothing);
	tcase_add_test(tc, a_freed_import_is_rolled_back);
	tcase_add_test(tc, kind_and_format_must_go_together);
	tcase_add_test(tc, a_member_id_of_another_number_is_an_error);
	tcase_add_test(tc, offers_with_a_card_number_are_refused_and_it_is_not_repeated);
	tcase_add_test(tc, offers_are_swapped_whole_or_not_at_all);
	tcase_add_test(tc, a_rule_file_over_the_limit_is_refused);
	tcase_add_test(tc, a_hundred_thousand_members_take_bounded_memory);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
