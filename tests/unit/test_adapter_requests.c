#include "unit.h"

#include "adapter/host_requests.h"

#include <errno.h>

static struct host_request
request(uint8_t key, int64_t deadline_ms)
{
	struct host_request r = { .type = LANED_REQ_PAY, .deadline_ms = deadline_ms };

	memset(r.key.b, key, sizeof(r.key.b));
	return r;
}

static uint64_t
add(struct host_requests *t, uint8_t key, int64_t deadline_ms)
{
	struct host_request r = request(key, deadline_ms);
	uint64_t id = 0;

	ck_assert_int_eq(host_requests_add(t, &r, &id), 0);
	ck_assert_uint_ne(id, 0);
	return id;
}

START_TEST(a_request_is_completed_once)
{
	struct host_requests *t = host_requests_new();
	uint64_t id = add(t, 1, 100);

	ck_assert_int_eq(host_requests_complete(t, id), 0);
	ck_assert_int_eq(host_requests_complete(t, id), -EALREADY); /* on its way */
	host_requests_settle(t, id, true);
	ck_assert_int_eq(host_requests_complete(t, id), -EALREADY);
	ck_assert_int_eq(host_requests_complete(t, id + 1), -ENOENT);
	ck_assert_int_eq(host_requests_complete(t, 0), -ENOENT);
	ck_assert_uint_eq(host_requests_ignored(t), 4);
	ck_assert_uint_eq(host_requests_open(t), 0);
	host_requests_free(t);
}
END_TEST

START_TEST(an_untaken_completion_opens_the_request_again)
{
	struct host_requests *t = host_requests_new();
	uint64_t id = add(t, 1, 100);

	ck_assert_int_eq(host_requests_complete(t, id), 0);
	ck_assert_int_eq(host_requests_deadline(t), INT64_MAX);
	host_requests_settle(t, id, false);
	ck_assert_int_eq(host_requests_deadline(t), 100);
	ck_assert_int_eq(host_requests_complete(t, id), 0);
	ck_assert_uint_eq(host_requests_ignored(t), 0);
	host_requests_free(t);
}
END_TEST

START_TEST(what_the_host_ended_is_answered_late_and_never_ignored)
{
	struct host_requests *t = host_requests_new();
	uint64_t id = add(t, 1, 100);
	struct host_request *r;

	ck_assert_ptr_null(host_requests_expired(t, 99));
	r = host_requests_expired(t, 100);
	ck_assert_ptr_nonnull(r);
	ck_assert_int_eq(host_requests_complete(t, id), 0);
	r->by_host = true;
	ck_assert_ptr_null(host_requests_expired(t, 200));
	ck_assert_int_eq(host_requests_complete(t, id), -ESTALE);
	host_requests_settle(t, id, true);
	ck_assert_int_eq(host_requests_complete(t, id), -ESTALE);
	ck_assert_uint_eq(host_requests_ignored(t), 0);
	host_requests_free(t);
}
END_TEST

START_TEST(a_lost_link_voids_every_request)
{
	struct host_requests *t = host_requests_new();
	uint64_t first = add(t, 1, 100), second = add(t, 2, 50);
	struct host_request r = request(1, 1);

	ck_assert_int_eq(host_requests_deadline(t), 50);
	ck_assert_int_eq(host_requests_complete(t, first), 0);
	host_requests_clear(t);
	ck_assert_uint_eq(host_requests_open(t), 0);
	ck_assert_int_eq(host_requests_deadline(t), INT64_MAX);
	host_requests_settle(t, first, true); /* an ack that came too late */
	ck_assert_int_eq(host_requests_complete(t, second), -ENOENT);
	ck_assert_ptr_null(host_requests_closed(t, &r.key));
	host_requests_free(t);
}
END_TEST

START_TEST(numbers_are_never_used_again)
{
	struct host_requests *t = host_requests_new();
	uint64_t last = 0;

	for (unsigned i = 0; i < 3 * HOST_REQUESTS_MAX; i++) {
		uint64_t id = add(t, (uint8_t)i, i);

		ck_assert_uint_gt(id, last);
		last = id;
		ck_assert_int_eq(host_requests_complete(t, id), 0);
		host_requests_settle(t, id, true);
	}
	host_requests_free(t);
}
END_TEST

START_TEST(a_full_table_refuses)
{
	struct host_requests *t = host_requests_new();
	struct host_request r = request(9, 1);
	uint64_t id = 77;

	for (unsigned i = 0; i < HOST_REQUESTS_MAX; i++)
		(void)add(t, (uint8_t)i, i); /* the numbers do not matter */
	ck_assert_int_eq(host_requests_add(t, &r, &id), -EAGAIN);
	ck_assert_uint_eq(id, 77);
	host_requests_free(t);
}
END_TEST

START_TEST(the_newest_closed_request_of_a_key_is_found)
{
	struct host_requests *t = host_requests_new();
	struct host_request r = request(1, 1);

	for (int64_t i = 0; i < 2 * (int64_t)HOST_REQUESTS_CLOSED; i++) {
		uint64_t id = add(t, (uint8_t)(1 + i % 2), i);

		ck_assert_int_eq(host_requests_complete(t, id), 0);
		host_requests_settle(t, id, true);
	}
	ck_assert_ptr_nonnull(host_requests_closed(t, &r.key));
	ck_assert_int_eq(host_requests_closed(t, &r.key)->deadline_ms,
			 2 * (int64_t)HOST_REQUESTS_CLOSED - 2);
	r = request(3, 1);
	ck_assert_ptr_null(host_requests_closed(t, &r.key));
	host_requests_free(t);
}
END_TEST

UNIT_MAIN("adapter_requests", a_request_is_completed_once,
	  an_untaken_completion_opens_the_request_again,
	  what_the_host_ended_is_answered_late_and_never_ignored,
	  a_lost_link_voids_every_request, numbers_are_never_used_again,
	  a_full_table_refuses, the_newest_closed_request_of_a_key_is_found)
