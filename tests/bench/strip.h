#ifndef LANED_TESTS_BENCH_STRIP_H
#define LANED_TESTS_BENCH_STRIP_H

#include "bio/finger/finger.h"

/*
 * What a record of another system keeps of a finger: the minutiae, in the format's units. iso and
 * ansi are the record formats, card and compact those of ISO/IEC 19794-2 for cards, which have no
 * qualities.
 */
enum strip { STRIP_NONE, STRIP_ISO, STRIP_ANSI, STRIP_CARD, STRIP_COMPACT };

/* STRIP_NONE: no such format. */
enum strip strip_parse(const char *name);

/*
 * Features as they come back from a written and read record; with STRIP_NONE unchanged. 0; -ERANGE
 * the format cannot hold them.
 */
int strip_features(enum strip format, const struct finger_features *f,
		   struct finger_features *ret_features);

#endif
