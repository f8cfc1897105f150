/* The PAN guard on packed digits: any bytes, read in bounds; a field of EMV is never missed. */
#include "base/plain/pan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TAG 0x5a
#define DIGITS 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool truth)
{
	if (!truth)
		abort();
}

/* The plainest case, told without the guard: 5A 08 and sixteen digits that begin with 4, behind a 0 byte. */
static bool
has_plain_field(const uint8_t *p, size_t n)
{
	char digits[DIGITS];

	for (size_t i = 1; i + 10 <= n; i++) {
		bool all = p[i] == TAG && p[i + 1] == DIGITS / 2 && p[i - 1] == 0;

		for (size_t k = 0; all && k < DIGITS; k++) {
			unsigned half = p[i + 2 + k / 2] >> (k % 2 == 0 ? 4 : 0) & 15u;

			all = half < 10;
			digits[k] = (char)('0' + half % 10);
		}
		if (all && digits[0] == '4' && luhn_ok((struct str){ digits, DIGITS }))
			return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size == 0 ? 1 : size); /* its end is watched */
	struct str s = { copy, size };
	bool found;

	must(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	found = pan_find_packed(s);
	must(found || !has_plain_field(data, size));
	must(pan_find_blob(s) == (found || pan_find(s, NULL, NULL)));
	free(copy);
	return 0;
}
