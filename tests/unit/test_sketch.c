#include "unit.h"

#include "base/crypto.h"
#include "bio/gallery/reference.h"
#include "bio/gallery/sketch.h"
#include "synth/synth.h"

#include <stdbool.h>
#include <string.h>

#define FINGERS 60u
#define HEADER 3u

static struct finger_features features;
static struct scan_reference made, read;
static uint8_t packed[SKETCH_BYTES_MAX + 1];
static size_t packed_bytes;

static void
make(uint64_t seed)
{
	ck_assert_int_eq(synth_features(seed, 0, NULL, &features), 0);
	scan_reference_fill(&made, kernel_best(), &features);
}

static bool
comes_back(void)
{
	memset(packed, 0xa5, sizeof(packed));
	packed_bytes = sketch_pack(&made, packed);
	ck_assert_uint_le(packed_bytes, SKETCH_BYTES_MAX);
	ck_assert_uint_eq(packed[packed_bytes], 0xa5);
	memset(&read, 0x77, sizeof(read));
	return sketch_read(packed, packed_bytes, &read) &&
	       memcmp(&read, &made, sizeof(made)) == 0;
}

START_TEST(what_is_read_is_what_was_made)
{
	size_t sum = 0;

	for (uint64_t seed = 0; seed < FINGERS; seed++) {
		make(seed);
		ck_assert_uint_gt(made.cylinders, 0);
		ck_assert(comes_back());
		sum += packed_bytes;
		/* Minutiae only, as in records of other systems. */
		features.cells_x = features.cells_y = 0;
		scan_reference_fill(&made, kernel_best(), &features);
		ck_assert(comes_back());
	}
	ck_assert_uint_lt(sum / FINGERS, sizeof(made) * 3 / 4);
}
END_TEST

/* As few minutiae as there may be, down to none: no cylinders then. */
START_TEST(small_fingers_come_back)
{
	make(7);
	for (unsigned n = features.count; n-- > 0;) {
		features.count = (uint16_t)n;
		scan_reference_fill(&made, kernel_best(), &features);
		ck_assert(comes_back());
	}
	ck_assert_uint_eq(read.count, 0);
	memset(&made, 0, sizeof(made));
	ck_assert(comes_back());
	ck_assert_uint_eq(packed_bytes, HEADER + SCAN_CELLS / 16);
}
END_TEST

START_TEST(the_largest_fits)
{
	memset(&made, 0xff, sizeof(made));
	made.cylinders = SCAN_CYLINDERS_MAX;
	made.count = SCAN_MINUTIAE_MAX;
	/* No finger has so many bits: it is written, and refused. */
	memset(packed, 0xa5, sizeof(packed));
	ck_assert_uint_eq(sketch_pack(&made, packed), SKETCH_BYTES_MAX);
	ck_assert_uint_eq(packed[SKETCH_BYTES_MAX], 0xa5);
	ck_assert(!sketch_read(packed, SKETCH_BYTES_MAX, &read));
}
END_TEST

START_TEST(every_prefix_and_a_trailing_byte_are_refused)
{
	make(9);
	ck_assert(comes_back());
	for (size_t n = 0; n < packed_bytes; n++)
		ck_assert(!sketch_read(packed, n, &read));
	packed[packed_bytes] = 1;
	ck_assert(!sketch_read(packed, packed_bytes + 1, &read));
}
END_TEST

START_TEST(each_broken_rule_is_refused)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {
		{ 0, 0 },
		{ 0, SKETCH_VERSION + 1 },
		{ 1, SCAN_CYLINDERS_MAX + 1 },
		{ 1, 255 },
		{ 1, 3 }, /* fewer than there are codes of */
		{ 2, SCAN_MINUTIAE_MAX + 1 },
		{ 2, 3 }, /* fewer minutiae than cylinders */
	};
	size_t masks;

	make(9);
	ck_assert(comes_back());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t old = packed[rows[i].at];

		packed[rows[i].at] = rows[i].value;
		ck_assert(!sketch_read(packed, packed_bytes, &read));
		packed[rows[i].at] = old;
	}
	masks = HEADER + 3u * made.count;
	packed[masks] ^= 1; /* a byte more or less than there are */
	ck_assert(!sketch_read(packed, packed_bytes, &read));
	packed[masks] ^= 1;
	packed[packed_bytes - 1] = 0; /* a zero that was not left out */
	ck_assert(!sketch_read(packed, packed_bytes, &read));
}
END_TEST

/* A code of an odd number of bytes of masks: what lies beyond the last byte is nobody's. */
START_TEST(a_mask_of_more_than_there_is_is_refused)
{
	make(9);
	made.cylinders = 1;
	memset(made.code[1], 0, sizeof(made.code) - sizeof(made.code[0]));
	memset(made.ones + 1, 0, sizeof(made.ones) - 1);
	ck_assert(comes_back());
	packed[HEADER + 3u * made.count + 2] |= 4; /* of 18 bytes the 19th */
	ck_assert(!sketch_read(packed, packed_bytes, &read));
}
END_TEST

/* Changed anyhow it is refused, or it is another finger's, as good as any: it can be searched. */
START_TEST(whatever_is_read_can_be_searched)
{
	static struct scan_probe probe;
	uint64_t random = 5;
	unsigned taken = 0;

	make(11);
	scan_probe_fill(&probe, kernel_best(), &features);
	for (unsigned round = 0; round < 4000; round++) {
		uint8_t changed[SKETCH_BYTES_MAX];

		if (round % 40 == 0)
			make(round);
		packed_bytes = sketch_pack(&made, changed);
		for (unsigned k = 0; k < 1 + round % 3; k++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			changed[(random >> 33) % packed_bytes] = (uint8_t)(random >> 20);
		}
		if (!sketch_read(changed, packed_bytes, &read))
			continue;
		taken++;
		ck_assert_uint_le(read.cylinders, read.count);
		ck_assert_uint_le(read.count, SCAN_MINUTIAE_MAX);
		for (unsigned i = 0; i < SCAN_CYLINDERS_MAX; i++)
			ck_assert_uint_le(read.ones[i], KERNEL_CODE_ONES_MAX);
		for (unsigned i = 0; kernel_at(i) != NULL; i++) {
			uint32_t score = scan_score(kernel_at(i), &probe, &read);

			ck_assert_uint_le(score, SCAN_SCORE_MAX);
			ck_assert_uint_eq(score, scan_score(kernel_at(0), &probe, &read));
			ck_assert_uint_eq(scan_again(kernel_at(i), &probe, &read),
					  scan_again(kernel_at(0), &probe, &read));
		}
	}
	ck_assert_uint_gt(taken, 1000);
}
END_TEST

/*
 * Stored sketches are read as long as their version is SKETCH_VERSION: where the same fingers yield
 * others, raise it, and record what they yield now.
 */
#define RECORDED_VERSION 1
#define RECORDED_HASH 0x2c80dcadfd345e22u

START_TEST(sketches_of_this_version_are_those_recorded)
{
	uint64_t hash = 14695981039346656037u;

	for (uint64_t seed = 100; seed < 140; seed++) {
		make(seed);
		if (seed % 4 == 0)
			features.cells_x = features.cells_y = 0;
		scan_reference_fill(&made, kernel_best(), &features);
		packed_bytes = sketch_pack(&made, packed);
		for (size_t i = 0; i < packed_bytes; i++)
			hash = (hash ^ packed[i]) * 1099511628211u;
	}
	ck_assert_uint_eq(SKETCH_VERSION, RECORDED_VERSION);
	ck_assert_msg(hash == RECORDED_HASH, "0x%016llx", (unsigned long long)hash);
}
END_TEST

UNIT_MAIN("sketch", what_is_read_is_what_was_made, small_fingers_come_back,
	  the_largest_fits, every_prefix_and_a_trailing_byte_are_refused,
	  each_broken_rule_is_refused, a_mask_of_more_than_there_is_is_refused,
	  whatever_is_read_can_be_searched, sketches_of_this_version_are_those_recorded)
