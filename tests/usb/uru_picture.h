#ifndef LANED_TESTS_USB_URU_PICTURE_H
#define LANED_TESTS_USB_URU_PICTURE_H

#include "usb/uru_models.h"

/*
 * A test peer: pictures of the U.are.U family, from what lies on the glass to what goes over the
 * wire. Written after the protocol, apart from the driver that it judges: the key stream goes bit by
 * bit here.
 */
#define URU_COLUMNS 384u
#define URU_ROWS 290u
#define URU_RASTER_BYTES (URU_COLUMNS * URU_ROWS)
#define URU_HEADER_BYTES 64u
#define URU_WIRE_BYTES (URU_HEADER_BYTES + URU_RASTER_BYTES)
#define URU_BLOCKS_MAX 15u

/* Flags of a block of rows. */
#define URU_LEFT_OUT 0x01u
#define URU_SCRAMBLED 0x02u
#define URU_KEY_STANDS 0x04u
#define URU_NEW_KEY 0x80u

/* Places in the header. */
#define URU_AT_ROWS 4u
#define URU_AT_INDEX 6u
#define URU_AT_BLOCKS 16u

/* The key of an index: any rule would do. */
uint32_t uru_picture_key(uint8_t index);

/*
 * The transfer for a raster, sent by the block list (ended by 0 rows, or of URU_BLOCKS_MAX); returns
 * its bytes. What the receiver can know of the raster goes to expected, unless that is NULL: left-out
 * rows are those that follow, and the last pixel of each scrambled block is 0.
 */
size_t uru_picture_wire(const uint8_t *raster, const uint8_t (*blocks)[2], uint8_t index,
			uint8_t wire[URU_WIRE_BYTES], uint8_t *expected);

/*
 * What the sensor sees of an upright picture with dark ridges, laid on white in the middle and cut
 * where it is larger. The driver's output is the picture again.
 */
void uru_picture_place(const struct uru_model *m, const uint8_t *grey, unsigned width,
		       unsigned height, uint8_t raster[URU_RASTER_BYTES]);

/* A card with lines, steps and a letter in each corner, so that no turn of it is like another. */
void uru_picture_card(uint8_t grey[URU_RASTER_BYTES]);

/* Ridges that seed moves, with the dark edges of the glass: a raster, cheaper than a finger. */
void uru_picture_stripes(unsigned seed, uint8_t raster[URU_RASTER_BYTES]);

#define URU_PGM_SIDE_MAX 4096u

/*
 * Reads a binary PGM of 8 bits. 0 and *ret_grey, to be freed by the caller; -ENOENT and other errors
 * of reading; -EBADMSG no such PGM; -ENOMEM.
 */
int uru_picture_load(const char *path, uint8_t **ret_grey, unsigned *ret_width,
		     unsigned *ret_height);

#endif
