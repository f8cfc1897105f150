#ifndef LANED_BIO_SERVICE_SEARCH_H
#define LANED_BIO_SERVICE_SEARCH_H

/*
 * What is done with the gallery, off the loop's thread: searches, and what changes in it. All of it
 * goes by errands, in whose order additions and removals stand; only gallery_stats is asked from
 * here.
 */
#include "bio/service_private.h"

/* The best eight of either touch, and what is enrolled of each at most. */
#define SERVICE_VIEWS_MAX (2 * PROBES_NOTED_MAX * GALLERY_FINGERS_MAX)

/* One search; in locked memory, used for one after another. */
struct service_search {
	struct errand errand; /* first; class, work and done are set */
	struct service *service;
	/* What is wanted: filled before service_search_post. */
	struct finger_features probe; /* a copy: the probe itself may go meanwhile */
	const struct ulid *subjects;  /* NULL: everybody; borrowed until done */
	size_t subjects_count;
	bool each; /* found: one for each reference, as in gallery_query; only with subjects */
	/* A touch before it, with whom it was nearest to: both are compared with those in the end. */
	bool has_first;
	struct finger_features first;
	struct ulid nearest[PROBES_NOTED_MAX];
	size_t nearest_count;
	/* What came of it, for done. */
	int error; /* of gallery_search; -EAGAIN: begin again, the gallery has changed */
	uint64_t references; /* in the gallery when it began */
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	size_t count;
	/* Of both touches; none when there was no other, or they could not be compared. */
	struct decide_view views[SERVICE_VIEWS_MAX];
	size_t views_count;
	bool views_foreign;      /* one of them is a reference of another system */
	uint64_t subjects_total; /* in the gallery when it began */
	uint64_t erasures;       /* before it was posted */
};

/* NULL: no memory. done has to begin with service_search_settle. Freed when errands are. */
struct service_search *service_search_new(struct service *s,
					  void (*done)(struct errand *e));
struct service_search *service_search_free(struct service_search *q);
/* Not while it is posted. */
void service_search_post(struct service_search *q);
/* Posted, and its done has not been called. */
bool service_search_runs(const struct service_search *q);
/* Its done comes soon. NULL is fine. */
void service_search_cancel(struct service_search *q);
/* Whoever was erased during the search was not found. */
void service_search_settle(struct service_search *q);

/*
 * A change of the gallery, and the call that is answered when it is made. Not cancelled: what is in
 * the file is in memory, too.
 */
struct change;
/* call is taken by service_change_*. NULL: no memory. */
struct change *service_change_new(struct service *s, struct rpc_call *call);
/* Adds what was enrolled; takes ownership of change and enrolment. */
void service_change_enrolled(struct change *c, struct enrol *e);
/* Erases the subject from the file at once, and then from memory; takes ownership. */
void service_change_erase(struct change *c, struct ulid subject);
/* Not begun; the call remains the caller's. */
void service_change_drop(struct change *c);
/* What was not done when errands were freed. */
void service_changes_close(struct service *s);

#endif
