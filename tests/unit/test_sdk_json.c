/* The library of the plug-ins is built for shared objects; here its sources are used directly. */
#include "../../plugins/sdk/text.c"
#include "../../plugins/sdk/json_in.c"
#include "../../plugins/sdk/json_out.c"

#include "unit.h" /* libcheck has a macro called fail */

#define NODES 64u

static struct laned_json_node nodes[NODES];

static int
parse(struct laned_json *j, const char *text, char *buf, size_t bytes)
{
	size_t n = strlen(text);

	ck_assert_uint_le(n, bytes);
	memcpy(buf, text, n);
	*j = (struct laned_json){ .nodes = nodes, .nodes_max = NODES };
	return laned_json_parse(j, buf, n);
}

static const struct {
	const char *text;
	uint32_t line, column;
} wrong[] = {
	{ "", 1, 1 },
	{ "  ", 1, 3 },
	{ "{", 1, 2 },
	{ "[1,]", 1, 4 },
	{ "[1 2]", 1, 4 },
	{ "{\"a\" 1}", 1, 6 },
	{ "{\"a\":1,}", 1, 8 },
	{ "{\"a\":1,\n \"a\":2}", 2, 2 },
	{ "{a:1}", 1, 2 },
	{ "[1]]", 1, 4 },
	{ "[1}", 1, 3 },
	{ "nul", 1, 1 },
	{ "truee", 1, 5 },
	{ "01", 1, 1 },
	{ "-", 1, 1 },
	{ "1.", 1, 1 },
	{ "1e", 1, 1 },
	{ "+1", 1, 1 },
	{ ".5", 1, 1 },
	{ "\"a", 1, 1 },
	{ "\"\n\"", 1, 2 },
	{ "\"\\x\"", 1, 3 },
	{ "\"\\u12\"", 1, 4 },
	{ "\"\\u0000\"", 1, 4 },
	{ "\"\\ud800\"", 1, 8 },
	{ "\"\\udc00\"", 1, 4 },
	{ "\"\\ud800\\u0041\"", 1, 8 },
	{ "[\n\n\"\xff\"]", 3, 2 },
	{ "\"\xc0\xaf\"", 1, 2 },
	{ "\"\xed\xa0\x80\"", 1, 2 },
};

START_TEST(names_the_place_of_what_is_wrong)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct laned_json j;
		char buf[128];

		ck_assert_msg(parse(&j, wrong[i].text, buf, sizeof(buf)) == LANED_INVALID,
			      "%s was taken", wrong[i].text);
		ck_assert_msg(j.line == wrong[i].line && j.column == wrong[i].column,
			      "%s: %u:%u", wrong[i].text, j.line, j.column);
		ck_assert_ptr_nonnull(j.what);
	}
}
END_TEST

static const struct {
	const char *text;
	uint32_t kind;
	int64_t i;
	const char *string;
} right[] = {
	{ "null", LANED_JSON_NULL, 0, NULL },
	{ " true ", LANED_JSON_BOOL, 1, NULL },
	{ "false", LANED_JSON_BOOL, 0, NULL },
	{ "0", LANED_JSON_INT, 0, "0" },
	{ "-0", LANED_JSON_INT, 0, "-0" },
	{ "-17", LANED_JSON_INT, -17, "-17" },
	{ "9007199254740991", LANED_JSON_INT, INT64_C(9007199254740991), NULL },
	{ "-9007199254740991", LANED_JSON_INT, -INT64_C(9007199254740991), NULL },
	{ "9007199254740992", LANED_JSON_DECIMAL, 0, "9007199254740992" },
	{ "99999999999999999999999999", LANED_JSON_DECIMAL, 0, NULL },
	{ "1.50", LANED_JSON_DECIMAL, 0, "1.50" },
	{ "1e-3", LANED_JSON_DECIMAL, 0, "1e-3" },
	{ "\"\"", LANED_JSON_STRING, 0, "" },
	{ "\"a\\n\\\"\\\\\\/\\u00e4\\u20ac\\ud83d\\ude00\"", LANED_JSON_STRING, 0,
	  "a\n\"\\/\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "\"\xc3\xa4\"", LANED_JSON_STRING, 0, "\xc3\xa4" },
	{ "[]", LANED_JSON_ARRAY, 0, NULL },
	{ "{ }", LANED_JSON_OBJECT, 0, NULL },
};

START_TEST(reads_every_kind_of_value)
{
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		struct laned_json j;
		char buf[128];

		ck_assert_msg(parse(&j, right[i].text, buf, sizeof(buf)) == LANED_OK,
			      "%s: %s", right[i].text, j.what);
		ck_assert_uint_eq(nodes[0].kind, right[i].kind);
		ck_assert_int_eq(nodes[0].i, right[i].i);
		if (right[i].string != NULL)
			ck_assert_msg(laned_str_is(nodes[0].text, right[i].string), "%s",
				      right[i].text);
	}
}
END_TEST

START_TEST(members_and_elements_are_walked_in_order)
{
	const struct laned_json_node *list, *n;
	struct laned_json j;
	int64_t expect = 1;
	char buf[128];

	ck_assert_int_eq(parse(&j, "{\"a\":null,\"l\":[1,2,[],3],\"b\":{\"l\":7}}", buf,
			       sizeof(buf)),
			 LANED_OK);
	ck_assert_uint_eq(j.used, 9);
	ck_assert_uint_eq(nodes[0].count, 3);
	ck_assert_ptr_null(laned_json_member(&j, &nodes[0], "a"));
	ck_assert_ptr_null(laned_json_member(&j, &nodes[0], "missing"));
	list = laned_json_member(&j, &nodes[0], "l");
	ck_assert_ptr_nonnull(list);
	ck_assert_uint_eq(list->count, 4);
	ck_assert_ptr_null(laned_json_member(&j, list, "l"));
	for (n = laned_json_first(&j, list); n != NULL; n = laned_json_next(&j, n))
		if (n->kind == LANED_JSON_INT)
			ck_assert_int_eq(n->i, expect++);
	ck_assert_int_eq(expect, 4);
	n = laned_json_member(&j, &nodes[0], "b");
	ck_assert_ptr_nonnull(n);
	n = laned_json_member(&j, n, "l");
	ck_assert_ptr_nonnull(n);
	ck_assert_int_eq(n->i, 7);
	ck_assert_ptr_null(laned_json_first(&j, n));
}
END_TEST

START_TEST(limits_hold)
{
	static char deep[2 * (LANED_JSON_DEPTH_MAX + 1)];
	static char wide[16 * (LANED_JSON_MEMBERS_MAX + 2)];
	static struct laned_json_node many[LANED_JSON_MEMBERS_MAX + 8];
	struct laned_json j = { .nodes = many, .nodes_max = LANED_JSON_MEMBERS_MAX + 8 };
	char buf[128];

	memset(deep, '[', LANED_JSON_DEPTH_MAX);
	memset(deep + LANED_JSON_DEPTH_MAX, ']', LANED_JSON_DEPTH_MAX);
	ck_assert_int_eq(laned_json_parse(&j, deep, 2 * (size_t)LANED_JSON_DEPTH_MAX),
			 LANED_OK);
	memset(deep, '[', LANED_JSON_DEPTH_MAX + 1);
	memset(deep + LANED_JSON_DEPTH_MAX + 1, ']', LANED_JSON_DEPTH_MAX + 1);
	ck_assert_int_eq(laned_json_parse(&j, deep, sizeof(deep)), LANED_INVALID);

	for (unsigned extra = 0; extra < 2; extra++) {
		size_t n = 1;

		wide[0] = '{';
		for (unsigned i = 0; i < LANED_JSON_MEMBERS_MAX + extra; i++)
			n += (size_t)snprintf(wide + n, sizeof(wide) - n, "%s\"m%u\":1",
					      i == 0 ? "" : ",", i);
		wide[n++] = '}';
		ck_assert_int_eq(laned_json_parse(&j, wide, n),
				 extra == 0 ? LANED_OK : LANED_INVALID);
	}
	j = (struct laned_json){ .nodes = many, .nodes_max = 3 };
	memcpy(buf, "[1,2,3]", 7);
	ck_assert_int_eq(laned_json_parse(&j, buf, 7), LANED_TOO_LARGE);
	ck_assert_int_eq(laned_json_parse(&j, buf, LANED_FILE_BYTES_MAX + 1),
			 LANED_TOO_LARGE);
}
END_TEST

START_TEST(every_truncation_of_a_document_is_refused)
{
	static const char text[] = "{\"v\":1,\"list\":[true,null,-12.5e3,"
				   "\"\\u20ac\\ud83d\\ude00\"],\"o\":{}}";
	struct laned_json j;

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *copy = malloc(n + 1); /* exact, so that a sanitizer sees more */

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, text, n);
		j = (struct laned_json){ .nodes = nodes, .nodes_max = NODES };
		ck_assert_int_eq(laned_json_parse(&j, copy, n), LANED_INVALID);
		free(copy);
	}
}
END_TEST

START_TEST(writes_what_it_reads)
{
	static const char expect[] = "{\"v\":1,\"s\":\"a\\\"\\\\\\u0001\\u007f\xc3\xa4\","
				     "\"l\":[-5,[],true,false],\"o\":{}}";
	struct laned_json_out o;
	struct laned_str text;
	struct laned_json j;
	char buf[256];

	laned_json_out_init(&o, buf, sizeof(buf));
	laned_json_open(&o, NULL, '{');
	laned_json_int(&o, "v", 1);
	laned_json_str(&o, "s", laned_str_of("a\"\\\x01\x7f\xc3\xa4"));
	laned_json_open(&o, "l", '[');
	laned_json_int(&o, NULL, -5);
	laned_json_open(&o, NULL, '[');
	laned_json_close(&o);
	laned_json_bool(&o, NULL, 1);
	laned_json_bool(&o, NULL, 0);
	laned_json_close(&o);
	laned_json_open(&o, "o", '{');
	ck_assert_int_eq(laned_json_done(&o, &text), LANED_INVALID); /* still open */
	laned_json_close(&o);
	laned_json_close(&o);
	ck_assert_int_eq(laned_json_done(&o, &text), LANED_OK);
	ck_assert_msg(laned_str_is(text, expect), "%.*s", (int)text.n, text.p);
	j = (struct laned_json){ .nodes = nodes, .nodes_max = NODES };
	ck_assert_int_eq(laned_json_parse(&j, buf, text.n), LANED_OK);
	ck_assert(laned_str_is(laned_json_member(&j, nodes, "s")->text,
			       "a\"\\\x01\x7f\xc3\xa4"));
}
END_TEST

START_TEST(writer_errors_stick)
{
	struct laned_json_out o;
	struct laned_str text = { "untouched", 9 };
	char buf[64];

	for (size_t bytes = 0; bytes < 22; bytes++) {
		laned_json_out_init(&o, buf, bytes);
		laned_json_open(&o, NULL, '{');
		laned_json_str(&o, "name", laned_str_of("value\n"));
		laned_json_close(&o);
		ck_assert_int_eq(laned_json_done(&o, &text), LANED_TOO_LARGE);
	}
	laned_json_out_init(&o, buf, sizeof(buf));
	laned_json_str(&o, NULL, laned_str_of("\xff"));
	laned_json_int(&o, NULL, 1);
	ck_assert_int_eq(laned_json_done(&o, &text), LANED_INVALID);
	laned_json_out_init(&o, buf, sizeof(buf));
	laned_json_close(&o);
	ck_assert_int_eq(laned_json_done(&o, &text), LANED_INVALID);
	laned_json_out_init(&o, buf, sizeof(buf));
	for (unsigned i = 0; i <= LANED_JSON_DEPTH_MAX; i++)
		laned_json_open(&o, NULL, '[');
	ck_assert_int_eq(laned_json_done(&o, &text), LANED_INVALID);
	ck_assert(laned_str_is(text, "untouched"));
}
END_TEST

START_TEST(keys_and_texts_convert)
{
	static const char hex[] = "00112233445566778899aabbccddeeff";
	struct laned_key key, other;
	char buf[LANED_KEY_HEX_BYTES], small[8];
	struct laned_text t;

	ck_assert_int_eq(laned_key_parse(laned_str_of(hex), &key), LANED_OK);
	laned_key_hex(buf, &key);
	ck_assert_str_eq(buf, hex);
	ck_assert_int_eq(
		laned_key_parse(laned_str_of("00112233445566778899AABBCCDDEEFF"), &other),
		LANED_OK);
	ck_assert(laned_key_eq(&key, &other));
	ck_assert(!laned_key_is_zero(&key));
	ck_assert_int_eq(laned_key_parse(laned_str_of("0011"), &key), LANED_INVALID);
	ck_assert_int_eq(
		laned_key_parse(laned_str_of("00112233445566778899aabbccddeefg"), &key),
		LANED_INVALID);
	laned_text_init(&t, small, sizeof(small));
	laned_text_int(&t, -123);
	ck_assert_str_eq(small, "-123");
	laned_text_add(&t, "abc");
	ck_assert_str_eq(small, "-123abc");
	ck_assert(!t.truncated);
	laned_text_add(&t, "d");
	ck_assert(t.truncated);
	ck_assert_str_eq(small, "-123abc");
	ck_assert(laned_str_ends(laned_str_of("A.BASKET.Json"), ".basket.json"));
	ck_assert(!laned_str_ends(laned_str_of("json"), ".basket.json"));
}
END_TEST

START_TEST(smallest_integer_is_written)
{
	struct laned_text t;
	char buf[24];

	laned_text_init(&t, buf, sizeof(buf));
	laned_text_int(&t, INT64_MIN);
	ck_assert_str_eq(buf, "-9223372036854775808");
}
END_TEST

START_TEST(utf8_is_judged_behind_any_run_of_ascii)
{
	static const struct {
		const char *text;
		size_t n;
		int ok;
	} ends[] = {
		{ "\0", 1, 0 },   { "\x01", 1, 1 },   { "\x7f", 1, 1 },
		{ "\x80", 1, 0 }, { "\xc3", 1, 0 },   { "\xc3\xa4", 2, 1 },
		{ "\xff", 1, 0 }, { "\0\x80", 2, 0 },
	};
	char text[40];

	for (size_t before = 0; before < 24; before++)
		for (size_t after = 0; after < 10; after++)
			for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
				size_t n = before + ends[i].n + after;

				memset(text, 'a', sizeof(text));
				memcpy(text + before, ends[i].text, ends[i].n);
				ck_assert_int_eq(
					laned_utf8_ok((struct laned_str){ text, n }),
					ends[i].ok);
			}
}
END_TEST

/* What comes behind an escape moves to the front, by any distance, over any length. */
START_TEST(strings_are_decoded_in_place)
{
	char text[] = "[\"\\u00e4bc\\n\\u20acdefghijklmnop\\\\q\",\"\",\"r\",\"\\/\"]";
	static const char *const wanted[] = { "\xc3\xa4"
					      "bc\n\xe2\x82\xac"
					      "defghijklmnop\\q",
					      "", "r", "/" };
	struct laned_json_node found[8];
	struct laned_json j = { .nodes = found, .nodes_max = 8 };

	ck_assert_int_eq(laned_json_parse(&j, text, strlen(text)), LANED_OK);
	ck_assert_uint_eq(j.used, 5);
	for (unsigned i = 0; i < 4; i++)
		ck_assert(laned_str_is(found[i + 1].text, wanted[i]));
}
END_TEST

UNIT_MAIN("sdk_json", utf8_is_judged_behind_any_run_of_ascii,
	  strings_are_decoded_in_place, names_the_place_of_what_is_wrong,
	  reads_every_kind_of_value, members_and_elements_are_walked_in_order,
	  limits_hold, every_truncation_of_a_document_is_refused, writes_what_it_reads,
	  writer_errors_stick, keys_and_texts_convert, smallest_integer_is_written)
