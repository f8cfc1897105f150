#ifndef LANED_ADAPTER_ENDPOINTS_KEPT_H
#define LANED_ADAPTER_ENDPOINTS_KEPT_H

#include "adapter/adapter_conf.h"

/*
 * The endpoints that this adapter last ran with, in its state folder: with a configuration that is
 * broken, the POS is still joined to the terminal by them. laned-bypass reads the file, too. Text, one
 * "key = value" a line:
 *
 *	laned-endpoints = 1
 *	pos = tcp://127.0.0.1:20007
 *	terminal = tcp://10.1.2.3:20007
 *	framing = zvt
 */
#define ENDPOINTS_KEPT_BYTES_MAX 1024u
#define ENDPOINTS_KEPT_NAME "endpoints"

/* The folder: $STATE_DIRECTORY of systemd, or NULL: nothing is kept. */
const char *endpoints_kept_folder(char buf[ADAPTER_PATH_BYTES]);
/*
 * Writes the file atomically, unless it says the same already. 0 or negative errno: what was kept
 * before is kept still.
 */
int endpoints_kept_put(const char *folder, const struct adapter_endpoints *e);
/* A right configuration has none: what was kept would lead to a place of long ago. 0 or negative errno. */
int endpoints_kept_drop(const char *folder);
/* 0; -ENOENT there is none; -EBADMSG it cannot be used; other errno. */
int endpoints_kept_get(const char *folder, struct adapter_endpoints *ret_endpoints);
/* The file's text; 0 or -EBADMSG. For the above and the fuzzer. */
int endpoints_kept_parse(struct str text, struct adapter_endpoints *ret_endpoints);

#endif
