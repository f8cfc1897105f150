#include "bio/storekey.h"

#include "base/crypto.h"
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES_MAX 512u
#define MACHINE_BYTES_MAX 256u

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

static int
hash_machine(const struct secret *key, const char *machine_id,
	     uint8_t ret_hash[CRYPTO_SHA256_BYTES])
{
	char buf[MACHINE_BYTES_MAX];
	int fd = open(machine_id, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? -ENODATA : -errno;
	n = read(fd, buf, sizeof(buf));
	(void)close(fd); /* read only */
	if (n <= 0)
		return n < 0 ? -errno : -ENODATA;
	return crypto_hmac_sha256(secret_bytes_const(key), buf, (size_t)n, ret_hash);
}

int
storekey_bind(const char *folder, const struct secret *key, const char *machine_id)
{
	uint8_t here[CRYPTO_SHA256_BYTES];
	struct arena *arena = arena_new(256);
	int dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct str kept;
	int rc = dirfd >= 0 ? 0 : errno == ENOENT ? -ENOTDIR : -errno;

	if (arena == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = hash_machine(key, machine_id, here);
	if (rc == 0)
		rc = files_read(dirfd, "machine", sizeof(here), arena, &kept);
	if (rc == -ENOENT)
		rc = files_put(dirfd, "machine",
			       (struct str){ (const char *)here, sizeof(here) }, 0600);
	else if (rc == -EFBIG || (rc == 0 && kept.n != sizeof(here)))
		rc = -EBADMSG;
	else if (rc == 0 && memcmp(kept.p, here, sizeof(here)) != 0)
		rc = -EXDEV;
	if (dirfd >= 0)
		(void)close(dirfd); /* a folder */
	arena_free(arena);
	return rc;
}
