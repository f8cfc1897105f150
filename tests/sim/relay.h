#ifndef LANED_TESTS_SIM_RELAY_H
#define LANED_TESTS_SIM_RELAY_H

#include "sim/world.h"

/*
 * The checkouts of a run whose POS and terminal talk through the adapter at path, over connections that
 * are cut, slow and in pieces. Aborts when it cannot be loaded.
 */
void relay_run(struct world *w, const char *path);

#endif
