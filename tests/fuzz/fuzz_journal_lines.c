#include "lane/journal_private.h"

#include <assert.h>
#include <stdlib.h>

/* The lines of a basket as a damaged or foreign journal.db may hold them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct json_out *out;
	struct basket_line *lines = NULL, *again = NULL;
	uint32_t count = 0, count_again = 0;

	if (journal_lines_parse(text, &lines, &count) < 0)
		return 0;
	/* What was read is written and read back the same. */
	out = json_out_new(JOURNAL_LINES_BYTES_MAX);
	if (out != NULL && journal_lines_text(out, lines, count, &text) == 0) {
		assert(journal_lines_parse(text, &again, &count_again) == 0);
		assert(count == count_again);
		for (uint32_t i = 0; i < count; i++)
			assert(lines[i].amount_minor == again[i].amount_minor &&
			       str_eq(str_of(lines[i].text), str_of(again[i].text)));
	}
	(void)json_out_free(out); /* gives NULL */
	free(lines);
	free(again);
	return 0;
}
