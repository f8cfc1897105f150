#ifndef LANED_TESTS_UNIT_BIO_GATE_SCORES_H
#define LANED_TESTS_UNIT_BIO_GATE_SCORES_H

#include <stdint.h>

/*
 * Written by test_bio_gate with BIO_GATE_RECORD=FILE. A lower figure needs a reason.
 * Of 100 careless touches: how many find their finger first, and how many reach 70 dB
 * against one impression.
 */
#define BIO_GATE_RANK_1 100u
#define BIO_GATE_STRONG 92u

/* Mated, unmated; prints and features in turn. */
/* clang-format off */
static const int32_t recorded_scores[] = {
	9000, 2558,
	9000, 421,
	9000, 289,
	8941, 68,
	5188, 246,
	8040, 253,
	9000, 162,
	6869, 343,
	9000, 340,
	7381, 310,
};
/* clang-format on */

#endif
