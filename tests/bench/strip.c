#include "strip.h"

#include "bio/finger/fmr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMPACT_SIDE_PX 502 /* 25.5 mm: a compact card holds no more */
#define RECORD_BYTES_MAX 4096u

static const char *const names[] = { "", "iso", "ansi", "card", "compact" };

enum strip
strip_parse(const char *name)
{
	for (unsigned i = STRIP_ISO; i <= STRIP_COMPACT; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum strip)i;
	return STRIP_NONE;
}

static int
through_record(enum fmr_format format, const struct finger_features *f,
	       struct finger_features *ret_features)
{
	struct fmr_view *v = calloc(1, sizeof(*v));
	const struct fmr_view *const views[] = { v };
	uint8_t record[RECORD_BYTES_MAX];
	struct fmr_head head;
	struct fmr r;
	size_t bytes;
	int rc;

	if (v == NULL)
		return -ENOMEM;
	v->features = *f;
	head = fmr_head_of(format, views, 1);
	bytes = fmr_bytes(format, views, 1);
	rc = bytes > sizeof(record) ? -ERANGE : fmr_write(&head, views, 1, record, bytes);
	if (rc == 0)
		rc = fmr_open(record, bytes, &r, NULL);
	if (rc == 0) {
		fmr_view(&r, 0, v);
		*ret_features = v->features;
	}
	free(v);
	return rc;
}

/* Drops what lies beyond the side of a card. */
static void
cut(struct finger_features *f)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < f->count; i++)
		if (f->minutiae[i].x < COMPACT_SIDE_PX &&
		    f->minutiae[i].y < COMPACT_SIDE_PX)
			f->minutiae[kept++] = f->minutiae[i];
	f->count = (uint16_t)kept;
}

static int
through_card(enum fmr_card card, const struct finger_features *f,
	     struct finger_features *ret_features)
{
	size_t one = card == FMR_CARD_NORMAL ? FMR_CARD_NORMAL_MINUTIA_BYTES
					     : FMR_CARD_COMPACT_MINUTIA_BYTES;
	struct finger_features *cut_down = malloc(sizeof(*cut_down));
	uint8_t record[FINGER_MINUTIAE_MAX * FMR_CARD_NORMAL_MINUTIA_BYTES];
	int rc;

	if (cut_down == NULL)
		return -ENOMEM;
	*cut_down = *f;
	if (card == FMR_CARD_COMPACT)
		cut(cut_down);
	rc = fmr_card_write(card, cut_down, record, cut_down->count * one);
	if (rc == 0)
		rc = fmr_card_read(card, record, cut_down->count * one, ret_features,
				   NULL);
	free(cut_down);
	return rc;
}

int
strip_features(enum strip format, const struct finger_features *f,
	       struct finger_features *ret_features)
{
	switch (format) {
	case STRIP_ISO:
		return through_record(FMR_ISO_2005, f, ret_features);
	case STRIP_ANSI:
		return through_record(FMR_ANSI_2004, f, ret_features);
	case STRIP_CARD:
		return through_card(FMR_CARD_NORMAL, f, ret_features);
	case STRIP_COMPACT:
		return through_card(FMR_CARD_COMPACT, f, ret_features);
	case STRIP_NONE:
		break;
	}
	*ret_features = *f;
	return 0;
}
