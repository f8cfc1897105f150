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
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Memory of an addition. */
struct gallery_scrap {
	struct finger_features features;
};

/* What a search needs of one reference, before it has a slot. */
struct newcomer {
	struct gallery_name name;
	bool foreign;
	struct scan_reference scan;
};

struct gallery_intake {
	struct gallery_scrap scrap;
	unsigned count;
	struct newcomer staged[GALLERY_INTAKE_MAX];
};

struct gallery {
	struct roster roster;
	/* Told to any thread. */
	_Atomic uint64_t references, subjects, bytes, left_out, foreign;
	struct workers *workers;
	struct search_work *work;
	struct gallery_scrap *scrap;
	struct newcomer *newcomer;
	struct gallery_intake *intake; /* WORKERS_MAX of them, or NULL */
	uint64_t left_out_key;         /* the least one since it was asked for */
};

#define INTAKE_BYTES (WORKERS_MAX * sizeof(struct gallery_intake))

/* After every change: what other threads are told. */
static void
count_up(struct gallery *g)
{
	uint64_t bytes = roster_bytes(&g->roster) + search_work_bytes() +
			 sizeof(*g->scrap) + sizeof(*g->newcomer) + sizeof(*g);

	atomic_store(&g->references, g->roster.count);
	atomic_store(&g->bytes, bytes + (g->intake != NULL ? INTAKE_BYTES : 0));
}

struct gallery *
gallery_new(uint64_t references_max, const struct gallery_source *source)
{
	struct gallery *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	if (roster_init(&g->roster, references_max) < 0)
		return gallery_free(g);
	g->workers = workers_new();
	g->work = search_work_new(source);
	g->scrap = secret_region_new(sizeof(*g->scrap));
	g->newcomer = secret_region_new(sizeof(*g->newcomer));
	if (g->workers == NULL || g->work == NULL || g->scrap == NULL ||
	    g->newcomer == NULL)
		return gallery_free(g);
	g->left_out_key = UINT64_MAX;
	count_up(g);
	return g;
}

struct gallery *
gallery_free(struct gallery *g)
{
	if (g == NULL)
		return NULL;
	(void)workers_free(g->workers); /* always NULL */
	(void)search_work_free(g->work);
	secret_region_free(g->intake, INTAKE_BYTES);
	secret_region_free(g->newcomer, sizeof(*g->newcomer));
	secret_region_free(g->scrap, sizeof(*g->scrap));
	roster_clear(&g->roster);
	free(g);
	return NULL;
}

uint64_t
gallery_room(uint64_t bytes)
{
	return roster_room(bytes);
}

/* As reference_scan. */
static int
prepare(struct gallery_scrap *scrap, struct newcomer *n, const uint8_t *reference,
	size_t bytes)
{
	int rc = reference_scan(reference, bytes, &scrap->features, &n->scan);

	if (rc >= 0 && n->name.finger > ROSTER_FINGER_MAX)
		rc = -EBADMSG;
	if (rc >= 0)
		n->foreign = reference_is_foreign(reference, bytes);
	return rc;
}

/*
 * Gives it a slot, its own old one or a new one; nothing changes where newer_only is set and the
 * old one has a greater key. 0; -ENOSPC; -ENOMEM.
 */
static int
settle(struct gallery *g, const struct newcomer *n, bool newer_only)
{
	uint32_t slot = roster_first(&g->roster, n->name.subject);
	bool known = slot != ROSTER_NONE;
	struct roster_slot *s;
	int rc;

	while (slot != ROSTER_NONE &&
	       roster_slot(&g->roster, slot)->finger != n->name.finger)
		slot = roster_next(&g->roster, slot);
	if (slot == ROSTER_NONE) {
		rc = roster_append(&g->roster, &n->name, &slot);
		if (rc < 0)
			return rc;
		atomic_fetch_add(&g->subjects, !known);
	}
	s = roster_slot(&g->roster, slot);
	if (newer_only && s->key > n->name.key)
		return 0; /* enrolled again meanwhile */
	atomic_fetch_add(&g->foreign, (uint64_t)n->foreign - s->foreign);
	s->key = n->name.key;
	s->foreign = n->foreign;
	*roster_scan(&g->roster, slot) = n->scan;
	return 0;
}

int
gallery_add(struct gallery *g, const struct gallery_name *name, const uint8_t *reference,
	    size_t bytes)
{
	int rc;

	g->newcomer->name = *name;
	/* All of it is looked at once, before it is relied on. */
	rc = reference_unpack(reference, bytes, &g->scrap->features);
	if (rc == 0)
		rc = prepare(g->scrap, g->newcomer, reference, bytes);
	if (rc >= 0) {
		rc = settle(g, g->newcomer, false);
		atomic_fetch_add(&g->left_out, rc < 0);
		if (rc < 0 && name->key < g->left_out_key)
			g->left_out_key = name->key;
	}
	count_up(g);
	secret_zero(g->scrap, sizeof(*g->scrap));
	secret_zero(g->newcomer, sizeof(*g->newcomer));
	return rc;
}

uint64_t
gallery_left_out(struct gallery *g)
{
	uint64_t key = g->left_out_key;

	g->left_out_key = UINT64_MAX;
	atomic_store(&g->left_out, 0);
	return key;
}

int
gallery_stage(struct gallery_intake *in, const struct gallery_name *name,
	      const uint8_t *reference, size_t bytes)
{
	struct newcomer *n = &in->staged[in->count];
	int rc;

	if (in->count == GALLERY_INTAKE_MAX)
		return -ENOSPC;
	if (in->count > 0 && in->staged[in->count - 1].name.key >= name->key)
		return -EBADMSG;
	n->name = *name;
	rc = prepare(&in->scrap, n, reference, bytes);
	in->count += rc >= 0;
	return rc;
}

struct pulling {
	struct gallery *gallery;
	gallery_pull_fn pull;
	void *ctx;
};

static void
pull_job(void *context, unsigned worker)
{
	const struct pulling *p = context;

	p->pull(p->ctx, worker, &p->gallery->intake[worker]);
}

/* The staged one with the least key of those behind next[], which moves on. NULL: none is left. */
static const struct newcomer *
least_key(const struct gallery_intake *in, unsigned next[WORKERS_MAX])
{
	const struct newcomer *least = NULL;
	unsigned from = 0;

	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		const struct newcomer *n = &in[i].staged[next[i]];

		if (next[i] < in[i].count &&
		    (least == NULL || n->name.key < least->name.key)) {
			least = n;
			from = i;
		}
	}
	next[from]++;
	return least;
}

int
gallery_take_in(struct gallery *g, gallery_pull_fn pull, void *ctx, uint64_t *ret_key)
{
	struct pulling p = { g, pull, ctx };
	unsigned next[WORKERS_MAX] = { 0 };
	const struct newcomer *n;
	int rc = 0;

	if (g->intake == NULL)
		g->intake = secret_region_new(INTAKE_BYTES);
	if (g->intake == NULL)
		return -ENOMEM;
	workers_run(g->workers, pull_job, &p);
	while (rc == 0 && (n = least_key(g->intake, next)) != NULL) {
		rc = settle(g, n, true);
		if (rc < 0)
			*ret_key = n->name.key;
	}
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		g->intake[i].count = 0;
	count_up(g);
	return rc;
}

void
gallery_taken_in(struct gallery *g)
{
	secret_region_free(g->intake, INTAKE_BYTES);
	g->intake = NULL;
	count_up(g);
}

unsigned
gallery_remove(struct gallery *g, struct ulid subject)
{
	unsigned removed = 0;
	uint32_t slot;

	while ((slot = roster_first(&g->roster, subject)) != ROSTER_NONE) {
		atomic_fetch_sub(&g->foreign, roster_slot(&g->roster, slot)->foreign);
		roster_remove(&g->roster, slot);
		removed++;
	}
	atomic_fetch_sub(&g->subjects, removed > 0);
	count_up(g);
	return removed;
}

struct gallery_stats
gallery_stats(const struct gallery *g)
{
	return (struct gallery_stats){
		.references = atomic_load(&g->references),
		.subjects = atomic_load(&g->subjects),
		.bytes = atomic_load(&g->bytes),
		.left_out = atomic_load(&g->left_out),
		.lost = search_lost(g->work),
		.foreign = atomic_load(&g->foreign),
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
