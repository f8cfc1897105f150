#ifndef LANED_BIO_FINGER_FINGER_H
#define LANED_BIO_FINGER_FINGER_H

#include "bio/sample.h"

#include <stdint.h>

/*
 * Features of one finger image. Coordinates are pixels at 500 dpi, x to the right and y downward
 * from the top left. Angles are 1/65536 turns counter-clockwise from +x as ISO/IEC 19794-2 has
 * them: along the ridge, for an ending from the end back into the ridge; for a bifurcation along
 * the valley between the branches, from its end into the valley.
 */
enum minutia_type { MINUTIA_OTHER = 0, MINUTIA_ENDING = 1, MINUTIA_BIFURCATION = 2 };

struct minutia {
	int16_t x, y;
	uint16_t angle;
	uint8_t type;    /* enum minutia_type */
	uint8_t quality; /* 1..100: chance in percent that another image has it; 0 unknown */
};

#define FINGER_MINUTIAE_MAX 128u
#define FINGER_CELL_PX 16u /* orientation cells at 500 dpi */
#define FINGER_CELLS_SIDE_MAX 64u

/* Why an image is poor: hints a display can show. Bits. */
enum quality_hint {
	HINT_TOO_DRY = 1,
	HINT_TOO_WET = 2,
	HINT_TOO_SMALL = 4, /* too little finger on the glass */
	HINT_BLANK = 8,     /* no finger in the picture */
	HINT_LOW_CONTRAST = 16,
	HINT_FEW_MINUTIAE = 32
};

/* Pure data, no pointers: lives wherever the caller keeps secrets. */
struct finger_features {
	uint16_t width, height; /* pixels at 500 dpi */
	uint16_t hints;         /* enum quality_hint; of a touch also enum capture_hint */
	uint16_t foreground_cells;
	uint16_t count;
	uint8_t quality;                              /* 0..100 */
	struct minutia minutiae[FINGER_MINUTIAE_MAX]; /* by falling quality */
	/* Ridge orientation per cell, 1/256 of a half turn, and 0 coherence where background. */
	uint8_t cells_x, cells_y;
	uint8_t orientation[FINGER_CELLS_SIDE_MAX * FINGER_CELLS_SIDE_MAX];
	uint8_t coherence[FINGER_CELLS_SIDE_MAX * FINGER_CELLS_SIDE_MAX];
};

/*
 * Working memory of the extractor, made once and used for every image; zeroised on free.
 * Locked like the sample itself. NULL: no memory.
 */
struct finger_extractor;
struct finger_extractor *finger_extractor_new(void);
struct finger_extractor *finger_extractor_free(struct finger_extractor *x);

/*
 * Extracts features from a sample (resampled to 500 dpi first). 0 with *features filled, also for
 * a poor image (quality and hints tell); -ENODATA no usable finger in the image (failure to
 * acquire: features->hints says why); -EINVAL the sample is outside the limits: at 500 dpi at least
 * 48 px a side, at most FINGER_CELL_PX * FINGER_CELLS_SIDE_MAX, and at most 640 000 px in all.
 * Nothing of the image stays in the extractor. The same bits on every CPU.
 * Bounded time and memory for any pixels. Blocks for some milliseconds; no I/O.
 */
int finger_extract(struct finger_extractor *x, const struct sample *s,
		   struct finger_features *features);

#endif
