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
#define RELAX_MOST (INT64_C(1) << 60)     /* more than any basket can save */
#define RELAX_EXACT_UNITS 64u             /* tables up to so many units of an item */
#define RELAX_EPS_UNITS                                                                  \
	4000u /* more units than this: ties are not broken by applications */
#define RELAX_NONE UINT32_MAX

struct relax_bundle;

/* A coupled rule in a component. */
struct relax_rule {
	uint32_t live;
	enum rule_shape shape;
	uint32_t size;   /* units of a group; 0 for other shapes */
	uint32_t cap;    /* units in all */
	bool cyclic;     /* state = units mod size; else state = units so far, or many */
	bool by_room;    /* bounded by its units' room, not by their value */
	bool counted;    /* the state tells what is used of the cap */
	bool count_used; /* the cap binds, and the state does not tell what is used of it */
	uint32_t states;
	uint32_t *
		items; /* positions in the component, ascending; of a bundle several times */
	uint32_t *caps; /* units of each, NULL: all */
	uint32_t *same; /* of a set: the position before of the same code, RELAX_NONE */
	uint32_t count;
	int64_t *value;   /* [count + 1][states]: best reduced gain from here on */
	uint32_t *choice; /* [count][states]: units that give it */
	struct relax_bundle *bundle; /* of a bundle, instead of tables */
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
	bool own_arena; /* only for what relax_enable() makes: it begins with an empty one */
	struct relax_item *items;
	uint32_t items_count;
	struct relax_rule *rules;
	uint32_t rules_count;
	uint64_t cells; /* of all programmes: what solving them costs */
	int64_t eps;
	bool exact;            /* gains are exact, not only upper bounds */
	int64_t trimmed_minor; /* what bundles too large to be counted could save */
};

/* Allocates the parts for a component; relax_enable fills them for a choice of rules. */
int relax_init(struct relax *x, const struct problem *p, struct arena *arena,
	       const struct component *c);
/*
 * blocked[i] units of item i are gone; off[live] rules are out. Forgets what was made before, in an
 * arena of its own. 0 or -ENOMEM.
 */
int relax_enable(struct relax *x, const struct component *c, const bool *off,
		 const bool *blocked);

/* What units of an item at position q of a rule gain, from a state. */
int64_t relax_gain(const struct relax *x, const struct relax_rule *r, uint32_t q,
		   uint64_t state, uint32_t units);

/* Basis points of a minor unit in parts of RELAX_ONE, rounded up. */
int64_t relax_bp_parts(int64_t bp);

/* Sums and n * each, all within +-RELAX_MOST. */
int64_t relax_sum(int64_t a, int64_t b);
int64_t relax_times(int64_t n, int64_t each);

/* Bundles: the state behind units at a position; units that it can still take there. */
uint64_t relax_bundle_next(const struct relax_rule *r, uint32_t q, uint64_t state,
			   uint32_t units);
uint32_t relax_bundle_room(const struct relax_rule *r, uint32_t q, uint64_t state);
uint32_t relax_bundle_part(const struct relax_rule *r, uint32_t q);
/* Applications that so many units of each position make. */
uint64_t relax_bundle_times(const struct relax_rule *r, const uint32_t *units);
/* The best that positions from q on add; *ret_units: what it takes at q. */
int64_t relax_bundle_rest(const struct relax *x, const struct relax_rule *r, uint32_t q,
			  uint64_t state, uint32_t *ret_units);
/* What the programme solved last takes at each position. */
const uint32_t *relax_bundle_wants(const struct relax_rule *r);

static inline uint64_t
relax_next(const struct relax_rule *r, uint32_t q, uint64_t state, uint32_t units)
{
	if (r->bundle != NULL)
		return relax_bundle_next(r, q, state, units);
	assert(!r->cyclic || r->size > 0);
	if (r->cyclic)
		return (state + units) % r->size;
	return state + units < r->states ? state + units : r->states - 1;
}

/* The best reduced gain of positions from q on, from a state; RELAX_NEVER: none completes it. */
static inline int64_t
relax_rest(const struct relax *x, const struct relax_rule *r, uint32_t q, uint64_t state)
{
	uint32_t ignored;

	if (r->bundle != NULL)
		return relax_bundle_rest(x, r, q, state, &ignored);
	return r->value[(size_t)q * r->states + state];
}

/* The units at q that the programme would take from a state. */
static inline uint32_t
relax_likely(const struct relax *x, const struct relax_rule *r, uint32_t q,
	     uint64_t state)
{
	uint32_t units = 0;

	if (r->bundle == NULL)
		return r->choice[(size_t)q * r->states + state];
	(void)relax_bundle_rest(x, r, q, state, &units); /* its units are asked for */
	return units;
}

/* What the best rule without max_units gains on units of an item, and which it is. */
int64_t relax_free(const struct relax *x, const struct relax_item *it, uint32_t units,
		   uint32_t *ret_live);
/*
 * No less than what a rule without max_units adds by itself, for any units it takes, above their
 * prices; want, unless NULL, grows by the units.
 */
int64_t relax_free_alone(const struct relax *x, uint32_t live, int64_t *want);
/* An upper bound on what avail units of an item are worth at its price. */
int64_t relax_item_bound(const struct relax_item *it, uint32_t avail);

/* Solves one rule's programme for the units and prices as they are: its value from the start. */
int64_t relax_programme(const struct relax *x, struct relax_rule *r);
/* Solves the rules' programmes at the present prices; the bound on the whole saving. */
int64_t relax_solve(struct relax *x);
/* No unit gains more than its value: a higher price would only make the bound worse. */
void relax_set_price(struct relax *x, uint32_t i, int64_t price);
/* How many units of each item its free rules want, less those there are. */
void relax_want_items(const struct relax *x, int64_t *want);
/* Adds the units that the programme solved last wants. */
void relax_want_rule(const struct relax *x, const struct relax_rule *r, int64_t *want);
/*
 * One subgradient step from a bound that is so much above what is hoped for; 0: nothing is wanted
 * that is not there, and nothing moved.
 */
int64_t relax_step(struct relax *x, const int64_t *want, int64_t above, int64_t damp);
/*
 * Moves the prices by subgradient steps towards a lower bound, until it is within goal or the
 * rounds are over; leaves the best prices found, solved. The new bound.
 */
int64_t relax_improve(struct relax *x, int64_t known, unsigned rounds,
		      struct effort *effort);
/* The nodes that solving once counts. */
uint64_t relax_nodes(const struct relax *x);

#endif
