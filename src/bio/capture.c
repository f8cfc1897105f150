#include "bio/capture.h"

#include "base/secret.h"

#include <assert.h>

#define REFUSALS_FULL_MS ((int64_t)CAPTURE_REFUSALS * CAPTURE_REFUSAL_MS)

/* Something without ridges, as opposed to a little of a print. */
static bool
is_blank(const struct finger_features *f)
{
	return (f->hints & HINT_BLANK) != 0;
}

/*
 * A poor print of a whole finger may still be found, and is asked for again when it is not; of a
 * poor partial one that cannot be hoped.
 */
static bool
is_usable(const struct capture *c, const struct finger_features *f, int rc)
{
	return rc == 0 && f->count > 0 &&
	       ((f->hints & HINT_TOO_SMALL) == 0 || f->quality >= c->limits.quality_min);
}

static bool
is_better(const struct capture *c, const struct finger_features *f, bool usable)
{
	if (!c->has_best || usable != c->usable)
		return !c->has_best || usable;
	if (f->quality != c->best.quality)
		return f->quality > c->best.quality;
	return f->foreground_cells > c->best.foreground_cells;
}

/* One of a few refusals at a time; false when they are used up. */
static bool
take_refusal(struct capture *c, int64_t now_ms)
{
	int64_t from = c->refusals_ms > now_ms ? c->refusals_ms : now_ms;

	if (from + CAPTURE_REFUSAL_MS > now_ms + REFUSALS_FULL_MS)
		return false;
	c->refusals_ms = from + CAPTURE_REFUSAL_MS;
	return true;
}

bool
capture_is_dirty(const struct capture *c)
{
	return c->blanks >= CAPTURE_BLANKS_DIRTY;
}

static enum capture_answer
refuse(struct capture *c, uint16_t hints, int64_t now_ms)
{
	bool blank = (hints & HINT_BLANK) != 0;

	c->state = CAPTURE_DECIDED;
	c->hints = hints;
	c->usable = false;
	if (blank && capture_is_dirty(c)) {
		c->refusals_ms = now_ms + REFUSALS_FULL_MS;
		return CAPTURE_DROPPED;
	}
	c->blanks = blank ? c->blanks + 1 : 0;
	/* What lay there before the reader came up has not been laid on to be read. */
	if (c->at_start || !take_refusal(c, now_ms))
		return CAPTURE_DROPPED;
	return CAPTURE_REFUSED;
}

/* Decides with what there is. resting: the finger is still there, as far as is known. */
static enum capture_answer
decide(struct capture *c, bool resting, int64_t now_ms)
{
	unsigned hints = c->moved ? HINT_MOVED : 0;

	assert(c->state == CAPTURE_LOOKING);
	if (c->usable) {
		c->state = CAPTURE_DECIDED;
		c->hints = (uint16_t)(c->best.hints | hints);
		c->blanks = 0;
		c->refusals_ms = 0;
		return CAPTURE_SETTLED;
	}
	hints |= HINT_PRESS_AGAIN;
	if (c->has_best)
		hints |= c->best.hints;
	if (c->frames > 0 && c->all_blank && resting)
		hints |= HINT_GLOVE;
	return refuse(c, (uint16_t)hints, now_ms);
}

/* Whether another frame would come in time; without a first one there is no telling. */
static bool
has_time(const struct capture *c, int64_t now_ms)
{
	return c->frames < CAPTURE_FRAMES_MAX &&
	       now_ms + c->interval_ms <= c->touched_ms + c->limits.time_ms;
}

static void
begin(struct capture *c, int64_t now_ms)
{
	capture_forget(c);
	c->state = CAPTURE_LOOKING;
	c->at_start = false;
	c->all_blank = true;
	c->rests = false;
	c->moved = false;
	c->hints = 0;
	c->frames = 0;
	c->interval_ms = 0;
	c->touched_ms = now_ms;
	c->frame_ms = now_ms;
}

enum capture_answer
capture_lost(struct capture *c, int64_t now_ms)
{
	enum capture_answer answer = CAPTURE_NOTHING;

	if (c->state == CAPTURE_LOOKING)
		answer = c->usable ? decide(c, false, now_ms) : CAPTURE_DROPPED;
	if (c->state != CAPTURE_IDLE) {
		c->same_finger = c->state == CAPTURE_DECIDED;
		c->lost_ms = now_ms;
	}
	c->state = CAPTURE_IDLE;
	c->rests = false;
	c->up = false;
	return answer;
}

enum capture_answer
capture_ready(struct capture *c, int64_t now_ms)
{
	enum capture_answer answer = CAPTURE_NOTHING;

	if (c->state != CAPTURE_IDLE)
		answer = capture_lost(c, now_ms);
	if (!c->up) {
		c->up = true;
		c->ready_ms = now_ms;
	}
	return answer;
}

void
capture_touched(struct capture *c, const struct capture_limits *limits, int64_t now_ms)
{
	bool same = c->same_finger && now_ms - c->lost_ms < CAPTURE_SAME_FINGER_MS;

	c->limits = *limits;
	if (now_ms >= c->refusals_ms && capture_is_dirty(c))
		c->blanks = 0; /* long quiet: the water has dried */
	begin(c, now_ms);
	c->at_start = !c->up || now_ms - c->ready_ms < CAPTURE_START_MS;
	c->up = true;
	c->same_finger = false;
	if (c->at_start && same) {
		c->state = CAPTURE_DECIDED;
		c->rests = true;
	}
}

enum capture_answer
capture_frame(struct capture *c, const struct finger_features *f, int rc, int64_t now_ms,
	      bool *ret_best)
{
	bool usable = is_usable(c, f, rc);

	*ret_best = false;
	if (c->state != CAPTURE_LOOKING)
		return CAPTURE_NOTHING;
	if (now_ms - c->frame_ms > c->interval_ms)
		c->interval_ms = now_ms - c->frame_ms;
	c->frame_ms = now_ms;
	c->frames++;
	if (c->usable && rc < 0) /* a sensor that tells late that the finger was lifted */
		return decide(c, false, now_ms);
	c->all_blank = c->all_blank && is_blank(f);
	if (is_better(c, f, usable)) {
		c->best = *f;
		c->has_best = true;
		c->usable = usable;
		*ret_best = true;
	}
	if ((c->usable && c->best.quality >= c->limits.quality_good) ||
	    !has_time(c, now_ms))
		return decide(c, true, now_ms);
	return CAPTURE_MORE;
}

void
capture_moved(struct capture *c)
{
	c->moved = true;
}

enum capture_answer
capture_failed(struct capture *c, int64_t now_ms)
{
	return c->state == CAPTURE_LOOKING ? decide(c, false, now_ms) : CAPTURE_NOTHING;
}

enum capture_answer
capture_attacked(struct capture *c, int64_t now_ms)
{
	if (c->state != CAPTURE_LOOKING)
		return CAPTURE_NOTHING;
	return refuse(c, 0, now_ms);
}

enum capture_answer
capture_lifted(struct capture *c, int64_t now_ms)
{
	enum capture_answer answer = CAPTURE_NOTHING;

	if (c->state == CAPTURE_LOOKING)
		answer = decide(c, false, now_ms);
	c->state = CAPTURE_IDLE;
	c->rests = false;
	c->up = true;
	c->ready_ms = now_ms - CAPTURE_START_MS; /* the sensor has been seen free */
	return answer;
}

/* When something is due, or INT64_MAX. */
static int64_t
due_ms(const struct capture *c)
{
	int64_t due = INT64_MAX;

	if (c->state == CAPTURE_LOOKING)
		due = c->frames == 0 ? c->touched_ms + CAPTURE_SILENCE_MS
				     : c->touched_ms + c->limits.time_ms;
	else if (c->state == CAPTURE_DECIDED && !c->rests)
		due = c->touched_ms + CAPTURE_RESTS_MS;
	if (capture_is_dirty(c) && c->state == CAPTURE_IDLE && c->refusals_ms < due)
		due = c->refusals_ms;
	return due;
}

enum capture_answer
capture_tick(struct capture *c, int64_t now_ms)
{
	enum capture_answer answer = CAPTURE_NOTHING;

	if (due_ms(c) > now_ms)
		return CAPTURE_NOTHING;
	if (c->state == CAPTURE_LOOKING)
		answer = decide(c, true, now_ms);
	else if (c->state == CAPTURE_DECIDED)
		c->rests = true;
	else
		c->blanks = 0;
	return answer;
}

int64_t
capture_wait_ms(const struct capture *c, int64_t now_ms)
{
	int64_t due = due_ms(c);

	if (due == INT64_MAX)
		return -1;
	return due > now_ms ? due - now_ms : 0;
}

const struct finger_features *
capture_best(const struct capture *c)
{
	return &c->best;
}

uint16_t
capture_hints(const struct capture *c)
{
	return c->hints;
}

bool
capture_at_start(const struct capture *c)
{
	return c->at_start;
}

void
capture_forget(struct capture *c)
{
	secret_zero(&c->best, sizeof(c->best));
	c->has_best = false;
	c->usable = false;
}

bool
capture_rests(const struct capture *c)
{
	return c->rests;
}
