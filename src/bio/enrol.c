#include "bio/enrol.h"

#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Two impressions of one finger agree at this score at least (1/100 dB), else another is asked. */
#define AGREE_SCORE 1200
/* A second finger that scores this much against the first one is the same finger again. */
#define SAME_FINGER_SCORE 3500
/* Nobody is taken for somebody else's duplicate below this score. */
#define DUPLICATE_SCORE_MIN 5000

#define POSITIONS 10u
#define RIGHT_LAST 5u /* and from there on the left hand's */

/* Right index, left index, right middle, left middle: ISO/IEC 19794-2 finger positions. */
static const uint32_t usual_positions[ENROL_FINGERS_MAX] = { 2, 7, 3, 8 };

/* Impressions of the finger that is being enrolled; which of them agree with each other. */
struct pool {
	unsigned count;
	unsigned chosen; /* a bit each: the best that all agree */
	bool agree[REFERENCE_IMPRESSIONS_MAX][REFERENCE_IMPRESSIONS_MAX];
};

struct features_store {
	struct finger_features pool[REFERENCE_IMPRESSIONS_MAX];
	struct finger_features impressions[ENROL_FINGERS_MAX][REFERENCE_IMPRESSIONS_MAX];
	struct store_claims claims;     /* none: the store alone opens what is enrolled */
	struct finger_features waiting; /* an impression that came during a search */
	uint8_t references[ENROL_FINGERS_MAX][REFERENCE_BYTES_MAX];
};

struct enrol {
	struct enrol_options options;
	struct ulid session, subject;
	struct store_consent consent;
	unsigned finger, impression; /* the next one wanted */
	struct pool pool;
	unsigned last; /* of the pool, that came last */
	bool duplicate;
	bool sought; /* the last one is being looked for */
	bool waits;  /* and one has come after it */
	struct store_reference references[ENROL_FINGERS_MAX];
	unsigned references_count;   /* that were stored */
	struct features_store *data; /* locked */
};

static const char *const position_names[POSITIONS] = {
	"right-thumb", "right-index", "right-middle", "right-ring", "right-little",
	"left-thumb",  "left-index",  "left-middle",  "left-ring",  "left-little",
};

const char *
enrol_position_name(uint32_t position)
{
	return position >= 1 && position <= POSITIONS ? position_names[position - 1] : "";
}

uint32_t
enrol_position_parse(struct str name)
{
	for (uint32_t i = 0; i < POSITIONS; i++)
		if (str_is(name, position_names[i]))
			return i + 1;
	return 0;
}

const char *
enrol_positions_wrong(const uint32_t *positions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (positions[i] < 1 || positions[i] > POSITIONS)
			return "a finger is right-thumb ... right-little, left-thumb ... "
			       "left-little";
		for (size_t k = 0; k < i; k++)
			if (positions[k] == positions[i])
				return "the same finger is named twice";
	}
	if (count >= 2 && (positions[0] <= RIGHT_LAST) == (positions[1] <= RIGHT_LAST))
		return "the first two fingers have to be of different hands";
	return NULL;
}

/* The positions to be asked for. */
static int
take_positions(struct enrol_options *o)
{
	if (o->positions[0] == 0)
		memcpy(o->positions, usual_positions, sizeof(o->positions));
	return enrol_positions_wrong(o->positions, o->fingers) == NULL ? 0 : -EINVAL;
}

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
	if (take_positions(&e->options) < 0) {
		(void)enrol_free(e); /* gives NULL */
		return -EINVAL;
	}
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
	bool first = e->sought && e->impression == 0;
	bool last = first && e->options.impressions == 1;

	*ret_finger = e->finger + (last ? 1 : 0);
	*ret_impression = last ? 0 : e->impression + (first ? 1 : 0);
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

uint32_t
enrol_position(const struct enrol *e, unsigned finger)
{
	return finger < e->options.fingers ? e->options.positions[finger] : 0;
}

/* NULL when the impression is of no finger that was taken before, else why not. */
static const char *
is_known(const struct enrol *e, const struct finger_features *f)
{
	int32_t score = 0;

	for (unsigned i = 0; i < e->finger; i++) {
		if (finger_compare(f, &e->data->impressions[i][0], &score) == 0 &&
		    score >= SAME_FINGER_SCORE)
			return "this finger is already enrolled; use another one";
	}
	return NULL;
}

static const char *
refuse(const struct enrol *e, const struct finger_features *f)
{
	int32_t score;

	if (enrol_complete(e))
		return "all impressions are taken";
	if (f->quality < e->options.quality_min)
		return "quality is too low";
	if (finger_compare(f, f, &score) < 0)
		return "too few details to be seen; press flat and once more";
	return is_known(e, f);
}

static struct enrol_progress
progress_of(const struct enrol *e, const struct finger_features *f)
{
	return (struct enrol_progress){ .outcome = ENROL_TAKEN,
					.finger = e->finger,
					.position = enrol_position(e, e->finger),
					.impression = e->impression,
					.quality = f->quality,
					.hints = f->hints };
}

static void
turn_away(struct enrol_progress *p)
{
	p->outcome = ENROL_DUPLICATE;
	p->why = "this finger is enrolled already";
}

/* ---- the impressions of one finger ---------------------------------------- */

static bool
all_agree(const struct pool *p, unsigned set)
{
	for (unsigned i = 0; i < p->count; i++)
		for (unsigned k = 0; k < i; k++)
			if ((set >> i & 1) != 0 && (set >> k & 1) != 0 && !p->agree[i][k])
				return false;
	return true;
}

static unsigned
quality_of(const struct enrol *e, unsigned set)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < e->pool.count; i++)
		sum += (set >> i & 1) != 0 ? e->data->pool[i].quality : 0;
	return sum;
}

/* The most that all agree, no more than are wanted; of several such sets the best in quality. */
static unsigned
choose(const struct enrol *e)
{
	unsigned best = 0;

	for (unsigned set = 1; set < 1u << e->pool.count; set++) {
		unsigned size = (unsigned)__builtin_popcount(set);
		unsigned best_size = (unsigned)__builtin_popcount(best);

		if (size > e->options.impressions || size < best_size ||
		    !all_agree(&e->pool, set))
			continue;
		if (size > best_size || quality_of(e, set) > quality_of(e, best))
			best = set;
	}
	return best;
}

/* Where the next one goes: a free place, or that of the poorest which is not chosen. */
static unsigned
place_for(struct enrol *e)
{
	struct pool *p = &e->pool;
	unsigned worst = REFERENCE_IMPRESSIONS_MAX;

	if (p->count < REFERENCE_IMPRESSIONS_MAX)
		return p->count++;
	for (unsigned i = 0; i < p->count; i++)
		if ((p->chosen >> i & 1) == 0 &&
		    (worst == REFERENCE_IMPRESSIONS_MAX ||
		     e->data->pool[i].quality < e->data->pool[worst].quality))
			worst = i;
	assert(worst < REFERENCE_IMPRESSIONS_MAX); /* else the finger would be complete */
	return worst;
}

/* Puts one in. Whether it agrees with none that is there. */
static bool
pool_add(struct enrol *e, const struct finger_features *f)
{
	unsigned at = place_for(e);
	bool odd = true;

	e->last = at;
	e->data->pool[at] = *f;
	for (unsigned i = 0; i < e->pool.count; i++) {
		int32_t score = 0;
		bool agree = i != at &&
			     finger_compare(f, &e->data->pool[i], &score) == 0 &&
			     score >= AGREE_SCORE;

		e->pool.agree[at][i] = e->pool.agree[i][at] = agree;
		odd = odd && !agree;
	}
	return odd;
}

/* The one that came last agrees with none. */
static void
pool_forget_last(struct enrol *e)
{
	unsigned end = --e->pool.count;

	if (e->last != end) {
		/* It took the place of another one: the last in the list moves there. */
		e->data->pool[e->last] = e->data->pool[end];
		for (unsigned i = 0; i < end; i++)
			e->pool.agree[e->last][i] = e->pool.agree[i][e->last] =
				i != e->last && e->pool.agree[end][i];
	}
	secret_zero(&e->data->pool[end], sizeof(e->data->pool[end]));
	e->pool.chosen = choose(e);
}

/* The finger is complete: the chosen ones are kept, the others forgotten. */
static void
keep_chosen(struct enrol *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->pool.count; i++)
		if ((e->pool.chosen >> i & 1) != 0)
			e->data->impressions[e->finger][n++] = e->data->pool[i];
	assert(n == e->options.impressions);
	secret_zero(e->data->pool, sizeof(e->data->pool));
	e->pool = (struct pool){ 0 };
	e->impression = 0;
	e->finger++;
}

/* The last one of the pool counts from now on. */
static void
take(struct enrol *e, struct enrol_progress *p)
{
	unsigned before = e->impression;

	e->pool.chosen = choose(e);
	e->impression = (unsigned)__builtin_popcount(e->pool.chosen);
	if (e->impression == before) {
		p->outcome = ENROL_RETRY;
		p->why = "does not agree with those before; same finger, full contact";
	} else if (e->impression == e->options.impressions) {
		keep_chosen(e);
	}
	if (enrol_complete(e))
		p->outcome = ENROL_COMPLETE;
}

/* ---- judging --------------------------------------------------------------- */

/* False: it is to be looked for first. */
static bool
judge(struct enrol *e, const struct finger_features *f, struct enrol_progress *p)
{
	*p = progress_of(e, f);
	p->why = refuse(e, f);
	if (p->why != NULL) {
		p->outcome = ENROL_RETRY;
	} else if (e->duplicate) {
		turn_away(p);
	} else {
		e->sought = pool_add(e, f);
		if (!e->sought)
			take(e, p);
	}
	return !e->sought;
}

/* During a search: false, it waits. */
static bool
put_off(struct enrol *e, const struct finger_features *f, struct enrol_progress *p)
{
	if (!e->waits) {
		e->waits = true;
		e->data->waiting = *f;
		return false;
	}
	*p = progress_of(e, f);
	enrol_wanted(e, &p->finger, &p->impression);
	p->outcome = ENROL_RETRY;
	p->why = "one moment; the gallery is being searched";
	return true;
}

bool
enrol_impression(struct enrol *e, const struct finger_features *f,
		 struct enrol_progress *ret_progress)
{
	struct enrol_progress p;
	bool answered = e->sought ? put_off(e, f, &p) : judge(e, f, &p);

	if (answered)
		*ret_progress = p;
	return answered;
}

const struct finger_features *
enrol_sought(const struct enrol *e)
{
	return e->sought ? &e->data->pool[e->last] : NULL;
}

/*
 * A false yes turns an honest member away, a false no costs little: a small gallery's low threshold
 * is not enough for that.
 */
bool
enrol_is_somebodys(const struct decide_policy *policy, struct ulid subject,
		   uint64_t references, const struct gallery_candidate *candidates,
		   size_t count)
{
	int32_t least = decide_threshold(policy, references);

	if (least < DUPLICATE_SCORE_MIN)
		least = DUPLICATE_SCORE_MIN;
	for (size_t i = 0; i < count; i++)
		if (!ulid_eq(candidates[i].subject, subject) &&
		    candidates[i].score >= least)
			return true;
	return false;
}

bool
enrol_is_duplicate(const struct enrol *e, uint64_t references,
		   const struct gallery_candidate *candidates, size_t count)
{
	return enrol_is_somebodys(e->options.policy, e->subject, references, candidates,
				  count);
}

void
enrol_searched(struct enrol *e, bool duplicate, struct enrol_progress *ret_progress)
{
	const struct finger_features *f = enrol_sought(e);

	assert(f != NULL);
	*ret_progress = progress_of(e, f);
	e->sought = false;
	if (duplicate && e->impression > 0) {
		pool_forget_last(e); /* somebody else's finger between this one's */
		ret_progress->outcome = ENROL_RETRY;
		ret_progress->why = "this is another finger, and enrolled already";
		return;
	}
	e->duplicate = duplicate;
	if (duplicate)
		turn_away(ret_progress);
	else
		take(e, ret_progress);
}

bool
enrol_next(struct enrol *e, struct enrol_progress *ret_progress)
{
	bool answered;

	if (!e->waits || e->sought)
		return false;
	e->waits = false;
	answered = enrol_impression(e, &e->data->waiting, ret_progress);
	secret_zero(&e->data->waiting, sizeof(e->data->waiting));
	return answered;
}

static int
consolidate(struct enrol *e)
{
	const struct finger_features *list[REFERENCE_IMPRESSIONS_MAX];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < e->options.fingers; i++) {
		struct store_reference *r = &e->references[i];

		for (unsigned j = 0; j < e->options.impressions; j++)
			list[j] = &e->data->impressions[i][j];
		r->finger = e->options.positions[i];
		r->data = e->data->references[i];
		rc = reference_make(list, e->options.impressions, e->data->references[i],
				    &r->bytes);
		/* Under a claim: it is compared with one to one, and in no gallery. */
		if (rc == 0 && e->data->claims.count > 0)
			r->bytes =
				reference_drop_sketch(e->data->references[i], r->bytes);
	}
	return rc;
}

void
enrol_claims(struct enrol *e, const struct store_claims *claims)
{
	e->data->claims = *claims;
}

int
enrol_commit(struct enrol *e, struct store *s)
{
	int rc;

	if (!enrol_complete(e))
		return -EAGAIN;
	rc = consolidate(e);
	if (rc == 0)
		rc = store_enrol_claimed(
			s, e->subject, &e->consent,
			e->data->claims.count > 0 ? &e->data->claims : NULL,
			&(struct store_enrolled){ e->references, e->options.fingers });
	if (rc == 0)
		e->references_count = e->options.fingers;
	return rc;
}

const struct store_reference *
enrol_references(const struct enrol *e, unsigned *ret_count)
{
	*ret_count = e->references_count;
	return e->references;
}
