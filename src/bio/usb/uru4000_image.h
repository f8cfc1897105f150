#ifndef LANED_BIO_USB_URU4000_IMAGE_H
#define LANED_BIO_USB_URU4000_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The picture of the U.are.U 4000 family as it comes over the wire. */
#define URU4000_COLUMNS 384u
#define URU4000_ROWS 290u
#define URU4000_ROWS_SENT_MAX 289u
#define URU4000_HEADER_BYTES 64u
#define URU4000_BLOCKS_MAX 15u
/* What is asked for; the readers send less and end with a short transfer. */
#define URU4000_TRANSFER_BYTES (URU4000_HEADER_BYTES + URU4000_ROWS * URU4000_COLUMNS)
#define URU4000_PIXELS_MAX (URU4000_ROWS * URU4000_COLUMNS)

enum uru4000_block_flags {
	URU4000_BLOCK_LEFT_OUT = 0x01, /* rows of the picture that were not sent */
	URU4000_BLOCK_SCRAMBLED = 0x02,
	URU4000_BLOCK_KEY_STANDS = 0x04, /* the key stream does not advance */
	URU4000_BLOCK_NEW_KEY = 0x80
};

struct uru4000_block {
	uint8_t flags, rows;
};

struct uru4000_image {
	const uint8_t
		*pixels; /* rows_sent * URU4000_COLUMNS bytes, borrowed from the data */
	uint32_t rows_sent, rows; /* rows of the picture: URU4000_ROWS at most */
	uint8_t key_index; /* of the first key; each further one is the next index */
	uint32_t keys;     /* that decoding needs; 0: the picture is clear */
	size_t blocks_count;
	struct uru4000_block blocks[URU4000_BLOCKS_MAX];
};

/*
 * Reads the header and checks every length against the bytes that arrived. 0; -ENODATA nothing
 * worth the name; -EBADMSG lengths that contradict each other or less than three quarters of the
 * picture. *ret_why is static text for an error. Keeps data.
 */
int uru4000_image_parse(const uint8_t *data, size_t bytes,
			struct uru4000_image *ret_image, const char **ret_why);

/*
 * The picture as the sensor sees it (ridges bright), into raster[image->rows * URU4000_COLUMNS].
 * keys has image->keys entries. Rows that were left out are copies of the nearest row after them.
 */
void uru4000_image_decode(const struct uru4000_image *image, const uint32_t keys[],
			  uint8_t *raster);

/*
 * Whether what was decoded is still scrambled, as with a key of another image: no picture has such
 * steps between neighbours.
 */
bool uru4000_image_is_noise(const struct uru4000_image *image, const uint8_t *raster);

/* In place: negative, and turned by 180 degrees. */
void uru4000_image_orient(uint8_t *pixels, size_t bytes, bool invert, bool rotate);

#endif
