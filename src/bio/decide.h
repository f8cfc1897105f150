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
	WHY_ABOVE,       /* accept: over the threshold, and with the margin */
	WHY_TWO_FINGERS, /* accept: two different fingers of one person together are */
	WHY_MARGIN, /* ambiguous: over the threshold, and so is somebody else or nearly */
	WHY_GREY,   /* ambiguous: enough among a few, not enough among all */
	WHY_INCOMPLETE, /* ambiguous: nobody, but not all are in memory; a claim is wanted */
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
	uint32_t verify_fmr_per_million; /* 1:1, of a claim, e.g. 100 = 1e-4 */
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

/*
 * What the best of so many one-to-one comparisons has to reach, with each of the references of the
 * person who is claimed: the target is the claim's, and each has an equal part of it (Bonferroni).
 */
int32_t decide_verify_threshold(const struct decide_policy *p, uint64_t references);

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

/* One-to-one, with so many references; best: the best of them, or NULL. */
enum decision decide_verify(const struct decide_policy *p, uint64_t references,
			    uint8_t quality, const struct gallery_candidate *best);

/* The same with its reason: WHY_ABOVE, WHY_BELOW or WHY_QUALITY. */
enum decide_why decide_verify_why(const struct decide_policy *p, uint64_t references,
				  uint8_t quality, const struct gallery_candidate *best);

/*
 * Two touches by two fingers of one person, of which neither alone was enough (BIOMETRICS: "two
 * fingers, independent scores in dB add").
 *
 * What both have in common with a person is the best of his ordered pairs of two different
 * references, the first touch with the one and the second with the other. The same finger twice is
 * one view and not two: it has had its own search each time, and adds nothing here. Scores are
 * -10 log10 of chances; by a stranger's fingers a sum of s1 + s2 dB or more is reached with the
 * chance e^-t (1 + t), t = (s1 + s2) ln(10) / 10 (Fisher, 1932, the product of two uniform chances),
 * so that a pair is worth s1 + s2 - 10 log10(1 + t). That a person's fingers are independent is no
 * law, for their patterns are of a family; but 29 million pairs of strangers of a real set reach 5 to 35
 * dB 0.67 to 0.91 times as often as that says, and those of one finger 0.63 to 0.92 times (bio_pairs).
 *
 * The bound. A person with F references has F (F - 1) pairs; each gets an equal part of his share
 * of the target, and each of the subjects has an equal share (Bonferroni), F and subjects being those
 * of the whole gallery. So the chance that two touches of strangers, be they of one person or of two,
 * are taken together for anybody is the target at most; and that they are looked for among the best
 * of either touch alone does not matter, for the sum is over all that could have been looked at. Each
 * touch alone has its own target, as ever: whoever touches twice has tried three times.
 *
 * Two people's touches. Each of the two has to reach by itself what one comparison, one to one, asks for,
 * because the second one may pay: a finger that is no more like the member's than any other adds
 * nothing to somebody else's first touch. The margin is kept to the best that anybody else has of
 * pairs or of either touch alone; and to what speaks for two people, each of whom touched once, above
 * what the best of so many strangers has by chance. So two people who touch in turn are nobody.
 */
struct decide_view {
	struct ulid subject;
	uint32_t finger;  /* of the reference; no two of a subject are the same */
	int32_t score[2]; /* of the first and the second touch with it, 1/100 dB */
};

/* Two scores' worth together, 1/100 dB, 0..2 GALLERY_SCORE_MAX. */
int32_t decide_pair_score(int32_t first, int32_t second);

/*
 * views: all references of those that are looked at, in any order; subjects: how many the gallery
 * has. WHY_TWO_FINGERS and *ret_subject; WHY_MARGIN: somebody else is as near; WHY_BELOW.
 */
enum decide_why decide_two_why(const struct decide_policy *p, uint64_t subjects,
			       const struct decide_view *views, size_t count,
			       struct ulid *ret_subject);

enum decision decide_outcome(enum decide_why why);

const char *decision_name(enum decision d); /* "accept", "ambiguous", "reject", "retry" */
const char *decide_why_name(enum decide_why why); /* "above-threshold", "margin", ... */

#endif
