/* How much a plug-in may ask for. */
#include "unit.h"

#include "adapter/host_limits.h"

/* As many as are taken at one moment. */
static unsigned
take_all(struct host_limits *l, enum host_limit kind, int64_t now_ms)
{
	unsigned n = 0;

	while (host_limits_take(l, kind, 1, now_ms) == HOST_LIMITS_TAKEN)
		ck_assert_uint_lt(n++, 100000);
	return n;
}

START_TEST(a_burst_passes_and_then_so_many_a_second)
{
	for (unsigned kind = 0; kind < HOST_LIMITS; kind++) {
		struct host_limits l = { .list = { { 0 } } };
		unsigned burst = take_all(&l, kind, 5), second;

		ck_assert_uint_ge(burst, 200);
		ck_assert_uint_eq(take_all(&l, kind, 5), 0);
		second = take_all(&l, kind, 1005);
		ck_assert_uint_ge(second, 20);
		ck_assert_uint_lt(second, burst);
		ck_assert_uint_eq(take_all(&l, kind, INT64_C(1) << 40), burst);
	}
}
END_TEST

START_TEST(a_flood_is_told_once_and_counted)
{
	struct host_limits l = { .list = { { 0 } } };
	unsigned begins = 0;

	for (int64_t ms = 0; ms < 120000; ms++)
		for (unsigned i = 0; i < 3; i++)
			if (host_limits_take(&l, HOST_LIMIT_LOG, 1, ms) ==
			    HOST_LIMITS_BEGINS)
				begins++;
	ck_assert_uint_eq(begins, 1);
	ck_assert_uint_gt(host_limits_refused(&l, HOST_LIMIT_LOG), 300000);
	ck_assert_uint_eq(host_limits_refused_all(&l),
			  host_limits_refused(&l, HOST_LIMIT_LOG));
	(void)take_all(&l, HOST_LIMIT_LOG, 600000);
	ck_assert_int_eq(host_limits_take(&l, HOST_LIMIT_LOG, 1, 600000),
			 HOST_LIMITS_REFUSED);
}
END_TEST

START_TEST(one_kind_does_not_use_up_another)
{
	struct host_limits l = { .list = { { 0 } } };

	(void)take_all(&l, HOST_LIMIT_EVENT, 0);
	ck_assert_int_eq(host_limits_take(&l, HOST_LIMIT_POS, 1, 0), HOST_LIMITS_TAKEN);
}
END_TEST

START_TEST(what_is_longer_than_the_bucket_passes_when_it_is_full)
{
	struct host_limits l = { .list = { { 0 } } };

	ck_assert_int_eq(host_limits_take(&l, HOST_LIMIT_POS, UINT32_MAX, 0),
			 HOST_LIMITS_TAKEN);
	ck_assert_int_eq(host_limits_take(&l, HOST_LIMIT_POS, 1, 0), HOST_LIMITS_BEGINS);
}
END_TEST

START_TEST(time_that_goes_back_gives_nothing)
{
	struct host_limits l = { .list = { { 0 } } };

	(void)take_all(&l, HOST_LIMIT_POS, 100000);
	ck_assert_uint_eq(take_all(&l, HOST_LIMIT_POS, 0), 0);
}
END_TEST

UNIT_MAIN("host_limits", a_burst_passes_and_then_so_many_a_second,
	  a_flood_is_told_once_and_counted, one_kind_does_not_use_up_another,
	  what_is_longer_than_the_bucket_passes_when_it_is_full,
	  time_that_goes_back_gives_nothing)
