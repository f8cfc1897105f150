#include "bio/enrol.h"

#include "base/crypto.h"
#include "synth/synth.h"

#include "tempdir.h"
#include "unit.h"

#include <errno.h>

#define PEOPLE 3u
#define FINGERS 2u
#define IMPRESSIONS 4u
#define SEED UINT64_C(910000)

static char dir[TEMPDIR_BYTES], why[256];
static const uint8_t key[CRYPTO_KEY_BYTES] = { 3 };
static const struct decide_policy policy = { .fpir_per_million = 1000,
					     .verify_fmr_per_million = 100,
					     .margin = 1000,
					     .quality_min = 15 };
static const struct enrol_options two_by_three = { 2, 3, 20, &policy };
static const struct store_consent consent = { .text_version = "v1",
					      .language = "en",
					      .purposes = PURPOSE_IDENTIFY,
					      .retention_days = 365,
					      .time_ms = 1 };

/* Touches of people's fingers, made once before the tests are forked. */
static struct finger_features prints[PEOPLE][FINGERS][IMPRESSIONS];

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static void
extract_all(void)
{
	static uint8_t grey[SYNTH_WIDTH * SYNTH_HEIGHT];
	const struct synth_options easy = { SYNTH_WIDTH, SYNTH_HEIGHT, 30, 0 };
	struct sample s = { .width = SYNTH_WIDTH,
			    .height = SYNTH_HEIGHT,
			    .dpi = SYNTH_DPI,
			    .modality = MODALITY_FINGER,
			    .grey = grey };
	struct finger_extractor *x = finger_extractor_new();

	require(x != NULL);
	for (unsigned n = 0; n < PEOPLE * FINGERS; n++) {
		struct synth_master *m = synth_master_new(SEED + n);

		require(m != NULL);
		for (unsigned i = 0; i < IMPRESSIONS; i++) {
			require(synth_master_render(m, i, &easy, grey) == 0);
			require(finger_extract(x, &s,
					       &prints[n / FINGERS][n % FINGERS][i]) ==
				0);
		}
		synth_master_free(m);
	}
	finger_extractor_free(x);
}

static struct ulid
subject_of(unsigned person)
{
	return (struct ulid){ { (uint8_t)(person + 1) } };
}

static struct enrol *
begin(const struct enrol_options *o, unsigned person)
{
	struct enrol *e = NULL;

	ck_assert_int_eq(
		enrol_new(o, (struct ulid){ { 99 } }, subject_of(person), &consent, &e),
		0);
	return e;
}

static struct store *
open_store(void)
{
	struct store_options o = { dir, "test", key };
	struct store *s = NULL;

	ck_assert_int_eq(store_open(&o, &s, why), 0);
	return s;
}

static enum enrol_outcome
touch(struct enrol *e, struct gallery *g, const struct finger_features *f)
{
	struct enrol_progress p = { .outcome = ENROL_COMPLETE };

	enrol_impression(e, g, f, &p);
	ck_assert_uint_eq(p.quality, f->quality);
	ck_assert_int_eq(p.why != NULL,
			 p.outcome == ENROL_RETRY || p.outcome == ENROL_DUPLICATE);
	return p.outcome;
}

/* All the touches that complete an enrolment of 2 x 3. */
static void
touch_all(struct enrol *e, struct gallery *g, unsigned person)
{
	for (unsigned f = 0; f < FINGERS; f++)
		for (unsigned i = 0; i < 3; i++)
			ck_assert_int_eq(touch(e, g, &prints[person][f][i]),
					 f == 1 && i == 2 ? ENROL_COMPLETE : ENROL_TAKEN);
}

static unsigned
enrol_person(struct store *s, struct gallery *g, unsigned person)
{
	struct enrol *e = begin(&two_by_three, person);
	unsigned references = 0;

	touch_all(e, g, person);
	ck_assert_int_eq(enrol_commit(e, s, g, &references), 0);
	enrol_free(e);
	return references;
}

struct counter {
	unsigned count;
	unsigned fingers; /* a bit each */
};

static void
count_one(void *ctx, struct ulid subject, uint32_t finger, const uint8_t *data,
	  size_t bytes)
{
	struct counter *c = ctx;

	(void)subject;
	(void)data;
	ck_assert_uint_gt(bytes, 0);
	c->count++;
	c->fingers |= 1u << finger;
}

static struct counter
stored(struct store *s)
{
	struct store_cursor cursor = { 0, 0 };
	struct counter c = { 0, 0 };

	ck_assert_int_eq(store_read(s, &cursor, 1000, count_one, &c), 0);
	ck_assert_uint_eq(cursor.damaged, 0);
	return c;
}

START_TEST(options_outside_their_limits_are_refused)
{
	static const struct enrol_options wrong[] = {
		{ 0, 3, 20, &policy },
		{ ENROL_FINGERS_MAX + 1, 3, 20, &policy },
		{ 2, 0, 20, &policy },
		{ 2, REFERENCE_IMPRESSIONS_MAX + 1, 20, &policy },
	};
	struct enrol *e = NULL;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(
			enrol_new(&wrong[i], subject_of(0), subject_of(0), &consent, &e),
			-EINVAL);
	ck_assert_ptr_null(e);
	ck_assert_ptr_null(enrol_free(NULL));
}
END_TEST

START_TEST(two_fingers_by_three_make_two_references)
{
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	struct gallery *g = gallery_new(16);
	struct counter c;
	struct store *s;
	size_t n = 0;

	tempdir_make(dir);
	s = open_store();
	ck_assert_uint_eq(enrol_person(s, g, 0), 2);
	c = stored(s);
	ck_assert_uint_eq(c.count, 2);
	ck_assert_uint_eq(c.fingers, 1u << 2 | 1u << 7); /* right and left index */
	ck_assert_uint_eq(gallery_stats(g).references, 2);
	for (unsigned f = 0; f < FINGERS; f++) { /* and each is found by a fourth touch */
		struct gallery_query q = { .probe = &prints[0][f][3] };

		ck_assert_int_eq(gallery_search(g, &q, found, &n), 0);
		ck_assert_uint_ge(n, 1);
		ck_assert(ulid_eq(found[0].subject, subject_of(0)));
	}
	store_close(s);
	gallery_free(g);
	tempdir_remove(dir);
}
END_TEST

START_TEST(nothing_is_kept_before_the_commit)
{
	struct gallery *g = gallery_new(16);
	struct enrol *e = begin(&two_by_three, 0);
	unsigned references = 77;
	struct store *s;

	tempdir_make(dir);
	s = open_store();
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(enrol_commit(e, s, g, &references), -EAGAIN);
		ck_assert_int_eq(touch(e, g, &prints[0][i / 3][i % 3]), ENROL_TAKEN);
		ck_assert(!enrol_complete(e));
	}
	ck_assert_int_eq(enrol_commit(e, s, g, &references), -EAGAIN);
	ck_assert_uint_eq(references, 77);
	enrol_free(e);
	ck_assert_uint_eq(stored(s).count, 0);
	ck_assert_uint_eq(gallery_stats(g).references, 0);
	store_close(s);
	gallery_free(g);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_poor_or_foreign_impression_is_asked_for_again)
{
	struct gallery *g = gallery_new(16);
	struct enrol *e = begin(&two_by_three, 0);
	struct finger_features poor = prints[0][0][1];

	poor.quality = (uint8_t)(two_by_three.quality_min - 1);
	ck_assert_int_eq(touch(e, g, &poor), ENROL_RETRY);
	ck_assert_int_eq(touch(e, g, &prints[0][0][0]), ENROL_TAKEN);
	ck_assert_int_eq(touch(e, g, &poor), ENROL_RETRY);
	ck_assert_int_eq(touch(e, g, &prints[1][0][0]), ENROL_RETRY); /* another finger */
	poor.quality = 100;
	poor.count = 0;
	ck_assert_int_eq(touch(e, g, &poor), ENROL_RETRY);
	ck_assert_int_eq(touch(e, g, &prints[0][0][1]), ENROL_TAKEN);
	ck_assert_int_eq(touch(e, g, &prints[0][0][2]), ENROL_TAKEN);
	ck_assert_int_eq(touch(e, g, &prints[0][0][3]),
			 ENROL_RETRY); /* the first one again */
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_ne(touch(e, g, &prints[0][1][i]), ENROL_RETRY);
	ck_assert(enrol_complete(e));
	ck_assert_int_eq(touch(e, g, &prints[0][1][3]), ENROL_RETRY); /* all are taken */
	ck_assert(enrol_complete(e));
	enrol_free(e);
	gallery_free(g);
}
END_TEST

START_TEST(a_finger_of_somebody_else_is_a_duplicate)
{
	struct gallery *g = gallery_new(16);
	unsigned references = 0;
	struct enrol *e;
	struct store *s;

	tempdir_make(dir);
	s = open_store();
	(void)enrol_person(s, g, 0);
	e = begin(&two_by_three, 1);
	ck_assert_int_eq(touch(e, g, &prints[0][1][3]), ENROL_DUPLICATE);
	ck_assert_int_eq(touch(e, g, &prints[1][0][0]), ENROL_DUPLICATE); /* for good */
	ck_assert_int_eq(enrol_commit(e, s, g, &references), -EAGAIN);
	enrol_free(e);
	ck_assert_uint_eq(stored(s).count, 2);
	store_close(s);
	gallery_free(g);
	tempdir_remove(dir);
}
END_TEST

START_TEST(the_same_person_may_enrol_again)
{
	struct gallery *g = gallery_new(16);
	struct store *s;

	tempdir_make(dir);
	s = open_store();
	(void)enrol_person(s, g, 0);
	(void)enrol_person(s, g, 1);
	ck_assert_uint_eq(enrol_person(s, g, 0), 2);
	ck_assert_uint_eq(stored(s).count, 4);
	ck_assert_uint_eq(gallery_stats(g).references, 4);
	store_close(s);
	gallery_free(g);
	tempdir_remove(dir);
}
END_TEST

START_TEST(failed_enrol_leaves_nothing)
{
	struct gallery *full = gallery_new(3); /* one finger of the second person fits */
	struct enrol *e = begin(&two_by_three, 1);
	unsigned references = 77;
	struct store *s;

	tempdir_make(dir);
	s = open_store();
	(void)enrol_person(s, full, 0);
	touch_all(e, full, 1);
	ck_assert_int_eq(enrol_commit(e, s, full, &references), -ENOSPC);
	ck_assert_uint_eq(references, 77);
	ck_assert_uint_eq(gallery_stats(full).references, 2);
	ck_assert_uint_eq(gallery_stats(full).subjects, 1);
	ck_assert_uint_eq(stored(s).count, 2);
	ck_assert_int_eq(store_erase(s, subject_of(1), &references), -ENOENT);
	enrol_free(e);
	store_close(s);
	gallery_free(full);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_consent_the_store_refuses_enrols_nobody)
{
	struct store_consent other = consent;
	struct gallery *g = gallery_new(16);
	unsigned references = 0;
	struct enrol *e = NULL;
	struct store *s;

	other.purposes = PURPOSE_DISCOUNTS;
	tempdir_make(dir);
	s = open_store();
	ck_assert_int_eq(
		enrol_new(&two_by_three, subject_of(9), subject_of(0), &other, &e), 0);
	ck_assert(ulid_eq(enrol_session(e), subject_of(9)));
	ck_assert(ulid_eq(enrol_subject(e), subject_of(0)));
	touch_all(e, g, 0);
	ck_assert_int_eq(enrol_commit(e, s, g, &references), -EINVAL);
	ck_assert_uint_eq(gallery_stats(g).references, 0);
	ck_assert_uint_eq(stored(s).count, 0);
	enrol_free(e);
	store_close(s);
	gallery_free(g);
	tempdir_remove(dir);
}
END_TEST

START_TEST(outcomes_have_their_protocol_names)
{
	ck_assert_str_eq(enrol_outcome_name(ENROL_TAKEN), "taken");
	ck_assert_str_eq(enrol_outcome_name(ENROL_RETRY), "retry");
	ck_assert_str_eq(enrol_outcome_name(ENROL_DUPLICATE), "duplicate");
	ck_assert_str_eq(enrol_outcome_name(ENROL_COMPLETE), "complete");
}
END_TEST

int
main(void)
{
	const TTest *const list[] = { options_outside_their_limits_are_refused,
				      two_fingers_by_three_make_two_references,
				      nothing_is_kept_before_the_commit,
				      a_poor_or_foreign_impression_is_asked_for_again,
				      a_finger_of_somebody_else_is_a_duplicate,
				      the_same_person_may_enrol_again,
				      failed_enrol_leaves_nothing,
				      a_consent_the_store_refuses_enrols_nobody,
				      outcomes_have_their_protocol_names };

	extract_all();
	return unit_run("enrol", list, sizeof(list) / sizeof(list[0]));
}
