#include "bio/finger/fmr_private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Cards give positions in parts of a millimetre: to minutiae that is a resolution. */
#define NORMAL_PX_PER_CM 1000u
#define NORMAL_SIDE (FMR_SIDE_MAX * NORMAL_PX_PER_CM / FMR_PX_PER_CM)
#define COMPACT_PX_PER_CM 100u
#define COMPACT_SIDE 256u

static struct fmr_frame
frame_of(enum fmr_card card)
{
	if (card == FMR_CARD_NORMAL) {
		return (struct fmr_frame){ FMR_LAYOUT_NORMAL, NORMAL_SIDE, NORMAL_SIDE,
					   NORMAL_PX_PER_CM, NORMAL_PX_PER_CM };
	}
	return (struct fmr_frame){ FMR_LAYOUT_COMPACT, COMPACT_SIDE, COMPACT_SIDE,
				   COMPACT_PX_PER_CM, COMPACT_PX_PER_CM };
}

int
fmr_card_read(enum fmr_card card, const uint8_t *data, size_t bytes,
	      struct finger_features *ret_features, struct fmr_fault *ret_fault)
{
	struct finger_features *f = ret_features;
	struct fmr_list l = { .frame = frame_of(card) };
	size_t step = fmr_minutia_bytes(l.frame.layout), offset = 0;
	const char *what;

	if (bytes / step > FMR_STORED_MAX) {
		return fmr_fail(ret_fault, FMR_STORED_MAX * step,
				"more than 255 minutiae", -EMSGSIZE);
	}
	if (bytes % step != 0)
		return fmr_fail(ret_fault, bytes, "data ends in a minutia", -EBADMSG);
	l.data = data;
	l.count = (unsigned)(bytes / step);
	what = fmr_list_check(&l, &offset);
	if (what != NULL)
		return fmr_fail(ret_fault, offset, what, -EBADMSG);
	memset(f, 0, sizeof(*f));
	fmr_list_unpack(&l, f);
	f->width = f->height = 1;
	for (unsigned i = 0; i < f->count; i++) {
		const struct minutia *m = &f->minutiae[i];

		f->width = m->x >= f->width ? (uint16_t)(m->x + 1) : f->width;
		f->height = m->y >= f->height ? (uint16_t)(m->y + 1) : f->height;
	}
	return 0;
}

int
fmr_card_write(enum fmr_card card, const struct finger_features *f, uint8_t *buf,
	       size_t bytes)
{
	struct fmr_frame frame = frame_of(card);
	size_t step = fmr_minutia_bytes(frame.layout);

	assert(f->count <= FINGER_MINUTIAE_MAX);
	if (bytes != f->count * step)
		return -EMSGSIZE;
	for (unsigned i = 0; i < f->count; i++) {
		if (!fmr_minutia_pack(&frame, &f->minutiae[i], buf + i * step))
			return -ERANGE;
	}
	return 0;
}
