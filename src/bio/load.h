#ifndef LANED_BIO_LOAD_H
#define LANED_BIO_LOAD_H

#include "bio/store_fetch.h"

/*
 * Fills the gallery from gallery.db, a slice at a time, both workers at once; between two slices
 * the gallery can be searched. Everything but load_counts belongs to the thread that works on the
 * gallery.
 */
struct load;

/* Both are borrowed. NULL: no memory. */
struct load *load_new(struct store_readers *readers, struct gallery *gallery);
struct load *load_free(struct load *l);

/*
 * Takes in the next slice, up to GALLERY_INTAKE_MAX references a worker: about ten milliseconds.
 * 1 there may be more; 0 all are in the gallery; -ENOSPC, -ENOMEM it has no room for the rest; or a
 * negative errno of the file. After an end later calls go on from there, also with what gallery_add
 * left out: as when others were removed.
 */
int load_slice(struct load *l);

/*
 * The references in gallery.db when loading began or went on, those that could not be opened, and those
 * that reference_renew would make a better one of: loading them took longer.
 */
struct load_counts {
	uint64_t stored, damaged, outdated;
};
struct load_counts load_counts(const struct load *l);

#endif
