#ifndef LANED_BASE_FILES_H
#define LANED_BASE_FILES_H

#include "base/plain/arena.h"
#include "base/plain/str.h"

/*
 * Atomic put: ".name.tmp", fsync, rename, fsync of the folder. dirfd is an open folder; name has no
 * '/'. 0 or negative errno; on failure the old file stands and no temporary file is left.
 */
int files_put(int dirfd, const char *name, struct str data, unsigned mode);

/* The whole regular file (no symbolic link) of at most bytes_max bytes. 0; -EFBIG; -EINVAL no regular file; errno. */
int files_read(int dirfd, const char *name, size_t bytes_max, struct arena *arena,
	       struct str *ret_data);

/* unlink and fsync of the folder. 0 or negative errno (-ENOENT). */
int files_remove(int dirfd, const char *name);

/* mkdir -p for the last two components with mode; fine when it exists. */
int files_mkdir(const char *path, unsigned mode);

#endif
