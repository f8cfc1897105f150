/*
 * Image files of any bytes, and the extractor on whatever decodes: no crash, no read outside, and
 * features within their ranges. Small images only, so that a run is short.
 */
#include "bio/finger/finger.h"
#include "bio/sample.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PIXELS_MAX 40000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool fact)
{
	if (!fact)
		abort();
}

static void
check_features(const struct finger_features *f)
{
	must(f->count <= FINGER_MINUTIAE_MAX && f->quality <= 100);
	must(f->cells_x <= FINGER_CELLS_SIDE_MAX && f->cells_y <= FINGER_CELLS_SIDE_MAX);
	for (unsigned i = 0; i < f->count; i++) {
		must(f->minutiae[i].x >= 0 && f->minutiae[i].x < f->width);
		must(f->minutiae[i].y >= 0 && f->minutiae[i].y < f->height);
		must(f->minutiae[i].quality >= 1 && f->minutiae[i].quality <= 100);
	}
}

static void
extract(const struct sample *s)
{
	static struct finger_extractor *extractor;
	static struct finger_features f;
	int rc;

	if (extractor == NULL)
		extractor = finger_extractor_new();
	must(extractor != NULL);
	rc = finger_extract(extractor, s, &f);
	if (rc == 0)
		check_features(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sample *s = NULL;
	const char *why = NULL;
	int rc;

	rc = sample_decode(data, size, 500, &s, &why);
	must(rc <= 0 && (rc < 0) == (s == NULL) && (rc < 0) == (why != NULL));
	if (rc < 0)
		return 0;
	if (s->width * s->height <= PIXELS_MAX)
		extract(s);
	sample_free(s);
	return 0;
}
