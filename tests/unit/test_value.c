#include "unit.h"

#include "base/plain/value.h"

#include <errno.h>

/* {"int":5,"bool":true,"str":"abc","null":null,"list":[],"map":{}} made by hand. */
static struct value members[6];
static struct value object = { .kind = VALUE_OBJECT, .first = &members[0], .count = 6 };

static void
set_up(void)
{
	static const char *const names[] = {
		"int", "bool", "str", "null", "list", "map"
	};
	static const enum value_kind kinds[] = { VALUE_INT,  VALUE_BOOL,  VALUE_STRING,
						 VALUE_NULL, VALUE_ARRAY, VALUE_OBJECT };

	for (size_t i = 0; i < 6; i++) {
		members[i] = (struct value){ .kind = kinds[i], .name = str_of(names[i]) };
		members[i].next = i < 5 ? &members[i + 1] : NULL;
	}
	members[0].i = 5;
	members[1].i = 1;
	members[2].s = STR("abc");
}

START_TEST(members_are_found_by_whole_name)
{
	set_up();
	for (size_t i = 0; i < 6; i++)
		ck_assert_ptr_eq(value_member(&object, members[i].name.p), &members[i]);
	ck_assert_ptr_null(value_member(&object, "in"));
	ck_assert_ptr_null(value_member(&object, "intt"));
	ck_assert_ptr_null(value_member(&object, ""));
	ck_assert_ptr_null(value_member(NULL, "int"));
	ck_assert_ptr_null(value_member(&members[4], "int"));
	ck_assert_ptr_null(value_member(&members[5], "int"));
}
END_TEST

START_TEST(getters_give_the_value)
{
	const struct value *v = NULL;
	struct str s = STR("");
	int64_t i = 0;
	bool b = false;

	set_up();
	ck_assert_int_eq(value_get_int(&object, "int", 5, 5, &i), 0);
	ck_assert_int_eq(i, 5);
	ck_assert_int_eq(value_get_bool(&object, "bool", &b), 0);
	ck_assert(b);
	ck_assert_int_eq(value_get_str(&object, "str", 3, &s), 0);
	ck_assert(str_is(s, "abc"));
	ck_assert_int_eq(value_get_array(&object, "list", &v), 0);
	ck_assert_ptr_eq(v, &members[4]);
	ck_assert_int_eq(value_get_object(&object, "map", &v), 0);
	ck_assert_ptr_eq(v, &members[5]);
}
END_TEST

/* What each getter says for name; the target must stay as it was. */
static void
check_refusals(const char *name, int want_int, int want_bool, int want_str)
{
	const struct value *v = NULL;
	struct str s = STR("keep");
	int64_t i = 77;
	bool b = true;

	ck_assert_int_eq(value_get_int(&object, name, 6, 9, &i), want_int);
	ck_assert_int_eq(value_get_str(&object, name, 2, &s), want_str);
	ck_assert_int_eq(i, 77);
	ck_assert(str_is(s, "keep"));
	if (want_bool < 0)
		ck_assert_int_eq(value_get_bool(&object, name, &b), want_bool);
	ck_assert(b);
	if (strcmp(name, "list") != 0)
		ck_assert_int_lt(value_get_array(&object, name, &v), 0);
	if (strcmp(name, "map") != 0)
		ck_assert_int_lt(value_get_object(&object, name, &v), 0);
	ck_assert_ptr_null(v);
}

START_TEST(refusals_leave_the_target_alone)
{
	set_up();
	check_refusals("int", -ERANGE, -EPROTO, -EPROTO);
	check_refusals("str", -EPROTO, -EPROTO, -ERANGE);
	check_refusals("null", -ENOENT, -ENOENT, -ENOENT);
	check_refusals("absent", -ENOENT, -ENOENT, -ENOENT);
	check_refusals("list", -EPROTO, -EPROTO, -EPROTO);
	check_refusals("map", -EPROTO, -EPROTO, -EPROTO);
	members[1].i = 0;
	check_refusals("bool", -EPROTO, 0, -EPROTO);
}
END_TEST

START_TEST(int_limits_are_inclusive)
{
	int64_t i = 0;

	set_up();
	ck_assert_int_eq(value_get_int(&object, "int", INT64_MIN, 5, &i), 0);
	ck_assert_int_eq(value_get_int(&object, "int", 5, INT64_MAX, &i), 0);
	ck_assert_int_eq(value_get_int(&object, "int", INT64_MIN, 4, &i), -ERANGE);
	ck_assert_int_eq(value_get_int(&object, "int", 6, INT64_MAX, &i), -ERANGE);
}
END_TEST

UNIT_MAIN("value", members_are_found_by_whole_name, getters_give_the_value,
	  refusals_leave_the_target_alone, int_limits_are_inclusive)
