#include "bio/finger/finger.h"

#include "base/secret.h"
#include "bio/finger/work.h"

#include <assert.h>
#include <string.h>

/* Rounds of directions and filters after the first. */
#define REFINEMENTS 2

struct finger_extractor *
finger_extractor_new(void)
{
	struct finger_extractor *x = secret_region_new(sizeof(*x));

	if (x != NULL)
		enhance_init(&x->kernels);
	return x;
}

struct finger_extractor *
finger_extractor_free(struct finger_extractor *x)
{
	secret_region_free(x, sizeof(*x));
	return NULL;
}

int
finger_extract(struct finger_extractor *x, const struct sample *s,
	       struct finger_features *features)
{
	int rc;

	assert(s->grey != NULL);
	rc = plane_load(x, s);
	if (rc < 0)
		return rc;
	memset(features, 0, sizeof(*features));
	features->width = (uint16_t)x->width;
	features->height = (uint16_t)x->height;
	plane_normalise(x);
	orient_from_norm(x);
	enhance_along(x);
	period_estimate(x);
	enhance_across(x);
	/* Again with the directions of the enhanced image: they are less disturbed. */
	for (int i = 0; i < REFINEMENTS; i++) {
		orient_from_wave(x);
		enhance_along(x);
		enhance_across(x);
	}
	segment_mask(x);
	skeleton_make(x);
	minutiae_find(x, features);
	rc = quality_rate(x, features);
	if (rc < 0) {
		features->quality = 0;
		features->count = 0; /* nobody shall match or keep what is no print */
		memset(features->minutiae, 0, sizeof(features->minutiae));
	}
	plane_wipe(x);
	return rc;
}
