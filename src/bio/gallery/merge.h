#ifndef LANED_BIO_GALLERY_MERGE_H
#define LANED_BIO_GALLERY_MERGE_H

#include "bio/finger/finger.h"

#include <stddef.h>

/* Size limits of what is merged: what a packed reference can hold. */
#define MERGE_MINUTIAE_MAX 100u
#define MERGE_CELLS_MAX 880u

struct merge_work;
size_t merge_work_bytes(void);

/*
 * Lays impressions of one finger over each other and makes one set of features: minutiae seen
 * in several impressions are averaged and strengthened, those missed where they should have been
 * seen are weakened or dropped, orientations are averaged over the whole area. 0; -ENODATA an
 * impression has too few minutiae; -EXDEV one does not belong to the others.
 */
int merge_impressions(struct merge_work *work,
		      const struct finger_features *const impressions[], size_t count,
		      struct finger_features *ret_features);

#endif
