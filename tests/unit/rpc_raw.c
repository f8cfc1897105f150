#include "rpc_raw.h"

#include <errno.h>
#include <sys/socket.h>

void
raw_send(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 (ssize_t)strlen(text));
}

void
raw_line(struct loop *loop, int fd, char *buf, size_t bytes)
{
	size_t n = 0;

	for (int rounds = 0; n + 1 < bytes; rounds++) {
		ssize_t got = recv(fd, buf + n, 1, MSG_DONTWAIT);

		ck_assert_int_lt(rounds, ROUNDS_MAX * 64);
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			break;
		if (got < 0) {
			ck_assert_int_eq(loop_once(loop, 1), 0);
			continue;
		}
		if (buf[n] == '\n')
			break;
		n++;
	}
	buf[n] = '\0';
}
