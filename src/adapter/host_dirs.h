#ifndef LANED_ADAPTER_HOST_DIRS_H
#define LANED_ADAPTER_HOST_DIRS_H

#include "base/loop.h"
#include "base/plain/str.h"
#include "laned/adapter.h"

/*
 * The folder services of the ABI (laned/adapter.h says what each does). Everything is relative to
 * an open folder; names hold no slash and links are never followed, so nothing else can be reached.
 */
#define HOST_DIRS_MAX 8u
#define HOST_DIRS_POLL_MS_MIN 2000u
#define HOST_DIRS_RETRY_MS 5000 /* a folder that is not there is looked for so often */
#define HOST_DIRS_BAD "bad"
#define HOST_DIRS_BAD_FILES_MAX 100u
#define HOST_DIRS_BAD_BYTES_MAX 65536u

struct host_dirs;

/* 0 or negative errno. */
int host_dirs_new(struct loop *l, struct host_dirs **ret_dirs);
struct host_dirs *host_dirs_free(struct host_dirs *d);
/* Declares the folder at path under the option's name (both copied). 0; -E2BIG; -ENOMEM. */
int host_dirs_add(struct host_dirs *d, const char *option, const char *path);

/* As the ABI says; enum laned_status. */
int host_dirs_watch(struct host_dirs *d, const char *option, uint32_t poll_ms,
		    laned_dir_fn fn, void *user);
int host_dirs_list(struct host_dirs *d, const char *option, laned_name_fn fn, void *user);
/* Opens a regular file: *ret_fd is the caller's. */
int host_dirs_open(struct host_dirs *d, const char *option, struct str name, int *ret_fd,
		   uint64_t *ret_bytes, uint64_t *ret_version);
int host_dirs_put(struct host_dirs *d, const char *option, struct str name,
		  struct str data);
int host_dirs_remove(struct host_dirs *d, const char *option, struct str name,
		     uint64_t version);
int host_dirs_set_aside(struct host_dirs *d, const char *option, struct str name,
			uint64_t version);

#endif
