#ifndef LANED_TESTS_ORACLE_VALUE_H
#define LANED_TESTS_ORACLE_VALUE_H

#include "oracle/oracle.h"

/* What offers take off, from docs/promotions.md: the rules of the game, without any search. */
#define ORACLE_PARTS_MAX (2 * ORACLE_LINES_MAX)
#define ORACLE_UNITS_MAX 1024 /* of a basket that can be tried */

/* A run of equal units of a line. */
struct oracle_part {
	int line, units;
	int64_t value, room; /* of a unit: what it costs, what may come off */
	bool measured;
};

struct oracle_parts {
	const struct oracle_case *c;
	struct oracle_part at[ORACLE_PARTS_MAX];
	int count;
};

void oracle_parts(const struct oracle_case *c, struct oracle_parts *ret);

/* Whether an offer holds at a moment. */
bool oracle_holds(const struct oracle_when *w, struct oracle_moment now);

/* A scope without any list. */
bool oracle_scope_is_all(const struct oracle_scope *s);
bool oracle_scope_has(const struct oracle_scope *s, const struct oracle_line *l);
/* Whether a line is in the scope of a rule, as far as its kind lets it. */
bool oracle_covers(const struct oracle_case *c, const struct oracle_rule *r, int line);
bool oracle_component_covers(const struct oracle_case *c, const struct oracle_rule *r,
			     int component, int line);

/* Over layers 2 and 3; without max_units over whole parts; over a whole scope or not at all. */
bool oracle_is_upper(const struct oracle_rule *r);
bool oracle_is_free(const struct oracle_rule *r);
bool oracle_is_whole(const struct oracle_rule *r);
bool oracle_is_points(const struct oracle_rule *r);
/* Applications are groups of so many units; 0 for other kinds. */
int oracle_group_size(const struct oracle_rule *r);
/* Applications that its limits leave in this basket; INT_MAX without. */
int oracle_uses_left(const struct oracle_rule *r);
int64_t oracle_budget_left(const struct oracle_rule *r); /* INT64_MAX without */

/* Time, shopper, units, spend before offers, contents and limits. */
bool oracle_may_apply(const struct oracle_parts *p, const struct oracle_rule *r);

/* Units of a part that the rule may take at most when left are left. */
int oracle_part_cap(const struct oracle_parts *p, const struct oracle_rule *r, int part,
		    int left);

/* A discount that is no whole number of minor units, rounded by the mode of the rule set. */
int64_t oracle_fraction(int64_t numerator, int64_t denominator, int mode);
int64_t oracle_rounded(int64_t value, int64_t bp, int mode);

/* A reward per unit (or kilogram) on a run of equal units, within their room. */
int64_t oracle_reward_off(const struct oracle_parts *p, struct oracle_reward reward,
			  int part, int units);

/* Shares amount by weight under room, largest remainder first, ties the earlier; what is shared. */
int64_t oracle_share(int64_t amount, const int64_t *weight, const int64_t *room, int n,
		     int64_t *out);

/* One application on these units (parts, dearest first): adds to off[line]; the sum. */
int64_t oracle_group_off(const struct oracle_parts *p, const struct oracle_rule *r,
			 const int *units, int count, int64_t *off);

/*
 * All that a rule takes off when it takes take[component][part] units (component 0 but for
 * bundles): adds to off[line], and the sum. -1 when it may not: groups are not full, too many
 * applications, too many units, or one that saves nothing.
 */
struct oracle_take {
	int units[ORACLE_COMPONENTS_MAX][ORACLE_PARTS_MAX];
};
int64_t oracle_take_off(const struct oracle_parts *p, const struct oracle_rule *r,
			const struct oracle_take *take, int64_t *off);

/* Layers 2 and 3 over net[line]: choice[rule] is 0, or 1 + the tier that applies. False: not allowed. */
bool oracle_upper_off(const struct oracle_parts *p, const int *choice, int64_t *net);
int oracle_choices(const struct oracle_rule *r);

#endif
