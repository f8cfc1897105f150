#ifndef LANED_BIO_GALLERY_ROSTER_H
#define LANED_BIO_GALLERY_ROSTER_H

#include "base/plain/ids.h"
#include "bio/gallery/reference.h"
#include "bio/gallery/scan.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The references of a gallery: a dense array in locked chunks, so that memory grows with use and
 * a scan runs straight through it, and an index by subject. Slots move when others are removed.
 */
#define ROSTER_CHUNK 512u
#define ROSTER_NONE UINT32_MAX

struct roster_slot {
	struct ulid subject;
	uint32_t finger;
	uint32_t next;       /* slot with the same hash of the subject, or ROSTER_NONE */
	uint32_t scan_score; /* of the search under way */
	uint16_t bytes;
	uint8_t packed[REFERENCE_BYTES_MAX];
};

/* The scan's part lies apart: a scan touches nothing else. */
struct roster_chunk {
	struct scan_reference scan[ROSTER_CHUNK];
	struct roster_slot slot[ROSTER_CHUNK];
};

struct roster {
	uint32_t count, count_max;
	uint32_t buckets; /* a power of two */
	uint32_t *bucket;
	uint32_t chunks, chunks_max;
	struct roster_chunk **chunk;
};

/* 0 or -ENOMEM. roster_clear frees what it holds; also after a failed roster_init. */
int roster_init(struct roster *r, uint64_t count_max);
void roster_clear(struct roster *r);

struct roster_slot *roster_slot(const struct roster *r, uint32_t slot);
struct scan_reference *roster_scan(const struct roster *r, uint32_t slot);

/* The slot of a subject's finger, or ROSTER_NONE. */
uint32_t roster_find(const struct roster *r, struct ulid subject, uint32_t finger);

/* First and next slot of a subject, in no order that means anything, or ROSTER_NONE. */
uint32_t roster_first(const struct roster *r, struct ulid subject);
uint32_t roster_next(const struct roster *r, uint32_t slot);

/* A new zeroed slot for the subject's finger. 0; -ENOSPC full; -ENOMEM. */
int roster_append(struct roster *r, struct ulid subject, uint32_t finger,
		  uint32_t *ret_slot);

/* Removes and zeroises a slot; the last slot takes its place. */
void roster_remove(struct roster *r, uint32_t slot);

#endif
