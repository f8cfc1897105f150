#ifndef LANED_BASE_CRASH_H
#define LANED_BASE_CRASH_H

/*
 * Crash points for the fault tests: every journal write, send and callback passes one. In builds
 * with LANED_CRASH_POINTS the n-th point passed by a process whose environment has LANED_CRASH_AT=n
 * (and, when LANED_CRASH_IN is set, whose program name it is) kills it by SIGKILL; with
 * LANED_CRASH_COUNT=FILE the number passed is written to FILE at exit. In all other builds this is
 * nothing at all.
 *
 * LANED_CRASH_PLAN=FILE (8 KiB, zeros) is mapped at the start of the process, so that a test can give
 * orders to one that runs, and see where it has been. Rows of 64 bytes, each a uint32 in the byte order
 * of the machine and a name, NUL-terminated, of at most 59 bytes. The first is the order: the n-th pass
 * from now on of the point of that name (no name: of any) kills; n counts down, 0 is no order. The
 * others are filled in by the process: how often it has passed the point of that name.
 */
#ifdef LANED_CRASH_POINTS
void crash_point(const char *what);
#else
static inline void
crash_point(const char *what)
{
	(void)what;
}
#endif

#endif
