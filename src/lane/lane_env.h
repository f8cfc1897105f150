#ifndef LANED_LANE_LANE_ENV_H
#define LANED_LANE_LANE_ENV_H

#include "base/conf.h"
#include "core/checkout/checkout.h"

/*
 * Sets the limits, time limits and modes of *e as the configuration has them: those that a reload
 * changes by live, those that a restart changes by start. The rest of *e stays as it is, and so does
 * what the adapter's hello told of it (can_query, partial_ok). Does not block, cannot fail.
 */
void lane_env_read(const struct conf *live, const struct conf *start, struct lane_env *e);

#endif
