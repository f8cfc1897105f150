#include "bio/transfer.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES_MAX 512u
#define FOLDER_MODE 0700

static bool
name_ok(struct str name, char buf[TRANSFER_NAME_MAX + 1])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789._-";

	if (name.n == 0 || name.p[0] == '.' ||
	    str_copy(buf, TRANSFER_NAME_MAX + 1, name) < 0)
		return false;
	return buf[strspn(buf, letters)] == '\0';
}

void
transfer_sweep(int dirfd)
{
	int again = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	const struct dirent *e;

	if (d == NULL) {
		if (again >= 0)
			(void)close(again); /* read only */
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd, e->d_name, 0) < 0)
			log_warn(TRANSFER_FOLDER ": something is left that cannot be "
						 "removed: %s",
				 strerror(errno));
	}
	(void)closedir(d); /* read only */
}

int
transfer_open(const char *state_folder, int *ret_dirfd)
{
	char path[PATH_BYTES_MAX];
	struct stat st;
	int fd;

	if (snprintf(path, sizeof(path), "%s/" TRANSFER_FOLDER, state_folder) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	if (mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || fchmod(fd, FOLDER_MODE) < 0) {
		(void)close(fd); /* read only */
		return -EPERM;
	}
	transfer_sweep(fd);
	*ret_dirfd = fd;
	return 0;
}

/* Reads size bytes, all of them and no more. */
static int
read_whole(int fd, size_t size, struct secret **ret_bytes)
{
	struct secret *s = NULL;
	size_t got = 0;
	int rc = secret_new(size, &s);

	while (rc == 0 && got < size) {
		ssize_t n = read(fd, secret_bytes(s) + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			rc = n < 0 ? -errno : -EIO; /* it became shorter */
		else
			got += (size_t)n;
	}
	if (rc < 0) {
		(void)secret_free(s);
		return rc;
	}
	*ret_bytes = s;
	return 0;
}

int
transfer_take(int dirfd, struct str name, size_t bytes_max, struct secret **ret_bytes)
{
	char file[TRANSFER_NAME_MAX + 1];
	struct stat st;
	int fd, rc = 0;

	if (!name_ok(name, file))
		return -EINVAL;
	fd = openat(dirfd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -EINVAL : -errno;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EINVAL;
	else if (st.st_size == 0)
		rc = -ENODATA;
	else if ((uint64_t)st.st_size > bytes_max)
		rc = -EFBIG;
	if (rc == 0)
		rc = read_whole(fd, (size_t)st.st_size, ret_bytes);
	(void)close(fd); /* read only */
	if (unlinkat(dirfd, file, 0) < 0)
		log_warn(TRANSFER_FOLDER ": what was read cannot be removed: %s",
			 strerror(errno));
	return rc;
}

static int
write_whole(int fd, const uint8_t *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(fd, data, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		bytes -= (size_t)n;
	}
	return 0;
}

int
transfer_put(int dirfd, struct str name, const uint8_t *data, size_t bytes)
{
	char file[TRANSFER_NAME_MAX + 1];
	int fd, rc;

	if (!name_ok(name, file))
		return -EINVAL;
	fd = openat(dirfd, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -errno;
	rc = write_whole(fd, data, bytes);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc < 0)
		(void)unlinkat(dirfd, file, 0); /* the first error is the one to tell */
	return rc;
}
