#include "lane/journal_reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int
journal_reserve_keep(struct journal_reserve *r)
{
	int fd, rc;

	if (r->kept || r->path[0] == '\0')
		return 0;
	fd = open(r->path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = -posix_fallocate(fd, 0, JOURNAL_RESERVE_BYTES);
	(void)close(fd); /* nothing was written that could be lost */
	if (rc < 0)
		(void)unlink(r->path); /* a part of it helps nobody */
	r->kept = rc == 0;
	return rc;
}

int
journal_reserve_spend(struct journal_reserve *r)
{
	if (r->path[0] == '\0' || !r->kept)
		return -ENOENT;
	r->kept = false;
	return unlink(r->path) < 0 ? -errno : 0;
}
