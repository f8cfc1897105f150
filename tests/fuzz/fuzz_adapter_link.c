/*
 * laned beside an adapter's host and a laned-bio that are hostile: the whole lane over its own sockets,
 * with members and journal on a disk in memory. Each line of the input is a message of the adapter, or of
 * laned-bio when it begins with '@'. Afterwards laned must answer a cashier, and must not blame its
 * journal.
 */
#include "base/keys.h"
#include "base/log.h"
#include "lane/lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 96u
#define ROUNDS_MAX 100000
#define LINES_MAX 64u
#define ANSWER_BYTES_MAX ((size_t)1 << 20)
#define BIO_MARK '@'

#define ADAPTER_HELLO                                                                    \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"adapter.hello\",\"params\":"         \
	"{\"environment\":\"test\",\"plugin\":\"p\",\"version\":\"1\",\"caps\":"         \
	"[\"pay\",\"query\",\"partial\",\"receipt\",\"refund\",\"confirm\","             \
	"\"terminal\",\"discount-lines\"]}}\n"
#define BIO_HELLO                                                                        \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"bio.hello\",\"params\":"             \
	"{\"version\":\"1\",\"environment\":\"test\",\"state\":{\"readers\":"            \
	"[{\"name\":\"r\",\"driver\":\"file\",\"state\":\"ready\"}],\"gallery\":"        \
	"{\"subjects\":0,\"references\":0,\"searchable\":true}}}}\n"
#define MEMBER                                                                           \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"members.add\",\"params\":"           \
	"{\"member\":{\"number\":\"1\",\"language\":\"en\",\"claims\":"                  \
	"[{\"kind\":\"card\",\"value\":\"C1\"}],\"tenders\":"                            \
	"[{\"kind\":\"card-token\",\"token\":\"t\"}]}}}\n"
#define STATUS                                                                           \
	"{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"lane.status\",\"params\":{}}" \
	"\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char root[64], conf_path[PATH_BYTES];

struct bench {
	struct loop *loop;
	struct lane *lane;
	int adapter, bio, control; /* our ends */
	char said[ANSWER_BYTES_MAX];
	size_t said_bytes;
};

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static void
remove_all(void)
{
	char command[PATH_BYTES];

	(void)snprintf(command, sizeof(command), "rm -rf %s", root); /* fits */
	(void)!system(command); /* nothing to do about it */
}

static void
prepare(void)
{
	char folder[PATH_BYTES];
	FILE *f;

	(void)snprintf(root, sizeof(root), "%s/fuzz_link.XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"); /* fits */
	require(mkdtemp(root) != NULL);
	require(atexit(remove_all) == 0);
	(void)snprintf(folder, sizeof(folder), "%s/state", root); /* fits */
	require(mkdir(folder, 0700) == 0);
	(void)snprintf(conf_path, sizeof(conf_path), "%s/laned.conf", root); /* fits */
	f = fopen(conf_path, "we");
	require(f != NULL);
	(void)fprintf(f,
		      "[lane]\nname = lane-1\nstore = s1\nenvironment = test\n"
		      "[privacy]\nprofile = us_other\n"
		      "[paths]\nrun = %s/run\nstate = %s/state\n"
		      "receipt_keys = %s/receipt.keys\n[adapter:drop]\nenabled = yes\n",
		      root, root, root); /* the next line tells */
	require(fclose(f) == 0);
	require(setenv("LANED_CONF_DIR", root, 1) == 0);
	log_open("fuzz", LOG_EMERG);
}

/* A journal of yesterday would be another input. */
static void
forget(void)
{
	static const char *const names[] = { "state/journal.db", "state/journal.db-wal",
					     "state/journal.db-shm" };
	char path[PATH_BYTES];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", root, names[i]); /* fits */
		(void)unlink(path); /* may not be there */
	}
}

static void
keep_answers(struct bench *b)
{
	char sink[65536];
	ssize_t n;

	while ((n = recv(b->control, b->said + b->said_bytes,
			 sizeof(b->said) - 1 - b->said_bytes, MSG_DONTWAIT)) > 0)
		b->said_bytes += (size_t)n;
	b->said[b->said_bytes] = '\0';
	while (recv(b->adapter, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
	while (recv(b->bio, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
}

static void
turn(struct bench *b)
{
	require(loop_once(b->loop, 0) == 0);
	keep_answers(b);
}

/* All of it, or until laned has shut that door. */
static void
say(struct bench *b, int fd, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (int i = 0; n > 0; i++) {
		ssize_t sent = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		require(i < ROUNDS_MAX);
		if (sent < 0 && errno != EAGAIN)
			break;
		p += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
		turn(b);
	}
	turn(b);
}

/* Asks, and turns until what is looked for was answered. */
static void
ask(struct bench *b, const char *line, const char *wanted)
{
	b->said_bytes = 0;
	b->said[0] = '\0';
	say(b, b->control, line, strlen(line));
	for (int i = 0; strstr(b->said, wanted) == NULL; i++) {
		require(i < ROUNDS_MAX);
		turn(b);
	}
}

static int
pair(int *ret_ours)
{
	int fds[2];

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	*ret_ours = fds[1];
	return fds[0];
}

static void
start(struct bench *b)
{
	struct lane_options o = { .conf_file = conf_path };

	forget();
	b->said_bytes = 0;
	require(loop_new(&b->loop) == 0);
	o.loop = b->loop;
	require(keys_load(conf_path, &o.conf) == 0);
	o.adapter_fd = pair(&b->adapter);
	o.bio_fd = pair(&b->bio);
	o.control_fd = pair(&b->control);
	require(lane_new(&o, &b->lane) == 0);
}

static void
stop(struct bench *b)
{
	(void)close(b->adapter); /* sockets */
	(void)close(b->bio);
	(void)close(b->control);
	lane_free(b->lane);
	loop_free(b->loop);
}

static void
play(struct bench *b, const uint8_t *data, size_t size)
{
	for (unsigned i = 0; i < LINES_MAX && size > 0; i++) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end == NULL ? size : (size_t)(end - data) + 1;
		bool bio = data[0] == BIO_MARK;

		say(b, bio ? b->bio : b->adapter, data + bio, n - bio);
		data += n;
		size -= n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bench b;

	if (root[0] == '\0')
		prepare();
	start(&b);
	ask(&b, MEMBER, "\"id\":1"); /* the cache keeps it: refused from then on */
	say(&b, b.bio, BIO_HELLO, strlen(BIO_HELLO));
	say(&b, b.adapter, ADAPTER_HELLO, strlen(ADAPTER_HELLO));
	play(&b, data, size);
	ask(&b, STATUS, "\"last\"");
	require(strstr(b.said, "\"result\"") != NULL);
	require(strstr(b.said, "\"journal_failed\":false") != NULL);
	stop(&b);
	return 0;
}
