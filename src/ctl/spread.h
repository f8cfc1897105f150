#ifndef LANED_CTL_SPREAD_H
#define LANED_CTL_SPREAD_H

#include <stdint.h>

/*
 * How amounts are spread, in memory that does not grow: exact below SPREAD_EXACT_MAX minor units,
 * above it within one part in 256 (rounded down).
 */
#define SPREAD_EXACT_MAX 65536
struct spread;

struct spread *spread_new(void);
/* amount >= 0. */
void spread_add(struct spread *s, int64_t amount);
/* The smallest amount that at least per_mille thousandths of all do not exceed; 0 without any. */
int64_t spread_quantile(const struct spread *s, unsigned per_mille);
struct spread *spread_free(struct spread *s);

#endif
