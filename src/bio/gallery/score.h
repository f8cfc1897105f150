#ifndef LANED_BIO_GALLERY_SCORE_H
#define LANED_BIO_GALLERY_SCORE_H

#include "bio/gallery/fine.h"

#include <stdint.h>

/*
 * From what a comparison found to the calibrated score: 1/100 dB of -10 log10(FMR), 0..9000.
 * Each kind of comparison (enum fine_maps) has weights and a calibration of its own.
 * score_raw is the uncalibrated sum of evidence that the calibration maps monotonically.
 */
/* With orientations on both sides: beyond, the calibration is extrapolated. */
#define SCORE_OBSERVED 6500
int32_t score_raw(const struct fine_evidence *evidence);
/* No less than score_raw would be, were the orientations known. */
int32_t score_raw_most(const struct fine_evidence *evidence);
int32_t score_calibrate(enum fine_maps maps, int32_t raw);
int32_t score_of(const struct fine_evidence *evidence);

#endif
