#include "bio/gallery/gallery.h"
#include "bio/gallery/reference.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Whatever unpacks can be compared and packed again, and what was packed unpacks. A stored
 * reference that passes the reader never harms the gallery.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct finger_features f, again;
	const struct finger_features *one[] = { &f };
	uint8_t packed[REFERENCE_BYTES_MAX];
	int32_t score = 0;
	size_t bytes;

	if (reference_unpack(data, size, &f) < 0)
		return 0;
	if (finger_compare(&f, &f, &score) == 0 &&
	    (score < 0 || score > GALLERY_SCORE_MAX))
		abort();
	if (reference_make(one, 1, packed, &bytes) < 0)
		return 0;
	if (bytes > REFERENCE_BYTES_MAX || reference_unpack(packed, bytes, &again) < 0)
		abort();
	return 0;
}
