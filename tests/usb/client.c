/*
 * reader-client: readers of the driver `usb` in a loop of ours, conducted by a test over a socket.
 * It is what laned-bio does with them and nothing else, so that what is counted here is the
 * drivers' own: wakeups of the loop, descriptors, memory.
 *
 *	reader-client FD
 *
 * Commands, each answered by one line `ok ...` or `error TEXT`:
 *	open NAME [port=P] [serial=S] [dpi=N] [frames=N] [extract=1]
 *	                      frames: how many images of a presentation it asks for (1)
 *	close NAME
 *	show NAME             ok state=S why=W captures=N errors=N resets=N replugs=N id=I port=P serial=S
 *	attached              ok, and for each one id,port,serial
 *	count                 ok wakeups=N descriptors=N bytes=N: of the whole process
 *	quit
 * Events, with the microseconds of the monotonic clock as their last word:
 *	state NAME STATE WHY / touched NAME / sample NAME WIDTH HEIGHT SUM / failed NAME WHY /
 *	lifted NAME / template NAME MINUTIAE MICROSECONDS
 * What has no value is a dash; blanks within a value are underscores. SUM is a sum of the pixels.
 */
#include "base/log.h"
#include "base/loop.h"
#include "base/plain/str.h"
#include "bio/finger/finger.h"
#include "bio/usb/reader_usb.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define READERS_MAX 4u
#define LINE_BYTES_MAX 512u
#define WORDS_MAX 8u
#define ATTACHED_MAX 8u

struct subject {
	char name[32], port[32], serial[64];
	struct reader_options options;
	struct reader *reader; /* NULL: free */
	unsigned frames, frames_left;
	bool extract;
};

static struct {
	struct loop *loop;
	struct loop_io *io;
	struct finger_extractor *extractor;
	int fd;
	char line[LINE_BYTES_MAX];
	size_t line_used;
	struct subject subjects[READERS_MAX];
} client;

/* Sanitizers keep the books of the memory themselves. */
__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

static int64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* One line; the socket blocks for writing, and the test reads all the time. */
__attribute__((format(printf, 1, 2))) static void
answer(const char *fmt, ...)
{
	char text[LINE_BYTES_MAX];
	size_t bytes, sent = 0;
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text) - 1, fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	bytes = strlen(text);
	text[bytes++] = '\n';
	while (sent < bytes) {
		ssize_t n = write(client.fd, text + sent, bytes - sent);

		if (n < 0)
			exit(EXIT_FAILURE);
		sent += (size_t)n;
	}
}

/* A value as one word. */
static const char *
word(const char *s, char buf[LINE_BYTES_MAX / 4])
{
	size_t n = s == NULL ? 0 : strnlen(s, LINE_BYTES_MAX / 4 - 1);

	if (n == 0)
		return "-";
	for (size_t i = 0; i < n; i++)
		buf[i] = s[i];
	buf[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (buf[i] == ' ')
			buf[i] = '_';
	return buf;
}

/* ---- what the readers tell ----------------------------------------------------------------- */

static struct subject *
subject_of(const struct reader *r)
{
	for (size_t i = 0; i < READERS_MAX; i++)
		if (client.subjects[i].options.name == r->options->name)
			return &client.subjects[i];
	abort();
}

static void
on_changed(void *ctx, struct reader *r)
{
	char buf[LINE_BYTES_MAX / 4];

	(void)ctx;
	answer("state %s %s %s %lld", r->options->name, reader_state_name(r->state),
	       word(r->why, buf), (long long)now_us());
}

static void
on_touched(void *ctx, struct reader *r)
{
	struct subject *s = subject_of(r);

	(void)ctx;
	s->frames_left = s->frames;
	answer("touched %s %lld", s->name, (long long)now_us());
}

static void
extract(const struct subject *s, const struct sample *sample)
{
	static struct finger_features features;
	int64_t begun = now_us(), done;
	int rc = finger_extract(client.extractor, sample, &features);

	done = now_us();
	answer("template %s %d %lld %lld", s->name, rc < 0 ? rc : (int)features.count,
	       (long long)(done - begun), (long long)done);
}

static bool
on_sample(void *ctx, struct reader *r, struct sample *sample)
{
	struct subject *s = subject_of(r);
	int64_t arrived = now_us();
	uint32_t sum = 0;

	(void)ctx;
	for (size_t i = 0; i < (size_t)sample->width * sample->height; i++)
		sum = sum * 31 + sample->grey[i];
	answer("sample %s %u %u %08x %lld", s->name, (unsigned)sample->width,
	       (unsigned)sample->height, (unsigned)sum, (long long)arrived);
	if (s->extract)
		extract(s, sample);
	sample_free(sample);
	return s->frames_left > 1 && s->frames_left-- > 1;
}

static void
on_failed(void *ctx, struct reader *r, const char *why)
{
	char buf[LINE_BYTES_MAX / 4];

	(void)ctx;
	answer("failed %s %s %lld", r->options->name, word(why, buf),
	       (long long)now_us());
}

static void
on_lifted(void *ctx, struct reader *r)
{
	(void)ctx;
	answer("lifted %s %lld", r->options->name, (long long)now_us());
}

/* ---- commands ------------------------------------------------------------------------------ */

static struct subject *
find(const char *name)
{
	for (size_t i = 0; i < READERS_MAX; i++)
		if (client.subjects[i].reader != NULL &&
		    strcmp(client.subjects[i].name, name) == 0)
			return &client.subjects[i];
	return NULL;
}

/* The value of "key=value" when that is the key. */
static const char *
value_of(const char *text, const char *key)
{
	size_t n = strlen(key);

	return strncmp(text, key, n) == 0 && text[n] == '=' ? text + n + 1 : NULL;
}

static bool
take_option(struct subject *s, const char *text)
{
	const char *v;

	if ((v = value_of(text, "port")) != NULL)
		return str_copy(s->port, sizeof(s->port), str_of(v)) == 0;
	if ((v = value_of(text, "serial")) != NULL)
		return str_copy(s->serial, sizeof(s->serial), str_of(v)) == 0;
	if ((v = value_of(text, "dpi")) != NULL)
		s->options.dpi = (uint32_t)strtoul(v, NULL, 10);
	else if ((v = value_of(text, "frames")) != NULL)
		s->frames = (unsigned)strtoul(v, NULL, 10);
	else if ((v = value_of(text, "extract")) != NULL)
		s->extract = *v == '1';
	return v != NULL;
}

static void
do_open(char *const words[], size_t count)
{
	static const struct reader_events events = { on_touched, on_sample,  on_failed,
						     on_lifted,  on_changed, NULL };
	struct subject *s = client.subjects;
	bool ok = true;
	int rc;

	while (s < client.subjects + READERS_MAX && s->reader != NULL)
		s++;
	if (s == client.subjects + READERS_MAX || count < 2) {
		answer("error no room");
		return;
	}
	*s = (struct subject){ .frames = 1 };
	ok = str_copy(s->name, sizeof(s->name), str_of(words[1])) == 0;
	for (size_t i = 2; i < count; i++)
		ok = ok && take_option(s, words[i]);
	s->options.name = s->name;
	s->options.port = s->port;
	s->options.serial = s->serial;
	rc = ok ? reader_usb_open(client.loop, &s->options, NULL, &events, &s->reader)
		: -EINVAL;
	if (rc < 0)
		answer("error %s", strerror(-rc));
	else
		answer("ok");
}

static void
do_close(struct subject *s)
{
	s->reader = reader_usb.close(s->reader);
	answer("ok");
}

static void
do_show(const struct subject *s)
{
	const struct reader *r = s->reader;
	char why[LINE_BYTES_MAX / 4], serial[LINE_BYTES_MAX / 4];

	answer("ok state=%s why=%s captures=%llu errors=%llu resets=%llu replugs=%llu "
	       "id=%s "
	       "port=%s serial=%s",
	       reader_state_name(r->state), word(r->why, why),
	       (unsigned long long)r->captures, (unsigned long long)r->errors,
	       (unsigned long long)r->resets, (unsigned long long)r->replugs,
	       r->device.id[0] == '\0' ? "-" : r->device.id,
	       r->device.port[0] == '\0' ? "-" : r->device.port,
	       word(r->device.serial, serial));
}

static void
do_attached(void)
{
	struct reader_device found[ATTACHED_MAX];
	size_t n = reader_usb.attached(found, ATTACHED_MAX);
	char text[LINE_BYTES_MAX - 8];
	struct strbuf b;

	strbuf_init(&b, text, sizeof(text));
	for (size_t i = 0; i < n; i++)
		strbuf_addf(&b, " %s,%s,%s", found[i].id, found[i].port, found[i].serial);
	answer("ok%s", text);
}

static void
do_count(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned descriptors = 0;
	size_t bytes = __sanitizer_get_current_allocated_bytes != NULL
			       ? __sanitizer_get_current_allocated_bytes()
			       : mallinfo2().uordblks;

	while (d != NULL && readdir(d) != NULL)
		descriptors++;
	if (d != NULL)
		(void)closedir(d); /* read only */
	answer("ok wakeups=%llu descriptors=%u bytes=%zu",
	       (unsigned long long)loop_wakeups(client.loop), descriptors, bytes);
}

static void
command(char *line)
{
	char *words[WORDS_MAX], *save = NULL;
	struct subject *s = NULL;
	size_t n = 0;

	for (char *w = strtok_r(line, " ", &save); w != NULL && n < WORDS_MAX;
	     w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	if (n >= 2)
		s = find(words[1]);
	if (n == 0)
		return;
	if (strcmp(words[0], "open") == 0)
		do_open(words, n);
	else if (strcmp(words[0], "close") == 0 && s != NULL)
		do_close(s);
	else if (strcmp(words[0], "show") == 0 && s != NULL)
		do_show(s);
	else if (strcmp(words[0], "attached") == 0)
		do_attached();
	else if (strcmp(words[0], "count") == 0)
		do_count();
	else if (strcmp(words[0], "quit") == 0)
		loop_stop(client.loop);
	else
		answer("error what?");
}

/* A bite at a time: what does not fit a line is the test's own mistake. */
static void
on_readable(void *ctx, unsigned events)
{
	ssize_t n = read(client.fd, client.line + client.line_used,
			 sizeof(client.line) - client.line_used - 1);
	char *end;

	(void)ctx;
	(void)events;
	if (n <= 0) {
		loop_stop(client.loop);
		return;
	}
	client.line_used += (size_t)n;
	client.line[client.line_used] = '\0';
	while ((end = strchr(client.line, '\n')) != NULL) {
		*end = '\0';
		command(client.line);
		client.line_used -= (size_t)(end + 1 - client.line);
		memmove(client.line, end + 1, client.line_used + 1);
	}
}

int
main(int argc, char **argv)
{
	const char *level = getenv("LOG_LEVEL");
	int log_level = LOG_INFO;

	if (argc != 2)
		return EXIT_FAILURE;
	if (level != NULL)
		(void)log_level_parse(level, &log_level); /* else info */
	log_open("reader-client", log_level);
	client.fd = (int)strtol(argv[1], NULL, 10);
	client.extractor = finger_extractor_new();
	if (client.extractor == NULL || loop_new(&client.loop) < 0 ||
	    loop_io_new(client.loop, client.fd, LOOP_READ, on_readable, NULL,
			&client.io) < 0 ||
	    loop_run(client.loop) < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < READERS_MAX; i++)
		client.subjects[i].reader = reader_usb.close(client.subjects[i].reader);
	client.io = loop_io_free(client.io);
	client.loop = loop_free(client.loop);
	client.extractor = finger_extractor_free(client.extractor);
	return EXIT_SUCCESS;
}
