#include "core/pricing/relax.h"
#include "core/pricing/relax_bundle.h"
#include "core/pricing/portion.h"

#include <errno.h>
#include <string.h>

#define CELLS_A_NODE 16u

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t
relax_bp_parts(int64_t bp)
{
	int64_t parts;

	/* Within PROBLEM_GROSS_MAX it cannot overflow. */
	if (money_muldiv(bp, RELAX_ONE, BP_ONE, ROUND_DOWN, &parts) < 0)
		return -RELAX_NEVER;
	return parts + 1;
}

static int64_t
within(int64_t gain)
{
	return gain > RELAX_MOST ? RELAX_MOST : gain < -RELAX_MOST ? -RELAX_MOST : gain;
}

int64_t
relax_sum(int64_t a, int64_t b)
{
	return within(a + b);
}

int64_t
relax_times(int64_t n, int64_t each)
{
	int64_t product;

	if (__builtin_mul_overflow(n, each, &product))
		return (n < 0) == (each < 0) ? RELAX_MOST : -RELAX_MOST;
	return within(product);
}

/* Whether a group's reward is worked out for each reduced unit alone, and so exactly. */
static bool
by_unit(const struct rule *rule)
{
	return rule->each || (rule->size - rule->skip == 1 &&
			      (rule->skip > 0 || rule->reward.form != REWARD_PRICE));
}

int
relax_init(struct relax *x, const struct problem *p, struct arena *arena,
	   const struct component *c)
{
	*x = (struct relax){ .p = p, .arena = arena, .items_count = c->items_count };
	x->eps = p->units_total > RELAX_EPS_UNITS ? 0 : RELAX_EPS;
	x->items = arena_array(arena, c->items_count, sizeof(*x->items));
	x->rules = arena_array(arena, c->live_count, sizeof(*x->rules));
	if (x->items == NULL || x->rules == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->items_count; i++) {
		struct relax_item *it = &x->items[i];
		uint32_t units = p->items[c->items[i]].units;

		it->item = c->items[i];
		it->units = units;
		it->free = arena_array(arena, c->live_count, sizeof(*it->free));
		if (units > RELAX_EXACT_UNITS)
			units = RELAX_EXACT_UNITS;
		it->free_gain =
			arena_array(arena, (size_t)units + 1, sizeof(*it->free_gain));
		if (it->free == NULL || it->free_gain == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* The earlier positions of the same code, when some items are not there. */
static int
place_same(struct relax *x, const struct live *l, struct relax_rule *r,
	   const uint32_t *place)
{
	r->same = arena_array(x->arena, l->items_count, sizeof(*r->same));
	r->caps = arena_array(x->arena, l->items_count, sizeof(*r->caps));
	if (r->same == NULL || r->caps == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->items_count; i++) {
		uint32_t before = l->same[i];

		if (place[i] == RELAX_NONE)
			continue;
		while (before != NO_ITEM && place[before] == RELAX_NONE)
			before = l->same[before];
		r->same[place[i]] = before == NO_ITEM ? RELAX_NONE : place[before];
		r->caps[place[i]] = 1;
	}
	return 0;
}

/* Where in the component each of a rule's items is; both are sorted alike. */
static int
place_items(struct relax *x, const struct live *l, struct relax_rule *r)
{
	uint32_t at = 0, *place = NULL;

	r->items = arena_array(x->arena, l->items_count, sizeof(*r->items));
	r->caps = l->caps != NULL
			  ? arena_array(x->arena, l->items_count, sizeof(*r->caps))
			  : NULL;
	if (l->same != NULL)
		place = arena_array(x->arena, l->items_count, sizeof(*place));
	if (r->items == NULL || (l->caps != NULL && r->caps == NULL) ||
	    (l->same != NULL && place == NULL))
		return -ENOMEM;
	for (uint32_t i = 0; i < l->items_count; i++) {
		while (x->items[at].item != l->items[i])
			at++;
		if (place != NULL)
			place[i] = RELAX_NONE;
		if (x->items[at].units == 0 || (l->caps != NULL && l->caps[i] == 0))
			continue;
		if (r->caps != NULL)
			r->caps[r->count] = l->caps[i];
		if (place != NULL)
			place[i] = r->count;
		r->items[r->count++] = at;
	}
	return place != NULL ? place_same(x, l, r, place) : 0;
}

/* Whether what relax_gain says of a rule is exact and not only a bound. */
static bool
gains_exact(const struct relax *x, const struct relax_rule *r)
{
	const struct rule *rule = x->p->live[r->live].rule;
	const struct reward *w = &rule->reward;

	if (r->shape == SHAPE_UNITS || r->shape == SHAPE_NEXT ||
	    (r->shape == SHAPE_GROUP && by_unit(rule)))
		return true;
	if (r->shape == SHAPE_SET || (w->form == REWARD_PERCENT && w->x < BP_ONE))
		return false; /* rounded over several units */
	for (uint32_t q = 0; q < r->count; q++) {
		const struct item *it = &x->p->items[x->items[r->items[q]].item];
		int64_t room = it->room * (r->size > 0 ? r->size : 1);

		if (w->form == REWARD_AMOUNT ? room < w->x
					     : it->room < it->value || it->value == 0)
			return false;
	}
	return true;
}

/*
 * Whether floors leave so little room that what a group with a price saves is better bounded by
 * its units' room than by their value less the price: both are bounds.
 */
static bool
little_room(const struct relax *x, const struct relax_rule *r)
{
	const struct rule *rule = x->p->live[r->live].rule;
	int64_t room = 0, value = 0;

	if (r->shape != SHAPE_GROUP || by_unit(rule) || rule->reward.form != REWARD_PRICE)
		return false;
	for (uint32_t q = 0; q < r->count; q++) {
		const struct item *it = &x->p->items[x->items[r->items[q]].item];

		room += it->room * it->units;
		value += it->value * it->units;
	}
	return room < value / 2;
}

/* A state for each number of units when few are allowed, else for the fill of a group only. */
static void
set_states(const struct relax *x, struct relax_rule *r, bool cap_binds)
{
	const struct rule *rule = x->p->live[r->live].rule;

	if (r->shape == SHAPE_SET) {
		/* As many as its form asks for; more, where another form begins, only if few. */
		r->counted = rule->set_units_max < r->count;
		r->states =
			(uint32_t)(r->counted ? rule->set_units_max : rule->units) + 1;
	} else if (cap_binds && r->cap <= RELAX_EXACT_UNITS) {
		r->counted = true;
		r->states = r->cap + 1;
	} else {
		r->count_used = cap_binds;
		r->cyclic = r->size > 0;
		r->states = r->size > 0 ? r->size : r->shape == SHAPE_NEXT ? 2 : 1;
	}
}

static int
make_tables(struct relax *x, struct relax_rule *r)
{
	r->value = arena_array(x->arena, ((size_t)r->count + 1) * r->states,
			       sizeof(*r->value));
	r->choice =
		arena_array(x->arena, (size_t)r->count * r->states, sizeof(*r->choice));
	if (r->value == NULL || r->choice == NULL)
		return -ENOMEM;
	/* Each state tries so many numbers of units. */
	for (uint32_t q = 0; q < r->count; q++) {
		uint32_t tries = r->same != NULL ? 1 : x->items[r->items[q]].units;

		if (r->cyclic && tries > 2 * r->size)
			tries = 2 * r->size;
		else if (tries > 2 * RELAX_EXACT_UNITS)
			tries = 2 * RELAX_EXACT_UNITS;
		x->cells += (uint64_t)r->states * tries;
	}
	return 0;
}

static int
add_rule(struct relax *x, uint32_t live)
{
	const struct live *l = &x->p->live[live];
	struct relax_rule *r = &x->rules[x->rules_count];
	uint64_t units = 0;
	int rc;

	*r = (struct relax_rule){ .live = live,
				  .shape = l->rule->shape,
				  .size = l->rule->size,
				  .cap = l->units_cap };
	if (r->shape == SHAPE_BUNDLE) {
		rc = relax_bundle_add(x, l, r);
		if (rc < 0 || r->bundle == NULL)
			return rc;
		x->exact = x->exact && gains_exact(x, r);
		x->rules_count++;
		return 0;
	}
	rc = place_items(x, l, r);
	if (rc < 0)
		return rc;
	for (uint32_t q = 0; q < r->count; q++)
		units += r->same != NULL ? 1 : x->items[r->items[q]].units;
	if (units < r->size || units == 0 ||
	    (r->shape == SHAPE_SET && units < (uint64_t)l->rule->units))
		return 0; /* no group can ever be full */
	if (r->cap > units)
		r->cap = (uint32_t)(units - (r->size > 0 ? units % r->size : 0));
	set_states(x, r, l->units_cap < units);
	rc = make_tables(x, r);
	if (rc < 0)
		return rc;
	x->exact = x->exact && gains_exact(x, r);
	r->by_room = little_room(x, r);
	x->rules_count++;
	return 0;
}

/* What a rule without max_units gains on units of an item. */
static int64_t
free_gain(const struct relax *x, const struct relax_item *it, uint32_t live,
	  uint32_t units)
{
	int64_t off = portion_units(x->p->live[live].rule, &x->p->items[it->item], units,
				    x->p->rules->rounding);

	return off > 0 ? off * RELAX_ONE - x->eps : 0;
}

static void
fill_free(struct relax *x, struct relax_item *it)
{
	it->free_rate = it->free_slack = 0;
	for (uint32_t k = 0; k <= it->units && k <= RELAX_EXACT_UNITS; k++) {
		it->free_gain[k] = 0;
		for (uint32_t i = 0; i < it->free_count; i++)
			it->free_gain[k] =
				most(it->free_gain[k], free_gain(x, it, it->free[i], k));
	}
	for (uint32_t i = 0; it->units > RELAX_EXACT_UNITS && i < it->free_count; i++) {
		/* The rate of many units; where it is no whole number, rounding is on top. */
		int64_t many = portion_units(x->p->live[it->free[i]].rule,
					     &x->p->items[it->item], BP_ONE,
					     x->p->rules->rounding);

		it->free_rate = most(it->free_rate, relax_bp_parts(many));
		if (many % BP_ONE != 0)
			it->free_slack = RELAX_ONE / 2 + 1;
	}
}

/* What one unit gains at the very most, as a first price. */
static int64_t
density(const struct relax *x, const struct relax_rule *r, const struct item *it)
{
	const struct rule *rule = x->p->live[r->live].rule;
	const struct reward *w = &rule->reward;
	enum rounding mode = x->p->rules->rounding;
	int64_t size = rule->size > 0 ? rule->size : 1, got;

	if (r->shape == SHAPE_UNITS)
		return portion_units(rule, it, 1, mode) * RELAX_ONE;
	if (r->shape == SHAPE_NEXT)
		return most(portion_each(&rule->first, it, 1, mode),
			    portion_each(w, it, 1, mode)) *
		       RELAX_ONE;
	for (uint32_t c = 0; c < rule->parts_count; c++)
		size += rule->parts[c].units;
	got = rule->shape == SHAPE_GROUP ? size - rule->skip : 1;
	if (w->form == REWARD_PERCENT)
		return portion_percent(it->value, w->x, ROUND_HALF_UP) * RELAX_ONE /
		       (r->shape == SHAPE_GROUP ? size : 1) * got;
	if (r->shape == SHAPE_GROUP && by_unit(rule))
		return portion_each(w, it, 1, mode) * RELAX_ONE / size * got;
	if (w->form == REWARD_PRICE)
		return it->value * RELAX_ONE - w->x * RELAX_ONE / size;
	return w->x * RELAX_ONE / size;
}

void
relax_set_price(struct relax *x, uint32_t i, int64_t price)
{
	int64_t highest = x->p->items[x->items[i].item].value * RELAX_ONE;

	x->items[i].price = most(0, price < highest ? price : highest);
}

static void
first_prices(struct relax *x)
{
	for (uint32_t i = 0; i < x->items_count; i++) {
		const struct relax_item *it = &x->items[i];

		relax_set_price(x, i,
				it->units == 0 ? 0
				: it->units <= RELAX_EXACT_UNITS
					? it->free_gain[it->units] / it->units
					: it->free_rate);
	}
	for (uint32_t j = 0; j < x->rules_count; j++) {
		const struct relax_rule *r = &x->rules[j];

		for (uint32_t q = 0; q < r->count; q++) {
			const struct relax_item *it = &x->items[r->items[q]];

			relax_set_price(
				x, r->items[q],
				most(it->price, density(x, r, &x->p->items[it->item])));
		}
	}
}

/* The order of all lists of items: dearest first, then by line. */
static bool
item_before(const struct problem *p, uint32_t a, uint32_t b)
{
	return p->items[a].value > p->items[b].value ||
	       (a < b && p->items[a].value == p->items[b].value);
}

/* A rule without max_units may have items in other components as well; all are sorted alike. */
static void
add_free(struct relax *x, uint32_t live)
{
	const struct live *l = &x->p->live[live];
	uint32_t at = 0;

	for (uint32_t i = 0; i < l->items_count && at < x->items_count; i++) {
		uint32_t item = l->items[i];

		while (at < x->items_count && item_before(x->p, x->items[at].item, item))
			at++;
		if (at < x->items_count && x->items[at].item == item)
			x->items[at].free[x->items[at].free_count++] = live;
	}
}

int
relax_enable(struct relax *x, const struct component *c, const bool *off,
	     const bool *blocked)
{
	int rc = 0;

	if (x->own_arena)
		arena_reset(x->arena);
	x->rules_count = 0;
	x->cells = 0;
	x->exact = true;
	x->trimmed_minor = 0;
	for (uint32_t i = 0; i < c->items_count; i++) {
		x->items[i].units = blocked[i] ? 0 : x->p->items[c->items[i]].units;
		x->items[i].free_count = 0;
	}
	for (uint32_t j = 0; rc == 0 && j < c->live_count; j++) {
		const struct live *l = &x->p->live[c->live[j]];

		if (off[c->live[j]] || l->rule->shape == SHAPE_WHOLE)
			continue;
		if (l->coupled)
			rc = add_rule(x, c->live[j]);
		else
			add_free(x, c->live[j]);
	}
	for (uint32_t i = 0; i < x->items_count; i++)
		fill_free(x, &x->items[i]);
	first_prices(x);
	return rc;
}

/* How many of the first n units of a stream of groups are got ones. */
static int64_t
got_among(const struct rule *rule, int64_t n)
{
	int64_t size = rule->size, skip = rule->skip;

	return n / size * (size - skip) + most(0, n % size - skip);
}

/* Groups: an upper bound where a group's reward is rounded or shared over several units. */
static int64_t
group_gain(const struct relax *x, const struct relax_rule *r, const struct item *it,
	   uint64_t state, uint32_t units)
{
	const struct rule *rule = x->p->live[r->live].rule;
	const struct reward *w = &rule->reward;
	int64_t fill = (int64_t)(state % r->size), gain, got;
	int64_t whole = (fill + units) / r->size;

	if (r->by_room)
		return it->room * units * RELAX_ONE - whole * x->eps;
	if (!by_unit(rule) && w->form == REWARD_PRICE)
		return it->value * units * RELAX_ONE +
		       relax_times(whole, -w->x * RELAX_ONE - x->eps);
	if (!by_unit(rule) && w->form == REWARD_AMOUNT)
		return relax_times(whole, w->x * RELAX_ONE - x->eps);
	got = got_among(rule, fill + units) - got_among(rule, fill);
	if (w->form != REWARD_PERCENT || by_unit(rule)) {
		gain = portion_reward(w, it->value, x->p->rules->rounding);
		gain = most(0, gain < it->room ? gain : it->room) * RELAX_ONE;
	} else if (w->x == BP_ONE) {
		gain = it->room * RELAX_ONE;
	} else {
		/* Rounded over the group: half a minor unit of it is on top. */
		gain = relax_bp_parts(it->value * w->x) +
		       RELAX_ONE / (rule->size - rule->skip) / 2 + 1;
	}
	return got * gain - whole * x->eps;
}

int64_t
relax_gain(const struct relax *x, const struct relax_rule *r, uint32_t q, uint64_t state,
	   uint32_t units)
{
	const struct rule *rule = x->p->live[r->live].rule;
	const struct item *it = &x->p->items[x->items[r->items[q]].item];
	enum rounding mode = x->p->rules->rounding;
	int64_t gain = 0;

	if (units == 0)
		return 0;
	switch (r->shape) {
	case SHAPE_UNITS:
		gain = portion_units(rule, it, units, mode);
		return gain > 0 ? gain * RELAX_ONE - x->eps : 0;
	case SHAPE_GROUP:
		return group_gain(x, r, it, state, units);
	case SHAPE_NEXT:
		if (state > 0)
			return portion_each(&rule->reward, it, units, mode) * RELAX_ONE;
		gain = portion_each(&rule->first, it, 1, mode) +
		       portion_each(&rule->reward, it, units - 1, mode);
		return gain * RELAX_ONE - x->eps;
	case SHAPE_SET:
		/* Rounded over the set: half a minor unit of it is on top. */
		gain = state > 0 ? 0 : RELAX_ONE / 2 - x->eps;
		return gain + relax_bp_parts(it->value * rule->reward.x);
	case SHAPE_BUNDLE:
		return relax_bundle_gain(x, r, q, state, units);
	case SHAPE_WHOLE:
		break;
	}
	return 0;
}

int64_t
relax_free(const struct relax *x, const struct relax_item *it, uint32_t units,
	   uint32_t *ret_live)
{
	int64_t best = 0;

	*ret_live = RELAX_NONE;
	for (uint32_t i = 0; i < it->free_count && units > 0; i++) {
		int64_t gain = free_gain(x, it, it->free[i], units);

		if (gain > best) {
			best = gain;
			*ret_live = it->free[i];
		}
	}
	return best;
}

int64_t
relax_free_alone(const struct relax *x, uint32_t live, int64_t *want)
{
	const struct live *l = &x->p->live[live];
	int64_t sum = 0;
	uint32_t at = 0;

	for (uint32_t i = 0; i < x->items_count; i++) {
		const struct relax_item *it = &x->items[i];
		uint32_t best_k = 0;
		int64_t best = 0;

		/* Both are sorted alike; the rule may have items in other components. */
		while (at < l->items_count && item_before(x->p, l->items[at], it->item))
			at++;
		if (at == l->items_count || l->items[at] != it->item)
			continue;
		for (uint32_t k = 1; k <= it->units; k++) {
			int64_t gain;

			if (k == RELAX_EXACT_UNITS + 1)
				k = it->units; /* it is a line, but for rounding */
			gain = free_gain(x, it, live, k) - k * it->price;
			if (gain > best) {
				best = gain;
				best_k = k;
			}
		}
		sum += best + (it->units > RELAX_EXACT_UNITS ? RELAX_ONE : 0);
		if (want != NULL)
			want[i] += best_k;
	}
	return sum;
}

int64_t
relax_item_bound(const struct relax_item *it, uint32_t avail)
{
	int64_t best = 0;

	if (it->free_count > 0) {
		for (uint32_t k = 1; k <= avail && k <= RELAX_EXACT_UNITS; k++)
			best = most(best, it->free_gain[k] - k * it->price);
		if (avail > RELAX_EXACT_UNITS)
			best = most(best, most((it->free_rate - it->price) * avail, 0) +
						  it->free_slack);
	}
	return best + it->price * avail;
}

/*
 * One position of a rule's programme: the best number of units from a state. Where each unit is for
 * itself, gains and prices are lines but for half a minor unit of rounding: in the middle of many
 * units nothing is more than a minor unit above both ends, which are looked at.
 */
static void
programme_state(const struct relax *x, struct relax_rule *r, uint32_t q, uint32_t state)
{
	const struct relax_item *it = &x->items[r->items[q]];
	const int64_t *after = r->value + (size_t)(q + 1) * r->states;
	uint32_t units = it->units, best_k = 0;
	int64_t best = after[state], most_taken = RELAX_NEVER;
	bool skipped = false;

	if (r->caps != NULL && r->caps[q] < units)
		units = r->caps[q];
	if (r->counted && r->states - 1 - state < units)
		units = r->states - 1 - state;
	for (uint32_t k = 1; k <= units; k++) {
		int64_t value;

		/* Gains repeat with the group: only its first and last turn matter. */
		if (r->cyclic && k == r->size && units >= 2 * r->size)
			k = units - r->size + 1;
		else if (!r->cyclic && k == RELAX_EXACT_UNITS + 1 &&
			 units > 2 * RELAX_EXACT_UNITS) {
			k = units - RELAX_EXACT_UNITS + 1;
			skipped = true;
		}
		value = after[relax_next(r, q, state, k)];
		if (value == RELAX_NEVER)
			continue;
		value = within(value + relax_gain(x, r, q, state, k) - k * it->price);
		most_taken = most(most_taken, value);
		if (value > best) {
			best = value;
			best_k = k;
		}
	}
	if (skipped)
		best = most(best, within(most_taken + RELAX_ONE));
	r->value[(size_t)q * r->states + state] = best;
	r->choice[(size_t)q * r->states + state] = best_k;
}

/* Whether a rule may stop in a state: no open group, no set with too few. */
static bool
may_end(const struct relax *x, const struct relax_rule *r, uint32_t state)
{
	if (r->shape == SHAPE_SET)
		return state == 0 || state >= x->p->live[r->live].rule->units;
	return r->size == 0 || state % r->size == 0;
}

int64_t
relax_programme(const struct relax *x, struct relax_rule *r)
{
	int64_t *end;

	if (r->bundle != NULL)
		return relax_bundle_programme(x, r);
	end = r->value + (size_t)r->count * r->states;
	for (uint32_t state = 0; state < r->states; state++)
		end[state] = may_end(x, r, state) ? 0 : RELAX_NEVER;
	for (uint32_t q = r->count; q-- > 0;)
		for (uint32_t state = 0; state < r->states; state++)
			programme_state(x, r, q, state);
	return r->value[0];
}

int64_t
relax_solve(struct relax *x)
{
	int64_t bound = 0;

	for (uint32_t j = 0; j < x->rules_count; j++)
		bound = relax_sum(bound, relax_programme(x, &x->rules[j]));
	for (uint32_t i = 0; i < x->items_count; i++)
		bound = relax_sum(bound,
				  relax_item_bound(&x->items[i], x->items[i].units));
	return bound;
}

uint64_t
relax_nodes(const struct relax *x)
{
	return x->cells / CELLS_A_NODE + 1;
}

void
relax_want_items(const struct relax *x, int64_t *want)
{
	for (uint32_t i = 0; i < x->items_count; i++) {
		const struct relax_item *it = &x->items[i];
		int64_t best = 0;

		want[i] = -(int64_t)it->units;
		for (uint32_t k = 1;
		     it->free_count > 0 && k <= it->units && k <= RELAX_EXACT_UNITS; k++)
			if (it->free_gain[k] - k * it->price > best) {
				best = it->free_gain[k] - k * it->price;
				want[i] = (int64_t)k - it->units;
			}
	}
}

void
relax_want_rule(const struct relax *x, const struct relax_rule *r, int64_t *want)
{
	uint64_t state = 0;

	for (uint32_t q = 0; q < r->count; q++) {
		uint32_t k = r->bundle != NULL ? relax_bundle_wants(r)[q]
					       : relax_likely(x, r, q, state);

		want[r->items[q]] += k;
		state = relax_next(r, q, state, k);
	}
}

int64_t
relax_step(struct relax *x, const int64_t *want, int64_t above, int64_t damp)
{
	int64_t norm = 0, step;

	for (uint32_t i = 0; i < x->items_count; i++)
		norm += want[i] * want[i];
	if (norm == 0)
		return 0;
	step = above / (norm * damp) + 1;
	for (uint32_t i = 0; i < x->items_count; i++)
		if (x->items[i].units > 0)
			relax_set_price(x, i, x->items[i].price + step * want[i]);
	return norm;
}

int64_t
relax_improve(struct relax *x, int64_t known, unsigned rounds, struct effort *effort)
{
	int64_t *want = arena_array(x->arena, x->items_count, sizeof(*want));
	int64_t *best_price = arena_array(x->arena, x->items_count, sizeof(*best_price));
	int64_t best, bound, damp = 1;
	unsigned worse = 0;

	bound = best = relax_solve(x);
	if (want == NULL || best_price == NULL)
		return best; /* weaker, not wrong */
	for (uint32_t i = 0; i < x->items_count; i++)
		best_price[i] = x->items[i].price;
	for (unsigned round = 0; round < rounds && best >= known + RELAX_EPS; round++) {
		relax_want_items(x, want);
		for (uint32_t j = 0; j < x->rules_count; j++)
			relax_want_rule(x, &x->rules[j], want);
		if (!effort_affords(effort, relax_nodes(x)) ||
		    !effort_spend(effort, relax_nodes(x)) ||
		    relax_step(x, want, bound - known, damp) == 0)
			break;
		bound = relax_solve(x);
		if (bound < best) {
			best = bound;
			for (uint32_t i = 0; i < x->items_count; i++)
				best_price[i] = x->items[i].price;
		} else if (++worse % 3 == 0) {
			damp *= 2;
		}
	}
	for (uint32_t i = 0; i < x->items_count; i++)
		x->items[i].price = best_price[i];
	return relax_solve(x);
}
