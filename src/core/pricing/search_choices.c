#include "core/pricing/search_private.h"

#include <errno.h>
#include <string.h>

#define ITEMS_A_NODE 64u
#define HOPED_PART 4u    /* of a first bound: one part in so many is not saved, perhaps */
#define CHOICES_MANY 16u /* combinations of choices that are looked at as they come */

/*
 * Choices between rules that exclude each other, where there are too many combinations to try them
 * all. At given prices of the units every rule is worth something by itself (the relaxation of
 * relax.h), so that of rules that exclude each other only the one that is worth most counts: a bound
 * on all combinations that begin alike, which costs an addition.
 */

/* What a whole-scope rule saves, less what its units are worth at the present prices. */
static int64_t
worth_whole(struct search *s, uint32_t live, int64_t *want)
{
	const struct problem *p = s->job->p;
	const struct live *l = &p->live[live];
	int64_t saved = 0, paid = 0;
	uint32_t at = 0;

	for (uint32_t i = 0; i < l->items_count; i++) {
		uint32_t units = p->items[l->items[i]].units;

		while (s->x.items[at].item != l->items[i])
			at++;
		s->takes[i] = (struct take){ live, l->items[i], units, 0 };
		paid += s->x.items[at].price * units;
		if (want != NULL)
			want[at] += units;
	}
	if (want != NULL)
		return 0;
	if (layers_unit(p, s->takes, l->items_count, s->line_off, NULL, NULL) < 0)
		s->error = -ENOMEM;
	for (uint32_t i = 0; i < l->items_count; i++) {
		int64_t *off = &s->line_off[p->items[l->items[i]].line];

		saved += *off;
		*off = 0;
	}
	return saved * RELAX_ONE - paid;
}

/* The best of a choice at the values. */
static uint32_t
best_of(const struct choice *ch, const int64_t *value)
{
	uint32_t best = 0;

	for (uint32_t k = 1; k < ch->count; k++) {
		int64_t now = ch->live[k] == RELAX_NONE ? 0 : value[ch->live[k]];

		if (now > (ch->live[best] == RELAX_NONE ? 0 : value[ch->live[best]]))
			best = k;
	}
	return best;
}

/* The rules of choices that the relaxation does not have, or perhaps not. */
static void
weigh_alone(struct search *s, int64_t *value)
{
	for (uint32_t i = 0; i < s->choices_count; i++)
		for (uint32_t k = 0; k < s->choices[i].count; k++) {
			uint32_t live = s->choices[i].live[k];

			if (live == RELAX_NONE)
				continue;
			if (s->job->p->live[live].rule->shape == SHAPE_WHOLE)
				value[live] = worth_whole(s, live, NULL);
			else if (!s->job->p->live[live].coupled)
				value[live] = relax_free_alone(&s->x, live, NULL);
			else
				value[live] =
					0; /* it can never be full, or is weighed below */
		}
}

/*
 * What each rule of a choice (chosen) is worth at the present prices, and in *ret_base what all else
 * is; the bound, in which the best of each choice counts.
 */
static int64_t
weigh(struct search *s, const bool *chosen, int64_t *value, int64_t *ret_base)
{
	struct relax *x = &s->x;
	int64_t base = relax_times(x->trimmed_minor, RELAX_ONE), bound;

	weigh_alone(s, value);
	for (uint32_t i = 0; i < x->items_count; i++)
		base = relax_sum(base, relax_item_bound(&x->items[i], x->items[i].units));
	for (uint32_t j = 0; j < x->rules_count; j++) {
		int64_t worth = relax_programme(x, &x->rules[j]);

		if (chosen[x->rules[j].live])
			value[x->rules[j].live] = worth;
		else
			base = relax_sum(base, worth);
	}
	bound = base;
	for (uint32_t i = 0; i < s->choices_count; i++) {
		uint32_t live = s->choices[i].live[best_of(&s->choices[i], value)];

		bound = relax_sum(bound, live == RELAX_NONE ? 0 : value[live]);
	}
	*ret_base = base;
	return bound;
}

/* How many units of each item are wanted too much: of a choice, by its best. */
static void
want_all(struct search *s, const bool *chosen, const int64_t *value, int64_t *want)
{
	struct relax *x = &s->x;

	relax_want_items(x, want);
	for (uint32_t j = 0; j < x->rules_count; j++)
		if (!chosen[x->rules[j].live])
			relax_want_rule(x, &x->rules[j], want);
	for (uint32_t i = 0; i < s->choices_count; i++) {
		uint32_t live = s->choices[i].live[best_of(&s->choices[i], value)];

		if (live == RELAX_NONE)
			continue;
		if (s->job->p->live[live].rule->shape == SHAPE_WHOLE)
			(void)worth_whole(s, live, want); /* its units are asked for */
		else if (!s->job->p->live[live].coupled)
			(void)relax_free_alone(x, live, want);
		for (uint32_t j = 0; j < x->rules_count; j++)
			if (x->rules[j].live == live)
				relax_want_rule(x, &x->rules[j], want);
	}
}

/* The most promising first; of equals those of higher priority and lower id stay in front. */
static void
sort_choice(struct choice *ch, const int64_t *option)
{
	for (uint32_t i = 1; i < ch->count; i++) {
		uint32_t live = ch->live[i], k = i;
		int64_t w = live == RELAX_NONE ? 0 : option[live];

		while (k > 0 &&
		       (ch->live[k - 1] == RELAX_NONE ? 0 : option[ch->live[k - 1]]) <
			       w) {
			ch->live[k] = ch->live[k - 1];
			k--;
		}
		ch->live[k] = live;
	}
	ch->now = 0;
}

static int64_t
option_of(const struct search *s, const struct choice *ch, uint32_t k)
{
	return ch->live[k] == RELAX_NONE ? 0 : s->option[ch->live[k]];
}

/* Choices that cost most when the second best is taken come first: others are cut off with them. */
static void
sort_choices(struct search *s)
{
	for (uint32_t i = 0; i < s->choices_count; i++)
		sort_choice(&s->choices[i], s->option);
	for (uint32_t i = 1; i < s->choices_count; i++) {
		struct choice moved = s->choices[i];
		int64_t step = option_of(s, &moved, 0) - option_of(s, &moved, 1);
		uint32_t k = i;

		while (k > 0 && option_of(s, &s->choices[k - 1], 0) -
						option_of(s, &s->choices[k - 1], 1) <
					step) {
			s->choices[k] = s->choices[k - 1];
			k--;
		}
		s->choices[k] = moved;
	}
}

bool
search_choices_many(const struct search *s)
{
	uint64_t ways = 1;

	for (uint32_t i = 0; i < s->choices_count && ways < CHOICES_MANY; i++)
		ways *= s->choices[i].count;
	return ways >= CHOICES_MANY;
}

int64_t
search_choices_bound(const struct search *s)
{
	int64_t bound = s->choice_base;

	for (uint32_t i = 0; i < s->choices_count; i++)
		bound = relax_sum(bound, option_of(s, &s->choices[i], 0));
	return bound;
}

int64_t
search_choice_bound(const struct search *s)
{
	int64_t bound = s->choice_base;

	for (uint32_t i = 0; i < s->choices_count; i++)
		bound = relax_sum(bound, option_of(s, &s->choices[i], s->choices[i].now));
	return bound;
}

/* Keeps what the best bound so far is made of. */
static void
keep(struct search *s, const int64_t *value, int64_t base)
{
	memcpy(s->option, value, s->job->p->live_count * sizeof(*value));
	for (uint32_t i = 0; i < s->x.items_count; i++)
		s->choice_price[i] = s->x.items[i].price;
	s->choice_base = base;
}

static int
make_room(struct search *s)
{
	s->option = arena_array(s->arena, s->job->p->live_count, sizeof(*s->option));
	s->choice_price =
		arena_array(s->arena, s->x.items_count, sizeof(*s->choice_price));
	return s->option == NULL || s->choice_price == NULL ? -ENOMEM : 0;
}

/* All rules at once in the relaxation, but for what it cannot tell apart: those are weighed alone. */
static int
enable_all(struct search *s, bool *chosen)
{
	const struct component *c = s->job->component;

	for (uint32_t j = 0; j < c->live_count; j++)
		s->off[c->live[j]] = s->disabled[c->live[j]];
	for (uint32_t i = 0; i < s->choices_count; i++)
		for (uint32_t k = 0; k < s->choices[i].count; k++) {
			uint32_t live = s->choices[i].live[k];

			if (live == RELAX_NONE)
				continue;
			chosen[live] = true;
			s->off[live] = !s->job->p->live[live].coupled;
		}
	memset(s->blocked, 0, c->items_count * sizeof(*s->blocked));
	return relax_enable(&s->x, c, s->off, s->blocked);
}

/* What weighing once counts. */
static uint64_t
weigh_nodes(const struct search *s)
{
	uint64_t options = 0;

	for (uint32_t i = 0; i < s->choices_count; i++)
		options += s->choices[i].count;
	return relax_nodes(&s->x) + options * s->x.items_count / ITEMS_A_NODE;
}

int
search_weigh_choices(struct search *s, int64_t known, unsigned rounds)
{
	size_t live = s->job->p->live_count;
	bool again = s->option != NULL;
	bool *chosen = arena_array(s->arena, live, sizeof(*chosen));
	int64_t *value = arena_array(s->arena, live, sizeof(*value));
	int64_t *want = arena_array(s->arena, s->x.items_count, sizeof(*want));
	int64_t best = INT64_MAX, damp = 1;
	unsigned worse = 0;

	if (chosen == NULL || value == NULL || want == NULL ||
	    (!again && make_room(s) < 0) || enable_all(s, chosen) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; again && i < s->x.items_count; i++)
		relax_set_price(&s->x, i, s->choice_price[i]);
	for (unsigned round = 0; s->error == 0; round++) {
		int64_t base, bound = weigh(s, chosen, value, &base);

		if (bound < best) {
			best = bound;
			keep(s, value, base);
		} else if (++worse % 3 == 0) {
			damp *= 2;
		}
		want_all(s, chosen, value, want);
		if (round == rounds || best < known + RELAX_EPS ||
		    !effort_affords(s->job->effort, weigh_nodes(s)) ||
		    !effort_spend(s->job->effort, weigh_nodes(s)) ||
		    relax_step(&s->x, want,
			       known > 0 ? bound - known : bound / HOPED_PART, damp) == 0)
			break;
	}
	sort_choices(s);
	s->conflict = NO_CONFLICT;
	return s->error;
}

int
search_weigh_again(struct search *s, int64_t known, bool *ret_more)
{
	bool *tried = arena_array(s->arena, s->job->p->live_count, sizeof(*tried));
	uint32_t before = 0, now = 0;
	int rc;

	if (tried == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->choices_count; i++)
		if (s->choices[i].live[0] != RELAX_NONE) {
			tried[s->choices[i].live[0]] = true;
			before++;
		}
	rc = search_weigh_choices(s, known, IMPROVE_ROUNDS);
	*ret_more = false;
	for (uint32_t i = 0; i < s->choices_count; i++)
		if (s->choices[i].live[0] != RELAX_NONE) {
			*ret_more = *ret_more || !tried[s->choices[i].live[0]];
			now++;
		}
	*ret_more = (*ret_more || now != before) &&
		    !search_hopeless(s, search_choices_bound(s));
	return rc;
}
