/*
 * The import of any bytes as a finger minutiae record: refused with a reason, or made into
 * references that unpack, compare, and come out again as a record that gives the same ones.
 */
#include "bio/exchange.h"
#include "bio/gallery/gallery.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct exchange first, again;
static struct exchange_fault fault;
static uint8_t record[EXCHANGE_BYTES_MAX];

static void
must(bool fact)
{
	if (!fact)
		abort();
}

static void
check_finger(const struct exchange_finger *f)
{
	static struct finger_features features;
	int32_t score = 0;

	must(f->position >= 1 && f->position <= FMR_POSITION_MAX && f->views > 0);
	must(f->bytes <= REFERENCE_BYTES_MAX);
	must(reference_is_foreign(f->reference, f->bytes));
	must(reference_unpack(f->reference, f->bytes, &features) == 0);
	if (finger_compare(&features, &features, &score) == 0)
		must(score >= 0 && score <= GALLERY_SCORE_MAX);
}

static void
check_round(void)
{
	struct store_reference references[EXCHANGE_FINGERS_MAX];
	size_t bytes = 0;
	bool exact = false;

	for (size_t i = 0; i < first.fingers_count; i++)
		references[i] =
			(struct store_reference){ .finger = first.fingers[i].position,
						  .data = first.fingers[i].reference,
						  .bytes = first.fingers[i].bytes };
	if (exchange_write(references, first.fingers_count, 0, record, &bytes, &exact) <
	    0)
		return; /* larger than a record at 500 dpi may be */
	must(bytes <= sizeof(record));
	if (!exact)
		return;
	must(exchange_read(record, bytes, 0, &again, &fault) == 0);
	must(again.fingers_count == first.fingers_count);
	for (size_t i = 0; i < first.fingers_count; i++) {
		must(again.fingers[i].bytes == first.fingers[i].bytes);
		must(memcmp(again.fingers[i].reference, first.fingers[i].reference,
			    first.fingers[i].bytes) == 0);
	}
}

/* The first byte names the finger, as the option does. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (exchange_read(data + 1, size - 1, data[0] % (FMR_POSITION_MAX + 1), &first,
			  &fault) < 0) {
		must(memchr(fault.what, '\0', sizeof(fault.what)) != NULL &&
		     fault.what[0] != '\0');
		must(!fault.at_byte || fault.offset < size);
		return 0;
	}
	must(first.fingers_count >= 1 && first.fingers_count <= EXCHANGE_FINGERS_MAX);
	for (size_t i = 0; i < first.fingers_count; i++)
		check_finger(&first.fingers[i]);
	check_round();
	return 0;
}
