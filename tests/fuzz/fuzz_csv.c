/* One CSV record: the fields lie in order within the record, and written again split the same. */
#include "base/plain/csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool fact)
{
	if (!fact)
		abort();
}

/* All fields in quotes, as the strictest writer has them. */
static size_t
write_again(const struct str *fields, size_t count, char *out)
{
	size_t n = 0;

	for (size_t k = 0; k < count; k++) {
		if (k > 0)
			out[n++] = ',';
		out[n++] = '"';
		for (size_t i = 0; i < fields[k].n; i++) {
			if (fields[k].p[i] == '"')
				out[n++] = '"';
			out[n++] = fields[k].p[i];
		}
		out[n++] = '"';
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str fields[CSV_FIELDS_MAX], again[CSV_FIELDS_MAX];
	char *line = malloc(size + 1), *copy = malloc(size * 2 + 4 * CSV_FIELDS_MAX);
	size_t count = 0, count_again = 0;

	require(line != NULL && copy != NULL);
	if (size > 0)
		memcpy(line, data, size);
	if (csv_split(line, size, fields, &count) == 0) {
		require(count >= 1 && count <= CSV_FIELDS_MAX);
		for (size_t k = 0; k < count; k++)
			require(fields[k].p >= line &&
				fields[k].p + fields[k].n <= line + size);
		require(csv_split(copy, write_again(fields, count, copy), again,
				  &count_again) == 0);
		require(count == count_again);
		for (size_t k = 0; k < count; k++)
			require(str_eq(fields[k], again[k]));
	}
	free(line);
	free(copy);
	return 0;
}
