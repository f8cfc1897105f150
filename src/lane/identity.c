#include "lane/identity.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/files.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The file: lane id, key, keyed hash of the machine-id. */
struct identity_file {
	char magic[8];
	struct ulid lane;
	uint8_t key[CRYPTO_KEY_BYTES];
	uint8_t machine[CRYPTO_SHA256_BYTES];
};
_Static_assert(sizeof(struct identity_file) == 88, "the file's layout");

static const char magic[8] = { 'l', 'n', 'd', 'i', 'd', '0', '0', '1' };
#define MACHINE_BYTES_MAX 256u

static int
hash_machine(const char *path, const uint8_t key[CRYPTO_KEY_BYTES],
	     uint8_t ret_hash[CRYPTO_SHA256_BYTES])
{
	char buf[MACHINE_BYTES_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, sizeof(buf));
	(void)close(fd); /* read only */
	if (n <= 0)
		return n < 0 ? -errno : -ENODATA;
	return crypto_hmac_sha256(key, buf, (size_t)n, ret_hash);
}

static int
make(int dirfd, const char *machine_id, struct identity_file *f)
{
	int rc = crypto_random(f->key, sizeof(f->key));

	memcpy(f->magic, magic, sizeof(magic));
	if (rc == 0)
		rc = crypto_ulid(clock_wall_ms(), &f->lane);
	if (rc == 0)
		rc = hash_machine(machine_id, f->key, f->machine);
	if (rc == 0)
		rc = files_put(dirfd, "identity",
			       (struct str){ (const char *)f, sizeof(*f) }, 0600);
	return rc;
}

static int
take(struct arena *arena, int dirfd, const char *machine_id, struct identity_file *f)
{
	struct str data;
	int rc = files_read(dirfd, "identity", sizeof(*f), arena, &data);

	if (rc == -ENOENT)
		return make(dirfd, machine_id, f);
	if (rc < 0)
		return rc == -EFBIG ? -EBADMSG : rc;
	if (data.n != sizeof(*f) || memcmp(data.p, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	memcpy(f, data.p, sizeof(*f));
	return 0;
}

int
identity_load(const char *folder, const char *machine_id, struct identity *ret_identity)
{
	struct identity id = { .matches = true };
	uint8_t here[CRYPTO_SHA256_BYTES];
	struct arena *arena = arena_new(4096);
	struct identity_file f;
	int dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = dirfd < 0 ? -errno : 0;

	if (arena == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = take(arena, dirfd, machine_id, &f);
	if (rc == 0 && hash_machine(machine_id, f.key, here) < 0) {
		id.matches = false;
		(void)snprintf(id.why, sizeof(id.why), "%s cannot be read", machine_id);
	} else if (rc == 0 && memcmp(here, f.machine, sizeof(here)) != 0) {
		id.matches = false;
		(void)snprintf(id.why, sizeof(id.why),
			       "made on another machine: a cloned disk?");
	}
	if (rc == 0) {
		id.lane = f.lane;
		memcpy(id.machine, f.machine, sizeof(id.machine));
		*ret_identity = id;
	}
	secret_zero(&f, sizeof(f));
	arena_free(arena);
	if (dirfd >= 0)
		(void)close(dirfd); /* a folder */
	return rc;
}
