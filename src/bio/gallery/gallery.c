#include "bio/gallery/gallery.h"

#include "base/secret.h"
#include "bio/gallery/fine.h"
#include "bio/gallery/reference.h"
#include "bio/gallery/roster.h"
#include "bio/gallery/score.h"
#include "bio/gallery/search.h"
#include "bio/gallery/workers.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Memory of an addition or of a single comparison. */
struct gallery_scrap {
	struct finger_features features;
	struct mcc_set set;
};

struct gallery {
	struct roster roster;
	uint64_t subjects;
	struct workers *workers;
	struct search_work *work;
	struct gallery_scrap *scrap;
};

struct gallery *
gallery_new(uint64_t references_max)
{
	struct gallery *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	if (roster_init(&g->roster, references_max) < 0)
		return gallery_free(g);
	g->workers = workers_new();
	g->work = search_work_new();
	g->scrap = secret_region_new(sizeof(*g->scrap));
	if (g->workers == NULL || g->work == NULL || g->scrap == NULL)
		return gallery_free(g);
	return g;
}

struct gallery *
gallery_free(struct gallery *g)
{
	if (g == NULL)
		return NULL;
	(void)workers_free(g->workers); /* always NULL */
	(void)search_work_free(g->work);
	secret_region_free(g->scrap, sizeof(*g->scrap));
	roster_clear(&g->roster);
	free(g);
	return NULL;
}

int
gallery_add(struct gallery *g, struct ulid subject, uint32_t finger,
	    const uint8_t *reference, size_t bytes)
{
	struct roster_slot *s;
	uint32_t slot;
	bool known;
	int rc;

	rc = reference_unpack(reference, bytes, &g->scrap->features);
	if (rc < 0)
		return rc;
	slot = roster_find(&g->roster, subject, finger);
	if (slot == ROSTER_NONE) {
		known = roster_first(&g->roster, subject) != ROSTER_NONE;
		rc = roster_append(&g->roster, subject, finger, &slot);
		if (rc < 0)
			goto out;
		g->subjects += !known;
	}
	mcc_build(g->scrap->features.minutiae, g->scrap->features.count, &g->scrap->set);
	scan_reference_fill(roster_scan(&g->roster, slot), &g->scrap->set);
	s = roster_slot(&g->roster, slot);
	memset(s->packed, 0, sizeof(s->packed));
	memcpy(s->packed, reference, bytes);
	s->bytes = (uint16_t)bytes;
out:
	secret_zero(g->scrap, sizeof(*g->scrap));
	return rc;
}

unsigned
gallery_remove(struct gallery *g, struct ulid subject)
{
	unsigned removed = 0;
	uint32_t slot;

	while ((slot = roster_first(&g->roster, subject)) != ROSTER_NONE) {
		roster_remove(&g->roster, slot);
		removed++;
	}
	g->subjects -= removed > 0;
	return removed;
}

struct gallery_stats
gallery_stats(const struct gallery *g)
{
	return (struct gallery_stats){
		.references = g->roster.count,
		.subjects = g->subjects,
		.bytes = (uint64_t)g->roster.chunks * sizeof(struct roster_chunk),
	};
}

int
gallery_search(struct gallery *g, const struct gallery_query *q,
	       struct gallery_candidate ret_candidates[GALLERY_CANDIDATES_MAX],
	       size_t *ret_count)
{
	assert(q->probe != NULL);
	return search_roster(g->work, g->workers, &g->roster, q, ret_candidates,
			     ret_count);
}

/* Memory of one comparison outside a gallery. */
struct pair {
	struct fine_side probe, reference;
	struct fine_evidence evidence;
};

int
finger_compare(const struct finger_features *probe,
	       const struct finger_features *reference, int32_t *ret_score)
{
	struct pair *p = secret_region_new(sizeof(*p));
	struct fine_work *work = secret_region_new(fine_work_bytes());
	int rc = -ENOMEM;

	if (p == NULL || work == NULL)
		goto out;
	rc = -ENODATA;
	if (!fine_prepare(&p->probe, probe) || !fine_prepare(&p->reference, reference))
		goto out;
	fine_compare(work, kernel_best(), &p->probe, &p->reference, &p->evidence);
	*ret_score = score_of(&p->evidence);
	rc = 0;
out:
	secret_region_free(work, fine_work_bytes());
	secret_region_free(p, sizeof(*p));
	return rc;
}
