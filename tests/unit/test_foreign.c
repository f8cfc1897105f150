#include "unit.h"

#include "bio/gallery/foreign.h"
#include "bio/gallery/gallery.h"
#include "bio/gallery/overlay.h"
#include "bio/gallery/score.h"
#include "synth/drawer.h"
#include "synth/synth.h"

#include <errno.h>

static struct finger_features shot, other;
static uint8_t packed[REFERENCE_BYTES_MAX];
static size_t packed_bytes;

static void
take(struct finger_features *f, uint64_t seed, uint32_t impression)
{
	ck_assert_int_eq(synth_features(seed, impression, NULL, f), 0);
}

/* Packs a finger as another system's record has it, with or without qualities. */
static void
pack_foreign(uint64_t seed, bool qualities)
{
	static struct fmr_view view;
	const struct fmr_view *const views[] = { &view };
	static uint8_t record[REFERENCE_BYTES_MAX];
	const unsigned first[] = { 0 };
	struct fmr_head head;
	struct fmr r;
	size_t bytes;

	view = (struct fmr_view){ .position = 2 };
	take(&view.features, seed, 0);
	for (unsigned i = 0; !qualities && i < view.features.count; i++)
		view.features.minutiae[i].quality = 0;
	head = fmr_head_of(FMR_ISO_2005, views, 1);
	bytes = fmr_bytes(FMR_ISO_2005, views, 1);
	ck_assert_uint_le(bytes, sizeof(record));
	ck_assert_int_eq(fmr_write(&head, views, 1, record, bytes), 0);
	ck_assert_int_eq(fmr_open(record, bytes, &r, NULL), 0);
	ck_assert_int_eq(foreign_make(&r, first, 1, 2, packed, &packed_bytes), 0);
}

static void
pack_own(uint64_t seed)
{
	const struct finger_features *one[] = { &shot };

	take(&shot, seed, 0);
	ck_assert_int_eq(reference_make(one, 1, packed, &packed_bytes), 0);
}

/* The same finger without its orientations. */
static void
strip(struct finger_features *f)
{
	f->cells_x = f->cells_y = 0;
	f->foreground_cells = 0;
}

static struct ulid
subject(uint32_t n)
{
	struct ulid u = { { 7 } };

	u.b[14] = (uint8_t)(n >> 8);
	u.b[15] = (uint8_t)n;
	return u;
}

static void
put(struct drawer *d, struct gallery *g, uint32_t n)
{
	const struct gallery_name name = { subject(n), 2, 0 };

	ck_assert_int_eq(drawer_add(d, g, &name, packed, packed_bytes), 0);
}

START_TEST(foreign_reference_is_found_among_our_own)
{
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	struct gallery_query q = { .probe = &shot };
	struct drawer *d = drawer_new();
	struct gallery *g = gallery_new(2000, drawer_source(d));
	unsigned right = 0;
	size_t count;

	ck_assert_ptr_nonnull(g);
	for (uint32_t n = 0; n < 800; n++) {
		pack_own(5000 + n);
		put(d, g, n);
	}
	for (uint32_t n = 1000; n < 1040; n++) {
		pack_foreign(5000 + n, n % 2 == 0);
		put(d, g, n);
	}
	ck_assert_uint_eq(gallery_stats(g).foreign, 40);
	for (uint32_t n = 1000; n < 1040; n++) {
		take(&shot, 5000 + n, 1);
		count = 0;
		ck_assert_int_eq(gallery_search(g, &q, found, &count), 0);
		if (count == 0 || !ulid_eq(found[0].subject, subject(n)))
			continue;
		ck_assert(found[0].foreign);
		right++;
	}
	ck_assert_uint_ge(right, 30);
	take(&shot, 5003, 1);
	ck_assert_int_eq(gallery_search(g, &q, found, &count), 0);
	ck_assert(count > 0 && !found[0].foreign);
	gallery_free(g);
	drawer_free(d);
}
END_TEST

START_TEST(foreign_references_are_counted)
{
	struct drawer *d = drawer_new();
	struct gallery *g = gallery_new(10, drawer_source(d));

	for (uint32_t n = 0; n < 3; n++) {
		pack_foreign(n + 1, true);
		put(d, g, n);
	}
	ck_assert_uint_eq(gallery_stats(g).foreign, 3);
	pack_own(1);
	put(d, g, 0); /* replaces the same finger */
	ck_assert_uint_eq(gallery_stats(g).references, 3);
	ck_assert_uint_eq(gallery_stats(g).foreign, 2);
	ck_assert_uint_eq(gallery_remove(g, subject(0)), 1);
	ck_assert_uint_eq(gallery_stats(g).foreign, 2);
	ck_assert_uint_eq(gallery_remove(g, subject(1)), 1);
	ck_assert_uint_eq(gallery_stats(g).foreign, 1);
	gallery_free(g);
	drawer_free(d);
}
END_TEST

/* How many of the pairs score 20 dB, with so many sides that have orientations. */
static unsigned
above(enum fine_maps maps, bool mates)
{
	unsigned n = 0;

	for (uint64_t seed = 100; seed < 140; seed++) {
		int32_t score = 0;

		take(&shot, seed, 0);
		take(&other, mates ? seed : seed + 500, 1);
		if (maps == FINE_MAPS_NONE || (maps == FINE_MAPS_ONE && seed % 2 == 0))
			strip(&shot);
		if (maps == FINE_MAPS_NONE || (maps == FINE_MAPS_ONE && seed % 2 != 0))
			strip(&other);
		ck_assert_int_eq(finger_compare(&shot, &other, &score), 0);
		n += score >= 2000;
	}
	return n;
}

START_TEST(every_kind_of_comparison_tells_mates_from_strangers)
{
	for (unsigned maps = FINE_MAPS_NONE; maps <= FINE_MAPS_BOTH; maps++) {
		ck_assert_uint_ge(above((enum fine_maps)maps, true), 30);
		ck_assert_uint_le(above((enum fine_maps)maps, false), 3);
	}
}
END_TEST

START_TEST(minutiae_span_the_finger_where_no_map_does)
{
	static struct fine_side side;
	static const struct {
		int32_t x, y;
		bool on;
	} points[] = { { 150, 150, true },  { 100, 100, true },  { 200, 180, true },
		       { 80, 150, true },   { 150, 220, true },  { 20, 150, false },
		       { 150, 20, false },  { 280, 150, false }, { 150, 290, false },
		       { -1, 150, false },  { 150, -1, false },  { 4000, 150, false },
		       { 150, 4000, false } };

	memset(&shot, 0, sizeof(shot));
	shot.width = shot.height = 320;
	for (int16_t y = 100; y <= 200; y += 20)
		for (int16_t x = 100; x <= 200; x += 20)
			shot.minutiae[shot.count++] =
				(struct minutia){ .x = x, .y = y, .type = 1 };
	ck_assert(fine_prepare(&side, &shot));
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		ck_assert_msg(overlay_on_finger(&side.field, points[i].x, points[i].y) ==
				      points[i].on,
			      "%d, %d", points[i].x, points[i].y);
}
END_TEST

/* Agreement of a finger's minutiae, turned by so much, with its own map; in 1/100. */
static int32_t
agreement(struct fine_work *work, uint16_t turn, bool bare_probe)
{
	static struct fine_side a, b;
	struct fine_evidence e;

	take(&shot, 11, 0);
	other = shot;
	strip(&other);
	for (unsigned i = 0; i < other.count; i++)
		other.minutiae[i].angle = (uint16_t)(other.minutiae[i].angle + turn);
	ck_assert(fine_prepare(&a, bare_probe ? &other : &shot));
	ck_assert(fine_prepare(&b, bare_probe ? &shot : &other));
	fine_compare(work, kernel_best(), &a, &b, &e);
	ck_assert_int_eq(e.maps, FINE_MAPS_ONE);
	return e.common_cells == 0 ? 0 : 100 * e.agreement / e.common_cells;
}

START_TEST(directions_of_minutiae_stand_for_orientations)
{
	struct fine_work *work = malloc(fine_work_bytes());

	ck_assert_ptr_nonnull(work);
	for (unsigned bare = 0; bare < 2; bare++) {
		int32_t own = agreement(work, 0, bare == 1);

		ck_assert_int_ge(own, 75);
		ck_assert_int_lt(agreement(work, 3000, bare == 1), own);
	}
	free(work);
}
END_TEST

START_TEST(qualities_that_are_not_told_do_not_drop_minutiae)
{
	static struct fmr_view view[3];
	const struct fmr_view *const views[] = { &view[0], &view[1], &view[2] };
	static uint8_t record[4096];
	const unsigned all[] = { 0, 1, 2 };
	struct fmr_head head;
	struct fmr r, made;
	size_t bytes;

	for (unsigned i = 0; i < 3; i++) {
		view[i] = (struct fmr_view){ .position = 2, .number = (uint8_t)i };
		take(&view[i].features, 21, i);
		for (unsigned m = 0; m < view[i].features.count; m++)
			view[i].features.minutiae[m].quality = 0;
	}
	head = fmr_head_of(FMR_ISO_2005, views, 3);
	bytes = fmr_bytes(FMR_ISO_2005, views, 3);
	ck_assert_uint_le(bytes, sizeof(record));
	ck_assert_int_eq(fmr_write(&head, views, 3, record, bytes), 0);
	ck_assert_int_eq(fmr_open(record, bytes, &r, NULL), 0);
	ck_assert_int_eq(foreign_make(&r, all, 3, 2, packed, &packed_bytes), 0);
	ck_assert_int_eq(foreign_open(packed, packed_bytes, &made), 0);
	ck_assert_uint_ge(fmr_label(&made, 0).stored, view[0].features.count);
}
END_TEST

UNIT_MAIN("foreign", foreign_reference_is_found_among_our_own,
	  foreign_references_are_counted,
	  every_kind_of_comparison_tells_mates_from_strangers,
	  minutiae_span_the_finger_where_no_map_does,
	  directions_of_minutiae_stand_for_orientations,
	  qualities_that_are_not_told_do_not_drop_minutiae)
