#ifndef LANED_BIO_REPLAY_H
#define LANED_BIO_REPLAY_H

#include "bio/finger/finger.h"

/*
 * A picture that was here before (PRIVACY P2). A live finger is never laid down twice so that all of
 * its minutiae keep their places among each other to a pixel: skin stretches. A picture played again
 * does, also when it was moved, turned, cut or overlaid with noise. Of each capture a few minutiae
 * are kept, and a new one is laid over them by the rigid motion that makes most of them meet.
 * What is kept is a piece of a template: it is stored sealed under the subject's own key only.
 */
#define REPLAY_CAPTURES 16u
#define REPLAY_POINTS 21u
#define REPLAY_POINT_BYTES 3u
/*
 * What speaks for one picture: 10 for each point that the new picture has at its place to 1.5 px, less
 * 4 for each that it has within 3 px and 10 for each within 5 px, as live fingers have them. A point
 * that it has not is lost or cut off, and counts for nothing.
 */
#define REPLAY_EVIDENCE_MET 10
#define REPLAY_EVIDENCE_NEAR (-4)
#define REPLAY_EVIDENCE_OFF (-10)
/* As much is the same picture; docs of tests/bench/bio_replay.c's figures: see docs/biometrics.md. */
#define REPLAY_SAME 110
/* Fewer points in either picture are no evidence. */
#define REPLAY_POINTS_MIN 11u

/* The best minutiae of one picture: x and y in pixels, ten bits each, and sixteenths of a turn. */
struct replay_capture {
	uint8_t count;
	uint8_t points[REPLAY_POINTS][REPLAY_POINT_BYTES];
};

/* The last captures of one subject, a ring of constant size: what is stored of them. */
struct replay_set {
	uint16_t count, next;
	struct replay_capture captures[REPLAY_CAPTURES];
};

/* What came out of a file may be anything: 0, or -EBADMSG when it cannot be a set. */
int replay_check(const struct replay_set *set);

/*
 * The most that speaks for the probe being an earlier capture: REPLAY_SAME and more is the same
 * picture. 0: nothing. Takes a tenth of a millisecond for each capture.
 */
int replay_evidence(const struct replay_set *set, const struct finger_features *probe);

/* Takes the probe into the set, in place of the oldest capture when it is full. */
void replay_add(struct replay_set *set, const struct finger_features *probe);

#endif
