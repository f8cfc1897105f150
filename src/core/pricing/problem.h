#ifndef LANED_CORE_PRICING_PROBLEM_H
#define LANED_CORE_PRICING_PROBLEM_H

#include "core/pricing/eligible.h"
#include "core/pricing/meeting.h"

#define PROBLEM_UNITS_MAX 1000000u /* of one line */

/* A line and the rules in whose scope it is. */
struct matched {
	const struct pricing_line *line;
	const uint32_t *rules; /* in no order */
	uint32_t rules_count;
	uint32_t original; /* where it is in the caller's basket */
	uint64_t
		version; /* lines of one version are alike in everything; see VERSION_OF */
};

/* Versions are even; the same line with one unit more has the odd one behind it. */
#define VERSION_OF(n) ((uint64_t)(n) << 1)
#define VERSION_MORE UINT64_C(1)

/* Whether a line is within its ranges: 0, -EINVAL or (its amount) -ERANGE. */
int problem_check_line(const struct pricing_line *line);

/*
 * Checks a basket's lines, sorts them by their numbers and finds their rules. The list lies in the
 * arena and borrows the lines. 0; -EINVAL or -ERANGE the basket is outside its ranges; -ENOMEM.
 */
int problem_match(const struct pricing_rules *rules, const struct pricing_basket *basket,
		  struct marks *marks, struct arena *arena, struct matched **ret_lines);

/*
 * Finds the rules that who may use on checked and sorted lines. p comes with its rules and arena,
 * otherwise zero; everything is made in the arena. Rules without a reason of their own are
 * PRICING_BEATEN until they apply. 0; -ERANGE the basket is worth too much; -ENOMEM.
 */
int problem_build(struct problem *p, const struct matched *lines, uint32_t count,
		  const struct who *who, struct marks *marks);

#endif
