#include "bio/gallery/search.h"

#include "base/secret.h"
#include "bio/gallery/fine.h"
#include "bio/gallery/reference.h"
#include "bio/gallery/score.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define PIECE 64u /* slots a worker takes at once while scanning */
_Static_assert(ROSTER_CHUNK % PIECE == 0, "a piece lies in one chunk");

/*
 * References are ranked by kind: those of scan_is_sparse among themselves. What is stored of a
 * reference is the kind times LEVELS plus the score of the scan.
 */
#define KINDS 2u
#define LEVELS (SCAN_SCORE_MAX + 1)
_Static_assert(KINDS *LEVELS <= UINT16_MAX + 1u, "a level fits into its place");

/* The shares of the references, by kind: one in so many. */
struct quota {
	uint32_t share[KINDS];
	uint32_t least; /* of all kinds together */
};
static const struct quota again_quota = { { SCAN_AGAIN_SHARE, SCAN_AGAIN_SHARE_SPARSE },
					  SCAN_AGAIN_MIN };
static const struct quota shortlist_quota = {
	{ SEARCH_SHORTLIST_SHARE, SEARCH_SHORTLIST_SHARE_SPARSE }, SEARCH_SHORTLIST_MIN
};

/* One reference of the short list. */
struct hopeful {
	struct gallery_name name;
	int32_t score;
	bool foreign;
};

/* What one worker needs. */
struct bench {
	uint32_t level[KINDS * LEVELS]; /* references by kind and scan score */
	uint8_t packed[REFERENCE_BYTES_MAX];
	struct finger_features features;
	struct fine_side side;
	struct fine_evidence evidence;
	struct fine_work *fine;
};

struct search_work {
	struct gallery_source source;
	_Atomic uint64_t lost;
	/* The search under way. */
	const struct roster *roster;
	const struct kernel *kernel;
	const atomic_bool *cancel;
	bool each;                  /* as in the query */
	atomic_uint next;           /* the next piece of work */
	uint32_t count[KINDS];      /* of references */
	uint32_t again_from[KINDS]; /* the least levels that are looked at again */
	struct fine_side probe;
	struct scan_probe scan;
	struct hopeful shortlist[SEARCH_SHORTLIST_MAX];
	unsigned shortlist_count;
	struct bench bench[WORKERS_MAX];
};

struct search_work *
search_work_new(const struct gallery_source *source)
{
	struct search_work *w = secret_region_new(sizeof(*w));

	if (w == NULL)
		return NULL;
	w->source = *source;
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		w->bench[i].fine = secret_region_new(fine_work_bytes());
		if (w->bench[i].fine == NULL)
			return search_work_free(w);
	}
	return w;
}

struct search_work *
search_work_free(struct search_work *w)
{
	if (w == NULL)
		return NULL;
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		secret_region_free(w->bench[i].fine, fine_work_bytes());
	secret_region_free(w, sizeof(*w));
	return NULL;
}

size_t
search_work_bytes(void)
{
	return sizeof(struct search_work) + WORKERS_MAX * fine_work_bytes();
}

uint64_t
search_lost(const struct search_work *w)
{
	return atomic_load(&w->lost);
}

static bool
cancelled(const struct search_work *w)
{
	return w->cancel != NULL && atomic_load(w->cancel);
}

static uint16_t *
score_at(const struct search_work *w, uint32_t slot)
{
	return &w->roster->chunk[slot / ROSTER_CHUNK]->scan_score[slot % ROSTER_CHUNK];
}

/* Takes the next slots to be scored; false: there are none, or nobody wants them any more. */
static bool
next_piece(struct search_work *w, uint32_t *ret_first, uint32_t *ret_last)
{
	uint32_t first = atomic_fetch_add(&w->next, PIECE);

	if (first >= w->roster->count || cancelled(w))
		return false;
	*ret_first = first;
	*ret_last = w->roster->count - first < PIECE ? w->roster->count : first + PIECE;
	return true;
}

static void
scan_job(void *context, unsigned worker)
{
	struct search_work *w = context;
	uint32_t *level = w->bench[worker].level, slot, last;

	memset(level, 0, KINDS * LEVELS * sizeof(*level));
	while (next_piece(w, &slot, &last)) {
		for (; slot < last; slot++) {
			const struct scan_reference *r = roster_scan(w->roster, slot);
			uint32_t at = scan_score(w->kernel, &w->scan, r);

			at += scan_is_sparse(&w->scan, r) ? LEVELS : 0;
			*score_at(w, slot) = (uint16_t)at;
			level[at]++;
		}
	}
}

/* Scores the better ones again; the others have no score any more. */
static void
again_job(void *context, unsigned worker)
{
	struct search_work *w = context;
	uint32_t *level = w->bench[worker].level, slot, last;

	memset(level, 0, KINDS * LEVELS * sizeof(*level));
	while (next_piece(w, &slot, &last)) {
		for (; slot < last; slot++) {
			uint32_t kind = *score_at(w, slot) / LEVELS, at = kind * LEVELS;

			if (*score_at(w, slot) >= w->again_from[kind])
				at += scan_again(w->kernel, &w->scan,
						 roster_scan(w->roster, slot));
			*score_at(w, slot) = (uint16_t)at;
			level[at]++;
		}
	}
}

/* The reference's features into the bench. False: it cannot be had, and is passed over. */
static bool
take_up(struct search_work *w, unsigned worker, struct hopeful *h)
{
	struct bench *b = &w->bench[worker];
	size_t bytes = 0;
	int rc = w->source.fetch(w->source.ctx, worker, &h->name, b->packed, &bytes);

	if (rc == 0) {
		h->foreign = reference_is_foreign(b->packed, bytes);
		rc = reference_unpack(b->packed, bytes, &b->features);
		secret_zero(b->packed, bytes);
	}
	if (rc < 0 && rc != -ENOENT)
		atomic_fetch_add(&w->lost, 1);
	return rc == 0;
}

static void
fine_job(void *context, unsigned worker)
{
	struct search_work *w = context;
	struct bench *b = &w->bench[worker];

	for (;;) {
		uint32_t i = atomic_fetch_add(&w->next, 1);

		if (i >= w->shortlist_count || cancelled(w))
			return;
		w->shortlist[i].score = 0;
		if (!take_up(w, worker, &w->shortlist[i]) ||
		    !fine_prepare(&b->side, &b->features))
			continue;
		fine_compare(b->fine, w->kernel, &w->probe, &b->side, &b->evidence);
		w->shortlist[i].score = score_of(&b->evidence);
	}
}

/* Subject and finger: an order that does not depend on slots. */
static int
compare_names(const struct gallery_name *x, const struct gallery_name *y)
{
	int d = memcmp(x->subject.b, y->subject.b, sizeof(x->subject.b));

	return d != 0 ? d : (x->finger > y->finger) - (x->finger < y->finger);
}

/* How many references there are of each kind. */
static void
count_kinds(struct search_work *w)
{
	memset(w->count, 0, sizeof(w->count));
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		for (uint32_t at = 0; at < KINDS * LEVELS; at++)
			w->count[at / LEVELS] += w->bench[i].level[at];
	}
}

/* A share of the references of a kind; of small galleries, of the least that is taken. */
static uint32_t
wanted(const struct search_work *w, const struct quota *q, uint32_t kind)
{
	uint64_t count = w->count[kind], all = w->roster->count;
	uint64_t least = (q->least * count + all - 1) / all;
	uint64_t share = count / q->share[kind];

	return (uint32_t)(share > least ? share : least);
}

/* The level of a kind that at most as many as wanted exceed; *ret_above: how many do. */
static uint32_t
cut_level(const struct search_work *w, uint32_t kind, uint32_t most, uint32_t *ret_above)
{
	uint32_t sum = 0, cut;

	for (cut = (kind + 1) * LEVELS - 1; cut > kind * LEVELS; cut--) {
		uint32_t here = 0;

		for (unsigned i = 0; i < WORKERS_MAX; i++)
			here += w->bench[i].level[cut];
		if (sum + here > most)
			break;
		sum += here;
	}
	*ret_above = sum;
	return cut;
}

/*
 * The least level of a kind that is looked at again: no more than a share exceed it, and all that
 * have it are taken, so that the order of slots does not matter. Never those that have nothing in
 * common.
 */
static uint32_t
again_level(const struct search_work *w, uint32_t kind)
{
	uint32_t above, cut = cut_level(w, kind, wanted(w, &again_quota, kind), &above);

	return cut > kind * LEVELS ? cut : kind * LEVELS + 1;
}

static bool
name_after(const struct hopeful *x, const struct hopeful *y)
{
	return compare_names(&x->name, &y->name) > 0;
}

/* Restores the heap below node i: the last name of all is its root. */
static void
sift_down(struct hopeful *heap, unsigned count, unsigned i)
{
	for (;;) {
		unsigned last = i, left = 2 * i + 1;
		struct hopeful h;

		if (left < count && name_after(&heap[left], &heap[last]))
			last = left;
		if (left + 1 < count && name_after(&heap[left + 1], &heap[last]))
			last = left + 1;
		if (last == i)
			return;
		h = heap[i];
		heap[i] = heap[last];
		heap[last] = h;
		i = last;
	}
}

static struct hopeful
hopeful_of(const struct search_work *w, uint32_t slot)
{
	const struct roster_slot *s = roster_slot(w->roster, slot);

	return (struct hopeful){ .name = { s->subject, s->finger, s->key } };
}

static void
shortlist_add(struct search_work *w, const struct hopeful *h)
{
	assert(w->shortlist_count < SEARCH_SHORTLIST_MAX);
	w->shortlist[w->shortlist_count++] = *h;
}

/* Those on the level where the short list would run over. */
struct level_heap {
	struct hopeful *at;
	unsigned count, room;
};

/* Keeps those whose names come first, so that the order of slots does not matter. */
static void
keep_first(struct level_heap *heap, const struct hopeful *h)
{
	if (heap->count < heap->room) {
		heap->at[heap->count++] = *h;
		for (unsigned i = heap->count / 2; heap->count == heap->room && i-- > 0;)
			sift_down(heap->at, heap->count, i);
	} else if (name_after(&heap->at[0], h)) {
		heap->at[0] = *h;
		sift_down(heap->at, heap->count, 0);
	}
}

/* Where the short list ends for one kind: above the level all are taken, on it the first names. */
struct cut {
	uint32_t level, above;
	struct level_heap on;
};

static struct cut
cut_of(const struct search_work *w, uint32_t kind, uint32_t room)
{
	uint32_t most = wanted(w, &shortlist_quota, kind);
	struct cut cut = { 0 };

	most = most < room ? most : room;
	cut.level = cut_level(w, kind, most, &cut.above);
	/* A reference with nothing at all in common is no candidate. */
	cut.on.room = cut.level > kind * LEVELS ? most - cut.above : 0;
	return cut;
}

/* The best of the scan. */
static void
choose_shortlist(struct search_work *w)
{
	struct cut cut[KINDS];
	unsigned above = 0, room = SEARCH_SHORTLIST_MAX;

	for (uint32_t kind = 0; kind < KINDS; kind++) {
		cut[kind] = cut_of(w, kind, room);
		room -= cut[kind].above + cut[kind].on.room;
		above += cut[kind].above;
	}
	cut[0].on.at = &w->shortlist[above];
	cut[1].on.at = cut[0].on.at + cut[0].on.room;
	w->shortlist_count = 0;
	for (uint32_t slot = 0; slot < w->roster->count; slot++) {
		uint32_t level = *score_at(w, slot);
		struct cut *c = &cut[level / LEVELS];
		struct hopeful h;

		if (slot % ROSTER_CHUNK == 0 && cancelled(w))
			return;
		if (level < c->level || (level == c->level && c->on.room == 0))
			continue;
		h = hopeful_of(w, slot);
		if (level > c->level)
			shortlist_add(w, &h);
		else
			keep_first(&c->on, &h);
	}
	assert(w->shortlist_count == above);
	for (uint32_t kind = 0; kind < KINDS; kind++) {
		/* Else the level would have been lower. */
		assert(cut[kind].on.count == cut[kind].on.room);
		w->shortlist_count += cut[kind].on.count;
	}
}

static void
run(struct search_work *w, struct workers *workers,
    void (*job)(void *context, unsigned worker))
{
	atomic_store(&w->next, 0);
	workers_run(workers, job, w);
}

/* Does x come before y: by score, then by name? */
static bool
comes_before(const struct hopeful *x, const struct hopeful *y)
{
	if (x->score != y->score)
		return x->score > y->score;
	return compare_names(&x->name, &y->name) < 0;
}

/* Puts one compared reference among the candidates, best first, and one a subject but for each. */
static void
place(const struct search_work *w, const struct hopeful *h, struct hopeful *best,
      size_t *count)
{
	size_t i, at;

	for (at = 0; at < *count; at++) {
		if (!w->each && ulid_eq(best[at].name.subject, h->name.subject))
			break;
	}
	if (at < *count) {
		if (!comes_before(h, &best[at]))
			return;
	} else if (*count < GALLERY_CANDIDATES_MAX) {
		(*count)++;
	} else {
		at = *count - 1;
		if (!comes_before(h, &best[at]))
			return;
	}
	for (i = at; i > 0 && comes_before(h, &best[i - 1]); i--)
		best[i] = best[i - 1];
	best[i] = *h;
}

static void
compare_shortlist(struct search_work *w, struct workers *workers, struct hopeful *best,
		  size_t *count)
{
	run(w, workers, fine_job);
	for (unsigned i = 0; i < w->shortlist_count; i++) {
		if (w->shortlist[i].score > 0 || w->each)
			place(w, &w->shortlist[i], best, count);
	}
}

/* The names of a subject's references. */
static unsigned
list_names(struct search_work *w, struct ulid subject,
	   struct gallery_name names[GALLERY_FINGERS_MAX])
{
	unsigned n = 0;
	uint32_t slot;
	int rc;

	if (w->source.list != NULL) {
		rc = w->source.list(w->source.ctx, subject, names);
		if (rc < 0)
			atomic_fetch_add(&w->lost, 1);
		return rc < 0 ? 0 : (unsigned)rc;
	}
	slot = roster_first(w->roster, subject);
	for (; slot != ROSTER_NONE && n < GALLERY_FINGERS_MAX; n++) {
		names[n] = hopeful_of(w, slot).name;
		slot = roster_next(w->roster, slot);
	}
	return n;
}

/* Compares the references of the named subjects, all of them, a short list at a time. */
static void
search_named(struct search_work *w, struct workers *workers,
	     const struct gallery_query *q, struct hopeful *best, size_t *count)
{
	w->shortlist_count = 0;
	for (size_t i = 0; i < q->subjects_count && !cancelled(w); i++) {
		struct gallery_name names[GALLERY_FINGERS_MAX];
		unsigned n = list_names(w, q->subjects[i], names);

		for (unsigned k = 0; k < n; k++) {
			const struct hopeful h = { .name = names[k] };

			shortlist_add(w, &h);
			if (w->shortlist_count < SEARCH_SHORTLIST_MAX)
				continue;
			compare_shortlist(w, workers, best, count);
			w->shortlist_count = 0;
		}
	}
	compare_shortlist(w, workers, best, count);
}

static void
search_all(struct search_work *w, struct workers *workers, struct hopeful *best,
	   size_t *count)
{
	if (w->roster->count <= SEARCH_SHORTLIST_MIN) {
		w->shortlist_count = 0;
		for (uint32_t slot = 0; slot < w->roster->count; slot++) {
			const struct hopeful h = hopeful_of(w, slot);

			shortlist_add(w, &h);
		}
		compare_shortlist(w, workers, best, count);
		return;
	}
	scan_probe_fill(&w->scan, w->kernel, w->probe.features);
	run(w, workers, scan_job);
	if (cancelled(w))
		return;
	count_kinds(w);
	for (uint32_t kind = 0; kind < KINDS; kind++)
		w->again_from[kind] = again_level(w, kind);
	run(w, workers, again_job);
	if (cancelled(w))
		return;
	choose_shortlist(w);
	compare_shortlist(w, workers, best, count);
}

int
search_roster(struct search_work *w, struct workers *workers, const struct roster *r,
	      const struct gallery_query *q,
	      struct gallery_candidate ret_candidates[GALLERY_CANDIDATES_MAX],
	      size_t *ret_count)
{
	struct hopeful best[GALLERY_CANDIDATES_MAX];
	size_t count = 0;
	int rc = -ENODATA;

	w->roster = r;
	w->kernel = kernel_best();
	w->cancel = q->cancel;
	w->each = q->each && q->subjects != NULL;
	if (!fine_prepare(&w->probe, q->probe))
		goto out;
	if (q->subjects != NULL)
		search_named(w, workers, q, best, &count);
	else
		search_all(w, workers, best, &count);
	rc = -ECANCELED;
	if (cancelled(w))
		goto out;
	rc = 0;
	for (size_t i = 0; i < count; i++)
		ret_candidates[i] =
			(struct gallery_candidate){ best[i].name.subject,
						    best[i].name.finger, best[i].score,
						    best[i].foreign };
	*ret_count = count;
out:
	secret_zero(&w->probe, sizeof(w->probe));
	secret_zero(&w->scan, sizeof(w->scan));
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		secret_zero(&w->bench[i].features, sizeof(w->bench[i].features));
		secret_zero(&w->bench[i].side, sizeof(w->bench[i].side));
	}
	return rc;
}
