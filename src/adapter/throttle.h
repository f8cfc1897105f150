#ifndef LANED_ADAPTER_THROTTLE_H
#define LANED_ADAPTER_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * When may a plug-in that died be loaded again? Pure: deaths and the time are handed in. It holds
 * back the plug-in only; the process is back at once, and with it whatever does without a plug-in.
 *
 * One that died while it was loaded, or at its first job, waits 1 s from its death, and twice as
 * long after each further such death, up to 60 s. Three deaths in 60 s, after whatever time of
 * work: it waits 60 s, and the lane is told that it is bypassed.
 */
#define THROTTLE_FIRST_MS 1000
#define THROTTLE_MOST_MS 60000
#define THROTTLE_SPAN_MS 60000 /* so many deaths within this: bypass */
#define THROTTLE_DEATHS 3u
#define THROTTLE_FORGET_MS 300000 /* so long without a death ends a series */

struct throttle_death {
	int64_t at_ms; /* monotonic; < 0: before this boot */
	bool early;    /* at load, or before a job was done */
	bool own;      /* the plug-in's own doing, not a kill from outside */
};

struct throttle_verdict {
	int64_t load_at_ms; /* monotonic; not later than now: at once */
	bool bypass;        /* three deaths in a minute */
	unsigned series;    /* early deaths in a row */
};

/* deaths: newest first. */
void throttle_judge(const struct throttle_death *deaths, size_t n,
		    struct throttle_verdict *ret_verdict);

#endif
