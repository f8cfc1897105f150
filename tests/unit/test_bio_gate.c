#include "unit.h"

#include "bio/finger/finger.h"
#include "bio/gallery/gallery.h"
#include "bio/gallery/reference.h"
#include "synth/drawer.h"
#include "synth/scores.h"
#include "synth/synth.h"

#include "bio_gate_scores.h"

#include <errno.h>
#include <inttypes.h>

/*
 * The biometric gate: extractor, references and gallery together on synthetic fingers, without
 * anybody's data. What was once reached must not get lost, and scores are the same bits on every
 * machine. BIO_GATE_RECORD=tests/unit/bio_gate_scores.h lets this program write the figures of
 * now instead of checking them.
 */
#define FINGERS 50u
#define ENROLLED 3u /* impressions 0..2 make the reference */
#define IMPRESSIONS 5u
#define SEED UINT64_C(20000)
#define STRANGERS 400u
#define PLAIN 30u
#define PAIRS 20u
#define STRONG 7000 /* 70 dB */

/*
 * Careless touches: easy ones would all score the maximum and show nothing; among still harder
 * ones some fail to acquire, which an enrolment desk would ask for again.
 */
static const struct synth_options careless = { SYNTH_WIDTH, SYNTH_HEIGHT, 85, 0 };

static struct finger_features prints[FINGERS][IMPRESSIONS];
static struct finger_features plain_a, plain_b;
static struct drawer *drawer; /* of the test that runs */

static int
extract(struct finger_extractor *x, const struct synth_master *m, uint32_t impression,
	struct finger_features *f)
{
	static uint8_t grey[SYNTH_WIDTH * SYNTH_HEIGHT];
	struct sample s = { .width = SYNTH_WIDTH,
			    .height = SYNTH_HEIGHT,
			    .dpi = SYNTH_DPI,
			    .modality = MODALITY_FINGER,
			    .grey = grey };
	int rc = synth_master_render(m, impression, &careless, grey);

	return rc < 0 ? rc : finger_extract(x, &s, f);
}

/* Runs once, before the tests are forked. */
static void
extract_all(void)
{
	struct finger_extractor *x = finger_extractor_new();

	ck_assert_ptr_nonnull(x);
	for (uint32_t f = 0; f < FINGERS; f++) {
		struct synth_master *m = synth_master_new(SEED + f);

		ck_assert_ptr_nonnull(m);
		for (uint32_t i = 0; i < IMPRESSIONS; i++)
			ck_assert_int_eq(extract(x, m, i, &prints[f][i]), 0);
		(void)synth_master_free(m); /* returns NULL */
	}
	(void)finger_extractor_free(x); /* returns NULL */
}

static struct ulid
subject_of(uint32_t finger)
{
	struct ulid u = { { 0 } };

	memcpy(&u, &finger, sizeof(finger));
	return u;
}

static void
enrol(struct gallery *g, uint32_t subject,
      const struct finger_features *const impressions[], size_t count)
{
	const struct gallery_name name = { subject_of(subject), 1, 0 };
	uint8_t reference[REFERENCE_BYTES_MAX];
	size_t bytes = 0;

	ck_assert_int_eq(reference_make(impressions, count, reference, &bytes), 0);
	ck_assert_int_eq(drawer_add(drawer, g, &name, reference, bytes), 0);
}

static struct gallery *
enrol_all(void)
{
	struct gallery *g;

	drawer = drawer_new();
	g = gallery_new(FINGERS + STRANGERS, drawer_source(drawer));
	ck_assert_ptr_nonnull(g);
	for (uint32_t f = 0; f < FINGERS; f++) {
		const struct finger_features *impressions[ENROLLED];

		for (uint32_t i = 0; i < ENROLLED; i++)
			impressions[i] = &prints[f][i];
		enrol(g, f, impressions, ENROLLED);
	}
	return g;
}

/* How many of the impressions that were not enrolled find their finger first. */
static unsigned
rank_1(struct gallery *g)
{
	unsigned found = 0;

	for (uint32_t f = 0; f < FINGERS; f++) {
		for (uint32_t i = ENROLLED; i < IMPRESSIONS; i++) {
			struct gallery_candidate candidates[GALLERY_CANDIDATES_MAX];
			struct gallery_query q = { .probe = &prints[f][i] };
			struct ulid want = subject_of(f);
			size_t count = 0;

			ck_assert_int_eq(gallery_search(g, &q, candidates, &count), 0);
			found += count > 0 &&
				 memcmp(&candidates[0].subject, &want, sizeof(want)) == 0;
		}
	}
	return found;
}

/*
 * Half of the recorded pairs are mated; half of each are prints, the others features made without
 * a picture, which show a change of the matcher apart from one of the extractor.
 */
static int32_t
pair_score(uint32_t pair)
{
	uint32_t a = pair / 4, b = pair % 2 == 0 ? a : a + PAIRS;
	int32_t score = -1;
	int rc;

	if (pair % 4 < 2) {
		rc = finger_compare(&prints[a][ENROLLED], &prints[b][0], &score);
	} else {
		ck_assert_int_eq(synth_features(a, 2, &careless, &plain_a), 0);
		ck_assert_int_eq(synth_features(b, 1, &careless, &plain_b), 0);
		rc = finger_compare(&plain_a, &plain_b, &score);
	}
	ck_assert_int_eq(rc, 0);
	return score;
}

/* How many of 100 touches reach STRONG against a single impression: tells before rank 1 does. */
static unsigned
strong(void)
{
	unsigned n = 0;

	for (uint32_t f = 0; f < FINGERS; f++) {
		for (uint32_t i = ENROLLED; i < IMPRESSIONS; i++) {
			int32_t score = 0;

			ck_assert_int_eq(finger_compare(&prints[f][i],
							&prints[f][i - ENROLLED], &score),
					 0);
			n += score >= STRONG;
		}
	}
	return n;
}

START_TEST(rank_1_is_no_lower_than_recorded)
{
	struct gallery *g = enrol_all();

	ck_assert_uint_ge(rank_1(g), BIO_GATE_RANK_1);
	ck_assert_ptr_null(gallery_free(g));
}
END_TEST

START_TEST(as_many_touches_are_strong_as_recorded)
{
	ck_assert_uint_ge(strong(), BIO_GATE_STRONG);
}
END_TEST

START_TEST(hundreds_of_strangers_do_not_hide_the_mate)
{
	struct gallery *g = enrol_all();

	for (uint32_t i = 0; i < STRANGERS; i++) {
		const struct finger_features *impressions[] = { &plain_a };

		ck_assert_int_eq(synth_features(i, 1, NULL, &plain_a), 0);
		enrol(g, FINGERS + i, impressions, 1);
	}
	ck_assert_uint_ge(rank_1(g) + 1, BIO_GATE_RANK_1);
	ck_assert_ptr_null(gallery_free(g));
}
END_TEST

START_TEST(scores_are_the_recorded_bits)
{
	ck_assert_uint_eq(sizeof(recorded_scores) / sizeof(recorded_scores[0]), PAIRS);
	ck_assert_int_eq(pair_score((uint32_t)_i), recorded_scores[_i]);
}
END_TEST

START_TEST(mated_prints_score_above_unmated_ones)
{
	struct scores *s = scores_new(false);
	struct scores_verification v;
	char a[32], b[32];

	ck_assert_ptr_nonnull(s);
	for (uint32_t f = 0; f < FINGERS; f++) {
		for (uint32_t k = 0; k < FINGERS; k++) {
			int32_t score = 0;

			ck_assert_int_eq(finger_compare(&prints[f][ENROLLED],
							&prints[k][0], &score),
					 0);
			(void)snprintf(a, sizeof(a), "%" PRIu32 "_2", f); /* fits */
			(void)snprintf(b, sizeof(b), "%" PRIu32 "_1", k); /* fits */
			ck_assert_int_eq(scores_add(s, 0, a, b, score), 0);
		}
	}
	ck_assert_int_eq(scores_verification(s, false, &v), 0);
	printf("bio gate: pictures EER %.4f, FNMR at FMR 1e-2 %.4f\n", v.eer,
	       v.points[0].rate);
	ck_assert(v.eer <= 0.03);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

START_TEST(features_without_pictures_compare_like_prints)
{
	struct scores *s = scores_new(false);
	struct scores_verification v;
	char a[32], b[32];

	ck_assert_ptr_nonnull(s);
	for (uint32_t f = 0; f < PLAIN; f++) {
		ck_assert_int_eq(synth_features(f, 2, NULL, &plain_a), 0);
		for (uint32_t k = 0; k < PLAIN; k++) {
			int32_t score = 0;

			ck_assert_int_eq(synth_features(k, 1, NULL, &plain_b), 0);
			ck_assert_int_eq(finger_compare(&plain_a, &plain_b, &score), 0);
			(void)snprintf(a, sizeof(a), "%" PRIu32 "_2", f); /* fits */
			(void)snprintf(b, sizeof(b), "%" PRIu32 "_1", k); /* fits */
			ck_assert_int_eq(scores_add(s, 0, a, b, score), 0);
		}
	}
	ck_assert_int_eq(scores_verification(s, false, &v), 0);
	printf("bio gate: features EER %.4f, FNMR at FMR 1e-2 %.4f\n", v.eer,
	       v.points[0].rate);
	ck_assert(v.eer <= 0.05);
	ck_assert_ptr_null(scores_free(s));
}
END_TEST

static const char head[] =
	"#ifndef LANED_TESTS_UNIT_BIO_GATE_SCORES_H\n"
	"#define LANED_TESTS_UNIT_BIO_GATE_SCORES_H\n\n#include <stdint.h>\n\n"
	"/*\n * Written by test_bio_gate with BIO_GATE_RECORD=FILE. A lower figure needs "
	"a reason.\n"
	" * Of 100 careless touches: how many find their finger first, and how many "
	"reach 70 dB\n"
	" * against one impression.\n */\n";
static const char table[] = "/* Mated, unmated; prints and features in turn. */\n"
			    "/* clang-format off */\n"
			    "static const int32_t recorded_scores[] = {\n";

/* Writes the figures of now as the header this program includes. */
START_TEST(record)
{
	FILE *f = fopen(getenv("BIO_GATE_RECORD"), "we");
	struct gallery *g = enrol_all();

	ck_assert_ptr_nonnull(f);
	(void)fprintf(f,
		      "%s#define BIO_GATE_RANK_1 %uu\n#define BIO_GATE_STRONG %uu\n\n%s",
		      head, rank_1(g), strong(), table); /* see ferror */
	for (uint32_t i = 0; i < PAIRS; i += 2)
		(void)fprintf(f, "\t%" PRId32 ", %" PRId32 ",\n", pair_score(i),
			      pair_score(i + 1));                /* see ferror */
	(void)fputs("};\n/* clang-format on */\n\n#endif\n", f); /* see ferror */
	ck_assert(!ferror(f));
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_ptr_null(gallery_free(g));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("bio_gate");
	TCase *tc = tcase_create("bio_gate");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_unchecked_fixture(tc, extract_all, NULL);
	if (getenv("BIO_GATE_RECORD") != NULL) {
		tcase_add_test(tc, record);
	} else {
		tcase_add_test(tc, rank_1_is_no_lower_than_recorded);
		tcase_add_test(tc, as_many_touches_are_strong_as_recorded);
		tcase_add_test(tc, hundreds_of_strangers_do_not_hide_the_mate);
		tcase_add_loop_test(tc, scores_are_the_recorded_bits, 0, PAIRS);
		tcase_add_test(tc, mated_prints_score_above_unmated_ones);
		tcase_add_test(tc, features_without_pictures_compare_like_prints);
	}
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
