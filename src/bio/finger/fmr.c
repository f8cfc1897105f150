#include "bio/finger/fmr_private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct reader {
	const uint8_t *data;
	size_t bytes, at;
	enum fmr_format format;
	struct fmr_fault *fault; /* may be NULL */
};

/* What is known of a record while its views are checked. */
struct seen {
	uint8_t views_of[FMR_POSITION_MAX + 1];
};

static int
bad(const struct reader *r, size_t offset, const char *what)
{
	return fmr_fail(r->fault, offset, what, -EBADMSG);
}

struct fmr_frame
fmr_frame_of(const struct fmr_head *h)
{
	return (struct fmr_frame){
		.layout = h->format == FMR_ISO_2005 ? FMR_LAYOUT_ISO : FMR_LAYOUT_ANSI,
		.width = h->width,
		.height = h->height,
		.x_px_per_cm = h->x_px_per_cm,
		.y_px_per_cm = h->y_px_per_cm,
	};
}

static int
read_magic(struct reader *r)
{
	if (r->bytes > FMR_BYTES_MAX)
		return fmr_fail(r->fault, FMR_BYTES_MAX, "record is too long", -EMSGSIZE);
	if (r->bytes < FMR_ISO_HEAD_BYTES)
		return bad(r, r->bytes, "record ends in its header");
	if (memcmp(r->data, FMR_MAGIC, sizeof(FMR_MAGIC)) != 0)
		return bad(r, 0, "not a finger minutiae record");
	if (memcmp(r->data + 4, FMR_VERSION, sizeof(FMR_VERSION)) != 0) {
		return fmr_fail(r->fault, 4,
				"neither ISO/IEC 19794-2:2005 nor ANSI INCITS 378-2004: "
				"another version",
				-ENOTSUP);
	}
	r->at = FMR_LENGTH_AT;
	return 0;
}

/*
 * Both standards begin alike. The length tells them apart: in ISO's four bytes the first two are
 * small, in ANSI's two bytes a header of 26 is the least.
 */
static int
read_length(struct reader *r)
{
	const uint8_t *p = r->data + FMR_LENGTH_AT;
	unsigned high = fmr_get16(p), next = fmr_get16(p + 2);
	uint32_t length;

	if (high >= FMR_ANSI_HEAD_BYTES) {
		r->format = FMR_ANSI_2004;
		length = high;
		r->at += 2;
	} else if (high > 0 || next >= FMR_ISO_HEAD_BYTES) {
		r->format = FMR_ISO_2005;
		length = fmr_get32(p);
		r->at += 4;
	} else {
		r->format = FMR_ANSI_2004;
		length = fmr_get32(p + 2);
		r->at += 6;
		if (length <= FMR_SHORT_MAX)
			return bad(r, FMR_LENGTH_AT, "no length a record can have");
	}
	if (length > r->bytes)
		return bad(r, r->bytes, "record ends before its length");
	if (length < r->bytes)
		return bad(r, length, "bytes follow the record");
	return 0;
}

static int
check_side(const struct reader *r, size_t at, uint16_t side, uint16_t px_per_cm)
{
	if (side == 0)
		return bad(r, at, "image has no size");
	if (fmr_side(side, px_per_cm) > FMR_SIDE_MAX)
		return bad(r, at, "image is larger than any finger");
	return 0;
}

static int
check_scale(const struct reader *r, size_t at, const struct fmr_head *h)
{
	int rc;

	if (h->x_px_per_cm < FMR_PX_PER_CM_MIN)
		return bad(r, at + 6, "resolution in x is below 99 pixels a centimetre");
	if (h->y_px_per_cm < FMR_PX_PER_CM_MIN)
		return bad(r, at + 8, "resolution in y is below 99 pixels a centimetre");
	rc = check_side(r, at + 2, h->width, h->x_px_per_cm);
	if (rc < 0)
		return rc;
	return check_side(r, at + 4, h->height, h->y_px_per_cm);
}

static int
read_head(struct reader *r, struct fmr_head *h, unsigned *ret_views)
{
	const uint8_t *p;
	size_t at;
	int rc;

	memset(h, 0, sizeof(*h));
	h->format = r->format;
	if (r->format == FMR_ANSI_2004) {
		/* The length is FMR_ANSI_HEAD_BYTES at least and all there. */
		h->product_owner = fmr_get16(r->data + r->at);
		h->product_type = fmr_get16(r->data + r->at + 2);
		r->at += 4;
	}
	at = r->at;
	p = r->data + at;
	assert(r->bytes - at >= FMR_COMMON_HEAD_BYTES);
	if ((p[0] & 0x70) != 0)
		return bad(r, at, "reserved bits of the capture device are set");
	h->certified = (p[0] & 0x80) != 0;
	h->device = fmr_get16(p) & FMR_DEVICE_MAX;
	h->width = fmr_get16(p + 2);
	h->height = fmr_get16(p + 4);
	h->x_px_per_cm = fmr_get16(p + 6);
	h->y_px_per_cm = fmr_get16(p + 8);
	rc = check_scale(r, at, h);
	if (rc < 0)
		return rc;
	if (p[10] > FMR_VIEWS_MAX)
		return bad(r, at + 10, "more than 176 views");
	if (p[11] != 0)
		return bad(r, at + 11, "reserved byte of the header is set");
	*ret_views = p[10];
	r->at += FMR_COMMON_HEAD_BYTES;
	return 0;
}

static bool
impression_known(enum fmr_format format, unsigned impression)
{
	return impression <= FMR_INK_ROLLED || impression == FMR_SWIPE ||
	       (impression == FMR_CONTACTLESS && format == FMR_ANSI_2004);
}

static int
check_view_head(const struct reader *r, struct seen *seen)
{
	const uint8_t *p = r->data + r->at;

	if (r->bytes - r->at < FMR_VIEW_HEAD_BYTES)
		return bad(r, r->bytes, "record ends in the header of a view");
	if (p[0] > FMR_POSITION_MAX)
		return bad(r, r->at, "unknown finger position");
	/* Fingers of unknown position may be several, so their views are not counted. */
	if (p[0] != 0 && p[1] >> 4 != seen->views_of[p[0]]++)
		return bad(r, r->at + 1, "views of a finger are not numbered from 0");
	if (!impression_known(r->format, p[1] & 0x0f))
		return bad(r, r->at + 1, "unknown impression type");
	if (p[2] > FMR_QUALITY_MAX)
		return bad(r, r->at + 2, "finger quality above 100");
	return 0;
}

/* Do blocks fill the extended data, their lengths counting the 4 bytes before the data or not? */
static bool
blocks_fill(const uint8_t *p, size_t bytes, bool with_head)
{
	while (bytes > 0) {
		size_t step;

		if (bytes < FMR_BLOCK_HEAD_BYTES)
			return false;
		step = fmr_get16(p + 2) + (with_head ? 0 : FMR_BLOCK_HEAD_BYTES);
		if (fmr_get16(p) == 0 || step < FMR_BLOCK_HEAD_BYTES || step > bytes)
			return false;
		p += step;
		bytes -= step;
	}
	return true;
}

static int
check_extended(struct reader *r)
{
	size_t extended;

	if (r->bytes - r->at < FMR_EXTENDED_HEAD_BYTES)
		return bad(r, r->bytes, "record ends in the length of extended data");
	extended = fmr_get16(r->data + r->at);
	r->at += FMR_EXTENDED_HEAD_BYTES;
	if (r->bytes - r->at < extended)
		return bad(r, r->bytes, "record ends in extended data");
	/* Writers of both standards disagree about what a block's length counts. */
	if (!blocks_fill(r->data + r->at, extended, true) &&
	    !blocks_fill(r->data + r->at, extended, false))
		return bad(r, r->at, "blocks do not fill the extended data");
	r->at += extended;
	return 0;
}

static int
check_view(struct reader *r, const struct fmr_head *h, struct seen *seen)
{
	struct fmr_list l = { .frame = fmr_frame_of(h) };
	size_t offset = 0;
	const char *what;
	int rc;

	rc = check_view_head(r, seen);
	if (rc < 0)
		return rc;
	l.count = r->data[r->at + 3];
	r->at += FMR_VIEW_HEAD_BYTES;
	if (r->bytes - r->at < l.count * FMR_MINUTIA_BYTES)
		return bad(r, r->bytes, "record ends among the minutiae");
	l.data = r->data + r->at;
	what = fmr_list_check(&l, &offset);
	if (what != NULL)
		return bad(r, r->at + offset, what);
	r->at += l.count * FMR_MINUTIA_BYTES;
	return check_extended(r);
}

int
fmr_open(const uint8_t *data, size_t bytes, struct fmr *ret_record,
	 struct fmr_fault *ret_fault)
{
	struct reader r = { .data = data, .bytes = bytes, .fault = ret_fault };
	struct fmr record = { .data = data, .bytes = bytes };
	struct seen seen = { { 0 } };
	int rc;

	rc = read_magic(&r);
	if (rc == 0)
		rc = read_length(&r);
	if (rc == 0)
		rc = read_head(&r, &record.head, &record.views);
	if (rc < 0)
		return rc;
	record.views_at = r.at;
	for (unsigned i = 0; i < record.views; i++) {
		rc = check_view(&r, &record.head, &seen);
		if (rc < 0)
			return rc;
	}
	if (r.at != bytes)
		return bad(&r, r.at, "bytes follow the last view");
	*ret_record = record;
	return 0;
}

/* Bytes of the view at p, extended data included; its record was checked. */
static size_t
view_bytes(const uint8_t *p)
{
	size_t bytes = FMR_VIEW_HEAD_BYTES + (size_t)p[3] * FMR_MINUTIA_BYTES;

	return bytes + FMR_EXTENDED_HEAD_BYTES + fmr_get16(p + bytes);
}

const uint8_t *
fmr_view_at(const struct fmr *r, unsigned index)
{
	const uint8_t *p = r->data + r->views_at;

	assert(index < r->views);
	while (index-- > 0)
		p += view_bytes(p);
	return p;
}

struct fmr_label
fmr_label(const struct fmr *r, unsigned index)
{
	const uint8_t *p = fmr_view_at(r, index);
	const uint8_t *end = p + FMR_VIEW_HEAD_BYTES + (size_t)p[3] * FMR_MINUTIA_BYTES;

	return (struct fmr_label){ .position = p[0],
				   .number = p[1] >> 4,
				   .impression = p[1] & 0x0f,
				   .quality = p[2],
				   .stored = p[3],
				   .extended_bytes = fmr_get16(end) };
}

void
fmr_features(const struct fmr *r, unsigned index, struct finger_features *ret_features)
{
	struct finger_features *f = ret_features;
	const uint8_t *p = fmr_view_at(r, index);
	struct fmr_list l = { .frame = fmr_frame_of(&r->head) };

	memset(f, 0, sizeof(*f));
	l.count = p[3];
	l.data = p + FMR_VIEW_HEAD_BYTES;
	f->quality = p[2];
	f->width = (uint16_t)fmr_side(r->head.width, r->head.x_px_per_cm);
	f->height = (uint16_t)fmr_side(r->head.height, r->head.y_px_per_cm);
	fmr_list_unpack(&l, f);
}

void
fmr_view(const struct fmr *r, unsigned index, struct fmr_view *ret_view)
{
	struct fmr_label l = fmr_label(r, index);

	memset(ret_view, 0, sizeof(*ret_view));
	ret_view->position = l.position;
	ret_view->number = l.number;
	ret_view->impression = l.impression;
	ret_view->stored = l.stored;
	ret_view->extended_bytes = l.extended_bytes;
	fmr_features(r, index, &ret_view->features);
}
