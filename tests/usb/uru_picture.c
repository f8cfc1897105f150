#include "usb/uru_picture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t
uru_picture_key(uint8_t index)
{
	return 0x9e3779b9u * (index + 7u) ^ 0x544409d6u;
}

static uint32_t
key_step(uint32_t k)
{
	static const unsigned taps[] = { 0, 2, 3, 6, 10, 12, 19, 22, 25, 28, 31 };
	uint32_t f = 0;

	for (size_t i = 0; i < sizeof(taps) / sizeof(taps[0]); i++)
		f ^= k >> taps[i] & 1;
	return k >> 1 | f << 31;
}

static uint8_t
key_byte(uint32_t k)
{
	static const unsigned bits[] = { 4, 8, 11, 14, 18, 21, 24, 29 };
	unsigned x = 0;

	for (unsigned i = 0; i < 8; i++)
		x |= (k >> bits[i] & 1) << i;
	return (uint8_t)x;
}

/* One block of n pixels; out and expected are where it lies on the wire and in the picture. */
static uint32_t
send_block(unsigned flags, uint32_t key, const uint8_t *in, size_t n, uint8_t *out,
	   uint8_t *expected)
{
	bool scrambled = (flags & (URU_LEFT_OUT | URU_SCRAMBLED | URU_KEY_STANDS)) ==
			 URU_SCRAMBLED;

	for (size_t i = 0; i < n; i++) {
		if (scrambled && i + 1 < n)
			out[i + 1] = in[i] ^ key_byte(key); /* a byte late */
		else if (!scrambled && (flags & URU_LEFT_OUT) == 0)
			out[i] = in[i];
		if ((flags & URU_KEY_STANDS) == 0)
			key = key_step(key);
	}
	if (scrambled)
		out[0] = 0x5a; /* says nothing */
	if (scrambled && expected != NULL)
		expected[n - 1] = 0;
	return key;
}

static void
send_header(uint8_t index, size_t sent, const uint8_t (*blocks)[2], uint8_t *wire)
{
	static const uint8_t begins[] = { 0x10, 0x40, URU_COLUMNS % 256,
					  URU_COLUMNS / 256 };

	memset(wire, 0x77, URU_HEADER_BYTES);
	memcpy(wire, begins, sizeof(begins));
	wire[URU_AT_ROWS] = (uint8_t)sent;
	wire[URU_AT_ROWS + 1] = (uint8_t)(sent >> 8);
	wire[URU_AT_INDEX] = index;
	memset(wire + URU_AT_BLOCKS, 0, (size_t)2 * URU_BLOCKS_MAX);
	for (size_t b = 0; b < URU_BLOCKS_MAX && blocks[b][1] > 0; b++)
		memcpy(wire + URU_AT_BLOCKS + 2 * b, blocks[b], 2);
}

size_t
uru_picture_wire(const uint8_t *raster, const uint8_t (*blocks)[2], uint8_t index,
		 uint8_t wire[URU_WIRE_BYTES], uint8_t *expected)
{
	uint8_t key_index = index;
	uint32_t key = uru_picture_key(index);
	size_t row = 0, sent = 0;

	if (expected != NULL)
		memcpy(expected, raster, URU_RASTER_BYTES);
	for (size_t b = 0; b < URU_BLOCKS_MAX && blocks[b][1] > 0; b++) {
		unsigned flags = blocks[b][0];
		size_t rows = blocks[b][1], at = row * URU_COLUMNS;

		if ((flags & URU_NEW_KEY) != 0)
			key = uru_picture_key(++key_index);
		key = send_block(flags, key, raster + at, rows * URU_COLUMNS,
				 wire + URU_HEADER_BYTES + sent * URU_COLUMNS,
				 expected == NULL ? NULL : expected + at);
		row += rows;
		if ((flags & URU_LEFT_OUT) == 0)
			sent += rows;
		for (size_t y = row - rows; (flags & URU_LEFT_OUT) != 0 && y < row; y++)
			if (expected != NULL)
				memcpy(expected + y * URU_COLUMNS,
				       raster + row * URU_COLUMNS, URU_COLUMNS);
	}
	send_header(index, sent, blocks, wire);
	return URU_HEADER_BYTES + sent * URU_COLUMNS;
}

void
uru_picture_place(const struct uru_model *m, const uint8_t *grey, unsigned width,
		  unsigned height, uint8_t raster[URU_RASTER_BYTES])
{
	int left = ((int)URU_COLUMNS - (int)width) / 2;
	int top = ((int)URU_ROWS - (int)height) / 2;

	for (size_t i = 0; i < URU_RASTER_BYTES; i++) {
		int x = (int)(i % URU_COLUMNS) - left, y = (int)(i / URU_COLUMNS) - top;
		uint8_t p = 0xff;

		if (x >= 0 && y >= 0 && x < (int)width && y < (int)height)
			p = grey[(size_t)y * width + (size_t)x];
		raster[m->upside_down ? URU_RASTER_BYTES - 1 - i : i] =
			(uint8_t)(255 - p);
	}
}

/* The value of a pixel of the card. */
static uint8_t
card_pixel(unsigned x, unsigned y)
{
	static const uint8_t letters[4][5] = { { 0x0e, 0x11, 0x1f, 0x11, 0x11 },
					       { 0x1e, 0x11, 0x1e, 0x11, 0x1e },
					       { 0x0f, 0x10, 0x10, 0x10, 0x0f },
					       { 0x1e, 0x11, 0x11, 0x11, 0x1e } };
	unsigned corner =
		(y >= URU_ROWS / 2 ? 2u : 0u) + (x >= URU_COLUMNS / 2 ? 1u : 0u);
	unsigned cx = (x % (URU_COLUMNS / 2)) / 8, cy = (y % (URU_ROWS / 2)) / 8;

	if (cx >= 8 && cx < 13 && cy >= 6 && cy < 11)
		return (letters[corner][cy - 6] >> (12 - cx) & 1) != 0 ? 20 : 235;
	if (y < 2 || y >= URU_ROWS - 2)
		return 235; /* outside the glass: hosts tell clear images from noise there */
	if (y < 24 || y >= URU_ROWS - 24) /* steps of grey, other ones below */
		return (uint8_t)(x / 24 * 15 + (y < 24 ? 0 : 7));
	if (x < 24) /* lines of one and two pixels */
		return y % 3 == 0 ? 30 : 220;
	if (x >= URU_COLUMNS - 24)
		return (x + y) % 16 < 8 ? 60 : 200;
	return (uint8_t)(160 + (x * 3 + y * 2) % 64);
}

void
uru_picture_card(uint8_t grey[URU_RASTER_BYTES])
{
	for (unsigned y = 0; y < URU_ROWS; y++)
		for (unsigned x = 0; x < URU_COLUMNS; x++)
			grey[y * URU_COLUMNS + x] = card_pixel(x, y);
}

void
uru_picture_stripes(unsigned seed, uint8_t raster[URU_RASTER_BYTES])
{
	for (unsigned y = 0; y < URU_ROWS; y++)
		for (unsigned x = 0; x < URU_COLUMNS; x++) {
			unsigned wave = (x * (2 + seed % 3) + y * 5 + seed * 31) % 64;
			bool edge = y < 2 || x < 20 || x >= 364; /* outside the glass */

			raster[y * URU_COLUMNS + x] =
				(uint8_t)(edge ? 9
					       : 90 + (wave < 32 ? wave : 63 - wave) * 2);
		}
}

/* The next character of the header that is neither blank nor of a comment. */
static int
header_character(FILE *f)
{
	bool comment = false;
	int c;

	do {
		c = getc(f);
		if (c == '#')
			comment = true;
		else if (c == '\n')
			comment = false;
	} while (c != EOF &&
		 (comment || c == ' ' || c == '\t' || c == '\r' || c == '\n'));
	return c;
}

/* A number of the header, with the one blank after it. -1: there is none. */
static long
header_number(FILE *f)
{
	int c = header_character(f);
	long v = 0;

	if (c < '0' || c > '9')
		return -1;
	for (; c >= '0' && c <= '9' && v <= (long)URU_PGM_SIDE_MAX; c = getc(f))
		v = v * 10 + (c - '0');
	return v;
}

static int
read_pgm(FILE *f, uint8_t **ret_grey, unsigned *ret_width, unsigned *ret_height)
{
	long width, height, max;
	uint8_t *grey, magic[2];
	size_t n;

	if (fread(magic, 1, sizeof(magic), f) != sizeof(magic) ||
	    memcmp(magic, "P5", sizeof(magic)) != 0)
		return -EBADMSG;
	width = header_number(f);
	height = header_number(f);
	max = header_number(f);
	if (width < 1 || height < 1 || width > (long)URU_PGM_SIDE_MAX ||
	    height > (long)URU_PGM_SIDE_MAX || max != 255)
		return -EBADMSG;
	n = (size_t)width * (size_t)height;
	grey = malloc(n);
	if (grey == NULL)
		return -ENOMEM;
	if (fread(grey, 1, n, f) != n) {
		free(grey);
		return -EBADMSG;
	}
	*ret_grey = grey;
	*ret_width = (unsigned)width;
	*ret_height = (unsigned)height;
	return 0;
}

int
uru_picture_load(const char *path, uint8_t **ret_grey, unsigned *ret_width,
		 unsigned *ret_height)
{
	FILE *f = fopen(path, "rbe");
	int rc;

	if (f == NULL)
		return -errno;
	rc = read_pgm(f, ret_grey, ret_width, ret_height);
	(void)fclose(f); /* read only */
	return rc;
}
