#include "unit.h"

#include "bio/gallery/gallery.h"
#include "bio/gallery/reference.h"
#include "bio/gallery/sketch.h"
#include "old_reference.h"
#include "synth/synth.h"

#include <errno.h>
#include <stdbool.h>

#define LEAD 2u   /* version, flags */
#define LENGTH 2u /* of the sketch, which follows */
#define HEADER 4u
#define MINUTIA 6u

static struct finger_features shots[REFERENCE_IMPRESSIONS_MAX + 1];
static const struct finger_features *impressions[REFERENCE_IMPRESSIONS_MAX + 1];
static uint8_t packed[REFERENCE_BYTES_MAX];
static size_t packed_bytes;
static struct scan_reference scan, made;
static struct finger_features scratch;

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

/* What comes behind the sketch. */
static size_t
body(void)
{
	ck_assert_uint_eq(packed[1] & 4u, 4u);
	return LEAD + LENGTH + (size_t)(packed[2] << 8 | packed[3]);
}

static void
drop_sketch(void)
{
	packed_bytes = reference_drop_sketch(packed, packed_bytes);
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

/* In the map or behind it, or of the header; at: behind the sketch. */
START_TEST(each_broken_rule_of_the_format_is_refused)
{
	static const struct {
		size_t at;
		uint8_t value;
		int rc;
	} rows[] = {
		{ 0, 101, -EBADMSG }, /* quality */
		{ 1, 0, -EBADMSG },
		{ 1, 255, -EBADMSG },
		{ 2, 0, -EBADMSG },
		{ 3, 101, -EBADMSG },           /* too many minutiae */
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
		uint8_t *at = &packed[body() + rows[i].at], old = *at;

		*at = rows[i].value;
		ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), rows[i].rc);
		if (rows[i].rc != 0)
			ck_assert_mem_eq(&f, &untouched, sizeof(f));
		*at = old;
	}
}
END_TEST

START_TEST(each_broken_rule_of_the_lead_is_refused)
{
	static const struct {
		uint8_t version, flags;
		int rc;
	} rows[] = {
		{ 0, 13, -EBADMSG },
		{ REFERENCE_VERSION + 1, 13, -ENOTSUP },
		{ 255, 13, -ENOTSUP },
		{ 1, 13, -EBADMSG }, /* flags that version 1 did not know */
		{ 2, 15, -EBADMSG }, /* of another system, and with a map */
		{ 2, 29, -EBADMSG }, /* an unknown flag */
		{ 2, 12, -EBADMSG }, /* coded, but no map */
		{ 2, 9, -EBADMSG },  /* a sketch, but no flag */
		{ 2, 5, -EBADMSG },  /* a coded map, but no flag */
		{ 2, 4, -EBADMSG },  /* a map, but no flag */
		{ 2, 13, 0 },
	};
	static struct finger_features f;

	make(9, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		packed[0] = rows[i].version;
		packed[1] = rows[i].flags;
		ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), rows[i].rc);
	}
	packed[2] = packed[3] = 0; /* a sketch of no bytes */
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), -EBADMSG);
	packed[2] = packed[3] = 255; /* of more than there are */
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
	drop_sketch();
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), 0);
	ck_assert_uint_eq(f.cells_x, 0);
	ck_assert_uint_gt(f.count, 0);
	ck_assert_uint_eq(packed_bytes, LEAD + HEADER + MINUTIA * f.count);
}
END_TEST

/* A map that changes from cell to cell is shorter as it is. */
START_TEST(a_map_that_cannot_be_coded_is_kept_as_it_is)
{
	static uint8_t old[REFERENCE_BYTES_MAX];
	static struct finger_features f, g;
	size_t bytes, cells;

	make(12, 1);
	bytes = old_reference(packed, packed_bytes, old);
	cells = (size_t)old[3] * old[4];
	for (size_t i = 0; i < cells; i++)
		old[bytes - cells + i] = (uint8_t)((i * 112) | 7u);
	ck_assert_int_eq(reference_unpack(old, bytes, &f), 0);
	ck_assert_int_eq(reference_renew(old, bytes, packed, &packed_bytes), 0);
	ck_assert_uint_eq(packed[1], 5);
	ck_assert_mem_eq(packed + packed_bytes - cells, old + bytes - cells, cells);
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &g), 0);
	ck_assert_mem_eq(&f, &g, sizeof(f));
	packed[packed_bytes - 1] = 8; /* an orientation where there is no finger */
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), -EBADMSG);
}
END_TEST

/* ---- sketches ---------------------------------------------------------------- */

/* What the reference's features yield, and that reference_scan answers rc and the same. */
static void
check_scan(int rc)
{
	static struct finger_features f;

	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), 0);
	scan_reference_fill(&made, kernel_best(), &f);
	memset(&scan, 0x3c, sizeof(scan));
	ck_assert_int_eq(reference_scan(packed, packed_bytes, &scratch, &scan), rc);
	ck_assert_mem_eq(&scan, &made, sizeof(scan));
}

START_TEST(what_is_scanned_is_the_same_read_or_made)
{
	for (uint64_t seed = 40; seed < 70; seed++) {
		make(seed, (unsigned)(1 + seed % 3));
		memset(&scratch, 0, sizeof(scratch));
		check_scan(0);
		ck_assert_uint_eq(scratch.count, 0); /* it was read */
		drop_sketch();
		check_scan(0); /* as if it had no room */
		ck_assert_uint_gt(scratch.count, 0);
	}
}
END_TEST

START_TEST(without_its_sketch_it_is_the_same_reference)
{
	static uint8_t with[REFERENCE_BYTES_MAX];
	static struct finger_features f, g;
	size_t with_bytes, at;

	make(70, 2);
	at = body();
	memcpy(with, packed, packed_bytes);
	with_bytes = packed_bytes;
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), 0);
	drop_sketch();
	ck_assert_uint_eq(packed_bytes, with_bytes - (at - LEAD));
	ck_assert_uint_eq(packed[1], with[1] & ~4u);
	ck_assert_mem_eq(packed + LEAD, with + at, packed_bytes - LEAD);
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &g), 0);
	ck_assert_mem_eq(&f, &g, sizeof(f));
	ck_assert_uint_eq(reference_drop_sketch(packed, packed_bytes), packed_bytes);
	ck_assert_uint_eq(reference_drop_sketch(with, 1), 1); /* none */
}
END_TEST

START_TEST(a_sketch_that_cannot_be_read_is_made_anew)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} rows[] = { { 0, SKETCH_VERSION + 1 }, /* a later one, as after going back */
		     { 0, SKETCH_VERSION - 1 },
		     { 1, 255 },
		     { 2, 0 } };

	make(71, 3);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *at = &packed[LEAD + LENGTH + rows[i].at], old = *at;

		*at = rows[i].value;
		check_scan(1);
		*at = old;
	}
	check_scan(0);
}
END_TEST

/* A sketch of another finger: that one is then searched for, and nothing else changes. */
START_TEST(a_wrong_sketch_hurts_its_own_finger_only)
{
	static uint8_t other[REFERENCE_BYTES_MAX];
	static struct finger_features f, right;
	size_t sketch, bytes;

	make(72, 1);
	sketch = body() - LEAD;
	memcpy(other, packed, LEAD + sketch);
	make(73, 1);
	ck_assert_int_eq(reference_unpack(packed, packed_bytes, &right), 0);
	drop_sketch();
	bytes = packed_bytes + sketch;
	ck_assert_uint_le(bytes, REFERENCE_BYTES_MAX);
	memcpy(other + LEAD + sketch, packed + LEAD, packed_bytes - LEAD);
	ck_assert_int_eq(reference_scan(other, bytes, &scratch, &scan), 0);
	scan_reference_fill(&made, kernel_best(), &right);
	ck_assert(memcmp(&scan, &made, sizeof(scan)) != 0);
	ck_assert_int_eq(reference_unpack(other, bytes, &f), 0);
	ck_assert_mem_eq(&f, &right, sizeof(f));
}
END_TEST

START_TEST(a_reference_of_version_1_is_read_and_renewed)
{
	static uint8_t old[REFERENCE_BYTES_MAX], renewed[REFERENCE_BYTES_MAX];
	static struct finger_features f, g;

	for (uint64_t seed = 80; seed < 100; seed++) {
		size_t old_bytes, bytes = 0;

		take(seed, 2);
		if (seed % 5 == 0)
			shots[0].cells_x = shots[1].cells_x = 0;
		ck_assert_int_eq(reference_make(impressions, 2, packed, &packed_bytes),
				 0);
		ck_assert_int_eq(reference_unpack(packed, packed_bytes, &f), 0);
		old_bytes = old_reference(packed, packed_bytes, old);
		ck_assert_int_eq(reference_unpack(old, old_bytes, &g), 0);
		ck_assert_mem_eq(&f, &g, sizeof(f));
		ck_assert_int_eq(reference_scan(old, old_bytes, &scratch, &scan), 1);
		ck_assert_int_eq(reference_scan(packed, packed_bytes, &scratch, &made),
				 0);
		ck_assert_mem_eq(&scan, &made, sizeof(scan));
		ck_assert_int_eq(reference_renew(old, old_bytes, renewed, &bytes), 0);
		ck_assert_uint_eq(bytes, packed_bytes);
		ck_assert_mem_eq(renewed, packed, bytes);
		for (size_t n = 0; n < old_bytes; n++)
			ck_assert_int_eq(reference_unpack(old, n, &g), -EBADMSG);
	}
}
END_TEST

START_TEST(renewing_renews_the_sketch_and_no_more)
{
	static uint8_t renewed[REFERENCE_BYTES_MAX];
	size_t bytes = 0;

	make(101, 3);
	packed[LEAD + LENGTH] = SKETCH_VERSION + 1;
	ck_assert_int_eq(reference_renew(packed, packed_bytes, renewed, &bytes), 0);
	packed[LEAD + LENGTH] = SKETCH_VERSION;
	ck_assert_uint_eq(bytes, packed_bytes);
	ck_assert_mem_eq(renewed, packed, bytes);
	ck_assert_int_eq(reference_renew(packed, packed_bytes - 1, renewed, &bytes),
			 -EBADMSG);
	packed[0] = REFERENCE_VERSION + 1;
	ck_assert_int_eq(reference_renew(packed, packed_bytes, renewed, &bytes),
			 -ENOTSUP);
}
END_TEST

/* With as many minutiae and cells as there may be, of a map that is not to be coded. */
START_TEST(a_reference_without_room_has_no_sketch)
{
	static struct finger_features f = { .width = 640, .height = 352, .quality = 50 };
	static const struct finger_features *const one[] = { &f };
	uint64_t random = 3;

	f.cells_x = 40;
	f.cells_y = 22;
	f.count = 100;
	for (unsigned i = 0; i < f.count; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		f.minutiae[i] =
			(struct minutia){ .x = (int16_t)(20 + (random >> 33) % 600),
					  .y = (int16_t)(20 + (random >> 45) % 310),
					  .angle = (uint16_t)(random >> 20),
					  .quality = 60 };
	}
	for (unsigned i = 0; i < 880; i++) {
		f.orientation[i] = (uint8_t)(i * 112);
		f.coherence[i] = 252;
	}
	ck_assert_int_eq(reference_make(one, 1, packed, &packed_bytes), 0);
	ck_assert_uint_gt(packed_bytes, REFERENCE_BYTES_MAX / 2);
	ck_assert_uint_eq(packed[1], 1);
	check_scan(0); /* and nothing would come of renewing it */
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
	  each_broken_rule_of_the_lead_is_refused,
	  fingers_without_orientation_cells_are_kept_without,
	  a_map_that_cannot_be_coded_is_kept_as_it_is,
	  what_is_scanned_is_the_same_read_or_made,
	  without_its_sketch_it_is_the_same_reference,
	  a_sketch_that_cannot_be_read_is_made_anew,
	  a_wrong_sketch_hurts_its_own_finger_only,
	  a_reference_of_version_1_is_read_and_renewed,
	  renewing_renews_the_sketch_and_no_more, a_reference_without_room_has_no_sketch)
