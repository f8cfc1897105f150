#ifndef LANED_CORE_PRICING_SEARCH_PRIVATE_H
#define LANED_CORE_PRICING_SEARCH_PRIVATE_H

#include "core/pricing/memo.h"
#include "core/pricing/relax.h"
#include "core/pricing/search.h"

/* What search.c and search_rules.c share. */

/* Decides how many units of an item a rule takes. */
struct step {
	uint32_t item, rule, q; /* rule RELAX_NONE: none, or the free rule */
	uint32_t free;          /* a rule without max_units that takes all or nothing */
	bool last;              /* of its item */
	/* Takes no more than so many units; and all but so many of those that are left. */
	uint32_t most, spare;
};

struct frame {
	uint32_t units, first,
		next;    /* tried now; tried first; how many were tried after that */
	uint32_t misses; /* one after the other, by the bound */
	bool started, applied, upward, linear;
	/* What apply() changed. */
	uint32_t avail, used;
	uint64_t state;
	int64_t gain, open, sum, rest;
};

/* Exactly one of several rules, or a whole-scope rule on or off. */
struct choice {
	uint32_t *live; /* RELAX_NONE: none of them */
	uint32_t count, now;
	bool whole; /* a whole-scope rule: live[1] is it */
};

struct search {
	const struct search_job *job;
	struct arena *arena, *own_arena, *relax_arena;
	struct relax x;
	int64_t base_cost, factor_bp;
	/* simple: one weight, no stacked rule, so that the cost is linear in the saving. */
	bool simple, memo_on, have_best, full; /* full: points were left out */
	bool many_choices;
	uint32_t conflict; /* the first choice that cannot go with those before it, or: */
#define NO_CONFLICT UINT32_MAX
	int error;

	struct choice *choices;
	bool *disabled, *off, *blocked;
	int64_t trimmed_minor; /* what rules left out for size could save at most */
	struct take *takes;
	int64_t whole_gain;
	uint32_t whole_takes; /* of whole-scope rules, at the head of takes */
	uint32_t choices_count, steps_count, points_room;
	/* Where there are many choices: what each of their rules adds at most, and all else does. */
	int64_t *option, choice_base;
	int64_t *choice_price; /* of each item, for that */

	struct step *steps;
	struct frame *frames;
	uint32_t *avail, *used, *step_free;
	uint64_t *state;
	int64_t *rest;               /* of each rule: bound on what it still gains */
	uint32_t *cursor, *step_of;  /* of rule j: step_of[cursor[j] + q] */
	int64_t *kept_price, *value; /* scratch of greedy() */
	int64_t *sum;                /* of each rule's open group: decides if it saves */
	int64_t *tail;               /* bound on the items from here on */
	int64_t gain, open;          /* so far; bound on what the rules still gain */

	struct memo memo;
	int64_t *line_off, *line_nets;
	int64_t best_gain;
	struct point best;
	struct points points;
	uint64_t nodes_left, misses, compared;
};

/* A copy in the caller's arena; NULL and s->error when there is no memory. */
struct take *search_keep_takes(struct search *s, const struct take *takes,
			       uint32_t count);
/* Keeps a way unless another one makes it needless; drops those that it makes needless. */
void search_add_point(struct search *s, struct point *found);

/* Finds the choices between rules that exclude each other. 0 or -ENOMEM. */
int search_find_choices(struct search *s);
#define IMPROVE_ROUNDS 40u /* of the prices, for a bound */
#define CHOICE_ROUNDS 8u   /* and at first, for the order of choices */

/* Whether there are more combinations of choices than can be looked at as they come. */
bool search_choices_many(const struct search *s);
/*
 * Where there are many choices: bounds what their rules add, given that known is saved already, and
 * puts the most promising of each choice first. 0 or -ENOMEM.
 */
int search_weigh_choices(struct search *s, int64_t known, unsigned rounds);
/*
 * The same when the first combination was tried. *ret_more: what now comes first was not tried yet.
 */
int search_weigh_again(struct search *s, int64_t known, bool *ret_more);
/* No combination of choices saves more; and none that begins as the present one does. */
int64_t search_choices_bound(const struct search *s);
int64_t search_choice_bound(const struct search *s);
/* Nothing that a way of this bound could cost is wanted any more. */
bool search_hopeless(const struct search *s, int64_t bound);
/* The next combination of choices that is not hopeless; false when all were had. */
bool search_next_choice(struct search *s);
/*
 * Sets which rules are off and what whole-scope rules take, for the present choices. false: two
 * whole-scope rules want the same units.
 */
bool search_arrange(struct search *s);
/* Positions that a rule has at most. */
size_t search_positions(const struct live *l);
/* Leaves rules out until at most so many steps are left that the search can be held. */
int search_trim(struct search *s, size_t *steps);

#endif
