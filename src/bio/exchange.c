#include "bio/exchange.h"

#include "base/secret.h"
#include "bio/gallery/foreign.h"
#include "bio/gallery/gallery.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Two fingers of a record that score this much (1/100 dB) are one, under two positions. */
#define SAME_FINGER_SCORE 3500

/* The views of one finger, the best first. */
struct group {
	uint8_t position;
	unsigned count;
	unsigned view[FMR_VIEWS_MAX];
};

static const char *const format_names[] = { "", "iso", "ansi" };

unsigned
exchange_format(struct str name)
{
	for (unsigned i = FMR_ISO_2005; i <= FMR_ANSI_2004; i++)
		if (str_is(name, format_names[i]))
			return i;
	return 0;
}

const char *
exchange_format_name(enum fmr_format format)
{
	assert(format == FMR_ISO_2005 || format == FMR_ANSI_2004);
	return format_names[format];
}

__attribute__((format(printf, 3, 4))) static int
refuse(struct exchange_fault *fault, int rc, const char *fmt, ...)
{
	va_list ap;

	fault->at_byte = false;
	fault->offset = 0;
	va_start(ap, fmt);
	(void)vsnprintf(fault->what, sizeof(fault->what), fmt, ap); /* cut when long */
	va_end(ap);
	return rc;
}

static int
open_record(const uint8_t *data, size_t bytes, struct fmr *record,
	    struct exchange_fault *fault)
{
	struct fmr_fault f = { 0, "" };
	int rc = fmr_open(data, bytes, record, &f);

	if (rc < 0) {
		(void)refuse(fault, rc, "%s", f.what);
		fault->at_byte = true;
		fault->offset = f.offset;
	}
	return rc;
}

/* Inserts a view among those of its finger by falling quality; equals stay in order. */
static void
insert(struct group *g, const struct fmr *record, unsigned view)
{
	unsigned at = g->count++;
	uint8_t quality = fmr_label(record, view).quality;

	for (; at > 0 && fmr_label(record, g->view[at - 1]).quality < quality; at--)
		g->view[at] = g->view[at - 1];
	g->view[at] = view;
}

/* Groups the views by finger, in the order in which fingers appear. */
static int
group_views(const struct fmr *record, uint8_t position,
	    struct group groups[EXCHANGE_FINGERS_MAX], size_t *ret_count,
	    struct exchange_fault *fault)
{
	size_t count = 0, at;

	for (unsigned i = 0; i < record->views; i++) {
		uint8_t told = fmr_label(record, i).position;

		if (told != 0 && position != 0)
			return refuse(fault, -EINVAL,
				      "view %u: the record names its fingers itself",
				      i + 1);
		if (told == 0 && position == 0)
			return refuse(fault, -EINVAL,
				      "view %u: of which finger is not told; name it",
				      i + 1);
		told = told == 0 ? position : told;
		for (at = 0; at < count && groups[at].position != told; at++)
			;
		if (at == count) {
			assert(count < EXCHANGE_FINGERS_MAX); /* positions are checked */
			groups[count++] = (struct group){ .position = told };
		}
		insert(&groups[at], record, i);
	}
	*ret_count = count;
	return 0;
}

static int
make_failed(struct exchange_fault *fault, const struct group *g, int rc)
{
	switch (rc) {
	case -ENODATA:
		return refuse(fault, rc, "finger %u: too few minutiae to tell a finger",
			      g->position);
	case -EMSGSIZE:
		return refuse(fault, rc, "finger %u: more than %u minutiae", g->position,
			      FOREIGN_MINUTIAE_MAX);
	case -EXDEV:
		return refuse(fault, rc, "finger %u: its views are not of one finger",
			      g->position);
	default:
		return refuse(fault, rc, "finger %u: %s", g->position, strerror(-rc));
	}
}

static int
make(const struct fmr *record, const struct group *g, struct exchange_finger *f,
     struct exchange_fault *fault)
{
	unsigned take = g->count < REFERENCE_IMPRESSIONS_MAX ? g->count
							     : REFERENCE_IMPRESSIONS_MAX;
	struct fmr made;
	int rc;

	rc = foreign_make(record, g->view, take, g->position, f->reference, &f->bytes);
	if (rc < 0)
		return make_failed(fault, g, rc);
	rc = foreign_open(f->reference, f->bytes, &made);
	assert(rc == 0); /* we made it */
	(void)rc;
	f->position = g->position;
	f->views = (uint8_t)g->count;
	f->quality = fmr_label(record, g->view[0]).quality;
	f->minutiae = fmr_label(&made, 0).stored;
	for (unsigned i = 0; i < g->count; i++)
		f->extended_bytes =
			(uint16_t)(f->extended_bytes +
				   fmr_label(record, g->view[i]).extended_bytes);
	return 0;
}

/* Memory of comparing the fingers of a record with each other. */
struct pair {
	struct finger_features a, b;
};

static int
check_different(const struct exchange *x, struct exchange_fault *fault)
{
	struct pair *p = secret_region_new(sizeof(*p));
	int32_t score;
	int rc = p == NULL ? -ENOMEM : 0;

	for (size_t i = 0; rc == 0 && i < x->fingers_count; i++) {
		const struct exchange_finger *a = &x->fingers[i];

		rc = reference_unpack(a->reference, a->bytes, &p->a);
		for (size_t j = 0; rc == 0 && j < i; j++) {
			const struct exchange_finger *b = &x->fingers[j];

			rc = reference_unpack(b->reference, b->bytes, &p->b);
			if (rc == 0)
				rc = finger_compare(&p->a, &p->b, &score);
			if (rc == 0 && score >= SAME_FINGER_SCORE)
				rc = refuse(fault, -EXDEV,
					    "fingers %u and %u are the same finger",
					    b->position, a->position);
		}
	}
	secret_region_free(p, sizeof(*p));
	return rc;
}

int
exchange_read(const uint8_t *data, size_t bytes, uint8_t position,
	      struct exchange *ret_exchange, struct exchange_fault *ret_fault)
{
	struct group groups[EXCHANGE_FINGERS_MAX];
	struct exchange *x = ret_exchange;
	struct fmr record;
	size_t count = 0;
	int rc = open_record(data, bytes, &record, ret_fault);

	assert(position <= FMR_POSITION_MAX);
	if (rc < 0)
		return rc;
	memset(x, 0, sizeof(*x));
	x->head = record.head;
	x->views = record.views;
	if (record.views == 0)
		return refuse(ret_fault, -ENODATA, "the record has no view");
	rc = group_views(&record, position, groups, &count, ret_fault);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = make(&record, &groups[i], &x->fingers[i], ret_fault);
		x->fingers_count += rc == 0;
	}
	if (rc < 0)
		return rc;
	rc = check_different(x, ret_fault);
	return rc == 0 || rc == -EXDEV ? rc : refuse(ret_fault, rc, "%s", strerror(-rc));
}

/* ---- out -------------------------------------------------------------------- */

/* Memory of writing. */
struct writing {
	struct fmr_view views[EXCHANGE_FINGERS_MAX];
};

/* As they were imported; -ERANGE that is not possible. */
static int
write_exactly(const struct store_reference *references, size_t count, unsigned format,
	      uint8_t *buf, size_t *ret_bytes)
{
	struct fmr records[EXCHANGE_FINGERS_MAX];
	struct fmr_piece pieces[EXCHANGE_FINGERS_MAX];

	for (size_t i = 0; i < count; i++) {
		if (foreign_open(references[i].data, references[i].bytes, &records[i]) <
		    0)
			return -ERANGE;
		if (format != 0 && records[i].head.format != format)
			return -ERANGE;
		pieces[i] = (struct fmr_piece){ &records[i], 0, 0 };
	}
	return fmr_join(pieces, count, buf, EXCHANGE_BYTES_MAX, ret_bytes) < 0 ? -ERANGE
									       : 0;
}

/* At 500 dpi, as this system sees them. */
static int
write_anew(const struct store_reference *references, size_t count, enum fmr_format format,
	   uint8_t *buf, size_t *ret_bytes)
{
	struct writing *w = secret_region_new(sizeof(*w));
	const struct fmr_view *views[EXCHANGE_FINGERS_MAX];
	struct fmr_head head;
	size_t bytes;
	int rc = w == NULL ? -ENOMEM : 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		views[i] = &w->views[i];
		w->views[i].position = (uint8_t)references[i].finger;
		w->views[i].impression = FMR_LIVE_PLAIN;
		rc = reference_unpack(references[i].data, references[i].bytes,
				      &w->views[i].features);
	}
	if (rc == 0) {
		head = fmr_head_of(format, views, count);
		bytes = fmr_bytes(format, views, count);
		rc = bytes > EXCHANGE_BYTES_MAX
			     ? -ERANGE
			     : fmr_write(&head, views, count, buf, bytes);
		if (rc == 0)
			*ret_bytes = bytes;
	}
	secret_region_free(w, sizeof(*w));
	return rc == -ENOTSUP ? -EBADMSG : rc;
}

int
exchange_write(const struct store_reference *references, size_t count, unsigned format,
	       uint8_t buf[EXCHANGE_BYTES_MAX], size_t *ret_bytes, bool *ret_exact)
{
	int rc;

	assert(format <= FMR_ANSI_2004);
	if (count == 0)
		return -ENODATA;
	if (count > EXCHANGE_FINGERS_MAX)
		return -ERANGE;
	rc = write_exactly(references, count, format, buf, ret_bytes);
	if (rc == 0) {
		*ret_exact = true;
		return 0;
	}
	rc = write_anew(references, count, format == 0 ? FMR_ISO_2005 : format, buf,
			ret_bytes);
	if (rc == 0)
		*ret_exact = false;
	return rc;
}
