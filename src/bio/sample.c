#include "bio/sample.h"

#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define PNG_SIGNATURE_BYTES 8u
#define PNG_MEMORY_MAX                                                                   \
	(4u << 20) /* one allocation of the decoder: rows and inflate's state */
#define PNG_CHUNK_BYTES_MAX (256u << 10)
#define PGM_DIGITS_MAX 5u
#define METRES_PER_INCH_1E4 254u

/* What sample_new hands out: the caller's view and what owns the pixels. */
struct owned_sample {
	struct sample s;
	struct secret *pixels;
};

int
sample_new(uint32_t width, uint32_t height, uint32_t dpi, struct sample **ret_sample)
{
	struct owned_sample *o;
	int rc;

	if (width < SAMPLE_SIDE_MIN || width > SAMPLE_SIDE_MAX ||
	    height < SAMPLE_SIDE_MIN || height > SAMPLE_SIDE_MAX ||
	    (uint64_t)width * height > SAMPLE_PIXELS_MAX || dpi < SAMPLE_DPI_MIN ||
	    dpi > SAMPLE_DPI_MAX)
		return -EINVAL;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return -ENOMEM;
	rc = secret_new((size_t)width * height, &o->pixels);
	if (rc < 0) {
		free(o);
		return rc;
	}
	o->s = (struct sample){ .width = width,
				.height = height,
				.dpi = dpi,
				.modality = MODALITY_FINGER,
				.pad = PAD_UNSUPPORTED,
				.grey = secret_bytes(o->pixels) };
	*ret_sample = &o->s;
	return 0;
}

struct sample *
sample_free(struct sample *s)
{
	struct owned_sample *o = (struct owned_sample *)s;

	_Static_assert(offsetof(struct owned_sample, s) == 0, "the view comes first");
	if (o == NULL)
		return NULL;
	secret_free(o->pixels);
	free(o);
	return NULL;
}

/* ---- PGM ---- */

struct reader {
	const uint8_t *p, *end;
};

static bool
is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* At least one blank; comments run from # to the end of the line. */
static int
skip_blank(struct reader *r)
{
	const uint8_t *start = r->p;

	while (r->p < r->end) {
		if (*r->p == '#') {
			while (r->p < r->end && *r->p != '\n')
				r->p++;
		} else if (is_space(*r->p)) {
			r->p++;
		} else {
			break;
		}
	}
	return r->p > start ? 0 : -EBADMSG;
}

static int
read_number(struct reader *r, uint32_t *ret_value)
{
	uint32_t v = 0;
	unsigned digits = 0;

	if (skip_blank(r) < 0)
		return -EBADMSG;
	while (r->p < r->end && *r->p >= '0' && *r->p <= '9' &&
	       digits <= PGM_DIGITS_MAX) {
		v = v * 10 + (uint32_t)(*r->p++ - '0');
		digits++;
	}
	if (digits == 0 || digits > PGM_DIGITS_MAX)
		return -EBADMSG;
	*ret_value = v;
	return 0;
}

static int
decode_pgm(const uint8_t *data, size_t bytes, uint32_t dpi, struct sample **ret_sample,
	   const char **why)
{
	struct reader r = { data + 2, data + bytes };
	uint32_t width, height, maxval;
	struct sample *s;
	size_t left;
	int rc;

	*why = "the PGM header is malformed";
	if (read_number(&r, &width) < 0 || read_number(&r, &height) < 0 ||
	    read_number(&r, &maxval) < 0 || r.p == r.end || !is_space(*r.p))
		return -EBADMSG;
	r.p++;
	if (maxval != 255) {
		*why = "the PGM is not of 8 bits (maxval 255)";
		return -EBADMSG;
	}
	*why = "the image size or resolution is outside the limits";
	rc = sample_new(width, height, dpi, &s);
	if (rc < 0)
		return rc;
	left = (size_t)(r.end - r.p);
	if (left != (size_t)width * height) {
		*why = left < (size_t)width * height ? "the PGM is truncated"
						     : "bytes follow the PGM image";
		sample_free(s);
		return -EBADMSG;
	}
	memcpy(s->grey, r.p, left);
	*ret_sample = s;
	return 0;
}

/* ---- PNG ---- */

struct png_job {
	jmp_buf escape;
	struct reader in;
	uint32_t dpi;
	png_structp png;
	png_infop info;
	struct sample *sample;
	const char *why;
	int rc;
};

static void
png_fail(struct png_job *job, int rc, const char *why)
{
	job->rc = rc;
	job->why = why;
	longjmp(job->escape, 1);
}

static void
on_png_error(png_structp png, png_const_charp message)
{
	(void)message; /* libpng's texts differ between versions */
	png_fail(png_get_error_ptr(png), -EBADMSG, "the PNG is malformed or truncated");
}

static void
on_png_warning(png_structp png, png_const_charp message)
{
	(void)png; /* what libpng can repair or skip is of no interest */
	(void)message;
}

static void
on_png_read(png_structp png, png_bytep out, size_t bytes)
{
	struct png_job *job = png_get_io_ptr(png);

	if ((size_t)(job->in.end - job->in.p) < bytes)
		png_fail(job, -EBADMSG, "the PNG is malformed or truncated");
	memcpy(out, job->in.p, bytes);
	job->in.p += bytes;
}

/* The decoder's rows and windows hold pixels too: regions that remember their size in front. */
#define REGION_HEAD 16u

static png_voidp
on_png_malloc(png_structp png, png_alloc_size_t bytes)
{
	uint8_t *region;
	size_t size;

	(void)png;
	if (bytes > PNG_MEMORY_MAX)
		return NULL;
	size = bytes + REGION_HEAD;
	region = secret_region_new(size);
	if (region == NULL)
		return NULL;
	memcpy(region, &size, sizeof(size));
	return region + REGION_HEAD;
}

static void
on_png_free(png_structp png, png_voidp p)
{
	uint8_t *region;
	size_t size;

	(void)png;
	if (p == NULL)
		return;
	region = (uint8_t *)p - REGION_HEAD;
	memcpy(&size, region, sizeof(size));
	secret_region_free(region, size);
}

/* The resolution of a pHYs chunk in metres, if there is one. */
static void
png_resolution(struct png_job *job)
{
	png_uint_32 x = 0, y = 0;
	int unit = PNG_RESOLUTION_UNKNOWN;

	if (png_get_pHYs(job->png, job->info, &x, &y, &unit) == 0 ||
	    unit != PNG_RESOLUTION_METER)
		return;
	if (x != y)
		png_fail(job, -EINVAL, "the PNG's pixels are not square");
	job->dpi = (uint32_t)(((uint64_t)x * METRES_PER_INCH_1E4 + 5000) / 10000);
}

static void
png_header(struct png_job *job)
{
	int rc;

	png_set_user_limits(job->png, 1u << 20, 1u << 20);
	png_set_chunk_malloc_max(job->png, PNG_CHUNK_BYTES_MAX);
	png_set_read_fn(job->png, job, on_png_read);
	png_read_info(job->png, job->info);
	png_resolution(job);
	rc = sample_new(png_get_image_width(job->png, job->info),
			png_get_image_height(job->png, job->info), job->dpi,
			&job->sample);
	if (rc < 0)
		png_fail(job, rc, "the image size or resolution is outside the limits");
}

/* Reads everything; leaves by png_fail when something is wrong. */
static void
png_pixels(struct png_job *job)
{
	struct sample *s = job->sample;
	int passes;

	png_set_expand(job->png);
	png_set_scale_16(job->png);
	png_set_strip_alpha(job->png);
	if ((png_get_color_type(job->png, job->info) & PNG_COLOR_MASK_COLOR) != 0)
		png_set_rgb_to_gray_fixed(job->png, PNG_ERROR_ACTION_NONE,
					  PNG_RGB_TO_GRAY_DEFAULT,
					  PNG_RGB_TO_GRAY_DEFAULT);
	passes = png_set_interlace_handling(job->png);
	png_read_update_info(job->png, job->info);
	if (png_get_rowbytes(job->png, job->info) != s->width)
		png_fail(job, -EBADMSG, "the PNG cannot be made 8-bit grey");
	for (int pass = 0; pass < passes; pass++)
		for (uint32_t y = 0; y < s->height; y++)
			png_read_row(job->png, s->grey + (size_t)y * s->width, NULL);
	png_read_end(job->png, NULL);
	if (job->in.p != job->in.end)
		png_fail(job, -EBADMSG, "bytes follow the PNG image");
}

/*
 * Everything that may longjmp runs below here; nothing of this frame changes after setjmp but
 * what job points to.
 */
static int
png_run(struct png_job *job)
{
	if (setjmp(job->escape) != 0)
		return job->rc;
	png_header(job);
	png_pixels(job);
	return 0;
}

static int
decode_png(const uint8_t *data, size_t bytes, uint32_t dpi, struct sample **ret_sample,
	   const char **why)
{
	struct png_job job = { .in = { data, data + bytes },
			       .dpi = dpi,
			       .why = "no memory",
			       .rc = -ENOMEM };
	int rc = -ENOMEM;

	job.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &job, on_png_error,
					   on_png_warning, NULL, on_png_malloc,
					   on_png_free);
	if (job.png != NULL)
		job.info = png_create_info_struct(job.png);
	if (job.info != NULL)
		rc = png_run(&job);
	png_destroy_read_struct(&job.png, &job.info, NULL);
	*why = job.why;
	if (rc < 0) {
		sample_free(job.sample);
		return rc;
	}
	*ret_sample = job.sample;
	return 0;
}

int
sample_decode(const void *data, size_t bytes, uint32_t dpi, struct sample **ret_sample,
	      const char **why)
{
	const char *reason = "neither PGM (P5) nor PNG";
	const uint8_t *p = data;
	int rc = -EBADMSG;

	assert(data != NULL || bytes == 0);
	if (bytes >= 3 && p[0] == 'P' && p[1] == '5')
		rc = decode_pgm(p, bytes, dpi, ret_sample, &reason);
	else if (bytes >= PNG_SIGNATURE_BYTES &&
		 png_sig_cmp(p, 0, PNG_SIGNATURE_BYTES) == 0)
		rc = decode_png(p, bytes, dpi, ret_sample, &reason);
	if (rc < 0 && why != NULL)
		*why = rc == -ENOMEM ? "no memory" : reason;
	return rc;
}
