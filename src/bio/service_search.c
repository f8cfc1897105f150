#include "bio/service_search.h"

#include <errno.h>
#include <string.h>

#define AT_ONCE (GALLERY_CANDIDATES_MAX / ENROL_FINGERS_MAX) /* and so many fingers */

/* ---- two touches ---------------------------------------------------------- */

static bool
is_among(const struct ulid *list, size_t count, struct ulid subject)
{
	for (size_t i = 0; i < count; i++)
		if (ulid_eq(list[i], subject))
			return true;
	return false;
}

/* Whom either touch was nearest to, each once. How many. */
static size_t
nearest_of_both(const struct service_search *q, struct ulid list[2 * PROBES_NOTED_MAX])
{
	size_t count = q->nearest_count;

	memcpy(list, q->nearest, count * sizeof(list[0]));
	for (size_t i = 0; i < q->count && i < PROBES_NOTED_MAX; i++)
		if (!is_among(list, count, q->found[i].subject))
			list[count++] = q->found[i].subject;
	return count;
}

static struct decide_view *
view_of(struct service_search *q, const struct gallery_candidate *c)
{
	struct decide_view *v;

	for (size_t i = 0; i < q->views_count; i++)
		if (ulid_eq(q->views[i].subject, c->subject) &&
		    q->views[i].finger == c->finger)
			return &q->views[i];
	if (q->views_count == SERVICE_VIEWS_MAX)
		return NULL;
	v = &q->views[q->views_count++];
	*v = (struct decide_view){ c->subject, c->finger, { 0, 0 } };
	return v;
}

/* Compares one of the touches with all references of these. A gallery's errors; -E2BIG too many. */
static int
view_some(struct service_search *q, unsigned touch, const struct ulid *subjects,
	  size_t count)
{
	const struct gallery_query query = { .probe = touch == 0 ? &q->first : &q->probe,
					     .subjects = subjects,
					     .subjects_count = count,
					     .cancel = &q->errand.cancel,
					     .each = true };
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	size_t n = 0;
	int rc = gallery_search(q->service->gallery, &query, found, &n);

	/* As many as there is room for: some may be missing. */
	if (rc == 0 && n == GALLERY_CANDIDATES_MAX && count > 1)
		return -E2BIG;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct decide_view *v = view_of(q, &found[i]);

		if (v == NULL)
			return -E2BIG;
		v->score[touch] = found[i].score;
		q->views_foreign = q->views_foreign || found[i].foreign;
	}
	return rc;
}

/* A few subjects at a time, one by one where they have more fingers than usual. */
static int
view_both(struct service_search *q)
{
	struct ulid list[2 * PROBES_NOTED_MAX];
	size_t count = nearest_of_both(q, list), n;
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < count; at += n) {
		n = count - at < AT_ONCE ? count - at : AT_ONCE;
		for (unsigned touch = 0; rc == 0 && touch < 2; touch++) {
			rc = view_some(q, touch, &list[at], n);
			for (size_t i = 0; rc == -E2BIG && i < n; i++) {
				int one = view_some(q, touch, &list[at + i], 1);

				rc = one < 0 ? one : i + 1 < n ? -E2BIG : 0;
			}
		}
	}
	return rc;
}

static void
work(struct errand *e)
{
	struct service_search *q = (struct service_search *)(void *)e;
	struct gallery *g = q->service->gallery;
	const struct gallery_query query = { .probe = &q->probe,
					     .subjects = q->subjects,
					     .subjects_count = q->subjects_count,
					     .cancel = &e->cancel,
					     .each = q->each };

	q->references = gallery_stats(g).references;
	q->subjects_total = gallery_stats(g).subjects;
	q->error = gallery_search(g, &query, q->found, &q->count);
	if (q->error == 0 && q->has_first && view_both(q) < 0)
		q->views_count = 0; /* then each touch counts alone */
}

struct service_search *
service_search_new(struct service *s, void (*done)(struct errand *e))
{
	struct service_search *q = secret_region_new(sizeof(*q));

	if (q == NULL)
		return NULL;
	q->service = s;
	q->errand.class = ERRAND_URGENT;
	q->errand.work = work;
	q->errand.done = done;
	return q;
}

struct service_search *
service_search_free(struct service_search *q)
{
	secret_region_free(q, sizeof(*q));
	return NULL;
}

void
service_search_post(struct service_search *q)
{
	q->error = -ECANCELED; /* where work is never called */
	q->count = q->views_count = 0;
	q->views_foreign = false;
	q->references = q->subjects_total = 0;
	q->erasures = q->service->erased.count;
	errands_post(q->service->errands, &q->errand);
}

bool
service_search_runs(const struct service_search *q)
{
	return errands_has(q->service->errands, &q->errand);
}

void
service_search_cancel(struct service_search *q)
{
	if (q != NULL && q->service->errands != NULL)
		errands_cancel(q->service->errands, &q->errand);
}

static bool
was_erased(const struct service_search *q, struct ulid subject)
{
	const struct erased *list = &q->service->erased;

	for (uint64_t i = q->erasures; i < list->count; i++)
		if (ulid_eq(list->subjects[i % ERASED_KEPT], subject))
			return true;
	return false;
}

void
service_search_settle(struct service_search *q)
{
	size_t kept = 0;

	secret_zero(&q->probe, sizeof(q->probe));
	secret_zero(&q->first, sizeof(q->first));
	if (q->error == 0 && q->service->erased.count - q->erasures > ERASED_KEPT)
		q->error = -EAGAIN;
	if (q->error < 0)
		q->count = q->views_count = 0;
	for (size_t i = 0; i < q->count; i++)
		if (!was_erased(q, q->found[i].subject))
			q->found[kept++] = q->found[i];
	q->count = kept;
	kept = 0;
	for (size_t i = 0; i < q->views_count; i++)
		if (!was_erased(q, q->views[i].subject))
			q->views[kept++] = q->views[i];
	q->views_count = kept;
}
