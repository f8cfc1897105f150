#ifndef LANED_TESTS_UNIT_CARDS_H
#define LANED_TESTS_UNIT_CARDS_H

#include <stddef.h>

/*
 * Card numbers that the schemes and processors publish for testing, in parts: no whole one stands in a
 * file of ours.
 */
#define CARDS_PUBLISHED 21u
#define CARDS_PARTS_MAX 6u
#define CARDS_TEXT_BYTES 256u

/* The parts of each, with NULL behind the last. */
extern const char *const cards_published[CARDS_PUBLISHED][CARDS_PARTS_MAX];

/* The parts of a card with between between them. */
void cards_text(char buf[CARDS_TEXT_BYTES], size_t card, const char *between);

#endif
