/*
 * An import of any bytes: the first one says kind, format and the size of the chunks. Errors are
 * counted and said, a second import of what was taken changes nothing.
 */
#include "lane/import.h"

#include "lane/cache.h"

#include "fuzz/db_file.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
prepare(void)
{
	struct db *d = NULL;
	bool fresh = false;
	char why[256];

	db_file_start("cache.db");
	require(cache_open(db_file_dir, &d, &fresh, why) == 0);
	(void)db_close(d);
	db_file_keep();
}

/* What came of it: the counts, when it was taken. */
static int
run(const struct import_options *o, struct str text, size_t step,
    struct import_result *ret)
{
	const struct import_result *result = NULL;
	struct import *i = NULL;
	int rc = 0;

	require(import_begin(o, &i) == 0);
	for (size_t at = 0; rc == 0 && at < text.n; at += step)
		rc = import_chunk(i, (struct str){ text.p + at, text.n - at < step
									? text.n - at
									: step });
	require(rc ==
		0); /* only the size of the file breaks an import, and this one is small */
	rc = import_commit(i, false, &result);
	require(rc == 0 || rc == -EBADMSG);
	require((rc == 0) == (result->errors_total == 0));
	require(result->errors_count <= result->errors_total);
	for (uint32_t k = 0; k < result->errors_count; k++)
		require(result->errors[k].line > 0 && result->errors[k].what[0] != '\0');
	*ret = *result;
	import_free(i);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct import_options kinds[] = {
		{ IMPORT_MEMBERS, IMPORT_JSONL, db_file_dir, "EUR", "f" },
		{ IMPORT_MEMBERS, IMPORT_CSV, db_file_dir, "EUR", "f" },
		{ IMPORT_OFFERS, IMPORT_JSON, db_file_dir, "EUR", "f" },
		{ IMPORT_OFFERS, IMPORT_JSONL, db_file_dir, "EUR", "f" },
	};
	static struct import_result first, second;
	const struct import_options *o;
	struct str text;

	if (db_file_good_bytes == 0)
		prepare();
	if (size == 0)
		return 0;
	db_file_damage((const uint8_t *)"\0\0", 2); /* the good one again */
	o = &kinds[data[0] % 4];
	text = (struct str){ (const char *)data + 1, size - 1 };
	if (run(o, text, data[0] / 4 + 1, &first) == 0 && o->kind == IMPORT_MEMBERS) {
		require(run(o, text, SIZE_MAX / 2, &second) ==
			0); /* whatever the chunks */
		require(second.added == 0);
	}
	return 0;
}
