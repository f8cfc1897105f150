#include "core/pricing/search_private.h"
#include "core/pricing/portion.h"
#include "core/pricing/search_bulk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_BYTES_MAX ((size_t)256 << 20)
#define SMALL_CELLS 32u /* items times rules of a component that is searched at once */
#define MEMO_RULES_MAX 64u
#define FIRST_NODES 256u /* tried before the prices are improved */
#define CHOICES_MANY 2u  /* combinations of choices that are weighed first */
#define CHOICES_A_NODE 16u
#define CHOICE_NODES 8192u /* for each combination, where there are many */
#define MISSES_A_NODE 16u  /* attempts that the bound refuses at once */

/* The net of a line after layer 2. */
static int64_t
after_stacks(const struct search_job *job, uint32_t line, int64_t net)
{
	const struct cost_model *c = job->cost;

	for (uint32_t i = c->stack_first[line]; i < c->stack_first[line + 1]; i++)
		net = layers_stacked(job->p, &job->p->live[c->stacks[i]], line, net);
	return net;
}

/* As search_evaluate(); the net of each line of the component, too, unless NULL. */
static int
evaluate(const struct search_job *job, const struct take *takes, uint32_t count,
	 int64_t *off, int64_t *line_nets, struct point *ret_point)
{
	const struct component *c = job->component;
	uint32_t dims = job->cost->dims_count;
	bool idle;
	int rc = layers_unit(job->p, takes, count, off, NULL, &idle);

	*ret_point = (struct point){ .takes = takes, .takes_count = count, .idle = idle };
	for (uint32_t i = 0; i < c->lines_count; i++) {
		uint32_t line = c->lines[i];
		int64_t net = job->p->lines[line]->amount_minor - off[line];

		net = after_stacks(job, line, net);
		if (line_nets != NULL)
			line_nets[i] = net;
		ret_point->cost += net * job->cost->weight_bp[line];
		ret_point->nets[dims] += net;
		for (uint32_t d = 0; d < dims; d++)
			if ((job->cost->dims[line] & 1u << d) != 0)
				ret_point->nets[d] += net;
		off[line] = 0;
	}
	return rc;
}

int
search_evaluate(const struct search_job *job, const struct take *takes, uint32_t count,
		int64_t *off, struct point *ret_point)
{
	return evaluate(job, takes, count, off, NULL, ret_point);
}

/* A cost that no saving up to gain can go below. */
static int64_t
cost_at(const struct search *s, int64_t gain)
{
	int64_t minor = gain <= 0 ? 0 : (gain + RELAX_ONE - 1) / RELAX_ONE;

	return s->base_cost - minor * s->factor_bp;
}

bool
search_hopeless(const struct search *s, int64_t bound)
{
	int64_t step = s->x.eps > 0 ? s->x.eps : RELAX_ONE;

	if (s->job->want != SEARCH_CHEAPEST)
		return cost_at(s, bound) > s->job->cost_limit;
	if (!s->have_best)
		return false;
	if (s->simple)
		return bound < s->best_gain + step;
	return cost_at(s, bound) >= s->best.cost;
}

/*
 * A stacked percentage is rounded, so the saving of a line shrinks by it give or take one minor
 * unit a rule: base_cost is that much lower.
 */
static void
set_cost(struct search *s)
{
	const struct search_job *job = s->job;
	const struct component *c = job->component;

	s->simple = true;
	for (uint32_t i = 0; i < c->lines_count; i++) {
		uint32_t line = c->lines[i];
		int64_t net = job->p->lines[line]->amount_minor;
		int64_t weight = job->cost->weight_bp[line], factor = weight;
		uint32_t end = job->cost->stack_first[line + 1];

		s->base_cost += after_stacks(job, line, net) * weight;
		for (uint32_t k = job->cost->stack_first[line]; k < end; k++) {
			const struct rule *r = job->p->live[job->cost->stacks[k]].rule;

			s->simple = false;
			if (r->kind != KIND_PERCENT)
				continue;
			s->base_cost -= weight;
			factor =
				(factor * (BP_ONE - r->percent_bp) + BP_ONE - 1) / BP_ONE;
		}
		if (i > 0 && factor != s->factor_bp)
			s->simple = false;
		if (factor > s->factor_bp)
			s->factor_bp = factor;
	}
}

/* ---- what was found ---- */

/* How many applications a rule's takes are, as the bound counts them. */
static uint64_t
applications(const struct search *s, const struct relax_rule *r, const struct take *takes,
	     uint32_t count, uint32_t units)
{
	const struct rule *rule = s->job->p->live[r->live].rule;
	uint64_t sum[BUNDLE_PARTS_MAX] = { 0 }, least = UINT64_MAX;

	if (r->shape == SHAPE_UNITS)
		return count;
	if (r->shape == SHAPE_GROUP)
		return units / r->size;
	if (r->shape != SHAPE_BUNDLE)
		return count > 0;
	for (uint32_t i = 0; i < count; i++)
		sum[takes[i].part] += takes[i].units;
	for (uint32_t c = 0; c < rule->parts_count; c++)
		if (sum[c] / (uint64_t)rule->parts[c].units < least)
			least = sum[c] / (uint64_t)rule->parts[c].units;
	return least;
}

/* Writes the takes of the present decisions after those of whole-scope rules. */
static uint32_t
write_takes(struct search *s, int64_t *ret_eps)
{
	uint32_t n = s->whole_takes;
	int64_t eps = 0;

	for (uint32_t j = 0; j < s->x.rules_count; j++) {
		const struct relax_rule *r = &s->x.rules[j];
		uint32_t units = 0, from = n;

		for (uint32_t q = 0; q < r->count; q++) {
			uint32_t k = s->frames[s->step_of[s->cursor[j] + q]].units;

			if (k == 0)
				continue;
			s->takes[n++] =
				(struct take){ r->live, s->x.items[r->items[q]].item, k,
					       r->bundle != NULL ? relax_bundle_part(r, q)
								 : 0 };
			units += k;
		}
		eps += (int64_t)applications(s, r, s->takes + from, n - from, units) *
		       s->x.eps;
	}
	for (uint32_t t = 0; t < s->x.items_count; t++) {
		uint32_t live = s->step_free[t], units = s->avail[t];

		if (s->job->want == SEARCH_CHEAPEST)
			(void)relax_free(&s->x, &s->x.items[t], units, &live);
		if (live == RELAX_NONE || units == 0)
			continue;
		s->takes[n++] = (struct take){ live, s->x.items[t].item, units, 0 };
		eps += s->x.eps;
	}
	*ret_eps = eps;
	return n;
}

/* Every decision is made: what it costs, exactly. */
static void
leaf(struct search *s)
{
	struct point found;
	int64_t eps, gain;
	uint32_t n = write_takes(s, &eps);
	int rc = evaluate(s->job, s->takes, n, s->line_off, s->line_nets, &found);

	if (rc < 0) {
		s->error = rc;
		return;
	}
	if (found.idle)
		return; /* not a way of its own */
	found.line_nets = s->line_nets;
	if (s->job->want != SEARCH_CHEAPEST) {
		search_add_point(s, &found);
		return;
	}
	gain = s->simple && s->factor_bp > 0
		       ? (s->base_cost - found.cost) / s->factor_bp * RELAX_ONE - eps
		       : s->gain;
	if (s->have_best &&
	    (s->simple ? gain <= s->best_gain : found.cost >= s->best.cost))
		return;
	s->have_best = true;
	s->best_gain = gain;
	s->best = found;
	s->best.takes = search_keep_takes(s, s->takes, n);
}

/* ---- what was seen before ---- */

static void
remember(struct search *s)
{
	const struct search_job *job = s->job;
	const struct component *c = job->component;

	s->memo_on =
		s->simple && s->x.exact && job->want != SEARCH_ALL && s->steps_count > 3;
	/*
	 * That a bundle, a set or a lone first unit saves nothing is only known when all units are
	 * decided: such a way is dropped at its end, and must not have stood for an equal one.
	 */
	for (uint32_t j = 0; j < s->x.rules_count && job->want != SEARCH_CHEAPEST; j++)
		s->memo_on = s->memo_on && (s->x.rules[j].shape == SHAPE_UNITS ||
					    s->x.rules[j].shape == SHAPE_GROUP);
	for (uint32_t i = 1; i < c->lines_count && job->want != SEARCH_CHEAPEST; i++)
		s->memo_on = s->memo_on &&
			     job->cost->dims[c->lines[i]] == job->cost->dims[c->lines[0]];
	if (s->memo_on)
		s->memo_on = memo_start(&s->memo, 2 + 3 * s->x.rules_count);
}

/* Whether everything that the rest of the search depends on was the same before. */
static bool
seen(struct search *s, uint32_t item)
{
	bool all = s->job->want != SEARCH_CHEAPEST;
	int64_t *key = s->memo.key;

	memset(key, 0, s->memo.key_words * sizeof(*key));
	key[0] = item;
	key[1] = all ? (s->gain + RELAX_ONE - 1) / RELAX_ONE : 0;
	for (uint32_t j = 0; j < s->x.rules_count; j++) {
		const struct relax_rule *r = &s->x.rules[j];

		if (r->items[r->count - 1] < item)
			continue; /* its work is done */
		key[2 + 3 * j] = (int64_t)s->state[j];
		key[3 + 3 * j] = r->count_used ? s->used[j] : 0;
		key[4 + 3 * j] = all ? s->sum[j] : 0;
	}
	return memo_seen(&s->memo, s->gain, all);
}

/* ---- the walk ---- */

/* Steps of one item after the other: its coupled rules, then (when all ways are wanted) others. */
static void
make_steps(struct search *s)
{
	struct relax *x = &s->x;
	uint32_t n = 0;

	for (uint32_t j = 0; j < x->rules_count; j++)
		s->cursor[j] = 0;
	for (uint32_t t = 0; t < x->items_count; t++) {
		uint32_t before = n;

		for (uint32_t j = 0; j < x->rules_count; j++) {
			uint32_t q = s->cursor[j];

			/* A bundle may have several components for an item. */
			while (q < x->rules[j].count && x->rules[j].items[q] == t)
				s->steps[n++] = (struct step){ t,     j, q++, RELAX_NONE,
							       false, 0, 0 };
			s->cursor[j] = q;
		}
		for (uint32_t i = 0;
		     s->job->want != SEARCH_CHEAPEST && i < x->items[t].free_count; i++)
			s->steps[n++] =
				(struct step){ t,     RELAX_NONE, 0, x->items[t].free[i],
					       false, 0,          0 };
		if (n == before)
			s->steps[n++] = (struct step){ t,     RELAX_NONE, 0, RELAX_NONE,
						       false, 0,          0 };
		s->steps[n - 1].last = true;
	}
	s->steps_count = n;
	for (uint32_t j = 0, first = 0; j < x->rules_count; j++) {
		s->cursor[j] = first;
		first += x->rules[j].count;
	}
	for (uint32_t i = 0; i < n; i++)
		if (s->steps[i].rule != RELAX_NONE)
			s->step_of[s->cursor[s->steps[i].rule] + s->steps[i].q] = i;
}

static void
reset_walk(struct search *s)
{
	struct relax *x = &s->x;

	s->gain = s->whole_gain;
	s->open = 0;
	for (uint32_t j = 0; j < x->rules_count; j++) {
		s->state[j] = s->used[j] = 0;
		s->sum[j] = 0;
		s->rest[j] = relax_rest(x, &x->rules[j], 0, 0);
		s->open += s->rest[j];
	}
	s->tail[x->items_count] = 0;
	for (uint32_t t = x->items_count; t-- > 0;) {
		s->avail[t] = x->items[t].units;
		s->step_free[t] = RELAX_NONE;
		s->tail[t] = s->tail[t + 1] +
			     relax_item_bound(&x->items[t], x->items[t].units);
	}
	memset(s->frames, 0, s->steps_count * sizeof(*s->frames));
}

/* Whether a set has taken a unit of the code already. */
static bool
code_taken(const struct search *s, uint32_t rule, uint32_t q)
{
	const struct relax_rule *r = &s->x.rules[rule];

	for (uint32_t k = r->same[q]; k != RELAX_NONE; k = r->same[k])
		if (s->frames[s->step_of[s->cursor[rule] + k]].units > 0)
			return true;
	return false;
}

/* The most units that a step may take. */
static uint32_t
units_max(const struct search *s, const struct step *step)
{
	uint32_t most = s->avail[step->item];

	if (step->most < most)
		most = step->most;
	if (step->rule != RELAX_NONE) {
		const struct relax_rule *r = &s->x.rules[step->rule];

		if (r->bundle != NULL) {
			uint32_t room =
				relax_bundle_room(r, step->q, s->state[step->rule]);

			return room < most ? room : most;
		}
		if (r->same != NULL && code_taken(s, step->rule, step->q))
			return 0;
		if (r->caps != NULL && r->caps[step->q] < most)
			most = r->caps[step->q];
		if (r->cap - s->used[step->rule] < most)
			most = r->cap - s->used[step->rule];
		return most;
	}
	if (step->free == RELAX_NONE || s->step_free[step->item] != RELAX_NONE)
		return 0;
	return most;
}

/*
 * In which order a step tries numbers of units: from the end where the bound is higher. When the
 * bound is linear in whole groups more, two rows of groups without hope are enough to know all.
 */
static void
start_frame(const struct search *s, uint32_t depth, uint32_t least, uint32_t most)
{
	const struct step *step = &s->steps[depth];
	struct frame *f = &s->frames[depth];
	const struct relax_item *it = &s->x.items[step->item];
	const struct relax_rule *r;
	uint32_t likely;
	uint64_t state;
	int64_t slope;

	*f = (struct frame){ .started = true, .first = most };
	if (step->rule == RELAX_NONE)
		return;
	r = &s->x.rules[step->rule];
	state = s->state[step->rule];
	likely = relax_likely(&s->x, r, step->q, state);
	f->first = likely < least ? least : likely < most ? likely : most;
	if (!r->cyclic)
		return;
	slope = relax_gain(&s->x, r, step->q, state, r->size) -
		(step->last ? 0 : it->price * r->size); /* what the next step may use */
	f->upward = slope < 0;
	f->linear = it->free_count == 0 || (f->upward && !step->last);
}

/* The next number of units to try; false when all were tried. The likely one comes first. */
static bool
next_units(struct search *s, uint32_t depth)
{
	const struct step *step = &s->steps[depth];
	struct frame *f = &s->frames[depth];
	uint32_t most = units_max(s, step), left = s->avail[step->item];
	uint32_t least = left > step->spare ? left - step->spare : 0;

	if (least > most)
		least = most;
	if (!f->started) {
		start_frame(s, depth, least, most);
		f->units = f->first;
		return true;
	}
	if (f->linear && f->misses >= 2 * s->x.rules[step->rule].size)
		return false;
	while (f->next <= most - least) {
		f->units = f->upward ? least + f->next : most - f->next;
		f->next++;
		if (step->rule == RELAX_NONE && f->units > 0 && f->units < most)
			continue; /* all or nothing */
		if (f->units != f->first)
			return true;
	}
	return false;
}

static void
undo(struct search *s, uint32_t depth)
{
	const struct step *step = &s->steps[depth];
	struct frame *f = &s->frames[depth];

	f->applied = false;
	f->units = 0;
	s->avail[step->item] = f->avail;
	s->gain = f->gain;
	s->open = f->open;
	if (step->rule != RELAX_NONE) {
		s->state[step->rule] = f->state;
		s->used[step->rule] = f->used;
		s->sum[step->rule] = f->sum;
		s->rest[step->rule] = f->rest;
	} else {
		s->step_free[step->item] = (uint32_t)f->state;
	}
}

/*
 * The open group of a rule, after units more: what sum it has of that which decides whether the
 * group saves anything (saved is what the group must have more than; each is of one unit). False:
 * some group that is full would save nothing.
 */
static bool
group_sum(struct search *s, uint32_t rule, uint32_t units, int64_t each, int64_t saved)
{
	const struct relax_rule *r = &s->x.rules[rule];
	uint32_t fill = (uint32_t)(s->state[rule] % r->size), left = units;

	if (fill + left < r->size) {
		s->sum[rule] += each * left;
		return true;
	}
	if (s->sum[rule] + each * (r->size - fill) <= saved)
		return false;
	left -= r->size - fill;
	s->sum[rule] = each * (left % r->size);
	return left < r->size || each * r->size > saved;
}

/* The units of a rule that reduces the first unit and the next ones: sum is 1 once it saves. */
static bool
next_sum(struct search *s, uint32_t rule, uint32_t q, uint32_t units)
{
	const struct relax_rule *r = &s->x.rules[rule];
	const struct rule *next = s->x.p->live[r->live].rule;
	const struct item *it = &s->x.p->items[s->x.items[r->items[q]].item];
	enum rounding mode = s->x.p->rules->rounding;
	uint32_t first = s->state[rule] == 0;

	if (first && portion_each(&next->first, it, 1, mode) > 0)
		s->sum[rule] = 1;
	if (units == first)
		return true;
	s->sum[rule] = 1;
	return portion_each(&next->reward, it, units - first, mode) > 0;
}

/*
 * False when something would be taken that saves nothing: its units could as well be left alone,
 * and must be. (Sets, bundles and rounded groups are not judged before all is decided.)
 */
static bool
take_saves(struct search *s, uint32_t rule, uint32_t q, uint32_t units)
{
	const struct relax_rule *r = &s->x.rules[rule];
	const struct rule *taker = s->x.p->live[r->live].rule;
	const struct item *it = &s->x.p->items[s->x.items[r->items[q]].item];
	enum rounding mode = s->x.p->rules->rounding;
	uint32_t fill;

	if (units == 0)
		return true;
	if (r->shape == SHAPE_UNITS)
		return relax_gain(&s->x, r, q, s->state[rule], units) > 0;
	if (r->shape == SHAPE_NEXT)
		return next_sum(s, rule, q, units);
	if (r->shape != SHAPE_GROUP)
		return true;
	if (taker->each && taker->skip == 0)
		return group_sum(s, rule, units,
				 portion_each(&taker->reward, it, 1, mode), 0);
	if (taker->skip == 0 && taker->reward.form == REWARD_PRICE)
		return group_sum(s, rule, units, it->value, taker->reward.x);
	fill = (uint32_t)(s->state[rule] % r->size);
	return fill + units < r->size || r->size - taker->skip > 1 ||
	       relax_gain(&s->x, r, q, r->size - 1, 1) > 0;
}

/* Takes the units into a coupled rule; false when that leads nowhere. */
static bool
apply_rule(struct search *s, uint32_t depth)
{
	const struct step *step = &s->steps[depth];
	uint32_t units = s->frames[depth].units;
	const struct relax_rule *r = &s->x.rules[step->rule];
	uint64_t state = s->state[step->rule];
	uint64_t next = relax_next(r, step->q, state, units);
	int64_t after = relax_rest(&s->x, r, step->q + 1, next);

	if (after == RELAX_NEVER)
		return false;
	if (s->job->want != SEARCH_CHEAPEST && !take_saves(s, step->rule, step->q, units))
		return false;
	s->open += after - s->rest[step->rule];
	s->rest[step->rule] = after;
	s->gain += relax_gain(&s->x, r, step->q, state, units);
	s->state[step->rule] = next;
	s->used[step->rule] += units;
	s->avail[step->item] -= units;
	return true;
}

/* A rule without max_units takes all that is left of an item, or nothing. */
static void
apply_free(struct search *s, const struct step *step, uint32_t units)
{
	int64_t off;

	if (units == 0 || s->step_free[step->item] != RELAX_NONE)
		return;
	off = portion_units(s->x.p->live[step->free].rule,
			    &s->x.p->items[s->x.items[step->item].item], units,
			    s->x.p->rules->rounding);
	if (off <= 0)
		return;
	s->gain += off * RELAX_ONE - s->x.eps;
	s->step_free[step->item] = step->free;
}

/* Carries out the frame's units. false: pruned, nothing changed. */
static bool
apply(struct search *s, uint32_t depth)
{
	const struct step *step = &s->steps[depth];
	struct frame *f = &s->frames[depth];
	uint32_t t = step->item, left, live;
	int64_t bound;
	bool ok = true;

	f->avail = s->avail[t];
	f->gain = s->gain;
	f->open = s->open;
	f->applied = true;
	if (step->rule != RELAX_NONE) {
		f->state = s->state[step->rule];
		f->used = s->used[step->rule];
		f->sum = s->sum[step->rule];
		f->rest = s->rest[step->rule];
		ok = apply_rule(s, depth);
	} else {
		f->state = s->step_free[t];
		apply_free(s, step, f->units);
	}
	left = s->step_free[t] == RELAX_NONE ? s->avail[t] : 0;
	if (ok && step->last && s->job->want == SEARCH_CHEAPEST) {
		s->gain += relax_free(&s->x, &s->x.items[t], left, &live);
		left = 0;
	} else if (step->last) {
		left = 0;
	}
	if (ok) {
		bound = s->gain + s->open + s->tail[t + 1];
		if (left > 0)
			bound += relax_item_bound(&s->x.items[t], left);
		ok = !search_hopeless(s, bound);
	}
	f->misses = ok ? 0 : f->misses + 1;
	return ok && !(step->last && s->memo_on && depth + 2 < s->steps_count &&
		       seen(s, t + 1));
}

static bool
spend_node(struct search *s)
{
	if (s->nodes_left == 0 || !effort_spend(s->job->effort, 1))
		return false;
	s->nodes_left--;
	return true;
}

/* Depth first over all steps. true when nothing was left out but what is hopeless. */
static bool
walk(struct search *s)
{
	uint32_t depth = 0;

	reset_walk(s);
	if (search_hopeless(s, s->gain + s->open + s->tail[0]))
		return true;
	while (s->error == 0) {
		if (depth == s->steps_count) {
			leaf(s);
			if (depth == 0)
				return true;
			depth--;
			continue;
		}
		if (s->frames[depth].applied)
			undo(s, depth);
		if (!next_units(s, depth)) {
			s->frames[depth].started = false;
			if (depth == 0)
				return true;
			depth--;
			continue;
		}
		if (!apply(s, depth)) {
			/* Cheaper than a node; undone when the next is tried. */
			if (++s->misses % MISSES_A_NODE == 0 && !spend_node(s))
				return false;
			continue;
		}
		if (!spend_node(s))
			return false;
		depth++;
	}
	return false;
}

/* ---- a choice of rules ---- */

/* Lets a rule take what its programme wants of what is left. */
static void
greedy_take(struct search *s, uint32_t rule)
{
	struct relax_rule *r = &s->x.rules[rule];
	uint64_t state = 0;

	for (uint32_t q = 0; q < r->count; q++) {
		uint32_t k = r->bundle != NULL ? relax_bundle_wants(r)[q]
					       : relax_likely(&s->x, r, q, state);

		/* A cap or a code taken that the programme does not know, an item taken twice. */
		if (r->bundle == NULL && k > r->cap - s->used[rule])
			k = 0;
		if (k > s->x.items[r->items[q]].units)
			k = s->x.items[r->items[q]].units;
		if (k > 0 && r->same != NULL && code_taken(s, rule, q))
			k = 0;
		s->frames[s->step_of[s->cursor[rule] + q]].units = k;
		s->used[rule] += k;
		s->x.items[r->items[q]].units -= k;
		state = relax_next(r, q, state, k);
	}
}

/*
 * A good way soon, where the walk finds none: the rule that gains most takes its units, then the
 * next. A rule that was overtaken is looked at again before its turn. share of the prices in
 * percent is what the units are held to be worth elsewhere.
 */
static void
greedy(struct search *s, int64_t share)
{
	struct relax *x = &s->x;
	uint64_t nodes = relax_nodes(x) / (x->rules_count + 1) + 1;

	reset_walk(s);
	for (uint32_t t = 0; t < x->items_count; t++) {
		s->kept_price[t] = x->items[t].price;
		x->items[t].price = x->items[t].price * share / 100;
	}
	for (uint32_t j = 0; j < x->rules_count; j++)
		s->value[j] = relax_programme(x, &x->rules[j]);
	for (;;) {
		uint32_t best = 0;
		int64_t value;

		for (uint32_t j = 1; j < x->rules_count; j++)
			if (s->value[j] > s->value[best])
				best = j;
		if (x->rules_count == 0 || s->value[best] <= 0 ||
		    !effort_spend(s->job->effort, nodes))
			break;
		value = relax_programme(x, &x->rules[best]);
		if (value < s->value[best]) {
			s->value[best] = value;
			continue;
		}
		greedy_take(s, best);
		s->value[best] = 0;
	}
	for (uint32_t t = 0; t < x->items_count; t++) {
		s->avail[t] = x->items[t].units;
		x->items[t].units =
			s->blocked[t] ? 0 : s->job->p->items[x->items[t].item].units;
		x->items[t].price = s->kept_price[t];
	}
	leaf(s);
}

/* The better one of two sets of prices: the usual first ones, and those of all choices together. */
static int64_t
first_bound(struct search *s)
{
	struct relax *x = &s->x;
	int64_t bound = relax_solve(x), other;

	if (s->option == NULL)
		return bound;
	for (uint32_t t = 0; t < x->items_count; t++) {
		s->kept_price[t] = x->items[t].price;
		relax_set_price(x, t, s->choice_price[t]);
	}
	other = relax_solve(x);
	if (other < bound)
		return other;
	for (uint32_t t = 0; t < x->items_count; t++)
		x->items[t].price = s->kept_price[t];
	return relax_solve(x);
}

/* What is saved for certain when ways that save less are not wanted any more. */
static int64_t
saved_surely(const struct search *s)
{
	const struct search_job *job = s->job;

	if (job->want == SEARCH_CHEAPEST)
		return s->have_best ? s->best_gain : 0;
	return s->factor_bp == 0
		       ? 0
		       : relax_times((s->base_cost - job->cost_limit) / s->factor_bp,
				     RELAX_ONE);
}

/* One choice of rules. *ret_bound is only written when the walk was not completed. */
static bool
try_rules(struct search *s, int64_t *ret_bound)
{
	const struct search_job *job = s->job;
	int64_t bound, known;
	int rc = relax_enable(&s->x, job->component, s->off, s->blocked);

	if (rc < 0) {
		s->error = rc;
		return false;
	}
	make_steps(s);
	search_bulk(s);
	s->trimmed_minor += s->x.trimmed_minor;
	bound = first_bound(s) + s->whole_gain;
	s->memo_on = false;
	s->nodes_left = FIRST_NODES;
	reset_walk(s);
	if (job->want == SEARCH_CHEAPEST) {
		leaf(s); /* no coupled rule at all: something to beat */
		if (search_hopeless(s, bound) || walk(s))
			return s->error == 0;
		known = s->best_gain;
	} else {
		if (search_hopeless(s, bound))
			return true;
		known = saved_surely(s);
	}
	if (s->error < 0)
		return false;
	if (!job->effort->stopped) {
		if (job->want == SEARCH_CHEAPEST) {
			greedy(s, 0);
			known = s->best_gain;
		}
		bound = s->whole_gain + relax_improve(&s->x, known - s->whole_gain,
						      IMPROVE_ROUNDS, job->effort);
		for (int64_t share = 50; job->want == SEARCH_CHEAPEST && share < 100;
		     share += 20)
			greedy(s, share);
		(void)relax_solve(&s->x); /* for the walk, what greedy() overwrote */
	}
	remember(s);
	s->nodes_left = s->many_choices && job->want == SEARCH_CHEAPEST ? CHOICE_NODES
									: UINT64_MAX;
	if (walk(s))
		return s->error == 0;
	*ret_bound = cost_at(s, bound);
	return false;
}

static int
search_init(struct search *s)
{
	const struct component *c = s->job->component;
	const struct problem *p = s->job->p;
	size_t steps = c->items_count, rules = c->live_count, items = c->items_count;

	/* What is small may stay until the basket is priced: an arena of its own costs more. */
	s->own_arena = items * rules > SMALL_CELLS ? arena_new(SCRATCH_BYTES_MAX) : NULL;
	s->arena = items * rules > SMALL_CELLS ? s->own_arena : s->job->arena;
	if (s->arena == NULL || relax_init(&s->x, p, s->arena, c) < 0)
		return -ENOMEM;
	if (s->own_arena != NULL) {
		/* Made anew for each combination of choices, and there may be thousands. */
		s->relax_arena = arena_new(SCRATCH_BYTES_MAX);
		if (s->relax_arena == NULL)
			return -ENOMEM;
		s->x.arena = s->relax_arena;
		s->x.own_arena = true;
	}
	s->disabled = arena_array(s->arena, p->live_count, sizeof(*s->disabled));
	if (s->disabled == NULL)
		return -ENOMEM;
	for (uint32_t j = 0; j < c->live_count; j++) {
		s->disabled[c->live[j]] = s->job->disabled[c->live[j]];
		if (p->live[c->live[j]].rule->shape != SHAPE_WHOLE)
			steps += search_positions(&p->live[c->live[j]]);
	}
	if (search_trim(s, &steps) < 0)
		return -ENOMEM;
	s->off = arena_array(s->arena, p->live_count, sizeof(*s->off));
	s->blocked = arena_array(s->arena, items, sizeof(*s->blocked));
	s->takes = arena_array(s->arena, steps, sizeof(*s->takes));
	s->steps = arena_array(s->arena, steps, sizeof(*s->steps));
	s->step_of = arena_array(s->arena, steps, sizeof(*s->step_of));
	s->frames = arena_array(s->arena, steps, sizeof(*s->frames));
	s->avail = arena_array(s->arena, items, sizeof(*s->avail));
	s->step_free = arena_array(s->arena, items, sizeof(*s->step_free));
	s->tail = arena_array(s->arena, items + 1, sizeof(*s->tail));
	s->state = arena_array(s->arena, rules, sizeof(*s->state));
	s->used = arena_array(s->arena, rules, sizeof(*s->used));
	s->cursor = arena_array(s->arena, rules, sizeof(*s->cursor));
	s->sum = arena_array(s->arena, rules, sizeof(*s->sum));
	s->rest = arena_array(s->arena, rules, sizeof(*s->rest));
	s->kept_price = arena_array(s->arena, items, sizeof(*s->kept_price));
	s->value = arena_array(s->arena, rules, sizeof(*s->value));
	s->line_off = arena_array(s->arena, p->lines_count, sizeof(*s->line_off));
	s->line_nets = arena_array(s->arena, c->lines_count, sizeof(*s->line_nets));
	if (s->off == NULL || s->blocked == NULL || s->takes == NULL ||
	    s->steps == NULL || s->frames == NULL || s->avail == NULL ||
	    s->step_free == NULL || s->tail == NULL || s->state == NULL ||
	    s->used == NULL || s->cursor == NULL || s->sum == NULL || s->rest == NULL ||
	    s->line_off == NULL || s->line_nets == NULL || s->step_of == NULL ||
	    s->kept_price == NULL || s->value == NULL)
		return -ENOMEM;
	set_cost(s);
	if (search_find_choices(s) < 0)
		return -ENOMEM;
	s->many_choices = search_choices_many(s);
	return s->many_choices ? search_weigh_choices(s, saved_surely(s), CHOICE_ROUNDS)
			       : 0;
}

/* A cost below everything, when not even all choices of rules could be looked at. */
static int64_t
cost_without_choices(struct search *s)
{
	if (s->option == NULL)
		s->error = search_weigh_choices(s, 0, 1);
	return s->error < 0 ? 0 : cost_at(s, search_choices_bound(s));
}

/* All combinations of choices. *ret_bound: nothing in those not settled costs less. */
static bool
try_choices(struct search *s, int64_t *ret_bound)
{
	bool complete = true, more = true, first = s->option != NULL;

	*ret_bound = INT64_MAX;
	while (more && s->error == 0) {
		int64_t open_bound = INT64_MAX;
		bool arranged = search_arrange(s);

		if (arranged && !try_rules(s, &open_bound)) {
			complete = false;
			*ret_bound = open_bound < *ret_bound ? open_bound : *ret_bound;
		}
		more = false;
		if (first)
			s->error = search_weigh_again(s, saved_surely(s), &more);
		first = false;
		more = more || search_next_choice(s);
		if (more && !effort_spend(s->job->effort,
					  (arranged ? relax_nodes(&s->x) : 1) +
						  s->choices_count / CHOICES_A_NODE)) {
			*ret_bound = cost_without_choices(s);
			return false;
		}
	}
	return complete;
}

int
search_component(const struct search_job *job, struct points *ret_points,
		 int64_t *ret_bound, bool *ret_complete)
{
	struct search s = { .job = job };
	int64_t bound;
	bool complete;
	int rc = search_init(&s);

	if (rc < 0)
		goto out;
	complete = try_choices(&s, &bound);
	if (!complete && s.many_choices && !job->effort->stopped && s.error == 0) {
		s.many_choices = false; /* there is time to look at all of them longer */
		complete = try_choices(&s, &bound);
	}
	rc = s.error;
	if (rc < 0)
		goto out;
	if (job->want == SEARCH_CHEAPEST) {
		if (!s.have_best)
			rc = search_evaluate(job, NULL, 0, s.line_off, &s.best);
		s.points.at = arena_alloc(job->arena, sizeof(*s.points.at));
		if (s.points.at == NULL || rc < 0) {
			rc = -ENOMEM;
			goto out;
		}
		s.points.at[0] = s.best;
		s.points.count = 1;
		if (s.best.cost < bound)
			bound = s.best.cost;
	}
	bound -= s.trimmed_minor * s.factor_bp;
	*ret_points = s.points;
	*ret_bound = bound;
	*ret_complete = complete && !s.full && s.trimmed_minor == 0;
out:
	memo_end(&s.memo);
	arena_free(s.own_arena);
	arena_free(s.relax_arena);
	return rc;
}
