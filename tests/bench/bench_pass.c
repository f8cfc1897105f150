/*
 * What stands between a POS and a terminal costs time: plays both, and takes the time from the POS's
 * connect to the terminal's whole request, and to the POS's whole answer. Only loopback, one
 * payment at a time. Who stands between is started by tests/bench/bench-pass.
 *
 *	bench_pass NAME TERMINAL-PORT POS-PORT PAYMENTS
 *
 * TERMINAL-PORT is listened on; POS-PORT is connected to: the same for a direct connection, 0 for a
 * process of our own between the two that does nothing but copy, which is what any process costs.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAYMENTS_MAX 100000
#define REQUEST_BYTES 400u
#define ANSWER_BYTES 900u
#define HEAD_BYTES 4u
#define LIMIT_S 10

struct times {
	int64_t *request_ns, *answer_ns;
};

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* a clock that is there */
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void
set_up(int fd)
{
	const struct timeval limit = { .tv_sec = LIMIT_S };
	const int one = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		die("setsockopt");
}

static struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in a = loopback(port);
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 16) < 0)
		die("listen");
	return fd;
}

static int
connect_to(uint16_t port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		die("connect");
	set_up(fd);
	return fd;
}

static void
send_frame(int fd, size_t bytes, const char *body)
{
	uint8_t frame[HEAD_BYTES + ANSWER_BYTES];
	size_t n = strlen(body);

	memset(frame, ' ', sizeof(frame)); /* blanks behind JSON are JSON */
	frame[0] = frame[1] = 0;
	frame[2] = (uint8_t)(bytes >> 8);
	frame[3] = (uint8_t)bytes;
	memcpy(frame + HEAD_BYTES, body, n);
	if (send(fd, frame, HEAD_BYTES + bytes, MSG_NOSIGNAL) !=
	    (ssize_t)(HEAD_BYTES + bytes))
		die("send");
}

static void
receive_frame(int fd, size_t bytes)
{
	uint8_t frame[HEAD_BYTES + ANSWER_BYTES];

	for (size_t got = 0; got < HEAD_BYTES + bytes;) {
		ssize_t n = recv(fd, frame + got, HEAD_BYTES + bytes - got, 0);

		if (n <= 0)
			die("recv");
		got += (size_t)n;
	}
}

static void
pay(int listener, uint16_t port, const struct times *t, int i)
{
	int64_t begun = now_ns();
	int pos = connect_to(port), terminal;

	send_frame(
		pos, REQUEST_BYTES,
		"{\"type\":\"pay\",\"id\":\"1\",\"ticket\":\"t1\",\"rev\":1,\"amount\":"
		"100,\"currency\":\"EUR\"}");
	terminal = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (terminal < 0)
		die("accept");
	set_up(terminal);
	receive_frame(terminal, REQUEST_BYTES);
	t->request_ns[i] = now_ns() - begun;
	send_frame(terminal, ANSWER_BYTES, "{\"outcome\":\"approved\"}");
	receive_frame(pos, ANSWER_BYTES);
	t->answer_ns[i] = now_ns() - begun;
	(void)close(pos);      /* the payment is over */
	(void)close(terminal); /* as above */
}

/* Copies what there is. False: the connection has ended. */
static bool
copy(int from, int to)
{
	uint8_t data[2048];
	ssize_t n = recv(from, data, sizeof(data), 0);

	return n > 0 && send(to, data, (size_t)n, MSG_NOSIGNAL) == n;
}

/* The simplest process that can stand between: one connection after the other. */
static void
forward(int listener, uint16_t port)
{
	for (;;) {
		int pos = accept4(listener, NULL, NULL, SOCK_CLOEXEC), terminal;
		struct pollfd fds[2];
		bool on = true;

		if (pos < 0)
			die("accept");
		set_up(pos);
		terminal = connect_to(port);
		while (on) {
			fds[0] = (struct pollfd){ .fd = pos, .events = POLLIN };
			fds[1] = (struct pollfd){ .fd = terminal, .events = POLLIN };
			if (poll(fds, 2, LIMIT_S * 1000) <= 0)
				die("poll");
			if (fds[0].revents != 0)
				on = copy(pos, terminal);
			if (on && fds[1].revents != 0)
				on = copy(terminal, pos);
		}
		(void)close(pos);      /* over */
		(void)close(terminal); /* as above */
	}
}

/* Starts it; the port that it listens on. */
static uint16_t
start_forwarder(uint16_t terminal, pid_t *ret_pid)
{
	int listener = listen_on(0);
	struct sockaddr_in a;
	socklen_t bytes = sizeof(a);

	if (getsockname(listener, (struct sockaddr *)&a, &bytes) < 0)
		die("getsockname");
	*ret_pid = fork();
	if (*ret_pid < 0)
		die("fork");
	if (*ret_pid == 0)
		forward(listener, terminal);
	(void)close(listener); /* the child's */
	return ntohs(a.sin_port);
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
print(const char *name, const char *what, int64_t *ns, int n)
{
	qsort(ns, (size_t)n, sizeof(*ns), compare);
	printf("%-24s %-8s p50 %8.3f ms   p99 %8.3f ms   max %8.3f ms   (%d payments)\n",
	       name, what, (double)ns[n / 2] / 1e6, (double)ns[n * 99 / 100] / 1e6,
	       (double)ns[n - 1] / 1e6, n);
}

int
main(int argc, char **argv)
{
	long terminal = argc == 5 ? strtol(argv[2], NULL, 10) : 0;
	long pos = argc == 5 ? strtol(argv[3], NULL, 10) : 0;
	long n = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
	pid_t child = 0;
	struct times t;
	int listener;

	if (terminal < 1 || terminal > 65535 || pos < 0 || pos > 65535 || n < 1 ||
	    n > PAYMENTS_MAX) {
		fputs("usage: bench_pass NAME TERMINAL-PORT POS-PORT PAYMENTS\n", stderr);
		return EXIT_FAILURE;
	}
	t.request_ns = calloc((size_t)n, sizeof(*t.request_ns));
	t.answer_ns = calloc((size_t)n, sizeof(*t.answer_ns));
	if (t.request_ns == NULL || t.answer_ns == NULL)
		die("calloc");
	listener = listen_on((uint16_t)terminal);
	if (pos == 0)
		pos = start_forwarder((uint16_t)terminal, &child);
	for (int i = 0; i < 20; i++) /* the first ones find nothing warm */
		pay(listener, (uint16_t)pos, &t, 0);
	for (int i = 0; i < n; i++)
		pay(listener, (uint16_t)pos, &t, i);
	print(argv[1], "request", t.request_ns, (int)n);
	print(argv[1], "answer", t.answer_ns, (int)n);
	if (child > 0 && (kill(child, SIGKILL) < 0 || waitpid(child, NULL, 0) < 0))
		die("the process between");
	free(t.request_ns);
	free(t.answer_ns);
	return EXIT_SUCCESS;
}
