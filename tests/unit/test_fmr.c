#include "unit.h"

#include "bio/finger/fmr.h"
#include "fmr_kit.h"

#include <errno.h>

static struct kit_record kit;
static uint8_t bytes[KIT_BYTES_MAX];
static struct fmr_view view;

/*
 * A record of ISO/IEC 19794-2:2005 by hand: two fingers, the first with three minutiae, the second
 * with none.
 */
static const uint8_t iso[] = {
	0x46, 0x4d, 0x52, 0x00, /* 0: "FMR" */
	0x20, 0x32, 0x30, 0x00, /* 4: " 20" */
	0x00, 0x00, 0x00, 0x36, /* 8: 54 bytes */
	0x81, 0x23,             /* 12: certified, device 0x123 */
	0x01, 0x2c, 0x01, 0x90, /* 14: 300 x 400 px */
	0x00, 0xc5, 0x00, 0xc5, /* 18: 197 px/cm */
	0x02, 0x00,             /* 22: two views */
	0x02, 0x00, 0x50, 0x03, /* 24: right index, view 0 live plain, quality 80, 3 minutiae */
	0x40, 0x4f, 0x00, 0x0d, 0x40,
	0x64, /* 28: ending (79, 13), 90 degrees, 100 */
	0x81, 0x2b, 0x01, 0x8f, 0xff,
	0x01, /* 34: bifurcation (299, 399), 255/256 turns, 1 */
	0x00, 0x00, 0x00, 0x00, 0x00,
	0x00,                   /* 40: other (0, 0), 0 degrees, quality unknown */
	0x00, 0x00,             /* 46: no extended data */
	0x07, 0x08, 0x00, 0x00, /* 48: left index, view 0 by swipe, quality 0, no minutiae */
	0x00, 0x00,             /* 52 */
};

/* The same finger as ANSI INCITS 378-2004 has it. */
static const uint8_t ansi[] = {
	0x46, 0x4d, 0x52, 0x00, /* 0: "FMR" */
	0x20, 0x32, 0x30, 0x00, /* 4: " 20" */
	0x00, 0x32,             /* 8: 50 bytes */
	0x00, 0x1b, 0x12, 0x34, /* 10: product owner 27, type 0x1234 */
	0x00, 0x00,             /* 14: device not told */
	0x01, 0x2c, 0x01, 0x90, /* 16: 300 x 400 px */
	0x00, 0xc5, 0x00, 0xc5, /* 20: 197 px/cm */
	0x01, 0x00,             /* 24: one view */
	0x02, 0x09, 0x50, 0x03, /* 26: right index, contactless, quality 80, 3 minutiae */
	0x40, 0x4f, 0x00, 0x0d, 0x2d, 0x64, /* 30: ending (79, 13), 45 * 2 degrees, 100 */
	0x81, 0x2b, 0x01, 0x8f, 0xb3, 0x01, /* 36: bifurcation, 179 * 2 degrees, 1 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 42: other, quality unknown */
	0x00, 0x00,                         /* 48: no extended data */
};

static struct fmr
open_good(const uint8_t *data, size_t n)
{
	struct fmr_fault fault = { 4711, NULL };
	struct fmr r;

	ck_assert_msg(fmr_open(data, n, &r, &fault) == 0, "%zu: %s", fault.offset,
		      fault.what);
	ck_assert_uint_eq(fault.offset, 4711);
	return r;
}

/* The code of a refusal, with a reason, and the offset it names. */
static int
refused(const uint8_t *data, size_t n, size_t *ret_offset)
{
	struct fmr_fault fault = { SIZE_MAX, NULL };
	struct fmr r = { .views = 4711 };
	int rc = fmr_open(data, n, &r, &fault);

	ck_assert_int_lt(rc, 0);
	ck_assert_uint_eq(r.views, 4711);
	ck_assert_ptr_nonnull(fault.what);
	ck_assert_uint_le(fault.offset, n);
	ck_assert_int_eq(fmr_open(data, n, &r, NULL), rc);
	*ret_offset = fault.offset;
	return rc;
}

static void
check_minutia(const struct minutia *m, struct minutia want)
{
	ck_assert_int_eq(m->x, want.x);
	ck_assert_int_eq(m->y, want.y);
	ck_assert_uint_eq(m->angle, want.angle);
	ck_assert_uint_eq(m->type, want.type);
	ck_assert_uint_eq(m->quality, want.quality);
}

START_TEST(iso_record_by_hand_is_understood)
{
	struct fmr r = open_good(iso, sizeof(iso));
	const struct finger_features *f = &view.features;

	ck_assert_int_eq(r.head.format, FMR_ISO_2005);
	ck_assert_uint_eq(r.head.device, 0x123);
	ck_assert(r.head.certified);
	ck_assert_uint_eq(r.head.x_px_per_cm, 197);
	ck_assert_uint_eq(r.views, 2);
	fmr_view(&r, 0, &view);
	ck_assert_uint_eq(view.position, 2);
	ck_assert_uint_eq(view.impression, FMR_LIVE_PLAIN);
	ck_assert_uint_eq(view.stored, 3);
	ck_assert_uint_eq(f->quality, 80);
	ck_assert_uint_eq(f->width, 300);
	ck_assert_uint_eq(f->height, 400);
	ck_assert_uint_eq(f->cells_x, 0);
	ck_assert_uint_eq(f->cells_y, 0);
	ck_assert_uint_eq(f->count, 3);
	check_minutia(&f->minutiae[0],
		      (struct minutia){ 79, 13, 16384, MINUTIA_ENDING, 100 });
	check_minutia(&f->minutiae[1],
		      (struct minutia){ 299, 399, 65280, MINUTIA_BIFURCATION, 1 });
	check_minutia(&f->minutiae[2], (struct minutia){ 0, 0, 0, MINUTIA_OTHER, 0 });
	fmr_view(&r, 1, &view);
	ck_assert_uint_eq(view.position, 7);
	ck_assert_uint_eq(view.impression, FMR_SWIPE);
	ck_assert_uint_eq(f->count, 0);
	ck_assert_uint_eq(f->quality, 0);
}
END_TEST

START_TEST(ansi_record_by_hand_is_understood)
{
	struct fmr r = open_good(ansi, sizeof(ansi));
	const struct finger_features *f = &view.features;

	ck_assert_int_eq(r.head.format, FMR_ANSI_2004);
	ck_assert_uint_eq(r.head.product_owner, 27);
	ck_assert_uint_eq(r.head.product_type, 0x1234);
	ck_assert(!r.head.certified);
	ck_assert_uint_eq(r.views, 1);
	fmr_view(&r, 0, &view);
	ck_assert_uint_eq(view.impression, FMR_CONTACTLESS);
	ck_assert_uint_eq(f->count, 3);
	check_minutia(&f->minutiae[0],
		      (struct minutia){ 79, 13, 16384, MINUTIA_ENDING, 100 });
	/* 358 degrees are 65171.9 of 65536. */
	check_minutia(&f->minutiae[1],
		      (struct minutia){ 299, 399, 65172, MINUTIA_BIFURCATION, 1 });
	check_minutia(&f->minutiae[2], (struct minutia){ 0, 0, 0, MINUTIA_OTHER, 0 });
}
END_TEST

/* One byte of a record by hand is changed: which offset does the refusal name? */
struct rule {
	size_t at;
	uint8_t value;
	size_t named;
	int rc;
};

static void
check_rules(const uint8_t *record, size_t n, const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t offset = 0;
		int rc;

		memcpy(bytes, record, n);
		bytes[rules[i].at] = rules[i].value;
		rc = refused(bytes, n, &offset);
		ck_assert_msg(rc == rules[i].rc, "rule %zu: %d", i, rc);
		ck_assert_msg(offset == rules[i].named, "rule %zu: %zu", i, offset);
	}
}

START_TEST(each_broken_rule_of_iso_is_named_by_its_place)
{
	static const struct rule rules[] = {
		{ 0, 'G', 0, -EBADMSG },    /* magic */
		{ 3, 1, 0, -EBADMSG },      /* */
		{ 4, '0', 4, -ENOTSUP },    /* the edition of 2011 is "030" */
		{ 11, 53, 53, -EBADMSG },   /* a byte less than there is */
		{ 11, 55, 54, -EBADMSG },   /* a byte more */
		{ 12, 0x10, 12, -EBADMSG }, /* reserved bits of the device */
		{ 15, 0x2b, 34, -EBADMSG }, /* 299 px: the second minutia is outside */
		{ 14, 0x10, 14, -EBADMSG }, /* wider than any finger */
		{ 17, 0x8f, 36, -EBADMSG }, /* 399 px high */
		{ 19, 98, 18, -EBADMSG },   /* 98 px/cm */
		{ 21, 0, 20, -EBADMSG },    /* no resolution */
		{ 22, 177, 22, -EBADMSG },  /* views */
		{ 22, 1, 48, -EBADMSG },    /* bytes after the last view */
		{ 22, 3, 54, -EBADMSG },    /* a third view is not there */
		{ 23, 1, 23, -EBADMSG },    /* reserved */
		{ 24, 11, 24, -EBADMSG },   /* finger position */
		{ 24, 7, 49, -EBADMSG },    /* left index twice, both view 0 */
		{ 25, 0x10, 25, -EBADMSG }, /* the first is view 1 */
		{ 25, 0x04, 25, -EBADMSG }, /* impression types */
		{ 25, 0x07, 25, -EBADMSG }, /* */
		{ 25, 0x09, 25, -EBADMSG }, /* contactless is ANSI's only */
		{ 25, 0x0f, 25, -EBADMSG }, /* */
		{ 26, 101, 26, -EBADMSG },  /* finger quality */
		{ 27, 2, 48, -EBADMSG },    /* two minutiae: the third is an empty view */
		{ 27, 255, 54, -EBADMSG },  /* minutiae beyond the end */
		{ 28, 0xc0, 28, -EBADMSG }, /* type 3 */
		{ 30, 0x40, 30, -EBADMSG }, /* reserved bits of y */
		{ 30, 0x80, 30, -EBADMSG }, /* */
		{ 33, 101, 33, -EBADMSG },  /* quality of a minutia */
		{ 47, 7, 54, -EBADMSG },    /* extended data beyond the end */
		{ 47, 6, 48, -EBADMSG },    /* the second view is no block */
		{ 53, 1, 54, -EBADMSG },    /* */
	};

	check_rules(iso, sizeof(iso), rules, sizeof(rules) / sizeof(rules[0]));
}
END_TEST

START_TEST(each_broken_rule_of_ansi_is_named_by_its_place)
{
	static const struct rule rules[] = {
		{ 4, '0', 4, -ENOTSUP },    /* the edition of 2009 is "030" */
		{ 9, 49, 49, -EBADMSG },    /* length */
		{ 9, 51, 50, -EBADMSG },    /* */
		{ 9, 25, 50, -EBADMSG },    /* now an ISO record of 1.6 MB */
		{ 9, 0, 27, -EBADMSG },     /* now an ISO record of 27 bytes */
		{ 14, 0x40, 14, -EBADMSG }, /* reserved bits of the device */
		{ 19, 0, 38, -EBADMSG },  /* 256 px high: the second minutia is outside */
		{ 21, 98, 20, -EBADMSG }, /* resolution */
		{ 25, 0x80, 25, -EBADMSG }, /* reserved */
		{ 27, 0x0a, 27, -EBADMSG }, /* impression type 10 */
		{ 34, 180, 34, -EBADMSG },  /* 360 degrees */
		{ 34, 255, 34, -EBADMSG },  /* */
	};

	check_rules(ansi, sizeof(ansi), rules, sizeof(rules) / sizeof(rules[0]));
}
END_TEST

START_TEST(images_without_a_side_are_refused)
{
	size_t offset = 0;

	for (int format = 0; format < 2; format++) {
		kit_plain(&kit, format != 0);
		kit.width = 0;
		ck_assert_int_eq(refused(bytes, kit_build(&kit, bytes), &offset),
				 -EBADMSG);
		ck_assert_uint_eq(offset, format ? 16 : 14);
		kit.width = 1;
		kit.height = 0;
		ck_assert_int_eq(refused(bytes, kit_build(&kit, bytes), &offset),
				 -EBADMSG);
		ck_assert_uint_eq(offset, format ? 18 : 16);
	}
}
END_TEST

START_TEST(every_prefix_and_every_tail_is_refused)
{
	size_t offset = 0;

	for (unsigned i = 0; i < 6; i++) {
		size_t n;

		kit_random(&kit, i % 2 != 0, i);
		kit.views = kit.views < 3 ? kit.views : 3;
		n = kit_build(&kit, bytes);
		(void)open_good(bytes, n); /* the whole of it is good */
		for (size_t part = 0; part < n; part++) {
			/* A copy of its own, so that a sanitizer sees a read past the end. */
			uint8_t *copy = malloc(part + 1);

			ck_assert_ptr_nonnull(copy);
			memcpy(copy + 1, bytes, part);
			ck_assert_int_eq(refused(copy + 1, part, &offset), -EBADMSG);
			free(copy);
		}
		for (size_t more = 1; more < 40; more++) {
			bytes[n + more - 1] = 0;
			ck_assert_int_eq(refused(bytes, n + more, &offset), -EBADMSG);
		}
	}
}
END_TEST

/* Makes the length field of a short record say n. */
static void
set_length(uint8_t *record, size_t n)
{
	record[kit.ansi ? 8 : 10] = (uint8_t)(n >> 8);
	record[kit.ansi ? 9 : 11] = (uint8_t)n;
}

START_TEST(records_that_end_too_early_by_their_own_length_are_refused)
{
	static const uint8_t of_iso[] = { 0, 2, 0, 3, 1, 2, 3, 0, 1, 0, 1, 9 };
	static const uint8_t of_ansi[] = { 0, 2, 0, 8, 1, 2, 3, 4, 0, 1, 0, 4 };
	size_t offset = 0;

	for (unsigned i = 0; i < 4; i++) {
		size_t n, head = i % 2 != 0 ? 26 : 24;

		kit_plain(&kit, i % 2 != 0);
		kit.views = 2;
		kit.view[0].count = kit.view[1].count = 3;
		kit.view[1].position = 5;
		kit.view[1].extended = i / 2 != 0 ? of_ansi : of_iso;
		kit.view[1].extended_bytes = sizeof(of_iso);
		n = kit_build(&kit, bytes);
		(void)open_good(bytes, n);
		for (size_t part = head; part < n; part++) {
			uint8_t *copy = malloc(part);

			ck_assert_ptr_nonnull(copy);
			memcpy(copy, bytes, part);
			set_length(copy, part);
			ck_assert_int_eq(refused(copy, part, &offset), -EBADMSG);
			ck_assert_uint_eq(offset, part);
			/* And when the extended data is as short. */
			if (part > n - sizeof(of_iso)) {
				copy[n - sizeof(of_iso) - 1] =
					(uint8_t)(part - (n - sizeof(of_iso)));
				if (part ==
				    n - (i / 2 != 0 ? 4 : 5)) /* a block is whole */
					(void)open_good(copy, part);
				else
					(void)refused(copy, part, &offset);
			}
			free(copy);
		}
	}
}
END_TEST

static void
check_ranges(const struct finger_features *f)
{
	unsigned quality = 100;

	ck_assert_uint_le(f->count, FINGER_MINUTIAE_MAX);
	ck_assert_uint_le(f->quality, 100);
	ck_assert(f->width >= 1 && f->width <= FMR_SIDE_MAX);
	ck_assert(f->height >= 1 && f->height <= FMR_SIDE_MAX);
	for (unsigned i = 0; i < f->count; i++) {
		const struct minutia *m = &f->minutiae[i];

		ck_assert(m->x >= 0 && m->x < f->width && m->y >= 0 && m->y < f->height);
		ck_assert(m->type <= MINUTIA_BIFURCATION && m->quality <= quality);
		quality = m->quality;
	}
}

START_TEST(every_changed_byte_is_refused_or_still_makes_sense)
{
	for (unsigned i = 0; i < 4; i++) {
		size_t n;

		kit_random(&kit, i % 2 != 0, 40 + i);
		kit.views = 2;
		kit.view[0].count = kit.view[1].count = 5;
		n = kit_build(&kit, bytes);
		for (size_t at = 0; at < n; at++) {
			uint8_t was = bytes[at];

			for (unsigned value = 0; value < 256; value++) {
				struct fmr_fault fault = { SIZE_MAX, NULL };
				struct fmr r;

				bytes[at] = (uint8_t)value;
				if (fmr_open(bytes, n, &r, &fault) < 0) {
					ck_assert_ptr_nonnull(fault.what);
					ck_assert_uint_le(fault.offset, n);
					continue;
				}
				for (unsigned v = 0; v < r.views; v++) {
					fmr_view(&r, v, &view);
					check_ranges(&view.features);
				}
			}
			bytes[at] = was;
		}
	}
}
END_TEST

START_TEST(positions_and_sizes_come_at_500_dpi)
{
	static const struct {
		unsigned resolution, side, at, want_side, want_at;
	} rows[] = {
		{ 197, 300, 0, 300, 0 },         { 197, 300, 299, 300, 299 },
		{ 197, 2000, 1999, 2000, 1999 }, /* the largest image there is */
		{ 394, 600, 0, 300, 0 },         { 394, 600, 599, 300, 299 },
		{ 394, 601, 600, 301, 300 }, /* a pixel begun is a pixel */
		{ 99, 150, 0, 299, 0 },          { 99, 150, 149, 299, 297 },
		{ 99, 150, 75, 299, 150 },       { 98 + 1, 1005, 1004, 2000, 1998 },
		{ 202, 328, 327, 320, 319 },     /* 512 dpi */
		{ 1000, 16384, 10151, 0, 0 },    /* 16 cm are refused */
		{ 65535, 16384, 16383, 50, 49 }, /* the finest there can be */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fmr r;
		size_t n, offset;

		kit_plain(&kit, i % 2 != 0);
		kit.width = rows[i].side;
		kit.x_resolution = rows[i].resolution;
		kit.view[0].count = 1;
		kit.view[0].minutiae[0].x = rows[i].at;
		n = kit_build(&kit, bytes);
		if (rows[i].want_side == 0) {
			ck_assert_int_eq(refused(bytes, n, &offset), -EBADMSG);
			continue;
		}
		r = open_good(bytes, n);
		fmr_view(&r, 0, &view);
		ck_assert_uint_eq(view.features.width, rows[i].want_side);
		ck_assert_int_eq(view.features.minutiae[0].x, rows[i].want_at);
		ck_assert_uint_eq(view.features.height, 400);
	}
}
END_TEST

START_TEST(directions_turn_as_ours_in_their_own_units)
{
	for (unsigned format = 0; format < 2; format++) {
		unsigned turn = format ? 180 : 256;

		for (unsigned angle = 0; angle < turn; angle++) {
			struct fmr r;

			kit_plain(&kit, format != 0);
			kit.view[0].count = 1;
			kit.view[0].minutiae[0].angle = angle;
			r = open_good(bytes, kit_build(&kit, bytes));
			fmr_view(&r, 0, &view);
			ck_assert_int_le(
				labs((long)view.features.minutiae[0].angle * turn -
				     (long)angle * 65536),
				turn / 2);
		}
	}
}
END_TEST

START_TEST(extended_data_is_skipped_by_either_count_of_its_blocks)
{
	static const struct {
		uint8_t data[16];
		size_t n;
		bool good;
	} rows[] = {
		{ { 0, 1, 0, 4, 0, 1, 2, 7 }, 8, true },           /* ISO: data only */
		{ { 0, 1, 0, 8, 0, 1, 2, 7 }, 8, true },           /* ANSI: all of it */
		{ { 0, 2, 0, 2, 0, 0, 1, 1, 0, 1, 9 }, 11, true }, /* two of ISO */
		{ { 0, 2, 0, 6, 0, 0, 1, 1, 0, 5, 9 }, 11, true }, /* two of ANSI */
		{ { 1, 1, 0, 0 }, 4, true },                       /* an empty one */
		{ { 1, 1, 0, 4 }, 4, true },                       /* */
		{ { 0, 1, 0, 4, 0, 1, 2, 7, 0, 2, 0, 4 }, 12, false }, /* one of each */
		{ { 0, 0, 0, 4 }, 4, false },                          /* type 0 */
		{ { 0, 1, 0, 3, 0, 1, 2, 7 }, 8, false },              /* too short */
		{ { 0, 1, 0, 9, 0, 1, 2, 7 }, 8, false },              /* too long */
		{ { 0, 1, 0xff, 0xff, 0, 1, 2, 7 }, 8, false },        /* */
		{ { 0, 1, 0 }, 3, false },                             /* half a head */
		{ { 0, 1, 0, 4, 5 }, 5, false },                       /* a byte over */
	};

	for (unsigned i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned row = i / 2;
		size_t offset = 0, n;
		struct fmr r;

		kit_plain(&kit, i % 2 != 0);
		kit.views = 2;
		kit.view[0].extended = rows[row].data;
		kit.view[0].extended_bytes = rows[row].n;
		kit.view[1] = (struct kit_view){ .position = 9, .quality = 33 };
		n = kit_build(&kit, bytes);
		if (!rows[row].good) {
			ck_assert_int_eq(refused(bytes, n, &offset), -EBADMSG);
			ck_assert_uint_eq(offset, i % 2 ? 32 : 30);
			continue;
		}
		r = open_good(bytes, n);
		fmr_view(&r, 0, &view);
		ck_assert_uint_eq(view.extended_bytes, rows[row].n);
		fmr_view(&r, 1, &view);
		ck_assert_uint_eq(view.position, 9);
		ck_assert_uint_eq(view.features.quality, 33);
		ck_assert_uint_eq(view.extended_bytes, 0);
	}
}
END_TEST

START_TEST(long_records_are_told_apart_too)
{
	static const uint8_t zero_blocks[65532] = { 1, 1, 0xff, 0xfc };

	for (unsigned views = 1; views <= 5; views++) {
		for (int format = 0; format < 2; format++) {
			struct fmr r;
			size_t n;

			kit_plain(&kit, format != 0);
			kit.views = views;
			for (unsigned i = 0; i < views; i++) {
				kit.view[i] = (struct kit_view){
					.position = 3,
					.number = i,
					.extended = zero_blocks,
					.extended_bytes = sizeof(zero_blocks),
				};
			}
			n = kit_build(&kit, bytes);
			ck_assert_uint_gt(n, 65535 * views);
			r = open_good(bytes, n);
			ck_assert_int_eq(r.head.format,
					 format ? FMR_ANSI_2004 : FMR_ISO_2005);
			ck_assert_uint_eq(r.views, views);
		}
	}
}
END_TEST

START_TEST(a_short_length_in_long_form_is_refused)
{
	static const uint8_t head[30] = { 0x46, 0x4d, 0x52, 0, 0x20, 0x32, 0x30,
					  0,    0,    0,    0, 0,    0,    30 };
	size_t offset = 0;

	ck_assert_int_eq(refused(head, sizeof(head), &offset), -EBADMSG);
	ck_assert_uint_eq(offset, 8);
	/* The longest that two bytes hold, and the shortest that they do not. */
	for (size_t n = 65535; n <= 65536; n++) {
		size_t extended = n - 36;

		memset(bytes, 0, n);
		memcpy(bytes, head, 8);
		bytes[11] = (uint8_t)(n >> 16);
		bytes[12] = (uint8_t)(n >> 8);
		bytes[13] = (uint8_t)n;
		bytes[21] = bytes[23] = 1; /* 1 x 1 px */
		bytes[25] = bytes[27] = 197;
		bytes[28] = 1;
		bytes[34] = (uint8_t)(extended >> 8);
		bytes[35] = (uint8_t)extended;
		bytes[36] = 1;
		bytes[38] = bytes[34];
		bytes[39] = bytes[35];
		if (n == 65535)
			ck_assert_int_eq(refused(bytes, n, &offset), -EBADMSG);
		else
			ck_assert_uint_eq(open_good(bytes, n).views, 1);
	}
}
END_TEST

START_TEST(records_beyond_the_limit_are_refused_unread)
{
	uint8_t *large = calloc(1, FMR_BYTES_MAX + 1);
	size_t offset = 0;

	ck_assert_ptr_nonnull(large);
	memcpy(large, iso, sizeof(iso));
	ck_assert_int_eq(refused(large, FMR_BYTES_MAX + 1, &offset), -EMSGSIZE);
	ck_assert_int_eq(refused(large, FMR_BYTES_MAX, &offset), -EBADMSG);
	free(large);
}
END_TEST

START_TEST(the_best_minutiae_stay_and_the_farthest_of_equals_go)
{
	struct fmr r;
	unsigned low = 0;

	/* 255 on a line, every third of quality 9, the others of 8. */
	kit_plain(&kit, false);
	kit.view[0].count = 255;
	for (unsigned i = 0; i < 255; i++)
		kit.view[0].minutiae[i] = (struct kit_minutia){
			.x = i, .y = 7, .quality = i % 3 == 0 ? 9 : 8
		};
	r = open_good(bytes, kit_build(&kit, bytes));
	fmr_view(&r, 0, &view);
	ck_assert_uint_eq(view.stored, 255);
	ck_assert_uint_eq(view.features.count, FINGER_MINUTIAE_MAX);
	for (unsigned i = 0; i < 85; i++) {
		ck_assert_uint_eq(view.features.minutiae[i].quality, 9);
		ck_assert_int_eq(view.features.minutiae[i].x, 3 * i);
	}
	/* The other 43 are the nearest to the middle, in the order of the record. */
	for (unsigned i = 85; i < FINGER_MINUTIAE_MAX; i++) {
		const struct minutia *m = &view.features.minutiae[i];

		ck_assert_uint_eq(m->quality, 8);
		ck_assert_int_le(abs(m->x - 127), 33);
		ck_assert_int_gt(m->x, i == 85 ? 0 : view.features.minutiae[i - 1].x);
		low++;
	}
	ck_assert_uint_eq(low, 43);
	kit.view[0].count = FINGER_MINUTIAE_MAX;
	r = open_good(bytes, kit_build(&kit, bytes));
	fmr_view(&r, 0, &view);
	ck_assert_uint_eq(view.features.count, FINGER_MINUTIAE_MAX);
	ck_assert_int_eq(view.features.minutiae[FINGER_MINUTIAE_MAX - 1].x, 127);
}
END_TEST

START_TEST(all_views_a_record_can_have_are_read)
{
	static const uint8_t empty_view[6] = { 0 };
	size_t n = 24 + 176 * 6;
	struct fmr r;

	memcpy(bytes, iso, 24);
	bytes[10] = (uint8_t)(n >> 8);
	bytes[11] = (uint8_t)n;
	bytes[22] = 176;
	for (unsigned i = 0; i < 176; i++) {
		uint8_t *p = bytes + 24 + (size_t)i * 6;

		memcpy(p, empty_view, 6);
		p[0] = (uint8_t)(i / 16);
		p[1] = (uint8_t)(i % 16 << 4);
	}
	r = open_good(bytes, n);
	ck_assert_uint_eq(r.views, FMR_VIEWS_MAX);
	for (unsigned i = 0; i < r.views; i++) {
		fmr_view(&r, i, &view);
		ck_assert_uint_eq(view.position, i / 16);
		ck_assert_uint_eq(view.number, i % 16);
	}
	/* Without any view a record is one all the same. */
	bytes[10] = 0;
	bytes[11] = 24;
	bytes[22] = 0;
	ck_assert_uint_eq(open_good(bytes, 24).views, 0);
}
END_TEST

UNIT_MAIN("fmr", iso_record_by_hand_is_understood, ansi_record_by_hand_is_understood,
	  each_broken_rule_of_iso_is_named_by_its_place,
	  each_broken_rule_of_ansi_is_named_by_its_place,
	  images_without_a_side_are_refused, every_prefix_and_every_tail_is_refused,
	  records_that_end_too_early_by_their_own_length_are_refused,
	  every_changed_byte_is_refused_or_still_makes_sense,
	  positions_and_sizes_come_at_500_dpi, directions_turn_as_ours_in_their_own_units,
	  extended_data_is_skipped_by_either_count_of_its_blocks,
	  long_records_are_told_apart_too, a_short_length_in_long_form_is_refused,
	  records_beyond_the_limit_are_refused_unread,
	  the_best_minutiae_stay_and_the_farthest_of_equals_go,
	  all_views_a_record_can_have_are_read)
