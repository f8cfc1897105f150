#ifndef LANED_BIO_GALLERY_BARE_H
#define LANED_BIO_GALLERY_BARE_H

#include "bio/gallery/fine.h"

/*
 * What a side without orientation cells (a record of another system: minutiae only) shows when
 * it is laid over another. In place of the map stands the area that its minutiae span, enlarged a
 * little: there a finger was seen. In place of the cells stand the minutiae themselves, whose
 * directions are those of the ridges: the other side's map can agree or not. Fills map, cells, flow,
 * cells_count and limit.
 */
void bare_field(struct fine_field *field, const struct finger_features *f);

#endif
