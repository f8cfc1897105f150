#ifndef LANED_BIO_FINGER_FMR_PRIVATE_H
#define LANED_BIO_FINGER_FMR_PRIVATE_H

#include "bio/finger/fmr.h"

/*
 * Layout of a record, big-endian:
 *	0	"FMR\0"
 *	4	" 20\0"
 *	8	ISO: length, 4.  ANSI: length, 2; or 0, 2 and length, 4 when it is 65536 or more
 *	-	ANSI: product owner, 2; product type, 2
 *	+0	certified << 15 | 3 reserved bits | device type, 2
 *	+2	width, 2;  height, 2;  pixels a centimetre in x, 2;  in y, 2
 *	+10	number of views, 1;  reserved, 1
 *	+12	the views
 * A view:
 *	0	position, 1
 *	1	number << 4 | impression, 1
 *	2	quality, 1
 *	3	number of minutiae n, 1
 *	4	n minutiae of 6 bytes
 *	4+6n	length of extended data e, 2
 *	6+6n	e bytes: blocks of type, 2; length, 2; data
 * A minutia:
 *	0	type << 14 | x, 2
 *	2	2 reserved bits | y, 2
 *	4	angle in 1/256 turns (ISO) or 1/180 turns (ANSI), 1
 *	5	quality, 1
 * On a card a minutia has no quality byte (normal) or is x, 1; y, 1; type << 6 | angle in 1/64
 * turns, 1 (compact).
 */
#define FMR_MAGIC "FMR"
#define FMR_VERSION " 20"
#define FMR_LENGTH_AT 8u
#define FMR_ISO_HEAD_BYTES 24u
#define FMR_ANSI_HEAD_BYTES 26u
#define FMR_ANSI_LONG_HEAD_BYTES 30u
#define FMR_COMMON_HEAD_BYTES 12u /* from the device to the views */
#define FMR_VIEW_HEAD_BYTES 4u
#define FMR_MINUTIA_BYTES 6u
#define FMR_EXTENDED_HEAD_BYTES 2u
#define FMR_BLOCK_HEAD_BYTES 4u
#define FMR_SHORT_MAX 65535u /* longest length ANSI's 2 bytes hold */
#define FMR_QUALITY_MAX 100u
#define FMR_XY_MAX 0x3fffu
#define FMR_TYPE_SHIFT 14

static inline uint16_t
fmr_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
fmr_get32(const uint8_t *p)
{
	return (uint32_t)fmr_get16(p) << 16 | fmr_get16(p + 2);
}

static inline void
fmr_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
fmr_put32(uint8_t *p, uint32_t v)
{
	fmr_put16(p, v >> 16);
	fmr_put16(p + 2, v & 0xffffu);
}

/* The position whose pixel holds the centre of pixel v when from pixels become to pixels. */
static inline uint32_t
fmr_rescale(uint32_t v, uint32_t from, uint32_t to)
{
	return (2 * v + 1) * to / (2 * from);
}

/* Pixels at 500 dpi that hold v pixels at the given resolution: none of them is lost. */
static inline uint32_t
fmr_side(uint32_t v, uint32_t px_per_cm)
{
	return (v * FMR_PX_PER_CM + px_per_cm - 1) / px_per_cm;
}

/* Sets *ret_fault, which may be NULL, and answers rc. */
static inline int
fmr_fail(struct fmr_fault *ret_fault, size_t offset, const char *what, int rc)
{
	if (ret_fault != NULL)
		*ret_fault = (struct fmr_fault){ offset, what };
	return rc;
}

/* How minutiae are laid out, and the image they lie in, in pixels of its own. */
enum fmr_layout {
	FMR_LAYOUT_ISO,
	FMR_LAYOUT_ANSI,
	FMR_LAYOUT_NORMAL,
	FMR_LAYOUT_COMPACT
};

struct fmr_frame {
	enum fmr_layout layout;
	uint16_t width, height;
	uint16_t x_px_per_cm, y_px_per_cm;
};
struct fmr_frame fmr_frame_of(const struct fmr_head *h);

/* Packed minutiae: at most FMR_STORED_MAX. */
struct fmr_list {
	struct fmr_frame frame;
	const uint8_t *data;
	unsigned count;
};

size_t fmr_minutia_bytes(enum fmr_layout layout);

/* How long a record is whose views take so many bytes; and its head, up to the first view. */
size_t fmr_record_bytes(enum fmr_format format, size_t views_bytes);
uint8_t *fmr_write_head(const struct fmr_head *h, size_t views, size_t bytes, uint8_t *p);

/* Where a view of a record that was read begins. */
const uint8_t *fmr_view_at(const struct fmr *r, unsigned index);

/*
 * Are all minutiae of the list as the layout demands, and inside the image? NULL; or what is wrong
 * with the first that is not, and at which byte of the list.
 */
const char *fmr_list_check(const struct fmr_list *l, size_t *ret_offset);

/* Fills minutiae and count from a list that was checked: which, in what order, see fmr_view. */
void fmr_list_unpack(const struct fmr_list *l, struct finger_features *f);

/* Packs a minutia into fmr_minutia_bytes(). False: outside the image, or no field can hold it. */
bool fmr_minutia_pack(const struct fmr_frame *frame, const struct minutia *m, uint8_t *p);

#endif
