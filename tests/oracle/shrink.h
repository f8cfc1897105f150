#ifndef LANED_TESTS_ORACLE_SHRINK_H
#define LANED_TESTS_ORACLE_SHRINK_H

#include "oracle/oracle.h"

/* Whether a case shows the fault that is looked for. A case that makes no sense does not. */
typedef bool (*oracle_fails)(const struct oracle_case *c, void *ctx);

/*
 * Makes a failing case smaller as long as it fails: drops rules and lines, clears conditions,
 * lowers numbers. What is left is minimal: no single such step keeps the fault. Returns how many
 * cases were tried; gives up after tries_max, with the smallest case found by then.
 */
unsigned oracle_shrink(struct oracle_case *c, oracle_fails fails, void *ctx,
		       unsigned tries_max);

#endif
