#include "unit.h"

#include "bio/gallery/align.h"
#include "synth/synth.h"

static struct finger_features features_a, features_b;
static struct fine_side side_a, side_b;
static struct relax_work work;

static void
compare(uint64_t finger_a, uint64_t finger_b)
{
	ck_assert_int_eq(synth_features(finger_a, 1, NULL, &features_a), 0);
	ck_assert_int_eq(synth_features(finger_b, 2, NULL, &features_b), 0);
	ck_assert(fine_prepare(&side_a, &features_a));
	ck_assert(fine_prepare(&side_b, &features_b));
	(void)relax_sides(&work, kernel_best(), &side_a.set, &side_b.set);
	ck_assert_uint_gt(work.sorted_count, 0);
}

START_TEST(pairs_of_one_finger_propose_a_movement)
{
	struct fine_move moves[ALIGN_MOVES_MAX];

	compare(5, 5);
	ck_assert_uint_gt(
		align_propose(&work, kernel_best(), &side_a.set, &side_b.set, moves), 0);
}
END_TEST

/* One comparison in 25 million of strangers: its best pair is no more alike than strangers' are. */
START_TEST(pairs_without_any_likeness_propose_nothing)
{
	struct fine_move moves[ALIGN_MOVES_MAX];

	compare(5, 6);
	for (unsigned i = 0; i < work.sorted_count; i++)
		work.sorted[i] = (work.sorted[i] & 0xffffu) | 100u << 16;
	ck_assert_uint_eq(
		align_propose(&work, kernel_best(), &side_a.set, &side_b.set, moves), 0);
}
END_TEST

UNIT_MAIN("align", pairs_of_one_finger_propose_a_movement,
	  pairs_without_any_likeness_propose_nothing)
