#ifndef LANED_TESTS_BENCH_REPORT_ANCHORS_H
#define LANED_TESTS_BENCH_REPORT_ANCHORS_H

#include <stddef.h>

/*
 * What other systems reach, measured with the same images and the same rules on one core of the
 * machine class this project is developed on: error rates in percent, 0 where none was measured.
 */
enum anchor_set { ANCHOR_UAREU, ANCHOR_POOLED, ANCHOR_MINEX, ANCHOR_SETS };

#define ANCHOR_POINTS 4u /* EER, FNMR at FMR 1e-2, 1e-3, 1e-4 */

struct anchor {
	const char *system;
	double percent[ANCHOR_SETS][ANCHOR_POINTS];
};

struct anchor_time {
	const char *system, *extraction, *comparison, *in_100k, *in_1m, *memory;
	double ms_100k, ms_1m; /* of a search; 0: none */
};

extern const struct anchor anchors[];
extern const size_t anchors_count;
extern const struct anchor_time anchor_times[];
extern const size_t anchor_times_count;

#endif
