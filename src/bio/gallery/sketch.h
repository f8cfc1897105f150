#ifndef LANED_BIO_GALLERY_SKETCH_H
#define LANED_BIO_GALLERY_SKETCH_H

#include "bio/gallery/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A sketch: what the scan keeps of a reference (scan.h), packed. It stands beside the template it
 * was made of, so that whoever loads a gallery need not make it again; and it is biometric data as
 * the template is.
 *
 * Raise the version whenever scan_reference_fill makes anything else of the same features, or this
 * layout changes: sketches of another version are not read, and renewed (reference_renew).
 *	0	version
 *	1	cylinders c
 *	2	minutiae n, those with cylinders first
 *	3	n bytes of x, n of y, n of angle
 *	3+3n	18 c bytes of codes, the low bits first, then 128 of flow, each without its zeros: first
 *		a bit for each byte that is there, the low one first, in whole bytes; then those bytes
 */
#define SKETCH_VERSION 1u
#define SKETCH_CODES_MAX (SCAN_CYLINDERS_MAX * 2u * KERNEL_CODE_WORDS)
#define SKETCH_BYTES_MAX                                                                 \
	(3u + 3u * SCAN_MINUTIAE_MAX + (SKETCH_CODES_MAX + 7u) / 8u + SKETCH_CODES_MAX + \
	 SCAN_CELLS / 16u + SCAN_CELLS / 2u)

/* How many bytes it wrote. */
size_t sketch_pack(const struct scan_reference *r, uint8_t to[SKETCH_BYTES_MAX]);

/*
 * False: of another version, or not as sketch_pack writes; then *ret_scan holds nothing of use. What
 * was read is safe to be searched, even where it is not what its template would yield.
 */
bool sketch_read(const uint8_t *data, size_t bytes, struct scan_reference *ret_scan);

#endif
