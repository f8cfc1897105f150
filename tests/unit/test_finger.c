#include "unit.h"

#include "bio/finger/finger.h"
#include "bio/finger/trig.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#define WIDTH 328
#define HEIGHT 364
#define PERIOD_16TH 144 /* 9 px */
#define DISLOCATIONS_MAX 16

/*
 * A drawn print: straight ridges in one direction with dislocations, each of which is one minutia
 * of known place, direction and type. Integer arithmetic, so that images are the same everywhere.
 */
struct dislocation {
	int along, across; /* px from the centre of the image */
	int sign;          /* 1: it points along the ridges, -1: against */
};

struct drawing {
	int width, height;
	int scale;      /* pixels a unit; 2 is an image of twice the resolution */
	uint16_t ridge; /* direction of the ridges */
	uint16_t phase; /* of the wave at the centre */
	int count;
	struct dislocation at[DISLOCATIONS_MAX];
	int contrast;      /* grey, half the difference of ridge and valley */
	int noise;         /* grey, largest */
	int radius;        /* px; outside there is no finger */
	bool sensor_traps; /* white corners and a darker square */
};

static const struct drawing plain = {
	.width = WIDTH, .height = HEIGHT, .scale = 1, .contrast = 80, .radius = 150
};

static uint32_t
random_next(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

/* The phase of the wave; across and along in 1/16 px from the centre. */
static uint16_t
phase_at(const struct drawing *d, int along, int across)
{
	int64_t phase = d->phase + (int64_t)across * 65536 / PERIOD_16TH;

	for (int i = 0; i < d->count; i++)
		phase +=
			d->at[i].sign * (int64_t)trig_atan2(across - d->at[i].across * 16,
							    along - d->at[i].along * 16);
	return (uint16_t)phase;
}

static int
grey_at(const struct drawing *d, int x, int y, uint32_t *noise)
{
	int c = trig_cos(d->ridge), s = trig_sin(d->ridge);
	int right = (2 * x + 1 - d->width) * 8 / d->scale;
	int up = (d->height - 2 * y - 1) * 8 / d->scale;
	int along = (int)(((int64_t)right * c + (int64_t)up * s) / TRIG_ONE);
	int across = (int)(((int64_t)up * c - (int64_t)right * s) / TRIG_ONE);
	int grey = 128 + (int)random_next(noise) % (2 * d->noise + 1) - d->noise;

	if ((int64_t)right * right + (int64_t)up * up >
	    (int64_t)d->radius * d->radius * 256)
		grey += 80;
	else
		grey += d->contrast * trig_cos(phase_at(d, along, across)) / TRIG_ONE;
	if (d->sensor_traps && x > d->width / 2 && x < d->width / 2 + 48 &&
	    y > d->height / 2 + 10 && y < d->height / 2 + 58)
		grey = grey * 3 / 4 - 10;
	if (d->sensor_traps &&
	    (x < (d->height - y) / 8 || d->width - x < (d->height - y) / 8))
		grey = 255;
	return grey < 0 ? 0 : grey > 255 ? 255 : grey;
}

static struct sample *
draw(const struct drawing *d)
{
	struct sample *s = NULL;
	uint32_t noise = 1;

	ck_assert_int_eq(sample_new((uint32_t)d->width, (uint32_t)d->height,
				    500 * (uint32_t)d->scale, &s),
			 0);
	for (int y = 0; y < d->height; y++)
		for (int x = 0; x < d->width; x++)
			s->grey[y * d->width + x] = (uint8_t)grey_at(d, x, y, &noise);
	return s;
}

static struct finger_extractor *extractor;

static int
extract(const struct sample *s, struct finger_features *f)
{
	if (extractor == NULL)
		extractor = finger_extractor_new();
	ck_assert_ptr_nonnull(extractor);
	return finger_extract(extractor, s, f);
}

static int
extract_drawing(const struct drawing *d, struct finger_features *f)
{
	struct sample *s = draw(d);
	int rc = extract(s, f);

	sample_free(s);
	return rc;
}

/* What a dislocation should be found as, at 500 dpi. */
static struct minutia
expected(const struct drawing *d, int i)
{
	const struct dislocation *at = &d->at[i];
	int c = trig_cos(d->ridge), s = trig_sin(d->ridge);
	int right = (at->along * c - at->across * s) / TRIG_ONE;
	int up = (at->along * s + at->across * c) / TRIG_ONE;
	struct minutia m = {
		.x = (int16_t)(d->width / d->scale / 2 + right),
		.y = (int16_t)(d->height / d->scale / 2 - up),
		.angle = (uint16_t)(d->ridge + (at->sign > 0 ? 0 : 0x8000)),
	};

	return m;
}

/* A minutia within reach px and reach_angle of m; NULL none. */
static const struct minutia *
find(const struct finger_features *f, const struct minutia *m, int reach, int reach_angle)
{
	for (unsigned i = 0; i < f->count; i++) {
		const struct minutia *k = &f->minutiae[i];

		if ((k->x - m->x) * (k->x - m->x) + (k->y - m->y) * (k->y - m->y) <=
			    reach * reach &&
		    abs(trig_diff(k->angle, m->angle)) <= reach_angle)
			return k;
	}
	return NULL;
}

static void
check_ranges(const struct finger_features *f)
{
	ck_assert_uint_le(f->count, FINGER_MINUTIAE_MAX);
	ck_assert_uint_le(f->quality, 100);
	ck_assert_uint_le(f->cells_x, FINGER_CELLS_SIDE_MAX);
	ck_assert_uint_le(f->cells_y, FINGER_CELLS_SIDE_MAX);
	for (unsigned i = 0; i < f->count; i++) {
		const struct minutia *m = &f->minutiae[i];

		ck_assert(m->x >= 0 && m->x < f->width && m->y >= 0 && m->y < f->height);
		ck_assert(m->type == MINUTIA_ENDING || m->type == MINUTIA_BIFURCATION);
		ck_assert(m->quality >= 1 && m->quality <= 100);
		ck_assert(i == 0 || m->quality <= m[-1].quality);
	}
}

START_TEST(one_dislocation_is_one_minutia)
{
	for (int step = 0; step < 18; step++) {
		for (int k = 0; k < 4; k++) {
			struct drawing d = plain;
			struct finger_features f;
			struct minutia want;
			int type = k < 2 ? MINUTIA_ENDING : MINUTIA_BIFURCATION;

			/* The wave is dark where an ending's own ridge runs. */
			d.ridge = (uint16_t)(step * 65536 / 36);
			d.count = 1;
			d.at[0].sign = k % 2 == 0 ? 1 : -1;
			d.phase = (type == MINUTIA_ENDING) == (d.at[0].sign > 0) ? 0x8000
										 : 0;
			ck_assert_int_eq(extract_drawing(&d, &f), 0);
			check_ranges(&f);
			want = expected(&d, 0);
			ck_assert_msg(
				f.count == 1,
				"step %d, kind %d: %u minutiae, (%d, %d) quality %u",
				step, k, f.count, f.minutiae[f.count - 1].x,
				f.minutiae[f.count - 1].y,
				f.minutiae[f.count - 1].quality);
			ck_assert_msg(find(&f, &want, 5, 0x600) != NULL,
				      "step %d, kind %d: (%d, %d) angle %d", step, k,
				      f.minutiae[0].x, f.minutiae[0].y,
				      f.minutiae[0].angle);
			ck_assert_int_eq(f.minutiae[0].type, type);
		}
	}
}
END_TEST

/* Twelve minutiae, far enough from each other and from the border. */
static struct drawing
busy(uint16_t ridge)
{
	struct drawing d = plain;

	d.ridge = ridge;
	d.radius = 160;
	for (int i = 0; i < 12; i++) {
		d.at[i] = (struct dislocation){ .along = (i % 3 - 1) * 60 + i % 2 * 20,
						.across = (i / 3) * 50 - 75,
						.sign = i % 2 == 0 ? 1 : -1 };
		d.count++;
	}
	return d;
}

START_TEST(all_dislocations_are_found_at_any_rotation)
{
	for (int step = 0; step < 12; step++) {
		struct drawing d = busy((uint16_t)(step * 65536 / 12 + 1000));
		struct finger_features f;
		int found = 0;

		ck_assert_int_eq(extract_drawing(&d, &f), 0);
		check_ranges(&f);
		for (int i = 0; i < d.count; i++) {
			struct minutia want = expected(&d, i);

			found += find(&f, &want, 9, 0xb00) != NULL;
		}
		ck_assert_msg(found == d.count && f.count <= d.count + 2,
			      "step %d: %d of %d found, %u reported", step, found,
			      d.count, f.count);
	}
}
END_TEST

START_TEST(turning_the_image_turns_the_minutiae)
{
	struct drawing d = busy(0x1800);
	struct sample *s = draw(&d), *turned = NULL;
	struct finger_features a, b;

	/* A quarter turn counter-clockwise: (x, y) goes to (y, width - 1 - x). */
	ck_assert_int_eq(sample_new(HEIGHT, WIDTH, 500, &turned), 0);
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++)
			turned->grey[(WIDTH - 1 - x) * HEIGHT + y] =
				s->grey[y * WIDTH + x];
	ck_assert_int_eq(extract(s, &a), 0);
	ck_assert_int_eq(extract(turned, &b), 0);
	ck_assert_uint_eq(a.count, b.count);
	for (unsigned i = 0; i < a.count; i++) {
		struct minutia want = a.minutiae[i];

		want.x = a.minutiae[i].y;
		want.y = (int16_t)(WIDTH - 1 - a.minutiae[i].x);
		want.angle = (uint16_t)(want.angle + 0x4000);
		ck_assert_ptr_nonnull(find(&b, &want, 4, 0x400));
	}
	sample_free(s);
	sample_free(turned);
}
END_TEST

START_TEST(resolution_does_not_matter)
{
	struct drawing d = busy(0x2345);
	struct finger_features a, b;

	ck_assert_int_eq(extract_drawing(&d, &a), 0);
	d.scale = 2;
	d.width *= 2;
	d.height *= 2;
	ck_assert_int_eq(extract_drawing(&d, &b), 0);
	ck_assert_uint_eq(b.width, WIDTH);
	ck_assert_uint_eq(b.height, HEIGHT);
	for (unsigned i = 0; i < a.count; i++)
		ck_assert_ptr_nonnull(find(&b, &a.minutiae[i], 4, 0x400));
}
END_TEST

START_TEST(the_sensor_makes_no_minutiae)
{
	struct drawing d = plain;
	struct finger_features f;
	struct minutia want;

	d.ridge = 0x1000;
	d.count = 1;
	d.at[0] = (struct dislocation){ .along = -60, .across = 20, .sign = 1 };
	d.radius = 300;
	d.sensor_traps = true;
	ck_assert_int_eq(extract_drawing(&d, &f), 0);
	want = expected(&d, 0);
	ck_assert_ptr_nonnull(find(&f, &want, 7, 0x600));
	ck_assert_uint_eq(f.count, 1);
}
END_TEST

START_TEST(cells_hold_the_ridge_direction)
{
	for (int step = 0; step < 16; step++) {
		struct drawing d = plain;
		struct finger_features f;
		unsigned seen = 0;

		d.count = 1;
		d.at[0].sign = 1;
		d.ridge = (uint16_t)(step * 65536 / 32 + 700);
		ck_assert_int_eq(extract_drawing(&d, &f), 0);
		ck_assert_uint_eq(f.cells_x, (WIDTH + 15) / 16);
		ck_assert_uint_eq(f.cells_y, (HEIGHT + 15) / 16);
		for (unsigned i = 0; i < (unsigned)f.cells_x * f.cells_y; i++) {
			int32_t off = trig_diff((uint16_t)(f.orientation[i] << 8),
						(uint16_t)(d.ridge * 2)) /
				      2;
			int x = (int)(i % f.cells_x) * 16 + 8 - WIDTH / 2;
			int y = (int)(i / f.cells_x) * 16 + 8 - HEIGHT / 2;

			seen += f.coherence[i] != 0;
			if (x * x + y * y > 170 * 170)
				ck_assert_uint_eq(f.coherence[i], 0);
			else if (x * x + y * y > 40 * 40 && x * x + y * y < 120 * 120)
				ck_assert(f.coherence[i] > 200 && abs(off) < 0x300);
		}
		ck_assert_uint_eq(seen, f.foreground_cells);
	}
}
END_TEST

START_TEST(quality_falls_with_noise_and_contrast)
{
	static const int noise[] = { 0, 40, 80, 120 };
	unsigned last = 101;

	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
		struct drawing d = busy(0x900);
		struct finger_features f;

		d.noise = noise[i];
		d.contrast = 50;
		ck_assert_int_eq(extract_drawing(&d, &f), 0);
		ck_assert_uint_lt(f.quality, last);
		last = f.quality;
	}
}
END_TEST

START_TEST(a_faint_or_small_print_is_hinted_at)
{
	struct drawing d = busy(0x900);
	struct finger_features f;

	ck_assert_int_eq(extract_drawing(&d, &f), 0);
	ck_assert_uint_eq(f.hints & (HINT_LOW_CONTRAST | HINT_TOO_SMALL | HINT_BLANK), 0);
	d.contrast = 9;
	d.radius = 300;
	ck_assert_int_eq(extract_drawing(&d, &f), 0);
	ck_assert_uint_ne(f.hints & HINT_LOW_CONTRAST, 0);
	d.contrast = 80;
	d.radius = 60;
	(void)extract_drawing(&d, &f); /* usable or not: the hint counts */
	ck_assert_uint_ne(f.hints & HINT_TOO_SMALL, 0);
	ck_assert_uint_ne(f.hints & HINT_FEW_MINUTIAE, 0);
}
END_TEST

/* Pictures that are no fingers. */
static uint8_t
hostile_pixel(int kind, int x, int y, uint32_t *state)
{
	switch (kind) {
	case 0:
		return 0;
	case 1:
		return 255;
	case 2:
		return 128;
	case 3:
		return (uint8_t)random_next(state);
	case 4:
		return (random_next(state) & 1) != 0 ? 255 : 0;
	case 5:
		return (uint8_t)(x / 2);
	case 6:
		return (uint8_t)((x + y) / 4);
	case 7:
		return ((x ^ y) & 1) != 0 ? 255 : 0;
	case 8:
		return ((x / 4 ^ y / 4) & 1) != 0 ? 255 : 0;
	case 9:
		return (uint8_t)((x * x + y * y) >> 6);
	case 10:
		return x < 100 ? 0 : 255;
	default:
		return (x * 5 / kind & 1) != 0 ? 255 : 0; /* stripes, ever wider */
	}
}

#define HOSTILE_REFUSED 7 /* the first of them must not be taken for fingers */
#define HOSTILE_KINDS 60

static struct sample *
hostile(int kind, uint32_t width, uint32_t height, uint32_t dpi)
{
	struct sample *s = NULL;
	uint32_t state = 7;

	ck_assert_int_eq(sample_new(width, height, dpi, &s), 0);
	for (uint32_t y = 0; y < height; y++)
		for (uint32_t x = 0; x < width; x++)
			s->grey[y * width + x] =
				hostile_pixel(kind, (int)x, (int)y, &state);
	return s;
}

START_TEST(pictures_of_no_finger_are_refused_with_a_hint)
{
	for (int kind = 0; kind < HOSTILE_KINDS; kind++) {
		struct sample *s = hostile(kind, WIDTH, HEIGHT, 500);
		struct finger_features f;
		int rc = extract(s, &f);

		ck_assert(rc == 0 || rc == -ENODATA);
		check_ranges(&f);
		if (kind < HOSTILE_REFUSED)
			ck_assert_msg(rc == -ENODATA, "kind %d", kind);
		if (rc == -ENODATA)
			ck_assert(f.hints != 0 && f.count == 0 && f.quality == 0);
		sample_free(s);
	}
}
END_TEST

/* A grating in 1/65536 turns, of 9 px across, its normal (nx, ny) in 1/16384. */
static int
grating(int x, int y, int nx, int ny)
{
	return trig_sin(
		(uint16_t)(((int64_t)x * nx + (int64_t)y * ny) * 65536 / (9 * TRIG_ONE)));
}

/* Textures with the period of ridges, -2..2 times TRIG_ONE. */
static int
texture(int kind, int x, int y)
{
	switch (kind) {
	case 0: /* cloth */
		return grating(x, y, TRIG_ONE, 0) / 128 *
		       (grating(x, y, 0, TRIG_ONE) / 128);
	case 1: /* a halftone */
		return grating(x, y, TRIG_ONE, TRIG_ONE) / 128 *
		       (grating(x, y, TRIG_ONE, -TRIG_ONE) / 128);
	case 2: /* the beat of two gratings */
		return grating(x, y, TRIG_ONE, 0) / 2 + grating(x, y, 15565, 4915) / 2;
	default: { /* patches of ridges in any direction */
		uint32_t patch = (uint32_t)(x / 24 * 31 + y / 24 + 1) * 2654435761u;
		uint16_t turn = (uint16_t)((patch ^ patch >> 15) * 2246822519u >> 16);

		return grating(x, y, trig_cos(turn), trig_sin(turn));
	}
	}
}
#define TEXTURES 4

/* Ridges enough for the filters, but they flow as no finger's do. */
START_TEST(textures_of_the_ridges_period_are_no_fingers)
{
	for (int kind = 0; kind < TEXTURES; kind++) {
		struct finger_features f;
		struct sample *s = NULL;

		ck_assert_int_eq(sample_new(WIDTH, HEIGHT, 500, &s), 0);
		for (int i = 0; i < WIDTH * HEIGHT; i++)
			s->grey[i] = (uint8_t)(128 +
					       texture(kind, i % WIDTH, i / WIDTH) / 256);
		ck_assert_msg(extract(s, &f) == -ENODATA, "kind %d", kind);
		ck_assert_uint_ne(f.hints & HINT_BLANK, 0);
		ck_assert_uint_eq(f.count, 0);
		sample_free(s);
	}
}
END_TEST

START_TEST(any_size_is_handled_or_refused)
{
	static const struct {
		uint32_t width, height, dpi;
		bool refused;
	} cases[] = {
		{ 64, 64, 500, false },     { 64, 64, 667, false },
		{ 64, 64, 1200, true },     { 65, 2000, 1200, true },
		{ 127, 2000, 1200, false }, { 2000, 1000, 1200, false },
		{ 800, 800, 500, false },   { 801, 801, 500, true },
		{ 1024, 625, 500, false },  { 625, 1024, 500, false },
		{ 64, 1024, 500, false },   { 1025, 64, 500, true },
		{ 512, 64, 250, false },    { 513, 64, 250, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int kind = 3; kind < 24; kind += 5) {
			struct sample *s = hostile(kind, cases[i].width, cases[i].height,
						   cases[i].dpi);
			struct finger_features f;
			int rc = extract(s, &f);

			ck_assert_int_eq(rc == -EINVAL, cases[i].refused);
			if (rc != -EINVAL)
				check_ranges(&f);
			sample_free(s);
		}
	}
}
END_TEST

static uint64_t
hash_of(const struct finger_features *f)
{
	const uint8_t *p = (const uint8_t *)f;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof(*f); i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

START_TEST(features_depend_on_the_image_alone)
{
	struct drawing d = busy(0x3210);
	struct finger_features first, other, again;
	struct finger_extractor *fresh;
	struct sample *s;

	d.noise = 60;
	d.sensor_traps = true;
	s = draw(&d);
	ck_assert_int_eq(extract(s, &first), 0);
	d.ridge = 0x7000;
	ck_assert_int_eq(extract_drawing(&d, &other), 0);
	ck_assert_int_eq(extract(s, &again), 0);
	ck_assert_int_eq(memcmp(&first, &again, sizeof(first)), 0);
	ck_assert_int_ne(memcmp(&first, &other, sizeof(first)), 0);
	fresh = finger_extractor_new();
	ck_assert_ptr_nonnull(fresh);
	ck_assert_int_eq(finger_extract(fresh, s, &again), 0);
	ck_assert_int_eq(memcmp(&first, &again, sizeof(first)), 0);
	ck_assert_ptr_null(finger_extractor_free(fresh));
	sample_free(s);
}
END_TEST

/*
 * The same bits from every compiler and CPU. A change of the extractor changes this figure on
 * purpose: record the new one, printed by the failing test, with the measurements of the change.
 */
#define RECORDED_HASH UINT64_C(0xc578b3a0a695675d)

START_TEST(features_are_the_recorded_bits)
{
	struct drawing d = busy(0x0c00);
	struct finger_features f;

	d.noise = 70;
	d.sensor_traps = true;
	ck_assert_int_eq(extract_drawing(&d, &f), 0);
	ck_assert_msg(hash_of(&f) == RECORDED_HASH, "0x%llx",
		      (unsigned long long)hash_of(&f));
}
END_TEST

START_TEST(trigonometry_is_within_its_bounds)
{
	for (int a = 0; a < 65536; a += 13) {
		int32_t c = trig_cos((uint16_t)a), s = trig_sin((uint16_t)a);

		ck_assert(abs(c * c / 256 + s * s / 256 - TRIG_ONE * 64) < 600);
		ck_assert(abs(trig_diff(trig_atan2(s, c), (uint16_t)a)) <= 10);
		ck_assert(abs(trig_diff(trig_atan2(s * (INT64_C(1) << 40),
						   c * (INT64_C(1) << 40)),
					(uint16_t)a)) <= 10);
	}
	for (uint64_t v = 0; v < 100000; v += 7) {
		uint64_t r = trig_sqrt(v);

		ck_assert(r * r <= v && (r + 1) * (r + 1) > v);
	}
	ck_assert_uint_eq(trig_sqrt(UINT64_MAX), UINT32_MAX);
	ck_assert_uint_eq(trig_atan2(0, 0), 0);
	ck_assert_uint_eq(trig_atan2(INT64_MIN, 0), 0xc000);
}
END_TEST

UNIT_MAIN("finger", one_dislocation_is_one_minutia,
	  all_dislocations_are_found_at_any_rotation,
	  turning_the_image_turns_the_minutiae, resolution_does_not_matter,
	  the_sensor_makes_no_minutiae, cells_hold_the_ridge_direction,
	  quality_falls_with_noise_and_contrast, a_faint_or_small_print_is_hinted_at,
	  pictures_of_no_finger_are_refused_with_a_hint,
	  textures_of_the_ridges_period_are_no_fingers, any_size_is_handled_or_refused,
	  features_depend_on_the_image_alone, features_are_the_recorded_bits,
	  trigonometry_is_within_its_bounds)
