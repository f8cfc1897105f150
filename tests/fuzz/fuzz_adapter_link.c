/*
 * laned beside an adapter's host and a laned-bio that are hostile: the whole lane over its own sockets,
 * with members and journal on a disk in memory. Each line of the input is a message of the adapter, or of
 * laned-bio when it begins with '@'; a first line of '#' has the adapter pose as a terminal, for which a
 * POS asks. Afterwards laned must answer a cashier, and must not blame its
 * journal.
 */
#include "base/keys.h"
#include "base/log.h"
#include "lane/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 96u
#define ROUNDS_MAX 100000
#define LINES_MAX 64u
#define LINE_BYTES_MAX 16384u
#define SAID_BYTES_MAX ((size_t)256 << 10)
#define FILE_BYTES_MAX ((size_t)1 << 20)
#define NAME_BYTES 64u
#define BIO_MARK '@'
#define TERMINAL_MARK '#'

#define MESSAGE(id, method, params)                                                      \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method                        \
	"\",\"params\":" params "}\n"
#define ADAPTER_HELLO(more)                                                              \
	MESSAGE("1", "adapter.hello",                                                    \
		"{\"environment\":\"test\",\"plugin\":\"p\",\"version\":\"1\",\"caps\":" \
		"[\"pay\",\"query\",\"partial\",\"receipt\",\"refund\","                 \
		"\"confirm\"," more "\"discount-lines\"]}")
#define PAYER_HELLO ADAPTER_HELLO("")
#define TERMINAL_HELLO ADAPTER_HELLO("\"terminal\",")
#define BIO_HELLO                                                                        \
	MESSAGE("1", "bio.hello",                                                        \
		"{\"version\":\"1\",\"environment\":\"test\",\"state\":{\"readers\":"    \
		"[{\"name\":\"r\",\"driver\":\"file\",\"state\":\"ready\"}],"            \
		"\"gallery\":{\"subjects\":0,\"references\":0,\"searchable\":true}}}")
#define MEMBER                                                                           \
	MESSAGE("1", "members.add",                                                      \
		"{\"member\":{\"number\":\"1\",\"language\":\"en\",\"claims\":"          \
		"[{\"kind\":\"card\",\"value\":\"C1\"}],\"tenders\":"                    \
		"[{\"kind\":\"card-token\",\"token\":\"t\"}]}}")
#define ENROL                                                                            \
	MESSAGE("2", "enrol.begin",                                                      \
		"{\"member\":\"1\",\"consent\":{\"text_version\":\"1\","                 \
		"\"language\":\"en\",\"signed\":true,\"payment\":true}}")
#define SHOW MESSAGE("4", "members.show", "{\"member\":\"1\"}")
#define STATUS MESSAGE("\"last\"", "lane.status", "{}")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One of our ends, and what laned said there since it was last forgotten. */
struct end {
	int fd;
	char said[SAID_BYTES_MAX];
	size_t said_bytes;
};

struct bench {
	struct loop *loop;
	struct lane *lane;
	struct end adapter, bio, control;
};

/* A file of the state folder as every input finds it. */
static struct kept {
	const char *name;
	uint8_t bytes[FILE_BYTES_MAX];
	size_t n;
} kept[] = { { .name = "cache.db" }, { .name = "journal.db" } };
#define KEPT (sizeof(kept) / sizeof(kept[0]))

static char root[64], conf_path[PATH_BYTES];
static char subject[NAME_BYTES]; /* whose finger the member's is */

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
make_folder(void)
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

/* ---- the sockets ---------------------------------------------------------------- */

static void
hear(struct end *e)
{
	ssize_t n;

	if (e->said_bytes > sizeof(e->said) / 2)
		e->said_bytes = 0; /* nobody has waited for that */
	while ((n = recv(e->fd, e->said + e->said_bytes,
			 sizeof(e->said) - 1 - e->said_bytes, MSG_DONTWAIT)) > 0)
		e->said_bytes += (size_t)n;
	e->said[e->said_bytes] = '\0';
}

static void
turn(struct bench *b)
{
	require(loop_once(b->loop, 0) == 0);
	hear(&b->control);
	hear(&b->adapter);
	hear(&b->bio);
}

/* All of it, or until laned has shut that door. */
static void
say(struct bench *b, struct end *e, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (int i = 0; n > 0; i++) {
		ssize_t sent = send(e->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		require(i < ROUNDS_MAX);
		if (sent < 0 && errno != EAGAIN)
			break;
		p += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
		turn(b);
	}
	turn(b);
}

/* Turns until e has said wanted. */
static void
await(struct bench *b, const struct end *e, const char *wanted)
{
	for (int i = 0; strstr(e->said, wanted) == NULL; i++) {
		require(i < ROUNDS_MAX);
		turn(b);
	}
}

static void
ask(struct bench *b, struct end *e, const char *line, const char *wanted)
{
	e->said_bytes = 0;
	e->said[0] = '\0';
	say(b, e, line, strlen(line));
	await(b, e, wanted);
}

/* The text behind the last name of what e has said, up to end; empty when there is none. */
static void
last_of(const struct end *e, const char *name, const char *ends, char text[NAME_BYTES])
{
	const char *at = NULL;
	size_t n;

	for (const char *p = e->said; (p = strstr(p, name)) != NULL; p += strlen(name))
		at = p + strlen(name);
	n = at == NULL ? 0 : strcspn(at, ends);
	if (n >= NAME_BYTES)
		n = 0;
	memcpy(text, at == NULL ? "" : at, n);
	text[n] = '\0';
}

static int
pair(struct end *e)
{
	int fds[2];

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	e->fd = fds[1];
	e->said_bytes = 0;
	e->said[0] = '\0';
	return fds[0];
}

/* ---- the lane --------------------------------------------------------------------- */

static void
start(struct bench *b, const char *hello)
{
	struct lane_options o = { .conf_file = conf_path };

	require(loop_new(&b->loop) == 0);
	o.loop = b->loop;
	require(keys_load(conf_path, &o.conf) == 0);
	o.adapter_fd = pair(&b->adapter);
	o.bio_fd = pair(&b->bio);
	o.control_fd = pair(&b->control);
	require(lane_new(&o, &b->lane) == 0);
	say(b, &b->bio, BIO_HELLO, strlen(BIO_HELLO));
	say(b, &b->adapter, hello, strlen(hello));
}

static void
stop(struct bench *b)
{
	(void)close(b->adapter.fd); /* sockets */
	(void)close(b->bio.fd);
	(void)close(b->control.fd);
	lane_free(b->lane);
	loop_free(b->loop);
}

/* Opens a file of the state folder, without its log of writes. */
static int
open_state(const char *name, int flags)
{
	static const char *const tails[] = { "-wal", "-shm" };
	char path[PATH_BYTES], beside[PATH_BYTES + 8];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/state/%s", root, name); /* fits */
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		(void)snprintf(beside, sizeof(beside), "%s%s", path, tails[i]); /* fits */
		(void)unlink(beside); /* may not be there */
	}
	fd = open(path, flags | O_CLOEXEC);
	require(fd >= 0);
	return fd;
}

static void
answer_bio(struct bench *b, const char *method, const char *result)
{
	char asked[NAME_BYTES], id[NAME_BYTES], line[LINE_BYTES_MAX];

	(void)snprintf(asked, sizeof(asked), "\"method\":\"%s\"", method); /* fits */
	await(b, &b->bio, asked);
	last_of(&b->bio, "\"id\":", ",", id);
	(void)snprintf(line, sizeof(line),
		       "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\n", id,
		       result); /* fits */
	say(b, &b->bio, line, strlen(line));
}

/* A member with a finger and a token; cache and journal of that lane are where each input begins. */
static void
prepare(struct bench *b)
{
	char session[NAME_BYTES], line[LINE_BYTES_MAX];
	ssize_t n;
	int fd;

	make_folder();
	start(b, PAYER_HELLO);
	ask(b, &b->control, MEMBER, "\"result\"");
	say(b, &b->control, ENROL, strlen(ENROL));
	answer_bio(b, "enrol.begin", "{}");
	await(b, &b->control, "\"session\":\"");
	last_of(&b->control, "\"session\":\"", "\"", session);
	(void)snprintf(line, sizeof(line),
		       MESSAGE("3", "enrol.commit", "{\"session\":\"%s\"}"),
		       session); /* fits */
	say(b, &b->control, line, strlen(line));
	answer_bio(b, "enrol.commit", "{\"references\":2}");
	await(b, &b->control, "\"id\":3");
	ask(b, &b->control, SHOW, "\"subjects\":[\"");
	last_of(&b->control, "\"subjects\":[\"", "\"", subject);
	stop(b);
	for (size_t i = 0; i < KEPT; i++) {
		fd = open_state(kept[i].name, O_RDONLY);
		n = read(fd, kept[i].bytes, sizeof(kept[i].bytes));
		require(n > 0 && (size_t)n < sizeof(kept[i].bytes));
		kept[i].n = (size_t)n;
		(void)close(fd); /* read only */
	}
}

static void
restore(void)
{
	for (size_t i = 0; i < KEPT; i++) {
		int fd = open_state(kept[i].name, O_WRONLY | O_TRUNC);

		require(write(fd, kept[i].bytes, kept[i].n) == (ssize_t)kept[i].n);
		(void)close(fd); /* only a fuzzer's file */
	}
}

/* ---- the input -------------------------------------------------------------------- */

/*
 * The line with what no input can know: $K and $R are key and number of what the adapter was asked for
 * last, $S the member's finger.
 */
static size_t
fill_in(const struct bench *b, const uint8_t *line, size_t n, char out[LINE_BYTES_MAX])
{
	char text[NAME_BYTES];
	size_t used = 0;

	for (size_t i = 0; i < n && used < LINE_BYTES_MAX - NAME_BYTES; i++) {
		char next = i + 1 < n ? (char)line[i + 1] : '\0';

		if (line[i] != '$' || next == '\0' || strchr("KRS", next) == NULL) {
			out[used++] = (char)line[i];
			continue;
		}
		if (next == 'K')
			last_of(&b->adapter, "\"key\":\"", "\"", text);
		else if (next == 'R')
			last_of(&b->adapter, "\"req\":", ",", text);
		else
			(void)snprintf(text, sizeof(text), "%s", subject); /* fits */
		memcpy(out + used, text, strlen(text));
		used += strlen(text);
		i++;
	}
	return used;
}

static void
play(struct bench *b, const uint8_t *data, size_t size)
{
	static char line[LINE_BYTES_MAX];

	for (unsigned i = 0; i < LINES_MAX && size > 0; i++) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end == NULL ? size : (size_t)(end - data) + 1;
		bool bio = data[0] == BIO_MARK;

		say(b, bio ? &b->bio : &b->adapter, line,
		    fill_in(b, data + bio, n - bio, line));
		data += n;
		size -= n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bench b;
	bool terminal = size > 0 && data[0] == TERMINAL_MARK;

	if (root[0] == '\0')
		prepare(&b);
	restore();
	start(&b, terminal ? TERMINAL_HELLO : PAYER_HELLO);
	play(&b, data + terminal, size - terminal);
	ask(&b, &b.control, STATUS, "\"last\"");
	require(strstr(b.control.said, "\"result\"") != NULL);
	require(strstr(b.control.said, "\"journal_failed\":false") != NULL);
	stop(&b);
	return 0;
}
