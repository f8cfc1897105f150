#include "bio/finger/fmr_private.h"

#include <errno.h>
#include <string.h>

/* Of a view without its extended data. */
static size_t
bytes_of(const struct fmr_piece *piece)
{
	const uint8_t *p = fmr_view_at(piece->record, piece->view);

	return FMR_VIEW_HEAD_BYTES + (size_t)p[3] * FMR_MINUTIA_BYTES +
	       FMR_EXTENDED_HEAD_BYTES;
}

static bool
same_head(const struct fmr_head *a, const struct fmr_head *b)
{
	return a->format == b->format && a->width == b->width && a->height == b->height &&
	       a->x_px_per_cm == b->x_px_per_cm && a->y_px_per_cm == b->y_px_per_cm &&
	       a->device == b->device && a->certified == b->certified &&
	       a->product_owner == b->product_owner && a->product_type == b->product_type;
}

static uint8_t *
copy_view(const struct fmr_piece *piece, uint8_t *p)
{
	size_t bytes = bytes_of(piece);

	memcpy(p, fmr_view_at(piece->record, piece->view),
	       bytes - FMR_EXTENDED_HEAD_BYTES);
	if (piece->position != 0)
		p[0] = piece->position;
	fmr_put16(p + bytes - FMR_EXTENDED_HEAD_BYTES, 0);
	return p + bytes;
}

int
fmr_join(const struct fmr_piece *pieces, size_t count, uint8_t *buf, size_t bytes_max,
	 size_t *ret_bytes)
{
	const struct fmr_head *head;
	size_t bytes = 0;
	struct fmr joined;
	uint8_t *p;

	if (count == 0 || count > FMR_VIEWS_MAX)
		return -ERANGE;
	head = &pieces[0].record->head;
	for (size_t i = 0; i < count; i++) {
		if (!same_head(head, &pieces[i].record->head))
			return -ERANGE;
		bytes += bytes_of(&pieces[i]);
	}
	bytes = fmr_record_bytes(head->format, bytes);
	if (bytes > bytes_max)
		return -EMSGSIZE;
	p = fmr_write_head(head, count, bytes, buf);
	for (size_t i = 0; i < count; i++)
		p = copy_view(&pieces[i], p);
	if (fmr_open(buf, bytes, &joined, NULL) < 0)
		return -ERANGE;
	*ret_bytes = bytes;
	return 0;
}
