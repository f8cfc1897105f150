#ifndef LANED_BIO_GALLERY_MOVE_H
#define LANED_BIO_GALLERY_MOVE_H

#include "bio/gallery/fixed.h"

#include <stdint.h>

/* Where a point of the probe lies in the reference: rotate about the origin, then shift. */
struct fine_move {
	int32_t sin, cos; /* 1/16384 */
	int32_t x, y;     /* pixels */
	uint16_t turn;
};

/* The point of the reference's frame where a point of the probe comes to lie. */
static inline void
fine_moved(const struct fine_move *move, int32_t x, int32_t y, int32_t *ret_x,
	   int32_t *ret_y)
{
	*ret_x = ((x * move->cos + y * move->sin + FIXED_ONE / 2) >> 14) + move->x;
	*ret_y = ((y * move->cos - x * move->sin + FIXED_ONE / 2) >> 14) + move->y;
}

/* A point as one word, x below y. */
static inline int32_t
move_point(int32_t x, int32_t y)
{
	return (int32_t)((uint32_t)(uint16_t)x | (uint32_t)y << 16);
}

#endif
