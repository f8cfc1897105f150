#include "core/pricing/relax.h"
#include "core/pricing/portion.h"

#include <errno.h>
#include <string.h>

#define CELLS_A_NODE 16u

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Basis points of a minor unit in parts of RELAX_ONE, rounded up. */
static int64_t
bp_parts(int64_t bp)
{
	int64_t parts;

	/* Within PROBLEM_GROSS_MAX it cannot overflow. */
	if (money_muldiv(bp, RELAX_ONE, BP_ONE, ROUND_DOWN, &parts) < 0)
		return -RELAX_NEVER;
	return parts + 1;
}

static bool
is_group(const struct live *l)
{
	return l->rule->kind == KIND_N_FOR_PRICE || l->rule->kind == KIND_BUY_GET;
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

/* Where in the component each of a rule's items is; both are sorted alike. */
static int
place_items(struct relax *x, const struct live *l, struct relax_rule *r)
{
	uint32_t at = 0;

	r->items = arena_array(x->arena, l->items_count, sizeof(*r->items));
	r->caps = l->caps != NULL
			  ? arena_array(x->arena, l->items_count, sizeof(*r->caps))
			  : NULL;
	if (r->items == NULL || (l->caps != NULL && r->caps == NULL))
		return -ENOMEM;
	for (uint32_t i = 0; i < l->items_count; i++) {
		while (x->items[at].item != l->items[i])
			at++;
		if (x->items[at].units == 0 || (l->caps != NULL && l->caps[i] == 0))
			continue;
		if (r->caps != NULL)
			r->caps[r->count] = l->caps[i];
		r->items[r->count++] = at;
	}
	return 0;
}

/* Whether what relax_gain says of a rule is exact and not only a bound. */
static bool
gains_exact(const struct relax *x, const struct relax_rule *r)
{
	const struct rule *rule = x->p->live[r->live].rule;

	if (r->size == 0)
		return true;
	if (rule->kind == KIND_BUY_GET && rule->get > 1 && rule->percent_bp < BP_ONE)
		return false;
	for (uint32_t q = 0; q < r->count; q++) {
		const struct item *it = &x->p->items[x->items[r->items[q]].item];

		if (it->room < it->value || it->value == 0)
			return rule->kind == KIND_BUY_GET && rule->get == 1;
	}
	return true;
}

/* A state for each number of units when few are allowed, else for the fill of a group only. */
static void
set_states(struct relax_rule *r, bool cap_binds)
{
	if (cap_binds && r->cap <= RELAX_EXACT_UNITS) {
		r->states = r->cap + 1;
	} else {
		r->count_used = cap_binds;
		r->cyclic = r->size > 0;
		r->states = r->size > 0 ? r->size : 1;
	}
}

static int
add_rule(struct relax *x, uint32_t live)
{
	const struct live *l = &x->p->live[live];
	struct relax_rule *r = &x->rules[x->rules_count];
	uint64_t units = 0;
	int rc;

	*r = (struct relax_rule){ .live = live, .cap = l->units_cap };
	if (is_group(l))
		r->size = (uint32_t)(l->rule->kind == KIND_N_FOR_PRICE
					     ? l->rule->units
					     : l->rule->buy + l->rule->get);
	rc = place_items(x, l, r);
	if (rc < 0)
		return rc;
	for (uint32_t q = 0; q < r->count; q++)
		units += x->items[r->items[q]].units;
	if (units < r->size || units == 0)
		return 0; /* no group can ever be full */
	if (r->cap > units)
		r->cap = (uint32_t)(units - (r->size > 0 ? units % r->size : 0));
	set_states(r, l->units_cap < units);
	r->value = arena_array(x->arena, ((size_t)r->count + 1) * r->states,
			       sizeof(*r->value));
	r->choice =
		arena_array(x->arena, (size_t)r->count * r->states, sizeof(*r->choice));
	if (r->value == NULL || r->choice == NULL)
		return -ENOMEM;
	x->exact = x->exact && gains_exact(x, r);
	/* Each state tries so many numbers of units. */
	for (uint32_t q = 0; q < r->count; q++) {
		uint32_t tries = x->items[r->items[q]].units;

		if (r->cyclic && tries > 2 * r->size)
			tries = 2 * r->size;
		x->cells += (uint64_t)r->states * tries;
	}
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
		/* The rate of many units; half a minor unit of rounding is on top. */
		int64_t many = portion_units(x->p->live[it->free[i]].rule,
					     &x->p->items[it->item], BP_ONE,
					     x->p->rules->rounding);

		it->free_rate = most(it->free_rate, bp_parts(many));
		it->free_slack = RELAX_ONE;
	}
}

/* What one unit gains at the very most, as a first price. */
static int64_t
density(const struct relax *x, const struct relax_rule *r, const struct item *it)
{
	const struct rule *rule = x->p->live[r->live].rule;

	if (r->size == 0)
		return portion_units(rule, it, 1, x->p->rules->rounding) * RELAX_ONE;
	if (rule->kind == KIND_N_FOR_PRICE)
		return it->value * RELAX_ONE -
		       rule->price_minor * RELAX_ONE / rule->units;
	return portion_percent(it->value, rule->percent_bp, ROUND_HALF_UP) * RELAX_ONE /
	       r->size * rule->get;
}

static void
first_prices(struct relax *x)
{
	for (uint32_t i = 0; i < x->items_count; i++) {
		struct relax_item *it = &x->items[i];

		it->price = it->units == 0 ? 0
			    : it->units <= RELAX_EXACT_UNITS
				    ? it->free_gain[it->units] / it->units
				    : it->free_rate;
	}
	for (uint32_t j = 0; j < x->rules_count; j++) {
		const struct relax_rule *r = &x->rules[j];

		for (uint32_t q = 0; q < r->count; q++) {
			struct relax_item *it = &x->items[r->items[q]];

			it->price =
				most(it->price, density(x, r, &x->p->items[it->item]));
		}
	}
}

/* A rule without max_units may have items in other components as well; all are sorted alike. */
static void
add_free(struct relax *x, uint32_t live)
{
	const struct live *l = &x->p->live[live];
	uint32_t at = 0;

	for (uint32_t i = 0; i < l->items_count && at < x->items_count; i++) {
		uint32_t item = l->items[i];
		int64_t value = x->p->items[item].value;

		while (at < x->items_count &&
		       (x->p->items[x->items[at].item].value > value ||
			(x->p->items[x->items[at].item].value == value &&
			 x->items[at].item < item)))
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

	x->rules_count = 0;
	x->cells = 0;
	x->exact = true;
	for (uint32_t i = 0; i < c->items_count; i++) {
		x->items[i].units = blocked[i] ? 0 : x->p->items[c->items[i]].units;
		x->items[i].free_count = 0;
	}
	for (uint32_t j = 0; rc == 0 && j < c->live_count; j++) {
		const struct live *l = &x->p->live[c->live[j]];

		if (off[c->live[j]] || l->rule->kind == KIND_BUY_GET_CHEAPEST)
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
got_among(const struct rule *rule, int64_t size, int64_t n)
{
	return n / size * rule->get + most(0, n % size - rule->buy);
}

int64_t
relax_gain(const struct relax *x, const struct relax_rule *r, uint32_t q, uint32_t state,
	   uint32_t units)
{
	const struct rule *rule = x->p->live[r->live].rule;
	const struct item *it = &x->p->items[x->items[r->items[q]].item];
	int64_t fill, whole, gain, got;

	if (units == 0)
		return 0;
	if (r->size == 0) {
		gain = portion_units(rule, it, units, x->p->rules->rounding);
		return gain > 0 ? gain * RELAX_ONE - x->eps : 0;
	}
	fill = state % r->size;
	whole = (fill + units) / r->size;
	if (rule->kind == KIND_N_FOR_PRICE)
		return it->value * units * RELAX_ONE -
		       whole * (rule->price_minor * RELAX_ONE + x->eps);
	got = got_among(rule, r->size, fill + units) - got_among(rule, r->size, fill);
	if (rule->get == 1 || rule->percent_bp == BP_ONE) {
		gain = portion_percent(it->value, rule->percent_bp,
				       x->p->rules->rounding);
		gain = (gain < it->room ? gain : it->room) * RELAX_ONE;
	} else {
		/* Rounded over the group: half a minor unit of it is on top. */
		gain = bp_parts(it->value * rule->percent_bp) +
		       RELAX_ONE / rule->get / 2 + 1;
	}
	return got * gain - whole * x->eps;
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

/* One position of a rule's programme: the best number of units from a state. */
static void
programme_state(const struct relax *x, struct relax_rule *r, uint32_t q, uint32_t state)
{
	const struct relax_item *it = &x->items[r->items[q]];
	const int64_t *after = r->value + (size_t)(q + 1) * r->states;
	uint32_t units = it->units, best_k = 0;
	int64_t best = after[state];

	if (r->caps != NULL && r->caps[q] < units)
		units = r->caps[q];
	if (!r->cyclic && r->states > 1 && r->cap - state < units)
		units = r->cap - state;
	for (uint32_t k = 1; k <= units; k++) {
		int64_t value;

		/* Gains repeat with the group: only its first and last turn matter. */
		if (r->cyclic && k == r->size && units >= 2 * r->size)
			k = units - r->size + 1;
		value = after[relax_next(r, state, k)];
		if (value == RELAX_NEVER)
			continue;
		value += relax_gain(x, r, q, state, k) - k * it->price;
		if (value > best) {
			best = value;
			best_k = k;
		}
	}
	r->value[(size_t)q * r->states + state] = best;
	r->choice[(size_t)q * r->states + state] = best_k;
}

int64_t
relax_programme(const struct relax *x, struct relax_rule *r)
{
	int64_t *end = r->value + (size_t)r->count * r->states;

	for (uint32_t state = 0; state < r->states; state++)
		end[state] = r->size > 0 && state % r->size != 0 ? RELAX_NEVER : 0;
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
		bound += relax_programme(x, &x->rules[j]);
	for (uint32_t i = 0; i < x->items_count; i++)
		bound += relax_item_bound(&x->items[i], x->items[i].units);
	return bound;
}

uint64_t
relax_nodes(const struct relax *x)
{
	return x->cells / CELLS_A_NODE + 1;
}

/* How many units of each item the relaxed rules want, less those there are. */
static int64_t
excess(const struct relax *x, int64_t *want)
{
	int64_t norm = 0;

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
	for (uint32_t j = 0; j < x->rules_count; j++) {
		const struct relax_rule *r = &x->rules[j];
		uint32_t state = 0;

		for (uint32_t q = 0; q < r->count; q++) {
			uint32_t k = r->choice[(size_t)q * r->states + state];

			want[r->items[q]] += k;
			state = relax_next(r, state, k);
		}
	}
	for (uint32_t i = 0; i < x->items_count; i++)
		norm += want[i] * want[i];
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
		int64_t norm = excess(x, want), step;

		if (norm == 0 || !effort_spend(effort, relax_nodes(x)))
			break;
		step = (bound - known) / (norm * damp) + 1;
		for (uint32_t i = 0; i < x->items_count; i++)
			if (x->items[i].units > 0)
				x->items[i].price =
					most(0, x->items[i].price + step * want[i]);
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
