#include "core/pricing/search_private.h"

#include <errno.h>
#include <string.h>

/* The ways of a component that are kept when more than the cheapest is wanted. */

#define POINTS_A_NODE 64u /* compared with */

struct take *
search_keep_takes(struct search *s, const struct take *takes, uint32_t count)
{
	struct take *kept = arena_array(s->job->arena, count, sizeof(*kept));

	if (kept == NULL)
		s->error = -ENOMEM;
	else if (count > 0)
		memcpy(kept, takes, count * sizeof(*kept));
	return kept;
}

static uint64_t
mixed(uint64_t hash, int64_t word)
{
	hash = (hash ^ (uint64_t)word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* The same for ways that are the same to what is wanted. */
static uint64_t
hash_of(const struct search *s, const struct point *p)
{
	uint64_t hash = mixed(0, p->cost);

	for (uint32_t d = 0; d <= s->job->cost->dims_count; d++)
		hash = mixed(hash, p->nets[d]);
	for (uint32_t i = 0;
	     s->job->want == SEARCH_ALL && i < s->job->component->lines_count; i++)
		hash = mixed(hash, p->line_nets[i]);
	return hash;
}

/* Whether a makes b needless. */
static bool
covers(const struct search *s, const struct point *a, const struct point *b)
{
	const struct search_job *job = s->job;
	uint32_t dims = job->cost->dims_count;

	if (job->want == SEARCH_UNDOMINATED) {
		for (uint32_t d = 0; d < dims; d++)
			if (a->nets[d] < b->nets[d])
				return false;
		return a->cost <= b->cost;
	}
	if (a->hash != b->hash || a->cost != b->cost ||
	    memcmp(a->nets, b->nets, sizeof(a->nets)) != 0)
		return false;
	return job->want == SEARCH_DISTINCT ||
	       memcmp(a->line_nets, b->line_nets,
		      job->component->lines_count * sizeof(*a->line_nets)) == 0;
}

static int
grow_points(struct search *s)
{
	uint32_t room = s->points_room == 0 ? 16 : 2 * s->points_room;
	struct point *grown = arena_array(s->job->arena, room, sizeof(*grown));

	if (grown == NULL) {
		s->error = -ENOMEM;
		return -ENOMEM;
	}
	if (s->points.count > 0)
		memcpy(grown, s->points.at, s->points.count * sizeof(*grown));
	s->points.at = grown;
	s->points_room = room;
	return 0;
}

/* The nets of its lines, for ways that differ by them. */
static const int64_t *
keep_nets(struct search *s, const struct point *found)
{
	uint32_t n = s->job->component->lines_count;
	int64_t *kept;

	if (s->job->want != SEARCH_ALL)
		return NULL;
	kept = arena_array(s->job->arena, n, sizeof(*kept));
	if (kept == NULL)
		s->error = -ENOMEM;
	else
		memcpy(kept, found->line_nets, n * sizeof(*kept));
	return kept;
}

/* Comparing takes time as well: it counts as nodes. */
static void
count_compared(struct search *s)
{
	s->compared += s->points.count;
	if (s->compared < POINTS_A_NODE)
		return;
	(void)effort_spend(s->job->effort, s->compared / POINTS_A_NODE);
	s->compared %=
		POINTS_A_NODE; /* the walk sees that it is spent at its next node */
}

void
search_add_point(struct search *s, struct point *found)
{
	struct points *all = &s->points;
	struct point *slot;

	if (found->cost > s->job->cost_limit)
		return;
	found->hash = hash_of(s, found);
	count_compared(s);
	for (uint32_t i = 0; i < all->count; i++)
		if (covers(s, &all->at[i], found))
			return;
	for (uint32_t i = 0; s->job->want == SEARCH_UNDOMINATED && i < all->count; i++)
		if (covers(s, found, &all->at[i]))
			all->at[i--] = all->at[--all->count];
	if (all->count == SEARCH_POINTS_MAX) {
		s->full = true;
		return;
	}
	if (all->count == s->points_room && grow_points(s) < 0)
		return;
	slot = &all->at[all->count++];
	*slot = *found;
	slot->takes = search_keep_takes(s, found->takes, found->takes_count);
	slot->line_nets = keep_nets(s, found);
}
