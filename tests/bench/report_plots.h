#ifndef LANED_TESTS_BENCH_REPORT_PLOTS_H
#define LANED_TESTS_BENCH_REPORT_PLOTS_H

#include "report_sets.h"

/*
 * Writes det-NAME.svg of each set, det-optical.svg of all optical ones together, and time.svg into
 * the folder. 0; -ENOMEM; errno of writing.
 */
int report_plots(const struct sets *s);

#endif
