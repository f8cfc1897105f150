#include "unit.h"

#include "bio/sample.h"

#include <errno.h>
#include <png.h>
#include <stdbool.h>
#include <stddef.h>

#define WIDTH 64u
#define HEIGHT 66u
#define FILE_BYTES_MAX 65536u

/* An image file in memory. */
struct file {
	uint8_t bytes[FILE_BYTES_MAX];
	size_t used;
};

static uint8_t
pixel(uint32_t x, uint32_t y)
{
	return (uint8_t)(x * 7 + y * 13 + (x * y) / 5);
}

static void
make_pgm(struct file *f, const char *header, size_t pixels)
{
	f->used = strlen(header);
	memcpy(f->bytes, header, f->used);
	for (size_t i = 0; i < pixels; i++)
		f->bytes[f->used++] = pixel((uint32_t)(i % WIDTH), (uint32_t)(i / WIDTH));
}

static void
on_write(png_structp png, png_bytep data, size_t n)
{
	struct file *f = png_get_io_ptr(png);

	ck_assert_uint_le(f->used + n, sizeof(f->bytes));
	memcpy(f->bytes + f->used, data, n);
	f->used += n;
}

static void
on_flush(png_structp png)
{
	(void)png; /* memory needs none */
}

/* What to write; every channel of a pixel carries its grey value. */
struct png_kind {
	const char *name;
	int colour, depth, interlace;
	unsigned channels;
	uint32_t per_metre_x, per_metre_y;
	uint32_t dpi_expected;
};

static void
make_png(struct file *f, const struct png_kind *k)
{
	static uint8_t row[WIDTH * 8];
	png_structp png =
		png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	png_color palette[256];
	unsigned bytes = (unsigned)k->depth / 8 * k->channels;
	int passes;

	f->used = 0;
	png_set_write_fn(png, f, on_write, on_flush);
	png_set_IHDR(png, info, WIDTH, HEIGHT, k->depth, k->colour, k->interlace,
		     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	for (unsigned i = 0; i < 256; i++)
		palette[i] = (png_color){ (png_byte)i, (png_byte)i, (png_byte)i };
	if (k->colour == PNG_COLOR_TYPE_PALETTE)
		png_set_PLTE(png, info, palette, 256);
	if (k->per_metre_x != 0)
		png_set_pHYs(png, info, k->per_metre_x, k->per_metre_y,
			     PNG_RESOLUTION_METER);
	png_write_info(png, info);
	passes = png_set_interlace_handling(png);
	for (int pass = 0; pass < passes; pass++) {
		for (uint32_t y = 0; y < HEIGHT; y++) {
			for (uint32_t x = 0; x < WIDTH; x++)
				memset(row + (size_t)x * bytes, pixel(x, y), bytes);
			png_write_row(png, row);
		}
	}
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
}

static void
check_pixels(const struct sample *s)
{
	ck_assert_uint_eq(s->width, WIDTH);
	ck_assert_uint_eq(s->height, HEIGHT);
	for (uint32_t y = 0; y < HEIGHT; y++)
		for (uint32_t x = 0; x < WIDTH; x++)
			ck_assert_uint_eq(s->grey[y * WIDTH + x], pixel(x, y));
}

/* Decodes from a copy of exactly n bytes, so that a sanitizer sees a read past the end. */
static int
decode(const struct file *f, size_t n, uint32_t dpi, struct sample **ret_sample,
       const char **why)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);
	int rc;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, f->bytes, n);
	rc = sample_decode(copy, n, dpi, ret_sample, why);
	free(copy);
	return rc;
}

static struct file file;

START_TEST(new_sample_is_zeroed_and_has_limits)
{
	static const struct {
		uint32_t width, height, dpi;
		int rc;
	} cases[] = {
		{ SAMPLE_SIDE_MIN, SAMPLE_SIDE_MIN, SAMPLE_DPI_MIN, 0 },
		{ SAMPLE_SIDE_MAX, 1000, SAMPLE_DPI_MAX, 0 },
		{ SAMPLE_SIDE_MAX, 1001, 500, -EINVAL }, /* too many pixels */
		{ SAMPLE_SIDE_MIN - 1, 100, 500, -EINVAL },
		{ 100, SAMPLE_SIDE_MIN - 1, 500, -EINVAL },
		{ SAMPLE_SIDE_MAX + 1, 100, 500, -EINVAL },
		{ 100, SAMPLE_SIDE_MAX + 1, 500, -EINVAL },
		{ UINT32_MAX, UINT32_MAX, 500, -EINVAL },
		{ 0, 0, 500, -EINVAL },
		{ 100, 100, SAMPLE_DPI_MIN - 1, -EINVAL },
		{ 100, 100, SAMPLE_DPI_MAX + 1, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sample *s = NULL;
		size_t n = (size_t)cases[i].width * cases[i].height;

		ck_assert_int_eq(
			sample_new(cases[i].width, cases[i].height, cases[i].dpi, &s),
			cases[i].rc);
		ck_assert_int_eq(s != NULL, cases[i].rc == 0);
		for (size_t k = 0; s != NULL && k < n; k++)
			ck_assert_uint_eq(s->grey[k], 0);
		ck_assert_ptr_null(sample_free(s));
	}
}
END_TEST

START_TEST(reads_pgm_with_comments)
{
	static const char *const headers[] = {
		"P5\n64 66\n255\n",
		"P5 64 66 255 ",
		"P5\n# a comment\n64# another\n 66\r\n#\n255\t",
		"P5\n00064 66 255\n",
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct sample *s = NULL;

		make_pgm(&file, headers[i], WIDTH * HEIGHT);
		ck_assert_int_eq(decode(&file, file.used, 500, &s, NULL), 0);
		check_pixels(s);
		ck_assert_uint_eq(s->dpi, 500);
		ck_assert_int_eq(s->modality, MODALITY_FINGER);
		ck_assert_int_eq(s->pad, PAD_UNSUPPORTED);
		sample_free(s);
	}
}
END_TEST

START_TEST(refuses_malformed_pgm)
{
	static const struct {
		const char *header;
		size_t pixels;
		uint32_t dpi;
		int rc;
	} cases[] = {
		{ "P5\n64 66\n255\n", WIDTH * HEIGHT - 1, 500, -EBADMSG },
		{ "P5\n64 66\n255\n", WIDTH * HEIGHT + 1, 500, -EBADMSG },
		{ "P5\n64 66\n254\n", WIDTH * HEIGHT, 500, -EBADMSG },
		{ "P5\n64 66\n65535\n", WIDTH * HEIGHT, 500, -EBADMSG },
		{ "P5\n64 -66\n255\n", WIDTH * HEIGHT, 500, -EBADMSG },
		{ "P564 66\n255\n", WIDTH * HEIGHT, 500, -EBADMSG },
		{ "P5\n64 66 255", 0, 500, -EBADMSG },
		{ "P5\n4294967360 66\n255\n", WIDTH * HEIGHT, 500, -EBADMSG },
		{ "P5\n0 66\n255\n", 0, 500, -EINVAL },
		{ "P5\n63 66\n255\n", 63 * 66, 500, -EINVAL },
		{ "P5\n99999 99999\n255\n", 10, 500, -EINVAL },
		{ "P5\n64 66\n255\n", WIDTH * HEIGHT, 249, -EINVAL },
		{ "P5\n64 66\n255\n", WIDTH * HEIGHT, 1201, -EINVAL },
		{ "P2\n64 66\n255\n", WIDTH * HEIGHT, 500, -EBADMSG },
		{ "P6\n64 66\n255\n", WIDTH * HEIGHT, 500, -EBADMSG },
		{ "P5\n# a comment without an end", 0, 500, -EBADMSG },
		{ "", 0, 500, -EBADMSG },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sample *s = NULL;
		const char *why = NULL;

		make_pgm(&file, cases[i].header, cases[i].pixels);
		ck_assert_int_eq(decode(&file, file.used, cases[i].dpi, &s, &why),
				 cases[i].rc);
		ck_assert_ptr_null(s);
		ck_assert_ptr_nonnull(why);
	}
}
END_TEST

START_TEST(refuses_every_truncated_pgm)
{
	make_pgm(&file, "P5\n# c\n64 66\n255\n", WIDTH * HEIGHT);
	for (size_t n = 0; n < file.used; n++) {
		struct sample *s = NULL;

		ck_assert_int_lt(decode(&file, n, 500, &s, NULL), 0);
		ck_assert_ptr_null(s);
	}
}
END_TEST

static const struct png_kind kinds[] = {
	{ "grey", PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_NONE, 1, 0, 0, 512 },
	{ "grey 16", PNG_COLOR_TYPE_GRAY, 16, PNG_INTERLACE_NONE, 1, 0, 0, 512 },
	{ "grey alpha", PNG_COLOR_TYPE_GRAY_ALPHA, 8, PNG_INTERLACE_NONE, 2, 0, 0, 512 },
	{ "rgb", PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_NONE, 3, 0, 0, 512 },
	{ "rgb 16", PNG_COLOR_TYPE_RGB, 16, PNG_INTERLACE_ADAM7, 3, 0, 0, 512 },
	{ "rgba", PNG_COLOR_TYPE_RGBA, 8, PNG_INTERLACE_NONE, 4, 0, 0, 512 },
	{ "palette", PNG_COLOR_TYPE_PALETTE, 8, PNG_INTERLACE_NONE, 1, 0, 0, 512 },
	{ "interlaced", PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_ADAM7, 1, 0, 0, 512 },
	{ "500 dpi", PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_NONE, 1, 19685, 19685, 500 },
	{ "1000 dpi", PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_NONE, 1, 39370, 39370, 1000 },
};

START_TEST(reads_every_kind_of_png)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct sample *s = NULL;

		make_png(&file, &kinds[i]);
		ck_assert_msg(decode(&file, file.used, 512, &s, NULL) == 0, "%s",
			      kinds[i].name);
		check_pixels(s);
		ck_assert_uint_eq(s->dpi, kinds[i].dpi_expected);
		sample_free(s);
	}
}
END_TEST

START_TEST(refuses_every_truncated_png)
{
	make_png(&file, &kinds[7]);
	for (size_t n = 0; n < file.used; n++) {
		struct sample *s = NULL;
		const char *why = NULL;

		ck_assert_int_eq(decode(&file, n, 500, &s, &why), -EBADMSG);
		ck_assert_ptr_null(s);
		ck_assert_ptr_nonnull(why);
	}
}
END_TEST

START_TEST(refuses_any_damaged_byte_of_a_png_row)
{
	size_t end;

	make_png(&file, &kinds[0]);
	end = file.used - 12; /* what follows is the empty last chunk */
	for (size_t i = 41; i < end;
	     i += 3) { /* the first data chunk's bytes start at 41 */
		struct sample *s = NULL;

		file.bytes[i] ^= 0x20;
		ck_assert_int_eq(decode(&file, file.used, 500, &s, NULL), -EBADMSG);
		file.bytes[i] ^= 0x20;
	}
}
END_TEST

START_TEST(refuses_a_png_outside_the_limits)
{
	static const struct png_kind oblong = {
		"oblong", PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_NONE, 1, 19685, 20000, 0
	};
	static const struct png_kind coarse = {
		"coarse", PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_NONE, 1, 100, 100, 0
	};
	struct sample *s = NULL;

	make_png(&file, &oblong);
	ck_assert_int_eq(decode(&file, file.used, 500, &s, NULL), -EINVAL);
	make_png(&file, &coarse);
	ck_assert_int_eq(decode(&file, file.used, 500, &s, NULL), -EINVAL);
	make_png(&file, &kinds[0]);
	ck_assert_int_eq(decode(&file, file.used, 100, &s, NULL), -EINVAL);
	file.bytes[file.used++] = 0;
	ck_assert_int_eq(decode(&file, file.used, 500, &s, NULL), -EBADMSG);
	ck_assert_ptr_null(s);
}
END_TEST

UNIT_MAIN("sample", new_sample_is_zeroed_and_has_limits, reads_pgm_with_comments,
	  refuses_malformed_pgm, refuses_every_truncated_pgm, reads_every_kind_of_png,
	  refuses_every_truncated_png, refuses_any_damaged_byte_of_a_png_row,
	  refuses_a_png_outside_the_limits)
