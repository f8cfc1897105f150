/* As test_sdk_json.c: the sources are used directly. */
#include "../../plugins/sdk/text.c"
#include "../../plugins/sdk/json_in.c"
#include "../../plugins/sdk/json_out.c"
#include "../../plugins/sdk/json_fields.c"
#include "../../plugins/sdk/frames.c"

#include "unit.h" /* libcheck has a macro called fail */

#define BYTES 16u

static const struct {
	laned_framing_fn framing;
	const char *bytes;
	size_t n;
	struct laned_frame frame; /* whole at its bytes; at fewer, not yet */
} frames[] = {
	{ laned_framing_line, "\n", 1, { 1, 0, 0 } },
	{ laned_framing_line, "ab\ncd\n", 6, { 3, 0, 2 } },
	{ laned_framing_line, "a\r\n", 3, { 3, 0, 2 } },
	{ laned_framing_length2, "\0\0", 2, { 2, 2, 0 } },
	{ laned_framing_length2, "\0\3abc\0", 6, { 5, 2, 3 } },
	{ laned_framing_length4, "\0\0\0\2ab\0\0", 8, { 6, 4, 2 } },
};

START_TEST(a_frame_is_whole_at_its_last_byte_and_not_before)
{
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		for (size_t n = 1; n <= frames[i].n; n++) {
			struct laned_frame f;
			int rc = frames[i].framing((const uint8_t *)frames[i].bytes, n,
						   &f);

			if (n < frames[i].frame.bytes) {
				ck_assert_int_eq(rc, LANED_AGAIN);
				continue;
			}
			ck_assert_int_eq(rc, LANED_OK);
			ck_assert_uint_eq(f.bytes, frames[i].frame.bytes);
			ck_assert_uint_eq(f.begin, frames[i].frame.begin);
			ck_assert_uint_eq(f.n, frames[i].frame.n);
		}
}
END_TEST

START_TEST(byte_by_byte_is_the_same_as_at_once)
{
	static const char said[] = "\0\1a\0\0\0\4wxyz\0\2";
	uint8_t memory[BYTES];
	struct laned_inbox in = { memory, sizeof(memory), 0, laned_framing_length2 };
	char heard[32] = "";

	for (size_t i = 0; i < sizeof(said) - 1; i++) {
		struct laned_frame f;

		ck_assert_int_eq(laned_inbox_add(&in, (const uint8_t *)said + i, 1),
				 LANED_OK);
		while (laned_inbox_next(&in, &f) == LANED_OK) {
			strncat(heard, (const char *)memory + f.begin, f.n);
			strcat(heard, "|");
			laned_inbox_drop(&in, f.bytes);
		}
	}
	ck_assert_str_eq(heard, "a||wxyz|");
	ck_assert_uint_eq(in.used, 2);
	laned_inbox_drop(&in, 100);
	ck_assert_uint_eq(in.used, 0);
}
END_TEST

START_TEST(what_never_fits_is_said_so)
{
	uint8_t memory[BYTES];
	struct laned_inbox lines = { memory, BYTES, 0, laned_framing_line };
	struct laned_inbox lengths = { memory, BYTES, 0, laned_framing_length4 };
	struct laned_frame f;

	ck_assert_int_eq(laned_inbox_next(&lines, &f), LANED_AGAIN);
	ck_assert_int_eq(laned_inbox_add(&lines, (const uint8_t *)"0123456789abcde", 15),
			 LANED_OK);
	ck_assert_int_eq(laned_inbox_next(&lines, &f), LANED_AGAIN);
	ck_assert_int_eq(laned_inbox_add(&lines, (const uint8_t *)"xy", 2),
			 LANED_TOO_LARGE);
	ck_assert_uint_eq(lines.used, 15);
	ck_assert_int_eq(laned_inbox_add(&lines, (const uint8_t *)"x", 1), LANED_OK);
	ck_assert_int_eq(laned_inbox_next(&lines, &f), LANED_TOO_LARGE);

	ck_assert_int_eq(laned_inbox_add(&lengths, (const uint8_t *)"\0\0\0\14", 4),
			 LANED_OK);
	ck_assert_int_eq(laned_inbox_next(&lengths, &f), LANED_AGAIN);
	lengths.used = 0;
	ck_assert_int_eq(laned_inbox_add(&lengths, (const uint8_t *)"\0\0\0\15", 4),
			 LANED_OK);
	ck_assert_int_eq(laned_inbox_next(&lengths, &f), LANED_TOO_LARGE);
	lengths.used = 0;
	ck_assert_int_eq(
		laned_inbox_add(&lengths, (const uint8_t *)"\377\377\377\377", 4),
		LANED_OK);
	ck_assert_int_lt(laned_inbox_next(&lengths, &f), 0);
	ck_assert_int_eq(laned_inbox_add(&lengths, NULL, 0), LANED_OK);
}
END_TEST

/* A framing that an adapter brought, and that has mistakes. */
static int
framing_wrong(const uint8_t *p, size_t n, struct laned_frame *ret_frame)
{
	static const struct laned_frame wrong[] = {
		{ 0, 0, 0 }, { 3, 0, 1 },        { 2, 0, 3 },
		{ 2, 3, 0 }, { 2, 1, SIZE_MAX }, { SIZE_MAX, 0, 1 },
	};

	(void)n;
	*ret_frame = p[0] < sizeof(wrong) / sizeof(wrong[0])
			     ? wrong[p[0]]
			     : (struct laned_frame){ 2, 1, 1 };
	return LANED_OK;
}

START_TEST(a_frame_that_is_not_there_is_none)
{
	uint8_t memory[BYTES];
	struct laned_frame f;

	for (uint8_t i = 0; i <= 6; i++) {
		struct laned_inbox in = { memory, BYTES, 0, framing_wrong };
		const uint8_t two[2] = { i, 'x' };

		ck_assert_int_eq(laned_inbox_add(&in, two, 2), LANED_OK);
		ck_assert_int_eq(laned_inbox_next(&in, &f),
				 i < 6 ? LANED_INVALID : LANED_OK);
	}
}
END_TEST

START_TEST(a_length_is_written_as_it_is_read)
{
	static const size_t lengths[] = { 0, 1, 255, 256, 65535 };
	uint8_t head[4];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct laned_frame f;

		ck_assert_int_eq(laned_length_put(head, 2, lengths[i]), LANED_OK);
		(void)laned_framing_length2(head, 2, &f); /* mostly not all of it */
		ck_assert_uint_eq(f.n, lengths[i]);
		ck_assert_int_eq(laned_length_put(head, 4, lengths[i] << 8), LANED_OK);
		(void)laned_framing_length4(head, 4, &f); /* as above */
		ck_assert_uint_eq(f.n, lengths[i] << 8);
	}
	ck_assert_int_eq(laned_length_put(head, 2, 65536), LANED_TOO_LARGE);
	ck_assert_int_eq(laned_length_put(head, 4, SIZE_MAX), LANED_TOO_LARGE);
}
END_TEST

/* ---- fields ------------------------------------------------------------------------------ */

static struct laned_json_node nodes[32];

static struct laned_fields
fields(char *text, struct laned_json *j)
{
	*j = (struct laned_json){ .nodes = nodes, .nodes_max = 32 };
	ck_assert_int_eq(laned_json_parse(j, text, strlen(text)), LANED_OK);
	return laned_fields_of(j, j->nodes);
}

static const struct laned_word words[] = { { "one", 1 }, { "two", 2 }, { NULL, 0 } };

START_TEST(members_are_read_by_their_kind)
{
	char text[] =
		"{\"s\":\"x\",\"e\":\"\",\"i\":-7,\"b\":true,\"n\":null,\"w\":\"two\"}";
	struct laned_json j;
	struct laned_fields f = fields(text, &j);

	ck_assert_int_eq(f.ok, 1);
	ck_assert(laned_str_is(laned_field_str(&f, "s", 1), "x"));
	ck_assert_uint_eq(laned_field_str(&f, "e", 1).n, 0);
	ck_assert_uint_eq(laned_field_str(&f, "n", 0).n, 0);
	ck_assert_ptr_null(laned_field_str(&f, "none", 0).p);
	ck_assert_int_eq(laned_field_int(&f, "i", 3), -7);
	ck_assert_int_eq(laned_field_must_int(&f, "i"), -7);
	ck_assert_int_eq(laned_field_int(&f, "none", 3), 3);
	ck_assert_int_eq(laned_field_bool(&f, "b"), 1);
	ck_assert_int_eq(laned_field_bool(&f, "none"), 0);
	ck_assert_uint_eq(laned_field_word(&f, "w", words), 2);
	ck_assert_int_eq(f.ok, 1);
}
END_TEST

START_TEST(another_kind_or_a_missing_member_is_remembered)
{
	for (int i = 0; i < 9; i++) {
		char text[] = "{\"s\":\"x\",\"i\":1,\"b\":true,\"d\":1.5}";
		struct laned_json j;
		struct laned_fields f = fields(text, &j);

		if (i == 0)
			(void)laned_field_str(&f, "i", 0);
		else if (i == 1)
			(void)laned_field_str(&f, "none", 1);
		else if (i == 2)
			ck_assert_int_eq(laned_field_int(&f, "s", 5), 5);
		else if (i == 3)
			ck_assert_int_eq(laned_field_must_int(&f, "none"), 0);
		else if (i == 4)
			ck_assert_int_eq(laned_field_bool(&f, "i"), 0);
		else if (i == 5)
			ck_assert_uint_eq(laned_field_word(&f, "s", words), 0);
		else if (i == 6)
			ck_assert_uint_eq(laned_field_word(&f, "none", words), 0);
		else if (i == 7)
			ck_assert_int_eq(laned_field_int(&f, "b", 5), 5);
		else
			ck_assert_int_eq(laned_field_int(&f, "d", 5), 5);
		ck_assert_int_eq(f.ok, 0);
		ck_assert(laned_str_is(laned_field_str(&f, "s", 1), "x"));
		ck_assert_int_eq(f.ok, 0);
	}
}
END_TEST

START_TEST(what_is_no_object_has_no_members)
{
	char text[] = "[1]";
	struct laned_json j;
	struct laned_fields f = fields(text, &j), none = laned_fields_of(&j, NULL);

	ck_assert_int_eq(f.ok, 0);
	ck_assert_int_eq(none.ok, 0);
	ck_assert_int_eq(laned_field_int(&f, "a", 4), 4);
	ck_assert_int_eq(laned_field_int(&none, "a", 4), 4);
}
END_TEST

START_TEST(a_line_is_written_whole_or_not_at_all)
{
	static const char whole[] = "{\"a\":1}\n";

	for (size_t room = 1; room < sizeof(whole) + 3; room++) {
		char *buf = malloc(room); /* so that a byte too far is seen */
		struct laned_json_out o;
		struct laned_str line = { NULL, 0 };
		int rc;

		laned_json_out_init(&o, buf, room);
		laned_json_open(&o, NULL, '{');
		laned_json_int(&o, "a", 1);
		laned_json_close(&o);
		rc = laned_json_line(&o, &line);
		ck_assert_int_eq(rc, line.p != NULL ? LANED_OK : LANED_TOO_LARGE);
		if (room >= sizeof(whole))
			ck_assert(laned_str_is(line, whole));
		if (room < sizeof(whole) - 1)
			ck_assert_int_eq(rc, LANED_TOO_LARGE);
		free(buf);
	}
}
END_TEST

UNIT_MAIN("sdk_frames", a_frame_is_whole_at_its_last_byte_and_not_before,
	  byte_by_byte_is_the_same_as_at_once, what_never_fits_is_said_so,
	  a_frame_that_is_not_there_is_none, a_length_is_written_as_it_is_read,
	  members_are_read_by_their_kind, another_kind_or_a_missing_member_is_remembered,
	  what_is_no_object_has_no_members, a_line_is_written_whole_or_not_at_all)
