#include "adapter/host_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

/* A FIFO or a device of that name is nobody's lock, and opening it must not block. */
#define FLAGS (O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

/* The whole file, for this process alone. */
static struct flock
whole(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

static bool
is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* 0: nobody else has it; -EBUSY. */
static int
ask(int fd, pid_t *ret_holder)
{
	struct flock l = whole();

	if (fcntl(fd, F_GETLK, &l) < 0 || l.l_type == F_UNLCK)
		return 0;
	*ret_holder = l.l_pid > 0 ? l.l_pid : 0;
	return -EBUSY;
}

int
host_lock_take(const char *path, int *ret_fd, pid_t *ret_holder)
{
	struct flock l = whole();
	pid_t holder = 0;
	int fd = open(path, FLAGS | O_CREAT, 0600), rc = 0;

	if (fd < 0)
		return -errno;
	if (!is_file(fd))
		rc = -EINVAL;
	else if (fcntl(fd, F_SETLK, &l) < 0)
		rc = errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
	if (rc == 0) {
		*ret_fd = fd;
		return 0;
	}
	if (rc == -EBUSY) {
		(void)ask(fd, &holder); /* it may have ended meanwhile: then 0 */
		*ret_holder = holder;
	}
	(void)close(fd); /* nothing was written */
	return rc;
}

int
host_lock_ask(const char *path, pid_t *ret_holder)
{
	int fd = open(path, FLAGS), rc;

	if (fd < 0)
		return 0;
	rc = is_file(fd) ? ask(fd, ret_holder) : 0;
	(void)close(fd); /* nothing was written */
	return rc;
}
