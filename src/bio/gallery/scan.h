#ifndef LANED_BIO_GALLERY_SCAN_H
#define LANED_BIO_GALLERY_SCAN_H

#include "bio/gallery/kernel.h"

#include <stdint.h>

/*
 * The cheap first stage of a search: what is kept of a reference in memory for it, and how well
 * that fits a probe. The best cylinders only, without validity; the bits both share tell the
 * similarity, and only similarities that agree on one movement of the finger add up.
 */
#define SCAN_CYLINDERS_MAX 24u /* of a reference; a multiple of KERNEL_LANES */
#define SCAN_PROBE_MAX 48u     /* of a probe */
#define SCAN_SCORE_MAX 65535u
#define SCAN_BYTES_MAX 1200u /* what a reference may cost */

struct scan_reference {
	uint64_t plane[MCC_PLANES][SCAN_CYLINDERS_MAX];
	int16_t x[SCAN_CYLINDERS_MAX], y[SCAN_CYLINDERS_MAX];
	uint8_t ones[SCAN_CYLINDERS_MAX];  /* bits set, at most 255 */
	uint8_t angle[SCAN_CYLINDERS_MAX]; /* 1/256 turns */
	uint8_t count;
};
_Static_assert(sizeof(struct scan_reference) <= SCAN_BYTES_MAX, "memory of a reference");

/* The probe as the scan wants it: one cylinder after another. */
struct scan_probe {
	uint64_t plane[SCAN_PROBE_MAX][MCC_PLANES];
	int16_t x[SCAN_PROBE_MAX], y[SCAN_PROBE_MAX];
	uint8_t ones[SCAN_PROBE_MAX], angle[SCAN_PROBE_MAX];
	int16_t sin[256], cos[256]; /* 1/16384, by 1/256 turns */
	unsigned count;
};

/* The best cylinders come first in a set, as minutiae do. */
void scan_reference_fill(struct scan_reference *r, const struct mcc_set *set);
void scan_probe_fill(struct scan_probe *p, const struct mcc_set *set);

/* 0..SCAN_SCORE_MAX; 0 = nothing in common. */
uint32_t scan_score(const struct kernel *kernel, const struct scan_probe *probe,
		    const struct scan_reference *reference);

#endif
