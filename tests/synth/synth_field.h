#ifndef LANED_TESTS_SYNTH_SYNTH_FIELD_H
#define LANED_TESTS_SYNTH_SYNTH_FIELD_H

#include "synth.h"

/* The plane of a whole finger: every impression shows a part of it. */
#define MASTER_WIDTH 344
#define MASTER_HEIGHT 448

#define FIELD_SINGULARITIES_MAX 4

/* A core (turn +1/2) or a delta (turn -1/2) of the ridge flow; pixels of the master plane. */
struct field_singularity {
	int32_t x, y;
	int32_t sign;
};

/* Orientation and ridge period over the master plane, as a formula. */
struct synth_field {
	enum synth_class class;
	uint64_t seed;
	struct field_singularity singularities[FIELD_SINGULARITIES_MAX];
	int32_t singularities_count;
	int32_t core_x, core_y; /* where the pattern has its centre */
	int32_t delta_y;        /* the level below which ridges run flat */
	int32_t arching;        /* how steep ridges fall at the sides, 1/65536 turns */
	int32_t tilt;           /* of the whole pattern, 1/65536 turns */
	int32_t period_q8;      /* mean ridge distance, 1/256 px */
};

struct synth_field synth_field_make(uint64_t seed);

/*
 * Ridge orientation at a place of the master plane: counter-clockwise from +x with y upward, a
 * direction modulo half a turn given as 0..SYNTH_HALF_TURN-1.
 */
uint16_t synth_field_orientation(const struct synth_field *f, int32_t x, int32_t y);

/* Ridge period there, 1/256 px. */
int32_t synth_field_period(const struct synth_field *f, int32_t x, int32_t y);

/* 1024 in the middle of the finger, 0 on its outline, negative outside. */
int32_t synth_field_inside(int32_t x, int32_t y);

#endif
