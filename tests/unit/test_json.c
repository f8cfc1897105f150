#include "unit.h"

#include "base/json.h"

#include <errno.h>

#define ARENA_BYTES (1u << 20)
#define TEXT_BYTES_MAX 1024

static struct arena *arena;

static int
parse(struct str text, unsigned flags, const struct value **ret_value,
      struct json_error *error)
{
	if (arena == NULL)
		arena = arena_new(ARENA_BYTES);
	arena_reset(arena);
	return json_parse(arena, text, flags, ret_value, error);
}

static const struct value *
parsed(const char *text)
{
	struct json_error error = { 0, 0, "" };
	const struct value *v = NULL;

	ck_assert_msg(parse(str_of(text), JSON_DECIMALS, &v, &error) == 0, "%s: %u:%u %s",
		      text, error.line, error.column, error.what);
	return v;
}

/* One of everything. */
static const char everything[] =
	"{\"int\":-42,\"zero\":0,\"yes\":true,\"no\":false,\"nothing\":null,"
	"\"text\":\"a\\\"\\\\\\/"
	"\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00\xc3\xa4\",\"empty\":\"\","
	"\"list\":[1,[2,{\"x\":[]}],{}],\"map\":{\"a\":{\"b\":{}}}, \"d\" : 1.50e-3 }";

START_TEST(every_kind_of_value_is_read)
{
	const struct value *v = parsed(everything), *m;

	ck_assert_int_eq(v->kind, VALUE_OBJECT);
	ck_assert_uint_eq(v->count, 10);
	ck_assert_int_eq(value_member(v, "int")->kind, VALUE_INT);
	ck_assert_int_eq(value_member(v, "int")->i, -42);
	ck_assert_int_eq(value_member(v, "zero")->i, 0);
	ck_assert_int_eq(value_member(v, "yes")->kind, VALUE_BOOL);
	ck_assert_int_eq(value_member(v, "yes")->i, 1);
	ck_assert_int_eq(value_member(v, "no")->kind, VALUE_BOOL);
	ck_assert_int_eq(value_member(v, "no")->i, 0);
	ck_assert_int_eq(value_member(v, "nothing")->kind, VALUE_NULL);
	m = value_member(v, "text");
	ck_assert_int_eq(m->kind, VALUE_STRING);
	ck_assert_str_eq(m->s.p, "a\"\\/\b\f\n\r\t\xc3\xa4\xf0\x9f\x98\x80\xc3\xa4");
	ck_assert_uint_eq(m->s.n, strlen(m->s.p));
	ck_assert_uint_eq(value_member(v, "empty")->s.n, 0);
	ck_assert_str_eq(value_member(v, "empty")->s.p, "");
	m = value_member(v, "d");
	ck_assert_int_eq(m->kind, VALUE_DECIMAL);
	ck_assert_str_eq(m->s.p, "1.50e-3");
}
END_TEST

START_TEST(nesting_keeps_order_and_counts)
{
	const struct value *v = parsed(everything), *list = value_member(v, "list"), *m;

	ck_assert_int_eq(list->kind, VALUE_ARRAY);
	ck_assert_uint_eq(list->count, 3);
	ck_assert_int_eq(list->first->i, 1);
	m = list->first->next;
	ck_assert_uint_eq(m->count, 2);
	ck_assert_int_eq(m->first->i, 2);
	ck_assert_uint_eq(value_member(m->first->next, "x")->count, 0);
	ck_assert_ptr_null(value_member(m->first->next, "x")->first);
	ck_assert_ptr_null(m->first->next->next);
	ck_assert_int_eq(m->next->kind, VALUE_OBJECT);
	ck_assert_ptr_null(m->next->next);
	m = value_member(value_member(v, "map"), "a");
	ck_assert_int_eq(value_member(m, "b")->kind, VALUE_OBJECT);
	ck_assert_ptr_null(v->next);
}
END_TEST

START_TEST(values_know_their_place)
{
	const struct value *v = parsed("\n {\"a\":\t1,\r\n \"\xc3\xa4\":  [2,\n3] }");

	ck_assert_uint_eq(v->line, 2);
	ck_assert_uint_eq(v->column, 2);
	ck_assert_uint_eq(v->first->line, 2);
	ck_assert_uint_eq(v->first->column, 8);
	v = v->first->next;
	ck_assert_str_eq(v->name.p, "\xc3\xa4");
	ck_assert_uint_eq(v->line, 3);
	ck_assert_uint_eq(v->column, 8); /* the name is one character */
	ck_assert_uint_eq(v->first->column, 9);
	ck_assert_uint_eq(v->first->next->line, 4);
	ck_assert_uint_eq(v->first->next->column, 1);
}
END_TEST

START_TEST(scalars_may_stand_alone)
{
	ck_assert_int_eq(parsed(" 7 ")->i, 7);
	ck_assert_int_eq(parsed("true")->i, 1);
	ck_assert_int_eq(parsed("null")->kind, VALUE_NULL);
	ck_assert_str_eq(parsed("\"x\"")->s.p, "x");
	ck_assert_int_eq(parsed("[]")->kind, VALUE_ARRAY);
}
END_TEST

START_TEST(text_needs_no_nul_behind_it)
{
	static const char *const texts[] = { "[1,2]", "{\"a\":\"b\"}", "123",
					     "true",  "\"abc\"",       "-0" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t n = strlen(texts[i]);
		const struct value *v = NULL;
		char *exact = malloc(n); /* for the sanitizer to watch */

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, texts[i], n);
		ck_assert_int_eq(parse((struct str){ exact, n }, 0, &v, NULL), 0);
		free(exact);
	}
}
END_TEST

START_TEST(integers_are_exact_to_2_53)
{
	ck_assert_int_eq(parsed("9007199254740991")->i, INT64_C(9007199254740991));
	ck_assert_int_eq(parsed("-9007199254740991")->i, -INT64_C(9007199254740991));
	ck_assert_int_eq(parsed("9007199254740989")->i, INT64_C(9007199254740989));
	ck_assert_int_eq(parsed("-0")->i, 0);
	ck_assert_int_eq(parsed("-0")->kind, VALUE_INT);
}
END_TEST

/* Wrong texts with the place and a word of the message that must come. */
static const struct {
	const char *text;
	uint32_t line, column;
	const char *word;
} wrong_cases[] = {
	{ "", 1, 1, "early" },
	{ "  \n ", 2, 2, "early" },
	{ "[1,2", 1, 5, "early" },
	{ "[1,]", 1, 4, "value" },
	{ "[,1]", 1, 2, "value" },
	{ "[1 2]", 1, 4, "comma" },
	{ "[1}", 1, 3, "comma" },
	{ "{\"a\":1]", 1, 7, "comma" },
	{ "{\"a\" 1}", 1, 6, "colon" },
	{ "{\"a\":}", 1, 6, "value" },
	{ "{\"a\":1,}", 1, 8, "name" },
	{ "{a:1}", 1, 2, "name" },
	{ "{1:1}", 1, 2, "name" },
	{ "{'a':1}", 1, 2, "name" },
	{ "]", 1, 1, "value" },
	{ "1 2", 1, 3, "follow" },
	{ "{} x", 1, 4, "follow" },
	{ "{}\n\n]", 3, 1, "follow" },
	{ "\xef\xbb\xbf{}", 1, 1, "value" },
	{ "tru", 1, 1, "value" },
	{ "True", 1, 1, "value" },
	{ "nul", 1, 1, "value" },
	{ "NaN", 1, 1, "value" },
	{ "Infinity", 1, 1, "value" },
	{ "// x\n1", 1, 1, "value" },
	{ "01", 1, 1, "number" },
	{ "-", 1, 1, "number" },
	{ "-01", 1, 1, "number" },
	{ "+1", 1, 1, "value" },
	{ ".5", 1, 1, "value" },
	{ "1.", 1, 1, "number" },
	{ "1e", 1, 1, "number" },
	{ "1e+", 1, 1, "number" },
	{ "-.5", 1, 1, "number" },
	{ "0x10", 1, 2, "follow" },
	{ "1.5", 1, 1, "whole" },
	{ "[0,1e2]", 1, 4, "whole" },
	{ "1E2", 1, 1, "whole" },
	{ "9007199254740992", 1, 1, "2^53" },
	{ "-9007199254740992", 1, 1, "2^53" },
	{ "9223372036854775808", 1, 1, "2^53" },
	{ "[\n  123456789012345678901234567890]", 2, 3, "2^53" },
	{ "0000000000000000000000000000000000000000000000000000000000000000", 1, 1,
	  "number" },
	{ "1000000000000000000000000000000000000000000000000000000000000000", 1, 1,
	  "long" },
	{ "\"abc", 1, 5, "early" },
	{ "\"a\nb\"", 1, 3, "control" },
	{ "\"a\x01\"", 1, 3, "control" },
	{ "\"\\x\"", 1, 2, "escape" },
	{ "\"\\\"", 1, 4, "early" },
	{ "\"\\", 1, 2, "escape" },
	{ "\"\\u12g4\"", 1, 2, "hex" },
	{ "\"\\u123", 1, 2, "hex" },
	{ "\"\\u0000\"", 1, 2, "NUL" },
	{ "\"\\ud800\"", 1, 2, "surrogate" },
	{ "\"\\ud800\\n\"", 1, 2, "surrogate" },
	{ "\"\\ud800\\u0041\"", 1, 2, "surrogate" },
	{ "\"\\ud800\\ud800\"", 1, 2, "surrogate" },
	{ "\"\\udc00\"", 1, 2, "surrogate" },
	{ "\"\\udc00\\ud800\"", 1, 2, "surrogate" },
	{ "[\"\xc3\xa4\",\"\xff\"]", 1, 6, "UTF-8" },
	{ "\"\xed\xa0\x80\"", 1, 1, "UTF-8" },
	{ "\"\xc0\xaf\"", 1, 1, "UTF-8" },
	{ "{\"\xff\":1}", 1, 2, "UTF-8" },
	{ "{\"a\":1,\"a\":2}", 1, 8, "before" },
	{ "{\"a\":1,\n \"b\":{},\"\\u0061\":2}", 2, 9, "before" },
	{ "[{\"\":1,\"\":1}]", 1, 8, "before" },
	{ "{\"x\":{\"a\":1},\"y\":{\"a\":1,\"b\":2,\"b\":3}}", 1, 31, "before" },
};

START_TEST(wrong_text_is_refused_with_place_and_reason)
{
	for (size_t i = 0; i < sizeof(wrong_cases) / sizeof(wrong_cases[0]); i++) {
		const struct value *v = NULL;
		struct json_error e = { 0, 0, "" };

		ck_assert_msg(parse(str_of(wrong_cases[i].text), 0, &v, &e) == -EBADMSG,
			      "%s", wrong_cases[i].text);
		ck_assert_msg(e.line == wrong_cases[i].line &&
				      e.column == wrong_cases[i].column &&
				      strstr(e.what, wrong_cases[i].word) != NULL,
			      "%s: %u:%u %s", wrong_cases[i].text, e.line, e.column,
			      e.what);
		ck_assert_ptr_null(v);
		ck_assert_int_eq(parse(str_of(wrong_cases[i].text), 0, &v, NULL),
				 -EBADMSG);
	}
}
END_TEST

START_TEST(nul_bytes_are_refused_everywhere)
{
	static const struct str texts[] = {
		{ "\0", 1 },          { "1\0", 2 },  { "[\0]", 3 },     { "\"a\0b\"", 5 },
		{ "{\"a\0\":1}", 8 }, { "{}\0", 3 }, { "\"\\\0\"", 4 },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct value *v = NULL;

		ck_assert_msg(parse(texts[i], 0, &v, NULL) == -EBADMSG, "case %zu", i);
	}
}
END_TEST

START_TEST(decimals_are_taken_only_when_asked_for)
{
	static const char *const texts[] = { "1.5",
					     "-0.0",
					     "1e5",
					     "1E-7",
					     "0.1e+9",
					     "1e999",
					     "0.12345678901234567890123456789012345" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct value *v = NULL;

		ck_assert_int_eq(parse(str_of(texts[i]), 0, &v, NULL), -EBADMSG);
		ck_assert_int_eq(parse(str_of(texts[i]), JSON_DECIMALS, &v, NULL), 0);
		ck_assert_int_eq(v->kind, VALUE_DECIMAL);
		ck_assert_str_eq(v->s.p, texts[i]);
	}
	ck_assert_int_eq(parsed("15")->kind, VALUE_INT);
}
END_TEST

/* The longest number, inside an array: cJSON must not split it. */
START_TEST(number_of_greatest_length_is_read_whole)
{
	char text[80] = "[0.";
	const struct value *v = NULL;

	memset(text + 3, '5', 61);
	memcpy(text + 64, ",7]", 4);
	ck_assert_int_eq(parse(str_of(text), JSON_DECIMALS, &v, NULL), 0);
	ck_assert_uint_eq(v->count, 2);
	ck_assert_uint_eq(v->first->s.n, 63);
	ck_assert_int_eq(v->first->next->i, 7);
	memcpy(text + 64, "5,7]", 5);
	ck_assert_int_eq(parse(str_of(text), JSON_DECIMALS, &v, NULL), -EBADMSG);
}
END_TEST

START_TEST(depth_32_is_taken_and_33_refused)
{
	for (size_t depth = 1; depth <= 34; depth++) {
		char text[TEXT_BYTES_MAX];
		const struct value *v = NULL;
		struct json_error e;
		int rc;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		rc = parse((struct str){ text, 2 * depth }, 0, &v, &e);
		ck_assert_int_eq(rc, depth <= JSON_DEPTH_MAX ? 0 : -EBADMSG);
		if (rc < 0)
			ck_assert_uint_eq(e.column, JSON_DEPTH_MAX + 1);
	}
}
END_TEST

START_TEST(a_hundred_megabytes_of_nesting_are_refused_at_level_33)
{
	size_t n = 100u << 20;
	char *text = malloc(n);
	const struct value *v = NULL;
	struct json_error e;

	ck_assert_ptr_nonnull(text);
	memset(text, '[', n);
	ck_assert_int_eq(parse((struct str){ text, n }, 0, &v, &e), -EBADMSG);
	ck_assert_uint_eq(e.column, JSON_DEPTH_MAX + 1);
	/* No more memory than for what was looked at. */
	ck_assert_uint_lt(arena_used(arena), 16384);
	free(text);
}
END_TEST

START_TEST(every_prefix_is_an_error)
{
	size_t n = sizeof(everything) - 1;

	for (size_t i = 0; i < n; i++) {
		char *exact = malloc(i + 1);
		const struct value *v = NULL;

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, everything, i);
		ck_assert_msg(parse((struct str){ exact, i }, JSON_DECIMALS, &v, NULL) ==
				      -EBADMSG,
			      "%zu bytes", i);
		free(exact);
	}
}
END_TEST

START_TEST(every_arena_that_is_too_small_gives_enomem)
{
	size_t needed;

	(void)parsed(everything);
	needed = arena_used(arena);
	for (size_t limit = 0; limit <= needed; limit += 16) {
		struct arena *small = arena_new(limit);
		const struct value *v = NULL;
		int rc = json_parse(small, STR(everything), JSON_DECIMALS, &v, NULL);

		ck_assert_int_eq(rc, limit < needed ? -ENOMEM : 0);
		ck_assert((v != NULL) == (rc == 0));
		arena_free(small);
	}
}
END_TEST

/* {"k0":0,"k1":1,...}, with the name of number twin once more at the end. */
static char *
large_object(unsigned count, int twin)
{
	size_t bytes = (size_t)count * 24 + 64, used = 0;
	char *text = malloc(bytes);

	ck_assert_ptr_nonnull(text);
	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, bytes - used, "%s\"k%u\":%u",
					 i == 0 ? "{" : ",", i, i);
	if (twin >= 0)
		used += (size_t)snprintf(text + used, bytes - used, ",\"k%d\":1", twin);
	(void)snprintf(text + used, bytes - used, "}");
	return text;
}

START_TEST(twins_are_found_in_objects_of_any_size)
{
	struct arena *big = arena_new(64u << 20);

	for (unsigned count = 1; count <= 30000; count = count * 3 / 2 + 1) {
		const struct value *v = NULL;
		char *text = large_object(count, -1);
		struct json_error e;

		ck_assert_int_eq(json_parse(big, str_of(text), 0, &v, &e), 0);
		ck_assert_uint_eq(v->count, count);
		free(text);
		for (unsigned twin = 0; twin < count; twin += count / 3 + 1) {
			text = large_object(count, (int)twin);
			ck_assert_int_eq(json_parse(big, str_of(text), 0, &v, &e),
					 -EBADMSG);
			/* The second of them is the wrong one. */
			ck_assert_str_eq(strrchr(text, ',') + 1, text + e.column - 1);
			free(text);
		}
		arena_reset(big);
	}
	arena_free(big);
}
END_TEST

/* ---- the writer */

static const char *
written(struct json_out *o)
{
	struct str text = STR("");

	ck_assert_int_eq(json_out_text(o, &text), 0);
	ck_assert_uint_eq(strlen(text.p), text.n);
	return text.p;
}

START_TEST(writer_makes_compact_json)
{
	struct json_out *o = json_out_new(1000);

	json_open_object(o, NULL);
	json_int(o, "int", -5);
	json_bool(o, "yes", true);
	json_bool(o, "no", false);
	json_null(o, "nothing");
	json_cstr(o, "none", NULL);
	json_open_array(o, "list");
	json_cstr(o, NULL, "a");
	json_str(o, NULL, STR("b"));
	json_open_object(o, NULL);
	json_close(o);
	json_close(o);
	json_decimal(o, "d", STR("1.50"));
	json_close(o);
	ck_assert_str_eq(written(o),
			 "{\"int\":-5,\"yes\":true,\"no\":false,\"nothing\":null,"
			 "\"none\":null,\"list\":[\"a\",\"b\",{}],\"d\":1.50}");
	json_out_reset(o);
	json_int(o, NULL, 7);
	ck_assert_str_eq(written(o), "7");
	json_out_free(o);
}
END_TEST

START_TEST(writer_escapes_what_must_be)
{
	struct json_out *o = json_out_new(1000);

	json_cstr(o, NULL, "\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa4");
	ck_assert_str_eq(written(o),
			 "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa4\"");
	json_out_free(o);
}
END_TEST

START_TEST(what_was_written_is_read_back_the_same)
{
	const struct value *v = parsed(everything);
	struct json_out *o = json_out_new(1000), *again = json_out_new(1000);
	char first[TEXT_BYTES_MAX];

	json_value(o, NULL, v);
	ck_assert_int_eq(str_copy(first, sizeof(first), str_of(written(o))), 0);
	ck_assert_str_eq(
		first,
		"{\"int\":-42,\"zero\":0,\"yes\":true,\"no\":false,\"nothing\":null,"
		"\"text\":\"a\\\"\\\\/\\b\\f\\n\\r\\t\xc3\xa4\xf0\x9f\x98\x80\xc3\xa4\","
		"\"empty\":\"\",\"list\":[1,[2,{\"x\":[]}],{}],"
		"\"map\":{\"a\":{\"b\":{}}},\"d\":1.50e-3}");
	json_value(again, NULL, parsed(first));
	ck_assert_str_eq(written(again), first);
	json_out_free(o);
	json_out_free(again);
}
END_TEST

START_TEST(a_member_is_written_without_its_siblings)
{
	const struct value *v = parsed("{\"a\":{\"x\":[1,2]},\"b\":7,\"c\":[]}");
	struct json_out *o = json_out_new(1000);

	json_open_array(o, NULL);
	json_value(o, NULL, value_member(v, "a"));
	json_value(o, NULL, value_member(v, "b"));
	json_open_object(o, NULL);
	json_value(o, "renamed", value_member(v, "c"));
	json_close(o);
	json_close(o);
	ck_assert_str_eq(written(o), "[{\"x\":[1,2]},7,{\"renamed\":[]}]");
	json_out_free(o);
}
END_TEST

START_TEST(writer_keeps_its_limit_exactly)
{
	for (size_t limit = 0; limit < 700; limit++) {
		struct json_out *o = json_out_new(limit);
		struct str text = STR("");
		int rc;

		json_open_array(o, NULL);
		for (int i = 0; i < 100; i++)
			json_int(o, NULL, i * 10);
		json_close(o);
		rc = json_out_text(o, &text);
		/* [0,10,...,990]: 1 + 9 * 2 + 90 * 3 digits, 99 commas, 2 brackets */
		ck_assert_int_eq(rc, limit < 390 ? -EMSGSIZE : 0);
		if (rc == 0)
			ck_assert_uint_eq(text.n, 390);
		json_out_free(o);
	}
}
END_TEST

static int
text_rc(struct json_out *o)
{
	struct str text;

	return json_out_text(o, &text);
}

START_TEST(writer_errors_stick_until_reset)
{
	struct json_out *o = json_out_new(1000);

	ck_assert_int_eq(text_rc(o), -EINVAL);
	json_open_object(o, NULL);
	ck_assert_int_eq(text_rc(o), -EINVAL);
	json_cstr(o, "a", "\xff");
	json_int(o, "b", 1);
	json_close(o);
	json_close(o); /* one too many does not matter any more */
	ck_assert_int_eq(text_rc(o), -EILSEQ);
	json_out_reset(o);
	json_str(o, NULL, STR("a\0b"));
	ck_assert_int_eq(text_rc(o), -EILSEQ);
	json_out_reset(o);
	json_int(o, NULL, INT64_C(9007199254740992));
	ck_assert_int_eq(text_rc(o), -ERANGE);
	json_out_reset(o);
	json_decimal(o, NULL, STR("1,5"));
	ck_assert_int_eq(text_rc(o), -EILSEQ);
	json_out_reset(o);
	for (unsigned i = 0; i <= JSON_DEPTH_MAX; i++)
		json_open_array(o, NULL);
	ck_assert_int_eq(text_rc(o), -EMSGSIZE);
	json_out_reset(o);
	json_null(o, NULL);
	ck_assert_int_eq(text_rc(o), 0);
	json_out_free(o);
}
END_TEST

START_TEST(no_writer_is_as_one_without_memory)
{
	json_open_object(NULL, NULL);
	json_int(NULL, "a", 1);
	json_cstr(NULL, "b", "c");
	json_value(NULL, "d", parsed("{}"));
	json_close(NULL);
	json_out_reset(NULL);
	ck_assert_int_eq(text_rc(NULL), -ENOMEM);
	ck_assert_ptr_null(json_out_free(NULL));
}
END_TEST

START_TEST(escapes_are_resolved_in_names_and_texts)
{
	const struct value *v =
		parsed("{\"a\\u0062\":\"\\u00e4\\\\\",\"\\n\":[1.5,2.5,\"\\\"\"],"
		       "\"c\":\"plain\",\"\":\"\"}");

	ck_assert_str_eq(v->first->name.p, "ab");
	ck_assert_uint_eq(v->first->name.n, 2);
	ck_assert_str_eq(v->first->s.p, "\xc3\xa4\\");
	ck_assert_uint_eq(v->first->s.n, 3);
	v = v->first->next;
	ck_assert_str_eq(v->name.p, "\n");
	ck_assert_str_eq(v->first->s.p, "1.5");
	ck_assert_str_eq(v->first->next->s.p, "2.5");
	ck_assert_str_eq(v->first->next->next->s.p, "\"");
	v = v->next;
	ck_assert_str_eq(v->name.p, "c");
	ck_assert_str_eq(v->s.p, "plain");
	v = v->next;
	ck_assert_str_eq(v->name.p, "");
	ck_assert_str_eq(v->s.p, "");
}
END_TEST

/* Twins by what they say, not by how it is written. */
START_TEST(twins_are_found_behind_their_escapes)
{
	struct json_error e;
	const struct value *v;

	ck_assert_int_eq(parse(STR("{\"ab\":1,\"a\\u0062\":2}"), 0, &v, &e), -EBADMSG);
	ck_assert_uint_eq(e.column, 9);
	/* The first fault of the text is told, and a twin only where there is none. */
	ck_assert_int_eq(parse(STR("[{\"a\":1,\"a\":2},]"), 0, &v, &e), -EBADMSG);
	ck_assert_uint_eq(e.column, 16);
	/* Of twins in two objects those of the object that ends first. */
	ck_assert_int_eq(parse(STR("{\"x\":1,\"x\":{\"y\":1,\"y\":2}}"), 0, &v, &e),
			 -EBADMSG);
	ck_assert_uint_eq(e.column, 19);
}
END_TEST

UNIT_MAIN("json", escapes_are_resolved_in_names_and_texts,
	  twins_are_found_behind_their_escapes, every_kind_of_value_is_read,
	  nesting_keeps_order_and_counts, values_know_their_place,
	  scalars_may_stand_alone, text_needs_no_nul_behind_it,
	  integers_are_exact_to_2_53, wrong_text_is_refused_with_place_and_reason,
	  nul_bytes_are_refused_everywhere, decimals_are_taken_only_when_asked_for,
	  number_of_greatest_length_is_read_whole, depth_32_is_taken_and_33_refused,
	  a_hundred_megabytes_of_nesting_are_refused_at_level_33,
	  every_prefix_is_an_error, every_arena_that_is_too_small_gives_enomem,
	  twins_are_found_in_objects_of_any_size, writer_makes_compact_json,
	  writer_escapes_what_must_be, what_was_written_is_read_back_the_same,
	  a_member_is_written_without_its_siblings, writer_keeps_its_limit_exactly,
	  writer_errors_stick_until_reset, no_writer_is_as_one_without_memory)
