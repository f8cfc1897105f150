#ifndef LANED_TESTS_UNIT_BIO_GATE_SCORES_H
#define LANED_TESTS_UNIT_BIO_GATE_SCORES_H

#include <stdint.h>

/*
 * Written by test_bio_gate with BIO_GATE_RECORD=FILE. A lower figure needs a reason.
 * Of 100 careless touches: how many find their finger first, and how many reach 70 dB
 * against one impression.
 */
#define BIO_GATE_RANK_1 100u
#define BIO_GATE_STRONG 90u

/* Mated, unmated; prints and features in turn. */
/* clang-format off */
static const int32_t recorded_scores[] = {
	9000, 2831,
	9000, 409,
	9000, 468,
	8977, 43,
	5318, 102,
	8156, 244,
	9000, 170,
	6919, 361,
	9000, 296,
	7452, 334,
};
/* clang-format on */

#endif
