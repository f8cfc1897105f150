#include "core/pricing/search_private.h"
#include "core/pricing/portion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 250000u /* items times coupled rules; more are not all searched */

/* Rules of one group from first on, or a whole-scope rule of none. */
static bool
in_choice(const struct search *s, uint32_t group, uint32_t first, uint32_t j)
{
	uint32_t live = s->job->component->live[j];

	return !s->disabled[live] &&
	       (j == first ||
		(group != NO_GROUP && s->job->p->live[live].rule->group_index == group));
}

static int
add_choice(struct search *s, uint32_t group, uint32_t first)
{
	const struct component *c = s->job->component;
	struct choice *ch = &s->choices[s->choices_count];
	uint32_t end = group == NO_GROUP ? first + 1 : c->live_count, count = 1;
	bool all_whole = true;

	for (uint32_t j = first; j < end; j++)
		count += in_choice(s, group, first, j);
	ch->live = arena_array(s->arena, count, sizeof(*ch->live));
	if (ch->live == NULL)
		return -ENOMEM;
	ch->count = ch->now = 0;
	for (uint32_t j = first; j < end; j++) {
		const struct rule *r = s->job->p->live[c->live[j]].rule;

		if (!in_choice(s, group, first, j))
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

/* Lets a whole-scope rule take its units; false when some are taken already. */
static bool
take_whole(struct search *s, uint32_t live)
{
	const struct live *l = &s->job->p->live[live];
	uint32_t at = 0, before = s->whole_takes;

	for (uint32_t i = 0; i < l->items_count; i++) {
		while (s->x.items[at].item != l->items[i])
			at++;
		s->takes[before + i].part = at; /* for now */
		if (s->blocked[at])
			return false;
	}
	for (uint32_t i = 0; i < l->items_count; i++) {
		s->blocked[s->takes[before + i].part] = true;
		s->takes[s->whole_takes++] =
			(struct take){ live, l->items[i],
				       s->job->p->items[l->items[i]].units, 0 };
	}
	return true;
}

/*
 * Passes over rules that want units of those before them: so do they whatever comes behind. The
 * choices behind are at their first, for a change of this one begins them anew. false: none is left
 * of one.
 */
static bool
settle_whole(struct search *s)
{
	s->whole_takes = 0;
	memset(s->blocked, 0, s->job->component->items_count * sizeof(*s->blocked));
	s->conflict = NO_CONFLICT;
	for (uint32_t i = 0; i < s->choices_count; i++) {
		struct choice *ch = &s->choices[i];

		for (; ch->now < ch->count; ch->now++) {
			uint32_t live = ch->live[ch->now];

			if (live == RELAX_NONE ||
			    s->job->p->live[live].rule->shape != SHAPE_WHOLE ||
			    take_whole(s, live))
				break;
		}
		if (ch->now == ch->count) {
			ch->now--;
			s->conflict = i;
			return false;
		}
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

	if (!settle_whole(s))
		return false;
	for (uint32_t j = 0; j < c->live_count; j++)
		s->off[c->live[j]] = s->disabled[c->live[j]];
	for (uint32_t i = 0; i < s->choices_count; i++)
		for (uint32_t k = 0; k < s->choices[i].count; k++)
			if (k != s->choices[i].now && s->choices[i].live[k] != RELAX_NONE)
				s->off[s->choices[i].live[k]] = true;
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
		/* The later ones are at their best: what comes behind a hopeless one is no better. */
		if (++s->choices[i].now < s->choices[i].count &&
		    (s->option == NULL || !search_hopeless(s, search_choice_bound(s))))
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
