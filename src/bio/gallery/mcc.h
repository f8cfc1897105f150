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
#define MCC_SECTORS 64u
#define MCC_SECTOR_SHIFT 10
#define MCC_TALLIES 3u /* binary digits of the number of sections */

/*
 * Cylinders as planes of words, so that a kernel compares one against eight neighbours at once, by
 * rising angle, so that those of about one direction lie together. Entries from count up to the
 * next multiple of eight are zero. Bits of invalid cells are zero.
 */
struct mcc_set {
	uint64_t plane[MCC_PLANES][MCC_CYLINDERS_MAX];
	/* How many sections are set in each cell, as a binary number: digit by digit. */
	uint64_t tally[MCC_TALLIES][MCC_CYLINDERS_MAX];
	uint64_t valid[MCC_CYLINDERS_MAX];
	struct minutia at[MCC_CYLINDERS_MAX];
	uint16_t angle[MCC_CYLINDERS_MAX]; /* that of at */
	int32_t unit[MCC_CYLINDERS_MAX];   /* its cosine below its sine, 1/16384 */
	uint16_t ones[MCC_CYLINDERS_MAX];  /* bits set over all planes */
	uint16_t cells[MCC_CYLINDERS_MAX]; /* valid ones */
	uint16_t count;
	uint8_t cylinder_of[FINGER_MINUTIAE_MAX]; /* of a minutia, or MCC_NONE */
	uint8_t by_quality[MCC_CYLINDERS_MAX];    /* cylinders, as minutiae come */
	/*
	 * How many cylinders have an angle below this many sectors of a turn; twice round, so that
	 * those between two angles are found without asking where the turn begins.
	 */
	uint8_t below[2 * MCC_SECTORS];
};

/* Bits set. On x86-64 without the popcnt instruction they are counted inside the word. */
static inline unsigned
mcc_bits(uint64_t w)
{
#if defined(__x86_64__)
	w -= (w >> 1) & 0x5555555555555555u;
	w = (w & 0x3333333333333333u) + ((w >> 2) & 0x3333333333333333u);
	w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned)((w * 0x0101010101010101u) >> 56);
#else
	return (unsigned)__builtin_popcountll(w);
#endif
}

/* One cylinder: what is kept of it where a whole set is too much. */
struct mcc_cylinder {
	uint64_t plane[MCC_PLANES], valid;
	int32_t unit;
	uint16_t ones;
	uint8_t cells;   /* valid ones */
	uint8_t minutia; /* which */
};

/*
 * The cylinders of the best minutiae (they come by falling quality), at most wanted of them, and
 * how many there are. The same as mcc_build's by_quality[0..].
 */
struct kernel;
unsigned mcc_build_best(const struct kernel *kernel, const struct minutia *minutiae,
			unsigned count, unsigned wanted, struct mcc_cylinder *ret);

/*
 * Builds the cylinders of the best minutiae (they come by falling quality). All minutiae count as
 * neighbours; a minutia whose surroundings are too empty gets no cylinder.
 */
void mcc_build(const struct minutia *minutiae, unsigned count, struct mcc_set *ret_set);

#endif
