#ifndef LANED_BIO_GALLERY_OVERLAY_H
#define LANED_BIO_GALLERY_OVERLAY_H

#include "bio/gallery/fine.h"

/*
 * What two fingers show when one is laid over the other: the rigid movement that relaxed pairs
 * agree on, the minutiae that meet, and the agreement of ridge orientations.
 */

/* Two minutiae taken for one and the same. */
struct overlay_tie {
	const struct minutia *a, *b;
	int32_t weight; /* > 0 */
};

/* The movement that brings n > 0 ties together: weighted least squares. */
struct fine_move overlay_move(const struct overlay_tie *ties, unsigned n);

/* The movement back; and one movement after another. */
struct fine_move overlay_inverse(const struct fine_move *m);
struct fine_move overlay_chain(const struct fine_move *first,
			       const struct fine_move *then);

/* Minutia i of a meets minutia ret_mate[i] of b, or FINE_NONE. */
void overlay_mates(const struct minutia *a, unsigned a_count, const struct fine_rows *b,
		   const struct fine_move *move, uint8_t ret_mate[FINE_POINTS_MAX]);

/* Room for points and cells under way. */
struct overlay_work {
	int32_t cell[KERNEL_CELLS], flow[KERNEL_CELLS];
	struct kernel_moved moved;
	uint16_t near[KERNEL_POINTS * KERNEL_POINTS + 1];
};

/* Minutiae that meet: of the probe and of the reference. */
struct overlay_met {
	unsigned count;
	uint8_t a[FINGER_MINUTIAE_MAX], b[FINGER_MINUTIAE_MAX];
};

/* What is laid over what. */
struct overlay {
	const struct kernel *kernel;
	const struct fine_side *probe, *reference;
	/* Similarities of all pairs of cylinders, 0..1024, probe first. */
	uint16_t (*gamma)[MCC_CYLINDERS_MAX];
	struct overlay_work *work;
	struct overlay_met *met; /* what met under the last movement */
};

/* Fills a side's field from its features; rows is filled already. */
void overlay_field(struct fine_field *field, const struct fine_rows *rows,
		   const struct finger_features *f);

/*
 * Counts minutiae that meet under the movement: evidence similar, matched, met, in_probe and
 * in_reference, and o->met.
 */
void overlay_minutiae(const struct overlay *o, const struct fine_move *move,
		      struct fine_evidence *evidence);

/*
 * Compares ridge orientations, agreement and common_cells: the cells of both sides, or the
 * directions of the minutiae of the side without cells with the cells of the other.
 */
void overlay_orientation(const struct overlay *o, const struct fine_move *move,
			 struct fine_evidence *evidence);

/* Is the point of the side's own frame on finger? */
bool overlay_on_finger(const struct fine_field *field, int32_t x, int32_t y);

#endif
