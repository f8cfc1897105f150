#ifndef LANED_BASE_CRASH_H
#define LANED_BASE_CRASH_H

/*
 * Crash points for the fault tests: every journal write, send and callback passes one. In builds
 * with LANED_CRASH_POINTS the n-th point passed by a process whose environment has LANED_CRASH_AT=n
 * (and, when LANED_CRASH_IN is set, whose program name it is) kills it by SIGKILL; with
 * LANED_CRASH_COUNT=FILE the number passed is written to FILE at exit. In all other builds this is
 * nothing at all.
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
