/* The host in virtual time: it must answer a plug-in as the real one does. */
#include "unit.h"

#include "adapter/vhost.h"

#include <errno.h>

static const struct laned_option rows[] = {
	{ sizeof(struct laned_option), LANED_OPT_DIR, "in", NULL, NULL, "In.", 1, 4000 },
	{ sizeof(struct laned_option), LANED_OPT_DURATION, "wait", "10s", NULL, "Wait.",
	  1000, 60000 },
	{ sizeof(struct laned_option), LANED_OPT_ENUM, "mode", "a", "a|b", "Mode.", 0,
	  0 },
	{ sizeof(struct laned_option), LANED_OPT_INT, "count", NULL, NULL, "Count.", 3,
	  9 },
};
static const struct laned_adapter table = {
	.size = sizeof(table), .name = "test", .options = rows, .options_count = 4
};

static struct vhost *host;
static const struct laned_host_api *api;
static struct laned_host *h;
static char order[64];
static const char *refuse;

static int
on_called(void *ctx, const char *function)
{
	(void)ctx;
	return refuse != NULL && strcmp(function, refuse) == 0 ? LANED_IO : LANED_OK;
}

static void
setup(void)
{
	const struct vhost_hooks hooks = { .called = on_called };

	refuse = NULL;
	order[0] = '\0';
	ck_assert_int_eq(vhost_new(&table, 7, &hooks, &host), 0);
	api = vhost_api();
	h = vhost_handle(host);
}

static void
teardown(void)
{
	host = vhost_free(host);
}

static void
note(const char *letter)
{
	ck_assert_uint_lt(strlen(order), sizeof(order) - 1);
	(void)snprintf(order + strlen(order), 2, "%s", letter);
}

static void
on_timer(void *user)
{
	note(user);
}

static void
on_ack(void *user, int status)
{
	ck_assert_int_eq(status, LANED_AGAIN);
	note(user);
}

static struct laned_str
text_of(const char *text)
{
	return (struct laned_str){ text, strlen(text) };
}

START_TEST(what_is_due_happens_in_order_and_time_stands_still_otherwise)
{
	char a[] = "a", b[] = "b", c[] = "c", d[] = "d", in[] = "i";
	uint64_t timer, gone;
	int64_t start = vhost_now(host);

	ck_assert_int_eq(api->timer_set(h, 20, on_timer, b, &timer), LANED_OK);
	ck_assert_int_eq(api->timer_set(h, 20, on_timer, c, &gone), LANED_OK);
	ck_assert_int_eq(api->timer_set(h, 10, on_timer, a, &timer), LANED_OK);
	ck_assert_int_eq(api->timer_set(h, 20, on_timer, d, &timer), LANED_OK);
	ck_assert_int_eq(api->dir_watch(h, "in", 0, on_timer, in), LANED_OK);
	api->timer_cancel(h, gone);
	ck_assert_int_eq(vhost_due(host), start + 10);
	ck_assert(vhost_run(host, start + 9, 10));
	ck_assert_str_eq(order, "");
	ck_assert_int_eq(vhost_put(host, "in", "x", STR("1")), 0);
	ck_assert_int_eq(vhost_defer(host, on_ack, b, LANED_AGAIN), 0);
	ck_assert(vhost_run(host, start + 20, 10));
	ck_assert_str_eq(order, "biabd");
	ck_assert_int_eq(vhost_now(host), start + 20);
	ck_assert_int_eq(api->mono_ms(h), start + 20);
	ck_assert_int_eq(vhost_due(host), VHOST_NEVER);
	ck_assert_uint_eq(vhost_timers(host), 0);
}
END_TEST

START_TEST(options_are_checked_by_their_row)
{
	struct laned_str word;
	int64_t n;

	ck_assert_int_eq(api->option_int(h, "wait", &n), LANED_OK);
	ck_assert_int_eq(n, 10000);
	ck_assert_int_eq(api->option_int(h, "count", &n), LANED_OK);
	ck_assert_int_eq(n, 3);
	ck_assert_int_eq(api->option_int(h, "mode", &n), LANED_INVALID);
	ck_assert_int_eq(api->option_int(h, "none", &n), LANED_MISSING);
	ck_assert_int_eq(vhost_set_option(host, "mode", "b"), 0);
	ck_assert_int_eq(vhost_set_option(host, "mode", "c"), -EINVAL);
	ck_assert_int_eq(vhost_set_option(host, "count", "10"), -EINVAL);
	ck_assert_int_eq(vhost_set_option(host, "none", "1"), -ENOENT);
	ck_assert_int_eq(api->option_str(h, "mode", &word), LANED_OK);
	ck_assert_uint_eq(word.n, 1);
	ck_assert_int_eq(word.p[0], 'b');
}
END_TEST

START_TEST(folders_answer_as_the_real_host_s)
{
	struct laned_file f = { .size = sizeof(f) };
	uint64_t version;

	ck_assert_int_eq(api->dir_put(h, "in", text_of("A.json"), text_of("one")),
			 LANED_OK);
	ck_assert_int_eq(api->dir_put(h, "in", text_of(".A"), text_of("")),
			 LANED_INVALID);
	ck_assert_int_eq(api->dir_put(h, "in", text_of("a/b"), text_of("")),
			 LANED_INVALID);
	ck_assert_int_eq(api->dir_put(h, "wait", text_of("a"), text_of("")),
			 LANED_INVALID);
	ck_assert_int_eq(api->dir_read(h, "in", text_of("a.JSON"), &f), LANED_OK);
	ck_assert_str_eq(f.data, "one");
	version = f.version;
	api->free(h, f.data);
	ck_assert_int_eq(vhost_put(host, "in", "A.json", STR("two")), 0);
	ck_assert_int_eq(api->dir_remove(h, "in", text_of("A.json"), version),
			 LANED_AGAIN);
	ck_assert_int_eq(api->dir_set_aside(h, "in", text_of("A.json"), 0), LANED_OK);
	ck_assert_uint_eq(vhost_aside(host), 1);
	ck_assert_ptr_null(vhost_find(host, "in", "A.json"));
	ck_assert_int_eq(api->dir_remove(h, "in", text_of("A.json"), 0), LANED_MISSING);
}
END_TEST

START_TEST(files_outlive_their_host_and_memory_does_not)
{
	struct vhost *next;
	void *p = api->alloc(h, 100);

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(vhost_allocated(host), 100);
	ck_assert_int_eq(vhost_put(host, "in", "x", STR("1")), 0);
	ck_assert_int_eq(vhost_new(&table, 8, NULL, &next), 0);
	vhost_take_files(next, host);
	ck_assert_ptr_null(vhost_find(host, "in", "x"));
	ck_assert_ptr_nonnull(vhost_find(next, "in", "x"));
	ck_assert_uint_eq(vhost_allocated(next), 0);
	vhost_free(next);
}
END_TEST

START_TEST(a_call_that_the_hook_refuses_does_nothing)
{
	uint64_t timer;

	refuse = "dir_put";
	ck_assert_int_eq(api->dir_put(h, "in", text_of("x"), text_of("")), LANED_IO);
	ck_assert_ptr_null(vhost_find(host, "in", "x"));
	refuse = "alloc";
	ck_assert_ptr_null(api->alloc(h, 1));
	refuse = "timer_set";
	ck_assert_int_eq(api->timer_set(h, 1, on_timer, NULL, &timer), LANED_IO);
	ck_assert_uint_eq(vhost_timers(host), 0);
}
END_TEST

START_TEST(without_laned_nothing_is_durable)
{
	const struct laned_key key = { { 1 } };
	struct laned_event wanted = { .size = sizeof(wanted),
				      .type = LANED_EV_TENDER_WANTED };
	struct laned_result r = { .size = sizeof(r), .outcome = LANED_OUT_UNKNOWN };

	ck_assert_int_eq(api->journal(h, 1, &key, LANED_J_SENDING, text_of("")),
			 LANED_NOT_DURABLE);
	ck_assert_int_eq(api->event(h, &wanted), LANED_NOT_DURABLE);
	ck_assert_int_eq(api->complete(h, &r, NULL, NULL), LANED_GONE);
	ck_assert_int_eq(api->guard(h, text_of("4111 1111 1111 1111")), LANED_PAN);
	ck_assert_uint_eq(vhost_pans_refused(host), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vhost");
	TCase *tc = tcase_create("vhost");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_due_happens_in_order_and_time_stands_still_otherwise);
	tcase_add_test(tc, options_are_checked_by_their_row);
	tcase_add_test(tc, folders_answer_as_the_real_host_s);
	tcase_add_test(tc, files_outlive_their_host_and_memory_does_not);
	tcase_add_test(tc, a_call_that_the_hook_refuses_does_nothing);
	tcase_add_test(tc, without_laned_nothing_is_durable);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
