#include "core/pricing/search_bulk.h"
#include "core/pricing/portion.h"

/*
 * Five thousand units of one line are no more work than five. Units of an item compete in a few
 * ways of using them: rules that take them in groups of s units, rules that take any number (rounded
 * once), or no rule at all. Of all but one of these an item uses a few units
 * only, in some cheapest way at least:
 *
 * Let a pure group be one that lies wholly in the item's run of units. It gains g, exactly, however
 * many there are; a run of k >= m * s + 2 * s units has more than m of them, and taking m of them
 * out leaves every other group as it was. Putting L units (a multiple of s) into the run of another
 * grouping rule b moves the groups behind it by whole groups, so that the places in their groups of
 * all other units stay: L / s groups more are gained, less what rounding and sharing over mixed
 * groups may differ (jitter, below). Using L units more without a group gains rate * L less 1 minor
 * unit for rounding at most.
 *
 * So when way b gains more by the unit than way j, and moving M units from j to b gains more than
 * the jitter, then no cheapest way has M units to move: j uses less than M plus two groups. Where
 * both gain the same, b is the one with fewer applications, and moving costs nothing if there is no
 * jitter. What all others do not use is b's. All this is of savings: where the lines of a component
 * are weighted differently (a basket rule on some of them, stacked rules), a group that is shared
 * otherwise costs otherwise, and nothing is narrowed. Ways that a limit, a budget or a form of their own
 * restricts are neither narrowed nor counted on.
 */
#define BULK_UNITS_MIN 32u
#define NO_LIMIT UINT32_MAX

/* One way of using units of an item. */
struct way {
	uint32_t step;  /* RELAX_NONE: without a group, or not at all */
	int64_t size;   /* units that are moved at once */
	int64_t gain;   /* of size units, in basis points of minor units */
	int64_t jitter; /* minor units that moving units here may lose */
	int64_t rounds; /* and that moving units away may lose */
	bool once;      /* one application for all units */
};

static int64_t
common(int64_t a, int64_t b)
{
	int64_t x = a, y = b;

	while (y != 0) {
		int64_t rest = x % y;

		x = y;
		y = rest;
	}
	return a / x * b;
}

/*
 * What moving units into a rule's run may lose: nothing where each unit is reduced for itself or
 * the groups share nothing that is rounded; two minor units where the groups' percentages are. Where
 * a group may run out of room it is all that the group which is parted saved, and a new one.
 */
static int64_t
jitter_of(const struct search *s, const struct relax_rule *r)
{
	const struct rule *rule = s->x.p->live[r->live].rule;
	const struct reward *w = &rule->reward;
	int64_t room = 0;
	bool tight = false;

	if (rule->each || (rule->skip > 0 && rule->size - rule->skip == 1))
		return 0;
	for (uint32_t q = 0; q < r->count; q++) {
		const struct item *it = &s->x.p->items[s->x.items[r->items[q]].item];

		tight = tight || it->room < it->value || it->value == 0 ||
			(w->form == REWARD_AMOUNT &&
			 it->value * (rule->size - rule->skip) < w->x);
		room = it->room > room ? it->room : room;
	}
	if (tight || (w->form == REWARD_PRICE && rule->skip > 0))
		return 2 * room * rule->size;
	return w->form == REWARD_PERCENT && w->x < BP_ONE ? 2 : 0;
}

/* What a group of units of one item takes off. */
static int64_t
pure_gain(const struct search *s, const struct rule *rule, const struct item *it)
{
	enum rounding mode = s->x.p->rules->rounding;
	uint32_t units = rule->size - rule->skip;
	int64_t off = rule->each ? portion_each(&rule->reward, it, units, mode)
				 : portion_reward(&rule->reward, it->value * units, mode);

	if (off > it->room * units)
		off = it->room * units;
	return off > 0 ? off : 0;
}

/* The way of a rule for which each unit is for itself, rounded once over them. */
static struct way
way_of_units(const struct search *s, const struct rule *rule, uint32_t t)
{
	int64_t rate = portion_units(rule, &s->x.p->items[s->x.items[t].item], BP_ONE,
				     s->x.p->rules->rounding);
	int64_t rounds = rate % BP_ONE != 0;

	return (struct way){ RELAX_NONE, 1, rate, rounds, rounds, true };
}

/* The way of a step, if it is one that can be narrowed. */
static bool
way_of_step(const struct search *s, uint32_t step, struct way *ret_way)
{
	const struct step *st = &s->steps[step];
	const struct relax_rule *r;
	const struct live *l;

	if (st->rule == RELAX_NONE)
		return false;
	r = &s->x.rules[st->rule];
	l = &s->x.p->live[r->live];
	if (r->caps != NULL || r->count_used || r->counted ||
	    l->budget_left < s->x.p->gross_minor)
		return false;
	if (r->shape == SHAPE_UNITS) {
		*ret_way = way_of_units(s, l->rule, st->item);
		ret_way->step = step;
		return true;
	}
	if (r->shape != SHAPE_GROUP || !r->cyclic)
		return false;
	*ret_way = (struct way){
		.step = step,
		.size = r->size,
		.gain = BP_ONE *
			pure_gain(s, l->rule, &s->x.p->items[s->x.items[st->item].item]),
		.jitter = jitter_of(s, r),
	};
	return true;
}

/* The way without a group: the best rate of the rules without max_units. */
static struct way
way_without(const struct search *s, uint32_t t)
{
	const struct relax_item *it = &s->x.items[t];
	struct way w = { .step = RELAX_NONE, .size = 1, .once = true };

	for (uint32_t i = 0; i < it->free_count; i++) {
		struct way one = way_of_units(s, s->x.p->live[it->free[i]].rule, t);

		if (one.rounds > 0)
			w.jitter = w.rounds = 1;
		if (one.gain > w.gain)
			w.gain = one.gain;
	}
	return w;
}

/* Whether a is the better way to use many units. */
static bool
better(const struct way *a, const struct way *b)
{
	int64_t x = a->gain * b->size, y = b->gain * a->size;

	if (x != y)
		return x > y;
	if (b->step == RELAX_NONE || a->step == RELAX_NONE)
		return a->step == RELAX_NONE;
	return a->once != b->once ? a->once : a->size > b->size;
}

/* The most units that way j uses when b is the best. */
static uint32_t
most_of(const struct way *j, const struct way *b)
{
	int64_t units = common(j->size, b->size), jitter = b->jitter + j->rounds;
	int64_t more = units / b->size * b->gain - units / j->size * j->gain;
	int64_t times = 1;

	if (jitter > 0 && more == 0)
		return NO_LIMIT;
	if (jitter > 0)
		times = jitter * BP_ONE / more + 1;
	if (times > NO_LIMIT / 4 / units)
		return NO_LIMIT;
	return (uint32_t)(times * units + 2 * j->size);
}

/* Units that a step can take at the very most. */
static uint32_t
limit_of(const struct search *s, const struct step *step)
{
	const struct relax_rule *r;

	if (step->rule == RELAX_NONE)
		return 0; /* it is the way without a group */
	r = &s->x.rules[step->rule];
	if (r->bundle != NULL)
		return NO_LIMIT; /* its cap is one of applications */
	if (r->caps != NULL && r->caps[step->q] < r->cap)
		return r->caps[step->q];
	return r->cap;
}

static uint32_t
plus(uint32_t a, uint32_t b)
{
	return a > NO_LIMIT - b ? NO_LIMIT : a + b;
}

/* Narrows the steps first..end - 1, which are those of one item. */
static void
narrow(struct search *s, uint32_t first, uint32_t end)
{
	struct way without = way_without(s, s->steps[first].item), best = without, w;
	uint32_t left;

	for (uint32_t i = first; i < end; i++)
		if (way_of_step(s, i, &w) && better(&w, &best))
			best = w;
	for (uint32_t i = first; i < end; i++)
		if (way_of_step(s, i, &w) && i != best.step)
			s->steps[i].most = most_of(&w, &best);
	if (best.step == RELAX_NONE)
		return;
	left = most_of(&without, &best);
	for (uint32_t i = best.step + 1; i < end; i++) {
		uint32_t limit = limit_of(s, &s->steps[i]);

		left = plus(left, limit < s->steps[i].most ? limit : s->steps[i].most);
	}
	s->steps[best.step].spare = left;
}

void
search_bulk(struct search *s)
{
	for (uint32_t first = 0, end; first < s->steps_count; first = end) {
		for (end = first; !s->steps[end].last; end++)
			s->steps[end].most = s->steps[end].spare = NO_LIMIT;
		s->steps[end].most = s->steps[end].spare = NO_LIMIT;
		end++;
		if (s->simple && s->job->want == SEARCH_CHEAPEST &&
		    s->x.items[s->steps[first].item].units >= BULK_UNITS_MIN)
			narrow(s, first, end);
	}
}
