/* Presentations as scripts: what the reader tells when, and what shall come of it. */
#include "bio/capture.h"

#include "unit.h"

#include <errno.h>

enum what { READY, LOST, TOUCH, ENROL, FRAME, FAIL, ATTACK, LIFT, TICK, MOVED };

/* What the extractor says of a frame. */
struct look {
	int rc;
	uint8_t quality, hints;
	uint16_t count, cells;
};
static const struct look GOOD = { 0, 80, 0, 40, 250 };
static const struct look FAIR = { 0, 40, HINT_TOO_DRY, 30, 220 };
static const struct look FAIRER = { 0, 45, HINT_TOO_DRY, 31, 200 };
static const struct look POOR = { 0, 5, HINT_TOO_WET, 12, 210 };
static const struct look PARTIAL = { 0, 9, HINT_TOO_SMALL, 8, 50 };
static const struct look HALF = { 0, 25, HINT_TOO_SMALL, 14, 79 };
static const struct look LANDING = { -ENODATA, 0, HINT_TOO_SMALL, 0, 12 };
static const struct look BLANK = { -ENODATA, 0, HINT_BLANK, 0, 0 };
static const struct look HUGE_ONE = { -EINVAL, 0, 0, 0, 0 };

#define STEPS_MAX 24u

struct step {
	int64_t at_ms;
	enum what what;
	const struct look *look;
	enum capture_answer answer;
};

struct script {
	const char *name;
	struct step steps[STEPS_MAX]; /* ends with a time of 0 */
	uint8_t quality;              /* of the best one, when it settled last */
	unsigned hints;               /* of the last decision */
	bool at_start, rests, dirty;  /* at the end */
};

#define PRESS HINT_PRESS_AGAIN
#define NO CAPTURE_NOTHING
#define MORE CAPTURE_MORE
#define DONE CAPTURE_SETTLED
#define REFUSED CAPTURE_REFUSED
#define DROPPED CAPTURE_DROPPED

static const struct script scripts[] = {
	{ .name = "a good first frame is enough",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &GOOD, DONE },
		     { 5900, LIFT, NULL, NO } },
	  .quality = 80 },
	{ .name = "a finger that slides is told so, be it read or not, and only that "
		  "touch",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &FAIR, MORE },
		     { 5280, MOVED, NULL, NO },
		     { 5280, FRAME, &GOOD, DONE },
		     { 5900, LIFT, NULL, NO } },
	  .quality = 80,
	  .hints = HINT_MOVED },
	{ .name = "a partial print that slides is refused as such",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &PARTIAL, MORE },
		     { 5280, MOVED, NULL, NO },
		     { 5280, FRAME, &PARTIAL, MORE },
		     { 5400, LIFT, NULL, REFUSED } },
	  .hints = PRESS | HINT_TOO_SMALL | HINT_MOVED },
	{ .name = "the touch after one that slid is a new one",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &FAIR, MORE },
		     { 5280, MOVED, NULL, NO },
		     { 5280, FRAME, &GOOD, DONE },
		     { 5900, LIFT, NULL, NO },
		     { 9000, TOUCH, NULL, NO },
		     { 9150, FRAME, &GOOD, DONE } },
	  .quality = 80 },
	{ .name = "a finger being laid down gets a second look",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &LANDING, MORE },
		     { 5280, FRAME, &GOOD, DONE },
		     { 5290, FRAME, &GOOD, NO } },
	  .quality = 80 },
	{ .name = "the best of the time wins, and no frame is asked for that comes too "
		  "late",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &FAIR, MORE },
		     { 5280, FRAME, &FAIRER, MORE },
		     { 5410, FRAME, &FAIR, MORE },
		     { 5540, FRAME, &POOR, DONE } },
	  .quality = 45,
	  .hints = HINT_TOO_DRY },
	{ .name = "the time is up while a frame is awaited",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &FAIR, MORE },
		     { 5599, TICK, NULL, NO },
		     { 5600, TICK, NULL, DONE },
		     { 5700, FRAME, &GOOD, NO },
		     { 5800, TICK, NULL, NO } },
	  .quality = 40,
	  .hints = HINT_TOO_DRY },
	{ .name = "who enrols has more time",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, ENROL, NULL, NO },
		     { 5150, FRAME, &FAIR, MORE },
		     { 5800, FRAME, &FAIR, DONE } },
	  .quality = 40,
	  .hints = HINT_TOO_DRY },
	{ .name = "lifted early with something usable",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &FAIR, MORE },
		     { 5200, LIFT, NULL, DONE } },
	  .quality = 40,
	  .hints = HINT_TOO_DRY },
	{ .name = "a sensor that tells late that the finger was lifted",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &FAIR, MORE },
		     { 5280, FRAME, &BLANK, DONE } },
	  .quality = 40,
	  .hints = HINT_TOO_DRY },
	{ .name = "lifted before anything was seen",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5100, LIFT, NULL, REFUSED } },
	  .hints = PRESS },
	{ .name = "lifted while it was blank is no glove",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &BLANK, MORE },
		     { 5200, LIFT, NULL, REFUSED } },
	  .hints = PRESS | HINT_BLANK },
	{ .name = "a partial print is refused with its reason",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &PARTIAL, MORE },
		     { 5280, FRAME, &LANDING, MORE },
		     { 5600, TICK, NULL, REFUSED } },
	  .hints = PRESS | HINT_TOO_SMALL },
	{ .name = "half a print of fair quality is tried",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &HALF, MORE },
		     { 5600, TICK, NULL, DONE } },
	  .quality = 25,
	  .hints = HINT_TOO_SMALL },
	{ .name = "a poor print of a whole finger is tried",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &POOR, MORE },
		     { 5280, FRAME, &PARTIAL, MORE },
		     { 5300, LIFT, NULL, DONE } },
	  .quality = 5,
	  .hints = HINT_TOO_WET },
	{ .name = "a glove rests there and has no ridges",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &BLANK, MORE },
		     { 5280, FRAME, &BLANK, MORE },
		     { 5600, TICK, NULL, REFUSED } },
	  .hints = PRESS | HINT_BLANK | HINT_GLOVE },
	{ .name = "a little of a print is no glove",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &BLANK, MORE },
		     { 5280, FRAME, &LANDING, MORE },
		     { 5600, TICK, NULL, REFUSED } },
	  .hints = PRESS | HINT_TOO_SMALL },
	{ .name = "a finger on its way up ends it too",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &FAIR, MORE },
		     { 5280, FRAME, &LANDING, DONE } },
	  .quality = 40,
	  .hints = HINT_TOO_DRY },
	{ .name = "an image out of all limits is no print",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &HUGE_ONE, MORE },
		     { 5200, LIFT, NULL, REFUSED } },
	  .hints = PRESS },
	{ .name = "a slow line has one frame",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5600, TICK, NULL, NO },
		     { 9000, FRAME, &FAIR, DONE } },
	  .quality = 40,
	  .hints = HINT_TOO_DRY },
	{ .name = "a slow line's partial frame is refused without waiting for more",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 9000, FRAME, &PARTIAL, REFUSED } },
	  .hints = PRESS | HINT_TOO_SMALL },
	{ .name = "a silent driver is given up",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 19999, TICK, NULL, NO },
		     { 20000, TICK, NULL, REFUSED },
		     { 21000, FRAME, &GOOD, NO } },
	  .hints = PRESS },
	{ .name = "frames are counted",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5001, FRAME, &FAIR, MORE },
		     { 5002, FRAME, &FAIR, MORE },
		     { 5003, FRAME, &FAIR, MORE },
		     { 5004, FRAME, &FAIR, MORE },
		     { 5005, FRAME, &FAIR, MORE },
		     { 5006, FRAME, &FAIR, MORE },
		     { 5007, FRAME, &FAIR, MORE },
		     { 5008, FRAME, &FAIR, DONE } },
	  .quality = 40,
	  .hints = HINT_TOO_DRY },
	{ .name = "no image by the driver's word is a refusal",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5600, FAIL, NULL, REFUSED },
		     { 5700, LIFT, NULL, NO } },
	  .hints = PRESS },
	{ .name = "a failure after a usable frame is none",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &FAIR, MORE },
		     { 5400, FAIL, NULL, DONE } },
	  .quality = 40,
	  .hints = HINT_TOO_DRY },
	{ .name = "a fake is refused whatever was seen, without advice",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &FAIR, MORE },
		     { 5280, ATTACK, NULL, REFUSED },
		     { 5400, FRAME, &GOOD, NO },
		     { 5500, ATTACK, NULL, NO },
		     { 5600, LIFT, NULL, NO } } },
	{ .name = "a finger there at the start is an ordinary one, and marked",
	  .steps = { { 1000, READY, NULL, NO },
		     { 1100, TOUCH, NULL, NO },
		     { 1250, FRAME, &GOOD, DONE } },
	  .quality = 80,
	  .at_start = true },
	{ .name = "a touch before the reader is ready was there at the start",
	  .steps = { { 1000, TOUCH, NULL, NO }, { 1250, FRAME, &GOOD, DONE } },
	  .quality = 80,
	  .at_start = true },
	{ .name = "dirt there at the start is told to nobody",
	  .steps = { { 1000, READY, NULL, NO },
		     { 1100, TOUCH, NULL, NO },
		     { 1250, FRAME, &BLANK, MORE },
		     { 1700, TICK, NULL, DROPPED } },
	  .hints = PRESS | HINT_BLANK | HINT_GLOVE,
	  .at_start = true },
	{ .name = "the next touch right after a finger was lifted is a new one",
	  .steps = { { 1000, READY, NULL, NO },
		     { 1100, TOUCH, NULL, NO },
		     { 1250, FRAME, &GOOD, DONE },
		     { 1300, LIFT, NULL, NO },
		     { 1300, READY, NULL, NO },
		     { 1400, TOUCH, NULL, NO },
		     { 1550, FRAME, &GOOD, DONE } },
	  .quality = 80 },
	{ .name = "a finger that stayed while the reader was reset is no new touch",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &GOOD, DONE },
		     { 6000, LOST, NULL, NO },
		     { 8000, READY, NULL, NO },
		     { 8100, TOUCH, NULL, NO },
		     { 8250, FRAME, &GOOD, NO },
		     { 8900, TICK, NULL, NO } },
	  .quality = 80,
	  .at_start = true,
	  .rests = true },
	{ .name = "and once it was lifted the next is one",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &GOOD, DONE },
		     { 6000, LOST, NULL, NO },
		     { 8000, READY, NULL, NO },
		     { 8100, TOUCH, NULL, NO },
		     { 9000, LIFT, NULL, NO },
		     { 9100, TOUCH, NULL, NO },
		     { 9250, FRAME, &GOOD, DONE } },
	  .quality = 80 },
	{ .name = "a driver that starts the reader again by itself makes no new touch",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &GOOD, DONE },
		     { 6000, READY, NULL, NO },
		     { 6100, TOUCH, NULL, NO },
		     { 6250, FRAME, &GOOD, NO } },
	  .quality = 80,
	  .at_start = true,
	  .rests = true },
	{ .name = "who touches well after the reset is somebody",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &GOOD, DONE },
		     { 6000, LOST, NULL, NO },
		     { 8000, READY, NULL, NO },
		     { 8600, TOUCH, NULL, NO },
		     { 8750, FRAME, &GOOD, DONE } },
	  .quality = 80 },
	{ .name = "the reader away for long comes back to another finger",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &GOOD, DONE },
		     { 6000, LOST, NULL, NO },
		     { 40000, READY, NULL, NO },
		     { 40100, TOUCH, NULL, NO },
		     { 40250, FRAME, &GOOD, DONE } },
	  .quality = 80,
	  .at_start = true },
	{ .name = "a finger not read before the reset is read after it",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5100, LOST, NULL, DROPPED },
		     { 7000, READY, NULL, NO },
		     { 7100, TOUCH, NULL, NO },
		     { 7250, FRAME, &GOOD, DONE } },
	  .quality = 80,
	  .at_start = true },
	{ .name = "unplugged after a usable frame is a touch",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &FAIR, MORE },
		     { 5200, LOST, NULL, DONE } },
	  .quality = 40,
	  .hints = HINT_TOO_DRY },
	{ .name = "a finger that rests for ever is told so, once",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &GOOD, DONE },
		     { 14999, TICK, NULL, NO },
		     { 15000, TICK, NULL, NO },
		     { 90000, TICK, NULL, NO } },
	  .quality = 80,
	  .rests = true },
	{ .name = "and lifted at last",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5150, FRAME, &GOOD, DONE },
		     { 15000, TICK, NULL, NO },
		     { 20000, LIFT, NULL, NO } },
	  .quality = 80 },
	{ .name = "water is told three times, then it is water",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5100, FRAME, &BLANK, MORE },
		     { 5200, LIFT, NULL, REFUSED },
		     { 5300, TOUCH, NULL, NO },
		     { 5400, FRAME, &BLANK, MORE },
		     { 5500, LIFT, NULL, REFUSED },
		     { 5600, TOUCH, NULL, NO },
		     { 5700, FRAME, &BLANK, MORE },
		     { 5800, LIFT, NULL, REFUSED },
		     { 5900, TOUCH, NULL, NO },
		     { 6000, FRAME, &BLANK, MORE },
		     { 6100, LIFT, NULL, DROPPED },
		     { 12000, TOUCH, NULL, NO },
		     { 12100, FRAME, &BLANK, MORE },
		     { 12200, LIFT, NULL, DROPPED },
		     { 20200, TICK, NULL, NO } },
	  .hints = PRESS | HINT_BLANK,
	  .dirty = true },
	{ .name = "water that dried is forgotten",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5100, FRAME, &BLANK, MORE },
		     { 5200, LIFT, NULL, REFUSED },
		     { 5300, TOUCH, NULL, NO },
		     { 5400, FRAME, &BLANK, MORE },
		     { 5500, LIFT, NULL, REFUSED },
		     { 5600, TOUCH, NULL, NO },
		     { 5700, FRAME, &BLANK, MORE },
		     { 5800, LIFT, NULL, REFUSED },
		     { 5900, TOUCH, NULL, NO },
		     { 6000, FRAME, &BLANK, MORE },
		     { 6100, LIFT, NULL, DROPPED },
		     { 30000, TICK, NULL, NO },
		     { 31000, TOUCH, NULL, NO },
		     { 31100, FRAME, &BLANK, MORE },
		     { 31200, LIFT, NULL, REFUSED } },
	  .hints = PRESS | HINT_BLANK },
	{ .name = "and if nobody looked",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5100, FRAME, &BLANK, MORE },
		     { 5200, LIFT, NULL, REFUSED },
		     { 5300, TOUCH, NULL, NO },
		     { 5400, FRAME, &BLANK, MORE },
		     { 5500, LIFT, NULL, REFUSED },
		     { 5600, TOUCH, NULL, NO },
		     { 5700, FRAME, &BLANK, MORE },
		     { 5800, LIFT, NULL, REFUSED },
		     { 5900, TOUCH, NULL, NO },
		     { 6000, FRAME, &BLANK, MORE },
		     { 6100, LIFT, NULL, DROPPED },
		     { 31000, TOUCH, NULL, NO },
		     { 31100, FRAME, &BLANK, MORE },
		     { 31200, LIFT, NULL, REFUSED } },
	  .hints = PRESS | HINT_BLANK },
	{ .name = "a finger that was read gives all refusals back",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5100, LIFT, NULL, REFUSED },
		     { 5200, TOUCH, NULL, NO },
		     { 5300, LIFT, NULL, REFUSED },
		     { 5400, TOUCH, NULL, NO },
		     { 5500, LIFT, NULL, REFUSED },
		     { 5600, TOUCH, NULL, NO },
		     { 5700, LIFT, NULL, DROPPED },
		     { 5800, TOUCH, NULL, NO },
		     { 5900, FRAME, &GOOD, DONE },
		     { 6000, LIFT, NULL, NO },
		     { 6100, TOUCH, NULL, NO },
		     { 6200, LIFT, NULL, REFUSED } },
	  .hints = PRESS },
	{ .name = "one more refusal is told after each five seconds",
	  .steps = { { 1000, READY, NULL, NO },
		     { 5000, TOUCH, NULL, NO },
		     { 5100, LIFT, NULL, REFUSED },
		     { 5200, TOUCH, NULL, NO },
		     { 5300, LIFT, NULL, REFUSED },
		     { 5400, TOUCH, NULL, NO },
		     { 5500, LIFT, NULL, REFUSED },
		     { 10000, TOUCH, NULL, NO },
		     { 10099, LIFT, NULL, DROPPED },
		     { 10100, TOUCH, NULL, NO },
		     { 10101, LIFT, NULL, REFUSED },
		     { 10200, TOUCH, NULL, NO },
		     { 10300, LIFT, NULL, DROPPED } },
	  .hints = PRESS },
};

static const struct capture_limits ordinary = { CAPTURE_TIME_MS, CAPTURE_QUALITY_GOOD,
						15 };
static const struct capture_limits enrolment = { CAPTURE_ENROL_TIME_MS,
						 CAPTURE_QUALITY_GOOD, 15 };

static struct capture capture;

static struct finger_features
features_of(const struct look *l)
{
	struct finger_features f = { .quality = l->quality,
				     .hints = l->hints,
				     .count = l->count,
				     .foreground_cells = l->cells };

	return f;
}

static enum capture_answer
run_step(const struct step *s)
{
	struct finger_features f;
	bool best;

	switch (s->what) {
	case READY:
		return capture_ready(&capture, s->at_ms);
	case LOST:
		return capture_lost(&capture, s->at_ms);
	case TOUCH:
		capture_touched(&capture, &ordinary, s->at_ms);
		return CAPTURE_NOTHING;
	case ENROL:
		capture_touched(&capture, &enrolment, s->at_ms);
		return CAPTURE_NOTHING;
	case FRAME:
		f = features_of(s->look);
		return capture_frame(&capture, &f, s->look->rc, s->at_ms, &best);
	case FAIL:
		return capture_failed(&capture, s->at_ms);
	case ATTACK:
		return capture_attacked(&capture, s->at_ms);
	case LIFT:
		return capture_lifted(&capture, s->at_ms);
	case MOVED:
		capture_moved(&capture);
		return CAPTURE_NOTHING;
	case TICK:
	default:
		return capture_tick(&capture, s->at_ms);
	}
}

static const char *
answer_name(enum capture_answer a)
{
	static const char *const names[] = { "nothing", "more", "settled", "refused",
					     "dropped" };

	return names[a];
}

START_TEST(every_presentation_ends_as_it_should)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		const struct script *s = &scripts[i];
		uint8_t quality = 0;

		memset(&capture, 0, sizeof(capture));
		for (size_t k = 0; k < STEPS_MAX && s->steps[k].at_ms > 0; k++) {
			enum capture_answer a = run_step(&s->steps[k]);

			ck_assert_msg(a == s->steps[k].answer, "%s: at %lld: %s, not %s",
				      s->name, (long long)s->steps[k].at_ms,
				      answer_name(a), answer_name(s->steps[k].answer));
			if (a == CAPTURE_SETTLED)
				quality = capture_best(&capture)->quality;
			if (a == CAPTURE_REFUSED)
				quality = 0;
		}
		ck_assert_msg(quality == s->quality, "%s: quality %u", s->name, quality);
		if (capture.state == CAPTURE_DECIDED || s->hints != 0)
			ck_assert_msg(capture_hints(&capture) == s->hints, "%s: hints %u",
				      s->name, capture_hints(&capture));
		ck_assert_msg(capture_at_start(&capture) == s->at_start, "%s", s->name);
		ck_assert_msg(capture_rests(&capture) == s->rests, "%s", s->name);
		ck_assert_msg(capture_is_dirty(&capture) == s->dirty, "%s", s->name);
	}
}
END_TEST

/* A timer that is always set to capture_wait_ms ends all that can end, and then sleeps. */
START_TEST(whoever_waits_as_told_is_done_soon_and_wakes_seldom)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		const struct script *s = &scripts[i];
		int64_t now = 0;

		memset(&capture, 0, sizeof(capture));
		for (size_t k = 0; k < STEPS_MAX && s->steps[k].at_ms > 0; k++) {
			now = s->steps[k].at_ms;
			(void)run_step(&s->steps[k]);
			for (unsigned wakes = 0;; wakes++) {
				int64_t wait = capture_wait_ms(&capture, now);

				ck_assert_int_ge(wait, -1);
				ck_assert_msg(wakes <= 3, "%s: wakes up for nothing",
					      s->name);
				if (wait < 0 ||
				    (k + 1 < STEPS_MAX && s->steps[k + 1].at_ms > 0 &&
				     now + wait >= s->steps[k + 1].at_ms))
					break;
				now += wait;
				(void)capture_tick(&capture, now);
			}
		}
		ck_assert_msg(capture.state != CAPTURE_LOOKING, "%s: never ends",
			      s->name);
		ck_assert_int_le(now, 110000);
	}
}
END_TEST

START_TEST(a_forgotten_frame_is_gone)
{
	struct finger_features f = features_of(&GOOD), none = { 0 };
	bool best = false;

	memset(&capture, 0, sizeof(capture));
	(void)capture_ready(&capture, 1000);
	capture_touched(&capture, &ordinary, 5000);
	ck_assert_int_eq(capture_frame(&capture, &f, 0, 5100, &best), CAPTURE_SETTLED);
	ck_assert(best);
	capture_forget(&capture);
	ck_assert_mem_eq(capture_best(&capture), &none, sizeof(none));
	ck_assert_int_eq(capture_lifted(&capture, 6000), CAPTURE_NOTHING);
}
END_TEST

START_TEST(only_a_better_frame_is_told_as_best)
{
	static const struct {
		const struct look *look;
		bool best;
	} frames[] = { { &BLANK, true },   { &LANDING, true }, { &BLANK, false },
		       { &PARTIAL, true }, { &POOR, true },    { &PARTIAL, false },
		       { &FAIRER, true } };

	memset(&capture, 0, sizeof(capture));
	(void)capture_ready(&capture, 1000);
	capture_touched(&capture, &ordinary, 5000);
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct finger_features f = features_of(frames[i].look);
		bool best = !frames[i].best;

		ck_assert_int_eq(
			capture_frame(&capture, &f, frames[i].look->rc, 5001, &best),
			CAPTURE_MORE);
		ck_assert_msg(best == frames[i].best, "frame %zu", i);
	}
}
END_TEST

UNIT_MAIN("capture", every_presentation_ends_as_it_should,
	  whoever_waits_as_told_is_done_soon_and_wakes_seldom, a_forgotten_frame_is_gone,
	  only_a_better_frame_is_told_as_best)
