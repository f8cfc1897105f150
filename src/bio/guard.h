#ifndef LANED_BIO_GUARD_H
#define LANED_BIO_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Repeated failure at one lane (PRIVACY P2): a bucket that each failure fills by one and that leaks
 * one every GUARD_LEAK_MS. A success does not empty it: whoever tries fakes has a finger of his own
 * too. A store where every second shopper is no member and tries three fingers a minute stays below
 * GUARD_FREE. Pure; times are monotonic ms.
 */
#define GUARD_LEAK_MS 20000
#define GUARD_FREE 6u       /* failures at once without any consequence */
#define GUARD_CODE 12u      /* more of them: a search code is required */
#define GUARD_LEVEL_MAX 30u /* ten minutes until all is forgotten */
#define GUARD_WAIT_MAX_MS 30000

/* Zeroed is a lane at which nothing has failed. Kept over a restart by the store. */
struct guard {
	uint32_t level;
	int64_t leaked_ms; /* the time up to which it has leaked */
	int64_t failed_ms; /* of the last failure */
};

/*
 * Takes up what was kept. The monotonic clock begins anew with the machine: a time that has not come
 * yet is of an earlier life, of which nothing is known, so that a restart forgives nothing.
 */
void guard_restore(struct guard *g, const struct guard *kept, int64_t now_ms);
void guard_failed(struct guard *g, int64_t now_ms);

/* How long from now nothing is compared: 1, 2, 4 ... 30 s after the last failure; 0: go on. */
int64_t guard_wait_ms(const struct guard *g, int64_t now_ms);
/* Nobody is searched for among all any more. */
bool guard_wants_code(const struct guard *g, int64_t now_ms);
/* Failures not forgiven yet. */
uint32_t guard_level(const struct guard *g, int64_t now_ms);

#endif
