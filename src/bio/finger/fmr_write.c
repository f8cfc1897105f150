#include "bio/finger/fmr_private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static size_t
view_bytes(const struct fmr_view *v)
{
	return FMR_VIEW_HEAD_BYTES + (size_t)v->features.count * FMR_MINUTIA_BYTES +
	       FMR_EXTENDED_HEAD_BYTES;
}

struct fmr_head
fmr_head_of(enum fmr_format format, const struct fmr_view *const views[], size_t count)
{
	struct fmr_head h = { .format = format,
			      .width = 1,
			      .height = 1,
			      .x_px_per_cm = FMR_PX_PER_CM,
			      .y_px_per_cm = FMR_PX_PER_CM };

	for (size_t i = 0; i < count; i++) {
		const struct finger_features *f = &views[i]->features;

		h.width = f->width > h.width ? f->width : h.width;
		h.height = f->height > h.height ? f->height : h.height;
	}
	return h;
}

size_t
fmr_bytes(enum fmr_format format, const struct fmr_view *const views[], size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += view_bytes(views[i]);
	return fmr_record_bytes(format, bytes);
}

size_t
fmr_record_bytes(enum fmr_format format, size_t bytes)
{
	if (format == FMR_ISO_2005)
		return FMR_ISO_HEAD_BYTES + bytes;
	if (bytes <= FMR_SHORT_MAX - FMR_ANSI_HEAD_BYTES)
		return FMR_ANSI_HEAD_BYTES + bytes;
	return FMR_ANSI_LONG_HEAD_BYTES + bytes;
}

/* Answers where the length and, in ANSI, the product end. */
static uint8_t *
write_length(const struct fmr_head *h, size_t bytes, uint8_t *p)
{
	if (h->format == FMR_ISO_2005) {
		fmr_put32(p, (uint32_t)bytes);
		return p + 4;
	}
	if (bytes <= FMR_SHORT_MAX) {
		fmr_put16(p, (unsigned)bytes);
		p += 2;
	} else {
		fmr_put16(p, 0);
		fmr_put32(p + 2, (uint32_t)bytes);
		p += 6;
	}
	fmr_put16(p, h->product_owner);
	fmr_put16(p + 2, h->product_type);
	return p + 4;
}

uint8_t *
fmr_write_head(const struct fmr_head *h, size_t views, size_t bytes, uint8_t *p)
{
	memcpy(p, FMR_MAGIC, sizeof(FMR_MAGIC));
	memcpy(p + 4, FMR_VERSION, sizeof(FMR_VERSION));
	p = write_length(h, bytes, p + FMR_LENGTH_AT);
	fmr_put16(p, (h->certified ? 0x8000u : 0) | h->device);
	fmr_put16(p + 2, h->width);
	fmr_put16(p + 4, h->height);
	fmr_put16(p + 6, h->x_px_per_cm);
	fmr_put16(p + 8, h->y_px_per_cm);
	p[10] = (uint8_t)views;
	p[11] = 0;
	return p + FMR_COMMON_HEAD_BYTES;
}

/* The end of the view, or NULL when a field cannot hold what it should. */
static uint8_t *
write_view(const struct fmr_head *h, const struct fmr_view *v, uint8_t *p)
{
	const struct finger_features *f = &v->features;
	struct fmr_frame frame = fmr_frame_of(h);

	assert(f->count <= FINGER_MINUTIAE_MAX);
	if (v->number > FMR_NUMBER_MAX || v->impression > FMR_CONTACTLESS)
		return NULL;
	p[0] = v->position;
	p[1] = (uint8_t)(v->number << 4 | v->impression);
	p[2] = f->quality;
	p[3] = (uint8_t)f->count;
	p += FMR_VIEW_HEAD_BYTES;
	for (unsigned i = 0; i < f->count; i++) {
		if (!fmr_minutia_pack(&frame, &f->minutiae[i], p))
			return NULL;
		p += FMR_MINUTIA_BYTES;
	}
	fmr_put16(p, 0);
	return p + FMR_EXTENDED_HEAD_BYTES;
}

int
fmr_write(const struct fmr_head *head, const struct fmr_view *const views[], size_t count,
	  uint8_t *buf, size_t bytes)
{
	struct fmr written;
	uint8_t *p;

	if (count > FMR_VIEWS_MAX || head->device > FMR_DEVICE_MAX)
		return -ERANGE;
	if (head->x_px_per_cm == 0 || head->y_px_per_cm == 0)
		return -ERANGE;
	if (head->format == FMR_ISO_2005 &&
	    (head->product_owner != 0 || head->product_type != 0))
		return -ERANGE;
	if (bytes != fmr_bytes(head->format, views, count))
		return -EMSGSIZE;
	p = fmr_write_head(head, count, bytes, buf);
	for (size_t i = 0; i < count; i++) {
		p = write_view(head, views[i], p);
		if (p == NULL)
			return -ERANGE;
	}
	assert(p == buf + bytes);
	/* Every other rule is the reader's: what it refuses, nobody else shall have to read. */
	return fmr_open(buf, bytes, &written, NULL) < 0 ? -ERANGE : 0;
}
