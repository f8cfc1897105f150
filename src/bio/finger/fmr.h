#ifndef LANED_BIO_FINGER_FMR_H
#define LANED_BIO_FINGER_FMR_H

#include "bio/finger/finger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Finger minutiae records of other systems: ISO/IEC 19794-2:2005 (record and card formats) and
 * ANSI INCITS 378-2004. Reading is strict: every length, range, reserved bit and view number is
 * checked before anything is handed out. Nothing is allocated and nothing blocks; bytes, views and
 * features are biometric data and stay where the caller keeps them, in locked memory.
 *
 * Features read here are minutiae only: cells_x and cells_y are 0, foreground_cells and hints too.
 * Positions are at 500 dpi, which a record in whole pixels a centimetre calls 197: other
 * resolutions are scaled by 197/resolution, pixel centre to pixel centre, so what was recorded at
 * up to 500 dpi is written back exactly. Directions agree with ours (finger.h) but for their unit;
 * they are left as they are where a record's two resolutions differ.
 */
#define FMR_BYTES_MAX (1u << 20) /* longer records are refused */
#define FMR_VIEWS_MAX 176u       /* 11 finger positions, 16 views of each */
#define FMR_STORED_MAX 255u      /* minutiae of a view in a record */
#define FMR_SIDE_MAX 2000u       /* pixels at 500 dpi: 10 cm, more than any finger */
#define FMR_PX_PER_CM 197u       /* 500 dpi */
#define FMR_PX_PER_CM_MIN 99u
#define FMR_DEVICE_MAX 4095u
#define FMR_POSITION_MAX                                                                 \
	10u /* 0 unknown, 1-5 right thumb to little, 6-10 left thumb to little */
#define FMR_NUMBER_MAX 15u

enum fmr_format { FMR_ISO_2005 = 1, FMR_ANSI_2004 = 2 };

enum fmr_impression {
	FMR_LIVE_PLAIN = 0,
	FMR_LIVE_ROLLED = 1,
	FMR_INK_PLAIN = 2,
	FMR_INK_ROLLED = 3,
	FMR_SWIPE = 8,
	FMR_CONTACTLESS = 9 /* ANSI only */
};

/* What a record says once for all its views. */
struct fmr_head {
	enum fmr_format format;
	uint16_t width, height; /* of the image, in the record's pixels; not 0 */
	uint16_t x_px_per_cm, y_px_per_cm; /* FMR_PX_PER_CM_MIN or more */
	uint16_t device;                   /* type of the capture device; 0 not told */
	bool certified;         /* the capture device, by the standard's annex */
	uint16_t product_owner; /* ANSI's CBEFF product identifier; 0 in ISO */
	uint16_t product_type;
};

/*
 * One impression of one finger. stored is the number of minutiae in the record: more than
 * features.count when some were left out. extended_bytes is the size of ridge counts, cores,
 * deltas and the like, which stay unread.
 */
struct fmr_view {
	uint8_t position;   /* 0..FMR_POSITION_MAX */
	uint8_t number;     /* 0, 1, 2 .. among the views of a known position */
	uint8_t impression; /* enum fmr_impression */
	uint8_t stored;
	uint16_t extended_bytes;
	struct finger_features features;
};

/* A record that was read. It borrows the bytes, which must outlive it unchanged. */
struct fmr {
	struct fmr_head head;
	unsigned views;
	const uint8_t *data;
	size_t bytes, views_at;
};

/* Where a record was refused and why: an offset from its first byte and a static text. */
struct fmr_fault {
	size_t offset;
	const char *what;
};

/*
 * Reads a whole record of either standard and tells which it is. 0 with *ret_record; -EBADMSG
 * malformed, truncated or longer than it says; -ENOTSUP another edition of the standards;
 * -EMSGSIZE longer than FMR_BYTES_MAX. ret_fault (may be NULL) is written on failure only.
 */
int fmr_open(const uint8_t *data, size_t bytes, struct fmr *ret_record,
	     struct fmr_fault *ret_fault);

/* What view index (less than r->views) of a record says of itself, but for its minutiae. */
struct fmr_label {
	uint8_t position, number, impression;
	uint8_t quality;
	uint8_t stored;
	uint16_t extended_bytes;
};
struct fmr_label fmr_label(const struct fmr *r, unsigned index);

/*
 * View index (less than r->views) of a record. A view with more minutiae than FINGER_MINUTIAE_MAX
 * loses those of the lowest quality first and, among equals, those farthest from the centre of
 * all: the order ISO/IEC 19794-2 prescribes for cards. Minutiae come by falling quality, equals in
 * the record's order.
 */
void fmr_view(const struct fmr *r, unsigned index, struct fmr_view *ret_view);
/* Its features alone. */
void fmr_features(const struct fmr *r, unsigned index,
		  struct finger_features *ret_features);

/*
 * A head for views of our own: 500 dpi, an image as large as the largest of them, no device and
 * no product told.
 */
struct fmr_head fmr_head_of(enum fmr_format format, const struct fmr_view *const views[],
			    size_t count);

/* How long the record of these views is; views' sizes are looked at, nothing else. */
size_t fmr_bytes(enum fmr_format format, const struct fmr_view *const views[],
		 size_t count);

/*
 * Writes a record of fmr_bytes() bytes at the resolution of head: minutiae only, in the order they
 * are in, without extended data. stored and extended_bytes of the views are not looked at. Zeros
 * stand in every reserved bit, so a record without extended data whose minutiae (at most
 * FINGER_MINUTIAE_MAX, at most 500 dpi) are by falling quality is written again as it was read.
 * 0; -EMSGSIZE bytes is another number; -ERANGE a view or the head cannot be expressed: a position
 * outside the image or beyond 14 bits, a code or quality the standard does not know, view numbers
 * out of order. On failure buf holds nothing of use.
 */
int fmr_write(const struct fmr_head *head, const struct fmr_view *const views[],
	      size_t count, uint8_t *buf, size_t bytes);

/*
 * One record of views that stand in others, byte by byte but for their extended data, which are
 * left out, and for the position where one is given (0: as it stands). The heads of the records
 * agree in all but their lengths and numbers of views, and the first one's is taken. 0 and
 * *ret_bytes; -EMSGSIZE it would not fit bytes_max; -ERANGE the heads differ, or the views together
 * make no record (numbers of a finger's views).
 */
struct fmr_piece {
	const struct fmr *record;
	unsigned view;
	uint8_t position;
};
int fmr_join(const struct fmr_piece *pieces, size_t count, uint8_t *buf, size_t bytes_max,
	     size_t *ret_bytes);

/*
 * The card formats of ISO/IEC 19794-2:2005: bare minutiae of one view, without header, image size
 * or qualities, in units of 0.01 mm (normal) or 0.1 mm (compact, at most 25.5 mm a side, 64
 * directions). The bytes do not tell which: the caller knows it from the card.
 */
enum fmr_card { FMR_CARD_NORMAL = 1, FMR_CARD_COMPACT = 2 };
#define FMR_CARD_NORMAL_MINUTIA_BYTES 5u
#define FMR_CARD_COMPACT_MINUTIA_BYTES 3u

/*
 * Reads a card's minutiae into features just large enough to hold them, quality 0 (not told).
 * features->count is less than the bytes hold when some were left out, as in fmr_view. 0;
 * -EBADMSG malformed; -EMSGSIZE more than FMR_STORED_MAX minutiae. ret_fault as in fmr_open.
 */
int fmr_card_read(enum fmr_card card, const uint8_t *data, size_t bytes,
		  struct finger_features *ret_features, struct fmr_fault *ret_fault);

/*
 * Writes the minutiae of f, in the order they are in: f->count times the size of one. 0;
 * -EMSGSIZE bytes is another number; -ERANGE a position does not fit the format.
 */
int fmr_card_write(enum fmr_card card, const struct finger_features *f, uint8_t *buf,
		   size_t bytes);

#endif
