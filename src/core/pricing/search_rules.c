#include "core/pricing/search_private.h"
#include "core/pricing/portion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
		all_whole = all_whole && r->kind == KIND_BUY_GET_CHEAPEST;
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
		    (r->group_index == NO_GROUP && r->kind != KIND_BUY_GET_CHEAPEST))
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
	uint32_t at = 0;

	for (uint32_t i = 0; i < l->items_count; i++) {
		while (s->x.items[at].item != l->items[i])
			at++;
		if (s->blocked[at])
			return false;
		s->blocked[at] = true;
		s->takes[s->whole_takes++] =
			(struct take){ live, l->items[i],
				       s->job->p->items[l->items[i]].units };
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

	s->whole_takes = 0;
	for (uint32_t j = 0; j < c->live_count; j++)
		s->off[c->live[j]] = s->disabled[c->live[j]];
	for (uint32_t i = 0; i < s->choices_count; i++)
		for (uint32_t k = 0; k < s->choices[i].count; k++)
			if (k != s->choices[i].now && s->choices[i].live[k] != RELAX_NONE)
				s->off[s->choices[i].live[k]] = true;
	memset(s->blocked, 0, c->items_count * sizeof(*s->blocked));
	for (uint32_t j = 0; j < c->live_count; j++)
		if (!s->off[c->live[j]] &&
		    job->p->live[c->live[j]].rule->kind == KIND_BUY_GET_CHEAPEST &&
		    !take_whole(s, c->live[j]))
			return false;
	if (layers_unit(job->p, s->takes, s->whole_takes, s->line_off, NULL, NULL) < 0)
		s->error = -ENOMEM;
	for (uint32_t i = 0; i < c->lines_count; i++) {
		saved += s->line_off[c->lines[i]];
		s->line_off[c->lines[i]] = 0;
	}
	s->whole_gain = saved * RELAX_ONE - (s->whole_takes > 0 ? s->x.eps : 0);
	return true;
}

bool
search_next_choice(struct search *s)
{
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
	int64_t sum = 0, size = r->buy + r->get;

	for (uint32_t i = 0; i < l->items_count; i++) {
		const struct item *it = &p->items[l->items[i]];
		int64_t value = it->value * it->units;

		if (r->kind == KIND_N_FOR_PRICE)
			sum += value;
		else if (r->kind == KIND_BUY_GET)
			sum += value * r->get / size + it->units;
		else
			sum += portion_units(r, it, 1, p->rules->rounding) * it->units;
	}
	return sum;
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
		    l->rule->kind != KIND_BUY_GET_CHEAPEST)
			ranks[n++] = (struct rank){ c->live[j], potential(p, l) };
	}
	qsort(ranks, n, sizeof(*ranks), rank_order);
	for (uint32_t i = 0; i<n && * steps> STEPS_MAX; i++) {
		s->disabled[ranks[i].live] = true;
		s->trimmed_minor += ranks[i].minor;
		*steps -= p->live[ranks[i].live].items_count;
	}
	return 0;
}
