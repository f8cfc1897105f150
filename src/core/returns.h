#ifndef LANED_CORE_RETURNS_H
#define LANED_CORE_RETURNS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a return refunds. A line has parts: units, or grams (thousandths) where it was measured. It
 * was sold for a net share, what it cost after all offers. Its parts are given back one after the
 * other; after k of them the customer has back share(k) = net * k / parts, rounded half up. So each
 * return refunds share(before + take) - share(before): never below zero, whatever the order, and
 * in all exactly what was paid. Offers of a later day play no part. Pure.
 */
#define RETURNS_PARTS_MAX INT64_C(1000000000)

/*
 * The parts of a sold quantity (> 0): units where all of it is whole units of a line that was not
 * weighed, else thousandths; *ret_measured says which.
 */
int64_t returns_parts(int64_t qty_milli, bool weighed, bool *ret_measured);

/*
 * What k parts of the line refund in all. 0; -EINVAL: parts outside 1..RETURNS_PARTS_MAX, k outside
 * 0..parts, or net_minor outside 0..MONEY_MINOR_MAX (a line that gave money back is not returned).
 */
int returns_share(int64_t net_minor, int64_t parts, int64_t k, int64_t *ret_minor);

/* What taking back `take` more parts refunds after `before` of them. Errors as returns_share. */
struct returns_step {
	int64_t net_minor, parts, before, take;
};
int returns_refund(const struct returns_step *s, int64_t *ret_minor);

#endif
