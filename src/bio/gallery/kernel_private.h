#ifndef LANED_BIO_GALLERY_KERNEL_PRIVATE_H
#define LANED_BIO_GALLERY_KERNEL_PRIVATE_H

#include "bio/gallery/kernel.h"

#include <stdbool.h>
#include <string.h>

/* Of kernel_x86.c: those this CPU runs, slowest first. How many. */
#define KERNEL_X86_MAX 4u
unsigned kernel_x86(const struct kernel *ret_found[KERNEL_X86_MAX]);

/*
 * Bits of eight of the many, from j on, into worth. In registers: what is stored in pieces and read
 * as a whole soon after makes the CPU wait.
 */
struct kernel_worth {
	uint64_t low, high;
};

static inline struct kernel_worth
kernel_worth_add(struct kernel_worth w, unsigned j, unsigned eight)
{
	if (j < 64)
		w.low |= (uint64_t)eight << j;
	else
		w.high |= (uint64_t)eight << (j - 64);
	return w;
}

/* Bits below n, of those below 64. */
static inline uint64_t
kernel_bits_below(unsigned n)
{
	return n >= 64 ? UINT64_MAX : ((uint64_t)1 << n) - 1;
}

/* Only those in the range: of the others there may be no counts. */
static inline void
kernel_worth_store(struct kernel_worth w, const unsigned range[2],
		   struct kernel_counts *c)
{
	c->worth[0] |= w.low & kernel_bits_below(range[1]) & ~kernel_bits_below(range[0]);
	if (range[1] > 64)
		c->worth[1] |= w.high & kernel_bits_below(range[1] - 64) &
			       ~(range[0] > 64 ? kernel_bits_below(range[0] - 64) : 0);
}

/* Are all cells of a cylinder valid? Then what of others is valid in both is known before. */
static inline bool
kernel_is_whole(const struct mcc_set *set, unsigned i)
{
	return set->cells[i] == MCC_CELLS;
}

/* Fills right and cells where the one cylinder is whole. */
static inline void
kernel_copy_whole(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
		  const unsigned range[2], struct kernel_counts *ret)
{
	if (!kernel_is_whole(one, i))
		return;
	for (unsigned j = range[0] & ~7u; j < range[1]; j += KERNEL_LANES) {
		memcpy(&ret->right[j], &many->ones[j],
		       KERNEL_LANES * sizeof(ret->right[0]));
		memcpy(&ret->cells[j], &many->cells[j],
		       KERNEL_LANES * sizeof(ret->cells[0]));
	}
}

/*
 * Lists point i with those of the crowd, from first up to last - 1, whose bit is set; where the
 * list ends then. Whether a point has one is as good as random, a second one is rare: so the first
 * comes without a branch.
 */
static inline uint16_t *
kernel_list_near(unsigned i, unsigned first, unsigned last, uint64_t mask, uint16_t *list)
{
	/* Lanes beyond the last mean nothing. */
	if (last - first < 64)
		mask &= ((uint64_t)1 << (last - first)) - 1;
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
