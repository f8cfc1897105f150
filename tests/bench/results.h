#ifndef LANED_TESTS_BENCH_RESULTS_H
#define LANED_TESTS_BENCH_RESULTS_H

#include "bounds.h"
#include "images.h"
#include "plot.h"

#include "synth/scores.h"

/* The error rates of one or several score files with their bounds, for the report. */
struct result {
	bool known; /* false: the files are missing, or tell nothing */
	struct scores_verification v;
	struct scores_identification id;
	struct bounds eer, zero, at[SCORES_POINTS]; /* by fingers: see bounds_clustered */
	size_t fingers;                             /* that have mated pairs */
	struct plot_xy *det;                        /* x FMR, y FNMR; owned */
	size_t det_count;
};

struct result_source {
	const char *const *paths; /* score files, pooled under one threshold */
	size_t count;
	bool both_ways;              /* as scores_new */
	const struct images *images; /* the one set's, for grades; else NULL */
	uint8_t grade_min;           /* both images' */
};

/*
 * 0 also when a file is missing or has no mated or unmated pairs: then ret->known is false. -EINVAL
 * a malformed file; -ENOMEM; errno of reading. Release with result_clear.
 */
int result_of(const struct result_source *from, struct result *ret);
void result_clear(struct result *r);

/* Less than this rate so many mated pairs cannot show. */
double result_least(const struct result *r);

#endif
