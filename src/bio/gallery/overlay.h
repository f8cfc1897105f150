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

/* What is laid over what. */
struct overlay {
	const struct fine_side *probe, *reference;
	/* Similarities of all pairs of cylinders, 0..1024, probe first. */
	uint16_t (*gamma)[MCC_CYLINDERS_MAX];
	uint8_t *mate; /* FINE_POINTS_MAX: filled as overlay_mates does */
};

/*
 * Counts minutiae that meet under the movement: evidence similar, matched, met, in_probe and
 * in_reference, and o->mate.
 */
void overlay_minutiae(const struct overlay *o, const struct fine_move *move,
		      struct fine_evidence *evidence);

/* Compares ridge orientations: evidence agreement and common_cells. */
void overlay_orientation(const struct finger_features *probe,
			 const struct finger_features *reference,
			 const struct fine_move *move, struct fine_evidence *evidence);

/* Is the point of the features' own frame on finger? */
bool overlay_on_finger(const struct finger_features *f, int32_t x, int32_t y);

#endif
