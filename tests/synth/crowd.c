#include "crowd.h"

#include "bio/gallery/reference.h"
#include "synth_math.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct crowd {
	struct crowd_options options;
	struct finger_features features[REFERENCE_IMPRESSIONS_MAX];
	/* With pictures only: the finger at hand. */
	struct finger_extractor *extractor;
	struct synth_master *master;
	uint64_t master_seed;
	struct sample *sample;
};

struct crowd *
crowd_new(const struct crowd_options *o)
{
	struct crowd *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->options = *o;
	if (!o->pictures)
		return c;
	c->extractor = finger_extractor_new();
	if (c->extractor == NULL ||
	    sample_new(o->synth.width, o->synth.height, SYNTH_DPI, &c->sample) < 0)
		return crowd_free(c);
	return c;
}

struct crowd *
crowd_free(struct crowd *c)
{
	if (c == NULL)
		return NULL;
	sample_free(c->sample);
	finger_extractor_free(c->extractor);
	synth_master_free(c->master);
	free(c);
	return NULL;
}

static int
from_picture(struct crowd *c, uint64_t seed, uint32_t impression,
	     struct finger_features *ret_features)
{
	int rc;

	if (c->master == NULL || c->master_seed != seed) {
		synth_master_free(c->master);
		c->master = synth_master_new(seed);
		c->master_seed = seed;
	}
	if (c->master == NULL)
		return -ENOMEM;
	rc = synth_master_render(c->master, impression, &c->options.synth,
				 c->sample->grey);
	return rc < 0 ? rc : finger_extract(c->extractor, c->sample, ret_features);
}

int
crowd_impression(struct crowd *c, uint64_t finger, uint32_t impression,
		 struct finger_features *ret_features)
{
	uint64_t seed = synth_mix(c->options.seed) + finger;

	if (c->options.pictures)
		return from_picture(c, seed, impression, ret_features);
	return synth_features(seed, impression, &c->options.synth, ret_features);
}

int
crowd_consolidate(const struct finger_features *const impressions[], unsigned count,
		  struct finger_features *ret_features)
{
	const struct finger_features *list[REFERENCE_IMPRESSIONS_MAX];
	uint8_t packed[REFERENCE_BYTES_MAX];
	size_t n = 0, bytes;
	int rc = -ENODATA;

	assert(count <= REFERENCE_IMPRESSIONS_MAX);
	for (unsigned i = 0; i < count; i++) {
		if (impressions[i] != NULL)
			list[n++] = impressions[i];
	}
	for (; n > 0; n--) {
		rc = reference_make(list, n, packed, &bytes);
		if (rc == 0)
			return reference_unpack(packed, bytes, ret_features);
		if (rc != -ENODATA && rc != -EXDEV)
			return rc;
	}
	return -ENODATA;
}

int
crowd_reference(struct crowd *c, uint64_t finger, unsigned count,
		struct finger_features *ret_features)
{
	const struct finger_features *list[REFERENCE_IMPRESSIONS_MAX];

	assert(count >= 1 && count <= REFERENCE_IMPRESSIONS_MAX);
	for (unsigned i = 0; i < count; i++) {
		int rc = crowd_impression(c, finger, i, &c->features[i]);

		if (rc < 0 && rc != -ENODATA)
			return rc;
		list[i] = rc == 0 ? &c->features[i] : NULL;
	}
	return crowd_consolidate(list, count, ret_features);
}
