#ifndef LANED_BIO_GALLERY_KERNEL_H
#define LANED_BIO_GALLERY_KERNEL_H

#include "bio/gallery/mcc.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Bit counting between cylinders, once per instruction set. All give the same numbers; the CPU
 * only decides how fast. Counts are multiples of eight, arrays aligned to 64 bytes.
 */
#define KERNEL_LANES 8u
#define KERNEL_ALIKE_64TH 18u

/* Bits that two cylinders share, and each one's bits where the other is valid. */
struct kernel_counts {
	uint16_t both[MCC_CYLINDERS_MAX];  /* common bits */
	uint16_t left[MCC_CYLINDERS_MAX];  /* bits of the one in cells valid in both */
	uint16_t right[MCC_CYLINDERS_MAX]; /* bits of the many in cells valid in both */
	uint16_t cells[MCC_CYLINDERS_MAX]; /* cells valid in both */
};

struct kernel {
	const char *name;
	/* Compares cylinder i of one with the first n (multiple of 8) cylinders of many. */
	void (*counts)(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
		       unsigned n, struct kernel_counts *ret_counts);
	/*
	 * Common bits of the one with n (multiple of 8, at most 32) of many, whose planes are
	 * MCC_PLANES rows of n words and ones their bits set. Answers a bit for each of which at
	 * least the share KERNEL_ALIKE_64TH / 64 is common: 2 both >= share (ones + ones).
	 */
	uint32_t (*alike)(const uint64_t one[MCC_PLANES], unsigned one_ones,
			  const uint64_t *planes, const uint8_t *ones, unsigned n,
			  uint16_t *ret_both);
};

/* The fastest kernel this CPU runs. */
const struct kernel *kernel_best(void);

/* The i-th kernel this CPU runs, the plainest first; NULL past the last. For tests and benches. */
const struct kernel *kernel_at(unsigned i);

#endif
