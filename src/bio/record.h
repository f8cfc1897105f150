#ifndef LANED_BIO_RECORD_H
#define LANED_BIO_RECORD_H

#include "base/plain/ids.h"
#include "bio/decide.h"

/*
 * What laned-bio keeps of its decisions, and what follows from it. One row a decision, with the
 * reason and without a score; scores only as histograms (PRIVACY T6). Pure; store_record.h keeps it.
 */
enum record_kind { RECORD_IDENTIFY, RECORD_DECIDE, RECORD_VERIFY, RECORD_KINDS };
const char *record_kind_name(enum record_kind k); /* "identify", "decide", "verify" */

struct record_row {
	int64_t time_ms;
	enum record_kind kind;
	enum decide_why why;
	uint64_t references; /* compared; 0: nothing was */
	int32_t threshold;   /* that was used, 1/100 dB */
	uint8_t quality;
	uint16_t hints;
	struct ulid
		subject; /* accepted or replayed; zero: nobody. Kept as a pseudonym only */
};

/*
 * Histograms of scores in dB, by periods of RECORD_PERIOD_MS:
 * best: the best score of each search of the whole gallery;
 * impostor: in searches that found somebody, the scores of the others that came near (the best
 * fifteen at most: what is lower is not counted);
 * search: in searches that found somebody, or somebody and nearly another, the best of the others
 * less 10 log10 of the references compared. A share of 10^(-d/10) should lie at d dB and above: that
 * is the rate at which strangers would be taken for somebody at the threshold for FPIR 10^(-d/10),
 * whatever the gallery's size was. Whoever was taken for somebody in error is not in it; the mates'
 * neighbours stand for him.
 */
enum record_histogram { RECORD_BEST, RECORD_IMPOSTOR, RECORD_SEARCH, RECORD_HISTOGRAMS };
#define RECORD_BINS 91u /* 0..90 dB; below 0 is 0 */
#define RECORD_PERIOD_MS (INT64_C(30) * 86400 * 1000)
#define RECORD_PERIODS                                                                   \
	3 /* that count; older ones may come of another time of the reader's life */

struct record_counts {
	uint64_t bins[RECORD_HISTOGRAMS][RECORD_BINS];
};

/* What one search adds to the histograms; candidates are sorted, best first. */
void record_search(struct record_counts *add, enum decide_why why, uint64_t references,
		   const struct gallery_candidate *candidates, size_t count);

/* A rate seen count times of n, and its 95 % interval (Wilson, 1927). n 0: 0..1. */
struct record_rate {
	uint64_t count, of;
	double rate, low, high;
};
struct record_rate record_rate(uint64_t count, uint64_t of);

/*
 * Bounds of the expectation of a count that was seen (Poisson, exact, one-sided): the largest that
 * would give no more than count, the smallest that would give no less than count, with this
 * probability. For rare events among many they bound k of n as well, to the safe side.
 */
double record_most(uint64_t count, double probability);
double record_least(uint64_t count, double probability);

/* What the real searches say of the rate at which strangers are taken for somebody. */
struct record_fpir {
	uint64_t searches;
	uint64_t
		reached; /* of them, the best of the others reached the target's threshold */
	double bound;    /* 95 % upper bound of the rate; 1 while nothing is known */
	bool extrapolated; /* from lower scores, with the 95 % bound of the slope */
	bool refuted;      /* they contradict the calibration */
};

/*
 * target: the FPIR, 1e-6..1. Refuted is the calibration when the target is missed with 99 %
 * confidence, or when at 10 or 20 dB below it the rate is more than twice what it should be.
 */
struct record_fpir record_fpir(const uint64_t search[RECORD_BINS], double target);

#endif
