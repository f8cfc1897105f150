#ifndef LANED_CORE_PRICING_MEETING_H
#define LANED_CORE_PRICING_MEETING_H

#include "core/pricing/model.h"

/*
 * Scratch of the size of a rule set, zeroed once and left clean by whoever uses it, so that no
 * basket pays for rules that it does not meet.
 */
struct marks {
	uint32_t *found, found_count; /* the rules of the line looked at last */
	uint32_t *seen, stamp;        /* seen[rule] == stamp: met on this line already */
	uint32_t *lines;              /* of each rule; zero between uses */
	uint64_t *bits;               /* of each rule; zero between uses */
	uint32_t words;
};

/* 0 or -ENOMEM; marks_free() in either case. */
int marks_init(struct marks *m, const struct pricing_rules *rules);
void marks_free(struct marks *m);

/* Sets a rule's bit; and takes the bits off again, ascending: *word is 0 at first. */
void marks_set(struct marks *m, uint32_t rule);
bool marks_take(struct marks *m, uint32_t *word, uint32_t *ret_rule);

/* Sold by weight, or in parts of a unit: one unit, whatever its quantity. */
bool line_measured(const struct pricing_line *line);

/* Which EASY_ lines that the index finds for a rule are in its scope without a further look. */
uint8_t meeting_ease(const struct rule *r);

/* Whether goods (a component, params.contains) name a line: any of their lists does. */
bool goods_name(const struct goods *goods, const struct pricing_line *line);

/*
 * Whether a line counts for the conditions of a rule: it is in scope, whether or not a component
 * names it.
 */
bool meeting_counts(const struct rule *rule, const struct pricing_line *line);

/* Finds the rules in whose scope a line is: into m->found, in no order. How many. */
uint32_t meeting_find(const struct pricing_rules *rules, const struct pricing_line *line,
		      struct marks *m);

#endif
