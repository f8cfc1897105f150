#include "lane/member_record.h"

#include "lane_kit.h"
#include "unit.h"

#include <errno.h>

#define FULL                                                                             \
	"{\"number\":\"1001\",\"account\":\"A1\",\"language\":\"et\",\"greeting\":"      \
	"\"M\xc3\xa4rt\",\"minor\":false,\"first_purchase\":true,\"groups\":[\"staff\"," \
	"\"gold\"],\"coupons\":[\"C1\"],\"claims\":[{\"kind\":\"qr\",\"value\":\"Q\"},"  \
	"{\"kind\":\"card\",\"value\":\"C1001\"},{\"kind\":\"phone\",\"value\":"         \
	"\"+372 555-01 (01)\"}],\"tenders\":[{\"kind\":\"card-token\",\"label\":\"L\","  \
	"\"brand\":\"B\",\"last4\":\"4242\",\"token\":\"tok-1\",\"limit\":5000,"         \
	"\"default\":true}]"

START_TEST(a_whole_member_is_read)
{
	struct member_record r = kit_record(FULL "}");

	ck_assert(ulid_is_zero(r.member));
	ck_assert_str_eq(r.number, "1001");
	ck_assert_str_eq(r.account, "A1");
	ck_assert_str_eq(r.greeting, "M\xc3\xa4rt");
	ck_assert(!r.minor && r.first_purchase);
	ck_assert_uint_eq(r.groups_count, 2);
	ck_assert_str_eq(r.groups[1], "gold");
	ck_assert_uint_eq(r.coupons_count, 1);
	ck_assert_uint_eq(r.claims_count, 3);
	ck_assert_int_eq(r.claims[0].kind, CLAIM_CARD); /* in the order of the cache */
	ck_assert_str_eq(r.claims[1].value, "3725550101");
	ck_assert_uint_eq(r.tenders_count, 1);
	ck_assert_int_eq(r.tenders[0].limit_minor, 5000);
}
END_TEST

START_TEST(what_is_missing_has_its_default)
{
	struct member_record r = kit_record("{\"number\":\"7\",\"claims\":null,\"later\":"
					    "{\"unknown\":[1]},\"tenders\":"
					    "[{\"kind\":\"carried\",\"token\":\"a\"},{"
					    "\"kind\":\"b\",\"token\":\"b\"}]}");

	ck_assert_str_eq(r.account, "7");
	ck_assert_str_eq(r.language, "");
	ck_assert(r.tenders[0].is_default); /* the first one where none is named */
	ck_assert(!r.tenders[1].is_default);
	ck_assert_uint_eq(r.claims_count, 0);
}
END_TEST

static const struct {
	const char *json, *complaint; /* '$' stands for a payment card number */
} wrong[] = {
	{ "[]", "object" },
	{ "{}", "number" },
	{ "{\"number\":\"\"}", "number" },
	{ "{\"number\":5}", "number" },
	{ "{\"number\":\"a b\"}", "number" },
	{ "{\"number\":\"a\\tb\"}", "number" },
	{ "{\"number\":\"\xc3\xa4\"}", "number" },
	{ "{\"number\":\"123456789012345678901234567890123\"}", "number" },
	{ "{\"number\":\"1\",\"account\":\"a b\"}", "account" },
	{ "{\"number\":\"1\",\"account\":\"$\"}", "payment card" },
	{ "{\"number\":\"1\",\"greeting\":\"$\"}", "payment card" },
	{ "{\"number\":\"1\",\"greeting\":\"pay $ now\"}", "payment card" },
	{ "{\"number\":\"1\",\"greeting\":\"\\u001b[2J\"}", "control" },
	{ "{\"number\":\"1\",\"greeting\":\"12345678901234567890123456789012345678901\"}",
	  "greeting: longer" },
	{ "{\"number\":\"1\",\"language\":\"123456789\"}", "language: longer" },
	{ "{\"number\":\"1\",\"language\":1}", "language: a text" },
	{ "{\"number\":\"1\",\"member\":\"x\"}", "member: a ulid" },
	{ "{\"number\":\"1\",\"member\":17}", "member: a ulid" },
	{ "{\"number\":\"1\",\"member\":"
	  "\"01ARZ3NDEKTSV4RRFFQ69G5FAV01ARZ3NDEKTSV4RRFFQ69G5FAV\"}",
	  "member: a ulid" },
	{ "{\"number\":\"1\",\"minor\":\"yes\"}", "minor" },
	{ "{\"number\":\"1\",\"minor\":1}", "minor" },
	{ "{\"number\":\"1\",\"points\":-1}", "points: a whole number" },
	{ "{\"number\":\"1\",\"points\":\"7\"}", "points: a whole number" },
	{ "{\"number\":\"1\",\"groups\":\"g\"}", "groups: a list" },
	{ "{\"number\":\"1\",\"groups\":[1]}", "groups" },
	{ "{\"number\":\"1\",\"groups\":[\"\"]}", "groups" },
	{ "{\"number\":\"1\",\"groups\":[\"a\\nb\"]}", "groups" },
	{ "{\"number\":\"1\",\"groups\":[\"123456789012345678901234567890123\"]}",
	  "groups" },
	{ "{\"number\":\"1\",\"coupons\":[\"$\"]}",
	  "coupons: looks like a payment card" },
	{ "{\"number\":\"1\",\"claims\":{}}", "claims" },
	{ "{\"number\":\"1\",\"claims\":[1]}", "claims" },
	{ "{\"number\":\"1\",\"claims\":[{\"kind\":\"card\"}]}", "claims" },
	{ "{\"number\":\"1\",\"claims\":[{\"kind\":\"card\",\"value\":\"\"}]}",
	  "claims" },
	{ "{\"number\":\"1\",\"claims\":[{\"kind\":\"digits\",\"value\":\"12\"}]}",
	  "card, phone or qr" },
	{ "{\"number\":\"1\",\"claims\":[{\"kind\":\"card\",\"value\":\"$\"}]}",
	  "payment card" },
	{ "{\"number\":\"1\",\"claims\":[{\"kind\":\"qr\",\"value\":\"id=$;\"}]}",
	  "payment card" },
	{ "{\"number\":\"1\",\"claims\":[{\"kind\":\"phone\",\"value\":\"1234\"}]}",
	  "5 to 15" },
	{ "{\"number\":\"1\",\"claims\":[{\"kind\":\"phone\",\"value\":\"$\"}]}",
	  "5 to 15" },
	{ "{\"number\":\"1\",\"claims\":[{\"kind\":\"phone\",\"value\":\"555 CALL\"}]}",
	  "5 to 15" },
	{ "{\"number\":\"1\",\"tenders\":[{\"kind\":\"card-token\"}]}",
	  "kind and token" },
	{ "{\"number\":\"1\",\"tenders\":[{\"token\":\"t\"}]}", "kind and token" },
	{ "{\"number\":\"1\",\"tenders\":[3]}", "tenders: objects" },
	{ "{\"number\":\"1\",\"tenders\":[{\"kind\":\"card-token\",\"token\":\"$\"}]}",
	  "payment card" },
	{ "{\"number\":\"1\",\"tenders\":[{\"kind\":\"k\",\"token\":\"t\",\"label\":\"$"
	  "\"}]}",
	  "payment card" },
	{ "{\"number\":\"1\",\"tenders\":[{\"kind\":\"k\",\"token\":\"t\",\"last4\":"
	  "\"123\"}]}",
	  "last4" },
	{ "{\"number\":\"1\",\"tenders\":[{\"kind\":\"k\",\"token\":\"t\",\"last4\":"
	  "\"12a4\"}]}",
	  "last4" },
	{ "{\"number\":\"1\",\"tenders\":[{\"kind\":\"k\",\"token\":\"t\",\"limit\":-1}]"
	  "}",
	  "limit" },
	{ "{\"number\":\"1\",\"tenders\":[{\"kind\":\"k\",\"token\":\"t\",\"limit\":"
	  "\"5\"}]}",
	  "limit" },
	{ "{\"number\":\"1\",\"tenders\":[{\"kind\":\"k\",\"token\":\"t\",\"default\":"
	  "true},"
	  "{\"kind\":\"k\",\"token\":\"u\",\"default\":true}]}",
	  "only one" },
	{ "{\"number\":\"1\",\"minor\":true,\"tenders\":[{\"kind\":\"k\",\"token\":\"t\"}"
	  "]}",
	  "minor" },
	{ "{\"number\":\"1\",\"subjects\":[\"x\"]}", "subjects" },
	{ "{\"number\":\"1\",\"subjects\":5}", "subjects" },
};

START_TEST(a_wrong_member_is_refused_and_said_why)
{
	struct member_record r = { .minor = true };
	int rc = kit_read(kit_with_pan(wrong[_i].json), &r);

	bool pan = strstr(wrong[_i].complaint, "payment card") != NULL;

	ck_assert_msg(rc == (pan ? -EPERM : -EBADMSG), "%s: %d", wrong[_i].json, rc);
	ck_assert_msg(strstr(kit_what, wrong[_i].complaint) != NULL, "%s: %s",
		      wrong[_i].json, kit_what);
	ck_assert_uint_gt(kit_column, 0);
	ck_assert(r.minor); /* untouched */
	ck_assert(strchr(wrong[_i].json, '$') == NULL ||
		  strstr(kit_what, kit_with_pan("$")) == NULL); /* never repeated */
}
END_TEST

START_TEST(lists_have_their_limits)
{
	static const struct {
		const char *name, *element;
		unsigned max;
	} lists[] = {
		{ "groups", "\"g%u\"", LANE_GROUPS_MAX },
		{ "coupons", "\"c%u\"", LANE_COUPONS_MAX },
		{ "claims", "{\"kind\":\"card\",\"value\":\"c%u\"}", RECORD_CLAIMS_MAX },
		{ "tenders", "{\"kind\":\"k\",\"token\":\"t%u\"}", RECORD_TENDERS_MAX },
	};
	static char json[65536];
	struct member_record r;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (unsigned extra = 0; extra < 2; extra++) {
			struct strbuf b;

			strbuf_init(&b, json, sizeof(json));
			strbuf_addf(&b, "{\"number\":\"1\",\"%s\":[", lists[i].name);
			for (unsigned k = 0; k < lists[i].max + extra; k++) {
				if (k > 0)
					strbuf_addf(&b, ",");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
				strbuf_addf(&b, lists[i].element, k);
#pragma GCC diagnostic pop
			}
			strbuf_addf(&b, "]}");
			ck_assert(!b.truncated);
			ck_assert_msg(kit_read(json, &r) == (extra ? -EBADMSG : 0), "%s",
				      lists[i].name);
		}
}
END_TEST

START_TEST(one_claim_written_in_two_ways_is_one)
{
	struct member_record r =
		kit_record("{\"number\":\"1\",\"claims\":[{\"kind\":\"phone\",\"value\":"
			   "\"+372 5550101\"},"
			   "{\"kind\":\"card\",\"value\":\"3725550101\"},"
			   "{\"kind\":\"phone\",\"value\":\"(372) 555-0101\"}]}");

	ck_assert_uint_eq(r.claims_count, 2);
	ck_assert_int_eq(r.claims[0].kind, CLAIM_CARD);
	ck_assert_int_eq(r.claims[1].kind, CLAIM_PHONE);
}
END_TEST

static const char *
written(const struct member_record *r, bool with_tokens, struct json_out *o)
{
	struct str text;

	json_out_reset(o);
	json_open_object(o, NULL);
	member_record_write(o, r, with_tokens);
	json_close(o);
	ck_assert_int_eq(json_out_text(o, &text), 0);
	return text.p;
}

START_TEST(what_is_written_reads_back_the_same)
{
	struct member_record r = kit_record(
		FULL ",\"member\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"subjects\":["
		     "\"01ARZ3NDEKTSV4RRFFQ69G5FAW\"]}");
	struct json_out *o = json_out_new(65536);
	struct member_record again = kit_record(written(&r, true, o));

	ck_assert(member_record_same(&r, &again));
	ck_assert(ulid_eq(r.member, again.member));
	ck_assert_uint_eq(again.subjects_count, 1);
	ck_assert(ulid_eq(r.subjects[0], again.subjects[0]));
	ck_assert_ptr_nonnull(strstr(written(&r, true, o), "tok-1"));
	ck_assert_ptr_null(strstr(written(&r, false, o), "tok-1"));
	json_out_free(o);
}
END_TEST

START_TEST(a_difference_in_any_field_is_seen)
{
	static const char *const others[] = {
		"\"number\":\"1001\"",
		"\"number\":\"1002\"",
		"\"account\":\"A1\"",
		"\"account\":\"A2\"",
		"\"language\":\"et\"",
		"\"language\":\"en\"",
		"\"minor\":false",
		"\"minor\":null",
		"\"first_purchase\":true",
		"\"first_purchase\":false",
		"\"gold\"",
		"\"silver\"",
		"\"C1\"]",
		"\"C1\",\"C2\"]",
		"\"C1001\"",
		"\"C1002\"",
		"\"kind\":\"qr\"",
		"\"kind\":\"card\"",
		"\"label\":\"L\"",
		"\"label\":\"M\"",
		"\"brand\":\"B\"",
		"\"brand\":\"C\"",
		"4242",
		"4243",
		"tok-1",
		"tok-2",
		"5000",
		"5001",
		"\"default\":true",
		"\"default\":false",
	};
	struct member_record r = kit_record(FULL "}"), x;
	char json[1024];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i += 2) {
		const char *at = strstr(FULL, others[i]);
		bool same =
			strcmp(others[i + 1], "\"minor\":null") == 0 ||
			strcmp(others[i], "\"default\":true") == 0; /* both the default */

		ck_assert_ptr_nonnull(at);
		(void)snprintf(json, sizeof(json), "%.*s%s%s}", (int)(at - FULL), FULL,
			       others[i + 1], at + strlen(others[i]));
		x = kit_record(json);
		ck_assert_msg(member_record_same(&r, &x) == same, "%s", json);
	}
}
END_TEST

START_TEST(a_phone_number_is_its_digits)
{
	static const struct {
		const char *text, *digits; /* NULL: refused */
	} rows[] = {
		{ "+372 555 0101", "3725550101" },
		{ "12345", "12345" },
		{ "123456789012345", "123456789012345" },
		{ "(1)-2 3(4)5", "12345" },
		{ "", NULL },
		{ "1234", NULL },
		{ "1234567890123456", NULL },
		{ "1+2345", NULL },
		{ "++12345", NULL },
		{ "12345x", NULL },
		{ "12.345", NULL },
		{ " ( ) - ", NULL },
	};
	char buf[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = member_phone_digits(str_of(rows[i].text), buf, sizeof(buf));

		ck_assert_msg((rc == 0) == (rows[i].digits != NULL), "%s", rows[i].text);
		if (rc == 0)
			ck_assert_str_eq(buf, rows[i].digits);
	}
	ck_assert_int_eq(member_phone_digits((struct str){ "123\0"
							   "456",
							   7 },
					     buf, sizeof(buf)),
			 -EINVAL);
	ck_assert_int_eq(member_phone_digits(STR("12345"), buf, 5),
			 -EINVAL); /* no room */
	ck_assert_int_eq(member_phone_digits(STR("12345"), buf, 6), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("member_record");
	TCase *tc = tcase_create("member_record");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, a_whole_member_is_read);
	tcase_add_test(tc, what_is_missing_has_its_default);
	tcase_add_loop_test(tc, a_wrong_member_is_refused_and_said_why, 0,
			    (int)(sizeof(wrong) / sizeof(wrong[0])));
	tcase_add_test(tc, lists_have_their_limits);
	tcase_add_test(tc, one_claim_written_in_two_ways_is_one);
	tcase_add_test(tc, what_is_written_reads_back_the_same);
	tcase_add_test(tc, a_difference_in_any_field_is_seen);
	tcase_add_test(tc, a_phone_number_is_its_digits);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
