/* Loading the gallery from gallery.db: slices on the background thread, one errand after another. */
#include "bio/service_private.h"

#include "base/log.h"
#include "bio/load.h"
#include "bio/store_fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
/* Status is told each time so many slices were taken in: about once a second. */
#define SLICES_TOLD 100u

struct loading {
	struct errand errand; /* first: it is what work and done are handed */
	struct service *service;
	struct store_readers *readers;
	struct load *load;
	int rc; /* of the last slice */
	unsigned slices;
	bool limited; /* no room for the rest */
	bool told_lost;
};

static void
work(struct errand *e)
{
	struct loading *l = (struct loading *)e;

	l->rc = load_slice(l->load);
}

static void
log_end(const struct loading *l)
{
	struct gallery_stats g = gallery_stats(l->service->gallery);
	struct load_counts c = load_counts(l->load);

	if (c.damaged > 0)
		log_err("gallery.db: %llu references cannot be opened; those members "
			"enrol again",
			(unsigned long long)c.damaged);
	if (l->limited)
		log_err("gallery: no room for more than %llu of %llu references ([bio] "
			"references_max, gallery_memory); a touch alone pays no more, "
			"members are asked for a claim",
			(unsigned long long)g.references, (unsigned long long)c.stored);
	else if (l->rc < 0)
		log_err("gallery.db: reading stopped: %s", strerror(-l->rc));
	log_notice("gallery: %llu references searchable",
		   (unsigned long long)g.references);
}

static void
done(struct errand *e)
{
	struct loading *l = (struct loading *)e;
	struct service *s = l->service;
	bool was_limited;

	if (l->rc > 0) {
		errands_post(s->errands, e);
		if (++l->slices % SLICES_TOLD == 0)
			service_send_state(s);
		return;
	}
	was_limited = l->limited;
	l->limited = l->rc == -ENOSPC || l->rc == -ENOMEM;
	s->searchable = l->rc == 0;
	if (!l->limited || !was_limited)
		log_end(l);
	service_send_state(s);
	service_renew_begin(s, l->readers, load_counts(l->load).outdated);
}

static bool
is_limited(const struct service *s)
{
	return s->loading != NULL && s->loading->limited;
}

static uint64_t
references_max(const struct conf *c)
{
	uint64_t most = (uint64_t)conf_int(c, "bio", "references_max");
	uint64_t room =
		gallery_room((uint64_t)conf_int(c, "bio", "gallery_memory") * MIB);

	return room < most ? room : most;
}

int
service_load_open(struct service *s)
{
	struct gallery_source source;
	struct loading *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL)
		return -ENOMEM;
	s->loading = l;
	l->service = s;
	rc = store_readers_new(s->store, &l->readers);
	if (rc < 0) {
		log_err("gallery.db cannot be read: %s", strerror(-rc));
		return rc;
	}
	source = store_readers_source(l->readers);
	s->gallery = gallery_new(references_max(s->conf), &source);
	if (s->gallery == NULL)
		return -ENOMEM;
	l->load = load_new(l->readers, s->gallery);
	return l->load == NULL ? -ENOMEM : 0;
}

void
service_load_begin(struct service *s)
{
	struct loading *l = s->loading;

	if (s->arming.by_claim) { /* nobody is searched for, and no key is there */
		s->searchable = true;
		log_notice("gallery: each person's templates are opened by a claim only");
		service_send_state(s);
		return;
	}
	l->errand = (struct errand){ .work = work, .done = done, .class = ERRAND_LATER };
	errands_post(s->errands, &l->errand);
}

void
service_load_more(struct service *s)
{
	if (s->loading == NULL || errands_has(s->errands, &s->loading->errand))
		return;
	if (s->loading->limited || gallery_stats(s->gallery).left_out > 0)
		service_load_begin(s);
}

void
service_load_close(struct service *s)
{
	struct loading *l = s->loading;

	service_renew_close(s);
	if (l == NULL)
		return;
	l->load = load_free(l->load);
	s->gallery = gallery_free(s->gallery);
	l->readers = store_readers_free(l->readers);
	free(l);
	s->loading = NULL;
}

bool
service_load_runs(const struct service *s)
{
	return !s->searchable && !is_limited(s);
}

void
service_load_describe(const struct service *s, struct json_out *o)
{
	struct gallery_stats g = gallery_stats(s->gallery);
	struct load_counts c = { 0 };

	if (s->loading != NULL)
		c = load_counts(s->loading->load);
	json_open_object(o, "gallery");
	json_int(o, "subjects", (int64_t)g.subjects);
	json_int(o, "references", (int64_t)g.references);
	json_int(o, "foreign", (int64_t)g.foreign);
	json_int(o, "stored",
		 (int64_t)(s->searchable ? g.references + c.damaged : c.stored));
	json_int(o, "bytes", (int64_t)g.bytes);
	json_int(o, "damaged", (int64_t)(c.damaged + g.lost));
	json_bool(o, "searchable", s->searchable);
	json_bool(o, "limited", is_limited(s));
	json_close(o);
}

void
service_load_check(struct service *s)
{
	if (s->loading == NULL || s->loading->told_lost ||
	    gallery_stats(s->gallery).lost == 0)
		return;
	s->loading->told_lost = true;
	log_err("gallery.db: a reference that was loaded cannot be read any more; such "
		"references are passed over; see lanectl status");
}
