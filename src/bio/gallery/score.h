#ifndef LANED_BIO_GALLERY_SCORE_H
#define LANED_BIO_GALLERY_SCORE_H

#include "bio/gallery/fine.h"

#include <stdint.h>

/*
 * From what a comparison found to the calibrated score: 1/100 dB of -10 log10(FMR), 0..9000.
 * score_raw is the uncalibrated sum of evidence that the calibration maps monotonically.
 */
int32_t score_raw(const struct fine_evidence *evidence);
/* No less than score_raw would be, were the orientations known. */
int32_t score_raw_most(const struct fine_evidence *evidence);
int32_t score_calibrate(int32_t raw);
int32_t score_of(const struct fine_evidence *evidence);

#endif
