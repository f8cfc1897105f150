#include "unit.h"

#include "bio/gallery/fixed.h"
#include "bio/gallery/gallery.h"
#include "bio/gallery/reference.h"
#include "bio/gallery/scan.h"
#include "bio/gallery/search.h"
#include "synth/drawer.h"
#include "synth/synth.h"

#include <errno.h>
#include <pthread.h>

static struct drawer *drawer; /* of the test that runs */

static struct finger_features probe;
static uint8_t packed[REFERENCE_BYTES_MAX];
static size_t packed_bytes;
static struct gallery_candidate found[GALLERY_CANDIDATES_MAX];
static size_t found_count;

/* Subject n, and finger f of it as a seed. */
static struct ulid
subject(uint32_t n)
{
	struct ulid u = { { 1, 2, 3 } };

	u.b[14] = (uint8_t)(n >> 8);
	u.b[15] = (uint8_t)n;
	return u;
}

static uint64_t
seed_of(uint32_t n, uint32_t finger)
{
	return 1000u + n * 16u + finger;
}

static void
pack(uint64_t seed)
{
	static struct finger_features shot;
	const struct finger_features *one[] = { &shot };

	ck_assert_int_eq(synth_features(seed, 0, NULL, &shot), 0);
	ck_assert_int_eq(reference_make(one, 1, packed, &packed_bytes), 0);
}

static struct gallery *
empty(uint64_t max)
{
	struct gallery *g;

	if (drawer == NULL)
		drawer = drawer_new();
	g = gallery_new(max, drawer_source(drawer));
	ck_assert_ptr_nonnull(g);
	return g;
}

/* The packed reference, as this subject's finger. */
static int
put(struct gallery *g, uint32_t n, uint32_t finger)
{
	const struct gallery_name name = { subject(n), finger, 0 };

	return drawer_add(drawer, g, &name, packed, packed_bytes);
}

static void
add(struct gallery *g, uint32_t n, uint32_t finger)
{
	pack(seed_of(n, finger));
	ck_assert_int_eq(put(g, n, finger), 0);
}

static struct gallery *
filled(uint64_t max, uint32_t subjects)
{
	struct gallery *g = empty(max);

	for (uint32_t n = 0; n < subjects; n++) {
		add(g, n, 1);
		add(g, n, 2);
	}
	return g;
}

static int
search(struct gallery *g, const struct ulid *subjects, size_t count)
{
	struct gallery_query q = { .probe = &probe,
				   .subjects = subjects,
				   .subjects_count = count };

	return gallery_search(g, &q, found, &found_count);
}

static void
touch(uint64_t seed, uint32_t impression)
{
	ck_assert_int_eq(synth_features(seed, impression, NULL, &probe), 0);
}

START_TEST(search_finds_the_mate_among_many)
{
	struct gallery *g = filled(1000, 300);
	unsigned first = 0;

	for (uint32_t n = 0; n < 40; n++) {
		uint32_t finger = 1 + n % 2;

		touch(seed_of(n, finger), 1);
		ck_assert_int_eq(search(g, NULL, 0), 0);
		if (found_count > 0 && ulid_eq(found[0].subject, subject(n))) {
			ck_assert_uint_eq(found[0].finger, finger);
			first++;
		}
		for (size_t i = 1; i < found_count; i++)
			ck_assert_int_le(found[i].score, found[i - 1].score);
	}
	ck_assert_uint_ge(first, 36);
	gallery_free(g);
}
END_TEST

START_TEST(stranger_is_found_with_low_scores_only)
{
	struct gallery *g = filled(400, 200);

	for (uint64_t seed = 1; seed <= 20; seed++) {
		touch(seed, 0);
		ck_assert_int_eq(search(g, NULL, 0), 0);
		for (size_t i = 0; i < found_count; i++)
			ck_assert_int_lt(found[i].score, 7000);
	}
	gallery_free(g);
}
END_TEST

START_TEST(each_subject_is_named_once_with_its_best_finger)
{
	struct gallery *g = empty(10);

	pack(seed_of(1, 1));
	for (uint32_t finger = 1; finger <= 5; finger++)
		ck_assert_int_eq(put(g, 1, finger), 0);
	add(g, 2, 1);
	touch(seed_of(1, 1), 0);
	ck_assert_int_eq(search(g, NULL, 0), 0);
	ck_assert_uint_ge(found_count, 1);
	ck_assert(ulid_eq(found[0].subject, subject(1)));
	ck_assert_uint_eq(found[0].finger, 1); /* equal scores: the first in order */
	for (size_t i = 1; i < found_count; i++)
		ck_assert(!ulid_eq(found[i].subject, subject(1)));
	gallery_free(g);
}
END_TEST

START_TEST(result_does_not_depend_on_the_order_of_adding)
{
	struct gallery *g = filled(700, 300), *h = empty(700);
	struct gallery_candidate before[GALLERY_CANDIDATES_MAX];
	size_t count;

	for (uint32_t n = 300; n-- > 0;) {
		add(h, n, 2);
		add(h, n, 1);
	}
	for (uint32_t n = 0; n < 10; n++) {
		memset(before, 0, sizeof(before));
		memset(found, 0, sizeof(found));
		touch(seed_of(n, 1), 1);
		ck_assert_int_eq(search(g, NULL, 0), 0);
		memcpy(before, found, sizeof(before));
		count = found_count;
		ck_assert_int_eq(search(h, NULL, 0), 0);
		ck_assert_uint_eq(found_count, count);
		ck_assert_mem_eq(found, before, sizeof(before));
	}
	gallery_free(g);
	gallery_free(h);
}
END_TEST

START_TEST(ties_at_the_end_of_the_short_list_go_by_name)
{
	enum { SUBJECTS = 700, STEP = 211 }; /* coprime: every subject once */
	struct gallery *g = empty(SUBJECTS);

	pack(seed_of(1, 1));
	for (uint32_t i = 0; i < SUBJECTS; i++)
		ck_assert_int_eq(put(g, i * STEP % SUBJECTS, 1), 0);
	touch(seed_of(1, 1), 1);
	ck_assert_int_eq(search(g, NULL, 0), 0);
	ck_assert_uint_eq(found_count, GALLERY_CANDIDATES_MAX);
	for (uint32_t i = 0; i < GALLERY_CANDIDATES_MAX; i++)
		ck_assert(ulid_eq(found[i].subject, subject(i)));
	gallery_free(g);
}
END_TEST

/* Minutiae alone, turned about a point inside the finger. */
static void
turn(struct finger_features *f, uint16_t by)
{
	int32_t sin = fixed_sin(by), cos = fixed_cos(by);

	f->cells_x = f->cells_y = 0;
	for (unsigned i = 0; i < f->count; i++) {
		struct minutia *m = &f->minutiae[i];
		int32_t x = m->x - 160, y = m->y - 180;

		m->x = (int16_t)(300 + (x * cos + y * sin) / FIXED_ONE);
		m->y = (int16_t)(300 + (y * cos - x * sin) / FIXED_ONE);
		m->angle = (uint16_t)(m->angle + by);
	}
}

/* Takes the finger's best minutiae as the reference. False: it has fewer. */
static bool
pack_best(uint64_t seed, unsigned least, unsigned count)
{
	static struct finger_features shot;
	const struct finger_features *one[] = { &shot };

	ck_assert_int_eq(synth_features(seed, 0, NULL, &shot), 0);
	if (shot.count < least)
		return false;
	shot.count = (uint16_t)(shot.count < count ? shot.count : count);
	ck_assert_int_eq(reference_make(one, 1, packed, &packed_bytes), 0);
	return true;
}

/*
 * Turned so far, the scan does not know it from strangers, but a comparison does: it is found when it
 * is on the short list, as the only one of its kind is.
 */
START_TEST(a_sparse_reference_is_ranked_among_sparse_ones_only)
{
	enum { STRANGERS = 3 * SEARCH_SHORTLIST_MIN };
	const unsigned firm = SCAN_SPARSE + 12;
	struct gallery *g = empty(STRANGERS + 1);
	uint64_t seed = 20000;
	unsigned first = 0;

	for (uint32_t n = 1; n <= STRANGERS; n++) {
		while (!pack_best(seed++, firm, UINT8_MAX))
			;
		ck_assert_int_eq(put(g, n, 1), 0);
	}
	for (seed = 1; seed <= 10; seed++) {
		ck_assert(pack_best(seed, SCAN_SPARSE - 1, SCAN_SPARSE - 1));
		ck_assert_int_eq(put(g, 0, 1), 0);
		touch(seed, 0);
		turn(&probe, 70 * 65536 / 360);
		ck_assert_int_eq(search(g, NULL, 0), 0);
		first += found_count > 0 && ulid_eq(found[0].subject, subject(0));
	}
	ck_assert_uint_ge(first, 9);
	gallery_free(g);
}
END_TEST

START_TEST(only_named_subjects_are_compared)
{
	struct gallery *g = filled(100, 20);
	struct ulid some[3] = { subject(3), subject(7), subject(999) };

	touch(seed_of(5, 1), 0);
	ck_assert_int_eq(search(g, some, 3), 0);
	for (size_t i = 0; i < found_count; i++)
		ck_assert(ulid_eq(found[i].subject, some[0]) ||
			  ulid_eq(found[i].subject, some[1]));
	some[0] = subject(5);
	ck_assert_int_eq(search(g, some, 3), 0);
	ck_assert_uint_ge(found_count, 1);
	ck_assert(ulid_eq(found[0].subject, subject(5)));
	ck_assert_int_eq(found[0].score, GALLERY_SCORE_MAX);
	ck_assert_int_eq(search(g, some, 0), 0); /* nobody is not everybody */
	ck_assert_uint_eq(found_count, 0);
	gallery_free(g);
}
END_TEST

START_TEST(a_thousand_named_subjects_are_all_compared)
{
	struct gallery *g = filled(1200, 400);
	static struct ulid all[400];

	for (uint32_t n = 0; n < 400; n++)
		all[n] = subject(n);
	for (uint32_t n = 390; n < 400; n++) {
		touch(seed_of(n, 2), 0);
		ck_assert_int_eq(search(g, all, 400), 0);
		ck_assert_uint_ge(found_count, 1);
		ck_assert(ulid_eq(found[0].subject, subject(n)));
	}
	gallery_free(g);
}
END_TEST

START_TEST(removed_subjects_are_not_found_and_the_others_are)
{
	struct gallery *g = filled(200, 100);

	for (uint32_t n = 0; n < 100; n += 2)
		ck_assert_uint_eq(gallery_remove(g, subject(n)), 2);
	ck_assert_uint_eq(gallery_remove(g, subject(0)), 0);
	ck_assert_uint_eq(gallery_stats(g).references, 100);
	ck_assert_uint_eq(gallery_stats(g).subjects, 50);
	for (uint32_t n = 0; n < 100; n++) {
		touch(seed_of(n, 1), 0);
		ck_assert_int_eq(search(g, NULL, 0), 0);
		if (n % 2 == 1) {
			ck_assert_uint_ge(found_count, 1);
			ck_assert(ulid_eq(found[0].subject, subject(n)));
		}
		for (size_t i = 0; i < found_count; i++)
			ck_assert_uint_eq(found[i].subject.b[15] % 2, 1);
	}
	for (uint32_t n = 1; n < 100; n += 2)
		ck_assert_uint_eq(gallery_remove(g, subject(n)), 2);
	ck_assert_uint_eq(gallery_stats(g).references, 0);
	ck_assert_int_eq(search(g, NULL, 0), 0);
	ck_assert_uint_eq(found_count, 0);
	gallery_free(g);
}
END_TEST

START_TEST(same_tag_replaces_the_reference)
{
	struct gallery *g = filled(10, 2);

	pack(seed_of(50, 1));
	ck_assert_int_eq(put(g, 0, 1), 0);
	ck_assert_uint_eq(gallery_stats(g).references, 4);
	ck_assert_uint_eq(gallery_stats(g).subjects, 2);
	touch(seed_of(50, 1), 0);
	ck_assert_int_eq(search(g, NULL, 0), 0);
	ck_assert_uint_ge(found_count, 1);
	ck_assert(ulid_eq(found[0].subject, subject(0)));
	ck_assert_int_eq(found[0].score, GALLERY_SCORE_MAX);
	gallery_free(g);
}
END_TEST

START_TEST(full_gallery_refuses_more_but_replaces)
{
	struct gallery *g = filled(4, 2);

	pack(seed_of(9, 1));
	ck_assert_int_eq(put(g, 9, 1), -ENOSPC);
	ck_assert_int_eq(put(g, 1, 2), 0);
	ck_assert_uint_eq(gallery_stats(g).references, 4);
	ck_assert_uint_eq(gallery_stats(g).subjects, 2);
	gallery_free(g);
}
END_TEST

START_TEST(malformed_reference_changes_nothing)
{
	struct gallery *g = filled(10, 1);

	pack(seed_of(1, 1));
	packed_bytes--;
	ck_assert_int_eq(put(g, 1, 1), -EBADMSG);
	packed_bytes++;
	packed[0] = REFERENCE_VERSION + 1;
	ck_assert_int_eq(put(g, 1, 1), -ENOTSUP);
	ck_assert_uint_eq(gallery_stats(g).references, 2);
	ck_assert_uint_eq(gallery_stats(g).subjects, 1);
	gallery_free(g);
}
END_TEST

START_TEST(probe_without_minutiae_is_no_data)
{
	struct gallery *g = filled(10, 1);

	memset(&probe, 0, sizeof(probe));
	found_count = 4711;
	ck_assert_int_eq(search(g, NULL, 0), -ENODATA);
	ck_assert_uint_eq(found_count, 4711);
	gallery_free(g);
}
END_TEST

START_TEST(cancelled_search_says_so)
{
	struct gallery *g = filled(100, 20);
	struct ulid one = subject(1);
	atomic_bool cancel = true;
	struct gallery_query q = { .probe = &probe, .cancel = &cancel };

	touch(seed_of(1, 1), 0);
	ck_assert_int_eq(gallery_search(g, &q, found, &found_count), -ECANCELED);
	q.subjects = &one;
	q.subjects_count = 1;
	ck_assert_int_eq(gallery_search(g, &q, found, &found_count), -ECANCELED);
	cancel = false;
	ck_assert_int_eq(gallery_search(g, &q, found, &found_count), 0);
	gallery_free(g);
}
END_TEST

START_TEST(empty_gallery_answers_with_nobody)
{
	struct gallery *g = empty(0);

	ck_assert_ptr_nonnull(g);
	touch(1, 0);
	ck_assert_int_eq(search(g, NULL, 0), 0);
	ck_assert_uint_eq(found_count, 0);
	pack(1);
	ck_assert_int_eq(put(g, 1, 1), -ENOSPC);
	ck_assert_ptr_null(gallery_free(g));
	ck_assert_ptr_null(gallery_free(NULL));
}
END_TEST

/* From an empty drawer: the keys are 1, 2, ... */
static struct gallery *
filled_anew(uint64_t max, uint32_t subjects)
{
	drawer = drawer_free(drawer);
	return filled(max, subjects);
}

START_TEST(what_the_source_does_not_have_is_passed_over)
{
	struct gallery *g = filled_anew(10, 3);
	struct ulid named = subject(1);

	touch(seed_of(1, 1), 0);
	ck_assert_int_eq(search(g, NULL, 0), 0);
	ck_assert(found_count > 0 && ulid_eq(found[0].subject, subject(1)));
	drawer_take(drawer, 3);
	ck_assert_int_eq(search(g, NULL, 0), 0);
	ck_assert(found_count == 0 || !ulid_eq(found[0].subject, subject(1)) ||
		  found[0].finger == 2);
	ck_assert_int_eq(search(g, &named, 1), 0);
	ck_assert_uint_eq(gallery_stats(g).lost, 0); /* no more, and no damage */
	gallery_free(g);
}
END_TEST

START_TEST(what_the_source_has_spoiled_is_counted)
{
	struct gallery *g = filled_anew(10, 3);
	const uint8_t junk[] = { 1, 2, 3 };

	drawer_spoil(drawer, 3, junk, sizeof(junk));
	touch(seed_of(1, 1), 0);
	ck_assert_int_eq(search(g, NULL, 0), 0);
	for (size_t i = 0; i < found_count; i++)
		ck_assert(!ulid_eq(found[i].subject, subject(1)) || found[i].finger == 2);
	ck_assert_uint_eq(gallery_stats(g).lost, 1);
	gallery_free(g);
}
END_TEST

/* What a claim compares is what the source says, be it in the gallery or not. */
static int
list_subject_5(void *ctx, struct ulid who,
	       struct gallery_name ret_names[GALLERY_FINGERS_MAX])
{
	(void)ctx;
	if (ulid_eq(who, subject(6)))
		return -EIO;
	if (!ulid_eq(who, subject(5)))
		return 0;
	for (uint32_t finger = 1; finger <= 2; finger++)
		ret_names[finger - 1] =
			(struct gallery_name){ who, finger, 5 * 2 + finger };
	return 2;
}

START_TEST(who_is_named_is_sought_in_the_source)
{
	struct gallery *all = filled_anew(20, 6), *few;
	struct gallery_source source = *drawer_source(drawer);
	struct ulid named[3] = { subject(4), subject(5), subject(6) };

	source.list = list_subject_5;
	few = gallery_new(1, &source);
	ck_assert_ptr_nonnull(few);
	touch(seed_of(5, 2), 0);
	ck_assert_int_eq(search(few, NULL, 0), 0);
	ck_assert_uint_eq(found_count, 0);
	ck_assert_int_eq(search(few, named, 2), 0);
	ck_assert(found_count > 0 && ulid_eq(found[0].subject, subject(5)));
	ck_assert_uint_eq(found[0].finger, 2);
	ck_assert_int_eq(search(few, named, 3), 0); /* one that cannot be listed */
	ck_assert(found_count > 0 && ulid_eq(found[0].subject, subject(5)));
	ck_assert_uint_eq(gallery_stats(few).lost, 1);
	gallery_free(few);
	gallery_free(all);
}
END_TEST

START_TEST(each_reference_of_the_named_is_a_candidate_where_that_is_wanted)
{
	struct gallery *g = filled(20, 6);
	struct ulid named[2] = { subject(2), subject(3) };
	struct gallery_query q = {
		.probe = &probe, .subjects = named, .subjects_count = 2, .each = true
	};
	unsigned seen = 0;

	touch(seed_of(3, 2), 0);
	ck_assert_int_eq(gallery_search(g, &q, found, &found_count), 0);
	ck_assert_uint_eq(found_count, 4);
	ck_assert(ulid_eq(found[0].subject, subject(3)) && found[0].finger == 2);
	for (size_t i = 0; i < found_count; i++) {
		ck_assert(i == 0 || found[i].score <= found[i - 1].score);
		seen |= 1u << (2 * ulid_eq(found[i].subject, subject(3)) +
			       found[i].finger - 1);
	}
	ck_assert_uint_eq(seen, 0xf);
	q.subjects = NULL; /* of everybody there is one a subject */
	ck_assert_int_eq(gallery_search(g, &q, found, &found_count), 0);
	for (size_t i = 1; i < found_count; i++)
		ck_assert(!ulid_eq(found[i].subject, found[0].subject));
	gallery_free(g);
}
END_TEST

/* A source that wants the search to end, and counts how often it is asked nevertheless. */
static atomic_bool cancel_now;
static atomic_uint asked;

static int
fetch_and_cancel(void *ctx, unsigned worker, const struct gallery_name *name,
		 uint8_t buf[REFERENCE_BYTES_MAX], size_t *ret_bytes)
{
	const struct gallery_source *s = drawer_source(drawer);

	(void)ctx;
	atomic_store(&cancel_now, true);
	atomic_fetch_add(&asked, 1);
	return s->fetch(s->ctx, worker, name, buf, ret_bytes);
}

START_TEST(a_cancelled_search_looks_at_no_more_of_its_short_list)
{
	static const uint32_t sizes[] = { 40, 300 }; /* without a scan, and after one */

	for (size_t i = 0; i < 2; i++) {
		struct gallery_source source = { fetch_and_cancel, NULL, NULL };
		struct gallery_query q = { .probe = &probe, .cancel = &cancel_now };
		struct gallery *g;

		drawer = drawer_free(drawer);
		drawer = drawer_new();
		g = gallery_new(1000, &source);
		for (uint32_t n = 0; n < sizes[i]; n++)
			add(g, n, 1);
		atomic_store(&cancel_now, false);
		atomic_store(&asked, 0);
		touch(seed_of(1, 1), 0);
		ck_assert_int_eq(gallery_search(g, &q, found, &found_count), -ECANCELED);
		ck_assert_uint_ge(asked, 1);
		ck_assert_uint_le(asked, 2); /* the other worker was at one already */
		gallery_free(g);
	}
}
END_TEST

/* What the workers hand in: the names from first to last, every other one by each. */
struct crowd {
	uint32_t first, last;
	uint64_t key_offset;
};

static void
hand_in(void *ctx, unsigned worker, struct gallery_intake *in)
{
	const struct crowd *c = ctx;

	for (uint32_t n = c->first + worker; n <= c->last; n += 2) {
		struct gallery_name name = { subject(n), 1, c->key_offset + n };

		name.finger = 300;
		ck_assert_int_eq(gallery_stage(in, &name, packed, packed_bytes),
				 -EBADMSG);
		name.finger = 1;
		ck_assert_int_eq(gallery_stage(in, &name, packed, 3), -EBADMSG);
		ck_assert_int_eq(gallery_stage(in, &name, packed, packed_bytes), 0);
		ck_assert_int_lt(gallery_stage(in, &name, packed, packed_bytes), 0);
	}
}

START_TEST(many_at_once_are_taken_in_by_key)
{
	struct crowd c = { 1, 2 * GALLERY_INTAKE_MAX, 1000 };
	struct gallery *g = empty(1500);
	uint64_t key = 0;

	pack(seed_of(1, 1));
	ck_assert_int_eq(gallery_take_in(g, hand_in, &c, &key), 0);
	ck_assert_uint_eq(gallery_stats(g).references, 2 * GALLERY_INTAKE_MAX);
	c.key_offset = 5; /* older than what is there: left as it is */
	ck_assert_int_eq(gallery_take_in(g, hand_in, &c, &key), 0);
	ck_assert_uint_eq(gallery_stats(g).references, 2 * GALLERY_INTAKE_MAX);
	ck_assert_uint_eq(key, 0);
	c = (struct crowd){ 2000, 2000 + 2 * GALLERY_INTAKE_MAX - 1, 0 };
	ck_assert_int_eq(gallery_take_in(g, hand_in, &c, &key), -ENOSPC);
	ck_assert_uint_eq(gallery_stats(g).references, 1500);
	ck_assert_uint_eq(key, 2000 + 1500 - 2 * GALLERY_INTAKE_MAX);
	for (uint32_t n = 2000; n < key; n++)
		ck_assert_uint_eq(gallery_remove(g, subject(n)), 1);
	ck_assert_uint_eq(gallery_remove(g, subject((uint32_t)key)), 0);
	gallery_taken_in(g);
	gallery_free(g);
}
END_TEST

static atomic_bool watch;

static void *
watch_stats(void *arg)
{
	const struct gallery *g = arg;
	uint64_t most = 0;

	while (atomic_load(&watch)) {
		struct gallery_stats s = gallery_stats(g);

		most = s.references > most ? s.references : most;
	}
	return most <= 60 ? arg : NULL;
}

START_TEST(stats_may_be_asked_by_another_thread)
{
	struct gallery *g = empty(100);
	pthread_t thread;
	void *rc = NULL;

	atomic_store(&watch, true);
	ck_assert_int_eq(pthread_create(&thread, NULL, watch_stats, g), 0);
	for (uint32_t n = 0; n < 30; n++) {
		add(g, n, 1);
		add(g, n, 2);
		touch(seed_of(n, 1), 0);
		ck_assert_int_eq(search(g, NULL, 0), 0);
		if (n % 3 == 0)
			ck_assert_uint_eq(gallery_remove(g, subject(n)), 2);
	}
	atomic_store(&watch, false);
	ck_assert_int_eq(pthread_join(thread, &rc), 0);
	ck_assert_ptr_eq(rc, g);
	gallery_free(g);
}
END_TEST

START_TEST(memory_is_told_and_given_back)
{
	struct gallery *g = empty(100000);
	struct crowd c = { 1, 500, 0 };
	uint64_t before = gallery_stats(g).bytes, during, key;

	pack(seed_of(1, 1));
	ck_assert_int_eq(gallery_take_in(g, hand_in, &c, &key), 0);
	during = gallery_stats(g).bytes;
	gallery_taken_in(g);
	ck_assert_uint_gt(during, gallery_stats(g).bytes);
	ck_assert_uint_gt(gallery_stats(g).bytes, before);
	ck_assert_uint_ge(gallery_room(UINT64_C(1200) * 1000000), 1000000);
	gallery_free(g);
}
END_TEST

UNIT_MAIN("gallery", search_finds_the_mate_among_many,
	  stranger_is_found_with_low_scores_only,
	  each_subject_is_named_once_with_its_best_finger,
	  result_does_not_depend_on_the_order_of_adding,
	  ties_at_the_end_of_the_short_list_go_by_name,
	  a_sparse_reference_is_ranked_among_sparse_ones_only,
	  only_named_subjects_are_compared, a_thousand_named_subjects_are_all_compared,
	  removed_subjects_are_not_found_and_the_others_are,
	  same_tag_replaces_the_reference, full_gallery_refuses_more_but_replaces,
	  malformed_reference_changes_nothing, probe_without_minutiae_is_no_data,
	  cancelled_search_says_so, empty_gallery_answers_with_nobody,
	  what_the_source_does_not_have_is_passed_over,
	  what_the_source_has_spoiled_is_counted, who_is_named_is_sought_in_the_source,
	  each_reference_of_the_named_is_a_candidate_where_that_is_wanted,
	  a_cancelled_search_looks_at_no_more_of_its_short_list,
	  many_at_once_are_taken_in_by_key, stats_may_be_asked_by_another_thread,
	  memory_is_told_and_given_back)
