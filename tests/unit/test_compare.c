#include "unit.h"

#include "bio/gallery/fine.h"
#include "bio/gallery/fixed.h"
#include "bio/gallery/gallery.h"
#include "bio/gallery/scan.h"
#include "bio/gallery/score.h"
#include "synth/synth.h"

#include <errno.h>
#include <math.h>

static struct finger_features left, right;

static void
take(struct finger_features *f, uint64_t seed, uint32_t impression)
{
	ck_assert_int_eq(synth_features(seed, impression, NULL, f), 0);
}

static int32_t
compare(const struct finger_features *a, const struct finger_features *b)
{
	int32_t score = -1;

	ck_assert_int_eq(finger_compare(a, b, &score), 0);
	ck_assert_int_ge(score, 0);
	ck_assert_int_le(score, GALLERY_SCORE_MAX);
	return score;
}

START_TEST(sine_is_within_two_units_of_libm)
{
	for (uint32_t a = 0; a < 65536; a += 13) {
		double exact = 16384.0 * sin(a * M_PI / 32768.0);

		ck_assert_double_le(fabs(fixed_sin((uint16_t)a) - exact), 2.0);
		ck_assert_int_eq(fixed_cos((uint16_t)a),
				 fixed_sin((uint16_t)(a + 16384)));
	}
}
END_TEST

START_TEST(direction_is_within_four_units_of_libm)
{
	for (int32_t x = -300; x <= 300; x += 7) {
		for (int32_t y = -300; y <= 300; y += 11) {
			double exact = atan2(-y, x) * 32768.0 / M_PI;
			double off = remainder(fixed_direction(x, y) - exact, 65536.0);

			ck_assert(fabs(off) <= 4.0);
		}
	}
	ck_assert_uint_eq(fixed_direction(0, 0), 0);
	ck_assert_uint_eq(fixed_direction(0, -5), 16384);
}
END_TEST

START_TEST(root_is_exact)
{
	for (uint64_t r = 0; r < 70000; r += 37) {
		ck_assert_uint_eq(fixed_root(r * r), r);
		ck_assert_uint_eq(fixed_root(r * r + 2 * r), r);
	}
	ck_assert_uint_eq(fixed_root(UINT64_MAX), UINT32_MAX);
}
END_TEST

START_TEST(division_rounds_halves_away_from_zero)
{
	static const int64_t rows[][3] = {
		{ 7, 2, 4 },   { -7, 2, -4 }, { 6, 4, 2 },
		{ -6, 4, -2 }, { 0, 9, 0 },   { 4, 3, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_int_eq(fixed_divide(rows[i][0], rows[i][1]), rows[i][2]);
}
END_TEST

START_TEST(mates_score_above_strangers)
{
	unsigned above = 0, pairs = 0;

	for (uint64_t seed = 1; seed <= 30; seed++) {
		take(&left, seed, 0);
		take(&right, seed, 1);
		above += compare(&left, &right) >= 3000;
		pairs++;
		for (uint64_t other = 101; other <= 110; other++) {
			take(&right, other, 1);
			ck_assert_int_lt(compare(&left, &right), 6000);
		}
	}
	ck_assert_uint_ge(above * 10, pairs * 9);
}
END_TEST

START_TEST(finger_is_most_like_itself)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		take(&left, seed, 0);
		ck_assert_int_eq(compare(&left, &left), GALLERY_SCORE_MAX);
	}
}
END_TEST

/* Turns all minutiae about the middle and shifts them, as if the finger lay differently. */
static void
lay(struct finger_features *f, uint16_t turn, int dx, int dy)
{
	struct fine_move move = { fixed_sin(turn), fixed_cos(turn), dx, dy, turn };

	f->cells_x = f->cells_y = 0; /* the cells would not fit any more */
	for (unsigned i = 0; i < f->count; i++) {
		struct minutia *m = &f->minutiae[i];
		int32_t x, y;

		fine_moved(&move, m->x - 164, m->y - 182, &x, &y);
		m->x = (int16_t)(x + 300);
		m->y = (int16_t)(y + 300);
		m->angle = (uint16_t)(m->angle + turn);
	}
	f->width = f->height = 700;
}

START_TEST(turned_and_shifted_finger_is_the_same_finger)
{
	static const struct {
		uint16_t turn;
		int dx, dy;
	} rows[] = {
		{ 0, 40, -60 }, { 3000, 0, 0 }, { 8192, 20, 10 }, { 62000, -50, 70 }
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		take(&left, 4, 0);
		take(&right, 4, 0);
		lay(&left, 0, 0, 0);
		lay(&right, rows[i].turn, rows[i].dx, rows[i].dy);
		ck_assert_int_ge(compare(&left, &right), 8000);
	}
}
END_TEST

START_TEST(movement_found_is_the_one_that_was_made)
{
	static struct fine_side a, b;
	struct fine_work *work = malloc(fine_work_bytes());
	struct fine_evidence e;

	ck_assert_ptr_nonnull(work);
	take(&left, 4, 0);
	take(&right, 4, 0);
	lay(&left, 0, 0, 0);
	lay(&right, 4000, 30, -20);
	ck_assert(fine_prepare(&a, &left));
	ck_assert(fine_prepare(&b, &right));
	fine_compare(work, kernel_best(), &a, &b, &e);
	ck_assert_uint_le(fixed_apart(e.move.turn, 4000), 200);
	for (unsigned i = 0; i < left.count; i++) {
		int32_t x, y;

		fine_moved(&e.move, left.minutiae[i].x, left.minutiae[i].y, &x, &y);
		ck_assert_int_le(abs(x - right.minutiae[i].x), 3);
		ck_assert_int_le(abs(y - right.minutiae[i].y), 3);
	}
	free(work);
}
END_TEST

START_TEST(too_few_minutiae_are_no_finger)
{
	int32_t score = 77;

	take(&left, 1, 0);
	take(&right, 1, 1);
	for (uint16_t n = 0; n < 3; n++) {
		left.count = n;
		ck_assert_int_eq(finger_compare(&left, &right, &score), -ENODATA);
		ck_assert_int_eq(finger_compare(&right, &left, &score), -ENODATA);
		ck_assert_int_eq(score, 77);
	}
}
END_TEST

/* Fingers that no extractor finds, but a malformed template could hold. */
START_TEST(odd_constellations_of_minutiae_are_survived)
{
	for (int shape = 0; shape < 6; shape++) {
		memset(&left, 0, sizeof(left));
		left.width = left.height = 1000;
		left.count = FINGER_MINUTIAE_MAX;
		for (int i = 0; i < (int)FINGER_MINUTIAE_MAX; i++) {
			int x = shape == 0   ? 5
				: shape == 1 ? i
				: shape == 2 ? i * 7
					     : i % 12 * 40;
			int y = shape == 0   ? 5
				: shape == 1 ? 0
				: shape == 2 ? i * 7
					     : i / 12 * 40;

			left.minutiae[i] = (struct minutia){
				.x = (int16_t)(shape == 5 ? (x * 341 - 16000) : x),
				.y = (int16_t)(shape == 5 ? (y * 90 - 16000) : y),
				.angle = (uint16_t)(shape == 4 ? i * 512 : 0),
				.type = MINUTIA_OTHER,
			};
		}
		take(&right, 1, 0);
		if (finger_compare(&left, &left, &(int32_t){ 0 }) == 0) {
			(void)compare(&left, &right); /* only the range is checked */
			(void)compare(&right, &left);
		}
	}
}
END_TEST

START_TEST(all_kernels_count_alike)
{
	static struct mcc_set a, b;
	static struct scan_reference r;
	const struct kernel *plain = kernel_at(0);

	ck_assert_str_eq(plain->name, "plain");
	take(&left, 1, 0);
	take(&right, 2, 0);
	mcc_build(left.minutiae, left.count, &a);
	mcc_build(right.minutiae, right.count, &b);
	scan_reference_fill(&r, &b);
	for (unsigned k = 1; kernel_at(k) != NULL; k++) {
		for (unsigned i = 0; i < a.count; i++) {
			struct kernel_counts x, y;
			uint16_t both_x[SCAN_CYLINDERS_MAX], both_y[SCAN_CYLINDERS_MAX];
			uint64_t one[MCC_PLANES];

			memset(&x, 0, sizeof(x));
			memset(&y, 0, sizeof(y));
			plain->counts(&a, i, &b, MCC_CYLINDERS_MAX, &x);
			kernel_at(k)->counts(&a, i, &b, MCC_CYLINDERS_MAX, &y);
			ck_assert_mem_eq(&x, &y, sizeof(x));
			for (unsigned p = 0; p < MCC_PLANES; p++)
				one[p] = a.plane[p][i];
			ck_assert_uint_eq(
				plain->alike(one, a.ones[i], &r.plane[0][0], r.ones,
					     SCAN_CYLINDERS_MAX, both_x),
				kernel_at(k)->alike(one, a.ones[i], &r.plane[0][0],
						    r.ones, SCAN_CYLINDERS_MAX, both_y));
			ck_assert_mem_eq(both_x, both_y, sizeof(both_x));
		}
	}
	ck_assert_ptr_nonnull(kernel_best());
}
END_TEST

START_TEST(scores_do_not_depend_on_the_kernel)
{
	static struct fine_side a, b;
	static struct scan_reference r;
	static struct scan_probe p;
	struct fine_work *work = malloc(fine_work_bytes());

	ck_assert_ptr_nonnull(work);
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct fine_evidence first, other;

		take(&left, seed, 0);
		take(&right, seed % 2 == 0 ? seed : seed + 50, 1);
		ck_assert(fine_prepare(&a, &left));
		ck_assert(fine_prepare(&b, &right));
		scan_probe_fill(&p, &a.set);
		scan_reference_fill(&r, &b.set);
		fine_compare(work, kernel_at(0), &a, &b, &first);
		for (unsigned k = 1; kernel_at(k) != NULL; k++) {
			fine_compare(work, kernel_at(k), &a, &b, &other);
			ck_assert_int_eq(score_raw(&other), score_raw(&first));
			ck_assert_int_eq(other.move.x, first.move.x);
			ck_assert_int_eq(other.move.y, first.move.y);
			ck_assert_uint_eq(other.move.turn, first.move.turn);
			ck_assert_uint_eq(scan_score(kernel_at(k), &p, &r),
					  scan_score(kernel_at(0), &p, &r));
		}
	}
	free(work);
}
END_TEST

START_TEST(calibration_is_monotone_and_within_limits)
{
	int32_t last = 0;

	for (int32_t raw = -5000; raw < 20000; raw++) {
		int32_t s = score_calibrate(raw);

		ck_assert_int_ge(s, last);
		ck_assert_int_le(s, GALLERY_SCORE_MAX);
		last = s;
	}
	ck_assert_int_eq(score_calibrate(INT32_MIN), 0);
	ck_assert_int_eq(score_calibrate(INT32_MAX), GALLERY_SCORE_MAX);
}
END_TEST

UNIT_MAIN("compare", sine_is_within_two_units_of_libm,
	  direction_is_within_four_units_of_libm, root_is_exact,
	  division_rounds_halves_away_from_zero, mates_score_above_strangers,
	  finger_is_most_like_itself, turned_and_shifted_finger_is_the_same_finger,
	  movement_found_is_the_one_that_was_made, too_few_minutiae_are_no_finger,
	  odd_constellations_of_minutiae_are_survived, all_kernels_count_alike,
	  scores_do_not_depend_on_the_kernel, calibration_is_monotone_and_within_limits)
