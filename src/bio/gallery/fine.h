#ifndef LANED_BIO_GALLERY_FINE_H
#define LANED_BIO_GALLERY_FINE_H

#include "bio/finger/finger.h"
#include "bio/gallery/fixed.h"
#include "bio/gallery/kernel.h"
#include "bio/gallery/mcc.h"
#include "bio/gallery/move.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The fine comparison of two fingers: local similarities of bit cylinders, relaxation (LSS-R of
 * the cylinder code paper), rigid movements that the pairs agree on, and under the best of these
 * a count of minutiae and of ridge orientations that agree.
 */
#define FINE_CYLINDERS_MIN 4u /* fewer on either side tell no finger */

/*
 * The kind of a comparison: how many sides have orientation cells. A minutiae-only reference of
 * another system has none. Each kind is weighed and calibrated for itself.
 */
enum fine_maps { FINE_MAPS_NONE, FINE_MAPS_ONE, FINE_MAPS_BOTH };

/* What a comparison found; the score is a function of these numbers alone. */
struct fine_evidence {
	int32_t relaxed; /* mean relaxed similarity of the best pairs, 0..2^20 */
	int32_t similar; /* sum of the similarities of cylinders that meet, 1024 each at best */
	int32_t matched; /* weight of minutiae that meet under the movement, 256 each at best */
	int32_t agreement; /* weight of common cells, +1 same orientation .. -1 across */
	int32_t common_cells; /* weight of common cells */
	enum fine_maps maps;
	uint16_t met;          /* minutiae that meet */
	uint16_t in_probe;     /* minutiae of the probe inside the common area */
	uint16_t in_reference; /* and of the reference */
	uint16_t cylinders;    /* of the side that has fewer */
	struct fine_move move;
};

/*
 * Up to FINE_POINTS_MAX minutiae by horizontal strips, for finding those near a place. The
 * minutiae are borrowed.
 */
#define FINE_POINTS_MAX 250u
#define FINE_NONE 255u /* no minutia */
#define FINE_STRIPS KERNEL_STRIPS
struct fine_rows {
	const struct minutia *at;
	unsigned count;
	uint8_t index[FINE_POINTS_MAX]; /* of minutiae, strip by strip */
	uint8_t start[FINE_STRIPS + 1]; /* of each strip, in index */
};
void fine_rows_fill(struct fine_rows *rows, const struct minutia *at, unsigned count);

/* What of a side is laid over another, or is laid upon, as the kernels want it. */
struct fine_field {
	struct kernel_points points; /* the minutiae */
	struct kernel_crowd crowd;   /* the minutiae strip by strip */
	/* Every other cell that shows finger, as on a chessboard: its middle, and what it is. */
	int32_t cells[KERNEL_CELLS], flow[KERNEL_CELLS];
	unsigned cells_count;
	/* Of all cells orientation | coherence << 8; beyond the limits 0. */
	uint16_t map[KERNEL_OUTSIDE + 1];
	int32_t limit[2]; /* of the map, px */
};

/* One side of a comparison. The features are borrowed. */
struct fine_side {
	const struct finger_features *features;
	struct fine_rows rows;
	struct fine_field field;
	struct mcc_set set;
};

/* Working memory of one comparison at a time; holds biometric data. */
struct fine_work;
size_t fine_work_bytes(void);

/* Prepares a side. False: too few usable minutiae. */
bool fine_prepare(struct fine_side *side, const struct finger_features *features);

/* Compares; both sides prepared. */
void fine_compare(struct fine_work *work, const struct kernel *kernel,
		  const struct fine_side *probe, const struct fine_side *reference,
		  struct fine_evidence *ret_evidence);

#endif
