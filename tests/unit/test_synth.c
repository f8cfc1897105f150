#include "unit.h"

#include "synth/synth.h"
#include "synth/synth_field.h"
#include "synth/synth_math.h"

#include <errno.h>

#define PIXELS ((size_t)SYNTH_WIDTH * SYNTH_HEIGHT)

static uint8_t picture_a[PIXELS], picture_b[PIXELS];
static struct finger_features features_a, features_b;

static uint64_t
hash_bytes(uint64_t h, const void *data, size_t bytes)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < bytes; i++) /* FNV-1a */
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t
hash_features(const struct finger_features *f)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (uint16_t i = 0; i < f->count; i++) {
		const struct minutia *m = &f->minutiae[i];
		int32_t v[] = { m->x, m->y, m->angle, m->type, m->quality };

		h = hash_bytes(h, v, sizeof(v));
	}
	h = hash_bytes(h, f->orientation, sizeof(f->orientation));
	return hash_bytes(h, f->coherence, sizeof(f->coherence));
}

static size_t
pixels_apart(const uint8_t *a, const uint8_t *b)
{
	size_t n = 0;

	for (size_t i = 0; i < PIXELS; i++)
		n += abs(a[i] - b[i]) > 40;
	return n;
}

/*
 * The committed hashes hold for every compiler, optimisation and CPU. They change only with the
 * generator itself, and then all recorded figures that rest on its pictures must be taken anew.
 */
START_TEST(a_seed_gives_the_same_picture_everywhere)
{
	static const struct {
		enum synth_class class;
		uint32_t impression;
		uint64_t hash;
	} table[] = {
		{ SYNTH_ARCH, 1, UINT64_C(0x4e0020bdc6c3c13b) },
		{ SYNTH_TENTED_ARCH, 2, UINT64_C(0x769d4e950991aab6) },
		{ SYNTH_LEFT_LOOP, 3, UINT64_C(0x5f5faa3629ba6705) },
		{ SYNTH_RIGHT_LOOP, 4, UINT64_C(0x4f8230fcdb5a34ff) },
		{ SYNTH_WHORL, 5, UINT64_C(0x9dd5fcff888127ba) },
	};
	uint64_t h = UINT64_C(0xcbf29ce484222325), seed = 0;

	while (synth_field_make(seed).class != table[_i].class)
		seed++;
	ck_assert_int_eq(synth_image(seed, table[_i].impression, NULL, picture_a), 0);
	ck_assert_uint_eq(hash_bytes(h, picture_a, PIXELS), table[_i].hash);
}
END_TEST

START_TEST(a_seed_gives_the_same_features_everywhere)
{
	uint64_t sum = 0;

	for (uint64_t seed = 0; seed < 300; seed++) { /* every class among them */
		ck_assert_int_eq(synth_features(seed, 2, NULL, &features_a), 0);
		sum = sum * 31 + hash_features(&features_a);
	}
	ck_assert_uint_eq(sum, UINT64_C(0x925d062f9f0776a3));
}
END_TEST

START_TEST(one_master_gives_the_same_impression_twice)
{
	struct synth_master *m = synth_master_new(77);

	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(synth_master_render(m, 4, NULL, picture_a), 0);
	ck_assert_int_eq(synth_master_render(m, 5, NULL, picture_b), 0);
	ck_assert_uint_gt(pixels_apart(picture_a, picture_b), PIXELS / 10);
	ck_assert_int_eq(synth_image(77, 4, NULL, picture_b), 0);
	ck_assert_int_eq(memcmp(picture_a, picture_b, PIXELS), 0);
	ck_assert_ptr_null(synth_master_free(m));
}
END_TEST

START_TEST(different_seeds_give_different_fingers)
{
	struct synth_options o = { SYNTH_WIDTH, SYNTH_HEIGHT, 0, 1 };

	ck_assert_int_eq(synth_image(1000 + (uint64_t)_i, 1, &o, picture_a), 0);
	ck_assert_int_eq(synth_image(2000 + (uint64_t)_i, 1, &o, picture_b), 0);
	ck_assert_uint_gt(pixels_apart(picture_a, picture_b), PIXELS / 8);
}
END_TEST

/* Straight and clean impressions of one finger differ by noise only. */
START_TEST(easy_impressions_of_a_finger_agree)
{
	struct synth_options o = { SYNTH_WIDTH, SYNTH_HEIGHT, 0, 1 };

	ck_assert_int_eq(synth_image(42, 1, &o, picture_a), 0);
	ck_assert_int_eq(synth_image(42, 2, &o, picture_b), 0);
	ck_assert_int_ne(memcmp(picture_a, picture_b, PIXELS), 0);
	ck_assert_uint_lt(pixels_apart(picture_a, picture_b), PIXELS / 10);
}
END_TEST

START_TEST(pictures_have_paper_and_ridges)
{
	size_t light = 0, dark = 0;

	ck_assert_int_eq(synth_image(300 + (uint64_t)_i, 1, NULL, picture_a), 0);
	for (size_t i = 0; i < PIXELS; i++) {
		light += picture_a[i] > 165;
		dark += picture_a[i] < 125;
	}
	ck_assert_uint_gt(light, PIXELS / 4);
	ck_assert_uint_gt(dark, PIXELS / 12);
	ck_assert_uint_eq(picture_a[0], 255); /* a white corner */
}
END_TEST

START_TEST(refuses_options_outside_the_limits)
{
	static const struct synth_options table[] = {
		{ SYNTH_SIDE_MIN - 1, SYNTH_HEIGHT, 50, 0 },
		{ SYNTH_SIDE_MAX + 1, SYNTH_HEIGHT, 50, 0 },
		{ SYNTH_WIDTH, SYNTH_SIDE_MIN - 1, 50, 0 },
		{ SYNTH_WIDTH, SYNTH_SIDE_MAX + 1, 50, 0 },
		{ SYNTH_WIDTH, SYNTH_HEIGHT, 101, 0 },
	};

	ck_assert_int_eq(synth_image(1, 1, &table[_i], picture_a), -EINVAL);
	ck_assert_int_eq(synth_features(1, 1, &table[_i], &features_a), -EINVAL);
}
END_TEST

START_TEST(renders_every_size)
{
	static const uint32_t table[][2] = { { SYNTH_SIDE_MIN, SYNTH_SIDE_MIN },
					     { SYNTH_SIDE_MAX, SYNTH_SIDE_MIN },
					     { 65, 1000 },
					     { 256, 360 } };
	struct synth_options o = { table[_i][0], table[_i][1], 100, 0 };
	uint8_t *grey = malloc((size_t)o.width * o.height);

	ck_assert_ptr_nonnull(grey);
	ck_assert_int_eq(synth_image(9, 1, &o, grey), 0);
	ck_assert_int_eq(synth_features(9, 1, &o, &features_a), 0);
	free(grey);
}
END_TEST

START_TEST(classes_come_as_often_as_in_nature)
{
	static const int32_t per_mille[] = { 37, 29, 338, 317, 279 };
	int32_t seen[5] = { 0 };

	for (uint64_t seed = 0; seed < 4000; seed++)
		seen[synth_field_make(seed).class]++;
	for (int i = 0; i < 5; i++)
		ck_assert_int_lt(abs(seen[i] / 4 - per_mille[i]), 25);
}
END_TEST

START_TEST(features_are_well_formed)
{
	ck_assert_int_eq(synth_features((uint64_t)_i, 1, NULL, &features_a), 0);
	ck_assert_uint_eq(features_a.width, SYNTH_WIDTH);
	ck_assert_uint_gt(features_a.count, 8);
	ck_assert_uint_gt(features_a.foreground_cells, 40);
	for (uint16_t k = 0; k < features_a.count; k++) {
		const struct minutia *m = &features_a.minutiae[k];

		ck_assert_int_ge(m->x, 0);
		ck_assert_int_ge(m->y, 0);
		ck_assert_int_lt(m->x, (int)SYNTH_WIDTH);
		ck_assert_int_lt(m->y, (int)SYNTH_HEIGHT);
		ck_assert_uint_ge(m->quality, 1);
		ck_assert_uint_le(m->quality, 100);
		if (k > 0)
			ck_assert_uint_le(m->quality, m[-1].quality);
	}
}
END_TEST

/* How many minutiae of one set lie within 6 px and 20 degrees of one of the other. */
static unsigned
common_minutiae(const struct finger_features *a, const struct finger_features *b)
{
	unsigned n = 0;

	for (uint16_t i = 0; i < a->count; i++) {
		for (uint16_t k = 0; k < b->count; k++) {
			int dx = a->minutiae[i].x - b->minutiae[k].x;
			int dy = a->minutiae[i].y - b->minutiae[k].y;
			int16_t turn =
				(int16_t)(a->minutiae[i].angle - b->minutiae[k].angle);

			if (dx * dx + dy * dy <= 36 && abs(turn) < SYNTH_DEGREES(20)) {
				n++;
				break;
			}
		}
	}
	return n;
}

START_TEST(easy_features_of_a_finger_agree_and_others_do_not)
{
	struct synth_options o = { SYNTH_WIDTH, SYNTH_HEIGHT, 0, 1 };

	ck_assert_int_eq(synth_features((uint64_t)_i, 1, &o, &features_a), 0);
	ck_assert_int_eq(synth_features((uint64_t)_i, 2, &o, &features_b), 0);
	ck_assert_uint_gt(common_minutiae(&features_a, &features_b) * 10,
			  features_a.count * 6);
	ck_assert_int_eq(synth_features((uint64_t)_i + 100, 1, &o, &features_b), 0);
	ck_assert_uint_lt(common_minutiae(&features_a, &features_b) * 10,
			  features_a.count * 4);
}
END_TEST

/* Minutiae of an impression lie along its own orientation cells. */
START_TEST(minutiae_follow_the_orientation)
{
	unsigned along = 0;

	ck_assert_int_eq(synth_features((uint64_t)_i + 50, 1, NULL, &features_a), 0);
	for (uint16_t k = 0; k < features_a.count; k++) {
		const struct minutia *m = &features_a.minutiae[k];
		uint32_t cell = (uint32_t)m->y / FINGER_CELL_PX * features_a.cells_x +
				(uint32_t)m->x / FINGER_CELL_PX;
		uint8_t apart = (uint8_t)(m->angle / 128 - features_a.orientation[cell]);

		along += features_a.coherence[cell] > 0 && (apart < 36 || apart > 220);
	}
	ck_assert_uint_gt(along * 10, features_a.count * 7u);
}
END_TEST

START_TEST(a_circle_has_radius_one)
{
	for (uint32_t a = 0; a < 65536; a += 7) {
		int64_t s = synth_sin((uint16_t)a), c = synth_cos((uint16_t)a);
		int16_t back = (int16_t)(synth_atan2((int32_t)s, (int32_t)c) - a);

		ck_assert_int_le(llabs(s * s + c * c - INT64_C(1073741824)), 250000);
		ck_assert_int_le(abs(back), 3);
	}
	ck_assert_int_eq(synth_sin(0x4000), 32768);
	ck_assert_int_eq(synth_atan2(0, 0), 0);
}
END_TEST

START_TEST(exponential_and_root_are_right)
{
	static const struct {
		uint32_t x, want;
	} table[] = { { 0, 65536 },      { 65536, 24109 },     { 131072, 8869 },
		      { 32768, 39750 },  { 5 * 65536, 442 },   { 16 * 65536, 0 },
		      { UINT32_MAX, 0 }, { 12 * 65536 + 9, 0 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ck_assert_int_le(
			abs((int32_t)synth_exp_neg(table[i].x) - (int32_t)table[i].want),
			20);
	for (uint64_t v = 0; v < 3000; v++) {
		uint64_t r = synth_sqrt(v);

		ck_assert(r * r <= v && (r + 1) * (r + 1) > v);
	}
	ck_assert_uint_eq(synth_sqrt(UINT64_MAX), UINT32_MAX);
}
END_TEST

START_TEST(noise_fill_stays_in_range_and_repeats)
{
	static int16_t a[100 * 90], b[100 * 90];
	int32_t low = 0, high = 0;

	synth_noise_fill(3, 7, 100, 90, a);
	synth_noise_fill(3, 7, 100, 90, b);
	ck_assert_int_eq(memcmp(a, b, sizeof(a)), 0);
	for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++) {
		low = a[i] < low ? a[i] : low;
		high = a[i] > high ? a[i] : high;
	}
	ck_assert_int_ge(low, -1024);
	ck_assert_int_le(high, 1024);
	ck_assert_int_gt(high - low, 1500);
}
END_TEST

int
main(void)
{
	const struct {
		const TTest *test;
		int loops;
	} tests[] = {
		{ a_seed_gives_the_same_picture_everywhere, 5 },
		{ a_seed_gives_the_same_features_everywhere, 1 },
		{ one_master_gives_the_same_impression_twice, 1 },
		{ different_seeds_give_different_fingers, 3 },
		{ easy_impressions_of_a_finger_agree, 1 },
		{ pictures_have_paper_and_ridges, 5 },
		{ refuses_options_outside_the_limits, 5 },
		{ renders_every_size, 4 },
		{ classes_come_as_often_as_in_nature, 1 },
		{ features_are_well_formed, 100 },
		{ easy_features_of_a_finger_agree_and_others_do_not, 20 },
		{ minutiae_follow_the_orientation, 20 },
		{ a_circle_has_radius_one, 1 },
		{ exponential_and_root_are_right, 1 },
		{ noise_fill_stays_in_range_and_repeats, 1 },
	};
	Suite *suite = suite_create("synth");
	TCase *tc = tcase_create("synth");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_loop_test(tc, tests[i].test, 0, tests[i].loops);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
