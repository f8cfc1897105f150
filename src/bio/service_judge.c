#include "bio/service_judge.h"

#include "base/clock.h"
#include "base/log.h"
#include "bio/store_record.h"

#include <errno.h>
#include <string.h>

/* References compared for each claimed subject, for the threshold. */
#define FINGERS_A_SUBJECT 2u

/* ---- what one-to-many may do ---------------------------------------------- */

static double
target_of(const struct service *s)
{
	return (double)s->policy.fpir_per_million / 1e6;
}

static void
weigh(struct service *s)
{
	bool was = s->judge.refuted;

	s->judge.refuted =
		record_fpir(s->judge.counts.bins[RECORD_SEARCH], target_of(s)).refuted;
	if (s->judge.refuted && !was)
		log_event(LOG_ERR, "fpir-refuted", NULL,
			  "real searches contradict the calibration: a touch alone pays "
			  "no more, a claim is wanted; see lanectl bio report");
	else if (was && !s->judge.refuted)
		log_notice("real searches agree with the calibration again");
}

bool
service_judge_pays(const struct service *s)
{
	return s->judge.one_to_many && s->searchable && !s->judge.refuted &&
	       !s->judge.lost &&
	       decide_target_met(&s->policy, gallery_stats(s->gallery).references);
}

void
service_judge_open(struct service *s)
{
	bool live = strcmp(conf_str(s->conf, "lane", "environment"), "live") == 0;
	int64_t now = clock_wall_ms();
	struct guard kept;
	int rc;

	s->judge.guarded = live || strcmp(conf_str(s->conf, "bio", "guard"), "on") == 0;
	s->judge.one_to_many =
		strcmp(conf_str(s->conf, "privacy", "profile"), "us_other") == 0;
	s->judge.period = now / RECORD_PERIOD_MS;
	rc = store_guard(s->store, &kept);
	if (rc < 0)
		kept = (struct guard){ GUARD_LEVEL_MAX, INT64_MAX, INT64_MAX };
	else
		rc = store_counts(s->store, now, &s->judge.counts);
	guard_restore(&s->judge.guard, &kept, clock_mono_ms());
	s->judge.lost = rc < 0;
	if (rc < 0)
		log_err("gallery.db: its record cannot be read: %s; a touch alone does "
			"not pay",
			strerror(-rc));
	weigh(s);
}

/* ---- the question --------------------------------------------------------- */

/* WHY_ABOVE: nothing speaks against a comparison. */
static enum decide_why
hold_back(const struct service *s, const struct question *q, struct verdict *v)
{
	int64_t now = clock_mono_ms(), wait;

	if (!s->judge.guarded || q->kind == RECORD_DECIDE)
		return WHY_ABOVE; /* laned counts how often a search code is tried */
	if (q->kind == RECORD_IDENTIFY && guard_wants_code(&s->judge.guard, now))
		return WHY_LOCKED_OUT;
	wait = guard_wait_ms(&s->judge.guard, now);
	if (wait == 0)
		return WHY_ABOVE;
	v->wait_s = (uint32_t)((wait + 999) / 1000);
	return WHY_BACK_OFF;
}

/* What the candidates say; the search found no error. */
static enum decide_why
weigh_found(const struct service *s, const struct question *q,
	    const struct service_search *search, struct verdict *v)
{
	enum decide_why why;

	v->references = q->kind == RECORD_IDENTIFY ? search->references
			: q->kind == RECORD_VERIFY
				? search->count /* one of each reference */
				: q->subjects_count * FINGERS_A_SUBJECT;
	if (q->kind == RECORD_VERIFY) {
		v->threshold = decide_verify_threshold(&s->policy, v->references);
		why = decide_verify_why(&s->policy, v->references, v->quality,
					search->count > 0 ? search->found : NULL);
	} else {
		v->threshold = decide_threshold(&s->policy, v->references);
		why = (q->kind == RECORD_DECIDE ? decide_few_why : decide_identify_why)(
			&s->policy, v->references, v->quality, search->found,
			search->count);
	}
	if (q->kind == RECORD_IDENTIFY) {
		record_search(&v->add, why, v->references, search->found, search->count);
		v->searched = true;
		if (why == WHY_BELOW && !s->searchable)
			why = WHY_INCOMPLETE;
	}
	if (decide_outcome(why) == DECISION_ACCEPT) {
		v->subject = search->found[0].subject;
		v->foreign = search->found[0].foreign;
	}
	return why;
}

static bool
was_captured(const struct service *s, struct ulid probe)
{
	for (size_t i = 0; i < PROBES_MAX; i++)
		if (ulid_eq(s->judge.captured[i], probe))
			return true;
	return false;
}

/* A touch that was accepted before, and is asked about again, is no replay of itself. */
static bool
is_replay(struct service *s, struct ulid id, struct ulid subject)
{
	const struct finger_features *probe = probes_find(s->probes, id, clock_mono_ms());
	int evidence = 0;
	int rc;

	if (!s->judge.guarded || probe == NULL || was_captured(s, id))
		return false;
	rc = store_replay(s->store, subject, probe, &evidence);
	if (rc < 0)
		log_warn("gallery.db: earlier captures cannot be compared: %s",
			 strerror(-rc));
	if (evidence < REPLAY_SAME)
		return false;
	log_event(LOG_WARNING, "touch-replayed", NULL,
		  "the same picture was here before: refused, and written down");
	return true;
}

/* Nobody was found: that more people are enrolled than are in memory excuses no tries. */
static bool
is_failure(enum decide_why why)
{
	return decide_outcome(why) == DECISION_REJECT || why == WHY_QUALITY ||
	       why == WHY_INCOMPLETE;
}

/* The touch before, if it is kept and may still count. */
static void
take_first(struct service *s, const struct question *q, struct service_search *search)
{
	int64_t now = clock_mono_ms();
	const struct finger_features *first = probes_find(s->probes, q->with, now);
	const struct ulid *noted =
		probes_noted(s->probes, q->with, now, &search->nearest_count);

	search->has_first = q->kind == RECORD_IDENTIFY && first != NULL &&
			    noted != NULL && !ulid_eq(q->with, q->probe);
	if (!search->has_first)
		return;
	search->first = *first;
	memcpy(search->nearest, noted, search->nearest_count * sizeof(noted[0]));
}

/*
 * Where this touch alone was not enough: is it together with the one before? Not if that was forgotten
 * meanwhile.
 */
static void
weigh_both(const struct service *s, const struct question *q,
	   const struct service_search *search, struct verdict *v)
{
	if (decide_outcome(v->why) == DECISION_ACCEPT || search->views_count == 0 ||
	    probes_find(s->probes, q->with, clock_mono_ms()) == NULL ||
	    decide_two_why(&s->policy, search->subjects_total, search->views,
			   search->views_count, &v->subject) != WHY_TWO_FINGERS)
		return;
	v->why = WHY_TWO_FINGERS;
	v->foreign = search->views_foreign;
}

/* Ambiguous among those that were found: they are kept for a touch by another finger. */
static void
note_nearest(struct service *s, const struct question *q,
	     const struct service_search *search, struct verdict *v)
{
	struct ulid nearest[PROBES_NOTED_MAX];
	size_t count = 0;

	v->other_finger = q->kind == RECORD_IDENTIFY &&
			  (v->why == WHY_GREY || v->why == WHY_MARGIN);
	if (!v->other_finger)
		return;
	for (; count < search->count && count < PROBES_NOTED_MAX; count++)
		nearest[count] = search->found[count].subject;
	probes_note(s->probes, q->probe, nearest, count);
}

bool
service_judge_begin(struct service *s, const struct question *q,
		    struct service_search *search, struct verdict *ret)
{
	const struct finger_features *probe =
		probes_find(s->probes, q->probe, clock_mono_ms());
	struct verdict *v = ret;

	memset(v, 0, sizeof(*v));
	if (probe == NULL) {
		v->why = WHY_EXPIRED;
		return false;
	}
	v->quality = probe->quality;
	v->hints = probe->hints;
	v->why = probe->count == 0 ? WHY_NOT_ACQUIRED : hold_back(s, q, v);
	if (v->why != WHY_ABOVE) {
		v->pay_by_touch = service_judge_pays(s);
		return false;
	}
	search->probe = *probe;
	search->subjects = q->subjects;
	search->subjects_count = q->subjects_count;
	search->each = q->kind == RECORD_VERIFY;
	take_first(s, q, search);
	return true;
}

void
service_judge_end(struct service *s, const struct question *q,
		  const struct service_search *search, struct verdict *ret)
{
	const struct finger_features *probe =
		probes_find(s->probes, q->probe, clock_mono_ms());
	struct verdict *v = ret;

	if (probe == NULL) {
		memset(v, 0, sizeof(*v));
		v->why = WHY_EXPIRED;
		return;
	}
	v->why = search->error < 0 ? WHY_NOT_ACQUIRED : weigh_found(s, q, search, v);
	weigh_both(s, q, search, v);
	if (decide_outcome(v->why) == DECISION_ACCEPT &&
	    (is_replay(s, q->probe, v->subject) ||
	     (v->why == WHY_TWO_FINGERS && is_replay(s, q->with, v->subject))))
		v->why = WHY_REPLAY;
	note_nearest(s, q, search, v);
	if (s->judge.guarded && is_failure(v->why))
		guard_failed(&s->judge.guard, clock_mono_ms());
	v->pay_by_touch = service_judge_pays(s) && !v->foreign;
}

/* ---- the record ----------------------------------------------------------- */

static void
count_search(struct service *s, const struct verdict *v, int64_t now_ms)
{
	if (now_ms / RECORD_PERIOD_MS != s->judge.period) {
		/* What was kept up to here, and this search with it. */
		if (store_counts(s->store, now_ms, &s->judge.counts) < 0)
			return;
		s->judge.period = now_ms / RECORD_PERIOD_MS;
	} else {
		for (unsigned kind = 0; kind < RECORD_HISTOGRAMS; kind++)
			for (unsigned db = 0; db < RECORD_BINS; db++)
				s->judge.counts.bins[kind][db] += v->add.bins[kind][db];
	}
	weigh(s);
}

/* The probe's features when they are to be kept among the captures, once; or NULL. */
static const struct finger_features *
take_capture(struct service *s, struct ulid probe)
{
	if (was_captured(s, probe))
		return NULL;
	s->judge.captured[s->judge.captured_next++ % PROBES_MAX] = probe;
	return probes_find(s->probes, probe, clock_mono_ms());
}

void
service_judge_keep(struct service *s, const struct question *q, const struct verdict *v)
{
	struct store_decision d = {
		.row = { .time_ms = clock_wall_ms(),
			 .kind = q->kind,
			 .why = v->why,
			 .references = v->references,
			 .threshold = v->threshold,
			 .quality = v->quality,
			 .hints = v->hints,
			 .subject = v->subject },
		.add = v->searched ? &v->add : NULL,
		.guard = is_failure(v->why) ? &s->judge.guard : NULL,
	};
	int rc;

	if (decide_outcome(v->why) == DECISION_ACCEPT)
		d.capture = take_capture(s, q->probe);
	if (v->why == WHY_TWO_FINGERS)
		d.first_capture = take_capture(s, q->with);
	rc = store_decision(s->store, &d);
	if (rc < 0 && rc != s->judge.error)
		log_err("gallery.db: decisions are not written down: %s", strerror(-rc));
	s->judge.error = rc;
	if (v->searched)
		count_search(s, v, d.row.time_ms);
}

void
service_judge_enrolled(struct service *s, const struct enrol *e)
{
	const struct finger_features *f;
	int rc = 0;

	if (!s->judge.guarded)
		return;
	for (unsigned i = 0; rc == 0 && (f = enrol_taken(e, i)) != NULL; i++)
		rc = store_capture(s->store, enrol_subject(e), f);
	if (rc < 0)
		log_warn("gallery.db: the pictures of an enrolment are not known again: "
			 "%s",
			 strerror(-rc));
}
