#ifndef LANED_TESTS_UNIT_BIO_GATE_SCORES_H
#define LANED_TESTS_UNIT_BIO_GATE_SCORES_H

#include <stdint.h>

/*
 * Written by test_bio_gate with BIO_GATE_RECORD=FILE. A lower figure needs a reason.
 * Of 100 careless touches: how many find their finger first, and how many reach 70 dB
 * against one impression.
 */
#define BIO_GATE_RANK_1 100u
#define BIO_GATE_STRONG 97u

/* Mated, unmated; prints and features in turn. */
/* clang-format off */
static const int32_t recorded_scores[] = {
	9000, 2012,
	9000, 361,
	9000, 655,
	9000, 81,
	7392, 265,
	8624, 267,
	9000, 227,
	7215, 378,
	9000, 206,
	8182, 366,
};
/* clang-format on */

#endif
