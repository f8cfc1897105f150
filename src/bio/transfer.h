#ifndef LANED_BIO_TRANSFER_H
#define LANED_BIO_TRANSFER_H

#include "base/plain/str.h"
#include "base/secret.h"

/*
 * The folder through which records of other systems come in and go out: "transfer" in laned-bio's
 * own state folder, for its user and root alone. So no template crosses a socket: messages name
 * files. What was read is removed at once, what nobody fetched after a minute, and what an earlier
 * process left there at the start.
 * Every call may block on disk.
 */
#define TRANSFER_FOLDER "transfer"
#define TRANSFER_NAME_MAX 64u

/* Makes the folder below state_folder, empties it and opens it. 0 and a descriptor, or errno. */
int transfer_open(const char *state_folder, int *ret_dirfd);

/*
 * Reads the whole file of 1..bytes_max bytes and removes it, whatever becomes of the reading. 0;
 * -EINVAL no name of A-Z a-z 0-9 . _ - (no dot first), or no regular file; -ENOENT; -EFBIG;
 * -ENODATA empty; errno.
 */
int transfer_take(int dirfd, struct str name, size_t bytes_max,
		  struct secret **ret_bytes);

/* Removes whatever is in the folder; what cannot be removed is logged. */
void transfer_sweep(int dirfd);

/* Writes a new file for its owner alone. 0; -EINVAL the name; -EEXIST; errno: none is left. */
int transfer_put(int dirfd, struct str name, const uint8_t *data, size_t bytes);

#endif
