#include "base/secret.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ALIGN_BYTES ((size_t)16)
#define ACL_XATTR_BYTES_MAX 4096u

/*
 * A region lies between two guard pages. The first of them is readable and holds this; both stop a
 * write that runs out of the region.
 */
struct region_head {
	size_t data_bytes; /* whole pages */
	size_t unlocked_bytes;
};

struct secret {
	uint8_t *bytes; /* ends where the guard page begins, but for alignment */
	size_t size;
	void *region;
};

/* One entry of a POSIX access control list as the kernel shows it (linux/posix_acl_xattr.h). */
struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};
#define ACL_VERSION 2u
#define ACL_TAG_USER 0x02u
#define ACL_TAG_GROUP_OWNER 0x04u
#define ACL_TAG_GROUP 0x08u
#define ACL_PERM_ANY 0x07u

static atomic_size_t unlocked_total;

static size_t
page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* bytes rounded up to pages, or 0 on overflow. */
static size_t
pages_of(size_t bytes)
{
	size_t page = page_bytes();

	if (bytes > SIZE_MAX - 4 * page)
		return 0;
	return (bytes + page - 1) / page * page;
}

/* Locks and hides what can be; none of it is needed for the program to be right. */
static size_t
protect(void *data, size_t bytes)
{
	(void)madvise(data, bytes,
		      MADV_DONTDUMP); /* an old kernel: core dumps are off too */
	(void)madvise(data, bytes,
		      MADV_DONTFORK); /* no process of ours forks with secrets */
	return mlock(data, bytes) == 0 ? 0 : bytes;
}

void
secret_zero(void *p, size_t n)
{
	if (n > 0)
		OPENSSL_cleanse(p, n);
}

void *
secret_region_new(size_t bytes)
{
	size_t page = page_bytes(), data_bytes = pages_of(bytes);
	struct region_head *head;
	uint8_t *base, *data;

	if (bytes == 0 || data_bytes == 0)
		return NULL;
	base = mmap(NULL, data_bytes + 2 * page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	data = base + page;
	head = (struct region_head *)(void *)base;
	head->data_bytes = data_bytes;
	head->unlocked_bytes = protect(data, data_bytes);
	if (mprotect(base, page, PROT_READ) != 0 ||
	    mprotect(data + data_bytes, page, PROT_NONE) != 0) {
		(void)munmap(base, data_bytes + 2 * page); /* nothing secret in it yet */
		return NULL;
	}
	atomic_fetch_add(&unlocked_total, head->unlocked_bytes);
	return data;
}

void
secret_region_free(void *region, size_t bytes)
{
	size_t page = page_bytes();
	const struct region_head *head;
	uint8_t *base;
	int rc;

	if (region == NULL)
		return;
	base = (uint8_t *)region - page;
	head = (const struct region_head *)(const void *)base;
	assert(head->data_bytes == pages_of(bytes));
	secret_zero(region, head->data_bytes);
	atomic_fetch_sub(&unlocked_total, head->unlocked_bytes);
	rc = munmap(base, head->data_bytes + 2 * page); /* also unlocks */
	assert(rc == 0);
	(void)rc; /* for builds without assertions */
}

int
secret_new(size_t bytes, struct secret **ret_secret)
{
	struct secret *s;

	assert(bytes > 0);
	if (bytes > SIZE_MAX - ALIGN_BYTES)
		return -ENOMEM;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->size = bytes;
	s->region = secret_region_new(bytes);
	if (s->region == NULL) {
		free(s);
		return -ENOMEM;
	}
	/* At the end of its pages, so that the guard page catches an overrun. */
	s->bytes = (uint8_t *)s->region + pages_of(bytes) -
		   (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
	*ret_secret = s;
	return 0;
}

struct secret *
secret_free(struct secret *s)
{
	if (s == NULL)
		return NULL;
	secret_region_free(s->region, s->size);
	free(s);
	return NULL;
}

uint8_t *
secret_bytes(struct secret *s)
{
	return s->bytes;
}

const uint8_t *
secret_bytes_const(const struct secret *s)
{
	return s->bytes;
}

size_t
secret_size(const struct secret *s)
{
	return s->size;
}

/*
 * True when the access control list of fd lets nobody but the owner and this user in. With such a
 * list the group bits of the mode are only its mask: systemd hands credentials to a service that
 * way, and they look readable by a group.
 */
static bool
acl_is_private(int fd)
{
	unsigned char text[ACL_XATTR_BYTES_MAX];
	ssize_t n = fgetxattr(fd, "system.posix_acl_access", text, sizeof(text));
	struct acl_entry e;
	uint32_t version;

	if (n < (ssize_t)sizeof(version))
		return false;
	memcpy(&version, text, sizeof(version));
	if (le32toh(version) != ACL_VERSION)
		return false;
	for (size_t at = sizeof(version); at + sizeof(e) <= (size_t)n; at += sizeof(e)) {
		unsigned tag;

		memcpy(&e, text + at, sizeof(e));
		tag = le16toh(e.tag);
		if ((le16toh(e.perm) & ACL_PERM_ANY) == 0)
			continue;
		if (tag == ACL_TAG_GROUP_OWNER || tag == ACL_TAG_GROUP)
			return false;
		if (tag == ACL_TAG_USER && le32toh(e.id) != geteuid())
			return false;
	}
	return true;
}

static int
check_file(int fd, size_t bytes_max, bool private_only, size_t *ret_bytes)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (private_only && (st.st_mode & S_IRWXO) != 0)
		return -EPERM;
	if (private_only && (st.st_mode & S_IRWXG) != 0 && !acl_is_private(fd))
		return -EPERM;
	if (st.st_size == 0)
		return -ENODATA;
	if ((uint64_t)st.st_size > bytes_max)
		return -EFBIG;
	*ret_bytes = (size_t)st.st_size;
	return 0;
}

static int
read_exactly(int fd, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t got = read(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EIO; /* it shrank under our hands */
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

int
secret_read_file(const char *path, size_t bytes_max, bool private_only,
		 struct secret **ret_secret)
{
	struct secret *s = NULL;
	size_t bytes = 0;
	int fd, rc;

	/* O_NONBLOCK: a FIFO in its place must not stop us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	rc = check_file(fd, bytes_max, private_only, &bytes);
	if (rc < 0)
		goto out;
	rc = secret_new(bytes, &s);
	if (rc < 0)
		goto out;
	rc = read_exactly(fd, s->bytes, bytes);
	if (rc < 0)
		goto out;
	*ret_secret = s;
	s = NULL;
out:
	secret_free(s);
	(void)close(fd); /* read only: nothing to lose */
	return rc;
}

bool
secret_equal(const struct secret *a, const struct secret *b)
{
	return a->size == b->size && CRYPTO_memcmp(a->bytes, b->bytes, a->size) == 0;
}

size_t
secret_unlocked_bytes(void)
{
	return atomic_load(&unlocked_total);
}
