/* A hostile table of rules: faults have places, and what compiles is the same set as JSON. */
#include "base/json.h"
#include "core/pricing/pricing_csv.h"
#include "core/pricing/pricing_lines.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_BYTES_MAX ((size_t)16 << 20)

static void
require(bool fact)
{
	if (!fact)
		abort();
}

/* Written as JSON and read again, the set compiles too. */
static void
again(const struct value *set, uint32_t count)
{
	struct pricing_errors *errors = calloc(1, sizeof(*errors));
	struct arena *arena = arena_new(ARENA_BYTES_MAX);
	struct json_out *o = json_out_new(ARENA_BYTES_MAX);
	struct pricing_rules *rules = NULL;
	const struct value *v = NULL;
	struct str text;
	int rc;

	if (errors == NULL || arena == NULL || o == NULL)
		goto out;
	json_value(o, NULL, set);
	rc = json_out_text(o, &text);
	require(rc == 0 || rc == -ENOMEM || rc == -EMSGSIZE);
	if (rc < 0)
		goto out;
	rc = json_parse(arena, text, 0, &v, NULL);
	require(rc == 0 || rc == -ENOMEM);
	if (rc == 0)
		rc = pricing_rules_compile(v, errors, &rules);
	require(rc == 0 || rc == -ENOMEM);
	require(rc < 0 || pricing_rules_count(rules) == count);
out:
	pricing_rules_free(rules);
	arena_free(arena);
	json_out_free(o);
	free(errors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pricing_errors *errors = calloc(1, sizeof(*errors));
	struct arena *arena = arena_new(ARENA_BYTES_MAX);
	struct pricing_rules *rules = NULL;
	const struct value *set = NULL;
	int rc;

	if (errors == NULL || arena == NULL)
		goto out;
	rc = pricing_csv_read((struct str){ (const char *)data, size }, "EUR", arena,
			      errors, &set);
	require(rc == 0 || rc == -ENOMEM);
	if (rc == 0)
		rc = pricing_rules_compile_read(set, errors, &rules);
	require(rc == 0 || rc == -ENOMEM || (rc == -EBADMSG && errors->total > 0));
	for (uint32_t i = 0; i < errors->count; i++)
		require(errors->list[i].line > 0 && errors->list[i].column > 0);
	if (rc == 0)
		again(set, pricing_rules_count(rules));
out:
	pricing_rules_free(rules);
	arena_free(arena);
	free(errors);
	return 0;
}
