#include "bio/enrol.h"

#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Two impressions of one finger agree at this score at least (1/100 dB), else another is asked. */
#define AGREE_SCORE 1200
/* A second finger that scores this much against the first one is the same finger again. */
#define SAME_FINGER_SCORE 3500
/* Nobody is taken for somebody else's duplicate below this score. */
#define DUPLICATE_SCORE_MIN 5000

/* Right index, left index, right middle, left middle: ISO/IEC 19794-2 finger positions. */
static const uint32_t finger_positions[ENROL_FINGERS_MAX] = { 2, 7, 3, 8 };

struct features_store {
	struct finger_features impressions[ENROL_FINGERS_MAX][REFERENCE_IMPRESSIONS_MAX];
	uint8_t references[ENROL_FINGERS_MAX][REFERENCE_BYTES_MAX];
};

struct enrol {
	struct enrol_options options;
	struct ulid session, subject;
	struct store_consent consent;
	unsigned finger, impression; /* the next one wanted */
	bool duplicate;
	struct features_store *data; /* locked */
};

int
enrol_new(const struct enrol_options *o, struct ulid session, struct ulid subject,
	  const struct store_consent *consent, struct enrol **ret_enrol)
{
	struct enrol *e;

	if (o->fingers < 1 || o->fingers > ENROL_FINGERS_MAX || o->impressions < 1 ||
	    o->impressions > REFERENCE_IMPRESSIONS_MAX)
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	e->data = secret_region_new(sizeof(*e->data));
	if (e->data == NULL) {
		free(e);
		return -ENOMEM;
	}
	e->options = *o;
	e->session = session;
	e->subject = subject;
	e->consent = *consent;
	*ret_enrol = e;
	return 0;
}

struct enrol *
enrol_free(struct enrol *e)
{
	if (e != NULL) {
		secret_region_free(e->data, sizeof(*e->data));
		free(e);
	}
	return NULL;
}

struct ulid
enrol_session(const struct enrol *e)
{
	return e->session;
}

struct ulid
enrol_subject(const struct enrol *e)
{
	return e->subject;
}

void
enrol_wanted(const struct enrol *e, unsigned *ret_finger, unsigned *ret_impression)
{
	*ret_finger = e->finger;
	*ret_impression = e->impression;
}

const char *
enrol_outcome_name(enum enrol_outcome o)
{
	static const char *const names[] = { "taken", "retry", "duplicate", "complete" };

	return names[o];
}

bool
enrol_complete(const struct enrol *e)
{
	return !e->duplicate && e->finger == e->options.fingers;
}

const struct finger_features *
enrol_taken(const struct enrol *e, unsigned i)
{
	if (!enrol_complete(e) || i >= e->options.fingers * e->options.impressions)
		return NULL;
	return &e->data->impressions[i / e->options.impressions]
				    [i % e->options.impressions];
}

/*
 * Does somebody else in the gallery have this finger? A false yes turns an honest member away, a
 * false no costs little: a small gallery's low threshold is not enough for that.
 */
static bool
is_duplicate(const struct enrol *e, struct gallery *g, const struct finger_features *f)
{
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	struct gallery_query q = { .probe = f };
	uint64_t references = gallery_stats(g).references;
	int32_t least = decide_threshold(e->options.policy, references);
	size_t count = 0;

	if (least < DUPLICATE_SCORE_MIN)
		least = DUPLICATE_SCORE_MIN;
	if (references == 0 || gallery_search(g, &q, found, &count) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!ulid_eq(found[i].subject, e->subject) && found[i].score >= least)
			return true;
	return false;
}

/* NULL when the impression fits those taken so far, else why not. */
static const char *
disagrees(const struct enrol *e, const struct finger_features *f)
{
	int32_t score = 0;

	for (unsigned i = 0; i < e->finger; i++) {
		if (finger_compare(f, &e->data->impressions[i][0], &score) == 0 &&
		    score >= SAME_FINGER_SCORE)
			return "this finger is already enrolled; use another one";
	}
	if (e->impression == 0)
		return NULL;
	if (finger_compare(f, &e->data->impressions[e->finger][0], &score) < 0 ||
	    score < AGREE_SCORE)
		return "does not agree with the first impression; same finger, full "
		       "contact";
	return NULL;
}

static const char *
refuse(const struct enrol *e, const struct finger_features *f)
{
	if (enrol_complete(e))
		return "all impressions are taken";
	if (f->quality < e->options.quality_min)
		return "quality is too low";
	return disagrees(e, f);
}

void
enrol_impression(struct enrol *e, struct gallery *g, const struct finger_features *f,
		 struct enrol_progress *ret_progress)
{
	struct enrol_progress p = { .outcome = ENROL_TAKEN,
				    .finger = e->finger,
				    .impression = e->impression,
				    .quality = f->quality,
				    .hints = f->hints };

	p.why = refuse(e, f);
	if (p.why != NULL) {
		p.outcome = ENROL_RETRY;
	} else if (e->duplicate || (e->impression == 0 && is_duplicate(e, g, f))) {
		e->duplicate = true;
		p.outcome = ENROL_DUPLICATE;
		p.why = "this finger is enrolled already";
	} else {
		e->data->impressions[e->finger][e->impression] = *f;
		if (++e->impression == e->options.impressions) {
			e->impression = 0;
			e->finger++;
		}
		if (enrol_complete(e))
			p.outcome = ENROL_COMPLETE;
	}
	*ret_progress = p;
}

static int
consolidate(struct enrol *e, struct store_reference references[ENROL_FINGERS_MAX])
{
	const struct finger_features *list[REFERENCE_IMPRESSIONS_MAX];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < e->options.fingers; i++) {
		for (unsigned j = 0; j < e->options.impressions; j++)
			list[j] = &e->data->impressions[i][j];
		references[i].finger = finger_positions[i];
		references[i].data = e->data->references[i];
		rc = reference_make(list, e->options.impressions, e->data->references[i],
				    &references[i].bytes);
	}
	return rc;
}

/* Into memory, all or none of a subject that was not there. */
static int
add_all(const struct enrol *e, struct gallery *g,
	const struct store_reference references[ENROL_FINGERS_MAX], bool *ret_fresh)
{
	uint64_t before = gallery_stats(g).subjects;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < e->options.fingers; i++)
		rc = gallery_add(g, e->subject, references[i].finger, references[i].data,
				 references[i].bytes);
	*ret_fresh = gallery_stats(g).subjects > before;
	return rc;
}

int
enrol_commit(struct enrol *e, struct store *s, struct gallery *g,
	     unsigned *ret_references)
{
	struct store_reference references[ENROL_FINGERS_MAX] = { { 0 } };
	bool fresh = false;
	int rc;

	if (!enrol_complete(e))
		return -EAGAIN;
	rc = consolidate(e, references);
	if (rc == 0)
		rc = add_all(e, g, references, &fresh);
	if (rc == 0)
		rc = store_enrol(s, e->subject, &e->consent, references,
				 e->options.fingers);
	if (rc < 0 && fresh)
		(void)gallery_remove(g, e->subject); /* all that was just added */
	if (rc == 0)
		*ret_references = e->options.fingers;
	return rc;
}
