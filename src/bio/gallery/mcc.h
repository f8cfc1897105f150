#ifndef LANED_BIO_GALLERY_MCC_H
#define LANED_BIO_GALLERY_MCC_H

#include "bio/finger/finger.h"

#include <stdint.h>

/*
 * Bit cylinders (Cappelli, Ferrara, Maltoni: Minutia Cylinder-Code, IEEE TPAMI 32(12), 2010).
 * A cylinder describes the neighbourhood of one minutia in the frame of that minutia: a disc of
 * 70 px cut into 52 cells, times MCC_PLANES sections of direction. A bit says that neighbours lie
 * near that cell with about that direction.
 */
#define MCC_PLANES 5u
#define MCC_CELLS 52u
#define MCC_CYLINDERS_MAX 96u /* a multiple of 8: the kernels work on eights */
#define MCC_NONE 255u
#define MCC_BITS_MAX (MCC_PLANES * MCC_CELLS)

/*
 * Cylinders as planes of words, so that a kernel compares one against eight neighbours at once.
 * Entries from count up to the next multiple of eight are zero. Bits of invalid cells are zero.
 */
struct mcc_set {
	uint64_t plane[MCC_PLANES][MCC_CYLINDERS_MAX];
	uint64_t valid[MCC_CYLINDERS_MAX];
	struct minutia at[MCC_CYLINDERS_MAX];
	uint16_t ones[MCC_CYLINDERS_MAX]; /* bits set over all planes */
	uint16_t count;
	uint8_t cylinder_of[FINGER_MINUTIAE_MAX]; /* of a minutia, or MCC_NONE */
};

/*
 * Builds the cylinders of the best minutiae (they come by falling quality). All minutiae count as
 * neighbours; a minutia whose surroundings are too empty gets no cylinder.
 */
void mcc_build(const struct minutia *minutiae, unsigned count, struct mcc_set *ret_set);

#endif
