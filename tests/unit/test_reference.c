#include "unit.h"

#include "bio/gallery/gallery.h"
#include "bio/gallery/reference.h"
#include "synth/synth.h"

#include <errno.h>
#include <stdbool.h>

#define HEADER 6u
#define MINUTIA 6u

static struct finger_features shots[REFERENCE_IMPRESSIONS_MAX + 1];
static const struct finger_features *impressions[REFERENCE_IMPRESSIONS_MAX + 1];
static uint8_t packed[REFERENCE_BYTES_MAX];
static size_t packed_bytes;

/* How fingers are laid on; NULL: as usual. */
static const struct synth_options *touches;

/* Impressions 0..count-1 of a synthetic finger as features. */
static void
take(uint64_t seed, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		ck_assert_int_eq(synth_features(seed, i, touches, &shots[i]), 0);
		impressions[i] = &shots[i];
	}
}

static void
make(uint64_t seed, unsigned count)
{
	take(seed, count);
	ck_assert_int_eq(reference_make(impressions, count, packed, &packed_bytes), 0);
	ck_assert_uint_le(packed_bytes, REFERENCE_BYTES_MAX);
}

START_TEST(reference_of_one_impression_keeps_its_minutiae)
{
	static struct finger_features f;
	int32_t score = 0;

	make(1, 1);
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), 0);
	ck_assert_uint_eq(f.count, shots[0].count);
	for (unsigned i = 0; i < f.count; i++) {
		const struct minutia *m = &f.minutiae[i];
		bool found = false;

		for (unsigned j = 0; j < shots[0].count && !found; j++) {
			const struct minutia *o = &shots[0].minutiae[j];
			int turn = abs((int16_t)(uint16_t)(m->angle - o->angle));

			found = m->type == o->type && turn <= 256 &&
				m->quality == o->quality;
		}
		ck_assert(found);
	}
	ck_assert_int_eq(finger_compare(&shots[0], &f, &score), 0);
	ck_assert_int_eq(score, GALLERY_SCORE_MAX);
}
END_TEST

START_TEST(consolidation_recognises_more_than_its_first_impression)
{
	/* Badly, so that there is something to gain. */
	static const struct synth_options badly = { SYNTH_WIDTH, SYNTH_HEIGHT, 100, 0 };
	static struct finger_features one, three, probe;
	int64_t sum_one = 0, sum_three = 0;
	int32_t score;

	touches = &badly;
	for (uint64_t seed = 10; seed < 20; seed++) {
		make(seed, 1);
		ck_assert_int_eq(reference_unpack(packed, packed_bytes, &one), 0);
		make(seed, 3);
		ck_assert_int_eq(reference_unpack(packed, packed_bytes, &three), 0);
		for (uint32_t i = 5; i < 10; i++) {
			ck_assert_int_eq(synth_features(seed, i, &badly, &probe), 0);
			ck_assert_int_eq(finger_compare(&probe, &one, &score), 0);
			sum_one += score;
			ck_assert_int_eq(finger_compare(&probe, &three, &score), 0);
			sum_three += score;
		}
	}
	touches = NULL;
	ck_assert_int_gt(sum_three, sum_one);
}
END_TEST

START_TEST(minutiae_seen_in_several_impressions_are_stronger)
{
	static struct finger_features one, three;

	take(3, 1);
	impressions[1] = impressions[2] = &shots[0];
	ck_assert_int_eq(reference_make(impressions, 1, packed, &packed_bytes), 0);
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &one), 0);
	ck_assert_int_eq(reference_make(impressions, 3, packed, &packed_bytes), 0);
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &three), 0);
	ck_assert_uint_eq(one.count, three.count);
	for (unsigned i = 0; i < one.count; i++) {
		ck_assert_uint_ge(three.minutiae[i].quality, one.minutiae[i].quality);
		ck_assert(three.minutiae[i].quality == 100 ||
			  three.minutiae[i].quality > one.minutiae[i].quality);
	}
}
END_TEST

START_TEST(impressions_of_two_fingers_are_refused)
{
	size_t bytes = 4711;

	for (uint64_t seed = 30; seed < 40; seed++) {
		take(seed, 2);
		ck_assert_int_eq(synth_features(seed + 100, 0, NULL, &shots[1]), 0);
		ck_assert_int_eq(reference_make(impressions, 2, packed, &bytes), -EXDEV);
		ck_assert_uint_eq(bytes, 4711);
	}
}
END_TEST

START_TEST(counts_outside_the_limits_and_empty_fingers_are_refused)
{
	size_t bytes = 0;

	take(1, REFERENCE_IMPRESSIONS_MAX + 1);
	ck_assert_int_eq(reference_make(impressions, 0, packed, &bytes), -EINVAL);
	ck_assert_int_eq(reference_make(impressions, REFERENCE_IMPRESSIONS_MAX + 1,
					packed, &bytes),
			 -EINVAL);
	for (uint16_t n = 0; n < 3; n++) {
		shots[0].count = n;
		ck_assert_int_eq(reference_make(impressions, 1, packed, &bytes),
				 -ENODATA);
	}
}
END_TEST

START_TEST(packing_is_the_inverse_of_unpacking)
{
	static struct finger_features f;
	static uint8_t again[REFERENCE_BYTES_MAX];
	const struct finger_features *one[] = { &f };
	size_t bytes;

	/* What was unpacked and packed once is on the grid of the format already. */
	make(5, 2);
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), 0);
	ck_assert_int_eq(reference_make(one, 1, again, &bytes), 0);
	ck_assert_int_eq(reference_unpack(again, bytes, &f), 0);
	ck_assert_int_eq(reference_make(one, 1, packed, &packed_bytes), 0);
	ck_assert_uint_eq(bytes, packed_bytes);
	ck_assert_mem_eq(again, packed, bytes);
}
END_TEST

START_TEST(same_impressions_make_the_same_bytes)
{
	static uint8_t again[REFERENCE_BYTES_MAX];
	size_t bytes;

	make(6, 4);
	ck_assert_int_eq(reference_make(impressions, 4, again, &bytes), 0);
	ck_assert_uint_eq(bytes, packed_bytes);
	ck_assert_mem_eq(again, packed, bytes);
}
END_TEST

START_TEST(five_wide_impressions_fit)
{
	struct synth_options o = synth_options_default();
	static struct finger_features f;

	o.width = o.height = 700;
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(synth_features(7, i, &o, &shots[i]), 0);
		impressions[i] = &shots[i];
	}
	ck_assert_int_eq(reference_make(impressions, 5, packed, &packed_bytes), 0);
	ck_assert_uint_le(packed_bytes, REFERENCE_BYTES_MAX);
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), 0);
}
END_TEST

START_TEST(every_prefix_and_a_trailing_byte_are_refused)
{
	static struct finger_features f;
	uint8_t copy[REFERENCE_BYTES_MAX + 1] = { 0 };

	make(8, 1);
	memcpy(copy, packed, packed_bytes);
	for (size_t n = 0; n < packed_bytes; n++)
		ck_assert_int_eq(reference_unpack(copy, n, &f), -EBADMSG);
	ck_assert_int_eq(reference_unpack(copy, packed_bytes + 1, &f), -EBADMSG);
	ck_assert_int_eq(reference_unpack(copy, packed_bytes, &f), 0);
}
END_TEST

START_TEST(each_broken_rule_of_the_format_is_refused)
{
	static const struct {
		size_t at;
		uint8_t value;
		int rc;
	} rows[] = {
		{ 0, 0, -EBADMSG },
		{ 0, REFERENCE_VERSION + 1, -ENOTSUP },
		{ 0, 255, -ENOTSUP },
		{ 1, 3, -EBADMSG },   /* unknown flag */
		{ 1, 0, -EBADMSG },   /* a map, but no flag */
		{ 2, 101, -EBADMSG }, /* quality */
		{ 3, 0, -EBADMSG },
		{ 3, 255, -EBADMSG },
		{ 4, 0, -EBADMSG },
		{ 5, 101, -EBADMSG },           /* too many minutiae */
		{ HEADER, 0xc0, -EBADMSG },     /* type 3 */
		{ HEADER, 0x3f, -EBADMSG },     /* x outside */
		{ HEADER + 2, 0x80, -EBADMSG }, /* reserved bits */
		{ HEADER + 2, 0x3f, -EBADMSG }, /* y outside */
		{ HEADER + 5, 101, -EBADMSG },  /* quality */
		{ HEADER + 5, 0, -EBADMSG },    /* not by falling quality */
		{ HEADER + MINUTIA + 5, 101, -EBADMSG },
		{ HEADER + 4, 77, 0 }, /* any direction will do */
	};
	static struct finger_features f, untouched;

	make(9, 1);
	memset(&f, 0x5a, sizeof(f));
	memset(&untouched, 0x5a, sizeof(untouched));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t old = packed[rows[i].at];

		packed[rows[i].at] = rows[i].value;
		ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), rows[i].rc);
		if (rows[i].rc != 0)
			ck_assert_mem_eq(&f, &untouched, sizeof(f));
		packed[rows[i].at] = old;
	}
	packed[packed_bytes - 1] = 8; /* an orientation where there is no finger */
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), -EBADMSG);
}
END_TEST

START_TEST(fingers_without_orientation_cells_are_kept_without)
{
	static struct finger_features f;

	take(11, 2);
	for (unsigned i = 0; i < 2; i++)
		shots[i].cells_x = shots[i].cells_y = 0;
	ck_assert_int_eq(reference_make(impressions, 2, packed, &packed_bytes), 0);
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), 0);
	ck_assert_uint_eq(f.cells_x, 0);
	ck_assert_uint_gt(f.count, 0);
	ck_assert_uint_eq(packed_bytes, HEADER + MINUTIA * f.count);
}
END_TEST

UNIT_MAIN("reference", reference_of_one_impression_keeps_its_minutiae,
	  consolidation_recognises_more_than_its_first_impression,
	  minutiae_seen_in_several_impressions_are_stronger,
	  impressions_of_two_fingers_are_refused,
	  counts_outside_the_limits_and_empty_fingers_are_refused,
	  packing_is_the_inverse_of_unpacking, same_impressions_make_the_same_bytes,
	  five_wide_impressions_fit, every_prefix_and_a_trailing_byte_are_refused,
	  each_broken_rule_of_the_format_is_refused,
	  fingers_without_orientation_cells_are_kept_without)
