#ifndef LANED_TESTS_UNIT_BIO_GATE_SCORES_H
#define LANED_TESTS_UNIT_BIO_GATE_SCORES_H

#include <stdint.h>

/*
 * Written by test_bio_gate with BIO_GATE_RECORD=FILE. A lower figure needs a reason.
 * Of 100 careless touches: how many find their finger first, and how many reach 70 dB
 * against one impression.
 */
#define BIO_GATE_RANK_1 99u
#define BIO_GATE_STRONG 91u

/* Mated, unmated; prints and features in turn. */
/* clang-format off */
static const int32_t recorded_scores[] = {
	9000, 1055,
	8327, 232,
	7234, 388,
	9000, 75,
	5132, 411,
	9000, 250,
	9000, 112,
	9000, 272,
	9000, 123,
	8252, 278,
};
/* clang-format on */

#endif
