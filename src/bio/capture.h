#ifndef LANED_BIO_CAPTURE_H
#define LANED_BIO_CAPTURE_H

#include "bio/finger/finger.h"

#include <stdbool.h>

/*
 * One reader's presentations: what happens from the finger laid down to the finger lifted. More
 * frames are asked for while the finger rests, until one is good enough or the time is up; the best
 * one wins. A pure state machine: the monotonic time in ms comes with every event.
 *
 * A presentation is decided once, as settled (there is a frame to go on with) or refused (the hints
 * say why), however long the finger rests after that. The service must not take a finger for a new
 * touch that only stayed while the reader was started again, and is not told of every touch of a
 * drop of water: see capture_touched, CAPTURE_REFUSALS and CAPTURE_BLANKS_DIRTY.
 */

/* Hints beside those of the extractor (enum quality_hint); bits of the same set. */
enum capture_hint {
	HINT_PRESS_AGAIN = 64, /* lift the finger and press again */
	HINT_GLOVE = 128,      /* something rests on the sensor, and it has no ridges */
	HINT_MOVED = 256       /* the finger lay elsewhere in another frame */
};

/* Time for frames after the first touch, of which the shopper has less than a second in all. */
#define CAPTURE_TIME_MS 600u
/* The same while somebody enrols, who is told to hold still. */
#define CAPTURE_ENROL_TIME_MS 1200u
/* Frames extracted of one presentation, each some milliseconds of the loop. */
#define CAPTURE_FRAMES_MAX 8u
/* Nothing better is waited for above this quality; nine of ten good presses reach it at once. */
#define CAPTURE_QUALITY_GOOD 60u
/* No image and no word of the driver: given up. The slowest serial line needs 7 s for an image. */
#define CAPTURE_SILENCE_MS 15000
/* A finger that lies longer than this is worth a word to those who wait. */
#define CAPTURE_RESTS_MS 10000
/* A finger seen so soon after the reader came up lay there before. */
#define CAPTURE_START_MS 500
/* A finger that lay there before the reader failed may be the one that lies there after it. */
#define CAPTURE_SAME_FINGER_MS 30000
/* Refusals in a row that are told; one more is after each CAPTURE_REFUSAL_MS. */
#define CAPTURE_REFUSALS 3u
#define CAPTURE_REFUSAL_MS 5000
/*
 * Refused blank touches in a row that no hand makes: the glass is wet or dirty. More of them are not
 * told until a finger was read, or until all refusals are to be had again.
 */
#define CAPTURE_BLANKS_DIRTY 4u

struct capture_limits {
	uint32_t time_ms;
	uint8_t quality_good; /* good enough at once */
	uint8_t quality_min;  /* a partial print below it is refused */
};

enum capture_answer {
	CAPTURE_NOTHING, /* go on */
	CAPTURE_MORE,    /* only of capture_frame: another frame is wanted */
	CAPTURE_SETTLED, /* capture_best has the features */
	CAPTURE_REFUSED, /* capture_hints says why; to be told */
	CAPTURE_DROPPED  /* refused, and nobody is to be told */
};

enum capture_state {
	CAPTURE_IDLE,    /* nothing is on the sensor */
	CAPTURE_LOOKING, /* a presentation is under way */
	CAPTURE_DECIDED  /* it is decided, and the finger is still there */
};

/* Holds features: to be kept in locked memory. Zeroed is a reader that has not come up yet. */
struct capture {
	struct capture_limits limits;
	enum capture_state state;
	bool up;
	bool at_start;
	bool usable; /* best can be gone on with */
	bool has_best;
	bool all_blank; /* no frame so far had ridges */
	bool same_finger, rests;
	bool moved;
	uint16_t hints;
	unsigned frames, blanks;
	int64_t ready_ms, touched_ms, frame_ms, lost_ms;
	int64_t interval_ms; /* the longest between two frames */
	int64_t refusals_ms; /* when all refusals are to be had again, and no blank was seen for long */
	struct finger_features best;
};

/*
 * The reader waits for a finger, or failed or went: from its states. Ready without a finger lifted
 * before means that the driver had to start the reader again, which is a loss too. What was seen of
 * a presentation that ends so decides it when it is enough.
 */
enum capture_answer capture_ready(struct capture *c, int64_t now_ms);
enum capture_answer capture_lost(struct capture *c, int64_t now_ms);

/*
 * A finger is there. When it was already there as the reader came up, capture_at_start is true; and
 * when it was decided before the reader failed, it is decided still.
 */
void capture_touched(struct capture *c, const struct capture_limits *limits,
		     int64_t now_ms);

/*
 * A frame with its features; rc is what finger_extract gave. f is copied when it is the best so far,
 * which *ret_best tells. Anything but CAPTURE_MORE means that no other frame is wanted.
 */
enum capture_answer capture_frame(struct capture *c, const struct finger_features *f,
				  int rc, int64_t now_ms, bool *ret_best);

/*
 * Of the frame that comes next: the finger lies elsewhere in it than in the best one so far. A
 * presentation in which it moved is decided as any other; the hints tell.
 */
void capture_moved(struct capture *c);

/* A frame that is none, by the driver's word; a fake finger, by the sensor's. */
enum capture_answer capture_failed(struct capture *c, int64_t now_ms);
enum capture_answer capture_attacked(struct capture *c, int64_t now_ms);
enum capture_answer capture_lifted(struct capture *c, int64_t now_ms);

/* To be called when capture_wait_ms (-1: never) is over; harmless at any other time. */
enum capture_answer capture_tick(struct capture *c, int64_t now_ms);
int64_t capture_wait_ms(const struct capture *c, int64_t now_ms);

/* Of the presentation last decided, until the next touch. */
const struct finger_features *capture_best(const struct capture *c);
uint16_t capture_hints(const struct capture *c);
bool capture_at_start(const struct capture *c);
/* Drops the features; whoever needed them has them now. */
void capture_forget(struct capture *c);

/* Something has been lying there for long. */
bool capture_rests(const struct capture *c);
/* Touches without a finger come again and again. */
bool capture_is_dirty(const struct capture *c);

#endif
