#ifndef LANED_BIO_BACKOFF_H
#define LANED_BIO_BACKOFF_H

#include <stdint.h>

/*
 * The pauses between attempts to reach a device that does not answer: the time doubles with each
 * failure, and a quarter of it is chance, or all lanes of a shop would ask their hubs at once after
 * a power cut.
 */
#define BACKOFF_MS_MIN 100u
#define BACKOFF_MS_MAX 5000u

/* Zeroed is: nothing has failed. */
struct backoff {
	unsigned failures; /* in a row */
};

/* Counts a failure and gives the pause before the next attempt, in ms. */
int64_t backoff_ms(struct backoff *b);

/* The pauses begin with the shortest again. */
void backoff_reset(struct backoff *b);

#endif
