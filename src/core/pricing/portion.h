#ifndef LANED_CORE_PRICING_PORTION_H
#define LANED_CORE_PRICING_PORTION_H

#include "core/pricing/model.h"

/* Amounts here are within 0..PROBLEM_GROSS_MAX, so products with basis points cannot overflow. */
#define PROBLEM_GROSS_MAX PRICING_GROSS_MINOR_MAX

/* What percent_bp of value is, rounded as a discount by mode. 0..value. */
int64_t portion_percent(int64_t value, int64_t percent_bp, enum rounding mode);

/* What a reward takes off goods worth value as a whole; may be negative or more than value. */
int64_t portion_reward(const struct reward *reward, int64_t value, enum rounding mode);

/*
 * What a reward takes off units equal units of an item, each for itself: rounded once over all of
 * them, an amount or price for each unit or kilogram, never more than the item has room for.
 */
int64_t portion_each(const struct reward *reward, const struct item *item, uint32_t units,
		     enum rounding mode);

/* The same of a unit rule (percent, amount, fixed price). */
int64_t portion_units(const struct rule *rule, const struct item *item, uint32_t units,
		      enum rounding mode);

/* One of several parts that share an amount. */
struct portion {
	int64_t weight; /* in proportion to this */
	int64_t room;   /* but at most this */
	int64_t share;  /* the answer */
	int64_t rest;   /* scratch */
	uint32_t item, units;
};

/*
 * Shares amount over parts in proportion to weight, largest remainder first, ties to the earlier
 * part; what a part has no room for moves to those that have. Returns what was shared: amount,
 * or the sum of all room if that is less.
 */
int64_t portion_share(int64_t amount, struct portion *parts, uint32_t count);

#endif
