#ifndef LANED_BIO_GALLERY_KERNEL_PRIVATE_H
#define LANED_BIO_GALLERY_KERNEL_PRIVATE_H

#include "bio/gallery/kernel.h"

/* Of kernel_x86.c: those this CPU runs, slowest first. How many. */
#define KERNEL_X86_MAX 4u
unsigned kernel_x86(const struct kernel *ret_found[KERNEL_X86_MAX]);

/*
 * Lists point i with each of the crowd from first on whose bit is set; where the list ends then.
 * Whether a point has one is as good as random, a second one is rare: so the first comes without
 * a branch.
 */
static inline uint16_t *
kernel_list_near(const struct kernel_crowd *c, unsigned i, unsigned first, uint64_t mask,
		 uint16_t *list)
{
	/* Lanes beyond the crowd mean nothing. */
	if (c->count - first < 64)
		mask &= ((uint64_t)1 << (c->count - first)) - 1;
	do {
		/* The bit beyond all only keeps ctz defined. */
		unsigned j = first + (unsigned)__builtin_ctzll(mask | (uint64_t)1 << 63);

		*list = (uint16_t)(i << 8 | j);
		list += mask != 0;
		mask &= mask - 1;
	} while (__builtin_expect(mask != 0, 0));
	return list;
}

#endif
