#ifndef LANED_BIO_GLASS_H
#define LANED_BIO_GLASS_H

#include "base/plain/ids.h"
#include "bio/sample.h"

#include <stdbool.h>

/*
 * Whether a reader's glass wants cleaning: a pattern that stays while the fingers change. Each settled
 * frame leaves a relief: how much lighter or darker each block is than the blocks around it. Blocks
 * are larger than two ridges, so no detail of a print is kept. A block is dirty when for nearly all
 * of the last GLASS_SUBJECTS different people it was darker than it used to be.
 *
 * (Whatever lies on the glass or breaks its surface takes light out of the total reflection, so dirt
 * is dark. Lighter corners, the lamp's spot and an uneven light are the sensor's own: they were there
 * before, and so were dirt and scratches older than the first GLASS_SUBJECTS people, which this cannot
 * know until they are gone.)
 *
 * Two touches are of one person when both were decided as the same subject, or when an unidentified
 * one matches another that is still remembered; the same person again takes the place of the time
 * before. A relief is still a measurement of a body: to be kept in locked memory.
 */
#define GLASS_SUBJECTS 20u
#define GLASS_BLOCK_UM 1250u /* side of a block; ridges are 0.3 to 0.6 mm apart */
#define GLASS_SIDE_MAX 32u   /* blocks; a larger frame has larger ones */
#define GLASS_BLOCKS_MAX (GLASS_SIDE_MAX * GLASS_SIDE_MAX)

struct glass_map {
	uint32_t width, height, dpi; /* of the frame */
	uint8_t across, down;        /* blocks */
	int8_t relief[GLASS_BLOCKS_MAX];
};

struct glass_entry {
	struct ulid subject; /* zero: nobody known */
	struct glass_map map;
};

/* Zeroed is a glass nothing is known of. */
struct glass {
	struct glass_entry last[GLASS_SUBJECTS];
	unsigned count, next;
	bool learned; /* usual is filled */
	bool dirty;
	int16_t usual[GLASS_BLOCKS_MAX]; /* 1/128 grey */
	struct ulid probe;               /* of the touch not decided yet; zero: none */
	bool again;                      /* it matches an earlier touch */
	struct glass_map map;
};

/* The blocks of a frame. */
void glass_map_of(const struct sample *s, struct glass_map *map);

/*
 * A touch was settled with this frame and goes by the name of probe until it is decided; the touch
 * before it stays undecided. again: its features match those of an earlier touch. A frame of another
 * size starts over.
 */
void glass_touch(struct glass *g, struct ulid probe, const struct glass_map *map,
		 bool again);
/* The touch called probe was decided as this subject. Unknown or older probes are no matter. */
void glass_decided(struct glass *g, struct ulid probe, struct ulid subject);

/* Another device: forgets everything. */
void glass_reset(struct glass *g);

bool glass_is_dirty(const struct glass *g);

#endif
