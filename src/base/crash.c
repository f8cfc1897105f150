#include "base/crash.h"

#ifdef LANED_CRASH_POINTS

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_ulong points_passed;
static unsigned long crash_at; /* 0: never */
static char count_path[256];   /* empty: nobody counts */

static void
write_count(unsigned long n)
{
	char text[32];
	int fd, bytes;

	if (count_path[0] == '\0')
		return;
	fd = open(count_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return; /* a sandbox may forbid it; whoever counts misses the file */
	bytes = snprintf(text, sizeof(text), "%lu\n", n);
	(void)!write(fd, text, (size_t)bytes); /* as above */
	(void)close(fd);
}

static void
at_exit(void)
{
	write_count(atomic_load(&points_passed));
}

/* The environment is read before main(), so that a sandbox or a changed name does not matter. */
__attribute__((constructor)) static void
crash_init(void)
{
	const char *in = getenv("LANED_CRASH_IN");
	const char *at = getenv("LANED_CRASH_AT");
	const char *count = getenv("LANED_CRASH_COUNT");

	if (in != NULL && strcmp(in, program_invocation_short_name) != 0)
		return;
	if (at != NULL)
		crash_at = strtoul(at, NULL, 10);
	if (count != NULL && strlen(count) < sizeof(count_path)) {
		memcpy(count_path, count, strlen(count) + 1);
		(void)atexit(at_exit); /* cannot fail: 32 slots are guaranteed */
	}
}

void
crash_point(const char *what)
{
	unsigned long n = atomic_fetch_add(&points_passed, 1) + 1;

	if (n != crash_at)
		return;
	write_count(n);
	(void)fprintf(stderr, "crash point %lu: %s\n", n, what);
	(void)raise(SIGKILL); /* does not return */
	abort();
}

#endif
