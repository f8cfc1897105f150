#ifndef LANED_BIO_GLASS_H
#define LANED_BIO_GLASS_H

#include "base/plain/ids.h"
#include "bio/reader.h"
#include "bio/sample.h"

#include <stdbool.h>

/*
 * Whether a reader's glass wants cleaning: a pattern that stays while the fingers change. Each settled
 * frame leaves a relief: how much lighter or darker each block is than the blocks around it. Blocks
 * are larger than two ridges, so no detail of a print is kept. A block is dirty when for nearly all
 * of the last GLASS_SUBJECTS different people it was darker than it used to be, or much darker than its
 * surroundings, which no sensor was seen to be by itself.
 *
 * (Whatever lies on the glass or breaks its surface takes light out of the total reflection, so dirt
 * is dark. Lighter corners, the lamp's spot and an uneven light are the sensor's own: they were there
 * before, and so was dirt that is faint or at the edge and older than the first GLASS_SUBJECTS people,
 * which this cannot know until it is gone.)
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
	struct reader_device device; /* whose glass it is */
	struct glass_entry last[GLASS_SUBJECTS];
	unsigned count, next; /* a ring: the newest is the one before next */
	bool learned;         /* usual is filled */
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

/*
 * This device is there (again). Another one than before starts over; told apart by id, port and serial
 * number, since some drivers know the model only after the first frame.
 */
void glass_device(struct glass *g, const struct reader_device *device);

/* Whoever was decided as this subject has never been here. What is usual stays: it is of no one. */
void glass_forget(struct glass *g, struct ulid subject);

/* Forgets everything. */
void glass_reset(struct glass *g);

bool glass_is_dirty(const struct glass *g);

#endif
