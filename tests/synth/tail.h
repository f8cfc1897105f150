#ifndef LANED_TESTS_SYNTH_TAIL_H
#define LANED_TESTS_SYNTH_TAIL_H

#include "bio/gallery/fine.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The distribution of scores of strangers, as a histogram of raw scores: any number of pairs in
 * the same memory. Not thread safe; sum up the tails of several threads.
 */
#define TAIL_RAW_MIN (-2048)
#define TAIL_BINS 10240u
#define TAIL_TRAITS 8u

struct tail {
	uint64_t pairs;
	uint64_t bins[TAIL_BINS]; /* one a unit of raw score; the ends take the rest */
	/* What was found, summed over all pairs and over those of TAIL_TOP_DB and more. */
	uint64_t top_pairs;
	double traits[2][TAIL_TRAITS];
};

#define TAIL_TOP_DB 20

void tail_add(struct tail *t, const struct fine_evidence *e);
void tail_sum(struct tail *t, const struct tail *other);

/* The share of pairs with a raw score of at least raw. */
double tail_share(const struct tail *t, int32_t raw);
/* The lowest raw score that no more than this share reaches. */
int32_t tail_quantile(const struct tail *t, double share);

/* How often t reaches the score that other reaches with this rate, over how often other does. */
double tail_ratio(const struct tail *t, const struct tail *other, double rate);

/*
 * How raw scores grow per decade of rarity beyond from, as for an exponential tail, and the upper
 * end of its one-sided 95 % interval; 0 with fewer than two pairs beyond.
 */
struct tail_slope {
	double decade, upper;
	uint64_t pairs;
};
struct tail_slope tail_slope(const struct tail *t, int32_t from);

struct tail_column {
	const char *name;
	const struct tail *tail;
};

/* Tables to standard output: shares and ratios, claims, traits, slopes. */
void tail_print(const struct tail_column *columns, unsigned count);
/* The calibration that follows, as C text. */
void tail_print_calibration(const struct tail *real, const struct tail *synthetic);

#endif
