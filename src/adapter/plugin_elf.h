#ifndef LANED_ADAPTER_PLUGIN_ELF_H
#define LANED_ADAPTER_PLUGIN_ELF_H

#include <stddef.h>
#include <stdint.h>

#define PLUGIN_BUILD_ID_BYTES 41u /* 20 bytes in hex and a NUL */

struct plugin_elf {
	char build_id[PLUGIN_BUILD_ID_BYTES]; /* "" when the file has none */
	unsigned exported; /* global functions and objects that it defines */
	/* Without the 8 bytes a section that the C runtime's start files bring; their constructor counts. */
	uint64_t writable;     /* bytes of data that stay writable once it is loaded */
	uint64_t constructors; /* functions that dlopen runs */
};

/*
 * Looks into the bytes of a shared object without running any of it: 64 bit, little-endian, for
 * this machine, with section headers, defining symbol as a global function. 0; -ENOEXEC it is no
 * such file; -ENOENT the symbol is not there. *ret_why says it in words. Pure.
 */
int plugin_elf_check(const uint8_t *data, size_t n, const char *symbol,
		     struct plugin_elf *ret_elf, const char **ret_why);

#endif
