#include "unit.h"

#include "bio/finger/fmr.h"
#include "fmr_kit.h"

#include <errno.h>

#define SEEDS 400u

static struct kit_record kit;
static struct fmr_view view[KIT_VIEWS_MAX];
static const struct fmr_view *views[KIT_VIEWS_MAX];
static struct fmr_view again;
static uint8_t bytes[KIT_BYTES_MAX], written[KIT_BYTES_MAX];

/* All views of a record whose bytes are good. */
static struct fmr
read_all(const uint8_t *data, size_t n)
{
	struct fmr_fault fault = { 0, "" };
	struct fmr r;

	ck_assert_msg(fmr_open(data, n, &r, &fault) == 0, "%zu: %s", fault.offset,
		      fault.what);
	ck_assert_uint_le(r.views, KIT_VIEWS_MAX);
	for (unsigned i = 0; i < r.views; i++) {
		fmr_view(&r, i, &view[i]);
		views[i] = &view[i];
	}
	return r;
}

static void
check_against_kit(const struct fmr *r)
{
	ck_assert_int_eq(r->head.format, kit.ansi ? FMR_ANSI_2004 : FMR_ISO_2005);
	ck_assert_uint_eq(r->head.device, kit.device & 0xfff);
	ck_assert_int_eq(r->head.certified, kit.device >= 0x8000);
	ck_assert_uint_eq(r->head.product_owner, kit.owner);
	ck_assert_uint_eq(r->head.product_type, kit.product);
	ck_assert_uint_eq(r->head.width, kit.width);
	ck_assert_uint_eq(r->head.height, kit.height);
	ck_assert_uint_eq(r->views, kit.views);
	for (unsigned i = 0; i < kit.views; i++) {
		const struct kit_view *k = &kit.view[i];

		ck_assert_uint_eq(view[i].position, k->position);
		ck_assert_uint_eq(view[i].number, k->number);
		ck_assert_uint_eq(view[i].impression, k->impression);
		ck_assert_uint_eq(view[i].features.quality, k->quality);
		ck_assert_uint_eq(view[i].features.count, k->count);
		for (unsigned m = 0; m < k->count; m++) {
			ck_assert_uint_eq(view[i].features.minutiae[m].type,
					  k->minutiae[m].type);
			ck_assert_uint_eq(view[i].features.minutiae[m].quality,
					  k->minutiae[m].quality);
			/* In 500 dpi pixels: within one of where the standard has it. */
			ck_assert_double_eq_tol(
				view[i].features.minutiae[m].x,
				k->minutiae[m].x * 197.0 / kit.x_resolution, 1.0);
			ck_assert_double_eq_tol(
				view[i].features.minutiae[m].y,
				k->minutiae[m].y * 197.0 / kit.y_resolution, 1.0);
		}
	}
}

START_TEST(foreign_records_are_read_right_and_written_again_byte_by_byte)
{
	for (unsigned i = 0; i < 2 * SEEDS; i++) {
		struct fmr r;
		size_t n;

		kit_random(&kit, i % 2 != 0, i / 2);
		n = kit_build(&kit, bytes);
		r = read_all(bytes, n);
		check_against_kit(&r);
		ck_assert_uint_eq(fmr_bytes(r.head.format, views, r.views), n);
		ck_assert_int_eq(fmr_write(&r.head, views, r.views, written, n), 0);
		ck_assert_mem_eq(written, bytes, n);
	}
}
END_TEST

/* Features as an extractor makes them, any directions. */
static void
draw_features(struct fmr_view *v, uint64_t seed)
{
	struct finger_features *f = &v->features;
	uint64_t state = seed + 1;

	memset(v, 0, sizeof(*v));
	v->position = (uint8_t)(1 + seed % 10);
	f->width = (uint16_t)(1 + kit_draw(&state, 2000));
	f->height = (uint16_t)(1 + kit_draw(&state, 2000));
	f->quality = (uint8_t)kit_draw(&state, 101);
	f->count = (uint16_t)kit_draw(&state, FINGER_MINUTIAE_MAX + 1);
	f->cells_x = f->cells_y = 3; /* not to be found in a record */
	for (unsigned i = 0; i < f->count; i++) {
		f->minutiae[i] = (struct minutia){
			.x = (int16_t)kit_draw(&state, f->width),
			.y = (int16_t)kit_draw(&state, f->height),
			.angle = (uint16_t)kit_draw(&state, 65536),
			.type = (uint8_t)kit_draw(&state, 3),
			.quality = (uint8_t)(100 - i * 100 / f->count),
		};
	}
}

static void
check_same(const struct finger_features *got, const struct finger_features *want,
	   int turn_error)
{
	ck_assert_uint_eq(got->count, want->count);
	for (unsigned i = 0; i < got->count; i++) {
		const struct minutia *g = &got->minutiae[i], *w = &want->minutiae[i];

		ck_assert_int_eq(g->x, w->x);
		ck_assert_int_eq(g->y, w->y);
		ck_assert_uint_eq(g->type, w->type);
		ck_assert_int_le(abs((int16_t)(uint16_t)(g->angle - w->angle)),
				 turn_error);
	}
}

START_TEST(our_features_come_back_within_half_a_unit_of_direction)
{
	static const enum fmr_format formats[] = { FMR_ISO_2005, FMR_ANSI_2004 };

	for (unsigned i = 0; i < 2 * SEEDS; i++) {
		enum fmr_format format = formats[i % 2];
		const struct fmr_view *one[] = { &view[0] };
		struct fmr_head head;
		struct fmr r;
		size_t n;

		draw_features(&view[0], i);
		head = fmr_head_of(format, one, 1);
		n = fmr_bytes(format, one, 1);
		ck_assert_int_eq(fmr_write(&head, one, 1, written, n), 0);
		ck_assert_int_eq(fmr_open(written, n, &r, NULL), 0);
		fmr_view(&r, 0, &again);
		ck_assert_uint_eq(again.features.width, view[0].features.width);
		ck_assert_uint_eq(again.features.height, view[0].features.height);
		ck_assert_uint_eq(again.features.quality, view[0].features.quality);
		ck_assert_uint_eq(again.features.cells_x, 0);
		check_same(&again.features, &view[0].features, i % 2 ? 183 : 128);
		for (unsigned m = 0; m < again.features.count; m++)
			ck_assert_uint_eq(again.features.minutiae[m].quality,
					  view[0].features.minutiae[m].quality);
	}
}
END_TEST

START_TEST(finer_records_are_written_as_what_was_read_of_them)
{
	static const unsigned resolutions[] = { 198, 199, 236, 300, 394, 400, 787, 1000 };

	for (unsigned i = 0; i < SEEDS; i++) {
		struct fmr r, w;
		size_t n;

		kit_random(&kit, i % 2 != 0, i);
		kit.x_resolution = resolutions[i / 2 % 8];
		kit.y_resolution = resolutions[i / 16 % 8];
		n = kit_build(&kit, bytes);
		r = read_all(bytes, n);
		check_against_kit(&r);
		ck_assert_int_eq(fmr_write(&r.head, views, r.views, written, n), 0);
		ck_assert_int_eq(fmr_open(written, n, &w, NULL), 0);
		for (unsigned v = 0; v < r.views; v++) {
			fmr_view(&w, v, &again);
			ck_assert_mem_eq(&again, &view[v], sizeof(again));
		}
	}
}
END_TEST

START_TEST(what_only_begins_at_the_edge_is_written_inside)
{
	struct fmr_head h = { .format = FMR_ISO_2005,
			      .width = 601,
			      .height = 16385,
			      .x_px_per_cm = 394,
			      .y_px_per_cm = 2003 };
	const struct fmr_view *one[] = { &view[0] };

	memset(&view[0], 0, sizeof(view[0]));
	view[0].position = 1;
	view[0].features.count = 1;
	view[0].features.minutiae[0] = (struct minutia){ .x = 300, .y = 1611 };
	ck_assert_int_eq(fmr_write(&h, one, 1, written, 36), 0);
	ck_assert_int_eq(written[28] << 8 | written[29], 600);
	ck_assert_int_eq(written[30] << 8 | written[31], 16383);
	view[0].features.minutiae[0].y = 1612; /* beyond what 14 bits hold */
	ck_assert_int_eq(fmr_write(&h, one, 1, written, 36), -ERANGE);
	view[0].features.minutiae[0] = (struct minutia){ .x = 301 };
	ck_assert_int_eq(fmr_write(&h, one, 1, written, 36), -ERANGE);
}
END_TEST

START_TEST(a_head_is_as_large_as_the_largest_view)
{
	struct fmr_head h;

	memset(view, 0, sizeof(view[0]) * 2);
	view[0].features.width = 100;
	view[0].features.height = 300;
	view[1].features.width = 200;
	view[1].features.height = 150;
	views[0] = &view[0];
	views[1] = &view[1];
	h = fmr_head_of(FMR_ISO_2005, views, 2);
	ck_assert_uint_eq(h.width, 200);
	ck_assert_uint_eq(h.height, 300);
	ck_assert_uint_eq(h.x_px_per_cm, 197);
	ck_assert_uint_eq(h.y_px_per_cm, 197);
	h = fmr_head_of(FMR_ANSI_2004, views, 0);
	ck_assert_int_eq(fmr_write(&h, views, 0, written, 26), 0);
	ck_assert_int_eq(fmr_write(&h, views, 0, written, 25), -EMSGSIZE);
	ck_assert_int_eq(fmr_write(&h, views, 0, written, 27), -EMSGSIZE);
}
END_TEST

START_TEST(the_long_form_of_ansi_begins_where_two_bytes_end)
{
	static const struct fmr_view *many[FMR_VIEWS_MAX];
	struct fmr_head head = fmr_head_of(FMR_ANSI_2004, NULL, 0);
	struct fmr r;

	/* 84 views of 128 minutiae are 65 016 bytes with the header; one of 78 + 6 is left. */
	memset(view, 0, sizeof(view[0]) * 2);
	view[0].features.count = 128;
	for (unsigned i = 0; i < 84; i++)
		many[i] = &view[0];
	many[84] = &view[1];
	for (uint16_t count = 80; count <= 90; count++) {
		size_t n = 26 + 84 * 774 + 6 + (size_t)count * 6;

		view[1].features.count = count;
		n += n > 65535 ? 4 : 0;
		ck_assert_uint_eq(fmr_bytes(FMR_ANSI_2004, many, 85), n);
		ck_assert_int_eq(fmr_write(&head, many, 85, written, n), 0);
		ck_assert_int_eq(written[8] == 0 && written[9] == 0, n > 65535);
		ck_assert_int_eq(fmr_open(written, n, &r, NULL), 0);
		fmr_view(&r, 84, &again);
		ck_assert_uint_eq(again.features.count, count);
	}
}
END_TEST

enum flaw {
	NO_FLAW,
	POSITION,
	NUMBER,
	NUMBER_LARGE,
	IMPRESSION,
	IMPRESSION_LARGE,
	CONTACTLESS,
	QUALITY,
	MINUTIA_QUALITY,
	MINUTIA_TYPE,
	LEFT_OF_IMAGE,
	RIGHT_OF_IMAGE,
	BELOW_IMAGE,
	DEVICE,
	NO_WIDTH,
	LARGE,
	COARSE,
	NO_RESOLUTION,
	OWNER,
	FLAWS
};

static void
break_it(enum flaw flaw, struct fmr_head *h, struct fmr_view *v)
{
	struct minutia *m = &v->features.minutiae[0];

	switch (flaw) {
	case POSITION:
		v->position = 11;
		break;
	case NUMBER:
		v->number = 1;
		break;
	case NUMBER_LARGE:
		v->position = 0, v->number = 16;
		break;
	case IMPRESSION:
		v->impression = 4;
		break;
	case IMPRESSION_LARGE:
		v->impression = 16;
		break;
	case CONTACTLESS:
		v->impression = FMR_CONTACTLESS;
		break;
	case QUALITY:
		v->features.quality = 101;
		break;
	case MINUTIA_QUALITY:
		m->quality = 101;
		break;
	case MINUTIA_TYPE:
		m->type = 3;
		break;
	case LEFT_OF_IMAGE:
		m->x = -1;
		break;
	case RIGHT_OF_IMAGE:
		m->x = 100;
		break;
	case BELOW_IMAGE:
		m->y = INT16_MAX;
		break;
	case DEVICE:
		h->device = 4096;
		break;
	case NO_WIDTH:
		h->width = 0;
		break;
	case LARGE:
		h->height = 2001;
		break;
	case COARSE:
		h->y_px_per_cm = 98;
		break;
	case NO_RESOLUTION:
		h->x_px_per_cm = 0;
		break;
	case OWNER:
		h->product_type = 1;
		break;
	case NO_FLAW:
	case FLAWS:
		break;
	}
}

START_TEST(what_the_reader_would_refuse_is_not_written)
{
	for (enum flaw flaw = NO_FLAW; flaw < FLAWS; flaw++) {
		const struct fmr_view *one[] = { &view[0] };
		struct fmr_head h;

		memset(&view[0], 0, sizeof(view[0]));
		view[0].position = 1;
		view[0].features.width = view[0].features.height = 100;
		view[0].features.count = 1;
		h = fmr_head_of(FMR_ISO_2005, one, 1);
		break_it(flaw, &h, &view[0]);
		ck_assert_msg(fmr_write(&h, one, 1, written, 36) ==
				      (flaw == NO_FLAW ? 0 : -ERANGE),
			      "flaw %d", (int)flaw);
	}
}
END_TEST

START_TEST(card_minutiae_by_hand_are_understood_and_written_again)
{
	static const uint8_t normal[] = {
		0x40, 0x64, 0x03, 0xe8, 0x40, /* ending at 1.00, 10.00 mm, 90 degrees */
		0xa7, 0xa7, 0x00, 0x00, 0xff, /* bifurcation at 101.51, 0 mm */
	};
	static const uint8_t compact[] = {
		0x0a, 0x64, 0x50, /* ending at 1.0, 10.0 mm, 90 degrees */
		0xff, 0x00, 0xbf, /* bifurcation at 25.5, 0 mm, 63/64 turns */
	};
	struct finger_features *f = &again.features;

	ck_assert_int_eq(fmr_card_read(FMR_CARD_NORMAL, normal, 10, f, NULL), 0);
	ck_assert_uint_eq(f->count, 2);
	ck_assert_int_eq(f->minutiae[0].x, 19);
	ck_assert_int_eq(f->minutiae[0].y, 197);
	ck_assert_uint_eq(f->minutiae[0].angle, 16384);
	ck_assert_uint_eq(f->minutiae[0].type, MINUTIA_ENDING);
	ck_assert_int_eq(f->minutiae[1].x, 1999);
	ck_assert_uint_eq(f->minutiae[1].angle, 65280);
	ck_assert_uint_eq(f->width, 2000);
	ck_assert_uint_eq(f->height, 198);
	ck_assert_uint_eq(f->quality, 0);
	ck_assert_uint_eq(f->cells_x, 0);

	ck_assert_int_eq(fmr_card_read(FMR_CARD_COMPACT, compact, 6, f, NULL), 0);
	ck_assert_uint_eq(f->count, 2);
	ck_assert_int_eq(f->minutiae[0].x, 20);
	ck_assert_int_eq(f->minutiae[0].y, 197);
	ck_assert_uint_eq(f->minutiae[0].angle, 16384);
	ck_assert_int_eq(f->minutiae[1].x, 503);
	ck_assert_uint_eq(f->minutiae[1].angle, 64512);
	ck_assert_uint_eq(f->minutiae[1].type, MINUTIA_BIFURCATION);
	ck_assert_int_eq(fmr_card_write(FMR_CARD_COMPACT, f, written, 6), 0);
	ck_assert_mem_eq(written, compact, 6);
}
END_TEST

START_TEST(card_data_is_read_strictly)
{
	static const struct {
		enum fmr_card card;
		uint8_t data[5];
		size_t n, named;
	} rows[] = {
		{ FMR_CARD_NORMAL, { 0xc0 }, 5, 0 },             /* type 3 */
		{ FMR_CARD_NORMAL, { 0, 0, 0x40 }, 5, 2 },       /* reserved bits */
		{ FMR_CARD_NORMAL, { 0x27, 0xa8 }, 5, 0 },       /* 101.52 mm */
		{ FMR_CARD_NORMAL, { 0, 0, 0x27, 0xa8 }, 5, 2 }, /* */
		{ FMR_CARD_NORMAL, { 0 }, 4, 4 },                /* not whole */
		{ FMR_CARD_COMPACT, { 0, 0, 0xc0 }, 3, 2 },      /* type 3 */
		{ FMR_CARD_COMPACT, { 0 }, 4, 4 },               /* not whole */
		{ FMR_CARD_COMPACT, { 0 }, 5, 5 },               /* */
	};
	struct finger_features *f = &again.features;
	static const uint8_t many[256 * 5];
	struct fmr_fault fault;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fault.what = NULL;
		ck_assert_int_eq(
			fmr_card_read(rows[i].card, rows[i].data, rows[i].n, f, &fault),
			-EBADMSG);
		ck_assert_ptr_nonnull(fault.what);
		ck_assert_uint_eq(fault.offset, rows[i].named);
	}
	ck_assert_int_eq(fmr_card_read(FMR_CARD_COMPACT, many, 0, f, NULL), 0);
	ck_assert_uint_eq(f->count, 0);
	ck_assert_int_eq(
		fmr_card_read(FMR_CARD_COMPACT, many, sizeof(many) / 5 * 3, f, &fault),
		-EMSGSIZE);
	ck_assert_int_eq(fmr_card_read(FMR_CARD_NORMAL, many, sizeof(many) - 5, f, NULL),
			 0);
	ck_assert_uint_eq(f->count, FINGER_MINUTIAE_MAX);
}
END_TEST

START_TEST(cards_bring_our_features_back)
{
	struct finger_features *f = &view[0].features;

	for (unsigned i = 0; i < SEEDS; i++) {
		size_t n;

		draw_features(&view[0], i);
		for (unsigned m = 0; m < f->count; m++)
			f->minutiae[m].quality = 0;
		n = (size_t)f->count * FMR_CARD_NORMAL_MINUTIA_BYTES;
		ck_assert_int_eq(fmr_card_write(FMR_CARD_NORMAL, f, written, n), 0);
		ck_assert_int_eq(
			fmr_card_read(FMR_CARD_NORMAL, written, n, &again.features, NULL),
			0);
		check_same(&again.features, f, 128);
		for (unsigned m = 0; m < f->count; m++)
			f->minutiae[m].x /= 4, f->minutiae[m].y /= 4;
		n = (size_t)f->count * FMR_CARD_COMPACT_MINUTIA_BYTES;
		ck_assert_int_eq(fmr_card_write(FMR_CARD_COMPACT, f, written, n), 0);
		ck_assert_int_eq(fmr_card_write(FMR_CARD_COMPACT, f, written, n + 1),
				 -EMSGSIZE);
		ck_assert_int_eq(fmr_card_read(FMR_CARD_COMPACT, written, n,
					       &again.features, NULL),
				 0);
		ck_assert_uint_eq(again.features.count, f->count);
		for (unsigned m = 0; m < f->count; m++) {
			struct minutia *g = &again.features.minutiae[m],
				       *w = &f->minutiae[m];

			ck_assert_int_le(abs(g->x - w->x), 1);
			ck_assert_int_le(abs(g->y - w->y), 1);
			ck_assert_int_le(abs((int16_t)(uint16_t)(g->angle - w->angle)),
					 512);
		}
	}
}
END_TEST

START_TEST(what_a_compact_card_cannot_hold_is_refused)
{
	struct finger_features *f = &view[0].features;

	memset(f, 0, sizeof(*f));
	f->count = 1;
	f->minutiae[0].x = 503; /* 25.5 mm */
	ck_assert_int_eq(fmr_card_write(FMR_CARD_COMPACT, f, written, 3), 0);
	f->minutiae[0].x = 505;
	ck_assert_int_eq(fmr_card_write(FMR_CARD_COMPACT, f, written, 3), -ERANGE);
	ck_assert_int_eq(fmr_card_write(FMR_CARD_NORMAL, f, written, 5), 0);
	f->minutiae[0].y = -1;
	ck_assert_int_eq(fmr_card_write(FMR_CARD_NORMAL, f, written, 5), -ERANGE);
}
END_TEST

UNIT_MAIN("fmr_write", foreign_records_are_read_right_and_written_again_byte_by_byte,
	  our_features_come_back_within_half_a_unit_of_direction,
	  finer_records_are_written_as_what_was_read_of_them,
	  what_only_begins_at_the_edge_is_written_inside,
	  a_head_is_as_large_as_the_largest_view,
	  the_long_form_of_ansi_begins_where_two_bytes_end,
	  what_the_reader_would_refuse_is_not_written,
	  card_minutiae_by_hand_are_understood_and_written_again,
	  card_data_is_read_strictly, cards_bring_our_features_back,
	  what_a_compact_card_cannot_hold_is_refused)
