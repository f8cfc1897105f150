#include "unit.h"

#include "bio/exchange.h"
#include "bio/gallery/foreign.h"
#include "bio/gallery/gallery.h"
#include "fmr_kit.h"
#include "synth/synth.h"

#include <errno.h>

static struct kit_record kit;
static uint8_t record[KIT_BYTES_MAX], written[EXCHANGE_BYTES_MAX];
static struct exchange x;
static struct exchange_fault fault;
static struct synth_options touches; /* how fingers are laid on; zero: as usual */

/* What the store would hand back of an exchange. */
static size_t
stored(struct store_reference references[EXCHANGE_FINGERS_MAX])
{
	for (size_t i = 0; i < x.fingers_count; i++)
		references[i] = (struct store_reference){ .finger = x.fingers[i].position,
							  .data = x.fingers[i].reference,
							  .bytes = x.fingers[i].bytes };
	return x.fingers_count;
}

/* A view of minutiae that no other seed has, in any order of quality. */
static void
draw_view(struct kit_view *v, unsigned position, unsigned count, uint64_t seed)
{
	uint64_t state = seed * 7919 + 1;

	*v = (struct kit_view){ .position = position,
				.quality = 40 + (unsigned)seed % 50,
				.count = count };
	for (unsigned i = 0; i < count; i++)
		v->minutiae[i] = (struct kit_minutia){
			.type = kit_draw(&state, 3),
			.x = kit_draw(&state, kit.width),
			.y = kit_draw(&state, kit.height),
			.angle = kit_draw(&state, kit.ansi ? 180 : 256),
			.quality = kit_draw(&state, 101),
		};
}

/* A record of two fingers at a resolution. */
static size_t
two_fingers(bool ansi, unsigned resolution)
{
	kit_plain(&kit, ansi);
	kit.device = 0x8123;
	kit.owner = ansi ? 0x1234 : 0;
	kit.product = ansi ? 0x4321 : 0;
	kit.x_resolution = kit.y_resolution = resolution;
	kit.views = 2;
	draw_view(&kit.view[0], 7, 45, resolution);
	draw_view(&kit.view[1], 2, 60, resolution + 1);
	return kit_build(&kit, record);
}

START_TEST(record_comes_out_as_it_went_in)
{
	static const unsigned resolutions[] = { 99, 150, 197, 250, 394 };
	struct store_reference references[EXCHANGE_FINGERS_MAX];

	for (unsigned i = 0; i < 10; i++) {
		size_t n = two_fingers(i % 2 == 0, resolutions[i / 2]), bytes = 0;
		bool exact = false;

		ck_assert_msg(exchange_read(record, n, 0, &x, &fault) == 0, "%s",
			      fault.what);
		ck_assert_uint_eq(x.fingers_count, 2);
		ck_assert_uint_eq(x.fingers[0].position, 7);
		ck_assert_uint_eq(x.fingers[1].minutiae, 60);
		ck_assert_int_eq(exchange_write(references, stored(references), 0,
						written, &bytes, &exact),
				 0);
		ck_assert(exact);
		ck_assert_uint_eq(bytes, n);
		ck_assert_mem_eq(written, record, n);
	}
}
END_TEST

START_TEST(extended_data_is_left_out_and_counted)
{
	static const uint8_t block[] = { 0x01, 0x01, 0x00, 0x02, 0xab, 0xcd };
	struct store_reference references[EXCHANGE_FINGERS_MAX];
	size_t plain = two_fingers(false, 197), n, bytes = 0;
	static uint8_t expected[KIT_BYTES_MAX];
	bool exact = false;

	memcpy(expected, record, plain);
	kit.view[1].extended = block;
	kit.view[1].extended_bytes = sizeof(block);
	n = kit_build(&kit, record);
	ck_assert_uint_gt(n, plain);
	ck_assert_int_eq(exchange_read(record, n, 0, &x, &fault), 0);
	ck_assert_uint_eq(x.fingers[0].extended_bytes, 0);
	ck_assert_uint_eq(x.fingers[1].extended_bytes, sizeof(block));
	ck_assert_int_eq(exchange_write(references, stored(references), FMR_ISO_2005,
					written, &bytes, &exact),
			 0);
	ck_assert(exact);
	ck_assert_uint_eq(bytes, plain);
	ck_assert_mem_eq(written, expected, plain);
}
END_TEST

START_TEST(finger_that_is_not_told_must_be_named)
{
	size_t n;

	kit_plain(&kit, false);
	draw_view(&kit.view[0], 0, 40, 5);
	n = kit_build(&kit, record);
	ck_assert_int_eq(exchange_read(record, n, 0, &x, &fault), -EINVAL);
	ck_assert(!fault.at_byte);
	ck_assert_int_eq(exchange_read(record, n, 8, &x, &fault), 0);
	ck_assert_uint_eq(x.fingers[0].position, 8);
	n = two_fingers(false, 197);
	ck_assert_int_eq(exchange_read(record, n, 8, &x, &fault), -EINVAL);
}
END_TEST

START_TEST(what_is_no_finger_is_refused)
{
	size_t n;

	kit_plain(&kit, true);
	kit.views = 0;
	n = kit_build(&kit, record);
	ck_assert_int_eq(exchange_read(record, n, 0, &x, &fault), -ENODATA);
	kit_plain(&kit, true);
	draw_view(&kit.view[0], 3, 3, 1);
	n = kit_build(&kit, record);
	ck_assert_int_eq(exchange_read(record, n, 0, &x, &fault), -ENODATA);
	draw_view(&kit.view[0], 3, FOREIGN_MINUTIAE_MAX, 1);
	n = kit_build(&kit, record);
	ck_assert_int_eq(exchange_read(record, n, 0, &x, &fault), 0);
	ck_assert_uint_eq(x.fingers[0].minutiae, FOREIGN_MINUTIAE_MAX);
	draw_view(&kit.view[0], 3, FOREIGN_MINUTIAE_MAX + 1, 1);
	n = kit_build(&kit, record);
	ck_assert_int_eq(exchange_read(record, n, 0, &x, &fault), -EMSGSIZE);
	ck_assert_ptr_nonnull(strstr(fault.what, "finger 3"));
}
END_TEST

START_TEST(every_truncated_record_is_refused_at_a_byte)
{
	for (unsigned ansi = 0; ansi < 2; ansi++) {
		size_t n = two_fingers(ansi == 1, 197);

		for (size_t cut = 0; cut < n; cut++) {
			int rc = exchange_read(record, cut, 0, &x, &fault);

			ck_assert_int_eq(rc, -EBADMSG);
			ck_assert(fault.at_byte);
			ck_assert_uint_le(fault.offset, cut);
			ck_assert_uint_gt(strlen(fault.what), 0);
		}
	}
}
END_TEST

static void
take(uint64_t seed, uint32_t impression, struct finger_features *f)
{
	ck_assert_int_eq(
		synth_features(seed, impression, touches.width == 0 ? NULL : &touches, f),
		0);
}

/* A record of impressions of synthetic fingers: {seed, impression, position, number} each. */
static size_t
record_of(const uint64_t list[][4], unsigned count)
{
	static struct fmr_view view[EXCHANGE_FINGERS_MAX];
	const struct fmr_view *views[EXCHANGE_FINGERS_MAX];
	struct fmr_head head;
	size_t bytes;

	for (unsigned i = 0; i < count; i++) {
		view[i] = (struct fmr_view){ .position = (uint8_t)list[i][2],
					     .number = (uint8_t)list[i][3] };
		take(list[i][0], (uint32_t)list[i][1], &view[i].features);
		views[i] = &view[i];
	}
	head = fmr_head_of(FMR_ISO_2005, views, count);
	bytes = fmr_bytes(FMR_ISO_2005, views, count);
	ck_assert_uint_le(bytes, sizeof(record));
	ck_assert_int_eq(fmr_write(&head, views, count, record, bytes), 0);
	return bytes;
}

/* The score of another impression of the finger against what was imported first. */
static int32_t
score_of_import(uint64_t seed, uint32_t impression)
{
	static struct finger_features probe, reference;
	int32_t score = -1;

	ck_assert_int_eq(synth_features(seed, impression, NULL, &probe), 0);
	ck_assert_int_eq(
		reference_unpack(x.fingers[0].reference, x.fingers[0].bytes, &reference),
		0);
	ck_assert_uint_eq(reference.cells_x, 0);
	ck_assert_int_eq(finger_compare(&probe, &reference, &score), 0);
	return score;
}

START_TEST(imported_finger_is_recognised_and_a_stranger_is_not)
{
	unsigned mates = 0, strangers = 0;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		const uint64_t one[][4] = { { seed, 0, 2, 0 } };

		ck_assert_int_eq(exchange_read(record, record_of(one, 1), 0, &x, &fault),
				 0);
		ck_assert(
			reference_is_foreign(x.fingers[0].reference, x.fingers[0].bytes));
		mates += score_of_import(seed, 1) >= 3000;
		strangers += score_of_import(seed + 50, 1) >= 3000;
	}
	ck_assert_uint_ge(mates, 14);
	ck_assert_uint_eq(strangers, 0);
}
END_TEST

START_TEST(views_of_one_finger_become_one_reference)
{
	struct store_reference references[EXCHANGE_FINGERS_MAX];
	int64_t one_sum = 0, three_sum = 0;
	size_t bytes = 0;
	bool exact = true;

	touches = synth_options_default();
	touches.difficulty = 100; /* badly, so that there is something to gain */
	for (uint64_t seed = 10; seed < 16; seed++) {
		const uint64_t views[][4] = { { seed, 0, 2, 0 },
					      { seed, 1, 2, 1 },
					      { seed, 2, 2, 2 } };

		ck_assert_int_eq(
			exchange_read(record, record_of(views, 1), 0, &x, &fault), 0);
		for (uint32_t i = 5; i < 9; i++)
			one_sum += score_of_import(seed, i);
		ck_assert_msg(exchange_read(record, record_of(views, 3), 0, &x, &fault) ==
				      0,
			      "%s", fault.what);
		ck_assert_uint_eq(x.fingers_count, 1);
		ck_assert_uint_eq(x.fingers[0].views, 3);
		for (uint32_t i = 5; i < 9; i++)
			three_sum += score_of_import(seed, i);
	}
	touches = (struct synth_options){ 0 };
	ck_assert_int_gt(three_sum, one_sum);
	ck_assert_int_eq(exchange_write(references, stored(references), FMR_ANSI_2004,
					written, &bytes, &exact),
			 0);
	ck_assert(!exact); /* consolidated as ISO, asked for in ANSI */
}
END_TEST

START_TEST(fingers_that_do_not_fit_their_positions_are_refused)
{
	const uint64_t two[][4] = { { 30, 0, 2, 0 }, { 31, 0, 2, 1 } };
	const uint64_t twice[][4] = { { 30, 0, 2, 0 }, { 30, 0, 7, 0 } };

	ck_assert_int_eq(exchange_read(record, record_of(two, 2), 0, &x, &fault), -EXDEV);
	ck_assert_ptr_nonnull(strstr(fault.what, "finger 2"));
	ck_assert_int_eq(exchange_read(record, record_of(twice, 2), 0, &x, &fault),
			 -EXDEV);
	ck_assert_ptr_nonnull(strstr(fault.what, "same finger"));
}
END_TEST

/* Packs references of our own. */
static void
own(uint64_t seed, uint8_t buf[REFERENCE_BYTES_MAX], struct store_reference *r)
{
	static struct finger_features f;
	const struct finger_features *one[] = { &f };

	ck_assert_int_eq(synth_features(seed, 0, NULL, &f), 0);
	ck_assert_int_eq(reference_make(one, 1, buf, &r->bytes), 0);
	r->data = buf;
}

START_TEST(references_of_our_own_are_exported_in_either_standard)
{
	static uint8_t packed[2][REFERENCE_BYTES_MAX];
	struct store_reference references[] = { { .finger = 2 }, { .finger = 7 } };
	static struct finger_features ours, theirs;
	struct fmr r;

	own(1, packed[0], &references[0]);
	own(2, packed[1], &references[1]);
	ck_assert_int_eq(reference_unpack(packed[1], references[1].bytes, &ours), 0);
	for (unsigned format = 0; format <= FMR_ANSI_2004; format++) {
		size_t bytes = 0;
		bool exact = true;

		ck_assert_int_eq(
			exchange_write(references, 2, format, written, &bytes, &exact),
			0);
		ck_assert(!exact);
		ck_assert_int_eq(fmr_open(written, bytes, &r, NULL), 0);
		ck_assert_int_eq(r.head.format, format == 0 ? FMR_ISO_2005 : format);
		ck_assert_uint_eq(r.views, 2);
		ck_assert_uint_eq(fmr_label(&r, 1).position, 7);
		fmr_features(&r, 1, &theirs);
		ck_assert_uint_eq(theirs.count, ours.count);
		for (unsigned i = 0; i < ours.count; i++) {
			ck_assert_int_eq(theirs.minutiae[i].x, ours.minutiae[i].x);
			ck_assert_int_eq(theirs.minutiae[i].quality,
					 ours.minutiae[i].quality);
		}
	}
}
END_TEST

START_TEST(references_of_different_records_share_one_at_500_dpi)
{
	static uint8_t packed[REFERENCE_BYTES_MAX];
	struct store_reference references[EXCHANGE_FINGERS_MAX + 1];
	size_t n = two_fingers(true, 150), count, bytes = 0;
	bool exact = true;
	struct fmr r;

	ck_assert_int_eq(exchange_read(record, n, 0, &x, &fault), 0);
	count = stored(references);
	references[count] = (struct store_reference){ .finger = 3 };
	own(3, packed, &references[count]);
	ck_assert_int_eq(
		exchange_write(references, count + 1, 0, written, &bytes, &exact), 0);
	ck_assert(!exact);
	ck_assert_int_eq(fmr_open(written, bytes, &r, NULL), 0);
	ck_assert_uint_eq(r.views, 3);
	ck_assert_uint_eq(r.head.x_px_per_cm, FMR_PX_PER_CM);
	references[0].bytes--;
	ck_assert_int_eq(exchange_write(references, 1, 0, written, &bytes, &exact),
			 -EBADMSG);
	ck_assert_int_eq(exchange_write(references, 0, 0, written, &bytes, &exact),
			 -ENODATA);
}
END_TEST

START_TEST(packed_form_of_another_system_is_strict)
{
	static struct finger_features f;
	size_t n = two_fingers(false, 197), bytes;
	uint8_t *p = x.fingers[0].reference;

	ck_assert_int_eq(exchange_read(record, n, 0, &x, &fault), 0);
	bytes = x.fingers[0].bytes;
	ck_assert_int_eq(reference_unpack(p, bytes, &f), 0);
	for (size_t cut = 0; cut < bytes; cut++)
		ck_assert_int_eq(reference_unpack(p, cut, &f), -EBADMSG);
	p[1] = 3; /* with a map it cannot be */
	ck_assert_int_eq(reference_unpack(p, bytes, &f), -EBADMSG);
	p[1] = REFERENCE_FOREIGN;
	p[2 + 24] = 0; /* of an unknown finger */
	ck_assert_int_eq(reference_unpack(p, bytes, &f), -EBADMSG);
}
END_TEST

UNIT_MAIN("exchange", record_comes_out_as_it_went_in,
	  extended_data_is_left_out_and_counted, finger_that_is_not_told_must_be_named,
	  what_is_no_finger_is_refused, every_truncated_record_is_refused_at_a_byte,
	  imported_finger_is_recognised_and_a_stranger_is_not,
	  views_of_one_finger_become_one_reference,
	  fingers_that_do_not_fit_their_positions_are_refused,
	  references_of_our_own_are_exported_in_either_standard,
	  references_of_different_records_share_one_at_500_dpi,
	  packed_form_of_another_system_is_strict)
