/* The file of the endpoints last run with: whatever it holds, it is refused or can be written again. */
#include "adapter/endpoints_kept.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct adapter_endpoints e;
	struct str text = { (const char *)data, size };

	if (endpoints_kept_parse(text, &e) < 0)
		return 0;
	if (strchr(e.pos, '\n') != NULL || strchr(e.terminal, '\n') != NULL ||
	    e.pos[0] == '\0' || e.terminal[0] == '\0')
		abort();
	return 0;
}
