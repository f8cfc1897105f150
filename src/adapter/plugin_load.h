#ifndef LANED_ADAPTER_PLUGIN_LOAD_H
#define LANED_ADAPTER_PLUGIN_LOAD_H

#include "adapter/plugin_elf.h"
#include "laned/adapter.h"

#include <stdbool.h>

#define PLUGIN_BYTES_MAX (16u * 1024u * 1024u)
#define PLUGIN_WHY_BYTES 256u

struct plugin; /* a loaded shared object */

/*
 * Checks the file and the folder it lies in without loading it: both belong to root (or, started by
 * hand as somebody else, to that one: *ret_own is then true), nobody else may write them, and the
 * ELF file defines the entry. 0; -EPERM owner or mode; -ENOENT; -ENOEXEC; -EFBIG; other errno.
 * why gets a sentence.
 */
int plugin_check(const char *path, struct plugin_elf *ret_elf, bool *ret_own,
		 char why[PLUGIN_WHY_BYTES]);

/*
 * plugin_check, then dlopen (RTLD_NOW, RTLD_LOCAL): constructors of the file run here. The table is
 * checked for what every host needs. 0; as plugin_check; -EPROTO the table is not usable.
 */
int plugin_load(const char *path, struct plugin **ret_plugin, char why[PLUGIN_WHY_BYTES]);
/* An adapter that is part of this program (simulator, tests): its table is checked all the same. */
int plugin_static(const struct laned_adapter *table, struct plugin **ret_plugin,
		  char why[PLUGIN_WHY_BYTES]);
/* Unloads. NULL is fine; returns NULL. */
struct plugin *plugin_free(struct plugin *p);
const struct laned_adapter *plugin_table(const struct plugin *p);
const struct plugin_elf *plugin_elf(const struct plugin *p);

#endif
