#ifndef LANED_BIO_GALLERY_ROSTER_H
#define LANED_BIO_GALLERY_ROSTER_H

#include "bio/gallery/gallery.h"
#include "bio/gallery/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The references of a gallery: a dense array in locked chunks, so that memory grows with use and
 * a scan runs straight through it, and an index by subject that grows along. Slots move when
 * others are removed.
 */
#define ROSTER_CHUNK 2048u
#define ROSTER_NONE UINT32_MAX

struct roster_slot {
	struct ulid subject;
	uint64_t key;  /* of the packed reference, where it came from */
	uint32_t next; /* slot in the same bucket, or ROSTER_NONE */
	uint8_t finger;
	bool foreign;
};
#define ROSTER_FINGER_MAX UINT8_MAX

/* What a scan reads and what it writes lie apart from what only the chosen ones need. */
struct roster_chunk {
	struct scan_reference scan[ROSTER_CHUNK];
	uint16_t scan_score[ROSTER_CHUNK]; /* of the search under way */
	struct roster_slot slot[ROSTER_CHUNK];
};

struct roster {
	uint32_t count, count_max;
	uint32_t
		buckets; /* in use; linear hashing: one is split for each few slots added */
	uint32_t buckets_room;
	uint32_t *bucket;
	uint32_t chunks, chunks_room;
	struct roster_chunk **chunk;
};

/* 0 or -ENOMEM. roster_clear frees what it holds; also after a failed roster_init. */
int roster_init(struct roster *r, uint64_t count_max);
void roster_clear(struct roster *r);

/* All memory it holds, and how many references would fit into so much. */
uint64_t roster_bytes(const struct roster *r);
uint64_t roster_room(uint64_t bytes);

struct roster_slot *roster_slot(const struct roster *r, uint32_t slot);
struct scan_reference *roster_scan(const struct roster *r, uint32_t slot);

/* The slot of a subject's finger, or ROSTER_NONE. */
uint32_t roster_find(const struct roster *r, struct ulid subject, uint32_t finger);

/* First and next slot of a subject, in no order that means anything, or ROSTER_NONE. */
uint32_t roster_first(const struct roster *r, struct ulid subject);
uint32_t roster_next(const struct roster *r, uint32_t slot);

/* A new slot of this name. 0; -ENOSPC full; -ENOMEM. The finger is at most ROSTER_FINGER_MAX. */
int roster_append(struct roster *r, const struct gallery_name *name, uint32_t *ret_slot);

/* Removes and zeroises a slot; the last slot takes its place. */
void roster_remove(struct roster *r, uint32_t slot);

#endif
