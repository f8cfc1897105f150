#ifndef LANED_ADAPTER_ENDPOINTS_KEPT_H
#define LANED_ADAPTER_ENDPOINTS_KEPT_H

#include "adapter/adapter_conf.h"

/*
 * The endpoints of an adapter as its configuration last had them when it could be read: with one that is
 * broken, the POS is still joined to the terminal by them, by the host or by laned-bypass. Who may write the
 * file says where strangers' card payments go, so the process that a plug-in is loaded into never does:
 * `laned-adapter --keep` does, run by laned-endpoints@.service under another user, and systemd hands
 * the file on as a credential. Text, one "key = value" a line:
 *
 *	laned-endpoints = 1
 *	pos = tcp://127.0.0.1:20007
 *	terminal = tcp://10.1.2.3:20007
 *	framing = zvt
 */
#define ENDPOINTS_KEPT_BYTES_MAX 1024u
#define ENDPOINTS_KEPT_NAME "endpoints"

/*
 * The folder that systemd names in the environment: STATE_DIRECTORY to keep them in, CREDENTIALS_DIRECTORY
 * to read them from. NULL: none.
 */
const char *endpoints_kept_folder(const char *variable, char buf[ADAPTER_PATH_BYTES]);
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
