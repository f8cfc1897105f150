#include "bio/gallery/gallery.h"
#include "bio/gallery/reference.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool fact)
{
	if (!fact)
		abort();
}

/* What a search reads of it stays within its tables. */
static void
check_scan(const struct scan_reference *r, const struct finger_features *any)
{
	static struct scan_probe probe;

	must(r->cylinders <= r->count && r->count <= SCAN_MINUTIAE_MAX &&
	     r->cylinders <= SCAN_CYLINDERS_MAX);
	for (unsigned i = 0; i < r->cylinders; i++)
		must(r->ones[i] <= KERNEL_CODE_ONES_MAX);
	scan_probe_fill(&probe, kernel_best(), any);
	must(scan_score(kernel_best(), &probe, r) <= SCAN_SCORE_MAX);
	must(scan_again(kernel_best(), &probe, r) <= SCAN_SCORE_MAX);
}

static bool
same_minutia(const struct minutia *a, const struct minutia *b)
{
	return a->x == b->x && a->y == b->y && a->angle == b->angle &&
	       a->type == b->type && a->quality == b->quality;
}

static bool
same(const struct finger_features *a, const struct finger_features *b)
{
	for (unsigned i = 0; i < a->count && i < b->count; i++)
		if (!same_minutia(&a->minutiae[i], &b->minutiae[i]))
			return false;
	return a->width == b->width && a->height == b->height && a->count == b->count &&
	       a->quality == b->quality && a->cells_x == b->cells_x &&
	       a->cells_y == b->cells_y && a->foreground_cells == b->foreground_cells &&
	       memcmp(a->orientation, b->orientation, sizeof(a->orientation)) == 0 &&
	       memcmp(a->coherence, b->coherence, sizeof(a->coherence)) == 0;
}

/* Renewed it is the same features, and its sketch is what they yield. */
static void
check_renewed(const uint8_t *data, size_t size, const struct finger_features *f)
{
	static struct finger_features again;
	static struct scan_reference made, read;
	uint8_t packed[REFERENCE_BYTES_MAX];
	size_t bytes = 0;

	must(reference_renew(data, size, packed, &bytes) == 0);
	must(bytes <= REFERENCE_BYTES_MAX);
	must(reference_unpack(packed, bytes, &again) == 0);
	must(same(&again, f));
	must(reference_scan(packed, bytes, &again, &read) == 0);
	scan_reference_fill(&made, kernel_best(), f);
	must(memcmp(&made, &read, sizeof(made)) == 0);
}

/*
 * Whatever unpacks can be compared and packed again, and what was packed unpacks. A stored
 * reference that passes the reader never harms the gallery.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct finger_features f, again;
	static struct scan_reference scan;
	const struct finger_features *one[] = { &f };
	uint8_t packed[REFERENCE_BYTES_MAX];
	int32_t score = 0;
	size_t bytes;

	memset(&f, 0, sizeof(f));
	if (reference_scan(data, size, &f, &scan) >= 0)
		check_scan(&scan, &f);
	if (reference_unpack(data, size, &f) < 0)
		return 0;
	must(reference_scan(data, size, &again, &scan) >= 0);
	check_scan(&scan, &f);
	check_renewed(data, size, &f);
	if (finger_compare(&f, &f, &score) == 0)
		must(score >= 0 && score <= GALLERY_SCORE_MAX);
	if (reference_make(one, 1, packed, &bytes) < 0)
		return 0;
	must(bytes <= REFERENCE_BYTES_MAX &&
	     reference_unpack(packed, bytes, &again) == 0);
	return 0;
}
