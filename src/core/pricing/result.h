#ifndef LANED_CORE_PRICING_RESULT_H
#define LANED_CORE_PRICING_RESULT_H

#include "core/pricing/engine.h"

/* What the caller gets, and its memory. */
struct result {
	struct pricing_result shown; /* first: the caller frees through it */
	int64_t *line_net;
	struct pricing_share *shares;
	size_t shares_room;
	struct pricing_rule_result *rules;
	uint32_t *touched; /* rules that are not as in an empty result */
	uint32_t touched_count, touched_room;
};

/* An empty result with every rule not in scope. NULL: no memory. */
struct result *result_new(const struct pricing_rules *rules, size_t lines_count);
struct result *result_free(struct result *r);

/* Makes it empty again. */
void result_reset(struct result *r);

/* Puts the solution into an empty result: prices, shares and the trace. 0 or -ENOMEM. */
int result_write(struct priced *x, struct result *result);

#endif
