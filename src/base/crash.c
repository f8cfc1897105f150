#include "base/crash.h"

#ifdef LANED_CRASH_POINTS

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_ulong points_passed;
static unsigned long crash_at; /* 0: never */
static char count_path[256];   /* empty: nobody counts */

#define PLAN_ROWS 128u

struct plan_row {
	_Atomic uint32_t n;
	char name[60];
};
_Static_assert(sizeof(struct plan_row) == 64, "a test writes and reads the rows");

static struct plan_row *plan; /* PLAN_ROWS of them; NULL: no plan */
static atomic_flag plan_busy = ATOMIC_FLAG_INIT;

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

static void
map_plan(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p;

	if (fd < 0)
		return; /* the test sees that no point is passed */
	p = mmap(NULL, PLAN_ROWS * sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	(void)close(fd); /* the mapping stays */
	if (p != MAP_FAILED)
		plan = p;
}

/* Counts the pass under its name; what finds no row any more is not counted. */
static void
plan_note(const char *what)
{
	while (atomic_flag_test_and_set(&plan_busy))
		; /* another thread is a few instructions from its end */
	for (unsigned i = 1; i < PLAN_ROWS; i++) {
		struct plan_row *r = &plan[i];

		if (r->name[0] == '\0')
			(void)snprintf(r->name, sizeof(r->name), "%s", what);
		if (strncmp(r->name, what, sizeof(r->name) - 1) == 0) {
			(void)atomic_fetch_add(&r->n, 1);
			break;
		}
	}
	atomic_flag_clear(&plan_busy);
}

/* True when this pass is the one that the order names. */
static bool
plan_strikes(const char *what)
{
	struct plan_row *order = &plan[0];

	if (atomic_load(&order->n) == 0)
		return false;
	if (order->name[0] != '\0' &&
	    strncmp(order->name, what, sizeof(order->name) - 1) != 0)
		return false;
	return atomic_fetch_sub(&order->n, 1) == 1;
}

/* The environment is read before main(), so that a sandbox or a changed name does not matter. */
__attribute__((constructor)) static void
crash_init(void)
{
	const char *in = getenv("LANED_CRASH_IN");
	const char *at = getenv("LANED_CRASH_AT");
	const char *count = getenv("LANED_CRASH_COUNT");
	const char *plan_path = getenv("LANED_CRASH_PLAN");

	if (in != NULL && strcmp(in, program_invocation_short_name) != 0)
		return;
	if (at != NULL)
		crash_at = strtoul(at, NULL, 10);
	if (count != NULL && strlen(count) < sizeof(count_path)) {
		memcpy(count_path, count, strlen(count) + 1);
		(void)atexit(at_exit); /* cannot fail: 32 slots are guaranteed */
	}
	if (plan_path != NULL)
		map_plan(plan_path);
}

void
crash_point(const char *what)
{
	unsigned long n = atomic_fetch_add(&points_passed, 1) + 1;
	bool strikes = n == crash_at;

	if (plan != NULL) {
		plan_note(what);
		strikes = plan_strikes(what) || strikes;
	}
	if (!strikes)
		return;
	write_count(n);
	(void)fprintf(stderr, "crash point %lu: %s\n", n, what);
	(void)raise(SIGKILL); /* does not return */
	abort();
}

#endif
