#include "base/plain/csv.h"

#include "unit.h"

#include <errno.h>

START_TEST(records_are_split_as_rfc_4180_has_them)
{
	static const struct {
		const char *line;
		int rc;
		size_t count;
		const char *fields[5];
	} rows[] = {
		{ "", 0, 1, { "" } },
		{ "a", 0, 1, { "a" } },
		{ "a,b", 0, 2, { "a", "b" } },
		{ ",", 0, 2, { "", "" } },
		{ ",,", 0, 3, { "", "", "" } },
		{ "a,", 0, 2, { "a", "" } },
		{ " a , b ", 0, 2, { " a ", " b " } },
		{ "\"a\"", 0, 1, { "a" } },
		{ "\"\"", 0, 1, { "" } },
		{ "\"\",\"\"", 0, 2, { "", "" } },
		{ "\"a,b\",c", 0, 2, { "a,b", "c" } },
		{ "\"a\"\"b\"", 0, 1, { "a\"b" } },
		{ "\"\"\"\"", 0, 1, { "\"" } },
		{ "\"\"\"a\"\"\",x", 0, 2, { "\"a\"", "x" } },
		{ "x,\"a\",y", 0, 3, { "x", "a", "y" } },
		{ "\xc3\xa4,\xf0\x9f\x92\xb6", 0, 2, { "\xc3\xa4", "\xf0\x9f\x92\xb6" } },
		{ "a;b", 0, 1, { "a;b" } },
		{ "\"", -EINVAL, 0, { NULL } },
		{ "\"a", -EINVAL, 0, { NULL } },
		{ "\"a\"\"", -EINVAL, 0, { NULL } },
		{ "\"a\"b", -EINVAL, 0, { NULL } },
		{ "a\"b", -EINVAL, 0, { NULL } },
		{ "a,b\"", -EINVAL, 0, { NULL } },
		{ "\"a\" ,b", -EINVAL, 0, { NULL } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].line), count = 99;
		struct str fields[CSV_FIELDS_MAX];
		char *copy = malloc(n + 1); /* exact: a sanitizer sees a step too far */
		int rc;

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, rows[i].line, n);
		rc = csv_split(copy, n, fields, &count);
		ck_assert_msg(rc == rows[i].rc, "%s: %d", rows[i].line, rc);
		ck_assert_uint_eq(count, rc == 0 ? rows[i].count : 99);
		for (size_t k = 0; rc == 0 && k < count; k++)
			ck_assert_msg(str_is(fields[k], rows[i].fields[k]),
				      "%s: field %zu", rows[i].line, k);
		free(copy);
	}
}
END_TEST

START_TEST(more_fields_than_the_limit_are_refused)
{
	struct str fields[CSV_FIELDS_MAX];
	char line[CSV_FIELDS_MAX + 1];
	size_t count = 0;

	memset(line, ',', sizeof(line));
	ck_assert_int_eq(csv_split(line, CSV_FIELDS_MAX - 1, fields, &count), 0);
	ck_assert_uint_eq(count, CSV_FIELDS_MAX);
	ck_assert_int_eq(csv_split(line, CSV_FIELDS_MAX, fields, &count), -E2BIG);
}
END_TEST

/* Written out and split again, every set of fields is what it was. */
START_TEST(any_bytes_survive_quoting)
{
	static const char bytes[] = "a,\"\n\r;";
	char want[2][4], line[64];
	struct str fields[CSV_FIELDS_MAX];
	size_t n, count;

	for (unsigned code = 0; code < 6 * 6 * 6; code++) {
		unsigned left = code;

		for (unsigned f = 0; f < 2; f++) {
			want[f][0] = bytes[left % 6];
			want[f][1] = bytes[(left / 6) % 6];
			want[f][2] = '\0';
			left /= 6;
		}
		n = 0;
		for (unsigned f = 0; f < 2; f++) {
			if (f > 0)
				line[n++] = ',';
			line[n++] = '"';
			for (const char *p = want[f]; *p != '\0'; p++) {
				if (*p == '"')
					line[n++] = '"';
				line[n++] = *p;
			}
			line[n++] = '"';
		}
		ck_assert_int_eq(csv_split(line, n, fields, &count), 0);
		ck_assert_uint_eq(count, 2);
		ck_assert(str_is(fields[0], want[0]) && str_is(fields[1], want[1]));
	}
}
END_TEST

/* Records end where a line does, but not between quotes; an open quote ends with its line. */
START_TEST(records_are_taken_one_after_the_other)
{
	static const struct {
		const char *text, *records[4];
	} rows[] = {
		{ "a\nb", { "a", "b" } },
		{ "a\r\nb\r\n", { "a", "b" } },
		{ "a\n\nb", { "a", "", "b" } },
		{ "\"a\nb\",c\nd", { "\"a\nb\",c", "d" } },
		{ "\"a\"\"\nb\"\nc", { "\"a\"\"\nb\"", "c" } },
		{ "\"a\nb\nc", { "\"a", "b", "c" } },
		{ "a,\"\r\nb\n", { "a,\"", "b" } },
		{ "\r\n", { "" } },
		{ "\"", { "\"" } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str text = str_of(rows[i].text);
		size_t k = 0, next = 0;

		while (text.n > 0) {
			size_t n = csv_take(text, &next);

			ck_assert_msg(k < 4 && rows[i].records[k] != NULL &&
					      str_is((struct str){ text.p, n },
						     rows[i].records[k]),
				      "row %zu, record %zu: %.*s", i, k, (int)n, text.p);
			ck_assert_uint_gt(next, 0);
			text.p += next;
			text.n -= next;
			k++;
		}
		ck_assert_msg(k == 4 || rows[i].records[k] == NULL, "row %zu", i);
	}
}
END_TEST

UNIT_MAIN("csv", records_are_split_as_rfc_4180_has_them,
	  more_fields_than_the_limit_are_refused, any_bytes_survive_quoting,
	  records_are_taken_one_after_the_other)
