#ifndef LANED_TESTS_UNIT_FMR_KIT_H
#define LANED_TESTS_UNIT_FMR_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Finger minutiae records built byte by byte from the tables of the standards, with nothing of the
 * codec in it: what the codec is measured against.
 */
#define KIT_VIEWS_MAX 24u
#define KIT_BYTES_MAX 400000u

struct kit_minutia {
	unsigned type, x, y, angle, quality; /* in the record's own units */
};

struct kit_view {
	unsigned position, number, impression, quality, count;
	struct kit_minutia minutiae[255];
	const uint8_t *extended;
	size_t extended_bytes;
};

struct kit_record {
	bool ansi;
	unsigned owner, product; /* ANSI */
	unsigned device, width, height, x_resolution, y_resolution, views;
	struct kit_view view[KIT_VIEWS_MAX];
};

/* A record of one empty view of the right index, 300 x 400 px at 500 dpi. */
void kit_plain(struct kit_record *r, bool ansi);

/*
 * A record from a seed: any codes, up to 24 views, up to 128 minutiae in each, by falling quality,
 * without extended data, at 99..197 px/cm in either direction.
 */
void kit_random(struct kit_record *r, bool ansi, uint64_t seed);

/* The bytes of a record; how many. */
size_t kit_build(const struct kit_record *r, uint8_t out[KIT_BYTES_MAX]);

/* Numbers from a seed, xorshift. */
uint32_t kit_draw(uint64_t *state, uint32_t below);

#endif
