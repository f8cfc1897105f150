#ifndef LANED_TESTS_SYNTH_DRAWER_H
#define LANED_TESTS_SYNTH_DRAWER_H

#include "bio/gallery/gallery.h"

#include <stdbool.h>

/*
 * A source of packed references in plain memory, for tests and benches that have no gallery.db.
 * Running out of memory ends the program.
 */
struct drawer;

struct drawer *drawer_new(void);
struct drawer *drawer_free(struct drawer *d);

/* Valid as long as the drawer. It has no list: the gallery knows all there are. */
const struct gallery_source *drawer_source(struct drawer *d);

/* Keeps a copy of the reference; its key, from 1. */
uint64_t drawer_put(struct drawer *d, struct ulid subject, uint32_t finger,
		    const uint8_t *reference, size_t bytes);

/* drawer_put and gallery_add; the key of name is not looked at. */
int drawer_add(struct drawer *d, struct gallery *g, const struct gallery_name *name,
	       const uint8_t *reference, size_t bytes);

/* Takes the reference away, as if its row had vanished; or lays other bytes in its place. */
void drawer_take(struct drawer *d, uint64_t key);
void drawer_spoil(struct drawer *d, uint64_t key, const uint8_t *reference, size_t bytes);

#endif
