#ifndef LANED_ADAPTER_SANDBOX_H
#define LANED_ADAPTER_SANDBOX_H

#include "adapter/adapter_conf.h"

/*
 * What a plug-in is locked into before it is loaded: limits on memory, descriptors, files' size and
 * processes, no new privileges, and the host's list of system calls. The units of systemd add
 * folders, addresses and devices.
 */
#define SANDBOX_MEMORY_BYTES_MAX (256u * 1024u * 1024u)
/* So many that a plug-in with all its connections open leaves enough for a full house of strangers. */
#define SANDBOX_FILES_MAX 192u
#define SANDBOX_FILE_BYTES_MAX (16u * 1024u * 1024u)

/* What an adapter's addresses make the host do, beside what it always does. */
enum sandbox_needs {
	SANDBOX_INET = 1,   /* TCP over IPv4 and IPv6 */
	SANDBOX_NAMES = 2,  /* and UDP, to ask for names */
	SANDBOX_LISTEN = 4, /* bind and listen */
	SANDBOX_SERIAL = 8, /* set up serial lines and their modem lines */
	SANDBOX_TYPING = 16 /* ask what kind of keyboard one is */
};

/* What this configuration's addresses and endpoints need. */
unsigned sandbox_needs(const struct adapter_conf *c);
/* needs: of enum sandbox_needs. 0 or negative errno. In builds with a sanitizer the memory limit and
 * seccomp are left out. */
int sandbox_enter(enum adapter_seccomp mode, unsigned needs);

/*
 * From here on a system call beyond those of malloc, write and exit ends the process by SIGSYS: for
 * the conformance kit. 0; -ENOSYS without seccomp or under a sanitizer; other negative errno.
 */
int sandbox_memory_only(void);
/* Built with a sanitizer, which makes calls and holds data of its own. */
bool sandbox_is_sanitized(void);

/* What sandbox_enter did in the last call, for the log: "seccomp enforced" and its like. */
const char *sandbox_words(enum adapter_seccomp mode);

#endif
