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
	9000, 2132,
	9000, 411,
	9000, 621,
	8865, 41,
	7252, 236,
	8236, 259,
	9000, 215,
	7456, 243,
	9000, 220,
	7930, 336,
};
/* clang-format on */

#endif
