/*
 * The JSON reader and writer on any bytes: no crash; a refusal has a place and a reason; what is
 * taken is written and read again to the same text.
 */
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES_MAX ((size_t)16 << 20)
#define OUT_BYTES_MAX ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool fact)
{
	if (!fact)
		abort();
}

static void
check_error(const struct json_error *e)
{
	must(e->line >= 1 && e->column >= 1);
	must(memchr(e->what, '\0', sizeof(e->what)) != NULL);
	must(e->what[0] != '\0');
}

/* The text of v into out. */
static struct str
write_tree(struct json_out *out, const struct value *v)
{
	struct str text = STR("");

	json_value(out, NULL, v);
	must(json_out_text(out, &text) == 0);
	return text;
}

static void
check_round_trip(const struct value *v, unsigned flags)
{
	struct arena *arena = arena_new(ARENA_BYTES_MAX);
	struct json_out *first = json_out_new(OUT_BYTES_MAX);
	struct json_out *second = json_out_new(OUT_BYTES_MAX);
	const struct value *again = NULL;
	struct str text;

	must(arena != NULL && first != NULL && second != NULL);
	text = write_tree(first, v);
	must(json_parse(arena, text, flags, &again, NULL) == 0);
	must(str_eq(text, write_tree(second, again)));
	json_out_free(first);
	json_out_free(second);
	arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };

	for (unsigned flags = 0; flags <= JSON_DECIMALS; flags++) {
		struct arena *arena = arena_new(ARENA_BYTES_MAX);
		struct json_error error = { 0, 0, "" };
		const struct value *v = NULL;
		int rc;

		must(arena != NULL);
		rc = json_parse(arena, text, flags, &v, &error);
		must(rc == 0 || rc == -EBADMSG || rc == -ENOMEM);
		must((rc == 0) == (v != NULL));
		if (rc == -EBADMSG)
			check_error(&error);
		if (rc == 0)
			check_round_trip(v, flags);
		arena_free(arena);
	}
	return 0;
}
