/* Decoding of the pictures of the U.are.U 4000 family: block list, key stream, orientation. */
#include "bio/usb/uru4000_image.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define OFFSET_ROWS 4u
#define OFFSET_KEY_INDEX 6u
#define OFFSET_BLOCKS 16u
/* A picture with fewer rows is of no use to the matcher. */
#define ROWS_MIN (URU4000_ROWS * 3 / 4)
/*
 * Sums of two scrambled pixels spread like two dice, with a variance of about 10 900; the dark edge
 * of a clear picture stays well below half of that.
 */
#define SCRAMBLED_VARIANCE_MIN 5000u
/* Noise steps by 85 from pixel to pixel; ridges that use the whole range by less than 60. */
#define NOISE_STEP_MIN 75u
#define NOISE_ROWS_MIN 16u
/* The bits of the state whose parity is shifted in. */
#define KEY_FEEDBACK 0x9248144du

static uint32_t
key_step(uint32_t key)
{
	uint32_t f = (uint32_t)__builtin_parity(key & KEY_FEEDBACK);

	return key >> 1 | f << 31;
}

static uint32_t
key_steps(uint32_t key, size_t n)
{
	while (n-- > 0)
		key = key_step(key);
	return key;
}

/* The key stream's byte: bits 4, 8, 11, 14, 18, 21, 24 and 29 of the state. */
static uint8_t
key_byte(uint32_t k)
{
	return (uint8_t)((k >> 4 & 0x01) | (k >> 7 & 0x02) | (k >> 9 & 0x04) |
			 (k >> 11 & 0x08) | (k >> 14 & 0x10) | (k >> 16 & 0x20) |
			 (k >> 18 & 0x40) | (k >> 22 & 0x80));
}

/* The stream is one byte late, so that the first byte says nothing and the last pixel is lost. */
static uint32_t
unscramble(uint32_t key, const uint8_t *in, uint8_t *out, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		out[i] = in[i + 1] ^ key_byte(key);
		key = key_step(key);
	}
	out[n - 1] = 0;
	return key_step(key);
}

static bool
is_scrambled(struct uru4000_block b)
{
	return (b.flags & (URU4000_BLOCK_SCRAMBLED | URU4000_BLOCK_KEY_STANDS |
			   URU4000_BLOCK_LEFT_OUT)) == URU4000_BLOCK_SCRAMBLED;
}

/*
 * Some units mark blocks as scrambled that are not, so the pixels decide: whether the sums of two
 * neighbouring rows spread like noise.
 */
static bool
looks_scrambled(const uint8_t *rows)
{
	uint64_t sum = 0, squares = 0;

	for (size_t x = 0; x < URU4000_COLUMNS; x++) {
		uint64_t v = (uint64_t)rows[x] + rows[URU4000_COLUMNS + x];

		sum += v;
		squares += v * v;
	}
	return squares * URU4000_COLUMNS - sum * sum >=
	       (uint64_t)SCRAMBLED_VARIANCE_MIN * URU4000_COLUMNS * URU4000_COLUMNS;
}

/* The block list; an empty one is one clear block. */
static int
read_blocks(const uint8_t *list, struct uru4000_image *im, const char **why)
{
	uint32_t sent = 0;

	im->rows = 0;
	if (list[1] == 0) {
		/* 255 rows are the most that a block can name. */
		im->blocks[im->blocks_count++] = (struct uru4000_block){ 0, 255 };
		im->blocks[im->blocks_count++] = (struct uru4000_block){ 0, 0 };
		if (im->rows_sent < 255)
			im->blocks[0].rows = (uint8_t)im->rows_sent;
		im->blocks[1].rows = (uint8_t)(im->rows_sent - im->blocks[0].rows);
		im->rows = im->rows_sent;
		return 0;
	}
	for (size_t i = 0; i < URU4000_BLOCKS_MAX && sent < im->rows_sent; i++) {
		struct uru4000_block b = { list[2 * i], list[2 * i + 1] };

		if (b.rows == 0)
			break;
		if ((b.flags & URU4000_BLOCK_LEFT_OUT) == 0)
			sent += b.rows;
		im->rows += b.rows;
		if (sent > im->rows_sent || im->rows > URU4000_ROWS) {
			*why = "image: more rows in the block list than in the picture";
			return -EBADMSG;
		}
		im->blocks[im->blocks_count++] = b;
	}
	im->rows_sent = sent;
	return 0;
}

/* How many keys decoding takes: none when the first block that says so is not noise. */
static uint32_t
count_keys(const struct uru4000_image *im)
{
	const uint8_t *in = im->pixels;
	bool tested = false;
	uint32_t keys = 1;

	for (size_t i = 0; i < im->blocks_count; i++) {
		struct uru4000_block b = im->blocks[i];

		if ((b.flags & URU4000_BLOCK_NEW_KEY) != 0)
			keys++;
		if (!tested && is_scrambled(b) && b.rows >= 2) {
			if (!looks_scrambled(in))
				return 0;
			tested = true;
		}
		if ((b.flags & URU4000_BLOCK_LEFT_OUT) == 0)
			in += (size_t)b.rows * URU4000_COLUMNS;
	}
	return tested ? keys : 0;
}

/* Copies the nearest row after each block that was left out into it; the last one's from before. */
static void
fill_left_out(const struct uru4000_image *im, uint8_t *raster)
{
	size_t row = im->rows, after = im->rows;

	for (size_t i = im->blocks_count; i-- > 0;) {
		size_t first = row - im->blocks[i].rows;

		if ((im->blocks[i].flags & URU4000_BLOCK_LEFT_OUT) == 0) {
			after = first;
		} else {
			size_t from = after < im->rows ? after : first - 1;

			for (size_t y = first; y < row && from < im->rows; y++)
				memmove(raster + y * URU4000_COLUMNS,
					raster + from * URU4000_COLUMNS, URU4000_COLUMNS);
		}
		row = first;
	}
}

int
uru4000_image_parse(const uint8_t *data, size_t bytes, struct uru4000_image *ret_image,
		    const char **ret_why)
{
	static const uint8_t no_blocks[2] = { 0, 0 };
	struct uru4000_image im = { .pixels = data };
	const uint8_t *blocks = no_blocks;
	int rc;

	if (bytes < URU4000_HEADER_BYTES) {
		*ret_why = bytes == 0 ? "image: empty" : "image: shorter than its header";
		return -ENODATA;
	}
	/* Some Microsoft keyboards leave the header out until they are plugged in again. */
	if (bytes == (size_t)URU4000_ROWS_SENT_MAX * URU4000_COLUMNS) {
		im.rows_sent = URU4000_ROWS_SENT_MAX;
	} else {
		im.pixels = data + URU4000_HEADER_BYTES;
		im.rows_sent = data[OFFSET_ROWS] | (uint32_t)data[OFFSET_ROWS + 1] << 8;
		im.key_index = data[OFFSET_KEY_INDEX];
		blocks = data + OFFSET_BLOCKS;
		bytes -= URU4000_HEADER_BYTES;
	}
	if (im.rows_sent > URU4000_ROWS_SENT_MAX ||
	    (size_t)im.rows_sent * URU4000_COLUMNS > bytes) {
		*ret_why = "image: cut short";
		return -EBADMSG;
	}
	rc = read_blocks(blocks, &im, ret_why);
	if (rc < 0)
		return rc;
	if (im.rows < ROWS_MIN || im.rows_sent < ROWS_MIN) {
		*ret_why = "image: only a part of the picture";
		return -EBADMSG;
	}
	im.keys = count_keys(&im);
	*ret_image = im;
	return 0;
}

void
uru4000_image_decode(const struct uru4000_image *image, const uint32_t keys[],
		     uint8_t *raster)
{
	const uint8_t *in = image->pixels;
	uint8_t *out = raster;
	uint32_t key = image->keys > 0 ? keys[0] : 0;
	uint32_t used = 1;

	for (size_t i = 0; i < image->blocks_count; i++) {
		struct uru4000_block b = image->blocks[i];
		size_t n = (size_t)b.rows * URU4000_COLUMNS;
		bool sent = (b.flags & URU4000_BLOCK_LEFT_OUT) == 0;

		if ((b.flags & URU4000_BLOCK_NEW_KEY) != 0 && image->keys > 0) {
			assert(used < image->keys);
			key = keys[used++];
		}
		if (image->keys > 0 && n > 0 && is_scrambled(b)) {
			key = unscramble(key, in, out, n);
		} else {
			if (sent)
				memcpy(out, in, n);
			if (image->keys > 0 && (b.flags & URU4000_BLOCK_KEY_STANDS) == 0)
				key = key_steps(key, n);
		}
		in += sent ? n : 0;
		out += n;
	}
	assert((size_t)(out - raster) == (size_t)image->rows * URU4000_COLUMNS);
	fill_left_out(image, raster);
}

/* From a pixel to the one beside it. */
static uint32_t
mean_step(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i + 1 < n; i++)
		sum += p[i] < p[i + 1] ? (uint32_t)(p[i + 1] - p[i])
				       : (uint32_t)(p[i] - p[i + 1]);
	return (uint32_t)(sum / n);
}

bool
uru4000_image_is_noise(const struct uru4000_image *image, const uint8_t *raster)
{
	const uint8_t *p = raster;

	for (size_t i = 0; image->keys > 0 && i < image->blocks_count; i++) {
		struct uru4000_block b = image->blocks[i];
		size_t n = (size_t)b.rows * URU4000_COLUMNS;

		if (is_scrambled(b) && b.rows >= NOISE_ROWS_MIN &&
		    mean_step(p, n) >= NOISE_STEP_MIN)
			return true;
		p += n;
	}
	return false;
}

void
uru4000_image_orient(uint8_t *pixels, size_t bytes, bool invert, bool rotate)
{
	uint8_t flip = invert ? 0xff : 0x00;

	if (rotate)
		for (size_t i = 0; i < bytes / 2; i++) {
			uint8_t p = pixels[i];

			pixels[i] = pixels[bytes - 1 - i];
			pixels[bytes - 1 - i] = p;
		}
	for (size_t i = 0; i < bytes; i++)
		pixels[i] ^= flip;
}
