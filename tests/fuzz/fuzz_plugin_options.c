/*
 * The file that says which options a plug-in has: what is taken is a table that a configuration can be
 * read by, as laned -t and laned-adapter do with it.
 */
#include "base/conf.h"
#include "base/plugin_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_BYTES_MAX ((size_t)16 << 20)
#define SECTION "adapter:x"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64], plugin[80], options[80], conf[80];

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static void
clean_up(void)
{
	(void)unlink(options); /* may not be there */
	(void)unlink(conf);    /* as above */
	(void)rmdir(dir);      /* as above */
}

static void
put(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)close(fd); /* only a fuzzer's file */
}

static void
prepare(void)
{
	static const char text[] = "[" SECTION "]\na = 1\n";

	(void)snprintf(dir, sizeof(dir), "%s/fuzz-options-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"); /* fits */
	require(mkdtemp(dir) != NULL && atexit(clean_up) == 0);
	(void)snprintf(plugin, sizeof(plugin), "%s/x.so", dir);             /* fits */
	(void)snprintf(options, sizeof(options), "%s/x.options.json", dir); /* as above */
	(void)snprintf(conf, sizeof(conf), "%s/x.conf", dir);               /* as above */
	put(conf, text, sizeof(text) - 1);
}

/* Without the sentences about what is wrong, which are for people. */
static int
read_quietly(struct arena *arena, struct plugin_options *o)
{
	int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int rc;

	require(kept >= 0 && nowhere >= 0 && dup2(nowhere, STDERR_FILENO) >= 0);
	rc = plugin_options_read(plugin, SECTION, arena, o);
	require(dup2(kept, STDERR_FILENO) >= 0);
	(void)close(kept);    /* a copy */
	(void)close(nowhere); /* nothing was written */
	return rc;
}

static void
check_value(void *ctx, const struct conf_key *key, const char *section, const char *value,
	    const char *origin)
{
	(void)ctx;
	(void)origin;
	require(key->name[0] != '\0' && strcmp(section, SECTION) == 0);
	require(value == NULL || strlen(value) < ARENA_BYTES_MAX);
}

/* As the adapter's configuration is read: no assertion of conf.c may see such a table. */
static void
use(const struct plugin_options *o)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	struct conf *c = NULL;
	int rc;

	require(errors != NULL);
	rc = conf_load(o->rows, o->count, conf, NULL, errors, &c);
	require(rc == 0 || (rc == -EBADMSG && errors->total > 0) || rc == -ENOMEM);
	if (rc == 0)
		conf_each(c, check_value, NULL);
	conf_free(c);
	free(errors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct plugin_options o;
	struct arena *arena = arena_new(ARENA_BYTES_MAX);
	int rc;

	require(arena != NULL);
	if (dir[0] == '\0')
		prepare();
	put(options, data, size);
	rc = read_quietly(arena, &o);
	require(rc == 0 || rc == -EPROTO || rc == -EBADMSG || rc == -EFBIG ||
		rc == -ENOMEM);
	require(o.count <= PLUGIN_OPTIONS_MAX);
	if (rc == 0)
		use(&o);
	(void)arena_free(arena); /* gives NULL */
	return 0;
}
