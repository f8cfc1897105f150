#include "unit.h"

#include "base/plugin_options.h"
#include "tempdir.h"

#include <errno.h>

#define FILE_OF(caps, rows) "{\"v\":1,\"caps\":[" caps "],\"options\":[" rows "]}"
#define ROW(name, type, rest)                                                            \
	"{\"name\":\"" name "\",\"type\":\"" type                                        \
	"\",\"min\":0,\"max\":9,\"help\":\"h\"" rest "}"

static char dir[TEMPDIR_BYTES];

/* What is said of a plug-in whose options.json is text. */
static int
read_text(const char *text, struct arena *arena, struct plugin_options *ret_options)
{
	char path[TEMPDIR_BYTES + 16];

	tempdir_write(dir, "x.options.json", text, strlen(text));
	(void)snprintf(path, sizeof(path), "%s/x.so", dir); /* fits */
	return plugin_options_read(path, "adapter:x", arena, ret_options);
}

static const struct {
	const char *text;
	int rc;
	size_t count;
} files[] = {
	{ FILE_OF("", ""), 0, 0 },
	{ FILE_OF("", ROW("a", "int", "")), 0, 1 },
	{ FILE_OF("", ROW("a", "int", ",\"def\":\"9\"") "," ROW("b", "address", "")), 0,
	  2 },
	{ FILE_OF("", ROW("a", "enum", ",\"choices\":\"x|y\",\"def\":\"y\"")), 0, 1 },
	{ FILE_OF("", ROW("a", "of a later version", ",\"def\":\"x\"")), 0, 1 },
	/* A default that is none of its own type. */
	{ FILE_OF("", ROW("a", "int", ",\"def\":\"x\"")), -EPROTO, 0 },
	{ FILE_OF("", ROW("a", "int", ",\"def\":\"10\"")), -EPROTO, 0 },
	{ FILE_OF("", ROW("a", "int", ",\"def\":\"\"")), -EPROTO, 0 },
	{ FILE_OF("", ROW("a", "bool", ",\"def\":\"perhaps\"")), -EPROTO, 0 },
	{ FILE_OF("", ROW("a", "duration", ",\"def\":\"9\"")), -EPROTO, 0 },
	{ FILE_OF("", ROW("a", "dir", ",\"def\":\"here\"")), -EPROTO, 0 },
	{ FILE_OF("", ROW("a", "enum", ",\"choices\":\"x|y\",\"def\":\"z\"")), -EPROTO,
	  0 },
	{ FILE_OF("", ROW("a", "text", ",\"def\":\"longer than nine\"")), -EPROTO, 0 },
	{ FILE_OF("", ROW("a", "enum", "")), -EPROTO, 0 },
	{ FILE_OF("", ROW("a", "int", "") "," ROW("a", "bool", "")), -EPROTO, 0 },
	{ FILE_OF("", ROW("", "int", "")), -EPROTO, 0 },
	{ FILE_OF("", "{\"name\":\"a\"}"), -EPROTO, 0 },
	{ FILE_OF("", "1"), -EPROTO, 0 },
	{ "{\"v\":2,\"options\":[]}", -EPROTO, 0 },
	{ "[]", -EPROTO, 0 },
	{ "{\"v\":1,", -EBADMSG, 0 },
};

START_TEST(a_file_is_taken_whole_or_refused)
{
	struct arena *arena = arena_new(1u << 20);
	struct plugin_options *o = calloc(1, sizeof(*o));

	ck_assert_ptr_nonnull(o);
	tempdir_make(dir);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		ck_assert_msg(read_text(files[i].text, arena, o) == files[i].rc, "%s",
			      files[i].text);
		ck_assert(files[i].rc < 0 || o->count == files[i].count);
	}
	tempdir_remove(dir);
	free(o);
	(void)arena_free(arena); /* gives NULL */
}
END_TEST

START_TEST(what_poses_as_a_terminal_wants_endpoints)
{
	struct arena *arena = arena_new(1u << 20);
	struct plugin_options *o = calloc(1, sizeof(*o));

	ck_assert_ptr_nonnull(o);
	tempdir_make(dir);
	ck_assert_int_eq(read_text(FILE_OF("\"pay\"", ""), arena, o), 0);
	ck_assert(!o->terminal);
	ck_assert_int_eq(read_text(FILE_OF("\"pay\",\"terminal\"", ""), arena, o), 0);
	ck_assert(o->terminal);
	tempdir_remove(dir);
	free(o);
	(void)arena_free(arena); /* gives NULL */
}
END_TEST

START_TEST(what_is_no_plug_in_has_no_options)
{
	struct arena *arena = arena_new(1u << 20);
	struct plugin_options *o = calloc(1, sizeof(*o));

	ck_assert_ptr_nonnull(o);
	ck_assert_int_eq(plugin_options_read("/x", "adapter:x", arena, o), -EINVAL);
	ck_assert_int_eq(plugin_options_read("/nowhere/x.so", "adapter:x", arena, o),
			 -ENOENT);
	free(o);
	(void)arena_free(arena); /* gives NULL */
}
END_TEST

UNIT_MAIN("plugin_options", a_file_is_taken_whole_or_refused,
	  what_poses_as_a_terminal_wants_endpoints, what_is_no_plug_in_has_no_options)
