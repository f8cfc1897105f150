#ifndef LANED_BIO_DECIDE_H
#define LANED_BIO_DECIDE_H

#include "bio/gallery/gallery.h"

#include <stdbool.h>

/*
 * The decision over candidates (BIOMETRICS, 1:N policy): pure. Decisions leave this process,
 * scores never do.
 */
enum decision { DECISION_ACCEPT, DECISION_AMBIGUOUS, DECISION_REJECT, DECISION_RETRY };

/* Why it was decided so; each belongs to one decision. */
enum decide_why {
	WHY_ABOVE,  /* accept: over the threshold, and with the margin */
	WHY_MARGIN, /* ambiguous: over the threshold, and so is somebody else or nearly */
	WHY_GREY,   /* ambiguous: enough among a few, not enough among all */
	WHY_LOCKED_OUT,   /* ambiguous: too many failures here; a search code is wanted */
	WHY_BELOW,        /* reject */
	WHY_REPLAY,       /* reject: this very picture was here before */
	WHY_QUALITY,      /* retry: below the threshold, and too poor to tell */
	WHY_NOT_ACQUIRED, /* retry: no usable finger */
	WHY_EXPIRED,      /* retry: the probe is not kept any more */
	WHY_BACK_OFF,     /* retry: nothing was compared, failures come too fast */
	DECIDE_WHYS
};

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
 * Whether that threshold keeps the target. It does not where it would lie beyond GALLERY_SCORE_MAX,
 * the end of what the calibration answers for.
 */
bool decide_target_met(const struct decide_policy *p, uint64_t references);

/* What a one-to-one comparison has to reach. */
int32_t decide_verify_threshold(const struct decide_policy *p);

/*
 * One-to-many over the whole gallery or over a claimed few. references is how many were compared.
 * A best candidate above the threshold with the margin to the second is accepted; in the grey
 * zone between the threshold for 10 references and that of all it is ambiguous (ask for digits);
 * else reject, or retry when quality is below the minimum.
 */
enum decision decide_identify(const struct decide_policy *p, uint64_t references,
			      uint8_t quality, const struct gallery_candidate *candidates,
			      size_t count);

/* The same with its reason: WHY_ABOVE, WHY_MARGIN, WHY_GREY, WHY_BELOW or WHY_QUALITY. */
enum decide_why decide_identify_why(const struct decide_policy *p, uint64_t references,
				    uint8_t quality,
				    const struct gallery_candidate *candidates,
				    size_t count);

/*
 * Among the few that somebody claimed to be one of, references of them: as above, but what is not
 * enough among these is WHY_BELOW. To ask for the same claim again would change nothing.
 */
enum decide_why decide_few_why(const struct decide_policy *p, uint64_t references,
			       uint8_t quality,
			       const struct gallery_candidate *candidates, size_t count);

/* One-to-one; count is 0 or 1. */
enum decision decide_verify(const struct decide_policy *p, uint8_t quality,
			    const struct gallery_candidate *candidates, size_t count);

/* The same with its reason: WHY_ABOVE, WHY_BELOW or WHY_QUALITY. */
enum decide_why decide_verify_why(const struct decide_policy *p, uint8_t quality,
				  const struct gallery_candidate *candidates,
				  size_t count);

enum decision decide_outcome(enum decide_why why);

const char *decision_name(enum decision d); /* "accept", "ambiguous", "reject", "retry" */
const char *decide_why_name(enum decide_why why); /* "above-threshold", "margin", ... */

#endif
