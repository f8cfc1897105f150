#include "unit.h"

#include "base/plain/arena.h"

#include <stdalign.h>
#include <stdbool.h>

static bool
all_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

START_TEST(memory_is_zeroed_aligned_and_apart)
{
	struct arena *a = arena_new(1 << 20);
	unsigned char *previous = NULL;

	ck_assert_ptr_nonnull(a);
	for (size_t bytes = 1; bytes < 300; bytes++) {
		unsigned char *p = arena_alloc(a, bytes);

		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % alignof(max_align_t), 0);
		ck_assert(all_zero(p, bytes));
		memset(p, 0xff, bytes);
		if (previous != NULL)
			ck_assert_uint_eq(previous[bytes - 2], 0xff);
		previous = p;
	}
	arena_free(a);
}
END_TEST

START_TEST(limit_is_exact_and_holds_after_refusals)
{
	struct arena *a = arena_new(10000);

	ck_assert_ptr_null(arena_alloc(a, 10001));
	ck_assert_uint_eq(arena_used(a), 0);
	ck_assert_ptr_nonnull(arena_alloc(a, 9984));
	ck_assert_uint_eq(arena_used(a), 9984);
	ck_assert_ptr_null(arena_alloc(a, 17));
	ck_assert_ptr_nonnull(arena_alloc(a, 16));
	ck_assert_ptr_null(arena_alloc(a, 1));
	ck_assert_ptr_null(arena_alloc(a, 0));
	ck_assert_uint_eq(arena_used(a), 10000);
	arena_free(a);
}
END_TEST

START_TEST(limit_zero_gives_nothing)
{
	struct arena *a = arena_new(0);

	ck_assert_ptr_null(arena_alloc(a, 1));
	ck_assert_ptr_null(arena_alloc(a, 0));
	arena_free(a);
}
END_TEST

START_TEST(zero_bytes_are_a_valid_pointer)
{
	struct arena *a = arena_new(100);

	ck_assert_ptr_nonnull(arena_alloc(a, 0));
	ck_assert_ptr_nonnull(arena_array(a, 0, 8));
	arena_free(a);
}
END_TEST

START_TEST(huge_sizes_and_products_are_refused)
{
	struct arena *a = arena_new(SIZE_MAX);

	ck_assert_ptr_null(arena_alloc(a, SIZE_MAX));
	ck_assert_ptr_null(arena_alloc(a, SIZE_MAX - 8));
	ck_assert_ptr_null(arena_array(a, SIZE_MAX / 2, 3));
	ck_assert_ptr_null(arena_array(a, 3, SIZE_MAX / 2));
	ck_assert_ptr_null(arena_strndup(a, "x", SIZE_MAX));
	ck_assert_uint_eq(arena_used(a), 0);
	arena_free(a);
}
END_TEST

START_TEST(strndup_copies_bytes_and_terminates)
{
	struct arena *a = arena_new(100);
	char *s = arena_strndup(a, "ab\0cd", 5);

	ck_assert_mem_eq(s, "ab\0cd", 6);
	ck_assert_str_eq(arena_strndup(a, NULL, 0), "");
	arena_free(a);
}
END_TEST

START_TEST(reset_gives_zeroed_memory_and_the_whole_limit_again)
{
	struct arena *a = arena_new(200000);

	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 20; i++) {
			unsigned char *p = arena_alloc(a, 10000);

			ck_assert_ptr_nonnull(p);
			ck_assert(all_zero(p, 10000));
			memset(p, 0xa5, 10000);
		}
		ck_assert_ptr_null(arena_alloc(a, 1));
		arena_reset(a);
		ck_assert_uint_eq(arena_used(a), 0);
	}
	ck_assert_ptr_null(arena_free(a));
	ck_assert_ptr_null(arena_free(NULL));
}
END_TEST

START_TEST(a_reserve_is_no_use_and_stays_through_a_reset)
{
	struct arena *a = arena_new(20000);
	unsigned char *p, *again;

	ck_assert(!arena_reserve(a, 20001));
	ck_assert(arena_reserve(a, 16000));
	ck_assert_uint_eq(arena_used(a), 0);
	p = arena_alloc(a, 15000);
	memset(p, 0xa5, 15000);
	ck_assert_ptr_nonnull(arena_alloc(a, 4000)); /* beyond it, within the limit */
	ck_assert_ptr_null(arena_alloc(a, 2000));
	arena_reset(a);
	again = arena_alloc(a, 15000);
	ck_assert_ptr_eq(again, p);
	ck_assert(all_zero(again, 15000));
	arena_free(a);
}
END_TEST

UNIT_MAIN("arena", memory_is_zeroed_aligned_and_apart,
	  limit_is_exact_and_holds_after_refusals, limit_zero_gives_nothing,
	  zero_bytes_are_a_valid_pointer, huge_sizes_and_products_are_refused,
	  strndup_copies_bytes_and_terminates,
	  reset_gives_zeroed_memory_and_the_whole_limit_again,
	  a_reserve_is_no_use_and_stays_through_a_reset)
