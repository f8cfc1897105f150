/* What a device writes of itself may be anything; what goes on must be fit for JSON and a terminal. */
#include "bio/sysfs_text.h"

#include "base/json.h"
#include "bio/reader.h"
#include "tempdir.h"
#include "unit.h"

static char dir[TEMPDIR_BYTES];

/* What comes of these bytes in a reader's serial number. */
static bool
text_of(const char *bytes, size_t n, char *buf, size_t room)
{
	tempdir_write(dir, "serial", bytes, n);
	return sysfs_text(tempdir_path(dir, "serial"), buf, room);
}

static void
check_tellable(const char *text)
{
	struct json_out *o = json_out_new(1024);
	struct str json;

	for (const char *p = text; *p != '\0'; p++)
		ck_assert(*p >= ' ' && *p <= '~');
	json_open_object(o, NULL);
	json_cstr(o, "serial", text);
	json_close(o);
	ck_assert_int_eq(json_out_text(o, &json), 0);
	json_out_free(o);
}

START_TEST(what_can_be_printed_goes_on_as_it_is)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = { { "0001A-z~ x\n", "0001A-z~ x" },
		      { "05ba\n", "05ba" },
		      { "two\nlines\n\n", "two?lines" },
		      { "\x1b[31mred\x1b]0;title\x07\n", "?[31mred?]0;title?" },
		      { "\x7f\x80\xff\x01", "????" } };
	char buf[READER_TEXT_BYTES];

	tempdir_make(dir);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert(text_of(cases[i].bytes, strlen(cases[i].bytes), buf,
				  sizeof(buf)));
		ck_assert_str_eq(buf, cases[i].text);
		check_tellable(buf);
	}
	ck_assert(text_of("a\0b\0\n", 5, buf, sizeof(buf)));
	ck_assert_str_eq(buf, "a?b");
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_cut_leaves_no_part_of_a_character)
{
	char bytes[600] = "", buf[READER_TEXT_BYTES];

	tempdir_make(dir);
	for (unsigned i = 0; i < 40; i++)
		strcat(bytes, "\xc3\x84"); /* a capital A umlaut */
	for (size_t room = 2; room <= sizeof(buf); room++) {
		ck_assert(text_of(bytes, 80, buf, room));
		ck_assert_uint_eq(strlen(buf), room - 1);
		check_tellable(buf);
	}
	memset(bytes, 'x', sizeof(bytes)); /* longer than is read at all */
	ck_assert(text_of(bytes, sizeof(bytes), buf, sizeof(buf)));
	ck_assert_uint_eq(strlen(buf), sizeof(buf) - 1);
	tempdir_remove(dir);
}
END_TEST

START_TEST(missing_and_empty_are_the_empty_text)
{
	char buf[8] = "before";

	tempdir_make(dir);
	ck_assert(!sysfs_text(tempdir_path(dir, "none"), buf, sizeof(buf)));
	ck_assert_str_eq(buf, "");
	buf[0] = 'x';
	ck_assert(!text_of("\n", 1, buf, sizeof(buf)));
	ck_assert_str_eq(buf, "");
	buf[0] = 'x';
	ck_assert(!sysfs_text(dir, buf, sizeof(buf))); /* a folder */
	ck_assert_str_eq(buf, "");
	tempdir_remove(dir);
}
END_TEST

UNIT_MAIN("sysfs_text", what_can_be_printed_goes_on_as_it_is,
	  a_cut_leaves_no_part_of_a_character, missing_and_empty_are_the_empty_text)
