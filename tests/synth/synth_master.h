#ifndef LANED_TESTS_SYNTH_SYNTH_MASTER_H
#define LANED_TESTS_SYNTH_SYNTH_MASTER_H

#include "synth_field.h"

/* What rendering reads of a finger; both planes are row-major MASTER_WIDTH x MASTER_HEIGHT. */
struct synth_master {
	uint64_t seed;
	struct synth_field field;
	/* The skin: 1024 on a ridge's crest, -1024 in a valley. */
	int16_t ridges[MASTER_WIDTH * MASTER_HEIGHT];
	/* What keeps the skin off the glass here in every impression: pores, creases; 0..255. */
	uint8_t flaws[MASTER_WIDTH * MASTER_HEIGHT];
};

#endif
