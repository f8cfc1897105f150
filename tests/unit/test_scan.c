#include "unit.h"

#include "bio/gallery/fixed.h"
#include "bio/gallery/scan.h"
#include "synth/synth.h"

#include <stdbool.h>

static struct finger_features finger, other;
static struct scan_reference reference, copy;
static struct scan_probe probe;

static void
take(struct finger_features *f, uint64_t seed, uint32_t impression)
{
	ck_assert_int_eq(synth_features(seed, impression, NULL, f), 0);
}

/* How many of 1..count strangers score no less than the mate. */
static unsigned
before_mate(uint64_t mate, unsigned count,
	    uint32_t (*score)(const struct kernel *, const struct scan_probe *,
			      const struct scan_reference *))
{
	const struct kernel *kernel = kernel_best();
	unsigned before = 0;
	uint32_t own;

	take(&finger, mate, 0);
	scan_reference_fill(&reference, kernel, &finger);
	own = score(kernel, &probe, &reference);
	for (uint64_t seed = 1; seed <= count; seed++) {
		take(&finger, 5000 + seed, 0);
		scan_reference_fill(&reference, kernel, &finger);
		before += score(kernel, &probe, &reference) >= own;
	}
	return before;
}

START_TEST(mates_come_before_strangers)
{
	unsigned votes = 0, look = 0;

	for (uint64_t seed = 1; seed <= 10; seed++) {
		take(&other, seed, 1);
		scan_probe_fill(&probe, kernel_best(), &other);
		votes += before_mate(seed, 50, scan_score);
		look += before_mate(seed, 50, scan_again);
	}
	ck_assert_uint_le(votes, 10); /* of 500 */
	ck_assert_uint_le(look, 5);
}
END_TEST

/* The finger turned about a point inside it and shifted, with its cells left out. */
static void
turn_and_shift(struct finger_features *f, uint16_t turn, int x, int y)
{
	int32_t sin = fixed_sin(turn), cos = fixed_cos(turn);

	f->cells_x = f->cells_y = 0;
	for (unsigned i = 0; i < f->count; i++) {
		struct minutia *m = &f->minutiae[i];
		int32_t dx = m->x - 160, dy = m->y - 180;

		m->x = (int16_t)(160 + x + (dx * cos + dy * sin) / FIXED_ONE);
		m->y = (int16_t)(180 + y + (dy * cos - dx * sin) / FIXED_ONE);
		m->angle = (uint16_t)(m->angle + turn);
	}
}

static const struct {
	uint16_t turn;
	int x, y;
} moves[] = {
	{ 0, 0, 0 },         { 4096, 0, 0 },  { 61440, 40, -30 },
	{ 8192, -300, 200 }, { 0, 700, 700 },
};

static void
moved_is_the_same(size_t i)
{
	const struct kernel *kernel = kernel_best();
	uint32_t stranger, moved;

	take(&finger, 7, 0);
	finger.cells_x = finger.cells_y = 0;
	scan_reference_fill(&reference, kernel, &finger);
	turn_and_shift(&finger, moves[i].turn, moves[i].x, moves[i].y);
	scan_probe_fill(&probe, kernel, &finger);
	moved = scan_again(kernel, &probe, &reference);
	ck_assert_uint_gt(scan_score(kernel, &probe, &reference), 1000);
	take(&other, 8, 0);
	scan_reference_fill(&reference, kernel, &other);
	stranger = scan_again(kernel, &probe, &reference);
	ck_assert_uint_lt(scan_score(kernel, &probe, &reference), 1000);
	ck_assert_uint_gt(moved, stranger + 500);
}

START_TEST(a_moved_finger_is_the_same_finger)
{
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
		moved_is_the_same(i);
}
END_TEST

START_TEST(a_turn_beyond_the_limit_is_not_found)
{
	const struct kernel *kernel = kernel_best();

	take(&finger, 7, 0);
	scan_reference_fill(&reference, kernel, &finger);
	turn_and_shift(&finger, 32768, 0, 0);
	scan_probe_fill(&probe, kernel, &finger);
	ck_assert_uint_lt(scan_score(kernel, &probe, &reference), 1000);
}
END_TEST

START_TEST(nothing_has_nothing_in_common)
{
	const struct kernel *kernel = kernel_best();

	memset(&finger, 0, sizeof(finger));
	take(&other, 3, 0);
	scan_reference_fill(&reference, kernel, &finger);
	ck_assert_uint_eq(reference.count, 0);
	scan_probe_fill(&probe, kernel, &other);
	ck_assert_uint_eq(scan_score(kernel, &probe, &reference), 0);
	ck_assert_uint_eq(scan_again(kernel, &probe, &reference), 0);
	scan_reference_fill(&reference, kernel, &other);
	scan_probe_fill(&probe, kernel, &finger);
	ck_assert_uint_eq(scan_score(kernel, &probe, &reference), 0);
	ck_assert_uint_eq(scan_again(kernel, &probe, &reference), 0);
}
END_TEST

/* Features of no finger: anything that the type can hold. */
static void
scatter(struct finger_features *f, uint32_t *state, bool near)
{
	memset(f, 0, sizeof(*f));
	f->width = f->height = 1024;
	f->count = FINGER_MINUTIAE_MAX;
	f->cells_x = f->cells_y = near ? 64 : 0;
	for (unsigned i = 0; i < f->count; i++) {
		uint32_t v = *state = *state * 1664525u + 1013904223u;
		uint32_t u = *state = *state * 1664525u + 1013904223u;

		f->minutiae[i] = (struct minutia){
			.x = (int16_t)(near ? v >> 8 & 127 : v >> 19),
			.y = (int16_t)(near ? v >> 16 & 127 : v >> 4 & 8191),
			.angle = (uint16_t)(u >> 16),
			.quality = (uint8_t)(near ? 100 - i / 2 : 0),
		};
	}
	for (unsigned i = 0; i < sizeof(f->coherence); i++) {
		*state = *state * 1664525u + 1013904223u;
		f->orientation[i] = (uint8_t)(*state >> 24);
		f->coherence[i] = (uint8_t)(*state >> 16);
	}
}

START_TEST(all_kernels_score_any_features_alike)
{
	uint32_t state = 1;

	for (unsigned round = 0; round < 40; round++) {
		scatter(&finger, &state, round % 2 == 0);
		scatter(&other, &state, round % 3 == 0);
		if (round % 5 == 0)
			take(&other, round + 1, 0);
		if (round % 7 == 0) {
			take(&finger, round + 1, 1);
			take(&other, round + 1, 0);
		}
		scan_probe_fill(&probe, kernel_at(0), &finger);
		scan_reference_fill(&reference, kernel_at(0), &other);
		for (unsigned k = 1; kernel_at(k) != NULL; k++) {
			const struct kernel *kernel = kernel_at(k);

			scan_reference_fill(&copy, kernel, &other);
			ck_assert_mem_eq(&copy, &reference, sizeof(copy));
			ck_assert_uint_eq(scan_score(kernel, &probe, &reference),
					  scan_score(kernel_at(0), &probe, &reference));
			ck_assert_uint_eq(scan_again(kernel, &probe, &reference),
					  scan_again(kernel_at(0), &probe, &reference));
		}
		ck_assert_uint_le(scan_score(kernel_best(), &probe, &reference),
				  SCAN_SCORE_MAX);
		ck_assert_uint_le(scan_again(kernel_best(), &probe, &reference),
				  SCAN_SCORE_MAX);
	}
}
END_TEST

/* By place, as records of other systems often come. */
static int
by_row(const void *a, const void *b)
{
	const struct minutia *x = a, *y = b;

	return x->y != y->y ? x->y - y->y : x->x - y->x;
}

/* Mean distance from the middle row. */
static int32_t
spread(const int32_t *y, unsigned n)
{
	int32_t middle = 0, sum = 0;

	for (unsigned i = 0; i < n; i++)
		middle += y[i];
	middle /= (int32_t)n;
	for (unsigned i = 0; i < n; i++)
		sum += abs(y[i] - middle);
	return sum / (int32_t)n;
}

START_TEST(few_cylinders_on_either_side_are_sparse)
{
	const struct kernel *kernel = kernel_best();

	take(&finger, 11, 0);
	take(&other, 12, 0);
	ck_assert_uint_gt(finger.count, SCAN_CYLINDERS_MAX);
	ck_assert_uint_gt(other.count, SCAN_CYLINDERS_MAX);
	scan_reference_fill(&reference, kernel, &finger);
	scan_probe_fill(&probe, kernel, &other);
	ck_assert(!scan_is_sparse(&probe, &reference));
	other.count = SCAN_SPARSE - 1;
	scan_probe_fill(&probe, kernel, &other);
	ck_assert(scan_is_sparse(&probe, &reference));
	finger.count = SCAN_SPARSE - 1;
	scan_reference_fill(&reference, kernel, &finger);
	take(&other, 12, 0);
	scan_probe_fill(&probe, kernel, &other);
	ck_assert(scan_is_sparse(&probe, &reference));
}
END_TEST

START_TEST(minutiae_without_quality_are_kept_from_all_over)
{
	int32_t all[FINGER_MINUTIAE_MAX], kept[SCAN_CYLINDERS_MAX];

	take(&finger, 11, 0);
	ck_assert_uint_gt(finger.count, SCAN_CYLINDERS_MAX + 5);
	qsort(finger.minutiae, finger.count, sizeof(finger.minutiae[0]), by_row);
	for (unsigned i = 0; i < finger.count; i++) {
		finger.minutiae[i].quality = 0;
		all[i] = finger.minutiae[i].y;
	}
	scan_reference_fill(&reference, kernel_best(), &finger);
	ck_assert_uint_ge(reference.cylinders, SCAN_CYLINDERS_MAX / 2);
	for (unsigned i = 0; i < reference.cylinders; i++)
		kept[i] = reference.y[i] * 2;
	ck_assert_int_ge(spread(kept, reference.cylinders),
			 spread(all, finger.count) * 9 / 10);
}
END_TEST

START_TEST(what_is_kept_does_not_depend_on_the_corner)
{
	const struct kernel *kernel = kernel_best();

	take(&finger, 5, 0);
	finger.cells_x = finger.cells_y = 0;
	scan_reference_fill(&reference, kernel, &finger);
	for (unsigned i = 0; i < finger.count; i++) {
		finger.minutiae[i].x = (int16_t)(finger.minutiae[i].x + 320);
		finger.minutiae[i].y = (int16_t)(finger.minutiae[i].y + 64);
	}
	scan_reference_fill(&copy, kernel, &finger);
	ck_assert_mem_eq(&copy, &reference, sizeof(copy));
}
END_TEST

UNIT_MAIN("scan", mates_come_before_strangers, a_moved_finger_is_the_same_finger,
	  a_turn_beyond_the_limit_is_not_found, nothing_has_nothing_in_common,
	  all_kernels_score_any_features_alike, few_cylinders_on_either_side_are_sparse,
	  minutiae_without_quality_are_kept_from_all_over,
	  what_is_kept_does_not_depend_on_the_corner)
