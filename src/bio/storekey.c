#include "bio/storekey.h"

#include "base/crypto.h"
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_BYTES_MAX 512u

static int
read_key(const char *folder, bool private_only, struct secret **ret_key)
{
	char path[PATH_BYTES_MAX];
	struct secret *s = NULL;
	int rc;

	if (snprintf(path, sizeof(path), "%s/gallery.key", folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	rc = secret_read_file(path, CRYPTO_KEY_BYTES, private_only, &s);
	if (rc == -EFBIG || rc == -ENODATA ||
	    (rc == 0 && secret_size(s) != CRYPTO_KEY_BYTES))
		rc = -EBADMSG;
	if (rc < 0) {
		secret_free(s);
		return rc;
	}
	*ret_key = s;
	return 0;
}

static int
make_key(int dirfd, struct secret **ret_key)
{
	struct secret *s = NULL;
	int rc;

	if (faccessat(dirfd, "gallery.db", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -ENOKEY;
	rc = secret_new(CRYPTO_KEY_BYTES, &s);
	if (rc == 0)
		rc = crypto_random(secret_bytes(s), CRYPTO_KEY_BYTES);
	if (rc == 0)
		rc = files_put(
			dirfd, "gallery.key",
			(struct str){ (const char *)secret_bytes(s), CRYPTO_KEY_BYTES },
			0600);
	if (rc < 0) {
		secret_free(s);
		return rc;
	}
	*ret_key = s;
	return 0;
}

int
storekey_load(const char *folder, struct secret **ret_key)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	int rc = -ENOENT, dirfd;

	if (credentials != NULL)
		rc = read_key(credentials, false, ret_key);
	if (rc != -ENOENT)
		return rc;
	rc = read_key(folder, true, ret_key);
	if (rc != -ENOENT)
		return rc;
	dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	rc = make_key(dirfd, ret_key);
	(void)close(dirfd); /* a folder */
	return rc;
}
