#include "unit.h"

#include "synth/scores.h"

#include <errno.h>
#include <math.h>

static struct scores *
read_text(const char *text, bool both_ways)
{
	struct scores *s = scores_new(both_ways);
	uint64_t line = 0;
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(s);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	rewind(f);
	ck_assert_int_eq(scores_read(s, 0, f, &line), 0);
	ck_assert_int_eq(fclose(f), 0);
	return s;
}

static void
near(double have, double want)
{
	ck_assert_msg(fabs(have - want) < 1e-9, "have %.12g, want %.12g", have, want);
}

/* Mated 9 7 5 1, unmated 6 4 3 2: worked out by hand. */
static const char crossing[] = "a_1 a_2 9\n"
			       "a_1 b_1 6\n"
			       "b_1 b_2 7\n"
			       "b_1 a_1 4\n"
			       "c_1 c_2 5\n"
			       "c_1 a_1 3\n"
			       "d_1 d_2 1\n"
			       "d_1 a_2 2\n";

START_TEST(rates_are_those_worked_out_by_hand)
{
	struct scores *s = read_text(crossing, false);
	struct scores_verification v;

	ck_assert_int_eq(scores_verification(s, false, &v), 0);
	ck_assert_uint_eq(v.mated, 4);
	ck_assert_uint_eq(v.unmated, 4);
	near(v.eer, 0.25);             /* at 5: one of four each way */
	near(v.zero_fmr, 0.5);         /* at 7: 5 and 1 are missed */
	ck_assert(!v.points[0].known); /* four pairs cannot show one in a hundred */
	ck_assert_int_eq(scores_verification(s, true, &v), 0);
	ck_assert_uint_eq(v.unmated, 3); /* d_1 a_2 is no pair of first impressions */
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

START_TEST(a_search_finds_the_best_finger)
{
	struct scores *s = read_text(crossing, false);
	struct scores_identification id;

	ck_assert_int_eq(scores_identification(s, &id), 0);
	ck_assert_uint_eq(id.searches, 4);
	ck_assert_uint_eq(id.strangers, 4);
	near(id.rank1, 0.75); /* d_1 is taken for a */
	ck_assert(!id.points[0].known);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

START_TEST(both_ways_makes_every_image_a_probe)
{
	struct scores *s = read_text(crossing, true);
	struct scores_identification id;

	ck_assert_int_eq(scores_identification(s, &id), 0);
	ck_assert_uint_eq(id.searches, 8);
	ck_assert_uint_eq(id.strangers, 5); /* a_1 a_2 b_1 c_1 d_1 */
	near(id.rank1, 0.875);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

/* 1 000 unmated scores 1..1000 and mated ones around the thresholds. */
START_TEST(thresholds_keep_the_false_match_rate)
{
	struct scores *s = scores_new(false);
	struct scores_verification v;

	ck_assert_ptr_nonnull(s);
	for (int i = 1; i <= 1000; i++)
		ck_assert_int_eq(scores_add(s, 0, "x_1", "y_1", i), 0);
	for (int i = 981; i <= 1020; i++)
		ck_assert_int_eq(scores_add(s, 0, "x_1", "x_2", i), 0);
	ck_assert_int_eq(scores_verification(s, false, &v), 0);
	near(v.points[0].threshold, 991); /* ten of a thousand reach it */
	near(v.points[0].rate, 10.0 / 40.0);
	near(v.points[1].threshold, 1000);
	near(v.points[1].rate, 19.0 / 40.0);
	ck_assert(!v.points[2].known);
	near(v.zero_fmr, 20.0 / 40.0);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

START_TEST(equal_scores_are_passed_together)
{
	struct scores *s =
		read_text("a_1 a_2 5\na_1 b_1 5\nb_1 b_2 5\nb_1 a_1 5\n", false);
	struct scores_verification v;
	struct scores_identification id;

	ck_assert_int_eq(scores_verification(s, false, &v), 0);
	near(v.eer, 0.5);
	near(v.zero_fmr, 1.0);
	ck_assert_int_eq(scores_identification(s, &id), 0);
	near(id.rank1, 0.0); /* a tie is not a mate found */
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

START_TEST(sets_do_not_share_images)
{
	struct scores *s = scores_new(false);
	struct scores_identification id;

	ck_assert_ptr_nonnull(s);
	for (unsigned set = 0; set < 2; set++) {
		ck_assert_int_eq(scores_add(s, set, "a_1", "a_2", 10 + set), 0);
		ck_assert_int_eq(scores_add(s, set, "a_1", "b_1", 1), 0);
	}
	ck_assert_int_eq(scores_identification(s, &id), 0);
	ck_assert_uint_eq(id.searches, 2);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

START_TEST(an_image_with_itself_is_left_out)
{
	struct scores *s = read_text("a_1 a_1 99\na_1 b_1 1\n\n", false);
	struct scores_verification v;
	struct scores_identification id;

	ck_assert_int_eq(scores_verification(s, false, &v), -ENODATA);
	ck_assert_int_eq(scores_identification(s, &id), -ENODATA);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

START_TEST(a_prefix_is_not_the_same_finger)
{
	struct scores *s = read_text("set/1_1 set/11_2 7\nset/1_1 set/1_2 8\n", false);
	struct scores_verification v;

	ck_assert_int_eq(scores_verification(s, false, &v), 0);
	ck_assert_uint_eq(v.mated, 1);
	ck_assert_uint_eq(v.unmated, 1);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

START_TEST(refuses_bad_lines_and_names_them)
{
	static const char *const table[] = {
		"a_1 b_1 1\na_1 b_1\n",       "a_1 b_1 1\na_1 b_1 x\n",
		"a_1 b_1 1\na_1 b_1 1 2\n",   "a_1 b_1 1\na_1 b_1 nan\n",
		"a_1 b_1 1\na_1 b_1 inf\n",   "a_1 b_1 1\na1 b_1 1\n",
		"a_1 b_1 1\na_1 b1 1\n",      "a_1 b_1 1\na_1\n",
		"a_1 b_1 1\na_1 b_1 1e999\n",
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct scores *s = scores_new(false);
		uint64_t line = 0;
		FILE *f = tmpfile();

		ck_assert_ptr_nonnull(f);
		ck_assert_int_ge(fputs(table[i], f), 0);
		rewind(f);
		ck_assert_int_eq(scores_read(s, 0, f, &line), -EINVAL);
		ck_assert_uint_eq(line, 2);
		ck_assert_int_eq(fclose(f), 0);
		ck_assert_ptr_null(scores_free(s));
	}
}
END_TEST

START_TEST(many_probes_are_kept_apart)
{
	struct scores *s = scores_new(false);
	struct scores_identification id;
	char a[32], b[32];

	ck_assert_ptr_nonnull(s);
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(a, sizeof(a), "%d_1", i); /* fits */
		(void)snprintf(b, sizeof(b), "%d_2", i); /* fits */
		ck_assert_int_eq(scores_add(s, 0, a, b, 5), 0);
		ck_assert_int_eq(scores_add(s, 0, a, "x_1", i % 10 == 0 ? 6 : 4), 0);
	}
	ck_assert_int_eq(scores_identification(s, &id), 0);
	ck_assert_uint_eq(id.searches, 3000);
	near(id.rank1, 0.9);
	/* 10 % of the strangers reach 6, and those searches lost their mate too. */
	ck_assert(id.points[0].known);
	near(id.points[0].threshold, 5);
	near(id.points[0].rate, 0.1);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

START_TEST(a_det_curve_runs_through_the_rates)
{
	struct scores *s = read_text(crossing, false);
	struct scores_det *det;
	size_t count;

	ck_assert_int_eq(scores_det(s, &det, &count), 0);
	ck_assert_uint_ge(count, 3);
	near(det[0].fmr, 1.0);
	near(det[0].fnmr, 0.0);
	for (size_t i = 1; i < count; i++) {
		ck_assert(det[i].threshold > det[i - 1].threshold);
		ck_assert(det[i].fmr <= det[i - 1].fmr);
		ck_assert(det[i].fnmr >= det[i - 1].fnmr);
	}
	near(det[count - 1].fmr, 0.0);
	near(det[count - 1].fnmr, 0.5); /* as zero_fmr */
	near(det[count - 1].threshold, 7);
	free(det);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

START_TEST(misses_are_counted_by_finger)
{
	struct scores *s = read_text("a_1 a_2 9\na_1 b_1 6\na_1 a_3 4\nb_1 b_2 1\n"
				     "a_2 a_3 3\nc_1 c_2 5\n",
				     false);
	uint64_t trials = 0, errors = 0, most = 0;
	struct scores_cluster *clusters;
	size_t count;

	ck_assert_int_eq(scores_misses(s, 5, &clusters, &count), 0);
	ck_assert_uint_eq(count, 3);
	for (size_t i = 0; i < count; i++) {
		trials += clusters[i].trials;
		errors += clusters[i].errors;
		most = clusters[i].trials > most ? clusters[i].trials : most;
	}
	ck_assert_uint_eq(trials, 5);
	ck_assert_uint_eq(errors, 3); /* 4, 3 and 1: 5 itself passes */
	ck_assert_uint_eq(most, 3);   /* of finger a */
	free(clusters);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

static bool
is_not_b(void *ctx, const char *image)
{
	(void)ctx; /* nothing to know */
	return image[0] != 'b';
}

START_TEST(a_pair_is_kept_for_both_its_images_only)
{
	struct scores *s = scores_new(false);
	struct scores_verification v;

	ck_assert_ptr_nonnull(s);
	scores_keep(s, is_not_b, NULL);
	ck_assert_int_eq(scores_add(s, 0, "a_1", "a_2", 9), 0);
	ck_assert_int_eq(scores_add(s, 0, "b_1", "b_2", 8), 0);
	ck_assert_int_eq(scores_add(s, 0, "a_1", "b_1", 7), 0);
	ck_assert_int_eq(scores_add(s, 0, "b_1", "a_1", 6), 0);
	ck_assert_int_eq(scores_add(s, 0, "a_1", "c_1", 5), 0);
	ck_assert_int_eq(scores_verification(s, false, &v), 0);
	ck_assert_uint_eq(v.mated, 1);
	ck_assert_uint_eq(v.unmated, 1);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

START_TEST(upper_bound_of_no_error_is_near_three_in_n)
{
	near(scores_upper_bound(0.0, 1000),
	     1.645 * 1.645 / 1000 / (1 + 1.645 * 1.645 / 1000));
	ck_assert(scores_upper_bound(0.0, 1000) < 0.003);
	ck_assert(scores_upper_bound(0.1, 100) > 0.1);
	ck_assert(scores_upper_bound(1.0, 10) <= 1.0);
}
END_TEST

UNIT_MAIN("scores", rates_are_those_worked_out_by_hand, a_search_finds_the_best_finger,
	  both_ways_makes_every_image_a_probe, thresholds_keep_the_false_match_rate,
	  equal_scores_are_passed_together, sets_do_not_share_images,
	  an_image_with_itself_is_left_out, a_prefix_is_not_the_same_finger,
	  refuses_bad_lines_and_names_them, many_probes_are_kept_apart,
	  a_det_curve_runs_through_the_rates, misses_are_counted_by_finger,
	  a_pair_is_kept_for_both_its_images_only,
	  upper_bound_of_no_error_is_near_three_in_n)
