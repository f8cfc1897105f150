/* References of an older form, brought into the present one in the background. */
#include "bio/service_private.h"

#include "base/log.h"
#include "bio/renew.h"

#include <stdlib.h>
#include <string.h>

/* Between two commits: so a loop, a disk and a search that are busy stay so with their own work. */
#define PAUSE_MS 50

struct renewing {
	struct errand errand; /* first: it is what work and done are handed */
	struct service *service;
	struct loop_timer *timer;
	struct renew *renew;
	int rc; /* of the last renew_find */
	uint64_t count;
};

static void
work(struct errand *e)
{
	struct renewing *r = (struct renewing *)e;

	r->rc = renew_find(r->renew);
}

static void
next(void *ctx)
{
	struct renewing *r = ctx;

	errands_post(r->service->errands, &r->errand);
}

static void
done(struct errand *e)
{
	struct renewing *r = (struct renewing *)e;
	int rc = renew_write(r->renew, &r->count);

	if (r->rc > 0 && rc == 0)
		rc = loop_timer_set(r->timer, PAUSE_MS);
	if (r->rc > 0 && rc == 0)
		return;
	if (rc == 0)
		rc = r->rc;
	if (rc < 0)
		log_warn("gallery.db: references stay in an older form until the next "
			 "start: %s",
			 strerror(-rc));
	log_notice("gallery.db: %llu references brought into the present form",
		   (unsigned long long)r->count);
}

void
service_renew_begin(struct service *s, struct store_readers *readers, uint64_t outdated)
{
	struct renewing *r = s->renewing;

	if (outdated == 0 || r != NULL)
		return;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return; /* the next time; they are searched as they are */
	s->renewing = r;
	r->service = s;
	r->errand = (struct errand){ .work = work, .done = done, .class = ERRAND_LATER };
	r->renew = renew_new(readers, s->store);
	if (r->renew == NULL || loop_timer_new(s->loop, next, r, &r->timer) < 0) {
		service_renew_close(s);
		return; /* as above */
	}
	log_notice("gallery.db: %llu references are of an older form and slower to load; "
		   "they are brought into the present one in the background",
		   (unsigned long long)outdated);
	next(r);
}

void
service_renew_close(struct service *s)
{
	struct renewing *r = s->renewing;

	if (r == NULL)
		return;
	r->timer = loop_timer_free(r->timer);
	r->renew = renew_free(r->renew);
	free(r);
	s->renewing = NULL;
}
