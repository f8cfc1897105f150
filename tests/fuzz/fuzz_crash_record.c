/*
 * The crash record, which an adapter's user may have written: a good one with the input's bytes over it
 * from the offset of its first two, or, when that is beyond it, the bytes themselves. And the name of a
 * keyboard, which a configuration holds.
 */
#include "adapter/crash_record.h"
#include "adapter/typing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64], path[80];
static uint8_t good[FILE_BYTES_MAX];
static size_t good_bytes;

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static void
clean_up(void)
{
	(void)unlink(path); /* may not be there */
	(void)rmdir(dir);   /* as above */
}

/* A record of three deaths. */
static void
prepare(void)
{
	struct crash_record *r;
	int fd;
	ssize_t n;

	(void)snprintf(dir, sizeof(dir), "/tmp/fuzz-crash-XXXXXX"); /* fits */
	require(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/record", dir); /* fits */
	(void)atexit(clean_up);                               /* 32 are guaranteed */
	for (int i = 0; i < 4; i++) {
		require(crash_record_open(path, &r) == 0 && crash_record_error(r) == 0);
		crash_record_plugin(r, "drop", "1.0", "00112233445566778899aabb");
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, good, sizeof(good));
		require(n > 0);
		good_bytes = (size_t)n;
		(void)close(fd); /* read only */
		crash_record_close(
			r); /* in order, so what was read is put back: a death */
		fd = open(path, O_WRONLY | O_CLOEXEC);
		require(write(fd, good, good_bytes) == (ssize_t)good_bytes);
		(void)close(fd); /* written above */
	}
}

static void
put(const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)close(fd); /* written above */
}

static void
check_texts(const struct crash_death *d)
{
	char words[CRASH_DOING_BYTES];

	require(strnlen(d->plugin, sizeof(d->plugin)) < sizeof(d->plugin));
	require(strnlen(d->version, sizeof(d->version)) < sizeof(d->version));
	require(strnlen(d->build_id, sizeof(d->build_id)) < sizeof(d->build_id));
	require(d->how < CRASH_HOWS && d->doing < CRASH_DOINGS && d->at_wall_ms >= 0);
	require(strlen(crash_how_name(d->how)) > 0 &&
		strlen(crash_signal_name(d->signal)) > 0);
	crash_doing_words(d->doing, d->request, words);
	require(words[0] != '\0');
}

static void
try_keyboard(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct typing_setting s = { TYPING_US, TYPING_PACE_MS };
	char why[TYPING_WHY_BYTES];
	struct typing_step step;
	struct typing t;

	(void)typing_setting_parse(text, &s, why); /* else the default */
	require(s.layout < TYPING_LAYOUTS && s.pace_ms >= 1 &&
		s.pace_ms <= TYPING_PACE_MAX_MS);
	if (typing_begin(&t, &s, text) < 0)
		return;
	while (typing_next(&t, &step))
		require(step.count > 0 && step.count <= TYPING_EVENTS_MAX);
	require(t.typed == size && !t.pressed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[FILE_BYTES_MAX];
	struct crash_record *r;
	size_t at, n;

	if (good_bytes == 0)
		prepare();
	try_keyboard(data, size);
	if (size < 2 || size > FILE_BYTES_MAX)
		return 0;
	at = (size_t)(data[0] | data[1] << 8);
	n = size - 2;
	if (at >= good_bytes) {
		put(data + 2, n);
	} else {
		memcpy(file, good, good_bytes);
		memcpy(file + at, data + 2, n < good_bytes - at ? n : good_bytes - at);
		put(file, good_bytes);
	}
	require(crash_record_open(path, &r) == 0);
	for (unsigned i = 0; i < crash_record_deaths(r); i++)
		check_texts(crash_record_death(r, i));
	crash_record_close(r);
	return 0;
}
