#ifndef LANED_BIO_SAMPLE_H
#define LANED_BIO_SAMPLE_H

#include "base/plain/str.h"

#include <stdint.h>

/* What a reader delivers: one grey image of one presentation, ridges dark on light. */
enum modality { MODALITY_FINGER = 1, MODALITY_PALM = 2 };

/* Presentation-attack detection, as the reader reports it. */
enum pad_result { PAD_UNSUPPORTED, PAD_PASS, PAD_FAIL };

#define SAMPLE_SIDE_MIN 64u
#define SAMPLE_SIDE_MAX 2000u
#define SAMPLE_PIXELS_MAX 2000000u
#define SAMPLE_DPI_MIN 250u
#define SAMPLE_DPI_MAX 1200u

/*
 * The pixels are biometric data: they live in locked memory (secret.h) and are zeroised by
 * sample_free. Row-major, width * height bytes, 0 black.
 */
struct sample {
	uint32_t width, height; /* pixels */
	uint32_t dpi;
	enum modality modality;
	enum pad_result pad;
	char device[64]; /* driver and port, for messages */
	uint8_t *grey;
};

/*
 * A sample of the given size with zeroed pixels. 0; -EINVAL a size or dpi outside the limits
 * above; -ENOMEM. The caller frees *ret_sample.
 */
int sample_new(uint32_t width, uint32_t height, uint32_t dpi, struct sample **ret_sample);
struct sample *sample_free(struct sample *s);

/*
 * Decodes a PGM (P5, maxval 255) or PNG (converted to 8-bit grey) from memory. dpi is used as
 * given (PNG: the pHYs value wins when present). 0; -EBADMSG malformed or truncated; -EINVAL size
 * or dpi outside the limits; -ENOMEM. *why (may be NULL) gets a static text naming the fault.
 */
int sample_decode(const void *data, size_t bytes, uint32_t dpi,
		  struct sample **ret_sample, const char **why);

#endif
