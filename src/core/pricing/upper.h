#ifndef LANED_CORE_PRICING_UPPER_H
#define LANED_CORE_PRICING_UPPER_H

#include "core/pricing/model.h"

/*
 * The rules of the layers 2 and 3, and the plans: which of them apply together. A plan is a number;
 * each of its digits is a choice: a rule in or out, or one rule of a group or none of them.
 */
struct upper {
	uint32_t *live, count; /* ascending */
	uint32_t *choice;      /* of each: UPPER_ALWAYS, or where it is tried */
	uint32_t *number; /* which of its choice it is; the last number is none of them */
	uint32_t *radix, *stride, choices_count;
	uint32_t plans;   /* the last one is without any rule that is tried */
	bool all_tried;   /* no rule was left out because there were too many plans */
	int64_t left_out; /* what those left out could save at most */
	uint32_t stacked_items;
};
#define UPPER_ALWAYS UINT32_MAX
#define UPPER_PLANS_MAX 4096u

/* Finds them among the allowed live rules. 0 or -ENOMEM. */
int upper_find(const struct problem *p, const bool *allowed, struct upper *ret_upper);

/* Whether the i-th rule is in a plan. */
static inline bool
upper_in(const struct upper *u, uint32_t i, uint32_t plan)
{
	uint32_t c = u->choice[i];

	return c == UPPER_ALWAYS || plan / u->stride[c] % u->radix[c] == u->number[i];
}

/* The most that a rule of the upper layers can take off, whatever those below leave. */
int64_t upper_most(const struct problem *p, uint32_t live);

#endif
