#ifndef LANED_TESTS_BENCH_BOUNDS_H
#define LANED_TESTS_BENCH_BOUNDS_H

#include "synth/scores.h"

/*
 * What a rate seen in so many trials says about the rate behind it: both ends of 95 % intervals,
 * 2.5 % beyond each. Pure functions.
 */
struct bounds {
	double low, high;
};

/* Wilson's score interval (Wilson 1927). trials > 0; errors <= trials. */
struct bounds bounds_wilson(double errors, double trials);

/*
 * The exact interval (Clopper and Pearson 1934); trials need not be whole numbers. trials 0: 0..1.
 */
struct bounds bounds_exact(double errors, double trials);

/*
 * For trials that come in clusters, such as comparisons of the same few fingers: the exact
 * interval at the effective number of trials (Korn and Graubard 1998). Where no or all trials fail
 * their dependence cannot be seen, and it is the interval of independent ones. ret_trials (may be
 * NULL): the effective number.
 */
struct bounds bounds_clustered(const struct scores_cluster *clusters, size_t count,
			       double *ret_trials);

/*
 * Less than this so many trials without any error cannot show at 95 %: about 3 / trials, the rule
 * of three. 1 for none.
 */
double bounds_least(double trials);

#endif
