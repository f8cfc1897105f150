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
#define LEVELS 8192u

/* One reference of the short list. */
struct hopeful {
	uint32_t slot;
	int32_t score;
};

/* What one worker needs for fine comparisons. */
struct bench {
	struct finger_features features;
	struct fine_side side;
	struct fine_evidence evidence;
	struct fine_work *fine;
};

struct search_work {
	/* The search under way. */
	const struct roster *roster;
	const struct kernel *kernel;
	const atomic_bool *cancel;
	atomic_uint next; /* the next piece of work */
	struct fine_side probe;
	struct scan_probe scan;
	struct hopeful shortlist[SEARCH_SHORTLIST_MAX];
	unsigned shortlist_count;
	uint32_t level[LEVELS]; /* references by scan score */
	struct bench bench[WORKERS_MAX];
};

struct search_work *
search_work_new(void)
{
	struct search_work *w = secret_region_new(sizeof(*w));

	if (w == NULL)
		return NULL;
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

static bool
cancelled(const struct search_work *w)
{
	return w->cancel != NULL && atomic_load(w->cancel);
}

static void
scan_job(void *context, unsigned worker)
{
	struct search_work *w = context;

	(void)worker; /* no memory of its own needed */
	for (;;) {
		uint32_t first = atomic_fetch_add(&w->next, PIECE), last;

		if (first >= w->roster->count || cancelled(w))
			return;
		last = w->roster->count - first < PIECE ? w->roster->count
							: first + PIECE;
		for (uint32_t slot = first; slot < last; slot++)
			roster_slot(w->roster, slot)->scan_score = scan_score(
				w->kernel, &w->scan, roster_scan(w->roster, slot));
	}
}

static void
fine_job(void *context, unsigned worker)
{
	struct search_work *w = context;
	struct bench *b = &w->bench[worker];

	for (;;) {
		uint32_t i = atomic_fetch_add(&w->next, 1);
		const struct roster_slot *s;
		int rc;

		if (i >= w->shortlist_count || cancelled(w))
			return;
		s = roster_slot(w->roster, w->shortlist[i].slot);
		rc = reference_unpack(s->packed, s->bytes, &b->features);
		assert(rc == 0); /* gallery_add unpacked it before */
		(void)rc;
		w->shortlist[i].score = 0;
		if (!fine_prepare(&b->side, &b->features))
			continue;
		fine_compare(b->fine, w->kernel, &w->probe, &b->side, &b->evidence);
		w->shortlist[i].score = score_of(&b->evidence);
	}
}

/* Subject and finger: an order that does not depend on slots. */
static int
compare_names(const struct roster_slot *x, const struct roster_slot *y)
{
	int d = memcmp(x->subject.b, y->subject.b, sizeof(x->subject.b));

	return d != 0 ? d : (x->finger > y->finger) - (x->finger < y->finger);
}

static uint32_t
level_of(uint32_t scan_score)
{
	return scan_score < LEVELS ? scan_score : LEVELS - 1;
}

static unsigned
shortlist_wanted(const struct search_work *w)
{
	uint32_t n = w->roster->count / SEARCH_SHORTLIST_SHARE;

	return n < SEARCH_SHORTLIST_MIN   ? SEARCH_SHORTLIST_MIN
	       : n > SEARCH_SHORTLIST_MAX ? SEARCH_SHORTLIST_MAX
					  : n;
}

/* The scan score that at most as many references as wanted exceed. */
static uint32_t
cut_level(struct search_work *w, unsigned wanted)
{
	uint32_t sum = 0, cut = LEVELS - 1;

	memset(w->level, 0, sizeof(w->level));
	for (uint32_t slot = 0; slot < w->roster->count; slot++)
		w->level[level_of(roster_slot(w->roster, slot)->scan_score)]++;
	while (cut > 0 && sum + w->level[cut] <= wanted)
		sum += w->level[cut--];
	return cut;
}

static bool
name_after(const struct search_work *w, const struct hopeful *x, const struct hopeful *y)
{
	return compare_names(roster_slot(w->roster, x->slot),
			     roster_slot(w->roster, y->slot)) > 0;
}

/* Restores the heap below node i: the last name of all is its root. */
static void
sift_down(const struct search_work *w, struct hopeful *heap, unsigned count, unsigned i)
{
	for (;;) {
		unsigned last = i, left = 2 * i + 1;
		struct hopeful h;

		if (left < count && name_after(w, &heap[left], &heap[last]))
			last = left;
		if (left + 1 < count && name_after(w, &heap[left + 1], &heap[last]))
			last = left + 1;
		if (last == i)
			return;
		h = heap[i];
		heap[i] = heap[last];
		heap[last] = h;
		i = last;
	}
}

static void
shortlist_add(struct search_work *w, uint32_t slot)
{
	assert(w->shortlist_count < SEARCH_SHORTLIST_MAX);
	w->shortlist[w->shortlist_count++] = (struct hopeful){ slot, 0 };
}

/*
 * Fills the short list up with references on the level where it would run over: those whose names
 * come first, so that the order of slots does not matter.
 */
static void
fill_up(struct search_work *w, unsigned wanted, uint32_t level)
{
	struct hopeful *heap = &w->shortlist[w->shortlist_count];
	unsigned room = wanted - w->shortlist_count, count = 0;

	for (uint32_t slot = 0; slot < w->roster->count && room > 0; slot++) {
		struct hopeful h = { slot, 0 };

		if (level_of(roster_slot(w->roster, slot)->scan_score) != level)
			continue;
		if (count < room) {
			heap[count++] = h;
			for (unsigned i = count / 2; count == room && i-- > 0;)
				sift_down(w, heap, count, i);
		} else if (name_after(w, &heap[0], &h)) {
			heap[0] = h;
			sift_down(w, heap, count, 0);
		}
	}
	w->shortlist_count += count;
}

/* The best of the scan. A reference with nothing at all in common is no candidate. */
static void
choose_shortlist(struct search_work *w)
{
	unsigned wanted = shortlist_wanted(w);
	uint32_t cut = cut_level(w, wanted);

	w->shortlist_count = 0;
	for (uint32_t slot = 0; slot < w->roster->count; slot++) {
		if (level_of(roster_slot(w->roster, slot)->scan_score) > cut)
			shortlist_add(w, slot);
	}
	if (cut > 0)
		fill_up(w, wanted, cut);
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
comes_before(const struct search_work *w, const struct hopeful *x,
	     const struct hopeful *y)
{
	if (x->score != y->score)
		return x->score > y->score;
	return compare_names(roster_slot(w->roster, x->slot),
			     roster_slot(w->roster, y->slot)) < 0;
}

/* Puts one compared reference among the candidates, one a subject, best first. */
static void
place(const struct search_work *w, const struct hopeful *h, struct hopeful *best,
      size_t *count)
{
	const struct roster_slot *s = roster_slot(w->roster, h->slot);
	size_t i, at;

	for (at = 0; at < *count; at++) {
		if (ulid_eq(roster_slot(w->roster, best[at].slot)->subject, s->subject))
			break;
	}
	if (at < *count) {
		if (!comes_before(w, h, &best[at]))
			return;
	} else if (*count < GALLERY_CANDIDATES_MAX) {
		(*count)++;
	} else {
		at = *count - 1;
		if (!comes_before(w, h, &best[at]))
			return;
	}
	for (i = at; i > 0 && comes_before(w, h, &best[i - 1]); i--)
		best[i] = best[i - 1];
	best[i] = *h;
}

static void
compare_shortlist(struct search_work *w, struct workers *workers, struct hopeful *best,
		  size_t *count)
{
	run(w, workers, fine_job);
	for (unsigned i = 0; i < w->shortlist_count; i++) {
		if (w->shortlist[i].score > 0)
			place(w, &w->shortlist[i], best, count);
	}
}

/* Compares the references of the named subjects, all of them, a short list at a time. */
static void
search_named(struct search_work *w, struct workers *workers,
	     const struct gallery_query *q, struct hopeful *best, size_t *count)
{
	w->shortlist_count = 0;
	for (size_t i = 0; i < q->subjects_count && !cancelled(w); i++) {
		uint32_t slot = roster_first(w->roster, q->subjects[i]);

		for (; slot != ROSTER_NONE; slot = roster_next(w->roster, slot)) {
			shortlist_add(w, slot);
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
		for (uint32_t slot = 0; slot < w->roster->count; slot++)
			shortlist_add(w, slot);
		compare_shortlist(w, workers, best, count);
		return;
	}
	scan_probe_fill(&w->scan, &w->probe.set);
	run(w, workers, scan_job);
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
	for (size_t i = 0; i < count; i++) {
		const struct roster_slot *s = roster_slot(r, best[i].slot);

		ret_candidates[i] = (struct gallery_candidate){ s->subject, s->finger,
								best[i].score };
	}
	*ret_count = count;
out:
	secret_zero(&w->probe, sizeof(w->probe));
	secret_zero(&w->scan, sizeof(w->scan));
	return rc;
}
