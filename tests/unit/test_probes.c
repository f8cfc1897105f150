#include "bio/probes.h"

#include "unit.h"

static struct ulid
id_of(unsigned n)
{
	return (struct ulid){ { 1, (uint8_t)(n >> 8), (uint8_t)n } };
}

START_TEST(a_probe_is_found_until_it_is_too_old)
{
	static const struct {
		int64_t age_ms;
		bool found;
	} rows[] = { { 0, true },
		     { PROBE_KEEP_MS - 1, true },
		     { PROBE_KEEP_MS, false },
		     { PROBE_KEEP_MS * 10, false } };
	struct probes *p = probes_new();

	ck_assert_ptr_nonnull(p);
	probes_put(p, id_of(1), 1000)->quality = 77;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct finger_features *f =
			probes_find(p, id_of(1), 1000 + rows[i].age_ms);

		ck_assert_int_eq(f != NULL, rows[i].found);
		if (f != NULL)
			ck_assert_uint_eq(f->quality, 77);
	}
	ck_assert_ptr_null(probes_find(p, id_of(2), 1000));
	probes_free(p);
}
END_TEST

START_TEST(the_oldest_gives_way)
{
	struct probes *p = probes_new();

	for (unsigned i = 0; i < PROBES_MAX * 3; i++) {
		struct finger_features *f = probes_put(p, id_of(i), 100 + i);

		ck_assert_uint_eq(f->count, 0);
		ck_assert_uint_eq(f->quality, 0); /* nothing of who was there before */
		memset(f, 0xff, sizeof(*f));
	}
	for (unsigned i = 0; i < PROBES_MAX * 3; i++)
		ck_assert_int_eq(probes_find(p, id_of(i), 200) != NULL,
				 i >= PROBES_MAX * 2);
	probes_free(p);
}
END_TEST

START_TEST(dropped_and_expired_probes_are_zeroed)
{
	static const struct finger_features zero;
	struct probes *p = probes_new();
	struct finger_features *a = probes_put(p, id_of(1), 0);
	struct finger_features *b = probes_put(p, id_of(2), 10);

	memset(a, 0xaa, sizeof(*a));
	memset(b, 0xbb, sizeof(*b));
	probes_drop(p, id_of(1));
	probes_drop(p, id_of(9)); /* nobody: fine */
	ck_assert_int_eq(memcmp(a, &zero, sizeof(zero)), 0);
	ck_assert_int_eq(probes_expire(p, 10 + PROBE_KEEP_MS - 1), 1);
	ck_assert_int_ne(memcmp(b, &zero, sizeof(zero)), 0);
	ck_assert_int_eq(probes_expire(p, 10 + PROBE_KEEP_MS), -1);
	ck_assert_int_eq(memcmp(b, &zero, sizeof(zero)), 0);
	probes_free(p);
}
END_TEST

START_TEST(the_next_expiry_is_that_of_the_oldest)
{
	struct probes *p = probes_new();

	ck_assert_int_eq(probes_expire(p, 0), -1);
	(void)probes_put(p, id_of(1), 500); /* only its age matters */
	(void)probes_put(p, id_of(2), 100);
	(void)probes_put(p, id_of(3), 900);
	ck_assert_int_eq(probes_expire(p, 1000), 100 + PROBE_KEEP_MS - 1000);
	ck_assert_int_eq(probes_expire(p, 100 + PROBE_KEEP_MS), 400);
	ck_assert_int_eq(probes_expire(p, 900 + PROBE_KEEP_MS), -1);
	ck_assert_ptr_null(probes_free(p));
	ck_assert_ptr_null(probes_free(NULL));
}
END_TEST

START_TEST(who_was_near_is_kept_with_the_touch)
{
	const struct ulid list[PROBES_NOTED_MAX] = { { { 1 } }, { { 2 } }, { { 3 } } };
	struct probes *p = probes_new();
	const struct ulid *noted;
	size_t count = 7;

	ck_assert_ptr_null(probes_noted(p, id_of(1), 0, &count));
	ck_assert_uint_eq(count, 0);
	probes_note(p, id_of(1), list, 3); /* nobody's: nothing is kept */
	ck_assert_ptr_null(probes_noted(p, id_of(1), 0, &count));
	(void)probes_put(p, id_of(1), 0);
	(void)probes_put(p, id_of(2), 0);
	ck_assert_ptr_null(probes_noted(p, id_of(1), 0, &count));
	probes_note(p, id_of(1), list, 3);
	noted = probes_noted(p, id_of(1), PROBE_KEEP_MS - 1, &count);
	ck_assert_ptr_nonnull(noted);
	ck_assert_uint_eq(count, 3);
	ck_assert_mem_eq(noted, list, 3 * sizeof(list[0]));
	ck_assert_ptr_null(probes_noted(p, id_of(2), 0, &count));
	ck_assert_ptr_null(probes_noted(p, id_of(1), PROBE_KEEP_MS, &count));
	ck_assert_uint_eq(count, 0);
	probes_note(p, id_of(1), list, PROBES_NOTED_MAX);
	(void)probes_noted(p, id_of(1), 0, &count);
	ck_assert_uint_eq(count, PROBES_NOTED_MAX);
	probes_drop(p, id_of(1));
	(void)probes_put(p, id_of(1), 0); /* another touch by the same name: a new one */
	ck_assert_ptr_null(probes_noted(p, id_of(1), 0, &count));
	probes_free(p);
}
END_TEST

UNIT_MAIN("probes", who_was_near_is_kept_with_the_touch,
	  a_probe_is_found_until_it_is_too_old, the_oldest_gives_way,
	  dropped_and_expired_probes_are_zeroed, the_next_expiry_is_that_of_the_oldest)
