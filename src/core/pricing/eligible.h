#ifndef LANED_CORE_PRICING_ELIGIBLE_H
#define LANED_CORE_PRICING_ELIGIBLE_H

#include "core/pricing/model.h"

/* Who asks, where and when. */
struct who {
	const struct pricing_member *member;
	struct str store, lane;
	const struct timepoint *at;
	struct civil civil;
};

struct who who_of(const struct pricing_member *member, const struct timepoint *at,
		  struct str store, struct str lane);

/* Whether a rule is for these, here and now: PRICING_APPLIED, or why not. */
enum pricing_reason who_fits(const struct rule *r, const struct who *who);

/* Whether a rule fits whoever asks whenever, without any limit: then neither need be asked. */
bool who_is_easy(const struct rule *r);

/* How often a rule may still be used in this basket; <= 0: not at all. */
int64_t who_uses_left(const struct rule *r, const struct who *who);

/* What a rule's budget leaves for this basket; INT64_MAX: it has none. */
int64_t who_budget_left(const struct rule *r, const struct who *who);

#endif
