#ifndef LANED_BASE_CREDENTIAL_H
#define LANED_BASE_CREDENTIAL_H

#include "base/secret.h"

/*
 * Credentials: files of a folder that systemd fills (LoadCredential=, $CREDENTIALS_DIRECTORY).
 */
#define CREDENTIAL_NAME_BYTES_MAX 64u
#define CREDENTIAL_BYTES_MAX 65536u

/*
 * Reads one. folder NULL: there is none. private_only as secret_read_file. 0; -EINVAL name is no
 * name of a file in a folder; -ENOENT there is no such credential, or it is empty; other errors of
 * secret_read_file.
 */
int credential_read(const char *folder, const char *name, bool private_only,
		    struct secret **ret_secret);

#endif
