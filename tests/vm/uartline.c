/*
 * uartline ADDRESS: opens a serial line by laned-adapter's own code and says what comes of it, a line an
 * event: "opened", "data HEX", "lines N" (enum stream_lines), "closed ERRNO". For tests/vm, where the
 * line has a UART behind it. Told by its standard input: "send HEX", "modem MASK LINES"; ended by its end.
 */
#include "base/stream.h"

#include "base/plain/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORD_BYTES_MAX 16384u

struct line {
	struct loop *loop;
	struct streams *streams;
	struct stream *stream;
	struct loop_io *in;
	char said[WORD_BYTES_MAX];
	size_t used;
};

static void
on_opened(void *ctx)
{
	(void)ctx;
	puts("opened");
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	(void)ctx;
	fputs("data ", stdout);
	for (size_t i = 0; i < n; i++)
		printf("%02x", data[i]);
	putchar('\n');
}

static void
on_modem(void *ctx, unsigned lines)
{
	(void)ctx;
	printf("lines %u\n", lines);
}

static void
on_closed(void *ctx, int err)
{
	struct line *l = ctx;

	printf("closed %d\n", -err);
	loop_stop(l->loop);
}

static int
obey(struct line *l, char *text)
{
	static uint8_t bytes[WORD_BYTES_MAX / 2];
	unsigned mask, lines;
	size_t n = strlen(text);

	if (strncmp(text, "send ", 5) == 0) {
		struct str hex = { text + 5, n - 5 };

		if (hex_decode(bytes, hex.n / 2, hex) < 0)
			return -EINVAL;
		return stream_send(l->stream, bytes, hex.n / 2);
	}
	if (sscanf(text, "modem %u %u", &mask, &lines) != 2)
		return -EINVAL;
	return stream_modem(l->stream, mask, lines);
}

static void
on_input(void *ctx, unsigned events)
{
	struct line *l = ctx;
	ssize_t n = read(STDIN_FILENO, l->said + l->used, sizeof(l->said) - l->used);
	char *end;

	(void)events;
	if (n <= 0) {
		loop_stop(l->loop);
		return;
	}
	l->used += (size_t)n;
	while ((end = memchr(l->said, '\n', l->used)) != NULL) {
		size_t bytes = (size_t)(end - l->said) + 1;

		*end = '\0';
		printf("did %d\n", obey(l, l->said));
		memmove(l->said, l->said + bytes, l->used - bytes);
		l->used -= bytes;
	}
}

static int
begin(struct line *l, const char *setting)
{
	static const struct stream_events events = { .opened = on_opened,
						     .data = on_data,
						     .modem = on_modem,
						     .closed = on_closed };
	char why[STREAM_WHY_BYTES] = "";
	struct address a;
	int rc = loop_new(&l->loop);

	if (rc == 0)
		rc = streams_new(l->loop, NULL, &l->streams);
	if (rc == 0)
		rc = address_parse((struct str){ setting, strlen(setting) }, &a, why);
	if (rc == 0)
		rc = stream_open(l->streams, &a, &events, l, &l->stream, why);
	if (rc == 0)
		rc = loop_io_new(l->loop, STDIN_FILENO, LOOP_READ, on_input, l, &l->in);
	if (rc < 0)
		fprintf(stderr, "uartline: %d %s\n", rc, why);
	return rc;
}

int
main(int argc, char **argv)
{
	static struct line l;
	int rc;

	if (argc != 2)
		return 64;
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* else the reader waits */
	rc = begin(&l, argv[1]);
	if (rc == 0)
		rc = loop_run(l.loop);
	l.in = loop_io_free(l.in);
	l.stream = stream_free(l.stream);
	l.streams = streams_free(l.streams);
	l.loop = loop_free(l.loop);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
