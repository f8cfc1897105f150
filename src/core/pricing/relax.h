#ifndef LANED_CORE_PRICING_RELAX_H
#define LANED_CORE_PRICING_RELAX_H

#include "core/pricing/search.h"

#include <assert.h>

/*
 * The bound of the search: savings are counted in RELAX_ONE parts of a minor unit, so that ties
 * can be broken (RELAX_EPS less for each application) and group prices be shared by units.
 */
#define RELAX_ONE (INT64_C(1) << 26)
#define RELAX_EPS (INT64_C(1) << 14)
#define RELAX_NEVER (-(INT64_C(1) << 61)) /* cannot be completed */
#define RELAX_EXACT_UNITS 64u             /* tables up to so many units of an item */
#define RELAX_EPS_UNITS                                                                  \
	4000u /* more units than this: ties are not broken by applications */
#define RELAX_NONE UINT32_MAX

/* A coupled rule in a component. */
struct relax_rule {
	uint32_t live;
	uint32_t size;   /* units of a group; 0 for a unit rule with max_units */
	uint32_t cap;    /* units in all */
	bool cyclic;     /* state = units mod size; else state = units so far */
	bool count_used; /* the cap binds, and the state does not tell what is used of it */
	uint32_t states;
	uint32_t *items; /* positions in the component, ascending */
	uint32_t *caps;  /* units of each, NULL: all */
	uint32_t count;
	int64_t *value;   /* [count + 1][states]: best reduced gain from here on */
	uint32_t *choice; /* [count][states]: units that give it */
};

struct relax_item {
	uint32_t item, units;
	int64_t price;  /* Lagrange multiplier of one unit */
	uint32_t *free; /* rules without max_units, as live indices */
	uint32_t free_count;
	int64_t *free_gain; /* [0..min(units, RELAX_EXACT_UNITS)] of the best of them */
	int64_t free_rate;  /* no unit gains more than this ... */
	int64_t free_slack; /* ... but for so much rounding in all */
};

struct relax {
	const struct problem *p;
	struct arena *arena;
	struct relax_item *items;
	uint32_t items_count;
	struct relax_rule *rules;
	uint32_t rules_count;
	uint64_t cells; /* of all programmes: what solving them costs */
	int64_t eps;
	bool exact; /* gains are exact, not only upper bounds */
};

/* Allocates the parts for a component; relax_enable fills them for a choice of rules. */
int relax_init(struct relax *x, const struct problem *p, struct arena *arena,
	       const struct component *c);
/* blocked[i] units of item i are gone; off[live] rules are out. 0 or -ENOMEM. */
int relax_enable(struct relax *x, const struct component *c, const bool *off,
		 const bool *blocked);

/* What units of an item at position q of a rule gain, from a state. */
int64_t relax_gain(const struct relax *x, const struct relax_rule *r, uint32_t q,
		   uint32_t state, uint32_t units);
static inline uint32_t
relax_next(const struct relax_rule *r, uint32_t state, uint32_t units)
{
	assert(!r->cyclic || r->size > 0);
	return r->cyclic ? (state + units) % r->size : r->states == 1 ? 0 : state + units;
}

/* What the best rule without max_units gains on units of an item, and which it is. */
int64_t relax_free(const struct relax *x, const struct relax_item *it, uint32_t units,
		   uint32_t *ret_live);
/* An upper bound on what avail units of an item are worth at its price. */
int64_t relax_item_bound(const struct relax_item *it, uint32_t avail);

/* Solves one rule's programme for the units and prices as they are: its value from the start. */
int64_t relax_programme(const struct relax *x, struct relax_rule *r);
/* Solves the rules' programmes at the present prices; the bound on the whole saving. */
int64_t relax_solve(struct relax *x);
/*
 * Moves the prices by subgradient steps towards a lower bound, until it is within goal or the
 * rounds are over; leaves the best prices found, solved. The new bound.
 */
int64_t relax_improve(struct relax *x, int64_t known, unsigned rounds,
		      struct effort *effort);
/* The nodes that solving once counts. */
uint64_t relax_nodes(const struct relax *x);

#endif
