#include "core/pricing/search_private.h"
#include "core/pricing/portion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES_MANY 16u /* combinations of choices that are looked at as they come */
#define CHOICE_ROUNDS 8u
#define NO_CONFLICT UINT32_MAX
#define STEPS_MAX 250000u /* items times coupled rules; more are not all searched */

static int
add_choice(struct search *s, uint32_t group, uint32_t first)
{
	const struct component *c = s->job->component;
	struct choice *ch = &s->choices[s->choices_count];
	bool all_whole = true;

	ch->live = arena_array(s->arena, (size_t)c->live_count + 1, sizeof(*ch->live));
	if (ch->live == NULL)
		return -ENOMEM;
	ch->count = ch->now = 0;
	for (uint32_t j = first; j < c->live_count; j++) {
		const struct rule *r = s->job->p->live[c->live[j]].rule;

		if (s->disabled[c->live[j]] ||
		    (j > first && (group == NO_GROUP || r->group_index != group)))
			continue;
		ch->live[ch->count++] = c->live[j];
		all_whole = all_whole && r->shape == SHAPE_WHOLE;
	}
	if (all_whole)
		ch->live[ch->count++] =
			RELAX_NONE; /* a whole-scope rule need not be used */
	if (ch->count > 1)
		s->choices_count++;
	return 0;
}

int
search_find_choices(struct search *s)
{
	const struct component *c = s->job->component;
	int rc = 0;

	s->choices = arena_array(s->arena, c->live_count, sizeof(*s->choices));
	if (s->choices == NULL)
		return -ENOMEM;
	for (uint32_t j = 0; rc == 0 && j < c->live_count; j++) {
		const struct rule *r = s->job->p->live[c->live[j]].rule;
		bool first = true;

		if (s->disabled[c->live[j]] ||
		    (r->group_index == NO_GROUP && r->shape != SHAPE_WHOLE))
			continue;
		for (uint32_t k = 0; k < j && r->group_index != NO_GROUP; k++)
			first = first && (s->disabled[c->live[k]] ||
					  s->job->p->live[c->live[k]].rule->group_index !=
						  r->group_index);
		if (first)
			rc = add_choice(s, r->group_index, j);
	}
	return rc;
}

/* What a rule of a choice could save if it had all its units to itself. */
static int64_t
worth_alone(struct search *s, uint32_t live)
{
	const struct problem *p = s->job->p;
	const struct live *l = &p->live[live];
	int64_t sum = 0;

	for (uint32_t j = 0; l->coupled && j < s->x.rules_count; j++)
		if (s->x.rules[j].live == live)
			return relax_programme(&s->x, &s->x.rules[j]);
	for (uint32_t i = 0; !l->coupled && i < l->items_count; i++) {
		const struct item *it = &p->items[l->items[i]];

		sum += portion_units(l->rule, it, it->units, p->rules->rounding);
	}
	return sum * RELAX_ONE;
}

/* What a whole-scope rule saves, less what its units are worth at the present prices. */
static int64_t
worth_whole(struct search *s, uint32_t live)
{
	const struct problem *p = s->job->p;
	const struct live *l = &p->live[live];
	int64_t saved = 0, paid = 0;
	uint32_t at = 0;

	for (uint32_t i = 0; i < l->items_count; i++) {
		while (s->x.items[at].item != l->items[i])
			at++;
		s->takes[i] = (struct take){ live, l->items[i],
					     p->items[l->items[i]].units, 0 };
		paid += s->x.items[at].price * p->items[l->items[i]].units;
	}
	if (layers_unit(p, s->takes, l->items_count, s->line_off, NULL, NULL) < 0)
		s->error = -ENOMEM;
	for (uint32_t i = 0; i < l->items_count; i++) {
		int64_t *off = &s->line_off[p->items[l->items[i]].line];

		saved += *off;
		*off = 0;
	}
	return saved * RELAX_ONE - paid;
}

int64_t
search_whole_surplus(struct search *s, uint32_t live)
{
	int64_t worth = worth_whole(s, live);

	return worth > 0 ? worth : 0;
}

/* The most promising first; of equals those of higher priority and lower id stay in front. */
static void
sort_choice(struct choice *ch, const int64_t *worth, int64_t none)
{
	for (uint32_t i = 1; i < ch->count; i++) {
		uint32_t live = ch->live[i], k = i;
		int64_t w = live == RELAX_NONE ? none : worth[live];

		while (k > 0 &&
		       (ch->live[k - 1] == RELAX_NONE ? none : worth[ch->live[k - 1]]) <
			       w) {
			ch->live[k] = ch->live[k - 1];
			k--;
		}
		ch->live[k] = live;
	}
}

/*
 * Where there are many choices not all of them can be tried, perhaps: the best looking come first.
 * Rules are judged by what they save alone, whole-scope rules against what their units are worth to
 * all others.
 */
int
search_sort_choices(struct search *s)
{
	const struct component *c = s->job->component;
	int64_t *worth;
	uint64_t ways = 1;

	for (uint32_t i = 0; i < s->choices_count && ways < CHOICES_MANY; i++)
		ways *= s->choices[i].count;
	s->many_choices = ways >= CHOICES_MANY;
	if (!s->many_choices)
		return 0;
	worth = arena_array(s->arena, s->job->p->live_count, sizeof(*worth));
	if (worth == NULL || relax_enable(&s->x, c, s->disabled, s->blocked) < 0)
		return -ENOMEM;
	(void)relax_improve(&s->x, 0, CHOICE_ROUNDS, s->job->effort); /* for the prices */
	for (uint32_t j = 0; j < c->live_count; j++)
		if (!s->disabled[c->live[j]] &&
		    s->job->p->live[c->live[j]].rule->shape == SHAPE_WHOLE)
			worth[c->live[j]] = worth_whole(s, c->live[j]);
	for (uint32_t t = 0; t < s->x.items_count; t++)
		s->x.items[t].price = 0;
	for (uint32_t i = 0; i < s->choices_count; i++)
		for (uint32_t k = 0; k < s->choices[i].count; k++) {
			uint32_t live = s->choices[i].live[k];

			if (live != RELAX_NONE &&
			    s->job->p->live[live].rule->shape != SHAPE_WHOLE)
				worth[live] = worth_alone(s, live);
		}
	for (uint32_t i = 0; i < s->choices_count; i++)
		sort_choice(&s->choices[i], worth, 0);
	return s->error;
}

/* Lets a whole-scope rule take its units; false when some are taken already. */
static bool
take_whole(struct search *s, uint32_t live)
{
	const struct live *l = &s->job->p->live[live];
	uint32_t at = 0;

	for (uint32_t i = 0; i < l->items_count; i++) {
		while (s->x.items[at].item != l->items[i])
			at++;
		if (s->blocked[at])
			return false;
		s->blocked[at] = true;
		s->takes[s->whole_takes++] =
			(struct take){ live, l->items[i],
				       s->job->p->items[l->items[i]].units, 0 };
	}
	return true;
}

/* Sets off, blocked and the takes of whole-scope rules for the present choices. */
bool
search_arrange(struct search *s)
{
	const struct search_job *job = s->job;
	const struct component *c = job->component;
	int64_t saved = 0;
	bool idle = false;

	s->whole_takes = 0;
	for (uint32_t j = 0; j < c->live_count; j++)
		s->off[c->live[j]] = s->disabled[c->live[j]];
	for (uint32_t i = 0; i < s->choices_count; i++)
		for (uint32_t k = 0; k < s->choices[i].count; k++)
			if (k != s->choices[i].now && s->choices[i].live[k] != RELAX_NONE)
				s->off[s->choices[i].live[k]] = true;
	memset(s->blocked, 0, c->items_count * sizeof(*s->blocked));
	s->conflict = NO_CONFLICT;
	for (uint32_t i = 0; i < s->choices_count; i++) {
		uint32_t live = s->choices[i].live[s->choices[i].now];

		if (live == RELAX_NONE || job->p->live[live].rule->shape != SHAPE_WHOLE ||
		    take_whole(s, live))
			continue;
		s->conflict = i; /* with an earlier one, whatever the later ones are */
		return false;
	}
	if (layers_unit(job->p, s->takes, s->whole_takes, s->line_off, NULL, &idle) < 0)
		s->error = -ENOMEM;
	for (uint32_t i = 0; i < c->lines_count; i++) {
		saved += s->line_off[c->lines[i]];
		s->line_off[c->lines[i]] = 0;
	}
	s->whole_gain = saved * RELAX_ONE - (s->whole_takes > 0 ? s->x.eps : 0);
	return !idle; /* what saves nothing takes no unit */
}

bool
search_next_choice(struct search *s)
{
	for (uint32_t i = s->choices_count; s->conflict != NO_CONFLICT && i-- > 0;)
		if (i > s->conflict)
			s->choices[i].now = s->choices[i].count - 1;
	for (uint32_t i = s->choices_count; i-- > 0;) {
		if (++s->choices[i].now < s->choices[i].count)
			return true;
		s->choices[i].now = 0;
	}
	return false;
}

/* No less than what a coupled rule saves on all its items. */
static int64_t
potential(const struct problem *p, const struct live *l)
{
	const struct rule *r = l->rule;
	int64_t sum = 0;

	for (uint32_t i = 0; i < l->items_count; i++) {
		const struct item *it = &p->items[l->items[i]];
		int64_t value = it->value * it->units;

		if (r->kind == KIND_BUY_GET)
			sum += value * r->get / r->size + it->units;
		else if (r->shape == SHAPE_UNITS)
			sum += portion_units(r, it, 1, p->rules->rounding) * it->units;
		else
			sum += value;
	}
	return sum;
}

size_t
search_positions(const struct live *l)
{
	size_t parts = l->rule->parts_count > 0 ? l->rule->parts_count : 1;

	return l->items_count * parts;
}

/* A coupled rule that may be left out, and what it could save. */
struct rank {
	uint32_t live;
	int64_t minor;
};

static int
rank_order(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->minor != y->minor)
		return x->minor < y->minor ? -1 : 1;
	return x->live < y->live ? -1 : x->live > y->live;
}

/*
 * A component that is too large to be searched at all: the coupled rules that can save least are
 * left out until it is not.
 */
int
search_trim(struct search *s, size_t *steps)
{
	const struct component *c = s->job->component;
	const struct problem *p = s->job->p;
	struct rank *ranks;
	uint32_t n = 0;

	if (*steps <= STEPS_MAX)
		return 0;
	ranks = arena_array(s->arena, c->live_count, sizeof(*ranks));
	if (ranks == NULL)
		return -ENOMEM;
	for (uint32_t j = 0; j < c->live_count; j++) {
		const struct live *l = &p->live[c->live[j]];

		if (!s->disabled[c->live[j]] && l->coupled &&
		    l->rule->shape != SHAPE_WHOLE)
			ranks[n++] = (struct rank){ c->live[j], potential(p, l) };
	}
	qsort(ranks, n, sizeof(*ranks), rank_order);
	for (uint32_t i = 0; i<n && * steps> STEPS_MAX; i++) {
		s->disabled[ranks[i].live] = true;
		s->trimmed_minor += ranks[i].minor;
		*steps -= search_positions(&p->live[ranks[i].live]);
	}
	return 0;
}
