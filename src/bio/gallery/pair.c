#include "bio/gallery/gallery.h"

#include "base/secret.h"
#include "bio/gallery/fine.h"
#include "bio/gallery/fixed.h"
#include "bio/gallery/score.h"

#include <assert.h>
#include <errno.h>

/* Two pictures that are compared outside a gallery. */

#define SAME_FINGER 2000 /* 1/100 dB; a shift of strangers tells nothing */

struct pair {
	struct fine_side probe, reference;
	struct fine_evidence evidence;
};

static int
compare(const struct finger_features *probe, const struct finger_features *reference,
	struct fine_evidence *ret_evidence)
{
	struct pair *p = secret_region_new(sizeof(*p));
	struct fine_work *work = secret_region_new(fine_work_bytes());
	int rc = -ENOMEM;

	if (p == NULL || work == NULL)
		goto out;
	rc = -ENODATA;
	if (!fine_prepare(&p->probe, probe) || !fine_prepare(&p->reference, reference))
		goto out;
	fine_compare(work, kernel_best(), &p->probe, &p->reference, &p->evidence);
	*ret_evidence = p->evidence;
	rc = 0;
out:
	secret_region_free(work, fine_work_bytes());
	secret_region_free(p, sizeof(*p));
	return rc;
}

int
finger_compare(const struct finger_features *probe,
	       const struct finger_features *reference, int32_t *ret_score)
{
	struct fine_evidence evidence;
	int rc = compare(probe, reference, &evidence);

	if (rc == 0)
		*ret_score = score_of(&evidence);
	return rc;
}

int
finger_shift(const struct finger_features *a, const struct finger_features *b,
	     uint32_t *ret_px)
{
	struct fine_evidence evidence;
	int64_t x = 0, y = 0, dx, dy;
	int32_t to_x, to_y;
	int rc = compare(a, b, &evidence);

	if (rc < 0)
		return rc;
	assert(a->count > 0); /* else it could not have been compared */
	if (score_of(&evidence) < SAME_FINGER)
		return -ENODATA;
	for (unsigned i = 0; i < a->count; i++) {
		x += a->minutiae[i].x;
		y += a->minutiae[i].y;
	}
	x /= a->count;
	y /= a->count;
	fine_moved(&evidence.move, (int32_t)x, (int32_t)y, &to_x, &to_y);
	dx = to_x - x;
	dy = to_y - y;
	*ret_px = fixed_root((uint64_t)(dx * dx + dy * dy));
	return 0;
}
