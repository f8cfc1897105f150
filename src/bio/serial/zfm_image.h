#ifndef LANED_BIO_SERIAL_ZFM_IMAGE_H
#define LANED_BIO_SERIAL_ZFM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A picture as a module sends it: nothing but pixels, so that its size tells what it is. */
struct zfm_geometry {
	uint32_t width, height;
	uint32_t bits;     /* of a pixel: 4 or 8 */
	uint32_t dpi;      /* as the makers say; 500 where they do not */
	const char *model; /* modules that are known to send it */
};

#define ZFM_IMAGE_BYTES_MAX (256u * 288u)

/*
 * The geometry of so many bytes, or NULL. Two geometries have the same size; the one is chosen
 * whose rows resemble each other more.
 */
const struct zfm_geometry *zfm_image_geometry(const uint8_t *data, size_t bytes);

/* Into grey[width * height], row by row; turned by 180 degrees and negative where asked for. */
void zfm_image_decode(const struct zfm_geometry *g, const uint8_t *data, bool invert,
		      bool rotate, uint8_t *grey);

#endif
