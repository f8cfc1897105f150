#ifndef LANED_TESTS_BENCH_OFFER_GLPK_H
#define LANED_TESTS_BENCH_OFFER_GLPK_H

#include "offer_load.h"

/*
 * The same basket and offers as an integer program for GLPK (only where this was built with it).
 * *ret_saving is the optimum, *ret_us what finding it took on the processor, the building of the
 * program included. false: not built in, too large, or not solved within the limit.
 */
bool glpk_saving(const struct load_case *c, int64_t *ret_saving, double *ret_us);

#endif
