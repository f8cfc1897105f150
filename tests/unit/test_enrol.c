#include "bio/enrol.h"

#include "base/crypto.h"
#include "synth/drawer.h"
#include "synth/synth.h"

#include "store_kit.h"
#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <sqlite3.h>

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
static const struct enrol_options two_by_three = { 2, 3, 20, &policy, { 0 } };
static const struct store_consent consent = { .text_version = "v1",
					      .language = "en",
					      .purposes = PURPOSE_IDENTIFY,
					      .retention_days = 365,
					      .time_ms = 1 };

/* Where the gallery has its references from; of the test that runs. */
static struct drawer *drawer;

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

static void
forbid(const char *sql)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(tempdir_path(dir, "gallery.db"), &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db); /* nothing is under way */
}

static struct gallery *
open_gallery(void)
{
	struct gallery *g;

	drawer = drawer_new();
	g = gallery_new(16, drawer_source(drawer));
	ck_assert_ptr_nonnull(g);
	return g;
}

static void
close_gallery(struct gallery *g)
{
	gallery_free(g);
	drawer = drawer_free(drawer);
}

/* Whether somebody else has the finger that is sought. */
static bool
look_for(const struct enrol *e, struct gallery *g)
{
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	struct gallery_query q = { .probe = enrol_sought(e) };
	size_t count = 0;

	ck_assert_int_eq(gallery_search(g, &q, found, &count), 0);
	return enrol_is_duplicate(e, gallery_stats(g).references, found, count);
}

static enum enrol_outcome
touch(struct enrol *e, struct gallery *g, const struct finger_features *f)
{
	struct enrol_progress p = { .outcome = ENROL_COMPLETE };

	if (!enrol_impression(e, f, &p))
		enrol_searched(e, look_for(e, g), &p);
	ck_assert_ptr_null(enrol_sought(e));
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
	const struct store_reference *r;
	unsigned count = 77;

	touch_all(e, g, person);
	(void)enrol_references(e, &count);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(enrol_commit(e, s), 0);
	r = enrol_references(e, &count);
	for (unsigned i = 0; i < count; i++) {
		const struct gallery_name name = { subject_of(person), r[i].finger,
						   r[i].key };

		ck_assert_uint_ne(r[i].key, 0);
		ck_assert_int_eq(drawer_add(drawer, g, &name, r[i].data, r[i].bytes), 0);
	}
	enrol_free(e);
	return count;
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
		{ 0, 3, 20, &policy, { 0 } },
		{ ENROL_FINGERS_MAX + 1, 3, 20, &policy, { 0 } },
		{ 2, 0, 20, &policy, { 0 } },
		{ 2, REFERENCE_IMPRESSIONS_MAX + 1, 20, &policy, { 0 } },
		{ 2, 3, 20, &policy, { 2, 3 } }, /* of one hand */
		{ 2, 3, 20, &policy, { 6, 10 } },
		{ 2, 3, 20, &policy, { 2, 0 } },
		{ 2, 3, 20, &policy, { 2, 11 } },
		{ 3, 3, 20, &policy, { 2, 7, 2 } },
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

START_TEST(positions_have_names_both_ways)
{
	static const struct {
		uint32_t list[3];
		size_t count;
		bool right;
	} rows[] = {
		{ { 2, 7 }, 2, true },     { { 7, 2 }, 2, true },  { { 1, 10 }, 2, true },
		{ { 2, 7, 3 }, 3, true },  { { 5 }, 1, true },     { { 2, 3 }, 2, false },
		{ { 6, 10 }, 2, false },   { { 2, 2 }, 2, false }, { { 0, 7 }, 2, false },
		{ { 2, 7, 7 }, 3, false }, { { 11 }, 1, false },
	};

	for (uint32_t p = 1; p <= 10; p++)
		ck_assert_uint_eq(enrol_position_parse(str_of(enrol_position_name(p))),
				  p);
	ck_assert_str_eq(enrol_position_name(0), "");
	ck_assert_str_eq(enrol_position_name(11), "");
	ck_assert_str_eq(enrol_position_name(2), "right-index");
	ck_assert_uint_eq(enrol_position_parse(STR("index")), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg((enrol_positions_wrong(rows[i].list, rows[i].count) ==
			       NULL) == rows[i].right,
			      "%zu", i);
}
END_TEST

START_TEST(other_fingers_may_be_asked_for)
{
	static const struct enrol_options o = { 2, 3, 20, &policy, { 10, 1 } };
	struct gallery *g = open_gallery();
	struct enrol *e = begin(&o, 0);
	struct store *s;

	tempdir_make(dir);
	s = open_store();
	ck_assert_uint_eq(enrol_position(e, 0), 10);
	ck_assert_uint_eq(enrol_position(e, 1), 1);
	ck_assert_uint_eq(enrol_position(e, 2), 0);
	touch_all(e, g, 0);
	ck_assert_int_eq(enrol_commit(e, s), 0);
	ck_assert_uint_eq(stored(s).fingers, 1u << 10 | 1u << 1);
	enrol_free(e);
	store_close(s);
	close_gallery(g);
	tempdir_remove(dir);
}
END_TEST

/* When the first one was another finger, or too poor to agree, the others make it up without it. */
START_TEST(the_best_that_agree_are_taken_out_of_five)
{
	struct gallery *g = open_gallery();
	struct enrol *e = begin(&two_by_three, 0);
	const struct finger_features *odd = &prints[1][0][0], *f;

	ck_assert_int_eq(touch(e, g, odd), ENROL_TAKEN);
	ck_assert_int_eq(touch(e, g, &prints[0][0][0]), ENROL_RETRY);
	ck_assert_int_eq(touch(e, g, &prints[0][0][1]), ENROL_TAKEN);
	ck_assert_int_eq(touch(e, g, &prints[2][1][0]), ENROL_RETRY);
	ck_assert_int_eq(touch(e, g, &prints[0][0][2]), ENROL_TAKEN);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(touch(e, g, &prints[0][1][i]),
				 i == 2 ? ENROL_COMPLETE : ENROL_TAKEN);
	for (unsigned i = 0; (f = enrol_taken(e, i)) != NULL; i++) {
		ck_assert_mem_ne(f, odd, sizeof(*f));
		ck_assert_mem_eq(f, &prints[0][i / 3][i % 3], sizeof(*f));
	}
	enrol_free(e);
	close_gallery(g);
}
END_TEST

START_TEST(odd_ones_give_way_to_what_agrees)
{
	struct gallery *g = open_gallery();
	struct enrol *e = begin(&two_by_three, 0);

	ck_assert_int_eq(touch(e, g, &prints[0][0][0]), ENROL_TAKEN);
	ck_assert_int_eq(touch(e, g, &prints[0][0][1]), ENROL_TAKEN);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(touch(e, g, &prints[1 + i % 2][i / 2][0]), ENROL_RETRY);
	ck_assert_int_eq(touch(e, g, &prints[0][0][2]), ENROL_TAKEN);
	ck_assert_int_eq(touch(e, g, &prints[0][1][0]), ENROL_TAKEN);
	enrol_free(e);
	close_gallery(g);
}
END_TEST

/* Somebody else's finger in between spoils nothing, and is enrolled under no other name. */
START_TEST(an_enrolled_finger_in_between_is_not_taken)
{
	struct gallery *g = open_gallery();
	struct enrol *e;
	struct store *s;

	tempdir_make(dir);
	s = open_store();
	ck_assert_uint_eq(enrol_person(s, g, 1), 2);
	e = begin(&two_by_three, 0);
	ck_assert_int_eq(touch(e, g, &prints[0][0][0]), ENROL_TAKEN);
	for (unsigned i = 0; i < IMPRESSIONS; i++)
		ck_assert_int_eq(touch(e, g, &prints[1][0][i]), ENROL_RETRY);
	ck_assert_int_eq(touch(e, g, &prints[0][0][1]), ENROL_TAKEN);
	ck_assert_int_eq(touch(e, g, &prints[0][0][2]), ENROL_TAKEN);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(touch(e, g, &prints[0][1][i]),
				 i == 2 ? ENROL_COMPLETE : ENROL_TAKEN);
	enrol_free(e);
	store_close(s);
	close_gallery(g);
	tempdir_remove(dir);
}
END_TEST

START_TEST(two_fingers_by_three_make_two_references)
{
	struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
	struct gallery *g = open_gallery();
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
	close_gallery(g);
	tempdir_remove(dir);
}
END_TEST

/* Who is searched for needs the sketch; who is compared with after a claim only does not. */
START_TEST(what_is_sealed_under_a_claim_has_no_sketch)
{
	const struct store_claims claims = { .claim = { { 3 } }, .count = 1 };
	struct gallery *g = open_gallery();
	size_t bytes[2] = { 0, 0 };
	struct store *s;

	tempdir_make(dir);
	s = open_store();
	for (unsigned claimed = 0; claimed < 2; claimed++) {
		struct enrol *e = begin(&two_by_three, 0);
		const struct store_reference *r;
		unsigned count = 0;

		touch_all(e, g, 0);
		if (claimed)
			enrol_claims(e, &claims);
		ck_assert_int_eq(enrol_commit(e, s), 0);
		r = enrol_references(e, &count);
		ck_assert_uint_eq(count, 2);
		for (unsigned i = 0; i < count; i++) {
			static struct finger_features f;

			ck_assert_int_eq(reference_unpack(r[i].data, r[i].bytes, &f), 0);
			bytes[claimed] += r[i].bytes;
		}
		enrol_free(e);
	}
	ck_assert_uint_lt(bytes[1], bytes[0] * 3 / 4);
	store_close(s);
	close_gallery(g);
	tempdir_remove(dir);
}
END_TEST

START_TEST(nothing_is_kept_before_the_commit)
{
	struct gallery *g = open_gallery();
	struct enrol *e = begin(&two_by_three, 0);
	struct store *s;

	tempdir_make(dir);
	s = open_store();
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(enrol_commit(e, s), -EAGAIN);
		ck_assert_int_eq(touch(e, g, &prints[0][i / 3][i % 3]), ENROL_TAKEN);
		ck_assert(!enrol_complete(e));
	}
	ck_assert_int_eq(enrol_commit(e, s), -EAGAIN);
	enrol_free(e);
	ck_assert_uint_eq(stored(s).count, 0);
	ck_assert_uint_eq(gallery_stats(g).references, 0);
	store_close(s);
	close_gallery(g);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_poor_or_foreign_impression_is_asked_for_again)
{
	struct gallery *g = open_gallery();
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
	close_gallery(g);
}
END_TEST

START_TEST(a_finger_of_somebody_else_is_a_duplicate)
{
	struct gallery *g = open_gallery();
	struct enrol *e;
	struct store *s;

	tempdir_make(dir);
	s = open_store();
	(void)enrol_person(s, g, 0);
	e = begin(&two_by_three, 1);
	ck_assert_int_eq(touch(e, g, &prints[0][1][3]), ENROL_DUPLICATE);
	ck_assert_int_eq(touch(e, g, &prints[1][0][0]), ENROL_DUPLICATE); /* for good */
	ck_assert_int_eq(enrol_commit(e, s), -EAGAIN);
	enrol_free(e);
	ck_assert_uint_eq(stored(s).count, 2);
	store_close(s);
	close_gallery(g);
	tempdir_remove(dir);
}
END_TEST

/* Impressions come while the gallery is searched for the first one. */
START_TEST(one_impression_waits_for_the_search_and_a_further_one_is_asked_for_again)
{
	struct enrol *e = begin(&two_by_three, 0);
	struct enrol_progress p = { .outcome = ENROL_COMPLETE };
	unsigned finger = 9, impression = 9;

	ck_assert(!enrol_next(e, &p));
	ck_assert(!enrol_impression(e, &prints[0][0][0], &p));
	ck_assert_ptr_nonnull(enrol_sought(e));
	enrol_wanted(e, &finger, &impression);
	ck_assert_uint_eq(finger, 0);
	ck_assert_uint_eq(impression, 1);
	ck_assert(!enrol_impression(e, &prints[0][0][1], &p)); /* waits */
	ck_assert(!enrol_next(e, &p));                         /* still */
	ck_assert(enrol_impression(e, &prints[0][0][2], &p));
	ck_assert_int_eq(p.outcome, ENROL_RETRY);
	enrol_searched(e, false, &p);
	ck_assert_int_eq(p.outcome, ENROL_TAKEN);
	ck_assert_uint_eq(p.impression, 0);
	ck_assert(enrol_next(e, &p));
	ck_assert_int_eq(p.outcome, ENROL_TAKEN);
	ck_assert_uint_eq(p.impression, 1);
	ck_assert(!enrol_next(e, &p));
	enrol_free(e);
}
END_TEST

/* One impression a finger: what waited is the next finger's first, and is looked for in its turn. */
START_TEST(what_waited_is_looked_for_itself)
{
	const struct enrol_options two_by_one = { 2, 1, 20, &policy, { 0 } };
	struct enrol *e = begin(&two_by_one, 0);
	struct enrol_progress p = { .outcome = ENROL_RETRY };
	unsigned finger = 9, impression = 9;

	ck_assert(!enrol_impression(e, &prints[0][0][0], &p));
	enrol_wanted(e, &finger, &impression);
	ck_assert_uint_eq(finger, 1);
	ck_assert_uint_eq(impression, 0);
	ck_assert(!enrol_impression(e, &prints[0][1][0], &p));
	enrol_searched(e, false, &p);
	ck_assert_int_eq(p.outcome, ENROL_TAKEN);
	ck_assert(!enrol_next(e, &p));
	ck_assert_ptr_nonnull(enrol_sought(e));
	ck_assert(!enrol_complete(e));
	enrol_searched(e, false, &p);
	ck_assert_int_eq(p.outcome, ENROL_COMPLETE);
	ck_assert(enrol_complete(e));
	enrol_free(e);
}
END_TEST

START_TEST(what_waited_behind_a_duplicate_is_turned_away_with_it)
{
	struct enrol *e = begin(&two_by_three, 0);
	struct enrol_progress p = { .outcome = ENROL_COMPLETE };

	ck_assert(!enrol_impression(e, &prints[0][0][0], &p));
	ck_assert(!enrol_impression(e, &prints[0][0][1], &p));
	enrol_searched(e, true, &p);
	ck_assert_int_eq(p.outcome, ENROL_DUPLICATE);
	ck_assert(enrol_next(e, &p));
	ck_assert_int_eq(p.outcome, ENROL_DUPLICATE);
	ck_assert(!enrol_complete(e));
	enrol_free(e);
}
END_TEST

START_TEST(the_same_person_may_enrol_again)
{
	struct gallery *g = open_gallery();
	struct store *s;

	tempdir_make(dir);
	s = open_store();
	(void)enrol_person(s, g, 0);
	(void)enrol_person(s, g, 1);
	ck_assert_uint_eq(enrol_person(s, g, 0), 2);
	ck_assert_uint_eq(stored(s).count, 4);
	ck_assert_uint_eq(gallery_stats(g).references, 4);
	store_close(s);
	close_gallery(g);
	tempdir_remove(dir);
}
END_TEST

/* The left hand's reference finds no room: the commit fails when the right hand's is written. */
START_TEST(failed_enrol_leaves_nothing)
{
	struct gallery *g = open_gallery();
	struct enrol *e = begin(&two_by_three, 1);
	unsigned references = 77;
	struct store *s;

	tempdir_make(dir);
	s = open_store();
	(void)enrol_person(s, g, 0);
	touch_all(e, g, 1);
	forbid("CREATE TRIGGER full BEFORE INSERT ON refs WHEN new.finger = 7 "
	       "BEGIN SELECT raise(FAIL, 'no room'); END");
	ck_assert_int_lt(enrol_commit(e, s), 0);
	ck_assert_uint_eq(stored(s).count, 2);
	(void)enrol_references(e, &references);
	ck_assert_uint_eq(references, 0);
	ck_assert_int_eq(store_erase(s, subject_of(1), &references), -ENOENT);
	forbid("DROP TRIGGER full");
	ck_assert_int_eq(enrol_commit(e, s), 0); /* it may be tried again */
	ck_assert_uint_eq(stored(s).count, 4);
	enrol_free(e);
	store_close(s);
	close_gallery(g);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_consent_the_store_refuses_enrols_nobody)
{
	struct store_consent other = consent;
	struct gallery *g = open_gallery();
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
	ck_assert_int_eq(enrol_commit(e, s), -EINVAL);
	ck_assert_uint_eq(gallery_stats(g).references, 0);
	ck_assert_uint_eq(stored(s).count, 0);
	enrol_free(e);
	store_close(s);
	close_gallery(g);
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
	const TTest *const list[] = {
		options_outside_their_limits_are_refused,
		positions_have_names_both_ways,
		other_fingers_may_be_asked_for,
		the_best_that_agree_are_taken_out_of_five,
		odd_ones_give_way_to_what_agrees,
		an_enrolled_finger_in_between_is_not_taken,
		two_fingers_by_three_make_two_references,
		what_is_sealed_under_a_claim_has_no_sketch,
		nothing_is_kept_before_the_commit,
		a_poor_or_foreign_impression_is_asked_for_again,
		a_finger_of_somebody_else_is_a_duplicate,
		one_impression_waits_for_the_search_and_a_further_one_is_asked_for_again,
		what_waited_is_looked_for_itself,
		what_waited_behind_a_duplicate_is_turned_away_with_it,
		the_same_person_may_enrol_again,
		failed_enrol_leaves_nothing,
		a_consent_the_store_refuses_enrols_nobody,
		outcomes_have_their_protocol_names
	};

	extract_all();
	return unit_run("enrol", list, sizeof(list) / sizeof(list[0]));
}
