/* A hostile or mangled configuration file. */
#include "base/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct conf_key table[] = {
	{ "lane", "number", CONF_INT, 1, 999, "1", NULL, "Number.", false },
	{ "lane", "title", CONF_STRING, 0, 40, "", NULL, "Title.", true },
	{ "lane", "training", CONF_BOOL, 0, 0, "no", NULL, "Training.", true },
	{ "pay", "limit", CONF_MONEY, -500, 100000, "50.00", NULL, "Limit.", true },
	{ "pay", "timeout", CONF_DURATION, 250, 900000, "30s", NULL, "Time-out.", true },
	{ "pay", "tax", CONF_ENUM, 0, 0, "eu", "us_strict|us_tx|eu", "Tax.", false },
	{ "pay", "rate", CONF_RATE, 1, 100000000, "1e-6", NULL, "Rate.", true },
	{ "adapter:*", "path", CONF_PATH, 0, 150, "", NULL, "Path.", false },
};
#define COUNT (sizeof(table) / sizeof(table[0]))

static void
require(bool fact)
{
	if (!fact)
		abort();
}

/* What was accepted is within its range. */
static void
check_value(void *ctx, const struct conf_key *key, const char *section, const char *value,
	    const char *origin)
{
	const struct conf *c = ctx;
	int64_t n = conf_int(c, section, key->name);

	require(value != NULL && origin[0] != '\0' && strlen(value) <= 180);
	if (key->type != CONF_BOOL && key->type != CONF_ENUM)
		require(n >= key->min && n <= key->max);
	else
		require(n >= 0 && n <= 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("conf", MFD_CLOEXEC);
	struct conf_errors *errors = malloc(sizeof(*errors));
	struct conf *c = NULL;
	char path[64];
	int rc;

	require(fd >= 0 && errors != NULL);
	require(write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); /* fits */
	rc = conf_load(table, COUNT, path, NULL, errors, &c);
	if (rc == 0) {
		require(errors->total == 0);
		conf_each(c, check_value, c);
	} else {
		require(rc == -EFBIG || (rc == -EBADMSG && errors->total > 0));
		for (uint32_t i = 0; i < errors->count; i++)
			require(errors->list[i].what[0] != '\0');
	}
	conf_free(c);
	free(errors);
	(void)close(fd); /* in memory */
	return 0;
}
