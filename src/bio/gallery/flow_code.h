#ifndef LANED_BIO_GALLERY_FLOW_CODE_H
#define LANED_BIO_GALLERY_FLOW_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The orientation map of a reference in less than half of its bytes, without loss. A cell is a byte:
 * orientation, 1/32 half turns << 3 | coherence 1..7, or 0 outside the finger.
 *
 * Half bytes, the high one of a byte first, row by row: the first column with finger and the number
 * of columns to the last one, two half bytes each (0 and 0: none); then each of those cells. 0..14:
 * it is like the one before it (the left one, or the one above where there is none) but for -2..2
 * of orientation and -1..1 of coherence, 3 (orientation + 2) + coherence + 1. 15: its byte follows.
 * A last half byte may be left over: 0.
 */
#define FLOW_CODE_SIDE_MAX 255u

/* The bytes written to to, less than cells; 0: it would not be shorter than they are. */
size_t flow_code(const uint8_t *cells, unsigned across, unsigned down, uint8_t *to);

/* False: these are not the bytes that flow_code makes of any map of this size. */
bool flow_decode(const uint8_t *data, size_t bytes, unsigned across, unsigned down,
		 uint8_t *ret_cells);

#endif
