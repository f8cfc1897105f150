#ifndef LANED_BIO_GALLERY_SCAN_H
#define LANED_BIO_GALLERY_SCAN_H

#include "bio/finger/finger.h"
#include "bio/gallery/kernel.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The first stages of a search: what is kept of a reference in memory for them, and how well that
 * fits a probe. Cylinders, folded to half their cells, vote for movements of the finger; only
 * votes that agree add up. That is asked of every reference. Of the better ones it is then asked
 * how many minutiae meet and how ridges flow under the movements with most votes.
 */
#define SCAN_CYLINDERS_MAX 30u /* of a reference */
#define SCAN_MINUTIAE_MAX 48u  /* of a reference and of a probe */
#define SCAN_CELLS_SIDE 16u    /* cells of 32 px with the flow of ridges */
#define SCAN_CELLS (SCAN_CELLS_SIDE * SCAN_CELLS_SIDE)
#define SCAN_CELL_PX 32u
#define SCAN_SCORE_MAX 8191u
#define SCAN_BYTES_MAX 1144u /* what a reference may cost */

/*
 * Where the probe or the reference has fewer cylinders than this, too few votes agree for much
 * choice. Such references are ranked among themselves, and more of them are taken.
 */
#define SCAN_SPARSE 24u

/* The share of the references that is looked at again, and how many are when there are few. */
#define SCAN_AGAIN_SHARE 16u
#define SCAN_AGAIN_SHARE_SPARSE 4u
#define SCAN_AGAIN_MIN 1024u

struct scan_reference {
	uint16_t code[SCAN_CYLINDERS_MAX][KERNEL_CODE_WORDS];
	uint8_t ones[SCAN_CYLINDERS_MAX]; /* bits set */
	/*
	 * Places in 2 px from the corner of a window of 16 x 16 cells, angles in 1/256 turns:
	 * the minutiae with cylinders first, then others by falling quality.
	 */
	uint8_t x[SCAN_MINUTIAE_MAX], y[SCAN_MINUTIAE_MAX], angle[SCAN_MINUTIAE_MAX];
	/* Two cells a byte, the left one low: 0 no finger, 1..14 flow, 15 not known. */
	uint8_t flow[SCAN_CELLS / 2];
	uint8_t cylinders, count;
};
_Static_assert(sizeof(struct scan_reference) <= SCAN_BYTES_MAX, "memory of a reference");

/* The probe as the scan wants it, in the same units but for whole pixels. */
struct scan_probe {
	struct kernel_codes codes;
	int32_t at
		[KERNEL_CODES]; /* move_point of those with cylinders, by rising angle */
	uint8_t angle[KERNEL_CODES];
	uint8_t minutia_of[KERNEL_CODES]; /* which of minutiae */
	uint8_t weight[256];              /* of a vote, by likeness */
	uint16_t handicap[SCAN_CYLINDERS_MAX + 1];
	int16_t sin[256], cos[256]; /* 1/16384, by 1/256 turns */
	struct minutia minutiae[KERNEL_CODES + SCAN_MINUTIAE_MAX];
	struct kernel_points points, half; /* the best minutiae, in pixels and in 2 px */
	int32_t cells[SCAN_CELLS];         /* middles of cells, 2 px */
	int32_t flow[SCAN_CELLS];
	unsigned cells_count;
	uint16_t map[SCAN_CELLS + 1]; /* the last is 0, for outside */
};

/*
 * The best minutiae have cylinders; where none is known to be better, those spread over the finger.
 * At most KERNEL_CODES of a probe.
 */
void scan_reference_fill(struct scan_reference *r, const struct kernel *kernel,
			 const struct finger_features *features);
void scan_probe_fill(struct scan_probe *p, const struct kernel *kernel,
		     const struct finger_features *features);

bool scan_is_sparse(const struct scan_probe *probe,
		    const struct scan_reference *reference);

/* 0..SCAN_SCORE_MAX; 0 = nothing in common. The same on every kernel. */
uint32_t scan_score(const struct kernel *kernel, const struct scan_probe *probe,
		    const struct scan_reference *reference);

/*
 * The closer look, 0..SCAN_SCORE_MAX; some 0 where nothing is in common. Not to be compared with
 * the scores of scan_score.
 */
uint32_t scan_again(const struct kernel *kernel, const struct scan_probe *probe,
		    const struct scan_reference *reference);

#endif
