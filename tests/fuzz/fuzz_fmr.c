/*
 * Finger minutiae records and card data of any bytes: refused with a place and a reason, or read
 * into views within their ranges; and a record written from those views is read as the same.
 */
#include "bio/finger/fmr.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fmr_view view[FMR_VIEWS_MAX], again;
static const struct fmr_view *views[FMR_VIEWS_MAX];

static void
must(bool fact)
{
	if (!fact)
		abort();
}

static void
check_features(const struct finger_features *f)
{
	unsigned quality = 100;

	must(f->count <= FINGER_MINUTIAE_MAX && f->quality <= 100);
	must(f->width <= FMR_SIDE_MAX && f->height <= FMR_SIDE_MAX);
	must(f->cells_x == 0 && f->cells_y == 0);
	for (unsigned i = 0; i < f->count; i++) {
		const struct minutia *m = &f->minutiae[i];

		must(m->x >= 0 && m->x < f->width && m->y >= 0 && m->y < f->height);
		must(m->type <= MINUTIA_BIFURCATION && m->quality <= quality);
		quality = m->quality;
	}
}

static bool
same_head(const struct fmr_head *a, const struct fmr_head *b)
{
	return a->format == b->format && a->width == b->width && a->height == b->height &&
	       a->x_px_per_cm == b->x_px_per_cm && a->y_px_per_cm == b->y_px_per_cm &&
	       a->device == b->device && a->certified == b->certified &&
	       a->product_owner == b->product_owner && a->product_type == b->product_type;
}

/* What is written keeps everything that was read. */
static void
check_written(const struct fmr *r, const uint8_t *written, size_t bytes)
{
	struct fmr w;

	must(fmr_open(written, bytes, &w, NULL) == 0);
	must(w.views == r->views && same_head(&w.head, &r->head));
	for (unsigned i = 0; i < w.views; i++) {
		fmr_view(&w, i, &again);
		must(again.extended_bytes == 0);
		must(memcmp(&again.features, &view[i].features, sizeof(again.features)) ==
		     0);
	}
}

static void
check_record(const struct fmr *r)
{
	uint8_t *written;
	size_t bytes;

	must(r->views <= FMR_VIEWS_MAX);
	for (unsigned i = 0; i < r->views; i++) {
		fmr_view(r, i, &view[i]);
		views[i] = &view[i];
		must(view[i].features.count <= view[i].stored);
		check_features(&view[i].features);
	}
	bytes = fmr_bytes(r->head.format, views, r->views);
	must(bytes <= r->bytes);
	written = malloc(bytes);
	must(written != NULL);
	must(fmr_write(&r->head, views, r->views, written, bytes) == 0);
	check_written(r, written, bytes);
	free(written);
}

static void
check_card(enum fmr_card card, const uint8_t *data, size_t size)
{
	struct fmr_fault fault = { 0, NULL };
	int rc = fmr_card_read(card, data, size, &again.features, &fault);

	must((rc < 0) == (fault.what != NULL) && fault.offset <= size);
	if (rc == 0)
		check_features(&again.features);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fmr_fault fault = { 0, NULL };
	struct fmr r;
	int rc;

	check_card(FMR_CARD_NORMAL, data, size);
	check_card(FMR_CARD_COMPACT, data, size);
	rc = fmr_open(data, size, &r, &fault);
	must(rc == 0 || rc == -EBADMSG || rc == -ENOTSUP || rc == -EMSGSIZE);
	must((rc < 0) == (fault.what != NULL) && fault.offset <= size);
	if (rc == 0)
		check_record(&r);
	return 0;
}
