#ifndef LANED_BIO_REPLAY_H
#define LANED_BIO_REPLAY_H

#include "base/crypto.h"
#include "bio/finger/finger.h"

#include <stdbool.h>

/*
 * A picture that was here before (PRIVACY P2). A live finger is never laid on the same place twice
 * to a fraction of a ridge, nor pressed alike; a picture played again shows its minutiae where they
 * were. Of each capture a few keyed marks are kept, one a minutia: 16 bits of an HMAC of its place in
 * cells of REPLAY_CELL_PX and of its direction. Without the subject's key, which is destroyed with
 * the subject, they tell nothing. A picture that was moved as a whole is not found.
 */
#define REPLAY_CAPTURES 16u
#define REPLAY_MARKS 32u
#define REPLAY_CELL_PX 4
/*
 * Marks in percent that a picture shares with an earlier one to be the same. Measured: 1 505 pairs of
 * live impressions of three sets share 28 at most, synthetic ones laid down half as freely as people
 * do 37; the same picture shares 100, and with noise of 2 grey levels 77 and more on both optical
 * sets (below 75 are 5 of 393 inked prints).
 */
#define REPLAY_SAME_PERCENT 75u
/* Fewer marks are no evidence. */
#define REPLAY_MARKS_MIN 10u

struct replay_capture {
	uint16_t count;
	uint16_t marks[REPLAY_MARKS];
};

/* The last captures of one subject, a ring of constant size: what is stored of them. */
struct replay_set {
	uint16_t count, next;
	struct replay_capture captures[REPLAY_CAPTURES];
};

/* What came out of a file may be anything: 0, or -EBADMSG when it cannot be a set. */
int replay_check(const struct replay_set *set);

/*
 * The largest share in percent of an earlier capture's marks that the probe has too, so that
 * REPLAY_SAME_PERCENT and more is the same picture. 0, or -EIO (no HMAC).
 */
int replay_share(const uint8_t key[CRYPTO_KEY_BYTES], const struct replay_set *set,
		 const struct finger_features *probe, unsigned *ret_percent);

/* Takes the probe into the set, in place of the oldest capture when it is full. 0 or -EIO. */
int replay_add(const uint8_t key[CRYPTO_KEY_BYTES], struct replay_set *set,
	       const struct finger_features *probe);

#endif
