#include "base/files.h"

#include "base/crash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files of the kernel tell no size: read up to this. */
#define SIZELESS_BYTES_MAX 65536u

static bool
name_ok(const char *name)
{
	return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static int
write_all(int fd, struct str data)
{
	while (data.n > 0) {
		ssize_t n = write(fd, data.p, data.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data.p += n;
		data.n -= (size_t)n;
	}
	return 0;
}

/* Reads up to n bytes until the end. The number of bytes or a negative errno. */
static ssize_t
read_up_to(int fd, char *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t more = read(fd, p + got, n - got);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return -errno;
		if (more == 0)
			break;
		got += (size_t)more;
	}
	return (ssize_t)got;
}

/* Writes and syncs a new file. On failure it is gone again. */
static int
write_new(int dirfd, const char *name, struct str data, unsigned mode)
{
	int fd, rc;

	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, data);
	if (rc == 0 && (fchmod(fd, (mode_t)mode) < 0 || fsync(fd) < 0))
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc < 0)
		(void)unlinkat(dirfd, name, 0); /* the first error is the one to tell */
	return rc;
}

int
files_put(int dirfd, const char *name, struct str data, unsigned mode)
{
	char temporary[NAME_MAX + 1];
	struct strbuf b;
	int rc;

	if (!name_ok(name))
		return -EINVAL;
	strbuf_init(&b, temporary, sizeof(temporary));
	strbuf_addf(&b, ".%s.tmp", name);
	if (b.truncated)
		return -ENAMETOOLONG;
	/* What an earlier process left behind when it died. */
	if (unlinkat(dirfd, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	rc = write_new(dirfd, temporary, data, mode);
	if (rc < 0)
		return rc;
	crash_point("files.rename");
	if (renameat(dirfd, temporary, dirfd, name) < 0) {
		rc = -errno;
		(void)unlinkat(dirfd, temporary,
			       0); /* the first error is the one to tell */
		return rc;
	}
	return fsync(dirfd) < 0 ? -errno : 0;
}

int
files_read(int dirfd, const char *name, size_t bytes_max, struct arena *arena,
	   struct str *ret_data)
{
	int fd, rc = -ENOMEM;
	struct stat st;
	size_t want;
	ssize_t n;
	char *p;

	if (!name_ok(name))
		return -EINVAL;
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	fd = openat(dirfd, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -EINVAL : -errno;
	if (fstat(fd, &st) < 0) {
		rc = -errno;
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		rc = -EINVAL;
		goto out;
	}
	if (st.st_size < 0 || (uintmax_t)st.st_size > bytes_max) {
		rc = -EFBIG;
		goto out;
	}
	want = st.st_size > 0 ? (size_t)st.st_size : SIZELESS_BYTES_MAX;
	if (want > bytes_max)
		want = bytes_max;
	p = arena_alloc(arena,
			want + 1); /* zeroed: NUL-terminated, for whoever prints it */
	if (p == NULL)
		goto out;
	n = read_up_to(fd, p, want);
	rc = n < 0 ? (int)n : 0;
	if (rc == 0)
		*ret_data = (struct str){ p, (size_t)n };
out:
	(void)close(fd); /* read only: nothing to lose */
	return rc;
}

int
files_remove(int dirfd, const char *name)
{
	if (!name_ok(name))
		return -EINVAL;
	if (unlinkat(dirfd, name, 0) < 0)
		return -errno;
	return fsync(dirfd) < 0 ? -errno : 0;
}

/* One folder; fine when it is there. */
static int
mkdir_one(const char *path, unsigned mode)
{
	struct stat st;

	if (mkdir(path, (mode_t)mode) == 0)
		/* Again, because the umask may have taken something away. */
		return chmod(path, (mode_t)mode) < 0 ? -errno : 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int
files_mkdir(const char *path, unsigned mode)
{
	char parent[PATH_MAX];
	size_t n = strlen(path);
	int rc;

	if (n == 0 || str_copy(parent, sizeof(parent), str_of(path)) < 0)
		return n == 0 ? -EINVAL : -ENAMETOOLONG;
	while (n > 1 && parent[n - 1] == '/')
		n--;
	while (n > 0 && parent[n - 1] != '/')
		n--;
	while (n > 1 && parent[n - 1] == '/')
		n--;
	parent[n] = '\0';
	if (n > 1) {
		rc = mkdir_one(parent, mode);
		if (rc < 0)
			return rc;
	}
	return mkdir_one(path, mode);
}
