#ifndef LANED_BIO_GALLERY_SCAN_PRIVATE_H
#define LANED_BIO_GALLERY_SCAN_PRIVATE_H

#include "bio/gallery/scan.h"

/* How scan_fill.c writes what scan.c reads. */
#define SCAN_UNIT_PX 2
#define SCAN_SIDE_UNITS 256 /* of the window, in such units */
#define SCAN_FLOWS 14u      /* directions that the flow of a cell is rounded to */
#define SCAN_FLOW_UNKNOWN 15u
#define SCAN_ON_FINGER 1u /* in a map: no flow known; else flow | SCAN_FLOW_KNOWN */
#define SCAN_FLOW_KNOWN 256u
_Static_assert(SCAN_SIDE_UNITS *SCAN_UNIT_PX == SCAN_CELLS_SIDE * SCAN_CELL_PX,
	       "units and cells measure the same window");
_Static_assert(SCAN_MINUTIAE_MAX % KERNEL_STEP == 0 && SCAN_CELLS % KERNEL_STEP == 0,
	       "kernels work on whole vectors");

static inline int32_t
scan_half_point(const struct minutia *m)
{
	return move_point(m->x / SCAN_UNIT_PX, m->y / SCAN_UNIT_PX);
}

#endif
