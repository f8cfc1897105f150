#include "bio/sysfs_text.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

#define TEXT_BYTES 512u /* a string descriptor has 126 characters at most */

bool
sysfs_text(const char *path, char *buf, size_t bytes)
{
	char text[TEXT_BYTES];
	size_t used = 0;
	ssize_t n;
	int fd;

	assert(bytes > 0);
	buf[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text));
	(void)close(fd); /* read only */
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\0'))
		n--;
	for (ssize_t i = 0; i < n && used + 1 < bytes; i++)
		buf[used++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	buf[used] = '\0';
	return used > 0;
}
