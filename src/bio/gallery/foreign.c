#include "bio/gallery/foreign.h"

#include "base/secret.h"
#include "bio/gallery/fine.h"
#include "bio/gallery/merge.h"
#include "bio/gallery/reference_private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Fewer usable minutiae tell a finger poorly, and without ridges nothing makes up for it. */
#define CYLINDERS_MIN 12u
#define RECORD_BYTES_MAX (REFERENCE_BYTES_MAX - REFERENCE_LEAD_BYTES)

/* The longest head that so short a record has is ANSI's of 26 bytes; a view has 6 besides. */
_Static_assert(26u + 6u + FOREIGN_MINUTIAE_MAX * 6u <= RECORD_BYTES_MAX, "a view fits");

/* Memory of one making. */
struct scrap {
	struct fmr_view views[REFERENCE_IMPRESSIONS_MAX], merged;
	struct fine_side side;
};

static uint8_t *
start(uint8_t buf[REFERENCE_BYTES_MAX])
{
	buf[0] = REFERENCE_VERSION;
	buf[1] = REFERENCE_FOREIGN;
	return buf + REFERENCE_LEAD_BYTES;
}

static bool
tells_finger(struct scrap *s, const struct finger_features *f)
{
	return fine_prepare(&s->side, f) && s->side.set.count >= CYLINDERS_MIN;
}

static int
keep_one(const struct fmr *record, unsigned view, uint8_t position, struct scrap *s,
	 uint8_t *to, size_t *ret_bytes)
{
	const struct fmr_piece piece = { record, view, position };

	if (s->views[0].stored > FOREIGN_MINUTIAE_MAX)
		return -EMSGSIZE;
	if (!tells_finger(s, &s->views[0].features))
		return -ENODATA;
	return fmr_join(&piece, 1, to, RECORD_BYTES_MAX, ret_bytes);
}

static int
merge(const struct scrap *s, size_t count, struct fmr_view *merged)
{
	const struct finger_features *impressions[REFERENCE_IMPRESSIONS_MAX];
	size_t work_bytes = merge_work_bytes();
	struct merge_work *work = secret_region_new(work_bytes);
	int rc;

	if (work == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		impressions[i] = &s->views[i].features;
	rc = merge_impressions(work, impressions, count, &merged->features);
	secret_region_free(work, work_bytes);
	return rc;
}

static int
keep_several(size_t count, uint8_t position, struct scrap *s, uint8_t *to,
	     size_t *ret_bytes)
{
	const struct fmr_view *const views[] = { &s->merged };
	struct fmr_head head;
	struct fmr written;
	size_t bytes;
	int rc = merge(s, count, &s->merged);

	if (rc < 0)
		return rc;
	s->merged.position = position;
	s->merged.impression = s->views[0].impression;
	if (s->merged.impression == FMR_CONTACTLESS)
		s->merged.impression = FMR_LIVE_PLAIN; /* ISO has no word for it */
	head = fmr_head_of(FMR_ISO_2005, views, 1);
	bytes = fmr_bytes(FMR_ISO_2005, views, 1);
	assert(bytes <= RECORD_BYTES_MAX); /* MERGE_MINUTIAE_MAX at most */
	rc = fmr_write(&head, views, 1, to, bytes);
	if (rc == 0)
		rc = fmr_open(to, bytes, &written, NULL);
	if (rc < 0)
		return rc;
	/* What is left after merging, and in the record's units, has to tell a finger, too. */
	fmr_features(&written, 0, &s->merged.features);
	if (!tells_finger(s, &s->merged.features))
		return -ENODATA;
	*ret_bytes = bytes;
	return 0;
}

int
foreign_make(const struct fmr *record, const unsigned views[], size_t count,
	     uint8_t position, uint8_t buf[REFERENCE_BYTES_MAX], size_t *ret_bytes)
{
	struct scrap *s;
	size_t bytes = 0;
	int rc;

	assert(position >= 1 && position <= FMR_POSITION_MAX);
	if (count < 1 || count > REFERENCE_IMPRESSIONS_MAX)
		return -EINVAL;
	s = secret_region_new(sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		fmr_view(record, views[i], &s->views[i]);
	if (count == 1)
		rc = keep_one(record, views[0], position, s, start(buf), &bytes);
	else
		rc = keep_several(count, position, s, start(buf), &bytes);
	secret_region_free(s, sizeof(*s));
	bytes += REFERENCE_LEAD_BYTES;
	if (rc == 0)
		rc = reference_put_sketch(buf, &bytes);
	if (rc == 0)
		*ret_bytes = bytes;
	return rc;
}

int
foreign_open(const uint8_t *packed, size_t bytes, struct fmr *ret_record)
{
	struct reference_parts parts;
	struct fmr_label label;
	struct fmr r;

	if (reference_open(packed, bytes, &parts) < 0 ||
	    (parts.flags & ~REFERENCE_SKETCH) != REFERENCE_FOREIGN)
		return -EBADMSG;
	if (fmr_open(parts.body, parts.body_bytes, &r, NULL) < 0 || r.views != 1)
		return -EBADMSG;
	label = fmr_label(&r, 0);
	if (label.position == 0 || label.extended_bytes != 0)
		return -EBADMSG; /* there is one form only */
	*ret_record = r;
	return 0;
}
