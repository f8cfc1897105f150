#ifndef LANED_BIO_DECIDE_H
#define LANED_BIO_DECIDE_H

#include "bio/gallery/gallery.h"

/*
 * The decision over candidates (BIOMETRICS, 1:N policy): pure. Decisions leave this process,
 * scores never do.
 */
enum decision { DECISION_ACCEPT, DECISION_AMBIGUOUS, DECISION_REJECT, DECISION_RETRY };

struct decide_policy {
	uint32_t
		fpir_per_million; /* target false-positive identification rate, e.g. 1000 = 1e-3 */
	uint32_t verify_fmr_per_million; /* 1:1, e.g. 100 = 1e-4 */
	int32_t margin;                  /* 1/100 dB to the second identity, e.g. 1000 */
	uint8_t quality_min;             /* below: DECISION_RETRY instead of reject */
};

/*
 * Threshold in 1/100 dB for n references compared: 10 (log10 n + log10 1/FPIR), integer
 * arithmetic, at most GALLERY_SCORE_MAX.
 */
int32_t decide_threshold(const struct decide_policy *p, uint64_t references);

/*
 * One-to-many over the whole gallery or over a claimed few. references is how many were compared.
 * A best candidate above the threshold with the margin to the second is accepted; in the grey
 * zone between the threshold for 10 references and that of all it is ambiguous (ask for digits);
 * else reject, or retry when quality is below the minimum.
 */
enum decision decide_identify(const struct decide_policy *p, uint64_t references,
			      uint8_t quality, const struct gallery_candidate *candidates,
			      size_t count);

/* One-to-one; count is 0 or 1. */
enum decision decide_verify(const struct decide_policy *p, uint8_t quality,
			    const struct gallery_candidate *candidates, size_t count);

const char *decision_name(enum decision d); /* "accept", "ambiguous", "reject", "retry" */

#endif
