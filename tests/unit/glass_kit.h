#ifndef LANED_TESTS_UNIT_GLASS_KIT_H
#define LANED_TESTS_UNIT_GLASS_KIT_H

#include "bio/glass.h"

/* Dirt on a reader's glass, for the tests with synthetic and with real prints. */
struct smear {
	int x, y, radius; /* pixels */
	int darker;       /* grey, and up to 10 more in streaks */
};

/* A number below n of a row that is always the same. */
unsigned glass_kit_random(uint32_t *seed, unsigned n);

/* Draws it into the picture, over finger and background alike. */
void glass_kit_smear(struct sample *s, const struct smear *smear);

/* The n-th touch of somebody who is not known and was not here before, with this picture. */
void glass_kit_touch(struct glass *g, unsigned n, const struct sample *s);

#endif
