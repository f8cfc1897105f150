#include "bio/serial/zfm_image.h"

#include <stdlib.h>

static const struct zfm_geometry geometries[] = {
	{ 256, 288, 4, 500, "ZFM-20 or R305" }, { 208, 288, 4, 508, "R304A" },
	{ 192, 192, 4, 508, "R503" },           { 256, 288, 8, 500, "ZFM-20 or R305" },
	{ 208, 288, 8, 508, "R304A" },          { 192, 192, 8, 508, "R503" },
};
#define GEOMETRIES (sizeof(geometries) / sizeof(geometries[0]))

_Static_assert(256 * 288 / 2 == 192 * 192, "these two cannot be told by their size");

static size_t
row_bytes(const struct zfm_geometry *g)
{
	return (size_t)g->width * g->bits / 8;
}

/* How much each pixel that a byte begins with differs from the one below, summed up. */
static uint64_t
roughness(const struct zfm_geometry *g, const uint8_t *data, size_t bytes)
{
	size_t stride = row_bytes(g);
	uint64_t sum = 0;

	for (size_t i = 0; i + stride < bytes; i++)
		sum += (uint64_t)abs((data[i] >> 4) - (data[i + stride] >> 4));
	return sum * bytes / (bytes - stride);
}

const struct zfm_geometry *
zfm_image_geometry(const uint8_t *data, size_t bytes)
{
	const struct zfm_geometry *found = NULL;

	for (size_t i = 0; i < GEOMETRIES; i++) {
		const struct zfm_geometry *g = &geometries[i];

		if (row_bytes(g) * g->height != bytes)
			continue;
		if (found == NULL ||
		    roughness(g, data, bytes) < roughness(found, data, bytes))
			found = g;
	}
	return found;
}

/* The left one of two pixels is in the upper half. */
static uint8_t
pixel(const struct zfm_geometry *g, const uint8_t *data, size_t i)
{
	if (g->bits == 8)
		return data[i];
	return (uint8_t)((i % 2 == 0 ? data[i / 2] >> 4 : data[i / 2] & 15) * 17);
}

void
zfm_image_decode(const struct zfm_geometry *g, const uint8_t *data, bool invert,
		 bool rotate, uint8_t *grey)
{
	size_t n = (size_t)g->width * g->height;

	for (size_t i = 0; i < n; i++) {
		uint8_t v = pixel(g, data, rotate ? n - 1 - i : i);

		grey[i] = invert ? (uint8_t)(255 - v) : v;
	}
}
