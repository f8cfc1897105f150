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
	9000, 1941,
	9000, 385,
	9000, 567,
	9000, 43,
	7300, 197,
	8295, 277,
	9000, 204,
	6945, 289,
	9000, 199,
	7956, 428,
};
/* clang-format on */

#endif
