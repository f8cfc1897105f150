/* Lines over a stream socket: the two buffers of a peer. */
#include "base/rpc_private.h"

#include "base/crash.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A buffer that is empty and larger than this gives its memory back. */
#define BUF_BYTES_IDLE (64u * 1024u)
#define BUF_BYTES_FIRST 4096u

/* Room for more bytes at the end: moves to the front, then grows by doubling. 0 or -ENOMEM. */
static int
buf_reserve(struct rpc_buf *b, size_t more)
{
	size_t used = b->end - b->start, bytes = b->bytes ? b->bytes : BUF_BYTES_FIRST;
	char *p;

	if (b->p != NULL && b->bytes - b->end >= more)
		return 0;
	while (bytes - used < more)
		bytes *= 2;
	if (bytes == b->bytes) {
		assert(b->p != NULL);
		memmove(b->p, b->p + b->start, used);
		b->start = 0;
		b->end = used;
		return 0;
	}
	p = malloc(bytes);
	if (p == NULL)
		return -ENOMEM;
	if (b->p != NULL) {
		memcpy(p, b->p + b->start, used);
		explicit_bzero(b->p, b->bytes);
		free(b->p);
	}
	b->p = p;
	b->start = 0;
	b->end = used;
	b->bytes = bytes;
	return 0;
}

static void
buf_take(struct rpc_buf *b, size_t n)
{
	assert(n <= b->end - b->start);
	b->start += n;
	b->scanned = 0;
	if (b->start < b->end)
		return;
	b->start = b->end = 0;
}

void
rpc_buf_free(struct rpc_buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->bytes);
	free(b->p);
	*b = (struct rpc_buf){ 0 };
}

size_t
rpc_buf_used(const struct rpc_buf *b)
{
	return b->end - b->start;
}

int
rpc_buf_add(struct rpc_buf *b, const struct str *parts, size_t count, size_t bytes_max)
{
	size_t room = bytes_max - rpc_buf_used(b), total = 0;
	int rc;

	assert(rpc_buf_used(b) <= bytes_max);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n > room - total)
			return -ENOBUFS;
		total += parts[i].n;
	}
	rc = buf_reserve(b, total);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n > 0)
			memcpy(b->p + b->end, parts[i].p, parts[i].n);
		b->end += parts[i].n;
	}
	return 0;
}

int
rpc_buf_recv(struct rpc_buf *b, int fd)
{
	ssize_t n;
	int rc;

	if (rpc_buf_used(b) == 0 && b->bytes > 2 * BUF_BYTES_IDLE)
		rpc_buf_free(b);
	rc = buf_reserve(b, rpc_buf_used(b) < BUF_BYTES_FIRST ? BUF_BYTES_FIRST / 2
							      : RPC_READ_BYTES);
	if (rc < 0)
		return rc;
	do {
		n = recv(fd, b->p + b->end, b->bytes - b->end, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	b->end += (size_t)n;
	return (int)n;
}

int
rpc_buf_line(struct rpc_buf *b, struct str *ret_line)
{
	size_t used = rpc_buf_used(b), n;
	const char *line, *newline;

	if (used == 0)
		return 0;
	line = b->p + b->start;
	newline = memchr(line + b->scanned, '\n', used - b->scanned);
	n = newline != NULL ? (size_t)(newline - line) : used;
	if (n >= RPC_LINE_BYTES_MAX)
		return -EMSGSIZE;
	if (newline == NULL) {
		b->scanned = used;
		return 0;
	}
	/* The bytes stay where they are until b changes: taking only moves start. */
	buf_take(b, n + 1);
	if (n > 0 && line[n - 1] == '\r')
		n--;
	*ret_line = (struct str){ line, n };
	return 1;
}

int
rpc_buf_send(struct rpc_buf *b, int fd)
{
	while (rpc_buf_used(b) > 0) {
		ssize_t n;

		crash_point("rpc.send");
		n = send(fd, b->p + b->start, rpc_buf_used(b),
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		buf_take(b, (size_t)n);
	}
	if (b->bytes > BUF_BYTES_IDLE)
		rpc_buf_free(b);
	return 0;
}
