/* The bytes of a file that claims to be a plug-in. */
#include "adapter/plugin_elf.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plugin_elf elf = { .build_id = "" };
	const char *why = NULL;
	int rc = plugin_elf_check(data, size, "laned_adapter_v0", &elf, &why);

	assert(why != NULL);
	assert(rc == 0 || why[0] != '\0');
	assert(rc < 0 || elf.exported > 0);
	assert(strlen(elf.build_id) < sizeof(elf.build_id));
	return 0;
}
