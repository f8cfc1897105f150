#include "unit.h"

#include "bio/gallery/gallery.h"
#include "bio/gallery/reference.h"
#include "synth/synth.h"

#include <errno.h>

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

static void
add(struct gallery *g, uint32_t n, uint32_t finger)
{
	pack(seed_of(n, finger));
	ck_assert_int_eq(gallery_add(g, subject(n), finger, packed, packed_bytes), 0);
}

static struct gallery *
filled(uint64_t max, uint32_t subjects)
{
	struct gallery *g = gallery_new(max);

	ck_assert_ptr_nonnull(g);
	for (uint32_t n = 0; n < subjects; n++) {
		add(g, n, 1);
		add(g, n, 2);
	}
	return g;
}

static int
search(struct gallery *g, const struct ulid *subjects, size_t count)
{
	struct gallery_query q = { &probe, subjects, count, NULL };

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
	struct gallery *g = gallery_new(10);

	ck_assert_ptr_nonnull(g);
	pack(seed_of(1, 1));
	for (uint32_t finger = 1; finger <= 5; finger++)
		ck_assert_int_eq(gallery_add(g, subject(1), finger, packed, packed_bytes),
				 0);
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
	struct gallery *g = filled(700, 300), *h = gallery_new(700);
	struct gallery_candidate before[GALLERY_CANDIDATES_MAX];
	size_t count;

	ck_assert_ptr_nonnull(h);
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
	struct gallery *g = gallery_new(SUBJECTS);

	ck_assert_ptr_nonnull(g);
	pack(seed_of(1, 1));
	for (uint32_t i = 0; i < SUBJECTS; i++)
		ck_assert_int_eq(gallery_add(g, subject(i * STEP % SUBJECTS), 1, packed,
					     packed_bytes),
				 0);
	touch(seed_of(1, 1), 1);
	ck_assert_int_eq(search(g, NULL, 0), 0);
	ck_assert_uint_eq(found_count, GALLERY_CANDIDATES_MAX);
	for (uint32_t i = 0; i < GALLERY_CANDIDATES_MAX; i++)
		ck_assert(ulid_eq(found[i].subject, subject(i)));
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
	ck_assert_int_eq(gallery_add(g, subject(0), 1, packed, packed_bytes), 0);
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
	ck_assert_int_eq(gallery_add(g, subject(9), 1, packed, packed_bytes), -ENOSPC);
	ck_assert_int_eq(gallery_add(g, subject(1), 2, packed, packed_bytes), 0);
	ck_assert_uint_eq(gallery_stats(g).references, 4);
	ck_assert_uint_eq(gallery_stats(g).subjects, 2);
	gallery_free(g);
}
END_TEST

START_TEST(malformed_reference_changes_nothing)
{
	struct gallery *g = filled(10, 1);

	pack(seed_of(1, 1));
	ck_assert_int_eq(gallery_add(g, subject(1), 1, packed, packed_bytes - 1),
			 -EBADMSG);
	packed[0] = REFERENCE_VERSION + 1;
	ck_assert_int_eq(gallery_add(g, subject(1), 1, packed, packed_bytes), -ENOTSUP);
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
	struct gallery_query q = { &probe, NULL, 0, &cancel };

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
	struct gallery *g = gallery_new(0);

	ck_assert_ptr_nonnull(g);
	touch(1, 0);
	ck_assert_int_eq(search(g, NULL, 0), 0);
	ck_assert_uint_eq(found_count, 0);
	pack(1);
	ck_assert_int_eq(gallery_add(g, subject(1), 1, packed, packed_bytes), -ENOSPC);
	ck_assert_ptr_null(gallery_free(g));
	ck_assert_ptr_null(gallery_free(NULL));
}
END_TEST

UNIT_MAIN("gallery", search_finds_the_mate_among_many,
	  stranger_is_found_with_low_scores_only,
	  each_subject_is_named_once_with_its_best_finger,
	  result_does_not_depend_on_the_order_of_adding,
	  ties_at_the_end_of_the_short_list_go_by_name, only_named_subjects_are_compared,
	  a_thousand_named_subjects_are_all_compared,
	  removed_subjects_are_not_found_and_the_others_are,
	  same_tag_replaces_the_reference, full_gallery_refuses_more_but_replaces,
	  malformed_reference_changes_nothing, probe_without_minutiae_is_no_data,
	  cancelled_search_says_so, empty_gallery_answers_with_nobody)
